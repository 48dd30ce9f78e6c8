"""Python's ``and``, ``or`` and ``not`` of booleans that are known already: constant functions that programs are written with."""

from __future__ import annotations

from typing import Any

from adjoint._rules.book import constant
from adjoint._rules.primitive import primitive


@primitive
def both(a: Any, b: Any) -> bool:
    """Return ``a and b``."""
    return bool(a) and bool(b)


@primitive
def either(a: Any, b: Any) -> bool:
    """Return ``a or b``."""
    return bool(a) or bool(b)


@primitive
def opposite(a: Any) -> bool:
    """Return ``not a``."""
    return not a


constant(both, either, opposite)
