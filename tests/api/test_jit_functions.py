"""`jit`: kinds of functions, errors and refusals, and its results as good citizens: pickles, threads, source, export."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
import pickle
import runpy
import threading
import time
import types
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import AdjointError, MissingRuleError, StructureError
from tests.api.jit_programs import (
    DATA,
    LAYERS,
    Layer,
    X,
    Y,
    assert_same,
    energy,
    inner_grad,
    network,
    two,
)


class Model:
    scale = 2.0

    def __init__(self, w: Any) -> None:
        self.w = w

    def loss(self, x: Any) -> Any:
        return np.sum(self.w * x) * self.scale

    @ad.jit
    def decorated(self, x: Any) -> Any:
        return np.sum(self.w * x) * self.scale

    @staticmethod
    def static(x: Any) -> Any:
        return np.sum(x**2)

    @classmethod
    def of_class(cls, x: Any) -> Any:
        return cls.scale * np.sum(x)

    @property
    def double(self) -> Any:
        return self.w * 2

    def with_property(self, x: Any) -> Any:
        return np.sum(self.double * x)

    def __call__(self, x: Any) -> Any:
        return np.sum(self.w * x**2)


# Errors -----------------------------------------------------------------------------------------------------------------------


def checked(x: Any) -> Any:
    if x < 0.0:
        raise ValueError(f"negative: {x}")
    assert x != 1.0, "one"
    return math.sqrt(x)


@pytest.mark.parametrize(("x", "error", "text"), [(-2.0, ValueError, "negative: -2.0"), (1.0, AssertionError, "one")])
def test_exceptions_of_the_users_surface(x: float, error: type[Exception], text: str) -> None:
    for g in (checked, ad.jit(checked), ad.jit(ad.grad(checked)), ad.grad(ad.jit(checked))):
        with pytest.raises(error) as caught:
            g(x)
        assert str(caught.value).partition("\n")[0] == text


def broken(x: Any, y: Any) -> Any:
    z = x * 2
    return np.sum((z @ y) ** 2)


def test_an_error_in_a_program_names_the_line_of_the_user() -> None:
    line = broken.__code__.co_firstlineno + 2
    for g in (ad.jit(broken), ad.jit(ad.grad(broken))):
        assert g(X, Y) is not None
        with pytest.raises(ValueError, match="matmul") as caught:
            g(X, np.ones(5))
        assert any(f"{__file__}:{line} (broken)" in note for note in caught.value.__notes__)


def broken_in_a_loop(x: Any, n: int) -> Any:
    total = 0.0
    for i in range(n):
        if total < 100.0:
            total += np.sum(x[i:] @ x)
    return total


def test_an_error_in_a_block_names_the_function_that_has_the_block() -> None:
    line = broken_in_a_loop.__code__.co_firstlineno + 4
    for g in (ad.jit(broken_in_a_loop), ad.jit(ad.grad(broken_in_a_loop))):
        with pytest.raises(ValueError, match="matmul") as caught:
            g(X, 2)
        assert any(f"{__file__}:{line} (broken_in_a_loop)" in note for note in caught.value.__notes__)


def test_a_refusal_shows_file_line_caret_reason_and_remedy() -> None:
    def f(x: Any) -> Any:
        y = x * 2

        async def later() -> None: ...

        return y

    with pytest.raises(AdjointError) as caught:
        ad.jit(f)(1.0)
    text = str(caught.value)
    lines, first = inspect.getsourcelines(f)
    (number,) = [first + k for k, line in enumerate(lines) if "async def" in line]
    assert f"{__file__}:{number}\n" in text
    assert "\n      async def later() -> None: ...\n      ^" in text
    assert "^" in text
    assert "remedy: " in text


# Functions whose results would hold values of the program after it has ended.
ESCAPES: dict[str, Callable[[Any], Any]] = {
    "a function": lambda x: lambda y: x * y,
    "a method": lambda x: Model(x).loss,
    "a partial": lambda x: functools.partial(np.add, x),
    "a generator": lambda x: (2 * y for y in x),
    "an iterator": iter,
    "a map": lambda x: map(np.sin, x),
    "a zip": lambda x: zip(x, x, strict=True),
    "within a tree": lambda x: [1.0, {"f": lambda y: x * y}],
}


@pytest.mark.parametrize("name", ESCAPES)
def test_values_of_the_program_do_not_escape(name: str) -> None:
    with pytest.raises(AdjointError, match="translated"):
        ad.jit(ESCAPES[name])(X)


def test_a_call_that_cannot_be_translated_is_refused_with_its_line() -> None:
    def f(x: Any) -> Any:
        return x * time.perf_counter()

    with pytest.raises(AdjointError, match="is not translated") as caught:
        ad.jit(f)(1.0)
    place = f"{__file__}:{f.__code__.co_firstlineno + 1}\n      return x * time.perf_counter()\n                 ^"
    assert place in str(caught.value)


def _with_jvp(jvp: Callable[..., Any] | None) -> Any:
    f = ad.custom_jvp(lambda x: x * 2)
    if jvp is not None:
        f.defjvp(lambda primals, tangents: jvp(f(*primals), tangents[0]))
    return f


def _with_vjp(bwd: Callable[..., Any] | None) -> Any:
    f = ad.custom_vjp(lambda x: x * 2)
    if bwd is not None:
        f.defvjp(lambda x: (f(x), x), bwd)
    return f


# Functions with a derivative of their own that is wrong: what the error says when a derivative is asked for.
WRONG: dict[str, tuple[Any, type[AdjointError], str]] = {
    "no jvp": (_with_jvp(None), MissingRuleError, "register one with defjvp"),
    "no vjp": (_with_vjp(None), MissingRuleError, "register one with defvjp"),
    "no pair": (_with_jvp(lambda y, t: t), StructureError, r"must return \(y, y_dot\)"),
    "a tree": (_with_jvp(lambda y, t: (y, [t])), StructureError, "structure"),
    "a tangent of another rank": (_with_jvp(lambda y, t: (y, np.sum(t))), StructureError, "tangent"),
    "a value of another rank": (_with_jvp(lambda y, t: (np.sum(y), t)), StructureError, "value"),
    "no tuple": (_with_vjp(lambda x, ct: ct), StructureError, "tuple of 1 cotangents"),
    "a cotangent of another rank": (_with_vjp(lambda x, ct: (np.sum(ct),)), StructureError, "cotangent"),
    "what is not translated": (_with_jvp(lambda y, t: (y, t * time.time())), AdjointError, "time.time"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_derivative_of_the_users_own_is_refused_when_it_is_needed(name: str) -> None:
    f, error, text = WRONG[name]
    assert_same(ad.jit(f)(X), 2 * X)
    for operator in (ad.jacfwd, ad.jacrev):
        with pytest.raises(error, match=text):
            ad.jit(operator(f))(X)


def test_a_derivative_of_the_users_own_does_not_tell_of_values_around_it() -> None:
    def loss(w: Any) -> Any:
        f = ad.custom_jvp(lambda x: w * x)
        f.defjvp(lambda primals, tangents: (f(*primals), w * tangents[0]))
        return f(2.0 * w)

    assert ad.jit(loss)(3.0) == 18.0
    with pytest.raises(MissingRuleError, match="value of the function around it"):
        ad.jit(ad.grad(loss))(3.0)


def test_fallback_warns_once_and_is_right() -> None:
    def f(x: Any) -> Any:
        y = np.zeros(len(x))
        for k in range(len(x)):
            y[k] = x[k] ** 2
        return np.sum(y) + 0.0 * time.perf_counter()

    g = ad.jit(f, fallback=True)
    with pytest.warns(UserWarning, match="tracing engine") as record:
        assert g(X) == f(X)
    assert len(record) == 1
    assert record[0].filename == __file__
    assert_same(ad.grad(g)(X), 2 * X)
    assert g(Y) == f(Y)


def test_unknown_backends_and_objects_are_refused() -> None:
    with pytest.raises(ValueError, match="backend"):
        ad.jit(energy, backend="fortran")
    with pytest.raises(TypeError, match="jit expects a function"):
        ad.jit(3.0)  # type: ignore[arg-type]
    with pytest.raises(AdjointError, match="never called"):
        ad.source(ad.jit(energy))


# Kinds of functions -----------------------------------------------------------------------------------------------------------


class Compiled:
    """What `numba.njit` makes of a function keeps that."""

    def __init__(self, f: Callable[..., Any]) -> None:
        self.py_func = f

    def __call__(self, *args: Any) -> Any:
        raise AssertionError("the compiled function is not called")


@functools.cache
def cached(n: float) -> float:
    return n**2 + 1.0


@functools.wraps(energy)
def wrapped(x: Any) -> Any:
    return energy(x) * 2


KINDS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "lambda": (lambda x: np.sum(x**3), lambda x: np.sum(x**3)),
    "method": (Model(Y).loss, lambda x: np.sum(Y * x) * 2.0),
    "decorated method": (Model(Y).decorated, lambda x: np.sum(Y * x) * 2.0),
    "static method": (Model.static, lambda x: np.sum(x**2)),
    "class method": (Model.of_class, lambda x: 2.0 * np.sum(x)),
    "method with a property": (Model(Y).with_property, lambda x: np.sum(2 * Y * x)),
    "callable object": (Model(Y), lambda x: np.sum(Y * x**2)),
    "partial": (functools.partial(two, y=Y), lambda x: two(x, Y)),
    "partial of a partial": (functools.partial(functools.partial(two), y=Y), lambda x: two(x, Y)),
    "NumPy's function": (np.sum, np.sum),
    "compiled": (Compiled(energy), energy),
    "cached within": (lambda x: np.sum(x) * cached(x[0]), lambda x: np.sum(x) * (x[0] ** 2 + 1.0)),
    "wrapped": (wrapped, lambda x: energy(x) * 2),
}


@pytest.mark.parametrize("name", KINDS)
def test_kinds_of_functions(name: str) -> None:
    f, plain = KINDS[name]
    assert_same(ad.jit(f)(X), plain(X))
    assert_same(ad.jit(ad.grad(f))(X), ad.grad(plain)(X))
    assert_same(ad.grad(ad.jit(f))(X), ad.grad(plain)(X))


def test_attributes_of_self_are_read_at_every_call() -> None:
    model = Model(Y)
    g = ad.jit(model.loss)
    assert g(X) == pytest.approx(model.loss(X))
    model.w, model.scale = X, 7.0
    assert g(X) == pytest.approx(model.loss(X))


# A good citizen ---------------------------------------------------------------------------------------------------------------


def test_it_keeps_name_and_docstring_and_prints_itself() -> None:
    g = ad.jit(energy)
    assert (g.__name__, g.__doc__) == ("energy", energy.__doc__)
    assert repr(g) == "adjoint.jit(energy)"


@pytest.mark.parametrize("make", [lambda: ad.jit(energy), lambda: ad.jit(ad.grad(energy)), lambda: ad.grad(ad.jit(energy))])
def test_pickles(make: Callable[[], Any]) -> None:
    g = make()
    want = g(X)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        copy = pickle.loads(pickle.dumps(g, protocol))
        assert_same(copy(X), want)
        assert repr(copy) == repr(g)


def test_threads_translate_and_call_at_the_same_time() -> None:
    g = ad.jit(ad.value_and_grad(network))
    barrier = threading.Barrier(4)

    def run(k: int) -> Any:
        barrier.wait()
        layers = [Layer(layer.weights * k, layer.bias) for layer in LAYERS]
        return [g(layers, DATA) for _ in range(50)]

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(run, range(4)))
    for k, found in enumerate(results):
        layers = [Layer(layer.weights * k, layer.bias) for layer in LAYERS]
        want = ad.value_and_grad(network)(layers, DATA)
        for one in found:
            assert_same(one, want)


def test_results_and_arguments_are_not_kept_alive() -> None:
    import gc
    import weakref

    class Array(np.ndarray):
        pass

    g = ad.jit(lambda p: {"y": p["x"] * 2})
    x = np.ones(3)
    alive = [weakref.ref(x), weakref.ref(g({"x": x})["y"])]
    g({"x": x})
    del x
    gc.collect()
    assert [ref() for ref in alive] == [None, None]


def test_calls_do_not_share_results() -> None:
    g = ad.jit(lambda x: (np.zeros(3), [x * 2]))
    first, second = g(X), g(X)
    first[0][:] = 7.0
    first[1].append(1.0)
    assert_same(second, (np.zeros(3), [X * 2]))


# Source and export ------------------------------------------------------------------------------------------------------------


def test_source_tells_the_program_of_the_last_call() -> None:
    g = ad.jit(lambda x: x * 2)
    g(1.0)
    assert ad.source(g) == ad.source(g, 2.0)
    assert "def " in ad.source(g)
    assert ad.source(g, X) == ad.source(lambda x: x * 2, X)


def test_docstrings_of_any_text_are_kept() -> None:
    def f(x: Any) -> Any:
        return x * 2

    for text in (r"Return \psi.", 'It says """x""" and "y"', "Two\n\nlines."):
        f.__doc__ = text
        namespace: dict[str, Any] = {}
        exec(ad.source(f, 1.0), namespace)
        assert inspect.cleandoc(namespace["f"].__doc__) == text


@pytest.mark.parametrize(
    "f", [energy, inner_grad, ad.grad(energy), ad.grad(inner_grad)], ids=["energy", "inner_grad", "grad", "grad of inner_grad"]
)
def test_export_writes_a_module_of_its_own(f: Callable[..., Any], tmp_path: Any) -> None:
    path = tmp_path / "model.py"
    ad.export(f, path, X)
    assert "import adjoint" not in path.read_text()
    module = runpy.run_path(str(path))
    (exported,) = [g for name, g in module.items() if isinstance(g, types.FunctionType) and not name.startswith("_")][-1:]
    assert_same(exported(X), f(X))


# Objects of the world outside, given to operators -----------------------------------------------------------------------------


@dataclasses.dataclass
class Weights:
    scale: float
    of_each: Any

    def loss(self, x: Any) -> Any:
        return self.scale * np.sum(self.of_each * x**2)


@pytest.mark.parametrize(
    "use",
    [
        lambda w, x: ad.grad(lambda p: p.loss(x))(w),
        lambda w, x: ad.jvp(lambda p: p.loss(x), (w,), (w,)),
        lambda w, x: ad.vjp(lambda p: p.loss(x), w)[1](2.0),
        lambda w, x: ad.linearize(lambda p: p.loss(x), w)[1](w),
        lambda w, x: ad.vjp(lambda v: Weights(v[0], v * 2), x)[1](w),
    ],
)
def test_operators_differentiate_by_an_object_of_the_world_as_it_is_at_the_call(use: Any) -> None:
    weights = Weights(2.0, np.array([1.0, 2.0, 3.0]))
    program = ad.jit(lambda x: _parts(use(weights, x)))
    assert_same(program(X), _parts(use(weights, X)))
    weights.scale, weights.of_each = 5.0, np.array([-1.0, 0.5, 2.0])
    assert_same(program(X), _parts(use(weights, X)))


def _parts(x: Any) -> Any:
    """Return numbers and arrays in tuples, without objects."""
    if isinstance(x, Weights):
        return x.scale, x.of_each
    return tuple(_parts(part) for part in x) if isinstance(x, tuple) else x
