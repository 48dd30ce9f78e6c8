"""Elements and parts of arrays: addresses, views, gathers and stores.

Indices are checked and counted from the end where they are negative, as NumPy does.  LLVM removes the tests that follow from
the bounds of a loop.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint._backend.memory import Sharing
from adjoint._backend.native import fusion, kernels, nests, scalars
from adjoint._backend.native.function import STACK, Writer
from adjoint._backend.native.scalars import Unsupported
from adjoint._backend.native.values import Array, Scalar, is_native, kind_of, rank_of
from adjoint._ir.nodes import Apply, Value, atom_type
from adjoint._ir.types import Tensor

# Addresses --------------------------------------------------------------------------------------------------------------------


def position(w: Writer, index: Any, n: str) -> str:
    """Return the position along an axis of length ``n``; what is out of bounds leaves."""
    text = w.text
    if type(index) is int or isinstance(index, np.integer):
        place = text.integer("add", n, str(int(index))) if index < 0 else str(int(index))
    else:
        place = from_end(w, w.whole(index), n)
    w.leave_if(text.compare("uge", place, n))
    return place


def from_end(w: Writer, place: str, n: str) -> str:
    """Return a position that is counted from the end if it is negative."""
    below = w.text.compare("slt", place, "0")
    return place if below == "false" else w.text.select(below, "i64", w.text.integer("add", place, n), place)


def parts_of(index: Any, rank: int) -> list[Any]:
    """Return one part of an index for each axis, and None for each new one."""
    parts = list(index) if isinstance(index, tuple) else [index]
    rest = [slice(None)] * (rank - sum(part is not None and part is not Ellipsis for part in parts))
    at = next((k for k, part in enumerate(parts) if part is Ellipsis), None)
    return [*parts, *rest] if at is None else [*parts[:at], *rest, *parts[at + 1 :]]


def part(w: Writer, a: Array, index: Any, *, packed: bool) -> Array:
    """Return the view ``a[index]`` of a basic index; of rank 0 it is the place of one element."""
    text = w.text
    strides = nests.strides_of(text, a)
    offset = "0"
    dims: list[str] = []
    steps: list[str] = []
    axis = 0
    for one in parts_of(index, a.rank):
        if one is None:
            dims.append("1")
            steps.append("0")
            continue
        n, stride = a.dims[axis], strides[axis]
        axis += 1
        if not isinstance(one, slice):
            offset = text.integer("add", offset, text.integer("mul", position(w, one, n), stride))
            continue
        start, length, step = bounds(w, one, n)
        offset = text.integer("add", offset, text.integer("mul", start, stride))
        dims.append(length)
        steps.append(text.integer("mul", str(step), stride))
    data = text.item(a.stored, a.data, offset)
    return Array(a.kind, data, tuple(dims), None if packed else tuple(steps), a.owner)


def bounds(w: Writer, one: slice, n: str) -> tuple[str, str, int]:
    """Return start, length and step of a slice of an axis of length ``n``."""
    text = w.text
    step = 1 if one.step is None else one.step
    if type(step) is not int or step == 0:
        raise Unsupported("a step that is not known")
    if one.start is None and one.stop is None and step == 1:
        return "0", n, 1
    least, most = ("0", n) if step > 0 else ("-1", text.integer("sub", n, "1"))
    start = (least if step > 0 else most) if one.start is None else clamped(w, one.start, n, least, most)
    stop = (most if step > 0 else least) if one.stop is None else clamped(w, one.stop, n, least, most)
    gap = text.integer("sub", stop, start) if step > 0 else text.integer("sub", start, stop)
    above = text.compare("sgt", gap, "0")
    size = abs(step)
    count = gap
    if size != 1:
        count = text.integer("add", gap, str(size - 1))
        count = str(int(count) // size) if count[0] != "%" else text.let(f"sdiv i64 {count}, {size}")
    return start, text.select(above, "i64", count, "0"), step


def clamped(w: Writer, bound: Any, n: str, least: str, most: str) -> str:
    """Return an end of a slice, counted from the end if it is negative, within the axis."""
    text = w.text
    if type(bound) is int:
        place = str(bound) if bound >= 0 else text.integer("add", n, str(bound))
    else:
        place = from_end(w, w.whole(bound), n)
    if not (type(bound) is int and bound >= 0):
        place = text.select(text.compare("slt", place, least), "i64", least, place)
    return text.select(text.compare("sgt", place, most), "i64", most, place)


# Views ------------------------------------------------------------------------------------------------------------------------


def item(w: Writer, op: Apply) -> Array | Scalar:
    """Return ``a[index]``: an element, a view, or the elements that an array of integers names."""
    a, index = op.args
    if not is_native(atom_type(a)) or not is_native(op.outputs[0].type):
        raise Unsupported("elements that are no numbers")
    if not fusion.is_basic(index):
        return gathered(w, op)
    whole = w.array(a)
    if rank_of(op.outputs[0]) == 0:
        place = part(w, whole, index, packed=True)
        return nests.load(w.text, whole.kind, place.data)
    return part(w, whole, index, packed=w.forms.result(op, op.outputs[0]).packed and whole.strides is None)


def view(w: Writer, op: Apply) -> Array:
    """Return a view of another shape."""
    if op.function is operator.getitem:
        result = item(w, op)
        assert isinstance(result, Array)
        return result
    a = w.array(op.args[0])
    if op.function is np.broadcast_to:
        return broadcast(w, a, op)
    axes = _order(op, a.rank)
    strides = nests.strides_of(w.text, a)
    dims = tuple("1" if k is None else a.dims[k] for k in axes)
    steps = tuple("0" if k is None else strides[k] for k in axes)
    straight = [k for k in axes if k is not None] == list(range(a.rank))
    return Array(a.kind, a.data, dims, None if straight and a.strides is None else steps, a.owner)


def _order(op: Apply, rank: int) -> list[int | None]:
    """Return which axis of the array each axis of the view is; None is a new one."""
    args, axes = op.args[1:], list(range(rank))
    if op.kwargs:
        raise Unsupported("options")
    if op.function is np.transpose:
        chosen = args[0] if args and args[0] is not None else axes[::-1]
        if not isinstance(chosen, (tuple, list)) or not all(type(k) is int for k in chosen):
            raise Unsupported("axes")
        return [k % rank for k in chosen]
    if op.function is np.matrix_transpose:
        return [*axes[:-2], axes[-1], axes[-2]]
    if not all(type(k) is int for k in args):
        raise Unsupported("axes")
    if op.function is np.expand_dims:
        at = args[0] % (rank + 1)
        return [*axes[:at], None, *axes[at:]]
    i, j = (k % rank for k in args)
    if op.function is np.swapaxes:
        axes[i], axes[j] = axes[j], axes[i]
    else:  # moveaxis
        axes.insert(j, axes.pop(i))
    return list(axes)


def broadcast(w: Writer, a: Array, op: Apply) -> Array:
    """Return an array broadcast to a shape."""
    dims = shape(w, op.args[1])
    strides = list(nests.strides_of(w.text, a))
    missing = len(dims) - a.rank
    for k, n in enumerate(a.dims):
        wanted = dims[missing + k]
        one = w.text.compare("eq", n, "1")
        w.leave_if(w.text.all([w.text.negation(one), w.text.compare("ne", n, wanted)]))
        strides[k] = strides[k] if n == wanted else w.text.select(one, "i64", "0", strides[k])
    return Array(a.kind, a.data, dims, (*["0"] * missing, *strides), a.owner)


def shape(w: Writer, given: Any) -> tuple[str, ...]:
    """Return the lengths of a shape that is given as a tuple of numbers, or as one number."""
    if isinstance(given, (tuple, list)):
        return tuple(w.whole(n) for n in given)
    if rank_of(given) or not is_native(atom_type(given)):
        raise Unsupported("a shape that is an array")
    return (w.whole(given),)


def reshape(w: Writer, op: Apply) -> Array:
    """Return the elements in another shape: the same memory, if they lie without gaps."""
    if op.kwargs or len(op.args) != (1 if op.function is np.ravel else 2):
        raise Unsupported("options")
    text = w.text
    a = w.packed(w.array(op.args[0]))
    size = nests.size_of(text, a.dims)
    if op.function is np.ravel:
        return Array(a.kind, a.data, (size,), None, a.owner)
    given = op.args[1] if isinstance(op.args[1], (tuple, list)) else (op.args[1],)
    if any(type(n) is not int and rank_of(n) for n in given):
        raise Unsupported("a shape that is an array")
    dims = [None if n == -1 else w.whole(n) for n in given]
    product = nests.size_of(text, tuple(n for n in dims if n is not None))
    if None in dims:
        rest = text.let(f"sdiv i64 {size}, {nonzero(w, product)}")
        dims = [rest if n is None else n for n in dims]
        product = text.integer("mul", product, rest)
    w.leave_if(text.compare("ne", product, size))
    return Array(a.kind, a.data, tuple(n for n in dims if n is not None), None, a.owner)


def nonzero(w: Writer, n: str) -> str:
    """Return a number by which something is divided."""
    w.leave_if(w.text.compare("eq", n, "0"))
    return n


# Elements that arrays of integers name --------------------------------------------------------------------------------------------


def _named(w: Writer, a: Array, index: Any) -> tuple[list[Array], bool]:
    """Return the arrays of integers of an index of one, or of as many as there are axes."""
    parts = index if isinstance(index, tuple) else (index,)
    kinds = [atom_type(one) for one in parts if not isinstance(one, (list, tuple, slice)) and one is not None and one is not Ellipsis]
    good = len(kinds) == len(parts) and all(isinstance(t, Tensor) and t.rank and is_native(t) and t.dtype.kind == "i" for t in kinds)
    if not good or (len(parts) != 1 and len(parts) != a.rank):
        raise Unsupported("an index of several sorts")
    arrays = [w.packed(w.array(one)) for one in parts]
    if len({one.rank for one in arrays}) != 1:
        raise Unsupported("indices of several shapes")
    for one in arrays[1:]:
        for m, n in zip(one.dims, arrays[0].dims, strict=True):
            w.leave_if(w.text.compare("ne", m, n))
    return arrays, len(parts) == a.rank


def each_named(w: Writer, a: Array, index: Any, body: Callable[[str, str], None]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Write a loop over what an index names: ``body`` takes the count and the address.

    Returns the lengths of the index, and those of what each of its elements names.
    """
    text = w.text
    arrays, full = _named(w, a, index)
    strides = nests.strides_of(text, a)
    count = nests.size_of(text, arrays[0].dims)

    def turn(k: str) -> None:
        offset = "0"
        for axis, one in enumerate(arrays):
            place = text.load("i64", text.item("i64", one.data, k))
            place = from_end(w, place, a.dims[axis])
            w.leave_if(text.compare("uge", place, a.dims[axis]))
            offset = text.integer("add", offset, text.integer("mul", place, strides[axis]))
        body(k, text.item(a.stored, a.data, offset))

    rest = () if full else a.dims[1:]
    nests.loop(text, count, turn)
    return arrays[0].dims, rest


