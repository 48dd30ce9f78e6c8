"""Wrong uses: each raises its own class of error, which names the argument or the user's line, what came, and what to do."""

from __future__ import annotations

import copy
import linecache
import math
import os
import pathlib
import pickle
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import adjoint as ad
from adjoint import errors

X = np.array([1.0, 2.0, 3.0])
PAIR = {"a": 1.0, "b": X}
KEPT: list[Any] = []
PLAIN = np.zeros(3)


@pytest.fixture(autouse=True)
def _empty() -> None:
    KEPT.clear()
    PLAIN[:] = 0


def unreadable(source: str) -> Callable[..., Any]:
    """Return ``f`` of a source that nobody keeps."""
    scope: dict[str, Any] = {"np": np, "math": math}
    exec(source, scope)
    return scope["f"]


without_rule = np.frompyfunc(lambda x: x, 1, 1)


def keep(x: Any) -> Any:
    KEPT.append(x * 2.0)
    return np.sum(x)


def keep_and_use(derivative: Callable[[], Any]) -> Any:
    derivative()
    return KEPT[0] + 1.0


def store_in_plain(x: Any) -> Any:
    PLAIN[0] = x[0]
    return PLAIN[0]


def generate(x: Any) -> Any:
    yield x


class Mistake(NamedTuple):
    """A call, the class of its error, and what the message has to say (``HERE`` for this file)."""

    name: str
    call: Callable[[], Any]
    error: type[Exception]
    says: tuple[str, ...]


HERE = pathlib.Path(__file__).name + ":"
TWICE = X * 2
I, O, S, C, E, M, R = (  # noqa: E741
    errors.InputError, errors.OutputError, errors.StructureError, errors.ConversionError, errors.EscapedValueError,
    errors.MutationError, errors.MissingRuleError,
)  # fmt: skip

