"""What a loop runs over: ranges, arrays, lists, and ``zip``, ``enumerate``, ``reversed`` of them, also of unknown length."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from adjoint._frontend.arrays import Array
from adjoint._frontend.lists import GrowingList
from adjoint._frontend.state import natural
from adjoint._ir.infer import sample
from adjoint._ir.nodes import atom_type
from adjoint._ir.symbol import Symbol, UnknownNumberError, extent, length, writer
from adjoint._ir.types import ListOf, Opaque, Tensor


@dataclass
class Source:
    """What a loop takes: the range of its index, and the item at an index; ``count`` is the number of turns if it is known."""

    range: tuple[Any, Any, Any]
    item: Callable[[Any], Any]
    count: int | None = None

    def items(self) -> Iterator[Any]:
        """Yield the items one by one."""
        if self.count is None:
            raise UnknownNumberError(unknown_bound(self.range), "of turns of a loop")
        return (self.item(k) for k in range(*self.range))

    def __iter__(self) -> Iterator[Any]:
        return self.items()


def unknown_bound(bounds: tuple[Any, Any, Any]) -> Any:
    """Return the bound of a range that is not known."""
    return next(bound for bound in bounds if isinstance(bound, Symbol))


class Zip:
    """``zip`` of sources of which one has an unknown length."""

    def __init__(self, *parts: Any, strict: bool = False) -> None:
        self.parts = [of(part) or of_known(part) for part in parts]
        self.strict = strict

    def source(self) -> Source:
        counts = [part.count for part in self.parts]
        known = [n for n in counts if n is not None]
        if len(known) == len(counts):
            n: Any = min(known, default=0)
            return Source((0, n, 1), self.item, n)
        ends = [turns(part) for part in self.parts]
        shortest = ends[0]
        for end in ends[1:]:
            if end is not shortest:
                shortest = writer().apply(min, (shortest, end), {})
        return Source((0, shortest, 1), self.item)

    def item(self, k: Any) -> tuple[Any, ...]:
        return tuple(part.item(at(part, k)) for part in self.parts)


class Enumerate:
    """``enumerate`` of a source."""

    def __init__(self, iterable: Any, start: Any = 0) -> None:
        self.inner = of(iterable) or of_known(iterable)
        self.start = start

    def source(self) -> Source:
        n = self.inner.count if self.inner.count is not None else turns(self.inner)
        return Source((0, n, 1), lambda k: (plus(k, self.start), self.inner.item(at(self.inner, k))), self.inner.count)


class Reversed:
    """``reversed`` of a source."""

    def __init__(self, iterable: Any) -> None:
        self.inner = of(iterable) or of_known(iterable)

    def source(self) -> Source:
        start, _, step = self.inner.range
        n = self.inner.count if self.inner.count is not None else turns(self.inner)
        last = start + (n - 1) * step
        return Source((last, start - step, -step), self.inner.item, self.inner.count)


class Mapped:
    """``map`` of a function over sources."""

    def __init__(self, function: Callable[..., Any], *iterables: Any) -> None:
        self.function, self.zipped = function, Zip(*iterables)

    def source(self) -> Source:
        inner = self.zipped.source()
        return Source(inner.range, lambda k: self.function(*inner.item(k)), inner.count)


class Range:
    """``range`` with bounds that are symbols."""

    def __init__(self, *bounds: Any) -> None:
        for bound in bounds:
            t = atom_type(bound.value if isinstance(bound, Symbol) else bound)
            if isinstance(t, Tensor) and not t.rank and t.dtype.kind not in "iub":
                raise TypeError(f"'{t}' object cannot be interpreted as an integer")
        self.start, self.stop, self.step = (0, bounds[0], 1) if len(bounds) == 1 else (*bounds, 1)[:3]

    def source(self) -> Source:
        return Source((self.start, self.stop, self.step), lambda k: k)


LAZY = (Zip, Enumerate, Reversed, Mapped, Range)


def at(source: Source, k: Any) -> Any:
    """Return the index of turn k of a source."""
    start, _, step = source.range
    if isinstance(step, int) and step == 1:
        return k if isinstance(start, int) and start == 0 else plus(k, start)
    return plus(
        start, writer().apply(operator.mul, (k, step), {}) if isinstance(k, Symbol) or isinstance(step, Symbol) else k * step
    )


def plus(a: Any, b: Any) -> Any:
    """Return the sum of whole numbers, which is one of Python's."""
    return writer().apply(operator.add, (a, b), {}) if isinstance(a, Symbol) or isinstance(b, Symbol) else a + b


class Steps:
    """An iterator of the user's: ``following()`` gives the next item, or raises StopIteration."""

    def __init__(self, following: Callable[[], Any]) -> None:
        self.following = following

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return self.following()


def by_python(x: Any) -> Iterator[Any]:
    """Return the iterator over something that is no source; methods of the user's classes are followed."""
    from adjoint._frontend.calls import special

    if isinstance(x, Steps):
        return x
    method = special(x, "__iter__")
    iterator = iter(x) if method is None else method()
    following = special(iterator, "__next__")
    if following is not None:
        return Steps(following)
    if iterator is x:
        writer().used_iterator(x)
    return iterator


