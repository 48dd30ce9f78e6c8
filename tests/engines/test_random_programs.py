"""Random programs: every engine and every mode must agree with differences and with each other.

In CI, 60 programs, the same every time.  For a long run, with fresh programs each time and shrinking of what fails::

    ADJOINT_FUZZ=20000 pytest tests/engines/test_random_programs.py

A failure prints the program's source and inputs, shrunk in a long run only, because that takes minutes.  Put it into the
corpus (tests/programs), where it stays.
"""

from __future__ import annotations

import os
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, event, given, note, settings

from tests import oracles
from tests.strategies import RandomProgram, random_program, random_programs

ad = pytest.importorskip("adjoint")
if missing := [name for name in ("grad", "jvp", "vjp") if not hasattr(ad, name)]:
    pytest.skip(f"adjoint has no {', '.join(missing)} yet", allow_module_level=True)

# As in test_agreement.
ENGINES: dict[str, Any] = {"trace": lambda f: f, "source": ad.jit}

FUZZ = int(os.environ.get("ADJOINT_FUZZ", "0"))
SETTINGS = settings(
    max_examples=FUZZ or 60,
    derandomize=not FUZZ,
    database=None,
    phases=[Phase.generate, Phase.shrink] if FUZZ else [Phase.generate],  # shrinking takes minutes
    report_multiple_bugs=False,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
# Of 60 programs so many are translated today (the rest is refused).
LEAST = 40
EACH_ENGINE = pytest.mark.parametrize("engine", ENGINES)


def refused(engine: str, f: Any, program: RandomProgram) -> bool:
    """Whether the source engine refuses a program, which it may, with a reason: never a wrong number, never a crash."""
    if engine != "source":
        return False
    try:
        f(*program.args)
    except ad.errors.AdjointError as error:
        event(f"refused: {str(error).splitlines()[0]:.60}")
        return True
    event("translated")
    return False


def agree(what: str, got: Any, want: Any, tolerance: Any) -> None:
    got, want = np.atleast_1d(oracles.flatten(got)), np.atleast_1d(oracles.flatten(want))
    assert got.shape == want.shape, f"{what}: {got.size} numbers instead of {want.size}"
    wrong = ~(np.abs(got - want) <= tolerance)
    assert not np.any(wrong), f"{what}: got {got[wrong]}, want {want[wrong]}, off by {np.abs(got - want)[wrong]}"


def largest(*trees: Any) -> float:
    return max(1.0, *(float(np.max(np.abs(oracles.flatten(tree)), initial=0.0)) for tree in trees))


def weighed(f: Any) -> Any:
    """One number made of all results."""

    def scalar(*args: Any) -> Any:
        total = 0.0
        for k, leaf in enumerate(oracles.leaves(f(*args))):
            total = total + (k + 1) * np.sum(np.sin(leaf))
        return total

    return scalar


@EACH_ENGINE
@SETTINGS
@given(program=random_programs())
def test_first_order(engine: str, program: RandomProgram) -> None:
    note(repr(program))
    f = ENGINES[engine](program.function)
    wanted_args, args, again = program.args, program.args, program.args
    plain = program.function(*wanted_args)
    if refused(engine, f, program):
        return
    tangents = oracles.random_like(program.args, 1)

    value, slope = ad.jvp(f, args, tangents)
    agree("value of jvp", value, plain, 1e-15 * largest(plain))
    agree("arguments after jvp", args, wanted_args, 1e-15 * largest(wanted_args))

    value, pullback = ad.vjp(f, *again)
    agree("value of vjp", value, plain, 1e-15 * largest(plain))
    cotangent = oracles.random_like(value, 2)
    gradients = pullback(cotangent)
    agree("arguments after vjp", again, wanted_args, 1e-15 * largest(wanted_args))
    left, right = oracles.dot(cotangent, slope), oracles.dot(gradients, tangents)
    agree("<J' ct, t> against <ct, J t>", right, left, 1e-10 * largest(slope) * largest(gradients) * largest(cotangent))
    agree("pullback called again", pullback(cotangent), gradients, 0.0)

    truth = oracles.directional(program.function, program.args, tangents)
    event("differences converge" if truth.relative_error < 1e-6 else "differences do not converge")
    if truth.relative_error < 1e-6:
        agree("jvp against differences", slope, truth.value, 10 * truth.error + 1e-9 * largest(truth.value))


@EACH_ENGINE
@SETTINGS
@given(program=random_programs(analytic=True))
def test_analytic_programs_against_the_complex_step(engine: str, program: RandomProgram) -> None:
    note(repr(program))
    tangents = oracles.random_like(program.args, 3)
    exact = oracles.complex_step(program.function, program.args, tangents)
    f = ENGINES[engine](program.function)
    if refused(engine, f, program):
        return
    _, slope = ad.jvp(f, program.args, tangents)
    agree("jvp against the complex step", slope, exact, 1e-10 * largest(exact))


@EACH_ENGINE
@SETTINGS
@given(program=random_programs(statements=5))
def test_second_order(engine: str, program: RandomProgram) -> None:
    note(repr(program))
    scalar, argnums = ENGINES[engine](weighed(program.function)), (0, 1, 2, 3)
    if refused(engine, scalar, program):
        return
    t, s = oracles.random_like(program.args, 4), oracles.random_like(program.args, 5)
    gradient = ad.grad(scalar, argnums)
    _, forward_over_reverse = ad.jvp(gradient, program.args, t)
    reverse_over_forward = ad.grad(lambda *a: ad.jvp(scalar, a, t)[1], argnums)(*program.args)
    _, forward_over_forward = ad.jvp(lambda *a: ad.jvp(scalar, a, t)[1], program.args, s)
    scale = largest(forward_over_reverse)
    agree("reverse over forward against forward over reverse", reverse_over_forward, forward_over_reverse, 1e-10 * scale)
    curvature = oracles.dot(forward_over_reverse, s)
    agree("forward over forward", forward_over_forward, curvature, 1e-9 * scale)
    truth = oracles.directional(gradient, program.args, t, goal=1e-7)
    if truth.relative_error < 1e-5:
        agree("H t against differences", forward_over_reverse, truth.value, 10 * truth.error + 1e-7 * largest(truth.value))


def test_most_programs_are_translated() -> None:
    """Refusals are for what cannot be written as one program; they must not become the rule."""
    translated = 0
    for seed in range(60):
        program = random_program(random.Random(seed))
        try:
            ad.jit(program.function)(*program.args)
        except ad.errors.AdjointError:
            continue
        translated += 1
    assert translated >= LEAST, f"{translated} of 60 programs are translated"
