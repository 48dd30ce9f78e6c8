"""`det`: the determinant of a matrix by expansion along the first row, which takes more than n! products and calls itself.

From the collection cmpad (B. Bell), where it is called ``det_by_minor``.
"""

from __future__ import annotations

import numpy as np

from benchmarks.gradbench.problem import Peer, Problem, gradient


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


def inputs(size):
    """Return the matrix."""
    n = {"small": 4, "medium": 6, "large": 8}[size]
    return (np.random.default_rng(6).normal(size=(n, n)),)


def in_batches(_):
    """Return the function for libraries of arrays: the minors of all columns, and of all of theirs, in one array each."""

    def minors(a):
        n = a.shape[-1]
        if n == 1:
            return a[:, 0, 0]
        others = np.array([[column for column in range(n) if column != k] for k in range(n)])
        rest = a[:, 1:, :][:, :, others].swapaxes(1, 2).reshape(-1, n - 1, n - 1)
        products = a[:, 0, :] * minors(rest).reshape(-1, n)
        return products[:, ::2].sum(1) - products[:, 1::2].sum(1)

    return lambda a: minors(a[None])[0]


PEERS = {"jax": Peer(in_batches), "torch": Peer(in_batches), "autograd": Peer(in_batches)}
PROBLEM = Problem("det", inputs, {"loops": by_recursion}, gradient(0), peers=PEERS)
