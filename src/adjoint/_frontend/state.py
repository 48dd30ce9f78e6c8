"""What code may change, kept and put back: names, memories, lists, dicts and objects.

A branch that is run at translation, or a loop's body that is run to see what it does, must leave no trace. Everything that
changes an object calls `Recorder.touch` first, and the regions that are open keep what it was.
"""

from __future__ import annotations

import collections
import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from types import CellType
from typing import Any

from adjoint._frontend.arrays import Array, Memory
from adjoint._frontend.identity import Identity, Items
from adjoint._frontend.lists import GrowingList
from adjoint._ir.symbol import Symbol
from adjoint._overload import Overloaded
from adjoint.errors import AdjointError

_WHY = "one program is written for all values of the arguments"
_REMEDY = "write it in another way, or use jit(f, fallback=True)"


class UnstableError(AdjointError, TypeError):
    """What a branch or a loop does cannot be written as one program."""

    def __init__(self, what: str, *, why: str = _WHY, remedy: str = _REMEDY, where: str | None = None) -> None:
        super().__init__(what, why=why, remedy=remedy, where=where)


def natural(error: Exception) -> Exception:
    """Mark an exception that the function would raise as well, whatever the numbers are."""
    error.__adjoint_raised__ = "whatever the numbers are"  # type: ignore[attr-defined]
    return error


# Exceptions of known values that Python itself raises while the function is run on symbols: they are the program's own.
NATURAL = (ArithmeticError, LookupError, ValueError, ImportError, OSError, StopIteration)


def is_own(error: BaseException | None) -> bool:
    """Tell whether an exception is one that the user's program raises, not one of the translation."""
    return getattr(error, "__adjoint_raised__", False) or (isinstance(error, NATURAL) and not isinstance(error, AdjointError))


class RefusedError(AdjointError):
    """The program would be another one than the function: no other way of translating it is tried."""

    def __init__(self, what: str, *, why: str = _WHY, remedy: str = _REMEDY, where: str | None = None) -> None:
        super().__init__(what, why=why, remedy=remedy, where=where)


class Unbound:
    """The value of a name that has none yet."""

    def __repr__(self) -> str:
        return "<unbound>"

    def __bool__(self) -> bool:
        raise UnboundLocalError("a local variable was read before it was assigned")


UNBOUND = Unbound()


class Ambiguous(Overloaded):
    """What is one thing after one branch and another after the other; an error if it is used."""

    __slots__ = ("a", "b", "place")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, a: Any, b: Any, place: str = "") -> None:
        self.a, self.b, self.place = a, b, place

    def __repr__(self) -> str:
        return f"<{said(self.a)} or {said(self.b)}>"

    def refuse(self) -> UnstableError:
        """Return the error that says what it is."""
        return UnstableError(
            f"after the branch or loop at {self.place} a variable is either {said(self.a)} or {said(self.b)}",
            why="a translated program has one type for each variable",
            remedy="let both branches give the same kind of value, or use jit(f, fallback=True)",
        )

    def _apply(self, function: Any, args: Any, kwargs: Any, call: Any = None) -> Any:  # noqa: ARG002
        raise self.refuse()

    def __getattr__(self, name: str) -> Any:
        raise self.refuse()

    def __bool__(self) -> bool:
        raise self.refuse()

    def __iter__(self) -> Any:
        raise self.refuse()

    def __call__(self, *_: Any, **__: Any) -> Any:
        raise self.refuse()


def said(x: Any) -> str:
    """Return a value in the words of an error message."""
    if x is UNBOUND:
        return "not assigned"
    if isinstance(x, Symbol):
        return f"a value of type {x.type}"
    if isinstance(x, Ambiguous):
        return f"{said(x.a)} or {said(x.b)}"
    # What has no text of its own is told by its class: an address says nothing to anyone.
    named = getattr(x, "__qualname__", None)
    if isinstance(named, str):
        return f"the {'class' if isinstance(x, type) else 'function'} {named}"
    return f"an object of the class {type(x).__qualname__}" if _has_address(x) else f"{x!r:.60}"


def _has_address(x: Any) -> bool:
    return type(x).__repr__ is object.__repr__ or " at 0x" in repr(x)


@dataclass
class State:
    """The names that a statement may change."""

    names: tuple[str, ...]
    read: Callable[[], tuple[Any, ...]]
    write: Callable[[tuple[Any, ...]], None]
    inner: State | None = None

    def cells(self) -> set[int]:
        """Return the identities of the cells of these names, of those that an inner function shares."""
        if self.inner is not None:
            return self.inner.cells()
        closure, free = getattr(self.read, "__closure__", None) or (), self.read.__code__.co_freevars
        return {id(cell) for name, cell in zip(free, closure, strict=True) if name in self.names}


NOTHING = State((), lambda: (), lambda _: None)


