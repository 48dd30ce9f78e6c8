"""Use of NumPy's own functions, through the plain namespace and through methods."""

from __future__ import annotations

import numpy as np
import numpy.linalg as la
from numpy import concatenate, exp, zeros
from numpy.fft import irfft, rfft

from tests.programs.registry import program

VECTOR = np.array([0.5, -0.3, 1.2, 0.8])
MATRIX = np.array([[0.5, -0.3, 1.2], [0.8, 0.1, -0.7]])
SQUARE = np.array([[2.0, 0.3], [-0.4, 1.5]])


@program(args=(MATRIX, np.array([0.4, 0.9])), complexable=True)
def einsum_and_matmul(m, v):
    return np.einsum("ij,i,kj->k", m, v, m) + v @ m @ m.T + np.dot(m, m[0]) + np.tensordot(m, m, 2) + np.inner(m, m)[0]


@program(args=(VECTOR,), complexable=True)
def where_clip_maximum(a):
    b = np.where(a > 0.6, a**2, -a)
    return np.clip(b, -0.4, 0.7) + np.maximum(a, 0.0) * np.minimum(a, 0.9) + np.abs(a) + np.fmax(a, 0.1) + np.sign(a) * a


@program(args=(VECTOR,))
def safe_where(a):
    """The branch not taken is infinite or not a number."""
    with np.errstate(all="ignore"):
        return np.where(a > 0, np.log(np.where(a > 0, a, 1.0)), 0.0) + np.where(a > 0, np.sqrt(np.abs(a)), a)


@program(args=(VECTOR,), complexable=True)
def cumulative(a):
    return (
        np.cumsum(a) * np.cumprod(a) + np.diff(a, prepend=0.0) + np.gradient(a) + np.flip(np.roll(a, 1)) + np.ediff1d(a).sum()
    )


@program(args=(SQUARE, np.array([0.5, 1.0])))
def linear_algebra(a, b):
    x = la.solve(a, b)
    symmetric = a @ a.T
    values, vectors = la.eigh(symmetric)
    sign, logdet = la.slogdet(a)
    return x + la.inv(a) @ b + la.norm(b) * la.det(a) + np.trace(a) + values * logdet + sign * vectors[:, 0] ** 2 + la.norm(a)


@program(args=(MATRIX,))
def svd_pinv_lstsq_qr(m):
    s = la.svd(m, compute_uv=False)
    q, r = la.qr(m.T)
    return (
        la.pinv(m).sum() + s.prod() + np.abs(r).sum() + la.matrix_power(m @ m.T, 3)[0, 1] + (q**2)[0, 0] + la.cond(m @ m.T) / 10
    )


@program(args=(VECTOR,))
def sorting_and_order(a):
    order = np.argsort(a)
    return (
        np.sort(a) * a[order]
        + a.max() * a.min()
        + np.median(a)
        + np.partition(a, 2)[2]
        + np.ptp(a)
        + a[np.argmax(a)]
        + np.percentile(a, 30)
    )


@program(args=(VECTOR, 0.7), complexable=True)
def joining_and_splitting(a, x):
    b = concatenate([a[:2], np.array([x]), a[2:] ** 2])
    c = np.stack([b, b * 2], axis=1)
    d = np.hstack([c, np.ones((5, 1))])
    e = np.vstack((d, np.full((1, 3), x)))
    u, v = np.array_split(e.ravel(), 2)
    return (
        np.tile(u[:2], 2) * np.repeat(v[:2], 2) + np.block([a[:2], v[1:3]]) + np.pad(a[1:3], 1) + np.column_stack([a, a])[:, 1]
    )


@program(args=(VECTOR,), complexable=True)
def shapes_and_axes(a):
    m = a.reshape(2, 2)
    c = np.transpose(m[:, None, :], (2, 0, 1))
    d = np.swapaxes(c, 0, 2).squeeze()
    e = np.broadcast_to(d[..., None], (*d.shape, 3))
    return np.sum(e, axis=(0, -1)) * m.mean(axis=0) + np.rot90(m)[0] + np.atleast_2d(a)[0, :2] + m.T.flatten()[1:3]


@program(args=(MATRIX,))
def reductions(m):
    return (
        m.sum()
        + m.mean(axis=1) * m.prod(axis=1)
        + np.var(m, axis=1)
        + np.average(m, axis=1, weights=[1.0, 2.0, 3.0])
        + m.cumsum(axis=1)[:, 1]
    )


@program(args=(MATRIX,))
def standard_deviations_and_norms(m):
    return (
        m.std(axis=1, ddof=1)
        + la.norm(m, axis=1)
        + la.norm(m, 1) * la.norm(m, np.inf)
        + np.hypot(m[:, 0], m[:, 1])
        + m.max(axis=1)
        + np.nansum(m)
    )


