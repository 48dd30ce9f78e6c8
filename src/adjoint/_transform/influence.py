"""Which values influence the results whose cotangents are given: the other half of activity, for the way back.

A value takes part in reverse mode if it depends on the inputs that are differentiated (`activity`) and influences the results
that are asked for.  A fixed point as there, walked from the last operation to the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from adjoint._ir.nodes import Apply, Block, Call, Function, If, Loop, Op, Value, values
from adjoint._transform import binding, given
from adjoint._transform.activity import Activity, Pattern, Results


class Params:
    """Which parameters of functions influence their results, for patterns of active parameters and wanted results."""

    def __init__(self, results: Results) -> None:
        self.results = results
        self.known: dict[tuple[Function, Pattern, Pattern], Pattern] = {}
        self.visited: set[tuple[Function, Pattern, Pattern]] = set()
        self.changed = False

    def __call__(self, function: Function, active: Pattern, wanted: Pattern) -> Pattern:
        key = (function, active, wanted)
        if key not in self.visited:
            self.visited.add(key)
            self.known.setdefault(key, (False,) * len(active))
            found = given.active_params(function, active)
            if found is None:
                influence = Influence(function, Activity(function, active, self.results), wanted, self)
                found = tuple(param in influence.values for param in function.params)
            if found != self.known[key]:
                self.known[key] = found
                self.changed = True
        return self.known[key]


class Influence:
    """The active values of one function that influence its wanted results."""

    def __init__(self, function: Function, activity: Activity, wanted: Sequence[bool], params: Params | None = None) -> None:
        self.activity = activity
        self.params = params
        if params is not None:
            self.sweep(function, wanted)
            return
        self.params = Params(activity.results)
        while True:
            self.params.visited.clear()
            self.params.changed = False
            self.sweep(function, wanted)
            if not self.params.changed:
                return

    def sweep(self, function: Function, wanted: Sequence[bool]) -> None:
        """Walk from the wanted results to the parameters."""
        self.values: set[Value] = set()
        self.mark(result for result, w in zip(function.results, wanted, strict=True) if w)
        self.block(function.body)

    def mark(self, atoms: Iterable[object]) -> None:
        self.values.update(atom for atom in atoms if type(atom) is Value and atom in self.activity)

    def block(self, block: Block) -> None:
        for op in reversed(block.ops):
            self.learn(op)

    def learn(self, op: Op) -> None:
        """Note which arguments of an operation influence what its outputs influence."""
        match op:
            case Apply():
                if any(output in self.values for output in op.outputs):
                    for position in binding.active_positions(op, self.activity.values):
                        self.mark(values(binding.argument(op, position, self.activity.values)))
            case If():
                for block in op.blocks:
                    self.mark(result for output, result in zip(op.outputs, block.results, strict=True) if output in self.values)
                    self.block(block)
            case Loop():
                self.loop(op)
            case Call():
                assert self.params is not None
                wanted = tuple(output in self.values for output in op.outputs)
                if any(wanted):
                    found = self.params(op.function, self.activity.pattern(op.args), wanted)
                    self.mark(arg for arg, a in zip(op.args, found, strict=True) if a)

    def loop(self, op: Loop) -> None:
        self.mark(carried for carried, final in zip(op.carried, op.finals, strict=True) if final in self.values)
        self.mark(result for result, items in zip(op.collected, op.lists, strict=True) if items in self.values)
        before = -1
        while before != len(self.values):
            before = len(self.values)
            self.mark(update for update, carried in zip(op.updates, op.carried, strict=True) if carried in self.values)
            self.block(op.body)
        self.mark(init for init, carried in zip(op.inits, op.carried, strict=True) if carried in self.values)
        self.mark(items for items, item in zip(op.consumed, op.items, strict=True) if item in self.values)
