"""Simplifications of single operations: identities of arithmetic that hold for every value of the operands.

Where a factor or a term is a literal, it comes from a rule or from a constant in the user's program; ``x + 0`` is ``x`` up to
the sign of zero.  A result takes the place of another only if it has the same type and is known to have the same shape.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint._ir.builder import Builder
from adjoint._ir.nodes import Apply, Value, atom_type, values
from adjoint._ir.symbol import Symbol, extent
from adjoint._ir.types import ListOf, Tensor
from adjoint._rules import kinds, shaping, stores
from adjoint._transform.canonical import canonical, sibling
from adjoint._transform.shapes import Shapes

Here = Callable[[Value], Any]


# Functions that make an array whose shape is written out.
_FILLED = (np.zeros, np.ones, np.empty, np.full)


class Algebra:
    """Finds simpler forms of operations; knows what made each value of the new program.

    ``here`` gives what stands for a value of the original program, if it is seen where the builder writes.
    """

    def __init__(self, builder: Builder, shapes: Shapes, here: Here) -> None:
        self.builder, self.shapes, self.here = builder, shapes, here
        self.made_by: dict[Value, Apply] = {}
        # What a branch chooses from two whole numbers: its condition, and the two.
        self.chosen: dict[Value, tuple[Any, int, int]] = {}

    def note(self, op: Apply) -> None:
        """Remember what made the results of an operation that was written."""
        for output in op.outputs:
            self.made_by[output] = op

    def simplest(self, op: Apply, outputs: list[Value], *, plain: bool) -> list[Any] | None:
        """Return atoms that take the place of the results of ``op``; None if it is to be written as it now is.

        ``outputs`` are the results in the original program, whose types and shapes are asked for; ``plain`` tells that a
        `scale` is a product.  ``op`` itself may be changed.
        """
        if op.form is not None:
            return self.unpacked(op)
        (output,) = outputs
        folded = self.folded(op)
        if folded is not None and self.is_number_of(folded, output):
            return [float(folded) if isinstance(folded, np.float64) else folded]
        rule = _RULES.get(canonical(op.function))
        atom = None if rule is None or op.kwargs else rule(self, op, output)
        if atom is not None:
            return [atom]
        if plain and op.function is kinds.scale:
            op.function = np.multiply
            atom = self.product(op, output)
        return None if atom is None else [atom]

    # Constants

    def folded(self, op: Apply) -> Any:
        """Return the result of an elementwise operation on constants."""
        if not isinstance(op.function, np.ufunc) or op.kwargs or any(True for _ in values(op.args)):
            return None
        if not all(isinstance(arg, (bool, int, float, complex, np.generic)) for arg in op.args):
            return None
        try:
            with np.errstate(all="ignore"):
                return op.function(*op.args)
        except Exception:  # the program raises it, when it runs
            return None

    # Places

    def fits(self, atom: Any, output: Value) -> bool:
        """Tell whether an atom has type and shape of a result."""
        return type(atom) is Value and atom.type == output.type and self.shapes.same(atom, output)

    def maker(self, atom: Any, function: Any) -> Apply | None:
        """Return the operation that made an atom, if it is of that function."""
        op = self.made_by.get(atom) if type(atom) is Value else None
        return op if op is not None and canonical(op.function) is function and not op.kwargs else None

    def is_zero(self, atom: Any) -> bool:
        """Tell whether an atom is a literal zero, or an array of zeros."""
        return _is_number(atom, 0) or self.maker(atom, np.zeros_like) is not None

    def zero(self, output: Value, *like: Any) -> Any:
        """Return zeros of the form of a result, None if nothing has that form."""
        if not isinstance(output.type, Tensor):
            return None
        if output.type.rank == 0:
            return None if output.type.dtype.char not in "dD" else 0.0 if output.type.dtype.char == "d" else 0j
        source = next((atom for atom in like if self.fits(atom, output)), None)
        if source is None:
            return None
        zeros: Any = np.zeros_like(Symbol(source))
        self.shapes.equate(zeros.value, output)
        made = self.builder.blocks[-1].ops[-1]
        assert isinstance(made, Apply)
        self.note(made)
        return zeros.value

    # Choices

    def choose(self, output: Value, condition: Any, a: Any, b: Any) -> None:
        """Remember that a value is one of two, if these are whole numbers."""
        if type(a) is int and type(b) is int and a != b:
            self.chosen[output] = (condition, a, b)

    def equality(self, op: Apply, output: Value) -> Any:
        """Return the condition by which a value was chosen, if it is asked whether it is the first."""
        x, k = op.args
        condition, a, b = self.chosen.get(x, (None, None, None)) if type(x) is Value else (None, None, None)
        if type(k) is not int or a is None:
            return None
        if k not in (a, b):
            return False
        if k == a and type(condition) is Value and condition.type == output.type:
            return condition
        return None

    # Arithmetic

    def sum(self, op: Apply, output: Value) -> Any:
        a, b = op.args
        for x, y in ((a, b), (b, a)):
            if self.is_zero(y) and self.fits(x, output):
                return x
        negative = self.maker(b, np.negative)
        if negative is not None:
            op.function, op.args = sibling(op, np.subtract), (a, negative.args[0])
        elif (negative := self.maker(a, np.negative)) is not None:
            op.function, op.args = sibling(op, np.subtract), (b, negative.args[0])
        return None

    def difference(self, op: Apply, output: Value) -> Any:
        a, b = op.args
        if self.is_zero(b) and self.fits(a, output):
            return a
        if _is_number(a, 0) and self.fits(b, output):
            op.function, op.args = sibling(op, np.negative), (b,)
        elif (negative := self.maker(b, np.negative)) is not None:
            op.function, op.args = sibling(op, np.add), (a, negative.args[0])
        return None

    def product(self, op: Apply, output: Value) -> Any:
        a, b = op.args
        for x, y in ((a, b), (b, a)):
            if _is_number(y, 1) and self.fits(x, output):
                return x
            if _is_number(y, -1) and self.fits(x, output):
                op.function, op.args = sibling(op, np.negative), (x,)
                return None
            spread = self.maker(y, np.broadcast_to)
            if spread is not None and _is_literal(x) and _is_literal(spread.args[0]):
                op.function, op.args = np.broadcast_to, (x * spread.args[0], spread.args[1])
                return None
            if spread is not None and self.fits(x, output) and getattr(atom_type(spread.args[0]), "rank", 1) == 0:
                op.args = (x, spread.args[0]) if y is b else (spread.args[0], x)
                return self.product(op, output)
        return None

    def scaled(self, op: Apply, output: Value) -> Any:
        """Simplify ``scale(p, t)``, in which a zero wins."""
        if any(map(self.is_zero, op.args)):
            zero = self.zero(output, *op.args)
            if zero is not None:
                return zero
        p, t = op.args
        if isinstance(p, (int, float, complex)) and math.isfinite(abs(p)):
            op.function = np.multiply
            return self.product(op, output)
        if _is_number(t, 1) and self.is_number_of(p, output):
            return p
        return self.product(op, output) if _is_number(t, 1) or _is_number(t, -1) or self.maker(t, np.broadcast_to) else None

    @staticmethod
    def is_number_of(atom: Any, output: Value) -> bool:
        """Tell whether an atom is a number of the dtype of a result, be it Python's or NumPy's."""
        t = atom_type(atom)
        return (
            isinstance(t, Tensor)
            and isinstance(output.type, Tensor)
            and t.rank == output.type.rank == 0
            and t.dtype == output.type.dtype
        )

    def negative(self, op: Apply, output: Value) -> Any:
        inner = self.maker(op.args[0], np.negative)
        if inner is not None and self.fits(inner.args[0], output):
            return inner.args[0]
        inner = self.maker(op.args[0], np.subtract)
        if inner is not None and all(self.fits(arg, output) for arg in inner.args):
            op.function, op.args = sibling(op, np.subtract), (inner.args[1], inner.args[0])
        return None

    def quotient(self, op: Apply, output: Value) -> Any:
        a, b = op.args
        return a if _is_number(b, 1) and self.fits(a, output) else None

    def power(self, op: Apply, output: Value) -> Any:
        x, n = op.args
        return x if _is_number(n, 1) and self.fits(x, output) else None

    # Shapes

    def formed(self, op: Apply, output: Value) -> Any:
        """Simplify a `fit` or a `spread`, which do nothing between equal forms."""
        x = op.args[0]
        if self.fits(x, output):
            return x
        described = self.maker(op.args[1], stores.form)
        if described is not None:
            op.args = (x, described.args[0])
        return self.zero(output, op.args[1]) if self.is_zero(x) else None

    def converted(self, op: Apply, output: Value) -> Any:
        return op.args[0] if self.fits(op.args[0], output) else None

    def extent(self, op: Apply, _output: Value) -> Any:
        """Ask for the length of an axis where the shape comes from."""
        x, axis = op.args
        key = self.shapes(x)
        if len(key) == 1 and type(x) is Value:
            (source,) = key
            source = self.here(source)
            if source is not None and source is not x and source.type == x.type:
                op.args = (source, axis)
        made = next((found for function in _FILLED if (found := self.maker(op.args[0], function)) is not None), None)
        if made is None:
            return None
        shape = made.args[0] if isinstance(made.args[0], (tuple, list)) else (made.args[0],)
        return shape[axis] if type(shape[axis]) is int and shape[axis] >= 0 else None

    def likened(self, op: Apply, _output: Value) -> Any:
        """Ask an array for its form, if it is here, rather than what was kept of it for that."""
        described = self.maker(op.args[0], stores.form)
        if described is not None:
            op.args = (described.args[0], *op.args[1:])
        return None

    def stored(self, op: Apply, output: Value) -> Any:
        """``a[i] = a[i] + v`` adds to ``a``; what ``a[i]`` was before does not matter on the way back."""
        a, index, v = op.args
        for function in (np.add, np.subtract):
            made = self.maker(v, function)
            if made is None or not isinstance(output.type, Tensor) or not _is_basic(index):
                continue
            old = self.maker(made.args[0], operator.getitem)
            term = made.args[1]
            if old is None and function is np.add:
                old, term = self.maker(made.args[1], operator.getitem), made.args[0]
            if old is None or old.args[0] is not a or not same_tree(old.args[1], index) or not self.fits(v, old.outputs[0]):
                continue
            if function is np.subtract:
                term = self.builder.atom(np.negative(Symbol(term))) if type(term) is Value else -term
            op.function, op.args = stores.accumulate, (a, index, term)
            return None
        return None

    def added(self, op: Apply, output: Value) -> Any:
        """Add to the items of a list of lists where they are, rather than a list that is zero but for a few of its items."""
        items, index, v = op.args
        if not (isinstance(output.type, ListOf) and isinstance(output.type.item, ListOf) and _is_basic(index)):
            return None
        cleared = self.maker(items, stores.assign)
        if cleared is not None and same_tree(cleared.args[1], index) and self.maker(cleared.args[2], stores.blank):
            op.function, op.args = stores.assign, (cleared.args[0], index, v)
            return None
        parts, rest = [], self.maker(v, stores.accumulate)
        while rest is not None:
            parts.append(rest.args[1:])
            v, rest = rest.args[0], self.maker(rest.args[0], stores.accumulate)
        if not parts or self.maker(v, stores.blank) is None:
            return None
        row = self.builder.apply(operator.getitem, (Symbol(items), index))
        for place, term in reversed(parts):
            row = self.builder.apply(stores.accumulate, (row, place, term))
        op.function, op.args = stores.assign, (items, index, row.value)
        return None

    def picked(self, op: Apply, output: Value) -> Any:
        """Take an item of a list whose items are known, or of what it was just stored into."""
        items, index = op.args
        made = self.maker(items, stores.listed)
        if made is not None and type(index) is int and isinstance(made.args[0], (list, tuple)):
            item = made.args[0][index]
            return item if self.fits(item, output) else None
        stored = self.maker(items, stores.assign)
        if stored is not None and _is_basic(index) and same_tree(stored.args[1], index):
            item = stored.args[2]
            return item if self.fits(item, output) or (_is_double(output) and self.is_number_of(item, output)) else None
        return None

    def unpacked(self, op: Apply) -> list[Any] | None:
        """Take the parts of a record that was packed here."""
        packed = self.maker(op.args[0], stores.pack) if op.function is stores.unpack else None
        if packed is None or any(type(part) is not Value for part in packed.args[1:]):
            return None
        return list(packed.args[1:])

    def blanked(self, op: Apply, output: Value) -> Any:  # noqa: ARG002 - every rule takes it
        """Let the zero cotangent of an empty list be another empty list, which has its own memory."""
        made = self.maker(op.args[0], stores.listed)
        if made is not None and not made.args[0]:
            op.function, op.args = stores.listed, made.args
        return None


_RULES: dict[Any, Callable[[Algebra, Apply, Value], Any]] = {
    np.add: Algebra.sum,
    np.equal: Algebra.equality,
    np.subtract: Algebra.difference,
    np.multiply: Algebra.product,
    np.divide: Algebra.quotient,
    np.power: Algebra.power,
    np.negative: Algebra.negative,
    kinds.scale: Algebra.scaled,
    stores.fit: Algebra.formed,
    stores.spread: Algebra.formed,
    shaping.convert: Algebra.converted,
    extent: Algebra.extent,
    np.zeros_like: Algebra.likened,
    np.size: Algebra.likened,
    operator.getitem: Algebra.picked,
    stores.blank: Algebra.blanked,
    stores.assign: Algebra.stored,
    stores.accumulate: Algebra.added,
}


def _is_double(value: Value) -> bool:
    return isinstance(value.type, Tensor) and value.type.dtype == float


def _is_literal(atom: Any) -> bool:
    """Tell whether an atom is a finite float or complex number that is written down."""
    return isinstance(atom, (float, complex)) and math.isfinite(abs(atom))


def _is_number(atom: Any, n: int) -> bool:
    return isinstance(atom, (int, float, complex, np.number)) and not isinstance(atom, bool) and atom == n


def _is_basic(index: Any) -> bool:
    """Tell whether an index names no element twice and takes no array."""
    if isinstance(index, tuple):
        return all(map(_is_basic, index))
    if type(index) is Value:
        return isinstance(index.type, Tensor) and index.type.rank == 0 and index.type.dtype.kind in "iu"
    return isinstance(index, (int, slice, type(None), type(...))) and not isinstance(index, bool)


def same_tree(a: Any, b: Any) -> bool:
    """Tell whether two indices are the same."""
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(same_tree, a, b))
    if isinstance(a, slice) and isinstance(b, slice):
        return same_tree((a.start, a.stop, a.step), (b.start, b.stop, b.step))
    return same_atom(a, b) or (a is None and b is None) or (a is ... and b is ...)


def same_atom(a: Any, b: Any) -> bool:
    """Tell whether two atoms are the same value or equal literals."""
    if type(a) is Value or type(b) is Value:
        return a is b
    return type(a) is type(b) and isinstance(a, (int, float, complex, str)) and repr(a) == repr(b)
