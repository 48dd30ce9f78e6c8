"""All directions of a Jacobian in a program: many at once, in chunks.

The part of a program that depends on the direction is batched, so that the operations of the function itself are done once for
a chunk, and those on tangents (cotangents) on stacks of them.  What does not depend on the direction at all is written before
the loop over the chunks.  Where the program cannot be batched, the directions are taken one after the other.

The rule for the length of a chunk is simple: `CHUNK` directions.  The cost of a direction falls while the overhead of Python is
shared by more of them, which is used up by then, and no value of the program takes more than `CHUNK` times its memory.

Where the function computes with single numbers only, a chunk has `LANES` directions, always: the last one is filled up with
zeros.  So their stacks are short arrays of known length, which machine code has in registers.  On the Jacobian of GradBench's
hand tracking (26 columns) chunks of 4 x 8 take a third of the time of 16 and 10, and 16 x 2 or 32 no less.
"""

from __future__ import annotations

import builtins
import contextlib
import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from adjoint._ir.copying import Copier
from adjoint._ir.nodes import Apply, Block, Call, Function, Op, Value, functions, uses, values, walk
from adjoint._ir.symbol import Symbol, extent, writer
from adjoint._ir.types import Tensor
from adjoint._rules import stores
from adjoint._transform.batching import batch
from adjoint.errors import BatchError

# How many directions are taken at once.
CHUNK = 16
# How many of them if the function computes with single numbers.
LANES = 8
# Functions that make arrays of directions of arrays, or show a part of one, and compute nothing.
_MOVES = frozenset({
    operator.getitem, stores.assign, stores.accumulate, np.zeros, np.zeros_like, np.empty_like, np.eye, np.copy, np.reshape,
    np.array,
})  # fmt: skip


def along_all(program: Function, atoms: Sequence[Any], place: int, like: Any, name: str) -> list[Any]:
    """Write what a program that is linear in one parameter gives for all unit vectors of the form of ``like``.

    ``atoms`` are the arguments; the one at ``place`` is replaced by the directions.  Returns for each result the array with the
    axis over the directions in front, None for zeros; ``name`` is what the program calls its parts.
    """
    seed = program.params[place]
    if not like.ndim:
        one = 1.0 if like.dtype.kind == "f" else 1.0 + 0.0j
        copier = _bound(program, [*atoms[:place], one, *atoms[place + 1 :]])
        _append(copier, program.body.ops)
        return [_symbol(copier(result)) for result in program.results]
    try:
        made = batch(program, [param is seed for param in program.params])
    except BatchError:
        return _one_by_one(program, atoms, place, like, name)
    return _in_chunks(made.function, made.batched_results, atoms, place, like, name)


def _in_chunks(program: Function, wanted: Sequence[bool], atoms: Sequence[Any], place: int, like: Any, name: str) -> list[Any]:
    recorder, n = writer(), like.size
    copier = _bound(program, atoms)
    before, within = parted(program.body, program.params[place])
    _append(copier, before)
    scalar = not any(_computes_with_arrays(op) for op in within)
    width = LANES if scalar else CHUNK
    if scalar:
        within = _with_length(copier, within, program.params[place])

    def turn(k: Symbol) -> Any:
        count = LANES if scalar else recorder.apply(builtins.min, (CHUNK, recorder.apply(operator.sub, (n, k), {})), {})
        _seed(copier, program.params[place], like, k, count)
        _append(copier, within)
        results = copier(program.results)
        return [], [Symbol(result) for result, w in zip(results, wanted, strict=True) if w]

    # One turn at least, which finds the shape of no directions.
    end = recorder.apply(builtins.max, (n, 1), {})
    with _at(within):
        _, lists, _ = recorder.loop((0, end, width), [], turn)
    found = _joined(lists, wanted, name, lambda _: np.concatenate)
    return [x[:n] if scalar and x is not None else x for x in found]


