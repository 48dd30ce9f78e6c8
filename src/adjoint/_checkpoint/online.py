"""Online checkpointing: reverse a loop whose number of steps turns out when it ends, with room for ``c`` states.

Sources: Q. Wang, P. Moin and G. Iaccarino, *Minimal repetition dynamic checkpointing algorithm for unsteady adjoint
calculation*, SIAM Journal on Scientific Computing 31 (2009) 2549-2567, evaluate no step more often than the binomial schedule
would evaluate some step, whatever the number of steps turns out to be.  P. Stumm and A. Walther, *New algorithms for optimal
online checkpointing*, ibid. 32 (2010) 836-854, are optimal up to ``(c + 1) (c + 2) / 2`` steps.  The schedule here has both
properties.  It gets the first from fixed places, the *milestones*, and uses the freedom that they leave to stay close to the
optimum.  The rule and its proof are our own, and follow.

*Gaps.*  Let the kept states cut the ``n`` steps into gaps.  The gap behind the ``j``-th of them is reversed with
``s = c - j + 1`` places, because those behind it are free again by then.  If no gap is longer than ``C(s + R, s)``, no step is
evaluated more than ``R`` times on the way back, and so ``R + 1`` times in all.  With ``s = c, ..., 1`` these lengths add up to
``C(c + R + 1, c) - 1``, which is also how far the binomial schedule comes with ``R + 1`` evaluations.

*Stages and milestones.*  Stage ``R`` lasts while ``n <= C(c + R + 1, c) - 1``.  Its milestones cut that length into ``c`` gaps
of the greatest lengths, and they are never dropped once they are reached.  Stage 0 keeps every state.

*The rule.*  A state is not kept while the last gap is shorter than ``R + 1``, unless it is a milestone.  To make room, the last
state is dropped that is no milestone and leaves no gap too long.  There is one: before the first that is no milestone stand
milestones only, so the gap that opens when it is dropped has the ``s`` that the stage means for it, and ends at the next
milestone or before.  To drop a state gives each later gap one place more, so no bound is broken anywhere, and when the stage
ends its milestones are what is kept.  The next milestone of the next stage lies ahead.

*Cost.*  Each gap has a last step, which is not evaluated again, so for ``n >= c`` steps in stage ``R`` there are at most
``n + R (n - c)`` advances, and the binomial schedule makes ``t(n + 1, c) >= (n + 1) R c / (c + 1)``.  The ratio is below
``(1 + 1 / c) (1 + 1 / R)``.  In stages 0 and 1 the two are equal, because all steps but ``c`` are evaluated twice; so they are
after the first step of stage 2, ``n = (c + 1) (c + 2) / 2``, which lengthens the last gap at the price of 2 that the binomial
schedule pays, too.  What is measured (``python -m benchmarks.checkpointing``) is much closer: up to 6000 steps it stays below
1.13 for ``c = 2``, 1.10 for ``c = 3``, 1.05 for ``c = 5`` and 1.02 for ``c = 10``.
"""

from __future__ import annotations

from collections.abc import Callable, Container

from adjoint._checkpoint.binomial import extra_steps, repetitions


def most_steps(n: int, snapshots: int) -> int:
    """Return a bound on the advances that `forward_online` and the reversal from its kept states make together.

    Parameters
    ----------
    n
        Number of steps.
    snapshots
        Number of states that may be kept, the first included.

    Returns
    -------
    int
        ``n + R (n - snapshots)`` in stage ``R`` from 2, and before that the optimum.

    Raises
    ------
    ValueError
        There is no room for a single state.

    Notes
    -----
    The derivation stands at the head of the module.

    Examples
    --------
    >>> [(most_steps(n, 3), n + extra_steps(n, 3)) for n in (3, 9, 20, 100)]
    [(3, 3), (15, 15), (71, 49), (682, 497)]
    """
    stage = repetitions(n + 1, snapshots) - 1
    return n + (stage * (n - snapshots) if stage > 1 else extra_steps(n, snapshots))


