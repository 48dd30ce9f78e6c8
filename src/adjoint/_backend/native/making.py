"""Functions that make arrays, from numbers, from other arrays, or of lengths."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint._backend.native import fusion, indexing, kernels, lanes, list_functions, nests, scalars
from adjoint._backend.native.function import STACK, Writer
from adjoint._backend.native.kernels import Filled, Leaf, Node, Number
from adjoint._backend.native.outlining import Nest
from adjoint._backend.native.scalars import UnsupportedError
from adjoint._backend.native.values import Array, Machine, Scalar, axis_of, is_native, kind_of, rank_of
from adjoint._backend.native.writing import Writing
from adjoint._ir.nodes import Apply, Value, atom_type
from adjoint._ir.types import ListOf, Tensor


def filled(w: Writer, op: Apply, target: Value | None = None) -> Machine:
    """Return an array of a shape, of zeros, ones or another number."""
    kind = kind_of(op.outputs[0])
    given = dict(zip(_NAMES[op.function], op.args, strict=False)) | op.kwargs
    if set(given) - {"shape", "dtype", "fill_value"}:
        raise UnsupportedError("options")
    start = {np.zeros: 0, np.empty: 0, np.ones: 1}.get(op.function)
    x = w.scalar(given["fill_value"], kind) if start is None else Scalar(kind, scalars.literal(start, kind))
    if not rank_of(op.outputs[0]):
        return x
    laid = target is not None and w.slot(target).lanes
    shape = indexing.shape(w, given["shape"])
    out = w.on_heap(kind, shape) if laid else w.allocate(kind, shape, target)
    kernels.fill(w, out, Number(x))
    return lanes.laid(w.text, out) if laid else out


_NAMES: dict[Any, tuple[str, ...]] = {
    np.zeros: ("shape", "dtype"), np.ones: ("shape", "dtype"), np.empty: ("shape", "dtype"),
    np.full: ("shape", "fill_value", "dtype"),
}  # fmt: skip


def alike(w: Writer, op: Apply, target: Value | None = None) -> Machine:
    """Return an array like another: of zeros, ones, or of one number."""
    if set(op.kwargs) - {"dtype"} or len(op.args) not in (1, 2):
        raise UnsupportedError("options")
    output = op.outputs[0]
    kind = kind_of(output)
    start = {np.zeros_like: 0, np.empty_like: 0, np.ones_like: 1}.get(op.function)
    x = w.scalar(op.args[1], kind) if start is None else Scalar(kind, scalars.literal(start, kind))
    if not rank_of(output):
        return x
    return kernels.evaluated(w, Filled(x, kernels.tree(w, op.args[0])), kind, rank_of(output), target)


def array(w: Writer, op: Apply, target: Value | None = None) -> Machine:
    """Return nested sequences of numbers or arrays as an array, or an array itself."""
    if set(op.kwargs) - {"dtype"} or len(op.args) not in (1, 2):
        raise UnsupportedError("options")
    output, given = op.outputs[0], op.args[0]
    kind = kind_of(output)
    if not isinstance(given, (list, tuple)):
        if not is_native(atom_type(given)):
            raise UnsupportedError("an array of a list")
        if not rank_of(given):
            return w.scalar(given, kind)
        x = w.array(given)
        return (
            x if op.function in (np.asarray, np.ascontiguousarray) and x.kind == kind and x.strides is None else w.copy(x, kind)
        )
    return stacked(w, kind, given)


def stacked(w: Writer, kind: str, rows: Any) -> Array:
    """Return rows, which are numbers, arrays or sequences of them, as one array with an axis more."""
    found = [_row(w, kind, one) for one in rows]
    if not found:
        return w.allocate(kind, ("0",))
    first = found[0]
    inner = first.dims if isinstance(first, Array) else ()
    for one in found[1:]:
        dims = one.dims if isinstance(one, Array) else ()
        if len(dims) != len(inner):
            raise UnsupportedError("rows of several ranks")
        for m, n in zip(dims, inner, strict=True):
            w.leave_if(w.text.compare("ne", m, n))
    out = w.allocate(kind, (str(len(found)), *inner))
    size = nests.size_of(w.text, inner)
    for k, one in enumerate(found):
        address = w.text.item(out.stored, out.data, w.text.integer("mul", str(k), size))
        if isinstance(one, Array):
            w.copy_elements(one, Array(kind, address, inner, None, STACK))
        else:
            nests.store(w.text, one, address)
    return out


def _row(w: Writer, kind: str, one: Any) -> Array | Scalar:
    if isinstance(one, (list, tuple)):
        return stacked(w, kind, one)
    if not is_native(atom_type(one)):
        raise UnsupportedError("rows that are no numbers")
    return w.array(one) if rank_of(one) else w.scalar(one, kind)


def stack(w: Writer, op: Apply, target: Value | None = None) -> Machine:
    """Return arrays of one shape, stacked along a new first axis."""
    axis = axis_of(op, 0)
    if set(op.kwargs) - {"axis"} or type(axis) is not int or not isinstance(op.args[0], (tuple, list)):
        raise UnsupportedError("options")
    rank = rank_of(op.outputs[0])
    rows = stacked(w, kind_of(op.outputs[0]), op.args[0])
    axis %= rank
    if axis == 0:
        return rows
    strides = list(nests.strides_of(w.text, rows))
    dims = list(rows.dims)
    dims.insert(axis, dims.pop(0))
    strides.insert(axis, strides.pop(0))
    return w.copy(Array(rows.kind, rows.data, tuple(dims), tuple(strides), rows.owner))


def concatenate(w: Writer, op: Apply, target: Value | None = None) -> Machine:
    """Return arrays one behind the other along an axis."""
    axis = axis_of(op, 0)
    kind, rank, given = kind_of(op.outputs[0]), rank_of(op.outputs[0]), op.args[0]
    if set(op.kwargs) - {"axis"} or type(axis) is not int:
        raise UnsupportedError("options")
    if isinstance(given, Value) and isinstance(given.type, ListOf):
        return list_functions.joined_arrays(w, given, kind, axis % rank)
    if not isinstance(given, (tuple, list)):
        raise UnsupportedError("the parts of an array")
    if not all(is_native(atom_type(one)) and rank_of(one) == rank for one in given):
        raise UnsupportedError("parts of several sorts")
    axis %= rank
    parts = [w.array(one) for one in given]
    length = "0"
    for one in parts:
        length = w.text.integer("add", length, one.dims[axis])
        for k in range(rank):
            if k != axis:
                w.leave_if(w.text.compare("ne", one.dims[k], parts[0].dims[k]))
    dims = (*parts[0].dims[:axis], length, *parts[0].dims[axis + 1 :])
    out = w.allocate(kind, dims)
    strides = nests.strides_of(w.text, out)
    start = "0"
    for one in parts:
        address = w.text.item(out.stored, out.data, w.text.integer("mul", start, strides[axis]))
        place = Array(kind, address, (*dims[:axis], one.dims[axis], *dims[axis + 1 :]), strides, out.owner)
        w.copy_elements(Array(one.kind, one.data, place.dims, one.strides, one.owner), place)
        start = w.text.integer("add", start, one.dims[axis])
    return out


def arange(w: Writer, op: Apply, target: Value | None = None) -> Machine:
    """Return whole numbers one after the other."""
    kind = kind_of(op.outputs[0])
    if set(op.kwargs) - {"dtype"} or not 1 <= len(op.args) <= 3 or any(kind_of(x) != "i8" for x in op.args):
        raise UnsupportedError("a range of floats")
    text = w.text
    start, stop, by = ("0", w.whole(op.args[0]), "1") if len(op.args) == 1 else (*map(w.whole, op.args), "1")[:3]
    if by[0] == "%" or int(by) < 1:
        raise UnsupportedError("a range that may run backwards")
    count = nests.turns(text, start, stop, by)
    out = w.allocate(kind, (count,), target)

    def turn(k: str) -> None:
        x = Scalar("i8", text.integer("add", start, text.integer("mul", k, by)))
        nests.store(text, scalars.convert(text, x, kind), text.item(out.stored, out.data, k))

    nests.loop(text, count, turn)
    return out


def converted(w: Writer, op: Apply, target: Value | None = None) -> Machine:
    """Return numbers in another dtype."""
    if set(op.kwargs) - {"dtype"} or not is_native(atom_type(op.args[0])):
        raise UnsupportedError("options")
    output = op.outputs[0]
    if not rank_of(output):
        return w.scalar(op.args[0], kind_of(output))
    assert isinstance(output.type, Tensor)
    t = Node("positive", (kernels.tree(w, op.args[0]),), output.type, raising=False)
    return kernels.evaluated(w, t, kind_of(output), rank_of(output), target)


def clip(w: Writer, op: Apply, target: Value | None = None) -> Machine:
    """Return numbers held between two bounds."""
    if op.kwargs or len(op.args) != 3:
        raise UnsupportedError("options")
    output = op.outputs[0]
    assert isinstance(output.type, Tensor)
    t = kernels.tree(w, op.args[0])
    for name, bound in (("maximum", op.args[1]), ("minimum", op.args[2])):
        if bound is not None:
            t = Node(name, (t, kernels.tree(w, bound)), output.type, raising=False)
    if not rank_of(output):
        return kernels.value(w, t, {})
    return kernels.evaluated(w, t, kind_of(output), rank_of(output), target)


def copied(w: Writer, op: Apply, target: Value | None = None) -> Machine:
    """Return the same numbers in memory of their own."""
    if op.kwargs or len(op.args) != 1 or not is_native(atom_type(op.args[0])):
        raise UnsupportedError("options")
    if not rank_of(op.args[0]):
        return w.scalar(op.args[0])
    t = kernels.tree(w, op.args[0])
    return kernels.evaluated(w, t, kind_of(op.outputs[0]), rank_of(op.outputs[0]), target)


def fitted(w: Writer, op: Apply, target: Value | None = None) -> Machine:
    """Return a cotangent in the shape and dtype of another value: summed over axes along which that was broadcast."""
    g, like = op.args
    if op.kwargs or not is_native(atom_type(g)) or not is_native(atom_type(like)):
        raise UnsupportedError("options")
    kind = kind_of(op.outputs[0])
    t = kernels.tree(w, g)
    rank, own = rank_of(g), rank_of(like)
    if not own:
        if not rank:
            return w.scalar(g, kind)
        return kernels.reduced(w, t, rank, tuple(range(rank)), ("add", 0), kind)
    model = Leaf(w.array(like), w.shapes.of(like) if type(like) is Value else None, like)
    if rank < own:
        out = w.allocate(kind, model.array.dims)
        kernels.fill(w, out, t)
        return out
    return _summed(w, t, model, kind, rank)


def _summed(w: Writer, t: kernels.Tree, model: Leaf, kind: str, rank: int) -> Array:
    """Return the elements of a tree, summed over the axes along which a model has one element."""
    text = w.text
    found = kernels.leaves(t)
    if rank == model.array.rank and found and all(kernels.same_shape(leaf, model) for leaf in found):
        return kernels.evaluated(w, t, kind, rank)
    dims = kernels.extents(w, [*found, model], rank)
    if rank != model.array.rank:
        return _collected(w, t, model, kind, dims)
    equal = text.all([text.compare("eq", a, b) for a, b in zip(model.array.dims, dims, strict=True)])
    if equal == "false" or all(n[0] != "%" for n in model.array.dims):
        return kernels.evaluated(w, t, kind, rank) if equal == "true" else _collected(w, t, model, kind, dims)
    full = w.on_heap(kind, dims)
    kernels.fill(w, full, t)
    nest = Nest(w)
    nest.uses_pool = True
    parts = nest.array(full), nest.taken("ptr", full.owner), nest.array(model.array)
    owner = w.owned(nest.outlined(("sums", *parts), lambda: ("ptr", _unless_equal(nest, *parts))))
    return Array(kind, w.data_of(owner), model.array.dims, None, owner)


def _unless_equal(nest: Nest, full: Array, owner: str, model: Array) -> str:
    """Return a share in a block with the sums of an array, null if there is no memory for it.

    Most often there is nothing to sum: then it is the array's own block.
    """
    text = nest.text
    result = text.variable("ptr")
    text.store("ptr", owner, result)
    equal = text.all([text.compare("eq", a, b) for a, b in zip(model.dims, full.dims, strict=True)])
    with text.when(equal):
        text.do(f"call void @adj.retain(ptr {owner})")
    with text.when(text.negation(equal)):
        block = text.let(f"call ptr @adj.new(ptr %pool, i64 {nest.size_in_bytes(full.kind, model.dims)})")
        text.store("ptr", block, result)
        with text.when(text.let(f"icmp ne ptr {block}, null")):
            out = Array(full.kind, nest.data_of(block), model.dims, None, "null")
            _sums(nest, out, Leaf(full, None, None), full.dims)
    return text.load("ptr", result)


def _collected(w: Writer, t: kernels.Tree, model: Leaf, kind: str, dims: tuple[str, ...]) -> Array:
    """Return the sums of the elements of a tree along the axes along which a model has one element."""
    out = w.allocate(kind, model.array.dims)
    _sums(w, out, t, dims)
    return out


def _sums(w: Writing, out: Array, t: kernels.Tree, dims: tuple[str, ...]) -> None:
    kernels.fill(w, out, Number(Scalar(out.kind, scalars.literal(0, out.kind))))
    kernels.accumulate(w, nests.aligned(w.text, out, dims), t, dims, "add")


def formed(w: Writer, op: Apply, target: Value | None = None) -> Machine:
    """Return zeros in the shape of an array that take no memory."""
    x = op.args[0]
    if not is_native(atom_type(x)):
        raise UnsupportedError("the form of what is no array")
    kind = kind_of(op.outputs[0])
    zero = Scalar(kind, scalars.literal(0, kind))
    if not rank_of(x):
        return zero
    a = w.array(x)
    return Array(kind, w.module.zero, a.dims, ("0",) * a.rank, "null")


def extent(w: Writer, op: Apply, target: Value | None = None) -> Machine:
    """Return the length of an axis."""
    x, axis = op.args
    if not rank_of(x) or type(axis) is not int:
        raise UnsupportedError("the length of what is no array")
    inlined = w.plan.inlined.get(x) if type(x) is Value else None
    if isinstance(inlined, Apply) and (fusion.is_elementwise(inlined) or fusion.is_filled(inlined)):
        return Scalar("i8", kernels.extents(w, kernels.leaves(kernels.tree(w, x)), rank_of(x))[axis])
    return Scalar("i8", w.array(x).dims[axis])


def size(w: Writer, op: Apply, target: Value | None = None) -> Machine:
    if op.kwargs or len(op.args) != 1:
        raise UnsupportedError("options")
    return Scalar("i8", nests.size_of(w.text, w.array(op.args[0]).dims) if rank_of(op.args[0]) else "1")
