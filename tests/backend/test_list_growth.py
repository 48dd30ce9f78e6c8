"""Lists are changed in place: a derivative of a loop over a list of n items takes n steps, and copies it in none of them."""

import math

import numpy as np
import pytest

import adjoint as ad


def stacked(x, n):
    items = []
    for i in range(n):
        items.append(x * i)
    total = 0.0
    while len(items) > 0:
        total = total + items.pop() ** 2
    return total


def collected(x, n):
    path = []
    for _ in range(n):
        x = x * 0.99
        path.append(x)
    return np.sum(np.array(path) ** 2)


def looked_back(x, n):
    path = [x]
    for _ in range(n):
        path.append(path[-1] * 0.9 + math.sin(path[-1]))
    return sum(path)


@pytest.mark.parametrize("program", [stacked, collected, looked_back])
@pytest.mark.parametrize("transform", [ad.grad, ad.value_and_grad], ids=["grad", "value_and_grad"])
def test_no_turn_copies_a_list(program, transform):
    text = ad.source(transform(program), 0.3, 5)
    assert "[:-1]" not in text
    assert "[*" not in text


def test_second_derivative_of_a_stack_copies_no_list():
    text = ad.source(ad.grad(ad.grad(stacked)), 0.3, 5)
    assert "[:-1]" not in text
    assert "[*" not in text


@pytest.mark.parametrize("program", [stacked, collected, looked_back])
def test_values_are_those_of_tracing(program):
    for g in (ad.grad(program), ad.grad(ad.grad(program))):
        assert ad.jit(g)(0.3, 7) == pytest.approx(g(0.3, 7), rel=1e-12)
