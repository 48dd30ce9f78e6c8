"""The dependence that is stated for a function is never too small: every case of the rule book, sparse against dense."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from adjoint._api import tree
from tests.rules.test_every_rule import CASES


def _real(x):
    """Tell whether an argument is floating numbers, arrays of these, or a list of them."""
    if isinstance(x, (list, tuple)):
        return bool(x) and all(map(_real, x))
    return isinstance(x, float) or getattr(getattr(x, "dtype", None), "kind", "") == "f"


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_rule(case):
    argnums = tuple(k for k, x in enumerate(case.args) if _real(x))

    def f(*args):
        return [y for y in tree.flatten(case.function(*args, **case.kwargs))[0] if np.asarray(y).dtype.kind == "f"]

    def g(*args):
        # Functions of views, and of arrays whose elements do not come in order, too.
        moved = [np.flip(x)[...] if isinstance(x, np.ndarray) and k in argnums else x for k, x in enumerate(args)]
        return f(*moved)

    if not argnums or not _has_real_results(f, case.args):
        return
    for function, args in ((f, case.args), (g, [np.flip(x) if isinstance(x, np.ndarray) and k in argnums else x
                                                for k, x in enumerate(case.args)])):  # fmt: skip
        found = tree.flatten(ad.jacobian(function, argnums, sparse=True, mode="forward")(*args))[0]
        dense = tree.flatten(ad.jacobian(function, argnums, mode="forward")(*args))[0]
        for block, whole in zip(found, dense, strict=True):
            scale = np.nanmax(np.abs(whole), initial=1)
            np.testing.assert_allclose(block.toarray(), np.reshape(whole, block.shape), rtol=1e-9, atol=1e-9 * scale)


def _has_real_results(f, args):
    try:
        return bool(f(*args))
    except (TypeError, AttributeError, np.exceptions.VisibleDeprecationWarning):
        return False
