"""The schedule of checkpoints as machine code is that of `adjoint._transform.schedule`."""

from __future__ import annotations

import ctypes
import math
import random

import pytest

import adjoint as ad
from adjoint._backend.native import machine, native, schedules
from adjoint._transform.schedule import next_place

pytestmark = pytest.mark.skipif(not machine.available(), reason="LLVM is not there")


def test_next_place() -> None:
    loaded = machine.compile_text(schedules.NEXT_PLACE.replace("internal ", ""))
    compiled = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * 4)(loaded.address("adj.next_place"))
    rng = random.Random(0)
    for _ in range(5000):
        end = rng.randint(2, rng.choice([50, 10**6, 2**30]))
        position, snapshots = rng.randint(0, end - 2), rng.randint(1, rng.choice([10, 10**7]))
        kept = rng.randint(0, min(snapshots, 20))
        assert compiled(position, end, snapshots, kept) == next_place(position, end, snapshots, kept)


def test_a_loop_under_a_budget_calls_nothing_back_in_its_turns() -> None:
    def f(x: float) -> float:
        y = x
        for _ in range(1000):
            y = y + 0.001 * math.sin(y)
        return y

    jitted = ad.jit(ad.grad(f, memory="1kB"), backend="native")
    assert jitted(0.5) == pytest.approx(ad.jit(ad.grad(f), backend="python")(0.5), rel=1e-12)
    module, _ = native._module(jitted.last.compiled.function)
    assert "next_place" not in [op.function.__name__ for op, _ in module.called_]
