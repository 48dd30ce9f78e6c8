"""Cases of stores as functions."""

import numpy as np

from adjoint._rules import stores
from tests.rules.case import Case

VECTOR = np.array([0.5, -1.2, 2.0, 0.3])
MATRIX = np.array([[0.5, -1.2, 2.0], [0.7, 0.1, -0.4]])
REPEATED = np.array([0, 2, 0])

CASES = [
    Case(lambda a, v: stores.assign(a, 1, v), (VECTOR, 0.7), name="assign-number"),
    Case(lambda a, v: stores.assign(a, slice(1, 3), v), (VECTOR, VECTOR[:2]), name="assign-slice"),
    Case(lambda a, v: stores.assign(a, slice(None), v), (VECTOR, 0.7), name="assign-broadcast"),
    Case(lambda a, v: stores.assign(a, (1, slice(None, None, 2)), v), (MATRIX, VECTOR[:2]), name="assign-part-of-row"),
    Case(lambda a, v: stores.assign(a, REPEATED, v), (VECTOR, VECTOR[:3]), name="assign-repeated"),
    Case(lambda a, v: stores.assign(a, MATRIX > 0.2, v), (MATRIX, VECTOR[:3]), name="assign-mask"),
    Case(lambda a, v: stores.accumulate(a, 1, v), (VECTOR, 0.7), name="accumulate-number"),
    Case(lambda a, v: stores.accumulate(a, REPEATED, v), (VECTOR, VECTOR[:3]), name="accumulate-repeated"),
    Case(lambda v: stores.winners(v, REPEATED, (4,)), (VECTOR[:3],), name="winners"),
    Case(lambda g: stores.fit(g, VECTOR[:3]), (MATRIX,), name="fit-summed"),
    Case(lambda g: stores.fit(g, MATRIX[:, :1]), (MATRIX,), name="fit-stretched"),
    Case(lambda g: stores.fit(g, MATRIX), (VECTOR[:3],), name="fit-broadcast"),
    Case(lambda g: stores.spread(g, MATRIX), (VECTOR[:3],), name="spread"),
    Case(lambda a, b: stores.combine(a, b), (VECTOR, VECTOR), name="combine"),
]
