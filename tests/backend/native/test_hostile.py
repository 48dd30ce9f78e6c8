"""Arguments that a program was not made for: machine code gives what the function gives, fails where it fails, or refuses.

Nothing may end the process: run it with ``python -X faulthandler -m pytest``.  A few hundred calls are tested, and 20,000 by
``ADJOINT_FULL=1 python -X faulthandler -m pytest -n 0 tests/backend/native/test_hostile.py``.
"""

from __future__ import annotations

import copy
import math
import os
import random
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import adjoint as ad
from adjoint.errors import AdjointError
from tests.programs import PROGRAMS

BLOCKS = 200 if os.environ.get("ADJOINT_FULL") else 4
CALLS = 100


def looped(x: Any, n: Any) -> Any:
    total = 0.0
    for i in range(n):
        total += x[i] * 2
    return total


def stored(x: Any, i: Any, v: Any) -> Any:
    y = x.copy()
    y[i] = v
    y[:2] += v
    return y


def changed(x: Any, v: Any) -> Any:
    x[0] = v
    x[1:] *= 2.0
    return x.sum()


def scattered(x: Any, i: Any) -> Any:
    y = np.zeros_like(x)
    y[i] += x[i]
    return y


def summed(items: Any) -> Any:
    total = 0.0
    for v in items:
        total += v
    return total


def deep(x: Any, n: Any) -> Any:
    return x if n <= 0 else deep(x * 0.5, n - 1) + 1.0


# Functions with arguments that they are made for.
FUNCTIONS: dict[Callable[..., Any], Callable[[], list[Any]]] = {
    looped: lambda: [np.arange(6.0), 3],
    stored: lambda: [np.arange(6.0), 1, 2.0],
    changed: lambda: [np.arange(6.0), 2.0],
    scattered: lambda: [np.arange(6.0), np.array([1, 2])],
    summed: lambda: [[1.0, 2.0]],
    deep: lambda: [1.0, 4],
    lambda x, y: x * y + x[::-1]: lambda: [np.arange(6.0), np.arange(6.0)],
    lambda a, b: a @ b: lambda: [np.ones((2, 3)), np.ones((3, 2))],
    lambda x, i: x[i] * 2: lambda: [np.arange(6.0), np.array([1, 2])],
    lambda p: p["a"] * p["b"][0]: lambda: [{"a": np.ones(2), "b": [2.0]}],
    lambda a, i, j: a[i, j] + a[j, i]: lambda: [np.ones((3, 3)), 1, 2],
    lambda x, a, b: x[a:b].sum() + x[a:b][::-1].sum(): lambda: [np.arange(6.0), 1, 3],
    lambda a, b: np.linalg.solve(a, b): lambda: [np.eye(3), np.ones(3)],
    lambda a: a.sum(axis=0) + a.max(): lambda: [np.ones((2, 3))],
    lambda x, m: x[m].sum(): lambda: [np.arange(6.0), np.arange(6) > 2],
}

strided = np.lib.stride_tricks.as_strided
ARRAYS: list[Callable[[], Any]] = [
    lambda: np.arange(6.0), lambda: np.arange(6.0).reshape(2, 3), lambda: np.arange(12.0).reshape(3, 4)[:, ::2],
    lambda: np.asfortranarray(np.arange(6.0).reshape(2, 3)), lambda: np.arange(6.0)[::-1], lambda: np.arange(12.0)[::3],
    lambda: np.zeros(0), lambda: np.zeros((0, 3)), lambda: np.zeros((3, 0)), lambda: np.array(2.0), lambda: np.eye(3).T,
    lambda: np.broadcast_to(1.5, (4,)), lambda: np.broadcast_to(np.arange(3.0), (2, 3)), lambda: np.arange(6.0).astype(">f8"),
    lambda: np.arange(6, dtype=np.float32), lambda: np.arange(6), lambda: np.arange(6, dtype=np.int32), lambda: np.arange(6) > 2,
    lambda: np.arange(6, dtype=np.uint8), lambda: np.arange(6.0) * 1j, lambda: np.arange(6.0).astype(np.float16),
    lambda: np.array(["a", "b"]), lambda: np.array([None, 1.0], dtype=object), lambda: np.array([math.nan, math.inf, -math.inf]),
    lambda: np.frombuffer(bytes(49), np.int8)[1:].view(np.float64), lambda: strided(np.arange(6.0), (4, 3), (8, 8)),
    lambda: strided(np.arange(6.0), (4,), (0,)), lambda: np.ma.masked_array(np.arange(3.0), [False, True, False]),
    lambda: np.zeros(3, dtype=[("a", float)]), lambda: np.zeros((1, 1, 1)), lambda: np.zeros((2,) * 6), lambda: np.array([5, -7]),
    lambda: np.array([2**63 - 1, -(2**63)]), lambda: np.array([0, -1, 2]), lambda: np.array([True, False, True]),
]  # fmt: skip
OTHERS: list[Any] = [
    0, 1, -1, 2, 3, 5, 150, -(2**63), 2**40, 2**63, -(2**70), 0.0, -0.0, 1.5, math.nan, math.inf, -math.inf, 1e300, True, False,
    None, "a", b"x", 2 + 1j, np.float64(2.5), np.float32(1.5), np.int64(3), np.int32(2), np.bool_(True), np.float64("nan"), len,
    ..., slice(1, 2), [1.0, 2.0], [1.0, np.arange(3.0)], [], [None], (1.0, 2), ((1.0,),), {"a": 1.0, "b": [2.0]}, {"a": 1.0}, {},
    {"a": np.arange(3.0), "b": [np.arange(3.0)]}, [[1.0], [2.0, 3.0]], [1, 2.0, True], {"b": {}, "a": 1}, "abc",
]  # fmt: skip


