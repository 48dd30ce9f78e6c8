"""Random programs that alias, mutate, branch and loop: whatever they do, their translation does the same, or is refused."""

from __future__ import annotations

import random

NUMBERS = ("a", "b", "c")
ARRAYS = ("u", "v", "w")
LISTS = ("p", "q")
OBJECTS = ("o", "r")
PART = "d['p']"
HEADER = """import numpy as np


class Thing:
    def __init__(self, x):
        self.x = x
        self.items = [x]

    def add(self, y):
        self.x = self.x + y
        return self.x

    def store(self, y):
        self.items.append(y)


def program(a, n, x):
    b, c = a * 0.5, 1.5
    u, v = x * 1.0, x + 1.0
    w = u
    p, q = [a, 2.0], [b, c, 3.0]
    o, r = Thing(a), Thing(2.0)
    d = {"k": a, "u": u, "p": p}
    count = 0.0

    def tick(y):
        nonlocal count
        count = count + y
        return count

    def poke(array, y):
        array[0] = y
        return array

"""


class Writer:
    """Writes one program."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.lines: list[str] = []
        self.loops = 0
        self.depth = 0

    def pick(self, *options: str) -> str:
        return self.random.choice(options)

    def number(self, depth: int = 2) -> str:
        if depth == 0:
            return self.pick(*NUMBERS, "0.5", "2.0", "a", "b")
        inner = lambda: self.number(depth - 1)
        return self.pick(
            *NUMBERS,
            f"({inner()} + {inner()})",
            f"({inner()} - {inner()})",
            f"({inner()} * 0.5)",
            f"{self.array()}[{self.pick('0', '1', '-1')}]",
            f"{self.array()}.sum()",
            f"{self.pick(*LISTS)}[0]",
            f"{self.pick(*LISTS)}[-1]",
            f"{self.pick(*OBJECTS)}.x",
            "d['k']",
            "d['u'][0]",
            f"len({self.pick(*LISTS)})",
            "count",
            f"abs({inner()})",
            f"max({inner()}, {inner()})",
            f"({inner()} if {self.test()} else {inner()})",
        )

    def array(self) -> str:
        return self.pick(*ARRAYS, *ARRAYS, "d['u']")

    def test(self) -> str:
        return self.pick(
            f"{self.pick(*NUMBERS)} > {self.pick('0', '1', 'b')}",
            f"{self.pick(*NUMBERS)} < {self.pick('0', '2', 'c')}",
            "n > 1",
            f"{self.pick(*ARRAYS)}[0] > a",
            "len(p) > 2",
            "n == 2 and a > 0",
        )

    def statement(self) -> list[str]:
        simple = [
            lambda: f"{self.pick(*NUMBERS)} = {self.number()}",
            lambda: f"{self.pick(*NUMBERS)} += {self.number(1)}",
            lambda: f"{self.pick(*ARRAYS)} = {self.array()}",
            lambda: f"{self.pick(*ARRAYS)} = {self.array()} * {self.number(1)}",
            lambda: f"{self.pick(*ARRAYS)} = {self.array()}[::-1]",
            lambda: f"{self.pick(*ARRAYS)} = {self.array()}.copy()",
            lambda: f"{self.array()}[{self.pick('0', '1', '-1', '1:', '::2')}] = {self.number(1)}",
            lambda: f"{self.pick(*ARRAYS)} += {self.number(1)}",
            lambda: f"{self.pick(*ARRAYS)} *= 0.5",
            lambda: f"{self.pick(*LISTS)}.append({self.number(1)})",
            lambda: f"{self.pick(*LISTS)}[0] = {self.number(1)}",
            lambda: f"{self.pick(*LISTS)} = {self.pick(*LISTS, PART)}",
            lambda: f"{self.pick(*LISTS)} = [{self.number(1)}, {self.number(1)}]",
            lambda: f"{self.pick(*LISTS)} = [y * 0.5 for y in {self.pick(*LISTS)}]",
            lambda: f"{self.pick(*LISTS)} = list({self.pick(*LISTS)})",
            lambda: f"{self.pick(*LISTS)} = {self.pick(*LISTS)} + [{self.number(1)}]",
            lambda: f"{self.pick(*NUMBERS)} = {self.pick(*LISTS)}.pop()",
            lambda: f"{self.pick(*OBJECTS)}.x = {self.number(1)}",
            lambda: f"{self.pick(*OBJECTS)}.add({self.number(1)})",
            lambda: f"{self.pick(*OBJECTS)}.store({self.number(1)})",
            lambda: f"{self.pick(*LISTS)} = {self.pick(*OBJECTS)}.items",
            lambda: f"{self.pick(*OBJECTS)} = {self.pick(*OBJECTS)}",
            lambda: f"{self.pick(*OBJECTS)} = Thing({self.number(1)})",
            lambda: f"d['k'] = {self.number(1)}",
            lambda: f"d['u'] = {self.array()}",
            lambda: f"d['p'] = {self.pick(*LISTS)}",
            lambda: "d['p'].append(1.0)",
            lambda: f"tick({self.number(1)})",
            lambda: f"{self.pick(*ARRAYS)} = poke({self.array()}, {self.number(1)})",
            lambda: "u, v = v, u",
            lambda: "p, q = q, p",
            lambda: "o, r = r, o",
            lambda: f"x[0] = {self.number(1)}",
        ]
        roll = self.random.random()
        if self.depth >= 3 or roll < 0.66:
            return [self.random.choice(simple)()]
        if roll < 0.82:
            return self.branch()
        return self.loop()

    def branch(self) -> list[str]:
        lines = [f"if {self.test()}:", *self.block()]
        if self.random.random() < 0.6:
            lines += ["else:", *self.block()]
        return lines

    def loop(self) -> list[str]:
        self.loops += 1
        k = f"k{self.loops}"
        head = self.pick(
            f"for {k} in range(n):",
            f"for {k} in range(2):",
            f"for {k} in range(3):",
            f"for {k} in x:",
            f"for {k} in {self.pick(*LISTS)}[:]:",
        )
        body = self.block()
        if self.random.random() < 0.3:
            body.append(f"    {self.pick(*NUMBERS)} += {k}")
        if self.random.random() < 0.25:
            body.append(f"    if {self.test()}:")
            body.append(f"        {self.pick('break', 'continue')}")
            body.append(f"    {self.statement_simple()}")
        return [head, *body]

    def statement_simple(self) -> str:
        return f"{self.pick(*NUMBERS)} = {self.number()}"

    def block(self) -> list[str]:
        self.depth += 1
        lines = [f"    {line}" for _ in range(self.random.randint(1, 3)) for line in self.statement()]
        self.depth -= 1
        return lines

    def source(self) -> str:
        lines = [line for _ in range(self.random.randint(3, 7)) for line in self.statement()]
        wanted = self.random.sample(
            [*NUMBERS, *ARRAYS, *LISTS, "o.x", "r.x", "o.items", "d['k']", "d['u']", "d['p']", "count", "sum(p)"], 5
        )
        return HEADER + "".join(f"    {line}\n" for line in [*lines, f"return [{', '.join(wanted)}]"])
