"""`lse`: the logarithm of a sum of exponentials, with the greatest number taken out so that nothing overflows."""

from __future__ import annotations

import math

import numpy as np

from benchmarks.gradbench.problem import Peer, Problem, gradient


def by_loops(x):
    """Return ``log Σ exp(x_i)``."""
    top = x[0]
    for value in x:
        top = max(top, value)
    total = 0.0
    for value in x:
        total += math.exp(value - top)
    return top + math.log(total)


def by_arrays(x):
    """Return ``log Σ exp(x_i)``."""
    top = np.max(x)
    return top + np.log(np.sum(np.exp(x - top)))


def inputs(size):
    """Return the vector."""
    n = {"small": 20, "medium": 10_000, "large": 1_000_000}[size]
    return (np.random.default_rng(9).normal(scale=3, size=n),)


def in_jax(jax):
    """Return the function for JAX."""
    jnp = jax.numpy

    def f(x):
        top = jnp.max(x)
        return top + jnp.log(jnp.sum(jnp.exp(x - top)))

    return f


def in_torch(torch):
    """Return the function for PyTorch."""

    def f(x):
        top = torch.max(x)
        return top + torch.log(torch.sum(torch.exp(x - top)))

    return f


def in_autograd(anp):
    """Return the function for autograd."""

    def f(x):
        top = anp.max(x)
        return top + anp.log(anp.sum(anp.exp(x - top)))

    return f


PEERS = {"jax": Peer(in_jax), "torch": Peer(in_torch), "autograd": Peer(in_autograd)}
PROBLEM = Problem("lse", inputs, {"loops": by_loops, "numpy": by_arrays}, gradient(0), peers=PEERS)
