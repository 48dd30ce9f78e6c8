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
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from adjoint._syntax import Syntax, bare, copy_tree
from adjoint.errors import AdjointError

# Stands for the runtime until the code is bound to it; no source contains it by accident.
MARK = "\0the frontend of adjoint\0"
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class UnreadableError(AdjointError, TypeError):
    """A function uses Python that the source engine does not translate."""

    def __init__(self, syntax: Syntax, node: ast.AST, what: str, remedy: str = "") -> None:
        line = getattr(node, "lineno", 0)
        text = syntax.text.splitlines()[line - 1] if 0 < line <= len(syntax.text.splitlines()) else ""
        column = len(text.encode()[: getattr(node, "col_offset", 0)].decode(errors="ignore"))
        caret = f"\n      {text}\n      {' ' * column}^"
        super().__init__(
            f"{what} is not translated by jit",
            where=f"{syntax.filename}:{line}{caret}",
            remedy=remedy or "write it with if, for, while and functions, or use jit(f, fallback=True)",
        )


def rewritten(syntax: Syntax) -> ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda:
    """Return the changed tree of a function, to be compiled in its place."""
    return _Rewriter(syntax).function(copy_tree(bare(syntax.node)))


# What a block does ------------------------------------------------------------------------------------------------------------


def within(nodes: Iterable[ast.AST], into: tuple[type, ...] = ()) -> Iterator[ast.AST]:
    """Yield nodes and what is below them in the same function, not descending into nodes of the classes ``into``."""
    pending = list(nodes)
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, (*SCOPES, *into)):
            pending += ast.iter_child_nodes(node)


def exits(body: Sequence[ast.stmt]) -> bool:
    """Whether control may leave a block other than at its end."""
    loops = (ast.For, ast.While)
    if any(isinstance(node, ast.Return) for node in within(body)):
        return True
    if any(isinstance(node, (ast.Break, ast.Continue)) for node in within(body, loops)):
        return True
    # The `else` of a loop belongs to what is around the loop.
    return any(exits(node.orelse) for node in within(body) if isinstance(node, loops))


def assigned(body: Sequence[ast.AST]) -> set[str]:
    """Return the names that a block binds."""
    names: set[str] = set()
    for node in within(body):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                names.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                names.add(name)
            case ast.MatchMapping(rest=str(name)):
                names.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                names |= {alias.asname or alias.name.partition(".")[0] for alias in aliases}
            case _:
                pass
    return names - _of_comprehensions(body)


