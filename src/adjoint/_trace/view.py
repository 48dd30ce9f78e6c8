"""Views of traced arrays: ``row = y[0]; row[:] = ...`` means what it means in NumPy.

A `View` owns nothing.  It is its parent and the step (an index, a transposition, a reshaping) that leads from it, and it reads
and writes through to the array at the end of the chain, its root, whatever trace that belongs to at the time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint._overload import unravelled
from adjoint._rules import kinds
from adjoint._trace.memory import same_memory
from adjoint._trace.traced import Host, Trace, Traced

Steps = tuple[Callable[[Any], Any], ...]


class View(Traced):
    """A view of a traced array, and the function that takes an array of the parent's form to the view."""

    __slots__ = ("_made", "_of", "parent", "root", "step", "steps")

    def __init__(self, parent: Traced, step: Callable[[Any], Any]) -> None:
        self.parent = parent
        self.root = parent.root if type(parent) is View else parent
        self.step = step
        self.steps: Steps = (*parent.steps, step) if type(parent) is View else (step,)
        self._of: Any = None
        self._made: Any = None

    @property
    def run(self) -> Trace:  # type: ignore[override]
        return self.root.run

    @property
    def primal(self) -> Any:  # type: ignore[override]
        whole = self.parent.primal
        if self._of is not whole:
            self._of, self._made = whole, self.root.run.through(self.step, whole)
        return self._made

    @property
    def tangent(self) -> Any:  # type: ignore[override]
        return follow(self.steps, self.root.tangent)

    def whole(self) -> Any:
        return self.root

    def store(self, index: Any, value: Any) -> None:
        self.root.store_part(self, index, value)

    # A view of a value that stands for many stands for many.

    @property
    def many(self) -> bool:  # type: ignore[override]
        return self.root.many

    @property
    def number(self) -> bool:
        return False

    @property
    def shape(self) -> tuple[int, ...]:
        shape = kinds.shape_of(self.primal)
        return shape[1:] if self.root.many else shape

    def one(self) -> Any:
        return self.root.one() if self.root.many else self.primal

    def sample(self) -> Any:
        """Return a plain array of the shape and dtype of this one."""
        return np.broadcast_to(self.dtype.type(0), self.shape)


def alias(
    y: Any, primal: Any, x: Traced, function: Callable[..., Any], rest: tuple[Any, ...], kwargs: dict[str, Any]
) -> Traced | None:
    """Return ``x`` itself, or a view of it, if that is what ``y = function(primal, *rest)`` is, else (a new array) None."""
    if y is primal:
        return x
    if type(y) is float or isinstance(y, np.generic) or not same_memory(y, primal):
        return None
    return View(x, lambda a: function(a, *rest, **kwargs))


def follow(steps: Steps, array: Any) -> Any:
    """Return the view of an array that the steps lead to."""
    for step in steps:
        array = step(array)
    return array


def place(steps: Steps, array: Any, index: Any) -> tuple[Any, Any]:
    """Return where ``view[index]`` lies in another array of the root's form: an array and an index into it.

    That is the same view of the other array, or, where NumPy would copy (other strides) or forbid writing (a broadcast), the
    positions of the elements in the array itself.
    """
    if not steps:
        return array, index
    part = follow(steps, array)
    # A part that NumPy made without its class could not take in traced values.
    if same_memory(part, array) and writeable(part) and isinstance(part, Host) >= isinstance(array, Host):
        return part, index
    shape = kinds.shape_of(array)
    positions = follow(steps, np.arange(int(np.prod(shape, dtype=int))).reshape(shape))[index]
    return (array, unravelled(np.asarray(positions), shape)) if shape else (np.reshape(array, (1,)), (positions,))


def writeable(x: Any) -> bool:
    """Tell whether the memory at the end of a chain of primals may be written to."""
    while isinstance(x, Traced):
        x = x.primal
    return bool(x.flags.writeable)
