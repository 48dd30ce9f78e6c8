"""Branches that are expressions: ``a and b``, ``a or b``, ``x if condition else y``.

The frontend writes them as branches, as any other, because the second operand may not be computed where the first decides.
In the text they become expressions again, if each side is one expression.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from adjoint._backend import library, remarks
from adjoint._ir.nodes import Apply, Block, If, Op, Value, atom_type, values
from adjoint._ir.types import Tensor

# Operations on one side of a branch that still reads as an expression.
_LONGEST = 6


def choose(condition: Any, then: Any, orelse: Any) -> Any:
    """Stands for ``then if condition else orelse``, of which only one is computed."""
    return then if condition else orelse


@dataclass(eq=False, slots=True, kw_only=True)
class Choice(Apply):
    """A branch as an operation; ``inner`` are the operations of its sides, which have no other place."""

    inner: list[Apply] = field(default_factory=list)


def introduce(block: Block) -> None:
    """Replace branches of a block and of the blocks within by choices where they are expressions."""
    for k, op in enumerate(block.ops):
        for inner in op.blocks:
            introduce(inner)
        if isinstance(op, If) and (choice := _choice(op)) is not None:
            block.ops[k] = choice


def _choice(op: If) -> Choice | None:
    """Return a branch as a choice, None if it is not one."""
    if len(op.outputs) != 1 or not (is_logical(op) or _is_written_so(op)):
        return None
    inner = [*op.then.ops, *op.orelse.ops]
    if len(inner) > _LONGEST or not all(_is_expression(block) for block in op.blocks):
        return None
    args = (op.condition, op.then.results[0], op.orelse.results[0])
    applied = [one for one in inner if isinstance(one, Apply)]
    return Choice(function=choose, args=args, outputs=op.outputs, line=op.line, inner=applied)


def is_logical(op: If) -> bool:
    """Tell whether a branch is an ``and`` or an ``or``."""
    sides = [block.results[0] for block in op.blocks]
    return any(type(side) is bool for side in sides) and all(map(_is_truth, [op.condition, *sides]))


def _is_truth(atom: Any) -> bool:
    t = atom_type(atom)
    return isinstance(t, Tensor) and t.rank == 0 and t.dtype.kind == "b"


def _is_written_so(op: If) -> bool:
    """Tell whether the user wrote a conditional expression of numbers."""
    code, _ = remarks.source_of(op.line)
    t = op.outputs[0].type
    return " if " in code and " else " in code and isinstance(t, Tensor) and t.rank == 0


def _is_expression(block: Block) -> bool:
    """Tell whether the operations of a block are used once, for its result."""
    used = Counter(values(block.results))
    for op in block.ops:
        used.update(values(op.operands))
        used.update(value for one in _inner(op) for value in values(one.operands))
    return all(_is_part(op) and used[op.outputs[0]] == 1 for op in block.ops)


def _is_part(op: Op) -> bool:
    """Tell whether an operation can be a part of an expression."""
    if not isinstance(op, Apply) or op.effect or op.form is not None or len(op.outputs) != 1:
        return False
    return op.function not in library.STORES and not op.outputs[0].name


def _inner(op: Op) -> list[Apply]:
    return op.inner if isinstance(op, Choice) else []


def parts(op: Op) -> dict[Value, Apply]:
    """Return the operations that are parts of a choice, by what they compute, those of choices within included."""
    found: dict[Value, Apply] = {}
    for one in _inner(op):
        found[one.outputs[0]] = one
        found.update(parts(one))
    return found
