"""`numpy.linalg`: products, traces and powers, by their definitions."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint._rules.arrays import conj
from adjoint._rules.book import composite, constant

# fmt: off
composite(np.linalg.diagonal,         lambda x, *, offset=0: np.diagonal(x, offset, -2, -1))
composite(np.linalg.trace,            lambda x, *, offset=0, dtype=None: np.trace(x, offset, -2, -1))
composite(np.linalg.matrix_transpose, lambda x: np.swapaxes(x, -1, -2))
composite(np.linalg.matmul,           lambda x1, x2: np.matmul(x1, x2))
composite(np.linalg.tensordot,        lambda x1, x2, *, axes=2: np.tensordot(x1, x2, axes))
composite(np.linalg.outer,            lambda x1, x2: np.expand_dims(x1, -1) * x2)
composite(np.linalg.cross,            lambda x1, x2, *, axis=-1: np.cross(x1, x2, axis=axis))
constant(np.linalg.matrix_rank)
# fmt: on


@composite(np.linalg.vecdot)
def vecdot(x1: Any, x2: Any, *, axis: int = -1) -> Any:
    return np.sum(conj(np.moveaxis(x1, axis, -1)) * np.moveaxis(x2, axis, -1), axis=-1)


@composite(np.linalg.matrix_power)
def matrix_power(a: Any, n: int) -> Any:
    """Binary powering, in NumPy's order."""
    if n == 0:
        return np.broadcast_to(np.eye(a.shape[-1], dtype=a.dtype), a.shape).copy()
    square = np.linalg.inv(a) if n < 0 else a
    n = abs(n)
    if n == 3:
        return np.matmul(np.matmul(square, square), square)
    y = None
    while n:
        n, bit = divmod(n, 2)
        if bit:
            y = square if y is None else np.matmul(y, square)
        if n:
            square = np.matmul(square, square)
    return y


@composite(np.linalg.multi_dot)
def multi_dot(arrays: Any, *, out: Any = None) -> Any:
    """The cheapest order of the products, by dynamic programming over the sizes [Cormen et al., section 15.2]."""
    arrays = list(arrays)
    first, last = np.ndim(arrays[0]) == 1, np.ndim(arrays[-1]) == 1
    if first:
        arrays[0] = np.expand_dims(arrays[0], 0)
    if last:
        arrays[-1] = np.expand_dims(arrays[-1], -1)
    y = _chain(arrays, _cuts([np.shape(x)[0] for x in arrays] + [np.shape(arrays[-1])[1]]), 0, len(arrays))
    y = y[0] if first else y
    return y[..., 0] if last else y


def _chain(arrays: list[Any], cuts: dict[tuple[int, int], int], i: int, j: int) -> Any:
    if j - i == 1:
        return arrays[i]
    k = cuts[i, j]
    return np.matmul(_chain(arrays, cuts, i, k), _chain(arrays, cuts, k, j))


def _cuts(sizes: list[int]) -> dict[tuple[int, int], int]:
    """Return where to cut the product of matrices ``i`` to ``j - 1``."""
    n = len(sizes) - 1
    cost = {(i, i + 1): 0 for i in range(n)}
    cuts = {}
    for length in range(2, n + 1):
        for i in range(n - length + 1):
            j = i + length
            price = {k: cost[i, k] + cost[k, j] + sizes[i] * sizes[k] * sizes[j] for k in range(i + 1, j)}
            cuts[i, j] = min(price, key=price.__getitem__)
            cost[i, j] = price[cuts[i, j]]
    return cuts