def _of_comprehensions(body: Sequence[ast.AST]) -> set[str]:
    """Return the names that only comprehensions bind."""
    inner: set[str] = set()
    for node in within(body):
        if isinstance(node, COMPREHENSIONS):
            for generator in node.generators:
                inner |= {n.id for n in ast.walk(generator.target) if isinstance(n, ast.Name)}
    outer = [node for node in within(body, COMPREHENSIONS) if not isinstance(node, COMPREHENSIONS)]
    bound = {node.id for node in outer if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return inner - bound


def _parameters(arguments: ast.arguments) -> list[str]:
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    return [arg.arg for arg in every if arg is not None]


def is_generator(node: ast.AST) -> bool:
    """Whether a function is a generator function."""
    return any(isinstance(inner, (ast.Yield, ast.YieldFrom)) for child in ast.iter_child_nodes(node) for inner in within([child]))


# The rewriter -------------------------------------------------------------------------------------------------------------------


class _Scope:
    """One function that is being rewritten: its local names, and those of others that it or its functions may change."""

    def __init__(self, node: Any, outer: _Scope | None) -> None:
        self.outer = outer
        body = [node.body] if isinstance(node, ast.Lambda) else node.body
        self.declared: set[str] = {
            name for inner in within(body) if isinstance(inner, (ast.Nonlocal, ast.Global)) for name in inner.names
        }
        self.globals: set[str] = {name for inner in within(body) if isinstance(inner, ast.Global) for name in inner.names}
        self.params = _parameters(node.args)
        self.locals = (assigned(body) | set(self.params)) - self.declared
        self.generator = is_generator(node)
        # Names of this function that functions within declare nonlocal.
        self.shared = {
            name for inner in ast.walk(node) if isinstance(inner, ast.Nonlocal) for name in inner.names if name in self.locals
        }

    def holds(self, name: str) -> bool:
        """Whether a name belongs to this function or to one around it, so that it is no variable of the world outside."""
        scope: _Scope | None = self
        while scope is not None:
            if name in scope.globals:
                return False
            if name in scope.locals:
                return True
            scope = scope.outer
        return False


class _Rewriter:
    def __init__(self, syntax: Syntax) -> None:
        self.syntax = syntax
        self.scope: _Scope | None = None
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
        function = ast.Attribute(_at(ast.Constant(MARK), at), method, ast.Load())
        return _at(ast.Call(_at(function, at), list(args), []), at)

    def function_of(self, name: str, body: list[ast.stmt], at: ast.AST, params: Sequence[str] = ()) -> ast.stmt:
        """Return ``def name(*params): body`` that shares the names of the function around it."""
        arguments = ast.arguments([], [_at(ast.arg(p), at) for p in params], None, [], [], None, [])
        node = ast.FunctionDef(name, arguments, [*self.shared(at, params), *(body or [_at(ast.Pass(), at)])], [])
        if "type_params" in ast.FunctionDef._fields:
            node.type_params = []  # type: ignore[attr-defined]
        return _at(node, at)

    def shared(self, at: ast.AST, params: Sequence[str] = ()) -> list[ast.stmt]:
        assert self.scope is not None
        scope = self.scope
        names = sorted((scope.locals | (scope.declared - scope.globals)) - set(params))
        statements: list[ast.stmt] = [_at(ast.Nonlocal(names), at)] if names else []
        if scope.globals:
            statements.append(_at(ast.Global(sorted(scope.globals)), at))
        return statements

    def state(self, names: set[str], at: ast.AST) -> tuple[list[ast.stmt], ast.expr]:
        """Return statements that define how names are read and written, and ``R.state(names, read, write)``."""
        assert self.scope is not None
        names = {name for name in names if name in self.scope.locals or name in self.scope.declared - self.scope.globals}
        every = sorted(names)
        read, write, values = self.fresh("read"), self.fresh("write"), self.fresh("values")
        loads: list[ast.expr] = [_name(n, at) for n in every]
        stores: list[ast.expr] = [_at(ast.Name(n, ast.Store()), at) for n in every]
        give: list[ast.stmt] = [_at(ast.Return(_at(ast.Tuple(loads, ast.Load()), at)), at)]
        take: list[ast.stmt] = []
        if every:
            take = [_at(ast.Assign([_at(ast.Tuple(stores, ast.Store()), at)], _name(values, at)), at)]
        definitions = [self.function_of(read, give, at), self.function_of(write, take, at, [values])]
        text = _at(ast.Constant(tuple(every)), at)
        return definitions, self.runtime(at, "state", text, _name(read, at), _name(write, at))

    # Functions ------------------------------------------------------------------------------------------------------------------

    def function(self, node: Any) -> Any:
        outer, self.scope = self.scope, _Scope(node, self.scope)
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
            targets: list[ast.expr] = [_at(ast.Name(name, ast.Store()), node) for name in unbound]
            first = [_at(ast.Assign(targets, self.runtime(node, "unbound")), node)]
        node.body = [*declarations, *first, *self.cells(node), *self.block(rest, chunk=False, tail=True)]
        if not node.body:
            node.body = [_at(ast.Pass(), node)]

    def cells(self, node: ast.FunctionDef) -> list[ast.stmt]:
        """Return statements that note the variables which this function shares with those within, or changes of those around."""
        scope = self.scope
        assert scope is not None
        foreign = scope.declared - scope.globals
        for inner in within(node.body):
            if isinstance(inner, ast.Nonlocal) and (scope.outer is None or not all(map(scope.outer.holds, inner.names))):
                raise self.refuse(inner, "a change of a variable of a function around it", "pass the value, and return the new one")
        statements: list[ast.stmt] = []
        for method, names in (("born", scope.shared), ("changes", foreign)):
            if names:
                read = self.fresh("cells")
                loads: list[ast.expr] = [_name(n, node) for n in sorted(names)]
                give = _at(ast.Return(_at(ast.Tuple(loads, ast.Load()), node)), node)
                text = _at(ast.Constant(tuple(sorted(names))), node)
                note = self.runtime(node, method, _name(read, node), text)
                statements += [self.function_of(read, [give], node), _at(ast.Expr(note), node)]
        return statements

    # Blocks -----------------------------------------------------------------------------------------------------------------------

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
            done += self.statement(statement, chunk=chunk, tail=tail)
            if isinstance(statement, (ast.Return, ast.Break, ast.Continue, ast.Raise)):
                return done
        return done

    def leaving(self, statement: ast.stmt, rest: Sequence[ast.stmt], *, chunk: bool, tail: bool) -> list[ast.stmt]:
        """Rewrite a statement from within which control may leave, and what follows it."""
        after = self.fresh("rest")
        follow = [self.function_of(after, self.block(rest, chunk=True, tail=tail), rest[0] if rest else statement)]
        if isinstance(statement, ast.If):
            first, call = self.if_(statement, assigned([statement, *rest]), _name(after, statement), tail=tail)
        else:
            first, signal = self.compound(statement, tail=tail and not rest)
            more, state = self.state(assigned(rest), statement)
            first += more
            call = self.runtime(statement, "then", signal, _name(after, statement), state)
        value = call if chunk else self.runtime(statement, "value", call)
        return [*first[:0], *follow, *first, _at(ast.Return(value), statement)]

    def if_(self, node: ast.If, names: set[str], rest: ast.expr | None, *, tail: bool) -> tuple[list[ast.stmt], ast.expr]:
        then, orelse = self.fresh("then"), self.fresh("else")
        definitions, state = self.state(names, node)
        definitions.append(self.function_of(then, self.block(node.body, chunk=True, tail=tail), node))
        definitions.append(self.function_of(orelse, self.block(node.orelse, chunk=True, tail=tail), node))
        args = [self.expression(node.test), _name(then, node), _name(orelse, node), state]
        more = [] if rest is None else [rest, _at(ast.Constant(tail), node)]
        return definitions, self.runtime(node, "if_", *args, *more)

    def compound(self, node: ast.stmt, *, tail: bool) -> tuple[list[ast.stmt], ast.expr]:
        """Rewrite a loop, ``with``, ``try`` or ``match``; return statements and the expression of its signal."""
        if isinstance(node, ast.For):
            return self.for_(node, tail=tail)
        if isinstance(node, ast.While):
            return self.while_(node, tail=tail)
        signal = self.fresh("signal")
        start = _at(ast.Assign([_at(ast.Name(signal, ast.Store()), node)], _at(ast.Constant(None), node)), node)
        return [start, *self.guarded(node, signal)], _name(signal, node)

    def for_(self, node: ast.For, *, tail: bool) -> tuple[list[ast.stmt], ast.expr]:
        body, item = self.fresh("body"), self.fresh("item")
        names = assigned([node.target, *node.body, *node.orelse])
        definitions, state = self.state(names, node)
        take = self.assign([node.target], _name(item, node), node.target)
        definitions.append(self.function_of(body, [*take, *self.block(node.body, chunk=True, tail=True)], node, [item]))
        orelse = self.orelse(node, definitions, tail=tail)
        return definitions, self.runtime(node, "for_", self.expression(node.iter), _name(body, node), orelse, state)

    def while_(self, node: ast.While, *, tail: bool) -> tuple[list[ast.stmt], ast.expr]:
        test, body = self.fresh("test"), self.fresh("body")
        definitions, state = self.state(assigned([node.test, *node.body, *node.orelse]), node)
        asks: list[ast.stmt] = [_at(ast.Return(self.expression(node.test)), node.test)]
        definitions.append(self.function_of(test, asks, node.test))
        definitions.append(self.function_of(body, self.block(node.body, chunk=True, tail=True), node))
        orelse = self.orelse(node, definitions, tail=tail)
        return definitions, self.runtime(node, "while_", _name(test, node), _name(body, node), orelse, state)

    def orelse(self, node: ast.For | ast.While, definitions: list[ast.stmt], *, tail: bool) -> ast.expr:
        if not node.orelse:
            return _at(ast.Constant(None), node)
        name = self.fresh("else")
        definitions.append(self.function_of(name, self.block(node.orelse, chunk=True, tail=tail), node.orelse[0]))
        return _name(name, node)

    def guarded(self, node: Any, signal: str) -> list[ast.stmt]:
        """Rewrite ``with``, ``try``, ``match`` as they stand, their blocks as functions whose signals are kept."""

        def chunk(body: list[ast.stmt]) -> list[ast.stmt]:
            if not exits(body):
                return self.block(body, chunk=True, tail=False)
            name = self.fresh("block")
            define = self.function_of(name, self.block(body, chunk=True, tail=False), body[0])
            call = _at(ast.Call(_name(name, body[0]), [], []), body[0])
            return [define, _at(ast.Assign([_at(ast.Name(signal, ast.Store()), body[0])], call), body[0])]

        match node:
            case ast.With():
                self.with_items(node)
                node.body = chunk(node.body)
            case ast.Try():
                if exits(node.finalbody):
                    raise self.refuse(node.finalbody[0], "a return, break or continue in `finally`")
                if node.orelse and exits([*node.body, *node.orelse]):
                    raise self.refuse(node, "a `try` with `else` that is left by return, break or continue")
                self.try_(node, chunk)
            case ast.Match():
                node.cases = unguarded(node)
                node.subject = self.runtime(node, "subject", self.expression(node.subject))
                for case in node.cases:
                    case.guard = case.guard and self.expression(case.guard)
                    case.body = chunk(case.body)
            case _:
                raise self.refuse(node, f"the statement `{type(node).__name__.lower()}`")
        return [node]

    def with_items(self, node: ast.With) -> None:
        for item in node.items:
            item.context_expr = self.runtime(item.context_expr, "context", self.expression(item.context_expr))

    def try_(self, node: ast.Try, chunk: Any) -> None:
        types = [self.expression(handler.type) if handler.type else _at(ast.Constant(None), handler) for handler in node.handlers]
        body = chunk(node.body) or [_at(ast.Pass(), node)]
        if types:
            thunk = self.thunk(_at(ast.Tuple([copy_tree(one) for one in types], ast.Load()), node), node)
            body = [_at(ast.With([_at(ast.withitem(self.runtime(node, "guarded", thunk), None), node)], body), node)]
        node.body = body
        for handler, one in zip(node.handlers, types, strict=True):
            handler.type = self.runtime(handler, "handles", one)
            handler.body = chunk(handler.body)
        node.orelse = chunk(node.orelse) if node.orelse else []
        node.finalbody = chunk(node.finalbody) if node.finalbody else []

    # Statements that control does not leave -------------------------------------------------------------------------------------------

    def statement(self, node: ast.stmt, *, chunk: bool, tail: bool) -> list[ast.stmt]:
        match node:
            case ast.Return():
                value = self.expression(node.value) if node.value is not None else _at(ast.Constant(None), node)
                node.value = self.runtime(node, "returned", value) if chunk else value
                return [node]
            case ast.Break() | ast.Continue():
                name = "break_" if isinstance(node, ast.Break) else "continue_"
                return [_at(ast.Return(self.runtime(node, name)), node)]
            case ast.If():
                definitions, call = self.if_(node, assigned([node]), None, tail=False)
                return [*definitions, _at(ast.Expr(call), node)]
            case ast.For() | ast.While():
                definitions, call = self.compound(node, tail=False)
                return [*definitions, _at(ast.Expr(call), node)]
            case ast.With() | ast.Try() | ast.Match():
                return self.guarded(node, "")
            case _:
                return self.plain(node)

    def plain(self, node: ast.stmt) -> list[ast.stmt]:
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
                message = self.expression(node.msg) if node.msg else _at(ast.Constant(None), node)
                thunk = self.thunk(message, node)
                return [_at(ast.Expr(self.runtime(node, "assert_", self.expression(node.test), thunk)), node)]
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
                setattr(node, field, [part for inner in value for part in self.plain(inner)] or [_at(ast.Pass(), node)])
            elif isinstance(value, list) and value and isinstance(value[0], (ast.ExceptHandler, ast.match_case, ast.withitem)):
                for part in value:
                    self.descend(part)
            elif isinstance(value, ast.expr) and not isinstance(getattr(value, "ctx", None), ast.Store):
                setattr(node, field, self.expression(value))
        if isinstance(node, ast.For):
            node.iter = self.runtime(node.iter, "iterated", node.iter)
        return node

    def assign(self, targets: Sequence[ast.expr], value: ast.expr, at: ast.AST) -> list[ast.stmt]:
        simple = all(isinstance(target, (ast.Name, ast.Tuple, ast.List)) for target in targets)
        names = next((_names(target) for target in targets if _names(target)), None)
        if names is not None:
            value = self.runtime(at, "named", value, _at(ast.Constant(names), at))
        if len(targets) == 1 and isinstance(targets[0], ast.Name):
            return [_at(ast.Assign(list(targets), value), at)]
        if simple and all(_only_names(target) for target in targets):
            shapes = [target for target in targets if isinstance(target, (ast.Tuple, ast.List))]
            if shapes:
                value = self.unpacked(shapes[0], value)
            return [_at(ast.Assign(list(targets), value), at)]
        temporary = self.fresh("value")
        statements: list[ast.stmt] = [_at(ast.Assign([_at(ast.Name(temporary, ast.Store()), at)], value), at)]
        for target in targets:
            statements += self.store(target, _name(temporary, at))
        return statements

    def unpacked(self, target: Any, value: ast.expr) -> ast.expr:
        """Return ``R.unpack(value, count, star)``: a sequence whose items may be symbols."""
        star = next((k for k, part in enumerate(target.elts) if isinstance(part, ast.Starred)), None)
        args = [_at(ast.Constant(len(target.elts)), target), _at(ast.Constant(star), target)]
        parts = [part if isinstance(part, (ast.Tuple, ast.List)) else None for part in target.elts]
        if any(part is not None for part in parts):
            shape = _at(ast.Constant(_shape(target)), target)
            return self.runtime(target, "unpack_nested", value, shape)
        return self.runtime(target, "unpack", value, *args)

    def store(self, target: ast.expr, value: ast.expr) -> list[ast.stmt]:
        match target:
            case ast.Name():
                return [_at(ast.Assign([target], value), target)]
            case ast.Subscript():
                args = [self.expression(target.value), self.index(target.slice), value]
                return [_at(ast.Expr(self.runtime(target, "set_item", *args)), target)]
            case ast.Attribute():
                args = [self.expression(target.value), _at(ast.Constant(target.attr), target), value]
                return [_at(ast.Expr(self.runtime(target, "set_attribute", *args)), target)]
            case ast.Tuple() | ast.List():
                temporary = self.fresh("parts")
                name = _at(ast.Name(temporary, ast.Store()), target)
                star = next((k for k, part in enumerate(target.elts) if isinstance(part, ast.Starred)), None)
                args = [value, _at(ast.Constant(len(target.elts)), target), _at(ast.Constant(star), target)]
                statements: list[ast.stmt] = [_at(ast.Assign([name], self.runtime(target, "unpack", *args)), target)]
                for k, part in enumerate(target.elts):
                    inner = part.value if isinstance(part, ast.Starred) else part
                    item = ast.Subscript(_name(temporary, target), _at(ast.Constant(k), target), ast.Load())
                    statements += self.store(inner, _at(item, target))
                return statements
            case _:
                raise self.refuse(target, "this assignment")

    def augment(self, node: ast.AugAssign) -> list[ast.stmt]:
        operator = _at(ast.Constant(_IN_PLACE[type(node.op)]), node)
        value = self.expression(node.value)
        match node.target:
            case ast.Name(id=name):
                load = self.expression(_name(name, node.target))
                return self.assign([node.target], self.runtime(node, "update", operator, load, value), node)
            case ast.Subscript():
                args = [operator, self.expression(node.target.value), self.index(node.target.slice), value]
                return [_at(ast.Expr(self.runtime(node, "update_item", *args)), node)]
            case ast.Attribute():
                text = _at(ast.Constant(node.target.attr), node)
                args = [operator, self.expression(node.target.value), text, value]
                return [_at(ast.Expr(self.runtime(node, "update_attribute", *args)), node)]

    def delete(self, target: ast.expr) -> list[ast.stmt]:
        match target:
            case ast.Name():
                name = _at(ast.Name(target.id, ast.Store()), target)
                return [_at(ast.Assign([name], self.runtime(target, "unbound")), target)]
            case ast.Subscript():
                args = [self.expression(target.value), self.index(target.slice)]
                return [_at(ast.Expr(self.runtime(target, "delete_item", *args)), target)]
            case ast.Tuple() | ast.List():
                return [part for inner in target.elts for part in self.delete(inner)]
            case _:
                return [_at(ast.Delete([target]), target)]

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

    # Expressions ----------------------------------------------------------------------------------------------------------------------

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
                raise self.refuse(inner, "an assignment expression in a part that may not be evaluated", "assign before the statement")
        return _at(ast.Lambda(ast.arguments([], [], None, [], [], None, []), value), at)

    def index(self, node: ast.expr) -> ast.expr:
        """Rewrite an index: slices become calls."""
        match node:
            case ast.Slice():
                bounds = [self.expression(part) if part else _at(ast.Constant(None), node) for part in (node.lower, node.upper, node.step)]
                return self.runtime(node, "slice", *bounds)
            case ast.Tuple():
                node.elts = [self.index(part) for part in node.elts]
                return node
            case _:
                return self.expression(node)

    def _name(self, node: ast.Name) -> ast.expr:
        assert self.scope is not None
        if node.id == "__class__" or not isinstance(node.ctx, ast.Load) or any(node.id in names for names in self.comprehended) or self.scope.holds(node.id):
            return node
        return self.runtime(node, "outer", node, _at(ast.Constant(node.id), node))

    def _constant(self, node: ast.Constant) -> ast.expr:
        return node

    def _namedexpr(self, node: ast.NamedExpr) -> ast.expr:
        node.value = self.runtime(node, "named", self.expression(node.value), _at(ast.Constant(node.target.id), node))
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
        self.scope = _Scope(node, outer)
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
            _at(ast.Starred(self.runtime(part, "iterated", part.value), ast.Load()), part) if isinstance(part, ast.Starred) else part
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
            node.args = [_name("__class__", node), _name(scope.params[0], node)]
        return node

    def _attribute(self, node: ast.Attribute) -> ast.expr:
        return self.runtime(node, "attribute", self.expression(node.value), _at(ast.Constant(node.attr), node))

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
        return self.runtime(node, "unary", _at(ast.Constant(_UNARY[type(node.op)]), node), self.expression(node.operand))

    def _binop(self, node: ast.BinOp) -> ast.expr:
        text = isinstance(node.left, (ast.JoinedStr, ast.Constant)) and isinstance(node.op, ast.Mod)
        if text and (isinstance(node.left, ast.JoinedStr) or isinstance(node.left.value, str)):  # type: ignore[union-attr]
            return self.runtime(node, "percent", self.expression(node.left), self.expression(node.right))
        left, right = self.expression(node.left), self.expression(node.right)
        return self.runtime(node, "binary", _at(ast.Constant(_BINARY[type(node.op)]), node), left, right)

    def _compare(self, node: ast.Compare) -> ast.expr:
        names = _at(ast.Constant(tuple(_COMPARE[type(op)] for op in node.ops)), node)
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
                spec = self.expression(part.format_spec) if part.format_spec else _at(ast.Constant(""), part)
                conversion = _at(ast.Constant(part.conversion), part)
                parts.append(self.runtime(part, "formatted", self.expression(part.value), conversion, spec))
            else:
                parts.append(part)
        return self.runtime(node, "text", *parts)

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
        test: ast.expr = _at(ast.Constant(None), node)
        if first.ifs:
            every = first.ifs[0] if len(first.ifs) == 1 else _at(ast.BoolOp(ast.And(), list(first.ifs)), node)
            test = self.item_function(first.target, self.expression(every), node)
        if rest:
            inner = self.comprehension(node, kind if kind in ("generator", "lazy") else "parts", parts, rest)
        else:
            elements = [self.expression(part) for part in parts]
            inner = elements[0] if len(elements) == 1 else _at(ast.Tuple(elements, ast.Load()), node)
        self.comprehended.pop()
        element = self.item_function(first.target, inner, node)
        nested = _at(ast.Constant(bool(rest)), node)
        return self.runtime(node, "comprehension", _at(ast.Constant(kind), node), iterable, test, element, nested)

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
            return _at(ast.Lambda(ast.arguments([], [_at(ast.arg(p), at) for p in params], None, [], [], None, []), body), at)
        if not isinstance(target, (ast.Tuple, ast.List)):
            raise self.refuse(target, "this target of a comprehension")
        names, item = [], self.fresh("item")
        for part in target.elts:
            if isinstance(part, ast.Name):
                names.append(part.id)
            elif isinstance(part, (ast.Tuple, ast.List)):
                names.append(self.fresh("part"))
                inner = self.item_function(part, body, at)
                body = _at(ast.Call(inner, [_name(names[-1], at)], []), at)
            else:
                raise self.refuse(part, "a star in the target of a comprehension")
        function = _at(ast.Lambda(ast.arguments([], [_at(ast.arg(p), at) for p in names], None, [], [], None, []), body), at)
        count = _at(ast.Constant(len(names)), at)
        parts = self.runtime(at, "unpack", _name(item, at), count, _at(ast.Constant(None), at))
        call = _at(ast.Call(function, [_at(ast.Starred(parts, ast.Load()), at)], []), at)
        return _at(ast.Lambda(ast.arguments([], [_at(ast.arg(item), at)], None, [], [], None, []), call), at)

    def _await(self, node: ast.Await) -> ast.expr:
        raise self.refuse(node, "await")


_BINARY: dict[type, str] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "truediv", ast.FloorDiv: "floordiv", ast.Mod: "mod",
    ast.Pow: "pow", ast.MatMult: "matmul", ast.BitAnd: "and_", ast.BitOr: "or_", ast.BitXor: "xor", ast.LShift: "lshift",
    ast.RShift: "rshift",
}  # fmt: skip
_UNARY: dict[type, str] = {ast.USub: "neg", ast.UAdd: "pos", ast.Invert: "invert"}
_IN_PLACE = {kind: f"i{name.rstrip('_')}" for kind, name in _BINARY.items()}
_COMPARE: dict[type, str] = {
    ast.Lt: "lt", ast.LtE: "le", ast.Eq: "eq", ast.NotEq: "ne", ast.Gt: "gt", ast.GtE: "ge", ast.Is: "is_", ast.IsNot: "is_not",
    ast.In: "in", ast.NotIn: "not_in",
}  # fmt: skip


