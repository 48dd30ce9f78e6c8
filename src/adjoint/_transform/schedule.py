"""What a program with a budget of memory asks when it runs; exported modules hold its text, as that of `_checkpoint`."""

from __future__ import annotations

import bisect
import functools
import sys
from collections.abc import Sequence
from typing import Any

from adjoint._checkpoint.binomial import first_segment
from adjoint._checkpoint.budget import snapshots_within
from adjoint._checkpoint.online import milestones_of


def next_place(position: int, end: int, snapshots: int, kept: int) -> int:
    """Return the step before which the next state is to be kept, when that before ``position`` was; ``end - 1`` if none is.

    Parameters
    ----------
    position
        The step before which a state was kept last.
    end
        The number of steps, one more if the state after them is asked for.
    snapshots
        How many states there is room for.
    kept
        How many are kept.

    Returns
    -------
    int
        The optimal place, by the binomial schedule.

    Examples
    --------
    >>> next_place(0, 7, 3, 1), next_place(4, 7, 3, 2), next_place(5, 7, 3, 3)
    (4, 5, 6)
    """
    free = snapshots - kept
    return position + first_segment(end - position, free + 1) if free > 0 else end - 1


def steps_of(start: int, stop: int, step: int) -> int:
    """Return the number of turns of a loop over a range."""
    return len(range(start, stop, step))


def bytes_of(*values: Any) -> int:
    """Return how many bytes values take; a number counts as 8.

    >>> bytes_of(1.0, [2.0, 3.0], None)
    24
    """
    return sum(bytes_of(*x) if isinstance(x, (list, tuple)) else 0 if x is None else getattr(x, "nbytes", 8) for x in values)


@functools.lru_cache(maxsize=64)
def milestones(stage: int, snapshots: int) -> tuple[list[int], int]:
    """Return the milestones of a stage of the online schedule, in order, and the step with which it ends."""
    places, end = milestones_of(stage, snapshots)
    return sorted(places), end


def stage_of(step: int, snapshots: int) -> int:
    """Return the stage of the online schedule that a step belongs to: 0 as long as every state is kept."""
    stage, reach = 0, snapshots + 1
    while step >= reach - 1:
        stage += 1
        reach = reach * (snapshots + stage + 1) // (stage + 1)  # C(snapshots + stage + 1, snapshots)
    return stage


def next_online(position: int, snapshots: int) -> int:
    """Return the step before which the next state is to be kept in a loop without known end, when that before ``position`` was.

    Parameters
    ----------
    position
        The step before which a state was kept last.
    snapshots
        How many states there is room for.

    Returns
    -------
    int
        The next milestone, or the first step that is far enough, whichever comes first.

    Examples
    --------
    >>> places = [0]
    >>> while places[-1] < 14:
    ...     places.append(next_online(places[-1], 3))
    >>> places
    [0, 1, 2, 4, 6, 7, 10, 13, 16]
    """
    if snapshots == 1:  # the first state, and never another
        return sys.maxsize
    step = position + 1
    while True:
        stage = stage_of(step, snapshots)
        if stage == 0:
            return step
        places, end = milestones(stage, snapshots)
        k = bisect.bisect_left(places, step)
        due = min([max(step, position + stage + 1), *places[k : k + 1]])
        if due < end:
            return due
        step = end


def drop_online(positions: Sequence[int], place: int, snapshots: int) -> int:
    """Return which of the kept states is to go, so that another can be kept before step ``place``.

    Parameters
    ----------
    positions
        The steps before which states are kept, as many as there is room for.
    place
        The step before which the next state will be kept.
    snapshots
        How many states there is room for.

    Returns
    -------
    int
        The number of the last state that is no milestone and leaves no gap too long.

    Raises
    ------
    AssertionError
        There is none, which the derivation in `_checkpoint.online` excludes.

    Examples
    --------
    >>> drop_online([0, 5, 9, 12], 15, 4)
    3
    """
    stage = stage_of(place, snapshots)
    fixed, _ = milestones(stage, snapshots)
    longest, after = stage + 1, place
    for i in range(len(positions) - 1, 0, -1):
        slots = len(positions) - i + 1
        longest = longest * (slots + stage) // slots  # C(slots + stage, slots)
        at = bisect.bisect_left(fixed, positions[i])
        if fixed[at : at + 1] != [positions[i]] and after - positions[i - 1] <= longest:
            return i
        after = positions[i]
    raise AssertionError("no kept state can be dropped; please report this")


RUNTIME = (next_place, steps_of, bytes_of, milestones, stage_of, next_online, drop_online)

__all__ = ["RUNTIME", "bytes_of", "drop_online", "first_segment", "next_online", "next_place", "snapshots_within", "steps_of"]
