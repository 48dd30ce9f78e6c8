"""Python's own numbers: math, float(), int(), isinstance, and the built-in functions."""

from __future__ import annotations

import cmath
import math
import statistics
from collections.abc import Iterable

import numpy as np

from tests.programs.registry import program


@program(args=(0.6, 1.3))
def math_elementary(x, y):
    total = math.sin(x) * math.cos(y) + math.tan(x) + math.exp(-x) + math.log(y) + math.sqrt(x * y)
    total += math.asin(x) + math.acos(x * 0.5) + math.atan(y) + math.atan2(x, y)
    total += math.sinh(x) + math.cosh(y) + math.tanh(x) + math.asinh(y) + math.acosh(y) + math.atanh(x)
    return total


@program(args=(0.6, 1.3))
def math_special(x, y):
    total = math.erf(x) + math.erfc(y) + math.gamma(y) + math.lgamma(x) + math.expm1(x) + math.log1p(y)
    total += math.log2(y) + math.log10(x) + math.log(y, 3) + math.exp2(x) + math.cbrt(y)
    return total + math.hypot(x, y, 1.0) + math.dist((x, 0.0), (y, x)) + math.pow(x, y)


@program(args=(0.6, -1.3))
def math_sums_and_pieces(x, y):
    total = math.fsum([x, y, x * y]) * math.prod([x, y, 2])
    total += math.fabs(y) + math.copysign(x, y) + math.fmod(5 * x, 1.7) + math.degrees(x) / 100 + math.radians(y)
    fraction, whole = math.modf(3.3 * x)
    total += fraction * whole + math.floor(y) + math.ceil(x) + math.trunc(x * 4) * x
    mantissa, exponent = math.frexp(x)
    return total + math.ldexp(mantissa, exponent + 1) + math.isfinite(x) + math.remainder(x, 0.35)


@program(args=(0.6, -1.3))
def builtins_of_numbers(x, y):
    total = abs(y) + pow(x, 2) + pow(x, 0.5) + pow(2, x)
    quotient, remainder = divmod(7 * x, 1.6)
    total += quotient * x + remainder**2 + (5 * x) // 2 * y + (5 * x) % 2
    total += round(x * 10) * y + max(x, y, 0.1) + min([x, y, 2.0]) ** 2
    return total + sum([x, y], start=x) + max(x, y, key=abs)


@program(args=(0.61, 1.3), step=0.001)
def rounding_is_constant(x, y):
    return round(x, 2) * y + round(y) * x + math.floor(10 * x) * y + int(7 * y) * x**2


@program(args=(0.6, 1.3))
def float_and_np_float64(x, y):
    a = float(x) ** 2
    b = np.float64(y) * a
    c = float(np.float64(x) * 2)
    d = float("1.5") * float(3)
    return a + b + c * d + float(np.sin(y)) + float(np.array([x, y])[1])


@program(args=(np.array([0.5, 1.5, 2.5]), 1.37))
def int_as_index(table, x):
    i = int(x)
    w = x - i
    j = min(int(np.floor(2 * x)), 1)
    k = int(round(x))
    return (1 - w) * table[i] + w * table[i + 1] + table[j] * table[k] + range(5)[i] * x


@program(args=(0.7, np.array([0.4, 0.8])))
def isinstance_checks(x, a):
    def magnitude(value):
        if isinstance(value, np.ndarray):
            return np.sqrt(np.sum(value**2))
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return value * 3
        raise TypeError(type(value))

    total = magnitude(x) + magnitude(a) + magnitude(2) * x
    total += np.isscalar(x) + np.ndim(a) + (a.dtype == np.float64) * x + a.shape[0] + np.size(a) + a.ndim + len(a)
    if isinstance(a[0], float) and isinstance(x, float) and type(a) is np.ndarray and callable(magnitude):
        total *= x
    return total


@program(args=(np.array([0.9, -0.4, 0.3, 1.2]),), complexable=True)
def sorted_max_min_by_key(a):
    ordered = sorted(a)
    backwards = sorted(a, key=lambda v: -(v**2))
    pairs = sorted((v**2, i) for i, v in enumerate(a))
    best = max(range(len(a)), key=lambda i: a[i])
    return ordered[0] * backwards[1] + pairs[-1][0] * best + min(a) * max(a) + sum(a) + list(a)[2]


@program(args=(0.9, 1.6))
def hypot_chain_and_comparisons(x, y):
    flags = [x < y, x <= y, x == y, x != y, x > y, x >= y]
    weight = sum(flags)
    assert math.isclose(x, x) and not math.isnan(y) and (x == x) is not False
    return weight * x + math.hypot(x, y) * bool(x) + (x if flags[0] else y) ** 2


@program(args=(0.9, 1.6))
def strings_of_values(x, y):
    """Printing and formatting look at values and change nothing."""
    lines = [f"{x:.3f}", "%g" % y, str(x), repr(y), "{:8.2e}".format(x * y), format(y, ".1f")]
    width = sum(len(line) for line in lines[:1])
    return width * x * y


@program(args=(0.9, 1.6))
def complex_scalars(x, y):
    z = complex(x, y)
    w = z * z.conjugate() + cmath.exp(1j * x) * z
    w = w / (1 + 2j) + z**2 - 1j * y
    return w.real * w.imag + abs(z)


@program(args=(np.array([0.9, -0.4, 0.3]),))
def standard_library_statistics(a):
    values = a.tolist()
    centre = statistics.fmean(values)
    return centre**2 + math.sumprod(values, values) if hasattr(math, "sumprod") else centre**2 + sum(v * v for v in values)


@program(args=(1.3,), complexable=True)
def integer_arithmetic_beside(x):
    n = 10
    bits = (n >> 1) | 1 ^ 2 & 7
    quotient, remainder = divmod(n, 3)
    big = 2**70
    return x ** (bits % 3) * quotient + remainder * x / n + math.factorial(5) * x + math.comb(4, 2) * x * (big / 2**70)


@program(args=(1.3, 0.4), complexable=True)
def powers_of_all_kinds(x, y):
    return np.array([x**2, x**-1, x**0.5, x**0, 2**x, x**y, (-x) ** 3, np.e**y, x ** np.int64(2), np.float64(2.0) ** y, 1**x])


@program(args=(1.3, 0.4))
def numpy_scalars_and_zero_dim(x, y):
    a = np.float64(2.0)
    b = np.array(3.0)
    c = a * x + b * y + np.int32(2) * x
    d = np.sqrt(x) * b - a / y
    return c * d + x * b[()] + np.float64(y).item() * np.asarray(x).sum()


def _kind(a):
    kind = 1.0
    if isinstance(a, Iterable):
        kind += 1
    if hasattr(a, "__len__"):
        kind += 2
    if getattr(a, "ndim", None) == 1 and a.base is None:
        kind += 4
    return kind


@program(args=(np.array([0.3, 0.8]), 1.7))
def questions_about_what_a_value_is(x, y):
    whole = x * 1
    part = whole[:1]
    return whole * _kind(whole) + part * _kind(part) + x[0] * _kind(x[0]) + y * _kind(y)