# fmt: off
MISTAKES = [
    # Results
    Mistake("array result",           lambda: ad.grad(lambda x: x * 2)(X),                         O, ("grad", "scalar", "shape (3,)", "remedy", "jacobian")),
    Mistake("one-element result",     lambda: ad.grad(lambda x: x[:1])(X),                         O, ("scalar", "shape (1,)")),
    Mistake("tree result",            lambda: ad.grad(lambda x: (x[0], x[1]))(X),                  O, ("scalar", "(*, *)")),
    Mistake("no result",              lambda: ad.grad(lambda x: None)(X),                          O, ("scalar", "None")),
    Mistake("string result",          lambda: ad.grad(lambda x: "loss")(X),                        O, ("str 'loss'", "has_aux=True")),
    Mistake("integer result",         lambda: ad.grad(lambda x: 3)(X),                             O, ("integer", "return a float")),
    Mistake("comparison result",      lambda: ad.grad(lambda x: x[0] > 1)(X),                      O, ("integers have no derivative",)),
    Mistake("complex result",         lambda: ad.grad(lambda x: np.sum(x) * 1j)(X),                O, ("complex", "holomorphic=True", "abs(z)**2")),
    Mistake("real, holomorphic",      lambda: ad.grad(lambda x: np.sum(x), holomorphic=True)(X),   O, ("holomorphic=True", "float64", "drop")),
    Mistake("generator result",       lambda: ad.jvp(generate, (X,), (X,)),                        O, ("jvp", "generator", "list(")),
    Mistake("map result",             lambda: ad.vjp(lambda x: map(abs, x), X),                    O, ("vjp", "map", "list(")),
    Mistake("no aux",                 lambda: ad.grad(lambda x: np.sum(x), has_aux=True)(X),       O, ("has_aux=True", "(value, aux)", "return value, aux")),
    Mistake("three for aux",          lambda: ad.value_and_grad(lambda x: (x[0], 1, 2), has_aux=True)(X), O, ("(value, aux)", "tuple")),
    # Arguments
    Mistake("integer array",          lambda: ad.grad(lambda x: np.sum(x))(np.arange(3)),          I, ("argument 0", "int64", "(3,)", "astype(float)", HERE)),
    Mistake("boolean array",          lambda: ad.grad(lambda x: np.sum(x))(np.array([True])),      I, ("argument 0", "bool")),
    Mistake("boolean",                lambda: ad.grad(lambda x: x)(True),                          I, ("argument 0", "bool True")),
    Mistake("string",                 lambda: ad.grad(lambda x, name: x, argnums=1)(1.0, "name"),  I, ("argument 1", "str 'name'", "argnums")),
    Mistake("object",                 lambda: ad.grad(lambda x: 1.0)(object()),                    I, ("argument 0", "object")),
    Mistake("None in a tree",         lambda: ad.grad(lambda x: 1.0)({"a": "text", "b": 1.0}),     I, ("argument 0", "str 'text'")),
    Mistake("path in a tree",         lambda: ad.grad(lambda x: 1.0)({"a": [1.0, "text"]}),        I, ("['a'][1]",)),
    Mistake("array of objects",       lambda: ad.grad(lambda x: 1.0)(np.array([1.0, None])),       I, ("argument 0", "object")),
    Mistake("dates",                  lambda: ad.grad(lambda x: 1.0)(np.array(["2020-01-01"], "M8[D]")), I, ("argument 0", "datetime64")),
    Mistake("argnums out of range",   lambda: ad.grad(lambda x: x, argnums=1)(1.0),                I, ("argnums=1", "1 positional", "remedy")),
    Mistake("argnums too negative",   lambda: ad.grad(lambda x: x, argnums=-2)(1.0),               I, ("argnums=-2",)),
    Mistake("argument by keyword",    lambda: ad.grad(lambda x: x)(x=1.0),                         I, ("argnums=0", "0 positional", "by position")),
    Mistake("argnums by name",        lambda: ad.grad(lambda x: x, argnums="x")(1.0),              TypeError, ("argnums", "'x'")),
    Mistake("argnums of floats",      lambda: ad.grad(lambda x: x, argnums=0.0)(1.0),              TypeError, ("argnums", "0.0")),
    Mistake("no function",            lambda: ad.grad(3.0),                                        TypeError, ("grad", "function", "float")),
    Mistake("called too early",       lambda: ad.grad(math.sin(1.0)),                              TypeError, ("grad", "function")),
    Mistake("too many arguments",     lambda: ad.grad(lambda x: x)(1.0, 2.0),                      TypeError, ("positional argument",)),
    # Tangents and cotangents
    Mistake("tangent shape",          lambda: ad.jvp(np.sin, (X,), (X[:2],)),                      S, ("tangent of argument 0", "expected shape (3,)", "got shape (2,)")),
    Mistake("tangent of a number",    lambda: ad.jvp(np.sin, (1.0,), (X,)),                        S, ("expected shape ()", "got shape (3,)")),
    Mistake("tangent structure",      lambda: ad.jvp(lambda p: p["a"], (PAIR,), ({"a": 1.0},)),    S, ("argument 0", "expected the structure", "'b'")),
    Mistake("tangent in a tree",      lambda: ad.jvp(lambda p: p["a"], (PAIR,), ({"a": 1.0, "b": 2.0},)), S, ("argument 0", "['b']", "expected shape (3,)")),
    Mistake("tangent dtype",          lambda: ad.jvp(np.sin, (X,), (X * 1j,)),                     S, ("expected dtype float64", "complex128", "remedy")),
    Mistake("tangent of strings",     lambda: ad.jvp(np.sin, (1.0,), ("one",)),                    S, ("tangent of argument 0", "str 'one'")),
    Mistake("tangent None",           lambda: ad.jvp(np.sin, (1.0,), (None,)),                     S, ("tangent of argument 0",)),
    Mistake("too few tangents",       lambda: ad.jvp(np.add, (1.0, 2.0), (1.0,)),                  S, ("2 primals but 1 tangents", "one tangent per argument")),
    Mistake("primals not a tuple",    lambda: ad.jvp(np.sin, 1.0, 1.0),                            S, ("tuples", "(x,)")),
    Mistake("cotangent shape",        lambda: ad.vjp(np.sin, X)[1](X[:2]),                         S, ("cotangent", "expected shape (3,)", "got shape (2,)")),
    Mistake("cotangent structure",    lambda: ad.vjp(lambda x: (x, x), X)[1](X),                   S, ("cotangent", "(*, *)")),
    Mistake("cotangent dtype",        lambda: ad.vjp(np.sin, X)[1](X * 1j),                        S, ("cotangent", "complex128")),
    # Values that leave their derivative
    Mistake("escaped, reverse",       lambda: keep_and_use(lambda: ad.grad(keep)(X)),              E, ("after its derivative had ended", "has_aux=True", HERE, "KEPT[0] + 1.0")),
    Mistake("escaped, forward",       lambda: keep_and_use(lambda: ad.jvp(keep, (X,), (X,))),      E, ("after its derivative had ended", HERE)),
    Mistake("float, unreadable",      lambda: ad.grad(unreadable("def f(x): return float(x[0])"))(X), C, ("float(x)", "source cannot be read", "remedy", "stop_gradient")),
    Mistake("asarray, unreadable",    lambda: ad.grad(unreadable("def f(x): return np.asarray(x)[0]"))(X), C, ("plain NumPy array", "adjoint.numpy")),
    Mistake("math, unreadable",       lambda: ad.grad(unreadable("def f(x): return math.sin(x)"))(1.0), C, ("float(x)", "remedy")),
    Mistake("complex, unreadable",    lambda: ad.grad(unreadable("def f(x): return complex(x)"))(1.0), C, ("complex(x)",)),
    Mistake("index",                  lambda: ad.grad(lambda x: X[x])(1.0),                        C, ("index", "int(x)", HERE)),
    Mistake("range",                  lambda: ad.grad(lambda x: sum(range(x)))(2.0),               C, ("index or a size", "int(x)")),
    Mistake("pickle",                 lambda: ad.grad(lambda x: pickle.loads(pickle.dumps(x)))(1.0), C, ("pickle", HERE)),
    Mistake("bytes",                  lambda: ad.grad(lambda x: len(x.tobytes()))(X),              AttributeError, ("tobytes",)),
    # Stores
    Mistake("store, unreadable",      lambda: ad.grad(unreadable("A = np.zeros(3)\ndef f(x):\n A[0] = x[0]\n return A[0]"))(X), M, ("plain NumPy array", "numpy.zeros", "<string>:3")),
    Mistake("store in a global",      lambda: ad.grad(store_in_plain)(X),                          M, ("plain NumPy array", "made outside", "PLAIN[0] = x[0]", HERE)),
    # Rules
    Mistake("no rule",                lambda: ad.grad(lambda x: without_rule(x))(1.0),             R, ("no derivative", HERE, "remedy", "custom_jvp", "stop_gradient")),
    Mistake("excluded",       lambda: ad.grad(lambda x: np.save(os.devnull, x))(X),        R, ("numpy.save", "because it writes a file", HERE, "remedy")),
]
# fmt: on


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_mistakes(mistake: Mistake) -> None:
    linecache.checkcache()
    with pytest.raises(mistake.error) as caught:
        mistake.call()
    message = str(caught.value)
    missing = [part for part in mistake.says if part not in message]
    assert not missing, f"the message does not say {missing}:\n{message}"


