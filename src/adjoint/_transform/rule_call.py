"""Rules whose formulas cannot be written down as a program: they are called when the program runs.

A formula that branches on shapes or values, or whose number of operations depends on them, has no program of its own.  An
operation `Pushforward` or `Pullback` stands in its place, which calls the formula with plain values.  The same holds for
functions that are defined by others in such a way; and for these operations themselves, when they are differentiated in their
turn.  The last two take the tracing engine, which `use_engine` provides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from adjoint._rules import kinds
from adjoint._rules.book import Rule, find

SIMPLE = frozenset({"elementwise", "linear", "bilinear", "general"})


class Engine(Protocol):
    """What differentiates a function while it runs."""

    def pushforward(self, function: Callable[..., Any], args: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """Return the tangent of ``function(*args)``, in the form of its result."""
        ...

    def pullback(self, function: Callable[..., Any], args: Sequence[Any], ct: Any) -> Sequence[Any]:
        """Return the cotangent of each argument, in the form of the argument."""
        ...


_ENGINES: list[Engine] = []


def use_engine(engine: Engine) -> None:
    """Take the engine that differentiates functions while they run."""
    _ENGINES[:] = [engine]


def _engine() -> Engine:
    if not _ENGINES:
        raise RuntimeError("no engine was given to differentiate a function while it runs; please report this")
    return _ENGINES[0]


class RuleCall:
    """Base class of the derivatives that are computed by calling the rule."""

    function: Callable[..., Any]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return the derivative."""
        raise NotImplementedError

    def rule(self) -> Rule | None:
        """Return the rule to call, None if it takes an engine."""
        rule = None if isinstance(self.function, RuleCall) else find(self.function)
        return rule if rule is not None and rule.kind in SIMPLE else None

    def restricted(
        self, positions: Sequence[int | str], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Callable[..., Any], list[Any]]:
        """Return the function, or what defines it, as a function of some of its arguments, and these."""
        rule = None if isinstance(self.function, RuleCall) else find(self.function)
        function = rule.formulas[0] if rule is not None and rule.kind == "composite" else self.function

        def call(*some: Any) -> Any:
            given: dict[int | str, Any] = dict(enumerate(args)) | kwargs | dict(zip(positions, some, strict=True))
            return function(*[given[k] for k in range(len(args))], **{name: given[name] for name in kwargs})

        both: dict[int | str, Any] = dict(enumerate(args)) | kwargs
        return call, [both[k] for k in positions]


@dataclass(frozen=True)
class Pushforward(RuleCall):
    """The tangent of ``function(*args, **kwargs)`` from tangents of the arguments at ``positions``, or of these names.

    Called with ``(y, tangents, *args, **kwargs)``; of a function of several results it returns a list, with zeros for what
    has no tangent.
    """

    function: Callable[..., Any]
    positions: tuple[int | str, ...]

    def __call__(self, y: Any, tangents: tuple[Any, ...], *args: Any, **kwargs: Any) -> Any:
        """Return the tangent, in the form of the result."""
        rule = self.rule()
        with np.errstate(all="ignore"):
            if rule is None:
                call, some = self.restricted(self.positions, args, kwargs)
                t = _engine().pushforward(call, some, tangents)
            else:
                given: dict[Any, Any] = dict(zip(self.positions, tangents, strict=True))
                t = kinds.pushforward(rule, y, args, kwargs, given)
            if isinstance(y, (tuple, list)):
                return [formed(part, like) for part, like in zip(t, y, strict=True)]
            return formed(t, y)


@dataclass(frozen=True)
class Pullback(RuleCall):
    """The cotangent of the argument at ``position``, or of that name, from that of the result.

    Called with ``(y, ct, *args, **kwargs)``; of an argument that is a nest of arrays it returns the list of the cotangents.
    """

    function: Callable[..., Any]
    position: int | str

    def __call__(self, y: Any, ct: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the cotangent, in the form of the argument; in order, if that is a nest."""
        rule = self.rule()
        x = kwargs[self.position] if isinstance(self.position, str) else args[self.position]
        with np.errstate(all="ignore"):
            if rule is None:
                call, some = self.restricted((self.position,), args, kwargs)
                (g,) = _engine().pullback(call, some, ct)
            else:
                assert isinstance(self.position, int)
                g = kinds.pullback(rule, self.position, ct, y, args, kwargs)
            if isinstance(x, (tuple, list)):
                return [formed(part, like) for part, like in zip(_flat(g, x), _flat(x, x), strict=True)]
            return formed(g, x)


def formed(t: Any, like: Any) -> Any:
    """Return a derivative in shape and dtype of its primal, zeros for None."""
    if t is None:
        return None if callable(like) or isinstance(like, str) else kinds.zeros_like(like)
    return kinds.conform(t, kinds.shape_of(like), kinds.dtype_of(like))


def _flat(tree: Any, like: Any) -> list[Any]:
    """Return the leaves of a nest; None stands for a nest of them."""
    if isinstance(like, (tuple, list)):
        return [leaf for k, part in enumerate(like) for leaf in _flat(None if tree is None else tree[k], part)]
    return [tree]
