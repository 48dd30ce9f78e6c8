"""`llsq`: the polynomial that fits a step best, ``½ Σ_i (s_i - Σ_j x_j t_i^j)²`` with ``s_i = sign(t_i)`` on [-1, 1].

From the collection cmpad (B. Bell), where it is called ``llsq_obj``.
"""

from __future__ import annotations

import numpy as np

from benchmarks.gradbench.problem import Peer, Problem, gradient


def by_loops(x, n):
    """Return half the sum of the squared errors at ``n`` points."""
    total = 0.0
    for i in range(n):
        t = -1.0 + 2.0 * i / (n - 1)
        error = float(np.sign(t))
        power = 1.0
        for j in range(len(x)):
            error -= x[j] * power
            power *= t
        total += error * error
    return 0.5 * total


def by_arrays(x, n):
    """Return half the sum of the squared errors at ``n`` points."""
    t = np.linspace(-1.0, 1.0, n)
    errors = np.sign(t)
    power = np.ones(n)
    for coefficient in x:
        errors = errors - coefficient * power
        power = power * t
    return 0.5 * np.sum(errors * errors)


def inputs(size):
    """Return the coefficients and the number of points."""
    m, n = {"small": (4, 16), "medium": (16, 2_048), "large": (64, 65_536)}[size]
    return np.random.default_rng(8).normal(size=m), n


def in_jax(jax):
    """Return the function for JAX: the polynomial by Horner's rule, which it has."""
    jnp = jax.numpy

    def f(x, n):
        t = jnp.linspace(-1.0, 1.0, n)
        errors = jnp.sign(t) - jnp.polyval(x[::-1], t)
        return 0.5 * jnp.sum(errors * errors)

    return f


def in_torch(torch):
    """Return the function for PyTorch: a matrix of powers, which is a constant."""

    def f(x, n):
        t = torch.linspace(-1.0, 1.0, n, dtype=x.dtype)
        errors = torch.sign(t) - torch.linalg.vander(t, N=len(x)) @ x
        return 0.5 * torch.sum(errors * errors)

    return f


def in_autograd(anp):
    """Return the function for autograd: a matrix of powers, which is a constant."""

    def f(x, n):
        t = np.linspace(-1.0, 1.0, n)
        errors = np.sign(t) - anp.dot(np.vander(t, len(x), increasing=True), x)
        return 0.5 * anp.sum(errors * errors)

    return f


PEERS = {"jax": Peer(in_jax), "torch": Peer(in_torch), "autograd": Peer(in_autograd)}
PROBLEM = Problem("llsq", inputs, {"loops": by_loops, "numpy": by_arrays}, gradient(0), peers=PEERS)
