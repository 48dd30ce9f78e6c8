"""Rules of `scipy.special`: Bessel, Airy, Kelvin, Struve and related functions; in the argument (10.6, 10.29, 11.4) and the order."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special as sc

from adjoint._rules.book import FIXED, Unknown, elementwise, general
from adjoint._rules.domains import POSITIVE, Integers, Interval
from adjoint._rules.kinds import weigh
from adjoint._rules.series_bessel import iv_dv, iv_dv_scaled, jv_dv, kv_dv, kv_log_dv, modstruve_dv, struve_dv, yv_dv
from adjoint._rules.special_tools import callable_in_rules, keyworded, over, several

ORDERS = (Interval(-2, 6), Interval(0.3, 9))
SECOND = Unknown("the second derivative in the order is not implemented")
STRUVE = (Interval(-0.4, 4), Interval(0.3, 9))


def scaled(function: Any, slope: Any, order: Any, part: Any, unit: complex) -> None:
    """Rule of a function times ``exp(-|part(z)|)``, which is not complex differentiable: the scale moves with ``part(t)``.

    ``unit`` is the direction of z in which ``part`` grows.
    """

    def jvp(y: Any, t: Any, v: Any, z: Any) -> Any:
        return weigh(slope(v, z), t) - y * np.sign(part(z)) * part(t)

    def vjp(y: Any, ct: Any, v: Any, z: Any) -> Any:
        return weigh(np.conj(slope(v, z)), ct) - unit * np.sign(part(z)) * np.real(np.conj(y) * ct)

    in_order = (lambda y, t, v, z: weigh(order(v, z), t), lambda y, ct, v, z: weigh(np.conj(order(v, z)), ct))
    general(function, in_order[0], jvp, vjp=(in_order[1], vjp), on=ORDERS)


# fmt: off
# --- J, Y, H: f' = (f_{v-1} - f_{v+1})/2 (10.6.1); I, K (10.29.1); orders by `series_bessel` ------------------------------------
elementwise(sc.j0,        lambda y, x: -sc.j1(x))
elementwise(sc.j1,        lambda y, x: (sc.j0(x) - sc.jv(2, x)) / 2)
elementwise(sc.y0,        lambda y, x: -sc.y1(x),                                     on=POSITIVE)
elementwise(sc.y1,        lambda y, x: (sc.y0(x) - sc.yn(2, x)) / 2,                  on=POSITIVE)
elementwise(sc.i0,        lambda y, x: sc.i1(x))
elementwise(sc.i1,        lambda y, x: (sc.i0(x) + sc.iv(2, x)) / 2)
elementwise(sc.k0,        lambda y, x: -sc.k1(x),                                     on=POSITIVE)
elementwise(sc.k1,        lambda y, x: -(sc.k0(x) + sc.kn(2, x)) / 2,                 on=POSITIVE)
elementwise(sc.i0e,       lambda y, x: sc.i1e(x) - np.sign(x) * y)
elementwise(sc.i1e,       lambda y, x: (sc.i0e(x) + sc.ive(2, x)) / 2 - np.sign(x) * y)
elementwise(sc.k0e,       lambda y, x: y - sc.k1e(x),                                 on=POSITIVE)
elementwise(sc.k1e,       lambda y, x: y - (sc.k0e(x) + sc.kve(2, x)) / 2,            on=POSITIVE)
elementwise(sc.yn,        FIXED,  lambda y, n, x: (sc.yn(n - 1, x) - sc.yn(n + 1, x)) / 2,   on=(Integers(0, 5), POSITIVE))
elementwise(sc.kn,        FIXED,  lambda y, n, x: -(sc.kn(abs(n - 1), x) + sc.kn(n + 1, x)) / 2,  on=(Integers(0, 5), POSITIVE))
elementwise(sc.jv,        lambda y, v, x: jv_dv(v, x),  lambda y, v, x: (sc.jv(v - 1, x) - sc.jv(v + 1, x)) / 2,   on=ORDERS)
elementwise(sc.yv,        lambda y, v, x: yv_dv(v, x),  lambda y, v, x: (sc.yv(v - 1, x) - sc.yv(v + 1, x)) / 2,   on=ORDERS)
elementwise(sc.iv,        lambda y, v, x: iv_dv(v, x),  lambda y, v, x: (sc.iv(v - 1, x) + sc.iv(v + 1, x)) / 2,   on=ORDERS)
elementwise(sc.kv,        lambda y, v, x: y * kv_log_dv(v, x),  lambda y, v, x: -(sc.kv(v - 1, x) + sc.kv(v + 1, x)) / 2,       on=ORDERS)
elementwise(sc.kve,       lambda y, v, x: y * kv_log_dv(v, x),  lambda y, v, x: y - (sc.kve(v - 1, x) + sc.kve(v + 1, x)) / 2,  on=ORDERS)
scaled(sc.jve,            lambda v, x: (sc.jve(v - 1, x) - sc.jve(v + 1, x)) / 2,  lambda v, x: jv_dv(v, x),         np.imag, 1j)
scaled(sc.yve,            lambda v, x: (sc.yve(v - 1, x) - sc.yve(v + 1, x)) / 2,  lambda v, x: yv_dv(v, x),         np.imag, 1j)
scaled(sc.ive,            lambda v, x: (sc.ive(v - 1, x) + sc.ive(v + 1, x)) / 2,  lambda v, x: iv_dv_scaled(v, x),  np.real, 1)
elementwise(sc.hankel1,   lambda y, v, x: jv_dv(v, x) + 1j * yv_dv(v, x),  lambda y, v, x: (sc.hankel1(v - 1, x) - sc.hankel1(v + 1, x)) / 2,  on=ORDERS)
elementwise(sc.hankel2,   lambda y, v, x: jv_dv(v, x) - 1j * yv_dv(v, x),  lambda y, v, x: (sc.hankel2(v - 1, x) - sc.hankel2(v + 1, x)) / 2,  on=ORDERS)
elementwise(sc.hankel1e,  lambda y, v, x: (jv_dv(v, x) + 1j * yv_dv(v, x)) * np.exp(-1j * x),
                          lambda y, v, x: (sc.hankel1e(v - 1, x) - sc.hankel1e(v + 1, x)) / 2 - 1j * y,  on=ORDERS)
elementwise(sc.hankel2e,  lambda y, v, x: (jv_dv(v, x) - 1j * yv_dv(v, x)) * np.exp(1j * x),
                          lambda y, v, x: (sc.hankel2e(v - 1, x) - sc.hankel2e(v + 1, x)) / 2 + 1j * y,  on=ORDERS)
elementwise(jv_dv,        SECOND,  lambda y, v, x: (jv_dv(v - 1, x) - jv_dv(v + 1, x)) / 2,   on=ORDERS)
elementwise(yv_dv,        SECOND,  lambda y, v, x: (yv_dv(v - 1, x) - yv_dv(v + 1, x)) / 2,   on=ORDERS)
elementwise(iv_dv,        SECOND,  lambda y, v, x: (iv_dv(v - 1, x) + iv_dv(v + 1, x)) / 2,   on=ORDERS)
elementwise(kv_dv,        SECOND,  lambda y, v, x: -(kv_dv(v - 1, x) + kv_dv(v + 1, x)) / 2,  on=ORDERS)
elementwise(iv_dv_scaled, SECOND,  lambda y, v, x: (iv_dv_scaled(v - 1, x) + iv_dv_scaled(v + 1, x)) / 2 - y,  on=ORDERS)
elementwise(kv_log_dv,    SECOND,  lambda y, v, x: (sc.kve(v - 1, x) * (y - kv_log_dv(v - 1, x)) + sc.kve(v + 1, x) * (y - kv_log_dv(v + 1, x)))
                                                   / (2 * sc.kve(v, x)),  on=ORDERS)

# --- spherical: f'' by the equation (10.47.1, 10.47.2) ---------------------------------------------------------------------------
def spherical(function: Any, sign: int) -> Any:
    """Enter a spherical function and return it in the form that rules may call."""

    def second(n: Any, z: Any) -> Any:
        return (n * (n + 1) / z**2 - sign) * twin(n, z) - 2 / z * twin(n, z, derivative=True)

    keyworded(function, FIXED, lambda y, n, z, derivative=False: second(n, z) if derivative else twin(n, z, derivative=True),
              on=(Integers(0, 5), POSITIVE))
    twin = callable_in_rules(function)
    return twin


spherical_jn = spherical(sc.spherical_jn, 1)
spherical(sc.spherical_yn, 1)
spherical(sc.spherical_in, -1)
spherical(sc.spherical_kn, -1)

# --- integrals of Bessel, Airy and Struve functions --------------------------------------------------------------------------------
several(sc.itj0y0,        lambda y, x: (sc.j0(x), sc.y0(x)),                          on=POSITIVE)
several(sc.iti0k0,        lambda y, x: (sc.i0(x), sc.k0(x)),                          on=POSITIVE)
several(sc.it2j0y0,       lambda y, x: ((1 - sc.j0(x)) / x, -sc.y0(x) / x),           on=POSITIVE)
several(sc.it2i0k0,       lambda y, x: ((sc.i0(x) - 1) / x, -sc.k0(x) / x),           on=POSITIVE)
several(sc.itairy,        lambda y, x: (sc.airy(x)[0], sc.airy(x)[2], sc.airy(-x)[0], sc.airy(-x)[2]),  on=POSITIVE)
elementwise(sc.itstruve0,     lambda y, x: sc.struve(0, x),                           on=POSITIVE)
elementwise(sc.it2struve0,    lambda y, x: -sc.struve(0, x) / x,                      on=POSITIVE)
elementwise(sc.itmodstruve0,  lambda y, x: sc.modstruve(0, x),                        on=POSITIVE)
elementwise(sc.besselpoly,    lambda y, a, c, v: sc.besselpoly(a, c + 1, v - 1) - sc.besselpoly(a, c + 1, v + 1),
                              Unknown("the integral over x^c log(x) J_v(2ax) is not implemented"),
                              Unknown("the integral over x^c times the order derivative of J_v is not implemented"),
                              on=((0.2, 3), (0.1, 3), (1, 4)))

# --- Struve (11.4.27, 11.4.29 with 11.4.23) -----------------------------------------------------------------------------------------
elementwise(sc.struve,    lambda y, v, x: struve_dv(v, x),     lambda y, v, x: sc.struve(v - 1, x) - v * y / x,     on=STRUVE)
elementwise(sc.modstruve, lambda y, v, x: modstruve_dv(v, x),  lambda y, v, x: sc.modstruve(v - 1, x) - v * y / x,  on=STRUVE)
elementwise(struve_dv,    SECOND,  lambda y, v, x: struve_dv(v - 1, x) - (sc.struve(v, x) + v * y) / x,        on=STRUVE)
elementwise(modstruve_dv, SECOND,  lambda y, v, x: modstruve_dv(v - 1, x) - (sc.modstruve(v, x) + v * y) / x,  on=STRUVE)

# --- Kelvin (10.61.2: the equation w'' = i w - w'/x) -----------------------------------------------------------------------------------
elementwise(sc.ber,       lambda y, x: sc.berp(x),                                    on=POSITIVE)
elementwise(sc.bei,       lambda y, x: sc.beip(x),                                    on=POSITIVE)
elementwise(sc.ker,       lambda y, x: sc.kerp(x),                                    on=POSITIVE)
elementwise(sc.kei,       lambda y, x: sc.keip(x),                                    on=POSITIVE)
elementwise(sc.berp,      lambda y, x: -sc.bei(x) - over(y, x, 0),                    on=POSITIVE)
elementwise(sc.beip,      lambda y, x: sc.ber(x) - over(y, x, 0.5),                   on=POSITIVE)
elementwise(sc.kerp,      lambda y, x: -sc.kei(x) - y / x,                            on=POSITIVE)
elementwise(sc.keip,      lambda y, x: sc.ker(x) - y / x,                             on=POSITIVE)
several(sc.kelvin,        lambda y, x: (y[2], y[3], 1j * y[0] - over(y[2], x, 0.5j), 1j * y[1] - y[3] / x),  on=POSITIVE)

# --- Airy (9.2.1: f'' = z f) ------------------------------------------------------------------------------------------------------------
several(sc.airy,          lambda y, z: (y[1], z * y[0], y[3], z * y[2]))
# fmt: on


def airye_jvp(y: Any, t: Any, z: Any) -> Any:
    """Scales ``exp(2/3 z√z)`` for Ai and ``exp(-|Re 2/3 z√z|)`` for Bi, the second not complex differentiable."""
    growth = _root(z) * t
    fall = _fall(z) * np.real(growth)
    return (
        weigh(y[1], t) + growth * y[0],
        weigh(z * y[0], t) + growth * y[1],
        weigh(y[3], t) - fall * y[2],
        weigh(z * y[2], t) - fall * y[3],
    )


def airye_vjp(y: Any, ct: Any, z: Any) -> Any:
    """Adjoint of `airye_jvp` in the real inner product."""
    root, fall = _root(z), _fall(z)
    partials = (y[1] + root * y[0], z * y[0] + root * y[1], y[3], z * y[2])
    total = sum((weigh(np.conj(p), c) for p, c in zip(partials, ct, strict=True) if c is not None), 0.0)
    moved = sum((np.real(np.conj(y[k]) * ct[k]) for k in (2, 3) if ct[k] is not None), 0.0)
    return total - np.conj(root) * fall * moved


def _root(z: Any) -> Any:
    """Square root of z; of a negative real number 0, where Bi is not scaled and Ai is nan already."""
    return np.sqrt(z) if np.iscomplexobj(z) else np.sqrt(np.maximum(z, 0))


def _fall(z: Any) -> Any:
    return np.sign(np.real(z * _root(z)))


general(sc.airye, airye_jvp, vjp=airye_vjp, on=POSITIVE)
