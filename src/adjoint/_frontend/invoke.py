"""Calls of functions written in Python: their rewritten copies are run in place, or become functions of the program."""

from __future__ import annotations

import functools
import inspect
import threading
import weakref
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

from adjoint._frontend.closures import is_rewritten, note_rewritten
from adjoint._frontend.rewrite import rewritten
from adjoint._frontend.rewrite_expressions import MARK, UnreadableError
from adjoint._frontend.trees import flatten_with_functions
from adjoint._ir.symbol import writer
from adjoint._syntax import Syntax, syntax_of, why_unreadable
from adjoint.errors import AdjointError

_COPIES: dict[int, tuple[weakref.ref[CodeType], CodeType | UnreadableError | None]] = {}
_WRITING = threading.RLock()


# How often a function may run within itself, each time with other functions among its arguments.
DEPTH = 12


@dataclass(eq=False)
class Activation:
    """A function that is running: ``conditions`` are those at which it began, -1 those of a function of the program."""

    code: CodeType
    conditions: int
    carried: Any

    @functools.cached_property
    def key(self) -> Any:
        """What tells one use of a function from another: the structure of its arguments, and the functions among them."""
        return flatten_with_functions(self.carried).key


class RecursingError(Exception):
    """A function was called while it runs, under a condition that is known only when the program runs."""

    def __init__(self, activation: Activation) -> None:
        super().__init__(activation.code.co_name)
        self.activation = activation


class EndlessError(AdjointError):
    """A function would have to be written for ever more functions among its arguments."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(
            f"the function {name!r} is called within itself {DEPTH} times, each time with {what}",
            why="each of these calls is written on its own, and whether there is an end to them is not known",
            remedy="pass the same functions at every call and what differs as numbers and arrays, or use jit(f, fallback=True)",
        )


def copy_of(function: FunctionType) -> FunctionType | None:
    """Return the rewritten copy of a function, None if its source cannot be read; raise if it is not translated."""
    from adjoint._frontend.runtime import RUNTIME

    code = function.__code__
    with _WRITING:
        known = _COPIES.get(id(code))
        if known is None or known[0]() is not code:
            syntax = syntax_of(function)
            made: Any = None
            if syntax is not None:
                try:
                    made = _bound(_compiled(syntax), RUNTIME)
                except UnreadableError as error:
                    made = error
            known = _COPIES[id(code)] = (weakref.ref(code), made)
    new = known[1]
    if new is None:
        return None
    if isinstance(new, UnreadableError):
        raise new
    copy = FunctionType(new, function.__globals__, function.__name__, function.__defaults__, function.__closure__)
    copy.__kwdefaults__ = function.__kwdefaults__
    copy.__qualname__ = function.__qualname__
    copy.__dict__.update(function.__dict__)
    return copy


def _compiled(syntax: Syntax) -> CodeType:
    tree = rewritten(syntax)
    return syntax.compile(tree)


def _bound(template: CodeType, runtime: Any) -> CodeType:
    def put(value: object) -> object:
        if isinstance(value, CodeType):
            return _bound(value, runtime)
        return runtime if type(value) is str and value == MARK else value

    code = template.replace(co_consts=tuple(map(put, template.co_consts)))
    note_rewritten(code)
    return code


def unreadable(function: Any) -> AdjointError:
    """Return the error for a function whose source cannot be read."""
    return AdjointError(
        f"the source of {getattr(function, '__qualname__', function)!r} cannot be read",
        why=why_unreadable(function),
        remedy="use jit(f, fallback=True), or define the function in a file",
    )


def enter(function: FunctionType, original: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run a rewritten function in place; one that calls itself under an unknown condition becomes a function of the program."""
    from adjoint._frontend import recursion

    recorder, code = writer(), function.__code__
    args, kwargs = completed(recorder, function, original, args, kwargs)
    conditions = recorder.conditions - recorder.escaped
    own = Activation(code, conditions, (args, kwargs, called_as(original)))
    running = [other for other in recorder.entered if other.code is code]
    same = [other for other in running if other.key == own.key]
    if any(conditions > other.conditions for other in same):
        if all(other.conditions >= 0 for other in same):
            raise RecursingError(same[0])
        return recursion.find(recorder, function, original, args, kwargs)
    if sum(conditions > other.conditions for other in running) >= DEPTH:
        raise EndlessError(function.__name__, "other functions among its arguments, or arguments of another structure")
    cells = dict(zip(code.co_freevars, function.__closure__ or (), strict=True))
    recorder.captures.cells.append(cells)
    try:
        if same:
            return run(recorder, function, original, own)
        try:
            with recorder.attempt():
                return run(recorder, function, original, own)
        except RecursingError as error:
            if error.activation is not own:
                raise
        return recursion.find(recorder, function, original, args, kwargs)
    finally:
        recorder.captures.cells.pop()


def called_as(original: Any) -> Any:
    """Return a function in the form in which it tells calls apart: one of the world outside is what it is."""
    return original if is_rewritten(original) else (original.__code__, repr([id(cell) for cell in original.__closure__ or ()]))


def run(recorder: Any, function: FunctionType, original: Any, own: Activation) -> Any:
    """Run a rewritten function with the arrays among its defaults captured."""
    with_defaults(recorder, function, original)
    recorder.entered.append(own)
    args, kwargs, _ = own.carried
    try:
        return function(*args, **kwargs)
    finally:
        recorder.entered.pop()


def completed(
    recorder: Any, function: FunctionType, original: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of a call with the defaults of those that are not given."""
    if not (function.__defaults__ or function.__kwdefaults__):
        return args, kwargs
    with_defaults(recorder, function, original)
    try:
        bound = inspect.signature(function, follow_wrapped=False).bind(*args, **kwargs)
    except TypeError:  # the call is wrong, as Python will say
        return args, kwargs
    bound.apply_defaults()
    return bound.args, bound.kwargs


def with_defaults(recorder: Any, function: FunctionType, original: Any) -> None:
    """Replace arrays and containers among a function's defaults by what stands for them."""
    if is_rewritten(original):
        return
    value, defaults, words = recorder.captures.value, original.__defaults__, original.__kwdefaults__
    if defaults:
        names = original.__code__.co_varnames[: original.__code__.co_argcount][-len(defaults) :]
        function.__defaults__ = tuple(
            value(x, lambda k=k: original.__defaults__[k], ("default", original, name))
            for k, (name, x) in enumerate(zip(names, defaults, strict=True))
        )
    if words:
        function.__kwdefaults__ = {
            name: value(x, lambda name=name: original.__kwdefaults__[name], ("default", original, name))
            for name, x in words.items()
        }


__all__ = ["RecursingError", "copy_of", "enter", "is_rewritten", "unreadable"]
