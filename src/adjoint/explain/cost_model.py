"""What one call of a function costs: elementary operations on elements, by kind.

The tables in `cost_formulas` say what is known of NumPy's and SciPy's functions.  What the book defines by other functions,
and what is computed by calling a rule, costs what it computes: it runs once more on arrays that count (`cost_replay`).
"""

from __future__ import annotations

import functools
import math
import operator
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint._ir.symbol import extent, length
from adjoint._rules import arithmetic, indexing, kinds, logic, stores
from adjoint._rules.book import find, name_of
from adjoint._transform.rule_call import RuleCall
from adjoint.explain.cost_formulas import ALGEBRA, ARITHMETIC, FUNCTIONS, TABLES, Made, leaves, side, size
from adjoint.explain.cost_replay import replay

# What is counted beside the operations: elements that are only moved, and arithmetic of integers and truth values.
MOVES, INTEGERS = "moves", "integers"
# How often a program calls NumPy, and takes a step of Python's own: what the time of small arrays and of numbers consists of.
CALLS, STEPS = "calls", "steps"

Count = Counter[str]


def cost_of(
    function: Callable[..., Any], args: Any, kwargs: dict[str, Any], result: Any, within: frozenset[Any] = frozenset()
) -> Count:
    """Return what a call has cost, by kind.

    ``within`` are functions whose definitions are being counted: one that calls itself is counted as one operation for each
    element.

    >>> dict(cost_of(np.matmul, (np.ones((2, 3)), np.ones(3)), {}, np.ones(2)))
    {'products': 10}
    """
    if function in _FREE:
        return Counter()
    if moves(function):
        return Counter({MOVES: size(result)})
    if function is stores.assign or function is stores.accumulate:
        return _store(function, args)
    if not inexact((args, kwargs, result)):
        return Counter({INTEGERS: size(result)})
    name = name_of(function)
    for kind, table in TABLES.items():
        if name in table:
            return Counter({kind: round(table[name](Made(args, kwargs, result)))})
    if isinstance(function, np.ufunc) or function in _PYTHON:
        return elementwise(function, result)
    definition = definition_of(function)
    if definition is not None and function not in within:
        return replay(definition, args, kwargs, functools.partial(cost_of, within=within | {function}))
    if ".linalg." in name:
        return Counter({ALGEBRA: 10 * side(args) ** 3})
    return Counter({FUNCTIONS: size(result)})


def elementwise(function: Callable[..., Any], result: Any) -> Count:
    """Return the cost of a function of each element."""
    n = size(result[0] if isinstance(result, tuple) else result)
    return Counter({ARITHMETIC if is_arithmetic(function) else FUNCTIONS: n})


def definition_of(function: Callable[..., Any]) -> Callable[..., Any] | None:
    """Return what computes a function by other functions: a definition of the book, or a function written in Python."""
    if isinstance(function, RuleCall):
        return function
    rule = find(function)
    if rule is not None and rule.kind == "composite":
        return rule.formulas[0]
    return function if hasattr(function, "__wrapped__") and name_of(function).startswith("adjoint.") else None


def _store(function: Callable[..., Any], args: Any) -> Count:
    """Return the cost of a store: elements that are moved or, if they are added to what is there, an addition each."""
    target, index, v = args
    n = size(target[index]) if isinstance(target, np.ndarray) else size(v)
    return Counter({MOVES: n}) if function is stores.assign else Counter({ARITHMETIC: n if inexact(v) else 0, MOVES: n})


# What moves elements only ----------------------------------------------------------------------------------------------------

_FREE = {
    extent, length, len, np.size, np.shape, np.ndim,
    stores.form, stores.without_last, stores.held, stores.pack, stores.unpack,
}  # fmt: skip
_MOVES = {
    operator.getitem, np.float64, float, complex, kinds.copy, indexing.window, arithmetic.real_part, arithmetic.imaginary_part,
    stores.append, stores.joined, stores.listed, stores.numbers, stores.filled, stores.spread, stores.blank,
    np.ascontiguousarray,
}  # fmt: skip


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MOVING = _names(
    "append arange array array_split asarray astype atleast_1d atleast_2d atleast_3d block broadcast_to choose column_stack "
    "compress concatenate convert copy copyto delete diag diagflat diagonal dstack empty empty_like expand_dims extract eye "
    "fill_diagonal flip fliplr flipud full full_like hsplit hstack identity insert matrix_transpose meshgrid moveaxis ones "
    "ones_like pad place positive put put_along_axis putmask ravel real real_copy repeat reshape resize roll rollaxis rot90 "
    "select split squeeze stack swapaxes take take_along_axis tile transpose tri tril triu vsplit vstack where windows "
    "zeros zeros_like imag fitted dsplit permutation"
)


def moves(function: Callable[..., Any]) -> bool:
    """Tell whether a function only reads, views, copies, stores or fills."""
    if function in _MOVES:
        return True
    name = name_of(function)
    return name.startswith(("numpy.", "adjoint._rules.")) and name.rpartition(".")[2] in _MOVING


# What is arithmetic on each element; roots, powers, sin, erf and all others are counted as functions.
_ARITHMETIC = _names(
    "abs absolute add ceil clip conj conjugate copysign deg2rad degrees divide divmod eq equal fabs floor floor_divide "
    "floordiv fmax fmin fmod ge greater greater_equal gt heaviside int bool isclose isfinite isinf isnan ldexp frexp le less "
    "less_equal logical_and logical_not logical_or logical_xor lt maximum minimum mod modf mul multiply ne neg negative "
    "nextafter not_equal opposite pos positive rad2deg radians ratio reciprocal remainder rint round scale sign signbit "
    "signum spacing square sub subtract truediv trunc"
)


def is_arithmetic(function: Callable[..., Any]) -> bool:
    """Tell whether an elementwise function is an operation of arithmetic.

    >>> is_arithmetic(np.multiply), is_arithmetic(math.fmod), is_arithmetic(np.sin)
    (True, True, False)
    """
    return name_of(function).rpartition(".")[2] in _ARITHMETIC


_PYTHON: set[Any] = {
    *(getattr(operator, name) for name in _names("add sub mul truediv floordiv mod pow neg pos lt le gt ge eq ne")),
    abs, pow, round, divmod, int, bool, kinds.scale, arithmetic.ratio, arithmetic.signum, logic.opposite,
    *(function for function in vars(math).values() if callable(function) and function not in (math.fsum, math.prod, math.dist)),
}  # fmt: skip


def is_step(function: Callable[..., Any], args: Any, result: Any) -> bool:
    """Tell whether an operation is one of Python's own, on numbers, or an index."""
    if function in _FREE or function is operator.getitem:
        return True
    numbers = not any(isinstance(leaf, np.ndarray) for leaf in leaves((args, result)))
    return numbers and (not isinstance(function, np.ufunc) or is_arithmetic(function))


def inexact(tree: Any) -> bool:
    """Tell whether a nest holds floating or complex numbers."""
    return any(
        isinstance(x, (float, complex)) or (isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind in "fc")
        for x in leaves(tree)
    )
