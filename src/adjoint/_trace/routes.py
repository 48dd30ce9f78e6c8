"""What instrumented code calls instead of the functions that NumPy's protocols cannot see.

An instrumented function writes ``route(g)(args)`` for ``g(args)``.  `route` returns ``g`` itself for almost everything, but

- an instrumented copy, for functions of the user's (and of pure Python libraries) whose source can be read;
- a replacement that dispatches on traced values, for ``math.*``, ``float``, ``np.array``, ``sum``, ``max``, ``isinstance`` and
  the like (`replacements`, filled by `routes_math`, `routes_builtins` and `routes_arrays`).
"""

from __future__ import annotations

import functools
import operator
import sys
import types
from typing import Any

import numpy as np

from adjoint._overload import NO_OPTIONS, Function
from adjoint._rules.book import BOOK, find
from adjoint._trace import memory
from adjoint._trace.buffers import own
from adjoint._trace.instrument import instrument
from adjoint._trace.memory import as_traced
from adjoint._trace.replacements import REPLACEMENTS, any_traced
from adjoint._trace.traced import Traced, apply, highest, plain
from adjoint._trace.twins import twin_of
from adjoint.errors import OWN_FILES, ConversionError


class Runtime:
    """What an instrumented copy sees as ``__adjoint__``."""

    @staticmethod
    def call(g: Any) -> Any:
        return route(g)

    @staticmethod
    def own(x: Any) -> Any:
        return own(x) if type(x) is np.ndarray else x

    @staticmethod
    def text(value: Any) -> Any:
        return tuple(map(plain, value)) if type(value) is tuple else plain(value)

    @staticmethod
    def subject(value: Any) -> Any:
        if any_traced([value]) or (isinstance(value, dict) and any_traced(value.values())):
            raise ConversionError(
                "a traced value was matched with a pattern such as `case float():`",
                why="Python takes the type of the object itself, and another case would be chosen",
                remedy="ask `isinstance(x, float)` in an `if` or in a guard",
            )
        return value

    @staticmethod
    def own_all(values: Any) -> Any:
        if isinstance(values, dict):
            return {name: Runtime.own(value) for name, value in values.items()}
        return tuple([Runtime.own(value) for value in values])


RUNTIME = Runtime()


def instrumented(f: Function) -> Function:
    """Return the form of ``f`` in which a derivative runs it."""
    return route(f)


def route(g: Any) -> Any:  # noqa: C901 - a hot path
    """Return what instrumented code calls in place of ``g``."""
    kind = type(g)
    if kind is types.FunctionType:
        replacement = REPLACEMENTS.get(g)
        if replacement is not None:
            return replacement
        return _python_function(g)
    if kind is types.MethodType:
        inner = route(g.__func__)
        return g if inner is g.__func__ else types.MethodType(inner, g.__self__)
    if kind is types.BuiltinFunctionType:
        owner = g.__self__
        if isinstance(owner, types.ModuleType) or owner is None:
            return _replacement(g)
        if isinstance(owner, np.ndarray):
            return _array_method(g, owner)
        return _writing(g) if isinstance(owner, np.ufunc) and g.__name__ == "at" else g
    if kind is type or isinstance(g, type):
        return _class(g)
    if kind is np.ufunc or kind is _DISPATCHER:
        return _NUMPY.get(g) or _numpy_function(g)
    try:
        replacement = REPLACEMENTS.get(g)
    except TypeError:  # an unhashable callable
        replacement = None
    if replacement is not None:
        return replacement
    special = _SPECIAL_TYPES.get(kind)
    if special is not None:
        return special(g)
    return _callable_object(g)


# NumPy's functions ------------------------------------------------------------------------------------------------------------

