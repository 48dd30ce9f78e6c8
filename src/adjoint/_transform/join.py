"""Joins the way there and the way back of a loop whose turns do not need each other.

``for i: total += f(x[i])`` runs once for its result and once more, backwards, for the gradient, where each turn computes again
what it computed the first time, or reads it from a list.  If what the way back starts from does not depend on the result (the
loss is linear in ``total``), and its turns only add to what it carries, each turn can go back as soon as it has gone there:
the two loops are one, nothing is computed twice, and nothing is kept from one to the other.

The loop of the way there keeps its order, and with it each sum of the user's; that of the way back takes it over, which
changes the order of our own sums alone (`independence`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from adjoint._ir.copying import Copier, copied
from adjoint._ir.independence import roles
from adjoint._ir.nodes import Apply, Block, Function, Loop, Op, Value, atom_type, free, uses, values, walk
from adjoint._ir.types import ListOf, Tensor
from adjoint._rules import stores
from adjoint._transform import cost
from adjoint._transform.algebra import same_atom
from adjoint._transform.dead import drop_dead_code, settled
from adjoint._transform.forwards import is_free_of
from adjoint._transform.replacing import substitute
from adjoint._transform.residuals import FORMS
from adjoint._transform.shapes import Shapes
from adjoint._transform.simplify import frozen, key_of

_ZEROS = {np.zeros, np.zeros_like}


def join(function: Function, *, divided: bool = False) -> Function:
    """Return a program in which loops are joined with their ways back; the function itself if there are none.

    Parameters
    ----------
    function
        The program, simplified.  What it calls stays as it is.
    divided
        Whether threads are to share loops: then a loop that they cannot share is joined with none.

    Returns
    -------
    Function
        A program of the same parameters and results, which may be simplified further.
    """
    if not any(isinstance(op, Loop) and op.unordered for op in walk(function.body)):
        return function
    new = copied(function)
    if not _Joining(new, divided=divided).block(new.body):
        return function
    drop_dead_code(new)
    return new


@dataclass(eq=False, slots=True)
class _Plan:
    """Two loops of a block to be joined.

    ``early`` and ``late`` are the operations between them that come before the joined loop, and after it; ``asked`` are
    those that ask for the form of what the first loop gives, with the value to be asked instead.
    """

    there: Loop
    back: Loop
    early: list[Op] = field(default_factory=list)
    late: list[Op] = field(default_factory=list)
    asked: list[tuple[Apply, tuple[Any, ...]]] = field(default_factory=list)


class _Joining:
    """Joins loops of one function."""

    def __init__(self, function: Function, *, divided: bool) -> None:
        self.divided = divided
        self.shapes = Shapes(function)
        self.made_by = {output: op for op in walk(function.body) for output in op.outputs}

    def block(self, block: Block) -> bool:
        """Join loops of a block, then those of the blocks within; tell whether there were any."""
        found = False
        while self.once(block):
            found = True
        for op in block.ops:
            for inner in op.blocks:
                found |= self.block(inner)
        return found

    def once(self, block: Block) -> bool:
        """Join two loops of a block."""
        loops = [op for op in block.ops if isinstance(op, Loop) and op.range is not None and op.test is None and not op.stops]
        for n, back in enumerate(loops):
            for there in reversed(loops[:n]):
                if back.unordered and not there.unordered and same_turns(there, back) and self.joined(block, there, back):
                    return True
        return False

    def joined(self, block: Block, there: Loop, back: Loop) -> bool:
        """Join two loops of a block if that can be, and is of use."""
        turned = there.reverse != back.reverse
        if turned and (settled(back) or not all(self.is_free(back, k) for k in range(len(back.inits)))):
            return False
        if self.divided and roles(there) is None:
            return False
        plan = self.plan(block, there, back)
        if plan is None or (loop := _written(plan)) is None:
            return False
        for op, args in plan.asked:
            op.args = args
        first, last = block.ops.index(there), block.ops.index(back)
        block.ops[first : last + 1] = [*plan.early, loop, *plan.late]
        substitute(block, {back.turns: there.turns})
        return True

    # What may be joined

    def is_free(self, back: Loop, k: int) -> bool:
        """Tell whether turns need not wait for each other for a value that a way back carries."""
        return is_free_of(back, k) or self.is_cleared(back, k)

    def is_cleared(self, back: Loop, k: int) -> bool:
        """Tell whether a carried vector starts with zeros, and every turn leaves zeros in each of its places."""
        maker, carried, update = self.made_by.get(back.inits[k]), back.carried[k], back.updates[k]
        if not isinstance(maker, Apply) or maker.function not in _ZEROS or getattr(carried.type, "rank", 0) != 1:
            return False
        loop = self.made_by.get(update)
        if not isinstance(loop, Loop) or loop not in back.body.ops or loop.range is None or loop.test or loop.stops:
            return False
        start, stop, step = loop.range
        source, axis = self.shapes.lengths.get(stop, (None, None)) if type(stop) is Value else (None, None)
        if (start, step, axis) != (0, 1, 0) or source is None or self.shapes(source) != self.shapes(carried):
            return False
        if update not in loop.finals:
            return False
        at = loop.finals.index(update)
        clear = self.made_by.get(loop.updates[at])
        if not isinstance(clear, Apply) or clear.function is not stores.assign or clear not in loop.body.ops:
            return False
        whole, index, value = clear.args
        # What is stored before, elsewhere, could be a place that was cleared already.
        return whole is loop.carried[at] and index is loop.index and isinstance(value, (int, float, np.number)) and value == 0

    def plan(self, block: Block, there: Loop, back: Loop) -> _Plan | None:
        """Return how two loops of a block come together; None if the second needs what the first gives in the end."""
        plan = _Plan(there, back)
        after: set[Value] = set(there.outputs)
        for op in block.ops[block.ops.index(there) + 1 : block.ops.index(back)]:
            asks = self.asking(op, there, after)
            if asks is not None:
                plan.asked.append(asks)
            elif any(value in after for value in uses(op)):
                plan.late.append(op)
                after.update(op.outputs)
                continue
            plan.early.append(op)
        needed = [*values((back.range, back.inits)), *free(back.body)]
        needed += [items for items in values(back.consumed) if items not in there.lists]
        if any(value in after for value in needed) or sum(map(settled, (there, *plan.early, *plan.late, back))) > 1:
            return None
        return plan

    def asking(self, op: Op, there: Loop, after: set[Value]) -> tuple[Apply, tuple[Any, ...]] | None:
        """Return an operation that asks for the form of a final value, and arguments by which it asks the initial one."""
        if not isinstance(op, Apply) or op.function not in FORMS or len(op.args) <= (k := FORMS[op.function]):
            return None
        value = op.args[k]
        if type(value) is not Value or value not in there.finals:
            return None
        init = there.inits[there.finals.index(value)]
        t = atom_type(init)
        if type(init) is not Value or not isinstance(t, Tensor) or t != value.type or not self.shapes.same(init, value):
            return None
        args = (*op.args[:k], init, *op.args[k + 1 :])
        return None if any(x in after for x in values((args, op.kwargs))) else (op, args)


def same_turns(a: Loop, b: Loop) -> bool:
    """Tell whether two loops run over the same range."""
    assert a.range is not None
    assert b.range is not None
    return all(map(same_atom, a.range, b.range))


# The joined loop ------------------------------------------------------------------------------------------------------------


def _written(plan: _Plan) -> Loop | None:
    """Return the joined loop; None if that would save nothing."""
    there, back = plan.there, plan.back
    merger = Merger(there.body.ops)
    merger.env[back.index] = there.index
    consumed, items = [], []
    for atom, item in zip(back.consumed, back.items, strict=True):
        if atom in there.lists:
            merger.env[item] = there.collected[there.lists.index(atom)]
            merger.gain += 1
        else:
            consumed.append(atom)
            items.append(item)
    ops = merger.merged(back.body.ops)
    if not merger.gain:
        return None
    n = len(back.inits)
    results = merger(back.body.results)
    body = Block(params=[there.index, *there.carried, *back.carried, *there.items, *items], ops=[*there.body.ops, *ops])
    body.results = [*there.updates, *results[:n], *there.collected, *results[n:]]
    loop = Loop(range=there.range, inits=[*there.inits, *back.inits], body=body, reverse=there.reverse, line=there.line)
    loop.consumed = [*there.consumed, *consumed]
    loop.outputs = [*there.finals, *back.finals, *there.lists, *back.lists, there.turns]
    return loop


class Merger(Copier):
    """Copies operations that follow others, without those that were done already; ``gain`` counts these, if they cost much."""

    def __init__(self, done: list[Op], env: dict[Value, Any] | None = None) -> None:
        super().__init__(env)
        self.gain = 0
        self.known = {key: op.outputs for op in done if (key := _key(op, op.outputs)) is not None}
        self.loops = [op for op in done if isinstance(op, Loop) and not op.unordered]

    def merged(self, ops: list[Op]) -> list[Op]:
        """Return what is still to be done of some operations."""
        rest = []
        for op in ops:
            if isinstance(op, Loop) and self.again(op):
                continue
            if isinstance(op, Apply) and (found := self.found(op)) is not None:
                self.env.update(zip(op.outputs, found, strict=True))
                self.gain += not cost.cheap(op)
                continue
            rest.append(self.op(op))
        return rest

    def found(self, op: Apply) -> list[Value] | None:
        """Return the results of an operation that was done already."""
        new = self.operation(op)
        key = _key(new, op.outputs)
        return None if key is None else self.known.get(key)

    def again(self, op: Loop) -> bool:
        """Let a loop that was run already collect what another run of it would, and give its results to that."""
        return any(self.is_again(op, loop) for loop in self.loops)

    def is_again(self, op: Loop, loop: Loop) -> bool:
        places = self.places(op, loop)
        if places is None:
            return False
        inner = Merger(loop.body.ops, dict(self.env))
        inner.env[op.index] = loop.index
        inner.env.update((param, loop.carried[k]) for param, k in zip(op.carried, places, strict=True))
        items = dict(zip(loop.consumed, loop.items, strict=True))
        inner.env.update((item, items[self(atom)]) for atom, item in zip(op.consumed, op.items, strict=True))
        rest = inner.merged(op.body.ops)
        if not all(same_atom(inner(update), loop.updates[k]) for update, k in zip(op.updates, places, strict=True)):
            return False
        loop.body.ops += rest
        self.env.update((final, loop.finals[k]) for final, k in zip(op.finals, places, strict=True))
        self.env.update((old, collect(loop, inner(atom))) for atom, old in zip(op.collected, op.lists, strict=True))
        self.env[op.turns] = loop.turns
        self.gain += 1 + inner.gain
        return True

    def places(self, op: Loop, loop: Loop) -> list[int] | None:
        """Return which carried values of a loop are those of another, if the two may be runs of the same."""
        plain = loop.range is not None and op.range is not None and not (op.test or loop.test or op.stops or loop.stops)
        if not plain or op.reverse != loop.reverse or frozen(self(op.range)) != frozen(loop.range):
            return None
        if not all(atom in loop.consumed for atom in self(op.consumed)):
            return None
        found: list[int] = []
        for carried, init in zip(op.carried, self(op.inits), strict=True):
            fit = [
                k
                for k, (own, first) in enumerate(zip(loop.carried, loop.inits, strict=True))
                if k not in found and own.type == carried.type and same_atom(first, init)
            ]
            if not fit:
                return None
            found.append(next((k for k in fit if loop.updates[k] is not None and _alike(loop, k, op, carried)), fit[0]))
        return found


def _alike(loop: Loop, k: int, op: Loop, carried: Value) -> bool:
    """Tell whether two carried values of the same beginning are called the same in the next turn."""
    a, b = loop.updates[k], op.updates[op.carried.index(carried)]
    named = type(a) is Value and type(b) is Value
    return named and loop.carried[k].name == carried.name and a.name == b.name


def collect(loop: Loop, atom: Any) -> Value:
    """Let a loop collect an atom of each turn, and return the list."""
    for known, items in zip(loop.collected, loop.lists, strict=True):
        if same_atom(known, atom):
            return items
    items = Value(ListOf(atom_type(atom)), getattr(atom, "name", "") and f"{atom.name}_kept")
    loop.body.results.append(atom)
    loop.outputs.insert(-1, items)
    return items


def _key(op: Op, outputs: list[Value]) -> Any:
    return key_of(op, outputs) if isinstance(op, Apply) and not op.effect else None
