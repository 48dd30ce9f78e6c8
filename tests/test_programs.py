"""The corpus keeps what its docstring says; no derivative engine is involved."""

from __future__ import annotations

import ast
import pathlib
import time

import numpy as np
import pytest

from tests import oracles, programs
from tests.programs import PROGRAMS, Program

EACH = pytest.mark.parametrize("program", PROGRAMS.values(), ids=str)


@EACH
def test_deterministic_finite_and_real(program: Program) -> None:
    start = time.perf_counter()
    first, second = oracles.evaluate(program.function, program.args), oracles.evaluate(program.function, program.args)
    assert time.perf_counter() - start < 1.0, "a program should take milliseconds"
    np.testing.assert_array_equal(first, second)
    assert first.dtype == np.float64
    assert np.isfinite(first).all()
    assert first.size
    assert oracles.size(program.args) <= 12


@EACH
def test_differentiable_at_the_example(program: Program) -> None:
    """Differences converge to the same from two starting steps, and something depends on the inputs."""
    tangents = oracles.random_like(program.args, 1)
    near = oracles.directional(program.function, program.args, tangents, step=program.step)
    nearer = oracles.directional(program.function, program.args, tangents, step=program.step / 7)
    assert near.relative_error < 1e-9
    scale = max(1.0, float(np.max(np.abs(near.value))))
    np.testing.assert_allclose(near.value, nearer.value, rtol=0, atol=1e-9 * scale)
    assert np.any(near.value)
    if program.complexable:
        exact = oracles.complex_step(program.function, program.args, tangents)
        np.testing.assert_allclose(near.value, exact, rtol=0, atol=1e-9 * scale)


def test_no_program_imports_adjoint() -> None:
    for path in pathlib.Path(programs.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, (ast.Import, ast.ImportFrom)) else []
            module = getattr(node, "module", None) or ""
            assert not any(name.startswith("adjoint") for name in [module, *names]), path


def test_select() -> None:
    assert {program.name for program in programs.select("numerics", "scan")} <= set(PROGRAMS)
    assert len(programs.select()) == len(PROGRAMS) >= 200
