"""Functions of the rule book that no library has, as text of their own that needs NumPy and SciPy only.

The few that most derivatives use are written out here to be read.  Of the others the source is taken, with what it calls,
without decorators and annotations.  What cannot be taken over in this way runs as the object that it is, and is not exported.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import sys
import textwrap
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint import errors
from adjoint._backend.spelling import unused
from adjoint._rules import forms, indexing, kinds, stores

Function = Callable[..., Any]

_ERROR = '''
class {name}({base}):
    """The program cannot go on: ``why``, and what to do about it."""

    def __init__(self, what, why="", remedy=""):
        super().__init__(". ".join(part for part in (what, why, remedy) if part))
'''

_WRITTEN: dict[Any, str] = {
    kinds.scale: '''
def scale(p, t):
    """Return p * t, where a factor that is exactly 0 wins over one that is infinite or undefined."""
    y = p * t
    if not isinstance(y, np.ndarray):
        return y if y == y or (p != 0 and t != 0) else type(y)(0)
    if not np.isnan(y).any():
        return y
    return np.where((p == 0) | (t == 0), np.zeros((), y.dtype), y)
''',
    stores.fit: '''
def fit(g, x):
    """Return g in the shape and dtype of x: summed over the axes along which x was broadcast."""
    shape = np.shape(x)
    if np.ndim(g) > len(shape):
        g = np.sum(g, axis=tuple(range(np.ndim(g) - len(shape))))
    if np.shape(g) != shape and np.ndim(g) == len(shape):
        g = np.sum(g, axis=tuple(k for k, n in enumerate(shape) if n == 1 != np.shape(g)[k]), keepdims=True)
    if np.shape(g) != shape:
        g = np.broadcast_to(g, shape)
    dtype = np.result_type(x)
    if np.result_type(g) == dtype:
        return g
    if np.iscomplexobj(g) and dtype.kind != "c":
        g = np.real(g)
    return g.astype(dtype) if isinstance(g, np.ndarray) else dtype.type(g)
''',
    stores.spread: '''
def spread(g, x):
    """Return g broadcast to the shape of x, in its dtype (and summed where it is the larger)."""
    return fit(g, x)
''',
    stores.winners: '''
def winners(v, index, shape):
    """Return v as it is stored at index, with zeros where a later element goes to the same place."""
    order = np.arange(np.size(v)).reshape(np.shape(v))
    last = np.zeros(shape, order.dtype)
    last[index] = order
    return np.where(last[index] == order, v, np.zeros((), np.result_type(v)))
''',
    indexing.scatter: '''
def scatter(v, index, shape):
    """Return zeros of a shape with v added at index, repeated indices counted repeatedly."""
    y = np.zeros(shape, np.result_type(v))
    np.add.at(y, index, v)
    return y
''',
    indexing.window: '''
def window(a, shape, strides, offset):
    """Return the elements of a at offset + sum(strides * index), counted in C order."""
    places = sum((grid * n for grid, n in zip(np.ogrid[tuple(map(slice, shape))], strides)), offset)
    return np.reshape(a, -1)[places]
''',
    kinds.dtype_of: '''
def dtype_of(x):
    """Return the dtype of an array or of a number."""
    return np.result_type(x)
''',
    kinds.shape_of: '''
def shape_of(x):
    """Return the shape of an array or of a number."""
    return np.shape(x)
''',
    kinds.is_complex: '''
def is_complex(x):
    """Tell whether x is complex."""
    return np.iscomplexobj(x)
''',
    kinds.copy: '''
def copy(x):
    """Return an array in memory of its own."""
    return np.copy(x)
''',
    kinds.foreign: '''
def foreign(x):
    """Return None: all arrays are NumPy's."""
    return None
''',
    kinds.adopt: '''
def adopt(t, x):
    """Return t: all arrays are NumPy's."""
    return t
''',
    stores.form: '''
