"""sin, cos, tan and their inverses.

Source of the methods: Cody and Waite, *Software Manual for the Elementary Functions*, 1980; Muller, *Elementary Functions*,
3rd edition, 2016, chapter 11.
"""

from __future__ import annotations

from adjoint._backend.native.elementary.exponential import SHIFTER, SIGN
from adjoint._backend.native.elementary.pairs import exact_product, fast_sum, quotient
from adjoint._backend.native.elementary.tables import ARCSIN, ARCTAN, COS, SIN
from adjoint._backend.native.elementary.text import Number, copysign, fabs, fma, polynomial, sqrt, where

TWO_OVER_PI = 0.6366197723675814
# π/2 in three parts, each the double next to what is left.
HALF_PI, HALF_PI_LOW, HALF_PI_LOWEST = 1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33

# ------------------------------------------------------------------------------------------------------ sine and cosine
#
# x = n π/2 + r, |r| ≤ π/4.  A product of n with a part of π/2 is not exact, but fma rounds only the difference:
#   1. a = x - n HALF_PI.  For |x| ≥ 1 both are multiples of 2⁻⁵², as HALF_PI is, and |a| < 1, so a has 52 bits: exact.
#      For smaller x, n is 0, or n is 1 and x is a multiple of 2⁻⁵³ at least: exact too.
#   2. b = n HALF_PI_LOW as a pair, and r = a - b as a pair: a is a multiple of the last bit of b, so Dekker's sum is exact.
#   3. The lower part takes n HALF_PI_LOWEST.
# For n ≤ 2⁴⁰ the last two steps are off by less than 2⁻¹¹⁸.  By the continued fraction of π/2, no double up to 2⁴⁰ but 0 is
# closer than 2⁻⁶¹ to a multiple of it (Muller, section 11.3.2), so the pair is right to 2⁻⁵⁷ of itself.


def reduced(x: Number) -> tuple[Number, Number, Number]:
    """Return the word whose lowest bits are those of ``n``, and ``r`` as a pair, where ``x = n π/2 + r``."""
    shifted = fma(x, TWO_OVER_PI, SHIFTER)
    n = shifted - SHIFTER
    a = fma(n, -HALF_PI, x)
    b, b_low = exact_product(n, HALF_PI_LOW)
    r = a - b
    low = ((a - r) - b) - fma(n, HALF_PI_LOWEST, b_low)
    return shifted.bits(), r, low


def sine_part(r: Number, low: Number) -> Number:
    """Return ``sin(r + low) - r``, where sin(r + low) = sin r + low cos r, and cos r = 1 - r²/2 is enough."""
    z = r * r
    return fma(r * z, polynomial(z, SIN), fma(z * -0.5, low, low))


def cosine_parts(r: Number, low: Number) -> tuple[Number, Number]:
    """Return ``cos(r + low)`` as a pair, where cos(r + low) = cos r - r low.

    cos r = (1 - z/2) + z² p(z): the bracket is a pair.
    """
    z = r * r
    half = 0.5 * z
    hi = 1.0 - half
    return hi, ((1.0 - hi) - half) + fma(z * z, polynomial(z, COS), -(r * low))


def sine_and_cosine(x: Number) -> tuple[Number, Number, Number]:
    """Return the word of n, and the sine and cosine of r.

    The sine of x is one of them up to its sign, and its cosine the other: where both are wanted, one computation does.
    """
    word, r, low = reduced(x)
    hi, rest = cosine_parts(r, low)
    return word, r + sine_part(r, low), hi + rest


def turned(y: Number, word: Number, sign: Number | int = 0) -> Number:
    """Return ``y`` with its sign changed where bit 1 of the word is set, and where ``sign`` is."""
    return (y.bits() ^ (((word & 2) << 62) ^ sign)).double()


def sin(x: Number) -> Number:
    """Return the sine: of ``|x|``, so that the sign of zero is kept."""
    word, sine, cosine = sine_and_cosine(fabs(x))
    return x.body.corrected("sin", x, turned(where((word & 1).equals(0), sine, cosine), word, x.bits() & SIGN))


def cos(x: Number) -> Number:
    """Return the cosine: cos x = sin(x + π/2), a quarter of a turn further."""
    word, sine, cosine = sine_and_cosine(fabs(x))
    return x.body.corrected("cos", x, turned(where((word & 1).equals(0), cosine, sine), word + 1))


