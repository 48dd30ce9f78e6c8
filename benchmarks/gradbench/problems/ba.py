"""`ba`: the errors of reprojection of bundle adjustment: 3D points seen by cameras, with a weight for each observation.

A camera has 11 parameters: rotation as axis times angle (3), centre (3), focal length, principal point (2), radial distortion
(2). The arguments have a row for each observation, those of its camera and of its point: ``cameras[seen[:, 0]]``,
``points[seen[:, 1]]``. So each row of the errors depends on one row of the arguments, and the sparse Jacobian is blocks of 2 ×
15 numbers, which two reverse sweeps give for all observations at once.  From ADBench (F. Šrajer, Z. Kukelova and A. Fitzgibbon,
2018), section 4.2; the rotation is by O. Rodrigues' formula.
"""

from __future__ import annotations

import math

import numpy as np

import adjoint as ad
from benchmarks.gradbench.problem import Peer, Problem


def by_loops(cameras, points, weights, seen):
    """Return the weighted differences between where the points are seen and where they should be, two for each observation."""
    errors = np.zeros((len(weights), 2))
    for i in range(len(weights)):
        r0, r1, r2 = cameras[i, 0], cameras[i, 1], cameras[i, 2]
        x0, x1, x2 = points[i, 0] - cameras[i, 3], points[i, 1] - cameras[i, 4], points[i, 2] - cameras[i, 5]
        square = r0 * r0 + r1 * r1 + r2 * r2
        if square > 0.0:
            angle = math.sqrt(square)
            cos, sin = math.cos(angle), math.sin(angle)
            a0, a1, a2 = r0 / angle, r1 / angle, r2 / angle
            along = (a0 * x0 + a1 * x1 + a2 * x2) * (1.0 - cos)
            y0 = x0 * cos + (a1 * x2 - a2 * x1) * sin + a0 * along
            y1 = x1 * cos + (a2 * x0 - a0 * x2) * sin + a1 * along
            y2 = x2 * cos + (a0 * x1 - a1 * x0) * sin + a2 * along
        else:
            y0 = x0 + r1 * x2 - r2 * x1
            y1 = x1 + r2 * x0 - r0 * x2
            y2 = x2 + r0 * x1 - r1 * x0
        u, v = y0 / y2, y1 / y2
        radius = u * u + v * v
        scale = cameras[i, 6] * (1.0 + cameras[i, 9] * radius + cameras[i, 10] * radius * radius)
        errors[i, 0] = weights[i] * (u * scale + cameras[i, 7] - seen[i, 0])
        errors[i, 1] = weights[i] * (v * scale + cameras[i, 8] - seen[i, 1])
    return errors


def by_arrays(cameras, points, weights, seen):
    """Return the weighted differences between where the points are seen and where they should be, two for each observation."""
    rotation, x = cameras[:, :3], points - cameras[:, 3:6]
    angle = np.sqrt(np.sum(rotation * rotation, axis=1, keepdims=True))
    axis = rotation / angle
    cos, sin = np.cos(angle), np.sin(angle)
    along = np.sum(axis * x, axis=1, keepdims=True) * (1.0 - cos)
    y = x * cos + np.cross(axis, x) * sin + axis * along
    flat = y[:, :2] / y[:, 2:]
    radius = np.sum(flat * flat, axis=1)
    scale = cameras[:, 6] * (1.0 + cameras[:, 9] * radius + cameras[:, 10] * radius * radius)
    return weights[:, None] * (flat * scale[:, None] + cameras[:, 7:9] - seen)


def weight_errors(weights):
    """Return what keeps the weights near one."""
    return 1.0 - weights * weights


def blocks(f):
    """Return what computes the blocks of the Jacobian: errors, their derivatives, and those of the weights' own errors."""

    def jacobian(cameras, points, weights, seen):
        errors, pull = ad.vjp(lambda c, p, w: f(c, p, w, seen), cameras, points, weights)
        first, second = np.zeros_like(errors), np.zeros_like(errors)
        first[:, 0] = 1.0
        second[:, 1] = 1.0
        return errors, pull(first), pull(second), ad.jvp(weight_errors, (weights,), (np.ones_like(weights),))

    return jacobian


