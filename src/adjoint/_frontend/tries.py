"""``try``: handlers and ``finally`` of exceptions that were raised, and of those that may have been."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable
from typing import Any

from adjoint._frontend.branches import close, finished, settled
from adjoint._frontend.escapes import Frame, Held, Mark, UserError, errors_of, framed
from adjoint._frontend.handlers import Guard, handled
from adjoint._frontend.state import UNBOUND, Signal, State
from adjoint._ir.symbol import writer
from adjoint._rules import logic

Thunk = Callable[[], Any]
Errors = dict[Mark, Held]
# A handler is written at each of so many places that raise, where variables need not be what they are elsewhere; if there are
# more, it is written once.
MOST_COPIES = 4


@dataclasses.dataclass
class Handlers:
    """The ``except`` and ``else`` of a ``try``: functions of the exception, whether they look at it, and its name in them."""

    control: Any
    types: Thunk
    functions: tuple[tuple[Callable[[Any], Any], bool, str | None], ...]
    orelse: Thunk | None
    state: State

    def place(self, error: BaseException) -> int | None:
        """Return which handler takes an exception, None if none does."""
        return next((k for k, one in enumerate(self.types()) if isinstance(error, handled(one))), None)

    def run(self, body: Thunk) -> Signal | None:
        """Run the body of the ``try``, and then what follows from it."""
        recorder = writer()
        with framed(recorder, self.state, takes=lambda error: self.place(error) is not None) as frame:
            try:
                with Guard(self.types, frame):
                    signal, dead = body(), False
            except Exception as error:
                if errors_of(error) is None or not (frame.escapes or self.takes(error)):
                    raise
                signal, dead = finished(recorder, again(error))
            frame.takes = None  # what handlers raise is not for them
            if 0 < len(frame.escapes) <= MOST_COPIES:
                return self.within(frame, signal, dead=dead)
            signal, dead = close(recorder, frame, signal, dead)
        return self.following(signal)

    def takes(self, error: BaseException) -> bool:
        """Tell whether a handler takes one of the exceptions that one stands for."""
        return any(self.place(held.example) is not None for held in (errors_of(error) or {}).values())

    def within(self, frame: Frame, signal: Signal | None, *, dead: bool) -> Signal | None:
        """Run a handler wherever the body raises, and ``else`` where it does not."""
        recorder = writer()
        if not dead:
            signal, dead = finished(recorder, marked(lambda: self.following(signal)))
        signal, dead = close(
            recorder, frame, signal, dead, lambda errors: marked(lambda: self.following(Signal(errors=errors)))()
        )
        if dead:
            raise UserError(RuntimeError("unreachable"))
        return signal

    def following(self, signal: Signal | None) -> Signal | None:
        """Run the handler of what was raised in the body, or ``else``."""
        if signal is None or not signal.errors:
            return signal if self.orelse is None else self.control.then(signal, self.orelse, self.state)
        groups: dict[int | None, Errors] = {}
        for mark, held in signal.errors.items():
            groups.setdefault(self.place(held.example), {})[mark] = held
        settled(writer(), Signal(errors=groups.pop(None, {})))
        rest = dataclasses.replace(signal, errors={})
        run = lambda: self.following(rest if rest.leaves else None)
        for k, errors in groups.items():
            run = functools.partial(self.control.if_, any_of(errors), self.handler(k, errors), run, self.state)
        return run()

    def handler(self, k: Any, errors: Errors) -> Thunk:
        """Return what runs a handler for one of several exceptions."""
        handler, looks, name = self.functions[k]

        def function(error: BaseException) -> Signal | None:
            signal = handler(error)
            if name is not None:  # Python deletes it
                self.state.write(
                    tuple(UNBOUND if own == name else x for own, x in zip(self.state.names, self.state.read(), strict=True))
                )
            return signal

        held, *others = errors.values()
        run = lambda: function(held.error())
        for other in others if looks else ():
            mine = lambda other=other: function(other.error())
            run = functools.partial(self.control.if_, other.flag, mine, run, self.state)
        return run


def any_of(errors: Errors) -> Any:
    """Return whether one of several exceptions was raised."""
    flags = [held.flag for held in errors.values()]
    return True if any(flag is True for flag in flags) else functools.reduce(logic.either, flags)


def marked(thunk: Thunk) -> Thunk:
    """Return code whose own exceptions are marked as such."""

    def run() -> Any:
        try:
            return thunk()
        except Exception as error:
            if isinstance(error, UserError) or errors_of(error) is None:
                raise
            raise UserError(error) from error

    return run


def again(error: Exception) -> Thunk:
    """Return code that raises an exception of the user's."""

    def run() -> Any:
        raise error if isinstance(error, UserError) else UserError(error)

    return run


def finally_(run: Thunk, final: Thunk, state: State) -> Signal | None:
    """Run code and what follows it in any case."""
    recorder = writer()
    with framed(recorder, state) as frame:
        try:
            signal, dead = run(), False
        except Exception as error:
            if errors_of(error) is None:  # the translation ends
                with contextlib.suppress(Exception):
                    final()
                raise
            if not frame.escapes:
                final()
                raise
            signal, dead = finished(recorder, again(error))
        signal, dead = close(recorder, frame, signal, dead)
    final()
    if dead:
        raise UserError(RuntimeError("unreachable"))
    return settled(recorder, signal)
