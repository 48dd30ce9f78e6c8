"""Plain arrays that take in traced values: ``a = np.zeros(n); a[i] = x``.

A `Buffer` is an ``ndarray`` that runs at NumPy's own speed until the first traced value is stored in it.  Then it and all its
views become *active*: a traced array takes the place of its content, and the plain memory is filled with a nan of our own, so
that code that reads it behind our back cannot mistake old numbers for the answer.  When the derivative ends, the final numbers
are put back.
"""

# A buffer is an array by NumPy's declarations and by ours (`Overloaded`), which differ in the details.
# pyright: reportIncompatibleMethodOverride=false, reportIncompatibleVariableOverride=false

from __future__ import annotations

import sys
import weakref
from typing import Any

import numpy as np

from adjoint._overload import Overloaded, unravelled
from adjoint._rules import indexing, kinds
from adjoint._trace.memory import as_traced, before_write, is_basic, leaves_array, owner_of, plain_index
from adjoint._trace.traced import Host, Trace, Traced, apply, highest, plain
from adjoint.errors import MutationError

# The number that stands in memory whose content is traced: a nan that can be told from others, as arithmetic passes it on.
STALE = np.array(0x7FFBADADC0DE0000, np.uint64).view(np.float64)[()]
_STALE_BITS = {
    8: (np.uint64, np.array(STALE).view(np.uint64)),
    4: (np.uint32, np.array(STALE).astype(np.float32).view(np.uint32)),
}


def is_stale(x: Any) -> bool:
    """Tell whether a number comes from memory that was read behind our back while a traced value stood in its place."""
    while isinstance(x, Traced):
        if x.many:
            return False
        x = x.primal
    if isinstance(x, np.ndarray):
        if x.dtype.kind not in "fc" or not np.isnan(x.sum()):
            return False
    elif not isinstance(x, (float, complex)) or x == x:
        return False
    parts = np.ascontiguousarray(x)
    size = parts.itemsize // (2 if parts.dtype.kind == "c" else 1)
    if size not in _STALE_BITS:
        return False
    unsigned, bits = _STALE_BITS[size]
    sign = unsigned(1) << unsigned(8 * size - 1)
    return bool(np.any(parts.view(unsigned) & ~sign == bits))


class Buffer(np.ndarray, Host):
    """A plain array that can take in traced values; see the module's docstring."""

    def __array_finalize__(self, parent: Any) -> None:
        if isinstance(self.base, Buffer):
            views = self.owner.__dict__.setdefault("_views", {})
            key = id(self)
            views[key] = weakref.ref(self, lambda _: views.pop(key, None))
            if isinstance(self.base, ActiveBuffer):
                self.__class__ = ActiveBuffer  # pyright: ignore[reportAttributeAccessIssue]

    def __array_wrap__(self, array: np.ndarray, context: Any = None, return_scalar: bool = False) -> Any:
        """Return results of functions as plain arrays and numbers: only memory that the program names needs to be a buffer."""
        return array[()] if return_scalar else array

    @property
    def owner(self) -> Buffer:
        x = self
        while isinstance(x.base, Buffer):
            x = x.base
        return x

    @property
    def content(self) -> Any:  # type: ignore[override]
        return None

    def plain(self) -> Any:
        return self.view(np.ndarray)

    def __setitem__(self, index: Any, value: Any) -> None:
        index = plain_index(index)
        value = as_traced(value)
        if isinstance(value, Traced):
            activate(self.owner, value.run)
            self[index] = value
            return
        before_write(owner_of(self))
        np.ndarray.__setitem__(self, index, value)

    def fill(self, value: Any) -> None:
        self[...] = value

    def put(self, indices: Any, values: Any, mode: Any = "raise") -> None:
        before_write(owner_of(self))
        np.put(self.view(np.ndarray) if highest([values]) is None else self, indices, values, mode=mode)

    @property
    def real(self) -> Any:
        return self.plain().real

    @real.setter
    def real(self, value: Any) -> None:
        self[...] = value + 1j * self.imag

    @property
    def imag(self) -> Any:
        return self.plain().imag

    @imag.setter
    def imag(self, value: Any) -> None:
        self[...] = self.real + 1j * value

    def __reduce__(self) -> Any:
        return self.view(np.ndarray).__reduce__()

    def __repr__(self) -> str:
        return repr(self.view(np.ndarray))


def _announced(name: str) -> None:
    """Let a method of plain arrays that writes in place tell the tapes of it first."""
    native = getattr(np.ndarray, name)

    def method(self: Buffer, *args: Any, **kwargs: Any) -> Any:
        before_write(owner_of(self))
        return native(self, *args, **kwargs)

    method.__name__ = name
    setattr(Buffer, name, method)


for _operator in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"):
    _announced(f"__i{_operator}__")
for _writer in ("sort", "partition"):
    _announced(_writer)


