"""`numpy.linalg`: linear equations, inverses, determinants, and the factorisations without eigenvalues (cholesky, qr).

References
----------
Giles, An extended collection of matrix derivative results for forward and reverse mode AD, Oxford 2008, NA-08/01.
Murray, Differentiation of the Cholesky decomposition, 2016, arXiv:1602.07527.
Walter and Lehmann, Algorithmic differentiation of linear algebra functions with application in optimum experimental design,
2012, arXiv:1001.1654 (qr).
Golub and Pereyra, The differentiation of pseudo-inverses and nonlinear least squares problems whose variables separate,
SIAM J. Numer. Anal. 10 (1973) 413-432.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adjoint._rules.arrays import (
    column,
    conj,
    diagonal,
    half_lower,
    imag,
    inner,
    is_complex,
    mH,
    mT,
    real,
    reflected,
    reflected_adjoint,
    scaled,
)
from adjoint._rules.book import FIXED, composite, constant, general
from adjoint._rules.linalg_degenerate import inverse, vanishing
from adjoint._rules.linalg_spectral import singular_values
from adjoint._rules.primitive import primitive
from adjoint.errors import NotDifferentiableError

# a x = b ------------------------------------------------------------------------------------------------------------------
#
# da x + a dx = db, so dx = a⁻¹ (db - da x).  Adjoint: z = a⁻ᴴ ct is the cotangent of b, and -z xᴴ that of a [Giles 2008, 2.3.1].
# A one-dimensional b is a vector for every matrix of a stack (NumPy 2).


def solve_a(y: Any, t: Any, a: Any, b: Any) -> Any:
    return -np.linalg.solve(a, t @ column(y))[..., 0] if is_vector(b) else -np.linalg.solve(a, t @ y)


def solve_b_adjoint(y: Any, ct: Any, a: Any, b: Any) -> Any:
    return np.linalg.solve(mH(a), column(ct))[..., 0] if is_vector(b) else np.linalg.solve(mH(a), ct)


def solve_a_adjoint(y: Any, ct: Any, a: Any, b: Any) -> Any:
    z = solve_b_adjoint(y, ct, a, b)
    return -column(z) * conj(np.expand_dims(y, -2)) if is_vector(b) else -z @ mH(y)


def is_vector(b: Any) -> bool:
    return np.ndim(b) == 1


general(
    np.linalg.solve,
    solve_a,
    lambda y, t, a, b: np.linalg.solve(a, t),
    vjp=(solve_a_adjoint, solve_b_adjoint),
)

# a⁻¹, and the equations between tensors that reshape to it -----------------------------------------------------------------

general(np.linalg.inv, lambda y, t, a: -y @ t @ y, vjp=lambda y, ct, a: -mH(y) @ ct @ mH(y))


@composite(np.linalg.tensorsolve)
def tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    if axes is not None:
        axes = [k % a.ndim for k in axes]
        a = np.transpose(a, [k for k in range(a.ndim) if k not in axes] + axes)
    shape = np.shape(a)[np.ndim(b) :]
    n = math.prod(shape)
    return np.reshape(np.linalg.solve(np.reshape(a, (-1, n)), np.reshape(b, -1)), shape)


@composite(np.linalg.tensorinv)
def tensorinv(a: Any, ind: int = 2) -> Any:
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    shape = np.shape(a)
    n = math.prod(shape[ind:])
    return np.reshape(np.linalg.inv(np.reshape(a, (n, -1))), shape[ind:] + shape[:ind])


@composite(np.linalg.matrix_power)
def matrix_power(a: Any, n: int) -> Any:
    """Binary powering, in NumPy's order."""
    if n == 0:
        return np.broadcast_to(np.eye(a.shape[-1], dtype=a.dtype), a.shape).copy()
    square = np.linalg.inv(a) if n < 0 else a
    n = abs(n)
    if n == 3:
        return np.matmul(np.matmul(square, square), square)
    y = None
    while n:
        n, bit = divmod(n, 2)
        if bit:
            y = square if y is None else np.matmul(y, square)
        if n:
            square = np.matmul(square, square)
    return y


constant(np.linalg.matrix_rank)

