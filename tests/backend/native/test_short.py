"""Code for the lengths of short arguments: it is made first, other lengths are not taken for these, and code for any follows."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from adjoint._backend.native import machine, native

pytestmark = pytest.mark.skipif(not machine.available(), reason="LLVM is not there")


def descent(x, rate):
    for _ in range(5):
        x = x - rate * np.sin(x)
    return np.sum(x * x)


def written(x, i):
    x = x * 2.0
    x[i] = x[0] * x[1]
    return np.sum(x)


def mirrored(x, n):
    return np.sum(x) if n == 0 else mirrored(np.concatenate((x, x[::-1])), n - 1) * 0.5


def product(a, b):
    return a @ b


def code(g):
    """Return the machine code of the program that ran last."""
    return g.last.compiled.native


def test_arrays_of_known_lengths_need_no_memory():
    g = ad.jit(descent, backend="native")
    x = np.array([1.0, 0.5])
    assert g(x, 0.1) == pytest.approx(descent(x, 0.1), rel=1e-14)
    assert code(g).lengths == ((2,), None)
    text = machine.optimised(native._module(g.last.compiled.tuning(), lengths=((2,), None))[1])
    outer = text[text.index("define ptr @call(") :]
    assert "@adj.new" not in outer
    assert "@adj.renew" not in outer


@pytest.mark.parametrize("f", [descent, ad.grad(descent)])
def test_other_lengths_let_code_for_any_be_made(f):
    g = ad.jit(f, backend="native")
    for n in (2, 3, 2, 1, 40, 0, 2):
        x = np.linspace(0.1, 1.0, n)
        np.testing.assert_allclose(g(x, 0.1), f(x, 0.1), rtol=1e-13)
        assert g.backend_used == "native"
    assert code(g).lengths is None
    assert g.translations == 1
    assert g.fast is code(g).quick


def test_long_arguments_are_of_any_length():
    g = ad.jit(descent, backend="native")
    g(np.ones(17), 0.1)
    assert code(g).lengths is None


@pytest.mark.parametrize("layout", [lambda x: x[::-1], lambda x: np.repeat(x, 2)[::2], lambda x: x.astype(">f8")])
def test_other_layouts(layout):
    g = ad.jit(descent, backend="native")
    for n in (3, 4):
        x = layout(np.linspace(0.1, 1.0, n))
        assert g(x, 0.1) == pytest.approx(descent(x, 0.1), rel=1e-14)


@pytest.mark.parametrize("f", [written, ad.grad(written)])
def test_stores_and_indices_out_of_bounds(f):
    g = ad.jit(f, backend="native")
    for n in (3, 4):
        x = np.linspace(0.1, 1.0, n)
        np.testing.assert_allclose(g(x, n - 1), f(x, n - 1), rtol=1e-14)
        np.testing.assert_array_equal(x, np.linspace(0.1, 1.0, n))
        with pytest.raises(IndexError):
            g(x, n)


def test_function_that_calls_itself_with_other_lengths():
    for f in (mirrored, ad.grad(mirrored)):
        g = ad.jit(f, backend="native")
        for n in (2, 3):
            np.testing.assert_allclose(g(np.linspace(0.1, 1.0, n), 3), f(np.linspace(0.1, 1.0, n), 3), rtol=1e-14)


def test_lengths_that_do_not_fit_raise_what_numpy_raises():
    g = ad.jit(product, backend="native")
    a = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(g(a, np.ones(3)), product(a, np.ones(3)))
    for b in (np.ones(2), np.ones(4)):
        with pytest.raises(ValueError, match="matmul"):
            g(a, b)
    np.testing.assert_array_equal(g(a.T.copy(), np.ones(2)), product(a.T, np.ones(2)))


@pytest.mark.parametrize("first", [True, False])
def test_argument_that_is_given_twice(first):
    def f(x, y):
        return np.sum(x * np.sin(y))

    for g in (ad.jit(f, backend="native"), ad.jit(ad.grad(f), backend="native")):
        same, other = np.array([1.0, 2.0]), np.array([0.5, 0.1])
        pairs = [(same, same), (same, other), (other, other), (other, same)]
        for x, y in pairs if first else pairs[::-1]:
            np.testing.assert_allclose(g(x, y), g.f(x, y), rtol=1e-14)


FACTOR = 2.0
WEIGHTS = np.array([1.0, 2.0])


def test_hidden_arguments_are_read_at_every_call(monkeypatch):
    def f(x):
        return FACTOR * np.sum(WEIGHTS * x)

    g, x = ad.jit(f, backend="native"), np.array([1.0, 3.0])
    assert [g(x) for _ in range(3)] == [14.0] * 3
    monkeypatch.setitem(globals(), "FACTOR", 3.0)
    assert [g(x) for _ in range(2)] == [21.0] * 2
    monkeypatch.setitem(globals(), "WEIGHTS", np.array([1.0, 2.0, 3.0]))
    assert [g(np.ones(3)) for _ in range(2)] == [18.0] * 2
    monkeypatch.setitem(globals(), "FACTOR", 3)
    assert [g(np.ones(3)) for _ in range(2)] == [18.0] * 2
    monkeypatch.setitem(globals(), "WEIGHTS", [1.0, 2.0, 4.0])
    assert [g(np.ones(3)) for _ in range(2)] == [21.0] * 2


def test_short_axes_of_long_arrays_are_known() -> None:
    def distances(x, centre):
        return np.sqrt(np.sum((x - centre) ** 2, axis=1))

    g = ad.jit(distances, backend="native")
    rng = np.random.default_rng(0)
    for n in (100, 1000, 1):
        x, centre = rng.normal(size=(n, 3)), rng.normal(size=3)
        np.testing.assert_allclose(g(x, centre), distances(x, centre), rtol=1e-13)
        assert code(g).lengths == ((None, 3), (3,))
    for k in (4, 1):  # another number of columns
        x, centre = rng.normal(size=(100, k)), rng.normal(size=k)
        np.testing.assert_allclose(g(x, centre), distances(x, centre), rtol=1e-13)
        assert code(g).lengths is None


def test_only_axes_that_change_are_forgotten_first() -> None:
    def sums(x, y):
        return np.sum(x, axis=0) * np.sum(y)

    g = ad.jit(sums, backend="native")
    rng = np.random.default_rng(0)
    known = []
    for x_shape, y_shape in (((5, 3), (2,)), ((9, 3), (2,)), ((40, 3), (2,)), ((9, 3), (5,)), ((8, 4), (5,))):
        x, y = rng.normal(size=x_shape), rng.normal(size=y_shape)
        for f in (g, ad.jit(ad.jacobian(sums), backend="native")):
            np.testing.assert_allclose(f(x, y), f.f(x, y), rtol=1e-12)
        known.append(code(g).lengths)
    assert known == [((5, 3), (2,)), ((None, 3), (2,)), ((None, 3), (2,)), None, None]


def test_arrays_of_one_row_or_none() -> None:
    g = ad.jit(lambda x, y: x * y + np.sum(y, axis=0), backend="native")
    for first in ((1, 3), (50, 3)):
        for shape in (first, (1, 3), (7, 3), (0, 3), (7, 1)):
            x, y = np.ones(shape), np.full((1, 3), 2.0)
            np.testing.assert_array_equal(g(x, y), x * y + np.sum(y, axis=0))
