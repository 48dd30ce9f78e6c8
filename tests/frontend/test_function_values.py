"""Functions as values over branches and loops: of other values, one of several, and kept in tuples, dicts and objects."""

# pyright: reportAttributeAccessIssue=false
# ruff: noqa: B023 - the programs are written as users write them
from __future__ import annotations

import functools
import math

import numpy as np
import pytest

import adjoint as ad
from tests.frontend.agreement import Cases, check

CASES = Cases()
POINTS = ((0.3,), (1.5,), (2.5,), (-1.0,))


def scaled(w):
    return lambda v: v * w


def shifted(w, by=1.0):
    def g(v, by=by):
        return v * w + by

    return g


@CASES(*POINTS)
def one_text_of_other_values(x):
    g = scaled(x) if x > 1 else scaled(x * x)
    return g(3.0)


@CASES(*POINTS)
def default_arguments_differ(x):
    g = shifted(x, x + 1.0) if x > 1 else shifted(x * x, 3.0)
    return g(3.0) * g(x, 0.5)


@CASES(*POINTS)
def two_functions(x):
    if x > 1:
        w = x
        g = lambda v: v * w
    else:
        w = 2 * x
        g = lambda v: v + w
    return g(x) + g(2.0)


@CASES(*POINTS)
def functions_of_libraries(x):
    f = np.sin if x > 1 else math.cos
    return f(x) + np.sum(f(x * 2))


@CASES(*POINTS)
def one_of_four(x):
    f = np.sin
    if x > 0:
        f = scaled(x)
        if x > 1:
            f = functools.partial(np.power, x) if x > 2 else (lambda v: v + x)
    return f(2.0) * f(x * x)


@CASES(*POINTS)
def changed_in_every_turn(x):
    g = scaled(x)
    for _ in range(3):
        y = g(x)
        g = scaled(y)
    return g(2.0)


@CASES(*POINTS)
def changed_in_a_while(x):
    f = np.sin
    while x < 3:
        x = x + f(x) ** 2 + 0.1
        f = np.cos if x > 2 else np.tanh
    return f(x)


@CASES(*[(x, n) for (x,) in POINTS for n in (1, 3)])
def kept_after_a_loop(x, n):
    g = scaled(0.5)
    for i in range(n):
        w = x * i + 1.0
        g = lambda v: v * w
    return g(2.0)


@CASES(*[(x, n) for (x,) in POINTS for n in (1, 4)])
def kept_in_a_dict(x, n):
    table = {"f": np.sin, "g": scaled(x)}
    for _ in range(n):
        table["f"], table["g"] = table["g"], scaled(table["f"](x))
        if x > 2:
            table["g"] = np.cos
    return table["f"](x) + table["g"](2.0)


@CASES(*POINTS)
def kept_in_an_object(x):
    class Layer:
        def __init__(self, f):
            self.f = f

        def run(self, v):
            return self.f(v) + x

    layer = Layer(np.tanh)
    if x > 1:
        layer.f = scaled(x)
    other = Layer(scaled(2.0)) if x > 2 else Layer(scaled(x))
    return layer.run(x) * other.run(x)


@CASES(*POINTS)
def methods(x):
    class Pair:
        def __init__(self, a):
            self.a = a

        def first(self, v):
            return v * self.a

        def second(self, v):
            return v + self.a

    p, q = Pair(x), Pair(x * x)
    f = p.first if x > 1 else q.first
    g = p.second if x > 1 else q.first
    return f(2.0) + g(x)


@CASES(*POINTS)
def functions_that_hold_themselves(x):
    def make(w):
        def down(v):
            return v * w if v > 4 else down(v + 1.0) + w

        return down

    g = make(x) if x > 1 else make(2.0)
    return g(x)


@CASES(*POINTS)
def functions_of_functions(x):
    compose = lambda f, g: lambda v: f(g(v))
    h = compose(np.sin, scaled(x)) if x > 1 else compose(scaled(x), np.exp)
    return compose(h, h)(0.5)


@CASES(*POINTS)
def variables_are_read_when_the_function_is_called(x):
    w = x
    g = (lambda: w) if x > 0 else (lambda: w * 2)
    w = w + 1
    if x > 1:
        u = x
        h = lambda: u
    else:
        u = 3 * x
        h = lambda: u * 2
    u = u + 1
    return g() * h()


