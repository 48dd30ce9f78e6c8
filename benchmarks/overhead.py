"""What one operation costs under differentiation, forward and reverse together, against the peers and against NumPy itself.

::

    python -m benchmarks.overhead

Three questions, each answered by a table:

1. *A chain of 1,000 operations on scalars, and on vectors of 10.*  The arithmetic is nothing there, so the time is what the
   library adds to each operation.  The same program runs plain, by adjoint, by autograd and by eager PyTorch; a peer that is
   not installed is skipped, with the reason.
2. *Arrays of 1,000,000.*  The library is nothing there, so adjoint should take the time of the same arithmetic written by hand.
3. *Memory*: the peak of Python's allocator for each operation of the scalar chain, which is what a recorded operation takes.

The contenders take turns, so that a machine that slows down slows all of them, and each number is a median: of the times, and
of the ratios within a turn.  All gradients are compared first; a fast wrong derivative is worth nothing.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import math
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import adjoint as ad

UNIT = 10  # operations in one turn of the chain's loop
VECTOR = 10
START = 0.7, 0.3


def chain(sin, exp, tanh, turns):
    """Return the program: a chain of mixed operations whose values stay between -1 and 1 but for an exponential."""

    def program(x, y):
        for _ in range(turns):
            a = sin(x)
            b = a * y
            c = b + 0.5
            d = tanh(c)
            e = exp(d)
            g = x / e
            h = g - d
            k = h * h
            m = k + 1.0
            x = d / m
        return x

    return program


def summed(program, total):
    """Return the program with its result summed, to have a scalar to differentiate."""

    def scalar(x, y):
        return total(program(x, y))

    return scalar


def large(x):
    """Return a scalar of a large array: six elementwise operations and a sum."""
    u = np.sin(x)
    v = u * x
    w = np.tanh(v)
    q = np.exp(w)
    s = x / q
    return np.sum(s * w)


def large_by_hand(x):
    """Return value and gradient of `large` as adjoint's rules compute them, written by hand in NumPy."""
    u = np.sin(x)
    v = u * x
    w = np.tanh(v)
    q = np.exp(w)
    s = x / q
    value = np.sum(s * w)
    ct = np.broadcast_to(1.0, x.shape)
    s_bar = ct * w
    w_bar = ct * s
    x_bar = s_bar * (1 / q)
    q_bar = s_bar * (-s / q)
    w_bar += q_bar * q
    v_bar = w_bar * (1 - w * w)
    x_bar += v_bar * u
    u_bar = v_bar * x
    x_bar += u_bar * np.cos(x)
    return value, x_bar


@dataclass(frozen=True)
class Contender:
    """One way to compute a value, or a value and its gradients."""

    name: str
    run: Callable[[], Any]
    differentiates: bool = True


def scalar_contenders(turns: int) -> list[Contender]:
    """Return the scalar chain in all ways; the first is the plain function that the ratios refer to."""
    by_math, by_numpy = chain(math.sin, math.exp, math.tanh, turns), chain(np.sin, np.exp, np.tanh, turns)
    return [
        Contender("plain, math", lambda: by_math(*START), differentiates=False),
        Contender("plain, numpy", lambda: by_numpy(*START), differentiates=False),
        Contender("adjoint", _by_adjoint(by_math, START)),
        Contender("adjoint, numpy", _by_adjoint(by_numpy, START)),
        *_peer("autograd", lambda: _by_autograd(turns, START)),
        *_peer("torch", lambda: _by_torch(turns, START)),
    ]


def vector_contenders(turns: int) -> list[Contender]:
    """Return the chain on vectors in all ways; the first is the plain function that the ratios refer to."""
    start = tuple(value + np.linspace(0, 0.1, VECTOR) for value in START)
    plain = summed(chain(np.sin, np.exp, np.tanh, turns), np.sum)
    return [
        Contender("plain, numpy", lambda: plain(*start), differentiates=False),
        Contender("adjoint", _by_adjoint(plain, start)),
        *_peer("autograd", lambda: _by_autograd(turns, start)),
        *_peer("torch", lambda: _by_torch(turns, start)),
    ]


def large_contenders(size: int) -> list[Contender]:
    """Return the program on a large array: plain, by hand, by adjoint."""
    x = np.linspace(-2, 2, size)
    value_and_grad = ad.value_and_grad(large)
    return [
        Contender("plain, numpy", lambda: large(x), differentiates=False),
        Contender("by hand", lambda: large_by_hand(x)),
        Contender("adjoint", lambda: value_and_grad(x)),
    ]


def _by_adjoint(program: Callable[..., Any], start: Sequence[Any]) -> Callable[[], Any]:
    value_and_grad = ad.value_and_grad(program, argnums=(0, 1))
    return lambda: value_and_grad(*start)


