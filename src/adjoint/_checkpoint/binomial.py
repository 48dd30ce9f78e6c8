"""Binomial checkpointing: reverse ``n`` steps with room for ``c`` states, by the fewest evaluations of a step.

Source: A. Griewank and A. Walther, *Algorithm 799: revolve: an implementation of checkpointing for the reverse or adjoint mode
of computational differentiation*, ACM Transactions on Mathematical Software 26 (2000) 19-45.  The bound is older:
A. Griewank, Optimization Methods and Software 1 (1992) 35-54.

*The recurrence.*  Let ``t(l, s)`` be the fewest advances that reverse ``l`` steps from the state before them, which takes one
of ``s`` places.  Either the next snapshot lies ``p`` steps on, and the part behind it is reversed first, with one place fewer;
or no place is left, and every state is computed from the start::

    t(l, s) = min over p of  p + t(l - p, s - 1) + t(p, s),      t(l, 1) = l (l - 1) / 2,      t(1, s) = 0.

*The formula.*  ``C(s + r, s)`` is the number of steps that can be reversed when no step is evaluated more than ``r`` times.
The cost of one step more is therefore the least ``r`` with ``l <= C(s + r, s)``, the repetition number, and summing it gives::

    t(l, s) = r l - C(s + r, r - 1).

Every ``p`` attains the minimum for which both parts keep to their bounds, ``C(s + r - 2, s) <= p <= C(s + r - 1, s)`` and
``C(s + r - 2, s - 1) <= l - p <= C(s + r - 1, s - 1)``.  We take the largest.  The choices differ in how many
snapshots are taken, which costs nothing here, because a snapshot is a reference to a state that nobody changes.

*The value first.*  A pullback is called after the value is known, so all ``n`` steps run before the first is reversed.  That
costs nothing beyond the theory: handing out the final state is the reversal of a further step ``n`` that evaluates nothing.
The whole takes ``t(n + 1, c)`` advances, ``n`` of them in the sweep forward, and no order of work takes fewer.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any


def repetitions(n: int, snapshots: int) -> int:
    """Return the repetition number: how often a step has to be evaluated when ``n`` steps are reversed.

    Parameters
    ----------
    n
        Number of steps.
    snapshots
        Number of states that may be kept, the first included.

    Returns
    -------
    int
        The least ``r`` with ``n <= C(snapshots + r, snapshots)``.

    Raises
    ------
    ValueError
        There is no room for a single state.

    Notes
    -----
    Takes ``r`` additions and as many products, and ``r`` grows as ``n ** (1 / snapshots)``.

    Examples
    --------
    >>> [repetitions(n, 3) for n in (1, 4, 5, 10, 11, 20)]
    [0, 1, 2, 2, 3, 3]
    """
    if snapshots < 1:
        raise ValueError(f"a loop cannot be reversed with {snapshots} kept states: the first has to be kept")
    r, reach = 0, 1
    while reach < n:
        r += 1
        reach = reach * (snapshots + r) // r  # C(snapshots + r, r)
    return r


def minimal_steps(n: int, snapshots: int) -> int:
    """Return the fewest advances that reverse ``n`` steps whose final state nobody asks for.

    Parameters
    ----------
    n
        Number of steps.
    snapshots
        Number of states that may be kept, the first included.

    Returns
    -------
    int
        ``t(n, snapshots)``, by the closed formula.

    Raises
    ------
    ValueError
        There is no room for a single state.

    Notes
    -----
    The derivation stands at the head of the module.

    Examples
    --------
    >>> minimal_steps(10, 3), minimal_steps(10, 1), minimal_steps(10, 9)
    (15, 45, 9)
    """
    r = repetitions(n, snapshots)
    return r * n - math.comb(snapshots + r, r - 1) if r else 0


def extra_steps(n: int, snapshots: int) -> int:
    """Return the fewest advances that a reversal needs beyond the ``n`` that computed the final state.

    Parameters
    ----------
    n
        Number of steps.
    snapshots
        Number of states that may be kept, the first included.

    Returns
    -------
    int
        ``t(n + 1, snapshots) - n``; none if all ``n`` states before a step can be kept.

    Raises
    ------
    ValueError
        There is no room for a single state.

    Notes
    -----
    `forward_binomial` and `reverse_binomial` together make ``n`` advances and exactly this many more.

    Examples
    --------
    >>> [extra_steps(100, c) for c in (1, 3, 5, 10, 50, 100)]
    [4950, 397, 220, 125, 50, 0]
    """
    return minimal_steps(n + 1, snapshots) - n


def first_segment(steps: int, snapshots: int) -> int:
    """Return how many steps after the first snapshot an optimal schedule places the second one.

    Parameters
    ----------
    steps
        Number of steps to reverse, at least 2.
    snapshots
        Number of states that may be kept, the first included.

    Returns
    -------
    int
        The largest optimal distance, at least 1 and less than ``steps``.

    Notes
    -----
    ``min(C(s + r - 1, s), l - C(s + r - 2, s - 1))`` for ``l`` steps, ``s`` snapshots and repetition number ``r``.

    Examples
    --------
    >>> first_segment(10, 3), first_segment(4, 3)
    (4, 1)
    """
    r, before, reach = 0, 0, 1
    while reach < steps:
        r += 1
        before, reach = reach, reach * (snapshots + r) // r  # C(s + r - 1, s) and C(s + r, s)
    return min(before, steps - before * snapshots // (snapshots + r - 1))


def forward_binomial(
    n: int, snapshots: int, state: tuple, advance: Callable[[int, tuple], tuple]
) -> tuple[tuple, list[tuple[int, tuple]]]:
    """Run ``n`` steps and keep the states from which `reverse_binomial` starts.

    Parameters
    ----------
    n
        Number of steps.
    snapshots
        Number of states that may be kept, the first included.
    state
        The state before step 0.
    advance
        ``advance(k, state)`` runs step ``k`` and returns the next state.  It must not change its argument, which is kept by
        reference.

    Returns
    -------
    tuple
        The final state, and the kept states as a list of ``(step that comes next, state)``, first to last.

    Raises
    ------
    ValueError
        There is no room for a single state.

    Notes
    -----
    ``n`` advances.  The schedule is that of ``n + 1`` steps, the last of which hands out the final state.

    Examples
    --------
    >>> final, kept = forward_binomial(6, 3, (1.0,), lambda k, state: (2 * state[0],))
    >>> final, kept
    ((64.0,), [(0, (1.0,)), (4, (16.0,)), (5, (32.0,))])
    """
    if snapshots < 1:
        raise ValueError(f"a loop cannot be reversed with {snapshots} kept states: the first has to be kept")
    kept: list[tuple[int, tuple]] = []
    place = 0
    for k in range(n):
        if k == place:
            kept.append((k, state))
            free = snapshots - len(kept)
            place = k + first_segment(n + 1 - k, free + 1) if free else n
        state = advance(k, state)
    return state, kept


def reverse_binomial(
    n: int,
    kept: list[tuple[int, tuple]],
    snapshots: int,
    advance: Callable[[int, tuple], tuple],
    pull: Callable[[int, tuple, Any], Any],
    cotangent: Any,
    *,
    release: bool = False,
) -> Any:
    """Pull a cotangent back through ``n`` steps, from the states that a sweep forward has kept.

    Parameters
    ----------
    n
        Number of steps.
    kept
        The kept states as a list of ``(step that comes next, state)``, first to last; the first of them stands before step 0.
        Those of `forward_binomial`, of ``forward_online``, or the initial state alone.
    snapshots
        Number of states that may be kept, the first included.
    advance
        ``advance(k, state)`` runs step ``k`` and returns the next state.  It must not change its argument.
    pull
        ``pull(k, state, cotangent)`` returns the cotangent before step ``k`` from that after it; ``state`` stands before it.
    cotangent
        The cotangent of the final state.
    release
        Whether a kept state may be let go as soon as the sweep has passed it.  If so, at most ``snapshots`` states are kept at
        any time, and the first remains in ``kept``: the next reversal from it is as right, and takes more advances.  If not,
        ``kept`` does not change, so that it serves again, in several threads if need be, and up to ``snapshots - 1`` states
        come on top of it.

    Returns
    -------
    Any
        The cotangent of the state before step 0.

    Notes
    -----
    Calls ``pull`` ``n`` times, and ``advance`` ``extra_steps(n, snapshots)`` times after `forward_binomial`,
    ``minimal_steps(n, snapshots)`` times from the initial state alone.  Each gap between two kept states is reversed by the
    optimal schedule for the places that are free when its turn comes.  Besides the kept states, one working state is alive.

    Examples
    --------
    >>> step = lambda k, state: (state[0] ** 2,)
    >>> final, kept = forward_binomial(3, 2, (3.0,), step)
    >>> reverse_binomial(3, kept, 2, step, lambda k, state, ct: 2 * state[0] * ct, 1.0), 8 * 3.0**7
    (17496.0, 17496.0)
    """
    stack = kept if release else list(kept)
    for k in range(n - 1, -1, -1):
        position, state = stack[-1]
        while position < k:
            free = snapshots - len(stack)
            place = position + first_segment(k + 1 - position, free + 1) if free > 0 else k
            while position < place:
                state = advance(position, state)
                position += 1
            if position < k:
                stack.append((position, state))
        cotangent = pull(k, state, cotangent)
        if stack[-1][0] == k > 0:
            stack.pop()
    return cotangent


RUNTIME = (first_segment, forward_binomial, reverse_binomial)
"""The functions whose text a module needs that runs by itself, in order; their annotations name `Callable` and `Any`."""
