"""How many steps of a loop are run when it is reversed with little memory, by both schedules, against the fewest there can be.

::

    python -m benchmarks.checkpointing

A loop of ``n`` steps is reversed with room for ``c`` of its states.  Each row counts the calls of the step, those of the first
run included: by the binomial schedule, which knows ``n`` before the loop runs, and by the online schedule, which learns it when
the loop ends.  The optimum is the closed formula of Griewank and Walther.  The bound is what is proven for the online schedule.

The numbers are counts, so they are the same on each machine.  Only the last column is a time: what the online schedule takes
for each call of a step that does nothing, forward and back together.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from adjoint._checkpoint.binomial import extra_steps, forward_binomial, reverse_binomial
from adjoint._checkpoint.online import forward_online, most_steps

STEPS = 10, 100, 1_000, 10_000
SNAPSHOTS = 3, 5, 10, 30, 100
HEADINGS = ("n", "c", "optimum", "binomial", "ratio", "online", "ratio", "bound", "us per step")


@dataclass
class Counter:
    """A loop whose step does nothing and is counted, and whose reversal checks the order."""

    calls: int = 0

    def advance(self, k: int, state: tuple) -> tuple:
        """Run step ``k``, which has to be the one that comes next after the state."""
        if state != (k,):
            raise AssertionError(f"step {k} was run from state {state}")
        self.calls += 1
        return (k + 1,)

    def pull(self, k: int, state: tuple, cotangent: int) -> int:
        """Reverse step ``k``, which has to be the one before the last that was reversed."""
        if state != (k,) or cotangent != k + 1:
            raise AssertionError(f"step {k} was reversed from state {state} after step {cotangent}")
        return k


def binomial(n: int, c: int) -> int:
    """Return how often a step is run by the binomial schedule."""
    loop = Counter()
    _, kept = forward_binomial(n, c, (0,), loop.advance)
    reverse_binomial(n, kept, c, loop.advance, loop.pull, n, release=True)
    return loop.calls


def online(n: int, c: int) -> int:
    """Return how often a step is run by the online schedule."""
    loop = Counter()
    _, steps, kept = forward_online(c, (0,), loop.advance, lambda k, _: k < n)
    reverse_binomial(steps, kept, c, loop.advance, loop.pull, n, release=True)
    return loop.calls


def row(n: int, c: int) -> str:
    """Return the row of the table for ``n`` steps and ``c`` states."""
    optimum = n + extra_steps(n, c)
    by_binomial = binomial(n, c)
    begin = time.perf_counter()
    by_online = online(n, c)
    microseconds = (time.perf_counter() - begin) / by_online * 1e6
    counts = f"{n:8}{c:6}{optimum:10}{by_binomial:10}{by_binomial / optimum:8.3f}{by_online:10}{by_online / optimum:8.3f}"
    return f"{counts}{most_steps(n, c) / optimum:8.3f}{microseconds:13.2f}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Count and print the table."""
    summary = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.checkpointing", description=summary)
    parser.add_argument("--steps", type=int, nargs="+", default=STEPS, help="numbers of steps (default: %(default)s)")
    parser.add_argument("--snapshots", type=int, nargs="+", default=SNAPSHOTS, help="numbers of states (default: %(default)s)")
    options = parser.parse_args(arguments)
    widths = 8, 6, 10, 10, 8, 10, 8, 8, 13
    print("".join(f"{heading:>{width}}" for heading, width in zip(HEADINGS, widths, strict=True)))
    for n in options.steps:
        for c in options.snapshots:
            print(row(n, c))
    return 0


if __name__ == "__main__":
    sys.exit(main())
