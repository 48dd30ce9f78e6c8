"""Numerical methods as they are written by hand: solvers, integrators, factorisations, grids, transforms."""

from __future__ import annotations

import cmath
import math

import numpy as np

from tests.programs.registry import program


@program(args=(0.5, 1.0, 2.0), tags="scan")
def leapfrog(q, p, k):
    energy = 0.0
    for _ in range(10):
        p -= 0.05 * k * math.sin(q)
        q += 0.1 * p
        p -= 0.05 * k * math.sin(q)
        energy += 0.5 * p**2 - k * math.cos(q)
    return q, p, energy


@program(args=(np.array([[0.0, 1.0], [1.0, 0.2]]), np.array([[0.3, 0.0], [0.0, -0.4]])), complexable=True, tags="scan")
def two_bodies_in_place(position, velocity):
    position, velocity = position.copy(), velocity.copy()
    force = np.zeros_like(position)
    for _ in range(4):
        force.fill(0)
        for i in range(2):
            for j in range(2):
                if i != j:
                    d = position[j] - position[i]
                    force[i] += d / (d @ d + 0.1) ** 1.5
        velocity += 0.1 * force
        position += 0.1 * velocity
    return position


@program(args=(np.array([0.0, 0.5, 1.0, 0.3, 0.0]), 0.2), complexable=True, tags="scan")
def heat_equation_in_place(u, kappa):
    u = u.copy()
    for _ in range(8):
        u[1:-1] += kappa * (u[2:] - 2 * u[1:-1] + u[:-2])
        u[0] = u[1] ** 2
    return u


@program(args=(np.array([0.1, 0.5, 1.0, 0.3]), 0.3), tags="scan")
def upwind_burgers_writes_its_argument(u, courant):
    for _ in range(3):
        u[1:] -= courant * u[1:] * (u[1:] - u[:-1])
    return float(np.sum(u**2))


@program(args=(np.array([4.0, 5.0, 6.0]), np.array([1.0, -2.0, 0.5]), 0.7))
def gauss_seidel(diagonal, b, coupling):
    x = np.zeros(3)
    for _ in range(5):
        for i in range(3):
            residual = b[i]
            for j in range(3):
                if j != i:
                    residual -= coupling * x[j] / (1 + abs(i - j))
            x[i] = residual / diagonal[i]
    return x


@program(args=(np.array([0.5, -0.4]), np.array([3.0, 4.0, 5.0]), np.array([0.3, 0.9]), np.array([1.0, 0.2, -0.7])))
def thomas_algorithm(lower, diagonal, upper, rhs):
    """Overwrites its arguments, as the textbook does."""
    n = len(diagonal)
    for i in range(1, n):
        w = lower[i - 1] / diagonal[i - 1]
        diagonal[i] -= w * upper[i - 1]
        rhs[i] -= w * rhs[i - 1]
    x = np.empty(n)
    x[-1] = rhs[-1] / diagonal[-1]
    for i in range(n - 2, -1, -1):
        x[i] = (rhs[i] - upper[i] * x[i + 1]) / diagonal[i]
    return x


@program(args=(np.array([[0.1, 2.0, 1.0], [1.5, 0.3, -0.4], [0.7, -1.1, 2.5]]), np.array([1.0, -0.5, 0.3])), complexable=True)
def lu_with_pivoting(matrix, b):
    a, x = matrix.copy(), b.copy()
    n = len(x)
    sign = 1.0
    for k in range(n):
        p = k + int(np.argmax(np.abs(a[k:, k])))
        if p != k:
            a[[k, p]] = a[[p, k]]
            x[k], x[p] = x[p], x[k]
            sign = -sign
        for i in range(k + 1, n):
            a[i, k] /= a[k, k]
            a[i, k + 1 :] -= a[i, k] * a[k, k + 1 :]
            x[i] -= a[i, k] * x[k]
    determinant = sign * np.prod(np.diag(a))
    for i in reversed(range(n)):
        x[i] = (x[i] - a[i, i + 1 :] @ x[i + 1 :]) / a[i, i]
    return x, determinant


