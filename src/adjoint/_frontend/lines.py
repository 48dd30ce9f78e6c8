"""Which line of the user's is being run."""

from __future__ import annotations

import contextlib
import operator
import sys

import numpy as np

from adjoint._ir.nodes import Line
from adjoint.errors import OWN_FILES


def user_line(function: str = "") -> Line | None:
    """Return the line of the user's that is being run, in a function of this name: its blocks may be functions too."""
    frame = sys._getframe(1)
    while frame is not None:
        filename = frame.f_code.co_filename
        if not filename.startswith(OWN_FILES) and not filename.startswith(_LIBRARIES) and filename[:1] != "<":
            return Line(filename, frame.f_lineno, function or frame.f_code.co_name)
        if filename.startswith(("<stdin", "<doctest", "<ipython", "<string")):
            return Line(filename, frame.f_lineno, function or frame.f_code.co_name)
        frame = frame.f_back
    return None


_LIBRARIES = tuple(module.__path__[0] for module in (np,)) + tuple(
    path for path in (contextlib.__file__, operator.__file__) if path
)
