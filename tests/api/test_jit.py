"""`jit`: when it translates, what it captures of the world around, and what it changes."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import MutationError
from tests.api.jit_programs import (
    M,
    X,
    Y,
    assert_same,
    energy,
    scalar,
)

# When a function is translated ------------------------------------------------------------------------------------------------

# Arguments one after the other, and how many programs there are after each.
TRANSLATIONS: dict[str, tuple[Callable[..., Any], list[tuple[tuple[Any, ...], int]]]] = {
    "shapes": (energy, [((np.ones(n),), 1) for n in (2, 3, 50, 1, 0)]),
    "values": (scalar, [((0.5,), 1), ((20.0,), 1), ((-1.0,), 1)]),
    "dtypes": (lambda x: x * 2, [((np.ones(2),), 1), ((np.ones(2, np.float32),), 2), ((np.ones(2, complex),), 3), ((np.ones(2),), 3)]),
    "ranks": (np.sum, [((np.ones(2),), 1), ((np.ones((2, 2)),), 2), ((np.ones((3, 1)),), 2), ((np.ones((1, 1, 1)),), 3)]),
    "numbers of Python's and NumPy's": (lambda x: x * 2, [((1.0,), 1), ((np.float64(1.0),), 2), ((1j,), 3), ((np.array(1.0),), 4)]),
    "structures": (lambda p: p[0] * 2, [(([1.0],), 1), (([1.0, 2.0],), 2), (((1.0,),), 3), (({0: 1.0},), 4), (([3.0],), 4)]),
    "whole numbers as symbols": (lambda x, n: x * n + x[n], [((X, 1), 1), ((X, 2), 1), ((X, 0), 1)]),
    "whole numbers as trip counts": (lambda x, n: sum(x * k for k in range(n)), [((X, 1), 1), ((X, 5), 1), ((X, 0), 1)]),
    "whole numbers as axes": (lambda x, n: np.sum(x, axis=n), [((M, 0), 1), ((M, 1), 1), ((M, 0), 1)]),
    "whole numbers that Python needs": (
        lambda x, n: np.reshape(x, (1,) * n + (-1,)), [((M, 0), 1), ((M, 1), 2), ((M, 0), 2), ((M + 1, 1), 2), ((M, 2), 3)],
    ),
    "booleans": (lambda x, flag: x if flag else -x, [((X, True), 1), ((X, False), 2), ((X, True), 2)]),
    "NumPy's booleans": (lambda x, flag: x if flag else -x, [((X, np.True_), 1), ((X, np.False_), 2), ((X, np.True_), 2)]),
    "strings": (lambda x, how: np.sum(x) if how == "sum" else np.max(x), [((X, "sum"), 1), ((X, "max"), 2), ((X, "sum"), 2)]),
    "functions": (lambda f, x: f(x), [((np.sin, X), 1), ((np.cos, X), 2), ((np.sin, Y), 2)]),
    "None": (lambda x, y: x if y is None else x * y, [((X, None), 1), ((X, 2.0), 2), ((X, None), 2)]),
}  # fmt: skip


@pytest.mark.parametrize("name", TRANSLATIONS)
def test_a_program_belongs_to_types_not_to_shapes(name: str) -> None:
    f, calls = TRANSLATIONS[name]
    g = ad.jit(f)
    for args, translations in calls:
        assert_same(g(*args), f(*args))
        assert g.translations == translations


def test_shapes_known_where_python_needs_them() -> None:
    def outer(x: Any) -> Any:
        a, b = np.squeeze(x)
        return a * b

    g = ad.jit(outer)
    for shape in ((2, 1), (1, 2), (2, 1)):
        x = np.array([3.0, 4.0]).reshape(shape)
        assert g(x) == 12.0
    assert g.translations <= 2


def test_the_same_array_twice_is_a_program_of_its_own() -> None:
    def f(a: Any, b: Any) -> Any:
        a[0] = 7.0
        return np.sum(a * b)

    g = ad.jit(f)
    for _ in range(2):
        assert g(np.ones(2), np.full(2, 2.0)) == f(np.ones(2), np.full(2, 2.0)) == 16.0
        x = np.ones(2)
        assert g(x, x) == 50.0
        assert x.tolist() == [7.0, 1.0]
    assert g.translations == 2


def test_keyword_default_and_star_arguments() -> None:
    def f(x: Any, *rest: Any, scale: float = 2.0, **more: Any) -> Any:
        return x * scale + sum(rest) + more.get("shift", 0.0)

    g = ad.jit(f)
    for args, kwargs in [((1.0,), {}), ((1.0, 2.0, 3.0), {}), ((1.0,), {"scale": 5.0}), ((1.0, 2.0), {"shift": 3.0})]:
        assert g(*args, **kwargs) == f(*args, **kwargs)
    assert ad.grad(g)(1.0, scale=4.0) == 4.0


# The world around a function --------------------------------------------------------------------------------------------------


class Holder:
    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


world = types.SimpleNamespace()
number: Any = 2.0
count: Any = 2
array: Any = np.array([1.0, 2.0, 3.0])
table: Any = {"w": np.array([1.0, 1.0, 2.0]), "b": 0.5}
items: Any = [1.0, np.array([2.0, 3.0, 4.0])]
function: Any = np.sin
holder: Any = Holder(w=np.array([1.0, 0.0, 2.0]), inner=Holder(b=1.5), name="a", n=1)


def _replace(name: str, value: Any) -> None:
    globals()[name] = value


# A function, and what changes between its calls.
WORLD: dict[str, tuple[Callable[[Any], Any], list[Callable[[], None]]]] = {
    "float": (lambda x: x * number, [lambda: _replace("number", 3.0), lambda: _replace("number", np.float64(0.5))]),
    "float becomes complex": (lambda x: x * number, [lambda: _replace("number", 3j)]),
    "float becomes array": (lambda x: x * number, [lambda: _replace("number", np.array([1.0, 2.0, 3.0]))]),
    "int": (lambda x: x * count, [lambda: _replace("count", 3), lambda: _replace("count", 2)]),
    "int as a trip count": (lambda x: sum(x * k for k in range(count)), [lambda: _replace("count", 5)]),
    "int becomes float": (lambda x: x * count, [lambda: _replace("count", 2.0)]),
    "array": (lambda x: x * array, [lambda: _replace("array", np.ones(3)), lambda: array.__setitem__(1, 9.0)]),
    "array of another rank": (lambda x: x * np.sum(array), [lambda: _replace("array", np.ones((3, 2)))]),
    "array of another dtype": (lambda x: x * np.sum(array), [lambda: _replace("array", np.ones(3, np.complex64))]),
    "dict": (
        lambda x: x * table["w"] + table["b"],
        [
            lambda: table.__setitem__("w", np.ones(3)), lambda: table.__setitem__("b", 1), lambda: table.__setitem__("c", 1),
            lambda: _replace("table", {"w": X, "b": 2.0}),
        ],
    ),
    "list": (
        lambda x: x * items[0] + items[-1],
        [lambda: items.__setitem__(0, 5.0), lambda: items.append(7.0), lambda: items.pop()],
    ),
    "function": (lambda x: function(x), [lambda: _replace("function", np.cos), lambda: _replace("function", lambda t: t * number)]),
    "attributes": (
        lambda x: x * holder.w * holder.inner.b * holder.n,
        [
            lambda: setattr(holder, "w", X), lambda: setattr(holder.inner, "b", 4.0), lambda: setattr(holder, "n", 3),
            lambda: setattr(holder, "inner", Holder(b=8.0)), lambda: _replace("holder", Holder(w=2.0, inner=Holder(b=1), n=2)),
        ],
    ),
    "string": (lambda x: x if holder.name == "a" else -x, [lambda: setattr(holder, "name", "b")]),
    "module": (lambda x: world.module.scale * x, [lambda: setattr(world.module, "scale", 5.0)]),
}  # fmt: skip


@pytest.mark.parametrize("name", WORLD)
def test_changes_of_the_world_are_seen_at_the_next_call(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    f, changes = WORLD[name]
    fresh = {
        "number": 2.0, "count": 2, "array": np.array([1.0, 2.0, 3.0]), "table": {"w": np.array([1.0, 1.0, 2.0]), "b": 0.5},
        "items": [1.0, np.array([2.0, 3.0, 4.0])], "function": np.sin,
        "holder": Holder(w=np.array([1.0, 0.0, 2.0]), inner=Holder(b=1.5), name="a", n=1),
    }  # fmt: skip
    for key, value in fresh.items():
        monkeypatch.setitem(globals(), key, value)
    world.module = types.ModuleType("module")
    vars(world.module)["scale"] = 2.0
    g = ad.jit(f)
    slope = ad.jit(ad.grad(lambda x: np.real(np.sum(f(x)))))
    assert_same(g(X), f(X))
    for change in (lambda: None, *changes):
        change()
        assert_same(g(X), f(X))
        assert_same(slope(X), ad.grad(lambda x: np.real(np.sum(f(x))))(X))


def test_floats_and_arrays_around_a_function_do_not_translate_again(monkeypatch: pytest.MonkeyPatch) -> None:
    g = ad.jit(lambda x: x * number + array)
    for k in range(3):
        monkeypatch.setitem(globals(), "number", float(k))
        monkeypatch.setitem(globals(), "array", np.full(3, float(k)))
        assert_same(g(X), X * k + k)
    assert g.translations == 1


def test_free_variables_and_defaults() -> None:
    scale, weights = 2.0, np.ones(3)

    def f(x: Any, shift: Any = np.array([1.0, 2.0, 3.0]), factor: float = 3.0) -> Any:  # noqa: B008
        return x * scale * factor + weights + shift

    g = ad.jit(f)
    assert_same(g(X), f(X))
    scale, weights = 5.0, np.zeros(3)
    assert_same(g(X), f(X))
    f.__defaults__[0][1] = 50.0  # type: ignore[index]
    assert_same(g(X), f(X))
    assert g.translations == 1


# Arguments that are changed ---------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Body:
    position: Any
    log: Any


def _moved(body: Any) -> Any:
    body.position = body.position + 1.0
    body.log.append(np.sum(body.position))
    return body


def _gradient_of_a_change(bodies: Any) -> Any:
    """Differentiate, within the function, one that changes what it is given."""

    def f(bodies: Any) -> Any:
        bodies[0].log.append(2.0)
        bodies[0].position[0] = 3.0
        bodies.append(bodies[0].log[0])
        bodies[0].log = bodies[0].log[-1] * bodies[1]
        return np.sum(bodies[0].position ** 2) * bodies[0].log

    return ad.grad(f)(bodies)[0].position


def _written(x: Any) -> Any:
    x *= 2.0
    return np.sum(x**2) * x


def _swapped(p: Any) -> Any:
    p["a"], p["b"] = p["b"], p["a"]
    p["c"] = p["a"] * 2
    return p["c"]


def _list_of_arrays(arrays: Any) -> Any:
    for a in arrays:
        a[:] = a * 2.0
    arrays.append(arrays[0])
    return arrays[-1]


# Functions that change their arguments.
CHANGED: dict[str, tuple[Callable[..., Any], Callable[[], tuple[Any, ...]]]] = {
    "an array, by index": (lambda x: x.__setitem__(0, 5.0), lambda: (X.copy(),)),
    "an array, by an operator": (lambda x: np.multiply(x, 2.0, out=x), lambda: (X.copy(),)),
    "an array, through a view": (lambda x: x[1:].__setitem__(slice(None), 0.0), lambda: (X.copy(),)),
    "a list": (lambda x: x.append(x[0] * 2), lambda: ([1.0, 2.0],)),
    "a list of arrays": (_list_of_arrays, lambda: ([X.copy(), Y.copy()],)),
    "a dict": (_swapped, lambda: ({"a": X.copy(), "b": 2.0},)),
    "an object": (_moved, lambda: (Body(X.copy(), [0.0]),)),
    "an array, within a gradient": (ad.grad(lambda x: _written(x)[0]), lambda: (X.copy(),)),
    "an array, within a Jacobian": (ad.jacobian(_written), lambda: (X.copy(),)),
    "an array, within a Jacobian by rows": (ad.jacrev(_written), lambda: (X.copy(),)),
    "within a derivative": (_gradient_of_a_change, lambda: ([Body(X.copy(), [0.5])],)),
    "nested": (lambda t: t[0]["a"].pop(), lambda: (({"a": [1.0, 2.0]}, 1.0),)),
}


def _numbers(x: Any) -> Any:
    if isinstance(x, list):
        return [_numbers(part) for part in x]
    return dataclasses.asdict(x) if isinstance(x, Body) else x


@pytest.mark.parametrize("name", CHANGED)
def test_arguments_are_changed_as_python_changes_them(name: str) -> None:
    f, make = CHANGED[name]
    g = ad.jit(f)
    for _ in range(2):
        args, own = make(), make()
        value, want = g(*args), f(*own)
        assert_same(_numbers(value), _numbers(want))
        for a, b in zip(args, own, strict=True):
            assert_same(_numbers(a), _numbers(b))
        assert g.translations == 1


SCRATCH = np.zeros(3)


def test_arrays_around_a_function_are_written_to() -> None:
    def f(x: Any) -> Any:
        SCRATCH[:] = 2.0 * x
        SCRATCH[0] += 1.0
        return np.sum(SCRATCH**2) * x[1]

    want = f(X)
    left = SCRATCH.copy()
    slope = 4.0 * left * X[1] + np.array([0.0, np.sum(left**2), 0.0])
    for run, result in ((ad.jit(f), want), (ad.jit(ad.grad(f)), slope)):
        SCRATCH[:] = 7.0
        assert_same(run(X), result)
        assert_same(SCRATCH, left)


# Functions that return, or store, what the caller gave them: where the very objects are found.
OWN: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "an array": (lambda x, _: x, lambda x, _, y: y is x),
    "an array that is written to": (lambda x, _: x.__iadd__(1.0), lambda x, _, y: y is x and x[0] == 1.5),
    "a pair": (lambda x, _: (x, x * 2), lambda x, _, y: y[0] is x),
    "an array in a list of the caller's": (lambda x, box: box.append(x), lambda x, box, _: box[-1] is x),
    "a view": (lambda x, _: x[1:], lambda x, _, y: np.shares_memory(x, y)),
}


@pytest.mark.parametrize("name", OWN)
def test_what_the_caller_gave_is_what_comes_back(name: str) -> None:
    f, holds = OWN[name]
    for run in (f, ad.jit(f)):
        x, box = X.copy(), []
        y = run(x, box)
        assert holds(x, box, y)


@pytest.mark.parametrize(
    "arguments",
    [lambda x: (x[:2], x[1:]), lambda x: (x[:2], x[1::-1]), lambda x: (x.reshape(3, 1)[:, 0], x)],
    ids=["shifted", "reversed", "another view"],
)
def test_overlapping_arrays_that_are_written_to_are_refused(arguments: Callable[[Any], Any]) -> None:
    def f(a: Any, b: Any) -> Any:
        a[0] = b[-1] * 2
        return np.sum(a) + np.sum(b)

    with pytest.raises(MutationError, match="copy"):
        ad.jit(f)(*arguments(X.copy()))
    assert ad.jit(lambda a, b: np.sum(a) * b[0])(X[:2], X[1:]) == np.sum(X[:2]) * X[1]
