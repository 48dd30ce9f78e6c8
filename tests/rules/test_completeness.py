"""Every public function of NumPy, SciPy's special functions, `math`, `cmath` and `operator` is accounted for, and no attribute of arrays
is missing without a reason: a new function in a new NumPy fails here.
"""

from __future__ import annotations

import cmath
import math
import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import scipy.special

import adjoint
from adjoint._api.coverage import NAMESPACES, coverage, functions_of
from adjoint._rules import book
from adjoint._rules.excluded import ATTRIBUTES, OPERATORS
from adjoint._trace.forward import Dual
from adjoint._trace.reverse import Node
from adjoint._trace.routes import REPLACEMENTS


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_every_function_is_accounted_for(namespace: str) -> None:
    missing = [row.function for row in coverage() if row.namespace == namespace and row.kind == "missing"]
    assert not missing, f"{len(missing)} functions of {namespace} have no rule, no route and no reason: {' '.join(missing)}"


def test_types_are_skipped_and_nothing_else() -> None:
    skipped = {name for name in np.__all__ if callable(getattr(np, name))} - set(functions_of("numpy"))
    assert skipped
    assert all(isinstance(getattr(np, name), type) for name in skipped)


@pytest.mark.parametrize("traced", [Dual, Node])
def test_every_attribute_of_arrays_is_there_or_has_a_reason(traced: type) -> None:
    missing = [
        name for name in dir(np.ndarray) if not name.startswith("_") and not hasattr(traced, name) and name not in ATTRIBUTES
    ]
    assert not missing, f"traced values lack {' '.join(missing)}"


def test_the_reasons_are_not_outdated() -> None:
    attributes = {name for name in ATTRIBUTES if name not in dir(np.ndarray) and name not in ("device", "to_device")}
    assert not attributes, "numpy.ndarray has no such attributes"
    assert not {name for name in ATTRIBUTES if hasattr(Dual, name)}, "traced values have these attributes: drop the reason"
    assert set(OPERATORS) <= {*operator.__all__, "call"}


# Functions of `operator`, applied to traced values.
UNARY = ("abs", "neg", "pos", "not_", "truth")
INPLACE = ("iadd", "isub", "imul", "itruediv", "ifloordiv", "imod", "ipow", "imatmul")
BINARY = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "lt", "le", "eq", "ne", "gt", "ge", "contains")
ITEMS = ("getitem", "setitem")


def test_every_operator_is_tested_here_or_has_a_reason() -> None:
    missing = set(operator.__all__) - {*UNARY, *INPLACE, *BINARY, *ITEMS, *OPERATORS}
    assert not missing, f"functions of operator: {' '.join(sorted(missing))}"


def operator_calls() -> Iterator[Any]:
    for name in UNARY:
        yield pytest.param(getattr(operator, name), (1.5,), id=name)
    for name in BINARY:
        args = (np.array([1.0, 2.0]), np.array([3.0, 0.5])) if name == "matmul" else (np.array([1.0, 2.0]), 2.0)
        yield pytest.param(getattr(operator, name), args, id=name)
    for name in INPLACE:
        # ``@=`` of vectors gives a number, which cannot be stored in place.
        first = np.eye(2) if name == "imatmul" else np.array([1.0, 2.0])
        yield pytest.param(
            getattr(operator, name), (first, np.array([[2.0, 0.5], [1.0, 3.0]]) if name == "imatmul" else 2.0), id=name
        )


@pytest.mark.parametrize(("function", "args"), list(operator_calls()))
def test_operators_follow_derivatives(function: Callable[..., Any], args: tuple[Any, ...]) -> None:
    """The operator gives the same value to a traced argument as to a plain one."""
    expected = function(*(np.copy(a) if isinstance(a, np.ndarray) else a for a in args))

    def f(x: Any) -> Any:
        y = function(x + 0.0, *args[1:])
        return y + 0.0 * x

    value, _ = adjoint.jvp(f, args[:1], args[:1])
    np.testing.assert_allclose(value, expected + 0.0 * args[0])


# What becomes of a function ----------------------------------------------------------------------------------------------------


def test_rules_win_over_reasons() -> None:
    """The kinds that must not be excluded by oversight."""
    for function in (np.sin, np.sum, np.matmul, np.where, np.linalg.solve, np.concatenate):
        entry = book.find(function)
        assert entry is not None
        assert entry.kind != "excluded", entry.name


def test_exclusions_have_reasons() -> None:
    for entry in book.BOOK.values():
        assert entry.kind != "excluded" or len(entry.reason) > 10, entry.name


def test_routes_of_scalar_functions() -> None:
    assert {math.sin, cmath.exp, math.hypot} <= set(REPLACEMENTS)
    assert scipy.special.erf in book.BOOK
