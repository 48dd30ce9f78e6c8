"""Functions of lists and records as machine code."""

from __future__ import annotations

import operator
from typing import Any

from adjoint._backend.native import indexing, kernels, lists, nests, scalars
from adjoint._backend.native.function import STACK, Writer
from adjoint._backend.native.scalars import UnsupportedError
from adjoint._backend.native.values import Array, Machine, Reference, Scalar, code, is_listed, is_native, kind_of, rank_of
from adjoint._ir.nodes import Apply, Undefined, Value, atom_type
from adjoint._ir.types import ListOf, Record, Tensor, Type
from adjoint._rules import stores


def reference(w: Writer, atom: Any) -> Reference:
    """Return a list or record."""
    if not is_listed(atom_type(atom)) and not isinstance(atom_type(atom), Record):
        raise UnsupportedError("a list of what machine code does not know")
    x = w.atom(atom)
    assert isinstance(x, Reference)
    return x


def item(w: Writer, op: Apply) -> Machine | None:
    """Return an item of a list; None if it is no list."""
    whole, index = op.args
    if not isinstance(atom_type(whole), ListOf):
        return None
    x = reference(w, whole)
    if isinstance(index, slice):
        start, count, step = indexing.bounds(w, index, lists.length(w, x))
        result = lists.new(w, x.type, count)
        put_items(w, x, result, start, count, step)
        return result
    k = indexing.position(w, index, lists.length(w, x))
    return lists.get(w, lists.item_type(x.type), lists.place(w, x, k))


def length(w: Writer, op: Apply, target: Value | None = None) -> Scalar:
    if isinstance(atom_type(op.args[0]), ListOf):
        return Scalar("i8", lists.length(w, reference(w, op.args[0])))
    return Scalar("i8", w.array(op.args[0]).dims[0])


def listed(w: Writer, op: Apply, target: Value | None = None) -> Reference:
    """Return a list of known items."""
    x = lists.new(w, op.outputs[0].type)
    given = op.args[0]
    lists.reserve(w, x, str(max(1, len(given))))
    t = lists.item_type(x.type)
    for k, one in enumerate(given):
        lists.put(w, t, w.atom(one), lists.place(w, x, str(k)))
        w.text.store("i64", str(k + 1), lists.field(w, x.text, lists.LENGTH))
    return x


def joined(w: Writer, op: Apply, target: Value | None = None) -> Reference:
    """Return a list of the items of two."""
    parts = [reference(w, arg) for arg in op.args]
    if any(part.type != op.outputs[0].type for part in parts):
        raise UnsupportedError("lists of several types")
    count = w.text.integer("add", *[lists.length(w, part) for part in parts])
    result = lists.new(w, op.outputs[0].type, count)
    for part in parts:
        put_items(w, part, result, "0", lists.length(w, part), 1)
    return result


def put_items(w: Writer, x: Reference, result: Reference, start: str, count: str, step: int) -> None:
    """Put so many items of a list at the end of another one that has room for them."""
    t, had = lists.item_type(x.type), lists.length(w, result)

    def turn(k: str) -> None:
        at = w.text.integer("add", start, w.text.integer("mul", k, str(step)))
        lists.put(w, t, lists.get(w, t, lists.place(w, x, at)), lists.place(w, result, w.text.integer("add", had, k)))

    nests.loop(w.text, count, turn)
    w.text.store("i64", w.text.integer("add", had, count), lists.field(w, result.text, lists.LENGTH))


def filled(w: Writer, op: Apply, target: Value | None = None) -> Reference:
    """Return a list of as many items as are asked for, which all are one value."""
    count, one = op.args
    n = w.whole(count)
    n = w.text.select(w.text.compare("slt", n, "0"), "i64", "0", n)
    x = lists.new(w, op.outputs[0].type)
    y = w.atom(one)
    lists.reserve(w, x, n)
    t = lists.item_type(x.type)
    if isinstance(y, Array):
        y = w.copy(y, on_heap=True)
        w.pin(y.owner)
    elif isinstance(y, Reference):
        w.pin(y.text)
    nests.loop(w.text, n, lambda k: lists.put(w, t, y, lists.place(w, x, k)))
    w.text.store("i64", n, lists.field(w, x.text, lists.LENGTH))
    return x


