"""Whether a branch may be computed for elements of a batch that do not take it."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from adjoint._ir.infer import COUNTED
from adjoint._ir.nodes import Apply, Block, Call, Function, If, Loop, Op, Raise, atom_type, functions, values, walk
from adjoint._ir.types import ListOf, Tensor
from adjoint._rules import indexing, stores
from adjoint._rules.batching import form_for
from adjoint._transform.activity import Activity
from adjoint._transform.binding import rule_of
from adjoint._transform.canonical import canonical
from adjoint._transform.shapes import Shapes

# Functions that take an index at the given position, which may be out of bounds.
_INDEXED = {operator.getitem: 1, stores.assign: 1, stores.accumulate: 1, stores.winners: 1, indexing.scatter: 1, np.take: 1}
_SAFE = frozenset({np.array, np.asarray, np.where, float, complex, bool})
# On Python's own numbers these raise where NumPy warns.
_STRICT = frozenset({np.divide, np.floor_divide, np.remainder, np.power})


Present = Callable[[Apply], bool]


def why_not(op: If, batched: Activity, present: Present) -> str:
    """Return what forbids to compute both sides of a branch; an empty text if nothing does.

    ``present`` tells of an operation on an element of an array whether the element is known to be there.
    """
    return next((trouble for block in op.blocks for trouble in _Search(batched, present).block(block)), "")


class _Search:
    """Looks for what may not be done for elements of a batch that do not take a branch."""

    def __init__(self, batched: Activity, present: Present) -> None:
        self.batched, self.present = batched, present

    def block(self, block: Block) -> Iterator[str]:
        for op in block.ops:
            yield from self.operation(op)
            for inner in op.blocks:
                yield from self.block(inner)

    def operation(self, op: Op) -> Iterator[str]:
        match op:
            case Raise():
                yield "an exception in it"
            case Loop() if op.test is not None or op.range is None or op.stops:
                yield "a loop in it that may not end"
            case Call():
                if any(_calls(one, op.function) for one in functions(op.function)):
                    yield "a recursive call in it"
                else:
                    yield from self.block(op.function.body)
            case Apply() if op.effect:
                yield "an effect in it"
            case Apply() if self.may_fail(op):
                yield f"an operation in it that may fail ({getattr(op.function, '__name__', 'a derivative')})"
            case _:
                pass

    def may_fail(self, op: Apply) -> bool:
        """Tell whether an operation may raise for values that the branch was to keep from it."""
        function = canonical(op.function)
        if function in _INDEXED:
            lists = isinstance(getattr(op.args[0], "type", None), ListOf)
            return lists or (any(map(_is_position, _parts(op.args[_INDEXED[function]]))) and not self.present(op))
        if function in (stores.without_last, stores.pack, stores.unpack):
            return function is stores.without_last
        if _of_numbers(op) and not any(value in self.batched for value in values(op.operands)):
            return function in _STRICT or getattr(op.function, "__module__", "") in ("math", "cmath")
        if function in COUNTED or function in _SAFE:
            return False
        rule = rule_of(function)
        if rule is None or getattr(function, "__module__", "") == "numpy.linalg":
            return True
        return rule.kind not in ("elementwise", "composite") and form_for(rule) is None


def _calls(function: Function, other: Function) -> bool:
    return any(isinstance(op, Call) and op.function is other for op in walk(function.body))


def _of_numbers(op: Apply) -> bool:
    """Tell whether an operation takes Python's own numbers alone."""
    return all(isinstance(value.type, Tensor) and value.type.number for value in values(op.operands))


def _parts(index: Any) -> Any:
    return index if isinstance(index, tuple) else (index,)


def _is_position(part: Any) -> bool:
    """Tell whether a part of an index names elements that need not be there; known numbers are taken to be there."""
    return any(True for _ in values(part)) and not isinstance(part, slice)


def element_of(op: Apply, shapes: Shapes) -> Any:
    """Return what tells the elements that an operation reads or writes; None if it does neither."""
    if op.function not in (operator.getitem, stores.assign, stores.accumulate) or isinstance(atom_type(op.args[0]), ListOf):
        return None
    try:
        hash(op.args[1])
    except TypeError:
        return None
    return shapes(op.args[0]), op.args[1]
