"""Which functions give views of arrays, and the views that they give."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint._frontend.arrays import Array, Memory, basic, contiguous
from adjoint._frontend.lists import GrowingList
from adjoint._ir import infer
from adjoint._ir.nodes import Value, map_atoms, values
from adjoint._ir.symbol import Symbol, UnknownNumberError, writer
from adjoint._ir.types import Tensor
from adjoint._rules.arithmetic import imaginary_part, real_part

Function = Callable[..., Any]


def plain(tree: Any) -> Any:
    """Return a tree of arguments in which lists of the user's are plain lists of their items, or symbols."""
    if isinstance(tree, GrowingList):
        writer().check(tree)
        return tree.symbol if tree.dynamic is not None else [plain(part) for part in tree.known_items]
    if type(tree) is tuple or type(tree) is list:
        return type(tree)([plain(part) for part in tree])
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*[plain(part) for part in tree])
    if type(tree) is dict:
        return {key: plain(part) for key, part in tree.items()}
    return tree


def _getitem(x: Any, index: Any) -> Any:
    if not isinstance(x, Array) or not basic(index):
        return None
    parts = index if isinstance(index, tuple) else (index,)
    kind = infer.result(operator.getitem, writer_atoms((x, index)), {}).types[0]
    if isinstance(kind, Tensor) and kind.rank == 0 and Ellipsis not in [p for p in parts if p is Ellipsis]:
        return x.element(index)
    return x.view(operator.getitem, index)


def writer_atoms(tree: Any) -> Any:
    """Return a tree in terms of atoms, without writing anything: an array stands by a value of its type."""
    return map_atoms(lambda x: Value(x.type) if isinstance(x, Array) else x.value if isinstance(x, Symbol) else x, plain(tree))


def _reshape(a: Any, shape: Any = None, order: str = "C", **kwargs: Any) -> Any:
    if not isinstance(a, Array) or order != "C" or kwargs:
        return None
    shape = tuple(shape) if isinstance(shape, list) else shape
    if contiguous(a.path):
        return a.view(np.reshape, shape)
    # A view if NumPy can give one, else a copy: a column as a matrix of one column is a view, two columns in a row are not.
    shared = shares(a, shape)
    if shared is not None:
        return a.view(np.reshape, shape) if shared else None
    return Array(Memory(writer().operation(np.reshape, (a, shape)), [a.memory]))


def shares(a: Array, shape: Any) -> bool | None:
    """Tell whether an array in another shape is a view of it; None if that depends on shapes that are not known."""
    known = writer().shapes.get(a.memory.value)
    if known is None or any(True for _ in values((writer().atoms(shape), writer().atoms([args for _, args in a.path])))):
        return None
    base = view = np.zeros(known, a.memory.value.type.dtype)
    for function, args in a.path:
        view = function(view, *args)
    return bool(np.shares_memory(base, np.reshape(view, shape)))


def _ravel(a: Any, order: str = "C") -> Any:
    return _reshape(a, -1, order) if isinstance(a, Array) and contiguous(a.path) else None


def _transpose(a: Any, axes: Any = None) -> Any:
    if not isinstance(a, Array):
        return None
    if a.ndim < 2:
        return a
    return a.view(np.transpose) if axes is None else a.view(np.transpose, tuple(int(k) % a.ndim for k in axes))


def _permuted(order: Callable[..., Sequence[int]]) -> Callable[..., Any]:
    def view(a: Any, *args: Any, **kwargs: Any) -> Any:
        return _transpose(a, order(a.ndim, *args, **kwargs)) if isinstance(a, Array) else None

    return view


def _swapped(n: int, axis1: int, axis2: int) -> list[int]:
    axes = list(range(n))
    axes[axis1], axes[axis2] = axes[axis2], axes[axis1]
    return axes


def _moved(n: int, source: Any, destination: Any) -> list[int]:
    sources = [k % n for k in (source if isinstance(source, (tuple, list, range)) else [source])]
    targets = [k % n for k in (destination if isinstance(destination, (tuple, list, range)) else [destination])]
    order = [k for k in range(n) if k not in sources]
    for target, k in sorted(zip(targets, sources, strict=True)):
        order.insert(target, k)
    return order


