r"""
Parameters of a differential equation
=====================================

Hares and lynxes: :math:`\dot u = a u - b u v`, :math:`\dot v = -c v + d u v`. We have noisy counts at twenty times, and look for the
four rates and the two starting values. The solver is a loop of Runge-Kutta steps, written with nothing special in mind.
``ad.jacobian`` differentiates through it.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import least_squares

import adjoint as ad


def rates(state, p):
    """Return the right-hand side."""
    u, v = state
    a, b, c, d = p["rates"]
    return np.array([a * u - b * u * v, -c * v + d * u * v])


def solve(p, times, substeps=8):
    """Return the states at ``times``, by the classical Runge-Kutta method."""
    states = np.zeros((len(times), 2))
    state = p["start"]
    states[0] = state
    for i in range(1, len(times)):
        h = (times[i] - times[i - 1]) / substeps
        for _ in range(substeps):
            k1 = rates(state, p)
            k2 = rates(state + h / 2 * k1, p)
            k3 = rates(state + h / 2 * k2, p)
            k4 = rates(state + h * k3, p)
            state = state + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        states[i] = state
    return states


# %%
# Data, made from known parameters with 8 % noise.

truth = {"rates": np.array([1.1, 0.4, 0.4, 0.1]), "start": np.array([10.0, 5.0])}
times = np.linspace(0, 14, 20)
counts = solve(truth, times) * np.exp(np.random.default_rng(3).normal(0, 0.08, (20, 2)))


# %%
# The fit
# -------
# SciPy wants one vector, we want names: `unpack` cuts it. The logarithms keep the parameters positive, and make the noise even.


def unpack(q):
    """Return the parameters by name."""
    return {"rates": np.exp(q[:4]), "start": np.exp(q[4:])}


def residuals(q):
    """Return the differences of the logarithms."""
    return (np.log(solve(unpack(q), times)) - np.log(counts)).ravel()


guess = np.log(np.array([0.8, 0.3, 0.6, 0.12, 8.0, 4.0]))
tolerances = {"ftol": 1e-15, "xtol": 1e-15, "gtol": None}
fit = least_squares(residuals, guess, jac=ad.jacobian(residuals), **tolerances)
by_differences = least_squares(residuals, guess, jac="2-point", **tolerances)
found = unpack(fit.x)

jacobian = ad.jacobian(residuals)(fit.x)
deviations = np.sqrt(
    np.diagonal(np.linalg.inv(jacobian.T @ jacobian)) * np.sum(fit.fun**2) / (40 - 6)
)
print("      truth   fitted   +/-")
for name, true, q, deviation in zip(
    "abcduv", np.concatenate(list(truth.values())), fit.x, deviations, strict=True
):
    print(f"  {name}  {true:6.3f}   {np.exp(q):6.3f}   {np.exp(q) * deviation:.3f}")
print(
    f"norm of the gradient at the end: {np.linalg.norm(jacobian.T @ fit.fun):.0e} with the exact Jacobian,"
)
slope = ad.jacobian(residuals)(by_differences.x).T @ by_differences.fun
print(f"                                 {np.linalg.norm(slope):.0e} with differences")

# %%
# The solution, and what it depends on
# ------------------------------------
# The tangent of the solution along one parameter is the sensitivity that one would otherwise get by integrating a second system.

fine = np.linspace(0, 14, 141)
curve, start_curve = solve(found, fine, 2), solve(unpack(guess), fine, 2)
_, along_a = ad.jvp(lambda q: solve(unpack(q), fine, 2), (fit.x,), (np.eye(6)[0],))

figure, (above, below) = plt.subplots(
    2, 1, figsize=(7, 5.6), sharex=True, height_ratios=(3, 2)
)
for k, name in enumerate(("hares", "lynxes")):
    above.plot(fine, start_curve[:, k], "--", color=f"C{k}", alpha=0.4, linewidth=1.2)
    above.plot(fine, curve[:, k], color=f"C{k}", label=name)
    above.plot(times, counts[:, k], "o", color=f"C{k}")
    below.plot(fine, along_a[:, k], color=f"C{k}")
above.set(title="Counts, first guess (dashed) and fit", ylabel="animals")
above.legend(loc="upper right")
below.axhline(0, color="0.6", linewidth=1)
below.set(title="Change of the solution with $\\log a$", xlabel="time", ylabel="animals")
plt.show()
