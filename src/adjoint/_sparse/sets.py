"""Many sets of columns, named by numbers, so that arrays of sets are arrays of integers.

Sets 1 to ``n`` are the single columns 0 to ``n - 1``, 0 is the empty set.  A further set is made as the union of sets that
exist; it is only noted, as a node of an acyclic graph, and expanded into its columns when the end is known, and only if the end
needs it.  So a program that moves and combines elements costs what it does to arrays of integers, whatever the sets are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint._sparse.pattern import Pattern


@dataclass(frozen=True)
class Block:
    """Sets that were made together: set ``first + i`` is the union of the sets ``members[indptr[i] : indptr[i + 1]]``."""

    first: int
    indptr: np.ndarray
    members: np.ndarray

    @property
    def stop(self) -> int:
        """The number behind the last set of the block."""
        return self.first + len(self.indptr) - 1


class Sets:
    """The table of the sets of ``n`` columns that were made so far.

    >>> sets = Sets(4)
    >>> first = sets.add(np.array([0, 2, 4]), np.array([1, 2, 3, 0]))  # {0, 1} and {2}
    >>> sets.expand(np.array([0, 1, 3]), np.array([first, first + 1, 4])).to_scipy().toarray().astype(int)
    array([[1, 1, 0, 0],
           [0, 0, 1, 1]])
    """

    def __init__(self, n: int) -> None:
        self.n = n
        self.count = n + 1
        self.blocks: list[Block] = []

    def add(self, indptr: np.ndarray, members: np.ndarray) -> int:
        """Make a set for each row of members (0 adds nothing), and return the number of the first; the others follow."""
        first = self.count
        self.blocks.append(Block(first, indptr, members))
        self.count += len(indptr) - 1
        return first

    def expand(self, indptr: np.ndarray, members: np.ndarray) -> Pattern:
        """Return the pattern whose rows are the unions of the sets of each row of members."""
        needed = self._needed(members)
        table = _Expanded(self.n, self.count)
        for wave in self._waves(needed):
            starts, parts, names = [], [], []
            for block in wave:
                rows = np.flatnonzero(needed[block.first : block.stop])
                chosen, where = _ragged(block.indptr[rows], np.diff(block.indptr)[rows])
                starts.append(chosen)
                parts.append(block.members[where])
                names.append(rows + block.first)
            lengths, named = np.concatenate(starts), np.concatenate(names)
            table.enter(named, table.union(np.concatenate([[0], np.cumsum(lengths)]), np.concatenate(parts)))
        return table.union(indptr, members)

    def _needed(self, members: np.ndarray) -> np.ndarray:
        """Tell which sets the end is made of."""
        needed = np.zeros(self.count, bool)
        needed[members] = True
        for block in reversed(self.blocks):
            wanted = needed[block.first : block.stop]
            if wanted.any():
                _, where = _ragged(block.indptr[:-1][wanted], np.diff(block.indptr)[wanted])
                needed[block.members[where]] = True
        return needed

    def _waves(self, needed: np.ndarray) -> list[list[Block]]:
        """Return the blocks that are needed in groups, each made of sets of the groups before it only."""
        depth = np.zeros(self.count, np.int32)
        waves: list[list[Block]] = []
        for block in self.blocks:
            if not needed[block.first : block.stop].any():
                continue
            level = int(depth[block.members].max(initial=0))
            depth[block.first : block.stop] = level + 1
            if level == len(waves):
                waves.append([])
            waves[level].append(block)
        return waves


class _Expanded:
    """The columns of the sets that were expanded so far, in one pool of memory."""

    def __init__(self, n: int, count: int) -> None:
        self.n = n
        self.offsets = np.zeros(count, np.int64)
        self.lengths = np.zeros(count, np.int64)
        self.pool = np.arange(n)
        self.used = n
        self.offsets[1 : n + 1] = np.arange(n)
        self.lengths[1 : n + 1] = 1

    def union(self, indptr: np.ndarray, members: np.ndarray) -> Pattern:
        """Return the columns of unions of sets."""
        counts, where = _ragged(self.offsets[members], self.lengths[members])
        ends = np.concatenate([[0], np.cumsum(counts)])
        return Pattern.of_rows(ends[indptr], self.pool[where], self.n)

    def enter(self, names: np.ndarray, pattern: Pattern) -> None:
        """Note the columns of sets."""
        stop = self.used + pattern.nnz
        if stop > len(self.pool):
            self.pool = np.concatenate([self.pool, np.zeros(max(stop, 2 * len(self.pool)) - len(self.pool), np.int64)])
        self.pool[self.used : stop] = pattern.indices
        self.offsets[names] = self.used + pattern.indptr[:-1]
        self.lengths[names] = pattern.row_counts
        self.used = stop


def _ragged(starts: Any, lengths: Any) -> tuple[Any, np.ndarray]:
    """Return the lengths, and the positions ``starts[0], starts[0] + 1, ...`` of all pieces one after the other."""
    if len(lengths) and lengths.min() == lengths.max() == 1:
        return lengths, starts
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return lengths, np.arange(total) + np.repeat(starts - (ends - lengths), lengths)
