"""Colourings: no two columns of a colour share a row, known optima are met, and compressed products give all entries back."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from scipy.optimize._numdiff import group_columns

from adjoint._sparse.colouring import bound, colour_columns
from adjoint._sparse.compression import Compression
from adjoint._sparse.pattern import Pattern
from tests.sparse import patterns


@given(patterns.matrices())
def test_no_two_columns_of_a_colour_share_a_row(p):
    found = colour_columns(p)
    for i in range(p.shape[0]):
        colours = found.colours[p.indices[p.indptr[i] : p.indptr[i + 1]]]
        assert len(set(colours)) == len(colours)
    assert bound(p) <= found.count <= max(p.shape[1], 0)
    assert np.array_equal(found.colours >= 0, p.column_counts > 0)
    assert set(found.colours) - {-1} == set(range(found.count))


@pytest.mark.parametrize(
    ("pattern", "colours"),
    [
        pytest.param(patterns.banded(50, 1), 3, id="three diagonals"),
        pytest.param(patterns.banded(50, 4), 9, id="nine diagonals"),
        pytest.param(patterns.banded(50, 0), 1, id="diagonal"),
        pytest.param(patterns.blocks(7, 5), 5, id="blocks"),
        pytest.param(patterns.arrowhead(30), 30, id="arrowhead"),
        pytest.param(patterns.observations(9, 40, 300), 14, id="bundle adjustment"),
        pytest.param(Pattern.of_coordinates([], [], (4, 4)), 0, id="empty"),
        pytest.param(Pattern.of_coordinates([], [], (0, 0)), 0, id="nothing"),
    ],
)
def test_known_optima(pattern, colours):
    assert colour_columns(pattern).count == colours


def test_the_rows_of_a_tall_arrow_need_two_colours_in_all():
    # A diagonal below one dense column: by columns two, by rows as many as there are.
    n = 20
    p = Pattern.of_coordinates([*range(n), *range(n)], [*[0] * n, *range(n)], (n, n))
    assert colour_columns(p).count == 2
    assert colour_columns(p.T).count == n


@pytest.mark.parametrize("seed", range(6))
def test_not_worse_than_scipy(seed):
    rng = np.random.default_rng(seed)
    p = Pattern.of_scipy(sp.random_array((400, 300), density=0.01 + 0.01 * seed, rng=rng))
    assert colour_columns(p).count <= group_columns(p.to_scipy().astype(int)).max() + 1


@given(patterns.matrices())
def test_entries_come_back_from_products_in_chunks(p):
    A = p.to_scipy(np.arange(1.0, p.nnz + 1)).toarray()
    plan = Compression(p, colour_columns(p))
    entries = np.zeros(p.nnz)
    for start in range(0, plan.count, 2):
        seeds = plan.seeds(start, min(start + 2, plan.count))
        plan.decompress(entries, seeds @ A.T, start)
    assert np.array_equal(entries, np.arange(1.0, p.nnz + 1))


def test_a_hundred_thousand_columns_are_coloured_fast():
    p = patterns.observations(100, 30_000, 100_000)
    assert p.shape[1] > 90_000
    assert colour_columns(p).count == 14
