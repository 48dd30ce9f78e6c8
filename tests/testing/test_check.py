"""`check` and `check_rule` catch every sort of wrong rule, say where it is wrong, and let right functions pass."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

from adjoint._rules import book
from adjoint._rules.primitive import primitive
from adjoint.errors import CheckError, InputError, OutputError
from adjoint.testing import Report, check, check_rule, differences

X = np.array([0.4, 1.1, 2.3])
COLUMN = np.array([[0.5], [1.5]])


@pytest.fixture(autouse=True)
def _unchanged_book() -> Iterator[None]:
    """Rules registered here are forgotten afterwards."""
    before = dict(book.BOOK)
    yield
    book.BOOK.clear()
    book.BOOK.update(before)


def ruled(function: Callable[..., Any], kind: Callable[..., Any], *formulas: Any, **options: Any) -> Callable[..., Any]:
    """Return a new function with a rule."""
    new = primitive(lambda *args: function(*args))
    kind(new, *formulas, **options)
    return new


class Wrong(NamedTuple):
    """A rule with a mistake, arguments that show it, and what the error has to say."""

    name: str
    kind: Callable[..., Any]
    function: Callable[..., Any]
    formulas: tuple[Any, ...]
    args: tuple[Any, ...]
    says: tuple[str, ...]
    options: dict[str, Any] = {}  # noqa: RUF012


def ready_jvp(y: Any, t: Any, x: Any) -> Any:
    return t * np.exp(x)


# Copies, since the engine follows views by itself, without the transpose.
def reverse(x: Any) -> Any:
    return x[::-1] + 0.0


def repeat(x: Any) -> Any:
    return np.stack([x, x])


# fmt: off
WRONG = [
    Wrong("sign", book.elementwise, np.cos, (lambda y, x: np.sin(x),), (X,),
          ("order 1, forward", "argument 0", "entry [", "expected -", "± ", "remedy")),
    Wrong("second argument", book.elementwise, np.divide, (lambda y, a, b: 1 / b, lambda y, a, b: y / b), (X, X + 1),
          ("order 1, forward", "argument 1")),
    Wrong("factor in one branch", book.elementwise, lambda x: np.where(x > 2, x * x, x), (lambda y, x: np.where(x > 2, x, 1.0),), (X,),
          ("order 1, forward", "entry [2]", "relative error 5.0e-01")),
    Wrong("transpose", book.linear, reverse, (lambda ct, x: ct,), (X,),
          ("order 1, reverse", "argument 0", "entry [", "forward mode")),
    Wrong("transposed matrix", book.bilinear, np.matmul, (lambda ct, a, b: ct @ b.T, lambda ct, a, b: a @ ct), (np.eye(2) + COLUMN, np.eye(2) - COLUMN),
          ("order 1, reverse", "argument 1")),
    Wrong("forgotten broadcasting", book.linear, repeat, (lambda ct, x: ct[0],), (X,),
          ("order 1, reverse", "argument 0")),
    Wrong("a kept constant", book.elementwise, np.exp, (lambda y, x: np.asarray([math.exp(float(v)) for v in np.ravel(x.primal if hasattr(x, "primal") else x)]),), (X,),
          ()),
    Wrong("vjp", book.general, np.exp, (ready_jvp,), (X,), ("order 1, reverse", "argument 0"), {"vjp": lambda y, ct, x: -ct * y}),
    Wrong("conjugate", book.elementwise, np.conjugate, (lambda y, z: 1.0,), (X + 1j,), ("order 1, forward",)),
    Wrong("not a number", book.elementwise, np.sin, (lambda y, x: np.cos(x) * np.nan,), (X,), ("order 1, forward", "got      nan")),
    Wrong("not linear", book.linear, lambda x: x * x, (lambda ct, x: ct,), (X,), ("order 1, forward",)),
    Wrong("constant", book.constant, np.tan, (), (X,), ("order 1, forward", "got      0")),
    Wrong("order of results", book.general, lambda x: (x + 1, 2 * x), (lambda y, t, x: (2 * t, t),), (X,), ("order 1, forward", "result ")),
]
# fmt: on


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.name)
def test_wrong_rules_are_caught(wrong: Wrong) -> None:
    function = ruled(wrong.function, wrong.kind, *wrong.formulas, **wrong.options)
    with pytest.raises((CheckError, TypeError)) as caught:
        check(function, *wrong.args)
    if isinstance(caught.value, CheckError):
        assert [part for part in wrong.says if part not in str(caught.value)] == [], str(caught.value)
    else:
        assert not wrong.says


def test_a_wrong_second_derivative_is_caught() -> None:
    """The first derivative is right, but the formula hides that it depends on ``x``."""
    hidden = ruled(lambda x: 2 * x, book.constant)
    square = ruled(lambda x: x * x, book.elementwise, lambda y, x: hidden(x))
    assert check(square, X, order=1).max_error < 1e-6
    with pytest.raises(CheckError, match="order 2, forward over forward"):
        check(square, X)


def test_modes_are_checked_alone() -> None:
    flip = ruled(reverse, book.linear, lambda ct, x: ct)
    assert check(flip, X, modes=("forward",)).max_error < 1e-6
    with pytest.raises(CheckError, match=r"order 1, reverse.*differences"):
        check(flip, X, modes=("reverse",))


def test_the_error_names_the_path_in_a_tree() -> None:
    wrong = ruled(np.cos, book.elementwise, lambda y, x: np.sin(x))
    with pytest.raises(CheckError, match=r"argument 1 at \['w'\]\[1\]"):
        check(lambda n, p: n * np.exp(p["w"][0]) + wrong(p["w"][1]), 2, {"w": [X, X]})


def rosenbrock(x: Any) -> Any:
    return np.sum(100 * (x[1:] - x[:-1] * x[:-1]) * (x[1:] - x[:-1] * x[:-1]) + (1 - x[:-1]) * (1 - x[:-1]))


def overwrites(x: Any) -> Any:
    x[0] = x[1] * x[2]
    return x


# fmt: off
RIGHT: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "one array":      (rosenbrock, (X,)),
    "numbers":        (lambda a, b: math.sin(a) * b, (0.5, 2.0)),
    "broadcasting":   (lambda a, b: np.sin(a * b), (COLUMN, X)),
    "tree":           (lambda p: {"y": p["a"] * p["b"][0], "n": 3, "z": (p["b"][1], p["a"])}, ({"a": 2.0, "b": [X, 3.0], "k": 2},)),
    "complex":        (lambda z: np.exp(z) * z, (X + 0.3j,)),
    "not holomorphic": (lambda z: np.real(z * np.conjugate(z)), (X - 0.3j,)),
    "constant":       (lambda x: 2.0, (1.0,)),
    "linear":         (lambda x: 3 * x, (X,)),
    "large":          (lambda x: x * x, (X * 1e8,)),
    "small":          (lambda x: np.sin(x) * x, (X * 1e-6,)),
    "near the edge":  (lambda x: np.sqrt(x), (np.array([1e-3, 4.0]),)),
    "single":         (lambda x: np.sin(x) * x, (X.astype(np.float32),)),
    "empty":          (lambda x: x * x, (np.zeros((0, 3)),)),
    "zero-dimensional": (lambda x: x * x, (np.array(1.5),)),
    "overwrites":     (overwrites, (X,)),
    "branch nearby":  (lambda x: x * x if x > 0.99 else -x, (1.0,)),
    "keywords":       (lambda x, scale=1.0: scale * x * x, (X,)),
}
# fmt: on


@pytest.mark.parametrize(("f", "args"), RIGHT.values(), ids=RIGHT.keys())
def test_right_functions_pass(f: Callable[..., Any], args: tuple[Any, ...]) -> None:
    before = X.copy()
    report = check(f, *args)
    assert report.max_error <= 1e-4
    assert {row.order for row in report.rows} == {1, 2}
    np.testing.assert_array_equal(X, before)


def test_orders_and_report() -> None:
    report = check(lambda x: np.sin(x) * x, X, order=3)
    assert isinstance(report, Report)
    titles = {row.derivative for row in report.rows if row.order == 3}
    assert {"forward over reverse over forward", "reverse over reverse over reverse"} <= titles
    assert repr(report).splitlines()[0].split() == ["derivative", "against", "order", "error", "tolerance"]
    assert len(repr(report).splitlines()) == len(report.rows) + 1
    assert check(lambda x, power=2: x * x * power, 3.0, kwargs={"power": 5}).max_error < 1e-6


@pytest.mark.parametrize("f", [lambda x: abs(x) + np.floor(2 * x), lambda x: np.where(x > 0, 1 + x, x)], ids=["jump", "branch"])
def test_points_without_a_derivative_are_refused(f: Callable[..., Any]) -> None:
    with pytest.raises(CheckError, match=r"differences do not converge(.|\n)*check it at another point"):
        check(f, 0.0)


# fmt: off
MISUSES = [
    (lambda: check(lambda n: n, 3),                               InputError,  "pass floats: 3.0 in place of 3"),
    (lambda: check(lambda x: "text", 3.0),                        OutputError, "str 'text'"),
    (lambda: check(lambda x: 3, 3.0),                             OutputError, "no floating or complex number"),
    (lambda: check(lambda x: x, 3.0, modes=("backward",)),        ValueError,  "modes must be"),
    (lambda: check(lambda x: x, 3.0, order=0),                    ValueError,  "order must be at least 1"),
]
# fmt: on


@pytest.mark.parametrize(("call", "error", "says"), MISUSES)
def test_misuse(call: Callable[[], Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert says in str(caught.value)


# check_rule -------------------------------------------------------------------------------------------------------------------


def test_check_rule_passes_and_uses_the_complex_step() -> None:
    rows = check_rule(np.sin, X).rows
    assert any(row.against == "complex step" and row.error < 1e-14 for row in rows)
    check_rule(np.multiply, COLUMN, X)
    check_rule(np.sum, np.ones((2, 3)), axis=1)


PROMISES = {
    "zero": (ruled, (lambda x: x + 0.0, book.general, lambda y, t, x: t + 1e-300), "of zero gives"),
    "single precision": (ruled, (lambda x: x * 2.0, book.general, lambda y, t, x: t * 2.0), None),
    "accuracy": (ruled, (np.exp, book.elementwise, lambda y, x: y * (1 + 1e-9)), "complex step"),
}


@pytest.mark.parametrize(("make", "rule", "says"), PROMISES.values(), ids=PROMISES.keys())
def test_check_rule_catches(make: Callable[..., Any], rule: tuple[Any, ...], says: str | None) -> None:
    function = make(*rule)
    if says is None:
        check_rule(function, X)
        return
    with pytest.raises(CheckError, match=says):
        check_rule(function, X)


def test_check_rule_sees_another_value() -> None:
    function = primitive(lambda x: np.sin(x))
    book.composite(function, lambda x: np.sin(x) * (1 + 1e-12))
    with pytest.raises(CheckError, match="another value"):
        check_rule(function, X)


# The oracle -------------------------------------------------------------------------------------------------------------------

CURVES: dict[str, tuple[Callable[[float], Any], float, float]] = {
    "exponential": (lambda h: math.exp(1 + h), math.e, 1e-10),
    "pole nearby": (lambda h: 1 / (0.01 + h), -1e4, 1e-5),
    "steep": (lambda h: math.sin(100 * h), 100.0, 1e-8),
    "edge of the domain": (lambda h: math.log(1e-3 + h), 1e3, 1e-6),
    "noisy": (lambda h: round(math.exp(h), 6), 1.0, 1e-2),
}


@pytest.mark.parametrize(("curve", "exact", "largest"), CURVES.values(), ids=CURVES.keys())
def test_the_error_estimate_holds(curve: Callable[[float], float], exact: float, largest: float) -> None:
    value, error = differences.derivative(lambda h: np.array([curve(h)]))
    assert abs(value[0] - exact) <= 3 * error[0]
    assert error[0] <= largest
