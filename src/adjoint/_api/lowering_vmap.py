"""`vmap` inside a translated function: the program of one element, batched; a loop over the elements where that cannot be."""

from __future__ import annotations

import builtins
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint._api.directions import has_effects
from adjoint._api.lowering import Inner, inlined, inner, lowers
from adjoint._api.vmap import _vmap
from adjoint._frontend import calls
from adjoint._frontend.lists import GrowingList
from adjoint._frontend.merge import parts_of
from adjoint._frontend.runtime import RUNTIME
from adjoint._frontend.state import UnstableError
from adjoint._frontend.trees import Tree, flatten
from adjoint._ir.nodes import Block, If, atom_type
from adjoint._ir.symbol import Symbol, writer
from adjoint._ir.types import ListOf, Tensor
from adjoint._transform.batching import Batched, batch
from adjoint._transform.simplify import simplify
from adjoint.errors import BatchError

Axis = int | None


@lowers(_vmap)
def vmap(f: Any, args: Any, kwargs: Any, *, in_axes: Any, out_axes: Any, axis_size: int | None) -> Any:
    """Write the program of a function for every element of a stack."""
    stacks = _Stacks(args, kwargs, in_axes, axis_size)
    pairs, tree = stacks.at_once(f) or stacks.one_by_one(f)
    axes = _spread(out_axes, tree.rebuild(list(range(len(pairs)))), "out_axes")
    return tree.rebuild([_placed(y, own, axis, stacks.size) for (y, own), axis in zip(pairs, axes, strict=True)])


class _Stacks:
    """The arguments of a call: their leaves, those that are mapped with the axis over the elements in front."""

    def __init__(self, args: Any, kwargs: Any, in_axes: Any, axis_size: int | None) -> None:
        self.tree = flatten((args, kwargs))
        each = tuple(in_axes) if isinstance(in_axes, (tuple, list)) else (in_axes,) * len(args)
        if len(each) != len(args):
            raise BatchError(
                f"vmap: in_axes has {len(each)} entries, but the function was called with {len(args)} positional arguments",
                remedy="give one entry for each positional argument, or one integer for all",
            )
        axes = [axis for arg, given in zip(args, each, strict=True) for axis in _spread(given, arg, "in_axes")]
        axes += [0] * (len(self.tree.leaves) - len(axes))
        if len(axes) != len(self.tree.leaves):
            raise UnstableError("vmap with one list or dict in several arguments is not translated")
        self.mapped = [axis is not None for axis in axes]
        self.leaves = [_front(leaf, axis) for leaf, axis in zip(self.tree.leaves, axes, strict=True)]
        self.size = self.common_size(axis_size)

    def common_size(self, axis_size: int | None) -> Any:
        """Return the number of elements, and write checks that all mapped axes have it."""
        sizes = [leaf.shape[0] for leaf, mapped in zip(self.leaves, self.mapped, strict=True) if mapped]
        sizes = sizes if axis_size is None else [axis_size, *sizes]
        if not sizes:
            remedy = "give an axis to map along in in_axes, or the number of elements, axis_size"
            raise BatchError("vmap: no argument is mapped", remedy=remedy)
        for other in sizes[1:]:
            _expect_equal(sizes[0], other)
        return sizes[0]

    def element(self, k: Any) -> tuple[Any, Any]:
        """Return the arguments for one element: copies, as what is written to them changes nothing outside."""
        parts = [_copied(x[k] if own else x) for x, own in zip(self.leaves, self.mapped, strict=True)]
        return self.tree.rebuild(parts)

    def at_once(self, f: Any) -> tuple[list[tuple[Any, bool]], Tree] | None:
        """Write the program for all elements at once; return pairs (result, whether it is a stack), and their structure."""
        recorder = writer()
        with recorder.region(repeats=True) as region:
            try:
                with recorder.into(Block()):
                    parts = [_copied(x[0] if own else x) for x, own in zip(self.leaves, self.mapped, strict=True)]
                    args, kwargs = self.tree.rebuild(parts)
                    made = inner(f, args, kwargs)
            finally:
                region.undo()
        whole = {id(part): (leaf, own) for part, leaf, own in zip(parts, self.leaves, self.mapped, strict=True)}
        given = [whole[id(leaf)] for leaf in made.leaves]
        flags = [own for _, own in given] + [False] * (len(made.atoms) - len(given))
        batched = _batched(made, flags)
        if batched is None:
            return None
        outputs = inlined(batched.function, [*[recorder.atom(leaf) for leaf, _ in given], *made.atoms[len(given) :]])
        count = made.results
        return list(zip(outputs[:count], batched.batched_results[:count], strict=True)), made.tree

    def one_by_one(self, f: Any) -> tuple[list[tuple[Any, bool]], Tree]:
        """Write a loop over the elements."""
        recorder = writer()
        boxes: list[GrowingList] = []
        built: list[Tree] = []

        def run(k: Any) -> list[Any]:
            args, kwargs = self.element(k)
            built[:] = [flatten(calls.routed(f)(*args, **kwargs))]
            return built[0].leaves

        with recorder.region(repeats=True) as region:
            try:
                with recorder.into(Block()):
                    boxes += [GrowingList() for _ in run(0)]
            finally:
                region.undo()

        def step(k: Any) -> None:
            for box, leaf in zip(boxes, run(k), strict=True):
                box.append(leaf)

        RUNTIME.for_(calls.routed(builtins.range)(self.size), step, None, RUNTIME.state((), lambda: (), lambda _: None))
        stacks = [recorder.apply(np.stack if _rank_of_items(box) else np.array, (box,), {}) for box in boxes]
        return [(stack, True) for stack in stacks], built[0]


