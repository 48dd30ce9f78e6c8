"""`scipy.linalg`: read once that module is in use.

SciPy's functions know nothing of NumPy's protocols.  `enter` therefore registers each twice: the function itself, by a definition that
sorts its arguments and drops the permission to overwrite them, and a *core* that dispatches, which carries the rule and which formulas
may call with traced values.  Special matrices are in `scipy_linalg_matrices`, functions of matrices in `scipy_linalg_functions`.

References
----------
Those of `linalg_solve` and `linalg_spectral`, and
Kao and Hennequin, Automatic differentiation of Sylvester, Lyapunov, and algebraic Riccati equations, 2020, arXiv:2011.11430.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg as sl

from adjoint._rules import linalg_norms, linalg_solve, linalg_spectral
from adjoint._rules import scipy_linalg_functions as scipy_linalg_functions
from adjoint._rules import scipy_linalg_matrices as scipy_linalg_matrices
from adjoint._rules.arrays import column, conj, diagonal, hermitian, inner, is_complex, mH, mT, real, scaled, skew
from adjoint._rules.book import FIXED, Unknown, composite, constant, excluded, general
from adjoint._rules.linalg_degenerate import VECTORS, gaps, inverse, quotient
from adjoint._rules.primitive import primitive
from adjoint._rules.scipy_linalg_matrices import toeplitz
from adjoint._rules.scipy_tools import enter, refuse
from adjoint.errors import NotDifferentiableError

# a x = b ------------------------------------------------------------------------------------------------------------------


def structured(x: Any, assume_a: Any, lower: bool) -> Any:
    """Return the matrix that SciPy reads when told to assume a structure."""
    kind = {None: "gen", "general": "gen", "symmetric": "sym", "hermitian": "her", "pos": "her", "positive definite": "her"}.get(
        assume_a, assume_a
    )
    if kind == "her":
        return hermitian(x, "L" if lower else "U")
    if kind == "sym":
        return np.tril(x) + mT(np.tril(x, -1)) if lower else np.triu(x) + mT(np.triu(x, 1))
    if kind == "upper triangular" or kind == "lower triangular":
        return np.triu(x) if kind.startswith("upper") else np.tril(x)
    if kind in ("diagonal", "tridiagonal"):
        k = 1 if kind == "tridiagonal" else 0
        return np.tril(np.triu(x, -k), k)
    return x


def structured_adjoint(ct: Any, assume_a: Any, lower: bool) -> Any:
    """Return the adjoint of `structured`."""
    if assume_a in ("her", "hermitian", "pos", "positive definite"):
        return linalg_solve.hermitian_adjoint(ct, "L" if lower else "U")
    if assume_a in ("sym", "symmetric"):
        return np.tril(ct) + np.tril(mT(ct), -1) if lower else np.triu(ct) + np.triu(mT(ct), 1)
    return structured(ct, assume_a, lower)


def solve_system(a: Any, lower: bool, assume_a: Any, transposed: bool) -> Any:
    a = structured(a, assume_a, lower)
    return mT(a) if transposed else a


def solve_a(y: Any, t: Any, a: Any, b: Any, *, lower: bool = False, assume_a: Any = None, transposed: bool = False, **_: Any) -> Any:
    options = (lower, assume_a, transposed)
    return linalg_solve.solve_a(y, solve_system(t, *options), solve_system(a, *options), b)


def solve_b(y: Any, t: Any, a: Any, b: Any, *, lower: bool = False, assume_a: Any = None, transposed: bool = False, **_: Any) -> Any:
    return np.linalg.solve(solve_system(a, lower, assume_a, transposed), t)


def solve_a_adjoint(
    y: Any, ct: Any, a: Any, b: Any, *, lower: bool = False, assume_a: Any = None, transposed: bool = False, **_: Any
) -> Any:
    g = linalg_solve.solve_a_adjoint(y, ct, solve_system(a, lower, assume_a, transposed), b)
    return structured_adjoint(mT(g) if transposed else g, assume_a, lower)


def solve_b_adjoint(
    y: Any, ct: Any, a: Any, b: Any, *, lower: bool = False, assume_a: Any = None, transposed: bool = False, **_: Any
) -> Any:
    return linalg_solve.solve_b_adjoint(y, ct, solve_system(a, lower, assume_a, transposed), b)


enter(sl.solve, solve_a, solve_b, vjp=(solve_a_adjoint, solve_b_adjoint))
enter(
    sl.inv,
    lambda y, t, a, *, assume_a=None, lower=False, **_: -y @ structured(t, assume_a, lower) @ y,
    vjp=lambda y, ct, a, *, assume_a=None, lower=False, **_: structured_adjoint(-mH(y) @ ct @ mH(y), assume_a, lower),
)
enter(
    sl.det,
    lambda y, t, a, **_: np.sum(mT(linalg_solve.adjugate(a)) * t, axis=(-2, -1)),
    vjp=lambda y, ct, a, **_: np.expand_dims(ct, (-2, -1)) * mH(linalg_solve.adjugate(a)),
)

# Triangular systems: op(a) x = b, op by trans.  The adjoint of op(a)⁻¹ is op(a)⁻ᴴ; the unit diagonal is not read.

OPERATION = {0: 0, 1: 1, 2: 2, "N": 0, "T": 1, "C": 2}


def op(x: Any, trans: Any) -> Any:
    return (x, mT(x), mH(x))[OPERATION[trans]] if OPERATION[trans] else x


def triangle(x: Any, lower: bool, unit_diagonal: bool) -> Any:
    return np.tril(x, -1 if unit_diagonal else 0) if lower else np.triu(x, 1 if unit_diagonal else 0)


def solve_triangular_a(y: Any, t: Any, a: Any, b: Any, *, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False, **_: Any) -> Any:
    t = op(triangle(t, lower, unit_diagonal), trans)
    r = (t @ column(y))[..., 0] if np.ndim(b) == 1 else t @ y
    return -solve_triangular(a, r, trans=trans, lower=lower, unit_diagonal=unit_diagonal)


def solve_triangular_b(y: Any, t: Any, a: Any, b: Any, **options: Any) -> Any:
    return solve_triangular(a, t, **options)


def solve_triangular_b_adjoint(y: Any, ct: Any, a: Any, b: Any, *, trans: Any = 0, **options: Any) -> Any:
    if OPERATION[trans] == 2:
        return solve_triangular(a, ct, trans=0, **options)
    return conj(solve_triangular(a, conj(ct), trans=1 - OPERATION[trans], **options))


solve_triangular = enter(
    sl.solve_triangular, solve_triangular_a, solve_triangular_b, vjp=(Unknown("transposed"), solve_triangular_b_adjoint)
)

# cholesky -----------------------------------------------------------------------------------------------------------------

enter(
    sl.cholesky,
    lambda y, t, a, *, lower=False, **_: linalg_solve.cholesky(y, t, a, upper=not lower),
    vjp=lambda y, ct, a, *, lower=False, **_: linalg_solve.cholesky_adjoint(y, ct, a, upper=not lower),
)


def cho_factor_jvp(y: Any, t: Any, a: Any, *, lower: bool = False, **_: Any) -> Any:
    """The other triangle of the result holds that of the argument."""
    if lower:
        return [linalg_solve.cholesky(np.tril(y[0]), t, a) + np.triu(t, 1), None]
    return [linalg_solve.cholesky(np.triu(y[0]), t, a, upper=True) + np.tril(t, -1), None]


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
composite(sl.cho_solve, lambda c_and_lower, b, overwrite_b=False, check_finite=True: cho_solve(c_and_lower[0], b, bool(c_and_lower[1])))

# lu -----------------------------------------------------------------------------------------------------------------------
#
# pᵀ a = l u: with f = l₁⁻¹ (pᵀ da)₁ u₁⁻¹ of the leading square blocks, dl₁ = l₁ tril(f, -1), du₁ = triu(f) u₁, as l⁻¹ dl is strictly
# lower and du u⁻¹ upper triangular; the rows below and the columns beside follow from the product.  The permutation is constant.

RANK = ("derivative of lu of a matrix whose leading block is singular", "the factors are not unique there", "use solve, det or pinv")


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
def permutation(piv: Any) -> Any:
    """Return ``p`` with ``a[p] = l u`` from LAPACK's sequence of interchanges, for one matrix or a stack."""
    piv = np.asarray(piv)
    if piv.ndim > 1:
        return np.stack([permutation(each) for each in piv])
    rows = np.arange(len(piv))
    for i, j in enumerate(piv):
        rows[i], rows[j] = rows[j], rows[i]
    return rows


def unpacked(x: Any) -> tuple[Any, Any]:
    """Return the factors of a packed square ``lu``."""
    return np.tril(x, -1) + np.eye(x.shape[-1], dtype=x.dtype), np.triu(x)


def lu_factor_jvp(y: Any, t: Any, a: Any, **_: Any) -> Any:
    if a.shape[-1] != a.shape[-2]:
        raise NotDifferentiableError("derivative of lu_factor of a rectangular matrix", why="it is not implemented", remedy="use lu")
    dlow, dup = lu_jvp(*unpacked(y[0]), permuted(t, permutation(y[1])))
    return [np.tril(dlow, -1) + dup, None]


enter(sl.lu_factor, lu_factor_jvp)


@primitive
def lu_solve(x: Any, piv: Any, b: Any, trans: int) -> Any:
    return sl.lu_solve((x, piv), b, trans)


def lu_solve_lu(y: Any, t: Any, x: Any, piv: Any, b: Any, trans: int) -> Any:
    low, up = unpacked(x)
    change = permuted(np.tril(t, -1) @ up + low @ np.triu(t), np.argsort(permutation(piv), axis=-1))
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


# Eigenvalues and singular values --------------------------------------------------------------------------------------------
#
# The generalised problem a v = b v l with vᴴ b v = 1: with m_ij = v_iᴴ (da - l_j db) v_j, dl = diag(m), and dv = v ω with
# ω_ij = m_ij / (l_j - l_i), ω_jj = -(vᴴ db v)_jj / 2.


