"""Reductions: every form of axis, keepdims, where, initial, ddof and out; zeros, ties and nan."""

from __future__ import annotations

import numpy as np

from tests.rules.case import Case

X = np.array([[0.7, -1.2, 2.5], [-0.4, 1.9, -2.2]])
T = np.sin(np.arange(24.0) * 1.3).reshape(2, 3, 4) + 0.1
Z = X + 1j * X[::-1]
ZEROS = np.array([[0.7, 0.0, 2.5], [0.0, 1.9, 0.0]])
TIES = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
NAN = np.array([[0.7, np.nan, 2.5], [np.nan, 1.9, -1.0]])
MASK = np.array([[True, False, True], [False, True, True]])
AXES = [None, 0, -1, 1, (0, 2), (-1, 0), (0, 1, 2), ()]
REDUCTIONS = [np.sum, np.prod, np.mean, np.var, np.std, np.max, np.amin]
NAN_REDUCTIONS = [np.nansum, np.nanprod, np.nanmean, np.nanvar, np.nanstd, np.nanmax, np.nanmin]


def forms(function):
    """Return the cases that all reductions share."""
    yield from (
        Case(function, (T,), {"axis": axis}, name=f"axis {axis}") for axis in AXES if axis != () or function is not np.std
    )
    yield from (Case(function, (T,), {"axis": axis, "keepdims": True}, name=f"kept {axis}") for axis in (None, 1, (0, 2)))
    yield Case(function, (X, 1), name="positional axis")
    yield Case(function, (X.T,), {"axis": 0}, name="not contiguous")
    yield (
        Case(function, (np.array([[1.5]]),), {"axis": 1}, name="size 1")
        if function is not np.std
        else Case(np.var, (np.ones((1, 1)),))
    )
    start = (
        {"initial": -3.0} if function in (np.max, np.nanmax) else {"initial": 3.0} if function in (np.amin, np.nanmin) else {}
    )
    yield Case(function, (X,), {"axis": 1, "where": MASK, **start}, name="where")
    yield Case(function, (X,), {"where": MASK[0], **start}, name="broadcast where")


def out_of_mean(x):
    out = np.zeros(3)
    np.mean(x, axis=0, out=out)
    return out**2


def out_of_cumsum(x):
    out = np.zeros((2, 3))
    np.cumsum(x, 1, None, out)
    return out**2


def method_out(x):
    out = np.zeros(2)
    x.max(axis=1, out=out)
    return out * x[:, 0]


def methods(x):
    return (
        x.sum(0)
        + x.prod(axis=0)
        + x.mean(0)
        + x.std(0)
        + x.var(axis=0, ddof=1)
        + x.max(0)
        - x.min(0)
        + x.cumsum(1)[0]
        + x.cumprod(1)[1]
    )


