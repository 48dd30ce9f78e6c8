"""Inputs at which programs fail, or are about to: machine code gives what Python's program gives.

Of each row the result has the same value, type and dtype, or the exception the same type and message; and what the arguments are
afterwards is the same too.  Arguments are made anew for each run.
"""

from __future__ import annotations

import gc
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import adjoint as ad
from tests import oracles

Program = Callable[..., Any]
Row = tuple[Program, Callable[[], tuple[Any, ...]]]
inf, nan = math.inf, math.nan


def outcome(f: Program, args: tuple[Any, ...]) -> tuple[Any, Any]:
    """Return the result of a call, or its exception; and the arguments after it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return f(*args), args
        except Exception as error:
            return error, args


def assert_equal(got: Any, want: Any) -> None:
    if isinstance(want, Exception):
        assert type(got) is type(want), (got, want)
        assert str(got) == str(want)
        return
    # A number of Python's or NumPy's: a variable that is both, by turns, is NumPy's in machine code.
    assert type(got) is type(want) or (isinstance(got, float) and isinstance(want, float)), (got, want)
    children = oracles.children(want)
    if children is not None:
        parts = oracles.children(got) or []
        assert len(parts) == len(children)
        for part, child in zip(parts, children, strict=True):
            assert_equal(part, child)
    elif isinstance(want, (float, complex, np.ndarray, np.generic)):
        assert np.shape(got) == np.shape(want)
        assert np.asarray(got).dtype == np.asarray(want).dtype
        rtol = 1e-5 if np.asarray(want).dtype == np.float32 else 1e-12
        np.testing.assert_allclose(got, np.asarray(want), rtol=rtol, atol=1e-14)
    else:
        assert got == want


def assert_same(f: Program, make: Callable[[], tuple[Any, ...]]) -> None:
    """Expect of machine code what Python's program gives, twice: the second call takes the short way."""
    python, native = ad.jit(f, backend="python"), ad.jit(f, backend="native")
    want, after = outcome(python, make())
    for _ in range(2):
        got, later = outcome(native, make())
        assert_equal(got, want)
        assert_equal(later, after)


# Out of bounds --------------------------------------------------------------------------------------------------------------


def element(x: np.ndarray, i: int) -> Any:
    return x[i] * 2.0


def looped(x: np.ndarray, n: int) -> float:
    total = 0.0
    for i in range(n):
        total += x[i] * x[i + 1]
    return total


def stored(x: np.ndarray, i: int, v: float) -> np.ndarray:
    y = x.copy()
    y[i] = v
    return y


def stored_in_loop(x: np.ndarray, n: int) -> np.ndarray:
    y = np.zeros_like(x)
    for i in range(n):
        y[i] = x[-i]
    return y


def stored_outside(x: np.ndarray, n: int) -> float:
    for i in range(n):
        x[i] = x[i] + 1.0
    return float(x[0])


def nested(x: np.ndarray, i: int, j: int) -> Any:
    if i > 0:
        if j > 0:
            return x[i, j]
        y = x[i] * 2
        return y[j - 10]
    return x[i][j]


def backwards(x: np.ndarray, n: int) -> float:
    total = 0.0
    while n >= -4:
        total += x[n]
        n -= 1
    return total


def named(x: np.ndarray, i: np.ndarray) -> np.ndarray:
    return x[i] + 1.0


def stored_named(x: np.ndarray, i: np.ndarray, v: np.ndarray) -> np.ndarray:
    y = x.copy()
    y[i] = v
    y[i] += v
    return y


def three() -> np.ndarray:
    return np.array([1.0, 2.0, 3.0])


def square() -> np.ndarray:
    return np.arange(9.0).reshape(3, 3)


