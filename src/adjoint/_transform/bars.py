"""The cotangents that have arisen so far on the way back: one atom for each value that has one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from adjoint._ir.nodes import Value


class Bars:
    """Cotangents by value; within a branch those from around it are seen, and what is added to them stays within."""

    def __init__(self, around: Bars | None = None) -> None:
        self.own: dict[Value, Any] = {}
        self.around = around

    def get(self, value: Value) -> Any:
        """Return the cotangent of a value, None if it has none yet."""
        if value in self.own or self.around is None:
            return self.own.get(value)
        return self.around.get(value)

    def pop(self, value: Value) -> Any:
        """Return the cotangent of a value for the last time."""
        return self.own.pop(value, None)

    def __setitem__(self, value: Value, bar: Any) -> None:
        self.own[value] = bar

    def __iter__(self) -> Iterator[Value]:
        return iter(self.own)
