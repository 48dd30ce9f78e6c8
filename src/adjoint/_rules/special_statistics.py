"""Rules of `scipy.special`: distribution functions and their inverses, each inverse by the implicit function theorem.

``F`` has the partials in the order of its arguments; ``inverse(f, k, F)`` solves for argument k.  Counts that SciPy rounds
down (``k`` of `bdtr`, `pdtr`, `nbdtr`) are `FIXED`; where it solves for a count, the continuous extension is differentiated.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special as sc

from adjoint._rules.book import FIXED, Unknown, elementwise
from adjoint._rules.domains import POSITIVE, PROBABILITY, REAL, Integers, Interval
from adjoint._rules.series_incomplete import beta_density, betainc_da, betainc_db, gamma_density, gammainc_da
from adjoint._rules.series_statistics import (
    chndtr_ddf,
    chndtr_density,
    kolmogorov_density,
    kolmogorov_slope,
    ncfdtr_ddfd,
    ncfdtr_ddfn,
    ncfdtr_density,
    ncfdtr_dnc,
    smirnov_density,
    student_mean,
)
from adjoint._rules.special_tools import inverse, keyworded, negated
from adjoint.errors import MissingRuleError

DF = Interval(0.8, 9)
POINT = Interval(0.3, 6)
NC = Interval(0.2, 5)
COUNT = Integers(1, 5)
TRIALS = Integers(6, 12)
SECOND = Unknown("the second derivative in this parameter is not implemented")


def share(m: Any, n: Any, x: Any) -> Any:
    """Return the argument of the beta distribution that belongs to the F distribution."""
    return m * x / (m * x + n)


def f_density(m: Any, n: Any, x: Any) -> Any:
    """Return the density of the F distribution, times the square of ``m x + n`` that the partials divide by."""
    return beta_density(m / 2, n / 2, share(m, n, x)) / (m * x + n) ** 2


def least(k: Any, n: Any) -> Any:
    """Return the number of trials, but at least one more than the count, so that the formula makes sense."""
    return np.maximum(np.floor(n), np.floor(k) + 1)


def student_ddf(k: int, m: int, d: int, df: Any, nc: Any, t: Any) -> Any:
    """Return the derivative of a mean over ``s`` in ``df``: the density's brings its logarithmic derivative as a factor."""
    if d:
        raise MissingRuleError.of("student_mean", SECOND.reason, "argument 3 ('df')")
    return student_mean(k, m, 1, df, nc, t)


# fmt: off
# --- gamma, chi-square, Poisson: P(a, x) ------------------------------------------------------------------------------------------
GDTR = (lambda y, a, b, x: x * gamma_density(b, a * x),  lambda y, a, b, x: gammainc_da(b, a * x),  lambda y, a, b, x: a * gamma_density(b, a * x))
elementwise(sc.gdtr,      *GDTR,             on=POSITIVE)
elementwise(sc.gdtrc,     *negated(GDTR),    on=POSITIVE)
inverse(sc.gdtria,  0,     GDTR,             on=(PROBABILITY, POSITIVE, POSITIVE))
inverse(sc.gdtrib,  1,     GDTR,             on=(POSITIVE, PROBABILITY, POSITIVE))
inverse(sc.gdtrix,  2,     GDTR,             on=(POSITIVE, POSITIVE, PROBABILITY))
CHDTR = (lambda y, v, x: gammainc_da(v / 2, x / 2) / 2,  lambda y, v, x: gamma_density(v / 2, x / 2) / 2)
elementwise(sc.chdtr,     *CHDTR,            on=(DF, POINT))
elementwise(sc.chdtrc,    *negated(CHDTR),   on=(DF, POINT))
inverse(sc.chdtri,  1,     negated(CHDTR),   on=(DF, PROBABILITY))
inverse(sc.chdtriv, 0,     CHDTR,            on=(PROBABILITY, POINT))
PDTR = (FIXED,  lambda y, k, m: -gamma_density(np.floor(k) + 1, m))
PDTRIK = (lambda y, k, m: -gammainc_da(k + 1, m),  lambda y, k, m: -gamma_density(k + 1, m))
elementwise(sc.pdtr,      *PDTR,             on=(COUNT, POINT))
elementwise(sc.pdtrc,     *negated(PDTR),    on=(COUNT, POINT))
inverse(sc.pdtri,   1,     PDTR,             on=(COUNT, PROBABILITY))
inverse(sc.pdtrik,  0,     PDTRIK,           on=((0.5, 0.95), (2, 6)))

