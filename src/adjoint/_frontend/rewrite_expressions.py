"""Expressions of the rewritten copy of a function."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from adjoint._frontend.scopes import (
    Scope,
    at_place,
    constant,
    name_of,
)
from adjoint._syntax import Syntax
from adjoint.errors import AdjointError, located

# Stands for the runtime until the code is bound to it; no source contains it by accident.
MARK = "\0the frontend of adjoint\0"


class UnreadableError(AdjointError, TypeError):
    """A function uses Python that the source engine does not translate."""

    def __init__(self, syntax: Syntax, node: ast.AST, what: str, remedy: str = "") -> None:
        super().__init__(
            f"{what} is not translated by jit",
            where=located(syntax.filename, getattr(node, "lineno", 0), getattr(node, "col_offset", 0)),
            remedy=remedy or "write it with if, for, while and functions, or use jit(f, fallback=True)",
        )


BINARY: dict[type, str] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "truediv", ast.FloorDiv: "floordiv", ast.Mod: "mod",
    ast.Pow: "pow", ast.MatMult: "matmul", ast.BitAnd: "and_", ast.BitOr: "or_", ast.BitXor: "xor", ast.LShift: "lshift",
    ast.RShift: "rshift",
}  # fmt: skip
UNARY: dict[type, str] = {ast.USub: "neg", ast.UAdd: "pos", ast.Invert: "invert"}
IN_PLACE = {kind: f"i{name.rstrip('_')}" for kind, name in BINARY.items()}
COMPARE: dict[type, str] = {
    ast.Lt: "lt", ast.LtE: "le", ast.Eq: "eq", ast.NotEq: "ne", ast.Gt: "gt", ast.GtE: "ge", ast.Is: "is_", ast.IsNot: "is_not",
    ast.In: "in", ast.NotIn: "not_in",
}  # fmt: skip


class Pieces:
    """What every part of the rewriter builds with."""

    if TYPE_CHECKING:

        def expression(self, node: Any) -> Any: ...
        def function(self, node: Any) -> Any: ...

    def __init__(self, syntax: Syntax) -> None:
        self.syntax = syntax
        self.scope: Scope | None = None
        self.count = 0
        self.comprehended: list[set[str]] = []
        # In a class body names are looked up by other rules.
        self.in_class = False

    # Small pieces -------------------------------------------------------------------------------------------------------------

    def refuse(self, node: ast.AST, what: str, remedy: str = "") -> UnreadableError:
        return UnreadableError(self.syntax, node, what, remedy)

    def fresh(self, what: str) -> str:
        self.count += 1
        return f"_{what}_{self.count}"

    def runtime(self, at: ast.AST, method: str, *args: ast.expr) -> ast.expr:
        """Return ``R.method(*args)``, at the place of ``at``."""
        function = ast.Attribute(at_place(ast.Constant(MARK), at), method, ast.Load())
        return at_place(ast.Call(at_place(function, at), list(args), []), at)

    def function_of(self, name: str, body: list[ast.stmt], at: ast.AST, params: Sequence[str] = ()) -> ast.stmt:
        """Return ``def name(*params): body`` that shares the names of the function around it."""
        arguments = ast.arguments([], [at_place(ast.arg(p), at) for p in params], None, [], [], None, [])
        node = ast.FunctionDef(name, arguments, [*self.shared(at, params), *(body or [at_place(ast.Pass(), at)])], [])
        if "type_params" in ast.FunctionDef._fields:
            node.type_params = []  # type: ignore[attr-defined]
        return at_place(node, at)

    def shared(self, at: ast.AST, params: Sequence[str] = ()) -> list[ast.stmt]:
        assert self.scope is not None
        scope = self.scope
        names = sorted((scope.locals | (scope.declared - scope.globals)) - set(params))
        statements: list[ast.stmt] = [at_place(ast.Nonlocal(names), at)] if names else []
        if scope.globals:
            statements.append(at_place(ast.Global(sorted(scope.globals)), at))
        return statements

    def state(self, names: set[str], at: ast.AST) -> tuple[list[ast.stmt], ast.expr]:
        """Return statements that define how names are read and written, and ``R.state(names, read, write)``."""
        assert self.scope is not None
        names = {name for name in names if name in self.scope.locals or name in self.scope.declared - self.scope.globals}
        every = sorted(names)
        read, write, values = self.fresh("read"), self.fresh("write"), self.fresh("values")
        loads: list[ast.expr] = [name_of(n, at) for n in every]
        stores: list[ast.expr] = [at_place(ast.Name(n, ast.Store()), at) for n in every]
        give: list[ast.stmt] = [at_place(ast.Return(at_place(ast.Tuple(loads, ast.Load()), at)), at)]
        take: list[ast.stmt] = []
        if every:
            take = [at_place(ast.Assign([at_place(ast.Tuple(stores, ast.Store()), at)], name_of(values, at)), at)]
        definitions = [self.function_of(read, give, at), self.function_of(write, take, at, [values])]
        text = constant(tuple(every), at)
        return definitions, self.runtime(at, "state", text, name_of(read, at), name_of(write, at))


class Comprehensions(Pieces):
    """Comprehensions become calls of the runtime with functions of their items."""

    def _listcomp(self, node: ast.ListComp) -> ast.expr:
        return self.comprehension(node, "list", [node.elt], node.generators)

    def _setcomp(self, node: ast.SetComp) -> ast.expr:
        return self.comprehension(node, "set", [node.elt], node.generators)

    def _dictcomp(self, node: ast.DictComp) -> ast.expr:
        return self.comprehension(node, "dict", [node.key, node.value], node.generators)

    def _generatorexp(self, node: ast.GeneratorExp) -> ast.expr:
        return self.comprehension(node, "lazy", [node.elt], node.generators)

    def comprehension(self, node: Any, kind: str, parts: list[ast.expr], generators: list[ast.comprehension]) -> ast.expr:
        """Return ``R.comprehension(kind, iterable, test or None, element, nested)``; an element of an inner one is nested."""
        first, *rest = generators
        if any(isinstance(inner, ast.Lambda) for part in parts for inner in ast.walk(part)):
            return self.native(node)  # its functions see the names of the comprehension as they are last
        if first.is_async:
            raise self.refuse(node, "an async comprehension")
        iterable = self.expression(first.iter)
        names = {n.id for n in ast.walk(first.target) if isinstance(n, ast.Name)}
        self.comprehended.append(names)
        test: ast.expr = at_place(ast.Constant(None), node)
        if first.ifs:
            every = first.ifs[0] if len(first.ifs) == 1 else at_place(ast.BoolOp(ast.And(), list(first.ifs)), node)
            test = self.item_function(first.target, self.expression(every), node)
        if rest:
            inner = self.comprehension(node, kind if kind in ("generator", "lazy") else "parts", parts, rest)
        else:
            elements = [self.expression(part) for part in parts]
            inner = elements[0] if len(elements) == 1 else at_place(ast.Tuple(elements, ast.Load()), node)
        self.comprehended.pop()
        element = self.item_function(first.target, inner, node)
        nested = at_place(ast.Constant(bool(rest)), node)
        return self.runtime(node, "comprehension", at_place(ast.Constant(kind), node), iterable, test, element, nested)

    def native(self, node: Any) -> ast.expr:
        """Rewrite the parts of a comprehension, which runs as it is: what it runs over must be known."""
        names = {n.id for g in node.generators for n in ast.walk(g.target) if isinstance(n, ast.Name)}
        self.comprehended.append(names)
        for generator in node.generators:
            generator.iter = self.runtime(node, "iterated", self.expression(generator.iter))
            generator.ifs = [self.expression(test) for test in generator.ifs]
        for name in ("elt", "key", "value"):
            if hasattr(node, name):
                setattr(node, name, self.expression(getattr(node, name)))
        self.comprehended.pop()
        return self.runtime(node, "list", node) if isinstance(node, ast.ListComp) else node

    def item_function(self, target: ast.expr, body: ast.expr, at: ast.AST) -> ast.expr:
        """Return the function of an item that unpacks it into the target's names."""
        if isinstance(target, ast.Name):
            params = [target.id]
            return at_place(
                ast.Lambda(ast.arguments([], [at_place(ast.arg(p), at) for p in params], None, [], [], None, []), body), at
            )
        if not isinstance(target, (ast.Tuple, ast.List)):
            raise self.refuse(target, "this target of a comprehension")
        names, item = [], self.fresh("item")
        for part in target.elts:
            if isinstance(part, ast.Name):
                names.append(part.id)
            elif isinstance(part, (ast.Tuple, ast.List)):
                names.append(self.fresh("part"))
                inner = self.item_function(part, body, at)
                body = at_place(ast.Call(inner, [name_of(names[-1], at)], []), at)
            else:
                raise self.refuse(part, "a star in the target of a comprehension")
        function = at_place(
            ast.Lambda(ast.arguments([], [at_place(ast.arg(p), at) for p in names], None, [], [], None, []), body), at
        )
        count = at_place(ast.Constant(len(names)), at)
        parts = self.runtime(at, "unpack", name_of(item, at), count, at_place(ast.Constant(None), at))
        call = at_place(ast.Call(function, [at_place(ast.Starred(parts, ast.Load()), at)], []), at)
        return at_place(ast.Lambda(ast.arguments([], [at_place(ast.arg(item), at)], None, [], [], None, []), call), at)


