"""Derivative functions as objects and as good citizens: pickles, names, threads, trees, types, memory."""

from __future__ import annotations

import dataclasses
import gc
import pickle
import sys
import threading
import tracemalloc
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import optree
import pytest
from scipy.sparse.linalg import cg, lsqr, svds

import adjoint as ad

X = np.array([0.5, 1.5, -2.0])
V = np.array([1.0, -1.0, 0.5])


def energy(x: Any, scale: float = 1.0) -> Any:
    """Return the energy."""
    return scale * np.sum(np.sin(x) * x)


def curve(x: Any, scale: float = 1.0) -> Any:
    """Return a curve."""
    return scale * np.cos(x)


# Each operator with a function that it takes, and the arguments of the result.
OPERATORS: dict[str, tuple[Callable[..., Any], Callable[..., Any], tuple[Any, ...]]] = {
    "grad": (ad.grad, energy, (X,)),
    "value_and_grad": (ad.value_and_grad, energy, (X,)),
    "jacobian": (ad.jacobian, curve, (X,)),
    "jacfwd": (ad.jacfwd, curve, (X,)),
    "jacrev": (ad.jacrev, curve, (X,)),
    "hessian": (ad.hessian, energy, (X,)),
    "hvp": (ad.hvp, energy, (X, V)),
    "derivative": (ad.derivative, curve, (0.3,)),
    "checkpoint": (ad.checkpoint, energy, (X,)),
    "vmap": (ad.vmap, curve, (X,)),
}
EACH = pytest.mark.parametrize("name", OPERATORS)


def same(a: Any, b: Any) -> bool:
    left, right = optree.tree_leaves(a), optree.tree_leaves(b)
    return len(left) == len(right) and all(np.array_equal(u, v) for u, v in zip(left, right, strict=True))


# As objects ----------------------------------------------------------------------------------------------------------------------


@EACH
def test_pickles(name: str) -> None:
    operator, f, args = OPERATORS[name]
    g = operator(f)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        copy = pickle.loads(pickle.dumps(g, protocol))
        assert same(copy(*args), g(*args))
        assert repr(copy) == repr(g)


def test_nested_derivatives_pickle() -> None:
    g = ad.vmap(ad.grad(ad.checkpoint(curve)))
    assert same(pickle.loads(pickle.dumps(g))(X), -np.sin(X))


def test_a_function_that_does_not_pickle_says_so() -> None:
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(ad.grad(lambda x: x))


@EACH
def test_name_documentation_and_signature_are_those_of_the_function(name: str) -> None:
    operator, f, _ = OPERATORS[name]
    g = operator(f)
    assert (g.__name__, g.__doc__, g.__wrapped__, g.__module__) == (f.__name__, f.__doc__, f, f.__module__)


@EACH
def test_prints_itself(name: str) -> None:
    operator, f, _ = OPERATORS[name]
    text = repr(operator(f))
    assert text.startswith(f"adjoint.{name}({f.__name__}")


def test_prints_options_and_nesting() -> None:
    assert repr(ad.grad(energy, argnums=(0, 1))) == "adjoint.grad(energy, argnums=(0, 1))"
    assert repr(ad.jacfwd(ad.grad(energy))) == "adjoint.jacfwd(adjoint.grad(energy))"


@EACH
def test_refuses_what_is_no_function(name: str) -> None:
    with pytest.raises(TypeError, match="expects a function"):
        OPERATORS[name][0](3.0)


class Model:
    """Derivatives as methods."""

    def __init__(self, scale: float) -> None:
        self.scale = scale

    def energy(self, x: Any) -> Any:
        return self.scale * np.sum(x**3)

    @ad.checkpoint
    def saved(self, x: Any) -> Any:
        return self.scale * np.sum(x**3)

    def _slope(self, x: Any) -> Any:
        return self.scale * x**2

    force = ad.grad(energy, argnums=1)
    stiffness = ad.hessian(energy, argnums=1)
    slope = ad.derivative(_slope, 1)


def test_as_methods() -> None:
    model = Model(2.0)
    assert np.allclose(model.force(X), 6 * X**2)
    assert np.allclose(model.stiffness(X), np.diag(12 * X))
    assert np.allclose(model.slope(3.0), 12.0)
    assert np.allclose(ad.grad(model.saved)(X), 6 * X**2)
    assert np.allclose(ad.grad(model.energy)(X), 6 * X**2)
    assert np.allclose(Model.force(model, X), 6 * X**2)
    assert model.force.func is Model.force


