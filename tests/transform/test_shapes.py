"""Which values have the same shape: what is claimed must hold, and what people write must be found."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from adjoint._api.jit import Jitted
from adjoint._ir import evaluate
from adjoint._ir.nodes import Apply, Loop, Value, walk
from adjoint._ir.types import Tensor
from adjoint._transform.shapes import Shapes
from adjoint.errors import AdjointError
from tests.programs import PROGRAMS

X = np.array([1.0, 2.0, 3.0])


def written_lengths(x):
    a, b = np.array([x[0], 1.0]), np.zeros(2)
    for _ in range(4):
        a = a + 0.1 * b
        b = b - np.sin(a)
    return a * b


def square(x):
    m = np.eye(3)
    for k in range(3):
        m = m @ np.ones((3, 3)) + np.zeros((3, 3)) * x[k]
        m = np.array([[1.0, 2.0, 3.0]] * 3) * m
    return m


def one_and_two(x):
    a = np.array([x[0]])
    for _ in range(3):
        a = a + np.array([1.0, 2.0])
    return a


def longer_each_turn(x):
    a = np.zeros(2)
    for _ in range(3):
        a = np.concatenate([a, x])
    return a


def array_of_arrays(x):
    return np.array([x, x * 2]) + np.zeros((2, 3))


PROGRAMS_OF_SHAPES = [written_lengths, square, one_and_two, longer_each_turn, array_of_arrays]


def described(f: Callable[..., Any], *args: Any) -> tuple[Any, Shapes]:
    g = Jitted(f, backend="python")
    g(*args)
    function = g.last.compiled.function  # type: ignore[union-attr]
    return function, Shapes(function)


def observed(function: Any, args: list[Any]) -> dict[Value, set[tuple[int, ...]]]:
    """Return the shapes that each array has in a run."""
    found: dict[Value, set[tuple[int, ...]]] = {}

    def look(op: Any, _args: Any, _kwargs: Any, results: Any) -> None:
        for output, y in zip(op.outputs, results, strict=True):
            if isinstance(output.type, Tensor) and output.type.rank:
                found.setdefault(output, set()).add(np.shape(y))

    evaluate.run(function, args, look)
    return found


@pytest.mark.parametrize("f", PROGRAMS_OF_SHAPES)
def test_values_of_one_description_have_one_shape(f: Callable[..., Any]) -> None:
    function, shapes = described(f, X)
    seen = observed(function, [X])
    for a, b in itertools.combinations(seen, 2):
        if shapes.same(a, b) and a.type.rank == b.type.rank and len(seen[a]) == len(seen[b]) == 1:
            assert seen[a] == seen[b], (a, b)


@pytest.mark.parametrize("name", [name for name, program in PROGRAMS.items() if len(program.args) == 1][::4])
def test_programs_of_the_corpus(name: str) -> None:
    program = PROGRAMS[name]
    try:
        function, shapes = described(program.function, *program.args)
        seen = observed(function, list(program.args))
    except (AdjointError, TypeError) as error:  # refused, or of values that are found around it
        pytest.skip(str(error).splitlines()[0])
    for a, b in itertools.combinations(seen, 2):
        if shapes.same(a, b) and a.type.rank == b.type.rank and len(seen[a]) == len(seen[b]) == 1:
            assert seen[a] == seen[b], (a, b)


def carried_keep_their_shapes(f: Callable[..., Any]) -> list[bool]:
    function, shapes = described(f, X)
    loop = next(op for op in walk(function.body) if isinstance(op, Loop))
    arrays = [k for k, carried in enumerate(loop.carried) if carried.type.rank]
    return [shapes.same(loop.carried[k], loop.updates[k]) and shapes.same(loop.carried[k], loop.inits[k]) for k in arrays]


def test_loops_keep_lengths_that_are_written_out() -> None:
    assert carried_keep_their_shapes(written_lengths) == [True, True]


def test_loops_that_change_a_length_are_seen() -> None:
    assert carried_keep_their_shapes(one_and_two) == [False]
    assert carried_keep_their_shapes(longer_each_turn) == [False]


def test_nothing_is_kept_for_shapes_on_the_way_back() -> None:
    import adjoint as ad

    g = Jitted(ad.grad(lambda x: np.sum(written_lengths(x))), backend="python")
    g(X)
    kept = [op.function for op in walk(g.last.compiled.function.body) if isinstance(op, Apply)]  # type: ignore[union-attr]
    assert not any(getattr(function, "__name__", "") in ("form", "fit", "spread") for function in kept)
