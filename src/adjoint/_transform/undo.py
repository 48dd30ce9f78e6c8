"""Arrays that loops change element by element are changed back on the way back.

The way back of a turn may need an array as it was in that turn.  Keeping it whole costs as much as the array in each turn,
where the turn itself perhaps overwrites one element.  Then what is kept is what a store overwrites, and the way back stores
it again: of ``a_1 = assign(a_0, i, v)`` the way there keeps ``a_0[i]``, and the way back has ``a_0 = assign(a_1, i, a_0[i])``
[Giering and Kaminski 1998, section 3.4; Hascoet and Pascual 2013, section 4.2].  The restored versions are values like any
other, which `residuals` finds there when it decides what to keep; a backend restores in place, since on the way back nobody
needs the later version.

A *chain* leads from a version of an array to one before it, by stores alone.  It may pass through branches, of which both come
from the same version, and through loops, whose turns are chains themselves.  Which loops take an array back is decided by
trial: what the way back keeps whole although its turns overwrite little is undone in the next attempt (`reverse`).
"""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from adjoint._ir import infer
from adjoint._ir.builder import Builder
from adjoint._ir.nodes import Apply, Block, Function, If, Loop, Op, Value, atom_type, walk
from adjoint._ir.symbol import Symbol
from adjoint._ir.types import ListOf, Tensor
from adjoint._rules import stores
from adjoint._transform import cost
from adjoint._transform.canonical import canonical, sibling
from adjoint._transform.replacing import substitute

# The loop, by its place in the program, and the carried value.
Carried = tuple[int, int]
_STORES = {stores.assign, stores.accumulate, stores.append, stores.without_last}
# What takes back the change of a number.
_INVERSES = {np.negative: np.negative, np.add: np.subtract, np.subtract: np.add}
# How many times smaller than the array has to be what a turn overwrites of it.
_SMALLER = 4


