"""Arrays that share memory: a compiled function does with them what the function does, or refuses to write into them.

Each function writes into its arguments, or returns views of them; each pair of arguments shares its memory in another way.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import AdjointError, MutationError

Pair = tuple[np.ndarray, np.ndarray]


def both_written(x: np.ndarray, y: np.ndarray) -> Any:
    x[0] = 5.0
    y[1] = x[0] * 2
    return x + y


def moved(x: np.ndarray, y: np.ndarray) -> Any:
    x[1:] = y[:-1] * 2
    return y.sum()


def looped(x: np.ndarray, y: np.ndarray) -> Any:
    for i in range(len(y) - 1):
        x[i] = y[i + 1] + x[i]
    return x.sum()


def in_place(x: np.ndarray, y: np.ndarray) -> Any:
    x += y
    x *= 2
    return x @ y


def backwards(x: np.ndarray, y: np.ndarray) -> Any:
    x[::-1] += y
    return y


def renamed(x: np.ndarray, y: np.ndarray) -> Any:
    z = x
    z[0] = y[1]
    return x


def through_a_view(x: np.ndarray, y: np.ndarray) -> Any:
    z = x[1:]
    z[0] = 9.0
    y[0] = z[0] + x[1]
    return z


def exchanged(x: np.ndarray, y: np.ndarray) -> Any:
    x, y = y, x
    x[0] = 3.0
    return y[0]


def by_a_condition(x: np.ndarray, y: np.ndarray) -> Any:
    if x[0] > 1.5:
        x[1] = y[0]
    else:
        y[1] = x[0]
    return x[1] * y[1]


def into(x: np.ndarray, y: np.ndarray) -> Any:
    np.add(x, y, out=x)
    np.multiply(y, 2.0, out=y[:])
    return x * 1


def sorted_there(x: np.ndarray, y: np.ndarray) -> Any:
    x[:] = x[::-1]
    x.sort()
    x.fill(x[0])
    return y[0]


def read_before(x: np.ndarray, y: np.ndarray) -> Any:
    before, view = y[1], y[1:]
    x[1] = 0.0
    return before, view + 0


def of_a_list(x: np.ndarray, y: np.ndarray) -> Any:
    both = [x, y]
    both[0][0] = 4.0
    return both[1][0]


def views(x: np.ndarray, y: np.ndarray) -> Any:
    return x[1:], y, x, x.T, x.reshape(-1), x[None]


FUNCTIONS = [
    both_written, moved, looped, in_place, backwards, renamed, through_a_view, exchanged, by_a_condition, into, sorted_there,
    read_before, of_a_list, views,
]  # fmt: skip


def base(n: int, dtype: type = float) -> np.ndarray:
    return np.arange(1.0, n + 1.0).astype(dtype)


def frozen() -> np.ndarray:
    x = base(5)
    x.flags.writeable = False
    return x


PAIRS: dict[str, Callable[[], Pair]] = {
    "apart": lambda: (base(5), base(5) + 1),
    "twice": lambda: (x := base(5), x),
    "overlapping": lambda: ((x := base(6))[:-1], x[1:]),
    "reversed": lambda: (x := base(5), x[::-1]),
    "interleaved": lambda: ((x := base(10))[::2], x[1::2]),
    "view": lambda: (x := base(5), x.view()),
    "equal views": lambda: ((x := base(10))[::2], x[::2]),
    "halves": lambda: ((x := base(10))[:5], x[5:]),
    "read only": lambda: (x := frozen(), x),
    "broadcast": lambda: (np.broadcast_to(base(1), (5,)), base(5)),
    "one place": lambda: (np.lib.stride_tricks.as_strided(base(6), (5,), (0,)), base(5)),
    "windows": lambda: (np.lib.stride_tricks.as_strided(base(6), (5, 2), (8, 8)), base(2)),
    "float32": lambda: (x := base(5, np.float32), x[:]),
}


def outcome(f: Callable[..., Any], args: Pair) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return f(*args)
        except (ValueError, AdjointError) as error:
            return error


@pytest.mark.parametrize("backend", ["python", "native"])
@pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make in PAIRS.items()])
@pytest.mark.parametrize("f", FUNCTIONS)
def test_shared_memory(f: Callable[..., Any], make: Callable[[], Pair], backend: str) -> None:
    if backend == "native":
        pytest.importorskip("llvmlite")
    after = make()
    want = outcome(f, after)
    jitted = ad.jit(f, backend=backend)
    for _ in range(2):  # the second call takes the short way
        args = make()
        got = outcome(jitted, args)
        if isinstance(got, MutationError) or (isinstance(want, ValueError) and isinstance(got, (ValueError, AdjointError))):
            continue
        assert not isinstance(got, ValueError), got
        for x, y in zip((*as_tuple(got), *args), (*as_tuple(want), *after), strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-6, strict=True)


def as_tuple(x: Any) -> tuple[Any, ...]:
    return x if isinstance(x, tuple) else (x,)