def rows(w: Writer, op: Apply, target: Value | None = None) -> Reference:
    """Return the elements of a vector, or the rows of an array, as a list."""
    a = w.array(op.args[0])
    x = lists.new(w, op.outputs[0].type)
    n = a.dims[0]
    lists.reserve(w, x, n)
    t = lists.item_type(x.type)
    strides = nests.strides_of(w.text, a)
    if not isinstance(t, Tensor) or (t.rank and a.owner == STACK):
        a = w.copy(a, on_heap=True)

    def turn(k: str) -> None:
        address = w.text.item(a.stored, a.data, w.text.integer("mul", k, strides[0]))
        if a.rank == 1:
            lists.put(w, t, nests.load(w.text, a.kind, address), lists.place(w, x, k))
        else:
            row = Array(a.kind, address, a.dims[1:], None if a.strides is None else strides[1:], "null")
            copy = w.on_heap(a.kind, row.dims)
            w.copy_elements(row, copy)
            lists.put(w, t, copy, lists.place(w, x, k))

    nests.loop(w.text, n, turn)
    w.text.store("i64", n, lists.field(w, x.text, lists.LENGTH))
    return x


def vector(w: Writer, op: Apply, target: Value | None = None) -> Array:
    """Return a list of numbers, or of arrays of one shape, as an array."""
    x = reference(w, op.args[0])
    t = lists.item_type(x.type)
    kind = kind_of(op.outputs[0])
    if not is_native(t) or not isinstance(t, Tensor):
        raise UnsupportedError("a list of lists as an array")
    n = lists.length(w, x)
    if not t.rank:
        out = w.allocate(kind, (n,))

        def turn(k: str) -> None:
            y = lists.get(w, t, lists.place(w, x, k))
            assert isinstance(y, Scalar)
            nests.store(w.text, scalars.convert(w.text, y, kind), w.text.item(out.stored, out.data, k))

        nests.loop(w.text, n, turn)
        return out
    w.leave_if(w.text.compare("eq", n, "0"))
    first = lists.get(w, t, lists.place(w, x, "0"))
    assert isinstance(first, Array)
    result = w.allocate(kind, (n, *first.dims))
    size = nests.size_of(w.text, first.dims)

    def row(k: str) -> None:
        y = lists.get(w, t, lists.place(w, x, k))
        assert isinstance(y, Array)
        for m, wanted in zip(y.dims, first.dims, strict=True):
            w.leave_if(w.text.compare("ne", m, wanted))
        place = w.text.item(result.stored, result.data, w.text.integer("mul", k, size))
        w.copy_elements(Array(y.kind, y.data, first.dims, None, y.owner), Array(kind, place, first.dims, None, STACK))

    nests.loop(w.text, n, row)
    return result


def joined_arrays(w: Writer, atom: Any, kind: str, axis: int) -> Array:
    """Return the arrays of a list one behind the other along an axis."""
    x, text = reference(w, atom), w.text
    t, n = lists.item_type(x.type), lists.length(w, x)
    if not is_native(t) or not isinstance(t, Tensor) or not t.rank or code(t.dtype) != kind:
        raise UnsupportedError("a list of lists, or of several dtypes")
    w.leave_if(text.compare("eq", n, "0"))
    part = lambda k: lists.get(w, t, lists.place(w, x, k))
    first = part("0")
    assert isinstance(first, Array)
    length, start = (text.variable("i64") for _ in range(2))
    text.store("i64", "0", length)

    def count(k: str) -> None:
        y = part(k)
        assert isinstance(y, Array)
        for j, (m, wanted) in enumerate(zip(y.dims, first.dims, strict=True)):
            w.leave_if("false" if j == axis else text.compare("ne", m, wanted))
        text.store("i64", text.integer("add", text.load("i64", length), y.dims[axis]), length)

    nests.loop(text, n, count)
    result = w.allocate(kind, (*first.dims[:axis], text.load("i64", length), *first.dims[axis + 1 :]))
    strides = nests.strides_of(text, result)
    text.store("i64", "0", start)

    def copied(k: str) -> None:
        y, at = part(k), text.load("i64", start)
        assert isinstance(y, Array)
        y = y._replace(dims=(*first.dims[:axis], y.dims[axis], *first.dims[axis + 1 :]))
        place = text.item(result.stored, result.data, text.integer("mul", at, strides[axis]))
        w.copy_elements(y, Array(kind, place, y.dims, strides, STACK))
        text.store("i64", text.integer("add", at, y.dims[axis]), start)

    nests.loop(text, n, copied)
    return result


