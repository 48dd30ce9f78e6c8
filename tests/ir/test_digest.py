"""A digest is a whole program: whatever is changed in one, the bytes are others; and they are the same in every process."""

import dataclasses
import functools
import linecache
import os
import random
import subprocess
import sys
from typing import NamedTuple

import numpy as np
import pytest

import adjoint as ad
from adjoint._api.source import program
from adjoint._ir.digest import digest
from adjoint._ir.nodes import Apply, Block, Derivative, Function, If, Line, Loop, Raise, Undefined, Value, functions, walk
from adjoint._ir.types import FLOAT, INT, ListOf, Opaque, Record, Tensor


def around(atom, t=FLOAT):
    """Return a program that adds an atom to its argument."""
    x, y = Value(t, "x"), Value(t, "y")
    op = Apply(outputs=[y], function=np.add, args=(x, atom), line=Line("f.py", 3, "f"))
    return Function("f", Block([x], [op], [y]))


@dataclasses.dataclass(frozen=True)
class Foreign:
    """A class of the user's, whose fields tell nothing of its methods."""

    x: float = 0.0


class Pair(NamedTuple):
    """A tuple of the user's."""

    x: float = 0.0


class Own(np.float64):
    """A number of the user's."""


NAN = np.array([0x7FF8000000000000, 0x7FF8000000000001, 0xFFF8000000000000], np.uint64).view(float)
ATOMS = [
    0, 1, -1, 2**70, False, True, None, ..., 0.0, -0.0, 1.0, np.nextafter(1.0, 2.0).item(), *NAN.tolist(), float("inf"),
    0j, complex(-0.0, 0.0), complex(0.0, -0.0), "", "a", "b", "s0;", "a;s1;b", (), [], (0,), [0], (0, 0), ((0,), 0), (0, (0,)), {},
    {"a": 0}, {"a": 0, "b": 1}, {"b": 1, "a": 0}, slice(None), slice(0), slice(0, None), slice(0, None, None), slice(0, None, 1),
    np.float64(0), np.float32(0), np.int64(0), np.int32(0), np.bool_(False), np.complex128(0), *map(np.float64, (-0.0, *NAN)),
    np.zeros(0), np.zeros(1), np.zeros((1, 1)), np.zeros(2), np.zeros(2, np.float32), np.zeros(2, int), -np.zeros(2),
    np.zeros((2, 3)), np.zeros((3, 2)), np.zeros((2, 3), order="F"), np.zeros(2, ">f8"), np.array([0.0, 5e-324]),
    np.dtype("f8"), np.dtype(">f8"), np.dtype("f4"), np.dtype("l"), np.dtype("q"), float, int, np.float64, np.sin, np.cos, len,
    FLOAT, INT, Tensor(np.dtype(float)), Tensor(np.dtype(float), 1), ListOf(FLOAT), ListOf(ListOf(FLOAT)), Record("f"),
    Record("g"), Record("f", differentiable=False), Opaque(str), Opaque(bytes), Undefined(FLOAT), Undefined(INT),
    np.linalg.svd(np.ones((1, 1))), np.linalg.qr(np.ones((1, 1))), (*np.linalg.qr(np.ones((1, 1))),),
]  # fmt: skip


def test_atoms_are_told_by_their_bits():
    told = [digest(around(atom)) for atom in ATOMS]
    assert None not in told
    same = {}
    for atom, one in zip(ATOMS, told, strict=True):
        same.setdefault(one, []).append(atom)
    # `slice(0)` and `slice(0, None, None)` are what they look like.
    alike = [found for found in same.values() if len(found) > 1]
    assert [repr(found) for found in alike] == ["[slice(0, None, None), slice(0, None, None)]"]


UNTOLD = [
    object(), lambda x: x, Foreign(), Foreign, Pair(), Own(1.0), random.Random(1), np.random.default_rng(1), np.random, functools.partial(len),
    np.add.reduce, {1, 2}, frozenset({1}), np.array([None]), np.array(["a"]), np.zeros(1, [("a", float)]), np.datetime64(1, "s"),
    np.dtype("f8", metadata={"a": 1}), np.dtype("O"), np.dtype("S3"), np.zeros(10**6), ValueError("x"), np.ma.masked, os.environ,
    np.zeros(2).view(np.matrix), bytearray(b"a"), range(3),
]  # fmt: skip


@pytest.mark.parametrize("atom", UNTOLD, ids=lambda x: type(x).__name__)
def test_what_cannot_be_told_has_no_digest(atom):
    assert digest(around(atom)) is None
    assert digest(around((0, [atom]))) is None


def test_a_function_that_has_another_ones_name_has_no_digest():
    def sin(x):
        return x

    sin.__module__, sin.__qualname__ = "numpy", "sin"
    assert digest(around(np.sin)) is not None
    assert digest(around(sin)) is None


def test_an_object_that_lies_about_itself_has_no_digest():
    class Liar:
        def __getattr__(self, name):
            raise RuntimeError(name)

    assert digest(around(Liar())) is None


# --------------------------------------------------------------------------------------------------------------- whole programs


