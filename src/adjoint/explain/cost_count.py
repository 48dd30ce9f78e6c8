"""Counts the operations of a program as it runs, and the bytes that it keeps, by the user's lines."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint._ir.evaluate import run
from adjoint._ir.nodes import Apply, Function, Line, Loop, Value, walk
from adjoint.explain.cost_formulas import OPERATIONS, size
from adjoint.explain.cost_model import CALLS, MOVES, STEPS, Count, cost_of, is_step


class Tally:
    """Operations of a run of a program, by kind and by line."""

    def __init__(self) -> None:
        self.lines: defaultdict[Line | None, Count] = defaultdict(Counter)
        self.functions: Counter[Any] = Counter()

    def run(self, function: Function, args: Sequence[Any]) -> list[Any]:
        """Run a program, count, and return its results."""
        with np.errstate(all="ignore"):  # as the program's own code does where it has to
            return run(function, args, self.observe)

    def observe(self, op: Apply, args: tuple[Any, ...], kwargs: dict[str, Any], results: list[Any]) -> None:
        """Note an operation."""
        result = results[0] if op.form is None else tuple(results)
        count = cost_of(op.function, args, kwargs, result)
        count[STEPS if is_step(op.function, args, result) else CALLS] += 1
        self.lines[op.line].update(count)
        self.functions[op.function] += operations(count)

    def returned(self, results: Sequence[Any]) -> None:
        """Note what is handed to the caller, which moves it."""
        self.lines[None][MOVES] += size(results)

    @property
    def count(self) -> Count:
        """The counts of all lines."""
        return sum(self.lines.values(), Counter())


def operations(count: Count) -> int:
    """Return how many of what was counted are operations."""
    return sum(count[kind] for kind in OPERATIONS)


# Bytes ------------------------------------------------------------------------------------------------------------------------


def kept_bytes(forward: Function, results: Sequence[Any], first: int) -> Counter[Line | None]:
    """Return the bytes of what a program hands to the way back, by the line that computed it.

    ``results`` are those of the program, of which the kept ones begin at ``first``.  Arguments belong to the first line of the
    function.
    """
    made = makers(forward)
    seen: set[Any] = set()
    found: Counter[Line | None] = Counter()
    for atom, value in zip(forward.results[first:], results[first:], strict=True):
        line = made.get(atom) if type(atom) is Value else None
        found[line or forward.line] += nbytes(value, seen)
    return found


def makers(function: Function) -> dict[Value, Line | None]:
    """Return the line that each value comes from; of a list that a loop collects it is the line of its items."""
    made: dict[Value, Line | None] = {}
    for op in walk(function.body):
        made.update(dict.fromkeys(op.outputs, op.line))
    for op in walk(function.body):
        if isinstance(op, Loop):
            made.update((items, made.get(item, op.line)) for items, item in zip(op.lists, op.collected, strict=True))
    return made


def nbytes(value: Any, seen: set[Any]) -> int:
    """Return the memory that a value holds, each array once; a number takes 8 bytes, a complex one 16."""
    if isinstance(value, (tuple, list)):
        return sum(nbytes(part, seen) for part in value)
    if isinstance(value, np.ndarray):
        # An axis of stride 0 repeats the same elements.
        shape = [n for n, stride in zip(value.shape, value.strides, strict=True) if stride]
        place = (value.__array_interface__["data"][0], value.shape, value.strides)
        if place in seen or 0 in value.shape:
            return 0
        seen.add(place)
        return int(np.prod(shape, dtype=int)) * value.itemsize
    if isinstance(value, np.generic):
        return value.nbytes
    return 16 if isinstance(value, complex) else 8 if isinstance(value, (int, float)) else 0
