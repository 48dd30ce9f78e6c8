"""Stores into arrays: elements, slices, masks, integer arrays, out=, and buffers that are overwritten while needed."""

from __future__ import annotations

import math

import numpy as np

from tests.programs.registry import program

VECTOR = np.array([0.5, -0.3, 1.2, 0.8])
MATRIX = np.array([[0.5, -0.3, 1.2], [0.8, 0.1, -0.7]])


@program(args=(0.6,))
def zeros_then_store(x):
    a = np.zeros(5)
    a[0] = x
    for i in range(1, 5):
        a[i] = math.sin(a[i - 1]) + i * x
    return a


@program(args=(0.6, 1.1))
def empty_then_fill(x, y):
    a = np.empty((2, 2))
    a[0, 0] = x
    a[0, 1] = y
    a[1, 0] = x * y
    a[1, 1] = a[0, 0] / a[0, 1]
    return a


@program(args=(VECTOR,), complexable=True)
def zeros_like_and_full(a):
    b = np.zeros_like(a)
    b[1:] = a[:-1] ** 2
    c = np.full(4, a[0])
    c[2] = b[2]
    return b * c


@program(args=(0.4, 0.9))
def eye_with_stores(x, y):
    m = np.eye(3)
    m[0, 1] = x
    m[2, 0] = y
    m[1] *= x + y
    m[np.arange(3), np.arange(3)] += x * y
    return m


@program(args=(MATRIX,))
def slices_rows_columns(m):
    out = np.zeros((3, 4))
    out[:2, 1:] = m
    out[2] = out[0] * out[1]
    out[:, 0] = out[:, 1] ** 2
    out[::2, -1] = 0.5
    out[-1, 1:3] -= m[0, :2]
    return out


@program(args=(VECTOR,), complexable=True)
def boolean_mask_store(a):
    b = a.copy()
    mask = b < 0.6
    b[mask] *= a[0]
    b[~mask] = np.sqrt(b[~mask])
    b[b > 1] = 2.0
    return b


@program(args=(VECTOR, 0.7))
def integer_array_store(a, x):
    b = np.zeros(6)
    b[[4, 0, 2]] = a[:3] * x
    b[np.array([1, 3])] = x
    b[[0, 0, 5]] += a[1:]  # duplicates: the last one wins, NumPy adds once
    return b


@program(args=(VECTOR,))
def duplicate_index_store(a):
    """Of repeated indices the last store stays."""
    b = np.ones(3)
    b[[0, 1, 0, 1]] = a
    return b * a[0]


@program(args=(VECTOR,))
def add_at_accumulates(a):
    bins = np.zeros(3)
    np.add.at(bins, [0, 2, 0, 0], a)
    np.multiply.at(bins, [2], a[0])
    np.subtract.at(bins, np.array([1, 1]), a[:2] ** 2)
    return bins


@program(args=(VECTOR,))
def negative_ellipsis_newaxis(a):
    m = np.zeros((2, 4))
    m[..., -1] = a[-1]
    m[-1, ...] += a
    m[0, :-1] = a[np.newaxis, 1:] * 2
    return m[:, None, :].sum(axis=0)


@program(args=(VECTOR, 0.5), complexable=True)
def augmented_whole_array(a, x):
    b = a * 1.0
    b += a
    b *= x
    b -= np.cos(a)
    b /= 1 + x**2
    b **= 2
    return b


@program(args=(VECTOR,), complexable=True)
def swap_elements(a):
    a = a.copy()
    a[0], a[2] = a[2] ** 2, a[0]
    a[1], a[3] = a[3], a[1] * a[0]
    return a * np.arange(1, 5)


@program(args=(MATRIX,), complexable=True)
def swap_rows(m):
    m = m.copy()
    m[[0, 1]] = m[[1, 0]]
    m[0], m[1] = m[1].copy(), m[0].copy()
    m[:, [0, 2]] = m[:, [2, 0]] * 2
    return m**2


@program(args=(MATRIX,), complexable=True)
def swap_rows_without_copy(m):
    """The well-known trap: both rows become the old second one."""
    m = m.copy()
    m[0], m[1] = m[1], m[0]
    return m**2


@program(args=(VECTOR,))
def out_arguments(a):
    b = np.empty(4)
    np.multiply(a, a, out=b)
    np.add(b, 1, b)
    np.sin(b, out=b)
    np.cumsum(b, out=b)
    c = np.zeros(4)
    np.exp(a, out=c, where=a > 0)
    s = np.zeros(())
    np.sum(b, out=s)
    return b * c + s


