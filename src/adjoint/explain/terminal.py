"""An evaluation trace in a terminal, in colour, by rich."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from adjoint.explain.formulas import value_text
from adjoint.explain.record import Trace
from adjoint.explain.table import Fold, caption_of, direction_of, line_of, rows_of, signed_sum


def rich_tables(trace: Trace, *, fold: bool) -> Iterator[Any]:
    """Yield a table for each pass."""
    from rich.text import Text

    yield Text(caption_of(trace), style="bold")
    yield _forward(trace, fold)
    yield _reverse(trace, fold)


def _new_table(title: str, columns: list[tuple[str, str, str]]) -> Any:
    """Return a table with these columns: heading, alignment, style."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold cyan", box=SIMPLE_HEAD, pad_edge=False)
    for heading, justify, style in columns:
        table.add_column(heading, justify=justify, style=style, overflow="fold")  # pyright: ignore[reportArgumentType]
    return table


def _forward(trace: Trace, fold: bool) -> Any:
    columns = [("", "left", "bold"), ("formula", "left", ""), ("value", "right", ""), ("tangent", "right", "green")]
    title = f"Forward pass: values, and tangents along {direction_of(trace)}"
    table = _new_table(title, [*columns, ("line", "left", "dim")])
    before = ""
    for row in rows_of(trace, fold=fold):
        if isinstance(row, Fold):
            _add(table, ["…", "", "", "", row.text], style="dim")
            continue
        place = line_of(row)
        values = [value_text(x, fold=fold) for x in (row.value, row.tangent)]
        _add(table, [row.label, row.formula, *values, "" if place == before else place])
        before = place
    return table


def _reverse(trace: Trace, fold: bool) -> Any:
    columns = [
        ("", "left", "bold"),
        ("adjoint", "right", "magenta"),
        ("contributions (of child)", "left", ""),
        ("", "left", "bold"),
    ]
    table = _new_table("Reverse pass, from the bottom up: adjoints", columns)
    for row in reversed(rows_of(trace, fold=fold)):
        if isinstance(row, Fold):
            _add(table, ["…", "", row.text, ""], style="dim")
        else:
            _add(table, [row.label, value_text(row.adjoint, fold=fold), signed_sum(row, fold=fold), row.name])
    return table


def _add(table: Any, cells: list[str], style: str | None = None) -> None:
    """Add a row of plain text: brackets in a formula are no markup."""
    from rich.text import Text

    table.add_row(*map(Text, cells), style=style)
