"""Rules of the book as JavaScript, so that a page can recompute a trace of numbers without Python.

A function's value has a form of its own here, one line each in `VALUES`.  Its partial derivatives have not: they are translated
from the formulas of the rule book, which stay the only place where derivatives are stated.  `form_of` returns None where a
function, or a name in its formula, has no form.
"""

from __future__ import annotations

import ast
import copy
import functools
import inspect
import linecache
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint._rules import arithmetic, kinds, trigonometric
from adjoint._rules.book import BOOK

# fmt: off
# With ``x`` and ``y`` for the arguments; what is not JavaScript's own is defined in assets/page.js.
VALUES: dict[Callable[..., Any], str] = {
    np.add: "x + y",              np.subtract: "x - y",         np.multiply: "x * y",         np.divide: "x / y",
    np.power: "power(x, y)",      np.float_power: "power(x, y)", np.hypot: "Math.hypot(x, y)", np.arctan2: "Math.atan2(x, y)",
    np.maximum: "Math.max(x, y)", np.minimum: "Math.min(x, y)", np.remainder: "modulo(x, y)", np.fmod: "x % y",
    np.negative: "-x",            np.positive: "x",             np.square: "x * x",           np.reciprocal: "1 / x",
    np.sqrt: "Math.sqrt(x)",      np.cbrt: "Math.cbrt(x)",      np.absolute: "Math.abs(x)",   np.fabs: "Math.abs(x)",
    np.exp: "Math.exp(x)",        np.exp2: "Math.pow(2, x)",    np.expm1: "Math.expm1(x)",    np.log: "Math.log(x)",
    np.log2: "Math.log2(x)",      np.log10: "Math.log10(x)",    np.log1p: "Math.log1p(x)",
    np.sin: "Math.sin(x)",        np.cos: "Math.cos(x)",        np.tan: "Math.tan(x)",
    np.arcsin: "Math.asin(x)",    np.arccos: "Math.acos(x)",    np.arctan: "Math.atan(x)",
    np.sinh: "Math.sinh(x)",      np.cosh: "Math.cosh(x)",      np.tanh: "Math.tanh(x)",
    np.arcsinh: "Math.asinh(x)",  np.arccosh: "Math.acosh(x)",  np.arctanh: "Math.atanh(x)",
    np.deg2rad: "x * Math.PI / 180", np.radians: "x * Math.PI / 180",
    np.rad2deg: "x * 180 / Math.PI", np.degrees: "x * 180 / Math.PI",
    # Zero almost everywhere: the page checks that their answer stays.
    np.less: "x < y",             np.less_equal: "x <= y",      np.greater: "x > y",          np.greater_equal: "x >= y",
    np.equal: "x === y",          np.not_equal: "x !== y",      np.isnan: "Number.isNaN(x)",  np.isfinite: "Number.isFinite(x)",
    np.floor: "Math.floor(x)",    np.ceil: "Math.ceil(x)",      np.trunc: "Math.trunc(x)",    np.rint: "rint(x)",
    np.floor_divide: "Math.floor(x / y)", arithmetic.signum: "Math.sign(x)", np.signbit: "x < 0 || Object.is(x, -0)",
    kinds.scale: "scale(x, y)",   arithmetic.ratio: "ratio(x, y)",
    np.isinf: "x === Infinity || x === -Infinity",
}
# What formulas call beyond those: functions of the rule book itself.
CALLS: dict[Callable[..., Any], str] = {
    arithmetic.slope: "slope", arithmetic.ratio: "ratio", arithmetic.direction: "Math.sign", kinds.scale: "scale",
    trigonometric.secant: "secant", np.where: "choose", np.copysign: "copysign",
}
# fmt: on
_OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.BitOr: "||", ast.BitAnd: "&&"}
_COMPARED = {ast.Eq: "===", ast.NotEq: "!==", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
_PARAMETERS = ("r", "x", "y")


class NoFormError(Exception):
    """A part of a formula has no form in JavaScript."""


@functools.cache
def value_of(function: Callable[..., Any]) -> str | None:
    """Return a function's value as a JavaScript arrow function, None if there is no form."""
    return f"(x, y) => {VALUES[function]}" if function in VALUES else None


def form_of(function: Callable[..., Any], count: int) -> tuple[str, list[str | None]] | None:
    """Return a function's value and its partial derivatives, ``(r, x, y) => ...``, by argument; None if there is no form."""
    rule = BOOK.get(function)
    value = value_of(function)
    if value is None or rule is None or rule.kind not in ("elementwise", "constant"):
        return None
    if rule.kind == "constant":
        return value, []
    partials = [partial_of(formula) if callable(formula) else None for formula in rule.formulas[:count]]
    return value, partials


def partial_of(formula: Callable[..., Any]) -> str | None:
    """Return a formula of a partial derivative as a JavaScript arrow function of the result and the arguments."""
    tree = lambda_of(formula)
    if tree is None:
        return None
    names = [a.arg for a in tree.args.args]
    renamed: dict[str, str] = dict(zip(names, _PARAMETERS, strict=False))
    try:
        return f"(r, x, y) => Number({_translated(tree.body, renamed, formula)})"
    except NoFormError:
        return None


def lambda_of(formula: Callable[..., Any]) -> ast.Lambda | None:
    """Return the syntax of a lambda of the rule book, found by the position of its code; None if it is no lambda."""
    code = getattr(formula, "__code__", None)
    if code is None or code.co_name != "<lambda>":
        return None
    spots = [(at[0], at[2]) for at in code.co_positions() if at[0] is not None and at[2] is not None]
    body = max(spots)  # a position in the body, whatever the instructions before it say
    for node in _lambdas(code.co_filename):
        start, end = (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)
        if (
            node.lineno == code.co_firstlineno
            and start <= body <= end
            and _arguments(node) == inspect.getfullargspec(formula).args
        ):
            return node
    return None


def _arguments(node: ast.Lambda) -> list[str]:
    return [a.arg for a in node.args.args]


@functools.cache
def _lambdas(filename: str) -> list[ast.Lambda]:
    source = "".join(linecache.getlines(filename))
    return [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Lambda)]


