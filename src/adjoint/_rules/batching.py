"""The batched form of each function: what it does to a stack of arguments at once.

A form is called ``form(call, mapped, size, *args, **kwargs)``.  ``call`` is the function itself; ``mapped`` tells, for each argument,
whether it carries a batch axis, which then stands first and has ``size`` entries (for an argument that is a list or tuple: a tuple of
these); ``args`` and ``kwargs`` are otherwise what the caller wrote, in terms of the *logical* arrays, which have no batch axis.  The
result has the batch axis first.  A form returns `NotImplemented` where it does not apply: the function is then called once for each
element of the batch.  A form raises `Ragged` where the results of the elements may differ in shape.

Forms know arrays and NumPy only, and reach NumPy by its public functions: the arrays may be traced.
"""

from __future__ import annotations

import operator
import re
import string
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from adjoint._rules import arithmetic, indexing, linalg_norms, linalg_solve, linalg_spectral, products, reductions, shaping
from adjoint._rules import einsum as einsums
from adjoint._rules import fft as transforms_of
from adjoint._rules import linalg_degenerate as degenerate
from adjoint._rules.book import Rule
from adjoint._rules.kinds import dtype_of, shape_of

Form = Callable[..., Any]
FORMS: dict[Callable[..., Any], Form] = {}


class Ragged(Exception):
    """The elements of a batch may give results of different shapes."""


def form_for(rule: Rule) -> Form | None:
    """Return the batched form of a rule's function, None if it has none."""
    function = rule.function
    form = FORMS.get(function)
    if form is None and (rule.kind == "elementwise" or (isinstance(function, np.ufunc) and function.signature is None)):
        return elementwise
    if form is None and isinstance(function, np.ufunc):
        return stacked_ufunc
    return form


# Ranks and axes ------------------------------------------------------------------------------------------------------------


def rank(x: Any, mapped: bool) -> int:
    """Return the number of logical axes."""
    return len(shape_of(x)) - bool(mapped)


def logical(x: Any, mapped: bool) -> tuple[int, ...]:
    """Return the logical shape."""
    return shape_of(x)[bool(mapped) :]


def spread(x: Any, mapped: bool, size: int) -> Any:
    """Return an argument with a batch axis."""
    return x if mapped else np.broadcast_to(x, (size, *shape_of(x)))


def align(x: Any, mapped: bool, n: int, core: int = 0) -> Any:
    """Give a mapped array ``n`` logical axes by new ones behind the batch axis, as broadcasting does before all axes."""
    missing = n - rank(x, mapped)
    if not mapped or missing <= 0:
        return x
    shape = shape_of(x)
    return np.reshape(x, (shape[0], *(1,) * missing, *shape[1:]))


def shift(axis: Any, n: int) -> Any:
    """Return the position in a batched array of an axis, or tuple of axes, of a logical array of rank ``n``; None means all."""
    if axis is None:
        return tuple(range(1, n + 1))
    if isinstance(axis, (tuple, list)):
        return tuple([k + 1 for k in normalize_axis_tuple(tuple(axis), n)])
    return normalize_axis_index(operator.index(axis), n) + 1


def flat(x: Any) -> Any:
    """Return a batch of vectors."""
    shape = shape_of(x)
    return x if len(shape) == 2 else np.reshape(x, (shape[0], int(np.prod(shape[1:], dtype=int))))


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
    return call(a, shift(axis, rank(a, True)), *rest, **kwargs)


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
    return call(flat(a), option, 1, *rest, **kwargs) if axis is None else call(a, option, shift(axis, rank(a, True)), *rest, **kwargs)


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
    wanted = (operator.index(shape),) if not isinstance(shape, (tuple, list)) else tuple(map(operator.index, shape))
    if order == "F":
        turned = np.reshape(transpose(np.transpose, a), (shape_of(a)[0], *_resolved(wanted[::-1], logical(a, True))))
        return transpose(np.transpose, turned)
    return call(a, (shape_of(a)[0], *_resolved(wanted, logical(a, True)))) if order == "C" else NotImplemented


