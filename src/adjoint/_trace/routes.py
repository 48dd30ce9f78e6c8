"""What instrumented code calls instead of the functions that NumPy's protocols cannot see.

An instrumented function writes ``route(g)(args)`` for ``g(args)``.  `route` returns ``g`` itself for almost everything.  It
returns

- an instrumented copy, for functions of the user's (and of pure Python libraries) whose source can be read;
- a replacement that dispatches on traced values, for ``math.*``, ``float``, ``np.array``, ``sum``, ``max``, ``isinstance`` and
  the like;
- a `memory.Buffer`, from the functions that allocate arrays.
"""

from __future__ import annotations

import builtins
import cmath
import dataclasses
import functools
import itertools
import math
import operator
import sys
import types
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from adjoint._overload import NO_OPTIONS
from adjoint._rules import kinds, shaping
from adjoint._rules.book import BOOK, find
from adjoint._trace import memory
from adjoint._trace.instrument import instrument
from adjoint._trace.memory import Buffer, as_traced
from adjoint._trace.traced import Host, Traced, apply, highest, is_array, plain, sample, unhost
from adjoint._trace.twins import original, twin_of
from adjoint.errors import OWN_FILES, MissingRuleError

Function = Callable[..., Any]

REPLACEMENTS: dict[Any, Any] = {}


def replaces(*functions: Any) -> Callable[[Function], Function]:
    """Register the decorated function as the replacement of others."""

    def decorate(replacement: Function) -> Function:
        for function in functions:
            REPLACEMENTS[function] = replacement
        return replacement

    return decorate


class Runtime:
    """What an instrumented copy sees as ``__adjoint__``."""

    @staticmethod
    def call(g: Any) -> Any:
        return route(g)

    @staticmethod
    def own(x: Any) -> Any:
        return memory.own(x) if type(x) is np.ndarray else x

    @staticmethod
    def text(value: Any) -> Any:
        return tuple(map(plain, value)) if type(value) is tuple else plain(value)

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


def any_traced(values: Iterable[Any]) -> bool:
    """Tell whether a value, or an entry of a list among them, is traced."""
    for v in values:
        if isinstance(v, Traced) or (isinstance(v, Host) and v.content is not None):
            return True
        if type(v) in (list, tuple) and highest(v) is not None:
            return True
    return False


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
    return lambda *args, **kwargs: memory.own(g(*args, **kwargs))


def memory_of(a: Any) -> Any:
    """Return an array as a target of stores."""
    return a


# math and cmath ---------------------------------------------------------------------------------------------------------------

# fmt: off
MATH = {
    "acos": "arccos", "acosh": "arccosh", "asin": "arcsin", "asinh": "arcsinh", "atan": "arctan", "atan2": "arctan2",
    "atanh": "arctanh", "cbrt": "cbrt", "ceil": "ceil", "copysign": "copysign", "cos": "cos", "cosh": "cosh",
    "degrees": "degrees", "exp": "exp", "exp2": "exp2", "expm1": "expm1", "fabs": "fabs", "floor": "floor", "fmod": "fmod",
    "isfinite": "isfinite", "isinf": "isinf", "isnan": "isnan", "ldexp": "ldexp", "log10": "log10", "log1p": "log1p",
    "log2": "log2", "nextafter": "nextafter", "pow": "power", "radians": "radians", "sin": "sin", "sinh": "sinh",
    "sqrt": "sqrt", "tan": "tan", "tanh": "tanh", "trunc": "trunc",
}
# fmt: on


def _math_function(original: Function, ufunc: np.ufunc) -> Function:
    @functools.wraps(original)
    def call(*args: Any) -> Any:
        for x in args:
            if isinstance(x, Traced):
                return x._apply(ufunc, tuple([a if type(a) is float else _number(a) for a in args]), NO_OPTIONS, call)
            if isinstance(x, Host):
                return call(*map(_number, args))
        return original(*args)

    return call


def _number(x: Any) -> Any:
    """Return the number in an array of one element, as ``math`` functions accept it."""
    if isinstance(x, Traced) and type(x.primal) is float:
        return x
    x = as_traced(x)
    if isinstance(x, Traced):
        return x.item() if x.ndim else x
    return x.item() if isinstance(x, np.ndarray) else x


for _name, _numpy_name in MATH.items():
    if hasattr(math, _name):
        REPLACEMENTS[getattr(math, _name)] = _math_function(getattr(math, _name), getattr(np, _numpy_name))


