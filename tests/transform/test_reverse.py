"""Reverse mode against differences, against forward mode, and again of its own output; what it keeps, and what it costs."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from adjoint._backend import python
from adjoint._checkpoint.binomial import extra_steps, reverse_binomial
from adjoint._checkpoint.online import forward_online
from adjoint._ir.builder import Builder
from adjoint._ir.evaluate import run
from adjoint._ir.nodes import Apply, Function, If, Loop, Value, walk
from adjoint._ir.symbol import Symbol
from adjoint._ir.types import ListOf, Opaque, Tensor
from adjoint._ir.verify import verify
from adjoint._rules import stores
from adjoint._transform import schedule
from adjoint._transform.cut import Network
from adjoint._transform.forward import jvp
from adjoint._transform.reverse import gradient, vjp
from adjoint._transform.simplify import simplify
from adjoint.errors import AdjointError, MemoryBudgetError
from tests.transform.counting import calls_of, counted
from tests.transform.flows import COUNT, FLOWS, VECTOR, F, Flow, written
from tests.transform.random_flows import random_flow


def randoms(xs: Sequence[Any], seed: int) -> list[Any]:
    """Return random tangents or cotangents of values."""
    rng = np.random.default_rng(seed)
    found = []
    for x in xs:
        t = np.asarray(rng.uniform(0.3, 0.6, np.shape(x)) * rng.choice([-1, 1], np.shape(x)))
        if np.iscomplexobj(x):
            t = t + 1j * rng.uniform(-1, 1, np.shape(x))
        found.append(t.astype(np.result_type(x)) if np.ndim(x) else np.result_type(x).type(t))
    return found


def inner(a: Sequence[Any], b: Sequence[Any]) -> float:
    return sum(float(np.real(np.sum(np.conj(u) * v))) for u, v in zip(a, b, strict=True))


def active_of(function: Function) -> list[bool]:
    return [isinstance(p.type, Tensor) and p.type.differentiable for p in function.params]


def moved(args: Sequence[Any], ts: Sequence[Any], h: float) -> list[Any]:
    return [a + h * t for a, t in zip(args, ts, strict=True)]


def check(function: Function, args: Sequence[Any], order: int, seed: int = 0) -> None:
    """Compare the gradient with differences and forward mode; then check the gradient's own derivatives."""
    verify(function)
    active = active_of(function)
    assert all(active)
    back = gradient(function, active)
    verify(back)
    forward = jvp(function, active)
    verify(forward.function)
    ts = randoms(args, seed)
    pushed = run(forward.function, [*args, *ts])
    n = len(function.results)
    cts = randoms([y for y, a in zip(pushed[:n], forward.active_results, strict=True) if a], seed + 1)
    pulled = run(back, [*args, *cts])
    compare(pulled[n:], args, ts, inner(cts, pushed[n:]), 1e-9)
    for y, again in zip(pushed[:n], pulled[:n], strict=True):
        np.testing.assert_allclose(again, y, rtol=1e-13)
    ups, downs = (run(function, moved(args, ts, h)) for h in (1e-5, -1e-5))
    slopes = [(u - d) / 2e-5 for u, d, a in zip(ups, downs, forward.active_results, strict=True) if a]
    compare(pulled[n:], args, ts, inner(cts, slopes), 1e-5)
    check_parts(function, args, cts, pulled)
    if order > 1:
        check(back, [*args, *cts], order - 1, seed + 2)


def compare(bars: Sequence[Any], args: Sequence[Any], ts: Sequence[Any], expected: float, rtol: float) -> None:
    """Compare the slope along ``ts`` by the gradient with the expected one."""
    for bar, x in zip(bars, args, strict=True):
        assert np.shape(bar) == np.shape(x)
        assert np.result_type(bar) == np.result_type(x)
    size = sum(float(np.sum(np.abs(bar) * np.abs(t))) for bar, t in zip(bars, ts, strict=True))
    np.testing.assert_allclose(inner(bars, ts), expected, rtol=rtol, atol=rtol * size)