@program(args=(0.65, np.array([0.2, 0.9, 0.4])))
def interpolation(x, y):
    grid = np.array([0.0, 0.5, 1.0])
    return np.interp(x, grid, y) ** 2 + np.interp([0.1, 0.8], grid, y) * np.trapezoid(y, grid)


@program(args=(VECTOR,), complexable=True)
def elementwise_functions(a):
    return (
        np.sin(a) * np.exp(-a)
        + np.tanh(a) / (2 + np.cos(a))
        + np.log(2 + a)
        + np.sqrt(1.5 + a)
        + np.square(a)
        + np.reciprocal(2 + a)
        + np.expm1(a)
        + np.log1p(a)
        + np.arctan(a)
        + np.sinh(a)
    )


@program(args=(np.array([0.5, -0.3]), np.array([0.9, 0.4, 1.5])), complexable=True)
def broadcasting(a, b):
    table = a[:, None] * b + b / (2 + a.reshape(-1, 1))
    centred = table - table.mean(axis=0)
    return centred**2 + (a * 1.0)[:, np.newaxis] + 1


@program(args=(VECTOR,))
def fourier_filter(a):
    spectrum = rfft(a)
    spectrum[-1] = 0
    smooth = irfft(spectrum * np.exp(-np.arange(3)), n=4)
    return smooth * np.abs(np.fft.fft(a)) ** 2


@program(args=(VECTOR, 0.4))
def names_imported_directly(a, x):
    b = zeros(4)
    b[:2] = exp(a[:2])
    b[2:] = x * la.norm(a[2:])
    return concatenate([b, a]).sum() * x


@program(args=(VECTOR,), complexable=True)
def ufunc_methods(a):
    return (
        np.add.reduce(a) * np.multiply.accumulate(a)
        + np.subtract.outer(a, a).sum(axis=1) * a
        + np.maximum.reduce(a)
        + np.add.reduceat(a, [0, 2]).prod()
    )


@program(args=(VECTOR,), complexable=True)
def take_choose_select(a):
    picked = np.take(a, [2, 0, 1, 2]) + np.take_along_axis(a, np.array([3, 2, 1, 0]), axis=0)
    chosen = np.select([a < 0, a > 1], [a**2, np.exp(a)], default=a)
    return (
        picked * chosen
        + np.choose([0, 1, 0, 1], [a, a**3])
        + np.compress([True, False, True, True], a).sum()
        + np.extract(a > 0, a).prod()
    )


@program(args=(MATRIX,), complexable=True)
def triangles_and_diagonals(m):
    s = m @ m.T
    return (
        np.tril(s)
        + np.triu(s, 1) ** 2
        + np.diag(np.diag(s))
        + np.kron(m[0, :2], m[1, :2]).reshape(2, 2)
        + np.outer(m[:, 0], m[:, 1])
    )


@program(args=(np.array([0.5, -0.3, 0.9]), np.array([0.2, 0.8, -0.4])))
def cross_products_and_polynomials(a, b):
    return (
        np.cross(a, b)
        + np.convolve(a, b)[1:4]
        + np.polyval(a, b)
        + np.vander(a, 3)[:, 0]
        + np.correlate(a, b)
        + np.vdot(a, a.copy()) * 0
    )


@program(args=(VECTOR,))
def python_loops_over_methods(a):
    b = a.copy()
    for _ in range(2):
        b = (b.clip(-1, 1) ** 2).cumsum().round(12) if False else b.clip(-1, 1) * b.dot(a)
    return (
        b.take([0, 3])
        + b.repeat(2)[1:3]
        + b.reshape(2, -1).transpose().ravel()[:2]
        + b.astype(float)[:2]
        + b.max() * b.argmax()
    )


@program(args=(VECTOR,))
def vectorize_apply_fromiter(a):
    kernel = np.vectorize(lambda v: v**2 if v > 0 else 3 * v)
    rows = np.apply_along_axis(lambda r: r / (1 + r @ r), 1, a.reshape(2, 2))
    gathered = np.fromiter((v * 2 for v in a), dtype=float)
    made = np.fromfunction(lambda i: a[0] * i, (4,))
    return kernel(a) + rows.ravel() + gathered + made


@program(args=(0.5, 2.5), complexable=True)
def ranges_of_values(low, high):
    return (
        np.linspace(low, high, 4) ** 2
        + np.arange(4) * low
        + np.geomspace(low, high, 4)
        + np.full(4, high) * np.logspace(0, low, 4)
    )


@program(args=(np.array([0.9, 0.4]),), complexable=True)
def meshgrid_and_index_tricks(a):
    x, y = np.meshgrid(a, a**2)
    stacked = np.r_[a, 1.0, a[::-1]]
    columns = np.c_[a, a * 2]
    rows, cols = np.ix_([0, 1], [1, 0])
    return (x * y + columns[rows, cols]).ravel() * stacked[:4]
