"""A test case of a rule is a value: a function, arguments, and what may be asked of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Case:
    """One call ``function(*args, **kwargs)`` whose derivatives are tested.

    Attributes
    ----------
    function
        What is differentiated: a NumPy function, or a lambda around several.
    args
        Arguments.  Floats, floating and complex arrays, and lists of them are differentiated; all else is held fixed.
    kwargs
        Keyword arguments, held fixed.
    name
        Shown in the test id after the function's name.
    order
        Highest order tested, 1 or 2 (2: forward over reverse = reverse over reverse = differences of the gradient).
    complexable
        The function is holomorphic in floating arguments, so that it is tested with complex arrays too.
    float32
        The function keeps float32 (tested that value and derivatives do).
    tol
        Relative tolerance against finite differences (Richardson-extrapolated; typical 1e-7).
    """

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)
    name: str = ""
    order: int = 2
    complexable: bool = False
    float32: bool = True
    tol: float = 1e-7

    @property
    def id(self) -> str:
        function = getattr(self.function, "__name__", "function")
        return f"{function}-{self.name}" if self.name else function