def gathered(w: Writer, op: Apply) -> Array:
    """Return the elements, or rows, that arrays of integers name."""
    a = w.array(op.args[0])
    arrays, full = _named(w, a, op.args[1])
    rest = () if full else a.dims[1:]
    out = w.allocate(a.kind, (*arrays[0].dims, *rest))
    size = nests.size_of(w.text, rest)

    def body(k: str, address: str) -> None:
        target = w.text.item(out.stored, out.data, w.text.integer("mul", k, size))
        if not rest:
            nests.store(w.text, nests.load(w.text, a.kind, address), target)
            return
        steps = None if a.strides is None else a.strides[1:]
        w.copy_elements(Array(a.kind, address, rest, steps, a.owner), Array(a.kind, target, rest, None, STACK))

    each_named(w, a, op.args[1], body)
    return out


# Stores -----------------------------------------------------------------------------------------------------------------------


def store(w: Writer, op: Apply, sharing: Sharing, *, in_place: bool, add: bool) -> None:
    """Write a store into an array, after the copy that it may need."""
    old, index, v = op.args
    output = op.outputs[0]
    if not is_native(output.type) or not rank_of(output) or not is_native(atom_type(v)):
        raise Unsupported("a store of what is no number")
    here = type(old) is Value and old not in w.plan.inlined and w.variables.root(old) is w.variables.root(output)
    if not (here and in_place):
        source = w.array(old)
        w.assign(output, w.copy(source, on_heap=w.slot(output).small is None) if not in_place else source)
    a = w.read(output)
    assert isinstance(a, Array)
    if fusion.is_basic(index):
        _store_part(w, a, op, sharing, add=add)
    else:
        _store_named(w, a, index, v, add=add)