def milestones_of(stage: int, snapshots: int) -> tuple[set[int], int]:
    """Return the places that a stage never gives up, and the number of steps with which it ends.

    Parameters
    ----------
    stage
        The number ``R`` of times that a step may be evaluated on the way back.
    snapshots
        Number of states that may be kept, the first included.

    Returns
    -------
    tuple
        The set of ``C(c + R + 1, c) - C(s + R + 1, s)`` for ``s = 1, ..., c``, and ``C(c + R + 1, c) - 1``.

    Notes
    -----
    From milestone ``s`` on, the stage has ``s`` places for ``C(s + R + 1, s) - 1`` steps.

    Examples
    --------
    >>> places, end = milestones_of(1, 4)
    >>> sorted(places), end
    ([0, 5, 9, 12], 14)
    """
    reach, left = 1, []
    for slots in range(1, snapshots + 1):
        reach = reach * (slots + stage + 1) // slots  # C(s + R + 1, s)
        left.append(reach)
    return {reach - steps for steps in left}, reach - 1


def drop(kept: list[tuple[int, tuple]], place: int, stage: int, milestones: Container[int]) -> None:
    """Drop one of the kept states, so that another can be kept at ``place``.

    Parameters
    ----------
    kept
        The kept states, as many as there may be.
    place
        The step before which the next state will be kept.
    stage
        The number ``R`` of times that a step may be evaluated on the way back.
    milestones
        The places that must not be given up.

    Raises
    ------
    AssertionError
        No state can be dropped, which the derivation at the head of the module excludes.

    Notes
    -----
    The last state that is no milestone and whose two gaps together are not longer than ``C(s + R, s)``.

    Examples
    --------
    >>> kept = [(0, ()), (5, ()), (9, ()), (12, ())]
    >>> drop(kept, 15, 2, {0, 15, 25, 31})
    >>> [position for position, _ in kept]
    [0, 5, 9]
    """
    longest, after = stage + 1, place
    for i in range(len(kept) - 1, 0, -1):
        slots = len(kept) - i + 1
        longest = longest * (slots + stage) // slots  # C(s + R, s)
        if kept[i][0] not in milestones and after - kept[i - 1][0] <= longest:
            del kept[i]
            return
        after = kept[i][0]
    raise AssertionError("no kept state can be dropped; please report this")


def forward_online(
    snapshots: int,
    state: tuple,
    advance: Callable[[int, tuple], tuple],
    running: Callable[[int, tuple], bool],
) -> tuple[tuple, int, list[tuple[int, tuple]]]:
    """Run a loop to its end and keep the states from which ``reverse_binomial`` starts.

    Parameters
    ----------
    snapshots
        Number of states that may be kept, the first included.
    state
        The state before step 0.
    advance
        ``advance(k, state)`` runs step ``k`` and returns the next state.  It must not change its argument, which is kept by
        reference.
    running
        ``running(k, state)`` tells whether step ``k`` is to be run.  It is asked once before each step, and once at the end.

    Returns
    -------
    tuple
        The final state, the number of steps, and the kept states as a list of ``(step that comes next, state)``, first to last.

    Raises
    ------
    ValueError
        There is no room for a single state.

    Notes
    -----
    One advance for each step.  After the first ``snapshots`` steps a state is kept every ``R + 1`` steps or less often, but for
    milestones, and making room for it looks at ``snapshots`` integers at most.

    Examples
    --------
    >>> final, steps, kept = forward_online(3, (1,), lambda k, state: (3 * state[0],), lambda k, state: state[0] < 700)
    >>> final, steps, kept
    ((729,), 6, [(0, (1,)), (1, (3,)), (4, (81,))])
    """
    if snapshots < 1:
        raise ValueError(f"a loop cannot be reversed with {snapshots} kept states: the first has to be kept")
    kept: list[tuple[int, tuple]] = []
    stage, k, end = 0, 0, snapshots
    milestones: Container[int] = range(snapshots)
    while running(k, state):
        if k == end:
            stage += 1
            milestones, end = milestones_of(stage, snapshots)
        if k in milestones or k - kept[-1][0] > stage:
            if len(kept) == snapshots:
                drop(kept, k, stage, milestones)
            kept.append((k, state))
        state = advance(k, state)
        k += 1
    return state, k, kept


RUNTIME = (milestones_of, drop, forward_online)
"""The functions whose text a module needs besides those of ``binomial.RUNTIME``; annotations name `Callable`, `Container`."""