def is_stepped(x: Any) -> bool:
    """Tell whether Python would iterate over ``x`` by a method ``__next__`` of the user's."""
    from adjoint._frontend.calls import special

    return isinstance(x, Steps) or (special(x, "__next__") is not None and special(x, "__iter__") is not None)


def following(x: Any) -> Callable[[], Any]:
    """Return what gives the items of an iterable one by one, and keeps where it is in an object of the program."""
    if isinstance(x, itertools.count):
        first, by = (*x.__reduce__()[1], 1)[:2]  # type: ignore[misc]
        source: Any = Source((0, None, 1), lambda k: first + k * by)
    elif is_stepped(x):
        iterator: Any = by_python(x)
        return lambda: next(iterator)
    else:
        source = of(x) or of_known(x)
    place = GrowingList([0])
    n = None if source.range[1] is None else turns(source)

    def step() -> Any:
        from adjoint._frontend.runtime import RUNTIME

        k = place[0]
        if n is not None:
            RUNTIME.if_(RUNTIME.compare(("ge",), k, lambda: n), _stop, lambda: None)
        place[0] = k + 1
        return source.item(at(source, k))

    return step


def _stop() -> None:
    raise natural(StopIteration())


def turns(source: Source) -> Any:
    """Return the number of turns of a source."""
    if source.count is not None:
        return source.count
    start, stop, step = source.range
    if isinstance(step, int) and step == 1:
        n = stop if isinstance(start, int) and start == 0 else stop - start
        return n if getattr(source, "exact", False) or _is_length(stop) else writer().apply(max, (n, 0), {})
    if isinstance(step, int) and step == -1:
        return writer().apply(max, (start - stop, 0), {})
    raise UnknownNumberError(unknown_bound(source.range), "of turns of a loop")


def _is_length(x: Any) -> bool:
    return isinstance(x, Symbol) and bool(x.value.name.startswith("n_"))


def of(x: Any) -> Source | None:
    """Return what a loop over ``x`` takes; None if Python is to iterate as it does."""
    if isinstance(x, Source):
        return x
    writer().check(x)
    if isinstance(x, LAZY):
        return x.source()
    if isinstance(x, range):
        return Source((x.start, x.stop, x.step), lambda k: k, len(x))
    if isinstance(x, GrowingList) and x.dynamic is not None:
        return Source((0, x.count_symbol(), 1), lambda k: x[k])
    if isinstance(x, Symbol) and isinstance(x.type, ListOf):
        return Source((0, length_of(x), 1), lambda k: x[k])
    if isinstance(x, Array) and x.ndim:
        n = x.shape[0]
        return Source((0, n, 1), lambda k: x[k], n if isinstance(n, int) else None)
    if isinstance(x, Symbol) and isinstance(x.type, Tensor) and x.type.rank:
        return Source((0, writer().apply(extent, (x, 0), {}), 1), lambda k: x[k])
    return None


def of_known(x: Any) -> Source:
    """Return a source of the items of a sequence that Python iterates over."""
    items = list(x)
    return Source((0, len(items), 1), lambda k: pick(items, k), len(items))


def pick(items: list[Any], k: Any) -> Any:
    """Return an item at an index that may be a symbol."""
    if isinstance(k, Symbol):
        return GrowingList(items)[k]
    return items[k]


def length_of(x: Any) -> Any:
    """Return ``len(x)``."""
    writer().check(x)
    if isinstance(x, GrowingList):
        return x.count_symbol()
    if isinstance(x, Array):
        if not x.ndim:
            raise TypeError("len() of unsized object")
        return x.shape[0]
    if isinstance(x, Symbol) and isinstance(x.type, Tensor) and not x.type.rank:
        raise natural(TypeError(f"object of type {type(sample(x.type)).__name__!r} has no len()"))
    if isinstance(x, Symbol) and isinstance(x.type, (ListOf, Opaque)):
        return writer().apply(length, (x,), {})
    if isinstance(x, LAZY):
        source = x.source()
        return turns(source)
    return len(x)


def unpacked(x: Any, count: int, star: int | None) -> Any:
    """Return the items of ``x`` for a target of ``count`` parts, the part ``star`` taking what is left."""
    if isinstance(x, GrowingList) and x.dynamic is None:
        return list(x.known_items)
    if isinstance(x, GrowingList):
        x = x.symbol
    if isinstance(x, Symbol):
        if star is not None:
            return list(iterated(x))
        writer().check_length(x, count)
        return [x[k] for k in range(count)]
    if isinstance(x, LAZY):
        return list(iterated(x))
    return x


def iterated(x: Any) -> Any:
    """Return something that Python can iterate over: the items must be known."""
    source = of(x)
    if source is None:
        return by_python(x) if hasattr(type(x), "__iter__") and not isinstance(x, (list, tuple, dict, set, str)) else x
    if source.count is None:
        raise UnknownNumberError(x if isinstance(x, Symbol) else unknown_bound(source.range), "of its items")
    return source.items()


__all__ = [
    "LAZY", "Enumerate", "Mapped", "Range", "Reversed", "Source", "Steps", "Zip", "following", "is_stepped", "iterated",
    "length_of", "of", "of_known", "pick", "turns", "unpacked",
]  # fmt: skip
