"""What `scipy.special` offers that is not differentiated, with the reasons that error messages give."""

from __future__ import annotations

from typing import Any

import scipy.special as sc

from adjoint._rules.book import excluded

POLYNOMIALS = "legendre chebyt chebyu chebyc chebys jacobi laguerre genlaguerre hermite hermitenorm gegenbauer sh_legendre sh_chebyt sh_chebyu sh_jacobi"
PLAIN_ROOTS = "legendre chebyt chebyu chebyc chebys laguerre hermite hermitenorm sh_legendre sh_chebyt sh_chebyu"
SHAPED_ROOTS = "jacobi genlaguerre gegenbauer sh_jacobi"
ZEROS = "ai bei beip ber berp bi erf fresnel fresnelc fresnels jn jnjnp jnp jnyn kei keip kelvin ker kerp y0 y1 y1p yn ynp"


def named(names: str, form: str = "{}") -> list[Any]:
    """Return the functions of `scipy.special` of these names."""
    return [getattr(sc, form.format(name)) for name in names.split()]


excluded("its arguments count: it returns a table of zeros, a function of integers only", *named(ZEROS, "{}_zeros"))
excluded("its arguments are integers", sc.bernoulli, sc.euler, sc.stirling2, sc.factorial2, sc.factorialk)
excluded("it builds a polynomial object; evaluate polynomials by scipy.special.eval_*, which have rules", *named(POLYNOMIALS))
excluded("its argument is an integer: it returns the nodes and weights of a quadrature rule", *named(PLAIN_ROOTS, "roots_{}"))
excluded(
    "the derivative of quadrature nodes and weights in the parameters is not implemented", *named(SHAPED_ROOTS, "roots_{}")
)
excluded(
    "the derivative of expansion coefficients in the parameter is not implemented", sc.mathieu_even_coef, sc.mathieu_odd_coef
)
excluded("the derivative of characteristic values in c is not implemented", sc.obl_cv_seq, sc.pro_cv_seq)
excluded("the derivatives of Lamé's functions are not implemented", sc.ellip_harm, sc.ellip_harm_2, sc.ellip_normal)
excluded("it sets how SciPy reports errors, and computes nothing", sc.geterr, sc.seterr, sc.errstate)
excluded("it is an exception or a warning", sc.SpecialFunctionWarning, sc.SpecialFunctionError)