# Determinants -------------------------------------------------------------------------------------------------------------
#
# d det(a) = tr(adj(a) da) with the adjugate adj(a) = det(a) a⁻¹, a polynomial, so it exists for singular matrices as well.  There,
# with a = u s vᴴ, adj(a) = det(u) det(vᴴ) v adj(s) uᴴ, and adj(s) holds the products of all singular values but one.
#
# The adjugate's derivative: for regular a, from its definition, (tr(a⁻¹ da) - a⁻¹ da) adj(a).  For singular a the determinant of
# s + m, m = uᴴ da v, expanded to second order in m: adj(s + m) - adj(s) = diag(p diag(m)) - p * m + O(m²), where p_ij is the
# product of all singular values but s_i and s_j, and p_ii = 0.


def regular_inverse(a: Any) -> tuple[Any, Any, Any]:
    """Return determinant, inverse (or anything), and which matrices are so regular that the inverse may be used."""
    d = np.linalg.det(a)[..., None, None]
    try:
        x = np.linalg.inv(a)
    except np.linalg.LinAlgError:
        return d, np.zeros_like(a), np.zeros(d.shape, bool)
    norms = [np.max(np.sum(np.abs(m), axis=-2), axis=-1, initial=0)[..., None, None] for m in (a, x)]
    return d, x, (norms[0] * norms[1] < np.finfo(a.dtype).eps ** -0.5) & (d != 0) & np.isfinite(d)


@primitive
def regular(a: Any) -> Any:
    """Tell which matrices are so regular that their inverse may be used, shape (..., 1, 1)."""
    return regular_inverse(a)[2]


@primitive
def adjugate(a: Any) -> Any:
    """Return ``adj(a)``, for which ``a adj(a) = det(a)``, accurate for singular matrices too."""
    with np.errstate(all="ignore"):
        d, x, good = regular_inverse(a)
    if good.all():
        return d * x
    u, s, vh = np.linalg.svd(a)
    phase = (np.linalg.det(u) * np.linalg.det(vh))[..., None, None]
    n = s.shape[-1]
    others = np.prod(np.where(np.eye(n, dtype=bool), np.ones((), s.dtype), s[..., None, :]), axis=-1)
    return np.where(good, d * x, phase * scaled(mH(vh), others) @ mH(u))


def pair_minors(s: Any) -> Any:
    """Return the matrix of the products of all ``s`` but ``s_i`` and ``s_j``, with a zero diagonal."""
    n = s.shape[-1]
    row = np.expand_dims(s, -2)
    one = np.ones((), s.dtype)
    upper = np.triu(np.ones((n, n), bool), 1)
    # The product of what lies before i, between i and j, and after j, for i < j.
    between = np.cumprod(np.where(upper, row, one), axis=-1)
    between = np.concatenate([np.ones((*s.shape, 1), s.dtype), between[..., :-1]], axis=-1)
    ones = np.ones((*s.shape[:-1], 1), s.dtype)
    before = np.concatenate([ones, np.cumprod(s, axis=-1)[..., :-1]], axis=-1)
    after = np.flip(np.concatenate([ones, np.cumprod(np.flip(s, -1), axis=-1)[..., :-1]], axis=-1), -1)
    p = np.where(upper, between * column(before) * np.expand_dims(after, -2), np.zeros((), s.dtype))
    return p + mT(p)


@general(adjugate)
def adjugate_jvp(y: Any, t: Any, a: Any) -> Any:
    n = a.shape[-1]
    if n < 2:
        return 0 * t
    good = regular(a)
    x = np.linalg.inv(np.where(good, a, np.eye(n, dtype=a.dtype)))
    smooth = np.expand_dims(np.trace(x @ t, 0, -2, -1), (-2, -1)) * y - x @ t @ y
    # Both forms are evaluated; where the other one holds, this one has a matrix with simple singular values.
    u, s, vh = np.linalg.svd(np.where(good, np.diag(np.arange(n, 0, -1)).astype(a.dtype), a))
    m = mH(u) @ t @ mH(vh)
    p = pair_minors(s)
    phase = np.expand_dims(np.linalg.det(u) * np.linalg.det(vh), (-2, -1))
    expanded = phase * (scaled(mH(vh), (p @ column(diagonal(m)))[..., 0]) - mH(vh) @ (p * m)) @ mH(u)
    return np.where(good, smooth, expanded)


