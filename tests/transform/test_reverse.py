"""Reverse mode against differences, against forward mode, and again of its own output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from adjoint._ir.evaluate import run
from adjoint._ir.nodes import Apply, Function
from adjoint._ir.types import Tensor
from adjoint._ir.verify import verify
from adjoint._rules import stores
from adjoint._transform import cost
from adjoint._transform.forward import jvp
from adjoint._transform.reverse import gradient, vjp
from tests.transform.flows import FLOWS, Flow


def randoms(xs: Sequence[Any], seed: int) -> list[Any]:
    """Return random tangents or cotangents of values."""
    rng = np.random.default_rng(seed)
    found = []
    for x in xs:
        t = np.asarray(rng.uniform(0.5, 1.5, np.shape(x)) * rng.choice([-1, 1], np.shape(x)))
        if np.iscomplexobj(x):
            t = t + 1j * rng.uniform(-1, 1, np.shape(x))
        found.append(t if np.ndim(x) else np.result_type(x).type(t))
    return found


def inner(a: Sequence[Any], b: Sequence[Any]) -> float:
    return sum(float(np.real(np.sum(np.conj(u) * v))) for u, v in zip(a, b, strict=True))


def active_of(function: Function) -> list[bool]:
    return [isinstance(p.type, Tensor) and p.type.differentiable for p in function.params]


def moved(args: Sequence[Any], ts: Sequence[Any], h: float) -> list[Any]:
    return [a + h * t for a, t in zip(args, ts, strict=True)]


def check(function: Function, args: Sequence[Any], order: int, seed: int = 0, *, h: float = 1e-5) -> None:
    """Compare the gradient with differences and forward mode; then check the gradient's own derivatives."""
    active = active_of(function)
    assert all(active)
    verify(function)
    back = gradient(function, active)
    verify(back)
    ts = randoms(args, seed)
    forward = jvp(function, active)
    verify(forward.function)
    pushed = run(forward.function, [*args, *ts])
    n = len(function.results)
    ys, y_dots = pushed[:n], pushed[n:]
    wanted = [y for y, a in zip(ys, forward.active_results, strict=True) if a]
    cts = randoms(wanted, seed + 1)
    pulled = run(back, [*args, *cts])
    bars = pulled[n:]
    for bar, x in zip(bars, args, strict=True):
        assert np.shape(bar) == np.shape(x)
        assert np.result_type(bar) == np.result_type(x)
    for y, again in zip(ys, pulled[:n], strict=True):
        np.testing.assert_allclose(again, y, rtol=1e-13)
    np.testing.assert_allclose(inner(bars, ts), inner(cts, y_dots), rtol=1e-9, atol=1e-11)
    ups, downs = (run(function, moved(args, ts, e)) for e in (h, -h))
    slopes = [(u - d) / (2 * h) for u, d, a in zip(ups, downs, forward.active_results, strict=True) if a]
    np.testing.assert_allclose(inner(bars, ts), inner(cts, slopes), rtol=2e-5, atol=1e-7)
    check_parts(function, args, cts, pulled)
    if order > 1:
        check(back, [*args, *cts], order - 1, seed + 2, h=h)


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


named = pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)


@named
def test_gradient(flow: Flow) -> None:
    check(flow.function, flow.args, order=1)


@named
def test_gradient_of_gradient(flow: Flow) -> None:
    check(flow.function, flow.args, order=2)