@replaces(cmath.log)
def cmath_log(z: Any, *base: Any) -> Any:
    if not any_traced((z, *base)):
        return cmath.log(z, *base)
    y = np.log(_number(z) + 0j)
    return y / np.log(_number(base[0]) + 0j) if base else y


@replaces(cmath.phase)
def cmath_phase(z: Any) -> Any:
    return np.angle(_number(z)) if any_traced((z,)) else cmath.phase(z)


@replaces(cmath.polar)
def cmath_polar(z: Any) -> Any:
    return (abs(_number(z)), cmath_phase(z)) if any_traced((z,)) else cmath.polar(z)


@replaces(cmath.rect)
def cmath_rect(r: Any, phi: Any) -> Any:
    return r * np.exp(1j * _number(phi)) if any_traced((r, phi)) else cmath.rect(r, phi)


for _name in (
    "acos", "acosh", "asin", "asinh", "atan", "atanh", "cos", "cosh", "exp", "log10", "sin", "sinh", "sqrt", "tan", "tanh",
):  # fmt: skip
    REPLACEMENTS[getattr(cmath, _name)] = _math_function(getattr(cmath, _name), getattr(np, MATH[_name]))


@replaces(math.log)
def math_log(x: Any, *base: Any) -> Any:
    if not any_traced((x, *base)):
        return math.log(x, *base)
    return _natural_log(x) / _natural_log(base[0]) if base else _natural_log(x)


def _natural_log(x: Any) -> Any:
    return apply(np.log, (_number(x),), {}, _natural_log) if any_traced((x,)) else math.log(x)


@replaces(math.hypot)
def math_hypot(*coordinates: Any) -> Any:
    if not any_traced(coordinates):
        return math.hypot(*coordinates)
    y = abs(coordinates[0])
    for x in coordinates[1:]:
        y = np.hypot(y, x)
    return y


@replaces(math.dist)
def math_dist(p: Any, q: Any) -> Any:
    return math_hypot(*[a - b for a, b in zip(p, q, strict=True)])


@replaces(math.fsum, builtins.sum)
def total(values: Iterable[Any], /, start: Any = 0) -> Any:
    y = start
    for value in values:
        y = y + value
    return y


@replaces(math.prod)
def product(values: Iterable[Any], /, *, start: Any = 1) -> Any:
    y = start
    for value in values:
        y = y * value
    return y


@replaces(getattr(math, "sumprod", "math.sumprod"))
def sumprod(p: Iterable[Any], q: Iterable[Any]) -> Any:
    return total(a * b for a, b in zip(p, q, strict=True))


@replaces(math.modf)
def math_modf(x: Any) -> Any:
    return (math.fmod(plain(x), 1.0) - plain(x) + x, float(math.trunc(plain(x)))) if any_traced((x,)) else math.modf(x)


@replaces(math.remainder)
def math_remainder(x: Any, y: Any) -> Any:
    return x - y * float(round(plain(x) / plain(y))) if any_traced((x, y)) else math.remainder(x, y)


@replaces(getattr(math, "fma", "math.fma"))
def math_fma(x: Any, y: Any, z: Any) -> Any:
    return x * y + z if any_traced((x, y, z)) else math.fma(x, y, z)  # pyright: ignore[reportAttributeAccessIssue] - 3.13


def _special(name: str) -> Function:
    def call(x: Any) -> Any:
        if not any_traced((x,)):
            return getattr(math, name)(x)
        import scipy.special

        return getattr(scipy.special, "gammaln" if name == "lgamma" else name)(x)

    return call


for _name in ("erf", "erfc", "gamma", "lgamma"):
    REPLACEMENTS[getattr(math, _name)] = _special(_name)


@replaces(math.frexp)
def math_frexp(x: Any) -> Any:
    if not any_traced((x,)):
        return math.frexp(x)
    _, exponent = math.frexp(plain(x))
    return x * 2.0**-exponent, exponent


@replaces(math.isclose)
def math_isclose(a: Any, b: Any, **kwargs: Any) -> bool:
    return math.isclose(plain(a), plain(b), **kwargs)


# Built-in functions -----------------------------------------------------------------------------------------------------------


@replaces(float, np.float64, np.double)
def to_float(x: Any = 0.0) -> Any:
    x = unhost(x)
    if isinstance(x, Traced):
        return _real_number(_number(x))
    return float(x)