def check_parts(function: Function, args: Sequence[Any], cts: Sequence[Any], expected: Sequence[Any]) -> None:
    """Compare the two programs of `vjp` with the one of `gradient`."""
    forward, backward, wanted, params = vjp(function, active_of(function))
    verify(forward)
    verify(backward)
    assert all(params)
    assert sum(wanted) == len(cts)
    n = len(function.results)
    found = run(forward, args)
    bars = run(backward, [*found[n:], *cts])
    for a, b in zip([*found[:n], *bars], expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def by_name(name: str) -> Flow:
    return next(flow for flow in FLOWS if flow.name == name)


def back_of(name: str, memory: float | None = None) -> Function:
    flow = by_name(name)
    return gradient(flow.function, active_of(flow.function), memory=memory)


def cotangents_of(flow: Flow) -> list[Any]:
    ys = run(flow.function, flow.args)
    wanted = vjp(flow.function, active_of(flow.function)).active_results
    return randoms([y for y, a in zip(ys, wanted, strict=True) if a], 1)


named = pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)


@named
@pytest.mark.parametrize("order", [1, 2])
def test_gradient(flow: Flow, order: int) -> None:
    check(flow.function, flow.args, order)


@pytest.mark.parametrize("name", ["logistic", "stencil_of_slices", "branch_in_loop", "collected", "recursion", "search"])
def test_third_order(name: str) -> None:
    flow = by_name(name)
    check(flow.function, flow.args, 3)


@named
def test_simplified(flow: Flow) -> None:
    back = gradient(flow.function, active_of(flow.function))
    args = [*flow.args, *cotangents_of(flow)]
    tidy = simplify(back)
    verify(tidy)
    for a, b in zip(run(tidy, args), run(back, args), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


@named
def test_the_way_back_costs_less_than_five_times_the_function(flow: Flow) -> None:
    """The bound of the theory is 5 and one recomputation; what is counted here includes the function itself."""
    _, once = counted(flow.function, flow.args)
    _, all_in_all = counted(simplify(gradient(flow.function, active_of(flow.function))), [*flow.args, *cotangents_of(flow)])
    assert all_in_all < 5 * once


# What is kept ----------------------------------------------------------------------------------------------------------------


def kept(function: Function) -> list[str]:
    """Return the types of what the loops of a program collect."""
    lists = [items.type for op in walk(function.body) if isinstance(op, Loop) for items in op.lists]
    return sorted(str(t) for t in lists)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("accumulation", []),
        ("double_sum", []),
        ("array_accumulation", []),
        ("power", ["list[float64]"]),
        ("logistic", ["list[float64]"]),
        ("sum_of_squares", []),
        ("stencil", ["list[float64[:]]"]),
        ("stencil_of_slices", ["list[float64[:]]"]),
        ("prefix", ["list[float64]"]),
        ("prefix_by_branches", ["list[float64]", "list[float64]"]),
        ("newton", ["list[float64]"]),
        ("growing", ["list[float64[:]]", "list[int]", "list[int]"]),
    ],
)
def test_what_loops_keep(name: str, expected: list[str]) -> None:
    flow = by_name(name)
    assert kept(gradient(simplify(flow.function), active_of(flow.function))) == expected


def test_only_the_form_of_an_array_is_kept() -> None:
    """The array is scaled by a number each turn, and its length grows: the way back asks for the length, and not for the content."""

    def grow(b, x):
        turn = lambda k, s: ([np.concatenate([s, x]) + s[0]], [])
        (s,), _, _ = b.loop((0, 3, 1), [x], turn, types=[VECTOR])
        return [np.sum(s)]

    function = written(grow, [VECTOR])
    back = gradient(function, [True])
    forms = [op for op in walk(back.body) if isinstance(op, Apply) and op.function is stores.form]
    assert forms
    check(function, [np.array([0.4, 1.2])], 2)


def test_a_branch_gives_out_what_its_way_back_needs() -> None:
    back = back_of("nested_branch")
    branches = [op for op in back.body.ops if isinstance(op, If)]
    assert len(branches[0].outputs) > 1