# --- binomial: 1 - I_p(k+1, n-k); negative binomial: I_p(n, k+1) ----------------------------------------------------------------------
BDTR = (FIXED, FIXED,  lambda y, k, n, p: np.where(k < n, -beta_density(np.floor(k) + 1, least(k, n) - np.floor(k), p), 0))
BDTRIK = (lambda y, k, n, p: betainc_db(k + 1, n - k, p) - betainc_da(k + 1, n - k, p),
          lambda y, k, n, p: -betainc_db(k + 1, n - k, p),
          lambda y, k, n, p: -beta_density(k + 1, n - k, p))
elementwise(sc.bdtr,      *BDTR,             on=(COUNT, TRIALS, PROBABILITY))
elementwise(sc.bdtrc,     *negated(BDTR),    on=(COUNT, TRIALS, PROBABILITY))
inverse(sc.bdtri,   2,     BDTR,             on=(COUNT, TRIALS, PROBABILITY))
inverse(sc.bdtrik,  0,     BDTRIK,           on=((0.6, 0.95), (6, 12), (0.3, 0.6)))
inverse(sc.bdtrin,  1,     BDTRIK,           on=((1, 5), (0.1, 0.6), (0.2, 0.6)))
NBDTR = (FIXED, FIXED,  lambda y, k, n, p: beta_density(np.floor(n), np.floor(k) + 1, p))
NBDTRIK = (lambda y, k, n, p: betainc_db(n, k + 1, p),  lambda y, k, n, p: betainc_da(n, k + 1, p),  lambda y, k, n, p: beta_density(n, k + 1, p))
elementwise(sc.nbdtr,     *NBDTR,            on=(COUNT, TRIALS, PROBABILITY))
elementwise(sc.nbdtrc,    *negated(NBDTR),   on=(COUNT, TRIALS, PROBABILITY))
inverse(sc.nbdtri,  2,     NBDTR,            on=(COUNT, TRIALS, PROBABILITY))
inverse(sc.nbdtrik, 0,     NBDTRIK,          on=((0.6, 0.95), (3, 8), (0.3, 0.6)))
inverse(sc.nbdtrin, 1,     NBDTRIK,          on=((2, 6), (0.1, 0.8), (0.2, 0.6)))

# --- F: I_y(m/2, n/2) with y = m x/(m x + n) ---------------------------------------------------------------------------------------------
FDTR = (lambda y, m, n, x: betainc_da(m / 2, n / 2, share(m, n, x)) / 2 + f_density(m, n, x) * n * x,
        lambda y, m, n, x: betainc_db(m / 2, n / 2, share(m, n, x)) / 2 - f_density(m, n, x) * m * x,
        lambda y, m, n, x: f_density(m, n, x) * m * n)
elementwise(sc.fdtr,      *FDTR,             on=(DF, DF, POINT))
elementwise(sc.fdtrc,     *negated(FDTR),    on=(DF, DF, POINT))
inverse(sc.fdtri,    2,    FDTR,             on=(DF, DF, PROBABILITY))
inverse(sc.fdtridfd, 1,    FDTR,             on=((2, 6), (0.6, 0.75), (1.5, 2.5)))

# --- t: the mean of Φ(t s - nc) over s, see `student_mean` ----------------------------------------------------------------------------------
STDTR = (lambda y, df, t: student_mean(0, 0, 1, df, 0.0, t),  lambda y, df, t: student_mean(1, 1, 0, df, 0.0, t))
NCTDTR = (lambda y, df, nc, t: student_mean(0, 0, 1, df, nc, t),
          lambda y, df, nc, t: -student_mean(1, 0, 0, df, nc, t),
          lambda y, df, nc, t: student_mean(1, 1, 0, df, nc, t))
elementwise(sc.stdtr,     *STDTR,            on=(DF, REAL))
inverse(sc.stdtrit,  1,    STDTR,            on=(DF, PROBABILITY))
inverse(sc.stdtridf, 0,    STDTR,            on=((0.72, 0.8), (0.8, 1.2)))
elementwise(sc.nctdtr,    *NCTDTR,           on=(DF, REAL, REAL))
inverse(sc.nctdtrit,  2,   NCTDTR,           on=(DF, REAL, PROBABILITY))
inverse(sc.nctdtrinc, 1,   NCTDTR,           on=(DF, PROBABILITY, REAL))
inverse(sc.nctdtridf, 0,   NCTDTR,           on=((0.366, 0.372), (0.49, 0.51), (0.19, 0.21)))
keyworded(student_mean,   FIXED, FIXED, FIXED,
            lambda y, k, m, d, df, nc, t: student_ddf(k, m, d, df, nc, t),
            lambda y, k, m, d, df, nc, t: -student_mean(k + 1, m, d, df, nc, t),
            lambda y, k, m, d, df, nc, t: student_mean(k + 1, m + 1, d, df, nc, t))

