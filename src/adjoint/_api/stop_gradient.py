"""`stop_gradient`: a value that derivatives take for a constant."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint._api import tree
from adjoint._trace.traced import Host, Traced, constant


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
    value = constant(leaf.content if isinstance(leaf, Host) and leaf.content is not None else leaf)
    return np.copy(value) if isinstance(value, (np.ndarray, Traced)) and value.ndim else value
