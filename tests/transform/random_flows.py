"""Random programs with control flow: what nobody thought of writing down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint._ir.builder import Symbol
from adjoint._ir.nodes import Block, Function, Value
from adjoint._rules import stores
from tests.transform.flows import COUNT, VECTOR, F, length_of, written

N = 4


class Writer:
    """Writes statements on numbers and arrays of `N` elements, all of whose values stay small."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.b: Any = None
        self.function: Function | None = None
        # Whether the body of that function is being written, which must not call itself whatever happens.
        self.within = False

    def chance(self, p: float) -> bool:
        return bool(self.rng.random() < p)

    def pick(self, xs: list[Any]) -> Any:
        return xs[int(self.rng.integers(len(xs)))]

    def program(self) -> Function:
        def f(b, x, y, v):
            self.b = b
            numbers, arrays = self.statements([x, y], [v], [0], int(self.rng.integers(3, 7)), 3)
            return [np.sin(numbers[-1]) + numbers[0], arrays[-1] * numbers[-1]]

        return written(f, [F, F, VECTOR])

    # A scope is its numbers, its arrays and its indices.

    def statements(self, numbers: list[Any], arrays: list[Any], indices: list[Any], n: int, depth: int) -> Any:
        numbers, arrays = list(numbers), list(arrays)
        for _ in range(n):
            kinds = [self.number, self.number, self.array, self.store, self.read]
            if depth:
                kinds += [self.branch, self.loop, self.loop, self.early, self.listed, self.appended]
                kinds += [] if self.within else [self.call]
            self.pick(kinds)(numbers, arrays, indices, depth - 1)
        return numbers, arrays

    def place(self, xs: list[Any], x: Any) -> None:
        """Assign to a variable, a new one or one that is there."""
        if self.chance(0.5):
            xs.append(x)
        else:
            xs[int(self.rng.integers(len(xs)))] = x

    def some_number(self, numbers: list[Any], arrays: list[Any]) -> Any:
        a, b = self.pick(numbers), self.pick(numbers)
        c = float(np.round(self.rng.uniform(-1, 1), 1))
        forms: list[Callable[[], Any]] = [
            lambda: np.sin(a) * b,
            lambda: np.tanh(a * b + c),
            lambda: a * c + b * 0.5,
            lambda: np.sum(np.sin(self.pick(arrays))) * 0.3 + a * 0.1,
            lambda: a / (2.0 + b * b),
            lambda: np.cos(b) + a * 0.0,
            lambda: np.tanh(self.pick(arrays) @ self.pick(arrays)),
        ]
        return self.pick(forms)()

    def number(self, numbers: list[Any], arrays: list[Any], indices: list[Any], depth: int) -> None:
        self.place(numbers, self.some_number(numbers, arrays))

    def array(self, numbers: list[Any], arrays: list[Any], indices: list[Any], depth: int) -> None:
        u, v, a = self.pick(arrays), self.pick(arrays), self.pick(numbers)
        forms: list[Callable[[], Any]] = [
            lambda: np.sin(u) * a,
            lambda: np.tanh(u * v),
            lambda: u * 0.5 + v * np.cos(a),
            lambda: np.zeros_like(u) + np.sin(a),
            lambda: np.where(u > v, u * 0.9, np.sin(v)),
        ]
        self.place(arrays, self.pick(forms)())

    def store(self, numbers: list[Any], arrays: list[Any], indices: list[Any], depth: int) -> None:
        k = int(self.rng.integers(len(arrays)))
        index = (self.pick(indices) + int(self.rng.integers(3))) % N
        write = self.pick([stores.assign, stores.accumulate])
        arrays[k] = np.tanh(write(arrays[k], index, np.sin(self.pick(numbers))))
        if self.chance(0.5):
            arrays[k] = stores.assign(arrays[k], slice(1, None), arrays[k][:-1] * np.sin(arrays[k][1:]))

    def read(self, numbers: list[Any], arrays: list[Any], indices: list[Any], depth: int) -> None:
        index = (self.pick(indices) + int(self.rng.integers(3))) % N
        self.place(numbers, self.pick(arrays)[index])

    def branch(self, numbers: list[Any], arrays: list[Any], indices: list[Any], depth: int) -> None:
        condition = self.some_number(numbers, arrays) > float(np.round(self.rng.uniform(-0.5, 0.5), 1))

        def block() -> list[Any]:
            inner, deeper = self.statements(numbers, arrays, indices, int(self.rng.integers(1, 4)), depth)
            return [*inner[: len(numbers)], *deeper[: len(arrays)]]

        found = self.b.if_(condition, block, block)
        numbers[:], arrays[:] = found[: len(numbers)], found[len(numbers) :]

    def body(self, numbers: list[Any], arrays: list[Any], indices: list[Any], depth: int) -> Callable[..., Any]:
        n, m = len(numbers), len(arrays)

        def turn(k: Any, *carried: Any) -> Any:
            inner, deeper = self.statements(
                list(carried[:n]), list(carried[n : n + m]), [*indices, k], int(self.rng.integers(1, 4)), depth
            )
            return [*inner[:n], *deeper[:m]], inner, deeper

        return turn

    def loop(self, numbers: list[Any], arrays: list[Any], indices: list[Any], depth: int) -> None:
        turn = self.body(numbers, arrays, indices, depth)
        types = [F] * len(numbers) + [VECTOR] * len(arrays)
        bounds = self.pick([(0, 3, 1), (1, 4, 2), (3, -1, -1), (2, 2, 1)])
        found, _, _ = self.b.loop(
            bounds, [*numbers, *arrays], lambda k, *c: (turn(k, *c)[0], []), types=types, reverse=self.chance(0.3)
        )
        numbers[:], arrays[:] = found[: len(numbers)], found[len(numbers) :]

    def early(self, numbers: list[Any], arrays: list[Any], indices: list[Any], depth: int) -> None:
        """A loop that ends when a counter or a value says so."""
        turn = self.body(numbers, arrays, indices, depth)
        types = [F] * len(numbers) + [VECTOR] * len(arrays) + [COUNT]
        limit = float(np.round(self.rng.uniform(0, 1), 1))
        if self.chance(0.5):
            test = lambda *c: (c[-1] < 3) & (c[0] < limit)
            body = lambda k, *c: ([*turn(k, *c[:-1])[0], c[-1] + 1], [])
            found, _, _ = self.b.loop(None, [*numbers, *arrays, 0], body, types=types, test=test)
        else:

            def stopping(k: Any, *c: Any) -> Any:
                results, inner, _ = turn(k, *c[:-1])
                return [*results, c[-1]], [], [inner[-1] > limit]

            found, _, _ = self.b.loop((0, 4, 1), [*numbers, *arrays, 0], stopping, types=types, stop=True)
        numbers[:], arrays[:] = found[: len(numbers)], found[len(numbers) : -1]

    def listed(self, numbers: list[Any], arrays: list[Any], indices: list[Any], depth: int) -> None:
        """A loop that collects lists, and another that takes them."""
        turn = self.body(numbers, arrays, indices, depth)
        types = [F] * len(numbers) + [VECTOR] * len(arrays)

        def collecting(k: Any, *c: Any) -> Any:
            results, inner, deeper = turn(k, *c)
            return results, [inner[-1], deeper[-1]]

        _, lists, _ = self.b.loop((0, 3, 1), [*numbers, *arrays], collecting, types=types, reverse=self.chance(0.3))
        take = lambda k, s, item, v: ([np.tanh(s * item + np.sum(v) * 0.3)], [s * item])
        (s,), (again,), _ = self.b.loop(
            (0, 3, 1), [self.pick(numbers)], take, types=[F], consumed=lists, reverse=self.chance(0.3)
        )
        self.place(numbers, s * again[1])

    def appended(self, numbers: list[Any], arrays: list[Any], indices: list[Any], depth: int) -> None:
        """A list that grows, shrinks and is stored into."""
        items = self.b.apply(stores.filled, (2, np.sin(self.pick(numbers))))
        x = self.pick(numbers)

        def turn(k: Any, items: Any) -> Any:
            longer = stores.append(items, np.tanh(items[k] * x))
            (items,) = self.b.if_(x > 0.1, lambda: [stores.without_last(longer)], lambda: [longer])
            return [stores.assign(items, 1, items[-1] * 0.9)], []

        (items,), _, _ = self.b.loop((0, 2, 1), [items], turn)
        total = lambda k, s: ([s + items[k] * items[0]], [])
        (s,), _, _ = self.b.loop((0, length_of(self.b, items), 1), [x], total, types=[F])
        self.place(numbers, np.sin(s))

    def call(self, numbers: list[Any], arrays: list[Any], indices: list[Any], depth: int) -> None:
        """A call of a function that calls itself."""
        if self.function is None:
            params = [Value(F, "x"), Value(VECTOR, "v"), Value(COUNT, "n")]
            self.function = Function("random_recursion", Block(params=params))
            with self.b.into(self.function.body) as body:
                body.results = self.b.atoms(self.recursive(self.function, *map(Symbol, params)))
        n = self.pick([2, self.pick(indices) % 3])
        x, v = self.b.call(self.function, [self.pick(numbers), self.pick(arrays), n], [F, VECTOR])
        self.place(numbers, x)
        self.place(arrays, v)

    def recursive(self, function: Function, x: Any, v: Any, n: Any) -> list[Any]:
        """The body of a function that calls itself once or twice, unless a counter or a value says no."""
        self.within = True
        numbers, arrays = self.statements([x], [v], [n], 2, 1)
        self.within = False
        twice, limit = self.chance(0.3), float(np.round(self.rng.uniform(-1, 0), 1))

        def deeper() -> list[Any]:
            y, w = self.b.call(function, [np.sin(numbers[-1]), arrays[-1], n - 1], [F, VECTOR])
            if twice:
                z, w = self.b.call(function, [y * 0.9, w, n - 2], [F, VECTOR])
                y = y * z
            return [np.tanh(y + numbers[0]), np.sin(w) * y]

        return self.b.if_((n < 1) | (numbers[0] < limit), lambda: [numbers[-1] * 1.0, arrays[-1] * 0.5], deeper)


def random_flow(seed: int) -> Function:
    """Return a program of two numbers and an array, which returns a number and an array."""
    return Writer(seed).program()
