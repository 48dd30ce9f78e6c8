"""Perturbation confusion: nested derivatives whose inner function sees the outer variable, in every nesting of modes.

Every case is an outer function of ``x`` that takes derivatives itself, with the closed form of its derivative.  A tool
that keeps one global trace mixes the perturbations and returns another number: autograd 1.9.1 returns 312 of 2400
wrong results in 8 threads (facts.md, section 5) [Siskind and Pearlmutter 2005; Manzyuk et al. 2019].
"""

from __future__ import annotations

import itertools
import math
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

ad = pytest.importorskip("adjoint")
if missing := [name for name in ("grad", "jvp", "vjp") if not hasattr(ad, name)]:
    pytest.skip(f"adjoint has no {', '.join(missing)} yet", allow_module_level=True)

Function = Callable[[float], Any]
Operator = Callable[[Function], Function]


def forward(f: Function) -> Function:
    return lambda x: ad.jvp(f, (x,), (1.0,))[1]


def reverse(f: Function) -> Function:
    return ad.grad(f)


def pullback(f: Function) -> Function:
    """Reverse, with the pullback called after another function has been differentiated in between."""

    def derivative(x: float) -> Any:
        _, pull = ad.vjp(f, x)
        ad.grad(lambda t: t * t * t)(2.0)
        return pull(1.0)[0]

    return derivative


MODES: dict[str, Operator] = {"forward": forward, "reverse": reverse, "pullback": pullback}
PAIRS = [pytest.param(a, b, id=f"{m}-over-{n}") for (m, a), (n, b) in itertools.product(MODES.items(), repeat=2)]


# --- outer functions of (D, x), where D is the inner derivative operator; and their derivatives in closed form -----------


def siskind_pearlmutter(D: Operator, x: float) -> Any:
    return x * D(lambda y: x + y)(1.0)


def inner_product(D: Operator, x: float) -> Any:
    return D(lambda y: x * y * y)(x) * x  # 2 x^2 * x


def inner_at_a_constant(D: Operator, x: float) -> Any:
    return D(lambda y: math.sin(x * y))(2.0)  # x cos(2 x)


def inner_returns_the_outer_only(D: Operator, x: float) -> Any:
    return x + D(lambda y: x * x)(3.0)


def inner_ignores_the_outer(D: Operator, x: float) -> Any:
    return x * D(lambda y: y**3)(2.0)


def the_same_function_twice(D: Operator, x: float) -> Any:
    def f(y):
        return y * y * x

    return D(f)(x) * D(f)(2.0)  # 2 x^2 * 4 x


def outer_variable_through_mutated_closure(D: Operator, x: float) -> Any:
    box = [0.0]

    def f(y):
        box[0] = box[0] + x * y
        return box[0] * y

    first = D(f)(x)  # of x y^2: 2 x^2
    box[0] = x
    return first + D(f)(1.0)  # of (x + x y) y at 1: 3 x


def nonlocal_state_between_levels(D: Operator, x: float) -> Any:
    scale = x

    def f(y):
        nonlocal scale
        result = scale * y * y
        scale = scale * x
        return result

    return D(f)(1.0) + D(f)(1.0)  # 2 x + 2 x^2


def array_of_both_levels(D: Operator, x: float) -> Any:
    def f(y):
        a = np.zeros(3)
        a[0] = x
        a[1] = y
        a[2] = a[0] * a[1]
        a *= a
        return a.sum()  # x^2 + y^2 + x^2 y^2

    return D(f)(x)  # 2 x + 2 x^3


def outer_array_written_by_the_inner(D: Operator, x: float) -> Any:
    a = np.zeros(2)
    a[0] = x

    def f(y):
        b = a.copy()
        b[1] = y * b[0]
        b[0] = b[1] * y
        return b @ np.array([1.0, x])  # x y^2 + x^2 y

    return D(f)(x)  # 2 x^2 + x^2


def inner_loop_and_branch(D: Operator, x: float) -> Any:
    def f(y):
        product = 1.0
        for k in range(3):
            product = product * (x if k % 2 else y)
        return product if y > 0 else -product  # x y^2

    return D(f)(x)


def derivative_as_the_function_of_the_next(D: Operator, x: float) -> Any:
    return D(D(lambda y: x * math.exp(2 * y)))(x)  # 4 x exp(2 x)


def three_levels(D: Operator, x: float) -> Any:
    def middle(y):
        return y * D(lambda z: x * y * z * z)(y)  # 2 x y^3

    return D(middle)(x)  # 6 x^3


def inner_newton_iteration(D: Operator, x: float) -> Any:
    def f(y):
        return y**3 - x

    y = 1.0
    for _ in range(30):
        y = y - f(y) / D(f)(y)
    return y  # x^(1/3)


def inner_value_escapes_by_its_result(D: Operator, x: float) -> Any:
    kept = []
    slope = D(lambda y: (kept.append(x), y * x)[1])(4.0)
    return slope * kept[0]  # x^2


