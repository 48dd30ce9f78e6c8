"""Small programs written by hand, with the source that a user would have written for them."""

import linecache
import operator

import numpy as np

from adjoint._ir.builder import Builder, Symbol
from adjoint._ir.nodes import Block, Function, Line, Value
from adjoint._ir.types import FLOAT, INT, Tensor
from adjoint._rules import stores

VECTOR = Tensor(np.dtype(float), 1)
SCALAR = Tensor(np.dtype(float))


def named(symbol, name):
    symbol.value.name = name
    return symbol


class Source:
    """A user's file that exists in `linecache` only."""

    def __init__(self, name, text):
        self.filename = f"{name}.py"
        self.name = name
        linecache.cache[self.filename] = (len(text), None, text.splitlines(keepends=True), self.filename)

    def __call__(self, number):
        return Line(self.filename, number, self.name)


def written(name, text, params, write):
    """Return the program that ``write(builder, line, *symbols)`` writes."""
    line = Source(name, text)
    values = [Value(t, n) for n, t in params]
    builder = Builder()
    function = Function(name, Block(params=values), line(1))
    with builder.into(function.body):
        function.body.results = builder.atoms(list(write(builder, line, *map(Symbol, values))))
    return function


def apply(builder, function, *args):
    return builder.apply(function, args)


def chirp():
    text = (
        "def chirp(x, n):\n    s = 0.0\n    for i in range(n):\n        s = s + np.sin(x[i]) * x[i]  # a chirp\n    return s\n"
    )

    def write(b, line, x, n):
        b.line = line(3)

        def turn(i, s):
            named(i, "i"), named(s, "s")
            b.line = line(4)
            return [named(s + np.sin(x[i]) * x[i], "s")], []

        (s,), _, _ = b.loop((0, n, 1), [0.0], turn, types=[SCALAR])
        return [named(s, "s")]

    return written("chirp", text, [("x", VECTOR), ("n", INT)], write)


def chirp_gradient():
    """The gradient as a person would write it."""
    line = Source("chirp", linecache.getline("chirp.py", 1) and "".join(linecache.cache["chirp.py"][2]))
    function = chirp()
    x, n = function.params
    s_bar = Value(FLOAT, "s_bar")
    function.body.params.append(s_bar)
    function.name = "chirp_grad"
    b = Builder()
    with b.into(function.body) as body:
        X, ct = Symbol(x), Symbol(s_bar)
        start = named(apply(b, np.zeros_like, X), "x_bar")

        def back(i, x_bar):
            named(i, "i"), named(x_bar, "x_bar")
            b.line = line(4)
            e = X[i] * (np.cos(X[i]) * ct) + np.sin(X[i]) * ct
            return [named(apply(b, stores.accumulate, x_bar, i, e), "x_bar")], []

        (x_bar,), _, _ = b.loop((0, Symbol(n), 1), [start], back, reverse=True)
        body.results.append(named(x_bar, "x_bar").value)
    return function


def heat():
    text = (
        "def heat(u, k, n):\n    for t in range(n):\n        # the ends are held\n"
        "        u[1:-1] += k * (u[2:] - 2 * u[1:-1] + u[:-2])\n    return np.sum(u**2)\n"
    )

    def write(b, line, u, k, n):
        b.line = line(2)

        def turn(i, u):
            named(i, "t"), named(u, "u")
            b.line = line(4)
            v = u[1:-1] + k * (u[2:] - 2 * u[1:-1] + u[:-2])
            return [named(apply(b, stores.assign, u, slice(1, -1), v), "u")], [u[1:-1]]

        (u,), (kept,), _ = b.loop((0, n, 1), [u], turn)
        named(u, "u"), named(kept, "u_kept")
        b.line = line(5)
        return [np.sum(u**2), kept]

    return written("heat", text, [("u", VECTOR), ("k", FLOAT), ("n", INT)], write)


