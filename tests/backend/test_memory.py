"""Where stores are done in place, and what is copied where they are not."""

import linecache

import numpy as np
import pytest

from adjoint._backend import python
from adjoint._ir.builder import Builder, Symbol
from adjoint._ir.nodes import Block, Function, Line, Undefined, Value
from adjoint._ir.types import FLOAT, INT, Tensor
from adjoint._rules import stores
from tests.backend.agreement import agrees

VECTOR = Tensor(np.dtype(float), 1)


def program(write, *params):
    builder = Builder()
    function = Function("f", Block(params=[Value(t, name) for name, t in params]))
    with builder.into(function.body):
        function.body.results = builder.atoms(
            list(write(lambda f, *args: builder.apply(f, args), builder, *map(Symbol, function.params)))
        )
    return function


def body(function):
    return [line.strip() for line in python.source(function).split("def f")[1].splitlines()[1:]]


X = ("x", VECTOR)
POINT = np.array([1.0, 2.0, 3.0, 4.0])


def test_memory_of_our_own_is_written_in_place():
    f = program(lambda ap, b, x: [ap(stores.assign, ap(np.zeros_like, x), 0, 1.5)], X)
    assert body(f) == ["t = np.zeros_like(x)", "t[0] = 1.5", "return t"]
    agrees(f, [POINT])


def test_what_is_the_callers_is_copied_once():
    f = program(lambda ap, b, x: [ap(stores.assign, ap(stores.assign, x, 0, 1.5), 1, 2.5)], X)
    assert sum("copy()" in line for line in body(f)) == 1
    agrees(f, [POINT])


def test_an_old_version_that_is_returned_is_kept():
    def write(ap, b, x):
        old = np.sin(x)
        return [ap(stores.assign, old, 0, 1.5), old]

    f = program(write, X)
    assert sum("copy()" in line for line in body(f)) == 1
    agrees(f, [POINT])


def test_a_stale_view_is_copied_and_not_the_array():
    def write(ap, b, x):
        u = np.sin(x)
        edge = u[1:2]
        return [ap(stores.assign, u, slice(None), 0.0), edge, edge * 2]

    f = program(write, X)
    assert [line for line in body(f) if "copy()" in line] == ["t = sin_x[1:2].copy()"]
    agrees(f, [POINT])


def test_reading_moves_in_front_of_the_store():
    def write(ap, b, x):
        u = np.sin(x)
        cleared = ap(stores.assign, u, 1, 0.0)
        return [cleared, u[1] * 2]

    f = program(write, X)
    assert not any("copy()" in line for line in body(f))
    agrees(f, [POINT])


@pytest.mark.parametrize(
    "view", [lambda x: x[::-1], lambda x: np.reshape(x, (2, 2)), lambda x: np.broadcast_to(x, (2, 4)), np.diagonal]
)
def test_views_of_arguments_are_never_written_to(view):
    def write(ap, b, x):
        y = view(np.reshape(x, (2, 2)) if view is np.diagonal else x)
        return [ap(stores.assign, y, 0, 7.0)]

    agrees(program(write, X), [POINT])


def test_loops_copy_before_the_first_turn_only():
    def write(ap, b, x, n):
        (u,), _, _ = b.loop((0, n, 1), [x], lambda i, u: ([ap(stores.assign, u, i, 0.5)], []))
        return [u]

    f = program(write, X, ("n", INT))
    lines = body(f)
    assert sum("copy()" in line for line in lines) == 1
    assert next(k for k, line in enumerate(lines) if "copy()" in line) < next(
        k for k, line in enumerate(lines) if "for" in line
    )
    agrees(f, [POINT, 3])


def test_a_loop_variable_that_remembers_the_last_turn():
    def turn(ap, u, last):
        new = ap(stores.assign, u, 0, 0.5)
        return [ap(stores.accumulate, new, 1, last[1]), u], []

    def write(ap, b, x):
        (u, last), _, _ = b.loop((0, 3, 1), [np.sin(x), x], lambda i, u, last: turn(ap, u, last))
        return [u, last]

    agrees(program(write, X), [POINT])


def test_sums_of_cotangents_grow_in_place():
    def write(ap, b, x):
        total = ap(np.zeros_like, x)
        total.value.name = "x_bar"
        after = total + np.sin(x)
        after.value.name = "x_bar"
        return [after]

    f = program(write, X)
    assert "x_bar += np.sin(x)" in body(f)
    agrees(f, [POINT])


