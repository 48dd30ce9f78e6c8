"""Indices of a loop that are within bounds in every turn, so that the loop need not look.

A loop that holds no other is written twice if its indices are the index of the loop, that plus a number, or numbers that do not
change: one test before the loop tells whether all of them are within bounds from the first turn to the last.  If so, no
turn looks, and LLVM may turn the loop into vectors.  If not, each turn looks, and the one that is out of bounds leaves.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from adjoint._backend.library import STORES
from adjoint._backend.native.function import Writer
from adjoint._backend.native.values import Array, is_native, rank_of
from adjoint._backend.plan import Branch, Break, Collect, Compute, Cycle, Move, Step
from adjoint._ir.nodes import Apply, Call, Op, Value, atom_type, values
from adjoint._ir.types import ListOf, Tensor

# Statements of a loop that is written twice.
MOST = 80
# One axis of an array with an index: the variable of the array, the axis, the index.
Key = tuple[Value, int, Any]


class Bounds(NamedTuple):
    """What a loop knows: the indices that a test before it can vouch for, and whole numbers that cannot overflow then."""

    indices: dict[Key, tuple[str, Any]]
    sums: set[Value]


def find(w: Writer, step: Cycle) -> Bounds | None:
    """Return what a test before a loop can vouch for; None if there is nothing, or the loop is not of that sort."""
    inner = list(w.plan.walk(step.body))
    if len(inner) > MOST or step.span is None or any(isinstance(one, Cycle) for one in inner):
        return None
    if any(isinstance(op, Call) for op in _operations(w, step.body)):
        return None
    changed = _changed(w, step, inner)
    linear = _linear(w, step)
    found = Bounds({}, set(linear) - {step.index})  # type: ignore[arg-type]
    for op in _operations(w, step.body):
        for key in _accesses(w, op):
            root, _, index = key
            if root in changed:
                continue
            if type(index) is Value and index in linear:
                found.indices[key] = ("linear", linear[index])
            elif type(index) is int or (type(index) is Value and _is_fixed(w, index, changed)):
                found.indices[key] = ("fixed", index)
    return found if found.indices else None


def test(w: Writer, bounds: Bounds, start: str, by: str, count: str) -> str:
    """Return whether all indices are within bounds in all turns of a loop."""
    text = w.text
    last = text.integer("add", start, text.integer("mul", text.integer("sub", count, "1"), by))
    conditions = []
    for (root, axis, _), (sort, what) in bounds.indices.items():
        a = w.read(root)
        assert isinstance(a, Array)
        places = [text.integer("add", end, what) for end in (start, last)] if sort == "linear" else [w.whole(what)]
        conditions += [text.compare("ult", place, a.dims[axis]) for place in places]
    return text.all(conditions)


def _operations(w: Writer, steps: list[Step]) -> Iterator[Op]:
    """Yield the operations of statements, with those that are computed within them."""
    for step in w.plan.walk(steps):
        match step:
            case Compute():
                yield step.op
                trees: Any = step.op.operands
            case Move():
                trees = [pair.source for pair in step.pairs]
            case Collect():
                trees = step.item
            case Branch() | Break():
                trees = step.condition
            case _:
                continue
        pending = list(values(trees))
        while pending:
            op = w.plan.inlined.get(pending.pop())
            if op is not None:
                yield op
                pending += values(op.operands)


def _changed(w: Writer, step: Cycle, inner: list[Step]) -> set[Value]:
    """Return the variables that may change their value, or of arrays their lengths, in a turn of a loop."""
    root = w.variables.root
    found = {root(value) for value in (step.index, step.turns, *step.loop.items) if value is not None}
    for one in inner:
        if isinstance(one, Compute):
            kept = isinstance(one.op, Apply) and one.op.function in STORES and one.in_place
            for output in one.op.outputs:
                old = one.op.operands[0][0] if kept else None
                if not kept or type(old) is not Value or old in w.plan.inlined or root(old) is not root(output):
                    found.add(root(output))
        elif isinstance(one, Move):
            for pair in one.pairs:
                same = (
                    type(pair.source) is Value and pair.source not in w.plan.inlined and root(pair.source) is root(pair.target)
                )
                if not same or pair.copies:
                    found.add(root(pair.target))
    return found


def _is_fixed(w: Writer, index: Value, changed: set[Value]) -> bool:
    return index not in w.plan.inlined and w.variables.root(index) not in changed


def _linear(w: Writer, step: Cycle) -> dict[Value, str]:
    """Return the values that are the index of a loop plus a known number, with that number."""
    if step.index is None:
        return {}
    found = {step.index: "0"}
    for one in step.body:
        op = one.op if isinstance(one, Compute) else None
        if not isinstance(op, Apply) or op.function not in _SUMS or op.kwargs or len(op.args) != 2:
            continue
        a, b = op.args
        sign = 1 if op.function in (operator.add, np.add) else -1
        if type(b) is int and type(a) is Value and a in found and -(2**31) < b < 2**31:
            found[op.outputs[0]] = str(int(found[a]) + sign * b)
        elif sign == 1 and type(a) is int and type(b) is Value and b in found and -(2**31) < a < 2**31:
            found[op.outputs[0]] = str(int(found[b]) + a)
    once = [value for value in found if _assigned(w, step, value) == 1]
    return {value: found[value] for value in once}


_SUMS = frozenset({operator.add, operator.sub, np.add, np.subtract})


def _assigned(w: Writer, step: Cycle, value: Value) -> int:
    """Return how many statements of a loop give a variable a value."""
    root = w.variables.root(value)
    count = int(value is step.index)
    for one in w.plan.walk(step.body):
        outputs = one.op.outputs if isinstance(one, Compute) else [p.target for p in one.pairs] if isinstance(one, Move) else []
        count += sum(w.variables.root(output) is root for output in outputs)
    return count


def _accesses(w: Writer, op: Op) -> Iterator[Key]:
    """Yield the axes that an operation indexes with single numbers."""
    if not isinstance(op, Apply) or (op.function is not operator.getitem and op.function not in STORES):
        return
    if len(op.args) < 2 or isinstance(atom_type(op.args[0]), ListOf) or not rank_of(op.args[0]):
        return
    place = at(w, op.args[0])
    if place is None:
        return
    root, axis = place
    parts = op.args[1] if isinstance(op.args[1], tuple) else (op.args[1],)
    for part in parts:
        t = atom_type(part)
        if part is None or part is Ellipsis or isinstance(part, (slice, list, tuple)) or not isinstance(t, Tensor) or t.rank:
            return
        if t.dtype.kind != "i" or not is_native(t):
            return
        yield root, axis, part
        axis += 1


def at(w: Writer, atom: Any) -> tuple[Value, int] | None:
    """Return the variable of an array, and its first axis that is left: of ``a[i][j]`` the second of ``a``."""
    if type(atom) is not Value:
        return None
    op = w.plan.inlined.get(atom)
    if op is None:
        return (w.variables.root(atom), 0) if is_native(atom.type) else None
    if not isinstance(op, Apply) or op.function is not operator.getitem:
        return None
    parts = op.args[1] if isinstance(op.args[1], tuple) else (op.args[1],)
    if any(part is None or part is Ellipsis or isinstance(part, (slice, list, tuple)) or rank_of(part) for part in parts):
        return None
    whole = at(w, op.args[0])
    return None if whole is None else (whole[0], whole[1] + len(parts))
