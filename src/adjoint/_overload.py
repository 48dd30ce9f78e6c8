"""NumPy's two protocols, the operators, methods and properties of arrays, once, for every value that stands for an array.

A subclass of `Overloaded` says in `_apply` what happens when a function meets it, and here is decided which function that is:
``x + y`` and ``np.add(x, y)`` are `numpy.add`, ``x.sum(axis=0)`` is `numpy.sum`, ``x.T`` is `numpy.transpose`,
``np.add.reduce(x)`` is `numpy.sum`.  In-place forms (``out=``, ``+=``, ``x.fill``) are written as stores ``x[...] = value``.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from adjoint import _ufunc_methods
from adjoint.errors import MissingRuleError

Function = Callable[..., Any]
NO_OPTIONS: dict[str, Any] = {}

# fmt: off
BINARY: dict[str, tuple[Function, Function]] = {
    "add": (np.add, operator.add),                "sub": (np.subtract, operator.sub),
    "mul": (np.multiply, operator.mul),           "truediv": (np.true_divide, operator.truediv),
    "floordiv": (np.floor_divide, operator.floordiv), "mod": (np.remainder, operator.mod),
    "pow": (np.power, operator.pow),              "matmul": (np.matmul, operator.matmul),
    "and": (np.bitwise_and, operator.and_),       "or": (np.bitwise_or, operator.or_),
    "xor": (np.bitwise_xor, operator.xor),
    "lshift": (np.left_shift, operator.lshift),   "rshift": (np.right_shift, operator.rshift),
}
COMPARISONS: dict[str, tuple[Function, Function]] = {
    "lt": (np.less, operator.lt),    "le": (np.less_equal, operator.le),     "eq": (np.equal, operator.eq),
    "gt": (np.greater, operator.gt), "ge": (np.greater_equal, operator.ge),  "ne": (np.not_equal, operator.ne),
}
UNARY: dict[str, tuple[Function, Function]] = {
    "neg": (np.negative, operator.neg), "pos": (np.positive, operator.pos), "abs": (np.abs, operator.abs),
    "invert": (np.invert, operator.invert),
}
# Methods of arrays whose function takes the array first and then the same arguments.
METHODS: dict[str, Function] = {
    "all": np.all, "any": np.any, "argmax": np.argmax, "argmin": np.argmin, "argpartition": np.argpartition,
    "argsort": np.argsort, "choose": np.choose, "clip": np.clip, "compress": lambda x, condition, axis=None: np.compress(
        condition, x, axis=axis), "conj": np.conj, "conjugate": np.conj, "cumprod": np.cumprod, "cumsum": np.cumsum,
    "diagonal": np.diagonal, "dot": np.dot, "max": np.max, "mean": np.mean, "min": np.min, "nonzero": np.nonzero,
    "prod": np.prod, "ravel": np.ravel, "repeat": np.repeat, "round": np.round, "searchsorted": np.searchsorted,
    "squeeze": np.squeeze, "std": np.std, "sum": np.sum, "swapaxes": np.swapaxes, "take": np.take, "trace": np.trace,
    "var": np.var, "copy": np.copy,
}
# fmt: on


class Overloaded:
    """A value that stands for a number or an array and routes every function applied to it through `_apply`."""

    __slots__ = ()
    __array_priority__ = 1000.0

    if TYPE_CHECKING:  # what subclasses have, and what NumPy's declarations ask of an array
        primal: Any

        def __array__(self, *args: Any, **kwargs: Any) -> Any: ...
        def __setitem__(self, index: Any, value: Any) -> None: ...
        @property
        def dtype(self) -> Any: ...

    def _apply(self, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any], call: Function | None = None) -> Any:
        """Apply ``function`` to arguments one of which is overloaded; ``call`` evaluates it on plain values."""
        raise NotImplementedError

    def _update(self, operation: Function, other: Any) -> Any:
        """``x += other`` and its siblings; values that are not mutable return a new one."""
        return operation(self, other)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if not kwargs and method == "__call__":
            return self._apply(ufunc, inputs, kwargs)
        return self._ufunc_with_options(ufunc, method, inputs, kwargs)

    def _ufunc_with_options(self, ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if method != "__call__":
            return _ufunc_methods.evaluate(ufunc, method, inputs, kwargs)
        out, where, dtype = kwargs.get("out"), kwargs.get("where", True), kwargs.get("dtype")
        axes = {name: kwargs[name] for name in ("axis", "axes", "keepdims") if name in kwargs}  # of generalised ufuncs
        # Elements that `where` leaves out may lie outside the domain.
        with np.errstate() if where is True else np.errstate(all="ignore"):
            y = self._apply(ufunc, inputs, axes)
        if dtype is not None:
            y = np.astype(y, dtype)
        return _ufunc_methods.deliver(y, out, where)

    def __array_function__(self, function: Function, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if function in LAYOUT:
            _refuse_layout(function, args, kwargs)
        return self._apply(function, args, kwargs)

    def __getitem__(self, index: Any) -> Any:
        return self._apply(operator.getitem, (self, index), {})

    def __iter__(self) -> Iterator[Any]:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    @property
    def shape(self) -> tuple[int, ...]:
        raise NotImplementedError

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=int))

    @property
    def T(self) -> Any:
        return np.transpose(self)

    @property
    def mT(self) -> Any:
        return np.matrix_transpose(self)

    @property
    def real(self) -> Any:
        return np.real(self)

    @property
    def imag(self) -> Any:
        return np.imag(self)

    @property
    def flat(self) -> Any:
        return Flat(self)

    @flat.setter
    def flat(self, value: Any) -> None:
        self.flat[...] = value

    def transpose(self, *axes: Any) -> Any:
        return np.transpose(self, _spread(axes) or None)

    def reshape(self, *shape: Any, **order: Any) -> Any:
        return np.reshape(self, _spread(shape), **order)

    def flatten(self, order: Any = "C") -> Any:
        return np.copy(np.ravel(self, order=order))

    def astype(self, dtype: Any, order: str = "K", casting: str = "unsafe", subok: bool = True, copy: bool = True) -> Any:  # noqa: ARG002
        if copy is False and self.dtype == np.dtype(dtype):
            return self
        return np.astype(self, dtype)  # pyright: ignore[reportCallIssue, reportArgumentType] - declared for `ndarray` alone

    def tolist(self) -> Any:
        return [row.tolist() for row in self] if self.ndim > 1 else list(self) if self.ndim else self[()]

    def item(self, *index: Any) -> Any:
        if not index:
            return self.reshape(-1)[0] if self.ndim else self[()]
        return self.reshape(-1)[index[0]] if len(index) == 1 and not isinstance(index[0], tuple) else self[_spread(index)]

    def fill(self, value: Any) -> None:
        self[...] = value

    def sort(self, axis: int = -1, **options: Any) -> None:
        self[...] = np.sort(self, axis=axis, **options)

    def partition(self, kth: Any, axis: int = -1, **options: Any) -> None:
        self[...] = np.partition(self, kth, axis=axis, **options)

    def put(self, indices: Any, values: Any, mode: Any = "raise") -> None:
        np.put(self, indices, values, mode=mode)  # pyright: ignore[reportArgumentType] - declared for `ndarray` alone


def unravelled(positions: np.ndarray, shape: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """Return flat positions as an index: `numpy.unravel_index`, which is wrong for more than 8192 in a column (2.4.6)."""
    return tuple([k.reshape(positions.shape) for k in np.unravel_index(positions.reshape(-1), shape)])


class Flat:
    """``x.flat``: the elements in order, read and written in place, also where they do not lie in memory in that order."""

    __slots__ = ("array",)

    def __init__(self, array: Any) -> None:
        self.array = array

    def _where(self, index: Any) -> Any:
        shape = self.array.shape
        positions = np.arange(self.array.size)[index]
        return unravelled(np.asarray(positions), shape) if shape else (np.zeros(np.shape(positions), int),)

    def __getitem__(self, index: Any) -> Any:
        return np.copy(self.array.reshape(-1))[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        where = self._where(index)
        shape = np.shape(where[0])
        if np.ndim(value) and np.shape(value) != shape:  # NumPy repeats the values
            value = np.resize(value, shape)
        target = self.array if self.array.shape else self.array.reshape(1)
        target[where] = value

    def __len__(self) -> int:
        return self.array.size

    def __iter__(self) -> Iterator[Any]:
        return iter(self.array.reshape(-1))

    def copy(self) -> Any:
        return self.array.flatten()

    def __array_function__(self, function: Function, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return function(*[a.copy() if isinstance(a, Flat) else a for a in args], **kwargs)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return getattr(ufunc, method)(*[a.copy() if isinstance(a, Flat) else a for a in inputs], **kwargs)

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        return self.array.__array__(*args, **kwargs)


# Functions whose option ``order`` says in which order to read elements, and where it stands in a call.
LAYOUT: dict[Function, int] = {np.reshape: 2, np.ravel: 1}


def _refuse_layout(function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Raise for ``order="A"`` and ``order="K"``: derivatives need not be laid out in memory as the array that they are of."""
    order = args[LAYOUT[function]] if len(args) > LAYOUT[function] else kwargs.get("order")
    if order in ("A", "K"):
        reason = "it reads the elements in the order in which they happen to lie in memory"
        raise MissingRuleError.of(f"numpy.{function.__name__} with order={order!r}", reason)


