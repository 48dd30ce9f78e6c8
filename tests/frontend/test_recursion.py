"""Functions that call themselves: with functions among their arguments, within themselves, and without an end."""

# ruff: noqa: B023 - the programs are written as users write them
from __future__ import annotations

import functools

import numpy as np
import pytest

import adjoint as ad
from tests.frontend.agreement import Cases, check

CASES = Cases()
X = np.array([0.4, 1.3, 0.2, 2.0])


@CASES((0.3, 1.1), (5.0, 1.1))
def function_is_handed_on(x, y):
    def f(g, x):
        return g(x) if x > 2 else f(g, 2.0 * g(x) + 1.0)

    return f(np.sin, x) + f(lambda v: v * y, x)


@CASES((0.3, 1.1), (5.0, 1.1))
def function_is_made_anew(x, y):
    def f(g, x):
        return g(x) if x > 2 else f(lambda v: v * y, x + 1.0)

    return f(np.sin, x)


@CASES((0.3, 1.1), (1.9, 1.1), (5.0, 1.1))
def function_remembers_the_last_argument(x, y):
    def f(g, x):
        return g(y) if x > 3 else f(lambda v: v * x, x + 1.0)

    return f(lambda v: v, x)


@CASES((0.3, 1.1), (5.0, 1.1))
def functions_take_turns(x, y):
    def f(g, h, x):
        return g(x) if x > 3 else f(h, g, g(x) ** 2 + 1.0)

    return f(np.cos, lambda v: v * y, x)


@CASES((0.3, 1.1), (5.0, 1.1))
def function_of_a_function_of_a_function(x, y):
    def settle(g, x):
        while x * x > 0.1:
            x = g(x)
        return x

    return settle(lambda x: x * 0.5 + settle(lambda z: z * 0.4 * np.sin(x), y), x)


@CASES((0.29,), (2.5,), (7.0,))
def partial_and_method(x):
    class Step:
        def __init__(self, size):
            self.size = size

        def move(self, v):
            return v + self.size

    def f(g, x):
        return x if x > 3 else f(g, g(x))

    return f(Step(x).move, x) + f(functools.partial(np.add, 0.75), x)


@CASES((0.3, 1.1), (5.0, 1.1))
def whole_numbers_and_floats(x, y):
    def f(n, x):
        return n * y if x > 3 else f(n * 1.5, x + 1.0)

    return f(1, x) + f(2, x)


@CASES((0.3, 1.1), (5.0, 1.1))
def closure_is_returned(x, y):
    def f(x):
        return (lambda v: v * x + y) if x > 3 else f(x + 1.0)

    return f(x)(2.0)


@CASES((0.3, X), (5.0, X))
def closure_writes_to_an_array(x, a):
    out = np.zeros(4)

    def f(x):
        if x > 3:
            return 0.0
        out[1] = out[1] + a[1] * x
        return out[1] + f(x + 1.0)

    return f(x) + out.sum()


@CASES((0.3, 1.1), (5.0, 1.1))
def closures_that_make_each_other(x, y):
    def make(c):
        def g(v):
            return v * c if v > 3 else make(c + v)(v + y)

        return g

    return make(y)(x)


@CASES((0.3, X), refused="an array that it is given twice")
def array_is_given_twice(x, a):
    def f(a, b, x):
        if x > 3:
            return b[0]
        a[0] += 1.0
        return f(a, b, x + 1.0)

    return f(a, a, x)


@CASES((0.3, X), refused="an array that it is given twice")
def array_is_an_argument_and_a_variable(x, a):
    def f(b, x):
        if x > 3:
            return b[0]
        a[0] += 1.0
        return f(b, x + 1.0)

    return f(a, x)


@CASES((0.3,), refused="this array may be the one that was changed under another name")
def array_that_is_returned_may_be_the_argument(x):
    def f(a, x):
        return a if x > 3 else f(a, x + 1.0)

    a = np.zeros(2) + x
    b = f(a, x)
    b[0] = 100.0
    return a[0] + b[1]


@CASES((0.3,), (5.0,))
def array_that_is_returned_is_read(x):
    def f(a, x):
        return a if x > 3 else f(a * 2.0, x + 1.0)

    a = np.zeros(2) + x
    b = f(a, x)
    return a[0] + b[1]


