"""The peak memory of one derivative, in a process of its own.

::

    python -m benchmarks.gradbench.memory NAME FORM SIZE TOOL BACKEND

The derivative is run at the smallest size first.  JAX, which compiles for each size, and we, who compile once more where the
arrays of the smallest size are short, run at this size too, so that the memory of a compiler is no part of the sweep's.  Then
free memory is given back, the peak of the resident memory is forgotten, and the growth in one more run is printed, in bytes.
Python allocates with ``malloc`` here (PYTHONMALLOC), since what its own allocator holds back would hide the growth.
"""

from __future__ import annotations

import ctypes
import gc
import os
import subprocess
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")


def resident(entry: str) -> int:
    """Return an entry of this process's status in bytes: ``VmRSS`` now, ``VmHWM`` at the peak."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(entry))
    return int(line.split()[1]) * 1024


def forget_peak() -> None:
    """Set the peak of the resident memory back to what it is now."""
    Path("/proc/self/clear_refs").write_text("5")


def growth(name: str, form: str, size: str, tool: str, backend: str) -> int:
    """Return by how much the peak of the resident memory grows in one run of the derivative."""
    from benchmarks.gradbench.problems import PROBLEMS
    from benchmarks.gradbench.tools import Contender

    problem = PROBLEMS[name]
    contender = Contender(problem, form, tool, backend)
    _, small = contender.runs(problem.inputs("small"))
    _, run = contender.runs(problem.inputs(size))
    assert small is not None
    assert run is not None
    small()
    if tool in ("jax", "adjoint"):
        run()
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    before = resident("VmRSS")
    forget_peak()
    run()
    return max(0, resident("VmHWM") - before)


def in_child(name: str, form: str, size: str, tool: str, backend: str, limit: float) -> int | str:
    """Return the growth in bytes, measured in a process of its own, or the reason why there is none."""
    if not STATUS.exists():
        return "needs Linux"
    command = [sys.executable, "-m", "benchmarks.gradbench.memory", name, form, size, tool, backend]
    environment = os.environ | {"PYTHONMALLOC": "malloc"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False, env=environment)  # noqa: S603 - our own
    except subprocess.TimeoutExpired:
        return f"more than {limit:.0f} s"
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    return int(lines[-1]) if done.returncode == 0 else (lines[-1] if lines else f"ended with {done.returncode}")[:120]


if __name__ == "__main__":
    print(growth(*sys.argv[1:]))
