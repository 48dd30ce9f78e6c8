"""Run a user's function on numbers of another kind: symbols, or numbers of many digits.

The function is run in an instrumented copy (`adjoint._trace.instrument`), as under a derivative, so that ``math.sin`` and
``np.sin`` become the method ``sin`` of the numbers.  Arrays of such numbers are NumPy's own arrays of objects, and NumPy itself
adds, multiplies and sums them.  What cannot be run this way raises, and `refusal` puts the reason in words.
"""

from __future__ import annotations

import builtins
import math
import types
from abc import ABC
from collections.abc import Callable
from pathlib import PurePath
from typing import Any

import numpy as np

from adjoint._trace.instrument import instrument
from adjoint._trace.routes import _runs_as_it_is
from adjoint._trace.routes_math import MATH
from adjoint.errors import AdjointError, foreign_files

# Names of NumPy and SciPy's special functions that numbers of either kind have as methods.
UNARY = (
    *("sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh"),
    *("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "cbrt", "square", "reciprocal", "sign"),
    *("degrees", "radians", "erf", "erfc", "gamma", "gammaln", "expit"),
)
BINARY = ("arctan2", "hypot", "maximum", "minimum", "logaddexp")
_ALIASES = {
    "absolute": "__abs__",
    "fabs": "__abs__",
    "deg2rad": "radians",
    "rad2deg": "degrees",
    "fmax": "maximum",
    "fmin": "minimum",
}
_MATH = {getattr(math, name): target for name, target in MATH.items() if hasattr(math, name)}
_MATH |= {math.erf: "erf", math.erfc: "erfc", math.gamma: "gamma", math.lgamma: "gammaln"}
_MAKERS = (np.zeros, np.ones, np.empty, np.full, np.zeros_like, np.ones_like, np.empty_like, np.full_like, np.eye, np.identity)
_CONVERTERS = (np.array, np.asarray, np.asanyarray, np.ascontiguousarray)
_FLOATS = (float, "float", "d", np.float64, np.double, np.dtype(float))


_LIBRARIES = {"sympy", "mpmath"}


class Number(ABC):  # noqa: B024 - it has members by registration only
    """What `Runtime` takes for a number: `register` a class that has the methods `UNARY` and `BINARY`."""


class Runtime:
    """What the instrumented copy of a function calls: see `adjoint._trace.instrument.Runtime`."""

    def call(self, g: Any, /) -> Any:
        """Return what is called in place of ``g``."""
        try:
            replacement = REPLACEMENTS.get(g)
        except TypeError:  # unhashable
            return g
        if replacement is not None:
            return replacement
        if isinstance(g, np.ufunc):
            name = _ALIASES.get(g.__name__, g.__name__)
            return elementwise(name, g) if name in (*UNARY, *BINARY, "__abs__") else g
        if isinstance(g, types.FunctionType) and not _runs_as_it_is(g.__module__):
            return instrument(g, self) or g
        if isinstance(g, types.MethodType):
            return types.MethodType(self.call(g.__func__), g.__self__)
        return g

    def own(self, value: Any, /) -> Any:
        """Return the value as it is: arrays of objects hold numbers of any kind."""
        return value

    own_all = text = subject = own


RUNTIME = Runtime()


def run(f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call ``f`` on numbers of another kind."""
    return RUNTIME.call(f)(*args, **kwargs)


def refusal(error: BaseException) -> str:
    """Return why a function could not be run, with the user's line."""
    ufunc = getattr(error, "ufunc", None)
    if isinstance(error, AdjointError):
        what = error.what
    elif isinstance(ufunc, np.ufunc):
        what = f"NumPy computes {ufunc.__name__!r} with floats only"
    else:
        what = f"{type(error).__name__}: {error}"
    line = _user_line(error)
    return f"{what}, at {line}" if line else what


def _user_line(error: BaseException) -> str:
    """Return the innermost line of the traceback that is neither ours nor a library's, as ``file:line``."""
    found, step = "", error.__traceback__
    while step is not None:
        name = step.tb_frame.f_code.co_filename
        if not name.startswith(foreign_files()) and not _LIBRARIES & set(PurePath(name).parts[:-1]):
            found = f"{PurePath(name).name}:{step.tb_lineno}"
        step = step.tb_next
    return found


# Replacements ----------------------------------------------------------------------------------------------------------------


def elementwise(name: str, plain: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that calls the method ``name`` of numbers, element by element, and ``plain`` on all else."""

    def scalar(*xs: Any) -> Any:
        for position, x in enumerate(xs):
            if isinstance(x, Number):
                return getattr(x, name)(*xs[1:]) if position == 0 else getattr(x, "r" + name)(xs[0])
        return plain(*xs)

    def call(*xs: Any, **kwargs: Any) -> Any:
        if any(isinstance(x, Number) for x in xs) and not any(isinstance(x, (np.ndarray, list, tuple)) for x in xs):
            return scalar(*xs)
        if any(_holds_numbers(x) for x in xs):
            return np.frompyfunc(scalar, len(xs), 1)(*xs)
        return plain(*xs, **kwargs)

    return call


def _holds_numbers(x: Any) -> bool:
    if isinstance(x, np.ndarray):
        return x.dtype == object
    return isinstance(x, Number) or (isinstance(x, (list, tuple)) and any(map(_holds_numbers, x)))


def _log(x: Any, *base: Any) -> Any:
    log = elementwise("log", math.log)
    return log(x) / log(base[0]) if base else log(x)


def _float(x: Any = 0.0, /) -> Any:
    return x if isinstance(x, Number) else float(x)


def _isinstance(x: Any, kinds: Any, /) -> bool:
    return isinstance(0.5 if isinstance(x, Number) else x, kinds)


def _extremum(name: str, plain: Callable[..., Any]) -> Callable[..., Any]:
    pair = elementwise(name, plain)

    def call(*xs: Any, **kwargs: Any) -> Any:
        values = list(xs[0]) if len(xs) == 1 else list(xs)
        if kwargs or not any(isinstance(x, Number) for x in values):
            return plain(*([values] if len(xs) == 1 else xs), **kwargs)
        y = values[0]
        for x in values[1:]:
            y = pair(y, x)
        return y

    return call


def _making(make: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that makes arrays which can hold numbers of any kind wherever it would make them of floats."""

    def call(*args: Any, **kwargs: Any) -> Any:
        a = make(*args, **kwargs)
        return a.astype(object) if a.dtype.kind == "f" else a

    return call


def _converting(convert: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``np.array`` or a sibling that leaves numbers of another kind as they are where floats are asked for."""

    def call(a: Any, *args: Any, **kwargs: Any) -> Any:
        wanted = kwargs.get("dtype", args[0] if args else None)
        if _holds_numbers(a) and any(wanted is dtype or wanted == dtype for dtype in _FLOATS):
            kwargs.pop("dtype", None)
            args = args[1:]
        y = convert(a, *args, **kwargs)
        return y.astype(object) if y.dtype.kind == "f" else y

    return call


def _where(condition: Any, *branches: Any) -> Any:
    if not branches or not _holds_numbers(condition):
        return np.where(condition, *branches)
    return np.frompyfunc(_chosen, 3, 1)(condition, *branches)


def _chosen(condition: Any, a: Any, b: Any) -> Any:
    """Return one of two numbers, or the expression for that."""
    choose = getattr(condition, "choose", None)
    return choose(a, b) if choose is not None else a if condition else b


def _clip(x: Any, low: Any = None, high: Any = None, **kwargs: Any) -> Any:
    if kwargs or not _holds_numbers(x):
        return np.clip(x, low, high, **kwargs)
    x = x if low is None else elementwise("maximum", np.maximum)(x, low)
    return x if high is None else elementwise("minimum", np.minimum)(x, high)


REPLACEMENTS: dict[Any, Callable[..., Any]] = {
    function: elementwise(_ALIASES.get(name, name), function)
    for function, name in _MATH.items()
    if _ALIASES.get(name, name) in (*UNARY, *BINARY, "__abs__")
}
REPLACEMENTS |= {make: _making(make) for make in _MAKERS} | {convert: _converting(convert) for convert in _CONVERTERS}
REPLACEMENTS |= {
    math.log: _log,
    math.pow: lambda x, y: x**y,
    math.hypot: _extremum("hypot", math.hypot),
    math.fsum: builtins.sum,
    np.power: elementwise("__pow__", np.power),
    builtins.float: _float,
    builtins.isinstance: _isinstance,
    builtins.max: _extremum("maximum", builtins.max),
    builtins.min: _extremum("minimum", builtins.min),
    np.where: _where,
    np.clip: _clip,
}
