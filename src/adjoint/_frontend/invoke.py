"""Calls of functions written in Python: their rewritten copies are run in place, or become functions of the program."""

from __future__ import annotations

import inspect
import threading
import weakref
from types import CodeType, FunctionType
from typing import Any

from adjoint._frontend.rewrite import rewritten
from adjoint._frontend.rewrite_expressions import MARK, UnreadableError
from adjoint._ir.symbol import writer
from adjoint._syntax import Syntax, syntax_of, why_unreadable
from adjoint.errors import AdjointError

_COPIES: dict[int, tuple[weakref.ref[CodeType], CodeType | UnreadableError | None]] = {}
_WRITING = threading.RLock()
_REWRITTEN: set[int] = set()
_KEPT: list[CodeType] = []


class RecursingError(Exception):
    """A function was called while it runs, under a condition that is known only when the program runs."""

    def __init__(self, code: CodeType) -> None:
        super().__init__(code.co_name)
        self.code = code


def is_rewritten(function: Any) -> bool:
    """Tell whether a function is a rewritten copy or was defined in one."""
    return id(getattr(function, "__code__", None)) in _REWRITTEN


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
    _REWRITTEN.add(id(code))
    _KEPT.append(code)
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

    recorder = writer()
    code = function.__code__
    for entered, depth in recorder.entered:
        if entered is code and recorder.conditions - recorder.escaped > depth:
            args, kwargs = completed(recorder, function, original, args, kwargs)
            shell = recursion.find(recorder, function, args, kwargs)
            if shell is not None:
                return shell[0]
            raise RecursingError(code)
    cells = dict(zip(code.co_freevars, function.__closure__ or (), strict=True))
    recorder.captures.cells.append(cells)
    try:
        if any(entered is code for entered, _ in recorder.entered):
            return run(recorder, function, original, args, kwargs)
        try:
            with recorder.attempt():
                return run(recorder, function, original, args, kwargs)
        except RecursingError as error:
            if error.code is not code:
                raise
        return recursion.call(recorder, function, *completed(recorder, function, original, args, kwargs))
    finally:
        recorder.captures.cells.pop()


def run(recorder: Any, function: FunctionType, original: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run a rewritten function with the arrays among its defaults captured."""
    with_defaults(recorder, function, original)
    recorder.entered.append((function.__code__, recorder.conditions - recorder.escaped))
    try:
        return function(*args, **kwargs)
    finally:
        recorder.entered.pop()


def completed(
    recorder: Any, function: FunctionType, original: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of a call with the defaults of those that are not given."""
    with_defaults(recorder, function, original)
    bound = inspect.signature(function).bind(*args, **kwargs)
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