def test_what_is_not_asked_for_costs_nothing() -> None:
    flow = by_name("broadcast")
    _, of_vector = counted(gradient(flow.function, [True, False]), [*flow.args, *cotangents_of(flow)])
    _, of_both = counted(gradient(flow.function, [True, True]), [*flow.args, *cotangents_of(flow)])
    assert of_vector < of_both
    nothing = gradient(flow.function, [False, False])
    assert len(nothing.params) == 2
    assert len(nothing.body.ops) == len(flow.function.body.ops)


def test_results_that_are_not_wanted() -> None:
    flow = by_name("branch")
    back = gradient(flow.function, [True, False], [True, False])
    verify(back)
    assert len(back.params) == 3
    x, y = flow.args
    np.testing.assert_allclose(run(back, [x, y, 2.0]), [x * y, np.sin(x), 2 * y])


def test_aliases() -> None:
    """A parameter that is a result, twice; a constant; a parameter that nothing depends on."""
    function = written(lambda b, x, y: [x, x, 3.0, x * x], [F, F], "aliases")
    back = gradient(function, [True, True])
    verify(back)
    assert run(back, [2.0, 5.0, 1.0, 10.0, 100.0]) == [2.0, 2.0, 3.0, 4.0, 411.0, 0.0]


def test_single_precision_stays() -> None:
    single = Tensor(np.dtype(np.float32))

    def scaled(b, x, c):
        (s,), _, _ = b.loop((0, 3, 1), [x], lambda k, s: ([s * x[0] * c], []), types=[Tensor(np.dtype(np.float32), 1)])
        return [s]

    function = written(scaled, [Tensor(np.dtype(np.float32), 1), single])
    back = gradient(function, [True, True])
    verify(back)
    x = np.array([0.5, 2.0], np.float32)
    bars = run(back, [x, np.float32(1.5), np.ones(2, np.float32)])[1:]
    assert [bar.dtype for bar in bars] == [np.float32, np.float32]
    np.testing.assert_allclose(bars[1], 3 * 1.5**2 * 0.5**3 * 2.5, rtol=1e-6)


# Effects, exceptions, refusals -------------------------------------------------------------------------------------------------


def draw(rng: np.random.Generator) -> float:
    return rng.standard_normal()


def noisy(b, x, rng):
    def turn(k, s):
        output = Value(F)
        b.append(Apply(function=draw, args=(rng.value,), outputs=[output], effect=True))
        return [s * Symbol(output) + np.sin(s) * x], []

    (s,), _, _ = b.loop((0, 5, 1), [x], turn, types=[F])
    return [s]


def test_random_numbers_are_drawn_once() -> None:
    function = written(noisy, [F, Opaque(np.random.Generator)])
    back = gradient(function, [True, False])
    verify(back)
    assert calls_of(back, [0.7, np.random.default_rng(3), 1.0], draw) == 5
    values = [run(function, [0.7 + h, np.random.default_rng(3)])[0] for h in (1e-6, -1e-6)]
    found = run(back, [0.7, np.random.default_rng(3), 1.0])[1]
    np.testing.assert_allclose(found, (values[0] - values[1]) / 2e-6, rtol=1e-7)


def test_a_budget_refuses_random_numbers() -> None:
    function = written(noisy, [F, Opaque(np.random.Generator)])
    with pytest.raises(MemoryBudgetError, match="cannot be run again"):
        gradient(function, [True, False], memory=1e6)


def test_exceptions() -> None:
    def guarded(b, x):
        def fail():
            b.raise_(ValueError, ("negative",))
            return [0.0]

        def turn(k, s):
            (r,) = b.if_(s < 0, fail, lambda: [s * s + x])
            return [r], []

        (s,), _, _ = b.loop((0, 3, 1), [x], turn, types=[F])
        return [s]

    function = written(guarded, [F])
    check(function, [0.4], 2)
    with pytest.raises(ValueError, match="negative"):
        run(gradient(function, [True]), [-0.4, 1.0])


