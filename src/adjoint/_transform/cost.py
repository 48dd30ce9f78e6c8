"""What it costs to keep a value, and to compute it again: the model by which reverse mode decides.

Nothing is known of shapes, so every axis counts as `LENGTH` long, and every loop as `LENGTH` turns.  In units of a tenth of
an addition:

====================================================  ================================================================
to keep an element of a number or an array             80, as an operation moves 8 bytes
to keep an element of a list                           640: a list is as long as its loop, for every turn of the loop around
to keep anything as the result of a branch or a call   4: only its name is kept, until a loop around has to decide
a view, ``x[i]``, a shape, arithmetic of indices       1, and it may be done again any number of times
an arithmetic operation, for each element              10
another elementwise function, for each element         40
a product of matrices, for each element                10 `LENGTH`
a function of linear algebra, for each element         100 `LENGTH`
an effect, an exception, a call                        cannot be done again
====================================================  ================================================================

No other operation is done again more than once: of a nest of loops one body decides to recompute, and those within keep what
they need during that recomputation, or recompute while those around keep.  Only sums and products of numbers are recomputed by
any of them.  So what is recomputed adds at most the operations of the function.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any

import numpy as np

from adjoint._ir.nodes import Apply, Call, If, Loop, Op, Raise, Value, atom_type, walk
from adjoint._ir.symbol import extent, length
from adjoint._ir.types import ListOf, Record, Tensor, Type
from adjoint._rules import indexing, kinds, stores
from adjoint._rules.book import name_of
from adjoint._transform.cut import UNLIMITED

LENGTH = 32
BY_NAME = 4
CHEAP = 1

_VIEWS = {
    extent, length, len, np.size, np.reshape, np.transpose, np.swapaxes, np.moveaxis, np.expand_dims, np.squeeze,
    np.broadcast_to, np.ravel, np.diagonal, np.matrix_transpose, indexing.window, stores.form, stores.unpack,
    stores.without_last,
}  # fmt: skip
_ARITHMETIC = {
    np.add,
    np.subtract,
    np.multiply,
    np.divide,
    np.negative,
    np.positive,
    np.square,
    np.abs,
    np.conj,
    kinds.scale,
    stores.fit,
}
_LIGHT = {np.add, np.subtract, np.multiply, np.negative, operator.add, operator.sub, operator.mul, operator.neg}
_PRODUCTS = {np.matmul, np.dot, np.inner, np.outer, np.tensordot, np.einsum, np.vdot, np.kron, np.convolve, operator.matmul}


def size(t: Type) -> int:
    """Return how many elements a value of a type counts for."""
    if isinstance(t, Tensor):
        return LENGTH**t.rank
    if isinstance(t, ListOf):
        return LENGTH * size(t.item)
    return LENGTH if isinstance(t, Record) else 1


def keeping(t: Type) -> int:
    """Return what it costs to keep a value of each turn."""
    return size(t) * (640 if isinstance(t, ListOf) else 80)


def cheap(op: Op) -> bool:
    """Tell whether an operation may be done again wherever its results are needed."""
    if not isinstance(op, Apply) or op.effect:
        return False
    if op.function is operator.getitem:
        return not _gathers(op)
    types = [atom_type(atom) for atom in (*op.args, *op.outputs) if not isinstance(atom, (tuple, list, dict, slice))]
    counts = all(isinstance(t, Tensor) and t.rank == 0 and t.dtype.kind in "iub" for t in types)
    return op.function in _VIEWS or counts


def light(op: Op) -> bool:
    """Tell whether an operation is arithmetic of numbers, which is sooner done than what it gives is kept and read."""
    if not isinstance(op, Apply) or op.effect or op.function not in _LIGHT:
        return False
    types = [atom_type(atom) for atom in (*op.args, *op.outputs)]
    return all(isinstance(t, Tensor) and t.rank == 0 for t in types)


def _gathers(op: Apply) -> bool:
    """Tell whether an index is an array, so that what is read is a copy."""
    index = op.args[1] if isinstance(op.args[1], tuple) else (op.args[1],)
    return any((isinstance(part, Value) and getattr(part.type, "rank", 0) > 0) or isinstance(part, list) for part in index)


def repeating(op: Op) -> int:
    """Return what it costs to do an operation once more."""
    once = any(isinstance(o, (Raise, Call)) or (isinstance(o, Apply) and o.effect) for o in _all(op))
    return UNLIMITED if once else _work(op)


def _all(op: Op) -> Iterator[Op]:
    """Yield an operation and those in its blocks."""
    yield op
    for block in op.blocks:
        yield from walk(block)


def _work(op: Op) -> int:
    match op:
        case Apply():
            return CHEAP if cheap(op) else _weight(op.function) * max([1, *map(_size_of, (*op.args, *op.outputs))])
        case Loop():
            return LENGTH * sum(_work(inner) for block in op.blocks for inner in block.ops)
        case If():
            return 10 + sum(_work(inner) for block in op.blocks for inner in block.ops)
        case _:
            return UNLIMITED


def _size_of(atom: Any) -> int:
    return size(atom.type) if isinstance(atom, Value) else 1


def _weight(function: Any) -> int:
    if function in _PRODUCTS:
        return 10 * LENGTH
    if "linalg" in name_of(function):
        return 100 * LENGTH
    return 40 if is_costly(function) else 10


def is_costly(function: Any) -> bool:
    """Tell whether an elementwise function is more than arithmetic."""
    return isinstance(function, np.ufunc) and function not in _ARITHMETIC


def operations(op: Op) -> list[Op]:
    """Return the operations that are done when an operation is, without those that may be done again at will."""
    return [o for o in _all(op) if isinstance(o, Apply) and not cheap(o)]
