"""`check`: compare derivatives of any function with differences, with each other, and across orders."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from adjoint._api.function import expect_function
from adjoint._rules import kinds
from adjoint.errors import CheckError
from adjoint.testing import differences
from adjoint.testing.program import Leaves, Program, direction_at, dot, program_of, random_like, shift, vector
from adjoint.testing.report import Report, Row

MODES = ("forward", "reverse")
# Relative error of identities between exact derivatives, and how many units of rounding that is at least.
EXACT = 1e-10
ROUNDING = 1e3
# Differences in more doubt than this, relative, are no oracle.
VACUOUS = 1e-2
# Up to so many entries the worst one of an argument is searched for.
SEARCHED = 200


def check(
    f: Callable[..., Any],
    *args: Any,
    order: int = 2,
    modes: Sequence[str] = MODES,
    tolerance: float = 1e-6,
    kwargs: dict[str, Any] | None = None,
) -> Report:
    """Check the derivatives of a function at a point against independent knowledge of them.

    Along random directions (always the same ones), at every order up to ``order``:

    - forward mode is compared with extrapolated differences, whose own error estimate is added to the tolerance;
    - reverse mode is compared with forward mode by the dot-product test ``<ct, J t> = <J' ct, t>``, to rounding error;
    - forward over reverse is compared with forward over forward, and each derivative is checked as a function of its own.

    Parameters
    ----------
    f
        Function of numbers, arrays and pytrees of them, returning such.
    *args
        The point. Floating and complex leaves are differentiated, all others are held fixed.
    order
        Highest order of derivatives to check; the work doubles with each.
    modes
        ``"forward"``, ``"reverse"`` or both.
    tolerance
        Largest relative error, on the scale of the largest entry of the derivative, against differences.
        Widened for single precision.
    kwargs
        Keyword arguments of ``f``, held fixed.

    Returns
    -------
    Report
        The comparisons made, with the errors that were met; prints as a table.

    Raises
    ------
    CheckError
        A derivative is wrong, or ``f`` is so noisy or kinked at this point that no difference can tell.
    InputError
        No argument can be differentiated.

    Notes
    -----
    Complex numbers are pairs of reals here: the inner product is ``Re(sum(conj(a) * b))``, and directions are complex.  So
    functions that are not holomorphic are checked too.

    A check at one point tests the branches that the point takes.

    References
    ----------
    .. [1] Griewank and Walther, *Evaluating Derivatives*, 2nd ed., SIAM 2008, section 3.3.
    .. [2] Ridders, Advances in Engineering Software 4 (1982) 75-76.

    Examples
    --------
    >>> import numpy as np
    >>> report = check(lambda x: np.sum(np.sin(x) * x), np.array([0.5, 1.5]))
    >>> report.max_error < 1e-6
    True
    >>> [row.derivative for row in report.rows if row.order == 1]
    ['forward', 'reverse']
    """
    expect_function(f, "check")
    checked = tuple(modes)
    if not checked or not set(checked) <= set(MODES):
        raise ValueError(f'check: modes must be "forward", "reverse" or both, got {modes!r}')
    if order < 1:
        raise ValueError(f"check: order must be at least 1, got {order!r}")
    program = program_of(f, args, kwargs or {})
    name = getattr(f, "__qualname__", None) or getattr(f, "__name__", None) or repr(f)
    run = _Run(name, checked, tolerance)
    run.check(program, order, ())
    run.report.rows.sort(key=lambda row: row.order)
    return run.report


@dataclass
class _Run:
    """One call of `check`."""

    name: str
    modes: tuple[str, ...]
    tolerance: float
    report: Report = field(default_factory=Report)

    def check(self, program: Program, order: int, path: tuple[str, ...]) -> None:
        """Check the derivatives of a program, and of its derivatives up to ``order``; ``path`` says whose it is itself."""
        at = _At(self, program, path)
        at.check_first()
        if order > 1:
            for mode in self.modes:
                derived = program.tangent(at.t) if mode == "forward" else program.cotangent(at.ct)
                self.check(derived, order - 1, (mode, *path))
            if self.modes == MODES or set(self.modes) == set(MODES):
                at.check_second()


class _At:
    """A program at its point, with a direction and a cotangent."""

    def __init__(self, run: _Run, program: Program, path: tuple[str, ...]) -> None:
        self.run, self.program, self.path = run, program, path
        self.rng = np.random.default_rng(zlib.crc32(repr(path).encode()))
        self.y = program.value()
        self.t = direction_at(program.inputs, self.rng)
        self.ct = random_like(self.y, self.rng)
        self.eps = max(float(np.finfo(kinds.dtype_of(leaf)).eps) for leaf in [*program.inputs, *self.y])
        self.exact = max(EXACT, ROUNDING * self.eps)

    def title(self, mode: str) -> str:
        return " over ".join((mode, *self.path))

    def check_first(self) -> None:
        """Check forward mode against differences, and reverse mode against forward mode, or else against differences."""
        expected = self.differences(self.t)
        trusted = max(self.run.tolerance, ROUNDING * self.eps)
        doubt = float(np.max(expected.error, initial=0.0))
        y_dot, against, slack = expected.value, "differences", doubt
        if "forward" in self.run.modes:
            y, tangents = self.program.forward(self.t)
            self.check_value(y, "forward")
            self.check_forms(tangents, self.y, "forward", [f"result {k}" for k in range(len(self.y))])
            self.compare_forward(vector(tangents), expected, trusted)
            y_dot, against, slack = vector(tangents), "forward", 0.0
        if "reverse" in self.run.modes:
            y, cotangents = self.program.reverse(self.ct)
            self.check_value(y, "reverse")
            self.check_forms(cotangents, self.program.inputs, "reverse", self.program.names)
            self.compare_reverse(y_dot, cotangents, against, self.exact if against == "forward" else trusted, slack)

    def differences(self, t: Leaves) -> differences.Estimate:
        """Return the directional derivative by differences; raise if they do not converge."""
        program = self.program
        beside = program.run(shift(program.inputs, 1e-3, t))  # of another precision than `y` if the inputs are single
        eps = max(float(np.finfo(kinds.dtype_of(leaf)).eps) for leaf in beside)
        estimate = differences.derivative(
            lambda h: vector(program.run(shift(program.inputs, h, t))), goal=self.run.tolerance / 100, eps=eps
        )
        scale = max(_largest(estimate.value), _largest(vector(self.y)), _largest(vector(beside)))
        if not np.all(estimate.error <= VACUOUS * scale):
            self.fail(
                "forward",
                "differences do not converge",
                f"differences of the {self.title('function')} are uncertain by {np.max(estimate.error):.1e}"
                if self.path
                else "",
                why="the function is not differentiable at this point, jumps next to it, or is noisy",
                remedy="check it at another point",
            )
        return estimate

    def check_value(self, y: Leaves, mode: str) -> None:
        """Raise unless the run under a derivative returned what the function returns."""
        got, expected = vector(y), vector(self.y)
        if got.shape != expected.shape or not np.allclose(
            got, expected, rtol=self.exact, atol=self.exact * _largest(expected), equal_nan=True
        ):
            self.fail(mode, "the value differs from the function's own", f"expected {_text(expected)}\ngot      {_text(got)}")

    def check_forms(self, got: Leaves, like: Leaves, mode: str, names: list[str]) -> None:
        """Raise unless derivatives have the shapes and dtypes of what they belong to."""
        for g, x, name in zip(got, like, names, strict=True):
            mine, wanted = (kinds.shape_of(g), kinds.dtype_of(g)), (kinds.shape_of(x), kinds.dtype_of(x))
            if mine != wanted:
                self.fail(
                    mode,
                    f"wrong form of the derivative of {name}",
                    f"expected shape {wanted[0]} and dtype {wanted[1]}, got {mine[0]} and {mine[1]}",
                )

    def compare_forward(self, got: np.ndarray, expected: differences.Estimate, tolerance: float) -> None:
        scale = _largest(expected.value)
        gap = abs(got - expected.value)
        if np.all(gap <= tolerance * scale + 3 * expected.error):
            self.add("forward", "differences", _ratio(_largest(gap), scale), tolerance)
            return
        worst = self.worst_input(tolerance)
        self.fail("forward", "it disagrees with differences", worst or _entry(self.y, got, expected.value, expected.error))

    def worst_input(self, tolerance: float) -> str:
        """Return a description of the input along which forward mode is most wrong, alone."""
        found = [(0.0, "")]
        for k, name in enumerate(self.program.names):
            alone = [t if j == k else t * 0 for j, t in enumerate(self.t)]
            got, expected = vector(self.program.forward(alone)[1]), self.differences(alone)
            gap = abs(got - expected.value)
            if not np.all(gap <= tolerance * _largest(expected.value) + 3 * expected.error):
                found.append(
                    (_size(gap), f"along a direction of {name} alone:\n" + _entry(self.y, got, expected.value, expected.error))
                )
        return max(found, key=lambda pair: pair[0])[1]

    def compare_reverse(self, y_dot: np.ndarray, cotangents: Leaves, against: str, tolerance: float, slack: float) -> None:
        """Raise unless ``<ct, J t> = <J' ct, t>``."""
        forward, reverse = float(np.real(np.vdot(vector(self.ct), y_dot))), dot(cotangents, self.t)
        scale = float(np.sum(abs(vector(self.ct) * y_dot)) + np.sum(abs(vector(cotangents) * vector(self.t))))
        slack *= float(np.sum(abs(vector(self.ct))))
        if abs(forward - reverse) <= tolerance * scale + 3 * slack:
            self.add("reverse", against, _ratio(abs(forward - reverse), scale), tolerance)
            return
        detail = f"the dot-product test <ct, J t> = <J' ct, t> gives\nexpected {forward:.15g}\ngot      {reverse:.15g}"
        worst = self.worst_cotangent(cotangents) if "forward" in self.run.modes else ""
        self.fail("reverse", f"it disagrees with {'forward mode' if against == 'forward' else against}", worst or detail)

    def worst_cotangent(self, cotangents: Leaves) -> str:
        """Return a description of the entry of the cotangents that is most wrong, by forward mode along unit directions."""
        found = [(0.0, "")]
        for k, (name, ct, x) in enumerate(zip(self.program.names, cotangents, self.program.inputs, strict=True)):
            got = np.asarray(ct)
            if got.size > SEARCHED:
                continue
            expected = np.reshape([self.product(k, unit) for unit in _units(x)], got.shape)
            gap = np.reshape(abs(got - expected), -1)
            if _size(gap) > self.exact * max(_largest(expected), _largest(got)):
                found.append((_size(gap), f"the cotangent of {name}:\n" + _entry([x], got.ravel(), expected.ravel(), None)))
        return max(found, key=lambda pair: pair[0])[1]

    def product(self, k: int, unit: Any) -> complex:
        """Return what the entry of the k-th cotangent in the direction ``unit`` should be."""

        def along(direction: Any) -> float:
            return dot(self.ct, self.program.forward([direction if j == k else t * 0 for j, t in enumerate(self.t)])[1])

        return along(unit) + 1j * along(unit * 1j) if kinds.dtype_of(unit).kind == "c" else along(unit)

    def check_second(self) -> None:
        """Raise unless ``<ct, D(J t) u> = <t, D(J' ct) u>``: forward over forward and forward over reverse."""
        u = direction_at(self.program.inputs, self.rng)
        forward = self.program.tangent(self.t).forward([*u, *[t * 0 for t in self.t]])[1]
        reverse = self.program.cotangent(self.ct).forward([*u, *[ct * 0 for ct in self.ct]])[1]
        a, b = dot(self.ct, forward), dot(self.t, reverse)
        scale = float(np.sum(abs(vector(self.ct) * vector(forward))) + np.sum(abs(vector(self.t) * vector(reverse))))
        # A second derivative that vanishes does so by cancellation of products of first ones.
        floor = self.eps * ROUNDING * _largest(vector(self.y)) * _largest(vector(self.ct))
        if not abs(a - b) <= self.exact * scale + floor:
            self.fail(
                "forward",
                "forward over reverse disagrees with forward over forward",
                f"expected {a:.15g}\ngot      {b:.15g}",
                below=("reverse",),
            )
        self.add("forward", "forward over forward", _ratio(abs(a - b), scale), self.exact, below=("reverse",))

    def add(self, mode: str, against: str, error: float, tolerance: float, below: tuple[str, ...] = ()) -> None:
        title = " over ".join((mode, *below, *self.path))
        self.run.report.rows.append(Row(title, against, 1 + len(below) + len(self.path), error, tolerance))

    def fail(self, mode: str, what: str, detail: str, *, why: str = "", remedy: str = "", below: tuple[str, ...] = ()) -> None:
        title = " over ".join((mode, *below, *self.path))
        order = 1 + len(below) + len(self.path)
        lines = [f"derivative of order {order}, {title}, of {self.run.name}: {what}", *detail.splitlines()]
        remedy = (
            remedy or "correct the rule (or custom_jvp, custom_vjp) of a function that it calls; bisect by checking parts of it"
        )
        raise CheckError("\n  ".join(line for line in lines if line), why=why, remedy=remedy)


