"""How many operations derivatives take, in multiples of the function's own, over all programs of the test corpus.

::

    python -m benchmarks.cost

The table gives the ratios of a forward pass (value and one directional derivative) and of a reverse pass (value and one
gradient), counted by `adjoint.cost`; theory bounds both by 6.  ``--each`` lists every program, ``--timed`` measures times too.
Programs that the source engine does not translate are named with the reason.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import adjoint as ad
from adjoint.errors import AdjointError
from tests.programs import PROGRAMS

COLUMNS: dict[str, Callable[[Any], float]] = {
    "forward pass, operations": lambda cost: cost.forward.ratio,
    "reverse pass, operations": lambda cost: cost.reverse.ratio,
}
TIMES: dict[str, Callable[[Any], float]] = {
    "forward pass, time": lambda cost: cost.forward.seconds / cost.function.seconds,
    "reverse pass, time": lambda cost: cost.reverse.seconds / cost.function.seconds,
}
HEADINGS = ("programs", "least", "quartile", "median", "quartile", "worst", "which")


def costs(names: Sequence[str], *, timed: bool) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the costs of programs by name, and why others have none."""
    found: dict[str, Any] = {}
    refused: dict[str, str] = {}
    for name in names:
        program = PROGRAMS[name]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what a program warns of is not what is counted
                found[name] = ad.cost(program.function, *program.args, timed=timed)
        except AdjointError as error:
            refused[name] = f"{type(error).__name__}: {str(error).splitlines()[0]}"
    return found, refused


def summary(found: dict[str, Any], ratio: Callable[[Any], float]) -> tuple[str, ...]:
    """Return the cells of one row: quartiles of a ratio over programs."""
    ratios = {name: ratio(cost) for name, cost in found.items() if cost.function.operations}
    low, middle, high = statistics.quantiles(ratios.values(), n=4, method="inclusive")
    worst = max(ratios, key=lambda name: ratios[name])
    numbers = (min(ratios.values()), low, middle, high, ratios[worst])
    return (str(len(ratios)), *(f"{number:.2f}" for number in numbers), worst)


def main(arguments: Sequence[str] | None = None) -> int:
    """Count and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cost", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("programs", nargs="*", metavar="PROGRAM", help="names of programs (default: all)")
    parser.add_argument("--each", action="store_true", help="list every program")
    parser.add_argument("--timed", action="store_true", help="measure times, too")
    options = parser.parse_args(arguments)
    found, refused = costs(options.programs or list(PROGRAMS), timed=options.timed)
    columns = COLUMNS | (TIMES if options.timed else {})
    print(f"{'':26}" + "".join(f"{heading:>10}" for heading in HEADINGS[:-1]) + f"  {HEADINGS[-1]}")
    for title, ratio in columns.items():
        *numbers, worst = summary(found, ratio)
        print(f"{title:26}" + "".join(f"{number:>10}" for number in numbers) + f"  {worst}")
    if options.each:
        print(f"\n{'program':48}{'function':>10}{'moves':>8}{'forward':>10}{'reverse':>10}{'kept':>10}")
        for name, cost in sorted(
            found.items(), key=lambda item: -item[1].reverse.operations / max(1, item[1].function.operations)
        ):
            counts = cost.function.operations, cost.function.moves, cost.forward.operations, cost.reverse.operations, cost.kept
            print(f"{name:48}" + "".join(f"{n:>{width},}" for n, width in zip(counts, (10, 8, 10, 10, 10), strict=True)))
    for name, reason in refused.items():
        print(f"not translated: {name}: {reason}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
