"""Ways to state the rules of this chapter: functions with keywords, with several results, and inverse functions."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint._rules.book import BOOK, Formula, Function, elementwise, general
from adjoint._rules.kinds import weigh
from adjoint._rules.primitive import primitive


def over(p: Any, x: Any, limit: Any) -> Any:
    """Return ``p / x``, and ``limit`` where ``x`` is zero."""
    return np.where(x == 0, limit, p / np.where(x == 0, 1, x))


def callable_in_rules(function: Function) -> Function:
    """Return a Python function of SciPy in a form that formulas may call with traced values, for higher derivatives.

    SciPy's ufuncs dispatch by themselves.  Its Python functions do not, and only user code is routed around that.
    """
    twin = primitive(function)
    BOOK[twin] = BOOK[function]
    return twin


def negated(partials: tuple[Formula, ...]) -> tuple[Formula, ...]:
    """Return the partials of ``1 - f``."""

    def minus(partial: Formula) -> Formula:
        return (lambda y, *args: -partial(y, *args)) if callable(partial) else partial

    return tuple(minus(partial) for partial in partials)


def inverse(function: Function, position: int, partials: tuple[Any, ...], on: Any = None) -> None:
    """Give the rule of ``y = function(args)`` that solves ``F(args with y at position) = args[position]``.

    By the implicit function theorem ``∂y/∂p = 1/F_y`` and ``∂y/∂x = -F_x/F_y``; ``partials`` are those of ``F``.
    """

    def formula(k: int) -> Formula:
        if not callable(partials[k]):
            return partials[k]

        def partial(y: Any, *args: Any) -> Any:
            full = (*args[:position], y, *args[position + 1 :])
            steep = partials[position](None, *full)
            return 1 / steep if k == position else -partials[k](None, *full) / steep

        return partial

    elementwise(function, *(formula(k) for k in range(len(partials))), on=on)


def keyworded(function: Function, *partials: Formula, on: Any = None) -> None:
    """As `elementwise`, for a Python function whose options may be given by keyword: ``partial(y, *args, **kwargs)``."""

    def jvp(partial: Formula) -> Formula:
        return (lambda y, t, *args, **kwargs: weigh(partial(y, *args, **kwargs), t)) if callable(partial) else partial

    def vjp(partial: Formula) -> Formula:
        return (
            (lambda y, ct, *args, **kwargs: weigh(np.conj(partial(y, *args, **kwargs)), ct)) if callable(partial) else partial
        )

    general(function, *map(jvp, partials), vjp=tuple(map(vjp, partials)), on=on)


def several(function: Function, *partials: Formula, on: Any = None) -> None:
    """As `keyworded`, for a function with several results: ``partial(y, *args, **kwargs)`` gives a tuple, one for each."""

    def jvp(partial: Formula) -> Formula:
        if not callable(partial):
            return partial
        return lambda y, t, *args, **kwargs: tuple(weigh(p, t) for p in partial(y, *args, **kwargs))

    def vjp(partial: Formula) -> Formula:
        if not callable(partial):
            return partial

        def pull(y: Any, ct: Any, *args: Any, **kwargs: Any) -> Any:
            parts = zip(partial(y, *args, **kwargs), ct, strict=True)
            return sum((weigh(np.conj(p), c) for p, c in parts if c is not None), 0.0)

        return pull

    general(function, *map(jvp, partials), vjp=tuple(map(vjp, partials)), on=on)
