"""Loops whose number of turns, or whose body, is known only when the program runs.

What the body changes is found by running it: the names, memories, lists and objects that differ after a turn are *carried*,
with the join of the types before and after. With symbols in their places the body is run again, until the types do not
change any more. The operations of the last run are the loop's body.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from adjoint._frontend.branches import close, settled
from adjoint._frontend.escapes import AssigningTestError, EscapingError, Frame, UserError, errors_of, framed, taken
from adjoint._frontend.identity import Identity, Items
from adjoint._frontend.merge import Merger, Side
from adjoint._frontend.state import NOTHING, UNBOUND, Signal, State, UnstableError, content, ended, same_content
from adjoint._frontend.update import merged_content
from adjoint._ir.nodes import Block, Loop, Undefined, Value, atom_type
from adjoint._ir.symbol import Symbol
from adjoint._ir.types import BOOL, INT, Type, join
from adjoint._rules import logic

# Runs of a body until its types must be stable: int to float to complex, a list, a list of lists.
RUNS = 8


@dataclass
class Header:
    """What is carried: its types, and how names and objects are made of the symbols that stand for it."""

    types: list[Type] = field(default_factory=list)
    inits: list[Any] = field(default_factory=list)
    names: list[Callable[[list[Any]], Any]] = field(default_factory=list)
    objects: list[tuple[Any, Callable[[list[Any]], None]]] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    # The structure of what is carried, which must be found again.
    forms: list[Any] = field(default_factory=list)


def loop(
    recorder: Any,
    extent: tuple[Any, Any, Any] | None,
    body: Callable[[Any], Signal | None],
    state: State,
    test: Callable[[], Any] | None = None,
) -> Signal | None:
    """Write a loop over a range, or while a test holds; return how it was left."""
    header = Header(names=[lambda _, x=x: x for x in state.read()])
    for _ in range(RUNS):
        with recorder.region(repeats=True) as region:
            before = state.read()
            try:
                turn = one_turn(recorder, header, extent, body, state, test)
                found = widened(recorder, header, turn, region, before, state)
            finally:
                region.undo()
                recorder.bury(region)
                state.write(before)
        if found is None:
            return settled(recorder, written(recorder, header, turn, turn.updates, extent, state))
        header = found
    raise UnstableError(
        "the types of what a loop changes do not become stable", remedy="let a variable keep its type in a loop"
    )


@dataclass
class Turn:
    """One run of a body."""

    block: Block
    params: list[Value]
    index: Value
    test: Block | None = None
    names: tuple[Any, ...] = ()
    contents: dict[int, Any] = field(default_factory=dict)
    signal: Signal | None = None
    updates: list[Any] = field(default_factory=list)


def one_turn(recorder: Any, header: Header, extent: Any, body: Any, state: State, test: Any) -> Turn:
    """Run the test and the body with symbols for what is carried."""
    test_block = None
    if test is not None:
        test_block = Block(params=fresh(header))
        with recorder.into(test_block), framed(recorder, NOTHING, own=True, test=True):
            enter(header, state, test_block.params)
            held = state.read()
            with recorder.region() as region:
                answer = test()
            if any(x is not y for x, y in zip(held, state.read(), strict=True)) or changes(region, recorder):
                raise AssigningTestError
            test_block.results = [recorder.atom(answer)]
            if answer is True:
                test_block = None
            elif answer is False or not isinstance(answer, Symbol):
                raise UnstableError("a loop that does not run at all")
    index = Value(INT)
    turn = Turn(Block(), fresh(header), index, test_block)
    turn.block.params = [index, *turn.params]
    with recorder.into(turn.block), recorder.condition(), framed(recorder, state, own=True) as frame:
        enter(header, state, turn.params)
        sure = extent is None and test is None
        signal, dead = close(recorder, frame, *turned(recorder, frame, lambda: body(Symbol(index) if extent else None), sure))
        if dead:
            raise UnstableError("a loop each of whose turns raises")
        turn.signal, turn.names = ended(signal), state.read()
    return turn


def turned(recorder: Any, frame: Frame, body: Callable[[], Signal | None], sure: bool) -> tuple[Signal | None, bool]:
    """Run a turn; an exception that a handler takes leaves the loop, unless the loop is ``sure`` to have this turn."""
    try:
        return ended(body()), False
    except Exception as error:
        errors = errors_of(error)
        if errors is None or (sure and not frame.escapes):
            raise
        own = error.args[0] if type(error) is UserError else error
        if not isinstance(error, EscapingError) and not taken(recorder, own):
            if not frame.escapes:
                raise
            recorder.raise_(type(own), tuple(own.args))
            return None, True
        return Signal(errors=errors), False


def changes(region: Any, recorder: Any) -> bool:
    """Tell whether a test changed an object."""
    return any(
        recorder.born(obj) < region.start and not same_content(old, content(obj)) for obj, old in region.touched.values()
    )


def fresh(header: Header) -> list[Value]:
    """Return new values of the carried types."""
    return [Value(t, name) for t, name in zip(header.types, header.hints, strict=True)]


def enter(header: Header, state: State, params: list[Value]) -> None:
    """Put values in the places of what is carried."""
    symbols = [Symbol(param) for param in params]
    state.write(tuple(make(symbols) for make in header.names))
    for _, update in header.objects:
        update(symbols)


def widened(recorder: Any, header: Header, turn: Turn, region: Any, before: tuple[Any, ...], state: State) -> Header | None:
    """Compare what a turn found with what it left: return a header that carries more, or None and the updates in ``turn``."""
    _, objects = region.split(recorder.born)
    # The cell of a name that is carried is met as an object too, if a function shares it.
    cells = state.cells()
    objects = {key: pair for key, pair in objects.items() if key not in cells}
    contents = {key: content(obj) for key, (obj, _) in objects.items()}
    for obj, _ in objects.values():
        refuse_held(recorder, obj)
    outside = recorder.blocks[-1]
    sides = Side(recorder, outside, {k: old for k, (_, old) in objects.items()}), Side(recorder, turn.block, contents)
    merger = Merger(*sides, cells)
    new = Header()
    new.names = [merger.merge(x, y) for x, y in zip(before, turn.names, strict=True)]
    for key, (obj, old) in objects.items():
        new.objects.append((obj, merged_content(merger, obj, old, contents[key])))
    signal = turn.signal or Signal()
    turn.signal = signal
    new.inits = [pair[0] for pair in merger.pairs]
    updates = [pair[1] for pair in merger.pairs]
    new.forms = [*merger.forms, len(new.objects)]
    # Where another structure is carried than before, a value at the same place is another one.
    new.types = [joined(t, header, k) for k, t in enumerate(merger.types)] if new.forms == header.forms else merger.types
    new.hints = [name_of(pair) for pair in merger.pairs]
    if same_form(header, new):
        header.inits, header.names, header.objects, header.hints = new.inits, new.names, new.objects, new.hints
        with recorder.into(turn.block):
            turn.updates = [recorder.converted(x, t) for x, t in zip(updates, header.types, strict=True)]
        return None
    return new


def refuse_held(recorder: Any, obj: Any) -> None:
    """Raise if a list of unknown length holds an object that a turn changes: the next turn changes it while it is held."""
    identity = recorder.known_identity(obj)
    if identity is None or type(obj) in (Identity, Items):
        return
    if identity.held or any(other.held for other in identity.kin()):
        identity.refuse()


def joined(t: Type, header: Header, k: int) -> Type:
    """Return the type that the k-th carried value has now and had before."""
    if k >= len(header.types):
        return t
    return join(t, header.types[k]) or t


def same_form(header: Header, new: Header) -> bool:
    """Tell whether a run found what it was run with."""
    return header.types == new.types and header.forms == new.forms


def name_of(pair: tuple[Any, Any]) -> str:
    """Return the user's name of a carried value."""
    return next((x.name for x in reversed(pair) if isinstance(x, Value) and x.name), "")


