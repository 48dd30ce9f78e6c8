"""The chain rule of lists, and of functions that take any nest of arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint._ir.builder import Builder
from adjoint._ir.nodes import Apply, Undefined, Value, atom_type
from adjoint._ir.symbol import Symbol, length
from adjoint._ir.types import ListOf, Tensor, tangent_type
from adjoint._rules import kinds, stores
from adjoint.errors import MissingRuleError


def zeros(builder: Builder, atom: Any) -> Any:
    """Return zeros of the form of an atom: a number, or what an operation gives; of what is undefined something undefined."""
    if isinstance(atom, (list, tuple)):
        return type(atom)([zeros(builder, part) for part in atom])
    t = atom_type(atom)
    if isinstance(atom, Undefined):
        return Undefined(tangent_type(t))
    if isinstance(t, Tensor):
        return (0j if t.dtype.kind == "c" else 0.0) if t.rank == 0 else np.zeros_like(builder.symbols(builder.atom(atom)))
    output = Value(tangent_type(t))
    builder.append(Apply(function=kinds.zeros_like, args=(atom,), outputs=[output]))
    return Symbol(output)


def push(builder: Builder, op: Apply, args: tuple[Any, ...], kwargs: dict[str, Any], ts: dict[int, Any]) -> Any:
    """Return the tangent of a list, or of the array made of a nest."""
    function = op.function
    if function in (np.array, np.asarray):
        return builder.apply(np.array, (ts[0], *builder.symbols(args[1:])), builder.symbols(kwargs))
    if function is stores.append:
        items, x = (ts[k] if k in ts else zeros(builder, args[k]) for k in (0, 1))
        return _typed(builder, stores.append, (items, x), tangent_type(op.outputs[0].type))
    if function is stores.without_last:
        return stores.without_last(ts[0])
    return _typed(builder, stores.filled, (builder.symbols(args[0]), ts[1]), tangent_type(op.outputs[0].type))


def pull(builder: Builder, op: Apply, args: tuple[Any, ...], k: int, ct: Any) -> Any:
    """Return the cotangent of the argument at position ``k`` of a function of lists, or of a nest."""
    function = op.function
    if function in (np.array, np.asarray):
        return _picked(args[0], ct)
    if function is stores.append:
        return stores.without_last(ct) if k == 0 else ct[-1]
    if function is stores.without_last:
        items = builder.symbols(args[0])
        return _typed(builder, stores.append, (ct, zeros(builder, items[-1].value)), tangent_type(args[0].type))
    return _total(builder, args[1], ct)


def pull_store(builder: Builder, op: Apply, args: tuple[Any, ...], k: int, ct: Any) -> Any:
    """Return the cotangent of a list that is stored into, or of what is stored."""
    index = builder.symbols(args[1])
    if isinstance(index, slice):
        raise MissingRuleError.of("a store into a slice of a list of unknown length")
    if k == 2:
        return ct[index]
    return ct if op.function is stores.accumulate else stores.assign(ct, index, zeros(builder, args[2]))


def _picked(tree: Any, ct: Any, *index: int) -> Any:
    """Return the parts of the cotangent of an array that belong to the parts of the nest that it was made of."""
    if isinstance(tree, (list, tuple)):
        return [_picked(part, ct, *index, n) for n, part in enumerate(tree)]
    return (ct[index] if len(index) > 1 else ct[index[0]]) if index and type(tree) is Value else ct


def _typed(builder: Builder, function: Any, args: tuple[Any, ...], t: Any) -> Symbol:
    """Write an operation on lists whose type is known."""
    output = Value(t)
    builder.append(Apply(function=function, args=builder.atoms(args), outputs=[output]))
    return Symbol(output)


def _total(builder: Builder, x: Any, ct: Any) -> Any:
    """Return the sum of a list of cotangents of ``x``."""
    t = tangent_type(x.type)
    if isinstance(t, ListOf):
        raise MissingRuleError.of("a list that is repeated in a list")
    count = builder.apply(length, (ct,))
    finals, _, _ = builder.loop(
        (0, count, 1), [zeros(builder, x)], lambda _, total, item: ([kinds.add(total, item)], []), types=[t], consumed=[ct]
    )
    return finals[0]

