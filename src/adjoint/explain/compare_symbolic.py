"""Symbolic differentiation of the user's own function, by SymPy: run it on symbols, differentiate the expression, count both.

An `Expression` is a SymPy expression that NumPy and the user's program take for a number.  Whatever needs its value, above all
``if`` and ``while``, raises: an expression has none.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from adjoint._api import tree
from adjoint.errors import AdjointError
from adjoint.explain import compare_numbers as numbers
from adjoint.explain.compare_measure import peak_bytes
from adjoint.explain.compare_point import Point

# Operations, written out, of an expression beyond which SymPy would take minutes to differentiate it, and of a derivative
# beyond which it would take as long to compile it.  The point is made long before.
LARGEST = 10_000
COMPILED = 100_000
MOST_SYMBOLS = 1000


class TooLargeError(Exception):
    """The expression has outgrown `LARGEST`."""


@dataclass(frozen=True)
class Symbolic:
    """What symbolic differentiation came to.

    Attributes
    ----------
    operations, derivative_operations
        Of the expression and of its derivatives, written out.
    shared_operations
        Of the derivatives when every common subexpression is written once.
    columns
        The columns of the Jacobian that were derived.
    seconds, bytes
        That SymPy took to derive them; bytes are 0 where it took too long to do it twice.
    evaluate
        Takes the vector of inputs, returns these columns of the Jacobian in floating point; None if not compiled.
    refusal
        Why there is no expression, or no derivative; empty if there is.
    """

    operations: int = 0
    derivative_operations: int = 0
    shared_operations: int = 0
    columns: tuple[int, ...] = ()
    seconds: float = float("nan")
    bytes: int = 0
    evaluate: Callable[[np.ndarray], np.ndarray] | None = None
    refusal: str = ""


def differentiate(point: Point, columns: Sequence[int], seconds: float) -> Symbolic:
    """Return the derivatives of the function as expressions, of as many of the columns as the time allows."""
    try:
        sympy = importlib.import_module("sympy")
    except ImportError:
        return Symbolic(refusal="SymPy is not installed: pip install 'adjoint[explain]'")
    if point.x.size > MOST_SYMBOLS:
        return Symbolic(refusal=f"{point.x.size:,} inputs would be as many symbols")
    work = _Work(sympy)
    try:
        symbols, outputs = work.expressions(point)
    except TooLargeError:
        return Symbolic(
            operations=work.largest, refusal=f"its expression has {work.largest:,} operations, too many to differentiate"
        )
    except Exception as error:
        return Symbolic(refusal=numbers.refusal(error))
    return _derived(work, symbols, outputs, columns, seconds)


def _derived(work: _Work, symbols: list[Any], outputs: list[Any], columns: Sequence[int], seconds: float) -> Symbolic:
    def derive(chosen: Sequence[int], limit: float) -> list[list[Any]]:
        work.sympy.core.cache.clear_cache()
        stop, done = time.perf_counter() + limit, []
        for k in chosen:
            done.append([work.sympy.diff(y, symbols[k]) for y in outputs])
            if time.perf_counter() > stop:
                break
        return done

    start = time.perf_counter()
    derivatives = derive(columns, seconds)
    took = time.perf_counter() - start
    done = tuple(columns[: len(derivatives)])
    flat = [d for column in derivatives for d in column]
    return Symbolic(
        operations=sum(map(work.count, outputs)),
        derivative_operations=sum(map(work.count, flat)),
        shared_operations=work.shared(flat),
        columns=done,
        seconds=took,
        bytes=peak_bytes(lambda: derive(done, 1e9)) if took < seconds / 2 else 0,
        evaluate=work.compiled(symbols, derivatives),
    )


# Expressions as numbers ------------------------------------------------------------------------------------------------------


class _Work:
    """One run of a function on symbols."""

    def __init__(self, sympy: ModuleType) -> None:
        self.sympy: Any = sympy
        self.counts: dict[Any, int] = {}
        self.largest = 0

    def expressions(self, point: Point) -> tuple[list[Any], list[Any]]:
        """Return the symbols of the inputs and the expressions of the results."""
        symbols = [self.sympy.Symbol(name, real=True) for name in point.names()]
        y = numbers.run(point.f, point.filled([Expression(self, x) for x in symbols]), point.kwargs)
        leaves = [np.asarray(leaf, object) for leaf in tree.flatten(y)[0]]
        results = [self.node(entry) for leaf in leaves for entry in np.reshape(leaf, -1)]
        if len(results) != point.y.size:
            raise AdjointError(f"on symbols the function returns {len(results)} numbers, on floats {point.y.size}", where="")
        return symbols, results

    def node(self, x: Any) -> Any:
        """Return SymPy's form of an expression or a plain number."""
        return x.node if isinstance(x, Expression) else self.sympy.sympify(x)

    def wrap(self, node: Any) -> Expression:
        """Return an expression as a number; raise if it is too large."""
        self.largest = max(self.largest, self.count(node))
        if self.largest > LARGEST:
            raise TooLargeError
        return Expression(self, node)

    def count(self, node: Any) -> int:
        """Return the number of operations of an expression as it would be written out."""
        known = self.counts.get(node)
        if known is None:
            known = self.counts[node] = _own_operations(node) + sum(map(self.count, node.args))
        return known

    def shared(self, nodes: list[Any]) -> int:
        """Return the number of operations of some expressions if each different part of them is computed once."""
        seen: set[Any] = set()
        waiting = list(nodes)
        while waiting:
            node = waiting.pop()
            if node not in seen:
                seen.add(node)
                waiting.extend(node.args)
        return sum(map(_own_operations, seen))

    def compiled(self, symbols: list[Any], derivatives: list[list[Any]]) -> Callable[[np.ndarray], np.ndarray] | None:
        """Return the derivatives as a Python function, common subexpressions shared."""
        flat = [d for column in derivatives for d in column]
        if sum(map(self.count, flat)) > COMPILED:
            return None
        try:
            function = self.sympy.lambdify(symbols, flat, modules=["scipy", "numpy"], cse=True)
        except (RecursionError, MemoryError, SyntaxError):
            return None
        shape = (len(derivatives), -1)
        return lambda x: np.reshape(np.array(function(*x), float), shape).T