_DISPATCHER = type(np.sum)
_NUMPY: dict[Any, Function] = {}
# Functions that take a sequence of arrays, not an array in the form of a sequence.
_OF_SEQUENCES = frozenset(
    {
        np.concatenate, np.stack, np.hstack, np.vstack, np.dstack, np.column_stack, np.einsum, np.einsum_path, np.choose,
        np.select, np.lexsort, np.linalg.multi_dot, np.ix_, np.broadcast_arrays, np.meshgrid, np.piecewise,
    }
)  # fmt: skip


# Functions that may not see a traced argument: NumPy asks others, or looks into nested lists itself.
_BLIND = frozenset({np.block, np.fill_diagonal, np.select, np.pad, np.polyint})


def _numpy_function(g: Any) -> Function:
    """Return a NumPy function that takes lists of traced values as those of numbers, and traced values without a detour."""
    replacement = REPLACEMENTS.get(g)
    if replacement is None:
        find(g)  # reads the chapter of a library that was imported late
        replacement = _listing(g)
    _NUMPY[g] = replacement
    return replacement


def _listing(g: Any) -> Function:
    sequences = g in _OF_SEQUENCES
    inputs = g.nin if isinstance(g, np.ufunc) else 99

    def call(*args: Any, **kwargs: Any) -> Any:
        if kwargs and kwargs.get("out") is not None:
            announce(kwargs["out"])
        if len(args) > inputs:  # the places of results may be given by position
            announce(args[inputs:])
            return g(*args, **kwargs)
        for a in args:
            if isinstance(a, Traced):
                return g(*args, **kwargs) if kwargs else a._apply(g, args, NO_OPTIONS)
            if type(a) in _SEQUENCES and highest(a) is not None:
                return g(*[_arrays(a, sequences) for a in args], **kwargs)
        return g(*args, **kwargs)

    routed = dispatching(g) if g in _BLIND else call
    return _writing(routed) if g in _WRITERS else routed


# Functions that write into their first argument.
_WRITERS = frozenset({np.copyto, np.put, np.place, np.putmask, np.fill_diagonal, np.put_along_axis})


def _writing(g: Any) -> Function:
    """Return a function that writes into its first argument, and tells the tapes to which that is lent first."""

    def call(target: Any, *args: Any, **kwargs: Any) -> Any:
        announce(target)
        return g(target, *args, **kwargs)

    return call


def announce(targets: Any) -> None:
    """Tell the tapes that plain arrays are about to be written to."""
    for target in targets if isinstance(targets, tuple) else (targets,):
        if isinstance(target, np.ndarray):
            memory.before_write(memory.owner_of(target))


_SEQUENCES = frozenset((list, tuple))


def _arrays(a: Any, sequences: bool) -> Any:
    """Return an argument that is a list of traced values as an array, or as a list of arrays."""
    if type(a) not in _SEQUENCES or highest(a) is None:
        return a
    return [_arrays(part, False) for part in a] if sequences else as_traced(a)


def _replacement(g: Any) -> Any:
    return REPLACEMENTS.get(g, g)


# Python functions ------------------------------------------------------------------------------------------------------------

# Packages that run as they are: the standard library, and libraries that dispatch by themselves.
_AS_THEY_ARE = frozenset(sys.stdlib_module_names) | {"numpy", "optree", "_pytest", "pytest", "dask", "cupy", "hypothesis"}
_AS_THEY_ARE -= {"__main__", "statistics"}
# Modules of these that are ordinary numerical Python.
_FOLLOWED = ("numpy.polynomial",)


def _runs_as_it_is(module: str | None) -> bool:
    module = module or ""
    return module.partition(".")[0] in _AS_THEY_ARE and not module.startswith(_FOLLOWED)


def _python_function(g: types.FunctionType) -> Any:
    if _runs_as_it_is(g.__module__) or g.__code__.co_filename.startswith(OWN_FILES):
        return g
    if g in BOOK or ((g.__module__ or "").startswith("scipy") and find(g) is not None):
        return dispatching(g)
    copy = instrument(g, RUNTIME)
    return g if copy is None else copy


