r"""
The logistic map: how fast nearby orbits part
=============================================

The map :math:`x \mapsto r x (1 - x)` is a line of Python. Iterated a few hundred times it has no formula that one would want to
see: the polynomial in :math:`x` has degree :math:`2^n`. Its derivative is the same program, run with a tangent beside each value.
"""

import matplotlib.pyplot as plt
import numpy as np

import adjoint as ad


def orbit(x, r, steps):
    """Return the place after so many steps."""
    for _ in range(steps):
        x = r * x * (1 - x)
    return x


# %%
# The iterates, and their slopes
# ------------------------------
# ``derivative`` works elementwise, so one forward pass gives the slope at all 801 points. For :math:`r = 4` the truth is known:
# :math:`x_n = \sin^2(2^n \theta)` with :math:`\theta = \arcsin\sqrt{x_0}`, from which the slope follows. (The differences printed are
# mostly the rounding of that formula.)

x = np.linspace(0.001, 0.999, 801)
figure, axes = plt.subplots(2, 4, figsize=(9, 4.2), sharex=True)
for column, steps in zip(axes.T, (1, 2, 3, 6), strict=True):
    slope = ad.derivative(orbit)(x, 4.0, steps)
    theta = np.arcsin(np.sqrt(x))
    truth = 2**steps * np.sin(2 * 2**steps * theta) / (2 * np.sqrt(x * (1 - x)))
    print(
        f"n = {steps}: largest difference over largest slope {np.max(np.abs(slope - truth)) / np.max(np.abs(truth)):.1e}"
    )
    column[0].plot(x, orbit(x, 4.0, steps), linewidth=1.2)
    column[1].plot(x, slope, color="C1", linewidth=1.2)
    column[0].set_title("1 step" if steps == 1 else f"{steps} steps")
    column[1].set_xlabel("$x_0$")
axes[0, 0].set_ylabel("$x_n$")
axes[1, 0].set_ylabel("$dx_n / dx_0$")
plt.show()

# %%
# Chaos, measured
# ---------------
# Two orbits that start :math:`\varepsilon` apart are :math:`\varepsilon\, |dx_n/dx_0|` apart after :math:`n` steps. The rate
# :math:`\lambda = \frac{1}{n} \log |dx_n/dx_0|` is the Lyapunov exponent: where it is positive, the map is chaotic. Differences
# cannot measure it, since their step would have to be smaller than :math:`e^{-\lambda n}`, far below rounding error.

r = np.linspace(2.8, 4.0, 1201)
settled = orbit(np.full_like(r, 0.3), r, 500)
steps = 300
stretching = np.abs(ad.derivative(orbit)(settled, r, steps))
exponent = np.log(np.maximum(stretching, 1e-300)) / steps

figure, (above, below) = plt.subplots(
    2, 1, figsize=(7, 5.6), sharex=True, height_ratios=(3, 2)
)
place = settled
for _ in range(120):
    place = orbit(place, r, 1)
    above.plot(r, place, ",", color="C0", alpha=0.5)
above.set(title="Where the orbits go", ylabel="$x$")
above.grid(visible=False)
below.axhline(0, color="0.6", linewidth=1)
below.plot(r, exponent, color="C1", linewidth=1)
below.fill_between(
    r, 0, exponent, where=exponent > 0, color="C1", alpha=0.25, label="chaos"
)
below.set(title="How fast they part", xlabel="$r$", ylabel=r"$\lambda$", ylim=(-1.6, 0.9))
below.legend(loc="lower left")
plt.show()

# %%
# At :math:`r = 4` the exponent is known to be :math:`\log 2`.

# sphinx_gallery_thumbnail_number = 2

start = np.linspace(0.1, 0.9, 500)
mean = np.mean(np.log(np.abs(ad.derivative(orbit)(start, 4.0, steps))) / steps)
print(f"measured {mean:.4f}, log 2 = {np.log(2):.4f}")
