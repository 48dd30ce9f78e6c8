"""`vjp`: reverse mode, with the linear map back to the inputs as a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adjoint._api import evaluate
from adjoint._api.function import expect_function


def vjp(f: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """Return the value of ``f`` and the function that takes cotangents of the result back to the arguments.

    With ``y = f(x)`` and cotangent ``ct``, the pullback returns the vector-Jacobian product ``ct (∂y/∂x)``.

    Parameters
    ----------
    f
        Function of arrays, numbers or trees of them.
    *primals
        The arguments at which ``f`` is differentiated, all of them.
    has_aux
        ``f`` returns a pair ``(value, aux)``; ``aux`` is passed through as third result.

    Returns
    -------
    y, pullback
        ``pullback(ct)`` takes a cotangent of the structure and shapes of ``y`` and returns a tuple, one cotangent for each
        argument.  It may be called any number of times, from several threads; it holds the memory of the recorded operations.

    Raises
    ------
    StructureError
        Raised by the pullback: the cotangent does not match the result.
    InputError, OutputError, MissingRuleError, ConversionError
        As for `grad`.

    Notes
    -----
    For complex values the pullback is the adjoint of the derivative with respect to the real inner product
    ``Re(sum(conj(ct) * t))``, so that it points to steepest ascent.  Cost of a pullback: a small multiple of that of ``f``.

    Examples
    --------
    >>> import adjoint as ad
    >>> y, pullback = ad.vjp(lambda x, y: x * y, 3.0, 2.0)
    >>> y, pullback(1.0)
    (6.0, (2.0, 3.0))
    """
    expect_function(f, "vjp")
    positions = tuple(range(len(primals)))
    values, structure, pullback, aux = evaluate.record(f, primals, {}, positions, has_aux=has_aux, name="vjp", later=True)

    def pull(ct: Any) -> tuple[Any, ...]:
        """Return the cotangents of the arguments for a cotangent of the result."""
        return tuple(pullback.sweep(evaluate.match(ct, structure, values, "vjp: cotangent")))

    y = evaluate.tree.unflatten(structure, values)
    return (y, pull, aux) if has_aux else (y, pull)
