"""``math``, ``cmath``, and the built-in functions and types of numbers, on symbols."""

from __future__ import annotations

import builtins
import cmath
import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from adjoint._frontend import iteration
from adjoint._frontend.arrays import Array
from adjoint._frontend.calls import REPLACED, replaces, special
from adjoint._frontend.control import truth
from adjoint._frontend.lists import GrowingList, holds_symbols
from adjoint._frontend.runtime import RUNTIME, is_number
from adjoint._ir.symbol import Symbol, writer
from adjoint._ir.types import Tensor
from adjoint._rules.python_numbers import CMATH, MATH


def applied(function: Any) -> Any:
    """Return a function that is an operation of the program if an argument is a symbol."""

    def call(*args: Any, **kwargs: Any) -> Any:
        return writer().apply(function, args, kwargs) if holds_symbols((args, kwargs)) else function(*args, **kwargs)

    return call


for _name in MATH:
    if hasattr(math, _name):
        REPLACED[getattr(math, _name)] = applied(getattr(math, _name))
for _name in (*CMATH, "phase", "isnan", "isinf", "isfinite"):
    REPLACED[getattr(cmath, _name)] = applied(getattr(cmath, _name))
for _function in (math.erf, math.erfc, math.gamma, math.lgamma, math.isclose, math.frexp, builtins.round):
    REPLACED[_function] = applied(_function)


@replaces(math.log)
def log(x: Any, *base: Any) -> Any:
    if not holds_symbols((x, *base)):
        return math.log(x, *base)
    y = writer().apply(math.log, (x,), {}) if isinstance(x, Symbol) else math.log(x)
    return RUNTIME.binary("truediv", y, log(base[0])) if base else y


@replaces(cmath.log)
def complex_log(z: Any, *base: Any) -> Any:
    if not holds_symbols((z, *base)):
        return cmath.log(z, *base)
    y = writer().apply(cmath.log, (z,), {})
    return y / complex_log(base[0]) if base else y


@replaces(math.hypot)
def hypot(*coordinates: Any) -> Any:
    if not holds_symbols(coordinates):
        return math.hypot(*coordinates)
    y = absolute(coordinates[0])
    for x in coordinates[1:]:
        y = writer().apply(math.hypot, (y, x), {}) if holds_symbols((y, x)) else math.hypot(y, x)
    return y if len(coordinates) > 1 else to_float(y)


@replaces(math.dist)
def dist(p: Any, q: Any) -> Any:
    return hypot(*[a - b for a, b in zip(p, q, strict=True)])


@replaces(math.fsum)
def float_total(values: Any, /) -> Any:
    """Return a sum of floats; in a program it is rounded at each step."""
    return to_float(total(values))


@replaces(builtins.sum)
def total(values: Any, /, start: Any = 0) -> Any:
    if isinstance(values, GrowingList) and values.dynamic is not None:
        return writer().apply(builtins.sum, (values,) if isinstance(start, int) and start == 0 else (values, start), {})
    source = iteration.of(values)
    if iteration.is_stepped(values) or (source is not None and source.count is None):
        return summed(values, values if source is None else source, start)
    y = start
    for value in values if source is None else source.items():
        y = RUNTIME.binary("add", y, value)
    return y


def summed(values: Any, source: Any, start: Any) -> Any:
    """Return the sum of items of unknown number."""
    if isinstance(values, Array) and values.ndim == 1 and isinstance(start, int) and start == 0:
        return writer().apply(builtins.sum, (values,), {})
    box = GrowingList([start])
    RUNTIME.for_(source, lambda x: box.__setitem__(0, RUNTIME.binary("add", box[0], x)), None, nothing())
    return box[0]


def nothing() -> Any:
    return RUNTIME.state((), lambda: (), lambda _: None)


