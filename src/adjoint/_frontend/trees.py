"""Values of the user's of any structure, as leaves and what is known of the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from adjoint._frontend.lists import GrowingList
from adjoint._frontend.merge import assembled, is_number_like, parts_of
from adjoint._frontend.state import Ambiguous
from adjoint._ir.symbol import writer, writing

Rebuild = Callable[[list[Any]], Any]
# Takes new leaves, and the containers that were put together before, by their numbers.
_Build = Callable[[list[Any], dict[int, Any]], Any]


@dataclass
class Tree:
    """A value taken apart: ``rebuild(leaves)`` puts it together, ``key`` tells trees of another structure."""

    leaves: list[Any]
    rebuild: Rebuild
    key: Any


def flatten(x: Any, is_leaf: Callable[[Any], bool] = is_number_like) -> Tree:
    """Take a value apart into its leaves."""
    leaves: list[Any] = []
    build, key = _flatten(x, is_leaf, leaves, {})
    return Tree(leaves, lambda new: build(new, {}), key)


def _flatten(x: Any, is_leaf: Callable[[Any], bool], leaves: list[Any], seen: dict[int, _Place]) -> tuple[_Build, Any]:
    if isinstance(x, Ambiguous):
        raise x.refuse()
    if writing():
        writer().check(x)
    if is_leaf(x) or (isinstance(x, GrowingList) and x.dynamic is not None):
        k = len(leaves)
        leaves.append(x)
        return (lambda new, _: new[k]), "*"
    if id(x) in seen:
        place = seen[id(x)]
        return place, ("same", place.number)
    parts = parts_of(x)
    if isinstance(x, set):
        return (lambda _, __: set(x)), ("set", frozenset(x))
    if parts is None:
        return (lambda _, __: x), ("constant", x if _hashable(x) else id(x))
    place = _Place(len(seen))
    seen[id(x)] = place
    inner = {name: _flatten(part, is_leaf, leaves, seen) for name, part in parts.items()}
    place.make = lambda new, made: assembled(x, {name: build(new, made) for name, (build, _) in inner.items()})
    return place, (type(x), *[(name, key) for name, (_, key) in inner.items()])


class _Place:
    """A container that may be met several times in a tree: it is made once each time that the tree is put together."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.make: _Build = lambda _, __: None

    def __call__(self, new: list[Any], made: dict[int, Any]) -> Any:
        if self.number not in made:
            made[self.number] = self.make(new, made)
        return made[self.number]


def _hashable(x: Any) -> bool:
    try:
        hash(x)
    except TypeError:
        return False
    return True
