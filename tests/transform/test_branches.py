"""Later branches on one condition take over what earlier ones computed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint._ir.evaluate import run
from adjoint._ir.nodes import Apply, If, walk
from adjoint._transform.branches import share_branches
from adjoint._transform.canonical import canonical
from adjoint._transform.join import join
from tests.transform.test_join import programs

X = np.linspace(-1.0, 1.5, 6)


def by_sign(x):
    """What the way back repeats of the branch, it need not."""
    total = 0.0
    for value in x:
        if value > 0.0:
            y = math.exp(value) * math.sin(value)
        else:
            y = value * value
        total += y * y
    return 0.5 * total


def on_both_sides(x):
    total = 0.0
    for value in x:
        if value > 0.0:
            y = math.sqrt(value)
        else:
            y = math.exp(value)
        total += y * y * y
    return total


def nested(x):
    total = 0.0
    for value in x:
        y = value
        if value > 0.0:
            y = math.exp(value)
            if value > 1.0:
                y = math.log(1.0 + y)
        total += math.sin(y)
    return total


def constants(x):
    total = 0.0
    for value in x:
        y, w = (2.0, math.exp(value)) if value > 0.3 else (math.exp(-value), 3.0)
        total += y * w * value
    return total


def two_conditions(x):
    total = 0.0
    for value in x:
        y = math.exp(value) if value > 0.0 else 1.0
        z = math.exp(value) if value > -0.5 else 1.0
        total += y * z
    return total


def changes_between(x):
    """The second branch has another argument, so that it has nothing to take over."""
    total = 0.0
    for value in x:
        is_high = value > 0.0
        y = math.exp(value) if is_high else 1.0
        z = math.exp(value * y) if is_high else value
        total += y * z
    return total


def without_loop(x):
    y = math.exp(x[0]) if x[0] > 0.0 else math.sin(x[0])
    return y * y * x[1]


# How many elementary functions of the joined program are left.
CASES = [
    (by_sign, 5, 3), (on_both_sides, 4, 2), (nested, 6, 4), (constants, 4, 2), (two_conditions, 4, 2), (changes_between, 4, 2),
]  # fmt: skip
FUNCTIONS = {np.exp, np.sin, np.cos, np.log, np.sqrt}


def elementary(function: Any) -> int:
    return sum(isinstance(op, Apply) and canonical(op.function) in FUNCTIONS for op in walk(function.body))


@pytest.mark.parametrize(("f", "before", "after"), CASES, ids=[case[0].__name__ for case in CASES])
def test_branches_are_not_repeated(f: Callable[..., Any], before: int, after: int) -> None:
    compiled, function = programs(f)
    assert (elementary(join(function)), elementary(compiled.tuning())) == (before, after)


@pytest.mark.parametrize("f", [*[case[0] for case in CASES], without_loop], ids=lambda f: f.__name__)
def test_values_and_derivatives(f: Callable[..., Any]) -> None:
    compiled, function = programs(f)
    joined = join(function)
    for x in (X, X[::-1].copy(), np.array([0.0, -0.0, 1.0]), np.array([0.0, np.nan])):
        value, gradient = run(function, [x])
        for again, other in (run(share_branches(joined), [x]), run(compiled.tuning(), [x])):
            np.testing.assert_array_equal(again, value)
            np.testing.assert_allclose(other, gradient, rtol=1e-13, atol=1e-13)
        np.testing.assert_allclose(ad.jit(ad.grad(f), backend="native")(x), gradient, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("f", [case[0] for case in CASES], ids=lambda f: f.__name__)
def test_higher_derivatives(f: Callable[..., Any]) -> None:
    x = X[:5] * 0.7
    np.testing.assert_allclose(ad.jit(ad.hessian(f), backend="native")(x), ad.hessian(f)(x), rtol=1e-11, atol=1e-12)


def test_a_program_without_such_branches_is_itself() -> None:
    _, function = programs(lambda x: np.sum(np.exp(x)))
    assert share_branches(function) is function


def test_the_program_that_is_printed_stays() -> None:
    compiled, function = programs(by_sign)
    count = [len(op.outputs) for op in walk(function.body) if isinstance(op, If)]
    compiled.tuning()
    assert [len(op.outputs) for op in walk(function.body) if isinstance(op, If)] == count
