"""Shaping: the same elements in another shape, order, number or array.

The first tables hold functions that are linear by themselves, each with its transpose.  What NumPy builds from these (stacks,
splits, insertion and deletion) is defined by them here too.  A function that returns a view in NumPy returns a view here, and a
function that returns a copy returns a copy, because the difference is seen as soon as one of the two is written to.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from adjoint._rules.book import composite, constant, excluded, linear
from adjoint._rules.extents import made, product, unknown
from adjoint._rules.forms import along, as_array, axes_of, inverse, mT, outline, overloaded
from adjoint._rules.indexing import scatter
from adjoint._rules.kinds import Like, dtype_of, shape_of
from adjoint._rules.primitive import primitive

sliding_window_view = np.lib.stride_tricks.sliding_window_view


@primitive
def windows(x: Any, window_shape: Any, axis: Any) -> Any:
    """Return all windows of a shape as a read-only view: windows overlap, and a store into one would be a store into others."""
    return sliding_window_view(x, window_shape, axis)


@primitive
def convert(x: Any, dtype: Any) -> Any:
    """Return a number or array in a floating or complex dtype, the real part if a complex array becomes real."""
    dtype = np.dtype(dtype)
    x = np.real(x) if dtype.kind != "c" and dtype_of(x).kind == "c" else x
    return np.astype(x, dtype) if isinstance(x, np.ndarray) else dtype.type(x)


@primitive
def discretise(x: Any, dtype: Any) -> Any:
    """Return a number or array in an integer, boolean or other dtype without derivatives."""
    return np.astype(x, dtype) if isinstance(x, np.ndarray) else np.dtype(dtype).type(x)


# fmt: off
linear(np.reshape,          lambda ct, a, shape=None, order="C", **_: reshaped(ct, a.shape, order))
linear(np.ravel,            lambda ct, a, order="C": reshaped(ct, a.shape, order))
linear(np.transpose,        lambda ct, a, axes=None: np.transpose(ct, inverse(axes)))
linear(np.matrix_transpose, lambda ct, x: mT(ct))
linear(np.swapaxes,         lambda ct, a, axis1, axis2: np.swapaxes(ct, axis1, axis2))
linear(np.moveaxis,         lambda ct, a, source, destination: np.moveaxis(ct, destination, source))
linear(np.squeeze,          lambda ct, a, axis=None: np.reshape(ct, a.shape))
linear(np.expand_dims,      lambda ct, a, axis: np.reshape(ct, a.shape))
linear(np.flip,             lambda ct, m, axis=None: np.flip(ct, axis))
linear(np.fliplr,           lambda ct, m: np.fliplr(ct))
linear(np.flipud,           lambda ct, m: np.flipud(ct))
linear(np.rot90,            lambda ct, m, k=1, axes=(0, 1): np.rot90(ct, -k, axes))
linear(np.roll,             lambda ct, a, shift, axis=None: np.roll(ct, opposite(shift), axis))
linear(np.copy,             lambda ct, a, order="K", subok=False: ct)
linear(convert,             lambda ct, x, dtype: ct)
linear(np.broadcast_to,     lambda ct, array, shape, subok=False: ct)
linear(np.repeat,           lambda ct, a, repeats, axis=None: unrepeat(ct, a, repeats, axis))
linear(np.tile,             lambda ct, A, reps: untile(ct, A.shape, reps))
linear(windows,             lambda ct, x, window_shape, axis: unwindow(ct, x.shape, window_shape, axis))
linear(np.concatenate,      lambda ct, arrays, axis=0, *_, **__: pieces(ct, arrays, axis))
linear(np.stack,            lambda ct, arrays, axis=0, *_, **__: gathered(rows(np.moveaxis(ct, axis, 0), len(arrays)), arrays))

composite(np.rollaxis,      lambda a, axis, start=0: np.moveaxis(a, axis, rolled(axis, start, len(shape_of(a)))))
composite(np.astype,        lambda x, dtype, /, *, copy=True, device=None: astype(x, np.dtype(dtype), copy))
composite(np.linalg.matrix_transpose, np.matrix_transpose)
composite(sliding_window_view, lambda x, window_shape, axis=None, *, subok=False, writeable=False: windows(as_array(x), window_shape, axis))
composite(np.atleast_1d,    lambda *arys: each(arys, lambda x: x if x.ndim else np.reshape(x, (1,))))
composite(np.atleast_2d,    lambda *arys: each(arys, lambda x: x if x.ndim > 1 else np.reshape(x, (1, x.size))))
composite(np.atleast_3d,    lambda *arys: each(arys, lambda x: x if x.ndim > 2 else np.expand_dims(np.atleast_2d(x), 2)))
composite(np.broadcast_arrays, lambda *args, subok=False: broadcast(args))
composite(np.vstack,        lambda tup, **options: np.concatenate([np.atleast_2d(as_array(x)) for x in tup], 0, **options))
composite(np.dstack,        lambda tup: np.concatenate([np.atleast_3d(as_array(x)) for x in tup], 2))
composite(np.column_stack,  lambda tup: np.concatenate([column(as_array(x)) for x in tup], 1))
composite(np.append,        lambda arr, values, axis=None: np.concatenate(flat_or_not((arr, values), axis), 0 if axis is None else axis))
composite(np.resize,        lambda a, new_shape: resized(np.ravel(as_array(a)), new_shape))
composite(np.delete,        lambda arr, obj, axis=None: np.take(arr, np.delete(np.arange(length(arr, axis)), obj), axis))
composite(np.split,         lambda ary, indices_or_sections, axis=0: parts(ary, indices_or_sections, axis, equal=True))
composite(np.array_split,   lambda ary, indices_or_sections, axis=0: parts(ary, indices_or_sections, axis))
composite(np.hsplit,        lambda ary, indices_or_sections: parts(ary, indices_or_sections, min(ary.ndim - 1, 1), equal=True))
composite(np.vsplit,        lambda ary, indices_or_sections: parts(ary, indices_or_sections, 0, equal=True))
composite(np.dsplit,        lambda ary, indices_or_sections: parts(ary, indices_or_sections, 2, equal=True))

constant(np.shape, np.ndim, np.size, np.zeros_like, np.ones_like, np.empty_like, discretise)
# fmt: on


# Transposes -------------------------------------------------------------------------------------------------------------------


def reshaped(ct: Any, shape: tuple[int, ...], order: Any) -> Any:
    """Return an array in another shape; only NumPy's own arrays know of an order other than "C"."""
    return np.reshape(ct, shape) if order == "C" else np.reshape(ct, shape, order=order)


