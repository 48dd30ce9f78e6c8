"""Whether a page can recompute a trace: every function has a form in JavaScript, and nothing else depends on the inputs.

The trace replays the operations that were recorded.  A program may also have taken plain numbers out of traced values
(``int(x)``, ``stop_gradient(x)``), or read a clock; a replay would hold those fixed, in silence.  `obstacle` therefore runs the
function at some points around and compares.
"""

from __future__ import annotations

import contextlib
import copy
import io
import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from adjoint._api import tree
from adjoint.explain.javascript import form_of, value_of
from adjoint.explain.record import Argument, Decision, Intermediate, Trace

# A page computes as many intermediates while a slider moves, and has as many sliders.
NODES, SLIDERS = 2000, 8
Point = list[Any]  # for each input a float, or a list of floats


def obstacle(trace: Trace) -> str:
    """Return why a page cannot recompute the trace, empty if it can."""
    if len(trace) > NODES:
        return f"the trace has {len(trace)} intermediates, and a page recomputes at most {NODES}"
    for node in trace:
        reason = _obstacle_at(trace, node)
        if reason:
            return reason
    for decision in trace.decisions:
        if not all(map(_is_number, decision.arguments)) or len(decision.arguments) > 2 or not _has_form(decision):
            return f"the program asked {decision.text}{_at(decision)}, which the page cannot ask again"
    if sum(1 if isinstance(x, float) else len(x) for x in start_of(trace)) > SLIDERS:
        return f"there are more than {SLIDERS} numbers among the inputs"
    if any(np.ndim(output.value) for output in trace.outputs):
        return "the result is an array"
    return _disagreement(trace)


def _has_form(decision: Decision) -> bool:
    return decision.rule is not None and value_of(decision.rule.function) is not None and np.ndim(decision.result) == 0


def _at(thing: Decision | Intermediate) -> str:
    return f" (line {thing.place.line})" if thing.place else ""


def _obstacle_at(trace: Trace, node: Intermediate) -> str:
    """Return why a page cannot recompute one intermediate."""
    what = f"{node.label} = {node.formula}{_at(node)}"
    if node.kind in ("memory", "store"):
        return f"the program stores into an array{_at(node)}"
    if node.kind == "input":
        plain = _is_real(node.value) or (
            isinstance(node.value, np.ndarray) and node.value.ndim == 1 and node.value.dtype == float
        )
        return "" if plain else f"the input {node.name} is neither a real number nor a vector"
    if isinstance(node.value, (list, tuple)):
        return f"{what} has a rule of its own, without a form in JavaScript"
    if not _is_real(node.value):
        return f"{what} is an array" if np.ndim(node.value) else f"{what} is no real number"
    if node.kind == "read":
        return "" if read_of(trace, node) else f"{what} reads from an array that the program computed"
    form = form_of(node.rule.function, len(node.arguments)) if node.kind == "operation" else None
    if form is None or any(form[1][k] is None for k in node.partials):
        return f"{what} has no form in JavaScript"
    if node.options or len(node.arguments) > 2 or not all(map(_is_number, node.arguments)):
        return f"{what} is more than a function of one or two numbers"
    return ""


def _is_real(value: Any) -> bool:
    return isinstance(value, (float, np.float64))


def _is_number(argument: Argument) -> bool:
    if argument.nodes:
        return len(argument.nodes) == 1 and argument.text.lstrip("v-").isdigit()
    return isinstance(argument.value, (int, float, np.integer, np.floating)) and math.isfinite(argument.value)


def read_of(trace: Trace, node: Intermediate) -> tuple[int, int] | None:
    """Return the input and the element that an intermediate reads, None if it reads anything else."""
    source, index = node.arguments[:2]
    where = index.value[0] if isinstance(index.value, tuple) and len(index.value) == 1 else index.value
    if source.text.lstrip("v-").isdigit() and isinstance(where, (int, np.integer)) and trace[source.nodes[0]].kind == "input":
        return source.nodes[0], int(where) % len(trace[source.nodes[0]].value)
    return None


# Agreement with the function ------------------------------------------------------------------------------------------------


def start_of(trace: Trace) -> Point:
    """Return the inputs where the trace was recorded."""
    return [
        [float(x) for x in node.value] if np.ndim(node.value) else float(node.value) for node in trace if node.kind == "input"
    ]


