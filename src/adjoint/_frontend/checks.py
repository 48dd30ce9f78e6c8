"""Operations within ``try`` that raise what its handlers take: whether they would is asked before."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from adjoint._frontend.branches import branch
from adjoint._frontend.calls import text
from adjoint._frontend.escapes import UserError, taken
from adjoint._frontend.state import NOTHING
from adjoint._ir.nodes import Apply, Value, atom_type
from adjoint._ir.symbol import Symbol, extent, length
from adjoint._ir.types import ListOf, Tensor
from adjoint._rules import failures, logic, stores

# What an operation may raise: the class, its arguments, and a question whose answer is whether it does.
Check = tuple[type[Exception], Callable[[], tuple[Any, ...]], Callable[[], Any]]
_EXP, _COSH = 709.782712893384, 710.4758600739439  # the largest arguments whose results are finite


def check(recorder: Any, op: Apply) -> None:
    """Write the questions of an operation that stands in the body of a ``try``, and what it raises."""
    classes = []
    for kind, args, asks in _checks(recorder, op):
        if not any(issubclass(kind, guard.classes()) for guard in recorder.tries):
            continue
        error = kind(*_message(op, kind))
        if not taken(recorder, error):
            continue
        classes.append(kind)
        answer = asks()
        if isinstance(answer, Symbol):
            branch(recorder, answer, functools.partial(_fail, kind, args), lambda: None, NOTHING)
    if classes:
        recorder.checked[id(op)] = (op, tuple(classes))


def _fail(kind: type[Exception], args: Callable[[], tuple[Any, ...]]) -> None:
    error = kind(*args())
    error.__adjoint_raised__ = True  # type: ignore[attr-defined]
    raise UserError(error)


def _message(op: Apply, kind: type[Exception]) -> tuple[Any, ...]:
    return (f"{kind.__name__} of {getattr(op.function, '__name__', 'an operation')}",)


def _checks(recorder: Any, op: Apply) -> Iterator[Check]:
    symbols = recorder.symbols(op.args)
    if op.function in (operator.getitem, stores.assign, stores.accumulate):
        yield from _of_index(recorder, op)
    elif op.function in _TESTS and _is_number(op.args[0]):
        kind, bad, test = _TESTS[op.function]
        if len(op.args) == len(bad):
            yield kind, lambda: _told(op.function, bad, kind), lambda: test(recorder, *symbols)
    elif op.function is operator.pow:
        yield from _of_power(recorder, symbols)
    elif op.function in _MATRICES:
        asks, message = _MATRICES[op.function]
        yield np.linalg.LinAlgError, lambda: (message,), lambda: recorder.apply(asks, (symbols[0],), {})
    elif op.function is stores.without_last:
        empty = lambda: _ask(recorder, operator.eq, recorder.apply(length, (symbols[0],), {}), 0)
        yield IndexError, lambda: ("pop from empty list",), empty


def _told(function: Any, bad: tuple[Any, ...], kind: type[Exception]) -> tuple[Any, ...]:
    """Return what Python says when a function raises."""
    try:
        function(*bad)
    except kind as error:
        return error.args
    return ()


def _is_number(atom: Any) -> bool:
    t = atom_type(atom)
    return isinstance(t, Tensor) and not t.rank and t.dtype.kind in "bif"


def _ask(recorder: Any, function: Any, *args: Any) -> Any:
    return recorder.apply(function, args, {})


def _either(a: Any, b: Any) -> Any:
    return a or b if not isinstance(a, Symbol) and not isinstance(b, Symbol) else logic.either(a, b)


def _compares(function: Any, bound: float) -> Any:
    return lambda recorder, x: _ask(recorder, function, x, bound)


def _outside(function: Any, bound: float) -> Any:
    """Return the question whether a number or its opposite compares so with a bound."""
    return lambda recorder, x: _ask(recorder, function, _ask(recorder, abs, x), bound)


def _above(bound: float, *, both: bool) -> Any:
    """Return the question whether a number is finite and above a bound."""

    def test(recorder: Any, x: Any) -> Any:
        x = _ask(recorder, abs, x) if both else x
        return logic.both(_ask(recorder, operator.gt, x, bound), _ask(recorder, operator.lt, x, math.inf))

    return test


_ZERO = lambda recorder, _, b: _ask(recorder, operator.eq, b, 0)
_TESTS: dict[Any, tuple[type[Exception], tuple[Any, ...], Any]] = {
    **dict.fromkeys((math.log, math.log2, math.log10), (ValueError, (-1.0,), _compares(operator.le, 0))),
    math.log1p: (ValueError, (-2.0,), _compares(operator.le, -1)),
    math.sqrt: (ValueError, (-1.0,), _compares(operator.lt, 0)),
    **dict.fromkeys((math.acos, math.asin), (ValueError, (2.0,), _outside(operator.gt, 1))),
    math.acosh: (ValueError, (0.0,), _compares(operator.lt, 1)),
    math.atanh: (ValueError, (2.0,), _outside(operator.ge, 1)),
    **dict.fromkeys((math.sin, math.cos, math.tan), (ValueError, (math.inf,), _outside(operator.eq, math.inf))),
    **dict.fromkeys((math.exp, math.expm1), (OverflowError, (1e3,), _above(_EXP, both=False))),
    **dict.fromkeys((math.cosh, math.sinh), (OverflowError, (1e3,), _above(_COSH, both=True))),
    operator.truediv: (ZeroDivisionError, (1.0, 0.0), _ZERO),
    operator.floordiv: (ZeroDivisionError, (1.0, 0.0), _ZERO),
    operator.mod: (ZeroDivisionError, (1.0, 0.0), _ZERO),
}
_SINGULAR = (failures.is_singular, "Singular matrix")
_MATRICES = {
    np.linalg.inv: _SINGULAR,
    np.linalg.solve: _SINGULAR,
    np.linalg.cholesky: (failures.is_not_definite, "Matrix is not positive definite"),
}


def _of_power(recorder: Any, symbols: tuple[Any, ...]) -> Iterator[Check]:
    x, y = symbols
    if not (_is_number(recorder.atom(x)) and _is_number(recorder.atom(y))):
        return
    if isinstance(y, Symbol) or y < 0:
        zero = lambda: logic.both(_ask(recorder, operator.eq, x, 0), _ask(recorder, operator.lt, y, 0))
        yield ZeroDivisionError, lambda: _told(operator.pow, (0.0, -1.0), ZeroDivisionError), zero
    large = lambda: logic.both(
        _ask(recorder, operator.eq, _ask(recorder, abs, _ask(recorder, np.float_power, x, y)), math.inf),
        _either(*[_ask(recorder, operator.lt, _ask(recorder, abs, part), math.inf) for part in (x, y)]),
    )
    yield OverflowError, lambda: _told(operator.pow, (1e300, 2.0), OverflowError), large


def _of_index(recorder: Any, op: Apply) -> Iterator[Check]:
    """Yield the questions of an index whose parts are single positions and slices."""
    base, index = op.args[0], op.args[1]
    parts = index if isinstance(index, tuple) else (index,)
    if any(part is None or part is Ellipsis or not (isinstance(part, slice) or _is_position(part)) for part in parts):
        return
    items = isinstance(atom_type(base), ListOf)
    for axis, part in enumerate(parts):
        if isinstance(part, slice):
            continue
        k, a = recorder.symbols((part, base))
        n = functools.partial(recorder.apply, length if items else extent, (a,) if items else (a, axis), {})

        def args(k: Any = k, axis: int = axis, n: Any = n) -> tuple[Any, ...]:
            if items:
                return ("list index out of range",)
            return (recorder.apply(text, ("index {} is out of bounds for axis {} with size {}", k, axis, n()), {}),)

        def asks(k: Any = k, n: Any = n) -> Any:
            low = _ask(recorder, operator.lt, k, _ask(recorder, operator.neg, n()))
            return _either(low, _ask(recorder, operator.ge, k, n()))

        yield IndexError, args, asks


def _is_position(part: Any) -> bool:
    t = atom_type(part) if isinstance(part, (Value, int, np.integer)) else None
    return isinstance(t, Tensor) and not t.rank and t.dtype.kind in "iu" and not isinstance(part, bool)
