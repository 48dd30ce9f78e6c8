"""Products of vectors and matrices: sums of products in a nest of loops, ordered so that the innermost runs through memory.

Large matrices are multiplied by BLAS, which is decided when the program runs.
"""

from __future__ import annotations

import numpy as np

from adjoint._backend.native import kernels, linear, nests, scalars
from adjoint._backend.native.function import Writer
from adjoint._backend.native.kernels import Leaf, Node
from adjoint._backend.native.scalars import UnsupportedError
from adjoint._backend.native.values import Array, Scalar, kind_of, rank_of
from adjoint._ir.nodes import Apply, Value
from adjoint._ir.types import Tensor

# Products of numbers from which on BLAS is quicker than a loop.
LARGE = 1000


def product(w: Writer, op: Apply, target: Value | None = None) -> Array | Scalar:
    """Return ``a @ b`` of vectors and matrices."""
    a_atom, b_atom = op.args[:2]
    if op.kwargs or len(op.args) != 2 or rank_of(a_atom) not in (1, 2) or rank_of(b_atom) not in (1, 2):
        raise UnsupportedError("stacks of matrices")
    kind = kind_of(op.outputs[0])
    if kind == "b1" or kind_of(a_atom) != kind or kind_of(b_atom) != kind:
        raise UnsupportedError("a product of several dtypes")
    a, b = w.array(a_atom), w.array(b_atom)
    w.leave_if(w.text.compare("ne", a.dims[-1], b.dims[0]))
    if a.rank == b.rank == 1:
        factors = (Leaf(a, None, a_atom), Leaf(_as_long(b, a.dims), None, b_atom))
        return kernels.reduced(w, _times(factors, kind, 1), 1, (0,), ("add", 0), kind)
    if a.rank == 2 and b.rank == 2:
        return _matrices(w, a, b, kind)
    # The result runs along one axis of the matrix, the sum along the other.
    matrix, vector, along = (a, b, 0) if a.rank == 2 else (b, a, 1)
    strides = nests.strides_of(w.text, matrix)
    out = _zeros(w, kind, (matrix.dims[along],))
    if strides[along] == "1" and strides[1 - along] != "1":  # the result runs through memory
        dims = (matrix.dims[1 - along], matrix.dims[along])
        m = Array(kind, matrix.data, dims, (strides[1 - along], strides[along]), matrix.owner)
        v = Array(kind, vector.data, (dims[0], "1"), (nests.strides_of(w.text, vector)[0], "0"), vector.owner)
        result = nests.Operand(kind, out.data, ("0", "1"))
    else:
        dims = (matrix.dims[along], matrix.dims[1 - along])
        m = Array(kind, matrix.data, dims, (strides[along], strides[1 - along]), matrix.owner)
        v = Array(kind, vector.data, ("1", dims[1]), ("0", nests.strides_of(w.text, vector)[0]), vector.owner)
        result = nests.Operand(kind, out.data, ("1", "0"))
    kernels.accumulate(w, result, _times((Leaf(m, None, None), Leaf(v, None, None)), kind, 2), dims, "add")
    return out


def _matrices(w: Writer, a: Array, b: Array, kind: str) -> Array:
    """Return the product of two matrices: of large ones by BLAS."""
    text = w.text
    dims = (a.dims[0], a.dims[1], b.dims[1])
    out = w.allocate(kind, (dims[0], dims[2]))
    large = text.compare("sgt", nests.size_of(text, dims), str(LARGE)) if kind in ("f8", "f4") else "false"
    if large == "false":
        _multiplied(w, out, a, b, dims)
        return out
    try:
        routine = w.module.foreign("blas.dgemm" if kind == "f8" else "blas.sgemm")
    except UnsupportedError:
        _multiplied(w, out, a, b, dims)
        return out
    (turn_a, lead_a, fits_a), (turn_b, lead_b, fits_b) = _lines(w, a, dims[:2]), _lines(w, b, dims[1:])
    small = [text.compare("ult", n, str(linear.MOST)) for n in (*dims, lead_a, lead_b)]
    by_blas, by_loops, end = text.fresh("blas"), text.fresh("loops"), text.fresh("end")
    text.branch(text.all([large, fits_a, fits_b, *small]), by_blas, by_loops)
    text.begin(by_blas, alone=True)
    # By columns all three are transposed, and c' = b' a'.
    m, k, n = (linear.whole(w, size) for size in dims)
    one, zero = (_constant(w, kind, x) for x in (1.0, 0.0))
    args = [linear.letter(w, turn_b), linear.letter(w, turn_a), n, m, k, one, b.data, linear.whole(w, lead_b), a.data,
            linear.whole(w, lead_a), zero, out.data, n]  # fmt: skip
    text.do(f"call void {routine}({', '.join(f'ptr {arg}' for arg in args)})")
    text.jump(end)
    text.begin(by_loops)
    _multiplied(w, out, a, b, dims)
    text.place(end)
    return out


