"""Calls of the functions of `adjoint._rules.products`, `einsum` and `polynomials`."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev, hermite, hermite_e, laguerre, legendre, polynomial

from adjoint._rules import products
from tests.rules.case import Case

rng = np.random.default_rng(103)


def normal(*shape: int) -> np.ndarray:
    return rng.standard_normal(shape)


def complex_normal(*shape: int) -> np.ndarray:
    return normal(*shape) + 1j * normal(*shape)


A, B, V = normal(3, 4), normal(4, 2), normal(4)
Z, W = complex_normal(3, 4), complex_normal(4, 2)
P, Q = normal(4), normal(3)

MATMUL = [
    ((4,), (4,)), ((3, 4), (4,)), ((4,), (4, 2)), ((3, 4), (4, 2)), ((2, 3, 4), (4, 2)), ((3, 4), (2, 4, 2)), ((2, 1, 3, 4), (5, 4, 2)), ((2, 3, 4), (4,)),
    ((4,), (2, 4, 2)), ((2, 3, 4), (2, 4, 1)), ((1, 4), (4, 1)), ((0, 4), (4, 2)), ((3, 0), (0, 2)), ((2, 3, 4), (1, 4, 2)),
]  # fmt: skip
DOT = [
    ((), (3,)),
    ((3, 2), ()),
    ((), ()),
    ((4,), (4,)),
    ((3, 4), (4,)),
    ((4,), (2, 4, 3)),
    ((3, 4), (4, 2)),
    ((2, 3, 4), (5, 4, 2)),
    ((2, 3, 4), (4,)),
    ((3, 0), (0, 2)),
]
TENSORDOT: list[tuple[tuple[int, ...], tuple[int, ...], Any]] = [
    ((3, 4), (4, 2), 1), ((2, 3, 4), (3, 4, 5), 2), ((3,), (2,), 0), ((2, 3, 4), (4, 5, 2), ([0, 2], [2, 0])), ((2, 3, 4), (4, 3, 5), ((2, 1), (0, 1))),
    ((3, 4), (5, 3), (0, 1)), ((3, 4), (3, 4), ([-2, -1], [-2, -1])), ((2, 2), (2, 2), ([1, 0], [0, 1])), ((3, 4), (4, 3), ([0, 1], [1, 0])),
]  # fmt: skip
# Subscripts and the shapes of the operands.
EINSUM: list[tuple[str, list[tuple[int, ...]]]] = [
    ("i->", [(3,)]), ("ij->ji", [(3, 4)]), ("ij", [(3, 4)]), ("ji", [(3, 4)]), ("ii", [(3, 3)]), ("ii->i", [(3, 3)]), ("iij->j", [(3, 3, 2)]), ("iji->", [(3, 2, 3)]),
    ("...ii->...i", [(2, 3, 3)]), ("i...->...", [(3, 2)]), ("i... -> ... i", [(3, 2, 4)]), ("iijj->ij", [(2, 2, 3, 3)]), ("ij->", [(0, 3)]),
    ("i,i", [(3,), (3,)]), ("i,j->ij", [(3,), (2,)]), ("ij,jk", [(3, 4), (4, 2)]), ("ij,jk->ki", [(3, 4), (4, 2)]), ("ij,j->i", [(3, 4), (4,)]), ("ij,kj->", [(3, 4), (2, 4)]),
    ("ii,ij->j", [(3, 3), (3, 2)]), ("ij,ji->", [(3, 4), (4, 3)]), ("ik,i->i", [(3, 4), (3,)]), ("i,ik->k", [(3,), (3, 4)]), ("...ij,...jk->...ik", [(2, 3, 4), (4, 2)]),
    ("...i,...i", [(5, 1, 3), (2, 3)]), ("i...,ij->j...", [(3, 2, 2), (3, 4)]), ("...,...", [(3, 1), (4,)]), (",i->i", [(), (3,)]), ("i,i->i", [(1,), (4,)]), ("ij,ij->i", [(3, 1), (3, 4)]),
    ("bij,bjk->bik", [(2, 3, 4), (2, 4, 3)]), ("iij,ijj->ij", [(2, 2, 3), (2, 3, 3)]),
    ("ij,jk,kl", [(2, 3), (3, 4), (4, 2)]), ("ij,jk,ki->", [(2, 3), (3, 4), (4, 2)]), ("i,j,k->kji", [(2,), (3,), (4,)]), ("i,i,i->i", [(3,), (3,), (3,)]),
    ("...i,ij,j->...", [(2, 3), (3, 4), (4,)]), ("ab,bc,cd,de->ae", [(2, 3), (3, 2), (2, 4), (4, 2)]), ("ii,i,ij->j", [(3, 3), (3,), (3, 2)]),
]  # fmt: skip


def draw(*shapes: tuple[int, ...]) -> tuple[Any, ...]:
    return tuple(normal(*shape) if shape else float(normal()) for shape in shapes)


def named(*shapes: Any) -> str:
    return "-".join("x".join(map(str, shape)) or "0d" for shape in shapes)


X, C = normal(3), normal(4)
SERIES = {"poly": polynomial, "cheb": chebyshev, "leg": legendre, "herm": hermite, "herme": hermite_e, "lag": laguerre}
WEIGHTS = rng.random(6) + 0.5

CASES = [
    *[Case(np.matmul, draw(a, b), name=named(a, b), complexable=True) for a, b in MATMUL],
    *[Case(np.dot, draw(a, b), name=named(a, b), complexable=True, float32=() not in (a, b)) for a, b in DOT],
    *[
        Case(np.tensordot, draw(a, b), {"axes": axes}, name=f"{named(a, b)}-{axes}".replace(" ", ""), complexable=True)
        for a, b, axes in TENSORDOT
    ],
    Case(np.tensordot, (*draw((3, 4), (4, 2)), 1), name="positional"),
    Case(lambda a, b: a @ b, (A, B), name="operator"),
    Case(lambda a: np.array([[1.0, 2.0, 3.0]]) @ a, (A,), name="constant"),
    Case(lambda a: np.matmul(a, [[1.0], [2.0], [3.0], [4.0]]), (A,), name="list"),
    Case(np.matmul, (A, W), name="real-complex"),
    Case(np.dot, (Z, B), name="complex-real"),
    Case(lambda a: a @ a.T, (A,), name="gram"),
    Case(np.vdot, (V, normal(4)), complexable=False),
    Case(np.vdot, (A, normal(3, 4)), name="matrices"),
    Case(np.vdot, (Z, complex_normal(3, 4)), name="complex"),
    Case(np.inner, (V, normal(4)), complexable=True),
    Case(np.inner, (A, normal(2, 5, 4)), name="stack"),
    Case(np.inner, (2.5, V), name="number", float32=False),
    Case(np.outer, (V, normal(3)), complexable=True),
    Case(np.outer, (A, 2.0), name="flattened", float32=False),
    Case(np.kron, (A, normal(2, 3)), complexable=True),
    Case(np.kron, (V, normal(2, 3)), name="ranks"),
    Case(np.kron, (2.5, normal(1, 2, 2)), name="number", float32=False),
    Case(np.cross, (normal(3), normal(3)), complexable=True),
    Case(np.cross, (normal(4, 3), normal(3)), name="broadcast"),
    Case(np.cross, (normal(3, 2), normal(2, 3)), {"axisa": 0, "axisb": 1, "axisc": 0}, name="axes"),
    Case(np.cross, (normal(2, 3, 4), normal(2, 3, 4)), {"axis": 1}, name="axis"),
    Case(products.in_space, (normal(4, 2),)),
    Case(products.in_space, (normal(3),), name="in space"),
    # numpy.linalg
    Case(np.linalg.outer, (V, normal(3))),
    Case(np.linalg.cross, (normal(2, 3), normal(2, 3))),
    Case(np.linalg.cross, (normal(3, 2), normal(3, 2)), {"axis": 0}, name="axis"),
    Case(np.linalg.matmul, (A, B)),
    Case(np.linalg.tensordot, (A, normal(3, 4)), {"axes": ([0, 1], [0, 1])}),
    Case(np.linalg.vecdot, (A, V)),
    Case(np.linalg.vecdot, (A, normal(3, 4)), {"axis": 0}, name="axis"),
    Case(np.linalg.multi_dot, ([A, B],)),
    Case(np.linalg.multi_dot, ([V, B, normal(2)],), name="vectors"),
    Case(np.linalg.multi_dot, ([A, B, normal(2, 5)],), name="three", complexable=True),
    Case(np.linalg.multi_dot, ([A, B, normal(2, 5), normal(5, 2)],), name="four"),
    # convolution
    *[
        Case(function, draw((m,), (n,)), {"mode": mode}, name=f"{m}-{n}-{mode}", complexable=function is np.convolve)
        for function, (m, n), mode in itertools.product(
            (np.convolve, np.correlate), ((5, 3), (3, 5), (4, 4), (5, 2), (2, 6), (1, 3)), ("full", "same", "valid")
        )
    ],
    Case(np.convolve, (V, normal(2)), name="default"),
    Case(np.correlate, (V, normal(2)), name="default"),
    Case(np.correlate, (complex_normal(4), complex_normal(3)), {"mode": "full"}, name="complex"),
    # einsum
    *[Case(lambda *a, s=s: np.einsum(s, *a), draw(*shapes), name=f"einsum-{s}".replace(" ", "")) for s, shapes in EINSUM],
    *[
        Case(lambda *a, s=s: np.einsum(s, *a, optimize=True), draw(*shapes), name=f"einsum-optimize-{s}")
        for s, shapes in EINSUM[-4:] + EINSUM[15:17]
    ],
    Case(lambda a, b: np.einsum("ij,jk", a, b), (Z, W), name="einsum-complex"),
    Case(lambda a, b: np.einsum(a, [0, 1], b, [1, 2], [2, 0]), (A, B), name="einsum-lists"),
    Case(lambda a, b: np.einsum(a, [0, 1], b, [1, 5]), (A, B), name="einsum-lists-implicit"),
    Case(lambda a, b: np.einsum(a, [..., 0], b, [0, ...], [...]), (normal(2, 4), normal(4, 2)), name="einsum-lists-ellipsis"),
    Case(
        lambda a, b, c: np.einsum("ij,jk,kl->il", a, b, c, optimize=["einsum_path", (1, 2), (0, 1)]),
        draw((2, 3), (3, 4), (4, 2)),
        name="einsum-path",
    ),
    Case(lambda a: np.einsum("ij,j", a, [1.0, 2.0, 3.0, 4.0]), (A,), name="einsum-list-operand"),
    # covariance
    Case(np.cov, (normal(3, 6),)),
    Case(np.cov, (normal(6),), name="vector"),
    Case(np.cov, (normal(2, 6), normal(6)), name="two", tol=1e-6),
    Case(np.cov, (normal(6, 2),), {"rowvar": False, "bias": True}, name="columns"),
    Case(np.cov, (normal(2, 6),), {"aweights": WEIGHTS, "ddof": 0}, name="weights"),
    Case(np.cov, (normal(2, 6),), {"fweights": np.array([1, 2, 1, 1, 3, 2]), "aweights": WEIGHTS}, name="both-weights"),
    Case(lambda m, w: np.cov(m, aweights=w), (normal(2, 6), WEIGHTS), name="traced-weights"),
    Case(np.cov, (complex_normal(2, 5),), name="complex"),
    Case(np.corrcoef, (normal(3, 6),), float32=False),
    Case(np.corrcoef, (normal(6), normal(6)), name="two", float32=False),
    # polynomials
    Case(np.polyval, (P, normal(3)), complexable=True),
    Case(np.polyval, (P, 1.5), name="number", float32=False),
    Case(np.polyval, ([1.5, 2.5, -1.0], normal(2, 2)), name="list", float32=False),
    Case(np.polyval, (normal(1), normal(3)), name="degree-0"),
    Case(np.polyadd, (P, Q), complexable=True),
    Case(np.polysub, (Q, P)),
    Case(np.polymul, (P, Q), complexable=True),
    Case(np.polydiv, (normal(5), Q), tol=1e-6, float32=False),
    Case(np.polydiv, (Q, P), name="short"),
    Case(np.polyder, (P,)),
    Case(np.polyder, (P, 2), name="twice"),
    Case(np.polyint, (P,)),
    Case(np.polyint, (P, 2), {"k": [1.0, 2.0]}, name="twice"),
    Case(lambda p, k: np.polyint(p, 1, k), (P, 1.5), name="traced-constant", float32=False),
    Case(np.poly, (P,), complexable=True),
    Case(np.roots, (np.array([1.5, -4.0, 1.0, 2.0]),), tol=1e-6, float32=False),
    Case(np.roots, (np.array([2.0, 1.0, 3.0]),), name="complex", tol=1e-6, float32=False),
    Case(np.vander, (V,), complexable=True),
    Case(np.vander, (V, 3, True), name="increasing"),
    Case(lambda x: np.vander(x, 3) ** 2, (np.array([0.0, 1.0, -2.0]),), name="at-0"),
    Case(np.polyfit, (normal(6), normal(6), 2), tol=1e-6, float32=False),
    Case(np.polyfit, (normal(6), normal(6, 2), 1), {"w": WEIGHTS}, name="weights", tol=1e-6, float32=False),
    Case(np.polyfit, (normal(6), normal(6), 1), {"cov": True}, name="cov", tol=1e-6, float32=False),
    *[Case(getattr(module, f"{name}val"), (X, C), name=f"series-{name}", float32=False) for name, module in SERIES.items()],
    *[
        Case(getattr(module, f"{name}val"), (normal(2, 2), normal(4, 3)), name=f"series-{name}-tensor", float32=False)
        for name, module in SERIES.items()
    ],
    *[
        Case(getattr(module, f"{name}val"), (X, normal(4, 3), False), name=f"series-{name}-paired", float32=False)
        for name, module in SERIES.items()
    ],
    *[Case(getattr(module, f"{name}vander"), (X, 3), name=f"series-{name}", float32=False) for name, module in SERIES.items()],
]
CASES += [
    Case(polynomial.polyval2d, (X, normal(3), normal(2, 3)), float32=False),
    Case(polynomial.polyval2d, (0.5, 1.5, normal(2, 3)), name="numbers", float32=False),
    Case(polynomial.polygrid2d, (X, normal(2), normal(2, 3)), float32=False),
    Case(lambda x: np.polynomial.Polynomial([1.0, -2.0, 0.5])(x) ** 2, (X,), name="Polynomial", float32=False),
    Case(lambda x: np.polynomial.Chebyshev([1.0, -2.0, 0.5]).deriv()(x) ** 2, (X,), name="Chebyshev", float32=False),
    Case(
        lambda c: polynomial.polymul(polynomial.polyder(c), polynomial.polyint(c)), (C,), name="series-polymul", float32=False
    ),
    Case(lambda c: chebyshev.cheb2poly(chebyshev.chebmul(c, c)), (C,), name="series-cheb2poly", float32=False),
]
if hasattr(np, "vecdot"):
    CASES += [
        Case(np.vecdot, (normal(2, 4), normal(4))),
        Case(np.vecdot, (V, normal(4)), name="vectors"),
        Case(np.vecdot, (Z, complex_normal(3, 4)), name="complex"),
        Case(np.vecdot, (normal(3, 4), normal(3, 4)), {"axis": 0}, name="axis"),
    ]
if hasattr(np, "matvec"):
    CASES += [
        Case(np.matvec, (normal(2, 3, 4), V), complexable=True),
        Case(np.matvec, (A, normal(5, 4)), name="stack"),
        Case(np.vecmat, (V, B)),
        Case(np.vecmat, (normal(2, 4), normal(2, 4, 3)), name="stack"),
        Case(np.vecmat, (complex_normal(4), W), name="complex"),
    ]
