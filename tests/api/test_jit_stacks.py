"""`vmap` and Jacobians inside `jit`: against a Python loop over the elements, and against the tracing engine."""

from __future__ import annotations

import copy
import math
import random
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint._api import directions
from adjoint.errors import AdjointError, BatchError
from tests import oracles
from tests.programs import PROGRAMS, Program
from tests.strategies import random_program

RNG = np.random.default_rng(3)
X = RNG.standard_normal((5, 4))
W = RNG.standard_normal((4, 3))
V = RNG.standard_normal(5)
SIZE = 3


def same(a: Any, b: Any) -> bool:
    """Compare two trees in structure, shapes and values."""
    if isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in b)
    if isinstance(b, (tuple, list)):
        return len(a) == len(b) and all(map(same, a, b))
    return np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=1e-10, atol=1e-11, equal_nan=True)


def stacked(parts: list[Any]) -> Any:
    first = parts[0]
    if isinstance(first, dict):
        return {key: stacked([part[key] for part in parts]) for key in first}
    if isinstance(first, (tuple, list)):
        columns = [stacked(list(column)) for column in zip(*parts, strict=True)]
        return type(first)(*columns) if hasattr(first, "_fields") else type(first)(columns)
    return np.stack(parts)


def is_inexact(x: Any) -> bool:
    return isinstance(x, (float, complex, np.inexact)) or (isinstance(x, np.ndarray) and x.dtype.kind in "fc")


def is_plain(x: Any) -> bool:
    """Tell whether arguments are trees of numbers and arrays."""
    if isinstance(x, dict):
        return all(map(is_plain, x.values()))
    if isinstance(x, (tuple, list)):
        return not hasattr(x, "_fields") and all(map(is_plain, x))
    return isinstance(x, (int, float, complex, np.ndarray, np.generic))


def mapped(f: Any, *trees: Any) -> Any:
    first = trees[0]
    if isinstance(first, dict):
        return {key: mapped(f, *[tree[key] for tree in trees]) for key in first}
    if isinstance(first, (tuple, list)):
        return type(first)(mapped(f, *parts) for parts in zip(*trees, strict=True))
    return f(*trees)


# vmap ------------------------------------------------------------------------------------------------------------------------


def branch(x):
    return x * 2 if x > 0 else -x


def loop(x):
    s = 0.0
    for i in range(len(x)):
        s = s * x[i] + np.sin(x[i])
    return s


def root(a):
    x = 1.0
    while abs(x * x - a) > 1e-10:
        x = 0.5 * (x + a / x)
    return x


def stores_and_branches(x):
    y = np.zeros(len(x))
    for i in range(len(x)):
        if x[i] > 0:
            y[i] = x[i] * 2
        else:
            y[i] = math.sin(x[i])
    x[0] = 7.0
    return y


def growing(x):
    items = []
    for i in range(len(x)):
        items.append(x[i] * x[0])
    return np.array(items)


def power(x, n):
    return x if n == 0 else x * power(x * 0.9, n - 1)


CASES = {
    "products": (lambda x, w: np.sin(x) @ w, {"in_axes": (0, None)}, (X, W)),
    "branch": (branch, {}, (V,)),
    "loop": (loop, {}, (X,)),
    "loop that ends at different turns": (root, {}, (np.abs(V) + 0.5,)),
    "stores": (stores_and_branches, {}, (X,)),
    "list": (growing, {}, (X,)),
    "recursion": (lambda x: power(x, 4), {}, (V,)),
    "trees": (
        lambda x, p: {"a": p["w"] * x, "b": (x.sum(), p["c"])},
        {"in_axes": (0, {"w": 0, "c": None}), "out_axes": {"a": 1, "b": (0, None)}},
        (X, {"w": V, "c": 3.0}),
    ),
    "axes": (lambda x: np.cumsum(x), {"in_axes": 1, "out_axes": -1}, (X,)),
    "axis_size": (lambda x: x + 1, {"in_axes": None, "axis_size": 3}, (V,)),
    "gradient": (ad.grad(loop), {}, (X,)),
    "gradient through stores": (ad.grad(lambda x: stores_and_branches(x).sum()), {}, (X,)),
    "gradient of a loop of unknown length": (ad.grad(root), {}, (np.abs(V) + 0.5,)),
    "jacobian": (ad.jacobian(growing), {}, (X,)),
    "hessian": (ad.hessian(loop), {}, (X,)),
    "nested": (ad.vmap(branch), {}, (X,)),
    "constant": (lambda x: 1.0, {}, (V,)),
    "mask": (lambda x: np.sum(x[x > 0]), {}, (X,)),
    "solve": (lambda x: np.linalg.solve(np.outer(x, x) + np.eye(4), x), {}, (X,)),
    "whole number": (lambda x: int(x * 3), {}, (V,)),
    "largest": (lambda x: x[np.argmax(x)] + max(x[0], x[1], 0.1), {}, (X,)),
    "conditions": (lambda x: 1.0 if x[0] > 0 and not x[1] > 0 else 0.0, {}, (X,)),
    "python's numbers": (lambda x: math.exp(float(x[0])) / x[1], {}, (X,)),
}


