"""Attributes and items of objects; methods, properties and descriptors of the user's classes are followed."""

from __future__ import annotations

import collections
import dataclasses
import functools
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint._frontend.calls import routed, runs_as_it_is, special
from adjoint._frontend.state import Ambiguous, RefusedError, is_plain_object, natural
from adjoint._ir.infer import sample
from adjoint._ir.symbol import Symbol, UnknownNumberError, writer
from adjoint._ir.types import Opaque
from adjoint._overload import Flat, Overloaded

Function = Callable[..., Any]


def attribute(obj: Any, name: str) -> Any:
    """``obj.name``, with properties of the user's classes in rewritten form."""
    if isinstance(obj, Ambiguous):
        raise obj.refuse()
    if isinstance(obj, Symbol):
        if isinstance(obj.type, Opaque):
            return functools.partial(_object_method, obj, name)
        try:
            getattr(sample(obj.type), name)
        except AttributeError as error:
            raise natural(error)  # noqa: B904 - it is the program's own
        return getattr(obj, name)
    if isinstance(obj, np.ndarray):
        return getattr(writer().captures.array(obj), name)
    if is_plain_object(obj) or isinstance(obj, type):
        found = _from_class(obj, name)
        if found is not _NOTHING:
            return found
    value = getattr(obj, name)
    owner = _class_of(obj, name, value)
    if owner is not None and _is_data(value) and id(obj) not in writer().captures.objects:
        return writer().captures.value(value, lambda: owner.__dict__[name], ("class", owner, name))
    return writer().captures.attribute(obj, name, value)


def _class_of(obj: Any, name: str, value: Any) -> Any:
    """Return the class of the user's that has the attribute which an object finds in its class."""
    if name in getattr(obj, "__dict__", {}) and not isinstance(obj, type):
        return None
    for base in (obj if isinstance(obj, type) else type(obj)).__mro__:
        if name in base.__dict__:
            return None if runs_as_it_is(base.__module__) or base.__dict__[name] is not value else base
    return None


def _is_data(x: Any) -> bool:
    return isinstance(x, (int, float, complex, str, np.ndarray, np.generic, list, tuple, dict, set)) or x is None


def of_module(module: types.ModuleType, name: str) -> Any:
    """``module.name``: a variable of a module of the user's is a variable of the world outside."""
    value = getattr(module, name)
    if isinstance(value, (types.FunctionType, type)) or runs_as_it_is(module.__name__):
        return value
    return writer().captures.value(value, lambda: getattr(module, name), ("module", module.__name__, name))


_NOTHING = object()


def _from_class(obj: Any, name: str) -> Any:
    cls = type(obj)
    for base in cls.__mro__:
        member = base.__dict__.get(name, _NOTHING)
        if isinstance(member, property) and isinstance(member.fget, types.FunctionType):
            return routed(member.fget)(obj)
        if hasattr(type(member), "__get__") and isinstance(type(member).__get__, types.FunctionType):
            return routed(type(member).__get__)(member, obj, cls)
        if isinstance(member, functools.cached_property) and name not in getattr(obj, "__dict__", {}):
            value = routed(member.func)(obj)
            writer().touch(obj)
            obj.__dict__[name] = value
            return value
        if member is not _NOTHING:
            return _NOTHING
    missing = getattr(cls, "__getattr__", None)
    if isinstance(missing, types.FunctionType) and name not in getattr(obj, "__dict__", {}) and not hasattr(cls, name):
        return routed(missing)(obj, name)
    return _NOTHING


def _object_method(obj: Symbol, name: str, *args: Any, **kwargs: Any) -> Any:
    return writer().apply(Method(name), (obj, *args), kwargs, effect=True)


class Method:
    """A method of an object that the program holds, as a function of the object."""

    def __init__(self, name: str) -> None:
        self.name = self.__name__ = name

    def __call__(self, obj: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(obj, self.name)(*args, **kwargs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Method) and other.name == self.name

    def __hash__(self) -> int:
        return hash((Method, self.name))


def set_attribute(obj: Any, name: str, value: Any) -> None:
    """``obj.name = value``, with setters of the user's classes in rewritten form."""
    if isinstance(obj, Overloaded):
        setattr(obj, name, value) if name == "flat" else _set_part(obj, name, value)
        return
    if isinstance(obj, (type, types.ModuleType, types.FunctionType)):
        raise RefusedError(
            f"the attribute {name!r} of the {type(obj).__name__.replace('type', 'class')} {obj.__name__!r} is changed",
            why="a translated program changes its own objects and its arguments only",
            remedy="keep the value in an object, or return it",
        )
    own = getattr(type(obj), "__setattr__", None)
    if isinstance(own, types.FunctionType) and not dataclasses.is_dataclass(obj) and not runs_as_it_is(own.__module__):
        raise RefusedError(f"the class {type(obj).__name__!r} with a method __setattr__ is not translated")
    writer().touch(obj)
    for base in type(obj).__mro__:
        member = base.__dict__.get(name)
        setter = getattr(type(member), "__set__", None)
        if isinstance(setter, types.FunctionType):
            routed(setter)(member, obj, value)
            return
        if isinstance(member, property) and isinstance(member.fset, types.FunctionType):
            routed(member.fset)(obj, value)
            return
    setattr(obj, name, value)


def _set_part(obj: Any, name: str, value: Any) -> None:
    if name not in ("real", "imag"):
        raise AttributeError(f"an array's attribute {name!r} is set")
    getattr(obj, name)[...] = value


def item(obj: Any, index: Any) -> Any:
    """``obj[index]`` of anything that is not an array."""
    if isinstance(obj, dict) and isinstance(index, Symbol):
        raise UnknownNumberError(index, "used as the key of a dict")
    if isinstance(obj, collections.defaultdict) and index not in obj and obj.default_factory is not None:
        writer().touch(obj)
        obj[index] = routed(obj.default_factory)()
    method = special(obj, "__getitem__")
    return obj[index] if method is None else method(index)


def set_item(obj: Any, index: Any, value: Any) -> None:
    """``obj[index] = value`` of an object."""
    method = special(obj, "__setitem__")
    if method is not None:
        method(index, value)
    else:
        if not isinstance(obj, (Overloaded, Flat)):
            writer().touch(obj)
        obj[index] = value


def update(name: str, a: Any, b: Any) -> Any:
    """Return what the user's own method for an operator in place gives, None if there is none that takes the operand."""
    method = special(a, f"__{name}__")
    if method is None:
        return None
    writer().touch(a)
    y = method(b)
    return None if y is NotImplemented else y
