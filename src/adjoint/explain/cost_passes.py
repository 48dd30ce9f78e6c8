"""The three programs that `cost` counts and times: the function, a forward pass, a reverse pass."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from adjoint._api.compiled import Compiled
from adjoint._api.function import expect_function
from adjoint._api.jit import Jitted
from adjoint._ir.nodes import Line
from adjoint.errors import InputError
from adjoint.explain.cost_count import Tally, kept_bytes
from adjoint.explain.cost_formulas import size
from adjoint.explain.cost_time import Times, measured, predicted

NAMES = FUNCTION, FORWARD, REVERSE = ("function", "forward pass", "reverse pass")


class Counted(NamedTuple):
    """What was counted: a tally for each of `NAMES`, and the bytes kept by line."""

    tallies: dict[str, Tally]
    kept: Counter[Line | None]


class Passes:
    """A function at a point, with its programs."""

    def __init__(self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        expect_function(f, "cost")
        self.name = getattr(f, "__qualname__", None) or getattr(f, "__name__", None) or repr(f)
        jitted = Jitted(f.f if isinstance(f, Jitted) else f, backend="python")  # what is predicted is the time of NumPy
        tree, entry = jitted.entry(args, kwargs)
        program = entry.program
        self.compiled: Compiled = entry.compiled
        self.inputs = [tree.leaves[k] for k in program.places] + [getter() for getter, _ in program.captures.inputs]
        params = self.compiled.function.params
        self.active = tuple(p.type.differentiable and k < len(program.places) for k, p in enumerate(params))
        if not any(self.active):
            raise InputError(
                "cost: no argument is a floating number or array, so that there is no derivative",
                remedy="write 1.0 for a number to differentiate",
            )
        self.results = len(self.compiled.function.results)
        # How many results are the value; new content of arrays that the function writes to follows.
        self.values = program.count

    @property
    def inexact(self) -> int:
        """The number of numbers that are differentiated."""
        return sum(size(x) for x, a in zip(self.inputs, self.active, strict=True) if a)

    def fresh(self) -> list[Any]:
        """Return a copy of the inputs: a random generator draws the same numbers in each pass."""
        return copy.deepcopy(self.inputs)

    def counted(self) -> Counted:
        """Count all three."""
        tallies = {name: Tally() for name in NAMES}
        values = tallies[FUNCTION].run(self.compiled.function, self.fresh())
        tallies[FUNCTION].returned(values)
        pushed = self.compiled.pushed(self.active).function
        tallies[FORWARD].returned(tallies[FORWARD].run(pushed.function, self.forward_inputs()))
        split = self.compiled.split(self.active)
        there = tallies[REVERSE].run(split.forward.function, self.fresh())
        back = tallies[REVERSE].run(split.backward.function, [*there[self.results :], *self.cotangents(there)])
        tallies[REVERSE].returned([*there[: self.results], *back])
        return Counted(tallies, kept_bytes(split.forward.function, there, self.results))

    def forward_inputs(self) -> list[Any]:
        """Return arguments and tangents."""
        inputs = self.fresh()
        return [*inputs, *[ones(x) for x, a in zip(inputs, self.active, strict=True) if a]]

    def cotangents(self, values: Sequence[Any]) -> list[Any]:
        """Return cotangents of the results that have some."""
        active = self.compiled.split(self.active).active_results
        return [ones(y) for y, a in zip(values, active, strict=False) if a]

    def times(self, found: Counted) -> Times:
        """Measure the three programs as they are run in Python, and predict their times from the counts."""
        split, pushed = self.compiled.split(self.active), self.compiled.pushed(self.active).function
        inputs, forward_inputs = self.fresh(), self.forward_inputs()
        cotangents = self.cotangents(split.forward.evaluate(inputs))

        def reverse() -> None:
            split.backward.evaluate([*split.forward.evaluate(inputs)[self.results :], *cotangents])

        calls: dict[str, Callable[[], Any]] = {
            FUNCTION: lambda: self.compiled.evaluate(inputs),
            FORWARD: lambda: pushed.evaluate(forward_inputs),
            REVERSE: reverse,
        }
        seconds = measured(calls)
        return Times(seconds, predicted({name: tally.count for name, tally in found.tallies.items()}))


def ones(x: Any) -> Any:
    """Return ones of the form of a value.

    >>> ones([2.0, np.zeros(2)])
    [1.0, array([1., 1.])]
    """
    if isinstance(x, list):
        return [ones(part) for part in x]
    return np.ones_like(x) if isinstance(x, np.ndarray) else type(x)(1)
