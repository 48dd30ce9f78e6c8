"""One operation on stacks: by its batched form, by what defines it, or for one element after the other.

The forms are those of the rule book (`_rules.batching`), called with symbols.  What a form gives has to be of the type that the
operation has, with one more axis; where it is not, or the form cannot be written down, a loop over the elements takes its
place.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from adjoint._ir.nodes import Apply, Call, Value, atom_type, map_atoms, values
from adjoint._ir.symbol import Symbol, extent, length
from adjoint._ir.types import ListOf, Tensor, Type
from adjoint._rules import stores
from adjoint._rules.batching import form_for
from adjoint._rules.batching_forms import Ragged
from adjoint._rules.book import find
from adjoint._rules.extents import made, product
from adjoint._transform import stacked_lists
from adjoint._transform.binding import bound
from adjoint._transform.canonical import canonical
from adjoint._transform.dependence import FORM_ONLY
from adjoint._transform.expand import define, is_composite
from adjoint._transform.rule_call import RuleCall
from adjoint.errors import BatchError, MissingRuleError

if TYPE_CHECKING:
    from adjoint._transform.batching import _Batching

# Functions whose results have as many elements as the values of the arguments say.
_RAGGED = frozenset({
    np.nonzero, np.flatnonzero, np.argwhere, np.unique, np.compress, np.extract, np.trim_zeros, np.roots, np.arange,
    np.union1d, np.intersect1d, np.setdiff1d, np.setxor1d, np.histogram_bin_edges, np.unwrap,
})  # fmt: skip
_PYTHON: dict[str, type] = {"b": bool, "i": int, "f": float, "c": complex}


class Stacks:
    """Writes operations on stacks for one function."""

    def __init__(self, batching: _Batching, size: Symbol) -> None:
        self.batching = batching
        self.builder = batching.builder
        self.dependence = batching.dependence
        self.size = size

    # Values

    def mapped(self, tree: Any) -> Any:
        """Tell of an argument whether it is a stack; of a sequence, which of its parts are, False if none."""
        if type(tree) is tuple or type(tree) is list:
            parts = tuple([self.mapped(part) for part in tree])
            return parts if any(parts) else False
        if type(tree) is slice and self.batching.differs(tree):
            raise Ragged
        return self.batching.differs(tree)

    def symbols(self, tree: Any) -> Any:
        """Return what stands for a tree of atoms, as symbols."""
        return self.builder.symbols(self.batching(tree))

    def repeated(self, atom: Any, t: Type) -> Any:
        """Return the stack in which every element is the same value."""
        x = self.builder.symbols(atom)
        if isinstance(t, ListOf):
            items, item = x, t.item
            _, lists, _ = self.builder.loop(
                (0, self.builder.apply(length, (items,)), 1),
                [],
                lambda _, x: ([], [Symbol(self.repeated(x.value, item))]),
                consumed=[items],
            )
            return lists[0].value
        if not isinstance(t, Tensor):
            raise BatchError(f"a value of type {t} that is one for some elements of a batch, and differs between others")
        if t.rank:
            return self.builder.atom(made(np.broadcast_to, x, (self.size, *x.shape)))
        if isinstance(atom, (int, float, complex, np.number)) and not atom:
            return self.zeros((), t)
        own = atom_type(atom)
        assert isinstance(own, Tensor)
        return self.builder.atom(self.builder.apply(np.full, (self.size, x, *(() if own.dtype == t.dtype else (t.dtype,)))))

    def zeros(self, shape: tuple[Any, ...], t: Any) -> Any:
        """Return the stack of zeros of a shape."""
        lengths = (self.size, *shape) if shape else self.size
        return self.builder.atom(self.builder.apply(np.zeros, (lengths, *(() if t.dtype == float else (t.dtype,)))))

    def empty(self, t: Type) -> Value:
        """Return the list without items of the type of a list of stacks."""
        output = Value(self.dependence.stacked(t))
        self.builder.append(Apply(function=stores.listed, args=([],), outputs=[output]))
        return output

    # Operations

    def apply(self, op: Apply) -> None:
        """Write an operation that takes a stack."""
        if op.effect:
            self.batching.refuse(op, "an effect that differs between the elements of a batch")
        if op.function in FORM_ONLY:
            self.finish(op, [self.form_only(op)])
            return
        found = self.attempt(op, lambda: stacked_lists.write(self, op))
        if found is None:
            found = self.attempt(op, lambda: self.by_form(op))
        if found is None and is_composite(op) and self.by_definition(op):
            return
        self.finish(op, self.one_by_one(op) if found is None else found)

    def finish(self, op: Apply | Call, results: Sequence[Any]) -> None:
        """Let atoms stand for the results of an operation."""
        for output, atom in zip(op.outputs, results, strict=True):
            self.batching.env[output] = atom
            if type(atom) is Value and not atom.name:
                atom.name = output.name

    def attempt(self, op: Apply, write: Callable[[], Any]) -> list[Any] | None:
        """Write something that may turn out not to be possible; then nothing is written."""
        try:
            with self.builder.block() as block, np.errstate(all="ignore"):
                y = write()
                if y is NotImplemented:
                    return None
                parts = [y] if op.form is None else list(y)
                found = [self.settled(part, output) for part, output in zip(parts, op.outputs, strict=True)]
        except Ragged:
            self.batching.refuse(op, "a value whose shape may differ between the elements of a batch")
        except BatchError:
            raise
        except Exception:
            return None
        self.builder.blocks[-1].ops += block.ops
        return found

    def settled(self, x: Any, output: Value) -> Any:
        """Return a result as an atom of the type of a stack of what the operation gives; raise `TypeError` if it is none."""
        atom = self.builder.atom(x)
        wanted, found = self.dependence.type(output), atom_type(atom)
        if found == wanted or not isinstance(wanted, Tensor):
            if found != wanted:
                raise TypeError(f"{found} in place of {wanted}")
            return atom
        if not isinstance(found, Tensor) or found.rank != wanted.rank or not _may_cast(found, wanted):
            raise TypeError(f"{found} in place of {wanted}")
        return self.builder.atom(made(np.astype, Symbol(atom), wanted.dtype))

    def form_only(self, op: Apply) -> Any:
        """Write what asks for the shape of an element."""
        (x, *axis), kwargs = self.symbols(op.args), self.symbols(op.kwargs)
        if isinstance(x.type, ListOf):
            return self.builder.atom(self.builder.apply(op.function, (x,)))
        axis = axis or list(kwargs.values())
        if op.function is not extent and op.function is not np.size:
            axis = [0]
        if not axis or axis[0] is None:
            return self.builder.atom(product([self.builder.apply(extent, (x, k)) for k in range(1, x.ndim)]))
        k = axis[0]
        return self.builder.atom(self.builder.apply(extent, (x, k + 1 if k >= 0 else k + x.ndim)))

    def by_form(self, op: Apply) -> Any:
        """Write the batched form of an operation."""
        if isinstance(op.function, RuleCall):
            return NotImplemented
        function = canonical(op.function)
        if function in (np.zeros_like, np.ones_like, np.empty_like) and len(op.args) == 1 and "shape" not in op.kwargs:
            return self.builder.apply(function, self.symbols(op.args), self.symbols(op.kwargs))
        rule = find(function)
        form = None if rule is None else form_for(rule)
        if form is None:
            return NotImplemented
        args, kwargs = bound(op, self.dependence.values)
        if self.batching.differs(kwargs):
            return NotImplemented
        mapped = [self.mapped(arg) for arg in args]
        symbols = list(self.symbols(args))
        if function in (stores.assign, stores.accumulate) and not mapped[0]:
            mapped[0], symbols[0] = True, Symbol(self.batching.stack(args[0], op.outputs[0]))

        def call(*args: Any, **kwargs: Any) -> Any:
            return self.builder.apply(function, args, kwargs)

        return form(call, tuple(mapped), self.size, *symbols, **self.symbols(kwargs))

    def by_definition(self, op: Apply) -> bool:
        """Write the operations that define an operation, each on stacks; tell whether that is possible."""
        builder = self.builder
        with builder.block() as block:
            try:
                results = define(builder, op.args, op.kwargs, op)
            except MissingRuleError:
                results = None
        if results is None:
            return False
        for step in block.ops:
            self.dependence.learn(step)
            self.batching.write(step)
        self.finish(op, [self.batching.stack(result, output) for result, output in zip(results, op.outputs, strict=True)])
        return True

    def where(self, condition: Value, a: Any, b: Any, output: Value) -> Any:
        """Write the choice between two values, element by element."""
        op = Apply(function=np.where, args=(condition, a, b), outputs=[output], line=self.builder.line)
        found = self.attempt(op, lambda: self.by_form(op))
        if found is None:
            self.batching.refuse(op, f"a choice between {atom_type(a)} and {atom_type(b)} that differs between the elements")
        self.finish(op, found)
        return found[0]

    # For one element after the other

    def one_by_one(self, op: Apply | Call) -> list[Any]:
        """Write a loop over the elements that collects the results, which are stacked."""
        self.expect_even(op)

        def element(atom: Any, k: Symbol) -> Any:
            x = self.batching(atom)
            if atom not in self.dependence:
                return x
            item = self.builder.apply(operator.getitem, (Symbol(x), k))
            if isinstance(op, Call) and atom.type.number:
                item = self.builder.apply(_PYTHON[atom.type.dtype.kind], (item,))
            return self.builder.atom(item)

        def body(k: Symbol) -> Any:
            outputs = [Value(output.type, output.name) for output in op.outputs]
            if isinstance(op, Call):
                args = [element(atom, k) for atom in op.args]
                self.builder.append(Call(function=op.function, args=args, outputs=outputs, line=op.line))
            else:
                args, kwargs = map_atoms(lambda atom: element(atom, k), (op.args, op.kwargs))
                new = Apply(function=op.function, args=args, kwargs=kwargs, form=op.form, outputs=outputs, line=op.line)
                self.builder.append(new)
            return [], [Symbol(output) for output in outputs]

        _, lists, _ = self.builder.loop((0, self.size, 1), [], body)
        found = []
        for items, output in zip(lists, op.outputs, strict=True):
            assert isinstance(output.type, Tensor)
            y = self.builder.apply(np.stack if output.type.rank else np.array, (items,))
            found.append(self.settled(y, output))
        return found

    def expect_even(self, op: Apply | Call) -> None:
        """Raise unless the results of all elements have one shape: no whole number that differs may say how long they are."""
        if not all(isinstance(output.type, Tensor) for output in op.outputs):
            self.batching.refuse(op, f"an operation on a batch that gives {', '.join(str(x.type) for x in op.outputs)}")
        differing = [value for value in values(op.operands) if value in self.dependence]
        if not all(isinstance(value.type, Tensor) for value in differing):
            self.batching.refuse(op, "an operation on a list that differs between the elements of a batch")
        ranks = [output.type.rank for output in op.outputs if isinstance(output.type, Tensor)]
        if isinstance(op.function, RuleCall) or not any(ranks):
            return
        kinds = {value.type.dtype.kind for value in differing if isinstance(value.type, Tensor)}
        if op.function in _RAGGED or (op.function is np.where and len(op.args) == 1) or kinds - set("fc"):
            self.batching.refuse(op, "a value whose shape may differ between the elements of a batch")


def _may_cast(found: Tensor, wanted: Tensor) -> bool:
    """Tell whether a result differs from what is wanted in precision alone, as Python's numbers weigh less than arrays."""
    kinds = found.dtype.kind + wanted.dtype.kind
    return found.dtype.kind == wanted.dtype.kind or kinds in ("iu", "ui", "fc", "if", "ic", "uf", "uc")
