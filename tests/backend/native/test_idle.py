"""Loops that a cotangent of zero makes idle are passed over, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from adjoint._backend.native import idle, machine, native
from adjoint._backend.options import Options
from adjoint._ir.copying import copied
from adjoint._ir.nodes import If, Loop, walk
from benchmarks.gradbench.problems.kmeans import by_loops, newton_step

pytestmark = pytest.mark.skipif(not machine.available(), reason="LLVM is not there")
X = np.linspace(-1.0, 1.0, 12).reshape(4, 3)
W = np.array([[0.5, -1.0, 0.25], [1.0, 2.0, -0.5]])


def rectified(w, x):
    total = 0.0
    for i in range(len(x)):
        for j in range(len(w)):
            y = 0.0
            for k in range(w.shape[1]):
                y += w[j, k] * x[i, k]
            total += max(y, 0.0) ** 2
    return total


def from_zero(w, x):
    """Cotangents are zero at the start, and not nearby."""
    total = 0.0
    for i in range(len(x)):
        y = 0.0
        for k in range(w.shape[1]):
            y += w[0, k] * x[i, k]
        total += 0.5 * y * y
    return total


def added(w, x):
    y = np.zeros(3)
    for i in range(len(x)):
        scale = w[0, 0] * 0.0
        for k in range(w.shape[1]):
            np.add.at(y, k, scale * x[i, k])
    return np.sum(y)


def guarded(function):
    """Return how many loops of a program stand under a condition that a backend writes."""
    function = copied(function)
    before = sum(isinstance(op, If) for op in walk(function.body))
    idle.guard(function.body)
    return sum(isinstance(op, If) for op in walk(function.body)) - before


@pytest.mark.parametrize(
    ("f", "count"), [(rectified, 0), (ad.grad(rectified), 1), (ad.grad(from_zero), 1), (added, 0), (newton_step(by_loops), 1)]
)
def test_loops_that_may_be_idle(f, count):
    g = ad.jit(f, backend="native")
    np.testing.assert_allclose(g(W, X), f(W, X), rtol=1e-13)
    assert guarded(g.last.compiled.tuning()) == count


def test_second_derivatives_where_a_cotangent_is_zero():
    w = np.zeros((1, 3))
    hessian = ad.jit(ad.hessian(from_zero), backend="native")(w, X)
    np.testing.assert_allclose(hessian.reshape(3, 3), X.T @ X, rtol=1e-14)
    along = ad.jit(lambda w, t: ad.jvp(lambda w: ad.grad(from_zero)(w, X), (w,), (t,))[1], backend="native")
    np.testing.assert_allclose(along(w, np.ones((1, 3))), (X.T @ X).sum(1)[None], rtol=1e-14)
    g = ad.jit(ad.grad(from_zero), backend="native")
    np.testing.assert_allclose(ad.jvp(lambda w: g(w, X), (w,), (np.ones((1, 3)),))[1], (X.T @ X).sum(1)[None], rtol=1e-14)


def test_zero_wins_over_infinite():
    x = X.copy()
    x[0] = -np.inf
    w = np.abs(W)
    found = ad.jit(ad.grad(rectified), backend="native")(w, x)
    np.testing.assert_array_equal(np.isfinite(found), True)
    np.testing.assert_allclose(found, ad.grad(rectified)(w, x), rtol=1e-13)


def test_products_that_a_user_adds_are_not_passed_over():
    x = X.copy()
    x[0, 0] = np.inf
    with np.errstate(all="ignore"):
        assert np.isnan(added(W, x))
        assert np.isnan(ad.jit(added, backend="native")(W, x))


def test_loops_around_are_shared_by_threads_as_before():
    g = ad.jit(newton_step(by_loops), backend="native", parallel=2)
    np.testing.assert_allclose(g(W, X), newton_step(by_loops)(W, X), rtol=1e-13)
    program = g.last.compiled.tuning()
    loops = [op for op in program.body.ops if isinstance(op, Loop)]
    assert len(native._module(program, options=Options(parallel=2))[0].divisions) >= len(loops) > 0
