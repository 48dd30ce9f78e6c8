"""Show fits as a table and the progress towards it: by rich where it is installed, else in plain aligned text.

The table goes to standard output, the progress to standard error and only to a terminal, so that output can be piped.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext

from adjoint.demo.fit import CERTIFIED_DIGITS, GRADIENT_TOLERANCE, REQUIRED_DIGITS, Fit

# fmt: off
COLUMNS: dict[str, Callable[[Fit], str]] = {
    "problem":  lambda fit: fit.problem,
    "start":    lambda fit: str(fit.start),
    "2-point":  lambda fit: f"{fit.differences_digits:.1f}",
    "jacobian": lambda fit: f"{fit.jacobian_digits:.1f}",
    "newton":   lambda fit: f"{fit.digits:.1f}",
    "squares":  lambda fit: f"{fit.residual_digits:.1f}",
    "gradient": lambda fit: f"{fit.gradient_error:.0e}",
    "f":        lambda fit: str(fit.function_evaluations),
    "J":        lambda fit: str(fit.jacobian_evaluations),
    "":         lambda fit: "ok" if fit.succeeded else "MISS",
}
# fmt: on
LEFT_ALIGNED = ("problem", "")

TITLE = "NIST StRD, nonlinear regression: correct digits of the worst parameter"
LEGEND = f"""\
2-point   digits by scipy.optimize.least_squares with its own finite differences
jacobian  the same call with adjoint.jacobian; f and J count its calls
newton    after that, a few Newton steps with adjoint.grad and adjoint.hessian
squares   digits of the residual sum of squares; {CERTIFIED_DIGITS} are certified
gradient  relative error of adjoint.grad against the complex step, {GRADIENT_TOLERANCE:.0e} allowed"""


def show(fits: list[Fit]) -> None:
    """Print the table, what its columns mean, and the verdict."""
    rows = [[cell(fit) for cell in COLUMNS.values()] for fit in fits]
    if not _show_by_rich(rows):
        print(TITLE, "", *_aligned([list(COLUMNS), *rows]), sep="\n")
    print("", LEGEND, "", verdict(fits), sep="\n")


def verdict(fits: list[Fit]) -> str:
    """Return one sentence: how many fits are as good as exact derivatives should make them, and which are not."""
    missed = [f"{fit.problem} from start {fit.start}" for fit in fits if not fit.succeeded]
    reached = f"{len(fits) - len(missed)} of {len(fits)} fits reach {REQUIRED_DIGITS} digits or more with a right gradient."
    return reached + (f"  Missed: {', '.join(missed)}." if missed else "")


def _show_by_rich(rows: list[list[str]]) -> bool:
    try:
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.table import Table
    except ImportError:
        return False
    console = Console()
    if not console.is_terminal:
        return False
    table = Table(
        title=TITLE, title_justify="left", title_style="bold", box=SIMPLE_HEAD, show_edge=False, collapse_padding=True
    )
    for name in COLUMNS:
        table.add_column(name, justify="left" if name in LEFT_ALIGNED else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row, style="bold red" if row[-1] == "MISS" else None)
    if console.measure(table, options=console.options.update(width=1000)).maximum > console.width:
        return False  # rich would cut cells off; plain text wraps and loses nothing
    console.print(table)
    return True


def _aligned(rows: list[list[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    left = [name in LEFT_ALIGNED for name in rows[0]]
    for row in rows:
        cells = zip(row, widths, left, strict=True)
        yield "  ".join(text.ljust(width) if to_left else text.rjust(width) for text, width, to_left in cells).rstrip()


def with_progress(fits: Iterable[Fit], total: int) -> list[Fit]:
    """Run the fits and return them all, with a line on the terminal that tells how far they are."""
    done = []
    with _progress(total) as advance:
        for fit in fits:
            done.append(fit)
            advance(f"{fit.problem} from start {fit.start}")
    return done


def _progress(total: int) -> AbstractContextManager[Callable[[str], None]]:
    """Return a context whose value is called after each fit with a word on what was done."""
    if not sys.stderr.isatty():
        return nullcontext(lambda _: None)
    return _PlainProgress(total)


class _PlainProgress:
    """One line of the terminal, written over after each fit and wiped at the end."""

    def __init__(self, total: int) -> None:
        self.total, self.count = total, 0

    def __enter__(self) -> Callable[[str], None]:
        self._write("starting")
        return self._advance

    def __exit__(self, *_: object) -> None:
        print("\r\033[K", end="", file=sys.stderr, flush=True)

    def _advance(self, what: str) -> None:
        self.count += 1
        self._write(what)

    def _write(self, what: str) -> None:
        print(f"\r\033[Kfitting {self.count}/{self.total}: {what}", end="", file=sys.stderr, flush=True)
