"""`fastmath=True` lets LLVM reorder the user's sums, so that loops that sum up become vectors; without it they stay in order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint._api.jit import Jitted
from adjoint._backend.native import machine, native
from adjoint._backend.options import Options


def squares(x: Any) -> Any:
    total = 0.0
    for i in range(len(x)):
        total += x[i] * x[i]
    return total


X = np.random.default_rng(0).normal(size=1001)


def text(*, fastmath: bool) -> str:
    jitted = Jitted(squares, backend="python")
    jitted(X)
    module, source = native._module(jitted.last.compiled.function, options=Options(fastmath))  # type: ignore[union-attr]
    return machine.optimised(source, late=module.late())


def test_sums_in_the_users_order_are_exactly_those_of_python() -> None:
    assert ad.jit(squares, backend="native")(X) == squares(X)


def test_reordered_sums_differ_by_rounding() -> None:
    assert ad.jit(squares, backend="native", fastmath=True)(X) == pytest.approx(squares(X), rel=1e-13)
    gradient = ad.jit(ad.grad(squares), backend="native", fastmath=True)(X)
    np.testing.assert_allclose(gradient, 2 * X, rtol=1e-14)


def test_only_reordered_sums_become_vectors() -> None:
    added = "fadd reassoc nsz contract <"
    if added not in text(fastmath=True):
        pytest.skip("LLVM makes no vectors of doubles for this processor")
    assert not any("fadd" in line and "x double>" in line for line in text(fastmath=False).splitlines())
