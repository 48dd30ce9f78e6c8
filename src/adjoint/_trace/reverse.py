"""Reverse mode: run the program, record what the way back needs, then propagate cotangents from the results to the inputs.

The tape is a list; an entry's position, its *slot*, names the value that it produced.  An entry is a tuple
``(step, rule, y, args, kwargs, targets)``: ``step`` says how the entry is passed backward and forward (`sweep`), ``targets``
where the cotangents of its active arguments go.  Sweeping back frees each entry as it is passed.  The same list swept forward
pushes tangents (`linearize`), so the tape is the linearised program in both directions.

Mutable arrays have a *shadow*: one array of cotangents for their memory.  A read ``y = a[i]`` passes back as
``shadow[i] += ct``, a write ``a[i] = x`` as ``ct_x = shadow[i]; shadow[i] = 0``.  Since the way back meets reads and writes in
exactly the opposite order, this needs no versions of arrays.  A view is a path of indexing and reshaping steps from its base
(`view.View`); its cotangents live in the shadow of the base, under the same path.  [Griewank and Walther 2008, section 3.2;
Tapenade and Enzyme use the same shadow memory.]
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from adjoint._overload import BINARY, NO_OPTIONS, Function
from adjoint._rules import kinds
from adjoint._rules.book import BOOK, Rule
from adjoint._trace.forward import escaped
from adjoint._trace.memory import SMALL, before_write, borrows, owner_of, receiving, winners
from adjoint._trace.shadow import Region
from adjoint._trace.sweep import (
    ELEMENTWISE,
    OPERATION,
    PICK,
    PLAIN,
    READ,
    WRITE,
    Entry,
    Operation,
    Target,
)
from adjoint._trace.traced import Host, Trace, Traced, apply, highest, is_array, sample
from adjoint._trace.view import View, alias
from adjoint.errors import MutationError

FLOAT64 = np.dtype(np.float64)
new = object.__new__


class Node(Traced):
    """A value with the slot of the tape that produced it."""

    __slots__ = ()

    run: Tape

    def __init__(self, trace: Tape, primal: Any, slot: int) -> None:
        self.run = trace
        self.primal = primal
        self.slot = slot
        self.kept = None

    def store(self, index: Any, value: Any) -> None:
        self.run.write(self, None, index, value)

    def store_part(self, view: View, index: Any, value: Any) -> None:
        self.run.write(self, view, index, value)

    def _apply(self, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any], call: Function | None = None) -> Any:
        if not kwargs:
            rule = BOOK.get(function)
            if rule is not None and rule.kind == "elementwise":
                return self.run.elementwise(rule, call or function, args)
        return apply(function, args, kwargs, call)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if not kwargs and method == "__call__":
            rule = BOOK.get(ufunc)
            if rule is not None and rule.kind == "elementwise":
                return self.run.elementwise(rule, ufunc, inputs)
            return apply(ufunc, inputs, kwargs)
        return self._ufunc_with_options(ufunc, method, inputs, kwargs)


NUMBERS = frozenset((float, int, np.float64, np.ndarray))


class Tape(Trace):
    """One run of reverse mode."""

    def __init__(self) -> None:
        super().__init__()
        # ``entries`` is where values record; when the derivative ends it refuses, and ``recorded`` is what the pullback sweeps.
        self.entries: list[Entry | None] = []
        self.recorded = self.entries
        self.append = self.entries.append
        # First entry that keeps a constant array, by the identity of the memory's owner (alive as long as the entry).
        self.lent: dict[int, int] = {}
        # A sample of the content of each constant array, to notice changes that nobody told of.
        self.witnesses: dict[int, tuple[np.ndarray, bytes]] = {}

    def apply(self, rule: Rule, call: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        primals = []
        active = []
        for position, a in enumerate(args):
            if isinstance(a, Traced) and a.run is self:
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
        active = tuple([position for position in active if kinds.is_active(rule, position)])
        if not active:
            return y
        if rule.kind == "linear":
            shared = self.shared(rule, y, primals[0], args, kwargs, active)
            if shared is not None:
                return shared
        return self.record(rule, y, primals, args, kwargs, active)

    def shared(
        self, rule: Rule, y: Any, primal: Any, args: tuple[Any, ...], kwargs: dict[str, Any], active: tuple[int, ...]
    ) -> Any:
        """Return a number that is read from an array, or a view of an array; None if ``y`` is memory of its own."""
        if rule.function is operator.getitem and (
            isinstance(y, (float, np.generic)) or (not is_array(y) and kinds.foreign(y) is None)
        ):
            return self.read(args[0], args[1], y)
        if active == (0,) and isinstance(args[0], Traced):
            return alias(y, primal, args[0], rule.function, args[1:], kwargs)
        return None

    def record(
        self, rule: Rule, y: Any, primals: list[Any], args: tuple[Any, ...], kwargs: dict[str, Any], active: tuple[int, ...]
    ) -> Any:
        """Append an entry that holds what the rule's pullback uses, and return the traced result."""
        slot = len(self.entries)
        targets = [(k, target_of(self, args[k]), form_of(primals[k], y)) for k in active]
        keep_y, keep_args = plan(rule, active)
        if keep_args is None:
            kept = self.keep_by_kind(rule, primals, args, active, slot)
        else:
            kept = [self.keep(a, args[k], slot) if k in keep_args else None for k, a in enumerate(primals)]
        result = Node(self, y, slot)
        if keep_y and not isinstance(y, (float, np.generic)):
            result.kept = slot
        held = y if keep_y else form_of_result(rule, y, targets)
        self.append((OPERATION, rule, held, kept, kwargs, targets))
        if isinstance(y, (tuple, list)):
            return self.pick(y, slot)
        return result

    def elementwise(self, rule: Rule, call: Function, args: tuple[Any, ...]) -> Any:  # noqa: C901, PLR0912, PLR0915 - a hot path
        """Do what `apply` does for an elementwise function of float64 numbers and arrays, by the shortest way that Python has.

        Anything else (complex numbers, float32, nested derivatives, views) takes the general way.
        """
        primals = []
        pattern = 0
        bit = 1
        for a in args:
            kind = type(a)
            if kind is Node:
                if a.run is not self:
                    return apply(rule.function, args, NO_OPTIONS, call)
                primals.append(a.primal)
                pattern |= bit
            elif kind in NUMBERS:
                primals.append(a)
            else:
                return apply(rule.function, args, NO_OPTIONS, call)
            bit <<= 1
        y = call(*primals)
        kind = type(y)
        shape: Any = None
        if kind is np.ndarray:
            if y.dtype is not FLOAT64:
                return self.finish(rule, y, primals, args)
            shape = y.shape
        elif kind is not float and kind is not np.float64:
            return self.finish(rule, y, primals, args)
        found = rule.plans.get(pattern) or self.plan_elementwise(rule, args, pattern)
        keep_y, keep_args, drop_args, active = found
        if active is None:
            return self.finish(rule, y, primals, args)
        # The way forward takes the form of the result from an argument of the same form; if there is none, the entry holds it.
        held: Any = y if keep_y else None
        if shape is None:
            targets = [(k, args[k].slot, None) for k in active]
        else:
            targets = []
            broadcast = True
            for k in active:
                primal = primals[k]
                form = None
                if isinstance(primal, np.ndarray):
                    if primal.dtype is not FLOAT64:
                        return self.finish(rule, y, primals, args)
                    if primal.shape == shape:
                        broadcast = False
                    else:
                        form = (primal.shape, FLOAT64)
                elif type(primal) in PLAIN:
                    form = ((), FLOAT64)
                else:
                    return self.finish(rule, y, primals, args)
                targets.append((k, args[k].slot, form))
            if broadcast and not keep_y:
                held = kinds.Like(y)
        slot = len(self.entries)
        result = new(Node)
        result.run = self
        result.primal = y
        result.slot = slot
        result.kept = slot if keep_y else None
        for k in keep_args:
            if isinstance(primals[k], np.ndarray):
                a = args[k]
                if type(a) is not Node:
                    primals[k] = self.keep(a, a, slot)
                elif a.kept is None:
                    a.kept = slot
        for k in drop_args:
            primals[k] = None
        self.append((ELEMENTWISE, rule, held, primals, NO_OPTIONS, targets))
        return result

    def finish(self, rule: Rule, y: Any, primals: list[Any], args: tuple[Any, ...]) -> Any:
        """Record an elementwise function that was evaluated already, by the general way."""
        active = self.active(rule, args)
        return self.record(rule, y, primals, args, {}, active) if active else y

    def plan_elementwise(
        self, rule: Rule, args: tuple[Any, ...], pattern: int
    ) -> tuple[bool, tuple[int, ...], tuple[int, ...], tuple[int, ...] | None]:
        """Return what the entry of a pattern of activity keeps and drops, and the active arguments (None: without partials)."""
        active = self.active(rule, args)
        keep_y, keep_args = plan(rule, active) if active else (False, ())
        keep_args = tuple(range(len(args))) if keep_args is None else keep_args
        drop_args = tuple(k for k in range(len(args)) if k not in keep_args)
        complete = len(active) == sum(type(a) is Node for a in args)
        found = rule.plans[pattern] = (keep_y, keep_args, drop_args, active if complete else None)
        return found

    def active(self, rule: Rule, args: tuple[Any, ...]) -> tuple[int, ...]:
        """Return the positions of this tape's values that the rule differentiates."""
        return tuple(k for k, a in enumerate(args) if isinstance(a, Traced) and a.run is self and kinds.is_active(rule, k))

    def read(self, x: Traced, index: Any, y: Any) -> Node:
        """Record that a number was read from an array."""
        node = Node(self, y, len(self.entries))
        self.append((READ, Region(x.whole(), x if type(x) is View else None, index)))
        return node

    def keep_by_kind(self, rule: Rule, primals: list[Any], args: Any, active: tuple[int, ...], slot: int) -> list[Any]:
        """Keep all arguments by value, but those that the formulas of a linear or bilinear rule read the form of only."""
        form_only: set[int] = set()
        if rule.kind == "linear":
            form_only = {k for k in range(min(len(primals), len(rule.formulas))) if kinds.is_active(rule, k)}
        elif rule.kind == "bilinear" and len(active) == 1:
            form_only = set(active)
        return [kinds.describe(a) if k in form_only else self.keep(a, args[k], slot) for k, a in enumerate(primals)]

    def keep(self, primal: Any, argument: Any, slot: int) -> Any:
        """Return an argument as the tape may hold it: arrays are noted, so that a later write gives the tape a copy."""
        kind = type(primal)
        if kind is float or kind is int or kind is np.float64 or kind is str or primal is None:
            return primal
        if isinstance(argument, Traced) and argument.run is self:
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
        key = id(owner_of(array))
        if key not in self.lent:
            self.lent[key] = slot
            borrows(self)
            if isinstance(array, np.ndarray):
                self.witnesses[key] = (array, sampled(array))
        return array

    def verify(self, *keys: int) -> None:
        """Raise if a constant array that the tape keeps was changed behind its back since it was used."""
        for array, witness in [self.witnesses[key] for key in keys or self.witnesses if key in self.witnesses]:
            if sampled(array) != witness:
                raise MutationError(
                    f"an array of shape {array.shape} was changed after the differentiated function had used it",
                    why="the way back needs its old content, and the change was made by code that adjoint does not see",
                    remedy="change a copy of it, or call the pullback before the change",
                )

    def pick(self, y: Any, slot: int) -> Any:
        """Return a traced value for each array of a result that is a tuple or list."""
        parts = []
        for k, part in enumerate(y):
            if isinstance(sample(part), (np.ndarray, float, complex, np.inexact)) and kinds.dtype_of(part).kind in "fc":
                node = Node(self, part, len(self.entries))
                node.kept = slot
                self.append((PICK, slot, k, len(y), kinds.Like(part)))
                parts.append(node)
            else:
                parts.append(part)
        return type(y)(*parts) if hasattr(y, "_fields") else type(y)(parts)

    def primals_of(self, a: Any) -> Any:
        if type(a) in (list, tuple):
            return type(a)([self.primals_of(part) for part in a])
        if isinstance(a, Host) and a.content is not None:
            a = a.content
        return a.primal if isinstance(a, Traced) and a.run is self else a

    def reaches(self, a: Any) -> bool:
        """Tell whether a sequence holds a value of this tape."""
        if type(a) in (list, tuple):
            return any(map(self.reaches, a))
        if isinstance(a, Host) and a.content is not None:
            a = a.content
        return isinstance(a, Traced) and a.run is self

    def lift(self, primal: Any) -> Node:
        self.append(None)
        return Node(self, primal, len(self.entries) - 1)

    def write(self, root: Node, view: View | None, index: Any, value: Any) -> None:
        """Store into an array of this tape, or into a view of it, and record that the region was overwritten."""
        if root.kept is not None:
            self.release(owner_of(root.primal), root.kept)
            root.kept = None
        before_write(root)
        mine = isinstance(value, Traced) and value.run is self
        x = value.primal if mine else value
        root.primal = receiving(root.primal, x)
        primal = root.primal if view is None else view.primal
        primal[index] = x
        region = Region(root, view, index)
        if mine:
            form = (kinds.shape_of(value.primal), kinds.dtype_of(value.primal))
            self.append((WRITE, region, target_of(self, value), form, winners(kinds.shape_of(primal), index)))
        else:
            self.append((WRITE, region, None, None, None))

    def release(self, owner: Any, first: int) -> None:
        """Replace memory that is about to change by copies, in all entries from ``first`` that keep it."""
        copies: dict[int, Any] = {}
        self.verify(id(owner))
        self.witnesses.pop(id(owner), None)
        for slot in range(first, len(self.recorded)):
            entry = self.recorded[slot]
            if entry is not None and isinstance(entry[0], Operation):
                step, rule, y, kept, *rest = entry
                self.recorded[slot] = (step, rule, preserved(y, owner, copies), preserved(kept, owner, copies), *rest)

    def part_with(self, arrays: list[Any]) -> None:
        """Replace the memory of arrays that others may change from now on by copies, in all entries that keep it."""
        for owner in {id(owner): owner for owner in map(owner_of, arrays) if is_array(owner)}.values():
            self.release(owner, 0)

    def close(self) -> None:
        super().close()
        self.entries = self.append = Closed()  # type: ignore[assignment]


