"""Puts other atoms in the place of values, in programs that a pass has written itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adjoint._ir.nodes import Apply, Block, Call, If, Loop, Raise, Value, map_atoms, walk


def substitute(block: Block, env: Mapping[Value, Any]) -> None:
    """Put atoms in the place of values everywhere in a block."""

    def new(tree: Any) -> Any:
        return map_atoms(lambda atom: env.get(atom, atom) if type(atom) is Value else atom, tree)

    for op in walk(block):
        match op:
            case Apply():
                op.args, op.kwargs = new(op.args), new(op.kwargs)
            case If():
                op.condition = new(op.condition)
            case Loop():
                op.range, op.inits, op.consumed = new(op.range), new(op.inits), new(op.consumed)
            case Call():
                op.args = new(op.args)
            case Raise():
                op.args = new(op.args)
        for inner in op.blocks:
            inner.results = new(inner.results)
    block.results = new(block.results)
