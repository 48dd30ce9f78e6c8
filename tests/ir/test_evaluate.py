"""The reference interpreter: loops of every sort, branches, calls, the user's exceptions."""

from __future__ import annotations

import numpy as np
import pytest

from adjoint._ir.builder import Builder, Symbol
from adjoint._ir.evaluate import run
from adjoint._ir.nodes import Block, Function, Undefined, Value
from adjoint._ir.types import FLOAT, INT, Tensor
from adjoint._ir.verify import verify

F = Tensor(np.dtype(float))


def written(write, *types) -> Function:
    params = [Value(t, name) for t, name in zip(types, "xyz", strict=False)]
    builder = Builder()
    with builder.block(params) as body:
        body.results = builder.atoms(list(write(builder, *map(Symbol, params))))
    function = Function("f", body)
    verify(function)
    return function


def test_a_loop_carries_collects_and_counts() -> None:
    f = written(
        lambda b, n: [
            *(r := b.loop((1, n, 2), [0], lambda i, s: ([s + i], [s]), types=[Tensor(np.dtype(int))]))[0],
            *r[1],
            r[2],
        ],
        INT,
    )
    assert run(f, [7]) == [9, [0, 1, 4], 3]
    assert run(f, [0]) == [0, [], 0]


def test_lists_are_aligned_by_position() -> None:
    """A loop that runs backward collects in the order of its range, and meets each item at its position."""

    def write(b, n):
        _, (squares,), _ = b.loop((0, n, 1), [], lambda i: ([], [i * i]))
        _, (pairs,), _ = b.loop((0, n, 1), [], lambda i, item: ([], [item * 10 + i]), reverse=True, consumed=[squares])
        (order,), _, _ = b.loop((0, n, 1), [0], lambda i, s: ([s * 10 + i], []), types=[Tensor(np.dtype(int))], reverse=True)
        return [squares, pairs, order]

    assert run(written(write, INT), [4]) == [[0, 1, 4, 9], [0, 11, 42, 93], 3210]


def test_a_test_comes_before_a_turn_and_a_stop_after_it() -> None:
    def write(b, x):
        (s,), (seen,), turns = b.loop(None, [1.0], lambda k, s: ([s * 2.0], [s]), types=[F], test=lambda s: s < x)
        (t,), _, stopped = b.loop((0, 10, 1), [1.0], lambda k, t: ([t * 2.0], [], [t * 2.0 > x]), types=[F], stop=True)
        return [s, seen, turns, t, stopped]

    assert run(written(write, FLOAT), [5.0]) == [8.0, [1.0, 2.0, 4.0], 3, 8.0, 3]
    assert run(written(write, FLOAT), [0.5]) == [1.0, [], 0, 2.0, 1]


def test_the_last_of_the_range_comes_first_in_reverse() -> None:
    def write(b, n):
        (first,), _, turns = b.loop((2, n, 3), [-1], lambda i, s: ([i], [], [i >= 0]), types=[INT], reverse=True, stop=True)
        return [first, turns]

    assert run(written(write, INT), [10]) == [8, 1]


def test_branches_and_recursion() -> None:
    x = Value(INT, "n")
    factorial = Function("factorial", Block(params=[x]))
    builder = Builder()
    with builder.into(factorial.body) as body:
        N = Symbol(x)
        body.results = builder.atoms(
            builder.if_(N < 2, lambda: [1 * N], lambda: [N * builder.call(factorial, [N - 1], [Tensor(np.dtype(int))])[0]])
        )
    assert run(factorial, [5]) == [120]


def test_the_users_exceptions() -> None:
    def write(b, x):
        b.if_(x < 0, lambda: [b.raise_(ValueError, ("negative:", x))][:0], list)
        return [x]

    f = written(write, FLOAT)
    assert run(f, [1.0]) == [1.0]
    with pytest.raises(ValueError, match="negative") as caught:
        run(f, [-1.0])
    assert caught.value.args == ("negative:", -1.0)


def test_what_is_undefined_is_none_and_numbers_stay_numbers() -> None:
    f = written(lambda b, x: [Undefined(F), x, 2], FLOAT)
    results = run(f, [1.5])
    assert results == [None, 1.5, 2]
    assert [type(r) for r in results] == [type(None), float, int]


def test_an_observer_sees_every_application() -> None:
    seen = []
    f = written(lambda b, x: b.loop((0, 2, 1), [x], lambda i, s: ([np.sin(s) * 2], []), types=[F])[0], F)
    run(f, [0.5], lambda op, args, kwargs, results: seen.append((op.function, len(args), results[0])))
    assert [function for function, _, _ in seen] == [np.sin, np.multiply, np.sin, np.multiply]
    assert seen[0][2] == np.sin(0.5)


def test_the_number_of_arguments() -> None:
    with pytest.raises(TypeError, match="takes 1 arguments, not 2"):
        run(written(lambda b, x: [x], FLOAT), [1.0, 2.0])
