"""A function as statements of Python, before variables have names.

::

    Step
    ├── Compute    outputs = operation(...)
    ├── Move       values take over from others, all at once: into a loop, around it, out of it, out of a branch
    ├── Branch     if condition: ... else: ...
    ├── Cycle      for ...: or while ...:
    ├── Start      kept = []
    ├── Collect    kept.append(value)
    ├── Flip       kept.reverse()
    ├── Break      break, or if condition: break
    ├── Fail       raise ...
    └── Return     return ...

What an operation takes is a tree of atoms; a value in `Plan.inlined` stands for the operation that computes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from adjoint._backend.choices import parts
from adjoint._ir.nodes import Apply, Block, Call, Function, If, Line, Loop, Op, Raise, Value, map_atoms, values

__all__ = [
    "Branch", "Break", "Collect", "Compute", "Cycle", "Fail", "Flip", "Move", "Pair", "Plan", "Return", "Start", "Step",
    "count", "lower", "span",
]  # fmt: skip


@dataclass(eq=False, slots=True, kw_only=True)
class Step:
    """A statement, and the user's line that it comes from."""

    line: Line | None = None

    @property
    def inner(self) -> tuple[list[Step], ...]:
        """The statements within."""
        return ()


@dataclass(eq=False, slots=True, kw_only=True)
class Compute(Step):
    """``copies`` says that the result is to have memory of its own, ``in_place`` that the first argument gives way to it."""

    op: Apply | Call
    copies: bool = False
    in_place: bool = False


@dataclass(eq=False, slots=True)
class Pair:
    """A value, and what it takes over; ``copies`` as in `Compute`."""

    target: Value
    source: Any
    copies: bool = False


@dataclass(eq=False, slots=True, kw_only=True)
class Move(Step):
    pairs: list[Pair]


@dataclass(eq=False, slots=True, kw_only=True)
class Branch(Step):
    """``negated`` exchanges the two sides in print: ``if not condition``."""

    condition: Any
    then: list[Step]
    orelse: list[Step]
    negated: bool = False

    @property
    def inner(self) -> tuple[list[Step], ...]:
        return (self.then, self.orelse)


@dataclass(eq=False, slots=True, kw_only=True)
class Cycle(Step):
    """A loop; ``check`` computes ``test`` before each turn.

    ``index``, ``turns`` and the range ``span`` are None where nobody asks for them.
    """

    loop: Loop
    check: list[Step] = field(default_factory=list)
    test: Any = True
    body: list[Step] = field(default_factory=list)
    span: tuple[Any, ...] | None = None
    index: Value | None = None
    turns: Value | None = None

    @property
    def inner(self) -> tuple[list[Step], ...]:
        return (self.check, self.body)


@dataclass(eq=False, slots=True, kw_only=True)
class Start(Step):
    target: Value


@dataclass(eq=False, slots=True, kw_only=True)
class Collect(Step):
    target: Value
    item: Any
    copies: bool = False


@dataclass(eq=False, slots=True, kw_only=True)
class Flip(Step):
    target: Value


@dataclass(eq=False, slots=True, kw_only=True)
class Break(Step):
    condition: Any = True
    negated: bool = False


@dataclass(eq=False, slots=True, kw_only=True)
class Fail(Step):
    op: Raise


@dataclass(eq=False, slots=True, kw_only=True)
class Return(Step):
    """``copies`` are the positions of results that are to have memory of their own."""

    results: list[Any]
    copies: frozenset[int] = frozenset()


@dataclass(eq=False, slots=True)
class Plan:
    """A function as statements.  ``aliases`` are values that are others under a second name."""

    function: Function
    inlined: dict[Value, Apply | Call]
    aliases: dict[Value, Value]
    steps: list[Step] = field(default_factory=list)

    def resolve(self, atom: Any) -> Any:
        """Return the atom that stands for an atom."""
        return self.aliases.get(atom, atom) if type(atom) is Value else atom

    def leaves(self, tree: Any) -> Iterator[Value]:
        """Yield the values that are read where a tree of atoms is computed, through what is inlined."""
        found: list[Value] = []
        self._read(tree, found)
        return iter(found)

    def _read(self, tree: Any, found: list[Value]) -> None:
        for value in values(tree):
            op = self.inlined.get(value)
            if op is None:
                found.append(self.aliases.get(value, value))
            else:
                self._read(op.operands, found)

    def walk(self, steps: list[Step] | None = None) -> Iterator[Step]:
        """Yield every statement, a statement before those within."""
        found: list[Step] = []
        _flatten(self.steps if steps is None else steps, found)
        return iter(found)


def _flatten(steps: list[Step], found: list[Step]) -> None:
    for step in steps:
        found.append(step)
        for inner in step.inner:
            _flatten(inner, found)


