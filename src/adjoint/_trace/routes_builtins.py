"""Replacements of built-in functions and types, and of what ``functools`` and ``itertools`` call."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from typing import Any

import numpy as np

from adjoint._overload import Function
from adjoint._trace.replacements import REPLACEMENTS, any_traced, number, replaces
from adjoint._trace.routes import followed, route
from adjoint._trace.traced import Host, Traced, sample, unhost
from adjoint._trace.twins import original


@replaces(float, np.float64, np.double)
def to_float(x: Any = 0.0) -> Any:
    x = unhost(x)
    if isinstance(x, Traced):
        return _real_number(number(x))
    return float(x)


def _real_number(x: Traced) -> Any:
    if x.dtype.kind == "c":
        raise TypeError("float() argument must be a string or a real number, not 'complex'")
    return x


@replaces(complex, np.complex128)
def to_complex(real: Any = 0.0, imag: Any = None) -> Any:
    if not any_traced((real, imag)):
        return complex(real) if imag is None else complex(real, imag)
    return real + 0j if imag is None else real + 1j * imag


@replaces(isinstance)
def is_instance(x: Any, classes: Any) -> bool:
    if isinstance(x, (Traced, Host)):
        # By the abstract classes that a number is no instance of (`Iterable`, `Sized`) a traced number is none either.
        return isinstance(sample(x), classes) or (_names_own(classes) and isinstance(x, classes))
    return isinstance(x, classes)


def _names_own(classes: Any) -> bool:
    if isinstance(classes, tuple):
        return any(map(_names_own, classes))
    return isinstance(classes, type) and issubclass(classes, (Traced, Host))


@replaces(hasattr)
def has_attribute(x: Any, name: str) -> bool:
    return hasattr(x, name) and (not isinstance(x, Traced) or hasattr(sample(x), name))


@replaces(getattr)
def attribute(x: Any, name: str, *default: Any) -> Any:
    return default[0] if default and isinstance(x, Traced) and not has_attribute(x, name) else getattr(x, name, *default)


@replaces(type)
def type_of(*args: Any) -> Any:
    if len(args) != 1:
        return type(*args)
    return original(type(sample(args[0]) if isinstance(args[0], (Traced, Host)) else args[0]))


@replaces(dataclasses.replace)
def replace(obj: Any, /, **changes: Any) -> Any:
    cls = original(type(obj))
    if not dataclasses.is_dataclass(cls) or (cls is type(obj) and followed(cls) is cls):
        return dataclasses.replace(obj, **changes)
    fields = dataclasses.fields(obj)
    if any(not field.init and field.name in changes for field in fields):
        return dataclasses.replace(obj, **changes)  # raises
    kept = {field.name: getattr(obj, field.name) for field in fields if field.init and field.name not in changes}
    return followed(cls)(**kept, **changes)


@replaces(pow)
def power(x: Any, y: Any, mod: Any = None) -> Any:
    return x**y if mod is None else pow(x, y, mod)


@replaces(map)
def mapped(function: Any, *iterables: Any) -> Any:
    return map(route(function), *iterables)


@replaces(filter)
def filtered(function: Any, iterable: Any) -> Any:
    return filter(function and route(function), iterable)


@replaces(functools.reduce)
def reduced(function: Any, *args: Any) -> Any:
    return functools.reduce(route(function), *args)


@replaces(itertools.accumulate)
def accumulated(iterable: Any, func: Any = None, **kwargs: Any) -> Any:
    return itertools.accumulate(iterable, func and route(func), **kwargs)


@replaces(itertools.starmap)
def starmapped(function: Any, iterable: Any) -> Any:
    return itertools.starmap(route(function), iterable)


@replaces(functools.partial)
def partial(function: Any, /, *args: Any, **kwargs: Any) -> Any:
    return functools.partial(route(function), *args, **kwargs)


def _with_key(original: Function) -> Function:
    @functools.wraps(original)
    def call(*args: Any, key: Any = None, **kwargs: Any) -> Any:
        return original(*args, key=key and route(key), **kwargs)

    return call


for _function in (sorted, min, max):
    REPLACEMENTS[_function] = _with_key(_function)
