"""`kmeans`: one step of Newton's method on the objective of k-means, ``Σ_i min_j |c_j - p_i|²``.

The Hessian is diagonal, so its product with a vector of ones is its diagonal: one product instead of a matrix.  From L. Bottou
and Y. Bengio, "Convergence properties of the k-means algorithms" (1994).
"""

from __future__ import annotations

import numpy as np

import adjoint as ad
from benchmarks.gradbench.problem import Peer, Problem


def by_loops(centroids, points):
    """Return the sum of the squared distances to the nearest centroid."""
    k, d = centroids.shape
    total = 0.0
    for i in range(len(points)):
        least = np.inf
        for j in range(k):
            distance = 0.0
            for a in range(d):
                difference = centroids[j, a] - points[i, a]
                distance += difference * difference
            least = min(least, distance)
        total += least
    return total


def by_arrays(centroids, points):
    """Return the sum of the squared distances to the nearest centroid."""
    differences = points[:, None, :] - centroids
    return np.sum(np.min(np.sum(differences * differences, axis=2), axis=1))


def newton_step(f):
    """Return what computes the step of Newton's method: the gradient over the diagonal of the Hessian."""

    def step(centroids, points):
        slope = ad.grad(lambda c: f(c, points))
        gradient, diagonal = ad.jvp(slope, (centroids,), (np.ones_like(centroids),))
        return gradient / diagonal

    return step


def inputs(size):
    """Return the centroids and the points."""
    k, n, d = {"small": (3, 30, 2), "medium": (10, 1_000, 8), "large": (50, 20_000, 16)}[size]
    rng = np.random.default_rng(7)
    points = rng.normal(size=(n, d))
    return points[:k] + 0.01 * rng.normal(size=(k, d)), points


def in_jax(jax):
    """Return the function for JAX."""
    jnp = jax.numpy

    def f(centroids, points):
        return jnp.sum(jnp.min(jnp.sum((points[:, None, :] - centroids) ** 2, axis=2), axis=1))

    return f


def step_in_jax(jax, f):
    """Return the step of Newton's method for JAX."""

    def step(centroids, points):
        slope = jax.grad(lambda c: f(c, points))
        gradient, diagonal = jax.jvp(slope, (centroids,), (jax.numpy.ones_like(centroids),))
        return gradient / diagonal

    return step


def in_torch(torch):
    """Return the function for PyTorch."""

    def f(centroids, points):
        return torch.sum(torch.amin(torch.sum((points[:, None, :] - centroids) ** 2, dim=2), dim=1))

    return f


def step_in_torch(torch, f):
    """Return the step of Newton's method for PyTorch: reverse over reverse."""

    def step(centroids, points):
        (gradient,) = torch.autograd.grad(f(centroids, points), centroids, create_graph=True)
        (diagonal,) = torch.autograd.grad(gradient.sum(), centroids)
        return gradient / diagonal

    return step


def in_autograd(anp):
    """Return the function for autograd."""

    def f(centroids, points):
        return anp.sum(anp.min(anp.sum((points[:, None, :] - centroids) ** 2, axis=2), axis=1))

    return f


def step_in_autograd(autograd, f):
    """Return the step of Newton's method for autograd: reverse over reverse."""
    slope = autograd.grad(f)

    def step(centroids, points):
        pull, gradient = autograd.make_vjp(slope, argnum=0)(centroids, points)
        return gradient / pull(np.ones_like(centroids))

    return step


PEERS = {
    "jax": Peer(in_jax, step_in_jax),
    "torch": Peer(in_torch, step_in_torch),
    "autograd": Peer(in_autograd, step_in_autograd),
}
PROBLEM = Problem("kmeans", inputs, {"loops": by_loops, "numpy": by_arrays}, newton_step, "Newton step", peers=PEERS)
