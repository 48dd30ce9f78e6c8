"""Sums of two doubles: a pair ``(hi, lo)`` stands for ``hi + lo``, where ``lo`` is about what rounding to ``hi`` left over.

Source: Dekker, *A floating-point technique for extending the available precision*, 1971.
"""

from __future__ import annotations

from adjoint._backend.native.elementary.text import Number, fma


def fast_sum(a: Number | float, b: Number) -> tuple[Number, Number]:
    """Return ``a + b`` as a pair; the exponent of ``a`` is not below that of ``b``, or ``a`` is zero [Dekker 1971]."""
    hi = a + b
    return hi, b - (hi - a)


def exact_sum(a: Number | float, b: Number) -> tuple[Number, Number]:
    """Return ``a + b`` as a pair, whatever the exponents [Knuth, TAOCP 2, 4.2.2]."""
    hi = a + b
    part = hi - a
    return hi, (a - (hi - part)) + (b - part)


def exact_product(a: Number, b: Number | float) -> tuple[Number, Number]:
    """Return ``a * b`` as a pair."""
    hi = a * b
    return hi, fma(a, b, -hi)


def quotient(a: Number, a_low: Number | float, b: Number, b_low: Number) -> Number:
    """Return ``(a + a_low) / (b + b_low)`` to little more than half a unit in the last place, with one division."""
    inverse = 1.0 / b
    q = a * inverse
    return fma(fma(-q, b_low, fma(-q, b, a) + a_low), inverse, q)
