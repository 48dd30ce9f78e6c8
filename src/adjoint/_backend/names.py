"""Values that share a variable, and the names of variables.

Versions of a value that are never needed at the same time become one variable: the carried values of a loop with what they
start from and end as, the results of a branch with what its two sides compute, an array before and after a store, a name that
the user assigns twice.  Users' names win; what has none is named after what it is.
"""

from __future__ import annotations

import keyword
import operator
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from adjoint._backend.library import STORES
from adjoint._backend.liveness import Liveness
from adjoint._backend.plan import Collect, Compute, Cycle, Move, Plan, Start, Step
from adjoint._backend.spelling import unused
from adjoint._ir.nodes import Apply, Call, Value
from adjoint._ir.symbol import extent, length
from adjoint._ir.types import ListOf, Tensor

# What generated code says itself.  Other builtins may be hidden by a user's name, as he hid them himself.
WORDS = frozenset(
    {
        "abs",
        "bool",
        "complex",
        "enumerate",
        "float",
        "int",
        "len",
        "list",
        "print",
        "range",
        "reversed",
        "round",
        "slice",
        "zip",
    }
    | set(keyword.kwlist)
)


# The name of a value of which there is nothing to say.
_NOTHING = "t"


# Variables of one name that are tried for a further value.
_TRIED = 12


class Variables:
    """Sets of values that share a variable."""

    def __init__(self, plan: Plan, live: Liveness) -> None:
        self.plan = plan
        self.order: dict[Value, None] = dict.fromkeys(definitions(plan))
        self.parent: dict[Value, Value] = {}
        self.members: dict[Value, set[Value]] = {}
        self.conflicts: dict[Value, set[Value]] = {}
        for value in self.order:
            self.members[value] = {value}
            self.conflicts[value] = set(live.interferes.get(value, ()))
        self.hints = hints(plan)
        for a, b in self.wishes():
            self.join(a, b)

    def root(self, value: Value) -> Value:
        """Return the value that stands for a variable."""
        value = self.plan.resolve(value)
        start = value
        while (parent := self.parent.get(value, value)) is not value:
            value = parent
        if start is not value:
            self.parent[start] = value
        return value

    def name_of(self, root: Value) -> str:
        names = [value.name for value in self.members[root] if value.name]
        if not names or names.count(names[0]) == len(names):
            return names[0] if names else ""
        return Counter(names).most_common(1)[0][0]

    def interfere(self, one: Value, two: Value) -> bool:
        """Tell whether of two variables one is needed where the other is assigned."""
        return not (self.conflicts[one].isdisjoint(self.members[two]) and self.conflicts[two].isdisjoint(self.members[one]))

    def join(self, a: Value, b: Value) -> None:
        """Give two values one variable, unless both are needed at once or the user has two names for them."""
        one, two = self.root(a), self.root(b)
        if one is two or one not in self.members or two not in self.members or self.interfere(one, two):
            return
        names = {self.name_of(one), self.name_of(two)} - {""}
        if len(names) > 1:
            return
        self.parent[two] = one
        self.members[one] |= self.members.pop(two)
        self.conflicts[one] |= self.conflicts.pop(two)

    def wishes(self) -> Iterator[tuple[Value, Value]]:
        """Yield pairs of values that should share a variable, the most important first."""
        yield from (pair for pair in self.stored() if pair[0].name == pair[1].name)
        moves = [pair for step in self.plan.walk() if isinstance(step, Move) for pair in step.pairs]
        pairs = [(m.target, m.source) for m in moves if type(m.source) is Value and m.source not in self.plan.inlined]
        yield from (pair for pair in pairs if pair[0].name == pair[1].name)
        yield from pairs
        yield from self.stored()
        first: dict[Any, list[Value]] = {}
        for value in self.order:
            hint = self.hints.get(value, _NOTHING)
            if value.name or hint != _NOTHING:
                known = first.setdefault(value.name or (hint, value.type), [])
                for other in known[-_TRIED:]:
                    yield other, value
                if not any(self.root(other) is self.root(value) for other in known[-_TRIED:]):
                    known.append(value)

    def stored(self) -> Iterator[tuple[Value, Value]]:
        """Yield versions of an array, or of a sum that grows."""
        for step in self.plan.walk():
            if isinstance(step, Compute) and isinstance(step.op, Call):
                versions = [(step.op.outputs[new], step.op.args[old]) for old, new in step.op.function.updates.items()]
                yield from (pair for pair in versions if type(pair[1]) is Value and pair[1] not in self.plan.inlined)
            if isinstance(step, Compute) and isinstance(step.op, Apply) and step.op.args and type(step.op.args[0]) is Value:
                old, new = step.op.args[0], step.op.outputs[:1]
                if old in self.plan.inlined or not new:
                    continue
                if step.op.function in STORES or (
                    step.op.function is np.add and old.name in ("", new[0].name) and _is_like(old, new[0])
                ):
                    yield new[0], old


