"""Random programs: a writer of Python source, and the hypothesis strategy around it.

``random_program(rng)`` writes one program with any ``random.Random``; `random_programs` is the same under hypothesis,
which shrinks.  A program is a function ``f(x, y, a, m)`` of two floats, a vector and a matrix, with helper functions,
written to a source text that `inspect` can read.  It holds assignments of scalars and small arrays, buffers filled
later, stores through elements, slices, masks and integer arrays, views and views of views, aliases, branches, nested
loops with break and continue, while loops that end by values, closures with nonlocal state, calls of helpers that write
into their arguments, and bounded recursion.

Every operation maps bounded values to bounded values smoothly, away from the boundaries of branches, so that derivatives
exist and differences converge at almost every point; where they do not, the oracle's error estimate says so.

``analytic=True`` keeps to what is analytic and runs with complex numbers, so that the complex step is an oracle too.
"""

from __future__ import annotations

import copy
import dataclasses
import linecache
import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

Shape = tuple[int, ...]

CONSTANTS = ("0.5", "1.3", "-0.7", "0.25", "-1.1", "0.9")
THRESHOLDS = ("0.13", "-0.21", "0.47", "-0.58", "0.02")


@dataclasses.dataclass(frozen=True, eq=False)
class RandomProgram:
    """A written program, compiled, and a generic point to run it at."""

    source: str
    function: Callable[..., Any]
    example: tuple[Any, ...]

    @property
    def args(self) -> tuple[Any, ...]:
        """A fresh copy of the inputs: programs write into them."""
        return copy.deepcopy(self.example)

    def __repr__(self) -> str:
        return f"{self.source}\n# at {self.example}"


_registered: list[str] = []


def compile_source(source: str, name: str = "f") -> Callable[..., Any]:
    """Compile source text under a file name that `linecache`, and so `inspect` and tracebacks, can resolve."""
    filename = f"<random program {hash(source) & 0xFFFFFFFFFFFF:012x}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    _registered.append(filename)
    if len(_registered) > 500:  # long fuzz runs must not grow
        linecache.cache.pop(_registered.pop(0), None)
    namespace: dict[str, Any] = {"__name__": "random_program"}
    exec(compile(source, filename, "exec"), namespace)
    return namespace[name]


def random_program(rng: random.Random, *, analytic: bool = False, statements: int = 8) -> RandomProgram:
    """Write and compile a program of about ``statements`` top-level statements."""
    writer = Writer(rng, analytic=analytic)
    source = writer.program(rng.randint(2, statements))
    numbers = np.random.default_rng(rng.randrange(1 << 16))
    example = (
        float(numbers.uniform(-1.2, 1.2)),
        float(numbers.uniform(-1.2, 1.2)),
        numbers.uniform(-1.2, 1.2, writer.length),
        numbers.uniform(-1.2, 1.2, (2, writer.length)),
    )
    return RandomProgram(source, compile_source(source), example)


def random_programs(*, analytic: bool = False, statements: int = 8) -> st.SearchStrategy[RandomProgram]:
    """The strategy: every choice of the writer is a choice of hypothesis, so that failing programs shrink."""
    return st.randoms(use_true_random=False).map(lambda rng: random_program(rng, analytic=analytic, statements=statements))


