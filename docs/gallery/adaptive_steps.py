r"""
An adaptive loop: step size control
===================================

A good solver chooses its steps: it compares two formulas, and takes a smaller step where they disagree. How many steps there will
be depends on the solution, some are tried and thrown away, and the derivative has to follow all that. Nothing needs to be
written differently: it is a ``while`` loop with an ``if`` in it, and the derivative is that of the steps which were taken.

The example is van der Pol's oscillator, :math:`\ddot x = \mu (1 - x^2) \dot x - x`, and the question how its motion depends on
:math:`\mu`.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.integrate import solve_ivp

import adjoint as ad


def oscillator(state, mu):
    """Return the right-hand side of van der Pol's equation."""
    x, v = state
    return np.array([v, mu * (1 - x * x) * v - x])


def solve(mu, end, tolerance, frozen=False):
    """Return times and states of an adaptive integration, by the formulas of Bogacki and Shampine (orders 3 and 2)."""
    t, h = 0.0, 0.01
    state = np.array([2.0, 0.0])
    times, states, rejected = [t], [state], 0
    k1 = oscillator(state, mu)
    while t < end:
        if frozen:
            h = ad.stop_gradient(h)
        h = min(h, end - t)
        k2 = oscillator(state + h / 2 * k1, mu)
        k3 = oscillator(state + 3 * h / 4 * k2, mu)
        better = state + h * (2 / 9 * k1 + 1 / 3 * k2 + 4 / 9 * k3)
        k4 = oscillator(better, mu)
        error = np.linalg.norm(h * (-5 / 72 * k1 + 1 / 12 * k2 + 1 / 9 * k3 - 1 / 8 * k4))
        if error <= tolerance:
            t, state, k1 = t + h, better, k4
            times.append(t)
            states.append(state)
        else:
            rejected += 1
        h = h * min(4.0, max(0.2, 0.9 * (tolerance / max(error, 1e-300)) ** (1 / 3)))
    return np.array(times), np.array(states), rejected


# %%
# The solution and its derivative
# -------------------------------
# ``jvp`` carries the tangent along the loop. It gives the derivative of the states, and that of the *times* as well: the controller
# would choose other steps for another :math:`\mu`. At a fixed time, the sensitivity is the difference
# :math:`\partial x - \dot x\, \partial t`.

mu, end = 3.0, 20.0
(times, states), (times_dot, states_dot), rejected = ad.jvp(
    lambda mu: ((run := solve(mu, end, 1e-5))[:2], run[2]), (mu,), (1.0,), has_aux=True
)
slopes = np.array([oscillator(state, mu) for state in states])
sensitivity = states_dot - slopes * times_dot[:, None]
print(
    f"{len(times) - 1} steps taken, {rejected} thrown away; smallest {np.diff(times).min():.1e}, largest {np.diff(times).max():.1e}"
)

# %%
figure, (top, middle, bottom) = plt.subplots(
    3, 1, figsize=(7, 6.4), sharex=True, height_ratios=(3, 3, 2)
)
top.plot(times, states[:, 0], ".-", markersize=3, linewidth=1.2)
top.set(title=r"The motion, $\mu = 3$", ylabel="$x$")
middle.plot(times, sensitivity[:, 0], ".-", color="C1", markersize=3, linewidth=1.2)
middle.set(title=r"How it depends on $\mu$", ylabel=r"$\partial x / \partial\mu$")
bottom.semilogy(times[1:], np.diff(times), color="C2", drawstyle="steps-pre", linewidth=1.2)
bottom.set(title="The steps that the controller chose", xlabel="$t$", ylabel="$h$")
plt.show()

# %%
# How good is it?
# ---------------
# The truth comes from another way: SciPy integrates the equation together with its variational equation, which is written by
# hand. The derivative of our loop can be taken through the choice of the steps, or with the steps held constant by
# ``stop_gradient``.


def variational(_t, y, mu):
    """Return the rates of the state and of its derivative with respect to ``mu``."""
    x, v, x_mu, v_mu = y
    return [
        v,
        mu * (1 - x * x) * v - x,
        v_mu,
        (1 - x * x) * v + mu * ((1 - x * x) * v_mu - 2 * x * v * x_mu) - x_mu,
    ]


mu, end = 3.0, 10.0
exact = solve_ivp(
    variational,
    (0, end),
    [2.0, 0.0, 0.0, 0.0],
    args=(mu,),
    method="DOP853",
    rtol=1e-12,
    atol=1e-13,
).y[:, -1]

tolerances = 10.0 ** np.arange(-3, -8, -1)
errors = {
    "of the value": [],
    "of the derivative, through the controller": [],
    "of the derivative, steps held constant": [],
}
for tolerance in tolerances:
    value, through = ad.jvp(
        lambda mu, tol=tolerance: solve(mu, end, tol)[1][-1, 0], (mu,), (1.0,)
    )
    _, held = ad.jvp(
        lambda mu, tol=tolerance: solve(mu, end, tol, frozen=True)[1][-1, 0], (mu,), (1.0,)
    )
    print(
        f"tolerance {tolerance:.0e}: derivative {through:.8f} through the controller, {held:.8f} with the steps held"
    )
    for name, error in zip(
        errors, (value - exact[0], through - exact[2], held - exact[2]), strict=True
    ):
        errors[name].append(abs(error))

figure, axis = plt.subplots(figsize=(7, 3.8))
for (name, error), style in zip(errors.items(), ("o-", "s-", "^--"), strict=True):
    axis.loglog(tolerances, error, style, label=name)
axis.set(
    title="Error at the end, for each tolerance",
    xlabel="tolerance of one step",
    ylabel="error",
)
axis.invert_xaxis()
axis.legend()
plt.show()

# %%
# With the steps held constant the derivative is as good as the value. Through the controller it is less so: it is the exact
# derivative of what the program computes, and that contains how the small error of the value changes when the steps change.
# Both converge. The rule of thumb: what a program *decides* (a step size, a mesh, a number of iterations) need not be
# differentiated, and one ``stop_gradient`` says so.
