"""`numpy.pad`, axis after axis: each axis gets a piece in front and a piece behind, which its mode computes.

The modes that only copy elements (edge, reflect, symmetric, wrap) are one gather: padding the *positions* of the elements tells which
element stands where.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint._rules.book import composite
from adjoint._rules.forms import along, as_array
from adjoint._rules.kinds import shape_of

STATISTICS = {"maximum": np.max, "mean": np.mean, "median": np.median, "minimum": np.min}


@composite(np.pad)
def pad(array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Any:
    x = as_array(array)
    if isinstance(pad_width, dict):
        pad_width = [pad_width.get(k, pad_width.get(k - x.ndim, (0, 0))) for k in range(x.ndim)]
        pad_width = [(w, w) if np.ndim(w) == 0 else w for w in pad_width]
    widths = [(int(before), int(after)) for before, after in np.broadcast_to(np.asarray(pad_width), (x.ndim, 2))]
    if min(min(pair) for pair in widths or [(0, 0)]) < 0:
        raise ValueError("index can't contain negative values")
    if callable(mode):
        return by_function(pad(x, widths), widths, mode, kwargs)
    if mode in ("edge", "wrap") or (mode in ("reflect", "symmetric") and kwargs.get("reflect_type", "even") == "even"):
        positions = [np.pad(np.arange(n), pair, mode=mode) for n, pair in zip(x.shape, widths, strict=True)]
        return x[np.ix_(*positions)] if x.ndim else np.copy(x)
    if mode in ("reflect", "symmetric"):
        for axis, pair in enumerate(widths):
            x = mirrored(x, axis, pair, mode)
        return x
    option = {"constant": "constant_values", "linear_ramp": "end_values"}.get(mode, "stat_length")
    given = as_array(kwargs.get(option, 0 if option != "stat_length" else -1))
    options = np.broadcast_to(given, (x.ndim, 2))
    padded = np.copy(x)
    for axis, pair in enumerate(widths):
        before, after = (
            piece(x if mode == "constant" else padded, axis, end, pair, mode, options[axis, end]) for end in (0, 1)
        )
        padded = np.concatenate([grown(before, padded, axis), padded, grown(after, padded, axis)], axis)
    return np.astype(padded, x.dtype, copy=False)


def grown(part: Any, x: Any, axis: int) -> Any:
    """Return a piece with the extent of ``x`` along all other axes."""
    return np.broadcast_to(part, (*x.shape[:axis], part.shape[axis], *x.shape[axis + 1 :]))


def piece(x: Any, axis: int, end: int, pair: tuple[int, int], mode: str, option: Any) -> Any:
    """Return what stands before (``end`` 0) or behind (``end`` 1) an axis."""
    width, n = pair[end], x.shape[axis]
    ones = (1,) * (x.ndim - 1)
    if mode in ("constant", "empty"):
        return np.broadcast_to(option if mode == "constant" else 0.0, (*ones[:axis], width, *ones[axis:]))
    if n == 0:
        raise ValueError(f"can't extend empty axis {axis} using modes other than 'constant' or 'empty'")
    first, last = x[along(axis, slice(0, 1), x.ndim)], x[along(axis, slice(n - 1, n), x.ndim)]
    if mode in STATISTICS:
        count = n if option < 0 else min(int(option), n)
        part = x[along(axis, slice(0, count) if end == 0 else slice(n - count, n), x.ndim)]
        value = STATISTICS[mode](part, axis=axis, keepdims=True)
        return np.broadcast_to(value, (*x.shape[:axis], width, *x.shape[axis + 1 :]))
    if mode == "linear_ramp":
        weight = np.arange(width) / max(width, 1)
        weight = np.reshape(weight if end == 0 else weight[::-1], (width,) + (1,) * (x.ndim - 1 - axis))
        return option + ((first, last)[end] - option) * weight
    raise ValueError(f"mode '{mode}' is not supported")


def mirrored(x: Any, axis: int, pair: tuple[int, int], mode: str) -> Any:
    """Extend an axis by odd reflection, ``f(-p) = 2 f(0) - f(p)``, again and again while the padding is longer than the axis.

    A mirrored chunk is as long as whole periods of the axis allow, as in NumPy.
    """
    n, own = x.shape[axis], int(mode == "symmetric")  # "symmetric" repeats the end itself
    before, after = pair
    if n == 1:
        return np.repeat(x, 1 + before + after, axis)
    while before or after:
        m = x.shape[axis]
        whole = m // n * n if own else (m - 1) // (n - 1) * (n - 1)
        k = np.arange(1 - own, m)[: min(whole, before)]
        left = 2 * x[along(axis, slice(0, 1), x.ndim)] - np.take(x, k[::-1], axis)
        k = np.arange(m - 2 + own, -1, -1)[: min(whole, after)]
        right = 2 * x[along(axis, slice(m - 1, m), x.ndim)] - np.take(x, k, axis)
        before, after = before - left.shape[axis], after - right.shape[axis]
        x = np.concatenate([left, x, right], axis)
    return x


def by_function(padded: Any, widths: list[tuple[int, int]], function: Any, kwargs: dict[str, Any]) -> Any:
    """Let a function of the user fill in the padding of every vector along every axis, in place."""
    for axis, pair in enumerate(widths):
        rows = np.moveaxis(padded, axis, -1)
        for index in np.ndindex(shape_of(rows)[:-1]):
            function(rows[index], pair, axis, kwargs)
    return padded
