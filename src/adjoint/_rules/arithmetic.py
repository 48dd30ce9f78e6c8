"""Arithmetic: operators, powers, roots, extrema, parts of complex numbers, and the functions whose derivative is zero.

At kinks the rules give the subgradient of minimum norm where there is one natural choice (``abs``, ``hypot`` at 0), and share ties
(``maximum(a, a)`` gives 1/2 to each; ``clip`` is a maximum of a minimum, so that at a bound half goes to the argument, half
to the bound).  Jumps are not derivatives: ``floor``, ``sign``, ``heaviside`` and comparisons are constant.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint._rules.book import FIXED, composite, constant, elementwise, general, linear
from adjoint._rules.domains import NONZERO, POSITIVE, REAL, Integers
from adjoint._rules.extents import made
from adjoint._rules.kinds import dtype_of, is_complex, scale, shape_of
from adjoint._rules.primitive import primitive


@primitive
def ratio(a: Any, b: Any) -> Any:
    """Return ``a / b`` where 0/0 is 0: the direction of the zero vector is the zero vector."""
    return np.divide(a, np.where(b == 0, 1, b)) if np.any(b == 0) else np.divide(a, b)


@primitive
def signum(x: Any) -> Any:
    """Return the sign of a real number, which is constant almost everywhere."""
    return np.sign(x)


def direction(x: Any) -> Any:
    """Return ``x / abs(x)``, of minimum norm at 0: the gradient of ``abs``."""
    return ratio(x, np.abs(x)) if is_complex(x) else signum(x)


def slope(x: Any, n: Any) -> Any:
    """Return ``n * x**(n - 1)``, the derivative of ``x**n``, which for ``n = 0`` is 0 at ``x = 0`` too."""
    if isinstance(n, (int, float)) and n:
        return 2 * x if n == 2 else n * x ** (n - 1)
    return np.where(n == 0, 0, n * x ** np.where(n == 0, 1, n - 1))


# As in NumPy, ``z.real`` is a view of ``z``, and writes go through it.  The functions refuse real arrays, for which `numpy.real` and
# `numpy.imag` return something else: then no view can be taken for a view of half of each element.


@primitive
def real_part(z: Any) -> Any:
    """Return the real part of a complex number or array."""
    return complex_only(z).real


@primitive
def imaginary_part(z: Any) -> Any:
    """Return the imaginary part of a complex number or array."""
    return complex_only(z).imag


def complex_only(z: Any) -> Any:
    """Return ``z`` or raise if it is real."""
    if not is_complex(z):
        raise TypeError("the parts of a complex array were asked of a real one; please report this")
    return z


# ``log(x) * x**n`` is the derivative by the exponent.  Its limit at x = 0 is 0 for n > 0, where ``y = 0`` wins in `scale`.
# ``fmod`` and ``remainder`` are ``y = a - b * q`` with an integer ``q`` that is constant almost everywhere.
# fmt: off
elementwise(np.add,         lambda y, a, b: 1,                lambda y, a, b: 1)
elementwise(np.subtract,    lambda y, a, b: 1,                lambda y, a, b: -1)
elementwise(np.multiply,    lambda y, a, b: b,                lambda y, a, b: a)
elementwise(np.divide,      lambda y, a, b: 1 / b,            lambda y, a, b: -y / b,                     on=(REAL, POSITIVE))
elementwise(np.power,       lambda y, x, n: slope(x, n),      lambda y, x, n: scale(np.log(x), y),        on=(POSITIVE, REAL))
elementwise(np.float_power, lambda y, x, n: slope(x, n),      lambda y, x, n: scale(np.log(x), y),        on=(POSITIVE, REAL))
elementwise(np.remainder,   lambda y, a, b: 1,                lambda y, a, b: -np.rint((a - y) / b),      on=(REAL, NONZERO))
elementwise(np.fmod,        lambda y, a, b: 1,                lambda y, a, b: -np.rint((a - y) / b),      on=(REAL, NONZERO))
elementwise(np.hypot,       lambda y, a, b: ratio(a, y),      lambda y, a, b: ratio(b, y))
elementwise(np.maximum,     lambda y, a, b: np.where(a == b, 0.5, a > b),  lambda y, a, b: np.where(a == b, 0.5, b > a))
elementwise(np.minimum,     lambda y, a, b: np.where(a == b, 0.5, a < b),  lambda y, a, b: np.where(a == b, 0.5, b < a))
elementwise(np.fmax,        lambda y, a, b: np.where(a == b, 0.5, (a > b) | np.isnan(b)),
                            lambda y, a, b: np.where(a == b, 0.5, (b > a) | np.isnan(a)))
elementwise(np.fmin,        lambda y, a, b: np.where(a == b, 0.5, (a < b) | np.isnan(b)),
                            lambda y, a, b: np.where(a == b, 0.5, (b < a) | np.isnan(a)))
elementwise(np.copysign,    lambda y, a, b: signum(a) * np.copysign(1, b),  FIXED)
elementwise(np.nextafter,   lambda y, a, b: 1,                FIXED)
elementwise(np.heaviside,   FIXED,                            lambda y, x, h: x == 0)
elementwise(np.ldexp,       lambda y, x, n: np.ldexp(1.0, n), FIXED,                                      on=(REAL, Integers(-3, 3)))

elementwise(np.negative,    lambda y, x: -1)
elementwise(np.positive,    lambda y, x: 1)
elementwise(np.square,      lambda y, x: 2 * x)
elementwise(np.sqrt,        lambda y, x: 0.5 / y,             on=POSITIVE)
elementwise(np.cbrt,        lambda y, x: 1 / (3 * y * y),     on=NONZERO)
elementwise(np.reciprocal,  lambda y, x: -y * y,              on=NONZERO)
elementwise(np.absolute,    lambda y, x: direction(x))
elementwise(np.fabs,        lambda y, x: signum(x))

elementwise(ratio,          lambda y, a, b: 1 / b,            lambda y, a, b: -y / b,                     on=(REAL, NONZERO))
constant(signum)
composite(np.sign,          direction)
composite(np.divmod,        lambda a, b: (np.floor_divide(a, b), np.remainder(a, b)), on=(REAL, NONZERO))

# Real linear, not complex linear; the kind conjugates around a transpose: ``conj . T . conj`` is the adjoint.
linear(np.conj,             lambda ct, x: np.conj(ct))
linear(real_part,           lambda ct, z: ct)
linear(imaginary_part,      lambda ct, z: -1j * ct)
composite(np.real,          lambda val: real_part(val) if is_complex(val) else val)
composite(np.imag,          lambda val: imaginary_part(val) if is_complex(val) else made(np.zeros, shape_of(val), dtype_of(val))[()])

# Of the two results one is a sum of integers: ``x = modf(x)[0] + integer``, ``x = frexp(x)[0] * 2**integer``.
general(np.modf, vjp=lambda y, ct, x: ct[0])(lambda y, t, x: (t, None))
general(np.frexp, vjp=lambda y, ct, x: np.ldexp(ct[0], -y[1]))(lambda y, t, x: (np.ldexp(t, -y[1]), None))
# fmt: on


@composite(np.clip)
def clip(a: Any, a_min: Any = None, a_max: Any = None, out: Any = None, *, min: Any = None, max: Any = None, **_: Any) -> Any:
    """``minimum(maximum(a, low), high)``: at a bound half of the derivative goes to ``a``, half to the bound."""
    low, high = (min if is_missing(a_min) else a_min), (max if is_missing(a_max) else a_max)
    a = a if is_missing(low) else np.maximum(a, low)
    return a if is_missing(high) else np.minimum(a, high)


def is_missing(option: Any) -> bool:
    """Tell whether an option of a NumPy function was not given."""
    return option is None or option is np._NoValue


@composite(np.angle)
def angle(z: Any, deg: bool = False) -> Any:
    """Phase of a complex number; of a real number 0 or pi, with derivative 0."""
    y = np.arctan2(np.imag(z), np.real(z))
    return y * (180 / np.pi) if deg else y


@composite(np.real_if_close)
def real_if_close(a: Any, tol: float = 100) -> Any:
    """Real part where all imaginary parts are within ``tol`` machine epsilons of 0, as NumPy decides."""
    if not is_complex(a):
        return a
    tol = np.finfo(dtype_of(a)).eps * tol if tol > 1 else tol
    return np.real(a) if np.all(np.abs(np.imag(a)) < tol) else a


@composite(np.nan_to_num)
def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """Replace nan and infinities, whose derivative becomes that of the replacement."""
    if is_complex(x):
        y = nan_to_num(np.real(x), True, nan, posinf, neginf) + 1j * nan_to_num(np.imag(x), True, nan, posinf, neginf)
    else:
        limits = np.finfo(dtype_of(x))
        y = np.where(np.isnan(x), nan, x)
        y = np.where(x == np.inf, limits.max if posinf is None else posinf, y)
        y = np.where(x == -np.inf, limits.min if neginf is None else neginf, y)
    if not copy:
        x[...] = y
        return x
    return y


# Zero almost everywhere ------------------------------------------------------------------------------------------------------

# fmt: off
constant(np.floor, np.ceil, np.trunc, np.rint, np.round, np.around, np.fix, np.floor_divide, np.spacing, np.signbit)
constant(np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal)
constant(np.logical_and, np.logical_or, np.logical_xor, np.logical_not)
constant(np.isnan, np.isinf, np.isfinite, np.isnat, np.isneginf, np.isposinf, np.isreal, np.iscomplex, np.isrealobj, np.iscomplexobj)
constant(np.isclose, np.allclose, np.array_equal, np.array_equiv, np.any, np.all, np.isin)
constant(np.argmax, np.argmin, np.nanargmax, np.nanargmin, np.count_nonzero)
constant(np.result_type, np.can_cast, np.min_scalar_type, np.common_type)
constant(np.shares_memory, np.may_share_memory, np.array_repr, np.array_str, np.array2string)
# Integers have no derivative.
constant(np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.invert, np.left_shift, np.right_shift, np.bitwise_count, np.gcd, np.lcm)
# fmt: on
