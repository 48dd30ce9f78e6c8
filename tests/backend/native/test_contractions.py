"""Contractions and stacks of matrix products as machine code: by loops, by BLAS, with gaps, with lengths of one and none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint._api.jit import Jitted
from adjoint._backend.native import machine, native

pytestmark = pytest.mark.skipif(not machine.available(), reason="llvmlite is not installed")

LENGTHS = {"a": 3, "b": 5, "c": 4, "i": 30, "j": 2, "k": 7, "v": 40}
SUBSCRIPTS = [
    "ij,jk->ik", "ij,kj->ik", "ji,jk->ki", "jab,ijb->ija", "ija,ijb->jab", "ija,jab->ijb", "bik,vk->vbi", "abik,vk->avbi",
    "ij,ij->i", "ij,ij->j", "ij,ij->", "i,j->ij", "i,i->", "ij->ji", "ijk->j", "ij->", "ij,j->i", "j,ij->i", "ijk,kv->ijv",
    "ijk,jkv->ijv", "ijk,ikv->ijv", "ai,bi->ab", "i,ij->j", "ijk,k->ij", "kij,k->ij", "ij,kv->ijkv", "ij,k->ij", "ijk,ijk->ik",
    "ij,jk", "kij, jk -> ki",
]  # fmt: skip


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def arrays(subscripts: str, rng: np.random.Generator, more: int = 1) -> list[np.ndarray]:
    """Return an array for each term, of a few elements or of so many that BLAS multiplies them."""
    terms = subscripts.replace(" ", "").split("->")[0].split(",")
    return [rng.normal(size=[LENGTHS[x] * (more if x in "ikv" else 1) for x in term]) for term in terms]


def called_back(jitted: Any) -> list[Any]:
    """Return the functions of NumPy's that the machine code of the last call calls."""
    compiled = jitted.last.compiled
    module, _ = native._module(compiled.native.tuned, options=compiled.native.options)
    return [op.function for op, _ in module.called_]


def expect_equal(f: Callable[..., Any], *args: np.ndarray, rtol: float = 1e-11) -> None:
    jitted = Jitted(f, backend="native")
    y, expected = jitted(*args), f(*args)
    assert np.shape(y) == np.shape(expected)
    assert np.asarray(y).dtype == np.asarray(expected).dtype
    np.testing.assert_allclose(y, expected, rtol=rtol, atol=rtol)
    assert not called_back(jitted)


@pytest.mark.parametrize("more", [1, 6])
@pytest.mark.parametrize("subscripts", SUBSCRIPTS)
def test_einsum(subscripts: str, more: int, rng: np.random.Generator) -> None:
    args = arrays(subscripts, rng, more)
    f = lambda *args: np.einsum(subscripts, *args)
    expect_equal(f, *args)
    expect_equal(f, *[np.asfortranarray(x) for x in args])
    expect_equal(f, *[x.astype(np.float32) for x in args], rtol=1e-3)


@pytest.mark.parametrize("subscripts", [x for x in SUBSCRIPTS if "," in x])
def test_derivatives_of_einsum(subscripts: str, rng: np.random.Generator) -> None:
    args = arrays(subscripts, rng)
    f = lambda *args: np.sum(np.sin(np.einsum(subscripts, *args)))
    places = tuple(range(len(args)))
    jitted = Jitted(ad.grad(f, places), backend="native")
    for a, b in zip(jitted(*args), ad.grad(f, places)(*args), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10)
    assert not called_back(jitted)


SHAPES = [
    ((3, 4), (4, 5)), ((30, 40), (40, 50)), ((4,), (4, 5)), ((3, 4), (4,)), ((7, 3, 4), (4, 5)), ((7, 3, 4), (7, 4, 5)),
    ((1, 3, 4), (7, 4, 5)), ((7, 3, 4), (1, 4, 5)), ((6, 7, 3, 4), (7, 4, 5)), ((6, 1, 3, 4), (7, 4, 5)), ((4,), (7, 4, 5)),
    ((7, 3, 4), (4,)), ((5, 20, 20), (5, 20, 20)), ((5, 20, 20), (20, 20)), ((0, 3, 4), (0, 4, 5)), ((2, 3, 0), (2, 0, 5)),
    ((2, 0, 3), (2, 3, 4)), ((7, 1, 4), (7, 4, 1)), ((7, 1, 1), (7, 1, 5)), ((2, 3, 20, 30), (3, 30, 10)),
]  # fmt: skip