@program(args=(np.array([[2.0, 0.3, -0.5], [0.3, 1.5, 0.2], [-0.5, 0.2, 3.0]]),))
def cholesky_by_hand(a):
    n = a.shape[0]
    low = np.zeros((n, n))
    for j in range(n):
        for i in range(j, n):
            s = a[i, j]
            for k in range(j):
                s -= low[i, k] * low[j, k]
            low[i, j] = math.sqrt(s) if i == j else s / low[j, j]
    return low


@program(args=(np.array([[1.0, 0.4], [0.2, 1.3], [-0.5, 0.8]]),))
def gram_schmidt_in_place(a):
    q = a.copy()
    r = np.zeros((2, 2))
    for j in range(2):
        v = q[:, j]
        for k in range(j):
            r[k, j] = q[:, k] @ v
            v -= r[k, j] * q[:, k]
        r[j, j] = np.sqrt(v @ v)
        v /= r[j, j]
    return q, r


@program(args=(np.array([0.5, -1.0, 0.3, 2.0]), 0.7), complexable=True)
def horner(coefficients, x):
    value, slope = 0.0, 0.0
    for c in coefficients[::-1]:
        slope = slope * x + value
        value = value * x + c
    return value, slope


@program(args=(2.0, 1.0), complexable=True)
def newton_iteration(a, x):
    for _ in range(50):
        step = (x**3 - a) / (3 * x**2)
        x -= step
        if abs(step) < 1e-14:
            break
    return x


@program(args=(np.array([1.2, 0.7]), 0.5), complexable=True)
def newton_system_with_solve(x, a):
    for _ in range(6):
        residual = np.array([x[0] ** 2 + x[1] - 2 - a, x[0] - x[1] ** 3])
        slope = np.array([[2 * x[0], 1.0], [1.0, -3 * x[1] ** 2]])
        x = x - np.linalg.solve(slope, residual)
    return x


@program(args=(0.3, 2.0), tags="constant_derivative")
def bisection(low, high):
    """The end points move by halves: the result is linear in them while the decisions stay."""
    for _ in range(5):
        middle = 0.5 * (low + high)
        if middle**2 < 1.7:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


@program(args=(0.4, 0.9))
def secant_polished_bisection(a, b):
    def f(t):
        return t**3 + a * t - b

    low, high = 0.0, 2.0
    while high - low > 0.01:
        middle = (low + high) / 2
        low, high = (middle, high) if f(middle) < 0 else (low, middle)
    root = (low + high) / 2
    for _ in range(4):
        root = root - f(root) / (3 * root**2 + a)
    return root


@program(args=(np.array([1.0, 0.5]), 1.2), complexable=True, tags="scan")
def runge_kutta_4(y, mu):
    def f(t, y):
        return np.stack([y[1], mu * (1 - y[0] ** 2) * y[1] - y[0] + np.sin(t)])

    t, h = 0.0, 0.1
    for _ in range(4):
        k1 = f(t, y)
        k2 = f(t + h / 2, y + h / 2 * k1)
        k3 = f(t + h / 2, y + h / 2 * k2)
        k4 = f(t + h, y + h * k3)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        t += h
    return y


@program(args=(1.0, 3.0), step=0.001, tags="scan")
def adaptive_step_size(y, rate):
    """Steps are accepted, rejected and resized by values: a while loop whose trip count nobody knows."""
    t, h, accepted = 0.0, 0.2, 0
    while t < 1.0:
        if t + h > 1.0:
            h = 1.0 - t
        euler = y - h * rate * y**2
        middle = y - 0.5 * h * rate * y**2
        better = y - h * rate * middle**2
        error = abs(better - euler)
        if error < 0.05:
            t, y = t + h, better
            accepted += 1
        h = h * min(2.0, max(0.3, 0.8 * (0.05 / error) ** 0.5))
    return y + 0.01 * accepted * y


@program(args=(0.3, 2.7), complexable=True, tags="scan")
def logistic_map(x, r):
    for _ in range(20):
        x = r * x * (1 - x)
    return x


