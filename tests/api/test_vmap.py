"""`vmap` against a Python loop: every batched form, every form of axes, every nesting."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import BatchError, EscapedValueError

RNG = np.random.default_rng(7)
SIZE = 3
V = RNG.uniform(0.5, 2.0, (SIZE, 4))
M = RNG.uniform(0.5, 2.0, (SIZE, 4, 4)) + 4 * np.eye(4)
R = RNG.uniform(0.5, 2.0, (SIZE, 2, 4))
T = RNG.uniform(0.5, 2.0, (SIZE, 2, 3, 4))
S = RNG.uniform(0.5, 2.0, SIZE)
I = RNG.integers(0, 4, SIZE)
J = RNG.integers(0, 4, (SIZE, 5))
CV, CM, CR, CT = V[0] + 0.25, M[0] + 0.25, R[0] + 0.25, T[0] + 0.25
MASK = np.array([True, False, True, False])


class Case(NamedTuple):
    """A function, and its stacked arguments."""

    name: str
    f: Callable[..., Any]
    args: tuple[Any, ...]


def symmetric(a: Any) -> Any:
    return a + np.transpose(a)


def positive(a: Any) -> Any:
    return a @ np.transpose(a)


# fmt: off
FORMS = [
    Case("sin",            lambda x: np.sin(x), (V,)),
    Case("operators",      lambda x, s: -x ** 2 / (1 + s) // 0.1 % 3.0 + abs(x - s), (V, S)),
    Case("ranks",          lambda x, a: x * a + a[:, :1] - x[1], (V, R)),
    Case("constant",       lambda x: x + CM * x, (V,)),
    Case("comparisons",    lambda x: (x > 1) & (x <= 1.5) | np.isnan(x), (V,)),
    Case("math",           lambda s: math.sin(s) + math.log(s) * math.atan2(s, 2.0) + math.hypot(s, 1.0) + max(0.0, 1.0), (S,)),
    Case("sign",           lambda x: np.sign(x) * np.floor(x), (V,)),
    Case("modf",           lambda x: np.modf(x), (V,)),
    Case("where",          lambda x, s: np.where(x > s, x, 0.0), (V, S)),
    Case("clip",           lambda x: np.clip(x, 0.7, None), (V,)),
    Case("round",          lambda x: np.round(x, 1), (V,)),
    Case("sum",            lambda a: (np.sum(a), a.sum(0), a.sum(-1, keepdims=True), np.sum(a, axis=(0, 2))), (T,)),
    Case("mean",           lambda a: (np.mean(a), np.var(a, axis=1), np.std(a, axis=0, ddof=1), np.median(a, axis=1)), (T,)),
    Case("max",            lambda a: (np.max(a), np.min(a, axis=1), np.prod(a, 0), np.ptp(a, axis=-1)), (T,)),
    Case("any",            lambda a: (np.any(a > 1.9), np.all(a > 0.1, axis=0), np.count_nonzero(a > 1)), (T,)),
    Case("where option",   lambda x: np.sum(x, where=MASK, initial=2.0), (V,)),
    Case("argmax",         lambda a: (np.argmax(a), np.argmin(a, axis=1), np.argmax(a, axis=1, keepdims=True)), (T,)),
    Case("cumsum",         lambda a: (np.cumsum(a), np.cumsum(a, axis=1), np.cumprod(a, axis=-1)), (T,)),
    Case("sort",           lambda a: (np.sort(a), np.sort(a, axis=0), np.sort(a, axis=None), np.argsort(a, axis=1)), (T,)),
    Case("partition",      lambda a: np.sort(np.partition(a, 1, axis=-1)[..., :2]), (T,)),
    Case("quantile",       lambda a: (np.quantile(a, 0.3), np.quantile(a, [0.1, 0.6], axis=1), np.percentile(a, 20, axis=0)), (T,)),
    Case("diff",           lambda a: (np.diff(a), np.diff(a, axis=0), np.gradient(a, axis=1), np.trapezoid(a, axis=-1)), (T,)),
    Case("nan",            lambda a: (np.nansum(a, axis=0), np.nanmax(a), np.nanmean(a, axis=-1)), (np.where(T > 1.9, np.nan, T),)),
    Case("reshape",        lambda a: (a.reshape(6, 4), np.reshape(a, (-1, 2)), a.ravel(), a.reshape(-1, order="F")), (T,)),
    Case("transpose",      lambda a: (a.T, np.transpose(a, (2, 0, 1)), np.swapaxes(a, 0, -1), np.moveaxis(a, -1, 0), a.mT), (T,)),
    Case("moveaxis",       lambda a: (np.moveaxis(a, (0, 1), (1, 2)), np.rollaxis(a, 2), np.rollaxis(a, 0, 3)), (T,)),
    Case("expand_dims",    lambda a: (np.expand_dims(a, 0), np.expand_dims(a, (0, -1)), a[None], a[..., None]), (R,)),
    Case("squeeze",        lambda a: (np.squeeze(a[:1]), np.squeeze(a[:, :1], axis=1), np.squeeze(a[:1], 0)), (R,)),
    Case("broadcast_to",   lambda x, s: (np.broadcast_to(x, (3, 4)), np.broadcast_to(s, (2,))), (V, S)),
    Case("concatenate",    lambda x, a: (np.concatenate([a, x[None], CR]), np.concatenate([a, a], 1), np.concatenate([a, x[None]], None)), (V, R)),
    Case("stack",          lambda x: (np.stack([x, CV, x]), np.stack([x, x], -1), np.vstack([x, CV]), np.hstack([x, 1.0])), (V,)),
    Case("array",          lambda s, x: np.array([[s, 2.0], [x[0], x[1]]]), (S, V)),
    Case("flip",           lambda a: (np.flip(a), np.flip(a, 1), np.fliplr(a), np.flipud(a), np.rot90(a), a[::-1]), (T,)),
    Case("roll",           lambda a: (np.roll(a, 2), np.roll(a, 1, axis=1), np.roll(a, (1, 2), axis=(0, 2))), (T,)),
    Case("repeat",         lambda a: (np.repeat(a, 2), np.repeat(a, 3, axis=1), np.repeat(a, [1, 2], axis=0)), (T,)),
    Case("tile",           lambda a: (np.tile(a, 2), np.tile(a, (2, 1, 1)), np.tile(a, (2, 1, 1, 3))), (R,)),
    Case("pad",            lambda a: (np.pad(a, 1), np.pad(a, ((0, 1), (2, 0)), mode="edge"), np.pad(a, 1, constant_values=3.0)), (R,)),
    Case("diagonal",       lambda a: (np.diagonal(a), np.trace(a, 1), np.diag(a), np.diag(a[0], 1), np.tril(a), np.triu(a, 1)), (M,)),
    Case("split",          lambda x: [*np.split(x, 2), *np.array_split(x, 3)], (V,)),
    Case("meshgrid",       lambda x: np.meshgrid(x, CV), (V,)),
    Case("copies",         lambda a: (np.copy(a), a.copy(), a.astype(np.float32), a.astype(int), a.flatten()), (R,)),
    Case("form",           lambda a: (np.zeros_like(a) + np.shape(a)[1], np.ones_like(a) * a.ndim + len(a) + a.size), (T,)),
    Case("matmul",         lambda a, b, x: (a @ b.T, a @ x, x @ x, b @ x, x @ a, x @ b.T), (M, R, V)),
    Case("matmul left",    lambda a, b, x: (a @ CM, a @ CV, x @ CV, b @ CM, x @ CM), (M, R, V)),
    Case("matmul right",   lambda a, b, x: (CM @ a, CV @ a, CV @ x, CR @ a, CM @ x), (M, R, V)),
    Case("matmul stacks",  lambda a, t: (t @ a, CT @ a, t @ CM, t @ CV, CT @ a[0]), (M, T)),
    Case("dot",            lambda a, x, s, t: (np.dot(a, x), np.dot(s, a), np.dot(x, x), np.dot(t, a), np.dot(CT, a), np.dot(t, CM)), (M, V, S, T)),
    Case("inner",          lambda a, x, t: (np.inner(a, x), np.inner(t, a), np.outer(x, CV), np.outer(CV, a), np.vdot(a, CM)), (M, V, T)),
    Case("tensordot",      lambda a, t: (np.tensordot(t, a, 1), np.tensordot(t, CT, ([0, 2], [0, 2])), np.tensordot(CT, t, 3)), (M, T)),
    Case("einsum",         lambda a, x: (np.einsum("ij,j->i", a, x), np.einsum("ij,jk", a, CM), np.einsum("ii", a), np.einsum("...j,j", a, x)), (M, V)),
    Case("kron",           lambda a, x: (np.kron(a, CR), np.cross(x[:3], CV[:3])), (R, V)),
    Case("solve",          lambda a, x, b: (np.linalg.solve(a, x), np.linalg.solve(a, b), np.linalg.solve(CM, x), np.linalg.solve(CM, b), np.linalg.solve(a, CV)), (M, V, M)),
    Case("inv",            lambda a: (np.linalg.inv(a), np.linalg.det(a), *np.linalg.slogdet(a), np.linalg.matrix_power(a, 2)), (M,)),
    Case("cholesky",       lambda a: np.linalg.cholesky(positive(a)), (M,)),
    Case("eigh",           lambda a: (np.linalg.eigvalsh(symmetric(a)), np.abs(np.linalg.eigh(symmetric(a))[1])), (M,)),
    Case("svd",            lambda a: (np.linalg.svd(a)[1], np.linalg.svd(a, compute_uv=False), np.linalg.norm(a), np.linalg.norm(a, axis=1)), (R,)),
    Case("qr",             lambda a: np.linalg.qr(a), (M,)),
    Case("getitem",        lambda a: (a[0], a[-1, 1:], a[..., 2], a[:, None, ::2], a[1, 2, 3], a[:, 1]), (T,)),
    Case("integer arrays", lambda a: (a[[0, 1, 0]], a[:, [0, 2]], a[:, [0, 2], [1, 3]], a[0, :, [1, 3, 1]], a[[0, 1], :, [2, 2]]), (T,)),
    Case("masks",          lambda a: (a[..., MASK], a[:, :, MASK] * 2), (T,)),
    Case("mapped index",   lambda a, i, j: (a[0, 0][i], a[:, :, j], a[:, i % 3], a[i % 2, :, j], a[j % 2, j % 3], a[i % 2, i % 3]), (T, I, J)),
    Case("take",           lambda a, i, j: (np.take(a, [0, 1], axis=2), np.take(a, j), np.take(a, i, axis=-1)), (T, I, J)),
    Case("take_along",     lambda x: np.take_along_axis(x, np.argsort(x), axis=-1), (V,)),
    Case("select",         lambda x: np.select([x < 1, x < 1.5], [x, x**2], 0.0), (V,)),
    Case("windows",        lambda x: np.lib.stride_tricks.sliding_window_view(x, 2), (V,)),
    Case("fft",            lambda a: (np.fft.fft(a), np.fft.rfft(a, axis=0), np.fft.fft2(a), np.fft.fftn(a), np.fft.fftshift(a)), (R,)),
    Case("complex",        lambda x: (np.real(x * 1j), np.imag(np.exp(1j * x)), np.conj(x * 1j), np.angle(x - 1j)), (V,)),
    Case("interp",         lambda x: np.interp(x, [0.0, 1.0, 2.0], [0.0, 3.0, 1.0]), (V,)),
    Case("unmapped",       lambda x: (2.0, np.ones(2)), (V,)),
    Case("methods",        lambda a: (a.max(0), a.mean(), a.T.dot(a), a.argmax(), a.cumsum(1), a.reshape(4, 2), a.swapaxes(0, 1)), (R,)),
    Case("iteration",      lambda a: sum(row * k for k, row in enumerate(a)), (R,)),
]
# fmt: on


def store_elements(x: Any) -> Any:
    y = np.zeros(4)
    for k in range(len(x)):
        y[k] = x[k] ** 2
    y[1] += x[0]
    return y


def store_parts(x: Any, a: Any) -> Any:
    y = np.zeros((3, 4))
    y[:2] = a
    y[2] = x
    y[:, [0, 2]] *= 2.0
    y[0, MASK] = x[:2]
    y[[0, 1], :] = y[[1, 0], :]
    return y


def store_views(a: Any) -> Any:
    y = 2 * a
    row, turned = y[0], y.T
    row[:] = 1.0
    turned[1] += a[0, 0]
    first = y[0, 1]
    y[0, 1] = 7.0
    return y, first


def store_mapped_index(x: Any, i: Any) -> Any:
    y = np.copy(x)
    y[i] = 9.0
    y[np.argmax(x)] += x[0]
    return y


def store_apart(a: Any) -> Any:
    y = a * 1.0
    y[0, :, [1, 2]] = a[1, :, [0, 3]] + 1
    return y


def write_argument(x: Any) -> Any:
    x[0] = 5.0
    x += 1
    return x


def swap(a: Any) -> Any:
    for k in range(len(a) - 1):
        a[[k, k + 1]] = a[[k + 1, k]]
    return a


def written_constant(x: Any, w: Any) -> Any:
    w[1] = x[0]
    return w * 2


IN_PLACE = [
    Case("elements", store_elements, (V,)),
    Case("parts", store_parts, (V, R)),
    Case("views", store_views, (R,)),
    Case("mapped index", store_mapped_index, (V, I)),
    Case("apart", store_apart, (T,)),
    Case("argument", write_argument, (V,)),
    Case("swap", swap, (R,)),
]


def piece(x: Any, k: int) -> Any:
    return np.copy(x[k]) if np.ndim(x) > 1 else x[k]


def looped(f: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """Return the stacked results of ``f`` called for one element after the other."""
    return stacked([f(*[piece(a, k) for a in args]) for k in range(len(args[0]))])


def stacked(rows: list[Any]) -> Any:
    if isinstance(rows[0], (tuple, list)):
        return [stacked(list(column)) for column in zip(*rows, strict=True)]
    if isinstance(rows[0], dict):
        return {name: stacked([row[name] for row in rows]) for name in rows[0]}
    return np.stack(rows)


def agree(given: Any, expected: Any) -> None:
    if isinstance(expected, (list, tuple)):
        assert len(given) == len(expected)
        for a, b in zip(given, expected, strict=True):
            agree(a, b)
    elif isinstance(expected, dict):
        assert sorted(given) == sorted(expected)
        for name in expected:
            agree(given[name], expected[name])
    else:
        assert type(given) is np.ndarray
        assert given.shape == expected.shape
        assert given.dtype == expected.dtype
        np.testing.assert_allclose(given, expected, rtol=1e-12, atol=1e-13)


class Counted:
    """A function that counts its calls."""

    def __init__(self, f: Callable[..., Any]) -> None:
        self.f, self.calls = f, 0

    def __call__(self, *args: Any) -> Any:
        self.calls += 1
        return self.f(*args)


@pytest.mark.parametrize("case", FORMS + IN_PLACE, ids=lambda case: case.name)
def test_one_run_gives_what_a_loop_gives(case: Case) -> None:
    counted = Counted(case.f)
    agree(ad.vmap(counted)(*case.args), looped(case.f, case.args))
    assert counted.calls == 1
