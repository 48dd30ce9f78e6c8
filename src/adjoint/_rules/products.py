"""Products: of vectors, matrices, stacks of these, and tensors; convolution; covariance.

Four functions are bilinear by themselves (`numpy.matmul`, `dot`, `tensordot`, `convolve`), and `cross3`.  The others are
defined by these.  `einsum` has a chapter of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint._rules.book import bilinear, composite, general, linear
from adjoint._rules.extents import smaller, unknown
from adjoint._rules.forms import as_array, axes_of, inverse, mT
from adjoint._rules.indexing import scatter
from adjoint._rules.kinds import conj, dtype_of, shape_of
from adjoint._rules.primitive import primitive


@primitive
def cross3(a: Any, b: Any) -> Any:
    """The cross product of vectors of three components along the last axis."""
    return np.cross(a, b)


@primitive
def in_space(v: Any) -> Any:
    """Vectors of three components along the last axis: a third one is zero."""
    return v if v.shape[-1] == 3 else np.concatenate([v, np.zeros((*v.shape[:-1], 1), v.dtype)], -1)


@primitive
def vecdot(a: Any, b: Any) -> Any:
    """The sum of ``conj(a) * b`` along the last axis."""
    return np.vecdot(a, b)


# fmt: off
bilinear(np.matmul,     lambda ct, a, b: matmul_left(ct, np.ndim(a), b),
                        lambda ct, a, b: matmul_right(ct, a, np.ndim(b)))
bilinear(np.dot,        lambda ct, a, b, out=None: dot_left(ct, np.ndim(a), b),
                        lambda ct, a, b, out=None: dot_right(ct, a, np.ndim(b)))
bilinear(np.tensordot,  lambda ct, a, b, axes=2: tensordot_left(ct, np.ndim(a), b, *contracted(a, b, axes)),
                        lambda ct, a, b, axes=2: tensordot_right(ct, a, np.ndim(b), *contracted(a, b, axes)))
bilinear(np.convolve,   lambda ct, a, v, mode="full": np.convolve(whole(ct, np.size(a), np.size(v), mode), np.flip(v), "valid"),
                        lambda ct, a, v, mode="full": np.convolve(whole(ct, np.size(a), np.size(v), mode), np.flip(a), "valid"))
bilinear(cross3,        lambda ct, a, b: cross3(b, ct),
                        lambda ct, a, b: cross3(ct, a))
linear(in_space,        lambda ct, v: ct[..., : shape_of(v)[-1]])

composite(np.vdot,             lambda a, b: np.dot(conj(flat(a)), flat(b)))
composite(np.outer,            lambda a, b, out=None: np.expand_dims(flat(a), 1) * flat(b))
composite(np.inner,            lambda a, b: inner(as_array(a), as_array(b)))
composite(np.kron,             lambda a, b: kron(as_array(a), as_array(b)))
composite(np.correlate,        lambda a, v, mode="valid": correlate(as_array(a), conj(as_array(v)), mode))

composite(np.linalg.outer,     lambda x1, x2, /: np.outer(vector(x1), vector(x2)))
composite(np.linalg.cross,     lambda x1, x2, /, *, axis=-1: np.cross(x1, x2, axis=axis))
composite(np.linalg.matmul,    lambda x1, x2, /: np.matmul(x1, x2))
composite(np.linalg.tensordot, lambda x1, x2, /, *, axes=2: np.tensordot(x1, x2, axes=axes))
composite(np.linalg.vecdot,    lambda x1, x2, /, *, axis=-1: np.vecdot(x1, x2, axis=axis))  # pyright: ignore[reportCallIssue] - not declared
composite(np.linalg.multi_dot, lambda arrays, *, out=None: multi_dot([as_array(a) for a in arrays]))
# fmt: on


# Matrices and vectors -----------------------------------------------------------------------------------------------------------
# A vector on the left is a row, on the right a column, that the result loses again.  Stacks of matrices broadcast; the engine
# sums the cotangents back.


def matmul_left(ct: Any, ndim: int, b: Any) -> Any:
    if np.ndim(b) == 1:
        return np.expand_dims(ct, -1) * b
    if ndim == 1:
        return np.matmul(b, ct) if np.ndim(b) == 2 else np.squeeze(np.matmul(b, np.expand_dims(ct, -1)), -1)
    return np.matmul(ct, mT(b))


def matmul_right(ct: Any, a: Any, ndim: int) -> Any:
    if np.ndim(a) == 1:
        return ct * a if ndim == 1 else np.expand_dims(a, -1) * np.expand_dims(ct, -2)
    if ndim == 1:
        return np.matmul(ct, a) if np.ndim(a) == 2 else np.squeeze(np.matmul(mT(a), np.expand_dims(ct, -1)), -1)
    return np.matmul(mT(a), ct)


def dot_left(ct: Any, ndim: int, b: Any) -> Any:
    n = np.ndim(b)
    if n == 0 or ndim == 0:
        return ct * b
    if n == 1 or (n == 2 and ndim <= 2):  # where the two products are one
        return matmul_left(ct, ndim, b)
    return tensordot_left(ct, ndim, b, (ndim - 1,), (n - 2,))


def dot_right(ct: Any, a: Any, ndim: int) -> Any:
    n = np.ndim(a)
    if n == 0 or ndim == 0:
        return ct * a
    if n <= 2 and ndim <= 2:
        return matmul_right(ct, a, ndim)
    return tensordot_right(ct, a, ndim, (n - 1,), (max(ndim - 2, 0),))


def contracted(a: Any, b: Any, axes: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the axes of ``a`` and of ``b`` over which `numpy.tensordot` sums."""
    m, n = np.ndim(a), np.ndim(b)
    if np.ndim(axes) == 0 and not isinstance(axes, (list, tuple)):
        return tuple(range(m - int(axes), m)), tuple(range(int(axes)))
    left, right = axes
    return axes_of(left, m), axes_of(right, n)


