"""The chapter on `scipy.special`.  One line for each function, by families; numbers are those of the DLMF, https://dlmf.nist.gov.

Derivatives with respect to parameters (the shape of an incomplete gamma function, the order of a Bessel function) come from
the kernels of `series` and its siblings, which stand in the book as functions of their own: tracing stops there, and their own
derivatives are given where they are known.
"""

from __future__ import annotations

from adjoint._rules import special_bessel as special_bessel
from adjoint._rules import special_elementary as special_elementary
from adjoint._rules import special_elliptic as special_elliptic
from adjoint._rules import special_excluded as special_excluded
from adjoint._rules import special_gamma as special_gamma
from adjoint._rules import special_hyper as special_hyper
from adjoint._rules import special_orthogonal as special_orthogonal
from adjoint._rules import special_python as special_python
from adjoint._rules import special_statistics as special_statistics
