"""The gradient by one number is found forwards, and is what the way back gives."""

import math

import numpy as np
import pytest

import adjoint as ad


def path(w, n):
    x, v = 1.0, 0.0
    for _ in range(n):
        v = v - 0.1 * w * math.sin(x)
        x = x + 0.1 * v
    return x


def weighed(w, a):
    return np.sum(np.sin(w * a) * a)


def power(w, n):
    return 1.0 if n == 0 else w * power(w, n - 1)


def kinks(w, _):
    return abs(w) + max(w, -w) + np.maximum(w, 0.0) * np.cos(w)


def not_used(w, n):
    return 2.0 * n


CASES = [
    (path, 0.7, 5),
    (weighed, 0.3, np.array([1.0, -2.0])),
    (power, 1.1, 4),
    (kinks, 0.0, 0),
    (kinks, -1.5, 0),
    (not_used, 1.0, 3),
]


@pytest.mark.parametrize(("f", "w", "other"), CASES)
@pytest.mark.parametrize("kind", [float, np.float64, np.float32])
def test_gradient_is_that_of_tracing(f, w, other, kind):
    w = kind(w)
    expected = ad.grad(f)(w, other)
    found = ad.jit(ad.grad(f))(w, other)
    assert found == pytest.approx(expected, rel=1e-5 if kind is np.float32 else 1e-13)
    assert kind is not float or type(found) is type(expected) is float


@pytest.mark.parametrize(("f", "w", "other"), CASES)
def test_second_derivative_is_that_of_tracing(f, w, other):
    second = ad.grad(ad.grad(f))
    assert ad.jit(second)(w, other) == pytest.approx(second(w, other), rel=1e-12)


@pytest.mark.parametrize("f", [path, power])
def test_nothing_of_a_loop_or_a_call_is_kept(f):
    text = ad.source(ad.grad(f), 0.7, 5)
    assert "_bar" not in text
    assert "append" not in text
    assert "_bar" in ad.source(lambda w, n: ad.vjp(lambda w: f(w, n), w)[1](1.0), 0.7, 5)


def test_a_function_that_only_knows_its_way_back_is_reversed():
    @ad.custom_vjp
    def sine(x):
        return math.sin(x)

    sine.defvjp(lambda x: (math.sin(x), x), lambda x, ct: (ct * math.cos(x) * 2.0,))
    g = ad.grad(lambda x: 3.0 * sine(x))
    assert ad.jit(g)(0.4) == g(0.4) == 6.0 * math.cos(0.4)


def test_other_results_come_along():
    def f(w, a):
        return np.sum(w * a), {"tripled": 3.0 * w, "a": a}

    a = np.array([1.0, 2.0])
    slope, rest = ad.jit(ad.grad(f, has_aux=True))(0.5, a)
    assert slope == 3.0
    assert rest["tripled"] == 1.5
    assert rest["a"] is a or np.array_equal(rest["a"], a)
    value, slope = ad.jit(ad.value_and_grad(lambda w: f(w, a)[0]))(0.5)
    assert (value, slope) == (1.5, 3.0)


def test_argument_that_is_written_to():
    def f(w, a):
        a[0] = w * w
        return a[0] * a[1]

    expected, found = np.array([1.0, 2.0]), np.array([1.0, 2.0])
    assert ad.jit(ad.grad(f))(3.0, found) == ad.grad(f)(3.0, expected) == 12.0
    assert found[0] == expected[0] == 9.0
