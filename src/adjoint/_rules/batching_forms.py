"""Batched forms of elementwise functions, functions along axes, and changes of shape; see `batching` for what a form is."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from adjoint._rules.extents import made, product, unknown
from adjoint._rules.kinds import dtype_of, shape_of

Form = Callable[..., Any]


class Ragged(Exception):  # noqa: N818 - no error that a user sees
    """The elements of a batch may give results of different shapes."""


# Ranks and axes ------------------------------------------------------------------------------------------------------------


def rank(x: Any, mapped: bool) -> int:
    """Return the number of logical axes."""
    return len(shape_of(x)) - bool(mapped)


def logical(x: Any, mapped: bool) -> tuple[int, ...]:
    """Return the logical shape."""
    return shape_of(x)[bool(mapped) :]


def spread(x: Any, mapped: bool, size: int) -> Any:
    """Return an argument with a batch axis."""
    return x if mapped else made(np.broadcast_to, x, (size, *shape_of(x)))


def align(x: Any, mapped: bool, n: int) -> Any:
    """Give a mapped array ``n`` logical axes by new ones behind the batch axis, as broadcasting does before all axes."""
    missing = n - rank(x, mapped)
    if not mapped or missing <= 0:
        return x
    return x[(slice(None), *(None,) * missing)]


def shift(axis: Any, n: int) -> Any:
    """Return the position in a batched array of an axis, or tuple of axes, of a logical array of rank ``n``; None means all."""
    if axis is None:
        return tuple(range(1, n + 1))
    if hasattr(axis, "__iter__"):
        return tuple([k + 1 for k in normalize_axis_tuple(tuple(axis), n)])
    return normalize_axis_index(operator.index(axis), n) + 1


def flat(x: Any) -> Any:
    """Return a batch of vectors."""
    shape = shape_of(x)
    return x if len(shape) == 2 else np.reshape(x, (shape[0], product(shape[1:])))


def only_first(form: Form) -> Form:
    """Restrict a form to calls of which the first argument alone is mapped, and is an array."""

    def restricted(call: Any, mapped: tuple[Any, ...], size: int, *args: Any, **kwargs: Any) -> Any:
        if mapped[0] is not True or any(mapped[1:]):
            return NotImplemented
        return form(call, *args, **kwargs)

    return restricted


# Elementwise ---------------------------------------------------------------------------------------------------------------


def elementwise(call: Any, mapped: Any, size: int, *args: Any, **kwargs: Any) -> Any:
    """Align the ranks; broadcasting does the rest."""
    n = max([rank(x, m) for x, m in zip(args, mapped, strict=True)])
    return call(*[align(x, m, n) for x, m in zip(args, mapped, strict=True)], **kwargs)


def choice(call: Any, mapped: Any, size: int, *args: Any) -> Any:
    """``np.where``: elementwise with three arguments, positions with one."""
    if len(args) == 1:
        raise Ragged
    return elementwise(call, mapped, size, *args)


def elementwise_in(position: int) -> Form:
    """Return the form of a function that is elementwise in one argument: interpolation in a table, for example."""

    def form(call: Any, mapped: Any, size: int, *args: Any, **kwargs: Any) -> Any:
        others = [m for k, m in enumerate(mapped) if k != position]
        return NotImplemented if any(others) or mapped[position] is not True else call(*args, **kwargs)

    return form


def stacked_ufunc(call: Any, mapped: Any, size: int, *args: Any, **kwargs: Any) -> Any:
    """A generalised ufunc: the axes before the core axes broadcast."""
    cores = [part.count(",") + 1 if part else 0 for part in re.findall(r"\(([^)]*)\)", call.signature.partition("->")[0])]
    if kwargs or "?" in call.signature:
        return NotImplemented
    n = max([rank(x, m) - core for x, m, core in zip(args, mapped, cores, strict=True)])
    return call(*[align(x, m, n + core) for x, m, core in zip(args, mapped, cores, strict=True)])


# An axis argument ------------------------------------------------------------------------------------------------------------


def reduction(call: Any, a: Any, axis: Any = None, *rest: Any, **kwargs: Any) -> Any:
    """Reduce over axes; None means all of them."""
    n = rank(a, True)
    return call(a, 1 if axis is None and n == 1 else shift(axis, n), *rest, **kwargs)


def along(default: Any) -> Form:
    """Return the form of a function along one axis, where None means the flattened array."""

    def form(call: Any, a: Any, axis: Any = default, *rest: Any, keepdims: bool = False, **kwargs: Any) -> Any:
        n = rank(a, True)
        a, at = (flat(a), 1) if axis is None else (a, shift(axis, n))
        y = call(a, at, *rest, **kwargs)
        if not keepdims:
            return y
        return np.reshape(y, (shape_of(y)[0], *(1,) * n)) if axis is None else np.expand_dims(y, at)

    return form


def along_second(call: Any, a: Any, option: Any, axis: Any = -1, *rest: Any, **kwargs: Any) -> Any:
    """The same for functions whose axis stands third: ``np.partition(a, kth, axis)``."""
    return (
        call(flat(a), option, 1, *rest, **kwargs)
        if axis is None
        else call(a, option, shift(axis, rank(a, True)), *rest, **kwargs)
    )


def repeat(call: Any, a: Any, repeats: Any, axis: Any = None) -> Any:
    return along_second(call, a, repeats, axis)


def diff(call: Any, a: Any, n: int = 1, axis: int = -1, **kwargs: Any) -> Any:
    return NotImplemented if kwargs else call(a, n, shift(axis, rank(a, True)))


def transform(call: Any, a: Any, n: Any = None, axis: int = -1, *rest: Any, **kwargs: Any) -> Any:
    """A Fourier transform along one axis."""
    return call(a, n, shift(axis, rank(a, True)), *rest, **kwargs)


def transforms(default: Any) -> Form:
    """Return the form of a Fourier transform along several axes."""

    def form(call: Any, a: Any, s: Any = None, axes: Any = default, *rest: Any, **kwargs: Any) -> Any:
        n = rank(a, True)
        if axes is None and s is not None:
            axes = tuple(range(n - len(s), n))
        return call(a, s, shift(axes, n), *rest, **kwargs)

    return form


# Shapes ------------------------------------------------------------------------------------------------------------------------


def reshape(call: Any, a: Any, shape: Any, order: str = "C", **kwargs: Any) -> Any:
    lengths = shape if isinstance(shape, (tuple, list)) else (shape,)
    wanted = tuple([n if unknown(n) else operator.index(n) for n in lengths])
    if order == "F":
        turned = np.reshape(transpose(np.transpose, a), (shape_of(a)[0], *_resolved(wanted[::-1], logical(a, True))))
        return transpose(np.transpose, turned)
    return call(a, (shape_of(a)[0], *_resolved(wanted, logical(a, True)))) if order == "C" else NotImplemented


def _resolved(wanted: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Replace -1 by the length that it stands for, as it cannot be told where the batch is empty."""
    if not any(type(n) is int and n == -1 for n in wanted):
        return wanted
    total, known = product(shape), product([n for n in wanted if not (type(n) is int and n == -1)])
    if unknown((total, known)):
        return tuple([total if len(wanted) == 1 else n for n in wanted])
    if known <= 0 or total % known:
        raise ValueError(f"cannot reshape array of size {total} into shape {wanted}")
    return tuple([total // known if n == -1 else n for n in wanted])


def ravel(call: Any, a: Any, order: str = "C") -> Any:
    return reshape(np.reshape, a, (-1,), order)


def transpose(call: Any, a: Any, axes: Any = None) -> Any:
    n = rank(a, True)
    return call(a, (0, *(tuple(range(n, 0, -1)) if axes is None else shift(tuple(axes), n))))


def matrix_transpose(call: Any, a: Any) -> Any:
    return call(a) if rank(a, True) >= 2 else NotImplemented


def two_axes(call: Any, a: Any, first: Any, second: Any) -> Any:
    n = rank(a, True)
    return call(a, shift(first, n), shift(second, n))


def rollaxis(call: Any, a: Any, axis: int, start: int = 0) -> Any:
    n = rank(a, True)
    return call(a, shift(axis, n), (start + n if start < 0 else start) + 1)


def expand_dims(call: Any, a: Any, axis: Any) -> Any:
    return call(a, shift(axis, rank(a, True) + (len(axis) if isinstance(axis, (tuple, list)) else 1)))


def squeeze(call: Any, a: Any, axis: Any = None) -> Any:
    axes = [k + 1 for k, length in enumerate(logical(a, True)) if length == 1] if axis is None else shift(axis, rank(a, True))
    return call(a, tuple(axes) if isinstance(axes, list) else axes)


def broadcast_to(call: Any, a: Any, shape: Any, **_: Any) -> Any:
    shape = shape if isinstance(shape, (tuple, list)) else (shape,)
    return call(align(a, True, len(shape)), (shape_of(a)[0], *shape))


def flip(call: Any, a: Any, axis: Any = None) -> Any:
    return call(a, shift(axis, rank(a, True)))


def roll(call: Any, a: Any, shifts: Any, axis: Any = None) -> Any:
    if axis is None:
        return np.reshape(call(flat(a), shifts, 1), shape_of(a))
    return call(a, shifts, shift(axis, rank(a, True)))


def rot90(call: Any, a: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    return call(a, k, shift(tuple(axes), rank(a, True)))


def fftshift(call: Any, a: Any, axes: Any = None) -> Any:
    return call(a, shift(axes, rank(a, True)))


def tile(call: Any, a: Any, reps: Any) -> Any:
    reps = tuple(reps) if isinstance(reps, (tuple, list, np.ndarray)) else (reps,)
    n = max(rank(a, True), len(reps))
    return call(align(a, True, n), (1, *(1,) * (n - len(reps)), *reps))


def pad(call: Any, a: Any, width: Any, mode: Any = "constant", **kwargs: Any) -> Any:
    n = rank(a, True)
    if isinstance(width, dict) or callable(mode) or any(len(shape_of(v)) for v in kwargs.values()):
        return NotImplemented
    return call(a, [(0, 0), *np.broadcast_to(width, (n, 2)).tolist()], mode, **kwargs)


def diagonal(call: Any, a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, **kwargs: Any) -> Any:
    n = rank(a, True)
    return call(a, offset, shift(axis1, n), shift(axis2, n), **kwargs)


def diag(call: Any, v: Any, k: int = 0) -> Any:
    if rank(v, True) == 2:
        return np.diagonal(v, k, 1, 2)
    n = logical(v, True)[0]
    v = np.pad(v, [(0, 0), (max(-k, 0), max(k, 0))])
    return np.where(np.eye(n + abs(k), k=k, dtype=bool), v[:, :, None], np.zeros((), dtype_of(v)))


def diagflat(call: Any, v: Any, k: int = 0) -> Any:
    return diag(np.diag, flat(v), k)


def triangle(call: Any, m: Any, k: int = 0) -> Any:
    return call(m, k) if rank(m, True) >= 2 else NotImplemented


def in_place_of(call: Any, a: Any, *args: Any, **kwargs: Any) -> Any:
    """Functions whose result has the argument's axes, or new ones at the end."""
    return call(a, *args, **kwargs)


# Sequences of arrays -----------------------------------------------------------------------------------------------------------


def _members(arrays: Any, mapped: Any, size: int) -> list[Any]:
    flags = mapped if isinstance(mapped, tuple) else (mapped,) * len(arrays)
    return [_member(x, m, size) for x, m in zip(arrays, flags, strict=True)]


def _member(x: Any, mapped: Any, size: int) -> Any:
    """Return one of several arrays with a batch axis; it may be a sequence of which parts are mapped."""
    if not isinstance(mapped, tuple):
        return spread(x, mapped, size)
    return np.stack([_member(part, m, size) for part, m in zip(x, mapped, strict=True)], 1)


def concatenate(call: Any, mapped: Any, size: int, arrays: Any, axis: Any = 0, **kwargs: Any) -> Any:
    if mapped[0] is True:
        arrays, mapped = [arrays[:, k] for k in range(logical(arrays, True)[0])], ((True,) * logical(arrays, True)[0],)
    members = _members(arrays, mapped[0], size)
    if axis is None:
        return call([flat(x) for x in members], 1, **kwargs)
    return call(members, shift(axis, rank(members[0], True)), **kwargs)


def stack(call: Any, mapped: Any, size: int, arrays: Any, axis: int = 0, **kwargs: Any) -> Any:
    if mapped[0] is True:
        return np.moveaxis(arrays, 1, shift(axis, rank(arrays, True)))
    members = _members(arrays, mapped[0], size)
    return call(members, shift(axis, rank(members[0], True) + 1), **kwargs)


def accumulation(call: Any, x: Any, *, axis: Any = None, **kwargs: Any) -> Any:
    return call(x, axis=1 if axis is None and rank(x, True) == 1 else shift(axis, rank(x, True)), **kwargs)


def along_third(call: Any, x: Any, option: Any, axis: int, *rest: Any) -> Any:
    return call(x, option, shift(axis, rank(x, True)), *rest)


def windows(call: Any, x: Any, window_shape: Any, axis: Any = None, **kwargs: Any) -> Any:
    return call(x, window_shape, shift(axis, rank(x, True)), **kwargs)


def quantile(call: Any, a: Any, q: Any, axis: Any = None, *rest: Any, **kwargs: Any) -> Any:
    y = call(a, q, shift(axis, rank(a, True)), *rest, **kwargs)
    return np.moveaxis(y, len(shape_of(q)), 0) if len(shape_of(q)) else y


def recurrence(call: Any, mapped: Any, size: int, a: Any, b: Any, axis: int) -> Any:
    a, b = spread(a, mapped[0], size), spread(b, mapped[1], size)
    return call(a, b, shift(axis, rank(a, True)))
