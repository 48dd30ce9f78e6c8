"""Polynomials: `numpy.polyval` and its family, highest power first.

Most functions of `numpy.polynomial` need no rules: they are Python, and the tracing engine runs them as it runs a user's functions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.polynomial import polynomial as series

from adjoint._rules.book import composite, general
from adjoint._rules.extents import made
from adjoint._rules.forms import as_array
from adjoint._rules.indexing import scatter
from adjoint._rules.kinds import conj, dtype_of, shape_of

# fmt: off
composite(np.polyadd,   lambda a1, a2: np.add(*aligned(a1, a2)))
composite(np.polysub,   lambda a1, a2: np.subtract(*aligned(a1, a2)))
composite(np.polymul,   lambda a1, a2: np.convolve(trimmed(a1), trimmed(a2)))
composite(np.vander,    lambda x, N=None, increasing=False: vander(as_array(x), N, increasing))

# Of a simple root: 0 = d p(y) = (dp)(y) + p'(y) dy.
general(np.roots,       lambda y, t, p: -np.polyval(t, y) / np.polyval(np.polyder(p), y))
# fmt: on


@composite(np.polyval)
def polyval(p: Any, x: Any) -> Any:
    x = x if isinstance(x, np.poly1d) else as_array(x)
    y = 0
    for coefficient in p:
        y = y * x + coefficient
    return y + np.zeros(shape_of(x), dtype_of(x)) if len(p) < 2 and shape_of(x) else y


def aligned(a: Any, b: Any) -> tuple[Any, ...]:
    """Return two polynomials with leading zeros up to the same length."""
    a, b = np.atleast_1d(as_array(a)), np.atleast_1d(as_array(b))
    n = max(a.size, b.size)
    return tuple(np.concatenate([np.zeros(n - x.size, x.dtype), x]) if x.size < n else x for x in (a, b))


def trimmed(p: Any) -> Any:
    """Return a polynomial without leading zeros, as `numpy.poly1d` holds it."""
    p = np.trim_zeros(np.atleast_1d(as_array(p)), "f")
    return p if p.size else np.zeros(1, p.dtype)


@composite(np.polydiv)
def polydiv(u: Any, v: Any) -> Any:
    """Long division; the remainder loses its leading zeros."""
    u, v = np.atleast_1d(as_array(u)) + 0.0, np.atleast_1d(as_array(v)) + 0.0
    n, quotient = v.size, []
    r = u
    scale = 1.0 / v[0]
    for k in range(u.size - n + 1):
        quotient.append(scale * r[k])
        r = r - scatter(quotient[-1] * v, slice(k, k + n), r.shape)
    q = np.stack(quotient) if quotient else np.zeros(1, u.dtype)
    start = 0
    while start < r.size - 1 and np.abs(r[start]) <= 1e-8:
        start += 1
    return q, r[start:]


@composite(np.polyder)
def polyder(p: Any, m: int = 1) -> Any:
    if m < 0:
        raise ValueError("Order of derivative must be positive (see polyint)")
    p = as_array(p)
    for _ in range(int(m)):
        p = p[:-1] * made(np.arange, p.size - 1, 0, -1)
    return p


@composite(np.polyint)
def polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    if m < 0:
        raise ValueError("Order of integral must be positive (see polyder)")
    p, constants = as_array(p), np.atleast_1d(as_array(0.0 if k is None else k))
    for step in range(int(m)):
        c = constants[step] if k is not None and np.size(k) > 1 else constants[0]
        p = np.concatenate([p / made(np.arange, p.size, 0, -1), np.reshape(c, (1,))])
    return p


@composite(np.poly)
def poly(seq_of_zeros: Any) -> Any:
    zeros = np.atleast_1d(as_array(seq_of_zeros))
    if zeros.ndim == 2 and zeros.shape[0] == zeros.shape[1] and zeros.size:
        zeros = np.linalg.eigvals(zeros)
    elif zeros.ndim != 1:
        raise ValueError("input must be 1d or non-empty square 2d array.")
    p = np.ones(1, zeros.dtype)
    for zero in zeros:
        p = np.convolve(p, np.stack([np.ones((), zeros.dtype), -zero]))
    if dtype_of(p).kind == "c" and np.all(np.sort(zeros) == np.sort(conj(zeros))):
        p = np.real(p)
    return p


# Of `numpy.polynomial`, where the lowest power comes first: the two functions that dispatch.
composite(series.polyval2d, lambda x, y, c: at(y, at(x, c, spread=True)))
composite(series.polygrid2d, lambda x, y, c: at(y, at(x, c, spread=True), spread=True))


def at(x: Any, c: Any, *, spread: bool = False) -> Any:
    """Sum a series along the first axis of ``c``; ``spread`` over all points for each of the remaining coefficients."""
    x, c = as_array(x), as_array(c)
    c = np.reshape(c, c.shape + (1,) * x.ndim) if spread else c
    y = c[-1] + x * 0
    for k in range(2, c.shape[0] + 1):
        y = c[-k] + y * x
    return y


def vander(x: Any, N: int | None, increasing: bool) -> Any:
    if x.ndim != 1:
        raise ValueError("x must be a one-dimensional array or sequence.")
    x = np.astype(x, np.promote_types(x.dtype, int), copy=False)
    columns = [made(np.ones, x.shape, x.dtype)]
    for _ in range(1, x.size if N is None else N):
        columns.append(columns[-1] * x)
    columns = columns[: x.size if N is None else N]
    return np.stack(columns if increasing else columns[::-1], 1) if columns else np.zeros((x.size, 0), x.dtype)


@composite(np.polyfit)
def polyfit(x: Any, y: Any, deg: Any, rcond: float | None = None, full: bool = False, w: Any = None, cov: Any = False) -> Any:
    """Least squares with the columns of the Vandermonde matrix scaled to length 1."""
    x, y = as_array(x) + 0.0, as_array(y) + 0.0
    order = int(deg) + 1
    rcond = x.size * np.finfo(x.dtype).eps if rcond is None else rcond
    A = np.vander(x, order)
    b = y
    if w is not None:
        w = as_array(w) + 0.0
        A = A * np.expand_dims(w, 1)
        b = b * (np.expand_dims(w, 1) if y.ndim == 2 else w)
    scale = np.sqrt(np.sum(A * A, axis=0))
    A = A / scale
    c, residuals, rank, s = np.linalg.lstsq(A, b, rcond)
    result = np.transpose(np.transpose(c) / scale)
    if full:
        return result, residuals, rank, s, rcond
    if not cov:
        return result
    base = np.linalg.inv(np.dot(np.transpose(A), A)) / np.outer(scale, scale)
    if cov != "unscaled":
        if x.size <= order:
            raise ValueError("the number of data points must exceed order to scale the covariance matrix")
        base = base * np.reshape(residuals, (-1,)) if y.ndim == 1 else np.expand_dims(base, -1) * residuals
        base = base / (x.size - order)
    return result, np.expand_dims(base, -1) if cov == "unscaled" and y.ndim == 2 else base
