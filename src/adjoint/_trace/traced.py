"""Traced values: what stands for a number or an array while a derivative is computed, and how functions reach its trace.

A `Traced` value belongs to one `Trace` (one run of one derivative) and holds the plain value, its ``primal``, which may itself
be traced by an enclosing derivative.  Traces are numbered by a counter that only grows, so that of two nested derivatives
the inner has the higher level, and no two runs ever share one: perturbations cannot be confused.  A function applied to
traced values is handed to the trace of the highest level, which evaluates it on primals (where the next lower level takes
over) and adds its own part.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint import _ufunc_methods
from adjoint._overload import Function, Overloaded
from adjoint._rules import kinds
from adjoint._rules.book import BOOK, Rule, find, lookup
from adjoint.errors import ConversionError, MissingRuleError, MutationError

_LEVELS = itertools.count(1)

# Functions that a trace over whole batches maps by themselves, although they are defined by others.
WHOLE: set[Function] = set()


class Trace:
    """One run of one derivative."""

    # Whether the functions in `WHOLE` are left as they are.
    whole = False

    def __init__(self) -> None:
        self.level = next(_LEVELS)
        # Arrays of lower levels, and plain buffers, that took in values of this trace; they return to their level at the end.
        self.promoted: list[Any] = []

    def apply(self, rule: Rule, call: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Evaluate ``call`` (the function of ``rule``) on primals and record or propagate what the derivative needs."""
        raise NotImplementedError

    def lift(self, primal: Any) -> Traced:
        """Return a traced value of this trace that does not depend on any input."""
        raise NotImplementedError

    def constant(self, x: Traced) -> Any:
        """Return a value that stands for many, without derivatives."""
        raise NotImplementedError

    def through(self, step: Callable[[Any], Any], primal: Any) -> Any:
        """Return the primal of the view ``step(x)`` of an array ``x`` of this trace with this primal."""
        return step(primal)

    def close(self) -> None:
        """End the trace: its values can no longer be used, and promoted arrays go back to the level that owns them."""
        while self.promoted:
            self.promoted.pop().lower()


