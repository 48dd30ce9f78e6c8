"""Random programs, written straight into the IR: stores, views, loops that keep and consume, branches, early ends, lists."""

import operator
import random

import numpy as np

from adjoint._ir.builder import Builder, Symbol
from adjoint._ir.nodes import Block, Function, Loop, Value, atom_type
from adjoint._ir.types import BOOL, FLOAT, INT, ListOf, Tensor
from adjoint._rules import kinds, stores

VECTOR = Tensor(np.dtype(float), 1)
MATRIX = Tensor(np.dtype(float), 2)
INTEGERS = Tensor(np.dtype(int), 1)
# Length of all vectors; matrices are square.
N = 4
NAMES = ["", "", "u", "v", "w", "s", "x", "u_bar", "x_bar", "lambda", "range", "np", "kept"]


class Writer:
    """Writes one program; ``scope`` has the symbols that may be used now."""

    def __init__(self, seed, most=9):
        self.most = most
        self.random = random.Random(seed)
        self.builder = Builder()

    def program(self):
        params = [
            Value(FLOAT, "a"),
            Value(VECTOR, "x"),
            Value(VECTOR, "y"),
            Value(MATRIX, "A"),
            Value(INT, "n"),
            Value(INTEGERS, "at"),
        ]
        with self.builder.block(params) as body:
            scope = [Symbol(p) for p in params]
            self.statements(scope, self.random.randint(2, self.most), 0)
            results = self.random.sample(scope, min(len(scope), self.random.randint(1, 5)))
            body.results = [r.value for r in results]
        return Function("f", body)

    # Choices

    def pick(self, scope, kind):
        found = [
            s
            for s in scope
            if s.type == kind
            or (kind == FLOAT and isinstance(s.type, Tensor) and s.type.rank == 0 and s.type.dtype.kind == "f")
        ]
        recent = found[-3:] if self.random.random() < 0.6 else found
        return self.random.choice(recent) if recent else None

    def name(self, *symbols):
        for s in symbols:
            if isinstance(s, Symbol):
                s.value.name = self.random.choice(NAMES)
        return symbols[0]

    def number(self, scope):
        return self.pick(scope, FLOAT) if self.random.random() < 0.7 else self.random.choice([0.5, -1.5, 2.0])

    def index(self, scope, axes=1):
        r = self.random.random()
        i = self.random.choice([0, 1, -1, 2])
        if r < 0.3:
            return i if axes == 1 else (i, self.random.choice([0, 3]))
        if r < 0.5:
            return slice(self.random.choice([None, 0, 1]), self.random.choice([None, -1, 3]))
        if r < 0.6:
            return ...
        if r < 0.7 and axes == 1:
            return self.pick(scope, INTEGERS)
        n = next((s for s in reversed(scope) if s.type == INT), 1)
        return n % N

    # Statements

    def statements(self, scope, count, depth):
        for _ in range(count):
            kinds_ = [
                self.arithmetic,
                self.arithmetic,
                self.view,
                self.store,
                self.store,
                self.accumulate,
                self.update,
                self.fresh,
                self.listed,
            ]
            if depth < 2:
                kinds_ += [self.loop, self.loop, self.branch, self.forever]
            self.random.choice(kinds_)(scope, depth)

    def arithmetic(self, scope, depth):
        f = self.random.choice([np.add, np.subtract, np.multiply, kinds.scale])
        kind = self.random.choice([VECTOR, FLOAT, MATRIX])
        a, b = self.pick(scope, kind), self.pick(scope, self.random.choice([kind, FLOAT]))
        if a is None or b is None:
            return
        if self.random.random() < 0.3:
            b = np.sin(b)
        y = self.builder.apply(f, (a, b) if self.random.random() < 0.8 else (b, a))
        scope.append(self.name(np.tanh(y) if self.random.random() < 0.8 else y * 0.5))

    def fresh(self, scope, depth):
        x = self.pick(scope, self.random.choice([VECTOR, MATRIX]))
        scope.append(self.name(self.random.choice([np.zeros_like, np.copy, np.cos, np.transpose])(x)))

    def view(self, scope, depth):
        kind = self.random.choice([VECTOR, MATRIX])
        x = self.pick(scope, kind)
        if kind == VECTOR:
            y = self.random.choice([
                lambda: x[::-1], lambda: self.builder.apply(np.asarray, (x,)), lambda: x[...], lambda: np.reshape(x, (N,)), lambda: np.real(x),
                lambda: x[self.random.choice([0, 1, -1])], lambda: np.broadcast_to(x, (N,)), lambda: x[:],
            ])()  # fmt: skip
        else:
            y = self.random.choice(
                [lambda: x.T, lambda: x[1], lambda: x[:, 2], lambda: np.diagonal(x), lambda: x[::-1], lambda: x[0, 1]]
            )()
        scope.append(self.name(y))

    def target(self, scope):
        kind = self.random.choice([VECTOR, VECTOR, MATRIX])
        return self.pick(scope, kind), 1 if kind == VECTOR else 2

    def store(self, scope, depth):
        a, axes = self.target(scope)
        index = self.index(scope, axes)
        v = self.number(scope)
        if self.random.random() < 0.3 and index is ... and axes == 1:
            v = self.pick(scope, VECTOR)
        if self.random.random() < 0.2 and not isinstance(index, Symbol):
            v = a[index] + v if self.random.random() < 0.5 else a[index] * 0.5
        scope.append(self.name(self.builder.apply(stores.assign, (a, index, v))))

    def accumulate(self, scope, depth):
        a, axes = self.target(scope)
        scope.append(self.name(self.builder.apply(stores.accumulate, (a, self.index(scope, axes), self.number(scope)))))

    def update(self, scope, depth):
        a, _ = self.target(scope)
        b = self.pick(scope, a.type) if self.random.random() < 0.5 else self.number(scope)
        y = np.add(a, b * 0.25)
        y.value.name = a.value.name or "w_bar"
        if not a.value.name:
            a.value.name = y.value.name
        scope.append(y)

    def listed(self, scope, depth):
        lists = [s for s in scope if isinstance(s.type, ListOf) and isinstance(s.type.item, Tensor)]
        if not lists or self.random.random() < 0.3:
            x = self.pick(scope, self.random.choice([VECTOR, FLOAT]))
            scope.append(self.name(self.builder.apply(stores.filled, (3, x))))
            return
        items = self.random.choice(lists)
        r = self.random.random()
        x = self.pick(scope, items.type.item)
        if x is None:
            return
        if r < 0.3:
            scope.append(self.name(self.builder.apply(stores.append, (items, x))))
        elif r < 0.5:
            longer = self.builder.apply(stores.append, (items, x))
            scope.append(self.name(self.builder.apply(stores.without_last, (longer,))))
        elif r < 0.7:
            longer = self.builder.apply(stores.append, (items, x))
            scope.append(self.name(self.builder.apply(stores.assign, (longer, -1, x))))
        else:
            longer = self.builder.apply(stores.append, (items, x))
            scope.append(self.name(longer[-1]))

    # Control

    def carried(self, scope):
        chosen = [
            s
            for s in self.random.sample(scope, min(len(scope), self.random.randint(1, 3)))
            if isinstance(s.type, Tensor) and s.type != INT
        ]
        return chosen or [scope[1]]

    def branch(self, scope, depth):
        outs = [x.type for x in self.carried(scope)]
        condition = self.number_condition(scope)
        blocks = []
        for _ in range(2):
            with self.builder.block() as block:
                inner = list(scope)
                self.statements(inner, self.random.randint(0, 3), depth + 1)
                block.results = [self.of_type(inner, t).value for t in outs]
            blocks.append(block)
        scope.extend(self.name(s) for s in self.builder.branch(condition, *blocks))

    def of_type(self, scope, t):
        found = [s for s in scope if s.type == t]
        return self.random.choice(found[-3:] if self.random.random() < 0.7 else found)

    def number_condition(self, scope):
        a = self.pick(scope, FLOAT)
        c = a < self.random.choice([0.0, 0.3, 1.0])
        if self.random.random() < 0.3:
            b = self.pick(scope, FLOAT)
            sides = [lambda: [np.sin(b) < 0.5], lambda: [self.random.random() < 0.5]]
            self.random.shuffle(sides)
            (c,) = self.builder.if_(c, *sides)
        return np.invert(c) if self.random.random() < 0.2 else c

    def loop(self, scope, depth):
        inits = self.carried(scope)
        consumed = [s for s in scope if getattr(s, "kept", None)] if False else []
        collects = self.random.random() < 0.6
        state = {}

        def body(i, *carried):
            inner = [*scope, i, *carried]
            self.name(*carried)
            self.statements(inner, self.random.randint(1, 4), depth + 1)
            updates = [self.of_type(inner, s.type) for s in inits]
            kept = [s for s in inner[len(scope) + 1 :] if isinstance(s.type, Tensor)][-2:] if collects else []
            state["kept"] = [s.type for s in kept]
            if self.stop:
                return updates, kept, [self.number_condition(inner)]
            return updates, kept

        self.stop = False
        stop = self.random.random() < 0.2
        reverse = self.random.random() < 0.3
        span = (0, self.random.choice([3, scope[4]]), 1) if self.random.random() < 0.7 else (1, 6, 2)
        if stop:
            finals, lists, turns = self.stopping(scope, inits, collects, depth, span)
        else:
            finals, lists, turns = self.builder.loop(
                span, inits, body, types=[s.type for s in inits], reverse=reverse, consumed=consumed
            )
        self.name(*finals)
        scope.extend(finals)
        if self.random.random() < 0.2:
            scope.append(self.name(turns))
        if lists and self.random.random() < 0.8:
            self.consume(scope, lists, turns, span if not stop else (0, turns, 1), depth)
        scope.extend(s for s in lists if isinstance(s.type, ListOf))

    def stopping(self, scope, inits, collects, depth, span):
        """A loop whose last operation is a branch on which it stops."""
        builder = self.builder
        carried = [Value(s.type) for s in inits]
        self.name(*map(Symbol, carried))
        index = Value(INT, "i")
        with builder.block([index, *carried]) as block:
            inner = [*scope, Symbol(index), *map(Symbol, carried)]
            self.statements(inner, self.random.randint(0, 2), depth + 1)
            condition = self.number_condition(inner)
            sides = []
            for _ in range(2):
                with builder.block() as side:
                    within = list(inner)
                    self.statements(within, self.random.randint(0, 2), depth + 1)
                    side.results = [self.of_type(within, s.type).value for s in inits]
                sides.append(side)
            if collects:
                for side in sides:
                    side.results.append(side.results[0])
            stops = self.random.sample([True, False], 2)
            for side, stop in zip(sides, stops, strict=True):
                side.results.append(stop)
            outputs = builder.branch(condition, *sides)
            block.results = [s.value for s in outputs]
        outputs = [Value(s.type) for s in inits]
        lists = [Value(ListOf(atom_type(x))) for x in block.results[len(inits) : -1]]
        op = Loop(
            range=builder.atoms(span) if self.random.random() < 0.7 else (0, 5, 1),
            inits=[s.value for s in inits], body=block, stops=True, outputs=[*outputs, *lists, Value(INT)],
        )  # fmt: skip
        builder.append(op)
        return builder.symbols(op.finals), builder.symbols(op.lists), Symbol(op.turns)

    def consume(self, scope, lists, turns, span, depth):
        inits = self.carried(scope)
        n = len(inits)

        def body(i, *parts):
            inner = [*scope, i, *parts]
            self.name(*parts)
            self.statements(inner, self.random.randint(1, 3), depth + 1)
            return [self.of_type(inner, s.type) for s in inits], []

        reverse = self.random.random() < 0.7
        finals, _, _ = self.builder.loop(span, inits, body, types=[s.type for s in inits], reverse=reverse, consumed=lists)
        assert n == len(finals)
        scope.extend(self.name(s) for s in finals)

    def forever(self, scope, depth):
        """A loop that its test ends, which counts down."""
        inits = [Symbol(Value(FLOAT)), *self.carried(scope)]
        types = [FLOAT, *[s.type for s in inits[1:]]]

        def body(i, c, *carried):
            inner = [*scope, i, *carried]
            self.name(c, *carried)
            self.statements(inner, self.random.randint(0, 3), depth + 1)
            kept = [s for s in inner[len(scope) + 1 :] if isinstance(s.type, Tensor)][-1:] if self.random.random() < 0.4 else []
            return [self.builder.apply(operator.sub, (c, 1.0)), *[self.of_type(inner, s.type) for s in inits[1:]]], kept

        def test(c, *carried):
            limit = c if self.random.random() < 0.5 else c + np.minimum(np.abs(a), 1.0)
            return limit > 0.5

        a = self.pick(scope, FLOAT)
        start = self.random.choice([0.0, 2.0, 3.0])
        finals, lists, turns = self.builder.loop(None, [start, *inits[1:]], body, types=types, test=test)
        scope.extend(self.name(s) for s in finals[1:])
        if self.random.random() < 0.3:
            scope.append(self.name(turns))
        if lists and self.random.random() < 0.7:
            self.consume(scope, lists, turns, (0, turns, 1), depth)


def arguments(seed):
    """Return arguments for a random program."""
    rng = np.random.default_rng(seed)
    return [
        float(rng.normal()),
        rng.normal(size=N),
        rng.normal(size=N),
        rng.normal(size=(N, N)),
        int(rng.integers(0, 4)),
        rng.integers(0, N, size=2),
    ]


def program(seed, most=9):
    """Return a random program of at most so many statements on its outer level."""
    return Writer(seed, most).program()


__all__ = ["BOOL", "Block", "arguments", "program"]
