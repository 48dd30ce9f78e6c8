"""Exponentials and logarithms."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint import _ufunc_methods
from adjoint._rules.book import elementwise, general
from adjoint._rules.domains import POSITIVE, Interval
from adjoint._rules.extents import unknown
from adjoint._rules.primitive import primitive
from adjoint._rules.reductions import spread, total

LOG2, LOG10 = np.log(2), np.log(10)


def share(y: Any, a: Any, b: Any, power: Any) -> Any:
    """Return the share of ``a`` in the sum of ``power(a)`` and ``power(b)``, whose logarithm is ``y``; infinite ties are shared."""
    sigmoid = 1 / (1 + power(b - a))
    return np.where(np.isinf(y), np.where(a == b, 0.5, a > b), sigmoid) if unknown(y) or np.any(np.isinf(y)) else sigmoid


# ``expm1``: exp(x), not y + 1, which cancels for very negative x.
# fmt: off
elementwise(np.exp,        lambda y, x: y)
elementwise(np.exp2,       lambda y, x: y * LOG2)
elementwise(np.expm1,      lambda y, x: np.exp(x))
elementwise(np.log,        lambda y, x: 1 / x,             on=POSITIVE)
elementwise(np.log2,       lambda y, x: 1 / (x * LOG2),    on=POSITIVE)
elementwise(np.log10,      lambda y, x: 1 / (x * LOG10),   on=POSITIVE)
elementwise(np.log1p,      lambda y, x: 1 / (1 + x),       on=Interval(-0.8, 4))
elementwise(np.logaddexp,  lambda y, a, b: share(y, a, b, np.exp),   lambda y, a, b: share(y, b, a, np.exp))
elementwise(np.logaddexp2, lambda y, a, b: share(y, a, b, np.exp2),  lambda y, a, b: share(y, b, a, np.exp2))
# fmt: on


def _reduction(ufunc: np.ufunc, power: Any) -> None:
    """Enter ``ufunc.reduce``: the derivative of a logarithm of a sum of powers is the share of each in the sum."""

    @primitive
    def log_of_sum(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = np._NoValue, where: Any = True) -> Any:
        return ufunc.reduce(
            x, axis=axis, keepdims=keepdims, where=where, **({} if initial is np._NoValue else {"initial": initial})
        )

    def shares(y: Any, x: Any, axis: Any, where: Any) -> Any:
        top = spread(y, x, axis)
        p = power(np.where(np.isinf(top) & (x == top), 0, x - top))
        return p if where is True else np.where(where, p, 0)

    @general(log_of_sum, vjp=lambda y, ct, x, axis=None, keepdims=False, initial=None, where=True:
             shares(y, x, axis, where) * spread(ct, x, axis))  # fmt: skip
    def jvp(y: Any, t: Any, x: Any, axis: Any = None, keepdims: Any = False, initial: Any = None, where: Any = True) -> Any:
        return total(shares(y, x, axis, where) * t, y, axis)

    log_of_sum.__name__ = log_of_sum.__qualname__ = f"{ufunc.__name__}.reduce"
    _ufunc_methods.REDUCTIONS[ufunc] = log_of_sum


_reduction(np.logaddexp, np.exp)
_reduction(np.logaddexp2, np.exp2)
