"""Reverse mode: run the program, record what the way back needs, then propagate cotangents from the results to the inputs.

The tape is a list; an entry's position, its *slot*, names the value that it produced.  An entry is a tuple
``(step, rule, y, args, kwargs, targets)``: ``step`` says how the entry is passed backward and forward, ``targets`` says where the
cotangents of its active arguments go.  Sweeping back frees each entry as it is passed.  The same list swept forward pushes
tangents (`linearize`), so the tape is the linearised program in both directions.

Mutable arrays have a *shadow*: one array of cotangents for their memory.  A read ``y = a[i]`` passes back as ``shadow[i] += ct``, a
write ``a[i] = x`` as ``ct_x = shadow[i]; shadow[i] = 0``.  Since the way back meets reads and writes in exactly the opposite order,
this needs no versions of arrays.  A view is a path of indexing and reshaping steps from its base (`memory.View`); its
cotangents live in the shadow of the base, under the same path.  [Griewank and Walther 2008, section 3.2; Tapenade and Enzyme use
the same shadow memory.]
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint._overload import Function
from adjoint._rules import kinds
from adjoint._rules.book import Rule
from adjoint._trace.forward import escaped
from adjoint._trace.memory import SMALL, LENDERS, before_write, host, owner_of, plain_index, same_memory, winners
from adjoint._trace.shadow import Region, View, region_add
from adjoint._trace.traced import Host, Trace, Traced, highest, plain

class Node(Traced):
    """A value with the slot of the tape that produced it."""

    __slots__ = ()

    def __init__(self, trace: Tape, primal: Any, slot: int) -> None:
        self.trace = trace
        self.primal = primal
        self.slot = slot
        self.kept = None

    def store(self, index: Any, value: Any) -> None:
        self.trace.write(self, None, index, value)


Target = Any  # a slot, a Region, None, or a list of these for an argument that is a sequence
Entry = tuple[Any, ...]


class Tape(Trace):
    """One run of reverse mode."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[Entry | None] = []
        self.append = self.entries.append
        # First entry that keeps a constant array, by the identity of the memory's owner (alive as long as the entry).
        self.lent: dict[int, int] = {}

    def apply(self, rule: Rule, call: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        primals = []
        active = []
        for position, a in enumerate(args):
            if isinstance(a, Traced) and a.trace is self:
                primals.append(a.primal)
                active.append(position)
            elif type(a) in (list, tuple) and highest(a) is not None:
                primals.append(self.primals_of(a))
                if self.reaches(a):
                    active.append(position)
            else:
                primals.append(a)
        y = call(*primals, **kwargs)
        if rule.kind == "constant":
            return y
        active = [position for position in active if kinds.is_active(rule, position)]
        if not active:
            return y
        if rule.kind == "linear":
            if rule.function is operator.getitem and isinstance(y, (float, np.generic)):
                return self.read(args[0], args[1], y)
            shared = self.alias(rule, y, primals, args, kwargs, active)
            if shared is not None:
                return shared
        return self.record(rule, y, primals, args, kwargs, tuple(active))

    def record(
        self, rule: Rule, y: Any, primals: list[Any], args: tuple[Any, ...], kwargs: dict[str, Any], active: tuple[int, ...]
    ) -> Any:
        """Append an entry that holds what the rule's pullback uses, and return the traced result."""
        slot = len(self.entries)
        targets = [(position, target_of(self, args[position])) for position in active]
        shape, dtype = getattr(y, "shape", None), getattr(y, "dtype", None)
        forms = [form_of(primals[position], shape, dtype) for position in active]
        keep_y, keep_args = plan(rule, active)
        if keep_args is None:
            kept = self.keep_by_kind(rule, primals, args, active, slot)
        else:
            kept = [
                self.keep(a, args[k], slot) if k in keep_args else None for k, a in enumerate(primals)
            ]
        result = Node(self, y, slot)
        if keep_y and not isinstance(y, (float, np.generic)):
            result.kept = slot
        self.append((OPERATION, rule, y if keep_y else None, kept, kwargs, targets, forms))
        if isinstance(y, (tuple, list)):
            return self.pick(y, slot)
        return result

    def read(self, x: Traced, index: Any, y: Any) -> Node:
        """Record that a number was read from an array."""
        node = Node(self, y, len(self.entries))
        self.append((READ, Region(x.base(), x if type(x) is View else None, index)))
        return node

    def keep_by_kind(self, rule: Rule, primals: list[Any], args: Any, active: tuple[int, ...], slot: int) -> list[Any]:
        """Keep all arguments by value, but those that the formulas of a linear or bilinear rule read the form of only."""
        form_only: set[int] = set()
        if rule.kind == "linear":
            form_only = {k for k in range(min(len(primals), len(rule.formulas))) if kinds.is_active(rule, k)}
        elif rule.kind == "bilinear" and len(active) == 1:
            form_only = set(active)
        return [
            kinds.describe(a) if k in form_only else self.keep(a, args[k], slot) for k, a in enumerate(primals)
        ]

    def keep(self, primal: Any, argument: Any, slot: int) -> Any:
        """Return an argument as the tape may hold it: arrays are noted, so that a later write gives the tape a copy."""
        kind = type(primal)
        if kind is float or kind is int or kind is np.float64 or kind is str or primal is None:
            return primal
        if isinstance(argument, Traced) and argument.trace is self:
            root = argument.root if type(argument) is View else argument
            if root.kept is None:
                root.kept = slot
            return primal
        if isinstance(primal, np.ndarray):
            if primal.size <= SMALL:
                return primal.copy()
            return self.borrow(primal, slot)
        if isinstance(primal, Traced):
            return self.borrow(primal, slot)
        if kind in (list, tuple):
            parts = argument if type(argument) in (list, tuple) else primal
            return kind([self.keep(p, a, slot) for p, a in zip(primal, parts, strict=True)])
        return primal

    def borrow(self, array: Any, slot: int) -> Any:
        """Keep an array that is not this tape's without a copy: whoever writes to it gives the tape one first."""
        self.lent.setdefault(id(owner_of(array)), slot)
        LENDERS.add(self)
        return array

    def pick(self, y: Any, slot: int) -> Any:
        """Return a traced value for each array of a result that is a tuple or list."""
        parts = []
        for k, part in enumerate(y):
            if isinstance(plain(part), (np.ndarray, float, complex, np.inexact)) and kinds.dtype_of(part).kind in "fc":
                node = Node(self, part, len(self.entries))
                node.kept = slot
                self.append((PICK, slot, k, len(y), kinds.Like(part)))
                parts.append(node)
            else:
                parts.append(part)
        return type(y)(*parts) if hasattr(y, "_fields") else type(y)(parts)

    def alias(self, rule: Rule, y: Any, primals: list[Any], args: Any, kwargs: dict[str, Any], active: list[int]) -> Any:
        """Return the argument itself, or a view of it, if that is what the function returned."""
        if active != [0] or not isinstance(args[0], Traced):
            return None
        x, primal = args[0], primals[0]
        if y is primal:
            return x
        if type(y) is float or isinstance(y, np.generic):
            return None
        if same_memory(y, primal):
            rest = tuple(args[1:])
            return View(x, lambda a: rule.function(a, *rest, **kwargs), rest[0] if rule.name.endswith("getitem") else None)
        return None

    def primals_of(self, a: Any) -> Any:
        if type(a) in (list, tuple):
            return type(a)([self.primals_of(part) for part in a])
        if isinstance(a, Host) and a.content is not None:
            a = a.content
        return a.primal if isinstance(a, Traced) and a.trace is self else a

    def reaches(self, a: Any) -> bool:
        """Tell whether a sequence holds a value of this tape."""
        if type(a) in (list, tuple):
            return any(map(self.reaches, a))
        if isinstance(a, Host) and a.content is not None:
            a = a.content
        return isinstance(a, Traced) and a.trace is self

    def lift(self, primal: Any) -> Node:
        self.append(None)
        return Node(self, primal, len(self.entries) - 1)

    def write(self, root: Node, view: View | None, index: Any, value: Any) -> None:
        """Store into an array of this tape, or into a view of it, and record that the region was overwritten."""
        if root.kept is not None:
            self.release(owner_of(root.primal), root.kept)
            root.kept = None
        before_write(root)
        mine = isinstance(value, Traced) and value.trace is self
        primal = root.primal if view is None else view.primal
        primal[index] = value.primal if mine else value
        region = Region(root, view, index)
        if mine:
            form = (kinds.shape_of(value.primal), kinds.dtype_of(value.primal))
            self.append((WRITE, region, target_of(self, value), form, winners(kinds.shape_of(primal), index)))
        else:
            self.append((WRITE, region, None, None, None))

    def release(self, owner: Any, first: int) -> None:
        """Replace memory that is about to change by copies, in all entries from ``first`` that keep it."""
        copies: dict[int, Any] = {}

        def preserved(value: Any) -> Any:
            if isinstance(value, (list, tuple)):
                parts = map(preserved, value)
                return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
            if isinstance(value, (np.ndarray, Traced)) and owner_of(value) is owner:
                return copies.setdefault(id(value), np.copy(value)) if id(value) not in copies else copies[id(value)]
            return value

        for slot in range(first, len(self.entries)):
            entry = self.entries[slot]
            if entry is not None and entry[0] is OPERATION:
                step, rule, y, kept, *rest = entry
                self.entries[slot] = (step, rule, preserved(y), preserved(kept), *rest)

    def close(self) -> None:
        super().close()
        self.entries = self.append = Closed()  # type: ignore[assignment]


class Closed:
    """Takes the place of a tape's entries when its derivative has ended."""

    def __len__(self) -> int:
        raise escaped()

    def __call__(self, _: Any) -> None:
        raise escaped()


def target_of(tape: Tape, a: Any) -> Target:
    """Return where the cotangent of an argument goes."""
    if type(a) is Node:
        return a.slot if a.trace is tape else None
    if type(a) is View:
        return a.region() if a.trace is tape else None
    if type(a) in (list, tuple):
        return [target_of(tape, part) for part in a]
    if isinstance(a, Host) and a.content is not None:
        return target_of(tape, a.content)
    return None


def form_of(primal: Any, shape: Any, dtype: Any) -> Any:
    """Return shape and dtype of an argument, None if they are those of the result."""
    if type(primal) in (list, tuple):
        return [form_of(part, None, None) for part in primal]
    own = getattr(primal, "shape", None)
    if own == shape and getattr(primal, "dtype", None) == dtype:
        return None
    return (kinds.shape_of(primal), kinds.dtype_of(primal))


_PLANS: dict[tuple[Rule, tuple[int, ...]], tuple[bool, tuple[int, ...] | None]] = {}


def plan(rule: Rule, active: tuple[int, ...]) -> tuple[bool, tuple[int, ...] | None]:
    """Return what an entry keeps: the result? and which arguments; computed once per rule and pattern of activity."""
    found = _PLANS.get((rule, active))
    if found is None:
        found = _PLANS[rule, active] = kinds.needs(rule, active)
    return found


# The sweeps ---------------------------------------------------------------------------------------------------------------


class Step:
    """How an entry of one sort is passed by the two sweeps."""

    def backward(self, entry: Entry, slot: int, cts: list[Any], owned: set[int]) -> None:
        raise NotImplementedError

    def forward(self, entry: Entry, slot: int, ts: list[Any]) -> None:
        raise NotImplementedError


class Operation(Step):
    """A function with a rule."""

    def backward(self, entry: Entry, slot: int, cts: list[Any], owned: set[int]) -> None:
        ct = cts[slot]
        if ct is None:
            return
        _, rule, y, args, kwargs, targets, forms = entry
        for (position, target), form in zip(targets, forms, strict=True):
            g = kinds.pullback(rule, position, ct, y, args, kwargs, transpose)
            accumulate(cts, owned, target, g, form, ct)

    def forward(self, entry: Entry, slot: int, ts: list[Any]) -> None:
        _, rule, y, args, kwargs, targets, _ = entry
        tangents = {position: fetch(ts, target, args[position]) for position, target in targets}
        tangents = {position: t for position, t in tangents.items() if t is not None}
        if tangents:
            ts[slot] = kinds.pushforward(rule, y, args, kwargs, tangents)


class Pick(Step):
    """One array of a result that is a tuple."""

    def backward(self, entry: Entry, slot: int, cts: list[Any], owned: set[int]) -> None:
        _, source, k, n, _ = entry
        if cts[slot] is not None:
            if cts[source] is None:
                cts[source] = [None] * n
            cts[source][k] = cts[slot]

    def forward(self, entry: Entry, slot: int, ts: list[Any]) -> None:
        _, source, k, _, _ = entry
        if ts[source] is not None:
            ts[slot] = ts[source][k]


class Read(Step):
    """A number, or a selection of elements, read from a mutable array."""

    def backward(self, entry: Entry, slot: int, cts: list[Any], owned: set[int]) -> None:
        _, region = entry
        if cts[slot] is not None:
            region_add(own_shadow(cts, owned, region, cts[slot]), region, cts[slot])

    def forward(self, entry: Entry, slot: int, ts: list[Any]) -> None:
        _, region = entry
        if ts[region.slot] is not None:
            ts[slot] = region.read(ts[region.slot])


class Write(Step):
    """A store into a region of a mutable array."""

    def backward(self, entry: Entry, slot: int, cts: list[Any], owned: set[int]) -> None:
        _, region, target, form, winners = entry
        if cts[region.slot] is None:
            return
        shadow = own_shadow(cts, owned, region, None)
        ct = region.read(shadow)
        region.write(shadow, 0)
        if target is not None:
            g = ct if winners is None else np.where(winners, ct, np.zeros((), kinds.dtype_of(ct)))
            accumulate(cts, owned, target, g, form, g)

    def forward(self, entry: Entry, slot: int, ts: list[Any]) -> None:
        _, region, target, _, _ = entry
        t = None if target is None else fetch(ts, target, None)
        if t is None and ts[region.slot] is None:
            return
        if ts[region.slot] is None:
            ts[region.slot] = region.zeros(t)
        elif isinstance(t, Traced):
            ts[region.slot] = host(ts[region.slot])
        region.write(ts[region.slot], 0 if t is None else t)


OPERATION, PICK, READ, WRITE = Operation(), Pick(), Read(), Write()


def backward(entries: list[Entry | None], cts: list[Any], *, free: bool) -> list[Any]:
    """Sweep back over the tape, from cotangents by slot to cotangents by slot; ``free`` gives the memory back on the way."""
    owned: set[int] = set()
    inputs = 0
    while inputs < len(entries) and entries[inputs] is None:
        inputs += 1
    with np.errstate(all="ignore"):
        for slot in range(len(entries) - 1, inputs - 1, -1):
            entry = entries.pop() if free else entries[slot]
            if entry is not None:
                entry[0].backward(entry, slot, cts, owned)
            if free:
                cts.pop()
            else:
                cts[slot] = None
    return cts


def forward(entries: list[Entry | None], ts: list[Any]) -> list[Any]:
    """Sweep forward over the tape: tangents by slot of the inputs in, tangents of all slots out."""
    with np.errstate(all="ignore"):
        for slot, entry in enumerate(entries):
            if entry is not None:
                entry[0].forward(entry, slot, ts)
    return ts


def accumulate(cts: list[Any], owned: set[int], target: Target, g: Any, form: Any, ct: Any) -> None:
    """Add a contribution to the cotangent of ``target``, summed back to the form of the argument."""
    if type(target) is list:
        for part, contribution, like in zip(target, g, form, strict=True):
            if part is not None and contribution is not None:
                accumulate(cts, owned, part, contribution, like, None)
        return
    if target is None or g is None:
        return
    if form is not None:
        g = kinds.conform(g, *form)
    elif g is not ct and (kinds.shape_of(g) != kinds.shape_of(ct) or getattr(g, "dtype", None) != getattr(ct, "dtype", None)):
        g = kinds.conform(g, kinds.shape_of(ct), kinds.dtype_of(ct))
    if type(target) is int:
        previous = cts[target]
        cts[target] = g if previous is None else previous + g
    else:
        region_add(own_shadow(cts, owned, target, g), target, g)


def own_shadow(cts: list[Any], owned: set[int], region: Region, g: Any) -> Any:
    """Return the shadow of a region's array, in memory of its own and able to take ``g``."""
    shadow = cts[region.slot]
    if shadow is None:
        shadow = region.zeros(g)
    elif region.slot not in owned:
        shadow = np.copy(shadow)
        shadow = host(shadow) if isinstance(g, Traced) else shadow
    elif isinstance(g, Traced):
        shadow = host(shadow)
    owned.add(region.slot)
    cts[region.slot] = shadow
    return shadow


def fetch(ts: list[Any], target: Target, argument: Any) -> Any:
    """Return the tangent of an argument, None if it is zero."""
    if type(target) is list:
        parts = [None if part is None else fetch(ts, part, None) for part in target]
        if all(part is None for part in parts):
            return None
        return [kinds.zeros_like(a) if t is None else t for t, a in zip(parts, argument, strict=True)]
    if type(target) is int:
        return ts[target]
    return None if ts[target.slot] is None else target.read(ts[target.slot])


def transpose(function: Callable[[Any], Any], like: kinds.Like, ct: Any) -> Any:
    """Apply the transpose of a linear ``function`` of an array of the form ``like`` to ``ct``."""
    tape = Tape()
    t = tape.lift(np.zeros(like.shape, like.dtype))
    y = function(t)
    cts: list[Any] = [None] * len(tape.entries)
    owned: set[int] = set()
    for part, cotangent in zip(y, ct, strict=True) if isinstance(y, (tuple, list)) else [(y, ct)]:
        if cotangent is not None and isinstance(part, Traced) and part.trace is tape:
            form = (kinds.shape_of(part.primal), kinds.dtype_of(part.primal))
            accumulate(cts, owned, target_of(tape, part), cotangent, form, None)
    entries = tape.entries
    tape.close()
    return backward(entries, cts, free=True)[0]
