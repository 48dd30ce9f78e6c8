"""`numpy.cross`: of two vectors in the plane it is a number, of others a vector; what is not known is checked."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad

A, B = np.array([1.0, 2.0]), np.array([3.0, -1.0])
C, D = np.array([1.0, 2.0, 0.5]), np.array([3.0, -1.0, 2.0])
pytestmark = pytest.mark.filterwarnings("ignore:Arrays of 2-dimensional vectors:DeprecationWarning")


def torque(r, f):
    return np.cross(r, f)


def summed(r, f):
    return np.sum(np.cross(r, f) ** 2)


def made_of_numbers(r, f):
    return np.cross(np.array([r[0], 1.0]), np.array([f[1], 2.0])) * 3.0


def turned(r, f):
    for _ in range(3):
        r = r + 0.1 * np.cross(f, r)
    return r


@pytest.mark.parametrize("args", [(A, B), (C, D), (A, D), (C, B), (np.stack([A, B]), A), (np.stack([C, D]), D)])
@pytest.mark.parametrize("f", [torque, summed])
def test_cross(f, args) -> None:
    np.testing.assert_allclose(ad.jit(f)(*args), f(*args), rtol=1e-14)
    gradient = ad.jacobian(f, (0, 1))
    for mine, other in zip(ad.jit(gradient)(*args), gradient(*args), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-13)


def test_axes() -> None:
    f = lambda a, b: np.cross(a, b, axis=0)
    for a, b in ((np.stack([A, B]), np.stack([B, A])), (np.stack([C, D], 1), np.stack([D, C], 1))):
        np.testing.assert_allclose(ad.jit(f)(a, b), f(a, b))


def test_in_a_loop() -> None:
    np.testing.assert_allclose(ad.jit(turned)(C, D), turned(C, D))
    np.testing.assert_allclose(ad.jit(ad.jacobian(turned))(C, D), ad.jacobian(turned)(C, D))


def test_a_plane_that_is_not_seen_is_told() -> None:
    """Never a number taken for a vector."""
    with pytest.raises(ValueError, match="two components"):
        ad.jit(made_of_numbers)(C, D)


def test_one_program_for_planes_and_space() -> None:
    g = ad.jit(torque)
    np.testing.assert_allclose(g(C, D), np.cross(C, D))
    with pytest.raises(ValueError, match="two components"):
        g(A, B)
    assert ad.jit(torque)(A, B) == np.cross(A, B)
