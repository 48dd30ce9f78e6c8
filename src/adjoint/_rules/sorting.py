"""Sorting, order statistics, sets, histograms and table look-up.

Where elements stand in order does not change under small changes, so that sorting is a selection with constant indices, and an order
statistic a weighted mean of two selected elements with constant weights.  Equal elements keep their order (a stable sort).
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from adjoint._rules.book import FIXED, Unknown, composite, constant, excluded, general, linear
from adjoint._rules.extents import larger, unknown
from adjoint._rules.forms import as_array
from adjoint._rules.kinds import dtype_of, shape_of
from adjoint._rules.primitive import primitive
from adjoint._rules.reductions import axes_of
from adjoint.errors import MissingRuleError

constant(np.argsort, np.argpartition, np.lexsort, np.searchsorted, np.digitize)


def flat_or_not(a: Any, axis: int | None) -> tuple[Any, int]:
    """Return the array and the axis that a function works along; the flattened array if there is no axis."""
    return (np.ravel(a), 0) if axis is None else (a, axis)


@composite(np.sort)
def sort(a: Any, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    """Take the elements in the order of `numpy.argsort`."""
    a, axis = flat_or_not(a, axis)
    return np.take_along_axis(a, np.argsort(a, axis=axis, stable=True), axis)


@composite(np.partition)
def partition(a: Any, kth: Any, axis: int | None = -1, kind: str = "introselect", order: Any = None) -> Any:
    """Take the elements in the order of `numpy.argpartition`."""
    a, axis = flat_or_not(a, axis)
    return np.take_along_axis(a, np.argpartition(a, kth, axis=axis), axis)


@composite(np.sort_complex)
def sort_complex(a: Any) -> Any:
    """Sort along the last axis, as complex numbers."""
    y = np.sort(a)
    return y if y.dtype.kind == "c" else y + 0j


# Order statistics -------------------------------------------------------------------------------------------------------------


def rows(a: Any, axis: Any) -> Any:
    """Move the axes that are reduced to the end, as one axis."""
    shape = shape_of(a)
    axes = axes_of(len(shape), axis)
    rest = tuple(k for k in range(len(shape)) if k not in axes)
    moved = a if (*rest, *axes) == tuple(range(len(shape))) else np.transpose(a, (*rest, *axes))
    return np.reshape(moved, (*(shape[k] for k in rest), math.prod(shape[k] for k in axes)))


def aligned(weights: Any, shape: tuple[int, ...], axis: Any) -> Any:
    """Return weights in the shape of the data; they may have the axes that are reduced only, in the order of ``axis``."""
    if np.shape(weights) == shape:
        return weights
    axes = axes_of(len(shape), axis)
    return np.broadcast_to(
        np.reshape(np.transpose(weights, np.argsort(axes)), [n if k in axes else 1 for k, n in enumerate(shape)]), shape
    )


def between(function: Any, y: Any, t: Any, a: Any, axis: Any, *q: Any, weights: Any = None, **options: Any) -> Any:
    """Return the tangent of a function whose results lie between two neighbours in sorted order.

    Applied to the *ranks* 0, 1, 2, ... in place of the sorted elements, the function itself tells where between neighbours its
    result lies: the integer part of that is the rank below, the rest the weight of the rank above.  This covers every method of
    interpolation, weights, and the nan that the nan-functions pass over.
    """
    shape, table = shape_of(a), rows(a, axis)
    count = shape_of(table)[-1]
    if not a.size:
        return np.zeros(shape_of(y))
    order = np.argsort(table, axis=-1, stable=True)
    ranks = np.where(np.isnan(np.take_along_axis(table, order, -1)), np.nan, np.arange(count, dtype=float))
    if weights is not None:
        options["weights"] = np.take_along_axis(rows(aligned(weights, shape, axis), axis), order, -1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # rows of nothing but nan, of which the caller was warned already
        place = np.reshape(function(ranks, *q, axis=-1, **options), (-1, a.size // count))
    below = np.where(np.isnan(place), 0, np.floor(place)).astype(int)
    above = np.minimum(below + 1, count - 1)
    sources = np.take_along_axis(rows(np.reshape(np.arange(a.size), shape), axis), order, -1).reshape(-1, count)
    row, flat = np.arange(len(sources)), np.ravel(t)
    low, high = flat[sources[row, below]], flat[sources[row, above]]
    return np.reshape(low + (place - below) * (high - low), shape_of(y))


def order_statistic(function: Any) -> None:
    """Enter a quantile or percentile."""

    def jvp(y: Any, t: Any, a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: Any = False, method: Any = "linear",
            keepdims: Any = False, *, weights: Any = None, interpolation: Any = None) -> Any:  # fmt: skip
        return between(function, y, t, a, axis, q, weights=weights, method=interpolation or method)

    general(function, jvp, Unknown("quantiles are differentiated with respect to the data only"))


for _function in (np.quantile, np.percentile, np.nanquantile, np.nanpercentile):
    order_statistic(_function)


@general(np.median)
def median(
    y: Any, t: Any, a: Any, axis: Any = None, out: Any = None, overwrite_input: Any = False, keepdims: Any = False
) -> Any:
    """The middle element, or the mean of the two in the middle."""
    return between(np.median, y, t, a, axis)


@general(np.nanmedian)
def nanmedian(
    y: Any, t: Any, a: Any, axis: Any = None, out: Any = None, overwrite_input: Any = False, keepdims: Any = False
) -> Any:
    """The median of what is not nan."""
    return between(np.nanmedian, y, t, a, axis)


# Sets: which elements are equal is constant, the first of equal ones stands for all ----------------------------------------------


@primitive
def unique_places(ar: Any, axis: int | None, equal_nan: bool) -> Any:
    """Return where the unique values first occur, which of them each element equals, and how often each occurs."""
    _, places, inverse, counts = np.unique(
        ar, return_index=True, return_inverse=True, return_counts=True, axis=axis, equal_nan=equal_nan
    )
    return places, inverse, counts


constant(unique_places)


@composite(np.unique)
def unique(
    ar: Any, return_index: bool = False, return_inverse: bool = False, return_counts: bool = False, axis: int | None = None, *,
    equal_nan: bool = True, sorted: bool = True,
) -> Any:  # fmt: skip
    """Take the first of equal elements, in sorted order."""
    places, inverse, counts = unique_places(ar, axis, equal_nan)
    y = np.take(ar, places, axis)
    wanted = [part for part, asked in ((places, return_index), (inverse, return_inverse), (counts, return_counts)) if asked]
    return (y, *wanted) if wanted else y


def _array_api_set(name: str, *options: str) -> None:
    """Enter one of the forms of `numpy.unique` that the array API standard names."""
    function = getattr(np, f"unique_{name}")
    form = None if name == "values" else type(function(np.zeros(1)))

    def definition(x: Any, /) -> Any:
        y = unique(x, equal_nan=False, **dict.fromkeys(options, True))
        return y if form is None else form(*y)

    composite(function, definition)


_array_api_set("values")
_array_api_set("counts", "return_counts")
_array_api_set("inverse", "return_inverse")
_array_api_set("all", "return_index", "return_inverse", "return_counts")

composite(np.union1d, lambda ar1, ar2: unique(np.concatenate([np.ravel(ar1), np.ravel(ar2)])))
excluded("a set has no derivative; take the elements by index, which has one", np.intersect1d, np.setdiff1d, np.setxor1d)


# Counts -----------------------------------------------------------------------------------------------------------------------

linear(np.bincount, FIXED, lambda ct, x, weights, minlength=0: ct[x] if weights.size else np.zeros(0))


@composite(np.histogram_bin_edges)
def histogram_bin_edges(a: Any, bins: Any = 10, range: Any = None, weights: Any = None) -> Any:
    """Equal bins between the smallest and the largest element, unless edges or a range are given."""
    if isinstance(bins, str):
        raise MissingRuleError.of(
            "numpy.histogram", "the number of bins would depend on the data", f"argument 0 with bins={bins!r}"
        )
    if len(shape_of(bins)):
        return bins
    low, high = ((np.min(a), np.max(a)) if np.size(a) else (0.0, 1.0)) if range is None else range
    if low == high:
        low, high = low - 0.5, high + 0.5
    # Exact at both ends: the smallest and the largest element are inside.
    part = np.arange(bins + 1, dtype=dtype_of(a) if dtype_of(a).kind == "f" else float) / bins
    return (1 - part) * low + part * high


@primitive
def bins_of(a: Any, edges: Any) -> Any:
    """Return the number of the bin of each element, the number of bins for those outside; the last bin has both its edges."""
    k = np.searchsorted(edges, a, side="right") - 1
    k = np.where(a == edges[-1], len(edges) - 2, k)
    return np.where((k < 0) | np.isnan(a), len(edges) - 1, k)


constant(bins_of)


@composite(np.histogram)
def histogram(a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None) -> Any:
    """Counts are constant, sums of weights are linear in the weights, and edges between extrema move with these."""
    edges = histogram_bin_edges(a, bins, range)
    n = shape_of(edges)[0] - 1
    places = bins_of(np.ravel(a), edges)
    counts = np.bincount(places, None if weights is None else np.ravel(weights), n + 1)[:n]
    return (counts / np.diff(edges) / np.sum(counts) if density else counts), edges


excluded("sum weights by numpy.bincount, which is linear in them; counts are constant", np.histogram2d, np.histogramdd)


# Look-up ------------------------------------------------------------------------------------------------------------------------


@composite(np.interp)
def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    """Linear interpolation in a table; at a knot the derivative is that of the interval to the right."""
    xp, fp = as_array(xp), as_array(fp)
    if period is not None:
        x, xp = np.remainder(x, period), np.remainder(xp, period)
        order = np.argsort(xp)
        xp, fp = xp[order], fp[order]
        xp, fp = np.concatenate([xp[-1:] - period, xp, xp[:1] + period]), np.concatenate([fp[-1:], fp, fp[:1]])
        left = right = None
    n = shape_of(xp)[0]
    k = np.clip(np.searchsorted(xp, x, side="right") - 1, 0, larger(n - 2, 0))
    if unknown(n):  # there may be one knot only
        above = np.minimum(k + 1, n - 1)
        inside = fp[k] + (fp[above] - fp[k]) / np.where(above == k, 1, xp[above] - xp[k]) * (x - xp[k])
    elif n > 1:
        inside = fp[k] + (fp[k + 1] - fp[k]) / (xp[k + 1] - xp[k]) * (x - xp[k])
    else:
        inside = fp[k]
    y = np.where(x < xp[0], fp[0] if left is None else left, inside)
    return np.where(x > xp[-1], fp[-1] if right is None else right, y)