def _own_operations(node: Any) -> int:
    """Return the operations that a node of an expression adds to those of its parts."""
    if not node.args:
        return 0
    return len(node.args) - 1 if node.is_Add or node.is_Mul else 1


class Expression:
    """A SymPy expression that is added, multiplied and put into functions as a number is."""

    __slots__ = ("node", "work")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, work: _Work, node: Any) -> None:
        self.work, self.node = work, node

    def __repr__(self) -> str:
        return f"Expression({self.node})"

    def choose(self, a: Any, b: Any) -> Expression:
        """Return ``a`` where this condition holds and ``b`` where it does not."""
        node = self.work.node
        return self.work.wrap(self.work.sympy.Piecewise((node(a), self.node), (node(b), True)))

    def __bool__(self) -> bool:
        raise AdjointError(
            f"control flow depends on an input (is {str(self.node)[:60]} true?), and an expression has no value", where=""
        )

    def __float__(self) -> float:
        raise AdjointError("the function asks for a plain number where there is an expression", where="")

    __int__ = __index__ = __complex__ = __round__ = __floor__ = __ceil__ = __trunc__ = __float__  # type: ignore[assignment]

    def __iter__(self) -> Any:
        raise TypeError("an expression is a number, not a sequence")


numbers.Number.register(Expression)

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "truediv": lambda a, b: a / b,
    "pow": lambda a, b: a**b,
    "floordiv": lambda a, b: a // b,
    "mod": lambda a, b: a % b,
}
_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
}


def _operator(operation: Callable[[Any, Any], Any], *, reflected: bool = False) -> Callable[[Expression, Any], Any]:
    def call(self: Expression, other: Any) -> Any:
        if isinstance(other, (np.ndarray, list, tuple)) and np.ndim(other):
            return NotImplemented
        a, b = self.node, self.work.node(other)
        return self.work.wrap(operation(b, a) if reflected else operation(a, b))

    return call


def _unary(operation: Callable[[Any, Any], Any]) -> Callable[[Expression], Expression]:
    return lambda self: self.work.wrap(operation(self.work.sympy, self.node))


def _binary(operation: Callable[[Any, Any, Any], Any], *, reflected: bool = False) -> Callable[[Expression, Any], Expression]:
    def call(self: Expression, other: Any) -> Expression:
        a, b = self.node, self.work.node(other)
        return self.work.wrap(operation(self.work.sympy, *((b, a) if reflected else (a, b))))

    return call


# fmt: off
_FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "exp2":       lambda s, x: s.Integer(2) ** x,
    "expm1":      lambda s, x: s.exp(x) - 1,
    "log2":       lambda s, x: s.log(x) / s.log(2),
    "log10":      lambda s, x: s.log(x) / s.log(10),
    "log1p":      lambda s, x: s.log(1 + x),
    "cbrt":       lambda s, x: s.cbrt(x),
    "square":     lambda _, x: x**2,
    "reciprocal": lambda _, x: 1 / x,
    "degrees":    lambda s, x: x * 180 / s.pi,
    "radians":    lambda s, x: x * s.pi / 180,
    "gammaln":    lambda s, x: s.loggamma(x),
    "expit":      lambda s, x: 1 / (1 + s.exp(-x)),
    "__neg__":    lambda _, x: -x,
    "__pos__":    lambda _, x: x,
    "__abs__":    lambda s, x: s.Abs(x),
}
_OF_TWO: dict[str, Callable[[Any, Any, Any], Any]] = {
    "arctan2":    lambda s, y, x: s.atan2(y, x),
    "hypot":      lambda s, x, y: s.sqrt(x**2 + y**2),
    "maximum":    lambda s, x, y: s.Max(x, y),
    "minimum":    lambda s, x, y: s.Min(x, y),
    "logaddexp":  lambda s, x, y: s.log(s.exp(x) + s.exp(y)),
}
# fmt: on


def _named(name: str) -> Callable[[Any, Any], Any]:
    own = name.replace("arc", "a") if name.startswith("arc") else name
    return lambda s, x: getattr(s, own)(x)


for _name, _operation in (_OPERATORS | _COMPARISONS).items():
    setattr(Expression, f"__{_name}__", _operator(_operation))
for _name, _operation in _OPERATORS.items():
    setattr(Expression, f"__r{_name}__", _operator(_operation, reflected=True))
for _name in (*numbers.UNARY, "__neg__", "__pos__", "__abs__"):
    setattr(Expression, _name, _unary(_FUNCTIONS.get(_name) or _named(_name)))
for _name in numbers.BINARY:
    setattr(Expression, _name, _binary(_OF_TWO[_name]))
    setattr(Expression, "r" + _name, _binary(_OF_TWO[_name], reflected=True))
setattr(Expression, "r__pow__", lambda self, other: other**self)  # noqa: B010 - as `elementwise` calls it
