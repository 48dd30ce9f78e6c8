"""Exceptions that depend on values, their handlers, and iterators that end by one."""

# ruff: noqa: TRY301, TRY300 - the programs are written as users write them
from __future__ import annotations

import math

import numpy as np

from tests.programs.registry import program


class EarlyError(Exception):
    """An exception that carries a result."""

    def __init__(self, value, text=""):
        super().__init__(text)
        self.value = value


class Halves:
    """An iterator that ends where a value says."""

    def __init__(self, x, stop):
        self.x, self.stop = x, stop

    def __iter__(self):
        return self

    def __next__(self):
        if self.x < self.stop:
            raise StopIteration
        self.x = self.x * 0.5
        return self.x


def positive(x):
    if x < 0:
        raise ValueError("negative")
    if x > 2:
        raise OverflowError("large")
    return math.sqrt(x) * x


@program(args=(np.array([0.7, -0.3, 1.2, 2.6]),), step=0.01)
def handlers_of_a_called_function(a):
    total = 0.0
    for x in a:
        try:
            total += positive(x)
            total *= 1.1
        except ValueError:
            total += x**2
        except OverflowError as error:
            total -= len(error.args[0]) * x
        else:
            total += 0.5
        finally:
            total += 0.1 * x
    return total


@program(args=(0.8, 1.3), step=0.01)
def an_exception_carries_the_result(x, y):
    def search(z):
        for k in range(6):
            z = z * 0.7
            if z < 0.3:
                raise EarlyError(z * (k + y))
        return z

    try:
        return search(x) + y
    except EarlyError as error:
        return error.value**2 + x


@program(args=(np.array([0.7, 0.4, -1.2, 0.6]),), step=0.01)
def an_exception_leaves_a_loop(a):
    total = 1.0
    seen = []
    try:
        for x in a:
            seen.append(x * total)
            total += positive(x)
        total += 100.0
    except ValueError:
        total *= 2.0
    return total + sum(seen) * len(seen)


@program(args=(-0.6, 0.9), step=0.01)
def raised_again_and_converted(x, y):
    def inner(z):
        try:
            return positive(z)
        except ValueError as error:
            if z < -5:
                raise
            raise RuntimeError("of another class") from error

    total = 0.0
    try:
        try:
            total += inner(y)
            total += inner(x)
        finally:
            total *= 3.0
    except RuntimeError:
        total += x * y
    return total


@program(args=(0.5, 1.5), step=0.01)
def returns_and_exceptions_of_one_try(x, y):
    def f(z):
        try:
            if z > 5:
                raise KeyError("large")
            if z > 1:
                return z**3
            w = z * y
        except KeyError:
            w = -z
        return w * 3.0

    return f(x) + f(y) * f(x + 6.0)


@program(args=(0.7, 1.5, np.array([0.3, 0.6])), step=0.01)
def exceptions_of_python_itself(x, y, a):
    total = x
    for k in range(4):
        try:
            total += a[k] * y
        except IndexError:
            total += 2.0 * y
    try:
        total += math.log(-y)
    except ValueError:
        total *= y
    return total


@program(args=(np.array([[0.5, 1.1], [1.1, 0.7]]),), step=0.01)
def cholesky_with_more_and_more_on_the_diagonal(m):
    m = (m + m.T) / 2
    jitter = 0.0
    for _ in range(8):
        try:
            factor = np.linalg.cholesky(m + jitter * np.eye(2))
            break
        except np.linalg.LinAlgError:
            jitter = 0.3 if jitter == 0.0 else 2.0 * jitter
    else:
        return np.sum(m)
    return np.sum(factor) + jitter


@program(args=(3.1, 0.83), step=0.01)
def iterators_of_a_class(x, y):
    total = 0.0
    for value in Halves(x, 0.1):
        if value > 1.0:
            continue
        total += value**2
    for k, value in enumerate(Halves(y, 0.05)):
        total += value * y**k
    return total + sum(v * v for v in Halves(x, 0.4)) + next(Halves(y, 5.0), x * y)


@program(args=(0.4, 1.7), step=0.01)
def a_loop_whose_first_turn_changes_a_type(x, y):
    def rough(n):
        previous, total = None, 0.0
        for k in range(n):
            value = x * k + y
            if previous is not None:
                total += (value - previous) ** 2 * value
            previous = value
        return total

    return rough(int(y)) + 2.0 * rough(int(x)) + rough(int(4 * y))


class Scaled:
    """A class whose attribute is its instances' own once they change it."""

    scale = 3.0

    def __init__(self, x):
        self.x = x

    def grow(self):
        if self.x > 1:
            self.scale = self.scale * self.x
        return self

    def __iadd__(self, other):
        self.x = self.x + other
        return self


@program(args=(0.4, 1.7), step=0.01)
def attributes_of_the_class(x, y):
    a, b = Scaled(x).grow(), Scaled(y).grow().grow()
    a += y
    for _ in range(3):
        a.grow()
    return a.scale * x + b.scale * a.x + Scaled(y).scale


@program(args=(0.4, -0.7), step=0.01)
def a_variable_of_two_functions_in_two_branches(x, y):
    def f(z):
        count = 0.0

        def add():
            nonlocal count
            count = count + z

        if z > 0:
            add()
        else:
            count = 5.0 * z
        return count * z

    return f(x) * f(y)


@program(args=(0.6,), step=0.01)
def a_recursion_with_a_default(x):
    def f(z, depth=0):
        if z < 0.05 or depth > 20:
            return z
        return z * (depth + 1) + 0.5 * f(z * 0.6, depth=depth + 1)

    return f(x)


@program(args=(0.6, -0.2), step=0.01)
def a_sum_of_a_function_with_branches(x, y):
    def f(z):
        if z <= 0:
            return 7 * z
        return math.log(z)

    return np.sum(f(x)) * np.sum(f(y))