def unguarded(node: ast.Match) -> list[ast.match_case]:
    """Return the cases of a ``match`` with their guards as ``if`` in the body, whose ``else`` goes on with the other cases."""
    cases: list[ast.match_case] = []
    for k, case in enumerate(node.cases):
        if case.guard is None:
            cases.append(case)
            continue
        others = [copy_tree(other) for other in node.cases[k + 1 :]]
        rest: list[ast.stmt] = [_at(ast.Match(copy_tree(node.subject), others), node)] if others else []
        cases.append(ast.match_case(case.pattern, None, [_at(ast.If(case.guard, case.body, rest), case.body[0])]))
    return cases


def _at(new: Any, old: ast.AST) -> Any:
    """Place a new node where an old one stands."""
    new.lineno = getattr(old, "lineno", 1)
    new.col_offset = getattr(old, "col_offset", 0)
    # Of one line, for CPython gives the last line of a method's name to its call.
    new.end_lineno, new.end_col_offset = new.lineno, new.col_offset
    return new


def _name(name: str, at: ast.AST) -> ast.Name:
    return _at(ast.Name(name, ast.Load()), at)


def _names(target: ast.expr) -> Any:
    """Return what names the values that go to a target: a name, or a tuple of names and None."""
    match target:
        case ast.Name(id=name):
            return name
        case ast.Tuple(elts=parts) | ast.List(elts=parts) if not any(isinstance(part, ast.Starred) for part in parts):
            names = tuple(_names(part) for part in parts)
            return names if any(names) else None
        case _:
            return None


def _only_names(target: ast.expr) -> bool:
    match target:
        case ast.Name():
            return True
        case ast.Starred(value=value):
            return _only_names(value)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return all(map(_only_names, parts))
        case _:
            return False


def _shape(target: Any) -> Any:
    """Return the nesting of a target: per part None, "*" for a star, or a tuple."""
    if isinstance(target, ast.Starred):
        return "*"
    if isinstance(target, (ast.Tuple, ast.List)):
        return tuple(_shape(part) for part in target.elts)
    return None
