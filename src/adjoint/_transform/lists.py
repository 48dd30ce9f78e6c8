"""The chain rule of lists, of records, and of arrays made of nests of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint._ir.builder import Builder
from adjoint._ir.nodes import Apply, Undefined, Value, atom_type
from adjoint._ir.symbol import Symbol, length
from adjoint._ir.types import ListOf, Opaque, Tensor, Type, tangent_type
from adjoint._rules import kinds, stores
from adjoint.errors import MissingRuleError


def zeros(builder: Builder, atom: Any) -> Any:
    """Return zeros of the form of an atom: a number, or what an operation gives; of what is undefined something undefined."""
    t = atom_type(atom)
    if isinstance(atom, Undefined):
        return Undefined(tangent_type(t))
    if isinstance(t, Opaque):
        return 0.0
    if isinstance(t, Tensor):
        return (0j if t.dtype.kind == "c" else 0.0) if t.rank == 0 else np.zeros_like(builder.symbols(builder.atom(atom)))
    return _written(builder, stores.blank, (atom,), tangent_type(t))


# Forward --------------------------------------------------------------------------------------------------------------------


def push(builder: Builder, op: Apply, args: tuple[Any, ...], kwargs: dict[str, Any], ts: dict[int, Any]) -> list[Any]:
    """Return the tangents of the results of a function of lists, of records or of a nest; None for zero."""
    function, own = op.function, tangent_type(op.outputs[0].type)
    if function in (np.array, np.asarray):
        return [builder.apply(np.array, (ts[0], *builder.symbols(args[1:])), builder.symbols(kwargs))]
    if function is stores.unpack:
        parts = [Value(tangent_type(output.type)) for output in op.outputs]
        builder.append(Apply(function=function, args=(builder.atom(ts[0]), args[1]), outputs=parts, form=tuple))
        return [Symbol(p) if output.type.differentiable else None for p, output in zip(parts, op.outputs, strict=True)]
    if function is stores.pack:
        given = [ts.get(k, _blank(builder, args[k])) for k in range(1, len(args))]
        return [_written(builder, function, (args[0], *given), own)]
    if function is stores.filled:
        return [_written(builder, function, (args[0], ts[1]), own)]
    if function in (stores.append, stores.joined):
        given = [ts[k] if k in ts else zeros(builder, args[k]) for k in (0, 1)]
        return [_written(builder, function, tuple(given), own)]
    if function is stores.combine and len(ts) == 1:
        return list(ts.values())
    return [_written(builder, function, tuple(ts.values()), own)]


def _blank(builder: Builder, atom: Any) -> Any:
    """Return the derivative of a part of a record: None if it can have none."""
    return zeros(builder, atom) if atom_type(atom).differentiable else None


# Reverse --------------------------------------------------------------------------------------------------------------------


def pull(builder: Builder, op: Apply, args: tuple[Any, ...], k: int, cts: Sequence[Any]) -> Any:
    """Return the cotangent of the argument at position ``k`` of a function of lists, of records or of a nest."""
    function, ct = op.function, cts[0]
    if function in (np.array, np.asarray, stores.listed):
        whole = type(args[0]) is Value and isinstance(args[0].type, ListOf)
        return stores.rows(ct) if whole else _picked(args[0], ct)
    if function is stores.unpack:
        given = [_blank(builder, output) if c is None else c for c, output in zip(cts, op.outputs, strict=True)]
        return _written(builder, stores.pack, (args[0].type.name, *given), args[0].type)
    if function is stores.pack:
        types = tuple(tangent_type(atom_type(part)) for part in args[1:])
        parts = [Value(t) for t in types]
        builder.append(Apply(function=stores.unpack, args=(builder.atom(ct), types), outputs=parts, form=tuple))
        return Symbol(parts[k - 1])
    if function is stores.append:
        return _written(builder, stores.without_last, (ct,), ct.type) if k == 0 else ct[-1]
    if function is stores.joined:
        n = builder.apply(length, (builder.symbols(args[0]),))
        return ct[:n] if k == 0 else ct[n:]
    if function is stores.without_last:
        last = builder.symbols(args[0])[-1]
        return _written(builder, stores.append, (ct, zeros(builder, last.value)), ct.type)
    return ct if function is stores.combine else _total(builder, args[1], ct)


def pull_store(builder: Builder, op: Apply, args: tuple[Any, ...], k: int, ct: Any) -> Any:
    """Return the cotangent of a list that is stored into, or of what is stored."""
    index = builder.symbols(args[1])
    if isinstance(index, slice) and op.function is stores.assign:
        raise MissingRuleError.of("a store into a slice of a list of unknown length")
    if k == 2:
        return ct[index]
    if op.function is stores.accumulate:
        return ct
    # A list that was stored may be longer than the one that was there before.
    nested = isinstance(atom_type(args[2]), ListOf)
    before = builder.symbols(args[0])[index].value if nested else args[2]
    return stores.assign(ct, index, zeros(builder, before))


def _picked(tree: Any, ct: Any, *index: int) -> Any:
    """Return the parts of the cotangent of an array that belong to the parts of the nest that it was made of."""
    if isinstance(tree, (list, tuple)):
        return [_picked(part, ct, *index, n) for n, part in enumerate(tree)]
    if type(tree) is not Value or not index:
        return ct if type(tree) is Value else None
    first, *rest = index
    return ct[index] if rest else ct[first]


def _total(builder: Builder, x: Any, ct: Any) -> Any:
    """Return the sum of a list of cotangents of ``x``."""
    t = tangent_type(atom_type(x))
    add = kinds.add if isinstance(t, Tensor) else stores.combine
    count = builder.apply(length, (ct,))
    finals, _, _ = builder.loop(
        (0, count, 1), [zeros(builder, x)], lambda _, total, item: ([add(total, item)], []), types=[t], consumed=[ct]
    )
    return finals[0]


def _written(builder: Builder, function: Any, args: tuple[Any, ...], t: Type) -> Symbol:
    """Write an operation whose result has a known type."""
    output = Value(t)
    builder.append(Apply(function=function, args=builder.atoms(args), outputs=[output]))
    return Symbol(output)
