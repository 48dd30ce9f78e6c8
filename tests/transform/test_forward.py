"""Forward mode of programs with control flow, against differences, reverse mode and itself."""

from __future__ import annotations

import numpy as np
import pytest

from adjoint._ir.builder import Builder, Symbol
from adjoint._ir.evaluate import run
from adjoint._ir.nodes import Function, Line, Value, walk
from adjoint._ir.show import show
from adjoint._ir.types import FLOAT, Tensor
from adjoint._ir.verify import verify
from adjoint._transform.forward import jvp
from adjoint.errors import MissingRuleError
from adjoint.testing.program import direction_at, shift, vector
from tests.transform.flows import FLOWS, F, Flow
from tests.transform.programs import checked_run

EACH = pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)


def is_active(x) -> bool:
    return isinstance(x, (float, complex)) or (hasattr(x, "dtype") and x.dtype.kind in "fc")


def inexact(values) -> list:
    return [x for x in values if is_active(x)]


def leaves(values) -> list:
    """The numbers of results, lists opened."""
    return [leaf for x in values for leaf in (leaves(x) if isinstance(x, list) else [x])]


def forward(flow: Flow) -> tuple[Function, list[bool], list[int]]:
    active = [is_active(x) for x in flow.args]
    found = jvp(flow.function, active)
    verify(found.function)
    return found.function, found.active_results, [k for k, a in enumerate(active) if a]


@EACH
def test_against_differences(flow: Flow) -> None:
    function, active_results, places = forward(flow)
    point = [flow.args[k] for k in places]
    ts = direction_at(point, np.random.default_rng(3))
    results = checked_run(function, [*flow.args, *ts])
    n = len(active_results)
    plain = checked_run(flow.function, flow.args)
    assert vector(leaves(inexact(results[:n]))) == pytest.approx(vector(leaves(inexact(plain))), nan_ok=True)

    def at(h):
        moved = shift(point, h, ts)
        full = list(flow.args)
        for k, x in zip(places, moved, strict=True):
            full[k] = x
        values = run(flow.function, full)
        return vector(leaves([value for value, a in zip(values, active_results, strict=True) if a]))

    h = 2e-5  # small, for some of the programs jump not far away
    once, twice = ((at(k * h) - at(-k * h)) / (2 * k * h) for k in (1, 2))
    assert vector(leaves(results[n:])) == pytest.approx((4 * once - twice) / 3, rel=1e-7, abs=1e-8)


@EACH
def test_second_order_is_symmetric(flow: Flow) -> None:
    """Forward over forward: the mixed second derivatives along two directions agree in either order."""
    function, active_results, places = forward(flow)
    point = [flow.args[k] for k in places]
    rng = np.random.default_rng(4)
    u, v = direction_at(point, rng), direction_at(point, rng)
    second = jvp(function, [k in places for k in range(len(flow.args))] + [False] * len(places))
    verify(second.function)

    def mixed(a, b):
        results = checked_run(second.function, [*flow.args, *a, *b])[len(function.results) :]
        return vector(leaves(results[sum(second.active_results[: len(active_results)]) :]))

    assert mixed(u, v) == pytest.approx(mixed(v, u), rel=1e-9, abs=1e-10)


def test_inactive_values_have_no_tangents() -> None:
    x, n = Value(F, "x"), Value(F, "n")
    builder = Builder()
    with builder.block([x, n]) as body:
        body.results = builder.atoms([np.sin(Symbol(n)) * 2, np.floor(Symbol(x)), Symbol(x) * np.exp(Symbol(n))])
    found = jvp(Function("f", body), [True, False])
    assert found.active_results == [False, False, True]
    assert "cos" not in show(found.function)


def test_tangents_are_named_after_their_primals() -> None:
    x = Value(F, "x")
    builder = Builder()
    with builder.block([x]) as body:
        y = np.sin(Symbol(x))
        y.value.name = "y"
        body.results = [y.value]
    assert [value.name for op in walk(jvp(Function("f", body), [True]).function.body) for value in op.outputs] == [
        "y",
        "",
        "y_dot",
    ]


def undifferentiable(x):
    return x + 1.0


def test_missing_rules_name_the_users_line() -> None:
    x = Value(Tensor(np.dtype(float), 1), "x")
    builder = Builder()
    builder.line = Line("model.py", 12)
    with builder.block([x]) as body:
        y = builder.apply(undifferentiable, (Symbol(x),))
        body.results = [y.value]
    with pytest.raises(MissingRuleError, match=r"model\.py:12"):
        jvp(Function("f", body), [True])


def test_a_zero_has_the_type_of_its_primal() -> None:
    x, c = Value(FLOAT, "x"), Value(FLOAT, "c")
    builder = Builder()
    with builder.block([x, c]) as body:
        X, C = Symbol(x), Symbol(c)
        results = builder.if_(C > 0, lambda: [X * X], lambda: [3.0])
        body.results = builder.atoms(results)
    function = jvp(Function("f", body), [True, False]).function
    verify(function)
    assert checked_run(function, [2.0, -1.0, 1.0]) == [3.0, 0.0]
    assert checked_run(function, [2.0, 1.0, 1.0]) == [4.0, 4.0]
