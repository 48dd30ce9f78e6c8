"""Every program of the corpus as machine code: its value, its derivatives forward and reverse, and a second derivative.

The truth is the program that Python runs, which `tests/engines` compares with the tracing engine and with differences.
Making machine code takes longer than running it: of the derivatives other than the reverse one, every fifth program is tested, and all
of them with ``ADJOINT_FULL=1``.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint._api.jit import Jitted
from adjoint._backend.native import native
from adjoint.errors import AdjointError
from tests import oracles
from tests.engines.test_agreement import KNOWN_GAPS
from tests.programs import PROGRAMS, Program

# Programs that machine code leaves to Python, and why.
BY_PYTHON: dict[str, str] = {
    "models.monte_carlo_option": "it draws random numbers, and a program that is run again would draw others",
    "models.monte_carlo_paths": "it draws random numbers, and a program that is run again would draw others",
}
CASES = [pytest.param(program, id=name) for name, program in PROGRAMS.items() if ("source", name) not in KNOWN_GAPS]
SOME = CASES if os.environ.get("ADJOINT_FULL") else CASES[::5]
EACH = pytest.mark.parametrize("program", CASES)
FORWARD = pytest.mark.parametrize("program", SOME)
SMOOTH = pytest.mark.parametrize("program", [case for case in SOME if case.values[0].smooth_order >= 2])


def compare(program: Program, g: Callable[..., Any]) -> None:
    """Compare the two backends on a function of the program's arguments."""
    quick, plain = ad.jit(g, backend="native"), ad.jit(g, backend="python")
    try:
        plain(*program.args)
    except AdjointError as error:
        pytest.skip(f"not translated: {error}".splitlines()[0])
    for _ in range(2):  # the second call takes the short way
        assert_equal(quick(*program.args), plain(*program.args))
    if program.name not in BY_PYTHON:
        assert quick.last.compiled.native is not None, "it is run by Python"


def assert_equal(got: Any, want: Any) -> None:
    children = oracles.children(want)
    if children is not None:
        assert type(got) is type(want)
        parts = oracles.children(got)
        assert len(parts) == len(children)
        for part, child in zip(parts, children, strict=True):
            assert_equal(part, child)
        return
    assert type(got) is type(want) or (isinstance(got, float) and isinstance(want, float))
    if isinstance(want, (float, complex, np.ndarray, np.generic)):
        assert np.shape(got) == np.shape(want)
        assert np.asarray(got).dtype == np.asarray(want).dtype
        scale = np.max(np.abs(want), initial=1.0) if np.asarray(want).dtype.kind in "fc" else 1.0
        np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-12 * (scale if np.isfinite(scale) else 1.0))
    else:
        assert got == want


@EACH
def test_value(program: Program) -> None:
    compare(program, program.function)


@FORWARD
def test_forward(program: Program) -> None:
    tangents = oracles.random_like(program.args, 1)
    compare(program, lambda *args: ad.jvp(program.function, args, tangents))


@EACH
def test_reverse(program: Program) -> None:
    cotangent = oracles.random_like(program.function(*program.args), 2)
    compare(program, lambda *args: ad.vjp(program.function, *args)[1](cotangent))


@SMOOTH
def test_forward_over_reverse(program: Program) -> None:
    cotangent = oracles.random_like(program.function(*program.args), 2)
    tangents = oracles.random_like(program.args, 1)
    gradient = lambda *args: ad.vjp(program.function, *args)[1](cotangent)
    compare(program, lambda *args: ad.jvp(gradient, args, tangents))


def test_what_machine_code_does_not_know_runs_by_python() -> None:
    jitted = Jitted(PROGRAMS["models.monte_carlo_option"].function, backend="native")
    jitted(*PROGRAMS["models.monte_carlo_option"].args)
    assert jitted.last is not None
    assert jitted.last.compiled.native is None
    with pytest.raises(native.UnsupportedError):
        native.compile(jitted.last.compiled.function)
