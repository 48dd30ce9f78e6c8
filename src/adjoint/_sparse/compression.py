"""Compression: a sparse matrix from its products with a few seeds, one for each colour of its columns.

The seed of a colour is the sum of the unit vectors of its columns.  In each row of the product at most one of these columns has
an entry, which is the product's (Curtis, Powell and Reid 1974).
"""

from __future__ import annotations

import numpy as np

from adjoint._sparse.colouring import Colouring
from adjoint._sparse.pattern import Pattern


class Compression:
    """How the entries of a matrix of known pattern lie in its products with the seeds of a colouring of the columns.

    >>> from adjoint._sparse.colouring import colour_columns
    >>> A = np.array([[1.0, 0.0, 2.0, 0.0], [0.0, 3.0, 0.0, 4.0]])
    >>> pattern = Pattern.of_coordinates(*np.nonzero(A), A.shape)
    >>> plan = Compression(pattern, colour_columns(pattern))
    >>> seeds = plan.seeds(0, plan.count)
    >>> entries = np.zeros(pattern.nnz)
    >>> plan.decompress(entries, (A @ seeds.T).T, 0)
    >>> bool(np.all(pattern.to_scipy(entries).toarray() == A)), seeds.shape
    (True, (2, 4))
    """

    def __init__(self, pattern: Pattern, colouring: Colouring) -> None:
        self.pattern, self.colours, self.count = pattern, colouring.colours, colouring.count
        # The entries by colour, so that a chunk of colours finds its own.
        of_entry = self.colours[pattern.indices]
        self.entries = np.argsort(of_entry, kind="stable")
        self.entry_rows = pattern.rows[self.entries]
        self.entry_colours = of_entry[self.entries]
        self.ends = np.searchsorted(self.entry_colours, np.arange(self.count + 1))
        self.columns = np.argsort(self.colours, kind="stable")
        self.column_ends = np.searchsorted(self.colours[self.columns], np.arange(self.count + 1))

    def seeds(self, start: int, stop: int) -> np.ndarray:
        """Return the seeds of the colours from ``start`` to ``stop``, one in each row."""
        chosen = self.columns[self.column_ends[start] : self.column_ends[stop]]
        seeds = np.zeros((stop - start, self.pattern.shape[1]))
        seeds[self.colours[chosen] - start, chosen] = 1
        return seeds

    def decompress(self, entries: np.ndarray, products: np.ndarray, start: int) -> None:
        """Fill in the entries that the products with the seeds from ``start`` on show, one product in each row."""
        chosen = slice(self.ends[start], self.ends[start + len(products)])
        entries[self.entries[chosen]] = products[self.entry_colours[chosen] - start, self.entry_rows[chosen]]