@program(args=(np.array([[0.6, 0.4], [-0.3, 0.8]]),), complexable=True)
def matrix_power_by_squaring(a):
    n, result, base = 11, np.eye(2), a
    while n > 0:
        if n & 1:
            result = result @ base
        base = base @ base
        n >>= 1
    return result


@program(args=(np.array([0.2, 0.9, 0.4]), np.array([0.3, 1.1, 0.1, 0.7])), tags="scan")
def soft_dynamic_time_warping(a, b):
    n, m = len(a), len(b)
    table = np.full((n + 1, m + 1), 1e3)
    table[0, 0] = 0.0
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            three = np.array([table[i - 1, j], table[i, j - 1], table[i - 1, j - 1]])
            low = three.min()
            soft = low - 0.5 * np.log(np.sum(np.exp(-(three - low) / 0.5)))
            table[i, j] = (a[i - 1] - b[j - 1]) ** 2 + soft
    return table[n, m]


@program(args=(np.array([0.3, 0.8, -0.2, 0.5, 0.9, -0.4, 0.1, 0.6]),))
def fft_by_recursion(a):
    def transform(z):
        n = len(z)
        if n == 1:
            return z
        even, odd = transform(z[::2]), transform(z[1::2])
        twiddle = np.exp(-2j * np.pi * np.arange(n // 2) / n) * odd
        return np.concatenate([even + twiddle, even - twiddle])

    spectrum = transform(a.astype(complex))
    return np.abs(spectrum[1:4]) ** 2 + spectrum.real[4:7] * spectrum.imag[1:4]


@program(args=(np.array([0.3, 0.8, -0.2]),))
def fourier_sum_with_scalar_complex(a):
    total = 0.0
    for k in range(3):
        z = 0j
        for n, value in enumerate(a):
            z += value * cmath.exp(-2j * math.pi * k * n / 3)
        total += abs(z) ** 2 * (k + 1) + z.real
    return total


@program(args=(0.8,))
def fixed_point_iteration(x):
    y, count = 1.0, 0
    while True:
        new = math.cos(x * y)
        count += 1
        if abs(new - y) < 1e-13 or count > 300:
            break
        y = new
    return new


@program(args=(np.array([[2.0, 0.3], [0.3, 1.0]]), np.array([0.5, 1.0])), tags="scan")
def power_method(a, v):
    for _ in range(6):
        w = a @ v
        v = w / np.linalg.norm(w)
    return v @ a @ v


@program(args=(np.array([[3.0, 0.5], [0.5, 2.0]]), np.array([1.0, -0.4])), complexable=True)
def conjugate_gradients(a, b):
    x = np.zeros_like(b)
    r = b - a @ x
    p = r.copy()
    rs = r @ r
    for _ in range(len(b)):
        ap = a @ p
        alpha = rs / (p @ ap)
        x += alpha * p
        r -= alpha * ap
        new = r @ r
        p *= new / rs
        p += r
        rs = new
    return x


@program(args=(np.array([1.5, 0.8]), 0.05), tags="scan")
def gradient_descent_on_rosenbrock(x, rate):
    momentum = np.zeros(2)
    for step in range(5):
        slope = np.array([-2 * (1 - x[0]) - 4 * x[0] * (x[1] - x[0] ** 2), 2 * (x[1] - x[0] ** 2)])
        momentum *= 0.9
        momentum += slope
        x = x - rate * momentum / (1 + step)
    return (1 - x[0]) ** 2 + (x[1] - x[0] ** 2) ** 2


@program(args=(0.2, 1.8))
def adaptive_simpson(a, b):
    def f(t):
        return math.exp(-t) * math.sin(3 * t)

    def simpson(a, b):
        return (b - a) / 6 * (f(a) + 4 * f((a + b) / 2) + f(b))

    def refine(a, b, tolerance):
        middle = (a + b) / 2
        whole, halves = simpson(a, b), simpson(a, middle) + simpson(middle, b)
        if abs(whole - halves) < tolerance:
            return halves + (halves - whole) / 15
        return refine(a, middle, tolerance / 2) + refine(middle, b, tolerance / 2)

    return refine(a, b, 1e-3)


@program(args=(1.3, 0.6), complexable=True)
def trapezoid_with_linspace(end, k):
    t = np.linspace(0.0, 1.0, 11) * end
    y = np.exp(-k * t) * np.cos(t**2)
    return np.sum((y[1:] + y[:-1]) * (t[1:] - t[:-1])) / 2


@program(args=(np.array([0.0, 0.8, 0.3, 1.1]), 1.4))
def cubic_spline_by_hand(y, x):
    n = len(y)
    matrix = np.zeros((n, n))
    rhs = np.zeros(n)
    matrix[0, 0] = matrix[-1, -1] = 1.0
    for i in range(1, n - 1):
        matrix[i, i - 1 : i + 2] = [1.0, 4.0, 1.0]
        rhs[i] = 6 * (y[i + 1] - 2 * y[i] + y[i - 1])
    moments = np.linalg.solve(matrix, rhs)
    i = int(x)
    t = x - i
    return (1 - t) * y[i] + t * y[i + 1] + ((1 - t) ** 3 - (1 - t)) * moments[i] / 6 + (t**3 - t) * moments[i + 1] / 6


@program(args=(np.array([0.2, 0.7, 1.1]), np.array([0.4, -0.2, 0.9])), complexable=True)
def divided_differences_in_place(x, y):
    c = y.copy()
    for k in range(1, 3):
        for i in range(2, k - 1, -1):
            c[i] = (c[i] - c[i - 1]) / (x[i] - x[i - k])
    return c[0] + c[1] * (0.5 - x[0]) + c[2] * (0.5 - x[0]) * (0.5 - x[1])


@program(args=(np.array([0.5, 1.0, 0.2]), np.array([0.3, -0.7])))
def convolution_by_loops(signal, kernel):
    out = np.zeros(len(signal) + len(kernel) - 1)
    for i in range(len(signal)):
        for j in range(len(kernel)):
            out[i + j] += signal[i] * kernel[j]
    return out * np.convolve(kernel, signal)


@program(args=(0.7, np.array([0.2, 0.5, 0.9])), complexable=True)
def de_casteljau(t, control):
    points = control.copy()
    while len(points) > 1:
        points = (1 - t) * points[:-1] + t * points[1:]
    return points[0]


@program(args=(2.3, 1.4))
def arithmetic_geometric_mean(a, g):
    while abs(a - g) > 1e-10:
        a, g = (a + g) / 2, math.sqrt(a * g)
    return a


@program(args=(3.9, 1.6), tags="constant_derivative")
def euclid_on_floats(a, b):
    """Subtractive: linear in its arguments while the decisions stay."""
    while b > 0.5:
        a, b = b, a % b
    return a * b


@program(args=(np.array([[0.2, 0.5], [0.7, 0.1]]), 0.3), tags="scan")
def stencil_with_two_buffers(grid, rate):
    old = np.zeros((4, 4))
    old[1:3, 1:3] = grid
    new = old.copy()
    for _ in range(3):
        for i in range(1, 3):
            for j in range(1, 3):
                new[i, j] = old[i, j] + rate * (old[i - 1, j] + old[i + 1, j] + old[i, j - 1] + old[i, j + 1] - 4 * old[i, j])
        old, new = new, old
        old[0] = old[1] ** 2
    return old[1:3, 1:3]


@program(args=(0.5, 0.25, 2.0), complexable=True)
def continued_fraction(a, b, x):
    value = x
    for k in range(8, 0, -1):
        value = x + a * k / (value + b)
    return value


@program(args=(np.array([0.1, 0.4, 0.9, 1.3]), 0.8), complexable=True)
def romberg_triangle(y, h):
    rows = [[h * (y[0] + y[-1]) / 2]]
    for k in range(1, 3):
        step = h / 2**k
        above = rows[-1]
        row = [above[0] / 2 + step * np.sum(np.sin(y[:k] * step))]
        for m in range(1, k + 1):
            row.append(row[m - 1] + (row[m - 1] - above[m - 1]) / (4**m - 1))
        rows.append(row)
    return rows[-1][-1]
