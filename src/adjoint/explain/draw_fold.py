"""The boxes of a drawing: the intermediates of a trace, with calls, iterations and loops folded until they are few enough.

Only what the program did in one go is put into one box, so that the folded graph has no cycle either.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from adjoint.explain.places import Group
from adjoint.explain.record import Intermediate, Trace

# Boxes that a reader takes in.
READABLE = 100
# A loop of more iterations is shown by the first, the last, and one box for those between.
ITERATIONS = 4


@dataclass(frozen=True)
class Box:
    """Some intermediates that are drawn as one.

    Attributes
    ----------
    nodes
        The intermediates, one if nothing is folded.
    title
        What was folded: a call, an iteration, a loop; empty if nothing.
    exits
        Those intermediates that are used outside the box, or are results.
    """

    nodes: tuple[Intermediate, ...]
    title: str
    exits: tuple[Intermediate, ...]

    @property
    def is_folded(self) -> bool:
        """Whether there is more than one intermediate in it."""
        return len(self.nodes) > 1


@dataclass(frozen=True)
class Folded:
    """The boxes of a trace, in the order of the program, and the edges between them with the intermediates that they carry."""

    boxes: tuple[Box, ...]
    edges: dict[tuple[int, int], tuple[Intermediate, ...]]


def fold(trace: Trace, *, depth: int | None, limit: int = READABLE) -> Folded:
    """Fold a trace to ``depth`` levels of calls and loops; if that is None, as little as leaves ``limit`` boxes."""
    deepest = max((len(node.groups) for node in trace), default=0)
    if depth is not None:
        return _folded(trace, _runs(trace, depth, middles=True, lines=False))
    tries = [(deepest, False), *((d, True) for d in range(deepest, -1, -1))]
    for levels, middles in tries:
        runs = _runs(trace, levels, middles=middles, lines=False)
        if len(runs) <= limit:
            return _folded(trace, runs)
    return _folded(trace, _runs(trace, 0, middles=True, lines=True))


def unfolded(trace: Trace) -> Folded:
    """Return a trace with a box for each intermediate."""
    return _folded(trace, [("", [node]) for node in trace])


Run = tuple[str, list[Intermediate]]


def _runs(trace: Trace, depth: int, *, middles: bool, lines: bool) -> list[Run]:
    """Return the intermediates in runs that are to become boxes, each with its title."""
    last = _last_iterations(trace) if middles else {}
    runs: list[Run] = []
    for (key, title), found in groupby(trace, key=lambda node: _key(node, depth, last, lines=lines)):
        nodes = list(found)
        runs += [(title, nodes)] if key is not None else [("", [node]) for node in nodes]
    return runs


def _key(node: Intermediate, depth: int, last: dict[Hashable, int], *, lines: bool) -> tuple[Any, str]:
    """Return what an intermediate has in common with all others of its box (None if it has a box of its own), and the title."""
    if node.kind == "input":
        return None, ""
    groups = node.groups
    for level, group in enumerate(groups[:depth]):
        final = last.get(groups[:level], 0)
        if group.kind == "iteration" and final >= ITERATIONS and 0 < group.number < final:
            return (groups[:level], "between"), f"iterations 2 to {final} {_of_loop(groups[:level])}"
    if len(groups) > depth:
        # An iteration is nothing without its loop.
        cut = depth + 1
        return groups[:cut], _title(groups[:cut])
    if lines and node.place is not None:
        return (groups, node.place.line), f"line {node.place.line}: {node.place.source.strip()}"
    return None, ""


def _title(groups: tuple[Group, ...]) -> str:
    return groups[-1].title + (" " + _of_loop(groups[:-1]) if groups[-1].kind == "iteration" else "")


def _of_loop(groups: tuple[Group, ...]) -> str:
    """Return the line of the loop whose iterations these are."""
    return f"of {groups[-1].name}" if groups and groups[-1].kind == "loop" else ""


def _last_iterations(trace: Trace) -> dict[Hashable, int]:
    """Return the number of the last iteration of each loop."""
    last: dict[Hashable, int] = {}
    for node in trace:
        for level, group in enumerate(node.groups):
            if group.kind == "iteration":
                loop = node.groups[:level]
                last[loop] = max(last.get(loop, 0), group.number)
    return last


def _folded(trace: Trace, runs: list[Run]) -> Folded:
    home = {node.index: k for k, (_, nodes) in enumerate(runs) for node in nodes}
    results = {output.node for output in trace.outputs}
    used: dict[int, set[int]] = {}
    for node in trace:
        for parent in node.parents:
            used.setdefault(parent, set()).add(home[node.index])
    boxes = []
    for k, (title, nodes) in enumerate(runs):
        exits = tuple(n for n in nodes if n.index in results or used.get(n.index, set()) - {k})
        boxes.append(Box(tuple(nodes), title if len(nodes) > 1 else "", exits))
    edges: dict[tuple[int, int], list[Intermediate]] = {}
    for node, parent in _links(trace):
        ends = home[parent.index], home[node.index]
        if ends[0] != ends[1] and parent not in edges.setdefault(ends, []):
            edges[ends].append(parent)
    return Folded(tuple(boxes), {ends: tuple(nodes) for ends, nodes in sorted(edges.items())})


def _links(trace: Trace) -> Iterator[tuple[Intermediate, Intermediate]]:
    for node in trace:
        for parent in node.parents:
            yield node, trace[parent]
