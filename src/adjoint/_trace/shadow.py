"""Views of the arrays of a tape, and the shadow memory in which their cotangents live.

A `View` owns nothing: it is a base and a path of steps (indexing, transposing, reshaping) from it.  A `Region` is the same path in the
shadow of the base, the array of cotangents of its memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint._rules import kinds
from adjoint._trace.memory import has_integer_array, host
from adjoint._trace.traced import Trace, Traced


class View(Traced):
    """A view of an array of a tape: its base, and the function that takes an array of the base's form to the view."""

    __slots__ = ("index", "parent", "root", "step")

    def __init__(self, parent: Traced, step: Callable[[Any], Any], index: Any = None) -> None:
        self.parent = parent
        self.root = parent.root if type(parent) is View else parent
        self.step = step
        self.index = index

    @property
    def trace(self) -> Trace:  # type: ignore[override]
        return self.root.trace

    @property
    def primal(self) -> Any:  # type: ignore[override]
        return self.step(self.parent.primal)

    def path(self, base: Any) -> Any:
        """Return the same view of another array of the base's form."""
        return self.step(self.parent.path(base) if type(self.parent) is View else base)

    def base(self) -> Any:
        return self.root

    def store(self, index: Any, value: Any) -> None:
        self.trace.write(self.root, self, index, value)  # type: ignore[attr-defined]

    def region(self) -> Region:
        return Region(self.root, self)


class Region:
    """A part of a mutable array's shadow: the slot of the array, and the view that leads to the part."""

    __slots__ = ("dtype", "index", "primal", "slot", "view")

    def __init__(self, root: Any, view: View | None, index: Any = ...) -> None:
        self.slot = root.slot
        self.primal = kinds.Like(root.primal)
        self.view = view
        self.index = index

    def zeros(self, g: Any) -> Any:
        """Return a new shadow, able to take ``g``."""
        zeros = np.zeros(self.primal.shape, self.primal.dtype)
        return host(zeros) if isinstance(g, Traced) else zeros

    def part(self, shadow: Any) -> Any:
        return shadow if self.view is None else self.view.path(shadow)

    def read(self, shadow: Any) -> Any:
        y = self.part(shadow)[self.index]
        return np.copy(y) if len(kinds.shape_of(y)) else y

    def write(self, shadow: Any, value: Any) -> None:
        self.part(shadow)[self.index] = value


def region_add(shadow: Any, region: Region, g: Any) -> None:
    """``shadow[region] += g``, in place, repeated indices counted repeatedly."""
    part = region.part(shadow)
    if has_integer_array(region.index):
        np.add.at(part, region.index, g)
    else:
        part[region.index] += g
