"""Arrays whose first axis is the innermost in memory: elements for several directions, which are read and written at once.

The Jacobian of a function of single numbers keeps arrays of directions, and reads ``x_dot[:, i, j]``: in C order elements that
lie far from each other, with the first axis innermost a vector.  An array is laid out so if it begins as zeros, its first axis
is short and known, and all that is done to it is of that form.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from adjoint._backend.native.text import Text
from adjoint._backend.native.values import SMALL, Array, is_native, rank_of
from adjoint._backend.plan import Move, Plan
from adjoint._ir.nodes import Apply, Op, Value, atom_type, values, walk
from adjoint._ir.symbol import extent
from adjoint._ir.types import Tensor
from adjoint._rules import stores

# Elements of the first axis.
MOST = 32
_STORES = (stores.assign, stores.accumulate)


def find(plan: Plan, root: Callable[[Value], Value]) -> frozenset[Value]:
    """Return the variables of a plan that are laid out with the first axis innermost."""
    ops = list(walk(plan.function.body))
    found = {root(op.outputs[0]) for op in ops if _begins(op) and op.outputs[0] not in plan.inlined}
    while found:
        spoiled = {variable for op in ops for variable in _spoiled(op, root, found)}
        for step in plan.walk():
            if isinstance(step, Move):
                for pair in step.pairs:
                    places = {root(value) for value in plan.leaves(pair.source)}
                    target = root(pair.target)
                    spoiled |= {one for one in places | {target} if one in found and places != {target}}
        if not spoiled & found:
            break
        found -= spoiled
    return frozenset(found)


def _begins(op: Op) -> bool:
    """Tell whether an operation makes zeros of a short, known first axis."""
    if not isinstance(op, Apply) or op.function is not np.zeros or op.kwargs or len(op.args) != 1:
        return False
    shape = op.args[0]
    if not isinstance(shape, tuple) or len(shape) < 2 or type(shape[0]) is not int or not 1 < shape[0] <= MOST:
        return False
    known = [n for n in shape if type(n) is int]
    return is_native(op.outputs[0].type) and not (len(known) == len(shape) and math.prod(known) <= SMALL)


def _spoiled(op: Op, root: Callable[[Value], Value], found: set[Value]) -> Iterator[Value]:
    """Yield the variables that an operation uses in another way, or gives another value."""
    if not isinstance(op, Apply):
        operands = op.operands if not op.blocks else ()  # what branches and loops hand on are moves
        yield from (root(value) for value in (*values(operands), *([] if op.blocks else op.outputs)) if root(value) in found)
        return
    rest: Any = op.operands
    if op.function is extent:
        return
    if op.function in _STORES or op.function is operator.getitem:
        first = op.args[0]
        if _is_block(op.args[1], rank_of(first)):
            rest = op.args[1] if op.function in _STORES else op.args[1:]
    kept = _begins(op) or (op.function in _STORES and type(op.args[0]) is Value and root(op.args[0]) is root(op.outputs[0]))
    yield from (root(value) for value in (*values(rest), *([] if kept else op.outputs)) if root(value) in found)


def _is_block(index: Any, rank: int) -> bool:
    """Tell whether an index takes all of the first axis, and one place or all of each other axis."""
    if not isinstance(index, tuple) or len(index) > rank or not _is_whole(index[0]):
        return False
    return all(_is_whole(part) or _is_place(part) for part in index[1:])


def _is_whole(part: Any) -> bool:
    return isinstance(part, slice) and (part.start, part.stop, part.step) == (None, None, None)


def _is_place(part: Any) -> bool:
    t = None if isinstance(part, slice) or part is Ellipsis else atom_type(part)
    return isinstance(t, Tensor) and not t.rank and t.dtype.kind == "i"


def strides(text: Text, dims: tuple[str, ...]) -> tuple[str, ...]:
    """Return the strides of an array that is laid out so."""
    found = [dims[0]]
    for n in dims[:1:-1]:
        found.append(text.integer("mul", found[-1], n))
    return ("1", *reversed(found))


def laid(text: Text, x: Array) -> Array:
    """Return the array that has the memory of one in C order, with the first axis innermost."""
    return Array(x.kind, x.data, x.dims, strides(text, x.dims), x.owner, lanes=True)
