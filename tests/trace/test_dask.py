"""Dask arrays flow through by NumPy's protocols, lazily: nothing is computed before the user asks for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint as ad
from tests.trace.foreign import PROGRAMS, WAYS, A, Library, T, compare

dask = pytest.importorskip("dask", reason="Dask is not installed; pip install 'dask[array]' tests lazy arrays")
da = pytest.importorskip("dask.array", reason="dask.array is not installed; pip install 'dask[array]' tests lazy arrays")

LIBRARY = Library(array=lambda a: da.from_array(a, chunks=(1, 2)), numpy=lambda a: a.compute(), kind=da.Array)
# Chunks are computed outside of the engine, which would not warn of a slope that is infinite where it does not count.
pytestmark = [pytest.mark.filterwarnings("ignore:divide by zero"), pytest.mark.filterwarnings("ignore:invalid value")]
# Programs that ask for a number on the way, and so compute one.
EAGER = {"branch"}


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    with dask.config.set(scheduler="synchronous"):
        yield


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_derivatives(program: str, way: str) -> None:
    compare(LIBRARY, program, way)


def refuse(*_: Any, **__: Any) -> Any:
    raise AssertionError("computed before it was asked for")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("program", sorted(set(PROGRAMS) - EAGER))
def test_nothing_is_computed(program: str, way: str) -> None:
    with dask.config.set(scheduler=refuse):
        WAYS[way](PROGRAMS[program], LIBRARY.array(A), LIBRARY.array(T))


def test_an_array_larger_than_its_chunks() -> None:
    x = da.ones((4000, 50), chunks=(500, 50))
    gradient = ad.grad(lambda x: np.sum(np.log1p(x) ** 2))(x)
    assert gradient.chunks == x.chunks
    assert np.allclose(gradient[0].compute(), np.log(2.0))


def test_parameters_of_numpy_and_data_of_dask() -> None:
    data = np.linspace(-1, 1, 60).reshape(20, 3)

    def loss(w: Any, x: Any) -> Any:
        return np.sum(np.tanh(x @ w) ** 2)

    w = np.array([0.3, -0.2, 0.1])
    gradient = ad.grad(loss)(w, da.from_array(data, chunks=(5, 3)))
    assert np.allclose(np.asarray(gradient), ad.grad(loss)(w, data))
