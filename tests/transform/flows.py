"""Programs with control flow, written by hand: what passes are tested on."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint._ir.builder import Builder, Symbol
from adjoint._ir.nodes import Block, Function, Line, Value, atom_type
from adjoint._ir.symbol import length
from adjoint._ir.types import ListOf, Tensor, type_of
from adjoint._ir.verify import verify
from adjoint._rules import stores

F = Tensor(np.dtype(float))
C = Tensor(np.dtype(complex))
COUNT = Tensor(np.dtype(int))
VECTOR = Tensor(np.dtype(float), 1)
RNG = np.random.default_rng(5)


@dataclass(frozen=True)
class Flow:
    """A program, and arguments to run it with."""

    name: str
    function: Function
    args: tuple[Any, ...]


FLOWS: list[Flow] = []


def written(f: Callable[..., Any], types: list[Any], name: str = "") -> Function:
    """Write a program by a function of a builder and symbols."""
    names = list(inspect.signature(f).parameters)[1:]
    params = [Value(t, n) for t, n in zip(types, names, strict=True)]
    function = Function(name or f.__name__, Block(params=params))
    builder = Builder()
    builder.line = Line(__file__, 1)
    with builder.into(function.body) as body:
        body.results = builder.atoms(list(f(builder, *map(Symbol, params))))
    return function


def flow(*args: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def enter(f: Callable[..., Any]) -> Callable[..., Any]:
        function = written(f, [type_of(a) for a in args])
        verify(function)
        FLOWS.append(Flow(f.__name__, function, args))
        return f

    return enter


def length_of(b, items):
    return b.apply(length, (items,))


# Straight lines and branches -------------------------------------------------------------------------------------------------


@flow(0.7, 1.3)
def straight(b, x, y):
    return [np.sin(x) * y + x / y, x * x]


@flow(np.array([0.3, 0.8, 1.1]), np.array([[0.3, 0.8, 1.1], [0.5, 0.2, 0.9]]))
def broadcast(b, x, a):
    return [np.sum(np.exp(a) * x + x[0] * a[1, :]), a @ x]


@flow(0.7, 1.3)
def branch(b, x, y):
    return b.if_(x < y, lambda: [x * y, np.sin(x)], lambda: [x - y, y * y])


@flow(1.7, 1.3)
def nested_branch(b, x, y):
    z = x * y

    def inner():
        w = np.exp(z)
        return b.if_(y > 1, lambda: [w * w * x], lambda: [w + y])

    (r,) = b.if_(x < y, lambda: [x - y], inner)
    return [r * z]


@flow(np.array([0.3, -0.8, 1.1]), 0.5)
def array_branch(b, x, c):
    def then():
        y = np.sin(x)
        return [y * y, y[1] * c]

    s, t = b.if_(c > 0, then, lambda: [x + 0.0, c * 2.0])
    return [np.sum(s * x) * t]


# Loops over a range --------------------------------------------------------------------------------------------------------


@flow(1.1)
def power(b, x):
    (p,), _, _ = b.loop((0, 5, 1), [1.0], lambda k, p: ([p * x], []), types=[F])
    return [p]


@flow(np.array([0.3, -0.8, 1.1, 0.4]))
def accumulation(b, x):
    n = x.shape[0]
    (s,), _, _ = b.loop((0, n, 1), [0.0], lambda i, s: ([s + x[i] * x[i] * np.sin(x[i])], []), types=[F])
    return [s]


@flow(np.array([[0.3, -0.8, 1.1], [0.4, 0.7, -0.2]]), np.array([0.5, 0.2, -1.1]))
def double_sum(b, a, x):
    n, m = a.shape

    def row(i, s):
        (r,), _, _ = b.loop((0, m, 1), [s], lambda j, r: ([r + np.exp(a[i, j]) * x[j] * x[j]], []), types=[F])
        return [r], []

    (s,), _, _ = b.loop((0, n, 1), [0.0], row, types=[F])
    return [s]


@flow(np.array([[0.3, -0.8, 1.1], [0.4, 0.7, -0.2]]), np.array([0.5, 0.2, -1.1]))
def sum_of_squares(b, a, x):
    n, m = a.shape

    def row(i, s):
        (t,), _, _ = b.loop((0, m, 1), [0.0], lambda j, t: ([t + a[i, j] * x[j]], []), types=[F])
        return [s + t * t], []

    (s,), _, _ = b.loop((0, n, 1), [0.0], row, types=[F])
    return [s]


@flow(0.4, 3.3)
def logistic(b, x, r):
    (x,), _, _ = b.loop((0, 6, 1), [x], lambda k, x: ([r * x * (1.0 - x)], []), types=[F])
    return [x]


@flow(np.array([0.3, 0.8, 1.1]), 0.9)
def sequential_within(b, x, a):
    def turn(i, s):
        (t,), _, _ = b.loop((0, 4, 1), [x[i]], lambda j, t: ([np.sin(t) * a + t * x[i]], []), types=[F])
        return [s + t * t], []

    (s,), _, _ = b.loop((0, x.shape[0], 1), [0.0], turn, types=[F])
    return [s]


@flow(0.3, 0.9)
def sequential_nest(b, x, a):
    def turn(i, t):
        (u,), _, _ = b.loop((0, 3, 1), [t], lambda j, u: ([np.sin(u) * a + 0.5 * u * u], []), types=[F])
        return [u + t * u], []

    (t,), _, _ = b.loop((0, 4, 1), [x], turn, types=[F])
    return [t]


@flow(0.3, 0.9)
def three_deep(b, x, a):
    def outer(i, t):
        def middle(j, u):
            (v,), _, _ = b.loop((0, 2, 1), [u], lambda k, v: ([np.sin(v) * a + 0.1 * u * v], []), types=[F])
            return [v * t], []

        (u,), _, _ = b.loop((0, 3, 1), [t], middle, types=[F])
        return [u + t * u], []

    (t,), _, _ = b.loop((0, 2, 1), [x], outer, types=[F])
    return [t]


@flow(np.array([0.3, -0.8, 1.1, 0.4, 0.2]), 0.1)
def stencil(b, u, c):
    """An array that is stored into element by element, every time step anew."""
    n = u.shape[0]

    def step(t, u):
        def point(i, v):
            return [stores.assign(v, i, u[i] + c * (u[i - 1] - 2.0 * u[i] + u[i + 1]) - c * u[i] * u[i])], []

        (v,), _, _ = b.loop((1, n - 1, 1), [u], point, types=[VECTOR])
        return [v], []

    (u,), _, _ = b.loop((0, 3, 1), [u], step, types=[VECTOR])
    return [np.sum(u * u)]


@flow(np.array([0.3, -0.8, 1.1, 0.4, 0.2]), 0.1)
def stencil_of_slices(b, u, c):
    def step(t, u):
        inside = u[1:-1] + c * (u[:-2] - 2.0 * u[1:-1] + u[2:]) * np.cos(u[1:-1])
        return [stores.assign(u, slice(1, -1), inside)], []

    (u,), _, _ = b.loop((0, 4, 1), [u], step, types=[VECTOR])
    return [u]


@flow(np.array([0.9, 0.0, 0.0, 0.0, 0.0]), 1.1)
def prefix(b, a, c):
    """Every element from the one before, in place."""
    turn = lambda i, a: ([stores.assign(a, i, a[i - 1] * a[i - 1] * c + np.sin(a[i - 1]))], [])
    (a,), _, _ = b.loop((1, a.shape[0], 1), [a], turn, types=[VECTOR])
    return [a]


@flow(np.array([0.9, 0.0, 0.0, 0.0, 0.0]), np.array([0.3, -0.8, 1.1, 0.4, -0.2]))
def prefix_by_branches(b, a, x):
    """As above, by one of two formulas."""

    def turn(i, a):
        then = lambda: [stores.assign(a, i, a[i - 1] * x[i])]
        return b.if_(x[i] > 0, then, lambda: [stores.assign(a, i, np.sin(a[i - 1]))]), []

    (a,), _, _ = b.loop((1, a.shape[0], 1), [a], turn, types=[VECTOR])
    return [a]


@flow(np.array([[0.3, -0.8], [1.1, 0.4]]), np.array([0.2, 0.7]))
def network(b, a, v):
    (v,), _, _ = b.loop((0, 4, 1), [v], lambda k, v: ([np.tanh(a @ v)], []), types=[VECTOR])
    return [np.sum(v)]


@flow(np.array([0.3, -0.8, 1.1]), 0.7)
def array_accumulation(b, x, c):
    """An array to which every turn adds an array."""
    (s,), _, _ = b.loop((0, 4, 1), [np.zeros_like(x)], lambda k, s: ([s + np.sin(x * c) * (k + 1)], []), types=[VECTOR])
    return [s]


@flow(np.array([0.3, -0.8, 1.1]), 0.7)
def growing(b, x, c):
    """An array that every turn makes longer: its shape is known only when the program runs."""
    (s,), _, _ = b.loop((0, 3, 1), [x], lambda k, s: ([np.concatenate([s * c, x[:1] * s[0]])], []), types=[VECTOR])
    return [np.sum(s * s)]


@flow(np.array([0.3, -0.8, 1.1, 0.4]))
def backwards(b, x):
    n = x.shape[0]
    (s,), (kept,), _ = b.loop((0, n, 1), [0.1], lambda i, s: ([s * x[i] + x[i]], [s * s]), types=[F], reverse=True)
    (t,), _, _ = b.loop((0, n, 1), [0.0], lambda i, t, item: ([t * 0.5 + item * x[i]], []), types=[F], consumed=[kept])
    return [s, t]


@flow(0.3 + 0.4j, -0.2 + 0.1j, 0.5)
def mandelbrot(b, z, c, r):
    (z,), _, _ = b.loop((0, 4, 1), [z], lambda k, z: ([z * z * r + c], []), types=[C])
    return [np.real(z * np.conj(z)), z]


@flow(0.4, 1.2)
def swap(b, x, y):
    (x, y), _, _ = b.loop((0, 5, 1), [x, y], lambda k, x, y: ([y, x * y * 0.9], []), types=[F, F])
    return [x + 2.0 * y]


@flow(0.4, 1.2)
def inactive_carry(b, x, y):
    """A counter and a selector that no derivative flows through."""

    def turn(k, s, n, w):
        return [s + w * x * n, n + 2, w * 1.5], []

    (s, _, _), _, _ = b.loop((0, 4, 1), [y, 1, 0.5], turn, types=[F, COUNT, F])
    return [s * s]


# Branches in loops and loops in branches -------------------------------------------------------------------------------------


@flow(np.array([0.3, -0.8, 1.1, -0.4]), 0.7)
def branch_in_loop(b, x, c):
    def turn(i, s):
        def then():
            w = np.exp(x[i] * c)
            return [s * w + w * w]

        (s,) = b.if_(x[i] > 0, then, lambda: [s + x[i] * x[i]])
        return [s], []

    (s,), _, _ = b.loop((0, x.shape[0], 1), [0.1], turn, types=[F])
    return [s]


@flow(np.array([0.3, -0.8, 1.1, -0.4]), 0.7)
def loop_in_branch(b, x, c):
    def then():
        (s,), _, _ = b.loop((0, x.shape[0], 1), [c], lambda i, s: ([np.sin(s) * x[i] + s], []), types=[F])
        return [s * c]

    (s,) = b.if_(c > 0.5, then, lambda: [c * x[1]])
    (t,) = b.if_(c > 0.9, then, lambda: [c * x[1]])
    return [s + t]


@flow(np.array([0.3, -0.8, 1.1, -0.4]), 0.7)
def loop_in_branch_in_loop(b, x, c):
    def turn(k, s):
        def then():
            (t,), _, _ = b.loop((0, k + 1, 1), [s], lambda i, t: ([np.sin(t) * x[i] + s], []), types=[F])
            return [t * c]

        (s,) = b.if_(x[k] > 0, then, lambda: [s * x[1]])
        return [s], []

    (s,), _, _ = b.loop((0, 4, 1), [c], turn, types=[F])
    return [s]


@flow(np.array([0.3, -0.8, 1.1, -0.4]), 0.7)
def array_in_branch_in_loop(b, x, c):
    def turn(k, s, v):
        def then():
            w = np.sin(v) * c
            return [s + np.sum(w * v), w]

        s, v = b.if_(x[k] > 0, then, lambda: [s * x[1], v + 0.1])
        return [s, v], []

    (s, v), _, _ = b.loop((0, 4, 1), [c, x], turn, types=[F, VECTOR])
    return [s * v]


# While loops and early ends ------------------------------------------------------------------------------------------------


@flow(2.0, 1.5)
def newton(b, a, x):
    test = lambda x: np.abs(x * x - a) > 1e-3
    (x,), _, _ = b.loop(None, [x], lambda k, x: ([x - (x * x - a) / (2.0 * x)], []), types=[F], test=test)
    return [x]


@flow(0.8, 1.2)
def series(b, x, y):
    def turn(k, s, term):
        term = term * x / (k + 1)
        return [s + term, term * y], [], [np.abs(term) < 0.01]

    (s, term), _, _ = b.loop((2, 40, 3), [0.0, 1.0], turn, types=[F, F], stop=True)
    return [s * term]


@flow(0.8)
def while_in_for(b, x):
    def turn(k, s):
        test = lambda u: np.abs(u) < 2.0
        (u,), _, _ = b.loop(None, [s + 0.1], lambda _, u: ([u * (1.3 + x * x)], []), types=[F], test=test)
        return [np.sin(u) * s], []

    (s,), _, _ = b.loop((0, 3, 1), [x], turn, types=[F])
    return [s]


@flow(np.array([0.9, 0.8, 1.1, 0.4]), 1.3)
def search(b, x, c):
    """A loop over a list that ends early."""
    _, (items,), _ = b.loop((0, x.shape[0], 1), [], lambda i: ([], [x[i] * x[i] * c]))

    def turn(k, s, item):
        s = s * item + item
        return [s], [], [s > 2.5]

    (s,), _, _ = b.loop((0, length_of(b, items), 1), [c], turn, types=[F], consumed=[items], stop=True)
    return [s]


# Lists -----------------------------------------------------------------------------------------------------------------------


@flow(0.4, np.array([0.9, 0.8, 1.1, 0.4]))
def collected(b, x, w):
    _, (xs,), _ = b.loop((0, 4, 1), [x], lambda k, x: ([np.sin(x) * 2.0], [x * w[k]]), types=[F])
    (s,), _, _ = b.loop((0, 4, 1), [0.0], lambda k, s, item: ([s * item + item * item], []), types=[F], consumed=[xs])
    return [s + xs[1]]


@flow(np.array([0.9, 0.8, 1.1, 0.4]), 0.3)
def list_of_arrays(b, v, c):
    _, (vs,), _ = b.loop((0, 3, 1), [v], lambda k, v: ([np.sin(v) * c], [v * v]), types=[VECTOR])
    (s,), _, _ = b.loop((0, 3, 1), [c], lambda k, s, item: ([s * item[k] + np.sum(item)], []), types=[F], consumed=[vs])
    return [s, vs[2]]


@flow(np.array([0.9, 0.8, 1.1, 0.4]), 0.3)
def appended(b, x, c):
    first = b.apply(stores.filled, (1, c * c))

    def turn(i, items):
        return [stores.append(items, x[i] * items[i] + c)], []

    (items,), _, _ = b.loop((0, 4, 1), [first], turn, types=[ListOf(F)])
    n = length_of(b, items)
    (s,), _, _ = b.loop((0, n, 1), [0.0], lambda i, s: ([s + items[i] * items[n - 1 - i]], []), types=[F])
    return [s]


# Functions -------------------------------------------------------------------------------------------------------------------


def recursive(name: str, types: list[Any], names: str, write: Callable[..., Any]) -> Function:
    """Write a function that calls itself."""
    function = Function(name, Block(params=[Value(t, n) for t, n in zip(types, names.split(), strict=True)]))
    builder = Builder()
    builder.line = Line(__file__, 1)
    with builder.into(function.body) as body:
        body.results = builder.atoms(list(write(builder, function, *map(Symbol, function.params))))
    return function


def _decay(b, f, x, a):
    def deeper():
        (r,) = b.call(f, [x * 0.8 * a, a], [F])
        return [np.sin(x) * r + r * r]

    return b.if_(x < 0.2, lambda: [x * a], deeper)


DECAY = recursive("decay", [F, F], "x a", _decay)


@flow(1.2, 0.9)
def recursion(b, x, a):
    (r,) = b.call(DECAY, [x, a], [F])
    return [r * x]


def _tree(b, f, x, n, v):
    def deeper():
        (left,) = b.call(f, [x[1:] * v, n - 1, v], [F])
        (right,) = b.call(f, [x[:-1], n - 1, v * 0.5], [F])
        return [left * right + x[0]]

    return b.if_(n < 1, lambda: [np.sum(x * x)], deeper)


TREE = recursive("tree", [VECTOR, COUNT, F], "x n v", _tree)


@flow(np.array([0.9, 0.8, 1.1, 0.4]), 1.3)
def tree_recursion(b, x, v):
    return b.call(TREE, [x, 2, v], [F])


EVEN = Function("even", Block(params=[Value(F, "x"), Value(COUNT, "n"), Value(F, "c")]))
ODD = Function("odd", Block(params=[Value(F, "x"), Value(COUNT, "n"), Value(F, "c")]))


def _mutual(function, other, step):
    builder = Builder()
    x, n, c = map(Symbol, function.params)
    with builder.into(function.body) as body:
        deeper = lambda: [step(x, *builder.call(other, [step(x, c), n - 1, c], [F]))]
        body.results = builder.atoms(builder.if_(n < 1, lambda: [x * x], deeper))


_mutual(EVEN, ODD, lambda x, y: np.sin(x) * y)
_mutual(ODD, EVEN, lambda x, y: x * 0.9 + y * x)


@flow(1.2, 0.8)
def mutual_recursion(b, x, c):
    return b.call(EVEN, [x, 5, c], [F])


@flow(1.2, 0.9)
def call_in_loop(b, x, a):
    def turn(k, s):
        (r,) = b.call(DECAY, [s, a], [F])
        return [r + s * x], []

    (s,), _, _ = b.loop((0, 3, 1), [x], turn, types=[F])
    return [s]


def _loops(b, f, x, n):
    def deeper():
        (s,), _, _ = b.loop((0, n, 1), [x], lambda k, s: ([np.sin(s) * x + s], []), types=[F])
        (r,) = b.call(f, [s, n - 1], [F])
        return [r * s]

    return b.if_(n < 1, lambda: [x * x], deeper)


LOOPS = recursive("loops", [F, COUNT], "x n", _loops)


@flow(0.7)
def loop_in_recursion(b, x):
    return b.call(LOOPS, [x, 3], [F])


@flow(0.7, 0.2)
def unused(b, x, y):
    """Results and inputs that do not take part."""
    dead = np.exp(y) * x
    (s, _), _, _ = b.loop((0, 3, 1), [x, y], lambda k, s, t: ([s * x, t * dead], []), types=[F, F])
    return [s, 3.0]


__all__ = ["FLOWS", "Flow", "atom_type", "flow", "written"]
