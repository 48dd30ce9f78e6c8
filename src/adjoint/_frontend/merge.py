"""What two branches, or two turns of a loop, leave under one name, as one value of the program.

`Merger.merge(a, b)` registers the pairs of atoms that differ and returns a function that, given the symbols that stand for the pairs, makes
the merged value: of tuples, lists, dicts and objects part by part.
"""

from __future__ import annotations

import collections
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint._frontend.arrays import Array, Memory, walked
from adjoint._frontend.lists import GrowingList
from adjoint._frontend.state import UNBOUND, Ambiguous, attributes, is_plain_object, remade
from adjoint._ir.nodes import Block, Undefined, Value, atom_type
from adjoint._ir.symbol import Symbol
from adjoint._ir.types import ListOf, Tensor, Type, join

Rebuild = Callable[[list[Any]], Any]
NUMBERS = (bool, int, float, complex, np.generic)


class Side:
    """One of two outcomes: the block that it was written in, and what it left in memories that it changed."""

    def __init__(self, recorder: Any, block: Block, contents: dict[int, Any]) -> None:
        self.recorder, self.block, self.contents = recorder, block, contents

    def atom(self, x: Any) -> Any:
        """Return the atom of a number or an array, as this outcome left it."""
        if isinstance(x, Array):
            found = self.contents.get(id(x.memory))
            base = found[0] if found is not None else x.memory.value
            if not x.path:
                return base
            with self.recorder.into(self.block):
                return walked(base, x.path)
        return x.value if isinstance(x, Symbol) else x


class Merger:
    """Collects the pairs of atoms that become outputs of one operation."""

    def __init__(self, a: Side, b: Side) -> None:
        self.sides = (a, b)
        self.pairs: list[tuple[Any, Any]] = []
        self.types: list[Type] = []
        # One array for names that were one array on both sides.
        self.made: dict[Any, Any] = {}

    def pair(self, a: Any, b: Any) -> int | None:
        """Register two atoms; None if they have no type in common."""
        kinds = [atom_type(x) for x in (a, b) if not isinstance(x, Undefined)]
        kind = kinds[0] if len(kinds) == 1 else join(*kinds)
        if kind is None:
            return None
        for k, (u, v) in enumerate(self.pairs):
            if type(u) is Value and type(v) is Value and u is a and v is b:
                return k
        self.pairs.append((a, b))
        self.types.append(kind)
        return len(self.pairs) - 1

    def merge(self, a: Any, b: Any) -> Rebuild:
        """Return how to make the value that is ``a`` on one side and ``b`` on the other."""
        if a is b or (is_constant(a) and is_constant(b) and type(a) is type(b) and same(a, b)):
            return lambda _: a
        if a is UNBOUND or b is UNBOUND:
            return self.one_sided(b if a is UNBOUND else a, first=b is UNBOUND)
        if isinstance(a, Array) and isinstance(b, Array) and a.memory is b.memory and a.path == b.path:
            return lambda _: a
        if is_number_like(a) and is_number_like(b):
            return self.leaves(a, b)
        return self.containers(a, b) or (lambda _: Ambiguous(a, b))

    def leaves(self, a: Any, b: Any) -> Rebuild:
        atoms = self.sides[0].atom(a), self.sides[1].atom(b)
        k = self.pair(*atoms)
        if k is None:
            return lambda _: Ambiguous(a, b)
        memories = [x.memory for x in (a, b) if isinstance(x, Array)]
        return lambda outputs: self.array(outputs[k], memories)

    def array(self, output: Any, memories: list[Memory]) -> Any:
        """Return an output as an array, the same for the same memories."""
        key = (id(output), *map(id, memories))
        if key not in self.made:
            self.made[key] = (output, of_memory(output, memories))
        return self.made[key][1]

    def one_sided(self, x: Any, *, first: bool) -> Rebuild:
        """Merge with nothing: the other side has no value of that name, and nobody reads it after that side."""
        if is_number_like(x):
            atom = self.sides[0 if first else 1].atom(x)
            nothing = Undefined(atom_type(atom))
            k = self.pair(*((atom, nothing) if first else (nothing, atom)))
            assert k is not None
            memories = [x.memory] if isinstance(x, Array) else []
            return lambda outputs: of_memory(outputs[k], memories)
        parts = parts_of(x)
        if parts is None:
            return lambda _: x
        rebuilt = {name: self.one_sided(part, first=first) for name, part in parts.items()}
        return lambda outputs: assembled(x, {name: make(outputs) for name, make in rebuilt.items()})

    def containers(self, a: Any, b: Any) -> Rebuild | None:
        if type(a) is not type(b):
            return None
        if isinstance(a, GrowingList) and (a.dynamic is not None or b.dynamic is not None or len(a) != len(b)):
            return self.lists(a, b)
        first, second = parts_of(a), parts_of(b)
        if first is None or second is None or list(first) != list(second):
            return None
        rebuilt = {name: self.merge(first[name], second[name]) for name in first}
        return lambda outputs: assembled(a, {name: make(outputs) for name, make in rebuilt.items()})

    def lists(self, a: GrowingList, b: GrowingList) -> Rebuild | None:
        """Merge two lists of different or unknown length."""
        atoms = []
        for side, x in zip(self.sides, (a, b), strict=True):
            atom = self.list_atom(side, x, atom_type_of_items(a, b))
            if atom is None:
                return None
            atoms.append(atom)
        k = self.pair(*atoms)
        if k is None:
            return None

        def make(outputs: list[Any]) -> GrowingList:
            result = GrowingList()
            result.dynamic = outputs[k].value
            return result

        return make

    def list_atom(self, side: Side, x: GrowingList, kind: Type | None) -> Any:
        if x.dynamic is not None:
            return x.dynamic
        items = [listable(item) for item in x.known_items]
        if not all(items) or (not items and kind is None):
            return None
        for item in x.known_items:
            if isinstance(item, Array):
                side.recorder.hold(item.memory)
        with side.recorder.into(side.block):
            atoms = [side.atom(item) if is_number_like(item) else side.recorder.list_atom(item) for item in x.known_items]
            return side.recorder.listed(atoms) if atoms else side.recorder.empty_list(kind)


