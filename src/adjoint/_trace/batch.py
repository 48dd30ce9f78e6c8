"""Batching: one run of a function on a stack of arguments, every operation applied to the whole stack at once.

A `Batched` value is an array with the batch axis in front; its ``shape`` is that of one element.  An operation is mapped by
its batched form (`_rules.batching`); one without form is applied to each element of the batch.  What a single run cannot
follow, because the elements would go different ways (``if x > 0``, ``x[x > 0]``, ``range(int(x))``), raises `Diverged`, and
the caller runs the function once for each element instead.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from types import BuiltinFunctionType
from typing import Any, NoReturn

import numpy as np

from adjoint._overload import Function
from adjoint._rules import batching, kinds
from adjoint._rules.batching_forms import Ragged
from adjoint._rules.batching_indexing import Index, fitting
from adjoint._rules.book import BOOK, Rule
from adjoint._trace.forward import escaped
from adjoint._trace.memory import as_traced, before_write, is_basic, leaves_array, owner_of, receiving
from adjoint._trace.traced import WHOLE, Host, Trace, Traced, apply, constant, highest, is_array
from adjoint._trace.view import alias

WHOLE.update(batching.FORMS)


class Diverged(BaseException):
    """The elements of a batch go different ways.

    Not an `Exception`, so that no ``except Exception`` of the function itself takes it for one of its own errors.
    """

    def __init__(self, trace: Batch) -> None:
        self.run = trace


class Batched(Traced):
    """A stack of values, one for each element of the batch.

    Like all traced values it can take the place of another (`Traced.become`) and so has no attributes of its own: ``kept``
    tells whether an element is a number, immutable, rather than an array; ``tangent`` is what the value took the place of, if
    it did.
    """

    __slots__ = ()

    run: Batch
    many = True

    def __init__(self, trace: Batch, primal: Any, *, number: bool | None = None, origin: Any = None) -> None:
        self.run = trace
        self.primal = primal
        self.kept = len(kinds.shape_of(primal)) == 1 if number is None else number
        self.tangent = origin

    def _apply(self, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any], call: Function | None = None) -> Any:
        rule = None if kwargs else BOOK.get(function)
        if rule is not None and rule.kind == "elementwise":
            return self.run.elementwise(rule, call or function, args)
        return apply(function, args, kwargs, call)

    @property
    def number(self) -> bool:
        return self.kept

    @property
    def shape(self) -> tuple[int, ...]:
        return kinds.shape_of(self.primal)[1:]

    def store(self, index: Any, value: Any) -> None:
        self.store_part(None, index, value)

    def store_part(self, view: Any, index: Any, value: Any) -> None:
        trace = self.run
        mine = isinstance(value, Traced) and value.run is trace
        value = value.primal if mine else value
        before_write(self)
        before_write(owner_of(self.primal))
        self.primal = receiving(self.primal, value)
        part = self.primal if view is None else view.primal
        found = trace.index(len(kinds.shape_of(part)) - 1, index)
        if found.moves is not None or mine:
            shape = kinds.shape_of(found.out(part[found.full]))
            value = fitting(value, mine, len(shape) - 1)
            value = value if found.moves is None else found.back(np.broadcast_to(value, shape))
        part[found.full] = value

    def below(self) -> Any:
        """Return what stood here before: the end of the batch leaves no single value, and so the run does not count."""
        self.run.diverged = True
        return self.tangent

    # What depends on the element -----------------------------------------------------------------------------------------

    def one(self, *_: Any, **__: Any) -> NoReturn:
        """Raise, as the answer differs from element to element."""
        self.run.diverge()

    __bool__ = __int__ = __float__ = __complex__ = __index__ = __array__ = one
    __round__ = __floor__ = __ceil__ = __trunc__ = __contains__ = __format__ = __str__ = is_integer = one

    def sample(self) -> Any:
        """Return a plain value of the type, shape and dtype of an element."""
        zero = self.dtype.type(0)
        return zero if self.number else np.broadcast_to(zero, self.shape)

    def __repr__(self) -> str:
        return f"Batched(size={self.run.size}, shape={self.shape}, dtype={self.dtype})"


class Batch(Trace):
    """One run of a function on a batch."""

    whole = True

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.diverged = False
        self.open = True
        # Whether views are made as NumPy makes them, for `through`.
        self.raw = False

    def diverge(self) -> NoReturn:
        """End the run.  The flag holds even if somebody catches everything."""
        self.diverged = True
        raise Diverged(self)

    def constant(self, x: Traced) -> Batched:
        return Batched(self, constant(x.primal), number=x.number)

    def through(self, step: Callable[[Any], Any], primal: Any) -> Any:
        before, self.raw = self.raw, True
        try:
            return step(Batched(self, primal, number=False)).primal
        finally:
            self.raw = before

    def apply(self, rule: Rule, call: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not self.open:
            raise escaped()
        function = rule.function
        if function in batching.FORM_ONLY:
            return call(*[self.sample(a) for a in args], **kwargs)
        if isinstance(function, np.ufunc) and type(call) is not BuiltinFunctionType:
            call = function  # `math.sin` and its siblings take single numbers
        if function not in SEQUENCES and not made_for_one_call(rule):
            args = tuple([as_traced(a) if type(a) is list else a for a in args])
        mapped = tuple([self.mapped(a) for a in args])
        form = batching.form_for(rule)
        y = NotImplemented
        if form is not None and not (kwargs and any(map(self.mapped, kwargs.values()))):
            y = self.evaluate(form, rule, call, mapped, args, kwargs)
        if y is NotImplemented:
            return self.one_by_one(rule, call, args, kwargs)
        return self.own(rule, y, args, kwargs)

    def elementwise(self, rule: Rule, call: Function, args: tuple[Any, ...]) -> Any:
        """Do what `apply` does for an elementwise function of plain stacks; others take the general way."""
        primals = []
        ranks = []
        for a in args:
            kind = type(a)
            if kind is Batched:
                x = a.primal
                if a.run is not self or type(x) is not np.ndarray:
                    return apply(rule.function, args, {}, call)
                ranks.append(x.ndim - 1)
                primals.append(x)
            elif kind in NUMBERS:
                ranks.append(-1)
                primals.append(a)
            else:
                return apply(rule.function, args, {}, call)
        n = max(ranks)
        for k, r in enumerate(ranks):
            if -1 < r < n:
                x = primals[k]
                primals[k] = x.reshape((self.size, *(1,) * (n - r), *x.shape[1:]))
        if type(call) is not BuiltinFunctionType:
            call = rule.function
        y = call(*primals)
        if not self.open:
            raise escaped()
        return Batched(self, y) if type(y) is np.ndarray else self.own(rule, y, args, {})

    def evaluate(self, form: Any, rule: Rule, call: Function, mapped: Any, args: Any, kwargs: Any) -> Any:
        primals = [self.primal_of(a) if m else a for a, m in zip(args, mapped, strict=True)]
        if highest(primals) is not None:
            call = redispatched(rule, call)
        try:
            return form(call, mapped, self.size, *primals, **kwargs)
        except Ragged:
            self.diverge()

    def own(self, rule: Rule, y: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Wrap a result, or each of a tuple; an element that was read has memory of its own, as numbers have."""
        if not isinstance(y, (np.ndarray, Traced)) and isinstance(y, (tuple, list)):
            parts = [self.own(rule, part, args, kwargs) for part in y]
            return type(y)(*parts) if hasattr(y, "_fields") else type(y)(parts)
        x, number = args[0], len(kinds.shape_of(y)) == 1
        if number and rule.function is operator.getitem and not (is_basic(args[1]) and leaves_array(args[1], len(x.shape))):
            return Batched(self, np.copy(y))
        if rule.kind == "linear" and not self.raw and self.mapped(x) is True:
            shared = alias(y, x.primal, x, rule.function, args[1:], kwargs)
            if shared is not None:
                return shared
        if number and rule.kind == "linear" and self.mapped(x) is True:
            number = not is_array(x)  # the same elements in another shape
        return Batched(self, y, number=number)

    def one_by_one(self, rule: Rule, call: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Apply a function to each element of the batch."""
        call = redispatched(rule, call)
        results = [call(*[self.element(a, k) for a in args], **{name: self.element(a, k) for name, a in kwargs.items()})
                   for k in range(max(self.size, 1))]  # fmt: skip
        return self.collect(results)

    def collect(self, results: list[Any]) -> Any:
        """Return the results of the elements as one batched result."""
        first = results[0]
        if type(first) is not np.ndarray and isinstance(first, (tuple, list)):
            if any(not isinstance(y, (tuple, list)) or len(y) != len(first) for y in results):
                self.diverge()
            parts = [self.collect(list(column)) for column in zip(*results, strict=True)]
            return type(first)(*parts) if hasattr(first, "_fields") else type(first)(parts)
        if not isinstance(first, (Traced, np.ndarray, np.generic, int, float, complex)):
            if any(y is not first and (type(y) is not type(first) or y != first) for y in results):
                self.diverge()
            return first
        if any(
            isinstance(y, (tuple, list)) or (not hasattr(y, "dtype") and not isinstance(y, (int, float, complex)))
            for y in results
        ):
            self.diverge()
        if any(kinds.shape_of(y) != kinds.shape_of(first) for y in results):
            self.diverge()
        return Batched(self, np.stack(results)[: self.size])

    def index(self, n: int, index: Any) -> Index:
        """Return an index of logical arrays of rank ``n`` as an index of their stacks."""
        try:
            return Index(True, self.size, n, self.primal_of(index), self.mapped(index))
        except Ragged:
            self.diverge()

    def lift(self, primal: Any) -> Batched:
        content = primal.plain() if isinstance(primal, Host) else primal
        whole = np.copy(np.broadcast_to(content, (self.size, *kinds.shape_of(content))))
        return Batched(self, whole, number=not is_array(primal), origin=primal)

    def close(self) -> None:
        super().close()
        self.open = False

    def mapped(self, a: Any) -> Any:
        """Tell whether an argument belongs to this batch; of a sequence, which of its parts do, False if none."""
        if isinstance(a, Traced):
            return a.run is self
        if type(a) in (list, tuple):
            parts = tuple([self.mapped(part) for part in a])
            return parts if any(parts) else False
        return isinstance(a, Host) and a.content is not None and self.mapped(a.content)

    def primal_of(self, a: Any) -> Any:
        """Return an argument with the batch axis in front."""
        if type(a) in (list, tuple):
            return type(a)([self.primal_of(part) for part in a])
        if isinstance(a, Host) and a.content is not None:
            a = a.content
        return a.primal if isinstance(a, Traced) and a.run is self else a

    def element(self, a: Any, k: int) -> Any:
        """Return an argument for one element of the batch."""
        if type(a) in (list, tuple):
            return type(a)([self.element(part, k) for part in a])
        if isinstance(a, Host) and a.content is not None:
            a = a.content
        if not isinstance(a, Traced) or a.run is not self:
            return a
        return a.primal[k] if self.size else np.zeros(a.shape, a.dtype)[()]

    def sample(self, a: Any) -> Any:
        """Return an argument with stand-ins of the same form for batched values."""
        if isinstance(a, Traced):
            return a.sample() if a.run is self else a
        return type(a)([self.sample(part) for part in a]) if type(a) in (list, tuple) else a


SEQUENCES = frozenset({np.concatenate, np.stack})
NUMBERS = frozenset((float, int, np.float64))


def redispatched(rule: Rule, call: Function) -> Callable[..., Any]:
    """Return a function that goes to the trace of its arguments, also where NumPy would not: ``plain[batched]``."""

    def dispatch(*args: Any, **kwargs: Any) -> Any:
        trace = highest(args) or highest(kwargs.values())
        if trace is None:
            return call(*args, **kwargs)
        made = made_for_one_call(rule)
        return trace.apply(rule, call, args, kwargs) if made else apply(rule.function, args, kwargs, call)

    return dispatch


def made_for_one_call(rule: Rule) -> bool:
    """Tell whether a rule is of an operation made for one call (a custom rule), which is not in the book."""
    return rule.kind == "general" and rule.function not in BOOK


def at_once(size: int, run: Callable[[Batch], Any]) -> Any:
    """Return ``run(batch)`` for a new batch, or None if the elements went different ways."""
    batch = Batch(size)
    try:
        result = run(batch)
    except Diverged as diverged:
        if diverged.run is not batch:
            raise
        return None
    except Exception:
        if batch.diverged:  # the error came of it, as somebody caught `Diverged`
            return None
        raise
    finally:
        batch.close()
    return None if batch.diverged else result


def stack_of(batch: Batch, x: Any) -> Any:
    """Return a value as an array with the batch axis in front."""
    x = as_traced(x)
    if isinstance(x, Traced) and x.run is batch:
        return x.primal
    return np.copy(np.broadcast_to(x, (batch.size, *kinds.shape_of(x))))
