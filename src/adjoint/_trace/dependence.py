"""Dependence: on which elements of the inputs each element of a program's results depends, from the tape of one run.

A sweep over the tape like that of tangents (`sweep.forward`), which carries sets of inputs in place of numbers.  A set has a
number (`_sparse.sets`), and the sets of an array are a few arrays of such numbers in its shape, the *slots*: an element depends
on the sets that stand at its position in any of the slots.  So functions that move elements are run on the slots as they are,
stores into arrays are stores into slots, and an elementwise function has the slots of its arguments, for no work at all.  Where
the slots become many, the union at each position becomes a set of its own, which is noted, not computed.

A pattern holds for the point at which the program ran: for its branches, its whole numbers and its indices.  It is made of the
tape that the derivative is swept over too, so there is no derivative that it does not know of.  It is never too small; it may
be too large, where a zero of a partial derivative is an accident of the numbers, and for functions whose elements are not told
apart.

What each kind of rule means is in `dependence_rules`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint._rules import kinds
from adjoint._rules.book import Function, Rule
from adjoint._sparse.pattern import Pattern, stacked
from adjoint._sparse.sets import Sets
from adjoint._trace.reverse import Tape
from adjoint._trace.shadow import Region
from adjoint._trace.sweep import PICK, READ, WRITE, Entry, Target
from adjoint._trace.view import place

# From this number of slots on, the unions become sets of their own.
MOST = 24


class Witness(Tape):
    """A tape that notes the form of every result too: what a sweep of sets cannot read off its arguments."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: dict[int, Any] = {}

    def record(
        self, rule: Rule, y: Any, primals: list[Any], args: tuple[Any, ...], kwargs: dict[str, Any], active: tuple[int, ...]
    ) -> Any:
        """Record an operation, and note the shape of its result, or of each part."""
        self.forms[len(self.entries)] = shapes_of(y)
        return super().record(rule, y, primals, args, kwargs, active)


def shapes_of(y: Any) -> Any:
    """Return the shape of an array, a list of them for a tuple of arrays."""
    return [shapes_of(part) for part in y] if isinstance(y, (list, tuple)) else kinds.shape_of(y)


class Dependent:
    """The sets on which the elements of an array depend: those that stand at its position in any of the slots."""

    __slots__ = ("shape", "slots")

    def __init__(self, slots: list[np.ndarray], shape: tuple[int, ...]) -> None:
        self.slots, self.shape = slots, shape

    def __repr__(self) -> str:
        return f"Dependent(shape={self.shape}, slots={len(self.slots)})"


# What a value depends on: a set of numbers for a number, a `Dependent` for an array, a list for a tuple, None for a constant.
Dependence = Any