def written(recorder: Any, header: Header, turn: Turn, updates: list[Any], extent: Any, state: State) -> Signal | None:
    """Append the loop, and put its final values in their places."""
    signal = turn.signal or Signal()
    inits = [recorder.converted(x, t) for x, t in zip(header.inits, header.types, strict=True)]
    flags = Flags(recorder, turn.block, signal)
    if extent is None and turn.test is None and not flags.stop:
        raise UnstableError("a loop that nothing ends", remedy="end it by its test, or by break or return under a condition")
    turn.block.params = [turn.index, *turn.params, *flags.params]
    turn.block.results = [*updates, *flags.updates, *flags.stop]
    if turn.test is not None:
        turn.test.params = [*turn.test.params, *[Value(p.type) for p in flags.params]]
    outputs = [*[Value(p.type, p.name) for p in (*turn.params, *flags.params)], Value(INT)]
    recorder.append(
        Loop(
            range=None if extent is None else recorder.atoms(extent),
            inits=[*inits, *flags.inits],
            body=turn.block,
            test=turn.test,
            stops=bool(flags.stop),
            outputs=outputs,
        )
    )
    symbols = [Symbol(output) for output in outputs]
    state.write(tuple(make(symbols) for make in header.names))
    for _, update in header.objects:
        update(symbols)
    return flags.signal(symbols[len(turn.params) : -1])


