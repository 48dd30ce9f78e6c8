"""The item of a list of known items at an index that is known only when the program runs: part by part what it may be."""

from __future__ import annotations

import operator
from typing import Any

from adjoint._frontend.arrays import Array, Memory
from adjoint._frontend.function_merge import MOST, Choice, is_function
from adjoint._frontend.lists import GrowingList, listed, of_value
from adjoint._frontend.merge import assembled, is_constant, is_number_like, parts_of, same
from adjoint._frontend.state import UnstableError
from adjoint._ir.symbol import Symbol, writer
from adjoint._ir.types import ListOf, Tensor


def chosen(items: list[Any], index: Any) -> Any:
    """Return ``items[index]`` for an index that is a symbol."""
    first = items[0] if items else None
    if all(item is first for item in items) or (is_constant(first) and all(is_constant(x) and _equal(first, x) for x in items)):
        if not items:
            raise UnstableError("an item of an empty list is taken")
        return first
    if all(map(is_number_like, items)):
        return _value(items, index)
    if len(items) <= MOST and all(map(is_function, items)):
        place = writer().operation(operator.getitem, (writer().listed(list(range(len(items)))), index))
        return Choice(Symbol(place), list(items))
    if all(isinstance(item, GrowingList) for item in items) and len({_length(item) for item in items}) > 1:
        return _identified(of_value(_taken([writer().list_atom(item) for item in items], index)), items)
    parts = [parts_of(item) for item in items]
    if any(
        p is None or list(p) != list(parts[0] or ()) or type(x) is not type(first) for p, x in zip(parts, items, strict=True)
    ):
        raise UnstableError(
            "the item of a list at an index that is known only when the program runs may be of one kind or another",
            remedy="let all items of the list have one structure, or choose by if statements",
        )
    new = {name: chosen([p[name] for p in parts if p is not None], index) for name in parts[0] or ()}
    return _identified(assembled(first, new), items)


def _equal(a: Any, b: Any) -> bool:
    return type(a) is type(b) and same(a, b)


def _length(x: GrowingList) -> int:
    return -1 if x.dynamic is not None else len(x)


def _taken(atoms: list[Any], index: Any) -> Any:
    return writer().operation(operator.getitem, (writer().listed(atoms), index))


def _value(items: list[Any], index: Any) -> Any:
    """Return a number or an array, which may be each of the arrays among the items."""
    value = writer().operation(operator.getitem, (listed(items), index))
    if isinstance(value.type, ListOf):
        return of_value(value)
    if isinstance(value.type, Tensor) and value.type.rank:
        return Array(Memory(value, [item.memory for item in items if isinstance(item, Array)]))
    return Symbol(value)


def _identified(new: Any, items: list[Any]) -> Any:
    """Note that a container may be each of the items."""
    if not isinstance(new, tuple):
        writer().identity(writer().made(new), [writer().identity(item) for item in items])
    return new
