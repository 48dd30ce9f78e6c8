"""A minimal array of another library: NumPy's two protocols, and no way to NumPy but `Duck.values`.

It is as strict as a library for another device: it refuses to become a NumPy array, and to be mixed with one.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

OPERATORS = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.true_divide, "pow": np.power, "matmul": np.matmul, "mod": np.remainder,
    "and": np.bitwise_and, "or": np.bitwise_or,
}  # fmt: skip
COMPARISONS = {"eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal}


class Duck:
    """An array that quacks."""

    def __init__(self, values: Any) -> None:
        self.values = np.asarray(values)

    shape = property(lambda self: self.values.shape)
    dtype = property(lambda self: self.values.dtype)
    ndim = property(lambda self: self.values.ndim)
    size = property(lambda self: self.values.size)
    T = property(lambda self: Duck(self.values.T))
    real = property(lambda self: Duck(self.values.real))
    imag = property(lambda self: Duck(self.values.imag))

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if not all(isinstance(a, (Duck, float, int, complex, np.generic)) for a in inputs):
            return NotImplemented
        return wrapped(getattr(ufunc, method)(*map(unwrapped, inputs), **kwargs))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if not all(issubclass(t, Duck) for t in types):
            return NotImplemented
        kwargs = {name: a for name, a in kwargs.items() if name != "like"}
        return wrapped(function(*map(unwrapped, args), **{name: unwrapped(a) for name, a in kwargs.items()}))

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("a duck is no NumPy array")

    def call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Call a method of the array inside."""
        return wrapped(getattr(self.values, name)(*map(unwrapped, args), **kwargs))

    def __getitem__(self, index: Any) -> Any:
        return wrapped(self.values[unwrapped(index)])

    def __setitem__(self, index: Any, value: Any) -> None:
        self.values[unwrapped(index)] = unwrapped(value)

    def __neg__(self) -> Any:
        return np.negative(self)

    def __pos__(self) -> Any:
        return np.positive(self)

    def __abs__(self) -> Any:
        return np.abs(self)

    def __len__(self) -> int:
        return len(self.values)

    def __bool__(self) -> bool:
        return bool(self.values)

    __hash__ = object.__hash__


def _install(name: str, ufunc: np.ufunc, *, reflected: bool) -> None:
    setattr(Duck, f"__{name}__", lambda self, other: NotImplemented if defers(other) else ufunc(self, other))
    if reflected:
        setattr(Duck, f"__r{name}__", lambda self, other: ufunc(other, self))


def defers(other: Any) -> bool:
    """Tell whether another operand comes first, as libraries decide it."""
    return getattr(other, "__array_priority__", 0) > 0


for _name, _ufunc in OPERATORS.items():
    _install(_name, _ufunc, reflected=True)
for _name, _ufunc in COMPARISONS.items():
    _install(_name, _ufunc, reflected=False)
METHODS = "sum mean std var max min prod cumsum dot reshape transpose ravel astype copy conj squeeze"
for _name in METHODS.split():
    setattr(Duck, _name, functools.partialmethod(lambda self, name, *args, **kwargs: self.call(name, *args, **kwargs), _name))


def wrapped(y: Any) -> Any:
    if isinstance(y, (tuple, list)):
        return type(y)(map(wrapped, y))
    return Duck(y) if isinstance(y, (np.ndarray, np.generic)) else y


def unwrapped(a: Any) -> Any:
    if isinstance(a, (tuple, list)):
        return type(a)(map(unwrapped, a))
    return a.values if isinstance(a, Duck) else a
