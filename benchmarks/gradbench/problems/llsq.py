"""`llsq`: the polynomial that fits a step best, ``½ Σ_i (s_i - Σ_j x_j t_i^j)²`` with ``s_i = sign(t_i)`` on [-1, 1].

From the collection cmpad (B. Bell), where it is called ``llsq_obj``.
"""

from __future__ import annotations

import numpy as np

from benchmarks.gradbench.problem import Problem, gradient


def by_loops(x, n):
    """Return half the sum of the squared errors at ``n`` points."""
    total = 0.0
    for i in range(n):
        t = -1.0 + 2.0 * i / (n - 1)
        error = float(np.sign(t))
        power = 1.0
        for j in range(len(x)):
            error -= x[j] * power
            power *= t
        total += error * error
    return 0.5 * total


def by_arrays(x, n):
    """Return half the sum of the squared errors at ``n`` points."""
    t = np.linspace(-1.0, 1.0, n)
    errors = np.sign(t)
    power = np.ones(n)
    for coefficient in x:
        errors = errors - coefficient * power
        power = power * t
    return 0.5 * np.sum(errors * errors)


def inputs(size):
    """Return the coefficients and the number of points."""
    m, n = {"small": (4, 16), "medium": (16, 2_048), "large": (64, 65_536)}[size]
    return np.random.default_rng(8).normal(size=m), n


PROBLEM = Problem("llsq", inputs, {"loops": by_loops, "numpy": by_arrays}, gradient(0))