@program(args=(VECTOR, 0.3))
def copyto_fill_put(a, x):
    b = np.zeros((2, 4))
    np.copyto(b, a)
    b[1].fill(x)
    np.put(b, [5, 0], [x**2, x**3])
    np.copyto(b[0], 7.0, where=a < 0)
    c = np.ones(3)
    c.fill(x * 2)
    return b[0] * b[1] + c.sum()


@program(args=(VECTOR,), complexable=True)
def sort_in_place(a):
    b = a**2
    b.sort()
    m = np.stack([a, -a])
    m.sort(axis=0)
    return b * np.array([1.0, 2.0, 3.0, 4.0]) + m[1]


@program(args=(VECTOR, 0.5), complexable=True)
def writes_into_its_argument(a, x):
    a[0] = x
    a[1:] *= a[0]
    a += 1
    return a.sum() * x


@program(args=(VECTOR,), complexable=True)
def returns_its_argument_changed(a):
    a *= 2
    a[2] = a[0] * a[1]
    return a


@program(args=({"w": np.array([0.5, -0.2]), "b": 0.1}, np.array([1.0, 2.0])), complexable=True)
def writes_into_its_dict_argument(parameters, x):
    for _ in range(3):
        step = 0.1 * np.tanh(parameters["w"] @ x + parameters["b"])
        parameters["w"] -= step * x
        parameters["b"] = parameters["b"] - step
    parameters["new"] = parameters["w"][0]
    return parameters["w"].sum() + parameters["b"] * parameters.pop("new")


@program(args=([0.3, 1.5, 0.9],), complexable=True)
def writes_into_its_list_argument(values):
    values.append(values[0] * values[1])
    values[2] += 1.0
    values.insert(0, values.pop() ** 2)
    return sum(v * (i + 1) for i, v in enumerate(values))


@program(args=(VECTOR,))
def integer_buffers_beside(a):
    counts = np.zeros(3, dtype=int)
    order = np.empty(4, dtype=np.int64)
    totals = np.zeros(3)
    for i in range(len(a)):
        k = i % 3
        counts[k] += 1
        order[i] = len(a) - 1 - i
        totals[k] += a[i] ** 2
    return totals / counts + a[order][:3]


@program(args=(VECTOR,), complexable=True)
def buffers_that_never_meet_the_input(a):
    table = np.zeros(4)
    for i in range(4):
        table[i] = math.sqrt(i + 1.0)
    table[1:3] *= 2
    flags = np.zeros(4, dtype=bool)
    flags[::2] = True
    return np.where(flags, table * a, a / table)


@program(args=(np.array([0.5, -0.3]),), complexable=True)
def constant_changed_between_uses(x):
    """The weight is a constant; what it was at each use must be what the way back uses."""
    w = np.array([1.0, 2.0])
    y = w * x
    w *= 3
    y = y * (w * x)
    w[0] = -1
    return y + np.sin(w * x)


@program(args=(VECTOR,), complexable=True)
def overwritten_after_nonlinear_use(a):
    s = a.copy()
    y = np.exp(s)
    s[:] = 0.0
    z = y * s + y
    y[1] = 5.0
    s += a
    t = s * s
    s *= 10
    return t + z + y * s


@program(args=(VECTOR,))
def running_state_saved_by_value(a):
    """A list keeps the same array again and again: only copies are different states."""
    state = np.zeros(4)
    kept, aliased = [], []
    for k in range(3):
        state += a**k
        state *= state
        kept.append(state.copy())
        aliased.append(state)
    return sum(kept) * aliased[0]


@program(args=(VECTOR,), complexable=True)
def prefix_sums_in_place(a):
    a = a.copy()
    for i in range(1, len(a)):
        a[i] += a[i - 1]
    for i in range(len(a) - 2, -1, -1):
        a[i] *= a[i + 1]
    return a


@program(args=(VECTOR,), complexable=True)
def shifted_overlapping_store(a):
    b = a.copy()
    b[1:] = b[:-1]  # NumPy reads all before it writes
    b[:-1] += b[1:] * b[:-1]
    b[::2] = b[::-2] * 2
    return b


@program(args=(0.5, 0.2))
def while_filling_buffer(x, y):
    buffer = np.zeros(20)
    n = 0
    while x < 3.0 and n < 20:
        buffer[n] = x
        x = x * 1.3 + y
        n += 1
    return buffer[:n].sum() + buffer[n - 1] ** 2


@program(args=(VECTOR,), complexable=True)
def bubble_sort(a):
    a = a.copy()
    n = len(a)
    for i in range(n):
        for j in range(n - 1 - i):
            if a[j] > a[j + 1]:
                a[j], a[j + 1] = a[j + 1], a[j]
    return a * np.array([1.0, -2.0, 3.0, 0.5])


