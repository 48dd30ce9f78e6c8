"""What the way back of a loop takes over from the way there, where the two cannot be one loop (`join`).

* An elementary function that both compute in each turn is kept, if the loop is as long as an axis of an array: a list of that
  length is read sooner than, say, an exponential is computed.
* A loop that carries the greatest number so far keeps the turn that it came from, one number, and not a list of what it was in
  each turn.  Its way back knows that turn: the cotangent goes there, without being carried through the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint._ir.copying import copied
from adjoint._ir.nodes import Apply, Block, Function, Loop, Op, Value, uses, values, walk
from adjoint._ir.symbol import extent
from adjoint._ir.types import BOOL, INT, Tensor
from adjoint._rules import kinds
from adjoint._transform import cost
from adjoint._transform.canonical import canonical
from adjoint._transform.dead import drop_dead_code
from adjoint._transform.join import Merger, collect, same_turns
from adjoint._transform.replacing import substitute

# What keeps the one argument, what takes the other, and the comparison by which it is known that the other is taken.
_CHOICES = {max: (np.greater_equal, np.greater), min: (np.less_equal, np.less)}


def reuse(function: Function) -> Function:
    """Return a program in which ways back take over more from the ways there; the function itself if there is no more."""
    if not any(isinstance(op, Loop) and op.unordered for op in walk(function.body)):
        return function
    new = copied(function)
    if not _Reuse(new).block(new.body):
        return function
    drop_dead_code(new)
    return new


class _Reuse:
    """Looks through the loops of one function."""

    def __init__(self, function: Function) -> None:
        self.lengths = {op.outputs[0] for op in walk(function.body) if isinstance(op, Apply) and op.function is extent}

    def block(self, block: Block) -> bool:
        """Change the loops of a block and of the blocks within; tell whether anything was changed."""
        found = False
        loops = [op for op in block.ops if isinstance(op, Loop) and op.range is not None and op.test is None and not op.stops]
        for n, back in enumerate(loops):
            for there in loops[:n]:
                if back.unordered and not there.unordered and same_turns(there, back):
                    found |= chosen(block, there, back)
                    found |= self.is_as_long_as_data(there) and _kept(there, back)
        for op in block.ops:
            for inner in op.blocks:
                found |= self.block(inner)
        return found

    def is_as_long_as_data(self, loop: Loop) -> bool:
        assert loop.range is not None
        start, stop, step = loop.range
        return start == 0 and step == 1 and type(stop) is Value and stop in self.lengths


def _merger(there: Loop, back: Loop) -> Merger:
    """Return what finds the operations of a way back that the way there has done."""
    merger = Merger(there.body.ops)
    merger.env[back.index] = there.index
    for atom, item in zip(back.consumed, back.items, strict=True):
        if atom in there.lists:
            merger.env[item] = there.collected[there.lists.index(atom)]
    for op in back.body.ops:
        if isinstance(op, Apply) and (found := merger.found(op)) is not None:
            merger.env.update(zip(op.outputs, found, strict=True))
    return merger


# Elementary functions --------------------------------------------------------------------------------------------------------


def _kept(there: Loop, back: Loop) -> bool:
    """Let a way back read what elementary functions gave on the way there."""
    merger, env = _merger(there, back), {}
    for op in back.body.ops:
        if isinstance(op, Apply) and _is_elementary(op) and op.outputs[0] in merger.env:
            value = op.outputs[0]
            item = env[value] = Value(value.type, value.name)
            back.consumed.append(collect(there, merger.env[value]))
            back.body.params.append(item)
    substitute(back.body, env)
    return bool(env)


def _is_elementary(op: Apply) -> bool:
    function = canonical(op.function)
    return isinstance(function, np.ufunc) and cost.is_costly(function) and getattr(op.outputs[0].type, "rank", 1) == 0


# The greatest so far ---------------------------------------------------------------------------------------------------------


@dataclass(eq=False, slots=True)
class _Choice:
    """The greatest or the least number so far, as a loop carries it, and how its cotangent is carried back.

    ``place`` and ``back_place`` are its places among what the two loops carry, ``other`` what it is compared with in each
    turn, ``takes`` the comparison by which that is taken, and ``given`` the operation that gives it the cotangent.
    """

    place: int
    back_place: int
    other: Any
    takes: Any
    given: Apply


def chosen(block: Block, there: Loop, back: Loop) -> bool:
    """Let the way back of a loop that carries the greatest number so far know the turn that this came from."""
    assert there.range is not None
    if there.reverse == back.reverse or there.range[0] != 0 or there.range[2] != 1:
        return False
    found = False
    for atom, item in list(zip(back.consumed, back.items, strict=True)):
        choice = _choice(there, back, atom, item)
        if choice is not None:
            _write(block, there, back, choice)
            found = True
    return found


def _choice(there: Loop, back: Loop, atom: Any, item: Value) -> _Choice | None:
    """Return the choice for whose way back an item is kept, and nothing else."""
    kept = there.collected[there.lists.index(atom)] if atom in there.lists else None
    if kept not in there.carried:
        return None
    place = there.carried.index(kept)
    op = next((op for op in there.body.ops if there.updates[place] in op.outputs), None)
    if not isinstance(op, Apply) or op.function not in _CHOICES or op.kwargs or len(op.args) != 2 or op.args[0] is not kept:
        return None
    stays, takes = _CHOICES[op.function]
    merger, users = _merger(there, back), _users(back)
    other = op.args[1]
    tests = users.get(item, [])
    first = [test for test in tests if _is_test(test, stays, item, other, merger, 0)]
    second = [test for test in tests if _is_test(test, takes, item, other, merger, 1)]
    if len(tests) != 2 or len(first) != 1 or len(second) != 1:
        return None
    staying, given = _product(first[0], users), _product(second[0], users)
    if staying is None or given is None or staying.args[1] is not given.args[1] or given.args[1] not in back.carried:
        return None
    k = back.carried.index(given.args[1])
    results = [result for result in back.body.results if result is staying.outputs[0] or result is back.carried[k]]
    if back.updates[k] is not staying.outputs[0] or len(results) != 1 or users.get(staying.outputs[0]):
        return None
    if len(users[back.carried[k]]) != 2 or item in values(back.body.results):
        return None
    return _Choice(place, k, other, takes, given)


def _users(loop: Loop) -> dict[Value, list[Op]]:
    """Return which operations of a loop's body, itself, use a value."""
    found: dict[Value, list[Op]] = {}
    for op in loop.body.ops:
        for value in dict.fromkeys(uses(op)):
            found.setdefault(value, []).append(op)
    return found


