"""An instrumented copy of a function: as written, but its calls and its arrays pass through a runtime.

NumPy's protocols cannot see ``math.sin(x)``, ``float(x)``, ``max(a, b)``, ``np.array([x, y])`` or ``a[i] = x``.  The tracing
engine therefore runs a copy of the user's function, `instrument`, in which (with ``R`` for the runtime)

====================================  =====================================  =========================================
what is written                       what the copy runs                     where
====================================  =====================================  =========================================
``g(a, *b, **k)``                     ``R.call(g)(a, *b, **k)``              everywhere but in ``super(...)``
``@decorator``                        ``@R.call(decorator)``                 on functions and classes within
``name = value``, ``:=``              ``name = R.own(value)``                in a function that writes in place
a parameter ``p``                     ``p = R.own(p)`` on entry              in a function that writes in place
``*args``, ``**kwargs``               ``args = R.own_all(args)`` on entry    in a function that writes in place
``np.r_[x, y]``, ``np.c_[x, y]``      ``R.call(np.r_)[x, y]``                everywhere
``"%g" % x``                          ``"%g" % R.text(x)``                   everywhere
``match x:`` with ``case float():``   ``match R.subject(x):``                everywhere
====================================  =====================================  =========================================

`writes_in_place` says which functions do.  They are treated as a whole, with all functions within: an array may be made
in one and written in another.  A value that is never an array (a constant, a display, a lambda, a comparison) is not owned;
of a tuple display that is unpacked, each element is.

Nothing else differs.  The copy has the function's own globals, cells, defaults and attributes, the same lines and columns,
and so the same tracebacks.  The runtime is a *constant* of the copy's code: no global and no free variable gives it away, not
even to ``locals()``.
"""

from __future__ import annotations

import ast
import sys
import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import CodeType, FunctionType
from typing import Any, Protocol

from adjoint._syntax import FunctionNode, Syntax, bare, copy_tree, executed, syntax_of


class Runtime(Protocol):
    """What an instrumented copy calls.  A runtime that returns its arguments leaves the function's meaning as it is."""

    def call(self, function: Any, /) -> Any:
        """Return what is to be called in place of ``function``."""

    def own(self, value: Any, /) -> Any:
        """Return what is to be bound to a name in place of ``value``."""

    def text(self, value: Any, /) -> Any:
        """Return what ``"..." % value`` formats in place of ``value``."""

    def subject(self, value: Any, /) -> Any:
        """Return the subject of a ``match`` that asks for the type of a number or an array."""

    def own_all(self, values: Any, /) -> Any:
        """Return the tuple ``*args`` or the dict ``**kwargs`` with each value owned."""


def instrument(function: FunctionType, runtime: Runtime) -> FunctionType | None:
    """Return the instrumented copy of ``function``, or None if its source cannot be read (see `why_unreadable`).

    A copy is returned as it is, and so is a function that was defined while a copy ran.  The work is done once per code
    object and runtime; after that, new closures and new defaults of the same code cost no more than a new function object.
    """
    if not isinstance(function, FunctionType):
        return None
    code = function.__code__
    record = _RECORDS.get(id(code)) or _examine(function)
    copy = record.copies.get(id(runtime)) or _bound(record, runtime)
    if copy is not None:
        return _like(function, copy)
    return function if record.is_copy else None


def is_instrumented(function: object) -> bool:
    """Whether a function is an instrumented copy or was defined while one ran."""
    record = _RECORDS.get(id(getattr(function, "__code__", None)))
    return record is not None and record.is_copy


# --- What is kept of a code object -------------------------------------------------------------------------------


@dataclass(slots=True)
class _Record:
    """``template`` has a mark where each copy has its runtime; it is None for unreadable functions and for copies."""

    alive: weakref.ref[CodeType]
    template: CodeType | None
    is_copy: bool = False
    copies: dict[int, CodeType] = field(default_factory=dict[int, CodeType])


# By identity, for speed, and because equal code objects may come from different files.
_RECORDS: dict[int, _Record] = {}
_WRITING = threading.RLock()
# Copies kept of each code object.  An engine has one runtime for good; one that makes many must not fill the memory.
_RUNTIMES = 8


def _keep(code: CodeType, template: CodeType | None, *, is_copy: bool = False) -> _Record:
    # Bound early: when the interpreter ends, codes die after this module's globals.
    key, forget = id(code), _RECORDS.pop
    record = _Record(weakref.ref(code, lambda _: forget(key, None)), template, is_copy)
    _RECORDS[key] = record
    return record


def _examine(function: FunctionType) -> _Record:
    with _WRITING:
        return _RECORDS.get(id(function.__code__)) or _keep(function.__code__, _template(function))


