"""`scipy.linalg`: eigenvalues and singular values, and the generalised symmetric problem."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg as sl

from adjoint._rules import linalg_norms, linalg_spectral
from adjoint._rules.arrays import diagonal, inner, mH, real, reflected, scaled
from adjoint._rules.book import FIXED, composite, constant, general
from adjoint._rules.linalg_degenerate import VECTORS, gaps, quotient
from adjoint._rules.primitive import primitive
from adjoint._rules.scipy_tools import enter, refuse

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
    g = mH(v) @ reflected(t, "L" if lower else "U") @ v
    m = -scaled(g, w)
    return [real(diagonal(m)), v @ quotient(m, gaps(w), w, m, False, VECTORS) - scaled(v, real(diagonal(g)) / 2)]


general(eigh_core, eigh_a, eigh_b, vjp=(eigh_a_adjoint, FIXED))


@primitive
def eigvalsh_core(a: Any, b: Any, lower: bool, options: Any) -> Any:
    return sl.eigvalsh(a, b, lower=lower, **dict(options))


def eigvalsh_a(y: Any, t: Any, a: Any, b: Any, lower: bool, options: Any) -> Any:
    w, v = eigh_core(a, b, lower, None)
    dw = linalg_spectral.share(inner(v, reflected(t, "L" if lower else "U") @ v, -2), w)
    return chosen(dw, w, y, options)


def eigvalsh_b(y: Any, t: Any, a: Any, b: Any, lower: bool, options: Any) -> Any:
    w, v = eigh_core(a, b, lower, None)
    dw = linalg_spectral.share(-w * inner(v, reflected(t, "L" if lower else "U") @ v, -2), w)
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
        return eigvalsh(
            a, b, lower=lower, type=type, subset_by_index=subset_by_index, subset_by_value=subset_by_value, driver=driver
        )
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
        refuse(
            sl.eig,
            "only eigenvalues and right eigenvectors of one matrix are implemented; left ones are inv(v)ᴴ but for their norm",
        )
    return eig_core(a) if right else eigvals_core(a)


@primitive
def eigvals_core(a: Any) -> Any:
    return sl.eigvals(a)


general(eigvals_core, linalg_spectral.eigvals)


@composite(sl.eigvals)
def eigvals(
    a: Any, b: Any = None, overwrite_a: bool = False, check_finite: bool = True, homogeneous_eigvals: bool = False
) -> Any:
    if b is not None or homogeneous_eigvals:
        refuse(sl.eigvals, "only the eigenvalues of one matrix are implemented")
    return eigvals_core(a)


enter(
    sl.svd,
    lambda y, t, a, *, full_matrices=True, compute_uv=True, **_: linalg_spectral.svd(y, t, a, full_matrices, compute_uv),
    vjp=lambda y, ct, a, *, full_matrices=True, compute_uv=True, **_: linalg_spectral.svd_adjoint(
        y, ct, a, full_matrices, compute_uv
    ),
)
enter(
    sl.svdvals,
    lambda y, t, a, **_: linalg_spectral.singular_values(t, a),
    vjp=lambda y, ct, a, **_: linalg_spectral.singular_values_adjoint(ct, a),
)


def norm(y: Any, t: Any, a: Any, *, ord: Any = None, axis: Any = None, keepdims: bool = False, **_: Any) -> Any:
    return linalg_norms.norm(y, t, a, ord, axis, keepdims)


enter(sl.norm, norm)
