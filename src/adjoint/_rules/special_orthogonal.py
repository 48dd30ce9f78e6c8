"""Rules of `scipy.special`: orthogonal polynomials, Legendre functions, spherical harmonics (18.9.15 to 18.9.30, 14.10)."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special as sc

from adjoint._rules.book import FIXED, Unknown, composite, elementwise, general
from adjoint._rules.domains import ABOVE_ONE, PROBABILITY, REAL, UNIT, Integers, Interval
from adjoint._rules.kinds import weigh
from adjoint._rules.series_hyper import eval_gegenbauer_da, eval_genlaguerre_da, eval_jacobi_da
from adjoint._rules.special_tools import callable_in_rules

DEGREE = Unknown("the derivative in a degree that is not an integer is not implemented")
SECOND = Unknown("the second derivative in the parameters is not implemented")
N = Integers(0, 5)
SHAPE = Interval(-0.4, 3)


def jacobi_slope(n: Any, a: Any, b: Any, x: Any) -> Any:
    """Return ``∂P_n/∂x`` (18.9.15)."""
    return (n + a + b + 1) / 2 * sc.eval_jacobi(n - 1, a + 1, b + 1, x)


def shifted_norm(n: Any, p: Any) -> Any:
    """Return the factor between Jacobi's and the shifted polynomials."""
    return sc.binom(2 * n + p - 1, n)


# fmt: off
elementwise(sc.eval_jacobi,      DEGREE,  lambda y, n, a, b, x: eval_jacobi_da(n, a, b, x),
                                 lambda y, n, a, b, x: (-1.0) ** n * eval_jacobi_da(n, b, a, -x),
                                 lambda y, n, a, b, x: jacobi_slope(n, a, b, x),                      on=(N, SHAPE, SHAPE, UNIT))
elementwise(sc.eval_gegenbauer,  DEGREE,  lambda y, n, a, x: eval_gegenbauer_da(n, a, x),
                                 lambda y, n, a, x: 2 * a * sc.eval_gegenbauer(n - 1, a + 1, x),      on=(N, (0.2, 3), UNIT))
elementwise(sc.eval_genlaguerre, DEGREE,  lambda y, n, a, x: eval_genlaguerre_da(n, a, x),
                                 lambda y, n, a, x: -sc.eval_genlaguerre(n - 1, a + 1, x),            on=(N, SHAPE, REAL))
elementwise(sc.eval_chebyt,      DEGREE,  lambda y, n, x: n * sc.eval_chebyu(n - 1, x),               on=(N, UNIT))
elementwise(sc.eval_chebyu,      DEGREE,  lambda y, n, x: 2 * sc.eval_gegenbauer(n - 1, 2, x),        on=(N, UNIT))
elementwise(sc.eval_chebyc,      DEGREE,  lambda y, n, x: n * sc.eval_chebys(n - 1, x),               on=(N, UNIT))
elementwise(sc.eval_chebys,      DEGREE,  lambda y, n, x: sc.eval_gegenbauer(n - 1, 2, x / 2),        on=(N, UNIT))
elementwise(sc.eval_legendre,    DEGREE,  lambda y, n, x: sc.eval_gegenbauer(n - 1, 1.5, x),          on=(N, UNIT))
elementwise(sc.eval_laguerre,    DEGREE,  lambda y, n, x: -sc.eval_genlaguerre(n - 1, 1, x),          on=(N, REAL))
elementwise(sc.eval_hermite,     FIXED,   lambda y, n, x: 2 * n * sc.eval_hermite(np.maximum(n - 1, 0), x),  on=(N, REAL))
elementwise(sc.eval_hermitenorm, FIXED,   lambda y, n, x: n * sc.eval_hermitenorm(np.maximum(n - 1, 0), x),  on=(N, REAL))
elementwise(sc.eval_sh_legendre, DEGREE,  lambda y, n, x: 2 * sc.eval_gegenbauer(n - 1, 1.5, 2 * x - 1),     on=(N, PROBABILITY))
elementwise(sc.eval_sh_chebyt,   DEGREE,  lambda y, n, x: 2 * n * sc.eval_chebyu(n - 1, 2 * x - 1),   on=(N, PROBABILITY))
elementwise(sc.eval_sh_chebyu,   DEGREE,  lambda y, n, x: 4 * sc.eval_gegenbauer(n - 1, 2, 2 * x - 1),       on=(N, PROBABILITY))
# the shifted ones are P_n^(p-q, q-1)(2x-1) / binom(2n+p-1, n)
elementwise(sc.eval_sh_jacobi,   DEGREE,
            lambda y, n, p, q, x: eval_jacobi_da(n, p - q, q - 1, 2 * x - 1) / shifted_norm(n, p) - y * (sc.psi(2 * n + p) - sc.psi(n + p)),
            lambda y, n, p, q, x: ((-1.0) ** n * eval_jacobi_da(n, q - 1, p - q, 1 - 2 * x) - eval_jacobi_da(n, p - q, q - 1, 2 * x - 1)) / shifted_norm(n, p),
            lambda y, n, p, q, x: 2 * jacobi_slope(n, p - q, q - 1, 2 * x - 1) / shifted_norm(n, p),  on=(N, (2, 4), (0.5, 2), PROBABILITY))
