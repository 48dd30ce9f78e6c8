"""Python's control flow, on conditions that are known and on symbols."""

from __future__ import annotations

import contextlib
import functools
import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from adjoint._frontend import iteration
from adjoint._frontend.branches import branch, settled
from adjoint._frontend.escapes import AssigningTestError, framed
from adjoint._frontend.handlers import Context, Guard, caught_now, is_user_code
from adjoint._frontend.lists import GrowingList
from adjoint._frontend.loops import loop
from adjoint._frontend.state import NOTHING, UNBOUND, Ambiguous, RefusedError, Signal, State, UnstableError, ended
from adjoint._frontend.tries import Handlers, finally_, marked
from adjoint._ir.infer import UnknownTypeError
from adjoint._ir.symbol import Symbol, UnknownNumberError, writer
from adjoint._ir.types import ListOf, Tensor
from adjoint._rules import logic

Thunk = Callable[[], Any]
# A loop whose turns are known is written turn by turn if it cannot be written as a loop; this many turns at most.
MOST_TURNS = 2_000
# Turns after each of which such a loop may end: what follows is written within a branch.
MOST_ENDS = 40
# A second try at a program that was refused writes loops of this many turns turn by turn.
FEW_TURNS = 256
# What says that a loop cannot be written as a loop.
NOT_A_LOOP = (UnknownNumberError, UnstableError, UnknownTypeError, TypeError, KeyError, IndexError, AttributeError)


def truth(x: Any) -> Any:
    """Return the truth of a value: a boolean, or a symbol of one."""
    if isinstance(x, Ambiguous):
        raise x.refuse()
    if isinstance(x, GrowingList) and x.dynamic is not None:
        return x.count_symbol() > 0
    if not isinstance(x, Symbol):
        from adjoint._frontend.calls import special

        method = special(x, "__bool__") or special(x, "__len__")
        return bool(x) if method is None else truth(method())
    kind = x.type
    if isinstance(kind, ListOf):
        return iteration.length_of(x) > 0
    if not isinstance(kind, Tensor) or kind.rank:
        raise UnknownNumberError(x, "of an array, in a condition,")
    return x if kind.dtype.kind == "b" else x != 0


