"""`jacobian`, `jacfwd`, `jacrev`: all first derivatives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import numpy as np

from adjoint._api import evaluate, tree
from adjoint._api.function import Derivative
from adjoint._api.linearize import LinearMap
from adjoint._rules import kinds
from adjoint.errors import InputError, OutputError

Mode = Literal["auto", "forward", "reverse"]


def jacobian(
    f: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    *,
    mode: Mode = "auto",
    has_aux: bool = False,
    holomorphic: bool = False,
) -> Callable[..., Any]:
    """Return the function that computes the Jacobian of ``f``.

    With ``y = f(x)``, entry ``J[i..., j...]`` is ``∂y[i...]/∂x[j...]``: axes of the result first.

    Parameters
    ----------
    f
        Function of arrays, numbers or trees of them.
    argnums
        Position, or positions, of the arguments to differentiate.
    mode
        ``"forward"`` costs one pass per element of ``x`` (`jacfwd`), ``"reverse"`` one per element of ``y`` (`jacrev`);
        ``"auto"`` evaluates ``f`` once and sweeps over the recorded operations in the direction that takes fewer passes.
    has_aux
        ``f`` returns a pair ``(value, aux)``; ``aux`` is passed through.
    holomorphic
        ``f`` is a holomorphic function of complex arguments.

    Returns
    -------
    Callable
        Takes the arguments of ``f``, returns an array of shape ``y.shape + x.shape``, dtype of ``y`` and ``x`` together, units
        ``[y]/[x]``.  For trees: the tree of ``y``, with the tree of ``x`` in place of each leaf (a tuple of those if ``argnums`` is a
        sequence).  With ``has_aux``, a pair ``(J, aux)``.

    Raises
    ------
    InputError
        An argument is not of floating dtype, or is complex while ``holomorphic`` is False.
    OutputError, MissingRuleError, ConversionError
        As for `grad`.

    Notes
    -----
    Kinks as for `grad`.  For the product with few vectors use `jvp`, `vjp` or `linearize`, which need no Jacobian.

    Examples
    --------
    >>> import numpy as np
    >>> import adjoint as ad
    >>> ad.jacobian(lambda x: np.stack([x[0] * x[1], np.sin(x[0])]))(np.array([0.0, 3.0]))
    array([[3., 0.],
           [1., 0.]])
    """
    if mode not in ("auto", "forward", "reverse"):
        raise ValueError(f"jacobian: mode must be 'auto', 'forward' or 'reverse', got {mode!r}")
    return Derivative(_jacobian, f, {"argnums": argnums, "mode": mode, "has_aux": has_aux, "holomorphic": holomorphic})


def jacfwd(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0, *, has_aux: bool = False, holomorphic: bool = False
) -> Callable[..., Any]:
    """Return the function that computes the Jacobian of ``f`` column by column, by forward mode.

    Parameters
    ----------
    f, argnums, has_aux, holomorphic
        As for `jacobian`.

    Returns
    -------
    Callable
        As for `jacobian`.

    Raises
    ------
    InputError, OutputError, MissingRuleError, ConversionError
        As for `jacobian`.

    Notes
    -----
    ``f`` is evaluated once for each element of ``x``; nothing is kept, so memory does not grow with the length of the program.
    The better choice for fewer inputs than results.

    Examples
    --------
    >>> import numpy as np
    >>> import adjoint as ad
    >>> ad.jacfwd(lambda t: np.array([np.cos(t), np.sin(t)]))(0.0)
    array([0., 1.])
    """
    return Derivative(_jacfwd, f, {"argnums": argnums, "has_aux": has_aux, "holomorphic": holomorphic})


def jacrev(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0, *, has_aux: bool = False, holomorphic: bool = False
) -> Callable[..., Any]:
    """Return the function that computes the Jacobian of ``f`` row by row, by reverse mode.

    Parameters
    ----------
    f, argnums, has_aux, holomorphic
        As for `jacobian`.

    Returns
    -------
    Callable
        As for `jacobian`.

    Raises
    ------
    InputError, OutputError, MissingRuleError, ConversionError
        As for `jacobian`.

    Notes
    -----
    ``f`` is evaluated once, and its operations are swept back once for each element of ``y``.  The better choice for fewer results
    than inputs.

    Examples
    --------
    >>> import numpy as np
    >>> import adjoint as ad
    >>> ad.jacrev(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    array([2., 4.])
    """
    return Derivative(_jacrev, f, {"argnums": argnums, "has_aux": has_aux, "holomorphic": holomorphic})


def _jacrev(f: Any, args: Any, kwargs: Any, **options: Any) -> Any:
    return _jacobian(f, args, kwargs, mode="reverse", name="jacrev", **options)


def _jacfwd(f: Any, args: Any, kwargs: Any, **options: Any) -> Any:
    return _jacobian(f, args, kwargs, mode="forward", name="jacfwd", **options)


def _jacobian(
    f: Any,
    args: Any,
    kwargs: Any,
    *,
    argnums: int | Sequence[int] = 0,
    mode: Mode = "auto",
    has_aux: bool = False,
    holomorphic: bool = False,
    name: str = "jacobian",
) -> Any:
    positions = evaluate.select(args, argnums, name)
    inputs = {k: evaluate.leaves_of(args[k], f"argument {k}") for k in positions}
    leaves = [x for _, active, _ in inputs.values() for x in active if x is not None]
    for x in leaves:
        if kinds.is_complex(x) and not holomorphic:
            raise InputError(
                f"{name}: a complex argument",
                why="the derivative with respect to real and imaginary part is no single complex number",
                remedy="pass holomorphic=True if f is holomorphic, or use vjp, or take real and imaginary part as arguments",
            )
    if mode == "forward":
        columns, primals, structure, aux = _columns_by_passes(f, args, kwargs, inputs, has_aux=has_aux, name=name)
        blocks = _from_columns(columns, primals, leaves)
    else:
        primals, structure, pullback, aux = evaluate.record(f, args, kwargs, positions, has_aux=has_aux, name=name)
        sizes = sum(map(np.size, leaves)), sum(map(np.size, primals))
        if mode == "auto" and sizes[0] < sizes[1]:
            linear = LinearMap(pullback, structure, primals)
            blocks = _from_columns([linear._push(seeds) for seeds in _basis(leaves)], primals, leaves)
        else:
            blocks = _rows(pullback, primals, leaves)
    for y in primals:
        if kinds.is_complex(y) and not holomorphic:
            raise OutputError(f"{name}: a complex result", remedy="return real and imaginary part, or pass holomorphic=True")
    result = tree.unflatten(structure, [_assemble(row, inputs, argnums) for row in blocks])
    return (result, aux) if has_aux else result


def _basis(leaves: list[Any]) -> Iterator[list[Any]]:
    """Yield the unit vectors of the space of the leaves, in order."""
    for k, x in enumerate(leaves):
        for i in range(np.size(x)):
            seeds = [kinds.zeros_like(leaf) for leaf in leaves]
            unit = np.zeros(np.size(x), kinds.dtype_of(x))
            unit[i] = 1
            seeds[k] = unit.reshape(np.shape(x))[()]
            yield seeds


def _columns_by_passes(f: Any, args: Any, kwargs: Any, inputs: dict[int, Any], *, has_aux: bool, name: str) -> Any:
    """Return the Jacobian's columns, a forward pass each, with the value's leaves and structure and the auxiliary data."""
    columns: list[list[Any]] = []
    leaves = [x for _, active, _ in inputs.values() for x in active if x is not None]
    y = aux = None
    for seeds in _basis(leaves):
        rest = iter(seeds)
        tangents = {k: [None if x is None else next(rest) for x in active] for k, (_, active, _) in inputs.items()}
        y, y_dot, aux = evaluate.pushforward(f, args, kwargs, tangents, has_aux=has_aux, name=name)
        columns.append(tree.flatten(y_dot)[0])
    if not columns:
        y, _, aux = evaluate.pushforward(f, args, kwargs, {}, has_aux=has_aux, name=name)
    primals, structure = tree.flatten(y)
    return columns, primals, structure, aux


def _from_columns(columns: list[list[Any]], primals: list[Any], leaves: list[Any]) -> list[list[Any]]:
    """Return the blocks ``[result][input]`` of a Jacobian given by columns."""
    blocks = []
    for r, y in enumerate(primals):
        row, start = [], 0
        for x in leaves:
            chosen = [column[r] for column in columns[start : start + np.size(x)]]
            start += np.size(x)
            block = np.stack(chosen, axis=-1) if chosen else np.zeros((*np.shape(y), 0))
            row.append(np.reshape(block, np.shape(y) + np.shape(x)))
        blocks.append(row)
    return blocks


def _rows(pullback: evaluate.Pullback, primals: list[Any], leaves: list[Any]) -> list[list[Any]]:
    """Return the blocks ``[result][input]`` of a Jacobian by one sweep back for each element of the result."""
    blocks = []
    for r, y in enumerate(primals):
        rows: list[list[Any]] = []
        for i in range(np.size(y)):
            unit = np.zeros(np.size(y), kinds.dtype_of(y))
            unit[i] = 1
            cotangents = [None] * len(primals)
            cotangents[r] = unit.reshape(np.shape(y))[()]
            rows.append(_active_leaves(pullback, pullback.sweep(cotangents)))
        block = []
        for k, x in enumerate(leaves):
            stacked = np.stack([row[k] for row in rows]) if rows else np.zeros((0, *np.shape(x)))
            # The pullback is the adjoint; the rows of a complex Jacobian are its conjugates.
            block.append(np.reshape(kinds.conj(stacked), np.shape(y) + np.shape(x)))
        blocks.append(block)
    return blocks


def _active_leaves(pullback: evaluate.Pullback, gradients: list[Any]) -> list[Any]:
    chosen = []
    for gradient, (_, active, _) in zip(gradients, pullback.inputs.values(), strict=True):
        chosen += [g for g, x in zip(tree.flatten(gradient)[0], active, strict=True) if x is not None]
    return chosen


def _assemble(row: list[Any], inputs: dict[int, Any], argnums: int | Sequence[int]) -> Any:
    """Put the blocks of one result into the structure of the arguments."""
    rest = iter(row)
    trees = []
    for leaves, active, structure in inputs.values():
        trees.append(tree.unflatten(structure, [np.zeros(np.shape(leaf)) if x is None else next(rest) for leaf, x in zip(leaves, active, strict=True)]))
    return trees[0] if isinstance(argnums, (int, np.integer)) else tuple(trees)
