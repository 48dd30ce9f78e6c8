"""Whether a function of linear algebra raises: constant functions that programs ask before they call it within ``try``."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint._rules.book import constant
from adjoint._rules.primitive import primitive


@primitive
def is_singular(a: Any) -> bool:
    """Tell whether `numpy.linalg.inv` and `numpy.linalg.solve` raise LinAlgError for a matrix."""
    try:
        np.linalg.inv(a)
    except np.linalg.LinAlgError:
        return True
    return False


@primitive
def is_not_definite(a: Any) -> bool:
    """Tell whether `numpy.linalg.cholesky` raises LinAlgError for a matrix."""
    try:
        np.linalg.cholesky(a)
    except np.linalg.LinAlgError:
        return True
    return False


constant(is_singular, is_not_definite)
