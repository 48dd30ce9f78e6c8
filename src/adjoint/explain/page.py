"""The evaluation trace as one HTML page that needs nothing else: data, style and program are in it.

`model_of` gives the data; `assets/page.js` steps through the passes and, where `replay.obstacle` finds none, recomputes the
trace when a slider moves, with the functions that `javascript` made from the rule book.
"""

from __future__ import annotations

import inspect
import json
import linecache
import math
import os
from html import escape
from typing import Any

import numpy as np

from adjoint.explain.data import encoded
from adjoint.explain.formulas import value_text
from adjoint.explain.javascript import form_of, formula_text, value_of
from adjoint.explain.record import Argument, Intermediate, Trace
from adjoint.explain.replay import NODES, obstacle, read_of, span_of
from adjoint.explain.table import Fold, caption_of, direction_of, rows_of

_ASSETS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "assets")
KINDS = {
    "input": "An input. Its tangent is the chosen direction; its adjoint is the derivative of the result.",
    "memory": "An array that the program made, and stored into later.",
    "read": "Elements read from an array: linear. The way back adds the adjoint to the place that was read.",
    "store": "A store into an array. The way back takes the adjoint of the place for the stored value, and sets it to zero.",
    "part": "One array of a result that is a tuple.",
    "elementwise": "Elementwise: the rule book states the partial derivatives.",
    "linear": "Linear: forward by the function itself, back by its transpose.",
    "bilinear": "Linear in each of two arguments: forward by the product rule, back by two transposes.",
    "general": "The rule book states how a tangent passes, and how a cotangent passes, for the function as a whole.",
}


def page_of(trace: Trace) -> str:
    """Return the page as text."""
    model = model_of(trace)
    data = json.dumps(model, ensure_ascii=False, allow_nan=False).replace("</", "<\\/").replace("<!--", "<\\!--")
    script = _asset("page.js").replace("/*FUNCTIONS*/", "" if model["obstacle"] else functions_of(trace))
    parts = {
        "{{title}}": escape(caption_of(trace)),
        "{{style}}": _asset("page.css"),
        "{{data}}": data,
        "{{script}}": script,
    }
    page = _asset("page.html")
    for mark, text in parts.items():
        before, _, after = page.partition(mark)
        page = before + text + after
    return page


def _asset(name: str) -> str:
    with open(os.path.join(_ASSETS, name), encoding="utf-8") as file:
        return file.read()


def functions_of(trace: Trace) -> str:
    """Return the functions of a trace in JavaScript, as entries of the table that the page's program has for them."""
    entries = {}
    for node in trace:
        form = form_of(node.rule.function, len(node.arguments)) if node.kind == "operation" else None
        if form:
            entries[node.function] = f"{{ value: {form[0]}, partials: [{', '.join(p or 'null' for p in form[1])}] }}"
    for decision in trace.decisions:
        entries[decision.function] = f"{{ value: {value_of(decision.rule.function)}, partials: [] }}"
    return "\n".join(f"  {json.dumps(name)}: {text}," for name, text in entries.items())


def model_of(trace: Trace) -> dict[str, Any]:
    """Return the data of the page."""
    reason = obstacle(trace)
    rows = rows_of(trace, fold=True)
    whole = len(trace) <= NODES
    shown = list(trace) if whole else [row for row in rows if not isinstance(row, Fold)]
    files, sources = _sources(trace, shown)
    units = [
        {"fold": [row.first, row.last], "text": row.text, "opens": whole} if isinstance(row, Fold) else {"node": row.index}
        for row in rows
    ]
    return {
        "caption": caption_of(trace),
        "function": trace.function,
        "direction": direction_of(trace),
        "inputs": trace.inputs,
        "count": len(trace),
        "obstacle": reason,
        "nodes": [_node(trace, node, files, computed=not reason) for node in shown],
        "units": units,
        "outputs": [output.node for output in trace.outputs],
        "sources": sources,
        "decisions": [] if reason else [_decision(d) for d in trace.decisions],
        "sliders": [] if reason else _sliders(trace),
    }


