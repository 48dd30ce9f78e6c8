"""sinh, cosh, tanh and their inverses."""

from __future__ import annotations

from adjoint._backend.native.elementary.exponential import (
    INF,
    LN2,
    LN2_LOW,
    NAN,
    SHIFTER,
    TWO_52,
    log_of_pair,
    power_of_two,
    reduced,
)
from adjoint._backend.native.elementary.pairs import exact_product, exact_sum, fast_sum, quotient
from adjoint._backend.native.elementary.tables import ARCTANH, COSH, EXP, SINH
from adjoint._backend.native.elementary.text import Number, at_most, copysign, fabs, fma, polynomial, sqrt, where

# ---------------------------------------------------------------------------------------------- hyperbolic sine and cosine
#
# With x = n ln 2 + r, and c = 2ⁿ⁻¹, d = 2⁻ⁿ⁻¹:
#     sinh x = (c - d) cosh r + (c + d) sinh r        cosh x = (c + d) cosh r + (c - d) sinh r
# No division, no cancellation worth the name, and sinh r for n = 0.  One computation is enough where both are wanted.
# The leading terms, with 1 for cosh r and r for sinh r, are summed last.
# c and d are taken at half their size, because 2ⁿ⁻¹ overflows where the result does not, and d not below 2⁻⁵⁰².


def hyperbolic_parts(x: Number) -> tuple[Number, Number, Number, Number, Number]:
    """Return ``(c - d)/2``, ``(c + d)/2``, ``r``, and what is to be added to ``r`` and 1 for sinh and cosh of r."""
    shifted, r, rest = reduced(at_most(fabs(x), 710.5))
    z = r * r
    c, d = power_of_two(shifted.bits() - 2), power_of_two(-2 - at_most(shifted, SHIFTER + 500).bits())
    sine = fma(r * z, polynomial(z, SINH), rest)
    cosine = fma(z, polynomial(z, COSH), r * rest)
    return c - d, c + d, r, sine, cosine


def sinh(x: Number) -> Number:
    """Return the hyperbolic sine.  A tiny x is its own, which spares the bits that halving a subnormal would take."""
    difference, total, r, sine, cosine = hyperbolic_parts(x)
    y = fma(total, r, difference) + fma(difference, cosine, total * sine)
    return where(fabs(x) < 2.0**-30, x, copysign(2.0 * y, x))


def cosh(x: Number) -> Number:
    """Return the hyperbolic cosine."""
    difference, total, r, sine, cosine = hyperbolic_parts(x)
    return 2.0 * (fma(difference, r, total) + fma(total, cosine, difference * sine))


def tanh(x: Number) -> Number:
    """Return the hyperbolic tangent, ``-E / (2 + E)`` with ``E = exp(-2|x|) - 1``, numerator and denominator as pairs."""
    shifted, r, rest = reduced(at_most(fabs(x), 20.0) * -2.0)
    power = power_of_two(shifted.bits())
    r, rest = fast_sum(r, fma(r * r, polynomial(r, EXP), rest))
    e, e_low = fast_sum(power - 1.0, power * r)
    e_low = fma(power, rest, e_low)
    below, below_low = fast_sum(2.0, e)
    return where(fabs(x) < 2.0**-30, x, copysign(quotient(e, e_low, below, below_low + e_low), x))


# -------------------------------------------------------------------------------------------------------------- inverses
#
# arsinh x = log(x + √(x² + 1)), arcosh x = log(x + √(x² - 1)).
# Where the argument is near 1, the logarithm needs it to more digits than a double has: the square, the root and the sum are
# pairs.  The root of w + w_low is s = √w and (w - s² + w_low) / 2s.


def log_of_sum(x: Number, sign: float) -> Number:
    """Return ``log(x + √(x² + sign))`` for ``x ≥ 0``.  For large x that is ``log(2x)``, and x² would overflow."""
    large = x > 2.0**60
    square, square_low = exact_product(x, x)
    w, w_low = exact_sum(square, x.lift(sign))
    s = sqrt(w)
    correction = (fma(-s, s, w) + (w_low + square_low)) / (s + s)
    u, u_low = exact_sum(x, s)
    u_low = u_low + where(s > 0.0, correction, 0.0)
    return log_of_pair(where(large, x, u), where(large, 0.0, u_low), where(large, 1.0, 0.0))


def arcsinh(x: Number) -> Number:
    """Return the inverse hyperbolic sine."""
    size = fabs(x)
    y = where(size < INF, log_of_sum(size, 1.0), size)
    return where(size < 2.0**-30, x, copysign(y, x))


def arccosh(x: Number) -> Number:
    """Return the inverse hyperbolic cosine."""
    return where(x >= 1.0, where(x < INF, log_of_sum(x, -1.0), x), NAN)


def arctanh(x: Number) -> Number:
    """Return the inverse hyperbolic tangent, ½ log((1 + x) / (1 - x)).

    2ᵏ is near that quotient: the distance of the bits of two numbers is, piecewise linearly, their logarithm to base 2.
    Then artanh x = ½ k ln 2 + artanh(s), s = ((1 + x) - 2ᵏ (1 - x)) / ((1 + x) + 2ᵏ (1 - x)), |s| < 0.21.
    1 + x and 1 - x are pairs; s = x for k = 0.
    """
    size = fabs(x)
    u, u_low = exact_sum(1.0, size)
    v, v_low = exact_sum(1.0, -size)
    word = (u.bits() - v.bits() + (1 << 51)) >> 52
    k = (word | TWO_52).double() - 2.0**52
    power = power_of_two(word)
    v, v_low = power * v, power * v_low
    s = ((u - v) + (u_low - v_low)) / ((u + v) + (u_low + v_low))
    z = s * s
    y = fma(k, LN2 / 2, s + fma(s * z, polynomial(z, ARCTANH), k * (LN2_LOW / 2)))
    return copysign(where(size < 1.0, y, where(size.equals(1.0), INF, NAN)), x)
