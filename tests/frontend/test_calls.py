"""Calls: classes, operators, generators, context managers, decorators, arguments of every kind, recursion."""

# ruff: noqa: B007, B023, B905, FURB136, FURB192, PLC3002, RUF005, UP031, UP032, UP033 - the programs are written as users write them
from __future__ import annotations

import contextlib
import dataclasses
import enum
import functools
import itertools
import math
from typing import NamedTuple

import numpy as np
import pytest

from tests.frontend.agreement import Cases, check

CASES = Cases()
X = np.array([1.0, 2.0, 3.0])


class Money:
    rate = 2.0

    def __init__(self, v):
        self.v = v

    def __neg__(self):
        return Money(self.v if self.v < 0 else -self.v)

    def __add__(self, other):
        if isinstance(other, (int, float)):
            return Money(self.v + other)
        return Money(self.v + other.v)

    __radd__ = __add__

    def __lt__(self, other):
        return self.v < other.v

    def __eq__(self, other):
        return self.v == other.v

    def __hash__(self):
        return 1

    def __iter__(self):
        if self.v > 0:
            yield self.v
        yield 1.0

    def __len__(self):
        return 3

    def __call__(self, x):
        return x if x > self.v else self.v

    def __enter__(self):
        self.v = self.v * 2
        return self

    def __exit__(self, *args):
        self.v = self.v + 1

    def __matmul__(self, other):
        return self.v * other.v

    def __getattr__(self, name):
        if name == "ghost":
            return self.v * 3
        raise AttributeError(name)

    @property
    def double(self):
        return self.v * 2 if self.v > 0 else 0.0

    @double.setter
    def double(self, value):
        self.v = value / 2

    @classmethod
    def of(cls, v):
        return cls(v * cls.rate)

    @staticmethod
    def half(v):
        return v / 2 if v > 0 else v


@CASES((1.0, 2.0), (-1.0, 2.0))
def operators_of_a_class(x, y):
    a, b = Money(x), Money(y)
    c = -a + b + 1 + sum([a, b])
    return c.v + a @ b + len(a) + a(y) + a.ghost


@CASES((1.0, 2.0), (-1.0, 2.0))
def properties_of_a_class(x, y):
    a = Money.of(x)
    a.double = a.double + y
    a.v += Money.half(x)
    return a.double + a.v


@CASES((1.0, 2.0), (3.0, 2.0))
def comparisons_of_a_class(x, y):
    a, b = Money(x), Money(y)
    best = a if a < b else b
    return best.v + max(a, b).v * 10 + sorted([a, b])[0].v * 100 + (a == b)


@CASES((1.0, 2.0), (-1.0, 2.0))
def context_of_a_class(x, y):
    m = Money(x)
    with m as inner:
        z = inner.v * y
    return z + m.v


@contextlib.contextmanager
def shifted(box, by):
    box["v"] += by
    yield box["v"]
    box["v"] -= by * 2


@CASES((1.0, 2.0), (-1.0, 2.0))
def context_of_a_generator(x, y):
    box = {"v": x}
    if x > 0:
        with shifted(box, y) as v:
            z = v * 2
    else:
        z = x
    return z + box["v"]


@CASES((1.0, 2.0))
def generator_functions(x, y):
    def powers(n):
        p = 1.0
        for _ in range(n):
            yield p
            p *= x

    g = powers(4)
    next(g)
    return sum(powers(3)) + sum(p * y for p in g) + sum([*powers(2)])


@CASES((3, 2.0), (0, 2.0))
def generator_of_unknown_length(n, y):
    def counts(m):
        for k in range(m):
            yield k * y

    return sum(counts(n))


@CASES((3, 2.0), (1, 2.0))
def generator_advanced_in_loop(n, y):
    g = (k * y for k in range(10))
    total = 0.0
    for _ in range(n):
        total += next(g)
    return total


@CASES((1.0, 2.0), (-1.0, 2.0), refused="iterator is advanced")
def generator_advanced_in_branch(x, y):
    g = iter([x, y, 5.0])
    a = next(g) if x > 0 else 0.0
    return a + next(g)


@CASES((1.0, 2.0), (-1.0, 2.0), refused="iterator is advanced")
def iterator_advanced_by_for(x, y):
    g = iter([x, y, 5.0])
    if x > 0:
        for v in g:
            break
    return next(g)


def stars(a, *rest, scale=2.0, **words):
    return a + sum(rest) * scale + sum(words.values())


@CASES((1.0, 2.0))
def star_arguments(x, y):
    pair, d = (x, y), {"p": y, "scale": x}
    return stars(*pair, x, **d) + stars(y, q=x) + (lambda *a, k=y: sum(a) * k)(x, x)


@CASES((1.0, 2.0))
def unpacking(x, y):
    a, *b = [x, y, 3.0]
    (c, (d, e)), f = (x, (y, 2.0)), [x, *b, y]
    first, *_, last = f
    [g, h] = np.array([x, y]) * 2
    return a + b[1] * c + d * e + last + first + g / h + len(f)


@functools.cache
def squares(n):
    return [k**2 for k in range(n)]