def newton():
    text = (
        "def newton(a):\n    x = a\n    while abs(x * x - a) > 1e-12:\n        if x > 100:\n            x = x / 2\n"
        "        else:\n            x = x - (x * x - a) / (2 * x)\n    return x\n"
    )

    def write(b, line, a):
        ap = lambda f, *args: apply(b, f, *args)

        def test(x):
            b.line = line(3)
            return ap(operator.gt, ap(abs, ap(operator.sub, ap(operator.mul, x, x), a)), 1e-12)

        def then(x):
            b.line = line(5)
            return [named(ap(operator.truediv, x, 2), "x")]

        def orelse(x):
            b.line = line(7)
            residual = ap(operator.sub, ap(operator.mul, x, x), a)
            return [named(ap(operator.sub, x, ap(operator.truediv, residual, ap(operator.mul, 2, x))), "x")]

        def turn(i, x):
            named(x, "x")
            b.line = line(4)
            (y,) = b.if_(ap(operator.gt, x, 100), lambda: then(x), lambda: orelse(x))
            return [named(y, "x")], []

        b.line = line(3)
        (x,), _, _ = b.loop(None, [a], turn, test=test)
        return [named(x, "x")]

    return written("newton", text, [("a", FLOAT)], write)


def search():
    """A loop that breaks, and a swap."""
    text = (
        "def search(x, limit):\n    a, b = 0.0, 1.0\n    for i in range(len(x)):\n        a, b = b, a + x[i] * b\n"
        "        if b > limit:\n            break\n    return a, b\n"
    )

    def write(b, line, x, limit):
        b.line = line(3)
        carried = [Value(SCALAR, "a"), Value(SCALAR, "b")]
        index = Value(INT, "i")
        with b.block([index, *carried]) as block:
            b.line = line(4)
            p, q = map(Symbol, carried)
            new = named(p + x[Symbol(index)] * q, "b")
            b.line = line(5)
            with b.block() as yes:
                yes.results = [q.value, new.value, True]
            with b.block() as no:
                no.results = [q.value, new.value, False]
            block.results = [s.value for s in b.branch(new > limit, yes, no)]
        from adjoint._ir.nodes import Loop

        outputs = [Value(SCALAR, "a"), Value(SCALAR, "b"), Value(INT)]
        span = b.atoms((0, x.shape[0], 1))
        b.append(Loop(range=span, inits=[0.0, 1.0], body=block, stops=True, outputs=outputs))
        return [Symbol(outputs[0]), Symbol(outputs[1])]

    return written("search", text, [("x", VECTOR), ("limit", FLOAT)], write)


def factorial():
    """Recursion."""
    text = "def factorial(n):\n    if n == 0:\n        return 1.0\n    return n * factorial(n - 1)\n"
    function = Function("factorial", Block(params=[Value(INT, "n")]), Source("factorial", text)(1))
    line = Source("factorial", text)
    b = Builder()
    with b.into(function.body) as body:
        n = Symbol(function.params[0])

        def more():
            b.line = line(4)
            (rest,) = b.call(function, [apply(b, operator.sub, n, 1)], [FLOAT])
            return [apply(b, operator.mul, n, rest)]

        b.line = line(2)
        (y,) = b.if_(apply(b, operator.eq, n, 0), lambda: [1.0], more)
        body.results = [y.value]
    return function


# Programs with golden text, and arguments.
GOLDEN = {
    "chirp": (chirp, (np.array([0.5, 1.5, -0.3]), 3)),
    "chirp_grad": (chirp_gradient, (np.array([0.5, 1.5, -0.3]), 3, 2.0)),
    "heat": (heat, (np.array([0.0, 1.0, 4.0, 2.0, 1.0]), 0.1, 3)),
    "newton": (newton, (5.0,)),
    "search": (search, (np.array([0.5, 1.5, 3.0, 1.0]), 3.0)),
    "factorial": (factorial, (5,)),
}
