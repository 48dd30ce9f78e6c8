"""Numerical differentiation: forward and central differences over a sweep of steps, and `scipy.differentiate`.

A difference with step ``h`` has a truncation error that falls with ``h`` (as ``h`` forward, as ``h**2`` central) and a
rounding error that grows as ``eps / h``.  The best step lies where they meet, near ``eps**(1/2)`` and ``eps**(1/3)``, and
nobody knows it beforehand, because it depends on derivatives of higher order.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.explain.compare_point import Matrix, Point

STEPS = tuple(float(10 ** (-k / 4)) for k in range(65))
FORWARD, CENTRAL = "forward differences", "central differences"
# SciPy starts with a step of 0.5; where that leaves the domain of the function, with this part of the input.
SHORT = 0.1
# Runs of the function for one column (forward differences share the run at the point itself).
RUNS = {FORWARD: 1, CENTRAL: 2}


@dataclass(frozen=True)
class Sweep:
    """The error of differences as a function of their step.

    Attributes
    ----------
    steps
        From large to small, relative to an input of more than 1.
    forward, central
        Largest error of each, relative to the largest entry of the derivative; nan where the function is not defined.
    columns
        Of how many columns of the Jacobian.
    """

    steps: tuple[float, ...]
    forward: tuple[float, ...]
    central: tuple[float, ...]
    columns: int


def rule_of_thumb(method: str, eps: float) -> float:
    """Return the step that is best where a function and its derivatives are of one size."""
    return eps ** (1 / 2 if method == FORWARD else 1 / 3)


def difference(point: Point, method: str, h: float, columns: Sequence[int]) -> Matrix:
    """Return columns of the Jacobian by differences."""
    center = point.value(point.x) if method == FORWARD else None
    found = []
    for k in columns:
        step = h * max(abs(point.x[k]), 1.0)
        unit = step * np.eye(1, point.x.size, k)[0]
        ahead = point.value(point.x + unit)
        behind = point.value(point.x - unit) if center is None else center
        with np.errstate(all="ignore"):
            found.append((ahead - behind) / (step if center is not None else 2 * step))
    return np.array(found).T


def error_of(got: Matrix, exact: Matrix) -> float:
    """Return the largest error relative to the largest entry; nan if an entry is not finite."""
    if not got.size:
        return 0.0
    with np.errstate(all="ignore"):
        gap, scale = float(np.max(abs(got - exact))), float(np.max(abs(exact)))
    return gap / scale if scale else gap


def sweep(point: Point, columns: Sequence[int], exact: Matrix, steps: Sequence[float] = STEPS) -> Sweep:
    """Return the errors of both kinds of differences at all steps."""
    forward = [error_of(difference(point, FORWARD, h, columns), exact) for h in steps]
    central = [error_of(difference(point, CENTRAL, h, columns), exact) for h in steps]
    return Sweep(tuple(steps), tuple(forward), tuple(central), len(columns))


@dataclass(frozen=True)
class ByScipy:
    """Columns of the Jacobian by `scipy.differentiate.derivative`.

    Attributes
    ----------
    J, columns
        These columns, and which they are.
    doubted
        How many of their entries SciPy itself says did not converge.
    shortened
        How many columns needed a shorter first step than SciPy's, which left the domain of the function.
    refusal
        Why there are none.
    """

    J: Matrix
    columns: tuple[int, ...] = ()
    doubted: int = 0
    shortened: int = 0
    refusal: str = ""


def by_scipy(point: Point, columns: Sequence[int], seconds: float) -> ByScipy:
    """Return as many of the columns of the Jacobian as the time allows."""
    try:
        differentiate: Any = importlib.import_module("scipy.differentiate")
    except ImportError:
        return ByScipy(np.zeros((point.y.size, 0)), refusal="scipy.differentiate is new in SciPy 1.15")
    stop, found, doubted, shortened = time.perf_counter() + seconds, [], 0, 0
    for k in columns:
        column, success = _column_by_scipy(differentiate, point, k, {})
        if not np.all(np.isfinite(column)):
            short = {"initial_step": SHORT * max(abs(point.x[k]), SHORT)}
            column, success = _column_by_scipy(differentiate, point, k, short)
            shortened += 1
        found.append(column)
        doubted += int(np.sum(~success))
        if time.perf_counter() > stop:
            break
    return ByScipy(np.array(found).T, tuple(columns[: len(found)]), doubted, shortened)


def _column_by_scipy(differentiate: Any, point: Point, k: int, options: dict[str, float]) -> tuple[np.ndarray, np.ndarray]:
    unit = np.eye(1, point.x.size, k)[0]

    def curve(t: Any) -> Any:
        # SciPy asks for each result at many points, along a new last axis; a user's function takes one point.
        t = np.asarray(t)
        values = {v: point.value(point.x + (v - point.x[k]) * unit) for v in dict.fromkeys(t.reshape(-1).tolist())}
        return np.reshape([values[v][place[0]] for place, v in np.ndenumerate(t)], t.shape)

    with np.errstate(all="ignore"):
        found = differentiate.derivative(curve, np.full(point.y.size, point.x[k]), preserve_shape=True, **options)
    return np.where(np.isfinite(found.df), found.df, np.nan), np.asarray(found.success)
