"""The tape that notes what a reader wants to see: each operation's value, arguments, partial derivatives and the user's line.

`Recorder` is the engine's own `Tape`: the entries, and what the two sweeps do with them, are the engine's.  Beside each entry
it puts a `Note`, with copies of values as they were at that moment.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

import numpy as np

from adjoint._api import opaque
from adjoint._overload import NO_OPTIONS, Function
from adjoint._rules import kinds
from adjoint._rules.book import Rule
from adjoint._trace.reverse import Node, Tape
from adjoint._trace.traced import Host, Traced, apply, plain
from adjoint._trace.view import View
from adjoint.explain.formulas import Reference, suffix
from adjoint.explain.places import Place, Stack


@dataclass(slots=True)
class Note:
    """What is noted of one entry of the tape."""

    value: Any
    place: Place | None
    rule: Rule | None = None
    arguments: tuple[Any, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    partials: dict[int, Any] = field(default_factory=dict)
    # By slot of each array that was written to, the slot of its content at this moment.
    homes: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """A plain answer about traced values (a comparison, a rounding), on which the program may have branched."""

    function: Function
    arguments: tuple[Any, ...]
    result: Any
    place: Place | None
    slot: int


class Recorder(Tape):
    """A tape with a note for each entry; ``end`` is the code of the function under which the user's program runs."""

    def __init__(self, end: CodeType) -> None:
        super().__init__()
        self.notes: list[Note] = []
        self.decisions: list[Asked] = []
        # The slot of the newest content of each array that was written to (replaced, never changed, as notes hold it), and
        # the texts of views, by identity.
        self.newest: dict[int, int] = {}
        self.views: dict[int, tuple[Any, str]] = {}
        self.stack = Stack()
        self.end = end
        self.pending: Note | None = None
        self.append = self.note

    def place(self) -> Place | None:
        """Return where the user's program is."""
        return self.stack.observe(sys._getframe(1), self.end)

    def note(self, entry: Any) -> None:
        """Append an entry, and its note: the one that was prepared."""
        self.entries.append(entry)
        note = self.pending or Note(None, self.place())
        note.homes = self.newest
        self.notes.append(note)
        self.pending = None

    def lift(self, primal: Any) -> Node:
        """Note an input, or an array of the program that takes in a traced value."""
        self.pending = Note(snapshot(primal), self.place())
        return super().lift(primal)

    def apply(self, rule: Rule, call: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Apply a function, and note plain answers about traced values."""
        y = super().apply(rule, call, args, kwargs)
        if rule.kind == "constant" and self.reaches(list(args)):
            arguments = tuple(self.referred(a) for a in args)
            self.decisions.append(Asked(rule.function, arguments, snapshot(y), self.place(), len(self.notes)))
        return y

    def elementwise(self, rule: Rule, call: Function, args: tuple[Any, ...]) -> Any:
        """Take the general way, where all functions are noted."""
        return apply(rule.function, args, NO_OPTIONS, call)

    def record(
        self, rule: Rule, y: Any, primals: list[Any], args: tuple[Any, ...], kwargs: dict[str, Any], active: tuple[int, ...]
    ) -> Any:
        """Note a function with a rule, and the partial derivatives that the rule states."""
        note = Note(snapshot(y), self.place(), rule, tuple(self.referred(a) for a in args), kwargs)
        if rule.kind == "elementwise":
            with np.errstate(all="ignore"):
                note.partials = {k: snapshot(kinds.partial(rule.formulas[k], y, primals)) for k in active}
        self.pending = note
        return super().record(rule, y, primals, args, kwargs, active)

    def pick(self, y: Any, slot: int) -> Any:
        """Note the arrays of a result that is a tuple."""
        parts = super().pick(y, slot)
        for part in parts:
            if isinstance(part, Traced):
                note = self.notes[part.slot]
                note.value, note.arguments = snapshot(part.primal), (Reference(slot),)
        return parts

    def read(self, x: Traced, index: Any, y: Any) -> Node:
        """Note what is read from an array."""
        self.pending = Note(snapshot(y), self.place(), None, (self.referred(x), snapshot(index)))
        return super().read(x, index, y)

    def write(self, root: Node, view: View | None, index: Any, value: Any) -> None:
        """Note a store, whose result is the new content of the array."""
        before = Reference(self.newest.get(root.slot, root.slot), "" if view is None else self.text_of(view))
        arguments = (before, snapshot(index), self.referred(value))
        place = self.place()
        slot = len(self.notes)
        self.pending = Note(None, place, None, arguments)
        super().write(root, view, index, value)
        self.notes[slot].value = snapshot(root.primal)
        self.newest = {**self.newest, root.slot: slot}

    def shared(
        self, rule: Rule, y: Any, primal: Any, args: tuple[Any, ...], kwargs: dict[str, Any], active: tuple[int, ...]
    ) -> Any:
        """Note how a view is written."""
        found = super().shared(rule, y, primal, args, kwargs, active)
        if type(found) is View and found is not args[0]:
            text = self.text_of(args[0]) if type(args[0]) is View else ""
            self.views[id(found)] = (found, text + suffix(rule.function, args[1:], kwargs))
        return found

    def text_of(self, view: View) -> str:
        """Return what leads from an array to a view of it, as it would be written."""
        return self.views[id(view)][1] if id(view) in self.views else "[...]"

    def referred(self, a: Any) -> Any:
        """Return an argument with references in place of this tape's values."""
        if type(a) in (list, tuple):
            return type(a)([self.referred(part) for part in a])
        if isinstance(a, Host) and a.content is not None:
            a = a.content
        if not isinstance(a, Traced) or a.run is not self:
            return snapshot(a)
        slot: int = a.whole().slot
        return Reference(self.newest.get(slot, slot), self.text_of(a) if type(a) is View else "")


def snapshot(x: Any) -> Any:
    """Return a plain copy of a value, which later stores do not change; None for the notes of `custom_jvp` and its siblings."""
    if isinstance(x, opaque.Note):
        return None
    if type(x) in (list, tuple):
        return type(x)([snapshot(part) for part in x])
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return tuple(snapshot(part) for part in x)
    x = plain(x)
    return np.array(x, copy=True) if isinstance(x, np.ndarray) else x