class Undo:
    """The chains of a function, and the versions that the way back has restored.

    Parameters
    ----------
    function
        The program, before anything is added to it.
    chosen
        What loops carry and take back.
    """

    def __init__(self, function: Function, chosen: frozenset[Carried]) -> None:
        self.chosen = chosen
        # What had better be chosen, as far as it is known.
        self.wanted: set[Carried] = set(chosen)
        self.places = {op: n for n, op in enumerate(walk(function.body)) if isinstance(op, Loop)}
        self.makers: dict[Value, Op] = {}
        self.homes: dict[Value, Block] = {}
        self.before: dict[Value, Value] = {}
        # What loops give out whose turns are chains.
        self.finals: set[Value] = set()
        # The carried value of which chain a carried value's chain is a part.
        self.around: dict[Carried, Carried] = {}
        self.learn(function.body)
        # The latest version restored, by the version of the way there; and the other way round, of all.
        self.now: dict[Value, Value] = {}
        self.versions: dict[Value, Value] = {}

    # Chains

    def learn(self, block: Block) -> None:
        """Note which versions come from which."""
        for op in block.ops:
            self.makers.update((output, op) for output in op.outputs)
            self.homes.update((output, block) for output in op.outputs)
            for inner in op.blocks:
                self.learn(inner)
            match op:
                case Apply():
                    version = op.args[0] if _is_undoable(op) else _inverted(op)
                    if version is not None:
                        self.before[op.outputs[0]] = version
                case If():
                    for output, *ends in zip(op.outputs, op.then.results, op.orelse.results, strict=True):
                        starts = {self.start(end, block) for end, block in zip(ends, op.blocks, strict=True)}
                        if len(starts) == 1 and starts != set(ends) and type(start := starts.pop()) is Value:
                            self.before[output] = start
                case Loop():
                    self.learn_loop(op)

    def learn_loop(self, op: Loop) -> None:
        for k, (init, carried, update) in enumerate(zip(op.inits, op.carried, op.updates, strict=True)):
            if update is not carried and self.start(update, op.body) is carried:
                self.finals.add(op.finals[k])
                if type(init) is Value:
                    self.before[op.finals[k]] = init
                for inner in self.loops(update, op.body):
                    self.around[inner] = self.places[op], k

    def start(self, version: Any, block: Block) -> Any:
        """Return where the chain of a version begins, as seen from within a block."""
        for made in self.steps(version, block):
            version = self.before[made]
        return version

    def steps(self, version: Any, block: Block) -> Iterator[Value]:
        """Yield the versions that operations of a block make on the way to a version."""
        while type(version) is Value and self.homes.get(version) is block and version in self.before:
            yield version
            version = self.before[version]

    def loops(self, version: Any, block: Block) -> Iterator[Carried]:
        """Yield the carried values on the way to a version, without those within."""
        for one in self.steps(version, block):
            op = self.makers[one]
            if isinstance(op, Loop):
                yield self.places[op], op.outputs.index(one)
            elif isinstance(op, If):
                for inner in op.blocks:
                    yield from self.loops(inner.results[op.outputs.index(one)], inner)

    # What to undo

    def overwritten(self, version: Any, block: Block) -> int:
        """Return how many elements are overwritten on the way to a version."""
        total = 0
        for one in self.steps(version, block):
            match op := self.makers[one]:
                case If():
                    k = op.outputs.index(one)
                    total += max(self.overwritten(inner.results[k], inner) for inner in op.blocks)
                case Loop():
                    total += cost.LENGTH * self.overwritten(op.updates[op.outputs.index(one)], op.body)
                case Apply() if op.function is stores.without_last:
                    total += cost.size(_item(op))
                case Apply() if op.function in (stores.assign, stores.accumulate):
                    total += sum(map(cost.size, infer.result(operator.getitem, op.args[:2], {}).types))
        return total

    def note(self, op: Loop, kept: Iterable[Value]) -> None:
        """Note what had better be undone, of the values that are kept of each turn of a loop."""
        for value in kept:
            start = self.start(value, op.body)
            k = next((k for k, carried in enumerate(op.carried) if carried is start), None)
            if k is None or op.finals[k] not in self.finals:
                continue
            if self.overwritten(op.updates[k], op.body) * _SMALLER <= cost.size(value.type):
                one = self.places[op], k
                while one is not None:
                    self.wanted.add(one)
                    one = self.around.get(one)

    # What is undone

    def undone(self, op: Loop) -> list[int]:
        """Return which carried values a loop takes back."""
        place = self.places.get(op)
        return [
            k for k, final in enumerate(op.finals) if final in self.finals and (final in self.now or (place, k) in self.chosen)
        ]

    def restore(self, version: Value, restored: Value) -> None:
        """Note that a value of the way back is a version."""
        self.now[version] = restored
        self.versions[restored] = version

    def taken(self, op: If) -> dict[int, Value]:
        """Return what the way back has of the results of a branch, one for each chain that passes through it."""
        found = {k: self.now.pop(output) for k, output in enumerate(op.outputs) if output in self.now}
        starts = {self.before[op.outputs[k]]: k for k in found if op.outputs[k] in self.before}
        return {k: found[k] for k in starts.values()}

    @contextlib.contextmanager
    def within(self, op: If, taken: dict[int, Value], block: Block) -> Iterator[list[Value]]:
        """Take back what a block of a branch does; the list is filled with the versions before the branch."""
        starts: list[Value] = []
        self.now.update((block.results[k], restored) for k, restored in taken.items())
        yield starts
        starts += [self.now.pop(self.before[op.outputs[k]]) for k in taken]

    def branch(self, op: If, taken: dict[int, Value]) -> list[Value]:
        """Return values for the versions before a branch."""
        return [self.output(self.before[op.outputs[k]]) for k in taken]

    def output(self, version: Value) -> Value:
        """Return a new value for a version that a branch or a loop of the way back gives out."""
        restored = Value(version.type, version.name)
        self.restore(version, restored)
        return restored

    def store(self, builder: Builder, op: Apply, block: Block) -> None:
        """Write the undoing of a store, if the way back has what it made; the way there keeps what it overwrites."""
        restored, version = self.now.pop(op.outputs[0], None), self.before.get(op.outputs[0])
        if restored is None or version is None:
            return
        old, new = Symbol(version), Symbol(restored)
        if op.function not in _STORES:
            function, *rest = _INVERSES[canonical(op.function)], *[arg for arg in op.args if arg is not version]
            earlier = builder.apply(sibling(op, function), (new, *builder.symbols(rest)))
            self.restore(version, earlier.value)
            return
        index = builder.symbols(op.args[1]) if len(op.args) > 1 else -1
        saved = None
        if op.function is not stores.append:
            with builder.block() as before:
                saved = old[index]
            at = block.ops.index(op)
            block.ops[at:at] = before.ops
        if op.function is stores.append:
            earlier = builder.apply(stores.without_last, (new,))
        elif op.function is stores.without_last:
            earlier = builder.apply(stores.append, (new, saved))
        else:
            self.read(op, new, index, block)
            earlier = stores.assign(new, index, saved)
        earlier.value.name = version.name
        self.restore(version, earlier.value)

    def read(self, op: Apply, new: Symbol, index: Any, block: Block) -> None:
        """Write where the way back finds the number that was stored."""
        v = op.args[2]
        if op.function is stores.assign and type(v) is Value and self.homes.get(v) is block:
            found = new[index].value
            if found.type == v.type and isinstance(v.type, Tensor) and v.type.rank == 0:
                self.versions[found] = v


def renew(block: Block, versions: Mapping[Value, Value]) -> dict[Value, Value]:
    """Let the operations of a block of the way back use what has been restored before them; return what has been."""
    env = {versions[param]: param for param in block.params if param in versions}
    for op in block.ops:
        if env:
            substitute(Block(ops=[op]), env)
        env.update((versions[output], output) for output in op.outputs if output in versions)
    block.results = [env.get(atom, atom) if type(atom) is Value else atom for atom in block.results]
    return env


def _is_undoable(op: Apply) -> bool:
    """Tell whether what a store overwrites is all that tells a version from the one before it."""
    if op.function not in _STORES or type(op.args[0]) is not Value or op.args[0].type != op.outputs[0].type:
        return False
    t = op.args[0].type
    if isinstance(t, ListOf):
        return op.function is not stores.accumulate and not (len(op.args) == 3 and isinstance(op.args[1], slice))
    return isinstance(t, Tensor) and t.rank > 0


def _inverted(op: Apply) -> Value | None:
    """Return the number that a change of sign, or a step of a counter, comes from and can be had back from exactly."""
    if canonical(op.function) not in _INVERSES or op.kwargs:
        return None
    types = [atom_type(arg) for arg in op.args]
    exact = len(types) == 1 or all(isinstance(t, Tensor) and t.dtype.kind in "iu" for t in types)
    (t,) = {output.type for output in op.outputs}
    if not exact or not isinstance(t, Tensor) or t.rank or any(arg is op.args[0] for arg in op.args[1:]):
        return None
    candidates = op.args[:1] if canonical(op.function) is np.subtract else op.args
    return next((arg for arg in candidates if type(arg) is Value and arg.type == t), None)


def _item(op: Apply) -> Any:
    t = atom_type(op.args[0])
    assert isinstance(t, ListOf)
    return t.item
