"""Arrays of another library, by the strictest one that can be written: it refuses to be mixed with NumPy's."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from tests.trace.duck import Duck
from tests.trace.foreign import PROGRAMS, WAYS, A, Library, T, compare

LIBRARY = Library(array=lambda a: Duck(a.copy()), numpy=lambda a: a.values, kind=Duck)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_derivatives(program: str, way: str) -> None:
    compare(LIBRARY, program, way)


def test_a_tangent_may_be_a_numpy_array() -> None:
    _, t = ad.jvp(np.sin, (Duck(A),), (T,))
    assert isinstance(t, Duck)
    assert np.allclose(t.values, np.cos(A) * T)


class Mutable(Duck):
    """A duck with an in-place operator, as CuPy's arrays have and Dask's have not."""

    def __iadd__(self, other):
        self.values += other
        return self


def test_operators_in_place_raise_where_the_library_writes() -> None:
    def f(x):
        y = x
        y += 1.0
        return np.sum(y)

    assert np.all(ad.grad(f)(Duck(A)).values == 1.0)
    with pytest.raises(ad.errors.MutationError, match="in place"):
        ad.grad(f)(Mutable(A))


def test_writing_raises() -> None:
    def f(x):
        y = x * 2.0
        y[0] = 1.0
        return np.sum(y)

    with pytest.raises((TypeError, ad.errors.MutationError)):
        ad.grad(f)(Duck(A))
