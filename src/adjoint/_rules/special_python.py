"""Rules of `scipy.special`: functions written in Python over the others."""

from __future__ import annotations

from math import comb
from typing import Any

import numpy as np
import scipy.special as sc

from adjoint._rules.book import FIXED, Unknown, composite, general
from adjoint._rules.domains import ABOVE_ONE, POSITIVE, REAL, Integers, Interval
from adjoint._rules.kinds import weigh
from adjoint._rules.special_tools import several
from adjoint.errors import MissingRuleError

PAIRS = Unknown("the derivative in the order of a whole sequence of functions is not implemented")


# --- sums of exponentials -------------------------------------------------------------------------------------------------------
def _weights(y: Any, a: Any, axis: Any, keepdims: bool, return_sign: bool) -> Any:
    """Return ``sign exp(a - y)``, the derivative of ``log|Σ b exp(a)|`` in ``b``."""
    y, sign = y if return_sign else (y, 1.0)
    if not keepdims:
        axes = tuple(range(np.ndim(a))) if axis is None else axis
        y, sign = np.expand_dims(y, axes), np.expand_dims(sign, axes) if return_sign else sign
    return sign * np.exp(a - np.where(np.isfinite(y), y, 0))


def _logsumexp(in_b: bool) -> tuple[Any, Any]:
    def partial(y: Any, a: Any, axis: Any, b: Any, keepdims: bool, return_sign: bool) -> Any:
        like = a if b is None else a + 0 * b
        weights = _weights(y, like, axis, keepdims, return_sign)
        return weights if in_b or b is None else weights * b

    def jvp(y: Any, t: Any, a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False) -> Any:
        slope = np.sum(weigh(partial(y, a, axis, b, keepdims, return_sign), t), axis=axis, keepdims=keepdims)
        return (slope, 0 * slope) if return_sign else slope

    def vjp(y: Any, ct: Any, a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False) -> Any:
        p = partial(y, a, axis, b, keepdims, return_sign)
        ct = ct[0] if return_sign else ct
        if ct is None:
            return 0 * p
        if not keepdims:
            ct = np.expand_dims(ct, tuple(range(np.ndim(p))) if axis is None else axis)
        return weigh(np.conj(p), ct)

    return jvp, vjp


(A_JVP, A_VJP), (B_JVP, B_VJP) = _logsumexp(False), _logsumexp(True)
general(sc.logsumexp, A_JVP, FIXED, B_JVP, vjp=(A_VJP, FIXED, B_VJP))
general(
    sc.softmax,
    lambda y, t, x, axis=None: y * (t - np.sum(y * t, axis=axis, keepdims=True)),
    vjp=lambda y, ct, x, axis=None: np.conj(y) * (ct - np.sum(np.conj(y) * ct, axis=axis, keepdims=True)),
)
general(
    sc.log_softmax,
    lambda y, t, x, axis=None: t - np.sum(np.exp(y) * t, axis=axis, keepdims=True),
    vjp=lambda y, ct, x, axis=None: ct - np.conj(np.exp(y)) * np.sum(ct, axis=axis, keepdims=True),
)


# --- combinatorics ----------------------------------------------------------------------------------------------------------------
def _inexact(name: str, exact: bool) -> None:
    if exact:
        raise MissingRuleError.of(f"scipy.special.{name}", "with exact=True it is arithmetic of integers")


@composite(sc.comb, on=(Interval(5, 9), Interval(1, 4)))
def _comb(N: Any, k: Any, *, exact: bool = False, repetition: bool = False) -> Any:
    _inexact("comb", exact)
    n = N + k - 1 if repetition else N
    return np.where((k <= n) & (n >= 0) & (k >= 0), sc.binom(n, k), np.where(repetition & (k == 0) & (N >= 0), 1.0, 0.0))


@composite(sc.perm, on=(Interval(5, 9), Interval(1, 4)))
def _perm(N: Any, k: Any, exact: bool = False) -> Any:
    _inexact("perm", exact)
    return np.where((k <= N) & (N >= 0) & (k >= 0), sc.poch(N - k + 1, k), 0.0)


@composite(sc.factorial, on=POSITIVE)
def _factorial(n: Any, exact: bool = False, extend: str = "zero") -> Any:
    _inexact("factorial", exact)
    return sc.gamma(n + 1) if extend == "complex" else np.where(n < 0, 0.0, sc.gamma(np.where(n < 0, 0, n) + 1))


