"""Elements and parts of arrays: addresses and views.

Indices are checked and counted from the end where they are negative, as NumPy does.  LLVM removes the tests that follow from
the bounds of a loop.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from adjoint._backend.native import fusion, nests
from adjoint._backend.native.function import STACK, Writer
from adjoint._backend.native.scalars import UnsupportedError
from adjoint._backend.native.values import Array, Scalar, axis_of, is_native, rank_of
from adjoint._ir.nodes import Apply, Value, atom_type

# Addresses --------------------------------------------------------------------------------------------------------------------


def position(w: Writer, index: Any, n: str, key: Any = None) -> str:
    """Return the position along an axis of length ``n``; what is out of bounds leaves.

    ``key`` says which axis of which array it is, for loops that have looked already.
    """
    text = w.text
    if key is not None and key in w.safe:
        return w.whole(index)
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
    named = sum(part is not None and part is not Ellipsis for part in parts)
    if named > rank:
        raise UnsupportedError("more indices than there are axes")
    rest = [slice(None)] * (rank - named)
    at = next((k for k, part in enumerate(parts) if part is Ellipsis), None)
    return [*parts, *rest] if at is None else [*parts[:at], *rest, *parts[at + 1 :]]


def part(w: Writer, a: Array, index: Any, *, packed: bool, place: tuple[Value, int] | None = None) -> Array:
    """Return the view ``a[index]`` of a basic index; of rank 0 it is the place of one element.

    ``place`` is the variable of the array, and its axis that is the first of ``a``.
    """
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
        key = None if place is None or isinstance(one, slice) else (place[0], place[1] + axis, one)
        axis += 1
        if not isinstance(one, slice):
            offset = text.integer("add", offset, text.integer("mul", position(w, one, n, key), stride))
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
        raise UnsupportedError("a step that is not known")
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
    """Return ``a[index]`` of a basic index: an element or a view."""
    a, index = op.args
    if not is_native(atom_type(a)) or not is_native(op.outputs[0].type):
        raise UnsupportedError("elements that are no numbers")
    whole = w.array(a)
    if rank_of(op.outputs[0]) == 0:
        found = part(w, whole, index, packed=True, place=w.place_of(a))
        return nests.load(w.text, whole.kind, found.data)
    return part(w, whole, index, place=w.place_of(a), packed=w.forms.result(op, op.outputs[0]).packed and whole.strides is None)


def view(w: Writer, op: Apply) -> Array:
    """Return a view of another shape."""
    if op.function is operator.getitem:
        result = item(w, op)
        assert isinstance(result, Array)
        return result
    a = w.array(op.args[0]) if rank_of(op.args[0]) else placed(w, w.scalar(op.args[0]))
    if op.function in fusion.FLIPS:
        return flipped(w, a, op)
    if op.function is np.broadcast_to:
        return broadcast(w, a, op)
    axes = _order(op, a.rank)
    strides = nests.strides_of(w.text, a)
    dims = tuple("1" if k is None else a.dims[k] for k in axes)
    steps = tuple("0" if k is None else strides[k] for k in axes)
    straight = [k for k in axes if k is not None] == list(range(a.rank))
    return Array(a.kind, a.data, dims, None if straight and a.strides is None else steps, a.owner)


def placed(w: Writer, x: Scalar) -> Array:
    """Return a number as an array without axes."""
    place = w.text.buffer(nests.KINDS[x.kind][1], 1)
    nests.store(w.text, x, place)
    return Array(x.kind, place, (), (), STACK)


def _order(op: Apply, rank: int) -> list[int | None]:
    """Return which axis of the array each axis of the view is; None is a new one."""
    args, axes = op.args[1:], list(range(rank))
    if op.kwargs:
        raise UnsupportedError("options")
    if op.function is np.transpose:
        chosen = args[0] if args and args[0] is not None else axes[::-1]
        if not isinstance(chosen, (tuple, list)) or not all(type(k) is int for k in chosen):
            raise UnsupportedError("axes")
        return [k % rank for k in chosen]
    if op.function is np.matrix_transpose:
        return [*axes[:-2], axes[-1], axes[-2]]
    if op.function is np.expand_dims:
        (new,) = _several(args, 1)
        places = {k % (rank + len(new)) for k in new}
        rest = iter(axes)
        return [None if k in places else next(rest) for k in range(rank + len(new))]
    first, second = _several(args, 2)
    if op.function is np.swapaxes:
        i, j = first[0] % rank, second[0] % rank
        axes[i], axes[j] = axes[j], axes[i]
        return list(axes)
    source, places = [k % rank for k in first], [k % rank for k in second]  # of moveaxis
    order = [k for k in axes if k not in source]
    for place, k in sorted(zip(places, source, strict=True)):
        order.insert(place, k)
    return list(order)


def _several(args: tuple[Any, ...], count: int) -> list[tuple[int, ...]]:
    """Return axes, each given as one or as several."""
    found = [tuple(one) if isinstance(one, (tuple, list)) else (one,) for one in args]
    if len(found) != count or not all(type(k) is int for one in found for k in one):
        raise UnsupportedError("axes")
    return found


def flipped(w: Writer, a: Array, op: Apply) -> Array:
    """Return a view in which axes run backwards."""
    text = w.text
    if len(op.args) > (2 if op.function is np.flip else 1) or set(op.kwargs) - {"axis"}:
        raise UnsupportedError("options")
    given = axis_of(op)
    axes = {np.flipud: 0, np.fliplr: 1}.get(op.function, given)
    axes = tuple(range(a.rank)) if axes is None else axes if isinstance(axes, tuple) else (axes,)
    if any(type(k) is not int or not -a.rank <= k < a.rank for k in axes):
        raise UnsupportedError("axes")
    steps, data = list(nests.strides_of(text, a)), a.data
    for k in sorted({k % a.rank for k in axes}):
        last = text.integer("sub", a.dims[k], "1")
        data = text.item(a.stored, data, text.integer("mul", last, steps[k]))
        steps[k] = text.integer("sub", "0", steps[k])
    return Array(a.kind, data, a.dims, tuple(steps), a.owner)


def broadcast(w: Writer, a: Array, op: Apply) -> Array:
    """Return an array broadcast to a shape."""
    dims = expect_lengths(w, a.kind, shape(w, op.args[1]))
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
        raise UnsupportedError("a shape that is an array")
    return (w.whole(given),)


def reshape(w: Writer, op: Apply) -> Array:
    """Return the elements in another shape: the same memory, if they lie without gaps."""
    if op.kwargs or len(op.args) != (1 if op.function is np.ravel else 2):
        raise UnsupportedError("options")
    text = w.text
    a = w.packed(w.array(op.args[0])) if rank_of(op.args[0]) else placed(w, w.scalar(op.args[0]))
    size = nests.size_of(text, a.dims)
    if op.function is np.ravel:
        return Array(a.kind, a.data, (size,), None, a.owner)
    given = op.args[1] if isinstance(op.args[1], (tuple, list)) else (op.args[1],)
    if any(type(n) is not int and rank_of(n) for n in given):
        raise UnsupportedError("a shape that is an array")
    dims = [None if n == -1 else w.whole(n) for n in given]
    product = nests.size_of(text, expect_lengths(w, a.kind, tuple(n for n in dims if n is not None)))
    if None in dims:
        rest = text.let(f"sdiv i64 {size}, {nonzero(w, product)}")
        dims = [rest if n is None else n for n in dims]
        product = text.integer("mul", product, rest)
    w.leave_if(text.compare("ne", product, size))
    return Array(a.kind, a.data, tuple(n for n in dims if n is not None), None, a.owner)


def expect_lengths(w: Writer, kind: str, dims: tuple[str, ...]) -> tuple[str, ...]:
    """Return lengths; leave where one is negative, or an array of them too large for any memory."""
    w.leave_if(w.text.compare("slt", w.size_in_bytes(kind, dims), "0"))
    return dims


def nonzero(w: Writer, n: str) -> str:
    """Return a number by which something is divided."""
    w.leave_if(w.text.compare("eq", n, "0"))
    return n
