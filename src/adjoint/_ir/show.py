"""Programs as text, for people who work on passes."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from adjoint._ir.nodes import Apply, Block, Call, Function, If, Line, Loop, Op, Raise, Value, functions
from adjoint._overload import BINARY, COMPARISONS
from adjoint._rules.book import name_of

_SIGNS = {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%", "pow": "**", "matmul": "@", "and": "&",
    "or": "|", "xor": "^", "lshift": "<<", "rshift": ">>", "lt": "<", "le": "<=", "eq": "==", "gt": ">", "ge": ">=", "ne": "!=",
}  # fmt: skip
_INFIX = {function: _SIGNS[name] for name, pair in (BINARY | COMPARISONS).items() for function in pair}
_INDENT = "    "


def show(function: Function) -> str:
    """Return a listing of a function and of all that it calls.

    Parameters
    ----------
    function
        The program.

    Returns
    -------
    str
        One line for each operation, with its types and the user's line that it comes from.

    Examples
    --------
    >>> from adjoint._ir.builder import Builder, Symbol
    >>> from adjoint._ir.types import FLOAT
    >>> x = Value(FLOAT, "x")
    >>> builder = Builder()
    >>> with builder.block([x]) as body:
    ...     body.results = [builder.atom(np.sin(Symbol(x)) * 2)]
    >>> print(show(Function("f", body)))
    function f(x: float):
        v1: float64 = sin(x)
        v2: float64 = v1 * 2
        return v2
    """
    return "\n\n".join("\n".join(_Listing().function(one)) for one in functions(function))


class _Listing:
    """One function as lines of text."""

    def __init__(self) -> None:
        self.names: dict[Value, str] = {}
        self.taken: set[str] = set()

    # Names

    def name(self, value: Value) -> str:
        if value not in self.names:
            base = value.name or "v"
            numbered = (f"{base}{k}" for k in itertools.count(2 if value.name else 1))
            candidates = itertools.chain([value.name] if value.name else [], numbered)
            self.names[value] = next(name for name in candidates if name not in self.taken)
            self.taken.add(self.names[value])
        return self.names[value]

    def typed(self, value: Value) -> str:
        return f"{self.name(value)}: {value.type}"

    def text(self, tree: Any) -> str:
        if isinstance(tree, (tuple, list)):
            parts = ", ".join(map(self.text, tree))
            return f"[{parts}]" if isinstance(tree, list) else f"({parts},)" if len(tree) == 1 else f"({parts})"
        if type(tree) is slice:
            ends = ":".join("" if part is None else self.text(part) for part in (tree.start, tree.stop))
            return ends if tree.step is None else f"{ends}:{self.text(tree.step)}"
        if type(tree) is dict:
            return "{" + ", ".join(f"{key!r}: {self.text(part)}" for key, part in tree.items()) + "}"
        if type(tree) is Value:
            return self.name(tree)
        if tree is Ellipsis:
            return "..."
        return str(tree) if isinstance(tree, np.dtype) else _short(tree) if callable(tree) else repr(tree)

    def several(self, parts: Any) -> str:
        return ", ".join(map(self.text, parts))

    # Lines

    def function(self, function: Function) -> Iterator[str]:
        params = ", ".join(map(self.typed, function.params))
        yield f"function {function.name}({params}):" + _place(function.line)
        yield from self.block(function.body, "return")

    def block(self, block: Block, end: str) -> Iterator[str]:
        for op in block.ops:
            for line in self.op(op):
                yield _INDENT + line
        if block.results or not block.ops:
            yield f"{_INDENT}{end} {self.several(block.results)}".rstrip()

    def op(self, op: Op) -> Iterator[str]:
        match op:
            case If():
                yield from self.branch(op)
            case Loop():
                yield from self.loop(op)
            case Raise():
                yield f"raise {_short(op.error)}({self.several(op.args)})" + _place(op.line)
            case Call():
                yield self.outputs(op) + f"call {op.function.name}({self.several(op.args)})" + _place(op.line)
            case Apply():
                effect = "   # effect" if op.effect else ""
                yield self.outputs(op) + self.application(op) + effect + _place(op.line)

    def outputs(self, op: Op) -> str:
        return ", ".join(map(self.typed, op.outputs)) + " = " if op.outputs else ""

    def application(self, op: Apply) -> str:
        args = op.args
        if not op.kwargs and len(args) == 2:
            if op.function in _INFIX:
                return f"{self.text(args[0])} {_INFIX[op.function]} {self.text(args[1])}"
            if _short(op.function) == "getitem":
                index = self.several(args[1]) if isinstance(args[1], tuple) and args[1] else self.text(args[1])
                return f"{self.text(args[0])}[{index}]"
        named = [f"{key}={self.text(value)}" for key, value in op.kwargs.items()]
        return f"{_short(op.function)}({', '.join([*map(self.text, args), *named])})"

    def branch(self, op: If) -> Iterator[str]:
        yield f"{self.outputs(op)}if {self.text(op.condition)}:" + _place(op.line)
        yield from self.block(op.then, "give")
        yield "else:"
        yield from self.block(op.orelse, "give")

    def loop(self, op: Loop) -> Iterator[str]:
        turns = "count()" if op.range is None else f"range({self.several(op.range)})"
        head = f"for {self.name(op.index)} in {turns}"
        carrying = [f"{self.typed(x)} = {self.text(init)}" for x, init in zip(op.carried, op.inits, strict=True)]
        consuming = [f"{self.typed(x)} in {self.text(items)}" for x, items in zip(op.items, op.consumed, strict=True)]
        parts = [
            head + (" backward" if op.reverse else ""),
            f"carrying {', '.join(carrying)}" if carrying else "",
            f"consuming {', '.join(consuming)}" if consuming else "",
        ]
        yield self.outputs(op) + " ".join(part for part in parts if part) + ":" + _place(op.line)
        if op.test is not None:
            yield f"while with {', '.join(map(self.typed, op.test.params))}:"
            yield from self.block(op.test, "give")
            yield "do:"
        yield from self.block(op.body, "next, stop if last:" if op.stops else "next")


def _short(function: Callable[..., Any] | Any) -> str:
    if not callable(function):
        return repr(function)
    name = name_of(function)
    return name.rpartition(".")[2] if name.startswith(("numpy.", "adjoint.", "_operator.", "builtins.")) else name


def _place(line: Line | None) -> str:
    return "" if line is None else f"   # {os.path.basename(line.filename)}:{line.number}"