# --- non-central chi-square and F: Poisson mixtures ---------------------------------------------------------------------------------------
CHNDTR = (lambda y, x, df, nc: chndtr_density(x, df, nc),  lambda y, x, df, nc: chndtr_ddf(x, df, nc),  lambda y, x, df, nc: -chndtr_density(x, df + 2, nc))
ON_CHNDTR = (POINT, DF, NC)
elementwise(sc.chndtr,    *CHNDTR,           on=ON_CHNDTR)
inverse(sc.chndtrix,  0,   CHNDTR,           on=(PROBABILITY, DF, NC))
inverse(sc.chndtridf, 1,   CHNDTR,           on=((8, 12), (0.2, 0.7), NC))
inverse(sc.chndtrinc, 2,   CHNDTR,           on=((8, 12), (1, 3), (0.3, 0.7)))
elementwise(chndtr_density,  lambda y, x, df, nc: (chndtr_density(x, df - 2, nc) - y) / 2,  SECOND,
                             lambda y, x, df, nc: (chndtr_density(x, df + 2, nc) - y) / 2,   on=ON_CHNDTR)
elementwise(chndtr_ddf,      SECOND,  SECOND,  lambda y, x, df, nc: (chndtr_ddf(x, df + 2, nc) - y) / 2,  on=ON_CHNDTR)
NCFDTR = (lambda y, m, n, nc, f: ncfdtr_ddfn(m, n, nc, f),  lambda y, m, n, nc, f: ncfdtr_ddfd(m, n, nc, f),
          lambda y, m, n, nc, f: ncfdtr_dnc(m, n, nc, f),   lambda y, m, n, nc, f: ncfdtr_density(m, n, nc, f))
elementwise(sc.ncfdtr,    *NCFDTR,           on=(DF, DF, NC, POINT))
inverse(sc.ncfdtri,    3,  NCFDTR,           on=(DF, DF, NC, PROBABILITY))
inverse(sc.ncfdtridfn, 0,  NCFDTR,           on=((0.75, 0.78), (7.9, 8.1), (0.79, 0.81), (2.15, 2.25)))
inverse(sc.ncfdtridfd, 1,  NCFDTR,           on=((2, 4), (0.3, 0.4), (0.5, 1), (0.8, 1)))
inverse(sc.ncfdtrinc,  2,  NCFDTR,           on=((2, 4), (6, 9), (0.3, 0.5), (2, 3)))
for kernel in (ncfdtr_ddfn, ncfdtr_ddfd, ncfdtr_dnc, ncfdtr_density):
    elementwise(kernel,      SECOND,  SECOND,  SECOND,  SECOND)

# --- normal with mean or deviation unknown ---------------------------------------------------------------------------------------------------
elementwise(sc.nrdtrimn,  lambda y, p, s, x: -s * np.sqrt(2 * np.pi) * np.exp(sc.ndtri(p) ** 2 / 2),  lambda y, p, s, x: -sc.ndtri(p),
                          lambda y, p, s, x: 1,      on=(PROBABILITY, POSITIVE, REAL))
elementwise(sc.nrdtrisd,  lambda y, m, p, x: -1 / sc.ndtri(p),
                          lambda y, m, p, x: -y / sc.ndtri(p) * np.sqrt(2 * np.pi) * np.exp(sc.ndtri(p) ** 2 / 2),
                          lambda y, m, p, x: 1 / sc.ndtri(p),  on=((-2, 0), (0.6, 0.9), (0.5, 3)))

# --- Kolmogorov, Smirnov ------------------------------------------------------------------------------------------------------------------------
elementwise(sc.smirnov,    FIXED,  lambda y, n, d: -smirnov_density(n, d),      on=(Integers(1, 9), PROBABILITY))
elementwise(sc.smirnovi,   FIXED,  lambda y, n, p: -1 / smirnov_density(n, y),  on=(Integers(1, 9), PROBABILITY))
elementwise(smirnov_density, FIXED,  SECOND)
elementwise(sc.kolmogorov, lambda y, x: -kolmogorov_density(x),                 on=Interval(0.4, 2))
elementwise(sc.kolmogi,    lambda y, p: -1 / kolmogorov_density(y),             on=PROBABILITY)
elementwise(kolmogorov_density, lambda y, x: kolmogorov_slope(x),               on=Interval(0.4, 2))
elementwise(kolmogorov_slope,   SECOND,                                         on=Interval(0.4, 2))
# fmt: on
