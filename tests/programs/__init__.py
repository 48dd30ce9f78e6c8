"""A corpus of small, realistic programs: plain Python and NumPy, as a scientist writes them.

Every program is deterministic, fast, and differentiable at its example inputs; each has at most 12 numbers of input.
``PROGRAMS`` maps names to values; ``select("views", "scan")`` are those with all of these tags (a file's name is one).
"""

from __future__ import annotations

from tests.programs import (  # noqa: F401  (each import registers its programs)
    builtin_functions,
    classes,
    closures,
    control_flow,
    exceptions,
    found,
    library,
    models,
    mutation,
    numerics,
    structures,
    views,
)
from tests.programs.registry import PROGRAMS, Program

__all__ = ["PROGRAMS", "Program", "select"]


def select(*tags: str) -> list[Program]:
    """Return the programs that have all of these tags; all programs for none."""
    return [program for program in PROGRAMS.values() if program.tags.issuperset(tags)]
