"""Batched forms of stores, and of Python's functions of numbers; see `batching` for what a form is."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint._rules.batching_forms import align, rank, spread
from adjoint._rules.batching_indexing import Index, fitting
from adjoint._rules.kinds import dtype_of, shape_of

# Stores --------------------------------------------------------------------------------------------------------------------


def store(call: Any, mapped: Any, size: int, a: Any, index: Any, v: Any) -> Any:
    """``stores.assign`` and ``stores.accumulate``."""
    a = spread(a, mapped[0], size)
    found = Index(True, size, rank(a, True), index, mapped[1])
    if found.moves is not None or mapped[2]:
        part = found.out(a[found.full])
        v = fitting(v, mapped[2], rank(part, True))
        v = v if found.moves is None else found.back(np.broadcast_to(v, shape_of(part)))
    return call(a, found.full, v)


def winners(call: Any, mapped: Any, size: int, v: Any, index: Any, shape: Any) -> Any:
    found = Index(True, size, len(shape), index, mapped[1])
    return found.out(call(found.back(spread(v, mapped[0], size)), found.full, (size, *shape)))


def fit(call: Any, mapped: Any, size: int, g: Any, x: Any) -> Any:
    """Sum a stack of cotangents over the axes that each was broadcast along; the batch axis is not among them."""
    g, n = spread(g, mapped[0], size), rank(x, mapped[1])
    extra = rank(g, True) - n
    if extra > 0:
        g = np.sum(g, axis=tuple(range(1, 1 + extra)))
    if not n and dtype_of(g) == dtype_of(x):
        return g
    return call(align(g, True, n), spread(x, mapped[1], size))


def stretch(call: Any, mapped: Any, size: int, ct: Any, g: Any) -> Any:
    """``stores.spread``, the transpose of `fit`."""
    g = spread(g, mapped[1], size)
    return call(align(spread(ct, mapped[0], size), True, rank(g, True)), g)


# Python's numbers, which are arrays once they are stacked -----------------------------------------------------------------------


def of_dtype(dtype: Any) -> Any:
    """Return the form of ``float(x)`` and of its siblings."""

    def form(call: Any, mapped: Any, size: int, *args: Any) -> Any:
        if len(args) != 1 or dtype_of(args[0]).kind == "c":
            return args[0] if len(args) == 1 and dtype_of(args[0]) == dtype else NotImplemented
        return args[0] if dtype_of(args[0]) == dtype else np.astype(args[0], np.dtype(dtype))

    return form


def truth(call: Any, x: Any) -> Any:
    return x if dtype_of(x).kind == "b" else np.not_equal(x, 0)


def no_truth(call: Any, x: Any) -> Any:
    return np.logical_not(x)


def largest(call: Any, mapped: Any, size: int, *args: Any, **kwargs: Any) -> Any:
    """``max(a, b, ...)``: the first of equal values, and the first argument if that is nan."""
    return _best(np.greater, args, kwargs)


def smallest(call: Any, mapped: Any, size: int, *args: Any, **kwargs: Any) -> Any:
    return _best(np.less, args, kwargs)


def _best(better: Any, args: Any, kwargs: Any) -> Any:
    if kwargs or len(args) < 2:
        return NotImplemented
    best = args[0]
    for x in args[1:]:
        best = np.where(better(x, best), x, best)
    return best
