"""Formulas written in Python that become the text of LLVM's IR.

A formula is a function of `Number`s; arithmetic on them appends instructions to the `Body` that they belong to.
`written` makes the text of a definition from a formula.  There are no branches: a choice is `where`, which computes both sides.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

DOUBLE, INTEGER, TRUTH = "double", "i64", "i1"
ATTRIBUTES = "alwaysinline nofree nosync nounwind speculatable willreturn memory(none)"

Formula = Callable[..., "Number"]


class Body:
    """The instructions of one definition; an instruction that is there already is not written again."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: dict[str, str] = {}
        self.intrinsics: set[str] = set()
        self.calls: set[str] = set()
        self.far: set[str] = set()

    def add(self, type: str, instruction: str) -> Number:
        """Return the result of the instruction."""
        if instruction not in self.names:
            self.names[instruction] = f"%v{len(self.names)}"
            self.lines.append(f"  {self.names[instruction]} = {instruction}")
        return Number(self, type, self.names[instruction])

    def intrinsic(self, name: str, *arguments: Number) -> Number:
        """Return the result of LLVM's intrinsic ``llvm.NAME.f64``."""
        self.intrinsics.add(f"declare double @llvm.{name}.f64({', '.join([DOUBLE] * len(arguments))})")
        return self.add(DOUBLE, f"call double @llvm.{name}.f64({_listed(arguments)})")

    def call(self, name: str, *arguments: Number) -> Number:
        """Return the result of the elementary function of this name."""
        self.calls.add(name)
        return self.add(DOUBLE, f"call double @adj.{name}({_listed(arguments)})")

    def corrected(self, name: str, x: Number, y: Number) -> Number:
        """Return ``y``, but the function of this name where ``|x|`` is beyond `far.BOUND`."""
        self.far.add(name)
        return self.add(DOUBLE, f"call double @adj.far.{name}({_listed([x, y])})")


@dataclass(frozen=True, eq=False)
class Number:
    """The result of an instruction, an argument or a constant: a double, a word of 64 bits, or a truth value.

    Shifts and bitwise operators are those of unsigned words.  Comparisons with NaN are false.
    """

    body: Body
    type: str
    name: str

    def lift(self, other: Number | float) -> Number:
        """Return ``other`` as a value of this one's type."""
        if isinstance(other, Number):
            return other
        return Number(self.body, self.type, constant(other) if self.type == DOUBLE else str(int(other)))

    def _apply(self, operation: str, left: Number | float, right: Number | float) -> Number:
        left, right = self.lift(left), self.lift(right)
        return self.body.add(self.type, f"{operation} {self.type} {left.name}, {right.name}")

    def _arithmetic(self, operation: str, left: Number | float, right: Number | float) -> Number:
        return self._apply(f"f{operation}" if self.type == DOUBLE else operation, left, right)

    def _compare(self, ordered: str, unsigned: str, other: Number | float) -> Number:
        other = self.lift(other)
        kind = f"fcmp {ordered}" if self.type == DOUBLE else f"icmp {unsigned}"
        return self.body.add(TRUTH, f"{kind} {self.type} {self.name}, {other.name}")

    def __add__(self, other: Number | float) -> Number:
        return self._arithmetic("add", self, other)

    def __radd__(self, other: Number | float) -> Number:
        return self._arithmetic("add", other, self)

    def __sub__(self, other: Number | float) -> Number:
        return self._arithmetic("sub", self, other)

    def __rsub__(self, other: Number | float) -> Number:
        return self._arithmetic("sub", other, self)

    def __mul__(self, other: Number | float) -> Number:
        return self._arithmetic("mul", self, other)

    def __rmul__(self, other: Number | float) -> Number:
        return self._arithmetic("mul", other, self)

    def __truediv__(self, other: Number | float) -> Number:
        return self._apply("fdiv", self, other)

    def __rtruediv__(self, other: Number | float) -> Number:
        return self._apply("fdiv", other, self)

    def __neg__(self) -> Number:
        return self.body.add(DOUBLE, f"fneg double {self.name}")

    def __lshift__(self, count: int) -> Number:
        return self._apply("shl", self, count)

    def __rshift__(self, count: int) -> Number:
        return self._apply("lshr", self, count)

    def __and__(self, other: Number | int) -> Number:
        return self._apply("and", self, other)

    def __or__(self, other: Number | int) -> Number:
        return self._apply("or", self, other)

    def __xor__(self, other: Number | int) -> Number:
        return self._apply("xor", self, other)

    def __lt__(self, other: Number | float) -> Number:
        return self._compare("olt", "ult", other)

    def __le__(self, other: Number | float) -> Number:
        return self._compare("ole", "ule", other)

    def __gt__(self, other: Number | float) -> Number:
        return self._compare("ogt", "ugt", other)

    def __ge__(self, other: Number | float) -> Number:
        return self._compare("oge", "uge", other)

    def equals(self, other: Number | float) -> Number:
        """Return whether both are the same number; a NaN is not."""
        return self._compare("oeq", "eq", other)

    def differs(self, other: Number | float) -> Number:
        """Return whether both are not the same number; a NaN is not the same as itself."""
        return self._compare("une", "ne", other)

    def bits(self) -> Number:
        """Return the word that represents this double."""
        return self.body.add(INTEGER, f"bitcast double {self.name} to i64")

    def double(self) -> Number:
        """Return the double that this word represents."""
        return self.body.add(DOUBLE, f"bitcast i64 {self.name} to double")


