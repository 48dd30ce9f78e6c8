"""An evaluation trace as plain text: the forward pass from the top down, the reverse pass from the bottom up."""

from __future__ import annotations

from adjoint.explain.formulas import value_text
from adjoint.explain.record import Intermediate, Trace
from adjoint.explain.table import Fold, caption_of, direction_of, line_of, rows_of, signed_sum, slopes_agree

# The widest formula and value in a folded table.
FORMULA, VALUE = 38, 34


def text_of_trace(trace: Trace, *, fold: bool) -> str:
    """Return the two passes as two tables."""
    forward, reverse = slopes_agree(trace)
    head = [
        caption_of(trace),
        "",
        f"Forward pass: values, and tangents along {direction_of(trace)}",
    ]
    middle = ["", "Reverse pass, from the bottom up: adjoints, each the sum of what its children contribute"]
    tail = [
        "",
        f"Slope along this direction: {value_text(forward)} by the forward pass, {value_text(reverse)} by the reverse pass",
    ]
    return "\n".join([*head, *_forward(trace, fold), *middle, *_reverse(trace, fold), *tail])


def _forward(trace: Trace, fold: bool) -> list[str]:
    cells: list[list[str]] = [["", "", "value", "tangent"]]
    marks: dict[int, str] = {}
    for row in rows_of(trace, fold=fold):
        if isinstance(row, Fold):
            marks[len(cells)] = f"  … {row.text}"
            cells.append([])
        else:
            formula = f"= {cut(row.formula, FORMULA, fold)}"
            cells.append([row.label, formula, _value(row.value, fold), _value(row.tangent, fold), line_of(row)])
    return _once(aligned(cells, marks), [cell[4] if len(cell) > 4 else "" for cell in cells], set(marks))


def _once(lines: list[str], places: list[str], marks: set[int]) -> list[str]:
    """Return lines with the user's line behind the first of those that share it."""
    width = max(len(line) for number, line in enumerate(lines) if number not in marks)
    shown = []
    before = ""
    for line, place in zip(lines, places, strict=True):
        shown.append(f"{line:<{width}}   {place if place != before else '  |'}".rstrip() if place else line.rstrip())
        before = place
    return shown


def _reverse(trace: Trace, fold: bool) -> list[str]:
    cells: list[list[str]] = []
    marks: dict[int, str] = {}
    for row in reversed(rows_of(trace, fold=fold)):
        if isinstance(row, Fold):
            marks[len(cells)] = f"  … {row.text}"
            cells.append([])
        else:
            cells.append([row.label, _value(row.adjoint, fold), f"= {_sum(row, fold)}"])
    return [line.rstrip() for line in aligned(cells, marks, left=(0, 2))]


def _sum(node: Intermediate, fold: bool) -> str:
    return signed_sum(node, fold=fold) + (f"   {node.name}" if node.kind == "input" else "")


def _value(x: object, fold: bool) -> str:
    return cut(value_text(x, fold=fold).replace("\n", " "), VALUE, fold)


def cut(text: str, width: int, fold: bool) -> str:
    """Return a text that is at most so wide, if folded."""
    return text if not fold or len(text) <= width else text[: width - 1] + "…"


def aligned(cells: list[list[str]], marks: dict[int, str], left: tuple[int, ...] = (0, 1)) -> list[str]:
    """Return rows of cells in columns, those in ``left`` to the left, numbers to the right; ``marks`` are whole lines."""
    count = min((len(row) for row in cells if row), default=0)
    widths = [max(len(row[k]) for row in cells if row) for k in range(count)]
    lines = []
    for number, row in enumerate(cells):
        if number in marks:
            lines.append(marks[number])
            continue
        parts = [row[k].ljust(w) if k in left else row[k].rjust(w) for k, w in enumerate(widths)]
        lines.append("  " + "  ".join(parts))
    return lines
