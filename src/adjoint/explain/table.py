"""The rows of an evaluation trace as they are shown: the intermediates, with loops and long traces folded."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from adjoint._rules import kinds
from adjoint.explain.formulas import label_of, value_text
from adjoint.explain.record import Intermediate, Trace

# Of a loop with more iterations only the first and the last are shown.
ITERATIONS = 3
# As many contributions to an adjoint are shown.
TERMS = 5
# Of a trace with more rows only the first and the last are shown.
ROWS = 60


@dataclass(frozen=True, slots=True)
class Fold:
    """Intermediates that are not shown: the first and last index, how many, and what they are."""

    first: int
    last: int
    count: int
    what: str

    @property
    def text(self) -> str:
        """The line that is shown in their place."""
        return f"{self.what}: {label_of(self.first)} … {label_of(self.last)}, {self.count} intermediates"


Row = Intermediate | Fold


def rows_of(trace: Trace, *, fold: bool) -> list[Row]:
    """Return the intermediates in order, with a `Fold` in place of those that are not shown."""
    if not fold:
        return list(trace)
    rows = list(_without_iterations(trace))
    if len(rows) > ROWS:
        middle = [n for row in rows[ROWS // 2 : -ROWS // 2] for n in _nodes_in(trace, row)]
        rows = [*rows[: ROWS // 2], Fold(middle[0].index, middle[-1].index, len(middle), "folded"), *rows[-ROWS // 2 :]]
    return rows


def _nodes_in(trace: Trace, row: Row) -> list[Intermediate]:
    return [trace[k] for k in range(row.first, row.last + 1)] if isinstance(row, Fold) else [row]


def _without_iterations(trace: Trace) -> Iterator[Row]:
    """Yield the rows with the inner iterations of loops folded."""
    last: dict[int, int] = {}
    for node in trace:
        for loop, iteration in zip(node.groups, node.groups[1:], strict=False):
            if loop.kind == "loop":
                last[loop.number] = max(last.get(loop.number, 0), iteration.number)
    for key, nodes in itertools.groupby(trace, lambda node: _folded_in(node, last)):
        run = list(nodes)
        if key is None or len(run) == 1:
            yield from run
        else:
            yield _fold(run, key, last)


def _folded_in(node: Intermediate, last: dict[int, int]) -> tuple[int, str] | None:
    """Return number and name of the outermost loop in whose inner iterations a node stands."""
    for loop, iteration in zip(node.groups, node.groups[1:], strict=False):
        if loop.kind == "loop" and last[loop.number] >= ITERATIONS and 0 < iteration.number < last[loop.number]:
            return loop.number, loop.name
    return None


def _fold(hidden: list[Intermediate], key: tuple[int, str], last: dict[int, int]) -> Fold:
    number, name = key
    what = f"iterations 2 to {last[number]} of {last[number] + 1} of `{name.removesuffix(':')}`"
    return Fold(hidden[0].index, hidden[-1].index, len(hidden), what)


# Cells ------------------------------------------------------------------------------------------------------------------------


def line_of(node: Intermediate) -> str:
    """Return the user's line of an intermediate: file name, line number and text."""
    if node.place is None:
        return ""
    return f"{os.path.basename(node.place.file)}:{node.place.line}" + (f"  {node.place.source}" if node.place.source else "")


def signed_sum(node: Intermediate, *, fold: bool = True) -> str:
    """Return an adjoint as the sum of its contributions: ``2.98 (v7) - 2.67 (v1)``."""
    terms = [(value_text(node.seed, fold=fold), "seed")] if node.seed is not None else []
    terms += [(value_text(c.value, fold=fold), label_of(c.child)) for c in node.contributions]
    count = TERMS if fold and len(terms) > TERMS + 1 else len(terms)
    text = ""
    for value, source in terms[:count]:
        minus = value.startswith("-")
        text += (" - " if minus else " + ") if text else ("-" if minus else "")
        text += f"{value.removeprefix('-')} ({source})"
    text += f" + {len(terms) - count} more" if count < len(terms) else ""
    return text or "0 (no path to the result)"


def caption_of(trace: Trace) -> str:
    """Return the call and its result: ``f(x1=1.5, x2=0.5) = 2.01665``."""
    inputs = ", ".join(f"{node.name}={value_text(node.value)}" for node in trace if node.kind == "input")
    results = ", ".join(value_text(output.value) for output in trace.outputs)
    return f"{trace.function}({inputs}) = {results}"


def direction_of(trace: Trace) -> str:
    """Return the direction of the tangents in words: ``x1=1, x2=0``."""
    return ", ".join(f"{node.name}={value_text(node.tangent)}" for node in trace if node.kind == "input")


def slopes_agree(trace: Trace) -> tuple[float, float]:
    """Return the directional derivative of the seeded result by the forward and by the reverse pass, which are equal."""
    ends = {output.node for output in trace.outputs if output.node is not None}
    forward = sum(_pair(trace[k].seed, trace[k].tangent) for k in ends)
    return forward, sum(_pair(node.adjoint, node.tangent) for node in trace if node.kind == "input")


def _pair(ct: object, t: object) -> float:
    """Return the real inner product of a cotangent and a tangent."""
    return 0.0 if ct is None else float(np.sum(np.real(kinds.conj(ct) * np.asarray(t))))
