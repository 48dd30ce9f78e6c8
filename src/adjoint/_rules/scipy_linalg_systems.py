"""`scipy.linalg`: linear equations, inverse, determinant, least squares."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg as sl

from adjoint._rules import linalg_solve
from adjoint._rules import scipy_linalg_functions as functions
from adjoint._rules.arrays import column, conj, inner, mH, mT, reflected, reflected_adjoint, skew
from adjoint._rules.book import Unknown, composite, general
from adjoint._rules.linalg_degenerate import inverse
from adjoint._rules.primitive import primitive
from adjoint._rules.scipy_tools import enter

# a x = b ------------------------------------------------------------------------------------------------------------------


def structured(x: Any, assume_a: Any, lower: bool) -> Any:
    """Return the matrix that SciPy reads when told to assume a structure."""
    kind = {
        None: "gen",
        "general": "gen",
        "symmetric": "sym",
        "hermitian": "her",
        "pos": "her",
        "positive definite": "her",
    }.get(assume_a, assume_a)
    if kind == "her":
        return reflected(x, "L" if lower else "U")
    if kind == "sym":
        return np.tril(x) + mT(np.tril(x, -1)) if lower else np.triu(x) + mT(np.triu(x, 1))
    if kind in ("upper triangular", "lower triangular"):
        return np.triu(x) if kind.startswith("upper") else np.tril(x)
    if kind in ("diagonal", "tridiagonal"):
        k = 1 if kind == "tridiagonal" else 0
        return np.tril(np.triu(x, -k), k)
    return x


def structured_adjoint(ct: Any, assume_a: Any, lower: bool) -> Any:
    """Return the adjoint of `structured`."""
    if assume_a in ("her", "hermitian", "pos", "positive definite"):
        return reflected_adjoint(ct, "L" if lower else "U")
    if assume_a in ("sym", "symmetric"):
        return np.tril(ct) + np.tril(mT(ct), -1) if lower else np.triu(ct) + np.triu(mT(ct), 1)
    return structured(ct, assume_a, lower)


def solve_system(a: Any, lower: bool, assume_a: Any, transposed: bool) -> Any:
    a = structured(a, assume_a, lower)
    return mT(a) if transposed else a


def solve_a(
    y: Any, t: Any, a: Any, b: Any, *, lower: bool = False, assume_a: Any = None, transposed: bool = False, **_: Any
) -> Any:
    options = (lower, assume_a, transposed)
    return linalg_solve.solve_a(y, solve_system(t, *options), solve_system(a, *options), b)


def solve_b(
    y: Any, t: Any, a: Any, b: Any, *, lower: bool = False, assume_a: Any = None, transposed: bool = False, **_: Any
) -> Any:
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


def solve_triangular_a(
    y: Any, t: Any, a: Any, b: Any, *, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False, **_: Any
) -> Any:
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

# Pseudo-inverses, least squares -----------------------------------------------------------------------------------------------


def pinv_jvp(y: Any, t: Any, a: Any, *, return_rank: bool = False, **_: Any) -> Any:
    p = y[0] if return_rank else y
    dp = linalg_solve.golub_pereyra(linalg_solve.cut(p, a), t, a)
    return [dp, None] if return_rank else dp


enter(sl.pinv, pinv_jvp)
enter(
    sl.pinvh,
    lambda y, t, a, *, lower=True, **options: pinv_jvp(
        y, reflected(t, "L" if lower else "U"), reflected(a, "L" if lower else "U"), **options
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
    du = u @ functions.solve_sylvester(p, p, 2 * skew(mH(u) @ t))
    return du + (t - u @ (mH(u) @ t)) @ inverse(p, RANK_POLAR) if u.shape[-2] > u.shape[-1] else du


RANK_POLAR = (
    "derivative of the polar factors of a matrix without full rank",
    "they are not unique there",
    "regularise the matrix",
)


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
