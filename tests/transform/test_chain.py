"""The chain rule in symbols, over every case of every rule of the book: forward, reverse, and which rules are called at run time."""

from __future__ import annotations

import contextlib
import warnings
from typing import Any

import numpy as np
import pytest

from adjoint._ir.nodes import Function
from adjoint._ir.verify import verify
from adjoint._transform.forward import Forward, jvp
from adjoint.testing.program import dot, program_of, random_like, vector
from tests.rules.case import Case
from tests.rules.test_every_rule import CASES, ELEMENTWISE, PATTERNS, of_active, refuses, sample
from tests.transform.programs import checked_run, recorded, rule_calls, straight_pullback

# Functions whose derivatives cannot be written down as programs, because they branch on shapes or values.  The list may only shrink.
AT_RUN_TIME = {
    "adjoint._rules.indexing.window",
    "numpy.apply_along_axis",
    "numpy.array_split",
    "numpy.bincount",
    "numpy.choose",
    "numpy.correlate",
    "numpy.cov",
    "numpy.delete",
    "numpy.dsplit",
    "numpy.gradient",
    "numpy.histogram",
    "numpy.histogram_bin_edges",
    "numpy.hsplit",
    "numpy.insert",
    "numpy.linalg.lstsq",
    "numpy.linalg.multi_dot",
    "numpy.linalg.qr",
    "numpy.linalg.svd",
    "numpy.median",
    "numpy.nanmedian",
    "numpy.nanpercentile",
    "numpy.nanquantile",
    "numpy.pad",
    "numpy.percentile",
    "numpy.piecewise",
    "numpy.polyadd",
    "numpy.polydiv",
    "numpy.polyfit",
    "numpy.polyint",
    "numpy.polymul",
    "numpy.polynomial.polynomial.polygrid2d",
    "numpy.polynomial.polynomial.polyval2d",
    "numpy.polysub",
    "numpy.polyval",
    "numpy.quantile",
    "numpy.real_if_close",
    "numpy.resize",
    "numpy.split",
    "numpy.take_along_axis",
    "numpy.trim_zeros",
    "numpy.vander",
    "numpy.vsplit",
}
# Results whose rank, dtype or number depends on shapes or values, and stores, which the frontend alone can translate.
NOT_A_PROGRAM = ("copyto", "put", "place", "putmask", "fill_diagonal", "fill-buffer", "eigvals", "eig_", "cross", "out_of",
                 "squeeze", "real_if_close", "unstack", "median_out")  # fmt: skip


def derivatives_of(case: Case) -> tuple[Function, list[Any], Forward, Function]:
    """Return the program of a case, its arguments, and the programs of both modes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            f, leaves = recorded(case.function, case.args, case.kwargs)
        except Exception as error:  # whatever the function does with a symbol that needs the frontend
            pytest.skip(f"cannot be recorded without the frontend: {type(error).__name__}")
        forward = jvp(f, [True] * len(leaves))
        return f, leaves, forward, straight_pullback(f, forward.active_results)


def called_at_run_time(case: Case) -> set[str]:
    """Check forward mode against the tracing engine and reverse mode against forward mode; return the rules that run calls."""
    f, leaves, forward, backward = derivatives_of(case)
    verify(forward.function)
    rng = np.random.default_rng(0)
    ts = random_like(leaves, rng)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = checked_run(forward.function, [*leaves, *ts])
        n = len(f.results)
        y, y_dot = [part for part, a in zip(results[:n], forward.active_results, strict=True) if a], results[n:]
        _, expected = program_of(case.function, case.args, case.kwargs).forward(ts)
        assert vector(y_dot) == pytest.approx(vector(expected), rel=1e-8, abs=1e-9, nan_ok=True)
        cts = random_like(y, rng)
        x_bar = checked_run(backward, [*leaves, *cts])
    assert [np.shape(g) for g in x_bar] == [np.shape(x) for x in leaves]
    assert dot(x_bar, ts) == pytest.approx(dot(cts, y_dot), rel=1e-7, abs=1e-8, nan_ok=True)
    return rule_calls(forward.function) | rule_calls(backward)


@pytest.mark.parametrize("name", [name for name in CASES if not any(part in name for part in NOT_A_PROGRAM)])
def test_cases(name: str) -> None:
    assert called_at_run_time(CASES[name]) <= AT_RUN_TIME


def test_the_list_is_exact() -> None:
    """A rule that can be written down by now leaves the list."""
    called: set[str] = set()
    for name, case in CASES.items():
        if not any(part in name for part in NOT_A_PROGRAM):
            with contextlib.suppress(pytest.skip.Exception):
                _, _, forward, backward = derivatives_of(case)
                called |= rule_calls(forward.function) | rule_calls(backward)
    assert called == AT_RUN_TIME


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise(name: str) -> None:
    """On every pattern of shapes: broadcasting, one element, none, numbers."""
    for pattern in PATTERNS.values():
        function, args = of_active(ELEMENTWISE[name], sample(ELEMENTWISE[name], pattern))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            refused = refuses(function, args)
        if not refused:
            assert not called_at_run_time(Case(function, tuple(args)))


@pytest.mark.parametrize("name", [n for n, c in CASES.items() if c.order == 2 and not any(part in n for part in NOT_A_PROGRAM)])
def test_second_order(name: str) -> None:
    """Forward over forward and reverse over forward, against the tracing engine."""
    case = CASES[name]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            f, leaves = recorded(case.function, case.args, case.kwargs)
    except Exception as error:  # as above
        pytest.skip(f"cannot be recorded without the frontend: {type(error).__name__}")
    rng = np.random.default_rng(1)
    ts, us = random_like(leaves, rng), random_like(leaves, rng)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first = jvp(f, [True] * len(leaves))
        n = len(first.function.results)
        second = jvp(first.function, [True] * len(leaves) + [False] * len(leaves))
        verify(second.function)
        results = checked_run(second.function, [*leaves, *ts, *us])[n:]
        results = results[sum(second.active_results[: len(f.results)]) :]
        program = program_of(case.function, case.args, case.kwargs)
        _, expected = program.tangent(ts).forward([*us, *[0 * t for t in ts]])
        wanted = [
            e for e, a in zip(expected, second.active_results[len(f.results) :], strict=True) if a or np.any(np.asarray(e))
        ]
        assert vector(results) == pytest.approx(vector(wanted), rel=1e-7, abs=1e-7, nan_ok=True)
        outer = [False] * len(f.results) + [True] * sum(first.active_results)
        backward = straight_pullback(first.function, outer)
        y_dot = checked_run(first.function, [*leaves, *ts])[len(f.results) :]
        cts = random_like(y_dot, rng)
        bars = checked_run(backward, [*leaves, *ts, *cts])
        _, all_dots = program.tangent(ts).forward([*us, *ts])
    assert dot(bars, [*us, *ts]) == pytest.approx(dot(cts, all_dots), rel=1e-6, abs=1e-6)
