"""The way back of a loop: the same turns, last first.

It carries the cotangents of what the loop carries, and those of active values from around the loop, to which every turn adds; arrays
among them are shadows that a backend updates in place.  It consumes the cotangents of the lists that the loop collected, and
collects those of the lists that it consumed.  What a turn needs of the way there is kept in further lists or recomputed (`residuals`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adjoint._ir.nodes import Block, Loop, Value, atom_type, free, uses
from adjoint._ir.symbol import Symbol
from adjoint._ir.types import INT, ListOf
from adjoint._rules import stores
from adjoint._transform.bars import Bars
from adjoint._transform.binding import place
from adjoint._transform.replacing import substitute
from adjoint._transform.residuals import Policy, settle
from adjoint.errors import AdjointError

if TYPE_CHECKING:
    from adjoint._transform.reversal import Reversal


def reverse_loop(reversal: Reversal, op: Loop, bars: Bars) -> None:
    """Write the way back of a loop at the end of the block that is being written."""
    if any(bars.get(output) is not None for output in op.outputs):
        _Reverse(reversal, op, bars).write()


class _Reverse:
    """Writes the way back of one loop."""

    def __init__(self, reversal: Reversal, op: Loop, bars: Bars) -> None:
        self.reversal, self.op, self.bars = reversal, op, bars
        live = reversal.live
        # A loop that may end early runs back over the turns that began, counted from 0.
        self.counted = op.range is None or op.stops or op.test is not None
        if self.counted and op.reverse:
            raise AdjointError(
                "a loop over a range backwards that may end early has no way back",
                where="" if op.line is None else place(op.line),
                remedy="write the range with a negative step",
            )
        self.carried = [k for k, value in enumerate(op.carried) if value in live]
        self.consumed = [k for k, item in enumerate(op.items) if item in live]
        inner = {*op.body.params, *(output for one in op.body.ops for output in one.outputs)}
        self.outer = list(dict.fromkeys(value for value in free(op.body) if value in live and value not in inner))
        self.index = Value(INT, op.index.name)
        self.body = Block()

    def write(self) -> None:
        op, reversal, bars = self.op, self.reversal, self.bars
        loop = Loop(range=op.range, inits=[], body=self.body, reverse=not op.reverse, line=op.line)
        if self.counted:
            loop.range, loop.reverse = (0, op.turns, 1), True
        lists = [(result, bars.pop(items)) for result, items in zip(op.collected, op.lists, strict=True)]
        lists = [(result, bar) for result, bar in lists if bar is not None]
        loop.consumed = [bar for _, bar in lists]
        loop.inits = [self.start(op.finals[k]) for k in self.carried]
        shadows = [*self.outer, *self.padded()]
        loop.inits += [reversal.bar(bars, value) for value in shadows]
        carried = [_bar(op.carried[k]) for k in self.carried] + [_bar(value) for value in shadows]
        items = [Value(atom_type(bar).item, _name(result)) for result, bar in lists]
        self.body.params = [self.index, *carried, *items]
        for value, bar in zip([*[op.carried[k] for k in self.carried], *shadows], carried, strict=True):
            reversal.shapes.equate(bar, value)
        collected = self.turn(shadows, carried, [result for result, _ in lists], items)
        self.settle(loop)
        self.finish(loop, shadows, collected)

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

    def turn(self, shadows: list[Value], carried: list[Value], collected: list[Any], items: list[Value]) -> list[int]:
        """Write the way back of one turn; return which consumed lists have cotangents that it collects."""
        op, reversal = self.op, self.reversal
        n = len(self.carried)
        scope = Bars()
        outer_loops, reversal.loops = reversal.loops, reversal.loops + 1
        with reversal.builder.block() as block:
            for value, bar in zip(shadows, carried[n:], strict=True):
                scope[value] = bar
            reversal.seed(scope, [op.updates[k] for k in self.carried], carried[:n])
            reversal.seed(scope, collected, items)
            reversal.block(op.body, scope)
            if self.counted:
                for k in self.consumed:
                    self.add_item(scope, op.consumed[k], op.items[k])
            results = [reversal.bar(scope, op.carried[k]) for k in self.carried]
            results += [scope.get(value) for value in shadows]
            gathered = [] if self.counted else self.consumed
            results += [reversal.bar(scope, op.items[k]) for k in gathered]
        reversal.loops = outer_loops
        self.body.ops, self.body.results = block.ops, results
        return gathered

    def add_item(self, scope: Bars, items: Value, item: Value) -> None:
        """Add the cotangent of an item to that of its list."""
        ct = scope.pop(item)
        if ct is not None:
            bar = Symbol(scope.get(items))
            new = stores.accumulate(bar, Symbol(self.index), self.reversal.symbol(ct))
            scope[items] = self.reversal.builder.atom(new)

    def settle(self, loop: Loop) -> None:
        """Make what the way back of a turn needs available to it."""
        op, reversal = self.op, self.reversal
        given: dict[Value, Any] = {op.index: self.index}
        first = Block()
        if self.counted:
            with reversal.builder.into(first):
                self.locate(given)
        else:
            for items, item in zip(op.consumed, op.items, strict=True):
                given[item] = Value(item.type, item.name)
        policy = Policy(repeat=reversal.loops == 0, by_name=False, repeated=reversal.repeated)
        outside = [value for value in uses(op)]
        kept = settle(op.body, self.body, given, outside, reversal.shapes, policy)
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

    def locate(self, given: dict[Value, Any]) -> None:
        """Write index and items of a turn from its number."""
        op, index = self.op, Symbol(self.index)
        if op.range is not None:
            start, _, step = self.reversal.builder.symbols(op.range)
            given[op.index] = self.reversal.builder.atom(start + index * step)
        for items, item in zip(op.consumed, op.items, strict=True):
            given[item] = self.reversal.builder.atom(Symbol(items)[index])

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
        for value, output in zip(shadows, outputs[m:], strict=True):
            reversal.shapes.equate(output, value)
            bars[value] = output
        for k, output in zip(self.carried, outputs[:m], strict=True):
            reversal.add(bars, op.inits[k], output)
        for k, items in zip(gathered, lists, strict=True):
            reversal.add(bars, op.consumed[k], items)


def _bar(value: Value) -> Value:
    from adjoint._transform.reversal import bar_of

    return bar_of(value)


def _name(atom: Any) -> str:
    name = atom.name if type(atom) is Value else ""
    return name and f"{name}_bar"

