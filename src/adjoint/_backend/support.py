"""Functions of the rule book that no library has, as text of their own that needs NumPy and SciPy only.

The few that most derivatives use are written out here to be read.  Of the others the source is taken, with what it calls, without
decorators and annotations.  What cannot be taken over in this way runs as the object that it is, and is not exported.
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
    return spread(g, x)
''',
    stores.spread: '''
def spread(g, x):
    """Return g broadcast to the shape of x, in its dtype."""
    if np.shape(g) != np.shape(x):
        g = np.broadcast_to(g, np.shape(x))
    dtype = np.result_type(x)
    if np.result_type(g) == dtype:
        return g
    if np.iscomplexobj(g) and dtype.kind != "c":
        g = np.real(g)
    return g.astype(dtype) if isinstance(g, np.ndarray) else dtype.type(g)
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
    texts: dict[str, str] = {}
    imports: set[str] = set()
    objects: dict[str, Any] = {}
    for function, name in wanted.items():
        try:
            collector = _collected(function, texts)
        except (NoSourceError, OSError, TypeError, SyntaxError):
            objects[name] = function
            continue
        texts.update(collector.texts)
        imports |= collector.imports
        if name != name_of(function):
            texts[name] = f"{name} = {name_of(function)}"
    return list(texts.values()), imports, objects


def _collected(function: Function, texts: dict[str, str]) -> _Collector:
    """Take over a function; refuse one that needs another meaning of a name that is defined already."""
    collector = _Collector()
    collector.add(function, name_of(function))
    if any(texts.get(key, text) != text for key, text in collector.texts.items()):
        raise NoSourceError(f"two functions are called {function.__name__}")
    return collector


class _Collector:
    """Takes over a function and what it needs."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.imports: set[str] = set()
        self.known: dict[str, Any] = {}

    def add(self, x: Any, name: str) -> None:
        """Add the definition of a global name."""
        if name in self.known:
            if self.known[name] is not x:
                raise NoSourceError(f"two objects are called {name}")
            return
        self.known[name] = x
        if isinstance(x, types.ModuleType):
            self.imports.add(x.__name__ if x.__name__ == name else f"{x.__name__} as {name}")
        elif isinstance(x, type) and issubclass(x, errors.AdjointError):
            base = next(b for b in x.__mro__ if b.__module__ == "builtins")
            self.texts[name] = _ERROR.format(name=name, base=base.__name__).strip()
        elif _is_simple(x):
            self.texts[name] = f"{name} = {x!r}"
        elif isinstance(x, np.ndarray) and x.size <= _LARGEST and x.dtype.kind in "biufc":
            self.imports.add("numpy as np")
            self.texts[name] = f"{name} = np.array({x.tolist()!r}, {x.dtype.str!r})"
        else:
            self.function(x, name)

    def function(self, x: Any, name: str) -> None:
        written = _WRITTEN.get(x) if callable(x) else None
        if written is None and name.endswith("_reduce") and getattr(x, "__name__", "").count(".") == 1:
            written = _REDUCTION.format(name=name, ufunc=f"np.{x.__name__.removesuffix('.reduce')}")
        if written is None and not is_ours(x):
            self.library(x, name)
            return
        tree = ast.parse(written or textwrap.dedent(inspect.getsource(inspect.unwrap(x))))
        definition = tree.body[0]
        if not isinstance(definition, ast.FunctionDef) or definition.name != name or (not written and inspect.unwrap(x).__closure__):
            raise NoSourceError(f"{name} is no function of a module")
        scope = {"np": np, **{key: f for f in _WRITTEN for key in (f.__name__,)}} if written else inspect.unwrap(x).__globals__
        plain = ast.fix_missing_locations(_Plain().visit(definition))
        for used in dict.fromkeys(_globals(plain)):
            if used not in scope:
                if not hasattr(builtins, used):
                    raise NoSourceError(f"{name} uses {used}")
                continue
            self.add(scope[used], used)
        if not written and _is_cached(x):
            self.imports.add("functools")
        self.texts[name] = written.strip() if written else ("@functools.cache\n" if _is_cached(x) else "") + ast.unparse(plain)

    def library(self, x: Any, name: str) -> None:
        """Add what a library has."""
        module = sys.modules.get(str(getattr(x, "__module__", "")))
        if module is None or getattr(module, name, None) is not x or module.__name__.split(".")[0] == "adjoint":
            raise NoSourceError(f"{name} has no text")
        self.texts[name] = f"from {module.__name__} import {name}"


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
