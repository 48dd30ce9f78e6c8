"""What is printed: ratios, geometric means, first calls, memory, and the reasons of what is missing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.gradbench.timing import Timed

Times = dict[str, dict[str, Timed]]
RATIOS: dict[str, tuple[tuple[str, str], tuple[str, str]]] = {
    "f / numba": (("adjoint", "function"), ("numba", "function")),
    "d / f": (("adjoint", "derivative"), ("adjoint", "function")),
    "jax d / d": (("jax", "derivative"), ("adjoint", "derivative")),
    "torch d / d": (("torch", "derivative"), ("adjoint", "derivative")),
    "autograd d / d": (("autograd", "derivative"), ("adjoint", "derivative")),
}


@dataclass
class Row:
    """What was found for one form of one problem at one size."""

    problem: str
    kind: str
    form: str
    size: str
    times: Times
    reasons: dict[str, str] = field(default_factory=dict)
    memory: dict[str, int | str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The name of the row."""
        return f"{self.problem:9}{self.form:6} {self.size:7}"

    def ratio(self, name: str) -> float | None:
        """Return one of `RATIOS`, of the shortest turns; None where something was not measured."""
        above, below = (self.times.get(tool, {}).get(what) for tool, what in RATIOS[name])
        return above.least / below.least if above and below else None

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data."""
        times = {
            tool: {what: {"first": t.first, "least": t.least, "median": t.median, "turns": t.turns} for what, t in of.items()}
            for tool, of in self.times.items()
        }
        ratios = {name: self.ratio(name) for name in RATIOS}
        names = "problem", "kind", "form", "size", "reasons", "memory"
        return {name: getattr(self, name) for name in names} | {"times": times, "ratios": ratios}


def mean(ratios: Iterable[float | None]) -> float | None:
    """Return the geometric mean of those that there are."""
    logs = [math.log(ratio) for ratio in ratios if ratio]
    return math.exp(sum(logs) / len(logs)) if logs else None


def in_seconds(seconds: float | None) -> str:
    """Return seconds in a unit that suits."""
    if seconds is None:
        return "-"
    unit, factor = next((u, f) for u, f in (("s", 1.0), ("ms", 1e3), ("us", 1e6)) if seconds * f >= 1 or u == "us")
    return f"{seconds * factor:.3g} {unit}"


def as_ratio(ratio: float | None) -> str:
    """Return a ratio with three digits."""
    return "-" if ratio is None else f"{ratio:.3g}" if ratio < 1000 else f"{ratio:.0f}"


def ratios(rows: Sequence[Row]) -> list[str]:
    """Return the table of times and ratios with its geometric means."""
    lines = [f"{'':23}{'our f':>9}{'our d':>9}" + "".join(f"{name:>16}" for name in RATIOS)]
    for row in rows:
        ours = row.times.get("adjoint", {})
        seconds = [in_seconds(ours[what].least) if what in ours else "-" for what in ("function", "derivative")]
        lines.append(f"{row.label}{seconds[0]:>9}{seconds[1]:>9}" + "".join(f"{as_ratio(row.ratio(n)):>16}" for n in RATIOS))
    lines.append("geometric means")
    groups: dict[str, Callable[[Row], bool]] = {
        "all": lambda _: True,
        "loops": lambda row: row.form == "loops",
        "numpy": lambda row: row.form == "numpy",
    }
    for group, belongs in groups.items():
        means = [mean(row.ratio(name) for row in rows if belongs(row)) for name in RATIOS]
        lines.append(f"{group:41}" + "".join(f"{as_ratio(ratio):>16}" for ratio in means))
    return lines


def first_calls(rows: Sequence[Row], tools: Sequence[str]) -> list[str]:
    """Return the table of first calls, which translate and compile, at the first size of each problem."""
    columns = [(tool, what) for tool in tools for what in ("function", "derivative") if (tool, what) != ("numba", "derivative")]
    lines = [f"{'':23}" + "".join(f"{tool + ' ' + what[0]:>13}" for tool, what in columns)]
    seen = set()
    for row in rows:
        if (row.problem, row.form) not in seen:
            seen.add((row.problem, row.form))
            found = [row.times.get(tool, {}).get(what) for tool, what in columns]
            lines.append(row.label + "".join(f"{in_seconds(timed and timed.first):>13}" for timed in found))
    return lines


def memory(rows: Sequence[Row], tools: Sequence[str]) -> list[str]:
    """Return the table of the peak memory of the derivative."""
    lines = [f"{'':23}" + "".join(f"{tool:>13}" for tool in tools)]
    for row in rows:
        if row.memory:
            cells = [row.memory.get(tool) for tool in tools]
            lines.append(row.label + "".join(f"{in_megabytes(cell):>13}" for cell in cells))
    return lines


def in_megabytes(found: int | str | None) -> str:
    """Return bytes as megabytes."""
    return f"{found / 1e6:.1f} MB" if isinstance(found, int) else "-"


def reasons(rows: Sequence[Row]) -> list[str]:
    """Return why cells are empty: each reason once, with the rows it holds for."""
    where: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for tool, reason in row.reasons.items():
            where.setdefault((tool, reason), []).append(f"{row.problem}/{row.form}/{row.size}")
        for tool, found in row.memory.items():
            if isinstance(found, str):
                where.setdefault((f"memory of {tool}", found), []).append(f"{row.problem}/{row.form}/{row.size}")
    return [f"{tool}: {reason} ({', '.join(places)})" for (tool, reason), places in where.items()]
