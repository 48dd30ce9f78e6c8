"""The cube root and the hypotenuse; square roots are an instruction."""

from __future__ import annotations

from adjoint._backend.native.elementary.exponential import INF, SHIFTER, TWO_52, power_of_two
from adjoint._backend.native.elementary.pairs import exact_product
from adjoint._backend.native.elementary.tables import CBRT
from adjoint._backend.native.elementary.text import Number, copysign, fabs, fma, polynomial, sqrt, where


def cbrt(x: Number) -> Number:
    """Return the cube root.

    ``|x| = 2³ᵠ m`` with ½ ≤ m < 4, q the nearest integer to a third of the exponent, and a subnormal x is first multiplied
    by 2⁵⁴.  A polynomial gives y = 1/cbrt(m) to 8 bits; with h = 1 - m y³, 1/cbrt(m) = y (1 - h)^(-1/3), whose series gives
    29 bits after one step and all after another.  Neither step divides.  The last one corrects cbrt(m) = m y² by Newton's
    method, t + (m - t³) y²/3, where t³ has t² as a pair.
    """
    size = fabs(x)
    subnormal = size < 2.0**-1022
    word = where(subnormal, size * 2.0**54, size).bits()
    exponent = ((word >> 52) | TWO_52).double() - (2.0**52 + 1023)
    shifted = fma(exponent, 1 / 3, SHIFTER)
    q = shifted.bits()
    m = (word - ((q + q + q) << 52)).double()
    y = polynomial(m, CBRT)
    h = fma(-m * y, y * y, 1.0)
    y = fma(y * h, fma(h, fma(h, 14 / 81, 2 / 9), 1 / 3), y)
    y = fma(y * (1 / 3), fma(-m * y, y * y, 1.0), y)
    y = y * y
    t = m * y
    square, square_low = exact_product(t, t)
    t = fma((fma(-t, square, m) - t * square_low), y * (1 / 3), t)
    t = t * power_of_two(where(subnormal, q - 18, q))
    return where((size > 0.0) & (size < INF), copysign(t, x), x)


def hypot(x: Number, y: Number) -> Number:
    """Return ``√(x² + y²)``, scaled by a power of two where a square would be too large or too small; infinite if either is."""
    width, height = fabs(x), fabs(y)
    larger = where(width < height, height, width)
    large, small = larger > 2.0**500, larger < 2.0**-400
    scale = where(large, 2.0**-600, where(small, 2.0**600, 1.0))
    back = where(large, 2.0**600, where(small, 2.0**-600, 1.0))
    a, b = width * scale, height * scale
    root = sqrt(fma(a, a, b * b)) * back
    return where(width.equals(INF), INF, where(height.equals(INF), INF, root))
