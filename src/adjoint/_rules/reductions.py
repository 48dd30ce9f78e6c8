"""Sums, products, extrema and moments along axes; their cumulative forms; differences and integrals of samples.

Ties share: each of k equal maxima has derivative 1/k.  Products never divide by an element, so zeros are not special.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint._rules.book import FIXED, composite, general, linear
from adjoint._rules.extents import larger, made, product, unknown
from adjoint._rules.forms import along
from adjoint._rules.kinds import dtype_of, is_complex, scale, shape_of
from adjoint._rules.primitive import primitive

NONE = np._NoValue


def axes_of(ndim: int, axis: Any) -> tuple[int, ...]:
    """Return an axis argument as a tuple of axes counted from 0."""
    if axis is None:
        return tuple(range(ndim))
    return tuple(int(k) % ndim for k in axis) if isinstance(axis, (tuple, list)) else (int(axis) % ndim,) if ndim else ()


def kept_shape(shape: tuple[int, ...], axis: Any) -> tuple[int, ...]:
    """Return the shape of a reduction with ``keepdims=True``."""
    axes = axes_of(len(shape), axis)
    return tuple(1 if k in axes else n for k, n in enumerate(shape))


def spread(ct: Any, x: Any, axis: Any = None, where: Any = True) -> Any:
    """Repeat the result of a reduction of ``x``, with or without kept axes, over ``x``; zero where ``where`` is false."""
    shape = shape_of(x)
    if shape_of(ct):
        ct = np.reshape(ct, kept_shape(shape, axis))
    y = np.broadcast_to(ct, shape)
    return y if where is True else np.where(where, y, 0)


def total(values: Any, y: Any, axis: Any = None) -> Any:
    """Sum over the axes that were reduced, in the shape of the result ``y``."""
    return np.reshape(np.sum(values, axis=axis), shape_of(y))


def count(x: Any, axis: Any, where: Any, keepdims: bool = False) -> Any:
    """Return the number of elements that a reduction of ``x`` takes in."""
    if where is True or where is NONE:
        return product(shape_of(x)[k] for k in axes_of(len(shape_of(x)), axis))
    dtype = np.real(np.zeros((), dtype_of(x))).dtype
    return np.sum(
        np.broadcast_to(where, shape_of(x)), axis=axis, keepdims=keepdims, dtype=dtype if dtype.kind == "f" else float
    )


# Sums and means ---------------------------------------------------------------------------------------------------------------


def mean_transpose(ct: Any, x: Any, axis: Any, where: Any) -> Any:
    """Spread a cotangent evenly over the elements of the mean."""
    n = count(x, axis, where)
    # Of no elements there is none to spread over, and NumPy's division by 0 does not raise.
    n = np.reshape(n, shape_of(ct)) if where is not True else n if unknown(n) else max(n, 1)
    return spread(ct / n, x, axis, where)


linear(
    np.sum,
    lambda ct, a, axis=None, dtype=None, out=None, keepdims=False, initial=0, where=True: spread(ct, a, axis, where),
    FIXED, FIXED, FIXED, FIXED,
    lambda ct, a, axis=None, dtype=None, out=None, keepdims=False, initial=0, where=True: np.sum(ct),
)  # fmt: skip
linear(
    np.mean, lambda ct, a, axis=None, dtype=None, out=None, keepdims=False, *, where=True: mean_transpose(ct, a, axis, where)
)


@composite(np.average)
def average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = False) -> Any:
    """``sum(a * w) / sum(w)``."""
    keepdims = keepdims is True
    if weights is None:
        y = np.mean(a, axis, keepdims=keepdims)
        return (y, made(np.full, shape_of(y), 1.0 * count(a, axis, True))) if returned else y
    w = weights
    shapes_known = not unknown(shape_of(w)) and not unknown(shape_of(a))
    if shape_of(w) != shape_of(a) if shapes_known else len(shape_of(w)) != len(shape_of(a)):
        if axis is None:
            raise TypeError("Axis must be specified when shapes of a and weights differ.")
        axes = axes_of(len(shape_of(a)), axis)
        if shapes_known and shape_of(w) != tuple(shape_of(a)[k] for k in axes):
            raise ValueError("Shape of weights must be consistent with shape of a along specified axis.")
        w = np.reshape(np.transpose(w, np.argsort(axes).tolist()), [n if k in axes else 1 for k, n in enumerate(shape_of(a))])
    w_sum = np.sum(w, axis=axis, keepdims=keepdims)
    if not unknown(w_sum) and np.any(w_sum == 0):
        raise ZeroDivisionError("Weights sum to zero, can't be normalized")
    y = np.sum(a * w, axis=axis, keepdims=keepdims) / w_sum
    return (y, np.broadcast_to(w_sum, shape_of(y))) if returned else y


@composite(np.var)
def var(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0, keepdims: Any = False, *,
    where: Any = True, mean: Any = NONE, correction: Any = NONE,
) -> Any:  # fmt: skip
    """Mean of the squared distances from the mean."""
    a = a if dtype is None else np.astype(a, dtype)
    ddof = ddof if correction is NONE else correction
    where = True if where is NONE else where
    mask = {} if where is True else {"where": where}  # which arrays of other libraries may not know
    keepdims = keepdims is True
    d = a - (np.mean(a, axis=axis, keepdims=True, **mask) if mean is NONE else mean)
    square = np.real(d * np.conj(d)) if is_complex(a) else d * d
    n = count(a, axis, where, keepdims)
    if unknown(ddof) or ddof:
        n = larger(n - ddof, 0) if where is True else np.maximum(n - ddof, 0)
    return np.sum(square, axis=axis, keepdims=keepdims, **mask) / n


@composite(np.std)
def std(*args: Any, **kwargs: Any) -> Any:
    """``sqrt(var)``; of equal elements the derivative is 0, the subgradient of minimum norm."""
    return np.sqrt(np.var(*args, **kwargs))


# Extrema ------------------------------------------------------------------------------------------------------------------------


def extremum(function: Any) -> None:
    """Enter a maximum or minimum: the derivative is shared by the elements, and the initial value, that equal it."""

    def shares(y: Any, x: Any, axis: Any, initial: Any, where: Any) -> Any:
        y = np.reshape(y, kept_shape(shape_of(x), axis))
        top = x == y
        top = top if where is True or where is NONE else top & where
        tied = y == (np.nan if initial is NONE else initial)
        n = np.sum(top, axis=axis, keepdims=True) + tied
        return top / n, tied / n

    def jvp(y: Any, t: Any, a: Any, axis: Any = None, out: Any = None, keepdims: Any = NONE, initial: Any = NONE,
            where: Any = True) -> Any:  # fmt: skip
        return total(shares(y, a, axis, initial, where)[0] * t, y, axis)

    def vjp(y: Any, ct: Any, a: Any, axis: Any = None, out: Any = None, keepdims: Any = NONE, initial: Any = NONE,
            where: Any = True) -> Any:  # fmt: skip
        return shares(y, a, axis, initial, where)[0] * spread(ct, a, axis)

    def jvp_initial(y: Any, t: Any, a: Any, axis: Any, out: Any, keepdims: Any, initial: Any, where: Any = True) -> Any:
        return np.reshape(shares(y, a, axis, initial, where)[1], shape_of(y)) * t

    def vjp_initial(y: Any, ct: Any, a: Any, axis: Any, out: Any, keepdims: Any, initial: Any, where: Any = True) -> Any:
        return np.sum(np.reshape(shares(y, a, axis, initial, where)[1], shape_of(y)) * ct)

    general(function, vjp=(vjp, FIXED, FIXED, FIXED, vjp_initial))(jvp)
    general(function, jvp, FIXED, FIXED, FIXED, jvp_initial, vjp=(vjp, FIXED, FIXED, FIXED, vjp_initial))


for _function in (np.max, np.amax, np.nanmax, np.min, np.amin, np.nanmin):
    extremum(_function)

composite(np.ptp, lambda a, axis=None, out=None, keepdims=False:
          np.max(a, axis=axis, keepdims=keepdims is True) - np.min(a, axis=axis, keepdims=keepdims is True))  # fmt: skip


# Products -----------------------------------------------------------------------------------------------------------------------


def delayed(x: Any, axis: int, first: float) -> Any:
    """Return ``x`` moved on by one place along an axis: ``first, x[0], ..., x[n - 2]``."""
    start = made(np.full, kept_shape(shape_of(x), axis), first, dtype_of(x))
    return np.concatenate([start, x], axis=axis)[along(axis, slice(None, -1), len(shape_of(x)))]


def others(x: Any, axis: Any, where: Any) -> Any:
    """Return, for each element, the product of the others: of those before it times of those behind it."""
    if where is not True:
        x = np.where(where, x, 1)
    shape, axes = shape_of(x), axes_of(len(shape_of(x)), axis)
    if not shape:
        return np.ones((), dtype_of(x))
    last = tuple(range(len(shape) - len(axes), len(shape)))
    moved = np.moveaxis(x, axes, last) if len(axes) < len(shape) else x
    row = np.reshape(moved, (*shape_of(moved)[: last[0]], product(shape[k] for k in axes))) if axes else x[..., None]
    before = delayed(np.cumprod(row, axis=-1), -1, 1)
    behind = np.flip(delayed(np.cumprod(np.flip(row, -1), axis=-1), -1, 1), -1)
    y = np.reshape(before * behind, shape_of(moved))
    return np.moveaxis(y, last, axes) if len(axes) < len(shape) else y


def prod_jvp(
    y: Any, t: Any, a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, initial: Any = 1,
    where: Any = True,
) -> Any:  # fmt: skip
    """``dy = sum_k t_k prod_{j != k} x_j``."""
    p = scale(others(a, axis, where), t)
    return total(p if where is True else np.where(where, p, 0), y, axis) * (1 if initial is NONE else initial)


def prod_vjp(
    y: Any, ct: Any, a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, initial: Any = 1,
    where: Any = True,
) -> Any:  # fmt: skip
    """Transpose of `prod_jvp`."""
    return scale(np.conj(others(a, axis, where)), spread(ct * (1 if initial is NONE else np.conj(initial)), a, axis, where))


def prod_jvp_initial(
    y: Any, t: Any, a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, initial: Any = 1,
    where: Any = True,
) -> Any:  # fmt: skip
    """The product is linear in its initial value."""
    return np.reshape(np.prod(a, axis=axis, where=where), shape_of(y)) * t


general(np.prod, prod_jvp, FIXED, FIXED, FIXED, FIXED, prod_jvp_initial, vjp=(prod_vjp,))


# A linear recurrence ``s_k = a_k s_{k-1} + b_k`` (s_{-1} = 0) is the derivative of a cumulative product, the transpose of itself
# backward in k with the coefficients moved by one place, and the derivative of itself: ``s'_k = a_k s'_{k-1} + (a'_k s_{k-1} + b'_k)``.


@primitive
def recur(a: Any, b: Any, axis: int) -> Any:
    """Return ``s_k = a_k s_{k-1} + b_k`` along an axis, by doubling spans [Hillis and Steele 1986]; ``a_0`` is not used."""
    dtype = np.result_type(a, b)
    a, b = (np.array(np.moveaxis(v, axis, 0), dtype) for v in (a, b))
    step = 1
    while step < len(b):
        b[step:] += a[step:] * b[:-step]
        a[step:] *= a[:-step].copy()
        step *= 2
    return np.moveaxis(b, 0, axis)


def recur_back(a: Any, ct: Any, axis: int) -> Any:
    """Return ``r_k = ct_k + a_{k+1} r_{k+1}`` along an axis."""
    return np.flip(recur(delayed(np.flip(a, axis), axis, 0), np.flip(ct, axis), axis), axis)


general(
    recur,
    lambda y, t, a, b, axis: recur(a, t * delayed(y, axis, 0), axis),
    lambda y, t, a, b, axis: recur(a, t, axis),
    vjp=(
        lambda y, ct, a, b, axis: recur_back(np.conj(a), ct, axis) * np.conj(delayed(y, axis, 0)),
        lambda y, ct, a, b, axis: recur_back(np.conj(a), ct, axis),
    ),
)


def cumprod_jvp(y: Any, t: Any, a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """``dy_k = x_k dy_{k-1} + y_{k-1} t_k``."""
    shape, axis = shape_of(y), 0 if axis is None else axis
    return recur(np.reshape(a, shape), delayed(y, axis, 1) * np.reshape(t, shape), axis)


def cumprod_vjp(y: Any, ct: Any, a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """``ct_k' = y_{k-1} r_k`` with ``r_k = ct_k + x_{k+1} r_{k+1}``."""
    shape, axis = shape_of(y), 0 if axis is None else axis
    return np.reshape(recur_back(np.conj(np.reshape(a, shape)), ct, axis) * np.conj(delayed(y, axis, 1)), shape_of(a))


