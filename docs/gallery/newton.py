r"""
Newton's method with Hessian-vector products
============================================

Newton's method wants to solve :math:`H s = -g`. Conjugate gradients solve it with products :math:`H v` alone, and ``ad.hvp`` gives such
a product for a few times the cost of the function. The Hessian, a million numbers for the second problem below, never exists.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.sparse.linalg import LinearOperator, cg

import adjoint as ad


def rosenbrock(x):
    """Return the height in Rosenbrock's curved valley, in any number of dimensions."""
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def newton(f, x, steps=60):
    """Yield the points of Newton's method with a backtracking line search."""
    gradient, product = ad.value_and_grad(f), ad.hvp(f)
    for _ in range(steps):
        value, g = gradient(x)
        yield x, np.linalg.norm(g)
        if np.linalg.norm(g) < 1e-10:
            return
        hessian = LinearOperator(
            (x.size, x.size), lambda v, x=x: product(x, v.ravel()), dtype=float
        )
        step, _ = cg(hessian, -g, rtol=min(0.1, np.linalg.norm(g)), maxiter=200)
        if (
            step @ g >= 0
        ):  # not a direction of descent: the Hessian is not positive definite here
            step = -g
        length = 1.0
        while f(x + length * step) > value + 1e-4 * length * (step @ g):
            length /= 2
        x = x + length * step


def descent(f, x, rate, steps):
    """Yield the points of gradient descent."""
    gradient = ad.grad(f)
    for _ in range(steps):
        g = gradient(x)
        yield x, np.linalg.norm(g)
        x = x - rate * g


# %%
# Two dimensions
# --------------

path, norms = zip(*newton(rosenbrock, np.array([-1.2, 1.0])), strict=True)
slow_path, slow_norms = zip(
    *descent(rosenbrock, np.array([-1.2, 1.0]), 1e-3, 600), strict=True
)
print(
    f"Newton: {len(path) - 1} steps, |g| = {norms[-1]:.0e}; gradient descent: 600 steps, |g| = {slow_norms[-1]:.0e}"
)

# %%
# A thousand dimensions
# ---------------------
# The same program. Near the end the number of correct digits doubles with each step, which a wrong or inexact second derivative
# would spoil.

large_path, large_norms = zip(*newton(rosenbrock, np.full(1000, 0.7)), strict=True)
print(
    f"1000 variables: {len(large_path) - 1} steps, |g| = {large_norms[-1]:.0e}, |x - 1| = {np.max(np.abs(large_path[-1] - 1)):.0e}"
)
print("last norms: ", "  ".join(f"{norm:.0e}" for norm in large_norms[-5:]))

# %%
x, y = np.meshgrid(np.linspace(-1.6, 1.5, 200), np.linspace(-0.4, 2.4, 200))
height = 100 * (y - x**2) ** 2 + (1 - x) ** 2

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4.2), width_ratios=(1.15, 1))
left.contour(x, y, height, levels=np.geomspace(0.1, 1200, 14), colors="0.8", linewidths=0.8)
left.plot(
    *np.array(slow_path).T,
    ".-",
    color="C1",
    markersize=3,
    linewidth=0.8,
    label="gradient descent, 600 steps",
)
left.plot(*np.array(path).T, "o-", color="C0", label=f"Newton, {len(path) - 1} steps")
left.plot(1, 1, "*", color="0.2", markersize=11)
left.set(title="Two ways through the valley", xlabel="$x_0$", ylabel="$x_1$")
left.legend(loc="upper center")
left.grid(visible=False)
right.semilogy(slow_norms[:40], color="C1", label="gradient descent, n = 2")
right.semilogy(norms, "o-", color="C0", label="Newton, n = 2")
right.semilogy(large_norms, "s-", color="C2", markersize=4, label="Newton, n = 1000")
right.set(title="Norm of the gradient", xlabel="step", ylim=(1e-14, 1e7))
right.legend(loc="upper right")
plt.show()
