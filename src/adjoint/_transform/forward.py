"""Forward mode: the program with a tangent beside every active value.

A dual number ``(x, x_dot)`` stands for ``x + x_dot*eps``; an operation ``y = f(x)`` becomes ``y = f(x); y_dot = f'(x) x_dot``
[Wengert 1964].  The tangents run along: a branch gives those of its results too, a loop carries, collects and consumes them,
a function that is called takes and returns them.  A value that is not active has no tangent; where a branch or a turn needs
one, it is zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from adjoint._ir.builder import Builder, joined
from adjoint._ir.copying import Copier
from adjoint._ir.nodes import Apply, Block, Call, Function, If, Loop, Op, Value
from adjoint._ir.symbol import Symbol
from adjoint._ir.types import tangent_type
from adjoint._transform import chain, given, reverse
from adjoint._transform.activity import Activity, Pattern, Results
from adjoint._transform.expand import expand
from adjoint._transform.lists import zeros
from adjoint._transform.shapes import Shapes


class Forward(NamedTuple):
    """A program of values and tangents.

    ``function`` takes the parameters and the tangents of the active ones, and returns the results and the tangents of those
    that ``active_results`` tells.
    """

    function: Function
    active_results: list[bool]


def jvp(function: Function, active: Sequence[bool]) -> Forward:
    """Return the program that computes results and their tangents.

    Parameters
    ----------
    function
        The program.
    active
        Which parameters have tangents.

    Returns
    -------
    Forward
        The program, with parameters ``[*params, *tangents of active params]`` and results ``[*results, *tangents of
        results]``, and which results have one.

    Raises
    ------
    MissingRuleError
        An active operation has no derivative that the book knows; the message names the user's line.
    """
    pushed = _Program(function, active)(function, tuple(active))
    return Forward(*pushed)


class _Program:
    """The functions of a program, each with the patterns of activity that it is called with."""

    def __init__(self, function: Function, active: Sequence[bool]) -> None:
        self.results = Results()
        self.results.settle(function, active)
        self.known: dict[tuple[Function, Pattern], tuple[Function, list[bool]]] = {}

    def __call__(self, function: Function, active: Pattern) -> tuple[Function, list[bool]]:
        key = (function, active)
        if key not in self.known and function.derivative is not None:
            self.known[key] = given.pushed(function, active, reverse.gradient), list(self.results(function, active))
        if key not in self.known:
            pushed = Function(f"{function.name}_jvp", Block(), function.line, function.doc)
            self.known[key] = pushed, list(self.results(function, active))
            pushed.body = _Pushing(self, function, active).body
        return self.known[key]


class _Pushing(Copier):
    """One function with tangents."""

    def __init__(self, program: _Program, function: Function, active: Pattern) -> None:
        super().__init__()
        self.program = program
        self.builder = Builder()
        self.tangents: dict[Value, Any] = {}
        expanded = expand(function, active)
        self.activity = Activity(expanded, active, program.results)
        self.shapes = Shapes(expanded)
        self.body = Block(params=[self.fresh(param) for param in expanded.params])
        self.body.params += self.tangent_values(expanded.params)
        with self.builder.into(self.body):
            self.operations(expanded.body)
            self.body.results = self.with_tangents(expanded.results, self.program.results(function, active))

    # Values

    def fresh(self, value: Value) -> Value:
        new = super().fresh(value)
        self.shapes.equate(new, value)
        return new

    def tangent_values(self, values: Sequence[Value]) -> list[Value]:
        """Return new values for the tangents of the active ones of some values."""
        found = []
        for value in values:
            if value in self.activity:
                t = Value(tangent_type(value.type), dotted(value))
                self.shapes.equate(t, value)
                self.tangents[self.env[value]] = Symbol(t)
                found.append(t)
        return found

    def tangent(self, atom: Any) -> Any:
        """Return the atom of the tangent of an atom of the original: zeros where it has none."""
        copy = self(atom)
        t = self.tangents.get(copy) if type(copy) is Value else None
        return self.builder.atom(zeros(self.builder, copy) if t is None else t)

    def with_tangents(self, atoms: Sequence[Any], active: Sequence[bool]) -> list[Any]:
        """Return copies of some atoms, and the tangents of those that are active."""
        return [*self(list(atoms)), *[self.tangent(atom) for atom, a in zip(atoms, active, strict=True) if a]]

    # Operations

    def operations(self, block: Block) -> None:
        for op in block.ops:
            self.write(op)

    def write(self, op: Op) -> None:
        """Write an operation and its tangents."""
        self.builder.line = op.line
        match op:
            case Apply():
                self.apply(op)
            case If():
                self.branch(op)
            case Loop():
                self.loop(op)
            case Call():
                self.call(op)
            case _:
                self.builder.append(self.op(op))

    def apply(self, op: Apply) -> None:
        copy = self.op(op)
        self.builder.append(copy)
        if not any(output in self.activity for output in op.outputs):
            return
        assert isinstance(copy, Apply)
        ts = chain.tangents(self.builder, copy, self.tangents.get, self.shapes)
        known = {symbol.value for symbol in self.tangents.values()}
        for output, t in zip(copy.outputs, ts, strict=True):
            if t is not None:
                if t.value not in known and not t.value.name:
                    t.value.name = dotted(output)
                self.tangents[output] = t

    def branch(self, op: If) -> None:
        """Give the tangents of results of a branch as further results."""
        active = [output in self.activity for output in op.outputs]
        blocks = []
        for block in op.blocks:
            with self.builder.block() as copy:
                self.operations(block)
                copy.results = self.with_tangents(block.results, active)
            blocks.append(copy)
        new = If(condition=self(op.condition), then=blocks[0], orelse=blocks[1], outputs=[self.fresh(x) for x in op.outputs])
        new.outputs += self.tangent_values(op.outputs)
        for output, a, b in zip(new.outputs, blocks[0].results, blocks[1].results, strict=True):
            output.type = joined(a, b) if output.type.differentiable else output.type
        self.builder.append(new)

    def loop(self, op: Loop) -> None:
        """Carry, collect and consume tangents."""
        carried = [x in self.activity for x in op.carried]
        inits = self.with_tangents(op.inits, carried)
        consumed = self.with_tangents(op.consumed, [item in self.activity for item in op.items])
        collected = [items in self.activity for items in op.lists]
        body = Block(params=[self.fresh(op.index), *map(self.fresh, op.carried)])
        body.params += self.tangent_values(op.carried)
        body.params += [self.fresh(item) for item in op.items]
        body.params += self.tangent_values(op.items)
        with self.builder.into(body):
            self.operations(op.body)
            updates = self.with_tangents(op.updates, carried)
            lists = self.with_tangents(op.collected, collected)
            body.results = [*updates, *lists, *self(op.body.results[len(op.body.results) - op.stops :])]
        outputs = [self.fresh(x) for x in op.finals]
        outputs += self.tangent_values(op.finals)
        outputs += [self.fresh(x) for x in op.lists]
        outputs += self.tangent_values(op.lists)
        outputs.append(self.fresh(op.turns))
        new = Loop(range=self(op.range), inits=inits, consumed=consumed, body=body, reverse=op.reverse, stops=op.stops)
        new.outputs, new.unordered = outputs, op.unordered
        new.test = None if op.test is None else self.test(op.test, new)
        self.builder.append(new)

    def test(self, test: Block, loop: Loop) -> Block:
        """Return the test of a loop, which takes the tangents that are carried and does not use them."""
        copy = self.block(test)
        copy.params += [Value(x.type, x.name) for x in loop.carried[len(copy.params) :]]
        return copy

    def call(self, op: Call) -> None:
        """Call the function with tangents, if an argument has one."""
        active = self.activity.pattern(op.args)
        if not any(active):
            self.builder.append(self.op(op))
            return
        function, _ = self.program(op.function, active)
        new = Call(function=function, args=self.with_tangents(op.args, active))
        new.outputs = [self.fresh(x) for x in op.outputs]
        new.outputs += self.tangent_values(op.outputs)
        self.builder.append(new)


def dotted(value: Value) -> str:
    """Return the name of the tangent of a value."""
    return f"{value.name}_dot" if value.name else ""