class Control:
    """The statements of Python that the rewriter gives to the runtime."""

    @staticmethod
    def unbound() -> Any:
        return UNBOUND

    @staticmethod
    def state(names: tuple[str, ...], read: Thunk, write: Callable[[Any], None]) -> State:
        return State(names, read, write)

    @staticmethod
    def born(read: Thunk, names: tuple[str, ...]) -> None:
        """Note variables that functions share as new."""
        for cell in cells_of(read, names):
            writer().made(cell)

    @staticmethod
    def changes(read: Thunk, names: tuple[str, ...]) -> None:
        """Note that a function may change variables of a function around it."""
        for cell in cells_of(read, names):
            writer().touch(cell)

    # Signals -----------------------------------------------------------------------------------------------------------------

    @staticmethod
    def returned(value: Any) -> Signal:
        return Signal(returned=True, value=value)

    @staticmethod
    def break_() -> Signal:
        return Signal(broke=True)

    @staticmethod
    def continue_() -> Signal:
        return Signal(continued=True)

    @staticmethod
    def value(signal: Signal | None) -> Any:
        """Return what the function returns if it was left by ``signal``."""
        if signal is None or signal.returned is False:
            return None
        if signal.returned is True or signal.value is None:
            return signal.value
        raise UnstableError(
            "whether this function returns a value depends on values that are known only when the program runs",
            remedy="return a value on every way through the function",
        )

    def then(self, signal: Signal | None, rest: Thunk, state: State) -> Signal | None:
        """Go on with ``rest`` unless the block before was left."""
        flags = [] if signal is None else [f for f in (signal.broke, signal.continued, signal.returned) if f is not False]
        if signal is None or not flags:
            return rest()
        if any(flag is True for flag in flags):
            return signal
        # On this side the flags are what they are, and a single one is set.
        known = signal
        if len(flags) == 1:
            broke, continued, returned = (f is not False for f in (signal.broke, signal.continued, signal.returned))
            known = Signal(broke, continued, returned, signal.value)
        return self.if_(functools.reduce(logic.either, flags), lambda: known, rest, state)

    # Branches -----------------------------------------------------------------------------------------------------------------

    def if_(
        self,
        test: Any,
        then: Thunk,
        orelse: Thunk,
        state: State = NOTHING,
        rest: Thunk | None = None,
        tail: bool = False,
    ) -> Signal | None:
        """``if``; ``rest`` is what follows it, and with ``tail`` the turn of the loop ends after that."""
        condition = truth(test)
        first, second = then, orelse
        if rest is not None:
            first, second = (self.followed(thunk, rest, state, tail=tail) for thunk in (then, orelse))
        if not isinstance(condition, Symbol):
            return first() if condition else second()
        return branch(writer(), condition, marked(first), marked(second), state)

    def followed(self, thunk: Thunk, rest: Thunk, state: State, *, tail: bool) -> Thunk:
        """Return a branch with what follows the ``if`` unless the branch was left."""

        def run() -> Signal | None:
            signal = self.then(thunk(), rest, state)
            return ended(signal) if tail else signal

        return run

    def choose(self, test: Any, then: Thunk, orelse: Thunk) -> Any:
        """``then() if test else orelse()``."""
        condition = truth(test)
        if not isinstance(condition, Symbol):
            return then() if condition else orelse()
        signal = self.if_(condition, lambda: self.returned(then()), lambda: self.returned(orelse()))
        assert signal is not None
        return signal.value

    def and_(self, *thunks: Thunk) -> Any:
        first, *rest = thunks
        a = first()
        if not rest:
            return a
        test = truth(a)
        if not isinstance(test, Symbol):
            return self.and_(*rest) if test else a
        return self.choose(test, lambda: self.and_(*rest), lambda: False if is_boolean(a) else a)

    def or_(self, *thunks: Thunk) -> Any:
        first, *rest = thunks
        a = first()
        if not rest:
            return a
        test = truth(a)
        if not isinstance(test, Symbol):
            return a if test else self.or_(*rest)
        return self.choose(test, lambda: True if is_boolean(a) else a, lambda: self.or_(*rest))

    @staticmethod
    def not_(x: Any) -> Any:
        test = truth(x)
        return logic.opposite(test) if isinstance(test, Symbol) else not test

    # Errors -------------------------------------------------------------------------------------------------------------------

    @staticmethod
    def guarded(types: Thunk) -> Guard:
        return Guard(types)

    @staticmethod
    def handles(types: Any) -> Any:
        return caught_now(types)

    @staticmethod
    def raised(error: Any) -> Any:
        """Mark the user's own exception."""
        error = error() if isinstance(error, type) else error
        error.__adjoint_raised__ = True
        return error

    def try_(
        self, body: Thunk, types: Thunk, handlers: tuple[Any, ...], orelse: Thunk | None, final: Thunk | None, state: State
    ) -> Signal | None:
        """``try``; the handlers are functions of the exception, with whether they look at it."""
        statement = Handlers(self, types, handlers, orelse, state)
        run = (lambda: settled(writer(), statement.run(body))) if handlers else body
        return run() if final is None else finally_(run, final, state)

    def with_(self, manager: Any, body: Callable[[Any], Signal | None], state: State) -> Signal | None:
        """``with``; the body is a function of what it binds."""
        if isinstance(manager, contextlib.suppress):
            classes = manager._exceptions  # type: ignore[attr-defined]
            return self.try_(lambda: body(None), lambda: (classes,), ((lambda _: None, False, None),), None, None, state)
        with (
            framed(writer(), state, closed=True) if is_user_code(manager) else contextlib.nullcontext(),
            Context(manager) as value,
        ):
            return body(value)

    def assert_(self, test: Any, message: Thunk) -> None:
        def fail() -> None:
            text = message()
            raise self.raised(AssertionError() if text is None else AssertionError(text))

        self.if_(test, lambda: None, fail)

    # Loops --------------------------------------------------------------------------------------------------------------------

    def for_(self, iterable: Any, body: Callable[[Any], Signal | None], orelse: Thunk | None, state: State) -> Signal | None:
        source = iteration.of(iterable)
        if source is None:
            items = iteration.by_python(iterable)
            if isinstance(items, iteration.Steps):
                return self.stepped(items, body, orelse, state)
            return self.each(items, body, orelse, state)
        known = source.count if isinstance(source.count, int) else None
        if known is not None and (known <= 1 or (writer().unrolled and known <= FEW_TURNS)):
            return self.each(source.items(), body, orelse, state)
        recorder, before = writer(), state.read()
        try:
            with recorder.attempt():
                signal = loop(recorder, source.range, lambda index: body(source.item(index)), state)
                return self.after(signal, orelse, state)
        except (*NOT_A_LOOP, RefusedError) as error:
            kept = error
            state.write(before)
        try:
            with recorder.attempt():
                return self.peeled(source, body, orelse, state)
        except (*NOT_A_LOOP, RefusedError):
            state.write(before)
        if known is None or known > MOST_TURNS:
            raise kept
        try:
            return self.each(source.items(), body, orelse, state)
        except NOT_A_LOOP as error:
            raise (kept if isinstance(kept, UnknownNumberError) and isinstance(error, UnknownNumberError) else error) from kept

    def peeled(self, source: iteration.Source, body: Callable[[Any], Signal | None], orelse: Thunk | None, state: State) -> Any:
        """Write the first turn, if there is one, then a loop: what changes its type in that turn keeps it afterwards."""
        recorder = writer()
        start, stop, step = source.range

        def turns() -> Signal | None:
            rest = lambda: loop(recorder, (start + step, stop, step), lambda index: body(source.item(index)), state)
            return self.then(ended(body(source.item(start))), rest, state)

        if source.count is not None:
            return self.after(turns(), orelse, state)
        recorder.peeled = True
        if recorder.expecting_turns:
            recorder.check_turns(iteration.turns(source))
            return self.after(turns(), orelse, state)
        return self.after(
            self.if_(writer().apply(operator.gt, (iteration.turns(source), 0), {}), turns, lambda: None, state), orelse, state
        )

    def stepped(
        self, items: iteration.Steps, body: Callable[[Any], Signal | None], orelse: Thunk | None, state: State
    ) -> Signal | None:
        """Run a loop over an iterator of the user's: it ends when that raises StopIteration."""
        recorder, before = writer(), state.read()

        item: list[Any] = [UNBOUND]

        def write(values: tuple[Any, ...]) -> None:
            state.write(values[:-1])
            item[0] = values[-1]

        own = State((*state.names, "item"), lambda: (*state.read(), item[0]), write, state)

        def ends(_: Any) -> Any:
            signal = None if orelse is None else orelse()
            if signal is not None and (signal.broke is not False or signal.continued is not False):
                raise UnstableError("a loop over an iterator whose `else` leaves the loop around it")
            return self.then(signal, self.break_, state)

        def turn(_: Any) -> Signal | None:
            item[0] = UNBOUND
            take = lambda: item.__setitem__(0, next(items))
            return self.try_(take, lambda: (StopIteration,), ((ends, False, None),), lambda: body(item[0]), None, own)

        try:
            with recorder.attempt():
                return self.after(loop(recorder, None, turn, state), None, state)
        except (*NOT_A_LOOP, RefusedError):
            state.write(before)
        return self.each(natively(items), body, orelse, state)

    def each(
        self, items: Iterator[Any], body: Callable[[Any], Signal | None], orelse: Thunk | None, state: State
    ) -> Signal | None:
        """Run a loop turn by turn."""
        return self.after(self.turns(items, body, state, 0), orelse, state)

    def turns(self, items: Iterator[Any], body: Callable[[Any], Signal | None], state: State, ends: int) -> Signal | None:
        """Run the turns that are left; ``ends`` counts those that may have been the last, which nest in each other."""
        for turn, item in enumerate(items):
            if turn > MOST_TURNS or ends > MOST_ENDS:
                raise UnstableError(
                    f"a loop of more than {min(MOST_ENDS, MOST_TURNS)} turns would have to be written turn by turn",
                    why="its body could not be written as a loop",
                    remedy="let the loop's variables keep their types",
                )
            signal = ended(body(item))
            if signal is None:
                continue
            if isinstance(signal.broke, Symbol) or isinstance(signal.returned, Symbol):
                return self.then(signal, lambda: self.turns(items, body, state, ends + 1), state)
            return signal
        return None

    def while_(self, test: Thunk, body: Thunk, orelse: Thunk | None, state: State) -> Signal | None:
        recorder, before = writer(), state.read()
        first: Any = None
        try:
            with recorder.attempt():
                first = truth(test())
                raise _AgainError  # noqa: TRY301 - undoes the look
        except _AgainError:
            state.write(before)
        if first is False:
            truth(test())
            return orelse() if orelse is not None else None
        try:
            with recorder.attempt():
                return self.after(self.as_loop(test, body, state), orelse, state)
        except (*NOT_A_LOOP, RefusedError) as error:
            kept = error
            state.write(before)
            if isinstance(first, Symbol):
                return self.after(self.peeled_while(test, body, state, kept), orelse, state)
        for _ in range(MOST_TURNS):
            again = truth(test())
            if isinstance(again, Symbol):
                raise kept
            if not again:
                return orelse() if orelse is not None else None
            signal = ended(body())
            if signal is None:
                continue
            if isinstance(signal.broke, Symbol) or isinstance(signal.returned, Symbol):
                raise kept
            return None if signal.broke else signal
        raise kept

    def peeled_while(self, test: Thunk, body: Thunk, state: State, kept: Exception) -> Signal | None:
        """Write the first turn, if there is one, then a loop, as `peeled` does."""
        recorder = writer()
        rest = lambda: self.as_loop(test, body, state)
        try:
            with recorder.attempt():
                return self.if_(test(), lambda: self.then(ended(body()), rest, state), lambda: None, state)
        except (*NOT_A_LOOP, RefusedError):
            raise kept from None

    def as_loop(self, test: Thunk, body: Thunk, state: State) -> Signal | None:
        recorder, before = writer(), state.read()
        try:
            with recorder.attempt():
                return loop(recorder, None, lambda _: body(), state, lambda: truth(test()))
        except AssigningTestError:
            state.write(before)
            return loop(recorder, None, lambda _: self.if_(test(), body, self.break_, state), state)

    def after(self, signal: Signal | None, orelse: Thunk | None, state: State) -> Signal | None:
        """Run the ``else`` of a loop unless it was left by ``break``; a ``break`` ends with the loop."""
        if orelse is None:
            if signal is None or signal.returned is False:
                return None
            return Signal(returned=signal.returned, value=signal.value)
        if signal is None:
            return orelse()
        if signal.returned is not False:
            raise UnstableError("a loop with `else` that is also left by `return`", remedy="return after the loop")
        return self.if_(signal.broke, lambda: None, orelse, state)


def natively(items: Iterator[Any]) -> Iterator[Any]:
    """Yield the items of an iterator of the user's turn by turn: whether there is one more must be known."""
    while True:
        try:
            with Guard(lambda: (StopIteration,)):
                item = next(items)
        except StopIteration:
            return
        yield item


def cells_of(read: Any, names: tuple[str, ...]) -> list[Any]:
    """Return the variables of these names that a function sees."""
    return [cell for name, cell in zip(read.__code__.co_freevars, read.__closure__ or (), strict=True) if name in names]


class _AgainError(Exception):
    """Undoes a look at a loop's test."""


def is_boolean(x: Any) -> bool:
    """Tell whether a value or a symbol is a boolean."""
    return isinstance(x, (bool, np.bool_)) or (
        isinstance(x, Symbol) and isinstance(x.type, Tensor) and x.type.dtype.kind == "b"
    )
