"""Lists of lists of a length that is not known at translation: items are changed through the list, and aliases are never wrong.

The programs of ``FOLLOWED`` are translated without knowing ``n``; those of ``RIGHT_OR_REFUSED`` are one or the other, for in
them a list may have two names.
"""

# ruff: noqa: RUF005 - the programs are written as users write them
from __future__ import annotations

import copy
import math

import numpy as np
import pytest

import adjoint as ad
from adjoint._frontend.translate import translate
from adjoint.errors import AdjointError
from tests.frontend.agreement import evaluated, outcome, same

FOLLOWED = []
RIGHT_OR_REFUSED = []


def followed(f):
    FOLLOWED.append(f)
    return f


def right_or_refused(f):
    RIGHT_OR_REFUSED.append(f)
    return f


@followed
def stores_in_a_table(x, n):
    m = [[0.0] * n for _ in range(n)]
    for i in range(n):
        for j in range(n):
            m[i][j] = x * (i + 1) * (j + 2)
    total = 0.0
    for i in range(n):
        for j in range(n):
            total += m[i][j] ** 2
    return total


@followed
def updates_in_a_table(x, n):
    m = [[0.5] * n for _ in range(n)]
    for i in range(n):
        for j in range(n):
            m[i][j] += x * (i + 1) * (j + 2)
            m[j][i] *= 1.0 + x
    return m[n - 1][0] * m[0][n - 1] + m[-1][-1]


@followed
def table_of_appended_rows(x, n):
    m = []
    for i in range(n):
        row = []
        for j in range(n):
            row.append(x * (i + j))
        m.append(row)
    for i in range(1, n):
        for j in range(1, n):
            m[i][j] = math.sin(m[i - 1][j]) + m[i][j - 1]
    return sum(m[n - 1])


@followed
def rows_under_a_name(x, n):
    m = [[0.0] * n for _ in range(n)]
    for i in range(n):
        row = m[i]
        for j in range(n):
            row[j] = x * i + j
        row[0] += row[n - 1]
    return sum([sum(r) for r in m])


@followed
def loop_over_rows(x, n):
    m = [[x] * n for _ in range(n)]
    for k, row in enumerate(m):
        for j in range(n):
            row[j] *= x + k
    return sum([sum(r) for r in m]), m


@followed
def grows_the_rows(x, n):
    m = [[x] for _ in range(n)]
    for i in range(n):
        m[i].append(x * i)
        m[0].append(x + i)
        m[i] += [x * x]
    return sum(m[0]) * sum(m[n - 1])


@followed
def exchanges_rows(x, n):
    m = [[x * i] * n for i in range(n)]
    m[0], m[n - 1] = m[n - 1], m[0]
    m[0][0] = x * x
    for i in range(n):
        k = n - 1 - i
        m[i], m[k] = m[k], m[i]
        m[i][0] += x
    return m[n - 1][0] * m[0][0] + m[0][n - 1]


@followed
def three_deep(x, n):
    m = [[[0.0] * n for _ in range(n)] for _ in range(n)]
    for i in range(n):
        for j in range(n):
            for k in range(n):
                m[i][j][k] = x * i + j * k
                m[k][j][i] += x
    return m[n - 1][0][n - 1] ** 2 + sum(m[0][n - 1])


@followed
def only_reads_after(x, n):
    t = []
    for i in range(n):
        row = [x] * (i + 1)
        for j in range(1, i):
            row[j] = t[i - 1][j - 1] + t[i - 1][j]
        t.append(row)
    return sum(t[n - 1])


@followed
def two_tables(x, n):
    old = [[x + i] * n for i in range(n)]
    for _ in range(3):
        new = [[0.0] * n for _ in range(n)]
        for i in range(n):
            for j in range(n):
                new[i][j] = 0.5 * old[i][j] + 0.25 * old[i - 1][j] + old[i][j - 1] * x
        old = new
    return sum([sum(row) for row in old])


