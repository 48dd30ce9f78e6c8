"""`scipy.linalg`: special matrices, by their definitions."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg as sl

from adjoint._rules.arrays import column, conj
from adjoint._rules.book import composite


@composite(sl.toeplitz)
def toeplitz(c: Any, r: Any = None) -> Any:
    """``a[i, j] = c[i - j]`` on and below the diagonal, ``r[j - i]`` above; ``r[0]`` is not read."""
    r = conj(c) if r is None else r
    c, r = (x if x.ndim else np.reshape(x, (1,)) for x in (c, r))
    m, n = c.shape[-1], r.shape[-1]
    values = np.concatenate([np.flip(c, -1), r[..., 1:]], axis=-1)
    return values[..., m - 1 - np.arange(m)[:, None] + np.arange(n)]


@composite(sl.hankel)
def hankel(c: Any, r: Any = None) -> Any:
    """``a[i, j] = c[i + j]``, continued by ``r[1:]``, which is zero by default."""
    r = np.zeros(c.shape, c.dtype) if r is None else r
    values = np.concatenate([c, r[1:]])
    return values[np.arange(c.shape[0])[:, None] + np.arange(r.shape[0])]


@composite(sl.circulant)
def circulant(c: Any) -> Any:
    k = np.arange(c.shape[-1])
    return c[..., (k[:, None] - k) % max(c.shape[-1], 1)]


@composite(sl.block_diag)
def block_diag(*arrs: Any) -> Any:
    blocks = [np.atleast_2d(x) for x in arrs] or [np.zeros((1, 0))]
    batch = np.broadcast_shapes(*(x.shape[:-2] for x in blocks))
    dtype = np.result_type(*(x.dtype for x in blocks))
    width = sum(x.shape[-1] for x in blocks)
    rows, before = [], 0
    for x in blocks:
        m, n = x.shape[-2:]
        left, right = np.zeros((*batch, m, before), dtype), np.zeros((*batch, m, width - before - n), dtype)
        rows.append(np.concatenate([left, np.broadcast_to(x, (*batch, m, n)), right], axis=-1))
        before += n
    return np.concatenate(rows, axis=-2)


@composite(sl.companion)
def companion(a: Any) -> Any:
    first = np.expand_dims(-a[..., 1:] / (1.0 * a[..., :1]), -2)
    n = a.shape[-1] - 1
    below = np.broadcast_to(np.eye(n - 1, n, dtype=a.dtype), (*a.shape[:-1], n - 1, n))
    return np.concatenate([first, below], axis=-2)


@composite(sl.leslie)
def leslie(f: Any, s: Any) -> Any:
    n = f.shape[-1]
    below = np.concatenate([column(s) * np.eye(n - 1, dtype=f.dtype), np.zeros((*s.shape, 1), f.dtype)], axis=-1)
    return np.concatenate([np.expand_dims(f, -2), below], axis=-2)


@composite(sl.convolution_matrix)
def convolution_matrix(a: Any, n: int, mode: str = "full") -> Any:
    m = a.shape[-1]
    zeros = np.zeros((*a.shape[:-1], n - 1), a.dtype)
    c, r = np.concatenate([a, zeros], axis=-1), np.concatenate([a[..., :1], zeros], axis=-1)
    full = toeplitz(c, r)
    trim = {"full": 0, "same": min(n, m) - 1, "valid": 2 * (min(n, m) - 1)}[mode]
    return full[..., trim // 2 : m + n - 1 - (trim - trim // 2), :]


# fmt: off
composite(sl.fiedler,    lambda a: np.abs(column(a) - np.expand_dims(a, -2)))
composite(sl.khatri_rao, lambda a, b: np.reshape(np.expand_dims(a, -2) * np.expand_dims(b, -3), (a.shape[-2] * b.shape[-2], a.shape[-1])))
composite(sl.diagsvd,    lambda s, M, N: np.expand_dims(s, -2) * np.eye(M, N, dtype=s.dtype) if s.shape[0] == N else column(s) * np.eye(M, N, dtype=s.dtype))
# fmt: on


@composite(sl.fiedler_companion)
def fiedler_companion(a: Any) -> Any:
    a = a / a[0]
    n = a.shape[0] - 1
    if n < 2:
        return np.reshape(-a[1:], (n, n))
    c = np.zeros((n, n), a.dtype)
    c[np.arange(3, n, 2), np.arange(1, n - 2, 2)] = 1
    c[np.arange(0, n - 2, 2), np.arange(2, n, 2)] = 1
    c[1, 0] = 1
    # Where the coefficients stand: the first two in the first column, then one to the left, one to the right of the diagonal.
    places = {1: (0, 0), **{k: (k - 1, k - 2) if k % 2 else (k - 2, k - 1) for k in range(2, n + 1)}}
    for k, (i, j) in places.items():
        unit = np.zeros((n, n), a.dtype)
        unit[i, j] = 1
        c = c - a[k] * unit
    return c
