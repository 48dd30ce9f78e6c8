"""Make a plain Python function visible to tracing, as NumPy's own functions are."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from adjoint._overload import Overloaded


def primitive(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``function`` so that it hands over to the first positional argument that stands for an array, as NumPy's functions do.

    With none the function itself runs, also for arrays of other libraries, which know nothing of it.  Register the wrapper, not the
    function, in the rule book.
    """

    @functools.wraps(function)
    def dispatching(*args: Any, **kwargs: Any) -> Any:
        for arg in args:
            if isinstance(arg, Overloaded):
                return arg.__array_function__(dispatching, (type(arg),), args, kwargs)
        return function(*args, **kwargs)

    return dispatching
