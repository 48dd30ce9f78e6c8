"""Bessel, Struve and related functions: derivatives with respect to the order, for real arguments.

For the modified functions an integral or series with positive terms gives the logarithmic derivative as a mean.
For J and Y, Schläfli's contour integral (DLMF 10.9.17, 10.9.18) is moved onto the path of steepest descent (DLMF 10.20(iii),
Watson 8.31, 8.4), where the integrand does not oscillate:

- ``x ≤ ν = x cosh α``: the path leaves the saddle ``t = α`` by ``cosh τ = cosh α θ/sin θ``, ``t = τ + iθ``, and gives J; Y also has
  the real axis up to ``α``;
- ``x > ν = x cos β``: the path through the saddle ``iβ`` is ``cosh τ = (sin β + cos β (θ-β))/sin θ`` and gives the Hankel function.

Each kernel is the ratio of two such integrals, so scale factors and phases cancel; the value of the function itself is SciPy's.
"""

from __future__ import annotations

import numpy as np
import scipy.special as sc

from adjoint._rules.primitive import primitive
from adjoint._rules.series import Array, gauss, kernel, minus_sin, minus_sinh, psi_minus_log, reach, tanh_sinh


def total(values: Array) -> Array:
    return np.sum(values, axis=1, keepdims=True)


def sin_pi(v: Array) -> Array:
    """Return ``sin(πv)``, exactly 0 at integers."""
    return np.where(v == np.round(v), 0.0, np.sin(np.pi * np.fmod(v, 2)))


def cos_pi(v: Array) -> Array:
    """Return ``cos(πv)``, exactly 0 at half integers."""
    return sin_pi(v + 0.5)


# --- K and I ----------------------------------------------------------------------------------------------------------------


@kernel
def kv_log_dv(v: Array, x: Array) -> Array:
    """Return ``∂ log K_v(x) / ∂v = ∫ t sinh(vt) exp(-x cosh t) / ∫ cosh(vt) exp(-x cosh t)`` (DLMF 10.32.9)."""
    order, peak = np.abs(v), np.arcsinh(np.abs(v) / x)
    bend = np.hypot(v, x)

    def exponent(s: Array) -> Array:
        near = order * minus_sinh(s) - 2 * bend * np.sinh(s / 2) ** 2
        return np.where(s > -1, near, order * s - x * np.cosh(peak + s) + bend)

    step = 1 / np.sqrt(bend)
    s, weight = gauss(-reach(lambda s: exponent(-s), step, peak), reach(exponent, step))
    t, value = peak + s, np.exp(exponent(s)) * weight
    fade = np.exp(-2 * order * t)
    return np.where(x > 0, np.sign(v) * total(value * t * -np.expm1(-2 * order * t)) / total(value * (1 + fade)), np.nan)


@kernel
def iv_log_dv(v: Array, x: Array) -> Array:
    """Return ``∂ log I_v(x) / ∂v`` for v ≥ 0: by the power series (DLMF 10.38.1) while its largest terms come early, else by
    the asymptotic series (DLMF 10.40.1) when x > v², else by Poisson's integral (DLMF 10.32.2).
    """
    largest = x * x / (2 * (np.hypot(v, x) + v))
    early, late = largest < 150, x > v * v + 300
    series = _iv_series(v, np.where(early, x, 1.0)) if early.any() else 0.0
    integral = _iv_integral(v, x) if not (early | late).all() else 0.0
    return np.where(early, series, np.where(late, _iv_asymptotic(v, x), integral))


def _iv_series(v: Array, x: Array) -> Array:
    q, term, harmonic = x * x / 4, np.ones_like(x), np.zeros_like(x)
    below, above = np.ones_like(x), np.zeros_like(x)
    for k in range(1, 600):
        harmonic = harmonic + 1 / (v + k)
        term = term * q / (k * (v + k))
        below, above = below + term, above + term * harmonic
        if (term * harmonic <= 1e-17 * above).all():
            break
    return np.log(x / 2) - sc.psi(v + 1) - above / below


