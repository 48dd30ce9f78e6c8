"""`ht`: tracking of a hand: how far a posed hand is from measured points, and the Jacobian with respect to the pose.

The 26 parameters are rotation (axis times angle), translation, and for each of five fingers the bend and the spread of the
first bone and the bends of the next two.  A hand has 22 bones: two of the palm, four in a finger, the last of which does not
bend.  The position of a vertex is the mean of where the bones carry it, with weights ("linear blend skinning").  From J. Taylor
and others, "User-specific hand modeling from monocular depth sequences" (2014), as simplified for ADBench (F. Šrajer, Z.
Kukelova and A. Fitzgibbon, 2018, section 4.3). The hand here is made up: fingers of random bones, vertices around them.
"""

from __future__ import annotations

import math

import numpy as np

import adjoint as ad
from benchmarks.gradbench.problem import Peer, Problem

FINGERS, FINGER_BONES = 5, 4
BONES = 2 + FINGERS * FINGER_BONES
PARENTS = [-1, 0] + [1 if b % FINGER_BONES == 0 else b + 1 for b in range(FINGERS * FINGER_BONES)]


def joint_angles(theta):
    """Return bend and spread of each bone."""
    angles = np.zeros((BONES, 2))
    for finger in range(FINGERS):
        bone, first = 2 + FINGER_BONES * finger, 6 + 4 * finger
        angles[bone, 0] = theta[first]
        angles[bone, 1] = theta[first + 1]
        angles[bone + 1, 0] = theta[first + 2]
        angles[bone + 2, 0] = theta[first + 3]
    return angles


def joint(bend, spread):
    """Return the 4 × 4 matrix that bends about the first axis and then spreads about the third."""
    cb, sb, cs, ss = math.cos(bend), math.sin(bend), math.cos(spread), math.sin(spread)
    turned = np.zeros((4, 4))
    turned[0, 0], turned[0, 1], turned[0, 2] = cs, -ss * cb, ss * sb
    turned[1, 0], turned[1, 1], turned[1, 2] = ss, cs * cb, -cs * sb
    turned[2, 1], turned[2, 2] = sb, cb
    turned[3, 3] = 1.0
    return turned


def rotation_matrix(r):
    """Return the matrix that turns about ``r`` by its length (O. Rodrigues)."""
    square = r[0] * r[0] + r[1] * r[1] + r[2] * r[2]
    turned = np.eye(3)
    if square > 0.0:
        angle = math.sqrt(square)
        x, y, z = r[0] / angle, r[1] / angle, r[2] / angle
        s, c = math.sin(angle), math.cos(angle)
        turned[0, 0], turned[0, 1], turned[0, 2] = x * x + (1 - x * x) * c, x * y * (1 - c) - z * s, x * z * (1 - c) + y * s
        turned[1, 0], turned[1, 1], turned[1, 2] = x * y * (1 - c) + z * s, y * y + (1 - y * y) * c, y * z * (1 - c) - x * s
        turned[2, 0], turned[2, 1], turned[2, 2] = x * z * (1 - c) - y * s, z * y * (1 - c) + x * s, z * z + (1 - z * z) * c
    return turned


def product(a, b):
    """Return the product of two 4 × 4 matrices."""
    c = np.zeros((4, 4))
    for i in range(4):
        for j in range(4):
            for k in range(4):
                c[i, j] += a[i, k] * b[k, j]
    return c


def by_loops(theta, parents, relatives, inverses, rest, weights, nearest, measured):
    """Return the differences between the measured points and their nearest vertices, a row for each point."""
    angles = joint_angles(theta)
    absolutes = np.zeros((BONES, 4, 4))
    transforms = np.zeros((BONES, 4, 4))
    for bone in range(BONES):
        relative = product(relatives[bone], joint(angles[bone, 0], angles[bone, 1]))
        if parents[bone] < 0:
            absolutes[bone] = relative
        else:
            absolutes[bone] = product(absolutes[parents[bone]], relative)
        transforms[bone] = product(absolutes[bone], inverses[bone])
    vertices = np.zeros((len(rest), 3))
    for v in range(len(rest)):
        for bone in range(BONES):
            for i in range(3):
                moved = 0.0
                for k in range(4):
                    moved += transforms[bone, i, k] * rest[v, k]
                vertices[v, i] += weights[v, bone] * moved
    turned = rotation_matrix(theta[:3])
    errors = np.zeros((len(nearest), 3))
    for p in range(len(nearest)):
        v = nearest[p]
        for i in range(3):
            place = theta[3 + i]
            for k in range(3):
                place += turned[i, k] * vertices[v, k]
            errors[p, i] = measured[p, i] - place
    return errors


def by_arrays(theta, parents, relatives, inverses, rest, weights, nearest, measured):
    """Return the differences between the measured points and their nearest vertices, a row for each point."""
    angles = joint_angles(theta)
    absolutes = np.zeros((BONES, 4, 4))
    for bone in range(BONES):
        relative = relatives[bone] @ joint(angles[bone, 0], angles[bone, 1])
        if parents[bone] < 0:
            absolutes[bone] = relative
        else:
            absolutes[bone] = absolutes[parents[bone]] @ relative
    transforms = absolutes @ inverses
    carried = np.einsum("bik,vk->vbi", transforms[:, :3], rest)
    vertices = np.sum(weights[:, :, None] * carried, axis=1)
    return measured - (vertices[nearest] @ rotation_matrix(theta[:3]).T + theta[3:6])


