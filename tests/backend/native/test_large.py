"""Large blocks are kept for the next one who asks for as much, within limits, and never given to two at once."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import adjoint as ad
from adjoint._backend.native import machine, native, runtime_large

pytestmark = pytest.mark.skipif(not machine.available(), reason="llvmlite is not installed")


def kept() -> int:
    """Return how many bytes are kept now."""
    return int(native._SPARE[1])


doubled = ad.jit(lambda x: x * 2.0, backend="native")


def by_numpy(x):
    y = np.sin(x) * x
    return np.cumsum(y)[::-1] + y * np.cos(x)


compiled = ad.jit(by_numpy, backend="native")


def test_the_memory_of_a_result_is_used_again() -> None:
    x = np.linspace(0.0, 1.0, 40_000)
    doubled(x)
    y = doubled(x)
    place = y.ctypes.data
    del y
    before = kept()
    assert before >= x.nbytes
    again = doubled(x)
    assert again.ctypes.data == place
    assert kept() < before
    np.testing.assert_array_equal(again, 2.0 * x)


def test_a_result_that_somebody_has_is_not() -> None:
    x = np.linspace(0.0, 1.0, 40_000)
    results = [doubled(x + k) for k in range(12)]
    views = [y[10:] for y in results]
    del results
    for k in range(12):
        doubled(x * 0.0)
        np.testing.assert_array_equal(views[k], 2.0 * (x + k)[10:])


@pytest.mark.parametrize(
    "count", [8_187, 8_188, 8_189, 10_235, 10_236, 10_237, 12_283, 16_380, 16_381, 20_000, 131_068, 131_069]
)
def test_sizes_about_the_ends_of_classes(count: int) -> None:
    x = np.linspace(-1.0, 1.0, count)
    for _ in range(2):
        np.testing.assert_allclose(compiled(x), by_numpy(x), rtol=1e-11, atol=1e-11)


def test_no_more_is_kept_than_the_limit() -> None:
    x = np.ones(3_000_000)
    results = [doubled(x) for _ in range(6)]
    del results
    assert kept() <= runtime_large.MOST
    huge = doubled(np.ones(6_000_000))  # is the C library's
    before = kept()
    del huge
    assert kept() == before


def test_threads() -> None:
    wrong: list[int] = []

    def work(k: int) -> None:
        rng = np.random.default_rng(k)
        for _ in range(40):
            x = rng.normal(size=int(rng.integers(8_000, 60_000)))
            if not np.allclose(compiled(x), by_numpy(x), rtol=1e-9, atol=1e-9):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert 0 <= kept() <= runtime_large.MOST
