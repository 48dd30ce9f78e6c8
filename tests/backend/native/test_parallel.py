"""`parallel=True`: which loops threads share, that they compute the same, for any number of threads, and how they fail."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint._api.jit import Jitted
from adjoint._backend.native import native, threads
from adjoint._backend.options import Options
from adjoint._ir import independence
from adjoint._ir.independence import DIVIDED, FOLDED, LAST, SUMMED
from adjoint._ir.nodes import Loop, walk
from tests.backend.native.test_corpus import BY_PYTHON, assert_equal
from tests.programs import PROGRAMS

RNG = np.random.default_rng(0)
X = RNG.normal(size=5000)
A = RNG.normal(size=(300, 40))
W = RNG.normal(size=40)


@pytest.fixture(autouse=True)
def smallest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Divide every loop that can be, however little it has to do; the cache takes the limits for those of the sources."""
    monkeypatch.setenv("ADJOINT_CACHE", "0")
    monkeypatch.setattr(threads, "GRAIN", 1)
    monkeypatch.setattr(threads, "LEAST", 0)
    monkeypatch.setattr(threads, "SUM", 0)


# Functions whose loop is divided -------------------------------------------------------------------------------------------


def sums(x, w):
    total, count = 0.0, 0
    for i in range(len(x)):
        if x[i] > 0:
            total += math.sin(x[i]) * w[i % 40]
            count += 1
        else:
            total -= x[i] ** 2
    return total / count


def product(x, w):
    total = 1.0
    for i in range(len(x)):
        total *= 1 + 0.001 * x[i] * w[i % 40]
    return total


def extrema(x, w):
    low, high = np.inf, -np.inf
    for i in range(len(x)):
        low = min(low, x[i] * w[0])
        high = np.maximum(high, x[i])
    return high - low


def own_elements(x, w):
    y = np.zeros(len(x))
    for i in range(len(x)):
        y[i] = np.sin(x[i])
        y[i] *= 1 + y[i] * w[1]
    return np.sum(y * x)


def last_values(x, w):
    t = 0.0
    for i in range(len(x)):
        t = x[i] * w[2]
    return t


def neighbours(x, w):
    total = 0.0
    for i in range(1, len(x) - 1):
        total += (x[i - 1] * w[0] - 2 * x[i] + x[i + 1] * w[1]) ** 2
    return total


def histogram(x, w):
    bins = np.zeros(7)
    for i in range(len(x)):
        bins[i * i % 7] += x[i] * w[3]
    return np.sum(bins**3)


def work_array(x, w):
    total = 0.0
    for i in range(0, len(x), 3):
        t = np.zeros(40)
        for j in range(40):
            t[j] = math.tanh(x[i] * w[j])
        total += np.sum(t) + t[3]
    return total


def called(x, w):
    total = 0.0
    for i in range(len(x)):
        total += recursive(x[i], 3) * w[5]
    return total


def recursive(x, n):
    return x if n == 0 else recursive(x * x / (1 + x * x), n - 1) + x


