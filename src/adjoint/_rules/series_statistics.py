"""Distribution functions: densities and parameter derivatives that have no closed form.

Non-central chi-square and F are mixtures, with Poisson weights, of central ones; the sums run over the weights above
``1e-20`` or so.  Non-central t is the mean of ``Φ(t s - nc)`` over ``s = sqrt(chi²/df)``, by the trapezoidal rule in ``log s``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.special as sc

from adjoint._rules.primitive import primitive
from adjoint._rules.series import Array, kernel, psi_minus_log
from adjoint._rules.series_bessel import total
from adjoint._rules.series_incomplete import beta_density, betainc_da, betainc_db, gammainc_da


def _mixture(mean: Array, part: Callable[..., Array], *args: Array) -> Array:
    """Return ``Σ_j Poisson(j; mean) part(j, *args)``, element by element."""
    result = np.empty(mean.shape)
    for i, m in enumerate(mean.flat):
        if not np.isfinite(m) or m < 0:
            result.flat[i] = np.nan
            continue
        spread = 10 * np.sqrt(m) + 40
        j = np.arange(np.floor(max(0.0, m - spread)), np.ceil(m + spread))
        weight = np.exp(sc.xlogy(j, m) - m - sc.gammaln(j + 1))
        result.flat[i] = np.sum(weight * part(j, *(arg.flat[i] for arg in args)))
    return result


@kernel
def chndtr_density(x: Array, df: Array, nc: Array) -> Array:
    """Return the density of the non-central chi-square distribution, also where ``df ≤ 0`` continues it."""
    v, z = df / 2 - 1, np.sqrt(nc * x)
    bessel = 0.5 * np.exp(-((np.sqrt(x) - np.sqrt(nc)) ** 2) / 2 + v / 2 * np.log(x / nc)) * sc.ive(v, z)
    central = 0.5 * np.exp(sc.xlogy(v, x / 2) - x / 2) * sc.rgamma(df / 2)
    return np.where(nc == 0, central, bessel)


@kernel
def chndtr_ddf(x: Array, df: Array, nc: Array) -> Array:
    """Return the derivative of ``chndtr(x, df, nc)`` in ``df``."""
    return _mixture(nc / 2 + 0 * x * df, lambda j, x, df: gammainc_da(df / 2 + j, x / 2) / 2, x, df)


def _share(dfn: Array, dfd: Array, f: Array) -> Array:
    return dfn * f / (dfn * f + dfd)


@kernel
def ncfdtr_density(dfn: Array, dfd: Array, nc: Array, f: Array) -> Array:
    """Return the density of the non-central F distribution."""
    y = _share(dfn, dfd, f)
    density = _mixture(nc / 2, lambda j, a, b, y: beta_density(a + j, b, y), dfn / 2, dfd / 2, y)
    return density * dfn * dfd / (dfn * f + dfd) ** 2


@kernel
def ncfdtr_ddfn(dfn: Array, dfd: Array, nc: Array, f: Array) -> Array:
    """Return the derivative of ``ncfdtr(dfn, dfd, nc, f)`` in ``dfn``."""
    shape = _mixture(nc / 2, lambda j, a, b, y: betainc_da(a + j, b, y), dfn / 2, dfd / 2, _share(dfn, dfd, f)) / 2
    return shape + ncfdtr_density(dfn, dfd, nc, f) * f / dfn


@kernel
def ncfdtr_ddfd(dfn: Array, dfd: Array, nc: Array, f: Array) -> Array:
    """Return the derivative of ``ncfdtr(dfn, dfd, nc, f)`` in ``dfd``."""
    shape = _mixture(nc / 2, lambda j, a, b, y: betainc_db(a + j, b, y), dfn / 2, dfd / 2, _share(dfn, dfd, f)) / 2
    return shape - ncfdtr_density(dfn, dfd, nc, f) * f / dfd


@kernel
def ncfdtr_dnc(dfn: Array, dfd: Array, nc: Array, f: Array) -> Array:
    """Return the derivative of ``ncfdtr(dfn, dfd, nc, f)`` in ``nc``, by ``I_y(a+1,b) - I_y(a,b) = -y(1-y) p(y)/a`` (DLMF 8.17.20)."""
    drop = _mixture(
        nc / 2, lambda j, a, b, y: beta_density(a + j, b, y) * y * (1 - y) / (a + j), dfn / 2, dfd / 2, _share(dfn, dfd, f)
    )
    return -drop / 2


def _student(df: Array) -> tuple[Array, Array, Array]:
    """Return ``s = sqrt(chi²/df)``, its weights, and the derivative of the log density in ``df``."""
    low = np.minimum(np.maximum(-42 / df, -0.5 * np.log(df) - 60), -9 / np.sqrt(df))
    low, high = np.maximum(low, -42 / df - 4), np.minimum(9 / np.sqrt(df), 0.5 * np.log1p(90 / df) + 0.2)
    y = low + (high - low) * np.linspace(0, 1, 1001)
    half, growth = df / 2, np.expm1(2 * y) - 2 * y
    value = np.exp(-half * growth)
    value = value / total(value)
    return np.exp(y), value, -0.5 * growth - 0.5 * psi_minus_log(half)


@kernel
def _student_mean(k: Array, m: Array, d: Array, df: Array, nc: Array, t: Array) -> Array:
    s, weight, slope = _student(df)
    z, order = t * s - nc, int(k.flat[0])
    if order == 0:
        side = np.where(t > nc, -1.0, 1.0)  # the mean of the slope is 0, so either tail of Φ will do: take the smaller
        value = side * sc.ndtr(side * z)
    else:
        value = (-1) ** (order - 1) * sc.eval_hermitenorm(order - 1, z) * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
    return total(value * s**m * slope**d * weight)


@primitive
def student_mean(k: int, m: int, d: int, df: object, nc: object, t: object) -> object:
    """Return the mean of ``Φ⁽ᵏ⁾(t s - nc) sᵐ ℓᵈ``, where ``ℓ`` is the derivative of the log density of ``s`` in ``df``.

    (1, 1, 0) is the density of the non-central t distribution, (0, 0, 1) the derivative of its distribution function in ``df``.
    """
    return _student_mean(float(k), float(m), float(d), df, nc, t)


@kernel
def smirnov_density(n: Array, d: Array) -> Array:
    """Return minus the derivative of ``smirnov(n, d)`` in ``d`` [Birnbaum, Tingey 1951]: the sum, differentiated."""
    result = np.empty(d.shape)
    for i, (m, x) in enumerate(zip(np.broadcast_to(n, d.shape).flat, d.flat, strict=True)):
        if not (0 < x < 1 and m == np.floor(m)):
            result.flat[i] = 1.0 if x == 0 else 0.0 if x == 1 and m > 1 else np.nan
            continue
        j = np.arange(np.floor(m * (1 - x)) + 1)
        p, q = x + j / m, np.maximum(1 - x - j / m, 0)
        term = np.exp(sc.gammaln(m + 1) - sc.gammaln(j + 1) - sc.gammaln(m - j + 1) + (j - 1) * np.log(p) + sc.xlogy(m - j, q))
        result.flat[i] = -np.sum(np.where(q > 0, term * (1 + x * ((j - 1) / p - (m - j) / np.where(q > 0, q, 1))), 0))
    return result


@kernel
def kolmogorov_density(x: Array) -> Array:
    """Return minus the derivative of ``kolmogorov(x)``, by one of the two theta series."""
    k = np.arange(1, 12.0)
    large = 8 * x * total(-((-1) ** k) * k * k * np.exp(-2 * (k * x) ** 2))
    z = np.pi**2 * (2 * k - 1) ** 2 / (8 * x * x)
    small = np.sqrt(2 * np.pi) / x**2 * total((2 * z - 1) * np.exp(-z))
    return np.where(x > 1, large, np.where(x > 0, small, 0.0))


@kernel
def kolmogorov_slope(x: Array) -> Array:
    """Return the derivative of `kolmogorov_density`."""
    k = np.arange(1, 12.0)
    large = 8 * total(-((-1) ** k) * k * k * (1 - (2 * k * x) ** 2) * np.exp(-2 * (k * x) ** 2))
    z = np.pi**2 * (2 * k - 1) ** 2 / (8 * x * x)
    small = np.sqrt(2 * np.pi) / x**3 * total((2 - 10 * z + 4 * z * z) * np.exp(-z))
    return np.where(x > 1, large, np.where(x > 0, small, 0.0))
