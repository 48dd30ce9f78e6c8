"""Every operator in every way in which one may use it: programs against the tracing engine and against differences.

A row of the table is an operator, applied to a function of a vector; a column is a way to use what it gives. Each pair is a
function of a vector that gives a number. Its value, gradient and second derivative by a program are compared.
"""

# ruff: noqa: B008, B023 - the programs are written as users write them
from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import AdjointError
from tests import oracles
from tests.api.jit_programs import assert_same

X = np.array([0.4, 1.3, 0.7])
W = np.array([1.0, -0.5, 2.0])
Function = Callable[..., Any]


def energy(x):
    """The function that the operators are applied to."""
    return np.sum(np.sin(x) * x) + x[0] * x[1] ** 2


def other(x):
    return np.sum(x**3) * x[0]


def total(y):
    """Return a number of a result."""
    return np.sum(np.cos(y) * y)


# The operators: what each makes of a function of a vector that gives a number -------------------------------------------------


def with_own_jvp(f):
    @ad.custom_jvp
    def g(x):
        return f(x)

    @g.defjvp
    def _(primals, tangents):
        return ad.jvp(f, primals, tangents)

    return g


def with_own_vjp(f):
    @ad.custom_vjp
    def g(x):
        return f(x)

    g.defvjp(lambda x: (f(x), x), lambda x, ct: (ct * ad.grad(f)(x),))
    return g


OPERATORS: dict[str, Callable[[Function], Function]] = {
    "grad": ad.grad,
    "value_and_grad": lambda f: lambda x: ad.value_and_grad(f)(x)[1],
    "grad, has_aux": lambda f: lambda x: ad.grad(lambda v: (f(v), v * 2), has_aux=True)(x)[0],
    "jvp": lambda f: lambda x: ad.jvp(f, (x,), (W,))[1],
    "vjp": lambda f: lambda x: ad.vjp(f, x)[1](1.0)[0],
    "vjp, has_aux": lambda f: lambda x: ad.vjp(lambda v: (f(v), v), x, has_aux=True)[1](2.0)[0],
    "linearize": lambda f: lambda x: ad.linearize(f, x)[1](W),
    "jacobian": ad.jacobian,
    "jacfwd": ad.jacfwd,
    "jacrev": ad.jacrev,
    "hessian": ad.hessian,
    "hvp": lambda f: lambda x: ad.hvp(f)(x, W),
    "derivative": lambda f: lambda x: ad.derivative(lambda t: f(t * x))(0.7),
    "vmap": lambda f: lambda x: ad.vmap(f)(np.stack([x, 2 * x])),
    "vmap of grad": lambda f: lambda x: ad.vmap(ad.grad(f))(np.stack([x, 2 * x])),
    "checkpoint": ad.checkpoint,
    "custom_jvp": with_own_jvp,
    "custom_vjp": with_own_vjp,
    "stop_gradient": lambda f: lambda x: f(x) * f(ad.stop_gradient(x)),
    "jit": lambda f: ad.jit(f, backend="python"),
    "jit of grad": lambda f: ad.jit(ad.grad(f), backend="python"),
}
WAYS: dict[str, Callable[[Any], Function]] = {}


def way(make: Callable[[Any], Function]) -> Callable[[Any], Function]:
    WAYS[make.__name__.replace("_", " ")] = make
    return make


# The ways to use an operator --------------------------------------------------------------------------------------------------


@way
def outside(op):
    g = op(energy)
    return lambda x: total(g(x))


@way
def at_once(op):
    return lambda x: total(op(energy)(x))


@way
def in_a_variable(op):
    def f(x):
        g = op(energy)
        y = g(x)
        return total(y) + total(g(x * 0.5))

    return f


@way
def in_a_lambda(op):
    def f(x):
        g = lambda v: op(energy)(v)
        return total(g(x))

    return f


@way
def of_a_lambda(op):
    return lambda x: total(op(lambda v: energy(v) * np.sum(v))(x))


@way
def of_a_closure(op):
    return lambda x: total(op(lambda v: energy(v * x))(x))


