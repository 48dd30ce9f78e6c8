"""Replacements of the functions of ``math`` and ``cmath``: NumPy's, which have rules."""

from __future__ import annotations

import builtins
import cmath
import functools
import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from adjoint._overload import NO_OPTIONS, Function
from adjoint._trace.replacements import REPLACEMENTS, any_traced, number, replaces
from adjoint._trace.traced import Host, Traced, apply, plain

# fmt: off
MATH = {
    "acos": "arccos", "acosh": "arccosh", "asin": "arcsin", "asinh": "arcsinh", "atan": "arctan", "atan2": "arctan2",
    "atanh": "arctanh", "cbrt": "cbrt", "ceil": "ceil", "copysign": "copysign", "cos": "cos", "cosh": "cosh",
    "degrees": "degrees", "exp": "exp", "exp2": "exp2", "expm1": "expm1", "fabs": "fabs", "floor": "floor", "fmod": "fmod",
    "isfinite": "isfinite", "isinf": "isinf", "isnan": "isnan", "ldexp": "ldexp", "log10": "log10", "log1p": "log1p",
    "log2": "log2", "nextafter": "nextafter", "pow": "power", "radians": "radians", "sin": "sin", "sinh": "sinh",
    "sqrt": "sqrt", "tan": "tan", "tanh": "tanh", "trunc": "trunc",
}
# fmt: on


def _math_function(original: Function, ufunc: np.ufunc) -> Function:
    @functools.wraps(original)
    def call(*args: Any) -> Any:
        for x in args:
            if isinstance(x, Traced):
                return x._apply(ufunc, tuple([a if type(a) is float else number(a) for a in args]), NO_OPTIONS, call)
            if isinstance(x, Host):
                return call(*map(number, args))
        return original(*args)

    return call


for _name, _numpy_name in MATH.items():
    if hasattr(math, _name):
        REPLACEMENTS[getattr(math, _name)] = _math_function(getattr(math, _name), getattr(np, _numpy_name))


@replaces(cmath.log)
def cmath_log(z: Any, *base: Any) -> Any:
    if not any_traced((z, *base)):
        return cmath.log(z, *base)
    y = np.log(number(z) + 0j)
    return y / np.log(number(base[0]) + 0j) if base else y


@replaces(cmath.phase)
def cmath_phase(z: Any) -> Any:
    return np.angle(number(z)) if any_traced((z,)) else cmath.phase(z)


@replaces(cmath.polar)
def cmath_polar(z: Any) -> Any:
    return (abs(number(z)), cmath_phase(z)) if any_traced((z,)) else cmath.polar(z)


@replaces(cmath.rect)
def cmath_rect(r: Any, phi: Any) -> Any:
    return r * np.exp(1j * number(phi)) if any_traced((r, phi)) else cmath.rect(r, phi)


for _name in (
    "acos", "acosh", "asin", "asinh", "atan", "atanh", "cos", "cosh", "exp", "log10", "sin", "sinh", "sqrt", "tan", "tanh",
):  # fmt: skip
    REPLACEMENTS[getattr(cmath, _name)] = _math_function(getattr(cmath, _name), getattr(np, MATH[_name]))


@replaces(math.log)
def math_log(x: Any, *base: Any) -> Any:
    if not any_traced((x, *base)):
        return math.log(x, *base)
    return _natural_log(x) / _natural_log(base[0]) if base else _natural_log(x)


def _natural_log(x: Any) -> Any:
    return apply(np.log, (number(x),), {}, _natural_log) if any_traced((x,)) else math.log(x)


@replaces(math.hypot)
def math_hypot(*coordinates: Any) -> Any:
    if not any_traced(coordinates):
        return math.hypot(*coordinates)
    y = abs(coordinates[0])
    for x in coordinates[1:]:
        y = np.hypot(y, x)
    return y


@replaces(math.dist)
def math_dist(p: Any, q: Any) -> Any:
    return math_hypot(*[a - b for a, b in zip(p, q, strict=True)])


@replaces(math.fsum, builtins.sum)
def total(values: Iterable[Any], /, start: Any = 0) -> Any:
    y = start
    for value in values:
        y = y + value
    return y


@replaces(math.prod)
def product(values: Iterable[Any], /, *, start: Any = 1) -> Any:
    y = start
    for value in values:
        y = y * value
    return y


@replaces(getattr(math, "sumprod", "math.sumprod"))
def sumprod(p: Iterable[Any], q: Iterable[Any]) -> Any:
    return total(a * b for a, b in zip(p, q, strict=True))


@replaces(math.modf)
def math_modf(x: Any) -> Any:
    return (math.fmod(plain(x), 1.0) - plain(x) + x, float(math.trunc(plain(x)))) if any_traced((x,)) else math.modf(x)


@replaces(math.remainder)
def math_remainder(x: Any, y: Any) -> Any:
    return x - y * float(round(plain(x) / plain(y))) if any_traced((x, y)) else math.remainder(x, y)


@replaces(getattr(math, "fma", "math.fma"))
def math_fma(x: Any, y: Any, z: Any) -> Any:
    return x * y + z if any_traced((x, y, z)) else math.fma(x, y, z)  # pyright: ignore[reportAttributeAccessIssue] - 3.13


def _special(name: str) -> Function:
    def call(x: Any) -> Any:
        if not any_traced((x,)):
            return getattr(math, name)(x)
        import scipy.special

        return getattr(scipy.special, "gammaln" if name == "lgamma" else name)(x)

    return call


for _name in ("erf", "erfc", "gamma", "lgamma"):
    REPLACEMENTS[getattr(math, _name)] = _special(_name)


@replaces(math.frexp)
def math_frexp(x: Any) -> Any:
    if not any_traced((x,)):
        return math.frexp(x)
    _, exponent = math.frexp(plain(x))
    return x * 2.0**-exponent, exponent


@replaces(math.isclose)
def math_isclose(a: Any, b: Any, **kwargs: Any) -> bool:
    return math.isclose(plain(a), plain(b), **kwargs)
