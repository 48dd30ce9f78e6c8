"""Replacements of NumPy's functions that its protocols do not reach: makers of arrays, types, callers of functions."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import numpy as np

from adjoint._overload import Function
from adjoint._rules import kinds, shaping
from adjoint._trace.buffers import ActiveBuffer, Buffer, own
from adjoint._trace.memory import as_traced
from adjoint._trace.replacements import REPLACEMENTS, any_traced, replaces
from adjoint._trace.routes import route
from adjoint._trace.traced import Traced, is_array, sample
from adjoint.errors import MissingRuleError


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
    return own(np.full(shape, fill_value, dtype, **kwargs))


@replaces(np.full_like)
def full_like(a: Any, fill_value: Any, dtype: Any = None, shape: Any = None, **_: Any) -> Any:
    return full(kinds.shape_of(a) if shape is None else shape, fill_value, dtype or kinds.dtype_of(a))


@replaces(np.array)
def array(x: Any, dtype: Any = None, *, copy: Any = True, ndmin: int = 0, **kwargs: Any) -> Any:
    if not any_traced((x,)):
        x = _materialised(x)
        if not any_traced((x,)):
            return own(np.array(x, dtype, copy=copy, ndmin=ndmin, **kwargs))
    y = x if isinstance(x, ActiveBuffer) and not _copies(copy) else as_array(x)
    y = _of_dtype(y, dtype)
    while len(kinds.shape_of(y)) < ndmin:
        y = y[None]
    return np.copy(y) if _copies(copy) and isinstance(as_traced(x), Traced) and y is as_traced(x) else y


def _copies(copy: Any) -> bool:
    """Tell whether an argument ``copy`` of NumPy's asks for a copy in any case."""
    return copy is True or copy is np._CopyMode.ALWAYS or (isinstance(copy, (int, np.bool_)) and bool(copy))


def _of_dtype(y: Any, dtype: Any) -> Any:
    """Return an array itself if it has the dtype, as NumPy does, else a copy."""
    return y if dtype is None or kinds.dtype_of(y) == np.dtype(dtype) else np.astype(y, dtype)


@replaces(np.asarray, np.asanyarray, np.ascontiguousarray, np.asfortranarray, np.asarray_chkfinite)
def asarray(x: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Any:
    if any_traced((x,)):
        return _of_dtype(x if isinstance(x, ActiveBuffer) else as_array(x), dtype)
    if isinstance(x, Buffer) and (dtype is None or np.dtype(dtype) == x.dtype) and not args and not kwargs:
        return x
    x = _materialised(x)
    return asarray(x, dtype) if any_traced((x,)) else np.asarray(x, dtype, *args, **kwargs)


def _materialised(x: Any) -> Any:
    """Return an array of objects that holds traced values as a nested list."""
    return x.tolist() if isinstance(x, np.ndarray) and x.dtype == object else x


def as_array(x: Any) -> Any:
    """Return a traced number or a nested sequence as a traced array."""
    x = as_traced(x)
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
            return own(self.original[index])
        if any(isinstance(part, str) for part in parts):
            raise MissingRuleError.of("numpy.r_ with a string", "the string changes the axes", "np.r_['...', x]")
        return self.join([self.original[part] if isinstance(part, slice) else as_traced(part) for part in parts])


REPLACEMENTS[np.r_] = _Concatenator(np.r_, lambda parts: np.concatenate([np.atleast_1d(part) for part in parts]))
REPLACEMENTS[np.c_] = _Concatenator(np.c_, lambda parts: np.column_stack(parts))


@replaces(np.fromiter)
def fromiter(iterable: Any, dtype: Any, count: int = -1, **kwargs: Any) -> Any:
    values = list(itertools.islice(iterable, count) if count >= 0 else iterable)
    return array(values, dtype) if any_traced((values,)) else own(np.fromiter(values, dtype, count, **kwargs))


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


def _number_type(kind: type) -> Function:
    return lambda x=0.0: np.astype(as_traced(x), kind) if any_traced((x,)) else kind(x)


for _kind in (np.float32, np.complex64, np.float16, np.longdouble):
    REPLACEMENTS[_kind] = _number_type(_kind)