@pytest.mark.parametrize("mistake", [m for m in MISTAKES if m.error in (I, O, S, C, E, M, R)], ids=lambda mistake: mistake.name)
def test_every_error_has_a_remedy_and_a_line(mistake: Mistake) -> None:
    with pytest.raises(errors.AdjointError) as caught:
        mistake.call()
    assert caught.value.remedy, str(caught.value)
    assert HERE in caught.value.where or "<string>" in caught.value.where, f"where: {caught.value.where!r}"
    assert "adjoint/_" not in str(caught.value), "the message shows our own files"


def test_a_plain_array_keeps_its_numbers() -> None:
    with pytest.raises(errors.MutationError):
        ad.grad(store_in_plain)(X)
    np.testing.assert_array_equal(PLAIN, 0)
    assert ad.grad(lambda x: np.sum(PLAIN + x))(1.0) == 3.0


def test_errors_are_also_what_python_calls_them() -> None:
    for error, builtin in (
        (I, TypeError),
        (O, TypeError),
        (S, ValueError),
        (C, TypeError),
        (E, RuntimeError),
        (M, ValueError),
        (R, NotImplementedError),
    ):
        assert issubclass(error, builtin)
        assert issubclass(error, errors.AdjointError)


def test_errors_pickle_and_copy() -> None:
    with pytest.raises(errors.OutputError) as caught:
        ad.grad(lambda x: x)(X)
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again) is errors.OutputError
    assert str(again) == str(caught.value) == str(copy.copy(caught.value))


