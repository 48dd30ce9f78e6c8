"""The rule book: which rule belongs to which function.

A rule is one call, ``kind(function, formulas...)``, and never mentions a mode, an engine, broadcasting, dtypes,
accumulation or a missing tangent.  What the kinds mean for forward and reverse mode is written once, in `kinds`.

==============  ===================================================  =============================================
kind            formulas, one for each argument in call order        signature of a formula
==============  ===================================================  =============================================
`elementwise`   partial derivatives                                  ``partial(y, *args)``
`linear`        transposes (linear in the arguments *jointly*)       ``transpose(ct, *args, **kwargs)``
`bilinear`      two transposes (linear in each argument)             ``transpose(ct, *args, **kwargs)``
`general`       jvp for a tangent of that argument alone             ``jvp(y, t, *args, **kwargs)``
`composite`     one definition by functions that have rules          ``definition(*args, **kwargs)``
`constant`      none: the derivative is zero almost everywhere
==============  ===================================================  =============================================

``y`` is the result, ``ct`` its cotangent, ``args`` and ``kwargs`` are what the caller wrote.  In place of a formula stands
`FIXED` for an argument without a derivative (a flag, a condition, an index), or `Unknown` for an argument whose derivative
exists but is not known here: to differentiate with respect to it is an error, never a silent zero.

An argument that a *linear* formula does not use by value (it asks only for ``shape``, ``ndim``, ``dtype``, ``size``) arrives as a
description of the array instead of the array, so that no memory is held; the same holds for the argument that a `bilinear`
transpose belongs to.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from adjoint.errors import MissingRuleError

Function = Callable[..., Any]
F = TypeVar("F", bound=Function)


class Fixed:
    """Marks an argument that has no derivative: a flag, a condition, an index."""

    def __repr__(self) -> str:
        return "FIXED"


FIXED = Fixed()


@dataclass(frozen=True)
class Unknown:
    """Marks an argument whose derivative exists but is not known; the reason goes into the error."""

    reason: str


Formula = Function | Fixed | Unknown


@dataclass(eq=False, slots=True)
class Rule:
    """What the book knows of one function."""

    function: Function
    kind: str
    # Each a `Formula`; who calls one has asked `kinds.is_active` whether it is a function.
    formulas: tuple[Any, ...] = ()
    vjps: tuple[Any, ...] = ()
    domain: Any = None
    reason: str = ""
    # What an engine computed from the formulas once and for all.
    plans: dict[Any, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return name_of(self.function)


BOOK: dict[Function, Rule] = {}
# Modules of rules that are read only once the library that they describe has been imported by somebody.
CHAPTERS: dict[str, str] = {
    "scipy.special": "adjoint._rules.special",
    "scipy.linalg": "adjoint._rules.scipy_linalg",
}


def elementwise(function: Function, *partials: Formula, on: Any = None) -> None:
    """Give the partial derivatives of an elementwise function, each a function of ``(y, *args)``.

    For a real-valued function of complex arguments the partial is the gradient (the direction of steepest ascent);
    otherwise it is the complex derivative.  ``on`` is the domain from which tests sample.
    """
    _enter(Rule(function, "elementwise", partials, domain=on))


def linear(function: Function, *transposes: Formula, on: Any = None) -> None:
    """Give the transposes of a function that is linear in all arguments that are not `FIXED`, jointly.

    An argument may be a sequence of arrays (``np.concatenate``): its transpose returns a sequence of cotangents.
    """
    _enter(Rule(function, "linear", transposes, domain=on))


def bilinear(function: Function, left: Function, right: Function, *, on: Any = None) -> None:
    """Give the two transposes of a function that is linear in each of its first two arguments."""
    _enter(Rule(function, "bilinear", (left, right), domain=on))


def general(function: Function, *jvps: Formula, vjp: tuple[Formula, ...] | Formula = (), on: Any = None) -> Callable[[F], F]:
    """Give a jvp for each argument and, where it is cheaper than transposing the jvp, a vjp ``(y, ct, *args, **kwargs)``.

    With no jvp given it is a decorator for the jvp with respect to the only differentiable argument, the first.
    """
    vjps = vjp if isinstance(vjp, tuple) else (vjp,)

    def register(*formulas: Formula) -> None:
        _enter(Rule(function, "general", formulas, vjps, domain=on))

    def decorate(jvp: F) -> F:
        register(jvp)
        return jvp

    if jvps:
        register(*jvps)
    return decorate


def composite(function: Function, definition: Function | None = None, *, on: Any = None) -> Callable[[F], F]:
    """Define a function by functions that have rules; usable as a decorator of the definition."""

    def decorate(body: F) -> F:
        _enter(Rule(function, "composite", (body,), domain=on))
        return body

    if definition is not None:
        _enter(Rule(function, "composite", (definition,), domain=on))
    return decorate


def constant(*functions: Function) -> None:
    """Declare functions whose derivative is zero wherever it exists."""
    for function in functions:
        _enter(Rule(function, "constant"))


def excluded(reason: str, *functions: Function) -> None:
    """Declare functions that cannot be differentiated, with the reason that the error message gives."""
    for function in functions:
        _enter(Rule(function, "excluded", reason=reason))


def _enter(rule: Rule) -> None:
    if rule.kind not in ("constant", "excluded"):
        if not callable(rule.function):
            raise TypeError(f"{rule.kind}: expected a function, got {type(rule.function).__name__}: {rule.function!r:.80}")
        for formula in (*rule.formulas, *rule.vjps):
            if not callable(formula) and not isinstance(formula, (Fixed, Unknown)):
                raise TypeError(f"{rule.kind}({rule.name}): expected a function, FIXED or Unknown(...), got {formula!r:.80}")
    BOOK[rule.function] = rule


def find(function: Function) -> Rule | None:
    """Return the rule of ``function``, reading further chapters of the book if their library is loaded."""
    rule = BOOK.get(function)
    if rule is None and _read_chapters():
        rule = BOOK.get(function)
    return rule


def lookup(function: Function) -> Rule:
    """Return the rule of ``function`` or raise `MissingRuleError`."""
    rule = find(function)
    if rule is None:
        raise MissingRuleError.of(name_of(function))
    if rule.kind == "excluded":
        raise MissingRuleError.of(rule.name, rule.reason)
    return rule


def rules() -> Iterator[Rule]:
    """Iterate over all rules, in the order of the book, all chapters read."""
    for library in list(CHAPTERS):
        importlib.import_module(library)
    _read_chapters()
    return iter(BOOK.values())


def _read_chapters() -> bool:
    due = [library for library in CHAPTERS if library in sys.modules]
    for library in due:
        importlib.import_module(CHAPTERS[library])
        CHAPTERS.pop(library, None)
    return bool(due)


def name_of(function: Function) -> str:
    """Return a function's dotted public name, as a user would write it.

    >>> import numpy as np
    >>> name_of(np.sin), name_of(np.linalg.solve)
    ('numpy.sin', 'numpy.linalg.solve')
    """
    name = getattr(function, "__qualname__", None) or getattr(function, "__name__", None) or repr(function)
    module = getattr(function, "__module__", None) or _module_of_ufunc(function, name)
    return f"{module}.{name}" if module else name


def _module_of_ufunc(function: Function, name: str) -> str:
    """Return the library of a ufunc, which does not say itself where it comes from."""
    homes = (module for module in ("numpy", "scipy.special") if getattr(sys.modules.get(module), name, None) is function)
    return next(homes, "")