class Traced(Overloaded):
    """A value that a derivative follows."""

    __slots__ = ("__weakref__", "kept", "primal", "run", "slot", "tangent")

    run: Any  # a `Trace`; subclasses say which
    primal: Any
    # What the traces note: of forward mode the tangent, of the tape the slot, and the first slot that keeps the content.
    tangent: Any
    slot: int
    kept: Any
    # Whether the value stands for many, so that no single plain value is behind it.
    many = False

    def _apply(self, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any], call: Function | None = None) -> Any:
        return apply(function, args, kwargs, call)

    @property
    def shape(self) -> tuple[int, ...]:
        return kinds.shape_of(self.primal)

    @property
    def dtype(self) -> np.dtype:
        dtype = getattr(self.primal, "dtype", None)
        return np.result_type(self.primal) if dtype is None else dtype

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    def __getitem__(self, index: Any) -> Any:
        if type(index) is tuple and not index and not is_array(self):
            return self
        return apply(operator.getitem, (self, index), {})

    # In place -----------------------------------------------------------------------------------------------------------

    @property
    def real(self) -> Any:
        return np.real(self)

    @real.setter
    def real(self, value: Any) -> None:
        self[...] = value + 1j * np.imag(self)

    @property
    def imag(self) -> Any:
        return np.imag(self)

    @imag.setter
    def imag(self, value: Any) -> None:
        self[...] = np.real(self) + 1j * value

    def store(self, index: Any, value: Any) -> None:
        """Store a value of this trace, of a lower one, or a plain one in place."""
        raise NotImplementedError

    def store_part(self, view: Any, index: Any, value: Any) -> None:
        """Store a value in a view of this array."""
        raise NotImplementedError

    def _update(self, operation: Function, other: Any) -> Any:
        """``x += y``: in place for arrays, a new value for numbers."""
        if not is_array(self):
            if type(self.primal) is not float and hasattr(sample(self), "__iadd__"):
                raise MutationError(
                    f"an array of type {type(plain(self)).__name__} was written to in place",
                    why="derivatives follow arrays of other libraries as values, not as memory",
                    remedy="write x = x + y in place of x += y",
                )
            return operation(self, other)
        self[...] = operation(self, other)
        return self

    def clone(self) -> Traced:
        """Return another object for the same traced value."""
        copy = object.__new__(type(self))
        copy.become(self)
        return copy

    def become(self, other: Traced) -> None:
        """Take the place of another traced value, so that all who hold this object hold that value."""
        self.__class__ = type(other)  # pyright: ignore[reportAttributeAccessIssue]
        for name in ("run", "primal", "tangent", "slot", "kept"):
            if hasattr(other, name):
                setattr(self, name, getattr(other, name))

    def below(self) -> Any:
        """Return what takes this value's place when its trace ends."""
        return self.primal

    def one(self) -> Any:
        """Return the primal of a value that stands for one."""
        return self.primal

    def sample(self) -> Any:
        """Return a plain value of the type, shape and dtype of one of many."""
        raise NotImplementedError

    @property
    def number(self) -> bool:
        """Whether a value that stands for many stands for numbers rather than for arrays."""
        raise NotImplementedError

    @property
    def base(self) -> Any:
        """The array of which this one is a view, None if it owns its memory, as of NumPy's arrays."""
        whole = self.whole()
        return None if whole is self else whole

    def whole(self) -> Any:
        """Return the traced array that owns the memory."""
        return self

    # Values of which the derivative is zero almost everywhere may be handed out ------------------------------------------

    def __bool__(self) -> bool:
        return bool(self.one())

    def __int__(self) -> int:
        return int(self.one())

    def __round__(self, ndigits: int | None = None) -> Any:
        return round(self.one()) if ndigits is None else np.round(self, ndigits)

    def __floor__(self) -> Any:
        return np.floor(self.primal).astype(int) if len(kinds.shape_of(self.primal)) else int(np.floor(plain(self)))

    def __ceil__(self) -> Any:
        return int(np.ceil(plain(self)))

    def __trunc__(self) -> int:
        return int(self.one())

    def is_integer(self) -> bool:
        return bool(plain(self) == np.round(plain(self)))

    def __contains__(self, value: Any) -> bool:
        return bool(np.any(plain(self) == plain(value)))

    def __format__(self, spec: str) -> str:
        return format(plain(self), spec)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({plain(self)!r})"

    def __str__(self) -> str:
        return str(plain(self))

    def copy(self, order: str = "C") -> Any:  # noqa: ARG002  (as `numpy.ndarray.copy`)
        return np.copy(self) if kinds.foreign(self) is None else np.positive(self)

    def __copy__(self) -> Any:
        return np.copy(self) if is_array(self) else self

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self.__copy__()

    # Values that would cut the derivative are refused ---------------------------------------------------------------------

    def __hash__(self) -> int:
        raise ConversionError(
            "a traced value was used as a key of a dict, an element of a set, or an argument of a cache",
            why="two values that are equal may have different derivatives, and a look-up by value would confuse them",
            remedy="use an integer or a string as the key, or stop_gradient(x) for the plain number",
        )

    def __float__(self) -> float:
        raise self._refuse("float(x)")

    def __complex__(self) -> complex:
        raise self._refuse("complex(x)")

    def __index__(self) -> int:
        raise self._refuse("an index or a size", "floats cannot be indices; write int(x), whose derivative is zero")

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise self._refuse("a plain NumPy array")

    def __reduce__(self) -> Any:
        raise self._refuse("a pickle")

    def _refuse(self, what: str, remedy: str = "") -> ConversionError:
        return ConversionError(
            f"a traced value was asked for {what}",
            why="the plain number would silently cut the derivative, and this code cannot be followed "
            "(its source cannot be read, or it is compiled)",
            remedy=remedy
            or "use NumPy functions, or `import adjoint.numpy as np` there, or give the function a rule "
            "(custom_jvp, custom_vjp); stop_gradient(x) hands out a constant",
        )


def plain(x: Any) -> Any:
    """Return the value of ``x`` without any trace: a number, an array, or whatever it was."""
    while isinstance(x, Traced):
        x = x.one()
    return x.plain() if isinstance(x, Host) else x


def constant(x: Any) -> Any:
    """Return the value of ``x`` without any derivative: that of each element, if it stands for many."""
    while isinstance(x, Traced):
        if x.many:
            return x.run.constant(x)
        x = x.primal
    return x.plain() if isinstance(x, Host) else x


def sample(x: Any) -> Any:
    """Return a plain value of the type, shape and dtype of ``x``: its own if it has one."""
    while isinstance(x, Traced):
        x = x.sample() if x.many else x.primal
    return (x if x.content is None else sample(x.content)) if isinstance(x, Host) else x


def is_array(x: Any) -> bool:
    """Tell whether ``x`` has the semantics of a mutable array rather than of a number."""
    while isinstance(x, Traced):
        if x.many:
            return not x.number
        x = x.primal
    return isinstance(x, np.ndarray)


class Host:
    """Mixin of plain arrays that may hold a traced value in their place (`buffers.Buffer`)."""

    content: Any = None

    def plain(self) -> Any:
        raise NotImplementedError


