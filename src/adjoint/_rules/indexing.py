"""Indexing: parts of arrays by position, mask, condition or diagonal, and stores into them.

All reading functions come down to one pair of linear functions, which are each other's transposes: ``x[index]`` and `scatter`,
which puts values back at their index.  Functions that write are definitions that compute an index and store
``target[index] = values``; the array that is written to does the rest.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from adjoint._overload import unravelled
from adjoint._rules.book import FIXED, composite, constant, linear
from adjoint._rules.extents import made
from adjoint._rules.forms import along, as_array, axes_of, overloaded
from adjoint._rules.kinds import Like, dtype_of, shape_of, zeros_like
from adjoint._rules.primitive import primitive
from adjoint.errors import MutationError


@primitive
def scatter(ct: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """Return zeros of ``shape`` with ``ct`` added at ``index``, repeated indices counted repeatedly."""
    like = Like(ct).reshaped(shape)
    if like.foreign is not None and isinstance(index, tuple) and None in index:  # which not every library takes for stores
        index = tuple(part for part in index if part is not None)
        ct = np.reshape(ct, shape_of(np.zeros(shape, bool)[index]))
    y = np.zeros(shape, like.dtype) if like.foreign is None else zeros_like(like)
    if not may_repeat(index):
        y[index] = ct
    elif type(y) is np.ndarray and y.ndim > 1 and np.size(ct) * 4 > y.size:
        # NumPy's fast loop over repeated indices is that of one index into one axis.
        flat = np.arange(y.size).reshape(shape)[index]
        np.add.at(y.reshape(-1), flat.reshape(-1), np.reshape(ct, -1))
    else:
        np.add.at(y, index, ct)
    return y


def may_repeat(index: Any) -> bool:
    """Tell whether an index may name an element more than once, as arrays of integers do."""
    parts = index if isinstance(index, tuple) else (index,)
    basic = (slice, int, np.integer, np.bool_, type(None), type(...))
    return any(not isinstance(part, basic) and np.asarray(part).dtype.kind in "iu" and np.ndim(part) > 0 for part in parts)


Extent = tuple[int, ...]


@primitive
def window(a: Any, shape: Extent, strides: Extent, offset: int) -> Any:
    """Return the elements of ``a`` at ``offset + sum(strides * index)``, counted in C order: a view where ``a`` is contiguous."""
    if type(a) is np.ndarray and a.size and a.flags.c_contiguous:
        y = np.ndarray(shape, a.dtype, a, offset * a.itemsize, [n * a.itemsize for n in strides])
        # An element that stands in several places is not to be added to in place.
        y.flags.writeable = all(n or length < 2 for n, length in zip(strides, shape, strict=True))
        return y
    return np.reshape(a, -1)[places(shape, strides, offset)]


def places(shape: Extent, strides: Extent, offset: int) -> np.ndarray:
    """Return the flat positions of the elements of a window."""
    grids = np.ogrid[tuple(slice(n) for n in shape)] if shape else []
    return np.asarray(sum((grid * n for grid, n in zip(grids, strides, strict=True)), offset))


# fmt: off
linear(window,                  lambda ct, a, *extent: scatter(ct, unravelled(places(*extent), a.shape), a.shape),  FIXED, FIXED, FIXED)
linear(operator.getitem,        lambda ct, a, index: scatter(ct, index, a.shape),                                         FIXED)
linear(scatter,                 lambda ct, x, index, shape: ct[index],                                                    FIXED, FIXED)
linear(np.take,                 lambda ct, a, indices, axis=None, out=None, mode="raise": untake(ct, a, indices, axis, mode))
composite(np.compress,          lambda condition, a, axis=None, out=None: np.take(a, np.flatnonzero(condition), axis))
composite(np.extract,           lambda condition, arr: np.take(arr, np.flatnonzero(condition)))
composite(np.take_along_axis,   lambda arr, indices, axis=-1: as_array(arr)[grid(shape_of(arr), indices, axis)])

linear(np.where,                FIXED, lambda ct, c, x=0, y=0: np.where(c, ct, 0), lambda ct, c, x=0, y=0: np.where(c, 0, ct))
linear(np.tril,                 lambda ct, m, k=0: np.tril(ct, k))
linear(np.triu,                 lambda ct, m, k=0: np.triu(ct, k))
linear(np.diagonal,             lambda ct, a, offset=0, axis1=0, axis2=1: undiagonal(ct, a.shape, offset, axis1, axis2))
composite(np.diag,              lambda v, k=0: np.diagonal(v, k) if len(shape_of(v)) == 2 else diagonal_matrix(v, k))
composite(np.diagflat,          lambda v, k=0: diagonal_matrix(np.ravel(v), k))
composite(np.trace,             lambda a, offset=0, axis1=0, axis2=1, dtype=None, out=None: total(np.diagonal(a, offset, axis1, axis2), dtype))
composite(np.linalg.diagonal,   lambda x, /, *, offset=0: np.diagonal(x, offset, -2, -1))
composite(np.linalg.trace,      lambda x, /, *, offset=0, dtype=None: total(np.diagonal(x, offset, -2, -1), dtype))
constant(np.nonzero, np.argwhere, np.flatnonzero, np.diag_indices_from, np.tril_indices_from, np.triu_indices_from)
# fmt: on


# Reading --------------------------------------------------------------------------------------------------------------------


def in_range(indices: Any, size: int, mode: str) -> np.ndarray:
    """Return indices as ``mode`` says: ``"wrap"`` around, ``"clip"`` to the ends, or ``"raise"``."""
    indices = np.asarray(indices, dtype=np.intp)
    if mode == "wrap":
        return indices % size
    if mode == "clip":
        return np.clip(indices, 0, size - 1)
    if np.any((indices < -size) | (indices >= size)):
        raise IndexError(f"index is out of bounds for size {size}")
    return np.where(indices < 0, indices + size, indices)


def untake(ct: Any, a: Any, indices: Any, axis: int | None, mode: str) -> Any:
    """The transpose of `numpy.take`: add each row back where it was taken from."""
    indices = indices if hasattr(indices, "dtype") else np.asarray(indices, np.intp)
    size = a.size if axis is None else a.shape[axis]
    if mode != "raise":  # the function itself has raised
        indices = indices % size if mode == "wrap" else np.clip(indices, 0, size - 1)
    if axis is None:
        return np.reshape(scatter(ct, indices, (size,)), a.shape)
    return scatter(ct, along(axis, indices, a.ndim), a.shape)


def grid(shape: tuple[int, ...], indices: Any, axis: int | None) -> Any:
    """Return the index that picks ``indices`` along one axis, position by position of the others."""
    indices = indices if hasattr(indices, "dtype") else np.asarray(indices)
    if axis is None:
        return unravelled(in_range(indices, int(np.prod(shape, dtype=int)), "raise"), shape)
    if indices.ndim != len(shape):
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    index: list[Any] = mesh(shape)
    index[axis] = indices
    return tuple(index)


def mesh(shape: tuple[int, ...]) -> list[Any]:
    """Return the positions along each axis, as arrays that broadcast to ``shape``: `numpy.ogrid`."""
    ndim = len(shape)
    return [np.reshape(made(np.arange, n), (1,) * k + (n,) + (1,) * (ndim - k - 1)) for k, n in enumerate(shape)]


@composite(np.choose)
def choose(a: Any, choices: Any, out: Any = None, mode: str = "raise") -> Any:
    choices = list(choices)
    a = np.asarray(a)
    if mode == "raise" and np.any((a < 0) | (a >= len(choices))):
        raise ValueError("invalid entry in choice array")
    a = in_range(a, len(choices), mode)
    y = choices[-1]
    for k, choice in enumerate(choices):
        y = np.where(a == k, choice, y)
    return y


@composite(np.select)
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    if len(condlist) != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    y = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        y = np.where(condition, choice, y)
    return y


@composite(np.piecewise)
def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    """A function sees only the elements where its condition holds; where several hold, the last decides."""
    x = as_array(x)
    first = condlist if np.ndim(condlist) == 0 else condlist[0]
    conditions = [condlist] if np.ndim(first) == 0 and (np.ndim(condlist) == 0 or x.ndim) else list(condlist)
    conditions = [np.asarray(condition, dtype=bool) for condition in conditions]
    if len(funclist) == len(conditions) + 1:
        conditions.append(~np.any(conditions, axis=0))
    if len(funclist) != len(conditions):
        raise ValueError(
            f"with {len(conditions)} condition(s), either {len(conditions)} or {len(conditions) + 1} functions are expected"
        )
    y = np.zeros(x.shape, x.dtype)
    for condition, function in zip(conditions, funclist, strict=True):
        chosen = x[condition]
        if callable(function) and chosen.size:
            y = np.where(condition, scatter(function(chosen, *args, **kw), condition, x.shape), y)
        elif not callable(function):
            y = np.where(condition, function, y)
    return np.astype(y, x.dtype)


def undiagonal(ct: Any, shape: tuple[int, ...], offset: int, axis1: int, axis2: int) -> Any:
    """The transpose of `numpy.diagonal`: put the last axis of ``ct`` on the diagonal of two axes of zeros of ``shape``."""
    axis1, axis2 = axes_of((axis1, axis2), len(shape))
    rest = tuple(n for k, n in enumerate(shape) if k not in (axis1, axis2))
    k = made(np.arange, shape_of(ct)[-1])
    y = scatter(ct, (..., k + max(-offset, 0), k + max(offset, 0)), (*rest, shape[axis1], shape[axis2]))
    return np.moveaxis(y, (-2, -1), (axis1, axis2))


def diagonal_matrix(v: Any, k: int) -> Any:
    v = as_array(v)
    if v.ndim != 1:
        raise ValueError("Input must be 1- or 2-d.")
    return undiagonal(v, (v.shape[0] + abs(k),) * 2, k, 0, 1)


def total(x: Any, dtype: Any) -> Any:
    return np.sum(x, axis=-1) if dtype is None else np.sum(x, axis=-1, dtype=dtype)


@composite(np.ix_)
def ix_(*args: Any) -> Any:
    """An open mesh; its vectors may be coordinates as well as indices."""
    vectors = [np.flatnonzero(x) if dtype_of(x).kind == "b" else x for x in map(as_array, args)]
    if any(len(shape_of(x)) != 1 for x in vectors):
        raise ValueError("Cross index must be 1 dimensional")
    n = len(vectors)
    return tuple(np.reshape(x, (1,) * k + shape_of(x) + (1,) * (n - k - 1)) for k, x in enumerate(vectors))


# Writing --------------------------------------------------------------------------------------------------------------------


def store(target: Any, index: Any, value: Any) -> None:
    """``target[index] = value``, refused where the target can hold numbers only."""
    if type(target) is np.ndarray and target.dtype != object and overloaded(value):
        raise MutationError(
            "a traced value was stored in a plain array",
            why="the array was not allocated inside the differentiated function, and holds numbers without derivatives",
            remedy="allocate it in the differentiated function (np.zeros, np.empty, np.copy), or return the value instead",
        )
    target[index] = value


def cycled(values: Any, n: int) -> Any:
    """Return the first ``n`` of ``values``, flattened and repeated as often as needed."""
    values = np.ravel(as_array(values))
    return values if values.size in (1, n) else values[np.arange(n) % values.size]


def positions(flat: np.ndarray, shape: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """Return flat positions as an index of an array of ``shape``."""
    return np.unravel_index(flat, shape) if shape else ()


@composite(np.copyto)
def copyto(dst: Any, src: Any, casting: Any = "same_kind", where: Any = True) -> None:
    src = as_array(src) if type(src) in (list, tuple) else src
    if not np.can_cast(dtype_of(src), dst.dtype, casting) and not isinstance(src, (bool, int, float, complex)):
        raise TypeError(f"Cannot cast array data from {dtype_of(src)!r} to {dst.dtype!r} according to the rule {casting!r}")
    if where is True:
        store(dst, ..., src)
    else:
        where = np.broadcast_to(where, dst.shape)
        store(dst, where, np.broadcast_to(src, dst.shape)[where])


@composite(np.put)
def put(a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    flat = np.ravel(in_range(ind, a.size, mode))
    if flat.size and np.size(v):
        store(a, positions(flat, a.shape), cycled(v, flat.size) if a.ndim else cycled(v, flat.size)[-1])


@composite(np.place)
def place(arr: Any, mask: Any, vals: Any) -> None:
    flat = np.flatnonzero(mask)
    if flat.size:
        store(arr, positions(flat, arr.shape), cycled(vals, flat.size))


@composite(np.putmask)
def putmask(a: Any, mask: Any, values: Any) -> None:
    flat = np.flatnonzero(mask)
    if flat.size and np.size(values):
        values = np.ravel(as_array(values))
        store(a, positions(flat, a.shape), values[flat % values.size])


@composite(np.put_along_axis)
def put_along_axis(arr: Any, indices: Any, values: Any, axis: int | None) -> None:
    store(arr, grid(arr.shape, indices, axis), values)


@composite(np.fill_diagonal)
def fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    if a.ndim < 2:
        raise ValueError("array must be at least 2-d")
    if a.ndim > 2 and len(set(a.shape)) > 1:
        raise ValueError("All dimensions of input must be of equal length")
    step = 1 + int(np.cumprod(a.shape[:0:-1]).sum())
    end = a.shape[1] ** 2 if a.ndim == 2 and not wrap else a.size
    flat = np.arange(a.size)[:end:step]
    store(a, positions(flat, a.shape), cycled(val, flat.size))