@functools.lru_cache(maxsize=None)
def remembered(v):
    return v * 2 if v > 0 else v


@CASES((1.0, 2.0), (-1.0, 3.0))
def cached_functions(x, y):
    return sum(squares(4)) * x + remembered(y) + remembered(x)


@CASES((1.0, 2.0))
def partial_and_reduce(x, y):
    add = functools.partial(lambda a, b, c=1.0: a + b * c, x, c=y)
    return functools.reduce(lambda a, b: a * b + 1, [x, y, 3.0]) + add(2.0)


class Compiled:
    """What numba.njit gives: a callable that keeps the function it compiled."""

    def __init__(self, f):
        self.py_func = f

    def __call__(self, *args):
        return self.py_func(*args)


@CASES((1.0, 2.0), (-1.0, 2.0))
def compiled_functions(x, y):
    f = Compiled(lambda v: v * 2 if v > 0 else v)
    return f(x) + y


def twice(f):
    @functools.wraps(f)
    def inner(*args, **kwargs):
        return f(*args, **kwargs) * 2

    return inner


@twice
def decorated(x):
    return x + 1 if x > 0 else x


@CASES((1.0,), (-1.0,))
def decorators(x):
    @twice
    def local(v):
        return v * 3

    return decorated(x) + local(x)


@CASES((1.0, 2.0), (5.0, 2.0), (3.0, 2.0))
def chained_comparisons(x, y):
    return (1.0 if 0.5 < x < y else 2.0) + (x if 1 < y <= x < 4 else -x)


@CASES((1.0, 2.0), (5.0, 2.0))
def boolean_operators(x, y):
    a = x > y and x
    b = x < y or y
    c = not (x > 1 and y > 1)
    return a + b + c


@CASES((1.0, 2), (5.0, 3))
def match_statement(x, kind):
    match (kind, x):
        case (2, v):
            return v * 2
        case (k, v) if k > 2:
            return v + k
        case _:
            return 0.0


@CASES(({"kind": "a", "v": 2.0},), ({"kind": "b", "v": 3.0},))
def match_of_dicts(d):
    match d:
        case {"kind": "a", "v": v}:
            return v
        case {"kind": "b", **rest}:
            return rest["v"] * 2


class Pair(NamedTuple):
    a: float
    b: float

    def total(self):
        return self.a + self.b if self.a > 0 else self.b


@dataclasses.dataclass
class Box:
    v: float
    items: list = dataclasses.field(default_factory=list)
    w: float = 2.0

    def __post_init__(self):
        self.w = self.w * self.v


@dataclasses.dataclass(frozen=True)
class Frozen:
    v: float


class Kind(enum.Enum):
    LOW = 1
    HIGH = 2


@CASES((1.0, 2.0), (-1.0, 2.0))
def records(x, y):
    p = Pair(x, y)
    b = Box(x)
    b.items.append(y)
    f = dataclasses.replace(Frozen(x), v=y)
    q = p._replace(a=y)
    kind = Kind.LOW if len(b.items) == 1 else Kind.HIGH
    return p.total() + b.w + b.items[0] + f.v + q.a + (x if kind is Kind.LOW else 0)


@CASES((1.0, 2.0), (-1.0, 2.0))
def records_in_branches(x, y):
    p, b = Pair(x, y), Box(y)
    if x > 0:
        p = Pair(y, x)
        b.w = x
        b.items.append(x)
    else:
        b.items.append(y)
    return p.a * 10 + b.w + b.items[0]


@CASES((3, 1.5), (0, 1.5))
def records_in_loops(n, x):
    p, b = Pair(x, 0.0), Box(x)
    for k in range(n):
        p = Pair(p.b, p.a + k)
        b.v += p.a
        b = dataclasses.replace(b, v=b.v * 2)
    return p.a + 10 * p.b + b.v


@CASES((5,), (0,), (1,))
def factorial_and_fibonacci(n):
    def fact(k):
        return 1 if k <= 1 else k * fact(k - 1)

    def fib(k):
        if k < 2:
            return k
        return fib(k - 1) + fib(k - 2)

    return fact(n) + fib(n)


@CASES((5, 1.5), (0, 1.5), (4, 1.5))
def mutual_recursion(n, x):
    def even(k, v):
        return v if k == 0 else odd(k - 1, v * 2)

    def odd(k, v):
        return -v if k == 0 else even(k - 1, v + x)

    return even(n, x)


@CASES((3, 1.5), (0, 1.5))
def recursion_with_growing_tuple(n, x):
    def collect(k, seen):
        if k <= 0:
            return sum(seen)
        return collect(k - 1, (*seen, x * k))

    return collect(n, ())


@CASES((3, X), (0, X))
def recursion_on_slices(n, x):
    def total(a):
        if len(a) == 0:
            return 0.0
        return a[0] + 0.5 * total(a[1:])

    return total(x[:n])


@CASES((3, X), (0, X))
def recursion_gives_lists(n, x):
    def collect(k):
        if k <= 0:
            return [x[0]]
        return collect(k - 1) + [x[1] * k]

    return collect(n)