@program(args=(np.array([0.5, -0.3, 1.2]),))
def copies_by_list_and_astype(a):
    b = np.array(a.tolist())
    c = a.astype(np.float64, copy=True)
    c[0] = 2 * b[1]
    return b * c


@program(args=(0.7, -0.4), complexable=True)
def zero_dimensional_array(x, y):
    a = np.array(x)
    b = a  # the same array
    a += y
    a *= 2
    a[...] = a * a
    return a[()] * b.item() + b


@program(args=(MATRIX,), complexable=True)
def where_nonzero_indices(m):
    out = np.zeros_like(m)
    rows, columns = np.nonzero(m > 0)
    out[rows, columns] = m[rows, columns] ** 2
    for i, j in zip(*np.where(m < 0)):
        out[i, j] = np.exp(m[i, j])
    for index in np.ndindex(2, 3):
        out[index] += index[0] * m[index]
    for (i, j), value in np.ndenumerate(m):
        out[i, j] += j * np.cos(value)
    return out


@program(args=(MATRIX, 0.7), complexable=True)
def changed_in_place_and_then_anew(m, x):
    """In each turn one name is changed in place, and then becomes another array, which the next turn changes."""
    mean = np.zeros_like(m[0])
    for k in range(len(m)):
        mean += m[k] * x
        mean = mean - m[k] ** 2 * np.sin(mean)
        mean[1] *= x
    return mean


@program(args=(MATRIX,), complexable=True)
def delete_insert_resize(m):
    row = np.append(m[0], m[1, 0] ** 2)
    row = np.insert(row, 1, m[1, 1])
    row = np.delete(row, 2)
    return np.resize(row, 6) * np.arange(6.0)


@program(args=(VECTOR,), complexable=True)
def fill_diagonal_and_triangles(a):
    m = np.outer(a[:3], a[1:])
    np.fill_diagonal(m, a[0])
    m[np.triu_indices(3, 1)] = 0.0
    m[np.tril_indices(3, -2)] *= 2
    return m @ m.T


@program(args=(np.array([0.4, 0.9]),))
def cube_with_many_index_kinds(a):
    c = np.zeros((2, 3, 2))
    c[0, :, 1] = a[0]
    c[1, [0, 2]] = a
    c[..., 0] += a[1] ** 2
    c[:, 1:, :] *= a
    c[1, 1, 1] = c[0, 2, 1] * c[1, 2, 0]
    c[[0, 1], [2, 0], [1, 1]] -= a * a
    return c


@program(args=(np.array([0.3, 0.8, -0.4, 0.6]), 0.7), complexable=True)
def sweeps_in_place(u, w):
    u = u.copy()
    for _ in range(3):
        for i in range(1, len(u) - 1):
            u[i] += w * (u[i - 1] * u[i + 1] - u[i] * u[i])
    return u


@program(args=(np.array([0.3, 0.8, -0.4, 0.6]), np.array([0.5, -0.2, 0.9, 0.1])), complexable=True)
def table_filled_from_itself(a, b):
    table = np.zeros((len(a) + 1, len(b) + 1))
    table = table + a[0]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            if (i + j) % 3:
                table[i, j] = table[i - 1, j] * b[j - 1] + np.sin(table[i, j - 1])
            else:
                table[i, j] += table[i - 1, j - 1] ** 2
                table[i, 0] = table[i, j] * a[i - 1]
    return table[-1, -1] * table[2, 0]


@program(args=(np.array([0.9, -0.4, 0.3, 0.6]),), complexable=True)
def stack_of_numbers_that_grows_and_shrinks(x):
    stack = [x[0], x[1]]
    for k in range(len(x)):
        for _ in range(2):
            last = stack.pop()
            stack[-1] = stack[-1] * last + x[k]
            stack.append(np.sin(last * stack[0]))
        stack.append(x[k])
    return stack[0] * stack[-1] + stack[1]


@program(args=(np.array([[2.0, 0.3, -0.5], [0.3, 1.5, 0.2], [-0.5, 0.2, 3.0]]),), complexable=True)
def exchanged_while_eliminating(m):
    m, order = m.copy(), np.arange(len(m))
    k = 0
    while k < len(m) - 1:
        order[k], order[k + 1] = order[k + 1], order[k]
        for i in range(k + 1, len(m)):
            factor = m[order[i], k] / m[order[k], k]
            for j in range(k, len(m)):
                m[order[i], j] -= factor * m[order[k], j]
            if i == 2 and k == 1:
                break
        k += 1
    return m
