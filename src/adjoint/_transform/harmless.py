"""Whether a branch may be computed for elements of a batch that do not take it."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any

import numpy as np

from adjoint._ir.infer import COUNTED
from adjoint._ir.nodes import Apply, Block, Call, If, Loop, Op, Raise, Value, functions, values
from adjoint._ir.types import ListOf, Tensor
from adjoint._rules import indexing, stores
from adjoint._rules.batching import form_for
from adjoint._transform.activity import Activity
from adjoint._transform.binding import rule_of
from adjoint._transform.canonical import canonical

# Functions that take an index at the given position, which may be out of bounds.
_INDEXED = {operator.getitem: 1, stores.assign: 1, stores.accumulate: 1, stores.winners: 1, indexing.scatter: 1, np.take: 1}
# On Python's own numbers these raise where NumPy warns.
_STRICT = frozenset({np.divide, np.floor_divide, np.remainder, np.power})


def why_not(op: If, batched: Activity) -> str:
    """Return what forbids to compute both sides of a branch; an empty text if nothing does."""
    return next((trouble for block in op.blocks for trouble in _troubles(block, batched, set())), "")


def _troubles(block: Block, batched: Activity, called: set[Any]) -> Iterator[str]:
    for op in block.ops:
        yield from _of(op, batched, called)
        for inner in op.blocks:
            yield from _troubles(inner, batched, called)


def _of(op: Op, batched: Activity, called: set[Any]) -> Iterator[str]:
    match op:
        case Raise():
            yield "an exception in it"
        case Loop() if op.test is not None or op.range is None or op.stops:
            yield "a loop in it that may not end"
        case Call():
            if op.function in called or any(_calls(inner, op.function) for inner in functions(op.function)):
                yield "a recursive call in it"
            yield from _troubles(op.function.body, batched, called | {op.function})
        case Apply() if op.effect:
            yield "an effect in it"
        case Apply() if _may_fail(op, batched):
            yield f"an operation in it that may fail ({getattr(op.function, '__name__', 'a derivative')})"
        case _:
            pass


def _calls(function: Any, other: Any) -> bool:
    from adjoint._ir.nodes import walk

    return any(isinstance(op, Call) and op.function is other for op in walk(function.body))


def _may_fail(op: Apply, batched: Activity) -> bool:
    """Tell whether an operation may raise for values that the branch was to keep from it."""
    function = canonical(op.function)
    if function in _INDEXED:
        index = op.args[_INDEXED[function]]
        return isinstance(getattr(op.args[0], "type", None), ListOf) or any(_is_position(part) for part in _parts(index))
    if function is stores.without_last:
        return True
    numbers = [value for value in values(op.operands) if isinstance(value.type, Tensor) and value.type.number]
    if numbers and (function in _STRICT or function is not op.function) and not any(x in batched for x in numbers):
        return function in _STRICT or isinstance(op.function, type(abs)) and op.function.__module__ == "math"
    if function in COUNTED or function in (np.array, np.asarray, np.where, float, complex, bool):
        return False
    rule = rule_of(function)
    if rule is None or rule.kind == "composite" or getattr(function, "__module__", "") == "numpy.linalg":
        return rule is None or rule.kind != "composite" or getattr(function, "__module__", "") == "numpy.linalg"
    return form_for(rule) is None


def _parts(index: Any) -> Any:
    return index if isinstance(index, tuple) else (index,)


def _is_position(part: Any) -> bool:
    """Tell whether a part of an index names elements that need not be there; known numbers are taken to be there."""
    return any(type(value) is Value for value in values(part)) and not isinstance(part, slice)
