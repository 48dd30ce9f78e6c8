"""The writer of random programs: what it writes runs, is read, is smooth, and covers the language it promises."""

from __future__ import annotations

import ast
import functools
import inspect
import random

import numpy as np
import pytest

from tests import oracles
from tests.strategies import RandomProgram, compile_source, random_program

SEEDS = range(200)


@functools.cache
def written(seed: int, *, analytic: bool = False) -> RandomProgram:
    return random_program(random.Random(seed), analytic=analytic)


def test_programs_are_deterministic_bounded_and_differentiable() -> None:
    rough = 0
    for seed in SEEDS:
        program = written(seed)
        value = oracles.evaluate(program.function, program.args)
        np.testing.assert_array_equal(value, oracles.evaluate(program.function, program.args))
        assert value.dtype == np.float64, program
        assert np.max(np.abs(value)) < 100, program
        truth = oracles.directional(program.function, program.args, oracles.random_like(program.args, 1))
        rough += truth.relative_error > 1e-8
    assert rough <= 2, f"differences converge for all but {rough} of {len(SEEDS)} programs"


def test_differences_agree_with_the_complex_step() -> None:
    for seed in SEEDS:
        program = written(seed, analytic=True)
        tangents = oracles.random_like(program.args, 1)
        exact = oracles.complex_step(program.function, program.args, tangents)
        truth = oracles.directional(program.function, program.args, tangents)
        scale = max(1.0, float(np.max(np.abs(exact))))
        assert np.all(np.abs(truth.value - exact) <= 10 * truth.error + 1e-9 * scale), f"{program}\n{truth}\n{exact}"


def test_source_is_readable() -> None:
    program = written(0)
    assert inspect.getsource(program.function).startswith("def f(x, y, a, m):")
    assert program.source.endswith(inspect.getsource(program.function))
    assert inspect.getsource(program.function.__globals__["descend"]).startswith("def descend")


def test_the_same_seed_writes_the_same_program() -> None:
    assert written(7).source == random_program(random.Random(7)).source
    assert written(7).source != written(8).source


@pytest.mark.parametrize(
    "kind",
    [
        ast.If,
        ast.For,
        ast.While,
        ast.Break,
        ast.Continue,
        ast.Try,
        ast.Raise,
        ast.Nonlocal,
        ast.IfExp,
        ast.AugAssign,
        ast.Slice,
        ast.ListComp,
    ],
    ids=lambda kind: kind.__name__,
)
def test_every_construct_is_written(kind: type[ast.AST]) -> None:
    bodies = (ast.parse(inspect.getsource(written(seed).function)) for seed in SEEDS)
    count = sum(any(isinstance(node, kind) for node in ast.walk(body)) for body in bodies)
    assert count >= len(SEEDS) // 20, f"{kind.__name__} in {count} of {len(SEEDS)} programs"


def test_error_in_a_written_program_shows_its_line() -> None:
    f = compile_source("def f(x):\n    return x / 0\n")
    with pytest.raises(ZeroDivisionError) as caught:
        f(1.0)
    assert str(caught.traceback[-1].statement).strip() == "return x / 0"
