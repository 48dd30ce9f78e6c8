"""What two branches, or two turns of a loop, leave under one name, as one value of the program.

`Merger.merge(a, b)` registers the pairs of atoms that differ and returns a function that, given the symbols that stand for
the pairs, makes the merged value: of tuples, lists, dicts and objects part by part.
"""

from __future__ import annotations

import collections
import functools
import operator
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import numpy as np

from adjoint._frontend import function_merge
from adjoint._frontend.arrays import Array, Memory, walked
from adjoint._frontend.closures import is_rewritten
from adjoint._frontend.identity import Identity, Kin
from adjoint._frontend.lists import GrowingList, Row, hold, is_of_lists, kin_of_known, of_value
from adjoint._frontend.state import UNBOUND, Ambiguous, Unbound, attributes, content, held_in, is_plain_object, remade
from adjoint._ir.nodes import Block, Undefined, Value, atom_type
from adjoint._ir.symbol import Symbol, writer, writing
from adjoint._ir.types import ListOf, Tensor, Type, join

Rebuild = Callable[[list[Any]], Any]
NUMBERS = (bool, int, float, complex, np.generic)


class Side:
    """One of two outcomes: the block that it was written in, and what it left in the objects that it changed."""

    def __init__(self, recorder: Any, block: Block, contents: dict[int, Any]) -> None:
        self.recorder, self.block, self.contents = recorder, block, contents

    def content(self, obj: Any) -> Any:
        """Return what this outcome left in an object."""
        if isinstance(obj, Row):
            with self.recorder.into(self.block):
                return [], obj.read(self.content(obj.parent)[1], *self.content(obj.parent.within)[3:])
        found = self.contents.get(id(obj))
        return content(obj) if found is None else found

    def stale(self, identity: Identity) -> str:
        """Return why this outcome left an object unknown, if it did."""
        return self.content(identity)[1]

    def atom(self, x: Any) -> Any:
        """Return the atom of a number or an array, as this outcome left it."""
        if isinstance(x, Array):
            base = self.content(x.memory)[0]
            if not x.path:
                return base
            with self.recorder.into(self.block):
                return walked(base, x.path)
        return x.value if isinstance(x, Symbol) else x

    def parts(self, x: Any) -> dict[Any, Any] | None:
        """Return the parts of a container or an object by name, as this outcome left them; None if it has none."""
        if id(x) not in self.contents:
            return None if isinstance(x, Row) else parts_of(x)
        left = self.contents[id(x)]
        if isinstance(left, set):
            return None
        if isinstance(x, GrowingList):
            return None if left[1] is not None else dict(enumerate(left[0]))
        return dict(left) if isinstance(left, dict) else dict(enumerate(left))