def total(w: Writer, op: Apply, target: Value | None = None) -> Scalar:
    """Return Python's sum of a list of numbers or of a vector, from the first to the last."""
    if len(op.args) != 1 or op.kwargs or rank_of(op.outputs[0]):
        raise UnsupportedError("a sum of arrays")
    kind = kind_of(op.outputs[0])
    if kind != "f8":
        raise UnsupportedError("a sum of integers")
    variable = w.text.variable("double")
    w.text.store("double", scalars.literal(0, kind), variable)
    given = op.args[0]
    if isinstance(atom_type(given), ListOf):
        x = reference(w, given)
        t, n, items = lists.item_type(x.type), lists.length(w, x), lists.items(w, x)
        read = lambda k: lists.get(w, t, w.text.item(lists.layout(t), items, k))
    elif rank_of(given) == 1:
        a = w.array(given)
        n, stride = a.dims[0], nests.strides_of(w.text, a)[0]
        read = lambda k: nests.load(w.text, a.kind, w.text.item(a.stored, a.data, w.text.integer("mul", k, stride)))
    else:
        raise UnsupportedError("a sum of arrays")

    def turn(k: str) -> None:
        y = read(k)
        assert isinstance(y, Scalar)
        y = scalars.convert(w.text, y, kind)
        w.text.store("double", w.text.let(f"fadd double {w.text.load('double', variable)}, {y.text}"), variable)

    nests.loop(w.text, n, turn)
    return Scalar(kind, w.text.load("double", variable))


# Records and cotangents -------------------------------------------------------------------------------------------------------


def pack(w: Writer, op: Apply, target: Value | None = None) -> Reference:
    """Return a record of parts."""
    t = op.outputs[0].type
    assert isinstance(t, Record)
    types = w.module.parts_of_record(t.name)
    missing = (Undefined, type(None))
    return lists.record(w, t, [None if isinstance(part, missing) else w.atom(part) for part in op.args[1:]], types)


def unpack(w: Writer, op: Apply, target: Value | None = None) -> list[Machine | None]:
    """Return the parts of a record."""
    x = reference(w, op.args[0])
    assert isinstance(x.type, Record)
    w.leave_if(w.text.let(f"icmp eq ptr {x.text}, null"))
    return list(lists.parts(w, x, w.module.parts_of_record(x.type.name)))


def blank(w: Writer, op: Apply, target: Value | None = None) -> Machine:
    """Return the zero cotangent of a number, an array, or a list of them."""
    given = op.args[0]
    if is_native(atom_type(given)):
        kind = kind_of(op.outputs[0])
        zero = Scalar(kind, scalars.literal(0, kind))
        if not rank_of(given):
            return zero
        out = w.allocate(kind, w.array(given).dims)
        kernels.fill(w, out, kernels.Number(zero))
        return out
    return _blank_list(w, reference(w, given))


def _blank_list(w: Writer, x: Reference) -> Reference:
    if not isinstance(x.type, ListOf):
        raise UnsupportedError("the zero of a record")
    t = x.type.item
    result = lists.new(w, x.type)
    # Of a list that a branch left undefined there is nothing to be had, and nobody reads the zeros of nothing.
    count = w.text.variable("i64")
    w.text.store("i64", "0", count)
    with w.text.when(w.text.let(f"icmp ne ptr {x.text}, null")):
        w.text.store("i64", lists.length(w, x), count)
    n = w.text.load("i64", count)
    lists.reserve(w, result, n)

    def turn(k: str) -> None:
        y = lists.get(w, t, lists.place(w, x, k))
        place = lists.place(w, result, k)
        if isinstance(y, Scalar):
            lists.put(w, t, Scalar(y.kind, scalars.literal(0, y.kind)), place)
        elif isinstance(y, Array):
            out = w.on_heap(y.kind, y.dims)
            kernels.fill(w, out, kernels.Number(Scalar(y.kind, scalars.literal(0, y.kind))))
            lists.put(w, t, out, place)
        else:
            lists.put(w, t, _blank_list(w, y), place)

    nests.loop(w.text, n, turn)
    w.text.store("i64", n, lists.field(w, result.text, lists.LENGTH))
    return result


# Stores -----------------------------------------------------------------------------------------------------------------------