def _resolved(wanted: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Replace -1 by the length that it stands for, as it cannot be told where the batch is empty."""
    if -1 not in wanted:
        return wanted
    total, known = int(np.prod(shape, dtype=int)), -int(np.prod(wanted, dtype=int))
    if known == 0 or total % known:
        raise ValueError(f"cannot reshape array of size {total} into shape {wanted}")
    return tuple([total // known if k == -1 else k for k in wanted])


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
    return [spread(x, m, size) for x, m in zip(arrays, flags, strict=True)]


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


# Products ----------------------------------------------------------------------------------------------------------------------


def matmul(call: Any, mapped: Any, size: int, a: Any, b: Any, **kwargs: Any) -> Any:
    """Multiply stacks; where one factor is common to the batch, by one product of matrices."""
    (ma, mb), ra, rb = mapped, rank(a, mapped[0]), rank(b, mapped[1])
    if kwargs or min(ra, rb) == 0:
        return NotImplemented
    if not mb and ra <= 2 and rb <= 2:
        return _rows_times(a, b)
    if not ma and ra <= 2 and rb == 1:
        return np.matmul(b, np.transpose(a))
    n = max(ra, rb, 2)
    left = align(np.expand_dims(a, -2), ma, n) if ra == 1 else align(a, ma, n)
    right = align(np.expand_dims(b, -1), mb, n) if rb == 1 else align(b, mb, n)
    y = np.matmul(left, right)
    y = np.squeeze(y, -1) if rb == 1 else y
    return np.squeeze(y, -1 if rb == 1 else -2) if ra == 1 else y


def _rows_times(a: Any, b: Any) -> Any:
    """Return ``a @ b`` for a stack of vectors or matrices ``a``, all its rows at once."""
    shape = shape_of(a)
    rows = np.reshape(a, (int(np.prod(shape[:-1], dtype=int)), shape[-1]))
    return np.reshape(np.matmul(rows, b), (*shape[:-1], *shape_of(b)[1:]))


def tensordot(call: Any, mapped: Any, size: int, a: Any, b: Any, axes: Any = 2) -> Any:
    (ma, mb), ra, rb = mapped[:2], rank(a, mapped[0]), rank(b, mapped[1])
    if isinstance(axes, (int, np.integer)):
        left, right = tuple(range(ra - axes, ra)), tuple(range(axes))
    else:
        left, right = [tuple(part) if isinstance(part, (tuple, list)) else (part,) for part in axes]
    left, right = normalize_axis_tuple(left, ra), normalize_axis_tuple(right, rb)
    free_a, free_b = [k for k in range(ra) if k not in left], [k for k in range(rb) if k not in right]
    x, shape_a = _matrix(a, ma, free_a, left, -1)
    z, shape_b = _matrix(b, mb, right, free_b, 1)
    y = matmul(np.matmul, (ma, mb), size, x, z)
    return np.reshape(y, (size, *shape_a, *shape_b))


def _matrix(a: Any, mapped: bool, rows: Any, columns: Any, side: int) -> tuple[Any, tuple[int, ...]]:
    """Return an array as a matrix, and the lengths of its free axes: its rows if ``side`` is -1, its columns if 1."""
    shape = logical(a, mapped)
    order, lead = [*rows, *columns], shape_of(a)[: bool(mapped)]
    turned = np.transpose(a, (0, *[k + 1 for k in order]) if mapped else order)
    lengths = [tuple([shape[k] for k in axes]) for axes in (rows, columns)]
    sizes = [int(np.prod(part, dtype=int)) for part in lengths]
    return np.reshape(turned, (*lead, *sizes)), lengths[0] if side == -1 else lengths[1]


def dot(call: Any, mapped: Any, size: int, a: Any, b: Any) -> Any:
    ra, rb = rank(a, mapped[0]), rank(b, mapped[1])
    if min(ra, rb) == 0:
        return elementwise(np.multiply, mapped, size, a, b)
    if ra <= 2 and rb <= 2:
        return matmul(np.matmul, mapped, size, a, b)
    return tensordot(call, mapped, size, a, b, ((-1,), (-2 if rb > 1 else -1,)))


def inner(call: Any, mapped: Any, size: int, a: Any, b: Any) -> Any:
    if min(rank(a, mapped[0]), rank(b, mapped[1])) == 0:
        return elementwise(np.multiply, mapped, size, a, b)
    return tensordot(call, mapped, size, a, b, ((-1,), (-1,)))


def outer(call: Any, mapped: Any, size: int, a: Any, b: Any, **_: Any) -> Any:
    column = flat(a)[:, :, None] if mapped[0] else np.reshape(a, (-1, 1))
    row = flat(b)[:, None, :] if mapped[1] else np.reshape(b, (1, -1))
    return np.multiply(column, row)


def vdot(call: Any, mapped: Any, size: int, a: Any, b: Any) -> Any:
    a, b = [flat(x) if m else np.reshape(x, -1) for x, m in zip((a, b), mapped, strict=True)]
    return matmul(np.matmul, mapped, size, np.conj(a), b)


def einsum(call: Any, mapped: Any, size: int, subscripts: Any, *operands: Any, **kwargs: Any) -> Any:
    """Give the mapped operands, and the result, one more index in front."""
    if not isinstance(subscripts, str):
        return NotImplemented
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    letters = inputs.replace(",", "").replace(".", "")
    if not arrow:
        output = ("..." if "..." in inputs else "") + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    new = next(c for c in string.ascii_letters if c not in subscripts)
    terms = [new * bool(m) + term for term, m in zip(inputs.split(","), mapped[1:], strict=True)]
    return call(f"{','.join(terms)}->{new}{output}", *operands, **kwargs)


# Linear algebra ------------------------------------------------------------------------------------------------------------------


def solve(call: Any, mapped: Any, size: int, a: Any, b: Any) -> Any:
    """Solve stacks of systems; where the matrix is common to the batch, it is factorised once."""
    (ma, mb), ra, rb = mapped, rank(a, mapped[0]), rank(b, mapped[1])
    if ra == 2 and not ma and rb <= 2:
        columns = np.moveaxis(b, 0, -1)
        shape = shape_of(columns)
        y = call(a, np.reshape(columns, (shape[0], int(np.prod(shape[1:], dtype=int)))))
        return np.moveaxis(np.reshape(y, shape), -1, 0)
    right = np.expand_dims(b, -1) if rb == 1 else b
    n = max(ra, rb, 2)
    y = call(align(a, ma, n), align(right, mb, n))
    return np.squeeze(y, -1) if rb == 1 else y


# Indexing ------------------------------------------------------------------------------------------------------------------------


class Index:
    """An index of logical arrays, as one of batched arrays.

    NumPy puts the axes that index arrays make where the first of them stands, but in front if a slice stands between two of them.
    An index array for the batch axis may move them.  ``full`` is the index of the batched array, `out` moves the axes of what it
    picks to where they belong, and `back` does the opposite for what is stored.
    """

    def __init__(self, x_mapped: bool, size: int, n: int, index: Any, mapped: Any) -> None:
        parts, marks = _explicit(index, mapped, n)
        arrays = [k for k, part in enumerate(parts) if not (part is None or isinstance(part, slice))]
        width = max([rank(parts[k], marks[k]) for k in arrays], default=0)
        apart = bool(arrays) and len(arrays) <= arrays[-1] - arrays[0]
        before = 0 if apart or not arrays else arrays[0]
        self.moves: Any = None
        if not any(marks) and not (apart and width):
            self.full = (slice(None), *parts) if x_mapped else tuple(parts)
            return
        for k in arrays:
            parts[k] = align(parts[k], marks[k], width)
        self.full = (np.reshape(np.arange(size), (size, *(1,) * width)), *parts) if x_mapped else tuple(parts)
        if before:
            ends = tuple(range(1, 1 + width)), tuple(range(1 + before, 1 + before + width))
            self.moves = ends if x_mapped else ((before,), (0,))

    def out(self, y: Any) -> Any:
        return y if self.moves is None else np.moveaxis(y, *self.moves)

    def back(self, y: Any) -> Any:
        return y if self.moves is None else np.moveaxis(y, *self.moves[::-1])


def _explicit(index: Any, mapped: Any, n: int) -> tuple[list[Any], list[bool]]:
    """Return the parts of an index, one for each logical axis and new axis, and which of them are mapped."""
    parts = list(index) if isinstance(index, tuple) else [index]
    marks = list(mapped) if isinstance(index, tuple) and isinstance(mapped, tuple) else [mapped] * len(parts)
    if any(isinstance(m, tuple) for m in marks):
        raise Ragged  # a list with mapped integers
    parts, marks = _without_masks(parts, marks)
    used = sum(part is not None and part is not ... for part in parts)
    k = next((k for k, part in enumerate(parts) if part is ...), len(parts))
    rest = n - used
    if rest < 0:
        raise IndexError(f"too many indices for array: array is {n}-dimensional, but {used} were indexed")
    return [*parts[:k], *[slice(None)] * rest, *parts[k + 1 :]], [*marks[:k], *[False] * rest, *marks[k + 1 :]]


def _without_masks(parts: list[Any], marks: list[Any]) -> tuple[list[Any], list[bool]]:
    """Replace masks by the positions that they select; those of a mapped mask differ in number."""
    plain: list[Any] = []
    flags: list[bool] = []
    for part, mark in zip(parts, marks, strict=True):
        if part is None or part is ... or isinstance(part, (slice, int)) and not isinstance(part, bool):
            plain.append(part)
            flags.append(False)
            continue
        part = np.asarray(part) if isinstance(part, (list, bool)) else part
        if dtype_of(part).kind != "b":
            plain.append(part)
            flags.append(bool(mark))
            continue
        if mark or not shape_of(part):
            raise Ragged
        places = np.nonzero(part)
        plain += places
        flags += [False] * len(places)
    return plain, flags


def getitem(call: Any, mapped: Any, size: int, x: Any, index: Any) -> Any:
    found = Index(mapped[0], size, rank(x, mapped[0]), index, mapped[1])
    return found.out(call(x, found.full))


def scatter(call: Any, mapped: Any, size: int, ct: Any, index: Any, shape: Any) -> Any:
    found = Index(True, size, len(shape), index, mapped[1])
    return call(found.back(spread(ct, mapped[0], size)), found.full, (size, *shape))


def take(call: Any, mapped: Any, size: int, a: Any, indices: Any, axis: Any = None, out: Any = None, mode: str = "raise") -> Any:
    if mode != "raise" or any(isinstance(m, tuple) for m in mapped):
        return NotImplemented
    if axis is None:
        a, axis = flat(a) if mapped[0] else np.ravel(a), 0
    index = (*[slice(None)] * (shift(axis, rank(a, mapped[0])) - 1), indices if mapped[1] is True else np.asarray(indices))
    return getitem(operator.getitem, (mapped[0], (*[False] * (len(index) - 1), mapped[1])), size, a, index)


def take_along_axis(call: Any, mapped: Any, size: int, a: Any, indices: Any, axis: Any = -1) -> Any:
    a, indices = spread(a, mapped[0], size), spread(indices, mapped[1], size)
    return call(flat(a), flat(indices), 1) if axis is None else call(a, indices, shift(axis, rank(a, True)))


def windows(call: Any, x: Any, window_shape: Any, axis: Any = None, **kwargs: Any) -> Any:
    return call(x, window_shape, shift(axis, rank(x, True)), **kwargs)


def quantile(call: Any, a: Any, q: Any, axis: Any = None, *rest: Any, **kwargs: Any) -> Any:
    y = call(a, q, shift(axis, rank(a, True)), *rest, **kwargs)
    return np.moveaxis(y, len(shape_of(q)), 0) if len(shape_of(q)) else y


def recurrence(call: Any, mapped: Any, size: int, a: Any, b: Any, axis: int) -> Any:
    a, b = spread(a, mapped[0], size), spread(b, mapped[1], size)
    return call(a, b, shift(axis, rank(a, True)))


def stacked(*cores: int) -> Form:
    """Return the form of a function of arrays with core axes at the end: the axes before them broadcast."""

    def form(call: Any, mapped: Any, size: int, *args: Any, **kwargs: Any) -> Any:
        if any(mapped[len(cores) :]):
            return NotImplemented
        # Whatever the result depends on, it has the axes of the first argument.
        arrays = [spread(args[0], mapped[0], size), *args[1 : len(cores)]]
        flags = [True, *mapped[1 : len(cores)]]
        n = max([rank(x, m) - core for x, m, core in zip(arrays, flags, cores, strict=False) if x is not None])
        aligned = [align(x, m, n + core) for x, m, core in zip(arrays, flags, cores, strict=False)]
        return call(*aligned, *args[len(cores) :], **kwargs)

    return form


def pairwise(call: Any, mapped: Any, size: int, a: Any, b: Any) -> Any:
    """Functions of two stacks that do not broadcast."""
    return call(spread(a, mapped[0], size), spread(b, mapped[1], size))


def norm(call: Any, x: Any, order: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    n = rank(x, True)
    if axis is None and order is None and n != 2:
        y = call(flat(x), None, 1)
        return np.reshape(y, (shape_of(y)[0], *(1,) * n)) if keepdims else y
    return call(x, order, shift(axis, n)[0] if axis is None and n == 1 else shift(axis, n), keepdims)


def vector_norm(call: Any, x: Any, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:  # noqa: A002 (NumPy's name)
    if axis is None and keepdims:
        return NotImplemented
    return call(flat(x), axis=1, ord=ord) if axis is None else call(x, axis=shift(axis, rank(x, True)), keepdims=keepdims, ord=ord)


def accumulation(call: Any, x: Any, *, axis: Any = None, **kwargs: Any) -> Any:
    return call(x, axis=1 if axis is None and rank(x, True) == 1 else shift(axis, rank(x, True)), **kwargs)


def along_third(call: Any, x: Any, option: Any, axis: int, *rest: Any) -> Any:
    return call(x, option, shift(axis, rank(x, True)), *rest)


def contraction(count: int) -> Form:
    """Return the form of a sum over products of arrays that come before their subscripts."""

    def form(call: Any, mapped: Any, size: int, *args: Any, **kwargs: Any) -> Any:
        subscripts = args[count]
        inputs, _, output = subscripts.partition("->")
        new = next(c for c in string.ascii_letters if c not in subscripts)
        terms = [new * bool(m) + term for term, m in zip(inputs.split(","), mapped, strict=False)]
        return call(*args[:count], f"{','.join(terms)}->{new}{output}", *args[count + 1 :], **kwargs)

    return form


# The table -----------------------------------------------------------------------------------------------------------------------

# Functions that look at shapes and dtypes only: their result is one for the whole batch.
FORM_ONLY = frozenset({
    np.shape, np.ndim, np.size, np.zeros_like, np.ones_like, np.empty_like, np.result_type, np.can_cast, np.common_type,
    np.iscomplexobj, np.isrealobj, np.broadcast_shapes, np.diag_indices_from, np.tril_indices_from, np.triu_indices_from,
})  # fmt: skip


def enter(form: Form, *functions: Any) -> None:
    """Give functions a batched form."""
    for function in functions:
        FORMS[function] = form


# fmt: off
la, fft = np.linalg, np.fft
enter(only_first(reduction),          np.sum, np.mean, np.prod, np.max, np.min, np.all, np.any, np.count_nonzero, np.var, np.std,
                                      np.median, np.nansum, np.nanmean, np.nanprod, np.nanmax, np.nanmin, np.nanvar, np.nanstd,
                                      np.nanmedian, np.ptp)
enter(only_first(along(-1)),          np.sort, np.argsort)
enter(only_first(along(None)),        np.cumsum, np.cumprod, np.nancumsum, np.nancumprod, np.argmax, np.argmin, np.nanargmax, np.nanargmin)
enter(only_first(accumulation),       np.cumulative_sum, np.cumulative_prod)
enter(only_first(along_second),       np.partition, np.argpartition)
enter(only_first(quantile),           np.quantile, np.percentile, np.nanquantile, np.nanpercentile)
enter(only_first(repeat),             np.repeat)
enter(only_first(diff),               np.diff)
enter(recurrence,                     reductions.recur)

enter(elementwise,                    np.real, np.imag, arithmetic.real_part, arithmetic.imaginary_part, np.angle, np.nan_to_num, np.isreal,
                                      np.iscomplex, np.clip, np.isclose, arithmetic.signum)
enter(elementwise_in(0),              np.round, np.around, np.fix, np.isneginf, np.isposinf, np.digitize, np.interp, np.isin)
enter(elementwise_in(1),              np.searchsorted)
enter(choice,                         np.where)

enter(only_first(reshape),            np.reshape)
enter(only_first(ravel),              np.ravel)
enter(only_first(transpose),          np.transpose)
enter(only_first(matrix_transpose),   np.matrix_transpose, la.matrix_transpose)
enter(only_first(two_axes),           np.swapaxes, np.moveaxis)
enter(only_first(rollaxis),           np.rollaxis)
enter(only_first(expand_dims),        np.expand_dims)
enter(only_first(squeeze),            np.squeeze)
enter(only_first(broadcast_to),       np.broadcast_to)
enter(only_first(flip),               np.flip)
enter(only_first(lambda call, m: np.flip(m, 2)), np.fliplr)
enter(only_first(lambda call, m: np.flip(m, 1)), np.flipud)
enter(only_first(roll),               np.roll)
enter(only_first(rot90),              np.rot90)
enter(only_first(tile),               np.tile)
enter(only_first(pad),                np.pad)
enter(only_first(diagonal),           np.diagonal, np.trace)
enter(only_first(diag),               np.diag)
enter(only_first(diagflat),           np.diagflat)
enter(only_first(triangle),           np.tril, np.triu)
enter(only_first(windows),            np.lib.stride_tricks.sliding_window_view)
enter(only_first(in_place_of),        np.copy, np.astype, shaping.convert, shaping.discretise)
enter(concatenate,                    np.concatenate)
enter(stack,                          np.stack)

enter(matmul,                         np.matmul)
enter(dot,                            np.dot)
enter(inner,                          np.inner)
enter(outer,                          np.outer)
enter(vdot,                           np.vdot)
enter(tensordot,                      np.tensordot, la.tensordot)
enter(einsum,                         np.einsum)
enter(contraction(1),                 einsums.contract)
enter(contraction(2),                 einsums.contract_pair)
enter(stacked(1, 1),                  np.vecdot, products.vecdot, products.cross3)

enter(stacked(2),                     la.inv, la.pinv, la.det, la.slogdet, la.cholesky, la.eig, la.eigvals, la.eigh, la.eigvalsh, la.svd, la.svdvals,
                                      la.qr, la.matrix_power, la.matrix_rank, la.cond)
enter(solve,                          la.solve)
enter(only_first(norm),               la.norm)
enter(only_first(vector_norm),        la.vector_norm)
enter(stacked(2),                     la.matrix_norm, degenerate.inverse, linalg_solve.regular, linalg_solve.adjugate, linalg_spectral.largest)
enter(stacked(1),                     degenerate.positive)
enter(stacked(2, 1),                  degenerate.reciprocal, degenerate.attached)
enter(stacked(1, 1),                  degenerate.share)
enter(stacked(2, 2),                  degenerate.vanishing)
enter(stacked(2, 1, 1),               degenerate.separable)
enter(stacked(2, 2, 1, 2),            degenerate.quotient)
enter(pairwise,                       linalg_spectral.matching)
enter(only_first(reduction),          linalg_norms.ties)

enter(getitem,                        operator.getitem)
enter(scatter,                        indexing.scatter)
enter(take,                           np.take)
enter(take_along_axis,                np.take_along_axis)

enter(only_first(transform),          fft.fft, fft.ifft, fft.rfft, fft.irfft, fft.hfft, fft.ihfft)
enter(only_first(transforms(None)),   fft.fftn, fft.ifftn, fft.rfftn, fft.irfftn)
enter(only_first(transforms((-2, -1))), fft.fft2, fft.ifft2, fft.rfft2, fft.irfft2)
enter(only_first(along_third),        transforms_of.fitted, transforms_of.weighted)
enter(only_first(fftshift),           fft.fftshift, fft.ifftshift)
# fmt: on
