"""Indices of triangles, stores of which the last wins, and arrays of a list put together, as machine code."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint._api.jit import Jitted
from adjoint._backend.native import machine
from tests.backend.native.test_contractions import called_back

pytestmark = pytest.mark.skipif(not machine.available(), reason="llvmlite is not installed")


def compiled(f: Any, *args: Any) -> Any:
    """Return what machine code gives, which calls nothing back."""
    jitted = Jitted(f, backend="native")
    y = jitted(*args)
    assert jitted.backend_used == "native"
    assert not called_back(jitted)
    return y


@pytest.mark.parametrize("k", [-6, -2, -1, 0, 1, 2, 6])
@pytest.mark.parametrize("n", [0, 1, 5])
@pytest.mark.parametrize("indices", [np.triu_indices, np.tril_indices])
def test_indices_of_triangles(indices: Any, n: int, k: int) -> None:
    def f(n, k):
        rows, columns = indices(n, k)
        return rows, columns

    for mine, expected in zip(compiled(f, n, k), f(n, k), strict=True):
        np.testing.assert_array_equal(mine, expected)
    for mine, expected in zip(compiled(lambda n: indices(n), n), indices(n), strict=True):
        np.testing.assert_array_equal(mine, expected)


def test_huge_triangles_are_left_to_python() -> None:
    with pytest.raises((ValueError, MemoryError)):
        ad.jit(lambda n: np.triu_indices(n)[0], backend="native")(2**40)


def filled(x):
    """A triangle from a vector, as of the factors of covariances."""
    n = 4
    rows, columns = np.triu_indices(n, 1)
    a = np.zeros((2, n, n))
    a[:, columns, rows] = x
    return np.sum(np.sin(a) @ np.cos(a[0]))


def test_a_triangle_from_a_vector() -> None:
    x = np.random.default_rng(0).normal(size=(2, 6))
    np.testing.assert_allclose(compiled(filled, x), filled(x), rtol=1e-13)
    np.testing.assert_allclose(compiled(ad.grad(filled), x), ad.grad(filled)(x), rtol=1e-12)


@pytest.mark.parametrize("k", [[0, 1, 2], [2, 0, 2], [1, 1, 1], [-1, 2, 0]])
def test_the_last_store_wins(k: list[int]) -> None:
    places = np.array(k)

    def f(x, places):
        a = np.ones((3, 2))
        a[places] = x * x
        b = np.zeros(3)
        b[places] = x[:, 0] * 3.0
        return np.sum(np.sin(a)) + np.sum(b * b)

    x = np.random.default_rng(1).normal(size=(3, 2))
    g = ad.grad(f)
    np.testing.assert_allclose(compiled(g, x, places), g(x, places), rtol=1e-12)


def by_rows(x, n):
    parts = []
    for i in range(n):
        parts.append(x[: i + 1])
    return np.concatenate(parts)


def by_columns(x, n):
    parts = []
    for i in range(n):
        parts.append(x[:, : i + 1])
    return np.concatenate(parts, 1)


def by_last_axis(x, n):
    parts = []
    for i in range(n):
        parts.append(x * i)
    return np.concatenate(parts, axis=-1)


@pytest.mark.parametrize("f", [by_rows, by_columns, by_last_axis])
def test_arrays_of_a_list_put_together(f: Any) -> None:
    x = np.arange(12.0).reshape(3, 4)
    np.testing.assert_array_equal(compiled(f, x, 3), f(x, 3))
    total = lambda x, n: np.sum(np.sin(f(x, n)))
    np.testing.assert_allclose(ad.jit(ad.grad(total), backend="native")(x, 3), ad.grad(total)(x, 3), rtol=1e-12)
    with pytest.raises(ValueError, match="need at least one array"):
        ad.jit(f, backend="native")(x, 0)


def test_arrays_of_a_list_that_do_not_fit() -> None:
    def f(x, n):
        rows = [x]
        for i in range(n):
            rows.append(x[:, : i + 1])
        return np.concatenate(rows)

    with pytest.raises(ValueError, match="must match exactly"):
        ad.jit(f, backend="native")(np.ones((2, 5)), 2)