def _bound(record: _Record, runtime: Runtime) -> CodeType | None:
    if record.template is None:
        return None
    with _WRITING:
        if id(runtime) not in record.copies:
            if len(record.copies) >= _RUNTIMES:
                record.copies.clear()
            # The copy's constants keep the runtime alive, so that its id stays its own.
            record.copies[id(runtime)] = _bind(record.template, runtime)
        return record.copies[id(runtime)]


def _bind(template: CodeType, runtime: Runtime) -> CodeType:
    """Put the runtime in place of its mark, in the functions within as well, and remember all of them as copies."""

    def put(value: object) -> object:
        if isinstance(value, CodeType):
            return _bind(value, runtime)
        return runtime if type(value) is str and value == _MARK else value

    code = template.replace(co_consts=tuple(map(put, template.co_consts)))
    _keep(code, None, is_copy=True)
    return code


def _template(function: FunctionType) -> CodeType | None:
    syntax = syntax_of(function)
    if syntax is None:
        return None
    # The function compiled as written, so only one thing can go wrong: that we made it too deep for the compiler.
    try:
        return syntax.compile(_rewritten(syntax))
    except (RecursionError, MemoryError):
        return None


def _like(function: FunctionType, code: CodeType) -> FunctionType:
    copy = FunctionType(code, function.__globals__, function.__name__, function.__defaults__, function.__closure__)
    copy.__kwdefaults__ = function.__kwdefaults__
    copy.__qualname__ = function.__qualname__
    copy.__module__ = function.__module__
    copy.__doc__ = function.__doc__
    copy.__dict__ = function.__dict__
    for name in _LAZY:
        setattr(copy, name, getattr(function, name))
    return copy


_LAZY = (
    *(["__annotate__"] if sys.version_info >= (3, 14) else ["__annotations__"]),
    *(["__type_params__"] if sys.version_info >= (3, 12) else []),
)


# --- What is changed ---------------------------------------------------------------------------------------------

# Stands for the runtime until `_bind`; no source contains it by accident.
_MARK = "\0the runtime of adjoint\0"
_METHODS = ("fill", "sort", "put", "partition", "resize", "itemset", "at")
_FUNCTIONS = ("copyto", "put_along_axis", "fill_diagonal", "place", "putmask")
_WRITERS = frozenset((*_METHODS, *_FUNCTIONS))
_NEVER_ARRAYS = (
    *(ast.Constant, ast.JoinedStr, ast.Lambda, ast.Compare),
    *(ast.Tuple, ast.List, ast.Set, ast.Dict, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)
_PLAIN_DECORATORS = frozenset(("property", "staticmethod", "classmethod"))
_PROPERTY_DECORATORS = frozenset(("getter", "setter", "deleter"))
_NUMBERS = frozenset(
    ("float", "int", "complex", "ndarray", "generic", "number", "inexact", "floating", "float64", "Number", "Real")
)
_CONCATENATORS = frozenset(("r_", "c_"))
# From this many arguments on CPython does not compile ``a.b(...)`` as a method call.
_MANY = 30


def writes_in_place(node: ast.AST) -> bool:
    """Whether a function that contains this node may write into an array."""
    match node:
        case ast.Subscript(ctx=ast.Store()) | ast.AugAssign():
            return True
        case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)) if name in _WRITERS:
            return True
        case ast.Call(keywords=keywords):
            return any(keyword.arg == "out" for keyword in keywords)
        case _:
            return False


def _rewritten(syntax: Syntax) -> FunctionNode:
    tree = copy_tree(bare(syntax.node))
    nodes = list(executed(tree))
    owns = not isinstance(tree, ast.Lambda) and any(map(writes_in_place, nodes))
    # Parents come before children, so that what wraps a node takes its place before the node's own is touched.
    for node in nodes:
        if owns:
            _own_values(node)
        if isinstance(node, ast.Call):
            _route(node, syntax.imports)
        if isinstance(node, ast.Subscript | ast.BinOp):
            _route_operand(node)
        if isinstance(node, ast.Match) and any(
            _asks_for_number(part) for case in node.cases for part in ast.walk(case.pattern)
        ):
            node.subject = _by_runtime("subject", node.subject)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node is not tree:
            node.decorator_list = [_routed_decorator(decorator) for decorator in node.decorator_list]
    return tree


def _route(call: ast.Call, imports: Sequence[str]) -> None:
    function = call.func
    if isinstance(function, ast.Name) and function.id == "super":
        return
    call.func = _by_runtime("call", function, at_end=isinstance(function, ast.Attribute))
    # CPython attributes a method call to the line of the method's name, and so must we, since ours is none any more.
    if isinstance(function, ast.Attribute) and call.lineno != function.end_lineno and _is_method_call(call, function, imports):
        _begin_at_name(call, function)