def _is_like(a: Value, b: Value) -> bool:
    return a.type == b.type and bool(b.name)


def definitions(plan: Plan) -> Iterator[Value]:
    """Yield the values that get a variable, in the order of the text."""
    yield from plan.function.params
    for step in plan.walk():
        yield from defined(step)


def defined(step: Step) -> Iterable[Value]:
    """Return the values that a statement defines."""
    match step:
        case Compute():
            return step.op.outputs
        case Move():
            return [pair.target for pair in step.pairs]
        case Start():
            return [step.target]
        case Cycle():
            heads = [value for value in (step.index, step.turns) if value is not None]
            return [*heads, *step.loop.items]
        case _:
            return []


class Names:
    """Gives each variable a name."""

    def __init__(self, variables: Variables, taken: Iterable[str]) -> None:
        self.variables = variables
        self.plan = variables.plan
        self.taken = {*WORDS, *taken}
        self.chosen: dict[Value, str] = {}
        results = [result.name for result in variables.plan.function.results if type(result) is Value]
        # A gradient takes the cotangent of a result that may have no name.
        self.parameter = "y_bar" if any(name.endswith("_bar") for name in results) else "x"
        self.invention: dict[Value, str] = {}
        for value in variables.order:
            if value in variables.hints:
                self.invention.setdefault(variables.root(value), variables.hints[value])

    def choose(self) -> dict[Value, str]:
        """Return the name of each value's variable."""
        roots = dict.fromkeys(self.variables.root(value) for value in self.variables.order)
        params = [self.variables.root(param) for param in self.plan.function.params]
        named = [root for root in roots if self.variables.name_of(root)]
        for root in dict.fromkeys([*params, *named, *roots]):
            self.chosen[root] = self.free(self.variables.name_of(root) or self.invented(root))
        return {value: self.chosen[self.variables.root(value)] for value in self.variables.order}

    def free(self, name: str) -> str:
        if name in self.taken and name in WORDS:
            name += "_"
        name = unused(name, self.taken)
        self.taken.add(name)
        return name

    def invented(self, root: Value) -> str:
        """Return a name for a variable that the user has none for."""
        if root in self.plan.function.params:
            return self.parameter
        return self.invention.get(root, _NOTHING)


def hints(plan: Plan) -> dict[Value, str]:
    """Return names for values that have none, by what computes them."""
    found: dict[Value, str] = {}
    _collect_hints(plan.steps, 0, found)
    return found


def _collect_hints(steps: list[Step], loops: int, found: dict[Value, str]) -> None:
    for step in steps:
        if isinstance(step, Compute):
            found.update({output: _computed(step.op, output) for output in step.op.outputs})
        elif isinstance(step, Cycle):
            found[step.loop.index] = "ijklmn"[loops] if loops < 6 else "index"
            found[step.loop.turns] = "turns"
            found.update({item: _singular(values) for values, item in zip(step.loop.consumed, step.loop.items, strict=True)})
        elif isinstance(step, Collect):
            name = step.item.name if type(step.item) is Value else ""
            found.setdefault(step.target, f"{name}_kept" if name else "kept")
        for inner in step.inner:
            _collect_hints(inner, loops + isinstance(step, Cycle), found)


def _singular(values: Any) -> str:
    name = getattr(values, "name", "")
    return name.removesuffix("_kept") if name.endswith("_kept") else "item"


def _computed(op: Apply | Call, output: Value) -> str:
    """Return a name for the result of an operation: ``cos_x`` for ``np.cos(x)``."""
    if isinstance(op, Call):
        return _NOTHING
    if op.function in (extent, length, np.size):
        return "n"
    if isinstance(output.type, ListOf):
        return "items"
    if isinstance(output.type, Tensor) and output.type.dtype.kind == "b":
        return "condition"
    if op.function is operator.getitem and all(type(arg) is Value and arg.name for arg in op.args):
        return f"{op.args[0].name}_{op.args[1].name}"
    name = getattr(op.function, "__name__", "")
    read = {arg.name for arg in op.args if type(arg) is Value}
    if (
        isinstance(op.function, np.ufunc)
        and op.function.nin == 1
        and name.isidentifier()
        and len(read) == 1
        and (of := read.pop())
    ):
        return f"{name}_{of}" if name != "negative" else _NOTHING
    return _NOTHING
