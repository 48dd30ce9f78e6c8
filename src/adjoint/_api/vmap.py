"""`vmap`: a function of one element, applied to a whole stack at once."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from adjoint._api import evaluate, tree
from adjoint._api.function import Derivative
from adjoint._rules import kinds
from adjoint._trace.batch import Batch, Batched, at_once
from adjoint._trace.memory import as_traced
from adjoint._trace.traced import Traced
from adjoint.errors import BatchError

Axes = Any


def vmap(fun: Callable[..., Any], in_axes: Axes = 0, out_axes: Axes = 0, axis_size: int | None = None) -> Callable[..., Any]:
    """Return the function that applies ``fun`` to each element of stacked arguments, all of them at once.

    Parameters
    ----------
    fun
        Function of arrays, numbers or trees of them, written for one element.
    in_axes
        Which axis of each positional argument runs over the elements: an integer for all arguments, or a tuple or list with one
        entry for each: an integer, None (the same value for every element), or a tree of these that is a prefix of the
        argument's tree.  Keyword arguments are mapped along their first axis.
    out_axes
        Where the axis over the elements stands in the results: an integer, or a tree of integers that is a prefix of the tree
        of the results.  None returns a result that is the same for all elements once, without axis.
    axis_size
        Number of elements; needed only if no argument is mapped.

    Returns
    -------
    Callable
        Takes the arguments of ``fun`` with one more axis each, of length ``n``.  Returns the results of ``fun`` stacked: an
        array of shape ``(n, *y.shape)`` for each result ``y`` (with ``out_axes=0``), of the dtype and units of ``y``.

    Raises
    ------
    BatchError
        The lengths of the mapped axes differ; ``in_axes`` or ``out_axes`` do not match the arguments or results; nothing is
        mapped; a result that depends on the element was to be returned without axis; or the elements give results of
        different shapes.
    EscapedValueError
        A value was kept by ``fun`` and used after the call.

    Notes
    -----
    ``fun`` runs once, on arrays with an axis more, which it does not see: ``x.shape`` is the shape of one element.  Each
    function that it calls is applied to the whole stack; the few that have no such form are applied to one element after the
    other.  The cost is that of the same operations on larger arrays: the overhead of Python is paid once, not once for each
    element.

    A single run cannot follow what differs between the elements: ``if x > 0``, ``range(int(x))``, ``x[x > 0]``, an element of a
    plain array at a mapped index.  ``fun`` is then run again from the start, once for each element, and the results are
    stacked, so that the answer is right but the speed that of a loop; write ``np.where(x > 0, ...)`` to avoid it.  As a part
    of ``fun`` has run twice in that case, ``fun`` should have no side effects.  It gets copies of the arrays: writing to them
    does not change the arguments.

    `vmap` nests with itself and with all derivatives in any order: ``vmap(grad(f))`` gives a gradient for each element.

    Examples
    --------
    >>> import numpy as np
    >>> import adjoint as ad
    >>> ad.vmap(lambda x, w: np.sin(x) @ w, in_axes=(0, None))(np.zeros((3, 2)), np.ones(2))
    array([0., 0., 0.])
    >>> ad.vmap(ad.grad(lambda x: x[0] * x[1]))(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[2., 1.],
           [4., 3.]])
    >>> ad.vmap(lambda x: -x if x < 0 else x)(np.array([-1.0, 2.0]))  # one element after the other
    array([1., 2.])
    """
    if isinstance(in_axes, list):
        in_axes = tuple(in_axes)
    return Derivative(_vmap, fun, {"in_axes": in_axes, "out_axes": out_axes, "axis_size": axis_size})


def _vmap(f: Any, args: Any, kwargs: Any, *, in_axes: Axes, out_axes: Axes, axis_size: int | None) -> Any:
    stacks = Stacks(args, kwargs, in_axes, axis_size)
    pairs, structure = stacks.at_once(f) or stacks.one_by_one(f)
    axes = _spread(out_axes, structure, len(pairs), "out_axes", "the results")
    return tree.unflatten(structure, [_placed(pair, axis, stacks.size) for pair, axis in zip(pairs, axes, strict=True)])


class Stacks:
    """The arguments of a call: their leaves, mapped ones with the batch axis in front, and their structure."""

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any], in_axes: Axes, axis_size: int | None) -> None:
        leaves, self.structure = tree.flatten((list(args), kwargs))
        self.axes = _argument_axes(args, kwargs, in_axes)
        names = _names(args, kwargs)
        leaves = [as_traced(leaf) for leaf in leaves]
        self.size = _size(leaves, self.axes, names, axis_size)
        self.leaves = [_front(leaf, axis) for leaf, axis in zip(leaves, self.axes, strict=True)]

    def at_once(self, f: Any) -> Any:
        """Run ``f`` on the stacks; return pairs (stack, True) or (value, False), and their structure; None if it diverged."""

        def run(batch: Batch) -> Any:
            inputs = [
                Batched(batch, _copy(leaf)) if axis is not None else _copy(leaf)
                for leaf, axis in zip(self.leaves, self.axes, strict=True)
            ]
            args, kwargs = tree.unflatten(self.structure, inputs)
            results, structure = evaluate.results_of(evaluate.run(f, args, kwargs), "vmap")
            mine = [isinstance(leaf, Traced) and leaf.run is batch for leaf in results]
            return [(leaf.primal if own else leaf, own) for leaf, own in zip(results, mine, strict=True)], structure

        return at_once(self.size, run)

    def one_by_one(self, f: Any) -> tuple[list[Any], Any]:
        """Run ``f`` on one element after the other and stack the results."""
        if self.size == 0:
            raise BatchError(
                "vmap: a batch without elements",
                why="the function cannot be run on the stack, and there is no element to run it on",
            )
        rows, structure = [], None
        for k in range(self.size):
            inputs = [_copy(leaf if axis is None else leaf[k]) for leaf, axis in zip(self.leaves, self.axes, strict=True)]
            args, kwargs = tree.unflatten(self.structure, inputs)
            row, own = evaluate.results_of(evaluate.run(f, args, kwargs), "vmap")
            if rows and (own != structure or list(map(kinds.shape_of, row)) != list(map(kinds.shape_of, rows[0]))):
                raise BatchError(
                    f"vmap: element {k} gave {_form(own, row)}, element 0 gave {_form(structure, rows[0])}",
                    why="results of different shapes cannot be stacked",
                )
            rows.append(row)
            structure = own
        return [(np.stack(column), True) for column in zip(*rows, strict=True)], structure


def _form(structure: Any, leaves: list[Any]) -> str:
    return f"{tree.describe(structure)} with shapes {', '.join(map(str, map(kinds.shape_of, leaves)))}"


def _copy(leaf: Any) -> Any:
    """Return an array of the function's own; numbers as they are."""
    return np.copy(leaf) if isinstance(leaf, (np.ndarray, Traced)) and len(kinds.shape_of(leaf)) else leaf


