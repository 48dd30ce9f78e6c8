"""Calls of compiled functions: the shortcut of machine code, and what it leaves to Python."""

from __future__ import annotations

import copy
import gc
import inspect
import pickle
import threading
import weakref
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint._api.jit import Jitted
from adjoint._backend.native import machine

pytestmark = pytest.mark.skipif(not machine.available(), reason="llvmlite is not installed")
X = np.array([1.0, 2.0, 3.0])


def square(x, n=2):
    """Return a power."""
    return x**n


def both(x):
    return np.sum(x), x * 2.0


def swapped(x):
    return x * 2.0, np.sum(x)


def known(f: Any, *args: Any) -> Any:
    """Return a compiled function that has been called once."""
    g = ad.jit(f, backend="native")
    g(*args)
    return g


def test_the_shortcut_is_a_method_of_the_class() -> None:
    g = known(lambda x: x * x, 2.0)
    assert g.quick is not None
    assert type(g) is Jitted
    assert not inspect.isfunction(Jitted.__call__)
    assert g(3.0) == 9.0


def test_results_that_need_no_other_form_come_as_they_are() -> None:
    pair = known(ad.value_and_grad(lambda x: np.sum(x * x)), X)
    assert pair.quick is not None
    value, gradient = pair(X)
    assert value == 14.0
    np.testing.assert_array_equal(gradient, 2.0 * X)
    named = known(lambda x: {"a": x, "b": [x * 2.0]}, 1.0)
    assert named.quick is None
    assert named(2.0) == {"a": 2.0, "b": [4.0]}
    for f in (both, swapped):
        for a, b in zip(known(f, X)(X + 1.0), f(X + 1.0), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("args", [(3.0,), (np.float64(3.0),), (X,), (X[::2],), (X.astype(np.float32),), (3,)], ids=repr)
def test_what_it_declines_goes_the_long_way(args: tuple[Any, ...]) -> None:
    g = known(lambda x: x * x, 2.0)
    for _ in range(2):
        np.testing.assert_array_equal(g(*args), args[0] * args[0])
        assert g(5.0) == 25.0


def test_keywords_and_defaults() -> None:
    g = known(square, 3.0)
    assert g(4.0) == 16.0
    assert g(x=4.0) == 16.0
    assert g(4.0, n=3) == 64.0
    assert g(4.0, 3) == 64.0
    assert g(*[5.0]) == 25.0


def test_wrong_arguments() -> None:
    g = known(lambda x: x * x, 2.0)
    for _ in range(2):
        with pytest.raises(TypeError):
            g()
        with pytest.raises(TypeError):
            g(1.0, 2.0)
        with pytest.raises(TypeError):
            g(y=1.0)
        assert g(3.0) == 9.0


def test_exceptions_pass_through() -> None:
    def f(x):
        if x < 0.0:
            raise ValueError("negative")
        return x * x

    g = known(f, 1.0)
    with pytest.raises(ValueError, match="negative"):
        g(-1.0)
    assert g(2.0) == 4.0


def test_what_ran_is_told() -> None:
    g = known(lambda x: x * x, 2.0)
    assert g.backend_used == "native"
    g(np.array(["a"], dtype=object)[:0].astype(float))
    assert g.backend_used == "native"
    g(1j)
    other = g.backend_used
    g(2.0)
    assert g.backend_used == "native"
    assert other in ("native", "python")


def test_within_a_derivative() -> None:
    g = known(lambda x: x * x, 2.0)
    assert ad.grad(g)(3.0) == 6.0
    assert ad.grad(lambda x: g(x) * g(x))(2.0) == 32.0
    assert g(3.0) == 9.0


def test_methods_signatures_and_copies() -> None:
    class Model:
        scale = 3.0

        @ad.jit
        def value(self, x):
            return self.scale * x

    model = Model()
    assert [model.value(2.0), model.value(3.0)] == [6.0, 9.0]
    g = known(square, 3.0)
    assert list(inspect.signature(g).parameters) == ["x", "n"]
    assert g.__doc__ == square.__doc__
    for again in (pickle.loads(pickle.dumps(g)), copy.copy(g)):
        assert again(3.0) == 9.0


def test_a_function_that_nobody_has_is_freed() -> None:
    g = known(lambda x: x * x, 2.0)
    there = weakref.ref(g)
    del g
    gc.collect()
    assert there() is None


def test_many_calls_leave_nothing_behind() -> None:
    g = known(lambda x: x * x, 2.0)
    counts = []
    for _ in range(3):
        for _ in range(200):
            g(2.5)
            g(np.float64(2.5))
            g(X)
        gc.collect()
        counts.append(len(gc.get_objects()))
    assert counts[2] - counts[1] < 50


def test_threads() -> None:
    g = known(lambda x: x * x, 2.0)
    wrong: list[float] = []

    def work(k: int) -> None:
        wrong.extend(x for x in map(float, range(500)) if g(x + k) != (x + k) ** 2)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