def _multiplied(w: Writer, out: Array, a: Array, b: Array, dims: tuple[str, str, str]) -> None:
    """Multiply two matrices in loops."""
    m, k, n = dims
    kernels.fill(w, out, kernels.Number(Scalar(out.kind, scalars.literal(0, out.kind))))
    (ai, ak), (bk, bj) = nests.strides_of(w.text, a), nests.strides_of(w.text, b)
    left = Array(out.kind, a.data, (m, k, "1"), (ai, ak, "0"), a.owner)
    right = Array(out.kind, b.data, ("1", k, n), ("0", bk, bj), b.owner)
    result = nests.Operand(out.kind, out.data, (n, "0", "1"))
    kernels.accumulate(w, result, _times((Leaf(left, None, None), Leaf(right, None, None)), out.kind, 3), dims, "add")


def _lines(w: Writer, a: Array, dims: tuple[str, ...]) -> tuple[str, str, str]:
    """Return how BLAS takes a matrix: the letter, how far its lines are apart, and whether it can take it at all."""
    text = w.text
    far, near = nests.strides_of(w.text, a)
    by_rows = text.all([text.compare("eq", near, "1"), text.compare("sge", far, dims[1])])
    by_columns = text.all([text.compare("eq", far, "1"), text.compare("sge", near, dims[0])])
    turned = text.select(by_rows, "i8", str(ord("N")), str(ord("T")))
    return turned, text.select(by_rows, "i64", far, near), text.any([by_rows, by_columns])


def _constant(w: Writer, kind: str, x: float) -> str:
    place = w.text.variable(scalars.KINDS[kind][0])
    w.text.store(scalars.KINDS[kind][0], scalars.literal(x, kind), place)
    return place


def inner(w: Writer, op: Apply, target: Value | None = None) -> Array | Scalar:
    """Return the sum of products of two vectors."""
    if rank_of(op.args[0]) != 1 or rank_of(op.args[1]) != 1:
        raise UnsupportedError("an inner product of matrices")
    return product(w, op, target)


def outer(w: Writer, op: Apply, target: Value | None = None) -> Array:
    """Return the products of all elements of two vectors."""
    if op.kwargs or len(op.args) != 2 or rank_of(op.args[0]) != 1 or rank_of(op.args[1]) != 1:
        raise UnsupportedError("an outer product of matrices")
    a, b = w.array(op.args[0]), w.array(op.args[1])
    left = Array(a.kind, a.data, (a.dims[0], "1"), (nests.strides_of(w.text, a)[0], "0"), a.owner)
    right = Array(b.kind, b.data, ("1", b.dims[0]), ("0", nests.strides_of(w.text, b)[0]), b.owner)
    kind = kind_of(op.outputs[0])
    return kernels.evaluated(w, _times((Leaf(left, None, op.args[0]), Leaf(right, None, op.args[1])), kind, 2), kind, 2, None)


def norm(w: Writer, op: Apply, target: Value | None = None) -> Array | Scalar:
    """Return the root of the sum of squares: of a vector, of all elements, or along an axis."""
    rank, axis = rank_of(op.args[0]), op.kwargs.get("axis")
    if set(op.kwargs) - {"axis"} or len(op.args) != 1 or not rank or kind_of(op.args[0]) != "f8":
        raise UnsupportedError("a norm of another sort")
    if axis is not None and (type(axis) is not int or not -rank <= axis < rank):
        raise UnsupportedError("axes")
    axes = tuple(range(rank)) if axis is None else (axis % rank,)
    square = Node("square", (kernels.tree(w, op.args[0]),), Tensor(np.dtype(float), rank), raising=False)
    total = kernels.reduced(w, square, rank, axes, ("add", 0), "f8")
    if isinstance(total, Scalar):
        return Scalar("f8", w.call("sqrt", "f8", [total.text]))
    kernels.fill(w, total, Node("sqrt", (Leaf(total, None, None),), Tensor(np.dtype(float), total.rank), raising=False))
    return total


def _zeros(w: Writer, kind: str, dims: tuple[str, ...]) -> Array:
    out = w.allocate(kind, dims)
    kernels.fill(w, out, kernels.Number(Scalar(kind, scalars.literal(0, kind))))
    return out


def _times(factors: tuple[Leaf, Leaf], kind: str, rank: int) -> Node:
    return Node("multiply", factors, Tensor(np.dtype(kind), rank), raising=False)


def _as_long(a: Array, dims: tuple[str, ...]) -> Array:
    """Return an array with other texts for the same lengths."""
    return Array(a.kind, a.data, dims, a.strides, a.owner)
