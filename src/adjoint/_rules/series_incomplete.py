"""Incomplete gamma and beta functions: densities, and derivatives with respect to the shape parameters.

With ``p(t)`` the density of the gamma distribution, ``∂P(a,x)/∂a = ∫_0^x (log t - ψ(a)) p(t) dt``, and the integral over all t is
zero.  The factor changes sign at ``t = exp ψ(a)``; so integrate over (0, x) when x lies below that point, and over (x, ∞) with
the opposite sign when it lies above: the integrand has one sign, and nothing cancels however far in the tail or near the
transition ``x ≈ a``.  The beta distribution has ``log t - ψ(a) + ψ(a+b)`` in the same way.  Returned as multiples of the density
(``_ratio``), for the inverse functions need just that.  Measured against mpmath: see the tests.
"""

from __future__ import annotations

import numpy as np
import scipy.special as sc

from adjoint._rules.series import (
    Array,
    deviance,
    exp_minus,
    gauss,
    kernel,
    psi_difference,
    psi_minus_log,
    reach,
    stirling_error,
)


@kernel
def gamma_density(a: Array, x: Array) -> Array:
    """Return ``x^(a-1) exp(-x) / Γ(a)`` without cancellation for large ``a`` [Loader 2000]."""
    direct = np.where(x == 0, np.where(a < 1, np.inf, np.where(a == 1, 1.0, 0.0)), 0.0)
    return np.where(x > 0, np.exp(-deviance(a, x) - stirling_error(a)) * np.sqrt(a / (2 * np.pi)) / x, direct)


@kernel
def beta_density(a: Array, b: Array, x: Array) -> Array:
    """Return ``x^(a-1) (1-x)^(b-1) / B(a, b)`` without cancellation for large parameters [Loader 2000]."""
    n, y = a + b, 1 - x
    log = -deviance(a, n * x) - deviance(b, n * y) - stirling_error(a) - stirling_error(b) + stirling_error(n)
    inner = np.exp(log) * np.sqrt(a / n * b / (2 * np.pi)) / (x * y)
    left = np.where(a < 1, np.inf, np.where(a == 1, b, 0.0))
    right = np.where(b < 1, np.inf, np.where(b == 1, a, 0.0))
    return np.where(x == 0, left, np.where(x == 1, right, inner))


@kernel
def gammainc_ratio(a: Array, x: Array) -> Array:
    """Return ``∂P(a,x)/∂a`` divided by the density ``∂P/∂x``; minus the derivative of the quantile in ``a``."""
    shift = np.where(a > 12, np.log1p((x - a) / a) - psi_minus_log(a), np.log(x) - sc.psi(a))
    side = np.where(shift < 0, -1.0, 1.0)

    def exponent(s: Array) -> Array:
        return side * (a - x) * s - x * exp_minus(side * s)

    s, weight = gauss(0.0, reach(exponent, 1 / np.sqrt(a + x)), 96)
    tail = -side * x * np.sum((shift + side * s) * np.exp(exponent(s)) * weight, axis=1, keepdims=True)
    return np.where(x == 0, 0.0, np.where(x <= 1, _gammainc_ratio_small(a, np.minimum(x, 1)), tail))


def _gammainc_ratio_small(a: Array, x: Array) -> Array:
    """Differentiate ``P = x^a/Γ(a+1) Σ a (-x)^k / (k! (a+k))`` (DLMF 8.7.1)."""
    total, slope, term = np.ones_like(a + x), np.zeros_like(a + x), np.ones_like(a + x)
    for k in range(1, 25):
        term = -term * x / k
        total, slope = total + term * a / (a + k), slope + term * k / (a + k) ** 2
    # ψ(a+1) = ψ(a) + 1/a, and both summands are negative while x < exp ψ(a+1)
    return x * np.exp(x) / a * ((np.log(x) - sc.psi(a + 1)) * total + slope)


@kernel
def gammainc_da(a: Array, x: Array) -> Array:
    """Return the derivative of ``gammainc(a, x)`` with respect to ``a``."""
    return np.where(x > 0, gamma_density(a, x) * gammainc_ratio(a, x), np.where(x == 0, 0.0, np.nan))


def _betainc_ratio(a: Array, b: Array, x: Array, y: Array) -> Array:
    """``∂I_x(a,b)/∂a`` over the density, ``y = 1 - x``; integrated over ``z = logit t``, and ``z = sinh w`` grades the nodes."""
    start, centre = np.log(x) - np.log(y), -psi_difference(a, b)
    lower = np.where(x < 0.5, np.log(x), np.log1p(-y)) < centre
    side = np.where(lower, -1.0, 1.0)
    rate, own, other = np.where(lower, a, b), np.where(lower, x, y), np.where(lower, y, x)

    def exponent(s: Array) -> Array:
        near = own * np.expm1(-s)
        return -rate * s - (a + b) * np.where(near > -0.5, np.log1p(np.maximum(near, -0.9)), np.log(other + own * np.exp(-s)))

    far = reach(exponent, 1 / np.sqrt(a + b))
    w = np.arcsinh(start)
    v, weight = gauss(0.0, side * (np.arcsinh(start + side * far) - w))
    s = 2 * np.cosh(w + side * v / 2) * np.sinh(v / 2)
    log = -np.logaddexp(0, -(start + side * s))
    return -side * x * y * np.sum((log - centre) * np.exp(exponent(s)) * np.cosh(w + side * v) * weight, axis=1, keepdims=True)


@kernel
def betainc_ratio_a(a: Array, b: Array, x: Array) -> Array:
    """Return ``∂I_x(a,b)/∂a`` divided by the density ``∂I/∂x``."""
    return np.where((x > 0) & (x < 1), _betainc_ratio(a, b, x, 1 - x), 0.0)


@kernel
def betainc_ratio_b(a: Array, b: Array, x: Array) -> Array:
    """Return ``∂I_x(a,b)/∂b`` divided by the density, by ``I_x(a,b) = 1 - I_{1-x}(b,a)``."""
    return np.where((x > 0) & (x < 1), -_betainc_ratio(b, a, 1 - x, x), 0.0)


@kernel
def betainc_da(a: Array, b: Array, x: Array) -> Array:
    """Return the derivative of ``betainc(a, b, x)`` with respect to ``a``."""
    return np.where((x == 0) | (x == 1), 0.0, beta_density(a, b, x) * betainc_ratio_a(a, b, x))


@kernel
def betainc_db(a: Array, b: Array, x: Array) -> Array:
    """Return the derivative of ``betainc(a, b, x)`` with respect to ``b``."""
    return np.where((x == 0) | (x == 1), 0.0, beta_density(a, b, x) * betainc_ratio_b(a, b, x))
