"""Hypergeometric functions, Carlson's integrals and orthogonal polynomials: derivatives with respect to parameters.

Power series are summed only where they converge and do not cancel: a kernel watches the largest term, and returns nan where
more than `LOST` of the sum was lost.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special as sc

from adjoint._rules.primitive import primitive
from adjoint._rules.series import Array, gauss, kernel, reach
from adjoint._rules.series_bessel import iv_dv_scaled, jv_dv, total

LOST = 1e6


def _series(
    numerator: dict[str, Array], denominator: dict[str, Array], x: Array, wanted: str, most: int = 20000
) -> tuple[Array, Array]:
    """Return the sum and the derivative with respect to the parameter ``wanted`` of ``Σ Π(a)_k/Π(b)_k x^k/k!``."""
    x = x + 0 * sum(numerator.values(), 0.0) + 0 * sum(denominator.values(), 0.0)
    term, slope = np.ones_like(x), np.zeros_like(x)
    value, change, size, steep = np.ones_like(x), np.zeros_like(x), np.ones_like(x), np.zeros_like(x)
    done = np.zeros(x.shape, dtype=bool)
    for k in range(most):
        factor, drift = x / (k + 1), 0.0
        for name, a in numerator.items():
            drift = drift * (a + k) + (factor if name == wanted else 0.0)
            factor = factor * (a + k)
        for name, b in denominator.items():
            drift = drift / (b + k) - (factor / (b + k) ** 2 if name == wanted else 0.0)
            factor = factor / (b + k)
        term, slope = term * factor, slope * factor + term * drift
        value, change = value + term, change + slope
        size, steep = size + np.abs(term), steep + np.abs(slope)
        done = (np.abs(term) <= 1e-17 * size) & (np.abs(slope) <= 1e-17 * steep) & (np.abs(factor) < 1) | ~np.isfinite(term)
        if done.all():
            break
    good = done & (steep < LOST * np.abs(change)) | (change == 0) & (steep == 0)
    return value, np.where(good, change, np.nan)


@kernel
def hyp0f1_db(b: Array, x: Array) -> Array:
    """Return the derivative of ``hyp0f1(b, x)`` in ``b``: by its series, for larger ``|x|`` as a Bessel function (DLMF 10.16.9)."""
    series = _series({}, {"b": b}, np.where(np.abs(x) < 15, x, 1.0), "b")[1]
    root, v = np.sqrt(np.abs(x)), b - 1
    log = sc.psi(b) - np.log(root)
    scale = sc.gammasgn(b) * np.exp(sc.gammaln(b) - v * np.log(root))
    grown = sc.hyp0f1(b, x) * (log + iv_dv_scaled(v, 2 * root) / sc.ive(v, 2 * root))
    waved = scale * (log * sc.jv(v, 2 * root) + jv_dv(v, 2 * root))
    return np.where(np.abs(x) < 15, series, np.where(x > 0, grown, waved))


def _kummer(a: Array, b: Array, x: Array) -> tuple[Array, Array]:
    """Return the derivatives of ``M(a, b, x)`` in ``a`` and ``b``; for x < 0 by ``M(a,b,x) = e^x M(b-a,b,-x)`` (DLMF 13.2.39)."""
    left = x < 0
    c, z = np.where(left, b - a, a), np.abs(x)
    in_a, in_b = (_series({"a": c}, {"b": b}, z, wanted, 2000)[1] for wanted in "ab")
    scale = np.exp(np.minimum(x, 0))
    return np.where(left, -scale * in_a, in_a), np.where(left, scale * (in_a + in_b), in_b)


@kernel
def hyp1f1_da(a: Array, b: Array, x: Array) -> Array:
    """Return the derivative of ``hyp1f1(a, b, x)`` in ``a``, by the power series (DLMF 13.2.2)."""
    return _kummer(a, b, x)[0]


@kernel
def hyp1f1_db(a: Array, b: Array, x: Array) -> Array:
    """Return the derivative of ``hyp1f1(a, b, x)`` in ``b``, by the power series (DLMF 13.2.2)."""
    return _kummer(a, b, x)[1]


def _tricomi(a: Array, b: Array, x: Array) -> tuple[Array, Array, Array]:
    """Return ``U`` and its derivatives in a and b for a > 0, the logarithmic ones being means over ``e^(-xt) t^(a-1) (1+t)^(b-a-1)`` (DLMF 13.4.4), t = e^u."""
    p, q = a, b - a - 1
    # the peak of p u + q log(1+t) - x t
    m = x - p - q
    root = np.sqrt(m * m + 4 * x * p)
    t0 = np.where(m > 0, 2 * p / (m + root), (root - m) / (2 * x))

    def exponent(s: Array) -> Array:
        growth = t0 * np.expm1(s)
        return p * s + q * np.log1p(growth / (1 + t0)) - x * growth

    step = 1 / np.sqrt(p + 1)
    down, up = reach(lambda s: exponent(-s), step), reach(exponent, step)
    w, weight = gauss(-np.arcsinh(down), np.arcsinh(up), 192)
    s = np.sinh(w)
    value = np.exp(exponent(s)) * np.cosh(w) * weight
    log, log1 = np.log(t0) + s, np.log1p(t0 * np.exp(s))
    mass = total(value)
    u = mass * np.exp(p * np.log(t0) + q * np.log1p(t0) - x * t0 - sc.gammaln(a))
    return u, u * (total(value * (log - log1)) / mass - sc.psi(a)), u * total(value * log1) / mass


@kernel
def hyperu_da(a: Array, b: Array, x: Array) -> Array:
    """Return the derivative of ``hyperu(a, b, x)`` in ``a``, x > 0."""
    return _tricomi_any(a, b, x)[0]


@kernel
def hyperu_db(a: Array, b: Array, x: Array) -> Array:
    """Return the derivative of ``hyperu(a, b, x)`` in ``b``, x > 0."""
    return _tricomi_any(a, b, x)[1]


def _tricomi_any(a: Array, b: Array, x: Array) -> tuple[Array, Array]:
    """Return ``∂U/∂a`` and ``∂U/∂b``: for ``a`` below 1/2 from two larger ``a`` by the recurrence (DLMF 13.3.7), differentiated.
    The recurrence is stable downwards, for U is its recessive solution.
    """
    steps = np.where(a < 0.5, np.ceil(0.5 - a) + 1, 0)
    c = a + steps
    above, now = _tricomi(c + 1, b, x), _tricomi(c, b, x)
    for _ in range(int(np.nanmax(steps, initial=0))):
        m, n = 2 * c - b + x, c * (c - b + 1)
        after = (
            m * now[0] - n * above[0],
            m * now[1] + 2 * now[0] - n * above[1] - (2 * c - b + 1) * above[0],
            m * now[2] - now[0] - n * above[2] + c * above[0],
        )
        going = c > a + 0.5
        above = tuple(np.where(going, p, q) for p, q in zip(now, above, strict=True))
        now = tuple(np.where(going, p, q) for p, q in zip(after, now, strict=True))
        c = np.where(going, c - 1, c)
    return np.where(x > 0, now[1], np.nan), np.where(x > 0, now[2], np.nan)


def _gauss_series(a: Array, b: Array, c: Array, z: Array) -> tuple[Array, Array, Array]:
    """Return the derivatives of F(a,b;c;z) in a, b, c; for z < 0 by Pfaff's transformation (DLMF 15.8.1)."""
    left = z < 0
    w, d = np.where(left, z / (z - 1), z), np.where(left, c - b, b)
    terms = 20000
    value, in_a = _series({"a": a, "b": d}, {"c": c}, w, "a", terms)
    in_d, in_c = (_series({"a": a, "b": d}, {"c": c}, w, wanted, terms)[1] for wanted in "bc")
    scale = np.where(left, np.exp(-a * np.log1p(-np.minimum(z, 0))), 1.0)
    in_a = np.where(left, scale * (in_a - np.log1p(-np.minimum(z, 0)) * value), in_a)
    return in_a, np.where(left, -scale * in_d, in_d), np.where(left, scale * (in_c + in_d), in_c)


