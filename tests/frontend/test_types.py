"""Variables that change their type in branches and loops: joined, peeled off, or refused."""

# ruff: noqa: B007, F841, RET503, RUF034 - the programs are written as users write them
from __future__ import annotations

import math

import numpy as np
import pytest

from tests.frontend.agreement import Cases, check

CASES = Cases()
X = np.array([1.0, 2.0, 3.0])
M = np.outer(X, X)


@CASES((3, 2.0), (0, 2.0))
def int_becomes_float(n, x):
    s = 0
    for _ in range(n):
        s += x
    return s * 1.0


@CASES((3, 2.0), (1, 2.0))
def float_becomes_complex(n, x):
    s = x
    for _ in range(n):
        s = s * (1 + 2j)
    return s


@CASES((M,), (M[:1],))
def number_becomes_array(m):
    s = 0
    for row in m:
        s = s + row
    return s


@CASES((M, 3), (M, 1))
def number_becomes_array_over_range(m, n):
    s = 0.0
    for k in range(n):
        s = s + m[k] * k
    return s.sum()


@CASES((M,))
def sum_of_rows(m):
    return sum(row**2 for row in m)


@CASES((X,), (-X,))
def none_then_value(x):
    best = None
    for v in x:
        if best is None or v < best:
            best = v
    return best


@CASES((X,), (-X,))
def none_then_value_and_place(x):
    best, place = None, None
    for k in range(len(x)):
        if best is None or x[k] > best:
            best, place = x[k], k
    return best + place


@CASES((X, 3), (X, 1))
def none_then_array(x, n):
    previous = None
    total = 0.0
    for k in range(n):
        y = x * k
        if previous is not None:
            total += (y - previous).sum()
        previous = y
    return total


@CASES((1.0,), (-1.0,))
def bool_or_int(x):
    a = x > 0
    b = 3 if x > 0 else True
    return a + b


@CASES((3, 1.0), (3, -1.0))
def flag_in_loop(n, x):
    found = False
    for k in range(n):
        if k * x > 1:
            found = True
    return 1.0 if found else 2.0


@CASES((3, 1.0), (0, -1.0))
def int_or_bool_in_loop(n, x):
    count = 0
    for k in range(n):
        count += k * x > 0.5
    return count


@CASES((1.0,), (-1.0,), refused="either")
def text_or_number(x):
    y = "a" if x > 0 else x
    return y * 2


@CASES((1.0,), (-1.0,))
def unused_after_branch(x):
    if x > 0:
        message = "positive"
    else:
        message = None
    return x * 2


@CASES((1.0,), (-1.0,))
def text_of_one_branch(x):
    mode = "up" if x > 0 else "up"
    return x * (2 if mode == "up" else 3)


@CASES((1.0, X), (-1.0, X), refused="either")
def array_or_number(c, x):
    y = x if c > 0 else 1.0
    return np.sum(y * x)


@CASES((1.0, X), (-1.0, X))
def tuple_or_tuple(c, x):
    a, b = (x, 1) if c > 0 else (2 * x, 2.5)
    return a * b


@CASES((1.0, 2.0), (-1.0, 2.0), refused="returns a value")
def returns_none_or_value(c, x):
    def f(v):
        if v > 0:
            return v * 2

    y = f(c)
    return x if y is None else y


@CASES((1.0,), (-1.0,))
def returns_on_each_way(x):
    if x > 0:
        return x, 1
    return -x, 2


@CASES((5.0,), (0.5,))
def while_with_int_then_float(x):
    k = 0
    while k < x:
        k = k + 1 if k < 2 else k * 1.5
    return k


@CASES((3, 2), (4, 2))
def int_division_and_power(a, b):
    return a / b + a // b + a % b + a**b


@CASES((3, 2.5), (4, -2.5))
def number_functions(n, x):
    return round(x) + int(x) + math.floor(x) + abs(n) + divmod(n, 2)[0] + min(n, 4) + bool(x)


@CASES((2.5, 3), (-2.5, 2))
def type_of_result_is_python(x, n):
    return [x * 2, n * 2, x > 0, n / 2, -n, n**2, x**2]


@CASES((X, 2), (X, 0))
def list_grows_then_is_array(x, n):
    out = []
    for k in range(n):
        out.append(x * k)
    out.append(x)
    return np.array(out).sum(axis=0)


@CASES((X, 2), (X, 0))
def empty_list_stays_empty(x, n):
    out = []
    for k in range(n):
        if x[0] > 100:
            out.append(1.0)
    return len(out)


@CASES((X, 3), (X, 0))
def list_of_tuples_grows(x, n):
    out = []
    for k in range(n):
        out.append((k, x[0] * k))
    total = 0.0
    for a, b in out:
        total += a * b
    return total


@CASES((X, 3), (X, 1))
def dict_of_lists_grows(x, n):
    out = {"a": [], "b": [0.0]}
    for k in range(n):
        out["a"].append(x[0] * k)
        out["b"].append(out["b"][-1] + x[1])
    return sum(out["a"]) + sum(out["b"])


@CASES((X, 3), (X, 0))
def stack_is_popped(x, n):
    stack = [x[0]]
    for k in range(n):
        stack.append(stack[-1] * 2)
    total = 0.0
    while stack:
        total = total * 0.5 + stack.pop()
    return total