class Bowl:
    """An object with a call."""

    def __call__(self, x: Any) -> Any:
        return np.sum(x**2)


def test_of_callable_objects_partials_and_builtins() -> None:
    import functools

    assert np.allclose(ad.grad(Bowl())(X), 2 * X)
    assert np.allclose(ad.grad(functools.partial(energy, scale=2.0))(X), 2 * ad.grad(energy)(X))
    assert np.allclose(ad.grad(np.sum)(X), 1)
    assert "Bowl" in repr(ad.grad(Bowl()))


# Threads -------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def hurried() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def steps(x: Any, k: int) -> Any:
    y = np.zeros(3)
    for i in range(3):
        y[i] = np.sin(k * x[i]) * x[i - 1]
    y[1:] += y[:-1]
    return np.sum(y * y)


def slope_of_slope(x: float, k: int) -> Any:
    return x * ad.grad(lambda y: ad.derivative(lambda z: k * x * y * z * z)(y))(x)  # x * 4 k x**2


def one_of_all(k: int) -> Any:
    return [
        ad.grad(steps)(X, k),
        ad.jvp(lambda x: steps(x, k), (X,), (V,)),
        ad.hessian(steps)(X, k),
        ad.grad(slope_of_slope)(2.0, k),
        ad.grad(ad.checkpoint(lambda x: steps(x, k)))(X),
        ad.vmap(lambda x: np.sin(k * x))(X),
    ]


@pytest.mark.usefixtures("hurried")
def test_eight_threads_at_once() -> None:
    expected = [one_of_all(k) for k in range(8)]
    barrier = threading.Barrier(8)

    def work(k: int) -> list[bool]:
        barrier.wait()
        return [same(one_of_all(k), expected[k]) for _ in range(3)]

    with ThreadPoolExecutor(8) as pool:
        assert all(all(right) for right in pool.map(work, range(8)))
    assert np.isclose(expected[3][3], 12 * 3 * 2.0**2)


@pytest.mark.usefixtures("hurried")
def test_eight_threads_share_one_derivative_and_one_pullback() -> None:
    g = ad.grad(steps)
    _, pullback = ad.vjp(lambda x: np.cos(x) * x, X)
    _, linear = ad.linearize(lambda x: np.cos(x) * x, X)
    expected = [(g(X, 2), pullback(k * V)[0], linear(k * V)) for k in range(8)]

    def work(k: int) -> bool:
        return all(same((g(X, 2), pullback(k * V)[0], linear(k * V)), expected[k]) for _ in range(5))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))


@pytest.mark.usefixtures("hurried")
def test_threads_inside_of_a_derivative() -> None:
    """A differentiated function may ask threads for derivatives of other functions."""

    def f(x: Any) -> Any:
        with ThreadPoolExecutor(4) as pool:
            slopes = list(pool.map(lambda k: float(ad.grad(lambda y: k * y * y)(1.0)), range(4)))
        return np.sum(x) * sum(slopes)

    assert np.allclose(ad.grad(f)(X), 12.0)


# Trees ---------------------------------------------------------------------------------------------------------------------------


class Pair(NamedTuple):
    """A named tuple."""

    first: Any
    second: Any


@dataclasses.dataclass
class Fields:
    """A dataclass."""

    first: Any
    second: Any


@dataclasses.dataclass(frozen=True)
class Frozen:
    """An immutable dataclass."""

    first: Any
    second: Any


class Registered:
    """A class that its author registered with optree."""

    def __init__(self, first: Any, second: Any) -> None:
        self.first, self.second = first, second


optree.register_pytree_node(
    Registered, lambda r: ((r.first, r.second), None), lambda _, children: Registered(*children), namespace="adjoint"
)

