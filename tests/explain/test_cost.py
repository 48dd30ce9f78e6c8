"""`ad.cost`: small programs counted by hand, what is counted and what is not, and how it is shown."""

import io
import json
import math
import operator

import numpy as np
import pytest

import adjoint as ad
from adjoint.explain.cost_count import nbytes
from adjoint.explain.cost_model import cost_of


def counts(f, *args):
    cost = ad.cost(f, *args)
    return cost.function.operations, cost.forward.operations, cost.reverse.operations


# --- Counted by hand ---------------------------------------------------------------------------------------------


def test_a_product_a_sine_and_a_sum():
    def f(x, y):
        return x * y + math.sin(x)

    # f:        x*y  sin  +
    # forward:  and  x_dot*y  x*y_dot  +  cos  *x_dot  +
    # reverse:  and  ct*y  ct*x  cos  *ct  +
    assert counts(f, 0.5, 2.0) == (3, 9, 8)


def test_operations_count_elements():
    def f(x):
        return np.sum(np.exp(x) * 3.0)

    # Of n elements: n exp, n products, n - 1 additions.  Forward: n products y*x_dot, n by 3, n - 1 additions.
    # Reverse: 3*ct once, as it is the same for all elements, or for each; and n products by y.
    n = 10
    function, forward, reverse = counts(f, np.ones(n))
    assert function == 3 * n - 1
    assert forward == function + 3 * n - 1
    assert function + n <= reverse <= function + 2 * n


def test_loops_count_as_they_ran():
    def f(x, n):
        for _ in range(n):
            x = x * x
        return x

    # Forward: x*x_dot twice and a sum; or 2*x*x_dot.  Reverse the same.
    for n in (1, 5, 9):
        function, forward, reverse = counts(f, 0.9, n)
        assert function == n
        assert 3 * n <= forward <= 4 * n
        assert 3 * n <= reverse <= 4 * n


def test_a_while_loop_counts_its_tests():
    def f(x):
        while x < 100.0:
            x = x + x
        return x

    assert ad.cost(f, 1.0).function.operations == 7 + 8


def test_only_the_branch_that_is_taken_counts():
    def f(x):
        if x > 0:
            return x * x * x
        return x + 1.0

    assert ad.cost(f, 1.0).function.operations == 3
    assert ad.cost(f, -1.0).function.operations == 2


def test_a_product_of_matrices_counts_its_products_and_sums():
    def f(a, b):
        return a @ b

    a, b = np.ones((3, 4)), np.ones((4, 5))
    # Every element of the result takes 4 products and 3 sums.  The cotangents: 3x5 @ 5x4 and 4x3 @ 3x5.
    cost = ad.cost(f, a, b)
    assert cost.function.kinds == {"products": 15 * 7}
    assert cost.forward.operations == 3 * 15 * 7 + 15
    assert cost.reverse.operations == 15 * 7 + 12 * 9 + 20 * 5


def test_recursion_counts():
    def power(x, n):
        return 1.0 if n == 0 else x * power(x, n - 1)

    assert ad.cost(power, 1.1, 6).function.operations in (5, 6)