def tensordot_left(ct: Any, ndim: int, b: Any, left: tuple[int, ...], right: tuple[int, ...]) -> Any:
    """Sum over the axes that came from ``b``; what remains are the free axes of ``a``, then those summed in the order of ``b``."""
    kept = [k for k in range(ndim) if k not in left]
    free = [k for k in range(np.ndim(b)) if k not in right]
    y = np.tensordot(ct, b, (list(range(len(kept), len(kept) + len(free))), free))
    return np.transpose(y, inverse(kept + [left[k] for k in np.argsort(right)])) if ndim else y


def tensordot_right(ct: Any, a: Any, ndim: int, left: tuple[int, ...], right: tuple[int, ...]) -> Any:
    """Sum over the axes that came from ``a``; what remains are those summed in the order of ``a``, then the free axes of ``b``."""
    kept = [k for k in range(ndim) if k not in right]
    free = [k for k in range(np.ndim(a)) if k not in left]
    y = np.tensordot(a, ct, (free, list(range(len(free)))))
    return np.transpose(y, inverse([right[k] for k in np.argsort(left)] + kept)) if ndim else y


def flat(x: Any) -> Any:
    return np.ravel(as_array(x))


def vector(x: Any) -> Any:
    x = as_array(x)
    if x.ndim != 1:
        raise ValueError(f"Input arrays must be one-dimensional, but they are x.ndim={x.ndim}")
    return x


def inner(a: Any, b: Any) -> Any:
    return np.tensordot(a, b, (-1, -1)) if a.ndim and b.ndim else a * b


def kron(a: Any, b: Any) -> Any:
    """Blocks ``a[i] * b``: interleave the axes of the two, multiply, and merge each pair."""
    ndim = max(a.ndim, b.ndim)
    left, right = (1,) * (ndim - a.ndim) + a.shape, (1,) * (ndim - b.ndim) + b.shape
    outer = np.reshape(a, [n for k in left for n in (k, 1)]) * np.reshape(b, [n for k in right for n in (1, k)])
    return np.reshape(outer, tuple(m * n for m, n in zip(left, right, strict=True)))


# Linear in the conjugate of the first vector, and therefore given by jvp and vjp.
composite(np.vecdot, lambda x1, x2, /, *, axis=-1: vecdot(*(np.moveaxis(x, axis, -1) for x in (as_array(x1), as_array(x2)))))
general(
    vecdot,
    lambda y, t, a, b: vecdot(t, b),
    lambda y, t, a, b: vecdot(a, t),
    vjp=(lambda y, ct, a, b: np.expand_dims(conj(ct), -1) * b, lambda y, ct, a, b: np.expand_dims(ct, -1) * a),
)
if hasattr(np, "matvec"):
    bilinear(np.matvec, lambda ct, a, b: np.expand_dims(ct, -1) * np.expand_dims(b, -2), lambda ct, a, b: np.matvec(mT(a), ct))
    general(
        np.vecmat,
        lambda y, t, x1, x2: np.vecmat(t, x2),
        lambda y, t, x1, x2: np.vecmat(x1, t),
        vjp=(
            lambda y, ct, x1, x2: np.matvec(x2, conj(ct)),
            lambda y, ct, x1, x2: np.expand_dims(x1, -1) * np.expand_dims(ct, -2),
        ),
    )


