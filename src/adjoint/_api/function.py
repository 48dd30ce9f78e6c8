"""What every operator returns: a derivative function that keeps the user's name and docstring, prints itself, and pickles."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any


class Derivative:
    """The result of an operator such as `grad`: calls ``run(f, args, kwargs, **options)``.

    It pickles whenever ``f`` does, holds no state besides its options, and so may be called from many threads at once.
    """

    def __init__(self, run: Callable[..., Any], f: Callable[..., Any], options: dict[str, Any]) -> None:
        expect_function(f, _operator(run))
        functools.update_wrapper(self, f, updated=())
        self.run, self.f, self.options = run, f, options

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.run(self.f, args, kwargs, **self.options)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __reduce__(self) -> tuple[Any, ...]:
        return Derivative, (self.run, self.f, self.options)

    def __repr__(self) -> str:
        name = getattr(self.f, "__qualname__", None) or repr(self.f)
        name = repr(self.f) if isinstance(self.f, Derivative) else name
        options = "".join(f", {key}={value!r}" for key, value in self.options.items() if value not in (False, None, ()))
        return f"adjoint.{_operator(self.run)}({name}{options})"


def expect_function(f: Any, name: str) -> None:
    """Raise unless ``f`` can be called."""
    if not callable(f):
        raise TypeError(
            f"{name} expects a function as its first argument, got {type(f).__name__}: {f!r:.80}\n"
            f"  remedy: pass the function itself, not its name or its value: {name}(f, ...)"
        )


def _operator(run: Callable[..., Any]) -> str:
    return run.__name__.removeprefix("_")
