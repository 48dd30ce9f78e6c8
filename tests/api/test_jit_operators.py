"""All operators outside and inside of `jit`, against the tracing engine."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from tests.api.jit_programs import (
    DATA,
    INNER,
    LAYERS,
    M,
    X,
    Y,
    assert_same,
    curve,
    energy,
    held_back,
    mixed,
    network,
    optimiser,
    power,
    safe_log,
    scalar,
    third,
    two,
    with_rules,
)


def grown(x: Any) -> Any:
    return np.sum(np.sin(x) * x) if np.sum(x) > 5 else grown(x + 1.0)


# Operators, outside and inside of jit -----------------------------------------------------------------------------------------

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
    "hessian of a recursive function": (ad.hessian, grown, (X,)),
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
