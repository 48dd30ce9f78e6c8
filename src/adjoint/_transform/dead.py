"""Leaves out what no result depends on: operations, results of branches, and what loops carry, collect and consume.

From the results of a function, and from what has to happen in any case (effects, the user's exceptions), it is marked what
they use; a carried value of a loop that only its own update uses is not marked, and goes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from adjoint._ir.nodes import Apply, Block, Call, Function, If, Loop, Op, Raise, Value, functions, values, walk
from adjoint._rules import linalg_degenerate

# Functions of rules that refuse where there is no derivative; nobody uses what they return.
CHECKS = {linalg_degenerate.vanishing}


def settled(op: Op) -> bool:
    """Tell whether an operation has to happen: it has an effect or may raise the user's exception, itself or in its blocks."""
    return _happens(op) or any(_happens(inner) for block in op.blocks for inner in walk(block))


def _happens(op: Op) -> bool:
    if isinstance(op, Call):
        return any(
            not isinstance(inner, Call) and _happens(inner)
            for function in functions(op.function)
            for inner in walk(function.body)
        )
    return isinstance(op, Raise) or (isinstance(op, Apply) and (op.effect or op.function in CHECKS))


def drop_dead_code(function: Function) -> None:
    """Leave out of a function what no result depends on, in place."""
    marks = _Marks()
    marks.define(function.body)
    marks.use(function.results)
    marks.happen(function.body)
    marks.settle()
    _sweep(function.body, marks)


class _Marks:
    """What is needed."""

    def __init__(self) -> None:
        self.live: set[Value] = set()
        self.ops: set[int] = set()
        self.sources: dict[Value, tuple[Op, str, int]] = {}
        self.work: list[Value] = []

    def define(self, block: Block) -> None:
        """Note where each value comes from."""
        for op in block.ops:
            for k, output in enumerate(op.outputs):
                self.sources[output] = (op, "output", k)
            if isinstance(op, Loop):
                self.sources.update({x: (op, "carried", k) for k, x in enumerate(op.carried)})
                self.sources.update({x: (op, "item", k) for k, x in enumerate(op.items)})
                if op.test is not None:
                    self.sources.update({x: (op, "carried", k) for k, x in enumerate(op.test.params)})
            for inner in op.blocks:
                self.define(inner)

    def use(self, tree: Any) -> None:
        for value in values(tree):
            if value not in self.live:
                self.live.add(value)
                self.work.append(value)

    def happen(self, block: Block) -> None:
        """Mark the operations that have to happen, and what stands around them."""
        for op in block.ops:
            if settled(op):
                self.keep(op)
                for inner in op.blocks:
                    self.happen(inner)

    def keep(self, op: Op) -> None:
        """Mark an operation, and what decides how often it runs."""
        if id(op) in self.ops:
            return
        self.ops.add(id(op))
        match op:
            case If():
                self.use(op.condition)
            case Loop():
                self.use(op.range)
                if op.test is not None:
                    self.use(op.test.results)
                if op.stops:
                    self.use(op.body.results[-1])
            case _:
                self.use(op.operands)

    def settle(self) -> None:
        while self.work:
            source = self.sources.get(self.work.pop())
            if source is not None:
                self.trace(*source)

    def trace(self, op: Op, part: str, k: int) -> None:
        """Mark what a value is made of."""
        self.keep(op)
        match op:
            case If():
                self.use([block.results[k] for block in op.blocks])
            case Loop() if part == "item":
                self.use(op.consumed[k])
            case Loop():
                if k < len(op.inits):
                    self.use([op.inits[k], op.updates[k], op.carried[k], op.finals[k]])
                elif k < len(op.outputs) - 1:
                    self.use(op.body.results[k])


def _sweep(block: Block, marks: _Marks) -> None:
    """Leave out what is not marked."""
    block.ops = [op for op in block.ops if id(op) in marks.ops]
    for op in block.ops:
        match op:
            case If():
                _select(op, [output in marks.live for output in op.outputs])
            case Loop():
                _select_carried(op, marks)
        for inner in op.blocks:
            _sweep(inner, marks)


def _select(op: If, live: Iterable[bool]) -> None:
    kept = [k for k, a in enumerate(live) if a]
    op.outputs = [op.outputs[k] for k in kept]
    for block in op.blocks:
        block.results = [block.results[k] for k in kept]


def _select_carried(op: Loop, marks: _Marks) -> None:
    """Drop what a loop carries, collects and consumes in vain."""
    n = len(op.inits)
    carried = [k for k in range(n) if op.carried[k] in marks.live]
    lists = [n + k for k, items in enumerate(op.lists) if items in marks.live]
    consumed = [k for k, item in enumerate(op.items) if item in marks.live]
    stop = op.body.results[len(op.body.results) - op.stops :]
    outputs = [op.outputs[k] for k in (*carried, *lists)]
    params = [op.index, *[op.carried[k] for k in carried], *[op.items[k] for k in consumed]]
    if op.test is not None:
        op.test.params = [op.test.params[k] for k in carried]
    op.outputs = [*outputs, op.turns]
    op.body.results = [*[op.body.results[k] for k in (*carried, *lists)], *stop]
    op.inits = [op.inits[k] for k in carried]
    op.consumed = [op.consumed[k] for k in consumed]
    op.body.params = params
