"""Every program, every engine, every mode, first and second order.

First order: forward against differences (and the complex step where it applies), reverse against forward by the inner
product, which has no difference noise.  Second order: the four nestings against each other and against differences of
the gradient.  Besides: the value is the plain function's own, pullbacks can be called again, and what the caller's
arguments are after the call is what the plain function leaves.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests import oracles
from tests.programs import PROGRAMS, Program

ad = pytest.importorskip("adjoint")
if missing := [name for name in ("grad", "value_and_grad", "jvp", "vjp") if not hasattr(ad, name)]:
    pytest.skip(f"adjoint has no {', '.join(missing)} yet", allow_module_level=True)

# How each engine is asked to run a function.
ENGINES: dict[str, Callable[[Callable[..., Any]], Callable[..., Any]]] = {"trace": lambda f: f, "source": ad.jit}

# Programs that an engine is known not to follow yet: {("trace", "views.transposed_view"): "why"}.  Strict: a program that
# begins to work fails here until it is taken out.
KNOWN_GAPS: dict[tuple[str, str], str] = {
    ("source", "structures.binary_tree_of_objects"): "refused: the structure of the objects depends on values",
}


def _cases() -> list[Any]:
    cases = []
    for engine in ENGINES:
        for name, program in PROGRAMS.items():
            gap = KNOWN_GAPS.get((engine, name))
            marks = [pytest.mark.xfail(reason=gap, strict=True)] if gap else []
            cases.append(pytest.param(engine, program, id=f"{engine}-{name}", marks=marks))
    return cases


EACH = pytest.mark.parametrize(("engine", "program"), _cases())
SMOOTH = pytest.mark.parametrize(("engine", "program"), [case for case in _cases() if case.values[1].smooth_order >= 2])


# --- what a failure shows ------------------------------------------------------------------------------------------------


def assert_close(what: str, program: Program, got: Any, want: Any, tolerance: Any) -> None:
    """Compare flattened trees; ``tolerance`` is absolute, one number or one per element."""
    got, want = np.atleast_1d(oracles.flatten(got)), np.atleast_1d(oracles.flatten(want))
    assert got.shape == want.shape, f"{program}: {what}: {got.size} numbers instead of {want.size}"
    excess = ~(np.abs(got - want) <= tolerance)  # a nan is an excess
    if np.any(excess):
        lines = [
            f"  [{i}] got {got[i]!r}, want {want[i]!r}, off by {abs(got[i] - want[i]):.3g}"
            f" > {np.broadcast_to(tolerance, got.shape)[i]:.3g}"
            for i in np.flatnonzero(excess)
        ]
        pytest.fail(f"{program}: {what}: {len(lines)} of {got.size} differ\n" + "\n".join(lines), pytrace=False)


def assert_plain(what: str, program: Program, tree: Any, like: Any) -> None:
    """Same structure, types, shapes and dtypes, and no traced value anywhere."""
    if (subtrees := oracles.children(like)) is not None:
        assert type(tree) is type(like), f"{program}: {what}: a {type(tree).__name__} instead of a {type(like).__name__}"
        if isinstance(like, dict):
            assert set(tree) == set(like), f"{program}: {what}: keys {sorted(tree)} instead of {sorted(like)}"
        parts = oracles.children(tree)
        assert len(parts) == len(subtrees), f"{program}: {what}: {len(parts)} parts instead of {len(subtrees)}"
        for part, subtree in zip(parts, subtrees, strict=True):
            assert_plain(what, program, part, subtree)
    elif oracles.is_inexact(like):
        assert type(tree) in (float, np.float64, np.ndarray), f"{program}: {what}: a {type(tree)} instead of a {type(like)}"
        assert np.shape(tree) == np.shape(like), f"{program}: {what}: shape {np.shape(tree)} instead of {np.shape(like)}"
        dtypes = np.result_type(tree), np.result_type(like)
        assert dtypes[0] == dtypes[1], f"{program}: {what}: {dtypes[0]} instead of {dtypes[1]}"


def largest(*trees: Any) -> float:
    """The scale of tolerances: the largest magnitude in all these trees, or 1."""
    return max(1.0, *(float(np.max(np.abs(oracles.flatten(tree)), initial=0.0)) for tree in trees))


def everything(program: Program) -> tuple[int, ...]:
    return tuple(range(len(program.example)))


# --- first order ---------------------------------------------------------------------------------------------------------


@EACH
def test_forward(engine: str, program: Program) -> None:
    tangents = oracles.random_like(program.args, 1)
    _, slope = ad.jvp(ENGINES[engine](program.function), program.args, tangents)
    truth = oracles.directional(program.function, program.args, tangents, step=program.step)
    tolerance = 10 * truth.error + 1e-9 * largest(truth.value)
    assert_close("jvp against differences", program, slope, truth.value, tolerance)
    if program.complexable:
        exact = oracles.complex_step(program.function, program.args, tangents)
        assert_close("jvp against the complex step", program, slope, exact, 1e-11 * largest(exact))


@EACH
def test_reverse(engine: str, program: Program) -> None:
    f = ENGINES[engine](program.function)
    value, pullback = ad.vjp(f, *program.args)
    cotangent = oracles.random_like(value, 2)
    gradients = pullback(cotangent)
    assert isinstance(gradients, tuple)
    assert_plain("cotangents", program, gradients, program.args)
    for seed in (3, 4):
        tangents = oracles.random_like(program.args, seed)
        _, slope = ad.jvp(f, program.args, tangents)
        left, right = oracles.dot(cotangent, slope), oracles.dot(gradients, tangents)
        scale = np.abs(oracles.flatten(cotangent)) @ np.abs(oracles.flatten(slope))
        scale += np.abs(oracles.flatten(gradients)) @ np.abs(oracles.flatten(tangents))
        assert abs(left - right) <= 1e-10 * max(scale, 1.0), f"{program}: <ct, J t> = {left!r}, <J' ct, t> = {right!r}"
        truth = oracles.directional(program.function, program.args, tangents, step=program.step)
        weights = np.abs(oracles.flatten(cotangent))
        tolerance = 10 * weights @ truth.error + 1e-9 * max(1.0, weights @ np.abs(truth.value))
        difference = oracles.dot(cotangent, truth.value)
        assert abs(right - difference) <= tolerance, f"{program}: <J' ct, t> = {right!r}, differences say {difference!r}"


@EACH
def test_linearize(engine: str, program: Program) -> None:
    """The sweep forward over recorded operations gives what forward mode gives, as often as one likes."""
    f = ENGINES[engine](program.function)
    tangents = oracles.random_like(program.args, 1)
    given = copy.deepcopy(tangents)
    _, slope = ad.jvp(f, program.args, tangents)
    _, linear = ad.linearize(f, *program.args)
    for _ in range(2):
        swept = linear(*tangents)
        assert_close("linearize against jvp", program, swept, slope, 1e-11 * largest(slope))
    assert_close("tangents after linearize", program, tangents, given, 0.0)


@EACH
def test_pullback_does_not_see_what_the_caller_changes_afterwards(engine: str, program: Program) -> None:
    f = ENGINES[engine](program.function)
    value, pullback = ad.vjp(f, *program.args)
    cotangent = oracles.random_like(value, 2)
    wanted = pullback(cotangent)
    args = program.args
    value, pullback = ad.vjp(f, *args)
    for leaf in oracles.leaves((args, value)):
        if isinstance(leaf, np.ndarray) and leaf.flags.writeable:
            leaf.fill(7)
    assert_close("pullback after the change", program, pullback(cotangent), wanted, 0.0)


@EACH
def test_pullback_is_linear_and_can_be_called_again(engine: str, program: Program) -> None:
    value, pullback = ad.vjp(ENGINES[engine](program.function), *program.args)
    first, second = oracles.random_like(value, 2), oracles.random_like(value, 3)
    from_first, from_second, again = pullback(first), pullback(second), pullback(first)
    assert_close("pullback called again", program, again, from_first, 0.0)
    together = pullback(oracles.shift(first, 2.0, second))
    wanted = oracles.shift(from_first, 2.0, from_second)
    assert_close("pullback of a sum", program, together, wanted, 1e-11 * largest(from_first, from_second))


@EACH
def test_value_is_the_plain_value(engine: str, program: Program) -> None:
    f = ENGINES[engine](program.function)
    plain = program.function(*program.args)
    forward, slope = ad.jvp(f, program.args, oracles.random_like(program.args, 1))
    reverse, _ = ad.vjp(f, *program.args)
    for mode, value in (("jvp", forward), ("vjp", reverse)):
        assert_plain(f"value of {mode}", program, value, plain)
        assert_close(f"value of {mode}", program, value, plain, 1e-15 * largest(plain))
    assert_plain("tangent of the value", program, slope, plain)


@EACH
@pytest.mark.parametrize("mode", ["jvp", "vjp", "value_and_grad"])
def test_arguments_are_left_as_the_plain_function_leaves_them(engine: str, program: Program, mode: str) -> None:
    f, args, wanted = ENGINES[engine](program.function), program.args, program.args
    tangents = oracles.random_like(args, 1)
    program.function(*wanted)
    if mode == "jvp":
        ad.jvp(f, args, tangents)
        assert_close("tangents after the call", program, tangents, oracles.random_like(program.args, 1), 0.0)
    elif mode == "vjp":
        value, pullback = ad.vjp(f, *args)
        cotangent = oracles.random_like(value, 2)
        gradients = pullback(cotangent)
        assert_close("cotangents after the call", program, cotangent, oracles.random_like(value, 2), 0.0)
        for gradient in oracles.leaves(gradients):
            if isinstance(gradient, np.ndarray) and gradient.flags.writeable:
                gradient.fill(np.nan)  # what comes back is the caller's own: no memory of the arguments
    else:
        ad.value_and_grad(weighed(f), everything(program))(*args)
    assert_plain("arguments after the call", program, args, wanted)
    assert_close("arguments after the call", program, args, wanted, 1e-15 * largest(wanted))


@pytest.mark.skipif(not hasattr(ad, "jacrev"), reason="adjoint has no jacfwd and jacrev yet")
@EACH
def test_jacobians(engine: str, program: Program) -> None:
    f = ENGINES[engine](program.function)
    by_columns = ad.jacfwd(f, everything(program))(*program.args)
    by_rows = ad.jacrev(f, everything(program))(*program.args)
    assert_close("jacfwd against jacrev", program, by_columns, by_rows, 1e-11 * largest(by_columns))
    tangents = oracles.random_like(program.args, 5)
    value, slope = ad.jvp(f, program.args, tangents)

    def contract(leaf: Any, blocks: Any) -> Any:
        pairs = zip(oracles.leaves(blocks), oracles.leaves(tangents), strict=True)
        return np.zeros(np.shape(leaf)) + sum(np.tensordot(block, t, np.ndim(t)) for block, t in pairs)

    assert_close(
        "jacfwd times t", program, oracles.tree_map(contract, value, by_columns), slope, 1e-11 * largest(by_columns, slope)
    )


# --- second order --------------------------------------------------------------------------------------------------------


def weighed(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return one real number made of all results: a linear part and a square, so that no Hessian is zero by accident."""

    def scalar(*args: Any) -> Any:
        total = 0.0
        for k, leaf in enumerate(oracles.leaves(f(*args))):
            if leaf is None or isinstance(leaf, (str, int)):
                continue
            weights = np.cos(k + np.arange(np.size(leaf))).reshape(np.shape(leaf))
            total = total + np.sum(weights * leaf) + 0.25 * np.sum(leaf * leaf)
        return total

    return scalar


