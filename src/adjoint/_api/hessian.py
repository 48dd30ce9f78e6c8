"""`hessian`: all second derivatives, forward over reverse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from adjoint._api.function import Derivative
from adjoint._api.jacobian import _jacobian


def hessian(
    f: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    *,
    has_aux: bool = False,
    holomorphic: bool = False,
    sparse: bool = False,
    pattern: Any = None,
) -> Callable[..., Any]:
    """Return the function that computes the Hessian of ``f``.

    Parameters
    ----------
    f
        Function with one real result (results of other shapes give a Hessian for each element).
    argnums
        Position, or positions, of the arguments to differentiate.
    has_aux
        ``f`` returns a pair ``(value, aux)``; ``aux`` is passed through.
    holomorphic
        ``f`` is a holomorphic function of complex arguments.
    sparse, pattern
        As for `jacobian`, of the gradient.

    Returns
    -------
    Callable
        Takes the arguments of ``f``, returns an array of shape ``y.shape + x.shape + x.shape``, units ``[f]/[x]**2``; for
        trees, the tree of ``x`` with a tree of ``x`` in place of each leaf.  With ``sparse``, a `scipy.sparse.csr_array` of
        shape ``(y.size * x.size, x.size)`` in place of each array.

    Raises
    ------
    InputError, OutputError, MissingRuleError, ConversionError
        As for `jacobian`.

    Notes
    -----
    Forward over reverse: one gradient, with one tangent, for each element of ``x``.  For products with vectors use `hvp`, whose
    cost does not grow with the size of ``x``.  At a kink of the gradient the Hessian is that of the side the conventions
    choose.

    Examples
    --------
    >>> import numpy as np
    >>> import adjoint as ad
    >>> ad.hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0]))
    array([[4., 2.],
           [2., 0.]])
    >>> H = ad.hessian(lambda x: np.sum(np.diff(x) ** 4), sparse=True)(np.arange(1000.0))
    >>> H.shape, H.nnz
    ((1000, 1000), 2998)
    """
    if pattern is not None and not sparse:
        raise ValueError("hessian: pattern= is for sparse=True")
    if sparse:
        options = {"argnums": argnums, "has_aux": has_aux, "holomorphic": holomorphic, "name": "hessian"}
        rows = Derivative(_jacobian, f, {"mode": "reverse", **options})
        return Derivative(_jacobian, rows, {**options, "sparse": True, "pattern": pattern})
    return Derivative(_hessian, f, {"argnums": argnums, "has_aux": has_aux, "holomorphic": holomorphic})


def _hessian(f: Any, args: Any, kwargs: Any, *, argnums: Any = 0, has_aux: bool = False, holomorphic: bool = False) -> Any:
    options = {"argnums": argnums, "has_aux": has_aux, "holomorphic": holomorphic, "name": "hessian"}
    # Reverse mode gives the gradient, and the row of gradients where f has several results.
    rows = Derivative(_jacobian, f, {"mode": "reverse", **options})
    return _jacobian(rows, args, kwargs, mode="forward", **options)
