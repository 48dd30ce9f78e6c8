"""How much work a function of each element is: the table that the counting of costs and the reverse mode's decisions share.

===========================================================================  ===============================================
an arithmetic operation: + - * /, a sign, a comparison, the larger of two    1
another elementwise function: a root, a power, exp, sin, erf ...             `FUNCTION`
===========================================================================  ===============================================
"""

from __future__ import annotations

import builtins
import cmath
import math
import operator
from typing import Any

import numpy as np

from adjoint._rules import arithmetic, kinds, logic, stores

FUNCTION = 4

_NUMPY = (
    "absolute add ceil clip conjugate copysign divide divmod equal fabs floor floor_divide fmax fmin fmod greater "
    "greater_equal isfinite isinf isnan less less_equal logical_and logical_not logical_or logical_xor maximum minimum modf "
    "multiply negative not_equal positive reciprocal remainder rint sign signbit square subtract trunc nextafter spacing "
    "frexp ldexp deg2rad rad2deg degrees radians heaviside"
)
_MATH = "ceil copysign degrees fabs floor fmod frexp isclose isfinite isinf isnan ldexp modf radians remainder trunc"
_OPERATORS = "add sub mul truediv floordiv mod neg pos abs lt le gt ge eq ne and_ or_ xor invert"

_ARITHMETIC: frozenset[Any] = frozenset(
    (
        *(getattr(np, name) for name in _NUMPY.split()),
        *(getattr(math, name) for name in _MATH.split()),
        *(getattr(operator, name) for name in _OPERATORS.split()),
        *(builtins.abs, builtins.round, builtins.int, builtins.bool, builtins.divmod, builtins.max, builtins.min),
        *(cmath.isfinite, cmath.isnan, cmath.isinf),
        *(kinds.scale, stores.fit, arithmetic.ratio, arithmetic.signum, arithmetic.real_part, arithmetic.imaginary_part),
        logic.opposite,
    )
)


def is_arithmetic(function: Any) -> bool:
    """Tell whether a function of each element is one operation.

    >>> is_arithmetic(np.multiply), is_arithmetic(np.sin)
    (True, False)
    """
    return function in _ARITHMETIC