@functools.cache
def dispatching(g: Function) -> Function:
    """Return a version of a function of a library that goes to its rule when an argument is traced."""

    @functools.wraps(g)
    def call(*args: Any, **kwargs: Any) -> Any:
        if any_traced(args) or any_traced(kwargs.values()):
            return apply(g, args, kwargs, call)
        return g(*args, **kwargs)

    return call


def _class(cls: type) -> Any:
    """Return a class of the user's in the form in which its operators and properties are followed too."""
    replacement = REPLACEMENTS.get(cls)
    if replacement is not None:
        return replacement
    return followed(cls)


def followed(cls: type) -> type:
    """Return the twin of a user's class, and any other class as it is."""
    return cls if _runs_as_it_is(cls.__module__) else twin_of(cls, _python_function)


def _callable_object(g: Any) -> Any:
    """Return an object of a user's class with its ``__call__`` instrumented."""
    if type(g).__module__.startswith("scipy") and find(g) is not None:
        return dispatching(g)
    method = getattr(type(g), "__call__", None)  # noqa: B004 - the function is wanted, not whether there is one
    if type(method) is types.FunctionType and not _runs_as_it_is(type(g).__module__):
        routed = route(method)
        return g if routed is method else types.MethodType(routed, g)
    # numba.njit and similar compilers keep the Python function that they compiled.
    python = getattr(g, "py_func", None)
    return route(python) if type(python) is types.FunctionType else g


def _partial(g: functools.partial[Any]) -> Any:
    inner = route(g.func)
    return g if inner is g.func else functools.partial(inner, *g.args, **g.keywords)


def _cached(g: Any) -> Any:
    """Run the function under a ``functools.cache`` with a cache of the traced run's own, keyed by identity of traced values."""
    inner = g.__wrapped__
    routed = route(inner)
    if routed is inner:
        return g
    found = _CACHES.get(g)
    if found is None or found[0] is not routed:
        found = _CACHES[g] = (routed, _Memo(g, routed))
    return found[1]


class _Memo:
    """A cache that never answers with a value of another derivative: it looks only at calls without traced arguments.

    Calls with traced arguments, and calls whose results are traced, are computed anew.
    """

    def __init__(self, original: Any, routed: Function) -> None:
        self.original, self.routed = original, routed
        self.cache: dict[Any, Any] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if any_traced(args) or any_traced(kwargs.values()):
            return self.routed(*args, **kwargs)
        key = (args, tuple(sorted(kwargs.items())))
        if key in self.cache:
            return self.cache[key]
        y = self.routed(*args, **kwargs)
        if not any_traced([y]):
            self.cache[key] = y
        return y


_CACHES: dict[Any, tuple[Any, _Memo]] = {}
_SPECIAL_TYPES: dict[type, Function] = {functools.partial: _partial, type(functools.cache(lambda: None)): _cached}


# Methods of plain arrays with traced arguments: ``A.dot(x)`` ------------------------------------------------------------------

_METHODS: dict[str, Function] = {
    "dot": np.dot, "choose": np.choose, "clip": np.clip, "searchsorted": np.searchsorted, "put": np.put, "take": np.take,
    "repeat": np.repeat, "compress": lambda a, condition, axis=None: np.compress(condition, a, axis=axis),
}  # fmt: skip


def _array_method(g: Any, owner: Any) -> Any:
    name = g.__name__
    if name == "fill":
        return functools.partial(operator.setitem, memory_of(owner), ...)
    function = _METHODS.get(name)
    if function is None:
        return _copying(g) if name in ("copy", "astype", "flatten") else g
    return lambda *args, **kwargs: (
        function(owner, *args, **kwargs) if any_traced([*args, *kwargs.values()]) else g(*args, **kwargs)
    )


def _copying(g: Any) -> Any:
    return lambda *args, **kwargs: own(g(*args, **kwargs))


def memory_of(a: Any) -> Any:
    """Return an array as a target of stores."""
    return a
