"""Functions of NumPy and SciPy as machine code: each row is a program, compared with the same program run by Python.

No program may leave machine code, and none may call Python back, unless the row says so.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.special as sc

pytest.importorskip("llvmlite")

import adjoint as ad
from adjoint._backend.native.module import Module

RNG = np.random.default_rng(7)
X = RNG.normal(size=12)
POSITIVE = RNG.random(12) + 0.1
Row = tuple[Callable[..., Any], tuple[Any, ...]]

SPECIAL: list[Row] = [
    (lambda x: sc.gammaln(x) * 2 + sc.jv(2, x), (POSITIVE,)),
    (lambda x: np.sum(sc.xlogy(x, x) + sc.betainc(2.0, x, 0.3)), (POSITIVE,)),
    (lambda x: sc.expit(x) + sc.erf(x) - sc.erfc(x), (X,)),
    (lambda x: sc.gamma(x) + sc.psi(x), (0.3,)),
    (lambda x: sc.i0(x), (np.arange(4),)),
    (lambda x: math.gamma(x) + math.lgamma(x), (4.3,)),
    (lambda x: ad.grad(lambda x: np.sum(sc.gammaln(x) * sc.ndtr(x)))(x), (POSITIVE,)),
]

SQUARE = RNG.normal(size=(5, 5))
DEFINITE = SQUARE @ SQUARE.T + np.eye(5)
LONG = RNG.normal(size=(40, 30))
LINEAR: list[Row] = [
    (lambda a, b: np.linalg.solve(a, b), (SQUARE, X[:5].copy())),
    (lambda a, b: np.linalg.solve(a.T, b[:5]), (SQUARE, LONG)),
    (lambda a, b: np.linalg.solve(a[::-1, 1:4:1][:3], b[::2][:3]), (SQUARE, X)),
    (lambda a: np.linalg.solve(np.array([[2.0, a], [1.0, 3.0]]), np.array([1, 2])), (0.5,)),
    (lambda a: np.linalg.inv(a) @ np.linalg.inv(a.T), (SQUARE,)),
    (lambda a: np.linalg.det(a), (SQUARE,)),
    (lambda a: np.linalg.det(-a[[1, 0, 2, 3, 4]]), (SQUARE,)),
    (lambda a: np.linalg.det(a), (np.ones((3, 3)),)),
    (lambda a: np.linalg.slogdet(a)[1] + np.linalg.slogdet(-a)[0], (SQUARE,)),
    (lambda a: np.linalg.slogdet(a * 0.0)[1], (SQUARE,)),
    (lambda a: np.linalg.cholesky(a), (DEFINITE,)),
    (lambda a: ad.grad(lambda a: a[0, 0] * np.linalg.slogdet(a)[1])(a), (DEFINITE,)),
    (lambda a, b: ad.grad(lambda a: np.sum(np.sin(np.linalg.solve(a, b))))(a), (SQUARE, X[:5].copy())),
    (lambda a, b: ad.grad(lambda a: np.sum(np.linalg.cholesky(a) @ b))(a), (DEFINITE, X[:5].copy())),
    (lambda a: a @ a.T, (LONG,)),
    (lambda a: a.T @ a, (LONG,)),
    (lambda a: a[:, ::-1] @ a.T[::-1], (LONG,)),
    (lambda a: a[::2].T @ a[1::2] @ a.T, (LONG,)),
    (lambda a: a[:30, :28] @ a[2:30, 1:29], (LONG,)),
    (lambda a, n: a[:n, :28] @ a[2:30, 1:29] @ a[:28], (LONG, 33)),
    (lambda a: a @ a.T, (LONG.astype(np.float32),)),
    (lambda a, n: np.broadcast_to(a[0], (n, 30)) @ a.T, (LONG, 40)),
    (lambda a, n: a[:n] @ a.T, (LONG, 0)),
]

AT = np.array([3, 0, -1, 3, 2])
MASK = X > 0.1
GRADIENT = lambda f: lambda x, *rest: ad.grad(lambda x: np.sum(np.sin(f(x, *rest))))(x)
ARRANGED: list[Row] = [
    (lambda x: np.round(x) + np.round(x, 2) - np.round(10 * x, decimals=-1), (X * 10,)),
    (lambda x: round(x) + 1, (2.5,)),
    (lambda x: (round(x), np.round(x, 1)), (-3.47,)),
    (lambda n: np.eye(n) + np.eye(n, n, 1) - np.eye(n, k=-1) + np.identity(n), (4,)),
    (lambda n: np.eye(3, n, dtype=int), (4,)),
    (lambda a, b: (np.linspace(a, b, 7), np.linspace(a, b), np.linspace(b, a, 1)), (0.1, 3.3)),
    (lambda a, n: np.linspace(a, 2, num=n), (0.1, 0)),
    (lambda x: (np.cumsum(x), np.cumprod(x)), (X,)),
    (lambda x: (np.cumsum(x, axis=0), np.cumsum(x[:, ::2], axis=1)), (LONG,)),
    (lambda x: (np.cumsum(x), np.cumsum(x > 1)), (AT,)),
    (lambda x: (np.argmax(x), np.argmin(x), np.argmin(-x * x)), (X,)),
    (lambda x: (np.argmax(x, axis=0), np.argmin(x, axis=-1), np.argmax(x), np.argmin(x > 0, axis=1)), (LONG,)),
    (lambda x: (np.argmax(x), np.argmin(x)), (np.array([1.0, np.nan, 5.0, np.nan]),)),
    (lambda x: (np.argmax(x), np.argmin(x)), (AT,)),
    (lambda a: (np.diag(a), np.diagonal(a, 1), np.diag(a, -2), np.trace(a), np.trace(a, offset=1), np.diag(a, 50)), (LONG,)),
    (lambda x: np.diag(x) + np.diag(x[:-1], 1) + np.diag(x[1:], -1), (X,)),
    (lambda a: np.tril(a) + np.triu(a, 1) - np.tril(a, -2), (LONG,)),
    (lambda x: (np.roll(x, 1), np.roll(x, -3), np.roll(x, 25), np.roll(x, 0)), (X,)),
    (lambda a, k: (np.roll(a, k, axis=0), np.roll(a[:, ::2], -k, axis=1)), (LONG, 3)),
    (lambda x: (np.repeat(x, 2), np.tile(x, 3), np.repeat(x, 0)), (X,)),
    (lambda x: (np.repeat(x, 2, axis=0), np.repeat(x, 3, axis=1), np.tile(x, (2, 3))), (SQUARE,)),
    (lambda x, i: (np.take(x, i), np.take(x, i, axis=0)), (X, AT)),
    (lambda a, i: (np.take(a, i, axis=0), np.take(a, i, axis=-1), np.take(a, i.reshape(5, 1), axis=1)), (LONG, AT)),
    (lambda a: (np.linalg.norm(a), np.linalg.norm(a, axis=0), np.linalg.norm(a[:, ::2], axis=-1)), (LONG,)),
    (lambda x: (np.reshape(x * 2, (1, 1)), np.ravel(x), np.reshape(x, -1)), (2.5,)),
    (lambda a, n: (a**n, 3**n, a**12, (-2) ** 31), (-7, 9)),
    (lambda x: (x**3, x**13, 2**x), (np.array([1, 5, 0, 3]),)),
    (lambda a: (np.flip(a) @ a.T, np.flip(a, 0) + np.flip(a, axis=1), np.flipud(a) - np.fliplr(a)), (LONG,)),
    (lambda x: x + x[::-1] * np.flip(x), (X,)),
    (lambda a: np.expand_dims(a, (0, -1)) + np.moveaxis(np.expand_dims(a, (0, 1)), (0, 1), (-1, 0)), (LONG,)),
    (lambda x, m: (x[m], x[x > 0.3] * 2, x[~m]), (X, MASK)),
    (lambda a: a[a > 0.3], (LONG,)),
    (lambda a: a[a[:, 0] > 0.3], (LONG,)),
    (lambda x, i: x[i] + x[[0, 1, 2, 3, -1]], (X, AT)),
    (lambda a, i: (a[i], a[i, 1:4], a[:, i], a[2:9, i], a[i, -1], a[0, i]), (LONG, AT)),
    (lambda a, i: (a[i, i], a[i[:, None], i], a[i[:, None], i[:3]], a[i][:, i]), (LONG, AT)),
    (lambda a, i: a[i.reshape(5, 1)[:, [0, 0]]], (LONG, AT)),
]


def stored(x: np.ndarray, m: np.ndarray, i: np.ndarray) -> np.ndarray:
    x = x.copy()
    x[m] = 0.5
    x[x > 1] *= 3.0
    x[~m] = x[~m] * 2
    x[i] = x[:5]
    x[i] += 1.0
    np.add.at(x, i, x[:5])
    return x


def stored_rows(a: np.ndarray, i: np.ndarray, v: np.ndarray) -> np.ndarray:
    a = a.copy()
    a[i] = v
    a[i] += a[:5]
    a[:, i] = a[:, :5] * 2
    a[i, i] = 7.0
    a[i[:, None], i] = v[:5]
    a[i, 3] = v[:5]
    a[[1, 2]] = a[[2, 1]]
    a[a > 1] = -1.0
    np.add.at(a, i, v)
    return a


ARRANGED += [
    (stored, (X, MASK, AT)),
    (stored_rows, (LONG, AT, RNG.normal(size=30))),
    (GRADIENT(lambda x: np.cumsum(x) * np.roll(x, 1)), (X,)),
    (GRADIENT(lambda x, i: x[i] * x[i + 1]), (X, AT)),
    (GRADIENT(lambda x, i: x[i] @ x[:, i]), (LONG @ LONG.T / 30, AT)),
    (GRADIENT(lambda x, m: x[m]), (X, MASK)),
    (GRADIENT(lambda x: np.tril(x) + np.flip(x, 0) + np.trace(x) + np.diag(np.diag(x))), (SQUARE,)),
    (GRADIENT(lambda x: np.tile(x, 2) + np.repeat(x, 2)), (X,)),
]


def assert_same(f: Callable[..., Any], args: tuple[Any, ...], *, rtol: float = 1e-12) -> None:
    """Expect of machine code what Python's program gives."""
    jitted = ad.jit(f, backend="native")
    got, want = jitted(*args), f(*args)
    parts = [(got, want)] if not isinstance(want, tuple) else list(zip(got, want, strict=True))
    for one, other in parts:
        assert type(one) is type(other)
        assert np.asarray(one).dtype == np.asarray(other).dtype
        np.testing.assert_allclose(one, other, rtol=rtol, atol=1e-13)
    assert jitted.last is not None
    compiled = jitted.last.compiled
    assert compiled.native is not None
    module = Module(compiled.native.function)
    module.text()
    assert not module.called_, "it calls Python back"
    assert compiled.native(*args) is not NotImplemented, "it leaves"