class Expressions(Comprehensions):
    """Rewrites expressions."""

    def expression(self, node: Any) -> Any:
        """Rewrite an expression."""
        method = getattr(self, f"_{type(node).__name__.lower()}", None)
        return self.children(node) if method is None else method(node)

    def children(self, node: Any) -> Any:
        for field, value in ast.iter_fields(node):
            if isinstance(value, ast.expr):
                setattr(node, field, self.expression(value))
            elif isinstance(value, list):
                value[:] = [self.expression(part) if isinstance(part, (ast.expr, ast.keyword)) else part for part in value]
        return node

    def thunk(self, value: ast.expr, at: ast.AST) -> ast.expr:
        """Return ``lambda: value``."""
        for inner in ast.walk(value):
            if isinstance(inner, ast.NamedExpr):
                raise self.refuse(
                    inner, "an assignment expression in a part that may not be evaluated", "assign before the statement"
                )
        return at_place(ast.Lambda(ast.arguments([], [], None, [], [], None, []), value), at)

    def index(self, node: ast.expr) -> ast.expr:
        """Rewrite an index: slices become calls."""
        match node:
            case ast.Slice():
                bounds = [
                    self.expression(part) if part else at_place(ast.Constant(None), node)
                    for part in (node.lower, node.upper, node.step)
                ]
                return self.runtime(node, "slice", *bounds)
            case ast.Tuple():
                node.elts = [self.index(part) for part in node.elts]
                return node
            case _:
                return self.expression(node)

    def _name(self, node: ast.Name) -> ast.expr:
        assert self.scope is not None
        if (
            node.id == "__class__"
            or not isinstance(node.ctx, ast.Load)
            or any(node.id in names for names in self.comprehended)
            or self.scope.holds(node.id)
        ):
            return node
        return self.runtime(node, "outer", node, at_place(ast.Constant(node.id), node))

    def _constant(self, node: ast.Constant) -> ast.expr:
        return node

    def _namedexpr(self, node: ast.NamedExpr) -> ast.expr:
        node.value = self.runtime(node, "named", self.expression(node.value), at_place(ast.Constant(node.target.id), node))
        return node

    def _lambda(self, node: ast.Lambda) -> ast.expr:
        node.args.defaults = [self.expression(part) for part in node.args.defaults]
        node.args.kw_defaults = [part and self.expression(part) for part in node.args.kw_defaults]
        kept = self.comprehended
        result = self.function(node) if not kept else self.lambda_within(node)
        self.comprehended = kept
        return result

    def lambda_within(self, node: ast.Lambda) -> ast.expr:
        """Rewrite a lambda in a comprehension, whose names it sees."""
        assert self.scope is not None
        outer, names = self.scope, set().union(*self.comprehended)
        self.scope = Scope(node, outer)
        self.scope.locals |= names
        kept, self.comprehended = self.comprehended, []
        node.body = self.expression(node.body)
        self.scope, self.comprehended = outer, kept
        return node

    def _call(self, node: ast.Call) -> ast.expr:
        if isinstance(node.func, ast.Name) and node.func.id in ("super", "locals", "globals", "__import__"):
            if node.func.id != "super":
                raise self.refuse(node, f"{node.func.id}()")
            return self.super_(node)
        node.func = self.runtime(node, "call", self.expression(node.func))
        node.args = [self.consumed(part) for part in node.args]
        node.args = [
            at_place(ast.Starred(self.runtime(part, "iterated", part.value), ast.Load()), part)
            if isinstance(part, ast.Starred)
            else part
            for part in node.args
        ]
        for word in node.keywords:
            word.value = self.expression(word.value)
        return node

    def consumed(self, node: ast.expr) -> ast.expr:
        """Rewrite an argument; a generator expression that stands as one is used up by the call."""
        if isinstance(node, ast.GeneratorExp):
            return self.comprehension(node, "generator", [node.elt], node.generators)
        return self.expression(node)

    def super_(self, node: ast.Call) -> ast.expr:
        """Return ``super(__class__, self)`` for ``super()``, which a function within the method could not ask."""
        scope = self.scope
        while scope is not None and not scope.params and scope.outer is not None:
            scope = scope.outer
        if not node.args and scope is not None and scope.params:
            node.args = [name_of("__class__", node), name_of(scope.params[0], node)]
        return node

    def _attribute(self, node: ast.Attribute) -> ast.expr:
        return self.runtime(node, "attribute", self.expression(node.value), at_place(ast.Constant(node.attr), node))

    def _subscript(self, node: ast.Subscript) -> ast.expr:
        return self.runtime(node, "item", self.expression(node.value), self.index(node.slice))

    def _slice(self, node: ast.Slice) -> ast.expr:
        return self.index(node)

    def _boolop(self, node: ast.BoolOp) -> ast.expr:
        name = "and_" if isinstance(node.op, ast.And) else "or_"
        return self.runtime(node, name, *[self.thunk(self.expression(part), part) for part in node.values])

    def _unaryop(self, node: ast.UnaryOp) -> ast.expr:
        if isinstance(node.op, ast.Not):
            return self.runtime(node, "not_", self.expression(node.operand))
        if isinstance(node.operand, ast.Constant):
            return node
        return self.runtime(node, "unary", at_place(ast.Constant(UNARY[type(node.op)]), node), self.expression(node.operand))

    def _binop(self, node: ast.BinOp) -> ast.expr:
        text = isinstance(node.left, (ast.JoinedStr, ast.Constant)) and isinstance(node.op, ast.Mod)
        if text and (isinstance(node.left, ast.JoinedStr) or isinstance(node.left.value, str)):  # type: ignore[union-attr]
            return self.runtime(node, "percent", self.expression(node.left), self.expression(node.right))
        left, right = self.expression(node.left), self.expression(node.right)
        return self.runtime(node, "binary", at_place(ast.Constant(BINARY[type(node.op)]), node), left, right)

    def _compare(self, node: ast.Compare) -> ast.expr:
        names = constant(tuple(COMPARE[type(op)] for op in node.ops), node)
        first = self.expression(node.left)
        thunks = [self.thunk(self.expression(part), part) for part in node.comparators]
        return self.runtime(node, "compare", names, first, *thunks)

    def _ifexp(self, node: ast.IfExp) -> ast.expr:
        then, orelse = (self.thunk(self.expression(part), part) for part in (node.body, node.orelse))
        return self.runtime(node, "choose", self.expression(node.test), then, orelse)

    def _list(self, node: ast.List) -> ast.expr:
        return self.runtime(node, "list", self.starred(node))

    def _dict(self, node: ast.Dict) -> ast.expr:
        return self.runtime(node, "dict", self.children(node))

    def _set(self, node: ast.Set) -> ast.expr:
        return self.runtime(node, "made", self.starred(node))

    def _tuple(self, node: ast.Tuple) -> ast.expr:
        return self.starred(node)

    def starred(self, node: Any) -> Any:
        node.elts = [self.expression(part) for part in node.elts]
        for part in node.elts:
            if isinstance(part, ast.Starred):
                part.value = self.runtime(part, "iterated", part.value)
        return node

    def _joinedstr(self, node: ast.JoinedStr) -> ast.expr:
        parts: list[ast.expr] = []
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                spec = self.expression(part.format_spec) if part.format_spec else at_place(ast.Constant(""), part)
                conversion = at_place(ast.Constant(part.conversion), part)
                parts.append(self.runtime(part, "formatted", self.expression(part.value), conversion, spec))
            else:
                parts.append(part)
        return self.runtime(node, "text", *parts)

    def _await(self, node: ast.Await) -> ast.expr:
        raise self.refuse(node, "await")
