"""Patterns of which the fewest colours are known, and random ones."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from hypothesis import strategies as st

from adjoint._sparse.pattern import Pattern


def banded(n: int, b: int) -> Pattern:
    """Return ``b`` diagonals on each side of the main one."""
    return Pattern.of_scipy(sp.diags_array([np.ones(n - abs(k)) for k in range(-b, b + 1)], offsets=range(-b, b + 1)))


def arrowhead(n: int) -> Pattern:
    """Return the diagonal, the first row and the first column."""
    dense = np.eye(n, dtype=bool)
    dense[0] = dense[:, 0] = True
    return Pattern.of_scipy(sp.csr_array(dense))


def blocks(count: int, b: int) -> Pattern:
    """Return blocks on the diagonal."""
    return Pattern.of_scipy(sp.block_diag([np.ones((b, b))] * count))


def observations(cameras: int, points: int, count: int, seed: int = 0) -> Pattern:
    """Return the pattern of bundle adjustment: two residuals for each pair of a camera and a point."""
    rng = np.random.default_rng(seed)
    camera, point = rng.integers(0, cameras, count), rng.integers(0, points, count)
    own = np.concatenate([11 * camera[:, None] + np.arange(11), 11 * cameras + 3 * point[:, None] + np.arange(3)], axis=1)
    columns = np.repeat(own, 2, axis=0)
    rows = np.repeat(np.arange(2 * count), 14)
    return Pattern.of_coordinates(rows, columns.ravel(), (2 * count, 11 * cameras + 3 * points))


@st.composite
def matrices(draw: st.DrawFn, most: int = 12) -> Pattern:
    """Draw any pattern, empty rows, columns and sizes included."""
    m, n = draw(st.integers(0, most)), draw(st.integers(0, most))
    entries = draw(st.sets(st.tuples(st.integers(0, m - 1), st.integers(0, n - 1)))) if m and n else set()
    rows, columns = zip(*entries, strict=True) if entries else ((), ())
    return Pattern.of_coordinates(rows, columns, (m, n))
