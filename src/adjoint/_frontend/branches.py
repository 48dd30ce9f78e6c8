"""Branches on conditions that are known only when the program runs: both are run, and what they leave is merged."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

from adjoint._frontend.escapes import (
    Escape,
    EscapingError,
    Frame,
    Held,
    Outcome,
    UserError,
    errors_of,
    framed,
    shut,
    start,
    taken,
)
from adjoint._frontend.merge import Merger, Rebuild, Side
from adjoint._frontend.state import UNBOUND, Signal, State, content, put
from adjoint._ir.nodes import Block, If, Value
from adjoint._ir.symbol import Symbol
from adjoint._rules import logic

Thunk = Callable[[], Any]


class BottomError(Exception):
    """A recursive call whose result is not known yet: the branch tells nothing."""


def branch(recorder: Any, condition: Symbol, then: Thunk, orelse: Thunk, state: State) -> Signal | None:
    """Run both branches and write an `If`; return how they are left."""
    moment, before = recorder.moment(), state.read()
    a, b = (run(recorder, thunk, state, before) for thunk in (then, orelse))
    if (a.bottom and b.bottom) or (a.bottom and b.dead) or (a.dead and b.bottom):
        raise BottomError
    if not (a.dead or b.dead) and (a.left is None) != (b.left is None):
        return settled(recorder, escaped(recorder, condition.value, a, b, state, moment))
    signal, dead = merged(recorder, condition.value, a, b, state)
    if dead:
        raise UserError(RuntimeError("unreachable"))
    return settled(recorder, signal)


def run(recorder: Any, thunk: Thunk, state: State, before: tuple[Any, ...], block: Block | None = None) -> Outcome:
    """Run one branch into a block of its own, and put everything back."""
    outcome = Outcome(Block() if block is None else block, before)
    with recorder.region() as region:
        try:
            with recorder.into(outcome.block), recorder.condition(), framed(recorder, state, own=True) as frame:
                outcome.signal, outcome.dead = close(recorder, frame, *finished(recorder, thunk))
            outcome.names = state.read()
            if certain(outcome.signal):
                outcome.left = recorder.frames[-1].state.read()
        except BottomError:
            outcome.dead = outcome.bottom = True
        finally:
            older, touched = region.split(recorder.born)
            outcome.objects = {key: obj for key, (obj, _) in touched.items()}
            outcome.contents = {key: content(obj) for key, obj in outcome.objects.items()}
            older.undo()
            state.write(before)
    return outcome


def finished(recorder: Any, thunk: Thunk) -> tuple[Signal | None, bool]:
    """Run code; return how it is left, and whether the program ends in it by an exception that no handler takes."""
    try:
        return thunk(), False
    except EscapingError as error:
        return Signal(errors=error.errors), False
    except UserError as error:
        raised = error.args[0]
        if taken(recorder, raised):
            return Signal(errors=errors_of(raised) or {}), False
        recorder.raise_(type(raised), tuple(raised.args))
        return None, True


def certain(signal: Signal | None) -> bool:
    """Tell whether code was left by an exception for a handler around, whatever the values are."""
    return signal is not None and any(held.flag is True for held in signal.errors.values())


def escaped(recorder: Any, test: Value, a: Outcome, b: Outcome, state: State, moment: int) -> Signal | None:
    """Go on after a branch of which one side raises, as the other side; return how that is left."""
    raised, alive = (a, b) if a.left is not None else (b, a)
    raised.names = raised.left or ()
    start(recorder, test, raised, alive.block, moment, first=raised is a)
    resume(recorder, alive, state)
    return alive.signal


def resume(recorder: Any, outcome: Outcome, state: State) -> None:
    """Put what a branch left in its places."""
    state.write(outcome.names)
    for key, obj in outcome.objects.items():
        recorder.keep(obj)
        put(obj, outcome.contents[key])


def settled(recorder: Any, signal: Signal | None) -> Signal | None:
    """Let code be left by exceptions that were raised under flags; return how it is left otherwise."""
    if signal is None or not signal.errors:
        return signal
    if certain(signal):
        raise EscapingError(signal.errors)
    errors = signal.errors
    flag = functools.reduce(logic.either, [held.flag for held in errors.values()])
    if len(errors) == 1:
        errors = {mark: dataclasses.replace(held, flag=True) for mark, held in errors.items()}
    frame = recorder.frames[-1]
    raised = Outcome(Block(), frame.state.read(), signal=Signal(errors=errors))
    start(recorder, recorder.atom(flag), raised, Block(), recorder.moment(), first=True)
    rest = dataclasses.replace(signal, errors={})
    return rest if rest.leaves else None


def close(
    recorder: Any, frame: Frame, signal: Signal | None, dead: bool, handle: Callable[[dict[Any, Any]], Any] | None = None
) -> tuple[Signal | None, bool]:
    """Merge what ran if nothing was raised with what was left by raising, and with ``handle`` its handlers."""
    while frame.escapes:
        escape = frame.escapes[-1]
        alive = Outcome(escape.block, frame.state.read(), signal=signal, dead=dead)
        older, touched = escape.region.split(recorder.born)
        alive.objects = {key: obj for key, (obj, _) in touched.items()}
        alive.contents = {key: content(obj) for key, obj in alive.objects.items()}
        older.undo()
        frame.state.write(escape.before)
        shut(recorder, frame)
        raised = escape.raised
        if handle is not None:
            raised = handled_outcome(recorder, frame, escape, handle)
        a, b = (raised, alive) if escape.first else (alive, raised)
        signal, dead = merged(recorder, escape.test, a, b, frame.state)
    return signal, dead


def handled_outcome(recorder: Any, frame: Frame, escape: Escape, handle: Callable[[dict[Any, Any]], Any]) -> Outcome:
    """Run the handlers of what was raised, where it was raised."""
    raised = escape.raised

    def thunk() -> Any:
        resume(recorder, raised, frame.state)
        return handle(raised.signal.errors)  # type: ignore[union-attr]

    return run(recorder, thunk, frame.state, escape.before, raised.block)


def merged(recorder: Any, test: Value, a: Outcome, b: Outcome, state: State) -> tuple[Signal | None, bool]:
    """Write the `If` of two branches; return how they are left, and whether the program ends in both."""
    if a.dead or b.dead:
        return one_way(recorder, test, a, b, state)
    sides = Side(recorder, a.block, a.contents), Side(recorder, b.block, b.contents)
    # The cell of a name is met as an object too, if a function shares it.
    cells = state.cells()
    merger = Merger(*sides, cells)
    names = [merger.merge(x, y) for x, y in zip(a.names, b.names, strict=True)]
    objects = [merged_object(merger, obj, a, b) for obj in changed(a, b) if id(obj) not in cells]
    signal = merged_signal(merger, a.signal, b.signal)
    outputs = write_if(recorder, test, a.block, b.block, merger)
    state.write(tuple(make(outputs) for make in names))
    for update in objects:
        update(outputs)
    return (None if signal is None else signal(outputs)), False


def one_way(recorder: Any, test: Value, a: Outcome, b: Outcome, state: State) -> tuple[Signal | None, bool]:
    """Write the branch of which only one side goes on; what that leaves is what there is afterwards."""
    alive = b if a.dead else a
    other = a if a.dead else b
    if a.dead and b.dead:
        recorder.append(If(condition=test, then=a.block, orelse=b.block))
        return None, True
    if not other.bottom:
        # The values that the living branch defines are seen after it once the check stands on its own.
        empty = Block()
        then, orelse = (other.block, empty) if other is a else (empty, other.block)
        recorder.append(If(condition=test, then=then, orelse=orelse))
    # A branch that tells nothing: as though the other one were the program.
    recorder.blocks[-1].ops.extend(alive.block.ops)
    resume(recorder, alive, state)
    return alive.signal, False


def write_if(recorder: Any, test: Value, then: Block, orelse: Block, merger: Merger) -> list[Symbol]:
    """Append the `If` whose outputs are the pairs of a merger."""
    outputs = [Value(t) for t in merger.types]
    for block, which in ((then, 0), (orelse, 1)):
        with recorder.into(block):
            block.results = [recorder.converted(pair[which], t) for pair, t in zip(merger.pairs, merger.types, strict=True)]
    for output, pair in zip(outputs, merger.pairs, strict=True):
        output.name = next((x.name for x in pair if isinstance(x, Value) and x.name), "")
    recorder.append(If(condition=test, then=then, orelse=orelse, outputs=outputs))
    return [Symbol(output) for output in outputs]


def changed(a: Outcome, b: Outcome) -> list[Any]:
    """Return the objects that one of two outcomes changed."""
    return list({**a.objects, **b.objects}.values())


def merged_object(merger: Merger, obj: Any, a: Outcome, b: Outcome) -> Callable[[list[Any]], None]:
    """Return how to put what two branches left in an object."""
    from adjoint._frontend.update import merged_content

    old = content(obj)
    return merged_content(merger, obj, a.contents.get(id(obj), old), b.contents.get(id(obj), old))


def merged_signal(merger: Merger, a: Signal | None, b: Signal | None) -> Callable[[list[Any]], Signal | None] | None:
    """Return how two branches together are left."""
    if a is None and b is None:
        return None
    a, b = a or Signal(), b or Signal()
    pairs = ((a.broke, b.broke), (a.continued, b.continued), (a.returned, b.returned))
    if certain(a) != certain(b):  # what is surely left by raising says nothing of how the rest is left
        pairs = tuple(((y, y) if y is True else (x, y)) if certain(a) else ((x, x) if x is True else (x, y)) for x, y in pairs)
    broke, continued, returned = (merger.merge(x, y) for x, y in pairs)
    first = a.value if a.returned is not False else UNBOUND
    second = b.value if b.returned is not False else UNBOUND
    value: Rebuild = merger.merge(first, second)
    errors = {mark: merged_error(merger, a.errors.get(mark), b.errors.get(mark)) for mark in {**a.errors, **b.errors}}
    return lambda outputs: Signal(
        broke(outputs),
        continued(outputs),
        returned(outputs),
        value(outputs),
        {mark: make(outputs) for mark, make in errors.items()},
    )


def merged_error(merger: Merger, a: Held | None, b: Held | None) -> Callable[[list[Any]], Held]:
    """Return whether one exception was raised in either of two branches, and what it holds."""
    held = a or b
    assert held is not None
    flag = merger.merge(a.flag if a else False, b.flag if b else False)
    nothing = [UNBOUND] * len(held.leaves)
    leaves = [merger.merge(x, y) for x, y in zip(a.leaves if a else nothing, b.leaves if b else nothing, strict=True)]
    return lambda outputs: dataclasses.replace(held, flag=flag(outputs), leaves=[make(outputs) for make in leaves])
