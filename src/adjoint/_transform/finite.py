"""Where the product of the chain rule may be a plain one.

`kinds.scale` ``(p, t)`` is ``p * t`` with ``0 * inf = 0 * nan = 0``.  It is the plain product unless one factor is 0 and the
other is infinite or undefined.  Two properties of values, found by going through the program, tell where that cannot be:

*tame*
    Finite by construction, if the inputs are: inputs, constants, indices, and what bounded and polynomial functions make of
    tame values.  The inputs of a program that looks for nan and infinities (`numpy.isnan`, `numpy.nansum`) may hold some, and
    are not tame.
*wild*
    A derivative that may be infinite or undefined where the function that is differentiated is finite: it has passed through a
    *steep* factor, such as the slope ``0.5 / sqrt(x)`` of the root, or a rule of which nothing is known.

``scale(p, t)`` is ``p * t`` if ``p`` is tame and ``t`` is not wild.  Then no infinite ``p`` meets a zero ``t``; and an
infinite ``t`` meets a zero ``p`` only where the function itself is infinite.

A factor is not steep if it is made of tame operations, exponentials, and quotients ``c / b`` and ``-(a / b) / b`` of a
constant ``c``: the slopes of quotients and logarithms, which are infinite where these functions are.  Roots, powers other
than integers, logarithms as factors, moduli of complex numbers and all other functions make it steep.

Overflow is passed over: a polynomial of 1e200, the slope of 1/x at 1e-200.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from adjoint._ir.nodes import Apply, Block, Call, Function, If, Loop, Op, Undefined, Value, atom_type, atoms, values, walk
from adjoint._ir.symbol import extent, length
from adjoint._ir.types import Opaque, Tensor
from adjoint._rules import arithmetic, arrays, indexing, kinds, shaping, stores
from adjoint._transform.canonical import canonical

_BOUNDED: set[Any] = {
    np.add, np.subtract, np.multiply, np.negative, np.positive, np.square, np.conj, np.real, np.imag, np.absolute, np.fabs,
    np.sign, np.sin, np.cos, np.tanh, np.arctan, np.floor, np.ceil, np.trunc, np.rint, np.round, np.heaviside, np.copysign,
    np.maximum, np.minimum, np.fmax, np.fmin, np.max, np.min, np.clip, np.where, np.sum, np.mean, np.cumsum, np.dot,
    np.matmul, np.tensordot, np.inner, np.outer, np.vdot, np.reshape, np.ravel, np.transpose, np.swapaxes, np.moveaxis,
    np.squeeze, np.expand_dims, np.broadcast_to, np.flip, np.roll, np.tril, np.triu, np.diagonal, np.diag, np.trace,
    np.copy, np.astype, np.concatenate, np.stack, np.hstack, np.vstack, np.array, np.asarray, np.zeros, np.ones, np.full,
    np.eye, np.arange, np.zeros_like, np.ones_like, np.full_like, np.take, np.repeat, np.tile, np.size, np.logical_not,
    np.logical_and, np.logical_or, np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal, np.isnan,
    np.isinf, np.isfinite, np.argmax, np.argmin, np.argsort, np.any, np.all, np.matrix_transpose, extent, length, len,
    operator.getitem, arrays.real_copy, arithmetic.signum, arithmetic.real_part, arithmetic.imaginary_part,
    indexing.scatter, shaping.convert, shaping.discretise, kinds.scale, kinds.zeros_like, stores.assign, stores.accumulate,
    stores.winners, stores.append, stores.joined, stores.without_last, stores.listed, stores.filled, stores.fit, stores.spread,
    stores.blank, stores.combine, stores.form, stores.pack, stores.unpack,
}  # fmt: skip
_EXPONENTIAL: set[Any] = {np.exp, np.exp2, np.expm1, np.sinh, np.cosh, np.reciprocal}
_QUOTIENT: set[Any] = {np.divide, np.true_divide}
_POWER: set[Any] = {np.power, np.float_power}


_ASKING: set[Any] = {np.isnan, np.isinf, np.isfinite, np.isposinf, np.isneginf, np.fmax, np.fmin}


def asks(functions: Iterable[Function]) -> bool:
    """Tell whether a program looks for nan or infinities."""
    ops = (op for function in functions for op in walk(function.body) if isinstance(op, Apply))
    return any(canonical(op.function) in _ASKING or getattr(op.function, "__name__", "").startswith("nan") for op in ops)


class Finiteness:
    """What is tame and what is wild in one function."""

    def __init__(self, function: Function, finite: Sequence[bool]) -> None:
        self.tame = {param for param, f in zip(function.params, finite, strict=True) if f}
        self.wild = {param for param, f in zip(function.params, finite, strict=True) if not f}
        self.steep: set[Value] = set()
        self.made_by: dict[Value, Apply] = {}
        self.block(function.body)

    def plain(self, p: Any, t: Any) -> bool:
        """Tell whether ``scale(p, t)`` is ``p * t``."""
        return self.is_tame(p) and not self.is_wild(t)

    def is_tame(self, tree: Any) -> bool:
        return all(atom in self.tame if type(atom) is Value else _is_finite(atom) for atom in atoms(tree))

    def is_wild(self, tree: Any) -> bool:
        return any(value in self.wild for value in values(tree))

    def is_steep(self, tree: Any) -> bool:
        return any(value in self.steep for value in values(tree))

    # Operations

    def block(self, block: Block) -> None:
        for op in block.ops:
            self.learn(op)

    def learn(self, op: Op) -> None:
        match op:
            case Apply():
                self.apply(op)
            case If():
                for block in op.blocks:
                    self.block(block)
                for output, *results in zip(op.outputs, op.then.results, op.orelse.results, strict=True):
                    self.note(output, tame=self.is_tame(results), wild=self.is_wild(results), steep=self.is_steep(results))
            case Loop():
                self.loop(op)
            case Call():
                for output in op.outputs:
                    self.note(output, tame=not output.type.differentiable, wild=True, steep=True)

    def note(self, value: Value, *, tame: bool, wild: bool, steep: bool) -> None:
        for known, holds in ((self.tame, tame), (self.wild, wild), (self.steep, steep)):
            if holds:
                known.add(value)
            else:
                known.discard(value)

    def apply(self, op: Apply) -> None:
        operands = (op.args, op.kwargs)
        mild = _is_bounded(op) or self.is_mean(op)
        tame = mild and self.is_tame(operands)
        gentle = mild or canonical(op.function) in _EXPONENTIAL or self.is_mild_quotient(op)
        steep = not tame and (self.is_steep(operands) or not gentle)
        wild = self.is_wild(operands)
        if op.function is kinds.scale:
            wild = wild or self.is_steep(op.args[0])
            steep = self.is_steep(op.args)
        elif not mild and not isinstance(canonical(op.function), np.ufunc):
            wild = True
        for output in op.outputs:
            self.made_by[output] = op
            harmless = not output.type.differentiable
            self.note(output, tame=tame or harmless, wild=wild and not harmless, steep=steep and not harmless)

    def is_mild_quotient(self, op: Apply) -> bool:
        """Tell whether a quotient is the slope of a quotient or a logarithm."""
        if canonical(op.function) not in _QUOTIENT:
            return False
        numerator, denominator = op.args
        if type(numerator) is not Value:
            return True
        negative = self.made_by.get(numerator)
        if negative is None or canonical(negative.function) is not np.negative or type(negative.args[0]) is not Value:
            return False
        quotient = self.made_by.get(negative.args[0])
        return quotient is not None and canonical(quotient.function) in _QUOTIENT and quotient.args[1] is denominator

    def is_mean(self, op: Apply) -> bool:
        """Tell whether an operation divides by a number of elements: of none there is no derivative to be infinite."""
        count = self.made_by.get(op.args[1]) if canonical(op.function) in _QUOTIENT and type(op.args[1]) is Value else None
        return count is not None and count.function in (extent, np.size, length)

    def loop(self, op: Loop) -> None:
        """Take carried values for tame and mild as long as no turn makes them otherwise."""
        self.note(op.index, tame=True, wild=False, steep=False)
        for item, items in zip(op.items, op.consumed, strict=True):
            self.note(item, tame=self.is_tame(items), wild=self.is_wild(items), steep=self.is_steep(items))
        for carried, init in zip(op.carried, op.inits, strict=True):
            self.note(carried, tame=self.is_tame(init), wild=self.is_wild(init), steep=self.is_steep(init))
        while True:
            self.block(op.body)
            before = self.state(op.carried)
            for carried, update in zip(op.carried, op.updates, strict=True):
                tame = carried in self.tame and self.is_tame(update)
                wild = carried in self.wild or self.is_wild(update)
                self.note(carried, tame=tame, wild=wild, steep=carried in self.steep or self.is_steep(update))
            if self.state(op.carried) == before:
                break
        for output, result in zip(op.outputs, [*op.carried, *op.collected], strict=False):
            self.note(output, tame=self.is_tame(result), wild=self.is_wild(result), steep=self.is_steep(result))
        self.note(op.turns, tame=True, wild=False, steep=False)
        if op.test is not None:
            self.block(op.test)

    def state(self, values: Sequence[Value]) -> list[tuple[bool, bool, bool]]:
        return [(value in self.tame, value in self.wild, value in self.steep) for value in values]


def _is_bounded(op: Apply) -> bool:
    """Tell whether an operation gives finite results of finite arguments."""
    function, args = canonical(op.function), op.args
    if function in _POWER:
        return type(args[1]) is int and args[1] >= 0
    if function in _QUOTIENT:
        return type(args[1]) in (int, float) and args[1] != 0
    if function is np.absolute:
        t = atom_type(args[0])
        return isinstance(t, Tensor) and t.dtype.kind != "c"
    return function in _BOUNDED


def _is_finite(atom: Any) -> bool:
    if isinstance(atom, (float, complex, np.inexact)):
        return math.isfinite(abs(atom))
    return isinstance(atom, Undefined) or not isinstance(atom_type(atom), Opaque) or not callable(atom)
