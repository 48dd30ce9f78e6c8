"""Functions that the book defines by other functions become these others, where they are differentiated.

What is not differentiated stays as the user wrote it.  A definition that cannot be written down, because it asks for shapes
or values, stays too: it is differentiated when the program runs (`rule_call`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint._ir.builder import Builder
from adjoint._ir.copying import Copier
from adjoint._ir.nodes import Apply, Block, Function, Op, Value, atom_type
from adjoint._ir.types import Tensor, Type
from adjoint._rules import shaping
from adjoint._transform.activity import Activity
from adjoint._transform.binding import rule_of
from adjoint.errors import MissingRuleError


def expand(function: Function, active: Sequence[bool] | None = None) -> Function:
    """Replace active functions that are defined by others by what defines them, to the last.

    Parameters
    ----------
    function
        The program; functions that it calls are not changed.
    active
        Which parameters are differentiated; all that have a differentiable type, if None.

    Returns
    -------
    Function
        The same program, with values of its own.
    """
    if active is None:
        active = [param.type.differentiable for param in function.params]
    builder = Builder()
    body = Expander(builder, Activity(function, active)).block(function.body)
    return Function(function.name, body, function.line, function.doc)


class Expander(Copier):
    """Copies programs without active composite functions."""

    def __init__(self, builder: Builder, activity: Activity) -> None:
        super().__init__()
        self.builder = builder
        self.activity = activity

    def fresh(self, value: Value) -> Value:
        new = super().fresh(value)
        if value in self.activity:
            self.activity.add([new])
        return new

    def block(self, block: Block) -> Block:
        copy = Block(params=[self.fresh(param) for param in block.params])
        with self.builder.into(copy):
            for op in block.ops:
                self.write(op)
            results = self(block.results)
            if len(self.builder.blocks) > 1:  # the results of a branch or a turn have the types that the operation says
                results = [self.numbered(new, atom_type(old)) for new, old in zip(results, block.results, strict=True)]
        copy.results = results
        return copy

    def numbered(self, atom: Any, t: Type) -> Any:
        """Return a number as one of Python's where the function gives that, and its definition gives one of NumPy's."""
        own = atom_type(atom)
        if type(atom) is not Value or not isinstance(t, Tensor) or not isinstance(own, Tensor):
            return atom
        if not t.number or own.number or t.dtype.kind not in "fc":
            return atom
        op = Apply(function={"f": float, "c": complex}[t.dtype.kind], args=(atom,), outputs=[Value(t, atom.name)])
        self.builder.append(op)
        self.activity.learn(op)
        return op.outputs[0]

    def write(self, op: Op) -> None:
        """Write an operation, or what defines its function."""
        if isinstance(op, Apply) and is_composite(op) and any(output in self.activity for output in op.outputs):
            with self.builder.block() as inner:
                results = define(self.builder, self(op.args), self(op.kwargs), op)
            if results is not None:
                for step in inner.ops:
                    self.activity.learn(step)
                    self.write(step)
                for output, result in zip(op.outputs, results, strict=True):
                    self.env[output] = self.named(self(result), output)
                return
        self.builder.append(self.op(op))

    def named(self, atom: Any, output: Value) -> Any:
        """Give a result of a definition the name of what it is the result of."""
        if type(atom) is Value:
            if not atom.name and any(atom in op.outputs for op in self.builder.blocks[-1].ops[-1:]):
                atom.name = output.name
            if output in self.activity:
                self.activity.add([atom])
        return atom


def is_composite(op: Apply) -> bool:
    """Tell whether a function is defined by others."""
    rule = rule_of(op.function)
    return rule is not None and rule.kind == "composite"


def define(builder: Builder, args: Any, kwargs: Any, op: Apply) -> list[Any] | None:
    """Write the definition of an operation's function; return the atoms of its results, None if it cannot be written."""
    rule = rule_of(op.function)
    assert rule is not None
    builder.line = op.line
    try:
        with np.errstate(all="ignore"):
            result = rule.formulas[0](*builder.symbols(args), **builder.symbols(kwargs))
            parts = [result] if op.form is None else list(result)
            if len(parts) != len(op.outputs):
                return None
            return [_typed(builder, part, output.type) for part, output in zip(parts, op.outputs, strict=True)]
    except MissingRuleError:
        raise
    except Exception:  # it branches on what is not known yet, in whatever way
        return None


def _typed(builder: Builder, part: Any, t: Type) -> Any:
    """Return a result of a definition as an atom of the type that the function itself gives."""
    atom = builder.atom(part)
    own = atom_type(atom)
    if isinstance(t, Tensor) and isinstance(own, Tensor):
        if own.rank != t.rank:
            raise TypeError(f"the definition gives rank {own.rank}, the function rank {t.rank}")
        if own.dtype != t.dtype:
            atom = builder.atom(shaping.convert(builder.symbols(atom), t.dtype))
    return atom


__all__ = ["Expander", "define", "expand", "is_composite"]
