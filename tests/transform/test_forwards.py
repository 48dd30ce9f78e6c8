"""Ways back run forwards where nobody can tell, and carry no array only to make what they read zero."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint._ir.evaluate import run
from adjoint._ir.nodes import Apply, Loop, walk
from adjoint._rules import stores
from adjoint._transform.first_reads import read_first
from adjoint._transform.first_stores import store_first
from adjoint._transform.forwards import forwards
from tests.transform.test_join import X, programs


def log_of_sum(x):
    total = 0.0
    for value in x:
        total += math.exp(value)
    return math.log(total)


def filled(x):
    y = np.empty(len(x))
    y[0] = x[0]
    for i in range(1, len(x)):
        y[i] = x[i] * x[i - 1]
    return np.log(np.sum(y * y))


def filled_and_read_between(x):
    y = np.zeros(len(x))
    for i in range(1, len(x)):
        y[i] = y[i - 1] + x[i] * x[i]
    return np.log(1.0 + y[len(x) - 1])


def overwritten_before(x):
    y = x * x
    y[0] = 3.0 * x[0]
    for i in range(1, len(x)):
        y[i] = math.sin(x[i])
    return np.log(4.0 + np.sum(y))


def written_from_zero(x):
    y = x * x
    for i in range(len(x)):
        y[i] = y[i] * x[i]
    return np.log(20.0 + np.sum(y) + y[0])


def chain(x):
    y = 0.5
    for value in x:
        y = math.sin(y + value)
    return y


# How many ways back run backwards before and after, and whether one carries less.
CASES = [
    (log_of_sum, 1, 0, False), (filled, 1, 0, True), (filled_and_read_between, 1, 1, False),
    (overwritten_before, 1, 0, False), (written_from_zero, 1, 0, False), (chain, 1, 1, False),
]  # fmt: skip


def backwards(function: Any) -> int:
    return sum(isinstance(op, Loop) and op.reverse for op in walk(function.body))


@pytest.mark.parametrize(("f", "before", "after", "fewer"), CASES, ids=[case[0].__name__ for case in CASES])
def test_order_and_what_is_carried(f: Callable[..., Any], before: int, after: int, fewer: bool) -> None:
    _, function = programs(f)
    assert backwards(function) == before
    assert backwards(forwards(function)) == after
    assert (read_first(function) is not function) == fewer


@pytest.mark.parametrize("f", [case[0] for case in CASES])
def test_values_and_derivatives(f: Callable[..., Any]) -> None:
    compiled, function = programs(f)
    for x in (X, X[:2], X[:1]):
        value, gradient = run(function, [x])
        for changed in (forwards(function), read_first(function), store_first(function), compiled.tuning()):
            again, other = run(changed, [x])
            assert again == value
            np.testing.assert_allclose(other, gradient, rtol=1e-13, atol=1e-14)
        np.testing.assert_allclose(ad.jit(ad.grad(f), backend="native")(x), gradient, rtol=1e-13, atol=1e-14)


def weighted(x):
    total = 0.0
    for i in range(len(x)):
        total += x[i] * x[i]
    return np.sqrt(total + 1.0)


def weighted_in_part(x):
    total = 0.0
    for i in range(1, len(x)):
        total += x[i] * x[i]
    return np.sqrt(total + 1.0)


def weighted_twice(x):
    total = 0.0
    for i in range(1, len(x)):
        total += x[i] * x[i - 1]
    return np.sqrt(total + 9.0)


@pytest.mark.parametrize(("f", "zeros", "sums"), [(weighted, 0, 0), (weighted_in_part, 1, 0), (weighted_twice, 1, 2)])
def test_what_is_added_to_zeros_is_stored(f: Callable[..., Any], zeros: int, sums: int) -> None:
    compiled, function = programs(f)
    changed = store_first(function)
    functions = [op.function for op in walk(changed.body) if isinstance(op, Apply)]
    assert (functions.count(np.zeros_like), functions.count(stores.accumulate)) == (zeros, sums)
    for program in (changed, compiled.tuning()):
        np.testing.assert_allclose(run(program, [X])[1], run(function, [X])[1], rtol=1e-14)
    np.testing.assert_allclose(ad.jit(ad.grad(f), backend="native")(X), run(function, [X])[1], rtol=1e-14)
