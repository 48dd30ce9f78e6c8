"""Make a plain Python function visible to tracing, as NumPy's own functions are."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

# Subclasses of ndarray that do not override the protocol are plain arrays.
_PLAIN = np.ndarray.__array_function__


def primitive(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``function`` so that it hands over to ``__array_function__`` of its positional arguments, as NumPy's functions do.

    The first positional argument whose type defines ``__array_function__`` and is not `numpy.ndarray` decides; with none the
    function itself runs.  Register the wrapper, not the function, in the rule book.
    """

    @functools.wraps(function)
    def dispatching(*args: Any, **kwargs: Any) -> Any:
        for arg in args:
            method = getattr(type(arg), "__array_function__", _PLAIN)
            if method is not _PLAIN:
                return method(arg, dispatching, (type(arg),), args, kwargs)
        return function(*args, **kwargs)

    return dispatching
