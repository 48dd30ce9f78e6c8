"""`compare`: numerical, symbolic and automatic differentiation of one function, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint._api.function import expect_function
from adjoint.errors import InputError
from adjoint.explain import compare_differences as differences
from adjoint.explain.compare_differences import CENTRAL, FORWARD, RUNS, error_of
from adjoint.explain.compare_measure import Cost, cost_of, peak_bytes, seconds_of
from adjoint.explain.compare_point import Matrix, Point
from adjoint.explain.compare_result import FORWARD_MODE, REVERSE_MODE, SCIPY, SYMBOLIC, Comparison, Growth, Method


def compare(
    f: Callable[..., Any],
    *args: Any,
    growth: Sequence[int] = (),
    growth_argnum: int | None = None,
    seconds: float = 1.0,
    kwargs: dict[str, Any] | None = None,
) -> Comparison:
    """Compare numerical, symbolic and automatic differentiation on a function of one's own.

    Each method computes the Jacobian of ``f``: forward and central differences (at the usual step, and over a sweep of steps),
    `scipy.differentiate`, SymPy run on the very same function, forward mode and reverse mode.  Compared are errors, runs of
    ``f``, time and memory, and how they grow with a number of iterations.

    Parameters
    ----------
    f
        Function of numbers, real arrays and trees of them, returning such.
    *args
        The point. Floating numbers and arrays are differentiated, all else is held fixed.
    growth
        Numbers of iterations to compare, for a function that takes such a number.
    growth_argnum
        Position of that argument. By default the only integer among ``args``.
    seconds
        How long each method may take. Of larger derivatives it computes some of the columns, and its time is scaled.
    kwargs
        Keyword arguments of ``f``, held fixed.

    Returns
    -------
    Comparison
        Prints as a table (also by rich, and in a notebook); ``figure()`` and ``plot()`` draw the error over the step, and the
        growth; ``to_dict()`` is the data.

    Raises
    ------
    InputError
        No argument is a floating number or array, or it is not clear which one counts iterations.
    OutputError
        The result holds something else than real numbers.

    Notes
    -----
    The time of differences is that of their runs of ``f``, which is the least they can take; all other times are measured.

    The errors are relative to the largest entry of the exact derivative.  That is computed by running ``f`` itself in
    arithmetic of 100 digits, where a difference is exact enough; it can follow control flow and most array programs.  Where it
    cannot, forward mode is the reference, and the table says so and why.

    SymPy and mpmath come with ``pip install 'adjoint[explain]'``, and so does matplotlib.  Without SymPy there is no symbolic
    derivative.

    SymPy runs ``f`` with expressions in place of numbers.  An expression has no value, so that an ``if`` or ``while`` that asks
    for one ends it; the table says where.  Operations are counted in the expressions as they are written out, and once more
    with every common part counted once ("shared").

    References
    ----------
    .. [1] Griewank and Walther, *Evaluating Derivatives*, 2nd ed., SIAM 2008, chapter 1.
    .. [2] Baydin, Pearlmutter, Radul and Siskind, *Automatic differentiation in machine learning: a survey*, Journal of Machine
       Learning Research 18 (2018), section 2.

    Examples
    --------
    >>> import adjoint as ad
    >>> def logistic(x, n):
    ...     for _ in range(n):
    ...         x = 3.5 * x * (1 - x)
    ...     return x
    >>> c = ad.compare(logistic, 0.3, 4)
    >>> c.method("forward differences").error > 1e-10, c.method("reverse mode").error < 1e-14
    (True, True)
    >>> print(c)  # doctest: +SKIP
    """
    expect_function(f, "compare")
    point = Point(f, args, dict(kwargs or {}))
    name = getattr(f, "__qualname__", None) or repr(f)
    position = _counter(args, growth_argnum) if growth else 0
    stage = _Stage(point, seconds)
    methods = stage.methods()
    return Comparison(
        function=name,
        size=point.size,
        cost=stage.cost,
        reference=stage.reference,
        methods=methods,
        sweep=stage.sweep(),
        growth=tuple(_growth(point, growth, position, seconds)),
        notes=tuple(stage.notes(methods)),
    )


def _counter(args: tuple[Any, ...], position: int | None) -> int:
    """Return the position of the argument that counts iterations."""
    integers = [k for k, arg in enumerate(args) if isinstance(arg, (int, np.integer)) and not isinstance(arg, bool)]
    if position is None and len(integers) == 1:
        return integers[0]
    if position in integers:
        return position
    raise InputError(
        f"compare: growth needs one argument that counts iterations, and the integers among the arguments are at {integers}",
        remedy="pass the count as an integer, and its position as growth_argnum",
    )


def _growth(point: Point, counts: Sequence[int], position: int, seconds: float) -> list[Growth]:
    """Compare the methods for several counts, with a shorter time for each."""
    found: list[Growth] = []
    symbolic = True
    for count in sorted(counts):
        args = (*point.args[:position], int(count), *point.args[position + 1 :])
        stage = _Stage(Point(point.f, args, point.kwargs), seconds / 4, symbolic=symbolic)
        methods = stage.methods()
        expression = stage.symbolic
        # What is too large for one count is so for all that follow.
        symbolic = symbolic and not expression.refusal and not expression.seconds > seconds
        found.append(
            Growth(
                count=int(count),
                function=stage.cost,
                methods=methods,
                operations=expression.operations,
                derivative_operations=expression.derivative_operations,
                shared_operations=expression.shared_operations,
                derivation=expression.seconds,
            )
        )
    return found


class _Stage:
    """All methods at one point."""

    def __init__(self, point: Point, seconds: float, *, symbolic: bool = True) -> None:
        from adjoint.explain.compare_precise import exact
        from adjoint.explain.compare_symbolic import Symbolic, differentiate

        self.point, self.seconds = point, seconds
        self.scipy = differences.ByScipy(np.zeros((0, 0)))
        self.cost = cost_of(point.call())
        self.columns = self.spread(3 * len(differences.STEPS) * self.cost.seconds)
        self.exact = exact(point, self.columns, seconds)
        if not self.exact.refusal:
            self.columns, self.J = self.exact.columns, self.exact.J
            self.reference = "relative to the derivative of f itself, run with 100 digits"
        else:
            self.J = np.stack([point.column(k) for k in self.columns], axis=-1)
            self.reference = f"relative to forward mode, because f does not run with 100 digits ({self.exact.refusal})"
        skipped = Symbolic(refusal="it was too large for a smaller number of iterations")
        self.symbolic = differentiate(point, self.columns, seconds) if symbolic else skipped

    def spread(self, seconds_each: float, count: int | None = None) -> tuple[int, ...]:
        """Return as many columns (of ``count``), evenly spread, as the time allows; at least one."""
        n = self.point.x.size if count is None else count
        many = min(max(int(self.seconds / seconds_each), 1), n)
        return tuple(sorted({int(k) for k in np.linspace(0, n - 1, many)}))

    def methods(self) -> tuple[Method, ...]:
        return (
            self.differences(FORWARD),
            self.differences(CENTRAL),
            self.by_scipy(),
            self.by_sympy(),
            self.forward_mode(),
            self.reverse_mode(),
        )

    def sweep(self) -> differences.Sweep:
        return differences.sweep(self.point, self.columns, self.J)

    def differences(self, method: str) -> Method:
        n, h = self.point.x.size, differences.rule_of_thumb(method, self.point.eps)
        error = error_of(differences.difference(self.point, method, h, self.columns), self.J)
        runs = RUNS[method] * n + (method == FORWARD)
        return Method(method, h, error, runs, self.cost.seconds * runs, self.cost.bytes)

    def by_scipy(self) -> Method:
        before = self.point.runs
        found, n = differences.by_scipy(self.point, self.columns, self.seconds), self.point.x.size
        if found.refusal:
            return Method(SCIPY, refusal=found.refusal)
        self.scipy, done = found, len(found.columns)
        runs = (self.point.runs - before) * n // done
        chosen = found.columns if n * runs * self.cost.seconds < self.seconds / 10 else found.columns[:1]
        cost = cost_of(lambda: differences.by_scipy(self.point, chosen, self.seconds))
        return self.scaled(Method(SCIPY, None, error_of(found.J, self.J[:, :done]), runs), cost, n / len(chosen))

    def by_sympy(self) -> Method:
        work, n = self.symbolic, self.point.x.size
        evaluate = work.evaluate
        if work.refusal:
            return Method(SYMBOLIC, refusal=work.refusal)
        if evaluate is None:
            return Method(SYMBOLIC, refusal=f"its derivative has {work.derivative_operations:,} operations, too many to compile")
        with np.errstate(all="ignore"):
            error = error_of(evaluate(self.point.x), self.J[:, : len(work.columns)])
            seconds = seconds_of(lambda: evaluate(self.point.x))
        return self.scaled(Method(SYMBOLIC, None, error, 0), Cost(seconds, work.bytes), n / len(work.columns))

    def forward_mode(self) -> Method:
        n, point = self.point.x.size, self.point
        chosen = list(self.columns)
        each = seconds_of(lambda: point.column(chosen[0]))
        if each * n <= self.seconds:
            J, cost, factor = point.jacobian("forward")[:, chosen], cost_of(point.derivative("forward")), 1
        else:
            chosen = chosen[: max(int(self.seconds / each), 1)]
            J, factor = np.stack([point.column(k) for k in chosen], axis=-1), n
            cost = Cost(each, peak_bytes(lambda: point.column(chosen[0])))
        error = float("nan") if self.exact.refusal else error_of(J, self.J[:, : len(chosen)])
        return self.scaled(Method(FORWARD_MODE, None, error, n), cost, factor)

    def reverse_mode(self) -> Method:
        m, point = self.point.y.size, self.point
        columns = list(self.columns)
        each = seconds_of(lambda: point.row(0))
        if each * m <= self.seconds:
            rows = list(range(m))
            J: Matrix = point.jacobian("reverse")
            cost, factor = cost_of(point.derivative("reverse")), 1
        else:
            rows, factor = list(self.spread(each, m)), m
            J = np.stack([point.row(k) for k in rows])
            cost = Cost(each, peak_bytes(lambda: point.row(0)))
        return self.scaled(Method(REVERSE_MODE, None, error_of(J[:, columns], self.J[rows]), m), cost, factor)

    def scaled(self, method: Method, cost: Cost, factor: float) -> Method:
        """Return a method with its cost, which was measured on one part of so many."""
        return Method(
            method.name, method.step, method.error, method.runs, cost.seconds * factor, cost.bytes, estimated=factor > 1
        )

    def notes(self, methods: tuple[Method, ...]) -> list[str]:
        """Return what is to be said beside the table."""
        found = [f"{method.name}: {method.refusal}" for method in methods if method.refusal]
        work, (_, n) = self.symbolic, self.point.size
        if not work.refusal:
            part = f" for {len(work.columns)} of {n} inputs" if len(work.columns) < n else ""
            found.append(
                f"SymPy: {work.operations:,} operations became {work.derivative_operations:,}{part}, "
                f"{work.shared_operations:,} with common parts shared"
            )
        found += self.notes_on_scipy()
        if self.exact.kink:
            found.append("f has a kink here: the derivatives from the right and from the left differ")
        if len(self.columns) < n:
            found.append(f"errors are those of {len(self.columns)} of the {n} inputs")
        if any(method.estimated for method in methods):
            found.append("≈ measured on a part of the derivative and scaled")
        return found

    def notes_on_scipy(self) -> list[str]:
        found = []
        if self.scipy.shortened:
            found.append(f"{SCIPY}: its first step of 0.5 left the domain of f, so a shorter one was passed")
        if self.scipy.doubted:
            found.append(f"{SCIPY}: it says that {self.scipy.doubted} of {self.scipy.J.size} entries did not converge")
        return found
