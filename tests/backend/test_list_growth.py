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


def assigned(x, n):
    items = [0.0] * n
    for i in range(n):
        items[i] = x * i
    for i in range(1, n):
        items[i] = items[i] * 0.5 + math.sin(items[i - 1])
    return sum(items)


def filled(x, n):
    a = np.zeros(n)
    a[0] = x
    for i in range(1, n):
        a[i] = math.sin(a[i - 1]) * 0.9 + x
    return np.sum(a**2)


@pytest.mark.parametrize("program", [stacked, assigned, filled])
def test_second_derivatives_copy_nothing_whole_in_a_turn(program):
    text = ad.source(ad.grad(ad.grad(program)), 0.3, 5)
    turns = [line for line in text.splitlines() if line.startswith("        ") and "    return" not in line]
    assert not [line for line in turns if "[:-1]" in line or "[*" in line or "blank(" in line or "zeros_like(" in line]


@pytest.mark.parametrize("program", [stacked, collected, looked_back, assigned, filled])
def test_values_are_those_of_tracing(program):
    for g in (ad.grad(program), ad.grad(ad.grad(program))):
        assert ad.jit(g)(0.3, 7) == pytest.approx(g(0.3, 7), rel=1e-12)