class Flags:
    """How the turns of a loop were left: what is carried of it besides."""

    def __init__(self, recorder: Any, block: Block, signal: Signal) -> None:
        self.recorder, self.block = recorder, block
        self.params: list[Value] = []
        self.inits: list[Any] = []
        self.updates: list[Any] = []
        self.stop: list[Any] = []
        whole = [f for f in (signal.broke, signal.returned, *[held.flag for held in signal.errors.values()]) if f is not False]
        if not whole:
            self.rest: Callable[[list[Any]], Signal | None] = lambda _: None
            return
        with recorder.into(block):
            self.stop = [recorder.atom(functools.reduce(logic.either, whole))]
            broke, returned = self.flag(signal.broke), self.flag(signal.returned)
            value = self.given(signal.value) if signal.returned is not False else lambda _: UNBOUND
            errors = {
                mark: (held, self.flag(held.flag), [self.given(leaf) for leaf in held.leaves])
                for mark, held in signal.errors.items()
            }
        self.rest = lambda outputs: Signal(
            broke=broke(outputs),
            returned=returned(outputs),
            value=value(outputs),
            errors={
                mark: dataclasses.replace(held, flag=flag(outputs), leaves=[make(outputs) for make in leaves])
                for mark, (held, flag, leaves) in errors.items()
            },
        )

    def flag(self, x: Any) -> Callable[[list[Any]], Any]:
        """Carry a flag; return how to read its final value."""
        if x is False:
            return lambda _: False
        k = self.carry(self.recorder.atom(x), BOOL, init=False)
        return lambda outputs: outputs[k]

    def given(self, x: Any) -> Callable[[list[Any]], Any]:
        """Carry a value of the last turn; return how to make it of its final value."""
        merger = Merger(Side(self.recorder, self.block, {}), Side(self.recorder, self.block, {}))
        make = merger.one_sided(x, first=False)
        places = [
            self.carry(atom, t, Undefined(atom_type(atom))) for (_, atom), t in zip(merger.pairs, merger.types, strict=True)
        ]
        return lambda outputs: make([outputs[k] for k in places])

    def carry(self, atom: Any, t: Type, init: Any) -> int:
        """Carry one more value, which no turn reads; return its place."""
        self.params.append(Value(t))
        self.inits.append(init)
        self.updates.append(atom)
        return len(self.params) - 1

    def signal(self, outputs: list[Any]) -> Signal | None:
        """Return how the loop was left, from the flags' final values."""
        return self.rest(outputs)