@primitive
def eigh_core(a: Any, b: Any, lower: bool, driver: Any) -> Any:
    return sl.eigh(a, b, lower=lower, driver=driver)


def eigh_a(y: Any, t: Any, a: Any, b: Any, lower: bool, driver: Any) -> Any:
    return linalg_spectral.eigh(y, t, a, "L" if lower else "U")


def eigh_a_adjoint(y: Any, ct: Any, a: Any, b: Any, lower: bool, driver: Any) -> Any:
    return linalg_spectral.eigh_adjoint(y, ct, a, "L" if lower else "U")


def eigh_b(y: Any, t: Any, a: Any, b: Any, lower: bool, driver: Any) -> Any:
    w, v = y
    g = mH(v) @ hermitian(t, "L" if lower else "U") @ v
    m = -scaled(g, w)
    return [real(diagonal(m)), v @ quotient(m, gaps(w), w, m, False, VECTORS) - scaled(v, real(diagonal(g)) / 2)]


general(eigh_core, eigh_a, eigh_b, vjp=(eigh_a_adjoint, FIXED))


@primitive
def eigvalsh_core(a: Any, b: Any, lower: bool, options: Any) -> Any:
    return sl.eigvalsh(a, b, lower=lower, **dict(options))


def eigvalsh_a(y: Any, t: Any, a: Any, b: Any, lower: bool, options: Any) -> Any:
    w, v = eigh_core(a, b, lower, None)
    dw = linalg_spectral.share(inner(v, hermitian(t, "L" if lower else "U") @ v, -2), w)
    return chosen(dw, w, y, options)


def eigvalsh_b(y: Any, t: Any, a: Any, b: Any, lower: bool, options: Any) -> Any:
    w, v = eigh_core(a, b, lower, None)
    dw = linalg_spectral.share(-w * inner(v, hermitian(t, "L" if lower else "U") @ v, -2), w)
    return chosen(dw, w, y, options)


def chosen(dw: Any, w: Any, y: Any, options: Any) -> Any:
    """Return the entries that a subset of the eigenvalues takes; they are sorted."""
    if y.shape[-1] == w.shape[-1]:
        return dw
    index = dict(options).get("subset_by_index")
    first = index[0] if index is not None else first_above(w, dict(options)["subset_by_value"][0])
    return dw[..., first : first + y.shape[-1]]


