"""Which values get no variable, because the one statement that uses them can compute them: ``y = np.sin(x) * x``.

A value is computed where it is used if nobody else uses it, the user has no name for it, no effect is moved, and nothing that
it reads is given a new value in between.  Lines stay short: of too long a line the longest parts become statements.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator
from typing import Any

from adjoint._backend.choices import parts
from adjoint._backend.library import STORES, VIEWS
from adjoint._backend.plan import is_dead, is_outcome, span
from adjoint._ir.nodes import Apply, Block, Call, Function, If, Loop, Op, Raise, Value, functions, values, walk

# Columns for the right side of a statement that is not indented.
WIDTH = 94
_NARROWEST = 40


def choose(function: Function, counts: dict[Value, int], forced: frozenset[Value]) -> dict[Value, Apply | Call]:
    """Return the values that are computed where they are used, with their operations; ``forced`` ones always."""
    inliner = _Inliner(counts, forced)
    inliner.relate(function.body)
    inliner.block(function.body, 1, returns=True)
    return inliner.inlined


class _Inliner:
    """Walks through blocks and remembers what may be moved."""

    def __init__(self, counts: dict[Value, int], forced: frozenset[Value]) -> None:
        self.counts = counts
        self.forced = forced
        self.inlined: dict[Value, Apply | Call] = {}
        self.fixed: set[Value] = set(forced)
        self.family: dict[Value, Value] = {}
        self.named: dict[str, Value] = {}
        self.bases: dict[Value, tuple[Value, ...]] = {}

    # Families: values that will share a variable if they can.

    def root(self, value: Value) -> Value:
        while (parent := self.family.get(value, value)) is not value:
            value = parent
        return value

    def join(self, a: Any, b: Any) -> None:
        if type(a) is Value and type(b) is Value and (one := self.root(a)) is not (two := self.root(b)):
            self.family[one] = two

    def meet(self, value: Value) -> None:
        if value.name:
            self.join(value, self.named.setdefault(value.name, value))

    def relate(self, block: Block) -> None:
        """Find the families of a block."""
        for param in block.params:
            self.meet(param)
        for op in block.ops:
            for output in op.outputs:
                self.meet(output)
            for pair in _partners(op):
                self.join(*pair)
            if isinstance(op, Apply) and (op.function in VIEWS or op.function is operator.getitem) and op.args:
                self.bases[op.outputs[0]] = tuple(values(op.args[0]))
            for inner in op.blocks:
                self.relate(inner)

    # Choices.

    def block(self, block: Block, depth: int, *, returns: bool = False, kept: frozenset[Value] = frozenset()) -> None:
        """Choose in a block; what it returns may be computed there if that is a ``return`` or a test."""
        places: dict[Value, int] = {}
        defined = [self.defined(op) for op in block.ops]
        for k, op in enumerate(block.ops):
            if is_dead(op, self.counts):
                continue
            self.inlined.update(parts(op))
            self.fixed.update(parts(op))
            self.take(values(self.readable(op)), k, places, block.ops, defined)
            self.shorten(op, depth)
            for inner in op.blocks:
                is_test = isinstance(op, Loop) and inner is op.test
                self.block(inner, depth + 1, returns=is_test or (returns and is_outcome(op, block)), kept=_kept(op))
            if (
                _movable(op)
                and self.counts.get(op.outputs[0]) == 1
                and (not op.outputs[0].name or op.outputs[0] in self.forced)
            ):
                places[op.outputs[0]] = k
        rest = list(values(block.results))
        self.take(
            rest if returns else [v for v in rest if v in self.forced or v in kept],
            len(block.ops),
            places,
            block.ops,
            defined,
            kept,
        )
        if returns:
            self.fit(rest, depth, len(rest) * 2)

    def take(
        self,
        used: Iterable[Value],
        at: int,
        places: dict[Value, int],
        ops: list[Op],
        defined: list[frozenset[Value]],
        kept: frozenset[Value] = frozenset(),
    ) -> None:
        """Compute values at the operation that uses them, if nothing in between is in the way."""
        for value in used:
            start = places.get(value)
            if start is None:
                continue
            read = frozenset(self.root(leaf) for leaf in self.read(ops[start]))
            between = (k for k in range(start + 1, at) if not any(output in self.inlined for output in ops[k].outputs))
            if value in self.forced or value in kept or not any(read & defined[k] for k in between):
                self.inlined[value] = ops[start]  # type: ignore[assignment]

    def read(self, op: Op) -> Iterator[Value]:
        """Yield what an operation reads, through what is inlined, with the arrays that it views."""
        for value in values(op.operands):
            if value in self.inlined:
                yield from self.read(self.inlined[value])
            else:
                yield from self.based(value)

    def based(self, value: Value) -> Iterator[Value]:
        yield value
        for base in self.bases.get(value, ()):
            yield from self.based(base)

    def defined(self, op: Op) -> frozenset[Value]:
        """Return the families that an operation gives new values to."""
        found = {self.root(output) for output in op.outputs}
        for block in op.blocks:
            found.update(self.root(param) for param in block.params)
            found.update(self.root(output) for inner in walk(block) for output in inner.outputs)
        return frozenset(found)

    def readable(self, op: Op) -> Any:
        """Return the operands that are read in the line of the operation itself."""
        match op:
            case Loop():
                return span(op, self.counts)
            case If():
                return op.condition
            case _:
                return op.operands

    # Lengths of lines.

    def shorten(self, op: Op, depth: int) -> None:
        """Give the longest parts of an operation statements of their own until it fits into a line."""
        self.fit(list(values(self.readable(op))), depth, _own_length(op))

    def fit(self, parts: list[Value], depth: int, own: int) -> None:
        room = max(WIDTH - 4 * depth, _NARROWEST)
        while own + sum(map(self.length, parts)) > room:
            long = max((v for v in parts if v in self.inlined and v not in self.fixed), key=self.length, default=None)
            if long is None or self.length(long) < 12:
                return
            del self.inlined[long]

    def length(self, value: Value) -> int:
        op = self.inlined.get(value)
        if op is None:
            return len(value.name) or 3
        return _own_length(op) + sum(map(self.length, values(op.operands)))


def _own_length(op: Op) -> int:
    """Return about how many characters an operation has without its operands."""
    if not isinstance(op, Apply):
        return 8
    if op.function is operator.getitem or op.function in STORES:
        return 3 if op.function is operator.getitem else 6
    n = len(op.args) + len(op.kwargs)
    symbols = {"add", "subtract", "multiply", "divide", "power", "negative", "matmul"}
    name = getattr(op.function, "__name__", "function")
    constants = sum(len(repr(part)) for part in op.args if not isinstance(part, (Value, tuple, list, slice)))
    return constants + (4 if name in symbols else len(name) + 5 + 2 * n)


def _kept(op: Op) -> frozenset[Value]:
    """Return the values that a loop keeps, which is done where they are computed."""
    return frozenset(values(op.collected)) if isinstance(op, Loop) else frozenset()


def _movable(op: Op) -> bool:
    """Tell whether an operation may be computed later than it stands."""
    if isinstance(op, Call):
        return len(op.outputs) == 1 and not op.function.updates and not _has_effect(op.function)
    return isinstance(op, Apply) and op.form is None and len(op.outputs) == 1 and not op.effect and op.function not in STORES


def _has_effect(function: Function) -> bool:
    ops = [op for one in functions(function) for op in walk(one.body)]
    return any(isinstance(op, Raise) or (isinstance(op, Apply) and op.effect) for op in ops)


def _partners(op: Op) -> Iterator[tuple[Any, Any]]:
    """Yield pairs of atoms that should share a variable."""
    match op:
        case If():
            for block in op.blocks:
                yield from zip(op.outputs, block.results, strict=True)
        case Loop():
            yield from zip(op.carried, op.inits, strict=True)
            yield from zip(op.carried, op.updates, strict=True)
            yield from zip(op.finals, op.carried, strict=True)
            if op.test is not None:
                yield from zip(op.test.params, op.carried, strict=True)
        case Apply() if op.function in STORES:
            yield op.outputs[0], op.args[0]
        case _:
            return
