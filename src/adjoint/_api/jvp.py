"""`jvp`: forward mode."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from adjoint._api import evaluate
from adjoint.errors import StructureError


def jvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], *, has_aux: bool = False) -> Any:
    if not isinstance(primals, (tuple, list)) or not isinstance(tangents, (tuple, list)):
        raise StructureError("jvp: primals and tangents must be tuples or lists, one entry per argument", remedy="write jvp(f, (x,), (t,))")
    if len(primals) != len(tangents):
        raise StructureError(f"jvp: {len(primals)} primals but {len(tangents)} tangents", remedy="give one tangent per argument")
    seeds = {}
    for k, (x, t) in enumerate(zip(primals, tangents, strict=True)):
        _, active, structure = evaluate.leaves_of(x, f"argument {k}")
        seeds[k] = [None if s is None else s + 0 for s in evaluate.match(t, structure, active, f"jvp: tangent of argument {k}")]
    y, y_dot, aux = evaluate.pushforward(f, tuple(primals), {}, seeds, has_aux=has_aux, name="jvp")
    return (y, y_dot, aux) if has_aux else (y, y_dot)
