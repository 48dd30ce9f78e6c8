"""The cheapest cut of a network (Ford and Fulkerson 1956, by shortest augmenting paths: Edmonds and Karp 1972)."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable

UNLIMITED = 10**15


class Network:
    """Nodes, and directed edges that can be cut at a price."""

    def __init__(self) -> None:
        self.residual: dict[Hashable, dict[Hashable, int]] = {}

    def edge(self, u: Hashable, v: Hashable, price: int) -> None:
        """Add an edge from ``u`` to ``v``."""
        forward = self.residual.setdefault(u, {})
        forward[v] = min(UNLIMITED, forward.get(v, 0) + price)
        self.residual.setdefault(v, {}).setdefault(u, 0)

    def cut(self, source: Hashable, sink: Hashable) -> set[Hashable]:
        """Return the nodes on the sink's side of the cheapest cut, the smallest such set if there are several."""
        if sink not in self.residual or source not in self.residual:
            return {sink}
        while (path := self.path(source, sink)) is not None:
            flow = min(self.residual[u][v] for u, v in path)
            for u, v in path:
                self.residual[u][v] -= flow
                self.residual[v][u] += flow
        return self.reaching(sink)

    def path(self, source: Hashable, sink: Hashable) -> list[tuple[Hashable, Hashable]] | None:
        """Return a shortest path of edges that are not exhausted."""
        came: dict[Hashable, Hashable] = {source: None}
        queue = deque([source])
        while queue and sink not in came:
            u = queue.popleft()
            for v, left in self.residual[u].items():
                if left > 0 and v not in came:
                    came[v] = u
                    queue.append(v)
        if sink not in came:
            return None
        edges, node = [], sink
        while node != source:
            edges.append((came[node], node))
            node = came[node]
        return edges

    def reaching(self, sink: Hashable) -> set[Hashable]:
        """Return the nodes from which the sink can still be reached."""
        found, queue = {sink}, deque([sink])
        while queue:
            v = queue.popleft()
            for u in self.residual[v]:
                if u not in found and self.residual[u][v] > 0:
                    found.add(u)
                    queue.append(u)
        return found
