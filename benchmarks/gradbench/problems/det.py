"""`det`: the determinant of a matrix by expansion along the first row, which takes more than n! products and calls itself.

From the collection cmpad (B. Bell), where it is called ``det_by_minor``.
"""

from __future__ import annotations

import numpy as np

from benchmarks.gradbench.problem import Problem, gradient


def minor(a, row, columns):
    """Return the determinant of the rows from ``row`` on and of the ``columns`` that are left."""
    if len(columns) == 1:
        return a[row, columns[0]]
    total = 0.0
    sign = 1.0
    for k in range(len(columns)):
        total += sign * a[row, columns[k]] * minor(a, row + 1, np.concatenate((columns[:k], columns[k + 1 :])))
        sign = -sign
    return total


def by_recursion(a):
    """Return the determinant."""
    return minor(a, 0, np.arange(len(a)))


def minor_of_lists(a, row, columns):
    """Return the determinant of the rows from ``row`` on and of the ``columns`` that are left, a list of numbers."""
    if len(columns) == 1:
        return a[row, columns[0]]
    total = 0.0
    sign = 1.0
    for k in range(len(columns)):
        total += sign * a[row, columns[k]] * minor_of_lists(a, row + 1, columns[:k] + columns[k + 1 :])
        sign = -sign
    return total


def by_lists(a):
    """Return the determinant."""
    return minor_of_lists(a, 0, list(range(len(a))))


def inputs(size):
    """Return the matrix."""
    n = {"small": 4, "medium": 6, "large": 8}[size]
    return (np.random.default_rng(6).normal(size=(n, n)),)


PROBLEM = Problem("det", inputs, {"loops": by_recursion, "lists": by_lists}, gradient(0))
