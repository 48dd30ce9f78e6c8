"""Programs for the tests of passes: recorded from functions of symbols, run and checked by the reference interpreter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint._api import engine
from adjoint._ir.builder import Builder, Symbol
from adjoint._ir.evaluate import run
from adjoint._ir.nodes import Apply, Function, Line, Value, atom_type, functions, map_atoms, walk
from adjoint._ir.types import Tensor, join, tangent_type, type_of
from adjoint._ir.verify import verify
from adjoint._rules import kinds
from adjoint._rules.book import name_of
from adjoint._transform import chain
from adjoint._transform.activity import Activity
from adjoint._transform.expand import expand
from adjoint._transform.rule_call import RuleCall
from adjoint._transform.shapes import Shapes

assert engine.Tracing


def is_inexact(x: Any) -> bool:
    return isinstance(x, (float, complex)) or (hasattr(x, "dtype") and x.dtype.kind in "fc")


def recorded(f: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any] | None = None) -> tuple[Function, list[Any]]:
    """Write ``f`` as a program of the floating and complex leaves of its arguments; return it and these leaves."""
    params: list[Value] = []
    leaves: list[Any] = []

    def parameter(x: Any) -> Any:
        if not is_inexact(x):
            return x
        leaves.append(x)
        params.append(Value(type_of(x), f"x{len(params)}"))
        return Symbol(params[-1])

    builder = Builder()
    symbols = map_atoms(parameter, tuple(args))
    builder.line = Line(__file__, 1)
    with builder.block(params) as body:
        y = f(*symbols, **(kwargs or {}))
        body.results = [builder.atom(part) for part in (y if isinstance(y, (tuple, list)) else [y])]
    function = Function(getattr(f, "__name__", "f"), body)
    verify(function)
    return function, leaves


def checked_run(function: Function, args: Sequence[Any]) -> list[Any]:
    """Run a program, and check that every value has the type that the program says it has."""

    def observe(op: Apply, _: Any, __: Any, results: list[Any]) -> None:
        for output, result in zip(op.outputs, results, strict=True):
            t = output.type
            if isinstance(t, Tensor) and result is not None:
                found = type_of(result)
                assert isinstance(found, Tensor), (op, result)
                assert found.rank == t.rank, (op.function, found, t)
                assert join(found, t) == t or found.dtype == t.dtype, (op.function, str(found), str(t))

    with np.errstate(all="ignore"):
        return run(function, args, observe)


def rule_calls(function: Function) -> set[str]:
    """Return the functions whose rules are called when the program runs."""
    ops = [op for one in functions(function) for op in walk(one.body)]
    calls = [op.function for op in ops if isinstance(op, Apply) and isinstance(op.function, RuleCall)]
    return {name_of(call.function) for call in calls if not isinstance(call.function, RuleCall)}


def straight_pullback(function: Function, active_results: Sequence[bool]) -> Function:
    """Return the reverse mode of a program without control flow: a few lines on `chain.cotangents`, to test it by."""
    expanded = expand(function)
    shapes = Shapes(expanded)
    builder = Builder()
    body = expanded.body
    bars: dict[Value, Any] = {}
    cts = []
    wanted = Activity(expanded, [True] * len(body.params)).values
    ops = list(body.ops)
    with builder.into(body):
        for result, a in zip(body.results, active_results, strict=True):
            if a:
                ct = Value(tangent_type(atom_type(result)))
                cts.append(ct)
                if type(result) is Value:
                    shapes.equate(ct, result)
                    bars[result] = kinds.add(bars.get(result), Symbol(ct))
        for op in reversed(ops):
            outgoing = [bars.get(output) for output in op.outputs]
            if any(bar is not None for bar in outgoing):
                for value, contribution in chain.cotangents(builder, op, outgoing, wanted, shapes):
                    bars[value] = chain.accumulated(value, bars.get(value), contribution)
        body.results = [builder.atom(bars[p] if bars.get(p) is not None else chain.zeros(builder, p)) for p in body.params]
    body.params += cts
    verify(expanded)
    return expanded
