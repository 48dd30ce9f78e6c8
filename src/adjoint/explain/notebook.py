"""An evaluation trace in a notebook: one table in HTML or in Markdown."""

from __future__ import annotations

from html import escape

from adjoint.explain.formulas import value_text
from adjoint.explain.record import Intermediate, Trace
from adjoint.explain.table import Fold, caption_of, direction_of, line_of, rows_of, signed_sum

HEADINGS = ("", "formula", "value", "tangent", "adjoint", "= contributions (of child)", "line")
_CELL = "padding:.2em .7em;text-align:{};white-space:nowrap;font-variant-numeric:tabular-nums;{}"
_ALIGN = ("left", "left", "right", "right", "right", "left", "left")
_CODE = "font-family:ui-monospace,monospace;"


def cells_of(node: Intermediate, *, fold: bool) -> list[str]:
    """Return the cells of an intermediate, in the order of the headings."""
    values = [value_text(x, fold=fold) for x in (node.value, node.tangent, node.adjoint)]
    return [node.label, node.formula, *values, signed_sum(node, fold=fold), line_of(node)]


def markdown_table(trace: Trace, *, fold: bool) -> str:
    """Return the trace as a table in Markdown."""
    lines = [
        f"`{caption_of(trace)}`, tangents along `{direction_of(trace)}`; adjoints are read from the bottom up",
        "",
        f"| {' | '.join(HEADINGS)} |",
        "|:--|:--|--:|--:|--:|:--|:--|",
    ]
    for row in rows_of(trace, fold=fold):
        if isinstance(row, Fold):
            lines.append(f"| … | {_safe(row.text)} | | | | | |")
        else:
            cells = [_safe(cell) for cell in cells_of(row, fold=fold)]
            lines.append(
                "| " + " | ".join(f"`{cell}`" if k in (0, 1, 6) and cell else cell for k, cell in enumerate(cells)) + " |"
            )
    return "\n".join(lines)


def _safe(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def html_table(trace: Trace, *, fold: bool) -> str:
    """Return the trace as a table in HTML, in the colours of the page around it."""
    head = "".join(
        f'<th scope="col" style="{_CELL.format(_ALIGN[k], "")}">{escape(name)}</th>' for k, name in enumerate(HEADINGS)
    )
    body = []
    for row in rows_of(trace, fold=fold):
        if isinstance(row, Fold):
            style = _CELL.format("left", "opacity:.7;")
            cells = f'<td style="{style}">…</td><td colspan="6" style="{style}">{escape(row.text)}</td>'
            body.append(f"<tr>{cells}</tr>")
            continue
        cells = []
        for k, text in enumerate(cells_of(row, fold=fold)):
            style = _CELL.format(_ALIGN[k], _CODE if k in (0, 1, 6) else "")
            cells.append(f'<td style="{style}">{escape(text)}</td>')
        body.append(f"<tr>{''.join(cells)}</tr>")
    caption = f"{escape(caption_of(trace))}, tangents along {escape(direction_of(trace))}; adjoints are read from the bottom up"
    return (
        '<div style="overflow-x:auto"><table style="border-collapse:collapse">'
        f'<caption style="text-align:left;caption-side:top;padding:.4em .7em">{caption}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )
