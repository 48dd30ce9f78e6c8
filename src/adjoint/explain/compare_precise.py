"""The exact derivative: the user's own function run in arithmetic of a hundred digits, where a difference is exact enough.

With 100 digits and a step of 1e-30 a central difference has some 60 correct digits.  It depends neither on the rule book nor
on an engine, and it can follow control flow.  Not a single double may enter on the way that depends on an input, so a number
of many digits refuses to become a float (`_refuse`), and the function then has no exact derivative of this kind.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint._api import tree
from adjoint.errors import AdjointError
from adjoint.explain import compare_numbers as numbers
from adjoint.explain.compare_point import Point

DIGITS = 100
STEP = -30  # power of ten
# Differences from the right and from the left that differ by more, relative, are those of a kink.
KINK = 1e-12
# Arithmetic of many digits is slower than that of doubles by about so much, one by one and in arrays.
SLOWDOWN_OF_FLOATS, SLOWDOWN_OF_ARRAYS = 60, 2000
# The reference may take so many times longer than a method may: without it there is little to compare.
PATIENCE = 20


@dataclass(frozen=True)
class Exact:
    """The derivative to rounding error.

    Attributes
    ----------
    columns
        The columns of the Jacobian that are known.
    J
        These columns.
    refusal
        Why there are none; empty if there are.
    kink
        Whether the derivatives from the right and from the left differ.
    """

    columns: tuple[int, ...] = ()
    J: Any = None
    refusal: str = ""
    kink: bool = False


def exact(point: Point, columns: Sequence[int], seconds: float, each: float) -> Exact:
    """Return as many of the columns of the Jacobian as the time allows; a run of the function with doubles takes ``each``."""
    slowdown = SLOWDOWN_OF_FLOATS if all(np.ndim(leaf) == 0 for leaf in point.leaves()) else SLOWDOWN_OF_ARRAYS
    if 3 * each * slowdown > PATIENCE * seconds:
        return Exact(refusal=f"three runs would take about {3 * each * slowdown:.0f} s; pass more seconds")
    try:
        mpmath = importlib.import_module("mpmath")
    except ImportError:
        return Exact(refusal="mpmath is not installed: pip install 'adjoint[explain]'")
    context = _context(mpmath)
    try:
        return _columns(context, point, columns, seconds)
    except Exception as error:
        return Exact(refusal=numbers.refusal(error))


def _columns(context: Any, point: Point, columns: Sequence[int], seconds: float) -> Exact:
    x = [context.mpf(float(v)) for v in point.x]
    h = context.mpf(10) ** STEP
    stop = time.perf_counter() + seconds
    center = _value(context, point, x)
    done: list[Any] = []
    kink = False
    for k in columns:
        ahead, behind = (_value(context, point, [v + s * h if j == k else v for j, v in enumerate(x)]) for s in (1, -1))
        right = [context.to_double((a - c) / h) for a, c in zip(ahead, center, strict=True)]
        left = [context.to_double((c - b) / h) for b, c in zip(behind, center, strict=True)]
        kink |= not np.allclose(right, left, rtol=KINK, atol=0)
        done.append([context.to_double((a - b) / (2 * h)) for a, b in zip(ahead, behind, strict=True)])
        if time.perf_counter() > stop:
            break
    return Exact(tuple(columns[: len(done)]), np.array(done, float).T.reshape(point.y.size, len(done)), kink=kink)


def _value(context: Any, point: Point, x: list[Any]) -> list[Any]:
    y = numbers.run(point.f, point.filled(x), point.kwargs)
    values = [entry for leaf in tree.flatten(y)[0] for entry in np.reshape(np.asarray(leaf, object), -1)]
    if len(values) != point.y.size:
        raise AdjointError(f"on many digits the function returns {len(values)} numbers, on floats {point.y.size}", where="")
    return [context.mpf(value) for value in values]


def _context(mpmath: Any) -> Any:
    """Return an arithmetic of its own, whose numbers have NumPy's functions as methods and refuse to become floats."""
    context = type(mpmath.mp)()
    context.dps = DIGITS
    kind = context.mpf
    context.to_double = kind.__float__
    kind.__float__ = _refuse
    for name in (*numbers.UNARY, *numbers.BINARY):
        function = _function(context, name)
        setattr(kind, name, function)
        setattr(kind, "r" + name, lambda self, other, function=function: function(other, self))
    kind.r__pow__ = lambda self, other: other**self
    numbers.Number.register(kind)
    return context


def _refuse(_: Any) -> float:
    raise AdjointError("the function asks for a double where there is a number of many digits", where="")


def _function(context: Any, name: str) -> Any:
    """Return the function that NumPy calls ``name`` in arithmetic of many digits."""
    # fmt: off
    own = {
        "exp2":       lambda x: context.mpf(2) ** x,
        "log":        context.ln,
        "log2":       lambda x: context.log(x, 2),
        "log10":      context.log10,
        "log1p":      lambda x: context.ln(1 + x),
        "expm1":      lambda x: context.exp(x) - 1,
        "square":     lambda x: x * x,
        "reciprocal": lambda x: 1 / x,
        "gammaln":    context.loggamma,
        "expit":      lambda x: 1 / (1 + context.exp(-x)),
        "cbrt":       lambda x: context.sign(x) * context.cbrt(abs(x)),
        "arctan2":    lambda y, x: context.atan2(y, x),
        "hypot":      lambda x, y: context.sqrt(x * x + y * y),
        "maximum":    lambda x, y: max(x, y),
        "minimum":    lambda x, y: min(x, y),
        "logaddexp":  lambda x, y: context.ln(context.exp(x) + context.exp(y)),
    }
    # fmt: on
    given = own.get(name) or getattr(context, name.replace("arc", "a") if name.startswith("arc") else name)

    def call(*xs: Any) -> Any:
        y = given(*map(context.mpf, xs))
        if isinstance(y, context.mpf):
            return y
        raise ArithmeticError(f"{name} is not real here")

    return call
