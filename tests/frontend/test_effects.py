"""What a function does besides returning a value happens when the program runs, once, and never at translation."""

# ruff: noqa: B008, NPY002, RUF012, T201 - the programs are written as users write them
from __future__ import annotations

import collections
import random
import time
import warnings

import numpy as np
import pytest

from adjoint._frontend.captures import holds
from adjoint._frontend.translate import translate
from adjoint._ir.evaluate import run
from adjoint.errors import AdjointError
from tests.frontend.agreement import Cases, check, evaluated, translated

CASES = Cases()
X = np.array([1.0, 2.0])


@CASES((1.0, 3))
def own_generator(x, n):
    rng = np.random.default_rng(0)
    total = 0.0
    for _ in range(n):
        total += rng.normal() * x
    return total + rng.uniform(size=2).sum()


@CASES((1.0,), (-1.0,))
def own_old_generator(x):
    rng = np.random.RandomState(0)
    return x * rng.rand() if x > 0 else x * rng.randn()


@CASES((1.0, np.random.default_rng(3)))
def generator_as_argument(x, rng):
    return x * rng.normal() + rng.random()


@CASES((1.0,), refused="time")
def reads_the_clock(x):
    return x * time.time()


@CASES((1.0,), refused="input")
def asks(x):
    return x * float(input())


@CASES((1.0,), refused="open")
def opens(x):
    with open("file") as file:
        return x * len(file.read())


@CASES((1.0,), refused="random")
def makes_a_python_generator(x):
    return x * random.Random(0).random()


@CASES((1.0,), refused="eval")
def evaluates(x):
    return eval("x * 2")


@CASES((1.0,), refused="attribute")
def changes_a_class(x):
    collections.OrderedDict.new = x
    return x


@CASES((iter([1.0]),), refused="iterator")
def takes_an_iterator(it):
    return next(it)


@CASES((1.0, {1, 2}), refused="set from outside")
def changes_a_set(x, s):
    s.add(3)
    return x * len(s)


@CASES((np.array(["a"]),), refused="dtype")
def takes_texts(s):
    return len(s)


@pytest.mark.parametrize("case", CASES.every, ids=CASES.names)
def test_effects(case) -> None:
    check(case)


def prints(x, n):
    print("start", x)
    for k in range(n):
        if k * x > 1:
            print("turn", k)
    return x


def test_prints_once_and_in_order(capsys) -> None:
    program = translated(prints, (1.0, 3))
    assert not capsys.readouterr().out
    evaluated(program, (1.0, 3))
    mine = capsys.readouterr().out
    prints(1.0, 3)
    assert mine == capsys.readouterr().out


def warns(x):
    warnings.warn("careful", stacklevel=1)
    return x


def test_warns_when_the_program_runs() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        program = translated(warns, (1.0,))
    with pytest.warns(UserWarning, match="careful"):
        evaluated(program, (1.0,))


def draws(x):
    return x * np.random.rand() + random.random() + random.gauss(0.0, 1.0)


def test_draws_leave_no_trace_and_follow_the_global_state() -> None:
    np.random.seed(1)
    random.seed(1)
    want = draws(2.0)
    np.random.seed(1)
    random.seed(1)
    program = translated(draws, (2.0,))
    assert evaluated(program, (2.0,)) == want
    assert evaluated(program, (2.0,)) != want


RATE = 0.5
TABLE = np.array([1.0, 2.0])
SETTINGS = {"rate": 2.0, "items": [1.0, 2.0], "mode": "fast"}
COUNT = 3
ALLOWED = {1, 2}
QUEUE = collections.deque([1, 2])


class Config:
    step = 0.25
    sizes = [1.0, 2.0]

    def __init__(self):
        self.rate = 3.0
        self.table = np.array([1.0, 2.0])
        self.mode = "a"


CONFIG = Config()


def uses_everything(x, scale=np.array([1.0, 2.0]), *, shift=np.array([0.5])):
    y = x * RATE * TABLE.sum() + SETTINGS["rate"] + sum(SETTINGS["items"]) + COUNT + len(ALLOWED) + len(QUEUE)
    y = y + CONFIG.rate * CONFIG.table[0] + CONFIG.step + Config.step + sum(Config.sizes) + (scale * shift).sum()
    return y * len(CONFIG.mode) * len(SETTINGS["mode"])


