"""Trigonometric and hyperbolic functions, their inverses, and what is measured in angles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adjoint._rules.book import FIXED, elementwise
from adjoint._rules.domains import ABOVE_ONE, POSITIVE, REAL, UNIT, Integers, Interval
from adjoint._rules.kinds import is_complex
from adjoint._rules.primitive import primitive


@primitive
def sinc(x: Any, n: int) -> Any:
    """Return the ``n``-th derivative of ``sin(pi x) / (pi x)``.

    With ``u = pi x`` and ``g = sin(u)/u``: Leibniz' rule for ``u g = sin(u)`` gives ``u g⁽ⁿ⁾ + n g⁽ⁿ⁻¹⁾ = sin(u + n pi/2)``.  This
    recurrence cancels for small u, where the power series of ``g`` is differentiated term by term.
    """
    u = np.asarray(np.pi * x)
    near = abs(u) < n + 2
    g = np.empty_like(u)
    far = u[~near]
    direct = np.sin(far) / far
    for k in range(1, n + 1):
        direct = (np.sin(far + k * np.pi / 2) - k * direct) / far
    g[~near] = direct
    g[near] = _sinc_series(u[near], n)
    return (np.pi**n * g)[()]


def _sinc_series(u: Any, n: int) -> Any:
    """Return the ``n``-th derivative of ``sum_k (-1)^k u^2k / (2k+1)!`` for ``abs(u) < n + 2``."""
    first = (n + 1) // 2
    terms = range(first, first + 22 + 2 * n)
    scales = [(-1) ** k * math.factorial(2 * k) / (math.factorial(2 * k - n) * math.factorial(2 * k + 1)) for k in terms]
    square, y = u * u, np.zeros_like(u)
    for factor in reversed(scales):
        y = y * square + factor
    return y * u if n % 2 else y


def bessel_i1(x: Any) -> Any:
    """Return the modified Bessel function of order 1, the derivative of ``i0``."""
    from scipy.special import i1

    return i1(x)


def secant(x: Any) -> Any:
    """Return ``sqrt(1 + x**2)``, without overflow where x is real."""
    return np.sqrt(1 + x * x) if is_complex(x) else np.hypot(1, x)


# Where the derivative of an inverse function is ``1 / (1 - x²)``, the square is split: 1 - x is exact for x near 1.
# fmt: off
elementwise(np.sin,      lambda y, x: np.cos(x))
elementwise(np.cos,      lambda y, x: -np.sin(x))
elementwise(np.tan,      lambda y, x: 1 + y * y,                              on=Interval(-1.2, 1.2))
elementwise(np.arcsin,   lambda y, x: 1 / np.sqrt((1 - x) * (1 + x)),         on=UNIT)
elementwise(np.arccos,   lambda y, x: -1 / np.sqrt((1 - x) * (1 + x)),        on=UNIT)
elementwise(np.arctan,   lambda y, x: 1 / (1 + x * x))
elementwise(np.sinh,     lambda y, x: np.cosh(x))
elementwise(np.cosh,     lambda y, x: np.sinh(x))
elementwise(np.tanh,     lambda y, x: 1 - y * y)
elementwise(np.arcsinh,  lambda y, x: 1 / secant(x))
elementwise(np.arccosh,  lambda y, x: 1 / (np.sqrt(x - 1) * np.sqrt(x + 1)),  on=ABOVE_ONE)
elementwise(np.arctanh,  lambda y, x: 1 / ((1 - x) * (1 + x)),                on=UNIT)
elementwise(np.arctan2,  lambda y, a, b: b / np.hypot(a, b) / np.hypot(a, b),
                         lambda y, a, b: -a / np.hypot(a, b) / np.hypot(a, b), on=(REAL, POSITIVE))

elementwise(np.deg2rad,  lambda y, x: np.pi / 180)
elementwise(np.radians,  lambda y, x: np.pi / 180)
elementwise(np.rad2deg,  lambda y, x: 180 / np.pi)
elementwise(np.degrees,  lambda y, x: 180 / np.pi)
elementwise(np.unwrap,   lambda y, p, discont=None, axis=-1: 1,               FIXED, FIXED)  # a whole number of periods is added
elementwise(np.sinc,     lambda y, x: sinc(x, 1))
elementwise(sinc,        lambda y, x, n: sinc(x, n + 1),                      FIXED, on=(REAL, Integers(0, 2)))
elementwise(np.i0,       lambda y, x: bessel_i1(x))
# fmt: on
