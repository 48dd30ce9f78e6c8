"""One array, list or object under several names: a store through one is seen through the others, or refused."""

# ruff: noqa: PLW2901 - the programs are written as users write them
from __future__ import annotations

import collections

import numpy as np
import pytest

from tests.frontend.agreement import Cases, check

CASES = Cases()
X, Y = np.array([1.0, 2.0, 3.0]), np.array([0.5, -1.0, 4.0])


@CASES((X, 1.0), (X, -1.0))
def list_item_written_in_branch(x, c):
    y = x * 2
    held = [y]
    if c > 0:
        held[0][1] = 7.0
    return y.sum()


@CASES((X, 3), (X, 0))
def list_of_unknown_length_gives_its_arrays(x, n):
    rows = []
    for _ in range(n):
        rows.append(np.zeros(3))
    total = 0.0
    for row in rows:
        row[1] = 5.0
    for row in rows:
        total += row.sum()
    return total + x[0]


@CASES((X, 3))
def item_of_list_of_unknown_length(x, n):
    rows = []
    for _ in range(n):
        rows.append(np.zeros(3))
    rows[0][1] = 5.0
    return rows[0].sum() + x[0]


@CASES((1.0, 2.0), (-1.0, 2.0), refused="under another name")
def one_of_two_lists(c, x):
    a, b = [x, 1.0], [x, 2.0]
    if c > 0:
        chosen = a
    else:
        chosen = b
    chosen.append(5.0)
    return len(a) + 0.0


@CASES((1.0, 2.0), (-1.0, 2.0), refused="under another name")
def one_of_two_lists_by_item(c, x):
    a, b = [x, 1.0], [x, 2.0]
    chosen = a if c > 0 else b
    chosen[0] = 5.0
    return a[0] + 10 * b[0]


class Point:
    def __init__(self, x):
        self.x = x

    def move(self, by):
        self.x = self.x + by


@CASES((1.0, 2.0), (-1.0, 2.0), refused="under another name")
def one_of_two_objects(c, x):
    p, q = Point(x), Point(2 * x)
    chosen = p if c > 0 else q
    chosen.x = 5.0
    return p.x + 10 * q.x


@CASES((1.0, 2.0), (-1.0, 2.0), refused="under another name")
def one_of_two_objects_the_other_way(c, x):
    p, q = Point(x), Point(2 * x)
    chosen = p if c > 0 else q
    p.x = 5.0
    return chosen.x


@CASES((1.0, 2.0), (-1.0, 2.0), refused="under another name")
def one_of_two_dicts(c, x):
    p, q = {"v": x}, {"v": 2 * x}
    chosen = p if c > 0 else q
    chosen["v"] = 5.0
    return p["v"] + 10 * q["v"]


@CASES((1.0, 2.0), (-1.0, 2.0))
def lists_made_in_branches(c, x):
    if c > 0:
        out = [x, 1.0]
    else:
        out = [2 * x, 3.0]
    out.append(4.0)
    out[0] = out[0] * 2
    return sum(out)


@CASES((1.0, 2.0), (-1.0, 2.0))
def objects_made_in_branches(c, x):
    if c > 0:
        p = Point(x)
    else:
        p = Point(2 * x)
    p.move(3.0)
    return p.x


@CASES((1.0, X), (-1.0, X), refused="under another name")
def array_made_in_one_branch(c, x):
    y = x
    if c > 0:
        y = x.copy()
    y[0] = 9.0
    return y.sum()


@CASES((1.0, X), (-1.0, X), refused="under another name")
def array_made_in_one_branch_and_read(c, x):
    y = x
    if c > 0:
        y = x.copy()
    y[0] = 9.0
    return x.sum()


@CASES((1.0, X), (-1.0, X), refused="under another name")
def view_or_array(c, x):
    z = x * 1.0
    y = z[1:] if c > 0 else z[:2]
    y[0] = 9.0
    return z * 1


@CASES((1.0, X), (-1.0, X), refused="under another name")
def view_or_array_read_after_store(c, x):
    z = x * 1.0
    y = z[1:] if c > 0 else z[:2]
    z[1] = 9.0
    return y * 1


@CASES((4, X), (0, X))
def name_rebound_to_view_in_loop(n, x):
    z = x * 1.0
    y = z
    for _ in range(n):
        y[0] += 1.0
        y = z[1:]
    return z * 1


@CASES((4, X), (1, X), (0, X))
def two_names_swapped_in_loop(n, x):
    a, b = x * 1.0, x * 2.0
    for k in range(n):
        a, b = b, a
        a[0] = k
    return a - 2 * b


@CASES((4, X), (1, X), (0, X))
def buffers_swapped_in_loop(n, x):
    a, b = x * 1.0, np.zeros(3)
    for _ in range(n):
        for i in range(3):
            b[i] = a[i] * 2
        a, b = b, a
    return a


@CASES((4, X), (0, X))
def previous_is_the_same_array(n, x):
    a = x * 1.0
    previous = a
    for k in range(n):
        previous = a
        a[0] = k
    return previous.sum()