def atom_type_of_items(a: GrowingList, b: GrowingList) -> Type | None:
    """Return the type of the items of two lists, if it can be told."""
    for x in (a, b):
        if x.dynamic is not None:
            return x.dynamic.type.item
        for item in x.known_items:
            if is_number_like(item):
                return item.type if isinstance(item, Symbol) else atom_type(item)
            if isinstance(item, GrowingList) and (inner := atom_type_of_items(item, item)) is not None:
                return ListOf(inner)
    return None


def listable(x: Any) -> bool:
    """Tell whether ``x`` can be an item of a list of unknown length."""
    return is_number_like(x) or (isinstance(x, GrowingList) and (x.dynamic is not None or all(map(listable, x.known_items))))


def of_memory(output: Any, memories: list[Memory]) -> Any:
    """Return an output as an array that may be one with those that it came from."""
    if not (isinstance(output.type, Tensor) and (output.type.rank or memories)):
        return output
    memory = Memory(output.value)
    for other in memories:
        memory.meet(other)
    return Array(memory)


def is_number_like(x: Any) -> bool:
    """Tell whether ``x`` is a number or an array, known or not."""
    return isinstance(x, (Symbol, *NUMBERS))


def is_constant(x: Any) -> bool:
    """Tell whether ``x`` is a plain object that can be compared."""
    return x is None or isinstance(x, (str, bytes, *NUMBERS, type, range, slice, np.dtype, frozenset))


def same(a: Any, b: Any) -> bool:
    """Tell whether two constants are the same number, nan and the sign of 0 included."""
    return a == b and repr(a) == repr(b) if isinstance(a, NUMBERS) else bool(a == b)


def parts_of(x: Any) -> dict[Any, Any] | None:
    """Return the parts of a container or an object by name, None if it has none."""
    if isinstance(x, GrowingList):
        return None if x.dynamic is not None else dict(enumerate(x.known_items))
    if isinstance(x, (tuple, list, collections.deque)):
        return dict(enumerate(x))
    if isinstance(x, dict):
        return dict(x)
    return attributes(x) if is_plain_object(x) else None


def assembled(x: Any, parts: dict[Any, Any]) -> Any:
    """Return a container or an object like ``x`` of other parts."""
    if isinstance(x, GrowingList):
        return GrowingList(parts.values())
    if isinstance(x, tuple):
        return type(x)(*parts.values()) if hasattr(x, "_fields") else tuple(parts.values())
    if isinstance(x, collections.deque):
        return collections.deque(parts.values(), x.maxlen)
    if isinstance(x, list):
        return list(parts.values())
    if isinstance(x, collections.defaultdict):
        return collections.defaultdict(x.default_factory, parts)
    if isinstance(x, dict):
        return type(x)(parts)
    return remade(x, parts)