elementwise(eval_jacobi_da,      FIXED, SECOND, SECOND,
            lambda y, n, a, b, x: sc.eval_jacobi(n - 1, a + 1, b + 1, x) / 2 + (n + a + b + 1) / 2 * eval_jacobi_da(np.maximum(n - 1, 0), a + 1, b + 1, x),
            on=(N, SHAPE, SHAPE, UNIT))
elementwise(eval_gegenbauer_da,  FIXED, SECOND,
            lambda y, n, a, x: 2 * sc.eval_gegenbauer(n - 1, a + 1, x) + 2 * a * eval_gegenbauer_da(np.maximum(n - 1, 0), a + 1, x),  on=(N, (0.2, 3), UNIT))
elementwise(eval_genlaguerre_da, FIXED, SECOND,
            lambda y, n, a, x: -eval_genlaguerre_da(np.maximum(n - 1, 0), a + 1, x),                  on=(N, SHAPE, REAL))
composite(sc.assoc_laguerre,     lambda x, n, k=0.0: sc.eval_genlaguerre(n, k, x),                    on=(REAL, N, Integers(0, 3)))

# --- Legendre functions: dP/dx sqrt(1-x²) = -(P^(m+1) - (v+m)(v-m+1) P^(m-1))/2, without cancellation at the ends (14.10.1, 14.10.5)
elementwise(sc.lpmv,             FIXED, DEGREE,
            lambda y, m, v, x: -(sc.lpmv(m + 1, v, x) - (v + m) * (v - m + 1) * sc.lpmv(m - 1, v, x)) / (2 * np.sqrt(1 - x * x)),
            on=(Integers(0, 3), (0.2, 4), UNIT))
# fmt: on


def tower(function: Any, position: int, on: Any) -> None:
    """Enter a function that stacks its own derivatives up to ``diff_n`` along the first axis: drop the first of one more."""

    def next_ones(args: Any, diff_n: int, options: Any) -> Any:
        return twin(*args, diff_n=diff_n + 1, **options)[1:]

    def jvp(y: Any, t: Any, *args: Any, diff_n: int = 0, **options: Any) -> Any:
        return weigh(next_ones(args, diff_n, options), t)

    def vjp(y: Any, ct: Any, *args: Any, diff_n: int = 0, **options: Any) -> Any:
        return weigh(np.conj(next_ones(args, diff_n, options)), ct)

    fixed = (FIXED,) * position
    general(function, *fixed, jvp, vjp=(*fixed, vjp), on=on)
    twin = callable_in_rules(function)


# fmt: off
tower(sc.legendre_p,           1, on=(N, UNIT))
tower(sc.legendre_p_all,       1, on=(N, UNIT))
tower(sc.assoc_legendre_p,     2, on=(Integers(2, 5), Integers(0, 2), UNIT))
tower(sc.assoc_legendre_p_all, 2, on=(Integers(2, 5), Integers(0, 2), UNIT))
tower(sc.sph_legendre_p,       2, on=(Integers(2, 5), Integers(0, 2), ABOVE_ONE))
tower(sc.sph_legendre_p_all,   2, on=(Integers(2, 5), Integers(0, 2), ABOVE_ONE))
# fmt: on


def harmonic(function: Any) -> None:
    """Enter ``f(n, m, theta, phi, diff_n=k)``: the k-th derivatives have k axes of length 2 at the end."""

    def partials(args: Any, diff_n: int, axis: int) -> tuple[Any, ...]:
        higher = twin(*args, diff_n=diff_n + 1)
        return tuple(part[..., axis] for part in higher[1:])

    def spread(t: Any, k: int) -> Any:
        return np.expand_dims(t, tuple(range(-k, 0))) if k else t

    def jvp(axis: int) -> Any:
        def push(y: Any, t: Any, *args: Any, diff_n: int = 0) -> Any:
            parts = tuple(weigh(p, spread(t, k)) for k, p in enumerate(partials(args, diff_n, axis)))
            return parts if diff_n else parts[0]

        return push

    def vjp(axis: int) -> Any:
        def pull(y: Any, ct: Any, *args: Any, diff_n: int = 0) -> Any:
            cts = ct if diff_n else (ct,)
            parts = zip(partials(args, diff_n, axis), cts, strict=True)
            terms = ((k, weigh(np.conj(p), c)) for k, (p, c) in enumerate(parts) if c is not None)
            return sum((np.sum(term, tuple(range(-k, 0))) if k else term for k, term in terms), 0.0)

        return pull

    on = (Integers(2, 4), Integers(0, 2), ABOVE_ONE, REAL)
    general(function, FIXED, FIXED, jvp(0), jvp(1), vjp=(FIXED, FIXED, vjp(0), vjp(1)), on=on)
    twin = callable_in_rules(function)


harmonic(sc.sph_harm_y)
harmonic(sc.sph_harm_y_all)