def _spread(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return ``(2, 3)`` for the calls ``f(2, 3)``, ``f((2, 3))`` and ``f([2, 3])`` alike."""
    if len(arguments) == 1 and (arguments[0] is None or isinstance(arguments[0], (tuple, list))):
        return tuple(arguments[0] or ())
    return arguments


def _binary(name: str, function: Function, call: Function) -> None:
    def method(self: Overloaded, other: Any) -> Any:
        return self._apply(function, (self, other), NO_OPTIONS, call)

    def reflected(self: Overloaded, other: Any) -> Any:
        return self._apply(function, (other, self), NO_OPTIONS, call)

    def in_place(self: Overloaded, other: Any) -> Any:
        return self._update(call, other)

    _install(f"__{name}__", method)
    _install(f"__r{name}__", reflected)
    _install(f"__i{name}__", in_place)


def _comparison(name: str, function: Function, call: Function) -> None:
    def method(self: Overloaded, other: Any) -> Any:
        if other is None or isinstance(other, str):
            return NotImplemented
        return self._apply(function, (self, other), {}, call)

    _install(f"__{name}__", method)


def _unary(name: str, function: Function, call: Function) -> None:
    def method(self: Overloaded) -> Any:
        return self._apply(function, (self,), {}, call)

    _install(f"__{name}__", method)


def _method(name: str, function: Function) -> None:
    def method(self: Overloaded, *args: Any, out: Any = None, **kwargs: Any) -> Any:
        y = function(self, *args, **kwargs)
        return y if out is None else _ufunc_methods.deliver(y, (out,), True)

    _install(name, method)


def _install(name: str, method: Function) -> None:
    method.__name__ = name
    method.__qualname__ = f"Overloaded.{name}"
    setattr(Overloaded, name, method)


for _name, _pair in BINARY.items():
    _binary(_name, *_pair)
for _name, _pair in COMPARISONS.items():
    _comparison(_name, *_pair)
for _name, _pair in UNARY.items():
    _unary(_name, *_pair)
for _name, _function in METHODS.items():
    _method(_name, _function)
