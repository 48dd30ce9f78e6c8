"""Polynomials of `adjoint._backend.native.elementary`: how their coefficients were made.

``python -m benchmarks.elementary_coefficients`` prints the module ``tables``, with the largest error of each polynomial.

Each polynomial minimises the largest weighted error over an interval.
We find it with the exchange algorithm of Remez (1934): solve for coefficients and level so that the error alternates
at n + 2 points, move the points to the extrema of the error, and repeat until the extrema agree.
All this is done with 60 digits.  Then the first coefficient is rounded to a double and the others are found anew, to make up
for that, and so on with the second and third.
"""

from collections.abc import Callable
from dataclasses import dataclass

from mpmath import MPContext, mpf

mp = MPContext()  # our own: the precision of mpmath.mp is for others to choose
mp.dps = 60
number = mp.mpf

Function = Callable[[mpf], mpf]


@dataclass(frozen=True)
class Fit:
    """A polynomial with ``count`` coefficients for ``f`` on ``[low, high]``; errors are multiplied by ``weight``."""

    formula: str
    interval: str
    f: Function
    low: mpf
    high: mpf
    count: int
    weight: Function = lambda _: number(1)


def value(coefficients, x):
    """Return the polynomial's value: the constant coefficient comes first."""
    total = number(0)
    for c in reversed(coefficients):
        total = total * x + c
    return total


def extrema(error: Function, low: mpf, high: mpf, count: int):
    """Return ``count`` points where ``error`` alternates in sign and is largest in between."""
    steps = 40 * count
    grid = [(low + high) / 2 - (high - low) / 2 * mp.cos(mp.pi * i / steps) for i in range(steps + 1)]
    found = []
    for x in grid:
        e = error(x)
        if found and (e > 0) == (found[-1][1] > 0):
            if abs(e) > abs(found[-1][1]):
                found[-1] = (x, e)
        else:
            found.append((x, e))
    while len(found) > count:  # one too many lies at an end
        del found[0 if abs(found[0][1]) < abs(found[-1][1]) else -1]
    return found


def remez(fit: Fit):
    """Return the coefficients, lowest power first."""
    n = fit.count
    middle, half = (fit.low + fit.high) / 2, (fit.high - fit.low) / 2
    points = [middle - half * mp.cos(mp.pi * (2 * i + 1) / (2 * n + 2)) for i in range(n + 1)]
    coefficients: list[mpf] = []

    def error(x):
        return (value(coefficients, x) - fit.f(x)) * fit.weight(x)

    for _ in range(12):
        rows = [[x**j for j in range(n)] + [(-1) ** i / fit.weight(x)] for i, x in enumerate(points)]
        solution = mp.lu_solve(mp.matrix(rows), mp.matrix([fit.f(x) for x in points]))
        coefficients = [solution[j] for j in range(n)]
        peaks = extrema(error, fit.low, fit.high, n + 1)
        if len(peaks) < n + 1:
            break
        points = [x for x, _ in peaks]
        sizes = [abs(e) for _, e in peaks]
        if max(sizes) < number("1.01") * min(sizes):
            break
    return coefficients


def rounded(fit: Fit):
    """Return the coefficients as doubles, and the largest weighted error."""
    fixed: list[float] = []
    if fit.low == 0:  # elsewhere the first coefficients are no larger than the others

        def rest(x):
            return (fit.f(x) - value(fixed, x)) / x ** len(fixed)

        for power in range(3):
            weight = lambda x, n=power: fit.weight(x) * x**n
            left = Fit(fit.formula, fit.interval, rest, fit.high / 1000, fit.high, fit.count - power, weight)
            fixed.append(float(remez(left)[0]))
        left = Fit(fit.formula, fit.interval, rest, fit.high / 1000, fit.high, fit.count - 3, lambda x: fit.weight(x) * x**3)
    else:
        left = fit
    coefficients = fixed + [float(c) for c in remez(left)]
    points = extrema(lambda x: (value(coefficients, x) - fit.f(x)) * fit.weight(x), fit.low, fit.high, fit.count + 1)
    return coefficients, max(abs(e) for _, e in points)


def scaled_erfc(x: mpf) -> mpf:
    """Return ``exp(x²) erfc(x)``."""
    return mp.exp(x * x) * mp.erfc(x)


def leading_erfc(w: mpf) -> mpf:
    """Return ``((1 + 2x) exp(x²) erfc(x) - 1) / w``, where ``w = 1 + t`` and ``t = (x - A) / (x + A)``."""
    x = A * w / (2 - w)
    return ((1 + 2 * x) * scaled_erfc(x) - 1) / w


def near(f: Function, limit) -> Function:
    """Return ``f``, but ``limit`` at and next to zero, where its formula divides by zero or cancels."""
    return lambda x: number(limit) if abs(x) < number(10) ** -18 else f(x)


R = mp.log(2) / 2 * number("1.0001")  # arguments that are left after a multiple of ln 2 is taken away
TINY = number(10) ** -9  # keeps a weight from being zero where the weighted error is

Q = mp.pi / 4 * number("1.0001")  # and after a multiple of π/2
S = (mp.sqrt(2) - 1) / (mp.sqrt(2) + 1) * number("1.0001")  # (m - 1)/(m + 1), where √½ ≤ m ≤ √2
A, B = number("3.5"), number("2.5")
ZERO = number(0)

