"""Branches, loops, early exits, exceptions, contexts and pattern matching."""

from __future__ import annotations

import contextlib
import math

import numpy as np

from tests.programs.registry import program


@program(args=(0.7,))
def piecewise(x):
    if x < 0:
        y = -x
    elif x < 0.5:
        y = x**2
    elif x < 1:
        y = math.sin(x) + x
    else:
        y = 1.0
    return y * 3


@program(args=(0.3, -1.2))
def conditional_expression(x, y):
    low, high = (x, y) if x < y else (y, x)
    return high**3 - low * high + (2.0 if low > 0 else low)


@program(args=(2.5,))
def while_halving(x):
    """The number of turns depends on the value."""
    total = 0.0
    while x > 0.1:
        total = total + math.sqrt(x)
        x = x / 2
    return total + x


@program(args=(np.array([0.5, -0.3, 1.2, 0.8]),), complexable=True)
def loop_over_array(a):
    product = 1.0
    for value in a:
        product *= 1 + value**2
    return product


@program(args=(np.array([[0.5, -0.3], [1.2, 0.8], [0.1, -0.9]]),), complexable=True)
def loop_over_rows(matrix):
    total = np.zeros(2)
    for row in matrix:
        total = np.tanh(total + row)
    return total


@program(args=(np.array([0.5, 0.3, 1.2]), np.array([1.5, -0.4, 0.2])))
def zip_and_enumerate(a, b):
    total = 0.0
    for i, (u, v) in enumerate(zip(a, b), start=1):
        total += u**i * v
    for i, u in enumerate(reversed(list(a))):
        total -= math.cos(u) / (i + 1)
    return total


@program(args=({"mass": 2.0, "speed": 3.0, "height": 0.5},), complexable=True)
def dict_items(parameters):
    total = 0.0
    for name, value in parameters.items():
        if name == "speed":
            total += 0.5 * parameters["mass"] * value**2
        elif name == "height":
            total += parameters["mass"] * 9.81 * value
    return total


@program(args=(0.4, 1.3))
def break_continue_else(x, y):
    total = 0.0
    for i in range(10):
        if i % 3 == 1:
            continue
        total += x**i * y
        if total > 2.5:
            break
    else:
        total *= 2
    for i in range(3):
        if total < -100:
            break
    else:
        total += math.exp(x)
    return total


@program(args=(1.7,))
def while_else(x):
    n = 0
    while n < 4:
        x = math.sin(x) + 0.5 * x
        n += 1
        if x < 0.1:
            break
    else:
        x = x * x
    return x


@program(args=(np.array([0.2, 0.9, 1.4]),), complexable=True)
def early_return(a):
    total = 0.0
    for i in range(len(a)):
        total = total + a[i] ** 2
        if total > 0.7:
            return total * a[i]
    return total


@program(args=(0.6, 0.2))
def return_from_nested_loops(x, y):
    state = x
    for i in range(5):
        for j in range(5):
            state = state * 0.9 + y * math.cos(i - j)
            if state > 1.0:
                return state**2 + i * y
    return state


def checked_log(x):
    if x <= 0:
        raise ValueError("log of a negative number")
    return math.log(x)


@program(args=(-0.8, 1.5))
def raise_and_except(x, y):
    total = 0.0
    for value in (x, y, x * y, y - x):
        try:
            total += checked_log(value)
        except ValueError:
            total += value**2
        else:
            total *= 1.1
        finally:
            total += 0.1 * value
    return total


@program(args=(np.array([1.0, 2.0, 0.5]),), complexable=True)
def exception_ends_the_loop(a):
    total = 0.0
    i = 0
    while True:
        try:
            total = total + np.sin(a[i]) * (i + 1)
        except IndexError:
            break
        i += 1
    return total


@program(args=(1.5, 0.3))
def assert_and_walrus(x, y):
    assert x > y, "x must be the larger"
    total = 0.0
    while (gap := x - y) > 0.2:
        y += gap / 3
        total += gap**2
    return total + y


class Scope:
    """A context manager with state that the body's value passes through."""

    def __init__(self, scale):
        self.scale = scale
        self.seen = []

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.scale = self.scale * 2
        return False

    def keep(self, value):
        self.seen.append(value * self.scale)


@contextlib.contextmanager
def doubled(box):
    box["x"] = box["x"] * 2
    try:
        yield box
    finally:
        box["x"] = box["x"] + 1


