"""Mutable memory: who owns it, what is kept of it, and stores into traced arrays.

A store into a traced array (``y = 2 * x; y[0] = ...``) goes to the primal, and the trace notes it.  What tapes have kept of the
old content is copied out first, and only if it was kept.  Views are the matter of `view`, plain arrays that take in traced
values of `buffers`.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from adjoint._rules import kinds
from adjoint._trace.traced import Host, Trace, Traced, highest, is_array, map_sequence, plain

# Who owns memory -------------------------------------------------------------------------------------------------------------


# Constant arrays up to this size are copied into the tape, larger ones are lent to it until they are written to.
SMALL = 1024
# The tapes to which constant arrays are lent.
LENDERS: dict[int, weakref.ref[Any]] = {}


def borrows(tape: Any) -> None:
    """Note that constant arrays are lent to a tape."""
    key = id(tape)
    if key not in LENDERS:
        LENDERS[key] = weakref.ref(tape, lambda _: LENDERS.pop(key, None))


def before_write(owner: Any) -> None:
    """Give every tape to which the memory of ``owner`` is lent a copy, as it is about to change."""
    for reference in list(LENDERS.values()) if LENDERS else ():
        tape = reference()
        if tape is not None and (first := tape.lent.pop(id(owner), None)) is not None:
            tape.release(owner, first)


def owner_of(x: Any) -> Any:
    """Return the object that owns the memory of an array: the end of its chain of bases."""
    if isinstance(x, Traced):
        return x.whole()
    while isinstance(x, np.ndarray):
        base = x.base
        if base is not None and not isinstance(base, np.ndarray):
            base = getattr(base, "base", None)  # of `as_strided`
        if not isinstance(base, np.ndarray):
            break
        x = base
    return x


def same_memory(y: Any, x: Any) -> bool:
    """Tell whether ``y`` is a view of the memory of ``x``."""
    if isinstance(y, np.ndarray) and isinstance(x, np.ndarray):
        return y.base is not None and np.may_share_memory(y, x) and owner_of(y) is owner_of(x)
    return isinstance(y, Traced) and isinstance(x, Traced) and y is not x and y.whole() is x.whole()


def has_integer_array(index: Any) -> bool:
    """Tell whether an index may name an element more than once."""
    parts = index if isinstance(index, tuple) else (index,)
    return any(
        isinstance(part, (list, tuple, range, np.ndarray)) and np.asarray(part).dtype.kind in "iu" and len(kinds.shape_of(part))
        for part in parts
    )


# Stores ----------------------------------------------------------------------------------------------------------------------


def write(x: Traced, index: Any, value: Any) -> None:
    """``x[index] = value`` for a traced array."""
    value = as_traced(value)
    if isinstance(value, Traced) and value.run.level > x.run.level:
        promote(x.whole(), value.run)
    if not is_array(x):
        raise TypeError(f"{type(plain(x)).__name__!r} object does not support item assignment")
    x.store(plain_index(index), value)


Traced.__setitem__ = write  # type: ignore[method-assign]  # values do not know of memory, memory knows of values


def promote(x: Traced, trace: Trace) -> None:
    """Let an array of an outer derivative take in values of an inner one, for as long as that lasts.

    The object becomes a value of the inner trace, whose primal is the value it was.
    """
    home = x.run
    x.become(trace.lift(x.clone()))
    trace.promoted.append(Demotion(x, home))


class Demotion:
    """Takes an array back to the outer derivative that it belongs to."""

    def __init__(self, x: Traced, home: Trace) -> None:
        self.reference = weakref.ref(x)
        self.home = home

    def lower(self) -> None:
        x = self.reference()
        if x is not None and x.run is not self.home:
            x.become(x.below())
            if x.run is not self.home:  # it took in values of a derivative between the two as well
                x.run.promoted.append(self)


def receiving(array: Any, value: Any) -> Any:
    """Return an array in a form that can take ``value`` in place: a traced one if the value is."""
    return value.run.lift(array) if isinstance(value, Traced) and not isinstance(array, Traced) else array


def as_traced(value: Any) -> Any:
    """Turn a sequence or buffer that holds traced values into one traced array."""
    if isinstance(value, Host):
        return value.content if value.content is not None else value
    if isinstance(value, (list, tuple)) and highest(value) is not None:
        return stack(value)
    if isinstance(value, np.ndarray) and value.dtype == object:
        return stack(value.tolist())
    return value


def stack(values: Any) -> Any:
    """Return the array of a nested sequence, traced if an entry is."""
    if isinstance(values, Host):
        return values.content if values.content is not None else values
    if isinstance(values, (list, tuple)):
        return np.stack([stack(value) for value in values]) if len(values) else np.array(values)
    return values


def plain_index(index: Any) -> Any:
    """Return an index that holds no traced values; buffers of integers count as arrays."""
    return map_sequence(lambda part: part.plain() if isinstance(part, Host) else part, index)


def winners(shape: tuple[int, ...], index: Any) -> Any:
    """Where an integer index repeats, the last store wins: return the mask of stores that last, or None if all do."""
    if not has_integer_array(index):
        return None
    ids = np.zeros(shape, dtype=int)
    count = np.arange(np.size(ids[index])).reshape(kinds.shape_of(ids[index]))
    ids[index] = count
    last = ids[index] == count
    return None if last.all() else last


def is_basic(index: Any) -> bool:
    """Tell whether an index is made of integers, slices, ellipses and new axes only."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(part is None or part is ... or isinstance(part, (slice, int, np.integer)) for part in parts)


def leaves_array(index: Any, ndim: int) -> bool:
    """Tell whether a basic index leaves an array, not an element."""
    parts = index if isinstance(index, tuple) else (index,)
    return sum(isinstance(part, (int, np.integer)) for part in parts) < ndim or any(p is None or p is ... for p in parts)
