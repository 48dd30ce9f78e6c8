"""What is called in place of a function that the user's code calls."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import functools
import inspect
import operator
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint import _ufunc_methods
from adjoint._frontend import invoke, iteration
from adjoint._frontend.function_merge import Choice, expect_unchanged
from adjoint._frontend.lists import GrowingList, holds_symbols
from adjoint._frontend.purity import GENERATORS, drawn, impure, is_immutable, is_impure
from adjoint._frontend.recorder import CREATION
from adjoint._frontend.state import Ambiguous, RefusedError, is_plain_object
from adjoint._frontend.views import VIEWS
from adjoint._ir.infer import UnknownTypeError
from adjoint._ir.symbol import Symbol, UnknownNumberError, writer
from adjoint._overload import Flat, Overloaded
from adjoint._rules import stores
from adjoint._rules.book import BOOK, find
from adjoint.errors import OWN_FILES

Function = Callable[..., Any]
# What is called instead of a function or class, filled by `builtin_calls` and by the API for its own operators.
REPLACED: dict[Any, Function] = {}
# How objects of a class are called, filled by the API.
CALLED: dict[type, Callable[[Any, tuple[Any, ...], dict[str, Any]], Any]] = {}
NUMBER_OPERATORS: dict[str, Function] = {
    name: getattr(operator, name)
    for name in (
        *("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and_", "or_", "xor", "lshift", "rshift"),
        *("lt", "le", "eq", "ne", "gt", "ge"),
    )
}
_DISPATCHER = type(np.sum)
_AS_THEY_ARE = (frozenset(sys.stdlib_module_names) | {"numpy", "optree", "_pytest", "pytest", "hypothesis"}) - {
    "__main__",
    "statistics",
}
_MUTABLE = (list, dict, set)


def replaces(*functions: Any) -> Callable[[Function], Function]:
    """Register what is called in place of functions."""

    def register(replacement: Function) -> Function:
        for function in functions:
            REPLACED[function] = replacement
        return replacement

    return register


def routed(f: Any) -> Any:
    """Return what is called in place of ``f``."""
    if isinstance(f, Ambiguous):
        raise f.refuse()
    try:
        replacement = REPLACED.get(f)
    except TypeError:
        replacement = None
    if replacement is not None:
        return replacement
    for cls, handler in CALLED.items():
        if isinstance(f, cls):
            return lambda *args, **kwargs: handler(f, args, kwargs)
    kind = type(f)
    route = _BY_KIND.get(kind)
    if route is not None:
        return route(f)
    if isinstance(f, type):
        return _class(f)
    return _object(f)


def runs_as_it_is(module: str | None) -> bool:
    """Tell whether functions of a module are not read."""
    module = module or ""
    return module.partition(".")[0] in _AS_THEY_ARE and not module.startswith("numpy.polynomial")


def _function(f: types.FunctionType) -> Any:
    if invoke.is_rewritten(f):
        return functools.partial(_rewritten, f)
    if (f.__module__ or "").startswith("numpy") and not f.__module__.startswith("numpy.polynomial"):
        return _numpy(f)
    if f in BOOK or ((f.__module__ or "").startswith("scipy") and find(f) is not None):
        return _of_book(f)
    if f.__code__.co_filename.startswith(OWN_FILES):
        return f
    if f.__code__.co_filename == contextlib.__file__ and hasattr(f, "__wrapped__"):
        inner = routed(f.__wrapped__)  # pyright: ignore[reportFunctionMemberAccess]
        return lambda *args, **kwargs: contextlib._GeneratorContextManager(inner, args, kwargs)
    if runs_as_it_is(f.__module__):
        return impure(f) if is_impure(f) else f
    return functools.partial(_python, f)


def _rewritten(f: types.FunctionType, /, *args: Any, **kwargs: Any) -> Any:
    if writer().sources:
        expect_unchanged(writer(), f)
    return writer().made_iterator(invoke.enter(f, f, args, kwargs))


def _chosen(f: Choice, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a function that is one of several: a branch for each of them."""
    from adjoint._frontend.runtime import RUNTIME

    def call(k: int) -> Any:
        run = lambda: routed(f.options[k])(*args, **kwargs)
        if k == len(f.options) - 1:
            return run()
        return RUNTIME.choose(RUNTIME.compare(("eq",), f.index, lambda: k), run, lambda: call(k + 1))

    return call(0)


