"""The functions that `vjp` and `linearize` give inside a program, kept and called in every way, against the tracing engine."""

# pyright: reportPossiblyUnboundVariable=false, reportOptionalCall=false
# ruff: noqa: B007, B023, C417, RUF059 - the programs are written as users write them
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from tests.api.jit_programs import assert_same
from tests.api.test_jit_compositions import W, X, energy, other, total

PROGRAMS: dict[str, Callable[[Any], Any]] = {}


def case(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    PROGRAMS[f.__name__.replace("_", " ")] = f
    return f


@case
def several_times(x):
    y, pull = ad.vjp(lambda v: np.sin(v) * v, x)
    return total(pull(x)[0]) + total(pull(y)[0] * 2)


@case
def in_a_loop(x):
    y, pull = ad.vjp(lambda v: np.sin(v) * v, x)
    for k in range(len(x)):
        y = pull(y * x[k])[0]
    return total(y)


@case
def in_a_while(x):
    y, pull = ad.vjp(lambda v: np.sin(v) * v, x)
    while np.sum(y) < 20:
        y = y + np.abs(pull(y)[0]) + 1
    return total(y)


@case
def in_a_branch(x):
    y, pull = ad.vjp(lambda v: np.sin(v) * v, x)
    if x[0] > 0.3:
        return total(pull(y)[0])
    return total(pull(x)[0])


@case
def kept_after_a_loop(x):
    pull = None
    for k in range(3):
        y, pull = ad.vjp(lambda v: energy(v) * x[k], x)
    return total(pull(y)[0])


@case
def kept_after_an_unknown_loop(x):
    for k in range(len(x)):
        y, pull = ad.vjp(lambda v: energy(v) * x[k], x)
    return total(pull(y)[0])


@case
def of_the_turn_before(x):
    y, pull = ad.vjp(energy, x)
    for k in range(len(x)):
        g = pull(y)[0]
        y, pull = ad.vjp(lambda v: energy(v * g) * 0.1, x)
    return total(pull(y)[0])


@case
def chosen(x):
    if x[0] > 0.3:
        y, pull = ad.vjp(energy, x)
    else:
        y, pull = ad.vjp(other, x)
    return total(pull(y)[0])


@case
def chosen_of_alike(x):
    if x[0] > 0.3:
        y, pull = ad.vjp(energy, x)
    else:
        y, pull = ad.vjp(energy, x * 2)
    return total(pull(y)[0])


@case
def in_a_list(x):
    pulls = [ad.vjp(f, x)[1] for f in (energy, other)]
    s = 0.0
    for p in pulls:
        s += total(p(2.0)[0])
    return s


@case
def in_a_dict_and_object(x):
    class Layer:
        def forward(self, v):
            y, self.pull = ad.vjp(lambda u: np.tanh(u) * x, v)
            return y

    layers = [Layer() for _ in range(3)]
    y = x
    for layer in layers:
        y = layer.forward(y)
    g = {"g": np.cos(y)}
    for layer in layers[::-1]:
        g["g"] = layer.pull(g["g"])[0]
    return total(g["g"])


@case
def returned_from_a_function(x):
    def forward(v):
        y, pull = ad.vjp(np.sin, v)
        return y, lambda ct: pull(ct)[0] * v

    y, back = forward(x)
    z, back2 = forward(y)
    return total(back(back2(z)))


@case
def handed_to_a_recursive_function(x):
    y, pull = ad.vjp(lambda v: np.sin(v) * v, x)

    def descend(p, ct):
        return total(ct) if np.sum(ct) > 6 else descend(p, p(ct)[0] ** 2 + 1.0 + ct)

    return descend(pull, y)


@case
def under_vmap(x):
    y, pull = ad.vjp(lambda v: np.sin(v) * v[0], x)
    return total(ad.vmap(pull)(np.eye(3))[0])


@case
def under_grad(x):
    y, pull = ad.vjp(lambda v: np.sin(v) * v[0], x)
    return total(ad.grad(lambda ct: total(pull(ct * x)[0]))(y))


@case
def by_partial_and_map(x):
    y, pull = ad.vjp(lambda v: np.sin(v) * v[0], x)
    back = functools.partial(pull, y)
    return total(back()[0]) + sum(map(lambda ct: total(pull(ct)[0]), [x, y]))


@case
def with_aux(x):
    y, pull, aux = ad.vjp(lambda v: (np.sum(v**2), {"a": v * 2, "n": 3}), x, has_aux=True)
    return total(pull(y)[0]) + total(aux["a"]) * aux["n"]


@case
def of_trees(x):
    y, pull = ad.vjp(lambda p, q: {"u": p["a"] * q, "v": (np.sum(q), p["b"][0])}, {"a": x, "b": [2.0 * x[0]]}, x)
    p, q = pull({"u": x, "v": (1.0, x[1])})
    return total(p["a"]) + p["b"][0] + total(q)


@case
def linearize_kept(x):
    for k in range(len(x)):
        y, push = ad.linearize(lambda v: np.sin(v) * x[k], x)
    return total(push(x)) + total(push(y))


@case
def linearize_chosen(x):
    y, push = ad.linearize(np.sin if x[0] > 0.3 else np.cos, x)
    z, push2 = ad.linearize(energy, x) if x[1] > 2 else ad.linearize(other, x)
    return total(push(x)) + push2(x) * z


@case
def grown_list(x):
    pulls = []
    y = x
    for k in range(3):
        y, pull = ad.vjp(lambda v: np.tanh(v) * x, y)
        pulls.append(pull)
    g = y
    for pull in reversed(pulls):
        g = pull(g)[0]
    return total(g)


@case
def grown_list_unknown(x):
    pulls = []
    y = x
    for k in range(len(x)):
        y, pull = ad.vjp(lambda v: np.tanh(v) * x, y)
        pulls.append(pull)
    g = y
    for pull in reversed(pulls):
        g = pull(g)[0]
    return total(g)


@case
def composed_in_a_loop(x):
    f = energy
    for k in range(3):
        f = lambda v, f=f: np.sum(ad.grad(f)(v) * v)
    return f(x)


@case
def grad_of_grad_in_a_loop_of_numbers(x):
    f = lambda t: np.sin(t) * t
    for k in range(4):
        f = ad.grad(f)
    return f(x[0])


@pytest.mark.parametrize("name", PROGRAMS)
def test_value_and_derivatives(name: str) -> None:
    f = PROGRAMS[name]
    second = lambda x: ad.jvp(ad.grad(f), (x,), (W,))[1]
    for g in (f, ad.grad(f), second):
        program = ad.jit(g, backend="python")
        for x in (X, 0.6 * X[::-1]):
            assert_same(program(x), g(x))


def test_a_pullback_is_no_result() -> None:
    with pytest.raises(ad.errors.AdjointError, match="is the result of a translated function"):
        ad.jit(lambda x: ad.vjp(energy, x)[1], backend="python")(X)


# Cotangents and tangents ------------------------------------------------------------------------------------------------------


def items(v):
    out = []
    for i in range(len(v)):
        out.append(np.sin(v[i]) * v[0])
    return out


LIKE_THE_VALUE = {
    "a dict in another order": lambda x: ad.vjp(lambda v: {"a": v * 2, "b": np.sin(v)}, x)[1]({"b": x, "a": x**2})[0],
    "a list of unknown length": lambda x: ad.vjp(items, x)[1]([1.0, 2.0, 3.0])[0],
    "a list of other numbers": lambda x: ad.vjp(items, x)[1]([v * 2 for v in x])[0],
    "whole numbers": lambda x: ad.vjp(np.sin, x)[1](np.array([1, 2, 3]))[0],
}
UNLIKE_THE_VALUE = {
    "other keys": lambda x: ad.vjp(lambda v: {"a": v}, x)[1]({"b": x}),
    "a tuple for a list": lambda x: ad.vjp(lambda v: [v, v], x)[1]((x, x)),
    "a number for an array": lambda x: ad.vjp(np.sin, x)[1](1.0),
    "an array for a number": lambda x: ad.vjp(np.sum, x)[1](x),
    "a list too short": lambda x: ad.vjp(lambda v: [v[0], v[1]], x)[1]([1.0]),
    "a number as tangent": lambda x: ad.jvp(np.sin, (x,), (1.0,)),
    "a matrix as tangent": lambda x: ad.linearize(np.sin, x)[1](np.ones((2, 3))),
    "another structure as tangent": lambda x: ad.linearize(lambda p: p["a"], {"a": x})[1](x),
}


@pytest.mark.parametrize("name", LIKE_THE_VALUE)
def test_cotangents_of_the_structure_of_the_value(name: str) -> None:
    f = LIKE_THE_VALUE[name]
    assert_same(ad.jit(f, backend="python")(X), f(X))


@pytest.mark.parametrize("name", UNLIKE_THE_VALUE)
def test_cotangents_and_tangents_of_another_structure_are_refused(name: str) -> None:
    f = UNLIKE_THE_VALUE[name]
    for g in (f, ad.jit(f, backend="python")):
        with pytest.raises(ad.errors.StructureError, match="remedy: give"):
            g(X)
