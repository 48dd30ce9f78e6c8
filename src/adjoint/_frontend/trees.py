"""Values of the user's of any structure, as leaves and what is known of the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from adjoint._frontend.lists import GrowingList
from adjoint._frontend.merge import assembled, is_number_like, parts_of

Rebuild = Callable[[list[Any]], Any]


@dataclass
class Tree:
    """A value taken apart: ``rebuild(leaves)`` puts it together, ``key`` tells trees of another structure."""

    leaves: list[Any]
    rebuild: Rebuild
    key: Any


def flatten(x: Any, is_leaf: Callable[[Any], bool] = is_number_like) -> Tree:
    """Take a value apart into its leaves."""
    leaves: list[Any] = []
    rebuild, key = _flatten(x, is_leaf, leaves, {})
    return Tree(leaves, rebuild, key)


def _flatten(x: Any, is_leaf: Callable[[Any], bool], leaves: list[Any], seen: dict[int, Any]) -> tuple[Rebuild, Any]:
    if is_leaf(x) or (isinstance(x, GrowingList) and x.dynamic is not None):
        k = len(leaves)
        leaves.append(x)
        return (lambda new: new[k]), "*"
    if id(x) in seen:
        place = seen[id(x)]
        return (lambda new: place.made(new)), ("same", place.number)
    parts = parts_of(x)
    if parts is None:
        return (lambda _: x), ("constant", x if _hashable(x) else id(x))
    place = _Place(len(seen))
    seen[id(x)] = place
    inner = {name: _flatten(part, is_leaf, leaves, seen) for name, part in parts.items()}
    place.make = lambda new: assembled(x, {name: rebuild(new) for name, (rebuild, _) in inner.items()})
    return place.made, (type(x), *[(name, key) for name, (_, key) in inner.items()])


class _Place:
    """A container that may be met several times in a tree: it is made once for each list of leaves."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.make: Rebuild = lambda _: None
        self.last: tuple[Any, Any] = (None, None)

    def made(self, new: list[Any]) -> Any:
        if self.last[0] is not new:
            self.last = (new, self.make(new))
        return self.last[1]


def _hashable(x: Any) -> bool:
    try:
        hash(x)
    except TypeError:
        return False
    return True