def unrepeat(ct: Any, a: Any, repeats: Any, axis: int | None) -> Any:
    """The transpose of `numpy.repeat`: sum over the copies of each element."""
    shape, k = ((a.size,), 0) if axis is None else (a.shape, axis % a.ndim)
    if np.size(repeats) == 1:
        y = np.sum(np.reshape(ct, (*shape[:k], shape[k], np.reshape(repeats, ()).item(), *shape[k + 1 :])), axis=k + 1)
    else:
        y = scatter(ct, along(k, np.repeat(made(np.arange, shape[k]), repeats), len(shape)), shape)
    return np.reshape(y, a.shape)


def untile(ct: Any, shape: tuple[int, ...], reps: Any) -> Any:
    """The transpose of `numpy.tile`: each axis is (copies, elements); sum over the copies."""
    reps = (reps,) if np.ndim(reps) == 0 else tuple(reps)
    ndim = max(len(reps), len(shape))
    reps, full = (1,) * (ndim - len(reps)) + reps, (1,) * (ndim - len(shape)) + shape
    y = np.reshape(ct, [n for pair in zip(reps, full, strict=True) for n in pair])
    return np.reshape(np.sum(y, axis=tuple(range(0, 2 * ndim, 2))), shape)


def unwindow(ct: Any, shape: tuple[int, ...], window_shape: Any, axis: Any) -> Any:
    """The transpose of `sliding_window_view`: add every window back to where it looked."""
    size = product(shape)
    return np.reshape(scatter(ct, windows(np.reshape(made(np.arange, size), shape), window_shape, axis), (size,)), shape)


def pieces(ct: Any, arrays: Any, axis: int | None) -> Any:
    """The transpose of `numpy.concatenate`: cut the cotangent where the arrays met."""
    shapes = list(map(outline, arrays)) if type(arrays) in (list, tuple) else [arrays.shape[1:]] * arrays.shape[0]
    sizes = [product(shape) if axis is None else shape[axis] for shape in shapes]
    ends = list(itertools.accumulate(sizes))
    axis, ndim = (0, 1) if axis is None else (axis, len(shapes[0]))
    cut = [ct[along(axis, slice(end - n, end), ndim)] for n, end in zip(sizes, ends, strict=True)]
    return gathered([np.reshape(g, shape) for g, shape in zip(cut, shapes, strict=True)], arrays)


