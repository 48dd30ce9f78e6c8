"""The exceptions of adjoint.

::

    AdjointError
    ├── MissingRuleError (NotImplementedError)     a function, or one of its arguments, has no derivative rule
    ├── NotDifferentiableError (ValueError)        the derivative does not exist at this point
    ├── ConversionError (TypeError)                a traced value was asked for its plain number, which would cut the derivative
    ├── EscapedValueError (RuntimeError)           a traced value was used after its derivative had ended
    ├── MutationError (ValueError)                 a traced value was stored where the derivative cannot follow
    ├── InputError (TypeError)                     an argument that cannot be differentiated: integers, strings, objects
    ├── OutputError (TypeError)                    a result that cannot be differentiated: not a scalar, a generator, a string
    ├── StructureError (ValueError)                tangents or cotangents do not match the primal in structure, shape or dtype
    ├── BatchError (ValueError)                    `vmap` cannot batch this
    ├── PatternError (ValueError)                  a sparse Jacobian has entries outside of the pattern that was given
    ├── MemoryBudgetError (ValueError)             a memory budget has no room for one state of a loop
    └── CheckError (AssertionError)                `adjoint.testing.check` found a wrong derivative

Every message says what happened, where (the user's own file and line), why, and what to do about it.
"""

from __future__ import annotations

import functools
import os
import sys
from types import CodeType, FrameType
from typing import Any

__all__ = [
    "AdjointError",
    "BatchError",
    "CheckError",
    "ConversionError",
    "EscapedValueError",
    "InputError",
    "MemoryBudgetError",
    "MissingRuleError",
    "MutationError",
    "NotDifferentiableError",
    "OutputError",
    "PatternError",
    "StructureError",
]

# As the import system spells it, `..` included, and not normalised: code objects have this spelling, and are compared with it.
_HERE = os.path.dirname(__file__) + os.sep
# Where adjoint's own code lies, as prefixes of file names; the demo's models are a user's code like any other.
OWN_FILES = tuple(_HERE + name for name in ("_", "errors", "explain", "numpy", "rules", "testing"))
_LIBRARIES = ("numpy", "scipy", "optree")


class AdjointError(Exception):
    """Base class of all errors that adjoint raises on purpose."""

    def __init__(self, what: str, *, why: str = "", remedy: str = "", where: str | None = None) -> None:
        where = user_line() if where is None else where
        parts = [
            what,
            f"  at {where}" if where else "",
            f"  because {why}" if why else "",
            f"  remedy: {remedy}" if remedy else "",
        ]
        super().__init__("\n".join(part for part in parts if part))
        self.what, self.why, self.remedy, self.where = what, why, remedy, where

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.what, self.why, self.remedy, self.where)


def _rebuild(cls: type[AdjointError], what: str, why: str, remedy: str, where: str) -> AdjointError:
    return cls(what, why=why, remedy=remedy, where=where)


class MissingRuleError(AdjointError, NotImplementedError):
    """A function was called with a traced value and the rule book has no derivative for it.

    Add a rule (``adjoint.rules.elementwise(function, partial)`` and its siblings), wrap the function in `custom_jvp` or
    `custom_vjp`, or hold the value constant with `stop_gradient`.
    """

    @classmethod
    def of(cls, name: str, reason: str = "", argument: str = "") -> MissingRuleError:
        """Return the error for the function of this name: why it has no rule, and for which argument, if not for all."""
        what = f"no derivative of {name}" + (f" with respect to {argument}" if argument else "")
        remedy = (
            "add a rule with adjoint.rules, wrap the function in custom_jvp, or hold the value constant by stop_gradient(x)"
        )
        return cls(what, why=reason, remedy=remedy)


class NotDifferentiableError(AdjointError, ValueError):
    """The derivative does not exist at this point, for example of eigenvectors of a repeated eigenvalue."""


class ConversionError(AdjointError, TypeError):
    """A traced value was asked for its plain number where the derivative could not follow it.

    ``float(x)`` and ``np.asarray(x)`` work in functions whose source can be read.  Elsewhere they would silently make the
    derivative zero, and so they raise.
    """


class EscapedValueError(AdjointError, RuntimeError):
    """A traced value was kept (in a global, an attribute, a cache) and used after its derivative had ended."""


class MutationError(AdjointError, ValueError):
    """A traced value was stored in an array where the derivative cannot follow it."""


class InputError(AdjointError, TypeError):
    """An argument cannot be differentiated: an integer array, a string, an object that is no pytree."""


class OutputError(AdjointError, TypeError):
    """A result cannot be differentiated: `grad` needs one real scalar; generators and strings have no derivative."""


class StructureError(AdjointError, ValueError):
    """A tangent or cotangent does not match its primal in tree structure, shape or dtype."""


class BatchError(AdjointError, ValueError):
    """`vmap` cannot batch this function or these arguments."""


class PatternError(AdjointError, ValueError):
    """A sparse Jacobian has entries outside of the pattern that was given for it."""


class MemoryBudgetError(AdjointError, ValueError):
    """A memory budget has no room for a single state of a loop, so that the loop cannot be reversed within it."""


class CheckError(AdjointError, AssertionError):
    """`adjoint.testing.check` found a derivative that disagrees with the independent check."""


def foreign_files() -> tuple[str, ...]:
    """Return the prefixes of the names of files that belong to adjoint or to the libraries below it."""
    homes = [os.path.dirname(sys.modules[name].__file__ or "") + os.sep for name in _LIBRARIES if name in sys.modules]
    return (*OWN_FILES, *homes, functools.__file__, "<frozen", "<__array_function__")


def user_line() -> str:
    """Return where the innermost frame is that belongs neither to adjoint nor to the libraries below it, see `located`."""
    foreign = foreign_files()
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        filename = frame.f_code.co_filename
        if not filename.startswith(foreign):
            column = column_of(frame.f_code, frame.f_lasti, frame.f_lineno)
            return located(filename, frame.f_lineno, column, frame.f_globals)
        frame = frame.f_back
    return ""


def located(filename: str, line: int, column: int | None = None, namespace: dict[str, Any] | None = None) -> str:
    """Return ``file:line`` and, if it can be read, the source text of the line with a caret below the column (in bytes)."""
    import linecache

    source = linecache.getline(filename, line, namespace).rstrip()
    text = source.lstrip()
    if not text:
        return f"{filename}:{line}"
    if column is None:
        return f"{filename}:{line}: {text}"
    # Tabs stay tabs, so that the caret stands where the text does.
    before = source.encode()[:column].decode(errors="ignore")[len(source) - len(text) :]
    indent = "".join(c if c == "\t" else " " for c in before)
    return f"{filename}:{line}\n      {text}\n      {indent}^"


def column_of(code: CodeType, instruction: int, line: int) -> int | None:
    """Return the column, in bytes, of what an instruction stands for; None if the code does not tell."""
    places = _places(code)
    place = places[instruction // 2] if 0 <= instruction // 2 < len(places) else None
    return place[2] if place is not None and place[0] == line else None


@functools.lru_cache(256)
def _places(code: CodeType) -> list[tuple[int | None, int | None, int | None, int | None]]:
    return list(code.co_positions())
