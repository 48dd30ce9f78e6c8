"""Tests of derivatives: `check` for any function, `check_rule` for a rule of the book.

Both compare with what does not depend on the rules: differences with an error estimate, the complex step, and identities that
hold to rounding error (the dot-product test, the equality of the four second derivatives).  A wrong derivative raises
`adjoint.errors.CheckError`, which says which derivative, of which argument, at which entry.
"""

from adjoint.errors import CheckError as CheckError
from adjoint.testing.check import check as check
from adjoint.testing.report import Report as Report
from adjoint.testing.rule import check_rule as check_rule

__all__ = ["CheckError", "Report", "check", "check_rule"]