@way
def of_an_inner_function(op):
    def f(x):
        scale = x[0] * 2

        def inner(v):
            y = scale * v
            return energy(y)

        return total(op(inner)(x))

    return f


@way
def as_a_decorator(op):
    def f(x):
        @op
        def g(v):
            return energy(v) * x[1]

        return total(g(x))

    return f


@way
def in_a_tuple_and_a_dict(op):
    def f(x):
        pair = (op(energy), op(other))
        table = {"first": pair[0], "second": pair[1]}
        return total(pair[1](x)) + total(table["first"](x))

    return f


@way
def in_a_list_that_a_loop_runs_over(op):
    def f(x):
        s = 0.0
        for g in [op(energy), op(other)]:
            s += total(g(x))
        return s

    return f


@way
def as_a_default_argument(op):
    def f(x):
        def h(v, g=op(energy)):
            return g(v)

        return total(h(x))

    return f


@way
def as_an_argument(op):
    def apply(g, v):
        return total(g(v))

    return lambda x: apply(op(energy), x) + apply(op(lambda v: other(v * x)), x)


@way
def made_by_a_function(op):
    def make(scale):
        g = op(lambda v: energy(v * scale))
        return lambda v: g(v) * scale

    return lambda x: total(make(2.0)(x)) + total(make(x[1])(x))


@way
def by_partial(op):
    return lambda x: total(functools.partial(op, energy)()(x)) + total(functools.partial(op(other), x)())


@way
def of_a_partial(op):
    def scaled(a, v):
        return energy(a * v)

    return lambda x: total(op(functools.partial(scaled, 0.5))(x)) + total(op(functools.partial(scaled, x[0]))(x))


@way
def of_a_method(op):
    class Model:
        def __init__(self, w):
            self.w = w

        def loss(self, v):
            return energy(v * self.w)

        def slope(self, v):
            return op(self.loss)(v)

    model = Model(0.5)
    return lambda x: total(op(model.loss)(x)) + total(model.slope(x)) + total(Model(x[0]).slope(x))


@way
def of_an_object_that_is_called(op):
    class Model:
        def __init__(self, w):
            self.w = w

        def __call__(self, v):
            return energy(v * self.w)

    model = Model(0.5)
    return lambda x: total(op(model)(x)) + total(op(Model(x[0]))(x))


@way
def kept_in_an_object(op):
    class Model:
        def __init__(self, w):
            self.w, self.slope = w, op(energy)

        def step(self, v):
            return self.slope(v * self.w)

    return lambda x: total(Model(x[1]).step(x))


@way
def in_a_loop(op):
    def f(x):
        s = 0.0
        for k in range(3):
            s = s + total(op(energy)(x * (k + 1) * 0.3)) * x[k]
        return s

    return f


@way
def of_a_closure_in_a_loop(op):
    def f(x):
        s = 0.0
        for k in range(len(x)):
            s += total(op(lambda v: energy(v) * x[k] + s)(x))
        return s

    return f


@way
def kept_after_a_loop(op):
    def f(x):
        g = op(energy)
        for k in range(len(x)):
            w = x[k]
            g = op(lambda v: energy(v) * w)
        return total(g(x))

    return f


@way
def in_a_while(op):
    def f(x):
        k, y = 0, x
        while np.sum(y) < 6:
            y = y + 0.1 * total(op(energy)(y)) ** 2 + 0.5
            k += 1
        return np.sum(y * x)

    return f


@way
def in_a_branch(op):
    def f(x):
        if x[0] > 0.3:
            return total(op(energy)(x))
        return total(op(other)(x))

    return f


@way
def chosen_in_a_branch(op):
    def f(x):
        g = op(energy) if x[0] > 0.3 else op(other)
        return total(g(x))

    return f


@way
def of_a_function_chosen_in_a_branch(op):
    def f(x):
        g = energy if x[0] > 0.3 else lambda v: other(v) * x[1]
        return total(op(g)(x))

    return f


@way
def in_a_comprehension(op):
    return lambda x: sum(total(op(f)(x)) for f in (energy, other)) + sum([total(op(energy)(x * c)) for c in (0.5, 0.7)])


