"""What `compare` found, as data and as tables: for a terminal, for rich, for a notebook."""

from __future__ import annotations

import html
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from adjoint.explain.compare_differences import CENTRAL, FORWARD, Sweep
from adjoint.explain.compare_measure import Cost

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCIPY, SYMBOLIC, FORWARD_MODE, REVERSE_MODE = "scipy.differentiate", "symbolic (SymPy)", "forward mode", "reverse mode"
METHODS = (FORWARD, CENTRAL, SCIPY, SYMBOLIC, FORWARD_MODE, REVERSE_MODE)
HEADINGS = ("method", "step", "error", "runs of f", "time", "× f", "memory")
_PLAIN, _EXACT = "", "bold green"


@dataclass(frozen=True)
class Method:
    """One way to the derivative, all of its columns and rows.

    Attributes
    ----------
    name
        One of `METHODS`.
    step
        Of differences; None for all others.
    error
        Largest error relative to the largest entry of the derivative; nan where there is none, or the method is the reference.
    runs
        Evaluations of the function, or passes of a mode; None where there is no derivative.
    seconds, bytes
        For the whole derivative, at best; SymPy's are those of the derived expression's evaluation, and of deriving it.
    estimated
        Whether they were measured on a part of the derivative and scaled.
    refusal
        Why the method gives no derivative; empty if it does.
    """

    name: str
    step: float | None = None
    error: float = math.nan
    runs: int | None = None
    seconds: float = math.nan
    bytes: int = 0
    estimated: bool = False
    refusal: str = ""


@dataclass(frozen=True)
class Growth:
    """The methods for one count of iterations.

    Attributes
    ----------
    count
        The count.
    function
        What the function itself costs.
    methods
        As in `Comparison`.
    operations, derivative_operations, shared_operations
        Of SymPy's expressions, written out, and of the derivative with each common part once; 0 where there are none.
    derivation
        Seconds that SymPy took to derive.
    """

    count: int
    function: Cost
    methods: tuple[Method, ...]
    operations: int = 0
    derivative_operations: int = 0
    shared_operations: int = 0
    derivation: float = math.nan

    def method(self, name: str) -> Method:
        """Return the method of this name."""
        return next(method for method in self.methods if method.name == name)


