"""Programs that random programs led to: each was wrong, or refused without need, when the source engine was young."""

from __future__ import annotations

import math

import numpy as np

from tests.programs.registry import program


@program(args=(0.4, np.array([0.3, -0.8, 0.5])), complexable=True)
def nonlocal_of_a_loop(x, a):
    """The cell of a name that a loop carries is no second value to carry."""
    total = 0.0
    for e in a:
        scale = 0.3 * e + x

        def doubled(by):
            nonlocal scale
            scale = scale * 2 + by
            return scale * x

        total = total + doubled(e) * scale
    return total


@program(args=(0.7, 1.4))
def raise_that_depends_on_a_value(x, y):
    total = 0.0
    for k in range(4):
        try:
            total += x * k
            if total > y:
                raise ValueError("too much")
            total += 0.5 * x
        except ValueError:
            total -= math.sin(y)
        else:
            total *= 1.1
        finally:
            total += 0.1 * x * y
    return total


@program(args=(np.array([0.4, -1.3, 0.8]), 0.9))
def handler_changes_what_the_loop_carries(a, x):
    for e in a:
        if -0.83 < e < 0.13:
            continue
        try:
            raise KeyError(e > 0)
        except KeyError:
            x = x * np.cos(0.5 * (0.9 - e))
    return x * a


@program(args=(np.array([[0.5, -0.3, 1.2], [0.8, 0.1, -0.7]]),), complexable=True)
def column_in_another_shape_is_a_view(m):
    """NumPy gives a column a new axis without a copy, and copies two columns in a row."""
    m = m * 1.0
    column = m[:, 1]
    row = column.reshape(1, -1)
    flat = m[:, :2].reshape(-1)
    m[0] = column[1] ** 2
    column[1] = 3 * m[1, 2]
    return row * flat[:2] + m[:, :2].T @ flat[2:].reshape(2, 1)


@program(args=(np.array([0.3, 1.2, -0.5]), 0.8), complexable=True)
def state_kept_in_lists_while_it_changes(a, x):
    state, kept = a.copy(), []
    for k in range(3):
        state = state * x + a
        kept.append(state)
        state = state * 1.0
        state[k] = kept[-1][k] ** 2
    return sum(kept) * state


@program(args=(np.array([0.3, 1.2, -0.5]),), complexable=True)
def results_of_one_function_twice_in_one_place(a):
    def fill(into, by):
        into[:] = into * by
        return into

    b = a.copy()
    c = fill(b, 2.0) + fill(b, a[0])
    return b * c


@program(args=(np.array([0.3, 0.8, -0.4, 0.6]),), complexable=True)
def index_array_that_changes_after_a_store(x):
    places, a = np.array([1, 3, 0, 2]), x.copy()
    for _ in range(2):
        a[places[:2]] = a[places[1:3]] * a[0]
        places[0], places[2] = places[2], places[0]
    return a
