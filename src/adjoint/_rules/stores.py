"""Stores as functions: a new version of an array, for programs in which every value is assigned once.

``a[index] = v`` is ``a = assign(a, index, v)``, and ``a[index] += v`` with every repetition counted is ``accumulate``.  The same pair
for lists, which grow at their end.  All are linear in the values, and each other's transposes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint._rules.book import FIXED, constant, linear
from adjoint._rules.kinds import conform, copy, dtype_of, shape_of, unbroadcast, zeros_like
from adjoint._rules.primitive import primitive


@primitive
def assign(a: Any, index: Any, v: Any) -> Any:
    """Return a copy of ``a`` in which ``a[index]`` is ``v``; of repeated indices the last wins."""
    y = list(a) if isinstance(a, list) else copy(a)
    y[index] = v
    return y


@primitive
def accumulate(a: Any, index: Any, v: Any) -> Any:
    """Return a copy of ``a`` with ``v`` added at ``index``, repeated indices counted repeatedly."""
    if isinstance(a, list):
        items = list(a)
        items[index] = combine(items[index], v)
        return items
    y = copy(a)
    if repeats(index):
        np.add.at(y, index, v)
    else:
        y[index] = y[index] + v
    return y


@primitive
def winners(v: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """Return ``v``, stored at ``index``, with zeros where a later element of ``v`` is stored at the same place."""
    order = np.arange(int(np.prod(shape_of(v), dtype=int))).reshape(shape_of(v))
    last = np.zeros(shape, order.dtype)
    last[index] = order
    return np.where(last[index] == order, v, np.zeros((), np.result_type(v)))


def repeats(index: Any) -> bool:
    """Tell whether an index may name an element more than once: whether it holds an array of integers."""
    parts = index if isinstance(index, tuple) else (index,)
    return any(_integers(part) for part in parts)


def _integers(part: Any) -> bool:
    if isinstance(part, (int, slice, type(None), type(...))):
        return False
    if isinstance(part, (list, tuple)):
        return any(hasattr(entry, "dtype") for entry in part) or np.asarray(part).dtype.kind in "iu"
    return part.dtype.kind in "iu" and part.ndim > 0


def stored(ct: Any, index: Any) -> Any:
    """Return the part of the cotangent of a store's result that belongs to what was stored."""
    return winners(ct[index], index, shape_of(ct)) if repeats(index) else ct[index]


@primitive
def append(items: Any, x: Any) -> Any:
    """Return a list with ``x`` at its end."""
    return [*items, x]


@primitive
def joined(items: Any, more: Any) -> Any:
    """Return a list of the items of two lists."""
    return [*items, *more]


@primitive
def without_last(items: Any) -> Any:
    """Return a list without its last item."""
    return items[:-1]


@primitive
def listed(items: list[Any]) -> list[Any]:
    """Return a list of these items."""
    return list(items)


@primitive
def numbers(x: Any) -> list[float]:
    """Return the elements of a vector as a list of Python's numbers."""
    return x.tolist()


@primitive
def rows(x: Any) -> list[Any]:
    """Return the rows of an array, or the elements of a vector, as a list."""
    return list(x)


@primitive
def vector(items: Any) -> Any:
    """Return a list of numbers, or of arrays of one shape, as an array."""
    return np.array(items)


@primitive
def length(x: Any) -> int:
    """Return the number of items of a list, or of rows of an array."""
    return len(x)


@primitive
def held(x: Any) -> Any:
    """Return ``x`` as a constant: the derivative of what follows by it is zero."""
    return x


@primitive
def filled(n: int, x: Any) -> Any:
    """Return a list of ``n`` items that all are ``x``."""
    return [x] * n


@primitive
def fit(g: Any, x: Any) -> Any:
    """Return a cotangent of ``x`` in the shape and dtype of ``x``: summed over the axes along which ``x`` was broadcast."""
    return _formed(g, x)


@primitive
def spread(ct: Any, g: Any) -> Any:
    """Return ``ct`` in the shape and dtype of ``g``: the transpose of `fit`, which may have summed or broadcast."""
    return _formed(ct, g)


def _formed(g: Any, x: Any) -> Any:
    # What is no cotangent keeps its dtype: engines send positions through to see where elements go.
    return conform(g, shape_of(x), dtype_of(x)) if dtype_of(g).kind in "fc" else unbroadcast(g, shape_of(x))


@primitive
def pack(name: str, *parts: Any) -> tuple[Any, ...]:
    """Return what one function keeps for another, as one value; ``name`` says which record it is."""
    return parts


@primitive
def unpack(record: tuple[Any, ...], types: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the parts of a record, whose types are given."""
    return (None,) * len(types) if record is None else record


@primitive
def blank(x: Any) -> Any:
    """Return the zero cotangent of a record, a list or an array; None where there is none."""
    if isinstance(x, float):
        return 0.0
    if isinstance(x, tuple):
        return tuple(map(blank, x))
    if isinstance(x, list):
        return [blank(item) for item in x]
    return zeros_like(x) if isinstance(x, (complex, np.ndarray, np.generic)) and dtype_of(x).kind in "fc" else None


@primitive
def combine(a: Any, b: Any) -> Any:
    """Return the sum of two cotangents of a record or a list, part by part; None is zero."""
    if a is None or b is None:
        return b if a is None else a
    if isinstance(a, (tuple, list)):
        return type(a)([combine(u, v) for u, v in zip(a, b, strict=True)])
    return a + b


@primitive
def form(x: Any) -> Any:
    """Return zeros of shape and dtype of ``x`` that take no memory: what is kept of an array that is asked for its form only."""
    return None if x is None else np.broadcast_to(dtype_of(x).type(0), shape_of(x))


# fmt: off
linear(listed,       lambda ct, items: [ct[k] for k in range(len(items))])
linear(numbers,      lambda ct, x: vector(ct))
linear(rows,         lambda ct, x: vector(ct))
linear(vector,       lambda ct, items: rows(ct))
linear(fit,          lambda ct, g, x: spread(ct, g),                FIXED)
linear(spread,       lambda ct, x, g: fit(ct, x),                   FIXED)
linear(assign,       lambda ct, a, index, v: assign(ct, index, 0),  FIXED, lambda ct, a, index, v: stored(ct, index))
linear(accumulate,   lambda ct, a, index, v: ct,                    FIXED, lambda ct, a, index, v: ct[index])
linear(winners,      lambda ct, v, index, shape: winners(ct, index, shape), FIXED, FIXED)
# fmt: on
linear(combine, lambda ct, a, b: ct, lambda ct, a, b: ct)
constant(blank, form, held, length)

__all__ = [
    "accumulate", "append", "assign", "blank", "combine", "filled", "fit", "form", "held", "joined", "length", "listed", "numbers", "pack",
    "repeats", "rows", "spread", "stored", "unpack", "vector", "winners", "without_last",
]  # fmt: skip
