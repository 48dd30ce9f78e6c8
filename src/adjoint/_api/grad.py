"""`grad` and `value_and_grad`: reverse mode for functions with one real result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint._api import evaluate
from adjoint._api.derivative import Derivative
from adjoint._rules import kinds


def grad(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0, *, has_aux: bool = False, holomorphic: bool = False
) -> Callable[..., Any]:
    return Derivative(_grad, f, {"argnums": argnums, "has_aux": has_aux, "holomorphic": holomorphic})


def value_and_grad(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0, *, has_aux: bool = False, holomorphic: bool = False
) -> Callable[..., Any]:
    return Derivative(_value_and_grad, f, {"argnums": argnums, "has_aux": has_aux, "holomorphic": holomorphic})


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
    gradients = pullback.sweep([kinds.dtype_of(value).type(1)], free=True)
    if holomorphic:
        gradients = [evaluate.tree.tree_map(np.conj, g) for g in gradients]
    gradient = gradients[0] if isinstance(argnums, (int, np.integer)) else tuple(gradients)
    return ((value, aux) if has_aux else value), gradient