def _set(name, value):
    globals()[name] = value


CHANGES = {
    "global float": lambda: _set("RATE", RATE + 1),
    "global array in place": lambda: TABLE.__iadd__(1.0),
    "global array": lambda: _set("TABLE", TABLE * 2),
    "global int": lambda: _set("COUNT", COUNT + 1),
    "item of dict": lambda: SETTINGS.update(rate=SETTINGS["rate"] + 1),
    "text of dict": lambda: SETTINGS.update(mode=SETTINGS["mode"] + "er"),
    "item of list": lambda: SETTINGS["items"].__setitem__(0, SETTINGS["items"][0] + 1),
    "list grows": lambda: SETTINGS["items"].append(3.0),
    "set grows": lambda: ALLOWED.add(len(ALLOWED) + 5),
    "deque grows": lambda: QUEUE.append(3),
    "attribute": lambda: setattr(CONFIG, "rate", CONFIG.rate + 1),
    "array of attribute": lambda: CONFIG.table.__iadd__(1.0),
    "text attribute": lambda: setattr(CONFIG, "mode", CONFIG.mode + "b"),
    "class attribute": lambda: setattr(Config, "step", Config.step + 1),
    "list of class": lambda: Config.sizes.append(1.0),
    "default": lambda: uses_everything.__defaults__[0].__iadd__(1.0),
    "keyword default": lambda: uses_everything.__kwdefaults__["shift"].__iadd__(1.0),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changes_of_the_world_are_seen(change) -> None:
    program = translated(uses_everything, (2.0,))
    assert evaluated(program, (2.0,)) == pytest.approx(uses_everything(2.0), rel=1e-14)
    before = uses_everything(2.0)
    CHANGES[change]()
    assert uses_everything(2.0) != before
    if all(map(holds, program.captures.guards)):
        assert evaluated(program, (2.0,)) == pytest.approx(uses_everything(2.0), rel=1e-14)
    else:
        fresh = translated(uses_everything, (2.0,))
        assert evaluated(fresh, (2.0,)) == pytest.approx(uses_everything(2.0), rel=1e-14)


def counter():
    count = 0.0

    def tick(x):
        nonlocal count
        count += x
        return count

    return tick, lambda: count


def test_variables_of_functions_around_are_not_changed() -> None:
    tick, count = counter()
    with pytest.raises(AdjointError, match="variable of a function around"):
        translate(tick, (1.0,), {})
    assert count() == 0.0


def closure(w):
    def f(x):
        return x * w.sum()

    return f


def test_captured_cell_is_read_at_every_call() -> None:
    w = np.array([1.0, 2.0])
    f = closure(w)
    program = translated(f, (2.0,))
    w += 1
    assert evaluated(program, (2.0,)) == f(2.0)


HISTORY: list[float] = []


def remembers(x):
    HISTORY.append(x)
    return x


def test_containers_of_the_world_are_not_changed() -> None:
    with pytest.raises(AdjointError, match="list from outside"):
        translate(remembers, (1.0,), {})
    assert not HISTORY


BUFFER = np.zeros(3)


def writes_buffer(x):
    BUFFER[1] = x
    return BUFFER.sum()


def test_arrays_of_the_world_are_written() -> None:
    program = translated(writes_buffer, (2.0,))
    assert not BUFFER.any()
    ((k, result),) = program.written
    results = run(program.function, [2.0, *[getter() for getter, _ in program.captures.inputs]])
    assert k == 1
    np.testing.assert_array_equal(results[result], [0.0, 2.0, 0.0])


def several_names(x):
    total = 0.0
    for k, value in enumerate(x):
        gap = value - 1
        if gap > 0:
            total = total + gap * k
        else:
            total = total - gap
    return total


def test_lines_and_names() -> None:
    from adjoint._ir.nodes import If, Loop, walk

    program = translated(several_names, (X,))
    first = several_names.__code__.co_firstlineno
    ops = list(walk(program.function.body))
    (loop,) = [op for op in ops if isinstance(op, Loop)]
    (branch,) = [op for op in ops if isinstance(op, If)]
    assert loop.line.number == first + 2
    assert branch.line.number == first + 4
    names = {value.name for op in ops for value in op.outputs if value.name}
    assert {"gap", "total"} <= names
    assert not [name for name in names if name.startswith("_")]
