"""Arithmetic with the lengths of axes, which are symbols while a program is written, and arrays of such lengths."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint._overload import Overloaded


def made(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function that makes an array from lengths, such as `numpy.zeros`; NumPy itself does not look for symbols there."""
    for arg in args:
        for part in arg if isinstance(arg, (tuple, list)) else (arg,):
            if isinstance(part, Overloaded):
                return part.__array_function__(function, (type(part),), args, kwargs)
    return function(*args, **kwargs)


def smaller(m: Any, n: Any) -> Any:
    """Return the smaller of two lengths."""
    return np.minimum(m, n) if isinstance(m, Overloaded) or isinstance(n, Overloaded) else min(m, n)


def larger(m: Any, n: Any) -> Any:
    """Return the larger of two lengths."""
    return np.maximum(m, n) if isinstance(m, Overloaded) or isinstance(n, Overloaded) else max(m, n)


def product(lengths: Any) -> Any:
    """Return the product of lengths."""
    lengths = list(lengths)
    return functools.reduce(operator.mul, lengths) if lengths else 1


def unknown(n: Any) -> bool:
    """Tell whether a length, or one of several, is known only when the program runs."""
    return any(map(unknown, n)) if isinstance(n, (tuple, list)) else isinstance(n, Overloaded)