@CASES((X, 3), (X, 0))
def list_pop_in_branch(x, n):
    items = [x[0], x[1], x[2]]
    if n > 0:
        last = items.pop()
    else:
        last = items.pop(0)
    return last + sum(items) * 10


@CASES((X, 3), (X, 0))
def list_insert_in_branch(x, n):
    items = [x[0], x[1]]
    if n > 0:
        items.insert(0, x[2])
    total = 0.0
    for k, v in enumerate(items):
        total += k * v
    return total


@CASES((X, 3), (X, 0))
def dict_updates_in_branch(x, n):
    d = {"a": x[0], "b": x[1]}
    if n > 0:
        d.update(a=5.0)
        d["b"] *= 2
    else:
        d.setdefault("a", 7.0)
    return d["a"] + d["b"]


@CASES((X, 3.0), (X, 0.0), refused="keys")
def dict_gets_key_in_branch(x, n):
    d = {"a": x[0]}
    if n > 0:
        d["b"] = x[1]
    return d.get("b", 1.0) + d["a"]


@CASES((X, 3.0), (X, 0.0), refused="set is changed")
def set_changes_in_branch(x, n):
    seen = {1, 2}
    if n > 0:
        seen.add(3)
    return x[0] * len(seen)


@CASES((X, 3), (X, 0))
def set_of_known_numbers(x, n):
    seen = set()
    for k in (1, 2, 2, 3):
        if k in seen:
            continue
        seen.add(k)
    return x[0] * len(seen) * n


@CASES((X, 3), (X, 0))
def del_of_items(x, n):
    items = [x[0], x[1], x[2]]
    del items[1]
    d = {"a": x[0], "b": x[1]}
    del d["a"]
    k = 3.0
    del k
    return items[1] + d["b"] + n


@CASES((1.0, 2.0), (2.0, 1.0), refused="key of a dict")
def symbols_as_keys(x, y):
    d = {}
    d[x] = 1.0
    d[y] = 2.0
    return len(d) + x


@CASES((1.0, 1.0), (2.0, 1.0), refused="key of a dict")
def symbols_in_a_set(x, y):
    return len({x, y}) + x


@CASES((1.0, 1.0), (2.0, 1.0), refused="key of a dict")
def symbols_in_a_dict(x, y):
    return len({x: 1, y: 2}) + x


@CASES((1.0, 1.0), (2.0, 1.0), refused="key of a dict")
def symbols_in_a_set_comprehension(x, y):
    return len({v * 1 for v in (x, y)}) + x


@CASES((3, X), (0, X))
def deque_in_loop(n, x):
    import collections

    q = collections.deque([x[0], x[1]])
    for _ in range(n):
        q.append(q.popleft() + q[0])
    return q[0] + 10 * q[1]


@CASES((2, X), (0, X))
def default_dict_in_branch(n, x):
    import collections

    d = collections.defaultdict(float)
    if n > 0:
        d["a"] += x[0]
    else:
        d["a"] -= x[1]
    return d["a"] + len(d)


@CASES((2, X), (0, X))
def default_dict_read_in_branch(n, x):
    import collections

    d = collections.defaultdict(lambda: x[2])
    y = d["a"] if n > 0 else 1.0
    return y + len(d)


@CASES((2, X), (0, X))
def counter_in_loop(n, x):
    import collections

    c = collections.Counter("abca")
    return c["a"] * x[0] + n


@CASES((2, 1.5), (0, 1.5), (5, 1.5), refused="items of a list")
def while_changes_list_in_test(n, x):
    items = [x, 2 * x, 3 * x, -1.0]
    total = 0.0
    while items.pop(0) > 0:
        total += items[0] + n
    return total


@CASES((2, 1.5), (0, 1.5), (5, 1.5))
def while_changes_object_in_test(n, x):
    class Source:
        def __init__(self):
            self.k = n

        def more(self):
            self.k -= 1
            return self.k > 0

    s = Source()
    total = 0.0
    while s.more():
        total += s.k * x
    return total


@CASES((2, 1.5), (0, 1.5), (5, 1.5))
def while_with_walrus(n, x):
    total = 0.0
    while (n := n - 1) > 0:
        total += n * x
    return total + n


@CASES((3, X), (0, X))
def loop_variable_after_loop(n, x):
    k = -1
    for k in range(n):
        pass
    return k + x[0]


@CASES((3, X), (1, X))
def loop_variable_first_bound_in_loop(n, x):
    for k in range(n):
        y = x * k
    return y + k


@CASES((4, X), (2, X))
def break_and_else(n, x):
    for k in range(n):
        if x[0] * k > 2:
            y = k
            break
    else:
        y = -1
    return y * x


@CASES((4, X), (0, X), (2, X))
def nested_breaks(n, x):
    total = 0.0
    for i in range(n):
        for j in range(n):
            if j > i:
                break
            if (i + j) % 2:
                continue
            total += x[0] * i - j
        if total > 5:
            break
    return total


@CASES((4, X), (0, X), (2, X))
def return_from_nested_loops(n, x):
    for i in range(n):
        for j in range(n):
            if i * j > 2:
                return x * i + j
    return x * 0


@pytest.mark.parametrize("case", CASES.every, ids=CASES.names)
def test_types(case) -> None:
    check(case)
