"""Blocks are given up once and by the right owner: with borrowed variables, shares that are handed over, arguments that stay."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint._api.jit import Jitted
from adjoint._backend.native import machine, native

pytestmark = pytest.mark.skipif(not machine.available(), reason="llvmlite is not installed")


def summed(x, n):
    """A recursion whose argument goes through unchanged, and another that changes."""
    if n == 0:
        return np.sum(x)
    return summed(x, n - 1) + 0.5 * summed(np.sin(x), n - 1)


def returned(x, n):
    """The argument itself is the result, on one side."""
    return x if n == 0 else returned(x * 1.01, n - 1)


def through_recursion(x, n):
    return np.sum(returned(x, n) * returned(x, 0))


def halves(x):
    """A recursion over parts of an array, as of a sum in pairs."""
    if len(x) < 4:
        return np.sum(x * x)
    k = len(x) // 2
    return halves(x[:k]) * 0.5 + halves(x[k:]) * 0.7


def kept_and_used_again(x, n):
    """Items of a list stay there, and go to another one and into a sum."""
    rows, others = [], []
    for i in range(n):
        rows.append(np.sin(x + i))
    total = np.zeros(len(x))
    for row in rows:
        others.append(row)
        total = total + row
    for k in range(n):
        total = total * 0.5 + others[k] * rows[n - 1 - k]
    return np.sum(total)


def lists_in_lists(x, n):
    table = []
    for i in range(n):
        rows = []
        for j in range(3):
            rows.append(x * (i + j + 1.0))
        table.append(rows)
    total = 0.0
    for rows in table:
        first = rows[0]
        for row in rows:
            total = total + np.sum(row * first)
            first = row
    return total


def changed_items(x, n):
    """Items are taken, and replaced while their old values are still used."""
    rows = [x, x * 2.0, x * 3.0]
    total = np.zeros(len(x))
    for i in range(n):
        old = rows[i % 3]
        rows[i % 3] = np.cos(old)
        total = total + old * rows[(i + 1) % 3]
    return np.sum(total)


def exchanged(x, n):
    a, b = np.sin(x), np.cos(x)
    for _ in range(n):
        a, b = b, a * 0.9 + b
    return np.sum(a * b)


def last_item(x, n):
    """The item of the last turn is used after the loop."""
    rows = []
    for i in range(n):
        rows.append(x + i)
    row = x
    for row in rows:  # noqa: B007
        pass
    return np.sum(row * x)


def left_early(x, n):
    rows = []
    for i in range(n):
        rows.append(x * (i + 1.0))
    total = 0.0
    for row in rows:
        if np.sum(row) > 1e9:
            return total
        total = total + np.sum(row * row)
    return total


def pairs(x, n):
    """A recursion that returns two arrays."""
    if n == 0:
        return x, np.cos(x)
    a, b = pairs(x * 0.9, n - 1)
    return b, a + b


def of_pairs(x, n):
    a, b = pairs(x, n)
    return np.sum(a * b)


def updated(x, n):
    """An argument that a recursion changes in place, and the caller uses again."""
    y = x.copy()
    total = 0.0
    for i in range(n):
        y[i] = y[i] * y[i + 1]
        total = total + np.sum(y) * returned(x, i % 2)[0]
    return total + np.sum(y)


CASES = [
    (summed, 4), (through_recursion, 5), (kept_and_used_again, 4), (lists_in_lists, 3), (changed_items, 7), (exchanged, 5),
    (last_item, 3), (left_early, 3), (of_pairs, 5), (updated, 4),
]  # fmt: skip
IDS = [case[0].__name__ for case in CASES]


@pytest.mark.parametrize(("f", "n"), CASES, ids=IDS)
def test_values_and_derivatives(f: Callable[..., Any], n: int) -> None:
    x = np.linspace(0.1, 0.9, 6)
    assert ad.jit(f, backend="native")(x, n) == pytest.approx(f(x, n), rel=1e-13)
    gradient = ad.jit(ad.grad(f), backend="native")
    np.testing.assert_allclose(gradient(x, n), ad.grad(f)(x, n), rtol=1e-12)
    np.testing.assert_allclose(ad.jit(ad.hessian(f), backend="native")(x, n), ad.hessian(f)(x, n), rtol=1e-10, atol=1e-11)
    assert gradient.backend_used == "native"


def test_recursion_over_parts() -> None:
    x = np.linspace(0.1, 0.9, 23)
    assert ad.jit(halves, backend="native")(x) == pytest.approx(halves(x), rel=1e-14)
    np.testing.assert_allclose(ad.jit(ad.grad(halves), backend="native")(x), ad.grad(halves)(x), rtol=1e-13)


def resident() -> int:
    """Return how many bytes of memory the process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(sys.platform != "linux", reason="how much memory a process has is asked of Linux")
@pytest.mark.parametrize(("f", "n"), CASES, ids=IDS)
def test_no_block_is_lost(f: Callable[..., Any], n: int) -> None:
    x = np.linspace(0.1, 0.9, 60_000)
    functions = ad.jit(f, backend="native"), ad.jit(ad.grad(f), backend="native")
    sizes = []
    for _ in range(4):
        for g in functions:
            for _ in range(6):
                g(x, n)
        sizes.append(resident())
    assert sizes[3] - sizes[1] < 6 * x.nbytes  # a block that is lost in each call would be twelve


def test_the_way_back_of_a_recursion_counts_no_owners() -> None:
    def minor(a, row, columns):
        if len(columns) == 1:
            return a[row, columns[0]]
        total = 0.0
        for k in range(len(columns)):
            total += a[row, columns[k]] * minor(a, row + 1, np.concatenate((columns[:k], columns[k + 1 :])))
        return total

    f = lambda a: minor(a, 0, np.arange(len(a)))
    g = Jitted(ad.grad(f), backend="native")
    a = np.random.default_rng(0).normal(size=(5, 5))
    np.testing.assert_allclose(g(a), ad.grad(f)(a), rtol=1e-12)
    compiled = g.last.compiled  # pyright: ignore[reportOptionalMemberAccess]
    text = native._module(compiled.native.tuned)[1]  # pyright: ignore[reportOptionalMemberAccess]
    parts = {part.split("(")[0]: part.split("\n}\n")[0] for part in text.split("define internal i8 ")[1:]}
    way_back = next(part for part in parts.values() if "ptr %p2.o" in part and "double %p1" in part)
    assert "@adj.retain" not in way_back
    assert "@adj.release" not in way_back