def rich(x, n):
    """A program with every kind of node: loops with tests, branches, calls, exceptions."""

    def power(y, k):
        return 1.0 if k == 0 else y * power(y, k - 1)

    total, k = 0.0, 0
    while k < n:
        total = total + np.sum(np.sin(x[k:])) * 0.5
        k = k + 1
    for i in range(n):
        total += x[i] ** 2 if x[i] > 0 else power(x[i], i)
    if n > 100:
        raise ValueError("long")
    return total


def made(f=rich, *args):
    return program(f, args or (np.ones(4), 3), {}, "source")


def everything(one, found=None):
    """Return all objects with fields in a program, each once."""
    found = {} if found is None else found
    if id(one) not in found:
        if dataclasses.is_dataclass(one) and not isinstance(one, type):
            found[id(one)] = one
            parts = [getattr(one, field.name) for field in dataclasses.fields(one)]
        elif isinstance(one, Value):
            found[id(one)] = one
            parts = [one.type]
        elif isinstance(one, (list, tuple)):
            parts = one
        else:
            parts = list(one.values()) if isinstance(one, dict) else []
        for part in parts:
            everything(part, found)
    return list(found.values())


def test_every_field_of_every_node_is_read():
    function = made()
    function.derivative = Derivative(1, refusal=None, pushforward=made(lambda x: x * 2, 1.0))
    before = digest(function)
    nodes = everything(function)
    assert {type(one) for one in nodes} >= {Function, Block, Apply, If, Loop, Raise, Derivative, Value, Tensor}
    for node in nodes:
        names = [field.name for field in dataclasses.fields(node)] if dataclasses.is_dataclass(node) else ["type", "name"]
        for name in names:
            value = getattr(node, name)
            object.__setattr__(node, name, "changed")
            assert digest(function) != before, (node, name)
            object.__setattr__(node, name, value)
    assert digest(function) == before


def test_every_part_of_every_list_is_read():
    function = made()
    before = digest(function)
    for node in everything(function):
        for field in dataclasses.fields(node) if dataclasses.is_dataclass(node) else ():
            parts = getattr(node, field.name)
            for k in range(len(parts) if isinstance(parts, list) else 0):
                kept, parts[k] = parts[k], "changed"
                assert digest(function) != before, (node, field.name, k)
                parts[k] = kept
                if k:
                    parts[k - 1], parts[k] = parts[k], parts[k - 1]
                    assert digest(function) != before or parts[k - 1] is parts[k], (node, field.name, k)
                    parts[k - 1], parts[k] = parts[k], parts[k - 1]
    assert digest(function) == before


def test_which_value_is_meant_is_read():
    """Values of one name and type are told apart by where they are defined."""
    x, y = Value(FLOAT, "v"), Value(FLOAT, "v")
    told = {digest(Function("f", Block([x, y], results=list(pair)))) for pair in ((x, x), (x, y), (y, x), (y, y))}
    assert len(told) == 4


@pytest.mark.parametrize(
    ("old", "new"),
    [("0.5", "0.25"), ("0.5", "0.50000000000000011"), ("sin", "cos"), ("> 0", ">= 0"), ("long", "lang"), ("k + 1", "k + 2"),
     ("ValueError", "TypeError"), ("total +=", "\n        total +="), ("y * ", "y + "), ("range(n)", "range(1, n)"),
     ("k == 0", "k == 1"), ("power", "pow_"), ("x[k:]", "x[:k]")],
)  # fmt: skip
def test_a_change_in_the_source_is_seen(tmp_path, old, new):
    source = "import numpy as np\n\ndef rich(x, n):" + SOURCE.split("def rich(x, n):")[1]
    assert old in source
    told = []
    for text in (source, source.replace(old, new), source):
        path = tmp_path / "model.py"
        path.write_text(text)
        known = {}
        exec(compile(text, str(path), "exec"), known)
        linecache.cache[str(path)] = (len(text), None, text.splitlines(keepends=True), str(path))
        told.append(digest(made(ad.grad(known["rich"]), np.ones(4), 3)))
    assert None not in told
    assert told[0] == told[2] != told[1]


with open(__file__, encoding="utf-8") as _own:
    SOURCE = _own.read().split("# " + "-" * 111)[-1].split("\n\n\ndef made")[0]

SCRIPT = """
import hashlib, sys
import numpy as np
import adjoint as ad
from adjoint._api.source import program
from adjoint._ir.digest import digest
from tests.ir.test_digest import rich
for _ in range(2):
    for f in (rich, ad.grad(rich), ad.jacfwd(rich)):
        print(hashlib.sha256(digest(program(f, (np.ones(4), 3), {}, "source"))).hexdigest())
"""


def test_it_is_the_same_in_every_process_and_the_second_time():
    known = os.environ | {"PYTHONPATH": os.pathsep.join([os.getcwd(), *sys.path])}
    told = []
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False, env=known | {"PYTHONHASHSEED": seed}
        )
        assert done.returncode == 0, done.stderr
        told.append(done.stdout.split())
    assert told[0] == told[1]
    assert told[0][:3] == told[0][3:]
    assert len(set(told[0])) == 3


def test_constants_of_all_functions_are_read():
    function = made()
    before = digest(function)
    inner = functions(function)[-1]
    assert inner is not function
    op = next(op for op in walk(inner.body) if isinstance(op, Apply))
    op.args = (*op.args[:-1], 7.0)
    assert digest(function) != before
