"""Products of vectors: inner, outer, norms.  Those of matrices are `contractions`."""

from __future__ import annotations

import numpy as np

from adjoint._backend.native import contractions, kernels, nests
from adjoint._backend.native.function import Writer
from adjoint._backend.native.kernels import Leaf, Node
from adjoint._backend.native.scalars import UnsupportedError
from adjoint._backend.native.values import Array, Machine, Scalar, kind_of, rank_of
from adjoint._ir.nodes import Apply, Value
from adjoint._ir.types import Tensor


def product(w: Writer, op: Apply, target: Value | None = None) -> Machine:
    """Return ``a @ b`` of vectors, matrices, and for `numpy.matmul` stacks of these."""
    ranks = [rank_of(atom) for atom in op.args]
    if op.kwargs or len(op.args) != 2 or not all(ranks) or (max(ranks) > 2 and op.function is not np.matmul):
        raise UnsupportedError("options")
    kind = kind_of(op.outputs[0])
    if kind == "b1" or any(kind_of(atom) != kind for atom in op.args):
        raise UnsupportedError("a product of several dtypes")
    if max(ranks) > 1:
        return contractions.stacked(w, op)
    a, b = map(w.array, op.args)
    w.leave_if(w.text.compare("ne", a.dims[-1], b.dims[0]))
    factors = (Leaf(a, None, op.args[0]), Leaf(b._replace(dims=a.dims), None, op.args[1]))
    return kernels.reduced(w, times(factors, kind, 1), 1, (0,), ("add", 0), kind)


def inner(w: Writer, op: Apply, target: Value | None = None) -> Machine:
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
    return kernels.evaluated(w, times((Leaf(left, None, op.args[0]), Leaf(right, None, op.args[1])), kind, 2), kind, 2, None)


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


def times(factors: tuple[Leaf, Leaf], kind: str, rank: int) -> Node:
    return Node("multiply", factors, Tensor(np.dtype(kind), rank), raising=False)
