"""What two branches, or two turns, leave in one object."""

from __future__ import annotations

import collections
from collections.abc import Callable
from types import CellType
from typing import Any

from adjoint._frontend.arrays import Memory
from adjoint._frontend.identity import Identity, Items
from adjoint._frontend.lists import GrowingList
from adjoint._frontend.merge import Merger
from adjoint._frontend.state import UNBOUND, UnstableError, put, slots
from adjoint._ir.symbol import writer

Update = Callable[[list[Any]], None]


def merged_content(merger: Merger, obj: Any, a: Any, b: Any) -> Update:
    """Return how to put into ``obj`` what is ``a`` on one side and ``b`` on the other."""
    match obj:
        case Memory():
            return _memory(merger, obj, a, b)
        case Items():
            return _items(merger, obj, a, b)
        case Identity():
            return lambda _: _put(obj, (None, a[1] or b[1]))
        case CellType():
            make = merger.merge(a[0], b[0])
            return lambda outputs: _put(obj, (make(outputs),))
        case GrowingList():
            return _growing(merger, obj, a, b)
        case list() | collections.deque():
            return _sequence(merger, obj, list(a), list(b))
        case set():
            if a != b:
                raise UnstableError("a set is changed in a branch or loop on values that are known only when the program runs")
            return lambda _: _put(obj, a)
        case dict():
            return _mapping(merger, obj, a, b)
        case _:
            return _attributes(merger, obj, a, b)


def _put(obj: Any, new: Any) -> None:
    writer().keep(obj)
    put(obj, new)


def _memory(merger: Merger, memory: Memory, a: Any, b: Any) -> Update:
    stale = a[1] or b[1]
    if a[0] is b[0]:
        return lambda _: _put(memory, (a[0], stale))
    k = merger.pair(a[0], b[0])
    if k is None:
        raise UnstableError("an array changes its dtype or rank in a branch or a loop")
    return lambda outputs: _put(memory, (outputs[k].value, stale))


def _items(merger: Merger, items: Items, a: Any, b: Any) -> Update:
    stale, shared = a[1] or b[1], a[2] or b[2]
    merger.forms.append(("items", bool(stale), bool(shared)))

    def put_back(_: Any) -> None:
        # What is not the same on both sides was done at no moment that one of them knows.
        moved, changed = (x if x == y else writer().moment() for x, y in zip(a[3:], b[3:], strict=True))
        _put(items, (None, items.stale or stale, items.shared or shared, moved, changed))

    return put_back


def _growing(merger: Merger, obj: GrowingList, a: Any, b: Any) -> Update:
    first, second = GrowingList(a[0]), GrowingList(b[0])
    first.dynamic, second.dynamic = a[1], b[1]
    if a[1] is None and b[1] is None and len(a[0]) == len(b[0]):
        rebuilt = [merger.merge(x, y) for x, y in zip(a[0], b[0], strict=True)]
        return lambda outputs: _put(obj, ([make(outputs) for make in rebuilt], None))
    if a[1] is not None and a[1] is b[1]:
        return lambda _: _put(obj, ([], a[1]))
    first.stand_for(obj)
    second.stand_for(obj)
    sources = list(zip(merger.sides, (first, second), strict=True))
    kin, k = merger.kin_of(sources), merger.list_pair(sources)
    if k is None:
        raise UnstableError(
            "a list grows in a branch or a loop, and its items are not numbers or arrays of one type",
            remedy="append numbers or arrays of one rank, or one list for each part of a tuple",
        )

    def put_back(outputs: list[Any]) -> None:
        if kin is not None:
            obj.within.take(kin)
        _put(obj, ([], outputs[k].value))

    return put_back


def _sequence(merger: Merger, obj: Any, a: list[Any], b: list[Any]) -> Update:
    if len(a) != len(b):
        raise UnstableError("the length of a sequence depends on values that are known only when the program runs")
    rebuilt = [merger.merge(x, y) for x, y in zip(a, b, strict=True)]
    return lambda outputs: _put(obj, [make(outputs) for make in rebuilt])


def _mapping(merger: Merger, obj: Any, a: dict[Any, Any], b: dict[Any, Any]) -> Update:
    if list(a) != list(b):
        raise UnstableError(
            "which keys a dict has depends on values that are known only when the program runs",
            remedy="give the dict all of its keys before the branch or the loop",
        )
    rebuilt = {key: merger.merge(a[key], b[key]) for key in a}
    return lambda outputs: _put(obj, {key: make(outputs) for key, make in rebuilt.items()})


def _attributes(merger: Merger, obj: Any, a: dict[str, Any], b: dict[str, Any]) -> Update:
    names = list(dict.fromkeys([*a, *b]))
    rebuilt = {name: merger.merge(*[side[name] if name in side else _of_class(obj, name) for side in (a, b)]) for name in names}
    return lambda outputs: _put(obj, {name: make(outputs) for name, make in rebuilt.items()})


def _of_class(obj: Any, name: str) -> Any:
    """Return what an object that has no attribute of its own of a name has by its class; nothing if that has none either."""
    from adjoint._frontend.objects import attribute

    if any(name in base.__dict__ for base in type(obj).__mro__) and name not in slots(obj):
        return attribute(type(obj), name)
    writer().doubtful[id(obj), name] = obj
    return UNBOUND
