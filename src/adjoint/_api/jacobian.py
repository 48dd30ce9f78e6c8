"""`jacobian`, `jacfwd`, `jacrev`: all first derivatives."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from adjoint._api import compressed, evaluate, tree
from adjoint._api.function import Derivative
from adjoint._api.linearize import LinearMap
from adjoint._rules import kinds
from adjoint._trace.batch import Batch, Batched, at_once, stack_of
from adjoint._trace.traced import Traced, is_array
from adjoint.errors import InputError, OutputError

Mode = Literal["auto", "forward", "reverse"]


def jacobian(
    f: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    *,
    mode: Mode = "auto",
    has_aux: bool = False,
    holomorphic: bool = False,
    sparse: bool = False,
    pattern: Any = None,
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
        ``"forward"`` pushes one tangent per element of ``x`` (`jacfwd`), ``"reverse"`` pulls back one cotangent per element
        of ``y`` (`jacrev`); ``"auto"`` evaluates ``f`` once and sweeps over the recorded operations in the direction that has
        fewer.
    has_aux
        ``f`` returns a pair ``(value, aux)``; ``aux`` is passed through.
    holomorphic
        ``f`` is a holomorphic function of complex arguments.
    sparse
        Return SciPy sparse arrays, and compute only what may differ from zero: the pattern is found from the program, at every
        call, and columns (or rows) that have no entry in common are computed together.
    pattern
        For ``sparse``: a SciPy sparse array of shape ``(y.size, x.size)`` that stores the entries that may differ from zero, in
        place of the pattern that would be found.  For several arguments side by side, or a tuple.  Too small a pattern raises.

    Returns
    -------
    Callable
        Takes the arguments of ``f``, returns an array of shape ``y.shape + x.shape``, dtype of ``y`` and ``x`` together, units
        ``[y]/[x]``.  For trees: the tree of ``y``, with the tree of ``x`` in place of each leaf (a tuple of those if
        ``argnums`` is a sequence).  With ``has_aux``, a pair ``(J, aux)``.  With ``sparse``, a `scipy.sparse.csr_array` of
        shape ``(y.size, x.size)`` in place of each array: both flattened in C order, indices sorted.

    Raises
    ------
    InputError
        An argument is not of floating dtype, or is complex while ``holomorphic`` is False.
    PatternError
        An entry outside of ``pattern`` was noticed.
    OutputError, MissingRuleError, ConversionError
        As for `grad`.

    Notes
    -----
    Kinks as for `grad`.  For the product with few vectors use `jvp`, `vjp` or `linearize`, which need no Jacobian.

    The pattern of a sparse Jacobian holds for the branches and indices of the call that it belongs to; it may have entries that
    are zero, and never lacks one.  As many sweeps are needed as there are groups of columns without a row in common, at
    least as many as the fullest row has entries [1]_.  The result of `jit` is run as its program, with many directions at once.

    References
    ----------
    .. [1] Curtis, Powell and Reid, *On the estimation of sparse Jacobian matrices*, IMA Journal of Applied Mathematics 13
       (1974) 117-119.

    Examples
    --------
    >>> import numpy as np
    >>> import adjoint as ad
    >>> ad.jacobian(lambda x: np.stack([x[0] * x[1], np.sin(x[0])]))(np.array([0.0, 3.0]))
    array([[3., 0.],
           [1., 0.]])
    >>> J = ad.jacobian(lambda x: np.diff(x) ** 2, sparse=True)(np.arange(5.0) ** 2)
    >>> J.nnz, J.toarray()[:2]
    (8, array([[-2.,  2.,  0.,  0.,  0.],
           [ 0., -6.,  6.,  0.,  0.]]))
    """
    if pattern is not None and not sparse:
        raise ValueError("jacobian: pattern= is for sparse=True")
    if mode not in ("auto", "forward", "reverse"):
        raise ValueError(f"jacobian: mode must be 'auto', 'forward' or 'reverse', got {mode!r}")
    options = {"argnums": argnums, "mode": mode, "has_aux": has_aux, "holomorphic": holomorphic}
    return Derivative(_jacobian, f, {**options, "sparse": True, "pattern": pattern} if sparse else options)


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
    The directions, one for each element of ``x``, are carried through ``f`` together (in chunks of about a megabyte, and one
    after the other where the function cannot be run on all at once, see `vmap`); nothing is kept, so memory does not grow
    with the length of the program.  The better choice for fewer inputs than results.

    Examples
    --------
    >>> import numpy as np
    >>> import adjoint as ad
    >>> ad.jacfwd(lambda t: np.stack([np.exp(t), np.sin(t)]))(0.0)
    array([1., 1.])
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
    ``f`` is evaluated once, and its operations are swept back with the cotangents of all elements of ``y`` together (in
    chunks of about a megabyte, and one after the other for few elements).  The better choice for fewer results than inputs.

    Examples
    --------
    >>> import numpy as np
    >>> import adjoint as ad
    >>> ad.jacrev(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    array([2., 4.])
    """
    return Derivative(_jacrev, f, {"argnums": argnums, "has_aux": has_aux, "holomorphic": holomorphic})


def is_sparse(f: Any) -> bool:
    """Tell whether a function is a sparse Jacobian."""
    return bool(isinstance(f, Derivative) and f.run is _jacobian and f.options.get("sparse"))


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
    sparse: bool = False,
    pattern: Any = None,
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
    if sparse:
        run = compressed.run_of(f, args, kwargs, positions, leaves, has_aux=has_aux, mode=mode, name=name)
        primals, structure, aux = run.primals, run.structure, run.aux
        blocks = compressed.blocks_of(run, leaves, mode=mode, pattern=pattern, name=name)
    elif mode == "forward":
        columns, primals, structure, aux = _columns_of_passes(f, args, kwargs, inputs, leaves, has_aux=has_aux, name=name)
        blocks = _from_columns(columns, primals, leaves)
    else:
        primals, structure, pullback, aux = evaluate.record(f, args, kwargs, positions, has_aux=has_aux, name=name)
        sizes = sum(map(np.size, leaves)), sum(map(np.size, primals))
        if mode == "auto" and sizes[0] < sizes[1]:
            blocks = _from_columns(_columns_of_sweeps(LinearMap(pullback, structure, primals), leaves), primals, leaves)
        else:
            blocks = _from_rows(_rows_of_sweeps(pullback, primals), primals, leaves)
    for y in primals:
        if kinds.is_complex(y) and not holomorphic:
            raise OutputError(f"{name}: a complex result", remedy="return real and imaginary part, or pass holomorphic=True")
    zeros = [functools.partial(compressed.empty_block, y) if sparse else _zeros for y in primals]
    rows = [_assemble(row, inputs, argnums, empty) for row, empty in zip(blocks, zeros, strict=True)]
    result = tree.unflatten(structure, rows)
    return (result, aux) if has_aux else result


# All directions at once -------------------------------------------------------------------------------------------------------
#
# The directions of a Jacobian are the unit vectors of the space of its inputs (of its results, in reverse mode).  They are
# taken in chunks, as stacks (`_trace.batch`): one pass carries a whole chunk.  The tangents of an array then fill a small
# multiple of its memory, which is kept within the processor's caches; where arrays are so large that few directions fit,
# there is no gain, and no loss.

CHUNK = 2**20  # bytes of a chunk of directions of the largest input (result)
# Directions for which a stack is worth its overhead, which is higher on the way back (measured).
FEWEST_FORWARD, FEWEST_BACK = 4, 16


def _in_chunks(space: list[Any], push: Callable[[list[Any]], list[Any]], fewest: int) -> list[Any]:
    """Push all unit vectors of the space of some leaves through a linear map; return its results, stacked in order."""
    count = sum(map(np.size, space))
    if not count:
        return []
    largest = max([np.size(x) * kinds.dtype_of(x).itemsize for x in space], default=1)
    width = min(count, max(CHUNK // max(largest, 1), 1))
    stacks: list[list[Any]] = []
    for start in range(0, count, width):
        stop = min(start + width, count)
        found = _chunk(space, start, stop, push) if stop - start >= fewest else None
        stacks.append(found or _one_by_one(space, start, stop, push))
    return [parts[0] if len(parts) == 1 else np.concatenate(parts) for parts in zip(*stacks, strict=True)]


def _chunk(space: list[Any], start: int, stop: int, push: Callable[[list[Any]], list[Any]]) -> list[Any] | None:
    """Push unit vectors through a linear map all at once; return None if they go different ways."""

    def run(batch: Batch) -> list[Any]:
        units = _units(space, start, stop)
        return [stack_of(batch, y) for y in push([None if unit is None else Batched(batch, unit) for unit in units])]

    return at_once(stop - start, run)


def _one_by_one(space: list[Any], start: int, stop: int, push: Callable[[list[Any]], list[Any]]) -> list[Any]:
    columns = [push([None if u is None else u[0] for u in _units(space, k, k + 1)]) for k in range(start, stop)]
    return [np.stack(column) for column in zip(*columns, strict=True)]


def _units(space: list[Any], start: int, stop: int) -> list[Any]:
    """Return a stack of unit vectors of the space of the leaves, as one stack for each leaf, None where they are all zero."""
    units, first = [], 0
    for x in space:
        n = np.size(x)
        low, high = max(start, first), min(stop, first + n)
        unit = None
        if low < high:
            unit = np.zeros((stop - start, n), kinds.dtype_of(x))
            unit[np.arange(low, high) - start, np.arange(low, high) - first] = 1
            unit = np.reshape(unit, (stop - start, *np.shape(x)))
        units.append(unit)
        first += n
    return units


def _columns_of_passes(
    f: Any, args: Any, kwargs: Any, inputs: dict[int, Any], leaves: list[Any], *, has_aux: bool, name: str
) -> Any:
    """Return the columns of a Jacobian by forward passes, with the value's leaves and structure and the auxiliary data."""
    outcome: list[Any] = []
    # The function may write to its arguments; every pass starts from what they were.
    originals = [tree.tree_map(_copied, arg) for arg in args]

    def push(units: list[Any]) -> list[Any]:
        # With a tangent, even of zeros, all of them arrive as numbers and arrays that have derivatives.
        rest = iter(_filled(units, leaves))
        tangents = {k: [None if x is None else next(rest) for x in active] for k, (_, active, _) in inputs.items()}
        fresh = tuple([tree.tree_map(_copied, arg) for arg in originals])
        y, y_dot, aux = evaluate.pushforward(f, fresh, kwargs, tangents, has_aux=has_aux, name=name)
        outcome[:] = y, aux
        return tree.flatten(y_dot)[0]

    columns = _in_chunks(leaves, push, FEWEST_FORWARD)
    if not outcome:
        push([None] * len(leaves))
    y, aux = outcome
    primals, structure = tree.flatten(y)
    return columns, primals, structure, aux


def _filled(units: list[Any], leaves: list[Any]) -> list[Any]:
    return [kinds.zeros_like(x) if unit is None else unit for unit, x in zip(units, leaves, strict=True)]


def _copied(leaf: Any) -> Any:
    return np.copy(leaf) if isinstance(leaf, (np.ndarray, Traced)) and is_array(leaf) else leaf


def _columns_of_sweeps(linear: LinearMap, leaves: list[Any]) -> list[Any]:
    """Return the columns of a Jacobian by sweeping forward over recorded operations."""

    def push(units: list[Any]) -> list[Any]:
        return linear._push(_filled(units, leaves))

    return _in_chunks(leaves, push, FEWEST_FORWARD)


def _rows_of_sweeps(pullback: evaluate.Pullback, primals: list[Any]) -> list[Any]:
    """Return the rows of a Jacobian by sweeping back over recorded operations."""
    return _in_chunks(primals, lambda units: _active_leaves(pullback, pullback.sweep(units)), FEWEST_BACK)


def _from_columns(columns: list[Any], primals: list[Any], leaves: list[Any]) -> list[list[Any]]:
    """Return the blocks ``[result][input]`` of a Jacobian given by its columns, a stack for each result."""
    ends = np.cumsum([0, *map(np.size, leaves)]).tolist()
    blocks = []
    for r, y in enumerate(primals):
        stack = np.moveaxis(columns[r], 0, -1) if columns else np.zeros((*np.shape(y), 0))
        parts = zip(ends[:-1], ends[1:], leaves, strict=True)
        row = [np.reshape(stack[..., a:b], np.shape(y) + np.shape(x)) for a, b, x in parts]
        blocks.append([np.asarray(block, order="C") if type(block) is np.ndarray else block for block in row])
    return blocks


def _from_rows(rows: list[Any], primals: list[Any], leaves: list[Any]) -> list[list[Any]]:
    """Return the blocks ``[result][input]`` of a Jacobian given by its rows, a stack for each input."""
    ends = np.cumsum([0, *map(np.size, primals)]).tolist()
    blocks = []
    for y, a, b in zip(primals, ends[:-1], ends[1:], strict=True):
        stacks = [rows[k][a:b] if rows else np.zeros((0, *np.shape(x))) for k, x in enumerate(leaves)]
        # The pullback is the adjoint; the rows of a complex Jacobian are its conjugates.
        blocks.append([np.reshape(kinds.conj(s), np.shape(y) + np.shape(x)) for s, x in zip(stacks, leaves, strict=True)])
    return blocks


def _active_leaves(pullback: evaluate.Pullback, gradients: list[Any]) -> list[Any]:
    chosen = []
    for gradient, (_, active, _) in zip(gradients, pullback.inputs.values(), strict=True):
        chosen += [g for g, x in zip(tree.flatten(gradient)[0], active, strict=True) if x is not None]
    return chosen


def _assemble(row: list[Any], inputs: dict[int, Any], argnums: int | Sequence[int], zeros: Callable[[Any], Any]) -> Any:
    """Put the blocks of one result into the structure of the arguments."""
    rest = iter(row)
    trees = []
    for leaves, active, structure in inputs.values():
        trees.append(
            tree.unflatten(
                structure,
                [zeros(leaf) if x is None else next(rest) for leaf, x in zip(leaves, active, strict=True)],
            )
        )
    return trees[0] if isinstance(argnums, (int, np.integer)) else tuple(trees)


def _zeros(x: Any) -> Any:
    """Return the derivatives with respect to an input that has none."""
    return np.zeros(np.shape(x))
