"""What a generated program does where a derivative cannot be written down: it runs the tracing engine on that one function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint._api import evaluate, tree
from adjoint._rules import kinds
from adjoint._trace.traced import Traced
from adjoint._transform.rule_call import use_engine

Leaves = list[Any]


class Tracing:
    """Derivatives of a function that runs, for `adjoint._transform.rule_call`."""

    def pushforward(self, function: Callable[..., Any], args: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """Return the tangent of ``function(*args)``, in the form of its result; None where there is none."""
        call = _Call(function, args)
        ts = [t for t, x in zip(tree.flatten(list(tangents))[0], call.leaves, strict=True) if is_inexact(x)]
        _, y_dot, _ = evaluate.pushforward(call.run, (call.inexact,), {}, {0: _own(ts)}, has_aux=False, name="a derivative")
        return call.assembled(y_dot)

    def pullback(self, function: Callable[..., Any], args: Sequence[Any], ct: Any) -> Sequence[Any]:
        """Return the cotangents of the arguments; None where there is none."""
        call = _Call(function, args)
        y, _, pull, _ = evaluate.record(call.run, (call.inexact,), {}, (0,), has_aux=False, name="a derivative")
        given = list(ct) if isinstance(ct, (tuple, list)) else [ct]
        given = [given[k] for k in call.places]
        cts = [kinds.zeros_like(part) if c is None else c for c, part in zip(given, y, strict=True)]
        found = iter(pull.sweep(_own(cts))[0])
        leaves = [next(found) if is_inexact(x) else None for x in call.leaves]
        return tree.unflatten(call.structure, leaves)


class _Call:
    """A function of the floating and complex leaves of its arguments, with such results."""

    def __init__(self, function: Callable[..., Any], args: Sequence[Any]) -> None:
        self.function = function
        self.leaves, self.structure = tree.flatten(list(args))
        self.inexact = [x for x in self.leaves if is_inexact(x)]
        self.several = False
        self.places: list[int] = []
        self.count = 1

    def run(self, values: Leaves) -> Leaves:
        """Return the results that have derivatives."""
        found = iter(_own(values))
        leaves = [next(found) if is_inexact(x) else x for x in self.leaves]
        y = self.function(*tree.unflatten(self.structure, leaves))
        self.several = isinstance(y, (tuple, list))
        parts = list(y) if self.several else [y]
        self.count = len(parts)
        self.places = [k for k, part in enumerate(parts) if is_inexact(part)]
        return [parts[k] for k in self.places]

    def assembled(self, tangents: Leaves) -> Any:
        """Return tangents in the form of the result."""
        parts: Leaves = [None] * self.count
        for k, t in zip(self.places, tangents, strict=True):
            parts[k] = t
        return parts if self.several else parts[0]


def is_inexact(x: Any) -> bool:
    """Tell whether a leaf is a floating or complex number or array."""
    return isinstance(x, (float, complex)) or (hasattr(x, "dtype") and kinds.dtype_of(x).kind in "fc")


def _own(leaves: Leaves) -> Leaves:
    """Return the leaves with arrays copied: the function may overwrite them."""
    return [np.positive(x) if isinstance(x, Traced) or len(kinds.shape_of(x)) else x for x in leaves]


use_engine(Tracing())