def _front(leaf: Any, axis: int | None) -> Any:
    if axis is None:
        return leaf
    return leaf if axis == 0 else np.moveaxis(leaf, axis, 0)


def _placed(pair: tuple[Any, bool], axis: int | None, size: int) -> Any:
    """Return a result with the axis over the elements where it was asked for."""
    leaf, mapped = pair
    if axis is None:
        if mapped:
            raise BatchError(
                "vmap: out_axes is None for a result that differs between the elements", remedy="give the axis as an integer"
            )
        return evaluate.tidy(leaf)
    if not mapped:
        leaf = np.copy(np.broadcast_to(leaf, (size, *kinds.shape_of(leaf))))
    n = len(kinds.shape_of(leaf))
    if not -n <= axis < n:
        raise BatchError(f"vmap: out_axes={axis} for a result that has {n} axes with the one over the elements")
    return evaluate.tidy(leaf if axis in (0, -n) else np.moveaxis(leaf, 0, axis))


# Axes of arguments -------------------------------------------------------------------------------------------------------


def _argument_axes(args: tuple[Any, ...], kwargs: dict[str, Any], in_axes: Axes) -> list[int | None]:
    """Return the mapped axis of every leaf of the arguments."""
    each = in_axes if isinstance(in_axes, tuple) else (in_axes,) * len(args)
    if len(each) != len(args):
        raise BatchError(
            f"vmap: in_axes has {len(each)} entries, but the function was called with {len(args)} positional arguments",
            remedy="give one entry for each positional argument, or one integer for all",
        )
    axes: list[int | None] = []
    for k, (arg, given) in enumerate(zip(args, each, strict=True)):
        leaves, structure = tree.flatten(arg)
        axes += _spread(given, structure, len(leaves), "in_axes", f"argument {k}")
    # Keyword arguments come in the order of their names, as in the structure of a dict.
    return axes + [0] * len(tree.flatten(kwargs)[0])


def _spread(axes: Axes, structure: Any, count: int, name: str, where: str) -> list[int | None]:
    """Return an axis for each leaf from a tree of axes that is a prefix of the leaves' tree."""
    if axes is None:
        return [None] * count
    if isinstance(axes, (int, np.integer)):
        return [operator.index(axes)] * count
    try:
        return [None if axis is None else operator.index(axis) for axis in tree.spread_prefix(axes, structure, count)]
    except (ValueError, TypeError) as error:
        raise BatchError(
            f"vmap: {name} {axes!r} does not match the structure {tree.describe(structure)} of {where}",
            why=str(error).splitlines()[0],
            remedy="give an integer, None, or the same tree (or its upper part) with integers and None",
        ) from None


def _names(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[str]:
    """Return a name for every leaf of the arguments, for messages."""
    groups: list[tuple[str, Any]] = [(f"argument {k}", arg) for k, arg in enumerate(args)]
    groups += [(f"argument {name!r}", kwargs[name]) for name in sorted(kwargs)]
    return [name for name, arg in groups for _ in tree.flatten(arg)[0]]


def _size(leaves: list[Any], axes: list[int | None], names: list[str], axis_size: int | None) -> int:
    """Return the number of elements; raise unless all mapped axes have it."""
    mapped = [(name, leaf, axis) for leaf, axis, name in zip(leaves, axes, names, strict=True) if axis is not None]
    sizes: list[tuple[str, int, int | None]] = [(name, _length(leaf, axis, name), axis) for name, leaf, axis in mapped]
    if not sizes and axis_size is None:
        raise BatchError(
            "vmap: no argument is mapped", remedy="give an axis to map along in in_axes, or the number of elements, axis_size"
        )
    if axis_size is not None:
        sizes = [("axis_size", operator.index(axis_size), None), *sizes]
    if len({size for _, size, _ in sizes}) > 1:
        listed = "; ".join(_listed(sizes))
        raise BatchError(
            f"vmap: the mapped axes differ in length: {listed}",
            remedy="map arguments of equal lengths; None in in_axes leaves one out",
        )
    return sizes[0][1]


def _listed(sizes: Iterable[tuple[str, int, int | None]]) -> list[str]:
    return [f"{name} is {size}" if axis is None else f"axis {axis} of {name} has length {size}" for name, size, axis in sizes]


def _length(leaf: Any, axis: int, name: str) -> int:
    shape = np.shape(leaf)
    if not -len(shape) <= axis < len(shape):
        raise BatchError(
            f"vmap: {name} has shape {shape}, which has no axis {axis}",
            remedy="pass an array with that axis, or None in in_axes",
        )
    return shape[axis]