def _real_number(x: Traced) -> Any:
    if x.dtype.kind == "c":
        raise TypeError("float() argument must be a string or a real number, not 'complex'")
    return x


@replaces(complex, np.complex128)
def to_complex(real: Any = 0.0, imag: Any = None) -> Any:
    if not any_traced((real, imag)):
        return complex(real) if imag is None else complex(real, imag)
    return real + 0j if imag is None else real + 1j * imag


@replaces(isinstance)
def is_instance(x: Any, classes: Any) -> bool:
    if isinstance(x, (Traced, Host)):
        return isinstance(sample(x), classes) or isinstance(x, classes)
    return isinstance(x, classes)


@replaces(type)
def type_of(*args: Any) -> Any:
    if len(args) != 1:
        return type(*args)
    return original(type(sample(args[0]) if isinstance(args[0], (Traced, Host)) else args[0]))


@replaces(dataclasses.replace)
def replace(obj: Any, /, **changes: Any) -> Any:
    cls = original(type(obj))
    if not dataclasses.is_dataclass(cls) or cls is type(obj) and followed(cls) is cls:
        return dataclasses.replace(obj, **changes)
    fields = dataclasses.fields(obj)
    if any(not field.init and field.name in changes for field in fields):
        return dataclasses.replace(obj, **changes)  # raises
    kept = {field.name: getattr(obj, field.name) for field in fields if field.init and field.name not in changes}
    return followed(cls)(**kept, **changes)


@replaces(pow)
def power(x: Any, y: Any, mod: Any = None) -> Any:
    return x**y if mod is None else pow(x, y, mod)


@replaces(map)
def mapped(function: Any, *iterables: Any) -> Any:
    return map(route(function), *iterables)


@replaces(filter)
def filtered(function: Any, iterable: Any) -> Any:
    return filter(function and route(function), iterable)


@replaces(functools.reduce)
def reduced(function: Any, *args: Any) -> Any:
    return functools.reduce(route(function), *args)


@replaces(itertools.accumulate)
def accumulated(iterable: Any, func: Any = None, **kwargs: Any) -> Any:
    return itertools.accumulate(iterable, func and route(func), **kwargs)


@replaces(itertools.starmap)
def starmapped(function: Any, iterable: Any) -> Any:
    return itertools.starmap(route(function), iterable)


@replaces(functools.partial)
def partial(function: Any, /, *args: Any, **kwargs: Any) -> Any:
    return functools.partial(route(function), *args, **kwargs)


def _with_key(original: Function) -> Function:
    @functools.wraps(original)
    def call(*args: Any, key: Any = None, **kwargs: Any) -> Any:
        return original(*args, key=key and route(key), **kwargs)

    return call


for _function in (sorted, min, max):
    REPLACEMENTS[_function] = _with_key(_function)


# Arrays -----------------------------------------------------------------------------------------------------------------------


def _allocating(original: Function) -> Function:
    """Wrap a function that returns a new array: it may later take in traced values."""

    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        if "like" in kwargs:
            return original(*args, **kwargs)
        y = original(*args, **kwargs)
        return y.view(Buffer) if type(y) is np.ndarray and y.dtype.kind in "fc" else y

    return call


for _function in (
    np.zeros, np.empty, np.ones, np.eye, np.identity, np.zeros_like, np.ones_like, np.empty_like, np.linspace, np.arange,
    np.logspace, np.geomspace, np.copy, np.fromfunction, np.loadtxt, np.tri, np.frombuffer, np.fromstring,
):  # fmt: skip
    REPLACEMENTS[_function] = _allocating(_function)


@replaces(np.full)
def full(shape: Any, fill_value: Any, dtype: Any = None, **kwargs: Any) -> Any:
    if any_traced((fill_value,)):
        y = np.zeros(shape, dtype or as_traced(fill_value).dtype).view(Buffer)
        y[...] = fill_value
        return y
    return memory.own(np.full(shape, fill_value, dtype, **kwargs))


@replaces(np.full_like)
def full_like(a: Any, fill_value: Any, dtype: Any = None, shape: Any = None, **_: Any) -> Any:
    return full(kinds.shape_of(a) if shape is None else shape, fill_value, dtype or kinds.dtype_of(a))


