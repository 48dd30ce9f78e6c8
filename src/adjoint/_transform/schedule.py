"""What a program with a budget of memory asks when it runs: its text stands in exported modules, as that of `_checkpoint` does."""

from __future__ import annotations

from typing import Any

from adjoint._checkpoint.binomial import first_segment
from adjoint._checkpoint.budget import snapshots_within


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


RUNTIME = (next_place, steps_of, bytes_of)

__all__ = ["RUNTIME", "bytes_of", "first_segment", "next_place", "snapshots_within", "steps_of"]
