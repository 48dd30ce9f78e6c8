"""The order of operations: what reads an array goes before the store that ends its life, if it stands behind only by chance.

Derivatives of a store clear a part of a cotangent and read that part, in any order.  If the reading is first, the array
itself need not be copied.
"""

from __future__ import annotations

from adjoint._backend.library import STORES
from adjoint._ir.nodes import Apply, Block, Op, Value, uses, values


def schedule(block: Block) -> None:
    """Change the order of the operations of a block and of the blocks within."""
    for op in block.ops:
        for inner in op.blocks:
            schedule(inner)
    stores = [op for op in block.ops if isinstance(op, Apply) and op.function in STORES]
    if not stores:
        return
    readers: dict[Value, list[Op]] = {}
    makers = {output: op for op in block.ops for output in op.outputs}
    for op in block.ops:
        for value in dict.fromkeys(uses(op)):
            readers.setdefault(value, []).append(op)
    for store in stores:
        _advance(block, store, readers, makers)


def _advance(block: Block, store: Apply, readers: dict[Value, list[Op]], makers: dict[Value, Op]) -> None:
    """Move what reads the old version of an array in front of the store."""
    old = store.args[0]
    if type(old) is not Value or len(readers[old]) < 2:
        return
    place = {op: k for k, op in enumerate(block.ops)}
    start = place[store]
    late = [op for op in readers[old] if place[op] > start]
    moved: set[Op] = set()
    for op in late:
        needed = _needed(op, start, place, makers)
        if needed is None:
            return  # the old version stays alive in any case
        moved |= needed
    if moved:
        early = [op for op in block.ops[start:] if op in moved]
        block.ops[start:] = [*early, *[op for op in block.ops[start:] if op not in moved]]


def _needed(op: Op, start: int, place: dict[Op, int], makers: dict[Value, Op]) -> set[Op] | None:
    """Return an operation with all that it needs and that stands behind a place; None if that cannot be moved."""
    found: set[Op] = set()
    pending = [op]
    while pending:
        one = pending.pop()
        if one in found or place[one] < start:
            continue
        if not isinstance(one, Apply) or one.effect or one.function in STORES:
            return None
        found.add(one)
        pending += [makers[value] for value in values(one.operands) if value in makers]
    return found
