"""Values of the user's of any structure, as leaves and what is known of the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import CellType
from typing import Any

import numpy as np

from adjoint._frontend import closures
from adjoint._frontend.lists import GrowingList
from adjoint._frontend.merge import NUMBERS, assembled, is_number_like, parts_of
from adjoint._frontend.state import Ambiguous, held_in
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
    # What was taken apart, if that is asked for.
    value: Any = None


def flatten(x: Any, is_leaf: Callable[[Any], bool] = is_number_like) -> Tree:
    """Take a value apart into its leaves."""
    return _Taken(is_leaf).tree(x)


def flatten_with_functions(x: Any) -> Tree:
    """Take a value apart into its leaves, functions into the leaves of what they carry along."""
    return _TakenWithFunctions(is_number_like).tree(x)


class _Taken:
    """A value that is being taken apart: its leaves so far, and the containers that were met."""

    def __init__(self, is_leaf: Callable[[Any], bool]) -> None:
        self.is_leaf = is_leaf
        # Whether a program is written of the value: arrays and objects of the world outside are its hidden arguments.
        self.writes = is_leaf is is_number_like and writing()
        self.leaves: list[Any] = []
        self.seen: dict[int, _Place] = {}

    def tree(self, x: Any) -> Tree:
        build, key = self.take(x)
        return Tree(self.leaves, lambda new: build(new, {}), key)

    def take(self, x: Any) -> tuple[_Build, Any]:
        """Return how to put a value together, and its key."""
        self.check(x)
        if isinstance(x, np.ndarray) and self.writes and x.dtype.kind in "biufc":
            x = writer().captures.array(x)
        if self.is_leaf(x) or (isinstance(x, GrowingList) and x.dynamic is not None):
            k = len(self.leaves)
            self.leaves.append(x)
            return (lambda new, _: new[k]), "*"
        if id(x) in self.seen:
            place = self.seen[id(x)]
            return place, ("same", place.number)
        if isinstance(x, set):
            return (lambda _, __: set(x)), ("set", frozenset(x))
        return self.container(x) or ((lambda _, __: x), ("constant", x if _hashable(x) else id(x)))

    def check(self, x: Any) -> None:
        """Raise if a value is not known."""
        if isinstance(x, Ambiguous):
            raise x.refuse()
        if writing():
            writer().check(x)

    def container(self, x: Any) -> tuple[_Build, Any] | None:
        """Take a container or an object apart; None if ``x`` is neither."""
        parts = parts_of(x)
        if parts is not None and self.writes:
            parts = {name: writer().captures.attribute(x, name, part) for name, part in parts.items()}
        return None if parts is None else self.parts(x, type(x), parts, assembled)

    def parts(self, x: Any, kind: Any, parts: dict[Any, Any], join: Callable[[Any, Any], Any]) -> tuple[_Build, Any]:
        """Take the parts of a value apart, which ``join`` puts together."""
        place = self.seen[id(x)] = _Place(len(self.seen))
        inner = {name: self.take(part) for name, part in parts.items()}
        place.make = lambda new, made: join(x, {name: build(new, made) for name, (build, _) in inner.items()})
        return place, (kind, *[(name, key) for name, (_, key) in inner.items()])


class _TakenWithFunctions(_Taken):
    """Takes functions apart as well. What is not known is a constant: only its use is refused."""

    def check(self, x: Any) -> None:
        """Take what is not known as it is."""

    def container(self, x: Any) -> tuple[_Build, Any] | None:
        if isinstance(x, Ambiguous) or writer().captures.is_foreign(x):
            return None
        if isinstance(x, CellType):
            return self.variable(x)
        function = closures.carried(x)
        return super().container(x) if function is None else self.parts(x, *function, closures.remade)

    def variable(self, cell: CellType) -> tuple[_Build, Any]:
        """Take a variable of a function apart; a known number in it decides how the function is written."""
        place = self.seen[id(cell)] = _Place(len(self.seen))
        x = held_in(cell)
        known = isinstance(x, NUMBERS) and id(cell) not in writer().births  # those are changed by functions that share them
        build, key = ((lambda _, __: x), ("constant", type(x), repr(x))) if known else self.take(x)

        def make(new: list[Any], made: dict[int, Any]) -> CellType:
            variable = made[place.number] = CellType()
            variable.cell_contents = build(new, made)
            return variable

        place.make = make
        return place, (CellType, key)


class _Place:
    """A container that may be met several times in a tree: it is made once each time that the tree is put together."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.make: _Build = lambda _, __: None

    def __call__(self, new: list[Any], made: dict[int, Any]) -> Any:
        if self.number not in made:  # what is in it may hold it in turn, and so have made it
            made.setdefault(self.number, self.make(new, made))
        return made[self.number]


def _hashable(x: Any) -> bool:
    try:
        hash(x)
    except TypeError:
        return False
    return True
