"""What `cost` found, as data and as tables: for a terminal, for rich, for a notebook."""

from __future__ import annotations

import html
import linecache
import math
import os
from dataclasses import asdict, dataclass
from typing import Any

from adjoint._ir.nodes import Line
from adjoint.explain.compare_result import aligned, in_bytes, in_seconds
from adjoint.explain.cost_count import Tally, operations
from adjoint.explain.cost_formulas import OPERATIONS
from adjoint.explain.cost_model import INTEGERS, MOVES
from adjoint.explain.cost_passes import FUNCTION, NAMES, Counted, Passes
from adjoint.explain.cost_time import Times

# What theory allows a pass, in multiples of the function's operations.
BOUND = 6
# Longer source lines are cut in tables.
WIDTH = 60
Row = tuple[str, ...]


@dataclass(frozen=True)
class Pass:
    """What one of the three programs costs.

    Attributes
    ----------
    name
        ``"function"``, ``"forward pass"`` or ``"reverse pass"``.
    kinds
        Operations by kind: arithmetic, functions, products, linear algebra, sorting.
    operations
        Their sum.
    ratio
        That over the operations of the function; nan if the function has none.
    moves, integers
        Elements moved, and operations on whole numbers and truth values, which are no operations.
    seconds, predicted
        Measured and predicted time; nan if none was asked for.
    """

    name: str
    kinds: dict[str, int]
    operations: int
    ratio: float
    moves: int
    integers: int
    seconds: float = math.nan
    predicted: float = math.nan


@dataclass(frozen=True)
class LineCost:
    """What one line of the user's costs: operations of each program, and bytes kept for the way back."""

    file: str
    line: int
    source: str
    function: int
    forward: int
    reverse: int
    kept: int


@dataclass(frozen=True, repr=False)
class Cost:
    """Operations of a function, of a forward and of a reverse pass; prints as a table.

    Attributes
    ----------
    name
        The function's name.
    inputs
        How many numbers are differentiated.
    function, forward, reverse
        One `Pass` each.
    kept
        Bytes that the way back keeps.
    lines
        One `LineCost` for each of the user's lines that computes or keeps something, in the order of the source.
    """

    name: str
    inputs: int
    function: Pass
    forward: Pass
    reverse: Pass
    kept: int
    lines: tuple[LineCost, ...]

    @classmethod
    def of(cls, passes: Passes, found: Counted, times: Times | None) -> Cost:
        """Return the result of what was counted and measured."""
        base = operations(found.tallies[FUNCTION].count)
        function, forward, reverse = (_pass(name, found.tallies[name], base, times) for name in NAMES)
        return cls(passes.name, passes.inexact, function, forward, reverse, found.kept.total(), tuple(_lines(found)))

    @property
    def passes(self) -> tuple[Pass, Pass, Pass]:
        """The three passes."""
        return self.function, self.forward, self.reverse

    @property
    def bound(self) -> int:
        """The operations that a pass may take: 6 for each of the function, and one for each element that it moves."""
        return BOUND * self.function.operations + self.function.moves

    def to_dict(self) -> dict[str, Any]:
        """Return everything as dicts, lists, numbers and strings, ready for JSON (nan becomes None)."""
        return _plain(asdict(self) | {"bound": self.bound})

    @property
    def title(self) -> str:
        """One line that says what was counted."""
        return f"cost of {self.name}: {self.inputs:,} input{'s' * (self.inputs != 1)}"

    def tables(self) -> list[tuple[str, list[Row]]]:
        """Return the tables as text, each with its title; the first row has the headings."""
        found = [(self.title, _pass_rows(self))]
        if self.lines:
            found.append(("operations and bytes kept, by line", _line_rows(self.lines)))
        return found

    def notes(self) -> list[str]:
        """Return what else is to be said, a sentence each."""
        own, most = BOUND * self.function.operations, max(self.forward.operations, self.reverse.operations)
        bound = f"a pass may take {BOUND} times the operations of the function"
        if most <= own:
            return [f"{bound}: {own:,}"]
        notes = [f"{bound}, and one for each of the {self.function.moves:,} elements that it moves: {self.bound:,}"]
        if most > self.bound:
            notes.append("here a pass takes more, as the derivative of a single call may (see the notes of adjoint.cost)")
        return notes

    def __repr__(self) -> str:
        parts = ["\n".join([title, "", *aligned(rows)]) for title, rows in self.tables()]
        return "\n\n".join([*parts[:1], "\n".join(self.notes()), *parts[1:]])

    def __rich__(self) -> Any:
        from rich.console import Group
        from rich.text import Text

        first, *rest = [_rich_table(title, rows) for title, rows in self.tables()]
        return Group(first, *[Text(note, style="dim") for note in self.notes()], Text(""), *rest)

    def _repr_html_(self) -> str:
        first, *rest = [_html_table(title, rows) for title, rows in self.tables()]
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in self.notes())
        return f"<div>{first}{notes}{''.join(rest)}</div>"


