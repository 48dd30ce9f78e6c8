"""Derivatives grow with the size of the data as the function does: no pass copies in each turn what it could change in place.

Every program of the corpus that also runs on longer data is translated once, and its printed text is run on data of two sizes,
counting steps (`steps`).  The exponent of growth of the gradient and of a second derivative is compared with that of the function.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint._backend.python import ExportError
from adjoint.errors import AdjointError
from tests import oracles
from tests.backend import test_list_growth
from tests.engines.steps import steps
from tests.frontend import test_nested_lists
from tests.programs import PROGRAMS

# How many times as long the data is; a factor of 2 between two sizes hides the overhead that does not grow.
SIZES = (6, 12)
TOLERANCE = 0.2
# What is known to grow faster, and why.  Strict: what is mended fails here until it is taken out.
KNOWN_GAPS: dict[str, str] = {}
# Programs that take exponentially many steps: the first does without the cache that the user's function has.
EXPONENTIAL = {"closures.bernstein_with_cached_integers", "structures.determinant_by_lists_of_columns"}
COUNTED = [
    *(test_list_growth.stacked, test_list_growth.collected, test_list_growth.looked_back),
    *(test_list_growth.assigned, test_list_growth.filled),
    *[f for f in test_nested_lists.FOLLOWED if f.__name__ not in ("loop_over_rows", "edit_distance")],
]


def longer(x: Any, times: int) -> Any:
    """Return data of which every array and list is as many times as long."""
    if isinstance(x, np.ndarray) and x.ndim:
        return np.tile(x, (times,) * x.ndim)
    if isinstance(x, list):
        return [longer(part, 1) for _ in range(times) for part in x]
    if type(x) is tuple:
        return tuple(longer(part, times) for part in x)
    if type(x) is dict:
        return {name: longer(part, times) for name, part in x.items()}
    return x


def scalar_of(f):
    def scalar(*args):
        total = 0.0
        for leaf in oracles.leaves(f(*args)):
            if leaf is not None and not isinstance(leaf, (str, int)):
                total = total + np.sum(leaf * leaf)
        return total

    return scalar


def counts(g, points) -> list[int]:
    """Return the steps of one program at several points; skip where it is not one program."""
    jitted, found = ad.jit(g), []
    for args in points:
        try:
            tree, entry = jitted.entry(args, {})
        except AdjointError as error:
            pytest.skip(f"not translated: {error.what}")
        if entry.program.specialised:
            pytest.skip("another program for each size")
        inputs = [*[tree.leaves[k] for k in entry.program.places], *entry.captured()]
        try:
            done = steps(entry.compiled.function, inputs)
        except ExportError:
            pytest.skip("it calls a rule that has no text of its own")
        # What has a derivative is read, and its derivative written, however little the function does with it.
        found.append(done + sum(np.size(x) for x in inputs))
    return found


def exponent(found: list[int]) -> float:
    return math.log2(found[1] / found[0])


def runs(program) -> bool:
    try:
        value = program.function(*[longer(x, SIZES[-1]) for x in program.args])
    except Exception:
        return False
    sizes = [[np.size(leaf) for leaf in oracles.leaves(longer(program.args, times))] for times in (1, 2)]
    return value is not None and sizes[0] != sizes[1]


CASES = [
    pytest.param(name, marks=[pytest.mark.xfail(reason=KNOWN_GAPS[name], strict=True)] if name in KNOWN_GAPS else [])
    for name in PROGRAMS
    if name not in EXPONENTIAL
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CASES)
def test_derivatives_grow_as_the_function_does(name) -> None:
    program = PROGRAMS[name]
    if not runs(program):
        pytest.skip("it runs on data of one size only")
    points = [tuple(longer(x, times) for x in program.args) for times in SIZES]
    scalar, argnums = scalar_of(program.function), tuple(range(len(program.args)))
    own = exponent(counts(scalar, points))
    gradient = ad.grad(scalar, argnums)
    first = exponent(counts(gradient, points))
    assert first <= own + TOLERANCE, f"the gradient of {name} grows by {first:.2f}, the function by {own:.2f}"

    def directional(*args):
        total = 0.0
        for leaf in oracles.leaves(gradient(*args)):
            total = total + np.sum(leaf)
        return total

    second = exponent(counts(ad.grad(directional, argnums), points))
    assert second <= own + TOLERANCE, f"the second derivative of {name} grows by {second:.2f}, the function by {own:.2f}"


@pytest.mark.parametrize("f", COUNTED, ids=lambda f: f.__name__)
def test_derivatives_of_loops_grow_as_the_loops_do(f) -> None:
    points = [(1.3, 16), (1.3, 32)]
    own = exponent(counts(f, points))
    for g in (ad.grad(f), ad.grad(ad.grad(f))):
        assert exponent(counts(g, points)) <= own + TOLERANCE
