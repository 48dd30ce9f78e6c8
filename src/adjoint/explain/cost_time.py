"""The time of programs: measured, and predicted from what was counted at prices measured on the same machine."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from adjoint.explain.cost_formulas import ALGEBRA, ARITHMETIC, FUNCTIONS, PRODUCTS, SORTING
from adjoint.explain.cost_model import CALLS, MOVES, STEPS

# Programs take turns, so many times at most, for about so many seconds.
TURNS, SECONDS = 101, 0.5
# One reading of the clock takes at least so long.
SPELL = 1e-4
# Matrices so small that a BLAS starts no threads for them.
SIDE = 32


class Times(NamedTuple):
    """Seconds of each pass."""

    measured: dict[str, float]
    predicted: dict[str, float]


def measured(calls: dict[str, Callable[[], Any]], of: Callable[[list[float]], float] = statistics.median) -> dict[str, float]:
    """Return the median time of each call; they take turns, so that what disturbs the machine disturbs all of them."""
    for call in calls.values():  # the first call may have to prepare things
        call()
    numbers = {name: max(1, round(SPELL / max(_timed(call, 1), 1e-9))) for name, call in calls.items()}
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    begin = time.perf_counter()
    for turn in range(TURNS):
        if turn >= 3 and time.perf_counter() - begin > SECONDS:
            break
        for name, call in calls.items():
            seconds[name].append(_timed(call, numbers[name]))
    return {name: of(each) for name, each in seconds.items()}


def _timed(call: Callable[[], Any], number: int) -> float:
    start = time.perf_counter()
    for _ in range(number):
        call()
    return (time.perf_counter() - start) / number


def predicted(counts: dict[str, Counter[str]]) -> dict[str, float]:
    """Return the time that each count stands for."""
    price = prices()
    return {name: sum(n * price.get(kind, 0.0) for kind, n in count.items()) for name, count in counts.items()}


def prices() -> dict[str, float]:
    """Measure the seconds of an element of each kind, of a call of NumPy, and of a step of Python."""
    large, small, matrix = np.linspace(0.1, 1, 20_000), np.ones(2), np.eye(SIDE) + 0.01
    shuffled = np.random.default_rng(0).permutation(large)

    def steps() -> float:
        x = 1.5
        for _ in range(100):
            x = x * 0.5
        return x

    work: dict[str, tuple[Callable[[], Any], float]] = {
        CALLS: (lambda: np.multiply(small, small), 1),
        STEPS: (steps, 100),
        ARITHMETIC: (lambda: np.multiply(large, large), large.size),
        FUNCTIONS: (lambda: (np.exp(large), np.sin(large), np.log(large)), 3 * large.size),
        MOVES: (lambda: np.copy(large), large.size),
        PRODUCTS: (lambda: np.matmul(matrix, matrix), 2 * SIDE**3),
        ALGEBRA: (lambda: np.linalg.solve(matrix, matrix), 8 / 3 * SIDE**3),
        SORTING: (lambda: np.sort(shuffled), large.size * np.log2(large.size)),
    }
    seconds = measured({kind: call for kind, (call, _) in work.items()}, of=min)
    price = {kind: seconds[kind] / units for kind, (_, units) in work.items()}
    call = price[CALLS]
    return {kind: price[kind] if kind in (CALLS, STEPS) else max(0.0, price[kind] - call / work[kind][1]) for kind in price}