@primitive
def first_above(w: Any, bound: Any) -> Any:
    return int(np.sum(w <= bound))


general(eigvalsh_core, eigvalsh_a, eigvalsh_b)
constant(first_above)


@composite(sl.eigvalsh)
def eigvalsh(
    a: Any, b: Any = None, *, lower: bool = True, overwrite_a: bool = False, overwrite_b: bool = False, type: int = 1,
    check_finite: bool = True, subset_by_index: Any = None, subset_by_value: Any = None, driver: Any = None,
) -> Any:  # fmt: skip
    if type != 1 and b is not None:
        refuse(sl.eigvalsh, "only the generalised problem of type=1 is implemented")
    options = {"subset_by_index": subset_by_index, "subset_by_value": subset_by_value, "driver": driver}
    return eigvalsh_core(a, b, lower, tuple((name, value) for name, value in options.items() if value is not None))


@composite(sl.eigh)
def eigh(
    a: Any, b: Any = None, *, lower: bool = True, eigvals_only: bool = False, overwrite_a: bool = False, overwrite_b: bool = False,
    type: int = 1, check_finite: bool = True, subset_by_index: Any = None, subset_by_value: Any = None, driver: Any = None,
) -> Any:  # fmt: skip
    if eigvals_only:
        return eigvalsh(a, b, lower=lower, type=type, subset_by_index=subset_by_index, subset_by_value=subset_by_value, driver=driver)
    if type != 1 and b is not None:
        refuse(sl.eigh, "only the generalised problem of type=1 is implemented")
    if subset_by_index is not None or subset_by_value is not None:
        refuse(sl.eigh, "the derivative of some eigenvectors needs them all: take the subset of the full result")
    return eigh_core(a, b, lower, driver)


@primitive
def eig_core(a: Any) -> Any:
    return sl.eig(a)


general(eig_core, linalg_spectral.eig)


@composite(sl.eig)
def eig(
    a: Any, b: Any = None, left: bool = False, right: bool = True, overwrite_a: bool = False, overwrite_b: bool = False,
    check_finite: bool = True, homogeneous_eigvals: bool = False,
) -> Any:  # fmt: skip
    if b is not None or left or homogeneous_eigvals:
        refuse(sl.eig, "only eigenvalues and right eigenvectors of one matrix are implemented; left ones are inv(v)ᴴ but for their norm")
    return eig_core(a) if right else eigvals_core(a)


@primitive
def eigvals_core(a: Any) -> Any:
    return sl.eigvals(a)


general(eigvals_core, linalg_spectral.eigvals)


@composite(sl.eigvals)
def eigvals(a: Any, b: Any = None, overwrite_a: bool = False, check_finite: bool = True, homogeneous_eigvals: bool = False) -> Any:
    if b is not None or homogeneous_eigvals:
        refuse(sl.eigvals, "only the eigenvalues of one matrix are implemented")
    return eigvals_core(a)


enter(
    sl.svd,
    lambda y, t, a, *, full_matrices=True, compute_uv=True, **_: linalg_spectral.svd(y, t, a, full_matrices, compute_uv),
    vjp=lambda y, ct, a, *, full_matrices=True, compute_uv=True, **_: linalg_spectral.svd_adjoint(y, ct, a, full_matrices, compute_uv),
)
enter(
    sl.svdvals,
    lambda y, t, a, **_: linalg_spectral.singular_values(t, a),
    vjp=lambda y, ct, a, **_: linalg_spectral.singular_values_adjoint(ct, a),
)
enter(sl.norm, lambda y, t, a, *, ord=None, axis=None, keepdims=False, **_: linalg_norms.norm(y, t, a, ord, axis, keepdims))

# Pseudo-inverses, least squares -----------------------------------------------------------------------------------------------


def pinv_jvp(y: Any, t: Any, a: Any, *, return_rank: bool = False, **_: Any) -> Any:
    p = y[0] if return_rank else y
    dp = linalg_solve.golub_pereyra(linalg_solve.cut(p, a), t, a)
    return [dp, None] if return_rank else dp


