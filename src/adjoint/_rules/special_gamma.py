"""Rules of `scipy.special`: gamma and beta functions, their incomplete forms and inverses, zeta."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special as sc

from adjoint._rules.book import FIXED, Unknown, elementwise
from adjoint._rules.domains import ABOVE_ONE, POSITIVE, PROBABILITY, Integers, Interval
from adjoint._rules.series import polygamma_n, psi_difference, zeta_ds
from adjoint._rules.series_incomplete import (
    beta_density,
    betainc_da,
    betainc_db,
    betainc_ratio_a,
    betainc_ratio_b,
    gamma_density,
    gammainc_da,
    gammainc_ratio,
)
from adjoint._rules.special_tools import callable_in_rules, inverse, keyworded, negated

SHAPE = Interval(0.3, 6)
SECOND = Unknown("the second derivative in the parameters is not implemented")


def rgamma_slope(x: Any, y: Any) -> Any:
    """Return the derivative of ``1/Γ``; left of 1/2 by reflection (5.5.3), for there ``ψ`` has poles where ``1/Γ`` has zeros."""
    r = 1 - np.where(np.real(x) < 0.5, x, 0)
    turned = sc.gamma(r) * (np.cos(np.pi * x) - np.sin(np.pi * x) * sc.psi(r) / np.pi)
    return np.where(np.real(x) < 0.5, turned, -sc.psi(x) * y)


# fmt: off
# --- gamma (5.2, 5.5, 5.15) ---------------------------------------------------------------------------------------------------
elementwise(sc.gamma,          lambda y, x: y * sc.psi(x),                                on=POSITIVE)
elementwise(sc.gammaln,        lambda y, x: sc.psi(x),                                    on=POSITIVE)
elementwise(sc.loggamma,       lambda y, x: sc.psi(x),                                    on=POSITIVE)
elementwise(sc.rgamma,         lambda y, x: rgamma_slope(x, y))
elementwise(sc.psi,            lambda y, x: polygamma_n(1, x),                            on=POSITIVE)
keyworded(polygamma_n,         FIXED,  lambda y, n, x: polygamma_n(n + 1, x),             on=(Integers(1, 4), POSITIVE))
keyworded(sc.polygamma,        FIXED,  lambda y, n, x: polygamma(n + 1, x),               on=(Integers(0, 4), POSITIVE))
elementwise(psi_difference,    lambda y, a, b: polygamma_n(1, a + b) - polygamma_n(1, a),  lambda y, a, b: polygamma_n(1, a + b),  on=POSITIVE)
elementwise(sc.poch,           lambda y, z, m: y * psi_difference(z, m),  lambda y, z, m: y * sc.psi(z + m),  on=POSITIVE)
elementwise(sc.binom,          lambda y, n, k: np.where(y == 0, sc.gamma(n + 1) * sc.rgamma(k + 1) * rgamma_slope(n - k + 1, sc.rgamma(n - k + 1)),
                                                        y * psi_difference(n - k + 1, k)),
                               lambda y, n, k: np.where(y == 0, sc.gamma(n + 1) * (rgamma_slope(k + 1, sc.rgamma(k + 1)) * sc.rgamma(n - k + 1)
                                                                - sc.rgamma(k + 1) * rgamma_slope(n - k + 1, sc.rgamma(n - k + 1))),
                                                        y * psi_difference(k + 1, n - 2 * k)),  on=(ABOVE_ONE, (0.2, 0.9)))
elementwise(sc.beta,           lambda y, a, b: -y * psi_difference(a, b),  lambda y, a, b: -y * psi_difference(b, a),  on=POSITIVE)
elementwise(sc.betaln,         lambda y, a, b: -psi_difference(a, b),      lambda y, a, b: -psi_difference(b, a),      on=POSITIVE)

# --- zeta (25.11.17; the derivative in s by Euler-Maclaurin) --------------------------------------------------------------------
keyworded(sc.zeta,             lambda y, s, q=None, out=None: zeta_ds(s, 1.0 if q is None else q),
                               lambda y, s, q=None, out=None: -s * zeta(s + 1, 1.0 if q is None else q),  on=(ABOVE_ONE, POSITIVE))
elementwise(sc.zetac,          lambda y, s: zeta_ds(s, 1.0),                              on=ABOVE_ONE)
elementwise(zeta_ds,           SECOND,  lambda y, s, q: -zeta(s + 1, q) - s * zeta_ds(s + 1, q),  on=(ABOVE_ONE, POSITIVE))
polygamma, zeta = callable_in_rules(sc.polygamma), callable_in_rules(sc.zeta)

# --- incomplete gamma (8.8.13) --------------------------------------------------------------------------------------------------
GAMMAINC = (lambda y, a, x: gammainc_da(a, x),  lambda y, a, x: gamma_density(a, x))
elementwise(sc.gammainc,       *GAMMAINC,                                                 on=(SHAPE, (0.1, 8)))
elementwise(sc.gammaincc,      *negated(GAMMAINC),                                        on=(SHAPE, (0.1, 8)))
elementwise(sc.gammaincinv,    lambda y, a, p: -gammainc_ratio(a, y),  lambda y, a, p: 1 / gamma_density(a, y),   on=(SHAPE, PROBABILITY))
elementwise(sc.gammainccinv,   lambda y, a, p: -gammainc_ratio(a, y),  lambda y, a, p: -1 / gamma_density(a, y),  on=(SHAPE, PROBABILITY))
elementwise(gamma_density,     lambda y, a, x: y * (np.log(x) - sc.psi(a)),  lambda y, a, x: y * ((a - 1) / x - 1),  on=(SHAPE, (0.1, 8)))
elementwise(gammainc_da,       SECOND,  lambda y, a, x: gamma_density(a, x) * (np.log(x) - sc.psi(a)),           on=(SHAPE, (0.1, 8)))
elementwise(gammainc_ratio,    SECOND,  lambda y, a, x: np.log(x) - sc.psi(a) - y * ((a - 1) / x - 1),           on=(SHAPE, (0.1, 8)))

# --- incomplete beta (8.17) ------------------------------------------------------------------------------------------------------
BETAINC = (lambda y, a, b, x: betainc_da(a, b, x),  lambda y, a, b, x: betainc_db(a, b, x),  lambda y, a, b, x: beta_density(a, b, x))
ON_BETA = (SHAPE, SHAPE, PROBABILITY)
elementwise(sc.betainc,        *BETAINC,                                                  on=ON_BETA)
elementwise(sc.betaincc,       *negated(BETAINC),                                         on=ON_BETA)
elementwise(sc.betaincinv,     lambda y, a, b, p: -betainc_ratio_a(a, b, y),  lambda y, a, b, p: -betainc_ratio_b(a, b, y),
                               lambda y, a, b, p: 1 / beta_density(a, b, y),              on=ON_BETA)
elementwise(sc.betainccinv,    lambda y, a, b, p: -betainc_ratio_a(a, b, y),  lambda y, a, b, p: -betainc_ratio_b(a, b, y),
                               lambda y, a, b, p: -1 / beta_density(a, b, y),             on=ON_BETA)
inverse(sc.btdtria,            0, BETAINC,                                                on=(PROBABILITY, SHAPE, PROBABILITY))
inverse(sc.btdtrib,            1, BETAINC,                                                on=(SHAPE, PROBABILITY, PROBABILITY))
elementwise(beta_density,      lambda y, a, b, x: y * (np.log(x) + psi_difference(a, b)),
                               lambda y, a, b, x: y * (np.log1p(-x) + psi_difference(b, a)),
                               lambda y, a, b, x: y * ((a - 1) / x - (b - 1) / (1 - x)),  on=ON_BETA)
elementwise(betainc_da,        SECOND,  SECOND,  lambda y, a, b, x: beta_density(a, b, x) * (np.log(x) + psi_difference(a, b)),     on=ON_BETA)
elementwise(betainc_db,        SECOND,  SECOND,  lambda y, a, b, x: beta_density(a, b, x) * (np.log1p(-x) + psi_difference(b, a)),  on=ON_BETA)
elementwise(betainc_ratio_a,   SECOND,  SECOND,
            lambda y, a, b, x: np.log(x) + psi_difference(a, b) - y * ((a - 1) / x - (b - 1) / (1 - x)),     on=ON_BETA)
elementwise(betainc_ratio_b,   SECOND,  SECOND,
            lambda y, a, b, x: np.log1p(-x) + psi_difference(b, a) - y * ((a - 1) / x - (b - 1) / (1 - x)),  on=ON_BETA)
# fmt: on
