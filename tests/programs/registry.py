"""The value a registered program is, and the decorator that registers it.  No program imports anything of adjoint."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from typing import Any


@dataclasses.dataclass(frozen=True, eq=False)
class Program:
    """A plain function of floats, float arrays and trees of them, with a point where it is differentiable.

    ``complexable`` says that it also runs with complex arguments and is analytic, so that the complex step applies.
    ``smooth_order`` is the highest order of derivatives that exist and are continuous around the example point.
    ``step`` is the largest step the difference oracle may begin with: smaller where a branch or a jump is near.
    ``tags`` are free words to select by.
    """

    name: str
    function: Callable[..., Any]
    example: tuple[Any, ...]
    complexable: bool
    smooth_order: int
    step: float
    tags: frozenset[str]

    @property
    def args(self) -> tuple[Any, ...]:
        """A fresh copy of the example inputs: programs may write into their arguments."""
        return copy.deepcopy(self.example)

    def __call__(self, *args: Any) -> Any:
        return self.function(*args)

    def __repr__(self) -> str:
        return self.name


PROGRAMS: dict[str, Program] = {}


def program(
    *, args: tuple[Any, ...], complexable: bool = False, smooth_order: int = 99, step: float = 0.1, tags: str = ""
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register the decorated function, which stays as it is."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        theme = function.__module__.rpartition(".")[2]
        name = f"{theme}.{function.__name__}"
        if name in PROGRAMS:
            raise ValueError(f"two programs are called {name}")
        PROGRAMS[name] = Program(name, function, args, complexable, smooth_order, step, frozenset([theme, *tags.split()]))
        return function

    return register
