"""Rules of `scipy.special`: elliptic integrals and functions, the arithmetic-geometric mean; all by Carlson's integrals (19.25).

Legendre's forms of the derivatives (19.4) divide by m and 1-m and cancel near 0 and 1; Carlson's do not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special as sc

from adjoint._rules.book import FIXED, elementwise
from adjoint._rules.domains import POSITIVE, Interval
from adjoint._rules.series_hyper import carlson
from adjoint._rules.special_tools import keyworded, several

PARAMETER = Interval(-2, 0.95)


def kinc_dm(phi: Any, m: Any) -> Any:
    """Return ``∂F(φ|m)/∂m``: ``s³ R_D(c², 1, 1-m s²)/6`` for the angle reduced by kπ, and 2k times the complete one."""
    k = np.round(phi / np.pi)
    s, c = np.sin(phi - k * np.pi), np.cos(phi - k * np.pi)
    part = s**3 * sc.elliprd(c * c, 1, 1 - m * s * s) / 6
    return part + np.where(k == 0, 0, 2 * k * sc.elliprd(0, 1, np.where(k == 0, 1, 1 - m)) / 6)


def einc_dm(phi: Any, m: Any) -> Any:
    """Return ``∂E(φ|m)/∂m``, in the same way."""
    k = np.round(phi / np.pi)
    s, c = np.sin(phi - k * np.pi), np.cos(phi - k * np.pi)
    return -(s**3) * sc.elliprd(c * c, 1 - m * s * s, 1) / 6 - 2 * k * sc.elliprd(0, 1 - m, 1) / 6


def ellipj_dm(y: Any, u: Any, m: Any) -> Any:
    """By ``F(am(u, m) | m) = u``: ``∂am/∂m = -dn ∂F/∂m``."""
    sn, cn, dn, angle = y
    turn = -dn * kinc_dm(angle, m)
    return cn * turn, -sn * turn, -(sn * sn + 2 * m * sn * cn * turn) / (2 * dn), turn


def rc_dx(r: Any, x: Any, y: Any) -> Any:
    """Return ``∂R_C/∂x``; in closed form for the principal value at negative y, where nothing cancels."""
    negative = (np.imag(y) == 0) & (np.real(y) < 0)
    z = np.where(negative, 1, y)
    return np.where(negative, (r - 1 / np.sqrt(x)) / (2 * np.where(negative, y - x, 1)), -sc.elliprd(z, z, x) / 6)


def rc_dy(r: Any, x: Any, y: Any) -> Any:
    """Return ``∂R_C/∂y``; for negative y because ``R_C`` is homogeneous of degree -1/2."""
    negative = (np.imag(y) == 0) & (np.real(y) < 0)
    z = np.where(negative, 1, y)
    return np.where(negative, -(r / 2 + x * rc_dx(r, x, y)) / y, -sc.elliprd(x, z, z) / 3)


def raised(position: int) -> Callable[..., Any]:
    """Partial of ``∫Π(t+x_i)^(-p_i)dt``: the same integral with one power raised."""

    def partial(y: Any, powers: tuple[float, ...], *args: Any) -> Any:
        higher = tuple(p + (k == position) for k, p in enumerate(powers))
        return -powers[position] * carlson(higher, *args)

    return partial


# fmt: off
elementwise(sc.ellipk,      lambda y, m: sc.elliprd(0, 1, 1 - m) / 6,                             on=PARAMETER)
elementwise(sc.ellipkm1,    lambda y, p: -sc.elliprd(0, 1, p) / 6,                                on=Interval(0.05, 3))
elementwise(sc.ellipe,      lambda y, m: -sc.elliprd(0, 1 - m, 1) / 6,                            on=PARAMETER)
elementwise(sc.ellipkinc,   lambda y, f, m: 1 / np.sqrt(1 - m * np.sin(f) ** 2),  lambda y, f, m: kinc_dm(f, m),  on=((-5, 5), PARAMETER))
elementwise(sc.ellipeinc,   lambda y, f, m: np.sqrt(1 - m * np.sin(f) ** 2),      lambda y, f, m: einc_dm(f, m),  on=((-5, 5), PARAMETER))
several(sc.ellipj,          lambda y, u, m: (y[1] * y[2], -y[0] * y[2], -m * y[0] * y[1], y[2]),  ellipj_dm,      on=((-4, 4), (0.05, 0.95)))
elementwise(sc.agm,         lambda y, a, b: y * y * np.abs(a) * 2 / (3 * np.pi) * sc.elliprd(0, b * b, a * a),
                            lambda y, a, b: y * y * np.abs(b) * 2 / (3 * np.pi) * sc.elliprd(0, a * a, b * b),    on=POSITIVE)
elementwise(sc.elliprc,     lambda r, x, y: rc_dx(r, x, y),  lambda r, x, y: rc_dy(r, x, y),      on=POSITIVE)
elementwise(sc.elliprf,     lambda r, x, y, z: -sc.elliprd(y, z, x) / 6,
                            lambda r, x, y, z: -sc.elliprd(x, z, y) / 6,
                            lambda r, x, y, z: -sc.elliprd(x, y, z) / 6,                          on=POSITIVE)
elementwise(sc.elliprg,     lambda r, x, y, z: sc.elliprf(x, y, z) / 4 - x * sc.elliprd(y, z, x) / 12,
                            lambda r, x, y, z: sc.elliprf(x, y, z) / 4 - y * sc.elliprd(x, z, y) / 12,
                            lambda r, x, y, z: sc.elliprf(x, y, z) / 4 - z * sc.elliprd(x, y, z) / 12,  on=POSITIVE)
elementwise(sc.elliprd,     lambda r, x, y, z: -0.75 * carlson((1.5, 0.5, 1.5), x, y, z),
                            lambda r, x, y, z: -0.75 * carlson((0.5, 1.5, 1.5), x, y, z),
                            lambda r, x, y, z: -2.25 * carlson((0.5, 0.5, 2.5), x, y, z),         on=POSITIVE)
elementwise(sc.elliprj,     lambda r, x, y, z, p: -0.75 * carlson((1.5, 0.5, 0.5, 1.0), x, y, z, p),
                            lambda r, x, y, z, p: -0.75 * carlson((0.5, 1.5, 0.5, 1.0), x, y, z, p),
                            lambda r, x, y, z, p: -0.75 * carlson((0.5, 0.5, 1.5, 1.0), x, y, z, p),
                            lambda r, x, y, z, p: -1.50 * carlson((0.5, 0.5, 0.5, 2.0), x, y, z, p),  on=POSITIVE)
keyworded(carlson,          FIXED,  raised(0),  raised(1),  raised(2),  raised(3))
# fmt: on
