"""Functions that arrange elements in another way, or pick and sum them along an axis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint._backend.native import gathering, kernels, linear, nests, scalars
from adjoint._backend.native.function import STACK, Writer
from adjoint._backend.native.kernels import Node, Number
from adjoint._backend.native.scalars import UnsupportedError
from adjoint._backend.native.text import number
from adjoint._backend.native.values import KINDS, Array, Machine, Scalar, is_native, kind_of, rank_of
from adjoint._ir.nodes import Apply, Value, atom_type
from adjoint._ir.types import Tensor

# The widest matrix of whose triangles indices are made: they are counted with 64 bits.
_WIDEST = 2**30


def given(op: Apply, *names: str, native: bool = True) -> dict[str, Any]:
    """Return the arguments by name; others, and a first one that machine code does not know, are refused."""
    if len(op.args) > len(names) or set(op.kwargs) - set(names):
        raise UnsupportedError("options")
    if native and not is_native(atom_type(op.args[0] if op.args else None)):
        raise UnsupportedError("what is no array")
    return dict(zip(names, op.args, strict=False)) | op.kwargs


def whole(x: Any) -> int:
    """Return an integer that is known."""
    if type(x) is not int:
        raise UnsupportedError("an option that is not known")
    return x


def _packed(w: Writer, atom: Any, kind: str | None = None) -> Array:
    """Return an array in C order, of a kind."""
    a = w.array(atom)
    return w.packed(a) if kind in (None, a.kind) else w.copy(a, kind)


def _around(w: Writer, dims: tuple[str, ...], axis: int) -> tuple[str, str, str]:
    """Return the number of elements before an axis, along it, and behind it."""
    return nests.size_of(w.text, dims[:axis]), dims[axis], nests.size_of(w.text, dims[axis + 1 :])


def _axis(op: Apply, axis: Any) -> int:
    """Return an axis; that of a vector need not be named."""
    rank = rank_of(op.args[0])
    k = 0 if axis is None and rank == 1 else whole(axis)
    if not -rank <= k < rank:
        raise UnsupportedError("an axis")
    return k % rank


# Numbers along an axis ----------------------------------------------------------------------------------------------------


def cumulated(w: Writer, op: Apply, target: Value | None = None) -> Array:
    """Return the sums, or products, of all elements up to each along an axis."""
    axis = _axis(op, given(op, "a", "axis").get("axis"))
    text, kind = w.text, kind_of(op.outputs[0])
    out = w.copy(w.array(op.args[0]), kind)
    before, n, behind = _around(w, out.dims, axis)
    operation = {np.cumsum: "add", np.cumprod: "mul"}[op.function]
    operation = f"f{operation}" if kind[0] == "f" else operation
    if kind == "b1":
        raise UnsupportedError("sums of truth values")

    def outer(i: str) -> None:
        start = text.integer("mul", i, text.integer("mul", n, behind))

        def along(k: str) -> None:
            def inner(j: str) -> None:
                place = text.integer("add", start, text.integer("add", text.integer("mul", k, behind), j))
                address = text.item(out.stored, out.data, text.integer("add", place, behind))
                x, y = text.load(out.stored, text.item(out.stored, out.data, place)), text.load(out.stored, address)
                text.store(out.stored, text.let(f"{operation} {out.stored} {x}, {y}"), address)

            nests.loop(text, behind, inner)

        nests.loop(text, text.integer("sub", n, "1"), along)

    nests.loop(text, before, outer)
    return out


def place_of_extreme(w: Writer, op: Apply, target: Value | None = None) -> Machine:
    """Return where the first largest, or smallest, element stands; nan is both."""
    axis = given(op, "a", "axis").get("axis")
    text, largest = w.text, op.function is np.argmax
    if not rank_of(op.args[0]):
        raise UnsupportedError("one number")
    a = _packed(w, op.args[0])
    if axis is None:
        before, n, behind, dims = "1", nests.size_of(text, a.dims), "1", ()
    else:
        axis = _axis(op, axis)
        before, n, behind = _around(w, a.dims, axis)
        dims = (*a.dims[:axis], *a.dims[axis + 1 :])
    w.leave_if(text.compare("eq", n, "0"))
    out = w.allocate("i8", dims) if dims else Array("i8", text.buffer("i64", 1), (), None, STACK)
    kind, best, at = KINDS[a.kind][0], text.variable(KINDS[a.kind][0]), text.variable("i64")

    def better(x: str) -> str:
        old = text.load(kind, best)
        if a.kind[0] == "f":
            more = text.let(f"fcmp {'ogt' if largest else 'olt'} {kind} {x}, {old}")
            none = text.all([text.let(f"fcmp uno {kind} {x}, {x}"), text.let(f"fcmp ord {kind} {old}, {old}")])
            return text.any([more, none])
        sign = "u" if a.kind == "b1" else "s"
        return text.let(f"icmp {sign}{'gt' if largest else 'lt'} {kind} {x}, {old}")

    def outer(i: str) -> None:
        def inner(j: str) -> None:
            start = text.integer("add", text.integer("mul", i, text.integer("mul", n, behind)), j)
            text.store(kind, nests.load(text, a.kind, text.item(a.stored, a.data, start)).text, best)
            text.store("i64", "0", at)

            def along(k: str) -> None:
                place = text.integer("add", start, text.integer("mul", k, behind))
                x = nests.load(text, a.kind, text.item(a.stored, a.data, place)).text
                with text.when(better(x)):
                    text.store(kind, x, best)
                    text.store("i64", k, at)

            nests.loop(text, n, along)
            place = text.integer("add", text.integer("mul", i, behind), j)
            text.store("i64", text.load("i64", at), text.item("i64", out.data, place))

        nests.loop(text, behind, inner)

    nests.loop(text, before, outer)
    return out if dims else nests.load(text, "i8", out.data)


def rounded(w: Writer, op: Apply, target: Value | None = None) -> Machine:
    """Return numbers rounded to decimals, as NumPy does: multiplied, rounded to integers, divided."""
    decimals = whole(given(op, "a", "decimals").get("decimals", 0))
    output = op.outputs[0]
    if not isinstance(output.type, Tensor) or output.type.dtype.kind != "f" or kind_of(op.args[0]) != kind_of(output):
        raise UnsupportedError("integers")
    kind = kind_of(output)
    t: kernels.Tree = kernels.tree(w, op.args[0])
    names = ("multiply", "divide") if decimals > 0 else ("divide", "multiply")
    factor = Number(Scalar(kind, scalars.literal(10.0 ** abs(decimals), kind)))
    t = Node(names[0], (t, factor), output.type, raising=False) if decimals else t
    t = Node("rint", (t,), output.type, raising=False)
    t = Node(names[1], (t, factor), output.type, raising=False) if decimals else t
    return kernels.evaluated(w, t, kind, rank_of(output), target) if rank_of(output) else kernels.value(w, t, {})


# Matrices -------------------------------------------------------------------------------------------------------------------


def eye(w: Writer, op: Apply, target: Value | None = None) -> Array:
    """Return a matrix with ones on a diagonal."""
    parts = given(op, *(("N", "M", "k", "dtype") if op.function is np.eye else ("n", "dtype")))
    rows = w.whole(op.args[0])
    columns = rows if parts.get("M") is None else w.whole(parts["M"])
    return linear.identity(w, kind_of(op.outputs[0]), (rows, columns), _offset(w, parts.get("k", 0)))


def _offset(w: Writer, k: Any) -> str:
    """Return which diagonal is meant; a number to which no length can be added leaves."""
    found = w.whole(k)
    w.leave_if(w.text.any([w.text.compare("sgt", found, str(2**62)), w.text.compare("slt", found, str(-(2**62)))]))
    return found


def triangle(w: Writer, op: Apply, target: Value | None = None) -> Array:
    """Return a matrix with zeros above, or below, a diagonal."""
    parts = given(op, "m", "k")
    if rank_of(op.args[0]) != 2:
        raise UnsupportedError("a stack of matrices")
    text, below = w.text, op.function is np.tril
    out = w.copy(w.array(op.args[0]), kind_of(op.outputs[0]))
    (m, n), offset = out.dims, _offset(w, parts.get("k", 0))
    zero = {"f": number(0.0), "i": "0", "b": "0"}[out.kind[0]]

    def row(i: str) -> None:
        start, end = text.integer("mul", i, n), text.integer("add", i, offset)

        def turn(j: str) -> None:
            place = text.item(out.stored, out.data, text.integer("add", start, j))
            away = text.compare("sgt" if below else "slt", j, end)
            text.store(out.stored, text.select(away, out.stored, zero, text.load(out.stored, place)), place)

        nests.loop(text, n, turn)

    nests.loop(text, m, row)
    return out


def _diagonal(w: Writer, a: Array, offset: int) -> Array:
    """Return the view of a diagonal of a matrix."""
    text = w.text
    below, right = max(-offset, 0), max(offset, 0)
    down, along = nests.strides_of(text, a)
    m, n = (text.integer("sub", size, str(start)) for size, start in zip(a.dims, (below, right), strict=True))
    length = m if m == n else text.select(text.compare("slt", m, n), "i64", m, n)
    length = text.select(text.compare("sgt", length, "0"), "i64", length, "0")
    start = text.integer("add", text.integer("mul", str(below), down), text.integer("mul", str(right), along))
    return Array(a.kind, text.item(a.stored, a.data, start), (length,), (text.integer("add", down, along),), a.owner)


def diagonal(w: Writer, op: Apply, target: Value | None = None) -> Array:
    """Return a diagonal of a matrix, or the matrix that has a vector as a diagonal."""
    parts = given(op, "a", "k") if op.function is np.diag else given(op, "a", "offset", "axis1", "axis2")
    offset = whole(parts.get("k", parts.get("offset", 0)))
    a = w.array(op.args[0])
    if (parts.get("axis1", 0), parts.get("axis2", 1)) not in ((0, 1), (-2, -1)):
        raise UnsupportedError("axes")
    if a.rank == 2:
        return w.copy(_diagonal(w, a, offset))
    if a.rank != 1 or op.function is not np.diag:
        raise UnsupportedError("a stack of matrices")
    n = w.text.integer("add", a.dims[0], str(abs(offset)))
    out = w.allocate(a.kind, (n, n))
    kernels.fill(w, out, Number(Scalar(a.kind, scalars.literal(0, a.kind))))
    place = _diagonal(w, out, offset)
    w.copy_elements(a, Array(a.kind, place.data, a.dims, place.strides, out.owner))
    return out


def trace(w: Writer, op: Apply, target: Value | None = None) -> Machine:
    """Return the sum of a diagonal."""
    offset = whole(given(op, "a", "offset").get("offset", 0))
    if rank_of(op.args[0]) != 2:
        raise UnsupportedError("a stack of matrices")
    t = kernels.Leaf(_diagonal(w, w.array(op.args[0]), offset), None, None)
    return kernels.reduced(w, t, 1, (0,), ("add", 0), kind_of(op.outputs[0]))


# Elements in another order --------------------------------------------------------------------------------------------------


def rolled(w: Writer, op: Apply, target: Value | None = None) -> Array:
    """Return the elements moved along an axis, those beyond its end at its start."""
    parts = given(op, "a", "shift", "axis")
    shift = parts["shift"]
    if isinstance(shift, (list, tuple)) or rank_of(shift) or kind_of(shift) != "i8":
        raise UnsupportedError("several shifts")
    axis = _axis(op, parts.get("axis"))
    text, a = w.text, w.array(op.args[0])
    out = w.allocate(a.kind, a.dims)
    n = a.dims[axis]
    moved = w.whole(shift)
    divisor = text.select(text.compare("eq", n, "0"), "i64", "1", n)
    rest = text.let(f"srem i64 {moved}, {divisor}")
    rest = text.select(text.compare("slt", rest, "0"), "i64", text.integer("add", rest, divisor), rest)
    source, place = nests.strides_of(text, a), nests.strides_of(text, out)
    for start, at, length in (("0", rest, text.integer("sub", n, rest)), (text.integer("sub", n, rest), "0", rest)):
        dims = (*a.dims[:axis], length, *a.dims[axis + 1 :])
        x = text.item(a.stored, a.data, text.integer("mul", start, source[axis]))
        y = text.item(a.stored, out.data, text.integer("mul", at, place[axis]))
        with text.when(text.compare("sgt", length, "0")):
            w.copy_elements(Array(a.kind, x, dims, source, a.owner), Array(a.kind, y, dims, place, out.owner))
    return out


def repeated(w: Writer, op: Apply, target: Value | None = None) -> Array:
    """Return each element along an axis several times."""
    parts = given(op, "a", "repeats", "axis")
    if isinstance(parts["repeats"], (list, tuple)) or rank_of(parts["repeats"]) or kind_of(parts["repeats"]) != "i8":
        raise UnsupportedError("several counts")
    axis = _axis(op, parts.get("axis"))
    a, count = w.array(op.args[0]), w.whole(parts["repeats"])
    strides = nests.strides_of(w.text, a)
    dims = (*a.dims[: axis + 1], count, *a.dims[axis + 1 :])
    return _put_together(w, Array(a.kind, a.data, dims, (*strides[: axis + 1], "0", *strides[axis + 1 :]), a.owner), (axis,))


def tiled(w: Writer, op: Apply, target: Value | None = None) -> Array:
    """Return an array several times one behind the other."""
    counts = given(op, "A", "reps")["reps"]
    counts = tuple(counts) if isinstance(counts, (list, tuple)) else (counts,)
    a = w.array(op.args[0])
    if len(counts) != a.rank or any(rank_of(n) or kind_of(n) != "i8" for n in counts):
        raise UnsupportedError("another number of axes")
    dims, steps = [], []
    for n, size, stride in zip(map(w.whole, counts), a.dims, nests.strides_of(w.text, a), strict=True):
        dims += [n, size]
        steps += ["0", stride]
    return _put_together(w, Array(a.kind, a.data, tuple(dims), tuple(steps), a.owner), tuple(range(0, 2 * a.rank, 2)))


def _put_together(w: Writer, a: Array, axes: tuple[int, ...]) -> Array:
    """Return the elements in memory of their own, with each of some axes and the one behind it made one."""
    out = w.copy(a)
    dims: list[str] = []
    for k, n in enumerate(out.dims):
        if k - 1 in axes:
            dims[-1] = w.text.integer("mul", dims[-1], n)
        else:
            dims.append(n)
    return Array(out.kind, out.data, tuple(dims), None, out.owner)


def taken(w: Writer, op: Apply, target: Value | None = None) -> Machine:
    """Return what integers name along an axis."""
    parts = given(op, "a", "indices", "axis")
    axis, index = _axis(op, parts.get("axis")), parts["indices"]
    if isinstance(index, (list, tuple)) or not rank_of(index):
        raise UnsupportedError("what is no array")
    whole_index = (*(slice(None),) * axis, index)
    return gathering.gathered(w, Apply(outputs=op.outputs, line=op.line, function=op.function, args=(op.args[0], whole_index)))


def linspace(w: Writer, op: Apply, target: Value | None = None) -> Array:
    """Return numbers at equal distances, the last of which is the end."""
    parts = given(op, "start", "stop", "num")
    if any(rank_of(parts[name]) for name in ("start", "stop")) or kind_of(op.outputs[0]) != "f8":
        raise UnsupportedError("ends that are arrays")
    text, n = w.text, w.whole(parts.get("num", 50))
    start, stop = (w.scalar(parts[name], "f8").text for name in ("start", "stop"))
    out = w.allocate("f8", (n,))
    gap = text.let(f"fsub double {stop}, {start}")
    count = text.integer("sub", n, "1")
    parts_ = scalars.convert(text, Scalar("i8", text.select(text.compare("sgt", count, "0"), "i64", count, "1")), "f8").text
    step = text.let(f"fdiv double {gap}, {parts_}")
    none = text.let(f"fcmp oeq double {step}, {number(0.0)}")  # the distance is too small a number to be multiplied

    def turn(k: str) -> None:
        at = text.let(f"sitofp i64 {k} to double")
        small = text.let(f"fmul double {text.let(f'fdiv double {at}, {parts_}')}, {gap}")
        x = text.select(none, "double", small, text.let(f"fmul double {at}, {step}"))
        x = text.let(f"fadd double {x}, {start}")
        last = text.all([text.compare("eq", k, count), text.compare("ne", k, "0")])
        text.store("double", text.select(last, "double", stop, x), text.item("double", out.data, k))

    nests.loop(text, n, turn)
    return out


def triangle_indices(w: Writer, op: Apply) -> list[Array]:
    """Return the rows and columns of the triangle above, or below, a diagonal of a square matrix."""
    if op.kwargs or not 1 <= len(op.args) <= 2 or any(kind_of(arg) != "i8" or rank_of(arg) for arg in op.args):
        raise UnsupportedError("options")
    text, n = w.text, w.whole(op.args[0])
    w.leave_if(text.any([text.compare("slt", n, "0"), text.compare("sgt", n, str(_WIDEST))]))
    k = w.whole(op.args[1]) if len(op.args) == 2 else "0"
    w.leave_if(text.any([text.compare("slt", k, str(-_WIDEST)), text.compare("sgt", k, str(_WIDEST))]))

    def span(row: str) -> tuple[str, str]:
        """Return the first column of a row, and how many there are."""
        edge = text.integer("add", row, k)
        edge = edge if op.function is np.triu_indices else text.integer("add", edge, "1")
        edge = text.select(text.compare("slt", edge, "0"), "i64", "0", edge)
        edge = text.select(text.compare("sgt", edge, n), "i64", n, edge)
        return (edge, text.integer("sub", n, edge)) if op.function is np.triu_indices else ("0", edge)

    at = text.variable("i64")

    def each(body: Callable[[str, str], None]) -> None:
        """Write loops over all places; ``body`` takes the row and the column."""

        def row(i: str) -> None:
            first, count = span(i)
            nests.loop(text, count, lambda j: body(i, text.integer("add", first, j)))

        nests.loop(text, n, row)

    text.store("i64", "0", at)
    nests.loop(text, n, lambda i: text.store("i64", text.integer("add", text.load("i64", at), span(i)[1]), at))
    count = text.load("i64", at)
    out = [w.allocate("i8", (count,)) for _ in range(2)]
    text.store("i64", "0", at)

    def put(i: str, j: str) -> None:
        place = text.load("i64", at)
        for x, one in zip((i, j), out, strict=True):
            nests.store(text, Scalar("i8", x), text.item("i64", one.data, place))
        text.store("i64", text.integer("add", place, "1"), at)

    each(put)
    return out
