"""`gmm`: the log-likelihood of a mixture of normal distributions, with a Wishart prior on the inverse covariances.

The inverse covariance of component k is ``QᵀQ`` with a lower triangular ``Q``: the logarithms of its diagonal come first in a
row of ``factors``, then what is below the diagonal, column by column.  From F. Šrajer, Z. Kukelova and A. Fitzgibbon, "A
benchmark of selected algorithmic differentiation tools on some problems in computer vision and machine learning" (2018),
section 4.1; known as ADBench.
"""

from __future__ import annotations

import math

import numpy as np

from benchmarks.gradbench.problem import Peer, Problem, gradient


def log_gamma_distribution(a, p):
    """Return the logarithm of the multivariate gamma function of dimension ``p``."""
    total = 0.25 * p * (p - 1) * math.log(math.pi)
    for j in range(p):
        total += math.lgamma(a - 0.5 * j)
    return total


def constants(n, d, k, gamma, m):
    """Return what does not depend on the parameters: of the likelihood, and of the prior."""
    freedom = d + m + 1
    prior = freedom * d * (math.log(gamma) - 0.5 * math.log(2.0)) - log_gamma_distribution(0.5 * freedom, d)
    return -0.5 * n * d * math.log(2.0 * math.pi) - k * prior


def log_sum_exp(x):
    """Return ``log Σ exp(x_i)``."""
    top = x[0]
    for value in x:
        top = max(top, value)
    total = 0.0
    for value in x:
        total += math.exp(value - top)
    return top + math.log(total)


def by_loops(alphas, means, factors, x, gamma, m):
    """Return the logarithm of likelihood times prior."""
    n, d = x.shape
    k = len(alphas)
    diagonal = np.exp(factors[:, :d])
    scores = np.zeros(k)
    total = 0.0
    for i in range(n):
        for j in range(k):
            score = alphas[j]
            for a in range(d):
                row = diagonal[j, a] * (x[i, a] - means[j, a])
                for b in range(a):
                    below = d + b * (2 * d - b - 1) // 2 + a - b - 1
                    row += factors[j, below] * (x[i, b] - means[j, b])
                score += factors[j, a] - 0.5 * row * row
            scores[j] = score
        total += log_sum_exp(scores)
    prior = 0.0
    for j in range(k):
        for a in range(d):
            prior += 0.5 * gamma**2 * diagonal[j, a] ** 2 - m * factors[j, a]
        for a in range(d, factors.shape[1]):
            prior += 0.5 * gamma**2 * factors[j, a] ** 2
    return total - n * log_sum_exp(alphas) + prior + constants(n, d, k, gamma, m)


def log_sum_exp_of_rows(x):
    """Return ``log Σ_j exp(x_ij)`` along the last axis."""
    top = np.max(x, axis=-1, keepdims=True)
    return top[..., 0] + np.log(np.sum(np.exp(x - top), axis=-1))


def by_arrays(alphas, means, factors, x, gamma, m):
    """Return the logarithm of likelihood times prior."""
    n, d = x.shape
    k = len(alphas)
    diagonal = np.exp(factors[:, :d])
    column, row = np.triu_indices(d, 1)
    lower = np.zeros((k, d, d))
    lower[:, row, column] = factors[:, d:]
    centred = x[:, None, :] - means
    rows = diagonal * centred + np.einsum("jab,ijb->ija", lower, centred)
    scores = alphas + np.sum(factors[:, :d], axis=1) - 0.5 * np.sum(rows * rows, axis=2)
    prior = 0.5 * gamma**2 * (np.sum(diagonal**2) + np.sum(factors[:, d:] ** 2)) - m * np.sum(factors[:, :d])
    return np.sum(log_sum_exp_of_rows(scores)) - n * log_sum_exp_of_rows(alphas) + prior + constants(n, d, k, gamma, m)


def inputs(size):
    """Return the logarithms of the weights, the means, the factors, the data, and the two numbers of the prior."""
    n, d, k = {"small": (10, 3, 3), "medium": (1_000, 4, 10), "large": (2_000, 16, 25)}[size]
    rng = np.random.default_rng(2)
    alphas, means = rng.normal(size=k), rng.uniform(size=(k, d))
    factors = rng.normal(scale=0.5, size=(k, d + d * (d - 1) // 2))
    return alphas, means, factors, rng.normal(size=(n, d)), 1.0, 0


def in_library(xp, total, log_sum_exp, lower_of):
    """Return the function for a library of arrays, from its own functions and sums."""

    def f(alphas, means, factors, x, gamma, m):
        n, d = x.shape
        logs, below = factors[:, :d], factors[:, d:]
        diagonal = xp.exp(logs)
        centred = x[:, None, :] - means
        rows = diagonal * centred + xp.einsum("jab,ijb->ija", lower_of(below, d), centred)
        scores = alphas + total(logs, 1) - 0.5 * total(rows * rows, 2)
        prior = 0.5 * gamma**2 * ((diagonal**2).sum() + (below**2).sum()) - m * logs.sum()
        rest = constants(n, d, len(alphas), gamma, m)
        return log_sum_exp(scores).sum() - n * log_sum_exp(alphas) + prior + rest

    return f


def in_jax(jax):
    """Return the function for JAX."""
    jnp = jax.numpy

    def lower_of(below, d):
        column, row = np.triu_indices(d, 1)
        return jnp.zeros((len(below), d, d)).at[:, row, column].set(below)

    return in_library(jnp, lambda x, axis: jnp.sum(x, axis), lambda x: jax.nn.logsumexp(x, axis=-1), lower_of)


def in_torch(torch):
    """Return the function for PyTorch."""

    def lower_of(below, d):
        column, row = torch.triu_indices(d, d, 1)
        lower = torch.zeros((len(below), d, d), dtype=below.dtype)
        lower[:, row, column] = below
        return lower

    return in_library(torch, lambda x, axis: x.sum(axis), lambda x: torch.logsumexp(x, -1), lower_of)


def in_autograd(anp):
    """Return the function for autograd, which has no stores: the factors are taken from a row with a zero at its end."""

    def lower_of(below, d):
        column, row = np.triu_indices(d, 1)
        place = np.full((d, d), below.shape[1])
        place[row, column] = np.arange(len(row))
        return anp.concatenate((below, np.zeros((len(below), 1))), axis=1)[:, place]

    def log_sum_exp(x):
        top = anp.max(x, axis=-1, keepdims=True)
        return top[..., 0] + anp.log(anp.sum(anp.exp(x - top), axis=-1))

    return in_library(anp, lambda x, axis: anp.sum(x, axis), log_sum_exp, lower_of)


PEERS = {"jax": Peer(in_jax), "torch": Peer(in_torch), "autograd": Peer(in_autograd)}
PROBLEM = Problem("gmm", inputs, {"loops": by_loops, "numpy": by_arrays}, gradient(0, 1, 2), wrt=(0, 1, 2), peers=PEERS)
