"""Repeated eigenvalues and singular values: what of a matrix decomposition can be differentiated, decided by values.

Eigenvectors ``v`` of a repeated eigenvalue are any basis of its eigenspace (a *gauge*): they are not functions of the matrix.  What
does not depend on the choice of the basis may have a derivative all the same.  The formulas of `linalg_spectral` divide
numerators ``x`` by gaps ``l_j - l_i``; with a vanishing gap three things happen.

- `quotient` gives 0 where the numerator vanishes as well: forward, the perturbation does not mix the repeated eigenvalues; backward, a
  rotation of the basis does not change the result.  Otherwise it raises `NotDifferentiableError`.
- `separable` raises where a result uses the eigenvectors *and* the eigenvalues of a repeated eigenvalue.  The derivative of
  ``v f(l) vᴴ`` in the eigenspace is ``f'(l) (vᴴ da v)``, of which the cotangents of ``l`` hold the diagonal only; a reverse
  rule cannot know the rest.  (Functions of eigenvectors alone, such as projectors and polar factors, need no ``f'``.)
- `share` gives repeated eigenvalues the mean of their derivatives.  For functions that are symmetric in the eigenvalues this is the
  derivative; for a single one, such as the largest, it is the subgradient of minimum norm, as for ties of ``max``.

Tolerances, relative: eigenvalues are equal within ``16 n eps max|l|``, which is LAPACK's own error; numerators vanish within
``eps**0.75`` of the largest (2e-12 in float64, 6e-6 in float32).

One limit is left: if eigenvalue and cotangents are such that *all* cotangents vanish in the eigenspace (``f(l) = 0`` and only
off-diagonal elements of ``v f(l) vᴴ`` are used, as in an off-diagonal element of a logarithm at the identity), nothing can
be noticed.  Functions of matrices have rules of their own: `scipy.linalg.expm`, `logm`, `sqrtm`.
"""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from adjoint._rules.arrays import conj
from adjoint._rules.book import FIXED, constant, general, linear
from adjoint._rules.primitive import primitive
from adjoint.errors import NotDifferentiableError

VECTORS = (
    "derivative of the eigenvectors (or singular vectors) of a repeated value",
    "they are an arbitrary basis: any rotation of it is as good, and the result, or this direction, depends on it",
    "use what does not depend on the basis (a projector v @ v.T, in reverse mode), or eigvalsh and svdvals if you need values only",
)
JOINT = (
    "derivative of a function of a repeated eigenvalue (or singular value) together with its vectors",
    "it cannot be told from the derivatives with respect to values and vectors",
    "write the function of the matrix directly (solve, inv, pinv, scipy.linalg.expm, logm, sqrtm), or use values or vectors alone",
)
ZERO = (
    "derivative of the singular vectors of a singular value that is zero",
    "they are an arbitrary basis of a null space, and the result, or this direction, depends on it",
    "use pinv, lstsq or svdvals, or regularise the matrix",
)
COMPLEMENT = (
    "derivative of the complement of a basis (full_matrices=True)",
    "the complement is an arbitrary basis of the null space, and the result depends on it",
    "use full_matrices=False, or what does not depend on the basis (the projector u2 @ u2.T)",
)


def refuse(message: tuple[str, str, str]) -> NoReturn:
    what, why, remedy = message
    raise NotDifferentiableError(what, why=why, remedy=remedy)


def spread(values: Any) -> Any:
    """Return the distance, for each vector of values, below which two of them are the same."""
    n = values.shape[-1]
    return 16 * n * np.finfo(values.dtype).eps * np.max(np.abs(values), axis=-1, initial=0)


def small(d: Any, values: Any) -> Any:
    """Tell where the matrix of differences or sums ``d`` of values vanishes."""
    return np.abs(d) <= spread(values)[..., None, None]


def bound(*arrays: Any) -> Any:
    """Return the size of numerators that count as zero, for each matrix."""
    largest = [np.max(np.abs(x), axis=(-2, -1), initial=0, keepdims=True) for x in arrays]
    eps = np.finfo(arrays[0].dtype).eps
    return eps**0.75 * np.maximum.reduce(np.broadcast_arrays(*largest))


def gaps(values: Any) -> Any:
    """Return the matrix ``l_j - l_i``."""
    return np.expand_dims(values, -2) - np.expand_dims(values, -1)


