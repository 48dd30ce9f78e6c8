"""Tidies up what the rules leave: constants, zeros and ones, common subexpressions, dead code, products that need no care.

The rules state mathematics, one formula at a time; here the program that results becomes what a person would have written.

* Operations on constants are carried out.
* ``x * 1``, ``x + 0``, ``-(-x)``, ``a + (-b)``, a `fit` or `spread` between equal shapes (`algebra`).
* ``scale(p, t)`` is ``p * t`` where that is the same (`finite`), and 0 if a factor is a literal zero.
* An operation that was done already, in the block or around it, is not done again.
* A branch whose condition is known is no branch; a value that both branches give is given once.
* What is cheap, cannot fail and does not change from turn to turn is done before a loop.
* What no result depends on goes (`dead`).

The user's own arithmetic keeps its meaning: ``0 * x`` stays, for ``x`` may be infinite.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint._ir.builder import Builder
from adjoint._ir.copying import Copier
from adjoint._ir.nodes import Apply, Block, Call, Function, If, Loop, Op, Undefined, Value, atom_type, functions, values, walk
from adjoint._ir.symbol import extent, length
from adjoint._ir.types import Tensor, Type
from adjoint._rules import kinds, stores
from adjoint._transform.algebra import Algebra, same_atom
from adjoint._transform.canonical import canonical
from adjoint._transform.dead import drop_dead_code
from adjoint._transform.finite import Finiteness, asks
from adjoint._transform.shapes import Shapes

# Each round makes room for the next; programs settle after two or three.
ROUNDS = 6


def simplify(function: Function, finite: Sequence[bool] | None = None) -> Function:
    """Return a program that computes the same with less.

    Parameters
    ----------
    function
        The program.
    finite
        Which parameters are finite whenever the program's own values are: inputs, tangents, cotangents.  A parameter that
        holds a value which another program has computed is not.  None: all, unless the program looks for nan or infinities.

    Returns
    -------
    Function
        The same function, and all that it calls, with values of their own.
    """
    if finite is None:
        finite = [not asks(functions(function))] * len(function.params)
    for _ in range(ROUNDS):
        before = [_size(one) for one in functions(function)]
        function = _round(function, finite)
        if [_size(one) for one in functions(function)] == before:
            break
    return function


def _size(function: Function) -> tuple[int, int, int]:
    """Return numbers that every simplification changes."""
    ops = list(walk(function.body))
    scales = sum(isinstance(op, Apply) and op.function is kinds.scale for op in ops)
    return len(ops), scales, sum(len(op.outputs) for op in ops)


def _round(function: Function, finite: Sequence[bool]) -> Function:
    """Simplify a function and all that it calls once."""
    all_ = functions(function)
    copies = {one: Function(one.name, Block(), one.line, one.doc, one.derivative, one.updates) for one in all_}
    for one, copy in copies.items():
        copy.body = _Simplifier(one, copies, finite if one is function else [False] * len(one.params)).body
    for copy in copies.values():
        drop_dead_code(copy)
    return copies[function]


class _Simplifier(Copier):
    """Copies one function, operation by operation, each in its simplest form."""

    def __init__(self, function: Function, copies: dict[Function, Function], finite: Sequence[bool]) -> None:
        super().__init__()
        self.copies = copies
        self.builder = Builder()
        self.finiteness = Finiteness(function, finite)
        self.shapes = Shapes(function)
        self.algebra = Algebra(self.builder, self.shapes, self.here)
        # What is seen from here: for each block around, its values and the operations that were done in it.
        self.scopes: list[tuple[set[Value], dict[Any, list[Value]]]] = []
        self.body = self.block(function.body)

    # Values

    def fresh(self, value: Value) -> Value:
        new = super().fresh(value)
        self.shapes.equate(new, value)
        if self.scopes:
            self.scopes[-1][0].add(new)
        return new

    def sees(self, value: Value) -> bool:
        return any(value in seen for seen, _ in self.scopes)

    # Blocks and operations

    def block(self, block: Block) -> Block:
        copy = Block()
        self.scopes.append((set(), {}))
        copy.params = [self.fresh(param) for param in block.params]
        with self.builder.into(copy):
            self.operations(block)
        copy.results = self(block.results)
        self.scopes.pop()
        return copy

    def operations(self, block: Block) -> None:
        for op in block.ops:
            self.builder.line = op.line
            self.write(op)

    def write(self, op: Op) -> None:
        match op:
            case Apply():
                self.apply(op)
            case If():
                self.branch(op)
            case Loop():
                copy = self.op(needed := self.without_constants(op))
                self.builder.append(copy)
                assert isinstance(copy, Loop)
                self.share_lists(needed, copy)
                _move_out(self.builder.blocks[-1], copy)
            case Call():
                copy = self.op(op)
                assert isinstance(copy, Call)
                copy.function = self.copies[op.function]
                self.builder.append(copy)
            case _:
                self.builder.append(self.op(op))

    def without_constants(self, op: Loop) -> Loop:
        """Return a loop that does not carry what no turn changes."""
        kept = []
        for k, (carried, init, update) in enumerate(zip(op.carried, op.inits, op.updates, strict=True)):
            first = _as(self(init), carried.type) if update is carried else None
            if first is not None:
                self.env[carried] = self.env[op.outputs[k]] = first
                if op.test is not None:
                    self.env[op.test.params[k]] = first
            else:
                kept.append(k)
        n = len(op.inits)
        body = Block(params=[op.index, *[op.carried[k] for k in kept], *op.items], ops=op.body.ops)
        body.results = [*[op.updates[k] for k in kept], *op.body.results[n:]]
        test = None if op.test is None else Block([op.test.params[k] for k in kept], op.test.ops, op.test.results)
        inits, outputs = [op.inits[k] for k in kept], [*[op.outputs[k] for k in kept], *op.outputs[n:]]
        new = Loop(range=op.range, inits=inits, body=body, test=test, reverse=op.reverse, consumed=op.consumed, stops=op.stops)
        new.outputs, new.line, new.unordered = outputs, op.line, op.unordered
        return new

    def apply(self, op: Apply) -> None:
        """Write an operation in its simplest form, if it has not been done already."""
        new = self.operation(op)
        assert isinstance(new, Apply)
        if op.effect:
            self.append(op, new)
            return
        plain = op.function is kinds.scale and self.finiteness.plain(*op.args)
        found = self.algebra.simplest(new, op.outputs, plain=plain)
        if found is not None:
            for output, atom in zip(op.outputs, found, strict=True):
                self.env[output] = atom
                if type(atom) is Value and not atom.name:
                    atom.name = output.name
            return
        key = key_of(new, op.outputs)
        done = None if key is None else self.done(key)
        if done is not None:
            for output, value in zip(op.outputs, done, strict=True):
                self.env[output] = value
                value.name = value.name or output.name
            return
        self.append(op, new)
        if key is not None:
            self.scopes[-1][1][key] = new.outputs

    def here(self, value: Value) -> Any:
        """Return what stands for a value of the original, if it is seen from here; None otherwise."""
        new = self.env.get(value, value)
        return new if type(new) is Value and self.sees(new) else None

    def append(self, op: Apply, new: Apply) -> None:
        new.line = op.line
        new.outputs = [self.fresh(output) for output in op.outputs]
        self.builder.append(new)
        self.algebra.note(new)

    def done(self, key: Any) -> list[Value] | None:
        """Return the results of an operation that was done in this block or around it."""
        return next((done[key] for _, done in reversed(self.scopes) if key in done), None)

    def branch(self, op: If) -> None:
        """Write a branch; one block of it, if the condition is known."""
        condition = self(op.condition)
        if isinstance(condition, (bool, np.bool_)):
            block = op.then if condition else op.orelse
            self.operations(block)
            for output, result in zip(op.outputs, self(block.results), strict=True):
                self.env[output] = result
            return
        copy = self.op(op)
        assert isinstance(copy, If)
        self.builder.append(copy)
        for output, a, b in zip(op.outputs, copy.then.results, copy.orelse.results, strict=True):
            self.algebra.choose(self(output), condition, a, b)
            if same_atom(a, b) and (type(a) is not Value or self.sees(a)) and _of_type(a, output):
                self.env[output] = a
        self.share_results(op, copy)

    def share_results(self, op: If, copy: If) -> None:
        """Let a result that a branch gives besides another, perhaps on one side only, be that other."""
        pairs = list(zip(copy.then.results, copy.orelse.results, strict=True))
        for k, part in enumerate(pairs):
            for j, whole in enumerate(pairs):
                again = j < k or part != whole
                if j != k and again and copy.outputs[j].type == copy.outputs[k].type and all(map(_is_within, part, whole)):
                    self.env[op.outputs[k]] = self.env[op.outputs[j]]
                    break

    def share_lists(self, op: Loop, copy: Loop) -> None:
        """Let a list that collects what another one collects be that other."""
        known: dict[Value, Value] = {}
        for atom, items, old in zip(copy.collected, copy.lists, op.lists, strict=True):
            if type(atom) is Value:
                self.env[old] = known.setdefault(atom, items)


def _is_within(a: Any, b: Any) -> bool:
    """Tell whether a result of a block is another one, or undefined."""
    return isinstance(a, Undefined) or (type(a) is Value and a is b)


def _of_type(atom: Any, output: Value) -> bool:
    return type(atom) is Value and atom.type == output.type


def _as(atom: Any, t: Type) -> Any:
    """Return an atom as one of a type: itself, or a number of Python's as one of NumPy's; None if that cannot be."""
    if atom_type(atom) == t:
        return atom
    if isinstance(t, Tensor) and not t.rank and not t.number and type(atom) in (bool, int, float, complex):
        return t.dtype.type(atom)
    return None


# Common subexpressions ------------------------------------------------------------------------------------------------------


# New arrays to be filled: two of them are cheaper than one that has to be copied before each is stored into.
_BLANK = {
    np.empty, np.zeros, np.ones, np.full, np.empty_like, np.zeros_like, np.ones_like, np.full_like, stores.listed, stores.blank
}  # fmt: skip


def key_of(op: Apply, outputs: list[Value]) -> Any:
    """Return what tells one operation from another, of results of these types.

    None if that cannot be told, or each is wanted for itself.
    """
    if op.function in _BLANK:
        return None
    try:
        key = (op.function, frozen(op.args), frozen(op.kwargs), op.form, tuple(output.type for output in outputs))
        hash(key)
    except TypeError:
        return None
    return key


def frozen(tree: Any) -> Any:
    if isinstance(tree, (tuple, list)):
        return (type(tree), *map(frozen, tree))
    if type(tree) is dict:
        return tuple((name, frozen(part)) for name, part in sorted(tree.items()))
    if type(tree) is slice:
        return (slice, frozen(tree.start), frozen(tree.stop), frozen(tree.step))
    if isinstance(tree, (float, complex, np.inexact)):
        return (type(tree), repr(tree))  # tells 0.0 from -0.0
    return tree if type(tree) is Value else (type(tree), tree)


# Loops ----------------------------------------------------------------------------------------------------------------------

# What neither fails, nor warns, nor costs much, on numbers; the first three on anything.
_CHEAP = {
    extent, length, np.size, np.add, np.subtract, np.multiply, np.negative, np.square, np.sin, np.cos, np.tanh, np.absolute,
    np.maximum, np.minimum, np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal, kinds.scale,
}  # fmt: skip
_OF_ANYTHING = {extent, length, np.size}


def _move_out(block: Block, loop: Loop) -> None:
    """Do before a loop, which is the last operation of a block, what does not change from turn to turn."""
    changing = {*loop.body.params, *(output for op in loop.body.ops for output in op.outputs)}
    kept: list[Op] = []
    for op in loop.body.ops:
        if isinstance(op, Apply) and _is_cheap(op) and not any(value in changing for value in values(op.operands)):
            changing.difference_update(op.outputs)
            block.ops.insert(len(block.ops) - 1, op)
        else:
            kept.append(op)
    loop.body.ops = kept


def _is_cheap(op: Apply) -> bool:
    if op.effect or canonical(op.function) not in _CHEAP:
        return False
    return op.function in _OF_ANYTHING or all(getattr(value.type, "rank", 1) == 0 for value in values(op.operands))