def lower(function: Function, inlined: dict[Value, Apply | Call], counts: dict[Value, int]) -> Plan:
    """Return a function as statements.

    ``counts`` says how often a value is used, ``inlined`` which operations stand within others.
    """
    plan = Plan(function, inlined, {})
    lowering = _Lowering(plan, counts)
    plan.steps = lowering.outcome(function.body.ops, function.results)
    return plan


class _Lowering:
    """Turns blocks into statements."""

    def __init__(self, plan: Plan, counts: dict[Value, int]) -> None:
        self.plan = plan
        self.counts = counts
        self.due: dict[Value, list[Step]] = {}

    def used(self, value: Value) -> bool:
        return self.counts.get(value, 0) > 0

    def outcome(self, ops: list[Op], results: list[Any]) -> list[Step]:
        """Return the statements of a function, whose last branch may return on both sides."""
        last = ops[-1] if ops else None
        if not isinstance(last, If) or not gives(last, results):
            return [*self.steps(ops), Return(results=results, line=ops[-1].line if ops else None)]
        sides = [self.outcome(block.ops, _replaced(results, last.outputs, block.results)) for block in last.blocks]
        return [*self.steps(ops[:-1]), Branch(condition=last.condition, then=sides[0], orelse=[], line=last.line), *sides[1]]

    def steps(self, ops: list[Op]) -> list[Step]:
        """Return the statements of operations; branches on one condition that follow each other become one."""
        found: list[Step] = []
        for op in ops:
            for step in (*self.op(op), *self.collects(op.outputs)):
                last = found[-1] if found else None
                if isinstance(step, Branch) and isinstance(last, Branch) and step.condition is last.condition:
                    last.then += step.then
                    last.orelse += step.orelse
                else:
                    found.append(step)
        return found

    def collects(self, values: list[Value]) -> list[Step]:
        """Return the statements that keep values for which that is due."""
        return [step for value in values for step in self.due.pop(value, ())]

    def op(self, op: Op) -> list[Step]:
        match op:
            case Apply() | Call():
                if any(output in self.plan.inlined for output in op.outputs) or is_dead(op, self.counts):
                    return []
                return [Compute(op=op, line=op.line)]
            case If():
                return [self.branch(op)]
            case Loop():
                return self.cycle(op)
            case Raise():
                return [Fail(op=op, line=op.line)]
            case _:
                raise TypeError(f"no statement for {type(op).__name__}")

    def move(self, targets: list[Value], sources: list[Any], line: Line | None) -> list[Step]:
        pairs = [Pair(t, s) for t, s in zip(targets, sources, strict=True) if t is not s and self.used(t)]
        return [Move(pairs=pairs, line=line)] if pairs else []

    def branch(self, op: If) -> Step:
        sides = [[*self.steps(block.ops), *self.move(op.outputs, block.results, op.line)] for block in op.blocks]
        return Branch(condition=op.condition, then=sides[0], orelse=sides[1], line=op.line)

    # Loops ------------------------------------------------------------------------------------------------------------------

    def cycle(self, op: Loop) -> list[Step]:
        lists = [target for target in op.lists if self.used(target)]
        cycle = Cycle(loop=op, line=op.line)
        cycle.index = op.index if self.used(op.index) else None
        cycle.span = span(op, self.counts)
        cycle.turns = op.turns if self.used(op.turns) else None
        if op.test is not None:
            self.plan.aliases.update(zip(op.test.params, op.carried, strict=True))
            cycle.check = self.steps(op.test.ops)
            cycle.test = op.test.results[0]
        cycle.body = self.body(op)
        return [
            *self.initial(op),
            *[Start(target=target, line=op.line) for target in lists],
            cycle,
            *[Flip(target=target, line=op.line) for target in lists if op.reverse],
            *self.move(op.finals, list(op.carried), op.line),
        ]

    def initial(self, op: Loop) -> list[Step]:
        """Return what gives the carried values their first values."""
        pairs = [Pair(param, init) for param, init in zip(op.carried, op.inits, strict=True)]
        return [Move(pairs=pairs, line=op.line)] if pairs else []

    def body(self, op: Loop) -> list[Step]:
        """Return the body of a loop, which keeps values as soon as they are there, before a store changes them."""
        own = {output for inner in op.body.ops for output in inner.outputs}
        branched = {output for inner in op.body.ops[-1:] if isinstance(inner, If) and op.stops for output in inner.outputs}
        early: list[Step] = []
        for target, item in zip(op.lists, op.collected, strict=True):
            if not self.used(target) or item in branched:
                continue
            step = Collect(target=target, item=item, line=op.line)
            if type(item) is Value and item in own:
                self.due.setdefault(item, []).append(step)
            else:
                early.append(step)
        return [*early, *self.turn(op, op.body.ops, op.body.results, branched)]

    def turn(self, op: Loop, ops: list[Op], results: list[Any], branched: set[Value]) -> list[Step]:
        """Return the body of a loop; a last branch on which it stops becomes ``if ...: break``, and the rest follows."""
        stop = results[-1] if op.stops else False
        last = ops[-1] if ops else None
        if isinstance(last, If) and stop in last.outputs:
            k = last.outputs.index(stop)
            stops = [block.results[k] for block in last.blocks]
            if (simple := self.gate(op, last, results, stops)) is not None:
                return [*self.steps(ops[:-1]), *simple]
            if stops[0] is True or stops[1] is True:
                first, second = last.blocks if stops[0] is True else last.blocks[::-1]
                leave, stay = (
                    self.turn(op, b.ops, _replaced(results, last.outputs, b.results), branched) for b in (first, second)
                )
                gate = Branch(condition=last.condition, then=leave, orelse=[], negated=first is last.orelse, line=last.line)
                return [*self.steps(ops[:-1]), gate, *stay]
        return [*self.steps(ops), *self.ending(op, results, stop, branched)]

    def gate(self, op: Loop, last: If, results: list[Any], stops: list[Any]) -> list[Step] | None:
        """Return the end of a turn whose last branch does nothing but stop: ``if ...: break``, after all else."""
        first, second = (_replaced(results[:-1], last.outputs, block.results) for block in last.blocks)
        same = all(a is b for a, b in zip(first, second, strict=True)) and not last.then.ops and not last.orelse.ops
        changed = {t for t, s in zip(op.carried, first, strict=False) if t is not s}
        if not same or set(stops) != {True, False} or changed & set(self.plan.leaves(last.condition)):
            return None
        branched = set(last.outputs)
        return self.ending(op, [*first, last.condition], last.condition, branched, negated=stops[1] is True)

    def ending(self, op: Loop, results: list[Any], stop: Any, branched: set[Value], *, negated: bool = False) -> list[Step]:
        """Return the end of a turn: keep what the last branch gives, carry on, stop."""
        n = len(op.inits)
        steps: list[Step] = [
            Collect(target=target, item=item, line=op.line)
            for target, first, item in zip(op.lists, op.collected, results[n:], strict=False)
            if self.used(target) and first in branched
        ]
        pairs = [Pair(t, s) for t, s in zip(op.carried, results[:n], strict=True) if t is not s]
        if pairs:
            steps.append(Move(pairs=pairs, line=op.line))
        if stop is not False:
            steps.append(Break(condition=stop, negated=negated, line=op.line))
        return steps


