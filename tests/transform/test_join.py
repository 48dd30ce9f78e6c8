"""A loop and its way back are one loop where no turn has to wait for the result."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint._api.compiled import Compiled
from adjoint._api.jit import Jitted
from adjoint._ir.evaluate import run
from adjoint._ir.nodes import Function, Loop
from adjoint._transform.join import join

X = np.linspace(-1.0, 1.5, 6)


def squares(x):
    total = 0.0
    for i in range(len(x)):
        total += math.sin(x[i]) ** 2
    return 0.5 * total


def shared_number(x):
    total, w = 0.0, x[0]
    for value in x:
        total += math.exp(w * value)
    return total


def replayed_loop(x):
    total = 0.0
    for i in range(7):
        power, error = 1.0, float(i)
        for j in range(len(x)):
            error -= x[j] * power
            power *= 0.1 * i
        total += error * error
    return 0.5 * total


def overwritten_vector(x):
    total, scores = 0.0, np.zeros(len(x))
    for i in range(4):
        for j in range(len(x)):
            scores[j] = math.exp(x[j] * i)
        for j in range(len(x)):
            total += math.log(1.0 + scores[j] * scores[j - 1])
    return total


def two_sums(x):
    first, second = 0.0, 0.0
    for value in x:
        first += math.exp(2.0 * value)
    for value in x:
        second += math.exp(value)
    return first - second


def waits_for_the_result(x):
    total = 0.0
    for value in x:
        total += math.exp(value)
    return math.log(total)


def waits_for_the_turn_before(x):
    y = 0.0
    for value in x:
        y = math.sin(y + value)
    return y


def partly_overwritten(x):
    total, scores = 0.0, np.zeros(len(x))
    for i in range(4):
        for j in range(len(x) - 1):
            scores[j + 1] = math.exp(x[j] * i) + 0.5 * scores[j]
        total += scores[2]
    return total


def refilled_vector(x):
    total, scores = 0.0, np.zeros(len(x))
    for i in range(4):
        for j in range(len(x)):
            scores[j] = math.exp(x[j] * i) + 0.5 * scores[j - 1]
        total += scores[2] * scores[1]
    return total


def second_sum_of_the_first(x):
    first, second = 0.0, 0.0
    for value in x:
        first += math.sin(value)
    for value in x:
        second += math.exp(value * first)
    return second


def stops(x):
    total = 0.0
    for value in x:
        if value > 1.0:
            break
        total += math.exp(value)
    return total


def user_sum_backwards(x):
    total, weighted = 0.0, 0.0
    for i in range(len(x)):
        total += math.exp(x[i])
    for i in reversed(range(len(x))):
        weighted += math.exp(x[i])
    return total * weighted


# With the number of loops before and after.
CASES = [
    (squares, 2, 1), (shared_number, 2, 1), (replayed_loop, 2, 1), (overwritten_vector, 2, 1), (two_sums, 4, 2),
    (waits_for_the_result, 2, 2), (waits_for_the_turn_before, 2, 2), (partly_overwritten, 2, 2), (refilled_vector, 2, 2),
    (second_sum_of_the_first, 4, 3), (stops, 2, 2), (user_sum_backwards, 4, 4),
]  # fmt: skip


def programs(f: Callable[..., Any]) -> tuple[Compiled, Function]:
    """Return the program of value and gradient, and what it is before loops are joined."""
    jitted = Jitted(ad.value_and_grad(f), backend="python")
    jitted(X)
    assert jitted.last is not None
    return jitted.last.compiled, jitted.last.compiled.function


def loops(function: Function) -> int:
    return sum(isinstance(op, Loop) for op in function.body.ops)


@pytest.mark.parametrize(("f", "before", "after"), CASES, ids=[case[0].__name__ for case in CASES])
def test_loops_are_joined(f: Callable[..., Any], before: int, after: int) -> None:
    compiled, function = programs(f)
    assert loops(function) == before
    assert loops(compiled.tuning()) == after
    for x in (X, X[::-1].copy(), X[:3]):
        (value, gradient), (again, joined) = run(function, [x]), run(compiled.tuning(), [x])
        assert again == value
        np.testing.assert_allclose(joined, gradient, rtol=1e-13, atol=1e-13)


def test_a_joined_program_leaves_the_other_as_it_was() -> None:
    compiled, function = programs(squares)
    listed = [len(op.outputs) for op in function.body.ops]
    assert compiled.tuning() is not function
    assert [len(op.outputs) for op in function.body.ops] == listed


def test_nothing_is_kept_from_the_way_there() -> None:
    compiled, _ = programs(overwritten_vector)
    (loop,) = [op for op in compiled.tuning().body.ops if isinstance(op, Loop)]
    assert not loop.lists
    assert not loop.consumed


def test_what_threads_cannot_share_is_joined_with_nothing() -> None:
    _, function = programs(overwritten_vector)
    assert join(function, divided=True) is function
    _, function = programs(squares)
    assert join(function, divided=True) is not function


@pytest.mark.parametrize("f", [case[0] for case in CASES])
def test_higher_derivatives_of_joined_programs(f: Callable[..., Any]) -> None:
    x = X[:4] * 0.5
    hessian = ad.jit(ad.hessian(f), backend="native")(x)
    np.testing.assert_allclose(hessian, ad.hessian(f)(x), rtol=1e-11, atol=1e-12)
