"""What an earlier branch on the same condition has computed, a later one takes over.

A way back that is joined with the way there repeats its branches, to have what they computed between; and reverse mode writes
``if c: ...`` once more for the cotangents.  What both compute of numbers, the earlier one gives to the later one; a branch of
which nothing is left goes.  Arithmetic is done again rather than given, unless nothing else of the branch remains.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from adjoint._ir.copying import Copier, copied
from adjoint._ir.nodes import Apply, Block, Function, If, Op, Undefined, Value, uses, values, walk
from adjoint._ir.types import Tensor
from adjoint._transform import cost
from adjoint._transform.algebra import same_atom
from adjoint._transform.canonical import canonical
from adjoint._transform.dead import drop_dead_code
from adjoint._transform.replacing import substitute
from adjoint._transform.simplify import frozen


def share_branches(function: Function) -> Function:
    """Return a program in which branches take over what earlier ones computed; the function itself if there is nothing."""
    if not any(len(found) > 1 for block in _blocks(function.body) for found in _alike(block)):
        return function
    new = copied(function)
    shared = [_share(block) for block in list(_blocks(new.body))]
    if not any(shared):
        return function
    drop_dead_code(new)
    return new


def _blocks(block: Block) -> Iterator[Block]:
    yield block
    for op in walk(block):
        yield from op.blocks


def _alike(block: Block) -> list[list[If]]:
    """Return the branches of a block, those on one condition together."""
    found: dict[Value, list[If]] = {}
    for op in block.ops:
        if isinstance(op, If) and type(op.condition) is Value:
            found.setdefault(op.condition, []).append(op)
    return list(found.values())


def _share(block: Block) -> bool:
    """Let the branches of a block take over what they can; tell whether that is anything."""
    env: dict[Value, Any] = {}
    changed = False
    for alike in _alike(block):
        for k, later in enumerate(alike):
            for earlier in alike[:k]:
                changed |= _Pair(earlier, later, env).take()
    substitute(block, env)
    return changed


class _Pair:
    """Two branches on one condition.  ``env`` learns which results of the later one are results of the earlier one."""

    def __init__(self, earlier: If, later: If, env: dict[Value, Any]) -> None:
        self.earlier, self.later, self.env = earlier, later, env
        # For each side: what a value of the later branch is within the earlier one.
        self.sides = [self.side(k) for k in range(2)]

    def side(self, k: int) -> Copier:
        """Find the operations of one side of the later branch that the earlier one does as well."""
        block = self.earlier.blocks[k]
        known = {key: op.outputs[0] for op in block.ops for key in _keys(op)}
        there = Copier(dict(zip(self.earlier.outputs, block.results, strict=True)))
        there.env |= {value: there(atom) for value, atom in self.env.items()}
        branches = [op for op in block.ops if isinstance(op, If)]
        for op in self.later.blocks[k].ops:
            if isinstance(op, Apply) and _is_of_numbers(op):
                found = known.get(_key(there(op.args), there(op.kwargs), op))
                if found is not None:
                    there.env[op.outputs[0]] = found
            elif isinstance(op, If):
                for inner in branches:
                    if there(op.condition) is inner.condition:
                        _Pair(inner, op, there.env).take_results()
        return there

    def take(self) -> bool:
        """Let the later branch take over what it can; tell whether that is anything."""
        changed = self.take_results()
        for k in range(2):
            changed |= self.take_costly(k)
        return changed

    def take_results(self) -> bool:
        """Note which results of the later branch are results of the earlier one; tell whether there are any."""
        changed = False
        own = [self.own(k) for k in range(2)]
        for k, output in enumerate(self.later.outputs):
            parts = [there(block.results[k]) for there, block in zip(self.sides, self.later.blocks, strict=True)]
            if output not in self.env and all(_is_among(part, side) for part, side in zip(parts, own, strict=True)):
                self.env[output] = self.given(parts, output)
                changed = True
        return changed

    def own(self, k: int) -> set[Value]:
        """Return the values that the earlier branch can give on one side."""
        block = self.earlier.blocks[k]
        return {output for op in block.ops for output in op.outputs} | set(values(block.results))

    def take_costly(self, k: int) -> bool:
        """Let one side of the later branch read what costs more than arithmetic, as far as it needs it."""
        block, there = self.later.blocks[k], self.sides[k]
        results = zip(self.later.outputs, block.results, strict=True)
        needed = set(values([part for output, part in results if output not in self.env]))
        env: dict[Value, Any] = {}
        for op in reversed(block.ops):
            if op.outputs and needed.isdisjoint(op.outputs):
                continue
            if op.outputs and op.outputs[0] in there.env and _is_costly(op):
                parts: list[Any] = [Undefined(op.outputs[0].type), Undefined(op.outputs[0].type)]
                parts[k] = there.env[op.outputs[0]]
                env[op.outputs[0]] = self.given(parts, op.outputs[0])
            else:
                needed.update(uses(op))
        if env:
            substitute(block, env)
        return bool(env)

    def given(self, parts: list[Any], like: Value) -> Value:
        """Return a result of the earlier branch that is one value on the one side, and one on the other."""
        blocks = self.earlier.blocks
        for k, output in enumerate(self.earlier.outputs):
            pairs = [(part, block.results[k]) for part, block in zip(parts, blocks, strict=True)]
            if output.type == like.type and all(isinstance(a, Undefined) or same_atom(a, b) for a, b in pairs):
                return self.env.get(output, output)
        output = Value(like.type, like.name)
        self.earlier.outputs.append(output)
        for part, block in zip(parts, blocks, strict=True):
            block.results.append(part)
        return output


def _is_among(part: Any, own: set[Value]) -> bool:
    """Tell whether a side of the earlier branch can give an atom."""
    return part in own if type(part) is Value else isinstance(part, (Undefined, bool, int, float))


def _is_costly(op: Op) -> bool:
    """Tell whether an operation is more than arithmetic."""
    return isinstance(op, Apply) and _is_of_numbers(op) and not cost.light(op) and not cost.cheap(op)


def _is_of_numbers(op: Apply) -> bool:
    """Tell whether an operation gives one number, and has no effect."""
    return len(op.outputs) == 1 and not op.effect and isinstance(t := op.outputs[0].type, Tensor) and t.rank == 0


def _keys(op: Op) -> list[Any]:
    """Return by which keys an operation is found: NumPy's function of the same meaning raises nothing, so it is found too."""
    if not isinstance(op, Apply) or not _is_of_numbers(op):
        return []
    key = _key(op.args, op.kwargs, op)
    return [] if key is None else [key, (canonical(op.function), *key[1:])]


def _key(args: Any, kwargs: Any, op: Apply) -> Any:
    """Return what tells an operation, of these arguments, from another one; None if that cannot be told."""
    t = op.outputs[0].type
    assert isinstance(t, Tensor)
    try:
        key = (op.function, frozen(args), frozen(kwargs), t.dtype)
        hash(key)
    except TypeError:
        return None
    return key
