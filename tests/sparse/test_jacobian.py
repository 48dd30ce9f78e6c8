"""Sparse Jacobians: equal to dense ones, with patterns as small as the programs allow, and never too small."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
import scipy.sparse as sp

import adjoint as ad
from adjoint._api import tree
from tests.programs import PROGRAMS
from tests.sparse.programs import CASES

EACH = pytest.mark.parametrize(("f", "x", "entries"), [pytest.param(*case[1:], id=case[0]) for case in CASES])


def assert_equal(sparse, dense):
    """Compare a sparse Jacobian with a dense one, leaf by leaf."""
    found, expected = tree.flatten(sparse)[0], tree.flatten(dense)[0]
    assert len(found) == len(expected)
    for block, whole in zip(found, expected, strict=True):
        assert isinstance(block, sp.csr_array)
        assert block.has_sorted_indices
        scale = np.abs(whole).max(initial=1)
        np.testing.assert_allclose(block.toarray(), np.reshape(whole, block.shape), rtol=1e-12, atol=1e-12 * scale)


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
@pytest.mark.parametrize("program", [pytest.param(p, id=name) for name, p in PROGRAMS.items()])
def test_every_program(program, mode):
    args = program.args
    argnums = tuple(range(len(args)))
    dense = ad.jacobian(program.function, argnums)(*program.args)
    assert_equal(ad.jacobian(program.function, argnums, sparse=True, mode=mode)(*args), dense)


@EACH
def test_patterns_are_as_small_as_can_be(f, x, entries):
    J = ad.jacobian(f, sparse=True)(x)
    assert_equal(J, ad.jacobian(f)(x))
    assert J.nnz == entries


@EACH
@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_both_modes(f, x, entries, mode):
    assert_equal(ad.jacobian(f, sparse=True, mode=mode)(x), ad.jacobian(f)(x))


@EACH
def test_a_translated_function(f, x, entries):
    J = ad.jit(ad.jacobian(f, sparse=True))
    assert_equal(J(x), ad.jacobian(f)(x))
    assert_equal(ad.jacobian(ad.jit(f), sparse=True)(x), ad.jacobian(f)(x))
    assert J(x).nnz == entries


def test_branches_have_the_pattern_of_the_point():
    def f(x):
        return x * x if x[0] > 0 else np.cumsum(x)

    J = ad.jacobian(f, sparse=True)
    assert J(np.array([1.0, 2.0, 3.0])).nnz == 3
    assert_equal(J(np.array([-1.0, 2.0, 3.0])), np.tril(np.ones((3, 3))))


def test_a_pattern_of_ones_own_is_checked():
    def f(x):
        return x * np.roll(x, 1)

    x = np.arange(1.0, 6.0)
    right = ad.jacobian(f, sparse=True)(x)
    assert_equal(ad.jacobian(f, sparse=True, pattern=right)(x), ad.jacobian(f)(x))
    wider = sp.coo_array(np.ones((5, 5)))
    for mode in ("forward", "reverse"):
        assert_equal(ad.jacobian(f, sparse=True, pattern=wider, mode=mode)(x), ad.jacobian(f)(x))
        with pytest.raises(ad.errors.PatternError, match=r"outside of the pattern[\s\S]*remedy: leave pattern="):
            ad.jacobian(f, sparse=True, pattern=sp.eye_array(5), mode=mode)(x)
    with pytest.raises(ad.errors.PatternError):
        ad.jacobian(ad.jit(f), sparse=True, pattern=sp.eye_array(5))(x)


def test_one_entry_that_is_missing_is_noticed():
    rng = np.random.default_rng(0)
    A = sp.random_array((40, 30), density=0.1, rng=rng).tocsr()
    dense = A.toarray()
    for k in range(0, A.nnz, 7):
        fewer = A.tocoo(copy=True)
        keep = np.arange(A.nnz) != k
        pattern = sp.coo_array((fewer.data[keep], (fewer.coords[0][keep], fewer.coords[1][keep])), shape=A.shape)
        with pytest.raises(ad.errors.PatternError):
            ad.jacobian(lambda x: dense @ np.sin(x), sparse=True, pattern=pattern)(np.ones(30))


def test_patterns_of_several_arguments():
    def f(x, y):
        return x * y[:3], y

    x, y = np.arange(1.0, 4.0), np.arange(4.0)
    found = ad.jacobian(f, (0, 1), sparse=True)(x, y)
    assert_equal(found, ad.jacobian(f, (0, 1))(x, y))
    side = tuple(sp.vstack([found[0][k], found[1][k]]) for k in range(2))
    assert_equal(ad.jacobian(f, (0, 1), sparse=True, pattern=side)(x, y), found_dense(found))
    assert_equal(ad.jacobian(f, (0, 1), sparse=True, pattern=sp.hstack(side))(x, y), found_dense(found))


def found_dense(found):
    return tuple(tuple(block.toarray() for block in row) for row in found)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"pattern": np.eye(3), "sparse": True}, ad.errors.StructureError, "must be a SciPy sparse array"),
        ({"pattern": sp.eye_array(4), "sparse": True}, ad.errors.StructureError, r"expected a pattern of shape \(3, 3\)"),
        ({"pattern": (), "sparse": True}, ad.errors.StructureError, "must be a SciPy sparse array"),
        ({"pattern": sp.eye_array(3)}, ValueError, "pattern= is for sparse=True"),
        ({"sparse": True, "mode": "backward"}, ValueError, "mode must be"),
    ],
)
def test_wrong_options(options, error, message):
    with pytest.raises(error, match=message):
        ad.jacobian(np.sin, **options)(np.ones(3))


def test_no_sparse_jacobian_within_a_derivative_or_a_program():
    def g(x):
        return ad.jacobian(np.sin, sparse=True)(x)

    for outer in (lambda x: ad.jvp(g, (x,), (x,)), ad.grad(lambda x: g(x).sum()), ad.jit(g)):
        with pytest.raises(ad.errors.InputError, match=r"a sparse Jacobian within[\s\S]*remedy"):
            outer(np.ones(3))


def test_inputs_and_results_of_no_size():
    J = ad.jacobian(lambda x: x[:0], sparse=True)(np.ones(3))
    assert J.shape == (0, 3)
    assert ad.jacobian(np.sin, sparse=True)(np.ones(0)).shape == (0, 0)
    assert ad.jacobian(lambda x: np.ones(2), sparse=True)(np.ones(3)).nnz == 0
    assert ad.jit(ad.jacobian(np.sin, sparse=True))(np.ones(0)).shape == (0, 0)


def test_numbers_trees_and_dtypes():
    J = ad.jacobian(lambda d: {"a": d["x"] * d["k"], "b": math.sin(d["t"])}, sparse=True)
    point = {"x": np.ones((2, 3), np.float32), "k": np.array([1, 2, 3]), "t": 0.5}
    found = J(point)
    assert found["a"]["x"].shape == (6, 6)
    assert found["a"]["x"].nnz == 6
    assert found["a"]["k"].shape == (6, 3)
    assert found["b"]["t"].toarray() == math.cos(0.5)
    single = ad.jacobian(lambda x: x * x, sparse=True)(np.ones(3, np.float32))
    assert single.dtype == np.float32
    assert ad.jacobian(lambda x: x * x, sparse=True)(3).toarray() == 6.0
    J, aux = ad.jacobian(lambda x: (x * x, "aux"), sparse=True, has_aux=True)(np.ones(3))
    assert (J.nnz, aux) == (3, "aux")


def test_holomorphic():
    z = np.arange(4) + 1j
    for mode in ("forward", "reverse"):
        J = ad.jacobian(lambda z: z[1:] * z[:-1], sparse=True, holomorphic=True, mode=mode)(z)
        assert_equal(J, ad.jacobian(lambda z: z[1:] * z[:-1], holomorphic=True)(z))
    with pytest.raises(ad.errors.InputError, match="complex"):
        ad.jacobian(lambda z: z, sparse=True)(z)


def test_functions_that_are_one_operation_are_dense():
    f = ad.custom_jvp(lambda x: x * x)
    f.defjvp(lambda primals, tangents: (primals[0] ** 2, 2 * primals[0] * tangents[0]))
    J = ad.jacobian(f, sparse=True)(np.arange(3.0))
    assert_equal(J, np.diag([0.0, 2.0, 4.0]))
    assert J.nnz == 9


def test_what_cannot_be_translated():
    def f(x):
        found = None
        for k in range(len(x)):
            if x[k] > 1.2 and found is None:
                found = x[k] ** 2
        return x * found

    x = np.linspace(0.5, 1.5, 5)
    with pytest.raises(ad.errors.AdjointError, match="remedy"):
        ad.jacobian(ad.jit(f), sparse=True)(x)
    assert_equal(ad.jacobian(ad.jit(f, fallback=True), sparse=True)(x), ad.jacobian(f)(x))


def test_loops_that_differ_in_length_run_one_direction_at_a_time():
    def f(x):
        y = x.copy()
        while np.max(y) < 100:
            y = y * (1 + x)
        return y

    x = np.array([0.5, 1.0, 2.0])
    for mode in ("forward", "reverse"):
        assert_equal(ad.jacobian(f, sparse=True, mode=mode)(x), ad.jacobian(f)(x))
    assert_equal(ad.jit(ad.jacobian(f, sparse=True))(x), ad.jacobian(f)(x))


def test_an_array_that_the_function_writes_to():
    def f(x):
        x[1:] *= x[:-1]
        return x

    for g in (f, ad.jit(f)):
        x = np.arange(1.0, 5.0)
        assert_equal(ad.jacobian(g, sparse=True)(x), ad.jacobian(f)(np.arange(1.0, 5.0)))


def test_the_result_prints_and_pickles():
    J = ad.jacobian(np.sin, sparse=True)
    assert repr(J) == "adjoint.jacobian(sin, mode='auto', sparse=True)"
    assert pickle.loads(pickle.dumps(J))(np.ones(3)).nnz == 3


@pytest.mark.parametrize("jit", [False, True])
def test_hessian(jit):
    def f(x):
        return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    H = ad.hessian(f, sparse=True)
    x = np.linspace(0, 1, 9)
    found = (ad.jit(H) if jit else H)(x)
    assert_equal(found, ad.hessian(f)(x))
    assert found.nnz == 25
    both = ad.hessian(lambda x, y: x @ y, (0, 1), sparse=True)(x, x)
    assert both[0][1].nnz == 9
    assert both[0][0].nnz == 0
    with pytest.raises(ValueError, match="sparse=True"):
        ad.hessian(f, pattern=found)
