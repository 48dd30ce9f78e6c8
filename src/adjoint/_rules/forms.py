"""Arguments as NumPy's functions take them: sequences in place of arrays, axes counted from the end, indices along one axis.

Everything here is written with functions that have rules, or looks at shapes only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint._rules.kinds import shape_of

_PLAIN = np.ndarray.__array_function__


def overloaded(x: Any) -> bool:
    """Tell whether ``x``, or an entry of a nested sequence, takes NumPy's functions over (it may be traced)."""
    if type(x) in (list, tuple):
        return any(map(overloaded, x))
    return getattr(type(x), "__array_function__", _PLAIN) is not _PLAIN


def as_array(x: Any) -> Any:
    """Return a number or a nested sequence as an array; an array as it is."""
    if type(x) in (list, tuple):
        return np.stack([as_array(part) for part in x]) if overloaded(x) else np.array(x)
    if isinstance(x, np.ndarray):
        return x
    return (x if shape_of(x) else np.reshape(x, ())) if overloaded(x) else np.asarray(x)


def outline(x: Any) -> tuple[int, ...]:
    """Return the shape of an array, of its description, or of a nested sequence of descriptions."""
    if type(x) in (list, tuple):
        return (len(x), *outline(x[0])) if x else (0,)
    return shape_of(x)


def along(axis: int, index: Any, ndim: int) -> tuple[Any, ...]:
    """Return the index that applies ``index`` to one axis and takes all of the others."""
    return (slice(None),) * (axis % ndim) + (index,)


def axes_of(axis: Any, ndim: int) -> tuple[int, ...]:
    """Return one axis or several as a tuple of numbers from 0."""
    return tuple(k % ndim for k in (axis if isinstance(axis, (tuple, list, range, np.ndarray)) else (axis,)))


def inverse(axes: Any) -> tuple[int, ...] | None:
    """Return the inverse of a permutation of axes; None, which reverses them, is its own inverse.

    >>> inverse((1, 2, 0)), inverse((-1, 0, 1))
    ((2, 0, 1), (1, 2, 0))
    """
    return None if axes is None else tuple(np.argsort([k % len(axes) for k in axes]).tolist())


def mT(x: Any) -> Any:
    """Return the matrices of a stack transposed."""
    return np.swapaxes(x, -1, -2)