CASES = [
    *[case for function in REDUCTIONS for case in forms(function)],
    *[case for function in NAN_REDUCTIONS for case in forms(function)],
    *[
        Case(function, (NAN,), {"axis": axis}, name=f"nan {axis}", order=1)
        for function in NAN_REDUCTIONS
        for axis in (None, 0, 1)
    ],
    *[Case(function, (np.zeros((0, 3)),), {"axis": 1}, name="size 0") for function in (np.sum, np.prod, np.mean)],
    Case(np.sum, (np.zeros((0, 3)),), name="size 0"),
    Case(np.sum, (1.5,), name="number"),
    Case(np.sum, (Z,), {"axis": 0}, name="complex"),
    Case(np.sum, (X, 0, None, None, True, 2.0), name="positional initial"),
    Case(np.sum, (X,), {"initial": 2.0, "where": MASK}, name="initial", float32=False),
    Case(lambda x, start: np.sum(x, axis=1, initial=start), (X, 2.0), name="active initial", float32=False),
    Case(lambda x, start: np.prod(x, axis=1, initial=start), (X, 2.0), name="active initial", float32=False),
    *[
        Case(
            lambda x, start, f=f: f(x, axis=1, initial=start), (X, start), name=f"active initial of {f.__name__}", float32=False
        )
        for f, start in ((np.max, 2.0), (np.amax, 2.0), (np.nanmax, 2.0), (np.min, -1.5), (np.amin, -1.5), (np.nanmin, -1.5))
    ],
    Case(np.amax, (X,), {"axis": 1}),
    Case(np.sum, (X,), {"dtype": float}, name="dtype", float32=False),
    Case(np.mean, (Z,), {"axis": 1}, name="complex"),
    Case(np.prod, (ZEROS,), name="zeros"),
    Case(np.prod, (ZEROS,), {"axis": 0}, name="zeros"),
    Case(np.prod, (ZEROS,), {"axis": 1, "keepdims": True, "initial": 2.0}, name="zeros"),
    Case(np.prod, (Z,), {"axis": 1}, name="complex"),
    Case(np.prod, (T,), {"axis": 2, "where": T > 0, "initial": 1.5}, name="where and initial"),
    Case(np.prod, (2.5,), name="number"),
    Case(np.var, (X,), {"ddof": 1}, name="ddof"),
    Case(np.var, (X,), {"correction": 1, "axis": 1}, name="correction"),
    Case(np.std, (X,), {"ddof": 1, "axis": 0}, name="ddof"),
    Case(np.var, (Z,), {"axis": 1}, name="complex"),
    Case(lambda x: np.var(x, axis=1, mean=np.mean(x, axis=1, keepdims=True)), (X,), name="mean"),
    Case(np.max, (Z,), {"axis": 1}, name="complex", order=1),
    Case(np.ptp, (X,)),
    Case(np.ptp, (X,), {"axis": 1, "keepdims": True}),
    Case(np.average, (X,)),
    Case(np.average, (X, 1)),
    Case(np.average, (X,), {"weights": X**2}, name="weights"),
    Case(lambda x, w: np.average(x, axis=1, weights=w), (X, np.array([0.2, 0.5, 0.1])), name="active weights"),
    Case(
        lambda x, w: np.average(x, (2, 0), w, keepdims=True),
        (T, np.cos(np.arange(8.0)).reshape(4, 2) + 2),
        name="weights of axes",
    ),
    Case(lambda x: np.average(x, axis=0, weights=np.array([0.2, 0.8]), returned=True)[0], (X,), name="returned", float32=False),
    *[
        Case(f, (T,), {"axis": k}, name=f"axis {k}")
        for f in (np.cumsum, np.cumprod, np.nancumsum, np.nancumprod)
        for k in (None, 0, -1)
    ],
    Case(np.cumprod, (ZEROS,), {"axis": 1}, name="zeros"),
    Case(np.cumprod, (Z,), {"axis": 1}, name="complex"),
    Case(np.cumprod, (np.sin(np.arange(9.0) + 1),), name="long"),
    Case(np.cumprod, (np.zeros((0, 3)),), {"axis": 0}, name="size 0"),
    Case(np.cumsum, (np.zeros((3, 0)),), {"axis": 1}, name="size 0"),
    Case(np.nancumsum, (NAN,), {"axis": 1}, name="nan", order=1),
    Case(np.cumulative_sum, (X,), {"axis": 1}),
    Case(np.cumulative_sum, (X,), {"axis": 0, "include_initial": True}, name="initial"),
    Case(np.cumulative_sum, (X[0],)),
    Case(np.cumulative_prod, (X,), {"axis": 1, "include_initial": True}, name="initial"),
    Case(np.cumulative_prod, (X[0],)),
    Case(np.diff, (T,)),
    Case(np.diff, (T,), {"n": 2, "axis": 1}, name="twice"),
    Case(lambda x, p, a: np.diff(x, prepend=p, append=a), (X, 0.5, X[:, :2]), name="ends", float32=False),
    Case(np.ediff1d, (X,)),
    Case(np.ediff1d, (X, X[0], X[1, :1]), name="ends"),
    Case(np.trapezoid, (T,), {"axis": 1, "dx": 0.3}),
    Case(np.trapezoid, (X, np.array([0.1, 0.5, 1.7]))),
    Case(np.trapezoid, (X, X**2), name="points of each row"),
    Case(np.gradient, (X[0],)),
    Case(np.gradient, (T,), name="all axes"),
    Case(np.gradient, (T, 0.5), {"axis": (0, 2)}, name="axes"),
    Case(np.gradient, (T[0], 0.5, np.array([0.1, 0.4, 1.1, 1.3])), {"edge_order": 2}, name="points"),
    Case(lambda f, x: np.gradient(f, x, axis=1), (X, np.array([0.1, 0.5, 1.7])), name="active points"),
    Case(out_of_mean, (X,), name="out", float32=False),
    Case(out_of_cumsum, (X,), name="positional out", float32=False),
    Case(method_out, (X,), name="method with out", float32=False),
    Case(methods, (X,)),
    Case(lambda x: np.sqrt(np.sum(np.square(x - 1))), (X,), name="distance"),
]