class Sweep:
    """One sweep of sets over a tape."""

    def __init__(self, tape: Witness, sizes: list[tuple[int, ...]]) -> None:
        self.tape = tape
        self.sets = Sets(sum(map(math.prod, sizes)))
        self.found: list[Dependence] = [None] * len(tape.recorded)
        # The slots (of the tape) whose arrays nobody else holds, so that stores may write to them.
        self.owned: set[int] = set()
        # The slots by content, each once: parts of an array that are read again are told to be equal.
        self.known: dict[Any, np.ndarray] = {}
        first = 1
        for slot, shape in enumerate(sizes):
            n = math.prod(shape)
            self.found[slot] = Dependent([np.arange(first, first + n).reshape(shape)], shape) if shape else frozenset({first})
            first += n

    def run(self) -> None:
        """Sweep over all entries."""
        for slot, entry in enumerate(self.tape.recorded):
            if entry is not None:
                self.found[slot] = self.step(entry, slot)

    def step(self, entry: Entry, slot: int) -> Dependence:
        """Return what the result of an entry depends on."""
        kind = entry[0]
        if kind is READ:
            return self.read(entry[1])
        if kind is WRITE:
            self.write(entry[1], None if entry[2] is None else self.fetch(entry[2]))
            return None
        if kind is PICK:
            parts = self.found[entry[1]]
            return None if parts is None else parts[entry[2]]
        _, rule, y, args, kwargs, targets = entry
        given = {position: self.fetch(target) for position, target, _ in targets}
        given = {position: a for position, a in given.items() if a is not None}
        if not given:
            return None
        shape = self.tape.forms.get(slot)
        if shape is None:
            # An elementwise function that took the tape's shortest way: its entry holds the result if it is broadcast.
            held = isinstance(y, (kinds.Like, np.ndarray))
            shape = kinds.shape_of(y) if held else np.broadcast_shapes(*map(shape_of, given.values()))
        return dependence(Call(self, rule, shape, args, kwargs, given))

    def fetch(self, target: Target) -> Dependence:
        """Return what an argument depends on."""
        if type(target) is list:
            parts = [None if part is None else self.fetch(part) for part in target]
            return None if all(part is None for part in parts) else parts
        if type(target) is int:
            self.owned.discard(target)
            return self.found[target]
        return self.read(target)

    # Memory ---------------------------------------------------------------------------------------------------------------

    def read(self, region: Region) -> Dependence:
        """Return what a part of an array depends on."""
        whole = self.found[region.slot]
        if whole is None:
            return None
        if _mixes(region):
            return self.spread([self.whole(whole)], _shape_within(region))
        slots = []
        for slot in self.array(whole, region.form.shape).slots:
            part, index = place(region.steps, slot, region.index)
            slots.append(part[index])
        if not slots:
            return None
        if isinstance(slots[0], np.ndarray) and slots[0].shape:
            return Dependent([self.shared(slot) for slot in slots if slot.any()], slots[0].shape)
        return self.number([int(slot) for slot in slots])

    def write(self, region: Region, value: Dependence) -> None:
        """Replace what a part of an array depends on."""
        whole = self.found[region.slot]
        if whole is None and value is None:
            return
        shape = region.form.shape
        array = Dependent([], shape) if whole is None else self.array(whole, shape)
        if _mixes(region):
            both = [array] if value is None else [array, self.spread([self.whole(value)], shape)]
            self.found[region.slot] = self.union(both, shape)
            self.owned.discard(region.slot)
            return
        if region.slot not in self.owned:
            array = Dependent([np.array(slot) for slot in array.slots], shape)
            self.owned.add(region.slot)
        new = [] if value is None else sorted(value) if isinstance(value, frozenset) else value.slots
        array.slots += [np.zeros(shape, np.int64) for _ in range(len(new) - len(array.slots))]
        for k, slot in enumerate(array.slots):
            part, index = place(region.steps, slot, region.index)
            part[index] = new[k] if k < len(new) else 0
        self.found[region.slot] = array

    # Unions ---------------------------------------------------------------------------------------------------------------

    def shared(self, slot: np.ndarray) -> np.ndarray:
        """Return the slot of this content that is known already, or a copy of this one, which is known from now on."""
        key = (slot.shape, hash(slot.tobytes()))
        found = self.known.get(key)
        if found is not None and np.array_equal(found, slot):
            return found
        self.known[key] = made = np.array(slot)
        return made

    def number(self, members: Any) -> Dependence:
        """Return what a number depends on that depends on these sets."""
        found = frozenset(members) - {0}
        if len(found) > MOST:
            found = frozenset({self.one(np.array(sorted(found)))})
        return found or None

    def one(self, members: np.ndarray) -> int:
        """Return one set that is the union of several."""
        return self.sets.add(np.array([0, members.size]), members.reshape(-1))

    def array(self, a: Dependence, shape: tuple[int, ...]) -> Dependent:
        """Return what an array of this shape depends on, each element of it on all that ``a`` has at its place."""
        if isinstance(a, frozenset):
            return Dependent([np.broadcast_to(_constant(k), shape) for k in a], shape)
        return a if a.shape == shape else Dependent([np.broadcast_to(slot, shape) for slot in a.slots], shape)

    def union(self, parts: list[Dependence], shape: tuple[int, ...]) -> Dependence:
        """Return what an elementwise function of several arguments depends on."""
        parts = [part for part in parts if part is not None]
        if not shape:
            return self.number(k for part in parts for k in members_of(part).tolist())
        slots: dict[Any, np.ndarray] = {}
        for part in parts:
            for slot in self.array(part, shape).slots:
                slots.setdefault((slot.__array_interface__["data"][0], slot.strides), slot)
        if len(slots) <= MOST:
            return Dependent(list(slots.values()), shape)
        return self.grouped(np.stack(list(slots.values()), axis=-1).reshape(-1, len(slots)), shape)

    def grouped(self, members: np.ndarray, shape: tuple[int, ...]) -> Dependent:
        """Return what an array depends on whose elements depend on the sets in one row each: on new sets, their unions."""
        count = len(members)
        kept = members != 0
        indptr = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
        first = self.sets.add(indptr, members[kept])
        return Dependent([np.arange(first, first + count).reshape(shape)], shape)

    def scattered(self, places: np.ndarray, a: Dependent, shape: tuple[int, ...]) -> Dependence:
        """Return what an array depends on whose element at flat position ``places[k]`` depends on element ``k`` of ``a``.

        Positions may repeat.
        """
        count = math.prod(shape)
        width = max(len(a.slots), 1)
        where = np.broadcast_to(places.reshape(-1, 1), (places.size, width)).reshape(-1)
        members = np.stack([slot.reshape(-1) for slot in a.slots] or [np.zeros(places.size, np.int64)], axis=-1).reshape(-1)
        kept = members != 0
        where, members = where[kept], members[kept]
        order = np.argsort(where, kind="stable")
        indptr = np.searchsorted(where[order], np.arange(count + 1))
        lengths = np.diff(indptr)
        most = int(lengths.max(initial=0))
        if most <= MOST:
            table = np.zeros((most, count), np.int64)
            table[np.arange(len(order)) - np.repeat(indptr[:-1], lengths), where[order]] = members[order]
            return Dependent([row.reshape(shape) for row in table], shape)
        first = self.sets.add(indptr, members[order])
        names = np.where(lengths > 0, np.arange(first, first + count), 0)
        return Dependent([names.reshape(shape)], shape)

    def whole(self, *parts: Dependence) -> Dependence:
        """Return one number's dependence on everything that some arguments depend on."""
        members = np.unique(np.concatenate([members_of(part) for part in parts]))
        members = members[members > 0]
        return frozenset({self.one(members)} if members.size > 1 else members.tolist()) or None

    def spread(self, parts: list[Dependence], shape: Any) -> Dependence:
        """Return the dependence of every element of a result on everything that the arguments depend on: the dense case."""
        total = self.whole(*parts)
        if isinstance(shape, list):
            return [self.spread([total], part) for part in shape]
        return total if total is None or not shape else self.array(total, shape)


