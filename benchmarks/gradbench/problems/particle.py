"""`particle`: a charged particle in the field of two others, one of which is moved until the particle hits the origin.

The force is a gradient, so the objective has a gradient inside of it, and minimising it by Newton's method takes the first and
second derivatives of that.  From J. Siskind and B. Pearlmutter, "Using programming language theory to make automatic
differentiation sound and efficient" (2008).
"""

from __future__ import annotations

import numpy as np

import adjoint as ad
from benchmarks.gradbench.problem import Peer, Problem, gradient


def distance(x, y):
    """Return the distance of two points of the plane."""
    return np.sqrt((x[0] - y[0]) ** 2 + (x[1] - y[1]) ** 2)


def potential(x, w):
    """Return the potential of the two fixed charges."""
    return 1.0 / distance(x, np.array([10.0, 10.0 - w])) + 1.0 / distance(x, np.array([10.0, 0.0]))


def objective(w, step):
    """Return the square of where the particle crosses the horizontal axis; the path is by Euler's method."""
    x, velocity = np.array([0.0, 8.0]), np.array([0.75, 0.0])
    while x[1] + step * velocity[1] > 0.0:
        force = -ad.grad(potential)(x, w)
        x = x + step * velocity
        velocity = velocity + step * force
    rest = -x[1] / velocity[1]
    return (x[0] + rest * velocity[0]) ** 2


def force_by_hand(x, w):
    """Return the negative gradient of the potential."""
    first, second = x - np.array([10.0, 10.0 - w]), x - np.array([10.0, 0.0])
    return first / np.sqrt(np.sum(first * first)) ** 3 + second / np.sqrt(np.sum(second * second)) ** 3


def objective_by_hand(w, step):
    """Return what `objective` returns, with the gradient of the potential by hand."""
    x, velocity = np.array([0.0, 8.0]), np.array([0.75, 0.0])
    while x[1] + step * velocity[1] > 0.0:
        force = force_by_hand(x, w)
        x = x + step * velocity
        velocity = velocity + step * force
    rest = -x[1] / velocity[1]
    return (x[0] + rest * velocity[0]) ** 2


def solve(w, step):
    """Return where the charge has to be, by Newton's method."""
    slope = ad.grad(objective)
    change = 1.0
    while abs(change) > 1e-6:
        change = slope(w, step) / ad.grad(slope)(w, step)
        w = w - change
    return w


def inputs(size):
    """Return the place of the charge to start from and the step of Euler's method."""
    return 0.0, {"small": 0.5, "medium": 0.02, "large": 0.0005}[size]


def in_jax(jax):
    """Return the function for JAX."""
    jnp = jax.numpy

    def potential(x, w):
        first, second = x - jnp.array([10.0, 10.0 - w]), x - jnp.array([10.0, 0.0])
        return 1.0 / jnp.sqrt(jnp.sum(first**2)) + 1.0 / jnp.sqrt(jnp.sum(second**2))

    def f(w, step):
        def above(state):
            x, velocity = state
            return x[1] + step * velocity[1] > 0.0

        def advance(state):
            x, velocity = state
            return x + step * velocity, velocity - step * jax.grad(potential)(x, w)

        x, velocity = jax.lax.while_loop(above, advance, (jnp.array([0.0, 8.0]), jnp.array([0.75, 0.0])))
        return (x[0] - x[1] / velocity[1] * velocity[0]) ** 2

    return f


def slope_in_jax(jax, f):
    """Return value and derivative for JAX: forward, since it does not reverse a loop whose end is not known."""
    return lambda w, step: jax.jvp(lambda w: f(w, step), (w,), (jax.numpy.ones_like(w),))


def in_torch(torch):
    """Return the function for PyTorch."""

    def potential(x, w):
        first = torch.sqrt((x[0] - 10.0) ** 2 + (x[1] - 10.0 + w) ** 2)
        second = torch.sqrt((x[0] - 10.0) ** 2 + x[1] ** 2)
        return 1.0 / first + 1.0 / second

    def f(w, step):
        x = torch.tensor([0.0, 8.0], dtype=w.dtype, requires_grad=True)
        velocity = torch.tensor([0.75, 0.0], dtype=w.dtype)
        while x[1] + step * velocity[1] > 0.0:
            (slope,) = torch.autograd.grad(potential(x, w), x, create_graph=True)
            x = x + step * velocity
            velocity = velocity - step * slope
        return (x[0] - x[1] / velocity[1] * velocity[0]) ** 2

    return f


def in_autograd(anp):
    """Return the function for autograd."""
    from importlib import import_module

    grad = import_module("autograd").grad

    def potential(x, w):
        first = anp.sqrt((x[0] - 10.0) ** 2 + (x[1] - 10.0 + w) ** 2)
        second = anp.sqrt((x[0] - 10.0) ** 2 + x[1] ** 2)
        return 1.0 / first + 1.0 / second

    def f(w, step):
        x, velocity = np.array([0.0, 8.0]), np.array([0.75, 0.0])
        while x[1] + step * velocity[1] > 0.0:
            slope = grad(potential)(x, w)
            x = x + step * velocity
            velocity = velocity - step * slope
        return (x[0] - x[1] / velocity[1] * velocity[0]) ** 2

    return f


PEERS = {"jax": Peer(in_jax, slope_in_jax), "torch": Peer(in_torch), "autograd": Peer(in_autograd)}
PROBLEM = Problem(
    "particle",
    inputs,
    {"loops": objective},
    gradient(0),
    "gradient over gradient",
    compiled={"loops": objective_by_hand},
    peers=PEERS,
)
