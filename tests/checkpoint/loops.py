"""Loops to reverse, which count what is done to them."""

import math
import weakref
from dataclasses import dataclass, field

State = tuple
START = 0.3, -0.7


class Token:
    """A part of each state that can be watched while it is alive."""

    __slots__ = ("__weakref__",)


@dataclass
class Loop:
    """A coupled nonlinear recurrence of two numbers; watches the calls and the states that are alive at a time."""

    advances: int = 0
    pulls: list[int] = field(default_factory=list)
    evaluations: dict[int, int] = field(default_factory=dict)
    alive: weakref.WeakSet = field(default_factory=weakref.WeakSet)
    most_alive: int = 0
    watched: bool = False

    def start(self) -> State:
        return self._state(0, *START)

    def _state(self, k: int, x: float, y: float) -> State:
        if not self.watched:
            return k, x, y, None
        token = Token()
        self.alive.add(token)
        self.most_alive = max(self.most_alive, len(self.alive))
        return k, x, y, token

    def advance(self, k: int, state: State) -> State:
        at, x, y, _ = state
        assert at == k, f"step {k} was run from the state before step {at}"
        self.advances += 1
        self.evaluations[k] = self.evaluations.get(k, 0) + 1
        return self._state(k + 1, 1.9 * math.sin(x) + 0.4 * y, math.cos(x * y) + 0.1 * (k % 3) * y)

    def pull(self, k: int, state: State, cotangent: tuple[float, float]) -> tuple[float, float]:
        at, x, y, _ = state
        assert at == k, f"step {k} was reversed from the state before step {at}"
        self.pulls.append(k)
        x_bar, y_bar = cotangent
        product_bar = -math.sin(x * y) * y_bar
        return 1.9 * math.cos(x) * x_bar + y * product_bar, 0.4 * x_bar + x * product_bar + 0.1 * (k % 3) * y_bar


def stored(n: int, cotangent: tuple[float, float] = (1.0, 0.5)) -> list[tuple[State, tuple[float, float]]]:
    """Return final state and cotangent before step 0 for 0 to n steps, by storing all states."""
    loop = Loop()
    states = [loop.start()]
    for k in range(n):
        states.append(loop.advance(k, states[-1]))
    results = []
    for steps, final in enumerate(states):
        ct = cotangent
        for k in reversed(range(steps)):
            ct = loop.pull(k, states[k], ct)
        results.append((final, ct))
    return results
