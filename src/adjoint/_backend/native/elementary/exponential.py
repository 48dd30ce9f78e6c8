"""exp, exp2, expm1, the logarithms, and powers.

Source of the methods: Muller, *Elementary Functions*, 3rd edition, 2016, chapters 3 and 11; Cody and Waite, *Software Manual
for the Elementary Functions*, 1980.
"""

from __future__ import annotations

from adjoint._backend.native.elementary.pairs import exact_product, exact_sum, fast_sum, quotient
from adjoint._backend.native.elementary.tables import EXP, LOG, LOG_TAIL
from adjoint._backend.native.elementary.text import Number, at_least, at_most, fabs, fma, polynomial, rint, where

INF, NAN = float("inf"), float("nan")
SIGN = 1 << 63
SQRT_HALF = 0x3FE6A09E667F3BCD  # the bits of √½
TWO_52 = (1023 + 52) << 52  # the bits of 2⁵²
TWO_THIRDS, TWO_THIRDS_LOW = 2 / 3, 3.700743415417188e-17
ONE = 1023 << 52  # the bits of 1.0: an exponent n stands n << 52 higher
FRACTION = (1 << 52) - 1

# Added to x, |x| < 2⁵¹, it leaves no room for a fraction: the sum holds the nearest integer to x in its lowest bits.
# That is cheaper than rounding and then converting, which many targets cannot do for vectors.
SHIFTER = 1.5 * 2.0**52

LOG2_E = 1.4426950408889634
# ln 2 in two parts.  The first has 42 bits, so that its product with an exponent is exact.
LN2, LN2_LOW = 0.6931471805598903, 5.497923018708371e-14
LN2_ROUNDED, LN2_REST = 0.6931471805599453, 2.3190468138462996e-17

# ------------------------------------------------------------------------------------------------------ the exponential
#
# exp(x) = 2ⁿ exp(r), where n = rint(x / ln 2) and r = x - n ln 2, |r| ≤ ½ ln 2.
# n ln 2 is subtracted in two parts.  The first product is exact, and so is the first difference: it is below ½, and where n is
# not 0 it is a multiple of 2⁻⁵⁴, as x is.  exp(r) = 1 + r + r² q(r).


def reduced(x: Number, low: Number | float = 0.0) -> tuple[Number, Number, Number]:
    """Return ``n + SHIFTER`` and a pair ``r``, where ``x + low = n ln 2 + r``."""
    shifted = fma(x, LOG2_E, SHIFTER)
    n = shifted - SHIFTER
    return shifted, *fast_sum(fma(n, -LN2, x), fma(n, -LN2_LOW, low))


def power_of_two(word: Number) -> Number:
    """Return 2ⁿ, where ``n`` stands in the lowest bits of ``word``, and -1023 < n < 1024."""
    return ((word << 52) + ONE).double()


def scaled(y: Number, shifted: Number) -> Number:
    """Return ``2ⁿ y`` for ``n = shifted - SHIFTER``.

    In two steps, of about half of n each: 2ⁿ itself may be too large or too small to be a double where the result is one.
    The first step is exact, so a subnormal result is rounded once.
    """
    word = shifted.bits()
    half = word >> 1
    return y * power_of_two(half) * power_of_two(word - half)


def bounded(x: Number) -> Number:
    """Return ``x``, but not further out than where the exponential overflows, and where it is less than half of any double."""
    return at_least(at_most(x, 710.0), -746.0)


def one_plus(r: Number, rest: Number | float = 0.0) -> Number:
    """Return ``exp(r + rest)``: 1 + r as a pair, and r² q(r), below 0.07, is added to the lower part."""
    hi, low = fast_sum(1.0, r)
    return hi + fma(r * r, polynomial(r, EXP), low + rest if isinstance(rest, Number) else low)


def exp(x: Number) -> Number:
    """Return the exponential."""
    x = bounded(x)
    shifted = fma(x, LOG2_E, SHIFTER)
    n = shifted - SHIFTER
    return scaled(one_plus(fma(n, -LN2_LOW, fma(n, -LN2, x))), shifted)


def exp2(x: Number) -> Number:
    """Return 2 to the power x: ``x = n + v`` exactly, and ``2ᵛ = exp(v ln 2)``."""
    x = at_least(at_most(x, 1025.0), -1080.0)
    shifted = x + SHIFTER
    v = x - (shifted - SHIFTER)
    r, rest = exact_product(v, LN2_ROUNDED)
    return scaled(one_plus(r, fma(v, LN2_REST, rest)), shifted)