def _by_autograd(turns: int, start: Sequence[Any]) -> Callable[[], Any]:
    autograd, anp = importlib.import_module("autograd"), importlib.import_module("autograd.numpy")
    program = summed(chain(anp.sin, anp.exp, anp.tanh, turns), anp.sum if np.ndim(start[0]) else lambda x: x)
    value_and_grad = autograd.value_and_grad(program, argnum=(0, 1))
    return lambda: value_and_grad(*start)


def _by_torch(turns: int, start: Sequence[Any]) -> Callable[[], Any]:
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    program = summed(chain(torch.sin, torch.exp, torch.tanh, turns), torch.sum if np.ndim(start[0]) else lambda x: x)

    def value_and_grad():
        x, y = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in start)
        value = program(x, y)
        return value.detach(), torch.autograd.grad(value, (x, y))

    return value_and_grad


def _peer(name: str, make: Callable[[], Callable[[], Any]]) -> list[Contender]:
    """Return the contender of a peer, or none if the peer is not installed."""
    try:
        return [Contender(name, make())]
    except ImportError:
        return []


def skipped() -> list[str]:
    """Return a line for each peer that cannot be imported, with the reason."""
    lines = []
    for peer in ("autograd", "torch"):
        try:
            importlib.import_module(peer)
        except ImportError as error:
            lines.append(f"skipped {peer}: {error}")
    return lines


def assert_agreement(contenders: Sequence[Contender]) -> None:
    """Raise `AssertionError` unless all values and all gradients are the same to rounding."""
    results = [(contender, contender.run()) for contender in contenders]
    values = [(c.name, float(result[0] if c.differentiates else result)) for c, result in results]
    gradients = [(c.name, np.hstack(result[1])) for c, result in results if c.differentiates]
    for name, value in values:
        np.testing.assert_allclose(value, values[0][1], rtol=1e-10, err_msg=f"value by {name}")
    for name, gradient in gradients:
        np.testing.assert_allclose(gradient, gradients[0][1], rtol=1e-8, err_msg=f"gradient by {name}")


def turns_of(contenders: Sequence[Contender], repetitions: int) -> dict[str, list[float]]:
    """Return the seconds that each contender took in each turn; they take turns, garbage collected before each call."""
    seconds: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for _ in range(repetitions):
        for contender in contenders:
            gc.collect()
            begin = time.perf_counter()
            contender.run()
            seconds[contender.name].append(time.perf_counter() - begin)
    return seconds


def ratio(seconds: dict[str, list[float]], name: str, base: str) -> float:
    """Return the median over the turns of the time of ``name`` over that of ``base``."""
    return statistics.median(a / b for a, b in zip(seconds[name], seconds[base], strict=True))


def show(title: str, contenders: Sequence[Contender], repetitions: int, *, operations: int) -> None:
    """Time the contenders and print a row for each: time, time per operation, its ratios, and adjoint's time over its own."""
    assert_agreement(contenders)
    seconds = turns_of(contenders, repetitions)
    plain = contenders[0].name
    print(f"\n{title}\n{'':16}{'ms':>10}{'us per op':>12}{'over plain':>12}{'adjoint over it':>17}")
    for name, times in seconds.items():
        median = statistics.median(times)
        cells = f"{median * 1e3:10.3f}{median * 1e6 / operations:12.3f}{ratio(seconds, name, plain):12.2f}"
        print(f"{name:16}{cells}{ratio(seconds, 'adjoint', name):17.2f}")


def show_memory(contenders: Sequence[Contender], *, operations: int) -> None:
    """Print the peak of Python's allocator per operation; PyTorch keeps its tape outside of it."""
    print("\nmemory of the scalar chain: peak bytes per operation")
    for contender in contenders:
        if contender.differentiates and contender.name != "torch":
            print(f"{contender.name:16}{peak(contender.run) / operations:10.0f}")


def peak(run: Callable[[], Any]) -> int:
    """Return by how many bytes the memory grew at most while ``run`` ran, the second time, when all caches are filled."""
    run()
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        run()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all measurements and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overhead", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--operations", type=int, default=1000, help="length of the chains (default: %(default)s)")
    parser.add_argument("--size", type=int, default=1_000_000, help="length of the large array (default: %(default)s)")
    parser.add_argument("--repetitions", type=int, default=25, help="turns of which the median is taken (default: %(default)s)")
    options = parser.parse_args(arguments)
    loops = max(1, options.operations // UNIT)
    operations, times = loops * UNIT, options.repetitions

    print(*skipped(), sep="\n", end="")
    scalar = scalar_contenders(loops)
    show(f"chain of {operations} operations on scalars", scalar, times, operations=operations)
    show(f"chain of {operations} operations on vectors of {VECTOR}", vector_contenders(loops), times, operations=operations)
    show(f"7 operations on arrays of {options.size}", large_contenders(options.size), times, operations=7)
    show_memory(scalar, operations=operations)
    return 0


if __name__ == "__main__":
    sys.exit(main())