enter(sl.pinv, pinv_jvp)
enter(
    sl.pinvh,
    lambda y, t, a, *, lower=True, **options: pinv_jvp(
        y, hermitian(t, "L" if lower else "U"), hermitian(a, "L" if lower else "U"), **options
    ),
)


def lstsq_a(y: Any, t: Any, a: Any, b: Any, **_: Any) -> Any:
    return without_none(linalg_solve.lstsq_a(y, t, a, b), y)


def lstsq_b(y: Any, t: Any, a: Any, b: Any, **_: Any) -> Any:
    x, residuals = y[:2]
    return [linalg_solve.cut(np.linalg.pinv(a), a) @ t, 2 * linalg_solve.square_sums(residuals, b - a @ x, t), None, None]


def without_none(t: list[Any], y: Any) -> list[Any]:
    """Drop the tangent of singular values that were not computed (lapack_driver='gelsy')."""
    return [None if part is None else d for d, part in zip(t, y, strict=True)]


enter(sl.lstsq, lstsq_a, lstsq_b)


@primitive
def polar_core(a: Any, side: str) -> Any:
    return sl.polar(a, side)


def polar_factor(u: Any, a: Any, t: Any) -> Any:
    """Return the derivative of the unitary factor.

    With ``a = u p`` and ``ω = uᴴ du``, ``uᴴ da - daᴴ u = ω p + p ω``; outside of the span of ``u``, ``(1 - u uᴴ) da p⁻¹``.
    """
    if u.shape[-2] < u.shape[-1]:
        return mH(polar_factor(mH(u), mH(a), mH(t)))
    p = mH(u) @ a
    p = (p + mH(p)) / 2
    du = u @ scipy_linalg_functions.solve_sylvester(p, p, 2 * skew(mH(u) @ t))
    return du + (t - u @ (mH(u) @ t)) @ inverse(p, RANK_POLAR) if u.shape[-2] > u.shape[-1] else du


RANK_POLAR = ("derivative of the polar factors of a matrix without full rank", "they are not unique there", "regularise the matrix")


@general(polar_core)
def polar_jvp(y: Any, t: Any, a: Any, side: str) -> Any:
    du = polar_factor(y[0], a, t)
    return [du, mH(du) @ a + mH(y[0]) @ t if side == "right" else t @ mH(y[0]) + a @ mH(du)]


composite(sl.polar, lambda a, side="right": polar_core(a, side))


def procrustes(y: Any, t: Any, m: Any) -> Any:
    return [polar_factor(y[0], m, t), inner(y[0], t)]


def procrustes_a(y: Any, t: Any, a: Any, b: Any, **_: Any) -> Any:
    return procrustes(y, mH(t) @ b, mH(a) @ b)


def procrustes_b(y: Any, t: Any, a: Any, b: Any, **_: Any) -> Any:
    return procrustes(y, mH(a) @ t, mH(a) @ b)


enter(sl.orthogonal_procrustes, procrustes_a, procrustes_b)

# Structured systems ---------------------------------------------------------------------------------------------------------
#
# In all of them, da x + a dx = db.


def bands(x: Any, l_and_u: tuple[int, int]) -> Any:
    """Return the matrix of which ``x`` holds the diagonals: ``a[i, j] = x[u + i - j, j]``."""
    lower, upper = l_and_u
    n = x.shape[-1]
    i, j = np.indices((n, n))
    inside = (i - j <= lower) & (j - i <= upper)
    return np.where(inside, x[np.clip(upper + i - j, 0, lower + upper), j], np.zeros((), x.dtype))


def band_product(x: Any, l_and_u: tuple[int, int], v: Any) -> Any:
    """Return the product of a banded matrix with a vector or the columns of a matrix."""
    lower, upper = l_and_u
    n = x.shape[-1]
    rows = [np.expand_dims(x[k], -1) * v if v.ndim > 1 else x[k] * v for k in range(lower + upper + 1)]
    total = None
    for k, row in enumerate(rows):
        d = k - upper  # the row of x that lies d below the diagonal
        pad = np.zeros((min(abs(d), n), *row.shape[1:]), row.dtype)
        moved = np.concatenate([pad, row[: n - d]]) if d > 0 else np.concatenate([row[-d:], pad]) if d < 0 else row
        total = moved if total is None else total + moved
    return total


