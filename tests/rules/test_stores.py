"""Stores that a case of `cases_indexing.py` cannot express: refusals, and what views see of later stores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import MissingRuleError, MutationError

X = np.arange(1.0, 7.0).reshape(2, 3)

WRITERS: dict[str, Callable[[Any, Any], None]] = {
    "copyto": np.copyto,
    "put": lambda target, x: np.put(target, [0, 1], x[0, :2]),
    "place": lambda target, x: np.place(target, [[True, False, True], [False] * 3], x[0, :2]),
    "putmask": lambda target, x: np.putmask(target, [[True, False, True], [False] * 3], x),
    "put_along_axis": lambda target, x: np.put_along_axis(target, np.array([[1], [0]]), x[:, :1], 1),
    "fill_diagonal": lambda target, x: np.fill_diagonal(target, x[0, :2]),
}


@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS.keys())
@pytest.mark.parametrize("derivative", [lambda f: ad.grad(f)(X), lambda f: ad.jvp(f, (X,), (X,))], ids=["reverse", "forward"])
def test_an_array_from_outside_is_refused(writer: Callable[[Any, Any], None], derivative: Callable[[Any], Any]) -> None:
    outside = np.zeros((2, 3))

    def f(x: Any) -> Any:
        writer(outside, x)
        return np.sum(outside)

    with pytest.raises(MutationError, match="plain array"):
        derivative(f)
    assert not outside.any()


VIEWS: dict[str, Callable[[Any], Any]] = {
    "reshape": lambda y: np.reshape(y, (3, 2)),
    "ravel": np.ravel,
    "T": lambda y: y.T,
    "diagonal": np.diagonal,
    "broadcast_to": lambda y: np.broadcast_to(y, (2, 2, 3)),
    "swapaxes": lambda y: np.swapaxes(y, 0, 1),
    "flip": lambda y: np.flip(y, 1),
    "split": lambda y: np.split(y, 3, 1)[0],
    "windows": lambda y: np.lib.stride_tricks.sliding_window_view(y, 2, 1),
    "einsum": lambda y: np.einsum("ij->ji", y),
    "broadcast_arrays": lambda y: np.broadcast_arrays(y, np.zeros((4, 1, 1)))[0],
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS.keys())
def test_a_view_sees_what_is_stored_later(view: Callable[[Any], Any]) -> None:
    def f(x: Any) -> Any:
        y = x * 1.0
        part = view(y)
        y[0, 0] = 10.0 * x[1, 1]
        return np.sum(part * part)

    h = 1e-6
    expected = np.array([(f(X + h * e) - f(X - h * e)) / (2 * h) for e in np.eye(6).reshape(6, 2, 3)]).reshape(2, 3)
    np.testing.assert_allclose(ad.grad(f)(X), expected, rtol=1e-6)
    np.testing.assert_allclose(ad.jvp(f, (X,), (X,))[1], np.sum(expected * X), rtol=1e-6)


COPIES: dict[str, Callable[[Any], Any]] = {
    "take": lambda y: np.take(y, [0, 1], 0),
    "take-one": lambda y: np.take(y, 0, 0),
    "repeat": lambda y: np.repeat(y, 1, 0),
    "tile": lambda y: np.tile(y, 1),
    "pad": lambda y: np.pad(y, 0),
    "roll": lambda y: np.roll(y, 1),
    "concatenate": lambda y: np.concatenate([y]),
    "vstack": lambda y: np.vstack([y]),
    "block": np.block,
    "astype": lambda y: np.astype(y, float),
    "flatten": lambda y: y.flatten(),
    "meshgrid": lambda y: np.meshgrid(y[0])[0],
    "tril": np.tril,
    "choose": lambda y: np.choose(0, [y]),
    "resize": lambda y: np.resize(y, (2, 3)),
    "delete": lambda y: np.delete(y, [], 0),
}


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES.keys())
def test_a_copy_does_not_see_what_is_stored_later(copy: Callable[[Any], Any]) -> None:
    def f(x: Any) -> Any:
        y = x * 1.0
        before = copy(y)
        y[...] = 7.0
        return np.sum(before * before)

    value, gradient = ad.value_and_grad(f)(X)
    assert value == f(X)
    h = 1e-6
    expected = np.array([(f(X + h * e) - f(X - h * e)) / (2 * h) for e in np.eye(6).reshape(6, 2, 3)]).reshape(2, 3)
    np.testing.assert_allclose(gradient, expected, rtol=1e-6)


@pytest.mark.parametrize("order", ["A", "K"])
def test_the_order_of_memory_is_refused(order: str) -> None:
    with pytest.raises(MissingRuleError, match="memory"):
        ad.grad(lambda x: np.sum(np.ravel(x, order=order)))(X)


def test_indices_out_of_range_are_errors() -> None:
    for f in (lambda x: np.take(x, 9), lambda x: np.put(x * 1.0, [9], 1.0), lambda x: np.choose(2, [x, x])):
        with pytest.raises((IndexError, ValueError)):
            ad.vjp(f, X)
