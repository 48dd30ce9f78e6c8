"""`saddle`: the saddle point of ``|x|² - |y|²``, the least over x of the greatest over y, by descent within descent.

From J. Siskind and B. Pearlmutter, "Using programming language theory to make automatic differentiation sound and efficient"
(2008): the rate doubles after ten steps that went down and halves after one that did not; a gradient or a step below 1e-5 is
the end.
"""

from __future__ import annotations

import numpy as np

import adjoint as ad
from benchmarks.gradbench.problem import Peer, Problem, gradient

ENOUGH = 1e-5


def payoff(x, y):
    """Return the function that has the saddle point."""
    return x[0] ** 2 + x[1] ** 2 - (y[0] ** 2 + y[1] ** 2)


def length(x):
    """Return the length of a vector of the plane."""
    return (x[0] ** 2 + x[1] ** 2) ** 0.5


def argmin(f, x, rate):
    """Return where ``f`` is least, by gradient descent from ``x``."""
    slope = ad.grad(f)
    value, steep, went_down = f(x), slope(x), 0
    while length(steep) > ENOUGH:
        if went_down == 10:
            rate, went_down = 2.0 * rate, 0
        further = x - rate * steep
        if rate * length(steep) <= ENOUGH:
            break
        lower = f(further)
        if lower < value:
            x, value, steep, went_down = further, lower, slope(further), went_down + 1
        else:
            rate, went_down = 0.5 * rate, 0
    return x


def highest(x, start, rate):
    """Return the greatest value over y, found by gradient descent from ``start``."""
    y = argmin(lambda y: -payoff(x, y), start, rate)
    return payoff(x, y)


def highest_by_hand(x, start, rate):
    """Return what `highest` returns, with the gradient by hand."""
    y, steep = start, 2.0 * start
    value, went_down = -payoff(x, y), 0
    while length(steep) > ENOUGH:
        if went_down == 10:
            rate, went_down = 2.0 * rate, 0
        further = y - rate * steep
        if rate * length(steep) <= ENOUGH:
            break
        lower = -payoff(x, further)
        if lower < value:
            y, value, steep, went_down = further, lower, 2.0 * further, went_down + 1
        else:
            rate, went_down = 0.5 * rate, 0
    return payoff(x, y)


def solve(start, rate):
    """Return the saddle point, x and then y."""
    x = argmin(lambda x: highest(x, start, rate), start, rate)
    y = argmin(lambda y: -payoff(x, y), start, rate)
    return np.concatenate((x, y))


def inputs(size):
    """Return x, where both descents start, and their first rate: a small one takes many steps."""
    start = np.array([1.0, 0.7])
    return start, start, {"small": 0.1, "medium": 1e-3, "large": 1e-5}[size]


def in_jax(jax):
    """Return the function for JAX: descent as a loop whose end is not known."""
    jnp = jax.numpy

    def argmin(f, x, rate):
        value_and_slope = jax.value_and_grad(f)

        def going(state):
            rate, steep = state[3], state[2]
            far = length(steep) > ENOUGH
            return far & (jnp.where(state[4] == 10, 2.0, 1.0) * rate * length(steep) > ENOUGH)

        def advance(state):
            x, value, steep, rate, went_down = state
            rate, went_down = jnp.where(went_down == 10, 2.0 * rate, rate), jnp.where(went_down == 10, 0, went_down)
            further = x - rate * steep
            lower, next_steep = value_and_slope(further)
            down, up = (further, lower, next_steep, rate, went_down + 1), (x, value, steep, 0.5 * rate, 0)
            return tuple(jnp.where(lower < value, a, b) for a, b in zip(down, up, strict=True))

        return jax.lax.while_loop(going, advance, (x, *value_and_slope(x), jnp.asarray(rate), jnp.asarray(0)))[0]

    def f(x, start, rate):
        return payoff(x, argmin(lambda y: -payoff(x, y), start, rate))

    return f


def slope_in_jax(jax, f):
    """Return value and gradient for JAX: forward, since it does not reverse a loop whose end is not known."""

    def value_and_slope(x, start, rate):
        slope, value = jax.jacfwd(lambda x: (f(x, start, rate),) * 2, has_aux=True)(x)
        return value, slope

    return value_and_slope


def descent(value_and_slope):
    """Return the descent for a library that runs loops as they are."""

    def argmin(x, rate):
        (value, steep), went_down = value_and_slope(x), 0
        while length(steep) > ENOUGH:
            if went_down == 10:
                rate, went_down = 2.0 * rate, 0
            further = x - rate * steep
            if rate * length(steep) <= ENOUGH:
                break
            lower, next_steep = value_and_slope(further)
            if lower < value:
                x, value, steep, went_down = further, lower, next_steep, went_down + 1
            else:
                rate, went_down = 0.5 * rate, 0
        return x

    return argmin


def in_torch(torch):
    """Return the function for PyTorch."""

    def f(x, start, rate):
        def value_and_slope(y):
            value = -payoff(x, y)
            return value, torch.autograd.grad(value, y, create_graph=True)[0]

        y = descent(value_and_slope)(start.clone().requires_grad_(), rate)
        return payoff(x, y)

    return f


def in_autograd(_):
    """Return the function for autograd."""
    from importlib import import_module

    value_and_grad = import_module("autograd").value_and_grad

    def f(x, start, rate):
        y = descent(value_and_grad(lambda y: -payoff(x, y)))(start, rate)
        return payoff(x, y)

    return f


PEERS = {"jax": Peer(in_jax, slope_in_jax), "torch": Peer(in_torch), "autograd": Peer(in_autograd)}
PROBLEM = Problem(
    "saddle",
    inputs,
    {"loops": highest},
    gradient(0),
    "gradient over gradient",
    compiled={"loops": highest_by_hand},
    peers=PEERS,
)
