"""Which operations get no memory for their results, because the one operation that uses them computes them element by element.

``sum(exp(-x) * y)`` is one loop.  A value is part of the loop that uses it if nobody else uses it, both stand in one block, and
nothing is stored in between, for a store would see that the array is still needed, and copy it.  Views that are used once
need no variable either.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from adjoint._backend import library
from adjoint._backend.native.names import name_of
from adjoint._backend.native.values import is_native, rank_of
from adjoint._backend.plan import is_dead
from adjoint._ir.nodes import Apply, Block, Call, Function, If, Loop, Op, Value, atom_type, values
from adjoint._ir.types import Tensor

# Operations in one loop: more do not fit into registers, and are written out twice.
MOST = 48
# Functions whose result has the elements of their first argument in some order, and which need no memory for it.
FLIPS = frozenset({np.flip, np.flipud, np.fliplr})
VIEWS = FLIPS | {np.transpose, np.swapaxes, np.moveaxis, np.expand_dims, np.matrix_transpose, np.broadcast_to}
_FILLED = frozenset({np.zeros_like, np.ones_like})
_ROUNDING = frozenset({np.round, np.around, round})
_STOPS = (If, Loop, Call)


def choose(function: Function, counts: dict[Value, int]) -> dict[Value, Apply | Call]:
    """Return the values that are computed where they are used, with their operations."""
    found: dict[Value, Apply | Call] = {}
    _block(function.body, counts, found)
    return found


def _block(block: Block, counts: dict[Value, int], found: dict[Value, Apply | Call]) -> None:
    open_: dict[Value, tuple[int, Apply]] = {}
    results = set(values(block.results))
    for op in block.ops:
        for inner in op.blocks:
            _block(inner, counts, found)
        if is_dead(op, counts):
            continue
        if isinstance(op, _STOPS) or _is_store(op):
            if isinstance(op, Apply):
                _take(op, open_, found)
            open_.clear()
            continue
        if not isinstance(op, Apply):
            continue
        size = _take(op, open_, found)
        if is_fused(op) and counts.get(op.outputs[0]) == 1 and op.outputs[0] not in results and size < MOST:
            open_[op.outputs[0]] = (size + 1, op)


def _take(op: Apply, open_: dict[Value, tuple[int, Apply]], found: dict[Value, Apply | Call]) -> int:
    """Make values part of the operation that uses them, and return how many operations that makes."""
    size = 0
    for value in values(op.operands):
        if value in open_ and size + open_[value][0] < MOST:
            more, found[value] = open_.pop(value)
            size += more
    return size


def _is_store(op: Op) -> bool:
    return isinstance(op, Apply) and (op.function in library.STORES or op.effect)


def is_elementwise(op: Any) -> bool:
    """Tell whether an operation is computed element by element, for arrays of any rank."""
    if not isinstance(op, Apply) or len(op.outputs) != 1 or not is_native(op.outputs[0].type) or op.effect:
        return False
    function = op.function
    name = name_of(function)
    if name is None or (name.startswith("special.") and not _is_of_floats(op)):
        return False
    if function in _ROUNDING and len(op.args) > 1:  # to decimals
        return False
    if op.kwargs or (isinstance(function, np.ufunc) and (function.signature is not None or len(op.args) > function.nin)):
        return False
    return all(_is_element(arg) for arg in op.args)


def _is_of_floats(op: Apply) -> bool:
    """Tell whether NumPy takes a ufunc's loop of float64 for these arguments."""
    types = [atom_type(arg) for arg in op.args]
    if not all(isinstance(t, Tensor) for t in types) or len(types) != op.function.nin:  # type: ignore[attr-defined]
        return False
    given = [type(t.dtype.type(0).item()) if t.number else t.dtype for t in types]  # type: ignore[union-attr]
    given = [np.dtype(bool) if one is bool else one for one in given]
    return all(dtype == np.float64 for dtype in op.function.resolve_dtypes((*given, None)))  # type: ignore[attr-defined]


def is_filled(op: Any) -> bool:
    """Tell whether an operation makes an array of the shape of another, all of whose elements are one number."""
    return (
        isinstance(op, Apply)
        and op.function in _FILLED
        and not op.kwargs
        and len(op.args) == 1
        and is_native(op.outputs[0].type)
    )


def is_fused(op: Apply) -> bool:
    """Tell whether an operation can be computed where its result is used."""
    output = op.outputs[0]
    if not isinstance(output.type, Tensor) or not output.type.rank or not is_native(output.type):
        return False
    if is_elementwise(op) or is_filled(op):
        return True
    return is_view(op) and is_native(atom_type(op.args[0]))


def is_view(op: Apply) -> bool:
    """Tell whether an operation makes a view that machine code knows."""
    if op.function is operator.getitem:
        return rank_of(op.args[0]) > 0 and rank_of(op.outputs[0]) > 0 and is_basic(op.args[1])
    return op.function in VIEWS


def is_basic(index: Any) -> bool:
    """Tell whether an index holds no arrays, lists or truth values."""
    parts = index if isinstance(index, tuple) else (index,)
    for part in parts:
        if part is None or part is Ellipsis or isinstance(part, slice):
            continue
        t = atom_type(part)
        if (
            isinstance(part, (list, tuple))
            or not isinstance(t, Tensor)
            or t.rank
            or t.dtype.kind not in "iu"
            or not is_native(t)
        ):
            return False
    return True


def _is_element(arg: Any) -> bool:
    return is_native(atom_type(arg)) and not isinstance(arg, (list, tuple, str))


__all__ = ["FLIPS", "MOST", "VIEWS", "choose", "is_basic", "is_elementwise", "is_filled", "is_fused", "is_view"]
