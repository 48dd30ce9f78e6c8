"""The error function and its complement.

Source: Shepherd and Laframboise, *Chebyshev approximation of (1 + 2x) exp(x²) erfc x in 0 ≤ x < ∞*, 1981.
"""

from __future__ import annotations

from adjoint._backend.native.elementary.exponential import exp_of_pair, scaled
from adjoint._backend.native.elementary.pairs import exact_product, exact_sum, fast_sum, quotient
from adjoint._backend.native.elementary.tables import ERF, ERF_TAIL, ERFC
from adjoint._backend.native.elementary.text import Number, at_most, copysign, fabs, fma, polynomial, where


def erf(x: Number) -> Number:
    """Return the error function: x (1 + p(x²)), and beyond 1, 1 - exp(-x²) q(x), which is 1 from 6 on."""
    size = fabs(x)
    bound = at_most(size, 6.0)
    inner = fma(size, polynomial(x * x, ERF), size)
    outer = fma(-x.body.call("exp", -(bound * bound)), polynomial(bound - 2.5, ERF_TAIL), 1.0)
    return copysign(where(size < 1.0, inner, outer), x)


def erfc(x: Number) -> Number:
    """Return ``1 - erf(x)``; for x ≥ 0, exp(-x²) g / (1 + 2x) with g = 1 + (1 + t) p(t) and t = (x - 3.5) / (x + 3.5).

    g is between 1 and 1.3, so the errors of p matter little.  Everything else is a pair.
    Beyond 28 the result is less than half of any double.
    """
    size = at_most(fabs(x), 28.0)
    square, square_low = exact_product(size, size)
    e, e_low, shifted = exp_of_pair(-square, -square_low)
    inverse = 1.0 / (size + 3.5)
    g, g_low = fast_sum(1.0, (size + size) * inverse * polynomial((size - 3.5) * inverse, ERFC))
    a, a_low = exact_product(e, g)
    below, below_low = exact_sum(1.0, size + size)
    y = scaled(quotient(a, a_low + fma(e, g_low, e_low * g), below, below_low), shifted)
    return where(x < 0.0, 2.0 - y, y)
