"""Loops of the way back that have nothing to add.

The cotangent of what a minimum, a clip or a branch did not choose is zero, and the loops that it is handed to multiply it and
add it to others.  Such a loop, within another one, stands under a condition here: that one of the numbers that it multiplies
by is not zero.  In the chain rule a zero wins over any factor, so nothing else changes.  A user's own loops are not touched:
there zero times infinite is undefined.

This is the last thing that is done to a program.  The derivative of a program with these conditions would be wrong: a
cotangent that is zero here may not be zero nearby.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint._backend.native.values import rank_of
from adjoint._ir.nodes import Apply, Block, If, Loop, Op, Value, atom_type, uses, values, walk
from adjoint._ir.types import Tensor
from adjoint._rules import kinds, shaping, stores

# Numbers that are looked at before a loop, and turns that a loop has at least to be worth it, if they are known.
_MOST, _LEAST = 3, 9
Needs = frozenset[Value]
_PASSING = {np.negative, shaping.convert, stores.fit, stores.spread}
_SUMS = {np.add, np.subtract}
_PRODUCTS = {np.multiply, kinds.scale}


def guard(block: Block) -> None:
    """Put the loops of a function that may be idle under conditions."""
    used = {value for op in walk(block) for value in values(op.operands)}
    used |= {value for op in walk(block) for inner in op.blocks for value in values(inner.results)}
    _within(block, used, inner=False)


def _within(block: Block, used: set[Value], *, inner: bool) -> None:
    """Do so in a block; ``inner`` says that it is repeated."""
    ops: list[Op] = []
    for op in block.ops:
        needed = _Idle(op).needed if inner and isinstance(op, Loop) and op.turns not in used and _is_candidate(op) else None
        if needed:
            assert isinstance(op, Loop)
            ops += _guarded(op, needed)
            continue
        for part in op.blocks:
            _within(part, used, inner=inner or isinstance(op, Loop))
        ops.append(op)
    block.ops = ops


def _is_candidate(op: Loop) -> bool:
    """Tell whether a loop is a way back, which none of a user's own is, and may have many turns."""
    if not op.unordered or op.range is None or op.test is not None or op.stops:
        return False
    return any(type(part) is Value for part in op.range) or len(range(*op.range)) >= _LEAST


def _guarded(op: Loop, needed: Needs) -> list[Op]:
    """Return a loop under the condition that some numbers are not all zero."""
    ops: list[Op] = []
    condition: Value | None = None
    for value in (value for value in dict.fromkeys(uses(op)) if value in needed):  # a set is in another order in each process
        is_there = Value(Tensor(np.dtype(bool)))
        ops.append(Apply(function=np.not_equal, args=(value, 0.0), outputs=[is_there], line=op.line))
        if condition is not None:
            either = Value(Tensor(np.dtype(bool)))
            ops.append(Apply(function=np.logical_or, args=(condition, is_there), outputs=[either], line=op.line))
            is_there = either
        condition = is_there
    finals, op.outputs = op.finals, [Value(output.type, output.name) for output in op.outputs]
    then = Block(ops=[op], results=list(op.finals))
    return [*ops, If(condition=condition, then=then, orelse=Block(results=list(op.inits)), outputs=finals, line=op.line)]


class _Idle:
    """What a loop does if the numbers that it multiplies by are zero.

    ``needed`` are numbers from outside: if all are zero, the loop leaves its arrays as they are.  None if it does more.
    """

    def __init__(self, loop: Op) -> None:
        assert isinstance(loop, Loop)
        self.inside = {value for op in walk(loop.body) for block in op.blocks for value in block.params}
        self.inside |= {output for op in walk(loop.body) for output in op.outputs} | set(loop.body.params)
        # Of a value that is zero, what has to be zero for that; of a version of an array, the array that it still is.
        self.zero: dict[Value, Needs] = {}
        self.same: dict[Value, Value] = {}
        self.wanted: Needs = frozenset()
        self.needed = self.wanted if self.leaves(loop) and 0 < len(self.wanted) <= _MOST else None

    def leaves(self, loop: Loop) -> bool:
        """Tell whether a loop gives back all arrays that it is given, and nothing else."""
        if loop.collected or not loop.inits:
            return False
        for carried in loop.carried:
            self.same[carried] = carried
        self.block(loop.body)
        return all(self.origin(update) is carried for carried, update in zip(loop.carried, loop.updates, strict=True))

    def origin(self, atom: Any) -> Value | None:
        return self.same.get(atom) if type(atom) is Value else None

    def needs(self, atom: Any) -> Needs | None:
        """Return what has to be zero for an atom to be zero; None if nothing makes it so."""
        if type(atom) is not Value:
            return frozenset() if isinstance(atom, (int, float, np.inexact)) and atom == 0 else None
        if atom in self.inside:
            return self.zero.get(atom)
        t = atom_type(atom)
        return frozenset((atom,)) if isinstance(t, Tensor) and not t.rank and t.dtype.kind == "f" else None

    def block(self, block: Block) -> None:
        for op in block.ops:
            if isinstance(op, Apply) and len(op.outputs) == 1 and not op.kwargs:
                self.apply(op)
            elif isinstance(op, Loop) and self.leaves(op):
                for final, init in zip(op.finals, op.inits, strict=True):
                    self.keep(final, init)
            elif isinstance(op, If):
                self.branch(op)

    def keep(self, output: Value, atom: Any) -> None:
        """Note that a value is one that is known."""
        found = self.origin(atom)
        if found is not None:
            self.same[output] = found

    def branch(self, op: If) -> None:
        for block in op.blocks:
            self.block(block)
        for output, a, b in zip(op.outputs, op.then.results, op.orelse.results, strict=True):
            if self.origin(a) is self.origin(b):
                self.keep(output, a)

    def apply(self, op: Apply) -> None:
        (output,), args = op.outputs, op.args
        if op.function is stores.accumulate and not any(rank_of(part) for part in values(args[1])):
            found = self.needs(args[2])
            if found is not None and self.origin(args[0]) is not None:
                self.wanted |= found
                self.keep(output, args[0])
            return
        found = None
        if op.function in _PASSING:
            found = self.needs(args[0])
        elif op.function in _SUMS:
            parts = [self.needs(arg) for arg in args]
            found = None if None in parts else frozenset().union(*[part for part in parts if part is not None])
        elif op.function in _PRODUCTS:
            parts = [part for part in map(self.needs, args) if part is not None]
            found = min(parts, key=lambda part: len(part - self.wanted), default=None)
        if found is not None:
            self.zero[output] = found
