"""`stop_gradient`: a value that derivatives take for a constant."""

from __future__ import annotations

from typing import Any

from adjoint._api import tree
from adjoint._trace.traced import plain


def stop_gradient(x: Any) -> Any:
    """Return ``x`` as a constant: derivatives of every order and mode with respect to it are zero.

    Parameters
    ----------
    x
        A number, an array, or a tree of them.

    Returns
    -------
    Any
        The plain values, of the same structure, shapes, dtypes and units; arrays are copies.

    Notes
    -----
    Outside of a derivative it returns ``x`` with its arrays copied.  Cost: one copy.

    Examples
    --------
    >>> import adjoint as ad
    >>> ad.grad(lambda x: x * ad.stop_gradient(x))(3.0)
    3.0
    """
    return tree.tree_map(_constant, x)


def _constant(leaf: Any) -> Any:
    value = plain(leaf)
    return value.copy() if hasattr(value, "copy") and hasattr(value, "dtype") and value.ndim else value