@pytest.mark.parametrize(
    ("function", "args", "expected"),
    [
        (np.add, (np.ones((2, 3)), 1.0), {"arithmetic": 6}),
        (np.add, (np.arange(3), 1), {"integers": 3}),
        (operator.mul, (2.0, 3), {"arithmetic": 1}),
        (operator.mul, (2, 3), {"integers": 1}),
        (np.less, (np.ones(3), 1.0), {"arithmetic": 3}),
        (math.sin, (2.0,), {"functions": 1}),
        (np.hypot, (np.ones(3), 1.0), {"functions": 3}),
        (np.sum, (np.ones((4, 5)),), {"arithmetic": 19}),
        (np.sum, (np.ones((4, 5)), 0), {"arithmetic": 15}),
        (np.mean, (np.ones((4, 5)), 0), {"arithmetic": 20}),
        (np.cumsum, (np.ones((4, 5)), 0), {"arithmetic": 15}),
        (np.cumsum, (np.ones((4, 5)),), {"arithmetic": 19}),
        (max, (1.0, 2.0, 3.0), {"arithmetic": 2}),
        (sum, ([1.0, 2.0, 3.0, 4.0],), {"arithmetic": 3}),
        (np.dot, (np.ones(4), np.ones(4)), {"products": 7}),
        (np.outer, (np.ones(2), np.ones(3)), {"products": 6}),
        (np.einsum, ("ij,jk->ik", np.ones((2, 3)), np.ones((3, 4))), {"products": 2 * 24 - 8}),
        (np.convolve, (np.ones(3), np.ones(2)), {"products": 6 + 2}),
        (np.convolve, (np.ones(3), np.ones(2), "valid"), {"products": 4 + 2}),
        (np.fft.fft, (np.ones(8),), {"products": 5 * 8 * 3}),
        (np.linalg.solve, (np.eye(3), np.ones(3)), {"linear algebra": 18 + 18}),
        (np.linalg.solve, (np.eye(3), np.ones((3, 2))), {"linear algebra": 18 + 36}),
        (np.linalg.solve, (np.tile(np.eye(3), (4, 1, 1)), np.ones((4, 3, 1))), {"linear algebra": 4 * 36}),
        (np.linalg.inv, (np.eye(3),), {"linear algebra": 54}),
        (np.linalg.matrix_power, (np.eye(3), 5), {"linear algebra": 3 * 54}),
        (np.sort, (np.ones(8),), {"sorting": 24}),
        (np.searchsorted, (np.arange(8.0), np.ones(2)), {"sorting": 6}),
        (operator.getitem, (np.ones((3, 4)), 0), {"moves": 4}),
        (np.reshape, (np.ones((3, 4)), (4, 3)), {"moves": 12}),
        (np.where, (np.ones(3) > 0, np.ones(3), 0.0), {"moves": 3}),
        # Defined by others: mean (n - 1 additions, a quotient), difference, square, mean.
        (np.var, (np.ones(10),), {"arithmetic": 40}),
        # Intervals times sums of neighbours, halved, and the sum.
        (np.trapezoid, (np.ones(5),), {"arithmetic": 4 + 4 + 4 + 3}),
    ],
)  # fmt: skip
def test_the_model(function, args, expected):
    found = cost_of(function, args, {}, function(*args))
    assert {kind: n for kind, n in found.items() if n and (kind != "moves" or "moves" in expected)} == expected


def test_rules_that_are_called_at_run_time_count_what_they_compute():
    def f(p, x):
        return np.polyval(p, x)

    # Horner's rule for 3 coefficients and 4 points: a product and a sum each.
    function, forward, reverse = counts(f, np.ones(3), np.linspace(0, 1, 4))
    assert function == 3 * 2 * 4
    assert 2 * function <= forward < 6 * function
    assert 2 * function <= reverse < 6 * function


# --- Kept and moved ----------------------------------------------------------------------------------------------


def test_bytes_kept_grow_with_a_loop_whose_states_are_needed():
    def f(x, n):
        for _ in range(n):
            x = np.sin(x)
        return x

    x = np.ones(100)
    few, many = ad.cost(f, x, 10).kept, ad.cost(f, x, 20).kept
    assert many - few == 10 * 100 * 8


def test_bytes_of_values():
    x = np.ones((10, 2))
    assert nbytes(x, set()) == 160
    assert nbytes([x, x, (x, 1.0, 2j)], set()) == 160 + 24
    assert nbytes(np.broadcast_to(1.0, (5, 5)), set()) == 8
    assert nbytes([x, x.copy()], set()) == 320
    assert nbytes(np.ones((0, 3)), set()) == 0
    assert nbytes(None, set()) == 0


def test_moves_are_no_operations():
    def f(x):
        y = np.zeros(4)
        y[1:3] = x[:2]
        return y[::-1]

    cost = ad.cost(f, np.ones(3))
    assert cost.function.operations == 0
    assert math.isnan(cost.forward.ratio)
    assert cost.function.moves >= 4 + 2 + 4
    assert cost.reverse.operations <= cost.bound


def test_integers_are_no_operations():
    def f(x, n):
        k = (3 * n + 1) // 2
        return x * float(k)

    cost = ad.cost(f, 1.5, 4)
    assert cost.function.operations == 1


# --- Lines -------------------------------------------------------------------------------------------------------


def test_lines_are_the_users():
    def f(x):
        a = np.exp(x)
        return np.sum(a * a)

    cost = ad.cost(f, np.ones(5))
    by_source = {line.source: line for line in cost.lines}
    assert by_source["a = np.exp(x)"].function == 5
    assert by_source["return np.sum(a * a)"].function == 9
    assert all(line.file == __file__ for line in cost.lines)
    for name in ("function", "forward", "reverse"):
        assert sum(getattr(line, name) for line in cost.lines) == getattr(cost, name).operations
    assert sum(line.kept for line in cost.lines) == cost.kept


# --- What can be counted -----------------------------------------------------------------------------------------


