"""Loops of elementwise operations and of reductions over them: what is inlined becomes one loop.

A tree has arrays and numbers at its leaves and functions of single elements at its nodes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from adjoint._backend.native import fusion, indexing, nests, scalar_names, scalars
from adjoint._backend.native.function import Writer
from adjoint._backend.native.outlining import Nest
from adjoint._backend.native.scalars import UnsupportedError
from adjoint._backend.native.text import Text
from adjoint._backend.native.values import Array, Scalar, axis_of, kind_of, rank_of
from adjoint._backend.native.writing import Writing
from adjoint._backend.shapes import Shape
from adjoint._ir.nodes import Apply, Value
from adjoint._ir.types import Tensor


class Leaf(NamedTuple):
    """An array, and what is known of its shape: leaves of one shape need no test whether they fit together."""

    array: Array
    shape: Shape
    atom: Any


class Number(NamedTuple):
    """A number, the same for all elements."""

    value: Scalar


class Filled(NamedTuple):
    """One number in the shape of a tree, of which nothing else is read."""

    value: Scalar
    like: Any


class Node(NamedTuple):
    """A function of single elements."""

    name: str
    parts: tuple[Any, ...]
    type: Tensor
    raising: bool


Tree = Leaf | Number | Filled | Node


def tree(w: Writer, atom: Any) -> Tree:
    """Return an atom as a tree; what cannot be part of a loop is computed before it."""
    if not rank_of(atom):
        return Number(w.scalar(atom))
    op = w.plan.inlined.get(atom) if type(atom) is Value else None
    if isinstance(op, Apply) and (fusion.is_elementwise(op) or fusion.is_filled(op)):
        return node(w, op)
    if isinstance(op, Apply) and op.function is np.broadcast_to and not rank_of(op.args[0]):
        x = w.scalar(op.args[0])
        place = Array(x.kind, "null", indexing.expect_lengths(w, x.kind, indexing.shape(w, op.args[1])), None, "null")
        return Filled(x, Leaf(place, None, None))
    return Leaf(w.array(atom), w.shapes.of(atom) if type(atom) is Value else None, atom)


def node(w: Writer, op: Apply) -> Tree:
    """Return an elementwise operation as a tree."""
    output = op.outputs[0].type
    assert isinstance(output, Tensor)
    if fusion.is_filled(op):
        value = scalars.literal(0 if op.function is np.zeros_like else 1, kind_of(op.outputs[0]))
        return Filled(Scalar(kind_of(op.outputs[0]), value), tree(w, op.args[0]))
    name = scalar_names.name_of(op.function)
    assert name is not None
    raising = output.number and op.outputs[0] not in w.sums
    return Node(name, tuple(tree(w, arg) for arg in op.args), output, raising)


def leaves(t: Tree) -> list[Leaf]:
    """Return the arrays of a tree, those that are asked for their shape only included."""
    if isinstance(t, Leaf):
        return [t]
    if isinstance(t, Filled):
        return leaves(t.like)
    return [leaf for part in t.parts for leaf in leaves(part)] if isinstance(t, Node) else []


def read(t: Tree) -> list[Leaf]:
    """Return the arrays whose elements a tree reads."""
    if isinstance(t, Leaf):
        return [t]
    return [leaf for part in t.parts for leaf in read(part)] if isinstance(t, Node) else []


# Operations of a loop of which LLVM may do several turns at once.
_LIGHT = 6


def weight(t: Tree) -> int:
    """Return how many operations a tree has; elementary functions count for more."""
    if not isinstance(t, Node):
        return 0
    return (1 if t.name not in scalar_names.ELEMENTARY else _LIGHT) + sum(map(weight, t.parts))


def within(nest: Nest, t: Tree) -> Tree:
    """Return a tree as the function of a nest has it, but for what has no influence there; leaves of one array are one."""
    return _within(nest, t, {}, {})


def _within(nest: Nest, t: Tree, leaves: dict[Array, Leaf], shapes: dict[Any, Any]) -> Tree:
    match t:
        case Leaf():
            shape = t.shape and shapes.setdefault(t.shape, frozenset({len(shapes)}))
            return leaves.setdefault(t.array, Leaf(nest.array(t.array), shape, None))
        case Number() | Filled():
            return Number(nest.scalar(t.value))
        case Node():
            return Node(t.name, tuple(_within(nest, part, leaves, shapes) for part in t.parts), t.type, t.raising)


def value(w: Writing, t: Tree, loaded: dict[int, Scalar]) -> Scalar:
    """Return one element of a tree; ``loaded`` are the elements of its leaves, by identity."""
    if isinstance(t, Leaf):
        return loaded[id(t)]
    if isinstance(t, (Number, Filled)):
        return t.value
    return scalars.apply(w, t.name, [value(w, part, loaded) for part in t.parts], t.type, raising=t.raising)


# Shapes -----------------------------------------------------------------------------------------------------------------------


def same_shape(a: Leaf, b: Leaf) -> bool:
    """Tell whether two arrays have one shape for certain."""
    if a.array.dims == b.array.dims:
        return True
    return bool(a.shape) and a.shape == b.shape and a.array.rank == b.array.rank


def extents(w: Writing, found: list[Leaf], rank: int, *, allocated: bool = False) -> tuple[str, ...]:
    """Return the lengths of the axes of a result; arrays that do not fit together leave.

    If an array of these lengths is ``allocated`` next, those that do not fit may be negative: there is no memory for it.
    """
    text = w.text
    distinct: list[Leaf] = []
    for leaf in found:
        if not any(same_shape(leaf, other) for other in distinct):
            distinct.append(leaf)
    if len(distinct) == 1 and distinct[0].array.rank == rank:
        return distinct[0].array.dims
    dims: list[str] = []
    failures: list[str] = []
    for axis in range(rank):
        length, *rest = dict.fromkeys(leaf.array.dims[axis - rank] for leaf in distinct if leaf.array.rank >= rank - axis)
        for n in rest:
            length = _fitted(text, length, n, failures, allocated=allocated)
        dims.append(length)
    w.leave_if(text.any(failures))
    return tuple(dims)


def _fitted(text: Text, a: str, b: str, failures: list[str], *, allocated: bool) -> str:
    """Return the length that two lengths of an axis are broadcast to; note the condition under which there is none."""
    if b in (a, "1"):
        return a
    if a == "1":
        return b
    if a[0] != "%" and b[0] != "%":
        failures.append("true")
        return a
    length = text.let(f"call i64 @adj.fit(i64 {a}, i64 {b})")
    variable = a[0] == b[0]
    if not (variable and allocated):
        failures.append(text.compare("slt", length, "0"))
    return length if variable else a if a[0] != "%" else b


def operands(w: Writing, found: list[Leaf], dims: tuple[str, ...]) -> list[nests.Operand]:
    """Return arrays as operands of a nest."""
    whole = [leaf for leaf in found if leaf.array.dims == dims]
    result = []
    for leaf in found:
        same = any(same_shape(leaf, other) for other in whole)
        array = leaf.array
        if same and array.dims != dims:
            array = Array(array.kind, array.data, dims, array.strides, array.owner)
        result.append(nests.aligned(w.text, array, dims))
    return w.straight(result, dims)


# Elementwise ------------------------------------------------------------------------------------------------------------------


def elementwise(w: Writer, op: Apply, target: Value | None = None) -> Array | Scalar:
    """Return the result of an elementwise operation, with all that is inlined into it."""
    t = node(w, op)
    output = op.outputs[0]
    if not rank_of(output):
        return value(w, t, {})
    return evaluated(w, t, kind_of(output), rank_of(output), target)


def evaluated(w: Writer, t: Tree, kind: str, rank: int, target: Value | None = None) -> Array:
    """Return the elements of a tree in an array of their own."""
    dims = extents(w, leaves(t), rank, allocated=True)
    if target is not None and any(reads(w, leaf, target) for leaf in leaves(t)):
        target = None
    out = w.allocate(kind, dims, target)
    fill(w, out, t)
    return out


def reads(w: Writer, leaf: Leaf, target: Value) -> bool:
    """Tell whether a leaf reads the memory of a variable."""
    root = w.variables.root(target)
    atom = leaf.atom
    return type(atom) is Value and any(w.variables.root(one) is root for one in w.plan.leaves(atom))


def fill(w: Writing, out: Array, t: Tree, *, add: bool = False) -> None:
    """Write the elements of a tree to an array, or add them to what is there."""
    if nests.is_small(out.dims):
        _fill(w, out, t, add=add)
        return
    nest = Nest(w)
    out, t = nest.array(out), within(nest, t)
    nest.outlined(("fill", out, t, add), lambda: _fill(nest, out, t, add=add))


def _fill(w: Writing, out: Array, t: Tree, *, add: bool) -> None:
    text = w.text
    found = list({id(leaf): leaf for leaf in read(t)}.values())
    ready = operands(w, found, out.dims)
    target = nests.aligned(text, out, out.dims, (True,) * out.rank)
    unrolled = nests.is_small(out.dims)
    note, access = notes(t, unrolled=unrolled)

    def element(addresses: list[str]) -> None:
        x = scalars.convert(text, value(w, t, loaded(text, found, addresses[1:], access)), out.kind)
        if add:
            old = nests.load(text, out.kind, addresses[0], access)
            x = Scalar(out.kind, text.let(f"{'add' if out.kind == 'i8' else 'fadd'} {x.type} {old.text}, {x.text}"))
        nests.store(text, x, addresses[0], access)

    def row(pointers: list[str], count: str) -> None:
        nests.elements(text, every, pointers, count, element, note, unrolled)

    every = [target, *ready]
    nests.nest(text, out.dims, every, row)


def notes(t: Tree, *, unrolled: bool) -> tuple[str, str]:
    """Return the notes of the innermost loop over a tree."""
    return ("", "") if unrolled else nests.PARALLEL if weight(t) <= _LIGHT else nests.HEAVY


def loaded(text: Text, found: list[Leaf], addresses: list[str], note: str) -> dict[int, Scalar]:
    """Return the elements of leaves, by identity."""
    return {id(leaf): nests.load(text, leaf.array.kind, at, note) for leaf, at in zip(found, addresses, strict=True)}


# Reductions -------------------------------------------------------------------------------------------------------------------

# Reductions: the function of two elements, and the start, None for the first element.
REDUCTIONS: dict[Any, tuple[str, float | None]] = {
    np.sum: ("add", 0), np.prod: ("multiply", 1), np.max: ("maximum", None), np.min: ("minimum", None),
    np.amax: ("maximum", None), np.amin: ("minimum", None), np.any: ("logical_or", 0), np.all: ("logical_and", 1),
    np.mean: ("add", 0),
}  # fmt: skip


def reduce(w: Writer, op: Apply, target: Value | None = None) -> Array | Scalar:
    """Return a sum, product, extremum over all axes or over one."""
    names = ("axis", "keepdims")
    if set(op.kwargs) - set(names) or len(op.args) not in (1, 2):
        raise UnsupportedError("options")
    axis = axis_of(op)
    keep = op.kwargs.get("keepdims", False)
    rank = rank_of(op.args[0])
    axes = tuple(range(rank)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    if not all(type(k) is int for k in axes) or type(keep) is not bool or not rank:
        raise UnsupportedError("axes")
    axes = tuple(sorted(k % rank for k in axes))
    t = tree(w, op.args[0])
    kind = kind_of(op.outputs[0])
    if op.function is np.mean and kind[0] != "f":
        raise UnsupportedError("mean of integers")
    result = reduced(w, t, rank, axes, REDUCTIONS[op.function], kind, keep=keep, target=target)
    if op.function is np.mean:
        return _divided(w, result, t, rank, axes)
    return result


def _divided(w: Writer, x: Array | Scalar, t: Tree, rank: int, axes: tuple[int, ...]) -> Array | Scalar:
    """Divide sums by the number of elements."""
    dims = extents(w, leaves(t), rank)
    count = scalars.convert(w.text, Scalar("i8", nests.size_of(w.text, tuple(dims[k] for k in axes))), x.kind)
    if isinstance(x, Scalar):
        return Scalar(x.kind, w.text.let(f"fdiv {x.type} {x.text}, {count.text}"))
    fill(w, x, Node("divide", (Leaf(x, None, None), Number(count)), Tensor(np.dtype(x.kind), rank), raising=False))
    return x


def reduced(
    w: Writer, t: Tree, rank: int, axes: tuple[int, ...], how: tuple[str, float | None], kind: str, *,
    keep: bool = False, target: Value | None = None,
) -> Array | Scalar:  # fmt: skip
    """Return the reduction of a tree over axes."""
    dims = extents(w, leaves(t), rank)
    name, start = how
    if start is None:
        w.leave_if(w.text.compare("eq", nests.size_of(w.text, dims), "0"))
    if len(axes) == rank:
        total = _reduced_all(w, t, dims, name, start, kind)
        if not keep:
            return total
        out = w.allocate(kind, ("1",) * rank)
        nests.store(w.text, total, out.data)
        return out
    rest = [k for k in range(rank) if k not in axes]
    if start is None:
        start = float("-inf") if name == "maximum" else float("inf")
        if kind[0] != "f":
            raise UnsupportedError("extremum of integers along an axis")
    shape = tuple("1" if k in axes else dims[k] for k in range(rank))
    if target is not None and any(reads(w, leaf, target) for leaf in leaves(t)):
        target = None
    out = w.allocate(kind, shape if keep else tuple(dims[k] for k in rest), target)
    fill(w, out, Number(Scalar(kind, scalars.literal(start, kind))))
    strides = iter(nests.strides_of(w.text, out))
    along = ["0"] * rank
    for k in range(rank):
        stride = next(strides) if keep or k in rest else "0"
        along[k] = "0" if k in axes else stride
    accumulate(w, nests.Operand(kind, out.data, tuple(along)), t, dims, name)
    return out


def _reduced_all(w: Writing, t: Tree, dims: tuple[str, ...], name: str, start: float | None, kind: str) -> Scalar:
    if nests.is_small(dims):
        return _total(w, t, dims, name, start, kind)
    nest = Nest(w)
    t, dims = within(nest, t), nest.lengths(dims)

    def body() -> tuple[str, str]:
        total = _total(nest, t, dims, name, start, kind)
        return total.type, total.text

    return Scalar(kind, nest.outlined(("total", t, dims, name, start, kind), body))


def _total(w: Writing, t: Tree, dims: tuple[str, ...], name: str, start: float | None, kind: str) -> Scalar:
    text = w.text
    initial = {"maximum": float("-inf"), "minimum": float("inf")}.get(name, start)
    if kind == "i8" and start is None:
        initial = -(2**63) if name == "maximum" else 2**63 - 1
    if kind == "b1" and start is None:
        initial = name == "minimum"
    stored = scalars.KINDS[kind][0]
    total = text.variable(stored)
    text.store(stored, scalars.literal(initial, kind), total)
    found = list({id(leaf): leaf for leaf in read(t)}.values())
    every = operands(w, found, dims)
    unrolled = nests.is_small(dims)
    note, access = notes(t, unrolled=unrolled)

    def element(addresses: list[str]) -> None:
        x = value(w, t, loaded(text, found, addresses, access))
        old = Scalar(kind, text.load(stored, total))
        text.store(stored, combined(w, name, old, x, kind).text, total)

    def row(pointers: list[str], count: str) -> None:
        nests.elements(text, every, pointers, count, element, note, unrolled)

    nests.nest(text, dims, every, row)
    return Scalar(kind, text.load(stored, total))


def combined(w: Writing, name: str, old: Scalar, x: Scalar, kind: str) -> Scalar:
    """Return two elements put together; sums and products may be done in any order."""
    if kind[0] == "f" and name in ("add", "multiply"):
        x = scalars.convert(w.text, x, kind)
        return Scalar(kind, w.text.let(f"{'fadd' if name == 'add' else 'fmul'} reassoc nsz {x.type} {old.text}, {x.text}"))
    return scalars.apply(w, name, [old, x], Tensor(np.dtype(kind), 0), raising=False)


# Elements of a row of sums that is written out.
_FEW = 8


def accumulate(w: Writing, out: nests.Operand, t: Tree, dims: tuple[str, ...], name: str) -> None:
    """Put the elements of a tree together with what is in an array of its own that has stride 0 along some axes."""
    if nests.is_small(dims):
        _accumulate(w, out, t, dims, name)
        return
    nest = Nest(w)
    out, t, dims = nest.operand(out, alone=True), within(nest, t), nest.lengths(dims)
    nest.outlined(("accumulate", out, t, dims, name), lambda: _accumulate(nest, out, t, dims, name))


def _accumulate(w: Writing, out: nests.Operand, t: Tree, dims: tuple[str, ...], name: str) -> None:
    text = w.text
    found = list({id(leaf): leaf for leaf in read(t)}.values())
    every = [out, *operands(w, found, dims)]
    within = out.strides[-1] == "0"
    kind = scalars.KINDS[out.kind][0]

    def row(pointers: list[str], count: str) -> None:
        # A few sums, written out, stay in registers through the loops around; as a short vector they would be stored.
        unrolled = nests.is_small(dims) or (not within and count[0] != "%" and int(count) <= _FEW)
        note, access = notes(t, unrolled=unrolled)
        total = text.variable(kind) if within else ""
        if within:
            text.store(kind, nests.load(text, out.kind, pointers[0]).text, total)

        def element(addresses: list[str]) -> None:
            x = value(w, t, loaded(text, found, addresses[1:], access))
            old = Scalar(out.kind, text.load(kind, total)) if within else nests.load(text, out.kind, addresses[0], access)
            y = combined(w, name, old, x, out.kind)
            if within:
                text.store(kind, y.text, total)
            else:
                nests.store(text, y, addresses[0], access)

        nests.elements(text, every, pointers, count, element, note, unrolled)
        if within:
            nests.store(text, Scalar(out.kind, text.load(kind, total)), pointers[0])

    nests.nest(text, dims, every, row)
