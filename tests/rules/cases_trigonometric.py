"""Trigonometric and hyperbolic functions: special points, branches and options."""

from __future__ import annotations

import numpy as np

from tests.rules.case import Case

X = np.array([0.7, -1.2, 2.5])

CASES = [
    Case(np.sinc, (np.array([0.0, 1e-9, 1e-3, 0.4, -1.0, 3.3, 12.5]),), name="near 0"),
    Case(np.sinc, (0.3 + 0.2j,), name="complex"),
    Case(np.i0, (X,), float32=False),
    Case(np.arctan2, (X[:, None], np.array([-1.0, 0.5]))),
    Case(np.arctan2, (1e-170, 1e-170), name="tiny", order=1, tol=np.inf, float32=False),
    Case(np.arcsinh, (X + 1j,), name="complex"),
    Case(np.arccosh, (X + 1j,), name="complex"),
    Case(np.arccosh, (-X - 1j,), name="complex, left half plane"),
    Case(np.arctanh, (X + 1j,), name="complex"),
    Case(np.arcsin, (X - 1j,), name="complex"),
    Case(np.arccos, (X - 1j,), name="complex"),
    Case(np.unwrap, (np.array([0.1, 2.0, 5.5, 9.5, 3.0]),)),
    Case(np.unwrap, (np.array([[0.1, 2.0], [5.5, 9.5]]),), {"axis": 0, "period": 4}, name="axis"),
    Case(np.degrees, (X,)),
    Case(np.tan, (np.zeros((0, 3)),), name="size 0"),
    Case(np.tanh, (0.5,), name="number"),
]