def rows(x, w):
    y = np.zeros((len(x) // 40, 40))
    for i in range(len(y)):
        y[i] = np.exp(-(x[i : i + 40] ** 2)) * w
        y[i, 0] = 0.0
    return np.sum(y**2)


def backwards(x, w):
    y = np.zeros(len(x))
    for i in range(len(x) - 1, 0, -1):
        y[i - 1] = x[i] * w[4]
    return np.sum(y * x)


def vector_sums(x, w):
    mean = np.zeros_like(w)
    for i in range(len(x)):
        mean += x[i] * w
        mean -= x[i] ** 2
    return np.sum(mean**2)


DIVISIBLE = [
    sums, product, extrema, own_elements, last_values, neighbours, histogram, work_array, called, rows, backwards, vector_sums,
]  # fmt: skip


def run(f: Callable[..., Any], *args: Any, count: int | bool) -> tuple[Any, Any]:
    """Return the value of a function by so many threads, and its module."""
    g = Jitted(f, backend="native", options=Options(parallel=count))
    y = g(*args)
    assert g.backend_used == "native"
    return y, native._module(g.last.compiled.function, options=Options(parallel=count))[0]  # type: ignore[union-attr]


@pytest.mark.parametrize("f", DIVISIBLE)
@pytest.mark.parametrize("derivative", [lambda f: f, ad.value_and_grad], ids=["value", "gradient"])
def test_threads_compute_the_same(f: Callable[..., Any], derivative: Any) -> None:
    want = ad.jit(derivative(f), backend="python")(X, W)
    one, module = run(derivative(f), X, W, count=1)
    assert module.divisions or f in (product, extrema)  # their derivatives need what was there before each turn
    assert all("@least" not in part for part in map(module.decided, module.parts()))
    assert_equal(one, want)
    for count in (2, 5, True):
        several, _ = run(derivative(f), X, W, count=count)
        for a, b in zip(_leaves(one), _leaves(several), strict=True):
            np.testing.assert_array_equal(a, b)


def _leaves(y: Any) -> list[Any]:
    return [leaf for part in y for leaf in _leaves(part)] if isinstance(y, tuple) else [y]


@pytest.mark.parametrize("name", list(PROGRAMS)[::12])
def test_programs_of_the_corpus(name: str) -> None:
    program = PROGRAMS[name]
    g = ad.value_and_grad(program.function, argnums=tuple(range(len(program.args))))
    try:
        want = ad.jit(g, backend="python")(*program.args)
    except ad.errors.AdjointError as error:
        pytest.skip(f"not translated: {error}".splitlines()[0])
    if name in BY_PYTHON:
        pytest.skip(BY_PYTHON[name])
    for count in (1, 3):
        assert_equal(ad.jit(g, backend="native", parallel=count)(*program.args), want)


# Loops and their roles ------------------------------------------------------------------------------------------------------


def running_sum(x):
    y = np.zeros_like(x)
    total = 0.0
    for i in range(len(x)):
        total += x[i]
        y[i] = total
    return y


def recurrence(x):
    s = 0.0
    for i in range(len(x)):
        s = 0.5 * s + x[i]
    return s


def reads_neighbours(x):
    y = np.zeros_like(x)
    for i in range(1, len(x)):
        y[i] = y[i - 1] + x[i]
    return y


def writes_across(x):
    y = np.zeros_like(x)
    for i in range(len(x) - 1):
        y[i] = x[i]
        y[i + 1] = 2 * x[i]
    return y


def stops(x):
    s = 0.0
    for i in range(len(x)):
        if x[i] > 2:
            break
        s += x[i]
    return s


def swaps(x):
    a, b = 0.0, 1.0
    for i in range(len(x)):
        a, b = b + x[i], a
    return a


def sum_and_product(x):
    s = 0.0
    for i in range(len(x)):
        s = s + x[i] if x[i] > 0 else s * x[i]
    return s


def taken_from(x):
    s = 0.0
    for i in range(len(x)):
        s = x[i] - s
    return s


def sum_in_test(x):
    s = 0.0
    for i in range(len(x)):
        if s < 3:
            s += x[i]
    return s


def transposed(x):
    y = np.zeros((len(x), 3))
    for j in range(3):
        for i in range(len(x)):
            y[i, j] = x[i] ** j
    return y


def kept_sum(x):
    y = np.zeros(3)
    s = 0.0
    for i in range(len(x)):
        s += x[i]
        y[i % 3] += s
    return y


ROLES = [
    (lambda x: sums(x, x), [FOLDED, FOLDED]), (running_sum, None), (recurrence, None), (reads_neighbours, None),
    (writes_across, None), (stops, None), (swaps, None), (sum_and_product, None), (taken_from, None), (sum_in_test, None),
    (transposed, [DIVIDED]), (kept_sum, None), (lambda x: own_elements(x, x), [DIVIDED]), (lambda x: histogram(x, x), [SUMMED]),
    (lambda x: last_values(x, x), [LAST]), (lambda x: backwards(x, x), [DIVIDED]),
]  # fmt: skip


@pytest.mark.parametrize(("f", "expected"), ROLES)
def test_roles(f: Callable[..., Any], expected: list[str] | None) -> None:
    g = Jitted(f, backend="python")
    g(X)
    loop = next(op for op in walk(g.last.compiled.function.body) if isinstance(op, Loop))  # type: ignore[union-attr]
    found = independence.roles(loop)
    assert (found if found is None else [role.sort for role in found]) == expected


@pytest.mark.parametrize("f", [f for f, expected in ROLES if expected is None])
def test_dependent_loops_stay_in_order(f: Callable[..., Any]) -> None:
    np.testing.assert_array_equal(ad.jit(f, backend="native", parallel=3)(X), ad.jit(f, backend="native")(X))


def both_ends(x):
    y = np.zeros(len(x))
    for i in range(-3, 3):
        y[i] = y[i] + x[i + 3] * (i + 10)
    return y


def below_zero(x, y):
    total = 0.0
    for i in range(6):
        total += x[i - 2] * y[i]
    return total


def test_indices_from_both_ends_are_not_divided() -> None:
    x = np.arange(1.0, 7.0)
    np.testing.assert_array_equal(
        ad.jit(both_ends, backend="native", parallel=2)(x[:5].copy().repeat(2)), both_ends(x[:5].repeat(2))
    )
    np.testing.assert_array_equal(ad.jit(both_ends, backend="native", parallel=2)(x), both_ends(x))
    gradient = ad.jit(ad.grad(below_zero), backend="native", parallel=2)(x, x)
    np.testing.assert_array_equal(gradient, np.roll(x, -2))


# Failures, and what needs Python --------------------------------------------------------------------------------------------


def picks(x, k):
    total = 0.0
    for i in range(len(x)):
        total += x[k[i]]
    return total


def guarded(x, k):
    y = np.zeros(len(x))
    for i in range(len(x)):
        t = np.zeros(3 + i)
        t[1] = x[i]
        if k[i] > 5:
            raise ValueError(f"no good: {k[i]}")
        y[i] = np.sum(t) * 2
    return y


def norms(x, k):
    total = 0.0
    for i in range(3):
        total += np.linalg.cond(x[k[i] : k[i] + 4].reshape(2, 2))
    return total


def test_an_error_in_a_part_is_that_of_python() -> None:
    k = np.zeros(len(X), int)
    g = ad.jit(picks, backend="native", parallel=2)
    assert g(X, k) == pytest.approx(picks(X, k))
    k[4321] = len(X)
    with pytest.raises(IndexError, match="5000 is out of bounds"):
        g(X, k)
    k[4321] = 6
    with pytest.raises(ValueError, match="no good: 6"):
        ad.jit(guarded, backend="native", parallel=2)(X[:400], k[4000:4400])


def test_a_loop_that_calls_back_is_not_divided() -> None:
    g = ad.jit(norms, backend="native", parallel=2)
    k = np.array([0, 9, 77])
    assert g(X, k) == pytest.approx(norms(X, k))
    module, text = native._module(g.last.compiled.function, options=Options(parallel=True))
    assert module.divisions[0].calls_back
    assert f"icmp sge i64 3, {2**62}" in text


def at_zero(x):
    total = 0.0
    for i in range(len(x)):
        total += np.sqrt(x[i]) * x[i]
    return total


def test_zero_wins_in_a_part() -> None:
    """A product of zero and infinity in one part: all of the program runs again in its exact form."""
    x = np.abs(X)
    x[[17, 4000]] = 0.0
    gradient = ad.jit(ad.grad(at_zero), backend="native", parallel=2)(x)
    np.testing.assert_allclose(gradient, 1.5 * np.sqrt(x), rtol=1e-14)


def test_small_loops_are_not_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    x = X[:50]
    assert ad.jit(neighbours, backend="native", parallel=2)(x, W) == ad.jit(neighbours, backend="native")(x, W)


def test_the_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Options().threads == 1
    assert Options(parallel=3).threads == 3
    assert Options(parallel=True).threads >= 1
    monkeypatch.setenv("ADJOINT_THREADS", "7")
    assert Options(parallel=True).threads == 7
    assert Options(parallel=2).threads == 2


@pytest.mark.parametrize("count", [-1, 0, "yes", 2.5, None])
def test_what_is_no_number_of_threads(count: Any) -> None:
    with pytest.raises(ValueError, match="parallel is True, False, or a number of threads from 1"):
        ad.jit(sums, parallel=count)


@pytest.mark.parametrize("given", ["x", "0", "-3", "1.5"])
def test_what_the_environment_says_wrongly(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADJOINT_THREADS", given)
    with pytest.raises(ValueError, match="ADJOINT_THREADS"):
        ad.jit(sums, backend="native", parallel=True)(X, W)


def test_many_calls_at_once() -> None:
    """Threads of Python's, each of whose calls has threads of its own."""
    from concurrent.futures import ThreadPoolExecutor

    g = ad.jit(ad.value_and_grad(work_array), backend="native", parallel=2)
    want = g(X[:300], W)
    with ThreadPoolExecutor(4) as pool:
        for value, gradient in pool.map(lambda _: g(X[:300], W), range(40)):
            assert value == want[0]
            np.testing.assert_array_equal(gradient, want[1])
