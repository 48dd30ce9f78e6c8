"""Numbers of Python's stay numbers of Python's: the same value, of the same type, or the same exception.

A number that became one of NumPy's on the way would wrap where Python's grows, and give inf where Python raises.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint as ad

Row = tuple[Callable[..., Any], tuple[Any, ...]]
inf, nan = math.inf, math.nan
TURN = 2**62


def numbered(x: np.ndarray, n: int) -> int:
    total = 0
    for i, _ in enumerate(x, n):
        total = total + i
    return total


def product(items: list[float]) -> float:
    total = 1.0
    for v in items:
        total *= v
    return total / 0.0 if total < 0 else total


def growing(x: Any) -> Any:
    y = [1.0, 2.0]
    y += x
    return y


def longer(x: list[float]) -> list[float]:
    y = [1.0]
    y += x
    return y


def looped(n: Any) -> float:
    total = 0.0
    for _ in range(n):
        total += 1.0
    return total


MATH: list[Row] = [
    *[(lambda x, y: math.hypot(x, y), (x, y)) for x, y in ((3.0, 4.0), (3, 4), (inf, nan), (1e308, 1e308))],
    *[(lambda x: math.hypot(x), (x,)) for x in (-3.0, -3)],
    (lambda x, y: math.hypot(x, y, x), (3.0, 4.0)),
    (lambda x, y: math.dist((x, y), (y, x)), (3.0, 4.5)),
    (lambda x, y: 1.0 / math.hypot(x, y), (0.0, 0.0)),
    *[(lambda x, base: math.log(x, base), (x, base)) for x, base in ((3.0, 4.0), (3.0, 1.0), (0.5, 1), (3, 2), (0.0, 2.0), (2.0, inf))],
    *[(lambda x: math.modf(x), (x,)) for x in (-3.0, 2.25, -0.5, inf, -inf, nan, 0.0)],
    *[(lambda x, y: math.remainder(x, y), (x, y)) for x, y in ((7.5, 2.0), (1e19, 3.0), (7.5, inf), (7.5, 0.0), (inf, 2.0), (-5.5, 1.0), (7, 4))],
    *[(lambda x: math.fsum([x, 1, 2]), (x,)) for x in (3, 3.5, True)],
    (lambda x: math.fsum(v * v for v in x), (np.arange(4.0),)),
    (lambda x: math.fsum(x), ([1.0, 2.0],)),
]  # fmt: skip

# Of two numbers one is the result: which one, and so of which type, only the run tells.  Where they differ it is a float, of the same value.
CHOSEN: list[Row] = [
    *[(lambda n, x: max(n, x), (n, x)) for n, x in ((0, 2.5), (3, 2.5), (0, -0.5), (-2, nan), (2**53 + 1, 2.0), (True, 0.5))],
    *[(lambda n, x: min(n, x), (n, x)) for n, x in ((0, 2.5), (3, 2.5), (0, -0.5), (7, inf), (-(2**53) - 1, 2.0))],
    (lambda x: max(0, x, 1), (2.5,)),
    (lambda x: max(0, x) * 2, (np.float64(2.5),)),
    (lambda x: max(0, *x), (np.array([1.0, 2.5]),)),
    (lambda n, m: max(n, m) * TURN, (5, 7)),
    *[(lambda n, x: (n < x, n <= x, n == x, n != x, n > x, n >= x), (n, x)) for n, x in (
        (2**63 - 1, 2.0**63), (2**53 + 1, 2.0**53), (-(2**53) - 1, -(2.0**53)), (3, 3.0), (2, nan),
    )],
]  # fmt: skip

TRUTHS: list[Row] = [
    *[(lambda x: bool(x) + bool(x), (x,)) for x in (2.0, 0.0, nan, 2, 0, True)],
    (lambda x: bool(x[0]) + bool(x[1]), (np.ones(2),)),
    *[(lambda x: x.is_integer(), (x,)) for x in (2.0, 2.5, inf, nan)],
    (lambda x: x.is_integer() + x.is_integer(), (2.0,)),
    (lambda x: sum(bool(v > 0) for v in x), (np.ones(3),)),
]

WHOLE: list[Row] = [
    (lambda x: sum(range(int(x))) * TURN, (4.0,)),
    (lambda x: math.prod(range(1, int(x))) * TURN, (4.0,)),
    (numbered, (np.ones(3), 2)),
    (lambda a, b: [i * TURN for i, _ in zip(range(a, b), range(b), strict=False)], (3, 7)),
    (lambda n, m: sorted([n, m])[1] * TURN, (3, 1)),
    (lambda n, m: sorted([n, m]), (3, 1)),
    (lambda x: x.tolist(), (np.arange(3),)),
    (lambda x: x.tolist()[2] * TURN, (np.arange(3),)),
    (lambda x: (x > 1).tolist(), (np.arange(3),)),
    (lambda x: x.tolist(), (np.zeros((2, 2), int),)),
    (lambda x: x.sum().item() * TURN, (np.arange(9),)),
    (lambda x: (x > 1)[0].item(), (np.arange(3),)),
    *[(lambda n: abs(n), (n,)) for n in (-(2**63), 2**63 - 1, -5)],
    *[(lambda n: abs(n) * TURN, (n,)) for n in (-5, 5)],
]

RAISING: list[Row] = [
    *[
        (lambda a, b: (a % b, a // b), (a, b))
        for a, b in ((False, nan), (True, 2.5), (0, nan), (7, nan), (7, -inf), (-0.0, nan))
    ],
    (lambda x: x.item(1) / 0.0, (np.arange(3.0),)),
    (lambda x: x[0].item() / 0.0, (np.arange(3.0),)),
    (lambda x: x[1].tolist() / 0.0, (np.arange(3.0),)),
    (lambda x: sum(float(v) for v in x) / 0.0, (np.arange(3.0),)),
    (product, ([1.0, -2.0],)),
    (lambda x: x.conjugate() / 0.0, (2.0,)),
    *[(lambda x: x**-2, (x,)) for x in (1e160, 1e-170, 3e-309, 2.0, 0.0)],
    *[(lambda x: x**0.5, (x,)) for x in (-0.0, 0.0, 2.0, -inf, np.float64(-inf), np.float64(-0.0))],
]

LISTS: list[Row] = [(growing, (np.ones(2),)), (longer, ([3.0, 4.0],))]


def outcome(f: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """Return a result, or the type and text of an exception."""
    try:
        return f(*args)
    except (ArithmeticError, ValueError) as error:
        return type(error), str(error)


def assert_same(got: Any, want: Any) -> None:
    assert type(got) is type(want), (got, want)
    if isinstance(want, (tuple, list)):
        assert len(got) == len(want)
        for x, y in zip(got, want, strict=True):
            assert_same(x, y)
    elif isinstance(want, float):
        assert got == pytest.approx(want, rel=1e-14, abs=0.0, nan_ok=True)
        assert math.copysign(1.0, got) == math.copysign(1.0, want) or math.isnan(want)
    elif isinstance(want, np.ndarray):
        np.testing.assert_array_equal(got, want, strict=True)
    else:
        assert got == want


@pytest.mark.parametrize("backend", ["python", "native"])
@pytest.mark.parametrize(("f", "args"), [*MATH, *TRUTHS, *WHOLE, *RAISING, *LISTS])
def test_numbers_of_python(f: Callable[..., Any], args: tuple[Any, ...], backend: str) -> None:
    if backend == "native":
        pytest.importorskip("llvmlite")
    want = outcome(f, args)
    jitted = ad.jit(f, backend=backend)
    for _ in range(2):  # the second call takes the short way
        assert_same(outcome(jitted, args), want)


@pytest.mark.parametrize("backend", ["python", "native"])
@pytest.mark.parametrize(("f", "args"), CHOSEN)
def test_one_of_two_numbers(f: Callable[..., Any], args: tuple[Any, ...], backend: str) -> None:
    if backend == "native":
        pytest.importorskip("llvmlite")
    want = f(*args)
    got = ad.jit(f, backend=backend)(*args)
    assert got == want or (math.isnan(got) and math.isnan(want))


@pytest.mark.parametrize("f", [
    lambda x: math.hypot(x, 2.0, x * x), lambda x: math.log(x, 3.0), lambda x: math.modf(x)[0] ** 2,
    lambda x: math.remainder(x, 1.1) ** 2, lambda x: math.remainder(3.0, x) ** 2, lambda x: math.dist((x, 1.0), (2.0, x)),
    lambda x: max(0, x) ** 2, lambda x: min(7, x, 9) ** 2, lambda x: max(x, 0) ** 2, lambda x: x.conjugate() ** 2,
    lambda x: sum([x, 1]) ** 2, lambda x: math.fsum([x, 1]) ** 2,
])  # fmt: skip
def test_their_derivatives(f: Callable[..., Any]) -> None:
    step = 1e-6
    difference = (f(1.6 + step) - f(1.6 - step)) / (2 * step)
    assert ad.grad(f)(1.6) == pytest.approx(difference, rel=1e-7)
    assert ad.jit(ad.grad(f))(1.6) == pytest.approx(difference, rel=1e-7)
    assert ad.jit(lambda x: ad.jvp(f, (x,), (1.0,))[1])(1.6) == pytest.approx(difference, rel=1e-7)
    np.testing.assert_allclose(ad.jit(ad.vmap(ad.grad(f)))(np.array([1.6, 1.6])), [difference] * 2, rtol=1e-7)


@pytest.mark.parametrize(("f", "args", "said"), [
    (looped, (1.5,), "cannot be interpreted as an integer"),
    (looped, (inf,), "cannot be interpreted as an integer"),
    (lambda x, n: x[1:n], (np.arange(4.0), 2.0), "slice indices must be integers"),
    (lambda x, n: x[n], (np.arange(4.0), 2.0), "only integers"),
    (lambda x, n: x[n], ([1.0, 2.0], 1.0), "list indices must be integers"),
    (lambda x, i: x[i, i], (np.arange(4.0), 1), "too many indices"),
])  # fmt: skip
def test_what_is_no_index_is_refused(f: Callable[..., Any], args: tuple[Any, ...], said: str) -> None:
    with pytest.raises((TypeError, IndexError), match=said):
        ad.jit(f)(*args)