TREES: dict[str, tuple[Callable[[Any, Any], Any], Callable[[Any], tuple[Any, Any]]]] = {
    "dict": (lambda a, b: {"first": a, "second": b}, lambda t: (t["first"], t["second"])),
    "list": (lambda a, b: [a, b], tuple),
    "tuple": (lambda a, b: (a, b), tuple),
    "named tuple": (Pair, tuple),
    "dataclass": (Fields, lambda t: (t.first, t.second)),
    "frozen dataclass": (Frozen, lambda t: (t.first, t.second)),
    "registered class": (Registered, lambda t: (t.first, t.second)),
    "nested": (lambda a, b: {"x": [a, None, (b,)]}, lambda t: (t["x"][0], t["x"][2][0])),
    "with None": (lambda a, b: (None, a, b), lambda t: (t[1], t[2])),
}
SHAPES = pytest.mark.parametrize("kind", TREES)


@SHAPES
def test_trees_as_arguments_and_gradients(kind: str) -> None:
    build, parts = TREES[kind]

    def f(tree: Any) -> Any:
        a, b = parts(tree)
        return np.sum(a**2) * b

    value, gradient = ad.value_and_grad(f)(build(X, 3.0))
    assert type(gradient) is type(build(X, 3.0))
    assert np.isclose(value, 3 * np.sum(X**2))
    da, db = parts(gradient)
    assert np.allclose(da, 6 * X)
    assert np.isclose(db, np.sum(X**2))
    _, slope = ad.jvp(f, (build(X, 3.0),), (build(V, 1.0),))
    assert np.isclose(slope, np.dot(6 * X, V) + np.sum(X**2))
    assert np.allclose(parts(ad.hvp(f)((build(X, 3.0),), build(V, 0.0)))[0], 6 * V)


@SHAPES
def test_trees_as_results(kind: str) -> None:
    build, parts = TREES[kind]

    def f(x: Any) -> Any:
        return build(x**2, np.sum(x))

    y, pullback = ad.vjp(f, X)
    assert type(y) is type(build(X, 3.0))
    assert np.allclose(parts(y)[0], X**2)
    assert np.allclose(pullback(build(V, 1.0))[0], 2 * X * V + 1)
    blocks = parts(ad.jacobian(f)(X))
    assert np.allclose(blocks[0], np.diag(2 * X))
    assert np.allclose(blocks[1], 1)
    _, tangent = ad.jvp(f, (X,), (V,))
    assert np.isclose(parts(tangent)[1], np.sum(V))
    _, linear = ad.linearize(f, X)
    assert np.allclose(parts(linear(V))[0], 2 * X * V)
    assert np.allclose(linear.transpose(build(V, 1.0))[0], 2 * X * V + 1)


def test_shared_leaves_and_empty_trees() -> None:
    assert ad.grad(lambda t: t[0] * 2.0)((3.0, {}, [], None)) == (2.0, {}, [], None)
    assert ad.grad(lambda t: t["a"] * t["b"])({"a": 2.0, "b": 2.0}) == {"a": 2.0, "b": 2.0}


# Arguments -----------------------------------------------------------------------------------------------------------------------


def product(a: Any, b: Any, c: Any = 1.0, *, d: Any = 1.0) -> Any:
    return a * b**2 * c**3 * d


@pytest.mark.parametrize(
    ("argnums", "expected"),
    [
        (0, 9.0),
        (1, 12.0),
        (-1, 12.0),
        (-2, 9.0),
        ((0, 1), (9.0, 12.0)),
        ((1, 0), (12.0, 9.0)),
        ((-1,), (12.0,)),
        ([0], (9.0,)),
        (range(2), (9.0, 12.0)),
    ],
    ids=str,
)
def test_argnums(argnums: Any, expected: Any) -> None:
    assert ad.grad(product, argnums)(2.0, 3.0) == expected
    assert ad.value_and_grad(product, argnums)(2.0, 3.0) == (18.0, expected)
    for operator in (ad.jacobian, ad.jacfwd, ad.jacrev):
        assert same(operator(product, argnums)(2.0, 3.0), expected)
    h = ad.hessian(product, argnums)(2.0, 3.0)
    assert isinstance(h, tuple) is not isinstance(argnums, int)


