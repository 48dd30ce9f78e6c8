"""Which values depend on the inputs that are differentiated, by arguments that have a derivative.

A fixed point: a carried value of a loop is active if it starts active or any turn makes it so, a result of a recursive
function if any of its calls makes it so.  Values only ever become active, so going round until nothing changes ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from adjoint._ir.nodes import Apply, Block, Call, Function, If, Loop, Op, Value
from adjoint._transform import binding, given

Pattern = tuple[bool, ...]


class Results:
    """Which results of functions are active, for patterns of active parameters."""

    def __init__(self) -> None:
        self.known: dict[tuple[Function, Pattern], Pattern] = {}
        self.visited: set[tuple[Function, Pattern]] = set()
        self.changed = False

    def __call__(self, function: Function, active: Sequence[bool]) -> Pattern:
        key = (function, tuple(active))
        if key not in self.visited:
            self.visited.add(key)
            self.known.setdefault(key, (False,) * len(function.results))
            found = given.active_results(function, active)
            if found is None:
                found = self.of(function, active).pattern(function.results)
            if found != self.known[key]:
                self.known[key] = found
                self.changed = True
        return self.known[key]

    def of(self, function: Function, active: Sequence[bool]) -> Activity:
        """Return the active values of a function, as far as is known of those that it calls."""
        return Activity(function, active, self)

    def settle(self, function: Function, active: Sequence[bool]) -> None:
        """Go round until the results of mutually recursive functions do not change any more."""
        while True:
            self.visited.clear()
            self.changed = False
            self(function, active)
            if not self.changed:
                return


class Activity:
    """The active values of one function, for a pattern of active parameters."""

    def __init__(self, function: Function, active: Sequence[bool], results: Results | None = None) -> None:
        self.values: set[Value] = set()
        if results is None:
            results = Results()
            results.settle(function, active)
        self.results = results
        self.add(param for param, a in zip(function.params, active, strict=True) if a)
        self.block(function.body)

    def __contains__(self, atom: object) -> bool:
        return type(atom) is Value and atom in self.values

    def pattern(self, atoms: Iterable[object]) -> Pattern:
        """Tell of each atom whether it is active."""
        return tuple(atom in self for atom in atoms)

    def add(self, values: Iterable[Value]) -> None:
        self.values.update(value for value in values if value.type.differentiable)

    def block(self, block: Block) -> None:
        for op in block.ops:
            self.learn(op)

    def learn(self, op: Op) -> None:
        """Note which results of an operation are active."""
        match op:
            case Apply():
                if binding.active_positions(op, self.values):
                    self.add(op.outputs)
            case If():
                for block in op.blocks:
                    self.block(block)
                    self.add(output for output, result in zip(op.outputs, block.results, strict=True) if result in self)
            case Loop():
                self.loop(op)
            case Call():
                found = self.results(op.function, self.pattern(op.args))
                self.add(output for output, a in zip(op.outputs, found, strict=True) if a)

    def loop(self, op: Loop) -> None:
        self.add(carried for carried, init in zip(op.carried, op.inits, strict=True) if init in self)
        self.add(item for item, items in zip(op.items, op.consumed, strict=True) if items in self)
        before = -1
        while before != len(self.values):
            before = len(self.values)
            self.block(op.body)
            self.add(carried for carried, update in zip(op.carried, op.updates, strict=True) if update in self)
        self.add(final for final, carried in zip(op.finals, op.carried, strict=True) if carried in self)
        self.add(items for items, result in zip(op.lists, op.collected, strict=True) if result in self)
