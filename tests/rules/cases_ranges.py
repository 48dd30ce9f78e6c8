"""Cases of the ranges between traced ends."""

import numpy as np

from tests.rules.case import Case

ROW = np.array([0.5, 2.0])

CASES = [
    Case(np.linspace, (0.3, 1.7, 4), name="numbers"),
    Case(np.linspace, (0.3, 1.7, 4), {"endpoint": False}, name="open"),
    Case(np.linspace, (ROW, 3.0, 3), name="arrays"),
    Case(np.linspace, (ROW, ROW[::-1] + 1, 3), {"axis": -1}, name="axis"),
    Case(lambda a, b: np.linspace(a, b, 5, retstep=True)[1], (0.3, 1.7), name="linspace-step"),
    Case(lambda a: np.linspace(a, 2.0, 1), (0.3,), name="linspace-one"),
    Case(np.logspace, (0.3, 1.2, 4), name="numbers"),
    Case(lambda a, b, c: np.logspace(a, b, 3, base=c), (0.3, 1.2, 2.0), name="logspace-base"),
    Case(np.geomspace, (0.5, 4.0, 4), name="numbers"),
    Case(np.geomspace, (ROW, 4.0, 3), {"endpoint": False}, name="arrays"),
]