constant(regular)
general(
    np.linalg.det,
    lambda y, t, a: np.sum(mT(adjugate(a)) * t, axis=(-2, -1)),
    vjp=lambda y, ct, a: np.expand_dims(ct, (-2, -1)) * mH(adjugate(a)),
)

# slogdet: with τ = tr(a⁻¹ da), d log|det| = Re τ and d sign = i Im(τ) sign.


def slogdet(y: Any, t: Any, a: Any) -> Any:
    trace = np.sum(mT(np.linalg.inv(a)) * t, axis=(-2, -1))
    return [1j * imag(trace) * y[0] if is_complex(a) else None, real(trace)]


def slogdet_adjoint(y: Any, ct: Any, a: Any) -> Any:
    ct_sign, ct_log = ct
    weight = 0.0 if ct_log is None else ct_log
    if is_complex(a) and ct_sign is not None:
        weight = weight - 1j * imag(conj(ct_sign) * y[0])
    return np.expand_dims(weight, (-2, -1)) * mH(np.linalg.inv(a))


general(np.linalg.slogdet, slogdet, vjp=slogdet_adjoint)

# cholesky -----------------------------------------------------------------------------------------------------------------
#
# a = l lᴴ: l⁻¹ da l⁻ᴴ = l⁻¹ dl + (l⁻¹ dl)ᴴ with l⁻¹ dl lower triangular, so dl = l Φ(l⁻¹ da l⁻ᴴ) [Murray 2016, eq. 10].
# Φ is its own adjoint: ct_a = l⁻ᴴ Φ(lᴴ ct) l⁻¹, Hermitian part.  The upper factor is the conjugate transpose.


def cholesky(y: Any, t: Any, a: Any, *, upper: bool = False) -> Any:
    if upper:
        return mH(cholesky(mH(y), mH(t), a))
    x = np.linalg.inv(y)
    return y @ half_lower(x @ reflected(t) @ mH(x))


def cholesky_adjoint(y: Any, ct: Any, a: Any, *, upper: bool = False) -> Any:
    if upper:
        return mH(cholesky_adjoint(mH(y), mH(ct), a))
    x = np.linalg.inv(y)
    return reflected_adjoint(mH(x) @ half_lower(mH(y) @ ct) @ x)


general(np.linalg.cholesky, cholesky, vjp=cholesky_adjoint)

# qr -----------------------------------------------------------------------------------------------------------------------
#
# a = q r, q₁ the first k = min(m, n) columns of q, r₁ and a₁ those of r and a.  With c = q₁ᴴ da₁ r₁⁻¹ = ω + dr₁ r₁⁻¹, where ω =
# q₁ᴴ dq₁ is anti-Hermitian and dr₁ r₁⁻¹ is upper triangular with real diagonal (LAPACK's r has one), ω = Φ(c) - Φ(c)ᴴ.
# Then dq₁ = q₁ ω + (1 - q₁ q₁ᴴ) da₁ r₁⁻¹ and, of tall and wide matrices alike, dr = q₁ᴴ da - ω r [Walter and Lehmann 2012].
#
# The columns q₂ of the complete form are fixed by LAPACK's product of reflectors q = 1 - v t vᴴ (compact WY form, v unit lower
# trapezoidal).  Its first k columns give v t v₁ᴴ = e₁ - q₁; eliminating v and t from the others,
# q₂ = e₂ + (e₁ - q₁) z with z = (1 - q₁₁)⁻ᴴ q₂₁ᴴ, where q₁₁ and q₂₁ are the upper k rows of q₁ and the rest.

RANK = (
    "derivative of qr of a matrix without full rank",
    "its factors are not unique there",
    "use pinv or svd, or regularise the matrix",
)
REFLECTION = (
    "derivative of the complement in qr(mode='complete')",
    "a column was zero below the diagonal, where LAPACK's choice of a basis jumps",
    "use mode='reduced'",
)


