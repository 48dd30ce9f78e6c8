"""The plain functions compiled by numba, which is the yardstick of what a function costs natively."""

from __future__ import annotations

import importlib
import types
from collections.abc import Callable
from typing import Any


def compiled(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``f`` compiled by numba, unchanged, and with it the functions of its own module that it calls.

    ``numba.njit`` looks for compiled functions among the globals of a function.  So each function gets globals of its own, in
    which the functions of its module are compiled ones; the module itself stays as it is.
    """
    numba = importlib.import_module("numba")
    module = dict(f.__globals__)
    for name, value in f.__globals__.items():
        if isinstance(value, types.FunctionType) and value.__module__ == f.__module__:
            module[name] = numba.njit(_in(module, value))
    return module[f.__name__]


def _in(module: dict[str, Any], f: types.FunctionType) -> types.FunctionType:
    """Return the function with other globals."""
    return types.FunctionType(f.__code__, module, f.__name__, f.__defaults__, f.__closure__)
