"""Forward mode: every value carries its tangent along.

A dual number ``(x, t)`` stands for ``x + t*eps``; a function ``y = f(x)`` gives ``(f(x), f'(x) t)`` (Wengert 1964).  In-place
writes, views and aliases need no bookkeeping here: the tangent is an array with the same life as its primal, and what happens
to one happens to the other.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint._overload import Function
from adjoint._rules import kinds
from adjoint._rules.book import Rule
from adjoint._trace.memory import before_write, receiving
from adjoint._trace.traced import Trace, Traced, is_array, unhost
from adjoint._trace.view import View, alias, place
from adjoint.errors import EscapedValueError


class Dual(Traced):
    """A value with its tangent."""

    __slots__ = ()

    def __init__(self, trace: Trace, primal: Any, tangent: Any) -> None:
        self.run = trace
        self.primal = primal
        self.tangent = tangent

    def store(self, index: Any, value: Any) -> None:
        self._write(None, index, value)

    def store_part(self, view: View, index: Any, value: Any) -> None:
        self._write(view, index, value)

    def _write(self, view: View | None, index: Any, value: Any) -> None:
        before_write(self)
        mine = isinstance(value, Traced) and value.run is self.run
        x, t = (value.primal, unhost(value.tangent)) if mine else (value, 0)
        self.tangent = receiving(self.tangent, t)
        self.primal = receiving(self.primal, x)
        part = self.primal if view is None else view.primal
        part[index] = x
        part, index = place(() if view is None else view.steps, self.tangent, index)
        part[index] = t


class Forward(Trace):
    """One run of forward mode."""

    open = True

    def apply(self, rule: Rule, call: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not self.open:
            raise escaped()
        primals = tuple([self.primal_of(a) for a in args])
        y = call(*primals, **kwargs)
        if rule.kind == "constant":
            return y
        tangents = {}
        for position, a in enumerate(args):
            t = self.tangent_of(a)
            if t is not None and kinds.is_active(rule, position):
                tangents[position] = t
        if not tangents:
            return y
        if rule.kind == "linear" and list(tangents) == [0] and isinstance(args[0], Traced):
            shared = alias(y, primals[0], args[0], rule.function, primals[1:], kwargs)
            if shared is not None:
                return shared
        with np.errstate(all="ignore"):
            t = kinds.pushforward(rule, y, primals, kwargs, tangents)
        return self.wrap(y, t, args)

    def lift(self, primal: Any) -> Dual:
        return Dual(self, primal, kinds.zeros_like(primal))

    def close(self) -> None:
        super().close()
        self.open = False

    def primal_of(self, a: Any) -> Any:
        """Return an argument without this trace."""
        if isinstance(a, Traced):
            return a.primal if a.run is self else a
        return type(a)([self.primal_of(part) for part in a]) if type(a) in (list, tuple) else a

    def tangent_of(self, a: Any) -> Any:
        """Return the tangent of an argument, None if it is constant; of a sequence, with zeros where parts are constant."""
        if isinstance(a, Traced):
            return unhost(a.tangent) if a.run is self else None
        if type(a) in (list, tuple):
            parts = [self.tangent_of(part) for part in a]
            if any(part is not None for part in parts):
                zero = kinds.zeros_like
                return type(a)([zero(self.primal_of(x)) if t is None else t for x, t in zip(a, parts, strict=True)])
        return None

    def wrap(self, y: Any, t: Any, args: tuple[Any, ...]) -> Any:
        """Return the dual of a result; of a sequence of results, a sequence of duals."""
        if isinstance(y, (tuple, list)):
            parts = [self.wrap(part, d, args) if d is not None else part for part, d in zip(y, t, strict=True)]
            return type(y)(*parts) if hasattr(y, "_fields") else type(y)(parts)
        return Dual(self, y, own_tangent(y, t, [a for a in args if isinstance(a, Traced) and a.run is self]))


def own_tangent(y: Any, t: Any, mine: list[Any]) -> Any:
    """Give a tangent the form of its primal, and memory of its own."""
    shape, dtype = kinds.shape_of(y), kinds.dtype_of(y)
    t = kinds.cast(t, dtype)
    if kinds.shape_of(t) != shape:
        return kinds.copy(np.broadcast_to(t, shape))
    if not is_array(y):
        return t
    if not is_array(t):
        return np.copy(np.reshape(t, ()))
    borrowed = getattr(t, "base", None) is not None or any(isinstance(a, Traced) and t is a.tangent for a in mine)
    return np.copy(t) if borrowed else t


def escaped() -> EscapedValueError:
    """Return the error for a traced value whose derivative has ended."""
    return EscapedValueError(
        "a traced value was used after its derivative had ended",
        why="it was kept in a global, an attribute, a cache or a closure by the function that was differentiated",
        remedy="return the value (has_aux=True for values that are not differentiated), or keep stop_gradient(x)",
    )