def _store_part(w: Writer, a: Array, op: Apply, sharing: Sharing, *, add: bool) -> None:
    """Write to the part of an array that a basic index names."""
    old, index, v = op.args
    place = part(w, a, index, packed=False)
    if not place.dims:
        x = scalars.convert(w.text, _element(w, v), a.kind)
        if add:
            before = nests.load(w.text, a.kind, place.data)
            x = Scalar(a.kind, w.text.let(f"{'add' if a.kind == 'i8' else 'fadd'} {x.type} {before.text}, {x.text}"))
        nests.store(w.text, x, place.data)
        return
    if add and a.kind == "b1":
        raise Unsupported("sums of truth values")
    t = kernels.tree(w, v)
    written = sharing.written(op.outputs[0]) | sharing.written(old)
    if any(_overlaps(leaf, old, index, written, sharing) for leaf in kernels.read(t)):
        t = kernels.Leaf(kernels.evaluated(w, t, kind_of(v), rank_of(v)), None, None)
    expect_fit(w, t, place)
    kernels.fill(w, place, t, add=add)


def _element(w: Writer, v: Any) -> Scalar:
    """Return what is stored in one place: a number, or an array of one element."""
    if not rank_of(v):
        return w.scalar(v)
    a = w.array(v)
    w.leave_if(w.text.compare("ne", nests.size_of(w.text, a.dims), "1"))
    return nests.load(w.text, a.kind, a.data)


