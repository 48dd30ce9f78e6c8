r"""
A curve fit, with its error band
================================

NIST publishes data sets with certified answers so that people can test their fitting programs. ``Thurber`` is one of the hard
ones: the mobility of electrons in a semiconductor against the logarithm of their density, 37 measurements and a rational function
with seven parameters, started far from the solution. The exact Jacobian drives the fit. The same Jacobian then says how
certain each parameter is, and how certain the curve is at each place.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import least_squares
from scipy.stats import t as student

import adjoint as ad
from adjoint.demo import nist

data = nist.load("Thurber")


def model(b, x):
    """Return the mobility for parameters ``b``."""
    numerator = b[0] + x * (b[1] + x * (b[2] + x * b[3]))
    denominator = 1 + x * (b[4] + x * (b[5] + x * b[6]))
    return numerator / denominator


def residuals(b):
    """Return what the model misses."""
    return model(b, data.x) - data.y


# %%
# The fit
# -------
# ``ad.jacobian(residuals)`` is a function of ``b`` and returns 37 by 7 numbers.

fit = least_squares(
    residuals,
    data.starts[0],
    jac=ad.jacobian(residuals),
    x_scale="jac",
    ftol=1e-15,
    xtol=1e-15,
    gtol=None,
)
jacobian = ad.jacobian(residuals)(fit.x)
freedom = len(data.y) - len(fit.x)
covariance = np.linalg.inv(jacobian.T @ jacobian) * np.sum(fit.fun**2) / freedom
deviations = np.sqrt(np.diagonal(covariance))

print("      fitted           certified        deviation     certified")
for row in zip(fit.x, data.certified, deviations, data.deviations, strict=True):
    print("{:16.10g} {:16.10g} {:12.6g} {:12.6g}".format(*row))
print(
    f"{fit.njev} Jacobians; all parameters within {np.max(np.abs(fit.x / data.certified - 1)):.0e} of the certified ones"
)

# %%
# The band
# --------
# A small change :math:`\delta b` of the parameters moves the curve by :math:`G\, \delta b`, where :math:`G` is the Jacobian of the
# *curve* with respect to the parameters. So the variance of the curve is the diagonal of :math:`G C G^T`, with the covariance
# :math:`C` from above. That is one more Jacobian of the same model.

x = np.linspace(data.x.min() - 0.2, data.x.max() + 0.4, 200)
curve = model(fit.x, x)
sensitivity = ad.jacobian(model)(fit.x, x)
spread = np.sqrt(
    np.einsum("ij,jk,ik->i", sensitivity, covariance, sensitivity)
) * student.ppf(0.975, freedom)

figure, (above, below) = plt.subplots(
    2, 1, figsize=(7, 5.4), sharex=True, height_ratios=(3, 1.4)
)
above.plot(
    x,
    model(data.starts[0], x),
    "--",
    color="0.6",
    linewidth=1.2,
    label="where the fit starts",
)
above.fill_between(
    x,
    curve - spread,
    curve + spread,
    color="C1",
    alpha=0.3,
    linewidth=0,
    label="95 % band of the curve",
)
above.plot(x, curve, label="fit")
above.plot(data.x, data.y, "o", color="0.2", markersize=4, label="measurements")
above.set(title="Electron mobility (NIST Thurber)", ylabel="mobility", ylim=(0, 1650))
above.legend(loc="upper left")
below.axhline(0, color="0.6", linewidth=1)
below.fill_between(x, -spread, spread, color="C1", alpha=0.3, linewidth=0)
below.plot(data.x, -residuals(fit.x), "o", color="0.2", markersize=4)
below.set(
    title="What the fit misses",
    xlabel="log of the density",
    ylabel="data - fit",
    ylim=(-45, 45),
)
plt.show()
