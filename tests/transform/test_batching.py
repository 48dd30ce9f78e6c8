"""Programs on stacks, against the programs run on one element after the other."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from adjoint._ir.evaluate import run
from adjoint._ir.nodes import Function
from adjoint._ir.types import ListOf, Opaque
from adjoint._ir.verify import verify
from adjoint._transform.batching import batch
from adjoint._transform.forward import jvp
from adjoint._transform.reverse import gradient, vjp
from adjoint._transform.simplify import simplify
from adjoint.errors import BatchError
from adjoint.testing.program import direction_at
from tests.transform.flows import FLOWS, Flow
from tests.transform.programs import checked_run
from tests.transform.random_flows import random_flow

EACH = pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
SIZE = 3
# Elements go different ways: loops that end at different turns, exceptions, lists that are chosen.
APART = {"newton", "series", "while_in_for", "search", "mandelbrot"}


def is_inexact(x) -> bool:
    return isinstance(x, (float, complex)) or (hasattr(x, "dtype") and x.dtype.kind in "fc")


def elements(x, rng, scale=0.05) -> list:
    """Return values near ``x``, one for each element of the batch."""
    if isinstance(x, list):
        return [list(items) for items in zip(*[elements(item, rng, scale) for item in x], strict=True)]
    return [x + scale * rng.standard_normal(np.shape(x)) for _ in range(SIZE)]


def stacked(parts: list):
    """Return values as a stack; a list as a list of stacks."""
    if isinstance(parts[0], list):
        return [stacked(list(items)) for items in zip(*parts, strict=True)]
    return np.stack(parts)


def item(x, k: int):
    return [item(part, k) for part in x] if isinstance(x, (list, tuple)) else x[k]


def agree(a, b) -> None:
    if isinstance(b, (list, tuple)):
        assert len(a) == len(b)
        for u, v in zip(a, b, strict=True):
            agree(u, v)
    elif b is not None:
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)


def check(function: Function, args: list, batched: list[bool], seed: int = 0) -> None:
    """Compare the program on stacks with the program on each element, before and after it is simplified."""
    rng = np.random.default_rng(seed)
    rows = [elements(x, rng) if b else [x] * SIZE for x, b in zip(args, batched, strict=True)]
    made = batch(function, batched)
    verify(made.function)
    given = [stacked(row) if b else row[0] for row, b in zip(rows, batched, strict=True)]
    for program in (made.function, simplify(made.function, [False] * len(args))):
        verify(program)
        results = checked_run(program, copy.deepcopy(given))
        for k in range(SIZE):
            with np.errstate(all="ignore"):
                expected = run(function, copy.deepcopy([row[k] for row in rows]))
            for y, own, value in zip(results, made.batched_results, expected, strict=True):
                agree(item(y, k) if own else y, value)


def patterns(args) -> list[list[bool]]:
    inexact = [is_inexact(x) for x in args]
    single = [[k == j for k in range(len(args))] for j, own in enumerate(inexact) if own]
    return [inexact, *single] if len(single) > 1 else [inexact]


@EACH
def test_flows(flow: Flow) -> None:
    for pattern in patterns(flow.args):
        try:
            check(flow.function, list(flow.args), pattern)
        except BatchError:
            if flow.name not in APART:
                raise


def tangent_of(x, rng):
    if isinstance(x, list):
        return [tangent_of(item, rng) for item in x]
    return direction_at([x], rng)[0]


@EACH
def test_many_directions_at_once(flow: Flow) -> None:
    """Tangents alone are stacked, so that no branch and no loop differs between the elements: there is always a program."""
    active = [is_inexact(x) for x in flow.args]
    pushed = simplify(jvp(flow.function, active).function)
    rng = np.random.default_rng(2)
    ts = [tangent_of(x, rng) for x, a in zip(flow.args, active, strict=True) if a]
    check(pushed, [*flow.args, *ts], [False] * len(flow.args) + [True] * len(ts))


@EACH
def test_many_rows_at_once(flow: Flow) -> None:
    active = [is_inexact(x) for x in flow.args]
    split = vjp(flow.function, active)
    there = run(split.forward, flow.args)
    count = len(flow.function.results)
    cts = [y for y, own in zip(there[:count], split.active_results, strict=True) if own]
    if not cts or any(isinstance(p.type, (ListOf, Opaque)) for p in split.backward.params[-len(cts) :]):
        return
    residuals = there[count:]
    check(split.backward, [*residuals, *cts], [False] * len(residuals) + [True] * len(cts))


@EACH
def test_gradients(flow: Flow) -> None:
    active = [is_inexact(x) for x in flow.args]
    made = gradient(flow.function, active, [True] + [False] * (len(flow.function.results) - 1))
    y = run(flow.function, flow.args)[0]
    if isinstance(y, list):
        return
    args = [*flow.args, np.ones_like(y)]
    try:
        check(simplify(made), args, [*active, False])
    except BatchError:
        if flow.name not in APART | {"recursion"}:
            raise


@pytest.mark.parametrize("seed", range(60))
def test_random_flows(seed: int) -> None:
    function = random_flow(seed)
    rng = np.random.default_rng(seed)
    args = [float(rng.standard_normal()), float(rng.standard_normal()), rng.standard_normal(4)]
    for pattern in patterns(args):
        try:
            check(function, args, pattern, seed)
        except BatchError:
            continue
    pushed = simplify(jvp(function, [True] * 3).function)
    check(pushed, [*args, *args], [False] * 3 + [True] * 3, seed)
