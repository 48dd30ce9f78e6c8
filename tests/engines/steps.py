"""Counts what a printed program does: no time is measured, so that the answer is the same on every machine.

The text of the program is run with its calls, operators, lists and slices replaced by ones that count: a call costs as many
steps as the largest of its arguments and its result has elements, an operator as many as its result, and so for what copies
a list, ``items.copy()``, ``[*items, x]``, ``items[:-1]``.  What takes a constant number of steps in Python (``append``, ``len``,
views, an element that is read) costs one.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint._backend import python

# Functions and methods that take one step, however long their arguments are.
CONSTANT = frozenset(
    [
        "len",
        "range",
        "zip",
        "reversed",
        "enumerate",
        "iter",
        "next",
        "isinstance",
        "float",
        "int",
        "complex",
        "bool",
        "abs",
        "min",
        "max",
        "append",
        "pop",
        "reshape",
        "ravel",
        "transpose",
        "swapaxes",
        "view",
        "shape",
        "ndim",
        "size",
    ]
)


def size(x: Any) -> int:
    """Return the number of elements, those of what lies within included."""
    if isinstance(x, np.ndarray):
        return max(1, x.size)
    if isinstance(x, (list, tuple)):
        return 1 + sum(map(size, x))
    return 1


class Counter:
    """The number of steps so far, and what counts them."""

    def __init__(self) -> None:
        self.steps = 0

    def value(self, y: Any) -> Any:
        self.steps += len(y) if isinstance(y, list) else size(y)
        return y

    matmul = staticmethod(operator.matmul)

    def part(self, y: Any) -> Any:
        """Count a slice: of an array it is a view, of a list a copy."""
        return self.value(y) if isinstance(y, list) else self.item(y)

    def item(self, y: Any) -> Any:
        self.steps += 1
        return y

    def call(self, f: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        name, owner = getattr(f, "__name__", ""), getattr(f, "__self__", None)
        y = f(*args, **kwargs)
        if name in CONSTANT or hasattr(f, "__counted__") or isinstance(owner, np.ufunc):
            self.steps += 1
        else:
            own = len(owner) if isinstance(owner, list) else size(owner)
            self.steps += max(own, 1, *(len(x) if isinstance(x, list) else size(x) for x in (*args, *kwargs.values(), y)))
        return y

    def counted(self, f: Callable[..., Any]) -> Callable[..., Any]:
        """Mark a function of the program, whose steps are counted within."""
        f.__counted__ = True  # type: ignore[attr-defined]
        return f


class _Rewriter(ast.NodeTransformer):
    def count(self, method: str, node: ast.AST, *args: ast.expr, keywords: list[ast.keyword] | None = None) -> ast.expr:
        function = ast.Attribute(ast.Name("_counter", ast.Load()), method, ast.Load())
        return ast.copy_location(ast.Call(function, list(args), keywords or []), node)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        return self.count("call", node, node.func, *node.args, keywords=node.keywords)

    def counting(self, node: Any) -> ast.expr:
        self.generic_visit(node)
        return self.count("value", node, node)

    visit_Compare = visit_UnaryOp = visit_ListComp = counting  # noqa: N815 - the names are `ast`'s

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        if not isinstance(node.op, ast.MatMult):
            return self.counting(node)
        self.generic_visit(node)
        matmul = ast.Attribute(ast.Name("_counter", ast.Load()), "matmul", ast.Load())
        return self.count("call", node, matmul, node.left, node.right)

    def visit_List(self, node: ast.List) -> ast.expr:
        return self.counting(node) if isinstance(node.ctx, ast.Load) else node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        self.generic_visit(node)
        if not isinstance(node.ctx, ast.Load):
            return node
        return self.count("part" if isinstance(node.slice, ast.Slice) else "item", node, node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AugAssign:
        self.generic_visit(node)
        node.value = self.count("value", node.value, node.value)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.body = [self.visit(statement) for statement in node.body]
        node.decorator_list.append(self.count_mark(node))
        return node

    def count_mark(self, node: ast.AST) -> ast.expr:
        return ast.copy_location(ast.Attribute(ast.Name("_counter", ast.Load()), "counted", ast.Load()), node)


def steps(function: Any, args: list[Any]) -> int:
    """Run the printed text of a program of the intermediate representation, and return how many steps it took."""
    text = python.export_text(function, function.name)
    tree = ast.fix_missing_locations(_Rewriter().visit(ast.parse(text)))
    counter = Counter()
    namespace: dict[str, Any] = {"_counter": counter, "__name__": "counted"}
    exec(compile(tree, "<counted>", "exec"), namespace)
    counter.steps = 0
    with np.errstate(all="ignore"):
        namespace[function.name](*args)
    return counter.steps
