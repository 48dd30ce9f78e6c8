"""Rules of `scipy.special`: elementary functions, information theory, transformations, error functions, integrals."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special as sc

from adjoint._rules.book import BOOK, FIXED, Unknown, constant, elementwise
from adjoint._rules.domains import DEGREES, NONZERO, POSITIVE, PROBABILITY, REAL, UNIT, Integers, Interval
from adjoint._rules.series import dawsn_n, erfcx_n, wofz_n
from adjoint._rules.special_bessel import spherical_jn
from adjoint._rules.special_tools import keyworded, over, several

PI = np.pi
ROOT_PI = np.sqrt(np.pi)
ROOT_2PI = np.sqrt(2 * np.pi)
DEGREE = np.pi / 180
SMALL = Interval(-1.5, 1.5)


def density(x: Any) -> Any:
    """Return the density of the normal distribution."""
    return np.exp(-x * x / 2) / ROOT_2PI


def voigt(sigma: Any, gamma: Any, x: Any, n: int) -> Any:
    """Return the n-th derivative of the Faddeeva function where Voigt's profile takes it."""
    return wofz_n(n, (x + 1j * gamma) / (np.sqrt(2) * sigma)) / (sigma * ROOT_2PI)


# fmt: off
# --- elementary -------------------------------------------------------------------------------------------------------------
elementwise(sc.cbrt,          lambda y, x: 1 / (3 * y * y),                              on=NONZERO)
elementwise(sc.exp2,          lambda y, x: y * np.log(2))
elementwise(sc.exp10,         lambda y, x: y * np.log(10))
elementwise(sc.expm1,         lambda y, x: np.exp(x))
elementwise(sc.log1p,         lambda y, x: 1 / (1 + x),                                  on=Interval(-0.9, 3))
elementwise(sc.cosm1,         lambda y, x: -np.sin(x))
elementwise(sc.exprel,        lambda y, x: sc.hyp1f1(2, 3, x) / 2)
elementwise(sc.powm1,         lambda y, x, p: p * x ** (p - 1),  lambda y, x, p: x**p * np.log(x),  on=POSITIVE)
elementwise(sc.sindg,         lambda y, x: DEGREE * sc.cosdg(x),                         on=DEGREES)
elementwise(sc.cosdg,         lambda y, x: -DEGREE * sc.sindg(x),                        on=DEGREES)
elementwise(sc.tandg,         lambda y, x: DEGREE * (1 + y * y),                         on=DEGREES)
elementwise(sc.cotdg,         lambda y, x: -DEGREE * (1 + y * y),                        on=DEGREES)
elementwise(sc.radian,        lambda y, d, m, s: DEGREE,  lambda y, d, m, s: DEGREE / 60,  lambda y, d, m, s: DEGREE / 3600,  on=POSITIVE)
constant(sc.round, sc.gammasgn)

# --- logistic ---------------------------------------------------------------------------------------------------------------
elementwise(sc.expit,         lambda y, x: y * sc.expit(-x))
elementwise(sc.log_expit,     lambda y, x: sc.expit(-x))
elementwise(sc.logit,         lambda y, p: 1 / (p * (1 - p)),                            on=PROBABILITY)
keyworded(sc.softplus,        lambda y, x, **kwargs: sc.expit(x))

# --- information theory, losses ---------------------------------------------------------------------------------------------
elementwise(sc.entr,          lambda y, x: -np.log(x) - 1,                               on=POSITIVE)
elementwise(sc.rel_entr,      lambda y, x, z: np.log(x / z) + 1,  lambda y, x, z: -x / z,     on=POSITIVE)
elementwise(sc.kl_div,        lambda y, x, z: np.log(x / z),      lambda y, x, z: 1 - x / z,  on=POSITIVE)
elementwise(sc.xlogy,         lambda y, x, z: np.log(z),          lambda y, x, z: x / z,      on=POSITIVE)
elementwise(sc.xlog1py,       lambda y, x, z: np.log1p(z),        lambda y, x, z: x / (1 + z),  on=POSITIVE)
elementwise(sc.huber,         lambda y, d, r: np.maximum(np.abs(r) - d, 0),  lambda y, d, r: np.clip(r, -d, d),  on=(POSITIVE, REAL))
elementwise(sc.pseudo_huber,  lambda y, d, r: over(r**4, np.hypot(d, r) * (d + np.hypot(d, r)) ** 2, 0),
                              lambda y, d, r: over(r * d, np.hypot(d, r), 0),            on=(POSITIVE, REAL))