@dataclass(frozen=True, repr=False)
class Comparison:
    """Ways to one derivative side by side; prints as a table, `plot` and `figure` draw it.

    Attributes
    ----------
    function
        The function's name.
    size
        Number of results and of inputs.
    cost
        Time and memory of the function itself.
    reference
        What the errors are measured against, in words.
    methods
        One `Method` each.
    sweep
        Errors of differences over their steps.
    growth
        One `Growth` for each count that was asked for.
    notes
        What else is to be said, a sentence each.
    """

    function: str
    size: tuple[int, int]
    cost: Cost
    reference: str
    methods: tuple[Method, ...]
    sweep: Sweep
    growth: tuple[Growth, ...] = ()
    notes: tuple[str, ...] = ()

    def method(self, name: str) -> Method:
        """Return the method of this name."""
        return next(method for method in self.methods if method.name == name)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as dicts, lists, numbers and strings, ready for JSON (nan becomes None)."""
        return _plain({"function": self.function, "inputs": self.size[1], "results": self.size[0]} | _data(self))

    def figure(self) -> Figure:
        """Return the picture: the error over the step and, if counts were given, the growth (needs matplotlib)."""
        from adjoint.explain.compare_figure import figure

        return figure(self)

    def plot(self, path: str | None = None) -> None:
        """Show the picture in a window or a notebook, or save it (``.png``, ``.svg``, ``.pdf``)."""
        from adjoint.explain.compare_figure import plot

        plot(self, path)

    @property
    def title(self) -> str:
        """One line that says what was compared."""
        results, inputs = self.size
        return (
            f"derivative of {self.function}: {_counted(inputs, 'input')}, {_counted(results, 'result')}, "
            f"the function takes {in_seconds(self.cost.seconds)}"
        )

    def tables(self) -> list[tuple[str, list[tuple[str, ...]]]]:
        """Return the tables as text, each with its title; the first row has the headings."""
        tables = [(self.title, [HEADINGS, *(_row(method, self.cost) for method in self.methods)])]
        if self.growth:
            tables.append(("growth with the number of iterations (times the time of f)", _growth_rows(self.growth)))
        return tables

    def __repr__(self) -> str:
        return "\n\n".join(
            [*("\n".join([title, "", *aligned(rows)]) for title, rows in self.tables()), "\n".join(self._notes())]
        )

    def _notes(self) -> list[str]:
        return [f"error: {self.reference}", *self.notes]

    def __rich__(self) -> Any:
        from rich.console import Group
        from rich.text import Text

        parts: list[Any] = [_rich_table(title, rows) for title, rows in self.tables()]
        return Group(*parts, *[Text(note, style="dim") for note in self._notes()])

    def _repr_html_(self) -> str:
        tables = "".join(_html_table(title, rows) for title, rows in self.tables())
        notes = "".join(f"<li>{html.escape(note)}</li>" for note in self._notes())
        return f"<div>{tables}<ul>{notes}</ul></div>"


# Cells -----------------------------------------------------------------------------------------------------------------------


def _row(method: Method, function: Cost) -> tuple[str, ...]:
    if method.runs is None:
        return (method.name, "", "none", "", "", "", "")
    about = "≈ " if method.estimated else ""
    return (
        method.name,
        "" if method.step is None else f"{method.step:.1e}",
        "reference" if math.isnan(method.error) and method.name == FORWARD_MODE else _error(method.error),
        _runs(method),
        about + in_seconds(method.seconds),
        about + _ratio(method.seconds, function.seconds),
        in_bytes(method.bytes),
    )


def _runs(method: Method) -> str:
    if method.name in (FORWARD_MODE, REVERSE_MODE):
        return _counted(method.runs or 0, "pass")
    return f"{method.runs:,}" if method.name != SYMBOLIC else "0"


def _growth_rows(growth: tuple[Growth, ...]) -> list[tuple[str, ...]]:
    names = (CENTRAL, FORWARD_MODE, REVERSE_MODE)
    rows: list[tuple[str, ...]] = [
        ("n", "f", *names, "memory of reverse", "operations", "of derivative", "shared", "deriving took")
    ]
    for step in growth:
        ratios = [_ratio(step.method(name).seconds, step.function.seconds) for name in names]
        symbolic = [f"{step.operations:,}" if step.operations else "–"]
        symbolic += [f"{n:,}" if n else "–" for n in (step.derivative_operations, step.shared_operations)]
        kept = in_bytes(step.method(REVERSE_MODE).bytes)
        rows.append((str(step.count), in_seconds(step.function.seconds), *ratios, kept, *symbolic, in_seconds(step.derivation)))
    return rows


def _error(error: float) -> str:
    return "not found" if math.isnan(error) else "0" if error == 0 else f"{error:.1e}"


def _ratio(seconds: float, of: float) -> str:
    ratio = seconds / of
    return "–" if math.isnan(ratio) else f"{ratio:.1f}" if ratio < 99.5 else f"{ratio:,.0f}"


def in_seconds(seconds: float) -> str:
    """Return a time in its natural unit.

    >>> in_seconds(2.5e-6), in_seconds(0.3)
    ('2.5 µs', '300 ms')
    """
    if math.isnan(seconds):
        return "–"
    for unit, name in ((3600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if seconds >= 0.9995 * unit:
            return f"{seconds / unit:.3g} {name}"
    return f"{seconds / 1e-9:.3g} ns"


def in_bytes(count: float) -> str:
    """Return an amount of memory in its natural unit, powers of 1000.

    >>> in_bytes(512), in_bytes(2_500_000)
    ('512 B', '2.5 MB')
    """
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= 0.9995 * unit:
            return f"{count / unit:.3g} {name}"
    return f"{count:.0f} B" if count else "–"


def _counted(count: int, noun: str) -> str:
    plural = noun + ("es" if noun.endswith("s") else "s")
    return f"{count:,} {noun if count == 1 else plural}"


# Tables ----------------------------------------------------------------------------------------------------------------------


def aligned(rows: list[tuple[str, ...]]) -> list[str]:
    """Return a table as lines: the first column to the left, all others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [text.rjust(width) if i else text.ljust(width) for i, (text, width) in enumerate(zip(row, widths, strict=True))]
        lines.append("  ".join(cells).rstrip())
    return lines


def _rich_table(title: str, rows: list[tuple[str, ...]]) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, collapse_padding=True)
    for position, name in enumerate(rows[0]):
        table.add_column(name, justify="right" if position else "left", no_wrap=True)
    for row in rows[1:]:
        table.add_row(*row, style=_EXACT if row[0] in (FORWARD_MODE, REVERSE_MODE) else _PLAIN)
    return table


def _html_table(title: str, rows: list[tuple[str, ...]]) -> str:
    def line(row: tuple[str, ...], tag: str) -> str:
        weight = "font-weight:600;" if row[0] in (FORWARD_MODE, REVERSE_MODE) else ""
        cells = [
            f'<{tag} style="{weight}text-align:{"right" if i else "left"};padding:2px 10px">{html.escape(cell)}</{tag}>'
            for i, cell in enumerate(row)
        ]
        return f"<tr>{''.join(cells)}</tr>"

    caption = f'<caption style="text-align:left;font-weight:600;padding:12px 10px 4px">{html.escape(title)}</caption>'
    body = "".join(line(row, "td") for row in rows[1:])
    return f"<table>{caption}<thead>{line(rows[0], 'th')}</thead><tbody>{body}</tbody></table>"


# Data ------------------------------------------------------------------------------------------------------------------------


def _data(comparison: Comparison) -> dict[str, Any]:
    data = asdict(comparison)
    del data["size"]
    cost: dict[str, Any] = comparison.cost._asdict()
    growth = [
        step | {"function": each.function._asdict()} for step, each in zip(data["growth"], comparison.growth, strict=True)
    ]
    return data | {"cost": cost, "growth": growth}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
