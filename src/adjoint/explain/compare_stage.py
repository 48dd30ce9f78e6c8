"""All methods of a comparison at one point, and at one point for several numbers of iterations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from adjoint.explain import compare_differences as differences
from adjoint.explain.compare_differences import CENTRAL, FORWARD, RUNS, error_of
from adjoint.explain.compare_measure import Cost, cost_of, peak_bytes, seconds_of
from adjoint.explain.compare_point import Matrix, Point
from adjoint.explain.compare_precise import exact
from adjoint.explain.compare_result import FORWARD_MODE, REVERSE_MODE, SCIPY, SYMBOLIC, Growth, Method
from adjoint.explain.compare_symbolic import Symbolic, differentiate


def growth_of(point: Point, counts: Sequence[int], position: int, seconds: float) -> list[Growth]:
    """Compare the methods for several counts, with a shorter time for each."""
    found: list[Growth] = []
    symbolic = True
    for count in sorted(counts):
        args = (*point.args[:position], int(count), *point.args[position + 1 :])
        stage = Stage(Point(point.f, args, point.kwargs), seconds / 4, symbolic=symbolic)
        methods = stage.methods()
        expression = stage.symbolic
        # What is too large for one count is so for all that follow.
        symbolic = symbolic and not expression.refusal and not expression.seconds > 5 * seconds
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


class Stage:
    """All methods at one point."""

    def __init__(self, point: Point, seconds: float, *, symbolic: bool = True) -> None:
        self.point, self.seconds = point, seconds
        self.scipy = differences.ByScipy(np.zeros((0, 0)))
        self.cost = cost_of(point.call())
        self.columns = self._spread(3 * len(differences.STEPS) * self.cost.seconds)
        self.exact = exact(point, self.columns, seconds, self.cost.seconds)
        if not self.exact.refusal:
            self.columns, self.J = self.exact.columns, self.exact.J
            self.reference = "relative to the derivative of f itself, run with 100 digits"
        else:
            self.J = np.stack([point.column(k) for k in self.columns], axis=-1)
            self.reference = f"relative to forward mode, because f does not run with 100 digits ({self.exact.refusal})"
        skipped = Symbolic(refusal="it was too large for a smaller number of iterations")
        self.symbolic = differentiate(point, self.columns, seconds) if symbolic else skipped

    def _spread(self, seconds_each: float, count: int | None = None) -> tuple[int, ...]:
        """Return as many columns (of ``count``), evenly spread, as the time allows; at least one."""
        n = self.point.x.size if count is None else count
        many = min(max(int(self.seconds / seconds_each), 1), n)
        return tuple(sorted({int(k) for k in np.linspace(0, n - 1, many)})) if many > 1 else (n // 2,)

    def methods(self) -> tuple[Method, ...]:
        """Return the methods with what each of them costs, in the order of the table."""
        return (
            self._differences(FORWARD),
            self._differences(CENTRAL),
            self._by_scipy(),
            self._by_sympy(),
            self._forward_mode(),
            self._reverse_mode(),
        )

    def sweep(self) -> differences.Sweep:
        """Return the errors of differences over their steps."""
        return differences.sweep(self.point, self.columns, self.J)

    def _differences(self, method: str) -> Method:
        n, h = self.point.x.size, differences.rule_of_thumb(method, self.point.eps)
        error = error_of(differences.difference(self.point, method, h, self.columns), self.J)
        runs = RUNS[method] * n + (method == FORWARD)
        return Method(method, h, error, runs, self.cost.seconds * runs, self.cost.bytes)

    def _by_scipy(self) -> Method:
        before = self.point.runs
        found, n = differences.by_scipy(self.point, self.columns, self.seconds), self.point.x.size
        if found.refusal:
            return Method(SCIPY, refusal=found.refusal)
        self.scipy, done = found, len(found.columns)
        runs = (self.point.runs - before) * n // done
        chosen = found.columns if n * runs * self.cost.seconds < self.seconds / 10 else found.columns[:1]
        cost = cost_of(lambda: differences.by_scipy(self.point, chosen, self.seconds))
        return self._scaled(Method(SCIPY, None, error_of(found.J, self.J[:, :done]), runs), cost, n / len(chosen))

    def _by_sympy(self) -> Method:
        work, n = self.symbolic, self.point.x.size
        evaluate = work.evaluate
        if work.refusal:
            return Method(SYMBOLIC, refusal=work.refusal)
        if evaluate is None:
            return Method(
                SYMBOLIC, refusal=f"its derivative has {work.derivative_operations:,} operations, too many to compile"
            )
        with np.errstate(all="ignore"):
            error = error_of(evaluate(self.point.x), self.J[:, : len(work.columns)])
            seconds = seconds_of(lambda: evaluate(self.point.x))
        return self._scaled(Method(SYMBOLIC, None, error, 0), Cost(seconds, work.bytes), n / len(work.columns))

    def _forward_mode(self) -> Method:
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
        return self._scaled(Method(FORWARD_MODE, None, error, n), cost, factor)

    def _reverse_mode(self) -> Method:
        m, point = self.point.y.size, self.point
        columns = list(self.columns)
        each = seconds_of(lambda: point.row(0))
        if each * m <= self.seconds:
            rows = list(range(m))
            J: Matrix = point.jacobian("reverse")
            cost, factor = cost_of(point.derivative("reverse")), 1
        else:
            rows, factor = list(self._spread(each, m)), m
            J = np.stack([point.row(k) for k in rows])
            cost = Cost(each, peak_bytes(lambda: point.row(0)))
        return self._scaled(Method(REVERSE_MODE, None, error_of(J[:, columns], self.J[rows]), m), cost, factor)

    def _scaled(self, method: Method, cost: Cost, factor: float) -> Method:
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
        found += self._notes_on_scipy()
        if self.exact.kink:
            found.append("f has a kink here: the derivatives from the right and from the left differ")
        if len(self.columns) < n:
            found.append(f"errors are those of {len(self.columns)} of the {n} inputs")
        if any(method.estimated for method in methods):
            found.append("≈ measured on a part of the derivative and scaled")
        return found

    def _notes_on_scipy(self) -> list[str]:
        found = []
        if self.scipy.shortened:
            found.append(f"{SCIPY}: its first step of 0.5 left the domain of f, so a shorter one was passed")
        if self.scipy.doubted:
            found.append(f"{SCIPY}: it says that {self.scipy.doubted} of {self.scipy.J.size} entries did not converge")
        return found
