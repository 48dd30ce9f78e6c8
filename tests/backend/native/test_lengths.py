"""Lengths, shapes and ranges that do not fit: negative, too large for any memory, or overflowing 64 bits.

A length that is wrong is an address that is wrong: each row has crashed, or could.  What machine code gives, or raises, is what
Python's program gives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from tests.backend.native.test_errors import Row, assert_same, rows

LEAST, MOST = -(2**63), 2**63 - 1


def zeros(*dims: int) -> np.ndarray:
    return np.zeros(dims)


def weighed(a: int, b: int, c: int) -> float:
    total = 0.0
    for i in range(a, b, c):
        total = total * 0.5 + i
    return total


def left(a: int, b: int) -> int:
    turns = 0
    for _ in range(a, b):
        turns += 1
        if turns > 5:
            break
    return turns


def halves(n: int) -> float:
    total = 0.0
    for i in range(0, n, n // 2 + 1):
        total += i
    return total


MADE: list[Row] = [
    *[(lambda n: np.zeros((0, n)), lambda n=n: (n,)) for n in (2**62, 2**40, MOST, LEAST, -1)],
    *[(lambda n: np.zeros((n, 0)).sum(), lambda n=n: (n,)) for n in (2**62, -1)],
    *[(lambda n: np.zeros((n, n, 0)), lambda n=n: (n,)) for n in (2**40, 2**20, -2)],
    *[(lambda n: np.zeros(n), lambda n=n: (n,)) for n in (2**45, 2**61, 2**62, MOST, LEAST)],
    *[(lambda n: np.ones((n, n)), lambda n=n: (n,)) for n in (2**32, 2**31, -3)],
    *[(lambda n: np.full((n, n, 3), 2.0)[0, 0], lambda n=n: (n,)) for n in (2**31, -2)],
    *[(lambda n: np.eye(n), lambda n=n: (n,)) for n in (2**31, -2, 0)],
    *[(lambda n, k: np.eye(n, k=k), lambda k=k: (3, k)) for k in (MOST, LEAST, 2**62, -4, 2)],
    *[(lambda x, k: np.triu(x, k) + np.tril(x, k), lambda k=k: (np.ones((3, 3)), k)) for k in (MOST, LEAST, 1)],
    *[(lambda a, b: np.arange(a, b), lambda a=a, b=b: (a, b)) for a, b in ((LEAST, MOST), (-(2**62), 2**62), (5, LEAST), (MOST - 2, MOST))],
    *[(lambda a, b: np.arange(a, b, 3), lambda a=a, b=b: (a, b)) for a, b in ((LEAST, MOST), (0, LEAST), (MOST - 7, MOST), (2, 9))],
    *[(lambda n: np.linspace(0.0, 1.0, n), lambda n=n: (n,)) for n in (-1, 0, 1, 2**50)],
    *[(lambda x, n: np.repeat(x, n), lambda n=n: (zeros(4), n)) for n in (2**45, -2, 0)],
    *[(lambda x, n: np.tile(x, n), lambda n=n: (zeros(4), n)) for n in (2**62, -2, 0)],
    *[(lambda x, n: np.roll(x, n), lambda n=n, k=k: (np.arange(float(k)), n)) for n in (MOST, LEAST) for k in (0, 1, 4)],
    *[(lambda x, n: np.concatenate([x, np.zeros((0, n))]), lambda n=n: (zeros(0, 3), n)) for n in (2**62, 3, -1)],
]  # fmt: skip

SHAPED: list[Row] = [
    *[(lambda x, n: x.reshape(n, -1), lambda n=n, k=k: (zeros(k), n)) for n in (2**62, 2**32, 0, -1, -2, LEAST) for k in (0, 4)],
    *[(lambda x, m, n: x.reshape(m, n), lambda k=k, m=m, n=n: (zeros(k), m, n)) for k in (0, 4) for m, n in (
        (-2, -2), (2**32, 2**32), (2**32, 2**31), (-4, -1), (-1, -4), (-1, 2), (0, -1), (2**40, 0), (2**62, 0), (2**63 - 1, 3),
    )],
    *[(lambda x, m, n: x.reshape(m, n, -1), lambda: (zeros(0), 2**32, 2**32))],
    *[(lambda x, n: np.broadcast_to(x, (n,)), lambda n=n: (np.ones(1), n)) for n in (2**61, -5, 0, 3)],
    *[(lambda x, n: np.sum(np.broadcast_to(x, (n,))[:3]), lambda n=n: (np.ones(1), n)) for n in (-5, 0, 2)],
    *[(lambda x, n: np.broadcast_to(x, (n, n, 3)) * 1.0, lambda n=n: (np.ones(3), n)) for n in (2**31, -1, 0)],
    *[(lambda x, n: x * np.broadcast_to(2.0, (n,)), lambda n=n, k=k: (np.ones(k), n)) for n in (-4, 0, 1, 3) for k in (0, 1, 3)],
    *[(lambda x, n: np.sum(x * np.broadcast_to(2.0, (n, 3))), lambda n=n: (np.ones(3), n)) for n in (-4, 0, 2)],
]  # fmt: skip

RANGES: list[Row] = [
    *[(weighed, lambda a=a, b=b, c=c: (a, b, c)) for a, b, c in (
        (LEAST, MOST, 2**62), (MOST, LEAST, LEAST), (MOST, LEAST, -(2**62)), (5, 0, 3), (5, -1, -3), (0, 10, 0), (MOST - 3, MOST, 1), (LEAST + 3, LEAST, -1), (3, 3, MOST), (0, 10, LEAST),
    )],
    *[(left, lambda a=a, b=b: (a, b)) for a, b in ((1, LEAST), (LEAST, MOST), (-(2**62), 2**62), (2, 2), (MOST, LEAST), (0, MOST))],
    *[(halves, lambda n=n: (n,)) for n in (MOST, 7, 0, -1)],
    *[(lambda x, a, b: x[a:b], lambda a=a, b=b: (np.arange(4.0), a, b)) for a, b in ((LEAST, MOST), (MOST, LEAST), (-2, MOST))],
    *[(lambda x, a, b: x[a:b:-3] * 2, lambda a=a, b=b: (np.arange(4.0), a, b)) for a, b in ((LEAST, MOST), (MOST, LEAST), (-1, LEAST))],
    *[(lambda x, i: x[i], lambda i=i: (np.arange(4.0), i)) for i in (LEAST, MOST, 2**62)],
    *[(lambda x, i: x[i + 1], lambda i=i: (np.arange(4.0), i)) for i in (MOST, -2)],
    *[(lambda x, i: x[i], lambda i=i: (np.arange(4.0), np.array([i, 0]))) for i in (LEAST, MOST)],
    *[(lambda x, i: x[i + 1], lambda i=i: (np.arange(4.0), np.array([i, 0]))) for i in (LEAST, MOST)],
    *[(lambda x, i: x[i], lambda n=n, i=i: (zeros(*n), np.array(i))) for n, i in (((0,), [0]), ((3, 0), [5]), ((3, 0), [2]), ((0, 3), np.zeros(0, int)))],
    *[(lambda x, i: x[i.astype(np.int64)], lambda i=i: (np.arange(4.0), np.array([i, 0.0]))) for i in (float("nan"), 1e300, -0.5)],
    *[(lambda n: [0.0] * n, lambda n=n: (n,)) for n in (-5, 2**62)],
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")
@pytest.mark.parametrize(("f", "make"), [*rows(MADE), *rows(SHAPED), *rows(RANGES)])
def test_lengths(f: Callable[..., Any], make: Callable[[], tuple[Any, ...]]) -> None:
    assert_same(f, make)
