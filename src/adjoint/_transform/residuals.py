"""What the way back uses of the way there: kept, or computed again.

The backward block of a branch, a turn of a loop or a function is first written as if it saw the values of its forward block.
`settle` then sees to it that it does not: it finds the cheapest set of values to keep (`cost`), from which all others that
the backward block needs are recomputed.  This is a cut of smallest price in the graph of the forward operations and of those
backward operations that use no cotangent, which may as well be done on the way there (the idea is that of Griewank's and
Faure's reduced tapes, 2002; the minimum cut is used for the same purpose by PyTorch's partitioner)::

    source --price of repeating--> operation --price of keeping--> its results --must be there--> operations that use them, or
    the sink

Of an array that is asked for its shape and dtype only, its `stores.form` is kept, which takes no memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from adjoint._ir.copying import Copier
from adjoint._ir.nodes import Apply, Block, Function, Op, Value, free, uses, values, walk
from adjoint._ir.symbol import extent
from adjoint._ir.types import INT, Tensor
from adjoint._rules import stores
from adjoint._transform import cost
from adjoint._transform.cut import UNLIMITED, Network
from adjoint._transform.dead import drop_dead_code, settled
from adjoint._transform.replacing import substitute
from adjoint._transform.shapes import Shapes
from adjoint._transform.undo import renew

# Functions that ask some argument for its shape and dtype only, with its position.
FORMS = {
    stores.fit: 1, stores.spread: 1, stores.form: 0, np.zeros_like: 0, np.ones_like: 0, np.empty_like: 0, np.full_like: 0,
    extent: 0, np.size: 0,
}  # fmt: skip
_SOURCE, _SINK = "source", "sink"


@dataclass
class Policy:
    """How to decide: whether more than cheap operations may be repeated, and whether keeping costs only a name."""

    repeat: bool
    by_name: bool
    repeated: set[Op] = field(default_factory=set)
    # Under a budget of memory everything is repeated as often as that takes, calls too.
    freely: bool = False
    # What a turn of the loop around computes: to read a number from an array of these again, a branch would need all of it.
    of_turn: set[Value] = field(default_factory=set)

    def keeping(self, value: Value) -> int:
        """Return the price of keeping a value."""
        return cost.BY_NAME if self.by_name else cost.keeping(value.type)

    def repeating(self, op: Op, *, repeat: bool) -> int:
        """Return the price of an operation on the way back."""
        if cost.cheap(op):
            return UNLIMITED if self.by_name and self.reads_turn(op) else cost.CHEAP
        if self.freely:
            return UNLIMITED if settled(op) else 1
        if not (repeat or cost.light(op)) or any(o in self.repeated for o in cost.operations(op)):
            return UNLIMITED
        return cost.repeating(op)

    def reads_turn(self, op: Op) -> bool:
        """Tell whether an operation takes less from more of what a turn of the loop around computes."""
        most = max(cost.size(output.type) for output in op.outputs)
        return any(value in self.of_turn and cost.size(value.type) > most for value in values(op.operands))


def settle(
    forward: Block,
    backward: Block,
    given: Mapping[Value, Any],
    outside: Iterable[Value],
    shapes: Shapes,
    policy: Policy,
    versions: Mapping[Value, Value],
) -> list[tuple[Value, Value]]:
    """Make the backward block independent of the forward one, but for the values that are to be kept.

    Parameters
    ----------
    forward, backward
        The blocks.  Operations of the backward one may move to the end of the forward one, copies of the others come to its
        beginning.
    given
        What stands in the backward block for values of the forward one that are there anyway: the index of a loop, items.
    outside
        Values from around the forward block, which both blocks see.
    shapes
        Which values have the same shape.
    policy
        What may be done again.
    versions
        Values of the backward block that are values of the forward one again: arrays whose stores were undone (`undo`).

    Returns
    -------
    list of pairs
        Values of the forward block to be kept, each with the value of the backward block that they stand for.
    """
    return Settlement(forward, backward, given, outside, shapes, policy, versions).settle()


class Settlement:
    """What the backward block needs, and where it comes from."""

    def __init__(
        self,
        forward: Block,
        backward: Block,
        given: Mapping[Value, Any],
        outside: Iterable[Value],
        shapes: Shapes,
        policy: Policy,
        versions: Mapping[Value, Value],
    ) -> None:
        self.revived = self.revive(backward, versions)
        self.forward, self.backward, self.shapes, self.policy = forward, backward, shapes, policy
        self.given = dict(given)
        self.outside = set(outside) | set(free(forward))
        self.maker: dict[Value, Op] = {output: op for op in forward.ops for output in op.outputs}
        self.own: set[Value] = {*forward.params, *self.maker}
        # In order, each once.
        self.movable: dict[Op, None] = {}
        # Operations that cannot be repeated in time.
        self.late: set[Op] = set()
        self.find_restored(versions)
        self.stand_in()
        self.find_movable()

    def settle(self) -> list[tuple[Value, Value]]:
        """Decide what is kept and what is repeated, and change the blocks accordingly."""
        needed = self.needed()
        while True:
            side = self.everything(needed) or self.cheapest(needed)
            late = self.too_late(side)
            if not late:
                return self.carry_out(side)
            self.late |= late

    # What has been restored

    def revive(self, backward: Block, versions: Mapping[Value, Value]) -> slice:
        """Leave out what is dead, but no version of the forward block, of which it is not known yet whether it is of use.

        Return which results of the block say so.
        """
        count = len(backward.results)
        backward.results += [output for op in backward.ops for output in op.outputs if output in versions]
        drop_dead_code(Function("", backward))
        return slice(count, len(backward.results))

    def find_restored(self, versions: Mapping[Value, Value]) -> None:
        """Let operations use versions that were restored before them; note from where on these are there."""
        self.restored: dict[Value, Value] = {}
        if versions:
            self.restored = renew(self.backward, versions)
            # What is asked for before it has been restored has to be kept.
            for version in [value for op in self.backward.ops for value in uses(op) if value in self.restored]:
                self.restored.pop(version, None)
            self.given.update(self.restored)

    def too_late(self, side: set[Any]) -> set[Op]:
        """Return operations that would be repeated from what is restored only after their results are asked for."""
        if not self.restored:
            return set()
        at = {output: n for n, op in enumerate(self.backward.ops) for output in op.outputs}
        since = {version: at.get(restored, -1) for version, restored in self.restored.items()}
        for op in self.forward.ops:
            if op in side:
                since.update(dict.fromkeys(op.outputs, max([-1, *[since.get(value, -1) for value in uses(op)]])))
        staying = [(n, op) for n, op in enumerate(self.backward.ops) if op not in self.movable or op in side]
        return {
            self.maker[value] for n, op in staying for value in uses(op) if value in self.maker and since.get(value, -1) >= n
        }

    # What is asked for its form only

    def stand_in(self) -> None:
        """Let operations that ask only for the form of a value of the forward block ask a stand-in."""
        asked = self.asked()
        whole = set(self.taken(op for op in walk(self.backward) if not (isinstance(op, Apply) and op.function in FORMS)))
        whole.update(value for block in self.blocks() for value in values(block.results))
        for op, k in asked:
            whole.update(value for j, arg in enumerate(op.args) if j != k for value in values(arg))
        made: dict[Value, Any] = {}
        ops: list[Op] = []
        for op, k in asked:
            value = op.args[k]
            if value not in whole and value not in self.given:
                if value not in made:
                    made[value] = self.form(value, ops)
                op.args = (*op.args[:k], made[value], *op.args[k + 1 :])
        self.backward.ops[:0] = ops

    def asked(self) -> list[tuple[Apply, int]]:
        """Return the operations that ask for the form of a value of the forward block, with the argument's position."""
        found = []
        for op in walk(self.backward):
            if isinstance(op, Apply) and op.function in FORMS:
                k = FORMS[op.function]
                value = op.args[k] if len(op.args) > k else None
                if type(value) is Value and value in self.own and isinstance(value.type, Tensor):
                    found.append((op, k))
        return found

    def taken(self, ops: Iterable[Op]) -> Iterator[Value]:
        for op in ops:
            yield from values(op.operands)

    def blocks(self) -> Iterator[Block]:
        yield self.backward
        yield from (block for op in walk(self.backward) for block in op.blocks)

    def form(self, value: Value, ops: list[Op]) -> Any:
        """Return what has the form of a value: a number, a value from outside, or a new value, written to ``ops``."""
        t = value.type
        assert isinstance(t, Tensor)
        if t.rank == 0:
            return zero_number(t)
        key = self.shapes(value)
        if len(key) == 1 and (other := next(iter(key))) in self.outside and getattr(other.type, "dtype", None) == t.dtype:
            return other
        output = Value(Tensor(t.dtype, t.rank), value.name and f"{value.name}_form")
        self.shapes.equate(output, value)
        ops.append(Apply(function=stores.form, args=(value,), outputs=[output]))
        return output

    # The graph

    def find_movable(self) -> None:
        """Find the backward operations that use no cotangent."""
        seen = self.own | self.outside
        for op in self.backward.ops:
            taken = list(values(op.operands))
            if isinstance(op, Apply) and not op.effect and taken and all(value in seen for value in taken):
                self.movable[op] = None
                self.maker.update((output, op) for output in op.outputs)
                seen.update(op.outputs)

    def needed(self) -> list[Value]:
        """Return the values that the operations that do use cotangents need."""
        found = [value for op in self.backward.ops if op not in self.movable for value in uses(op)]
        found += values(self.backward.results)
        return list(dict.fromkeys(value for value in found if self.due(value)))

    def due(self, value: Value) -> bool:
        """Tell whether a value is not there by itself."""
        return (value in self.own or value in self.maker) and value not in self.given

    def price(self, op: Op, *, repeat: bool) -> int:
        if op in self.late:
            return UNLIMITED
        return 0 if op in self.movable else self.policy.repeating(op, repeat=repeat)

    def everything(self, needed: list[Value]) -> set[Any]:
        """Return all that the needed values are computed from, if nothing of it has to be kept; else nothing."""
        if self.policy.by_name:
            return set()
        found, lost = self.sources(needed)
        return set() if lost else found

    def sources(self, needed: Iterable[Value]) -> tuple[set[Any], list[Value]]:
        """Return what some values are computed from, and those among that which no operation can give again."""
        found: set[Any] = set()
        lost: dict[Value, None] = {}
        stack = [value for value in needed if self.due(value)]
        while stack:
            value = stack.pop()
            op = self.maker.get(value)
            if op is None or self.price(op, repeat=True) >= UNLIMITED:
                lost[value] = None
                continue
            found.add(value)
            if op not in found:
                found.add(op)
                stack.extend(other for other in uses(op) if self.due(other))
        return found, list(lost)

    def cheapest(self, needed: list[Value]) -> set[Any]:
        """Return the values that are there on the way back and the operations that are done there, at the smallest price."""
        network = Network()
        seen: set[Any] = set()
        for value in needed:
            network.edge(value, _SINK, UNLIMITED)
        stack = list(needed)
        while stack:
            value = stack.pop()
            if value in seen:
                continue
            seen.add(value)
            op = self.maker.get(value)
            form = isinstance(op, Apply) and op.function is stores.form
            # A form takes no memory but its own few bytes: as much as a number, and a little more.
            price = (min(self.policy.keeping(value), cost.keeping(INT) + 1) if form else self.policy.keeping(value)) + (
                op in self.movable
            )
            network.edge(_SOURCE if op is None else op, value, price)
            if op is not None and op not in seen:
                seen.add(op)
                network.edge(_SOURCE, op, self.price(op, repeat=self.policy.repeat))
                inputs = list(dict.fromkeys(other for other in uses(op) if self.due(other)))
                for other in inputs:
                    network.edge(other, op, UNLIMITED)
                stack.extend(inputs)
        return network.cut(_SOURCE, _SINK)

    # The consequences

    def carry_out(self, side: set[Any]) -> list[tuple[Value, Value]]:
        kept = [value for value in (*self.forward.params, *self.maker) if value in side and self.maker.get(value) not in side]
        repeated = [op for op in self.forward.ops if op in side]
        moved = self.move([value for value in kept if value not in self.own])
        copier = Copier(dict(self.given))
        copies = [copier.op(op) for op in repeated]
        self.backward.ops = self.arranged(copies, [op for op in self.backward.ops if op not in self.movable or op in side])
        substitute(self.backward, copier.env)
        for op in repeated:
            self.policy.repeated.update(cost.operations(op))
            for value in op.outputs:
                self.shapes.equate(copier.env[value], value)
        if self.revived.stop > self.revived.start:
            del self.backward.results[self.revived]
            drop_dead_code(Function("", self.backward))
            used = set(free(self.backward))
            kept = [value for value in kept if value in used]
        return [(moved.get(value, value), value) for value in kept]

    def arranged(self, copies: list[Op], rest: list[Op]) -> list[Op]:
        """Put repeated operations at the beginning, or where what they take has been restored."""
        pending = {output for op in (*copies, *rest) for output in op.outputs} if self.restored else set()
        found: list[Op] = []
        for op in (None, *rest):
            if op is not None:
                found.append(op)
                pending.difference_update(op.outputs)
            ready, waiting = [], []
            for copy in copies:
                (waiting if any(value in pending for value in uses(copy)) else ready).append(copy)
                if copy in ready:
                    pending.difference_update(copy.outputs)
            found, copies = [*found, *ready], waiting
        return found

    def move(self, kept: list[Value]) -> dict[Value, Value]:
        """Do at the end of the forward block what backward operations compute that are to be kept."""
        due: set[Op] = set()
        stack = [self.maker[value] for value in kept]
        while stack:
            op = stack.pop()
            if op not in due:
                due.add(op)
                stack.extend(self.maker[value] for value in values(op.operands) if self.maker.get(value) in self.movable)
        copier = Copier()
        self.forward.ops += [copier.op(op) for op in self.movable if op in due]
        return {value: copier.env[value] for value in kept}


def zero_number(t: Tensor) -> Any:
    """Return the zero of a type without axes."""
    if t.dtype in (np.dtype(float), np.dtype(complex)):
        return t.dtype.type(0).item()
    return t.dtype.type(0)
