"""What is known of a value before the program runs: dtype and rank, never a shape, so that new shapes translate nothing anew.

::

    Type
    ├── Tensor    a number, a NumPy scalar or an array
    ├── ListOf    a list of unknown length whose items are of one type
    ├── Record    what the way back of a call keeps, packed; its parts have tangents
    └── Opaque    any other object: a random generator, a string
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Tensor:
    """A number or an array.  ``number`` tells Python's own numbers, which follow other rules of promotion and division."""

    dtype: np.dtype[Any]
    rank: int = 0
    number: bool = False

    @property
    def differentiable(self) -> bool:
        return self.dtype.kind in "fc"

    def __str__(self) -> str:
        if self.number:
            return _PYTHON[self.dtype.kind].__name__
        return f"{self.dtype}[{','.join(':' * self.rank)}]" if self.rank else str(self.dtype)


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of unknown length; an item of several parts (a tuple, a nest) is one list for each part."""

    item: Type

    @property
    def differentiable(self) -> bool:
        return self.item.differentiable

    def __str__(self) -> str:
        return f"list[{self.item}]"


@dataclass(frozen=True, slots=True)
class Record:
    """Values packed by one function for another to unpack.  ``name`` says which; recursion makes their types infinite."""

    name: str
    differentiable: bool = True

    def __str__(self) -> str:
        return f"record {self.name}"


@dataclass(frozen=True, slots=True)
class Opaque:
    """An object of which only the class is known."""

    cls: type
    differentiable: bool = False

    def __str__(self) -> str:
        return self.cls.__name__


Type = Tensor | ListOf | Record | Opaque

_PYTHON: dict[str, type] = {"b": bool, "i": int, "f": float, "c": complex}
BOOL = Tensor(np.dtype(bool), 0, number=True)
INT = Tensor(np.dtype(int), 0, number=True)
FLOAT = Tensor(np.dtype(float), 0, number=True)
COMPLEX = Tensor(np.dtype(complex), 0, number=True)
_NUMBERS = {bool: BOOL, int: INT, float: FLOAT, complex: COMPLEX}


def type_of(x: Any) -> Type:
    """Return the type of a plain value.

    >>> str(type_of(2.0)), str(type_of(np.zeros((2, 3)))), str(type_of([1, 2]))
    ('float', 'float64[:,:]', 'list[int]')
    """
    number = _NUMBERS.get(type(x))
    if number is not None:
        return number
    if isinstance(x, (np.ndarray, np.generic)):
        return Tensor(x.dtype, x.ndim)
    if isinstance(x, list) and x and len({type_of(item) for item in x}) == 1:
        return ListOf(type_of(x[0]))
    return Opaque(type(x))


def join(a: Type, b: Type) -> Type | None:
    """Return the type of a value that is of one of two types, by where it comes from; None if there is none.

    Numbers are promoted as Python and NumPy would when they meet.  An array and a number have no type in common.
    """
    if a == b:
        return a
    if isinstance(a, Tensor) and isinstance(b, Tensor) and a.rank == b.rank:
        if a.number and b.number:
            return _NUMBERS[_PYTHON[np.promote_types(a.dtype, b.dtype).kind]]
        if a.number != b.number and (a.rank or (a if a.number else b).dtype.kind == (b if a.number else a).dtype.kind):
            return b if a.number else a
        return Tensor(np.promote_types(a.dtype, b.dtype), a.rank)
    if isinstance(a, ListOf) and isinstance(b, ListOf):
        item = join(a.item, b.item)
        return None if item is None else ListOf(item)
    return None


def tangent_type(t: Type) -> Type:
    """Return the type of tangents and cotangents of values of type ``t``: the same, but never a number of Python's."""
    if isinstance(t, Tensor):
        return Tensor(t.dtype, t.rank)
    return ListOf(tangent_type(t.item)) if isinstance(t, ListOf) else t
