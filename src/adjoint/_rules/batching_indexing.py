"""Batched forms of indexing; see `batching` for what a form is."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from adjoint._rules.batching_forms import Ragged, align, flat, rank, shift, spread
from adjoint._rules.extents import made
from adjoint._rules.kinds import dtype_of, shape_of


class Index:
    """An index of logical arrays, as one of batched arrays.

    NumPy puts the axes that index arrays make where the first of them stands, but in front if a slice stands between two of them.
    An index array for the batch axis may move them.  ``full`` is the index of the batched array, `out` moves the axes of what it
    picks to where they belong, and `back` does the opposite for what is stored.
    """

    def __init__(self, x_mapped: bool, size: int, n: int, index: Any, mapped: Any) -> None:
        parts, marks = _explicit(index, mapped, n)
        arrays = [k for k, part in enumerate(parts) if not (part is None or isinstance(part, slice))]
        width = max([rank(parts[k], marks[k]) for k in arrays], default=0)
        apart = bool(arrays) and len(arrays) <= arrays[-1] - arrays[0]
        before = 0 if apart or not arrays else arrays[0]
        self.moves: Any = None
        if not any(marks) and not (apart and width):
            self.full = (slice(None), *parts) if x_mapped else tuple(parts)
            return
        for k in arrays:
            parts[k] = align(parts[k], marks[k], width)
        self.full = (_along(size, width), *parts) if x_mapped else tuple(parts)
        if before:
            ends = tuple(range(1, 1 + width)), tuple(range(1 + before, 1 + before + width))
            self.moves = ends if x_mapped else ((before,), (0,))

    def out(self, y: Any) -> Any:
        return y if self.moves is None else np.moveaxis(y, *self.moves)

    def back(self, y: Any) -> Any:
        return y if self.moves is None else np.moveaxis(y, *self.moves[::-1])


def _along(size: int, width: int) -> Any:
    """Return the positions in the batch, to index with beside arrays of ``width`` axes."""
    positions = made(np.arange, size)
    return positions[(slice(None), *(None,) * width)] if width else positions


def _explicit(index: Any, mapped: Any, n: int) -> tuple[list[Any], list[bool]]:
    """Return the parts of an index, one for each logical axis and new axis, and which of them are mapped."""
    parts = list(index) if isinstance(index, tuple) else [index]
    marks = list(mapped) if isinstance(index, tuple) and isinstance(mapped, tuple) else [mapped] * len(parts)
    if any(isinstance(m, tuple) for m in marks):
        raise Ragged  # a list with mapped integers
    parts, marks = _without_masks(parts, marks)
    used = sum(part is not None and part is not ... for part in parts)
    k = next((k for k, part in enumerate(parts) if part is ...), len(parts))
    rest = n - used
    if rest < 0:
        raise IndexError(f"too many indices for array: array is {n}-dimensional, but {used} were indexed")
    return [*parts[:k], *[slice(None)] * rest, *parts[k + 1 :]], [*marks[:k], *[False] * rest, *marks[k + 1 :]]


def _without_masks(parts: list[Any], marks: list[Any]) -> tuple[list[Any], list[bool]]:
    """Replace masks by the positions that they select; those of a mapped mask differ in number."""
    plain: list[Any] = []
    flags: list[bool] = []
    for part, mark in zip(parts, marks, strict=True):
        if part is None or part is ... or (isinstance(part, (slice, int)) and not isinstance(part, bool)):
            plain.append(part)
            flags.append(False)
            continue
        array = np.asarray(part) if isinstance(part, (list, tuple, bool)) else part
        if isinstance(part, (list, tuple)) and not array.size:
            array = array.astype(int)  # as in NumPy, an empty list selects nothing
        if dtype_of(array).kind != "b":
            plain.append(array)
            flags.append(bool(mark))
            continue
        if mark or not shape_of(array):
            raise Ragged
        places = np.nonzero(array)
        plain += places
        flags += [False] * len(places)
    return plain, flags


def fitting(value: Any, mapped: bool, n: int) -> Any:
    """Return a stored value with ``n`` logical axes: a store adds axes of length 1 in front, and drops them."""
    surplus = len(shape_of(value)) - mapped - n
    if not mapped or surplus <= 0:
        return align(value, mapped, n)
    shape = shape_of(value)
    return np.reshape(value, (shape[0], *shape[1 + surplus :])) if set(shape[1 : 1 + surplus]) == {1} else value


def getitem(call: Any, mapped: Any, size: int, x: Any, index: Any) -> Any:
    found = Index(mapped[0], size, rank(x, mapped[0]), index, mapped[1])
    return found.out(call(x, found.full))


def scatter(call: Any, mapped: Any, size: int, ct: Any, index: Any, shape: Any) -> Any:
    found = Index(True, size, len(shape), index, mapped[1])
    return call(found.back(spread(ct, mapped[0], size)), found.full, (size, *shape))


def take(
    call: Any, mapped: Any, size: int, a: Any, indices: Any, axis: Any = None, out: Any = None, mode: str = "raise"
) -> Any:
    if mode != "raise" or any(isinstance(m, tuple) for m in mapped):
        return NotImplemented
    if axis is None:
        a, axis = flat(a) if mapped[0] else np.ravel(a), 0
    index = (*[slice(None)] * (shift(axis, rank(a, mapped[0])) - 1), indices if mapped[1] is True else np.asarray(indices))
    return getitem(operator.getitem, (mapped[0], (*[False] * (len(index) - 1), mapped[1])), size, a, index)


def take_along_axis(call: Any, mapped: Any, size: int, a: Any, indices: Any, axis: Any = -1) -> Any:
    a, indices = spread(a, mapped[0], size), spread(indices, mapped[1], size)
    return call(flat(a), flat(indices), 1) if axis is None else call(a, indices, shift(axis, rank(a, True)))