def opposite(shift: Any) -> Any:
    """Return the shift, or the shifts, back."""
    return tuple(-n for n in shift) if isinstance(shift, (tuple, list)) else -shift


def rows(ct: Any, n: int) -> list[Any]:
    """Return the ``n`` rows of an array."""
    return [ct[k] for k in range(n)]


def gathered(cts: list[Any], arrays: Any) -> Any:
    """Return the cotangents of the parts of a sequence: a list for a list, an array for an array."""
    return np.stack(cts) if isinstance(arrays, Like) or hasattr(arrays, "shape") else cts


# Definitions ------------------------------------------------------------------------------------------------------------------


def astype(x: Any, dtype: np.dtype, copy: bool) -> Any:
    if dtype.kind not in "fc":
        return discretise(x, dtype)
    if dtype == dtype_of(x):
        return np.copy(x) if copy and shape_of(x) else x
    return convert(x, dtype)


def each(arrays: tuple[Any, ...], function: Any) -> Any:
    """Apply a function to each argument; one argument gives one result, several a tuple."""
    results = tuple(function(as_array(x)) for x in arrays)
    return results[0] if len(results) == 1 else results


def rolled(axis: int, start: int, ndim: int) -> int:
    """Return where `numpy.rollaxis` moves an axis to: before the axis that was at ``start``."""
    start = start + ndim if start < 0 else start
    return start - (axis % ndim < start)


def broadcast(args: Any) -> tuple[Any, ...]:
    if unknown([shape_of(x) for x in args]):
        shape = shape_of(sum(0 * x for x in map(as_array, args)))
        return tuple(np.broadcast_to(x, shape) for x in map(as_array, args))
    shape = np.broadcast_shapes(*map(np.shape, args))
    return tuple(x if shape_of(x) == shape and shape else np.broadcast_to(x, shape) for x in map(as_array, args))


def column(x: Any) -> Any:
    return x if x.ndim > 1 else np.reshape(x, (x.size, 1))


def flat_or_not(arrays: tuple[Any, ...], axis: int | None) -> list[Any]:
    return [np.ravel(x) if axis is None else x for x in map(as_array, arrays)]


def length(a: Any, axis: int | None) -> int:
    return np.size(a) if axis is None else shape_of(a)[axis]


def resized(flat: Any, new_shape: Any) -> Any:
    size = int(np.prod(new_shape, dtype=int))
    return np.reshape(np.take(flat, np.arange(size) % flat.size) if flat.size else np.zeros(size, flat.dtype), new_shape)


@composite(np.hstack)
def hstack(tup: Any, **options: Any) -> Any:
    arrays = [np.atleast_1d(as_array(x)) for x in tup]
    return np.concatenate(arrays, 0 if arrays and arrays[0].ndim == 1 else 1, **options)


if hasattr(np, "row_stack"):
    excluded("NumPy has deprecated it; use numpy.vstack, which it calls", np.row_stack)  # noqa: NPY201
if hasattr(np, "unstack"):
    composite(np.unstack, lambda x, /, *, axis=0: tuple(np.moveaxis(x, axis, 0)))


@composite(np.block)
def block(arrays: Any) -> Any:
    """Nested lists of blocks: the innermost lists go along the last axis, the next along the one before."""

    def depth_of(part: Any) -> int:
        return 1 + max(map(depth_of, part)) if type(part) is list else 0

    def rank_of(part: Any) -> int:
        return max(map(rank_of, part)) if type(part) is list else len(shape_of(as_array(part)))

    def joined(part: Any, level: int) -> Any:
        if type(part) is list:
            return np.concatenate([joined(inner, level - 1) for inner in part], axis=-level)
        part = as_array(part)
        return np.reshape(part, (1,) * (rank - part.ndim) + part.shape)

    depth = depth_of(arrays)
    rank = max(depth, rank_of(arrays))
    return joined(arrays, depth) if depth else np.copy(joined(arrays, 0))


