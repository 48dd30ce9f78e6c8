"""Which values are needed after which statement, and so which cannot share a variable.

Two values interfere if one is needed where the other is assigned.  Statements are structured, so one walk backwards finds
what is needed; a loop is walked until nothing is added, which takes two rounds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from adjoint._backend.library import STORES
from adjoint._backend.plan import Branch, Break, Collect, Compute, Cycle, Fail, Flip, Move, Plan, Return, Start, Step
from adjoint._ir.nodes import Apply, Value

Live = frozenset[Value]
_NONE: Live = frozenset()


@dataclass(eq=False, slots=True)
class Liveness:
    """What is needed where.

    ``after[step]`` is what is needed after a statement; of a loop ``turn`` is what is needed where a turn begins.
    ``interferes[value]`` is what is needed where a value is assigned; two values interfere if either is in the other's set.
    """

    after: dict[Step, Live] = field(default_factory=dict)
    turn: dict[Cycle, Live] = field(default_factory=dict)
    interferes: dict[Value, set[Value]] = field(default_factory=lambda: defaultdict(set))


def analyse(plan: Plan, apart: frozenset[tuple[Value, Value]]) -> Liveness:
    """Return the liveness of a plan; ``apart`` are values that are to interfere with what they take over."""
    walk = _Walk(plan)
    walk.steps(plan.steps, _NONE, _NONE)
    interference = _Interference(plan, walk.live)
    interference.steps(plan.steps)
    params = [plan.resolve(param) for param in plan.function.params]
    for param in params:
        interference.define(param, params)
    for target, source in apart:
        interference.define(target, {source})
    return walk.live


class _Walk:
    """Finds what is needed, backwards."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.live = Liveness()
        self.read: dict[Step, Live] = {}

    def steps(self, steps: list[Step], live: Live, leave: Live) -> Live:
        """Return what is needed before statements; ``leave`` is what is needed where ``break`` leads to."""
        for step in reversed(steps):
            self.live.after[step] = live
            live = self.step(step, live, leave)
        return live

    def step(self, step: Step, live: Live, leave: Live) -> Live:
        leaves = self.plan.leaves
        match step:
            case Compute() | Move():
                return live.difference(_assigned(step)) | self.reads(step)
            case Branch():
                then, orelse = (self.steps(side, live, leave) for side in step.inner)
                return then | orelse | frozenset(leaves(step.condition))
            case Cycle():
                return self.cycle(step, live)
            case Start():
                return live - {step.target}
            case Collect():
                return live | {step.target} | frozenset(leaves(step.item))
            case Flip():
                return live | {step.target}
            case Break():
                return leave if step.condition is True else live | leave | frozenset(leaves(step.condition))
            case Return() | Fail():
                return frozenset(leaves(step.results if isinstance(step, Return) else step.op.operands))
        raise TypeError(f"no liveness of {type(step).__name__}")

    def reads(self, step: Compute | Move) -> Live:
        """Return what a statement reads."""
        if step not in self.read:
            tree = step.op.operands if isinstance(step, Compute) else [pair.source for pair in step.pairs]
            self.read[step] = frozenset(self.plan.leaves(tree))
        return self.read[step]

    def cycle(self, step: Cycle, leave: Live) -> Live:
        loop = step.loop
        # Within another loop it is walked again, when more is needed behind it: what was found before is needed still.
        start = leave.union(self.plan.leaves(loop.consumed), self.live.turn.get(step, _NONE))
        if step.turns is not None:
            start |= {step.turns}
        while True:
            live = self.steps(step.body, start, leave) - frozenset(loop.items) - {loop.index}
            live = self.steps(step.check, live | frozenset(self.plan.leaves(step.test)) | leave, leave)
            if live <= start:
                break
            start |= live
        self.live.turn[step] = start
        if step.turns is not None:
            start -= {step.turns}
        return start | frozenset(self.plan.leaves(step.span))


def _assigned(step: Compute | Move) -> list[Value]:
    return step.op.outputs if isinstance(step, Compute) else [pair.target for pair in step.pairs]


class _Interference:
    """Notes for each assignment what is needed after it."""

    def __init__(self, plan: Plan, live: Liveness) -> None:
        self.plan = plan
        self.live = live

    def define(self, value: Value, live: Iterable[Value]) -> None:
        self.live.interferes[value].update(live)
        self.live.interferes[value].discard(value)

    def steps(self, steps: list[Step]) -> None:
        for step in steps:
            after = self.live.after[step]
            match step:
                case Compute():
                    self.compute(step, after)
                case Move():
                    self.move(step, after)
                case Cycle():
                    self.cycle(step)
                case Start():
                    self.define(step.target, after)
            for inner in step.inner:
                self.steps(inner)

    def move(self, step: Move, after: Live) -> None:
        """A value does not interfere with what it takes over, which is the same; all targets interfere with each other."""
        targets = frozenset(pair.target for pair in step.pairs)
        for pair in step.pairs:
            source = self.plan.resolve(pair.source)
            self.define(pair.target, (after if source in targets else after - {source}) | targets)

    def compute(self, step: Compute, after: Live) -> None:
        """A store is two statements where it needs a copy: what is stored is read after the copy was made."""
        op = step.op
        for output in op.outputs:
            self.define(output, after.union(op.outputs))
        if isinstance(op, Apply) and op.function in STORES:
            self.define(op.outputs[0], set(self.plan.leaves(op.args[1:])) - {self.plan.resolve(op.args[0])})

    def cycle(self, step: Cycle) -> None:
        """What the head of a loop assigns: the index, the items, the count of turns."""
        heads = [*step.loop.items, *[value for value in (step.index, step.turns) if value is not None]]
        needed = self.live.turn[step].union(heads, self.plan.leaves(step.span) if step.turns is not None else ())
        for value in heads:
            self.define(value, needed)
