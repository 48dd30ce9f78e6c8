"""Every invariant of programs is checked; a program as the builder writes it passes, and each way of breaking one is found."""

from __future__ import annotations

import numpy as np
import pytest

from adjoint._ir.builder import Builder, Symbol
from adjoint._ir.nodes import Apply, Block, Call, Function, If, Line, Loop, Raise, Undefined, Value
from adjoint._ir.show import show
from adjoint._ir.types import BOOL, FLOAT, INT, ListOf, Tensor
from adjoint._ir.verify import InvalidProgramError, verify

F = Tensor(np.dtype(float))
V = Tensor(np.dtype(float), 1)


def program() -> tuple[Function, Builder]:
    x, n = Value(F, "x"), Value(INT, "n")
    builder = Builder()
    builder.line = Line("model.py", 12, "f")
    with builder.block([x, n]) as body:
        X, N = Symbol(x), Symbol(n)
        (a,) = builder.if_(X > 0, lambda: [np.sin(X)], lambda: [X])
        (s,), (items,), _ = builder.loop((0, N, 1), [a], lambda i, s: ([s * 0.5], [s]), types=[F])
        (t,), _, _ = builder.loop(
            (0, N, 1), [0.0], lambda i, t, item: ([t + item], []), types=[F], consumed=[items], reverse=True
        )
        body.results = builder.atoms([s, t, Undefined(F)])
    return Function("f", body, Line("model.py", 10, "f")), builder


def find(function: Function, kind: type, number: int = 0):
    return [op for op in function.body.ops if isinstance(op, kind)][number]


def test_what_the_builder_writes_is_valid() -> None:
    verify(program()[0])


def test_listing() -> None:
    assert (
        show(program()[0])
        == """\
function f(x: float64, n: int):   # model.py:10
    v1: bool = x > 0   # model.py:12
    v2: float64 = if v1:   # model.py:12
        v3: float64 = sin(x)   # model.py:12
        give v3
    else:
        give x
    v6: float64, v7: list[float64], v8: int = for v4 in range(0, n, 1) carrying v5: float64 = v2:   # model.py:12
        v9: float64 = v5 * 0.5   # model.py:12
        next v9, v5
    v13: float64, v14: int = for v10 in range(0, n, 1) backward carrying v11: float64 = 0.0 consuming v12: float64 in v7:   # model.py:12
        v15: float64 = v11 + v12   # model.py:12
        next v15
    return v6, v13, undefined"""
    )


def broken_use(f):
    f.body.results = [Value(F, "nobody")]


def broken_scope(f):
    f.body.results = [find(f, If).then.ops[0].outputs[0]]


def broken_twice(f):
    f.body.ops.append(Apply(function=np.sin, args=(f.params[0],), outputs=[find(f, Apply).outputs[0]]))


def broken_symbol(f):
    find(f, Apply).args = (Symbol(f.params[0]), 0)


def broken_array(f):
    find(f, Apply).args = (np.zeros(2), 0)


def broken_type(f):
    find(f, Apply).outputs[0].type = None


def broken_line(f):
    find(f, Apply).line = "model.py:12"


def broken_outputs(f):
    find(f, Apply).outputs = []


def broken_branch(f):
    find(f, If).then.results = []


def broken_branch_type(f):
    find(f, If).outputs[0].type = V


def broken_branch_params(f):
    find(f, If).then.params = [Value(F)]


def broken_init(f):
    find(f, Loop).inits = ["a"]


def broken_carried(f):
    find(f, Loop).body.results[0] = True
    find(f, Loop).body.params[1].type = find(f, Loop).outputs[0].type = Tensor(np.dtype(np.float32), 1)


def broken_consumed(f):
    find(f, Loop, 1).consumed = [f.params[0]]


def broken_item(f):
    find(f, Loop, 1).items[0].type = V


def broken_collected(f):
    find(f, Loop).lists[0].type = ListOf(V)


def broken_list(f):
    find(f, Loop).lists[0].type = F


def broken_test(f):
    find(f, Loop).test = Block(params=[], results=[True])


def broken_endless(f):
    find(f, Loop).range = None


def broken_backward(f):
    loop = find(f, Loop, 1)
    loop.range, loop.test = None, Block(params=[Value(F)], results=[False])


def broken_raise(f):
    f.body.ops.append(Raise(error=ValueError, outputs=[Value(BOOL)]))


def broken_call(f):
    f.body.ops.append(Call(function=f, args=[1.0], outputs=[Value(F), Value(F), Value(F)]))


def broken_call_type(f):
    x = Value(FLOAT)
    f.body.ops.append(Call(function=Function("g", Block(params=[x], results=[x])), args=[np.float64(1)], outputs=[Value(V)]))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (broken_use, "used where it is not defined"), (broken_scope, "used where it is not defined"), (broken_twice, "assigned twice"),
        (broken_symbol, "Symbol is left"), (broken_array, "ndarray is left"), (broken_type, "has no type"), (broken_line, "is no line"),
        (broken_outputs, "0 outputs, 1 expected"), (broken_branch, "0 results of a branch"), (broken_branch_type, "result of a branch"),
        (broken_branch_params, "1 parameters of a branch"), (broken_init, "initial value"), (broken_carried, "is of type"),
        (broken_consumed, "is no list"), (broken_item, "is an item of"), (broken_collected, "a collected value"),
        (broken_list, "collects, and is no list"), (broken_test, "parameters of a test"), (broken_endless, "nothing ends"),
        (broken_backward, "reverse loop"), (broken_raise, "1 outputs, 0 expected"), (broken_call, "1 arguments of f"),
        (broken_call_type, "is of type"),
    ],
)  # fmt: skip
def test_damage_is_found(damage, message: str) -> None:
    function, _ = program()
    damage(function)
    with pytest.raises(InvalidProgramError, match=message):
        verify(function)
