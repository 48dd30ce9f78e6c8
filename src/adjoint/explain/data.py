"""An evaluation trace as dicts, lists, strings and numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.explain.record import Argument, Intermediate, Trace


def to_dict(trace: Trace) -> dict[str, Any]:
    """Return a trace as data that JSON can hold: complex numbers as ``{"re": ..., "im": ...}``, arrays as nested lists."""
    return {
        "function": trace.function,
        "inputs": trace.inputs,
        "nodes": [_node(node) for node in trace],
        "outputs": [{"node": output.node, "value": encoded(output.value)} for output in trace.outputs],
        "decisions": [
            {
                "function": d.function,
                "formula": d.text,
                "arguments": [_argument(a) for a in d.arguments],
                "result": encoded(d.result),
                "before": d.before,
                "place": _place(d.place),
            }
            for d in trace.decisions
        ],
    }


def _node(node: Intermediate) -> dict[str, Any]:
    return {
        "index": node.index,
        "label": node.label,
        "kind": node.kind,
        "name": node.name,
        "function": node.function,
        "formula": node.formula,
        "arguments": [_argument(a) for a in node.arguments],
        "value": encoded(node.value),
        "tangent": encoded(node.tangent),
        "adjoint": encoded(node.adjoint),
        "seed": encoded(node.seed),
        "contributions": [{"child": c.child, "position": c.position, "value": encoded(c.value)} for c in node.contributions],
        "partials": {str(k): encoded(p) for k, p in node.partials.items()},
        "place": _place(node.place),
    }


def _argument(argument: Argument) -> dict[str, Any]:
    return {"text": argument.text, "nodes": list(argument.nodes), "constant": encoded(argument.value)}


def _place(place: Any) -> dict[str, Any] | None:
    if place is None:
        return None
    return {
        "file": place.file,
        "line": place.line,
        "source": place.source,
        "function": place.function,
        "stack": [list(level) for level in place.stack],
        "groups": [{"kind": g.kind, "name": g.name, "line": g.line, "number": g.number} for g in place.groups],
    }


def encoded(x: Any) -> Any:
    """Return a value as JSON can hold it; what is neither number nor array as text."""
    if isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind != "O":
        x = x.tolist()
    if isinstance(x, complex):
        return {"re": x.real, "im": x.imag}
    if isinstance(x, (list, tuple)):
        return [encoded(part) for part in x]
    return x if x is None or isinstance(x, (bool, int, float, str)) else repr(x)
