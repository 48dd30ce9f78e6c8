r"""
Bundle adjustment with a sparse Jacobian
========================================

Photographs of a scene, taken from unknown places: where were the cameras, and where are the points that they saw? Each photographed point
gives two residuals, which depend on one camera and on one point, so that all but a few of the Jacobian's entries are zero. ``sparse=True``
finds out which ones from the program, and computes the rest in as many passes as one residual has parameters.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import least_squares
from scipy.sparse import hstack

import adjoint as ad

rng = np.random.default_rng(1)
CAMERAS, POINTS = 8, 150
true_points = rng.uniform(-1, 1, (POINTS, 3))
angles = np.linspace(0, 1.5, CAMERAS)
turns = np.stack([0 * angles, angles, 0 * angles], axis=1)
true_cameras = np.concatenate(
    [turns + 0.01, np.tile([0.0, 0.0, 6.0], (CAMERAS, 1)), np.ones((CAMERAS, 1))], axis=1
)
seen = np.argwhere(rng.uniform(size=(CAMERAS, POINTS)) < 0.6)


def rotated(turn, x):
    """Return vectors turned around an axis, by Rodrigues' formula."""
    angle = np.sqrt(np.sum(turn**2, axis=1))[:, None]
    axis = turn / angle
    along = np.sum(axis * x, axis=1)[:, None] * axis
    return along + np.cos(angle) * (x - along) + np.sin(angle) * np.cross(axis, x)


def projected(cameras, points):
    """Return where the cameras see the points: a turn, a shift, a focal length."""
    camera, point = cameras[seen[:, 0]], points[seen[:, 1]]
    q = rotated(camera[:, :3], point) + camera[:, 3:6]
    return camera[:, 6:] * q[:, :2] / q[:, 2:]


measured = projected(true_cameras, true_points) + 0.001 * rng.normal(size=(len(seen), 2))


def residuals(cameras, points):
    """Return what the projections miss."""
    return projected(cameras, points) - measured


# %%
# The Jacobian
# ------------
# One block of columns for the cameras, and one for the points. The pattern is that of the indices in ``seen``.

both = ad.jacobian(residuals, argnums=(0, 1), sparse=True)
start = (
    true_cameras + 0.02 * rng.normal(size=true_cameras.shape),
    true_points + 0.1 * rng.normal(size=true_points.shape),
)
J = hstack(both(*start)).tocsr()
print(f"{J.shape[0]} by {J.shape[1]}, {J.nnz} entries: {J.nnz / np.prod(J.shape):.1%}")

fig, ax = plt.subplots(figsize=(7, 5))
ax.spy(J[:300], markersize=1, aspect="auto")
ax.set(xlabel="parameter: cameras, then points", ylabel="residual")
plt.show()

# %%
# The fit
# -------
# The pattern does not change from step to step, so it is found once. Given back, it is checked at every call.


def split(x):
    """Cut a vector into cameras and points."""
    return x[: 7 * CAMERAS].reshape(-1, 7), x[7 * CAMERAS :].reshape(-1, 3)


same = ad.jacobian(residuals, argnums=(0, 1), sparse=True, pattern=J)
fit = least_squares(
    lambda x: residuals(*split(x)).ravel(),
    np.concatenate([part.ravel() for part in start]),
    jac=lambda x: hstack(same(*split(x))).tocsr(),
    x_scale="jac",
    max_nfev=30,
)
error = np.sqrt(np.mean(fit.fun**2))
print(f"{fit.njev} Jacobians; root mean square of the residuals {error:.1e}")

fig, ax = plt.subplots(figsize=(7, 4))
ax.hist(
    np.abs(residuals(*start)).ravel(),
    bins=np.geomspace(1e-5, 1, 60),
    alpha=0.6,
    label="start",
)
ax.hist(np.abs(fit.fun), bins=np.geomspace(1e-5, 1, 60), alpha=0.6, label="fit")
ax.axvline(0.001, color="black", linewidth=1, label="noise")
ax.set(xscale="log", xlabel="residual", ylabel="count")
ax.legend()
plt.show()