class _Renamed(ast.NodeTransformer):
    """Puts what stands for the parameters of a formula in their place."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.names.get(node.id, node.id))


def formula_text(formula: Callable[..., Any], names: list[str]) -> str:
    """Return a formula of the rule book as it is written there, with ``names`` for result and arguments; "" if unknown."""
    tree = lambda_of(formula)
    if tree is None:
        return ""
    renamed = _Renamed(dict(zip(_arguments(tree), names, strict=False))).visit(copy.deepcopy(tree.body))
    return ast.unparse(renamed).replace("np.", "")


def _translated(node: ast.expr, names: dict[str, str], formula: Callable[..., Any]) -> str:
    """Return an expression in JavaScript."""

    def again(part: ast.expr) -> str:
        return _translated(part, names, formula)

    match node:
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.Constant(value=bool() | int() | float() as value):
            return repr(float(value))
        case ast.Name() | ast.Attribute():
            return _constant(_meaning(node, formula))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return f"(-{again(operand)})"
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return f"({again(left)} {_OPERATORS[type(op)]} {again(right)})"
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return f"power({again(left)}, {again(right)})"
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARED:
            return f"({again(left)} {_COMPARED[type(op)]} {again(right)})"
        case ast.Call(func=function, args=args, keywords=[]):
            return _called(_meaning(function, formula), [again(a) for a in args])
    raise NoFormError(ast.unparse(node))


def _called(function: Any, arguments: list[str]) -> str:
    """Return a call in JavaScript."""
    if function in CALLS:
        return f"{CALLS[function]}({', '.join(arguments)})"
    if function in VALUES:
        return f"({value_of(function)})({', '.join(arguments)})"
    raise NoFormError(str(function))


def _meaning(node: ast.expr, formula: Callable[..., Any]) -> Any:
    """Return what a name in a formula stands for."""
    if isinstance(node, ast.Attribute):
        return getattr(_meaning(node.value, formula), node.attr)
    if isinstance(node, ast.Name) and node.id in formula.__globals__:
        return formula.__globals__[node.id]
    raise NoFormError(ast.unparse(node))


def _constant(value: Any) -> str:
    """Return a number of the rule book in JavaScript."""
    if isinstance(value, (int, float, np.floating)) and math.isfinite(value):
        return repr(float(value))
    raise NoFormError(repr(value))
