"""Python's own operators and built-in functions of numbers, ``math`` and ``cmath``, as functions that programs are written with.

In a program ``a / b`` of two Python numbers is `operator.truediv`, which raises where NumPy gives an infinity, and ``math.sin(x)`` stays what it
is.  Their derivatives are those of NumPy's functions.  The tracing engine needs none of this: there they are NumPy's functions.
"""

from __future__ import annotations

import builtins
import cmath
import math
import operator
from typing import Any

import numpy as np

from adjoint._overload import Overloaded
from adjoint._rules import arithmetic as arithmetic
from adjoint._rules import exponential as exponential
from adjoint._rules import trigonometric as trigonometric
from adjoint._rules.book import BOOK, FIXED, Function, Rule, composite, constant, elementwise, linear
from adjoint._rules.kinds import shape_of
from adjoint._rules.stores import filled, length, rows

# fmt: off
MATH = {
    "acos": "arccos", "acosh": "arccosh", "asin": "arcsin", "asinh": "arcsinh", "atan": "arctan", "atan2": "arctan2",
    "atanh": "arctanh", "cbrt": "cbrt", "ceil": "ceil", "copysign": "copysign", "cos": "cos", "cosh": "cosh",
    "degrees": "degrees", "exp": "exp", "exp2": "exp2", "expm1": "expm1", "fabs": "fabs", "floor": "floor", "fmod": "fmod",
    "isfinite": "isfinite", "isinf": "isinf", "isnan": "isnan", "ldexp": "ldexp", "log10": "log10", "log1p": "log1p",
    "log2": "log2", "nextafter": "nextafter", "pow": "power", "radians": "radians", "sin": "sin", "sinh": "sinh",
    "sqrt": "sqrt", "tan": "tan", "tanh": "tanh", "trunc": "trunc",
}
CMATH = ("acos", "acosh", "asin", "asinh", "atan", "atanh", "cos", "cosh", "exp", "log10", "sin", "sinh", "sqrt", "tan", "tanh")
OPERATORS: dict[Function, Function] = {
    operator.add: np.add, operator.sub: np.subtract, operator.mul: np.multiply, operator.truediv: np.divide,
    operator.pow: np.power, operator.mod: np.remainder, operator.floordiv: np.floor_divide, operator.neg: np.negative,
    operator.pos: np.positive, operator.abs: np.absolute, builtins.abs: np.absolute, operator.lt: np.less,
    operator.le: np.less_equal, operator.eq: np.equal, operator.ne: np.not_equal, operator.gt: np.greater,
    operator.ge: np.greater_equal, operator.and_: np.bitwise_and, operator.or_: np.bitwise_or, operator.xor: np.bitwise_xor,
    operator.lshift: np.left_shift, operator.rshift: np.right_shift, operator.invert: np.invert,
}
# fmt: on


def same(function: Function, numpy_function: Function) -> None:
    """Give a function the rule of NumPy's function of the same meaning."""
    rule = BOOK[numpy_function]
    BOOK[function] = Rule(function, rule.kind, rule.formulas, rule.vjps, reason=rule.reason)


for _function, _numpy in OPERATORS.items():
    same(_function, _numpy)
for _name, _numpy_name in MATH.items():
    if hasattr(math, _name):
        same(getattr(math, _name), getattr(np, _numpy_name))
for _name in CMATH:
    same(getattr(cmath, _name), getattr(np, MATH[_name]))
same(math.hypot, np.hypot)
same(cmath.phase, np.angle)
same(math.frexp, np.frexp)


def natural(x: Any, base: Any = math.e) -> Any:
    """Return a logarithm by NumPy's."""
    return np.log(x) if base is math.e else np.log(x) / np.log(base)


def of_bool(condition: Any) -> Any:
    """Return 1.0 or 0.0."""
    return 1.0 * condition


def special(name: str) -> Function:
    """Return a function of SciPy's by name, which is not loaded before it is needed."""

    def call(x: Any) -> Any:
        import scipy.special

        return getattr(scipy.special, name)(x)

    return call


def to_each(ct: Any, items: Any) -> Any:
    """Return the cotangent of a sum as that of each of its items."""
    if isinstance(items, (list, tuple)):
        return [ct] * len(items)
    return np.broadcast_to(ct, shape_of(items)) if hasattr(items, "dtype") else filled(length(items), ct)


# ``max`` and ``min`` return the first of equal values, so that is the one that the result moves with.
elementwise(builtins.max, lambda y, a, b: of_bool(a >= b), lambda y, a, b: of_bool(b > a))
elementwise(builtins.min, lambda y, a, b: of_bool(a <= b), lambda y, a, b: of_bool(b < a))
# ``y = a - b * q`` with the integer ``q`` nearest to ``a / b``.
elementwise(math.remainder, lambda y, a, b: 1, lambda y, a, b: -np.rint((a - y) / b))
linear(builtins.float, lambda ct, x=0.0: ct)
linear(np.float64, lambda ct, x=0.0: ct)
linear(builtins.complex, lambda ct, real=0.0, imag=0.0: ct, lambda ct, real=0.0, imag=0.0: 1j * ct)
linear(builtins.sum, lambda ct, items, start=0: to_each(ct, items), FIXED)
composite(math.log, natural)
composite(cmath.log, natural)
composite(math.erf, special("erf"))
composite(math.erfc, special("erfc"))
composite(math.gamma, special("gamma"))
composite(math.lgamma, special("gammaln"))
constant(builtins.int, builtins.round, builtins.bool, builtins.len, math.isclose, cmath.isfinite, cmath.isnan, cmath.isinf)


def taken_apart(ct: Any, x: Any) -> Any:
    """Return the cotangents of the entries of a nested sequence."""
    if isinstance(x, (list, tuple)):
        return [taken_apart(ct[k], part) for k, part in enumerate(x)]
    # A list of unknown length is a symbol without dtype.
    return rows(ct) if isinstance(x, Overloaded) and not hasattr(x, "dtype") else ct


linear(np.array, lambda ct, x, dtype=None, **_: taken_apart(ct, x))
linear(np.asarray, lambda ct, x, dtype=None, **_: taken_apart(ct, x))
linear(np.full, FIXED, lambda ct, shape, fill_value, dtype=None, **_: ct)
