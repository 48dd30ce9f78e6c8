"""Programs for the tests of `jit`, and how their results are compared."""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np
import optree

import adjoint as ad

X = np.array([0.5, 1.5, -2.0])
Y = np.array([1.0, -0.5, 0.25])
M = np.array([[0.5, 0.1], [0.2, -0.4], [0.3, 0.7]])


def assert_same(got: Any, want: Any, tolerance: float = 1e-10) -> None:
    """Same structure and types of the leaves, the same numbers."""
    left, form = optree.tree_flatten(got)
    right, own = optree.tree_flatten(want)
    assert form == own
    for a, b in zip(left, right, strict=True):
        assert np.shape(a) == np.shape(b)
        assert np.result_type(a) == np.result_type(b)
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


number: Any = 2.0

# Functions --------------------------------------------------------------------------------------------------------------------


def energy(x: Any) -> Any:
    """A chain with a loop, a branch and a store."""
    work = np.zeros_like(x)
    total = 0.0
    for i in range(len(x)):
        work[i] = np.sin(x[i]) * (x[i - 1] if i > 0 else 1.0)
        if x[i] > 0:
            total += work[i] ** 2
        else:
            total -= work[i] * x[i]
    return total + np.sum(np.exp(-x) * work)


def curve(x: Any) -> Any:
    return np.stack([x[0] * x[1], np.sin(x[2]), x[0] ** 3, x[1] * x[2]])


def scalar(x: Any) -> Any:
    y = x
    while y < 10.0:
        y = y * y + 1.0
    return math.sin(y * 0.1) + x**3


def two(x: Any, y: Any) -> Any:
    return np.sum(x * np.sin(y)) + np.sum(x**2) * y[0]


class Layer(NamedTuple):
    weights: Any
    bias: Any


def network(layers: Any, x: Any) -> Any:
    """Return a loss of a small network, of a list of named tuples and a dict."""
    h = x["input"]
    for layer in layers:
        h = np.tanh(h @ layer.weights + layer.bias)
    return np.sum((h - x["target"]) ** 2)


LAYERS = [Layer(M, np.array([0.1, 0.2])), Layer(M.T @ M, np.array([-0.3, 0.05]))]
DATA = {"input": X, "target": np.array([0.2, -0.1])}


def inner_jvp(x: Any) -> Any:
    y, slope = ad.jvp(energy, (x,), (np.cos(x),))
    return y * slope


def inner_vjp(x: Any) -> Any:
    y, pull = ad.vjp(curve, x)
    (first,) = pull(y)
    (second,) = pull(np.ones_like(y))
    return np.sum(first * second)


def inner_grad(x: Any) -> Any:
    return np.sum(np.sin(ad.grad(energy)(x)))


def inner_linearize(x: Any) -> Any:
    y, push = ad.linearize(curve, x)
    return y @ push(np.sin(x)) + np.sum(push(x))


def inner_stop(x: Any) -> Any:
    return energy(x) * ad.stop_gradient(np.sum(x**2)) + np.sum(ad.stop_gradient(x) * x)


def inner_aux(x: Any) -> Any:
    y, pull, aux = ad.vjp(lambda v: (np.sin(v), v * 2), x, has_aux=True)
    z, push, more = ad.linearize(lambda v: (v**2, v[0]), x, has_aux=True)
    x = x * 0.5
    return np.sum(pull(y)[0] * push(aux)) + np.sum(z * x) * more


def inner_later(x: Any) -> Any:
    """Derivatives at a point, used after the point has changed."""
    x = x.copy()
    _, push = ad.linearize(np.sin, x)
    _, pull = ad.vjp(np.cos, x)
    x[0] = 100.0
    return np.sum(push(np.ones(3)) * pull(np.ones(3))[0]) + x[1] ** 2


def inner_twice(x: Any) -> Any:
    """The same array as two arguments, of which one is differentiated."""
    (g,) = ad.grad(lambda a, b, c: np.sum(a * b**2 * c[0] * c[1]), (1,))(x, x, [x, x])
    h = ad.grad(lambda c: np.sum(c[0] * c[1] ** 3))([x, x])
    return np.sum(g * h[0]) + np.sum(h[1])


def inner_checkpoint(x: Any) -> Any:
    step = ad.checkpoint(lambda v: np.sin(v) * v)
    for _ in range(4):
        x = step(x)
    return np.sum(x)


def inner_jacobian(x: Any) -> Any:
    return np.sum(ad.jacobian(curve)(x) ** 2)


def inner_hessian(x: Any) -> Any:
    return np.sum(np.diag(ad.hessian(energy)(x)))


def inner_vmap(x: Any) -> Any:
    return np.sum(ad.vmap(lambda t: t**3 + t)(x))


def optimiser(x: Any) -> Any:
    """A loop of gradient steps whose number depends on the data."""
    rate, w, k = 0.05, np.zeros_like(x), 0
    g = ad.grad(lambda v: np.sum((v - x) ** 2) + 0.1 * np.sum(np.cos(v)))(w)
    while np.sum(g**2) > 1e-3 and k < 30:
        g = ad.grad(lambda v: np.sum((v - x) ** 2) + 0.1 * np.sum(np.cos(v)))(w)
        w = w - rate * g
        k += 1
    return np.sum(w * x)


def third(x: Any) -> Any:
    return ad.grad(lambda a: ad.grad(lambda b: ad.grad(lambda c: c**5 * a * b)(b) * b)(a))(x)


@ad.custom_jvp
def safe_log(x: Any) -> Any:
    return math.log(max(x, 1e-300))


@safe_log.defjvp
def _safe_log_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (t,) = primals, tangents
    return safe_log(x), t * number / (2.0 * x + 1e-12)


@functools.partial(ad.custom_jvp, nondiff_argnums=(1,))
def power(x: Any, n: Any) -> Any:
    return x**n


@power.defjvp
def _power_jvp(n: Any, primals: Any, tangents: Any) -> Any:
    (x,), (t,) = primals, tangents
    return power(x, n), n * power(x, n - 1) * t


@ad.custom_vjp
def mixed(p: Any, x: Any, flag: Any) -> Any:
    """A function of trees, of which one argument has no derivative and one no cotangent."""
    return {"y": p["a"] * np.sin(x), "z": np.sum(p["b"] * x)}


def _mixed_back(residuals: Any, ct: Any) -> Any:
    p, x, _ = residuals
    bars = {"a": ct["y"] * np.sin(x), "b": np.sum(x) * ct["z"]}
    return bars, ct["y"] * p["a"] * np.cos(x) * number + p["b"] * ct["z"], None


mixed.defvjp(lambda p, x, flag: (mixed(p, x, flag), (p, x, None)), _mixed_back)


@ad.custom_vjp
def held_back(x: Any, y: Any) -> Any:
    return x * y


held_back.defvjp(lambda x, y: (x * y, y), lambda y, ct: (np.clip(ct, -0.5, 0.5) * y, None))


def with_rules(x: Any) -> Any:
    total = 0.0
    for i in range(len(x)):
        if x[i] > 0:
            total = total + safe_log(x[i]) * x[i] + power(x[i], 3)
    y = mixed({"a": x, "b": 2.0}, x * x, 3)
    return total + np.sum(y["y"]) * y["z"]


INNER = (
    *(inner_jvp, inner_vjp, inner_grad, inner_linearize, inner_stop, inner_checkpoint, inner_aux, inner_later, inner_twice),
    *(inner_jacobian, inner_hessian, inner_vmap, optimiser),
)
