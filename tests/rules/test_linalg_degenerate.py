"""Repeated eigenvalues and singular values, zero norms, singular matrices: right where the derivative exists, an error where not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.linalg as sl
from numpy.testing import assert_allclose

import adjoint as ad
from adjoint.errors import MissingRuleError, NotDifferentiableError
from adjoint.testing import check

LA = np.linalg
RNG = np.random.default_rng(3)
Q = LA.qr(RNG.normal(size=(4, 4)))[0]
C = RNG.normal(size=(4, 4))
# Eigenvalues 1, 1, 3, 3, exactly repeated in exact arithmetic, and repeated in floating-point numbers too.
PAIRS = Q @ np.diag([1.0, 1.0, 3.0, 3.0]) @ Q.T
DIAGONAL = np.diag([1.0, 1.0, 3.0, 5.0])
UNITARY = LA.qr(RNG.normal(size=(3, 3)) + 1j * RNG.normal(size=(3, 3)))[0]


def gathered(g: np.ndarray) -> np.ndarray:
    """The gradient in a symmetric matrix, gathered into the lower triangle, which is the one that is read."""
    return np.tril(g + g.T) - np.diag(np.diag(g))


def symmetric(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda a: f((a + a.T) / 2)


# Functions that are symmetric in the values ------------------------------------------------------------------------------------


@pytest.mark.parametrize("a", [np.eye(3), np.zeros((3, 3)), PAIRS, DIAGONAL], ids=["identity", "zero", "pairs", "diagonal"])
def test_symmetric_functions_of_eigenvalues(a: np.ndarray) -> None:
    assert_allclose(ad.grad(lambda a: LA.eigvalsh(a).sum())(a), np.eye(len(a)), atol=1e-14)
    assert_allclose(ad.grad(lambda a: np.sum(LA.eigvalsh(a) ** 3))(a), gathered(3 * a @ a), atol=1e-13)
    assert_allclose(ad.grad(lambda a: np.sum(LA.eigh(a)[0] ** 3))(a), gathered(3 * a @ a), atol=1e-13)
    assert_allclose(ad.grad(lambda a: np.sum(LA.svd(a + 4 * np.eye(len(a)), compute_uv=False)))(a), np.eye(len(a)), atol=1e-13)
    t = RNG.normal(size=a.shape)
    assert_allclose(ad.jvp(lambda a: LA.eigvalsh(a).sum(), (a,), (t,))[1], np.trace(t), atol=1e-13)
    assert_allclose(ad.grad(lambda a: np.sum(LA.eigvals(a) ** 2).real)(a), 2 * a.T, atol=1e-12)


def test_symmetric_functions_in_single_precision() -> None:
    g = ad.grad(lambda a: np.sum(LA.eigvalsh(a) ** 2))(PAIRS.astype(np.float32))
    assert g.dtype == np.float32
    assert_allclose(g, gathered(2 * PAIRS), atol=1e-5)


def test_one_of_repeated_values_shares() -> None:
    """The subgradient of minimum norm: the mean over the eigenspace."""
    assert_allclose(ad.grad(lambda a: LA.eigvalsh(a)[-1])(np.eye(3)), np.eye(3) / 3, atol=1e-15)
    assert_allclose(ad.grad(lambda a: LA.eigvalsh(a)[0])(DIAGONAL), np.diag([0.5, 0.5, 0, 0]), atol=1e-15)
    assert_allclose(ad.grad(lambda a: LA.norm(a, 2))(Q), Q / 4, atol=1e-14)
    assert_allclose(ad.grad(lambda a: LA.norm(a, -2))(Q), Q / 4, atol=1e-14)


# Norms --------------------------------------------------------------------------------------------------------------------------


def test_nuclear_norm() -> None:
    nuclear = ad.grad(lambda a: LA.norm(a, "nuc"))
    assert_allclose(nuclear(Q), Q, atol=1e-14)
    assert_allclose(nuclear(np.outer([3.0, 4.0], [0.0, 2.0])), np.outer([0.6, 0.8], [0.0, 1.0]), atol=1e-14)
    assert_allclose(nuclear(np.zeros((3, 2))), np.zeros((3, 2)))


@pytest.mark.parametrize("p", [None, 1, 2, 3, 2.5, np.inf, -np.inf, 0])
@pytest.mark.parametrize("dtype", [float, complex])
def test_norm_at_zero(p: Any, dtype: type) -> None:
    x = np.zeros(3, dtype)
    assert_allclose(ad.grad(lambda x: LA.norm(x, p))(x), 0 * x)
    assert_allclose(ad.jvp(lambda x: LA.norm(x, p), (x,), (x + 1,))[1], 0.0)
    assert_allclose(ad.grad(lambda x: LA.vector_norm(x, ord=2 if p is None else p))(x), 0 * x)


@pytest.mark.parametrize("p", [None, "fro", "nuc", 1, 2, np.inf, -1, -2, -np.inf])
def test_matrix_norm_at_zero(p: Any) -> None:
    x = np.zeros((3, 2))
    assert_allclose(ad.grad(lambda x: LA.norm(x, p))(x), x)
    assert_allclose(ad.grad(lambda x: sl.norm(x, p))(x), x)


def test_one_zero_vector_among_others() -> None:
    x = np.array([[3.0, 4.0], [0.0, 0.0]])
    assert_allclose(ad.grad(lambda x: LA.norm(x, axis=1).sum())(x), [[0.6, 0.8], [0.0, 0.0]])


def test_ties_of_a_norm_share() -> None:
    assert_allclose(ad.grad(lambda x: LA.norm(x, np.inf))(np.array([2.0, -2.0, 1.0])), [0.5, -0.5, 0.0])
    assert_allclose(ad.grad(lambda x: LA.norm(x, 1))(np.array([[1.0, 2.0], [-3.0, 2.0]])), [[0.5, 0.5], [-0.5, 0.5]])


# Determinants ---------------------------------------------------------------------------------------------------------------------

RANKS = {
    "identity": np.eye(3),
    "orthogonal": Q[:3, :3] - np.outer(Q[:3, 3], Q[3, :3]) / (1 + Q[3, 3]),
    "rank-two": np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.5], [3.0, 6.0, 9.0]]),
    "rank-one": np.outer([1.0, 2.0, -1.0], [0.5, 1.0, 3.0]),
    "zero": np.zeros((3, 3)),
    "scaled": 1e-8 * np.array([[1.0, 2.0], [3.0, 4.5]]),
}


def determinant(a: Any) -> Any:
    """Expansion by minors, a polynomial, differentiated by the rules of arithmetic."""
    if len(a) == 1:
        return a[0][0]
    minors = [[row[:k] + row[k + 1 :] for row in a[1:]] for k in range(len(a))]
    return sum((-1) ** k * a[0][k] * determinant(minors[k]) for k in range(len(a)))


@pytest.mark.parametrize("name", RANKS)
def test_determinant_of_any_rank(name: str) -> None:
    a = RANKS[name]
    expansion = lambda a: determinant([[a[i, j] for j in range(len(a))] for i in range(len(a))])
    scale = np.abs(a).max() ** (len(a) - 1) + 1e-300
    assert_allclose(ad.grad(LA.det)(a), ad.grad(expansion)(a), atol=1e-13 * scale)
    s, t = RNG.normal(size=(2, *a.shape))
    hvp = lambda f: lambda a: np.sum(s * ad.grad(f)(a))
    assert_allclose(ad.grad(hvp(LA.det))(a), ad.grad(hvp(expansion))(a), atol=1e-12)
    assert_allclose(ad.jvp(hvp(LA.det), (a,), (t,))[1], ad.jvp(hvp(expansion), (a,), (t,))[1], atol=1e-12)


def test_third_derivative_of_a_determinant() -> None:
    a, t = np.eye(3), RNG.normal(size=(3, 3))
    f = lambda h: LA.det(a + h * t)
    third = lambda f: ad.grad(ad.grad(ad.grad(f)))
    assert_allclose(third(f)(0.0), 6 * LA.det(t), rtol=1e-11)


# What does not depend on the basis ------------------------------------------------------------------------------------------------


def test_projector_on_a_whole_eigenspace() -> None:
    def f(a: Any) -> Any:
        v = LA.eigh((a + a.T) / 2)[1][:, :2]
        return np.sum(C * (v @ v.T))

    h = 1e-5
    for a in (PAIRS, DIAGONAL):
        t = RNG.normal(size=a.shape)
        assert_allclose(np.sum(ad.grad(f)(a) * t), (f(a + h * t) - f(a - h * t)) / (2 * h), rtol=1e-8)


def test_projector_on_everything_is_constant() -> None:
    def f(a: Any) -> Any:
        v = LA.eigh(a)[1]
        return np.sum(C * (v @ v.T))

    assert_allclose(ad.grad(f)(np.eye(4)), np.zeros((4, 4)), atol=1e-14)


def test_eigenvalues_and_vectors_apart_from_the_repeated_ones() -> None:
    def f(a: Any) -> Any:
        w, v = LA.eigh((a + a.T) / 2)
        return np.sum(C * (v[:, 2:] * np.exp(w[2:]) @ v[:, 2:].T))

    t, h = RNG.normal(size=(4, 4)), 1e-5
    assert_allclose(np.sum(ad.grad(f)(DIAGONAL) * t), (f(DIAGONAL + h * t) - f(DIAGONAL - h * t)) / (2 * h), rtol=1e-8)


def test_trace_of_a_function_by_eigenvectors() -> None:
    def f(a: Any) -> Any:
        w, v = LA.eigh(a)
        return np.trace(v * np.exp(w) @ v.T)

    assert_allclose(ad.grad(f)(PAIRS), gathered(sl.expm(PAIRS)), atol=1e-12)


def test_polar_factor_of_repeated_singular_values() -> None:
    def f(a: Any) -> Any:
        u, _, vh = LA.svd(a)
        return np.sum(C * (u @ vh))

    t, h = RNG.normal(size=(4, 4)), 1e-5
    for a in (np.eye(4), 2 * Q, Q @ DIAGONAL):
        assert_allclose(np.sum(ad.grad(f)(a) * t), (f(a + h * t) - f(a - h * t)) / (2 * h), rtol=1e-8, atol=1e-9)
        check(lambda a: sl.polar(a)[0], a)


def test_forward_mode_along_a_direction_that_does_not_mix() -> None:
    _, (dw, dv) = ad.jvp(lambda a: tuple(LA.eigh(a)), (DIAGONAL,), (np.diag([1.0, 1.0, 2.0, 3.0]),))
    assert_allclose(dw, [1, 1, 2, 3])
    assert_allclose(dv, np.zeros((4, 4)))


# What does ------------------------------------------------------------------------------------------------------------------------


def refused(f: Callable[[Any], Any], a: Any, words: str) -> None:
    with pytest.raises(NotDifferentiableError, match=words) as caught:
        ad.grad(f)(a)
    assert caught.value.why
    assert caught.value.remedy


def some_of(decompose: Callable[[Any], Any], k: int) -> Callable[[Any], Any]:
    return lambda a: np.sum(np.real(decompose(a)[k]) * C[: len(a), : len(a)])


def function_by_eigh(a: Any) -> Any:
    w, v = LA.eigh(a)
    return np.sum(C * (v * np.exp(w) @ v.T))


def function_by_svd(a: Any) -> Any:
    u, s, vh = LA.svd(a)
    return np.sum(C * (u * np.exp(s) @ vh))


HERMITIAN = UNITARY @ np.diag([1.0, 2.0, 4.0]) @ UNITARY.conj().T
RANK_ONE = np.outer([1.0, 2.0, -1.0], [0.5, 1.0, 3.0])
REFUSED = {
    "eigenvector": (some_of(LA.eigh, 1), np.eye(3), "repeated value"),
    "eigenvector-of-a-pair": (some_of(LA.eigh, 1), PAIRS, "repeated value"),
    "eigenvector-of-eig": (some_of(LA.eig, 1), np.eye(3), "repeated value"),
    "singular-vector": (some_of(LA.svd, 0), np.eye(3), "repeated value"),
    "phase-of-an-eigenvector": (some_of(LA.eigh, 1), HERMITIAN, "repeated value"),
    "phase-of-a-singular-vector": (some_of(LA.svd, 0), HERMITIAN @ UNITARY, "repeated value"),
    "null-vector": (some_of(LA.svd, 0), RANK_ONE, "zero|repeated value"),
    "vector-of-a-zero": (lambda a: LA.svd(a, full_matrices=False).U[2, 1], np.array([[1.0, 0], [0, 0], [0, 0]]), "zero"),
    "function-by-eigh": (function_by_eigh, np.eye(4), "together with its vectors"),
    "function-by-eigh-of-pairs": (function_by_eigh, PAIRS, "together with its vectors"),
    "function-by-svd": (function_by_svd, Q, "together with its vectors"),
    "complement": (lambda a: LA.svd(a).U[0, 2], RNG.normal(size=(4, 2)), "complement"),
    "defective-eigenvalues": (lambda a: LA.eigvals(a)[0].real, np.array([[1.0, 1.0], [0.0, 1.0]]), "defective"),
    "qr-without-full-rank": (some_of(LA.qr, 0), RANK_ONE, "full rank"),
    "qr-raw": (lambda a: LA.qr(a, mode="raw")[0].sum(), RNG.normal(size=(3, 3)), "raw"),
    "qr-complete-of-a-triangle": (lambda a: LA.qr(a, mode="complete")[0][0, 2], np.eye(3, 2), "complement"),
    "pinv-that-cuts": (lambda a: LA.pinv(a, rcond=0.1).sum(), np.diag([1.0, 0.01]), "discards"),
    "lu-of-a-singular-block": (lambda a: sl.lu(a)[1].sum(), np.zeros((2, 2)), "singular"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    refused(*REFUSED[name])


def test_forward_mode_refuses_a_direction_that_mixes() -> None:
    with pytest.raises(NotDifferentiableError, match="repeated value"):
        ad.jvp(lambda a: LA.eigh(a)[1], (np.eye(3),), (np.ones((3, 3)),))
    with pytest.raises(NotDifferentiableError, match="repeated value"):
        ad.jvp(lambda a: LA.svd(a)[0], (np.eye(3),), (np.ones((3, 3)),))


def test_second_derivative_at_repeated_eigenvalues_is_refused_not_wrong() -> None:
    gradient = ad.grad(lambda a: np.sum(np.exp(LA.eigvalsh(a))))
    for second in (
        lambda: ad.jvp(gradient, (np.eye(3),), (np.ones((3, 3)),)),
        lambda: ad.grad(lambda a: np.sum(C[:3, :3] * gradient(a)))(np.eye(3)),
    ):
        with pytest.raises(NotDifferentiableError):
            second()


@pytest.mark.parametrize(
    "f",
    [
        lambda a: sl.eigh(a, subset_by_index=[0, 1])[1],
        lambda a: sl.eig(a, left=True)[1],
        lambda a: sl.qr(a, mode="raw")[1],
        lambda a: sl.schur(a)[0],
        sl.null_space,
    ],
)
def test_forms_without_a_rule_say_so(f: Callable[[Any], Any]) -> None:
    with pytest.raises(MissingRuleError):
        ad.jvp(f, (DIAGONAL + C,), (C,))


# Stacks ---------------------------------------------------------------------------------------------------------------------------


def test_a_stack_of_regular_and_degenerate_matrices() -> None:
    a = np.stack([PAIRS, DIAGONAL, np.eye(4), C])
    g = ad.grad(lambda a: np.sum(LA.eigvalsh(a) ** 2))(a)
    h = [gathered(2 * (np.tril(x) + np.tril(x, -1).T)) for x in a]
    assert_allclose(g, h, atol=1e-12)
    assert_allclose(ad.grad(lambda a: LA.det(a).sum())(a), [LA.det(x) * LA.inv(x).T for x in a], atol=1e-12)