def test_keyword_arguments_are_passed_through() -> None:
    assert ad.grad(product)(2.0, 3.0, d=10.0) == 90.0
    assert ad.grad(product)(2.0, b=3.0, c=2.0) == 72.0
    assert ad.value_and_grad(product, 1)(2.0, 3.0, d=2.0) == (36.0, 24.0)
    assert same(ad.jacobian(curve)(X, scale=2.0), 2 * ad.jacobian(curve)(X))
    assert same(ad.hessian(energy)(X, scale=2.0), 2 * ad.hessian(energy)(X))
    assert same(ad.hvp(energy)(X, V, scale=2.0), 2 * ad.hvp(energy)(X, V))
    assert ad.derivative(product)(2.0, 3.0, d=10.0) == 90.0
    assert ad.checkpoint(product)(2.0, b=3.0, d=2.0) == 36.0
    assert ad.grad(lambda a: ad.checkpoint(product)(a, 3.0, d=a))(2.0) == 36.0
    assert ad.grad(ad.checkpoint(lambda a, b: a * b))(2.0, b=3.0) == 3.0


def with_aux(x: Any) -> Any:
    y = np.sum(x**2)
    return y, {"double": 2 * y, "text": "kept", "none": None}


def test_auxiliary_data() -> None:
    total = float(np.sum(X**2))
    gradient, aux = ad.grad(with_aux, has_aux=True)(X)
    assert np.allclose(gradient, 2 * X)
    assert aux == {"double": 2 * total, "text": "kept", "none": None}
    assert type(aux["double"]) is np.float64
    (value, aux), gradient = ad.value_and_grad(with_aux, has_aux=True)(X)
    assert (value, aux["text"]) == (total, "kept")
    for operator in (ad.jacobian, ad.jacfwd, ad.jacrev):
        jacobian, aux = operator(with_aux, has_aux=True)(X)
        assert np.allclose(jacobian, 2 * X)
        assert aux["double"] == 2 * total
    h, aux = ad.hessian(with_aux, has_aux=True)(X)
    assert np.allclose(h, 2 * np.eye(3))
    assert aux["double"] == 2 * total
    assert ad.jvp(with_aux, (X,), (V,), has_aux=True)[2]["text"] == "kept"
    assert ad.vjp(with_aux, X, has_aux=True)[2]["text"] == "kept"
    assert ad.linearize(with_aux, X, has_aux=True)[2]["text"] == "kept"


# Types ---------------------------------------------------------------------------------------------------------------------------


def test_python_ints_are_promoted() -> None:
    assert ad.grad(lambda x: x * x)(3) == 6.0
    assert isinstance(ad.grad(lambda x: x * x)(3), float)
    assert ad.jvp(lambda x: x * x, (3,), (1,)) == (9.0, 6.0)
    assert ad.grad(lambda p: p["a"] * p["b"])({"a": 2, "b": 3.0}) == {"a": 3.0, "b": 2.0}


def test_derivatives_of_python_floats_are_python_floats() -> None:
    for f in (lambda x: x * x, lambda x: x**3, lambda x: np.sin(x) * x, abs):
        assert type(ad.grad(f)(2.0)) is float
        assert type(ad.grad(ad.grad(f))(2.0)) is float


def test_arrays_of_integers_are_inactive() -> None:
    tree = {"x": X, "index": np.array([2, 0]), "flag": True}
    gradient = ad.grad(lambda t: np.sum(t["x"][t["index"]]) if t["flag"] else 0.0)(tree)
    assert np.array_equal(gradient["x"], [1, 0, 1])
    assert not np.any(gradient["index"])
    with pytest.raises(ad.errors.InputError, match="integers"):
        ad.grad(np.sum)(np.arange(3))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_precision_is_kept(dtype: Any) -> None:
    x, v = X.astype(dtype), V.astype(dtype)

    def f(x: Any) -> Any:
        y = np.sin(x) * 2.0 + x**2 / 3
        y[0] += 1.0
        return np.sum(y)

    value, gradient = ad.value_and_grad(f)(x)
    tangent = ad.jvp(f, (x,), (v,))[1]
    results = [
        value,
        gradient,
        tangent,
        ad.hvp(f)(x, v),
        ad.hessian(f)(x),
        ad.vjp(np.cos, x)[1](v)[0],
        ad.linearize(np.cos, x)[1](v),
    ]
    assert {np.asarray(r).dtype for r in results} == {np.dtype(dtype)}
    assert np.allclose(gradient, ad.grad(f)(X), rtol=1e-5)


