"""Stores into arrays: one element, or the part that a basic index names; what arrays name is in `gathering`."""

from __future__ import annotations

import operator
from typing import Any

from adjoint._backend.memory import Sharing
from adjoint._backend.native import fusion, gathering, indexing, kernels, nests, scalars
from adjoint._backend.native.function import Writer
from adjoint._backend.native.scalars import UnsupportedError
from adjoint._backend.native.values import Array, Scalar, is_native, kind_of, rank_of
from adjoint._ir.nodes import Apply, Value, atom_type


def store(w: Writer, op: Apply, sharing: Sharing, *, in_place: bool, add: bool) -> None:
    """Write a store into an array, after the copy that it may need."""
    old, index, v = op.args
    output = op.outputs[0]
    if not is_native(output.type) or not rank_of(output) or not is_native(atom_type(v)):
        raise UnsupportedError("a store of what is no number")
    here = type(old) is Value and old not in w.plan.inlined and w.variables.root(old) is w.variables.root(output)
    if not (here and in_place):
        source = w.array(old)
        root = w.variables.root(output)
        within = any(w.variables.root(value) is root for value in w.plan.leaves(old))  # a view of what is to be overwritten
        w.assign(output, source if in_place else w.copy(source, target=None if within else output))
    a = w.read(output)
    assert isinstance(a, Array)
    if fusion.is_basic(index):
        _store_part(w, a, op, sharing, add=add)
    else:
        gathering.store(w, a, op, sharing, add=add)


def _store_part(w: Writer, a: Array, op: Apply, sharing: Sharing, *, add: bool) -> None:
    """Write to the part of an array that a basic index names."""
    old, index, v = op.args
    place = indexing.part(w, a, index, packed=False, place=w.place_of(op.outputs[0]))
    if not place.dims:
        x = scalars.convert(w.text, _element(w, v), a.kind)
        if add:
            before = nests.load(w.text, a.kind, place.data)
            x = Scalar(a.kind, w.text.let(f"{'add' if a.kind == 'i8' else 'fadd'} {x.type} {before.text}, {x.text}"))
        nests.store(w.text, x, place.data)
        return
    if add and a.kind == "b1":
        raise UnsupportedError("sums of truth values")
    t = kernels.tree(w, v)
    written = sharing.written(op.outputs[0]) | sharing.written(old)
    if any(_overlaps(leaf, old, index, written, sharing) for leaf in kernels.read(t)):
        t = kernels.Leaf(kernels.evaluated(w, t, kind_of(v), rank_of(v)), None, None)
    expect_fit(w, t, place)
    kernels.fill(w, place, t, add=add)


def _element(w: Writer, v: Any) -> Scalar:
    """Return what is stored in one place; an array of one element NumPy takes, or refuses in later versions."""
    if rank_of(v):
        raise UnsupportedError("an array in the place of one element")
    return w.scalar(v)


def _overlaps(leaf: kernels.Leaf, old: Any, index: Any, written: Any, sharing: Sharing) -> bool:
    """Tell whether what is stored may be read from where it is stored to, at another place."""
    atom = leaf.atom
    if atom is None or not sharing.sites(atom) & written:
        return False
    op = sharing.plan.inlined.get(atom)
    same = isinstance(op, Apply) and op.function is operator.getitem and op.args[0] is old and _equal(op.args[1], index)
    return not same


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, slice) and isinstance(b, slice):
        return all(_equal(x, y) for x, y in zip((a.start, a.stop, a.step), (b.start, b.stop, b.step), strict=True))
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(_equal, a, b))
    return a is b or (type(a) is int and type(b) is int and a == b)


def expect_fit(w: Writer, t: kernels.Tree, place: Array) -> None:
    """Leave where the shape of what is stored is not that of the place."""
    for leaf in kernels.leaves(t):
        dims = list(leaf.array.dims)
        while len(dims) > place.rank:
            w.leave_if(w.text.compare("ne", dims.pop(0), "1"))
            raise UnsupportedError("an array of more axes than the place has")
        for n, wanted in zip(reversed(dims), reversed(place.dims), strict=False):
            w.leave_if(w.text.all([w.text.compare("ne", n, "1"), w.text.compare("ne", n, wanted)]))