def test_the_result_of_an_operator_is_a_function():
    def f(x):
        return np.sum(np.sin(x) ** 3)

    x = np.linspace(0, 1, 50)
    plain, gradient = ad.cost(f, x), ad.cost(ad.grad(f), x)
    assert plain.function.operations < gradient.function.operations <= plain.reverse.operations
    assert gradient.reverse.operations < 6 * gradient.function.operations
    hessian = ad.cost(ad.hessian(f), x[:5])
    assert hessian.function.operations > 5 * ad.cost(f, x[:5]).function.operations


def test_a_jitted_function_is_not_translated_again():
    def f(x):
        return x * x

    g = ad.jit(f)
    g(1.0)
    assert ad.cost(g, 2.0).function.operations == 1
    assert g.translations == 1


def test_keyword_arguments():
    def f(x, *, scale):
        return x * scale

    cost = ad.cost(f, np.ones(3), kwargs={"scale": 2.0})
    assert cost.function.operations == 3


def test_arguments_and_generators_are_left_alone():
    def f(x, rng):
        x[0] = 7.0
        return np.sum(x * rng.normal())

    x, rng = np.ones(3), np.random.default_rng(0)
    ad.cost(f, x, rng)
    assert x.tolist() == [1, 1, 1]
    assert rng.normal() == np.random.default_rng(0).normal()


def test_a_function_that_cannot_be_translated_is_refused():
    def f(x):
        return eval("x * 2")

    with pytest.raises(ad.errors.AdjointError, match="eval"):
        ad.cost(f, 1.0)


def test_there_must_be_something_to_differentiate():
    with pytest.raises(ad.errors.InputError, match="no argument is a floating number"):
        ad.cost(lambda n: n + 1, 3)


def test_the_users_exception_surfaces():
    def f(x):
        if x < 0:
            raise ValueError("negative")
        return x

    with pytest.raises(ValueError, match="negative"):
        ad.cost(f, -1.0)


# --- Time --------------------------------------------------------------------------------------------------------


def test_times_are_measured_and_predicted():
    def f(x):
        return np.sum(np.tanh(x) * x)

    cost = ad.cost(f, np.linspace(0, 1, 20_000), timed=True)
    for each in cost.passes:
        assert 0 < each.seconds < 1
        assert 0 < each.predicted < 1
    assert cost.forward.seconds > cost.function.seconds
    assert cost.forward.predicted > cost.function.predicted
    untimed = ad.cost(f, np.ones(3))
    assert math.isnan(untimed.function.seconds)
    assert untimed.to_dict()["function"]["seconds"] is None


# --- How it is shown ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shown():
    def f(x):
        return np.sum(np.tanh(x) * x) if x[0] < 5 else x[0]

    return ad.cost(f, np.ones(3), timed=True)


def test_text(shown):
    text = repr(shown)
    lines = text.splitlines()
    assert lines[0].startswith("cost of ")
    assert lines[0].endswith(": 3 inputs")
    row = next(line for line in lines if line.startswith("all operations")).split()
    assert row[2:] == [str(each.operations) for each in shown.passes]
    ratios = next(line for line in lines if line.startswith("× function")).split()
    assert ratios[2:] == [f"{each.ratio:.2f}" for each in shown.passes[1:]]
    assert "time, measured" in text
    assert "time, predicted" in text
    assert f"a pass may take 6 times the operations of the function: {6 * shown.function.operations}" in text
    assert "test_cost.py:" in text


def test_what_exceeds_six_times_is_said():
    moved = ad.cost(lambda x: np.concatenate([x, x]), np.ones(3))
    assert moved.notes() == [
        f"a pass may take 6 times the operations of the function, and one for each of the {moved.function.moves} elements that it moves: {moved.bound}"
    ]
    factor = ad.cost(np.linalg.cholesky, 2 * np.eye(20))
    assert factor.reverse.operations > factor.bound
    assert len(factor.notes()) == 2
    assert factor.notes()[1] in repr(factor)


def test_data(shown):
    data = json.loads(json.dumps(shown.to_dict()))
    assert data["forward"]["operations"] == shown.forward.operations
    assert data["bound"] == 6 * shown.function.operations + shown.function.moves
    assert data["lines"][0]["file"] == __file__


def test_html_escapes_the_source(shown):
    page = shown._repr_html_()
    assert "if x[0] &lt; 5" in page
    assert page.count("<table>") == page.count("</table>") == 2


def test_rich(shown):
    console = pytest.importorskip("rich.console")
    stream = io.StringIO()
    console.Console(file=stream, width=120).print(shown)
    text = stream.getvalue()
    assert "all operations" in text
    assert "x[0] < 5" in text  # brackets in the source are no markup