def store(w: Writer, op: Apply, *, in_place: bool) -> None:
    """Write a store into a list, after the copy that it may need."""
    old, output = op.args[0], op.outputs[0]
    if not is_listed(output.type) or not isinstance(atom_type(old), ListOf):
        raise UnsupportedError("a list of what machine code does not know")
    here = type(old) is Value and old not in w.plan.inlined and w.variables.root(old) is w.variables.root(output)
    if not (here and in_place):
        less = 0
        source = reference(w, old)
        w.assign(output, source if in_place else lists.duplicate(w, source, less=less))
    x = w.read(output)
    assert isinstance(x, Reference)
    t = lists.item_type(x.type)
    if op.function is stores.append:
        lists.append(w, x, w.atom(op.args[1]))
    elif op.function is stores.without_last:
        n = w.text.integer("sub", lists.length(w, x), "1")
        w.leave_if(w.text.compare("slt", n, "0"))
        lists.give_up(w, t, lists.place(w, x, n))
        w.text.store("i64", n, lists.field(w, x.text, lists.LENGTH))
    else:
        _store_item(w, op, x)


def _store_item(w: Writer, op: Apply, x: Reference) -> None:
    """Write ``items[k] = v`` or ``items[k] += v``."""
    _, index, v = op.args
    t = lists.item_type(x.type)
    if isinstance(index, slice):
        if op.function is not stores.accumulate:
            raise UnsupportedError("a store into a part of a list")
        _add_items(w, x, index, reference(w, v))
        return
    _put_item(w, t, lists.place(w, x, indexing.position(w, index, lists.length(w, x))), w.atom(v), op)


def _add_items(w: Writer, x: Reference, index: slice, more: Reference) -> None:
    """Write ``items[a:b] += more``, item by item."""
    t = lists.item_type(x.type)
    start, count, step = indexing.bounds(w, index, lists.length(w, x))
    w.leave_if(w.text.compare("ne", count, lists.length(w, more)))

    def turn(k: str) -> None:
        place = lists.place(w, x, w.text.integer("add", start, w.text.integer("mul", k, str(step))))
        _replace(w, t, place, _sum(w, lists.get(w, t, place), lists.get(w, t, lists.place(w, more, k))))

    nests.loop(w.text, count, turn)


def _put_item(w: Writer, t: Type, place: str, y: Machine, op: Apply) -> None:
    """Write an item, or what is added to it."""
    if op.function is stores.accumulate:
        y = _sum(w, lists.get(w, t, place), y)
    _replace(w, t, place, y)


def _replace(w: Writer, t: Type, place: str, y: Machine) -> None:
    """Write an item in place of another."""
    if isinstance(y, Array) and y.owner not in w.temporaries:  # what is given up may be what is stored
        y = w.copy(y, on_heap=True)
    elif isinstance(y, Reference):
        w.take(y.text)
        w.keep(y.text)
    lists.give_up(w, t, place)
    lists.put(w, t, y, place)


def _sum(w: Writer, a: Machine, b: Machine) -> Machine:
    if isinstance(a, Scalar) and isinstance(b, Scalar):
        b = scalars.convert(w.text, b, a.kind)
        return Scalar(a.kind, w.text.let(f"{'add' if a.kind == 'i8' else 'fadd'} {a.type} {a.text}, {b.text}"))
    if isinstance(a, Array) and isinstance(b, Array) and a.kind[0] == "f":
        t = kernels.Node(
            "add",
            (kernels.Leaf(a, None, None), kernels.Leaf(b, None, None)),
            Tensor(scalars.np.dtype(a.kind), a.rank),
            raising=False,
        )
        if b.rank != a.rank:
            raise UnsupportedError("items of several ranks")
        return kernels.evaluated(w, t, a.kind, a.rank)
    if isinstance(a, Reference) and isinstance(b, Reference) and isinstance(a.type, ListOf) and a.type == b.type:
        return _list_sum(w, a, b)
    raise UnsupportedError("a sum of items")


def _list_sum(w: Writer, a: Reference, b: Reference) -> Reference:
    """Return the sums of the items of two lists of one length."""
    t = lists.item_type(a.type)
    n = lists.length(w, a)
    w.leave_if(w.text.compare("ne", n, lists.length(w, b)))
    result = lists.new(w, a.type, n)

    def turn(k: str) -> None:
        parts = (lists.get(w, t, lists.place(w, x, k)) for x in (a, b))
        lists.put(w, t, _sum(w, *parts), lists.place(w, result, k))
        w.text.store("i64", w.text.integer("add", k, "1"), lists.field(w, result.text, lists.LENGTH))

    nests.loop(w.text, n, turn)
    return result


__all__ = [
    "blank", "filled", "item", "joined", "joined_arrays", "length", "listed", "operator", "pack", "rows", "store", "total",
    "unpack", "vector",
]  # fmt: skip