@CASES((0.3,), refused="this list may be the one that was changed under another name")
def list_that_is_returned_may_be_the_argument(x):
    def f(items, x):
        return items if x > 3 else f(items, x + 1.0)

    items = [x, 2.0]
    b = f(items, x)
    b[0] = 100.0
    return items[0] + b[1]


@CASES((0.3,), refused="changes a variable that is not its own")
def turns_are_counted_by_a_function_handed_on(x):
    n = 0.0

    def step(v):
        nonlocal n
        n += 1
        return v + n

    def f(g, v):
        return v if v > 10 else f(g, g(v))

    return f(step, x) + n


@CASES((0.3,), (2.5,))
def arrays_swapped_at_every_call(x):
    def f(a, b, v):
        if v > 3:
            return a[0] * 2 + b[0]
        a[0] += 1
        return f(b, a, v + 1)

    a, b = np.zeros(2) + x, np.ones(2)
    return f(a, b, x) + a[0] * 10 + b[0] * 100


@CASES((0.3,), (1.5,), (5.0,))
def two_functions_that_call_each_other_with_functions(x):
    def even(n, g):
        return g(n) if n > 4 else odd(n + 1, lambda v: v * x)

    def odd(n, g):
        return g(n) + 1 if n > 5 else even(n + 1, lambda v: v + x)

    return even(x, np.sin)


@CASES((0.3,), refused="changes a list that is not its own")
def item_of_a_list_is_changed(x):
    def f(items, x):
        if x > 3:
            return 0.0
        items[0] = x
        return f(items, x + 1.0)

    items = [0.5, 2.0]
    return f(items, x) + sum(items)


@CASES((0.3,), refused="changes a variable that is not its own")
def variable_of_a_function_handed_on_is_changed(x):
    total = 0.0

    def add(v):
        nonlocal total
        total += v
        return total

    def f(g, x):
        return g(x) if x > 3 else f(g, x + g(x))

    return f(add, x) + total


@CASES((0.3,), refused="is called within itself 12 times, each time with other functions")
def continuation_grows(x):
    def f(x, k):
        return k(x) if x > 3 else f(x + 1.0, lambda v: k(v * x))

    return f(x, lambda v: v)


@CASES((0.3,), refused="is called within itself 12 times, each time with other functions")
def continuation_grows_in_a_loop(x):
    def f(x, k):
        total = 0.0
        for i in range(3):
            total += k(x) if x > 3 else f(x + 1.0, lambda v: k(v * i))
        return total

    return f(x, lambda v: v)


@CASES((3, 1.5), (0, 1.5))
def continuation_of_a_known_number(n, x):
    def f(n, k):
        return k(x) if n < 1 else f(n - 1, lambda v: k(v * n))

    return f(n, lambda v: v)


@pytest.mark.parametrize("case", CASES.every, ids=CASES.names)
def test_recursion(case) -> None:
    check(case)


SMOOTH = [case for case in CASES.every if not case[2] and isinstance(case[1][0][0], float)]


@pytest.mark.parametrize("case", SMOOTH, ids=[case[0].__name__ for case in SMOOTH])
def test_derivatives_of_recursion(case) -> None:
    f, calls, _ = case
    for args in calls:
        slope = ad.jit(ad.grad(f))(*args)
        assert slope == pytest.approx(ad.grad(f)(*args), rel=1e-12)
        ahead, back = (f(args[0] + h, *args[1:]) for h in (1e-6, -1e-6))
        assert slope == pytest.approx((ahead - back) / 2e-6, rel=1e-6, abs=1e-7)
        second = ad.jit(ad.derivative(ad.grad(f)))(*args)
        assert second == pytest.approx(ad.derivative(ad.grad(f))(*args), rel=1e-12)


def test_attributes_of_an_object_are_read_at_every_call() -> None:
    class Model:
        def __init__(self):
            self.c = 2.0

        def f(self, x):
            return x * self.c if x > 3 else self.f(x + 1.0)

    model = Model()
    program = ad.jit(model.f)
    assert program(0.3) == model.f(0.3)
    model.c = 5.0
    assert program(0.3) == model.f(0.3)
