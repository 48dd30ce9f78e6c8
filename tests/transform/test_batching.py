"""Programs on stacks, against the programs run on one element after the other."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest

from adjoint._ir.builder import Builder, Symbol
from adjoint._ir.evaluate import run
from adjoint._ir.nodes import Apply, Function, Value
from adjoint._ir.symbol import extent, writer
from adjoint._ir.types import ListOf, Opaque, type_of
from adjoint._ir.verify import verify
from adjoint._rules import stores
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
# Elements go different ways: loops that end at different turns, recursion, elements of arrays that need not be there.
APART = {
    "array_in_branch_in_loop", "call_in_loop", "loop_in_branch", "loop_in_branch_in_loop", "mandelbrot", "newton",
    "prefix_by_branches", "recursion", "search", "series", "while_in_for",
}  # fmt: skip


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
        if flow.name not in APART:
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


# One operation each ----------------------------------------------------------------------------------------------------------

X = np.array([[0.3, -0.7, 1.1], [0.9, 0.2, -0.4]])
V = np.array([0.5, -0.3, 0.8])
OPERATIONS = {
    "unbatched operand of higher rank": (lambda v, x: v * x, [V, X], [True, False]),
    "batched operand of higher rank": (lambda v, x: v * x, [V, X], [False, True]),
    "sum of all": (lambda x: np.sum(x), [X], [True]),
    "matrix and vectors": (lambda x, v: x @ v, [X, V], [False, True]),
    "matrices and vector": (lambda x, v: x @ v, [X, V], [True, False]),
    "matrices and vectors": (lambda x, v: x @ v, [X, V], [True, True]),
    "store of a stack": (lambda x, v: stores.assign(x, (slice(None), 1), v), [X, V[:2]], [False, True]),
    "store into a stack": (lambda x, v: stores.assign(x, 0, v), [X, V], [True, False]),
    "sum at repeated places": (lambda v, k: stores.accumulate(v, (k,), 2.0 * v), [V, np.array([1, 1, 2])], [True, False]),
    "places that differ": (lambda v, k: stores.accumulate(v, k, 3.0), [V, 0], [False, True]),
    "element at a place that differs": (lambda x, k: x[k] * x[0, k], [X, 0], [False, True]),
    "winners": (lambda v, k: stores.winners(v, (k,), (4,)), [V, np.array([2, 0, 2])], [True, False]),
    "fit": (lambda x, v: stores.fit(x, v), [X, V], [True, False]),
    "fit to a stack": (lambda x, v: stores.fit(x, v), [X, V], [False, True]),
    "fit of both": (lambda x, v: stores.fit(x, v), [X, V], [True, True]),
    "spread": (lambda v, x: stores.spread(v, x), [V, X], [True, False]),
    "spread to a stack": (lambda v, x: stores.spread(v, x), [V, X], [False, True]),
    "array of numbers": (lambda v, a: writer().apply(np.array, ([[v[0], a], [1.0, v[2]]],), {}), [V, 0.7], [True, False]),
    "concatenation with a nested list": (lambda v, a: writer().apply(np.concatenate, ([v, [a]],), {}), [V, 0.7], [True, True]),
    "function without form": (lambda v: np.convolve(v, V.tolist()), [V], [True]),
    "function defined by others": (lambda v: np.polyval(v, 2.0), [V], [True]),
    "python's numbers": (lambda a, b: writer().apply(math.atan2, (a, b), {}), [0.3, 0.9], [True, False]),
    "max of numbers": (lambda a, b: writer().apply(max, (a, b, 0.35), {}), [0.3, 0.4], [True, False]),
    "shape of an element": (lambda x: x / x.shape[1] + x.size, [X], [True]),
    "zeros": (lambda x: np.zeros_like(x) + x[0], [X], [True]),
    "decomposition": (lambda x: np.linalg.svd(x, full_matrices=False)[1], [X], [True]),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations(name: str) -> None:
    f, args, batched = OPERATIONS[name]
    params = [Value(type_of(x), f"x{k}") for k, x in enumerate(args)]
    builder = Builder()
    with builder.block(params) as body:
        body.results = [builder.atom(f(*map(Symbol, params)))]
    function = Function("f", body)
    rows = [
        [x + (k if isinstance(x, int) else 0.1 * k) for k in range(2)] if b else [x, x]
        for x, b in zip(args, batched, strict=True)
    ]
    made = batch(function, batched)
    verify(made.function)
    (y,) = checked_run(made.function, [np.stack(row) if b else row[0] for row, b in zip(rows, batched, strict=True)])
    for k in range(2):
        np.testing.assert_allclose(y[k], run(function, [row[k] for row in rows])[0], rtol=1e-13)


def test_elements_that_go_different_ways_are_refused_with_the_line() -> None:
    flow = next(flow for flow in FLOWS if flow.name == "newton")
    with pytest.raises(BatchError, match=r"different turns[\s\S]*flows\.py"):
        batch(flow.function, [True] * len(flow.args))


def test_a_shape_that_depends_on_the_element_is_refused() -> None:
    v = Value(type_of(V), "v")
    builder = Builder()
    with builder.block([v]) as body:
        x: Any = Symbol(v)
        body.results = [builder.atom(np.sum(x[x > 0]))]
    with pytest.raises(BatchError, match="shape"):
        batch(Function("f", body), [True])


def test_what_does_not_depend_on_the_element_stays_as_it_is() -> None:
    x, y = Value(type_of(X), "x"), Value(type_of(1.0), "y")
    builder = Builder()
    with builder.block([x, y]) as body:
        body.results = [builder.atom(np.sum(np.exp(Symbol(x)))), builder.atom(np.multiply(Symbol(y), 2.0))]
    made = batch(Function("f", body), [False, True])
    assert made.batched_results == [False, True]
    functions = [op.function for op in made.function.body.ops if isinstance(op, Apply) and op.function is not extent]
    assert functions == [np.exp, np.sum, np.multiply]
    with pytest.raises(BatchError, match="how many elements"):
        batch(Function("f", body), [False, False])