def inputs(size):
    """Return cameras, points, weights and where the points are seen, a row for each observation."""
    n, m, p = {"small": (2, 5, 10), "medium": (20, 300, 2_000), "large": (50, 20_000, 200_000)}[size]
    rng = np.random.default_rng(3)
    rotation, centre = rng.normal(scale=0.3, size=(n, 3)), rng.normal(scale=0.5, size=(n, 3))
    lens = np.column_stack((rng.uniform(500, 900, n), rng.normal(scale=20, size=(n, 2)), rng.normal(scale=0.05, size=(n, 2))))
    cameras = np.column_stack((rotation, centre, lens))
    points = rng.normal(size=(m, 3)) + np.array([0.0, 0.0, 6.0])
    of_camera, of_point = rng.integers(0, n, p), rng.integers(0, m, p)
    return cameras[of_camera], points[of_point], rng.uniform(0.5, 1.5, p), rng.normal(scale=50, size=(p, 2))


def in_library(xp, norm, cross):
    """Return the function for a library of arrays."""

    def f(cameras, points, weights, seen):
        rotation, x = cameras[:, :3], points - cameras[:, 3:6]
        angle = norm(rotation)[:, None]
        axis = rotation / angle
        cos, sin = xp.cos(angle), xp.sin(angle)
        along = (axis * x).sum(1)[:, None] * (1.0 - cos)
        y = x * cos + cross(axis, x) * sin + axis * along
        flat = y[:, :2] / y[:, 2:]
        radius = (flat * flat).sum(1)
        scale = cameras[:, 6] * (1.0 + cameras[:, 9] * radius + cameras[:, 10] * radius * radius)
        return weights[:, None] * (flat * scale[:, None] + cameras[:, 7:9] - seen)

    return f


def in_jax(jax):
    """Return the function for JAX."""
    jnp = jax.numpy
    return in_library(jnp, lambda x: jnp.linalg.norm(x, axis=1), jnp.cross)


def blocks_in_jax(jax, f):
    """Return the blocks of the Jacobian for JAX: two sweeps back for one forward."""
    jnp = jax.numpy

    def jacobian(cameras, points, weights, seen):
        errors, pull = jax.vjp(lambda c, p, w: f(c, p, w, seen), cameras, points, weights)
        first, second = jnp.zeros_like(errors).at[:, 0].set(1.0), jnp.zeros_like(errors).at[:, 1].set(1.0)
        return errors, pull(first), pull(second), jax.jvp(weight_errors, (weights,), (jnp.ones_like(weights),))

    return jacobian


def in_torch(torch):
    """Return the function for PyTorch."""
    return in_library(torch, lambda x: torch.linalg.vector_norm(x, dim=1), lambda a, b: torch.linalg.cross(a, b, dim=1))


def blocks_in_torch(torch, f):
    """Return the blocks of the Jacobian for PyTorch: two sweeps back for one forward."""

    def jacobian(cameras, points, weights, seen):
        errors, own = f(cameras, points, weights, seen), weight_errors(weights)
        wrt = cameras, points, weights
        first = torch.autograd.grad(errors[:, 0].sum(), wrt, retain_graph=True)
        second = torch.autograd.grad(errors[:, 1].sum(), wrt)
        return errors, first, second, (own, *torch.autograd.grad(own.sum(), weights))

    return jacobian


def in_autograd(anp):
    """Return the function for autograd."""
    return in_library(anp, lambda x: anp.sqrt(anp.sum(x * x, axis=1)), anp.cross)


def blocks_in_autograd(autograd, f):
    """Return the blocks of the Jacobian for autograd: two sweeps back for one forward."""

    def jacobian(cameras, points, weights, seen):
        pull, errors = autograd.make_vjp(lambda wrt: f(*wrt, seen))((cameras, points, weights))
        first, second = np.zeros_like(errors), np.zeros_like(errors)
        first[:, 0] = 1.0
        second[:, 1] = 1.0
        pull_own, own = autograd.make_vjp(weight_errors)(weights)
        return errors, pull(first), pull(second), (own, pull_own(np.ones_like(weights)))

    return jacobian


PEERS = {
    "jax": Peer(in_jax, blocks_in_jax),
    "torch": Peer(in_torch, blocks_in_torch),
    "autograd": Peer(in_autograd, blocks_in_autograd),
}
FORMS = {"loops": by_loops, "numpy": by_arrays}
PROBLEM = Problem("ba", inputs, FORMS, blocks, "sparse Jacobian", wrt=(0, 1, 2), peers=PEERS)