def form(x):
    """Return zeros of the shape and dtype of x that take no memory."""
    return None if x is None else np.broadcast_to(np.result_type(x).type(0), np.shape(x))
''',
    forms.as_array: '''
def as_array(x):
    """Return a number or a sequence as an array."""
    return np.asarray(x)
''',
    kinds.zeros_like: '''
def zeros_like(x):
    """Return zeros of the form of x, an array or a sequence of arrays."""
    if isinstance(x, (tuple, list)):
        return [zeros_like(part) for part in x]
    return np.zeros_like(x)[()]
''',
}
_WRITTEN_SCOPE = {"np": np, **{function.__name__: function for function in _WRITTEN}}
# A reduction by a ufunc, which the book has as a function of its own.
_REDUCTION = '''
def {name}(x, axis=None, keepdims=False, initial=np._NoValue, where=True):
    """Return {ufunc}.reduce, over all axes unless some are given."""
    return {ufunc}.reduce(x, axis=axis, keepdims=keepdims, initial=initial, where=where)
'''
_SIMPLE = (bool, int, float, complex, str, type(None))


class NoSourceError(ValueError):
    """The source of a function of the rule book cannot stand alone."""


def is_ours(function: Any) -> bool:
    """Tell whether a function is one of the rule book's own, and no library's."""
    plain = isinstance(function, types.FunctionType) or _is_cached(function)
    return plain and str(getattr(function, "__module__", "")).startswith("adjoint.")


def _is_cached(x: Any) -> bool:
    return hasattr(x, "cache_info") and hasattr(x, "__wrapped__")


def name_of(function: Function) -> str:
    """Return the name under which the definition of a function stands."""
    return function.__name__.replace(".", "_")


def definitions(wanted: dict[Function, str]) -> tuple[list[str], set[str], dict[str, Any]]:
    """Return definitions of functions, in the order in which they need each other.

    Parameters
    ----------
    wanted
        The functions, with the names that they are to have.

    Returns
    -------
    tuple
        The texts; the modules to import, ``module`` or ``module as name``; and by name the functions that have no text.
    """
    collector = _Collector(wanted)
    objects: dict[str, Any] = {}
    for function, name in wanted.items():
        before = collector.state()
        try:
            collector.add(function, name)
        except (NoSourceError, OSError, TypeError, SyntaxError):
            collector.restore(*before)
            objects[name] = function
    return list(collector.texts.values()), collector.imports, objects


class _Collector:
    """Takes over functions and what they need, each object under a name of its own."""

    def __init__(self, wanted: dict[Function, str]) -> None:
        self.wanted = wanted
        self.texts: dict[str, str] = {}
        self.imports: set[str] = set()
        self.names: dict[int, str] = {}
        self.kept: list[Any] = []  # so that no two objects have one id

    def state(self) -> tuple[dict[str, str], set[str], dict[int, str]]:
        return dict(self.texts), set(self.imports), dict(self.names)

    def restore(self, texts: dict[str, str], imports: set[str], names: dict[int, str]) -> None:
        self.texts, self.imports, self.names = texts, imports, names

    def add(self, x: Any, name: str) -> str:
        """Add the definition of what is called ``name`` elsewhere, and return its name here."""
        known = self.names.get(id(x))
        if known is not None:
            return known
        if isinstance(x, types.ModuleType):
            self.imports.add(x.__name__ if x.__name__ == name else f"{x.__name__} as {name}")
            return name
        chosen = self.wanted.get(x, "") if callable(x) else ""
        chosen = chosen or unused(name, {*self.names.values(), *self.wanted.values()})
        self.names[id(x)] = chosen
        self.kept.append(x)
        self.define(x, name, chosen)
        return chosen

    def define(self, x: Any, name: str, chosen: str) -> None:
        if isinstance(x, type) and issubclass(x, errors.AdjointError):
            base = next(b for b in x.__mro__ if b.__module__ == "builtins")
            self.texts[chosen] = _ERROR.format(name=chosen, base=base.__name__).strip()
        elif _is_simple(x):
            self.texts[chosen] = f"{chosen} = {x!r}"
        elif isinstance(x, np.ndarray) and x.size <= _LARGEST and x.dtype.kind in "biufc":
            self.imports.add("numpy as np")
            self.texts[chosen] = f"{chosen} = np.array({x.tolist()!r}, {x.dtype.str!r})"
        elif is_ours(x):
            self.function(x, name, chosen)
        else:
            self.library(x, chosen)

    def function(self, x: Any, name: str, chosen: str) -> None:
        """Add a function of the book: its own text, or its source without decorators and annotations."""
        written = _WRITTEN.get(x)
        inner = inspect.unwrap(x)
        if written is None and name_of(x).endswith("_reduce") and "." in x.__name__:
            written = _REDUCTION.format(name=name_of(x), ufunc=f"np.{x.__name__.removesuffix('.reduce')}")
        tree = ast.parse(written or textwrap.dedent(inspect.getsource(inner)))
        definition = tree.body[0]
        if not isinstance(definition, ast.FunctionDef) or (
            not written and (inner.__closure__ or definition.name != inner.__name__)
        ):
            raise NoSourceError(f"{name} is no function of a module")
        scope = _WRITTEN_SCOPE if written else inner.__globals__
        plain = ast.fix_missing_locations(_Plain().visit(definition))
        renamed = {definition.name: chosen}
        for used in dict.fromkeys(_globals(plain)):
            if used in scope and used != definition.name:
                renamed[used] = self.add(scope[used], used)
            elif used not in scope and not hasattr(builtins, used):
                raise NoSourceError(f"{name} uses {used}")
        if written and all(old == new for old, new in renamed.items()):
            self.texts[chosen] = written.strip()
            return
        if _is_cached(x):
            self.imports.add("functools")
        plain.name = chosen
        text = ast.unparse(_Renamed(renamed).visit(plain))
        self.texts[chosen] = ("@functools.cache\n" if _is_cached(x) else "") + text

    def library(self, x: Any, chosen: str) -> None:
        """Add what a library has."""
        module = sys.modules.get(str(getattr(x, "__module__", "")))
        name = getattr(x, "__name__", "")
        if module is None or getattr(module, name, None) is not x or module.__name__.split(".")[0] == "adjoint":
            raise NoSourceError(f"{chosen} has no text")
        self.texts[chosen] = f"from {module.__name__} import {name}" + (f" as {chosen}" if chosen != name else "")


class _Renamed(ast.NodeTransformer):
    """Gives global names new names."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.copy_location(ast.Name(self.names.get(node.id, node.id), node.ctx), node)


# Elements of a table that is written out.
_LARGEST = 512


def _is_simple(x: Any) -> bool:
    return isinstance(x, _SIMPLE) or (isinstance(x, (tuple, frozenset)) and all(map(_is_simple, x)))


class _Plain(ast.NodeTransformer):
    """Removes decorators and annotations."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.decorator_list, node.returns = [], None
        arguments = node.args
        for arg in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]:
            if arg is not None:
                arg.annotation = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        self.generic_visit(node)
        if node.value is None:
            return None
        return ast.copy_location(ast.Assign(targets=[node.target], value=node.value), node)


def _globals(definition: ast.FunctionDef) -> list[str]:
    """Return the names that a function takes from its module."""
    code = compile(ast.Module([definition], []), "<support>", "exec").co_consts
    found: list[str] = []
    pending = [c for c in code if isinstance(c, types.CodeType)]
    while pending:
        one = pending.pop()
        found += _global_loads(one)
        pending += [c for c in one.co_consts if isinstance(c, types.CodeType)]
    return found


def _global_loads(code: types.CodeType) -> list[str]:
    import dis

    return [str(i.argval) for i in dis.get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")]