def span_of(x: float) -> tuple[float, float]:
    """Return the range of a slider around a number."""
    reach = max(1.0, abs(x))
    return x - reach, x + reach


def _disagreement(trace: Trace) -> str:
    """Return why the recorded operations are not all that the result depends on, empty if no sign of that is found."""
    compared = 0
    for point in itertools.chain([start_of(trace)], _points(trace)):
        expected = replayed(trace, point)
        if expected is None:
            continue
        try:
            found = _run(trace, point)
        except Exception as error:
            return f"the function raises {type(error).__name__} near this point, where the recorded operations do not"
        if len(found) != len(expected) or not np.allclose(found, expected, rtol=1e-9, atol=1e-12):
            return (
                "the result depends on the inputs by more than the recorded operations: by a number that the program took out "
                "of a traced value (int, stop_gradient, ...), or by something outside of it"
            )
        compared += 1
    return "" if compared > 1 else "the program takes other ways all around this point"


def _points(trace: Trace) -> Iterator[Point]:
    """Yield points around the start: along each slider, and some in all directions."""
    start = start_of(trace)
    places = [(k, j) for k, x in enumerate(start) for j in (range(len(x)) if isinstance(x, list) else [None])]
    for k, j in places:
        for share in (0.03, 0.21, 0.37, 0.46, 0.54, 0.63, 0.79, 0.97):
            yield _moved(start, {(k, j): share})
    generator = np.random.default_rng(0)
    for _ in range(16):
        yield _moved(start, dict(zip(places, generator.random(len(places)), strict=True)))


def _moved(start: Point, shares: dict[tuple[int, int | None], float]) -> Point:
    point = copy.deepcopy(start)
    for (k, j), share in shares.items():
        x = start[k] if j is None else start[k][j]
        low, high = span_of(x)
        if j is None:
            point[k] = low + share * (high - low)
        else:
            point[k][j] = low + share * (high - low)
    return point


def replayed(trace: Trace, point: Point) -> list[float] | None:
    """Return the results of the recorded operations at a point, None where the program would take another way."""
    values: dict[int, Any] = {}
    asked = iter([*trace.decisions, None])
    decision = next(asked)
    with np.errstate(all="ignore"):
        for node in trace:
            while decision is not None and decision.before <= node.index:
                if _applied(decision.rule.function, decision.arguments, values) != decision.result:
                    return None
                decision = next(asked)
            values[node.index] = _value(trace, node, values, point)
            if not np.all(np.isfinite(values[node.index])):
                return None
        while decision is not None:
            if _applied(decision.rule.function, decision.arguments, values) != decision.result:
                return None
            decision = next(asked)
    return [float(output.value) if output.node is None else float(values[output.node]) for output in trace.outputs]


def _value(trace: Trace, node: Intermediate, values: dict[int, Any], point: Point) -> Any:
    if node.kind == "input":
        return point[node.index + trace.inputs - 1]
    if node.kind == "read":
        source, element = read_of(trace, node) or (0, 0)
        return values[source][element]
    return _applied(node.rule.function, node.arguments, values)


def _applied(function: Any, arguments: tuple[Argument, ...], values: dict[int, Any]) -> Any:
    # As floats: integer powers of integers raise.
    return function(*[np.float64(values[a.nodes[0]]) if a.nodes else a.value for a in arguments])


def _run(trace: Trace, point: Point) -> list[float]:
    """Run the user's function at a point, without its output."""
    args = list(copy.deepcopy(trace.args))
    numbers = iter(point)
    for k in trace.positions:
        leaves, structure = tree.flatten(args[k])
        args[k] = tree.unflatten(structure, [_like(leaf, numbers) for leaf in leaves])
    with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
        result = trace.callable(*args)
    return [float(leaf) for leaf in tree.flatten(result)[0]]


def _like(leaf: Any, numbers: Iterator[Any]) -> Any:
    """Return the next number in the form of a leaf; a leaf that is not differentiated as it is."""
    kind = getattr(getattr(leaf, "dtype", None), "kind", "f" if isinstance(leaf, (float, int)) and leaf is not True else "")
    if isinstance(leaf, bool) or kind not in ("f", "c"):
        return leaf
    number = next(numbers)
    return np.array(number) if isinstance(leaf, np.ndarray) else type(leaf)(number) if isinstance(leaf, np.generic) else number
