"""Tools shared by the numerical kernels of parameter derivatives, and kernels of the gamma and error function family.

A kernel computes a derivative that no finite formula in functions with rules gives: plain NumPy loops over floats, vectorised,
registered in the book as a function of its own (so tracing stops at its door).  The tools:

- `kernel`: broadcasting, chunking, dtype, and dispatch of traced values;
- `gauss`, `tanh_sinh`, `reach`: quadrature of log-concave integrands, the window being where they exceed ``exp(-DROP)``
  of their peak.  Integrands are arranged to be of one sign, so that the *relative* error stays near rounding.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special as sc

from adjoint._rules.primitive import primitive
from adjoint.errors import MissingRuleError

Array = np.ndarray
DROP = 42.0
CHUNK = 1024


def kernel(core: Callable[..., Array]) -> Callable[..., Any]:
    """Turn ``core``, which takes columns of floats of shape (k, 1) and returns shape (k,) or (k, 1), into a vectorised primitive.

    float32 stays float32; complex arguments are refused, for these kernels are real.
    """

    @functools.wraps(core)
    def vectorised(*args: Any) -> Any:
        args = tuple(np.asarray(arg) if not isinstance(arg, (int, float)) else arg for arg in args)
        if any(np.iscomplexobj(arg) for arg in args):
            raise MissingRuleError.of(
                core.__name__, "the derivative with respect to a parameter is known for real arguments only"
            )
        dtype = np.result_type(*args, np.float16)
        columns = np.broadcast_arrays(*(np.asarray(arg, dtype=float) for arg in args))
        flat = [column.reshape(-1, 1) for column in columns]
        result = np.empty(flat[0].shape[0])
        with np.errstate(all="ignore"):
            for start in range(0, len(result), CHUNK):
                part = slice(start, start + CHUNK)
                result[part] = np.reshape(core(*(column[part] for column in flat)), -1)
        return result.reshape(columns[0].shape).astype(dtype if dtype == np.float32 else float)[()]

    return primitive(vectorised)


# --- quadrature -------------------------------------------------------------------------------------------------------------


@functools.cache
def _legendre(n: int) -> tuple[Array, Array]:
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return (1 + nodes) / 2, weights / 2


def gauss(low: Any, high: Any, n: int = 128) -> tuple[Array, Array]:
    """Return Gauss-Legendre nodes and weights on [low, high], one row for each element of the columns."""
    nodes, weights = _legendre(n)
    return low + (high - low) * nodes, (high - low) * weights


@functools.cache
def _double_exponential(step: float = 1 / 18, last: float = 3.7) -> tuple[Array, Array, Array]:
    u = np.arange(-round(last / step), round(last / step) + 1) * step
    left, right = 1 / (1 + np.exp(-np.pi * np.sinh(u))), 1 / (1 + np.exp(np.pi * np.sinh(u)))
    return left, right, step * np.pi * np.cosh(u) * left * right


def tanh_sinh(length: Any) -> tuple[Array, Array, Array]:
    """Return nodes on [0, length] as distances from the left and from the right end, and weights [Takahasi, Mori 1974]."""
    left, right, weights = _double_exponential()
    return length * left, length * right, length * weights


def reach(g: Callable[[Array], Array], step: Any, limit: Any = np.inf) -> Array:
    """Return how far to go from 0 until the concave ``g``, with maximum near 0, has dropped by `DROP`, at most to ``limit``."""
    far = np.minimum(step, limit)
    for _ in range(2000):
        inside = (g(far) > -DROP) & (far < limit)
        if not inside.any():
            break
        far = np.where(inside, np.minimum(2 * far, limit), far)
    near = np.zeros_like(far)
    for _ in range(10):
        middle = (near + far) / 2
        inside = g(middle) > -DROP
        near, far = np.where(inside, middle, near), np.where(inside, far, middle)
    return far


# --- differences without cancellation ---------------------------------------------------------------------------------------

STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)
BERNOULLI = sc.bernoulli(40)


def _taylor(u: Array, first: int, stride: int, sign: int) -> Array:
    """Sum ``sign^j u^(first + stride j) / (first + stride j)!`` over j, for small ``u``."""
    total = term = u**first / sc.gamma(first + 1.0)
    n = first
    for _ in range(12):
        for k in range(n + 1, n + stride + 1):
            term = term * u / k
        term, n = sign * term, n + stride
        total = total + term
    return total


def exp_minus(u: Array) -> Array:
    """Return ``exp(u) - 1 - u``."""
    return np.where(np.abs(u) < 0.5, _taylor(np.clip(u, -0.5, 0.5), 2, 1, 1), np.expm1(u) - u)


def minus_sin(u: Array) -> Array:
    """Return ``u - sin(u)``."""
    return np.where(np.abs(u) < 0.5, _taylor(np.clip(u, -0.5, 0.5), 3, 2, -1), u - np.sin(u))


def minus_sinh(u: Array) -> Array:
    """Return ``u - sinh(u)``."""
    return np.where(np.abs(u) < 0.5, -_taylor(np.clip(u, -0.5, 0.5), 3, 2, 1), u - np.sinh(u))


def minus_log1p(d: Array) -> Array:
    """Return ``d - log(1 + d)``, by ``log(1 + d) = 2 artanh(d / (2 + d))``."""
    e = np.clip(d, -0.5, 0.5)
    r = e / (2 + e)
    odd = sum(r ** (2 * j) / (2 * j + 3) for j in range(18, -1, -1))
    return np.where(np.abs(d) < 0.5, e * r - 2 * r**3 * odd, d - np.log1p(d))


def stirling_error(a: Array) -> Array:
    """Return ``log Γ(a) - ((a - 1/2) log a - a + log(2π)/2)`` (DLMF 5.11.1)."""
    series = sum(c / a ** (2 * k + 1) for k, c in enumerate(STIRLING))
    return np.where(a > 12, series, sc.gammaln(a) - ((a - 0.5) * np.log(a) - a + 0.5 * np.log(2 * np.pi)))


def deviance(k: Array, m: Array) -> Array:
    """Return ``k log(k/m) + m - k`` [Loader 2000]."""
    return np.where(np.abs(m - k) < 0.5 * k, k * minus_log1p((m - k) / k), sc.xlogy(k, k / m) + m - k)


def psi_minus_log(a: Array) -> Array:
    """Return ``ψ(a) - log(a)`` (DLMF 5.11.2)."""
    series = -0.5 / a - sum(BERNOULLI[2 * k] / (2 * k * a ** (2 * k)) for k in range(1, 9))
    return np.where(a > 12, series, sc.psi(a) - np.log(a))


@kernel
def psi_difference(a: Array, b: Array) -> Array:
    """Return ``ψ(a + b) - ψ(a)``, also where ``b`` is small beside ``a`` (DLMF 5.5.2, 5.11.2)."""
    total, c = np.zeros_like(a), a
    for _ in range(12):
        total, c = total + np.where(c < 12, b / (c * (c + b)), 0), np.where(c < 12, c + 1, c)
    ratio = np.log1p(b / c)
    total = total + ratio - 0.5 * np.expm1(-ratio) / c
    for k in range(1, 9):
        total = total - BERNOULLI[2 * k] / (2 * k) * np.expm1(-2 * k * ratio) / c ** (2 * k)
    return np.where((a > 0) & (a + b > 0.5 * a), total, sc.psi(a + b) - sc.psi(a))


# --- error functions: the n-th derivative -----------------------------------------------------------------------------------
# w'(z) = -2 z w + 2i/√π cancels for large z; there the asymptotic series (DLMF 7.12.1) is differentiated term by term.


def _inverse_powers(n: int, z: Array, sign: int) -> Array:
    """Return the n-th derivative of ``Σ sign^k (1/2)_k / z^(2k+1)``."""
    total, term = np.zeros_like(z), (-1.0) ** n * sc.gamma(n + 1.0) / z ** (n + 1)
    for k in range(24):
        total = total + term
        term = term * sign * (k + 0.5) * (2 * k + n + 1) * (2 * k + n + 2) / ((2 * k + 1) * (2 * k + 2) * z * z)
    return total


def _recurrence(n: int, z: Array, f: Array, sign: int, slope: complex) -> Array:
    """Return the n-th derivative of ``f`` where ``f' = sign 2 z f + slope``."""
    before, now = f, sign * 2 * z * f + slope
    for k in range(1, n):
        before, now = now, sign * 2 * (z * now + k * before)
    return before if n == 0 else now


