"""Which values are Python's own numbers when the program runs, and which are NumPy's.

The IR says ``np.add(a, b)``, and what is printed is ``a + b``.  On two numbers of Python's that gives a number of Python's,
and for a few operations another result: ``~True`` is -2, ``True + True`` is 2, ``1.0 / 0.0`` raises.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from adjoint._backend import remarks
from adjoint._backend.choices import choose
from adjoint._backend.plan import Compute, Cycle, Move, Plan
from adjoint._ir.nodes import Apply, Call, Undefined, Value
from adjoint._ir.types import ListOf, Tensor, Type
from adjoint._rules import kinds

Kind = frozenset[str]
PYTHON: Kind = frozenset({"python"})
NUMPY: Kind = frozenset({"numpy"})
EITHER = PYTHON | NUMPY


class Kinds:
    """For each value of a plan, whose number it may be."""

    def __init__(self, plan: Plan, infix: Any) -> None:
        self.plan = plan
        self.infix = infix
        self.known: dict[Value, Kind] = {}
        self.moved: dict[Value, Kind] = {}
        changed = True
        while changed:
            changed = False
            # Derivatives are of the type of their primal, and whoever calls may give a number of Python's all the same.
            given = [param for param in plan.function.params if remarks.is_derivative(param.name) or not param.name]
            self.known = {param: _of_item(param.type) for param in given}
            for step in plan.walk():
                pairs = step.pairs if isinstance(step, Move) else ()
                for pair in pairs:
                    kind = frozenset() if isinstance(pair.source, Undefined) else self.of(pair.source)
                    old = self.moved.get(pair.target, frozenset())
                    self.moved[pair.target] = old | kind
                    changed = changed or not kind <= old
                if isinstance(step, Cycle):  # a list holds what somebody has put there
                    self.known.update({item: _of_item(item.type) for item in step.loop.items})
                if isinstance(step, Compute):
                    for output in step.op.outputs:
                        self.known[output] = self.result(step.op, output)

    def of(self, atom: Any) -> Kind:
        """Return the kind of an atom."""
        if type(atom) is not Value:
            return PYTHON if isinstance(atom, (bool, int, float, complex)) and type(atom).__module__ == "builtins" else NUMPY
        atom = self.plan.resolve(atom)
        op = self.plan.inlined.get(atom)
        if op is not None:
            return self.result(op, atom)
        if atom in self.moved:
            return self.moved[atom]
        return self.known.get(atom) or _by_type(atom.type)

    def result(self, op: Apply | Call, output: Value) -> Kind:
        """Return the kind of a result: as the arguments are where Python's operators are printed, else as the function is."""
        if isinstance(output.type, Tensor) and output.type.rank:
            return NUMPY
        if not isinstance(op, Apply) or (op.args and isinstance(getattr(op.args[0], "type", None), ListOf)):
            return EITHER
        if op.function is choose:
            return self.of(op.args[0]) | self.of(op.args[1]) | self.of(op.args[2])
        if (op.function in self.infix or op.function is kinds.scale) and not op.kwargs:
            found = [self.of(arg) for arg in op.args]
            python = all("python" in kind for kind in found)
            return (PYTHON if python else frozenset()) | (NUMPY if any("numpy" in kind for kind in found) else frozenset())
        return _by_function(op, output.type)


def _by_function(op: Apply, t: Type) -> Kind:
    """Return the kind of what a function returns; some hand through what they are given."""
    if op.function in (max, min, np.real, np.imag):
        return EITHER
    if isinstance(t, Tensor) and t.number:
        return PYTHON
    home = str(getattr(op.function, "__module__", None) or "numpy")
    return NUMPY if op.function is operator.getitem or home.startswith("numpy") else EITHER


def _of_item(t: Type) -> Kind:
    return EITHER if isinstance(t, Tensor) and not t.rank and not t.number else _by_type(t)


def _by_type(t: Type) -> Kind:
    return PYTHON if isinstance(t, Tensor) and t.number else NUMPY
