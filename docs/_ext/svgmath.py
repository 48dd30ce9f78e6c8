"""Formulas as pictures in the page: no JavaScript, no fonts from elsewhere, no LaTeX to build, the same in every browser.

Sphinx has renderers for MathJax, which readers would have to load from the network, and for pictures, which need LaTeX.
matplotlib sets formulas too, for its axes, and it is here for the gallery.  This extension draws what it sets as an inline
SVG in the colour of the text, with the source of the formula as the description that a screen reader says.  What matplotlib
does not know of LaTeX is an error of the build.
"""

from __future__ import annotations

import functools
import html
from typing import TYPE_CHECKING

from docutils import nodes
from matplotlib.font_manager import FontProperties
from matplotlib.mathtext import MathTextParser
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from sphinx.errors import ExtensionError

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.writers.html5 import HTML5Translator

SIZE = 100.0  # the formula is set in this size, and scaled to that of the text around it
INLINE, DISPLAY = 1.12, 1.25  # the size of a formula, in that of the text
COMMANDS = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C", Path.CLOSEPOLY: "Z"}


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer under the name ``svg``."""
    app.add_html_math_renderer("svg", (inline, None), (display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def inline(writer: HTML5Translator, node: nodes.math) -> None:
    """Write a formula that stands in a line of text."""
    writer.body.append(picture(node.astext(), INLINE))
    raise nodes.SkipNode


def display(writer: HTML5Translator, node: nodes.math_block) -> None:
    """Write a formula that stands by itself."""
    large = node.astext().replace(r"\frac", r"\dfrac")
    writer.body.append(f'<div class="formula">{picture(large, DISPLAY)}</div>')
    raise nodes.SkipNode


@functools.cache
def picture(source: str, scale: float) -> str:
    """Return the formula as an SVG element whose baseline is that of the text, so many times as large as the text."""
    text = "$" + " ".join(source.split()) + "$"
    properties = FontProperties(size=SIZE, math_fontfamily="cm")
    try:
        width, height, depth, _, _ = MathTextParser("path").parse(text, 72, properties)
        outline = TextPath((0, 0), text, size=SIZE, prop=properties)
    except ValueError as error:
        raise ExtensionError(f"matplotlib cannot set the formula {source!r}: {error}") from error
    em = scale / SIZE
    return (
        f'<svg class="formula" role="img" aria-label="{html.escape(source, quote=True)}" '
        f'width="{width * em:.3f}em" height="{(height + depth) * em:.3f}em" style="vertical-align:{-depth * em:.3f}em" '
        f'viewBox="0 {-height:.0f} {width:.0f} {height + depth:.0f}"><path d="{drawn(outline)}"/></svg>'
    )


def drawn(outline: Path) -> str:
    """Return the commands of SVG that draw a path of matplotlib, whose y axis points up."""
    parts = []
    for points, code in outline.iter_segments(curves=True, simplify=False):
        # The point of a CLOSEPOLY means nothing.
        pairs = [] if code == Path.CLOSEPOLY else [f"{x:.0f} {-y:.0f}" for x, y in points.reshape(-1, 2)]
        parts.append(COMMANDS[code] + " ".join(pairs))
    return "".join(parts)