@replaces(math.prod)
def product(values: Any, /, *, start: Any = 1) -> Any:
    source = iteration.of(values)
    if iteration.is_stepped(values) or (source is not None and source.count is None):
        box = GrowingList([start])
        RUNTIME.for_(
            values if source is None else source,
            lambda x: box.__setitem__(0, RUNTIME.binary("mul", box[0], x)),
            None,
            nothing(),
        )
        return box[0]
    y = start
    for value in values if source is None else source.items():
        y = RUNTIME.binary("mul", y, value)
    return y


@replaces(getattr(math, "sumprod", "math.sumprod"))
def sumprod(p: Iterable[Any], q: Iterable[Any]) -> Any:
    return total([a * b for a, b in zip(p, q, strict=True)])


@replaces(math.modf)
def modf(x: Any) -> Any:
    if not holds_symbols(x):
        return math.modf(x)
    fraction, whole = writer().apply(np.modf, (x,), {})
    return to_float(fraction), to_float(whole)


@replaces(math.remainder)
def remainder(x: Any, y: Any) -> Any:
    return writer().apply(math.remainder, (x, y), {}) if holds_symbols((x, y)) else math.remainder(x, y)


@replaces(cmath.polar)
def polar(z: Any) -> Any:
    return (absolute(z), np.angle(z)) if holds_symbols(z) else cmath.polar(z)


@replaces(cmath.rect)
def rect(r: Any, phi: Any) -> Any:
    return r * np.exp(1j * phi) if holds_symbols((r, phi)) else cmath.rect(r, phi)


# Numbers ----------------------------------------------------------------------------------------------------------------------


@replaces(abs)
def absolute(x: Any) -> Any:
    if is_number(x) and isinstance(x, Symbol):
        return writer().apply(builtins.abs, (x,), {})
    method = special(x, "__abs__")
    return abs(x) if method is None else method()


@replaces(np.float64)
def to_float64(x: Any = 0.0) -> Any:
    return writer().apply(np.float64, (x,), {}) if isinstance(x, Symbol) else np.float64(x)


@replaces(next)
def next_of(iterator: Any, *default: Any) -> Any:
    method = iterator.following if isinstance(iterator, iteration.Steps) else special(iterator, "__next__")
    if method is None:
        writer().used_iterator(iterator)
        return next(iterator, *default)
    if not default:
        return method()
    take, otherwise = lambda: RUNTIME.returned(method()), lambda _: RUNTIME.returned(default[0])
    signal = RUNTIME.try_(take, lambda: (StopIteration,), ((otherwise, False, None),), None, None, nothing())
    assert signal is not None
    return signal.value


@replaces(float)
def to_float(x: Any = 0.0) -> Any:
    if not isinstance(x, Symbol):
        return float(x)
    t = x.type
    if isinstance(t, Tensor) and t.dtype.kind == "c":
        raise TypeError("float() argument must be a string or a real number, not 'complex'")
    if isinstance(t, Tensor) and t.number and t.dtype.kind == "f":
        return x
    return writer().apply(float, (x,), {})


@replaces(complex, np.complex128)
def to_complex(real: Any = 0.0, imag: Any = None) -> Any:
    if not holds_symbols((real, imag)):
        return complex(real) if imag is None else complex(real, imag)
    return writer().apply(complex, (real,) if imag is None else (real, imag), {})


@replaces(int)
def to_int(x: Any = 0, *base: Any) -> Any:
    if not isinstance(x, Symbol):
        return int(x, *base)
    t = x.type
    return x if isinstance(t, Tensor) and t.number and t.dtype.kind == "i" else writer().apply(int, (x,), {})


@replaces(bool)
def to_bool(x: Any = False) -> Any:
    test = truth(x)
    plain = not isinstance(test, Symbol) or (isinstance(test.type, Tensor) and test.type.number)
    return test if plain else writer().apply(builtins.bool, (test,), {})


@replaces(pow)
def power(x: Any, y: Any, mod: Any = None) -> Any:
    return RUNTIME.binary("pow", x, y) if mod is None else pow(x, y, mod)


@replaces(divmod)
def quotient_and_remainder(x: Any, y: Any) -> Any:
    return RUNTIME.binary("floordiv", x, y), RUNTIME.binary("mod", x, y)
