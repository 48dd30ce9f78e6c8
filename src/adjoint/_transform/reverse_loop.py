"""The way back of a loop: the same turns, last first.

It carries the cotangents of what the loop carries, and those of active values from around the loop, to which every turn adds;
arrays among them are shadows that a backend updates in place.  It consumes the cotangents of the lists that the loop
collected, and collects those of the lists that it consumed.  What a turn needs of the way there is kept in further lists or
recomputed (`residuals`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from adjoint._ir.nodes import Block, Loop, Value, atom_type, free, uses
from adjoint._ir.symbol import Symbol
from adjoint._ir.types import INT, ListOf, Type
from adjoint._rules import stores
from adjoint._transform.bars import Bars
from adjoint._transform.binding import place
from adjoint._transform.rematerialise import rematerialise
from adjoint._transform.replacing import substitute
from adjoint._transform.residuals import Policy, Settlement
from adjoint.errors import AdjointError

if TYPE_CHECKING:
    from adjoint._transform.reversal import Reversal


def reverse_loop(reversal: Reversal, op: Loop, bars: Bars) -> None:
    """Write the way back of a loop at the end of the block that is being written."""
    active = any(bars.get(output) is not None for output in op.outputs)
    if active or any(output in reversal.undo.now for output in op.outputs):
        LoopReversal(reversal, op, bars, active=active).write()


class LoopReversal:
    """Writes the way back of one loop."""

    def __init__(self, reversal: Reversal, op: Loop, bars: Bars, *, active: bool) -> None:
        self.reversal, self.op, self.bars = reversal, op, bars
        # A loop without cotangents may have arrays to take back.
        live = reversal.live if active else set()
        # A loop that may end early runs back over the turns that began, counted from 0.
        early = op.range is None or op.stops or op.test is not None
        if early and op.reverse:
            raise AdjointError(
                "a loop over a range backwards that may end early has no way back",
                where="" if op.line is None else place(op.line),
                remedy="write the range with a negative step",
            )
        # Under a budget of memory all loops count, for the sake of the schedule.
        self.counted = early or reversal.memory is not None
        self.carried = [k for k, value in enumerate(op.carried) if value in live]
        self.consumed = [k for k, item in enumerate(op.items) if item in live]
        inner = {*op.body.params, *(output for one in op.body.ops for output in one.outputs)}
        self.outer = list(dict.fromkeys(value for value in free(op.body) if value in live and value not in inner))
        self.undone = reversal.undo.undone(op)
        self.index = Value(INT, op.index.name)
        self.body = Block()

    def write(self) -> None:
        op, reversal, bars = self.op, self.reversal, self.bars
        loop = Loop(range=op.range, inits=[], body=self.body, reverse=not op.reverse, line=op.line, unordered=True)
        if self.counted:
            loop.range, loop.reverse = (0, op.turns, 1), True
        lists = [(result, bars.pop(items)) for result, items in zip(op.collected, op.lists, strict=True)]
        lists = [(result, bar) for result, bar in lists if bar is not None]
        # In a loop that counts, position k is the k-th turn, wherever in the lists that stands.
        turned = self.counted and op.reverse
        loop.consumed = [] if turned else [bar for _, bar in lists]
        loop.inits = [self.start(op.finals[k]) for k in self.carried]
        shadows = [*self.outer, *self.padded()]
        loop.inits += [reversal.bar(bars, value) for value in shadows]
        carried = [_bar(op.carried[k]) for k in self.carried] + [_bar(value) for value in shadows]
        later = self.take(loop)
        items = [Value(_item(bar), _name(result)) for result, bar in lists]
        self.body.params = [self.index, *carried, *later, *([] if turned else items)]
        for value, bar in zip([*[op.carried[k] for k in self.carried], *shadows], carried, strict=True):
            reversal.shapes.equate(bar, value)
        bars_of_items = [bar for _, bar in lists] if turned else []
        collected = self.turn(shadows, carried, [result for result, _ in lists], items, bars_of_items)
        self.settle(loop)
        self.finish(loop, shadows, collected)

    def take(self, loop: Loop) -> list[Value]:
        """Let the loop carry the arrays that it takes back."""
        undo, op = self.reversal.undo, self.op
        loop.inits += [undo.now.pop(op.finals[k], op.finals[k]) for k in self.undone]
        later = [undo.output(op.updates[k]) for k in self.undone]
        for k, value in zip(self.undone, later, strict=True):
            self.reversal.shapes.equate(value, op.carried[k])
        return later

    def start(self, final: Value) -> Any:
        """Return the cotangent of a final value."""
        bar = self.bars.pop(final)
        return self.reversal.zeros(final) if bar is None else bar

    def padded(self) -> list[Value]:
        """Return the consumed lists that may be longer than the loop, whose cotangents are updated item by item."""
        if not self.counted:
            return []
        lists = dict.fromkeys(self.op.consumed[k] for k in self.consumed)
        return [items for items in lists if items not in self.outer]

    def turn(
        self, shadows: list[Value], carried: list[Value], collected: list[Any], items: list[Any], whole: list[Any]
    ) -> list[int]:
        """Write the way back of one turn; return which consumed lists have cotangents that it collects."""
        op, reversal = self.op, self.reversal
        n = len(self.carried)
        scope = Bars()
        around = reversal.loops, reversal.of_turn
        reversal.loops, reversal.of_turn = reversal.loops + 1, set(_defined(op.body))
        with reversal.builder.block() as block:
            for value, bar in zip(shadows, carried[n:], strict=True):
                scope[value] = bar
            reversal.seed(scope, [op.updates[k] for k in self.carried], carried[:n])
            if whole:
                at = reversal.symbol(op.turns) - 1 - reversal.symbol(self.index)
                items = [reversal.builder.atom(Symbol(bars)[at]) for bars in whole]
            reversal.seed(scope, collected, items)
            reversal.block(op.body, scope)
            if self.counted:
                for k in self.consumed:
                    self.add_item(scope, op.consumed[k], op.items[k])
            results = [reversal.bar(scope, op.carried[k]) for k in self.carried]
            results += [scope.get(value) for value in shadows]
            results += [reversal.undo.now.pop(op.carried[k]) for k in self.undone]
            gathered = [] if self.counted else self.consumed
            results += [reversal.bar(scope, op.items[k]) for k in gathered]
        reversal.loops, reversal.of_turn = around
        self.body.ops, self.body.results = block.ops, results
        return gathered

    def add_item(self, scope: Bars, items: Value, item: Value) -> None:
        """Add the cotangent of an item to that of its list."""
        ct = scope.pop(item)
        if ct is not None:
            index = self.reversal.symbol(self.index)
            at = self.reversal.symbol(self.op.turns) - 1 - index if self.op.reverse else index
            new = stores.accumulate(Symbol(scope.get(items)), at, self.reversal.symbol(ct))
            scope[items] = self.reversal.builder.atom(new)

    def settle(self, loop: Loop) -> None:
        """Make what the way back of a turn needs available to it."""
        op, reversal = self.op, self.reversal
        given: dict[Value, Any] = {op.index: self.index}
        first = Block()
        if self.counted:
            with reversal.builder.into(first):
                given.update(self.located(Symbol(self.index)))
        else:
            given.update({item: Value(item.type, item.name) for item in op.items})
        kept = self.decide(loop, given, first)
        self.body.ops[:0] = first.ops
        if not self.counted:
            used = set(free(self.body))
            for items, item in zip(op.consumed, op.items, strict=True):
                if given[item] in used:
                    reversal.shapes.equate(given[item], item)
                    self.consume(loop, items, given[item])
        env: dict[Value, Any] = {}
        for value, meant in kept:
            item = env[meant] = Value(value.type, value.name)
            reversal.shapes.equate(item, value)
            self.consume(loop, self.collect(value), item)
        substitute(self.body, env)

    def decide(self, loop: Loop, given: dict[Value, Any], first: Block) -> list[tuple[Value, Value]]:
        """Decide what is kept of each turn; under a budget of memory nothing is, but states on a stack."""
        op, reversal = self.op, self.reversal
        freely = reversal.memory is not None
        policy = Policy(repeat=freely or reversal.loops == 0, by_name=False, repeated=reversal.repeated, freely=freely)
        settlement = Settlement(op.body, self.body, given, uses(op), reversal.shapes, policy, reversal.undo.versions)
        if not freely:
            kept = settlement.settle()
            reversal.undo.note(op, [value for value, _ in kept])
            return kept
        needed = settlement.needed()
        found, lost = settlement.sources(needed)
        if lost:
            rematerialise(self, loop, settlement, lost, first)
            found, lost = settlement.sources(needed)
        return settlement.carry_out(found)

    def located(self, position: Symbol) -> dict[Value, Any]:
        """Write index and items of a turn from its number; return what stands for them."""
        op, builder = self.op, self.reversal.builder
        at = builder.symbols(op.turns) - 1 - position if op.reverse else position
        found: dict[Value, Any] = {op.index: position.value}
        if op.range is not None:
            start, _, step = builder.symbols(op.range)
            found[op.index] = builder.atom(at if type(start) is int and start == 0 and step == 1 else start + at * step)
        for items, item in zip(op.consumed, op.items, strict=True):
            found[item] = builder.atom(Symbol(items)[at])
        return found

    def consume(self, loop: Loop, items: Any, item: Value) -> None:
        loop.consumed.append(items)
        self.body.params.append(item)

    def collect(self, value: Value) -> Value:
        """Let the loop collect a value of each turn, and return the list."""
        op = self.op
        items = Value(ListOf(value.type), value.name and f"{value.name}_kept")
        op.body.results.insert(len(op.body.results) - op.stops, value)
        op.outputs.insert(-1, items)
        return items

    def finish(self, loop: Loop, shadows: list[Value], gathered: list[int]) -> None:
        """Append the loop and give its results to the values before it."""
        op, reversal, bars = self.op, self.reversal, self.bars
        n = len(loop.inits)
        outputs = [Value(param.type, param.name) for param in self.body.params[1 : 1 + n]]
        lists = [Value(ListOf(_bar(op.items[k]).type), _name(op.consumed[k])) for k in gathered]
        loop.outputs = [*outputs, *lists, Value(INT)]
        reversal.builder.append(loop)
        m = len(self.carried)
        for value, output in zip(shadows, outputs[m : m + len(shadows)], strict=True):
            reversal.shapes.equate(output, value)
            bars[value] = output
        for k, output in zip(self.undone, outputs[m + len(shadows) :], strict=False):
            reversal.shapes.equate(output, op.carried[k])
            if type(init := op.inits[k]) is Value:
                reversal.undo.restore(init, output)
        for k, output in zip(self.carried, outputs[:m], strict=True):
            reversal.add(bars, op.inits[k], output)
        for k, items in zip(gathered, lists, strict=True):
            reversal.add(bars, op.consumed[k], items)


def _defined(block: Block) -> Iterator[Value]:
    """Yield what a block and those within define."""
    yield from block.params
    for op in block.ops:
        yield from op.outputs
        for inner in op.blocks:
            yield from _defined(inner)


def _item(items: Any) -> Type:
    t = atom_type(items)
    assert isinstance(t, ListOf)
    return t.item


def _bar(value: Value) -> Value:
    from adjoint._transform.reversal import bar_of

    return bar_of(value)


def _name(atom: Any) -> str:
    name = atom.name if type(atom) is Value else ""
    return name and f"{name}_bar"