@general(np.linalg.qr)
def qr(y: Any, t: Any, a: Any, mode: str = "reduced") -> Any:
    mode = {"f": "reduced", "full": "reduced"}.get(mode, mode)
    if mode not in ("reduced", "complete", "r"):
        raise NotDifferentiableError(
            f"derivative of qr(mode={mode!r})", why="it returns LAPACK's internal form", remedy="use mode='reduced'"
        )
    q, r = np.linalg.qr(a) if mode == "r" else y
    rows, k = a.shape[-2], min(a.shape[-2:])
    q1 = q[..., :, :k]
    x = t[..., :, :k] @ inverse(r[..., :k, :k], RANK)
    c = mH(q1) @ x
    half = half_lower(c)
    omega = half - mH(half)
    dr = np.triu(mH(q1) @ t - omega @ r[..., :k, :])
    if mode == "r":
        return dr
    dq = q1 @ omega + (x - q1 @ c) if rows > k else q1 @ omega
    if mode == "complete" and rows > k:
        dq = np.concatenate([dq, complement(q1, dq)], axis=-1)
        dr = np.concatenate([dr, np.zeros((*a.shape[:-2], rows - k, a.shape[-1]), a.dtype)], axis=-2)
    return [dq, dr]


def complement(q1: Any, dq1: Any) -> Any:
    """Return the derivative of the columns that complete ``q1``."""
    rows, k = q1.shape[-2:]
    e1 = np.eye(rows, k, dtype=q1.dtype)
    x = mH(inverse(e1[:k] - q1[..., :k, :], REFLECTION))
    z = x @ mH(q1[..., k:, :])
    dz = x @ (mH(dq1[..., :k, :]) @ z + mH(dq1[..., k:, :]))
    return (e1 - q1) @ dz - dq1 @ z


# Least squares ------------------------------------------------------------------------------------------------------------
#
# p = a⁺ of constant rank: dp = -p da p + p pᴴ daᴴ (1 - a p) + (1 - p a) daᴴ pᴴ p [Golub and Pereyra 1973, theorem 4.3].
# Where the rank is not full and da changes it, the pseudo-inverse jumps: this is its derivative among matrices of equal rank.

CUT = (
    "derivative of pinv (or lstsq) that discards singular values which are not small",
    "the formula holds for matrices of numerically constant rank",
    "use a smaller rcond, or write the pseudo-inverse by svd",
)


def cut(p: Any, a: Any) -> Any:
    """Return ``p``; refuse if what it discards is not small: ``a p a = a`` to 2e-12 (float64)."""
    vanishing(a - a @ p @ a, a, CUT)
    return p


@general(np.linalg.pinv)
def pinv(y: Any, t: Any, a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    if hermitian:
        a, t = reflected(a), reflected(t)
    return golub_pereyra(cut(y, a), t, a)


def golub_pereyra(p: Any, t: Any, a: Any) -> Any:
    pt = p @ mH(p) @ mH(t)
    tp = mH(t) @ mH(p) @ p
    return -p @ t @ p + (pt - pt @ a @ p) + (tp - p @ (a @ tp))


# x = a⁺ b, with r = b - a x, aᴴ r = 0: dx = -p da x + p pᴴ daᴴ r + (1 - p a) daᴴ pᴴ x + p db, d|r|² = 2 Re rᴴ (db - da x).


def lstsq_a(y: Any, t: Any, a: Any, b: Any, rcond: Any = None) -> Any:
    x, residuals = y[:2]
    p = cut(np.linalg.pinv(a), a)
    r = b - a @ x
    tx = mH(t) @ (mH(p) @ x)
    dx = p @ (mH(p) @ (mH(t) @ r)) - p @ (t @ x) + tx - p @ (a @ tx)
    return [dx, -2 * square_sums(residuals, r, t @ x), None, singular_values(t, a)]


def lstsq_b(y: Any, t: Any, a: Any, b: Any, rcond: Any = None) -> Any:
    x, residuals = y[:2]
    return [cut(np.linalg.pinv(a), a) @ t, 2 * square_sums(residuals, b - a @ x, t), None, np.zeros(y[3].shape, y[3].dtype)]


def square_sums(residuals: Any, r: Any, t: Any) -> Any:
    """``Re rᴴ t`` for each right-hand side; NumPy returns no residuals where the rank is not full or nothing is left over."""
    return inner(r, t, 0) + 0 * residuals if np.size(residuals) else np.zeros(residuals.shape, residuals.dtype)


general(np.linalg.lstsq, lstsq_a, lstsq_b, FIXED)
