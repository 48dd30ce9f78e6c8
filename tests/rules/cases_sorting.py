"""Sorting, order statistics, sets, histograms and table look-up."""

from __future__ import annotations

import numpy as np

from tests.rules.case import Case

X = np.array([[0.7, -1.2, 2.5, 0.1], [-0.4, 1.9, -2.2, 3.3]])
T = (np.arange(30) * 7 % 30 * 0.4 - 6).reshape(2, 3, 5)
NAN = np.array([[0.7, np.nan, 2.5, 0.1], [-0.4, 1.9, np.nan, np.nan]])
W = np.array([[0.5, 1.2, 0.3, 0.9], [0.4, 1.9, 1.1, 0.2]])
REPEATED = np.array([2.0, 1.0, 2.0, 3.0])
KNOTS, TABLE = np.array([-1.0, 0.2, 1.5]), np.array([2.0, -1.0, 0.5])
METHODS = (  # noqa: SIM905 -- a table reads better than thirteen quoted words
    "inverted_cdf averaged_inverted_cdf closest_observation interpolated_inverted_cdf hazen weibull linear median_unbiased "
    "normal_unbiased lower higher midpoint nearest"
).split()


def sort_in_place(x):
    y = 1 * x
    y.sort(axis=0)
    return y * x


def median_out(x):
    out = np.zeros(4)
    np.median(x, axis=0, out=out)
    return out * out


CASES = [
    *[Case(np.sort, (T,), {"axis": axis}, name=f"axis {axis}") for axis in (None, 0, -1)],
    *[Case(np.partition, (T, 1), {"axis": axis}, name=f"axis {axis}") for axis in (None, 0, -1)],
    Case(np.sort, (np.zeros((0, 2)),), name="size 0"),
    Case(sort_in_place, (X,), name="in place"),
    Case(np.sort_complex, (X[0] + 1j,)),
    *[
        Case(np.median, (T,), {"axis": axis, "keepdims": k}, name=f"axis {axis}")
        for axis in (None, 0, -1, (0, 2))
        for k in (False, True)
    ],
    *[Case(np.nanmedian, (T,), {"axis": axis}, name=f"axis {axis}") for axis in (None, 0, (0, 2))],
    Case(np.nanmedian, (NAN,), {"axis": 1}, name="nan", order=1),
    Case(median_out, (X,), name="out", float32=False),
    *[Case(lambda x, m=method: np.quantile(x, 0.3, axis=1, method=m), (X,), name=method, float32=False) for method in METHODS],
    *[
        Case(lambda x, k=axis: np.quantile(x, [0.1, 0.5, 1], axis=k), (T,), name=f"several, axis {axis}", float32=False)
        for axis in (None, 1, (0, 2))
    ],
    Case(lambda x: np.quantile(x, [[0.2, 0.4], [0.6, 0.8]], axis=0, keepdims=True), (X,), name="matrix of q", float32=False),
    Case(lambda x: np.quantile(x, 0.4, axis=1, weights=W, method="inverted_cdf"), (X,), name="weights", float32=False),
    Case(
        lambda x: np.quantile(x, 0.4, axis=1, weights=W[0], method="inverted_cdf"),
        (X,),
        name="weights of the axis",
        float32=False,
    ),
    Case(lambda x: np.quantile(x, q=0.4), (X,), name="keyword", float32=False),
    Case(lambda x: np.percentile(x, 30), (X,), name="percent", float32=False),
    Case(lambda x: np.nanquantile(x, 0.3, axis=1), (NAN,), name="nan", order=1, float32=False),
    Case(lambda x: np.nanpercentile(x, [30, 80], axis=0), (X,), name="nan", float32=False),
    Case(np.unique, (REPEATED[1:],)),
    Case(lambda x: np.unique(x[[0, 1, 0, 2]], return_index=True, return_counts=True)[0], (REPEATED[1:],), name="repeated"),
    Case(np.unique, (X,), {"axis": 0}, name="axis"),
    Case(np.unique_values, (REPEATED[1:],)),
    Case(lambda x: np.unique_all(x).values, (REPEATED[1:],), name="all"),
    Case(lambda x: np.unique_counts(x).values, (REPEATED[1:],), name="counts"),
    Case(lambda x: np.unique_inverse(x).values, (REPEATED[1:],), name="inverse"),
    Case(np.union1d, (X[0], X[1])),
    Case(lambda w: np.bincount(np.array([0, 2, 2, 5]), w), (W[0],), name="weights", float32=False),
    Case(lambda w: np.bincount([0, 2, 2, 5], weights=w, minlength=8), (W[0],), name="keyword", float32=False),
    Case(lambda w: np.histogram(X, bins=3, weights=w)[0], (W,), name="weights", float32=False),
    Case(lambda w: np.histogram(X, bins=[-1, 0, 1, 5], density=True, weights=w)[0], (W,), name="density", float32=False),
    Case(lambda x: np.histogram(x, bins=3)[1], (X,), name="edges", float32=False),
    Case(lambda x: np.histogram(x, bins=3, density=True)[0], (X,), name="density of data", float32=False),
    Case(np.histogram_bin_edges, (X, 4)),
    Case(np.interp, (X, KNOTS, TABLE), float32=False),
    Case(np.interp, (0.3, KNOTS, TABLE), name="number", float32=False),
    Case(np.interp, (X, KNOTS, TABLE, -3.0, 4.0), name="ends", float32=False),
    Case(np.interp, (X, KNOTS, TABLE), {"period": 3.0}, name="period", float32=False),
    Case(np.interp, (X, KNOTS, TABLE + 1j), name="complex table", float32=False),
    Case(np.interp, (X, np.array([0.5]), np.array([2.0])), name="one point", float32=False),
]
