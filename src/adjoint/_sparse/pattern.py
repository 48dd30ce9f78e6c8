"""The pattern of a sparse matrix: which entries may differ from zero.

A `Pattern` is a boolean matrix in compressed rows, the columns of each row sorted and without repetition, so that two patterns
are equal if and only if their arrays are.  The work is done by SciPy's sparse arrays, which add and multiply booleans as
truth values.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Pattern:
    """A boolean matrix in compressed rows: row ``i`` has the columns ``indices[indptr[i] : indptr[i + 1]]``.

    >>> p = Pattern.of_coordinates([0, 1, 1, 1], [1, 2, 0, 2], (2, 3))
    >>> p.indptr.tolist(), p.indices.tolist()
    ([0, 1, 3], [1, 0, 2])
    """

    shape: tuple[int, int]
    indptr: np.ndarray
    indices: np.ndarray

    @classmethod
    def of_scipy(cls, matrix: Any) -> Pattern:
        """Return the pattern of the entries that a SciPy sparse array stores, zeros among them."""
        from scipy.sparse import csr_array

        rows = csr_array(matrix)
        made = csr_array((np.ones(rows.nnz, bool), rows.indices.copy(), rows.indptr.copy()), shape=rows.shape)
        made.sum_duplicates()
        return cls(made.shape, made.indptr, made.indices)

    @classmethod
    def of_coordinates(cls, rows: Any, columns: Any, shape: tuple[int, int]) -> Pattern:
        """Return the pattern of entries given by their rows and columns, in any order, repeated or not."""
        from scipy.sparse import coo_array

        rows, columns = np.asarray(rows, np.int64), np.asarray(columns, np.int64)
        return cls.of_scipy(coo_array((np.ones(rows.size, bool), (rows, columns)), shape=shape))

    @classmethod
    def of_rows(cls, indptr: np.ndarray, indices: np.ndarray, columns: int) -> Pattern:
        """Return the pattern of compressed rows whose columns come in any order, repeated or not."""
        from scipy.sparse import csr_array

        return cls.of_scipy(csr_array((np.ones(len(indices), bool), indices, indptr), shape=(len(indptr) - 1, columns)))

    @property
    def nnz(self) -> int:
        """The number of entries."""
        return len(self.indices)

    @functools.cached_property
    def rows(self) -> np.ndarray:
        """The row of each entry, in the order of ``indices``."""
        return np.repeat(np.arange(self.shape[0]), np.diff(self.indptr))

    @functools.cached_property
    def row_counts(self) -> np.ndarray:
        """How many entries each row has."""
        return np.diff(self.indptr)

    @functools.cached_property
    def column_counts(self) -> np.ndarray:
        """How many entries each column has."""
        return np.bincount(self.indices, minlength=self.shape[1])

    @functools.cached_property
    def T(self) -> Pattern:
        """The transpose."""
        return Pattern.of_scipy(self.to_scipy().T)

    def to_scipy(self, data: Any = None) -> Any:
        """Return a CSR array with this pattern and these entries (all True if none are given), in memory of its own."""
        from scipy.sparse import csr_array

        data = np.ones(self.nnz, bool) if data is None else data
        made = csr_array((data, self.indices.copy(), self.indptr.copy()), shape=self.shape)
        made.has_sorted_indices = made.has_canonical_format = True
        return made

    def union(self, *others: Pattern) -> Pattern:
        """Return the pattern of the entries of any of several matrices."""
        total = self.to_scipy()
        for other in others:
            total = total + other.to_scipy()
        return Pattern.of_scipy(total)

    def product(self, other: Pattern) -> Pattern:
        """Return the pattern of the product with a matrix on the right, if nothing cancels."""
        return Pattern.of_scipy(self.to_scipy() @ other.to_scipy())

    def contains(self, other: Pattern) -> bool:
        """Tell whether every entry of another pattern is one of this."""
        return self.shape == other.shape and self.union(other).nnz == self.nnz

    def __eq__(self, other: object) -> bool:
        """Tell whether two patterns have the same shape and entries."""
        return (
            isinstance(other, Pattern)
            and self.shape == other.shape
            and np.array_equal(self.indptr, other.indptr)
            and np.array_equal(self.indices, other.indices)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Pattern(shape={self.shape}, nnz={self.nnz})"


def stacked(patterns: Sequence[Pattern], columns: int) -> Pattern:
    """Return patterns with this number of columns, one below the other."""
    ends = np.cumsum([0, *[p.nnz for p in patterns]])
    parts = [p.indptr[1:] + end for p, end in zip(patterns, ends[:-1].tolist(), strict=True)]
    indptr = np.concatenate([np.zeros(1, np.int64), *parts])
    indices = np.concatenate([np.zeros(0, np.int64), *[p.indices for p in patterns]])
    return Pattern((len(indptr) - 1, columns), indptr, indices)
