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
            given = os.environ.get("ADJOINT_THREADS") or str(processors())
            if not given.isdecimal() or int(given) < 1:
                raise ValueError(f"ADJOINT_THREADS is {given!r}, and not a number of threads from 1")
            return int(given)
        return max(1, self.parallel)

    def expect_valid(self) -> None:
        """Raise if ``parallel`` is neither a truth value nor a number of threads."""
        if not isinstance(self.parallel, int) or self.parallel < 0 or (self.parallel == 0 and self.parallel is not False):
            raise ValueError(f"jit: parallel is True, False, or a number of threads from 1, not {self.parallel!r}")


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