@composite(sc.multigammaln, on=(Interval(3, 6), Integers(1, 4)))
def _multigammaln(a: Any, d: int) -> Any:
    """Logarithm of the multivariate gamma function (35.3.4)."""
    return d * (d - 1) / 4 * np.log(np.pi) + sum(sc.gammaln(a + (1 - j) / 2) for j in range(1, d + 1))


# --- n-th derivatives of Bessel functions (10.6.7, 10.29.5) ---------------------------------------------------------------------------
def _derivative(f: Any, sign: int, outer: int = 1) -> Any:
    def definition(v: Any, z: Any, n: int = 1) -> Any:
        return sum(outer**n * sign**k * comb(n, k) / 2**n * f(v - n + 2 * k, z) for k in range(n + 1))

    return definition


ON_DERIVATIVE = (Interval(-2, 4), POSITIVE, Integers(0, 3))
composite(sc.jvp, _derivative(sc.jv, -1), on=ON_DERIVATIVE)
composite(sc.yvp, _derivative(sc.yv, -1), on=ON_DERIVATIVE)
composite(sc.ivp, _derivative(sc.iv, 1), on=ON_DERIVATIVE)
composite(sc.kvp, _derivative(sc.kv, 1, -1), on=ON_DERIVATIVE)
composite(sc.h1vp, _derivative(sc.hankel1, -1), on=ON_DERIVATIVE)
composite(sc.h2vp, _derivative(sc.hankel2, -1), on=ON_DERIVATIVE)


# --- sequences (f_0 .. f_n, f'_0 .. f'_n): the second derivatives are in the equations -------------------------------------------------
def _orders(y: Any, v: float) -> Any:
    """Return the orders of a sequence that ends with ``v``; SciPy counts a negative one away from zero."""
    return v - int(v) + np.arange(len(y[0]))


def _degrees(y: Any, z: Any, axis: int = 0) -> Any:
    return np.arange(np.shape(y[0])[axis]).reshape((-1,) + (1,) * np.ndim(z))


def _legendre(y: Any, z: Any, orders: Any) -> Any:
    n = _degrees(y, z, -1 - np.ndim(z))
    return y[1], (2 * z * y[1] - (n * (n + 1) - orders**2 / (1 - z * z)) * y[0]) / (1 - z * z)


def _parabolic(y: Any, v: Any, x: Any) -> Any:
    return y[1], (x * x / 4 - _orders(y, v) - 0.5) * y[0]


def _riccati(y: Any, n: int, x: Any) -> Any:
    k = _degrees(y, x)
    return y[1], (k * (k + 1) / (x * x) - 1) * y[0]


def _lambda(y: Any, v: Any, x: Any) -> Any:
    """Λ_v = Γ(v+1) J_v(x)/(x/2)^v solves ``Λ'' + (2v+1)/x Λ' + Λ = 0``."""
    return y[1], -y[0] - (2 * _orders(y, v) + 1) / x * y[1]


def _lqmn(y: Any, m: int, n: int, z: Any) -> Any:
    return _legendre(y, z, np.arange(np.shape(y[0])[0]).reshape((-1, 1) + (1,) * np.ndim(z)))


several(sc.lqn, FIXED, lambda y, n, z: _legendre(y, z, 0), on=(Integers(0, 5), Interval(-0.9, 0.9)))
several(sc.lqmn, FIXED, FIXED, _lqmn, on=(Integers(0, 3), Integers(0, 5), Interval(-0.9, 0.9)))
several(sc.riccati_jn, FIXED, _riccati, on=(Integers(0, 5), POSITIVE))
several(sc.riccati_yn, FIXED, _riccati, on=(Integers(0, 5), POSITIVE))
several(sc.pbdv_seq, PAIRS, _parabolic, on=(ABOVE_ONE, REAL))
several(sc.pbvv_seq, PAIRS, _parabolic, on=(ABOVE_ONE, REAL))
several(sc.pbdn_seq, FIXED, lambda y, n, z: (y[1], (z * z / 4 - np.arange(len(y[0])) - 0.5) * y[0]), on=(Integers(0, 5), REAL))
several(sc.lmbda, PAIRS, _lambda, on=(ABOVE_ONE, POSITIVE))
