"""A dozen programs whose derivatives are printed and reviewed like prose, each with the operator that is applied to it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import adjoint as ad


class Golden(NamedTuple):
    """A translated function and arguments that tell its types."""

    function: Callable[..., Any]
    args: tuple[Any, ...]


def product(x, y):
    # The classic example of Griewank and Walther.
    u = x / y
    v = u - math.exp(y)
    return (math.sin(u) + v) * v


def horner(coefficients, x):
    value = 0.0
    for c in coefficients:
        value = value * x + c
    return value


def logistic_map(x, r, n):
    for _ in range(n):
        x = r * x * (1 - x)  # the population of the next year
    return x


def least_squares(w, data, target):
    residual = data @ w - target
    return 0.5 * np.sum(residual**2)


def network(w1, b1, w2, x):
    hidden = np.tanh(w1 @ x + b1)
    return w2 @ hidden


def heat(u, kappa, steps):
    u = u.copy()
    for _ in range(steps):
        u[1:-1] += kappa * (u[2:] - 2 * u[1:-1] + u[:-2])
    return np.sum(u**2)


def newton(a, x):
    # Newton's method for the cube root: how many steps it takes depends on a.
    while abs(x**3 - a) > 1e-12:
        x = x - (x**3 - a) / (3 * x**2)
    return x


def first_large(values, bound):
    total = 0.0
    for i in range(len(values)):
        total = total + values[i] ** 2
        if total > bound:
            return total * values[i]
    return total


def power(x, n):
    if n == 0:
        return 1.0
    half = power(x, n // 2)
    if n % 2 == 1:
        return half * half * x
    return half * half


def huber(r, delta):
    if abs(r) <= delta:
        loss = 0.5 * r**2
    else:
        loss = delta * (abs(r) - 0.5 * delta)
    return loss


def spring(parameters, dt):
    x, v = 1.0, 0.0
    for _ in range(10):
        v = v - dt * (parameters["stiffness"] * x + parameters["damping"] * v)
        x = x + dt * v
    return x


def neighbours(x):
    return x[1:] * x[:-1]


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


VECTOR = np.array([0.5, -0.3, 1.2, 0.8])
MATRIX = np.array([[0.5, -0.3, 1.2, 0.1], [0.8, 0.1, -0.7, 0.4]])

GOLDEN: dict[str, Golden] = {
    "product_grad": Golden(ad.grad(product, (0, 1)), (1.5, 0.5)),
    "product_jvp": Golden(lambda x, y, x_dot, y_dot: ad.jvp(product, (x, y), (x_dot, y_dot)), (1.5, 0.5, 1.0, 0.0)),
    "horner_grad": Golden(ad.grad(horner, (0, 1)), (VECTOR, 0.7)),
    "logistic_map_grad": Golden(ad.grad(logistic_map, (0, 1)), (0.3, 2.7, 5)),
    "least_squares_value_and_grad": Golden(ad.value_and_grad(least_squares), (VECTOR, MATRIX, VECTOR[:2])),
    "network_jacobian": Golden(ad.jacrev(network), (MATRIX, VECTOR[:2], MATRIX[:, :2], VECTOR)),
    "heat_grad": Golden(ad.grad(heat, (0, 1)), (VECTOR, 0.1, 3)),
    "newton_grad": Golden(ad.grad(newton), (2.0, 1.0)),
    "newton_vjp": Golden(lambda a, x: ad.vjp(lambda a: newton(a, x), a)[1](1.0), (2.0, 1.0)),
    "first_large_grad": Golden(ad.grad(first_large), (VECTOR, 1.0)),
    "power_grad": Golden(ad.grad(power), (1.3, 5)),
    "power_vjp": Golden(lambda x, n: ad.vjp(lambda x: power(x, n), x)[1](1.0), (1.3, 5)),
    "huber_grad": Golden(ad.grad(huber), (0.7, 0.5)),
    "spring_grad": Golden(ad.grad(spring), ({"stiffness": 4.0, "damping": 0.1}, 0.05)),
    "neighbours_jacfwd": Golden(ad.jacfwd(neighbours), (VECTOR,)),
    "rosenbrock_hvp": Golden(ad.hvp(rosenbrock), (VECTOR, VECTOR + 1)),
}
