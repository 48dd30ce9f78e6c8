"""What the statements of a function bind, where control may leave them, and to which function a name belongs."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def within(nodes: Iterable[ast.AST], into: tuple[type, ...] = ()) -> Iterator[ast.AST]:
    """Yield nodes and what is below them in the same function, not descending into nodes of the classes ``into``."""
    pending, closed = list(nodes), (*SCOPES, *into)
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, closed):
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


def reraised(handler: ast.ExceptHandler, error: str) -> bool:
    """Let ``raise`` alone in a handler raise the variable ``error``; tell whether there is one."""
    found = False
    for inner in within(handler.body, (ast.ExceptHandler,)):
        if isinstance(inner, ast.Raise) and inner.exc is None:
            inner.exc, found = name_of(error, inner), True
    return found


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


def parameters_of(arguments: ast.arguments) -> list[str]:
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    return [arg.arg for arg in every if arg is not None]


def is_generator(node: ast.AST) -> bool:
    """Whether a function is a generator function."""
    return any(
        isinstance(inner, (ast.Yield, ast.YieldFrom)) for child in ast.iter_child_nodes(node) for inner in within([child])
    )


def at_place(new: Any, old: ast.AST) -> Any:
    """Place a new node where an old one stands."""
    new.lineno = getattr(old, "lineno", 1)
    new.col_offset = getattr(old, "col_offset", 0)
    # Of one line, for CPython gives the last line of a method's name to its call.
    new.end_lineno, new.end_col_offset = new.lineno, new.col_offset
    return new


def constant(value: Any, at: ast.AST) -> ast.Constant:
    """Return a constant, which may be a tuple."""
    return at_place(ast.Constant(value), at)


def name_of(name: str, at: ast.AST) -> ast.Name:
    return at_place(ast.Name(name, ast.Load()), at)


def names_of(target: ast.expr) -> Any:
    """Return what names the values that go to a target: a name, or a tuple of names and None."""
    match target:
        case ast.Name(id=name):
            return name
        case ast.Tuple(elts=parts) | ast.List(elts=parts) if not any(isinstance(part, ast.Starred) for part in parts):
            names = tuple(names_of(part) for part in parts)
            return names if any(names) else None
        case _:
            return None


def only_names(target: ast.expr) -> bool:
    match target:
        case ast.Name():
            return True
        case ast.Starred(value=value):
            return only_names(value)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return all(map(only_names, parts))
        case _:
            return False


def shape_of(target: Any) -> Any:
    """Return the nesting of a target: per part None, "*" for a star, or a tuple."""
    if isinstance(target, ast.Starred):
        return "*"
    if isinstance(target, (ast.Tuple, ast.List)):
        return tuple(shape_of(part) for part in target.elts)
    return None


class Scope:
    """One function that is being rewritten: its local names, and those of others that it or its functions may change."""

    def __init__(self, node: Any, outer: Scope | None) -> None:
        self.outer = outer
        body = [node.body] if isinstance(node, ast.Lambda) else node.body
        self.declared: set[str] = {
            name for inner in within(body) if isinstance(inner, (ast.Nonlocal, ast.Global)) for name in inner.names
        }
        self.globals: set[str] = {name for inner in within(body) if isinstance(inner, ast.Global) for name in inner.names}
        self.params = parameters_of(node.args)
        self.locals = (assigned(body) | set(self.params)) - self.declared
        self.generator = is_generator(node)
        # Names of this function that functions within declare nonlocal.
        self.shared = {
            name for inner in ast.walk(node) if isinstance(inner, ast.Nonlocal) for name in inner.names if name in self.locals
        }

    def holds(self, name: str) -> bool:
        """Whether a name belongs to this function or to one around it, so that it is no variable of the world outside."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.globals:
                return False
            if name in scope.locals:
                return True
            scope = scope.outer
        return False
