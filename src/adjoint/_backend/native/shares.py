"""Which variables need no share of their own in a block of memory, and which give theirs to whoever reads them.

A share that is taken and given back is two visits of the block, and two tests.  Two sorts of variables get on without:

*Borrowed* is what somebody else holds for as long as the variable is read: an argument, which the caller holds until the
function is left; a part of a record that is held; an item of a list that is held while a loop goes through it.  Lists and
records that are held give up nothing as long as nobody stores into them, and a store that is seen by somebody who needs the old
value is never done in place (`_backend.memory`).

*Handed over* is what is read once, in the turn of the loop in which it gets its value: if the reader takes a share, it is that
of the variable, which has none afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from adjoint._backend.memory import updated
from adjoint._backend.native.values import is_native, rank_of
from adjoint._backend.plan import Branch, Break, Collect, Compute, Cycle, Fail, Move, Pair, Plan, Return, Start, Step
from adjoint._ir.nodes import Apply, Value
from adjoint._ir.types import ListOf
from adjoint._rules import stores


class Shares(NamedTuple):
    """Variables, each named by the value that stands for it."""

    borrowed: frozenset[Value]
    handed_over: frozenset[Value]


def find(plan: Plan, root: Callable[[Value], Value], *, is_called: bool) -> Shares:
    """Return the variables of a function without a share, and those that give it away; arguments are held if it is called."""
    return _Search(plan, root).found(is_called=is_called)


class _Search:
    """Goes through the statements once, and notes what sets a variable and what reads it, and in the turn of which loop."""

    def __init__(self, plan: Plan, root: Callable[[Value], Value]) -> None:
        self.plan, self.root = plan, root
        self.loop: Cycle | None = None
        self.makers: dict[Value, list[tuple[Any, Cycle | None]]] = {}
        self.readers: dict[Value, list[Cycle | None]] = {}
        for param in plan.function.params:
            self.made(param, param)
        self.block(plan.steps)

    def made(self, value: Value, maker: Any) -> None:
        self.makers.setdefault(self.root(value), []).append((maker, self.loop))

    def read(self, tree: Any) -> None:
        for value in self.plan.leaves(tree):
            self.readers.setdefault(self.root(value), []).append(self.loop)

    def block(self, steps: list[Step]) -> None:
        for step in steps:
            self.step(step)

    def step(self, step: Step) -> None:
        match step:
            case Compute():
                self.read(step.op.operands)
                for output in step.op.outputs:
                    self.made(output, step)
            case Move():
                self.move(step)
            case Branch():
                self.read(step.condition)
                self.block(step.then)
                self.block(step.orelse)
            case Cycle():
                self.cycle(step)
            case Start():
                self.made(step.target, step)
            case _:
                self.read(_taken(step))

    def move(self, step: Move) -> None:
        for pair in step.pairs:
            if pair.copies or not self.is_of(pair.source, self.root(pair.target)):
                self.read(pair.source)
                self.made(pair.target, pair)

    def cycle(self, step: Cycle) -> None:
        self.read((step.span, step.loop.consumed))
        around, self.loop = self.loop, step
        for value in (step.index, step.turns):
            if value is not None:
                self.made(value, step)
        for item in step.loop.items:
            self.made(item, step)
        self.block(step.check)
        self.read(step.test)
        self.block(step.body)
        self.loop = around

    def found(self, *, is_called: bool) -> Shares:
        borrowed = set(self.arguments()) if is_called else set()
        for step in self.plan.walk():
            match step:
                case Compute(op=Apply(function=stores.unpack)) if not step.copies and self.is_held(step.op.args[0], borrowed):
                    borrowed.update(self.root(part) for part in step.op.outputs if self.is_made_once(part))
                case Cycle():
                    pairs = zip(step.loop.consumed, step.loop.items, strict=True)
                    borrowed.update(self.root(x) for xs, x in pairs if self.is_held(xs, borrowed) and self.is_made_once(x))
                case _:
                    pass
        return Shares(frozenset(borrowed), frozenset(value for value in self.readers if self.is_read_once(value)) - borrowed)

    def arguments(self) -> Iterator[Value]:
        """Yield the arguments that stay where they are; not beside a list that changes, which may give up what they are."""
        function = self.plan.function
        if not any(isinstance(function.params[k].type, ListOf) for k in function.updates):
            yield from (self.root(param) for param in function.params if _owns(param) and self.stays(param))

    def stays(self, param: Value) -> bool:
        """Tell whether the variable of an argument shows the same memory all the time."""
        root = self.root(param)
        return all(maker is param or self.is_kept(maker, root) for maker, _ in self.makers[root])

    def is_kept(self, maker: Any, root: Value) -> bool:
        """Tell whether what sets a variable is a store in place into the array that it holds."""
        if not isinstance(maker, Compute) or not maker.in_place or maker.copies or not is_native(root.type):
            return False
        before = [old for output, old in updated(maker.op).items() if self.root(output) is root]
        return len(before) == 1 and self.is_of(before[0], root)

    def is_of(self, atom: Any, root: Value) -> bool:
        """Tell whether an atom is what a variable holds."""
        return type(atom) is Value and atom not in self.plan.inlined and self.root(atom) is root

    def is_made_once(self, value: Value) -> bool:
        """Tell whether one statement alone sets the variable of a value, and it may hold a share."""
        return _owns(value) and len(self.makers.get(self.root(value), ())) == 1

    def is_held(self, atom: Any, borrowed: set[Value]) -> bool:
        """Tell whether a list or a record is one that its variable holds until it is read no more."""
        if type(atom) is not Value or atom in self.plan.inlined:
            return False
        root = self.root(atom)
        return root in borrowed or (self.is_made_once(root) and not isinstance(self.makers[root][0][0], Pair))

    def is_read_once(self, root: Value) -> bool:
        """Tell whether a variable is read once, in the turn that sets it."""
        readers = self.readers[root]
        return len(readers) == 1 and all(loop is readers[0] for _, loop in self.makers.get(root, ()))


def _taken(step: Step) -> Any:
    """Return what a statement reads that sets no variable."""
    match step:
        case Collect():
            return step.item
        case Break():
            return step.condition
        case Fail():
            return step.op.operands
        case Return():
            return step.results
        case _:
            return ()


def _owns(value: Value) -> bool:
    return not is_native(value.type) or rank_of(value) > 0
