"""Linear algebra: all of `numpy.linalg`, for stacked matrices, real and complex.

Derivatives are those of the function that NumPy computes.  Functions that read one triangle of their argument (cholesky, eigh,
eigvalsh, and svd and pinv with ``hermitian=True``) have derivatives with respect to that triangle: the gradient of the other is
zero.  For the gradient in the space of symmetric matrices write ``eigh((a + a.T) / 2)``.
"""

from adjoint._rules import linalg_norms as linalg_norms
from adjoint._rules import linalg_solve as linalg_solve
from adjoint._rules import linalg_spectral as linalg_spectral
