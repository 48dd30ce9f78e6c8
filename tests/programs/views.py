"""Views and aliases: two names of one memory, written through either and read through the other."""

from __future__ import annotations

import numpy as np

from tests.programs.registry import program

VECTOR = np.array([0.5, -0.3, 1.2, 0.8])
MATRIX = np.array([[0.5, -0.3, 1.2], [0.8, 0.1, -0.7]])


@program(args=(MATRIX,), complexable=True)
def view_written_then_base_read(m):
    a = m * 1.0
    row = a[1]
    row[:] = row**2
    column = a[:, 0]
    column *= 3
    return a * a


@program(args=(MATRIX,), complexable=True)
def base_written_then_view_read(m):
    a = m.copy()
    row, column, corner = a[0], a[:, -1], a[:1, :2]
    a[0, 2] = a[1, 0] ** 2
    a[1] += 1
    return row.sum() * column[0] + column[1] * corner.sum() ** 2


@program(args=(0.4, 1.5))
def view_made_before_the_first_active_store(x, y):
    """The base is a constant when its views are made, and meets the inputs only later."""
    a = np.zeros((3, 3))
    top, left, diagonal = a[0], a.T[0], a.ravel()
    top[1] = x
    a[2, 0] = y
    left[0] = x * y
    return a.sum() * diagonal[1] + top[0] * left[2]


@program(args=(VECTOR,), complexable=True)
def overlapping_views(a):
    b = a.copy()
    left, right = b[:3], b[1:]
    left[1] = right[2] ** 2
    right += left
    left *= right[0]
    return np.concatenate([left, right])


@program(args=(VECTOR,))
def strided_and_reversed_views(a):
    b = np.zeros(8)
    even, odd = b[::2], b[1::2]
    even[:] = a
    odd[::-1] = a**2
    b[3:5] = b[5:7]
    return even * odd[::-1] + b[::-1][:4]


@program(args=(MATRIX,), complexable=True)
def transposed_view(m):
    t = m.copy().T
    t[0] = t[1] * t[2]
    t[:, 1] += t[:, 0]
    base = t.T
    base[0, 2] = 4.0
    return t @ base


@program(args=(VECTOR,), complexable=True)
def reshape_shares_memory(a):
    flat = a * 2
    square = flat.reshape(2, 2)
    square[0] = square[1] ** 2
    flat[3] = flat[0]
    again = square.reshape(-1)
    again += 1
    return flat * again + square.ravel()[0]


@program(args=(VECTOR,), complexable=True)
def ravel_against_flatten(a):
    m = a.reshape(2, 2) * 1.0
    shared, copied = m.ravel(), m.flatten()
    shared[0] = 3 * shared[1]
    copied[1] = 100.0
    transposed_copy = m.T.ravel()
    transposed_copy[:] = 0
    return m.ravel() * copied + transposed_copy


@program(args=(MATRIX,), complexable=True)
def flat_iterator_and_diagonal(m):
    s = m[:, :2] @ m[:, 1:].T
    s.flat[1] = s.flat[0] ** 2
    trace = np.einsum("ii->i", s)
    trace += 2 * trace[::-1]
    return s + np.diagonal(s).sum() * s.flat[2]


@program(args=(MATRIX,), complexable=True)
def rows_as_loop_variables(m):
    a = m.copy()
    for row in a:
        row *= row[0]
        row[0] = row[1:].sum()
    for i, column in enumerate(a.T):
        column += i
    return a**2


@program(args=(MATRIX,), complexable=True)
def row_views_kept_in_a_list(m):
    a = m.copy()
    rows = list(a)
    rows[0][1] = rows[1][2] ** 2
    rows[0], rows[1] = rows[1], rows[0]
    rows[0] += 0.5
    rows[1] = rows[1] * 2
    a[0, 0] *= 3
    return a.sum(axis=0) * rows[0] + rows[1]


@program(args=(VECTOR,))
def view_of_view_of_view(a):
    b = np.zeros((2, 2, 4))
    block = b[1]
    line = block[0]
    middle = line[1:3]
    middle[:] = a[:2]
    line *= 2
    block[1] = line + a
    b[0] = block**2
    return b.sum(axis=(0, 1)) * middle[0]


@program(args=(VECTOR,), complexable=True)
def alias_of_a_name(a):
    b = a.copy()
    c = b
    b += 1  # in place: c sees it
    b = b * 2  # a new array: c does not
    b[0] = c[0]
    c[1] = b[2] ** 2
    return b * c


@program(args=(VECTOR,), complexable=True)
def alias_through_a_function(a):
    def scale(v, by):
        v *= by
        return v

    def clear(v):
        v = v * 0
        v[0] = 9.0

    b = a.copy()
    c = scale(b[:2], 3)
    clear(b)
    c[0] = c[1] ** 2
    return b * b.sum()


@program(args=(VECTOR,), complexable=True)
def same_argument_twice(a):
    def update(u, v):
        u[0] = 2 * v[1]
        v[1] += u[0] ** 2
        return u * v

    b = a.copy()
    return update(b, b)


@program(args=(VECTOR, 0.6), complexable=True)
def alias_inside_containers(a, x):
    state = {"position": a.copy()}
    history = [state["position"], (state["position"], x)]
    state["position"] *= x
    history[1][0][2] = x**3
    history[0] += 1
    return state["position"].sum() * history[1][1]


@program(args=(VECTOR,), complexable=True)
def broadcast_view_is_read_only(a):
    m = np.broadcast_to(a, (3, 4))
    b = a.copy()
    n = np.broadcast_to(b, (2, 4))
    b *= 2
    return m.sum(axis=0) * n[1]