def _is_test(op: Op, function: Any, item: Value, other: Any, merger: Merger, place: int) -> bool:
    """Tell whether an operation compares an item, at a place among two, with what the way there compared it with."""
    if not isinstance(op, Apply) or canonical(op.function) is not function or op.kwargs or len(op.args) != 2:
        return False
    return op.args[place] is item and merger(op.args[1 - place]) is other


def _product(test: Op, users: dict[Value, list[Op]]) -> Apply | None:
    """Return the product with the truth of a test, as a number, if nothing else is made of that."""
    value, wanted = test.outputs[0], [(np.multiply, 0), (kinds.scale, None)]
    for function, one in wanted:
        ops = users.get(value, [])
        if len(ops) != 1 or not isinstance(op := ops[0], Apply) or op.kwargs or len(op.args) != 2:
            return None
        first, second = op.args
        if one is None and op.function in (function, np.multiply) and first is value:
            return op
        if one is None or canonical(op.function) is not function or second is not value or first != 1.0:
            return None
        value = op.outputs[0]
    return None


def _write(block: Block, there: Loop, back: Loop, choice: _Choice) -> None:
    """Write the turn of the choice into both loops."""
    n, carried = len(there.inits), there.carried[choice.place]
    turn, later, final, taken = Value(INT, "turn"), Value(INT), Value(INT, "turn"), Value(BOOL)
    there.body.ops.append(Apply(function=choice.takes, args=(choice.other, carried), outputs=[taken]))
    there.body.ops.append(Apply(function=np.where, args=(taken, there.index, turn), outputs=[later]))
    there.body.params.insert(1 + n, turn)
    there.body.results.insert(n, later)
    there.outputs.insert(n, final)
    there.inits.append(-1)
    # Back: the cotangent stays what it is, and goes to that turn, or to what there was before the loop.
    k = choice.back_place
    ct, here, none = back.carried[k], Value(BOOL), Value(BOOL)
    at = back.body.ops.index(choice.given)
    choice.given.function, choice.given.args = np.where, (here, ct, _zero(ct))
    back.body.ops.insert(at, Apply(function=np.equal, args=(back.index, final), outputs=[here]))
    back.body.results[k] = ct
    old, back.outputs[k] = back.outputs[k], Value(ct.type, ct.name)
    after = block.ops.index(back) + 1
    block.ops[after:after] = [
        Apply(function=np.equal, args=(final, -1), outputs=[none]),
        Apply(function=np.where, args=(none, back.outputs[k], _zero(ct)), outputs=[old]),
    ]


def _zero(value: Value) -> Any:
    assert isinstance(value.type, Tensor)
    return value.type.dtype.type(0)
