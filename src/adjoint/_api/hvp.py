"""`hvp`: Hessian-vector products, forward over reverse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from adjoint._api import evaluate
from adjoint._api.function import Derivative
from adjoint._api.grad import _value_and_grad
from adjoint.errors import StructureError


class HVP(NamedTuple):
    """Value, gradient and Hessian-vector product at one point."""

    value: Any
    gradient: Any
    product: Any


def hvp(f: Callable[..., Any], argnums: int | Sequence[int] = 0, *, value_and_grad: bool = False) -> Callable[..., Any]:
    """Return the function that computes the product of the Hessian of ``f`` with a vector, without the Hessian.

    Parameters
    ----------
    f
        Function with one real result.
    argnums
        Position, or positions, of the arguments to differentiate.
    value_and_grad
        Return value and gradient too, which the same pass computes anyway.

    Returns
    -------
    Callable
        Takes the arguments of ``f`` as a tuple, and the vector in the structure of the differentiated argument (a tuple of
        vectors if ``argnums`` is a sequence): ``hvp(f)((x, ...), v)``; for a function of one argument also ``hvp(f)(x, v)``.
        Returns the product in the structure of the argument, units ``[f]/[x]**2 * [v]``; with ``value_and_grad`` a named tuple
        ``(value, gradient, product)``.

    Raises
    ------
    StructureError
        The vector does not match the argument.
    InputError, OutputError, MissingRuleError, ConversionError
        As for `grad`.

    Notes
    -----
    Forward over reverse: the gradient is evaluated once, along one direction, so that the cost is a small multiple of that of
    ``f`` whatever the size of ``x``.

    References
    ----------
    .. [1] B. A. Pearlmutter, Fast exact multiplication by the Hessian, Neural Computation 6 (1994) 147-160.

    Examples
    --------
    >>> import numpy as np
    >>> import adjoint as ad
    >>> x, v = np.array([1.0, 2.0]), np.array([1.0, 0.0])
    >>> ad.hvp(lambda x: x[0] ** 2 * x[1])(x, v)
    array([4., 2.])
    >>> ad.hvp(lambda x: x[0] ** 2 * x[1], value_and_grad=True)(x, v).gradient
    array([4., 1.])
    """
    return Derivative(_hvp, f, {"argnums": argnums, "value_and_grad": value_and_grad})


def _hvp(f: Any, args: Any, kwargs: Any, *, argnums: int | Sequence[int], value_and_grad: bool) -> Any:
    if len(args) != 2:
        raise TypeError(
            f"hvp(f) takes the arguments of f (a tuple, or the only argument) and a vector, got {len(args)} arguments"
        )
    primals, vector = args
    primals = primals if isinstance(primals, tuple) and not hasattr(primals, "_fields") else (primals,)
    positions = evaluate.select(primals, argnums, "hvp")
    vectors = (vector,) if isinstance(argnums, int) else tuple(vector)
    if len(vectors) != len(positions):
        raise StructureError(
            f"hvp: {len(positions)} arguments to differentiate but {len(vectors)} vectors", remedy="give one each"
        )
    seeds = {}
    for k, v in zip(positions, vectors, strict=True):
        _, active, structure = evaluate.leaves_of(primals[k], f"argument {k}")
        seeds[k] = evaluate.match(v, structure, active, f"hvp: vector for argument {k}")
    gradient_of = Derivative(_value_and_grad, f, {"argnums": argnums, "name": "hvp"})
    (value, gradient), (_, product), _ = evaluate.pushforward(gradient_of, primals, kwargs, seeds, has_aux=False, name="hvp")
    return HVP(value, gradient, product) if value_and_grad else product
