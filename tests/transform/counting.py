"""Counts the operations that a program does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint._ir.evaluate import run
from adjoint._ir.nodes import Apply, Function
from adjoint._ir.symbol import length
from adjoint._rules import stores
from adjoint._transform import cost, schedule

# What only moves or allocates memory.
MOVES = {
    np.zeros_like,
    stores.blank,
    stores.form,
    stores.append,
    stores.filled,
    stores.pack,
    stores.unpack,
    length,
    stores.assign,
}
MOVES |= {stores.without_last, *schedule.RUNTIME, schedule.snapshots_within}


def operations(op: Apply, args: tuple[Any, ...], results: Sequence[Any]) -> int:
    """Return how many arithmetic operations an operation does: one for each element of its largest argument or result."""
    if cost.cheap(op) or op.function in MOVES:
        return 0
    if op.function is stores.accumulate:
        return int(np.size(args[2]))
    if op.function is stores.fit and np.shape(args[0]) == np.shape(results[0]):
        return 0
    if op.function is np.matmul:
        return 2 * int(np.size(args[0])) * (np.shape(args[1])[1] if np.ndim(args[1]) > 1 else 1)
    return max([1, *[int(np.size(x)) for x in (*args, *results) if isinstance(x, (np.ndarray, np.generic, float))]])


def counted(function: Function, args: Sequence[Any]) -> tuple[list[Any], int]:
    """Run a program; return its results and how many operations it did."""
    total = 0

    def observe(op: Apply, given: tuple[Any, ...], _: Any, results: list[Any]) -> None:
        nonlocal total
        total += operations(op, given, results)

    return run(function, args, observe), total


def calls_of(function: Function, args: Sequence[Any], wanted: Callable[..., Any]) -> int:
    """Return how often a program calls one function."""
    calls = 0

    def observe(op: Apply, *_: Any) -> None:
        nonlocal calls
        calls += op.function is wanted

    run(function, args, observe)
    return calls
