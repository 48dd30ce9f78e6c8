"""`scipy.linalg`: read once that module is in use.

SciPy's functions know nothing of NumPy's protocols.  `enter` therefore registers each twice: the function itself, by a definition that
sorts its arguments and drops the permission to overwrite them, and a *core* that dispatches, which carries the rule and which formulas
may call with traced values.  This file imports the parts and names what has no rule.

References
----------
Those of `linalg_solve` and `linalg_spectral`, and
Kao and Hennequin, Automatic differentiation of Sylvester, Lyapunov, and algebraic Riccati equations, 2020, arXiv:2011.11430.
"""

from __future__ import annotations

import scipy.linalg as sl

from adjoint._rules import scipy_linalg_factors as scipy_linalg_factors
from adjoint._rules import scipy_linalg_functions as scipy_linalg_functions
from adjoint._rules import scipy_linalg_matrices as scipy_linalg_matrices
from adjoint._rules import scipy_linalg_spectral as scipy_linalg_spectral
from adjoint._rules import scipy_linalg_structured as scipy_linalg_structured
from adjoint._rules import scipy_linalg_systems as scipy_linalg_systems
from adjoint._rules.book import constant, excluded

# fmt: off
constant(sl.bandwidth, sl.issymmetric, sl.ishermitian, sl.hadamard, sl.hilbert, sl.invhilbert, sl.pascal, sl.invpascal, sl.helmert, sl.dft)
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