def expm1(x: Number) -> Number:
    """Return ``exp(x) - 1 = 2ⁿ (exp(r) - 1) + (2ⁿ - 1)``.

    Computed at half its size, because 2ⁿ overflows where the result does not.
    A tiny x is its own result, and so keeps the sign of its zero and the bits that halving a subnormal would take.
    """
    shifted, r, rest = reduced(at_least(at_most(x, 710.0), -40.0))
    half = power_of_two(shifted.bits() - 1)
    main = fma(half, r, half - 0.5)
    return where(fabs(x) < 2.0**-54, x, 2.0 * fma(half, fma(r * r, polynomial(r, EXP), rest), main))


def exp_of_pair(hi: Number, lo: Number) -> tuple[Number, Number, Number]:
    """Return ``exp(hi + lo)`` as a pair, to some 2⁻⁵⁸, without its factor 2ⁿ, and ``n + SHIFTER``."""
    shifted, r, rest = reduced(hi, lo)
    bracket, low = fast_sum(r, fma(r * r, polynomial(r, EXP), rest))
    y, lower = fast_sum(1.0, bracket)
    return y, lower + low, shifted


# ------------------------------------------------------------------------------------------------------------ logarithms
#
# x = 2ᵏ m with √½ ≤ m < √2, f = m - 1 exactly, and log x = k ln 2 + log(1 + f).
# With s = f / (2 + f):  log(1 + f) = 2 artanh(s) = 2s + s z p(z), z = s².
# The division would round the leading term 2s.  But 2s = f - s f, so 2s = f - ½f² + ½f² s, hence
#     log(1 + f) = f - (½f² - s (½f² + z p(z))),
# where f is exact and the rest is smaller than f/4.


def parts(x: Number) -> tuple[Number, Number]:
    """Return ``k`` and ``m``, where ``x = 2ᵏ m`` and √½ ≤ m < √2, for a positive and finite ``x``.

    The distance of the bits of x from those of √½ has k above its 52 lowest bits, and that of the bits of m in them.
    k becomes a double by being put into the lowest bits of 2⁵².
    """
    subnormal = x < 2.0**-1022
    distance = where(subnormal, x * 2.0**54, x).bits() + (ONE - SQRT_HALF)
    k = ((distance >> 52) | TWO_52).double() - where(subnormal, 2.0**52 + 1023 + 54, 2.0**52 + 1023)
    return k, ((distance & FRACTION) + SQRT_HALF).double()


def log_rest(f: Number, below: Number | float = 0.0) -> Number:
    """Return ``log(1 + f) - f + below``."""
    s = f / (f + 2.0)
    z = s * s
    half = 0.5 * f * f
    return fma(s, fma(z, polynomial(z, LOG), half), below) - half


def where_defined(x: Number, y: Number) -> Number:
    """Return ``y``, but what a logarithm is where x is zero, negative, infinite or NaN."""
    return where(x <= 0.0, where(x.equals(0.0), -INF, NAN), where(x < INF, y, x))


def log(x: Number) -> Number:
    """Return the natural logarithm."""
    k, m = parts(x)
    f = m - 1.0
    return where_defined(x, fma(k, LN2, f + log_rest(f, k * LN2_LOW)))


def log_to_base(x: Number, factor: tuple[float, float], two: tuple[float, float]) -> Number:
    """Return the logarithm whose factor is ``1 / ln(base)`` and that of 2 is ``two``, both as pairs.

    The first part of ``two`` has so few bits that its product with k is exact.  All but the last sum is kept as a pair,
    so that a result that is a double is exact.
    """
    k, m = parts(x)
    f = m - 1.0
    product, rest = exact_product(f, factor[0])
    y, low = fast_sum(k * two[0], product)
    rest = fma(f, factor[1], fma(k, two[1], rest)) + low
    return where_defined(x, y + fma(log_rest(f), factor[0], rest))


def log2(x: Number) -> Number:
    """Return the logarithm to base 2."""
    return log_to_base(x, (LOG2_E, 2.0355273740931033e-17), (1.0, 0.0))


def log10(x: Number) -> Number:
    """Return the logarithm to base 10."""
    return log_to_base(x, (0.4342944819032518, 1.098319650216765e-17), (0.30102999566395283, 2.8363394551044964e-14))


