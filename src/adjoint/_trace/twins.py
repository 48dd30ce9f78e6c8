"""Twins of users' classes: the same class, whose operators and properties run as instrumented copies.

Calls ``g(x)`` are routed where they are written, but ``a + b``, ``abs(v)`` or ``v.length`` enter ``__add__``, ``__abs__`` or a
property of a user's class without a call that instrumented code could route.  Objects that instrumented code makes are
therefore made from a twin: a subclass that looks like the class itself (name, ``__class__``, ``isinstance``) and in which the
functions that Python enters by itself are instrumented.
"""

from __future__ import annotations

import functools
import threading
import types
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

# What makes an object, a class, or a pickle stays the class's own business.
_LEFT_ALONE = frozenset(
    {
        "__new__", "__init_subclass__", "__class_getitem__", "__subclasshook__", "__reduce__", "__reduce_ex__", "__getstate__",
        "__setstate__", "__del__", "__getattribute__", "__setattr__", "__delattr__", "__dir__", "__sizeof__", "__hash__",
        "__class__", "__instancecheck__", "__subclasscheck__", "__set_name__",
    }
)  # fmt: skip

_TWINS: WeakKeyDictionary[type, type | None] = WeakKeyDictionary()
_LOCK = threading.Lock()


def twin_of(cls: type, instrumented: Callable[[types.FunctionType], Any]) -> type:
    """Return the twin of a class, or the class itself if no function of it needs one."""
    twin = _TWINS.get(cls)
    if twin is None and cls not in _TWINS:
        with _LOCK:
            twin = _TWINS[cls] = _make(cls, instrumented)
    return cls if twin is None else twin


def original(cls: type) -> type:
    """Return the class of which ``cls`` is the twin, or ``cls``."""
    return cls.__dict__.get("__adjoint_original__", cls)


def _make(cls: type, instrumented: Callable[[types.FunctionType], Any]) -> type | None:
    if type(cls) is not type or "__adjoint_original__" in cls.__dict__ or _watches_subclasses(cls):
        return None
    body: dict[str, Any] = {}
    for name in dir(cls):
        attribute = _found(cls, name)
        if type(attribute) is types.FunctionType and name.startswith("__") and name.endswith("__") and name not in _LEFT_ALONE:
            copy = instrumented(attribute)
            if copy is not attribute:
                body[name] = copy
        elif type(attribute) is property:
            functions: list[Any] = [attribute.fget, attribute.fset, attribute.fdel]
            fget, fset, fdel = [f and instrumented(f) for f in functions]
            body[name] = property(fget, fset, fdel, attribute.__doc__)
        elif type(attribute) is functools.cached_property:
            body[name] = cached = functools.cached_property(instrumented(attribute.func))
            cached.__set_name__(cls, name)
    if not body:
        return None
    if "__eq__" in body or "__hash__" in cls.__dict__:
        body["__hash__"] = cls.__hash__
    body |= {
        "__slots__": (),
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
        "__doc__": cls.__doc__,
        "__adjoint_original__": cls,
        "__class__": property(lambda _: cls),
    }
    try:
        return type(cls.__name__, (cls,), body)
    except TypeError:  # a class that cannot be derived from
        return None


def _watches_subclasses(cls: type) -> bool:
    return any("__init_subclass__" in base.__dict__ for base in cls.__mro__ if base is not object)


def _found(cls: type, name: str) -> Any:
    """Return a class attribute as it stands in the class or a base, without calling descriptors."""
    for base in cls.__mro__:
        if name in base.__dict__:
            return base.__dict__[name]
    return None