class Closed:
    """Takes the place of a tape's entries when its derivative has ended."""

    def __len__(self) -> int:
        raise escaped()

    def __call__(self, _: Any) -> None:
        raise escaped()


def preserved(value: Any, owner: Any, copies: dict[int, Any]) -> Any:
    """Return what an entry keeps with a copy, one for all entries, in place of each array whose memory is ``owner``'s."""
    if isinstance(value, (list, tuple)):
        parts = [preserved(part, owner, copies) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if isinstance(value, (np.ndarray, Traced)) and owner_of(value) is owner:
        if id(value) not in copies:
            copies[id(value)] = np.copy(value)
        return copies[id(value)]
    return value


def sampled(array: np.ndarray) -> bytes:
    """Return some 256 elements of an array, spread over all of it."""
    per_axis = max(2, round(256 ** (1 / max(array.ndim, 1))))
    return array[tuple(slice(None, None, max(1, n // per_axis)) for n in array.shape)].tobytes()


def target_of(tape: Tape, a: Any) -> Target:
    """Return where the cotangent of an argument goes."""
    if type(a) is Node:
        return a.slot if a.run is tape else None
    if type(a) is View:
        return Region(a.root, a) if a.run is tape else None
    if type(a) in (list, tuple):
        return [target_of(tape, part) for part in a]
    if isinstance(a, Host) and a.content is not None:
        return target_of(tape, a.content)
    return None


def form_of(primal: Any, y: Any) -> Any:
    """Return shape and dtype of an argument, None if they are those of the result ``y``."""
    if type(primal) in (list, tuple):
        return [form_of(part, None) for part in primal]
    shape, dtype = getattr(primal, "shape", None), getattr(primal, "dtype", None)
    if shape is not None and shape == getattr(y, "shape", None) and dtype == getattr(y, "dtype", None):
        return None
    return None if shape is None and type(primal) is type(y) else (kinds.shape_of(primal), kinds.dtype_of(primal))


def form_of_result(rule: Rule, y: Any, targets: list[Target]) -> Any:
    """Return the description of a result that the way forward cannot take from its arguments.

    That is what it broadcasts to, or that it is complex.
    """
    if rule.kind != "elementwise":
        return None
    if not kinds.is_complex(y):
        for _, _, form in targets:
            if form is None:
                return None
    return kinds.Like(y)


def plan(rule: Rule, active: tuple[int, ...]) -> tuple[bool, tuple[int, ...] | None]:
    """Return what an entry keeps: the result? and which arguments; computed once per rule and pattern of activity."""
    if rule.kind in ("linear", "bilinear"):
        return False, None
    found = rule.plans.get(active)
    if found is None:
        found = rule.plans[active] = kinds.needs(rule, active)
    return found


def _operators() -> None:
    """Give nodes the operators of arithmetic by the shortest way: this is what most programs do most of the time."""

    def direct(function: Function, call: Function) -> tuple[Function, Function]:
        def method(self: Node, other: Any) -> Any:
            return self.run.elementwise(BOOK[function], call, (self, other))

        def reflected(self: Node, other: Any) -> Any:
            return self.run.elementwise(BOOK[function], call, (other, self))

        return method, reflected

    for name in ("add", "sub", "mul", "truediv", "pow"):
        method, reflected = direct(*BINARY[name])
        setattr(Node, f"__{name}__", method)
        setattr(Node, f"__r{name}__", reflected)


_operators()
