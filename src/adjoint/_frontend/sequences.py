"""Questions about sequences whose items are symbols: ``x in items``, ``items.index(x)``, ``items.count(x)``."""

from __future__ import annotations

import functools
import operator
from typing import Any

import numpy as np

from adjoint._frontend.calls import special
from adjoint._frontend.lists import GrowingList, holds_symbols
from adjoint._frontend.runtime import RUNTIME, compared
from adjoint._frontend.state import UnstableError
from adjoint._ir.symbol import Symbol, UnknownNumberError, writer


def found(items: Any, name: str, x: Any, *bounds: Any) -> Any:
    """``items.count(x)`` and ``items.index(x)`` of items some of which are symbols."""
    if not holds_symbols((items, x)):
        return getattr(tuple(items), name)(x, *bounds)
    if bounds:
        raise UnstableError("index() with bounds, of items that are known only when the program runs")
    answers = [True if item is x else compared("eq", item, x) for item in items]
    if name == "count":
        return functools.reduce(operator.add, [to_number(answer) for answer in answers], 0)

    def first(k: int) -> Any:
        if k == len(answers):
            raise RUNTIME.raised(ValueError(f"{type(items).__name__}.index(x): x not in it"))
        return RUNTIME.choose(answers[k], lambda: k, lambda: first(k + 1))

    return first(0)


def to_number(answer: Any) -> Any:
    """Return a boolean as the number 0 or 1."""
    return writer().apply(int, (answer,), {}) if isinstance(answer, Symbol) else int(answer)


def contained(x: Any, container: Any) -> Any:
    """``x in container``."""
    if isinstance(container, (Symbol, GrowingList)) and not (isinstance(container, GrowingList) and container.dynamic is None):
        return writer().apply(np.any, (container == x,), {})
    if isinstance(container, (list, tuple)) and (isinstance(x, Symbol) or holds_symbols(container)):
        return RUNTIME.or_(*[lambda part=part: compared("eq", part, x) for part in container]) if container else False
    if isinstance(x, Symbol):
        raise UnknownNumberError(x, "looked for in a container")
    method = special(container, "__contains__")
    return x in container if method is None else method(x)
