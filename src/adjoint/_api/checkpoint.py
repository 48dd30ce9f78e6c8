"""`checkpoint`: forget the intermediate values of a function on the way forward, compute them again on the way back."""

from __future__ import annotations

import dis
import functools
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint._api import evaluate, opaque, tree
from adjoint._api.function import Derivative
from adjoint._trace.memory import as_traced
from adjoint._trace.traced import Traced
from adjoint.errors import MutationError


def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``f`` in a form that keeps only its arguments for the way back, and evaluates ``f`` a second time there.

    Parameters
    ----------
    f
        Function of arrays, numbers or trees of them, without side effects.

    Returns
    -------
    Callable
        Takes the arguments of ``f`` and returns its result.

    Raises
    ------
    InputError, OutputError
        As for `grad`.
    MutationError
        ``f`` writes into an argument or into an array that it captures.

    Notes
    -----
    Rematerialisation: the memory of reverse mode falls from that of all intermediate values of ``f`` to that of its arguments,
    for one more evaluation of ``f``.  A loop of ``n`` steps in ``sqrt(n)`` checkpointed pieces keeps of the order of
    ``sqrt(n)`` values.  Variables that ``f`` captures are treated like arguments, with the values they have at the call.
    Forward mode keeps nothing anyway; there it costs a second evaluation of ``f``.

    References
    ----------
    .. [1] Griewank and Walther, *Evaluating Derivatives*, 2nd ed., SIAM 2008, chapter 12.

    Examples
    --------
    >>> import numpy as np
    >>> import adjoint as ad
    >>> @ad.checkpoint
    ... def layer(w, x):
    ...     return np.tanh(w @ x)
    >>> w, x = np.eye(2), np.array([0.0, 1.0])
    >>> ad.grad(lambda w: layer(w, layer(w, x)).sum())(w).shape
    (2, 2)
    """
    return Derivative(_checkpoint, f, {})


def _checkpoint(f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if isinstance(f, functools.partial):
        return _checkpoint(f.func, (*f.args, *args), {**f.keywords, **kwargs})
    cells = captured(f)

    def function(arguments: Any, options: Any, contents: Any) -> Any:
        return evaluate.instrumented(with_captured(f, cells, contents))(*arguments, **options)

    def evaluate_leaves(leaves: list[Any], structure: Any) -> tuple[Any, Any]:
        with ReadOnly(leaves) as protected:
            return function(*tree.unflatten(structure, protected)), None

    def jvp(leaves: list[Any], _note: opaque.Note, tangents: list[Any], structure: Any) -> list[Any]:
        replay, active = _of_active(evaluate_leaves, leaves, structure)
        seeds = {n: [tangents[k]] for n, k in enumerate(active)}
        inputs = tuple(leaves[k] for k in active)
        return evaluate.pushforward(replay, inputs, {}, seeds, has_aux=False, name="checkpoint")[1]

    def vjp(leaves: list[Any], _note: opaque.Note, cotangents: list[Any], structure: Any) -> list[Any]:
        replay, active = _of_active(evaluate_leaves, leaves, structure)
        _, _, pullback, _ = evaluate.record(
            replay, tuple(leaves[k] for k in active), {}, tuple(range(len(active))), has_aux=False, name="checkpoint"
        )
        result: list[Any] = [None] * len(leaves)
        for k, ct in zip(active, pullback.sweep(cotangents, free=True), strict=True):
            result[k] = ct
        return result

    inputs = (args, kwargs, [as_traced(cell.cell_contents) for cell in cells])
    return opaque.call(inputs, "checkpoint", function, jvp, vjp, evaluate_leaves)


class ReadOnly:
    """Protects arrays against stores, as the function will be evaluated again from what they are."""

    def __init__(self, leaves: list[Any]) -> None:
        self.leaves = leaves
        self.locked: list[np.ndarray] = []

    def __enter__(self) -> list[Any]:
        return [self._protected(leaf) for leaf in self.leaves]

    def _protected(self, leaf: Any) -> Any:
        memory = leaf
        while isinstance(memory, Traced):
            memory = memory.whole().primal
        if not isinstance(memory, np.ndarray) or not memory.flags.writeable:
            return leaf
        if memory is leaf:
            leaf = memory.view()
            leaf.flags.writeable = False
            return leaf
        memory.flags.writeable = False
        self.locked.append(memory)
        return leaf

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        for memory in self.locked:
            memory.flags.writeable = True
        if isinstance(error, ValueError) and "read-only" in str(error):
            raise MutationError(
                "a checkpointed function wrote into an array that it was given or that it captures",
                why="it is evaluated a second time, and must find the array as it was",
                remedy="write into a copy: x = x.copy()",
            ) from error


def _of_active(evaluate_leaves: Any, leaves: list[Any], structure: Any) -> tuple[Callable[..., Any], list[int]]:
    """Return the function of the differentiable leaves alone, and their positions."""
    active = [k for k, leaf in enumerate(leaves) if _has_derivative(leaf)]

    def replay(*values: Any) -> list[Any]:
        full = list(leaves)
        for k, value in zip(active, values, strict=True):
            full[k] = value
        return evaluate.results_of(evaluate_leaves(full, structure)[0], "checkpoint")[0]

    return replay, active


def _has_derivative(leaf: Any) -> bool:
    numeric = isinstance(leaf, (Traced, float, complex)) or hasattr(leaf, "dtype")
    return numeric and evaluate.kinds.dtype_of(leaf).kind in "fc"


def captured(f: Any) -> list[types.CellType]:
    """Return the cells of a function that hold numbers, arrays, or containers of traced values, and that it does not rebind."""
    cells = getattr(f, "__closure__", None)
    if not cells:
        return []
    rebound = {i.argval for i in dis.get_instructions(f.__code__) if i.opname == "STORE_DEREF"}
    names = f.__code__.co_freevars
    return [cell for name, cell in zip(names, cells, strict=True) if name not in rebound and _counts(cell)]


def _counts(cell: types.CellType) -> bool:
    try:
        content = as_traced(cell.cell_contents)
    except ValueError:  # an empty cell
        return False
    if isinstance(content, (list, tuple, dict)):
        return any(isinstance(as_traced(leaf), Traced) for leaf in tree.flatten(content)[0])
    return isinstance(content, (Traced, float, complex, int)) or hasattr(content, "dtype")


def with_captured(f: Any, cells: list[types.CellType], contents: list[Any]) -> Any:
    """Return the function with other contents in some of its cells."""
    if not cells:
        return f
    new = dict(zip(map(id, cells), contents, strict=True))
    closure = tuple(types.CellType(new[id(cell)]) if id(cell) in new else cell for cell in f.__closure__)
    copy = types.FunctionType(f.__code__, f.__globals__, f.__name__, f.__defaults__, closure)
    copy.__kwdefaults__, copy.__qualname__, copy.__module__ = f.__kwdefaults__, f.__qualname__, f.__module__
    return copy
