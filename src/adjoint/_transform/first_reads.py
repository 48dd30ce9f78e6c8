"""Reads what a loop began with, where a turn asks for an element that no turn before has changed.

The way back of ``a[i] = x`` takes the cotangent of the element and makes it zero: ``x_bar = a_bar[i]; a_bar[i] = 0``.  If each
turn does that for an element of its own, and nobody asks for those elements afterwards, the zeros need not be stored, and the
array need not be carried.
"""

from __future__ import annotations

import operator
from collections import defaultdict
from typing import Any

from adjoint._ir.copying import copied
from adjoint._ir.nodes import Apply, Block, Function, Loop, Op, Value, values, walk
from adjoint._rules import stores
from adjoint._transform.dead import drop_dead_code
from adjoint._transform.replacing import substitute

Uses = dict[Value, list[Any]]


def read_first(function: Function) -> Function:
    """Return a program whose loops carry no array only to overwrite what they read; the function itself if none does."""
    new = copied(function)
    uses, found = uses_of(new), {}
    for op in walk(new.body):
        if isinstance(op, Loop) and op.unordered and runs_up(op):
            for k in range(len(op.inits)):
                found.update(_replaced(op, k, uses))
    if not found:
        return function
    substitute(new.body, {value: _last(value, found) for value in found})
    drop_dead_code(new)
    return new


def uses_of(function: Function) -> Uses:
    """Return the operations that use each value; True stands for a use as the result of a block."""
    found: Uses = defaultdict(list)
    blocks: list[Block] = [function.body]
    for op in walk(function.body):
        for value in dict.fromkeys(values(op.operands)):
            found[value].append(op)
        blocks += op.blocks
    for block in blocks:
        for value in values(block.results):
            found[value].append(True)
    return found


def runs_up(loop: Loop) -> bool:
    """Tell whether the indices of a loop are all different, and none is negative."""
    if loop.range is None or loop.test is not None:
        return False
    start, _, step = loop.range
    return type(start) is int and start >= 0 and step == 1


def _replaced(loop: Loop, k: int, uses: Uses) -> dict[Value, Any]:
    """Return the carried array and its final value with the initial one, if that has all that is asked of them."""
    carried, final, init = loop.carried[k], loop.finals[k], loop.inits[k]
    if type(init) is not Value or init.type != carried.type or getattr(init.type, "rank", 0) != 1:
        return {}
    reads = [op for op in uses[carried] if _reads(op, carried, loop.index)]
    others = [op for op in uses[carried] if op not in reads]
    if len(others) != 1 or not _stores(others[0], carried, loop):
        return {}
    if others[0].outputs[0] is not loop.updates[k] or len(uses[loop.updates[k]]) != 1:
        return {}
    assert loop.range is not None
    if not reads or not all(_reads_before(op, final, loop.range[0]) for op in uses[final]):
        return {}
    # The store stays behind, and is dead.
    loop.body.results[k] = carried
    return {final: init, carried: init}


def _reads(op: Any, array: Value, index: Any) -> bool:
    return isinstance(op, Apply) and op.function is operator.getitem and op.args[0] is array and op.args[1] is index


def _stores(op: Op | bool, array: Value, loop: Loop) -> bool:
    """Tell whether an operation stores into an array at the index of a loop, in each of its turns."""
    if not isinstance(op, Apply) or op.function is not stores.assign or op not in loop.body.ops:
        return False
    whole, index, value = op.args
    return whole is array and index is loop.index and value is not array


def _reads_before(op: Any, array: Value, start: int) -> bool:
    """Tell whether an operation reads an element before those of the indices from ``start``."""
    if not isinstance(op, Apply) or op.function is not operator.getitem or op.args[0] is not array:
        return False
    return type(op.args[1]) is int and 0 <= op.args[1] < start


def _last(value: Value, found: dict[Value, Any]) -> Any:
    """Follow replacements by values that are replaced themselves."""
    atom: Any = value
    while type(atom) is Value and atom in found:
        atom = found[atom]
    return atom