# From counts -----------------------------------------------------------------------------------------------------------------


def _pass(name: str, tally: Tally, base: int, times: Times | None) -> Pass:
    count = tally.count
    own = operations(count)
    seconds = (math.nan, math.nan) if times is None else (times.measured[name], times.predicted[name])
    kinds = {kind: count[kind] for kind in OPERATIONS if count[kind]}
    return Pass(name, kinds, own, own / base if base else math.nan, count[MOVES], count[INTEGERS], *seconds)


def _lines(found: Counted) -> list[LineCost]:
    """Return the costs of the user's lines."""
    tallies = found.tallies
    lines = {line for tally in tallies.values() for line in tally.lines} | set(found.kept)
    # A line stands in a function, or in several that were made in the same place.
    places = sorted({line[:2] for line in lines if line is not None})
    rows = []
    for place in places:
        function, forward, reverse = (
            sum(operations(count) for line, count in tallies[name].lines.items() if _at(line, place)) for name in NAMES
        )
        kept = sum(n for line, n in found.kept.items() if _at(line, place))
        if function or forward or reverse or kept:
            rows.append(LineCost(*place, linecache.getline(*place).strip(), function, forward, reverse, kept))
    return rows


def _at(line: Line | None, place: tuple[str, int]) -> bool:
    return line is not None and line[:2] == place


# Tables ----------------------------------------------------------------------------------------------------------------------


def _pass_rows(cost: Cost) -> list[Row]:
    passes = cost.passes
    rows: list[Row] = [("", *[each.name for each in passes])]
    rows += [
        (kind, *[f"{each.kinds.get(kind, 0):,}" for each in passes])
        for kind in OPERATIONS
        if any(kind in each.kinds for each in passes)
    ]
    rows.append(("all operations", *[f"{each.operations:,}" for each in passes]))
    rows.append(("× function", *["", *[_times(each.ratio) for each in passes[1:]]]))
    for kind in (MOVES, INTEGERS):
        if any(getattr(each, kind) for each in passes):
            rows.append((kind, *[f"{getattr(each, kind):,}" for each in passes]))
    rows.append(("bytes kept", "", "", in_bytes(cost.kept)))
    for title, key in (("time, measured", "seconds"), ("time, predicted", "predicted")):
        values = [getattr(each, key) for each in passes]
        if not any(map(math.isnan, values)):
            rows.append((title, *map(in_seconds, values)))
            rows.append(("× function", "", *[_times(value / values[0]) if values[0] else "–" for value in values[1:]]))
    return rows


def _times(ratio: float) -> str:
    return "–" if math.isnan(ratio) else f"{ratio:.2f}"


def _line_rows(lines: tuple[LineCost, ...]) -> list[Row]:
    rows: list[Row] = [("line", "function", "forward", "×", "reverse", "×", "kept")]
    for line in lines:
        source = line.source if len(line.source) <= WIDTH else line.source[: WIDTH - 1] + "…"
        place = f"{os.path.basename(line.file)}:{line.line}  {source}"
        passes = [(f"{n:,}", _times(n / line.function) if line.function else "–") for n in (line.forward, line.reverse)]
        rows.append((place.strip(), f"{line.function:,}", *passes[0], *passes[1], in_bytes(line.kept)))
    return rows


def _rich_table(title: str, rows: list[Row]) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), title_justify="left", title_style="bold", box=SIMPLE_HEAD, collapse_padding=True)
    for position, name in enumerate(rows[0]):
        table.add_column(name, justify="right" if position else "left", no_wrap=position > 0)
    for row in rows[1:]:
        # Where there is little room the source is cut, and never a number.
        first = Text(row[0], no_wrap=True, overflow="ellipsis")
        table.add_row(first, *map(Text, row[1:]), style="bold green" if row[0] == "× function" else None)
    return table


def _html_table(title: str, rows: list[Row]) -> str:
    def line(row: Row, tag: str) -> str:
        weight = "font-weight:600;" if row[0] == "× function" else ""
        cells = (
            f'<{tag} style="padding:.2em .8em;white-space:nowrap;{weight}text-align:{"right" if k else "left"}">'
            f"{html.escape(text)}</{tag}>"
            for k, text in enumerate(row)
        )
        return f"<tr>{''.join(cells)}</tr>"

    body = "".join(line(row, "td") for row in rows[1:])
    caption = f'<caption style="text-align:left;caption-side:top;font-weight:600">{html.escape(title)}</caption>'
    return f"<table>{caption}<thead>{line(rows[0], 'th')}</thead><tbody>{body}</tbody></table>"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
