"""A copy of a function whose control flow, calls and stores go through the runtime, ``R`` below.

=================================  ========================================================================================
what is written                    what the copy runs
=================================  ========================================================================================
``if c: A else: B``                ``R.if_(c, then, orelse, state)``, with functions for A and B
``while c: A``, ``for t in x: A``  ``R.while_(test, body, orelse, state)``, ``R.for_(x, body, orelse, state)``
``break``, ``return`` within       the functions return a signal; what follows is a function too, and is called by the runtime
``a and b``, ``a if c else b``     ``R.and_(lambda: a, lambda: b)``, ``R.choose(c, lambda: a, lambda: b)``
``f(x)``, ``o.name``, ``a[i]``     ``R.call(f)(x)``, ``R.attribute(o, "name")``, ``R.item(a, i)``
``a[i] = v``, ``o.name = v``       ``R.set_item(a, i, v)``, ``R.set_attribute(o, "name", v)``
``y = e``, ``y += e``              ``y = R.named(e, "y")``, ``y = R.named(R.update("iadd", y, e), "y")``
``[...]``, ``[f(v) for v in x]``   ``R.list([...])``, ``R.comprehension(...)``
``f"{x}"``, ``assert``, ``raise``  ``R.text(...)``, ``R.assert_(...)``, ``R.raise_(...)``
``name`` of the module             ``R.outer(name, "name")``
=================================  ========================================================================================

``state`` is a pair of functions that read and write the names that the blocks change.  A name that has no value yet has the
value `UNBOUND`.  Lines and columns stay the user's, so that tracebacks and the runtime know where they are.
Generator functions keep their statements: they run as they are, as long as nothing in them depends on a symbol.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from adjoint._frontend.rewrite_expressions import IN_PLACE, Expressions
from adjoint._frontend.scopes import (
    Scope,
    assigned,
    at_place,
    constant,
    exits,
    name_of,
    names_of,
    only_names,
    reraised,
    shape_of,
    within,
)
from adjoint._syntax import Syntax, bare, copy_tree


def rewritten(syntax: Syntax) -> ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda:
    """Return the changed tree of a function, to be compiled in its place."""
    return _Rewriter(syntax).function(copy_tree(bare(syntax.node)))


class _Rewriter(Expressions):
    """Rewrites functions and statements."""

    # Functions ----------------------------------------------------------------------------------------------------------------

    def function(self, node: Any) -> Any:
        outer, self.scope = self.scope, Scope(node, self.scope)
        comprehended, self.comprehended = self.comprehended, []
        in_class, self.in_class = self.in_class, False
        try:
            if isinstance(node, ast.AsyncFunctionDef):
                raise self.refuse(node, "an async function")
            if isinstance(node, ast.Lambda):
                node.body = self.expression(node.body)
            else:
                self.body(node)
        finally:
            self.scope, self.comprehended, self.in_class = outer, comprehended, in_class
        return node

    def body(self, node: ast.FunctionDef) -> None:
        scope = self.scope
        assert scope is not None
        if scope.generator:
            node.body = [*self.cells(node), *[part for statement in node.body for part in self.plain(statement)]]
            return
        declarations = [s for s in node.body if isinstance(s, (ast.Nonlocal, ast.Global))]
        rest = [s for s in node.body if not isinstance(s, (ast.Nonlocal, ast.Global))]
        for statement in declarations:
            if isinstance(statement, ast.Global) and set(statement.names) & assigned(node.body):
                raise self.refuse(statement, "an assignment to a global variable", "return the value instead")
        unbound = sorted(scope.locals - set(scope.params))
        first: list[ast.stmt] = []
        if unbound:
            targets: list[ast.expr] = [at_place(ast.Name(name, ast.Store()), node) for name in unbound]
            first = [at_place(ast.Assign(targets, self.runtime(node, "unbound")), node)]
        node.body = [*declarations, *first, *self.cells(node), *self.block(rest, chunk=False, tail=True)]
        if not node.body:
            node.body = [at_place(ast.Pass(), node)]

    def cells(self, node: ast.FunctionDef) -> list[ast.stmt]:
        """Return statements that note which variables the function shares with those within, or changes of those around."""
        scope = self.scope
        assert scope is not None
        foreign = scope.declared - scope.globals
        for inner in within(node.body):
            if isinstance(inner, ast.Nonlocal) and (scope.outer is None or not all(map(scope.outer.holds, inner.names))):
                raise self.refuse(
                    inner, "a change of a variable of a function around it", "pass the value, and return the new one"
                )
        statements: list[ast.stmt] = []
        for method, names in (("born", scope.shared), ("changes", foreign)):
            if names:
                read = self.fresh("cells")
                loads: list[ast.expr] = [name_of(n, node) for n in sorted(names)]
                give = at_place(ast.Return(at_place(ast.Tuple(loads, ast.Load()), node)), node)
                text = constant(tuple(sorted(names)), node)
                note = self.runtime(node, method, name_of(read, node), text)
                statements += [self.function_of(read, [give], node), at_place(ast.Expr(note), node)]
        return statements

    # Blocks -------------------------------------------------------------------------------------------------------------------

    def block(self, body: Sequence[ast.stmt], *, chunk: bool, tail: bool) -> list[ast.stmt]:
        """Rewrite the statements of a block.

        ``chunk``: the block is a function of its own, which returns a signal; otherwise it is the user's function.
        ``tail``: after the block, the loop's body ends, so that ``continue`` is nothing but the end of it.
        """
        done: list[ast.stmt] = []
        for k, statement in enumerate(body):
            rest = body[k + 1 :]
            leaves = exits([statement]) and not isinstance(statement, (ast.Return, ast.Break, ast.Continue))
            if leaves:
                return [*done, *self.leaving(statement, rest, chunk=chunk, tail=tail)]
            done += self.statement(statement, chunk=chunk)
            if isinstance(statement, (ast.Return, ast.Break, ast.Continue, ast.Raise)):
                return done
        return done

    def leaving(self, statement: ast.stmt, rest: Sequence[ast.stmt], *, chunk: bool, tail: bool) -> list[ast.stmt]:
        """Rewrite a statement from within which control may leave, and what follows it."""
        after = self.fresh("rest")
        follow = [self.function_of(after, self.block(rest, chunk=True, tail=tail), rest[0] if rest else statement)]
        if isinstance(statement, ast.If):
            names = assigned([statement, *rest])
            first, call = self.if_(statement, names, name_of(after, statement), tail=tail, last=tail and not rest)
        else:
            first, signal = self.compound(statement, tail=tail and not rest)
            more, state = self.state(assigned(rest), statement)
            first += more
            call = self.runtime(statement, "then", signal, name_of(after, statement), state)
        value = call if chunk else self.runtime(statement, "value", call)
        return [*first[:0], *follow, *first, at_place(ast.Return(value), statement)]

    def if_(
        self, node: ast.If, names: set[str], rest: ast.expr | None, *, tail: bool, last: bool = False
    ) -> tuple[list[ast.stmt], ast.expr]:
        """Rewrite an ``if``; with ``last`` nothing follows it, so that the turn of a loop may end within it."""
        then, orelse = self.fresh("then"), self.fresh("else")
        definitions, state = self.state(names, node)
        definitions.append(self.function_of(then, self.block(node.body, chunk=True, tail=last), node))
        definitions.append(self.function_of(orelse, self.block(node.orelse, chunk=True, tail=last), node))
        args = [self.expression(node.test), name_of(then, node), name_of(orelse, node), state]
        more = [] if rest is None else [rest, at_place(ast.Constant(tail), node)]
        return definitions, self.runtime(node, "if_", *args, *more)

    def compound(self, node: ast.stmt, *, tail: bool) -> tuple[list[ast.stmt], ast.expr]:
        """Rewrite a loop, ``with``, ``try`` or ``match``; return statements and the expression of its signal."""
        match node:
            case ast.For():
                return self.for_(node, tail=tail)
            case ast.While():
                return self.while_(node, tail=tail)
            case ast.Try():
                return self.try_(node)
            case ast.With():
                return self.with_(node)
            case _:
                pass
        signal = self.fresh("signal")
        start = at_place(ast.Assign([at_place(ast.Name(signal, ast.Store()), node)], at_place(ast.Constant(None), node)), node)
        return [start, *self.guarded(node, signal)], name_of(signal, node)

    def for_(self, node: ast.For, *, tail: bool) -> tuple[list[ast.stmt], ast.expr]:
        body, item = self.fresh("body"), self.fresh("item")
        names = assigned([node.target, *node.body, *node.orelse])
        definitions, state = self.state(names, node)
        take = self.assign([node.target], name_of(item, node), node.target)
        definitions.append(self.function_of(body, [*take, *self.block(node.body, chunk=True, tail=True)], node, [item]))
        orelse = self.orelse(node, definitions, tail=tail)
        return definitions, self.runtime(node, "for_", self.expression(node.iter), name_of(body, node), orelse, state)

    def while_(self, node: ast.While, *, tail: bool) -> tuple[list[ast.stmt], ast.expr]:
        test, body = self.fresh("test"), self.fresh("body")
        definitions, state = self.state(assigned([node.test, *node.body, *node.orelse]), node)
        asks: list[ast.stmt] = [at_place(ast.Return(self.expression(node.test)), node.test)]
        definitions.append(self.function_of(test, asks, node.test))
        definitions.append(self.function_of(body, self.block(node.body, chunk=True, tail=True), node))
        orelse = self.orelse(node, definitions, tail=tail)
        return definitions, self.runtime(node, "while_", name_of(test, node), name_of(body, node), orelse, state)

    def orelse(self, node: ast.For | ast.While, definitions: list[ast.stmt], *, tail: bool) -> ast.expr:
        if not node.orelse:
            return at_place(ast.Constant(None), node)
        name = self.fresh("else")
        definitions.append(self.function_of(name, self.block(node.orelse, chunk=True, tail=tail), node.orelse[0]))
        return name_of(name, node)

    def guarded(self, node: Any, signal: str) -> list[ast.stmt]:
        """Rewrite ``match`` as it stands, its blocks as functions whose signals are kept."""

        def chunk(body: list[ast.stmt]) -> list[ast.stmt]:
            if not exits(body):
                return self.block(body, chunk=True, tail=False)
            name = self.fresh("block")
            define = self.function_of(name, self.block(body, chunk=True, tail=False), body[0])
            call = at_place(ast.Call(name_of(name, body[0]), [], []), body[0])
            return [define, at_place(ast.Assign([at_place(ast.Name(signal, ast.Store()), body[0])], call), body[0])]

        match node:
            case ast.Match():
                node.cases = unguarded(node)
                node.subject = self.runtime(node, "subject", self.expression(node.subject))
                for case in node.cases:
                    case.guard = case.guard and self.expression(case.guard)
                    case.body = chunk(case.body)
            case _:
                raise self.refuse(node, f"the statement `{type(node).__name__.lower()}`")
        return [node]

    def with_(self, node: ast.With) -> tuple[list[ast.stmt], ast.expr]:
        """Rewrite ``with A as a, B as b`` as two of them, one within the other."""
        first, *rest = node.items
        inner: list[ast.stmt] = [at_place(ast.With(rest, node.body), node)] if rest else node.body
        body, item = self.fresh("body"), self.fresh("item")
        definitions, state = self.state(assigned([node]), node)
        target = first.optional_vars
        take = [] if target is None else self.assign([target], name_of(item, node), target)
        definitions.append(self.function_of(body, [*take, *self.block(inner, chunk=True, tail=False)], node, [item]))
        return definitions, self.runtime(node, "with_", self.expression(first.context_expr), name_of(body, node), state)

    def try_(self, node: ast.Try) -> tuple[list[ast.stmt], ast.expr]:
        """Rewrite a ``try``: its blocks are functions, those of the handlers of the exception."""
        if exits(node.finalbody):
            raise self.refuse(node.finalbody[0], "a return, break or continue in `finally`")
        types = self.fresh("types")
        definitions, state = self.state(assigned([node]), node)
        classes = [self.expression(h.type) if h.type else at_place(ast.Constant(None), h) for h in node.handlers]
        every = at_place(ast.Tuple(classes, ast.Load()), node)
        definitions.append(self.function_of(types, [at_place(ast.Return(every), node)], node))
        handlers: list[ast.expr] = [self.handler(handler, definitions) for handler in node.handlers]
        body, orelse, final = (self.part(block, definitions) for block in (node.body, node.orelse, node.finalbody))
        table = at_place(ast.Tuple(handlers, ast.Load()), node)
        return definitions, self.runtime(node, "try_", body, name_of(types, node), table, orelse, final, state)

    def part(self, body: list[ast.stmt], definitions: list[ast.stmt]) -> ast.expr:
        """Define the function of a block, and return its name; None if there is none."""
        if not body:
            return ast.Constant(None, lineno=1, col_offset=0)
        name = self.fresh("block")
        definitions.append(self.function_of(name, self.block(body, chunk=True, tail=False), body[0]))
        return name_of(name, body[0])

    def handler(self, handler: ast.ExceptHandler, definitions: list[ast.stmt]) -> ast.expr:
        """Define the function of a handler, which takes the exception; return it with whether it looks at that."""
        name, error = self.fresh("handler"), self.fresh("error")
        looks = reraised(handler, error) or handler.name is not None
        first: list[ast.stmt] = []
        if handler.name is not None:
            target = at_place(ast.Name(handler.name, ast.Store()), handler)
            first = [at_place(ast.Assign([target], name_of(error, handler)), handler)]
        body = [*first, *self.block(handler.body, chunk=True, tail=False)]
        definitions.append(self.function_of(name, body, handler, [error]))
        parts = [name_of(name, handler), constant(looks, handler), constant(handler.name, handler)]
        return at_place(ast.Tuple(parts, ast.Load()), handler)

    # Statements that control does not leave -----------------------------------------------------------------------------------

    def statement(self, node: ast.stmt, *, chunk: bool) -> list[ast.stmt]:
        match node:
            case ast.Return():
                value = self.expression(node.value) if node.value is not None else at_place(ast.Constant(None), node)
                node.value = self.runtime(node, "returned", value) if chunk else value
                return [node]
            case ast.Break() | ast.Continue():
                name = "break_" if isinstance(node, ast.Break) else "continue_"
                return [at_place(ast.Return(self.runtime(node, name)), node)]
            case ast.If():
                definitions, call = self.if_(node, assigned([node]), None, tail=False)
                return [*definitions, at_place(ast.Expr(call), node)]
            case ast.For() | ast.While() | ast.Try() | ast.With():
                definitions, call = self.compound(node, tail=False)
                return [*definitions, at_place(ast.Expr(call), node)]
            case ast.Match():
                return self.guarded(node, "")
            case _:
                return self.plain(node)

    def plain(self, node: ast.stmt) -> list[ast.stmt]:  # noqa: C901 - a table of cases
        """Rewrite a statement whose blocks, if it has any, stay where they are."""
        match node:
            case ast.Assign():
                return self.assign(node.targets, self.expression(node.value), node)
            case ast.AnnAssign(value=ast.expr()):
                return self.assign([node.target], self.expression(node.value), node)  # type: ignore[arg-type]
            case ast.AnnAssign():
                return []
            case ast.AugAssign():
                return self.augment(node)
            case ast.Assert():
                message = self.expression(node.msg) if node.msg else at_place(ast.Constant(None), node)
                thunk = self.thunk(message, node)
                return [at_place(ast.Expr(self.runtime(node, "assert_", self.expression(node.test), thunk)), node)]
            case ast.Raise(exc=ast.expr()):
                node.exc = self.runtime(node, "raised", self.expression(node.exc))
                node.cause = node.cause and self.expression(node.cause)
                return [node]
            case ast.Delete():
                return [part for target in node.targets for part in self.delete(target)]
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                return [self.definition(node)]
            case ast.ClassDef():
                return [self.class_(node)]
            case ast.Global() | ast.Nonlocal() | ast.Import() | ast.ImportFrom() | ast.Pass() | ast.Raise():
                return [node]
            case ast.AsyncFor() | ast.AsyncWith():
                raise self.refuse(node, "an async statement")
            case _:
                return [self.descend(node)]

    def descend(self, node: Any) -> Any:
        """Rewrite the expressions of a statement and, in a generator function, the statements in its blocks."""
        for field, value in ast.iter_fields(node):
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                setattr(node, field, [part for inner in value for part in self.plain(inner)] or [at_place(ast.Pass(), node)])
            elif isinstance(value, list) and value and isinstance(value[0], (ast.ExceptHandler, ast.match_case, ast.withitem)):
                for part in value:
                    self.descend(part)
            elif isinstance(value, ast.expr) and not isinstance(getattr(value, "ctx", None), ast.Store):
                setattr(node, field, self.expression(value))
        if isinstance(node, ast.For):
            node.iter = self.runtime(node.iter, "iterated", node.iter)
        if isinstance(node, ast.Try) and node.handlers:
            classes = [h.type or at_place(ast.Constant(None), h) for h in node.handlers]
            every = self.thunk(at_place(ast.Tuple([copy_tree(one) for one in classes], ast.Load()), node), node)
            guard = at_place(ast.withitem(self.runtime(node, "guarded", every), None), node)
            node.body = [at_place(ast.With([guard], node.body), node)]
            for handler, one in zip(node.handlers, classes, strict=True):
                handler.type = self.runtime(handler, "handles", one)
        return node

    def assign(self, targets: Sequence[ast.expr], value: ast.expr, at: ast.AST) -> list[ast.stmt]:
        simple = all(isinstance(target, (ast.Name, ast.Tuple, ast.List)) for target in targets)
        names = next((names_of(target) for target in targets if names_of(target)), None)
        if names is not None:
            value = self.runtime(at, "named", value, at_place(ast.Constant(names), at))
        if len(targets) == 1 and isinstance(targets[0], ast.Name):
            return [at_place(ast.Assign(list(targets), value), at)]
        if simple and all(only_names(target) for target in targets):
            shapes = [target for target in targets if isinstance(target, (ast.Tuple, ast.List))]
            if shapes:
                value = self.unpacked(shapes[0], value)
            return [at_place(ast.Assign(list(targets), value), at)]
        temporary = self.fresh("value")
        statements: list[ast.stmt] = [at_place(ast.Assign([at_place(ast.Name(temporary, ast.Store()), at)], value), at)]
        for target in targets:
            statements += self.store(target, name_of(temporary, at))
        return statements

    def unpacked(self, target: Any, value: ast.expr) -> ast.expr:
        """Return ``R.unpack(value, count, star)``: a sequence whose items may be symbols."""
        star = next((k for k, part in enumerate(target.elts) if isinstance(part, ast.Starred)), None)
        args = [at_place(ast.Constant(len(target.elts)), target), at_place(ast.Constant(star), target)]
        parts = [part if isinstance(part, (ast.Tuple, ast.List)) else None for part in target.elts]
        if any(part is not None for part in parts):
            shape = at_place(ast.Constant(shape_of(target)), target)
            return self.runtime(target, "unpack_nested", value, shape)
        return self.runtime(target, "unpack", value, *args)

    def store(self, target: ast.expr, value: ast.expr) -> list[ast.stmt]:
        match target:
            case ast.Name():
                return [at_place(ast.Assign([target], value), target)]
            case ast.Subscript():
                args = [self.expression(target.value), self.index(target.slice), value]
                return [at_place(ast.Expr(self.runtime(target, "set_item", *args)), target)]
            case ast.Attribute():
                args = [self.expression(target.value), at_place(ast.Constant(target.attr), target), value]
                return [at_place(ast.Expr(self.runtime(target, "set_attribute", *args)), target)]
            case ast.Tuple() | ast.List():
                temporary = self.fresh("parts")
                name = at_place(ast.Name(temporary, ast.Store()), target)
                star = next((k for k, part in enumerate(target.elts) if isinstance(part, ast.Starred)), None)
                args = [value, at_place(ast.Constant(len(target.elts)), target), at_place(ast.Constant(star), target)]
                statements: list[ast.stmt] = [at_place(ast.Assign([name], self.runtime(target, "unpack", *args)), target)]
                for k, part in enumerate(target.elts):
                    inner = part.value if isinstance(part, ast.Starred) else part
                    item = ast.Subscript(name_of(temporary, target), at_place(ast.Constant(k), target), ast.Load())
                    statements += self.store(inner, at_place(item, target))
                return statements
            case _:
                raise self.refuse(target, "this assignment")

    def augment(self, node: ast.AugAssign) -> list[ast.stmt]:
        operator = at_place(ast.Constant(IN_PLACE[type(node.op)]), node)
        value = self.expression(node.value)
        match node.target:
            case ast.Name(id=name):
                load = self.expression(name_of(name, node.target))
                return self.assign([node.target], self.runtime(node, "update", operator, load, value), node)
            case ast.Subscript():
                args = [operator, self.expression(node.target.value), self.index(node.target.slice), value]
                return [at_place(ast.Expr(self.runtime(node, "update_item", *args)), node)]
            case ast.Attribute():
                text = at_place(ast.Constant(node.target.attr), node)
                args = [operator, self.expression(node.target.value), text, value]
                return [at_place(ast.Expr(self.runtime(node, "update_attribute", *args)), node)]

    def delete(self, target: ast.expr) -> list[ast.stmt]:
        match target:
            case ast.Name():
                name = at_place(ast.Name(target.id, ast.Store()), target)
                return [at_place(ast.Assign([name], self.runtime(target, "unbound")), target)]
            case ast.Subscript():
                args = [self.expression(target.value), self.index(target.slice)]
                return [at_place(ast.Expr(self.runtime(target, "delete_item", *args)), target)]
            case ast.Tuple() | ast.List():
                return [part for inner in target.elts for part in self.delete(inner)]
            case _:
                return [at_place(ast.Delete([target]), target)]

    def definition(self, node: Any) -> Any:
        node.decorator_list = [self.decorator(part) for part in node.decorator_list]
        node.args.defaults = [self.expression(part) for part in node.args.defaults]
        node.args.kw_defaults = [part and self.expression(part) for part in node.args.kw_defaults]
        return self.function(node)

    def decorator(self, node: ast.expr) -> ast.expr:
        plain = isinstance(node, ast.Name) and node.id in ("property", "staticmethod", "classmethod")
        accessor = isinstance(node, ast.Attribute) and node.attr in ("setter", "getter", "deleter")
        return node if plain or accessor else self.runtime(node, "call", self.expression(node))

    def class_(self, node: ast.ClassDef) -> ast.ClassDef:
        node.decorator_list = [self.decorator(part) for part in node.decorator_list]
        node.bases = [self.expression(part) for part in node.bases]
        body: list[ast.stmt] = []
        for inner in node.body:
            body.append(self.definition(inner) if isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef)) else inner)
        node.body = body
        return node


def unguarded(node: ast.Match) -> list[ast.match_case]:
    """Return the cases of a ``match`` with their guards as ``if`` in the body, whose ``else`` goes on with the other cases."""
    cases: list[ast.match_case] = []
    for k, case in enumerate(node.cases):
        if case.guard is None:
            cases.append(case)
            continue
        others = [copy_tree(other) for other in node.cases[k + 1 :]]
        rest: list[ast.stmt] = [at_place(ast.Match(copy_tree(node.subject), others), node)] if others else []
        cases.append(ast.match_case(case.pattern, None, [at_place(ast.If(case.guard, case.body, rest), case.body[0])]))
    return cases
