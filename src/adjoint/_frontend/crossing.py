"""``numpy.cross``, whose result has another rank for two vectors of two components than for all others."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from adjoint._ir.nodes import Block, If
from adjoint._ir.symbol import Symbol, UnknownNumberError, extent
from adjoint._rules.book import BOOK


def crossed(recorder: Any, a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    """Return the product if both vectors are known to lie in the plane, and None if it is a vector.

    Which of the two is known only when the program runs if the shapes are not.  The program is written for vectors of three
    components, and checks that one is.
    """
    axes = (axisa, axisb) if axis is None else (axis, axis)
    counts = [_components(recorder, v, k) for v, k in zip((a, b), axes, strict=True)]
    if 3 in [n for n in counts if isinstance(n, int)]:
        return None
    if all(isinstance(n, int) for n in counts):
        return BOOK[np.cross].formulas[0](a, b, axisa, axisb, axisc, axis)
    seen = [recorder.seen.get(v.value) if isinstance(v, Symbol) and v.ndim else np.shape(v) for v in (a, b)]
    if all(shape is not None and shape[k % len(shape)] == 2 for shape, k in zip(seen, axes, strict=True)):
        raise UnknownNumberError(a if isinstance(a, Symbol) else b, "of components of vectors in `cross`")
    block = Block()
    with recorder.into(block):
        recorder.raise_(
            ValueError,
            ("the program was translated for a cross product in space, and both vectors have two components",),
        )
    total = recorder.operation(operator.add, tuple(counts))
    recorder.append(If(condition=recorder.operation(operator.lt, (total, 5)), then=block, orelse=Block()))
    return None


def _components(recorder: Any, v: Any, axis: int) -> Any:
    return recorder.apply(extent, (v, axis % v.ndim)) if isinstance(v, Symbol) and v.ndim else np.shape(v)[axis]
