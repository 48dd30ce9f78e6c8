"""`scipy.linalg`: the factorisations cholesky, lu and qr, packed ones included."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg as sl

from adjoint._rules import linalg_solve
from adjoint._rules.arrays import conj, mH
from adjoint._rules.book import FIXED, composite, constant, general
from adjoint._rules.linalg_degenerate import inverse
from adjoint._rules.primitive import primitive
from adjoint._rules.scipy_linalg_systems import op
from adjoint._rules.scipy_tools import enter, refuse

# cholesky -----------------------------------------------------------------------------------------------------------------

enter(
    sl.cholesky,
    lambda y, t, a, *, lower=False, **_: linalg_solve.cholesky(y, t, a, upper=not lower),
    vjp=lambda y, ct, a, *, lower=False, **_: linalg_solve.cholesky_adjoint(y, ct, a, upper=not lower),
)


# Up to SciPy 1.17 the other triangle of the result holds that of the argument, later ones put zeros there.
KEEPS_THE_OTHER = bool(sl.cho_factor(np.array([[4.0, 2.0], [2.0, 4.0]]))[0][1, 0])


def cho_factor_jvp(y: Any, t: Any, a: Any, *, lower: bool = False, **_: Any) -> Any:
    """The triangle that is the factor moves as that does; the other one as SciPy fills it."""
    other = (np.triu(t, 1) if lower else np.tril(t, -1)) * KEEPS_THE_OTHER
    factor = np.tril(y[0]) if lower else np.triu(y[0])
    return [linalg_solve.cholesky(factor, t, a, upper=not lower) + other, None]


enter(sl.cho_factor, cho_factor_jvp)


@primitive
def cho_solve(c: Any, b: Any, lower: bool) -> Any:
    return sl.cho_solve((c, lower), b)


def cho_solve_jvp(y: Any, t: Any, c: Any, b: Any, lower: bool) -> Any:
    c, t = (np.tril(c), np.tril(t)) if lower else (mH(np.triu(c)), mH(np.triu(t)))
    change = t @ mH(c) + c @ mH(t)
    return -cho_solve(c, change @ y, True)


general(
    cho_solve,
    cho_solve_jvp,
    lambda y, t, c, b, lower: cho_solve(c, t, lower),
    vjp=(FIXED, lambda y, ct, c, b, lower: cho_solve(c, ct, lower)),
)
composite(
    sl.cho_solve,
    lambda c_and_lower, b, overwrite_b=False, check_finite=True: cho_solve(c_and_lower[0], b, bool(c_and_lower[1])),
)

# lu -----------------------------------------------------------------------------------------------------------------------
#
# pᵀ a = l u: with f = l₁⁻¹ (pᵀ da)₁ u₁⁻¹ of the leading square blocks, dl₁ = l₁ tril(f, -1), du₁ = triu(f) u₁, as l⁻¹ dl is strictly
# lower and du u⁻¹ upper triangular; the rows below and the columns beside follow from the product.  The permutation is constant.

RANK = (
    "derivative of lu of a matrix whose leading block is singular",
    "the factors are not unique there",
    "use solve, det or pinv",
)


def lu_jvp(low: Any, up: Any, t: Any) -> tuple[Any, Any]:
    """Return ``dl`` and ``du`` for the permuted tangent ``t``."""
    k = low.shape[-1]
    low_inverse, up_inverse = inverse(low[..., :k, :], RANK), inverse(up[..., :k], RANK)
    f = low_inverse @ t[..., :k, :k] @ up_inverse
    dlow, dup = low[..., :k, :] @ np.tril(f, -1), np.triu(f) @ up[..., :k]
    if low.shape[-2] > k:
        below = (t[..., k:, :] - low[..., k:, :] @ dup) @ up_inverse
        dlow = np.concatenate([dlow, below], axis=-2)
    if up.shape[-1] > k:
        beside = low_inverse @ (t[..., k:] - dlow @ up[..., k:])
        dup = np.concatenate([dup, beside], axis=-1)
    return dlow, dup


def permuted(x: Any, p: Any) -> Any:
    """Return ``x[p]``, for each matrix of a stack."""
    return np.take_along_axis(x, p[..., None], axis=-2)


@primitive
def lu_core(a: Any) -> Any:
    """Return the row indices ``p`` with ``a = l[p] @ u``, and the factors."""
    return tuple(sl.lu(a, p_indices=True))


@general(lu_core)
def lu_core_jvp(y: Any, t: Any, a: Any) -> Any:
    p, low, up = y
    return [None, *lu_jvp(low, up, permuted(t, np.argsort(p, axis=-1)))]


@composite(sl.lu)
def lu(a: Any, permute_l: bool = False, overwrite_a: bool = False, check_finite: bool = True, p_indices: bool = False) -> Any:
    p, low, up = lu_core(a)
    if permute_l:
        return permuted(low, p), up
    return (p if p_indices else np.eye(p.shape[-1], dtype=np.zeros((), a.dtype).real.dtype)[p]), low, up


@primitive
def permutation(piv: Any, rows: int) -> Any:
    """Return ``p`` with ``a[p] = l u`` from LAPACK's sequence of interchanges, for one matrix or a stack."""
    piv = np.asarray(piv)
    if piv.ndim > 1:
        return np.stack([permutation(each, rows) for each in piv])
    p = np.arange(rows)
    for i, j in enumerate(piv):
        p[i], p[j] = p[j], p[i]
    return p


