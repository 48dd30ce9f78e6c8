"""`saddle`: the saddle point of ``|x|² - |y|²``, the least over x of the greatest over y, by descent within descent.

From J. Siskind and B. Pearlmutter, "Using programming language theory to make automatic differentiation sound and efficient"
(2008): the rate doubles after ten steps that went down and halves after one that did not; a gradient or a step below 1e-5 is
the end.
"""

from __future__ import annotations

import numpy as np

import adjoint as ad
from benchmarks.gradbench.problem import Problem, gradient

ENOUGH = 1e-5


def payoff(x, y):
    """Return the function that has the saddle point."""
    return x[0] ** 2 + x[1] ** 2 - (y[0] ** 2 + y[1] ** 2)


def length(x):
    """Return the length of a vector of the plane."""
    return np.sqrt(x[0] ** 2 + x[1] ** 2)


def argmin(f, x, rate):
    """Return where ``f`` is least, by gradient descent from ``x``."""
    slope = ad.grad(f)
    value, steep, went_down = f(x), slope(x), 0
    while length(steep) > ENOUGH:
        if went_down == 10:
            rate, went_down = 2.0 * rate, 0
        further = x - rate * steep
        if rate * length(steep) <= ENOUGH:
            break
        lower = f(further)
        if lower < value:
            x, value, steep, went_down = further, lower, slope(further), went_down + 1
        else:
            rate, went_down = 0.5 * rate, 0
    return x


def highest(x, start, rate):
    """Return the greatest value over y, found by gradient descent from ``start``."""
    y = argmin(lambda y: -payoff(x, y), start, rate)
    return payoff(x, y)


def highest_by_hand(x, start, rate):
    """Return what `highest` returns, with the gradient by hand."""
    y, steep = start, 2.0 * start
    value, went_down = -payoff(x, y), 0
    while length(steep) > ENOUGH:
        if went_down == 10:
            rate, went_down = 2.0 * rate, 0
        further = y - rate * steep
        if rate * length(steep) <= ENOUGH:
            break
        lower = -payoff(x, further)
        if lower < value:
            y, value, steep, went_down = further, lower, 2.0 * further, went_down + 1
        else:
            rate, went_down = 0.5 * rate, 0
    return payoff(x, y)


def solve(start, rate):
    """Return the saddle point, x and then y."""
    x = argmin(lambda x: highest(x, start, rate), start, rate)
    y = argmin(lambda y: -payoff(x, y), start, rate)
    return np.concatenate((x, y))


def inputs(size):
    """Return x, where both descents start, and their first rate: a small one takes many steps."""
    start = np.array([1.0, 0.7])
    return start, start, {"small": 0.1, "medium": 1e-3, "large": 1e-5}[size]


PROBLEM = Problem(
    "saddle", inputs, {"loops": highest}, gradient(0), "gradient over gradient", compiled={"loops": highest_by_hand}
)
