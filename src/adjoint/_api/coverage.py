"""`coverage`: what is known of every function of NumPy, SciPy's special functions, `math` and `cmath`.

``python -m adjoint coverage`` prints it; the page of the documentation is ``--markdown``.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import scipy

NAMESPACES = ("numpy", "numpy.linalg", "numpy.fft", "scipy.special", "scipy.linalg", "math", "cmath")
KINDS = ("elementwise", "linear", "bilinear", "general", "composite", "route", "constant", "excluded", "missing")
# SciPy's linear algebra is covered where it has rules, and not promised.
_PARTIAL = frozenset({"scipy.linalg"})


class Coverage(NamedTuple):
    """What is known of one function.

    Attributes
    ----------
    function
        Its name in the namespace.
    namespace
        The module that users import it from.
    kind
        A kind of rule; ``"route"`` for what traced code replaces by functions that have rules; ``"constant"``;
        ``"excluded"``; ``"missing"``.
    arguments
        Positions of the arguments with a derivative, ``"all"`` where the definition decides.
    reason
        Why the function, or one of its arguments, has no derivative.
    """

    function: str
    namespace: str
    kind: str
    arguments: str
    reason: str


def coverage() -> list[Coverage]:
    """Return what is known of every public function of `NAMESPACES`, in alphabetical order.

    Returns
    -------
    list of Coverage
        One row for each function; of several names of one function each has its row.

    Examples
    --------
    >>> import adjoint as ad
    >>> [row for row in coverage() if row.function == "sin" and row.namespace == "math"]
    [Coverage(function='sin', namespace='math', kind='elementwise', arguments='0', reason='')]
    """
    from adjoint._rules import book

    for library in NAMESPACES:
        importlib.import_module(library)
    list(book.rules())
    rows = []
    for namespace in NAMESPACES:
        found = [_row(name, namespace, function) for name, function in functions_of(namespace).items()]
        rows += [row for row in found if namespace not in _PARTIAL or row.kind != "missing"]
    return rows


@cache
def functions_of(namespace: str) -> dict[str, Callable[..., Any]]:
    """Return the public functions of a module by name; types are none."""
    module = importlib.import_module(namespace)
    names = getattr(module, "__all__", None) or [name for name in dir(module) if not name.startswith("_")]
    members = {name: getattr(module, name) for name in sorted(names)}
    return {name: member for name, member in members.items() if callable(member) and not isinstance(member, type)}


def _row(name: str, namespace: str, function: Callable[..., Any]) -> Coverage:
    from adjoint._rules.book import BOOK
    from adjoint._trace.routes import REPLACEMENTS

    rule = BOOK.get(function)
    if rule is not None and not (rule.kind == "excluded" and function in REPLACEMENTS):
        return Coverage(name, namespace, rule.kind, _arguments(rule), _reason(rule))
    kind = "route" if function in REPLACEMENTS else "missing"
    return Coverage(name, namespace, kind, "all" if kind == "route" else "", "")


def _arguments(rule: Any) -> str:
    if rule.kind in ("constant", "excluded"):
        return ""
    if rule.kind == "composite":
        return "all"
    return ", ".join(str(position) for position, formula in enumerate(rule.formulas) if callable(formula))


def _reason(rule: Any) -> str:
    from adjoint._rules.book import Unknown

    unknown = [f"argument {k}: {formula.reason}" for k, formula in enumerate(rule.formulas) if isinstance(formula, Unknown)]
    return rule.reason or "; ".join(unknown)


# Tables -----------------------------------------------------------------------------------------------------------------------


def counts(rows: list[Coverage]) -> list[tuple[str, ...]]:
    """Return the number of functions by namespace and kind, with a heading and the sums."""
    number = Counter((row.namespace, row.kind) for row in rows)
    table: list[tuple[str, ...]] = [("", *KINDS, "all")]
    for namespace in NAMESPACES:
        numbers = [number[namespace, kind] for kind in KINDS]
        table.append((namespace, *map(str, numbers), str(sum(numbers))))
    sums = [sum(number[namespace, kind] for namespace in NAMESPACES) for kind in KINDS]
    return [*table, ("all", *map(str, sums), str(len(rows)))]


def details(rows: list[Coverage]) -> list[tuple[str, ...]]:
    """Return one line for each function, with a heading."""
    return [("function", "kind", "arguments", "reason"), *((f"{row.namespace}.{row.function}", *row[2:]) for row in rows)]


def as_text(table: list[tuple[str, ...]]) -> str:
    """Return a table in columns."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in table)


def as_markdown(table: list[tuple[str, ...]]) -> str:
    """Return a table in Markdown."""
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in table]
    return "\n".join([lines[0], "|" + "---|" * len(table[0]), *lines[1:]])


# The command line -------------------------------------------------------------------------------------------------------------


LEGEND = (
    "*Route* means that instrumented code calls a version that takes traced values; *constant*, that the derivative is zero "
    "wherever it exists; *arguments* are the positions that can be differentiated."
)


def page() -> str:
    """Return the page of the documentation."""
    rows = coverage()
    return "\n\n".join(
        [
            "# Coverage",
            f"Generated by `adjoint coverage --markdown` with NumPy {np.__version__} and SciPy {scipy.__version__}.\n" + LEGEND,
            "## Counts",
            as_markdown(counts(rows)),
            "## Functions",
            as_markdown(details(rows)),
        ]
    )


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``adjoint coverage``."""
    parser.description = "Print how many functions of NumPy, SciPy's special functions, math and cmath have which kind of rule."
    parser.add_argument("--all", action="store_true", help="list every function, with its reason where it has no derivative")
    parser.add_argument("--markdown", action="store_true", help="print the page of the documentation")


def run(options: argparse.Namespace) -> int:
    """Print the tables; the status is 1 if a function is missing."""
    rows = coverage()
    text = page() if options.markdown else "\n\n".join(map(as_text, [counts(rows), *([details(rows)] if options.all else [])]))
    sys.stdout.write(text + "\n")
    return int(any(row.kind == "missing" for row in rows))
