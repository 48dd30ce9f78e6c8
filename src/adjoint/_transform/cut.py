"""The cheapest cut of a network, by blocking flows in its shortest paths [Dinic 1970]."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Hashable

UNLIMITED = 10**15
Node = Hashable


class Network:
    """Nodes, and directed edges that can be cut at a price."""

    def __init__(self) -> None:
        self.residual: dict[Node, dict[Node, int]] = {}

    def edge(self, u: Node, v: Node, price: int) -> None:
        """Add an edge from ``u`` to ``v``."""
        forward = self.residual.setdefault(u, {})
        forward[v] = min(UNLIMITED, forward.get(v, 0) + price)
        self.residual.setdefault(v, {}).setdefault(u, 0)

    def cut(self, source: Node, sink: Node) -> set[Node]:
        """Return the nodes on the sink's side of the cheapest cut, the smallest such set if there are several."""
        if sink not in self.residual or source not in self.residual:
            return {sink}
        while source in (distance := self.distances(sink)):
            self.block(source, sink, distance)
        return set(distance)

    def distances(self, sink: Node) -> dict[Node, int]:
        """Return how many edges that are not exhausted lie between each node and the sink."""
        found, queue = {sink: 0}, deque([sink])
        while queue:
            v = queue.popleft()
            for u in self.residual[v]:
                if u not in found and self.residual[u][v] > 0:
                    found[u] = found[v] + 1
                    queue.append(u)
        return found

    def block(self, source: Node, sink: Node, distance: dict[Node, int]) -> None:
        """Exhaust an edge on every shortest path."""
        neighbours: dict[Node, list[Node]] = {}
        place: dict[Node, int] = {}
        path = [source]
        while path:
            u = path[-1]
            if u == sink:
                path = path[: self.push(path) + 1]
                continue
            if u not in neighbours:
                neighbours[u] = [v for v in self.residual[u] if distance.get(v) == distance[u] - 1]
                place[u] = 0
            while place[u] < len(neighbours[u]) and self.residual[u][neighbours[u][place[u]]] <= 0:
                place[u] += 1
            if place[u] < len(neighbours[u]):
                path.append(neighbours[u][place[u]])
            else:
                path.pop()
                if path:
                    place[path[-1]] += 1

    def push(self, path: list[Node]) -> int:
        """Send through a path what it can take; return where its first exhausted edge starts."""
        edges = list(itertools.pairwise(path))
        flow = min(self.residual[u][v] for u, v in edges)
        first = len(edges)
        for k, (u, v) in enumerate(edges):
            self.residual[u][v] -= flow
            self.residual[v][u] += flow
            if self.residual[u][v] == 0:
                first = min(first, k)
        return first
