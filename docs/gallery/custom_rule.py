r"""
A rule of one's own: Kepler's equation
======================================

Where is a planet at time :math:`t`? Kepler's equation :math:`E - e \sin E = M` has to be solved for the angle :math:`E`, by iteration.
Its derivative need not go through the iteration: differentiate the equation, not the solver,

.. math:: \frac{\partial E}{\partial M} = \frac{1}{1 - e \cos E}, \qquad \frac{\partial E}{\partial e} = \frac{\sin E}{1 - e \cos E}.

That is a rule of two lines. It holds in both modes and in all orders.
"""

import time

import matplotlib.pyplot as plt
import numpy as np

import adjoint as ad


def solve_kepler(M, e):
    """Return the eccentric anomaly, by Newton's method."""
    E = M + e * np.sin(M)
    for _ in range(50):
        step = (E - e * np.sin(E) - M) / (1 - e * np.cos(E))
        E = E - step
        if np.max(np.abs(step)) < 1e-14:
            break
    return E


def kepler(M, e):
    """Return the eccentric anomaly; the function that gets a rule."""
    return solve_kepler(M, e)


# A partial derivative for each argument, as a function of the result and the arguments.
ad.rules.elementwise(
    kepler,
    lambda E, M, e: 1 / (1 - e * np.cos(E)),
    lambda E, M, e: np.sin(E) / (1 - e * np.cos(E)),
)

# %%
# Test it
# -------
# ``check`` compares both modes, first and second order, with differences and with each other.

print(
    ad.check(lambda M, e: np.sum(kepler(M, e)), np.linspace(0.3, 5.0, 4), np.full(4, 0.6))
)

# %%
# With and without
# ----------------
# Without the rule the derivative goes through every iteration: the same numbers, with more work.

M, e = np.linspace(0, np.pi, 20_000), 0.7


def seconds(solver):
    """Return the gradient of a sum of angles, and the time of the fastest of five runs."""
    gradient = ad.grad(lambda e: np.sum(solver(M, e)))
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        slope = gradient(e)
        times.append(time.perf_counter() - begin)
    return slope, min(times)


by_rule, by_loop = seconds(kepler), seconds(solve_kepler)
print(
    f"relative difference {abs(by_rule[0] / by_loop[0] - 1):.0e}; the loop takes {by_loop[1] / by_rule[1]:.1f} times as long"
)


# %%
# An orbit
# --------
# The position depends on time through ``kepler``; its derivatives are velocity and acceleration. Gravity says that the
# acceleration is :math:`-r/|r|^3`, which is a test of the second derivative.


def position(t, e=0.7):
    """Return the place of a planet on an orbit with half axis 1, around a sun of mass 1."""
    E = kepler(t, e)
    return np.array([np.cos(E) - e, np.sqrt(1 - e * e) * np.sin(E)])


t = np.linspace(0, 2 * np.pi, 33)[:-1]
places = position(t)
velocity = np.array([ad.derivative(position)(moment) for moment in t]).T
acceleration = np.array([ad.derivative(position, order=2)(moment) for moment in t]).T
gravity = -places / np.linalg.norm(places, axis=0) ** 3
print(
    f"acceleration against gravity: {np.max(np.abs(acceleration - gravity)):.0e}, of at most {np.max(np.abs(gravity)):.1f}"
)

figure, axis = plt.subplots(figsize=(7, 4.6))
axis.plot(*position(np.linspace(0, 2 * np.pi, 400)), color="0.8", linewidth=1.2)
axis.quiver(
    *places,
    *velocity,
    color="C0",
    angles="xy",
    scale_units="xy",
    scale=6,
    width=0.004,
    label="velocity",
)
pull = (
    acceleration / np.linalg.norm(acceleration, axis=0) ** 0.5
)  # long and short arrows in one picture
axis.quiver(
    *places,
    *pull,
    color="C1",
    angles="xy",
    scale_units="xy",
    scale=9,
    width=0.004,
    label="acceleration (square root)",
)
axis.plot(*places, "o", color="0.2", markersize=3)
axis.plot(0, 0, "o", color="#e0b030", markersize=14, markeredgecolor="#b08010")
axis.set(
    title="A planet at equal intervals of time",
    aspect="equal",
    xlim=(-1.85, 0.5),
    ylim=(-0.85, 0.85),
)
axis.legend(loc="center", bbox_to_anchor=(0.42, 0.5))
plt.show()
