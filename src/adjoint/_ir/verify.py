"""The invariants of programs, checked after every pass in the tests.

* Every value is assigned once, and every use sees its definition: an operation before it in its block, a parameter, or one of
  the blocks around it.
* Atoms are values of the program or plain objects; no symbol and no array is left.
* Blocks, loops, branches and calls agree in the number and the types of what goes in and out, up to what `types.join` allows.
* Every output has a type, and every operation a line of the user's or none.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from adjoint._ir.nodes import (
    Apply,
    Block,
    Call,
    Function,
    If,
    Line,
    Loop,
    Op,
    Raise,
    Undefined,
    Value,
    atom_type,
    atoms,
    functions,
)
from adjoint._ir.symbol import Symbol
from adjoint._ir.types import ListOf, Opaque, Record, Tensor, Type, join


class InvalidProgramError(AssertionError):
    """A program breaks an invariant: a pass is wrong."""


def verify(function: Function) -> None:
    """Check the invariants of a function and of all that it calls.

    Parameters
    ----------
    function
        The program.

    Raises
    ------
    InvalidProgramError
        An invariant does not hold; the message says which, and where.
    """
    assigned: set[Value] = set()
    for one in functions(function):
        _Scope(one, assigned).check(one.body, set())


class _Scope:
    """Checks one function."""

    def __init__(self, function: Function, assigned: set[Value]) -> None:
        self.function = function
        self.assigned = assigned
        self.op: Op | None = None

    def fail(self, what: str) -> None:
        kind = "" if self.op is None else f", {type(self.op).__name__} of {getattr(self.op, 'function', '')} at {self.op.line}"
        raise InvalidProgramError(f"{what} (in {self.function.name}{kind})")

    def require(self, condition: bool, what: str) -> None:
        if not condition:
            self.fail(what)

    # Values: there are many, and what to say of one is written only if it has to be said.

    def define(self, values: Iterable[Any], seen: set[Value]) -> None:
        for value in values:
            if type(value) is not Value:
                self.fail(f"{value!r} is defined, and is no value")
            if not isinstance(value.type, (Tensor, ListOf, Record, Opaque)):
                self.fail(f"{value!r} has no type")
            if value in self.assigned:
                self.fail(f"{value!r} is assigned twice")
            self.assigned.add(value)
            seen.add(value)

    def use(self, tree: Any, seen: set[Value]) -> None:
        for atom in atoms(tree):
            if type(atom) is Value:
                if atom not in seen:
                    self.fail(f"{atom!r} is used where it is not defined")
            elif isinstance(atom, (Symbol, np.ndarray)):
                self.fail(f"{type(atom).__name__} is left as an atom")

    def fits(self, atom: Any, t: Type, what: str) -> None:
        """Require that a value of a place of type ``t`` may come from ``atom``."""
        own = atom_type(atom)
        if not (isinstance(atom, Undefined) or own == t or join(own, t) == t):
            self.fail(f"{what} is of type {own}, and goes where {t} is expected")

    def count(self, found: int, expected: int, what: str) -> None:
        self.require(found == expected, f"{found} {what}, {expected} expected")

    # Operations

    def check(self, block: Block, outer: set[Value]) -> None:
        seen = set(outer)
        around, self.op = self.op, None
        self.define(block.params, seen)
        for op in block.ops:
            self.op = op
            if not (op.line is None or isinstance(op.line, Line)):
                self.fail(f"{op.line!r} is no line")
            self.use(op.operands, seen)
            self.operation(op, seen)
            self.define(op.outputs, seen)
        self.op = around
        self.require(isinstance(block.results, list), "results are no list")
        self.use(block.results, seen)

    def operation(self, op: Op, seen: set[Value]) -> None:
        for block in op.blocks:
            self.check(block, seen)
        match op:
            case Apply():
                if not callable(op.function):
                    self.fail(f"{op.function!r} is no function")
                self.require(type(op.args) is tuple and type(op.kwargs) is dict, "arguments are a tuple and a dict")
                if op.form is None:
                    self.count(len(op.outputs), 1, "outputs")
            case If():
                self.branch(op)
            case Loop():
                self.loop(op)
            case Call():
                self.call(op)
            case Raise():
                self.count(len(op.outputs), 0, "outputs")
            case _:
                self.fail("unknown operation")

    def branch(self, op: If) -> None:
        for block in op.blocks:
            self.count(len(block.params), 0, "parameters of a branch")
            self.count(len(block.results), len(op.outputs), "results of a branch")
            for result, output in zip(block.results, op.outputs, strict=True):
                self.fits(result, output.type, "the result of a branch")

    def loop(self, op: Loop) -> None:
        body, n = op.body, len(op.inits)
        self.require(op.range is None or len(op.range) == 3, "a range has start, stop and step")
        self.require(op.range is not None or op.test is not None or op.stops, "a loop that nothing ends")
        self.require(not (op.reverse and op.range is None), "a reverse loop has a range")
        self.count(len(body.params), 1 + n + len(op.consumed), "parameters of a body")
        collected = len(body.results) - n - op.stops
        self.count(len(op.outputs), n + collected + 1, "outputs of a loop")
        for init, update, carried, final in zip(op.inits, op.updates, op.carried, op.finals, strict=True):
            self.fits(init, carried.type, "an initial value")
            self.fits(update, carried.type, "a carried value")
            if carried.type != final.type:
                self.fail(f"{carried!r} ends as {final!r}")
        for items, item in zip(op.consumed, op.items, strict=True):
            t = atom_type(items)
            self.require(isinstance(t, ListOf), f"{t} is consumed, and is no list")
            if isinstance(t, ListOf):
                self.require(item.type in (t.item, join(t.item, item.type)), f"{item!r} is an item of {t}")
        for result, output in zip(op.collected, op.lists, strict=True):
            t = output.type
            self.require(isinstance(t, ListOf), f"{output!r} collects, and is no list")
            self.fits(result, t.item if isinstance(t, ListOf) else t, "a collected value")
        self.test(op)

    def test(self, op: Loop) -> None:
        if op.test is not None:
            self.count(len(op.test.params), len(op.inits), "parameters of a test")
            self.count(len(op.test.results), 1, "results of a test")
            for init, param in zip(op.inits, op.test.params, strict=True):
                self.fits(init, param.type, "an initial value")

    def call(self, op: Call) -> None:
        self.count(len(op.args), len(op.function.params), f"arguments of {op.function.name}")
        self.count(len(op.outputs), len(op.function.results), f"outputs of a call of {op.function.name}")
        for arg, param in zip(op.args, op.function.params, strict=True):
            self.fits(arg, param.type, "an argument")
        for result, output in zip(op.function.results, op.outputs, strict=True):
            self.fits(result, output.type, "a result")
