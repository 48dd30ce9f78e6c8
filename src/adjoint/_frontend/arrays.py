"""Arrays with their memory: two names of one array, and views of it, mean what they mean in NumPy.

In the program that is written nothing is changed in place; a store makes a new version.  A `Memory` holds the version that is
current; an `Array` names a memory and a path of views from it.  Reading an array reads the current version along the path;
writing to it puts a new version in its memory, and so every other view of it sees the store.

What two branches, or two turns of a loop, leave in different memories under one name is a new memory that may be one with them
(`identity`).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from adjoint._frontend.identity import AliasError, Identity
from adjoint._ir.nodes import Value
from adjoint._ir.symbol import Symbol, extent, writer, writing
from adjoint._ir.types import Tensor
from adjoint._rules import stores
from adjoint._rules.arithmetic import imaginary_part, real_part

Step = tuple[Callable[..., Any], tuple[Any, ...]]


class Memory(Identity):
    """A piece of memory: its current version, and whether there has ever been another."""

    __slots__ = ("value", "written")

    def __init__(self, value: Any, kin: Iterable[Identity] = ()) -> None:
        super().__init__(kin, "array")
        self.value = value
        self.written = False
        self.born = writer().remember(self) if writing() else 0

    def read(self) -> Any:
        """Return the current version."""
        self.check()
        return self.value

    def write(self, value: Any) -> None:
        """Make ``value`` the current version."""
        writer().touch(self)
        self.changing()
        self.value = value
        self.written = True


class Array(Symbol):
    """A symbol of an array: a memory and the views that lead to it."""

    __slots__ = ("_cache", "memory", "path")

    def __init__(self, memory: Memory, path: tuple[Step, ...] = ()) -> None:
        self.memory = memory
        self.path = path
        self._cache: tuple[Any, Value, Any, int] | None = None

    @property
    def value(self) -> Value:  # type: ignore[override]
        base = self.memory.read()
        if not self.path:
            return base
        # A view that was read in a block is known there and in the blocks within.
        if self._cache is not None and self._cache[0] is base and writer().holds(*self._cache[1:]):
            return self._cache[1]
        value = walked(base, self.path)
        block = writer().blocks[-1]
        self._cache = (base, value, block, len(block.ops) - 1)
        return value

    @property
    def type(self) -> Any:
        if not self.path:
            return self.memory.value.type
        return Symbol.type.fget(self)  # type: ignore[attr-defined]

    def view(self, function: Callable[..., Any], *args: Any) -> Array:
        """Return a view of this array."""
        return Array(self.memory, (*self.path, (function, args)))

    def element(self, index: Any) -> Any:
        """Return an element by its index in the whole array, if this is a row of an array that changes; None otherwise.

        A row would be read anew after each store, and have a cotangent of its own each time.
        """
        if not self.path or not self.memory.written or self.path[-1][0] is not operator.getitem:
            return None
        joined = composed(self.path[-1][1][0], index)
        if joined is None:
            return None
        return Symbol(writer().operation(operator.getitem, (walked(self.memory.read(), self.path[:-1]), joined)))

    def __setitem__(self, index: Any, value: Any) -> None:
        index, value = self._stored(index, value)
        self.memory.write(stored(self.memory.read(), self.path, index, value))

    def _stored(self, index: Any, value: Any) -> tuple[Any, Any]:
        if isinstance(value, (list, tuple)):
            value = writer().as_array(value)
        return index, value

    def replace(self, value: Any) -> None:
        """``self[...] = value`` where value has the form of the array already."""
        self.memory.write(stored(self.memory.read(), self.path, WHOLE, writer().atom(value)))

    def _update(self, operation: Callable[..., Any], other: Any) -> Any:
        if self.ndim == 0 and not is_stored(self):
            return operation(self, other)
        plain = getattr(np, _UFUNCS[operation.__name__.strip("_")])
        y = plain(self, other)
        if isinstance(y, Symbol) and isinstance(y.type, Tensor) and y.dtype != self.dtype:
            if not np.can_cast(y.dtype, self.dtype, "same_kind"):
                raise TypeError(f"Cannot cast ufunc {plain.__name__!r} output from {y.dtype!r} to {self.dtype!r}")
            y = np.astype(y, self.dtype)  # pyright: ignore[reportArgumentType, reportCallIssue]
        if np.ndim(y) > self.ndim:
            raise ValueError(f"non-broadcastable output operand with {self.ndim} axes doesn't match the broadcast shape")
        self.replace(y)
        return self

    @property
    def base(self) -> Any:
        return Array(self.memory) if self.path else None

    def tolist(self) -> Any:
        """The elements as Python's numbers, in lists."""
        if self.ndim == 0:
            return self.item()
        return writer().list_of(self)

    def flatten(self, order: Any = "C") -> Any:
        return np.copy(np.ravel(self, order=order))


