"""Which values have the same shape, as far as that is known before the program runs.

The shape of a value is described by a set of values, to whose shapes together NumPy broadcasts: ``a + b`` has ``{a, b}``, and
so has ``sin(a) * b``.  Broadcasting is associative, commutative and idempotent, so equal sets are equal shapes.  (The reverse
does not hold: where the sets differ, nothing is known.) Numbers have the empty set.  A value of which nothing is known has
the set of itself.

Within a loop a set speaks of the values of one turn.  A carried value keeps the set that it starts with if every turn gives
it back.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from adjoint._ir.nodes import Apply, Block, Function, If, Loop, Op, Undefined, Value, atom_type
from adjoint._ir.symbol import extent
from adjoint._ir.types import Tensor
from adjoint._rules import arithmetic, arrays, indexing, kinds, shaping, stores
from adjoint._rules.book import BOOK

Key = frozenset[Value]
NUMBER: Key = frozenset()
Cut = int | tuple[Any, Any, Any] | bool | None

# Functions whose result has the shape of one argument, with its position.
_LIKE = {
    stores.fit: 1, stores.spread: 1, stores.form: 0, stores.assign: 0, stores.accumulate: 0, np.zeros_like: 0, np.ones_like: 0,
    np.empty_like: 0, np.full_like: 0, np.copy: 0, np.astype: 0, shaping.convert: 0, shaping.discretise: 0,
    arrays.real_copy: 0, np.real: 0, np.imag: 0, np.conj: 0, np.flip: 0, np.roll: 0, np.tril: 0, np.triu: 0,
    kinds.zeros_like: 0, np.nan_to_num: 0, np.linalg.inv: 0, np.linalg.cholesky: 0, arithmetic.real_part: 0,
    arithmetic.imaginary_part: 0,
}  # fmt: skip
# Functions whose result has a shape that is written out, with its position.
_SHAPED = {np.broadcast_to: 1, np.reshape: 1, np.zeros: 0, np.ones: 0, np.full: 0, np.empty: 0, indexing.scatter: 2}
# Functions that make an array of nested sequences of numbers.
_WRITTEN = {np.array, np.asarray}
_SQUARE = {np.eye, np.identity}
_REDUCTIONS = {np.sum, np.mean, np.max, np.min, np.amax, np.amin, np.prod, np.var, np.std, np.any, np.all}
# Functions of several arguments that broadcast, besides those of elementwise rules and ufuncs.
_BROADCASTING = {np.where, np.clip, kinds.scale}


class Shapes:
    """What is known of the shapes of the values of a function."""

    def __init__(self, function: Function | None = None) -> None:
        self.keys: dict[Value, Key] = {}
        # The array and the axis that a number is the length of.
        self.lengths: dict[Value, tuple[Value, Any]] = {}
        # Of a reduction that keeps its axes, the shape with which it broadcasts to no more than that shape.
        self.below: dict[Value, Key] = {}
        # What stands for lengths that are written out.
        self.standing: dict[tuple[int, ...], Value] = {}
        # One value for all parts of a shape that have the same form: ``x[1:-1]``, ``x[2:]`` and ``x[:-2]`` are of one length.
        self.parts: dict[tuple[Key, tuple[Cut, ...]], Value] = {}
        if function is not None:
            self.block(function.body)

    def __call__(self, atom: object) -> Key:
        """Return the set that describes the shape of an atom."""
        t = atom_type(atom)
        if isinstance(t, Tensor) and t.rank == 0:
            return NUMBER
        if type(atom) is Value:
            return self.keys.get(atom, frozenset((atom,)))
        return frozenset((self.stands_for(np.shape(atom)) if isinstance(atom, np.ndarray) else Value(t),))

    def stands_for(self, lengths: tuple[int, ...]) -> Value:
        """Return the value that stands for lengths."""
        return self.standing.setdefault(lengths, Value(Tensor(np.dtype(float), len(lengths))))

    def same(self, a: object, b: object) -> bool:
        """Tell whether two atoms are known to have the same shape."""
        return self(a) == self(b)

    def equate(self, value: Value, other: object) -> None:
        """Note that ``value`` has the shape of ``other``."""
        self.keys[value] = self(other)

    # What operations tell

    def learn(self, op: Op) -> None:
        """Note what an operation tells of its results."""
        for output in op.outputs:
            self.keys.pop(output, None)
        match op:
            case Apply():
                if op.function is extent:
                    self.lengths[op.outputs[0]] = op.args
                elif len(op.outputs) == 1 and isinstance(op.outputs[0].type, Tensor):
                    self.apply(op)
            case If():
                self.block(op.then)
                self.block(op.orelse)
                for output, a, b in zip(op.outputs, op.then.results, op.orelse.results, strict=True):
                    source = b if isinstance(a, Undefined) else a
                    if isinstance(a, Undefined) or isinstance(b, Undefined) or self.same(a, b):
                        self.outside(output, self(source), op)
            case Loop():
                self.loop(op)

    def apply(self, op: Apply) -> None:
        function, args = op.function, op.args
        if function in _LIKE and not (set(op.kwargs) - {"dtype"}):
            source = args[_LIKE[function]] if len(args) > _LIKE[function] else None
            t = atom_type(source)
            if isinstance(t, Tensor) and t.rank == getattr(op.outputs[0].type, "rank", None):
                self.keys[op.outputs[0]] = self(source)
        elif function in _SHAPED and len(args) > _SHAPED[function]:
            source = self.written_out(args[_SHAPED[function]])
            if source is not None:
                self.keys[op.outputs[0]] = self(source)
        elif function in _WRITTEN and (lengths := _nested(args[0])) and len(lengths) == getattr(op.outputs[0].type, "rank", 0):
            self.keys[op.outputs[0]] = frozenset((self.stands_for(lengths),))
        elif function in _SQUARE and len(args) == 1 and type(args[0]) is int and args[0] >= 0:
            self.keys[op.outputs[0]] = frozenset((self.stands_for((args[0], args[0])),))
        elif function is operator.getitem and isinstance(atom_type(args[0]), Tensor):
            self.part(op)
        elif function in _REDUCTIONS and op.kwargs.get("keepdims") is True and type(args[0]) is Value:
            self.below[op.outputs[0]] = self(args[0])
        elif broadcasts(op):
            key = frozenset().union(*map(self, args))
            self.keys[op.outputs[0]] = key - {leaf for leaf in key if leaf in self.below and self.below[leaf] <= key - {leaf}}

    def part(self, op: Apply) -> None:
        """Note the shape of ``x[1:-1]``, ``x[i]`` and the like: of each axis what is cut off, or that it is gone."""
        x, index = op.args
        rank = getattr(atom_type(x), "rank", 0)
        entries = list(index) if isinstance(index, tuple) else [index]
        if len(entries) > rank:
            return
        cuts = [_cut(entry) for entry in entries] + [0] * (rank - len(entries))
        if any(cut is False for cut in cuts):
            return
        if not any(cuts) and None not in cuts:
            self.keys[op.outputs[0]] = self(x)
            return
        known = self.parts.setdefault((self(x), tuple(cuts)), op.outputs[0])
        self.keys[op.outputs[0]] = frozenset((known,))

    def written_out(self, shape: object) -> Value | None:
        """Return the array whose lengths a shape lists, all of them and in order."""
        lengths = shape if isinstance(shape, (tuple, list)) else [shape]
        numbers = tuple(n for n in lengths if type(n) is int and n >= 0)
        if lengths and len(numbers) == len(lengths):
            return self.stands_for(numbers)
        found = [self.lengths.get(n) if type(n) is Value else None for n in lengths]
        if not found or any(length is None or length[1] != axis for axis, length in enumerate(found)):
            return None
        sources = {length[0] for length in found if length is not None}
        source = sources.pop()
        return source if not sources and type(source) is Value and getattr(source.type, "rank", 0) == len(found) else None

    def block(self, block: Block) -> None:
        for op in block.ops:
            self.learn(op)

    def loop(self, op: Loop) -> None:
        """Assume that carried values keep their shapes; take back what turns out otherwise, and look again."""
        assumed = {
            carried: self(init)
            for carried, init in zip(op.carried, op.inits, strict=True)
            if isinstance(carried.type, Tensor) and carried.type.rank and not isinstance(init, Undefined)
        }
        while True:
            self.keys.update(assumed)
            self.block(op.body)
            wrong = [
                carried
                for carried, update in zip(op.carried, op.updates, strict=True)
                if carried in assumed and self(update) != assumed[carried]
            ]
            if not wrong:
                break
            for carried in wrong:
                del assumed[carried]
                self.keys.pop(carried, None)
        if op.test is not None:
            for param, carried in zip(op.test.params, op.carried, strict=True):
                self.equate(param, carried)
            self.block(op.test)
        for carried, final in zip(op.carried, op.finals, strict=True):
            if carried in assumed:
                self.keys[final] = assumed[carried]

    def outside(self, output: Value, key: Key, op: Op) -> None:
        """Note the shape of a result of a branch, unless it is that of a value which does not exist outside."""
        inner = {value for block in op.blocks for value in _defined(block)}
        if not key & inner:
            self.keys[output] = key


def _nested(x: object) -> tuple[int, ...]:
    """Return the lengths of nested sequences of numbers; none if they are something else."""
    if not isinstance(x, (list, tuple)):
        return ()
    inner = {_nested(part) for part in x}
    numbers = all(isinstance(t := atom_type(part), Tensor) and not t.rank for part in x if not isinstance(part, (list, tuple)))
    return (len(x), *inner.pop()) if x and len(inner) == 1 and numbers else ()


def _cut(entry: Any) -> Cut:
    """Return what an entry of an index cuts off an axis.

    The number of elements, or the bounds of a slice; None if it takes the axis away, False if nothing is known.
    """
    if isinstance(entry, slice):
        start, stop = entry.start or 0, entry.stop or 0
        if entry.step in (None, 1) and type(start) is int and type(stop) is int and start >= 0 >= stop and entry.stop != 0:
            return start - stop
        return entry.start, entry.stop, entry.step
    t = entry.type if type(entry) is Value else None
    whole = isinstance(entry, int) and not isinstance(entry, bool)
    return None if whole or (isinstance(t, Tensor) and t.rank == 0 and t.dtype.kind in "iu") else False


def broadcasts(op: Apply) -> bool:
    """Tell whether an operation acts element by element on arguments that it broadcasts."""
    function = op.function
    if op.kwargs or any(isinstance(arg, (list, tuple)) for arg in op.args):
        return False
    if isinstance(function, np.ufunc):
        return function.signature is None
    rule = BOOK.get(function)
    return function in _BROADCASTING or (rule is not None and rule.kind == "elementwise")


def _defined(block: Block) -> list[Value]:
    found = [*block.params, *(output for op in block.ops for output in op.outputs)]
    return found + [value for op in block.ops for inner in op.blocks for value in _defined(inner)]
