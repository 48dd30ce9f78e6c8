"""Variables of the world around a function: numbers and arrays become hidden arguments that are read at every call.

Whole numbers, text, functions and classes decide how a program is written. They stay as they are, and every call first
looks whether they still are (`Captures.guards`); if not, the function is translated again.
"""

from __future__ import annotations

import builtins
import collections
import functools
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from adjoint._frontend.arrays import Array, Memory
from adjoint._frontend.lists import GrowingList
from adjoint._frontend.state import RefusedError, UnstableError, is_plain_object
from adjoint._ir.nodes import Value
from adjoint._ir.symbol import Symbol, writer
from adjoint._ir.types import type_of
from adjoint._overload import Overloaded

Getter = Callable[[], Any]
# Objects that change whenever they are used.
RANDOM = (np.random.Generator, np.random.RandomState, random.Random)

# Gives a plain value of the type of one that another engine traces; the API knows how.
FORM: list[Callable[[Any], Any]] = [lambda x: x]


@dataclass
class Captures:
    """The hidden arguments of a program."""

    inputs: list[tuple[Getter, Value]] = field(default_factory=list)
    memories: list[Memory | None] = field(default_factory=list)
    guards: list[tuple[Getter, Any]] = field(default_factory=list)
    # What stands in the program for a value of the world, by where that is found.
    known: dict[Any, Any] = field(default_factory=dict)
    # Objects of the world whose attributes are hidden arguments, and copies of containers of the world: both are kept alive.
    objects: dict[int, tuple[Any, Getter]] = field(default_factory=dict)
    foreign: dict[int, Any] = field(default_factory=dict)
    cells: list[dict[str, Any]] = field(default_factory=list)

    def variable(self, value: Any, name: str, frame: FrameType) -> Any:
        """Return what stands for a variable that a function finds outside of itself."""
        if isinstance(value, (Symbol, ModuleType, GrowingList)):
            return value
        for cells in reversed(self.cells):
            cell = cells.get(name)
            if cell is not None and _holds(cell, value):
                return self.value(value, lambda cell=cell: cell.cell_contents, ("cell", id(cell), name))
        namespace = frame.f_globals
        if name not in namespace and getattr(builtins, name, None) is value:
            return value
        if namespace.get(name) is not value:
            return value
        return self.value(value, lambda: namespace.get(name), ("global", id(namespace), name))

    def value(self, value: Any, getter: Getter, key: Any) -> Any:
        """Return what stands for a value of the world."""
        if isinstance(value, (Symbol, ModuleType, GrowingList)):
            return value
        if key in self.known and self.known[key][0] is value:
            return self.known[key][1]
        result = self.converted(value, getter, key)
        self.known[key] = (value, result)
        return result

    def converted(self, value: Any, getter: Getter, key: Any) -> Any:  # noqa: C901 - a table of cases
        if isinstance(value, (float, complex, np.inexact, np.ndarray, *RANDOM)):
            return self.hidden(value, getter, key)
        if isinstance(value, (bool, int, str, np.integer, np.bool_)) or value is None:
            self.guards.append((getter, value))
            return value
        if hasattr(type(value), "__next__"):
            raise RefusedError(
                "an iterator from outside of the function is used in it",
                why="every call would find it at another place",
                remedy="pass a list",
            )
        if isinstance(value, (set, collections.deque, bytearray)):
            kept = type(value)(value)
            self.guards.append((lambda: getter() == kept and type(getter()) is type(kept), True))
            self.foreign[id(value)] = value
            return value
        if isinstance(value, (list, tuple, dict)) and type(value).__module__ in ("builtins", "collections"):
            return self.container(value, getter, key)
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            parts = [self.value(part, _at(getter, k), (key, k)) for k, part in enumerate(value)]
            return type(value)(*parts)
        if isinstance(value, Overloaded):  # a jitted function finds a value that is being differentiated
            return self.hidden(value, getter, key)
        if is_plain_object(value):
            self.objects[id(value)] = (value, getter)
        if isinstance(value, MethodType) and is_plain_object(value.__self__):
            self.objects[id(value.__self__)] = (value.__self__, lambda: getter().__self__)
        if not isinstance(value, type):
            self.guards.append((getter, value))
        return value

    def container(self, value: Any, getter: Getter, key: Any) -> Any:
        """Return a container of the world with its parts replaced; it may not be written to."""
        if isinstance(value, dict):
            result: Any = {name: self.value(part, _at(getter, name), (key, name)) for name, part in value.items()}
            self.guards.append((lambda: tuple(getter()), tuple(value)))
        else:
            parts = [self.value(part, _at(getter, k), (key, k)) for k, part in enumerate(value)]
            result = GrowingList(parts) if isinstance(value, list) else tuple(parts)
            self.guards.append((lambda: len(getter()), len(value)))
        self.foreign[id(result)] = result
        return result

    def part_of(self, owner: Any) -> Callable[[Any, Any, Getter], Any]:
        """Return what stands for the parts of an object that holds them for ever."""
        return lambda value, key, getter: self.value(value, getter, (id(owner), owner, key)) if is_data(value) else value

    def hidden(self, value: Any, getter: Getter, key: Any) -> Any:
        """Return the symbol of a hidden argument, which is called as the user calls it."""
        form = FORM[-1](value)
        param = Value(type_of(form), _name_at(key))
        self.inputs.append((getter, param))
        if isinstance(form, np.ndarray):
            memory = lasting(param)
            self.memories.append(memory)
            return Array(memory)
        self.memories.append(None)
        return Symbol(param)

    def array(self, x: Any) -> Any:
        """Return what stands for an array that is none of the program."""
        if not isinstance(x, np.ndarray):
            return x
        known = self.known.get(("array", id(x)))
        if known is None:  # an object holds it, or code that is not rewritten made it: it is not the program's to change
            param = Value(type_of(x))
            self.inputs.append((lambda: x, param))
            self.memories.append(None)
            known = self.known["array", id(x)] = (x, Array(lasting(param)))
        return known[1]

    def root(self, f: Any) -> None:
        """Let attributes of the object that a function is bound to, or that is called, be hidden arguments."""
        while True:
            if isinstance(f, functools.partial):
                f = f.func
            elif type(f).__module__.startswith("adjoint._") and hasattr(f, "f"):  # of an operator
                f = f.f
            else:
                break
        owner = f.__self__ if isinstance(f, MethodType) else f
        if is_plain_object(owner) and not isinstance(owner, FunctionType):
            self.objects[id(owner)] = (owner, lambda: owner)

    def attribute(self, obj: Any, name: str, value: Any) -> Any:
        """Return what stands for an attribute of an object of the world."""
        found = self.objects.get(id(obj))
        if found is None:
            return value
        getter = found[1]
        return self.value(value, lambda: getattr(getter(), name), ("attribute", id(obj), name))

    def is_foreign(self, obj: Any) -> bool:
        """Tell whether an object belongs to the world outside."""
        return id(obj) in self.objects or id(obj) in self.foreign

    def refuse_change(self, obj: Any) -> None:
        """Raise if an object of the world outside is about to be changed."""
        if self.is_foreign(obj):
            raise UnstableError(
                f"a {type(obj).__name__.replace('GrowingList', 'list')} from outside of the function is changed in it",
                why="the program reads it at every call, and has no way to change it",
                remedy="pass it as an argument, or return the new value",
            )


