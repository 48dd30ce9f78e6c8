"""`numpy.linalg`: eigenvalues and singular values.

References
----------
Giles, An extended collection of matrix derivative results for forward and reverse mode AD, Oxford 2008, NA-08/01.
Townsend, Differentiating the singular value decomposition, Oxford 2016.
Seeger, Hetzel, Dai, Meissner and Lawrence, Auto-differentiating linear algebra, 2017, arXiv:1710.08717.
Wan and Zhang, Automatic differentiation for complex valued SVD, 2019, arXiv:1909.02659.

Eigenvectors have a free sign (phase, for complex ones), repeated values a free basis.  Derivatives are right for whatever does not
depend on that choice; reverse mode raises `NotDifferentiableError` for what does (a phase included).  See `linalg_degenerate`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint._rules.arrays import (
    column,
    diagonal,
    imag,
    inner,
    is_complex,
    mH,
    mT,
    real,
    reflected,
    reflected_adjoint,
    scaled,
    skew,
    symmetric,
)
from adjoint._rules.book import constant, general
from adjoint._rules.linalg_degenerate import (
    COMPLEMENT,
    VECTORS,
    ZERO,
    attached,
    gaps,
    inverse,
    positive,
    quotient,
    separable,
    share,
    vanishing,
)
from adjoint._rules.primitive import primitive

# eigh ---------------------------------------------------------------------------------------------------------------------
#
# a v = v l, vᴴ v = 1.  With m = vᴴ da v: dl = diag(m), dv = v (m / gaps), gaps_ij = l_j - l_i [Giles 2008, 3.1].  Reverse: with
# k = vᴴ ct_v, ct_a = v (diag(ct_l) + skew(k) / gaps) vᴴ.  The Hermitian part of k belongs to changes of v that leave vᴴ v = 1,
# the skew part between equal eigenvalues (and its diagonal) to a change of the basis.


def eigvalsh(y: Any, t: Any, a: Any, UPLO: Any = "L") -> Any:
    w, v = np.linalg.eigh(a, UPLO)
    v = attached(v, w)
    return share(inner(v, reflected(t, UPLO) @ v, -2), w)


def eigvalsh_adjoint(y: Any, ct: Any, a: Any, UPLO: Any = "L") -> Any:
    return eigenvalues_adjoint(np.linalg.eigh(a, UPLO), ct, UPLO)


def eigenvalues_adjoint(y: Any, ct: Any, UPLO: Any) -> Any:
    w, v = y
    v = attached(v, w)
    return reflected_adjoint(scaled(v, share(ct, w)) @ mH(v), UPLO)


def eigh(y: Any, t: Any, a: Any, UPLO: Any = "L") -> Any:
    w, v = y
    m = mH(v) @ reflected(t, UPLO) @ v
    return [real(diagonal(m)), v @ quotient(m, gaps(w), w, m, False, VECTORS)]


def eigh_adjoint(y: Any, ct: Any, a: Any, UPLO: Any = "L") -> Any:
    (w, v), (ct_w, ct_v) = y, ct
    if ct_v is None:
        return eigenvalues_adjoint(y, ct_w, UPLO)
    k = separable(mH(v) @ ct_v, ct_w, w)
    g = v @ quotient(skew(k), gaps(w), w, k, True, VECTORS)
    if ct_w is not None:
        g = g + scaled(v, ct_w)
    return reflected_adjoint(g @ mH(v), UPLO)


general(np.linalg.eigvalsh, eigvalsh, vjp=eigvalsh_adjoint)
general(np.linalg.eigh, eigh, vjp=eigh_adjoint)

# eig ----------------------------------------------------------------------------------------------------------------------
#
# a v = v l.  With c = v⁻¹ da v: dl = diag(c), dv = v (c / gaps) + v diag(z) [Giles 2008, 3.1].  LAPACK scales each column to norm 1
# with a real largest component, v_m: Re(vᴴ dv) = 0 and Im(dv_m) = 0 determine z.

DEFECTIVE = (
    "derivative of the eigenvalues of a defective matrix",
    "it has no basis of eigenvectors, and its eigenvalues have infinite derivatives",
    "use functions of the matrix (trace, det, matrix_power, solve) instead of its eigenvalues",
)


@general(np.linalg.eig)
def eig(y: Any, t: Any, a: Any) -> Any:
    w, v = y
    c = inverse(v, DEFECTIVE) @ t @ v
    dv = v @ quotient(c, gaps(w), w, c, False, VECTORS)
    dv = dv - scaled(v, inner(v, dv, -2))
    if is_complex(v):
        top = largest(v)
        dv = dv - scaled(v, 1j * imag(np.sum(top * dv, axis=-2)) / real(np.sum(top * v, axis=-2)))
    return [diagonal(c), dv]


@general(np.linalg.eigvals)
def eigvals(y: Any, t: Any, a: Any) -> Any:
    w, v = np.linalg.eig(a)
    dw = np.sum(mT(inverse(v, DEFECTIVE)) * (t @ v), axis=-2)
    return (matching(y, w) @ column(dw))[..., 0]


@primitive
def largest(v: Any) -> Any:
    """Return 1 at the largest component of each column, which LAPACK makes real, and 0 elsewhere."""
    size = np.where(v.imag == 0, np.abs(v), -1)
    return (np.arange(v.shape[-2])[:, None] == np.argmax(size, axis=-2, keepdims=True)).astype(v.real.dtype)


@primitive
def matching(y: Any, w: Any) -> Any:
    """Return the permutation matrix that brings eigenvalues ``w`` into the order of ``y``.

    LAPACK computes eigenvalues with and without vectors by different routes; where they are in the same order, nothing is done.
    """
    n = y.shape[-1]
    order = np.broadcast_to(np.arange(n), y.shape).copy()
    eps = np.finfo(y.dtype).eps ** 0.5
    for k in np.ndindex(y.shape[:-1]):
        if not np.allclose(y[k], w[k], rtol=0, atol=eps * np.max(np.abs(y[k]), initial=0)):
            from scipy.optimize import linear_sum_assignment

            order[k] = linear_sum_assignment(np.abs(y[k][:, None] - w[k][None, :]))[1]
    return (order[..., None] == np.arange(n)).astype(y.real.dtype)


constant(largest, matching)

# svd ----------------------------------------------------------------------------------------------------------------------
#
# a = u s vᴴ.  With m = uᴴ da v, k = min of the sizes: ds = Re diag(m), and ω_u = uᴴ du, ω_v = vᴴ dv are
#     ω_u = sym(m) / gaps + skew(m) / sums,    ω_v = sym(m) / gaps - skew(m) / sums,    sums_ij = s_i + s_j,
# which is [Townsend 2016, eq. 19-20] with 1 / (s_j² - s_i²) split into partial fractions: sums stay away from zero where singular
# values repeat.  The diagonal of skew(m) / sums is the phase of complex vectors, shared by u and v [Wan and Zhang 2019].
# Outside of the span, du = u ω_u + (1 - u uᴴ) da v s⁻¹, dv = v ω_v + (1 - v vᴴ) daᴴ u s⁻¹.  A complement u₂ (full_matrices) turns
# against u as u does against it: du₂ = -u (u₂ᴴ du)ᴴ; the rotation within it is free.
#
# Reverse: with k_u = uᴴ ct_u, k_v = vᴴ ct_v, and the complement u₂ if there is one,
#     ct_a = u (diag(ct_s) + skew(k_u + k_v) / gaps + skew(k_u - k_v) / sums) vᴴ
#            + ((1 - u uᴴ) ct_u - u₂ ct_u₂ᴴ u) s⁻¹ vᴴ + (the same of v, ᴴ).


def singular_values(t: Any, a: Any, hermitian: bool = False) -> Any:
    """Return the derivatives of singular values: 0 for zero ones, repeated ones share."""
    u, s, vh = np.linalg.svd(a, full_matrices=False, hermitian=hermitian)
    u = attached(u, s)
    ds = inner(u, t @ mH(vh), -2)
    return share(np.where(positive(s), ds, np.zeros((), s.dtype)), s)


def singular_values_adjoint(ct: Any, a: Any, hermitian: bool = False) -> Any:
    u, s, vh = np.linalg.svd(a, full_matrices=False, hermitian=hermitian)
    return scaled(attached(u, s), np.where(positive(s), share(ct, s), np.zeros((), s.dtype))) @ vh


general(
    np.linalg.svdvals,
    lambda y, t, x: singular_values(t, x),
    vjp=lambda y, ct, x: singular_values_adjoint(ct, x),
)


def svd(y: Any, t: Any, a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    t = reflected(t) if hermitian else t
    if not compute_uv:
        return singular_values(t, a, hermitian)
    u, s, v = y[0], y[1], mH(y[2])
    k = s.shape[-1]
    u, u2, v, v2 = u[..., :, :k], u[..., :, k:], v[..., :, :k], v[..., :, k:]
    m = mH(u) @ t @ v
    even = quotient(symmetric(m), gaps(s), s, m, False, VECTORS)
    odd = quotient(skew(m), sums(s), s, m, True, ZERO)
    du = turned(u, u2, even + odd, t @ v - u @ m, s, t @ v)
    dv = turned(v, v2, even - odd, mH(t) @ u - v @ mH(m), s, mH(t) @ u)
    return [du, real(diagonal(m)), mH(dv)]


def turned(u: Any, u2: Any, omega: Any, outside: Any, s: Any, reference: Any) -> Any:
    """Return the derivative of ``u`` and of its complement."""
    du = u @ omega
    if u.shape[-2] == u.shape[-1]:
        return du
    outside = quotient(outside, np.expand_dims(s, -2), s, reference, True, ZERO)
    du = du + outside
    if not u2.shape[-1]:
        return du
    return np.concatenate([du, -u @ (mH(outside) @ u2)], axis=-1)


def svd_adjoint(y: Any, ct: Any, a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    if not compute_uv or (ct[0] is None and ct[2] is None):
        g = singular_values_adjoint(ct if not compute_uv else ct[1], a, hermitian)
        return reflected_adjoint(g) if hermitian else g
    u, s, v = y[0], y[1], mH(y[2])
    ct_u = np.zeros(u.shape, u.dtype) if ct[0] is None else ct[0]
    ct_v = np.zeros(v.shape, v.dtype) if ct[2] is None else mH(ct[2])
    k = s.shape[-1]
    u, u2, v, v2 = u[..., :, :k], u[..., :, k:], v[..., :, :k], v[..., :, k:]
    ct_u, ct_u2, ct_v, ct_v2 = ct_u[..., :, :k], ct_u[..., :, k:], ct_v[..., :, :k], ct_v[..., :, k:]
    ku, kv = mH(u) @ ct_u, mH(v) @ ct_v
    both = separable(ku + kv, ct[1], s)
    core = quotient(skew(both), gaps(s), s, both, True, VECTORS) + quotient(skew(ku - kv), sums(s), s, ku - kv, True, ZERO)
    g = u @ core if ct[1] is None else u @ core + scaled(u, ct[1])
    if u.shape[-2] > k:
        g = g + outside_adjoint(u, u2, ct_u, ct_u2, ku, s)
    g = g @ mH(v)
    if v.shape[-2] > k:
        g = g + u @ mH(outside_adjoint(v, v2, ct_v, ct_v2, kv, s))
    return reflected_adjoint(g) if hermitian else g


def outside_adjoint(u: Any, u2: Any, ct_u: Any, ct_u2: Any, ku: Any, s: Any) -> Any:
    g = ct_u - u @ ku
    if u2.shape[-1]:
        vanishing(skew(mH(u2) @ ct_u2), mH(u2) @ ct_u2, COMPLEMENT)
        g = g - u2 @ (mH(ct_u2) @ u)
    return quotient(g, np.expand_dims(s, -2), s, ct_u, True, ZERO)


def sums(s: Any) -> Any:
    """Return the matrix ``s_i + s_j``."""
    return np.expand_dims(s, -2) + np.expand_dims(s, -1)


general(np.linalg.svd, svd, vjp=svd_adjoint)
