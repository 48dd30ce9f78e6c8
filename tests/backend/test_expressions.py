"""The text of expressions: no parenthesis too many, none too few."""

import math
import operator

import numpy as np
import pytest

from adjoint._backend import python
from adjoint._ir.builder import Builder, Symbol
from adjoint._ir.nodes import Block, Function, Value
from adjoint._ir.symbol import extent, length
from adjoint._ir.types import BOOL, FLOAT, INT, ListOf, Tensor
from adjoint._rules import kinds, logic, stores
from tests.backend.agreement import agrees

VECTOR = Tensor(np.dtype(float), 1)
MATRIX = Tensor(np.dtype(float), 2)
TYPES = {"x": VECTOR, "y": VECTOR, "A": MATRIX, "a": FLOAT, "b": FLOAT, "p": BOOL, "n": INT, "items": ListOf(FLOAT)}


def text_of(write):
    """Return what a program of one expression returns."""
    builder = Builder()
    function = Function("f", Block(params=[Value(t, name) for name, t in TYPES.items()]))
    with builder.into(function.body):
        function.body.results = [builder.atom(write(builder.apply, *map(Symbol, function.params)))]
    return python.source(function).split("return ")[-1].strip()


def ap(function, *args, **kwargs):
    return lambda apply, x, y, A, a, b, p, n, items: apply(function, args, kwargs)


CASES = {
    "x + y - (x - y)": lambda ap, x, y, *_: x + y - (x - y),
    "x * (y + 1) / (x / y)": lambda ap, x, y, *_: x * (y + 1) / (x / y),
    "-x**2": lambda ap, x, *_: -(x**2),
    "(-x) ** 2": lambda ap, x, *_: (-x) ** 2,
    "2**-x": lambda ap, x, *_: 2**-x,
    "(x**y) ** 2": lambda ap, x, y, *_: (x**y) ** 2,
    "x ** y**2": lambda ap, x, y, *_: x ** (y**2),
    "x - -1": lambda ap, x, *_: x - (-1),
    "x[-1] * (-1) ** n": lambda ap, x, y, A, a, b, p, n, i: x[-1] * ap(operator.pow, (-1, n), {}),
    "A @ x + A.T @ y": lambda ap, x, y, A, *_: A @ x + A.T @ y,
    "A[1:-1, ::2]": lambda ap, x, y, A, *_: A[1:-1, ::2],
    "A[n + 1 :, None, ...]": lambda ap, x, y, A, a, b, p, n, i: A[ap(operator.add, (n, 1), {}) :, None, ...],
    "x[:n]": lambda ap, x, y, A, a, b, p, n, i: x[:n],
    "x[1:]": lambda ap, x, *_: x[(slice(1, None),)],
    "x[[0, 2]]": lambda ap, x, *_: x[[0, 2]],
    "x[(x > 0) & ~(y < 1)]": lambda ap, x, y, *_: x[(x > 0) & ~(y < 1)],
    "(x < y) == (y < x)": lambda ap, x, y, *_: (x < y) == (y < x),
    "A.shape[1] * len(items)": lambda ap, x, y, A, a, b, p, n, i: ap(
        operator.mul, (ap(extent, (A, 1), {}), ap(length, (i,), {})), {}
    ),
    "np.where(x > 0, np.inf, -np.inf)": lambda ap, x, *_: np.where(x > 0, math.inf, -math.inf),
    "np.sum(x * np.pi, axis=(0,))": lambda ap, x, *_: np.sum(x * math.pi, axis=(0,)),
    "x * (1+2j)": lambda ap, x, *_: x * (1 + 2j),
    "np.linalg.solve(A, x)": lambda ap, x, y, A, *_: np.linalg.solve(A, x),
    "math.sin(a)": lambda ap, x, y, A, a, *_: ap(math.sin, (a,), {}),
    "np.zeros(n, dtype=np.float32)": lambda ap, x, y, A, a, b, p, n, i: ap(np.zeros, (n,), {"dtype": np.dtype("f4")}),
    "a / b": lambda ap, x, y, A, a, b, *_: ap(operator.truediv, (a, b), {}),
    "np.divide(a, b)": lambda ap, x, y, A, a, b, *_: ap(np.divide, (a, b), {}),
    "a / 2.0": lambda ap, x, y, A, a, *_: ap(np.divide, (a, 2.0), {}),
    "x / a": lambda ap, x, y, A, a, *_: x / a,
    "not a < b": lambda ap, x, y, A, a, b, *_: np.invert(a < b),
    "not scale(a, b) < 1.0": lambda ap, x, y, A, a, b, *_: np.invert(ap(kinds.scale, (a, b), {}) < 1.0),
    "np.logical_not(max(a, b) < 1.0)": lambda ap, x, y, A, a, b, *_: np.invert(ap(max, (a, b), {}) < 1.0),
    "~(np.sin(a) < 1.0)": lambda ap, x, y, A, a, *_: np.invert(np.sin(a) < 1.0),
    "np.add(p, p)": lambda ap, x, y, A, a, b, p, *_: ap(np.add, (p, p), {}),
    "p and not a > b": lambda ap, x, y, A, a, b, p, *_: ap(logic.both, (p, ap(logic.opposite, (a > b,), {})), {}),
    "[a] * n": lambda ap, x, y, A, a, b, p, n, i: ap(stores.filled, (n, a), {}),
    "[a, b * 2]": lambda ap, x, y, A, a, b, *_: ap(stores.listed, ([a, b * 2],), {}),
    "scale(x, y)": lambda ap, x, y, *_: ap(kinds.scale, (x, y), {}),
    "np.einsum('ij,j->i', A, x)": lambda ap, x, y, A, *_: np.einsum("ij,j->i", A, x),
}


