"""`derivative`: the derivative, of any order, of a function of one number, by forward mode."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint._api import evaluate, tree
from adjoint._api.function import Derivative
from adjoint._rules import kinds
from adjoint.errors import InputError


def derivative(f: Callable[..., Any], argnum: int = 0, *, order: int = 1) -> Callable[..., Any]:
    """Return the derivative of a function of a number, or elementwise of an array.

    Parameters
    ----------
    f
        Function whose argument ``argnum`` is a number, or an elementwise function of an array (each element of the result
        depends on the element of the argument at the same place only; this is not checked).
    argnum
        Position of the argument to differentiate.
    order
        Order of the derivative, at least 0.

    Returns
    -------
    Callable
        Takes the arguments of ``f``, returns the derivative in the structure, shape and dtype of its result, units
        ``[f]/[x]**order``.

    Raises
    ------
    InputError, OutputError, MissingRuleError, ConversionError
        As for `grad`.

    Notes
    -----
    One forward pass with the tangent 1; order ``n`` nests ``n`` of them, at a cost that grows like ``2**n``.

    Examples
    --------
    >>> import numpy as np
    >>> import adjoint as ad
    >>> ad.derivative(lambda x: x**3)(2.0), float(ad.derivative(lambda x: x**3, order=2)(2.0))
    (12.0, 12.0)
    >>> ad.derivative(np.exp, order=3)(np.array([0.0, 1.0])) == np.exp([0.0, 1.0])
    array([ True,  True])
    """
    if not isinstance(order, (int, np.integer)) or order < 0:
        raise ValueError(f"derivative: order must be an integer of at least 0, got {order!r}")
    return functools.reduce(lambda g, _: Derivative(_derivative, g, {"argnum": argnum}), range(order), f)


def _derivative(f: Any, args: Any, kwargs: Any, *, argnum: int) -> Any:
    (k,) = evaluate.select(args, argnum, "derivative")
    _, active, structure = evaluate.leaves_of(args[k], f"argument {k}")
    if structure is not tree.LEAF:
        raise InputError(
            f"derivative: argument {k} is a tree {tree.describe(structure)}",
            remedy="pass a number or an array, or use jacobian",
        )
    dtype = kinds.dtype_of(active[0])
    one = kinds.zeros_like(active[0]) + dtype.type(1)
    return evaluate.pushforward(f, args, kwargs, {k: [one]}, has_aux=False, name="derivative")[1]
