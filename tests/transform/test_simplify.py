"""Simplified programs compute the same with less, and keep what a zero wins against."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from adjoint._ir.builder import Builder, Symbol
from adjoint._ir.nodes import Apply, Function, If, Loop, Value, functions, walk
from adjoint._ir.show import show
from adjoint._ir.types import FLOAT, INT, Tensor
from adjoint._ir.verify import verify
from adjoint._rules import kinds, stores
from adjoint._transform.forward import jvp
from adjoint._transform.reverse import gradient
from adjoint._transform.simplify import simplify
from adjoint.testing.program import random_like, vector
from tests.rules.test_every_rule import CASES
from tests.transform.flows import FLOWS, F
from tests.transform.programs import checked_run, recorded, straight_pullback
from tests.transform.test_chain import NOT_A_PROGRAM
from tests.transform.test_forward import is_active, leaves

VECTOR = Tensor(np.dtype(float), 1)


def size(function: Function) -> int:
    return sum(1 for one in functions(function) for _ in walk(one.body))


def simplified(function: Function) -> Function:
    small = simplify(function)
    verify(small)
    assert size(small) <= size(function)
    return small


def applied(function: Function) -> list:
    return [op.function for one in functions(function) for op in walk(one.body) if isinstance(op, Apply)]


def same(a: list, b: list) -> None:
    assert vector(leaves(a)) == pytest.approx(vector(leaves(b)), rel=1e-12, abs=1e-12, nan_ok=True)


# Whole programs -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_programs_and_their_derivatives_compute_the_same(flow) -> None:
    numbers = [is_active(x) for x in flow.args]
    ts = random_like([x for x in flow.args if is_active(x)], np.random.default_rng(0))
    same(checked_run(simplified(flow.function), flow.args), checked_run(flow.function, flow.args))
    first = jvp(flow.function, numbers).function
    small = simplified(first)
    same(checked_run(small, [*flow.args, *ts]), checked_run(first, [*flow.args, *ts]))
    assert show(simplified(small)) == show(small)
    second = jvp(small, [*numbers, *[False] * len(ts)]).function
    same(checked_run(simplified(second), [*flow.args, *ts, *ts]), checked_run(second, [*flow.args, *ts, *ts]))


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_gradients_compute_the_same(flow) -> None:
    active = [is_active(x) for x in flow.args]
    results = checked_run(flow.function, flow.args)
    both = gradient(flow.function, active)
    wanted = both.params[len(flow.args) :]
    cts = random_like([y for y in results if is_active(y)], np.random.default_rng(0))
    if len(wanted) != len(cts):
        pytest.skip("cotangents of lists")
    expected = checked_run(both, [*flow.args, *cts])
    same(checked_run(simplified(both), [*flow.args, *cts]), expected)


@pytest.mark.parametrize("name", [name for name in CASES if not any(part in name for part in NOT_A_PROGRAM)])
def test_derivatives_of_rules_compute_the_same(name: str) -> None:
    case = CASES[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            f, args = recorded(case.function, case.args, case.kwargs)
        except Exception as error:  # whatever the function does with a symbol that needs the frontend
            pytest.skip(f"cannot be recorded without the frontend: {type(error).__name__}")
        rng = np.random.default_rng(0)
        ts = random_like(args, rng)
        found = jvp(f, [True] * len(args))
        results = checked_run(found.function, [*args, *ts])
        same(checked_run(simplified(found.function), [*args, *ts]), results)
        backward = straight_pullback(f, found.active_results)
        cts = random_like([y for y, a in zip(results, found.active_results, strict=False) if a], rng)
        same(checked_run(simplified(backward), [*args, *cts]), checked_run(backward, [*args, *cts]))


# Zero wins ------------------------------------------------------------------------------------------------------------------

POINTS = [0.0, 1.0, -1.0, 2.0, -0.0, 1e40, -1e40, 1e-40, 0.5]
DELICATE = {
    "root of a sum of squares": lambda x: np.sqrt(np.sum(x * x)),
    "root times its argument": lambda x: np.sqrt(np.abs(x)) * x,
    "power of a square": lambda x: (x * x) ** 0.25,
    "cube root of a square": lambda x: np.cbrt(x * x),
    "selected root": lambda x: np.where(x > 0.7, np.sqrt(np.abs(x)), x),
    "selected logarithm": lambda x: np.where(x > 0.7, np.log(np.abs(x)), x * x),
    "selected quotient": lambda x: np.where(x > 0.7, 1 / x, x * x),
    "selected exponential": lambda x: np.where(x < 0.7, np.exp(x * 400.0), x * x),
    "inverse sine of a square": lambda x: np.arcsin(np.minimum(x * x, 1.0)) * x,
    "root in a denominator": lambda x: x / (1.0 + np.sqrt(np.abs(x))),
    "angle": lambda x: np.arctan2(x * x, x * x * x),
    "modulus": lambda x: np.hypot(x, x * x) * x,
    "entropy": lambda x: x * x * np.log(np.abs(x) + (x == 0)),
    "variance": lambda x: np.std(x * 0.0 + 1.0) + np.var(x),
}


@pytest.mark.parametrize("name", DELICATE)
def test_infinite_slopes(name: str) -> None:
    """Where slopes are infinite or undefined and the function is finite, first and second derivatives stay what they are."""
    f, _ = recorded(DELICATE[name], [np.array(POINTS)])
    first = jvp(f, [True]).function
    second = jvp(first, [True, False]).function
    for x in (*[np.array([p, p]) for p in POINTS], np.array(POINTS), np.array([0.0, 2.0])):
        for t in (np.ones_like(x), np.zeros_like(x), 0.5 - (x > 0.6)):
            with np.errstate(all="ignore"):
                y = checked_run(f, [x])[0]
            for program, args in ((first, [x, t]), (second, [x, t, t])):
                plain, small = checked_run(program, args), checked_run(simplified(program), args)
                for a, b in zip(plain, small, strict=True):
                    where = np.isfinite(y) if np.shape(y) == np.shape(a) else np.all(np.isfinite(x)) and np.isfinite(y)
                    expected = np.where(where, a, 0)
                    np.testing.assert_allclose(np.where(where, b, 0), expected, rtol=1e-12, err_msg=f"{name} at {x} along {t}")


def test_products_of_polynomials_are_plain() -> None:
    f, _ = recorded(lambda x, y: np.sin(x) * y + np.sum(x * x * y) * np.tanh(y), [np.ones(3), np.ones(3)])
    assert kinds.scale in applied(jvp(f, [True, True]).function)
    assert kinds.scale not in applied(simplified(jvp(f, [True, True]).function))
    assert kinds.scale not in applied(simplified(straight_pullback(f, [True])))


def test_products_behind_a_steep_slope_are_not() -> None:
    f, _ = recorded(lambda x: np.sqrt(np.sum(x * x)), [np.ones(3)])
    small = simplified(straight_pullback(f, [True]))
    assert kinds.scale in applied(small)
    assert checked_run(small, [np.zeros(3), 1.0])[0].tolist() == [0.0, 0.0, 0.0]


def test_programs_that_look_for_nan_are_given_some() -> None:
    f, _ = recorded(lambda x: np.sum(np.where(np.isnan(x), 0.0, x * x)), [np.ones(3)])
    small = simplified(straight_pullback(f, [True]))
    assert checked_run(small, [np.array([2.0, np.nan, 3.0]), 1.0])[0].tolist() == [4.0, 0.0, 6.0]


def test_parameters_that_need_not_be_finite() -> None:
    p, t = Value(F, "p"), Value(F, "t")
    builder = Builder()
    with builder.block([p, t]) as body:
        body.results = builder.atoms([kinds.scale(Symbol(p), Symbol(t))])
    function = Function("f", body)
    assert applied(simplify(function)) == [np.multiply]
    assert applied(simplify(function, [False, True])) == [kinds.scale]


# One by one -----------------------------------------------------------------------------------------------------------------


def listing(write, *types) -> str:
    params = [Value(t, name) for t, name in zip(types, "xyz", strict=False)]
    builder = Builder()
    with builder.block(params) as body:
        body.results = builder.atoms(list(write(builder, *map(Symbol, params))))
    function = Function("f", body)
    verify(function)
    return "\n".join(line.strip() for line in show(simplified(function)).splitlines()[1:])


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (lambda b, x: [x * 1], "return x"),
        (lambda b, x: [1.0 * x + 0.0], "return x"),
        (lambda b, x: [x - 0.0, x / 1], "return x, x"),
        (lambda b, x: [np.negative(-x)], "return x"),
        (lambda b, x: [x * -1], "v1: float64[:] = negative(x)\nreturn v1"),
        (lambda b, x: [0.0 - x], "v1: float64[:] = negative(x)\nreturn v1"),
        (lambda b, x: [x + -np.sin(x)], "v1: float64[:] = sin(x)\nv2: float64[:] = x - v1\nreturn v2"),
        (lambda b, x: [0.0 * x], "v1: float64[:] = 0.0 * x\nreturn v1"),
        (lambda b, x: [kinds.scale(0.0, x)], "v1: float64[:] = zeros_like(x)\nreturn v1"),
        (lambda b, x: [kinds.scale(np.exp(x), np.zeros_like(x)) + x], "return x"),
        (lambda b, x: [np.sin(x) * np.sin(x)], "v1: float64[:] = sin(x)\nv2: float64[:] = v1 * v1\nreturn v2"),
        (lambda b, x: [stores.fit(stores.fit(np.sin(x), x), x)], "v1: float64[:] = sin(x)\nreturn v1"),
        (lambda b, x: [x.shape[0]], "v1: int = extent(x, 0)\nreturn v1"),
        (lambda b, x: [np.cos(np.sin(x)).shape[0]], "v1: int = extent(x, 0)\nreturn v1"),
        (lambda b, x: [np.broadcast_to(x[0], x.shape) * x],
         "v1: float64 = x[0]\nv2: float64[:] = v1 * x\nreturn v2"),
    ],
)  # fmt: skip
def test_identities(write, expected: str) -> None:
    assert listing(write, VECTOR) == expected


def test_numbers_of_pythons_stay_numbers_of_pythons() -> None:
    """``x * 1`` is a scalar of NumPy's, ``x`` a number of Python's, which divides by zero in another way."""
    assert listing(lambda b, x: [x * 1], FLOAT) == "v1: float64 = x * 1\nreturn v1"


def test_known_branches_are_taken() -> None:
    assert listing(lambda b, x: b.if_(True, lambda: [np.sin(x)], lambda: [x]), F) == "v1: float64 = sin(x)\nreturn v1"


def test_results_that_no_branch_changes() -> None:
    assert listing(lambda b, x: b.if_(x > 0, lambda: [x], lambda: [x]), F) == "return x"


def test_unused_parts_of_loops_go() -> None:
    def write(b, x, n):
        def turn(i, s, waste):
            return [s * x, waste + s], [s, waste]

        (s, _), _, _ = b.loop((0, n, 1), [x, 0.0], turn, types=[F, F])
        return [s]

    found = listing(write, F, INT)
    assert "carrying v2: float64 = x:" in found
    assert found.count("next") == 1
    assert "next v5\n" in found or "next v4\n" in found


def test_what_a_loop_does_not_change_is_not_carried() -> None:
    def write(b, x, n):
        (s, y), _, _ = b.loop((0, n, 1), [0.0, x], lambda i, s, y: ([s + y * i, y], []), types=[F, F], test=lambda s, y: s < y)
        return [s, y]

    found = listing(write, F, INT)
    assert "carrying v2: float64 = 0.0:" in found
    assert found.endswith(", x")


def test_unused_loops_and_branches_go() -> None:
    def write(b, x, n):
        b.loop((0, n, 1), [x], lambda i, s: ([s * x], []), types=[F])
        b.if_(x > 0, lambda: [np.sin(x)], lambda: [x])
        return [x]

    assert listing(write, F, INT) == "return x"


def test_effects_and_errors_stay() -> None:
    x = Value(F, "x")
    builder = Builder()
    with builder.block([x]) as body:
        builder.apply(np.positive, (Symbol(x),), effect=True)
        builder.apply(np.positive, (Symbol(x),), effect=True)
        builder.if_(Symbol(x) < 0, lambda: [builder.raise_(ValueError, ("negative",))][:0], list)
        body.results = [x]
    small = simplified(Function("f", body))
    assert applied(small) == [np.positive, np.positive, np.less]
    assert [type(op) for op in small.body.ops] == [Apply, Apply, Apply, If]
    with pytest.raises(ValueError, match="negative"):
        checked_run(small, [-1.0])


def test_what_does_not_change_is_done_before_the_loop() -> None:
    def write(b, x, n):
        (s,), _, _ = b.loop((0, n, 1), [0.0], lambda i, s: ([s + np.sin(x) * i], []), types=[F])
        return [s]

    assert listing(write, F, INT).startswith("v1: float64 = sin(x)\n")


def test_what_may_fail_stays_in_the_loop() -> None:
    x, n = Value(VECTOR, "x"), Value(INT, "n")
    builder = Builder()
    with builder.block([x, n]) as body:
        (s,), _, _ = builder.loop((0, Symbol(n), 1), [0.0], lambda i, s: ([s + Symbol(x)[7]], []), types=[F])
        body.results = builder.atoms([s])
    small = simplified(Function("f", body))
    assert [type(op) for op in small.body.ops] == [Loop]
    assert checked_run(small, [np.zeros(3), 0]) == [0.0]