def inner(tree: Any, tangents: Any) -> Any:
    """The inner product, of traced trees too."""
    total = 0.0
    for leaf, tangent in zip(oracles.leaves(tree), oracles.leaves(tangents), strict=True):
        total = total + np.sum(leaf * tangent)
    return total


@SMOOTH
def test_second_order(engine: str, program: Program) -> None:
    scalar, argnums = ENGINES[engine](weighed(program.function)), everything(program)
    t, s = oracles.random_like(program.args, 6), oracles.random_like(program.args, 7)
    gradient = ad.grad(scalar, argnums)

    _, forward_over_reverse = ad.jvp(gradient, program.args, t)
    reverse_over_reverse = ad.grad(lambda *a: inner(gradient(*a), t), argnums)(*program.args)
    reverse_over_forward = ad.grad(lambda *a: ad.jvp(scalar, a, t)[1], argnums)(*program.args)
    _, forward_over_forward = ad.jvp(lambda *a: ad.jvp(scalar, a, t)[1], program.args, s)

    scale = largest(forward_over_reverse)
    for name, other in (("reverse over reverse", reverse_over_reverse), ("reverse over forward", reverse_over_forward)):
        assert_close(f"H t, {name} against forward over reverse", program, other, forward_over_reverse, 1e-10 * scale)
    curvature = oracles.dot(forward_over_reverse, s)
    assert_close("s'Ht, forward over forward", program, forward_over_forward, curvature, 1e-10 * scale * oracles.size(s))

    truth = oracles.directional(gradient, program.args, t, step=program.step, goal=1e-8)
    tolerance = 10 * truth.error + 1e-7 * largest(truth.value)
    assert_close("H t against differences of the gradient", program, forward_over_reverse, truth.value, tolerance)


@SMOOTH
def test_gradient_of_the_scalar(engine: str, program: Program) -> None:
    scalar = weighed(program.function)
    value, gradients = ad.value_and_grad(ENGINES[engine](scalar), everything(program))(*program.args)
    plain = scalar(*program.args)
    assert_close("value", program, value, plain, 1e-15 * largest(plain))
    truth = oracles.gradient(scalar, program.args, step=program.step)
    assert_close(
        "gradient against differences", program, gradients, truth.value, 10 * truth.error + 1e-9 * largest(truth.value, value)
    )
