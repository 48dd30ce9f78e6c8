"""Patterns are boolean matrices, and sets that are made of sets are unions."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from adjoint._sparse.pattern import Pattern, stacked
from adjoint._sparse.sets import Sets
from tests.sparse.patterns import matrices


@given(matrices())
def test_rows_are_sorted_and_unique(p):
    dense = p.to_scipy().toarray()
    again = Pattern.of_coordinates(*np.nonzero(dense), p.shape)
    assert again == p
    assert p.nnz == dense.sum()
    assert np.array_equal(p.row_counts, dense.sum(axis=1))
    assert np.array_equal(p.column_counts, dense.sum(axis=0))
    assert np.array_equal(p.T.to_scipy().toarray(), dense.T)


@given(matrices(), st.data())
def test_union_and_containment(p, data):
    entries = data.draw(st.lists(st.tuples(*[st.integers(0, n - 1) for n in p.shape]))) if all(p.shape) else []
    q = Pattern.of_coordinates([i for i, _ in entries], [j for _, j in entries], p.shape)
    both = p.union(q)
    assert np.array_equal(both.to_scipy().toarray(), p.to_scipy().toarray() | q.to_scipy().toarray())
    assert both.contains(p)
    assert both.contains(q)
    assert p.contains(q) == (both == p)


@given(matrices(6), matrices(6))
def test_product(p, q):
    if p.shape[1] != q.shape[0]:
        return
    expected = p.to_scipy().toarray().astype(int) @ q.to_scipy().toarray().astype(int) > 0
    assert np.array_equal(p.product(q).to_scipy().toarray(), expected)


def test_stacked():
    p, q = Pattern.of_coordinates([0], [1], (2, 3)), Pattern.of_coordinates([0, 0], [0, 2], (1, 3))
    assert stacked([p, q], 3) == Pattern.of_coordinates([0, 2, 2], [1, 0, 2], (3, 3))
    assert stacked([], 3).shape == (0, 3)


@given(st.integers(1, 6), st.data())
def test_sets_of_sets_expand_to_their_columns(n, data):
    sets, meaning = Sets(n), {0: frozenset(), **{k: frozenset({k - 1}) for k in range(1, n + 1)}}
    for _ in range(data.draw(st.integers(0, 5))):
        rows = data.draw(st.lists(st.lists(st.integers(0, sets.count - 1), max_size=4), min_size=1, max_size=3))
        first = sets.add(*_compressed(rows))
        for k, row in enumerate(rows):
            meaning[first + k] = frozenset().union(*[meaning[member] for member in row])
    rows = data.draw(st.lists(st.lists(st.integers(0, sets.count - 1), max_size=4), max_size=4))
    found = sets.expand(*_compressed(rows)).to_scipy().toarray()
    for row, line in zip(rows, found, strict=True):
        assert set(np.flatnonzero(line)) == frozenset().union(*[meaning[member] for member in row])


def _compressed(rows):
    return np.cumsum([0, *map(len, rows)]), np.array([member for row in rows for member in row], int)
