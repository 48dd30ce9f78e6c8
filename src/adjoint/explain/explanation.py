"""`explain`: the evaluation trace of a function, shown in a terminal, in a notebook, as data, or as a page."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from adjoint._api.files import write_text
from adjoint._api.function import expect_function

if TYPE_CHECKING:
    from adjoint.explain.record import Trace

# What shows a trace is imported where it is used: `import adjoint` does not pay for it.


class Explanation:
    """The evaluation trace of one call of a function; `explain` returns it.

    ``print`` shows it as text, a notebook as a table, `rich.print` in colour.  ``trace`` is the data, see
    `adjoint.explain.record`.
    """

    def __init__(self, trace: Trace, *, fold: bool = True) -> None:
        self.trace = trace
        self.fold = fold

    def unfold(self) -> Explanation:
        """Return the same explanation with every iteration of every loop and every element of every array."""
        return Explanation(self.trace, fold=False)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as dicts, lists, strings and numbers, which `json.dumps` takes."""
        from adjoint.explain.data import to_dict

        return to_dict(self.trace)

    def save(self, path: str | os.PathLike[str]) -> str:
        """Write one HTML page that needs nothing else, no network either, and return its path.

        The page steps through both passes, and has a slider for each number among the inputs where it can compute the trace
        by itself: where every function has a form in JavaScript and no array is in the way.  Where it cannot, it says why.
        """
        from adjoint.explain.page import page_of

        return write_text(path, page_of(self.trace), "save")

    def __str__(self) -> str:
        from adjoint.explain.text import text_of_trace

        return text_of_trace(self.trace, fold=self.fold)

    def __repr__(self) -> str:
        from adjoint.explain.table import caption_of

        return f"<Explanation of {caption_of(self.trace)}: {len(self.trace)} intermediates>"

    def _repr_html_(self) -> str:
        from adjoint.explain.notebook import html_table

        return html_table(self.trace, fold=self.fold)

    def _repr_markdown_(self) -> str:
        from adjoint.explain.notebook import markdown_table

        return markdown_table(self.trace, fold=self.fold)

    def __rich_console__(self, console: Any, options: Any) -> Iterator[Any]:
        from adjoint.explain.terminal import rich_tables

        yield from rich_tables(self.trace, fold=self.fold)


def explain(f: Callable[..., Any], *args: Any, direction: Any = None, cotangent: Any = None, fold: bool = True) -> Explanation:
    """Return the evaluation trace of ``f(*args)``: every intermediate value, its tangent and its adjoint, line by line.

    Parameters
    ----------
    f
        Function of numbers, arrays or trees of them.  It runs once.
    *args
        The arguments, all of them.  Differentiated are those that hold floats, or, if none does, all.
    direction
        A tuple with the tangent of each argument, as `adjoint.jvp` takes it; None in it stands for zero.  Left out, it is 1 for
        every number of the first differentiated argument and 0 for the others.
    cotangent
        The cotangent of the result, of its structure and shapes.  Left out, it is 1 everywhere.
    fold
        Show only the first and last iteration of long loops and the first elements of large arrays.

    Returns
    -------
    Explanation
        To print, to show in a notebook, to read as data (``to_dict()``, ``trace``), to ``unfold()``, or to
        ``save("trace.html")`` as a page to step through.

    Raises
    ------
    StructureError
        The direction or the cotangent does not match.
    InputError, OutputError, MissingRuleError, ConversionError
        As for `grad`.

    Notes
    -----
    Tangents are one forward sweep over the engine's own tape, adjoints one reverse sweep; each contribution to an adjoint is
    what the engine passes on.  The inputs are ``v_{1-n} ... v_0``, in the classic numbering.  What does not depend on the
    inputs is a constant in the formulas.  Memory: several copies of all intermediates.

    Examples
    --------
    >>> import numpy as np
    >>> import adjoint as ad
    >>> def f(x1, x2):
    ...     a = x1 / x2
    ...     b = np.exp(x2)
    ...     return (np.sin(a) + a - b) * (a - b)
    >>> e = ad.explain(f, 1.5, 0.5)
    >>> e
    <Explanation of f(x1=1.5, x2=0.5) = 2.01665: 9 intermediates>
    >>> [(node.formula, round(float(node.adjoint), 4)) for node in e.trace][:4]
    [('x1', 3.0118), ('x2', -13.724), ('v-1 / v0', 1.5059), ('exp(v0)', -2.8437)]
    """
    from adjoint.explain.record import record

    expect_function(f, "explain")
    return Explanation(record(f, args, direction=direction, cotangent=cotangent), fold=fold)
