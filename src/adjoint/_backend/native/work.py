"""About how many operations the statements of a loop have, which decides whether it is worth dividing."""

from __future__ import annotations

import math
import operator
from typing import Any

from adjoint._backend import library
from adjoint._backend.native import scalar_names
from adjoint._backend.native.function import Writer
from adjoint._backend.native.values import is_native, rank_of
from adjoint._backend.plan import Branch, Collect, Compute, Cycle, Move, Step
from adjoint._ir.nodes import Apply, Call, Op, Value, values
from adjoint._ir.symbol import extent

# Turns of a loop within of which nothing is known, and operations of an array's loop.
_TURNS = 8
_ELEMENTS = 64
# What counts for so many operations: an elementary function, a call, an element that each part makes, and adds in the end.
_HEAVY, _CALL, SUM = 10, 50, 128


def multiplied(w: Writer, a: str, b: str) -> str:
    """Return a product that stays far from overflow."""
    if b[0] == "%":
        b = w.text.select(w.text.compare("slt", b, str(2**20)), "i64", b, str(2**20))
    return w.text.integer("mul", a, b)


class Work:
    """Finds about how many operations statements have; ``known`` are the values that have been computed before them."""

    def __init__(self, w: Writer, known: frozenset[Value], around: str) -> None:
        self.w, self.known, self.around = w, known, around

    def of(self, steps: list[Step]) -> str:
        """Return the number of operations as text, since lengths of loops are known when the program runs."""
        integer = self.w.text.integer
        total = "0"
        for step in steps:
            trees: Any = []
            match step:
                case Compute():
                    trees = [step.op]
                case Move():
                    trees = [pair.source for pair in step.pairs]
                case Branch():
                    for side in step.inner:
                        total = integer("add", total, self.of(side))
                case Cycle():
                    total = integer("add", total, multiplied(self.w, self.turns(step), self.of(step.body)))
                case Collect():
                    trees = [step.item]
                case _:
                    pass
            total = integer("add", total, str(sum(map(self.operations, trees))))
        return total

    def turns(self, step: Cycle) -> str:
        """Return about how many turns a loop within has: half of those around where its ends change from turn to turn."""
        if step.span is None or type(step.span[2]) is not int or abs(step.span[2]) != 1:
            return str(_TURNS)
        ends = step.span[:2] if step.span[2] > 0 else step.span[1::-1]
        if all(type(end) is int or end in self.known for end in ends):
            a, b = (self.w.whole(end) for end in ends)
            return self.w.text.integer("sub", b, a)
        return self.w.text.let(f"sdiv i64 {self.around}, 2") if self.around[0] == "%" else str(int(self.around) // 2)

    def operations(self, tree: Any) -> int:
        """Return about how many operations an operation or a tree of atoms is, with those that are computed within it."""
        if not isinstance(tree, Op):
            return sum(self.operations(self.w.plan.inlined[value]) for value in values(tree) if value in self.w.plan.inlined)
        own = _CALL if isinstance(tree, Call) else 1
        if isinstance(tree, Apply) and scalar_names.name_of(tree.function) in scalar_names.ELEMENTARY:
            own = _HEAVY
        if not _is_element(tree):
            own *= max(map(self.size, (*tree.outputs, *values(tree.operands))), default=1)
        return own + self.operations(list(tree.operands))

    def size(self, value: Value) -> int:
        """Return how many elements a value has, if that is known."""
        dims = self.w.forms.of(value).dims if rank_of(value) and is_native(value.type) else ()
        return _ELEMENTS if None in dims else math.prod(n or 0 for n in dims)


def _is_element(op: Op) -> bool:
    """Tell whether an operation reads or writes a single element, or asks for a length."""
    if not isinstance(op, Apply):
        return False
    if op.function in library.STORES:
        return not rank_of(op.args[-1])
    return op.function is extent or (op.function is operator.getitem and not rank_of(op.outputs[0]))
