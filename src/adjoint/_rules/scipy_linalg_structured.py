"""`scipy.linalg`: banded, Toeplitz and circulant systems.  In all of them, ``da x + a dx = db``."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg as sl

from adjoint._rules.arrays import conj, is_complex, real
from adjoint._rules.book import FIXED, composite, general
from adjoint._rules.primitive import primitive
from adjoint._rules.scipy_linalg_matrices import toeplitz
from adjoint._rules.scipy_tools import refuse


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
    lambda l_and_u, ab, b, overwrite_ab=False, overwrite_b=False, check_finite=True: solve_banded(
        ab, b, tuple(map(int, l_and_u))
    ),
)


@primitive
def solveh_banded(ab: Any, b: Any, lower: bool) -> Any:
    return sl.solveh_banded(ab, b, lower=lower)


def hermitian_band_product(x: Any, lower: bool, v: Any) -> Any:
    """Return the product of the Hermitian matrix of which ``x`` holds half of the diagonals with ``v``."""
    k = x.shape[0] - 1
    widths: tuple[int, int] = (k, 0) if lower else (0, k)
    half = x - np.where(np.arange(k + 1)[:, None] == (0 if lower else k), x, np.zeros((), x.dtype)) / 2
    return band_product(half, widths, v) + band_product(band_adjoint(half, widths), (widths[1], widths[0]), v)


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