def apply(  # noqa: C901, PLR0912 - a hot path
    function: Function, args: tuple[Any, ...], kwargs: dict[str, Any], call: Function | None = None
) -> Any:
    """Apply ``function`` to arguments of which some are traced, by its rule and the trace of the highest level."""
    rule = BOOK.get(function) or _late_rule(function, args)
    if kwargs or len(args) > 2:
        out, args, kwargs = without_out(rule, args, kwargs)
        if out is not None:
            return _ufunc_methods.deliver(apply(function, args, kwargs, call), (out,), True)
    if rule.kind == "composite" and not (function in WHOLE and _taken_whole(args)):
        return rule.formulas[0](*args, **kwargs)
    if kwargs:
        args, kwargs = bind(rule, args, kwargs)
        rule = rule if "dtype" not in kwargs else of_dtype(rule, kwargs["dtype"])
    trace: Trace | None = None
    hosted = False
    for a in args:
        if isinstance(a, Traced):
            if trace is None or a.run.level > trace.level:
                trace = a.run
        elif isinstance(a, (list, tuple)):
            inner = highest(a)
            hosted = hosted or (inner is not None and hosts(a))
            if inner is not None and (trace is None or inner.level > trace.level):
                trace = inner
        elif isinstance(a, Host) and a.content is not None:
            hosted = True
    if hosted:
        return apply(function, tuple(map(unhost, args)), kwargs, call)
    if trace is None:
        return (call or function)(*args, **kwargs)
    if rule.kind == "excluded" and not trace.whole:
        lookup(function)  # raises, with the reason
    return trace.apply(rule, call or function, args, kwargs)


def _late_rule(function: Function, args: tuple[Any, ...]) -> Rule:
    """Return the rule of a function whose chapter has not been read; a batch needs no rule, as it does not differentiate."""
    rule = find(function)
    return Rule(function, "constant") if rule is None and _taken_whole(args) else rule or lookup(function)


def _taken_whole(args: tuple[Any, ...]) -> bool:
    """Tell whether the trace of the highest level maps functions by themselves that are defined by others."""
    trace = highest(args)
    return trace is not None and trace.whole


def highest(values: Any) -> Trace | None:
    """Return the trace of the highest level in a nested sequence, or None."""
    best: Trace | None = None
    for value in values:
        inner = (
            value.run
            if isinstance(value, Traced)
            else highest(value)
            if isinstance(value, (list, tuple))
            else value.content.run
            if isinstance(value, Host) and value.content is not None
            else None
        )
        if inner is not None and (best is None or inner.level > best.level):
            best = inner
    return best


def hosts(values: Any) -> bool:
    """Tell whether a nested sequence holds a buffer with a traced value in it."""
    return any(hosts(v) if isinstance(v, (list, tuple)) else isinstance(v, Host) and v.content is not None for v in values)


def unhost(a: Any) -> Any:
    """Return the traced value that a buffer holds, in a sequence too."""
    if type(a) in (list, tuple):
        return type(a)(map(unhost, a))
    return a.content if isinstance(a, Host) and a.content is not None else a


def of_dtype(rule: Rule, dtype: Any) -> Rule:
    """Return the rule of a function that was asked for results of ``dtype``: integers have no derivative."""
    return rule if dtype is None or np.dtype(dtype).kind in "fc" else Rule(rule.function, "constant")


def without_out(rule: Rule, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    """Return the argument ``out``, the place where the result is to be stored, and the arguments without it."""
    if "out" in kwargs:
        return kwargs["out"], args, {name: value for name, value in kwargs.items() if name != "out"}
    position = rule.plans.get("out")
    if position is None:
        names, _ = signature(rule)
        position = rule.plans["out"] = names.index("out") if "out" in names else len(names) + 99
    if position >= len(args):
        return None, args, kwargs
    return args[position], (*args[:position], None, *args[position + 1 :]), kwargs


def bind(rule: Rule, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Move traced keyword arguments, and those before them, to their position, which is where rules look for them.

    The names are those of the rule's first formula, which follow NumPy's.
    """
    traced = [name for name, value in kwargs.items() if highest((value,)) is not None]
    if not traced:
        return args, kwargs
    names, defaults = signature(rule)
    for name in traced:
        if name not in names:
            raise MissingRuleError.of(rule.name, "the rule takes it for an option that is held fixed", f"argument {name!r}")
    wanted = max(map(names.index, traced))
    moved = {name: unhost(value) for name, value in kwargs.items()}
    args = tuple(args) + tuple(moved.pop(name) if name in moved else defaults[name] for name in names[len(args) : wanted + 1])
    return args, moved


def signature(rule: Rule) -> tuple[list[str], dict[str, Any]]:
    """Return the names of a rule's positional arguments, and their defaults."""
    import inspect

    formula = next((f for f in rule.formulas if callable(f)), None)
    skip = {"elementwise": 1, "linear": 1, "bilinear": 1, "general": 2}.get(rule.kind, 0) if formula else 0
    try:
        parameters = list(inspect.signature(formula or rule.function).parameters.values())[skip:]
    except ValueError:  # a function of NumPy's that is written in C
        return [], {}
    parameters = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return [p.name for p in parameters], {p.name: p.default for p in parameters if p.default is not p.empty}


def map_sequence(function: Callable[[Any], Any], value: Any) -> Any:
    """Apply ``function`` to an argument, or to each entry if the argument is a list or tuple."""
    return type(value)([map_sequence(function, part) for part in value]) if type(value) in (list, tuple) else function(value)