class Merger:
    """Collects the pairs of atoms that become outputs of one operation.  ``forms`` is the structure of what was merged."""

    def __init__(self, a: Side, b: Side, cells: AbstractSet[int] = frozenset()) -> None:
        self.sides = (a, b)
        # The variables of the function that is running which are merged by their names.
        self.cells = cells
        # Whether what only one side reads, and was there before both, is what it is on the other side too.
        self.outer = False
        self.recorder = a.recorder
        self.pairs: list[tuple[Any, Any]] = []
        self.types: list[Type] = []
        self.forms: list[Any] = []
        # One array, or one container, for names that were one on both sides.
        self.made: dict[Any, Any] = {}
        self.open: set[tuple[int, int]] = set()

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
            self.forms.append("same")
            return lambda _: a
        if a is UNBOUND or b is UNBOUND:
            self.forms.append("one")
            return self.one_sided(b if a is UNBOUND else a, first=b is UNBOUND)
        if isinstance(a, Array) and isinstance(b, Array) and a.memory is b.memory and a.path == b.path:
            self.forms.append("same")
            return lambda _: a
        if is_number_like(a) and is_number_like(b):
            return self.leaves(a, b) or self.ambiguous(a, b)
        return self.containers(a, b) or function_merge.merged(self, a, b) or self.ambiguous(a, b)

    def ambiguous(self, a: Any, b: Any) -> Rebuild:
        self.forms.append("ambiguous")
        place = self.recorder.place()
        return lambda _: Ambiguous(a, b, place)

    def leaves(self, a: Any, b: Any) -> Rebuild | None:
        k = self.pair(self.sides[0].atom(a), self.sides[1].atom(b))
        if k is None:
            return None
        self.forms.append(k)
        arrays = [(side, x) for side, x in zip(self.sides, (a, b), strict=True) if isinstance(x, Array)]
        return self.array(k, arrays)

    def array(self, k: int, arrays: list[tuple[Side, Array]]) -> Rebuild:
        """Return how to make an array of an output, the same for the same arrays: it may be each of them."""
        stale = next((why for side, x in arrays if (why := side.stale(x.memory))), "")
        memories = [x.memory for _, x in arrays]

        def make(outputs: list[Any]) -> Any:
            key = (id(outputs), k, *map(id, memories))
            if key not in self.made:
                self.made[key] = (outputs, of_memory(outputs[k], memories, stale))
            return self.made[key][1]

        return make

    def one_sided(self, x: Any, *, first: bool) -> Rebuild:
        """Merge with nothing: the other side has no value of that name, and nobody reads it after that side."""
        side = self.sides[0 if first else 1]
        if is_number_like(x):
            atom = side.atom(x)
            if self.outer and not function_merge.is_defined_in(side, x):
                return lambda _: x
            nothing = Undefined(atom_type(atom))
            k = self.pair(*((atom, nothing) if first else (nothing, atom)))
            assert k is not None
            return self.array(k, [(side, x)] if isinstance(x, Array) else [])
        if isinstance(x, GrowingList) and side.content(x)[1] is not None:
            value = side.content(x)[1]
            nothing = Undefined(value.type)
            k = self.pair(*((value, nothing) if first else (nothing, value)))
            assert k is not None
            return self.remade(lambda outputs: of_value(outputs[k].value), [(side, x)])
        parts = side.parts(x)
        if parts is None and (function := function_merge.one_sided(self, side, x, first=first)) is not None:
            return function
        if parts is None:
            return (lambda _: x) if stands_alone(x) else self.ambiguous(*((x, UNBOUND) if first else (UNBOUND, x)))
        if (id(x), 0) in self.open:
            return self.ambiguous(x, UNBOUND)
        self.open.add((id(x), 0))
        rebuilt = {name: self.one_sided(part, first=first) for name, part in parts.items()}
        self.open.discard((id(x), 0))
        return self.remade(lambda outputs: assembled(x, {name: make(outputs) for name, make in rebuilt.items()}), [(side, x)])

    def remade(self, make: Rebuild, sources: list[tuple[Side, Any]]) -> Rebuild:
        """Return how to make a container, the same for the same sources: it may be each of them."""
        if isinstance(sources[0][1], tuple):
            return make
        recorder = self.recorder
        kin = [recorder.identity(x) for _, x in sources]
        stale = next((why for (side, _), one in zip(sources, kin, strict=True) if (why := side.stale(one))), "")
        items = self.kin_of(sources) if isinstance(sources[0][1], GrowingList) else None
        spoiled = next((why for side, x in sources if items and x.has_within and (why := side.stale(x.within))), "")

        def once(outputs: list[Any]) -> Any:
            key = (id(outputs), *[id(x) for _, x in sources])
            if key not in self.made:
                new = recorder.made(make(outputs))
                recorder.identity(new, kin).stale = stale
                if items is not None and new.dynamic is not None:
                    new.own_within(items, spoiled)
                self.made[key] = (outputs, new)
            return self.made[key][1]

        return once

    def containers(self, a: Any, b: Any) -> Rebuild | None:
        if type(a) is not type(b) or (id(a), id(b)) in self.open:
            return None
        sources = list(zip(self.sides, (a, b), strict=True))
        first, second = (side.parts(x) for side, x in sources)
        if isinstance(a, GrowingList) and (first is None or second is None or len(first) != len(second)):
            return self.lists(a, b)
        if first is None or second is None or list(first) != list(second):
            return None
        self.forms.append((type(a), *first))
        self.open.add((id(a), id(b)))
        rebuilt = {name: self.merge(first[name], second[name]) for name in first}
        self.open.discard((id(a), id(b)))
        return self.remade(lambda outputs: assembled(a, {name: make(outputs) for name, make in rebuilt.items()}), sources)

    def lists(self, a: GrowingList, b: GrowingList) -> Rebuild | None:
        """Merge two lists of different or unknown length."""
        sources = list(zip(self.sides, (a, b), strict=True))
        k = self.list_pair(sources)
        return None if k is None else self.remade(lambda outputs: of_value(outputs[k].value), sources)

    def list_pair(self, sources: list[tuple[Side, Any]]) -> int | None:
        """Register two lists of different or unknown length; None if they have no type in common."""
        kind = next((t for side, x in sources if (t := type_of_items(side, x)) is not None), None)
        atoms = [self.list_atom(side, x, kind) for side, x in sources]
        k = None if any(atom is None for atom in atoms) else self.pair(*atoms)
        if k is not None:
            self.forms.append(("list", k))
        return k

    def kin_of(self, sources: list[tuple[Side, Any]]) -> Kin | None:
        """Return who the lists in lists may be, on their sides; None if there are none."""
        found = []
        for side, x in sources:
            known, dynamic = side.content(x)
            kin = kin_of_known(known, x) if dynamic is None else x.kin(side.content) if is_of_lists(x) else None
            found += [] if kin is None else [kin]
        return functools.reduce(operator.add, found) if found else None

    def list_atom(self, side: Side, x: GrowingList, kind: Type | None) -> Any:
        known, dynamic = side.content(x)
        if dynamic is not None:
            return dynamic
        if not all(map(listable, known)) or (not known and kind is None):
            return None
        with side.recorder.into(side.block):
            atoms = []
            for item in known:
                hold(item, x)
                atoms.append(side.atom(item) if is_number_like(item) else self.list_atom(side, item, None))
            if any(atom is None for atom in atoms):
                return None
            return side.recorder.listed(atoms) if atoms else side.recorder.empty_list(kind)