def _iv_integral(v: Array, x: Array) -> Array:
    half = v + 0.5
    peak = half / (x + half + np.hypot(x, half))
    start = np.log(peak) - np.log1p(-peak)

    def exponent(s: Array) -> Array:
        growth = peak * np.expm1(s)
        return half * s - 2 * half * np.log1p(growth) - 2 * x * (1 - peak) * growth / (1 + growth)

    step = 1 / np.sqrt(half)
    s, weight = gauss(-reach(lambda s: exponent(-s), step), reach(exponent, step))
    value = np.exp(exponent(s)) * weight
    u = start + s
    # log σ(u) + log(1 - σ(u)) + log(2x) - log(v + 1/2), each part small where the weight is large
    inner = np.log(peak) + np.log(2 * x / half) + s - np.log1p(peak * np.expm1(s)) - np.logaddexp(0, u)
    return total(value * inner) / total(value) - psi_minus_log(half)


def _iv_asymptotic(v: Array, x: Array) -> Array:
    term, slope = np.ones_like(x), np.zeros_like(x)
    below, above = term, slope
    for k in range(1, 40):
        factor = -(4 * v * v - (2 * k - 1) ** 2) / (8 * k * x)
        term, slope = term * factor, slope * factor - term * v / (k * x)
        below, above = below + term, above + slope
    return above / below


# --- J and Y ----------------------------------------------------------------------------------------------------------------


def _path_below(v: Array, x: Array) -> tuple[Array, Array, Array, Array]:
    """Return τ, θ, dτ/dθ and the weighted integrand on the path from the saddle α, for ``x ≤ v``."""
    cosh, height = v / x, np.arccosh(v / x)
    sinh = np.sqrt((v - x) * (v + x)) / x

    def at(theta: Array, rest: Array) -> tuple[Array, Array, Array]:
        sin = np.where(theta < 1.6, np.sin(theta), np.sin(rest))
        rise = (cosh - 1) + cosh * minus_sin(theta) / sin
        tau = 2 * np.arcsinh(np.sqrt(rise / 2))
        exponent = x * np.sinh(tau) * np.cos(theta) - v * tau - (x * sinh - v * height)
        slope = cosh * theta**2 * sc.spherical_jn(1, theta) / (sin * sin * np.sinh(tau))
        return tau, slope, exponent

    end = reach(lambda s: at(s, np.pi - s)[2], np.minimum(1.0, 1 / np.sqrt(x * sinh + np.cbrt(v))), np.pi)
    theta, rest, weight = tanh_sinh(end)
    tau, slope, exponent = at(theta, rest + (np.pi - end))
    value = np.exp(exponent) * weight
    live = value > 0
    return np.where(live, tau, 0), theta, np.where(live, slope, 0), np.where(live, value, 0)


@kernel
def jv_log_dv_below(v: Array, x: Array) -> Array:
    """Return ``∂ log J_v(x) / ∂v`` for ``0 < x ≤ v``."""
    tau, theta, slope, value = _path_below(v, x)
    return -total((tau + theta * slope) * value) / total(value)


@kernel
def yv_log_dv_below(v: Array, x: Array) -> Array:
    """Return ``∂ log |Y_v(x)| / ∂v`` for ``0 < x ≤ v``."""
    tau, theta, slope, value = _path_below(v, x)
    height, sinh = np.arccosh(v / x), np.sqrt((v - x) * (v + x)) / x
    value = value * np.exp(2 * (x * sinh - v * height))

    def exponent(s: Array) -> Array:
        near = v * minus_sinh(s) - 2 * x * sinh * np.sinh(s / 2) ** 2
        return np.where(s > -1, near, v * s - x * (np.sinh(height + s) - sinh))

    step = 1 / np.sqrt(x * sinh + np.cbrt(v))
    down, up = reach(lambda s: exponent(-s), step, 2 * height), reach(exponent, step)
    above, below = -total((tau * slope - theta) * value), total(slope * value)
    # the exponential bends at both saddles, s = 0 and s = -2 α; s = origin + sinh(w) grades the nodes towards either
    for origin, low, high in ((0.0, -np.minimum(down, height), up), (-2 * height, -down, -height)):
        w, weight = gauss(np.arcsinh(low - origin), np.arcsinh(np.maximum(high, low) - origin))
        s = origin + np.sinh(w)
        real = np.exp(exponent(s)) * np.cosh(w) * weight
        above, below = above + total((height + s) * real), below + total(real)
    return above / below