class ActiveBuffer(Overloaded, Buffer):
    """A buffer with a traced value in its place.

    Views of it are made by NumPy from the plain memory, whose strides then tell which elements of the content they mean.
    """

    shape = np.ndarray.shape
    ndim = np.ndarray.ndim
    size = np.ndarray.size
    T = np.ndarray.T

    @property
    def real(self) -> Any:
        return np.real(self.content)

    @real.setter
    def real(self, value: Any) -> None:
        self[...] = value + 1j * np.imag(self.content)

    @property
    def imag(self) -> Any:
        return np.imag(self.content)

    @imag.setter
    def imag(self, value: Any) -> None:
        self[...] = np.real(self.content) + 1j * value

    def _apply(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], call: Any = None) -> Any:
        if function in VIEWING and args[0] is self:
            return function.__wrapped__(*args, **kwargs)
        return apply(function, args, kwargs, call)

    @property
    def content(self) -> Any:  # type: ignore[override]
        owner = self.owner
        whole = owner.__dict__["_content"]
        if owner is self:
            return whole
        window = self._window(whole)
        return _indexable(whole)[self._where()] if window is None else indexing.window(whole, *window)

    def _window(self, whole: Traced) -> tuple[tuple[int, ...], tuple[int, ...], int] | None:
        """Return shape, strides and offset of this view in the owner's content, which is contiguous.

        None if the owner is not contiguous, or the content is that of a whole batch, whose strides are others.
        """
        owner = self.owner
        if not owner.flags.c_contiguous or not owner.shape or self.dtype != owner.dtype or _of_a_batch(whole):
            return None
        item = self.itemsize
        start = self.__array_interface__["data"][0] - owner.__array_interface__["data"][0]
        return self.shape, tuple(n // item for n in self.strides), start // item

    def _where(self) -> tuple[np.ndarray, ...]:
        """Return the indices of this view's elements in the owner."""
        found = self.__dict__.get("_ids")
        if found is None:
            found = self.__dict__["_ids"] = unravelled(positions(self, self.owner), self.owner.shape or (1,))
        return found

    def plain(self) -> Any:
        return plain(self.content)

    def __setitem__(self, index: Any, value: Any) -> None:
        index = plain_index(index)
        value = as_traced(value)
        owner = self.owner
        if isinstance(value, Traced) and value.run.level > owner.__dict__["_content"].run.level:
            activate(owner, value.run)
        whole = owner.__dict__["_content"]
        if self is owner:
            whole[index] = value
        elif self._window(whole) is None:
            _indexable(whole)[tuple(k[index] for k in self._where())] = value
        else:
            self.content[index] = value

    def __getitem__(self, index: Any) -> Any:
        if is_basic(index) and leaves_array(index, self.ndim):
            return np.ndarray.__getitem__(self, index)
        return self.content[index]

    def _view(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        memory = self.view(np.ndarray)
        shares = np.may_share_memory(getattr(memory, name)(*args, **kwargs), memory)
        return getattr(np.ndarray, name)(self, *args, **kwargs) if shares else getattr(self.content, name)(*args, **kwargs)

    def reshape(self, *args: Any, **kwargs: Any) -> Any:
        return self._view("reshape", args, kwargs)

    def ravel(self, *args: Any, **kwargs: Any) -> Any:
        return self._view("ravel", args, kwargs)

    def transpose(self, *args: Any) -> Any:
        return np.ndarray.transpose(self, *args)

    def swapaxes(self, *args: Any) -> Any:
        return np.ndarray.swapaxes(self, *args)

    def squeeze(self, *args: Any, **kwargs: Any) -> Any:
        return np.ndarray.squeeze(self, *args, **kwargs)

    def _update(self, operation: Any, other: Any) -> Any:
        self[...] = operation(self, other)
        return self

    def __bool__(self) -> bool:
        return bool(self.content)

    def __int__(self) -> int:
        return int(self.content)

    def __float__(self) -> float:
        return float(self.content)

    def __complex__(self) -> complex:
        return complex(self.content)

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        return self.content.__array__(*args, **kwargs)

    def __repr__(self) -> str:
        return repr(self.content)

    def __str__(self) -> str:
        return str(self.content)

    def __format__(self, spec: str) -> str:
        return format(self.content, spec)

    def __copy__(self) -> Any:
        return np.copy(self.content)

    def __deepcopy__(self, memo: dict[int, Any] | None) -> Any:
        return np.copy(self.content)


def _of_a_batch(x: Any) -> bool:
    """Tell whether a value stands for many at any level."""
    while isinstance(x, Traced):
        if x.many:
            return True
        x = x.primal
    return False


def _indexable(x: Any) -> Any:
    """Return an array that has axes to index: a 0-d array as an array of one element, over the same memory."""
    return x if len(kinds.shape_of(x)) else np.reshape(x, (1,))


# Functions that return views, which NumPy implements by slicing and by the methods above.
VIEWING = frozenset(
    {
        np.transpose, np.swapaxes, np.moveaxis, np.rollaxis, np.reshape, np.ravel, np.squeeze, np.expand_dims, np.atleast_1d,
        np.atleast_2d, np.atleast_3d, np.flip, np.fliplr, np.flipud, np.rot90, np.matrix_transpose,
    }
)  # fmt: skip


def positions(view: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """Return, for each element of a view, its flat position in the array that owns the memory.

    An array of integers is laid out as the owner is; the view's strides then pick the positions.
    """
    low, high = np.lib.array_utils.byte_bounds(owner.view(np.ndarray))
    item = owner.itemsize
    memory = np.zeros((high - low) // item, dtype=np.int64)

    def laid_out(a: np.ndarray) -> np.ndarray:
        start = (a.__array_interface__["data"][0] - low) // item
        strides = tuple(s // item * 8 for s in a.strides)
        return np.ndarray(a.shape, np.int64, memory, start * 8, strides)

    laid_out(owner.view(np.ndarray))[...] = np.arange(owner.size).reshape(owner.shape)
    return laid_out(view.view(np.ndarray)).copy()


def activate(owner: Buffer, trace: Trace) -> None:
    """Put a traced value of ``trace`` in the place of a buffer's content."""
    if isinstance(owner, ActiveBuffer):
        content = owner.__dict__["_content"]
    else:
        memory = owner.view(np.ndarray)
        if memory.dtype.kind not in "fc":
            raise MutationError(
                f"a traced value was stored in an array of dtype {memory.dtype}",
                why="NumPy would truncate it, and its derivative would be lost",
                remedy="give the array a floating dtype, or store int(x)",
            )
        before_write(owner_of(owner))
        content = memory.copy()
        memory.fill(STALE)
        del memory  # `Lowering` counts who holds the array
        for view in [owner, *live_views(owner)]:
            view.__class__ = ActiveBuffer
    owner.__dict__["_content"] = trace.lift(content)
    trace.promoted.append(Lowering(owner))


def live_views(owner: Buffer) -> list[Buffer]:
    """Return the views of a buffer that are still in use."""
    views = [reference() for reference in list(owner.__dict__.get("_views", {}).values())]
    return [view for view in views if view is not None]


class Lowering:
    """Takes a buffer out of a trace when the trace ends."""

    def __init__(self, owner: Buffer) -> None:
        self.reference = weakref.ref(owner)
        # Memory that others hold too must get its numbers back, even if the program drops the buffer.
        self.held = owner if _holders(owner) > _ALONE else None

    def lower(self) -> None:
        owner = self.reference()
        if owner is None or "_content" not in owner.__dict__:
            return
        content = owner.__dict__["_content"].below()
        content = as_traced(content)
        if isinstance(content, Traced):
            owner.__dict__["_content"] = content
            content.run.promoted.append(self)
            return
        del owner.__dict__["_content"]
        for view in [owner, *live_views(owner)]:
            view.__class__ = Buffer
        np.copyto(owner.view(np.ndarray), content.view(np.ndarray))


def _holders(owner: Buffer) -> int:
    """Return the number of references to the plain array that a buffer is a view of."""
    return sys.getrefcount(owner.base)


# That number for an array that nobody else holds.
_ALONE = _holders(np.zeros(1).view(Buffer))

# The buffer over the memory of each plain array, by the identity of the array, so that there is one for all its views.
BUFFERS: dict[int, weakref.ref[Buffer]] = {}


def own(x: Any) -> Any:
    """Return a plain floating array as a buffer over the same memory; anything else as it is."""
    if type(x) is not np.ndarray or x.dtype.kind not in "fc" or not x.flags.writeable:
        return x
    whole = x.base
    while isinstance(whole, np.ndarray):
        if isinstance(whole, Buffer):  # a view without the class, as `numpy.asarray` makes
            return _same_part(x, whole.owner.view(np.ndarray), whole.owner)
        whole = whole.base
    whole = owner_of(x)
    found = BUFFERS.get(id(whole))
    buffer = None if found is None else found()
    if buffer is None or owner_of(buffer) is not whole:
        if type(whole) is not np.ndarray or whole.dtype != x.dtype or not whole.flags.writeable:
            return x.view(Buffer)
        buffer = whole.view(Buffer)
        key = id(whole)
        BUFFERS[key] = weakref.ref(buffer, lambda reference: BUFFERS.get(key) is reference and BUFFERS.pop(key, None))
    return buffer if x is whole else _same_part(x, whole, buffer)


def _same_part(x: np.ndarray, whole: np.ndarray, buffer: Buffer) -> Buffer:
    """Return the view of a buffer that is to it what ``x`` is to the array ``whole``."""
    try:
        low = np.lib.array_utils.byte_bounds(whole)[0]
        return np.ndarray.__new__(Buffer, x.shape, x.dtype, buffer, x.__array_interface__["data"][0] - low, x.strides)
    except (TypeError, ValueError):  # the whole is not one block of memory
        return x.view(Buffer)
