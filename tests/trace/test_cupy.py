"""CuPy arrays flow through by NumPy's protocols, and stay on their device."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from tests.trace.foreign import PROGRAMS, WAYS, A, Library, compare

cp = pytest.importorskip(
    "cupy", reason="CuPy is not installed; it needs a GPU (tests/trace/test_duck.py tests the logic without one)"
)
try:
    cp.zeros(1)
except Exception as error:
    pytest.skip(f"CuPy finds no GPU: {error}", allow_module_level=True)

LIBRARY = Library(array=cp.asarray, numpy=cp.asnumpy, kind=cp.ndarray)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_derivatives(program: str, way: str) -> None:
    compare(LIBRARY, program, way)


def test_writing_raises() -> None:
    def f(x):
        y = x * 2.0
        y[0] = 1.0
        return np.sum(y)

    with pytest.raises((TypeError, ad.errors.MutationError)):
        ad.grad(f)(cp.asarray(A))