@CASES((4, X), (0, X))
def list_holds_the_array_that_changes(n, x):
    a = x * 1.0
    history = []
    for k in range(n):
        a[0] = k
        history.append(a)
    total = 0.0
    for h in history:
        total += h[0]
    return total


@CASES((4, X), (0, X))
def list_holds_copies(n, x):
    a = x * 1.0
    history = []
    for k in range(n):
        a[0] = k
        history.append(a.copy())
    total = 0.0
    for h in history:
        total += h[0]
    return total


@CASES((4, X), (0, X))
def list_holds_views(n, x):
    a = x * 1.0
    history = []
    for k in range(n):
        a[0] = k
        history.append(a[:2])
    a[0] = 100.0
    total = 0.0
    for h in history:
        total += h[0]
    return total


@CASES((X, 2.0))
def dict_and_tuple_hold_the_array(x, c):
    a = x * 1.0
    held, pair = {"a": a}, (a, 1)
    held["a"][0] = c
    pair[0][1] += c
    a *= 2
    return held["a"].sum() + pair[0][2]


@CASES((X, 2.0), (X, -2.0))
def closure_holds_the_array(x, c):
    a = x * 1.0

    def store(v):
        a[0] = v

    if c > 0:
        store(c)
    for k in range(3):
        store(a[0] + k)
    return a.sum()


@CASES((X, 3), (X, 0))
def object_holds_the_array(x, n):
    p = Point(x * 1.0)
    alias = p.x
    for k in range(n):
        p.x[0] += k
        p.x = p.x
    return alias.sum()


@CASES((X, 3), (X, 0))
def object_rebinds_the_array(x, n):
    p = Point(x * 1.0)
    alias = p.x
    for k in range(n):
        p.move(k)
    return alias.sum() + p.x.sum()


@CASES((X, 3), (X, 0))
def two_objects_one_part(x, n):
    shared = Point(x[0])
    a, b = [shared], {"p": shared}
    for _ in range(n):
        a[0].move(1.0)
        b["p"].move(x[1])
    return shared.x


@CASES((X, 1.0), (X, -1.0), refused="under another name")
def container_swapped_in_branch(x, c):
    a, b = [x[0]], [x[1]]
    pair = [a, b]
    if c > 0:
        pair[0], pair[1] = pair[1], pair[0]
    pair[0][0] = 10.0
    return a[0] + 100 * b[0]


@CASES((X, 3), (X, 0))
def lists_swapped_in_loop(x, n):
    a, b = [x[0], 1.0], [x[1], 2.0]
    for _ in range(n):
        a, b = b, a
        a[0] = a[0] + 1.0
    return a[0] + 10 * b[0]


@CASES((X, 3), (X, 0))
def list_rebound_in_loop(x, n):
    a = [x[0], x[1]]
    first = a
    for _ in range(n):
        a = [a[1], a[0] + a[1]]
        a[0] = a[0] * 2
    first[0] = 50.0
    return a[0] + a[1]


@CASES((X, Y))
def written_through_transposition(x, y):
    m = np.outer(x, y)
    t = m.T
    t[0, 1] = 7.0
    t[1:, 0] *= 2
    m[2] = t[0]
    return m


@CASES((X,))
def views_of_views(x):
    m = np.outer(x, x)
    v = m.reshape(-1)[2:7][::2]
    v[1] = 100.0
    w = m[:, 1][1:]
    w += 3
    return m


@CASES((X,))
def argument_is_written(x):
    x[1] = x[0] * 3
    y = x[:2]
    y *= 2
    return x.sum()


@CASES(([1.0, 2.0], 3.0))
def list_argument_is_changed(items, v):
    items.append(v)
    items[0] = v * 2
    return sum(items)


@CASES(([1.0, 2.0], 3), ([1.0, 2.0], 0))
def list_argument_grows_in_loop(items, n):
    for k in range(n):
        items.append(k * 0.5)
    return sum(items)


@CASES(([1.0, 2.0], 1.0), ([1.0, 2.0], -1.0))
def list_argument_changes_in_branch(items, c):
    if c > 0:
        items[0] = 5.0
    else:
        items.append(2.0)
    return items[-1] * c


@CASES(({"a": 1.0, "b": X}, 2.0), ({"a": 1.0, "b": X}, -2.0))
def dict_argument_is_changed(d, c):
    d["a"] += c
    if c > 0:
        d["b"][0] = c
    else:
        d["b"] = d["b"] * 2
    d["new"] = c
    return d["b"].sum()


@CASES((Point(1.0), 3), (Point(1.0), 0))
def object_argument_is_changed(p, n):
    for k in range(n):
        p.move(0.5 * k)
    p.extra = p.x * 2
    return p.x


@CASES(({"inner": [1.0, {"z": 2.0}]}, 3.0))
def nested_argument_is_changed(d, v):
    d["inner"][1]["z"] *= v
    d["inner"].append(v)
    return d["inner"][0]


@CASES((collections.deque([1.0, 2.0, 3.0]), 5.0))
def deque_argument(d, v):
    d.append(v)
    first = d.popleft()
    d.rotate(1)
    return first + d[0]


