"""The oracles themselves, on functions whose derivative is known."""

from __future__ import annotations

import dataclasses
import math
from typing import NamedTuple

import numpy as np
import pytest

from tests import oracles

KNOWN = {
    "polynomial": (lambda x: x**3 - 2 * x, 1.3, lambda x: 3 * x**2 - 2),
    "exp": (np.exp, 0.7, np.exp),
    "large slope": (lambda x: np.exp(20 * x), 0.5, lambda x: 20 * np.exp(20 * x)),
    "fast oscillation": (lambda x: np.sin(200 * x), 0.3, lambda x: 200 * np.cos(200 * x)),
    "near a pole": (lambda x: 1 / x, 0.01, lambda x: -1 / x**2),
    "near the edge of a domain": (np.log, 0.02, lambda x: 1 / x),
    "outside the domain at large steps": (math.log, 0.02, lambda x: 1 / x),
    "near a kink": (abs, 0.003, lambda x: 1.0),
    "near a jump": (lambda x: x**2 + (5.0 if x > 1.0 else 0.0), 1.002, lambda x: 2 * x),
    "locally constant": (lambda x: float(math.floor(10 * x)), 0.512, lambda x: 0.0),
    "small on a large constant": (lambda x: 1e6 + np.sin(x), 0.4, np.cos),
}


@pytest.mark.parametrize("name", KNOWN)
def test_error_estimate_covers_the_error(name: str) -> None:
    f, x, slope = KNOWN[name]
    with np.errstate(all="ignore"):
        estimate = oracles.directional(f, (x,), (1.0,))
    error = abs(estimate.value[0] - slope(x))
    assert error <= 10 * estimate.error[0] + 1e-13 * abs(slope(x)), (error, estimate)
    assert estimate.relative_error < 1e-7, estimate


def test_a_kink_at_the_point_is_reported() -> None:
    estimate = oracles.directional(lambda x: max(x, 0.0) + x**2, (0.0,), (1.0,))
    one_sided = oracles.directional(lambda x: np.sqrt(abs(x)) * np.sign(x), (0.0,), (1.0,))
    assert abs(estimate.value[0] - 0.5) < 1e-3  # both one-sided slopes, shared: what differences can say
    assert one_sided.relative_error > 1e-3


def test_a_jump_at_the_point_is_reported() -> None:
    estimate = oracles.directional(lambda x: 1.0 if x > 0.5 else 0.0, (0.5,), (1.0,))
    assert estimate.relative_error > 0.1


def test_complex_step_equals_differences_equals_truth() -> None:
    x, t = np.array([0.3, 1.2, -0.5]), np.array([1.0, -2.0, 0.3])
    truth = (np.cos(x) * np.exp(x) + np.sin(x) * np.exp(x)) * t
    f = lambda x: np.sin(x) * np.exp(x)
    np.testing.assert_allclose(oracles.complex_step(f, (x,), (t,)), truth, rtol=1e-15)
    np.testing.assert_allclose(oracles.directional(f, (x,), (t,)).value, truth, rtol=1e-11)


def test_gradient_goes_over_all_arguments() -> None:
    estimate = oracles.gradient(
        lambda x, p: x * p["b"][0] + np.sum(p["a"] ** 2), (2.0, {"b": [3.0], "a": np.array([1.0, 4.0])})
    )
    np.testing.assert_allclose(estimate.value, [3.0, 2.0, 8.0, 2.0], rtol=1e-11)


def test_arguments_are_not_touched() -> None:
    def overwrite(a):
        a *= 2
        return a.sum()

    a = np.array([1.0, 2.0])
    assert oracles.directional(overwrite, (a,), (np.ones(2),)).value == pytest.approx([4.0])
    np.testing.assert_array_equal(a, [1.0, 2.0])


class Pair(NamedTuple):
    x: float
    y: list[float]


@dataclasses.dataclass(frozen=True)
class Record:
    a: np.ndarray
    label: str = "kept"


def test_trees_round_trip() -> None:
    tree = ({"b": 1.0, "a": np.array([[2.0], [3.0]])}, Pair(4.0, [5.0]), Record(np.array([6.0])), 7, None)
    vector = oracles.flatten(tree)
    np.testing.assert_array_equal(vector, [2.0, 3.0, 1.0, 4.0, 5.0, 6.0])
    again = oracles.unflatten(vector * 2, tree)
    np.testing.assert_array_equal(oracles.flatten(again), vector * 2)
    assert isinstance(again[1], Pair)
    assert again[2].label == "kept"
    assert again[3:] == (7, None)
    doubled = oracles.shift(tree, 1.0, tree)
    np.testing.assert_array_equal(oracles.flatten(doubled), vector * 2)
    assert oracles.dot(tree, tree) == pytest.approx(float(vector @ vector))
    assert oracles.size(oracles.random_like(tree, 0)) == 6