# --- transformations of Box and Cox, Tukey's lambda ---------------------------------------------------------------------------
# (x^c - 1)/c = log(x) exprel(c log x); the inverse has (w/(1+w) - log(1+w))/w² = -F(2,2;3;-w)/2 with w = c y
elementwise(sc.boxcox,        lambda y, x, c: x ** (c - 1),
                              lambda y, x, c: np.log(x) ** 2 * sc.hyp1f1(2, 3, c * np.log(x)) / 2,       on=(POSITIVE, REAL))
elementwise(sc.boxcox1p,      lambda y, x, c: np.exp((c - 1) * np.log1p(x)),
                              lambda y, x, c: np.log1p(x) ** 2 * sc.hyp1f1(2, 3, c * np.log1p(x)) / 2,   on=(POSITIVE, REAL))
elementwise(sc.inv_boxcox,    lambda y, x, c: y / (1 + c * x),
                              lambda y, x, c: -y * x * x * sc.hyp2f1(2, 2, 3, -c * x) / 2,               on=(POSITIVE, (0.1, 2)))
elementwise(sc.inv_boxcox1p,  lambda y, x, c: (1 + y) / (1 + c * x),
                              lambda y, x, c: -(1 + y) * x * x * sc.hyp2f1(2, 2, 3, -c * x) / 2,         on=(POSITIVE, (0.1, 2)))
elementwise(sc.tklmbda,       lambda y, x, c: 1 / (y ** (c - 1) + (1 - y) ** (c - 1)),
                              lambda y, x, c: -(np.log(y) ** 2 * sc.hyp1f1(2, 3, c * np.log(y))
                                                - np.log1p(-y) ** 2 * sc.hyp1f1(2, 3, c * np.log1p(-y)))
                                              / (2 * (y ** (c - 1) + (1 - y) ** (c - 1))),               on=((-0.8, 0.8), (-1, 1)))

# --- error functions (7.10; Dawson's and Faddeeva's by `_n`, stable for large arguments) ----------------------------------------
elementwise(sc.erf,           lambda y, x: 2 / ROOT_PI * np.exp(-x * x))
elementwise(sc.erfc,          lambda y, x: -2 / ROOT_PI * np.exp(-x * x))
elementwise(sc.erfi,          lambda y, x: 2 / ROOT_PI * np.exp(x * x))
elementwise(sc.erfcx,         lambda y, x: erfcx_n(1, x))
elementwise(sc.dawsn,         lambda y, x: dawsn_n(1, x))
elementwise(sc.wofz,          lambda y, x: wofz_n(1, x))
keyworded(erfcx_n,            FIXED,  lambda y, n, x: erfcx_n(n + 1, x),                 on=(Integers(0, 3), REAL))
keyworded(dawsn_n,            FIXED,  lambda y, n, x: dawsn_n(n + 1, x),                 on=(Integers(0, 3), REAL))
keyworded(wofz_n,             FIXED,  lambda y, n, x: wofz_n(n + 1, x),                  on=(Integers(0, 3), REAL))
elementwise(sc.erfinv,        lambda y, x: ROOT_PI / 2 * np.exp(y * y),                  on=UNIT)
elementwise(sc.erfcinv,       lambda y, x: -ROOT_PI / 2 * np.exp(y * y),                 on=Interval(0.1, 1.9))
elementwise(sc.ndtr,          lambda y, x: density(x))
elementwise(sc.log_ndtr,      lambda y, x: np.sqrt(2 / PI) / sc.erfcx(-x / np.sqrt(2)))
elementwise(sc.ndtri,         lambda y, p: 1 / density(y),                               on=PROBABILITY)
elementwise(sc.ndtri_exp,     lambda y, p: np.sqrt(PI / 2) * sc.erfcx(-y / np.sqrt(2)),  on=Interval(-30, -0.1))
elementwise(sc.voigt_profile, lambda y, x, s, g: np.real(voigt(s, g, x, 1)) / (np.sqrt(2) * s),
                              lambda y, x, s, g: -(y + np.real((x + 1j * g) * voigt(s, g, x, 1)) / (np.sqrt(2) * s)) / s,
                              lambda y, x, s, g: -np.imag(voigt(s, g, x, 1)) / (np.sqrt(2) * s),  on=(REAL, POSITIVE, POSITIVE))
