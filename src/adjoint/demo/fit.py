"""Fit the models to NIST's data with exact derivatives, and measure how many certified digits come out.

Entry points: `fit`, `fits`.  Each problem is solved from both of its starting points, in three ways that build on each other:

1. `scipy.optimize.least_squares` with the Jacobian by finite differences, what one gets without a derivative;
2. the same call, the same settings, with ``adjoint.jacobian``;
3. from there a few steps of Newton's method on the sum of squares, with ``adjoint.grad`` and ``adjoint.hessian``.

The third is there because of what the second can reach: a method that watches the sum of squares stops when it no longer sees
it fall, and near a minimum the sum changes by less than its rounding error while the parameters still lack half of their
digits.  The gradient goes through zero there and has no such blind spot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import least_squares

import adjoint as ad
from adjoint.demo import nist
from adjoint.demo.models import MODELS, Model

# One setting for all fits.  `trf` and `lm` both solve all eighteen; `trf` also takes bounds, which real fits tend to need.
# `x_scale` takes the unit of each parameter from the Jacobian (those of Hahn1 run from 1 to 1e-7).  The tolerances ask for all
# that double precision gives; `gtol` compares a gradient, which has units, with a fixed number, and so it is off.
SETTINGS: dict[str, Any] = {"method": "trf", "x_scale": "jac", "ftol": 1e-15, "xtol": 1e-15, "gtol": None, "max_nfev": 5000}
NEWTON_STEPS = 4

CERTIFIED_DIGITS = 11
REQUIRED_DIGITS = 6
GRADIENT_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Fit:
    """How one fit went.

    Digits are those of the worst parameter against the certified values, `digits_of`; none can show more than 11.
    """

    problem: str
    start: int
    """1 for the far starting point, 2 for the near one, as NIST numbers them."""
    parameters: tuple[float, ...]
    differences_digits: float
    """Digits by `least_squares` with finite differences."""
    jacobian_digits: float
    """Digits by `least_squares` with the exact Jacobian."""
    digits: float
    """Digits after the steps of Newton's method."""
    residual_digits: float
    """Digits of the residual sum of squares."""
    gradient_error: float
    """Relative error of the reverse-mode gradient at the starting point, against the complex step."""
    function_evaluations: int
    jacobian_evaluations: int

    @property
    def succeeded(self) -> bool:
        """Whether solution and gradient are as good as exact derivatives should make them.

        `jacobian_digits` do not count: where exactly the second way stops is a matter of rounding, from 6 digits to 11.
        """
        return min(self.digits, self.residual_digits) >= REQUIRED_DIGITS and self.gradient_error <= GRADIENT_TOLERANCE


def fits(names: Sequence[str]) -> Iterator[Fit]:
    """Yield the fits of the named problems, two for each, as they get done."""
    for name in names:
        problem = nist.load(name)
        for start in (1, 2):
            yield fit(problem, MODELS[name], start)


def fit(problem: nist.Problem, model: Model, start: int) -> Fit:
    """Fit ``model`` to ``problem`` from starting point 1 or 2."""

    def residuals(b):
        return model(b, problem.x) - problem.y

    def sum_of_squares(b):
        return np.sum(residuals(b) ** 2)

    begin = problem.starts[start - 1]
    # Trial steps may go where an exponential overflows; the method sees that the sum of squares is worse and turns back.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        differences = least_squares(residuals, begin, jac="2-point", **SETTINGS)
        exact = least_squares(residuals, begin, jac=ad.jacobian(residuals), **SETTINGS)
    polished = newton(sum_of_squares, exact.x)
    return Fit(
        problem=problem.name,
        start=start,
        parameters=tuple(polished.tolist()),
        differences_digits=digits_of(differences.x, problem.certified),
        jacobian_digits=digits_of(exact.x, problem.certified),
        digits=digits_of(polished, problem.certified),
        residual_digits=digits_of(sum_of_squares(polished), problem.residual_ss),
        gradient_error=gradient_error(sum_of_squares, begin),
        function_evaluations=int(exact.nfev),
        jacobian_evaluations=int(exact.njev),
    )


def newton(f: Callable[[Any], Any], x: nist.Vector) -> nist.Vector:
    """Return ``x`` after a few Newton steps to a minimum of ``f``, in units that make the Hessian's diagonal one."""
    gradient, hessian = ad.grad(f), ad.hessian(f)
    for _ in range(NEWTON_STEPS):
        h = hessian(x)
        unit = 1 / np.sqrt(np.abs(np.diagonal(h)))
        x = x - unit * np.linalg.solve(h * np.outer(unit, unit), gradient(x) * unit)
    return x


def gradient_error(f: Callable[[Any], Any], x: nist.Vector) -> float:
    """Return the largest relative difference between ``adjoint.grad(f)(x)`` and the gradient by complex steps."""
    expected = complex_step_gradient(f, x)
    return float(np.max(np.abs(ad.grad(f)(x) - expected) / np.abs(expected)))


def complex_step_gradient(f: Callable[[Any], Any], x: nist.Vector) -> nist.Vector:
    """Return the gradient of an analytic function by a step along the imaginary axis, which subtracts nothing.

    The error is of second order in a step of 1e-200, and so below rounding [1]_.

    References
    ----------
    .. [1] Squire and Trapp, "Using complex variables to estimate derivatives of real functions", SIAM Review 40, 1998.
    """
    step = 1e-200
    return np.array([f(x + 1j * step * unit).imag / step for unit in np.eye(x.size)])


def digits_of(estimate: Any, certified: Any) -> float:
    """Return the log relative error: to how many decimal digits the worst entry agrees, from 0 to 11.

    >>> digits_of(np.array([3.14159, 2.0]), np.array([np.pi, 2.0]))
    6.07...
    """
    error = np.max(np.abs(np.asarray(estimate) - certified) / np.abs(certified))
    if not np.isfinite(error):
        return 0.0
    return float(np.clip(-np.log10(max(error, 10.0**-CERTIFIED_DIGITS)), 0, CERTIFIED_DIGITS))
