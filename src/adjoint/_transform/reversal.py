"""The way back of one function: its operations from the last to the first.

The backward operations refer to values of the way there, wherever these are defined; `residuals.settle` makes them available
where a block ends.  Branches are taken again by the same condition, loops run backwards (`reverse_loop`), calls call the way
back of the function that they called (`reverse_call`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from adjoint._ir.builder import Builder
from adjoint._ir.nodes import Apply, Block, Call, Function, If, Loop, Op, Undefined, Value, atom_type, uses
from adjoint._ir.symbol import Symbol
from adjoint._ir.types import ListOf, Record, Tensor, tangent_type
from adjoint._rules import stores
from adjoint._transform import chain
from adjoint._transform.activity import Activity
from adjoint._transform.algebra import same_tree
from adjoint._transform.bars import Bars
from adjoint._transform.expand import expand
from adjoint._transform.influence import Influence
from adjoint._transform.replacing import substitute
from adjoint._transform.residuals import Policy, settle, zero_number
from adjoint._transform.shapes import Shapes


def bar_of(value: Value) -> Value:
    """Return a new value for the cotangent of a value."""
    return Value(tangent_type(value.type), value.name and f"{value.name}_bar")


class Reversal:
    """Writes the way back of a function.

    ``function`` is a copy of the given one, whose loops and branches learn to give out what the way back needs.
    """

    def __init__(
        self, function: Function, active: Sequence[bool], wanted: Sequence[bool], calls: Any, memory: float | None
    ) -> None:
        self.function = expand(function, active)
        self.activity = Activity(self.function, active)
        self.live = Influence(self.function, self.activity, wanted).values
        self.shapes = Shapes(self.function)
        self.builder = Builder()
        self.calls = calls
        self.repeated: set[Op] = set()
        # Around the operation that is being reversed: how many loops, the block of the way there, and what the turn computes.
        self.loops = 0
        self.here = self.function.body
        self.of_turn: set[Value] = set()
        # Bytes for the kept states of one loop.
        self.memory = memory

    # Cotangents

    def seed(self, bars: Bars, targets: Iterable[Any], seeds: Iterable[Any]) -> None:
        """Give results the cotangents that come from outside."""
        for target, ct in zip(targets, seeds, strict=True):
            if ct is not None:
                self.add(bars, target, ct)

    def add(self, bars: Bars, target: Any, ct: Any) -> None:
        """Add a contribution to the cotangent of a value."""
        if type(target) is not Value or target not in self.live or isinstance(ct, Undefined):
            return
        old = bars.get(target)
        if isinstance(ct, chain.At):
            cleared = self.cleared(old, ct.index)
            if cleared is not None:
                new = stores.assign(self.symbol(cleared), ct.index, ct.ct)
            else:
                new = stores.accumulate(self.symbol(self.zeros(target) if old is None else old), ct.index, ct.ct)
        else:
            ct = self.fitted(self.symbol(ct), target)
            new = ct if old is None else self.sum(self.symbol(old), ct)
        bars[target] = self.named(self.builder.atom(new), target)

    def cleared(self, bar: Any, index: Any) -> Any:
        """Return the cotangent of a list of lists of which one was just made from another by setting this item to zero."""
        if type(bar) is not Value or not isinstance(bar.type, ListOf) or not isinstance(bar.type.item, ListOf):
            return None
        ops = [op for op in self.builder.blocks[-1].ops if isinstance(op, Apply)]
        made = next((op for op in reversed(ops) if bar in op.outputs), None)
        if made is None or made.function is not stores.assign or not same_tree(made.args[1], self.builder.atom(index)):
            return None
        zero = next((op for op in ops if made.args[2] in op.outputs), None)
        return made.args[0] if zero is not None and zero.function is stores.blank else None

    def symbol(self, atom: Any) -> Any:
        """Return a symbol for an atom that is a value."""
        return Symbol(atom) if type(atom) is Value else atom

    def fitted(self, ct: Any, target: Value) -> Any:
        """Return a cotangent in the dtype of its value, which may have been promoted where branches or turns meet."""
        t, own = target.type, atom_type(self.builder.atom(ct))
        if isinstance(t, Tensor) and isinstance(own, Tensor) and (t.dtype, t.rank) != (own.dtype, own.rank):
            return self.builder.apply(stores.fit, (ct, Symbol(target)))
        return ct

    def sum(self, a: Any, b: Any) -> Any:
        """Return the sum of two cotangents."""
        t = atom_type(self.builder.atom(a))
        return self.builder.apply(stores.combine, (a, b)) if isinstance(t, (ListOf, Record)) else a + b

    def named(self, bar: Any, target: Value) -> Any:
        """Name a cotangent after its value."""
        if type(bar) is Value and not bar.name and target.name:
            bar.name = f"{target.name}_bar"
        return bar

    def zeros(self, value: Value) -> Any:
        """Return the zero cotangent of a value."""
        t = value.type
        if isinstance(t, Tensor):
            return zero_number(t) if t.rank == 0 else self.builder.atom(self.like(np.zeros_like, value))
        return self.builder.atom(self.like(stores.blank, value))

    def like(self, function: Any, value: Value) -> Symbol:
        """Write a function whose result has the form of a value."""
        output = bar_of(value)
        self.builder.append(Apply(function=function, args=(value,), outputs=[output]))
        self.shapes.equate(output, value)
        return Symbol(output)

    def bar(self, bars: Bars, value: Value) -> Any:
        """Return the cotangent of a value, zeros if there is none."""
        found = bars.get(value)
        return self.zeros(value) if found is None else found

    # Operations

    def block(self, block: Block, bars: Bars) -> None:
        """Write the way back of a block."""
        line, here = self.builder.line, self.here
        for op in reversed(list(block.ops)):
            self.builder.line, self.here = op.line, block
            self.op(op, bars)
        self.builder.line, self.here = line, here

    def op(self, op: Op, bars: Bars) -> None:
        """Write the way back of an operation."""
        match op:
            case Apply():
                self.apply(op, bars)
            case If():
                self.branch(op, bars)
            case Loop():
                from adjoint._transform.reverse_loop import reverse_loop

                reverse_loop(self, op, bars)
            case Call():
                self.call(op, bars)

    def apply(self, op: Apply, bars: Bars) -> None:
        """Write the pullback of a function of the book."""
        cts = [bars.pop(output) for output in op.outputs]
        if all(ct is None for ct in cts):
            return
        if op.function is stores.pack:
            self.unpack(op, cts[0], bars)
            return
        symbols = [None if ct is None else self.symbol(ct) for ct in cts]
        for target, ct in chain.cotangents(self.builder, op, symbols, self.live, self.shapes):
            self.add(bars, target, ct)

    def unpack(self, op: Apply, ct: Any, bars: Bars) -> None:
        """Write the way back of a record: its cotangent is a record of the parts' cotangents."""
        outputs = [bar_of(part) if type(part) is Value else Value(atom_type(part)) for part in op.args[1:]]
        types = tuple(output.type for output in outputs)
        self.builder.append(Apply(function=stores.unpack, args=(ct, types), outputs=outputs, form=tuple))
        for part, output in zip(op.args[1:], outputs, strict=True):
            self.add(bars, part, output)

    def branch(self, op: If, bars: Bars) -> None:
        """Write a branch by the same condition: each of its blocks is the way back of a block of the branch."""
        cts = [bars.pop(output) for output in op.outputs]
        if all(ct is None for ct in cts):
            return
        backs, scopes = [], []
        for block in op.blocks:
            scopes.append(Bars(bars))
            with self.builder.block() as back:
                self.seed(scopes[-1], block.results, cts)
                self.block(block, scopes[-1])
            backs.append(back)
        inner = [_defined(block) for block in op.blocks]
        touched = [v for scope, own in zip(scopes, inner, strict=True) for v in scope if v not in own]
        touched = list(dict.fromkeys(touched))
        for back, scope in zip(backs, scopes, strict=True):
            with self.builder.into(back):
                back.results = [self.bar(scope, value) for value in touched]
        policy = Policy(repeat=False, by_name=True, repeated=self.repeated, of_turn=self.of_turn)
        for block, back in zip(op.blocks, backs, strict=True):
            self.give_out(op, block, settle(block, back, {}, uses(op), self.shapes, policy), back)
        outputs = [bar_of(value) for value in touched]
        self.builder.append(If(condition=op.condition, then=backs[0], orelse=backs[1], outputs=outputs))
        for value, output in zip(touched, outputs, strict=True):
            self.shapes.equate(output, value)
            bars[value] = output

    def give_out(self, op: If, block: Block, kept: list[tuple[Value, Value]], back: Block) -> None:
        """Let a branch give out values of one of its blocks, for the backward block that needs them."""
        env: dict[Value, Any] = {}
        for value, meant in kept:
            output = env[meant] = Value(value.type, value.name)
            self.shapes.equate(output, value)
            op.outputs.append(output)
            for one in op.blocks:
                one.results.append(value if one is block else Undefined(value.type))
        substitute(back, env)

    def call(self, op: Call, bars: Bars) -> None:
        """Call the way there instead, which keeps a record, and the way back with that record."""
        cts = [bars.pop(output) for output in op.outputs]
        if all(ct is None for ct in cts):
            return
        active = tuple(type(arg) is Value and arg in self.live for arg in op.args)
        wanted = tuple(output in self.live for output in op.outputs)
        pair = self.calls(op.function, active, wanted)
        record = Value(pair.record)
        op.function = pair.forward
        op.outputs.append(record)
        seeds = [
            (self.zeros(output) if ct is None else ct) for ct, output, w in zip(cts, op.outputs[:-1], wanted, strict=True) if w
        ]
        targets = [arg for arg, a in zip(op.args, active, strict=True) if a]
        outputs = [bar_of(param) for param, a in zip(pair.forward.params, active, strict=True) if a]
        self.builder.append(Call(function=pair.backward, args=[record, *seeds], outputs=outputs))
        for target, output in zip(targets, outputs, strict=True):
            self.shapes.equate(output, target)
            self.add(bars, target, output)


def _defined(block: Block) -> set[Value]:
    return {*block.params, *(output for op in block.ops for output in op.outputs)}