CASES: dict[Callable[[Operator, float], Any], Function] = {
    siskind_pearlmutter: lambda x: 1.0,
    inner_product: lambda x: 6 * x**2,
    inner_at_a_constant: lambda x: math.cos(2 * x) - 2 * x * math.sin(2 * x),
    inner_returns_the_outer_only: lambda x: 1.0,
    inner_ignores_the_outer: lambda x: 12.0,
    the_same_function_twice: lambda x: 24 * x**2,
    outer_variable_through_mutated_closure: lambda x: 4 * x + 3,
    nonlocal_state_between_levels: lambda x: 2 + 4 * x,
    array_of_both_levels: lambda x: 2 + 6 * x**2,
    outer_array_written_by_the_inner: lambda x: 6 * x,
    inner_loop_and_branch: lambda x: 4 * x,
    derivative_as_the_function_of_the_next: lambda x: 4 * math.exp(2 * x) * (1 + 2 * x),
    three_levels: lambda x: 18 * x**2,
    inner_newton_iteration: lambda x: x ** (-2 / 3) / 3,
    inner_value_escapes_by_its_result: lambda x: 2 * x,
}


@pytest.mark.parametrize(("outer", "inner"), PAIRS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_closed_form(case: Callable[[Operator, float], Any], outer: Operator, inner: Operator) -> None:
    for x in (0.7, 1.9):
        assert outer(lambda t: case(inner, t))(x) == pytest.approx(CASES[case](x), rel=1e-12)


@pytest.mark.parametrize("modes", list(itertools.product(MODES, repeat=3)), ids="-over-".join)
def test_three_nested_modes(modes: tuple[str, str, str]) -> None:
    outer, middle, inner = (MODES[mode] for mode in modes)

    def f(x):
        def g(y):
            return inner(lambda z: math.sin(x * y * z) + x * z + y)(y)  # x y cos(x y^2) + x

        return middle(g)(x)

    def closed_form(x):  # g'(y) = x cos(x y^2) - 2 x^2 y^2 sin(x y^2); at y = x, x cos(x^3) - 2 x^4 sin(x^3); and of that d/dx
        return math.cos(x**3) - 11 * x**3 * math.sin(x**3) - 6 * x**6 * math.cos(x**3)

    assert outer(f)(0.9) == pytest.approx(closed_form(0.9), rel=1e-12)


@pytest.mark.parametrize("mode", MODES)
def test_high_order_of_a_power(mode: str) -> None:
    derivative: Function = lambda x: x**5
    for _ in range(5):
        derivative = MODES[mode](derivative)
    assert derivative(1.3) == pytest.approx(120.0, rel=1e-12)


def test_a_function_differentiated_twice_keeps_no_memory() -> None:
    def f(x):
        return x * x * x

    slopes = [reverse(f)(2.0), forward(f)(2.0), reverse(reverse(f))(2.0), forward(reverse(f))(2.0), reverse(f)(2.0)]
    assert slopes == pytest.approx([12.0, 12.0, 12.0, 12.0, 12.0])


def test_two_pullbacks_at_once() -> None:
    _, first = ad.vjp(lambda x, y: x * y, 2.0, 3.0)
    _, second = ad.vjp(lambda x: x**2, 5.0)
    assert first(1.0) == (3.0, 2.0)
    assert second(1.0) == (10.0,)
    assert first(2.0) == (6.0, 4.0)


def test_an_exception_inside_leaves_no_level_behind() -> None:
    def fails(x):
        return reverse(lambda y: x * y / (0 if y > 0 else 1))(1.0)

    for outer in MODES.values():
        with pytest.raises(ZeroDivisionError):
            outer(fails)(1.0)
    assert forward(lambda x: siskind_pearlmutter(reverse, x))(2.0) == pytest.approx(1.0)


def test_generators_may_interleave_levels() -> None:
    """An inner derivative is taken while a generator of the outer level is suspended, and resumed after it."""

    def powers(x) -> Iterator[Any]:
        value = x
        while True:
            yield value
            value = value * x

    def f(x):
        sequence = powers(x)
        first = next(sequence)
        slope = reverse(lambda y: y * y * first)(x)  # 2 x^2
        return slope * next(sequence)  # 2 x^4

    for outer in MODES.values():
        assert outer(f)(1.5) == pytest.approx(8 * 1.5**3, rel=1e-12)


def test_threads_do_not_share_levels() -> None:
    """Eight threads, switched every microsecond, each with its own nesting of modes: 2880 results, none wrong."""
    pairs = list(itertools.product(MODES.values(), repeat=2))
    wrong: list[str] = []
    start = threading.Barrier(8)

    def work(number: int) -> None:
        start.wait()
        for turn in range(360):
            outer, inner = pairs[(number + turn) % len(pairs)]
            case = THREADED[(number * 3 + turn) % len(THREADED)]
            x = 0.5 + 0.1 * number + 0.001 * turn
            try:
                got = outer(lambda t, case=case, inner=inner: case(inner, t))(x)
                want = CASES[case](x)
                if not math.isclose(got, want, rel_tol=1e-11):
                    wrong.append(f"{case.__name__}({x}): {got!r} instead of {want!r}")
            except Exception as error:  # a thread's exception would otherwise be lost
                wrong.append(f"{case.__name__}({x}): {type(error).__name__}: {error}")

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not wrong, f"{len(wrong)} of 2880 results are wrong, the first: " + "; ".join(wrong[:3])


THREADED = [siskind_pearlmutter, inner_at_a_constant, the_same_function_twice, array_of_both_levels, inner_loop_and_branch]
