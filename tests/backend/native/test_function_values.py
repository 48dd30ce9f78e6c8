"""Functions as values, recursion with functions, pullbacks and nested descents as machine code, against Python."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from typing import Any

import pytest

import adjoint as ad
from benchmarks.gradbench.problems import saddle
from tests.api import test_jit_pullbacks
from tests.backend.native.test_corpus import assert_equal
from tests.frontend import test_function_values, test_recursion

pytest.importorskip("llvmlite")

ROWS: list[tuple[str, Callable[..., Any], tuple[Any, ...]]] = [
    (f"{f.__name__}, {label}", operator(f), calls[0])
    for module in (test_function_values, test_recursion)
    for f, calls, refused in module.CASES.every
    for label, operator in (("value", lambda f: f), ("gradient", ad.grad))
    if not refused and isinstance(calls[0][0], float)
]
ROWS += [(f"pullback {name}", ad.grad(f), (test_jit_pullbacks.X,)) for name, f in test_jit_pullbacks.PROGRAMS.items()]
SOME = ROWS if os.environ.get("ADJOINT_FULL") else ROWS[::4]
_, START, RATE = saddle.inputs("small")
SADDLE = [("saddle", saddle.solve, (START, RATE)), ("saddle, Jacobian", ad.jacrev(saddle.solve), (START, RATE))]


@pytest.mark.parametrize(("g", "args"), [pytest.param(g, args, id=name) for name, g, args in [*SOME, *SADDLE]])
def test_machine_code_gives_what_python_gives(g: Callable[..., Any], args: tuple[Any, ...]) -> None:
    quick, plain = ad.jit(g, backend="native"), ad.jit(g, backend="python")
    for _ in range(2):  # the second call takes the short way
        assert_equal(quick(*copy.deepcopy(args)), plain(*copy.deepcopy(args)))
    assert quick.backend_used == "native"
