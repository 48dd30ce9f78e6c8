"""Leaves out of the programs that a pass writes what nobody uses, and puts other atoms in the place of values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adjoint._ir.nodes import Apply, Block, Call, If, Loop, Op, Raise, Value, map_atoms, uses, values, walk


def settled(op: Op) -> bool:
    """Tell whether an operation has to happen where it stands, and once: an effect, an end of the program, a call of a function."""
    return any(isinstance(o, (Raise, Call)) or (isinstance(o, Apply) and o.effect) for o in (op, *_inner(op)))


def _inner(op: Op) -> list[Op]:
    return [o for block in op.blocks for o in walk(block)]


def prune(block: Block) -> None:
    """Leave out operations, results of branches and lists of loops that nobody uses."""
    live = set(values(block.results))
    kept: list[Op] = []
    for op in reversed(block.ops):
        if not settled(op) and not any(output in live for output in op.outputs):
            continue
        _shed(op, live)
        for inner in op.blocks:
            prune(inner)
        live.update(uses(op))
        kept.append(op)
    block.ops = kept[::-1]


def _shed(op: Op, live: set[Value]) -> None:
    """Drop the results of a branch and the lists of a loop that nobody uses."""
    match op:
        case If():
            wanted = [k for k, output in enumerate(op.outputs) if output in live]
            op.outputs = [op.outputs[k] for k in wanted]
            for block in op.blocks:
                block.results = [block.results[k] for k in wanted]
        case Loop():
            n = len(op.inits)
            wanted = [k for k in range(n, n + len(op.lists)) if op.outputs[k] in live]
            op.outputs = [*op.finals, *[op.outputs[k] for k in wanted], op.turns]
            stop = op.body.results[len(op.body.results) - op.stops :]
            op.body.results = [*op.updates, *[op.body.results[k] for k in wanted], *stop]


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
