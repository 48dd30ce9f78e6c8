"""Functions as values: what a function carries along, and the same function with other values in their places.

A lambda that is made anew in each turn is the same function as before, of other values. So functions that were defined in a
translated function are taken apart like containers: into their code, and what their variables hold.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import CodeType, FunctionType, MethodType
from typing import Any

Parts = dict[Any, Any]
# Of a class of functions: what tells one from another, its parts, and how it is made of other parts. The API fills it.
KINDS: dict[type, tuple[Callable[[Any], Any], Callable[[Any], Parts], Callable[[Any, Parts], Any]]] = {}

# The code of rewritten copies, which is kept alive: its ids tell it from others.
_REWRITTEN: dict[int, CodeType] = {}


def note_rewritten(code: CodeType) -> None:
    """Note that functions of this code are rewritten copies."""
    _REWRITTEN[id(code)] = code


def is_rewritten(function: Any) -> bool:
    """Tell whether a function is a rewritten copy or was defined in one."""
    return id(getattr(function, "__code__", None)) in _REWRITTEN


def carried(f: Any) -> tuple[Any, Parts] | None:
    """Return what tells a function from others, and the parts that it carries along; None for what is not taken apart."""
    kind = KINDS.get(type(f))
    if kind is not None:
        return kind[0](f), kind[1](f)
    if isinstance(f, MethodType):
        return MethodType, {"self": f.__self__, "function": f.__func__}
    if isinstance(f, functools.partial):
        return functools.partial, {"function": f.func, "args": f.args, "words": f.keywords}
    if isinstance(f, FunctionType) and is_rewritten(f):
        cells = dict(zip(f.__code__.co_freevars, f.__closure__ or (), strict=True))
        return f.__code__, {**cells, 0: f.__defaults__, 1: f.__kwdefaults__}
    return None


def remade(f: Any, parts: Parts) -> Any:
    """Return a function like ``f`` of other parts."""
    kind = KINDS.get(type(f))
    if kind is not None:
        return kind[2](f, parts)
    if isinstance(f, MethodType):
        return MethodType(parts["function"], parts["self"])
    if isinstance(f, functools.partial):
        return functools.partial(parts["function"], *parts["args"], **parts["words"])
    cells = tuple(parts[name] for name in f.__code__.co_freevars)
    new = FunctionType(f.__code__, f.__globals__, f.__name__, parts[0], cells)
    new.__kwdefaults__, new.__qualname__ = parts[1], f.__qualname__
    return new
