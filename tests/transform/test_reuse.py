"""Ways back of loops take over what the way there computed, and the turn in which the greatest number was found."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint._ir.evaluate import run
from adjoint._ir.nodes import Apply, Loop, walk
from adjoint._transform.reuse import reuse
from tests.transform.test_join import programs

POINTS = [
    np.array([0.5, 2.0, -1.0, 1.5, 2.0]), np.array([3.0, 2.0, -1.0, 1.5, 2.0]), np.array([-3.0, 2.0, -1.0, 1.5, 2.5]),
    np.array([0.0, -0.0, 0.0, -1.0]), np.array([1.0]),
]  # fmt: skip


def log_sum_exp(x):
    top, total = x[0], 0.0
    for value in x:
        top = max(top, value)
    for value in x:
        total += math.exp(value - top)
    return top + math.log(total)


def least_square(x):
    least = 0.7
    for i in range(len(x)):
        least = min(least, x[i] * x[i])
    return least * x[0]


def greatest_of_rows(x):
    total = 0.0
    for i in range(3):
        top = x[0]
        for j in range(len(x)):
            top = max(top, x[j] * i)
        total += top * top
    return total


def also_collected(x):
    top, total = x[0], 0.0
    for value in x:
        total += top * value
        top = max(top, value)
    return top + total


def from_the_left(x):
    top = x[0]
    for value in x:
        top = max(value, top)
    return top * top


def used_again(x):
    top = x[0]
    for value in x:
        top = max(top, 2.0 * value - top)
    return top


# Whether a turn is kept, or elementary functions.
CASES = [
    (log_sum_exp, True, True), (least_square, True, False), (greatest_of_rows, True, False), (also_collected, False, False),
    (from_the_left, False, False), (used_again, False, False),
]  # fmt: skip


@pytest.mark.parametrize(("f", "turns", "functions"), CASES, ids=[case[0].__name__ for case in CASES])
def test_what_is_taken_over(f: Callable[..., Any], turns: bool, functions: bool) -> None:
    compiled, function = programs(f)
    changed = compiled.tuning()
    assert any(x.name == "turn" for op in walk(changed.body) if isinstance(op, Loop) for x in op.carried) == turns
    exponentials = [sum(isinstance(op, Apply) and op.function is math.exp for op in walk(p.body)) for p in (function, changed)]
    assert exponentials == ([2, 1] if functions else [0, 0])


@pytest.mark.parametrize("x", POINTS, ids=str)
@pytest.mark.parametrize("f", [case[0] for case in CASES])
def test_values_and_derivatives(f: Callable[..., Any], x: np.ndarray) -> None:
    compiled, function = programs(f)
    value, gradient = run(function, [x])
    for again, other in (run(reuse(function), [x]), run(compiled.tuning(), [x])):
        assert again == value
        np.testing.assert_allclose(other, gradient, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(ad.jit(ad.grad(f), backend="native")(x), gradient, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("f", [log_sum_exp, least_square])
def test_higher_derivatives(f: Callable[..., Any]) -> None:
    x = POINTS[2]
    np.testing.assert_allclose(ad.jit(ad.hessian(f), backend="native")(x), ad.hessian(f)(x), rtol=1e-11, atol=1e-12)


def test_numbers_that_are_none_leave_the_cotangent_where_it_is() -> None:
    x = np.array([1.0, np.nan, 2.0, np.nan])
    gradient = ad.jit(ad.grad(greatest), backend="native")(x)
    np.testing.assert_array_equal(gradient, [0.0, 0.0, 4.0, 0.0])


def greatest(x):
    top = x[0]
    for value in x:
        top = max(top, value)
    return top * top


def test_a_loop_that_is_not_as_long_as_data_keeps_nothing() -> None:
    def f(x, n):
        total = 0.0
        for i in range(n):
            total += math.exp(x * i)
        return math.log(total)

    g = ad.jit(ad.value_and_grad(f), backend="python")
    g(0.5, 4)
    function = g.last.compiled.function  # pyright: ignore[reportAttributeAccessIssue]
    assert reuse(function) is function
