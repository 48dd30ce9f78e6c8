"""Cases of `scipy.linalg`.  Outputs that depend on a choice of basis are tested through functions that do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg as sl

from tests.rules.case import Case
from tests.rules.cases_linalg import apart, apart_complex, cplx, definite, definite_complex, mH, real, regular

STABLE = regular(3, 3) * -0.8


def symmetrised(x: Any) -> Any:
    return (x + mH(x)) / 2


def cho_roundtrip(a: Any, b: Any, lower: bool) -> Any:
    return sl.cho_solve(sl.cho_factor(a, lower=lower), b)


def cho_solved(c: Any, b: Any, lower: bool) -> Any:
    return sl.cho_solve((c, lower), b)


def cho_factored(a: Any, lower: bool) -> Any:
    return sl.cho_factor(a, lower=lower)[0]


def lu_roundtrip(a: Any, b: Any, trans: int) -> Any:
    return sl.lu_solve(sl.lu_factor(a), b, trans)


def lu_packed(a: Any) -> Any:
    return sl.lu_factor(a)[0]


def qr_numbers(a: Any, **options: Any) -> Any:
    return tuple(sl.qr(a, **options))[: 1 if options.get("mode") == "r" else 2]


def spectral(a: Any, **options: Any) -> Any:
    w, v = sl.eigh(a, **options)
    return v * np.cos(w) @ mH(v)


def generalised(a: Any, b: Any) -> Any:
    w, v = sl.eigh(a, b)
    return w, v * np.cos(w) @ mH(v)


def generalised_values(a: Any, b: Any) -> Any:
    return sl.eigvalsh(a, b)


def eig_function(a: Any) -> Any:
    w, v = sl.eig(a)
    return v * np.exp(w) @ np.linalg.inv(v)


def recomposed(a: Any, **options: Any) -> Any:
    u, s, vh = sl.svd(a, **options)
    return u[:, : len(s)] * np.sin(s) @ vh[: len(s)]


def lstsq(a: Any, b: Any) -> Any:
    x, residuals, _, s = sl.lstsq(a, b)
    return x, residuals, s


def lstsq_gelsy(a: Any, b: Any) -> Any:
    return sl.lstsq(a, b, lapack_driver="gelsy")[0]


def care(a: Any, b: Any, q: Any, r: Any) -> Any:
    return sl.solve_continuous_are(a, b, symmetrised(q), symmetrised(r))


def dare(a: Any, b: Any, q: Any, r: Any) -> Any:
    return sl.solve_discrete_are(a, b, symmetrised(q), symmetrised(r))


def solved_banded(ab: Any, b: Any, widths: tuple[int, int]) -> Any:
    return sl.solve_banded(widths, ab, b)


def toeplitz_solved(c: Any, r: Any, b: Any) -> Any:
    return sl.solve_toeplitz((c, r), b)


def toeplitz_times(c: Any, r: Any, x: Any) -> Any:
    return sl.matmul_toeplitz((c, r), x)


def symmetric_norm(x: Any) -> Any:
    return sl.norm(x, 2)


BAND = real(4, 5)
BAND[2] += 3  # the diagonal, of the widths (1, 2)
HALF = real(3, 5) * 0.4
HALF[-1] += 3
CIRCLE = np.array([3.0, 0.4, -0.3, 0.2, 0.5])

# fmt: off
CASES: list[Case] = [
    # systems
    Case(sl.solve, (regular(3, 3), real(3)), name="vector", complexable=True),
    Case(sl.solve, (regular(3, 3), real(3, 2)), {"overwrite_a": True, "check_finite": False}, name="overwrite"),
    Case(sl.solve, (regular(3, 3), real(3, 2)), {"transposed": True}, name="transposed"),
    Case(sl.solve, (regular(2, 3, 3), real(2, 3, 2)), name="stack"),
    *[Case(sl.solve, (definite(3, 3), real(3)), {"assume_a": kind, "lower": lower}, name=f"{kind}-{lower}")
      for kind in ("gen", "sym", "pos", "upper triangular", "lower triangular", "diagonal", "tridiagonal") for lower in (False, True)],
    Case(sl.solve, (definite_complex(3, 3), cplx(3)), {"assume_a": "her"}, name="her"),
    Case(sl.solve, (definite_complex(3, 3), cplx(3)), {"assume_a": "sym"}, name="sym-complex"),
    Case(sl.inv, (regular(3, 3),), complexable=True),
    Case(sl.inv, (definite(3, 3),), {"assume_a": "pos", "lower": True}, name="pos"),
    Case(sl.det, (real(3, 3),), complexable=True),
    Case(sl.det, (real(2, 3, 3),), name="stack"),
    *[Case(sl.solve_triangular, (regular(3, 3), b), {"trans": trans, "lower": lower, "unit_diagonal": unit}, name=f"{trans}-{lower}-{unit}-{b.shape}")
      for trans in (0, 1, "C") for lower in (False, True) for unit in (False, True) for b in (real(3), real(3, 2))],
    Case(sl.solve_triangular, (cplx(3, 3) + 2 * np.eye(3), cplx(3)), {"trans": 2}, name="complex-C"),
    Case(sl.solve_triangular, (cplx(3, 3) + 2 * np.eye(3), cplx(3)), {"trans": 1}, name="complex-T"),
    # factorisations
    *[Case(sl.cholesky, (make(3, 3),), {"lower": lower}, name=f"{lower}-{make.__name__}") for lower in (False, True) for make in (definite, definite_complex)],
    *[Case(f, (make(3, 3), *more, lower), name=f"{lower}-{make.__name__}")
      for f, more in ((cho_factored, ()), (cho_solved, (real(3, 2),)), (cho_roundtrip, (real(3),)))
      for lower in (False, True) for make in (definite, definite_complex)],
    *[Case(lambda a, **o: sl.lu(a, **o)[-2:], (make(*shape),), options, name=f"lu-{kind}-{shape}-{'-'.join(options)}")
      for kind, make in (("real", real), ("complex", cplx)) for shape in ((3, 3), (4, 2), (2, 4)) for options in ({}, {"permute_l": True})],
    Case(lambda a: sl.lu(a, p_indices=True)[1:], (real(2, 3, 3),), name="lu-stack"),
    *[Case(lu_packed, (real(*shape),), name=str(shape), complexable=True) for shape in ((3, 3), (4, 2), (2, 4), (2, 3, 3))],
    *[Case(lu_roundtrip, (make(3, 3), b, trans), name=f"{kind}-{trans}-{b.shape}")
      for kind, make in (("real", real), ("complex", cplx)) for trans in (0, 1, 2) for b in (real(3), real(3, 2))],
    *[Case(qr_numbers, (make(*shape),), {"mode": mode, "pivoting": pivoting}, name=f"{kind}-{shape}-{mode}-{pivoting}")
      for kind, make in (("real", real), ("complex", cplx)) for shape in ((3, 3), (4, 2), (2, 4))
      for mode in ("full", "economic", "r") for pivoting in (False, True)],
    # eigenvalues and singular values
    Case(spectral, (apart(3, 3),)),
    Case(spectral, (apart_complex(3, 3),), {"lower": False, "driver": "evd"}, name="complex-upper"),
    Case(sl.eigh, (apart(3, 3),), {"eigvals_only": True}, name="values-only"),
    Case(generalised, (apart(3, 3), definite(3, 3))),
    Case(generalised, (apart_complex(3, 3), definite_complex(3, 3)), name="complex"),
    Case(generalised_values, (apart(3, 3), definite(3, 3))),
    Case(sl.eigvalsh, (apart(4, 4),)),
    Case(sl.eigvalsh, (apart(4, 4),), {"subset_by_index": [1, 2], "lower": False}, name="subset-by-index"),
    Case(sl.eigvalsh, (apart(4, 4),), {"subset_by_value": [2.0, np.inf]}, name="subset-by-value"),
    Case(sl.eigvals, (apart(3, 3),)),
    Case(lambda a: sl.eig(a, right=False), (apart(3, 3),), name="eig-values-only"),
    Case(eig_function, (apart(3, 3),)),
    Case(eig_function, (apart_complex(3, 3),), name="complex"),
    *[Case(recomposed, (make(*shape),), options, name=f"{kind}-{shape}-{'-'.join(options)}")
      for kind, make in (("real", apart), ("complex", apart_complex)) for shape in ((3, 3), (4, 2), (2, 4)) for options in ({}, {"full_matrices": False})],
    Case(sl.svd, (apart(4, 3),), {"compute_uv": False}, name="values-only"),
    Case(sl.svdvals, (apart(4, 3),)),
    *[Case(sl.norm, (apart(4, 3),), {"ord": p}, name=f"{p}") for p in (None, "fro", "nuc", 1, -1, 2, -2, np.inf)],
    *[Case(sl.norm, (real(5),), {"ord": p}, name=f"vector-{p}") for p in (None, 1, 2, 3, np.inf)],
    # least squares
    Case(sl.pinv, (apart(4, 2),)),
    Case(lambda a: sl.pinv(a, return_rank=True)[0], (apart_complex(2, 3),), name="pinv-rank"),
    Case(sl.pinvh, (apart(3, 3) - 2 * np.eye(3),)),
    Case(sl.pinvh, (apart_complex(3, 3) - 2 * np.eye(3),), {"lower": False}, name="complex-upper"),
    Case(lstsq, (apart(5, 2), real(5)), name="vector"),
    Case(lstsq, (apart(5, 2), real(5, 2)), name="matrix"),
    Case(lstsq, (apart(2, 4), real(2)), name="wide"),
    Case(lstsq_gelsy, (apart(5, 2), real(5))),
    *[Case(sl.polar, (make(*shape),), {"side": side}, name=f"{kind}-{shape}-{side}")
      for kind, make in (("real", apart), ("complex", apart_complex)) for shape in ((3, 3), (4, 2), (2, 4)) for side in ("right", "left")],
    Case(sl.orthogonal_procrustes, (real(5, 3), real(5, 3))),
    Case(sl.orthogonal_procrustes, (cplx(5, 2), cplx(5, 2)), name="complex"),
    # functions of matrices
    Case(sl.expm, (real(3, 3),), complexable=True),
    Case(sl.expm, (real(2, 3, 3),), name="stack"),
    Case(sl.expm_frechet, (real(3, 3), real(3, 3)), name="both", float32=False),
    Case(lambda a, e: sl.expm_frechet(a, e, compute_expm=False), (cplx(2, 2), cplx(2, 2)), name="expm_frechet-alone"),
    *[Case(sl.logm, (a,), name=str(a.dtype), tol=1e-6, float32=False) for a in (regular(3, 3), regular(2, 2) + 0.3j * real(2, 2))],
    *[Case(f, (regular(3, 3),), tol=1e-6) for f in (sl.sqrtm, sl.sinm, sl.cosm, sl.tanm, sl.sinhm, sl.coshm, sl.tanhm)],
    *[Case(f, (regular(2, 2) + 0.3j * real(2, 2),), name="complex", tol=1e-6) for f in (sl.sqrtm, sl.sinm, sl.cosm)],
    Case(sl.signm, (apart(3, 3) - 2 * np.eye(3),), tol=1e-6),
    Case(sl.fractional_matrix_power, (regular(3, 3), 0.3), tol=1e-6, float32=False),
    # equations
    Case(sl.solve_sylvester, (regular(3, 3), regular(2, 2), real(3, 2))),
    Case(sl.solve_sylvester, (regular(3, 3) + 0.2j * real(3, 3), regular(2, 2) + 0.2j * real(2, 2), cplx(3, 2)), name="complex"),
    Case(sl.solve_continuous_lyapunov, (STABLE, real(3, 3))),
    Case(sl.solve_continuous_lyapunov, (STABLE + 0.3j * real(3, 3), cplx(3, 3)), name="complex"),
    *[Case(sl.solve_discrete_lyapunov, (0.3 * cplx(3, 3), cplx(3, 3)), {"method": method}, name=f"complex-{method}") for method in (None, "bilinear")],
    Case(sl.solve_discrete_lyapunov, (0.3 * real(3, 3), real(3, 3))),
    Case(care, (real(3, 3), real(3, 2), definite(3, 3), definite(2, 2)), tol=1e-6),
    Case(dare, (real(3, 3), real(3, 2), definite(3, 3), definite(2, 2)), tol=1e-6),
    Case(solved_banded, (BAND, real(5), (1, 2)), name="vector", complexable=True),
    Case(solved_banded, (BAND, real(5, 2), (1, 2)), name="matrix"),
    Case(solved_banded, (np.array([[0.3, 0.2, 0.1], [2.0, 3.0, 2.5], [0.1, 0.4, 0.9]]), real(3), (1, 1)), name="tridiagonal"),
    Case(sl.solveh_banded, (HALF, real(5))),
    Case(sl.solveh_banded, (HALF + 0.2j * real(3, 5) * np.array([[1], [1], [0]]), cplx(5, 2)), name="complex"),
    Case(sl.solveh_banded, (HALF[::-1].copy(), real(5)), {"lower": True}, name="lower"),
    Case(toeplitz_solved, (CIRCLE, real(5), real(5)), complexable=True),
    Case(toeplitz_solved, (CIRCLE, real(5), real(5, 2)), name="matrix"),
    Case(sl.solve_toeplitz, (CIRCLE, real(5)), name="symmetric"),
    Case(sl.solve_toeplitz, (CIRCLE + 0.2j * real(5) * np.array([0, 1, 1, 1, 1]), cplx(5)), name="hermitian"),
    Case(toeplitz_times, (real(4), real(3), real(3))),
    Case(toeplitz_times, (cplx(4), cplx(3), cplx(3)), name="complex"),
    Case(sl.matmul_toeplitz, (real(4), real(4, 2)), name="symmetric"),
    Case(sl.solve_circulant, (CIRCLE, real(5))),
    Case(sl.solve_circulant, (CIRCLE + 0.2j * real(5), cplx(5)), name="complex"),
    Case(sl.solve_circulant, (CIRCLE, real(2, 5)), {"baxis": 1, "outaxis": 1}, name="axes"),
    # matrices
    Case(sl.toeplitz, (real(3), real(4)), complexable=True),
    Case(sl.toeplitz, (cplx(3),), name="hermitian"),
    Case(sl.hankel, (real(3), real(4))),
    Case(sl.hankel, (real(3),), name="zeros"),
    Case(sl.circulant, (real(4),), complexable=True),
    Case(sl.block_diag, (real(2, 2), real(3), real(1, 0))),
    Case(sl.companion, (real(4) + 2,)),
    Case(sl.leslie, (real(4), real(3))),
    *[Case(sl.convolution_matrix, (real(3), n, mode), name=f"{n}-{mode}") for n in (2, 5) for mode in ("full", "same", "valid")],
    Case(sl.fiedler, (real(4),)),
    *[Case(sl.fiedler_companion, (real(n) + 2,), name=str(n)) for n in (2, 3, 4, 5, 6)],
    Case(sl.khatri_rao, (real(3, 2), real(2, 2))),
    *[Case(sl.diagsvd, (real(3), m, n), name=f"{m}-{n}") for m, n in ((3, 4), (4, 3), (3, 3))],
]
# fmt: on