def test_sums_that_change_their_shape_do_not():
    def write(ap, b, x, a):
        total = np.sin(a)
        total.value.name = "x_bar"
        after = total + x
        after.value.name = "x_bar"
        return [after]

    agrees(program(write, X, ("a", FLOAT)), [POINT, 2.0])


def test_negative_terms_are_subtracted():
    def write(ap, b, x):
        return [ap(stores.accumulate, ap(np.zeros_like, x), slice(1, 3), -x[1:3])]

    f = program(write, X)
    assert "t[1:3] -= x[1:3]" in body(f)
    agrees(f, [POINT])


def test_taking_the_last_item_pops():
    def write(ap, b, x):
        items = ap(stores.listed, [np.sin(x), np.cos(x)])
        last = items[-1]
        return [ap(stores.without_last, items), last * 2, last]

    f = program(write, X)
    assert "t = items.pop()" in body(f)
    agrees(f, [POINT])


def test_repeated_indices_count_repeatedly():
    def write(ap, b, x, at):
        return [ap(stores.accumulate, ap(np.zeros_like, x), at, 1.0), ap(stores.assign, ap(np.zeros_like, x), at, 1.0)]

    f = program(write, X, ("at", Tensor(np.dtype(int), 1)))
    agrees(f, [POINT, np.array([1, 1, 3])])


def test_lines_lead_to_the_users_source():
    text = "def f(x):\n    y = np.sqrt(x)  # a root\n    return y + np.ones(3)\n"
    linecache.cache["rooted.py"] = (len(text), None, text.splitlines(keepends=True), "rooted.py")

    def write(ap, b, x):
        b.line = Line("rooted.py", 2, "f")
        y = np.sqrt(x)
        y.value.name = "y"
        b.line = Line("rooted.py", 3, "f")
        return [y + ap(np.ones, ap(np.size, x) - 1)]

    f = program(write, X)
    assert "y = np.sqrt(x)  # a root" in body(f)
    compiled = python.compile(f)
    with pytest.raises(ValueError, match="broadcast") as caught:
        compiled(POINT)
    entry = caught.traceback[-1]
    assert compiled.__adjoint_lines__[entry.lineno + 1].number == 3
    assert str(entry.statement).strip() == "return y + np.ones(x.size - 1)"


def test_a_copy_does_not_take_the_variable_of_an_original_that_is_needed():
    def write(ap, b, x):
        u = np.sin(x)
        u.value.name = "u"
        (v,), _, _ = b.loop((0, 3, 1), [u], lambda i, v: ([ap(stores.assign, v, i, 0.5)], []))
        return [v, u]

    f = program(write, X)
    assert [line for line in body(f) if "copy()" in line] == ["t = u.copy()"]
    agrees(f, [POINT])


def test_lists_of_arrays_that_change_keep_copies():
    def write(ap, b, x, n):
        (u,), (kept,), _ = b.loop((0, n, 1), [x], lambda i, u: ([ap(stores.assign, u, i, 0.5)], [u[:2]]))
        (total,), _, _ = b.loop((0, n, 1), [0.0], lambda i, t, part: ([t + np.sum(part)], []), reverse=True, consumed=[kept])
        return [u, total]

    f = program(write, X, ("n", INT))
    assert [line for line in body(f) if "copy()" in line] == ["x = x.copy()", "kept.append(x[:2].copy())"]
    agrees(f, [POINT, 3])


def test_what_no_branch_assigns_is_none_where_it_is_handed_on():
    def write(ap, b, x, a):
        (y,) = b.if_(a < 0.0, lambda: [np.sin(a)], lambda: [Undefined(FLOAT)])
        return [y, x]

    f = program(write, X, ("a", FLOAT))
    agrees(f, [POINT, -1.0])
    assert python.compile(f)(POINT, 1.0)[0] is None


def test_branches_on_one_condition_become_one():
    def write(ap, b, x, a):
        c = a < 0.0
        (y,) = b.if_(c, lambda: [np.sin(a)], lambda: [np.cos(a)])
        (z,) = b.if_(c, lambda: [np.exp(y)], lambda: [y * 2])
        return [z + y]

    f = program(write, X, ("a", FLOAT))
    assert sum(line.startswith("if") for line in body(f)) == 1
    agrees(f, [POINT, -1.0])
    agrees(f, [POINT, 1.0])