def _expanded(a: Any, axis: Any) -> Any:
    if not isinstance(a, Array):
        return None
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    n = a.ndim + len(axes)
    new = {k % n for k in axes}
    return a.view(operator.getitem, tuple(None if k in new else slice(None) for k in range(n)))


def _squeezed(a: Any, axis: Any = None) -> Any:
    if not isinstance(a, Symbol):
        return None
    if axis is None:
        shape = a.shape
        unknown = next((n for n in shape if isinstance(n, Symbol)), None)
        if unknown is not None:
            raise UnknownNumberError(unknown, "of the lengths of axes, which `squeeze` without an axis asks for,")
        axis = tuple(k for k, n in enumerate(shape) if n == 1)
    if not isinstance(a, Array):
        return None if axis else a
    axes = {k % a.ndim for k in (axis if isinstance(axis, (tuple, list)) else (axis,))}
    return a.view(operator.getitem, tuple(0 if k in axes else slice(None) for k in range(a.ndim)))


def _part(function: Function) -> Callable[..., Any]:
    return lambda z: z.view(function) if isinstance(z, Array) and z.dtype.kind == "c" else None


def _real(val: Any) -> Any:
    if not isinstance(val, Array):
        return None
    return val.view(real_part) if val.dtype.kind == "c" else val


def _same(a: Any, dtype: Any = None, *_: Any, **kwargs: Any) -> Any:
    if not isinstance(a, Array) or kwargs.get("copy") or (dtype is not None and np.dtype(dtype) != a.dtype):
        return None
    return a


def _array(a: Any, dtype: Any = None, *, copy: Any = True, **kwargs: Any) -> Any:
    return None if copy else _same(a, dtype, **kwargs)


def _split(a: Any, indices: Any, axis: int = 0) -> Any:
    if not isinstance(a, Array) or not isinstance(indices, (list, tuple)):
        return None
    bounds = [None, *indices, None]
    full = [slice(None)] * (axis % a.ndim)
    return [a[(*full, slice(lo, hi))] for lo, hi in itertools.pairwise(bounds)]


def _diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    plain = isinstance(a, Array) and a.ndim == 2 and (offset, axis1, axis2) == (0, 0, 1)
    return a.view(np.diagonal) if plain else None


def _einsum(subscripts: Any, *operands: Any, **_: Any) -> Any:
    return _diagonal(operands[0]) if subscripts == "ii->i" and len(operands) == 1 else None


def _broadcast(array: Any, shape: Any, subok: bool = False) -> Any:  # noqa: ARG001
    return (
        array.view(np.broadcast_to, tuple(shape) if isinstance(shape, (tuple, list)) else (shape,))
        if isinstance(array, Array)
        else None
    )


def _flip(m: Any, axis: Any = None) -> Any:
    if not isinstance(m, Array):
        return None
    axes = range(m.ndim) if axis is None else [k % m.ndim for k in (axis if isinstance(axis, (tuple, list)) else [axis])]
    return m[tuple(slice(None, None, -1) if k in axes else slice(None) for k in range(m.ndim))]


VIEWS: dict[Function, Callable[..., Any]] = {
    operator.getitem: _getitem,
    np.reshape: _reshape,
    np.ravel: _ravel,
    np.transpose: _transpose,
    np.matrix_transpose: _permuted(lambda n: _swapped(n, -1, -2)),
    np.swapaxes: _permuted(_swapped),
    np.moveaxis: _permuted(_moved),
    np.expand_dims: _expanded,
    np.squeeze: _squeezed,
    np.broadcast_to: _broadcast,
    real_part: _part(real_part),
    imaginary_part: _part(imaginary_part),
    np.real: _real,
    np.imag: _part(imaginary_part),
    np.asarray: _same,
    np.asanyarray: _same,
    np.ascontiguousarray: _same,
    np.array: _array,
    np.split: _split,
    np.array_split: _split,
    np.diagonal: _diagonal,
    np.einsum: _einsum,
    np.flip: _flip,
}
