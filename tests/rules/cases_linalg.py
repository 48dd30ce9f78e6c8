"""Cases of `numpy.linalg`.  Outputs that depend on a choice of basis are tested through functions that do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint._rules import linalg_degenerate as degenerate
from tests.rules.case import Case

RNG = np.random.default_rng(20261123)
LA = np.linalg


def real(*shape: int) -> np.ndarray:
    return RNG.uniform(-1, 1, shape)


def cplx(*shape: int) -> np.ndarray:
    return real(*shape) + 1j * real(*shape)


def regular(*shape: int) -> np.ndarray:
    return real(*shape) + 2 * np.eye(shape[-1])


def definite(*shape: int) -> np.ndarray:
    """Only one triangle is read: the matrix need not be symmetric."""
    return real(*shape) + 3 * np.eye(shape[-1])


def definite_complex(*shape: int) -> np.ndarray:
    return cplx(*shape) * 0.6 + 4 * np.eye(shape[-1])


def apart(*shape: int) -> np.ndarray:
    """A matrix whose eigenvalues and singular values lie well apart."""
    n = min(shape[-2:])
    y = 0.4 * real(*shape)
    y[..., range(n), range(n)] += 1 + 1.5 * np.arange(n)
    return y


def apart_complex(*shape: int) -> np.ndarray:
    return apart(*shape) + 0.4j * real(*shape)


SINGULAR = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.5], [3.0, 6.0, 9.0]])
RANK_ONE = np.outer([1.0, 2.0, -1.0], [0.5, 1.0, 3.0])


def mH(x: Any) -> Any:
    return np.conj(np.swapaxes(x, -1, -2))


def spectral(x: Any, f: Callable[[Any], Any] = np.cos, **options: Any) -> Any:
    w, v = LA.eigh(x, **options)
    return v * f(w)[..., None, :] @ mH(v)


def projector(x: Any) -> Any:
    v = LA.eigh(x).eigenvectors[..., :, :2]
    return v @ mH(v)


def recomposed(x: Any, f: Callable[[Any], Any] = np.sin, **options: Any) -> Any:
    u, s, vh = LA.svd(x, **options)
    k = s.shape[-1]
    return u[..., :, :k] * f(s)[..., None, :] @ vh[..., :k, :]


def polar(x: Any) -> Any:
    u, _, vh = LA.svd(x, full_matrices=False)
    return u @ vh


def complements(x: Any) -> Any:
    """The projectors on what the singular vectors leave out."""
    u, s, vh = LA.svd(x)
    k = s.shape[-1]
    u2, v2 = u[..., :, k:], mH(vh)[..., :, k:]
    return u2 @ mH(u2), v2 @ mH(v2)


def left_only(x: Any) -> Any:
    u = LA.svd(x, full_matrices=False).U[..., :, :1]
    return u @ mH(u)


def eig_recomposed(x: Any) -> Any:
    w, v = LA.eig(x)
    return v * np.exp(w)[..., None, :] @ LA.inv(v)


def eig_gauge(x: Any) -> Any:
    """All that LAPACK fixes: norm 1 and a real largest component."""
    return np.abs(LA.eig(x)[1]), np.real(LA.eig(x)[1]) ** 2


def eig_sums(x: Any) -> Any:
    w = LA.eigvals(x)
    return np.sum(w**2, axis=-1), np.sum(np.exp(w), axis=-1)


def qr_whole(x: Any) -> Any:
    return LA.qr(x, mode="complete")


def lstsq(a: Any, b: Any) -> Any:
    x, residuals, _, s = LA.lstsq(a, b, rcond=None)
    return x, residuals, s


def named(name: str, f: Callable[..., Any]) -> Callable[..., Any]:
    f.__name__ = name
    return f


# fmt: off
CASES: list[Case] = [
    # solve
    Case(LA.solve, (regular(3, 3), real(3)), name="vector", complexable=True),
    Case(LA.solve, (regular(3, 3), real(3, 2)), name="matrix", complexable=True),
    Case(LA.solve, (regular(2, 3, 3), real(3)), name="stack-vector", complexable=True),
    Case(LA.solve, (regular(2, 1, 3, 3), real(4, 3, 2)), name="stacks", complexable=True),
    Case(LA.solve, (regular(3, 3), real(2, 3, 2)), name="one-matrix-many-sides"),
    Case(LA.solve, (regular(1, 1), real(1)), name="size-1"),
    Case(LA.solve, (real(0, 0), real(0, 2)), name="size-0"),
    Case(LA.solve, (regular(2, 2), real(2, 0)), name="no-sides"),
    Case(LA.solve, (cplx(2, 2) + 2 * np.eye(2), real(2)), name="mixed"),
    # inv, powers, tensors
    Case(LA.inv, (regular(3, 3),), complexable=True),
    Case(LA.inv, (regular(2, 2, 3, 3),), name="stack", complexable=True),
    Case(LA.inv, (real(0, 0),), name="size-0"),
    *[Case(LA.matrix_power, (regular(3, 3) / 2, n), name=str(n), complexable=True) for n in (-3, -1, 1, 2, 3, 5)],
    Case(LA.matrix_power, (regular(2, 2, 2), 4), name="stack"),
    Case(LA.tensorsolve, (real(2, 3, 6) + 2 * np.eye(6).reshape(2, 3, 6), real(2, 3)), complexable=True),
    Case(LA.tensorsolve, (np.moveaxis(real(2, 3, 6) + 2 * np.eye(6).reshape(2, 3, 6), 2, 0), real(2, 3), (0,)), name="axes"),
    Case(LA.tensorinv, (real(2, 3, 6) + 2 * np.eye(6).reshape(2, 3, 6),), complexable=True),
    Case(LA.tensorinv, (real(6, 2, 3) + 2 * np.eye(6).reshape(6, 2, 3),), {"ind": 1}, name="ind-1"),
    # determinants
    Case(LA.det, (real(3, 3),), complexable=True),
    Case(LA.det, (real(2, 2, 4, 4),), name="stack", complexable=True),
    Case(LA.det, (real(1, 1),), name="size-1"),
    Case(LA.det, (real(0, 0),), name="size-0"),
    Case(LA.det, (SINGULAR,), name="singular", complexable=True),
    Case(LA.det, (np.stack([RANK_ONE, SINGULAR, np.eye(3), np.zeros((3, 3))]),), name="stack-of-all-ranks"),
    Case(LA.slogdet, (real(3, 3) - 1,), name="negative"),
    Case(LA.slogdet, (regular(2, 4, 4),), name="stack"),
    Case(LA.slogdet, (cplx(2, 3, 3),), name="complex"),
    # cholesky
    Case(LA.cholesky, (definite(3, 3),)),
    Case(LA.cholesky, (definite(2, 4, 4),), {"upper": True}, name="upper-stack"),
    Case(LA.cholesky, (definite_complex(2, 3, 3),), name="complex"),
    Case(LA.cholesky, (definite_complex(3, 3),), {"upper": True}, name="complex-upper"),
    Case(LA.cholesky, (definite(1, 1),), name="size-1"),
    Case(LA.cholesky, (real(0, 0),), name="size-0"),
    # qr
    *[
        Case(LA.qr, (make(*shape),), {"mode": mode}, name=f"{mode}-{kind}-{shape}")
        for mode in ("reduced", "complete", "r")
        for kind, make in (("real", real), ("complex", cplx))
        for shape in ((3, 3), (4, 2), (2, 4), (2, 5, 3), (1, 1), (3, 1))
    ],
    # eigh
    Case(LA.eigvalsh, (apart(4, 4),)),
    Case(LA.eigvalsh, (apart_complex(2, 3, 3), "U"), name="complex-stack-U"),
    Case(LA.eigvalsh, (real(0, 0),), name="size-0"),
    Case(spectral, (apart(4, 4),), name="eigh"),
    Case(spectral, (apart(4, 4),), {"UPLO": "U"}, name="eigh-U"),
    Case(spectral, (apart_complex(2, 3, 3),), name="eigh-complex"),
    Case(spectral, (apart_complex(3, 3),), {"UPLO": "U"}, name="eigh-complex-U"),
    Case(spectral, (real(1, 1),), name="eigh-size-1"),
    Case(projector, (apart(4, 4),), name="eigh"),
    Case(projector, (apart_complex(2, 3, 3),), name="eigh-complex"),
    Case(lambda x: LA.eigh(x)[0], (apart(3, 3),), name="eigh-values"),
    Case(lambda x: LA.eigh(x)[1] ** 2, (apart(3, 3),), name="eigh-signs"),
    # eig
    Case(LA.eigvals, (apart(3, 3),), name="real"),
    Case(LA.eigvals, (np.array([[0.3, -2.0, 0.1], [1.5, 0.2, 0.4], [0.2, 0.1, 1.0]]),), name="complex-of-real"),
    Case(LA.eigvals, (apart_complex(2, 3, 3),), name="complex"),
    Case(eig_sums, (real(2, 4, 4),), name="eigvals"),
    Case(eig_recomposed, (apart(3, 3),), name="eig"),
    Case(eig_recomposed, (np.array([[0.3, -2.0, 0.1], [1.5, 0.2, 0.4], [0.2, 0.1, 1.0]]),), name="eig-complex-of-real"),
    Case(eig_recomposed, (apart_complex(2, 3, 3),), name="eig-complex"),
    Case(eig_gauge, (apart(3, 3),), name="eig"),
    Case(eig_gauge, (apart_complex(2, 3, 3),), name="eig-complex"),
    # svd
    *[
        Case(f, (make(*shape),), options, name=f"{'-'.join(map(str, options)) or 'svd'}-{kind}-{shape}")
        for f, options in (
            (recomposed, {}), (recomposed, {"full_matrices": False}), (polar, {}), (complements, {}), (left_only, {})
        )
        for kind, make in (("real", apart), ("complex", apart_complex))
        for shape in ((3, 3), (4, 2), (2, 4), (2, 3, 2), (1, 1))
        if f is not left_only or shape != (1, 1)  # constant
    ],
    Case(lambda x: LA.svd(x, compute_uv=False), (apart(2, 3, 4),), name="svd-values"),
    Case(lambda x: LA.svd(x, compute_uv=False, hermitian=True), (apart(3, 3) - 2 * np.eye(3),), name="svd-hermitian-values"),
    Case(recomposed, (apart(4, 4) - 2.2 * np.eye(4),), {"hermitian": True}, name="svd-hermitian"),
    Case(recomposed, (apart_complex(3, 3) - 2.2 * np.eye(3),), {"hermitian": True}, name="svd-hermitian-complex"),
    Case(LA.svdvals, (apart(3, 4),)),
    Case(LA.svdvals, (apart_complex(2, 4, 3),), name="complex-stack"),
    Case(LA.svdvals, (real(0, 2),), name="size-0"),
    # pinv, lstsq, cond
    *[Case(LA.pinv, (apart(*shape),), name=str(shape), complexable=False) for shape in ((3, 3), (4, 2), (2, 4), (2, 3, 2))],
    Case(LA.pinv, (apart_complex(4, 3),), name="complex"),
    Case(LA.pinv, (apart(3, 3) - 2.2 * np.eye(3),), {"hermitian": True}, name="hermitian"),
    Case(LA.pinv, (apart(3, 2),), {"rcond": 1e-8}, name="rcond"),
    Case(LA.pinv, (apart(3, 2),), {"rtol": 1e-8}, name="rtol"),
    Case(lstsq, (apart(5, 2), real(5)), name="vector"),
    Case(lstsq, (apart(5, 2), real(5, 3)), name="matrix"),
    Case(lstsq, (apart(2, 4), real(2, 3)), name="wide"),
    Case(lstsq, (apart_complex(4, 2), cplx(4)), name="complex"),
    *[Case(LA.cond, (apart(3, 3),), {"p": p}, name=f"{p}") for p in (None, 2, -2, "fro", 1, -1, np.inf, -np.inf, "nuc")],
    Case(LA.cond, (apart(2, 4, 3),), name="tall-stack"),
    # norms
    *[Case(LA.norm, (real(5),), {"ord": p}, name=f"vector-{p}") for p in (None, np.inf, -np.inf, 0, 1, -1, 2, 3, 2.5, 4, -2)],
    *[Case(LA.norm, (cplx(5),), {"ord": p}, name=f"vector-complex-{p}") for p in (None, np.inf, -np.inf, 0, 1, 2, 3, 2.5)],
    *[
        Case(LA.norm, (make(4, 3),), {"ord": p}, name=f"matrix-{kind}-{p}")
        for p in (None, "fro", "nuc", np.inf, -np.inf, 1, -1, 2, -2)
        for kind, make in (("real", apart), ("complex", apart_complex))
    ],
    *[
        Case(LA.norm, (real(3, 2, 4),), {"ord": p, "axis": axis, "keepdims": keep}, name=f"{p}-axis-{axis}-{keep}")
        for p, axis in ((None, None), (None, 1), (3, -1), (np.inf, 0), (None, (0, 2)), ("nuc", (2, 0)), (1, (2, 0)), (np.inf, (-1, 0)),
                        (2, (0, 1)), (-2, (1, 2)))
        for keep in (False, True)
    ],
    Case(LA.norm, (real(0),), name="size-0"),
    *[Case(LA.vector_norm, (real(3, 2, 4),), {"ord": p, "axis": axis}, name=f"{p}-{axis}") for p, axis in (
        (2, None), (3, None), (1, 0), (np.inf, (0, 2)), (2.5, (1,)), (-np.inf, -1), (0, 1))],
    Case(LA.vector_norm, (cplx(3, 2),), {"axis": -1, "keepdims": True}, name="complex"),
    *[Case(LA.matrix_norm, (apart(2, 4, 3),), {"ord": p, "keepdims": p == 2}, name=f"{p}") for p in ("fro", "nuc", 2, -2, 1, -1, np.inf, -np.inf)],
    # what the rules are made of
    Case(lambda x: degenerate.share(x, np.array([1.0, 1.0, 2.0])), (real(3),), name="share"),
    Case(lambda x: degenerate.separable(x, np.array([1.0, 2.0]), np.array([1.0, 2.0])), (real(2, 2),), name="separable", float32=False),
    Case(lambda x: degenerate.vanishing(x, np.full((2, 2), 1e20), degenerate.COMPLEMENT), (real(2, 2),), name="vanishing", float32=False),
    Case(lambda d: degenerate.reciprocal(d, np.array([1.0, 2.0])), (real(2, 2) + 2,), name="reciprocal", float32=False),
    Case(lambda x, d: degenerate.quotient(x, d, np.ones(2), x, True, degenerate.ZERO), (real(2, 2), real(2, 2) + 2), name="quotient", float32=False),
]
# fmt: on