@pytest.mark.parametrize("name", CASES)
def test_vmap(name: str) -> None:
    f, options, args = CASES[name]
    expected = ad.vmap(f, **options)(*copy.deepcopy(args))
    given = copy.deepcopy(args)
    y = ad.jit(ad.vmap(f, **options))(*given)
    assert same(y, expected)
    assert same(given, args), "the arguments have changed"


def test_vmap_of_keyword_arguments() -> None:
    assert same(ad.jit(ad.vmap(lambda x, *, w: x * w))(X, w=V), X * V[:, None])


def test_branches_become_choices() -> None:
    assert "np.where(x > 0, x * 2, -x)" in ad.source(ad.vmap(branch), V)
    assert "for" not in ad.source(ad.vmap(ad.grad(lambda x: np.sum(np.sin(x) ** 2))), X)


def test_lengths_that_differ_are_an_error() -> None:
    g = ad.jit(ad.vmap(lambda x, y: x + y))
    assert same(g(V, V), 2 * V)
    with pytest.raises(ValueError, match="differ in length"):
        g(V, V[:1])
    with pytest.raises(BatchError, match="no argument is mapped"):
        ad.jit(ad.vmap(lambda x: x, in_axes=None))(V)
    with pytest.raises(BatchError, match="out_axes is None"):
        ad.jit(ad.vmap(lambda x: x, out_axes=None))(V)
    with pytest.raises(BatchError, match="no axis 1"):
        ad.jit(ad.vmap(lambda x: x, in_axes=1))(V)


# Programs that ask whether a number is one of Python's or of NumPy's, which the engines answer differently.
LEFT_OUT = {"builtin_functions.isinstance_checks", "builtin_functions.numpy_scalars_and_zero_dim"}
# A generator that is closed by the garbage collector, after the translation.
LEFT_OUT |= {"closures.generator_send_and_close"}
PLAIN = [program for program in PROGRAMS.values() if is_plain(program.args) and program.name not in LEFT_OUT]


@pytest.mark.parametrize("program", PLAIN, ids=str)
def test_corpus_of_elements(program: Program) -> None:
    axes = mapped(lambda x: 0 if is_inexact(x) else None, program.args)
    stacks = mapped(
        lambda x, a: x if a is None else np.stack([np.asarray(x) * (1 + 0.003 * k) for k in range(SIZE)]), program.args, axes
    )

    def element(k: int) -> Any:
        return copy.deepcopy(mapped(lambda x, a: x if a is None else x[k], stacks, axes))

    with np.errstate(all="ignore"):
        expected = stacked([program.function(*element(k)) for k in range(SIZE)])
        try:
            y = ad.jit(ad.vmap(program.function, in_axes=axes))(*copy.deepcopy(stacks))
        except AdjointError as error:
            pytest.skip(f"not translated: {error.what}")
    np.testing.assert_allclose(oracles.flatten(y), oracles.flatten(expected), rtol=1e-9, atol=1e-11)


@ad.custom_jvp
def slower(x):
    return np.sin(x)


slower.defjvp(lambda primals, tangents: (slower(primals[0]), 3.0 * np.cos(primals[0]) * tangents[0]))


@ad.custom_vjp
def squares(x):
    return np.sum(x**2)


squares.defvjp(lambda x: (squares(x), x), lambda x, ct: (5.0 * x * ct,))


