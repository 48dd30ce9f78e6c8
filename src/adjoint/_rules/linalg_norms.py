"""`numpy.linalg`: norms and condition numbers.

At kinks the derivative is the subgradient of minimum norm: 0 where the norm is 0, ties of a maximum share, zero singular values
do not contribute to the nuclear norm, repeated largest singular values share.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from adjoint._rules.arrays import conj, direction, inner, nonzero, real
from adjoint._rules.book import composite, constant, general
from adjoint._rules.linalg_spectral import singular_values
from adjoint._rules.primitive import primitive


@primitive
def ties(x: Any, axis: Any, extreme: Any) -> Any:
    """Return 1 at the extreme element along axes and 0 elsewhere; equal ones share."""
    at = (x == extreme(x, axis=axis, keepdims=True)).astype(x.dtype)
    return at / np.sum(at, axis=axis, keepdims=True)


constant(ties)


@general(np.linalg.norm)
def norm(y: Any, t: Any, x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = tuple(operator.index(k) % x.ndim for k in axes)
    if ord is None or (ord in ("fro", "f") if len(axes) == 2 else ord == 2):
        return euclidean(y, t, x, axes, keepdims)
    return (matrix_norm if len(axes) == 2 else vector_norm)(y, t, x, ord, axes, keepdims)


@general(np.linalg.vector_norm)
def vector_norm_jvp(y: Any, t: Any, x: Any, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = tuple(operator.index(k) % x.ndim for k in axes)
    return euclidean(y, t, x, axes, keepdims) if ord == 2 else vector_norm(y, t, x, ord, axes, keepdims)


@general(np.linalg.matrix_norm)
def matrix_norm_jvp(y: Any, t: Any, x: Any, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    return norm(y, t, x, ord, (-2, -1), keepdims)


def euclidean(y: Any, t: Any, x: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    """``y = sqrt(sum |x|²)``: ``dy = Re sum(conj(x) t) / y``."""
    return inner(x / nonzero(outspread(y, axes, keepdims)), t, axes, keepdims)


def vector_norm(y: Any, t: Any, x: Any, ord: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    """``y = (sum |x|ᵖ)^(1/p)``: ``dy = sum (|x|/y)^(p-1) d|x|``, ``d|x| = Re(conj(x/|x|) t)``; its limits for infinite ``p``."""
    change = real(conj(direction(x)) * t)
    if ord == 0:
        return np.sum(0 * change, axis=axes, keepdims=keepdims)
    if ord == 1:
        return np.sum(change, axis=axes, keepdims=keepdims)
    if abs(ord) == np.inf:
        weight = ties(np.abs(x), axes, np.max if ord > 0 else np.min)
    else:
        weight = (np.abs(x) / nonzero(outspread(y, axes, keepdims))) ** (ord - 1)
    return np.sum(weight * change, axis=axes, keepdims=keepdims)


def matrix_norm(y: Any, t: Any, x: Any, ord: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    """The operator norms 1, 2, inf, their minima -1, -2, -inf, and the nuclear norm."""
    if ord in (1, -1, np.inf, -np.inf):
        along, across = axes if abs(ord) == 1 else axes[::-1]
        weight = ties(np.sum(np.abs(x), axis=along, keepdims=True), across, np.max if ord > 0 else np.min)
        return np.sum(weight * real(conj(direction(x)) * t), axis=axes, keepdims=keepdims)
    change = singular_values(np.moveaxis(t, axes, (-2, -1)), np.moveaxis(x, axes, (-2, -1)))
    change = np.sum(change, axis=-1) if ord == "nuc" else change[..., 0 if ord == 2 else -1]
    return np.expand_dims(change, tuple(sorted(axes))) if keepdims else change


def outspread(y: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    """Return a result so that it broadcasts against the argument that was reduced along ``axes``."""
    return y if keepdims else np.expand_dims(y, axes)


@composite(np.linalg.cond)
def cond(x: Any, p: Any = None) -> Any:
    if p is None or p in (2, -2):
        s = np.linalg.svdvals(x)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return np.linalg.norm(x, p, axis=(-2, -1)) * np.linalg.norm(np.linalg.inv(x), p, axis=(-2, -1))
