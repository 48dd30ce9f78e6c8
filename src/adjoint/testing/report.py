"""What `check` found: a small table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class Row(NamedTuple):
    """One comparison: the largest relative error that was met, and the largest that would have passed."""

    derivative: str
    against: str
    order: int
    error: float
    tolerance: float


@dataclass(repr=False)
class Report:
    """The comparisons that passed.

    Attributes
    ----------
    rows
        One `Row` for each comparison, lower orders first.
    """

    rows: list[Row] = field(default_factory=list)

    @property
    def max_error(self) -> float:
        """The largest relative error of all comparisons."""
        return max((row.error for row in self.rows), default=0.0)

    def __repr__(self) -> str:
        table = [("derivative", "against", "order", "error", "tolerance")]
        table += [
            (row.derivative, row.against, str(row.order), f"{row.error:.1e}", f"{row.tolerance:.1e}") for row in self.rows
        ]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in table
        )