@kernel
def hyp2f1_da(a: Array, b: Array, c: Array, z: Array) -> Array:
    """Return the derivative of ``hyp2f1(a, b, c, z)`` in ``a``, by the power series (DLMF 15.2.1); nan where it fails."""
    return _gauss_series(a, b, c, z)[0]


@kernel
def hyp2f1_dc(a: Array, b: Array, c: Array, z: Array) -> Array:
    """Return the derivative of ``hyp2f1(a, b, c, z)`` in ``c``, by the power series (DLMF 15.2.1); nan where it fails."""
    return _gauss_series(a, b, c, z)[2]


# --- Carlson's integrals ----------------------------------------------------------------------------------------------------


@primitive
def carlson(powers: tuple[float, ...], *args: Any) -> Any:
    """Return ``∫_0^∞ Π (t + x_i)^(-p_i) dt`` by the trapezoidal rule in ``log t``, whose error falls exponentially.

    Complex arguments must keep away from the negative real axis.
    """
    args = np.broadcast_arrays(*(np.asarray(arg) * 1.0 for arg in args))
    size = np.stack([np.abs(arg) for arg in args])
    low = np.log(np.where(size > 0, size, np.inf).min(0))
    high = np.log(size.max(0))
    zeros = sum(np.where(arg == 0, p, 0.0) for p, arg in zip(powers, args, strict=True))
    with np.errstate(all="ignore"):
        first, last = low - 38 / np.maximum(1 - zeros, 0.25), high + 38 / (sum(powers) - 1)
        count = int(np.ceil(np.nanmax(last - first, initial=1) / 0.4)) + 1
        u = first[..., None] + (last - first)[..., None] * np.linspace(0, 1, count)
        t = np.exp(u)
        product = t
        for p, arg in zip(powers, args, strict=True):
            product = product * (t + arg[..., None]) ** -p
        result = np.sum(product, axis=-1) * (last - first) / (count - 1)
        return np.where(zeros >= 1, np.inf, result)[()]