def unpacked(x: Any) -> tuple[Any, Any]:
    """Return the factors of a packed ``lu``."""
    k = min(x.shape[-2:])
    return np.tril(x[..., :k], -1) + np.eye(x.shape[-2], k, dtype=x.dtype), np.triu(x[..., :k, :])


def packed(low: Any, up: Any) -> Any:
    """Return the sum of a strictly lower and an upper triangular matrix, each without the zeros that it ends with."""
    m, k, n = low.shape[-2], low.shape[-1], up.shape[-1]
    low = np.concatenate([np.tril(low, -1), np.zeros((*low.shape[:-1], n - k), low.dtype)], axis=-1)
    return low + np.concatenate([up, np.zeros((*up.shape[:-2], m - k, n), up.dtype)], axis=-2)


def lu_factor_jvp(y: Any, t: Any, a: Any, **_: Any) -> Any:
    return [packed(*lu_jvp(*unpacked(y[0]), permuted(t, permutation(y[1], a.shape[-2])))), None]


enter(sl.lu_factor, lu_factor_jvp)


@primitive
def lu_solve(x: Any, piv: Any, b: Any, trans: int) -> Any:
    return sl.lu_solve((x, piv), b, trans)


def lu_solve_lu(y: Any, t: Any, x: Any, piv: Any, b: Any, trans: int) -> Any:
    low, up = unpacked(x)
    change = permuted(np.tril(t, -1) @ up + low @ np.triu(t), np.argsort(permutation(piv, x.shape[-2]), axis=-1))
    return -lu_solve(x, piv, op(change, trans) @ y, trans)


def lu_solve_b_adjoint(y: Any, ct: Any, x: Any, piv: Any, b: Any, trans: int) -> Any:
    return lu_solve(x, piv, ct, 0) if trans == 2 else conj(lu_solve(x, piv, conj(ct), 1 - trans))


general(
    lu_solve,
    lu_solve_lu,
    FIXED,
    lambda y, t, x, piv, b, trans: lu_solve(x, piv, t, trans),
    vjp=(FIXED, FIXED, lu_solve_b_adjoint),
)
composite(sl.lu_solve, lambda lu_and_piv, b, trans=0, overwrite_b=False, check_finite=True: lu_solve(*lu_and_piv, b, trans))

# qr -----------------------------------------------------------------------------------------------------------------------


@primitive
def qr_core(a: Any, mode: str, pivoting: bool) -> Any:
    return tuple(sl.qr(a, mode=mode, pivoting=pivoting))


@general(qr_core)
def qr_jvp(y: Any, t: Any, a: Any, mode: str, pivoting: bool) -> Any:
    if pivoting:
        a, t = (np.take_along_axis(x, np.expand_dims(y[2], -2), axis=-1) for x in (a, t))
    factors = linalg_solve.qr(y[:2], t, a, "complete" if mode == "full" else "reduced")
    return [*factors, None] if pivoting else factors


@composite(sl.qr)
def qr(
    a: Any, overwrite_a: bool = False, lwork: Any = None, mode: str = "full", pivoting: bool = False, check_finite: bool = True
) -> Any:
    if mode == "raw":
        refuse(sl.qr, "mode='raw' returns LAPACK's internal form; use mode='economic'")
    if mode != "r":
        return qr_core(a, mode, pivoting)
    rest = qr_core(a, "full", pivoting)[1:]
    return rest if pivoting else tuple(rest)


constant(permutation)