elementwise(sc.owens_t,       lambda y, h, a: -density(h) * sc.erf(a * h / np.sqrt(2)) / 2,
                              lambda y, h, a: np.exp(-h * h * (1 + a * a) / 2) / (2 * PI * (1 + a * a)))
several(sc.fresnel,           lambda y, x: (np.sin(PI / 2 * x * x), np.cos(PI / 2 * x * x)))
several(sc.modfresnelp,       lambda y, x: (-np.exp(1j * x * x), -2j * x * y[1] - np.exp(-0.25j * PI) / ROOT_PI),  on=POSITIVE)
several(sc.modfresnelm,       lambda y, x: (-np.exp(-1j * x * x), 2j * x * y[1] - np.exp(0.25j * PI) / ROOT_PI),   on=POSITIVE)
# (SciPy 1.17's own values of the modified Fresnel integrals are wrong for negative x, their derivatives here are right)

# --- exponential, logarithmic and trigonometric integrals (6.2, 8.19.13, 25.12) -------------------------------------------------
elementwise(sc.exp1,          lambda y, x: -np.exp(-x) / x,                              on=POSITIVE)
elementwise(sc.expi,          lambda y, x: np.exp(x) / x,                                on=NONZERO)
elementwise(sc.expn,          FIXED,
                              lambda y, n, x: np.where(n == 0, -np.exp(-x) * (x + 1) / (x * x), -sc.expn(np.maximum(n - 1, 0), x)),
                              on=(Integers(0, 5), POSITIVE))
elementwise(sc.spence,        lambda y, x: -over(np.log(x), x - 1, 1),                   on=POSITIVE)
several(sc.sici,              lambda y, x: (over(np.sin(x), x, 1), over(np.cos(x), x, np.inf)),    on=NONZERO)
several(sc.shichi,            lambda y, x: (over(np.sinh(x), x, 1), over(np.cosh(x), x, np.inf)),  on=NONZERO)

# --- Lambert's W (4.13.4, in a form without pole at 0), Wright's omega ---------------------------------------------------------
keyworded(sc.lambertw,        lambda y, z, k=0, tol=1e-8: np.exp(-y) / (1 + y),  FIXED,  FIXED,  on=(POSITIVE, Integers(0, 0), (1e-9, 1e-8)))
elementwise(sc.wrightomega,   lambda y, z: y / (1 + y))
elementwise(sc.wright_bessel, Unknown("the series in the parameter a is not implemented"), Unknown("the series in the parameter b is not implemented"),
                              lambda y, a, b, x: sc.wright_bessel(a, a + b, x),          on=POSITIVE)
elementwise(sc.log_wright_bessel, Unknown("the series in the parameter a is not implemented"), Unknown("the series in the parameter b is not implemented"),
                              lambda y, a, b, x: np.exp(sc.log_wright_bessel(a, a + b, x) - y),  on=POSITIVE)

# --- sinc(x) = j_0(πx) (10.51.2) and Dirichlet's kernel, a Chebyshev polynomial of cos(x/2) --------------------------------------
if sc.sinc not in BOOK:
    elementwise(sc.sinc,      lambda y, x: -PI * spherical_jn(1, PI * x))
keyworded(sc.diric,           lambda y, x, n: -np.sin(x / 2) / n * sc.eval_gegenbauer(np.maximum(n - 2, 0), 2, np.cos(x / 2)) * (n > 1),  FIXED,
                              on=(REAL, Integers(1, 5)))
# fmt: on
