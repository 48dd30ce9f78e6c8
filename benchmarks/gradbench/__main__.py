"""Run the twelve problems of GradBench by adjoint and by its peers, and print the ratios.

::

    python -m benchmarks.gradbench --only lstm ode --sizes small medium --json found.json
"""

from __future__ import annotations

import os

# One thread each; libraries read this when they are imported.
THREADS = "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"
os.environ.update(dict.fromkeys(THREADS, "1"))
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["JAX_PLATFORMS"] = "cpu"

import argparse  # noqa: E402 - after the environment
import json  # noqa: E402
import platform  # noqa: E402
import sys  # noqa: E402
import warnings  # noqa: E402
from collections.abc import Sequence  # noqa: E402
from importlib import metadata  # noqa: E402
from pathlib import Path  # noqa: E402

from benchmarks.gradbench import memory, table, timing  # noqa: E402
from benchmarks.gradbench.problem import SIZES, Problem  # noqa: E402
from benchmarks.gradbench.problems import PROBLEMS  # noqa: E402
from benchmarks.gradbench.tools import PEERS, native_or_python  # noqa: E402

SWEEPS = "adjoint", "jax", "torch"


def main(arguments: Sequence[str] | None = None) -> int:
    """Check, measure, print; return 1 if a result was wrong."""
    options = parsed(arguments)
    warnings.filterwarnings("ignore", module="numba")
    versions = [f"{name} {version(name)}" for name in ("numpy", "numba", *options.peers)]
    print(f"backend {options.backend}, Python {platform.python_version()}, {', '.join(versions)}", flush=True)
    print("One thread each.  Before anything is timed, results are compared at the smallest size.\n", flush=True)
    rows = []
    for name in options.only:
        rows += rows_of(PROBLEMS[name], options)
    print("\nTimes; f: function, d: derivative. Ratios are of the shortest of", options.repetitions, "turns each:\n")
    print("\n".join(table.ratios(rows)))
    print("\nFirst calls, which translate and compile:\n")
    print("\n".join(table.first_calls(rows, ["adjoint", "numba", *(p for p in options.peers if p == "jax")])))
    if options.memory:
        print("\nPeak memory of the derivative, growth in a process of its own:\n")
        print("\n".join(table.memory(rows, [tool for tool in SWEEPS if tool in ("adjoint", *options.peers)])))
    if missing := table.reasons(rows):
        print("\nNot measured:\n")
        print("\n".join(missing))
    if options.json:
        Path(options.json).write_text(json.dumps([row.to_json() for row in rows], indent=1))
    return int(any("wrong by" in reason for row in rows for reason in row.reasons.values()))


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gradbench", description=__doc__)
    parser.add_argument("--only", nargs="+", default=list(PROBLEMS), choices=list(PROBLEMS), metavar="NAME")
    parser.add_argument("--forms", nargs="+", default=["loops", "numpy"], choices=["loops", "numpy"])
    parser.add_argument("--sizes", nargs="+", choices=SIZES, help="default: small and medium, and large with native code")
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=PEERS)
    parser.add_argument("--backend", choices=["python", "native"], help="default: native if there is one")
    parser.add_argument("--repetitions", type=int, default=7, help="turns of each contender")
    parser.add_argument("--patience", type=float, default=10.0, help="seconds after which a contender gets no further turn")
    parser.add_argument("--memory", nargs="*", choices=SIZES, metavar="SIZE", help="sizes for memory; default: the last")
    parser.add_argument("--json", help="file for all numbers")
    options = parser.parse_args(arguments)
    options.backend = options.backend or native_or_python()
    options.sizes = options.sizes or (SIZES if options.backend == "native" else SIZES[:2])
    options.memory = [options.sizes[-1]] if options.memory is None else options.memory
    return options


def version(name: str) -> str:
    """Return the version of a package, or that it is not there."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "(not installed)"


def rows_of(problem: Problem, options: argparse.Namespace) -> list[table.Row]:
    """Return what is found for one problem, after all results were compared at the smallest size."""
    rows = []
    for form in (form for form in options.forms if form in problem.forms):
        missing: dict[str, str] = {}
        contenders = timing.contenders_of(problem, form, ["adjoint", "numba", *options.peers], options.backend, missing)
        first = timing.check(contenders, problem.inputs(SIZES[0]), missing)
        agree = ", ".join(f"{tool} {gap:.0e}" for tool, gap in first.items())
        print(f"{problem.name} ({problem.kind}), {form}: differences from the tracing engine: {agree}", flush=True)
        contenders = timing.contenders_of(problem, form, list(contenders), options.backend, {})  # so that first calls are first
        del contenders["tracing"]
        for size in options.sizes:
            reasons = dict(missing)
            times = timing.measure(contenders, problem.inputs(size), options.repetitions, options.patience, reasons)
            rows.append(table.Row(problem.name, problem.kind, form, size, times, reasons))
            if size in options.memory:
                limit = 60 + 10 * options.patience
                rows[-1].memory = {
                    tool: memory.in_child(problem.name, form, size, tool, options.backend, limit)
                    for tool in SWEEPS
                    if tool in times
                }
    return rows


if __name__ == "__main__":
    sys.exit(main())
