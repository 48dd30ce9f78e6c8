"""A function's syntax tree and scope, found from its code object and proved to be the right one.

Both engines read the user's functions: one runs an instrumented copy, the other translates.  `syntax_of` gives the node of
a function, or None where there is none to be trusted, and `why_unreadable` the reason, in words for an error message.

How the node is found.  The file is parsed as a whole (so lines and columns are the user's own), and the functions that
begin on the line ``co_firstlineno`` under the name ``co_name`` are the candidates.  Each candidate is *compiled again*, in
an enclosure that gives it the same free variables, private-name class and future flags, and must come out as the same code:
instructions, constants, names, columns.  So two lambdas on one line are told apart by their columns, and a file that
was edited since its import is refused, not misread.  Only ``assert`` is forgiven, which pytest rewrites (`_agrees`).

What is not done here: nothing is executed, nothing is resolved; a tree belongs to the cache and must not be changed
(`copy_tree` gives one that may).
"""

from __future__ import annotations
import __future__

import ast
import functools
import linecache
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Any, TypeVar

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Place = tuple[int, str]
Node = TypeVar("Node", bound=ast.AST)

_FUTURE = functools.reduce(int.__or__, (getattr(__future__, name).compiler_flag for name in __future__.all_feature_names))
# Flags of code objects, as in `inspect`, which takes 10 ms to import.
_OPTIMIZED = 0x1
# What a flag says of the surroundings, or of a decorator (``types.coroutine``), no compilation of the node can tell.
_SURROUNDINGS = 0x10 | 0x100  # CO_NESTED, CO_ITERABLE_COROUTINE
# Files whose functions are kept parsed.  A tree takes some 20 times the memory of its text.
_FILES = 32
# `warnings.catch_warnings` changes global state, so at least we are never in there twice.
_COMPILING = threading.Lock()
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
# Annotations are never run with a function's body, and under ``from __future__ import annotations`` they are kept as text.
_ANNOTATIONS = frozenset(("annotation", "returns", "type_params"))


@dataclass(frozen=True, eq=False)
class Syntax:
    """A function's node and what it takes to compile it, or a changed copy of it, in the function's own place."""

    node: FunctionNode
    code: CodeType
    text: str
    class_name: str | None
    imports: tuple[str, ...]

    @property
    def filename(self) -> str:
        return self.code.co_filename

    @property
    def freevars(self) -> tuple[str, ...]:
        """The names of the cells in ``__closure__``, in that order."""
        return self.code.co_freevars

    def compile(self, node: FunctionNode) -> CodeType:
        """Return the code of ``node`` as though it stood in the place of the function.

        The code has the same free variables in the same order as long as ``node`` uses the same names.
        """
        module = _enclosure(bare(node), self.class_name, self.freevars, self.imports)
        code = _compile(module, self.filename, self.code.co_flags & _FUTURE)
        for _ in range(3 if self.class_name else 2):  # into the enclosure, the class if any, the function
            (code,) = _nested(code)
        flags = code.co_flags & ~_SURROUNDINGS | self.code.co_flags & _SURROUNDINGS
        return _requalified(code.replace(co_flags=flags), code.co_qualname, self.code.co_qualname)


class _UnreadableError(Exception):
    """Carries the reason why a function's syntax cannot be had."""


def syntax_of(function: object) -> Syntax | None:
    """Return the syntax of a Python function (or method), or None if its source cannot be read or does not match."""
    try:
        return _read(function)
    except _UnreadableError:
        return None


def why_unreadable(function: object) -> str:
    """Return why `syntax_of` finds nothing, to be read after "because"; empty if it does find something.

    >>> why_unreadable(len)
    'it is not a Python function'
    """
    try:
        _read(function)
    except _UnreadableError as error:
        return str(error)
    return ""


def node_name(node: FunctionNode) -> str:
    """Return the name that the node's code object bears."""
    return "<lambda>" if isinstance(node, ast.Lambda) else node.name


def _read(function: object) -> Syntax:
    code = getattr(function, "__code__", None)
    if not isinstance(code, CodeType):
        raise _UnreadableError("it is not a Python function")
    text = _text(code.co_filename, getattr(function, "__globals__", {}))
    if not text:
        raise _UnreadableError(f"there is no source text of {code.co_filename!r}: it was generated, or its file is not here")
    # Source is foreign matter: whatever the parser or the compiler find wrong with it (syntax, nesting too deep, null
    # bytes, lone surrogates) is one and the same to us, and must not surface in the user's program.
    try:
        matches = _matches(code, text)
    except Exception as error:
        raise _UnreadableError(f"its source cannot be compiled here ({type(error).__name__}: {error})") from error
    if not matches:
        raise _UnreadableError(f"{code.co_filename!r} was changed after it was imported, or rewritten while it was")
    if len(matches) > 1:
        raise _UnreadableError(f"several functions on line {code.co_firstlineno} cannot be told apart")
    return matches[0]


