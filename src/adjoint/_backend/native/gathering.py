"""The elements, or rows, that arrays of integers or of truth values name: read, and written to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from adjoint._backend.memory import Sharing
from adjoint._backend.native import indexing, kernels, making, nests, scalars
from adjoint._backend.native.function import STACK, Writer
from adjoint._backend.native.kernels import Leaf, Number
from adjoint._backend.native.scalars import UnsupportedError
from adjoint._backend.native.values import Array, Scalar, is_native, kind_of, rank_of
from adjoint._ir.nodes import Apply, Value, atom_type
from adjoint._ir.types import Tensor

Extents = tuple[str, ...]


class Named(NamedTuple):
    """What an index of arrays of integers names in an array.

    Each place has a position along each of ``axes``: an array of integers, or one integer, with the length of the axis and its
    stride.  A place is one element, or an array with the axes before and behind these.
    """

    data: str
    axes: tuple[tuple[Array | str, str, str], ...]
    dims: Extents
    before: Extents
    rest: Extents
    steps: Extents


def named(w: Writer, a: Array, index: Any) -> Named:
    """Return what an index names: integers and arrays of them next to each other, and slices."""
    text = w.text
    parts = indexing.parts_of(index, a.rank)
    if any(part is None for part in parts) or len(parts) != a.rank:
        raise UnsupportedError("an index of several sorts")
    chosen = [k for k, part in enumerate(parts) if not isinstance(part, slice)]
    if not chosen or chosen != list(range(chosen[0], chosen[-1] + 1)):
        raise UnsupportedError("an index whose arrays stand apart")
    strides = nests.strides_of(text, a)
    found = [_whole(w, parts[k]) for k in chosen]
    arrays = [Leaf(x, None, None) for x in found if isinstance(x, Array)]
    rank = max(leaf.array.rank for leaf in arrays)
    dims = kernels.extents(w, arrays, rank)
    places = [_long(w, x, dims) if isinstance(x, Array) else x for x in found]
    offset, rest, steps = "0", [], []
    for k, part in enumerate(parts):
        if isinstance(part, slice):
            start, length, step = indexing.bounds(w, part, a.dims[k])
            offset = text.integer("add", offset, text.integer("mul", start, strides[k]))
            rest.append(length)
            steps.append(text.integer("mul", str(step), strides[k]))
    axes = tuple((x, a.dims[k], strides[k]) for x, k in zip(places, chosen, strict=True))
    return Named(text.item(a.stored, a.data, offset), axes, dims, tuple(rest[: chosen[0]]), tuple(rest), tuple(steps))


def _whole(w: Writer, part: Any) -> Array | str:
    """Return a part of an index: an array of integers, or one of them."""
    if isinstance(part, (list, tuple)):
        if not part or not all(_is_whole(one) and not rank_of(one) for one in part):
            raise UnsupportedError("an index of several sorts")
        return making.stacked(w, "i8", part)
    if not _is_whole(part):
        raise UnsupportedError("an index of several sorts")
    return w.array(part) if rank_of(part) else w.whole(part)


def _is_whole(part: Any) -> bool:
    t = atom_type(part)
    return isinstance(t, Tensor) and t.dtype.kind == "i" and is_native(t)


def _long(w: Writer, x: Array, dims: Extents) -> Array:
    """Return an array of integers broadcast to the lengths of an index, in C order."""
    if x.dims == dims and x.strides is None:
        return x
    out = w.allocate("i8", dims)
    kernels.fill(w, out, Leaf(x, None, None))
    return out


def each(w: Writer, a: Array, what: Named, body: Callable[[str, str], None]) -> None:
    """Write a loop over places; ``body`` takes the count and the address."""
    text = w.text

    def turn(k: str) -> None:
        offset = "0"
        for x, n, stride in what.axes:
            place = x if isinstance(x, str) else text.load("i64", text.item("i64", x.data, k))
            place = indexing.from_end(w, place, n)
            w.leave_if(text.compare("uge", place, n))
            offset = text.integer("add", offset, text.integer("mul", place, stride))
        body(k, text.item(a.stored, what.data, offset))

    nests.loop(text, nests.size_of(text, what.dims), turn)


def gathered(w: Writer, op: Apply) -> Array:
    """Return the elements, or rows, that arrays of integers or truth values name."""
    a, index = w.array(op.args[0]), op.args[1]
    if is_mask(index):
        return _masked(w, a, w.packed(w.array(index)))
    return _taken(w, a, named(w, a, index))


def _taken(w: Writer, a: Array, what: Named) -> Array:
    """Return the elements, or rows, at places."""
    text = w.text
    axis, behind = len(what.before), what.rest[len(what.before) :]
    out = w.allocate(a.kind, (*what.before, *what.dims, *behind))
    strides = nests.strides_of(text, out)
    steps = (*strides[:axis], *strides[axis + len(what.dims) :])
    size = nests.size_of(text, behind)

    def body(k: str, address: str) -> None:
        target = text.item(out.stored, out.data, text.integer("mul", k, size))
        if not what.rest:
            nests.store(text, nests.load(text, a.kind, address), target)
            return
        w.copy_elements(Array(a.kind, address, what.rest, what.steps, a.owner), Array(a.kind, target, what.rest, steps, STACK))

    each(w, a, what, body)
    return out


# Stores -----------------------------------------------------------------------------------------------------------------------


def store(w: Writer, a: Array, op: Apply, sharing: Sharing, *, add: bool) -> None:
    """Write to the places that an index names, one after the other: of repeated ones the last wins, or all count."""
    old, index, v = op.args
    if add and a.kind == "b1":
        raise UnsupportedError("sums of truth values")
    written = sharing.written(op.outputs[0]) | sharing.written(old)
    shared = type(v) is Value and bool(sharing.sites(v) & written)
    x: Any = w.array(v) if rank_of(v) else w.scalar(v)
    x = w.copy(x) if shared and isinstance(x, Array) else x
    if is_mask(index):
        _store_masked(w, a, w.packed(w.array(index)), x, add=add)
        return
    parts = index if isinstance(index, tuple) else (index,)
    if any(type(part) is Value and sharing.sites(part) & written for part in parts):
        raise UnsupportedError("an index that is written to")
    put(w, a, named(w, a, index), x, add=add)


def put(w: Writer, a: Array, what: Named, x: Array | Scalar, *, add: bool) -> None:
    """Write numbers to places."""
    text = w.text
    axis = len(what.before)
    shape = (*what.before, *what.dims, *what.rest[axis:])
    stride, steps = "0", ()
    if isinstance(x, Array):
        x = _broadcast(w, x, shape, whole=len(what.dims) > 1)
        strides = nests.strides_of(text, x)
        stride = strides[axis + len(what.dims) - 1]
        steps = (*strides[:axis], *strides[axis + len(what.dims) :])

    def body(k: str, address: str) -> None:
        if not what.rest:
            _one(w, a.kind, address, nests.load(text, x.kind, _at(w, x, k, stride)) if isinstance(x, Array) else x, add=add)
            return
        place = Array(a.kind, address, what.rest, what.steps, STACK)
        if isinstance(x, Array):
            row = Array(x.kind, _at(w, x, k, stride), what.rest, steps, STACK)
            kernels.fill(w, place, Leaf(row, None, None), add=add)
        else:
            kernels.fill(w, place, Number(x), add=add)

    each(w, a, what, body)


def _at(w: Writer, x: Array, k: str, stride: str) -> str:
    return w.text.item(x.stored, x.data, w.text.integer("mul", k, stride))


def _one(w: Writer, kind: str, address: str, x: Scalar, *, add: bool) -> None:
    """Write one element, or add to it."""
    x = scalars.convert(w.text, x, kind)
    if add:
        old = nests.load(w.text, kind, address)
        x = Scalar(kind, w.text.let(f"{'add' if kind == 'i8' else 'fadd'} {x.type} {old.text}, {x.text}"))
    nests.store(w.text, x, address)


def _broadcast(w: Writer, x: Array, shape: Extents, *, whole: bool) -> Array:
    """Return an array broadcast to a shape; ``whole`` asks for elements in C order."""
    if x.rank > len(shape):
        raise UnsupportedError("an array of more axes than the place has")
    for n, wanted in zip(reversed(x.dims), reversed(shape), strict=False):
        if n != wanted:
            w.leave_if(w.text.all([w.text.compare("ne", n, "1"), w.text.compare("ne", n, wanted)]))
    if not whole:
        return Array(x.kind, x.data, shape, nests.aligned(w.text, x, shape).strides, x.owner)
    out = w.allocate(x.kind, shape)
    kernels.fill(w, out, Leaf(x, None, None))
    return out


def scattered(w: Writer, op: Apply, target: Value | None = None) -> Array:
    """Return zeros of a shape with numbers added at the places that an index names: the transpose of ``a[index]``."""
    ct, index, shape = op.args
    kind = kind_of(op.outputs[0])
    if op.kwargs or not is_native(op.outputs[0].type) or not is_native(atom_type(ct)) or kind == "b1":
        raise UnsupportedError("options")
    x: Any = w.array(ct) if rank_of(ct) else w.scalar(ct)
    out = w.allocate(kind, indexing.shape(w, shape))
    kernels.fill(w, out, Number(Scalar(kind, scalars.literal(0, kind))))
    if indexing.fusion.is_basic(index):
        place = indexing.part(w, out, index, packed=False)
        if not place.dims:
            _one(w, kind, place.data, x, add=False)
        else:
            t = Leaf(_broadcast(w, x, place.dims, whole=False), None, None) if isinstance(x, Array) else Number(x)
            kernels.fill(w, place, t)
    elif is_mask(index):
        _store_masked(w, out, w.packed(w.array(index)), x, add=False)
    else:
        put(w, out, named(w, out, index), x, add=True)
    return out


def winners(w: Writer, op: Apply, target: Value | None = None) -> Array:
    """Return what is stored at the places that an index names, with zeros where a later element is stored at the same place."""
    v, index, shape = op.args
    kind, text = kind_of(op.outputs[0]), w.text
    if op.kwargs or not rank_of(v) or kind[0] != "f" or indexing.fusion.is_basic(index) or is_mask(index):
        raise UnsupportedError("options")
    x = w.packed(w.array(v))
    count = nests.size_of(text, x.dims)
    order, last = w.on_heap("i8", x.dims), w.on_heap("i8", indexing.shape(w, shape))
    nests.loop(text, count, lambda k: nests.store(text, Scalar("i8", k), text.item("i64", order.data, k)))
    kernels.fill(w, last, Number(Scalar("i8", "0")))
    what = named(w, last, index)
    put(w, last, what, order, add=False)
    seen = _taken(w, last, what)
    for m, n in zip(seen.dims, x.dims, strict=True):
        w.leave_if(text.compare("ne", m, n))
    out = w.allocate(kind, x.dims)

    def turn(k: str) -> None:
        is_last = text.compare("eq", text.load("i64", text.item("i64", seen.data, k)), k)
        y = nests.load(text, kind, text.item(x.stored, x.data, k)).text
        y = text.let(f"select i1 {is_last}, {x.stored} {y}, {x.stored} {scalars.literal(0, kind)}")
        nests.store(text, Scalar(kind, y), text.item(out.stored, out.data, k))

    nests.loop(text, count, turn)
    return out


# Truth values -----------------------------------------------------------------------------------------------------------------


def is_mask(index: Any) -> bool:
    """Tell whether an index is one array of truth values."""
    t = None if isinstance(index, (list, tuple, slice)) or index is None or index is Ellipsis else atom_type(index)
    return isinstance(t, Tensor) and t.rank > 0 and t.dtype.kind == "b" and is_native(t)


def _each_true(w: Writer, a: Array, mask: Array, body: Callable[[str, str], None] | None, most: str = "") -> str:
    """Write a loop over the places where a mask is true; ``body`` takes how many came before, and the address.

    Returns how many there are.  Since these were counted another thread may have changed the mask: more than ``most`` are
    given the place behind the last.
    """
    text = w.text
    if mask.rank > a.rank or (mask.rank > 1 and a.strides is not None):
        raise UnsupportedError("a mask of a view")
    for n, wanted in zip(mask.dims, a.dims, strict=False):
        w.leave_if(text.compare("ne", n, wanted))
    stride = nests.strides_of(text, a)[mask.rank - 1]
    seen = text.variable("i64")
    text.store("i64", "0", seen)

    def turn(k: str) -> None:
        chosen = nests.load(text, "b1", text.item("i8", mask.data, k)).text
        k_seen = text.load("i64", seen)
        if body is None:  # without a branch: several at once
            text.store("i64", text.let(f"add i64 {k_seen}, {text.let(f'zext i1 {chosen} to i64')}"), seen)
            return
        with text.when(chosen):
            body(
                text.select(text.compare("slt", k_seen, most), "i64", k_seen, most) if most else k_seen,
                text.item(a.stored, a.data, text.integer("mul", k, stride)),
            )
            text.store("i64", text.integer("add", k_seen, "1"), seen)

    nests.loop(text, nests.size_of(text, mask.dims), turn)
    return text.load("i64", seen)


def _masked(w: Writer, a: Array, mask: Array) -> Array:
    text = w.text
    a = a if mask.rank == 1 else w.packed(a)
    rest, steps = a.dims[mask.rank :], nests.strides_of(text, a)[mask.rank :]
    count = _each_true(w, a, mask, None)
    room = w.allocate(a.kind, (text.integer("add", count, "1"), *rest))
    out = Array(room.kind, room.data, (count, *rest), None, room.owner)
    size = nests.size_of(text, rest)

    def body(k: str, address: str) -> None:
        target = text.item(out.stored, out.data, text.integer("mul", k, size))
        if not rest:
            nests.store(text, nests.load(text, a.kind, address), target)
            return
        w.copy_elements(Array(a.kind, address, rest, steps, a.owner), Array(a.kind, target, rest, None, STACK))

    _each_true(w, a, mask, body, count)
    return out


def _store_masked(w: Writer, a: Array, mask: Array, x: Array | Scalar, *, add: bool) -> None:
    """Write to the places where a mask is true: one number everywhere, or of a vector one to each."""
    text = w.text
    if mask.rank != a.rank or (isinstance(x, Array) and x.rank != 1):
        raise UnsupportedError("rows where a mask is true")
    stride, count = "0", ""
    if isinstance(x, Array):
        count = _each_true(w, a, mask, None)
        one = text.compare("eq", x.dims[0], "1")
        w.leave_if(text.all([text.negation(one), text.compare("ne", x.dims[0], count)]))
        stride = text.select(one, "i64", "0", nests.strides_of(text, x)[0])

    def body(k: str, address: str) -> None:
        if isinstance(x, Array):
            w.leave_if(text.compare("sge", k, count))
        _one(w, a.kind, address, nests.load(text, x.kind, _at(w, x, k, stride)) if isinstance(x, Array) else x, add=add)

    _each_true(w, a, mask, body)
