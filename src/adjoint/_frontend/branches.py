"""Branches on conditions that are known only when the program runs: both are run, and what they leave is merged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from adjoint._frontend.merge import Merger, Rebuild, Side
from adjoint._frontend.state import UNBOUND, Signal, State, content, put
from adjoint._ir.nodes import Block, If, Value
from adjoint._ir.symbol import Symbol

Thunk = Callable[[], Any]


class UserError(Exception):
    """Carries the user's own exception out of a branch."""


class BottomError(Exception):
    """A recursive call whose result is not known yet: the branch tells nothing."""


@dataclass
class Outcome:
    """What a branch left."""

    block: Block
    names: tuple[Any, ...]
    contents: dict[int, Any]
    objects: dict[int, Any]
    signal: Signal | None = None
    dead: bool = False
    bottom: bool = False


def branch(recorder: Any, condition: Symbol, then: Thunk, orelse: Thunk, state: State) -> Signal | None:
    """Run both branches and write an `If`; return how they are left."""
    test = condition.value
    before = state.read()
    a, b = (run(recorder, thunk, state, before) for thunk in (then, orelse))
    if (a.bottom and b.bottom) or (a.bottom and b.dead) or (a.dead and b.bottom):
        raise BottomError
    if a.dead or b.dead:
        return one_way(recorder, test, a, b, state)
    sides = Side(recorder, a.block, a.contents), Side(recorder, b.block, b.contents)
    merger = Merger(*sides, state.cells())
    names = [merger.merge(x, y) for x, y in zip(a.names, b.names, strict=True)]
    objects = [merged_object(merger, obj, a, b) for obj in changed(a, b)]
    signal = merged_signal(merger, a.signal, b.signal)
    outputs = write_if(recorder, test, a.block, b.block, merger)
    state.write(tuple(make(outputs) for make in names))
    for update in objects:
        update(outputs)
    return None if signal is None else signal(outputs)


def run(recorder: Any, thunk: Thunk, state: State, before: tuple[Any, ...]) -> Outcome:
    """Run one branch into a block of its own, and put everything back."""
    outcome = Outcome(Block(), before, {}, {})
    with recorder.region() as region:
        try:
            with recorder.into(outcome.block), recorder.condition():
                outcome.signal = thunk()
            outcome.names = state.read()
        except UserError as error:
            outcome.dead = True
            with recorder.into(outcome.block):
                raised = error.args[0]
                recorder.raise_(type(raised), tuple(raised.args))
        except BottomError:
            outcome.dead = outcome.bottom = True
        finally:
            older, touched = region.split(recorder.born)
            outcome.objects = {key: obj for key, (obj, _) in touched.items()}
            outcome.contents = {key: content(obj) for key, obj in outcome.objects.items()}
            older.undo()
            state.write(before)
    return outcome


def one_way(recorder: Any, test: Value, a: Outcome, b: Outcome, state: State) -> Signal | None:
    """Write the branch of which only one side goes on; what that leaves is what there is afterwards."""
    alive = b if a.dead else a
    other = a if a.dead else b
    if a.dead and b.dead:
        recorder.append(If(condition=test, then=a.block, orelse=b.block))
        raise UserError(RuntimeError("unreachable"))
    if other.bottom:  # tells nothing: as though the other branch were the program
        recorder.blocks[-1].ops.extend(alive.block.ops)
        state.write(alive.names)
        for key, obj in alive.objects.items():
            recorder.keep(obj)
            put(obj, alive.contents[key])
        return alive.signal
    # The values that the living branch defines are seen after it once the check stands on its own.
    empty = Block()
    then, orelse = (other.block, empty) if other is a else (empty, other.block)
    recorder.append(If(condition=test, then=then, orelse=orelse))
    recorder.blocks[-1].ops.extend(alive.block.ops)
    state.write(alive.names)
    for key, obj in alive.objects.items():
        recorder.keep(obj)
        put(obj, alive.contents[key])
    return alive.signal


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
    broke, continued, returned = (
        merger.merge(x, y) for x, y in ((a.broke, b.broke), (a.continued, b.continued), (a.returned, b.returned))
    )
    first = a.value if a.returned is not False else UNBOUND
    second = b.value if b.returned is not False else UNBOUND
    value: Rebuild = merger.merge(first, second)
    return lambda outputs: Signal(broke(outputs), continued(outputs), returned(outputs), value(outputs))
