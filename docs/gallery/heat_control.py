r"""
Heat flow in place: where did it start?
=======================================

A plate is heated in some places, and the heat spreads. We see the plate after a while and want to know where it was heated. The
simulation is a stencil that updates the array in place, through views, as one writes it in NumPy. Reverse mode gives the
derivative of the misfit with respect to all 2,304 starting temperatures in one pass.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize

import adjoint as ad

SIDE, STEPS = 48, 30


def spread(heat):
    """Return the temperatures after `STEPS` steps; the rim is kept at zero."""
    u = heat.copy()
    u[0] = u[-1] = 0.0
    u[:, 0] = u[:, -1] = 0.0
    for _ in range(STEPS):
        inner = u[1:-1, 1:-1]
        inner += 0.2 * (u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4 * inner)
    return u


# %%
# The truth, and what a camera with a little noise sees.

truth = np.zeros((SIDE, SIDE))
truth[10:16, 8:30] = 1.0
truth[16:38, 8:14] = 1.0
rows, columns = np.mgrid[:SIDE, :SIDE]
truth[(rows - 31) ** 2 + (columns - 32) ** 2 < 42] = 0.8
seen = spread(truth) + np.random.default_rng(0).normal(0, 0.002, truth.shape)


# %%
# Back to the start
# -----------------
# The misfit alone would fit the noise. A second term asks for few and sharp edges: it is the total variation of the start,
# smoothed where it would have a kink.


def misfit(heat):
    """Return how badly ``heat`` explains what was seen, plus the price of its edges."""
    u = heat.reshape(SIDE, SIDE)
    difference = spread(u) - seen
    down, across = np.diff(u, axis=0)[:, :-1], np.diff(u, axis=1)[:-1]
    edges = np.sum(np.sqrt(down**2 + across**2 + 1e-6))
    return np.sum(difference**2) / 2 + 1e-4 * edges


zero = np.zeros(SIDE * SIDE)
bounds = [(0.0, None)] * zero.size
found = minimize(
    ad.value_and_grad(misfit),
    zero,
    jac=True,
    method="L-BFGS-B",
    bounds=bounds,
    options={"maxiter": 400, "maxcor": 20},
)
recovered = found.x.reshape(SIDE, SIDE)
print(
    f"{found.nfev} gradients of {zero.size} temperatures; with differences it would have been {found.nfev * zero.size:,} more simulations"
)
print(
    f"mean error of the start: {np.mean(np.abs(seen - truth)):.3f} as seen, {np.mean(np.abs(recovered - truth)):.3f} as recovered"
)

# %%
figure, axes = plt.subplots(1, 4, figsize=(9.6, 2.9))
influence = -ad.grad(misfit)(zero).reshape(SIDE, SIDE)
pictures = {
    "Heated (hidden)": truth,
    "Seen later": seen,
    "First gradient": influence,
    "Recovered": recovered,
}
for axis, (title, picture) in zip(axes, pictures.items(), strict=True):
    axis.imshow(picture, cmap="inferno", vmin=0, vmax=None if picture is influence else 1)
    axis.set(title=title, xticks=[], yticks=[])
    axis.grid(visible=False)
plt.show()
