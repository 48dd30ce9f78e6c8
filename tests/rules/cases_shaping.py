"""Calls of the functions of `adjoint._rules.shaping` and `padding`."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from tests.rules.case import Case

rng = np.random.default_rng(102)


def normal(*shape: int) -> np.ndarray:
    return rng.standard_normal(shape)


V, A, T, E, ONE, S = normal(5), normal(3, 4), normal(2, 3, 4), normal(0, 3), normal(1), np.array(1.5)
Z = normal(3, 4) + 1j * normal(3, 4)
windows = np.lib.stride_tricks.sliding_window_view

PADDINGS: list[tuple[str, dict[str, Any]]] = [
    ("constant", {}), ("constant", {"constant_values": 1.5}), ("constant", {"constant_values": ((1.0, 2.0), (3.0, 4.0))}), ("edge", {}), ("wrap", {}),
    ("reflect", {}), ("reflect", {"reflect_type": "odd"}), ("symmetric", {}), ("symmetric", {"reflect_type": "odd"}),
    ("linear_ramp", {}), ("linear_ramp", {"end_values": (1.0, -2.0)}), ("mean", {}), ("mean", {"stat_length": 2}), ("maximum", {}), ("minimum", {"stat_length": ((1, 2), (3, 9))}),
    ("median", {}),
]  # fmt: skip


def doubled_ends(vector: Any, width: tuple[int, int], axis: int, kwargs: dict[str, Any]) -> None:
    """Pad with multiples of the ends."""
    if width[0]:
        vector[: width[0]] = kwargs.get("factor", 2.0) * vector[width[0]]
    if width[1]:
        vector[-width[1] :] = vector[-width[1] - 1] * (axis + 1)


def unrouted(row: Any) -> Any:
    """Stand for a function whose source cannot be read."""
    return np.sum(row * row)


CASES = [
    # shape
    Case(np.reshape, (A, (4, 3)), complexable=True),
    Case(np.reshape, (A, (2, -1)), {"order": "F"}, name="F"),
    Case(np.reshape, (A,), {"shape": 12}, name="keyword"),
    Case(np.reshape, (S, (1, 1)), name="0d"),
    Case(np.reshape, (2.5, (1,)), name="number", float32=False),
    Case(np.reshape, (E, (3, 0)), name="size-0"),
    Case(lambda x: x.reshape(2, 6, order="F") ** 2, (A,), name="method"),
    Case(np.ravel, (T,)),
    Case(np.ravel, (A.T,), name="transposed"),
    Case(np.ravel, (A,), {"order": "F"}, name="F"),
    Case(lambda x: x.flatten() * x.flat[::-1], (A,), name="flatten"),
    Case(np.transpose, (T,), complexable=True),
    Case(np.transpose, (T, (1, 2, 0)), name="axes"),
    Case(np.transpose, (T, (-1, 0, 1)), name="negative"),
    Case(np.permute_dims, (T,), {"axes": [2, 0, 1]}, name="permute_dims"),
    Case(lambda x: x.T @ x + x.mT @ x, (A,), name="T"),
    Case(np.swapaxes, (T, 0, -1)),
    Case(np.moveaxis, (T, 0, -1)),
    Case(np.moveaxis, (T, (0, 1), (2, 0)), name="two"),
    Case(np.rollaxis, (T, 2)),
    Case(np.rollaxis, (T, 0, 2), name="start"),
    Case(np.rollaxis, (T, -1, -2), name="negative"),
    Case(np.matrix_transpose, (T,)),
    Case(np.linalg.matrix_transpose, (T,)),
    Case(np.matrix_transpose, (E,), name="size-0"),
    Case(np.squeeze, (normal(0, 1), 1), name="size-0"),
    Case(np.fliplr, (E,), name="size-0"),
    Case(np.flipud, (E,), name="size-0"),
    Case(np.rot90, (E,), name="size-0"),
    Case(windows, (normal(3, 0), 2, 0), name="size-0"),
    Case(np.squeeze, (normal(1, 3, 1),)),
    Case(np.squeeze, (normal(1, 3, 1), 0), name="axis"),
    Case(np.squeeze, (ONE,), name="to-0d"),
    Case(np.expand_dims, (A, 1)),
    Case(np.expand_dims, (A, (0, -1)), name="two"),
    Case(np.atleast_1d, (1.5,), float32=False),
    Case(np.atleast_1d, (V, 1.5, A), name="several", float32=False),
    Case(np.atleast_2d, (V,)),
    Case(np.atleast_2d, (S, T), name="several"),
    Case(np.atleast_3d, (1.5,), float32=False),
    Case(np.atleast_3d, (V,), name="vector"),
    Case(np.atleast_3d, (A, T), name="several"),
    # order
    Case(np.flip, (T,)),
    Case(np.flip, (T, 1), name="axis", complexable=True),
    Case(np.flip, (T, (0, -1)), name="axes"),
    Case(np.fliplr, (A,)),
    Case(np.flipud, (A,)),
    Case(np.rot90, (A,)),
    Case(np.rot90, (T, 3, (2, 0)), name="axes"),
    Case(np.rot90, (A,), {"k": 2}, name="half"),
    Case(np.roll, (A, 2)),
    Case(np.roll, (A, -1), {"axis": 1}, name="axis", complexable=True),
    Case(np.roll, (T, (1, -2), (0, 2)), name="axes"),
    Case(np.roll, (T, 1, (1, 2)), name="one-shift"),
    Case(np.roll, (E, 1), name="size-0"),
    # number
    Case(np.broadcast_to, (V, (2, 5))),
    Case(np.broadcast_to, (normal(3, 1), (2, 3, 4)), name="stretch"),
    Case(np.broadcast_to, (1.5, (2,)), name="number", float32=False),
    Case(np.broadcast_to, (ONE, (0,)), name="size-0"),
    Case(lambda x: np.broadcast_to(x * 1.0, (2, 5)) ** 2, (V,), name="of-result"),
    Case(np.broadcast_arrays, (normal(3, 1), normal(4), 1.5), float32=False),
    Case(np.repeat, (A, 3)),
    Case(np.repeat, (A, 2), {"axis": -1}, name="axis", complexable=True),
    Case(np.repeat, (A, [2, 0, 1], 0), name="counts"),
    Case(np.repeat, (A, [3], 1), name="one-count"),
    Case(np.repeat, (1.5, 3), name="number", float32=False),
    Case(np.repeat, (V, 0), name="none"),
    Case(np.tile, (V, 2)),
    Case(np.tile, (A, (2, 1, 3)), name="more", complexable=True),
    Case(np.tile, (T, (2,)), name="fewer"),
    Case(np.tile, (1.5, (2, 2)), name="number", float32=False),
    Case(np.tile, (V, 0), name="none"),
    Case(np.resize, (A, (5, 4))),
    Case(np.resize, (A, 5), name="shorter"),
    Case(windows, (V, 3)),
    Case(windows, (A, (2, 2)), name="2d"),
    Case(windows, (T, 2, 1), name="axis"),
    Case(lambda x: windows(x * 2.0, 2, axis=-1).max(axis=-1), (A,), name="of-result"),
    # padding
    *[
        Case(np.pad, (A, ((1, 2), (2, 1)), mode), options, name=f"{mode}-{'-'.join(map(str, options))}", tol=1e-6)
        for mode, options in PADDINGS
    ],
    *[
        Case(np.pad, (normal(3), (7, 8), mode), {"reflect_type": kind}, name=f"{mode}-{kind}-long")
        for mode in ("reflect", "symmetric")
        for kind in ("even", "odd")
    ],
    Case(np.pad, (normal(1), (2, 3), "reflect"), {"reflect_type": "odd"}, name="reflect-one"),
    Case(np.pad, (V, 7, "wrap"), name="wrap-long", complexable=True),
    Case(np.pad, (V, (0, 2)), name="one-side", complexable=True),
    Case(np.pad, (A, [(1, 0)], "linear_ramp"), name="ramp-one-side", complexable=True),
    Case(np.pad, (A, 1, doubled_ends), {"factor": 3.0}, name="function"),
    Case(np.pad, (E, 1), name="size-0"),
    Case(lambda x, c: np.pad(x, 1, constant_values=c), (A, 2.5), name="traced-constant", float32=False),
    Case(
        lambda x, a, b: np.pad(x, ((1, 2),), "linear_ramp", end_values=((a, b),)),
        (V, 2.5, 1.5),
        name="traced-ends",
        float32=False,
    ),
    # joining
    Case(np.concatenate, ([A, normal(2, 4)],), complexable=True),
    Case(np.concatenate, ((A, normal(3, 1), normal(3, 0)), 1), name="axis"),
    Case(np.concatenate, ([A, V, normal(1, 1, 1)],), {"axis": None}, name="flat"),
    Case(np.concatenate, (T,), name="array"),
    Case(np.concatenate, (T, -1), name="array-last"),
    Case(lambda x: np.concatenate([x, [1.0, 2.0]]), (V,), name="concatenate-list"),
    Case(lambda x, y: np.concatenate([x, [y, y * y]]), (V, 1.5), name="nested", float32=False),
    Case(np.concatenate, ([A, Z],), name="mixed"),
    Case(np.concat, ([V, V],), name="concat"),
    Case(np.append, (A, normal(5))),
    Case(np.append, (A, normal(3, 2), 1), name="axis"),
    Case(lambda x, y: np.append(x, [y, 2.0]), (V, 1.5), name="list", float32=False),
    Case(np.append, (V, 2.5), name="number", float32=False),
    Case(np.stack, ([V, normal(5)],), complexable=True),
    Case(np.stack, ((A, normal(3, 4)), -1), name="last"),
    Case(np.stack, (T, 1), name="array"),
    Case(np.stack, ([1.5, 2.5],), name="numbers", float32=False),
    Case(np.vstack, ([V, normal(2, 5)],)),
    Case(np.vstack, (T,), name="array"),
    Case(np.hstack, ([V, 1.5, normal(2)],), float32=False),
    Case(np.hstack, ((A, normal(3, 2)),), name="2d"),
    Case(np.dstack, ([A, normal(3, 4, 2)],)),
    Case(np.dstack, ([V, V],), name="vectors"),
    Case(np.column_stack, ([normal(3), A, normal(3)],)),
    Case(np.block, ([[A, normal(3, 2)], [normal(2, 4), normal(2, 2)]],)),
    Case(np.block, ([V, normal(2)],), name="flat"),
    Case(np.block, (A,), name="array"),
    Case(np.block, ([[1.5, V]],), name="number", float32=False),
    # parting
    Case(np.split, (A, 2, 1)),
    Case(np.split, (V, [1, 3, 9]), name="indices"),
    Case(np.array_split, (V, 3)),
    Case(np.array_split, (A, 3), {"axis": -1}, name="last", complexable=True),
    Case(np.hsplit, (V, [2])),
    Case(np.hsplit, (A, 2), name="2d"),
    Case(np.vsplit, (A, 3)),
    Case(np.dsplit, (T, 2)),
    Case(np.insert, (V, 2, 1.5), float32=False),
    Case(np.insert, (A, 1, normal(4)), {"axis": 0}, name="row"),
    Case(np.insert, (A, 1, normal(3)), {"axis": 1}, name="column"),
    Case(np.insert, (V, [4, 1, 1], normal(3)), name="several"),
    Case(np.insert, (A, [1, 3], normal(3, 2)), {"axis": 1}, name="columns"),
    Case(np.insert, (V, 2, normal(3)), name="many-at-one"),
    Case(np.insert, (V, [2], normal(3)), name="many-at-one-list"),
    Case(np.insert, (V, slice(1, 4), 2.0), name="slice", float32=False),
    Case(np.insert, (A, -1, 2.0), name="flat", float32=False),
    Case(np.insert, (V, np.array([True, False, True, False, False]), normal(2)), name="mask"),
    Case(np.delete, (V, 1)),
    Case(np.delete, (A, [0, -1], 1), name="several"),
    Case(np.delete, (A, slice(None, None, 2), 0), name="slice"),
    Case(np.delete, (A, np.array([True, False, True])), {"axis": 0}, name="mask"),
    Case(np.delete, (A, 5), name="flat", complexable=True),
    # conversion
    Case(lambda x: np.astype(x, np.float64), (A,), name="astype", float32=False),
    Case(lambda x: np.astype(x, complex) ** 2, (A,), name="to-complex", float32=False),
    Case(lambda x: x.astype(float, copy=False) * x, (A,), name="no-copy", float32=False),
    Case(lambda x: x * x.astype(int), (V * 3 + 0.2,), name="integers"),
    Case(np.copy, (A,), complexable=True),
    Case(lambda x: x.copy() * x, (A,), name="copy-method"),
    Case(np.real_if_close, (Z,)),
    Case(np.real_if_close, (A,), name="real"),
    Case(lambda x: np.real_if_close(x + 0j) ** 2, (A,), name="close"),
    Case(lambda x, c: np.full_like(x, c) * x, (A, 1.5), float32=False, name="full_like"),
    Case(lambda x, c: np.full_like(x, c, shape=(2, 4)), (A, normal(4)), name="full_like-shape"),
    Case(lambda x, c: operator.call(np.full_like, x, c) * x, (A, 1.5), float32=False, name="full_like-unrouted"),
    Case(lambda x: operator.call(np.full_like, x, 2) * x, (A,), name="full_like-constant"),
    Case(lambda x: operator.call(np.apply_along_axis, unrouted, 0, x), (A,), name="along-axis-unrouted"),
    Case(lambda x: (np.zeros_like(x) + np.ones_like(x)) * x, (A,), name="ones_like"),
    # grids and loops over axes
    Case(np.meshgrid, (V, normal(2))),
    Case(np.meshgrid, (V, normal(2), normal(3)), {"indexing": "ij"}, name="ij"),
    Case(np.meshgrid, (V, normal(2)), {"sparse": True}, name="sparse"),
    Case(np.meshgrid, (V, normal(2)), {"copy": False}, name="views"),
    Case(np.meshgrid, (V,), name="one"),
    Case(lambda x: np.apply_along_axis(lambda row: row * row[0], 1, x), (A,), name="along-axis"),
    Case(lambda x: np.apply_along_axis(np.sum, 0, x), (A,), name="along-axis-number"),
    Case(lambda x: np.apply_along_axis(lambda row: np.outer(row, row), 1, x), (T,), name="along-axis-matrix"),
    Case(lambda x: np.apply_over_axes(np.sum, x, [0, 2]) ** 2, (T,), name="over-axes"),
    Case(lambda x: np.trim_zeros(np.pad(x, 2)) ** 2, (V,), name="both"),
    Case(lambda x: np.trim_zeros(np.pad(x, 2), "f") ** 2, (V,), name="front"),
    Case(lambda x: np.trim_zeros(np.pad(x, 2)) ** 2, (A,), name="2d"),
]
if hasattr(np, "unstack"):
    CASES += [Case(np.unstack, (A,)), Case(np.unstack, (T,), {"axis": -1}, name="last")]
