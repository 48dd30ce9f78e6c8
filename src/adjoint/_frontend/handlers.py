"""`try` and `with`: a program does not go on in a handler, so operations that may raise what a handler takes are refused."""

from __future__ import annotations

import contextlib
import math
import operator
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from adjoint._frontend.calls import special
from adjoint._frontend.state import RefusedError
from adjoint._ir.nodes import Apply, Block, Op, Raise, Value, atom_type, atoms
from adjoint._ir.symbol import extent, length, writer
from adjoint._ir.types import ListOf, Opaque, Tensor
from adjoint._rules import logic, stores
from adjoint._rules.book import find
from adjoint.errors import AdjointError

Classes = tuple[type[BaseException], ...]
# Exceptions of known values that Python itself raises while the function is run on symbols: they are the program's own.
NATURAL = (ArithmeticError, LookupError, ValueError, ImportError, OSError, StopIteration)
# Functions that raise nothing that their arguments' types did not show already.
_SAFE = frozenset({
    extent, length, stores.append, stores.listed, stores.filled, stores.numbers, np.size, np.copy, np.zeros_like, np.ones_like,
    np.empty_like, np.transpose, bool, float, logic.opposite, logic.either,
})  # fmt: skip


def is_own(error: BaseException | None) -> bool:
    """Tell whether an exception is one that the user's program raises, not one of the translation."""
    return getattr(error, "__adjoint_raised__", False) or (isinstance(error, NATURAL) and not isinstance(error, AdjointError))


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

    def __init__(self, types: Callable[[], Any]) -> None:
        self.types = types

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
            self.look(self.block)

    def look(self, block: Block) -> None:
        """Refuse what the body wrote if it may raise an exception of the handlers."""
        classes = self.classes()
        for op in within(block.ops[self.count :]):
            for cls in raised(op):
                for one in classes:
                    if issubclass(cls, one) or issubclass(one, cls):
                        raise refused(op, one if issubclass(one, cls) else cls)


def refused(op: Op, cls: type[BaseException]) -> RefusedError:
    """Return the error for an operation in a ``try``."""
    name = getattr(op.function, "__name__", "an operation") if isinstance(op, Apply) else "an operation"
    where = f"{op.line.filename}:{op.line.number}" if op.line is not None else None
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
    """Return the classes of the exceptions that an operation may raise."""
    if isinstance(op, Raise):
        return (op.error,)
    if not isinstance(op, Apply):
        return (RecursionError,) if not op.blocks else ()
    if op.function in _SAFE:
        return ()
    types = [atom_type(atom) for atom in atoms((op.args, op.kwargs))]
    if op.function in (operator.getitem, stores.assign, stores.accumulate):
        return _of_index(op)
    if any(isinstance(t, (ListOf, Opaque)) for t in types if not isinstance(t, Tensor)) and op.effect:
        return (Exception,)
    tensors = [t for t in types if isinstance(t, Tensor)]
    if all(t.rank == 0 for t in tensors):
        return _of_numbers(op, tensors)
    if isinstance(op.function, np.ufunc) or is_elementwise(op.function):
        return (FloatingPointError,) if sum(t.rank > 0 for t in tensors) < 2 else (FloatingPointError, ValueError)
    linear_algebra = (np.linalg.LinAlgError,) if "linalg" in (getattr(op.function, "__module__", None) or "") else ()
    return (*linear_algebra, ValueError, ArithmeticError, LookupError, TypeError)


def is_elementwise(function: Any) -> bool:
    """Tell whether a function works element by element."""
    rule = find(function)
    return rule is not None and rule.kind == "elementwise"


def _of_numbers(op: Apply, types: list[Tensor]) -> Classes:
    if isinstance(op.function, np.ufunc) or not all(t.number for t in types):
        return (FloatingPointError,)
    if op.function in (operator.add, operator.sub, operator.mul, operator.neg, abs, max, min) or op.function in _COMPARISONS:
        return ()
    if getattr(op.function, "__module__", "") == "math" and op.function not in (math.exp, math.log):
        return (ValueError, OverflowError)
    return (ZeroDivisionError, OverflowError, ValueError)


_COMPARISONS = (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne)


def _of_index(op: Apply) -> Classes:
    """Return what an index may raise: slices raise nothing, positions known to be within do not either."""
    index = op.args[1]
    parts = index if isinstance(index, tuple) else (index,)
    positions = [part for part in parts if not (part is None or part is Ellipsis or isinstance(part, slice))]
    base = op.args[0]
    shape = writer().shapes.get(base) if isinstance(base, Value) else None
    known = all(isinstance(part, int) and not isinstance(part, bool) for part in parts)
    classes: Classes = ()
    if positions and not (known and shape is not None and all(-n <= k < n for k, n in zip(parts, shape, strict=False))):
        classes = (IndexError,)
    stored = op.args[2] if len(op.args) > 2 else 0
    if isinstance(stored, Value) and isinstance(stored.type, Tensor) and stored.type.rank:
        classes = (*classes, ValueError)
    return classes


class Context:
    """A context manager of a ``with`` statement: those of the user's classes in rewritten form."""

    def __init__(self, manager: Any) -> None:
        self.manager: Any = manager
        if isinstance(manager, np.errstate) and "raise" in [
            getattr(manager, name, "") for name in ("_all", "_divide", "_over", "_under", "_invalid")
        ]:
            raise RefusedError("numpy.errstate with 'raise' is not translated", remedy="check the result with numpy.isfinite")
        self.guard: Guard | None = None

    def __enter__(self) -> Any:
        if isinstance(self.manager, contextlib.suppress):
            classes = self.manager._exceptions  # type: ignore[attr-defined]
            self.guard = Guard(lambda: classes)
            self.guard.__enter__()
        method = special(self.manager, "__enter__")
        return self.manager.__enter__() if method is None else method()

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> Any:  # noqa: PYI036
        if self.guard is not None:
            self.guard.__exit__(kind, error, trace)
        method = special(self.manager, "__exit__")
        if error is not None and not is_own(error):
            self.manager.__exit__(kind, error, trace) if method is None else method(kind, error, trace)
            return False
        return self.manager.__exit__(kind, error, trace) if method is None else method(kind, error, trace)