@CASES(*POINTS)
def variables_of_a_loop_are_read_when_the_function_is_called(x):
    g = lambda: 1.0
    w = x
    for i in range(3):
        if w > 1:
            g = lambda: w * i
        w = w + 0.3
    w = w * 10
    return g()


@CASES(*POINTS)
def item_of_a_list(x):
    functions = [np.sin, np.cos, lambda v: v * x]
    k = 0
    while x > 0 and k < 2:
        x -= 1.0
        k += 1
    return functions[k](x) + functions[k - 3](x)


@CASES((5,), (2,))
def item_of_a_list_out_of_bounds(k):
    return [np.sin, np.cos, np.tan][k](0.5)


@CASES(*POINTS)
def handed_to_functions_of_libraries(x):
    f = np.sin if x > 1 else np.cos
    return sum(map(f, [x, 2 * x])) + functools.reduce(lambda a, b: f(a) + b, [x, x, x]) + max([x, 2.0], key=f)


@CASES(*POINTS)
def functions_that_change_what_they_share(x):
    a, c = np.zeros(2), 0.0

    def first(v):
        nonlocal c
        a[0] += v
        c += v

    def second(v):
        nonlocal c
        a[1] += v * x
        c = c * x + v

    f = first if x > 1 else second
    for _ in range(3):
        f(x)
    return a[0] * 3 + a[1] + c


@CASES(*POINTS)
def returned_from_a_loop(x):
    def pick(x):
        for i in range(3):
            if x > i + 0.9:
                return lambda v: v * x * i
        return np.cos

    return pick(x)(2.0)


@CASES(*POINTS)
def a_choice_within_a_choice(x):
    f = np.sin if x > 1 else np.cos
    g = (lambda v: f(v) * x) if x > 2 else (lambda v: f(v) + x)
    return g(x) + ad.grad(lambda v: g(v) * v)(x)


def summed(items):
    return lambda: sum(items)


@CASES((0.3,), refused="may be the one that was changed under another name")
def list_changes_after_the_branch(x):
    items = [x, 1.0]
    g = summed(items) if x > 1 else summed([x])
    items.append(5.0)
    return g()


@CASES((0.3,), refused="which function a variable holds is asked for")
def function_is_asked_for(x):
    f = np.sin if x > 1 else np.cos
    return x if f is np.sin else 2.0 * x


@CASES((0.3,), refused="which function a variable holds is asked for")
def function_is_looked_for(x):
    f = np.sin if x > 1 else np.cos
    return x if f in (np.sin, np.tan) else 2.0 * x


@CASES((0.3,), refused="which function a variable holds is asked for")
def function_of_other_values_is_asked_for(x):
    a, b = scaled(x), scaled(x * 2)
    g = a if x > 1 else b
    return x if g is a else 2.0 * x


def remember(depth, g, x):
    w = x * (depth + 1)
    h = lambda: w
    if depth == 0:
        return remember(1, h, x)
    k = g if x > 0 else h
    w = w + 1
    return k()


@CASES((0.3,), refused="reads a variable that changed after a branch or a loop left it as one of several")
def variable_changes_after_the_branch(x):
    return remember(0, None, x)


@CASES((0.3,), refused="is either")
def more_than_can_be_chosen_from(x):
    f = np.sin
    for k in (np.cos, np.tan, np.exp, np.log, np.sqrt, np.tanh, np.sinh, np.cosh):
        f = k if x > 1 else f
    return f(x)


@CASES((0.3,), refused="is either")
def function_or_number(x):
    f = np.sin if x > 1 else x
    return f(x) if x > 1 else f


@pytest.mark.parametrize("case", CASES.every, ids=CASES.names)
def test_values(case) -> None:
    check(case)


RUN = [case for case in CASES.every if not case[2] and case[0] is not item_of_a_list_out_of_bounds]


@pytest.mark.parametrize("case", RUN, ids=[case[0].__name__ for case in RUN])
def test_derivatives(case) -> None:
    f, calls, _ = case
    slope, second = ad.jit(ad.grad(f), backend="python"), ad.jit(ad.grad(ad.grad(f)), backend="python")
    for args in calls:
        assert slope(*args) == pytest.approx(ad.grad(f)(*args), rel=1e-12)
        assert second(*args) == pytest.approx(ad.grad(ad.grad(f))(*args), rel=1e-12)
