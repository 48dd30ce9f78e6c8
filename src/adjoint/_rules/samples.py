"""Differences, slopes and integrals of samples along an axis."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint._rules.book import composite
from adjoint._rules.forms import along
from adjoint._rules.kinds import shape_of
from adjoint._rules.reductions import NONE, axes_of, kept_shape


def head(x: Any, axis: int, n: int = 1) -> Any:
    """Return all but the last ``n`` samples."""
    return x[along(axis, slice(None, -n), len(shape_of(x)))]


def tail(x: Any, axis: int, n: int = 1) -> Any:
    """Return all but the first ``n`` samples."""
    return x[along(axis, slice(n, None), len(shape_of(x)))]


def fitted(end: Any, a: Any, axis: int) -> Any:
    """Return what is put before or behind ``a``: a number becomes one sample."""
    return np.broadcast_to(end, kept_shape(shape_of(a), axis)) if len(shape_of(end)) == 0 else end


@composite(np.diff)
def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = NONE, append: Any = NONE) -> Any:
    """Differences of neighbours, ``n`` times."""
    if n == 0:
        return a
    if n < 0:
        raise ValueError(f"order must be non-negative but got {n!r}")
    parts = [
        *([] if prepend is NONE else [fitted(prepend, a, axis)]),
        a,
        *([] if append is NONE else [fitted(append, a, axis)]),
    ]
    a = np.concatenate(parts, axis=axis) if len(parts) > 1 else a
    for _ in range(n):
        a = tail(a, axis) - head(a, axis)
    return a


@composite(np.ediff1d)
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """Differences of the flattened array, with further entries before and behind."""
    y = np.diff(np.ravel(ary))
    if to_begin is None and to_end is None:
        return y
    return np.concatenate(
        [*([] if to_begin is None else [np.ravel(to_begin)]), y, *([] if to_end is None else [np.ravel(to_end)])]
    )


@composite(np.trapezoid)
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """Integral by the trapezoidal rule."""
    d = dx
    if x is not None:
        d = np.diff(x, axis=axis if len(shape_of(x)) > 1 else -1)
        if len(shape_of(x)) == 1:
            d = np.reshape(d, [-1 if k == axis % len(shape_of(y)) else 1 for k in range(len(shape_of(y)))])
    return np.sum(d * (tail(y, axis) + head(y, axis)) / 2.0, axis=axis)


@composite(np.gradient)
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """Central differences inside, one-sided ones at the edges, of the order of accuracy that NumPy gives."""
    ndim = len(shape_of(f))
    axes = axes_of(ndim, axis)
    spacings = varargs * len(axes) if len(varargs) == 1 and len(shape_of(varargs[0])) == 0 else varargs or (1.0,) * len(axes)
    if len(spacings) != len(axes):
        raise TypeError("invalid number of arguments")
    if edge_order > 2:
        raise ValueError("'edge_order' greater than 2 not supported")
    results = [_slopes(f, h, k, edge_order) for h, k in zip(spacings, axes, strict=True)]
    return results[0] if len(results) == 1 else tuple(results)


def _slopes(f: Any, spacing: Any, axis: int, edge_order: int) -> Any:
    """Differentiate the parabola through three neighbours: at the middle one, and at the ends of the axis."""
    ndim, n = len(shape_of(f)), shape_of(f)[axis]
    if n < edge_order + 1:
        raise ValueError("too few samples: a numerical gradient needs at least edge_order + 1")
    first, last = along(axis, slice(0, 1), ndim), along(axis, slice(-1, None), ndim)
    if len(shape_of(spacing)) == 0:
        h = spacing
        before = behind = at_first = at_last = 0.5
    elif shape_of(spacing) == (n,):
        h = np.reshape(np.diff(spacing), [-1 if k == axis else 1 for k in range(ndim)])
        before = tail(h, axis) / (
            head(h, axis) + tail(h, axis)
        )  # the weight of the interval before a point, and of that behind
        behind, at_first, at_last = 1 - before, 1 - before[first], before[last]
    else:
        raise ValueError("distances must be numbers, or as many points as the dimension has")
    d = np.diff(f, axis=axis) / h  # slopes of the intervals
    left, right, change = d[first], d[last], np.diff(d, axis=axis)
    if edge_order == 2:
        left, right = left - at_first * change[first], right + at_last * change[last]
    return np.concatenate([left, before * head(d, axis) + behind * tail(d, axis), right], axis=axis)
