"""Python's operators and ``math`` have the meaning of NumPy's functions; passes know these by one name."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint._ir.nodes import Apply
from adjoint._rules.python_numbers import MATH, OPERATORS

Function = Callable[..., Any]

_NUMPY: dict[Function, Function] = OPERATORS | {
    getattr(math, name): getattr(np, numpy_name) for name, numpy_name in MATH.items() if hasattr(math, name)
}
_OPERATORS: dict[Function, Function] = {
    np.add: operator.add, np.subtract: operator.sub, np.multiply: operator.mul, np.negative: operator.neg,
}  # fmt: skip


def canonical(function: Function) -> Function:
    """Return NumPy's function of the same meaning.

    >>> canonical(operator.add) is np.add, canonical(np.add) is np.add
    (True, True)
    """
    return _NUMPY.get(function, function)


def sibling(op: Apply, function: Function) -> Function:
    """Return a function of NumPy's as an operator of Python's, if that is what an operation is."""
    return function if op.function not in OPERATORS else _OPERATORS[function]
