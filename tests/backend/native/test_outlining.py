"""Nests of loops as functions of their own: shared where equal, put back into inner loops, and the same results either way."""

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint as ad

pytest.importorskip("llvmlite")
from adjoint._api.source import program
from adjoint._backend.native import native, outlining
from adjoint._backend.native.text import Text

_DEFINED = re.compile(r"^define internal .*(@nest\d+)\(", re.MULTILINE)
_CALLED = re.compile(r"call .*(@nest\d+)\(.*\) (\w+)$", re.MULTILINE)


def text_of(f: Callable[..., Any], *args: Any) -> str:
    return native.source(program(f, args, {}, "source"))


def twice(x, y):
    a = np.exp(x) * x
    b = np.exp(y) * y
    return np.sum(a) + np.sum(b)


def in_a_loop(x, n):
    for _ in range(n):
        x = x * 1.5 - x[0]
    return np.sum(x)


def many_in_a_loop(x, n):
    y = x
    for _ in range(n):
        x, y = np.sqrt(x * x + 1) + y[0], np.cos(y) * x + y - np.sin(x) * y
        x, y = np.abs(x - y) + x[1] * y, np.tanh(y) + x * np.exp(-y * y) + x[0]
        x, y = np.where(x > y, x, -y) + y * y[1], np.hypot(x, y) - np.arctan(x) * x[1]
    return np.sum(x * y)


def fits(x, y):
    return np.sum(x * y + y)


def squares(x):
    return np.sum(x * x)


X, Y, A = np.linspace(0.5, 2.0, 40), np.linspace(-1.0, 1.0, 40), np.arange(12.0).reshape(3, 4)


def test_equal_nests_are_one_function() -> None:
    text = text_of(twice, X, Y)
    assert set(Counter(name for name, _ in _CALLED.findall(text)).values()) == {2}
    assert _DEFINED.findall(text) == ["@nest0"]


def test_an_array_that_is_read_twice_is_one_parameter() -> None:
    (params,) = re.findall(r"^define internal double @nest0\((.*)\) nounwind", text_of(squares, X), re.MULTILINE)
    assert params.count("ptr") == 1


def test_short_nests_of_loops_are_put_back() -> None:
    places = dict(_CALLED.findall(text_of(in_a_loop, X, 3)))
    assert sorted(places.values()) == ["alwaysinline", "noinline"]


def test_many_nests_stay_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "alwaysinline" in dict(_CALLED.findall(text_of(many_in_a_loop, X, 3))).values()
    monkeypatch.setattr(outlining, "_MOST", 10)
    assert set(dict(_CALLED.findall(text_of(many_in_a_loop, X, 3))).values()) == {"noinline"}


def test_the_innermost_are_put_back_first() -> None:
    text = "call @a @place.1\ncall @b @place.3\ncall @c @place.2\n"
    assert outlining.placed(text, {1: 900, 2: 600, 3: 300}).split() == [
        *("call", "@a", "noinline"),
        *("call", "@b", "alwaysinline"),
        *("call", "@c", "alwaysinline"),
    ]
    assert "noinline" not in outlining.placed(text, {1: 10, 2: 10, 3: 10})
    assert "alwaysinline" not in outlining.placed(text, {3: 2000})


@pytest.mark.parametrize(
    ("f", "args"),
    [
        (twice, (X, Y)),
        (twice, (X[:0], Y)),
        (in_a_loop, (X, 5)),
        (many_in_a_loop, (X, 2)),
        (fits, (A, A[0])),
        (fits, (A, A[:, :1])),
        (fits, (A[:, :1], A[:1])),
        (fits, (A, A[:0, :])),
    ],
)
@pytest.mark.parametrize("most", [0, 1000])
def test_results_are_the_same(monkeypatch: pytest.MonkeyPatch, f: Callable[..., Any], args: tuple[Any, ...], most: int) -> None:
    monkeypatch.setattr(outlining, "_MOST", most)
    monkeypatch.setenv("ADJOINT_CACHE", "0")  # which takes the limit for that of the source
    for g in (f, ad.grad(f)):
        try:
            expected = ad.jit(g, backend="python")(*args)
        except ValueError as error:
            with pytest.raises(ValueError, match=re.escape(str(error).splitlines()[0])):
                ad.jit(g, backend="native")(*args)
            continue
        np.testing.assert_allclose(ad.jit(g, backend="native")(*args), expected, rtol=1e-13)


def test_a_product_in_doubt_within_a_nest_is_computed_exactly() -> None:
    def f(x):
        return np.sum(np.where(x > 0, np.sqrt(x), 0.0))

    x = np.r_[np.zeros(20), np.ones(20)]
    np.testing.assert_array_equal(ad.jit(ad.grad(f), backend="native")(x), np.r_[np.zeros(20), np.full(20, 0.5)])


def test_known_values_of_variables_are_not_read_again() -> None:
    text = Text()
    a = text.variable("i64", private=True)
    first = text.load("i64", a)
    assert text.load("i64", a) == first
    text.store("i64", "%other", a)
    assert text.load("i64", a) == "%other"
    text.store("i64", "7", a)
    assert text.load("i64", a) not in (first, "%other", "7")
    text.place("head")  # of a loop: who comes from its end has other values
    assert text.load("i64", a) != first
    known = text.load("i64", a)
    text.branch("%condition", "then", "rest")
    text.begin("then", alone=True)
    assert text.load("i64", a) == known
    text.begin("rest")
    assert text.load("i64", a) != known
