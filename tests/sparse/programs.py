"""Functions with the number of entries that is found for their Jacobians, zeros by accident included (the maximum of a row)."""

from __future__ import annotations

import math

import numpy as np
import scipy.linalg


def loop_with_stores(x):
    y = np.zeros(len(x))
    for i in range(1, len(x) - 1):
        y[i] = x[i - 1] * x[i] + math.sin(x[i + 1])
    return y


def in_place_views(x):
    y = x.reshape(2, 4) * 2.0
    row = y[0]
    row[1:] += y[1, :-1]
    y[1] = 0.0
    return y


def several_steps(x):
    for _ in range(3):
        new = x.copy()
        new[1:-1] = x[1:-1] + 0.1 * (x[2:] - 2 * x[1:-1] + x[:-2])
        x = new
    return x


def scalars(x):
    total = 0.0
    parts = []
    for value in x:
        total = total * 0.5 + value
        parts.append(total)
    return np.array(parts)


def gathered(x):
    index = np.array([3, 3, 0, 5])
    return x[index] * x[index[::-1]]


def added_at(x):
    y = np.zeros(3)
    np.add.at(y, np.array([0, 0, 2, 2, 2]), np.sin(x[:5]))
    return y


def outer(x):
    return np.outer(x[:3], x[3:5])


def by_rows(x):
    A = x.reshape(4, 2)
    return np.concatenate([A.sum(axis=1), np.prod(A, axis=1), np.linalg.norm(A, axis=1), A.max(axis=1), A.std(axis=1)])


def matrices(x):
    return np.linalg.inv(x.reshape(2, 2, 2) + 3 * np.eye(2))


def systems(x):
    return np.linalg.solve(np.eye(4) + np.ones((4, 4)), x.reshape(4, 2))


TRIDIAGONAL = scipy.linalg.toeplitz([2.0, -1, 0, 0, 0, 0, 0, 0])
X = np.linspace(0.5, 1.5, 8)
CASES = [
    ("elementwise", lambda x: np.exp(x) * x / 3, X, 8),
    ("loop with stores", loop_with_stores, X, 18),
    ("views in place", in_place_views, X, 7),
    ("steps of a stencil", several_steps, X, 38),
    ("scalars", scalars, X, 36),
    ("gathered", gathered, X, 8),
    ("added at", added_at, X, 5),
    ("outer product", outer, X, 12),
    ("rows", by_rows, X, 40),
    ("stacks of matrices", matrices, X, 32),
    ("systems", systems, X, 32),
    ("constant matrix", lambda x: TRIDIAGONAL @ x, X, 22),
    ("constant matrix, from the right", lambda x: np.sin(x) @ TRIDIAGONAL, X, 22),
    ("matrix of columns", lambda x: TRIDIAGONAL[:4, :4] @ x.reshape(4, 2), X, 20),
    ("matrix product", lambda x: x[:4].reshape(2, 2) @ x[4:].reshape(2, 2), X, 16),
    ("einsum", lambda x: np.einsum("ij,ij->i", x.reshape(4, 2), x.reshape(4, 2)), X, 8),
    ("einsum, three", lambda x: np.einsum("i,j,k->ik", x[:2], x[2:4], x[4:6]), X, 16),
    ("tensordot", lambda x: np.tensordot(x[:4].reshape(2, 2), x[4:].reshape(2, 2), 1), X, 16),
    ("differences", lambda x: np.diff(x, 2), X, 18),
    ("convolution", lambda x: np.convolve(x, [1.0, 0.0, -1.0], "same"), X, 14),
    ("where", lambda x: np.where(x > 1, x[::-1], 0.0), X, 4),
    ("kinks", lambda x: np.abs(x - x[3]) + np.maximum(x, 1.0), X, 15),
    ("sorted", lambda x: np.sort(x)[:3], X, 3),
    ("padded", lambda x: np.pad(x, 2), X, 8),
    ("rolled and stacked", lambda x: np.stack([np.roll(x, 1), np.flip(x)]), X, 16),
    ("triangle", lambda x: np.tril(x.reshape(2, 4)), X, 3),
    ("diagonal", lambda x: np.diag(x) + np.diag(x[1:], 1), X, 15),
    ("sum of all", lambda x: np.sum(x * x), X, 8),
    ("cross", lambda x: np.cross(x[:6].reshape(2, 3), np.ones(3)), X, 18),
    ("many of one element", lambda x: sum(np.sin(x + x[k]) for k in range(8)), X, 64),
    ("column of a broadcast", lambda x: np.broadcast_to(np.sin(x)[:, None], (8, 3))[:, 1:], X, 16),
]
