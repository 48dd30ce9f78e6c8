"""A program as bytes that are the same in every process: what machine code on disk is known by.

Two programs of one digest are the same program: `digest` reads every field of every node, lines, names and documentation
too, so that nothing has to be known about what a backend looks at.  Constants are read by their bits, functions and classes
by the name by which NumPy, SciPy, the standard library and `adjoint` have them.  What else a program may hold (a function of
the user's, an object with a state of its own) cannot be told by a text: such a program has no digest.

`fingerprint` is for programs of one process; it may compare objects by identity, and leaves out what computes nothing.
"""

from __future__ import annotations

import dataclasses
import functools
import struct
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint._ir.nodes import Function, Line, Undefined, Value
from adjoint._rules.book import name_of

# Whose functions and classes are told by their names; what they do is told by the versions of these libraries.
_LIBRARIES = frozenset({"adjoint", "numpy", "scipy", *sys.stdlib_module_names} - {"__main__"})
# Bytes of a constant array; none so large is written into code.
_MOST = 1 << 20


class _Untold(Exception):  # noqa: N818 - never seen
    """Something in a program cannot be told by a text."""


def digest(program: Any) -> bytes | None:
    """Return a program with all functions that it calls, or what has programs in it, as bytes; None if these do not tell all.

    >>> from adjoint._ir.nodes import Block
    >>> from adjoint._ir.types import FLOAT
    >>> def constant(x):
    ...     return Function("f", Block([Value(FLOAT, "x")], results=[x]))
    >>> digest(constant(0.0)) == digest(constant(0.0)), digest(constant(0.0)) == digest(constant(-0.0))
    (True, False)
    >>> digest(constant(object())) is None
    True
    """
    reader = _Reader()
    try:
        reader.read(program)
    except (_Untold, RecursionError):
        return None
    return "".join(reader.found).encode("utf-8", "surrogatepass")


class _Reader:
    """Writes what it reads so that it could be read back: a mark for the kind, lengths before what has one.

    Values and functions are the same if they are one object, strings and lines if they are equal; met again, they are numbers.
    """

    def __init__(self) -> None:
        self.found: list[str] = []
        # By identity, or by what it is: whatever is met belongs to the program, and lives as long as that.
        self.numbers: dict[Any, int] = {}

    def is_known(self, key: Any) -> bool:
        """Tell whether something has been met, and write its number."""
        number = self.numbers.get(key)
        if number is None:
            self.numbers[key] = len(self.numbers)
            return False
        self.found.append(f"#{number};")
        return True

    def read(self, x: Any) -> None:
        """Write an object."""
        kind = type(x)
        if kind is Value:
            if not self.is_known(id(x)):
                self.found.append("V")
                self.read(x.type)
                self.read(x.name)
        elif kind is list or kind is tuple:
            self.found.append(f"{'l' if kind is list else 't'}{len(x)};")
            for part in x:
                self.read(part)
        elif kind is str:
            if not self.is_known(x):
                self.found.append(f"s{len(x)};{x}")
        elif kind is int:
            self.found.append(f"i{x};")
        elif kind is float:
            self.found.append(f"f{struct.pack('<d', x).hex()};")
        elif (names := _fields(kind)) is not None:
            self.node(x, kind, names)
        else:
            self.rest(x, kind)

    def node(self, x: Any, kind: type, names: tuple[str, ...]) -> None:
        """Write all fields of an operation, a block, a function, a type or a line."""
        if (kind is Function and self.is_known(id(x))) or (kind is Line and self.is_known(x)):
            return
        self.found.append("n")
        self.named(kind)
        for name in names:
            self.read(getattr(x, name))

    def rest(self, x: Any, kind: type) -> None:
        """Write what is not met often."""
        if kind in (type(None), bool, type(...)):
            self.found.append(f"={x};")
        elif kind is dict:
            self.found.append(f"d{len(x)};")
            for key, part in x.items():
                self.read(key)
                self.read(part)
        elif kind is slice:
            self.found.append("S")
            for part in (x.start, x.stop, x.step):
                self.read(part)
        elif kind is Undefined:
            self.found.append("U")
            self.read(x.type)
        elif kind is complex:
            self.found.append(f"c{struct.pack('<dd', x.real, x.imag).hex()};")
        elif isinstance(x, np.dtype):
            self.dtype(x)
        elif kind is np.ndarray or isinstance(x, np.generic):
            self.array(x, kind)
        else:
            self.named(x)

    def dtype(self, x: np.dtype[Any]) -> None:
        """Write a dtype of numbers; two of the same size may have different characters."""
        if x.kind not in "biufc" or x.metadata is not None:
            raise _Untold
        self.found.append(f"D{x.str}{x.char};")

    def array(self, x: Any, kind: type) -> None:
        """Write an array or one of NumPy's numbers, with the order in which an array lies in memory."""
        if x.nbytes > _MOST:
            raise _Untold
        self.found.append("a")
        self.named(kind)
        self.dtype(x.dtype)
        self.found.append(f"{x.shape}{x.strides};{x.tobytes().hex()};")

    def named(self, x: Any) -> None:
        """Write the name of a function or a class, if that is what has this name."""
        if not self.is_known(id(x)):
            name = _name(x)
            if name is None:
                raise _Untold
            self.found.append(f"N{len(name)};{name}")


@functools.cache
def _fields(kind: type) -> tuple[str, ...] | None:
    """Return the names of all fields of a class whose objects have nothing but fields; None for other classes."""
    if issubclass(kind, tuple):
        return getattr(kind, "_fields", None)
    if dataclasses.is_dataclass(kind) and kind.__module__.partition(".")[0] == "adjoint":
        return tuple(field.name for field in dataclasses.fields(kind))
    return None


def _name(x: Callable[..., Any] | type) -> str | None:
    """Return the name by which a library has a function or a class, None if it has not."""
    if not callable(x):
        return None
    try:
        dotted = name_of(x)
    except Exception:  # of an object that makes its attributes as it likes
        return None
    module, qualified = getattr(x, "__module__", None), getattr(x, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(qualified, str):
        module, _, qualified = dotted.rpartition(".")
    if module.partition(".")[0] not in _LIBRARIES:
        return None
    found: Any = sys.modules.get(module)
    for part in qualified.split("."):
        found = getattr(found, part, None)
    return f"{module}:{qualified}" if found is x else None
