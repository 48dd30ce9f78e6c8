"""`grad` and `value_and_grad`: reverse mode for functions with one real result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint._api import evaluate
from adjoint._api.function import Derivative
from adjoint._rules import kinds


def grad(
    f: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    *,
    has_aux: bool = False,
    holomorphic: bool = False,
    memory: float | str | None = None,
) -> Callable[..., Any]:
    """Return the function that computes the gradient of ``f``, by reverse mode.

    Parameters
    ----------
    f
        Function with one real result (a float, or an array of shape ``()``).  Arguments may be floats, arrays, and dicts,
        lists, tuples, named tuples and dataclasses of them.
    argnums
        Position, or positions, of the arguments to differentiate.
    has_aux
        ``f`` returns a pair ``(value, aux)``; ``aux`` is passed through and not differentiated.
    holomorphic
        ``f`` is a holomorphic function of complex arguments; return its complex derivative.
    memory
        Bytes that loops may keep for the way back, a number or a text such as ``"200MB"``: ``f`` is translated (`jit`), some
        states of its sequential loops are kept, and the others are computed again from them, as seldom as the budget allows.

    Returns
    -------
    Callable
        Takes the arguments of ``f``.  Returns the gradient, in the structure, shapes and dtypes of the argument (a tuple of
        gradients if ``argnums`` is a sequence); units ``[f]/[x]``.  With ``has_aux``, a pair ``(gradient, aux)``.

    Raises
    ------
    OutputError
        ``f`` does not return one real number.
    InputError
        An argument to differentiate is an integer array, a string or another object without derivative.
    MissingRuleError
        ``f`` calls a function that has no rule; the message gives file, line and remedy.
    ConversionError
        A value that depends on the arguments was turned into a plain number where the derivative could not follow.

    Notes
    -----
    Exact up to the rounding of the differentiated program; no step size.  The cost is a small multiple of that of ``f``,
    whatever the number of inputs; the memory grows with the number of operations (see `checkpoint`).  The gradient of a
    translated function by one number is found by a sweep forward, which keeps nothing.
    At kinks the result is the subgradient of minimum norm (``abs`` at 0 gives 0, ties of ``max`` are shared).
    For complex arguments of a real function it is the direction of steepest ascent: ``abs(z)**2`` gives ``2*z``.
    Python ints are promoted to float; arrays of integers inside a tree are inactive, their gradient is zero.

    References
    ----------
    .. [1] Griewank and Walther, *Evaluating Derivatives*, 2nd ed., SIAM 2008, section 3.2.

    Examples
    --------
    >>> import math
    >>> import adjoint as ad
    >>> gradient = ad.grad(lambda x: x * math.sin(x))
    >>> gradient(2.0), math.sin(2.0) + 2.0 * math.cos(2.0)
    (0.0770037537313969, 0.0770037537313969)
    >>> import numpy as np
    >>> ad.grad(lambda p: np.sum(p["w"] ** 2) * p["c"])({"w": np.array([1.0, 2.0]), "c": 3.0})
    {'w': array([ 6., 12.]), 'c': 5.0}
    """
    return _within(memory, _grad, f, {"argnums": argnums, "has_aux": has_aux, "holomorphic": holomorphic})


def value_and_grad(
    f: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    *,
    has_aux: bool = False,
    holomorphic: bool = False,
    memory: float | str | None = None,
) -> Callable[..., Any]:
    """Return the function that computes the value of ``f`` and its gradient in one pass, by reverse mode.

    Parameters
    ----------
    f, argnums, has_aux, holomorphic, memory
        As for `grad`.

    Returns
    -------
    Callable
        Takes the arguments of ``f``, returns ``(value, gradient)``; with ``has_aux``, ``((value, aux), gradient)``.

    Raises
    ------
    OutputError, InputError, MissingRuleError, ConversionError
        As for `grad`.

    Notes
    -----
    The value is bitwise that of ``f``; kinks, complex arguments and cost as for `grad`.

    Examples
    --------
    >>> import adjoint as ad
    >>> ad.value_and_grad(lambda x, y: x * y**2, argnums=(0, 1))(3.0, 2.0)
    (12.0, (4.0, 12.0))
    """
    return _within(memory, _value_and_grad, f, {"argnums": argnums, "has_aux": has_aux, "holomorphic": holomorphic})


def _within(
    memory: float | str | None, run: Callable[..., Any], f: Callable[..., Any], options: dict[str, Any]
) -> Callable[..., Any]:
    """Return a derivative, by the source engine if it is to keep within a budget."""
    if memory is None:
        return Derivative(run, f, options)
    from adjoint._api.jit import jit

    return jit(Derivative(run, f, {**options, "memory": in_bytes(memory)}))


def in_bytes(memory: float | str) -> float:
    """Return a number of bytes that may be written with a unit.

    >>> in_bytes("200MB"), in_bytes("1.5 GiB"), in_bytes(4096)
    (200000000.0, 1610612736.0, 4096.0)
    """
    if not isinstance(memory, str):
        return float(memory)
    digits = memory.strip().rstrip("aBbegiGkKmMtT").strip()
    unit = memory.strip()[len(digits) :].strip().lower().removesuffix("b")
    powers = {"": 1, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
    try:
        return float(digits) * powers[unit]
    except (ValueError, KeyError):
        raise ValueError(f"memory={memory!r} is no number of bytes; write for example 200e6, '200MB' or '1.5GiB'") from None


def _grad(f: Any, args: Any, kwargs: Any, *, has_aux: bool = False, **options: Any) -> Any:
    value, gradient = _value_and_grad(f, args, kwargs, has_aux=has_aux, name="grad", **options)
    return (gradient, value[1]) if has_aux else gradient


def _value_and_grad(
    f: Any,
    args: Any,
    kwargs: Any,
    *,
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    name: str = "value_and_grad",
) -> Any:
    positions = evaluate.select(args, argnums, name)
    primals, structure, pullback, aux = evaluate.record(f, args, kwargs, positions, has_aux=has_aux, name=name)
    evaluate.scalar_result(primals, structure, name, holomorphic=holomorphic)
    value = primals[0]
    gradients = pullback.sweep([kinds.adopt(kinds.dtype_of(value).type(1), value)], free=True)
    if holomorphic:
        gradients = [evaluate.tree.tree_map(np.conj, g) for g in gradients]
    gradient = gradients[0] if isinstance(argnums, (int, np.integer)) else tuple(gradients)
    return ((value, aux) if has_aux else value), gradient
