"""`compare`: numerical, symbolic and automatic differentiation of one function, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from adjoint._api.function import expect_function
from adjoint.errors import InputError

if TYPE_CHECKING:
    from adjoint.explain.compare_result import Comparison


def compare(
    f: Callable[..., Any],
    *args: Any,
    growth: Sequence[int] = (),
    growth_argnum: int | None = None,
    seconds: float = 1.0,
    kwargs: dict[str, Any] | None = None,
) -> Comparison:
    """Compare numerical, symbolic and automatic differentiation on a function of one's own.

    Each method computes the Jacobian of ``f``: forward and central differences (at the usual step, and over a sweep of steps),
    `scipy.differentiate`, SymPy run on the very same function, forward mode and reverse mode.  Compared are errors, runs of
    ``f``, time and memory, and how they grow with a number of iterations.

    Parameters
    ----------
    f
        Function of numbers, real arrays and trees of them, returning such.
    *args
        The point. Floating numbers and arrays are differentiated, all else is held fixed.
    growth
        Numbers of iterations to compare, for a function that takes such a number.
    growth_argnum
        Position of that argument. By default the only integer among ``args``.
    seconds
        How long each method may take. Of larger derivatives it computes some of the columns, and its time is scaled.
    kwargs
        Keyword arguments of ``f``, held fixed.

    Returns
    -------
    Comparison
        Prints as a table (also by rich, and in a notebook); ``figure()`` and ``plot()`` draw the error over the step, and the
        growth; ``to_dict()`` is the data.

    Raises
    ------
    InputError
        No argument is a floating number or array, or it is not clear which one counts iterations.
    OutputError
        The result holds something else than real numbers.

    Notes
    -----
    The time of differences is that of their runs of ``f``, which is the least they can take; all other times are measured.

    The errors are relative to the largest entry of the exact derivative.  That is computed by running ``f`` itself in
    arithmetic of 100 digits, where a difference is exact enough; it can follow control flow and most array programs.  Where it
    cannot, forward mode is the reference, and the table says so and why.

    SymPy and mpmath come with ``pip install 'adjoint[explain]'``, and so does matplotlib.  Without SymPy there is no symbolic
    derivative.

    SymPy runs ``f`` with expressions in place of numbers.  An expression has no value, so that an ``if`` or ``while`` that asks
    for one ends it; the table says where.  Operations are counted in the expressions as they are written out, and once more
    with every common part counted once ("shared").

    References
    ----------
    .. [1] Griewank and Walther, *Evaluating Derivatives*, 2nd ed., SIAM 2008, chapter 1.
    .. [2] Baydin, Pearlmutter, Radul and Siskind, *Automatic differentiation in machine learning: a survey*, Journal of Machine
       Learning Research 18 (2018), section 2.

    Examples
    --------
    >>> import adjoint as ad
    >>> def logistic(x, n):
    ...     for _ in range(n):
    ...         x = 3.5 * x * (1 - x)
    ...     return x
    >>> c = ad.compare(logistic, 0.3, 4)
    >>> c.method("forward differences").error > 1e-10, c.method("reverse mode").error < 1e-14
    (True, True)
    >>> print(c)  # doctest: +SKIP
    """
    from adjoint.explain.compare_point import Point
    from adjoint.explain.compare_result import Comparison
    from adjoint.explain.compare_stage import Stage, growth_of

    expect_function(f, "compare")
    point = Point(f, args, dict(kwargs or {}))
    name = getattr(f, "__qualname__", None) or repr(f)
    position = _counter(args, growth_argnum) if growth else 0
    stage = Stage(point, seconds)
    methods = stage.methods()
    return Comparison(
        function=name,
        size=point.size,
        cost=stage.cost,
        reference=stage.reference,
        methods=methods,
        sweep=stage.sweep(),
        growth=tuple(growth_of(point, growth, position, seconds)),
        notes=tuple(stage.notes(methods)),
    )


def _counter(args: tuple[Any, ...], position: int | None) -> int:
    """Return the position of the argument that counts iterations."""
    integers = [k for k, arg in enumerate(args) if isinstance(arg, (int, np.integer)) and not isinstance(arg, bool)]
    if position is None and len(integers) == 1:
        return integers[0]
    if position in integers:
        return position
    raise InputError(
        f"compare: growth needs one argument that counts iterations, and the integers among the arguments are at {integers}",
        remedy="pass the count as an integer, and its position as growth_argnum",
    )