@primitive
def wofz_n(n: int, z: Any) -> Any:
    """Return the ``n``-th derivative of the Faddeeva function ``w``."""
    z = np.asarray(z, dtype=complex)
    far = np.abs(z) > 7 + n / 4
    with np.errstate(all="ignore"):
        near = _recurrence(n, z, sc.wofz(z), -1, 2j / np.sqrt(np.pi))
        series = 1j / np.sqrt(np.pi) * _inverse_powers(n, np.where(far, z, 10), 1)
        # on the real axis exp(-z²) is the whole real part; it comes in across the axis, as Stokes' phenomenon (DLMF 7.12)
        normal = np.where(z.imag < 4, sc.erfc(np.sqrt(2) * z.imag) * _recurrence(n, z, np.exp(-z * z), -1, 0), 0)
        return np.where(far, series + normal, near)[()]


@primitive
def erfcx_n(n: int, z: Any) -> Any:
    """Return the ``n``-th derivative of ``erfcx``."""
    z = np.asarray(z)
    far = (np.abs(z) > 7 + n / 4) & (z.real > 0)
    with np.errstate(all="ignore"):
        near = _recurrence(n, z, sc.erfcx(z), 1, -2 / np.sqrt(np.pi))
        return np.where(far, _inverse_powers(n, np.where(far, z, 10), -1) / np.sqrt(np.pi), near)[()]