CALLED[Choice] = _chosen


def _python(f: types.FunctionType, /, *args: Any, **kwargs: Any) -> Any:
    copy = invoke.copy_of(f)
    if copy is None:
        if not holds_symbols((args, kwargs)):
            return f(*args, **kwargs)
        raise invoke.unreadable(f)
    return writer().made_iterator(invoke.enter(copy, f, args, kwargs))


def special(obj: Any, name: str) -> Any:
    """Return a special method of an object of the user's in the form in which it is followed; None if there is none."""
    method = getattr(type(obj), name, None)
    if isinstance(method, types.FunctionType) and is_plain_object(obj) and not runs_as_it_is(method.__module__):
        return functools.partial(routed(method), obj)
    return None


def _of_book(f: Function) -> Function:
    def call(*args: Any, **kwargs: Any) -> Any:
        return writer().apply(f, args, kwargs) if holds_symbols((args, kwargs)) else f(*args, **kwargs)

    return call


def _method(f: types.MethodType) -> Any:
    owner = f.__self__
    if isinstance(owner, (Overloaded, Flat)):
        return f
    if isinstance(owner, GENERATORS):
        return drawn(f)
    inner = routed(f.__func__)
    return f if inner is f.__func__ else functools.partial(inner, owner)


def _builtin(f: Any) -> Any:  # noqa: C901 - a table of cases
    owner = f.__self__
    if f in CREATION or (isinstance(owner, types.ModuleType) and owner.__name__.startswith("numpy")):
        return _numpy(f)
    if owner is None or isinstance(owner, types.ModuleType):
        if is_impure(f):
            return impure(f)
        return _of_book(f) if f in BOOK else _plain_builtin(f)
    if isinstance(owner, types.GeneratorType):
        return functools.partial(_resumed, f, owner)
    if isinstance(owner, (tuple, GrowingList)) and f.__name__ in ("count", "index"):
        return lambda *args: _sequence_method(owner, f.__name__, *args)
    if isinstance(owner, str) and f.__name__ == "format":
        return lambda *args, **kw: text_of(owner, args, kw)
    if isinstance(owner, np.ufunc):
        return _ufunc_method(f, owner)
    if isinstance(owner, np.ndarray):
        return getattr(writer().captures.array(owner), f.__name__)
    if isinstance(owner, _MUTABLE) or type(owner).__module__ == "collections":
        return _container_method(f, owner)
    if isinstance(owner, GENERATORS):
        return drawn(f)
    if isinstance(owner, np.random.Generator):
        return impure(f)
    return f if is_immutable(owner) or _harmless(f) else impure(f)


def _resumed(f: Function, generator: Any, /, *args: Any) -> Any:
    writer().used_iterator(generator)
    return f(*args)


