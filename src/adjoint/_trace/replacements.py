"""The registry of what stands in for functions of Python and NumPy while instrumented code runs (`routes`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from adjoint._overload import Function
from adjoint._trace.memory import as_traced
from adjoint._trace.traced import Host, Traced, highest

REPLACEMENTS: dict[Any, Any] = {}


def replaces(*functions: Any) -> Callable[[Function], Function]:
    """Register the decorated function as the replacement of others."""

    def decorate(replacement: Function) -> Function:
        for function in functions:
            REPLACEMENTS[function] = replacement
        return replacement

    return decorate


def any_traced(values: Iterable[Any]) -> bool:
    """Tell whether a value, or an entry of a list among them, is traced."""
    for v in values:
        if isinstance(v, Traced) or (isinstance(v, Host) and v.content is not None):
            return True
        if type(v) in (list, tuple) and highest(v) is not None:
            return True
    return False


def number(x: Any) -> Any:
    """Return the number in an array of one element, as ``math`` functions accept it."""
    if isinstance(x, Traced) and type(x.primal) is float:
        return x
    x = as_traced(x)
    if isinstance(x, Traced):
        return x.item() if x.ndim else x
    return x.item() if isinstance(x, np.ndarray) else x
