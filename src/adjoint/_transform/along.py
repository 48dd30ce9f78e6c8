"""The gradient in one direction: by one number it is the tangent along it.

One sweep forward takes about as many operations as one backward, keeps nothing of loops, and follows the program as it runs
[Griewank and Walther 2008, 3.2 and 3.3].  So where a gradient is asked for by one number, forward mode gives it.
"""

from __future__ import annotations

from collections.abc import Sequence

from adjoint._ir.nodes import Function, atom_type
from adjoint._ir.types import Tensor
from adjoint._transform import forward
from adjoint._transform.dead import drop_dead_code
from adjoint.errors import AdjointError


def along_one(function: Function, active: Sequence[bool]) -> Function | None:
    """Return the program of the results and the derivative of the first one by the only active parameter.

    It takes the parameters and the tangent of that one, which is to be 1.  None if several parameters are active, if it is no
    real number of the kind of the result, or if forward mode has no derivative of something that reverse mode may have one of.
    """
    chosen = [param.type for param, on in zip(function.params, active, strict=True) if on]
    if len(chosen) != 1 or not _is_like(chosen[0], atom_type(function.results[0])):
        return None
    try:
        made = forward.jvp(function, active)
    except AdjointError:
        return None
    if not made.active_results[0]:
        return None
    results, count = made.function.results, len(function.results)
    made.function.body.results = [*results[:count], results[count]]
    made.function.name = f"{function.name}_gradient"
    drop_dead_code(made.function)
    return made.function


def _is_like(x: object, y: object) -> bool:
    """Tell whether a derivative of ``y`` is a derivative by ``x``: real numbers of one dtype, and of NumPy's if ``x`` is."""
    if not (isinstance(x, Tensor) and isinstance(y, Tensor)) or x.rank or x.dtype.kind != "f":
        return False
    return x.dtype == y.dtype and (x.number or not y.number)