@CASES((3, X), (0, X))
def recursion_under_static_counter(n, x):
    def f(depth, v):
        if depth == 0:
            return v
        return f(depth - 1, v * 2 if v < 5 else v + 1)

    return f(4, x[0]) + n


@CASES((3, 1.5), (5, 1.5))
def recursion_of_closures(n, x):
    def outer(k):
        y = x * k

        def inner(j):
            return y if j <= 0 else inner(j - 1) + y

        return inner(k)

    return outer(n) + outer(2)


def tree_sum(tree):
    if isinstance(tree, tuple):
        return sum(tree_sum(part) for part in tree)
    return tree * 2 if tree > 0 else tree


@CASES((1.0, -2.0))
def recursion_over_structure(x, y):
    return tree_sum((x, (y, (x, y)), 3.0))


@CASES((3.0, 0.5), (20.0, 0.5))
def ackermann_like(x, y):
    def f(v):
        if v > 10:
            return v
        return f(f(v * 2) * 1.5) - y

    return f(x)


@CASES((X,))
def itertools_functions(x):
    total = 0.0
    for a, b in itertools.combinations(x, 2):
        total += a * b
    for a, b in zip(x, itertools.chain(x[1:], [1.0])):
        total += a - b
    for k, (a, b) in enumerate(itertools.pairwise(list(x))):
        total += k * a * b
    return total + sum(itertools.accumulate(x, lambda u, v: u * v))


@CASES((X, 3), (X[:2], 2))
def builtins_over_arrays(x, n):
    a = sum(x) + max(x) + min(x) + len(x)
    b = sum(v * k for k, v in enumerate(x)) + sum(u * v for u, v in zip(x, reversed(x)))
    c = sorted(x)[0] + any(x > 2) + all(v > 0 for v in x)
    return a + b + c + math.fsum(x[k] for k in range(n)) + [v**2 for v in x if v > 1][-1]


@CASES((1.0, 2.0), (-1.0, 2.0))
def closures_that_count(x, y):
    count = 0.0

    def tick(v):
        nonlocal count
        count += v
        return count

    if x > 0:
        tick(y)
    for k in range(3):
        tick(k * x)
    return count


def apply_times(f, n, v):
    for _ in range(n):
        v = f(v)
    return v


@CASES((1.0, 3), (-1.0, 0))
def closures_that_count_elsewhere(x, n):
    count = 0.0

    def tick(v):
        nonlocal count
        count += v
        return v * 2

    y = apply_times(tick, n, x)
    if x > 0:
        z = apply_times(tick, 2, x)
    else:
        z = 0.0
    return y + z + 10 * count


@CASES((1.0, 3), (-1.0, 0))
def closures_see_late_values(x, n):
    fs = [lambda: k * x for k in range(3)]
    y = x

    def late():
        return y

    y = y * 2
    a = late()
    for k in range(n):
        y = y + 1
    return a + late() + sum(f() for f in fs)


@CASES((1.0, 3), (-1.0, 0))
def functions_made_in_branches(x, n):
    if x > 0:

        def g(v):
            return v * x
    else:

        def g(v):
            return v - x

    return g(2.0) + n


@CASES((1.0, 3), (-1.0, 3))
def functions_made_in_loops(x, n):
    total = 0.0
    for k in range(n):
        y = x * k

        def g(v):
            return v * y

        total += g(2.0)
    return total + g(1.0)


@CASES((1.0, 3))
def tables_of_functions(x, n):
    table = {"sin": math.sin, "square": lambda v: v * v, "np": np.exp}
    return sum(f(x) for f in table.values()) + table["sin"](n)


@CASES((1.0, 3), (2.5, 0))
def text_of_values(x, n):
    return f"{x:.2f} and {n}" + " %d" % n + str(x) + "{:.1f}".format(x)


@CASES((1.0,), (-1.0,))
def instance_checks(x):
    return (
        (x if isinstance(x, float) else 0.0) + (1 if isinstance(x, (int, np.ndarray)) else 2) + callable(x) + (type(x) is float)
    )


@CASES((X,), (X[:2],))
def questions_of_shape(x):
    m = np.outer(x, x)
    return m.shape[0] * m.size + m.ndim + len(m) + x.dtype.itemsize + np.ndim(m) + (m.shape == x.shape)


@CASES((1.0, 2.0), (-1.0, 2.0))
def default_arguments(x, y):
    def f(a, b=y, *, c=x * 2):
        return a + b * c if a > 0 else c

    return f(x) + f(y, c=1.0) + f(x, 2.0)


@CASES((1.0, 2.0), (-1.0, 2.0))
def super_and_inheritance(x, y):
    class Base:
        def __init__(self, v):
            self.v = v

        def area(self):
            return self.v if self.v > 0 else 0.0

    class Derived(Base):
        scale = 3.0

        def __init__(self, v, w):
            super().__init__(v)
            self.w = w

        def area(self):
            return super().area() * self.w * self.scale

    return Derived(x, y).area()


@pytest.mark.parametrize("case", CASES.every, ids=CASES.names)
def test_calls(case) -> None:
    check(case)
