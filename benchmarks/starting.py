"""How long it takes until the first result is there: importing, translating, making machine code, or loading it from the disk.

::

    python -m benchmarks.starting
    python -m benchmarks.starting --problems lstm ht --repetitions 3

Everything is measured in new processes.  *Import* is the time of ``import adjoint``, with NumPy and SciPy in it, beside those
of ``import numpy`` and ``import scipy`` alone.  *First call* is that of the derivative of each problem of GradBench, in each of
its forms, at its smallest size, in parts: loading LLVM, once for a process; translating the function; making machine code of
the program; and the rest, which is the run.  *Cold* is without the cache of object code, *cached* with it, from a folder that
an earlier process has filled.  Numbers are medians over processes; those above their limit are marked.
"""

from __future__ import annotations

import argparse
import atexit
import functools
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

from benchmarks.gradbench.problems import PROBLEMS

LIMITS = {"import": 0.25, "cold": 1.0, "cached": 0.05}
MODULES = "numpy", "scipy", "adjoint"
PARTS = "llvm", "translation", "code", "run"
_IMPORT = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"


@functools.cache
def bytecode() -> str:
    """Return a folder for the bytecode of all modules: an installed package has it, a checkout may not."""
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def in_child(*command: str, **environment: str) -> str:
    """Return the last line that a new process of Python prints, which finds the modules that this one finds, as bytecode."""
    environment |= {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONPYCACHEPREFIX": bytecode(), "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run(  # noqa: S603 - our own
        [sys.executable, *command], capture_output=True, text=True, check=False, env=os.environ | environment
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return done.stdout.strip().splitlines()[-1]


def importing(repetitions: int) -> dict[str, float]:
    """Return the seconds that modules take to import; the processes take turns, and a first turn is not counted."""
    turns = [{name: float(in_child("-c", _IMPORT.format(name))) for name in MODULES} for _ in range(repetitions + 1)]
    return {name: statistics.median(turn[name] for turn in turns[1:]) for name in MODULES}


def first_call(name: str, form: str, repetitions: int, **environment: str) -> dict[str, float]:
    """Return the seconds of the parts of a first call in a new process."""
    command = "-m", "benchmarks.starting", "--child", name, "--form", form
    turns = [json.loads(in_child(*command, **environment)) for _ in range(repetitions)]
    return {part: statistics.median(turn[part] for turn in turns) for part in PARTS}


def measured_here(name: str, form: str | None = None) -> dict[str, float]:
    """Return the seconds of the parts of a first call in this process, of a problem in one of its forms or the first one."""
    import adjoint as ad
    from adjoint._backend.native import machine

    problem = PROBLEMS[name]
    args = problem.inputs("small")
    jitted = ad.jit(problem.derivative(problem.forms[form or next(iter(problem.forms))]), backend="native")
    clock = [time.perf_counter()]
    machine.host()
    clock.append(time.perf_counter())
    entry = jitted.entry(args, {})[1]
    clock.append(time.perf_counter())
    made = entry.compiled.native
    clock.append(time.perf_counter())
    jitted(*args)
    clock.append(time.perf_counter())
    if made is None:
        raise RuntimeError(f"{name} is run by Python")
    return dict(zip(PARTS, (end - start for start, end in itertools.pairwise(clock)), strict=True))


def shown(seconds: float, limit: float | None = None) -> str:
    """Return a time as a cell of a table."""
    return f"{seconds:11.3f}{'*' if limit is not None and seconds > limit else ' '}"


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.starting", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--problems", nargs="*", choices=PROBLEMS, default=list(PROBLEMS), help="default: all")
    parser.add_argument("--repetitions", type=int, default=5, help="processes for each number (default: %(default)s)")
    parser.add_argument("--child", choices=PROBLEMS, help=argparse.SUPPRESS)
    parser.add_argument("--form", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.child:
        print(json.dumps(measured_here(options.child, options.form)))
        return 0
    imports = importing(options.repetitions)
    print("import, seconds")
    for module, seconds in imports.items():
        print(f"  {module:10}{shown(seconds, LIMITS['import'] if module == 'adjoint' else None)}")
    print(f"  adjoint is {imports['adjoint'] / imports['numpy']:.1f} times NumPy; limit {LIMITS['import']} s")
    print(f"\nfirst call, seconds{'':13}translation{'':8}code: cold{'':6}cached{'':9}rest{'':5}LLVM")
    in_child("-m", "benchmarks.starting", "--child", next(iter(PROBLEMS)))  # writes the bytecode of llvmlite
    beyond = {"cold": 0, "cached": 0}
    for name, form in ((problem, form) for problem in options.problems for form in PROBLEMS[problem].forms):
        cold = first_call(name, form, options.repetitions, ADJOINT_CACHE="0")
        with tempfile.TemporaryDirectory() as folder:
            kept = {"ADJOINT_CACHE": "1", "ADJOINT_CACHE_DIR": folder}
            first_call(name, form, 1, **kept)
            cached = first_call(name, form, options.repetitions, **kept)
        for kind, found in (("cold", cold), ("cached", cached)):
            beyond[kind] += found["code"] > LIMITS[kind]
        columns = shown(cold["code"], LIMITS["cold"]), shown(cached["code"], LIMITS["cached"])
        translation, rest, llvm = (shown(cached[part]) for part in ("translation", "run", "llvm"))
        print(f"  {f'{name}/{form}':28}{translation}{'  '}{''.join(columns)}{rest}{llvm}", flush=True)
    print(
        f"  *: above the limit, {LIMITS['cold']} s cold ({beyond['cold']}) and {LIMITS['cached']} s cached ({beyond['cached']})"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