def test_a_loop_backwards_that_ends_early_is_refused() -> None:
    def early(b, x):
        turn = lambda k, s: ([s * x], [], [s < 0.1])
        (s,), _, _ = b.loop((0, 9, 1), [x], turn, types=[F], reverse=True, stop=True)
        return [s]

    with pytest.raises(AdjointError, match="negative step"):
        gradient(written(early, [F]), [True])


def test_a_loop_of_no_turns() -> None:
    def none(b, x, n):
        (s, v), _, _ = b.loop((0, n, 1), [x[0], x], lambda k, s, v: ([s * v[0], np.sin(v)], []), types=[F, VECTOR])
        return [s * s + v[1]]

    function = written(none, [VECTOR, COUNT])
    for memory in (None, 1e4):
        back = gradient(function, [True, False], memory=memory)
        verify(back)
        np.testing.assert_allclose(run(back, [np.array([3.0, 2.0]), 0, 1.0])[1], [6.0, 1.0])
        assert np.shape(run(back, [np.array([3.0, 2.0]), 3, 1.0])[1]) == (2,)


# A budget of memory ----------------------------------------------------------------------------------------------------------


@named
@pytest.mark.parametrize("memory", [800.0, 1e9])
def test_a_budget_changes_nothing_but_the_way(flow: Flow, memory: float) -> None:
    back = gradient(flow.function, active_of(flow.function), memory=memory)
    verify(back)
    args = [*flow.args, *cotangents_of(flow)]
    expected = run(gradient(flow.function, active_of(flow.function)), args)
    for a, b in zip(run(back, args), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11)
    tidy = simplify(back)
    verify(tidy)
    for a, b in zip(run(tidy, args), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11)


@pytest.mark.parametrize("name", ["logistic", "sequential_nest", "backwards", "newton", "appended", "call_in_loop"])
def test_derivatives_of_programs_with_a_budget(name: str) -> None:
    flow = by_name(name)
    check(gradient(flow.function, active_of(flow.function), memory=800.0), [*flow.args, *cotangents_of(flow)], 1)


def chain_of(n: int, *, early: bool) -> Function:
    """Return a program of ``n`` sines, one after the other."""

    def known(b, x, r):
        (x,), _, _ = b.loop((0, n, 1), [x], lambda k, x: ([np.sin(x) * r], []), types=[F])
        return [x]

    def unknown(b, x, r):
        test = lambda x, j: j < n
        (x, _), _, _ = b.loop(None, [x, 0], lambda k, x, j: ([np.sin(x) * r, j + 1], []), types=[F, COUNT], test=test)
        return [x]

    return written(unknown if early else known, [F, F])


@pytest.mark.parametrize(("n", "snapshots"), [(50, 5), (300, 4), (300, 10), (7, 20), (1, 1)])
def test_the_fewest_evaluations_within_the_budget(n: int, snapshots: int) -> None:
    """Each turn is evaluated on the way there, once more to be pulled through, and as often as the schedule needs between."""
    for early, steps in ((False, n + extra_steps(n, snapshots)), (True, online_steps(n, snapshots))):
        back = simplify(gradient(chain_of(n, early=early), [True, True], memory=snapshots * 8))
        assert calls_of(back, [0.5, 1.1, 1.0], np.sin) == n + steps


def online_steps(n: int, snapshots: int) -> int:
    """Return how often the online schedule runs a step."""
    steps = 0

    def advance(k: int, state: tuple[Any, ...]) -> tuple[Any, ...]:
        nonlocal steps
        steps += 1
        return state

    _, count, states = forward_online(snapshots, (), advance, lambda k, _: k < n)
    reverse_binomial(count, states, snapshots, advance, lambda k, state, ct: ct, None, release=True)
    return steps


@pytest.mark.parametrize("snapshots", [1, 2, 3, 5, 9])
def test_the_online_schedule_in_operations(snapshots: int) -> None:
    """The functions that programs call keep the states that the schedule keeps."""
    positions: list[int] = []
    due = 0
    for n in range(200):
        _, _, states = forward_online(snapshots, (), lambda k, state: state, lambda k, _, n=n: k < n)
        assert positions == [position for position, _ in states]
        if n == due:
            if len(positions) == snapshots:
                del positions[schedule.drop_online(positions, n, snapshots)]
            positions.append(n)
            due = schedule.next_online(n, snapshots)