def test_complex_numbers() -> None:
    assert np.isclose(ad.grad(lambda z: abs(z) ** 2)(3 + 4j), 6 + 8j)
    assert np.allclose(ad.grad(lambda z: np.sum(np.abs(z) ** 2))(np.array([3 + 4j, -1j])), [6 + 8j, -2j])
    assert np.isclose(ad.grad(lambda z: z**3, holomorphic=True)(1 + 2j), 3 * (1 + 2j) ** 2)
    z = np.array([1 + 2j, -1j])
    assert np.allclose(ad.jacobian(np.exp, holomorphic=True)(z), np.diag(np.exp(z)))
    assert np.allclose(ad.hessian(lambda z: np.sum(z**3), holomorphic=True)(z), np.diag(6 * z))
    assert np.isclose(ad.derivative(np.sin)(1j), np.cos(1j))
    assert ad.grad(lambda x: np.abs(x * 1j) ** 2)(3.0) == 6.0
    with pytest.raises(ad.errors.OutputError, match="complex"):
        ad.grad(lambda z: z * z)(1j)
    with pytest.raises(ad.errors.InputError, match="complex"):
        ad.jacobian(np.exp)(z)


# Memory --------------------------------------------------------------------------------------------------------------------------


def writes(x: Any) -> Any:
    """Write into the argument, which NumPy would let change the caller's array."""
    y = x * 1.0
    y[0] = 7.0
    y *= 2
    return np.sum(y**2) + np.sum(x)


@EACH
def test_callers_arrays_are_unchanged(name: str) -> None:
    operator, _, args = OPERATORS[name]
    if isinstance(args[0], float) or name == "vmap":
        pytest.skip("numbers have no memory")
    kept = tuple(np.copy(a) for a in args)
    before = kept[0].copy()
    operator(writes)(*kept)
    assert np.array_equal(kept[0], before)


def test_results_share_no_memory_with_arguments() -> None:
    x, v = X.copy(), V.copy()
    _, gradient = ad.value_and_grad(lambda x: np.dot(x, v))(x)
    assert not np.may_share_memory(gradient, v)
    y, tangent = ad.jvp(lambda x: x * 1.0, (x,), (v,))
    assert not np.may_share_memory(tangent, v)
    assert not np.may_share_memory(y, x)


def test_a_pullback_stands_for_the_point_at_which_it_was_made() -> None:
    x = X.copy()
    _, pullback = ad.vjp(lambda x: x**2, x)
    first = pullback(V)[0].copy()
    assert same(pullback(V)[0], first)
    assert np.allclose(first, 2 * X * V)