@dataclass(frozen=True)
class Call:
    """A call on the tape: ``shape`` is the form of its result, ``given`` what its active arguments depend on, by position."""

    sweep: Sweep
    rule: Rule
    shape: Any
    args: Any
    kwargs: dict[str, Any]
    given: dict[int, Dependence]


# What functions mean for dependence; None as the answer is that everything depends on everything.
Meaning = Callable[[Call], Dependence]
MEANINGS: dict[Function, Meaning] = {}


def means(*functions: Function) -> Callable[[Meaning], Meaning]:
    """Register what functions mean for dependence."""

    def register(meaning: Meaning) -> Meaning:
        MEANINGS.update(dict.fromkeys(functions, meaning))
        return meaning

    return register


def dependence(call: Call) -> Dependence:
    """Return what the result of a call depends on."""
    arguments = list(call.given.values())
    if call.rule.kind == "elementwise" and not any(isinstance(a, list) for a in arguments):
        return call.sweep.union(arguments, call.shape)
    meaning = MEANINGS.get(call.rule.function)
    found = None if meaning is None else meaning(call)
    return call.sweep.spread(arguments, call.shape) if found is None else found


def shape_of(a: Dependence) -> tuple[int, ...]:
    """Return the shape of what depends."""
    return a.shape if isinstance(a, Dependent) else ()


def members_of(a: Dependence) -> np.ndarray:
    """Return the sets that any element depends on, repeated or not, the empty set among them."""
    if a is None:
        return np.zeros(0, np.int64)
    if isinstance(a, list):
        return np.concatenate([np.zeros(0, np.int64), *map(members_of, a)])
    if isinstance(a, frozenset):
        return np.array(sorted(a), np.int64)
    return np.concatenate([np.zeros(0, np.int64), *[_shrunk(slot).reshape(-1) for slot in a.slots]])


def _shrunk(slot: np.ndarray) -> np.ndarray:
    """Return an array without the repetitions of a broadcast."""
    return slot[tuple(slice(0, 1) if stride == 0 else slice(None) for stride in slot.strides)] if slot.size else slot


@functools.lru_cache(maxsize=4096)
def _constant(k: int) -> np.ndarray:
    """Return the number of a set as an array; always the same one, so that the slots of equal numbers are told to be equal."""
    return np.array(k)


def _mixes(region: Region) -> bool:
    """Tell whether the view of a region may take numbers apart: real and imaginary parts."""
    return bool(region.steps) and region.form.dtype.kind == "c"


def _shape_within(region: Region) -> tuple[int, ...]:
    part, index = place(region.steps, np.zeros(region.form.shape, region.form.dtype), region.index)
    return np.shape(part[index])


def pattern_of(tape: Witness, inputs: list[tuple[int, ...]], results: list[tuple[Target, tuple[int, ...]]]) -> Pattern:
    """Return the pattern of the Jacobian of a recorded program.

    Parameters
    ----------
    tape
        The tape, whose first slots are the inputs.
    inputs
        The shapes of the inputs.
    results
        The target and the shape of each result, as `Pullback` has them.

    Returns
    -------
    Pattern
        A row for each element of the results, a column for each of the inputs, in C order.
    """
    sweep = Sweep(tape, inputs)
    sweep.run()
    found = [_rows(sweep, None if target is None else sweep.fetch(target), shape) for target, shape in results]
    return stacked(found, sweep.sets.n)


def _rows(sweep: Sweep, a: Dependence, shape: tuple[int, ...]) -> Pattern:
    count = math.prod(shape)
    slots = [] if a is None else sweep.array(a, shape).slots
    members = np.stack([slot.reshape(-1) for slot in slots], axis=-1) if slots else np.zeros((count, 0), np.int64)
    kept = members != 0
    return sweep.sets.expand(np.concatenate([[0], np.cumsum(kept.sum(axis=1))]), members[kept])


__all__ = ["MEANINGS", "MOST", "Call", "Dependence", "Dependent", "Sweep", "Witness", "means", "pattern_of", "shape_of"]
