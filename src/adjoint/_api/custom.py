"""What `custom_jvp` and `custom_vjp` have in common: a function that keeps its name, and arguments that stay fixed."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from adjoint._api import evaluate
from adjoint._api.function import expect_function


class Custom:
    """A user's function with a derivative of the user's own."""

    __name__: str
    __qualname__: str

    def __init__(self, f: Callable[..., Any], nondiff_argnums: tuple[int, ...] = ()) -> None:
        expect_function(f, type(self).__name__)
        functools.update_wrapper(self, f, updated=())
        self.f = f
        self.nondiff = tuple(nondiff_argnums)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    def split(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[list[Any], tuple[Any, ...], Callable[..., Any]]:
        """Return the fixed arguments, the free ones, and the function of the free ones alone."""
        if kwargs:
            args = bind(self.f, args, kwargs)
        fixed = [args[k] for k in self.nondiff]
        free = tuple(a for k, a in enumerate(args) if k not in self.nondiff)
        return fixed, free, lambda *active: evaluate.instrumented(self.f)(*self.merge(fixed, active))

    def merge(self, fixed: list[Any], free: Any) -> list[Any]:
        """Put the fixed arguments back among the others."""
        args = list(free)
        for k, a in sorted(zip(self.nondiff, fixed, strict=True), key=lambda pair: pair[0]):
            args.insert(k, a)
        return args

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.__qualname__})"

    def __reduce__(self) -> str:
        return self.__qualname__


def bind(f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """Return keyword arguments in their positions."""
    bound = inspect.signature(f).bind(*args, **kwargs)
    bound.apply_defaults()
    if bound.kwargs:
        raise TypeError(
            f"{f.__name__}: keyword-only arguments {sorted(bound.kwargs)} cannot be passed to a function with a custom rule"
        )
    return bound.args
