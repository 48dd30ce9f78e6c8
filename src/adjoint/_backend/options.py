"""What the user may ask of machine code."""

from __future__ import annotations

import os
from typing import NamedTuple


class Options(NamedTuple):
    """``fastmath``: sums and products may be reordered; ``parallel``: so many threads share loops, True for all processors."""

    fastmath: bool = False
    parallel: bool | int = False

    @property
    def threads(self) -> int:
        """How many threads a loop may use."""
        if self.parallel is True:
            return int(os.environ.get("ADJOINT_THREADS") or processors())
        return max(1, int(self.parallel))


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