@way
def in_a_recursive_function(op):
    def f(x):
        def descend(g, v):
            return total(g(v)) if np.sum(v) > 5 else descend(g, v + 1.0)

        return descend(op(energy), x)

    return f


@way
def of_a_recursive_function(op):
    def grow(v):
        return energy(v) if np.sum(v) > 5 else grow(v + 1.0)

    return lambda x: total(op(grow)(x))


@way
def of_itself(op):
    return lambda x: total(op(lambda v: total(op(energy)(v)))(x))


@way
def within_grad(op):
    return lambda x: total(ad.grad(lambda v: total(op(lambda u: energy(u * v))(v)))(x))


@way
def within_jvp(op):
    return lambda x: ad.jvp(lambda v: total(op(energy)(v)), (x,), (x * W,))[1]


@way
def within_vmap(op):
    return lambda x: total(ad.vmap(lambda v: total(op(energy)(v)))(np.stack([x, 0.5 * x])))


@way
def within_checkpoint(op):
    return lambda x: ad.checkpoint(lambda v: total(op(energy)(v)))(x)


@way
def in_an_expression_with_another(op):
    return lambda x: total(op(energy)(x)) * total(ad.grad(energy)(x))


@way
def of_a_function_that_writes_to_an_array(op):
    def fill(v):
        y = np.zeros(3)
        for k in range(3):
            y[k] = v[k] ** 2
        y[1:] *= v[0]
        return energy(y)

    return lambda x: total(op(fill)(x))


# What a rule of the user's own does not tell: the derivative by what the function finds around itself. It is refused.
BY_SURROUNDINGS = {
    "of a closure", "of an inner function", "as a decorator", "as an argument", "made by a function", "of a partial",
    "of a method", "of an object that is called", "of a closure in a loop", "kept after a loop", "within grad",
    "of a function chosen in a branch",
}  # fmt: skip
# What programs can do, and the tracing engine refuses: there the object is not an argument of the function.
BY_PROGRAMS_ONLY = {("checkpoint", "of a method"), ("checkpoint", "of an object that is called")}
EVERY = [(op, w) for op in OPERATORS for w in WAYS]
IMPOSSIBLE = [pair for pair in EVERY if pair[0].startswith("custom") and pair[1] in BY_SURROUNDINGS]
POSSIBLE = [pair for pair in EVERY if pair not in IMPOSSIBLE]
# All of them take four minutes.
SOME = POSSIBLE if os.environ.get("ADJOINT_FULL") else [pair for pair in POSSIBLE if pair[0] == "vjp"] + POSSIBLE[::9]


def of(pairs: list[tuple[str, str]]) -> Any:
    """Parametrise a test by pairs, each once."""
    return pytest.mark.parametrize(
        ("operator", "use"), [pytest.param(*pair, id=": ".join(pair)) for pair in dict.fromkeys(pairs)]
    )


@of(SOME)
def test_composition(operator: str, use: str) -> None:
    f = WAYS[use](OPERATORS[operator])
    program, slope = ad.jit(f, backend="python"), ad.jit(ad.grad(f), backend="python")
    assert_same(program(X), f(X))
    if "stop_gradient" not in operator:
        by_differences = oracles.directional(f, (X,), (W,))
        assert slope(X) @ W == pytest.approx(by_differences.value, rel=1e-6, abs=1e-6)
    if (operator, use) in BY_PROGRAMS_ONLY:
        return
    assert_same(slope(X), ad.grad(f)(X))
    second = lambda x: ad.jvp(ad.grad(f), (x,), (W,))[1]
    assert_same(ad.jit(second, backend="python")(X), second(X))


@of([pair for pair in IMPOSSIBLE if pair[1] != "of a function chosen in a branch"])
def test_derivative_by_the_surroundings_is_refused(operator: str, use: str) -> None:
    f = WAYS[use](OPERATORS[operator])
    for g in (ad.grad(f), ad.jit(ad.grad(f), backend="python")):
        with pytest.raises(AdjointError) as caught:
            g(X)
        assert ".py:" in str(caught.value)
        assert "because" in str(caught.value)
        assert "remedy: " in str(caught.value)
