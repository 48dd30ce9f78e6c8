"""What is known of arrays beyond their types: whether they lie in C order, and which lengths are known numbers.

Variables that several values share have the form that all of these have.  Found by going through the statements until nothing
changes, from the most that could be known to what is.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from adjoint._backend.native import fusion, lanes
from adjoint._backend.native.values import SMALL, axis_of, is_native, rank_of
from adjoint._backend.plan import Compute, Cycle, Move, Plan, Step
from adjoint._ir.nodes import Apply, Call, Undefined, Value, atom_type
from adjoint._ir.types import Tensor
from adjoint._rules import einsum, kinds, stores

Dims = tuple[int | None, ...]


class Form(NamedTuple):
    """Lengths of axes, None where they are found when the program runs; and whether the elements lie in C order."""

    dims: Dims
    packed: bool

    @property
    def is_small(self) -> bool:
        """Whether the array is so small, and known to be, that it needs no memory of its own."""
        return self.packed and all(n is not None for n in self.dims) and math.prod(n or 0 for n in self.dims) <= SMALL


def unknown(rank: int) -> Dims:
    return (None,) * rank


class Forms:
    """The forms of the variables of a plan."""

    def __init__(self, plan: Plan, root: Callable[[Value], Value], given: Sequence[Dims | None]) -> None:
        self.plan = plan
        self.root = root
        self.known: dict[Value, Form] = {}
        self.lanes = lanes.find(plan, root)
        self.changed = True
        for param, dims in zip(plan.function.params, given, strict=True):
            if rank_of(param):
                self.meet(param, Form(dims or unknown(rank_of(param)), True))
        steps = list(plan.walk())
        while self.changed:
            self.changed = False
            for step in steps:
                self.step(step)

    def of(self, atom: Any) -> Form:
        """Return the form of an array."""
        if type(atom) is not Value:
            return Form(np.shape(atom), True)
        op = self.plan.inlined.get(atom)
        if op is not None:
            return self.result(op, atom)
        root = self.root(atom)
        form = self.known.get(root)
        if form is None:
            form = Form(unknown(rank_of(atom)), True)
        return Form(form.dims, False) if root in self.lanes else form

    def meet(self, value: Value, form: Form) -> None:
        if not rank_of(value):
            return
        root = self.root(value)
        known = self.known.get(root)
        if known is not None:
            dims = tuple(a if a == b else None for a, b in zip(known.dims, form.dims, strict=True))
            form = Form(dims, known.packed and form.packed)
        if form != known:
            self.known[root] = form
            self.changed = True

    def step(self, step: Step) -> None:
        match step:
            case Compute():
                for output in step.op.outputs:
                    if rank_of(output):
                        self.give(output, self.result(step.op, output), copies=step.copies)
            case Move():
                for pair in step.pairs:
                    if rank_of(pair.target) and not isinstance(pair.source, Undefined):
                        self.give(pair.target, self.arrived(pair.source), copies=pair.copies)
            case Cycle():
                for item in step.loop.items:
                    self.meet(item, Form(unknown(rank_of(item)), True))

    def give(self, value: Value, form: Form | None, *, copies: bool) -> None:
        """Note the form of what a variable is given; a copy lies in C order."""
        if form is not None:
            self.meet(value, Form(form.dims, True) if copies else form)

    def arrived(self, atom: Any) -> Form | None:
        """Return the form of a value that is moved; None if nothing has reached it yet."""
        if type(atom) is Value and atom not in self.plan.inlined:
            return self.known.get(self.root(atom))
        return self.of(atom)

    def result(self, op: Apply | Call, output: Value) -> Form:
        rank = rank_of(output)
        if not isinstance(op, Apply) or not is_native(output.type):
            return Form(unknown(rank), True)
        if fusion.is_elementwise(op) or fusion.is_filled(op):
            return Form(broadcast([self.of(arg).dims for arg in op.args], rank), True)
        if fusion.is_view(op):
            return self.viewed(op, rank)
        if op.function is stores.form:
            return Form(self.of(op.args[0]).dims, False)
        found = _DIMS.get(op.function)
        dims = None if found is None else found(self, op)
        return Form(dims if dims is not None and len(dims) == rank else unknown(rank), True)

    def viewed(self, op: Apply, rank: int) -> Form:
        a = self.of(op.args[0])
        if op.function is operator.getitem:
            return sliced(a, op.args[1], rank)
        if op.function is np.expand_dims and len(op.args) == 2 and type(op.args[1]) is int and not op.kwargs:
            axis = op.args[1] % rank
            return Form((*a.dims[:axis], 1, *a.dims[axis:]), a.packed)
        if op.function is np.transpose and len(op.args) == 1 and not op.kwargs:
            return Form(a.dims[::-1], a.packed and rank < 2)
        if op.function is np.matrix_transpose:
            return Form((*a.dims[:-2], *a.dims[:-3:-1]), False)
        if op.function is np.broadcast_to and len(op.args) == 2:
            shape = op.args[1] if isinstance(op.args[1], (tuple, list)) else (op.args[1],)
            return Form(tuple(n if type(n) is int else None for n in shape), False)
        return Form(unknown(rank), False)


def sliced(a: Form, index: Any, rank: int) -> Form:
    """Return the form of a part of an array."""
    parts = list(index) if isinstance(index, tuple) else [index]
    taken = sum(part is not None and part is not Ellipsis for part in parts)
    rest = [slice(None)] * (len(a.dims) - taken)
    if Ellipsis in [part for part in parts if part is Ellipsis]:
        at = next(k for k, part in enumerate(parts) if part is Ellipsis)
        parts[at : at + 1] = rest
    else:
        parts += rest
    dims: list[int | None] = []
    packed, axis, whole = a.packed, 0, True
    for part in parts:
        if part is None:
            dims.append(1)
            continue
        n = a.dims[axis]
        axis += 1
        if isinstance(part, slice):
            bounds = (part.start, part.stop, part.step)
            known = n is not None and all(x is None or type(x) is int for x in bounds)
            dims.append(
                len(range(*part.indices(n))) if known and n is not None else n if bounds == (None, None, None) else None
            )
            # Rows that follow each other lie without gaps, if each is whole.
            full = bounds == (None, None, None)
            packed = packed and (full or (whole and part.step in (None, 1)))
            whole = False
        elif not whole:
            packed = False
    return Form(tuple(dims) if len(dims) == rank else unknown(rank), packed)


def broadcast(shapes: list[Dims], rank: int) -> Dims:
    """Return the lengths of a result of arrays of these shapes."""
    dims: list[int | None] = []
    for axis in range(1, rank + 1):
        lengths = [shape[-axis] for shape in shapes if len(shape) >= axis]
        known = {n for n in lengths if n is not None and n != 1}
        if known:
            dims.append(known.pop() if len(known) == 1 else None)
        else:
            dims.append(1 if all(n == 1 for n in lengths) else None)
    return tuple(reversed(dims))


# Lengths of results -----------------------------------------------------------------------------------------------------------


def _as_first(forms: Forms, op: Apply) -> Dims:
    return forms.of(op.args[0]).dims


def _as_second(forms: Forms, op: Apply) -> Dims:
    return forms.of(op.args[1]).dims


def _of_shape(forms: Forms, op: Apply) -> Dims:
    shape = op.args[0] if isinstance(op.args[0], (tuple, list)) else (op.args[0],)
    return tuple(n if type(n) is int else None for n in shape)


def _reshaped(forms: Forms, op: Apply) -> Dims | None:
    if len(op.args) < 2:
        return None
    shape = op.args[1] if isinstance(op.args[1], (tuple, list)) else (op.args[1],)
    return tuple(n if type(n) is int and n >= 0 else None for n in shape)


def _array(forms: Forms, op: Apply) -> Dims | None:
    """Return the lengths of ``np.array`` of nested sequences of numbers."""
    dims: list[int | None] = []
    part = op.args[0]
    while isinstance(part, (list, tuple)):
        dims.append(len(part))
        if not part:
            return None
        part = part[0]
    t = atom_type(part)
    if isinstance(t, Tensor) and t.rank:
        dims += forms.of(part).dims
    return tuple(dims)


def _product(forms: Forms, op: Apply) -> Dims | None:
    a, b = (forms.of(arg).dims for arg in op.args[:2])
    stack = broadcast([a[:-2], b[:-2]], max(len(a), len(b), 2) - 2)
    return (*stack, *a[-2:-1], *(b[-1:] if len(b) > 1 else ()))


def _contracted(forms: Forms, op: Apply) -> Dims | None:
    count = next(k for k, arg in enumerate(op.args) if isinstance(arg, str))
    left, _, result = op.args[count].partition("->")
    known: dict[str, int | None] = {}
    for arg, term in zip(op.args[:count], left.split(","), strict=True):
        dims = forms.of(arg).dims if rank_of(arg) else ()
        known |= {x: n for x, n in zip(term, dims, strict=True) if n not in (None, 1) or x not in known}
    return tuple(known[x] for x in result)


def _reduced(forms: Forms, op: Apply) -> Dims | None:
    axis = axis_of(op)
    dims = forms.of(op.args[0]).dims
    if type(axis) is not int:
        return None
    axis %= len(dims)
    keep = op.kwargs.get("keepdims", False) is True
    return (*dims[:axis], *((1,) if keep else ()), *dims[axis + 1 :])


_DIMS: dict[Any, Callable[[Forms, Apply], Dims | None]] = {
    np.copy: _as_first, stores.assign: _as_first, stores.accumulate: _as_first, stores.blank: _as_first, kinds.scale: _as_first,
    stores.fit: _as_second, stores.spread: _as_second, np.zeros: _of_shape, np.ones: _of_shape, np.empty: _of_shape,
    np.full: _of_shape, np.reshape: _reshaped, np.array: _array, np.asarray: _array, np.matmul: _product, np.dot: _product,
    einsum.contract: _contracted, einsum.contract_pair: _contracted, np.sum: _reduced, np.mean: _reduced, np.max: _reduced,
    np.min: _reduced, np.stack: lambda forms, op: None,
}  # fmt: skip
