"""`try` and `with`: a program does not go on in a handler, so operations that may raise what a handler takes are refused."""

from __future__ import annotations

import contextlib
import math
import operator
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from adjoint._frontend.calls import special
from adjoint._frontend.escapes import Frame
from adjoint._frontend.state import RefusedError, is_own
from adjoint._ir.nodes import Apply, Call, Op, Raise, Value, atom_type, atoms
from adjoint._ir.symbol import writer
from adjoint._ir.types import ListOf, Opaque
from adjoint._rules import stores

Classes = tuple[type[BaseException], ...]


def handled(types: Any) -> Classes:
    """Return the classes of a handler, of a bare ``except`` all."""
    if types is None:
        return (BaseException,)
    return tuple(types) if isinstance(types, tuple) else (types,)


def caught_now(types: Any) -> Any:
    """Return the classes of a handler while an exception is on its way: none for those of the translation."""
    return handled(types) if is_own(sys.exc_info()[1]) else ()


class Guard:
    """The body of a ``try``: refuses operations whose exceptions the handlers would have to see."""

    def __init__(self, types: Callable[[], Any], frame: Frame | None = None) -> None:
        self.types, self.frame = types, frame

    def __enter__(self) -> None:
        self.block = writer().blocks[-1]
        self.count = len(self.block.ops)
        writer().tries.append(self)

    def classes(self) -> Classes:
        """Return the classes that the handlers take."""
        return tuple(cls for part in self.types() for cls in handled(part))

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        recorder = writer()
        recorder.tries.remove(self)
        if error is None or is_own(error):
            look(self.block.ops[self.count :], self.classes())
            for escape in self.frame.escapes if self.frame is not None else ():
                look(escape.raised.block.ops, self.classes())
                look(escape.block.ops, self.classes())


def look(ops: list[Op], classes: Classes) -> None:
    """Refuse operations that may raise an exception which handlers take."""
    for op in within(ops):
        if isinstance(op, Call):
            writer().calls_in_try.append((op, classes))
        _, asked = writer().checked.get(id(op), (op, ()))
        for cls in raised(op):
            for one in classes:
                if issubclass(cls, asked):
                    continue
                if issubclass(cls, one) or (issubclass(one, cls) and not isinstance(op, Raise)):
                    raise refused(op, one if issubclass(one, cls) else cls)


def expect_calls(recorder: Any) -> None:
    """Refuse calls within ``try`` of functions of the program that may raise what handlers take, now that these are whole."""
    seen: set[tuple[int, Classes]] = set()
    while recorder.calls_in_try:
        op, classes = recorder.calls_in_try.pop()
        if (id(op.function), classes) not in seen:
            seen.add((id(op.function), classes))
            look(op.function.body.ops, classes)


def refused(op: Op, cls: type[BaseException]) -> RefusedError:
    """Return the error for an operation in a ``try``."""
    name = getattr(op.function, "__name__", "an operation") if isinstance(op, Apply) else "an operation"
    where = writer().where.get(id(op))
    return RefusedError(
        f"whether {name} raises {cls.__name__} within `try`, whose handler takes that, is known only when the program runs",
        where=where,
        why="a translated program does not go on in a handler",
        remedy="ask for the condition before (if ...), or use jit(f, fallback=True)",
    )


def within(ops: list[Op]) -> Iterator[Op]:
    """Yield operations and those of their blocks."""
    for op in ops:
        yield op
        for block in op.blocks:
            yield from within(block.ops)


def raised(op: Op) -> Classes:
    """Return the classes of the exceptions that an operation may raise because of the *values* that it meets.

    Shapes that do not fit are not among them: such an exception is not sent to a handler, it ends the program, for all to see.
    """
    if isinstance(op, Raise):
        return (op.error,)
    if not isinstance(op, Apply):
        return (RecursionError,) if not op.blocks else ()
    types = [atom_type(atom) for atom in atoms((op.args, op.kwargs))]
    if any(isinstance(t, (ListOf, Opaque)) for t in types) and op.effect:
        return (Exception,)
    if op.function in (operator.getitem, stores.assign, stores.accumulate):
        return _of_index(op)
    if "linalg" in (getattr(op.function, "__module__", None) or ""):
        return (np.linalg.LinAlgError,)
    if op.function is operator.pow and isinstance(op.args[1], (int, float)) and op.args[1] > 0:
        return (OverflowError,)
    return _BY_VALUES.get(op.function, ())


_DOMAIN = (*(math.log, math.log2, math.log10, math.log1p, math.sqrt, math.acos, math.asin, math.acosh, math.atanh),)
_BY_VALUES: dict[Any, Classes] = {
    **dict.fromkeys(_DOMAIN, (ValueError,)),
    **dict.fromkeys((math.fmod, math.gamma, math.lgamma), (ValueError, OverflowError)),
    **dict.fromkeys((math.sin, math.cos, math.tan), (ValueError,)),
    **dict.fromkeys((math.exp, math.expm1, math.cosh, math.sinh, math.ldexp), (OverflowError,)),
    **dict.fromkeys((operator.truediv, operator.floordiv, operator.mod), (ZeroDivisionError,)),
    operator.pow: (ZeroDivisionError, OverflowError),
    math.pow: (ValueError, OverflowError),
    **dict.fromkeys((np.max, np.min, np.amax, np.amin, np.argmax, np.argmin), (ValueError,)),
    int: (ValueError, OverflowError),
    stores.without_last: (IndexError,),
}


def _of_index(op: Apply) -> Classes:
    """Return what an index may raise: slices raise nothing, positions known to be within do not either."""
    index = op.args[1]
    parts = index if isinstance(index, tuple) else (index,)
    positions = [part for part in parts if not (part is None or part is Ellipsis or isinstance(part, slice))]
    base = op.args[0]
    shape = writer().shapes.get(base) if isinstance(base, Value) else None
    known = all(isinstance(part, int) and not isinstance(part, bool) for part in parts)
    if positions and not (known and shape is not None and all(-n <= k < n for k, n in zip(parts, shape, strict=False))):
        return (IndexError,)
    return ()


def is_user_code(manager: Any) -> bool:
    """Tell whether a context manager may do more than to set how NumPy and Python warn."""
    return not isinstance(manager, (np.errstate, contextlib.nullcontext, warnings.catch_warnings))


class Context:
    """A context manager of a ``with`` statement: those of the user's classes in rewritten form."""

    def __init__(self, manager: Any) -> None:
        self.manager: Any = manager
        if isinstance(manager, np.errstate) and "raise" in [
            getattr(manager, name, "") for name in ("_all", "_divide", "_over", "_under", "_invalid")
        ]:
            raise RefusedError("numpy.errstate with 'raise' is not translated", remedy="check the result with numpy.isfinite")

    def __enter__(self) -> Any:
        method = special(self.manager, "__enter__")
        return self.manager.__enter__() if method is None else method()

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> Any:  # noqa: PYI036
        method = special(self.manager, "__exit__")
        if error is not None and not is_own(error):
            self.manager.__exit__(kind, error, trace) if method is None else method(kind, error, trace)
            return False
        return self.manager.__exit__(kind, error, trace) if method is None else method(kind, error, trace)