# z is a square: of r, of s, or of the argument itself.
FITS = {
    "EXP": Fit(
        "(exp(r) - 1 - r) / r²", "|r| ≤ ½ ln 2",
        near(lambda r: (mp.exp(r) - 1 - r) / r**2, 0.5), -R, R, 11, lambda r: r**2 / mp.exp(r) + TINY,
    ),
    "COSH": Fit(
        "(cosh(r) - 1) / z, z = r²", "|r| ≤ ½ ln 2",
        near(lambda z: (mp.cosh(mp.sqrt(z)) - 1) / z, 0.5), ZERO, R**2, 5, lambda z: z + TINY,
    ),
    "SINH": Fit(
        "(sinh(r) / r - 1) / z, z = r²", "|r| ≤ ½ ln 2",
        near(lambda z: (mp.sinh(mp.sqrt(z)) / mp.sqrt(z) - 1) / z, number(1) / 6), ZERO, R**2, 5, lambda z: z + TINY,
    ),
    "LOG": Fit(
        "(2 atanh(s) / s - 2) / z, z = s²", "s = (m - 1) / (m + 1), √½ ≤ m ≤ √2",
        near(lambda z: 2 * (mp.atanh(mp.sqrt(z)) / mp.sqrt(z) - 1) / z, number(2) / 3), ZERO, S**2, 7, lambda z: z + TINY,
    ),
    "LOG_TAIL": Fit(
        "(2 atanh(s) / s - 2 - 2/3 z) / z², z = s²", "s = (m - 1) / (m + 1), √½ ≤ m ≤ √2",
        near(lambda z: (2 * (mp.atanh(mp.sqrt(z)) / mp.sqrt(z) - 1) / z - number(2) / 3) / z, number(2) / 5),
        ZERO, S**2, 8, lambda z: z**2 + TINY,
    ),
    "SIN": Fit(
        "(sin(r) / r - 1) / z, z = r²", "|r| ≤ ¼ π",
        near(lambda z: (mp.sin(mp.sqrt(z)) / mp.sqrt(z) - 1) / z, -number(1) / 6), ZERO, Q**2, 6, lambda z: z + TINY,
    ),
    "COS": Fit(
        "(cos(r) - 1 + z/2) / z², z = r²", "|r| ≤ ¼ π",
        near(lambda z: (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2, number(1) / 24), ZERO, Q**2, 6, lambda z: z**2 + TINY,
    ),
    "ARCSIN": Fit(
        "(arcsin(x) / x - 1) / z, z = x²", "|x| ≤ ½",
        near(lambda z: (mp.asin(mp.sqrt(z)) / mp.sqrt(z) - 1) / z, number(1) / 6), ZERO, number("0.25"), 13, lambda z: z + TINY,
    ),
    "ARCTAN": Fit(
        "(arctan(x) / x - 1) / z, z = x²", "|x| ≤ 1",
        near(lambda z: (mp.atan(mp.sqrt(z)) / mp.sqrt(z) - 1) / z, -number(1) / 3), ZERO, number(1), 20, lambda z: z + TINY,
    ),
    "ARCTANH": Fit(
        "(arctanh(s) / s - 1) / z, z = s²", "|s| ≤ 0.21",
        near(lambda z: (mp.atanh(mp.sqrt(z)) / mp.sqrt(z) - 1) / z, number(1) / 3),
        ZERO, number("0.0445"), 8, lambda z: z + TINY,
    ),
    "CBRT": Fit(
        "1 / cbrt(m), a first guess", "½ ≤ m ≤ 4",
        lambda m: m ** (-number(1) / 3), number("0.5"), number(4), 6, lambda m: m ** (number(1) / 3),
    ),
    "ERF": Fit(
        "erf(x) / x - 1, z = x²", "|x| ≤ 1",
        near(lambda z: mp.erf(mp.sqrt(z)) / mp.sqrt(z) - 1, 2 / mp.sqrt(mp.pi) - 1), ZERO, number(1), 13,
    ),
    "ERFC": Fit(
        "((1 + 2x) exp(x²) erfc(x) - 1) / (1 + t), a polynomial in t = (x - 3.5) / (x + 3.5)", "0 ≤ x ≤ 27.5",
        lambda t: near(leading_erfc, A * (1 - 1 / mp.sqrt(mp.pi)))(1 + t),
        number(-1), number(24) / 31, 23, lambda t: 1 + t + TINY,
    ),
    "ERF_TAIL": Fit(
        "exp(x²) erfc(x), a polynomial in x - 2.5; the error is that of erfc(x)", "1 ≤ x ≤ 6",
        lambda u: scaled_erfc(u + B), 1 - B, 6 - B, 22, lambda u: mp.exp(-((u + B) ** 2)),
    ),
}  # fmt: skip

HEAD = '''"""Coefficients of polynomials, the constant one first; printed by ``python -m benchmarks.elementary_coefficients``.

``z`` is a square, and the error is the largest one of the function that the polynomial is part of, over its interval.
"""
'''


def main():
    """Print the module of tables."""
    print(HEAD)
    for name, fit in FITS.items():
        coefficients, error = rounded(fit)
        print(f"# {fit.formula}, {fit.interval}: error 2^{float(mp.log(error, 2)):.0f}")
        print(f"{name} = (")
        for c in coefficients:
            print(f"    {c!r},")
        print(")")


if __name__ == "__main__":
    main()