@primitive
def dawsn_n(n: int, z: Any) -> Any:
    """Return the ``n``-th derivative of Dawson's integral."""
    z = np.asarray(z)
    far = (np.abs(z) > 7 + n / 4) & ((z * z).real > 40 + 2 * n)
    with np.errstate(all="ignore"):
        near = _recurrence(n, z, sc.dawsn(z), -1, 1)
        return np.where(far, _inverse_powers(n, np.where(far, z, 10), 1) / 2, near)[()]


# --- zeta and polygamma -----------------------------------------------------------------------------------------------------


@kernel
def zeta_ds(s: Array, q: Array) -> Array:
    """Return the derivative of Hurwitz' ``ζ(s, q)`` in ``s``, by Euler-Maclaurin summation (DLMF 25.11.5) and, for
    ``q = 1``, ``s < -1``, by reflection (DLMF 25.4.1).
    """
    direct = _zeta_ds(np.maximum(s, -2), q)
    r = 1 - np.minimum(s, -1)
    zeta, slope = sc.zeta(r, 1), _zeta_ds(r, np.ones_like(q))
    inner = 2 * _sin_half(s) * ((np.log(2 * np.pi) - sc.psi(r)) * zeta - slope) + np.pi * _sin_half(s + 1) * zeta
    return np.where(
        (s < -1) & (q == 1), (2 * np.pi) ** (s - 1) * sc.gamma(r) * inner, np.where((s > 1) | (q == 1), direct, np.nan)
    )


def _sin_half(s: Array) -> Array:
    return np.sin(np.pi / 2 * np.fmod(s, 4))


def _zeta_ds(s: Array, q: Array) -> Array:
    k = q + np.arange(14.0)
    total = -np.sum(np.log(k) * k**-s, axis=1, keepdims=True)
    a = q + 14
    log, power = np.log(a), a**-s
    total = total - a * power * (log / (s - 1) + 1 / (s - 1) ** 2) - log * power / 2
    rising, slope, factorial = s, np.ones_like(s), 1.0
    for j in range(1, 15):
        factorial *= (2 * j - 1) * (2 * j)
        total = total + BERNOULLI[2 * j] / factorial * power * a ** (1 - 2 * j) * (slope - rising * log)
        for i in (2 * j - 1, 2 * j):
            rising, slope = rising * (s + i), slope * (s + i) + rising
    return total


@primitive
def polygamma_n(n: int, z: Any) -> Any:
    """Return the ``n``-th derivative of ``ψ`` at real or complex ``z``, n ≥ 1 (DLMF 5.15.1, 5.15.8, 5.15.6)."""
    z = np.asarray(z)
    if z.dtype.kind != "c":
        return (-1.0) ** (n + 1) * sc.gamma(n + 1.0) * sc.zeta(n + 1, z)
    with np.errstate(all="ignore"):
        left = z.real < 0.5
        w = np.where(left, 1 - z, z)
        total = np.zeros_like(w)
        for k in range(16):
            total = total + 1 / (w + k) ** (n + 1)
        w = w + 16
        total = total + 1 / (n * w**n) + 0.5 / w ** (n + 1)
        for k in range(1, 12):
            total = total + BERNOULLI[2 * k] * sc.gamma(2.0 * k + n) / sc.gamma(n + 1.0) / sc.gamma(2.0 * k + 1) / w ** (
                2 * k + n
            )
        value = (-1.0) ** (n + 1) * sc.gamma(n + 1.0) * total
        return np.where(left, (-1.0) ** n * (value + _cotangent_n(n, 1 - z)) if left.any() else 0, value)[()]


def _cotangent_n(n: int, z: Array) -> Array:
    """Return the n-th derivative of ``π cot(πz)``: a polynomial in the cotangent, with ``c' = -π (1 + c²)``."""
    c = 1 / np.tan(np.pi * z)
    polynomial = np.polynomial.Polynomial([0, np.pi])
    for _ in range(n):
        polynomial = polynomial.deriv() * np.polynomial.Polynomial([-np.pi, 0, -np.pi])
    return polynomial(c)
