"""Rules of `scipy.special`: hypergeometric, parabolic cylinder, Mathieu and spheroidal functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special as sc

from adjoint._rules.book import FIXED, Unknown, elementwise
from adjoint._rules.domains import POSITIVE, REAL, Integers, Interval
from adjoint._rules.series_hyper import hyp0f1_db, hyp1f1_da, hyp1f1_db, hyp2f1_da, hyp2f1_dc, hyperu_da, hyperu_db
from adjoint._rules.special_tools import several

SECOND = Unknown("the second derivative in the parameters is not implemented")
ORDER = Unknown("the derivative of parabolic cylinder functions in the order is not implemented")
Q = Unknown("the derivative of Mathieu functions in q is not implemented: it needs the derivative of the Fourier coefficients")
C = Unknown(
    "the derivative of spheroidal functions in c is not implemented: it needs the derivative of the expansion coefficients"
)
CV = Unknown("the derivative in the characteristic value is not implemented: off an eigenvalue the function is not defined")
UPPER = Interval(0.4, 5)
DEGREE = np.pi / 180


# fmt: off
# --- hypergeometric (15.5.1, 13.3.15, 13.3.22); parameters by `series_hyper` -----------------------------------------------------
elementwise(sc.hyp0f1,  lambda y, b, z: hyp0f1_db(b, z),        lambda y, b, z: sc.hyp0f1(b + 1, z) / b,                   on=(UPPER, REAL))
elementwise(sc.hyp1f1,  lambda y, a, b, z: hyp1f1_da(a, b, z),  lambda y, a, b, z: hyp1f1_db(a, b, z),
                        lambda y, a, b, z: a / b * sc.hyp1f1(a + 1, b + 1, z),                                            on=(REAL, UPPER, REAL))
elementwise(sc.hyperu,  lambda y, a, b, z: hyperu_da(a, b, z),  lambda y, a, b, z: hyperu_db(a, b, z),
                        lambda y, a, b, z: -a * sc.hyperu(a + 1, b + 1, z),                                               on=(POSITIVE, REAL, POSITIVE))
elementwise(sc.hyp2f1,  lambda y, a, b, c, z: hyp2f1_da(a, b, c, z),  lambda y, a, b, c, z: hyp2f1_da(b, a, c, z),
                        lambda y, a, b, c, z: hyp2f1_dc(a, b, c, z),
                        lambda y, a, b, c, z: a * b / c * sc.hyp2f1(a + 1, b + 1, c + 1, z),                              on=(REAL, REAL, UPPER, (-2, 0.8)))
elementwise(hyp0f1_db,  SECOND,          lambda y, b, z: (hyp0f1_db(b + 1, z) - sc.hyp0f1(b + 1, z) / b) / b,             on=(UPPER, REAL))
elementwise(hyp1f1_da,  SECOND, SECOND,  lambda y, a, b, z: (sc.hyp1f1(a + 1, b + 1, z) + a * hyp1f1_da(a + 1, b + 1, z)) / b,  on=(REAL, UPPER, REAL))
elementwise(hyp1f1_db,  SECOND, SECOND,  lambda y, a, b, z: a / b * (hyp1f1_db(a + 1, b + 1, z) - sc.hyp1f1(a + 1, b + 1, z) / b),  on=(REAL, UPPER, REAL))
elementwise(hyperu_da,  SECOND, SECOND,  lambda y, a, b, z: -sc.hyperu(a + 1, b + 1, z) - a * hyperu_da(a + 1, b + 1, z),  on=(POSITIVE, REAL, POSITIVE))
elementwise(hyperu_db,  SECOND, SECOND,  lambda y, a, b, z: -a * hyperu_db(a + 1, b + 1, z),                              on=(POSITIVE, REAL, POSITIVE))
elementwise(hyp2f1_da,  SECOND, SECOND, SECOND,
            lambda y, a, b, c, z: b / c * (sc.hyp2f1(a + 1, b + 1, c + 1, z) + a * hyp2f1_da(a + 1, b + 1, c + 1, z)),    on=(REAL, REAL, UPPER, (-2, 0.8)))
elementwise(hyp2f1_dc,  SECOND, SECOND, SECOND,
            lambda y, a, b, c, z: a * b / c * (hyp2f1_dc(a + 1, b + 1, c + 1, z) - sc.hyp2f1(a + 1, b + 1, c + 1, z) / c),  on=(REAL, REAL, UPPER, (-2, 0.8)))

# --- parabolic cylinder (12.2.2, 12.2.3): each gives (f, f'), and f'' is in the equation --------------------------------------------
several(sc.pbdv,        ORDER,  lambda y, v, x: (y[1], (x * x / 4 - v - 0.5) * y[0]),                                     on=(POSITIVE, REAL))
several(sc.pbvv,        ORDER,  lambda y, v, x: (y[1], (x * x / 4 - v - 0.5) * y[0]),                                     on=(POSITIVE, REAL))
several(sc.pbwa,        ORDER,  lambda y, a, x: (y[1], (a - x * x / 4) * y[0]),                                           on=(REAL, REAL))

# --- Mathieu (28.2.1, 28.20.1); x in degrees for the angular functions ------------------------------------------------------------------
ON = (Integers(1, 4), POSITIVE, Interval(5, 80))
RADIAL = (Integers(1, 4), POSITIVE, Interval(0.2, 1.5))
elementwise(sc.mathieu_a, FIXED, Q,  on=(Integers(1, 4), POSITIVE))
elementwise(sc.mathieu_b, FIXED, Q,  on=(Integers(1, 4), POSITIVE))
several(sc.mathieu_cem,     FIXED, Q,  lambda y, m, q, x: (DEGREE * y[1], DEGREE * (2 * q * np.cos(2 * DEGREE * x) - sc.mathieu_a(m, q)) * y[0]),  on=ON)
several(sc.mathieu_sem,     FIXED, Q,  lambda y, m, q, x: (DEGREE * y[1], DEGREE * (2 * q * np.cos(2 * DEGREE * x) - sc.mathieu_b(m, q)) * y[0]),  on=ON)
several(sc.mathieu_modcem1, FIXED, Q,  lambda y, m, q, x: (y[1], (sc.mathieu_a(m, q) - 2 * q * np.cosh(2 * x)) * y[0]),   on=RADIAL)
several(sc.mathieu_modcem2, FIXED, Q,  lambda y, m, q, x: (y[1], (sc.mathieu_a(m, q) - 2 * q * np.cosh(2 * x)) * y[0]),   on=RADIAL)
several(sc.mathieu_modsem1, FIXED, Q,  lambda y, m, q, x: (y[1], (sc.mathieu_b(m, q) - 2 * q * np.cosh(2 * x)) * y[0]),   on=RADIAL)
several(sc.mathieu_modsem2, FIXED, Q,  lambda y, m, q, x: (y[1], (sc.mathieu_b(m, q) - 2 * q * np.cosh(2 * x)) * y[0]),   on=RADIAL)
# fmt: on


# --- spheroidal (30.2.1): (1-x²)f'' - 2x f' + (λ - c²x² - m²/(1-x²)) f = 0, the oblate ones with c² → -c², the radial with x → ix ---
def prolate(y: Any, m: Any, value: Any, c: Any, x: Any) -> Any:
    """Return the derivatives of ``(f, f')`` in x, for angular (|x| < 1) and radial (x > 1) functions alike."""
    w = 1 - x * x
    return y[1], (2 * x * y[1] - (value - c * c * x * x - m * m / w) * y[0]) / w


def oblate_angular(y: Any, m: Any, value: Any, c: Any, x: Any) -> Any:
    """Return the derivatives of ``(f, f')`` in x."""
    w = 1 - x * x
    return y[1], (2 * x * y[1] - (value + c * c * x * x - m * m / w) * y[0]) / w


def oblate_radial(y: Any, m: Any, value: Any, c: Any, x: Any) -> Any:
    """Return the derivatives of ``(f, f')`` in x."""
    w = 1 + x * x
    return y[1], (-2 * x * y[1] + (value - c * c * x * x - m * m / w) * y[0]) / w


def spheroidal(function: Any, given: Any, value: Any, slope: Any, x: Interval) -> None:
    """Enter a function of ``(m, n, c, x)`` and its twin of ``(m, n, c, value, x)``, to which the characteristic value is given."""
    several(
        function,
        FIXED,
        FIXED,
        C,
        lambda y, m, n, c, x: slope(y, m, value(m, n, c), c, x),
        on=(Integers(0, 1), Integers(1, 3), POSITIVE, x),
    )
    several(given, FIXED, FIXED, C, CV, lambda y, m, n, c, cv, x: slope(y, m, cv, c, x))


spheroidal(sc.pro_ang1, sc.pro_ang1_cv, sc.pro_cv, prolate, Interval(0.1, 0.9))
spheroidal(sc.pro_rad1, sc.pro_rad1_cv, sc.pro_cv, prolate, Interval(1.2, 3))
spheroidal(sc.pro_rad2, sc.pro_rad2_cv, sc.pro_cv, prolate, Interval(1.2, 3))
spheroidal(sc.obl_ang1, sc.obl_ang1_cv, sc.obl_cv, oblate_angular, Interval(0.1, 0.9))
spheroidal(sc.obl_rad1, sc.obl_rad1_cv, sc.obl_cv, oblate_radial, Interval(0.2, 3))
spheroidal(sc.obl_rad2, sc.obl_rad2_cv, sc.obl_cv, oblate_radial, Interval(2, 4))  # SciPy 1.17's values are wrong for x < 1.2
elementwise(sc.pro_cv, FIXED, FIXED, C)
elementwise(sc.obl_cv, FIXED, FIXED, C)