def arguments(r: random.Random, args: list[Any]) -> list[Any]:
    """Return arguments of which some are replaced."""
    for k in range(len(args)):
        if r.random() < 0.6:
            args[k] = r.choice(ARRAYS)() if r.random() < 0.6 else r.choice(OTHERS)
        if isinstance(args[k], np.ndarray) and r.random() < 0.1:
            args[k].flags.writeable = False
    args += [1.0] * (r.random() < 0.03)
    return args[: len(args) - (r.random() < 0.03)]


def outcome(f: Callable[..., Any], args: list[Any]) -> Any:
    """Return a result, or an exception."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return f(*args)
        except Exception as error:
            return error


def same(a: Any, b: Any) -> bool:
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    x, y = np.asarray(a), np.asarray(b)
    if x.shape != y.shape or x.dtype.kind != y.dtype.kind:
        return False
    if x.dtype.kind in "fc":
        return np.allclose(x, y, rtol=1e-4 if min(x.itemsize, y.itemsize) < 8 else 1e-11, atol=1e-12, equal_nan=True)
    return repr(a) == repr(b)


@pytest.mark.parametrize("block", range(BLOCKS))
def test_arguments_of_all_sorts(block: int) -> None:
    programs = {f: ad.jit(f, backend="native") for f in FUNCTIONS}
    for seed in range(block * CALLS, (block + 1) * CALLS):
        r = random.Random(seed)
        f = r.choice(list(FUNCTIONS))
        args = arguments(r, FUNCTIONS[f]())
        after = copy.deepcopy(args)
        want = outcome(f, after)
        for _ in range(2):
            given = copy.deepcopy(args)
            got = outcome(programs[f], given)
            if isinstance(got, AdjointError) or (isinstance(got, Exception) and isinstance(want, Exception)):
                continue
            assert not isinstance(got, Exception), (seed, args, got, want)
            assert same((got, *given), (want, *after)), (seed, args, got, want)


def test_an_index_that_another_thread_changes() -> None:
    """A place that was looked at is the place that is read or written: the process does not end, whatever comes out."""
    x, index, mask = np.arange(7.0), np.zeros(5000, np.int64), np.zeros(5000, bool)
    wide = np.ones(5000)

    def gathered(x: np.ndarray, index: np.ndarray, mask: np.ndarray, wide: np.ndarray) -> Any:
        y = np.zeros_like(x)
        y[index] += x[index]
        return y.sum() + wide[mask].sum()

    quick = ad.jit(gathered, backend="native")
    assert quick(x, index, mask, wide) == gathered(x, index, mask, wide)
    machine_code = quick.last.compiled.native
    done = threading.Event()

    def change() -> None:
        while not done.is_set():
            index[:], mask[:] = 10**15, True
            index[:], mask[:] = 3, False

    thread, interval = threading.Thread(target=change), sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    thread.start()
    for _ in range(300):
        machine_code(x, index, mask, wide)  # not by Python, which would call NumPy: that looks at a mask twice
    done.set()
    thread.join()
    sys.setswitchinterval(interval)


def test_lists_that_a_branch_has_not_made() -> None:
    """What the way there has not kept is None to the way back."""
    program = PROGRAMS["exceptions.a_loop_whose_first_turn_changes_a_type"]
    native, python = (ad.jit(program.function, backend=backend) for backend in ("native", "python"))
    np.testing.assert_allclose(ad.grad(native, (0, 1))(*program.args), ad.grad(python, (0, 1))(*program.args))


# Lists and arrays are made with less and less memory left: each call gives a result, or MemoryError.
SHORT_OF_MEMORY = """
import gc, resource
import numpy as np
import adjoint as ad

def listed(n):
    items = []
    for i in range(n):
        items.append(i * 1.0)
    return items

def arrays(n):
    a = np.zeros(n)
    b = np.cumsum(a + 1.0)
    return np.sort(b)[::-1] + a, b, a

programs = [ad.jit(f, backend="native") for f in (listed, arrays)]
for program in programs:
    program(10)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
for room in (10, 20, 40, 70, 100, 150, 300):
    resource.setrlimit(resource.RLIMIT_AS, (used + room * 2**20, resource.RLIM_INFINITY))
    for program in programs:
        try:
            program(10**6)
        except MemoryError:
            pass
        gc.collect()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited by the system in another way")
def test_no_memory(tmp_path: Path) -> None:
    program = tmp_path / "short_of_memory.py"
    program.write_text(SHORT_OF_MEMORY)
    done = subprocess.run([sys.executable, "-X", "faulthandler", str(program)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
