"""The pictures of a comparison, by matplotlib: the error over the step of differences, and the growth with the iterations.

Figures are made without pyplot's global state, so they can be made anywhere; only `plot` without a path needs a window.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Sequence
from typing import Any

from adjoint.explain.compare_differences import CENTRAL, FORWARD
from adjoint.explain.compare_result import FORWARD_MODE, REVERSE_MODE, SCIPY, SYMBOLIC, Comparison

# Okabe and Ito's colours, which all people tell apart.
COLOURS = {
    FORWARD: "#E69F00",
    CENTRAL: "#0072B2",
    SCIPY: "#CC79A7",
    SYMBOLIC: "#D55E00",
    FORWARD_MODE: "#009E73",
    REVERSE_MODE: "#000000",
}
GREY = "#666666"
# An error of 0 has no place on a logarithmic axis.
LOWEST = 1e-17
# Errors within this factor share a label.
ALIKE = 20


def figure(comparison: Comparison) -> Any:
    """Return the figure: one panel, or four if the comparison has a growth."""
    Figure = _matplotlib("matplotlib.figure").Figure
    if comparison.growth:
        drawn = Figure(figsize=(13, 9), layout="constrained", facecolor="white")
        axes = list(drawn.subplots(2, 2).flat)
        panels = (_draw_errors, _draw_costs, _draw_operations, _draw_memory)
    else:
        drawn = Figure(figsize=(8.4, 5.2), layout="constrained", facecolor="white")
        axes, panels = [drawn.subplots()], (_draw_errors,)
    for ax, draw in zip(axes, panels, strict=True):
        draw(ax, comparison)
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(visible=True, which="major", color="#e4e4e4", linewidth=0.6)
        ax.set_axisbelow(True)
    return drawn


def plot(comparison: Comparison, path: str | None) -> None:
    """Save the figure, or show it."""
    if path is not None:
        figure(comparison).savefig(path, dpi=150)
        return
    pyplot = _matplotlib("matplotlib.pyplot")
    shown = pyplot.figure()
    manager, drawn = shown.canvas.manager, figure(comparison)
    drawn.set_canvas(shown.canvas)
    manager.canvas.figure = drawn
    pyplot.show()


def _matplotlib(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError("pictures of a comparison need matplotlib: pip install 'adjoint[explain]'") from error


# Errors over steps -----------------------------------------------------------------------------------------------------------


def _draw_errors(ax: Any, comparison: Comparison) -> None:
    sweep = comparison.sweep
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(2, 3e-17)
    ax.set_ylim(LOWEST / 3, 1e3)
    for name, errors, order in ((FORWARD, sweep.forward, 1), (CENTRAL, sweep.central, 2)):
        shown = [max(e, LOWEST) if math.isfinite(e) else math.nan for e in errors]
        ax.plot(sweep.steps, shown, "o-", color=COLOURS[name], markersize=3, linewidth=1.4, label=name)
        _mark_best(ax, sweep.steps, shown, COLOURS[name])
        _draw_truncation(ax, sweep.steps, shown, order, COLOURS[name])
    _draw_rounding(ax, sweep.steps, sweep.forward)
    _draw_levels(ax, comparison)
    ax.set_xlabel("step h of differences (smaller to the right)")
    ax.set_ylabel("relative error of the derivative")
    ax.set_title(f"Error of the derivative of {comparison.function}", loc="left", fontweight="bold")
    ax.legend(loc="upper center", frameon=False, ncols=2, fontsize=9)


def _mark_best(ax: Any, steps: Sequence[float], errors: Sequence[float], colour: str) -> None:
    known = [(e, h) for e, h in zip(errors, steps, strict=True) if math.isfinite(e)]
    if known:
        error, step = min(known)
        ax.plot([step], [error], "o", markersize=9, markerfacecolor="none", markeredgecolor=colour, markeredgewidth=1.6)


def _draw_truncation(ax: Any, steps: Sequence[float], errors: Sequence[float], order: int, colour: str) -> None:
    """Draw the asymptote of the truncation branch, through its point two thirds of the way to the best step."""
    best = min(range(len(steps)), key=lambda i: errors[i] if math.isfinite(errors[i]) else math.inf)
    middle = 2 * best // 3
    if best < 8 or not math.isfinite(errors[middle]) or errors[middle] <= LOWEST:
        return
    scale = errors[middle] / steps[middle] ** order
    shown = steps[: best + 9]
    ax.plot(shown, [scale * h**order for h in shown], ":", color=colour, linewidth=1)
    text, side = ("truncation ~ h", 1) if order == 1 else ("truncation ~ h²", -1)
    ax.annotate(
        text, (steps[middle], errors[middle]), xytext=(8 * side, 5 * side), textcoords="offset points", color=colour,
        fontsize=9, ha="left" if side > 0 else "right", va="bottom" if side > 0 else "top",
    )  # fmt: skip


def _draw_rounding(ax: Any, steps: Sequence[float], errors: Sequence[float]) -> None:
    """Draw the asymptote of the rounding branch, in the middle of the errors of small steps."""
    small = [math.log10(e * h) for h, e in zip(steps, errors, strict=True) if 1e-14 < h < 1e-10 and 0 < e < math.inf]
    if not small:
        return
    level = 10 ** (sum(small) / len(small))
    shown = [h for h in steps if h < 1e-5]
    ax.plot(shown, [level / h for h in shown], ":", color=GREY, linewidth=1)
    ax.annotate(
        "rounding ~ ε/h", (1e-12, level / 1e-12), xytext=(26, -14), textcoords="offset points", color=GREY, fontsize=9, va="top"
    )


def _draw_levels(ax: Any, comparison: Comparison) -> None:
    """Draw a line for each method that needs no step, and above it the names of those that are as good as one another."""
    levels: list[tuple[float, list[str]]] = []
    for name in sorted((SCIPY, SYMBOLIC, FORWARD_MODE, REVERSE_MODE), key=lambda name: comparison.method(name).error):
        error = max(comparison.method(name).error, LOWEST)
        if math.isfinite(error):
            ax.axhline(error, color=COLOURS[name], linewidth=1.6, alpha=0.9, linestyle=_DASHES[name])
            if levels and error < ALIKE * levels[-1][0]:
                levels[-1] = error, [*levels[-1][1], name]
            else:
                levels.append((error, [name]))
    for error, names in levels:
        worst = max(comparison.method(name).error for name in names)
        ax.text(
            0.99, error * 1.4, f"{', '.join(names)}: {f'{worst:.0e}' if worst else '0'}", transform=ax.get_yaxis_transform(),
            color=COLOURS[names[0]] if len(names) == 1 else COLOURS[REVERSE_MODE],
            fontsize=9, ha="right", va="bottom", bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.5},
        )  # fmt: skip


_DASHES = {SCIPY: "-", SYMBOLIC: (0, (6, 2)), FORWARD_MODE: "-", REVERSE_MODE: (0, (3, 3))}


# Growth ----------------------------------------------------------------------------------------------------------------------


def _draw_costs(ax: Any, comparison: Comparison) -> None:
    growth = comparison.growth
    counts = [step.count for step in growth]
    _curve(ax, counts, [step.derivation for step in growth], COLOURS[SYMBOLIC], "SymPy, to derive")
    for name in (FORWARD_MODE, REVERSE_MODE, CENTRAL):
        _curve(ax, counts, [step.method(name).seconds for step in growth], COLOURS[name], name)
    _curve(ax, counts, [step.method(SYMBOLIC).seconds for step in growth], COLOURS[SYMBOLIC], "SymPy, to evaluate", ":")
    _curve(ax, counts, [step.function.seconds for step in growth], GREY, "the function", "--")
    _finish(ax, "Time of the derivative", "seconds")


def _draw_operations(ax: Any, comparison: Comparison) -> None:
    growth = comparison.growth
    counts = [step.count for step in growth]
    for label, values, linestyle in (
        ("its derivative", [step.derivative_operations for step in growth], "-"),
        ("the expression", [step.operations for step in growth], "--"),
        ("its derivative, common parts shared", [step.shared_operations for step in growth], ":"),
    ):
        _curve(ax, counts, [v or math.nan for v in values], COLOURS[SYMBOLIC], label, linestyle)
    _finish(ax, "Expression swell", "operations of SymPy's expression")


def _draw_memory(ax: Any, comparison: Comparison) -> None:
    growth = comparison.growth
    counts = [step.count for step in growth]
    _curve(ax, counts, [step.method(SYMBOLIC).bytes or math.nan for step in growth], COLOURS[SYMBOLIC], "SymPy, to derive")
    for name in (FORWARD_MODE, REVERSE_MODE):
        _curve(ax, counts, [step.method(name).bytes for step in growth], COLOURS[name], name)
    _curve(ax, counts, [step.function.bytes for step in growth], GREY, "the function", "--")
    _finish(ax, "Memory at its peak", "bytes")


def _finish(ax: Any, title: str, unit: str) -> None:
    ax.set_yscale("log")
    ax.set_xlabel("number of iterations n")
    ax.set_ylabel(unit)
    ax.set_title(title, loc="left", fontweight="bold")
    handles, labels = ax.get_legend_handles_labels()
    if handles:
        ax.legend(handles, labels, framealpha=0.9, edgecolor="none", fontsize=9, loc="best")
    else:
        ax.text(0.5, 0.5, "there is no expression to count", transform=ax.transAxes, ha="center", color=GREY)


def _curve(ax: Any, counts: list[int], values: list[float], colour: str, label: str, linestyle: str = "-") -> None:
    if any(math.isfinite(v) for v in values):
        ax.plot(counts, values, "o", linestyle=linestyle, color=colour, markersize=4, linewidth=1.5, label=label)