def _route_operand(node: ast.Subscript | ast.BinOp) -> None:
    """Route the two operators that hide a call from NumPy's protocols: ``np.r_[x, y]`` and ``"%g" % x``."""
    match node:
        case ast.Subscript(value=ast.Attribute(attr=name) | ast.Name(id=name), ctx=ast.Load()) if name in _CONCATENATORS:
            node.value = _by_runtime("call", node.value)
        case ast.BinOp(left=ast.Constant(value=str()) | ast.JoinedStr(), op=ast.Mod()):
            node.right = _by_runtime("text", node.right)
        case _:
            pass


def _asks_for_number(pattern: ast.AST) -> bool:
    """Whether a pattern is ``float()``, ``np.ndarray()`` or the like, which no traced value is an instance of."""
    match pattern:
        case ast.MatchClass(cls=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name in _NUMBERS
        case _:
            return False


def _is_method_call(call: ast.Call, method: ast.Attribute, imports: Sequence[str]) -> bool:
    unpacks = any(isinstance(arg, ast.Starred) for arg in call.args) or any(word.arg is None for word in call.keywords)
    many = len(call.args) + len(call.keywords) + bool(call.keywords) >= _MANY
    of_import = isinstance(method.value, ast.Name) and method.value.id in imports
    return not (unpacks or many or of_import)


def _begin_at_name(call: ast.Call, method: ast.Attribute) -> None:
    line, column = _end(method)
    call.lineno, call.col_offset = line, max(column - len(method.attr), 0)


def _routed_decorator(decorator: ast.expr) -> ast.expr:
    match decorator:
        case ast.Name(id=name) if name in _PLAIN_DECORATORS:
            return decorator
        case ast.Attribute(attr=name) if name in _PROPERTY_DECORATORS:
            return decorator
        case _:
            return _by_runtime("call", decorator)


def _own_values(node: ast.AST) -> None:
    match node:
        case ast.Assign():
            node.value = _owned(node.value, node.targets)
        case ast.AnnAssign(value=ast.expr()) | ast.NamedExpr():
            node.value = _owned(node.value, [node.target])  # type: ignore[arg-type]
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            start = 1 if ast.get_docstring(node, clean=False) is not None else 0
            node.body[start:start] = _entry(node)
        case _:
            pass


def _owned(value: ast.expr, targets: Sequence[ast.expr]) -> ast.expr:
    """Return the value as it is bound to the targets, of which any may be a name or a tuple of names."""
    if any(isinstance(target, ast.Name) for target in targets) and not isinstance(value, _NEVER_ARRAYS):
        return _by_runtime("own", value)
    if isinstance(value, ast.Tuple | ast.List):
        parts = [part for target in targets if (part := _parts(target, value))]
        value.elts = [_owned(item, [part[i] for part in parts]) for i, item in enumerate(value.elts)]
    return value


def _parts(target: ast.expr, display: ast.Tuple | ast.List) -> list[ast.expr]:
    """Return the targets to which the elements of a display go one by one, or nothing if they do not."""
    if not isinstance(target, ast.Tuple | ast.List) or len(target.elts) != len(display.elts):
        return []
    starred = any(isinstance(item, ast.Starred) for item in (*target.elts, *display.elts))
    return [] if starred else target.elts


def _entry(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.stmt]:
    """Return the statements that own the parameters, all on the line of the ``def``."""
    names = node.args
    each = [(arg, "own") for arg in (*names.posonlyargs, *names.args, *names.kwonlyargs)]
    every = [(arg, "own_all") for arg in (names.vararg, names.kwarg) if arg is not None]
    place = _point(node.lineno, node.col_offset)
    statements: list[ast.stmt] = []
    for arg, method in (*each, *every):
        value = _by_runtime(method, ast.Name(arg.arg, ast.Load(), **place))
        statements.append(ast.Assign([ast.Name(arg.arg, ast.Store(), **place)], value, **place))
    return statements


def _by_runtime(method: str, value: ast.expr, *, at_end: bool = False) -> ast.expr:
    """Return ``R.method(value)`` in the place of ``value``; errors point to its first line, or to its last."""
    place = _point(*_end(value)) if at_end else _point(value.lineno, value.col_offset)
    function = ast.Attribute(ast.Constant(_MARK, **place), method, ast.Load(), **place)
    return ast.copy_location(ast.Call(function, [value], []), value)


def _point(line: int, column: int) -> dict[str, Any]:
    return {"lineno": line, "col_offset": column, "end_lineno": line, "end_col_offset": column}


def _end(node: ast.expr) -> tuple[int, int]:
    return node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