@CASES((X, 3))
def item_of_item_written(x, n):
    grid = [[0.0] * 3 for _ in range(3)]
    for i in range(3):
        grid[i][i] = x[i]
    row = grid[1]
    row[0] = 9.0
    return grid[1][0] + grid[2][2] + n


@CASES((X, 1.0), (X, -1.0))
def same_array_returned_twice(x, c):
    y = x * c
    z = y
    z[0] = 1
    return [y, z]


@CASES((X, 2), (X, 1))
def argument_rebound_then_written(x, n):
    y = x
    for _ in range(n):
        y = y + 1
        y[0] = 0
    y[1] = 3
    return y.sum() + x.sum()


@CASES((X, 2), (X, 0))
def default_array_out(x, n):
    out = np.empty(3)
    for k in range(n):
        np.multiply(x, k, out=out)
    np.add(x, 1, out=out)
    alias = out
    np.negative(alias, out=alias)
    return out


@CASES((X, 1.0), (X, -1.0), refused="mean one object")
def identity_is_asked(x, c):
    y = x if c > 0 else x.copy()
    return 1.0 if y is x else 2.0


@CASES((X, 1.0), (X, -1.0), refused="mean one object")
def identity_of_lists_is_asked(x, c):
    a, b = [x], [x]
    y = a if c > 0 else b
    return 1.0 if y is a else 2.0


@CASES((X, 1), (X, 2), (X, 0))
def unknown_item_of_known_list_is_written(x, k):
    a, b, c = x * 1, x * 2, x * 3
    rows = [a, b, c]
    rows[k][0] = 100.0
    return a[0] + 10 * b[0] + 100 * c[0]


@CASES((X, 1), (X, 2), (X, 0))
def unknown_object_of_known_list_is_changed(x, k):
    points = [Point(x[0]), Point(x[1]), Point(x[2])]
    points[k].x = 100.0
    return points[0].x + 2 * points[1].x


@CASES((X, 1), (X, 2), (X, 0))
def unknown_list_of_known_list_is_changed(x, k):
    rows = [[x[0], 1.0], [x[1], 1.0], [x[2], 1.0]]
    rows[k][0] = 100.0
    return rows[0][0] + 2 * rows[1][0]


@CASES((X,))
def loop_over_arrays_in_a_list(x):
    rows = [x * 1, x * 2]
    for row in rows:
        row[0] = 10.0
    return rows[0] + rows[1]


@CASES((np.outer(X, Y),))
def loop_over_rows(m):
    for row in m:
        row /= row.sum()
    return m[0, 0]


@CASES((X, 3))
def reduced_in_place_by_function(x, n):
    def scale(v, by):
        v *= by
        return v

    y = x * 1
    for k in range(n):
        z = scale(y, k + 1.0)
    return y + z


@CASES((3, X), (0, X))
def memory_is_filled_by_recursion(n, x):
    out = np.zeros(4)

    def fill(k, buffer):
        if k <= 0:
            return 0.0
        buffer[k] = k * x[0]
        return buffer[k] + fill(k - 1, buffer)

    total = fill(n, out)
    return total + out.sum()


@CASES((3, X), (0, X))
def captured_memory_is_filled_by_recursion(n, x):
    out = np.zeros(4)

    def fill(k):
        if k <= 0:
            return 0.0
        out[k] = k * x[0]
        return out[k] + fill(k - 1)

    total = fill(n)
    return total + out.sum()


@CASES((3, X), (0, X))
def captured_list_is_filled_by_recursion(n, x):
    out = []

    def fill(k):
        if k <= 0:
            return 0.0
        out.append(x[0] * k)
        return 1.0 + fill(k - 1)

    total = fill(n)
    return total + sum(out)


@CASES((3, X), (0, X))
def captured_object_is_changed_by_recursion(n, x):
    p = Point(x[0])

    def fill(k):
        if k <= 0:
            return 0.0
        p.x = p.x + k
        return 1.0 + fill(k - 1)

    total = fill(n)
    return total + p.x


@CASES((3, X), (0, X))
def counted_by_recursion(n, x):
    count = 0.0

    def fill(k):
        nonlocal count
        count += x[0]
        if k <= 0:
            return 0.0
        return 1.0 + fill(k - 1)

    total = fill(n)
    return total + count


@CASES((3, X), (0, X))
def object_argument_is_changed_by_recursion(n, x):
    def fill(k, p):
        if k <= 0:
            return 0.0
        p.move(1.0)
        return 1.0 + fill(k - 1, p)

    p = Point(x[0])
    total = fill(n, p)
    return total + p.x


@CASES((3, X), (0, X))
def list_argument_is_changed_by_recursion(n, x):
    def fill(k, items):
        if k <= 0:
            return 0.0
        items.append(x[0])
        return 1.0 + fill(k - 1, items)

    items = [0.5]
    total = fill(n, items)
    return total + sum(items)


@pytest.mark.parametrize("case", CASES.every, ids=CASES.names)
def test_aliasing(case) -> None:
    check(case)