def band_adjoint(x: Any, l_and_u: tuple[int, int]) -> Any:
    """Return the diagonals of the conjugate transpose."""
    lower, upper = l_and_u
    n = x.shape[-1]
    rows = []
    for k in range(lower + upper, -1, -1):
        d = k - upper
        pad = np.zeros(min(abs(d), n), x.dtype)
        rows.append(np.concatenate([pad, x[k][: n - d]]) if d > 0 else np.concatenate([x[k][-d:], pad]) if d < 0 else x[k])
    return conj(np.stack(rows))


@primitive
def solve_banded(ab: Any, b: Any, l_and_u: tuple[int, int]) -> Any:
    return sl.solve_banded(l_and_u, ab, b)


general(
    solve_banded,
    lambda y, t, ab, b, l_and_u: -solve_banded(ab, band_product(t, l_and_u, y), l_and_u),
    lambda y, t, ab, b, l_and_u: solve_banded(ab, t, l_and_u),
    vjp=(FIXED, lambda y, ct, ab, b, l_and_u: solve_banded(band_adjoint(ab, l_and_u), ct, l_and_u[::-1])),
)
composite(
    sl.solve_banded,
    lambda l_and_u, ab, b, overwrite_ab=False, overwrite_b=False, check_finite=True: solve_banded(ab, b, tuple(map(int, l_and_u))),
)


@primitive
def solveh_banded(ab: Any, b: Any, lower: bool) -> Any:
    return sl.solveh_banded(ab, b, lower=lower)


def hermitian_band_product(x: Any, lower: bool, v: Any) -> Any:
    """Return the product of the Hermitian matrix of which ``x`` holds half of the diagonals with ``v``."""
    k = x.shape[0] - 1
    widths = (k, 0) if lower else (0, k)
    half = x - np.where(np.arange(k + 1)[:, None] == (0 if lower else k), x, np.zeros((), x.dtype)) / 2
    return band_product(half, widths, v) + band_product(band_adjoint(half, widths), widths[::-1], v)


general(
    solveh_banded,
    lambda y, t, ab, b, lower: -solveh_banded(ab, hermitian_band_product(t, lower, y), lower),
    lambda y, t, ab, b, lower: solveh_banded(ab, t, lower),
    vjp=(FIXED, lambda y, ct, ab, b, lower: solveh_banded(ab, ct, lower)),
)
composite(
    sl.solveh_banded,
    lambda ab, b, overwrite_ab=False, overwrite_b=False, lower=False, check_finite=True: solveh_banded(ab, b, bool(lower)),
)


@primitive
def solve_toeplitz(c: Any, r: Any, b: Any) -> Any:
    return sl.solve_toeplitz((c, r), b)


def solve_toeplitz_b_adjoint(y: Any, ct: Any, c: Any, r: Any, b: Any) -> Any:
    return solve_toeplitz(conj(np.concatenate([c[:1], r[1:]])), conj(c), ct)


general(
    solve_toeplitz,
    lambda y, t, c, r, b: -solve_toeplitz(c, r, toeplitz(t, np.zeros(r.shape, r.dtype)) @ y),
    lambda y, t, c, r, b: -solve_toeplitz(c, r, toeplitz(np.zeros(c.shape, c.dtype), t) @ y),
    lambda y, t, c, r, b: solve_toeplitz(c, r, t),
    vjp=(FIXED, FIXED, solve_toeplitz_b_adjoint),
)


@composite(sl.solve_toeplitz)
def solve_toeplitz_definition(c_or_cr: Any, b: Any, check_finite: bool = True) -> Any:
    c, r = c_or_cr if isinstance(c_or_cr, tuple) else (c_or_cr, conj(c_or_cr))
    return solve_toeplitz(c, r, b)


@primitive
def matmul_toeplitz(c: Any, r: Any, x: Any) -> Any:
    return sl.matmul_toeplitz((c, r), x)


