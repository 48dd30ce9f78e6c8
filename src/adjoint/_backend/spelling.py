"""Names that are not taken yet."""

from __future__ import annotations

import itertools
from collections.abc import Container


def unused(name: str, taken: Container[str]) -> str:
    """Return a name, with a number behind it if it is taken.

    >>> unused("y", {"x"}), unused("x", {"x", "x_1"})
    ('y', 'x_2')
    """
    if name not in taken:
        return name
    return next(numbered for k in itertools.count(1) if (numbered := f"{name}_{k}") not in taken)
