"""Loops whose turns need not wait for each other: threads may share them.

A turn needs the one before it through what the loop carries.  A carried value is no such need if it plays one of these roles:

=========  ==============================================================================================================
`FOLDED`   each turn puts something to it, ``s = s + x``: parts of the loop start from nothing, and are put together
`LAST`     no turn reads it: it is what the last turn made of it
`DIVIDED`  an array of which each turn reads and writes a share of its own, ``a[i]`` for the index ``i`` of the loop
`SUMMED`   an array to which turns add wherever they want, ``a[k] += x``, and which they do not read: parts add to zeros,
           or, if turns stay near their own index, to the array itself while their neighbours do not run
=========  ==============================================================================================================

The test is by the form of the program, so it may miss a loop, and takes none for independent that is not: every use of a
carried value is looked at, and one that has no place in its role spoils it.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from adjoint._ir.nodes import Apply, Block, If, Loop, Op, Value, atom_type, uses, values, walk
from adjoint._ir.symbol import extent
from adjoint._ir.types import Tensor
from adjoint._rules import stores

FOLDED, LAST, DIVIDED, SUMMED = "folded", "last", "divided", "summed"
# What a value may be folded with, by the functions that do it; of the differences only what is taken away may be new.
_FOLDS: dict[Any, str] = {
    operator.add: "add", np.add: "add", operator.sub: "subtract", np.subtract: "subtract", operator.mul: "multiply",
    np.multiply: "multiply", max: "max", min: "min", np.maximum: "maximum", np.minimum: "minimum",
}  # fmt: skip
_COMMUTES = frozenset({"add", "multiply", "maximum", "minimum"})
_SUMS = {operator.add: 1, np.add: 1, operator.sub: -1, np.subtract: -1}


@dataclass(eq=False, slots=True)
class Role:
    """What a carried value is for.

    ``fold`` is the name of the function that folds, ``stores`` are the operations that write to an array, ``versions`` the
    names that the value takes on the way through a turn.  Of an array, ``offsets`` are what is added to the loop's index where
    that is its index: of one that is divided always the same, of one that is summed the least and the most on the first axis,
    if turns stay near their own index; None if they do not.
    """

    sort: str
    fold: str = ""
    stores: list[Apply] = field(default_factory=list)
    versions: set[Value] = field(default_factory=set)
    offsets: tuple[int, int] | None = None


def roles(loop: Loop) -> list[Role] | None:
    """Return the role of each carried value; None if turns may need each other, or may end the loop."""
    if loop.range is None or loop.test is not None or loop.stops:
        return None
    if any(isinstance(op, Apply) and op.effect for op in walk(loop.body)):
        return None
    found = []
    for k in range(len(loop.inits)):
        role = role_of(loop, k)
        if role is None:
            return None
        found.append(role)
    return found


def role_of(loop: Loop, k: int) -> Role | None:
    """Return the role of one carried value; None if turns may need each other for it."""
    carried, update = loop.carried[k], loop.updates[k]
    elsewhere = set(values([result for j, result in enumerate(loop.body.results) if j != k]))
    if carried not in elsewhere and carried not in {value for op in loop.body.ops for value in uses(op)} | set(values(update)):
        return Role(LAST)
    walker = _Versions(loop, carried)
    if not walker.block(loop.body) or update not in walker.role.versions or walker.role.versions & elsewhere:
        return None
    return walker.verdict()


class _Versions:
    """Follows a carried value through a turn, and notes what is done to it."""

    def __init__(self, loop: Loop, carried: Value) -> None:
        self.role = Role(FOLDED, versions={carried})
        self.folds: set[str] = set()
        self.reads: list[Any] = []
        self.linear = _linear(loop)
        t = carried.type
        self.rank = t.rank if isinstance(t, Tensor) else None

    def verdict(self) -> Role | None:
        """Return the role that fits all uses."""
        role = self.role
        if self.rank is None or (self.folds and (role.stores or self.reads)):
            return None
        if not self.rank:
            folds = {"add" if name == "subtract" else name for name in self.folds}
            role.fold = folds.pop() if folds else "add"
            return None if folds else role
        if self.folds:
            return None
        if not any(op.function in _SUMS for op in role.stores):
            indices = [*self.reads, *[op.args[1] for op in role.stores]]
            rows = [index if isinstance(index, tuple) else (index,) for index in indices]
            for axis in range(min(map(len, rows), default=0)):
                offsets = self.offsets([row[axis] for row in rows])
                if len(offsets) == 1:
                    role.sort, role.offsets = DIVIDED, (min(offsets), max(offsets))
                    return role
                if offsets and axis == 0:
                    role.offsets = (min(offsets), max(offsets))
                if not all(_takes_one_axis(row[axis]) for row in rows):
                    break
        role.sort = SUMMED
        adds = all(op.function is stores.accumulate or op.function in _SUMS for op in role.stores)
        return role if adds and not self.reads else None

    def offsets(self, parts: list[Any]) -> set[int]:
        """Return what is added to the loop's index in parts of indices; nothing if one of them is something else."""
        if all(type(part) is Value and part in self.linear for part in parts):
            return {self.linear[part] for part in parts}
        return set()

    def block(self, block: Block) -> bool:
        return all(self.op(op) for op in block.ops)

    def op(self, op: Op) -> bool:
        """Note what an operation does to the value; False if that has no place in any role."""
        versions = self.role.versions
        match op:
            case Apply():
                used = [value for value in values(op.operands) if value in versions]
                return not used or self.apply(op, used)
            case If():
                if op.condition in versions or not all(map(self.block, op.blocks)):
                    return False
                return self.join(op.outputs, op.then.results, op.orelse.results)
            case Loop():
                return self.loop(op)
        return not any(value in versions for value in values(op.operands))

    def join(self, outputs: list[Value], *sides: list[Any]) -> bool:
        """Note the results of blocks: either all of them are versions of the value, or none is."""
        for output, *results in zip(outputs, *sides, strict=True):
            are = [type(result) is Value and result in self.role.versions for result in results]
            if any(are):
                if not all(are):
                    return False
                self.role.versions.add(output)
        return True

    def loop(self, op: Loop) -> bool:
        """Follow the value into a loop within, through what that carries."""
        versions = self.role.versions
        if any(value in versions for value in values((op.range, op.consumed))):
            return False
        places = [k for k, init in enumerate(op.inits) if type(init) is Value and init in versions]
        versions.update(op.carried[k] for k in places)
        if op.test is not None:
            versions.update(op.test.params[k] for k in places)
            if not self.block(op.test) or versions.intersection(values(op.test.results)):
                return False
        if not self.block(op.body):
            return False
        own = {op.updates[k] for k in places}
        others = [result for k, result in enumerate(op.body.results) if k not in places]
        versions.update(op.finals[k] for k in places)
        return own <= versions and not versions.intersection(values(others))

    def apply(self, op: Apply, used: list[Value]) -> bool:
        """Note a fold, a store, or a look at a part of an array."""
        versions = self.role.versions
        if op.function is extent:
            return True
        if len(used) != 1 or op.kwargs:
            return False
        if op.function in (stores.assign, stores.accumulate) and op.args[0] in versions:
            self.role.stores.append(op)
            versions.add(op.outputs[0])
            return True
        if op.function is operator.getitem and op.args[0] in versions:
            self.reads.append(op.args[1])
            return True
        if self.rank and op.function in _SUMS and op.args[0] in versions:  # of the whole array, where that is done in place
            self.role.stores.append(op)
            versions.add(op.outputs[0])
            return True
        name = _FOLDS.get(op.function)
        if name is None or self.rank or len(op.args) != 2 or not _same_kind(used[0], op.outputs[0]):
            return False
        if op.args[0] not in versions and name not in _COMMUTES:
            return False
        self.folds.add(name)
        versions.add(op.outputs[0])
        return True


def _same_kind(a: Value, b: Value) -> bool:
    return isinstance(a.type, Tensor) and isinstance(b.type, Tensor) and a.type.dtype == b.type.dtype


def _takes_one_axis(part: Any) -> bool:
    """Tell whether a part of an index belongs to one axis of the array, and no other part's length changes that."""
    if isinstance(part, slice):
        return True
    t = atom_type(part)
    return isinstance(t, Tensor) and t.dtype.kind == "i" and not t.rank


def _linear(loop: Loop) -> dict[Value, int]:
    """Return the values that are the index of a loop plus a known number, with that number."""
    found = {loop.index: 0}
    for op in walk(loop.body):
        if isinstance(op, Apply) and op.function in _SUMS and len(op.args) == 2 and not op.kwargs:
            found.update(_sum(op, found))
    return found


def _sum(op: Apply, known: dict[Value, int]) -> Iterator[tuple[Value, int]]:
    """Yield the result of a sum, with its number, if it is the index plus one."""
    a, b = op.args
    sign = _SUMS[op.function]
    if type(a) is Value and a in known and type(b) is int:
        yield op.outputs[0], known[a] + sign * b
    elif sign == 1 and type(b) is Value and b in known and type(a) is int:
        yield op.outputs[0], known[b] + a
