"""What values are in machine code.

=========== ======================================================================================================
`Scalar`    a number in a register
`Array`     an address, lengths of axes and strides (in elements), and the block that owns the memory
`Reference` a block: a list, a record, or anything else: an object of Python's, handed to functions that are called back
=========== ======================================================================================================
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from adjoint._ir.nodes import Apply, atom_type
from adjoint._ir.types import ListOf, Tensor, Type

# Dtypes that machine code computes with, by their codes: the type in a register, and in memory.
KINDS: dict[str, tuple[str, str]] = {
    "f8": ("double", "double"),
    "f4": ("float", "float"),
    "i8": ("i64", "i64"),
    "b1": ("i1", "i8"),
}


# The lengths of the arguments of a program, of an argument or of an axis None if they may be any.
Lengths = tuple[tuple[int | None, ...] | None, ...]
# Elements of an array that lies on the stack, and in registers if it is written out.
SMALL = 64


# By dtype: NumPy takes its time to spell one.
@functools.cache
def code(dtype: np.dtype[Any]) -> str:
    """Return the short code of a dtype, such as "f8"."""
    return dtype.str[1:]


@functools.cache
def _is_known(dtype: np.dtype[Any]) -> bool:
    return code(dtype) in KINDS and dtype.isnative


def is_native(t: Type) -> bool:
    """Tell whether values of a type are numbers and arrays that machine code computes with."""
    return isinstance(t, Tensor) and _is_known(t.dtype)


def is_listed(t: Type) -> bool:
    """Tell whether values of a type are lists of machine code's own."""
    return isinstance(t, ListOf)


class Scalar(NamedTuple):
    """A number: the code of its dtype and its text."""

    kind: str
    text: str

    @property
    def type(self) -> str:
        return KINDS[self.kind][0]


class Array(NamedTuple):
    """An array.  ``strides`` is None if the elements lie in C order without gaps.  ``owner`` is "null" for the caller's.

    ``lanes`` says that the first axis is the innermost, without gaps (see `lanes`).
    """

    kind: str
    data: str
    dims: tuple[str, ...]
    strides: tuple[str, ...] | None
    owner: str
    lanes: bool = False

    @property
    def rank(self) -> int:
        return len(self.dims)

    @property
    def stored(self) -> str:
        """The type of an element in memory."""
        return KINDS[self.kind][1]


class Reference(NamedTuple):
    """A list, a record or an object of Python's: the address of its block, which counts its owners."""

    type: Type
    text: str


Machine = Scalar | Array | Reference


def rank_of(atom: Any) -> int:
    t = atom_type(atom)
    return t.rank if isinstance(t, Tensor) else 0


def kind_of(atom: Any) -> str:
    """Return the code of the dtype of a number or array."""
    t = atom_type(atom)
    assert isinstance(t, Tensor)
    return code(t.dtype)


def axis_of(op: Apply, default: Any = None) -> Any:
    """Return the argument ``axis`` of a function whose second argument it is."""
    return op.kwargs.get("axis", op.args[1] if len(op.args) > 1 else default)
