"""`jit`: when it translates, what it captures, what it changes, and that all operators compose with it."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
import pickle
import runpy
import threading
import time
import types
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import optree
import pytest

import adjoint as ad
from adjoint.errors import AdjointError, MutationError

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


# Read by functions below, and changed by tests.
number: Any = 2.0

# Functions --------------------------------------------------------------------------------------------------------------------------


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


# Operators, outside and inside of jit -----------------------------------------------------------------------------------------------

# What an operator makes of a function, and the arguments of that: the tracing engine says what it should be.
COMPOSED: dict[str, tuple[Callable[[Any], Any], Any, tuple[Any, ...]]] = {
    "grad": (ad.grad, energy, (X,)),
    "grad of a number": (ad.grad, scalar, (0.7,)),
    "grad at a whole number": (ad.grad, scalar, (3,)),
    "grad, argnums=1": (lambda f: ad.grad(f, 1), two, (X, Y)),
    "grad, argnums=-1": (lambda f: ad.grad(f, -1), two, (X, Y)),
    "grad, argnums=(0, 1)": (lambda f: ad.grad(f, (0, 1)), two, (X, Y)),
    "grad, argnums=(1, 0)": (lambda f: ad.grad(f, (1, 0)), two, (X, Y)),
    "grad, has_aux": (lambda f: ad.grad(f, has_aux=True), lambda x: (energy(x), {"a": x * 2, "n": [np.sum(x)]}), (X,)),
    "grad of trees": (lambda f: ad.grad(f, (0, 1)), network, (LAYERS, DATA)),
    "value_and_grad": (ad.value_and_grad, energy, (X,)),
    "value_and_grad of trees": (ad.value_and_grad, network, (LAYERS, DATA)),
    "value_and_grad, has_aux": (lambda f: ad.value_and_grad(f, has_aux=True), lambda x: (scalar(x), x * 2), (0.7,)),
    "jacobian": (ad.jacobian, curve, (X,)),
    "jacobian of a scalar": (ad.jacobian, energy, (X,)),
    "jacobian of a curve": (ad.jacobian, lambda t: np.stack([np.sin(t), t**2]), (0.3,)),
    "jacobian of matrices": (ad.jacobian, lambda a: a.T @ a, (M,)),
    "jacfwd": (ad.jacfwd, curve, (X,)),
    "jacrev": (ad.jacrev, curve, (X,)),
    "jacfwd, argnums=(0, 1)": (lambda f: ad.jacfwd(f, (0, 1)), lambda x, y: x * np.sum(y), (X, Y)),
    "jacrev, argnums=(0, 1)": (lambda f: ad.jacrev(f, (0, 1)), lambda x, y: x * np.sum(y), (X, Y)),
    "jacfwd, has_aux": (lambda f: ad.jacfwd(f, has_aux=True), lambda x: (curve(x), x), (X,)),
    "jacrev, has_aux": (lambda f: ad.jacrev(f, has_aux=True), lambda x: (curve(x), x), (X,)),
    "jacobian of trees": (ad.jacobian, lambda p: {"u": p["a"] * p["b"], "v": p["b"] ** 2}, ({"a": X, "b": 2.0},)),
    "hessian": (ad.hessian, energy, (X,)),
    "hessian of a number": (ad.hessian, scalar, (0.7,)),
    "hessian, argnums=(0, 1)": (lambda f: ad.hessian(f, (0, 1)), two, (X, Y)),
    "hvp": (ad.hvp, energy, (X, Y)),
    "hvp, value_and_grad": (lambda f: ad.hvp(f, value_and_grad=True), energy, (X, Y)),
    "derivative": (ad.derivative, scalar, (0.7,)),
    "derivative of a curve": (ad.derivative, lambda t: np.array([1.0, 2.0]) * np.sin(t), (0.7,)),
    "derivative, order=3": (lambda f: ad.derivative(f, order=3), lambda x: math.exp(x) * x**4, (0.7,)),
    "vmap": (ad.vmap, lambda x: np.sum(np.sin(x)) * x, (M,)),
    "vmap of two": (lambda f: ad.vmap(f, (0, None)), lambda x, y: np.sum(x) * y, (M, X)),
    "vmap, in_axes=1": (lambda f: ad.vmap(f, 1), np.sum, (M,)),
    "vmap, out_axes=1": (lambda f: ad.vmap(f, out_axes=1), np.sin, (M,)),
    "vmap, out_axes=-1": (lambda f: ad.vmap(f, out_axes=-1), np.sin, (M,)),
    "vmap of trees": (lambda f: ad.vmap(f, ({"a": 0, "b": None},)), lambda p: (p["a"] * p["b"], p["b"]), ({"a": M, "b": 2.0},)),
    "vmap, axis_size": (lambda f: lambda x: ad.vmap(f, None, axis_size=3)(x), np.sin, (X,)),
    "vmap, keywords": (lambda f: lambda x: ad.vmap(f)(x, y=M), lambda x, y: x * np.sum(y), (M,)),
    "jacobian of no elements": (ad.jacobian, lambda x: x * 2, (np.ones(0),)),
    "vmap of grad": (lambda f: ad.vmap(ad.grad(f)), energy, (M,)),
    "grad of vmap": (lambda f: ad.grad(lambda x: np.sum(ad.vmap(f)(x))), energy, (M,)),
    "checkpoint": (ad.checkpoint, energy, (X,)),
    "grad of checkpoint": (lambda f: ad.grad(ad.checkpoint(f)), energy, (X,)),
    "holomorphic": (lambda f: ad.grad(f, holomorphic=True), lambda z: z**3 + np.exp(1j * z), (0.3 + 0.4j,)),
    "holomorphic jacobian": (
        lambda f: ad.jacobian(f, holomorphic=True), lambda z: np.stack([z[0] * z[1], np.exp(z[1])]), (np.array([0.3 + 0.4j, 1j]),),
    ),
    "grad of grad": (lambda f: ad.grad(lambda x: np.sum(ad.grad(f)(x) ** 2)), energy, (X,)),
    "grad of grad of grad": (lambda f: ad.grad(ad.grad(ad.grad(f))), scalar, (0.7,)),
    "forward over reverse": (lambda f: lambda x: ad.jvp(ad.grad(f), (x,), (Y,)), energy, (X,)),
    "reverse over forward": (lambda f: ad.grad(lambda x: ad.jvp(f, (x,), (Y,))[1]), energy, (X,)),
    "jacfwd of jacrev": (lambda f: ad.jacfwd(ad.jacrev(f)), curve, (X,)),
    "jacrev of jacfwd": (lambda f: ad.jacrev(ad.jacfwd(f)), curve, (X,)),
    "perturbations kept apart": (lambda f: f, third, (0.8,)),
    **{f"{f.__name__}, value": (lambda f: f, f, (X,)) for f in INNER},
    **{f"{f.__name__}, gradient": (ad.grad, f, (X,)) for f in INNER},
    "optimiser, hvp": (ad.hvp, optimiser, (X, Y)),
    "custom_jvp, value": (lambda f: f, safe_log, (0.7,)),
    "custom_jvp, gradient": (ad.grad, safe_log, (0.7,)),
    "custom_jvp, order=3": (lambda f: ad.derivative(f, order=3), safe_log, (0.7,)),
    "custom_jvp, reverse over reverse": (lambda f: ad.grad(ad.grad(f)), safe_log, (0.7,)),
    "custom_jvp with a fixed argument": (lambda f: ad.value_and_grad(f), power, (0.7, 4)),
    "custom_jvp with a fixed argument, order=3": (lambda f: ad.derivative(f, order=3), power, (0.7, 5)),
    "custom_vjp without a cotangent": (lambda f: ad.jacrev(f, (0, 1)), held_back, (X, Y)),
    "custom_vjp without a cotangent, forward": (lambda f: ad.jacfwd(f, (0, 1)), held_back, (X, Y)),
    "custom rules, value": (lambda f: f, with_rules, (X,)),
    "custom rules, gradient": (ad.grad, with_rules, (X,)),
    "custom rules, forward": (ad.jacfwd, with_rules, (X,)),
    "custom rules, Hessian": (ad.hessian, with_rules, (X,)),
    "custom rules, reverse over reverse": (lambda f: ad.jacrev(ad.grad(f)), with_rules, (X,)),
    "custom rules, reverse over forward": (lambda f: ad.jacrev(ad.jacfwd(f)), with_rules, (X,)),
    "custom rules, inside": (ad.grad, lambda x: np.sum(ad.grad(with_rules)(x) * x), (X,)),
    "custom rules of trees": (lambda f: ad.jacobian(f, (0, 1)), lambda p, x: mixed(p, x, 1), ({"a": Y, "b": 2.0}, X)),
}  # fmt: skip


@pytest.mark.parametrize("name", COMPOSED)
def test_jit_of_the_operator(name: str) -> None:
    operator, f, args = COMPOSED[name]
    g, want = ad.jit(operator(f)), operator(f)(*args)
    assert_same(g(*args), want)
    assert_same(g(*args), want)
    assert g.translations == 1


@pytest.mark.parametrize("name", COMPOSED)
def test_the_operator_of_jit(name: str) -> None:
    operator, f, args = COMPOSED[name]
    assert_same(operator(ad.jit(f))(*args), operator(f)(*args))


@pytest.mark.parametrize("name", COMPOSED)
def test_jit_of_the_operator_of_jit(name: str) -> None:
    operator, f, args = COMPOSED[name]
    assert_same(ad.jit(operator(ad.jit(f)))(*args), operator(f)(*args))


def test_jvp_vjp_and_linearize_of_jit() -> None:
    g = ad.jit(curve)
    assert_same(ad.jvp(g, (X,), (Y,)), ad.jvp(curve, (X,), (Y,)))
    (value, pull), (want, own) = ad.vjp(g, X), ad.vjp(curve, X)
    assert_same((value, pull(want)), (want, own(want)))
    assert_same(pull(2 * want), own(2 * want))
    (value, push), (want, own_push) = ad.linearize(g, X), ad.linearize(curve, X)
    assert_same((value, push(Y), push(X)), (want, own_push(Y), own_push(X)))


def test_jit_of_jit() -> None:
    assert_same(ad.jit(ad.jit(energy))(X), energy(X))
    assert_same(ad.jit(lambda x: ad.jit(energy)(x) * 2)(X), energy(X) * 2)


def test_what_a_jitted_function_finds_around_it_is_differentiated() -> None:
    def outer(w: Any) -> Any:
        return ad.jit(lambda x: w * x + w**2)(2.0)

    assert ad.grad(outer)(3.0) == pytest.approx(8.0)
    assert ad.jit(ad.grad(outer))(3.0) == pytest.approx(8.0)


# When a function is translated ------------------------------------------------------------------------------------------------------

# Arguments one after the other, and how many programs there are after each.
TRANSLATIONS: dict[str, tuple[Callable[..., Any], list[tuple[tuple[Any, ...], int]]]] = {
    "shapes": (energy, [((np.ones(n),), 1) for n in (2, 3, 50, 1, 0)]),
    "values": (scalar, [((0.5,), 1), ((20.0,), 1), ((-1.0,), 1)]),
    "dtypes": (lambda x: x * 2, [((np.ones(2),), 1), ((np.ones(2, np.float32),), 2), ((np.ones(2, complex),), 3), ((np.ones(2),), 3)]),
    "ranks": (np.sum, [((np.ones(2),), 1), ((np.ones((2, 2)),), 2), ((np.ones((3, 1)),), 2), ((np.ones((1, 1, 1)),), 3)]),
    "numbers of Python's and NumPy's": (lambda x: x * 2, [((1.0,), 1), ((np.float64(1.0),), 2), ((1j,), 3), ((np.array(1.0),), 4)]),
    "structures": (lambda p: p[0] * 2, [(([1.0],), 1), (([1.0, 2.0],), 2), (((1.0,),), 3), (({0: 1.0},), 4), (([3.0],), 4)]),
    "whole numbers as symbols": (lambda x, n: x * n + x[n], [((X, 1), 1), ((X, 2), 1), ((X, 0), 1)]),
    "whole numbers as trip counts": (lambda x, n: sum(x * k for k in range(n)), [((X, 1), 1), ((X, 5), 1), ((X, 0), 1)]),
    "whole numbers as axes": (lambda x, n: np.sum(x, axis=n), [((M, 0), 1), ((M, 1), 1), ((M, 0), 1)]),
    "whole numbers that Python needs": (
        lambda x, n: np.reshape(x, (1,) * n + (-1,)), [((M, 0), 1), ((M, 1), 2), ((M, 0), 2), ((M + 1, 1), 2), ((M, 2), 3)],
    ),
    "booleans": (lambda x, flag: x if flag else -x, [((X, True), 1), ((X, False), 2), ((X, True), 2)]),
    "NumPy's booleans": (lambda x, flag: x if flag else -x, [((X, np.True_), 1), ((X, np.False_), 2), ((X, np.True_), 2)]),
    "strings": (lambda x, how: np.sum(x) if how == "sum" else np.max(x), [((X, "sum"), 1), ((X, "max"), 2), ((X, "sum"), 2)]),
    "functions": (lambda f, x: f(x), [((np.sin, X), 1), ((np.cos, X), 2), ((np.sin, Y), 2)]),
    "None": (lambda x, y: x if y is None else x * y, [((X, None), 1), ((X, 2.0), 2), ((X, None), 2)]),
}  # fmt: skip


@pytest.mark.parametrize("name", TRANSLATIONS)
def test_a_program_belongs_to_types_not_to_shapes(name: str) -> None:
    f, calls = TRANSLATIONS[name]
    g = ad.jit(f)
    for args, translations in calls:
        assert_same(g(*args), f(*args))
        assert g.translations == translations


def test_shapes_known_where_python_needs_them() -> None:
    def outer(x: Any) -> Any:
        a, b = np.squeeze(x)
        return a * b

    g = ad.jit(outer)
    for shape in ((2, 1), (1, 2), (2, 1)):
        x = np.array([3.0, 4.0]).reshape(shape)
        assert g(x) == 12.0
    assert g.translations <= 2


def test_the_same_array_twice_is_a_program_of_its_own() -> None:
    def f(a: Any, b: Any) -> Any:
        a[0] = 7.0
        return np.sum(a * b)

    g = ad.jit(f)
    for _ in range(2):
        assert g(np.ones(2), np.full(2, 2.0)) == f(np.ones(2), np.full(2, 2.0)) == 16.0
        x = np.ones(2)
        assert g(x, x) == 50.0
        assert x.tolist() == [7.0, 1.0]
    assert g.translations == 2


def test_keyword_default_and_star_arguments() -> None:
    def f(x: Any, *rest: Any, scale: float = 2.0, **more: Any) -> Any:
        return x * scale + sum(rest) + more.get("shift", 0.0)

    g = ad.jit(f)
    for args, kwargs in [((1.0,), {}), ((1.0, 2.0, 3.0), {}), ((1.0,), {"scale": 5.0}), ((1.0, 2.0), {"shift": 3.0})]:
        assert g(*args, **kwargs) == f(*args, **kwargs)
    assert ad.grad(g)(1.0, scale=4.0) == 4.0


# The world around a function --------------------------------------------------------------------------------------------------------


class Holder:
    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


world = types.SimpleNamespace()
count: Any = 2
array: Any = np.array([1.0, 2.0, 3.0])
table: Any = {"w": np.array([1.0, 1.0, 2.0]), "b": 0.5}
items: Any = [1.0, np.array([2.0, 3.0, 4.0])]
function: Any = np.sin
holder: Any = Holder(w=np.array([1.0, 0.0, 2.0]), inner=Holder(b=1.5), name="a", n=1)


def _replace(name: str, value: Any) -> None:
    globals()[name] = value


# A function, and what changes between its calls.
WORLD: dict[str, tuple[Callable[[Any], Any], list[Callable[[], None]]]] = {
    "float": (lambda x: x * number, [lambda: _replace("number", 3.0), lambda: _replace("number", np.float64(0.5))]),
    "float becomes complex": (lambda x: x * number, [lambda: _replace("number", 3j)]),
    "float becomes array": (lambda x: x * number, [lambda: _replace("number", np.array([1.0, 2.0, 3.0]))]),
    "int": (lambda x: x * count, [lambda: _replace("count", 3), lambda: _replace("count", 2)]),
    "int as a trip count": (lambda x: sum(x * k for k in range(count)), [lambda: _replace("count", 5)]),
    "int becomes float": (lambda x: x * count, [lambda: _replace("count", 2.0)]),
    "array": (lambda x: x * array, [lambda: _replace("array", np.ones(3)), lambda: array.__setitem__(1, 9.0)]),
    "array of another rank": (lambda x: x * np.sum(array), [lambda: _replace("array", np.ones((3, 2)))]),
    "array of another dtype": (lambda x: x * np.sum(array), [lambda: _replace("array", np.ones(3, np.complex64))]),
    "dict": (
        lambda x: x * table["w"] + table["b"],
        [
            lambda: table.__setitem__("w", np.ones(3)), lambda: table.__setitem__("b", 1), lambda: table.__setitem__("c", 1),
            lambda: _replace("table", {"w": X, "b": 2.0}),
        ],
    ),
    "list": (
        lambda x: x * items[0] + items[-1],
        [lambda: items.__setitem__(0, 5.0), lambda: items.append(7.0), lambda: items.pop()],
    ),
    "function": (lambda x: function(x), [lambda: _replace("function", np.cos), lambda: _replace("function", lambda t: t * number)]),
    "attributes": (
        lambda x: x * holder.w * holder.inner.b * holder.n,
        [
            lambda: setattr(holder, "w", X), lambda: setattr(holder.inner, "b", 4.0), lambda: setattr(holder, "n", 3),
            lambda: setattr(holder, "inner", Holder(b=8.0)), lambda: _replace("holder", Holder(w=2.0, inner=Holder(b=1), n=2)),
        ],
    ),
    "string": (lambda x: x if holder.name == "a" else -x, [lambda: setattr(holder, "name", "b")]),
    "module": (lambda x: world.module.scale * x, [lambda: setattr(world.module, "scale", 5.0)]),
}  # fmt: skip


@pytest.mark.parametrize("name", WORLD)
def test_changes_of_the_world_are_seen_at_the_next_call(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    f, changes = WORLD[name]
    fresh = {
        "number": 2.0, "count": 2, "array": np.array([1.0, 2.0, 3.0]), "table": {"w": np.array([1.0, 1.0, 2.0]), "b": 0.5},
        "items": [1.0, np.array([2.0, 3.0, 4.0])], "function": np.sin,
        "holder": Holder(w=np.array([1.0, 0.0, 2.0]), inner=Holder(b=1.5), name="a", n=1),
    }  # fmt: skip
    for key, value in fresh.items():
        monkeypatch.setitem(globals(), key, value)
    world.module = types.ModuleType("module")
    world.module.scale = 2.0
    g = ad.jit(f)
    slope = ad.jit(ad.grad(lambda x: np.real(np.sum(f(x)))))
    assert_same(g(X), f(X))
    for change in (lambda: None, *changes):
        change()
        assert_same(g(X), f(X))
        assert_same(slope(X), ad.grad(lambda x: np.real(np.sum(f(x))))(X))


def test_floats_and_arrays_around_a_function_do_not_translate_again(monkeypatch: pytest.MonkeyPatch) -> None:
    g = ad.jit(lambda x: x * number + array)
    for k in range(3):
        monkeypatch.setitem(globals(), "number", float(k))
        monkeypatch.setitem(globals(), "array", np.full(3, float(k)))
        assert_same(g(X), X * k + k)
    assert g.translations == 1


def test_free_variables_and_defaults() -> None:
    scale, weights = 2.0, np.ones(3)

    def f(x: Any, shift: Any = np.array([1.0, 2.0, 3.0]), factor: float = 3.0) -> Any:  # noqa: B008
        return x * scale * factor + weights + shift

    g = ad.jit(f)
    assert_same(g(X), f(X))
    scale, weights = 5.0, np.zeros(3)
    assert_same(g(X), f(X))
    f.__defaults__[0][1] = 50.0  # type: ignore[index]
    assert_same(g(X), f(X))
    assert g.translations == 1


# Arguments that are changed ---------------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Body:
    position: Any
    log: Any


def _moved(body: Any) -> Any:
    body.position = body.position + 1.0
    body.log.append(np.sum(body.position))
    return body


def _gradient_of_a_change(bodies: Any) -> Any:
    """Differentiate, within the function, one that changes what it is given."""

    def f(bodies: Any) -> Any:
        bodies[0].log.append(2.0)
        bodies[0].position[0] = 3.0
        bodies.append(bodies[0].log[0])
        bodies[0].log = bodies[0].log[-1] * bodies[1]
        return np.sum(bodies[0].position ** 2) * bodies[0].log

    return ad.grad(f)(bodies)[0].position


def _written(x: Any) -> Any:
    x *= 2.0
    return np.sum(x**2) * x


def _swapped(p: Any) -> Any:
    p["a"], p["b"] = p["b"], p["a"]
    p["c"] = p["a"] * 2
    return p["c"]


def _list_of_arrays(arrays: Any) -> Any:
    for a in arrays:
        a *= 2.0
    arrays.append(arrays[0])
    return arrays[-1]


# Functions that change their arguments.
CHANGED: dict[str, tuple[Callable[..., Any], Callable[[], tuple[Any, ...]]]] = {
    "an array, by index": (lambda x: x.__setitem__(0, 5.0), lambda: (X.copy(),)),
    "an array, by an operator": (lambda x: np.multiply(x, 2.0, out=x), lambda: (X.copy(),)),
    "an array, through a view": (lambda x: x[1:].__setitem__(slice(None), 0.0), lambda: (X.copy(),)),
    "a list": (lambda x: x.append(x[0] * 2), lambda: ([1.0, 2.0],)),
    "a list of arrays": (_list_of_arrays, lambda: ([X.copy(), Y.copy()],)),
    "a dict": (_swapped, lambda: ({"a": X.copy(), "b": 2.0},)),
    "an object": (_moved, lambda: (Body(X.copy(), [0.0]),)),
    "an array, within a gradient": (ad.grad(lambda x: _written(x)[0]), lambda: (X.copy(),)),
    "an array, within a Jacobian": (ad.jacobian(_written), lambda: (X.copy(),)),
    "an array, within a Jacobian by rows": (ad.jacrev(_written), lambda: (X.copy(),)),
    "within a derivative": (_gradient_of_a_change, lambda: ([Body(X.copy(), [0.5])],)),
    "nested": (lambda t: t[0]["a"].pop(), lambda: (({"a": [1.0, 2.0]}, 1.0),)),
}


def _numbers(x: Any) -> Any:
    if isinstance(x, list):
        return [_numbers(part) for part in x]
    return dataclasses.asdict(x) if isinstance(x, Body) else x


@pytest.mark.parametrize("name", CHANGED)
def test_arguments_are_changed_as_python_changes_them(name: str) -> None:
    f, make = CHANGED[name]
    g = ad.jit(f)
    for _ in range(2):
        args, own = make(), make()
        value, want = g(*args), f(*own)
        assert_same(_numbers(value), _numbers(want))
        for a, b in zip(args, own, strict=True):
            assert_same(_numbers(a), _numbers(b))
        assert g.translations == 1


# Functions that return, or store, what the caller gave them: where the very objects are found.
OWN: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "an array": (lambda x, _: x, lambda x, _, y: y is x),
    "an array that is written to": (lambda x, _: x.__iadd__(1.0), lambda x, _, y: y is x and x[0] == 1.5),
    "a pair": (lambda x, _: (x, x * 2), lambda x, _, y: y[0] is x),
    "an array in a list of the caller's": (lambda x, box: box.append(x), lambda x, box, _: box[-1] is x),
    "a view": (lambda x, _: x[1:], lambda x, _, y: np.shares_memory(x, y)),
}


@pytest.mark.parametrize("name", OWN)
def test_what_the_caller_gave_is_what_comes_back(name: str) -> None:
    f, holds = OWN[name]
    for run in (f, ad.jit(f)):
        x, box = X.copy(), []
        y = run(x, box)
        assert holds(x, box, y)


@pytest.mark.parametrize(
    "arguments",
    [lambda x: (x[:2], x[1:]), lambda x: (x[:2], x[1::-1]), lambda x: (x.reshape(3, 1)[:, 0], x)],
    ids=["shifted", "reversed", "another view"],
)
def test_overlapping_arrays_that_are_written_to_are_refused(arguments: Callable[[Any], Any]) -> None:
    def f(a: Any, b: Any) -> Any:
        a[0] = b[-1] * 2
        return np.sum(a) + np.sum(b)

    with pytest.raises(MutationError, match="copy"):
        ad.jit(f)(*arguments(X.copy()))
    assert ad.jit(lambda a, b: np.sum(a) * b[0])(X[:2], X[1:]) == np.sum(X[:2]) * X[1]


# Errors -----------------------------------------------------------------------------------------------------------------------------


def checked(x: Any) -> Any:
    if x < 0.0:
        raise ValueError(f"negative: {x}")
    assert x != 1.0, "one"
    return math.sqrt(x)


@pytest.mark.parametrize(("x", "error", "text"), [(-2.0, ValueError, "negative: -2.0"), (1.0, AssertionError, "one")])
def test_exceptions_of_the_users_surface(x: float, error: type[Exception], text: str) -> None:
    for g in (checked, ad.jit(checked), ad.jit(ad.grad(checked)), ad.grad(ad.jit(checked))):
        with pytest.raises(error) as caught:
            g(x)
        assert str(caught.value).partition("\n")[0] == text


def broken(x: Any, y: Any) -> Any:
    z = x * 2
    return np.sum((z @ y) ** 2)


def test_an_error_in_a_program_names_the_line_of_the_user() -> None:
    line = broken.__code__.co_firstlineno + 2
    for g in (ad.jit(broken), ad.jit(ad.grad(broken))):
        assert g(X, Y) is not None
        with pytest.raises(ValueError, match="matmul") as caught:
            g(X, np.ones(5))
        assert any(f"{__file__}:{line}" in note for note in caught.value.__notes__)


def test_a_refusal_shows_file_line_caret_reason_and_remedy() -> None:
    def f(x: Any) -> Any:
        y = x * 2

        async def later() -> None: ...

        return y

    with pytest.raises(AdjointError) as caught:
        ad.jit(f)(1.0)
    text = str(caught.value)
    assert f"{__file__}:{f.__code__.co_firstlineno + 2}" in text
    assert "\n              async def later() -> None: ...\n              ^" in text
    assert "^" in text
    assert "remedy: " in text


# Functions whose results would hold values of the program after it has ended.
ESCAPES: dict[str, Callable[[Any], Any]] = {
    "a function": lambda x: lambda y: x * y,
    "a method": lambda x: Body(x, []).__eq__,
    "a partial": lambda x: functools.partial(np.add, x),
    "a generator": lambda x: (2 * y for y in x),
    "an iterator": iter,
    "a map": lambda x: map(np.sin, x),
    "a zip": lambda x: zip(x, x, strict=True),
    "within a tree": lambda x: [1.0, {"f": lambda y: x * y}],
}


@pytest.mark.parametrize("name", ESCAPES)
def test_values_of_the_program_do_not_escape(name: str) -> None:
    with pytest.raises(AdjointError, match="translated"):
        ad.jit(ESCAPES[name])(X)


def test_a_call_that_cannot_be_translated_is_refused_with_its_line() -> None:
    def f(x: Any) -> Any:
        return x * time.perf_counter()

    with pytest.raises(AdjointError, match="is not translated") as caught:
        ad.jit(f)(1.0)
    assert f"{__file__}:{f.__code__.co_firstlineno + 1}: return x * time.perf_counter()" in str(caught.value)


def test_fallback_warns_once_and_is_right() -> None:
    def f(x: Any) -> Any:
        return np.sum(x**2) + 0.0 * time.perf_counter()

    g = ad.jit(f, fallback=True)
    with pytest.warns(UserWarning, match="tracing engine") as record:
        assert g(X) == f(X)
    assert len(record) == 1
    assert record[0].filename == __file__
    assert_same(ad.grad(g)(X), 2 * X)
    assert g(Y) == f(Y)


def test_unknown_backends_and_objects_are_refused() -> None:
    with pytest.raises(ValueError, match="backend"):
        ad.jit(energy, backend="fortran")
    with pytest.raises(TypeError, match="jit expects a function"):
        ad.jit(3.0)  # type: ignore[arg-type]
    with pytest.raises(AdjointError, match="never called"):
        ad.source(ad.jit(energy))


# Kinds of functions -----------------------------------------------------------------------------------------------------------------


class Model:
    scale = 2.0

    def __init__(self, w: Any) -> None:
        self.w = w

    def loss(self, x: Any) -> Any:
        return np.sum(self.w * x) * self.scale

    @ad.jit
    def decorated(self, x: Any) -> Any:
        return np.sum(self.w * x) * self.scale

    @staticmethod
    def static(x: Any) -> Any:
        return np.sum(x**2)

    @classmethod
    def of_class(cls, x: Any) -> Any:
        return cls.scale * np.sum(x)

    @property
    def double(self) -> Any:
        return self.w * 2

    def with_property(self, x: Any) -> Any:
        return np.sum(self.double * x)

    def __call__(self, x: Any) -> Any:
        return np.sum(self.w * x**2)


class Compiled:
    """What `numba.njit` makes of a function keeps that."""

    def __init__(self, f: Callable[..., Any]) -> None:
        self.py_func = f

    def __call__(self, *args: Any) -> Any:
        raise AssertionError("the compiled function is not called")


@functools.cache
def cached(n: float) -> float:
    return n**2 + 1.0


@functools.wraps(energy)
def wrapped(x: Any) -> Any:
    return energy(x) * 2


KINDS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "lambda": (lambda x: np.sum(x**3), lambda x: np.sum(x**3)),
    "method": (Model(Y).loss, lambda x: np.sum(Y * x) * 2.0),
    "decorated method": (Model(Y).decorated, lambda x: np.sum(Y * x) * 2.0),
    "static method": (Model.static, lambda x: np.sum(x**2)),
    "class method": (Model.of_class, lambda x: 2.0 * np.sum(x)),
    "method with a property": (Model(Y).with_property, lambda x: np.sum(2 * Y * x)),
    "callable object": (Model(Y), lambda x: np.sum(Y * x**2)),
    "partial": (functools.partial(two, y=Y), lambda x: two(x, Y)),
    "partial of a partial": (functools.partial(functools.partial(two), y=Y), lambda x: two(x, Y)),
    "NumPy's function": (np.sum, np.sum),
    "compiled": (Compiled(energy), energy),
    "cached within": (lambda x: np.sum(x) * cached(x[0]), lambda x: np.sum(x) * (x[0] ** 2 + 1.0)),
    "wrapped": (wrapped, lambda x: energy(x) * 2),
}


@pytest.mark.parametrize("name", KINDS)
def test_kinds_of_functions(name: str) -> None:
    f, plain = KINDS[name]
    assert_same(ad.jit(f)(X), plain(X))
    assert_same(ad.jit(ad.grad(f))(X), ad.grad(plain)(X))
    assert_same(ad.grad(ad.jit(f))(X), ad.grad(plain)(X))


def test_attributes_of_self_are_read_at_every_call() -> None:
    model = Model(Y)
    g = ad.jit(model.loss)
    assert g(X) == pytest.approx(model.loss(X))
    model.w, model.scale = X, 7.0
    assert g(X) == pytest.approx(model.loss(X))


# A good citizen ---------------------------------------------------------------------------------------------------------------------


def test_it_keeps_name_and_docstring_and_prints_itself() -> None:
    g = ad.jit(energy)
    assert (g.__name__, g.__doc__) == ("energy", energy.__doc__)
    assert repr(g) == "adjoint.jit(energy)"


@pytest.mark.parametrize("make", [lambda: ad.jit(energy), lambda: ad.jit(ad.grad(energy)), lambda: ad.grad(ad.jit(energy))])
def test_pickles(make: Callable[[], Any]) -> None:
    g = make()
    want = g(X)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        copy = pickle.loads(pickle.dumps(g, protocol))
        assert_same(copy(X), want)
        assert repr(copy) == repr(g)


def test_threads_translate_and_call_at_the_same_time() -> None:
    g = ad.jit(ad.value_and_grad(network))
    barrier = threading.Barrier(4)

    def run(k: int) -> Any:
        barrier.wait()
        layers = [Layer(layer.weights * k, layer.bias) for layer in LAYERS]
        return [g(layers, DATA) for _ in range(50)]

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(run, range(4)))
    for k, found in enumerate(results):
        layers = [Layer(layer.weights * k, layer.bias) for layer in LAYERS]
        want = ad.value_and_grad(network)(layers, DATA)
        for one in found:
            assert_same(one, want)


def test_results_and_arguments_are_not_kept_alive() -> None:
    import gc
    import weakref

    class Array(np.ndarray):
        pass

    g = ad.jit(lambda p: {"y": p["x"] * 2})
    x = np.ones(3)
    alive = [weakref.ref(x), weakref.ref(g({"x": x})["y"])]
    g({"x": x})
    del x
    gc.collect()
    assert [ref() for ref in alive] == [None, None]


def test_calls_do_not_share_results() -> None:
    g = ad.jit(lambda x: (np.zeros(3), [x * 2]))
    first, second = g(X), g(X)
    first[0][:] = 7.0
    first[1].append(1.0)
    assert_same(second, (np.zeros(3), [X * 2]))


# Source and export ------------------------------------------------------------------------------------------------------------------


def test_source_tells_the_program_of_the_last_call() -> None:
    g = ad.jit(lambda x: x * 2)
    g(1.0)
    assert ad.source(g) == ad.source(g, 2.0)
    assert "def " in ad.source(g)
    assert ad.source(g, X) == ad.source(lambda x: x * 2, X)


def test_docstrings_of_any_text_are_kept() -> None:
    def f(x: Any) -> Any:
        return x * 2

    for text in (r"Return \psi.", 'It says """x""" and "y"', "Two\n\nlines."):
        f.__doc__ = text
        namespace: dict[str, Any] = {}
        exec(ad.source(f, 1.0), namespace)
        assert inspect.cleandoc(namespace["f"].__doc__) == text


@pytest.mark.parametrize(
    "f", [energy, inner_grad, ad.grad(energy), ad.grad(inner_grad)], ids=["energy", "inner_grad", "grad", "grad of inner_grad"]
)
def test_export_writes_a_module_of_its_own(f: Callable[..., Any], tmp_path: Any) -> None:
    path = tmp_path / "model.py"
    ad.export(f, path, X)
    assert "import adjoint" not in path.read_text()
    module = runpy.run_path(str(path))
    (exported,) = [g for name, g in module.items() if isinstance(g, types.FunctionType) and not name.startswith("_")][-1:]
    assert_same(exported(X), f(X))