@pytest.mark.parametrize(
    ("g", "x"),
    [
        (ad.vmap(slower), V),
        (ad.grad(lambda v: np.sum(ad.vmap(slower)(v))), V),
        (ad.vmap(ad.grad(slower)), V),
        (ad.grad(lambda x: np.sum(ad.vmap(squares)(x))), X),
        (ad.vmap(ad.jacrev(lambda x: x * squares(x))), X),
        (ad.jacfwd(lambda v: slower(v) * v), V),
    ],
)
def test_derivatives_that_users_gave_are_kept(g: Any, x: Any) -> None:
    assert same(ad.jit(g)(x), g(x))


# Jacobians ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("program", [p for p in PROGRAMS.values() if p.name not in LEFT_OUT], ids=str)
@pytest.mark.parametrize("operator", [ad.jacfwd, ad.jacrev])
def test_corpus_of_jacobians(operator: Any, program: Program) -> None:
    with np.errstate(all="ignore"):
        try:
            expected = ad.jacfwd(program.function)(*program.args)
            y = ad.jit(operator(program.function))(*program.args)
        except AdjointError as error:
            pytest.skip(f"not differentiated by the first argument, or not translated: {error.what}")
    found, wanted = [np.atleast_1d(oracles.flatten(tree)) for tree in (y, expected)]
    np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("seed", range(12))
def test_random_programs(seed: int) -> None:
    program = random_program(random.Random(seed))
    with np.errstate(all="ignore"):
        try:
            expected = ad.jacfwd(program.function, argnums=(2, 3))(*program.args)
            found = [ad.jit(op(program.function, argnums=(2, 3)))(*program.args) for op in (ad.jacfwd, ad.jacrev)]
        except AdjointError as error:
            pytest.skip(f"not translated: {error.what}")
    for y in found:
        np.testing.assert_allclose(oracles.flatten(y), oracles.flatten(expected), rtol=1e-8, atol=1e-9)


def stencil(u):
    for _ in range(3):
        u = u.copy()
        u[1:-1] += 0.1 * (u[2:] - 2 * u[1:-1] + u[:-2]) * u[1:-1]
    return u


@pytest.mark.parametrize("size", [0, 1, directions.CHUNK - 1, directions.CHUNK, 2 * directions.CHUNK + 5])
@pytest.mark.parametrize("operator", [ad.jacfwd, ad.jacrev])
def test_every_number_of_directions(operator: Any, size: int) -> None:
    x = np.linspace(0.1, 1.0, size)
    assert same(ad.jit(operator(lambda x: np.sin(x) * x.sum()))(x), ad.jacfwd(lambda x: np.sin(x) * x.sum())(x))
    if size > 2:
        assert same(ad.jit(operator(stencil))(x), ad.jacfwd(stencil)(x))


def test_arrays_of_higher_rank_and_several_arguments() -> None:
    f = lambda w, x: {"h": np.tanh(w.T @ x), "e": np.sum(w) * x[0]}
    for operator in (ad.jacobian, ad.jacfwd, ad.jacrev):
        assert same(ad.jit(operator(f, argnums=(0, 1)))(W, X[0]), ad.jacfwd(f, argnums=(0, 1))(W, X[0]))


def test_jacobians_of_jacobians() -> None:
    f = lambda x: x[1:] * x[:-1] ** 2
    g = ad.jacfwd(ad.jacrev(f))
    assert same(ad.jit(g)(V), g(V))
    h = ad.grad(lambda x: np.sum(ad.jacobian(f)(x) ** 2))
    assert same(ad.jit(h)(V), h(V))


def test_random_numbers_are_drawn_once() -> None:
    def noisy(x):
        return x * np.random.default_rng(0).standard_normal(3) + x**2

    x = np.array([1.0, 2.0, 3.0])
    for operator in (ad.jacfwd, ad.jacrev):
        assert same(ad.jit(operator(noisy))(x), ad.jacfwd(noisy)(x))


def test_the_function_is_computed_once_for_many_directions() -> None:
    text = ad.source(ad.jacfwd(lambda w, x: np.tanh(w @ np.tanh(w @ x)), argnums=1), X[:4], X[0])
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    before, loop_over_chunks = code.split("for ")
    assert "np.tanh" in before
    assert "np.tanh" not in loop_over_chunks.partition("return")[0]