def _replaced(results: list[Any], outputs: list[Value], sources: list[Any]) -> list[Any]:
    """Return results in which the outputs of a branch are what one side gives."""
    env = dict(zip(outputs, sources, strict=True))
    return map_atoms(lambda atom: env.get(atom, atom) if type(atom) is Value else atom, results)


def is_outcome(op: Op, block: Block) -> bool:
    """Tell whether an operation is the last branch of a block, which then may return on both of its sides."""
    return isinstance(op, If) and op is block.ops[-1] and gives(op, block.results)


def gives(op: Op, results: list[Any]) -> bool:
    """Tell whether the results are the outputs of an operation, and nothing that would be written twice."""
    return bool(op.outputs) and set(op.outputs) == set(values(results))


def is_dead(op: Op, counts: dict[Value, int]) -> bool:
    """Tell whether nobody would miss an operation."""
    return isinstance(op, Apply) and not op.effect and not any(counts.get(output, 0) for output in op.outputs)


def count(function: Function) -> dict[Value, int]:
    """Return how often each value of a function is used, by what is itself not dead."""
    counts: dict[Value, int] = {}
    _count_block(function.body, counts)
    return counts


def _count_block(block: Block, counts: dict[Value, int]) -> None:
    """Count backwards, so that what is dead counts nothing."""
    _add(block.results, counts)
    for op in reversed(block.ops):
        if is_dead(op, counts):
            continue
        for inner in op.blocks:
            _count_block(inner, counts)
        if isinstance(op, Loop) and op.test is not None:
            for param, carried in zip(op.test.params, op.carried, strict=True):
                counts[carried] = counts.get(carried, 0) + counts.get(param, 0)
        _add((span(op, counts), op.inits, op.consumed) if isinstance(op, Loop) else op.operands, counts)
        for part in parts(op).values():
            _add(part.operands, counts)


def span(op: Loop, counts: dict[Value, int]) -> tuple[Any, ...] | None:
    """Return the range of a loop, None if it only walks through lists."""
    return op.range if counts.get(op.index, 0) or not op.consumed else None


def _add(tree: Any, counts: dict[Value, int]) -> None:
    for value in values(tree):
        counts[value] = counts.get(value, 0) + 1
