"""`vmap` against a Python loop: every batched form, every form of axes, every nesting."""

from __future__ import annotations

import math
import pickle
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import BatchError, EscapedValueError, MissingRuleError

RNG = np.random.default_rng(7)
SIZE = 3
V = RNG.uniform(0.5, 2.0, (SIZE, 4))
M = RNG.uniform(0.5, 2.0, (SIZE, 4, 4)) + 4 * np.eye(4)
R = RNG.uniform(0.5, 2.0, (SIZE, 2, 4))
T = RNG.uniform(0.5, 2.0, (SIZE, 2, 3, 4))
S = RNG.uniform(0.5, 2.0, SIZE)
K = RNG.integers(0, 4, SIZE)
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
    Case("sin",            np.sin, (V,)),
    Case("operators",      lambda x, s: -x ** 2 / (1 + s) // 0.1 % 3.0 + abs(x - s), (V, S)),
    Case("ranks",          lambda x, a: x * a + a[:, :1] - x[1], (V, R)),
    Case("constant",       lambda x: x + CM * x, (V,)),
    Case("comparisons",    lambda x: (x > 1) & (x <= 1.5) | np.isnan(x), (V,)),
    Case("math",           lambda s: math.sin(s) + math.log(s) * math.atan2(s, 2.0) + math.hypot(s, 1.0) + max(0.0, 1.0), (S,)),
    Case("sign",           lambda x: np.sign(x) * np.floor(x), (V,)),
    Case("modf",           np.modf, (V,)),
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
    Case("svd",            lambda a: (np.linalg.svd(a)[1], np.linalg.svd(a, compute_uv=False), np.linalg.norm(a), np.linalg.norm(a, axis=1), np.linalg.norm(a[0], 1),
                                      np.linalg.norm(a, np.inf), np.linalg.vector_norm(a), np.linalg.matrix_norm(a)), (R,)),
    Case("pinv",           lambda a: (np.linalg.pinv(a), np.linalg.multi_dot([a, CM, a.T]), np.cumulative_sum(a[0])), (R,)),
    Case("qr",             np.linalg.qr, (M,)),
    Case("getitem",        lambda a: (a[0], a[-1, 1:], a[..., 2], a[:, None, ::2], a[1, 2, 3], a[:, 1]), (T,)),
    Case("integer arrays", lambda a: (a[[0, 1, 0]], a[:, [0, 2]], a[:, [0, 2], [1, 3]], a[0, :, [1, 3, 1]], a[[0, 1], :, [2, 2]]), (T,)),
    Case("masks",          lambda a: (a[..., MASK], a[:, :, MASK] * 2), (T,)),
    Case("mapped index",   lambda a, i, j: (a[0, 0][i], a[:, :, j], a[:, i % 3], a[i % 2, :, j], a[j % 2, j % 3], a[i % 2, i % 3]), (T, K, J)),
    Case("take",           lambda a, i, j: (np.take(a, [0, 1], axis=2), np.take(a, j), np.take(a, i, axis=-1)), (T, K, J)),
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
    Case("mapped index", store_mapped_index, (V, K)),
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


# One run --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", FORMS + IN_PLACE, ids=lambda case: case.name)
def test_one_run_gives_what_a_loop_gives(case: Case) -> None:
    counted = Counted(case.f)
    agree(ad.vmap(counted)(*case.args), looped(case.f, case.args))
    assert counted.calls == 1


@pytest.mark.parametrize("case", FORMS, ids=lambda case: case.name)
def test_a_batch_of_one_element(case: Case) -> None:
    args = tuple(a[:1] for a in case.args)
    agree(ad.vmap(case.f)(*args), looped(case.f, args))


def test_an_empty_batch() -> None:
    assert ad.vmap(lambda x: np.sum(np.sin(x) * 2))(np.zeros((0, 4))).shape == (0,)
    assert ad.vmap(lambda x: x.reshape(2, -1))(np.zeros((0, 4))).shape == (0, 2, 2)


def test_the_arguments_are_not_written_to() -> None:
    x = V.copy()
    ad.vmap(write_argument)(x)
    np.testing.assert_array_equal(x, V)
    w = CV.copy()
    agree(ad.vmap(written_constant, in_axes=(0, None))(V, w), stacked([written_constant(x, CV.copy()) for x in V]))
    np.testing.assert_array_equal(w, CV)


def test_an_operation_without_a_form_is_applied_to_each_element() -> None:
    counted = Counted(lambda x: np.convolve(x, CV[:2])[1:] * 2 + x)
    agree(ad.vmap(counted)(V), looped(counted.f, (V,)))
    assert counted.calls == 1


def test_functions_without_derivative() -> None:
    counted = Counted(lambda i, j: (np.gcd(i + 4, 6), i << 2, ~j & 3, np.intersect1d(i, i), np.bitwise_count(j)))
    agree(ad.vmap(counted)(K, J), looped(counted.f, (K, J)))
    assert counted.calls == 1
    with pytest.raises(MissingRuleError):
        ad.grad(lambda x: np.sum(ad.vmap(lambda r: np.intersect1d(r, r))(x)))(V)


def test_special_functions() -> None:
    special = pytest.importorskip("scipy.special")
    counted = Counted(lambda x, s: special.gammaln(x) * special.erf(s) + math.erf(s))
    agree(ad.vmap(counted)(V, S), looped(counted.f, (V, S)))
    assert counted.calls == 1


# What one run cannot follow ---------------------------------------------------------------------------------------------------------


def newton(a: Any) -> Any:
    x = a
    while abs(x * x - a) > 1e-12:
        x = (x + a / x) / 2
    return x


def swallowing(x: Any) -> Any:
    try:
        return x if x > 1 else -x
    except Exception:
        return 0 * x


TABLE = np.arange(10.0)
DIVERGING = [
    Case("if", lambda x: -x if x[0] > 1 else x, (V,)),
    Case("while", newton, (S,)),
    Case("range", lambda s: sum(s**k for k in range(int(s * 3))), (S,)),
    Case("max", lambda x: max(x[0], x[1]), (V,)),
    Case("mask", lambda x: np.sum(x[x > 1]), (V,)),
    Case("nonzero", lambda x: np.sum(np.flatnonzero(x > 1)), (V,)),
    Case("table", lambda i: TABLE[i] * 2, (K,)),
    Case("caught", swallowing, (S,)),
    Case("format", lambda s: float(f"{s:.2f}"), (S,)),
    Case("and", lambda x: 1.0 if (x > 0).all() and x[0] > 1 else 2.0, (V,)),
]


@pytest.mark.parametrize("case", DIVERGING, ids=lambda case: case.name)
def test_elements_that_go_different_ways_run_one_by_one(case: Case) -> None:
    counted = Counted(case.f)
    agree(ad.vmap(counted)(*case.args), looped(case.f, case.args))
    assert counted.calls == 1 + SIZE


def test_only_the_vmap_that_diverged_loops() -> None:
    calls = []

    def f(x: Any, y: Any) -> Any:
        calls.append(None)
        return x * y if x > 1 else y

    inner = ad.vmap(f, in_axes=(None, 0))
    expected = np.array([[f(x, y) for y in V[0]] for x in S])
    calls.clear()
    agree(ad.vmap(inner, in_axes=(0, None))(S, V[0]), expected)
    assert len(calls) == 1 + SIZE


# Axes and trees ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3])
@pytest.mark.parametrize("out", [0, 1, -1])
def test_axes(axis: int, out: int) -> None:
    expected = np.moveaxis(np.stack([np.sin(x).T for x in np.moveaxis(M, axis, 0)]), 0, out)
    agree(ad.vmap(lambda x: np.sin(x).T, in_axes=axis, out_axes=out)(M), expected)


def test_axes_of_trees() -> None:
    def f(p: Any, x: Any, *, scale: Any) -> Any:
        return {"y": p["w"] @ x + p["b"], "s": (scale * x[0], p["b"])}

    p = {"w": M, "b": CV}
    expected = stacked([f({"w": M[k], "b": CV}, V[k], scale=S[k]) for k in range(SIZE)])
    agree(ad.vmap(f, in_axes=({"w": 0, "b": None}, 0))(p, V, scale=S), expected)
    agree(ad.vmap(f, in_axes=[{"w": 1, "b": None}, 1])({"w": np.moveaxis(M, 0, 1), "b": CV}, V.T, scale=S), expected)
    given = ad.vmap(f, in_axes=({"w": 0, "b": None}, 0), out_axes={"y": 1, "s": (0, None)})(p, V, scale=S)
    agree(given, {"y": expected["y"].T, "s": [expected["s"][0], CV]})


def test_a_tuple_of_axes_for_a_tuple_of_arrays() -> None:
    agree(ad.vmap(lambda p: p[0] * p[1], in_axes=((0, None),))((V, CV)), V * CV)


def test_axis_size_without_mapped_arguments() -> None:
    agree(ad.vmap(lambda x: 2 * x, in_axes=None, axis_size=2)(CV), np.stack([2 * CV] * 2))


def test_a_vmapped_function_pickles_and_keeps_its_name() -> None:
    mapped = ad.vmap(newton)
    assert mapped.__name__ == "newton"
    assert "vmap" in repr(mapped)
    agree(pickle.loads(pickle.dumps(mapped))(S), mapped(S))


# Nesting ------------------------------------------------------------------------------------------------------------------------------


def smooth(x: Any, a: Any) -> Any:
    y = np.zeros(4)
    y[1:] = np.tanh(a @ x)[1:] * x[0]
    y[0] = math.exp(-x[1])
    row = y[:2]
    row *= x[2]
    return np.sum(y**2) / (1 + np.max(x)) + np.linalg.solve(a, x)[0] + np.sort(x)[1] * x[3]


def vector(x: Any, a: Any) -> Any:
    return np.stack([smooth(x, a), np.sum(x) * smooth(x, a)]) * np.concatenate([x[:1], a[0, 1:2]])


def each(f: Callable[..., Any]) -> Any:
    return stacked([f(x, a) for x, a in zip(V, M, strict=True)])


DERIVATIVES = [
    ("grad", ad.grad),
    ("grad second", lambda f: ad.grad(f, argnums=1)),
    ("grad both", lambda f: ad.grad(f, argnums=(0, 1))),
    ("value_and_grad", ad.value_and_grad),
    ("jvp", lambda f: lambda x, a: ad.jvp(f, (x, a), (np.cos(x), a * a))),
    ("vjp", lambda f: lambda x, a: ad.vjp(f, x, a)[1](2.0)),
    ("hessian", ad.hessian),
    ("grad of grad", lambda f: ad.grad(lambda x, a: np.sum(ad.grad(f)(x, a) ** 2))),
    ("jvp of grad", lambda f: lambda x, a: ad.jvp(lambda x: ad.grad(f)(x, a), (x,), (x,))),
]


@pytest.mark.parametrize(("name", "operator"), DERIVATIVES, ids=[name for name, _ in DERIVATIVES])
def test_derivatives_inside(name: str, operator: Any) -> None:
    counted = Counted(smooth)
    expected = each(operator(smooth))
    agree(ad.vmap(operator(counted))(V, M), expected)


def total(x: Any, a: Any) -> Any:
    return np.sum(ad.vmap(smooth)(x, a) * S)


def total_by_loop(x: Any, a: Any) -> Any:
    return sum(smooth(x[k], a[k]) * S[k] for k in range(SIZE))


OUTSIDE = [
    ("grad", lambda f: ad.grad(f, argnums=(0, 1))(V, M)),
    ("jvp", lambda f: ad.jvp(f, (V, M), (V * V, M))),
    ("hessian", lambda f: ad.hessian(f)(V, M)),
    ("hvp", lambda f: ad.jvp(lambda x: ad.grad(f)(x, M), (V,), (V,))),
    ("jacrev", lambda f: ad.jacrev(lambda x: f(x, M) * x[0])(V)),
]


def listed(y: Any) -> Any:
    return [listed(part) for part in y] if isinstance(y, (tuple, list)) else np.asarray(y)


@pytest.mark.parametrize(("name", "operator"), OUTSIDE, ids=[name for name, _ in OUTSIDE])
def test_derivatives_outside(name: str, operator: Any) -> None:
    agree(listed(operator(total)), listed(operator(total_by_loop)))


@pytest.mark.parametrize("mode", ["forward", "reverse", "auto"])
def test_jacobian_inside(mode: Any) -> None:
    agree(ad.vmap(ad.jacobian(vector, mode=mode))(V, M), each(ad.jacobian(vector, mode=mode)))


def test_vmap_of_vmap() -> None:
    def f(x: Any, y: Any) -> Any:
        z = np.zeros(2)
        z[0] = x * y
        z[1] = np.sin(y)
        return z

    expected = np.array([[f(x, y) for y in V[0]] for x in S])
    agree(ad.vmap(ad.vmap(f, in_axes=(None, 0)), in_axes=(0, None))(S, V[0]), expected)
    agree(ad.vmap(ad.vmap(f, in_axes=(0, None)), in_axes=(None, 0), out_axes=1)(S, V[0]), expected)
    agree(ad.vmap(ad.vmap(lambda r: np.sum(r) * r[::-1]))(T), np.sum(T, (2, 3), keepdims=True) * T[:, :, ::-1])


def test_vmap_of_vmap_of_grad_in_grad() -> None:
    def f(x: Any) -> Any:
        return np.sum(ad.vmap(ad.vmap(ad.grad(lambda r: np.sum(np.sin(r) ** 2))))(x) ** 3)

    x = T[:, :, 0]
    expected = 3 * np.sin(2 * x) ** 2 * 2 * np.cos(2 * x)
    np.testing.assert_allclose(ad.grad(f)(x), expected, rtol=1e-12)


def test_closures_over_outer_values() -> None:
    def f(w: Any) -> Any:
        return np.sum(ad.vmap(lambda x: np.tanh(x @ w) * w[0])(V))

    np.testing.assert_allclose(ad.grad(f)(CV), ad.grad(lambda w: np.sum(np.tanh(V @ w) * w[0]))(CV), rtol=1e-12)


def test_inactive_arrays_take_in_values_of_the_batch() -> None:
    def g(w: Any, x: Any) -> Any:
        y = w * 2
        y[0] = x[1]
        return np.sum(y * y * w)

    counted = Counted(g)
    agree(ad.vmap(ad.grad(counted), in_axes=(None, 0))(CV, V), np.stack([ad.grad(g)(CV, x) for x in V]))
    assert counted.calls == 1


def test_stop_gradient_and_custom_rules() -> None:
    @ad.custom_jvp
    def f(x: Any) -> Any:
        return np.sin(x)

    f.defjvp(lambda primals, tangents: (f(primals[0]), 3.0 * tangents[0]))
    agree(ad.vmap(ad.grad(lambda x: f(x) * ad.stop_gradient(x)))(S), 3 * S)
    agree(ad.grad(lambda x: np.sum(ad.vmap(f)(x)))(S), np.full(SIZE, 3.0))


# Jacobians ------------------------------------------------------------------------------------------------------------------------------


def cube(x: Any) -> Any:
    y = np.zeros((len(x), 3))
    y[:, 0] = x**3
    y[1:, 1] = x[1:] * x[:-1]
    y[:, 2] = np.cumsum(x)
    return y


def rotated(x: Any) -> Any:
    y = 2 * x
    turned = y[::-1]
    turned[:3] *= x[:3]
    table = y.reshape(6, 4)
    table[1] = table[0] * table[2]
    return table.T


BIG = RNG.uniform(0.5, 1.5, 24)
JACOBIANS = [
    ("elementwise", lambda x: np.sin(x) * x[::-1], BIG),
    ("matrix", lambda x: np.outer(x, x) @ x, BIG),
    ("in place", cube, BIG),
    ("selection", lambda x: np.where(x > 1, x**2, np.sort(x)), BIG),
    ("shaped", lambda x: np.linalg.inv(x.reshape(5, 5) + 5 * np.eye(5)), RNG.uniform(size=25)),
    ("spectrum", lambda x: np.linalg.eigvalsh(x.reshape(4, 4) + x.reshape(4, 4).T), RNG.uniform(size=16)),
    ("vectors", lambda x: np.linalg.eigh(x.reshape(4, 4) + x.reshape(4, 4).T)[1] ** 2, RNG.uniform(size=16)),
    ("svd", lambda x: np.linalg.svd(x.reshape(4, 5), full_matrices=False)[0] ** 2, RNG.uniform(size=20)),
    ("cholesky", lambda x: np.linalg.cholesky(positive(x.reshape(4, 4)) + np.eye(4)), RNG.uniform(size=16)),
    ("solve", lambda x: np.linalg.solve(M[0], x.reshape(4, 5)) + np.linalg.det(x.reshape(4, 5)[:, :4]), RNG.uniform(size=20)),
    ("norm", lambda x: x / np.linalg.norm(x) + np.max(x) + np.prod(x), BIG),
    ("fft", lambda x: np.real(np.fft.fft(x)) + np.abs(np.fft.rfft(x, 46)), BIG),
    ("median", lambda x: x * np.median(x) + np.quantile(x, [0.2, 0.7])[0] + np.std(x), BIG),
    ("einsum", lambda x: np.einsum("ij,kj->ik", x.reshape(6, 4), x.reshape(6, 4)), BIG),
    ("views", rotated, BIG),
    ("float32", lambda x: x * np.float32(2) + x[0], BIG.astype(np.float32)),
    ("branch", lambda x: x * x if x[0] > 0 else x, BIG),
    ("constant", lambda x: np.ones(20), BIG),
]


@pytest.mark.parametrize(("name", "f", "x"), JACOBIANS, ids=[name for name, _, _ in JACOBIANS])
@pytest.mark.parametrize("operator", [ad.jacfwd, ad.jacrev, ad.jacobian])
def test_jacobians_at_once_equal_those_one_by_one(name: str, f: Any, x: Any, operator: Any, monkeypatch: Any) -> None:
    counted = Counted(f)
    at_once = operator(counted)(x)
    assert counted.calls == 1
    monkeypatch.setattr(sys.modules["adjoint._api.jacobian"], "FEWEST_FORWARD", 10**9)
    monkeypatch.setattr(sys.modules["adjoint._api.jacobian"], "FEWEST_BACK", 10**9)
    one_by_one = operator(f)(x)
    assert (at_once.shape, at_once.dtype) == (one_by_one.shape, one_by_one.dtype)
    np.testing.assert_allclose(at_once, one_by_one, rtol=1e-6 if x.dtype == np.float32 else 1e-12, atol=1e-14)


def test_jacobians_in_chunks(monkeypatch: Any) -> None:
    expected = ad.jacfwd(cube)(BIG), ad.jacrev(cube)(BIG)
    monkeypatch.setattr(sys.modules["adjoint._api.jacobian"], "CHUNK", 7 * BIG.nbytes)
    agree([ad.jacfwd(cube)(BIG), ad.jacrev(cube)(BIG)], list(expected))


def test_jacobians_of_trees_and_of_complex_functions() -> None:
    def f(p: Any) -> Any:
        return {"a": p["x"] * p["s"], "b": np.sum(p["x"] ** 2)}

    p = {"x": BIG, "s": 2.0}
    forward, back = ad.jacfwd(f)(p), ad.jacrev(f)(p)
    for j in (forward, back):
        np.testing.assert_allclose(j["a"]["x"], 2.0 * np.eye(24))
        np.testing.assert_allclose(j["a"]["s"], BIG)
        np.testing.assert_allclose(j["b"]["x"], 2 * BIG)
        assert j["b"]["s"] == 0
    z = BIG + 1j * BIG[::-1]
    for operator in (ad.jacfwd, ad.jacrev):
        np.testing.assert_allclose(operator(lambda z: z**2, holomorphic=True)(z), np.diag(2 * z))


def test_a_hessian_takes_one_run() -> None:
    counted = Counted(lambda x: np.sum(x[1:] * x[:-1] ** 2))
    h = ad.hessian(counted)(BIG)
    assert counted.calls == 1
    np.testing.assert_allclose(h, h.T)
    np.testing.assert_allclose(np.diag(h)[:-1], 2 * BIG[1:])


# Errors -----------------------------------------------------------------------------------------------------------------------------------

ERRORS = [
    (lambda: ad.vmap(np.add)(V, V[:2]), "axis 0 of argument 0 has length 3; axis 0 of argument 1 has length 2"),
    (lambda: ad.vmap(np.add, in_axes=(0, 1))(V, V), "axis 1 of argument 1 has length 4"),
    (lambda: ad.vmap(np.sin, axis_size=5)(V), "axis_size is 5"),
    (lambda: ad.vmap(np.sin, in_axes=None)(V), "no argument is mapped"),
    (lambda: ad.vmap(np.add, in_axes=(0,))(V, V), "in_axes has 1 entries"),
    (lambda: ad.vmap(lambda p: p["a"], in_axes=({"b": 0},))({"a": V}), "does not match the structure"),
    (lambda: ad.vmap(np.sin, in_axes=((0, 0),))(V), "does not match the structure"),
    (lambda: ad.vmap(np.sin, in_axes=2)(V), "which has no axis 2"),
    (lambda: ad.vmap(np.sin)(2.0), "has no axis 0"),
    (lambda: ad.vmap(np.sin, out_axes=None)(V), "out_axes is None"),
    (lambda: ad.vmap(np.sin, out_axes=3)(V), "out_axes=3"),
    (lambda: ad.vmap(np.sin, out_axes=(0, 0))(V), "out_axes (0, 0) does not match"),
    (lambda: ad.vmap(lambda x: x[x > 1])(V), "cannot be stacked"),
    (lambda: ad.vmap(lambda x: x if x > 0 else -x)(np.zeros(0)), "a batch without elements"),
]


@pytest.mark.parametrize(("call", "message"), ERRORS, ids=[message for _, message in ERRORS])
def test_errors_say_what_does_not_fit(call: Any, message: str) -> None:
    with pytest.raises(BatchError) as caught:
        call()
    assert message in str(caught.value)


def test_errors_of_the_function_itself_pass() -> None:
    with pytest.raises(ZeroDivisionError):
        ad.vmap(lambda x: x / (1 // 0))(V)
    with pytest.raises(ValueError, match="broadcast"):
        ad.vmap(lambda x: x + np.ones(3))(V)
    with pytest.raises(np.exceptions.AxisError):
        ad.vmap(lambda x: np.sum(x, axis=-2))(V)
    with pytest.raises(IndexError):
        ad.vmap(lambda x: x[0, 0])(V)


def test_a_value_that_escapes() -> None:
    kept = []
    ad.vmap(lambda x: kept.append(x) or x)(V)
    with pytest.raises(EscapedValueError):
        kept[0] + 1


@pytest.mark.parametrize("operator", [ad.jacfwd, ad.jacrev, ad.jacobian])
def test_jacobians_of_numbers(operator: Any) -> None:
    j = operator(lambda t: t * t)(3.0)
    assert np.shape(j) == ()
    assert j == 6.0