def lasting(param: Value) -> Memory:
    """Return the memory of an array that is there, though it may be met in a trial run first."""
    memory = Memory(param)
    writer().memories.remove(memory)
    return memory


def _name_at(key: Any) -> str:
    """Return the name of what is found at a key: of a part, the name of the whole and its position."""
    *_, last = key
    if isinstance(last, str):
        return last if last.isidentifier() else ""
    return f"{whole}_{last}" if isinstance(last, int) and type(key[0]) is tuple and (whole := _name_at(key[0])) else ""


def is_data(x: Any) -> bool:
    """Tell whether a value is no function, class or module."""
    return isinstance(x, (float, complex, np.ndarray, np.generic, list, dict, *RANDOM))


def _holds(cell: Any, value: Any) -> bool:
    try:
        return cell.cell_contents is value
    except ValueError:
        return False


def _at(getter: Getter, key: Any) -> Getter:
    return lambda: getter()[key]


def holds(guard: tuple[Getter, Any]) -> bool:
    """Tell whether a value of the world still is what the program was written for."""
    getter, wanted = guard
    try:
        value = getter()
    except Exception:
        return False
    if value is wanted:
        return True
    return isinstance(wanted, (bool, int, str, tuple, np.generic)) and type(value) is type(wanted) and value == wanted


__all__ = ["Captures", "holds"]