@dataclass
class Signal:
    """How a block was left: the flags are booleans or symbols of booleans; ``errors`` are exceptions for a handler around."""

    broke: Any = False
    continued: Any = False
    returned: Any = False
    value: Any = UNBOUND
    errors: dict[Any, Any] = field(default_factory=dict)

    @property
    def leaves(self) -> bool:
        """Whether the block may have been left other than at its end."""
        return not (self.broke is False and self.continued is False and self.returned is False and not self.errors)


def ended(signal: Signal | None) -> Signal | None:
    """Return how the turn of a loop was left at whose end a block was left: ``continue`` is nothing any more."""
    if signal is None or (signal.broke is False and signal.returned is False and not signal.errors):
        return None
    return Signal(broke=signal.broke, returned=signal.returned, value=signal.value, errors=signal.errors)


@dataclass
class Region:
    """A part of the run that may be undone: the objects that it changed, as they were.  ``start`` is when it began."""

    start: int = 0
    touched: dict[int, tuple[Any, Any]] = field(default_factory=dict)
    repeats: bool = False

    def keep(self, obj: Any) -> None:
        """Keep an object as it is, unless it is kept already."""
        if id(obj) not in self.touched:
            self.touched[id(obj)] = (obj, content(obj))

    def undo(self) -> None:
        """Put every object back."""
        for obj, old in self.touched.values():
            put(obj, old)

    def split(self, born: Callable[[Any], int]) -> tuple[Region, dict[int, tuple[Any, Any]]]:
        """Return a region of the objects that were there before it, and the same as a dict; others exist within only."""
        older = {key: pair for key, pair in self.touched.items() if born(pair[0]) < self.start}
        return Region(self.start, older), older


def content(obj: Any) -> Any:
    """Return what an object holds now."""
    match obj:
        case Memory():
            return (obj.value, obj.stale)
        case Items():
            return (None, obj.stale, obj.shared, obj.moved, obj.changed)
        case Identity():
            return (None, obj.stale)
        case CellType():
            return (held_in(obj),)
        case GrowingList():
            return (list(obj.known_items), obj.dynamic)
        case list() | collections.deque():
            return list(obj)
        case dict():
            return dict(obj)
        case set():
            return set(obj)
        case _:
            return attributes(obj)


def put(obj: Any, old: Any) -> None:
    """Let an object hold what it held."""
    match obj:
        case Memory():
            obj.value, obj.stale = old
        case Items():
            _, obj.stale, obj.shared, obj.moved, obj.changed = old
        case Identity():
            obj.stale = old[1]
        case CellType():
            obj.cell_contents = old[0]
        case GrowingList():
            obj.take(list(old[0]), old[1])
        case list():
            obj[:] = old
        case collections.deque() | set() | dict():
            obj.clear()
            (obj.extend if isinstance(obj, collections.deque) else obj.update)(old)
        case _:
            for name in attributes(obj).keys() - old.keys():
                object.__delattr__(obj, name)
            for name, value in old.items():
                object.__setattr__(obj, name, value)


def same_content(old: Any, new: Any) -> bool:
    """Tell whether an object holds what it held."""
    if isinstance(old, dict):
        return list(old) == list(new) and all(old[name] is new[name] for name in old)
    if isinstance(old, (tuple, list)):
        return len(old) == len(new) and all(
            a is b or (isinstance(a, list) and isinstance(b, list) and same_content(a, b))
            for a, b in zip(old, new, strict=True)
        )
    return bool(old == new)


def held_in(cell: CellType) -> Any:
    """Return what a variable that functions share holds."""
    try:
        return cell.cell_contents
    except ValueError:
        return UNBOUND


def attributes(obj: Any) -> dict[str, Any]:
    """Return the attributes of an object, of its dict and its slots."""
    return {**getattr(obj, "__dict__", {}), **{name: getattr(obj, name) for name in slots(obj) if hasattr(obj, name)}}


def slots(obj: Any) -> list[str]:
    """Return the names of the slots of an object."""
    found = []
    for cls in type(obj).__mro__:
        names = cls.__dict__.get("__slots__", ())
        found += [name for name in ((names,) if isinstance(names, str) else names) if name not in ("__dict__", "__weakref__")]
    return found


def is_plain_object(x: Any) -> bool:
    """Tell whether ``x`` is an instance of a class written in Python whose attributes are its state."""
    cls = type(x)
    if issubclass(cls, Overloaded):
        return False
    return (
        (hasattr(x, "__dict__") or hasattr(cls, "__slots__"))
        and not callable(getattr(cls, "__get__", None))
        and not isinstance(x, (type, Overloaded, BaseException, AdjointError))
        and type(x).__module__ not in ("builtins", "numpy", "types", "functools", "collections")
        and not cls.__module__.startswith(("adjoint._", "numpy", "scipy"))
    )


def remade(x: Any, parts: dict[str, Any]) -> Any:
    """Return an object like ``x`` with other attributes."""
    y = copy.copy(x) if not isinstance(x, Array) else x
    for name, value in parts.items():
        object.__setattr__(y, name, value)
    return y