general(np.cumprod, vjp=cumprod_vjp)(cumprod_jvp)


# Cumulative sums ----------------------------------------------------------------------------------------------------------------


def sum_from(ct: Any, axis: int) -> Any:
    """Return the sums from each element to the end."""
    return np.flip(np.cumsum(np.flip(ct, axis), axis=axis), axis)


def drop_initial(ct: Any, axis: int | None, include_initial: bool) -> Any:
    """Return a cotangent without the entry of the initial value, which is constant."""
    return ct[along(axis or 0, slice(1, None), len(shape_of(ct)))] if include_initial else ct


linear(np.cumsum, lambda ct, a, axis=None, dtype=None, out=None: np.reshape(sum_from(ct, axis or 0), a.shape))
linear(np.cumulative_sum, lambda ct, x, axis=None, dtype=None, out=None, include_initial=False:
       sum_from(drop_initial(ct, axis, include_initial), axis or 0))  # fmt: skip


@composite(np.cumulative_prod)
def cumulative_prod(x: Any, /, *, axis: Any = None, dtype: Any = None, out: Any = None, include_initial: bool = False) -> Any:
    """`numpy.cumprod`, with a leading one if asked for."""
    if axis is None and len(shape_of(x)) > 1:
        raise ValueError("For arrays which have more than one dimension ``axis`` argument is required.")
    axis = axis or 0
    y = np.cumprod(x if dtype is None else np.astype(x, dtype), axis=axis)
    one = made(np.ones, kept_shape(shape_of(y), axis), dtype_of(y))
    return np.concatenate([one, y], axis=axis) if include_initial else y