def _node(trace: Trace, node: Intermediate, files: dict[tuple[str, str], int], *, computed: bool) -> dict[str, Any]:
    """Return what the page shows of an intermediate and, if it is ``computed`` there, what it takes to do so."""
    place = node.place
    shown = {
        "index": node.index,
        "kind": node.kind,
        "name": node.name,
        "formula": node.formula,
        "text": [value_text(x) for x in (node.value, node.tangent, node.adjoint)],
        "seed": None if node.seed is None else value_text(node.seed),
        "from": [[c.child, c.position, value_text(c.value)] for c in node.contributions],
        "partials": [[k, _partial_text(node, k), value_text(p), node.arguments[k].text] for k, p in node.partials.items()],
        "function": node.function,
        "rule": KINDS[node.rule.kind if node.kind == "operation" else node.kind],
        "parents": list(node.parents),
        "source": None if place is None else [files[place.file, place.function], place.line],
        "stack": [] if place is None else [list(level) for level in place.stack],
        "groups": [group.title for group in node.groups if group.kind != "loop"],
    }
    if computed:
        shown["raw"] = [_number(x) for x in (node.value, node.tangent, 0.0 if node.seed is None else node.seed)]
        shown["args"] = [_argument(a) for a in node.arguments]
        shown["active"] = list(node.partials)
        shown["read"] = read_of(trace, node) if node.kind == "read" else None
    return shown


def _partial_text(node: Intermediate, position: int) -> str:
    formula = node.rule.formulas[position]
    return formula_text(formula, [node.label, *(a.text for a in node.arguments)])


def _number(x: Any) -> Any:
    """Return a number, or a list of them, as JSON holds it."""
    x = encoded(x)
    if isinstance(x, list):
        return [_number(part) for part in x]
    return x if math.isfinite(x) else str(float(x))


def _argument(a: Argument) -> dict[str, Any]:
    if a.nodes:
        return {"node": a.nodes[0]}
    return {"constant": float(a.value) if isinstance(a.value, (int, float, np.number)) else None}


def _decision(d: Any) -> dict[str, Any]:
    line = f" (line {d.place.line})" if d.place else ""
    result = encoded(d.result)
    return {
        "function": d.function,
        "args": [_argument(a) for a in d.arguments],
        "result": result,
        "text": f"{d.text}{line}",
        "before": d.before,
    }


def _sliders(trace: Trace) -> list[dict[str, Any]]:
    """Return a slider for each number among the inputs: the input, its element, its name and its range."""
    sliders = []
    for node in trace:
        if node.kind != "input":
            continue
        elements = [(None, node.name, node.value)]
        if np.ndim(node.value):
            elements = [(k, f"{node.name}[{k}]", x) for k, x in enumerate(node.value)]
        for element, name, x in elements:
            low, high = span_of(float(x))
            sliders.append({"node": node.index, "element": element, "name": name, "low": low, "high": high, "value": float(x)})
    return sliders


def _sources(trace: Trace, shown: list[Intermediate]) -> tuple[dict[tuple[str, str], int], list[dict[str, Any]]]:
    """Return the source text of every function in which an intermediate was computed, and its number by file and name."""
    used: dict[tuple[str, str], list[int]] = {}
    for node in shown:
        if node.place is not None:
            used.setdefault((node.place.file, node.place.function), []).append(node.place.line)
    numbers, sources = {}, []
    for key, lines in used.items():
        file, function = key
        first, last = min(lines), max(lines)
        if function == trace.function:
            first, last = _extent(trace.callable, first, last)
        text = [linecache.getline(file, line).rstrip("\n") for line in range(first, last + 1)]
        numbers[key] = len(sources)
        sources.append({"file": os.path.basename(file), "function": function, "first": first, "lines": text})
    return numbers, sources


def _extent(function: Any, first: int, last: int) -> tuple[int, int]:
    """Return the first and last line of a function, if its source is known."""
    try:
        lines, start = inspect.getsourcelines(function)
    except (OSError, TypeError):
        return first, last
    return min(start, first), max(start + len(lines) - 1, last)
