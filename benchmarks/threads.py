"""What threads make of loops: the time of a program over its time with `jit(parallel=...)`, for numbers of threads.

::

    python -m benchmarks.threads [--threads 1 2 4] [--size 200000] [--repetitions 7]

A sum over elementary functions, a stencil, and a mixture of normal distributions whose turns have arrays of their own; the
functions and their gradients.  Programs take turns, and the best time of each counts; all values are compared first, and those
of all numbers of threads have to be the same to the last digit.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import adjoint as ad


def damped(x):
    """Return a sum of elementary functions."""
    total = 0.0
    for i in range(len(x)):
        total += math.exp(-x[i] * x[i]) * math.sin(3 * x[i])
    return total


def roughness(x):
    """Return a sum over neighbours."""
    total = 0.0
    for i in range(1, len(x) - 1):
        bend = x[i - 1] - 2 * x[i] + x[i + 1]
        total += bend * bend / (1 + x[i] * x[i])
    return total


def mixture(x):
    """Return the logarithm of the likelihood of a mixture, of which the last 24 numbers are the means."""
    n, k = len(x) - 24, 24
    total = 0.0
    for i in range(n):
        scores = np.zeros(k)
        for j in range(k):
            scores[j] = -0.5 * (x[i] - x[n + j]) ** 2
        total += math.log(np.sum(np.exp(scores)))
    return total


FUNCTIONS: tuple[Callable[..., Any], ...] = (damped, roughness, mixture)


def best(programs: Sequence[Callable[..., Any]], x: Any, repetitions: int) -> list[float]:
    """Return the best time of each program."""
    times = [math.inf] * len(programs)
    for _ in range(repetitions):
        for k, program in enumerate(programs):
            start = time.perf_counter()
            program(x)
            times[k] = min(times[k], time.perf_counter() - start)
    return times


def compared(f: Callable[..., Any], x: Any, threads: Sequence[int]) -> list[Callable[..., Any]]:
    """Return a function's program, and those for numbers of threads, after their values were compared."""
    programs = [ad.jit(f, backend="native"), *[ad.jit(f, backend="native", parallel=n) for n in threads]]
    expected, first, *rest = (program(x) for program in programs)
    np.testing.assert_allclose(first, expected, rtol=1e-9, atol=1e-12)
    for y in rest:
        np.testing.assert_array_equal(y, first)
    return programs


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="How much faster threads make loops.")
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    parser.add_argument("--threads", type=int, nargs="+", default=sorted({1, 2, processors}))
    parser.add_argument("--size", type=int, default=200_000)
    parser.add_argument("--repetitions", type=int, default=7)
    options = parser.parse_args(arguments)
    x = np.random.default_rng(0).normal(size=options.size)
    print(f"{'times as fast as one program without threads':48}" + "".join(f"{n:>9}" for n in options.threads))
    for f in FUNCTIONS:
        for g in (f, ad.grad(f)):
            plain, *times = best(compared(g, x, options.threads), x, options.repetitions)
            name = f.__name__ if g is f else f"gradient of {f.__name__}"
            print(f"{name:48}" + "".join(f"{plain / t:9.2g}" for t in times))


if __name__ == "__main__":
    main()
