"""The chain rule at one operation, in symbols: what forward and reverse mode share.

::

    tangents(builder, op, tangent_of, shapes=None)     -> [Symbol | None]      one for each output
    cotangents(builder, op, cts, wanted, shapes=None)  -> [(Value, Symbol | At)]   contributions to wanted arguments

Both write at the end of the block that ``builder`` is writing; ``op`` is an `Apply` of that program, whose arguments and
outputs are seen there.  ``tangent_of(value)`` is the tangent of a value, None for zero.  ``cts`` has one cotangent for each
output, None for zero; each has shape and dtype of its output.  A contribution has shape and dtype of its argument, and a
value may have several.  ``At(index, ct)`` says that ``ct`` is to be added at ``index``: ``x_bar = stores.accumulate(x_bar,
index, ct)``.  Cotangents of lists are lists of the same length without None.  ``shapes`` (`shapes.Shapes` of the function)
tells which values have the same shape, so that nothing is summed or broadcast that needs not be; it learns what is written.

`active_positions(op, active)` says which arguments are differentiated at all (`activity` builds on it); `expand(function,
active)` (of module `expand`) has to run first, so that functions defined by other functions are gone.  A `composite` that is
met nevertheless cannot be written down, and is differentiated when the program runs (`rule_call`).  `zeros(builder, x)` are
zeros of the form of ``x``.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint._ir.builder import Builder
from adjoint._ir.infer import Result
from adjoint._ir.nodes import Apply, Block, Function, Value, atom_type, atoms, map_atoms, values
from adjoint._ir.symbol import Symbol
from adjoint._ir.types import ListOf, Tensor, tangent_type
from adjoint._rules import kinds, shaping, stores
from adjoint._rules.book import Rule
from adjoint._transform import lists
from adjoint._transform.activity import Activity
from adjoint._transform.binding import LISTS, active_positions, bound, located, required_rule
from adjoint._transform.expand import Expander, expand
from adjoint._transform.lists import zeros
from adjoint._transform.rule_call import SIMPLE, Pullback, Pushforward, RuleCall
from adjoint._transform.shapes import Shapes
from adjoint.errors import MissingRuleError

TangentOf = Callable[[Value], Symbol | None]


@dataclass(frozen=True)
class At:
    """A contribution ``ct`` to the part of a cotangent at ``index``."""

    index: Any
    ct: Symbol


def tangents(builder: Builder, op: Apply, tangent_of: TangentOf, shapes: Shapes | None = None) -> list[Any]:
    """Write the tangents of the results of an operation.

    Parameters
    ----------
    builder
        Writes; the operation itself has been written.
    op
        The operation.
    tangent_of
        Gives the tangent of a value, None if it is zero.
    shapes
        What is known of shapes.

    Returns
    -------
    list
        One symbol for each output, None where the tangent is zero.

    Raises
    ------
    MissingRuleError
        The book does not know the derivative.
    """
    active = {value for value in values(op.operands) if tangent_of(value) is not None}
    if not active or not active_positions(op, active):
        return [None] * len(op.outputs)
    write = _Chain(builder, op, active, Shapes() if shapes is None else shapes)
    for value in active:
        t = tangent_of(value)
        if isinstance(t, Symbol):
            write.shapes.equate(t.value, value)
    return write.tangents({k: _tangent_tree(builder, write.argument(k), tangent_of) for k in write.positions})


def cotangents(
    builder: Builder, op: Apply, cts: Sequence[Symbol | None], wanted: Collection[Value], shapes: Shapes | None = None
) -> list[tuple[Value, Any]]:
    """Write the contributions of an operation to the cotangents of its arguments.

    Parameters
    ----------
    builder
        Writes; the arguments and the results of the operation are seen there.
    op
        The operation.
    cts
        The cotangents of the results, None for zero.
    wanted
        The values whose cotangents are asked for.
    shapes
        What is known of shapes.

    Returns
    -------
    list
        Pairs of a value and a contribution to its cotangent, a symbol in the form of the value or `At`.

    Raises
    ------
    MissingRuleError
        The book does not know the derivative.
    """
    if all(ct is None for ct in cts) or not active_positions(op, wanted):
        return []
    write = _Chain(builder, op, wanted, Shapes() if shapes is None else shapes)
    for ct, output in zip(cts, op.outputs, strict=True):
        if isinstance(ct, Symbol):
            write.shapes.equate(ct.value, output)
    # What was stored is read before it is taken off or set to zero: then the way back of this comes to the read last, and adds
    # to the cotangent that it has, where otherwise it would begin a new one of the size of the whole.
    positions = reversed(write.positions) if op.function in (stores.append, stores.assign) else write.positions
    return [pair for k in positions for pair in write.cotangents(k, cts, wanted)]


def _tangent_tree(builder: Builder, tree: Any, tangent_of: TangentOf) -> Any:
    """Return the tangents of an argument, zeros where parts of it have none."""

    def tangent(atom: Any) -> Any:
        t = tangent_of(atom) if type(atom) is Value else None
        return zeros(builder, atom) if t is None else t

    return map_atoms(tangent, tree)


# Functions whose arguments are not broadcast, so that the rule's cotangent has the shape of the argument.
_EXACT: set[Callable[..., Any]] = {
    np.sum, np.mean, np.reshape, np.ravel, np.transpose, np.matrix_transpose, np.swapaxes, np.moveaxis, np.squeeze,
    np.expand_dims, np.flip, np.roll, np.cumsum, np.tril, np.triu, np.diagonal, np.take, np.repeat, np.tile, np.dot,
    np.tensordot, np.convolve, np.concatenate, np.stack, operator.getitem, np.prod, np.max, np.min, np.cumprod,
    np.linalg.inv, np.linalg.cholesky, np.linalg.det,
}  # fmt: skip


def _is_exact(op: Apply) -> bool:
    """Tell whether the cotangents that the rule gives have the shapes of the arguments."""
    if op.function is np.matmul:  # stacks of matrices broadcast
        return all(getattr(atom_type(arg), "rank", 3) <= 2 for arg in op.args)
    return op.function in _EXACT and "where" not in op.kwargs


class _Chain:
    """The chain rule at one operation."""

    def __init__(self, builder: Builder, op: Apply, active: Collection[Value], shapes: Shapes) -> None:
        self.builder, self.op, self.shapes = builder, op, shapes
        self.positions = active_positions(op, active)
        with located(op):
            self.args, self.kwargs = bound(op, active)
        special = isinstance(op.function, RuleCall) or op.function in LISTS
        self.rule = None if special else required_rule(op)
        builder.line = op.line

    def symbols(self) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
        """Return the result, the arguments and the keyword arguments as formulas take them."""
        outputs = [Symbol(output) for output in self.op.outputs]
        y = Result(tuple(output.type for output in self.op.outputs), self.op.form).assemble(outputs)
        return y, self.builder.symbols(self.args), self.builder.symbols(self.kwargs)

    def argument(self, k: int | str) -> Any:
        """Return an argument by its position, or an option by its name."""
        return self.kwargs[k] if isinstance(k, str) else self.args[k]

    def attempt(self, formula: Callable[[], Any]) -> tuple[bool, Any]:
        """Call a formula; if it cannot be written down, take back what it has written and return False."""
        ops = self.builder.blocks[-1].ops
        start = len(ops)
        try:
            with np.errstate(all="ignore"):
                result = formula()
        except MissingRuleError:
            del ops[start:]
            raise
        except Exception:  # it branches on what is not known yet, in whatever way
            del ops[start:]
            return False, None
        for op in ops[start:]:
            self.shapes.learn(op)
        return True, result

    def formed(self, t: Any, like: Value, bring: Callable[[Any, Any], Any]) -> Any:
        """Return a derivative in shape and dtype of its primal, by ``bring`` where the shape may differ."""
        if t is None or not like.type.differentiable:
            return None
        if not isinstance(like.type, Tensor):
            return t
        atom = self.builder.atom(t)
        own = atom_type(atom)
        alike = type(atom) is Value and isinstance(own, Tensor) and own.rank == like.type.rank
        if not alike or not self.shapes.same(atom, like):
            t = bring(self.builder.symbols(atom), Symbol(like))
        elif own != Tensor(like.type.dtype, like.type.rank, getattr(own, "number", False)):
            t = shaping.convert(Symbol(atom), like.type.dtype)
        else:
            t = Symbol(atom)
        self.shapes.equate(t.value, like)
        return t

    # Forward

    def tangents(self, ts: dict[Any, Any]) -> list[Any]:
        """Return the tangents of the results from those of the active arguments."""
        op = self.op
        with located(op):
            if op.function in LISTS:
                parts = lists.push(self.builder, op, self.args, self.kwargs, ts)
                return [self.formed(part, out, stores.spread) for part, out in zip(parts, op.outputs, strict=True)]
            if op.function in (stores.assign, stores.accumulate):
                return [self.push_store(ts)]
            if self.rule is not None and self.rule.kind in SIMPLE:
                rule = self.rule
                written, t = self.attempt(lambda: self.pushed(rule, ts))
                if written:
                    parts = [t] if op.form is None else list(t)
                    if rule.kind in ("linear", "bilinear") and isinstance(t, Symbol):  # the function itself, of the same shapes
                        self.shapes.equate(t.value, op.outputs[0])
                    return [self.formed(part, out, stores.spread) for part, out in zip(parts, op.outputs, strict=True)]
            return self.push_at_run_time(ts)

    def pushed(self, rule: Rule, ts: dict[int, Any]) -> Any:
        """Return the pushforward by the rule's formulas; of a linear function it is the function itself, as it was called."""
        if rule.kind != "linear":
            return kinds.pushforward(rule, *self.symbols(), ts)
        _, args, kwargs = self.symbols()
        inputs = list(args)
        for k in range(min(len(args), len(rule.formulas))):
            if k in ts:
                inputs[k] = ts[k]
            elif kinds.is_active(rule, k):
                inputs[k] = map_atoms(lambda atom: zeros(self.builder, atom), self.args[k])
        options = {name: value for name, value in kwargs.items() if name not in kinds.AFFINE}
        return self.builder.apply(self.op.function, tuple(inputs), options)

    def push_store(self, ts: dict[int, Any]) -> Any:
        """Return the tangent of an array that is stored into; what is stored without a tangent has the tangent 0."""
        function, (a, index, v) = self.op.function, self.args
        if function is stores.accumulate and 2 not in ts:
            return ts[0]
        a_dot = ts.get(0)
        a_dot = zeros(self.builder, a) if a_dot is None else a_dot
        v_dot = ts.get(2, zeros(self.builder, v) if isinstance(atom_type(a), ListOf) else 0.0)
        return function(self.builder.symbols(self.builder.atom(a_dot)), self.builder.symbols(index), v_dot)

    def push_at_run_time(self, ts: dict[Any, Any]) -> list[Any]:
        """Let the rule be called when the program runs."""
        y, args, kwargs = self.symbols()
        positions = tuple(ts)
        outputs = [Value(tangent_type(output.type)) for output in self.op.outputs]
        args = self.builder.atoms((y, tuple(ts.values()), *args))
        function = Pushforward(self.op.function, positions)
        form = None if self.op.form is None else list
        kwargs = self.builder.atoms(kwargs)
        self.builder.append(Apply(function=function, args=args, kwargs=kwargs, outputs=outputs, form=form, line=self.op.line))
        for output, primal in zip(outputs, self.op.outputs, strict=True):
            self.shapes.equate(output, primal)
        return [
            Symbol(output) if primal.type.differentiable else None
            for output, primal in zip(outputs, self.op.outputs, strict=True)
        ]

    # Reverse

    def cotangents(self, k: Any, cts: Sequence[Any], wanted: Collection[Value]) -> list[tuple[Value, Any]]:
        """Return the contributions to the argument at position ``k``."""
        op, arg = self.op, self.argument(k)
        with located(op):
            if op.function in LISTS:
                found = lists.pull(self.builder, op, self.args, k, cts)
                return self.contributions(arg, found, wanted)
            if op.function is operator.getitem and type(arg) is Value:
                return [(arg, At(self.builder.symbols(self.args[1]), cts[0]))]
            if op.function in (stores.assign, stores.accumulate) and isinstance(atom_type(self.args[0]), ListOf):
                found = lists.pull_store(self.builder, op, self.args, k, cts[0])
                return self.contributions(arg, found, wanted)
            ct = cts[0] if op.form is None else list(cts)
            if self.rule is not None and self.rule.kind in SIMPLE:
                rule = self.rule
                written, g = self.attempt(lambda: self.pulled(rule, k, ct))
                if written:
                    if isinstance(g, Symbol) and type(arg) is Value and _is_exact(op):
                        self.shapes.equate(g.value, arg)
                    return self.contributions(arg, g, wanted)
            return self.contributions(arg, self.pull_at_run_time(k, cts), wanted)

    def pulled(self, rule: Rule, k: int, ct: Any) -> Any:
        """Return the pullback by the rule's formulas."""
        given = k < len(rule.vjps) and callable(rule.vjps[k])
        if rule.kind == "general" and not given:
            return self.transposed(rule, k, ct)
        return kinds.pullback(rule, k, ct, *self.symbols())

    def contributions(self, arg: Any, g: Any, wanted: Collection[Value]) -> list[tuple[Value, Any]]:
        """Return what an argument's cotangent contributes to the wanted values in it, in their form."""
        if isinstance(arg, (list, tuple)):
            if g is None:
                return []
            parts = g if isinstance(g, (list, tuple)) else [g[n] for n in range(len(arg))]
            return [pair for part, h in zip(arg, parts, strict=True) for pair in self.contributions(part, h, wanted)]
        if type(arg) is not Value or arg not in wanted or g is None:
            return []
        return [(arg, self.formed(g, arg, stores.fit))]

    def pull_at_run_time(self, k: Any, cts: Sequence[Any]) -> Any:
        """Let the rule be called when the program runs."""
        y, args, kwargs = self.symbols()
        ct = [
            zeros(self.builder, output) if ct is None and output.type.differentiable else ct
            for ct, output in zip(cts, self.op.outputs, strict=True)
        ]
        arg = self.argument(k)
        nest = isinstance(arg, (list, tuple))
        leaves = list(atoms(arg)) if nest else [arg]
        outputs = [Value(tangent_type(atom_type(leaf))) for leaf in leaves]
        self.builder.append(
            Apply(
                function=Pullback(self.op.function, k),
                args=self.builder.atoms((y, ct[0] if self.op.form is None else ct, *args)),
                kwargs=self.builder.atoms(kwargs),
                outputs=outputs,
                form=list if nest else None,
                line=self.op.line,
            )
        )
        for output, leaf in zip(outputs, leaves, strict=True):
            self.shapes.equate(output, leaf)
        found = iter(map(Symbol, outputs))
        return map_atoms(lambda _: next(found), arg)

    def transposed(self, rule: Rule, k: int, ct: Any) -> Any:
        """Return the transpose of the rule's jvp, which is linear in the tangent, applied to a cotangent.

        The jvp is written for a tangent of zeros, of which the way back uses at most the shape; what it does not use is dead
        code.
        """
        builder = self.builder
        y, args, kwargs = self.symbols()
        start = len(builder.blocks[-1].ops)
        t = map_atoms(lambda atom: np.zeros_like(Symbol(atom)) if type(atom) is Value else zeros(builder, atom), self.args[k])
        inputs = set(values(builder.atoms(t)))
        result = rule.formulas[k](y, t, *args, **kwargs)
        results = [result] if self.op.form is None else list(result)
        linear, results = expand_linear(builder, start, inputs, builder.atoms(results))
        for op in builder.blocks[-1].ops[start:]:
            self.shapes.learn(op)
        for value, primal in zip(values(builder.atoms(t)), values(self.args[k]), strict=False):
            self.shapes.equate(value, primal)
        bars = self.seeds(results, [ct] if self.op.form is None else ct, linear)
        for op in reversed(builder.blocks[-1].ops[start:]):
            outgoing = [bars.get(output) for output in op.outputs]
            if isinstance(op, Apply) and any(bar is not None for bar in outgoing):
                for value, contribution in cotangents(builder, op, outgoing, linear, self.shapes):
                    bars[value] = accumulated(value, bars.get(value), contribution)
        return map_atoms(lambda atom: bars.get(atom) if type(atom) is Value else None, builder.atoms(t))

    def seeds(self, results: Sequence[Any], cts: Sequence[Any], linear: Collection[Value]) -> dict[Value, Any]:
        """Return the cotangents of the results of a jvp, which the engine may have broadcast."""
        bars: dict[Value, Any] = {}
        for result, ct in zip(results, cts, strict=True):
            if ct is not None and type(result) is Value and result in linear:
                bars[result] = kinds.add(bars.get(result), self.formed(ct, result, stores.fit))
        return bars


def accumulated(value: Value, bar: Any, contribution: Any) -> Any:
    """Return a cotangent with a contribution added."""
    if isinstance(contribution, At):
        bar = np.zeros_like(Symbol(value)) if bar is None else bar
        return stores.accumulate(bar, contribution.index, contribution.ct)
    return kinds.add(bar, contribution)


def expand_linear(builder: Builder, start: int, inputs: set[Value], results: Any) -> tuple[set[Value], Any]:
    """Replace functions that are defined by others in what was just written; return the values that depend on the inputs."""
    block = builder.blocks[-1]
    ops, block.ops[start:] = block.ops[start:], []
    activity = Activity(Function("jvp", Block()), [])
    expander = Expander(builder, activity)
    activity.add(inputs)
    for op in ops:
        if inputs & set(op.outputs):
            builder.append(op)
            continue
        activity.learn(op)
        expander.write(op)
    return activity.values, expander(results)


__all__ = ["At", "accumulated", "active_positions", "cotangents", "expand", "tangents", "zeros"]
