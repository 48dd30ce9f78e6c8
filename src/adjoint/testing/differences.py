"""The derivative of a curve by extrapolated central differences, with an estimate of the error that remains.

Central differences at shrinking steps are extrapolated to step zero [Ridders 1982, Richardson 1911].  Of each entry of the
result the element of the tableau with the smallest error estimate is kept.  The estimate is what makes the number an oracle: a
tolerance that adds it is honest at noisy, steep and kinked points, and one that ignores it is wrong there.

References
----------
C. J. F. Ridders, *Accurate computation of F'(x) and F'(x) F''(x)*, Advances in Engineering Software 4 (1982) 75-76.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

Curve = Callable[[float], np.ndarray]

EPS = float(np.finfo(float).eps)
RATIO = 1.6
ROWS = 9
# Where the first tableau fails (a pole, a branch, the edge of the domain is near), further ones start closer.
STARTS = (0.1, 0.02, 2e-3, 2e-4, 2e-5)
# A step so small that it stays on this side of any branch; its difference is rough, but about the right thing.
TINY = 1e-6


class Estimate(NamedTuple):
    """A derivative and an estimate of its absolute error, entry by entry."""

    value: np.ndarray
    error: np.ndarray


class Slope:
    """The central difference of a curve as a function of its step; nan where the curve is not defined."""

    def __init__(self, curve: Curve, shape: tuple[int, ...]) -> None:
        self.curve, self.shape = curve, shape
        self.largest = 0.0  # of the values met, whose rounding is the noise of the differences

    def __call__(self, h: float) -> np.ndarray:
        """Return ``(f(h) - f(-h)) / 2h``."""
        try:
            with np.errstate(all="ignore"):
                ahead, behind = np.asarray(self.curve(h)), np.asarray(self.curve(-h))
                if ahead.shape == behind.shape == self.shape:
                    self.largest = max(_largest(ahead), _largest(behind))
                    return (ahead - behind) / (2 * h)
        except (ArithmeticError, ValueError, LookupError):
            pass
        return np.full(self.shape, np.nan)


def derivative(curve: Curve, *, goal: float = 1e-9, eps: float = EPS) -> Estimate:
    """Return the derivative at 0 of a vector-valued function of one real number.

    Parameters
    ----------
    curve
        Takes a step, returns a vector, real or complex.  Steps outside its domain may raise or give nan.
    goal
        An error relative to the largest entry at which the search ends.
    eps
        Relative error of the values: that of the precision in which they were computed.

    Examples
    --------
    >>> value, error = derivative(lambda h: np.exp(np.array([1 + h])))
    >>> bool(abs(value[0] - np.e) < 1e-9), bool(error[0] < 1e-8)
    (True, True)
    """
    center = np.asarray(curve(0.0))
    slope = Slope(curve, center.shape)
    best = Estimate(np.full(center.shape, np.nan), np.full(center.shape, np.inf))
    tiny = max(TINY, 10 * eps**0.5)
    rough = slope(tiny)
    noise = eps * slope.largest / tiny
    for start in STARTS:
        best = _better(best, _doubted(_tableau(slope, start, eps, goal), rough, noise))
        if np.all(best.error <= goal * _largest(best.value)):
            break
    return best


def _tableau(slope: Slope, start: float, eps: float, goal: float) -> Estimate:
    """Extrapolate: steps shrink by `RATIO` down the rows, the order grows by two along each."""
    above = [slope(start)]
    best = Estimate(above[0], np.full(above[0].shape, np.inf))
    for row in range(1, ROWS):
        h = start / RATIO**row
        current = [slope(h)]
        for column, coarser in enumerate(above, 1):
            entry = current[-1] + (current[-1] - coarser) / (RATIO ** (2 * column) - 1)
            doubt = np.maximum(abs(entry - current[-1]), abs(entry - coarser)) + eps * slope.largest / h
            best = _better(best, Estimate(entry, doubt))
            current.append(entry)
        above = current
        if np.all(best.error <= goal * _largest(best.value)):
            break
    return best


def _better(best: Estimate, other: Estimate) -> Estimate:
    """Return of two estimates the one with the smaller error, entry by entry; an error of nan never wins."""
    wins = other.error < best.error
    return Estimate(np.where(wins, other.value, best.value), np.where(wins, other.error, best.error))


def _doubted(best: Estimate, tiny: np.ndarray, noise: float) -> Estimate:
    """Count a disagreement with the difference of a tiny step as an error: the tableau converged across a branch."""
    gap = abs(best.value - tiny)
    tolerated = 1e-4 * np.maximum(abs(tiny), 1e-3 * _largest(tiny)) + 10 * noise
    return Estimate(best.value, np.where(gap > tolerated, np.maximum(gap, best.error), best.error))


def _largest(x: np.ndarray) -> float:
    return float(np.max(abs(x), initial=0.0, where=np.isfinite(x)))
