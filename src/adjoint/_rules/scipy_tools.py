"""How functions of SciPy enter the book: they do not dispatch, and may overwrite their arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NoReturn

from adjoint._rules.book import Formula, composite, general, name_of
from adjoint._rules.primitive import primitive
from adjoint.errors import MissingRuleError

# Permissions that do not change the result.
DROPPED = frozenset({"overwrite_a", "overwrite_b", "overwrite_c", "overwrite_ab", "lwork"})


def enter(function: Callable[..., Any], *jvps: Formula, vjp: Any = ()) -> Callable[..., Any]:
    """Register a rule of kind `general` for a function of SciPy; return its core, which formulas call with traced values.

    The core takes as many positional arguments as there are formulas; formulas take the options by keyword.
    """
    signature = inspect.signature(function)

    def evaluate(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    evaluate.__name__ = evaluate.__qualname__ = f"{function.__name__}.core"
    evaluate.__module__ = "scipy.linalg"
    core = primitive(evaluate)
    general(core, *jvps, vjp=vjp)

    def definition(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs).arguments
        given = {name: value for name, value in bound.items() if name not in DROPPED}
        names = list(signature.parameters)[: len(jvps)]
        active = [given.pop(name) for name in names]
        return core(*active, **given)

    composite(function, definition)
    return core


def refuse(function: Callable[..., Any], reason: str) -> NoReturn:
    """Raise the error for a call in a form that has no rule."""
    raise MissingRuleError.of(name_of(function), reason)