def _computes_with_arrays(op: Op) -> bool:
    """Tell whether an operation, or one within, computes with more than a number for each direction."""
    if isinstance(op, Apply):
        wide = any(isinstance(output.type, Tensor) and output.type.rank > 1 for output in op.outputs)
        whole = any(isinstance(value.type, Tensor) and value.type.rank > 1 for value in values(op.operands))
        return (wide or whole) and op.function not in _MOVES and op.function not in (extent, np.size)
    if isinstance(op, Call):
        return True
    return any(_computes_with_arrays(inner) for block in op.blocks for inner in block.ops)


def _with_length(copier: Copier, ops: list[Op], seed: Value) -> list[Op]:
    """Return operations without those that ask for the number of directions, which is known."""
    asked = [op for op in ops if isinstance(op, Apply) and op.function is extent and op.args == (seed, 0)]
    copier.env.update((op.outputs[0], LANES) for op in asked)
    return [op for op in ops if op not in asked]


def _one_by_one(program: Function, atoms: Sequence[Any], place: int, like: Any, name: str) -> list[Any]:
    """Take one direction after the other."""
    recorder, n = writer(), like.size
    copier = _bound(program, atoms)
    before, within = parted(program.body, program.params[place])
    _append(copier, before)
    wanted = [type(result) is Value for result in program.results]

    def turn(k: Symbol) -> Any:
        _seed(copier, program.params[place], like, k)
        _append(copier, within)
        return [], [Symbol(atom) for atom in copier(program.results) if type(atom) is Value]

    with _at(within):
        _, lists, _ = recorder.loop((0, n, 1), [], turn)
    return _joined(lists, wanted, name, lambda item: np.stack if item.rank else np.array)


def _seed(copier: Copier, param: Value, like: Any, k: Symbol, count: Any = None) -> None:
    """Write row ``k`` of the identity matrix in the form of ``like``, or a stack of ``count`` rows, in place of a parameter."""
    recorder = writer()
    options = {} if like.dtype == float else {"dtype": like.dtype}
    seeds = recorder.create(np.eye, (1 if count is None else count, like.size, k), options)
    if count is None:
        seeds = np.reshape(seeds, like.shape)
    elif like.ndim > 1:
        seeds = np.reshape(seeds, (count, *like.shape))
    atom = copier.env[param] = recorder.atom(seeds)
    atom.name = atom.name or param.name


def _joined(lists: Sequence[Any], wanted: Sequence[bool], name: str, how: Callable[[Any], Any]) -> list[Any]:
    """Return the arrays that lists of their parts make, None for what is not wanted."""
    for parts in lists:
        parts.value.name = name
    whole = iter([writer().apply(how(parts.type.item), (parts,), {}) for parts in lists])
    return [next(whole) if w else None for w in wanted]


@contextlib.contextmanager
def _at(ops: Sequence[Op]) -> Iterator[None]:
    """Let what is written belong to the user's line that operations come from."""
    recorder = writer()
    before, recorder.line = recorder.line, next((op.line for op in ops if op.line is not None), recorder.line)
    try:
        yield
    finally:
        recorder.line = before


def parted(block: Block, seed: Value) -> tuple[list[Op], list[Op]]:
    """Return the operations of a block that do not depend on a value, and those that do."""
    dependent, before, within = {seed}, [], []
    for op in block.ops:
        if any(value in dependent for value in uses(op)):
            dependent.update(op.outputs)
            within.append(op)
        else:
            before.append(op)
    return before, within


def has_effects(function: Function) -> bool:
    """Tell whether a program has effects, random draws above all, which may not be done again for another direction."""
    return any(getattr(op, "effect", False) for one in functions(function) for op in walk(one.body))


def _bound(program: Function, atoms: Sequence[Any]) -> Copier:
    return Copier(dict(zip(program.params, atoms, strict=True)))


def _append(copier: Copier, ops: Sequence[Op]) -> None:
    for op in ops:
        writer().append(copier.op(op))


def _symbol(atom: Any) -> Any:
    if type(atom) is not Value:
        return atom
    return writer().symbol(atom) if isinstance(atom.type, Tensor) else Symbol(atom)


__all__ = ["CHUNK", "along_all", "has_effects", "parted"]