@followed
def changed_under_conditions(x, n):
    m = [[x * i] * n for i in range(n)]
    for i in range(n):
        if m[i][0] > 1.0:
            m[i][n - 1] = m[i][0] - x
        elif i > 1:
            m[i - 1][0] += 1.0
        else:
            continue
        if m[i][n - 1] < 0.5:
            break
    return sum([sum(r) for r in m])


@followed
def changed_by_a_function(x, n):
    def scale(row, by):
        for j in range(len(row)):
            row[j] = row[j] * by

    m = [[x + i] * n for i in range(n)]
    for i in range(n):
        scale(m[i], i * x)
    return sum(m[n - 1]) + m[0][0]


@followed
def until_converged(x, n):
    m = [[x] * n for _ in range(n)]
    m[0][0] = 4.0
    k = 0
    while m[n - 1][n - 1] < 3.0 and k < 20:
        for i in range(n):
            for j in range(n):
                m[i][j] = 0.5 * (m[i - 1][j] + m[i][j - 1]) + 0.1
        k += 1
    return m[n - 1][n - 1] * k


@followed
def edit_distance(x, n):
    a, b = [x * k for k in range(n)], [k * 0.5 for k in range(n + 2)]
    d = [[0.0] * (n + 3) for _ in range(n + 1)]
    for i in range(1, n + 1):
        d[i][0] = i * 1.0
    for j in range(1, n + 3):
        d[0][j] = j * 1.0
    for i in range(1, n + 1):
        for j in range(1, n + 3):
            d[i][j] = min(d[i - 1][j] + 1.0, d[i][j - 1] + 1.0, d[i - 1][j - 1] + abs(a[i - 1] - b[j - 1]))
    return d[n][n + 2]


@right_or_refused
def one_row_many_times(x, n):
    m = [[x] * n] * n
    m[0][0] = 2 * x
    return m[n - 1][0]


@right_or_refused
def one_row_from_outside(x, n):
    row, m = [x] * n, []
    for _ in range(n):
        m.append(row)
    m[0][0] = 5.0
    return m[n - 1][0]


@right_or_refused
def appended_and_then_changed(x, n):
    m = []
    for i in range(n):
        row = [0.0]
        m.append(row)
        row[0] = x * i
    return sum([r[0] for r in m])


@right_or_refused
def changed_after_it_was_stored(x, n):
    row = [x] * n
    m = [[0.0] * n for _ in range(n)]
    m[0] = row
    m[0][0] = 3.0
    return row[0]


@right_or_refused
def row_taken_before_a_change(x, n):
    m = [[x] * n for _ in range(n)]
    row = m[0]
    m[0][0] = 3.0
    return row[0]


@right_or_refused
def row_taken_before_another_is_put(x, n):
    m = [[x] * n for _ in range(n)]
    row = m[0]
    m[0] = [7.0] * n
    row[0] = 2.0
    return m[0][0] + row[0]


@right_or_refused
def rows_of_a_copy(x, n):
    m = [[x] * n for _ in range(n)]
    c = m[:]
    d = m + [[1.0] * n]
    e = list(m)
    m[0][0] = 3.0
    return c[0][0] + d[0][0] + e[0][0]


@right_or_refused
def copy_changes_the_original(x, n):
    m = [[x] * n for _ in range(n)]
    c = m[:]
    c[0][0] = 3.0
    return m[0][0]


@right_or_refused
def one_of_two_tables(x, n):
    a = [[x] * n for _ in range(n)]
    b = [[2 * x] * n for _ in range(n)]
    c = a if x > 1.0 else b
    c[0][0] = 9.0
    return a[0][0] + b[0][0]


@right_or_refused
def row_of_the_last_turn(x, n):
    m = [[x + i] * n for i in range(n)]
    last = [0.0] * n
    for i in range(n):
        m[i][0] += last[0]
        last = m[i]
    m[n - 1][0] = 100.0
    return last[0]


@right_or_refused
def row_of_the_turn_before_is_changed(x, n):
    m = [[x + i] * n for i in range(n)]
    last = [0.0] * n
    for i in range(n):
        last[0] = 7.0
        last = m[i]
    return sum([r[0] for r in m])