# --- orthogonal polynomials of integer degree: the recurrence, differentiated -------------------------------------------------


@kernel
def eval_jacobi_da(n: Array, a: Array, b: Array, x: Array) -> Array:
    """Return the derivative of ``eval_jacobi(n, a, b, x)`` in ``a`` for integer ``n``, by Wulkow's connection formula
    ``∂P_n/∂a = Σ_k (P_n + (2k+a+b+1)/(n-k) (b+k+1)_{n-k}/(a+b+k+1)_{n-k} P_k) / (n+k+a+b+1)`` (DLMF 18.16, Szmytkowski).
    """
    result, top = np.zeros_like(x + a + b + n), sc.eval_jacobi(n, a, b, x)
    for k in range(int(np.nanmax(n, initial=0))):
        rest = np.where(n > k, n - k, 1)
        c = (2 * k + a + b + 1) / rest * sc.poch(b + k + 1, rest) / sc.poch(a + b + k + 1, rest)
        term = (top + c * sc.eval_jacobi(float(k), a, b, x)) / (n + k + a + b + 1)
        result = result + np.where(n > k, term, 0)
    return np.where(n == np.round(n), result, np.nan)


@kernel
def eval_genlaguerre_da(n: Array, a: Array, x: Array) -> Array:
    """Return the derivative of ``eval_genlaguerre(n, a, x)`` in ``a`` for integer ``n``: ``Σ_k L_k/(n-k)``."""
    result = np.zeros_like(x + a + n)
    for k in range(int(np.nanmax(n, initial=0))):
        result = result + np.where(n > k, sc.eval_genlaguerre(float(k), a, x) / np.where(n > k, n - k, 1), 0)
    return np.where(n == np.round(n), result, np.nan)


@kernel
def eval_gegenbauer_da(n: Array, a: Array, x: Array) -> Array:
    """Return the derivative of ``eval_gegenbauer(n, a, x)`` in ``a`` for integer ``n``: the recurrence (DLMF 18.9.1), differentiated."""
    before, now = np.zeros_like(x + a + n), np.ones_like(x + a + n)
    before_a, now_a, result = before, before, np.zeros_like(before)
    for k in range(1, int(np.nanmax(n, initial=0)) + 1):
        after = (2 * (k + a - 1) * x * now - (k + 2 * a - 2) * before) / k
        after_a = (2 * (k + a - 1) * x * now_a + 2 * x * now - (k + 2 * a - 2) * before_a - 2 * before) / k
        before, now, before_a, now_a = now, after, now_a, after_a
        result = np.where(n == k, now_a, result)
    return np.where(n == np.round(n), result, np.nan)