def tan(x: Number) -> Number:
    """Return the tangent, sin r / cos r, or -cos r / sin r for odd n.

    Numerator and denominator are pairs: q = a / b, corrected by what a - q b is not zero by.
    """
    word, r, low = reduced(fabs(x))
    sine, sine_low = fast_sum(r, sine_part(r, low))
    cosine, cosine_low = fast_sum(*cosine_parts(r, low))
    even = (word & 1).equals(0)
    a, a_low = where(even, sine, cosine), where(even, sine_low, cosine_low)
    b, b_low = where(even, cosine, sine), where(even, cosine_low, sine_low)
    sign = where(even, 0, word.lift(SIGN)) ^ (x.bits() & SIGN)
    return x.body.corrected("tan", x, (quotient(a, a_low, b, b_low).bits() ^ sign).double())


# -------------------------------------------------------------------------------------------------------------- inverses


def half_angle(x: Number) -> tuple[Number, Number, Number]:
    """Return whether ``|x| ≤ ½``, and ``s`` and ``t`` with ``arcsin(s) = s + t``.

    There s is |x|; further out, s² = (1 - |x|)/2, and arccos|x| = 2 arcsin(s).  The polynomial is for s ≤ ½.
    """
    size = fabs(x)
    inner = size <= 0.5
    z = where(inner, x * x, 0.5 - 0.5 * size)
    s = where(inner, size, sqrt(z))
    return inner, s, s * z * polynomial(z, ARCSIN)


def arcsin(x: Number) -> Number:
    """Return the inverse sine: further out π/2 - 2 arcsin(s), where π/2 - 2s is kept as a pair."""
    inner, s, t = half_angle(x)
    y, low = fast_sum(HALF_PI, s * -2.0)
    outer = y + (low + fma(t, -2.0, HALF_PI_LOW))
    return copysign(where(inner, s + t, outer), x)


def arccos(x: Number) -> Number:
    """Return the inverse cosine: π/2 - arcsin(x), or 2 arcsin(s), or π - 2 arcsin(s)."""
    inner, s, t = half_angle(x)
    base, base_low = pi_in_halves(where(inner, 1.0, where(x < 0.0, 2.0, 0.0)))
    factor = where(inner, -1.0, 2.0) * copysign(x.lift(1.0), x)
    y, low = fast_sum(base, factor * s)
    return y + (low + fma(factor, t, base_low))


def pi_in_halves(count: Number) -> tuple[Number, Number]:
    """Return ``count π/2`` as a pair, for a count of 0, 1 or 2."""
    return count * HALF_PI, count * HALF_PI_LOW


def arctan(x: Number) -> Number:
    """Return the inverse tangent: beyond 1, π/2 - arctan(1 / |x|)."""
    size = fabs(x)
    outer = size > 1.0
    return copysign(angle(where(outer, 1.0, 0.0), where(outer, -1.0, size) / where(outer, size, 1.0)), x)


def angle(quarters: Number, t: Number) -> Number:
    """Return ``quarters π/2 + arctan(t)`` for 0, 1 or 2 quarters, of which ``|t| ≤ 1`` takes away or to which it adds."""
    z = t * t
    base, base_low = pi_in_halves(quarters)
    y, low = fast_sum(base, t)
    return y + (low + fma(t * z, polynomial(z, ARCTAN), base_low))


def arctan2(y: Number, x: Number) -> Number:
    """Return the angle of the point (x, y), with the special cases of C99, F.9.1.4.

    The quotient of the smaller by the larger of |x| and |y| has the angle to an axis, which is that of x or of y.
    Two zeros and two infinities have no quotient, and get 0 and 1.
    """
    width, height = fabs(x), fabs(y)
    steep = height > width
    small, large = where(steep, width, height), where(steep, height, width)
    t = where(small.equals(large), where(small.equals(0.0), 0.0, 1.0), small / large)
    # The angle is measured from that axis, against the direction of angles if just one of these holds: the axis is that of
    # y, and x is negative.
    sign = x.bits() & SIGN
    against = where(steep, sign.lift(SIGN), 0) ^ sign
    quarters = where(steep, 1.0, where(sign.equals(0), 0.0, 2.0))
    return copysign(angle(quarters, (t.bits() ^ against).double()), y)