@right_or_refused
def copied_to_another_place(x, n):
    m = [[x + i] * n for i in range(n)]
    m[0] = m[n - 1]
    m[0][0] = 50.0
    return m[n - 1][0]


@right_or_refused
def rotated(x, n):
    m = [[x + i] * n for i in range(n)]
    first = m[0]
    for i in range(n - 1):
        m[i] = m[i + 1]
    m[n - 1] = first
    m[0][0] = 50.0
    return sum([r[0] for r in m])


@right_or_refused
def half_an_exchange(x, n):
    m = [[x + i] * n for i in range(n)]
    a, b = m[0], m[n - 1]
    m[0] = b
    m[0][0] = 20.0
    m[n - 1] = a
    return m[0][0] + m[n - 1][0]


@right_or_refused
def popped_and_changed(x, n):
    m = [[x + i] * n for i in range(n)]
    row = m.pop()
    row[0] = 3.0
    m.append(row)
    m[n - 1][0] += 1.0
    return row[0] + m[n - 1][0]


@right_or_refused
def stored_in_two_tables(x, n):
    a, b = [], []
    for i in range(n):
        row = [x + i] * n
        a.append(row)
        b.append(row)
    a[0][0] = 10.0
    return b[0][0]


@right_or_refused
def shared_within_rows(x, n):
    inner = [x]
    m = [[inner, [2 * x]] for _ in range(n)]
    m[0][0][0] = 5.0
    return m[n - 1][0][0]


@right_or_refused
def rows_chosen_by_a_comprehension(x, n):
    m = [[x + i] * n for i in range(n)]
    chosen = [r for r in m if r[0] > 1.0]
    m[n - 1][0] = 100.0
    return sum([r[0] for r in chosen])


@right_or_refused
def conditional_row(x, n):
    m = [[x + i] * n for i in range(n)]
    spare = [1.0] * n
    for i in range(n):
        if i > 1:
            m[i] = spare
    m[n - 1][0] = 4.0
    return sum([r[0] for r in m]) + spare[0]


@right_or_refused
def carried_row_is_appended(x, n):
    m, row = [], [x]
    for i in range(n):
        m.append(row)
        if i > 1:
            row = [x * i]
    m[0][0] = 8.0
    return sum([r[0] for r in m])


def run_at(f, x, n):
    program = translate(f, (x, n), {}, 0)
    want = outcome(f, (x, n))
    mine = outcome(lambda *a: evaluated(program, a), (x, n))
    assert same(mine, want), f"{f.__name__}: {mine} is not {want}"


POINTS = [(0.7, 4), (1.3, 3), (2.0, 1)]


@pytest.mark.parametrize("f", FOLLOWED, ids=lambda f: f.__name__)
def test_followed(f) -> None:
    for x, n in POINTS:
        run_at(f, x, n)


@pytest.mark.parametrize("f", RIGHT_OR_REFUSED, ids=lambda f: f.__name__)
def test_right_or_refused(f) -> None:
    if refusal_of(f) is not None:
        assert "report" not in refusal_of(f)
        return
    for x, n in POINTS:
        run_at(f, x, n)


def refusal_of(f):
    """Return why a program is not translated without knowing ``n``, None if it is."""
    try:
        translate(f, POINTS[0], {}, 0)
    except AdjointError as error:
        return str(error)
    return None


@pytest.mark.parametrize("f", [f for f in FOLLOWED if f.__name__ != "loop_over_rows"], ids=lambda f: f.__name__)
def test_derivatives(f) -> None:
    x, n = POINTS[0]
    for g in (f, ad.grad(f), lambda y, n: ad.jvp(lambda z: f(z, n), (y,), (1.0,))[1], ad.grad(ad.grad(f)), ad.hessian(f)):
        mine, want = ad.jit(g)(x, n), g(x, n)
        np.testing.assert_allclose(mine, want, rtol=1e-11, atol=1e-13)


def test_the_length_is_no_part_of_the_program() -> None:
    g = ad.jit(ad.grad(edit_distance))
    for n in (2, 3, 5, 8):
        assert g(0.7, n) == pytest.approx(copy.copy(ad.grad(edit_distance))(0.7, n))
    assert g.translations == 1
