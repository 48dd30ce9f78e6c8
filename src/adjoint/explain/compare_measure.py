"""Time and memory of a call."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from typing import Any, NamedTuple

# A clock reads at least so long for one measurement, and so many measurements are tried for the least disturbed one.
SPELL = 2e-3
TRIALS = 5


class Cost(NamedTuple):
    """What a call costs.

    Attributes
    ----------
    seconds
        Of the fastest of several measurements.
    bytes
        At most held at once by Python and NumPy, beyond what was held before.
    """

    seconds: float
    bytes: int


def cost_of(call: Callable[[], Any]) -> Cost:
    """Measure a call; it is made several times."""
    return Cost(seconds_of(call), peak_bytes(call))


def seconds_of(call: Callable[[], Any]) -> float:
    """Return the time of one call in seconds, the first call (which may have to prepare things) not counted."""
    call()
    once = _timed(call, 1)
    if once > SPELL * TRIALS * 10:
        return once
    number = max(1, int(SPELL / max(once, 1e-9)))
    return min(_timed(call, number) for _ in range(TRIALS))


def _timed(call: Callable[[], Any], number: int) -> float:
    start = time.perf_counter()
    for _ in range(number):
        call()
    return (time.perf_counter() - start) / number


def peak_bytes(call: Callable[[], Any]) -> int:
    """Return the memory that a call needs at its peak."""
    running = tracemalloc.is_tracing()
    if not running:
        tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        call()
        return max(tracemalloc.get_traced_memory()[1] - before, 0)
    finally:
        if not running:
            tracemalloc.stop()