@program(args=(0.8, 1.1), complexable=True)
def context_managers(x, y):
    box = {"x": x}
    with doubled(box) as inside:
        middle = inside["x"] * y
    with Scope(y) as scope, contextlib.suppress(ZeroDivisionError):
        scope.keep(box["x"])
        scope.keep(middle / 0)
    return scope.scale * middle + scope.seen[0] ** 2


@program(args=(0.5,), complexable=True)
def finally_runs_before_return(x):
    log = []

    def compute(v):
        try:
            return v**2
        finally:
            log.append(v * 3)

    y = compute(x)
    return y + log[0] * compute(y) + log[1]


@program(args=(0.3, 0.7, 1.1))
def chained_comparison(x, y, z):
    if 0 < x < y <= z < 2:
        return x * y + y * z
    return x


@program(args=((0.7, 1.4), 2.0))
def match_statement(pair, radius):
    shapes = [("circle", radius), ("box", *pair), {"kind": "square", "side": pair[0]}, [pair[1]], None]
    area = 0.0
    for shape in shapes:
        match shape:
            case ("circle", r):
                area += math.pi * r**2
            case ("box", w, h) if h > w:
                area += w * h
            case {"kind": "square", "side": s}:
                area += s**2
            case [single]:
                area += single
            case _:
                area *= 1.5
    return area


@program(args=(np.array([0.9, -0.4, 0.6]),), complexable=True)
def masks_by_comparison(a):
    positive = a > 0
    count = 0
    total = 0.0
    for flag, value in zip(positive, a):
        if flag:
            count += 1
            total += value**3
    if positive.any() and not positive.all():
        total /= count
    return total


@program(args=(0.9, 0.35))
def boolean_operators(x, y):
    result = 0.0
    if x > 0 and y > 0 or x * y > 5:
        result += x * y
    if not (x < y) and (x - y) ** 2 < 1:
        result += np.exp(-x)
    fallback = None
    scale = fallback or y
    return result * scale


@program(args=(3.0, 0.25), complexable=True)
def variables_that_change_type(x, y):
    """A name is an int, then a float, then an array, then a float again."""
    state = 0
    for i in range(3):
        state = state + x * i
        if i == 1:
            state = np.array([state, y, 1.0])
            state = state * y
            state = state.sum()
    return state


@program(args=(1.2,), complexable=True)
def unused_and_dead_code(x):
    wasted = np.exp(x) * 3
    if False:
        x = wasted
    for _ in []:
        x = x * 100
    y = x**2
    del wasted
    return y


@program(args=(1.2, 0.4), complexable=True)
def countdown_ranges(x, y):
    total = 0.0
    for i in range(6, 0, -2):
        total = total * x + i * y
    for i, j in [(i, j) for i in range(3) for j in range(i)]:
        total += x**i * y**j
    return total


@program(args=(np.array([0.3, 0.5, 0.9, 1.3]), 1.0), complexable=True)
def binary_search_then_value(knots, x):
    """Indices found from values, then used: the piece is constant around the point."""
    low, high = 0, len(knots) - 1
    while high - low > 1:
        middle = (low + high) // 2
        if knots[middle] > x:
            high = middle
        else:
            low = middle
    w = (x - knots[low]) / (knots[high] - knots[low])
    return (1 - w) * knots[low] ** 2 + w * knots[high] ** 3


@program(args=(np.array([0.6, -0.3, 0.8, 0.4]), np.array([[0.5, -0.3], [0.8, 0.1]])), complexable=True)
def recursion_that_hands_arrays_on(x, m):
    def walk(a, b, m, k):
        if k == len(x):
            return m[0, 0] * a[0]
        if k % 2:
            return walk(b, b, m, k + 1) * a[k] + m[0, 1]
        return walk(a, b * 0.5, m, k + 1) + b[k] * np.sum(m * m) * walk(x, a, m, len(x))

    return walk(x, x, m, 0)


@program(args=(np.array([0.6, -0.3, 0.8, 0.4]),), complexable=True)
def recursion_by_turns_over_one_array(x):
    def even(a, n):
        return a[n] * odd(a, n - 1) + odd(a, n - 1) if n else a[0]

    def odd(a, n):
        total = a[n] ** 2
        for k in range(n):
            total = total + a[k] * even(a, k)
        return total

    return even(x, 3) + odd(x, 2) * np.sum(x)


@program(args=(np.array([0.6, -0.3, 0.8, 0.4]),), complexable=True)
def recursion_that_returns_and_changes_an_array(x):
    def smooth(a, b, n):
        if n == 0:
            return a * b[0]
        c = a.copy()
        c[n] = c[n] * c[n - 1] + b[n]
        return smooth(c, b, n - 1) + c[n] * a

    return smooth(x, x * x, 3)
