"""The transpose of a linear function that is given as a program: how the book turns a jvp into a vjp."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint._rules import kinds
from adjoint._trace.memory import as_traced
from adjoint._trace.reverse import Tape, target_of
from adjoint._trace.sweep import accumulate, backward
from adjoint._trace.traced import Traced


def transpose(function: Callable[[Any], Any], like: Any, ct: Any) -> Any:
    """Apply the transpose of a linear ``function`` to ``ct``; ``like`` describes its argument, an array or a list of arrays."""
    tape = Tape()
    forms = like if isinstance(like, (list, tuple)) else [like]
    ts = [tape.lift(np.zeros(form.shape, form.dtype)) for form in forms]
    y = function(ts if isinstance(like, (list, tuple)) else ts[0])
    cts: list[Any] = [None] * len(tape.entries)
    owned: set[int] = set()
    for part, cotangent in zip(y, ct, strict=True) if isinstance(y, (tuple, list)) else [(y, ct)]:
        x = as_traced(part)
        if cotangent is not None and isinstance(x, Traced) and x.run is tape:
            form = (kinds.shape_of(x.primal), kinds.dtype_of(x.primal))
            accumulate(cts, owned, target_of(tape, x), cotangent, form, None)
    tape.close()
    result = backward(tape.recorded, cts, free=True)
    return result[: len(forms)] if isinstance(like, (list, tuple)) else result[0]


kinds.use_transpose(transpose)
