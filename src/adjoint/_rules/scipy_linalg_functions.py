"""`scipy.linalg`: functions of matrices, and equations between matrices.

References
----------
Higham, Functions of Matrices, SIAM 2008, theorem 3.6 (the block form of the Fréchet derivative) and section 6.
Al-Mohy and Higham, Computing the Fréchet derivative of the matrix exponential, SIAM J. Matrix Anal. Appl. 30 (2009) 1639-1657.
Kao and Hennequin, Automatic differentiation of Sylvester, Lyapunov, and algebraic Riccati equations, 2020, arXiv:2011.11430.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg as sl

from adjoint._rules.arrays import mH
from adjoint._rules.book import composite, general
from adjoint._rules.primitive import primitive
from adjoint._rules.scipy_tools import enter, refuse

# Functions of matrices --------------------------------------------------------------------------------------------------------
#
# The Fréchet derivative of f at a along e is the upper right block of f([[a, e], [0, a]]) [Higham, theorem 3.6].  The adjoint
# of e -> df(a, e) is ct -> df(aᴴ, ct) for functions with f(aᴴ) = f(a)ᴴ, which all of these are on their principal branch.


def stacked(a: Any, e: Any) -> Any:
    """Return ``[[a, e], [0, a]]``."""
    upper = np.concatenate([a, e], axis=-1)
    return np.concatenate([upper, np.concatenate([np.zeros(a.shape, a.dtype), a], axis=-1)], axis=-2)


def corner(x: Any) -> Any:
    """Return the upper right block."""
    n = x.shape[-1] // 2
    return x[..., :n, n:]


@primitive
def expm_derivative(a: Any, e: Any) -> Any:
    """Return the Fréchet derivative of the exponential at ``a`` along ``e``."""
    a, e = np.broadcast_arrays(a, e)
    if a.ndim == 2:
        return sl.expm_frechet(a, e, compute_expm=False) if a.size else np.zeros_like(e)
    y = np.empty(a.shape, np.result_type(a, e))
    for k in np.ndindex(a.shape[:-2]):
        y[k] = sl.expm_frechet(a[k], e[k], compute_expm=False)
    return y


# Its own derivative in a, by the block form: the second Fréchet derivative along e and t.
general(
    expm_derivative,
    lambda y, t, a, e: corner(expm_derivative(stacked(a, e), stacked(t, np.zeros(t.shape, t.dtype)))),
    lambda y, t, a, e: expm_derivative(a, t),
    vjp=(
        lambda y, ct, a, e: corner(expm_derivative(stacked(mH(a), mH(e)), stacked(ct, np.zeros(ct.shape, ct.dtype)))),
        lambda y, ct, a, e: expm_derivative(mH(a), ct),
    ),
)
enter(sl.expm, lambda y, t, A: expm_derivative(A, t), vjp=lambda y, ct, A: expm_derivative(mH(A), ct))


@composite(sl.expm_frechet)
def expm_frechet(A: Any, E: Any, method: Any = None, compute_expm: bool = True, check_finite: bool = True) -> Any:
    return (sl_expm(A), expm_derivative(A, E)) if compute_expm else expm_derivative(A, E)


@primitive
def sl_expm(a: Any) -> Any:
    return sl.expm(a)


general(sl_expm, lambda y, t, a: expm_derivative(a, t), vjp=lambda y, ct, a: expm_derivative(mH(a), ct))


def by_blocks(function: Any, *others: Any) -> Any:
    """Register a function of a matrix by the block form of its derivative, of any order; return its core, which dispatches."""

    def evaluate(a: Any, *options: Any) -> Any:
        return function(a, *options)

    evaluate.__name__ = evaluate.__qualname__ = f"{function.__name__}.core"
    evaluate.__module__ = "scipy.linalg"
    core = primitive(evaluate)
    general(
        core,
        lambda y, t, a, *options: corner(core(stacked(a, t), *options)),
        *others,
        vjp=(lambda y, ct, a, *options: corner(core(stacked(mH(a), ct), *options)),),
    )
    return core


logm = by_blocks(sl.logm)
power = by_blocks(sl.fractional_matrix_power, lambda y, t, a, p: t * (logm(a) @ y))
composite(sl.logm, lambda A, disp=None: logm(A))
composite(sl.fractional_matrix_power, lambda A, t: power(A, t))
for _function in (sl.sinm, sl.cosm, sl.tanm, sl.sinhm, sl.coshm, sl.tanhm, sl.signm):
    _core = by_blocks(_function)
    composite(_function, lambda A, disp=None, core=_core: core(A))

# a = y y: da = dy y + y dy.


def sqrtm_jvp(y: Any, t: Any, A: Any) -> Any:
    return solve_sylvester(y, y, t)


enter(sl.sqrtm, sqrtm_jvp, vjp=lambda y, ct, A: solve_sylvester(mH(y), mH(y), ct))

# Equations between matrices -----------------------------------------------------------------------------------------------------
#
# a x + x b = q.  Adjoint: aᴴ z + z bᴴ = ct; the cotangents of q, a, b are z, -z xᴴ, -xᴴ z.


@primitive
def solve_sylvester(a: Any, b: Any, q: Any) -> Any:
    return sl.solve_sylvester(a, b, q)


def sylvester_adjoint(ct: Any, a: Any, b: Any) -> Any:
    return solve_sylvester(mH(a), mH(b), ct)


general(
    solve_sylvester,
    lambda y, t, a, b, q: -solve_sylvester(a, b, t @ y),
    lambda y, t, a, b, q: -solve_sylvester(a, b, y @ t),
    lambda y, t, a, b, q: solve_sylvester(a, b, t),
    vjp=(
        lambda y, ct, a, b, q: -sylvester_adjoint(ct, a, b) @ mH(y),
        lambda y, ct, a, b, q: -mH(y) @ sylvester_adjoint(ct, a, b),
        lambda y, ct, a, b, q: sylvester_adjoint(ct, a, b),
    ),
)
composite(sl.solve_sylvester, lambda a, b, q: solve_sylvester(a, b, q))

# a x + x aᴴ = q.


@primitive
def continuous_lyapunov(a: Any, q: Any) -> Any:
    return sl.solve_continuous_lyapunov(a, q)


def continuous_lyapunov_a_adjoint(y: Any, ct: Any, a: Any, q: Any) -> Any:
    z = continuous_lyapunov(mH(a), ct)
    return -z @ mH(y) - mH(z) @ y


general(
    continuous_lyapunov,
    lambda y, t, a, q: -continuous_lyapunov(a, t @ y + y @ mH(t)),
    lambda y, t, a, q: continuous_lyapunov(a, t),
    vjp=(continuous_lyapunov_a_adjoint, lambda y, ct, a, q: continuous_lyapunov(mH(a), ct)),
)
composite(sl.solve_continuous_lyapunov, lambda a, q: continuous_lyapunov(a, q))

# a x aᴴ - x + q = 0.


@primitive
def discrete_lyapunov(a: Any, q: Any, method: Any) -> Any:
    return sl.solve_discrete_lyapunov(a, q, method)


def discrete_lyapunov_a_adjoint(y: Any, ct: Any, a: Any, q: Any, method: Any) -> Any:
    z = discrete_lyapunov(mH(a), ct, method)
    return z @ a @ mH(y) + mH(z) @ a @ y


general(
    discrete_lyapunov,
    lambda y, t, a, q, method: discrete_lyapunov(a, t @ y @ mH(a) + a @ y @ mH(t), method),
    lambda y, t, a, q, method: discrete_lyapunov(a, t, method),
    vjp=(discrete_lyapunov_a_adjoint, lambda y, ct, a, q, method: discrete_lyapunov(mH(a), ct, method)),
)
composite(sl.solve_discrete_lyapunov, lambda a, q, method=None: discrete_lyapunov(a, q, method))

# Riccati: aᴴ x + x a - x b r⁻¹ bᴴ x + q = 0, gain k = r⁻¹ bᴴ x, closed loop c = a - b k.  Differentiating,
# cᴴ dx + dx c + w = 0 with w = dq + h + hᴴ + kᴴ dr k, h = x (da - db k).


@primitive
def continuous_riccati(a: Any, b: Any, q: Any, r: Any, balanced: bool) -> Any:
    return sl.solve_continuous_are(a, b, q, r, balanced=balanced)


def continuous_loop(x: Any, a: Any, b: Any, r: Any) -> tuple[Any, Any]:
    gain = np.linalg.solve(r, mH(b) @ x)
    return gain, mH(a - b @ gain)


def continuous_riccati_ab(in_b: bool) -> Any:
    def jvp(y: Any, t: Any, a: Any, b: Any, q: Any, r: Any, balanced: bool) -> Any:
        gain, loop = continuous_loop(y, a, b, r)
        h = -y @ t @ gain if in_b else y @ t
        return -continuous_lyapunov(loop, h + mH(h))

    return jvp


def continuous_riccati_q(y: Any, t: Any, a: Any, b: Any, q: Any, r: Any, balanced: bool) -> Any:
    return -continuous_lyapunov(continuous_loop(y, a, b, r)[1], t)


def continuous_riccati_r(y: Any, t: Any, a: Any, b: Any, q: Any, r: Any, balanced: bool) -> Any:
    gain, loop = continuous_loop(y, a, b, r)
    return -continuous_lyapunov(loop, mH(gain) @ t @ gain)


general(
    continuous_riccati, continuous_riccati_ab(False), continuous_riccati_ab(True), continuous_riccati_q, continuous_riccati_r
)


@composite(sl.solve_continuous_are)
def solve_continuous_are(a: Any, b: Any, q: Any, r: Any, e: Any = None, s: Any = None, balanced: bool = True) -> Any:
    if e is not None or s is not None:
        refuse(sl.solve_continuous_are, "only the equation without e and s is implemented")
    return continuous_riccati(a, b, q, r, balanced)


# Discrete: x = aᴴ x a - aᴴ x b k + q, k = (r + bᴴ x b)⁻¹ bᴴ x a, c = a - b k: dx = cᴴ dx c + w, h = cᴴ x (da - db k).


@primitive
def discrete_riccati(a: Any, b: Any, q: Any, r: Any, balanced: bool) -> Any:
    return sl.solve_discrete_are(a, b, q, r, balanced=balanced)


def discrete_loop(x: Any, a: Any, b: Any, r: Any) -> tuple[Any, Any]:
    gain = np.linalg.solve(r + mH(b) @ x @ b, mH(b) @ x @ a)
    return gain, mH(a - b @ gain)


def discrete_riccati_ab(in_b: bool) -> Any:
    def jvp(y: Any, t: Any, a: Any, b: Any, q: Any, r: Any, balanced: bool) -> Any:
        gain, loop = discrete_loop(y, a, b, r)
        h = -loop @ y @ t @ gain if in_b else loop @ y @ t
        return discrete_lyapunov(loop, h + mH(h), None)

    return jvp


def discrete_riccati_q(y: Any, t: Any, a: Any, b: Any, q: Any, r: Any, balanced: bool) -> Any:
    return discrete_lyapunov(discrete_loop(y, a, b, r)[1], t, None)


def discrete_riccati_r(y: Any, t: Any, a: Any, b: Any, q: Any, r: Any, balanced: bool) -> Any:
    gain, loop = discrete_loop(y, a, b, r)
    return discrete_lyapunov(loop, mH(gain) @ t @ gain, None)


general(discrete_riccati, discrete_riccati_ab(False), discrete_riccati_ab(True), discrete_riccati_q, discrete_riccati_r)


@composite(sl.solve_discrete_are)
def solve_discrete_are(a: Any, b: Any, q: Any, r: Any, e: Any = None, s: Any = None, balanced: bool = True) -> Any:
    if e is not None or s is not None:
        refuse(sl.solve_discrete_are, "only the equation without e and s is implemented")
    return discrete_riccati(a, b, q, r, balanced)
