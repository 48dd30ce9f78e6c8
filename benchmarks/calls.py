"""What a call costs: of machine code, of its derivatives, and of what there is to compare with.

::

    python -m benchmarks.calls

The functions do next to nothing, a sine of one number or a sum over arrays of five, so that the time is that of the call:
taking arguments apart, finding the program, making objects of the results.  An empty call by ctypes is what calling C costs
from Python's standard library.  A peer that is not installed is skipped, with the reason.

The contenders take turns, and each number is a median; all values are compared first.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib
import math
import statistics
import sys
import timeit
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import adjoint as ad
from adjoint._backend.native import machine

X = 0.7
ARRAYS = tuple(np.linspace(0.1, 1.0, 5) + k for k in range(5))
SECONDS = 2e-3  # of one measurement
ALL = (0, 1, 2, 3, 4)
_SAME = "define double @same(double %x) {\n  ret double %x\n}\n"


def scalar(x):
    """Return a number for a number."""
    return x * math.sin(x)


def arrays(a, b, c, d, e):
    """Return a number for five arrays."""
    return np.sum(a * b + c * d + e)


@dataclass(frozen=True)
class Contender:
    """A function and the arguments to call it with; ``expected`` is what it has to return."""

    name: str
    function: Callable[..., Any]
    args: tuple[Any, ...]
    expected: Any


def contenders() -> list[Contender]:
    """Return all that can take part: first a function of Python's, which the ratios refer to."""
    y, slope = scalar(X), math.sin(X) + X * math.cos(X)
    total = arrays(*ARRAYS)
    a, b, c, d, e = ARRAYS
    both = total, (b, a, d, c, np.ones_like(e))
    found = [
        Contender("Python function of a number", scalar, (X,), y),
        Contender("NumPy function of 5 arrays", arrays, ARRAYS, total),
        Contender("adjoint: a number", ad.jit(scalar, backend="native"), (X,), y),
        Contender("adjoint: its gradient", ad.jit(ad.grad(scalar), backend="native"), (X,), slope),
        Contender("adjoint: 5 arrays", ad.jit(arrays, backend="native"), ARRAYS, total),
        Contender("adjoint: value and 5 gradients", ad.jit(ad.value_and_grad(arrays, ALL), backend="native"), ARRAYS, both),
    ]
    for maker, args in ((by_ctypes, (y, total)), (by_numba, (y, total)), (by_jax, (y, slope, total, both))):
        try:
            found += maker(*args)
        except ImportError as error:
            print(f"skipped {maker.__name__.removeprefix('by_')}: {error}")
    return found


def by_ctypes(y: Any, total: Any) -> list[Contender]:  # noqa: ARG001 - all makers are called alike
    """Return a function of C that returns the number that it takes, called by ctypes."""
    loaded = machine.compile_text(_SAME)
    same = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(loaded.address("same"))
    same.loaded = loaded  # type: ignore[attr-defined] - it lives as long as who calls it
    return [Contender("ctypes: an empty call", same, (X,), X)]


def by_numba(y: Any, total: Any) -> list[Contender]:
    """Return the functions compiled by numba."""
    numba = importlib.import_module("numba")
    made = ("numba: a number", scalar, (X,), y), ("numba: 5 arrays", arrays, ARRAYS, total)
    return [Contender(name, numba.njit(f), args, expected) for name, f, args, expected in made]


def by_jax(y: Any, slope: Any, total: Any, both: Any) -> list[Contender]:
    """Return the functions compiled by JAX; its arrays are made before, and a call ends when the result is there."""
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    jnp = jax.numpy

    def sine(x):
        return x * jnp.sin(x)

    def total_of(a, b, c, d, e):
        return jnp.sum(a * b + c * d + e)

    def ready(f):
        program = jax.jit(f)
        return lambda *args: jax.block_until_ready(program(*args))

    moved = tuple(map(jnp.asarray, ARRAYS))
    made = (
        ("jax: a number", sine, (X,), y),
        ("jax: its gradient", jax.grad(sine), (X,), slope),
        ("jax: 5 arrays", total_of, moved, total),
        ("jax: value and 5 gradients", jax.value_and_grad(total_of, ALL), moved, both),
    )
    return [Contender(name, ready(f), args, expected) for name, f, args, expected in made]


def check(contender: Contender) -> None:
    """Raise if a contender is wrong."""
    found, expected = contender.function(*contender.args), contender.expected
    if isinstance(expected, tuple):
        found, expected = [found[0], *found[1]], [expected[0], *expected[1]]
    else:
        found, expected = [found], [expected]
    for ours, right in zip(found, expected, strict=True):
        np.testing.assert_allclose(np.asarray(ours), right, rtol=1e-12, err_msg=contender.name)


def timer(contender: Contender) -> timeit.Timer:
    """Return what times a call, without a call of its own around it."""
    names = [f"a{k}" for k in range(len(contender.args))]
    known = dict(zip(names, contender.args, strict=True)) | {"f": contender.function}
    return timeit.Timer(f"f({', '.join(names)})", globals=known)


def measure(found: Sequence[Contender], repetitions: int) -> dict[str, list[float]]:
    """Return the seconds of a call, for each contender and turn."""
    timers = {one.name: timer(one) for one in found}
    calls = {name: max(1, round(SECONDS / max(1e-8, one.timeit(50) / 50))) for name, one in timers.items()}
    seconds: dict[str, list[float]] = {name: [] for name in timers}
    for _ in range(repetitions):
        for name, one in timers.items():
            seconds[name].append(one.timeit(calls[name]) / calls[name])
    return seconds


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calls", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repetitions", type=int, default=101, help="turns (default: %(default)s)")
    options = parser.parse_args(argv)
    found = contenders()
    for one in found:
        check(one)
    seconds = measure(found, options.repetitions)
    first = found[0].name
    print(f"{'':34}{'ns a call':>12}{'over Python':>14}")
    for name, turns in seconds.items():
        ratio = statistics.median(own / plain for own, plain in zip(turns, seconds[first], strict=True))
        print(f"{name:34}{statistics.median(turns) * 1e9:12.0f}{ratio:14.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