@pytest.mark.parametrize(("f", "args"), SPECIAL)
def test_special_functions(f: Callable[..., Any], args: tuple[Any, ...]) -> None:
    assert_same(f, args)


@pytest.mark.parametrize(("f", "args"), LINEAR)
def test_linear_algebra(f: Callable[..., Any], args: tuple[Any, ...]) -> None:
    assert_same(f, args, rtol=1e-5 if args[0].__class__ is np.ndarray and args[0].dtype == np.float32 else 1e-10)


@pytest.mark.parametrize(("f", "args"), ARRANGED)
def test_arranging(f: Callable[..., Any], args: tuple[Any, ...]) -> None:
    assert_same(f, args)


def test_errors_that_special_functions_are_asked_for_are_raised() -> None:
    jitted = ad.jit(lambda x: sc.erfinv(x) * 2, backend="native")
    bad = np.array([0.5, 2.0])
    assert np.isnan(jitted(bad)[1])
    with sc.errstate(all="raise"), pytest.raises(sc.SpecialFunctionError, match="erfinv"):
        jitted(bad)
    np.testing.assert_allclose(jitted(bad), sc.erfinv(bad) * 2)


def test_a_program_without_special_functions_imports_none(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import sys, numpy as np, adjoint as ad\nassert ad.jit(lambda x: np.sin(x) @ x, backend='native')(np.ones(3)) > 0\n"
        "assert not [m for m in sys.modules if m in ('scipy.special', 'scipy.linalg')]\n"
    )
    env = dict(os.environ) | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stderr