def _hankel_log_dv(v: Array, x: Array) -> tuple[Array, Array]:
    """Return the real and imaginary part of ``∂ log H¹_v(x) / ∂v`` for ``x > v ≥ 0``."""
    cos, sin = v / x, np.sqrt((x - v) * (x + v)) / x
    angle = np.arctan2(sin, cos)

    def at(delta: Array, theta: Array, rest: Array) -> tuple[Array, Array, Array]:
        sine = np.where(theta < 1.6, np.sin(theta), np.sin(rest))
        rise = (2 * sin * np.sin(delta / 2) ** 2 + cos * minus_sin(delta)) / sine
        tau = np.sign(delta) * 2 * np.arcsinh(np.sqrt(np.maximum(rise, 0) / 2))
        turn = delta * (np.sin(delta / 2) ** 2 + np.sin((theta + angle) / 2) ** 2) - minus_sin(delta)
        exponent = x * (np.sinh(tau) * np.cos(theta) - cos * tau)
        return tau, turn / (sine * sine * np.sinh(tau)), exponent

    step = np.minimum(1 / np.sqrt(x * sin), 1 / np.cbrt(x))
    right = np.pi - angle
    up = reach(lambda s: at(s, angle + s, right - s)[2], np.minimum(step, right / 2), right)
    down = reach(lambda s: at(-s, angle - s, right + s)[2], np.minimum(step, angle / 2), angle)
    above = below = 0.0
    for side, length, limit in ((1, up, right), (-1, down, angle)):
        near, far, weight = tanh_sinh(length)
        far = far + (limit - length)
        delta = side * near
        theta, rest = (angle + near, far) if side > 0 else (far, right + near)
        tau, slope, exponent = at(delta, theta, rest)
        value = np.where(exponent > -700, np.exp(exponent), 0) * weight
        path = np.where(value > 0, slope, 0) + 1j
        above = above + total(np.where(value > 0, tau + 1j * delta, 0) * path * value)
        below = below + total(path * value)
    ratio = -above / below - 1j * angle
    return ratio.real, ratio.imag


@kernel
def hankel_log_dv_real(v: Array, x: Array) -> Array:
    """Return the real part of ``∂ log H¹_v(x) / ∂v`` for ``x > v ≥ 0``: that of the modulus."""
    return _hankel_log_dv(v, x)[0]


@kernel
def hankel_log_dv_imag(v: Array, x: Array) -> Array:
    """Return the imaginary part of ``∂ log H¹_v(x) / ∂v`` for ``x > v ≥ 0``: that of the phase."""
    return _hankel_log_dv(v, x)[1]


def _jy_dv(v: Array, x: Array) -> tuple[Array, Array]:
    """Return the order derivatives of J and Y for ``v ≥ 0``, ``x > 0``."""
    below = x <= v
    j, y = sc.jv(v, x), sc.yv(v, x)
    lower, upper, w = np.where(below, x, 0.5), np.where(below, 1.0, x), np.where(below, v, 1.0)
    real = imag = at_j = at_y = np.zeros_like(x)
    if not below.all():
        order = np.where(below, 0.0, v)
        real, imag = _hankel_log_dv(order, upper)
    if below.any():
        at_j, at_y = jv_log_dv_below(w, lower), yv_log_dv_below(w, lower)
    return np.where(below, j * at_j, j * real - y * imag), np.where(below, y * at_y, j * imag + y * real)


@kernel
def jv_dv(v: Array, x: Array) -> Array:
    """Return ``∂J_v(x)/∂v``; for negative order by reflection (DLMF 10.2.3, 10.4.7)."""
    order = np.abs(v)
    j, y = _jy_dv(order, np.abs(x))
    sin, cos = sin_pi(order), cos_pi(order)
    reflected = -(cos * j - sin * y - np.pi * (sin * sc.jv(order, x) + cos * sc.yv(order, x)))
    return np.where(x > 0, np.where(v < 0, reflected, j), np.where((x == 0) & (v > 0), 0.0, np.nan))


