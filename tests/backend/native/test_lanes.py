"""Arrays with the first axis innermost: which they are, and that all that is done to them is right."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint._api.jit import Jitted
from adjoint._backend.native import lanes, native
from tests.backend.native.test_corpus import assert_equal

X = np.random.default_rng(3).normal(size=11)


def elements(x):
    y = np.zeros((5, 4))
    for i in range(5):
        for j in range(4):
            y[i, j] = math.sin(x[i]) * x[j] + (y[i - 1, j] if i > 0 else 0.0)
    return y[:, 1] * 2.0


def rows_of_rows(x):
    y = np.zeros((6, 3, 4))
    for i in range(1, 6):
        z = np.zeros((3, 4))
        for j in range(3):
            for k in range(4):
                z[j, k] = x[i] * x[j] + x[k]
        y[i] = z
        y[i, 0, 0] += y[i - 1, 2, 3] * x[0]
    return y[5, 2, 3]


def old_version_needed(x):
    y = np.zeros((9, 9))
    y[2, 3] = x[0] ** 2
    z = y.copy()
    for i in range(3):
        y[i, 3] = x[i] * z[2, 3]
    return y[0, 3] + z[2, 3] + y[2, 3]


def chosen(x):
    y = np.zeros((9, 9))
    z = np.zeros((9, 9))
    y[1, 1], z[1, 1] = x[0] * x[1], math.exp(x[2])
    if x[3] > 0:
        y = z
    y[0, 1] = x[4]
    return y[1, 1] * y[0, 1]


def exchanged(x):
    y, z = np.zeros((9, 9)), np.zeros((9, 9))
    for i in range(4):
        y[i, i] = x[i] * 2
        y, z = z, y
        y[0, i] += z[i, i] * x[i]
    return y[0, 1] * z[2, 2] + y[3, 3]


def whole(x):
    y = np.zeros((9, 9))
    for i in range(9):
        y[i, 8 - i] = x[i] ** 3
    return np.sum(y, axis=0)


def kept_in_a_list(x):
    kept = []
    for i in range(3):
        y = np.zeros((9, 9))
        y[i, 2] = x[i] * x[5]
        kept.append(y)
    return kept[1][1, 2] * kept[2][2, 2]


PROGRAMS = [elements, rows_of_rows, old_version_needed, chosen, exchanged, whole, kept_in_a_list]


@pytest.mark.parametrize("f", PROGRAMS)
@pytest.mark.parametrize("operator", [ad.jacfwd, ad.jacrev], ids=["columns", "rows"])
def test_jacobians(f: Callable[..., Any], operator: Any) -> None:
    want = operator(f)(X)
    for backend in ("python", "native"):
        g = ad.jit(operator(f), backend=backend)
        assert_equal(g(X), want)
        assert g.backend_used == backend


@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 17])
def test_any_number_of_directions(n: int) -> None:
    def f(x):
        y = np.zeros((20, 4))
        for i in range(len(x)):
            y[i, 1] = x[i] ** 2 * x[0]
            y[i, 2] += y[i, 1] * x[i]
        return y[:, 2]

    x = np.linspace(0.5, 1.5, n)
    assert_equal(ad.jit(ad.jacfwd(f), backend="native")(x), ad.jacfwd(f)(x))


def test_directions_of_elements_are_laid_out(monkeypatch: pytest.MonkeyPatch) -> None:
    real = lanes.find
    g = Jitted(ad.jacfwd(rows_of_rows), backend="native")
    g(X)
    found: set[str] = set()

    def find(*args: Any) -> Any:
        result = real(*args)
        found.update(value.name for value in result)
        return result

    monkeypatch.setattr(lanes, "find", find)
    native.source(g.last.compiled.function)  # type: ignore[union-attr]
    assert {"y_dot", "z_dot"} <= found


def columns(x):
    y = np.zeros((8, 30))
    for j in range(10):
        y[:, j] = x[j]
    return y


def columns_and_rows(x):
    y = np.zeros((8, 30))
    for j in range(10):
        y[:, j] = x[j]
    y[0] = 2.0
    return y


def test_the_users_own_arrays() -> None:
    for f in (columns, columns_and_rows):
        assert_equal(ad.jit(f, backend="native")(X), f(X))
