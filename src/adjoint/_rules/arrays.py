"""Formulas that several chapters share, written only with functions that have rules, so that they differentiate too.

Matrices are the last two axes of an array, as everywhere in `numpy.linalg`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint._rules.book import linear
from adjoint._rules.kinds import conj, is_complex
from adjoint._rules.primitive import primitive

__all__ = [
    "column",
    "conj",
    "diagonal",
    "direction",
    "half_lower",
    "imag",
    "inner",
    "is_complex",
    "mH",
    "mT",
    "nonzero",
    "real",
    "reflected",
    "reflected_adjoint",
    "scaled",
    "skew",
    "symmetric",
]  # fmt: skip


def mT(x: Any) -> Any:
    """Return the transpose of each matrix."""
    return np.swapaxes(x, -1, -2)


def mH(x: Any) -> Any:
    """Return the conjugate transpose of each matrix."""
    return conj(mT(x))


def real(x: Any) -> Any:
    """Return the real part, which of a real array is the array itself."""
    return real_copy(x) if is_complex(x) else x


def imag(x: Any) -> Any:
    """Return the imaginary part of a complex array."""
    return real_copy(-1j * x)


@primitive
def real_copy(x: Any) -> Any:
    """Return the real part in memory of its own, which is simpler to differentiate than a view of half of each element."""
    return +x.real


linear(real_copy, lambda ct, x: ct)


def column(x: Any) -> Any:
    """Return a vector as a matrix of one column."""
    return np.expand_dims(x, -1)


def diagonal(x: Any) -> Any:
    """Return the main diagonal of each matrix."""
    return np.diagonal(x, axis1=-2, axis2=-1)


def scaled(x: Any, d: Any) -> Any:
    """Return ``x diag(d)``."""
    return x * np.expand_dims(d, -2)


def symmetric(x: Any) -> Any:
    """Return the Hermitian part of each matrix."""
    return (x + mH(x)) / 2


def skew(x: Any) -> Any:
    """Return the anti-Hermitian part of each matrix."""
    return (x - mH(x)) / 2


def half_lower(x: Any) -> Any:
    """Return the lower triangle with half of the diagonal: Φ of [Murray 2016]; ``Φ(h) + Φ(h)ᴴ = h`` for Hermitian ``h``."""
    return (np.tril(x) + np.tril(x, -1)) / 2


def reflected(x: Any, triangle: str = "L") -> Any:
    """Return the Hermitian matrix that LAPACK sees: one triangle, its reflection, the real part of the diagonal."""
    half = half_lower(x if triangle in "Ll" else mH(x))
    return half + mH(half)


def reflected_adjoint(ct: Any, triangle: str = "L") -> Any:
    """Return the adjoint of `reflected`: the cotangent gathered into the triangle that is read."""
    half = half_lower(ct + mH(ct))
    return half if triangle in "Ll" else mH(half)


def inner(x: Any, t: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the real inner product ``Re sum(conj(x) t)``."""
    return np.sum(real(conj(x) * t), axis=axis, keepdims=keepdims)


def nonzero(x: Any) -> Any:
    """Return ``x`` with 1 in place of 0, to divide by where the quotient is not used."""
    return np.where(x == 0, np.ones((), x.dtype), x)


def direction(x: Any) -> Any:
    """Return ``x / |x|``, and 0 at 0: the gradient of ``|x|``."""
    return x / nonzero(np.abs(x)) if is_complex(x) else np.sign(x)
