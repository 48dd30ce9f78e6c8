"""Which machine code computes which function: the table, and what to do with functions that are not in it."""

from __future__ import annotations

import builtins
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint._backend.memory import Sharing
from adjoint._backend.native import (
    arranging,
    contractions,
    crossing,
    fusion,
    gathering,
    indexing,
    kernels,
    linear,
    list_functions,
    making,
    products,
    schedules,
    storing,
)
from adjoint._backend.native.function import Writer
from adjoint._backend.native.scalars import UnsupportedError
from adjoint._backend.native.values import Array, Machine, rank_of
from adjoint._ir.nodes import Apply, Call, Value, atom_type
from adjoint._ir.symbol import extent, length
from adjoint._ir.types import Tensor
from adjoint._rules import einsum as einsums
from adjoint._rules import indexing as rules_indexing
from adjoint._rules import products as rules_products
from adjoint._rules import shaping, stores

Handler = Callable[[Writer, Apply, Value | None], Any]

HANDLERS: dict[Any, Handler] = {
    np.reshape: lambda w, op, target: indexing.reshape(w, op),
    np.ravel: lambda w, op, target: indexing.reshape(w, op),
    np.zeros: making.filled, np.ones: making.filled, np.empty: making.filled, np.full: making.filled,
    np.zeros_like: making.alike, np.ones_like: making.alike, np.empty_like: making.alike, np.full_like: making.alike,
    np.array: making.array, np.asarray: making.array, np.ascontiguousarray: making.array, np.stack: making.stack,
    np.concatenate: making.concatenate, np.arange: making.arange, np.astype: making.converted,
    shaping.convert: making.converted, np.clip: making.clip, np.copy: making.copied, stores.held: making.copied,
    stores.fit: making.fitted, stores.spread: making.fitted, stores.form: making.formed, extent: making.extent,
    np.size: making.size, np.matmul: products.product, np.dot: products.product, np.inner: products.inner,
    stores.winners: gathering.winners, np.cross: crossing.cross, rules_products.cross3: crossing.cross,
    rules_products.in_space: crossing.in_space,
    np.einsum: contractions.einsum, einsums.contract: contractions.contracted,
    einsums.contract_pair: contractions.contracted,
    np.outer: products.outer, np.linalg.norm: products.norm, np.linalg.solve: linear.solve, np.linalg.inv: linear.inverse,
    np.linalg.det: linear.determinant, np.linalg.cholesky: linear.cholesky, rules_indexing.scatter: gathering.scattered,
    np.cumsum: arranging.cumulated, np.cumprod: arranging.cumulated, np.argmax: arranging.place_of_extreme,
    np.argmin: arranging.place_of_extreme, np.round: arranging.rounded, np.around: arranging.rounded, np.eye: arranging.eye,
    np.identity: arranging.eye, np.tril: arranging.triangle, np.triu: arranging.triangle, np.diag: arranging.diagonal,
    np.diagonal: arranging.diagonal, np.trace: arranging.trace, np.roll: arranging.rolled, np.repeat: arranging.repeated,
    np.tile: arranging.tiled, np.take: arranging.taken, np.linspace: arranging.linspace,
    length: list_functions.length, stores.length: list_functions.length, builtins.len: list_functions.length,
    stores.listed: list_functions.listed, stores.filled: list_functions.filled,
    stores.joined: list_functions.joined, stores.numbers: list_functions.rows,
    stores.rows: list_functions.rows, stores.vector: list_functions.vector, stores.pack: list_functions.pack,
    stores.unpack: list_functions.unpack, stores.blank: list_functions.blank, builtins.sum: list_functions.total,
}  # fmt: skip
HANDLERS.update(dict.fromkeys(kernels.REDUCTIONS, kernels.reduce))


def value(w: Writer, atom: Any, target: Value | None) -> Machine:
    """Return the value of an atom, made in the memory of a variable if that is possible."""
    op = w.plan.inlined.get(atom) if type(atom) is Value else None
    if op is None:
        return w.atom(atom)
    try:
        return computed(w, op, target)
    except UnsupportedError as error:
        error.value = error.value or atom
        raise


def computed(w: Writer, op: Apply | Call, target: Value | None = None) -> Machine:
    """Return the result of an operation of one result."""
    assert isinstance(op, Apply)
    if fusion.is_elementwise(op):
        return kernels.elementwise(w, op, target)
    if fusion.is_filled(op):
        return making.alike(w, op, target)
    if fusion.is_view(op):
        return indexing.view(w, op)
    if op.function is operator.getitem:
        found = list_functions.item(w, op)
        if found is not None:
            return found
        return indexing.item(w, op) if fusion.is_basic(op.args[1]) else gathering.gathered(w, op)
    handler = HANDLERS.get(op.function) or (schedules.next_place if _is_schedule(op.function) else None)
    if handler is None:
        raise UnsupportedError(getattr(op.function, "__name__", str(op.function)))
    return handler(w, op, target)


def _is_schedule(function: Any) -> bool:
    return getattr(function, "__module__", "") == schedules.MODULE and function.__name__ == "next_place"


def results(w: Writer, op: Apply, *, in_place: bool) -> list[Machine | None]:
    """Return the results of an operation; what no instructions are known for is called back."""
    mark = w.mark()
    try:
        return _written(w, op, in_place=in_place)
    except UnsupportedError as error:
        w.undo(mark)
        return w.module.called_back(w, op, str(error))


def _written(w: Writer, op: Apply, *, in_place: bool) -> list[Machine | None]:
    """Return the results of an operation that instructions are known for."""
    if in_place and (done := updated(w, op)) is not None:
        return [done]
    if len(op.outputs) == 1 and op.form is None:
        return [computed(w, op, op.outputs[0])]
    if op.function is np.linalg.slogdet:
        return [*linear.sign_and_log(w, op)]
    if op.function in (np.triu_indices, np.tril_indices):
        return [*arranging.triangle_indices(w, op)]
    if op.function is stores.unpack:
        return list_functions.unpack(w, op, None)
    raise UnsupportedError(getattr(op.function, "__name__", str(op.function)))


def updated(w: Writer, op: Apply) -> Machine | None:
    """Write ``x += e`` and the like to the memory of ``x``; None if ``e`` may read that memory elsewhere."""
    if not fusion.is_elementwise(op) or not rank_of(op.outputs[0]):
        return None
    x, t = w.read(op.args[0]), kernels.node(w, op)
    assert isinstance(x, Array)
    assert isinstance(t, kernels.Node)
    written = w.sharing.sites(op.args[0])
    others = [leaf for leaf in kernels.read(t) if leaf.atom is not op.args[0]]
    if any(leaf.atom is not None and w.sharing.sites(leaf.atom) & written for leaf in others):
        return None
    storing.expect_fit(w, t, x)
    kernels.fill(w, x, t)
    return x


def store(w: Writer, op: Apply, sharing: Sharing, *, in_place: bool) -> None:
    """Write a store into an array or a list."""
    if not isinstance(atom_type(op.args[0]), Tensor) or op.function in (stores.append, stores.without_last):
        list_functions.store(w, op, in_place=in_place)
        return
    mark = w.mark()
    try:
        storing.store(w, op, sharing, in_place=in_place, add=op.function is stores.accumulate)
    except UnsupportedError as error:
        w.undo(mark)
        for output, x in zip(op.outputs, w.module.called_back(w, op, str(error)), strict=True):
            if x is not None:
                w.assign(output, x)
