"""The names of functions of single elements, which Python's operators, ``math`` and NumPy's ufuncs of one meaning share."""

from __future__ import annotations

import builtins
import math
import operator
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint._rules import arithmetic, kinds, logic


def _numpy(names: str) -> dict[Any, str]:
    return {getattr(np, name): name for name in names.split()}


# The names of functions of one meaning.
NAMES: dict[Any, str] = _numpy("""
    add subtract multiply divide negative positive absolute square reciprocal sqrt exp exp2 log log2 log10 log1p expm1 sin cos
    tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh arctan2 hypot cbrt power maximum minimum fmax fmin floor
    ceil trunc rint sign copysign equal not_equal less less_equal greater greater_equal isnan isfinite isinf logical_and
    logical_or logical_xor logical_not bitwise_and bitwise_or bitwise_xor invert left_shift right_shift remainder floor_divide
    fmod logaddexp deg2rad rad2deg where conjugate fabs
""") | {
    operator.add: "add", operator.sub: "subtract", operator.mul: "multiply", operator.truediv: "divide",
    operator.pow: "power", operator.mod: "remainder", operator.floordiv: "floor_divide", operator.neg: "negative",
    operator.pos: "positive", operator.abs: "absolute", builtins.abs: "absolute", operator.lt: "less",
    operator.le: "less_equal", operator.eq: "equal", operator.ne: "not_equal", operator.gt: "greater",
    operator.ge: "greater_equal",
    operator.and_: "bitwise_and", operator.or_: "bitwise_or", operator.xor: "bitwise_xor", operator.invert: "invert",
    operator.lshift: "left_shift", operator.rshift: "right_shift", operator.not_: "logical_not",
    kinds.scale: "scale", arithmetic.signum: "signum", arithmetic.ratio: "ratio", logic.opposite: "logical_not",
    builtins.float: "float", builtins.int: "int", builtins.bool: "bool", np.float64: "float", builtins.max: "max",
    builtins.min: "min", arithmetic.real_part: "positive", np.real: "positive",
    math.sin: "sin", math.cos: "cos", math.tan: "tan", math.asin: "arcsin", math.acos: "arccos", math.atan: "arctan",
    math.atan2: "arctan2", math.sinh: "sinh", math.cosh: "cosh", math.tanh: "tanh", math.asinh: "arcsinh",
    math.acosh: "arccosh", math.atanh: "arctanh", math.exp: "exp", math.expm1: "expm1", math.log: "log", math.log2: "log2",
    math.log10: "log10",
    math.log1p: "log1p", math.sqrt: "sqrt", math.pow: "power", math.hypot: "hypot", math.fabs: "absolute", math.floor: "floor",
    math.ceil: "ceil", math.trunc: "trunc", math.copysign: "copysign", math.isnan: "isnan", math.isfinite: "isfinite",
    math.isinf: "isinf", math.erf: "erf", math.erfc: "erfc", math.gamma: "tgamma", math.lgamma: "lgamma", math.fmod: "fmod",
    math.degrees: "rad2deg", math.radians: "deg2rad", np.round: "rint", np.around: "rint", builtins.round: "rint",
}  # fmt: skip
for _name in ("cbrt", "exp2"):
    if hasattr(math, _name):
        NAMES[getattr(math, _name)] = _name

# Functions of one or two floats that the elementary functions, or the C library, compute.
ELEMENTARY = frozenset({
    "exp", "exp2", "log", "log2", "log10", "log1p", "expm1", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh",
    "tanh", "arcsinh", "arccosh", "arctanh", "arctan2", "hypot", "cbrt", "erf", "erfc", "expit", "tgamma", "lgamma", "fmod",
})  # fmt: skip
# What of `scipy.special` has a formula here, which loops compute several elements at once with.
_OWN_SPECIAL = frozenset({"erf", "erfc", "expit", "cbrt", "exp2", "expm1", "log1p"})


def name_of(function: Callable[..., Any]) -> str | None:
    """Return the name under which a function of single elements is known here."""
    try:
        name = NAMES.get(function)
    except TypeError:
        return None
    return _special(function) if name is None and isinstance(function, np.ufunc) else name


def _special(function: np.ufunc) -> str | None:
    """Return the name of a function of `scipy.special`, which is not imported for the question."""
    if "scipy.special" not in sys.modules or getattr(np, function.__name__, None) is function:
        return None
    if function.__name__ in _OWN_SPECIAL and getattr(sys.modules["scipy.special"], function.__name__, None) is function:
        return function.__name__
    from adjoint._backend.native import foreign

    return foreign.special().get(function, (None, 0))[0]
