"""Indexing."""

import operator

import numpy as np

from adjoint._rules.book import FIXED, linear
from adjoint._rules.primitive import primitive


@primitive
def scatter(ct, index, shape):
    """Return zeros of ``shape`` with ``ct`` added at ``index``, repeated indices counted repeatedly."""
    y = np.zeros(shape, getattr(ct, "dtype", float))
    np.add.at(y, index, ct)
    return y


linear(operator.getitem, lambda ct, x, index: scatter(ct, index, x.shape), FIXED)
linear(scatter, lambda ct, x, index, shape: ct[index], FIXED, FIXED)
