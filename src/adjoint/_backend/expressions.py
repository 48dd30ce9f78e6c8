"""The text of operations, with what is inlined into them, and no parenthesis too many."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from adjoint._backend import library, scalars
from adjoint._backend.choices import choose
from adjoint._backend.module import Module, public_home
from adjoint._backend.plan import Plan
from adjoint._ir.nodes import Apply, Call, If, Loop, Undefined, Value, atom_type, walk
from adjoint._ir.symbol import extent, length
from adjoint._ir.types import ListOf, Tensor
from adjoint._rules import logic, stores


class Text(NamedTuple):
    """An expression and how tightly it binds."""

    text: str
    binding: int

    def within(self, binding: int) -> str:
        """Return the text as a part of an operation that binds as tightly as ``binding``."""
        return self.text if self.binding >= binding else f"({self.text})"


TUPLE, TERNARY, OR, AND, NOT, COMPARE, BIT_OR, BIT_XOR, BIT_AND, SHIFT, SUM, TERM, SIGN, POWER, ATOM = range(15)

# fmt: off
_OPERATORS: dict[str, tuple[int, tuple[Callable[..., Any], ...]]] = {
    "+": (SUM, (np.add, operator.add)),           "-": (SUM, (np.subtract, operator.sub)),
    "*": (TERM, (np.multiply, operator.mul)),     "/": (TERM, (np.divide, operator.truediv)),
    "//": (TERM, (np.floor_divide, operator.floordiv)), "%": (TERM, (np.remainder, operator.mod)),
    "@": (TERM, (np.matmul, operator.matmul)),    "**": (POWER, (np.power, operator.pow)),
    "&": (BIT_AND, (np.bitwise_and, operator.and_)), "|": (BIT_OR, (np.bitwise_or, operator.or_)),
    "^": (BIT_XOR, (np.bitwise_xor, operator.xor)),
    "<<": (SHIFT, (np.left_shift, operator.lshift)), ">>": (SHIFT, (np.right_shift, operator.rshift)),
    "<": (COMPARE, (np.less, operator.lt)),       "<=": (COMPARE, (np.less_equal, operator.le)),
    "==": (COMPARE, (np.equal, operator.eq)),     "!=": (COMPARE, (np.not_equal, operator.ne)),
    ">": (COMPARE, (np.greater, operator.gt)),    ">=": (COMPARE, (np.greater_equal, operator.ge)),
    "is": (COMPARE, (operator.is_,)),             "is not": (COMPARE, (operator.is_not,)),
}
BINARY = {function: (sign, binding) for sign, (binding, functions) in _OPERATORS.items() for function in functions}
PREFIX: dict[Callable[..., Any], tuple[str, int]] = {
    np.negative: ("-", SIGN), operator.neg: ("-", SIGN), np.positive: ("+", SIGN), operator.pos: ("+", SIGN),
    np.invert: ("~", SIGN), operator.invert: ("~", SIGN), operator.not_: ("not ", NOT),
}
# fmt: on
INFIX = frozenset({*BINARY, *PREFIX})
# Of two truth values Python makes integers; of these operations it does not.
_LOGICAL = frozenset({"&", "|", "^", "<", "<=", "==", "!=", ">", ">=", "/", "is", "is not"})
# Where Python raises and NumPy gives inf or nan.
_RAISING = frozenset({"/", "//", "%", "**"})


class Expressions:
    """Writes operations of one function.

    ``names`` has the variables of values.
    """

    def __init__(self, plan: Plan, module: Module, names: dict[Value, str]) -> None:
        self.plan = plan
        self.module = module
        self.names = names
        self.kinds = scalars.Kinds(plan, INFIX)
        self.divisors = _divisors(plan)
        self.functions: dict[Any, str] = {}

    # Atoms.

    def text(self, tree: Any, binding: int = TERNARY) -> str:
        """Return the text of a tree of atoms as a part of something that binds so tightly."""
        return self.tree(tree).within(binding)

    def tree(self, tree: Any) -> Text:
        """Return a tree of atoms as text."""
        if isinstance(tree, tuple):
            inner = ", ".join(self.text(part) for part in tree)
            return Text(f"({inner},)" if len(tree) == 1 else f"({inner})", ATOM)
        if isinstance(tree, list):
            return Text(f"[{', '.join(self.text(part) for part in tree)}]", ATOM)
        if type(tree) is dict:
            return Text("{" + ", ".join(f"{name!r}: {self.text(part)}" for name, part in tree.items()) + "}", ATOM)
        if type(tree) is slice:
            parts = (tree.stop,) if tree.start is None and tree.step is None else (tree.start, tree.stop, tree.step)
            return Text(f"slice({', '.join(self.text(part) for part in parts)})", ATOM)
        return self.atom(tree)

    def atom(self, atom: Any) -> Text:
        if type(atom) is Value:
            atom = self.plan.resolve(atom)
            op = self.plan.inlined.get(atom)
            return Text(self.names[atom], ATOM) if op is None else self.operation(op)
        return self.constant(atom)

    def constant(self, x: Any) -> Text:
        """Return a plain object as text."""
        if x is Ellipsis:
            return Text("...", ATOM)
        if isinstance(x, Undefined) or x is None:
            return Text("None", ATOM)
        kind = type(x)
        if kind in (bool, str, bytes, range):
            return Text(repr(x), ATOM)
        if kind is int:
            return Text(repr(x), ATOM if x >= 0 else SIGN)
        if kind is float:
            return self.floating(x)
        if kind is complex:
            plain = math.isfinite(x.real) and math.isfinite(x.imag)
            return Text(repr(x) if plain else f"complex({self.floating(x.real).text}, {self.floating(x.imag).text})", ATOM)
        if isinstance(x, np.dtype):
            return Text(self.dtype(x), ATOM)
        if isinstance(x, (np.bool_, np.integer, np.inexact)):
            return Text(f"{self.module.function(kind)}({self.constant(x.item()).text})", ATOM)
        if callable(x):
            return Text(self.called(x), ATOM)
        return Text(self.module.object(x, kind.__name__), ATOM)

    def dtype(self, x: np.dtype[Any]) -> str:
        if x.isnative and public_home(x.type) is not None:
            return self.module.function(x.type)
        return f"{self.module.module('numpy')}.dtype({x.str!r})"

    def floating(self, x: float) -> Text:
        name = {math.pi: "pi", math.e: "e", math.inf: "inf"}.get(abs(x), "nan" if x != x else "")
        text = f"{self.module.module('numpy')}.{name}" if name else repr(abs(x))
        return Text(f"-{text}", SIGN) if math.copysign(1, x) < 0 and x == x else Text(text, ATOM)

    # Operations.

    def called(self, function: Any) -> str:
        """Return the text that names a function."""
        return self.functions.get(function) or self.module.function(function)

    def operation(self, op: Apply | Call) -> Text:
        """Return an operation as text."""
        if isinstance(op, Call):
            return Text(f"{self.functions[op.function]}({', '.join(self.text(arg) for arg in op.args)})", ATOM)
        if not op.kwargs:
            if op.function in BINARY and len(op.args) == 2:
                return self.binary(op, *op.args)
            if op.function in PREFIX and len(op.args) == 1:
                return self.prefix(op, op.args[0])
            special = _SPECIAL.get(op.function)
            if special is not None and (text := special(self, *op.args)) is not None:
                return text
        return self.call(op)

    def call(self, op: Apply) -> Text:
        """Return an operation as a call of its function, or of a method of its first argument."""
        args = [self.text(arg) for arg in op.args]
        kwargs = [f"{name}={self.text(arg)}" for name, arg in op.kwargs.items()]
        method = _method(op.function)
        if method and args:
            return Text(f"{self.text(op.args[0], ATOM)}.{method}({', '.join([*args[1:], *kwargs])})", ATOM)
        return Text(f"{self.called(op.function)}({', '.join([*args, *kwargs])})", ATOM)

    def binary(self, op: Apply, a: Any, b: Any) -> Text:
        sign, binding = BINARY[op.function]
        if not self.is_infix(op, sign):
            return self.call(op)
        left, right = self.tree(a), self.tree(b)
        if binding == POWER:
            simple = left.binding == ATOM and _is_simple(left.text) and _is_simple(right.text)
            return Text(f"{left.within(ATOM)}{'**' if simple else ' ** '}{right.within(SIGN)}", POWER)
        return Text(f"{left.within(binding + (binding == COMPARE))} {sign} {right.within(binding + 1)}", binding)

    def prefix(self, op: Apply, x: Any) -> Text:
        sign, binding = PREFIX[op.function]
        kinds = self.kinds.of(x)
        if _is_truth(x) and "python" in kinds and sign != "not ":
            if sign != "~":
                return self.call(op)
            if "numpy" in kinds:
                return Text(f"{self.module.function(np.logical_not)}({self.text(x)})", ATOM)
            sign, binding = "not ", NOT
        return Text(sign + self.text(x, binding), binding)

    def is_infix(self, op: Apply, sign: str) -> bool:
        """Tell whether the operator means what the function means, on the numbers that it may meet."""
        python = all("python" in self.kinds.of(arg) for arg in op.args)
        if not python:
            return True
        if sign not in _LOGICAL and all(map(_is_truth, op.args)):
            return False
        if sign not in _RAISING or getattr(op.function, "__module__", "") == "_operator":
            return True
        divisor = op.args[1]
        if sign == "**":
            whole = all(_is_whole(arg) for arg in op.args)
            return whole or (isinstance(divisor, (int, float)) and divisor >= 0 and float(divisor).is_integer())
        return (type(divisor) is Value and divisor in self.divisors) or (
            isinstance(divisor, (int, float, complex)) and divisor != 0
        )

    def index(self, index: Any) -> str:
        """Return what stands between the brackets of ``a[...]``."""
        if isinstance(index, tuple) and index:
            nested = len(index) == 1 and isinstance(index[0], tuple)
            return ", ".join(self.part(part) for part in index) + ("," if nested else "")
        return self.part(index)

    def part(self, part: Any) -> str:
        if type(part) is not slice:
            return self.text(part)
        start, stop, step = (None if x is None else self.text(x, SUM + 1) for x in (part.start, part.stop, part.step))
        loose = [self.text(x) for x in (part.start, part.stop, part.step) if x is not None]
        space = "" if all(map(_is_short, loose)) else " "
        first, second = ("" if x is None else self.text(x) for x in (part.start, part.stop))
        text = f"{first}{space if start else ''}:{space if stop else ''}{second}"
        return text if step is None else f"{text}{space if stop else ''}:{space}{self.text(part.step)}"


def _divisors(plan: Plan) -> set[Value]:
    """Return the values by which Python divides, and which therefore are not 0, wherever they are kept."""
    found: set[Value] = set()
    for op in walk(plan.function.body):
        if (
            isinstance(op, Apply)
            and op.function in (operator.truediv, operator.floordiv, operator.mod)
            and type(op.args[1]) is Value
        ):
            found.add(op.args[1])
    before = -1
    while len(found) > before:
        before = len(found)
        for op in walk(plan.function.body):
            if isinstance(op, If):
                sides = zip(op.outputs, op.then.results, op.orelse.results, strict=True)
                found.update(
                    out
                    for out, *parts in sides
                    if all(isinstance(x, Undefined) or (type(x) is Value and x in found) for x in parts)
                )
            elif isinstance(op, Loop):
                found.update(
                    items for items, item in zip(op.lists, op.collected, strict=True) if type(item) is Value and item in found
                )
                found.update(
                    item for items, item in zip(op.consumed, op.items, strict=True) if type(items) is Value and items in found
                )
    return found


def _getitem(write: Expressions, a: Any, index: Any) -> Text:
    return Text(f"{write.text(a, ATOM)}[{write.index(index)}]", ATOM)


def _extent(write: Expressions, x: Any, axis: Any) -> Text:
    return Text(f"{write.text(x, ATOM)}.shape[{write.text(axis)}]", ATOM)


def _length(write: Expressions, x: Any) -> Text:
    return Text(f"len({write.text(x)})", ATOM)


def _size(write: Expressions, x: Any, axis: Any = None) -> Text | None:
    return Text(f"{write.text(x, ATOM)}.size", ATOM) if axis is None and _is_array(x) else None


def _transposed(write: Expressions, x: Any, axes: Any = None) -> Text | None:
    whole = axes is None or (tuple(axes) == (1, 0) and _rank(x) == 2)
    return Text(f"{write.text(x, ATOM)}.T", ATOM) if whole and _is_array(x) else None


def _swapped(write: Expressions, x: Any, axis1: Any, axis2: Any) -> Text | None:
    matrix = _is_array(x) and _rank(x) == 2 and {axis1, axis2} in ({-1, -2}, {0, 1})
    return Text(f"{write.text(x, ATOM)}.T", ATOM) if matrix else None


def _column(write: Expressions, x: Any, axis: Any) -> Text | None:
    vector = _is_array(x) and _rank(x) == 1 and axis in (-1, 1)
    return Text(f"{write.text(x, ATOM)}[:, None]", ATOM) if vector else None


def _rank(x: Any) -> int:
    t = atom_type(x)
    return t.rank if isinstance(t, Tensor) else 0


def _filled(write: Expressions, n: Any, x: Any) -> Text:
    return Text(f"[{write.text(x)}] * {write.text(n, TERM + 1)}", TERM)


def _joined(write: Expressions, items: Any, more: Any) -> Text:
    return Text(f"{write.text(items, SUM)} + {write.text(more, SUM + 1)}", SUM)


def _listed(write: Expressions, items: Any) -> Text:
    return write.tree(items) if isinstance(items, list) else Text(f"list({write.text(items)})", ATOM)


def _packed(write: Expressions, name: str, *parts: Any) -> Text:  # noqa: ARG001 - the name is the type's
    return write.tree(parts)


def _unpacked(write: Expressions, record: Any, types: Any) -> Text:
    """The cotangent of a record may be None, which is zero; the record that a function is given is always there."""
    if write.plan.resolve(record) in write.plan.function.params and not record.name.endswith("_bar"):
        return write.tree(record)
    return Text(f"{write.text(record, OR)} or {write.text((None,) * len(types), OR + 1)}", OR)


def _chosen(write: Expressions, condition: Any, then: Any, orelse: Any) -> Text:
    if then is True and orelse is False:
        return write.tree(condition)
    if type(then) is bool or type(orelse) is bool:
        either = then is True or orelse is True
        sign, binding = ("or", OR) if either else ("and", AND)
        negated = then is False or orelse is True
        left = f"not {write.text(condition, NOT)}" if negated else write.text(condition, binding)
        other = then if type(orelse) is bool else orelse
        return Text(f"{left} {sign} {write.text(other, binding + 1)}", binding)
    return Text(f"{write.text(then, OR)} if {write.text(condition, OR)} else {write.text(orelse, TERNARY)}", TERNARY)


_SPECIAL: dict[Callable[..., Any], Callable[..., Text | None]] = {
    operator.getitem: _getitem,
    extent: _extent,
    length: _length,
    np.size: _size,
    np.transpose: _transposed,
    np.swapaxes: _swapped,
    np.expand_dims: _column,
    stores.filled: _filled,
    stores.joined: _joined,
    stores.listed: _listed,
    stores.numbers: lambda write, x: Text(f"{write.text(x, ATOM)}.tolist()", ATOM),
    stores.pack: _packed,
    choose: _chosen,
    logic.both: lambda write, a, b: Text(f"{write.text(a, AND)} and {write.text(b, AND + 1)}", AND),
    logic.either: lambda write, a, b: Text(f"{write.text(a, OR)} or {write.text(b, OR + 1)}", OR),
    logic.opposite: lambda write, a: Text(f"not {write.text(a, NOT)}", NOT),
    stores.unpack: _unpacked,
    operator.contains: lambda write, a, x: Text(f"{write.text(x, COMPARE + 1)} in {write.text(a, COMPARE + 1)}", COMPARE),
}


# Functions of ours that are printed in another way than as a call.
WITHOUT_CALL = library.STORES | {function for function in _SPECIAL if function is not np.size}


def _method(function: Any) -> str:
    """Return the name of a method that is given as a function of its object, as ``np.random.Generator.normal`` is."""
    if isinstance(getattr(function, "name", None), str) and type(function).__name__ == "Method":
        return function.name  # the frontend's form of a method that is called
    if isinstance(function, type) or public_home(function) is None:
        return ""
    parts = getattr(function, "__qualname__", "").split(".")
    return parts[-1] if len(parts) == 2 else ""


def _is_array(x: Any) -> bool:
    return type(x) is Value and isinstance(x.type, Tensor) and x.type.rank > 0


def _is_truth(x: Any) -> bool:
    t = atom_type(x)
    return isinstance(t, Tensor) and t.dtype.kind == "b"


def _is_whole(x: Any) -> bool:
    t = atom_type(x)
    return isinstance(t, Tensor) and t.dtype.kind in "iu"


def _is_simple(text: str) -> bool:
    """Tell whether an operand is a name, an attribute or a number, around which ``**`` takes no space."""
    return text.lstrip("-").replace(".", "").isidentifier() or text.lstrip("-").replace(".", "").isdigit()


def _is_short(text: str) -> bool:
    """Tell whether a bound of a slice needs no space around the colon."""
    return not any(c in text for c in " ([")


def is_list(x: Any) -> bool:
    """Tell whether an atom is a list of unknown length."""
    return isinstance(atom_type(x), ListOf)
