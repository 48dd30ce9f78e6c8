"""What tells programs apart: two with the same fingerprint compute the same."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from adjoint._ir.nodes import Block, Derivative, Function, Op, Undefined, Value

_UNTOLD = frozenset({"line", "name", "doc"})


def fingerprint(function: Function) -> Any:
    """Return a hashable description of a closed program, in which values and functions are numbers.

    >>> from adjoint._ir.types import FLOAT
    >>> x, y = Value(FLOAT, "x"), Value(FLOAT, "y")
    >>> f, g = (Function(name, Block([v], results=[v])) for name, v in (("f", x), ("g", y)))
    >>> fingerprint(f) == fingerprint(g)
    True
    """
    return _Reader().read(function)


class _Reader:
    """Gives values and functions numbers in the order in which they are met."""

    def __init__(self) -> None:
        self.numbers: dict[Any, int] = {}

    def number(self, x: Any) -> tuple[int, bool]:
        """Return the number of a value or function, and whether it is met for the first time."""
        first = x not in self.numbers
        return self.numbers.setdefault(x, len(self.numbers)), first

    def read(self, x: Any) -> Any:
        match x:
            case Value():
                return ("value", self.number(x)[0], x.type)
            case Function():
                number, first = self.number(x)
                return ("function", number, self.fields(x) if first else None)
            case Op() | Block() | Derivative():
                return (type(x), self.fields(x))
            case tuple() | list():
                return (type(x), *map(self.read, x))
            case dict():
                return ("dict", *[(key, self.read(part)) for key, part in x.items()])
            case slice():
                return ("slice", self.read(x.start), self.read(x.stop), self.read(x.step))
            case Undefined():
                return ("undefined", x.type)
            case np.ndarray():
                return ("array", x.dtype.str, x.shape, x.tobytes() if x.dtype.kind in "biufc" else id(x))
            case bool() | int() | float() | complex() | np.generic():
                return (type(x), repr(x))
        return x if _is_hashable(x) else id(x)

    def fields(self, x: Any) -> Any:
        return tuple((f.name, self.read(getattr(x, f.name))) for f in dataclasses.fields(x) if f.name not in _UNTOLD)


def _is_hashable(x: Any) -> bool:
    try:
        hash(x)
    except TypeError:
        return False
    return True
