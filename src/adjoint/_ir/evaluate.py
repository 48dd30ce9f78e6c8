"""Runs a program operation by operation on plain values: the reference for every backend, and the instrument of the tests.

It does what the program says and nothing cleverly: no operation is left out, fused or done in place.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from adjoint._ir.nodes import Apply, Block, Call, Function, If, Loop, Op, Raise, Undefined, Value, map_atoms

Observer = Callable[[Apply, tuple[Any, ...], dict[str, Any], list[Any]], None]


def run(function: Function, args: Sequence[Any], observe: Observer | None = None) -> list[Any]:
    """Run a program.

    Parameters
    ----------
    function
        The program.
    args
        One plain value for each parameter.
    observe
        Called after each `Apply` with the operation, its arguments, its keyword arguments and the list of its results.

    Returns
    -------
    list
        The results; None for what is undefined.

    Raises
    ------
    TypeError
        The number of arguments is not that of the parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint._ir.builder import Builder, Symbol
    >>> from adjoint._ir.types import FLOAT
    >>> x = Value(FLOAT, "x")
    >>> builder = Builder()
    >>> with builder.block([x]) as body:
    ...     body.results = [builder.atom(np.square(Symbol(x)) + 1.0)]
    >>> run(Function("f", body), [3.0])
    [np.float64(10.0)]
    """
    if len(args) != len(function.params):
        raise TypeError(f"{function.name} takes {len(function.params)} arguments, not {len(args)}")
    return _Frame(observe).run(function.body, args)


class _Frame:
    """One call of a function: what its values are now."""

    def __init__(self, observe: Observer | None) -> None:
        self.env: dict[Value, Any] = {}
        self.observe = observe

    def get(self, tree: Any) -> Any:
        return map_atoms(self._value, tree)

    def _value(self, atom: Any) -> Any:
        if type(atom) is Value:
            return self.env[atom]
        return None if isinstance(atom, Undefined) else atom

    def run(self, block: Block, args: Sequence[Any] = ()) -> list[Any]:
        self.env.update(zip(block.params, args, strict=True))
        for op in block.ops:
            self.env.update(zip(op.outputs, self.results(op), strict=True))
        return [self.get(result) for result in block.results]

    def results(self, op: Op) -> list[Any]:
        match op:
            case Apply():
                return self.apply(op)
            case If():
                return self.run(op.then if self.get(op.condition) else op.orelse)
            case Loop():
                return self.loop(op)
            case Call():
                return _Frame(self.observe).run(op.function.body, self.get(op.args))
            case Raise():
                raise op.error(*self.get(op.args)) if isinstance(op.error, type) else op.error
            case _:
                raise TypeError(f"no evaluation of {type(op).__name__}")

    def apply(self, op: Apply) -> list[Any]:
        args, kwargs = self.get(op.args), self.get(op.kwargs)
        result = op.function(*args, **kwargs)
        results = [result] if op.form is None else list(result)
        if self.observe is not None:
            self.observe(op, args, kwargs, results)
        return results

    def loop(self, op: Loop) -> list[Any]:
        carried, lists = self.get(op.inits), self.get(op.consumed)
        n = len(op.inits)
        collected: list[list[Any]] = [[] for _ in op.collected]
        turns = 0
        for position, index in self.turns(op):
            if op.test is not None and not self.run(op.test, carried)[0]:
                break
            turns += 1
            results = self.run(op.body, [index, *carried, *[items[position] for items in lists]])
            carried = results[:n]
            for items, item in zip(collected, results[n:], strict=False):
                items.append(item)
            if op.stops and results[-1]:
                break
        if op.reverse:
            collected = [items[::-1] for items in collected]
        return [*carried, *collected, turns]

    def turns(self, op: Loop) -> Iterator[tuple[int, int]]:
        """Yield position and index of each turn."""
        if op.range is None:
            return ((k, k) for k in itertools.count())
        pairs = list(enumerate(range(*self.get(op.range))))
        return iter(pairs[::-1] if op.reverse else pairs)
