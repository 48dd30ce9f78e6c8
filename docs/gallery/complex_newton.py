r"""
Complex numbers: Newton's fractal, and a gradient in the plane
==============================================================

A holomorphic function has a complex derivative, and Newton's method works with it: :math:`z \leftarrow z - p(z)/p'(z)`. A real
function of a complex number has a gradient instead, which points to where the function grows fastest. Here is each of them.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap

import adjoint as ad


def p(z):
    """Return a polynomial with the roots 1, and the two others of one."""
    return z**3 - 1


# %%
# Which root does Newton's method find?
# -------------------------------------
# One forward pass with the tangent 1 at each point is the derivative at all of them: ``derivative`` does that.

side = np.linspace(-1.6, 1.6, 360)
start = side[None, :] + 1j * side[::-1, None]
slope = ad.derivative(p)
roots = np.exp(2j * np.pi * np.arange(3) / 3)

z = start.copy()
needed = np.zeros(z.shape)
for _ in range(32):
    z -= p(z) / slope(z)
    needed += np.min(np.abs(z[..., None] - roots), axis=-1) > 1e-6
nearest = np.argmin(np.abs(z[..., None] - roots), axis=-1)
print("share of the plane for each root:", np.bincount(nearest.ravel()) / nearest.size)

# %%
# The gradient of a real function
# -------------------------------
# :math:`\log |p(z)|` is real, so its gradient is :math:`\partial_x + i\,\partial_y`, the direction of steepest ascent. ``vmap`` takes it at
# each point of a grid. Going against it leads to a root too, slowly.


def height(z):
    """Return the logarithm of the modulus of ``p``."""
    return np.log(np.abs(p(z)))


coarse = (
    np.linspace(-1.5, 1.5, 18)[None, :] + 1j * np.linspace(-1.5, 1.5, 18)[:, None]
).ravel()
uphill = ad.vmap(ad.grad(height))(coarse)
analytic = np.conj(3 * coarse**2 / (coarse**3 - 1))
print(f"largest difference to the formula: {np.max(np.abs(uphill - analytic)):.0e}")

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4.5), sharey=True)
extent = (-1.6, 1.6, -1.6, 1.6)
left.imshow(nearest, extent=extent, cmap=ListedColormap(["#2f6f9f", "#c8603a", "#5a9a5f"]))
left.imshow(needed, extent=extent, cmap="Greys_r", alpha=0.45, vmin=0, vmax=16)
left.plot(roots.real, roots.imag, "o", color="white", markersize=5)
left.set(title="The root that Newton's method finds", xlabel="Re z", ylabel="Im z")
right.contour(side, side, height(start[::-1]), levels=14, colors="0.75", linewidths=0.8)
direction = -uphill / np.abs(uphill)
right.quiver(
    coarse.real,
    coarse.imag,
    direction.real,
    direction.imag,
    color="C0",
    width=0.004,
    scale=24,
    pivot="mid",
)
right.plot(roots.real, roots.imag, "o", color="C1")
right.set(title=r"Downhill on $\log|p(z)|$", xlabel="Re z", aspect="equal")
for axis in (left, right):
    axis.grid(visible=False)
plt.show()
