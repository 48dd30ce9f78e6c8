"""Batched forms of products and of linear algebra; see `batching` for what a form is."""

from __future__ import annotations

import string
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from adjoint._rules.batching_forms import Form, align, elementwise, flat, logical, rank, shift, spread
from adjoint._rules.extents import product, unknown
from adjoint._rules.kinds import shape_of

# Products ----------------------------------------------------------------------------------------------------------------------


def matmul(call: Any, mapped: Any, size: int, a: Any, b: Any, **kwargs: Any) -> Any:
    """Multiply stacks; where one factor is common to the batch, by one product of matrices."""
    (ma, mb), ra, rb = mapped, rank(a, mapped[0]), rank(b, mapped[1])
    if kwargs or min(ra, rb) == 0:
        return NotImplemented
    if not mb and ra == 1 and rb <= 2:
        return np.matmul(a, b)
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
    if unknown(shape):
        return np.matmul(a, b)
    rows = np.reshape(a, (product(shape[:-1]), shape[-1]))
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
    sizes = [product(part) for part in lengths]
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


def contraction(count: int) -> Form:
    """Return the form of a sum over products of arrays that come before their subscripts."""

    def form(call: Any, mapped: Any, size: int, *args: Any, **kwargs: Any) -> Any:
        subscripts = args[count]
        inputs, _, output = subscripts.partition("->")
        new = next(c for c in string.ascii_letters if c not in subscripts)
        terms = [new * bool(m) + term for term, m in zip(inputs.split(","), mapped, strict=False)]
        return call(*args[:count], f"{','.join(terms)}->{new}{output}", *args[count + 1 :], **kwargs)

    return form


# Linear algebra ------------------------------------------------------------------------------------------------------------------


def solve(call: Any, mapped: Any, size: int, a: Any, b: Any) -> Any:
    """Solve stacks of systems; where the matrix is common to the batch, it is factorised once."""
    (ma, mb), ra, rb = mapped, rank(a, mapped[0]), rank(b, mapped[1])
    if ra == 2 and not ma and rb <= 2:
        columns = np.moveaxis(b, 0, -1)
        shape = shape_of(columns)
        y = call(a, np.reshape(columns, (shape[0], product(shape[1:]))))
        return np.moveaxis(np.reshape(y, shape), -1, 0)
    right = np.expand_dims(b, -1) if rb == 1 else b
    n = max(ra, rb, 2)
    y = call(align(a, ma, n), align(right, mb, n))
    return np.squeeze(y, -1) if rb == 1 else y


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


def vector_norm(call: Any, x: Any, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    if axis is None and keepdims:
        return NotImplemented
    return (
        call(flat(x), axis=1, ord=ord) if axis is None else call(x, axis=shift(axis, rank(x, True)), keepdims=keepdims, ord=ord)
    )