@pytest.mark.parametrize("early", [False, True])
def test_the_states_that_are_kept(early: bool) -> None:
    """At no time are there more than the budget has room for."""
    most = 0

    def observe(op: Apply, _: Any, __: Any, results: list[Any]) -> None:
        nonlocal most
        if op.function is stores.append and isinstance(op.outputs[0].type, ListOf):
            most = max(most, len(results[0]))

    run(gradient(chain_of(400, early=early), [True, True], memory=7 * 8), [0.5, 1.1, 1.0], observe)
    assert most == 7


def test_the_peak_of_a_hundred_thousand_steps() -> None:
    """All states together would take 92 MB."""
    turn = lambda k, x: ([np.sin(x) * 1.01], [])
    long = lambda b, x: b.loop((0, 100_000, 1), [x], turn, types=[VECTOR])[0]
    budget = 1000 * 800.0
    back = python.compile(simplify(gradient(written(long, [VECTOR]), [True], memory=budget)))
    x = np.linspace(0.1, 1, 100)
    tracemalloc.start()
    back(x, np.ones(100))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # A thousand arrays have a thousand heads of 112 bytes, and the list its pointers.
    assert peak < budget + 1000 * 200 + 50_000


def test_a_budget_without_room_for_one_state() -> None:
    back = gradient(chain_of(9, early=False), [True, True], memory=7)
    with pytest.raises(MemoryBudgetError, match="no room for one state"):
        run(back, [0.5, 1.1, 1.0])


# Random programs -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_random_programs(seed: int) -> None:
    function = random_flow(seed)
    rng = np.random.default_rng(seed)
    args = [np.float64(rng.uniform(-1, 1)), np.float64(rng.uniform(-1, 1)), rng.uniform(-1, 1, 4)]
    back = gradient(function, [True] * 3)
    verify(back)
    forward = jvp(function, [True] * 3)
    ts = randoms(args, seed)
    pushed = run(forward.function, [*args, *ts])
    cts = randoms([y for y, a in zip(pushed[:2], forward.active_results, strict=True) if a], seed + 1)
    pulled = run(back, [*args, *cts])
    compare(pulled[2:], args, ts, inner(cts, pushed[2:]), 1e-8)
    check_parts(function, args, cts, pulled)
    tidy = simplify(back)
    verify(tidy)
    for other in (tidy, gradient(function, [True] * 3, memory=1e4)):
        for a, b in zip(run(other, [*args, *cts]), pulled, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    assert counted(tidy, [*args, *cts])[1] < 6 * counted(function, args)[1]


# The cut ----------------------------------------------------------------------------------------------------------------------


def test_cheapest_cut() -> None:
    network = Network()
    for u, v, price in [
        ("s", "a", 3),
        ("s", "b", 2),
        ("a", "b", 5),
        ("a", "c", 1),
        ("b", "c", 2),
        ("c", "t", 9),
        ("b", "t", 1),
    ]:
        network.edge(u, v, price)
    assert network.cut("s", "t") == {"c", "t"}


@pytest.mark.parametrize("seed", range(20))
def test_cheapest_cut_by_trying_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    edges = [(int(u), int(v), int(p)) for u, v, p in rng.integers(0, [7, 7, 9], (16, 3)) if u != v]
    network = Network()
    for edge in edges:
        network.edge(*edge)
    side = network.cut(0, 6)

    def price(side: Any) -> int:
        return sum(p for u, v, p in edges if u not in side and v in side)

    sides = [{6, *(k for k in range(1, 6) if bits >> k & 1)} for bits in range(64)]
    assert 0 not in side
    assert price(side) == min(map(price, sides))


def test_the_seed_of_a_result_that_is_no_value() -> None:
    builder = Builder()
    x = Value(F, "x")
    with builder.block([x]) as body:
        body.results = [2.0]
    back = gradient(Function("f", body), [True], [True])
    verify(back)
    assert run(back, [1.0, 5.0]) == [2.0, 0.0]
