"""Whether two indices are one place of a list, as far as that is known at translation."""

from __future__ import annotations

import operator
from typing import Any

from adjoint._ir.nodes import Apply, Value
from adjoint._ir.symbol import Symbol, writer


def same_place(a: Any, b: Any) -> bool:
    """Tell whether two indices are one, as far as that is known: one value, or one operation on such."""
    if isinstance(a, Symbol) and isinstance(b, Symbol):
        return same_value(a.value, b.value)
    return type(a) is int and type(b) is int and a == b


def same_value(a: Any, b: Any) -> bool:
    """Tell whether two atoms are one number: one value, or the results of one sum on such."""
    if type(a) is not Value or type(b) is not Value:
        return type(a) is type(b) and type(a) is int and a == b
    if a is b:
        return True
    ops = [next((op for op in writer().blocks[-1].ops if x in op.outputs), None) for x in (a, b)]
    first, second = (op if isinstance(op, Apply) and op.function in (operator.add, operator.sub) else None for op in ops)
    if first is None or second is None or first.function is not second.function:
        return False
    return all(same_value(x, y) for x, y in zip(first.args, second.args, strict=True))
