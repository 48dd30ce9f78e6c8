"""Calls of the functions of `adjoint._rules.indexing`: every kind of index, every mode, every function that writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint._rules.indexing import window
from tests.rules.case import Case

rng = np.random.default_rng(101)


def normal(*shape: int) -> np.ndarray:
    return rng.standard_normal(shape)


V, A, T, E, ONE = normal(5), normal(3, 4), normal(2, 3, 4), normal(0, 3), normal(1)
Z = normal(3, 4) + 1j * normal(3, 4)
MASK = np.array([[True, False, True, True], [False] * 4, [True, True, False, False]])
IDS = np.array([0, 2, 2, -1])
ORDER = np.argsort(A, axis=1)


def index(i: Any) -> Callable[[Any], Any]:
    return lambda x: x[i]


def written(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Callable[..., Any]:
    """Return the function of target and values that writes into a copy of the target, by a function of NumPy that writes in place."""

    def write(target: Any, *values: Any) -> Any:
        y = target * 1.0
        function(y, *args, *values, **kwargs)
        return y * y

    write.__name__ = function.__name__
    return write


def assigned(i: Any, view: Callable[[Any], Any] = lambda y: y) -> Callable[..., Any]:
    """Return the function of target and value that stores into a view of a copy of the target."""

    def assign(target: Any, value: Any) -> Any:
        y = target * 1.0
        view(y)[i] = value * 2.0
        return y * y

    return assign


def buffered(write: Callable[..., None], shape: tuple[int, ...]) -> Callable[..., Any]:
    """Return the function of values that writes them into a buffer that the function allocates."""

    def fill(*values: Any) -> Any:
        y = np.zeros(shape)
        y[...] = 2.0
        write(y, *values)
        return y * y

    return fill


INDICES: dict[str, tuple[Any, Any]] = {
    "integer": (V, 2), "negative": (V, -1), "row": (A, 1), "element": (A, (1, -2)), "slice": (V, slice(1, 4)),
    "backwards": (V, slice(None, None, -2)), "empty": (V, slice(3, 1)), "ellipsis": (T, (..., 1)), "newaxis": (A, (None, slice(None), None, 0)),
    "all": (A, ...), "tuple": (A, ()), "array": (V, IDS), "list": (V, [3, 0, 0]), "2d": (V, np.array([[0, 1], [1, 4]])),
    "rows": (A, IDS), "pairs": (A, ([0, 0, 2], [1, 1, 3])), "outer": (A, np.ix_([0, 2], [1, 1, 3])), "mask": (A, MASK), "mask-list": (V, [True, False] * 2 + [True]),
    "row-mask": (A, np.array([True, False, True])), "mixed": (T, (slice(None), [0, 2, 2], slice(1, None))), "separated": (T, ([0, 1], slice(None), [1, 1])),
    "mask-and-slice": (T, (0, MASK)), "int-and-array": (T, (1, slice(None), IDS)), "none-and-array": (A, (IDS, None, slice(2))),
    "scalar-array": (A, np.array(1)), "true": (A, True), "no-rows": (A, []), "size-0": (E, (slice(None), 1)), "size-1": (ONE, [0, 0]), "complex": (Z, (IDS, 1)),
    "0d": (np.array(2.0), ()), "nested-tuple": (V, ((0, 0, 1),)),
}  # fmt: skip

CHOICES = [normal(3, 4), normal(4), 1.5, normal(3, 1)]
PICK = np.array([[0, 1, 2, 3], [3, 2, 1, 0], [1, 1, 1, 0]])

CASES = [
    *[Case(index(i), (x,), name=name) for name, (x, i) in INDICES.items()],
    # take and its relatives
    Case(np.take, (V, IDS)),
    Case(np.take, (A, IDS), name="flat"),
    Case(np.take, (A, 1), {"axis": 1}, name="one"),
    Case(np.take, (A, IDS), {"axis": 0}, name="rows"),
    Case(np.take, (T, [[0, 1], [1, 1]], -2), name="2d", complexable=True),
    Case(np.take, (A, [7, -9], 1), {"mode": "wrap"}, name="wrap"),
    Case(np.take, (A, [7, -9], 1), {"mode": "clip"}, name="clip"),
    Case(np.take, (E, [], 0), name="size-0"),
    Case(np.take, (V, np.zeros((0,), int)), name="nothing"),
    Case(np.compress, ([True, False, True], A, 0)),
    Case(np.compress, ([False, True], A), name="flat", complexable=True),
    Case(np.compress, ([0, 1, 0, 1], T), {"axis": -1}, name="last"),
    Case(np.extract, (MASK, A)),
    Case(np.take_along_axis, (A, ORDER), {"axis": 1}),
    Case(np.take_along_axis, (A, ORDER[:, :1]), {"axis": -1}, name="one", complexable=True),
    Case(np.take_along_axis, (A, ORDER[:1]), {"axis": 1}, name="broadcast"),
    Case(np.take_along_axis, (A, np.array([5, 0, 5])), {"axis": None}, name="flat"),
    Case(np.take_along_axis, (T, np.array([[[1], [0], [0]]])), {"axis": 0}, name="3d"),
    # conditions
    Case(np.where, (MASK, A, normal(3, 4)), complexable=True),
    Case(np.where, (MASK, A, 2.0), name="number"),
    Case(np.where, (MASK[0], normal(3, 1), normal(4)), name="broadcast"),
    Case(np.where, (True, 1.5, 2.5), name="numbers"),
    Case(np.where, (MASK, Z, A), name="mixed"),
    Case(np.where, (np.zeros((0, 3), bool), E, 1.0), name="size-0"),
    Case(lambda x: x[np.where(x > 0)] ** 2, (A,), name="one-argument"),
    Case(np.choose, (PICK, CHOICES)),
    Case(np.choose, (PICK - 5, CHOICES[:2]), {"mode": "wrap"}, name="wrap"),
    Case(np.choose, (PICK, CHOICES[:2]), {"mode": "clip"}, name="clip"),
    Case(np.choose, (np.array([0, 2, 1, 0]), normal(3, 4)), name="array"),
    Case(np.choose, (1, [1.0, 2.0]), name="numbers", float32=False),
    Case(np.select, ([MASK, ~MASK & (PICK > 1)], [A, normal(4)]), complexable=True),
    Case(np.select, ([MASK, MASK, PICK == 0], [A, normal(3, 1), 3.0], 1.5), name="default", float32=False),
    Case(lambda x: np.piecewise(x, [x < 0, x >= 0], [lambda x: -x, lambda x: x * x]), (V,), name="piecewise"),
    Case(lambda x: np.piecewise(x, [x < -0.5, x > 0.5], [lambda x: x**3, np.sin, 2.0]), (A,), name="otherwise"),
    Case(lambda x: np.piecewise(x, x > 0, [np.exp, lambda x: x]), (V,), name="one-condition"),
    Case(
        lambda x, a: np.piecewise(x, [x < 0, x < 1], [1.5, lambda x, a, b=0.0: x * a + b, a], a, b=1.0),
        (V, 3.0),
        name="arguments",
        float32=False,
    ),
    Case(lambda x: np.piecewise(x, [True], [np.sin]), (np.array(0.5),), name="0d"),
    # diagonals and triangles
    Case(np.diag, (V,), complexable=True),
    Case(np.diag, (V, 2), name="above"),
    Case(np.diag, (V, -1), name="below"),
    Case(np.diag, (A,), name="of-matrix"),
    Case(np.diag, (A, -1), name="of-matrix-below"),
    Case(np.diag, (normal(0),), name="size-0"),
    Case(np.diagonal, (A,)),
    Case(np.diagonal, (T, 1), {"axis1": 2, "axis2": 0}, name="axes", complexable=True),
    Case(np.diagonal, (T, -1, 1, 2), name="below"),
    Case(np.diagonal, (A, 5), name="outside"),
    Case(lambda x: np.diagonal(x * 1.0, axis1=-2, axis2=-1) ** 2, (T,), name="of-result"),
    Case(np.diagflat, (A, 1)),
    Case(np.diagflat, (np.array(2.0),), name="0d"),
    Case(np.trace, (A,), complexable=True),
    Case(np.trace, (T, 1, 0, 2), name="axes"),
    Case(np.trace, (A,), {"offset": -1}, name="below"),
    Case(np.linalg.diagonal, (T,), {"offset": 1}),
    Case(np.linalg.trace, (T,), {"offset": -1}),
    Case(lambda x: sum(value * (1.0 + i * j) for (i, j), value in np.ndenumerate(x)) ** 2, (A,), name="ndenumerate"),
    Case(np.tril, (A,), complexable=True),
    Case(np.tril, (T, -1), name="stack"),
    Case(np.tril, (V, 1), name="vector"),
    Case(np.triu, (A, 1)),
    Case(np.triu, (normal(4, 2), -2), name="tall"),
    Case(np.triu, (V,), name="vector"),
    Case(lambda x: x[np.tril_indices_from(x)] * x[np.triu_indices_from(x)], (normal(3, 3),), name="indices_from"),
    Case(np.ix_, (V, normal(2))),
    Case(lambda x: x[x > 0][: np.count_nonzero(x > 0)] * len(np.argwhere(x > 0)), (V,), name="argwhere"),
    # stores
    Case(assigned(2), (V, 1.5), name="element"),
    Case(assigned(slice(1, 4)), (V, normal(3)), name="slice"),
    Case(assigned((..., 0)), (A, 1.5), name="broadcast"),
    Case(assigned((..., None, 1)), (A, normal(3, 1)), name="newaxis"),
    Case(assigned(MASK), (A, normal(int(MASK.sum()))), name="mask"),
    Case(assigned([0, 2, 0]), (V, normal(3)), name="repeated"),
    Case(assigned(((0, 2, 0),)), (V, normal(3)), name="repeated-tuple"),
    Case(assigned(([0, 0, 1], [1, 1, 2])), (A, normal(3)), name="repeated-pairs"),
    Case(assigned(..., lambda y: y.T[1]), (A, normal(3)), name="through-T"),
    Case(assigned(slice(2), lambda y: y.reshape(-1)), (A, normal(2)), name="through-reshape"),
    Case(assigned(slice(2, None), np.ravel), (A, normal(10)), name="through-ravel"),
    Case(assigned(0, lambda y: y[1:, ::2].T), (A, normal(2)), name="through-slices"),
    Case(assigned((0, 0), lambda y: np.moveaxis(y, 0, -1)[..., None, :]), (T, normal(1, 2)), name="through-moveaxis"),
    Case(assigned(slice(2), lambda y: np.flip(np.swapaxes(y, 0, 1), 1)), (A, normal(2, 3)), name="through-flip"),
    Case(assigned(0, lambda y: np.split(y, 2, axis=1)[1]), (A, normal(2)), name="through-split"),
    Case(assigned(0, np.atleast_2d), (V, 1.0), name="through-atleast"),
    Case(assigned((0, 1), lambda y: np.rot90(np.squeeze(np.expand_dims(y, 1), 1))), (A, 1.5), name="through-rot90"),
    Case(assigned((..., 0), lambda y: np.einsum("iij->ij", y)), (normal(2, 2, 3), normal(2)), name="through-einsum"),
    # functions that write
    Case(written(np.copyto), (A, normal(4))),
    Case(written(np.copyto, where=MASK), (A, normal(3, 4)), name="where"),
    Case(written(np.copyto, where=MASK[0]), (A, 2.5), name="number"),
    Case(written(np.put, [3, -1, 3]), (A, normal(3))),
    Case(written(np.put, [3, 1, 5]), (A, 1.5), name="number"),
    Case(written(np.put, [3, 99, -99], mode="clip"), (A, normal(2)), name="clip"),
    Case(written(np.put, [3, 99, -98], mode="wrap"), (A, normal(3)), name="wrap"),
    Case(written(np.place, MASK), (A, normal(2))),
    Case(written(np.putmask, MASK), (A, normal(3, 4))),
    Case(written(np.putmask, MASK), (A, normal(5)), name="cycled"),
    Case(written(lambda y, v: np.put_along_axis(y, ORDER[:, :1], v, 1)), (A, normal(3, 1)), name="put_along_axis"),
    Case(written(lambda y, v: np.put_along_axis(y, np.array([1, 5]), v, None)), (A, normal(2)), name="put_along_axis-flat"),
    Case(written(np.fill_diagonal), (A, 1.5)),
    Case(written(np.fill_diagonal), (normal(5, 2), normal(2)), name="vector"),
    Case(written(np.fill_diagonal, wrap=True), (normal(5, 2), normal(3)), name="wrap"),
    Case(written(np.fill_diagonal), (normal(2, 2, 2), normal(2)), name="3d"),
    Case(buffered(np.copyto, (2, 3)), (normal(3),), name="buffer-copyto", float32=False),
    Case(buffered(lambda y, v: np.put(y, [0, 4], v), (2, 3)), (normal(2),), name="buffer-put", float32=False),
    Case(buffered(lambda y, v: np.place(y, np.eye(2, 3) > 0, v), (2, 3)), (normal(2),), name="buffer-place", float32=False),
    Case(buffered(lambda y, v: np.putmask(y, np.eye(2, 3) > 0, v), (2, 3)), (normal(6),), name="buffer-putmask", float32=False),
    Case(buffered(np.fill_diagonal, (3, 3)), (normal(3),), name="buffer-fill_diagonal", float32=False),
    Case(
        buffered(lambda y, v: np.put_along_axis(y, np.array([[1], [0]]), v, 1), (2, 3)),
        (normal(2, 1),),
        name="buffer-put_along_axis",
        float32=False,
    ),
    Case(
        buffered(lambda y, v, w: (np.copyto(y, v), np.put(y, [1], w)), (2, 3)),
        (normal(3), 1.5),
        name="buffer-active",
        float32=False,
    ),
    Case(lambda a: window(a, (2, 2), (3, 1), 1), (normal(3, 3),), name="window-block"),
    Case(lambda a: window(a, (3,), (-1,), 2), (normal(3),), name="window-backwards"),
    Case(lambda a: window(a, (2, 3), (0, 1), 0), (normal(3),), name="window-broadcast"),
    Case(lambda a: window(a.T, (3,), (2,), 1), (normal(2, 3),), name="window-not-contiguous"),
    Case(lambda a: window(a * a, (), (), 2), (normal(2, 2),), name="window-number"),
]
