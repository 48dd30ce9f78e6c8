r"""
A recursive function: adaptive quadrature
=========================================

Adaptive Simpson integration cuts an interval in two where it is not accurate enough, and calls itself on the halves. The depth
depends on the integrand. The derivative recurses with it.

The integral is :math:`I(c, w) = \int_0^1 \frac{w\,dx}{(x - c)^2 + w^2}`, a peak at :math:`c` of width :math:`w`. It has a closed form,
:math:`\arctan\frac{1-c}{w} + \arctan\frac{c}{w}`, so that we can see what comes out.
"""

import matplotlib.pyplot as plt
import numpy as np

import adjoint as ad


def peak(x, c, w):
    """Return the integrand."""
    return w / ((x - c) ** 2 + w**2)


def simpson(f, a, fa, m, fm, b, fb, tolerance, visited):
    """Integrate ``f`` from ``a`` to ``b``, given its values there and in the middle."""
    left, right = (a + m) / 2, (m + b) / 2
    f_left, f_right = f(left), f(right)
    whole = (b - a) / 6 * (fa + 4 * fm + fb)
    halves = (b - a) / 12 * (fa + 4 * f_left + 2 * fm + 4 * f_right + fb)
    if abs(halves - whole) <= 15 * tolerance:
        visited.append((a, b))
        return halves + (halves - whole) / 15
    return simpson(f, a, fa, left, f_left, m, fm, tolerance / 2, visited) + simpson(
        f, m, fm, right, f_right, b, fb, tolerance / 2, visited
    )


def integral(c, w, tolerance=1e-8, visited=None):
    """Return the integral of the peak over the unit interval."""

    def f(x):
        return peak(x, c, w)

    visited = [] if visited is None else visited
    return simpson(f, 0.0, f(0.0), 0.5, f(0.5), 1.0, f(1.0), tolerance, visited)


# %%
# Value and derivatives
# ---------------------

c, w = 0.3, 0.02
value, slopes = ad.value_and_grad(integral, argnums=(0, 1))(c, w)
truth = np.arctan((1 - c) / w) + np.arctan(c / w)
truth_c = -w / ((1 - c) ** 2 + w**2) + w / (c**2 + w**2)
truth_w = -(1 - c) / ((1 - c) ** 2 + w**2) - c / (c**2 + w**2)
for name, computed, exact in (
    ("I", value, truth),
    ("dI/dc", slopes[0], truth_c),
    ("dI/dw", slopes[1], truth_w),
):
    print(
        f"{name:6s} {computed:14.10f}   exact {exact:14.10f}   error {abs(computed - exact):.0e}"
    )

# %%
# The intervals that the recursion ended with, and the derivative for a whole range of peaks.

visited = []
integral(c, w, 1e-5, visited)
edges = np.array(sorted({edge for interval in visited for edge in interval}))
x = np.linspace(0, 1, 1000)
centres = np.linspace(-0.3, 1.3, 161)
computed = [ad.grad(integral)(centre, w, 1e-6) for centre in centres]
exact = -w / ((1 - centres) ** 2 + w**2) + w / (centres**2 + w**2)

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.9))
left.plot(x, peak(x, c, w))
left.fill_between(x, 0, peak(x, c, w), alpha=0.15)
left.vlines(edges, -4.5, -1.5, color="C2", linewidth=0.8)
left.text(1.0, -5.2, f"{len(visited)} intervals", ha="right", va="top", color="C2")
left.set(title="The integrand, and where the recursion went", xlabel="$x$", ylim=(-9, 53))
right.plot(centres, exact, color="0.75", linewidth=5, label="exact")
right.plot(
    centres, computed, color="C1", linewidth=1.4, label="derivative of the recursion"
)
right.set(
    title="The derivative of the integral",
    ylabel="$dI/dc$",
    xlabel="centre of the peak, $c$",
)
right.legend()
plt.show()
