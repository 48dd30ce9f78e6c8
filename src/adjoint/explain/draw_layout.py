"""A layered layout of an acyclic graph: longest-path layers, median crossing reduction, straight long edges.

The steps are those of Sugiyama, Tagawa and Toda (1981).  Edges that span several layers are broken by bends, one in each layer
between, which all edges from one box share.  Within the layers the order is improved by medians, swept down and up, and the
order with the fewest crossings is kept.  Positions then minimise the squared distance from the mean of the neighbours, with
the order and the distances kept: along one layer that is an isotonic regression, which pooling adjacent violators solves
exactly.

Nothing here knows what the boxes mean.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

SWEEPS = 16
SETTLE = 24
GAP = 26.0  # between boxes of one layer
BEND_GAP = 14.0  # where one of the two is a bend
LAYER_GAP = 46.0

Edge = tuple[int, int]
Place = tuple[float, float]


@dataclass
class Layout:
    """Where everything is.

    Attributes
    ----------
    centers
        Of the boxes.
    routes
        For each edge the points that it passes, from the lower side of a box to the upper side of another.
    width, height
        Of the whole.
    """

    centers: list[Place]
    routes: list[list[Place]]
    width: float
    height: float


@dataclass
class _Graph:
    """The boxes and the bends, layer by layer."""

    widths: list[float]
    heights: list[float]
    above: list[list[int]]
    below: list[list[int]]
    real: int
    layers: list[list[int]] = field(default_factory=list)
    xs: list[float] = field(default_factory=list)

    def is_bend(self, v: int) -> bool:
        return v >= self.real


def lay_out(sizes: Sequence[tuple[float, float]], edges: Sequence[Edge], top: frozenset[int] = frozenset()) -> Layout:
    """Lay out boxes of these sizes, numbered so that each edge leads to a higher number; ``top`` stay in the first layer."""
    n = len(sizes)
    layer = _layers(n, edges, top)
    graph = _Graph([w for w, _ in sizes], [h for _, h in sizes], [[] for _ in sizes], [[] for _ in sizes], n)
    graph.layers = [[] for _ in range(max(layer, default=-1) + 1)]
    for v in range(n):
        graph.layers[layer[v]].append(v)
    bends: dict[Edge, int] = {}
    chains = [_chain(graph, layer, a, b, bends) for a, b in edges]
    _order(graph)
    _settle(graph)
    return _placed(graph, chains)


def _layers(n: int, edges: Sequence[Edge], top: frozenset[int]) -> list[int]:
    """Return the length of the longest path to each box; a source is put just above what it is used by, unless in ``top``."""
    layer = [0] * n
    children: list[list[int]] = [[] for _ in range(n)]
    sources = set(range(n)) - {b for _, b in edges}
    for a, b in sorted(edges, key=lambda edge: edge[1]):
        layer[b] = max(layer[b], layer[a] + 1)
        children[a].append(b)
    for v in sorted(sources - top, reverse=True):
        layer[v] = max(min((layer[child] for child in children[v]), default=1) - 1, 0)
    return layer


def _chain(graph: _Graph, layer: list[int], a: int, b: int, bends: dict[Edge, int]) -> list[int]:
    """Join two boxes by bends, one in each layer between; all edges from a box share theirs, as branches share a trunk."""
    chain = [a]
    for between in range(layer[a] + 1, layer[b]):
        if (a, between) in bends:
            chain.append(bends[a, between])
            continue
        v = bends[a, between] = len(graph.widths)
        graph.widths.append(0.0)
        graph.heights.append(0.0)
        graph.above.append([])
        graph.below.append([])
        graph.layers[between].append(v)
        chain.append(v)
    chain.append(b)
    for upper, lower in itertools.pairwise(chain):
        if lower not in graph.below[upper]:
            graph.below[upper].append(lower)
            graph.above[lower].append(upper)
    return chain


# Order -----------------------------------------------------------------------------------------------------------------------


def _order(graph: _Graph) -> None:
    """Order each layer so that few edges cross."""
    best, fewest = [list(layer) for layer in graph.layers], _crossings(graph)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        downwards = sweep % 2 == 0
        layers = graph.layers[1:] if downwards else graph.layers[-2::-1]
        neighbours = graph.above if downwards else graph.below
        place = _places(graph)
        for layer in layers:
            layer.sort(key=lambda v: _median([place[u] for u in neighbours[v]], place[v]))
            place.update({v: k for k, v in enumerate(layer)})
        crossings = _crossings(graph)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in graph.layers], crossings
    graph.layers = best


def _places(graph: _Graph) -> dict[int, int]:
    return {v: k for layer in graph.layers for k, v in enumerate(layer)}


def _median(places: list[int], otherwise: int) -> float:
    """Return the median, between two middle ones nearer to the side where places are denser [Gansner et al. 1993]."""
    places = sorted(places)
    n = len(places)
    if not n:
        return otherwise
    if n % 2 or n == 2:
        return (places[(n - 1) // 2] + places[n // 2]) / 2
    left, right = places[n // 2 - 1] - places[0], places[-1] - places[n // 2]
    if left + right == 0:
        return places[n // 2]
    return (places[n // 2 - 1] * right + places[n // 2] * left) / (left + right)


def _crossings(graph: _Graph) -> int:
    place, total = _places(graph), 0
    for layer in graph.layers:
        seen: list[int] = []
        for v in layer:
            ends = sorted(place[u] for u in graph.below[v])
            total += sum(len(seen) - bisect.bisect_right(seen, end) for end in ends)
            for end in ends:
                bisect.insort(seen, end)
    return total


# Positions -------------------------------------------------------------------------------------------------------------------


def _settle(graph: _Graph) -> None:
    """Give every box and bend its horizontal position."""
    graph.xs = [0.0] * len(graph.widths)
    for layer in graph.layers:
        _spread(graph, layer, [0.0] * len(layer), [1.0] * len(layer))
    for sweep in range(SETTLE):
        for layer in graph.layers if sweep % 2 == 0 else reversed(graph.layers):
            wanted, weights = zip(*(_wish(graph, v, sweep) for v in layer), strict=True)
            _spread(graph, layer, list(wanted), list(weights))


def _wish(graph: _Graph, v: int, sweep: int) -> tuple[float, float]:
    """Return where a box would stand best, and how much that matters: bends most, so that long edges run straight."""
    # The first sweeps look one way, as the layers do that were just placed; the last look at both sides.
    sides = graph.above[v] if sweep < SETTLE // 3 and sweep % 2 == 0 and graph.above[v] else graph.above[v] + graph.below[v]
    pulls = [(graph.xs[u], (8.0 if graph.is_bend(u) else 2.0) if graph.is_bend(v) else 1.0) for u in sides]
    total = sum(weight for _, weight in pulls)
    return (sum(x * weight for x, weight in pulls) / total, total) if total else (graph.xs[v], 0.1)


def _spread(graph: _Graph, layer: list[int], wanted: list[float], weights: list[float]) -> None:
    """Place a layer as near to the wanted positions as the order and the gaps allow: isotonic regression."""
    offsets, reach = [], 0.0
    for k, v in enumerate(layer):
        if k:
            before = layer[k - 1]
            gap = BEND_GAP if graph.is_bend(v) or graph.is_bend(before) else GAP
            reach += (graph.widths[before] + graph.widths[v]) / 2 + gap
        offsets.append(reach)
    blocks: list[tuple[float, float, int]] = []  # mean, weight, length
    for x, weight, offset in zip(wanted, weights, offsets, strict=True):
        mean, mass, length = x - offset, weight, 1
        while blocks and blocks[-1][0] > mean:
            other, other_mass, other_length = blocks.pop()
            mean = (mean * mass + other * other_mass) / (mass + other_mass)
            mass, length = mass + other_mass, length + other_length
        blocks.append((mean, mass, length))
    means = [mean for mean, _, length in blocks for _ in range(length)]
    for v, mean, offset in zip(layer, means, offsets, strict=True):
        graph.xs[v] = mean + offset


def _placed(graph: _Graph, chains: list[list[int]]) -> Layout:
    """Return the layout, moved so that it begins at zero."""
    ys, tall = _heights(graph)
    left = min((graph.xs[v] - graph.widths[v] / 2 for layer in graph.layers for v in layer), default=0.0)
    right = max((graph.xs[v] + graph.widths[v] / 2 for layer in graph.layers for v in layer), default=0.0)
    xs = [x - left for x in graph.xs]
    ports = _ports(graph, chains, xs)
    routes = []
    for chain, (start, end) in zip(chains, ports, strict=True):
        a, b = chain[0], chain[-1]
        bends = []
        for v in chain[1:-1]:
            bends += [(xs[v], ys[v] - tall[v] / 2), (xs[v], ys[v] + tall[v] / 2)]
        routes.append([(start, ys[a] + graph.heights[a] / 2), *bends, (end, ys[b] - graph.heights[b] / 2)])
    bottom = max((ys[v] + graph.heights[v] / 2 for v in range(graph.real)), default=0.0)
    return Layout([(xs[v], ys[v]) for v in range(graph.real)], routes, right - left, bottom)


def _heights(graph: _Graph) -> tuple[list[float], list[float]]:
    """Return for each box and bend the vertical center and the height of its layer."""
    ys, tall, y = [0.0] * len(graph.widths), [0.0] * len(graph.widths), 0.0
    for layer in graph.layers:
        height = max((graph.heights[v] for v in layer), default=0.0)
        for v in layer:
            ys[v], tall[v] = y + height / 2, height
        y += height + LAYER_GAP
    return ys, tall


def _ports(graph: _Graph, chains: list[list[int]], xs: list[float]) -> list[Place]:
    """Return where each edge leaves its box and enters the other: apart from one another, in the order of their directions."""
    starts: dict[Edge, float] = {}
    ends: dict[Edge, float] = {}
    for v in range(graph.real):
        for ports, neighbours in ((starts, graph.below[v]), (ends, graph.above[v])):
            others = sorted(neighbours, key=xs.__getitem__)
            ports.update(zip([(v, u) for u in others], _along(graph, v, xs[v], len(others)), strict=True))
    return [(starts[chain[0], chain[1]], ends[chain[-1], chain[-2]]) for chain in chains]


def _along(graph: _Graph, v: int, x: float, count: int) -> list[float]:
    """Return positions for so many ends of edges along one side of a box."""
    step = min(graph.widths[v] * 0.6 / max(count, 1), 28.0)
    return [x + (k - (count - 1) / 2) * step for k in range(count)]
