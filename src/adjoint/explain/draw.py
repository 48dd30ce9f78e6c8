"""`draw`: the computational graph of a function, with primal and adjoint on every node, as SVG."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from adjoint._api.files import write_text
from adjoint._api.function import expect_function


class Drawing:
    """A picture of a computational graph; a notebook shows it, `save` writes it.

    Attributes
    ----------
    svg
        The text of the picture.
    """

    def __init__(self, svg: str, boxes: int, operations: int) -> None:
        self.svg, self.boxes, self.operations = svg, boxes, operations

    def save(self, path: str | os.PathLike[str]) -> str:
        """Write the picture to an ``.svg`` file and return its path."""
        name = os.fspath(path)
        if not name.endswith(".svg"):
            raise ValueError(f"draw writes SVG, got {name!r}; name a file that ends in .svg, which browsers open")
        return write_text(name, self.svg, "save")

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"Drawing({self.operations} intermediates in {self.boxes} boxes; .save('graph.svg') or show it in a notebook)"


def draw(
    f: Callable[..., Any],
    *args: Any,
    direction: Any = None,
    cotangent: Any = None,
    fold: bool = True,
    depth: int | None = None,
) -> Drawing:
    """Draw the computational graph of ``f`` at a point: every intermediate with its value and its adjoint.

    Parameters
    ----------
    f
        Function of numbers, arrays or trees of them.  It runs once.
    *args
        The point.
    direction, cotangent
        As for `explain`: the tangent of the arguments (shown when the mouse rests on a node), the adjoint of the result.
    fold
        Put calls, iterations and loops into one box each, as many as it takes to leave about a hundred boxes.  With False every
        intermediate has a box.
    depth
        How many levels of calls and loops to draw in full.  By default as many as leave about a hundred boxes.

    Returns
    -------
    Drawing
        Shows itself in a notebook; ``save("graph.svg")`` writes it, ``svg`` is the text.

    Raises
    ------
    InputError, OutputError, MissingRuleError, ConversionError
        As for `grad`.

    Notes
    -----
    Arguments are on top, edges lead from what is used to what is computed.  On the way back adjoints run along the same edges
    upwards; the mouse shows what each edge brings.  Of a folded box the values that leave it are shown.  Pale boxes have an
    adjoint of zero: to first order the result does not depend on them.

    Of a loop with many iterations the first and the last are drawn, and one box for those between.

    References
    ----------
    .. [1] Griewank and Walther, *Evaluating Derivatives*, 2nd ed., SIAM 2008, section 2.2.
    .. [2] Sugiyama, Tagawa and Toda, *Methods for visual understanding of hierarchical system structures*, IEEE Transactions on
       Systems, Man, and Cybernetics 11 (1981) 109-125.

    Examples
    --------
    >>> import math
    >>> import adjoint as ad
    >>> ad.draw(lambda x, y: math.sin(x / y) * y, 1.5, 0.5)
    Drawing(5 intermediates in 5 boxes; .save('graph.svg') or show it in a notebook)
    """
    from adjoint.explain import draw_fold
    from adjoint.explain.draw_svg import svg_of
    from adjoint.explain.record import record
    from adjoint.explain.table import caption_of

    expect_function(f, "draw")
    if depth is not None and depth < 0:
        raise ValueError(f"draw: depth is a number of levels, at least 0, got {depth}")
    trace = record(f, args, direction=direction, cotangent=cotangent, name="draw")
    folded = draw_fold.fold(trace, depth=depth) if fold else draw_fold.unfolded(trace)
    return Drawing(svg_of(trace, folded, caption_of(trace)), len(folded.boxes), len(trace))
