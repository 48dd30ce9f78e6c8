"""Which values may share memory, and so which stores can be done in place.

The IR stores into nothing: ``assign(a, i, v)`` is a new version of ``a``.  In Python it becomes ``a[i] = v`` if nobody can
tell: if ``a`` is memory that the function has allocated, and no value that is needed later may show it.  A *site* is a place
in the program that allocates; of each value we know at which sites its memory may come from, too many rather than too few.
`foreign` is the site of what must never be written to: the caller's arrays, results of functions that we do not know, arrays
whose elements share memory with each other.

Where a store is not allowed, something is copied, and what that is decides the cost: a small view that is needed later rather
than the array, the array once before a loop rather than in every turn, and only in the last resort at the store itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from adjoint._backend import library
from adjoint._backend.liveness import Liveness
from adjoint._backend.plan import Collect, Compute, Cycle, Move, Pair, Plan, Return, Start, Step
from adjoint._backend.shapes import Shapes
from adjoint._ir.nodes import Apply, Call, Undefined, Value, atom_type, atoms
from adjoint._ir.types import ListOf, Tensor, Type
from adjoint._rules import stores

Site = tuple[Value | None, int]
Sites = frozenset[Site]
_NONE: Sites = frozenset()
# Of functions that put values together: whether the result has memory of its own, and whether it has that of the arguments.
_PARTS: dict[Callable[..., Any], tuple[bool, bool]] = {
    stores.filled: (True, True), stores.joined: (True, True), stores.listed: (True, True), stores.pack: (False, True),
    stores.unpack: (False, True),
    stores.blank: (True, False), stores.combine: (True, True), stores.rows: (True, True),
}  # fmt: skip
_DEEP = 9
# Updates that keep the dtype and the shape of the first argument if the types say so.
UPDATES: dict[Callable[..., Any], str] = {np.add: "+", np.subtract: "-", np.multiply: "*"}


def depth(t: Type) -> int:
    """Return how many lists lie around the arrays of a type; a record may hold anything."""
    if isinstance(t, ListOf):
        return 1 + depth(t.item)
    return 0 if isinstance(t, Tensor) else _DEEP


def foreign(t: Type) -> Sites:
    """Return the sites of memory that is not ours, of a value of a type: of lists, of the lists and of their items."""
    return frozenset((None, k) for k in range(depth(t) + 1))


class Settled(NamedTuple):
    """What is decided of the memory of a plan: whose memory is whose, and what is known of shapes.

    ``apart`` are the pairs of a copy and its original that are both needed, and therefore cannot have one variable.
    """

    apart: frozenset[tuple[Value, Value]]
    sharing: Sharing
    shapes: Shapes


def settle(plan: Plan, live: Liveness, variable: Callable[[Value], Any]) -> Settled:
    """Decide for each store of a plan whether it is done in place, and what is copied.

    ``variable`` says which variable a value has.
    """
    settlement = _Settlement(plan, live, variable)
    settlement.settle()
    return Settled(frozenset(settlement.apart()), settlement.sharing, settlement.shapes)


class _Settlement:
    """Tries all in place, and copies until no store can be seen by anybody."""

    def __init__(self, plan: Plan, live: Liveness, variable: Callable[[Value], Any]) -> None:
        self.plan = plan
        self.live = live
        self.makers: dict[Value, list[Compute | Pair | Start]] = defaultdict(list)
        self.collects: dict[Value, list[Collect]] = defaultdict(list)
        self.index()
        self.shapes = shapes = Shapes(plan)
        self.stores = [step for step in plan.walk() if isinstance(step, Compute) and updated(step.op)]
        self.updates = [step for step in plan.walk() if isinstance(step, Compute) and shapes.is_update(step.op, variable)]
        for step in (*self.stores, *self.updates):
            old = updated(step.op) or {step.op.outputs[0]: None}
            step.in_place = any(isinstance(y.type, ListOf) or _rank(y) > 0 for y in old) or step in self.updates
        self.sharing = Sharing(plan)

    def index(self) -> None:
        for step in self.plan.walk():
            match step:
                case Compute():
                    for output in step.op.outputs:
                        self.makers[output].append(step)
                case Move():
                    for pair in step.pairs:
                        self.makers[pair.target].append(pair)
                case Start():
                    self.makers[step.target].append(step)
                case Collect():
                    self.collects[step.target].append(step)

    def settle(self) -> None:
        sharing = self.sharing
        settled = False
        while not settled:
            settled = True
            for step in (*self.updates, *self.stores):
                while step.in_place and (seen := sharing.seen(step, self.live)) is not None:
                    self.remedy(step, *seen, sharing)
                    sharing = self.sharing = Sharing(self.plan)
                    settled = False
        for step in self.plan.walk() if self.plan.function.updates else ():
            if isinstance(step, Return):
                step.copies = frozenset(sharing.entangled(step, self.plan.function.updates.values()))

    def apart(self) -> Iterator[tuple[Value, Value]]:
        """Yield copies with originals that are needed after them."""
        for step in self.plan.walk():
            for pair in step.pairs if isinstance(step, Move) else ():
                source = self.plan.resolve(pair.source)
                if pair.copies and type(source) is Value and source in self.live.after[step]:
                    yield pair.target, source

    # What is copied ---------------------------------------------------------------------------------------------------------

    def remedy(self, step: Compute, target: Any, seen: Value | None, sharing: Sharing) -> None:
        """Copy something, so that a store into ``target`` is not seen by ``seen``, which None is the caller."""
        if updated(step.op):
            for copied in (
                self.at_view(seen, target),
                self.at_entry(target, seen, sharing),
                self.at_keeping(seen, target, sharing),
            ):
                if copied:
                    return
        step.in_place = False

    def at_view(self, seen: Value | None, target: Any) -> bool:
        """Copy a view, or what may be one, where it is made."""
        maker = self.makers[seen][0] if seen is not None and len(self.makers[seen]) == 1 else None
        if not isinstance(maker, Compute) or maker.copies or seen is target or not isinstance(maker.op, Apply):
            return False
        if not isinstance(seen, Value) or not isinstance(seen.type, Tensor):
            return False
        part = not _is_store(maker.op) and not library.is_own(maker.op) and _rank(seen) < _rank(self.plan.resolve(target))
        if maker.in_place or not (library.is_view(maker.op) or part):
            return False
        maker.copies = True
        return True

    def at_entry(self, target: Any, seen: Value | None, sharing: Sharing) -> bool:
        """Copy an array before the loop, or on the branch, by which it comes."""
        level = depth(atom_type(target))
        found = [pair for pair in self.entries(target, seen, set()) if not pair.copies and _is_at(pair.source, level)]
        if seen is None:
            found = [pair for pair in found if _is_foreign(sharing.written(pair.source))]
        else:
            found = [
                pair for pair in found if self.plan.resolve(pair.source) is seen or self.is_kept(pair.source, seen, sharing)
            ]
        for pair in found:
            pair.copies = True
        return bool(found)

    def is_kept(self, atom: Any, seen: Value, sharing: Sharing) -> bool:
        """Tell whether an array is an item that a loop takes from a list."""
        value = self.plan.resolve(atom)
        return type(value) is Value and not self.makers[value] and bool(sharing.written(atom) & sharing.known[seen])

    def entries(self, atom: Any, seen: Value | None, known: set[Value]) -> Iterator[Pair]:
        """Yield the moves by which memory comes to a value from ``seen``, or from what is neither moved nor stored into."""
        value = self.plan.resolve(atom)
        if type(value) is not Value or value in known:
            return
        known.add(value)
        for maker in self.makers[value]:
            if isinstance(maker, Pair):
                through = self.is_moved(maker.source) and (seen is None or self.plan.resolve(maker.source) is not seen)
                inner = list(self.entries(maker.source, seen, known)) if through else [maker]
                yield from inner
            elif isinstance(maker, Compute) and maker.in_place:
                yield from self.entries(self.before(maker, value), seen, known)

    def before(self, maker: Compute, value: Value) -> Any:
        """Return what gives way to a value that is made in place."""
        return updated(maker.op).get(value, maker.op.operands[0][0]) if isinstance(maker.op, Call) else maker.op.args[0]

    def is_moved(self, atom: Any) -> bool:
        makers = self.makers[atom] if type(atom) is Value and atom not in self.plan.inlined else []
        return any(isinstance(maker, Pair) or (isinstance(maker, Compute) and maker.in_place) for maker in makers)

    def at_keeping(self, seen: Value | None, target: Any, sharing: Sharing) -> bool:
        """Copy what a list keeps, or what a value takes over, where it does so."""
        if seen is None:
            return False
        makers = self.makers[seen] if seen is not self.plan.resolve(target) else []
        found = list(self.keeping(seen, makers, sharing.written(target), sharing, {seen}))
        for one in found:
            one.copies = True
        return bool(found)

    def keeping(
        self, seen: Value, makers: list[Compute | Pair | Start], written: Sites, sharing: Sharing, known: set[Value]
    ) -> Iterator[Collect | Pair]:
        """Yield where arrays come into a list, and into the lists in it, or are taken over."""
        for one in (*self.collects[seen], *[maker for maker in makers if isinstance(maker, Pair)]):
            atom = one.item if isinstance(one, Collect) else one.source
            if one.copies or not sharing.sites(atom) & written:
                continue
            if _can_be_copied(atom):
                yield one
            elif type(items := self.plan.resolve(atom)) is Value and items not in known:
                known.add(items)
                yield from self.keeping(items, self.makers[items], written, sharing, known)


def _is_store(op: Apply | Call) -> bool:
    return isinstance(op, Apply) and op.function in library.STORES


def updated(op: Apply | Call) -> dict[Value, Any]:
    """Return the results of an operation that are later versions of arguments, each with its argument."""
    if isinstance(op, Call):
        return {op.outputs[result]: op.args[param] for param, result in op.function.updates.items()}
    return {op.outputs[0]: op.args[0]} if op.function in library.STORES else {}


def _rank(value: Value) -> int:
    return value.type.rank if isinstance(value.type, Tensor) else 0


def _can_be_copied(atom: Any) -> bool:
    return isinstance(atom_type(atom), Tensor) and not isinstance(atom, Undefined)


def _is_at(atom: Any, level: int) -> bool:
    """Tell whether a copy of something, which of a list copies no items, is another memory for stores at a level."""
    return depth(atom_type(atom)) == level < _DEEP and not isinstance(atom, Undefined)


class Sharing:
    """The sites of each value's memory, with the copies and stores as they are decided now."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.known: dict[Value, Sites] = {param: foreign(param.type) for param in plan.function.params}
        # What the caller has given up.
        self.known.update(
            (param, frozenset({(param, 0)})) for param in map(plan.function.params.__getitem__, plan.function.updates)
        )
        self.changed = True
        steps = list(plan.walk())
        while self.changed:
            self.changed = False
            for step in steps:
                self.step(step)

    def sites(self, atom: Any) -> Sites:
        """Return the sites at which the memory of an atom may be allocated."""
        if type(atom) is not Value or (isinstance(atom.type, Tensor) and atom.type.number):
            return _NONE
        op = self.plan.inlined.get(atom)
        if op is not None:
            return self.result(op, atom, in_place=False)
        return self.known.get(self.plan.resolve(atom), _NONE)

    def written(self, target: Any) -> Sites:
        """Return the sites that a store into a value writes to: of a list, the list and not its items."""
        level = depth(atom_type(target))
        return frozenset(site for site in self.sites(target) if site[1] in (level, _DEEP))

    def seen(self, step: Compute, live: Liveness) -> tuple[Any, Value | None] | None:
        """Return what a statement stores into, and a value that would see it, None for the caller; None if nobody would."""
        for target in list(updated(step.op).values()) or step.op.operands[0][:1]:
            written = self.written(target)
            if _is_foreign(written) or (not written and _needs_site(target)):
                return target, None
            needed = live.after[step].difference(step.op.outputs)
            found = {value for value in needed if value in self.known and not self.known[value].isdisjoint(written)}
            if found:
                return target, next(value for value in self.known if value in found)
            # A function that stores into an argument must not see it in another one.
            if isinstance(step.op, Call) and (shared := self.shown(step.op, target, written)):
                return target, shared[0]
        return None

    def shown(self, op: Call, target: Any, written: Sites) -> list[Value | None]:
        """Return arguments of a call that show the memory of another one."""
        others = [arg for arg in op.args if self.sites(arg) & written]
        others.remove(target)
        return [None if arg is target or arg in self.plan.inlined else self.plan.resolve(arg) for arg in others]

    def entangled(self, step: Return, promised: Iterable[int]) -> Iterator[int]:
        """Yield the positions of promised results that others have too."""
        for k in promised:
            sites = self.sites(step.results[k])
            rest = self.union([result for j, result in enumerate(step.results) if j != k])
            if _is_foreign(sites) or sites & rest:
                yield k

    # From statement to statement.

    def add(self, value: Value, sites: Sites) -> None:
        known = self.known.get(value, _NONE)
        if not sites <= known:
            self.known[value] = known | sites
            self.changed = True

    def step(self, step: Step) -> None:
        match step:
            case Compute():
                for output in step.op.outputs:
                    own = step.copies and isinstance(output.type, Tensor)
                    self.add(output, frozenset({(output, 0)}) if own else self.result(step.op, output, in_place=step.in_place))
            case Move():
                for pair in step.pairs:
                    sites = self.sites(pair.source)
                    self.add(pair.target, self.copied(pair.target, sites) if pair.copies else sites)
            case Start():
                self.add(step.target, frozenset({(step.target, depth(step.target.type))}))
            case Collect():
                self.add(step.target, frozenset({(step.target, 0)}) if step.copies else self.sites(step.item))
            case Cycle():
                for items, item in zip(step.loop.consumed, step.loop.items, strict=True):
                    self.add(item, self.within(self.sites(items), item.type))

    def copied(self, copy: Value, sites: Sites) -> Sites:
        """Return the sites of a copy: a copy of a list is a new list of the same items."""
        level = depth(copy.type)
        return frozenset({(copy, level)}) | {site for site in sites if site[1] < level}

    def within(self, sites: Sites, t: Type) -> Sites:
        """Return the sites of what lies in something: all but those of lists that are too deep."""
        if isinstance(t, Tensor) and t.number:
            return _NONE
        return frozenset(site for site in sites if site[1] <= depth(t) or site[1] == _DEEP)

    def result(self, op: Apply | Call, output: Value, *, in_place: bool) -> Sites:
        """Return the sites of a result."""
        if isinstance(output.type, Tensor) and output.type.number:
            return _NONE
        if not isinstance(op, Apply):
            before = updated(op)
            if output in before:
                return self.sites(before[output]) if in_place else frozenset({(output, 0)})
            given_up = list(before.values())
            return self.union([arg for arg in op.args if arg not in given_up]) | foreign(output.type)
        if op.function in library.STORES:
            return self.stored(op, output, in_place=in_place)
        if in_place:
            return self.sites(op.args[0])
        level = depth(output.type)
        if library.is_own(op):
            return frozenset({(output, level)})
        if library.is_view(op):
            return self.viewed(op, output)
        if op.function in _PARTS:
            own, shared = _PARTS[op.function]
            new = frozenset((output, k) for k in range(level + 1)) if own else _NONE
            return new | (self.union(op.args) if shared else _NONE)
        return foreign(output.type) | (_NONE if op.function is stores.form else self.union(op.operands))

    def stored(self, op: Apply, output: Value, *, in_place: bool) -> Sites:
        """Return the sites of what was stored into: a new list holds the items of the old one, and what was stored."""
        old, level = self.sites(op.args[0]), depth(output.type)
        own = old if in_place else frozenset({(output, level)})
        if not level:
            return own
        return own | (self.union(op.args) - {site for site in old if site[1] == level})

    def viewed(self, op: Apply, output: Value) -> Sites:
        """Return the sites of a part: a slice of a list is a new list of the same items."""
        whole, kind = self.sites(op.args[0]), atom_type(op.args[0])
        if isinstance(kind, ListOf) and depth(output.type) == depth(kind):
            return self.within(whole, kind.item) | {(output, depth(kind))}
        return self.within(whole, output.type)

    def union(self, tree: Any) -> Sites:
        return _NONE.union(*(self.sites(atom) for atom in atoms(tree)))


def _is_foreign(sites: Sites) -> bool:
    return any(owner is None for owner, _ in sites)


def _needs_site(target: Any) -> bool:
    """Tell whether memory of unknown origin is to be feared: numbers have none."""
    t = atom_type(target)
    return not (isinstance(t, Tensor) and (t.number or t.rank == 0))
