"""How many states a number of bytes has room for."""

from __future__ import annotations

import math
import sys

from adjoint.errors import MemoryBudgetError


def snapshots_within(budget: float, state_bytes: int, steps: int | None = None) -> int:
    """Return how many states of a loop may be kept within a budget of bytes.

    Parameters
    ----------
    budget
        Bytes for all kept states together; ``math.inf`` for as many as there are.
    state_bytes
        Bytes of one state.
    steps
        Number of steps of the loop, if it is known before the loop runs.

    Returns
    -------
    int
        At least 1.  If the states before all ``steps`` fit, just as many: all is stored, and nothing is computed again.

    Raises
    ------
    MemoryBudgetError
        Not even one state fits, and the loop has steps, or may have.
    ValueError
        The budget or the size of a state is negative or not a number.

    Notes
    -----
    The budget is for the kept states.  The loop's own working state is not counted, because the loop has it anyway, nor is what
    the reversal of a single step stores for itself.

    Examples
    --------
    >>> snapshots_within(1e6, 8_000, steps=1000), snapshots_within(1e6, 8_000, steps=50), snapshots_within(1e6, 8_000)
    (125, 50, 125)
    """
    if not (budget >= 0 and state_bytes >= 0):
        raise ValueError(f"bytes are counted from 0: a budget of {budget} and states of {state_bytes} bytes make no sense")
    if steps == 0:
        return 1
    room = sys.maxsize if state_bytes == 0 or math.isinf(budget) else int(budget // state_bytes)
    if room < 1:
        raise MemoryBudgetError(
            f"a memory budget of {budget:.15g} bytes has no room for one state of the loop, which takes {state_bytes} bytes",
            why="the way back starts from kept states, and the first of them cannot be computed from any other",
            remedy=f"allow {state_bytes} bytes or more; every further {state_bytes} bytes save evaluations of the loop's body",
        )
    return room if steps is None else min(steps, room)