_UFUNCS = {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "floordiv": "floor_divide", "mod": "remainder",
    "pow": "power", "matmul": "matmul", "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor",
    "lshift": "left_shift", "rshift": "right_shift",
    "iadd": "add", "isub": "subtract", "imul": "multiply", "itruediv": "divide", "ifloordiv": "floor_divide",
    "imod": "remainder", "ipow": "power", "imatmul": "matmul", "iand": "bitwise_and",
    "ior": "bitwise_or", "ixor": "bitwise_xor",
    "ilshift": "left_shift", "irshift": "right_shift",
}  # fmt: skip


# In place of an index: the value takes the place of the whole array.
WHOLE = object()


def is_stored(x: Any) -> bool:
    """Tell whether a value lies in memory, so that it can be written to."""
    return isinstance(x, Array)


def walked(value: Any, path: tuple[Step, ...]) -> Value:
    """Return the value at the end of a path of views."""
    for function, args in path:
        value = writer().operation(function, (value, *args))
    return value


def stored(base: Any, path: tuple[Step, ...], index: Any, v: Any) -> Value:
    """Return the new version of ``base`` after ``view[index] = v``, where ``path`` leads to the view."""
    if not path:
        return v if index is WHOLE else writer().operation(stores.assign, (base, index, v))
    (function, args), *rest = path
    if function is operator.getitem and not rest:
        joined = composed(args[0], index)
        if joined is not None:
            return writer().operation(stores.assign, (base, joined, v))
    inner = stored(walked(base, path[:1]), tuple(rest), index, v)
    return _put_back(base, function, args, inner)


def composed(first: Any, second: Any) -> Any:
    """Return the index that has the effect of two, one after the other, if the first takes whole positions only."""
    if second is WHOLE or second is Ellipsis or (isinstance(second, slice) and second == slice(None)):
        return first
    parts = first if isinstance(first, tuple) else (first,)
    if all(isinstance(p, int) or (isinstance(p, (Symbol, Value)) and is_whole_number(p.type)) for p in parts):
        return (*parts, *(second if isinstance(second, tuple) else (second,)))
    return None


def is_whole_number(t: Any) -> bool:
    """Tell whether a type is that of one integer."""
    return isinstance(t, Tensor) and t.rank == 0 and t.dtype.kind in "iu"


def _put_back(base: Any, function: Callable[..., Any], args: tuple[Any, ...], inner: Any) -> Value:
    """Return the new version of ``base`` whose view ``function(base, *args)`` is ``inner``."""
    w = writer()
    if function is operator.getitem:
        return w.operation(stores.assign, (base, args[0], inner))
    if function is np.reshape:
        shape = tuple(w.operation(extent, (base, k)) for k in range(base.type.rank))
        return w.operation(np.reshape, (inner, shape))
    if function is np.transpose:
        axes = tuple(int(k) for k in np.argsort(args[0])) if args else None
        return w.operation(np.transpose, (inner, axes) if axes else (inner,))
    if function in (real_part, imaginary_part):
        unit = 1j
        other = w.operation(imaginary_part if function is real_part else real_part, (base,))
        real, imag = (inner, other) if function is real_part else (other, inner)
        return w.operation(np.add, (real, w.operation(np.multiply, (unit, imag))))
    if function is np.diagonal and not args:
        k = w.operation(np.arange, (w.operation(extent, (inner, 0)),))
        return w.operation(stores.assign, (base, (k, k), inner))
    raise AliasError(
        f"a store to a view that numpy.{getattr(function, '__name__', function)} made is not translated",
        remedy="store to the array itself, by an index",
    )


# Which functions give views ---------------------------------------------------------------------------------------------------


def basic(index: Any) -> bool:
    """Tell whether an index gives a view: no arrays of integers or booleans."""
    parts = index if isinstance(index, tuple) else (index,)
    for part in parts:
        if isinstance(part, (list, np.ndarray)):
            return False
        if isinstance(part, Symbol) and (part.ndim or part.dtype.kind == "b"):
            return False
        if isinstance(part, bool):
            return False
    return True


def contiguous(path: tuple[Step, ...]) -> bool:
    """Tell whether a view surely lies in memory in the order of its elements, if its memory does."""
    for function, args in path:
        if function is np.reshape:
            continue
        if function is not operator.getitem:
            return False
        parts = args[0] if isinstance(args[0], tuple) else (args[0],)
        leading = [p for p in parts if p is not None]
        for k, part in enumerate(leading):
            if part is Ellipsis and k == len(leading) - 1:
                continue
            if isinstance(part, slice):
                if part != slice(None) and (part.step not in (None, 1) or k > 0):
                    return False
            elif any(isinstance(p, slice) for p in leading[:k]):
                return False
    return True


__all__ = ["AliasError", "Array", "Memory", "basic", "contiguous", "is_stored", "stored", "walked"]
