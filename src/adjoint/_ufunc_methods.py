"""The methods of ufuncs (``reduce accumulate outer at reduceat``) and ``out=``, ``where=``, by functions that have rules.

The reductions that NumPy names (`numpy.sum` is ``np.add.reduce``) go to these names; any other ufunc is reduced by applying it
element after element along the axis, which is its definition.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

# Chapters of the rule book add to these.
REDUCTIONS: dict[np.ufunc, Callable[..., Any]] = {
    np.add: np.sum,
    np.multiply: np.prod,
    np.maximum: np.max,
    np.minimum: np.min,
    np.fmax: np.nanmax,
    np.fmin: np.nanmin,
    np.logical_and: np.all,
    np.logical_or: np.any,
}
ACCUMULATIONS: dict[np.ufunc, Callable[..., Any]] = {np.add: np.cumsum, np.multiply: np.cumprod}


def evaluate(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Evaluate ``ufunc.method(*inputs, **kwargs)`` by the ufunc itself and by functions that have rules."""
    kwargs = dict(kwargs)
    out = kwargs.pop("out", None)
    y = globals()[f"_{method}"](ufunc, *inputs, **kwargs)
    return deliver(y, out, True)


def deliver(y: Any, out: Any, where: Any) -> Any:
    """Store the result in ``out`` where ``where`` holds; without ``out``, return the result, zero elsewhere."""
    if out is None or (len(out) == 1 and out[0] is None):
        return y if where is True else np.where(where, y, 0)
    if len(out) > 1:
        return tuple(deliver(part, (buffer,), where) for part, buffer in zip(y, out, strict=True))
    # A store, not `numpy.copyto`: the array that is written to may take in a traced value.
    out[0][...] = y if where is True else np.where(where, y, out[0])
    return out[0]


def _reduce(
    ufunc: np.ufunc,
    a: Any,
    axis: Any = 0,
    dtype: Any = None,
    keepdims: bool = False,
    initial: Any = np._NoValue,
    where: Any = True,
) -> Any:
    a = a if dtype is None else np.astype(a, dtype)
    options = {} if initial is np._NoValue or initial is None else {"initial": initial}
    if ufunc in REDUCTIONS:
        if where is not True:
            options["where"] = where
        return REDUCTIONS[ufunc](a, axis=axis, keepdims=keepdims, **options)
    axes = tuple(range(a.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = tuple(k % a.ndim for k in axes)
    moved = np.moveaxis(a, axes, range(len(axes)))
    rest = moved.shape[len(axes) :]
    rows = np.reshape(moved, (int(np.prod(moved.shape[: len(axes)])), *rest))
    chosen = np.moveaxis(np.broadcast_to(where, a.shape), axes, range(len(axes))).reshape(rows.shape)
    start = 0
    if options or where is not True or not len(rows):
        y = options.get("initial", ufunc.identity)
        if y is None:
            raise ValueError(f"reduction operation '{ufunc.__name__}' does not have an identity, so it needs initial=")
        y = np.full(rest, y, a.dtype) if isinstance(y, (int, float)) else np.broadcast_to(y, rest)
    else:
        y, start = rows[0], 1
    for k in range(start, len(rows)):
        step = ufunc(y, rows[k])
        y = step if where is True else np.where(chosen[k], step, y)
    return np.reshape(y, [1 if k in axes else n for k, n in enumerate(a.shape)]) if keepdims else y


def _accumulate(ufunc: np.ufunc, a: Any, axis: int = 0, dtype: Any = None) -> Any:
    a = a if dtype is None else np.astype(a, dtype)
    if ufunc in ACCUMULATIONS:
        return ACCUMULATIONS[ufunc](a, axis=axis)
    rows = np.moveaxis(a, axis, 0)
    results = [rows[0]] if len(rows) else []
    for k in range(1, len(rows)):
        results.append(ufunc(results[-1], rows[k]))
    return np.stack(results, axis=axis) if results else a


def _outer(ufunc: np.ufunc, a: Any, b: Any, **kwargs: Any) -> Any:
    # As in NumPy, a number becomes an array, whose dtype counts.
    return ufunc(np.reshape(a, np.shape(a) + (1,) * np.ndim(b)), np.reshape(b, np.shape(b)), **kwargs)


def _at(ufunc: np.ufunc, a: Any, indices: Any, *b: Any) -> None:
    """``ufunc.at`` is unbuffered: one element after the other, so that repeated indices count repeatedly.

    Elements that are met once are updated together; the k-th meeting of a repeated element is updated in round k.
    """
    flat = np.arange(np.prod(np.shape(a), dtype=int)).reshape(np.shape(a))[indices]
    order = np.argsort(flat, axis=None, kind="stable")
    ranked = flat.ravel()[order]
    starts = np.searchsorted(ranked, ranked, side="left")
    round_of = np.empty(flat.size, int)
    round_of[order] = np.arange(flat.size) - starts
    values = [np.reshape(np.broadcast_to(operand, flat.shape), -1) for operand in b]
    for k in range(int(round_of.max()) + 1 if flat.size else 0):
        chosen = np.flatnonzero(round_of == k)
        where = np.unravel_index(flat.ravel()[chosen], np.shape(a))
        a[where] = ufunc(a[where], *[value[chosen] for value in values])


def _reduceat(ufunc: np.ufunc, a: Any, indices: Any, axis: int = 0, dtype: Any = None) -> Any:
    indices = np.asarray(indices)
    ends = np.append(indices[1:], a.shape[axis])
    rows = np.moveaxis(a, axis, 0)
    parts = [_reduce(ufunc, rows[start : max(end, start + 1)], 0, dtype) for start, end in zip(indices, ends, strict=True)]
    return np.stack(parts, axis=axis)