class Writer:
    """Writes one program.  ``scalars`` and ``arrays`` are the names that hold a value on every path to this line."""

    def __init__(self, rng: random.Random, *, analytic: bool) -> None:
        self.rng = rng
        self.analytic = analytic
        self.length = rng.randint(2, 3)
        self.scalars: list[str] = ["x", "y"]
        self.arrays: dict[str, Shape] = {"a": (self.length,), "m": (2, self.length)}
        self.indices: list[str] = []
        self.protected: set[str] = set()
        self.lines: list[str] = []
        self.fresh = 0
        self.loops = 0
        self.in_closure = False

    # --- small things ---

    def pick(self, *options: Any) -> Any:
        return options[self.rng.randrange(len(options))]

    def name(self, prefix: str) -> str:
        self.fresh += 1
        return f"{prefix}{self.fresh}"

    def emit(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def dtype(self) -> str:
        return ", dtype=a.dtype" if self.analytic else ""

    def function_name(self, *names: str) -> str:
        """A function for scalars, from math or from numpy."""
        return f"{'np' if self.analytic else self.pick('np', 'math')}.{self.pick(*names)}"

    def index(self, size: int) -> str:
        """An index into an axis: constant, negative, or made of a loop counter."""
        if self.indices and self.rng.random() < 0.6:
            counter = self.pick(*self.indices)
            return self.pick(f"{counter} % {size}", f"({counter} + 1) % {size}", f"-({counter} % {size}) - 1")
        return str(self.rng.randrange(-size, size))

    def array_of(self, shape: Shape) -> str | None:
        names = [name for name, own in self.arrays.items() if own == shape]
        return self.pick(*names) if names else None

    def any_array(self, *, ndim: int | None = None, minimum: int = 1) -> str | None:
        names = [name for name, own in self.arrays.items() if (ndim is None or len(own) == ndim) and own[0] >= minimum]
        return self.pick(*names) if names else None

    # --- expressions ---

    def condition(self) -> str:
        left, right = self.scalar(1), self.pick(self.pick(*THRESHOLDS), self.scalar(0))
        if self.analytic:
            left, right = f"np.real({left})", f"np.real({right})"
        test = f"{left} {self.pick('<', '>', '<=', '>=')} {right}"
        return self.pick(test, test, f"not {test}", f"-0.83 < {left} < {right}", f"{test} or {left} > 0.61")

    def element(self) -> str:
        name = self.pick(*self.arrays)
        return f"{name}[{', '.join(self.index(n) for n in self.arrays[name])}]"

    def scalar(self, depth: int) -> str:
        if depth <= 0:
            return self.pick(self.pick(*self.scalars), self.pick(*self.scalars), self.element(), self.pick(*CONSTANTS))
        one, other = self.scalar(depth - 1), self.scalar(depth - 1)
        kinds = [
            lambda: f"{self.function_name('sin', 'cos', 'tanh')}({one})",
            lambda: f"{self.function_name('sin', 'tanh')}({one} * {other})",
            lambda: f"0.5 * ({one} {self.pick('+', '-')} {other})",
            lambda: f"{one} / (2 + ({other}) ** 2)",
            lambda: f"{self.function_name('exp')}(-({one}) ** 2) * {self.function_name('cos')}({other})",
            lambda: f"0.5 * {self.function_name('sqrt')}(1 + ({one}) ** 2)",
            lambda: f"0.5 * {self.function_name('log')}(2 + ({one}) ** 2)",
            lambda: f"0.3 * {self.pick('np.sum({})', '{}.sum()', 'np.mean({})')}".format(self.pick(*self.arrays)),
            lambda: f"np.tanh(np.dot({self.vector_pair()}))",
            lambda: f"({one} if {self.condition()} else {other})",
            lambda: f"{self.pick('smooth', 'branchy')}({one}, {other})",
            lambda: f"descend({one}, {self.rng.randint(0, 3)})",
        ]
        if not self.analytic:
            kinds += [
                lambda: f"{self.pick('max', 'min')}({one}, {other})",
                lambda: f"abs({one})",
                lambda: f"math.atan2({one}, 2 + ({other}) ** 2)",
                lambda: f"float({one})",
                lambda: f"0.3 * sum({self.pick(*self.arrays)}.ravel())",
            ]
        return self.pick(*kinds)()

    def vector_pair(self) -> str:
        name = self.any_array(ndim=1) or "a"
        return f"{name}, {self.array_of(self.arrays[name])}"

    def array(self, shape: Shape, depth: int = 1) -> str:
        """An expression whose value has this shape."""
        known = self.array_of(shape)
        if depth <= 0 or known is None:
            if known is not None:
                return known
            return f"np.full({shape}, {self.scalar(1)}{self.dtype()})"
        one, other = self.array(shape, depth - 1), self.array(shape, depth - 1)
        compared = f"np.real({one})" if self.analytic else one
        kinds = [
            lambda: f"np.{self.pick('sin', 'cos', 'tanh')}({one})",
            lambda: f"np.{self.pick('sin', 'tanh')}({one} * {other})",
            lambda: f"0.5 * ({one} {self.pick('+', '-')} {other})",
            lambda: f"np.tanh({one} * {self.scalar(0)})",
            lambda: f"{one} / (2 + ({other}) ** 2)",
            lambda: f"np.where({compared} > {self.pick(*THRESHOLDS)}, {one}, {other})",
            lambda: f"({one})[::-1]",
            lambda: f"np.array({self.nested(shape)}{self.dtype()})",
            lambda: f"np.concatenate([({one})[1:], ({one})[:1]])",
            lambda: f"0.4 * np.cumsum({one}, axis={self.rng.randrange(len(shape))})",
        ]
        if not self.analytic:
            kinds += [lambda: f"np.maximum({one}, {other})", lambda: f"np.sort({one}, axis=-1)", lambda: f"np.abs({one})"]
        if len(shape) == 1:
            picked = [self.rng.randrange(shape[0]) for _ in range(shape[0])]
            kinds.append(lambda: f"({one})[{picked}]")
            for name, own in self.arrays.items():
                if len(own) == 2 and own[1] == shape[0]:
                    kinds.append(lambda name=name, own=own: f"{name}[{self.index(own[0])}]")
                if len(own) == 2 and own[0] == shape[0] and self.array_of((own[1],)):
                    kinds.append(lambda name=name, own=own: f"0.4 * {name} @ {self.array_of((own[1],))}")
        elif self.array_of((shape[1],)):
            kinds.append(lambda: f"np.tanh({one} + {self.array_of((shape[1],))})")
            if self.array_of((shape[0],)):
                kinds.append(lambda: f"np.sin(np.outer({self.array_of((shape[0],))}, {self.array_of((shape[1],))}))")
        return self.pick(*kinds)()

    def nested(self, shape: Shape) -> str:
        if len(shape) == 1:
            return "[" + ", ".join(self.scalar(0) for _ in range(shape[0])) + "]"
        return "[" + ", ".join(self.nested(shape[1:]) for _ in range(shape[0])) + "]"

    # --- statements ---

    def block(self, depth: int, count: int) -> None:
        """A block of statements; the names it makes are gone after it, because it may not run."""
        scalars, arrays, indices = list(self.scalars), dict(self.arrays), list(self.indices)
        for _ in range(count):
            self.statement(depth)
        self.scalars, self.arrays, self.indices = scalars, arrays, indices

    def statement(self, depth: int) -> None:
        simple = [self.assign_scalar, self.update_scalar, self.new_array, self.store, self.store, self.store, self.view]
        if depth >= 4 or self.in_closure:
            return self.pick(*simple)(depth)
        nested = [
            self.branch,
            self.count_loop,
            self.while_loop,
            self.value_loop,
            self.call,
            self.closure,
            self.grow_list,
            self.guard,
        ]
        return self.pick(*simple, *nested)(depth)

    def target(self) -> str:
        """A scalar to assign: mostly a new name, sometimes an old one."""
        old = [name for name in self.scalars if name not in self.protected]
        return self.pick(self.name("s"), *old)

    def assign_scalar(self, depth: int) -> None:
        value, target = self.scalar(2), self.target()
        if target in self.scalars and self.rng.random() < 0.2:
            other = self.pick(*(name for name in self.scalars if name not in self.protected))
            self.emit(depth, f"{target}, {other} = {other}, {value}")
            return
        self.emit(depth, f"{target} = {value}")
        if target not in self.scalars:
            self.scalars.append(target)

    def update_scalar(self, depth: int) -> None:
        names = [name for name in self.scalars if name not in self.protected]
        target, value = self.pick(*names), self.scalar(1)
        self.emit(
            depth,
            self.pick(f"{target} += 0.5 * np.tanh({value})", f"{target} *= np.cos({value})", f"{target} -= 0.3 * {value}"),
        )

    def new_array(self, depth: int) -> None:
        shape = self.pick((self.length,), (2, self.length), (4,))
        target = self.name("v" if len(shape) == 1 else "w")
        spelled = shape[0] if len(shape) == 1 else shape
        like = self.array_of(shape) or "a"
        text = self.pick(
            lambda: f"({self.array(shape, 2)}) * 1.0",
            lambda: f"np.zeros({spelled}{self.dtype()})",
            lambda: f"np.zeros({spelled}{self.dtype()})",
            lambda: f"np.ones({spelled}{self.dtype()})",
            lambda: f"np.full({spelled}, {self.scalar(0)}{self.dtype()})",
            lambda: f"np.zeros_like({like})" if self.arrays[like] == shape else f"np.zeros({spelled}{self.dtype()})",
            lambda: f"{like}.copy()" if self.arrays[like] == shape else f"np.ones({spelled}{self.dtype()})",
            lambda: None,
        )()
        if text is None:  # uninitialised, then filled element by element
            counter = self.name("i")
            self.emit(depth, f"{target} = np.empty({spelled}{self.dtype()})")
            self.emit(depth, f"for {counter} in range({shape[0]}):")
            self.indices.append(counter)
            row = self.scalar(1) if len(shape) == 1 else self.array(shape[1:], 1)
            self.emit(depth + 1, f"{target}[{counter}] = {row}")
            self.indices.remove(counter)
        else:
            self.emit(depth, f"{target} = {text}")
        self.arrays[target] = shape

    def store(self, depth: int) -> None:
        name = self.pick(*self.arrays)
        shape = self.arrays[name]
        compared = f"np.real({name})" if self.analytic else name
        n = shape[0]
        where = ", ".join(self.index(size) for size in shape)
        first, second = self.rng.randrange(n), self.rng.randrange(n)
        chosen = [self.rng.randrange(n) for _ in range(2)]
        rest = shape[1:]
        whole = f"{name}[...]" if self.in_closure else name  # an augmented name would be local to the nested function
        value = self.scalar(1) if self.rng.random() < 0.5 or not rest else self.array(rest, 1)
        options = [
            lambda: f"{name}[{where}] = {self.scalar(2)}",
            lambda: f"{name}[{where}] {self.pick('+=', '-=')} 0.5 * {self.scalar(1)}",
            lambda: f"{name}[{self.index(n)}] = {value}",
            lambda: f"{name}[{self.index(n)}] *= np.cos({value})",
            lambda: f"{name}[:] = {self.array(shape, 1)}",
            lambda: f"{whole} += 0.5 * np.tanh({self.array(shape, 1)})",
            lambda: f"{whole} *= np.cos({self.array(shape, 1)})",
            lambda: f"{name}[1:] = {name}[:-1]",
            lambda: f"{name}[1:] += 0.3 * {name}[:-1]",
            lambda: f"{name}[::2] *= {self.pick(*CONSTANTS)}",
            lambda: f"{name}[::-1] = np.sin({name})",
            lambda: f"{name}[..., -1] = {self.scalar(1)}",
            lambda: f"{name}[{compared} > {self.pick(*THRESHOLDS)}] *= {self.scalar(0)} / (1 + ({self.scalar(0)}) ** 2)",
            lambda: f"{name}[{compared} < {self.pick(*THRESHOLDS)}] = {self.scalar(0)}",
            lambda: f"{name}[{chosen}] = np.tanh({name}[{chosen[::-1]}] + {self.scalar(0)})",
            lambda: f"{name}[{chosen}] += 0.5 * {self.scalar(0)}",
            lambda: f"np.add.at({name}, {chosen}, 0.3 * {self.scalar(0)})",
            lambda: f"np.{self.pick('sin', 'tanh')}({self.array(shape, 1)}, out={name})",
            lambda: f"np.copyto({name}, {self.array(shape, 1)})",
            lambda: f"{name}.fill({self.scalar(0)})",
            lambda: f"{name}[{first}], {name}[{second}] = {name}[{second}], {name}[{first}]",
        ]
        if not self.analytic:
            options.append(lambda: f"{name}.sort()")
        if rest:
            options.append(lambda: f"{name}[:, {self.index(shape[1])}] = {self.array((n,), 1)}")
            options.append(lambda: f"{name}[:, {self.index(shape[1])}] *= {self.scalar(0)} / 2")
        self.emit(depth, self.pick(*options)())

    def view(self, depth: int) -> None:
        name = self.pick(*self.arrays)
        shape = self.arrays[name]
        n, rest, target = shape[0], shape[1:], self.name("u")
        total = math.prod(shape)
        views: list[tuple[str, Shape]] = [
            (f"{name}", shape),
            (f"{name}[::-1]", shape),
            (f"{name}[1:]", (n - 1, *rest)),
            (f"{name}[:-1]", (n - 1, *rest)),
            (f"{name}[::2]", ((n + 1) // 2, *rest)),
            (f"{name}.reshape(1, -1)", (1, total)),
        ]
        if rest:
            views += [
                (f"{name}[{self.index(n)}]", rest),
                (f"{name}[:, {self.index(rest[0])}]", (n,)),
                (f"{name}.T", shape[::-1]),
            ]
        if total == 4:
            views.append((f"{name}.reshape(2, 2)", (2, 2)))
        views = [(text, own) for text, own in views if min(own) > 0]
        text, own = self.pick(*views)
        self.emit(depth, f"{target} = {text}")
        self.arrays[target] = own

    def branch(self, depth: int) -> None:
        self.emit(depth, f"if {self.condition()}:")
        self.block(depth + 1, self.rng.randint(1, 2))
        if self.rng.random() < 0.3:
            self.emit(depth, f"elif {self.condition()}:")
            self.block(depth + 1, 1)
        if self.rng.random() < 0.6:
            self.emit(depth, "else:")
            self.block(depth + 1, self.rng.randint(1, 2))

    def body(self, depth: int) -> None:
        self.loops += 1
        if self.rng.random() < 0.25:
            self.emit(depth, f"if {self.condition()}:")
            self.block(depth + 1, self.rng.randint(0, 1))
            self.emit(depth + 1, self.pick("break", "continue"))
        self.block(depth, self.rng.randint(1, 3))
        self.loops -= 1

    def count_loop(self, depth: int) -> None:
        counter = self.name("i")
        most = 2 if self.loops else 4
        span = self.pick(f"range({self.rng.randint(1, most)})", f"range({self.rng.randint(1, most)}, 0, -1)", "range(len(a))")
        self.emit(depth, f"for {counter} in {span}:")
        self.indices.append(counter)
        self.body(depth + 1)
        self.indices.remove(counter)
        if self.rng.random() < 0.2:
            self.emit(depth, "else:")
            self.block(depth + 1, 1)

    def while_loop(self, depth: int) -> None:
        counter = self.name("k")
        state = self.name("s")
        most = 2 if self.loops else 5
        self.emit(depth, f"{counter}, {state} = 0, {self.scalar(1)}")
        self.scalars.append(state)
        tested = f"np.real({state})" if self.analytic else state
        self.emit(depth, f"while {counter} < {most} and {tested} {self.pick('>', '<')} {self.pick(*THRESHOLDS)}:")
        self.emit(depth + 1, f"{counter} += 1")
        self.emit(
            depth + 1, f"{state} = {self.pick(f'0.7 * {state} - 0.1', f'np.sin({state} + {self.scalar(0)})', self.scalar(2))}"
        )
        self.indices.append(counter)
        self.body(depth + 1)
        self.indices.remove(counter)

    def value_loop(self, depth: int) -> None:
        """A loop over the elements of a vector or the rows, which are views, of a matrix."""
        source = self.any_array() or "a"
        shape = self.arrays[source]
        value, counter = self.name("u" if shape[1:] else "e"), self.name("i")
        head = self.pick(f"for {value} in {source}:", f"for {counter}, {value} in enumerate({source}):")
        self.emit(depth, head)
        before = list(self.scalars), dict(self.arrays)
        if shape[1:]:
            self.arrays[value] = shape[1:]
        else:
            self.scalars.append(value)
        if "enumerate" in head:
            self.indices.append(counter)
        self.body(depth + 1)
        if "enumerate" in head:
            self.indices.remove(counter)
        self.scalars, self.arrays = before

    def call(self, depth: int) -> None:
        """A helper that writes into its argument and returns it, or not."""
        name, target = self.any_array() or "a", self.name("v")
        self.emit(depth, f"{target} = {self.pick('rotate', 'relax', 'replace')}({name}, {self.scalar(1)})")
        self.arrays[target] = self.arrays[name]

    def closure(self, depth: int) -> None:
        """A nested function that reads what is around it and changes one name of it."""
        state, bump, amount = self.name("s"), self.name("bump"), self.name("d")
        self.emit(depth, f"{state} = {self.scalar(1)}")
        self.emit(depth, f"def {bump}({amount}):")
        self.emit(depth + 1, f"nonlocal {state}")
        outer = list(self.scalars), dict(self.arrays), set(self.protected)
        self.protected.update(self.scalars)
        self.scalars += [state, amount]
        self.in_closure = True
        self.emit(depth + 1, f"{state} = np.tanh({state} + {self.scalar(1)} * {amount})")
        if self.rng.random() < 0.5:
            self.store(depth + 1)
        result = self.scalar(1)
        self.in_closure = False
        self.scalars, self.arrays, self.protected = outer
        self.emit(depth + 1, f"return {result}")
        self.scalars.append(state)
        for _ in range(self.rng.randint(1, 2)):
            called = self.name("s")
            self.emit(depth, f"{called} = {bump}({self.scalar(0)})")
            self.scalars.append(called)

    def grow_list(self, depth: int) -> None:
        """A list that grows, and is summed or made an array."""
        items, counter, target = self.name("items"), self.name("i"), self.name("s")
        if self.rng.random() < 0.5:
            source = self.any_array(ndim=1) or "a"
            self.emit(depth, f"{items} = [np.sin(e) * {self.scalar(0)} for e in {source}]")
        else:
            self.emit(depth, f"{items} = [{self.scalar(0)}]")
            self.emit(depth, f"for {counter} in range(2):")
            self.indices.append(counter)
            self.emit(depth + 1, f"{items}.append(np.tanh({items}[-1] + {self.scalar(1)}))")
            self.indices.remove(counter)
        self.emit(depth, f"{target} = {self.pick(f'0.3 * sum({items})', f'np.array({items}).mean()', f'{items}[-1]')}")
        self.scalars.append(target)

    def guard(self, depth: int) -> None:
        """An exception that is raised by a value, and caught."""
        target = self.name("s")
        self.emit(depth, f"{target} = {self.scalar(0)}")
        self.scalars.append(target)
        self.emit(depth, "try:")
        self.block(depth + 1, 1)
        self.emit(depth + 1, f"if {self.condition()}:")
        self.emit(depth + 2, "raise ValueError")
        self.emit(depth + 1, f"{target} = {self.scalar(1)}")
        self.emit(depth, "except ValueError:")
        self.block(depth + 1, 1)
        if self.rng.random() < 0.3:
            self.emit(depth, "finally:")
            self.block(depth + 1, 1)

    # --- the whole ---

    def program(self, count: int) -> str:
        self.emit(0, "def f(x, y, a, m):")
        if self.rng.random() < 0.7:  # else the arguments themselves are written
            self.emit(1, "a, m = a.copy(), m.copy()")
        for _ in range(count):
            self.statement(1)
            if self.rng.random() < 0.05:
                self.emit(1, f"if {self.condition()}:")
                self.emit(2, f"return {self.result()}")
        self.emit(1, f"return {self.result()}")
        return HELPERS[self.analytic] + "\n".join(self.lines) + "\n"

    def result(self) -> str:
        """Every name counts: the sum of all, so that no store is without effect."""
        total = " + ".join([*self.scalars[-6:], *(f"np.sum(np.sin({name}))" for name in self.arrays)])
        return self.pick(total, total, f"({total}, {self.pick(*self.arrays)})", f"[{self.scalar(1)}, {{'total': {total}}}]")


_HELPERS = """import math

import numpy as np


def smooth(p, q):
    p = np.tanh(p + q)
    return p * np.cos(q)


def branchy(p, q=0.4):
    if {real}(p) > 0.07:
        return np.sin(p * q)
    r = p - q
    for _ in range(2):
        r = 0.5 * r + 0.1 * p
    return r


def descend(p, n):
    if n == 0 or {real}(p) > 1.05:
        return np.sin(p)
    return 0.6 * descend(0.8 * p + 0.1 * n, n - 1) + 0.3 * p


def rotate(v, p):
    v[1:], v[0] = v[:-1].copy(), np.sin(v[-1] + p)
    return v


def relax(v, p):
    out = np.zeros_like(v)
    for i in range(len(v)):
        out[i] = 0.5 * (v[i] + out[i - 1]) * np.cos(p)
    return out


def replace(v, p):
    v = v * 1.0
    v[::2] = np.tanh(p)
    return v


"""
HELPERS = {False: _HELPERS.replace("{real}", ""), True: _HELPERS.replace("{real}", "np.real")}