# Without nan: nan elements count as the neutral element, and their derivative is zero ---------------------------------------------


def given(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that the caller gave."""
    return {name: value for name, value in options.items() if value is not NONE}


def replaced(a: Any, neutral: float) -> Any:
    """Return ``a`` with ``neutral`` in place of nan."""
    return np.where(np.isnan(a), neutral, a)


def numbers(a: Any, where: Any) -> Any:
    """Return where ``a`` holds numbers that are asked for."""
    return ~np.isnan(a) if where is True or where is NONE else ~np.isnan(a) & where


composite(np.nansum, lambda a, *args, **options: np.sum(replaced(a, 0), *args, **given(options)))
composite(np.nanprod, lambda a, *args, **options: np.prod(replaced(a, 1), *args, **given(options)))
composite(np.nancumsum, lambda a, *args, **options: np.cumsum(replaced(a, 0), *args, **options))
composite(np.nancumprod, lambda a, *args, **options: np.cumprod(replaced(a, 1), *args, **options))
composite(np.nanmean, lambda a, *args, where=True, **options: np.mean(a, *args, where=numbers(a, where), **given(options)))
composite(np.nanvar, lambda a, *args, where=True, **options: np.var(a, *args, where=numbers(a, where), **given(options)))
composite(np.nanstd, lambda a, *args, where=True, **options: np.std(a, *args, where=numbers(a, where), **given(options)))
