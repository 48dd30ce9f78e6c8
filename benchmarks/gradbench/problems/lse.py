"""`lse`: the logarithm of a sum of exponentials, with the greatest number taken out so that nothing overflows."""

from __future__ import annotations

import math

import numpy as np

from benchmarks.gradbench.problem import Problem, gradient


def by_loops(x):
    """Return ``log Σ exp(x_i)``."""
    top = x[0]
    for value in x:
        top = max(top, value)
    total = 0.0
    for value in x:
        total += math.exp(value - top)
    return top + math.log(total)


def by_arrays(x):
    """Return ``log Σ exp(x_i)``."""
    top = np.max(x)
    return top + np.log(np.sum(np.exp(x - top)))


def inputs(size):
    """Return the vector."""
    n = {"small": 20, "medium": 10_000, "large": 1_000_000}[size]
    return (np.random.default_rng(9).normal(scale=3, size=n),)


PROBLEM = Problem("lse", inputs, {"loops": by_loops, "numpy": by_arrays}, gradient(0))