@kernel
def yv_dv(v: Array, x: Array) -> Array:
    """Return ``∂Y_v(x)/∂v``; for negative order by reflection (DLMF 10.4.7)."""
    order = np.abs(v)
    j, y = _jy_dv(order, np.abs(x))
    sin, cos = sin_pi(order), cos_pi(order)
    reflected = -(sin * j + cos * y + np.pi * (cos * sc.jv(order, x) - sin * sc.yv(order, x)))
    return np.where(x > 0, np.where(v < 0, reflected, y), np.nan)


@kernel
def iv_dv_scaled(v: Array, x: Array) -> Array:
    """Return ``exp(-x) ∂I_v(x)/∂v``; for negative order by reflection (DLMF 10.27.2), at order 0 by DLMF 10.38.4.

    The error is near rounding relative to the larger of the derivative and ``v I_v(x)/x``.
    """
    order = np.abs(v)
    slope = sc.ive(order, x) * iv_log_dv(order, x)
    k = sc.kve(order, x) * np.exp(-2 * x)
    reflected = -(slope + 2 * cos_pi(order) * k + 2 / np.pi * sin_pi(order) * k * kv_log_dv(order, x))
    slope = np.where(v == 0, -k, slope)
    return np.where(x > 0, np.where(v < 0, reflected, slope), np.where((x == 0) & (v > 0), 0.0, np.nan))


@kernel
def iv_dv(v: Array, x: Array) -> Array:
    """Return ``∂I_v(x)/∂v``."""
    small = np.exp(np.minimum(x, 700)) * iv_dv_scaled(v, x)
    return np.where(x <= 700, small, sc.iv(v, x) * iv_dv_scaled(v, x) / sc.ive(v, x))


@primitive
def kv_dv(v: object, x: object) -> object:
    """Return ``∂K_v(x)/∂v``."""
    return sc.kv(v, x) * kv_log_dv(v, x)


# --- Struve functions -------------------------------------------------------------------------------------------------------


@kernel
def struve_dv(v: Array, x: Array) -> Array:
    """Return ``∂H_v(x)/∂v`` for x > 0: series (DLMF 11.2.1), else ``Y_v`` plus an integral (DLMF 11.5.2)."""
    far = x > 12 + np.abs(v)
    series = _struve_series(v, np.where(far, 1.0, x), -1)
    z = np.where(far, x, 20.0)
    t, weight = gauss(0.0, reach(lambda t: -t + np.maximum(v - 0.5, 0) * np.log1p((t / z) ** 2), 1 + 0 * z))
    log = np.log1p((t / z) ** 2)
    value = np.exp(-t + (v - 0.5) * log) * weight
    scale = sc.gammasgn(v + 0.5) * np.exp((v - 1) * np.log(z / 2) - sc.gammaln(v + 0.5)) / np.sqrt(np.pi)
    integral = scale * ((np.log(z / 2) - sc.psi(v + 0.5)) * total(value) + total(value * log))
    return np.where(x > 0, np.where(far, yv_dv(v, z) + integral, series), np.nan)


@kernel
def modstruve_dv(v: Array, x: Array) -> Array:
    """Return ``∂L_v(x)/∂v`` for 0 < x < 500, by its series of positive terms (DLMF 11.2.2)."""
    return np.where((x > 0) & (x < 500), _struve_series(v, np.minimum(x, 500), 1), np.nan)


def _struve_series(v: Array, x: Array, sign: int) -> Array:
    q, log = sign * x * x / 4, np.log(x / 2) - sc.psi(v + 1.5)
    term = (2 / np.sqrt(np.pi)) * np.exp((v + 1) * np.log(x / 2) - sc.gammaln(v + 1.5)) * sc.gammasgn(v + 1.5)
    sum_, size = term * log, np.abs(term * log)
    for k in range(1, 900):
        term = term * q / ((k + 0.5) * (v + k + 0.5))
        log = log - 1 / (v + k + 0.5)
        sum_, size = sum_ + term * log, size + np.abs(term * log)
        if (np.abs(term * (1 + np.abs(log))) <= 1e-18 * size).all():
            break
    return sum_