def type_of_items(side: Side, x: GrowingList) -> Type | None:
    """Return the type of the items of a list, if it can be told."""
    known, dynamic = side.content(x)
    if dynamic is not None:
        return dynamic.type.item
    for item in known:
        if is_number_like(item):
            return item.type if isinstance(item, Symbol) else atom_type(item)
        if isinstance(item, GrowingList) and (inner := type_of_items(side, item)) is not None:
            return ListOf(inner)
    return None


def listable(x: Any) -> bool:
    """Tell whether ``x`` can be an item of a list of unknown length."""
    return is_number_like(x) or (isinstance(x, GrowingList) and (x.kind is not None or all(map(listable, x.known_items))))


def of_memory(output: Any, memories: list[Memory], stale: str = "") -> Any:
    """Return an output as an array that may be one with those that it came from."""
    if not (isinstance(output.type, Tensor) and (output.type.rank or memories)):
        return output
    memory = Memory(output.value, memories)
    memory.stale = stale
    return Array(memory)


def stands_alone(x: Any) -> bool:
    """Tell whether an object without parts surely holds no value of the block that it was made in."""
    if isinstance(x, FunctionType):
        if x.__defaults__ or x.__kwdefaults__:
            return False
        return not x.__closure__ or (not is_rewritten(x) and all(_is_of_the_world(cell) for cell in x.__closure__))
    return (
        is_constant(x)
        or isinstance(x, (ModuleType, BuiltinFunctionType, Ambiguous, Unbound, np.ufunc))
        or not hasattr(x, "__next__")
    )


def _is_of_the_world(cell: Any) -> bool:
    """Tell whether a variable of a function that is none of the program surely holds no value of the program."""
    x = held_in(cell)
    return is_constant(x) or isinstance(x, (np.ndarray, ModuleType)) or (isinstance(x, FunctionType) and stands_alone(x))


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
    """Return a container or an object like ``x`` of other parts, which is made now."""
    new = _assembled(x, parts)
    return writer().made(new) if writing() and not isinstance(x, tuple) else new


def _assembled(x: Any, parts: dict[Any, Any]) -> Any:
    if isinstance(x, GrowingList) or (type(x) is list and writing()):
        return GrowingList(parts.values()) if writing() else list(parts.values())
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