def _text(filename: str, namespace: dict[str, Any]) -> str:
    """Return the source text; ``linecache`` also knows the sources of doctest, IPython, zip files and prompts."""
    linecache.checkcache(filename)
    return "".join(linecache.getlines(filename, namespace))


def _matches(code: CodeType, text: str) -> list[Syntax]:
    source = _parse(text, code.co_filename, code.co_flags & _FUTURE)
    candidates = source.functions.get((code.co_firstlineno, code.co_name), ())
    # CPython compiles ``np.sin(x)`` in another way if the same compilation imports ``np`` at its top level.  A module is
    # compiled in one piece; prompts, IPython and doctest compile one statement after the other, without the imports.
    for imports in dict.fromkeys((source.imports, ())):
        found = [Syntax(node, code, text, class_name, imports) for node, class_name in candidates]
        found = [syntax for syntax in found if _agrees(syntax)]
        if found:
            return found
    return []


# --- Is it the right node? ---------------------------------------------------------------------------------------


def _agrees(syntax: Syntax) -> bool:
    """Whether the node compiles to the function's code, as far as its assertions are not rewritten by pytest."""
    if _same(syntax.compile(syntax.node), syntax.code):
        return True
    if not any(isinstance(node, ast.Assert) for node in executed(syntax.node)):
        return False
    tree = copy_tree(syntax.node)
    _drop_assertions(tree)
    return _evidence(syntax.compile(tree)) <= _evidence(syntax.code)


def _same(built: CodeType, code: CodeType) -> bool:
    # Equality of code objects includes lines, but columns only since Python 3.12.
    return built == code and list(built.co_positions()) == list(code.co_positions())


def _evidence(code: CodeType) -> set[Any]:
    """Everything that shows in a code object which source it came from, nested functions included."""
    names = {*code.co_names, *code.co_varnames, *code.co_freevars, *code.co_cellvars}
    constants = {(type(value), repr(value)) for value in code.co_consts if not isinstance(value, CodeType)}
    places = {place for place in code.co_positions() if place[0] is not None}
    return {code.co_name, *names, *constants, *places}.union(*map(_evidence, _nested(code)))


def _drop_assertions(tree: FunctionNode) -> None:
    for node in list(executed(tree)):
        for value in vars(node).values():
            if isinstance(value, list):
                value[:] = [_placed(ast.Pass(), item) if isinstance(item, ast.Assert) else item for item in value]


def _nested(code: CodeType) -> list[CodeType]:
    return [value for value in code.co_consts if isinstance(value, CodeType)]


# --- From text to functions --------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Source:
    """The functions of a source text by place, each with the class that mangles its private names."""

    functions: dict[Place, list[tuple[FunctionNode, str | None]]]
    imports: tuple[str, ...]


@functools.lru_cache(_FILES)
def _parse(text: str, filename: str, flags: int) -> _Source:
    module = _compile(text, filename, flags | ast.PyCF_ONLY_AST)
    functions: dict[Place, list[tuple[FunctionNode, str | None]]] = {}
    for node, class_name in _functions(module):
        functions.setdefault(_place(node), []).append((node, class_name))
    return _Source(functions, tuple(dict.fromkeys(_imported(module))))


def _place(node: FunctionNode) -> Place:
    """Return ``co_firstlineno`` and ``co_name``: a decorated function begins at its first decorator."""
    decorators = getattr(node, "decorator_list", [])
    return (decorators[0] if decorators else node).lineno, node_name(node)


def _functions(module: ast.AST) -> Iterator[tuple[FunctionNode, str | None]]:
    # A stack of our own, because an expression of a thousand terms is a tree a thousand deep.
    pending: list[tuple[ast.AST, str | None]] = [(module, None)]
    while pending:
        node, class_name = pending.pop()
        if isinstance(node, FunctionNode):
            yield node, class_name
        inside = set(node.body) if isinstance(node, ast.ClassDef) else ()
        for child in ast.iter_child_nodes(node):
            pending.append((child, node.name if isinstance(node, ast.ClassDef) and child in inside else class_name))


def _imported(module: ast.AST) -> Iterator[str]:
    """Yield the names that import statements bind in the module's own scope."""
    pending = [module]
    while pending:
        for node in ast.iter_child_nodes(pending.pop()):
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names if alias.name != "*")
            elif isinstance(node, ast.stmt | ast.excepthandler | ast.match_case) and not isinstance(node, _SCOPES):
                pending.append(node)