def text_of(template: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return ``template.format(*args, **kwargs)``."""
    if holds_symbols(args) and not kwargs:
        return writer().apply(text, (template, *args), {})
    return template.format(*args, **kwargs)


def _sequence_method(owner: Any, name: str, *args: Any) -> Any:
    from adjoint._frontend.sequences import found

    return found(owner, name, *args)


def _harmless(f: Any) -> bool:
    """Tell whether a built-in method of an object of the user's, which its class inherits, only reads."""
    return f.__name__.startswith("__") and f.__name__ not in (
        "__setattr__",
        "__delattr__",
        "__setitem__",
        "__delitem__",
        "__next__",
    )


def _plain_builtin(f: Function) -> Function:
    """Return a built-in function of a library as it is; what it iterates over must be known."""

    def call(*args: Any, **kwargs: Any) -> Any:
        for a in args:
            writer().check(a)
        args = tuple(iteration.iterated(a) if isinstance(a, iteration.LAZY) else a for a in args)
        y = f(*args, **kwargs)
        return writer().made(y) if isinstance(y, (*_MUTABLE, collections.deque)) and isinstance(f, type) else y

    return call


def _container_method(f: Any, owner: Any) -> Function:
    def call(*args: Any, **kwargs: Any) -> Any:
        if f.__name__ not in ("get", "keys", "values", "items", "index", "count", "copy", "__getitem__"):
            writer().touch(owner)
        args = tuple(iteration.iterated(a) if isinstance(a, iteration.LAZY) else a for a in args)
        y = f(*args, **kwargs)
        return writer().made(y) if f.__name__ == "copy" else y

    return call


def _ufunc_method(f: Any, ufunc: np.ufunc) -> Function:
    def call(*args: Any, **kwargs: Any) -> Any:
        args = tuple(writer().as_array(a) if isinstance(a, list) and holds_symbols(a) else a for a in args)
        args = tuple(writer().captures.array(a) for a in args)
        if f.__name__ == "at":
            return _ufunc_at(ufunc, *args)
        if holds_symbols((args, kwargs)):
            return _ufunc_methods.evaluate(ufunc, f.__name__, args, kwargs)
        return f(*args, **kwargs)

    return call


def _ufunc_at(ufunc: np.ufunc, target: Any, index: Any, *values: Any) -> None:
    """``ufunc.at``: repeated indices one after the other."""
    if ufunc in (np.add, np.subtract):
        v = values[0] if ufunc is np.add else np.negative(values[0])
        target.replace(writer().operation(stores.accumulate, (target, index, v)))
        return
    places = list(iteration.iterated(index))
    for k, place in enumerate(places):
        rest = [v[k] if isinstance(v, Symbol) and v.ndim else v if not isinstance(v, (list, tuple)) else v[k] for v in values]
        target[place] = ufunc(target[place], *rest)


# NumPy ------------------------------------------------------------------------------------------------------------------------

# Functions that take a sequence of arrays, not an array in the form of a sequence.
_OF_SEQUENCES = frozenset({
    np.concatenate, np.stack, np.hstack, np.vstack, np.dstack, np.column_stack, np.einsum, np.choose, np.select, np.lexsort,
    np.linalg.multi_dot, np.ix_, np.broadcast_arrays, np.meshgrid, np.piecewise, np.array, np.asarray, np.block, np.split,
})  # fmt: skip
_WRITERS = frozenset({np.copyto, np.put, np.place, np.putmask, np.fill_diagonal, np.put_along_axis})


def _numpy(f: Any) -> Function:
    if is_impure(f):
        return impure(f)
    if f is np.copyto:
        return _copyto
    if f in _WRITERS:
        return lambda *args, **kwargs: BOOK[f].formulas[0](*[_written(a) for a in args], **kwargs)

    def call(*args: Any, **kwargs: Any) -> Any:
        w = writer()
        args = tuple(_argument(w, f, a, k) for k, a in enumerate(args))
        kwargs = {name: w.captures.array(value) for name, value in kwargs.items()}
        if f in CREATION:
            view = VIEWS.get(f)
            made = None if view is None else view(*args, **kwargs)
            return w.create(f, args, kwargs) if made is None else made
        if any(isinstance(a, Overloaded) for a in (*args, *kwargs.values())):
            return _composed(f, args, kwargs)
        if holds_symbols((args, kwargs)):
            return w.apply(f, args, kwargs)
        y = f(*args, **kwargs)
        return w.create(f, args, kwargs) if isinstance(y, np.ndarray) else y

    return call


def _copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    """``np.copyto``."""
    dst, src = _written(dst), _written(src)
    where = where if where is True else _written(where)
    values = src if where is True else np.where(where, src, dst)
    BOOK[np.copyto].formulas[0](dst, values, casting)


def _written(a: Any) -> Any:
    """Return an argument of a function that writes to its first one."""
    if isinstance(a, GrowingList):
        return writer().as_array(a) if holds_symbols(a) else list(a.known_items)
    return writer().captures.array(a)


def _argument(w: Any, f: Any, a: Any, position: int) -> Any:
    if isinstance(a, iteration.LAZY):
        a = GrowingList(iteration.iterated(a))
    if isinstance(a, types.GeneratorType):
        a = GrowingList(a)
    if isinstance(a, (list, tuple)) and position == 0 and f not in _OF_SEQUENCES and holds_symbols(a) and f not in CREATION:
        return w.as_array(a)
    if isinstance(a, (list, tuple)) and isinstance(f, np.ufunc) and holds_symbols(a):
        return w.as_array(a)
    return w.captures.array(a)


def _composed(f: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a NumPy function on symbols, with functions that it takes in rewritten form; composites may be expanded."""
    args = tuple(routed(a) if isinstance(a, (types.FunctionType, types.MethodType)) else a for a in args)
    if isinstance(f, np.ufunc):
        return f(*args, **kwargs)
    rule = find(f)
    if any(callable(a) and not isinstance(a, Overloaded) and not isinstance(a, type) for a in args) and rule is not None:
        return rule.formulas[0](*args, **kwargs)
    out = kwargs.pop("out", None)
    try:
        y = writer().apply(f, args, kwargs)
    except (UnknownTypeError, UnknownNumberError):
        # The definition of `cross` takes vectors whose components are not known for vectors in space; these are seen not to be.
        if rule is None or rule.kind != "composite" or f is np.cross:
            raise
        y = rule.formulas[0](*args, **kwargs)
    return y if out is None else _ufunc_methods.deliver(y, (out,), True)


def concatenator(obj: Any, index: Any) -> Any:
    """``np.r_[...]`` and ``np.c_[...]``."""
    parts = index if isinstance(index, tuple) else (index,)
    if any(isinstance(part, str) for part in parts):
        raise TypeError("np.r_ with a string is not translated")
    arrays = [obj[part] if isinstance(part, slice) else part for part in parts]
    if obj is np.c_:
        return writer().apply(np.column_stack, (arrays,), {})
    return writer().apply(np.concatenate, ([writer().apply(np.atleast_1d, (a,), {}) for a in arrays],), {})


# Classes and objects ----------------------------------------------------------------------------------------------------------


def _class(cls: type) -> Any:
    if issubclass(cls, BaseException) or runs_as_it_is(cls.__module__):
        return _foreign_class(cls)
    if dataclasses.is_dataclass(cls) and cls.__dataclass_params__.init and "__init__" in cls.__dict__:  # type: ignore[attr-defined]
        return functools.partial(_dataclass, cls)
    initial = cls.__dict__.get("__init__") or getattr(cls, "__init__", None)
    if (
        isinstance(cls.__new__, types.FunctionType)
        and not runs_as_it_is(cls.__new__.__module__)
        and not hasattr(cls, "_fields")
    ):
        raise RefusedError(f"the class {cls.__name__!r} with a method __new__ is not translated", remedy="use __init__")
    if (
        not isinstance(initial, types.FunctionType)
        or cls.__new__ is not object.__new__
        or type(cls).__call__ is not type.__call__
    ):
        return _made(cls)

    def make(*args: Any, **kwargs: Any) -> Any:
        if getattr(cls, "__abstractmethods__", None):
            return cls(*args, **kwargs)
        obj = writer().made(object.__new__(cls))
        routed(initial)(obj, *args, **kwargs)
        return obj

    return make if invoke.is_rewritten(initial) or invoke.copy_of(initial) is not None else _made(cls)


def _made(cls: Any) -> Function:
    def call(*args: Any, **kwargs: Any) -> Any:
        y = cls(*args, **kwargs)
        return writer().made(y) if is_plain_object(y) else y

    return call


def _dataclass(cls: Any, /, *args: Any, **kwargs: Any) -> Any:
    """Make a dataclass as its generated ``__init__`` does, which has no source."""
    bound = inspect.signature(cls).bind(*args, **kwargs).arguments
    obj = writer().made(object.__new__(cls))
    for field in dataclasses.fields(cls):
        if field.name in bound:
            object.__setattr__(obj, field.name, bound[field.name])
        elif field.default_factory is not dataclasses.MISSING:
            object.__setattr__(obj, field.name, routed(field.default_factory)())
        elif field.default is not dataclasses.MISSING and field.init:
            object.__setattr__(obj, field.name, field.default)
    after = getattr(cls, "__post_init__", None)
    if after is not None:
        routed(after)(obj)
    return obj


def _foreign_class(cls: type) -> Any:
    if is_impure(cls):
        return impure(cls)
    if issubclass(cls, np.generic):
        return functools.partial(_numpy_number, cls)
    return _plain_builtin(cls)


def _numpy_number(cls: Any, x: Any = 0.0) -> Any:
    return np.astype(x, cls) if isinstance(x, Symbol) else cls(x)  # pyright: ignore[reportCallIssue, reportArgumentType]


def _object(f: Any) -> Any:
    if isinstance(f, (np.ufunc, _DISPATCHER)):
        return _numpy(f)
    python = getattr(f, "py_func", None)  # numba.njit and the like keep the function that they compiled
    if isinstance(python, types.FunctionType):
        return routed(python)
    if isinstance(f, functools.partial):
        take = writer().captures.part_of(f)
        args = [take(x, ("partial", k), lambda k=k: f.args[k]) for k, x in enumerate(f.args)]
        words = {name: take(x, ("partial", name), lambda name=name: f.keywords[name]) for name, x in f.keywords.items()}
        return functools.partial(routed(f.func), *args, **words)
    if isinstance(f, np.vectorize):
        return functools.partial(_vectorized, f)
    if isinstance(f, type(functools.cache(lambda: None))):
        return functools.partial(_cached, f)
    method = getattr(type(f), "__call__", None)  # noqa: B004 - the function is wanted
    if isinstance(method, types.FunctionType) and not runs_as_it_is(type(f).__module__):
        return functools.partial(routed(method), f)
    if type(f).__module__.startswith("scipy") and find(f) is not None:
        return _of_book(f)
    return f


def _vectorized(f: np.vectorize, /, first: Any, *others: Any) -> Any:
    """Call a function under `numpy.vectorize`: element by element."""
    from adjoint._frontend.runtime import RUNTIME

    w = writer()
    if f.signature is not None or f.excluded or f.otypes is not None:
        raise RefusedError("numpy.vectorize with options is not translated", remedy="write a loop or a comprehension")
    arrays = [w.captures.array(a) for a in (first, *others)]
    arrays = np.broadcast_arrays(*arrays) if others else arrays
    shape = np.shape(arrays[0])
    inner = routed(f.pyfunc)
    flat = [np.ravel(a) for a in arrays]
    items = iteration.Zip(*flat) if len(flat) > 1 else flat[0]
    element = (lambda item: inner(*item)) if len(flat) > 1 else inner
    return np.reshape(w.as_array(RUNTIME.comprehension("list", items, None, element, False)), shape)


def _cached(f: Any, /, *args: Any, **kwargs: Any) -> Any:
    """Call a function under `functools.cache`: what depends on symbols is computed anew."""
    inner = routed(f.__wrapped__)
    return inner(*args, **kwargs)


def text(template: str, *values: Any) -> str:
    """Return a text with values in the places of its braces."""
    return template.format(*values)


def percent(template: str, values: Any) -> str:
    """Return ``template % values``."""
    return template % values


_BY_KIND: dict[type, Callable[[Any], Any]] = {
    types.FunctionType: _function,
    types.MethodType: _method,
    types.BuiltinFunctionType: _builtin,
    types.MethodWrapperType: _builtin,
    np.ufunc: _numpy,
    _DISPATCHER: _numpy,
}
