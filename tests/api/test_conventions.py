"""The conventions of docs/explanation/kinks-and-conventions.md, as a table, each in forward and in reverse mode."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import adjoint as ad


class Convention(NamedTuple):
    name: str
    f: Callable[[Any], Any]
    x: Any
    gradient: Any


def row(*values):
    return np.array(values)


ZERO_WINS = [
    Convention("sqrt, not selected at 0", lambda x: np.where(x > 0, np.sqrt(x), 0.0).sum(), row(0.0, 4.0), row(0.0, 0.25)),
    Convention(
        "sqrt, not selected below 0", lambda x: np.where(x > 0, np.sqrt(np.abs(x)), 0.0).sum(), row(-1.0, 4.0), row(0.0, 0.25)
    ),
    Convention("nan, not selected", lambda x: np.where(x > 0, np.log(x), 0.0).sum(), row(-1.0, 2.0), row(0.0, 0.5)),
    Convention(
        "overflow, not selected",
        lambda x: np.where(x < 700, np.exp(np.minimum(x, 800)), 0.0).sum(),
        row(0.0, 750.0),
        row(1.0, 0.0),
    ),
    Convention("division, not selected", lambda x: np.where(x != 0, 1 / x, 0.0).sum(), row(0.0, 2.0), row(0.0, -0.25)),
    Convention("masked store", lambda x: store_where(x), row(0.0, 4.0), row(0.0, 0.25)),
    Convention("times zero", lambda x: (np.sqrt(x) * 0.0).sum(), row(0.0, 4.0), row(0.0, 0.0)),
    Convention("power with zero base", lambda x: (x**2).sum() + (x**0).sum(), row(0.0, 3.0), row(0.0, 6.0)),
    Convention("math.sqrt times zero", lambda x: math.sqrt(x) * 0.0, 0.0, 0.0),
]


def store_where(x):
    y = np.zeros(2)
    mask = x > 0
    y[mask] = np.sqrt(x)[mask]
    return y.sum()


MINIMUM_NORM = [
    Convention("abs", lambda x: np.abs(x).sum(), row(0.0, -2.0), row(0.0, -1.0)),
    Convention("built-in abs", abs, 0.0, 0.0),
    Convention("complex abs", lambda z: abs(z), 0j, 0j),
    Convention("hypot", lambda x: np.hypot(x[0], x[1]), row(0.0, 0.0), row(0.0, 0.0)),
    Convention("math.hypot", lambda x: math.hypot(x, 0.0), 0.0, 0.0),
    Convention("norm", lambda x: np.linalg.norm(x), row(0.0, 0.0), row(0.0, 0.0)),
    Convention("norm of a matrix", lambda x: np.linalg.norm(x * np.ones((2, 2))), row(0.0, 0.0), row(0.0, 0.0)),
    Convention("root of a sum of squares", lambda x: np.sqrt(np.sum(x * x)), row(0.0, 0.0), row(0.0, 0.0)),
    Convention("root of a dot product", lambda x: np.sqrt(x @ x), row(0.0, 0.0), row(0.0, 0.0)),
    Convention("root of x squared", lambda x: math.sqrt(x * x), 0.0, 0.0),
    Convention("sign", lambda x: np.sign(x).sum(), row(0.0, 1.0), row(0.0, 0.0)),
    Convention("relu", lambda x: np.maximum(x, 0).sum(), row(0.0, 1.0), row(0.5, 1.0)),
]

TIES = [
    Convention("max", np.max, row(1.0, 1.0, 0.0), row(0.5, 0.5, 0.0)),
    Convention("min", np.min, row(1.0, 0.0, 0.0), row(0.0, 0.5, 0.5)),
    Convention("maximum", lambda x: np.maximum(x[0], x[1]), row(2.0, 2.0), row(0.5, 0.5)),
    Convention("minimum", lambda x: np.minimum(x[0], x[1]), row(2.0, 2.0), row(0.5, 0.5)),
    Convention("clip", lambda x: np.clip(x, 0, 1).sum(), row(-1.0, 0.0, 0.5, 1.0, 2.0), row(0.0, 0.5, 1.0, 0.5, 0.0)),
    Convention("median", np.median, row(3.0, 1.0, 2.0, 4.0), row(0.5, 0.0, 0.5, 0.0)),
    Convention("built-in max takes the first", lambda x: max(x[0], x[1]), row(2.0, 2.0), row(1.0, 0.0)),
    Convention(
        "sort keeps the order of equals", lambda x: np.sort(x) @ row(1.0, 2.0, 3.0), row(5.0, 5.0, 1.0), row(2.0, 3.0, 1.0)
    ),
]

COMPLEX = [
    Convention("steepest ascent", lambda z: abs(z) ** 2, 3 + 4j, 6 + 8j),
    Convention("real part", lambda z: z.real, 3 + 4j, 1 + 0j),
    Convention("imaginary part", lambda z: z.imag, 3 + 4j, 1j),
    Convention("angle", lambda z: np.angle(z), 2j, -0.5 + 0j),
    Convention("array", lambda z: np.sum(np.abs(z) ** 2), row(3 + 4j, 1j), row(6 + 8j, 2j)),
    Convention("of real input", lambda x: np.abs(np.exp(1j * x) + 1) ** 2, 0.5, -2 * math.sin(0.5)),
]


@pytest.mark.parametrize("case", [*ZERO_WINS, *MINIMUM_NORM, *TIES, *COMPLEX], ids=lambda case: case.name)
def test_both_modes(case: Convention):
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(ad.grad(case.f)(case.x), case.gradient, rtol=1e-14, atol=1e-300)
        rng = np.random.default_rng(0)
        t = rng.normal(size=np.shape(case.x))
        t = t + 1j * rng.normal(size=np.shape(case.x)) if np.iscomplexobj(case.x) else t
        t = t if np.ndim(case.x) else type(case.x)(t)
        _, slope = ad.jvp(case.f, (case.x,), (t,))
    np.testing.assert_allclose(slope, np.real(np.sum(np.conj(case.gradient) * t)), rtol=1e-13, atol=1e-300)


def test_square_root_at_zero_stays_infinite():
    with np.errstate(all="ignore"):
        assert ad.grad(np.sqrt)(0.0) == np.inf
        assert ad.jvp(np.sqrt, (0.0,), (1.0,))[1] == np.inf


def test_no_warning_comes_from_a_derivative():
    f = lambda x: np.where(x > 0, np.sqrt(np.abs(x)), 0.0).sum()
    with np.errstate(all="raise"):
        ad.grad(f)(row(0.0, 1.0))
        ad.jvp(f, (row(0.0, 1.0),), (row(1.0, 1.0),))


def test_holomorphic_functions_by_option():
    assert ad.grad(lambda z: z**3, holomorphic=True)(1 + 2j) == 3 * (1 + 2j) ** 2
    jacobian = ad.jacobian(lambda z: z * z[::-1], holomorphic=True)(row(1j, 2 + 0j))
    np.testing.assert_allclose(jacobian, [[2, 1j], [2, 1j]])


@pytest.mark.parametrize("dtype", [np.float32, np.complex64, np.float64, np.complex128])
def test_precision_is_preserved(dtype):
    x = np.array([0.5, 1.5], dtype)
    f = lambda x: np.sum(np.abs(np.sin(x) * 2.0 + x / 3) ** 2)
    assert ad.grad(f)(x).dtype == dtype
    y, t = ad.jvp(np.sin, (x,), (np.ones(2, dtype),))
    assert y.dtype == t.dtype == dtype


def test_integers():
    assert ad.grad(lambda x: x**2)(3) == 6.0
    gradient = ad.grad(lambda p: p["x"] * p["n"].sum())({"x": 2.0, "n": np.array([1, 2])})
    assert gradient["x"] == 3.0
    assert not gradient["n"].any()