# --- From a function to its code ---------------------------------------------------------------------------------


def _enclosure(node: FunctionNode, class_name: str | None, freevars: tuple[str, ...], imports: tuple[str, ...]) -> ast.AST:
    """Return a module that never runs, in which ``node`` sees the names of its original place in the same roles.

    ::

        import np                                     the imported names, see `_matches`
        def enclosure(free, variables):               so that these are free in the function
            global Class                              so that this is not, unless listed above
            class Class:                              if need be: for __private names and super()
                def function(...): ...
    """
    template = "def enclosure():\n    class Class:\n        pass" if class_name else "def enclosure():\n    pass"
    module = ast.parse(template)
    enclosure: Any = module.body[0]
    enclosure.args.args = [_placed(ast.arg(name), enclosure) for name in freevars]
    scope = enclosure
    if class_name:
        scope = enclosure.body[0]
        scope.name = class_name
    scope.body = [_placed(ast.Expr(node), node) if isinstance(node, ast.Lambda) else node]
    bound = getattr(enclosure.body[0], "name", None)
    if bound is not None and bound not in freevars:
        enclosure.body.insert(0, _placed(ast.Global([bound]), enclosure))
    if imports:
        names = [_placed(ast.alias("_", name), enclosure) for name in imports]
        module.body.insert(0, _placed(ast.Import(names), enclosure))
    return module


def bare(node: FunctionNode) -> FunctionNode:
    """Return the function without what is evaluated around it: decorators, defaults, annotations, type parameters."""
    old = node.args
    lists = {field: [_unannotated(arg) for arg in getattr(old, field)] for field in ("posonlyargs", "args", "kwonlyargs")}
    stars = {field: arg and _unannotated(arg) for field, arg in (("vararg", old.vararg), ("kwarg", old.kwarg))}
    arguments = _with(old, **lists, **stars, defaults=[], kw_defaults=[None] * len(old.kwonlyargs))
    if isinstance(node, ast.Lambda):
        return _with(node, args=arguments)
    # A decorator stays, as a constant, because the code's first line is the line of the first decorator.
    marks = [_placed(ast.Constant(None), decorator) for decorator in node.decorator_list[:1]]
    kept = {"type_params": []} if hasattr(node, "type_params") else {}
    return _with(node, args=arguments, decorator_list=marks, returns=None, **kept)


def _unannotated(arg: ast.arg) -> ast.arg:
    return _with(arg, annotation=None)


def _requalified(code: CodeType, old: str, new: str) -> CodeType:
    """Return the code with qualified names of the function's real place, also in the functions and classes within."""
    name = code.co_qualname
    if old == new or not (name == old or name.startswith(old + ".")):
        return code
    renamed = new + name[len(old) :]
    # A class body stores its qualified name from a constant; a function has it in the code object only.
    is_class = not code.co_flags & _OPTIMIZED

    def moved(value: object) -> object:
        if isinstance(value, CodeType):
            return _requalified(value, old, new)
        return renamed if is_class and type(value) is str and value == name else value

    return code.replace(co_qualname=renamed, co_consts=tuple(map(moved, code.co_consts)))


def _compile(source: str | ast.AST, filename: str, flags: int) -> Any:
    # The user has seen the warnings of his source when he ran it, and with ``-W error`` he would not be here.
    with _COMPILING, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compile(source, filename, "exec", flags, dont_inherit=True)  # type: ignore[arg-type]


# --- Trees -------------------------------------------------------------------------------------------------------


def executed(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and all nodes below it that are run, parents before children: all but annotations and type aliases."""
    pending = [tree]
    while pending:
        node = pending.pop()
        yield node
        for field, value in vars(node).items():
            if field not in _ANNOTATIONS and type(node).__name__ != "TypeAlias":
                pending += [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, ast.AST)]


def copy_tree(tree: Node) -> Node:
    """Return a copy that may be changed; annotations and type aliases stay shared.  ``copy.deepcopy`` would recurse."""
    root = _with(tree)
    pending: list[ast.AST] = [root]

    def copied(value: Any) -> Any:
        if not isinstance(value, ast.AST) or type(value).__name__ == "TypeAlias":
            return value
        pending.append(_with(value))
        return pending[-1]

    while pending:
        fields = vars(pending.pop())
        for field, value in fields.items():
            if field not in _ANNOTATIONS:
                fields[field] = [copied(item) for item in value] if isinstance(value, list) else copied(value)
    return root


def _with(node: Node, **changes: Any) -> Node:
    return type(node)(**{**vars(node), **changes})


def _placed(new: Node, old: ast.AST) -> Node:
    return ast.copy_location(new, old)
