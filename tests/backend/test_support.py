"""Functions of the rule book as text of their own."""

import builtins

import numpy as np
import pytest

from adjoint._backend import python, support
from adjoint._ir.builder import Builder, Symbol
from adjoint._ir.nodes import Block, Function, Value
from adjoint._ir.types import FLOAT, Tensor
from adjoint._rules import indexing, kinds, stores
from adjoint._rules.book import rules
from tests.backend.agreement import same

OURS = sorted({rule.function for rule in rules() if support.is_ours(rule.function)}, key=support.name_of)
INF, NAN = np.inf, np.nan
V = np.array([1.0, -2.0, 0.5])


def executed(function):
    """Return a function made from its text, and the text."""
    texts, imports, objects = support.definitions({function: support.name_of(function)})
    assert not objects
    text = "\n\n".join([*(f"import {name}" for name in sorted(imports)), "import numpy as np", *texts])
    assert "adjoint" not in text
    namespace = {"__builtins__": builtins}
    exec(text, namespace)
    return namespace[support.name_of(function)]


@pytest.mark.parametrize("function", OURS, ids=support.name_of)
def test_every_function_of_the_book_has_a_text(function):
    assert callable(executed(function))


CASES = [
    (kinds.scale, (2.0, 3.0)), (kinds.scale, (0.0, INF)), (kinds.scale, (INF, np.float64(0))), (kinds.scale, (NAN, 1.0)),
    (kinds.scale, (np.array([0, INF, 2.0]), np.array([INF, 0, NAN]))), (kinds.scale, (V.astype("f4"), np.float32(2))),
    (stores.fit, (np.ones((4, 3)), V)), (stores.fit, (np.ones((4, 3)), np.ones((1, 3)))), (stores.fit, (V + 1j, V)),
    (stores.fit, (2.0, V)), (stores.fit, (V, 1.0)), (stores.fit, (np.ones((2, 3)), np.float32(1))), (stores.fit, (V, V)),
    (stores.spread, (2.0, V)), (stores.spread, (V, np.ones((2, 3), "f4"))), (stores.spread, (V + 1j, V)),
    (stores.winners, (V, np.array([1, 1, 0]), (3,))), (indexing.scatter, (V, np.array([1, 1, 0]), (4,))),
    (indexing.scatter, (V, slice(1, 4), (5,))), (indexing.window, (V, (2, 2), (1, 1), 0)), (stores.form, (V,)), (stores.form, (None,)),
    (stores.combine, ([1.0, None], [2.0, 3.0])), (stores.blank, ([1.0, V],)),
]  # fmt: skip


@pytest.mark.parametrize(("function", "args"), CASES)
def test_text_computes_what_the_function_does(function, args):
    with np.errstate(all="ignore"):
        assert same(function(*args), executed(function)(*args))


def test_users_names_win_over_ours():
    builder = Builder()
    function = Function("f", Block(params=[Value(Tensor(np.dtype(float), 1), "scale"), Value(FLOAT, "np")]))
    with builder.into(function.body):
        x, y = map(Symbol, function.params)
        function.body.results = [builder.atom(builder.apply(kinds.scale, (x, y)))]
    text = python.source(function)
    assert "def f(scale, np_1):" in text
    assert np.array_equal(python.compile(function)(V, 2.0), 2 * V)


def test_what_has_no_text_runs_and_is_not_exported():
    def doubled(x):
        return 2 * x

    builder = Builder()
    function = Function("f", Block(params=[Value(FLOAT, "x")]))
    with builder.into(function.body):
        function.body.results = [builder.atom(builder.apply(doubled, (Symbol(function.params[0]),)))]
    assert python.compile(function)(3.0) == 6.0
    with pytest.raises(python.ExportError, match="doubled"):
        python.export_text(function, "f")