def _overlaps(leaf: kernels.Leaf, old: Any, index: Any, written: Any, sharing: Sharing) -> bool:
    """Tell whether what is stored may be read from where it is stored to, at another place."""
    atom = leaf.atom
    if atom is None or not sharing.sites(atom) & written:
        return False
    op = sharing.plan.inlined.get(atom)
    same = isinstance(op, Apply) and op.function is operator.getitem and op.args[0] is old and _equal(op.args[1], index)
    return not same


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, slice) and isinstance(b, slice):
        return all(_equal(x, y) for x, y in zip((a.start, a.stop, a.step), (b.start, b.stop, b.step), strict=True))
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(_equal, a, b))
    return a is b or (type(a) is int and type(b) is int and a == b)


def expect_fit(w: Writer, t: kernels.Tree, place: Array) -> None:
    """Leave where the shape of what is stored is not that of the place."""
    for leaf in kernels.leaves(t):
        dims = list(leaf.array.dims)
        while len(dims) > place.rank:
            w.leave_if(w.text.compare("ne", dims.pop(0), "1"))
            raise Unsupported("an array of more axes than the place has")
        for n, wanted in zip(reversed(dims), reversed(place.dims), strict=False):
            w.leave_if(w.text.all([w.text.compare("ne", n, "1"), w.text.compare("ne", n, wanted)]))


def _store_named(w: Writer, a: Array, index: Any, v: Any, *, add: bool) -> None:
    """Write to the elements that arrays of integers name, one after the other: of repeated ones the last wins, or all count."""
    text = w.text
    if a.kind == "b1":
        raise Unsupported("truth values")
    arrays, full = _named(w, a, index)
    if not full:
        raise Unsupported("rows that integers name")
    x = w.atom(v)
    if isinstance(x, Array):
        if x.rank != arrays[0].rank:
            raise Unsupported("a broadcast store")
        x = w.packed(x)
        for m, n in zip(x.dims, arrays[0].dims, strict=True):
            w.leave_if(text.compare("ne", m, n))

    def body(k: str, address: str) -> None:
        if isinstance(x, Array):
            y = nests.load(text, x.kind, text.item(x.stored, x.data, k))
        else:
            assert isinstance(x, Scalar)
            y = x
        y = scalars.convert(text, y, a.kind)
        if add:
            before = nests.load(text, a.kind, address)
            y = Scalar(a.kind, text.let(f"{'add' if a.kind == 'i8' else 'fadd'} {y.type} {before.text}, {y.text}"))
        nests.store(text, y, address)

    each_named(w, a, index, body)