def multi_dot(arrays: list[Any]) -> Any:
    """Multiply a chain of matrices in the cheapest order [Cormen et al., Introduction to Algorithms, section 14.2]."""
    n = len(arrays)
    if n < 2:
        raise ValueError("Expecting at least two arrays.")
    rows = [a.shape[0] for a in arrays]
    rows[0] = rows[0] if arrays[0].ndim > 1 else 1
    sizes = [*rows, arrays[-1].shape[1] if arrays[-1].ndim > 1 else 1]
    if n == 3:  # as NumPy breaks the tie
        (a, b, c), (m, k, p, q) = arrays, sizes
        return np.dot(np.dot(a, b), c) if m * p * (k + q) < k * q * (m + p) else np.dot(a, np.dot(b, c))
    # The cost of the chain i..j, and where to cut it.
    cost = {(k, k): (0, k) for k in range(n)}
    for span in range(1, n):
        for i in range(n - span):
            j = i + span
            cuts = ((cost[i, k][0] + cost[k + 1, j][0] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j))
            cost[i, j] = min(cuts)

    def chain(i: int, j: int) -> Any:
        return arrays[i] if i == j else np.dot(chain(i, cost[i, j][1]), chain(cost[i, j][1] + 1, j))

    return chain(0, n - 1)


# Cross product ------------------------------------------------------------------------------------------------------------------


@composite(np.cross)
def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    """Vectors of two components lie in the plane; the product of two such is a number."""
    axisa, axisb, axisc = (axisa, axisb, axisc) if axis is None else (axis, axis, axis)
    a, b = to_last(as_array(a), axisa), to_last(as_array(b), axisb)
    counts = a.shape[-1], b.shape[-1]
    if not unknown(counts):
        if set(counts) - {2, 3}:
            raise ValueError("incompatible dimensions for cross product\n(dimension must be 2 or 3)")
        if counts == (2, 2):
            return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    y = cross3(in_space(a), in_space(b))
    return y if axisc == -1 else np.moveaxis(y, -1, axisc)


def to_last(a: Any, axis: int) -> Any:
    return a if axis == -1 else np.moveaxis(a, axis, -1)


# Convolution --------------------------------------------------------------------------------------------------------------------
# ``y[k] = sum_i a[i] v[k - i]``, so the cotangent of ``a[i]`` is ``sum_k ct[k] v[k - i]``: a valid convolution of the whole cotangent
# with ``v`` reversed.


def margin(m: int, n: int, mode: Any) -> int:
    """Return how many leading elements of the full convolution a mode leaves out."""
    short = smaller(m, n) - 1
    return {"f": 0, "s": short // 2, "v": short, "2": 0, "1": short // 2, "0": short}[str(mode)[0].lower()]


def whole(ct: Any, m: int, n: int, mode: Any) -> Any:
    """Return the cotangent of the full convolution, zero where the mode left elements out."""
    start = margin(m, n, mode)
    return scatter(ct, slice(start, start + shape_of(ct)[0]), (m + n - 1,))


def correlate(a: Any, v: Any, mode: Any) -> Any:
    """A convolution with ``v`` reversed; the shorter slides along the longer."""
    return np.convolve(a, np.flip(v), mode) if a.size >= v.size else np.flip(np.convolve(v, np.flip(a), mode))


# Covariance ---------------------------------------------------------------------------------------------------------------------


@composite(np.cov)
def cov(
    m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: int | None = None,
    fweights: Any = None, aweights: Any = None, *, dtype: Any = None,
) -> Any:  # fmt: skip
    x = observations(m, rowvar)
    if y is not None:
        x = np.concatenate([x, observations(y, rowvar)], 0)
    x = np.astype(x, np.result_type(dtype_of(x), np.float64) if dtype is None else dtype)
    ddof = (0 if bias else 1) if ddof is None else ddof
    weights = [w for w in (fweights, aweights) if w is not None]
    w = weights[0] * weights[1] if len(weights) == 2 else weights[0] if weights else None
    if w is None:
        mean, count = np.mean(x, axis=1), x.shape[1] - ddof
    else:
        w = as_array(w)
        total = np.sum(w)
        mean = np.sum(x * w, axis=1) / total
        count = total - (ddof if aweights is None else ddof * np.sum(w * as_array(aweights)) / total if ddof else 0)
    x = x - np.expand_dims(mean, 1)
    return np.squeeze(np.dot(x, conj(np.transpose(x if w is None else x * w))) * (1 / count))


def observations(m: Any, rowvar: bool) -> Any:
    """Return one variable a row, one observation a column."""
    m = as_array(m)
    x = np.atleast_2d(m)
    return x if rowvar or m.ndim == 1 or x.shape[0] == 1 else np.transpose(x)


@composite(np.corrcoef)
def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    c = cov(x, y, rowvar, dtype=dtype)
    if len(shape_of(c)) == 0:
        return c / c
    deviation = np.sqrt(np.real(np.diagonal(c)))
    c = c / np.expand_dims(deviation, 1) / deviation
    return c if dtype_of(c).kind == "c" else np.clip(c, -1, 1)
