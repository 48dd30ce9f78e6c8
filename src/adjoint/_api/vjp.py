"""`vjp`: reverse mode, with the linear map back to the inputs as a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adjoint._api import evaluate


def vjp(f: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    positions = tuple(range(len(primals)))
    values, structure, pullback, aux = evaluate.record(f, primals, {}, positions, has_aux=has_aux, name="vjp")

    def pull(ct: Any) -> tuple[Any, ...]:
        """Return the cotangents of the inputs for a cotangent of the result."""
        return tuple(pullback.sweep(evaluate.match(ct, structure, values, "vjp: cotangent")))

    y = evaluate.tree.unflatten(structure, values)
    return (y, pull, aux) if has_aux else (y, pull)