BOUNDS: list[Row] = [
    *[(element, lambda i=i: (three(), i)) for i in (0, 2, 3, -3, -4, 10**12, -(10**12))],
    *[(element, lambda i=i: (np.zeros(0), i)) for i in (0, -1)],
    (element, lambda: (square(), 3)),
    *[(looped, lambda n=n: (three(), n)) for n in (-1, 0, 2, 3, 100)],
    *[(stored, lambda i=i: (three(), i, 5.0)) for i in (2, 3, -3, -4)],
    *[(stored_in_loop, lambda n=n: (three(), n)) for n in (0, 3, 4, 5)],
    *[(stored_outside, lambda n=n: (three(), n)) for n in (2, 3, 4)],
    *[(nested, lambda i=i, j=j: (square(), i, j)) for i, j in ((1, 1), (1, 3), (1, 0), (0, 5), (-4, 0), (5, 0), (3, 1))],
    *[(backwards, lambda n=n: (three(), n)) for n in (-5, -3, 1, 2, 3)],
    *[(named, lambda i=i: (three(), np.array(i, int))) for i in ([0, 2], [0, 3], [-4], [], [[1], [-3]])],
    *[(stored_named, lambda i=i: (three(), np.array(i, int), np.ones(2))) for i in ([0, 1], [1, 1], [0, 3], [0, 1, 2])],
    (lambda x, n: x[n:] + x[:-n], lambda: (three(), 1)),
    (lambda x, n: x[n:] + x[:-n], lambda: (three(), 2)),
    (lambda x, n: x[n:] + x[:-n], lambda: (three(), 0)),
    (lambda x, n: (x[n:], x[:n], x[::-1][n:], x[-n:], x[n:1], x[5:n:2]), lambda: (three(), 10**18)),
    (lambda x, n: (x[n:], x[:n], x[::-1][n:], x[n:1]), lambda: (three(), -(10**18))),
    (lambda x, n: (x[n::-1], x[:n:-1], x[n::-2], x[5:n:-2], x[-5:n:2]), lambda: (three(), 1)),
    (lambda x, n: (x[n::-1], x[:n:-1], x[n::-2], x[5:n:-2], x[-5:n:2]), lambda: (three(), -1)),
    (lambda x, n: (x[n::-1], x[:n:-1], x[n::-2], x[5:n:-2], x[-5:n:2]), lambda: (np.zeros(0), 2)),
    (lambda x, n: x[n], lambda: (three(), np.int64(4))),
    (lambda x, m: x[m], lambda: (three(), np.array([True, False]))),
    (lambda x, m: x[m], lambda: (three(), np.array([True, False, True]))),
    (lambda items, i: items[i] * 2, lambda: ([1.0, 2.0], 2)),
    (lambda items, i: items[i] * 2, lambda: ([1.0, 2.0], -3)),
    (lambda items, i: items[i] @ items[0], lambda: ([three(), three()], 5)),
]

# Shapes ---------------------------------------------------------------------------------------------------------------------

ADD: Program = lambda a, b: a + b * 2.0
PRODUCT: Program = lambda a, b: a @ b