@pytest.mark.parametrize("text", CASES)
def test_text(text):
    assert text_of(CASES[text]) == text


def test_constants_are_numbers_that_read_back():
    for number in (0.1, -2.5, 1e-300, float("nan"), -0.0, 3j, complex(math.inf, -1)):
        text = text_of(lambda ap, x, *_, number=number: ap(np.multiply, (x, number), {}))
        back = eval(text.removeprefix("x * "), {"np": np})
        assert repr(back) == repr(number)


def test_long_lines_are_named_or_folded():
    def write(ap, x, y, *_):
        total = x
        for k in range(30):
            total = total + np.sin(x * k) * np.cos(y * k)
        return total

    builder = Builder()
    function = Function("f", Block(params=[Value(VECTOR, "x"), Value(VECTOR, "y")]))
    with builder.into(function.body):
        function.body.results = [builder.atom(write(None, *map(Symbol, function.params)))]
    assert max(map(len, python.source(function).splitlines())) <= 100


LOGIC = {
    "p and a < b": lambda b, p, x, y: b.if_(p, lambda: [x < y], lambda: [False]),
    "p or a < b": lambda b, p, x, y: b.if_(p, lambda: [True], lambda: [x < y]),
    "not p and a < b": lambda b, p, x, y: b.if_(p, lambda: [False], lambda: [x < y]),
    "(p or a < b) and b < a": lambda b, p, x, y: b.if_(
        b.if_(p, lambda: [True], lambda: [x < y])[0], lambda: [y < x], lambda: [False]
    ),
    "p or a < b and b < a": lambda b, p, x, y: b.if_(p, lambda: [True], lambda: b.if_(x < y, lambda: [y < x], lambda: [False])),
}


@pytest.mark.parametrize("text", LOGIC)
def test_branches_that_are_and_and_or(text):
    builder = Builder()
    function = Function("f", Block(params=[Value(BOOL, "p"), Value(FLOAT, "a"), Value(FLOAT, "b")]))
    with builder.into(function.body):
        function.body.results = [builder.atom(s) for s in LOGIC[text](builder, *map(Symbol, function.params))]
    assert python.source(function).split("return ")[-1].strip() == text
    for p in (True, False):
        for a, b in ((1.0, 2.0), (2.0, 1.0)):
            agrees(function, [p, a, b])
