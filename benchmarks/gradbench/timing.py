"""Times of contenders that take turns, and what must hold before anything is timed: all results agree."""

from __future__ import annotations

import gc
import re
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.gradbench.tools import Contender, MissingError, difference

SHORTEST = 2e-3  # seconds of one measurement, so that the clock is no part of it
SAME, OTHER_ARITHMETIC = 1e-10, 1e-8  # how far results may be from the tracing engine's: ours, the peers'
WHATS = "function", "derivative"


@dataclass
class Timed:
    """Seconds of one run: of the first call, and of the later ones, which are measured in turns."""

    first: float
    turns: list[float] = field(default_factory=list)

    @property
    def least(self) -> float:
        """The shortest turn; what other programs on the machine do only makes turns longer."""
        return min(self.turns, default=self.first)

    @property
    def median(self) -> float:
        """The median of the turns."""
        return statistics.median(self.turns) if self.turns else self.first


def check(contenders: dict[str, Contender], args: tuple[Any, ...], reasons: dict[str, str]) -> dict[str, float]:
    """Return how far each contender is from the tracing engine, at worst; one that is too far is taken out, with the reason.

    Parameters
    ----------
    contenders
        By name; ``tracing`` has to be one of them, and it is taken out too.
    args
        The arguments to compare at.
    reasons
        Takes the reason of each contender that is taken out.
    """
    expected = [run() for run in contenders.pop("tracing").runs(args) if run]
    found = {}
    for name, contender in list(contenders.items()):
        limit = SAME if name in {"adjoint", "numba"} else OTHER_ARITHMETIC
        try:
            pairs = zip(contender.runs(args), expected, strict=True)
            found[name] = max(difference(run(), value) for run, value in pairs if run)
        except Exception as error:
            reasons[name] = f"{type(error).__name__}: {first_line(error)}"
        else:
            if found[name] <= limit:
                continue
            reasons[name] = f"wrong by {found[name]:.1e}"
        del contenders[name]
    return found


def first_line(error: Exception) -> str:
    """Return the first line of the message that says something."""
    lines = [re.sub(" at 0x[0-9a-f]+", "", line.strip()) for line in str(error).splitlines()]
    return next((line for line in lines if line and not line.startswith("Failed in nopython mode")), "")[:160]


def measure(
    contenders: dict[str, Contender], args: tuple[Any, ...], repetitions: int, patience: float, reasons: dict[str, str]
) -> dict[str, dict[str, Timed]]:
    """Return the times of function and derivative of each contender.

    Parameters
    ----------
    contenders
        By name.
    args
        The arguments.
    repetitions
        Turns of each.
    patience
        Seconds after which a contender gets no further turn.
    reasons
        Takes the reason of each contender that does not run.
    """
    times: dict[str, dict[str, Timed]] = {}
    running: list[tuple[Timed, Callable[[], Any], int]] = []
    for name, contender in contenders.items():
        try:
            for what, run in zip(WHATS, contender.runs(args), strict=True):
                if run is not None:
                    times.setdefault(name, {})[what] = timed = Timed(seconds(run, 1))
                    gc.freeze()  # what was imported and compiled is no garbage: later collections are quick
                    timed.turns.append(seconds(run, 1))  # at least one, however slow: the first call has compiled
                    if timed.turns[0] < patience:
                        running.append((timed, run, batch(timed.turns[0])))
        except Exception as error:
            times.pop(name, None)
            reasons[name] = f"{type(error).__name__}: {first_line(error)}"
    for _ in range(repetitions):
        for timed, run, calls in running:
            if sum(timed.turns) * calls < patience:
                timed.turns.append(seconds(run, calls))
    return times


def batch(call: float) -> int:
    """Return how many calls are one measurement, from the seconds of one."""
    return max(1, min(1000, round(SHORTEST / max(call, 1e-7))))


def seconds(run: Callable[[], Any], calls: int) -> float:
    """Return the seconds of one call, the mean of some, without the collector of garbage."""
    gc.collect()
    gc.disable()
    try:
        start = time.perf_counter()
        for _ in range(calls):
            run()
        return (time.perf_counter() - start) / calls
    finally:
        gc.enable()


def contenders_of(problem: Any, form: str, tools: list[str], backend: str, reasons: dict[str, str]) -> dict[str, Contender]:
    """Return the tools that can run a form of a problem, and put the reasons of the others into ``reasons``."""
    found = {}
    for tool in ["tracing", *tools]:
        try:
            found[tool] = Contender(problem, form, tool, backend)
        except MissingError as missing:
            reasons[tool] = str(missing)
    return found
