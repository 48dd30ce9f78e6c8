"""Colourings: groups of columns of which no two have an entry in the same row.

The columns of a group can be found together: their sum shows the entries of each.  So a matrix takes as many products as there
are groups (Curtis, Powell and Reid 1974).  A group is a colour of the graph whose nodes are the columns, with an edge between
two that share a row (Coleman and Moré 1983); the fewest colours are hard to find, and the greedy colouring in a good order
needs hardly ever more than a few percent more.  The number of entries of the fullest row is a lower bound: where it is met, the
colouring is optimal.

The greedy algorithm never builds the graph.  Each row keeps the colours that its columns have, as the bits of one integer.  A
column takes the lowest bit that is missing in all of its rows: some operations for each entry of the matrix.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from adjoint._sparse.pattern import Pattern


@dataclass(frozen=True, eq=False)
class Colouring:
    """The colour of each column, from 0 to ``count - 1``; columns without entries have the colour -1."""

    colours: np.ndarray
    count: int


def bound(pattern: Pattern) -> int:
    """Return a lower bound of the number of colours of the columns: the entries of the fullest row."""
    return int(pattern.row_counts.max(initial=0))


def colour_columns(pattern: Pattern) -> Colouring:
    """Colour the columns of a matrix such that columns that share a row differ: the best of the greedy colourings.

    >>> n = 6  # three diagonals
    >>> rows = np.repeat(np.arange(n), 3)
    >>> columns = np.clip(rows + np.tile([-1, 0, 1], n), 0, n - 1)
    >>> colour_columns(Pattern.of_coordinates(rows, columns, (n, n))).count
    3
    """
    least = bound(pattern)
    filled = np.flatnonzero(pattern.column_counts)
    if least >= len(filled):  # one row has them all
        colours = np.full(pattern.shape[1], -1)
        colours[filled] = np.arange(len(filled))
        return Colouring(colours, len(filled))
    best: Colouring | None = None
    # Rows with one entry put no two columns apart.
    columns = _without_single_rows(pattern).T
    for order in ORDERS:
        found = _greedy(columns, order(pattern, filled))
        if best is None or found.count < best.count:
            best = found
        if best.count == least:
            break
    assert best is not None
    return best


def _without_single_rows(pattern: Pattern) -> Pattern:
    counts = pattern.row_counts
    kept = counts > 1
    indptr = np.concatenate([[0], np.cumsum(counts[kept])])
    return Pattern((int(kept.sum()), pattern.shape[1]), indptr, pattern.indices[np.repeat(kept, counts)])


def natural(_: Pattern, filled: np.ndarray) -> np.ndarray:
    """Return the columns in their own order, which is optimal for bands and blocks."""
    return filled


def largest_first(pattern: Pattern, filled: np.ndarray) -> np.ndarray:
    """Return the columns by falling numbers of entries in the rows that they have, which bound their degrees in the graph."""
    sums = np.concatenate([[0], np.cumsum((pattern.row_counts - 1)[pattern.T.indices])])
    degrees = sums[pattern.T.indptr[1:]] - sums[pattern.T.indptr[:-1]]
    return filled[np.argsort(-degrees[filled], kind="stable")]


def most_entries(pattern: Pattern, filled: np.ndarray) -> np.ndarray:
    """Return the columns by falling numbers of their own entries."""
    return filled[np.argsort(-pattern.column_counts[filled], kind="stable")]


ORDERS: tuple[Callable[[Pattern, np.ndarray], np.ndarray], ...] = (natural, largest_first, most_entries)


def _greedy(columns: Pattern, order: np.ndarray) -> Colouring:
    """Give each column, in this order, the lowest colour that no column with a row in common has; ``columns`` is transposed."""
    indptr, indices = columns.indptr.tolist(), columns.indices.tolist()
    taken = [0] * columns.shape[1]
    colours = np.full(columns.shape[0], -1)
    found = []
    for j in order.tolist():
        rows = indices[indptr[j] : indptr[j + 1]]
        used = 0
        for i in rows:
            used |= taken[i]
        bit = ~used & (used + 1)
        found.append(bit.bit_length() - 1)
        for i in rows:
            taken[i] |= bit
    colours[order] = found
    return Colouring(colours, max(found, default=-1) + 1)