@pytest.mark.parametrize(("first", "second"), SHAPES, ids=str)
def test_stacks_of_matrices(first: tuple[int, ...], second: tuple[int, ...], rng: np.random.Generator) -> None:
    a, b = rng.normal(size=first), rng.normal(size=second)
    product = lambda a, b: a @ b
    expect_equal(product, a, b)
    expect_equal(product, a.astype(np.float32), b.astype(np.float32), rtol=1e-3)
    f = lambda a, b: np.sum(np.sin(a @ b))
    for x, y in zip(Jitted(ad.grad(f, (0, 1)), backend="native")(a, b), ad.grad(f, (0, 1))(a, b), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-10, atol=1e-10)


GAPS = {
    "transposed": lambda a, b: a.T @ b,
    "every other column": lambda a, b: a @ b.T[:, ::2],
    "every other row": lambda a, b: a[::2] @ b,
    "reversed": lambda a, b: a[::-1] @ b[:, ::-1],
    "last axes of a stack": lambda a, b: np.transpose(np.stack([a, a + 1.0]), (2, 0, 1))[:, :, :3] @ b[:3],
    "exchanged axes": lambda a, b: np.swapaxes(np.stack([a, a]), 1, 2) @ b,
    "broadcast": lambda a, b: np.broadcast_to(a[0], (30, 30)) @ b,
    "contracted with gaps": lambda a, b: np.einsum("ij,kj->ik", a[:, ::2], b[::3, 1::2]),
    "one array twice": lambda a, b: np.einsum("ij,ij->i", a, a) + a[0] @ a[0],
}


@pytest.mark.parametrize("name", GAPS)
def test_gaps(name: str, rng: np.random.Generator) -> None:
    a, b = rng.normal(size=(30, 30)), rng.normal(size=(30, 30))
    jitted = Jitted(GAPS[name], backend="native")
    np.testing.assert_allclose(jitted(a, b), GAPS[name](a, b), rtol=1e-11, atol=1e-11)


def test_small_matrices_of_known_shapes_need_no_call(rng: np.random.Generator) -> None:
    def f(x):
        a = np.array([[x[0], x[1], 0.0], [0.0, x[2], 1.0], [x[1], x[1], x[0]]])
        return np.sum((a @ a @ x) ** 2)

    x = rng.normal(size=3)
    np.testing.assert_allclose(ad.jit(f, backend="native")(x), f(x), rtol=1e-13)
    np.testing.assert_allclose(ad.jit(ad.grad(f), backend="native")(x), ad.grad(f)(x), rtol=1e-12)


@pytest.mark.parametrize(("first", "second"), [((3, 4), (5, 6)), ((2, 3, 4), (3, 4, 5)), ((2, 3, 4), (2, 5, 4))])
def test_shapes_that_do_not_fit(first: tuple[int, ...], second: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"matmul|broadcast"):
        ad.jit(lambda a, b: a @ b, backend="native")(np.ones(first), np.ones(second))


def test_lengths_of_einsum_that_do_not_fit() -> None:
    f = lambda a, b: np.einsum("ij,jk->ik", a, b)
    with pytest.raises(ValueError, match=r"operand|broadcast|shape"):
        ad.jit(f, backend="native")(np.ones((2, 3)), np.ones((4, 5)))
    # NumPy repeats an axis of one element.
    np.testing.assert_array_equal(ad.jit(f, backend="native")(np.ones((2, 3)), np.ones((1, 5))), np.full((2, 5), 3.0))