PROGRAMS: dict[str, Callable[[], Any]] = {
    "grad": lambda: ad.grad(steps)(X, 2),
    "jvp": lambda: ad.jvp(lambda x: steps(x, 2), (X,), (V,)),
    "vjp": lambda: ad.vjp(lambda x: steps(x, 2), X)[1](1.0),
    "linearize": lambda: ad.linearize(lambda x: steps(x, 2), X)[1](V),
    "jacobian": lambda: ad.jacobian(curve)(X),
    "hessian": lambda: ad.hessian(steps)(X, 2),
    "hvp": lambda: ad.hvp(lambda x: steps(x, 2))(X, V),
    "checkpoint": lambda: ad.grad(ad.checkpoint(energy))(X),
    "vmap": lambda: ad.vmap(curve)(X),
    "nested": lambda: ad.grad(slope_of_slope)(2.0, 3),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_no_reference_cycles(name: str) -> None:
    program = PROGRAMS[name]
    program()
    program()  # copies of functions are cached by now
    gc.collect()
    gc.disable()
    try:
        program()
        assert gc.collect() == 0
    finally:
        gc.enable()


def peak(f: Callable[..., Any], *args: Any) -> float:
    """Return the peak of memory of a call, in units of the first argument."""
    f(*args)
    gc.collect()
    tracemalloc.start()
    f(*args)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most / args[0].nbytes


def segment(x: Any, n: int) -> Any:
    for _ in range(n):
        x = np.sin(x)  # keeps its argument
    return x


def layers(x: Any, n: int, save: bool) -> Any:
    piece = ad.checkpoint(segment) if save else segment
    for _ in range(n):
        x = piece(x, n)
    return np.sum(x)


def test_checkpoints_keep_the_root_of_the_memory() -> None:
    x = np.linspace(0.0, 1.0, 20_000)
    assert same(ad.grad(layers)(x, 10, True), ad.grad(layers)(x, 10, False))
    plain, saved = peak(ad.grad(layers), x, 10, False), peak(ad.grad(layers), x, 10, True)
    assert plain > 100  # an array for each of the 10 * 10 steps
    assert saved < 30  # those of 10 segments, and of the 10 steps of one, and a few at work
    # Four times the steps: four times the memory without, and twice with.
    assert peak(ad.grad(layers), x, 20, False) > 3.5 * plain
    assert peak(ad.grad(layers), x, 20, True) < 2.5 * saved


def test_forward_mode_keeps_nothing() -> None:
    x = np.linspace(0.0, 1.0, 20_000)

    def push(x: Any, n: int) -> Any:
        return ad.jvp(lambda x: segment(x, n), (x,), (x,))

    assert peak(push, x, 100) < 12
    assert peak(push, x, 100) <= peak(push, x, 10) + 1


def test_the_tape_is_freed_as_the_sweep_passes() -> None:
    alive: list[int] = []
    references: list[weakref.ref[Any]] = []

    @ad.custom_vjp
    def watched(x: Any) -> Any:
        return np.sin(x)

    def forward(x: Any) -> Any:
        residual = np.array(np.cos(x))
        references.append(weakref.ref(residual))
        return np.sin(x), residual

    def back(residual: Any, ct: Any) -> Any:
        alive.append(sum(reference() is not None for reference in references))
        return (ct * residual,)

    watched.defvjp(forward, back)

    def f(x: Any) -> Any:
        for _ in range(5):
            x = watched(x)
        return np.sum(x)

    gradient = ad.grad(f)(X)
    assert alive == [5, 4, 3, 2, 1]
    assert not any(reference() is not None for reference in references)
    assert np.allclose(gradient, ad.grad(lambda x: np.sum(segment(x, 5)))(X))


def test_a_dropped_pullback_frees_its_memory() -> None:
    x = np.linspace(0.0, 1.0, 20_000)
    tracemalloc.start()
    y, pullback = ad.vjp(lambda x: segment(x, 50), x)
    held, _ = tracemalloc.get_traced_memory()
    del pullback
    freed, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held > 45 * x.nbytes
    assert freed < 5 * x.nbytes
    assert y.shape == x.shape


# SciPy ---------------------------------------------------------------------------------------------------------------------------


def test_the_linear_map_is_an_operator_for_scipy() -> None:
    rng = np.random.default_rng(0)
    A, p = rng.normal(size=(7, 4)), rng.normal(size=4)
    value, linear = ad.linearize(lambda p: np.tanh(A @ p), p)
    J, operator = ad.jacobian(lambda p: np.tanh(A @ p))(p), linear.as_operator()
    assert operator.shape == linear.shape == (7, 4)
    assert operator.dtype == np.float64
    assert np.allclose(operator @ np.eye(4), J)
    assert np.allclose(operator.T @ np.eye(7), J.T)
    assert np.allclose(lsqr(operator, value, atol=1e-14, btol=1e-14)[0], np.linalg.lstsq(J, value)[0])
    solution, status = cg(operator.T @ operator, J.T @ value, rtol=1e-13)
    assert status == 0
    assert np.allclose(solution, np.linalg.solve(J.T @ J, J.T @ value))
    assert np.allclose(np.sort(svds(operator, k=2, rng=0)[1]), np.linalg.svd(J)[1][1::-1])


def test_the_hessian_is_an_operator_for_scipy() -> None:
    x = np.array([0.5, 0.8, 1.1])
    _, linear = ad.linearize(ad.grad(lambda x: np.sum(np.exp(x)) + np.sum(x) ** 2), x)
    H = ad.hessian(lambda x: np.sum(np.exp(x)) + np.sum(x) ** 2)(x)
    solution, status = cg(linear.as_operator(), V, rtol=1e-13)
    assert status == 0
    assert np.allclose(H @ solution, V)


def test_operators_of_trees_are_flat() -> None:
    point = {"a": X, "b": 2.0}
    _, linear = ad.linearize(lambda t: (t["a"] * t["b"], np.sum(t["a"])), point)
    matrix = linear.as_operator() @ np.eye(4)
    assert np.allclose(matrix, np.vstack([np.column_stack([2 * np.eye(3), X]), [1, 1, 1, 0]]))
    assert np.allclose(linear.as_operator().rmatmat(np.eye(4)), matrix.T)