def test_a_derivative_that_failed_leaves_nothing_behind() -> None:
    def fails(x: Any) -> Any:
        KEPT.append(x)
        raise KeyError("mine")

    for derivative in (lambda: ad.grad(fails)(X), lambda: ad.jvp(fails, (X,), (X,))):
        with pytest.raises(KeyError, match="mine"):
            derivative()
        with pytest.raises(errors.EscapedValueError):
            KEPT[-1] + 1.0
    np.testing.assert_array_equal(ad.grad(lambda x: np.sum(x * x))(X), 2 * X)


OF_FUNCTIONS = [
    *(
        ad.check,
        ad.checkpoint,
        ad.compare,
        ad.cost,
        ad.custom_jvp,
        ad.custom_vjp,
        ad.derivative,
        ad.draw,
        ad.explain,
        ad.export,
    ),
    *(
        ad.grad,
        ad.hessian,
        ad.hvp,
        ad.jacfwd,
        ad.jacobian,
        ad.jacrev,
        ad.jit,
        ad.jvp,
        ad.linearize,
        ad.source,
        ad.value_and_grad,
    ),
    *(ad.vjp, ad.vmap),
]
MORE = {ad.jvp: ((1.0,), (1.0,)), ad.export: ("file.py",)}


@pytest.mark.parametrize("operator", OF_FUNCTIONS)
@pytest.mark.parametrize(("wrong", "got"), [(3, "int: 3"), ("a", "str: 'a'")])
def test_what_is_no_function_is_refused(operator, wrong, got):
    with pytest.raises(TypeError, match=f"{operator.__name__} expects a function as its first argument, got {got}") as caught:
        operator(wrong, *MORE.get(operator, ()))
    assert f"remedy: pass the function itself, not its name or its value: {operator.__name__}(f" in str(caught.value)


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (lambda path: ad.export(lambda x: x * x, f"{path}.py", 1.0), "export"),
        (lambda path: ad.explain(lambda x: x * x, 1.0).save(f"{path}.html"), "save"),
        (lambda path: ad.draw(lambda x: x * x, 1.0).save(f"{path}.svg"), "save"),
    ],
)
def test_a_missing_folder_is_told(write, name, tmp_path):
    with pytest.raises(FileNotFoundError, match=f"{name}: there is no folder .*missing") as caught:
        write(tmp_path / "missing" / "file")
    assert "remedy: make it before, os.makedirs(" in str(caught.value)


def test_what_is_no_rule_is_refused():
    with pytest.raises(TypeError, match="expected a function, got str"):
        ad.rules.elementwise("sin", np.cos)
    with pytest.raises(TypeError, match="expected a function, FIXED or Unknown"):
        ad.rules.elementwise(lambda x: x, 3)


def test_messages_name_what_the_user_knows():
    with pytest.raises(errors.OutputError, match="hessian: the function returned str"):
        ad.hessian(lambda x: "no")(1.0)
    with pytest.raises(errors.OutputError, match="got float"):
        ad.grad(lambda x: x, has_aux=True)(2.0)
