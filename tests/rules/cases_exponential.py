"""Exponentials and logarithms at extreme arguments."""

from __future__ import annotations

import numpy as np

from tests.rules.case import Case

X = np.array([0.7, -1.2, 2.5])

CASES = [
    Case(np.logaddexp, (X[:, None], X)),
    Case(np.logaddexp, (X + 800, X - 800), name="far apart", order=1),
    Case(np.logaddexp2, (X, 0.3)),
    Case(np.expm1, (X - 30,), name="very negative"),
    Case(np.log, (X + 2,), complexable=True),
    Case(np.log10, (X + 2j,), name="complex"),
    Case(np.log2, (X + 2j,), name="complex"),
    Case(np.exp, (np.zeros((0, 3)),), name="size 0"),
    Case(np.exp, (0.5,), name="number"),
]