def hand(rng):
    """Return the placements of the bones, relative to their parents and absolute."""
    relatives, absolutes = np.zeros((BONES, 4, 4)), np.zeros((BONES, 4, 4))
    for bone in range(BONES):
        relatives[bone] = np.eye(4)
        relatives[bone, :3, :3] = rotation_matrix(rng.normal(scale=0.3, size=3))
        relatives[bone, :3, 3] = rng.normal(scale=0.3, size=3) + np.array([0.0, 1.0, 0.0])
        absolutes[bone] = relatives[bone] if bone == 0 else absolutes[PARENTS[bone]] @ relatives[bone]
    return relatives, absolutes


def inputs(size):
    """Return the pose, the hand (parents, placements, their inverses, vertices at rest, weights), and the measured points."""
    v, p = {"small": (12, 5), "medium": (544, 200), "large": (10_000, 10_000)}[size]
    rng = np.random.default_rng(5)
    relatives, absolutes = hand(rng)
    near = absolutes[rng.integers(0, BONES, v), :3, 3] + rng.normal(scale=0.2, size=(v, 3))
    weights = np.exp(-np.sum((near[:, None, :] - absolutes[:, :3, 3]) ** 2, axis=2))
    rest = np.column_stack((near, np.ones(v)))
    nearest = rng.integers(0, v, p)
    measured = near[nearest] + rng.normal(scale=0.1, size=(p, 3))
    theta = rng.normal(scale=0.3, size=6 + 4 * FINGERS)
    weights = weights / np.sum(weights, axis=1, keepdims=True)
    return theta, np.array(PARENTS), relatives, np.linalg.inv(absolutes), rest, weights, nearest, measured


def in_library(xp, place_angles, carry):
    """Return the function for a library of arrays whose trees of bones are Python's: the parents are known."""

    def matrices(rows):
        return xp.stack([xp.stack(row, -1) for row in rows], -2)

    def joints(bend, spread):
        cb, sb, cs, ss = xp.cos(bend), xp.sin(bend), xp.cos(spread), xp.sin(spread)
        zero, one = xp.zeros_like(cb), xp.ones_like(cb)
        return matrices(
            [[cs, -ss * cb, ss * sb, zero], [ss, cs * cb, -cs * sb, zero], [zero, sb, cb, zero], [zero, zero, zero, one]]
        )

    def rotation(r):
        angle = xp.sqrt((r * r).sum())
        x, y, z = r / angle
        s, c = xp.sin(angle), xp.cos(angle)
        d = 1 - c
        return matrices(
            [
                [x * x * d + c, x * y * d - z * s, x * z * d + y * s],
                [x * y * d + z * s, y * y * d + c, y * z * d - x * s],
                [x * z * d - y * s, z * y * d + x * s, z * z * d + c],
            ]
        )

    def f(theta, _, relatives, inverses, rest, weights, nearest, measured):
        local = relatives @ joints(*place_angles(theta[6:].reshape(FINGERS, 4)))
        absolutes = []
        for bone in range(BONES):
            absolutes.append(local[bone] if bone == 0 else absolutes[PARENTS[bone]] @ local[bone])
        vertices = carry((xp.stack(absolutes) @ inverses)[:, :3], rest, weights)
        return measured - (vertices[nearest] @ rotation(theta[:3]).T + theta[3:6])

    return f


def in_jax(jax):
    """Return the function for JAX."""
    jnp = jax.numpy

    def place_angles(fingers):
        bends = jnp.zeros((FINGERS, FINGER_BONES)).at[:, :3].set(fingers[:, jnp.array([0, 2, 3])])
        spreads = jnp.zeros((FINGERS, FINGER_BONES)).at[:, 0].set(fingers[:, 1])
        return [jnp.concatenate((jnp.zeros(2), angles.ravel())) for angles in (bends, spreads)]

    return in_library(jnp, place_angles, lambda t, rest, weights: jnp.einsum("vb,bik,vk->vi", weights, t, rest))


def jacobian_in_jax(jax, f):
    """Return the Jacobian for JAX."""
    return jax.jacfwd(f)


def in_torch(torch):
    """Return the function for PyTorch."""

    def place_angles(fingers):
        none = torch.zeros_like(fingers[:, 0])
        bends = torch.stack((fingers[:, 0], fingers[:, 2], fingers[:, 3], none), -1)
        spreads = torch.stack((fingers[:, 1], none, none, none), -1)
        palm = torch.zeros(2, dtype=fingers.dtype)
        return [torch.cat((palm, angles.reshape(-1))) for angles in (bends, spreads)]

    return in_library(torch, place_angles, lambda t, rest, weights: torch.einsum("vb,bik,vk->vi", weights, t, rest))


def jacobian_in_torch(torch, f):
    """Return the Jacobian for PyTorch."""
    return torch.func.jacfwd(f)


PEERS = {"jax": Peer(in_jax, jacobian_in_jax), "torch": Peer(in_torch, jacobian_in_torch)}
PROBLEM = Problem("ht", inputs, {"loops": by_loops, "numpy": by_arrays}, ad.jacfwd, "dense Jacobian", peers=PEERS)