@primitive
def quotient(x: Any, d: Any, values: Any, reference: Any, diagonal: bool, message: tuple[str, str, str]) -> Any:
    """Return ``x / d``, and 0 where ``d`` vanishes against ``values`` and ``x`` against ``reference``; raise if ``x`` does not.

    The diagonal is examined only if asked for.
    """
    vanishes = np.broadcast_to(small(d, values), x.shape)
    if not vanishes.any():
        return x / d
    off = np.ones(x.shape[-2:], bool) if diagonal else ~np.eye(*x.shape[-2:], dtype=bool)
    if np.any(vanishes & off & (np.abs(x) > bound(x, reference))):
        refuse(message)
    return np.where(vanishes, np.zeros((), x.dtype), x / np.where(vanishes, np.ones((), d.dtype), d))


@primitive
def reciprocal(d: Any, values: Any) -> Any:
    """Return ``1 / d``, and 0 where ``d`` vanishes against ``values``."""
    vanishes = small(d, values)
    return np.where(vanishes, np.zeros((), d.dtype), 1 / np.where(vanishes, np.ones((), d.dtype), d))


@primitive
def separable(x: Any, ct: Any, values: Any) -> Any:
    """Return ``x``, the product of vectors and their cotangents, unless it mixes with cotangents of repeated values."""
    if ct is None:
        return +x
    same = small(gaps(values), values) & ~np.eye(values.shape[-1], dtype=bool)
    if same.any():
        h = (x + np.conj(np.swapaxes(x, -1, -2))) / 2
        unequal = np.abs(gaps(np.diagonal(h, axis1=-2, axis2=-1))) > bound(x)
        kinked = np.abs(gaps(ct)) > bound(ct[..., None])
        if np.any(same & ((np.abs(h) > bound(x)) | unequal | kinked)):
            refuse(JOINT)
    return +x


@primitive
def share(x: Any, values: Any) -> Any:
    """Return ``x`` averaged over repeated ones of the sorted ``values``: a symmetric linear map."""
    apart = np.abs(np.diff(values, axis=-1)) > spread(values)[..., None]
    if apart.all():
        return x
    label = np.concatenate([np.zeros((*values.shape[:-1], 1), int), np.cumsum(apart, axis=-1)], axis=-1)
    same = (label[..., :, None] == label[..., None, :]).astype(x.dtype)
    return (same @ x[..., None])[..., 0] / np.sum(same, axis=-1)


@primitive
def attached(v: Any, values: Any) -> Any:
    """Return the vectors ``v``, noting that they are used together with their values (see `separable`)."""
    return v


@primitive
def vanishing(x: Any, reference: Any, message: tuple[str, str, str]) -> Any:
    """Return ``x``; raise if it does not vanish against ``reference``."""
    if np.any(np.abs(x) > bound(x, reference)):
        refuse(message)
    return +x


@primitive
def positive(values: Any) -> Any:
    """Tell which singular values are not zero."""
    return values > spread(values)[..., None]


@primitive
def inverse(a: Any, message: tuple[str, str, str]) -> Any:
    """Return the inverse; raise with the reason if a matrix is singular to working precision."""
    try:
        y = np.linalg.inv(a)
    except np.linalg.LinAlgError:
        refuse(message)
    size = np.linalg.norm(a, 1, axis=(-2, -1)) * np.linalg.norm(y, 1, axis=(-2, -1)) if a.shape[-1] else np.zeros(())
    if np.any(size * np.finfo(a.dtype).eps > 1):
        refuse(message)
    return y


# fmt: off
general(quotient,   lambda y, t, x, d, values, *rest: quotient(t, d, values, *rest),
                    lambda y, t, x, d, values, *rest: -y * t * reciprocal(d, values),
        vjp=(       lambda y, ct, x, d, values, reference, diagonal, message: quotient(ct, conj(d), values, ct, False, message),))
general(reciprocal, lambda y, t, d, values: -t * y * y)
general(inverse,    lambda y, t, a, message: -y @ t @ y)
linear(separable,   lambda ct, x, ct_values, values: ct, FIXED, FIXED)
linear(share,       lambda ct, x, values: share(ct, values), FIXED)
linear(attached,    lambda ct, v, values: ct,   lambda ct, v, values: np.zeros(values.shape, values.dtype))
linear(vanishing,   lambda ct, x, reference, message: ct, FIXED, FIXED)
constant(positive)
# fmt: on
