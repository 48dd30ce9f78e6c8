"""`jvp`: forward mode."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from adjoint._api import evaluate
from adjoint._api.function import expect_function
from adjoint.errors import StructureError


def jvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], *, has_aux: bool = False) -> Any:
    """Return the value of ``f`` and its derivative along a direction, by forward mode.

    With ``y = f(x)`` and tangent ``t``, the second result is the Jacobian-vector product ``(∂y/∂x) t``.

    Parameters
    ----------
    f
        Function of arrays, numbers or trees of them.
    primals
        Tuple or list of the arguments at which ``f`` is differentiated.
    tangents
        Tuple or list of tangents, each with the structure and shapes of its primal.
    has_aux
        ``f`` returns a pair ``(value, aux)``; ``aux`` is passed through as third result.

    Returns
    -------
    y, y_dot
        Value, and tangent of the same structure, shapes and dtypes; with ``has_aux`` also ``aux``.  Units of the tangent:
        ``[y]/[x] * [t]``.

    Raises
    ------
    StructureError
        A tangent does not match its primal.
    InputError, OutputError, MissingRuleError, ConversionError
        As for `grad`.

    Notes
    -----
    Cost: a small multiple of that of ``f``, no memory beyond the tangents.  A zero tangent stays zero through an infinite
    partial derivative; kinks as for `grad`.

    References
    ----------
    .. [1] R. E. Wengert, A simple automatic derivative evaluation program, Comm. ACM 7 (1964) 463-464.

    Examples
    --------
    >>> import adjoint as ad
    >>> ad.jvp(lambda x, y: x * y, (3.0, 2.0), (1.0, 0.5))
    (6.0, 3.5)
    """
    expect_function(f, "jvp")
    if not isinstance(primals, (tuple, list)) or not isinstance(tangents, (tuple, list)):
        raise StructureError(
            "jvp: primals and tangents must be tuples or lists, one entry per argument", remedy="write jvp(f, (x,), (t,))"
        )
    if len(primals) != len(tangents):
        raise StructureError(
            f"jvp: {len(primals)} primals but {len(tangents)} tangents", remedy="give one tangent per argument"
        )
    seeds = {}
    for k, (x, t) in enumerate(zip(primals, tangents, strict=True)):
        _, active, structure = evaluate.leaves_of(x, f"argument {k}")
        # Copies: the program may write into its arguments, and then their tangents change with them.
        seeds[k] = [None if s is None else +s for s in evaluate.match(t, structure, active, f"jvp: tangent of argument {k}")]
    y, y_dot, aux = evaluate.pushforward(f, tuple(primals), {}, seeds, has_aux=has_aux, name="jvp")
    return (y, y_dot, aux) if has_aux else (y, y_dot)
