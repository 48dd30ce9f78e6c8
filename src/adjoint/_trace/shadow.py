"""Shadow memory: where the cotangents of mutable arrays live.

The shadow of an array is one array of cotangents for its memory.  A `Region` is a part of it, reached by the same view and
index as the part of the array that the program read or wrote.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint._rules import kinds
from adjoint._trace.memory import has_integer_array, is_basic, receiving
from adjoint._trace.traced import is_array, map_sequence
from adjoint._trace.view import View, place


class Region:
    """A part of a mutable array's shadow: the slot of the array, the steps to a view of it, and an index into the view.

    It does not hold the array: the tape holds regions, and the array the tape.
    """

    __slots__ = ("form", "index", "slot", "steps")

    def __init__(self, root: Any, view: View | None, index: Any = ...) -> None:
        self.slot = root.slot
        self.form = kinds.Like(root.primal)
        self.steps = () if view is None else view.steps
        # The program may change an array of indices later, and a list as well.
        self.index = index if is_basic(index) else map_sequence(lambda part: part.copy() if is_array(part) else part, index)

    def zeros(self, g: Any) -> Any:
        """Return a new shadow, able to take ``g``."""
        zeros = np.zeros(self.form.shape, self.form.dtype)
        return receiving(zeros, g)

    def read(self, shadow: Any) -> Any:
        """Return the cotangents of the region."""
        part, index = place(self.steps, shadow, self.index)
        y = part[index]
        return np.copy(y) if is_array(y) else y

    def write(self, shadow: Any, value: Any) -> None:
        """Replace the cotangents of the region."""
        part, index = place(self.steps, shadow, self.index)
        part[index] = value

    def add(self, shadow: Any, g: Any) -> None:
        """Add to the cotangents of the region, in place, repeated indices counted repeatedly."""
        part, index = place(self.steps, shadow, self.index)
        if has_integer_array(index):
            np.add.at(part, index, g)
        else:
            part[index] += g