def parts(ary: Any, indices_or_sections: Any, axis: int, *, equal: bool = False) -> list[Any]:
    """Return views of ``ary`` between given indices, or of about equal length."""
    n = ary.shape[axis]
    if np.ndim(indices_or_sections):
        cuts = [0, *indices_or_sections, n]
    else:
        count = int(indices_or_sections)
        if count <= 0:
            raise ValueError("number sections must be larger than 0.")
        if equal and n % count:
            raise ValueError("array split does not result in an equal division")
        cuts = [k * (n // count) + min(k, n % count) for k in range(count + 1)]
    return [ary[along(axis, slice(start, end), ary.ndim)] for start, end in itertools.pairwise(cuts)]


@composite(np.insert)
def insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Any:
    """Append the values, then take all elements in the order that NumPy's own insertion puts them."""
    arr, values = as_array(arr), as_array(values)
    if axis is None:
        arr, axis = np.ravel(arr), 0
    n = arr.shape[axis]
    where = np.arange(n)[obj] if isinstance(obj, slice) else np.asarray(obj)
    where = np.flatnonzero(where) if where.dtype == bool else where.astype(np.intp)
    if np.any((where < -n) | (where > n)):
        raise IndexError(f"index {obj} is out of bounds for axis {axis} with size {n}")
    where = np.where(where < 0, where + n, where)
    values = np.reshape(values, (1,) * (arr.ndim - values.ndim) + values.shape)
    if where.size == 1:
        values = np.moveaxis(values, 0, axis) if where.ndim == 0 else values
        places = where.item() + np.arange(values.shape[axis])
    else:
        places = where.copy()
        places[np.argsort(where, kind="stable")] += np.arange(where.size)
    source = np.full(n + places.size, -1)
    source[places] = n + np.arange(places.size)
    source[source < 0] = np.arange(n)
    shape = list(arr.shape)
    shape[axis] = places.size
    values = np.astype(np.broadcast_to(values, shape), arr.dtype)
    return np.take(np.concatenate([arr, values], axis), source, axis)


@composite(np.trim_zeros)
def trim_zeros(filt: Any, trim: str = "fb", axis: Any = None) -> Any:
    x = as_array(filt)
    found = np.argwhere(x)
    trim = trim.lower()
    axes = range(x.ndim) if axis is None else axes_of(axis, x.ndim)
    index = [slice(None)] * x.ndim
    for k in axes:
        first, last = (found[:, k].min(), found[:, k].max() + 1) if len(found) else (x.shape[k] if "f" in trim else 0, 0)
        index[k] = slice(first if "f" in trim else None, last if "b" in trim else None)
    y = x[tuple(index)]
    return list(y) if isinstance(filt, list) else tuple(y) if isinstance(filt, tuple) else y


@composite(np.meshgrid)
def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> Any:
    n = len(xi)
    axes = [1, 0, *range(2, n)] if indexing == "xy" and n > 1 else list(range(n))
    mesh = [np.reshape(x, [-1 if k == axis else 1 for k in range(n)]) for x, axis in zip(map(as_array, xi), axes, strict=True)]
    mesh = mesh if sparse else broadcast(mesh)
    return tuple(np.copy(x) for x in mesh) if copy else tuple(mesh)


@composite(np.full_like)
def full_like(
    a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, **_: Any
) -> Any:
    shape = shape_of(a) if shape is None else shape
    dtype = dtype_of(a) if dtype is None else np.dtype(dtype)
    if not overloaded(fill_value):
        return made(np.full, shape, fill_value, dtype)
    return np.astype(np.copy(np.broadcast_to(as_array(fill_value), shape)), dtype, copy=False)


@composite(np.real_if_close)
def real_if_close(a: Any, tol: float = 100) -> Any:
    a = as_array(a)
    if a.dtype.kind != "c":
        return a
    if tol > 1:
        tol = np.finfo(a.dtype).eps * tol
    return np.real(a) if np.all(np.abs(np.imag(a)) < tol) else a


@composite(np.apply_along_axis)
def apply_along_axis(func1d: Any, axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    rows = np.moveaxis(as_array(arr), axis, -1)
    outer = rows.shape[:-1]
    if 0 in outer:
        raise ValueError("Cannot apply_along_axis when any iteration dimensions are 0")
    results = [as_array(func1d(rows[index], *args, **kwargs)) for index in np.ndindex(outer)]
    inner = shape_of(results[0])
    axis = axis % (len(outer) + 1)
    return np.moveaxis(np.reshape(np.stack(results), outer + inner), range(-len(inner), 0), range(axis, axis + len(inner)))


@composite(np.apply_over_axes)
def apply_over_axes(func: Any, a: Any, axes: Any) -> Any:
    y = as_array(a)
    for axis in axes_of(axes, y.ndim):
        result = func(y, axis)
        y = result if result.ndim == y.ndim else np.expand_dims(result, axis)
    return y
