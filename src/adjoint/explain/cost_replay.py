"""Counts what a function written in Python computes: it runs on arrays that note every NumPy function that meets them."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from adjoint._overload import Overloaded

CostOf = Callable[[Callable[..., Any], Any, Any, Any], "Counter[str]"]


def replay(function: Callable[..., Any], args: Any, kwargs: Any, cost_of: CostOf) -> Counter[str]:
    """Return the cost of all NumPy functions that ``function(*args, **kwargs)`` calls."""
    ledger = _Ledger(cost_of)
    function(*ledger.counting(args), **ledger.counting(kwargs))
    return ledger.count


class _Ledger:
    """What was counted so far."""

    def __init__(self, cost_of: CostOf) -> None:
        self.cost_of = cost_of
        self.count: Counter[str] = Counter()

    def called(self, function: Callable[..., Any], run: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Call a NumPy function on plain arrays, note its cost, and return its result as arrays that count."""
        result = run(*args, **kwargs)
        self.count.update(self.cost_of(function, args, kwargs, result))
        return self.counting(result)

    def counting(self, tree: Any) -> Any:
        """Return a nest with arrays and floating numbers that count; what is no such number decides, and stays as it is."""
        if isinstance(tree, (tuple, list)) and type(tree) in (tuple, list):
            return type(tree)([self.counting(part) for part in tree])
        if type(tree) is dict:
            return {key: self.counting(part) for key, part in tree.items()}
        if isinstance(tree, (np.ndarray, float, complex, np.inexact)):
            array = np.asarray(tree)
            if array.dtype.kind in "fc":
                array = array.view(_Counting)
                array.ledger = self
                return array
        return tree


class _Counting(np.ndarray):
    """An array that notes what is done to it."""

    ledger: _Ledger

    def __array_finalize__(self, origin: Any) -> None:
        self.ledger = getattr(origin, "ledger", None)  # pyright: ignore[reportAttributeAccessIssue]

    def __getitem__(self, index: Any) -> Any:
        return self.ledger.called(operator.getitem, operator.getitem, (_plain(self), _plain(index)), {})

    def __iter__(self) -> Iterator[Any]:
        return (self[k] for k in range(len(self)))

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = (), **kwargs: Any) -> Any:
        if any(isinstance(x, Overloaded) for x in inputs):
            return NotImplemented  # a traced value calls again, with what it stands for
        if out:
            kwargs["out"] = _plain(out)
        function = ufunc if method == "__call__" else _METHODS.get((ufunc, method), ufunc)
        result = self.ledger.called(function, getattr(ufunc, method), _plain(inputs), _plain(kwargs))
        return out[0] if len(out) == 1 else result

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if any(issubclass(cls, Overloaded) for cls in types):
            return NotImplemented
        return self.ledger.called(function, function, _plain(args), _plain(kwargs))


_METHODS = {
    (np.add, "reduce"): np.sum,
    (np.multiply, "reduce"): np.prod,
    (np.maximum, "reduce"): np.max,
    (np.minimum, "reduce"): np.min,
    (np.add, "accumulate"): np.cumsum,
    (np.multiply, "accumulate"): np.cumprod,
}


def _plain(tree: Any) -> Any:
    if isinstance(tree, _Counting):
        return tree.view(np.ndarray) if tree.ndim else tree.view(np.ndarray)[()]
    if type(tree) in (tuple, list):
        return type(tree)([_plain(part) for part in tree])
    if type(tree) is dict:
        return {key: _plain(part) for key, part in tree.items()}
    return tree
