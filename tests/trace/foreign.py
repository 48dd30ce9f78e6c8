"""Programs on arrays of other libraries, and what must hold for each library that speaks NumPy's protocols."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import adjoint as ad

A = np.arange(1.0, 7.0).reshape(2, 3) / 4
T = np.cos(A)


class Library(NamedTuple):
    """How to get arrays in and out of a library."""

    array: Callable[[np.ndarray], Any]
    numpy: Callable[[Any], np.ndarray]
    kind: type


# fmt: off
PROGRAMS: dict[str, Callable[[Any], Any]] = {
    "square":       lambda x: np.sum(x**2),
    "elementwise":  lambda x: np.sum(np.sin(x) * x / (1 + np.exp(-x))),
    "methods":      lambda x: (np.tanh(x) + 1).sum(axis=0).mean(),
    "matmul":       lambda x: np.sum((x @ x.T) ** 2),
    "rows":         lambda x: np.sum(x[0] * x[1]),
    "element":      lambda x: x[0, 1] * x[1, 2] ** 2,
    "slices":       lambda x: np.sum((x[:, 1:] - x[:, :-1]) ** 2),
    "mean":         lambda x: np.sum(np.mean(x, axis=0) ** 2),
    "variance":     lambda x: np.var(x) + np.sum(np.std(x, axis=1)),
    "centred":      lambda x: np.sum((x - x.mean(axis=1, keepdims=True)) ** 3),
    "where":        lambda x: np.sum(np.where(x > 1, x**2, 0.5 * x)),
    "reshape":      lambda x: np.sum(x.reshape(-1)[::2] ** 3) + np.sum(np.reshape(x, (2, 3, 1))[0] ** 2),
    "transpose":    lambda x: np.sum(np.transpose(x) * x.T),
    "concatenate":  lambda x: np.sum(np.concatenate([x, 2 * x]) ** 2),
    "stack":        lambda x: np.sum(np.stack([x, x * x]) ** 2),
    "maximum":      lambda x: np.sum(np.maximum(x, 0.7) * np.minimum(x, 1.0)),
    "largest":      lambda x: np.max(x) * np.min(x),
    "broadcast":    lambda x: np.sum(x * x[0] + np.sum(x, axis=1)[:, None]),
    "norm":         lambda x: np.sqrt(np.sum(x * x)),
    "linear":       lambda x: np.sum(x) * 2.0,
    "clip":         lambda x: np.sum(np.clip(x, 0.4, 1.3) * x),
    "dot":          lambda x: np.dot(x[0], x[1]),
    "einsum":       lambda x: np.einsum("ij,kj->", x, x * x),
    "tensordot":    lambda x: np.sum(np.tensordot(x, x, axes=([1], [1]))),
    "outer":        lambda x: np.sum(np.outer(x[0], x[1]) ** 2),
    "copy":         lambda x: np.sum(x.copy() * x),
    "kink":         lambda x: np.sum(np.where(x > 0.3, np.sqrt(x - 0.25), 0.0)),
    "branch":       lambda x: np.sum(x * x) if np.sum(x) > 0 else np.sum(x),
    "loop":         lambda x: repeated(x, 4),
}
# fmt: on


def repeated(x: Any, n: int) -> Any:
    for _ in range(n):
        x = np.sin(x) + 0.1 * x
    return np.sum(x)


# Each way to differentiate, as a function of a program and its arguments; the results are compared with those for NumPy arrays.
WAYS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "jvp": lambda f, x, t: ad.jvp(f, (x,), (t,)),
    "grad": lambda f, x, t: ad.value_and_grad(f)(x),
    "vjp": lambda f, x, t: ad.vjp(lambda x: f(x) * x, x)[1](t),
    "linearize": lambda f, x, t: ad.linearize(f, x)[1](t),
    "forward over reverse": lambda f, x, t: ad.hvp(f)(x, t),
    "reverse over forward": lambda f, x, t: ad.grad(lambda x: ad.jvp(f, (x,), (t,))[1])(x),
}


def leaves(result: Any) -> list[Any]:
    return [leaf for part in result for leaf in leaves(part)] if isinstance(result, tuple) else [result]


def compare(library: Library, program: str, way: str) -> None:
    """Raise unless the derivatives on arrays of a library are right, and arrays of that library."""
    f, differentiate = PROGRAMS[program], WAYS[way]
    expected = leaves(differentiate(f, A, T))
    got = leaves(differentiate(f, library.array(A), library.array(T)))
    assert len(got) == len(expected)
    for one, other in zip(got, expected, strict=True):
        assert np.shape(other) == tuple(one.shape)
        if np.shape(other):
            assert isinstance(one, library.kind)
        value = library.numpy(one) if isinstance(one, library.kind) else one
        np.testing.assert_allclose(value, other, rtol=1e-12, atol=1e-12)