def _entry(like: Leaves, got: np.ndarray, expected: np.ndarray, error: np.ndarray | None) -> str:
    """Return the entry with the largest error as text."""
    gap = np.nan_to_num(abs(got - expected), nan=np.inf)
    position = int(np.argmax(gap))
    allowed = "" if error is None else f" ± {error[position]:.1e}"
    relative = _ratio(float(gap[position]), _largest(expected))
    lines = [f"expected {expected[position]:.12g}{allowed}", f"got      {got[position]:.12g}"]
    return "\n".join([f"worst at {_place(like, position)}, relative error {relative:.1e}", *lines])


def _place(like: Leaves, position: int) -> str:
    """Return which entry of which leaf a position of the vector is."""
    for k, leaf in enumerate(like):
        shape = kinds.shape_of(leaf)
        size = int(np.prod(shape, dtype=int))
        if position < size:
            index = tuple(map(int, np.unravel_index(position, shape))) if shape else ()
            return (f"result {k}, " if len(like) > 1 else "") + f"entry {list(index) if index else 'of a scalar'}"
        position -= size
    raise AssertionError(position)


def _units(x: Any) -> Leaves:
    """Return the unit directions of an array or number."""
    shape, dtype = kinds.shape_of(x), kinds.dtype_of(x)
    size = int(np.prod(shape, dtype=int))
    return [np.reshape(row, shape)[()] if not shape else np.reshape(row, shape) for row in np.eye(size, dtype=dtype)]


def _text(x: np.ndarray) -> str:
    return np.array2string(x, threshold=8, precision=12)


def _largest(x: np.ndarray) -> float:
    x = np.asarray(x)
    return float(np.max(abs(x), initial=0.0, where=np.isfinite(x)))


def _size(gap: np.ndarray) -> float:
    return float(np.max(np.nan_to_num(gap, nan=np.inf), initial=0.0))


def _ratio(error: float, scale: float) -> float:
    return error / scale if scale else error
