"""`ode`: ``y_0' = x_0`` and ``y_i' = x_i y_{i-1}`` from zero to time 2 by a Runge-Kutta method; asked for is the last of y.

From the collection cmpad (B. Bell), where it is called ``an_ode``.
"""

from __future__ import annotations

import numpy as np

from benchmarks.gradbench.problem import Peer, Problem, gradient

END = 2.0


def slopes_by_loops(x, y):
    """Return the right-hand side."""
    slopes = np.empty(len(x))
    slopes[0] = x[0]
    for i in range(1, len(x)):
        slopes[i] = x[i] * y[i - 1]
    return slopes


def by_loops(x, steps):
    """Return the last unknown at the end."""
    n = len(x)
    h = END / steps
    y = np.zeros(n)
    between = np.zeros(n)
    for _ in range(steps):
        k1 = slopes_by_loops(x, y)
        for i in range(n):
            between[i] = y[i] + 0.5 * h * k1[i]
        k2 = slopes_by_loops(x, between)
        for i in range(n):
            between[i] = y[i] + 0.5 * h * k2[i]
        k3 = slopes_by_loops(x, between)
        for i in range(n):
            between[i] = y[i] + h * k3[i]
        k4 = slopes_by_loops(x, between)
        for i in range(n):
            y[i] += h * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]) / 6.0
    return y[n - 1]


def slopes_by_arrays(x, y):
    """Return the right-hand side."""
    return np.concatenate((x[:1], x[1:] * y[:-1]))


def by_arrays(x, steps):
    """Return the last unknown at the end."""
    h = END / steps
    y = np.zeros(len(x))
    for _ in range(steps):
        k1 = slopes_by_arrays(x, y)
        k2 = slopes_by_arrays(x, y + 0.5 * h * k1)
        k3 = slopes_by_arrays(x, y + 0.5 * h * k2)
        k4 = slopes_by_arrays(x, y + h * k3)
        y = y + h * (k1 + 2.0 * k2 + 2.0 * k3 + k4) / 6.0
    return y[-1]


def inputs(size):
    """Return the parameters and the number of steps."""
    n, steps = {"small": (4, 6), "medium": (50, 100), "large": (500, 2_000)}[size]
    return np.random.default_rng(10).uniform(0.5, 1.5, size=n), steps


def step_with(join, x, h):
    """Return one step of the method, in the library whose ``join`` concatenates."""

    def slopes(y):
        return join((x[:1], x[1:] * y[:-1]))

    def step(y):
        k1 = slopes(y)
        k2 = slopes(y + 0.5 * h * k1)
        k3 = slopes(y + 0.5 * h * k2)
        k4 = slopes(y + h * k3)
        return y + h * (k1 + 2.0 * k2 + 2.0 * k3 + k4) / 6.0

    return step


def in_jax(jax):
    """Return the function for JAX: a scan."""
    jnp = jax.numpy

    def f(x, steps):
        step = step_with(jnp.concatenate, x, END / steps)
        return jax.lax.scan(lambda y, _: (step(y), None), jnp.zeros_like(x), None, length=steps)[0][-1]

    return f


def in_torch(torch):
    """Return the function for PyTorch: a loop."""

    def f(x, steps):
        step = step_with(torch.cat, x, END / steps)
        y = torch.zeros_like(x)
        for _ in range(steps):
            y = step(y)
        return y[-1]

    return f


def in_autograd(anp):
    """Return the function for autograd: a loop."""

    def f(x, steps):
        step = step_with(anp.concatenate, x, END / steps)
        y = np.zeros(len(x))
        for _ in range(steps):
            y = step(y)
        return y[-1]

    return f


PEERS = {"jax": Peer(in_jax), "torch": Peer(in_torch), "autograd": Peer(in_autograd)}
PROBLEM = Problem("ode", inputs, {"loops": by_loops, "numpy": by_arrays}, gradient(0), peers=PEERS)