def constant(value: float) -> str:
    """Return how a double is written: its bits, in hexadecimal digits."""
    return f"0x{struct.unpack('>Q', struct.pack('>d', value))[0]:016X}"


def _listed(arguments: Sequence[Number]) -> str:
    return ", ".join(f"{argument.type} {argument.name}" for argument in arguments)


def fma(a: Number | float, b: Number | float, c: Number | float) -> Number:
    """Return ``a * b + c``, rounded once."""
    number = next(each for each in (a, b, c) if isinstance(each, Number))
    return number.body.intrinsic("fma", number.lift(a), number.lift(b), number.lift(c))


def fabs(x: Number) -> Number:
    """Return ``|x|``."""
    return x.body.intrinsic("fabs", x)


def sqrt(x: Number) -> Number:
    """Return the square root, correctly rounded."""
    return x.body.intrinsic("sqrt", x)


def rint(x: Number) -> Number:
    """Return the nearest integer, the even one of two."""
    return x.body.intrinsic("rint", x)


def copysign(x: Number, sign: Number) -> Number:
    """Return ``x`` with the sign bit of ``sign``."""
    return x.body.intrinsic("copysign", x, sign)


def where(condition: Number, yes: Number | float, no: Number | float) -> Number:
    """Return ``yes`` where the condition is true, ``no`` elsewhere.  Two constants are doubles."""
    number = next((each for each in (yes, no) if isinstance(each, Number)), Number(condition.body, DOUBLE, ""))
    yes, no = number.lift(yes), number.lift(no)
    return number.body.add(number.type, f"select i1 {condition.name}, {number.type} {yes.name}, {number.type} {no.name}")


def at_most(x: Number, bound: float) -> Number:
    """Return the smaller; NaN for NaN."""
    return where(x > bound, bound, x)


def at_least(x: Number, bound: float) -> Number:
    """Return the larger; NaN for NaN."""
    return where(x < bound, bound, x)


def polynomial(x: Number, coefficients: Sequence[float]) -> Number:
    """Return the value of the polynomial, by the scheme of Estrin (1960); the constant coefficient comes first.

    Neighbours are combined to ``c₀ + c₁x``, those to ``(c₀ + c₁x) + (c₂ + c₃x)x²``, and so on.
    The longest chain of operations has the length of the logarithm of the degree,
    at the cost of as many more multiplications for the powers of x.
    """
    terms: list[Number | float] = list(coefficients)
    power = x
    while len(terms) > 1:
        pairs = [fma(terms[i + 1], power, terms[i]) for i in range(0, len(terms) - 1, 2)]
        terms = [*pairs, *terms[len(pairs) * 2 :]]
        if len(terms) > 1:
            power = power * power
    return x.lift(terms[0])


def written(name: str, count: int, formula: Formula) -> tuple[str, Body]:
    """Return the text of the definition of ``@adj.NAME``, a formula of so many doubles, and its body."""
    body = Body()
    arguments = [Number(body, DOUBLE, f"%x{i}") for i in range(count)]
    result = formula(*arguments)
    head = f"define internal double @adj.{name}({_listed(arguments)}) {ATTRIBUTES} {{"
    return "\n".join([head, *body.lines, f"  ret double {result.name}", "}"]), body
