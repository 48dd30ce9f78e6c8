"""Arithmetic: kinks, exponents, parts of complex numbers, several results, and the options of ufuncs."""

from __future__ import annotations

import numpy as np

from tests.rules.case import Case

X = np.array([[0.7, -1.2, 2.5], [-0.4, 1.9, -2.2]])
P = np.array([[0.7, 1.2, 2.5], [0.4, 1.9, 2.2]])
R = np.array([0.5, -1.5, 2.0])
Z = X + 1j * X[::-1]
INTEGERS = np.array([3, -2, 0])


def into_buffer(x):
    out = np.empty((2, 3))
    np.multiply(x, x, out=out)
    return np.sin(out)


def into_itself(x):
    y = 1 * x
    np.exp(y, out=y)
    return y * x


def where_positive(x):
    return np.log(x, out=np.zeros_like(x), where=x > 0)


def where_without_out(x):
    return np.sqrt(x, where=x > 0, out=None) * (x > 0)


def add_at(x):
    y = 2 * x
    np.add.at(y, np.array([0, 1, 0]), x**2)
    return y


def multiply_at_in_buffer(x):
    y = np.ones(4)
    np.multiply.at(y, [2, 2, 0], x)
    return y


CASES = [
    Case(np.power, (X, 2), name="square"),
    Case(np.power, (X, 3), name="integer exponent, negative base", complexable=True),
    Case(np.power, (X, INTEGERS), name="array of integer exponents"),
    Case(np.power, (P, R), name="both"),
    Case(np.power, (2.0, R), name="constant base"),
    Case(lambda x: x**-1, (P,), name="operator"),
    Case(lambda x: x**0, (np.array([0.0, 1.0, -2.0]),), name="zeroth power"),
    Case(lambda x: x**2, (np.array([0.0, 1.0, -2.0]),), name="square at 0"),
    Case(lambda x: x ** np.array([2, 1, 3]), (np.zeros(3),), name="powers at 0"),
    Case(lambda n: 0.0**n, (np.array([1.5, 2.0]),), name="powers of 0"),
    Case(lambda x: 2**x, (R,), name="reflected operator"),
    Case(np.float_power, (P, 2.5), float32=False),
    Case(np.divmod, (X, np.array([0.8, 0.9, 1.3]))),
    Case(lambda a, b: divmod(a, b)[1], (X, np.array([0.8, 0.9, 1.3])), name="divmod of Python"),
    Case(np.modf, (X,)),
    Case(np.frexp, (X,)),
    Case(np.ldexp, (X, np.array([1, 2, -3]))),
    Case(np.abs, (Z,), name="complex", float32=False),
    Case(np.sign, (Z,), name="complex", float32=False),
    Case(np.sign, (X,), name="real"),
    Case(np.conj, (Z,)),
    Case(np.real, (Z,)),
    Case(np.imag, (Z,)),
    Case(np.imag, (X,), name="of real numbers"),
    Case(lambda z: z.real * z.imag, (Z,), name="attributes"),
    Case(np.angle, (Z,)),
    Case(np.angle, (Z,), {"deg": True}, name="degrees"),
    Case(np.angle, (X,), name="of real numbers"),
    Case(lambda x: np.real_if_close(x + 0j), (X,), name="close"),
    Case(np.real_if_close, (Z,), name="not close"),
    Case(lambda z: np.abs(z) ** 2, (3 + 4j,), name="number"),
    Case(np.clip, (X, -1.0, 1.5)),
    Case(np.clip, (X, None, 1.5), name="upper bound"),
    Case(np.clip, (X, np.array([-1.0, -0.5, 0.1]), np.array([[1.0], [1.7]])), name="arrays of bounds"),
    Case(np.clip, (X,), {"min": -1.0}, name="keyword"),
    Case(lambda x: x.clip(-1, 1), (X,), name="method"),
    Case(np.nan_to_num, (np.array([1.5, np.nan, -2.0]),), order=1),
    Case(np.nan_to_num, (Z,), name="complex"),
    Case(np.maximum, (X, R)),
    Case(np.fmax, (X, np.array([np.nan, 0.1, 1.0])), order=1, name="of nan"),
    Case(np.hypot, (X, R)),
    Case(np.copysign, (X, R)),
    Case(np.heaviside, (X, 0.5)),
    Case(np.add, (X, np.zeros((0, 2, 3))), name="size 0"),
    Case(np.multiply, (1.5, np.ones((1, 1))), name="size 1"),
    Case(np.add, (X, R), {"dtype": float}, name="dtype", float32=False),
    Case(into_buffer, (X,), name="out", float32=False),
    Case(into_itself, (X,), name="out in place"),
    Case(where_positive, (X,), name="where and out"),
    Case(where_without_out, (X,), name="where"),
    Case(add_at, (R,), name="at"),
    Case(multiply_at_in_buffer, (R,), name="at in a buffer", float32=False),
    Case(np.multiply.outer, (X, R), name="outer"),
    Case(np.subtract.outer, (R, 2.0), name="outer with a number"),
    Case(np.subtract.reduce, (X,), {"axis": 1}, name="reduce"),
    Case(np.hypot.reduce, (X,), {"axis": None, "keepdims": True}, name="reduce"),
    Case(np.hypot.reduce, (X,), {"axis": (0, 1), "where": X > 0}, name="reduce where"),
    Case(np.logaddexp.reduce, (X,), name="reduce"),
    Case(np.logaddexp.reduce, (X,), {"axis": 1, "keepdims": True, "where": X > -1}, name="reduce where"),
    Case(np.logaddexp.reduce, (X,), {"axis": None, "initial": 0.3}, name="reduce initial"),
    Case(np.logaddexp2.reduce, (X,), {"axis": -1}, name="reduce"),
    Case(np.logaddexp.accumulate, (X,), {"axis": 1}, name="accumulate"),
    Case(np.maximum.accumulate, (X,), {"axis": 0}, name="accumulate"),
    Case(np.add.accumulate, (X,), {"axis": 1}, name="accumulate"),
    Case(np.multiply.accumulate, (X,), {"axis": 1}, name="accumulate"),
    Case(np.add.reduceat, (X, [0, 2, 1]), {"axis": 1}, name="reduceat"),
    Case(np.multiply.reduceat, (R, [0, 1]), name="reduceat"),
    Case(np.maximum.reduce, (X,), {"initial": 0.0, "axis": 1}, name="reduce initial"),
    Case(np.add.reduce, (X,), {"axis": (0, 1), "keepdims": True}, name="reduce"),
]