def added_in_place(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    c = a.copy()
    c += b
    c[1:] = b[1:]
    return c


def lengths(*dims: int) -> np.ndarray:
    return np.arange(float(math.prod(dims))).reshape(dims)


SHAPES: list[Row] = [
    *[(ADD, lambda m=m, n=n: (lengths(*m), lengths(*n))) for m, n in (
        ((3,), (3,)), ((3,), (4,)), ((3,), (1,)), ((1,), (4,)), ((2, 3), (3,)), ((2, 3), (2,)), ((2, 3), (2, 1)), ((0,), (1,)),
        ((0,), (2,)), ((2, 0), (1,)), ((2, 0), (3, 1)), ((2, 0), (2, 1)),
    )],
    *[(PRODUCT, lambda m=m, n=n: (lengths(*m), lengths(*n))) for m, n in (
        ((3,), (3,)), ((3,), (4,)), ((2, 3), (3,)), ((2, 3), (2,)), ((3,), (3, 2)), ((3,), (2, 3)), ((2, 3), (3, 4)), ((2, 3), (2, 3)),
        ((0,), (0,)), ((2, 0), (0, 3)), ((2, 0), (0,)), ((0, 3), (3, 2)), ((30, 40), (40, 50)), ((30, 40), (41, 50)),
        ((2, 3), (1,)), ((1,), (2, 3)), ((2, 3, 3), (3,)),
    )],
    *[(added_in_place, lambda m=m, n=n: (lengths(m), lengths(n))) for m, n in ((3, 3), (3, 1), (3, 2), (1, 3), (0, 0), (2, 1))],
    *[(lambda a, n: a.reshape(n, -1), lambda n=n: (lengths(2, 3), n)) for n in (1, 2, 3, 4, 6, 7)],
    (lambda a: a.reshape(0, -1), lambda: (lengths(0),)),
    (lambda a, n: a.reshape(n, n), lambda: (lengths(2, 3), 2)),
    (lambda a, b: np.concatenate([a, b]), lambda: (lengths(2, 3), lengths(2, 2))),
    (lambda a, b: np.stack([a, b]), lambda: (lengths(2), lengths(3))),
    (lambda a, b: np.array([a, b]), lambda: (lengths(2), lengths(3))),
    (lambda a, n: np.broadcast_to(a, (n, 3)), lambda: (lengths(2), 4)),
    (lambda n: np.zeros(n), lambda: (-1,)),
    (lambda n: np.zeros((2, n)) + np.ones(n), lambda: (0,)),
    (lambda a, b: np.linalg.solve(a, b), lambda: (lengths(2, 3), lengths(2))),
    (lambda a, b: np.linalg.solve(a, b), lambda: (np.eye(2), lengths(3))),
    (lambda a: np.linalg.inv(a), lambda: (np.ones((2, 2)),)),
    (lambda a: np.linalg.inv(a), lambda: (np.zeros((0, 0)),)),
    (lambda a: np.linalg.det(a), lambda: (lengths(2, 3),)),
    (lambda a: np.linalg.cholesky(a), lambda: (-np.eye(3),)),
    (lambda a: np.linalg.cholesky(a), lambda: (np.full((2, 2), nan),)),
    (lambda a: np.linalg.slogdet(a)[1], lambda: (np.zeros((3, 3)),)),
]  # fmt: skip

# Numbers of Python --------------------------------------------------------------------------------------------------------------


def factorial(n: int) -> int:
    result = 1
    for k in range(2, n + 1):
        result *= k
    return result


def big(n: int) -> tuple[int, float]:
    total = 0
    while n > 0:
        total = total * 1000 + n
        n -= 1
    return total, total / 7


NUMBERS: list[Row] = [
    *[(lambda a, b: a / b, lambda a=a, b=b: (a, b)) for a, b in ((1.0, 0.0), (0.0, 0.0), (1, 0), (inf, 0.0), (1.0, -0.0), (7, 2), (nan, 0.0))],
    *[(lambda a, b: (a // b, a % b), lambda a=a, b=b: (a, b)) for a, b in (
        (1, 0), (1.0, 0.0), (-7, 2), (7, -2), (-7.5, 2.0), (7.5, -2.0), (-(2**63), -1), (5, 2**62), (inf, 2.0), (1.0, inf), (-1.0, inf), (nan, 1.0), (-0.0, 2.0),
    )],
    *[(lambda a, b: a**b, lambda a=a, b=b: (a, b)) for a, b in (
        (0.0, -1.0), (-8.0, 2.0), (2.0, 5000.0), (1e200, 2.0), (0, -1), (2, 10), (2, 62), (2, 63), (2, 64), (3, 60), (-2, 63), (7, 0), (2, -2), (0.0, 0.0), (inf, -1.0), (-inf, 3.0), (1.0, nan),
    )],
    *[(f, lambda x=x: (x,)) for f in (
        lambda x: math.sqrt(x), lambda x: math.log(x), lambda x: math.exp(x), lambda x: math.sin(x), lambda x: math.acos(x),
        lambda x: math.atanh(x), lambda x: math.gamma(x), lambda x: math.lgamma(x), lambda x: math.log1p(x), lambda x: math.cosh(x),
        lambda x: math.tan(x), lambda x: math.log10(x), lambda x: math.asin(x) + math.atan(x), lambda x: math.floor(x), lambda x: int(x), lambda x: round(x),
        lambda x: math.ceil(x) + math.trunc(x), lambda x: math.fmod(x, 2.0) + math.hypot(x, 1.0), lambda x: math.fmod(2.0, x), lambda x: math.erf(x), lambda x: math.log2(x),
    ) for x in (0.5, 0.0, -0.0, 1.0, -1.0, -2.5, 2.5, 1e300, -1e300, inf, -inf, nan, 1000.0, 1e19)],
    *[(lambda a, b: (a + b, a * b, a - b, -a, abs(b)), lambda a=a, b=b: (a, b)) for a, b in (
        (2**62, 2**62), (2**63 - 1, 1), (-(2**63), 1), (-(2**63), -(2**63)), (2**40, 2**40), (3, -4), (2**70, 1), (1, 2**63),
    )],
    *[(lambda a, b: (a << b, a >> b), lambda a=a, b=b: (a, b)) for a, b in ((1, 3), (1, 63), (1, 200), (-5, 1), (1, -1), (2**62, 2), (-1, 70))],
    *[(factorial, lambda n=n: (n,)) for n in (0, 5, 20, 21, 30)],
    *[(big, lambda n=n: (n,)) for n in (0, 5, 10)],
    (lambda n: sum(k**3 for k in range(n)), lambda: (100,)),
    (lambda x: int(x) + 1, lambda: (2.0**62 * 1.5,)),
    (lambda x: int(x * 1e10), lambda: (1e10,)),
    (lambda a: a + 1, lambda: (True,)),
    (lambda a, b: (a + b, a & b, a | b, a ^ b, not a), lambda: (True, False)),
    (lambda a: a * 2, lambda: (np.bool_(True),)),
    (lambda a, b: (max(a, b), min(a, b)), lambda: (nan, 1.0)),
    (lambda a, b: (max(a, b), min(a, b)), lambda: (1.0, nan)),
    (lambda a, b: (max(a, b), min(a, b)), lambda: (0.0, -0.0)),
    (lambda n: [k // (n - k) for k in range(5)], lambda: (3,)),
    (lambda x: (x * 2**62, x + 2**62), lambda: (np.array([2, 2**62]),)),
    (lambda x: x // np.array([0, 2]), lambda: (np.array([2, 2**62]),)),
    (lambda x, y: (x // y, x % y, x / y), lambda: (np.array([2.0, -3.0, inf, 0.0]), np.array([0.0, 0.0, 2.0, 0.0]))),
]  # fmt: skip

# Exceptions of the program ------------------------------------------------------------------------------------------------------


class OwnError(Exception):
    pass


def raising(x: float, n: int) -> float:
    if x < 0:
        raise ValueError(f"negative: {x}")
    for k in range(n):
        if k == 3:
            raise OwnError("at", k)
        x = x * 2
    assert x < 100, "too large"
    assert x != 7
    return x


def endless(n: int) -> int:
    return endless(n + 1) + 1


def deep(x: float, n: int) -> float:
    if n == 0:
        return x
    return deep(x, n - 1) * 0.5 + x


EXCEPTIONS: list[Row] = [
    *[(raising, lambda x=x, n=n: (x, n)) for x, n in ((-1.0, 0), (1.0, 2), (1.0, 5), (200.0, 0), (7.0, 0), (nan, 1))],
    (endless, lambda: (0,)),
    *[(deep, lambda n=n: (1.5, n)) for n in (0, 10, 300)],
    (lambda x: x.sum() if x[0] > 0 else x[5], lambda: (-three(),)),
]

# Nothing, and what is no number -----------------------------------------------------------------------------------------------


def each_sum(x: np.ndarray) -> float:
    total = 0.0
    for v in x:
        total += v
    return total


def squares(x: np.ndarray) -> np.ndarray:
    return np.array([v * v for v in x])


def built(x: np.ndarray) -> list[float]:
    found = []
    for v in x:
        if v > 0:
            found.append(v)
    return found


OVER_ALL = (
    lambda x: (x.sum(), x.prod(), x.any(), x.all(), x.size, len(x)), lambda x: x.max(), lambda x: x.min(), lambda x: x.mean(), lambda x: np.std(x),
    lambda x: np.linalg.norm(x), lambda x: np.dot(x, x), each_sum, squares, built, lambda x: np.argmax(x), lambda x: np.argmin(x), lambda x: np.cumsum(x),
    lambda x: np.sort(x), lambda x: x[x > 0.5], lambda x: x[::-1] - x, lambda x: np.where(x > 0, x, 0.0), lambda x: np.maximum(x, 1.0),
    lambda x: np.roll(x, 1), lambda x: np.diag(x), lambda x: np.repeat(x, 2), lambda x: np.tile(x, 2), lambda x: x / x, lambda x: np.sqrt(x),
    lambda x: np.sign(x), lambda x: np.outer(x, x), lambda x: (x > 0).sum(), lambda x: np.clip(x, 0.0, 1.0), lambda x: np.concatenate([x, x]), lambda x: np.diff(x),
    lambda x: np.round(x, 1), lambda x: x.astype(int) if x.size < 2 else x, lambda x: np.floor(x) + np.ceil(x) + np.rint(x), lambda x: np.isnan(x), lambda x: np.exp(-x * x), lambda x: np.minimum(x, x[::-1]),
    lambda x: np.fmax(x, 0.0) + np.fmin(x, 1.0), lambda x: np.log(x), lambda x: np.arctan2(x, 1.0), lambda x: np.power(x, 3), lambda x: np.power(x, 0.5), lambda x: x**2.5, lambda x: np.hypot(x, 2.0), lambda x: np.mod(x, 2.0),
)  # fmt: skip
ARRAYS = (
    lambda: np.zeros(0), lambda: np.array([nan]), lambda: np.array([1.0, nan, 0.25]), lambda: np.array([inf, 1.0, -inf]), lambda: np.array([inf, inf]),
    lambda: np.array([-0.0, 0.0]), lambda: np.array([0.5]),
)  # fmt: skip
SPECIAL: list[Row] = [(f, lambda make=make: (make(),)) for f in OVER_ALL for make in ARRAYS]
OVER_MATRICES = (
    lambda a: a.sum(axis=0), lambda a: a.max(axis=1), lambda a: a.mean(axis=0), lambda a: a.T @ a, lambda a: a.min(axis=0, keepdims=True),
    lambda a: np.argmax(a, axis=1), lambda a: a[:, 0], lambda a: [row.sum() for row in a], lambda a: a + a[:1], lambda a: np.cumsum(a, axis=1), lambda a: np.trace(a),
)  # fmt: skip
SPECIAL += [
    (f, lambda dims=dims: (lengths(*dims) - 1,)) for f in OVER_MATRICES for dims in ((0, 0), (0, 3), (3, 0), (1, 1), (2, 3))
]

# Arguments of other sorts -------------------------------------------------------------------------------------------------------


def read_only() -> np.ndarray:
    x = three()
    x.flags.writeable = False
    return x


OF_ARRAY = (lambda x: np.sum(np.sin(x) * x), lambda x: x * 2 + 1, lambda x: x[::-1], stored_outside, lambda x: x)
KINDS = (
    lambda: three()[::-1], lambda: lengths(12)[::4], lambda: square().T, lambda: np.asfortranarray(square()), read_only, lambda: three().astype(">f8"),
    lambda: three().astype(np.float32), lambda: three().astype(np.int32), lambda: three().astype(np.int64), lambda: three().astype(bool), lambda: three().astype(complex),
    lambda: np.array(2.0), lambda: np.float64(2.0), lambda: np.float32(2.0), lambda: np.int64(2), lambda: np.int32(2), lambda: np.bool_(True), lambda: 2.0, lambda: 2, lambda: True,
    lambda: np.frombuffer(bytes(25), np.int8)[1:].view(np.float64), lambda: np.broadcast_to(np.float64(1.5), (4,)), lambda: three().astype(np.float16), lambda: three().astype(np.uint8),
    lambda: np.ma.masked_array(three(), [False, True, False]), lambda: [1.0, 2.0], lambda: (1.0, 2.0), lambda: None, lambda: "a", lambda: 2 + 1j,
)  # fmt: skip
ARGUMENTS: list[Row] = [
    *[(f, lambda make=make: (make(),)) for f in OF_ARRAY[:3] for make in KINDS],
    *[(lambda x: stored_outside(x, 2), lambda make=make: (make(),)) for make in KINDS[:11]],
    (lambda items: items[0] * 2 + items[1], lambda: ([three(), three()],)),
    (lambda items: items, lambda: ([three(), 1.0],)),
    (lambda record: record["a"] * record["b"], lambda: ({"a": three(), "b": 2.0},)),
    (lambda x, n: x[:n], lambda: (three(), 2)),
    (lambda x: (x[1:], x, x[0]), lambda: (three(),)),
    (lambda x: x.T, lambda: (square(),)),
]


def written_both(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    x[0] = 5.0
    y[1] = x[0] * 2
    return x + y


def shifted(x: np.ndarray) -> np.ndarray:
    y = x.copy()
    y[1:] = y[:-1]
    y[:-1] += y[1:]
    y[::-1] += y
    return y


def twice() -> tuple[np.ndarray, np.ndarray]:
    x = three()
    return x, x


def overlapping() -> tuple[np.ndarray, np.ndarray]:
    x = lengths(5)
    return x[:4], x[1:]


def inserted(x: np.ndarray, i: np.ndarray) -> np.ndarray:
    y = x.copy()
    y[i] = y[:3]
    y[i[::-1]] += y[:3]
    return y


ARGUMENTS += [
    (written_both, twice),
    (written_both, lambda: (three(), three())),
    (written_both, overlapping),
    (lambda x, y: x * y + x, twice),
    (lambda x, y: x @ y, overlapping),
    (shifted, lambda: (lengths(6),)),
    (inserted, lambda: (lengths(6), np.array([2, 0, 1]))),
    (inserted, lambda: (lengths(6), np.array([1, 1, 0]))),
]

# Derivatives where they are undefined -------------------------------------------------------------------------------------------

DIFFERENTIATED = (
    lambda x: np.sum(np.sqrt(x)), lambda x: np.linalg.norm(x), lambda x: np.sum(np.abs(x)), lambda x: np.sum(x**0.5 * x), lambda x: np.sum(np.where(x > 0, np.log(x), 0.0)),
    lambda x: np.sqrt(np.sum(x * x)), lambda x: np.max(x) * np.min(x), lambda x: np.sum(x / x), lambda x: np.sum(np.hypot(x, x)), lambda x: np.sum(np.maximum(x, 0.0) ** 2.5), lambda x: np.prod(x),
    lambda x: np.sum(np.sqrt(x) * np.array([0.0, 1.0, 0.0])[: len(x)]), lambda x: sum(math.sqrt(v) * 0.0 for v in x), lambda x: np.sum(np.arctan2(x, x)), lambda x: np.std(x), lambda x: np.sum(np.arccos(x)),
)  # fmt: skip
PLACES = (lambda: np.zeros(3), lambda: np.array([0.0, 1.0, -0.0]), lambda: np.array([0.5, nan, 0.0]), lambda: np.array([inf, 1.0, 0.0]), lambda: np.ones(2))  # fmt: skip
DERIVATIVES: list[Row] = [
    *[(ad.grad(f), lambda make=make: (make(),)) for f in DIFFERENTIATED for make in PLACES],
    *[(lambda x, f=f: ad.jvp(f, (x,), (x * 0.0 + 1.0,)), lambda make=make: (make(),)) for f in DIFFERENTIATED for make in PLACES[:2]],
    *[(ad.grad(lambda x: x**0.5 * 0.0), lambda x=x: (x,)) for x in (0.0, 1.0, -1.0, inf)],
    *[(ad.grad(lambda x: math.sqrt(x)), lambda x=x: (x,)) for x in (0.0, 1.0, -1.0, inf)],
    *[(ad.grad(lambda x: abs(x) ** 1.5 + x * abs(x)), lambda x=x: (x,)) for x in (0.0, -1.0, -0.0, nan)],
]  # fmt: skip


def rows(table: list[Row]) -> list[Any]:
    return [pytest.param(f, make, id=f"{getattr(f, '__name__', 'derivative')}-{k}") for k, (f, make) in enumerate(table)]


@pytest.mark.parametrize(("f", "make"), rows(BOUNDS))
def test_out_of_bounds(f: Program, make: Callable[[], tuple[Any, ...]]) -> None:
    assert_same(f, make)


@pytest.mark.parametrize(("f", "make"), rows(SHAPES))
def test_shapes(f: Program, make: Callable[[], tuple[Any, ...]]) -> None:
    assert_same(f, make)


@pytest.mark.parametrize(("f", "make"), rows(NUMBERS))
def test_numbers(f: Program, make: Callable[[], tuple[Any, ...]]) -> None:
    assert_same(f, make)


# At the limit of recursion a finaliser that happens to run then fails too, which is not what is tested.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("f", "make"), rows(EXCEPTIONS))
def test_exceptions(f: Program, make: Callable[[], tuple[Any, ...]]) -> None:
    # What other tests left behind must not be collected at the bottom of an endless recursion: finalizers need some stack.
    gc.collect()
    gc.disable()
    try:
        assert_same(f, make)
    finally:
        gc.enable()


@pytest.mark.parametrize(("f", "make"), rows(SPECIAL))
def test_nothing_and_no_number(f: Program, make: Callable[[], tuple[Any, ...]]) -> None:
    assert_same(f, make)


@pytest.mark.parametrize(("f", "make"), rows(ARGUMENTS))
def test_arguments(f: Program, make: Callable[[], tuple[Any, ...]]) -> None:
    assert_same(f, make)


@pytest.mark.parametrize(("f", "make"), rows(DERIVATIVES))
def test_derivatives(f: Program, make: Callable[[], tuple[Any, ...]]) -> None:
    assert_same(f, make)
