"""Operations on lists and records of stacks, and those that make arrays of nests and lists."""

from __future__ import annotations

import builtins
import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from adjoint._ir.nodes import Apply, Value, atom_type
from adjoint._ir.symbol import Symbol, length
from adjoint._ir.types import ListOf, Tensor
from adjoint._rules import kinds, stores
from adjoint._rules.batching_forms import shift
from adjoint._transform.dependence import stacked_name

if TYPE_CHECKING:
    from adjoint._transform.stacks import Stacks


def write(stacks: Stacks, op: Apply) -> Any:
    """Write an operation of a list, of a record or of a nest on stacks; `NotImplemented` if it is none of these."""
    function, args = op.function, op.args
    if function in (
        stores.append,
        stores.combine,
        stores.filled,
        stores.joined,
        stores.listed,
        stores.without_last,
        stores.blank,
    ):
        return _of_lists(stacks, op)
    if function is stores.pack:
        return _packed(stacks, op)
    if function is stores.unpack:
        return _unpacked(stacks, op)
    if function is stores.numbers:
        x = stacks.symbols(args[0])
        _, lists, _ = stacks.builder.loop((0, x.shape[1], 1), [], lambda k: ([], [x[:, k]]))
        return lists[0]
    if function in (np.array, np.asarray) and not set(op.kwargs) - {"dtype"} and len(args) == 1:
        y = _whole(stacks, args[0]) if isinstance(atom_type(args[0]), ListOf) else _nest(stacks, args[0])
        return np.astype(y, op.kwargs["dtype"]) if op.kwargs else y
    if not args or not isinstance(atom_type(args[0]), ListOf):
        return NotImplemented
    return _of_list(stacks, op)


def _of_lists(stacks: Stacks, op: Apply) -> Any:
    """Lists whose items are all stacks, if one is."""
    (output,) = op.outputs
    t = output.type
    stack = stacks.batching.stack
    match op.function:
        case stores.listed:
            args: Any = ([_typed_stack(stacks, x, t) for x in op.args[0]],)
        case stores.filled:
            if op.args[0] in stacks.dependence:
                return NotImplemented
            args = (stacks.batching(op.args[0]), _typed_stack(stacks, op.args[1], t))
        case stores.append:
            args = (stack(op.args[0], output), _typed_stack(stacks, op.args[1], t))
        case _:
            args = tuple(stack(x, output) for x in op.args)
    new = Value(stacks.dependence.type(output))
    stacks.builder.append(Apply(function=op.function, args=args, outputs=[new], line=op.line))
    return Symbol(new)


def _typed_stack(stacks: Stacks, x: Any, t: Any) -> Any:
    """Return an item of a list of type ``t`` as a stack."""
    return stacks.batching.stack(x, Value(t.item))


def _packed(stacks: Stacks, op: Apply) -> Any:
    name, *parts = op.args
    differ = stacks.dependence.results.records[name]
    given = stacks.batching.placed(parts, differ)
    new = Value(stacks.dependence.type(op.outputs[0]))
    stacks.builder.append(Apply(function=stores.pack, args=(stacked_name(name), *given), outputs=[new], line=op.line))
    return Symbol(new)


def _unpacked(stacks: Stacks, op: Apply) -> Any:
    record, types = op.args
    differ = stacks.dependence.results.records[record.type.name]
    own = tuple(stacks.dependence.stacked(t) if d else t for t, d in zip(types, differ, strict=True))
    outputs = [Value(stacks.dependence.type(output)) for output in op.outputs]
    args = (stacks.batching(record), own)
    stacks.builder.append(Apply(function=stores.unpack, args=args, outputs=outputs, form=tuple, line=op.line))
    return tuple(map(Symbol, outputs))


def _of_list(stacks: Stacks, op: Apply) -> Any:
    """Write an operation on a list of stacks, at a position that is one for all elements."""
    function, (items, *rest) = op.function, op.args
    if function in (operator.getitem, stores.assign, stores.accumulate):
        if stacks.batching.differs(rest[0]):
            return NotImplemented
        index = stacks.symbols(rest[0])
        if function is operator.getitem:
            return stacks.builder.apply(function, (stacks.symbols(items), index))
        t = atom_type(items)
        stored = rest[1] if isinstance(rest[0], slice) else _typed_stack(stacks, rest[1], t)
        if isinstance(rest[0], slice):
            return NotImplemented
        return stacks.builder.apply(function, (Symbol(stacks.batching.stack(items, op.outputs[0])), index, stored))
    x = stacks.symbols(items)
    if function in (np.stack, np.concatenate) and not op.kwargs and len(rest) <= 1:
        item: Any = items.type.item
        axis = rest[0] if rest else 0
        return stacks.builder.apply(function, (x, shift(axis, item.rank + (function is np.stack))))
    if function is builtins.sum and len(op.args) == 1:
        return _summed(stacks, x, op)
    return NotImplemented


def _summed(stacks: Stacks, x: Symbol, op: Apply) -> Any:
    zero = Symbol(stacks.repeated(0.0, op.outputs[0].type))
    finals, _, _ = stacks.builder.loop(
        (0, stacks.builder.apply(length, (x,)), 1),
        [zero],
        lambda _, total, item: ([kinds.add(total, item)], []),
        types=[stacks.dependence.type(op.outputs[0])],
        consumed=[x],
    )
    return finals[0]


def _whole(stacks: Stacks, items: Value) -> Any:
    """Return the array of the items of a list of unknown length."""
    x = stacks.symbols(items)
    item: Any = getattr(items.type, "item", None)
    if not isinstance(item, Tensor):
        return NotImplemented
    if item.rank:
        return stacks.builder.apply(np.stack, (x, 1))
    n = stacks.builder.apply(length, (x,))  # a list without items too
    whole = stacks.builder.apply(np.array, (x,), {} if item.dtype == float else {"dtype": item.dtype})
    whole_type = whole.type
    if whole_type.rank != 2:
        raise TypeError(f"{whole_type} in place of a list of stacks")
    return np.transpose(np.reshape(whole, (n, stacks.size)))


def _nest(stacks: Stacks, tree: Any) -> Any:
    """Return the array of a nest of values of which some are stacks."""
    if isinstance(tree, (list, tuple)):
        parts = [_nest(stacks, part) for part in tree]
        rank = max(part.ndim for part in parts)
        if any(part.ndim != rank for part in parts):
            raise TypeError("a nest of values of different ranks")
        return stacks.builder.apply(np.stack, (parts, 1))
    return Symbol(stacks.batching.stack(tree)) if type(tree) is Value else Symbol(stacks.repeated(tree, atom_type(tree)))


__all__ = ["write"]
