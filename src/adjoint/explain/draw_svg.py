"""The SVG of a drawing: boxes with primal and adjoint, and curves between them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

import numpy as np

from adjoint.explain.draw_fold import Box, Folded
from adjoint.explain.draw_layout import Place, lay_out
from adjoint.explain.formulas import value_text
from adjoint.explain.record import Intermediate, Trace

MARGIN = 24.0
HEAD = 58.0
LINE = 17.0
SIZE = 13.0  # of the text
WIDEST = 36  # letters in a line of a box
PAD = 11.0
EXITS = 3  # intermediates that leave a folded box and are shown
FONT = "'DejaVu Sans', 'Segoe UI', Verdana, Helvetica, sans-serif"
# Primal and adjoint in Okabe and Ito's blue and vermilion, which all people tell apart.
INK, PRIMAL, ADJOINT, FAINT, LINES = "#1b1f24", "#0060a0", "#c04a00", "#6b7280", "#8a94a3"
FILLS = {
    "input": ("#e7f4ec", "#2f855a"),
    "result": ("#fff4e0", "#b7791f"),
    "operation": ("#ffffff", "#8a94a3"),
    "folded": ("#eef2f8", "#5b6f8c"),
    "folded result": ("#fff4e0", "#b7791f"),
}
_SUBSCRIPTS = str.maketrans("-0123456789", "₋₀₁₂₃₄₅₆₇₈₉")


@dataclass(frozen=True)
class _Line:
    """A line of a box: one text in its middle, or several spread over its width, each with its colour."""

    pieces: tuple[tuple[str, str], ...]
    bold: bool = False

    @property
    def width(self) -> float:
        if len(self.pieces) == 3:  # so that the one in the middle has room there
            left, middle, right = (_width(text) for text, _ in self.pieces)
            return middle + 2 * max(left, right) + 24.0
        return (sum(_width(text) for text, _ in self.pieces) + 12.0 * (len(self.pieces) - 1)) * (1.08 if self.bold else 1.0)

    def places(self, left: float, width: float) -> list[tuple[float, str]]:
        """Return where each piece stands, and which end of it."""
        if len(self.pieces) == 1:
            return [(left + width / 2, "middle")]
        inner = [(left + width / 2, "middle")] * (len(self.pieces) - 2)
        return [(left + PAD, "start"), *inner, (left + width - PAD, "end")]


def svg_of(trace: Trace, folded: Folded, title: str) -> str:
    """Return the drawing as the text of an SVG file."""
    texts = [_lines(box) for box in folded.boxes]
    sizes = [_size(lines) for lines in texts]
    top = frozenset(k for k, box in enumerate(folded.boxes) if box.nodes[0].kind == "input")
    layout = lay_out(sizes, list(folded.edges), top)
    title = _cut(title, max(int(layout.width / (SIZE * 0.85)), 50))
    width = max(layout.width, _width(title) * 1.32, 390.0) + 2 * MARGIN
    height = layout.height + HEAD + 2 * MARGIN
    shift = (width - layout.width) / 2, HEAD + MARGIN
    results = {output.node for output in trace.outputs}
    parts = [*_head(title, width, height)]
    for (ends, carried), route in zip(folded.edges.items(), layout.routes, strict=True):
        parts += _edge([(x + shift[0], y + shift[1]) for x, y in route], _carried(carried, folded.boxes[ends[1]]))
    for box, lines, size, center in zip(folded.boxes, texts, sizes, layout.centers, strict=True):
        parts += _drawn(box, lines, size, (center[0] + shift[0], center[1] + shift[1]), results)
    return "\n".join([*parts, "</svg>\n"])


def _head(title: str, width: float, height: float) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="{FONT}" font-size="{SIZE:g}" role="img">'
    )
    yield f"<title>{escape(title)}</title>"
    yield '<rect width="100%" height="100%" fill="#ffffff"/>'
    yield f'<text x="{MARGIN}" y="{MARGIN + 10}" font-size="16" font-weight="bold" fill="{INK}">{escape(title)}</text>'
    value, adjoint = (f'<tspan fill="{c}" font-weight="bold">{t}</tspan>' for t, c in (("value", PRIMAL), ("adjoint", ADJOINT)))
    legend = f"each box: what it computes, its {value} and its {adjoint}"
    yield f'<text x="{MARGIN}" y="{MARGIN + 32}" fill="{FAINT}">{legend}</text>'


# Boxes -----------------------------------------------------------------------------------------------------------------------


def _lines(box: Box) -> list[_Line]:
    if not box.is_folded:
        node = box.nodes[0]
        return [
            _Line(((subscripted(_formula(node)), INK),), bold=True),
            _Line((("value", FAINT), (_value(node.value), PRIMAL))),
            _Line((("adjoint", FAINT), (_value(node.adjoint), ADJOINT))),
        ]
    lines = [_Line(((_cut(box.title.rstrip(":"), 48), INK),), bold=True), _Line(((_operations(box), FAINT),))]
    shown = box.exits if len(box.exits) <= EXITS else box.exits[-EXITS:]
    if len(box.exits) > EXITS:
        lines.append(_Line(((f"{len(box.exits)} values leave it, the last are", FAINT),)))
    for node in shown:
        lines.append(_Line(((subscripted(node.label), INK), (_value(node.value), PRIMAL), (_value(node.adjoint), ADJOINT))))
    return lines


def _formula(node: Intermediate) -> str:
    return _cut(f"{node.label} = {node.formula}")


def _value(value: object) -> str:
    return _cut(value_text(value, digits=5))


def _operations(box: Box) -> str:
    count = sum(node.kind in ("operation", "store", "read") for node in box.nodes)
    return f"{count} operation{'s' * (count != 1)}"


def _size(lines: list[_Line]) -> tuple[float, float]:
    return max(max(line.width for line in lines) + 2 * PAD, 100.0), len(lines) * LINE + 14


def _drawn(box: Box, lines: list[_Line], size: tuple[float, float], center: Place, results: set[int | None]) -> Iterator[str]:
    (width, height), (x, y) = size, center
    left, top = x - width / 2, y - height / 2
    kind = _kind(box, results)
    fill, line = FILLS[kind]
    dead = all(_is_zero(node) for node in (box.exits or box.nodes[-1:]))
    faded = ' opacity="0.45"' if dead else ""
    yield f"<g{faded}><title>{escape(_tooltip(box))}</title>"
    if box.is_folded:  # a stack of cards
        for step in (6, 3):
            yield _rect(left + step, top + step, width, height, fill, line)
    yield _rect(left, top, width, height, fill, line, 1.2 if kind in ("operation", "folded") else 2.0)
    for k, text in enumerate(lines):
        baseline = top + 7 + LINE * k + 12.5
        weight = ' font-weight="bold"' if text.bold else ""
        for (piece, colour), (at, anchor) in zip(text.pieces, text.places(left, width), strict=True):
            yield (
                f'<text x="{at:.1f}" y="{baseline:.1f}" text-anchor="{anchor}" fill="{colour}"{weight}>{escape(piece)}</text>'
            )
    yield "</g>"


def _kind(box: Box, results: set[int | None]) -> str:
    if box.is_folded:
        return "folded result" if any(node.index in results for node in box.exits) else "folded"
    node = box.nodes[0]
    return "input" if node.kind == "input" else "result" if node.index in results else "operation"


def _rect(x: float, y: float, width: float, height: float, fill: str, line: str, stroke: float = 1.2) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="7" '
        f'fill="{fill}" stroke="{line}" stroke-width="{stroke}"/>'
    )


def _tooltip(box: Box) -> str:
    node = box.nodes[0]
    lines = [box.title] if box.is_folded else [f"{subscripted(node.label)} = {subscripted(node.formula)}"]
    if box.is_folded:
        lines += [f"{_operations(box)}, {subscripted(node.label)} to {subscripted(box.nodes[-1].label)}"]
    if node.place is not None:
        lines += [f"line {node.place.line}: {node.place.source.strip()}"]
    if not box.is_folded and node.tangent is not None:
        lines += [f"tangent {value_text(node.tangent)}"]
    return "\n".join(lines)


def _is_zero(node: Intermediate) -> bool:
    parts = node.adjoint if isinstance(node.adjoint, (list, tuple)) else [node.adjoint]
    return not any(np.any(part) for part in parts)


# Edges -----------------------------------------------------------------------------------------------------------------------


def _edge(route: list[Place], tooltip: str) -> Iterator[str]:
    """Draw an edge that leaves and enters vertically; an arrow at its end."""
    (x, y), tip = route[0], route[-1]
    path = [f"M{x:.1f},{y:.1f}"]
    for x2, y2 in [*route[1:-1], (tip[0], tip[1] - 6)]:
        if abs(x2 - x) < 0.5:
            path.append(f"L{x2:.1f},{y2:.1f}")
        else:
            middle = (y + y2) / 2
            path.append(f"C{x:.1f},{middle:.1f} {x2:.1f},{middle:.1f} {x2:.1f},{y2:.1f}")
        x, y = x2, y2
    yield f'<path d="{" ".join(path)}" fill="none" stroke="{LINES}" stroke-width="1.4"><title>{escape(tooltip)}</title></path>'
    a, b = tip
    yield f'<path d="M{a - 4:.1f},{b - 8:.1f} L{a + 4:.1f},{b - 8:.1f} L{a:.1f},{b:.1f} Z" fill="{LINES}"/>'


def _carried(nodes: tuple[Intermediate, ...], target: Box) -> str:
    """Return what an edge means: the intermediate, and what comes back along it."""
    children = {node.index for node in target.nodes}
    lines = []
    for node in nodes:
        back = [c.value for c in node.contributions if c.child in children]
        text = " + ".join(value_text(value) for value in back) or "0"
        lines.append(f"{subscripted(node.label)} = {value_text(node.value)}; back to its adjoint comes {text}")
    return "\n".join(lines)


# Letters ---------------------------------------------------------------------------------------------------------------------


def subscripted(text: str) -> str:
    """Return a formula with the indices of intermediates set low.

    >>> subscripted("v3 = v-1 / v0")
    'v₃ = v₋₁ / v₀'
    """
    return re.sub(r"\bv(-?\d+)\b", lambda match: "v" + match[1].translate(_SUBSCRIPTS), text)


def _cut(text: str, letters: int = WIDEST) -> str:
    return text if len(text) <= letters else text[: letters - 1] + "…"


def _width(text: str) -> float:
    """Return about the width of a text: letters of a proportional font in thirds of its size."""
    narrow = sum(letter in "il.,;:'|!()[]₋ " for letter in text)
    low = sum(letter in "₀₁₂₃₄₅₆₇₈₉" for letter in text)
    wide = sum(letter in "mwMW=+−×…" for letter in text)
    rest = len(text) - narrow - low - wide
    return SIZE * (0.38 * narrow + 0.42 * low + 0.88 * wide + 0.63 * rest)