def log_of_pair(u: Number, low: Number, exponent: Number | float = 0.0) -> Number:
    """Return ``log(u + low) + exponent ln 2`` for a positive and finite pair.

    1 + f = 2⁻ᵏ (u + low), and m - 1 is exact, so that f is rounded once, and exact where k = 0 and u + low = 1 + f.
    Where u is so large that 2⁻ᵏ is none of our doubles, ``low`` does not matter.
    """
    k, m = parts(u)
    below = where(u < 2.0**500, power_of_two((SHIFTER - k).bits()), 0.0) * low
    f = (m - 1.0) + below
    k = k + exponent
    return fma(k, LN2, f + log_rest(f, k * LN2_LOW))


def log1p(x: Number) -> Number:
    """Return ``log(1 + x)``."""
    u, low = exact_sum(1.0, x)
    return where(fabs(x) < 2.0**-54, x, where_defined(u, log_of_pair(u, low)))


def logaddexp(x: Number, y: Number) -> Number:
    """Return ``log(exp(x) + exp(y))``: the larger plus ``log1p(exp(-|x - y|))``.  Equal infinities have distance 0."""
    larger = where(x > y, x, where(x <= y, y, x + y))
    distance = where(x.equals(y), 0.0, fabs(x - y))
    return larger + x.body.call("log1p", x.body.call("exp", -distance))


def expit(x: Number) -> Number:
    """Return ``1 / (1 + exp(-x))``; for negative x, ``exp(x) / (1 + exp(x))``, which does not overflow."""
    e = x.body.call("exp", -fabs(x))
    return quotient(where(x < 0.0, e, 1.0), 0.0, *fast_sum(1.0, e))


# ---------------------------------------------------------------------------------------------------------------- powers
#
# xʸ = exp(y log x).  An absolute error of y log x, which reaches 745, is a relative error of the power, so the logarithm is
# computed as a pair, to 2⁻⁶⁴ of itself: s as a pair, and the two leading terms of 2s + (2/3) s³ + s⁵ p(s²) too.
# The third is below 2⁻¹² of the first, so that a double is enough for it.


def log_as_pair(x: Number) -> tuple[Number, Number]:
    """Return the logarithm of a positive and finite number as a pair, whose lower part may be 2⁻⁴² of it."""
    k, m = parts(x)
    f = m - 1.0
    below = m + 1.0
    inverse = 1.0 / below
    s = f * inverse
    s_low = (fma(-s, below, f) - s * (f - (below - 2.0))) * inverse
    z, z_low = exact_product(s, s)
    z_low = fma(s + s, s_low, z_low)
    c, c_low = fast_sum(TWO_THIRDS, z * polynomial(z, LOG_TAIL))
    c_low = c_low + TWO_THIRDS_LOW
    v, v_low = exact_product(z, c)
    v_low = v_low + fma(z, c_low, z_low * c)
    u, u_low = exact_product(s, v)
    u_low = u_low + fma(s, v_low, s_low * v)
    y, low = fast_sum(s + s, u)
    low = low + fma(s_low, 2.0, u_low)
    y, lower = fast_sum(k * LN2, y)
    return y, lower + fma(k, LN2_LOW, low)


def power(x: Number, y: Number) -> Number:
    """Return ``x`` to the power ``y``, with the special cases of C99, F.9.4.4.

    The power of ``|x|`` comes first.  A NaN of y log x is right, but where ``|x| = 1`` or ``y = 0``.
    Then the sign: negative for a negative x and an odd y, NaN for a negative x, finite, and a y that is no integer.
    """
    size = fabs(x)
    log, log_low = log_as_pair(size)
    log = where(size.equals(0.0), -INF, where(size < INF, log, size))
    times = where(size.equals(1.0), 0.0, y)
    product = times * log
    rest = where(fabs(product) < 1000.0, fma(times, log, -product) + times * log_low, 0.0)
    e, e_low, shifted = exp_of_pair(bounded(product), rest)
    result = scaled(e + e_low, shifted)
    half = 0.5 * y
    even = rint(half).equals(half)
    broken = y.differs(rint(y))
    sign = where(even, 0, where(broken, 0, x.bits() & SIGN))
    signed = where((x < 0.0) & (size < INF) & broken, NAN, (result.bits() | sign).double())
    return where(y.equals(0.0), 1.0, where(x.equals(1.0), 1.0, signed))
