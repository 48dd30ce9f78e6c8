"""Which values differ between the elements of a batch: those that depend on what is batched, by any argument.

Unlike activity it does not ask for derivatives: whole numbers, truth values and records differ too.  Shapes do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from adjoint._ir.nodes import Apply, Call, Function, If, Loop, Op, Undefined, Value, values
from adjoint._ir.symbol import extent, length
from adjoint._ir.types import ListOf, Record, Tensor, Type
from adjoint._rules import stores
from adjoint._transform.activity import Activity, Pattern, Results

# Functions that ask for the shape of an argument, which the elements of a batch have in common.
FORM_ONLY = frozenset({extent, length, len, np.size})


class Dependences(Results):
    """Which results of functions differ, for patterns of parameters that do; and which parts of the records they pack."""

    def __init__(self) -> None:
        super().__init__()
        self.records: dict[str, Pattern] = {}
        # What branches give out, and what of it is part of a record where that part differs: a branch may leave it undefined,
        # so it becomes a stack within the branch.
        self.branched: set[Value] = set()
        self.stacked: set[Value] = set()

    def of(self, function: Function, active: Sequence[bool]) -> Dependence:
        return Dependence(function, active, self)

    def pack(self, name: str, pattern: Pattern) -> Pattern:
        """Note which parts of a record differ; return which do wherever it is packed."""
        known = self.records.get(name, (False,) * len(pattern))
        found = tuple([a or b for a, b in zip(known, pattern, strict=True)])
        if found != known:
            self.records[name] = found
            self.changed = True
        return found


class Dependence(Activity):
    """The values of one function that differ between the elements of a batch."""

    results: Dependences

    def add(self, values: Iterable[Value]) -> None:
        self.values.update(values)

    def learn(self, op: Op) -> None:
        if isinstance(op, If):
            self.results.branched.update(op.outputs)
            self.add(self.results.stacked.intersection(op.outputs))
        match op:
            case Apply():
                self.apply(op)
            case If() if op.condition in self:
                self.block(op.then)
                self.block(op.orelse)
                branches = zip(op.outputs, op.then.results, op.orelse.results, strict=True)
                self.add(output for output, a, b in branches if self.chosen(a, b))
            case Call() if op.function.derivative is not None:
                self.add(op.outputs if any(self.pattern(op.args)) else ())
            case _:
                super().learn(op)

    def apply(self, op: Apply) -> None:
        if op.function is stores.pack:
            pattern = self.results.pack(op.args[0], self.pattern(op.args[1:]))
            self.add(op.outputs if any(pattern) else ())
            parts = {part for part, differs in zip(op.args[1:], pattern, strict=True) if differs and type(part) is Value}
            if not parts & self.results.branched <= self.results.stacked:
                self.results.stacked |= parts & self.results.branched
                self.results.changed = True
        elif not any(value in self.values for value in values(op.operands)) or op.function in FORM_ONLY:
            return
        elif op.function is stores.unpack:
            pattern = self.results.records.get(op.args[0].type.name, (False,) * len(op.outputs))
            self.add(output for output, differs in zip(op.outputs, pattern, strict=True) if differs)
        else:
            self.add(op.outputs)

    def chosen(self, a: Any, b: Any) -> bool:
        """Tell whether the choice between two atoms, by a condition that differs, differs."""
        if isinstance(a, Undefined) or isinstance(b, Undefined):
            return a in self or b in self
        return a is not b or a in self

    def loop(self, op: Loop) -> None:
        super().loop(op)
        if op.test is not None:
            self.add(param for param, carried in zip(op.test.params, op.carried, strict=True) if carried in self)
            self.block(op.test)

    # Types

    def stacked(self, t: Type) -> Type:
        """Return the type of a stack of values of type ``t``, one for each element of the batch."""
        match t:
            case Tensor():
                return Tensor(t.dtype, t.rank + 1)
            case ListOf():
                return ListOf(self.stacked(t.item))
            case Record():
                return Record(stacked_name(t.name), t.differentiable)
            case _:
                return t

    def type(self, value: Value) -> Type:
        """Return the type of what stands for a value in the batched program."""
        return self.stacked(value.type) if value in self else value.type


def stacked_name(record: str) -> str:
    """Return the name of the record that holds stacks."""
    return f"{record}_stack"


__all__ = ["FORM_ONLY", "Dependence", "Dependences", "stacked_name"]