@program(args=(VECTOR,), complexable=True)
def squeeze_expand_moveaxis_views(a):
    m = a.copy()
    column = m[:, np.newaxis]
    column[1, 0] = a[0] ** 2
    cube = np.expand_dims(m, (0, 2))
    cube[0, 2, 0] *= 3
    moved = np.moveaxis(cube, 1, 0)
    moved += 0.25
    np.squeeze(cube)[3] = m[1]
    return m**2


@program(args=(VECTOR,))
def swap_views_of_two_buffers(a):
    """Two buffers change places at every step, as in every explicit scheme."""
    old, new = a.copy(), np.empty(4)
    for _ in range(3):
        new[0], new[-1] = old[0], old[-1]
        new[1:-1] = old[1:-1] + 0.3 * (old[2:] - 2 * old[1:-1] + old[:-2]) ** 2
        old, new = new, old
    return old * 2 + new


@program(args=(MATRIX,), complexable=True)
def split_and_unpacked_views(m):
    a = m.copy()
    left, right = np.split(a, [1], axis=1)
    first, *others = right.T
    left += first[:, None] ** 2
    others[0][:] = left[:, 0]
    return a * a


@program(args=(np.array([0.4, 0.9, 1.6]),), complexable=True)
def view_written_after_base_was_used(a):
    b = a.copy()
    tail = b[1:]
    product = b * b[::-1]
    tail[:] = np.sqrt(tail)
    quotient = product / b
    tail[0] = 2.0
    return quotient * b


@program(args=(np.array([0.3, 0.8, -0.5, 1.1]),), complexable=True)
def where_mask_copies_are_no_views(a):
    b = a.copy()
    picked = b[b > 0]
    picked *= 10
    gathered = b[[0, 1]]
    gathered[0] = 5.0
    taken = np.take(b, [2, 3])
    taken += b[0]
    return b * picked.sum() + gathered[1] * taken[0]


@program(args=(np.array([0.3, 0.8]),))
def real_and_imaginary_views(a):
    z = np.zeros(2, dtype=complex)
    z.real = a
    z.imag[0] = a[1] ** 2
    z *= z
    z.real[1] = z.imag[0]
    return np.array([z.real.sum(), (z * z.conj()).real[0], z.imag[1]])


@program(args=(MATRIX,), complexable=True)
def stores_through_flat_of_transpositions(m):
    a = m * 1.0
    a.T.flat[1] = 5 * a[0, 0]
    a.flat[3] += a[1, 1]
    b = np.zeros(m.shape, m.dtype)
    b[:] = m
    b.T.flat[1] = 7 * m[0, 0]
    b.flat[5] *= 2
    b.T.reshape(-1)[0] = 100.0
    b.ravel()[2] *= m[0, 1]
    return a * b


@program(args=(np.array([0.3, 0.8, -0.5]),))
def parts_of_a_complex_array_of_one_dtype_less(a):
    z = a * 1
    z = z + 1j * np.ones((2, 3))
    z.real[1] = a * a
    z[0, 1] *= 2j
    w = 1 * z
    w[..., 0] = 3
    return np.abs(z * w)


@program(args=(np.array([0.3, 0.8, -0.5, 1.1]),), complexable=True)
def results_of_identities_are_written(a):
    y = 1 * a
    w = +y
    y[0] = w[1]
    w[0] = y[1] * y[1]
    column = np.reshape(w, (4, 1)) * 1
    column[2] = 0
    spread = a[0] + np.zeros(4)
    spread[1] = 3 * a[1]
    tail = spread[2:] * 2
    tail *= tail
    return np.concatenate([w * y * column[:, 0], spread, tail, [np.sum(a[3] + np.zeros(5))]])


@program(args=(np.array([0.3, 0.8, -0.5, 1.1]),), complexable=True)
def asarray_of_the_same_dtype_is_no_copy(a):
    y = a * 2
    same = np.asarray(y, dtype=a.dtype)
    same[0] = y[1] * y[2]
    third = np.array(y, copy=None)
    third[1] += 1
    buffer = np.zeros(4, a.dtype)
    alias = np.asarray(buffer, dtype=a.dtype)
    alias[:] = a
    buffer[0] += alias[1]
    return y * alias


@program(args=(np.array([[0.3, 0.8], [-0.4, 0.6], [0.1, 0.9], [0.7, -0.2]]), np.array([0.2, 0.5])), complexable=True)
def rows_that_outlive_a_nest_of_loops(state, signal):
    state, signal, total = state.copy(), signal.copy(), 0.0
    for t in range(3):
        for layer in range(len(state) // 2):
            said, memory = state[2 * layer], state[2 * layer + 1]
            for i in range(len(signal)):
                memory[i] = memory[i] * signal[i] + said[i]
                said[i] = np.tanh(memory[i]) * signal[i]
                signal[i] = said[i]
        total = total + np.sum(signal) * (t + 1)
    return total + np.sum(state * state)


@program(args=(np.array([[0.3, 0.8], [-0.4, 0.6]]), np.array([0.2, 0.5])), complexable=True)
def rows_of_an_array_in_turn(state, signal):
    state, signal, total = state.copy(), signal.copy(), 0.0
    for _ in range(3):
        for row in state:
            for i in range(len(signal)):
                row[i] = np.sin(row[i] * signal[i])
                signal[i] = row[i] + 0.1
        total = total + np.sum(signal * row)
    return total