@replaces(np.array)
def array(x: Any, dtype: Any = None, *, copy: Any = True, ndmin: int = 0, **kwargs: Any) -> Any:
    if not any_traced((x,)):
        x = _materialised(x)
        if not any_traced((x,)):
            return memory.own(np.array(x, dtype, copy=copy, ndmin=ndmin, **kwargs))
    y = as_array(x)
    y = y if dtype is None else np.astype(y, dtype)
    while len(kinds.shape_of(y)) < ndmin:
        y = y[None]
    return np.copy(y) if copy and isinstance(as_traced(x), Traced) and y is as_traced(x) else y


@replaces(np.asarray, np.asanyarray, np.ascontiguousarray, np.asfortranarray, np.asarray_chkfinite)
def asarray(x: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Any:
    if any_traced((x,)):
        if isinstance(x, memory.ActiveBuffer) and dtype is None:
            return x
        y = as_array(x)
        return y if dtype is None else np.astype(y, dtype)
    if isinstance(x, Buffer) and dtype is None:
        return x
    x = _materialised(x)
    return asarray(x, dtype) if any_traced((x,)) else np.asarray(x, dtype, *args, **kwargs)


def _materialised(x: Any) -> Any:
    """Return an array of objects that holds traced values as a nested list."""
    return x.tolist() if isinstance(x, np.ndarray) and x.dtype == object else x


def as_array(x: Any) -> Any:
    """Return a traced number or a nested sequence as a traced array."""
    x = memory.as_traced(x)
    if is_array(x):
        return x
    return np.reshape(x, ())


class _Concatenator:
    """``np.r_`` or ``np.c_`` for traced values: the entries of an index, joined as NumPy does for numbers and arrays."""

    def __init__(self, original: Any, join: Function) -> None:
        self.original, self.join = original, join

    def __getitem__(self, index: Any) -> Any:
        parts = index if isinstance(index, tuple) else (index,)
        if not any_traced(parts):
            return memory.own(self.original[index])
        if any(isinstance(part, str) for part in parts):
            raise MissingRuleError.of("numpy.r_ with a string", "the string changes the axes", "np.r_['...', x]")
        return self.join([self.original[part] if isinstance(part, slice) else as_traced(part) for part in parts])


REPLACEMENTS[np.r_] = _Concatenator(np.r_, lambda parts: np.concatenate([np.atleast_1d(part) for part in parts]))
REPLACEMENTS[np.c_] = _Concatenator(np.c_, lambda parts: np.column_stack(parts))


@replaces(np.fromiter)
def fromiter(iterable: Any, dtype: Any, count: int = -1, **kwargs: Any) -> Any:
    values = list(itertools.islice(iterable, count) if count >= 0 else iterable)
    return array(values, dtype) if any_traced((values,)) else memory.own(np.fromiter(values, dtype, count, **kwargs))


@replaces(np.isscalar)
def isscalar(x: Any) -> bool:
    return np.isscalar(sample(x)) if isinstance(x, Traced) else np.isscalar(x)


@replaces(np.vectorize)
def vectorize(pyfunc: Any, *args: Any, **kwargs: Any) -> Any:
    if args or kwargs:
        return np.vectorize(pyfunc, *args, **kwargs)
    scalar = route(pyfunc)

    def call(*arrays: Any) -> Any:
        shape = np.broadcast_shapes(*map(np.shape, arrays))
        columns = [np.reshape(np.broadcast_to(as_traced(a), shape), -1) for a in arrays]
        return np.reshape(asarray([scalar(*row) for row in zip(*columns, strict=True)]), shape)

    return call


@replaces(np.ndenumerate)
def ndenumerate(arr: Any) -> Any:
    if not any_traced((arr,)):
        return np.ndenumerate(arr)
    arr = as_array(arr)
    return ((index, arr[index]) for index in np.ndindex(arr.shape))


@replaces(np.apply_along_axis)
def apply_along_axis(func1d: Any, axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    return shaping.apply_along_axis(route(func1d), axis, as_traced(arr), *args, **kwargs)


@replaces(np.float32, np.complex64, np.float16, np.longdouble)
def _unchanged(x: Any = 0.0) -> Any:  # replaced below, one for each type
    return x


def _number_type(kind: type) -> Function:
    return lambda x=0.0: np.astype(as_traced(x), kind) if any_traced((x,)) else kind(x)


for _kind in (np.float32, np.complex64, np.float16, np.longdouble):
    REPLACEMENTS[_kind] = _number_type(_kind)
