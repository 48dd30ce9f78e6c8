"""Which arrays certainly have the same shape, so that ``x_bar = x_bar + e`` may be written ``x_bar += e``.

A shape is known as the set of values whose shapes it is broadcast from.  If those of ``e`` are among those of ``x_bar``, then
``e`` fits into ``x_bar``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint._backend.plan import Compute, Cycle, Move, Plan, Step
from adjoint._ir.nodes import Apply, Call, Undefined, Value, atom_type
from adjoint._ir.types import Tensor
from adjoint._rules import kinds, stores

Shape = frozenset[Value] | None
_SCALAR: frozenset[Value] = frozenset()
_ALIKE = frozenset(
    {np.zeros_like, np.ones_like, np.empty_like, np.copy, np.conj, np.real, np.imag, stores.assign, stores.accumulate}
)
_UPDATES = frozenset({np.add, np.subtract, np.multiply})


class Shapes:
    """The shapes of the values of a plan; None is a value whose type does not tell its dtype for certain."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.known: dict[Value, Shape] = {param: self.own(param) for param in plan.function.params}
        self.fixed: set[Value] = set()
        self.changed = True
        steps = list(plan.walk())
        while self.changed:
            self.changed = False
            for step in steps:
                self.step(step)

    def own(self, value: Value) -> Shape:
        """Return the shape of a value of which nothing else is known."""
        scalar = isinstance(value.type, Tensor) and value.type.rank == 0
        return _SCALAR if scalar else frozenset({value})

    def of(self, atom: Any) -> Shape:
        if type(atom) is not Value:
            return _SCALAR
        op = self.plan.inlined.get(atom)
        if op is not None:
            return self.result(op, atom)
        value = self.plan.resolve(atom)
        return self.known[value] if value in self.known else self.own(atom)

    def step(self, step: Step) -> None:
        match step:
            case Compute():
                for output in step.op.outputs:
                    self.set(output, self.result(step.op, output))
            case Move():
                for pair in step.pairs:
                    if not isinstance(pair.source, Undefined):
                        self.take(pair.target, pair.source)
            case Cycle():
                for item in step.loop.items:
                    self.set(item, self.own(item))

    def take(self, target: Value, source: Any) -> None:
        """A value that takes over from several has their shape if they agree."""
        t, s = atom_type(target), atom_type(source)
        if target in self.fixed:
            return
        shape = self.of(source) if isinstance(t, Tensor) and isinstance(s, Tensor) and t.dtype == s.dtype else None
        if target in self.known and self.known[target] != shape:
            self.fixed.add(target)
            known = self.known[target]
            shape = None if shape is None or known is None else self.own(target)
        self.set(target, shape)

    def set(self, value: Value, shape: Shape) -> None:
        if value not in self.known or self.known[value] != shape:
            self.known[value] = shape
            self.changed = True

    def result(self, op: Apply | Call, output: Value) -> Shape:
        if not isinstance(op, Apply) or not isinstance(output.type, Tensor):
            return self.own(output)
        function = op.function
        if function is stores.fit or (function in _ALIKE and not op.kwargs):
            return self.of(op.args[1 if function is stores.fit else 0])
        if function is stores.spread:
            return self.of(op.args[1])
        plain = isinstance(function, np.ufunc) and function.signature is None and not op.kwargs
        if plain or function in (kinds.scale, np.where):
            shapes = [self.of(arg) for arg in op.args]
            return None if None in shapes else _SCALAR.union(*[shape for shape in shapes if shape is not None])
        return self.own(output)

    def is_update(self, op: Apply | Call, variable: Callable[[Value], Any]) -> bool:
        """Tell whether an operation may be done in the memory of its first argument, by its dtype and its shape."""
        if not isinstance(op, Apply) or op.function not in _UPDATES or op.kwargs or len(op.args) != 2:
            return False
        first, second = op.args
        output = op.outputs[0]
        if type(first) is not Value or first in self.plan.inlined or variable(self.plan.resolve(first)) != variable(output):
            return False
        if not isinstance(first.type, Tensor) or not isinstance(output.type, Tensor) or first.type.dtype != output.type.dtype:
            return False
        a, b = self.of(first), self.of(second)
        return a is not None and b is not None and b <= a and first.type.rank == output.type.rank