general(
    matmul_toeplitz,
    lambda y, t, c, r, x: toeplitz(t, np.zeros(r.shape, r.dtype)) @ x,
    lambda y, t, c, r, x: toeplitz(np.zeros(c.shape, c.dtype), t) @ x,
    lambda y, t, c, r, x: matmul_toeplitz(c, r, t),
    vjp=(FIXED, FIXED, lambda y, ct, c, r, x: matmul_toeplitz(conj(np.concatenate([c[:1], r[1:]])), conj(c), ct)),
)


@composite(sl.matmul_toeplitz)
def matmul_toeplitz_definition(c_or_cr: Any, x: Any, check_finite: bool = False, workers: Any = None) -> Any:
    c, r = c_or_cr if isinstance(c_or_cr, tuple) else (c_or_cr, conj(c_or_cr))
    return matmul_toeplitz(c, r, x)


@primitive
def solve_circulant(c: Any, b: Any, tol: Any) -> Any:
    """Solve along the last axes."""
    return sl.solve_circulant(c, b, tol=tol, caxis=-1, baxis=-1, outaxis=-1)


def circular(a: Any, b: Any) -> Any:
    """Return the circular convolution along the last axes."""
    y = np.fft.ifft(np.fft.fft(a) * np.fft.fft(b))
    return y if is_complex(a) or is_complex(b) else real(y)


general(
    solve_circulant,
    lambda y, t, c, b, tol: -solve_circulant(c, circular(t, y), tol),
    lambda y, t, c, b, tol: solve_circulant(c, t, tol),
    vjp=(FIXED, lambda y, ct, c, b, tol: solve_circulant(conj(c[..., -np.arange(c.shape[-1])]), ct, tol)),
)


@composite(sl.solve_circulant)
def solve_circulant_definition(
    c: Any, b: Any, singular: str = "raise", tol: Any = None, caxis: int = -1, baxis: int = 0, outaxis: int = 0
) -> Any:
    if singular != "raise":
        refuse(sl.solve_circulant, "singular='lstsq' has a derivative only where the matrix is regular; use singular='raise'")
    return np.moveaxis(solve_circulant(np.moveaxis(c, caxis, -1), np.moveaxis(b, baxis, -1), tol), -1, outaxis)


# What is left -----------------------------------------------------------------------------------------------------------------

# fmt: off
constant(sl.bandwidth, sl.issymmetric, sl.ishermitian, sl.hadamard, sl.hilbert, sl.invhilbert, sl.pascal, sl.invpascal, sl.helmert, sl.dft,
         permutation)
excluded("it returns an arbitrary basis; use what does not depend on the basis, by svd or eigh",
         sl.null_space, sl.orth, sl.cossin)
excluded("the factors of a Schur form jump where LAPACK orders eigenvalues differently; use eig, or functions of the matrix (expm, logm, sqrtm)",
         sl.schur, sl.rsf2csf, sl.qz, sl.ordqz, sl.hessenberg, sl.cdf2rdf)
excluded("no rule is written for this packed or updated factorisation; use lu, qr or cholesky of the whole matrix",
         sl.ldl, sl.rq, sl.qr_delete, sl.qr_insert, sl.qr_update, sl.qr_multiply, sl.cholesky_banded, sl.cho_solve_banded)
excluded("no rule is written for this packed eigenvalue problem; use eigh or eigvalsh of the whole matrix",
         sl.eig_banded, sl.eigvals_banded, sl.eigh_tridiagonal, sl.eigvalsh_tridiagonal)
excluded("principal angles have no derivative where two subspaces meet; use svdvals of the product of two bases, which are their cosines",
         sl.subspace_angles)
excluded("it balances by powers of two, which jump", sl.matrix_balance)
excluded("it calls an arbitrary function at eigenvalues of a Schur form; write it by eig or eigh", sl.funm)
excluded("it estimates a condition number by an iteration", sl.expm_cond)
excluded("it multiplies by a random sketch, other at each call", sl.clarkson_woodruff_transform)
excluded("it returns routines, not numbers", sl.get_blas_funcs, sl.get_lapack_funcs, sl.find_best_blas_type)
# fmt: on
