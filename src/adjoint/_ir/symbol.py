"""A value that Python code computes with while a program is written: what is applied to it becomes an operation.

The rule book is called with symbols, and so is the user's own code.  A symbol knows its type and nothing else: what asks for
its number (``if x > 0``, ``range(n)``, ``x[n]`` of a tuple) raises `UnknownNumberError`, which the frontend turns into control
flow, into a specialised program, or into a refusal.
"""

from __future__ import annotations

import operator
import threading
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from adjoint._ir.nodes import Value
from adjoint._ir.types import ListOf, Opaque, Tensor, Type
from adjoint._overload import Overloaded
from adjoint._rules.stores import length as length
from adjoint.errors import AdjointError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class UnknownNumberError(AdjointError, TypeError):
    """A number was asked for that is known only when the program runs."""

    def __init__(self, symbol: Symbol, use: str) -> None:
        super().__init__(
            f"the number {use} is known only when the program runs",
            why="programs are translated once for all values and shapes",
            remedy="write it with NumPy or with plain if and for statements, or use jit(f, fallback=True)",
        )
        self.symbol = symbol


class Writer(Protocol):
    """What symbols need of the builder that is at work."""

    def apply(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Append ``function(*args, **kwargs)`` and return its result as symbols."""
        ...


class _Writers(threading.local):
    def __init__(self) -> None:
        self.stack: list[Writer] = []


_WRITERS = _Writers()


def writer() -> Any:
    """Return the builder that is at work in this thread."""
    return _WRITERS.stack[-1]


def writing() -> bool:
    """Tell whether a program is being written in this thread."""
    return bool(_WRITERS.stack)


class Symbol(Overloaded):
    """A value of the program that is being written."""

    __slots__ = ("_value",)

    def __init__(self, value: Value) -> None:
        self._value = value

    @property
    def value(self) -> Value:
        """The value that it stands for now."""
        return self._value

    @property
    def type(self) -> Type:
        return self.value.type

    def __repr__(self) -> str:
        return f"<symbol {self.type}>"

    def _apply(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        call: Callable[..., Any] | None = None,  # noqa: ARG002 - the operation is written, not carried out
    ) -> Any:
        return writer().apply(function, args, kwargs)

    # What is known of it.

    @property
    def dtype(self) -> np.dtype[Any]:
        kind = self.type
        if isinstance(kind, Tensor):
            return kind.dtype
        raise AttributeError(f"{kind} has no dtype")

    @property
    def ndim(self) -> int:
        kind = self.type
        return kind.rank if isinstance(kind, Tensor) else 0

    @property
    def shape(self) -> tuple[Any, ...]:
        return tuple(writer().apply(extent, (self, k), {}) for k in range(self.ndim))

    @property
    def size(self) -> Any:
        return writer().apply(np.size, (self,), {})

    @property
    def nbytes(self) -> Any:
        return self.size * self.dtype.itemsize

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    # What is not.

    def __bool__(self) -> bool:
        raise UnknownNumberError(self, "in a condition")

    def __hash__(self) -> int:
        raise UnknownNumberError(self, "used as the key of a dict or an item of a set")

    def __index__(self) -> int:
        raise UnknownNumberError(self, "used as an index")

    def __int__(self) -> int:
        raise UnknownNumberError(self, "asked for by int")

    def __float__(self) -> float:
        raise UnknownNumberError(self, "asked for by float")

    def __complex__(self) -> complex:
        raise UnknownNumberError(self, "asked for by complex")

    def __len__(self) -> int:
        raise UnknownNumberError(self, "of its items")

    def __iter__(self) -> Iterator[Any]:
        if isinstance(self.type, Tensor) and self.type.rank == 0:
            raise TypeError("iteration over a number")
        raise UnknownNumberError(self, "of its items")

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise UnknownNumberError(self, "asked for as an array")

    def __format__(self, spec: str) -> str:
        raise UnknownNumberError(self, "formatted as text")

    def __round__(self, digits: int | None = None) -> Any:
        return writer().apply(round, (self,) if digits is None else (self, digits), {})

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def item(self, *index: Any) -> Any:
        """Return an element as a number of Python's."""
        x = super().item(*index)
        python = {"f": float, "i": int, "u": int, "b": bool, "c": complex}.get(x.type.dtype.kind)
        return x if x.type.number or python is None else writer().apply(python, (x,), {})

    def tolist(self) -> Any:
        """Return the elements as numbers of Python's, in lists."""
        return super().tolist() if self.ndim else self.item()

    # Numbers of Python's have some methods that arrays have not.

    def conjugate(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ARG002
        t = self.type
        return self if isinstance(t, Tensor) and t.number and t.dtype.kind != "c" else np.conj(self)

    def is_integer(self) -> Any:
        rest = writer().apply(operator.mod, (self, 1), {})  # of an infinite number it is undefined
        return writer().apply(bool, (rest == 0,), {})


def extent(x: Any, axis: int) -> int:
    """Return the length of one axis of an array: ``x.shape[axis]``."""
    return int(np.shape(x)[axis])


def is_list(x: Any) -> bool:
    """Tell whether ``x`` is a symbol of a list of unknown length."""
    return isinstance(x, Symbol) and isinstance(x.type, ListOf)


def is_object(x: Any) -> bool:
    """Tell whether ``x`` is a symbol of an object of which only the class is known."""
    return isinstance(x, Symbol) and isinstance(x.type, Opaque)