def _batched(made: Inner, flags: Sequence[bool]) -> Batched | None:
    """Return the program of one element for all of them; None if there is none, or random numbers are drawn for each."""
    if has_effects(made.function) or not any(flags):
        return None
    if any(isinstance(atom_type(result), ListOf) for result in made.function.results[: made.results]):
        return None
    try:
        return batch(simplify(made.function, [False] * len(flags)), flags)
    except BatchError:
        return None


def _spread(axes: Any, x: Any, name: str) -> list[Axis]:
    """Return an axis for each leaf of a value, from a tree of axes that is the upper part of its tree."""
    if axes is None or isinstance(axes, (int, np.integer)):
        return [None if axes is None else operator.index(axes)] * len(flatten(x).leaves)
    parts, own = parts_of(x), parts_of(axes)
    if parts is not None and own is not None and list(parts) == list(own):
        return [axis for key in parts for axis in _spread(own[key], parts[key], name)]
    raise BatchError(
        f"vmap: {name} {axes!r} does not match the structure of the arguments or results",
        remedy="give an integer, None, or the same tree (or its upper part) with integers and None",
    )


def _front(leaf: Any, axis: Axis) -> Any:
    if axis is None:
        return leaf
    rank = getattr(leaf, "ndim", 0)
    if not -rank <= axis < rank:
        raise BatchError(
            f"vmap: an argument has {rank} axes, and no axis {axis}", remedy="pass an array with that axis, or None in in_axes"
        )
    return leaf if axis in (0, -rank) else np.moveaxis(leaf, axis, 0)


def _copied(x: Any) -> Any:
    return np.copy(x) if isinstance(x, Symbol) and x.ndim else Symbol(x.value) if isinstance(x, Symbol) else x


def _expect_equal(size: Any, other: Any) -> None:
    """Write a check that two mapped axes have one length."""
    recorder = writer()
    if isinstance(size, int) and isinstance(other, int):
        if size != other:
            raise BatchError(f"vmap: the mapped axes differ in length: {size} and {other}")
        return
    block = Block()
    with recorder.into(block):
        recorder.raise_(ValueError, ("vmap: the mapped axes differ in length",))
    differ = recorder.operation(operator.ne, (size, other))
    recorder.append(If(condition=differ, then=block, orelse=Block()))


def _placed(y: Any, own: bool, axis: Axis, size: Any) -> Any:
    """Return a result with the axis over the elements where it was asked for."""
    if axis is None:
        if own:
            raise BatchError(
                "vmap: out_axes is None for a result that differs between the elements", remedy="give the axis as an integer"
            )
        return y
    if not own:
        y = _repeated(y, size)
    rank = y.ndim
    if not -rank <= axis < rank:
        raise BatchError(f"vmap: out_axes={axis} for a result that has {rank} axes with the one over the elements")
    return y if axis in (0, -rank) else np.moveaxis(y, 0, axis)


def _repeated(y: Any, size: Any) -> Any:
    """Return the stack in which every element is the same."""
    recorder = writer()
    if isinstance(y, Symbol) and y.ndim:
        return np.copy(np.broadcast_to(y, (size, *y.shape)))
    t = atom_type(recorder.atom(y))
    if not isinstance(t, Tensor):
        raise BatchError(f"vmap: a result of the class {type(y).__name__} cannot be stacked")
    return recorder.create(np.full, (size, y), {})


def _rank_of_items(box: GrowingList) -> int:
    t = box.dynamic.type.item if box.dynamic is not None else None
    if t is None:
        return max((x.ndim for x in box.known_items if isinstance(x, Symbol)), default=0)
    if not isinstance(t, Tensor):
        raise UnstableError("vmap: a list of unknown length is the result", remedy="return an array: np.array(items)")
    return t.rank
