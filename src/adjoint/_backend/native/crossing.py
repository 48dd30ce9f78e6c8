"""Products of vectors in space."""

from __future__ import annotations

import numpy as np

from adjoint._backend.native import kernels, nests
from adjoint._backend.native.function import Writer
from adjoint._backend.native.kernels import Leaf, Node
from adjoint._backend.native.scalars import UnsupportedError
from adjoint._backend.native.values import Array, kind_of, rank_of
from adjoint._ir.nodes import Apply, Value
from adjoint._ir.types import Tensor


def cross(w: Writer, op: Apply, target: Value | None = None) -> Array:
    """Return the products of vectors of three components along the last axis; others are left to Python."""
    if len(op.args) != 2 or op.kwargs or not all(map(rank_of, op.args)):
        raise UnsupportedError("options")
    kind, rank = kind_of(op.outputs[0]), rank_of(op.outputs[0])
    if kind == "b1" or rank != max(map(rank_of, op.args)):
        raise UnsupportedError("a product in the plane")
    text = w.text
    arrays = [w.array(atom) for atom in op.args]
    for x in arrays:
        w.leave_if(text.compare("ne", x.dims[-1], "3"))
    parts = [[_component(w, x, k) for k in range(3)] for x in arrays]
    dims = kernels.extents(w, [Leaf(x[0], None, None) for x in parts], rank - 1)
    out = w.allocate(kind, (*dims, "3"))
    t = Tensor(np.dtype(kind), rank - 1)
    for k in range(3):
        a, b = ([Leaf(x, None, None) for x in (part[(k + 1) % 3], part[(k + 2) % 3])] for part in parts)
        difference = Node(
            "subtract",
            (Node("multiply", (a[0], b[1]), t, raising=False), Node("multiply", (a[1], b[0]), t, raising=False)),
            t,
            raising=False,
        )
        kernels.fill(w, _component(w, out, k), difference)
    return out


def in_space(w: Writer, op: Apply, target: Value | None = None) -> Array:
    """Return vectors of three components, which need no third one; others are left to Python."""
    x = w.array(op.args[0])
    w.leave_if(w.text.compare("ne", x.dims[-1], "3"))
    return x


def _component(w: Writer, x: Array, k: int) -> Array:
    """Return one component of all vectors."""
    *strides, last = nests.strides_of(w.text, x)
    at = w.text.item(x.stored, x.data, w.text.integer("mul", str(k), last))
    return Array(x.kind, at, x.dims[:-1], tuple(strides), x.owner)
