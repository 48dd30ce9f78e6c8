"""`compare`: each method is right, wrong or refused where it should be, and the table, the data and the pictures say so."""

import io
import itertools
import json
import math
import subprocess
import sys

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import InputError, OutputError
from adjoint.explain import compare_differences as differences
from adjoint.explain.compare_measure import peak_bytes, seconds_of
from adjoint.explain.compare_point import Point
from adjoint.explain.compare_precise import exact
from adjoint.explain.compare_result import METHODS, in_bytes, in_seconds
from adjoint.explain.compare_symbolic import LARGEST, differentiate

FORWARD, CENTRAL, SCIPY, SYMBOLIC, FORWARD_MODE, REVERSE_MODE = METHODS
FAST = 0.05


def classic(x1, x2):
    return (math.sin(x1 / x2) + x1 / x2 - math.exp(x2)) * (x1 / x2 - math.exp(x2))


def logistic(x, n):
    for _ in range(n):
        x = 3.5 * x * (1 - x)
    return x


def soft_relu(x, w, b, n):
    for _ in range(n):
        x = np.log(1 + np.exp(w * x + b))
    return x


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def newton(a):
    x = a
    while abs(x * x - a) > 1e-12:
        x = (x + a / x) / 2
    return x


def branch(x):
    if x > 1:
        return x * x
    return math.sqrt(x)


def stored(x):
    a = np.zeros(3)
    for i in range(3):
        a[i] = x[i] * np.tanh(x[0])
    return np.cumsum(a)


def tree_of(p, k, *, s=1.0):
    return {"a": p["w"] * np.sin(p["b"]) * s}, np.sum(p["w"]) ** k


def solve(A, b):
    return np.linalg.solve(A, b)


def many(x, y):
    return max(x, y) * np.where(x > 0, x, y) + np.clip(x, 0.0, 1.0) + math.atan2(y, x) + math.pow(x, 2) + abs(y) ** 0.5


@pytest.fixture(scope="module")
def comparison():
    return ad.compare(logistic, 0.3, 6, growth=[1, 2, 4, 6], seconds=0.5)


# --- The exact derivative ----------------------------------------------------------------------------------------


def test_exact_derivative_is_that_of_the_formula():
    found = exact(Point(classic, (1.5, 0.5), {}), (0, 1), 1.0, 1e-6)
    with_respect_to_x1 = (math.cos(3.0) + 1) * 2 * (3 - math.exp(0.5)) + (math.sin(3.0) + 3 - math.exp(0.5)) * 2
    assert found.J[0, 0] == pytest.approx(with_respect_to_x1, rel=1e-15)
    assert not found.kink


@pytest.mark.parametrize(
    ("f", "args"),
    [
        (classic, (1.5, 0.5)),
        (newton, (2.0,)),
        (branch, (0.5,)),
        (branch, (3.0,)),
        (rosenbrock, (np.linspace(0.1, 1.0, 5),)),
        (stored, (np.array([0.1, 0.2, 0.3]),)),
        (many, (0.3, 0.4)),
        (tree_of, ({"w": np.array([1.0, 2.0]), "b": 0.5}, 2)),
    ],
)
def test_both_modes_agree_with_the_exact_derivative(f, args):
    point = Point(f, args, {})
    found = exact(point, range(point.x.size), 1.0, 1e-6)
    assert not found.refusal
    scale = np.max(abs(found.J))
    for mode in ("forward", "reverse"):
        np.testing.assert_allclose(point.jacobian(mode), found.J, rtol=0, atol=1e-13 * scale)
    np.testing.assert_allclose(point.column(0), found.J[:, 0], rtol=0, atol=1e-13 * scale)
    np.testing.assert_allclose(point.row(0), found.J[0], rtol=0, atol=1e-13 * scale)


def test_exact_derivative_sees_the_chaos_that_double_precision_does_not():
    # 60 iterations at the chaotic end double an error each time, so that not one digit of a derivative in doubles is right.
    def chaos(x):
        for _ in range(60):
            x = 4.0 * x * (1 - x)
        return x

    c = ad.compare(chaos, 0.3, seconds=FAST)
    assert c.method(REVERSE_MODE).error > 1e-3
    assert c.method(FORWARD_MODE).error > 1e-3


def test_a_double_on_the_way_is_refused_not_taken_for_exact():
    def cut(x):
        a = np.array([1.0, 2.0]).copy()
        b = np.linspace(0.0, 1.0, 2)
        b[0] = x
        return np.sum(a * b)

    found = exact(Point(cut, (0.3,), {}), (0,), 1.0, 1e-6)
    assert "asks for a double" in found.refusal
    assert "test_compare.py" in found.refusal
    c = ad.compare(cut, 0.3, seconds=FAST)
    assert "forward mode" in c.reference
    assert math.isnan(c.method(FORWARD_MODE).error)
    assert c.method(REVERSE_MODE).error == 0


def test_a_kink_is_told():
    c = ad.compare(lambda x: np.maximum(x, 0.0), 0.0, seconds=FAST)
    assert any("kink" in note for note in c.notes)
    assert not any("kink" in note for note in ad.compare(lambda x: np.maximum(x, 0.0), 1.0, seconds=FAST).notes)


# --- Differences -------------------------------------------------------------------------------------------------


def test_error_curve_has_a_truncation_and_a_rounding_branch():
    sweep = ad.compare(math.exp, 1.0, seconds=FAST).sweep
    at = {round(math.log10(h) * 4) / 4: k for k, h in enumerate(sweep.steps)}
    # Truncation: of first order forward, of second order central.
    assert sweep.forward[at[-2]] / sweep.forward[at[-4]] == pytest.approx(1e2, rel=0.1)
    assert sweep.central[at[-2]] / sweep.central[at[-4]] == pytest.approx(1e4, rel=0.1)
    # Rounding: both grow again as the step shrinks.
    assert sweep.forward[at[-13]] > 100 * min(sweep.forward)
    assert sweep.central[at[-13]] > 100 * min(sweep.central)
    assert min(sweep.central) < min(sweep.forward) / 10


def test_differences_are_counted():
    c = ad.compare(rosenbrock, np.linspace(0.1, 1.0, 7), seconds=FAST)
    assert (c.method(FORWARD).runs, c.method(CENTRAL).runs) == (8, 14)
    assert (c.method(FORWARD_MODE).runs, c.method(REVERSE_MODE).runs) == (7, 1)
    assert c.method(FORWARD).seconds == pytest.approx(8 * c.cost.seconds)


def test_step_is_wider_in_single_precision():
    c = ad.compare(np.sum, np.array([1.0, 2.0], np.float32), seconds=FAST)
    assert c.method(FORWARD).step == pytest.approx(2**-11.5)


def test_scipy_starts_closer_where_its_step_leaves_the_domain():
    point = Point(classic, (1.5, 0.5), {})
    found = differences.by_scipy(point, (0, 1), 1.0)
    assert found.shortened == 1
    np.testing.assert_allclose(found.J, point.jacobian("reverse"), rtol=1e-10)


def test_undefined_steps_are_nan():
    def f(x):
        return math.log(x)

    sweep = ad.compare(f, 0.5, seconds=FAST).sweep
    assert math.isnan(sweep.central[0])
    assert sweep.central[-40] < 1e-4


# --- Symbols -----------------------------------------------------------------------------------------------------


def test_expression_of_the_logistic_map_doubles_with_each_iteration():
    sizes = [differentiate(Point(logistic, (0.3, n), {}), (0,), 1.0) for n in (4, 5, 6, 7)]
    for smaller, larger in itertools.pairwise(sizes):
        assert 1.9 < larger.operations / smaller.operations < 2.2
        assert larger.derivative_operations > 2 * smaller.derivative_operations
        assert larger.shared_operations < 2 * smaller.shared_operations


def test_expression_of_nested_soft_relu_grows_slowly_but_its_derivative_by_squares():
    sizes = [differentiate(Point(soft_relu, (0.5, 1.5, 0.1, n), {}), (0, 1, 2), 2.0) for n in (2, 4, 8)]
    assert sizes[2].operations < 2.2 * sizes[1].operations
    assert sizes[2].derivative_operations > 3 * sizes[1].derivative_operations


def test_expressions_beyond_all_measure_are_not_differentiated():
    found = differentiate(Point(logistic, (0.3, 40), {}), (0,), 1.0)
    assert "too many to differentiate" in found.refusal
    assert found.operations > LARGEST


@pytest.mark.parametrize("f", [newton, branch])
def test_control_flow_on_an_input_is_refused_with_its_line(f):
    found = differentiate(Point(f, (2.0,), {}), (0,), 1.0)
    assert "control flow depends on an input" in found.refusal
    assert "test_compare.py:" in found.refusal


def test_compiled_linear_algebra_is_refused_with_its_line():
    c = ad.compare(solve, np.eye(2) + 0.1, np.ones(2), seconds=FAST)
    assert c.method(SYMBOLIC).refusal.startswith("NumPy computes 'solve1' with floats only, at test_compare.py:")
    assert c.method(REVERSE_MODE).error < 1e-14


@pytest.mark.parametrize(
    ("f", "args"),
    [
        (classic, (1.5, 0.5)),
        (rosenbrock, (np.linspace(0.1, 1.0, 4),)),
        (stored, (np.array([0.1, 0.2, 0.3]),)),
        (many, (0.3, 0.4)),
    ],
)
def test_symbolic_derivative_is_right(f, args):
    point = Point(f, args, {})
    found = differentiate(point, range(point.x.size), 2.0)
    np.testing.assert_allclose(found.evaluate(point.x), point.jacobian("reverse"), rtol=1e-12, atol=1e-13)


def test_every_function_of_both_arithmetics_has_the_derivative_of_the_rule_book():
    names = ("sin", "tan", "arcsin", "arctan", "sinh", "tanh", "arcsinh", "arctanh", "exp", "exp2", "expm1", "log", "log2")
    names += ("log10", "log1p", "sqrt", "cbrt", "square", "reciprocal", "degrees", "radians", "arccos", "cos", "cosh")
    for name in names:
        f = getattr(np, name)
        point = Point(lambda x, f=f: f(x), (0.4,), {})
        expected = point.jacobian("reverse")
        np.testing.assert_allclose(exact(point, (0,), 1.0, 1e-6).J, expected, rtol=1e-14, err_msg=name)
        np.testing.assert_allclose(differentiate(point, (0,), 1.0).evaluate(point.x), expected, rtol=1e-14, err_msg=name)


# --- The whole comparison ----------------------------------------------------------------------------------------


def test_exact_methods_are_exact_and_differences_are_not(comparison):
    for name in (SYMBOLIC, FORWARD_MODE, REVERSE_MODE):
        assert comparison.method(name).error < 1e-12
    for name in (FORWARD, CENTRAL):
        assert comparison.method(name).error > 1e-10


def test_growth_has_a_row_for_each_count(comparison):
    assert [step.count for step in comparison.growth] == [1, 2, 4, 6]
    assert [step.operations for step in comparison.growth] == sorted({step.operations for step in comparison.growth})
    assert comparison.growth[-1].method(REVERSE_MODE).bytes > comparison.growth[0].method(REVERSE_MODE).bytes


def test_tables_print(comparison):
    text = str(comparison)
    for name in METHODS:
        assert f"\n{name} " in text
    assert "derivative of logistic: 1 input, 1 result" in text
    assert "growth with the number of iterations" in text
    assert "SymPy: 190 operations became" in text


def test_data_is_json(comparison):
    data = json.loads(json.dumps(comparison.to_dict()))
    assert [method["name"] for method in data["methods"]] == list(METHODS)
    assert len(data["sweep"]["steps"]) == len(data["sweep"]["forward"]) == 65
    assert data["growth"][2]["count"] == 4
    assert data["inputs"] == data["results"] == 1


def test_notebook_and_rich_show_the_tables(comparison):
    page = comparison._repr_html_()
    assert page.count("<table>") == 2
    assert "reverse mode" in page
    console = pytest.importorskip("rich.console").Console(width=200, record=True, file=io.StringIO())
    console.print(comparison)
    assert "reverse mode" in console.export_text()


def test_names_are_escaped_in_the_page():
    def f(x):
        return x * x

    f.__qualname__ = "<script>"
    assert "<script>" not in ad.compare(f, 1.0, seconds=FAST)._repr_html_()


def test_figures_have_their_panels(comparison, tmp_path):
    pytest.importorskip("matplotlib")
    assert [ax.get_title(loc="left") for ax in comparison.figure().axes] == [
        "Error of the derivative of logistic",
        "Time of the derivative",
        "Expression swell",
        "Memory at its peak",
    ]
    comparison.plot(str(tmp_path / "picture.svg"))
    assert "<svg" in (tmp_path / "picture.svg").read_text()
    single = ad.compare(newton, 2.0, seconds=FAST).figure()
    assert len(single.axes) == 1
    assert len(single.axes[0].get_lines()) > 4


@pytest.mark.parametrize("library", ["sympy", "mpmath", "matplotlib.figure"])
def test_a_missing_library_is_named_with_the_extra(library, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    c = ad.compare(classic, 1.5, 0.5, seconds=FAST)
    if library == "matplotlib.figure":
        with pytest.raises(ImportError, match=r"adjoint\[explain\]"):
            c.figure()
    else:
        assert "adjoint[explain]" in str(c)
    assert c.method(REVERSE_MODE).error < 1e-12 if library != "mpmath" else "forward mode" in c.reference


def test_importing_adjoint_imports_no_optional_library():
    code = "import adjoint, sys; print([m for m in ('sympy', 'mpmath', 'matplotlib', 'rich') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


# --- The point ---------------------------------------------------------------------------------------------------


def test_only_floats_are_differentiated_and_keywords_are_held():
    c = ad.compare(tree_of, {"w": np.array([1.0, 2.0]), "b": 0.5}, 2, kwargs={"s": 3.0}, seconds=FAST)
    assert c.size == (3, 3)
    assert c.method(REVERSE_MODE).error < 1e-14


def test_a_function_may_write_to_its_arguments():
    def f(x):
        x[0] = x[0] * x[1]
        return np.sum(x)

    x = np.array([2.0, 3.0])
    c = ad.compare(f, x, seconds=FAST)
    assert x.tolist() == [2.0, 3.0]
    assert c.method(REVERSE_MODE).error < 1e-14
    assert c.method(SYMBOLIC).error < 1e-14


def test_many_inputs_are_sampled_and_that_is_told():
    c = ad.compare(lambda x: np.sum(np.sin(x)), np.linspace(0, 1, 3000), seconds=FAST)
    assert any("of the 3000 inputs" in note for note in c.notes)
    assert c.method(SCIPY).estimated
    assert "≈" in str(c)
    assert "as many symbols" in c.method(SYMBOLIC).refusal
    assert c.method(REVERSE_MODE).error < 1e-12


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ad.compare(math.sin, 1), InputError, "no argument is a floating number"),
        (lambda: ad.compare(np.sin, 1j), InputError, "complex argument"),
        (lambda: ad.compare(np.sum, np.zeros(0)), InputError, "size 0"),
        (lambda: ad.compare(lambda x: x * 1j, 1.0), OutputError, "complex"),
        (lambda: ad.compare(lambda x: (x, 1), 1.0), OutputError, "int"),
        (lambda: ad.compare(lambda x: x, 1.0, growth=[1, 2]), InputError, "growth needs one argument"),
        (lambda: ad.compare(lambda x, n, m: x, 1.0, 2, 3, growth=[1, 2]), InputError, r"at \[1, 2\]"),
        (lambda: ad.compare(3, 1.0), TypeError, "expects a function"),
    ],
)
def test_misuse_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_growth_argument_can_be_named():
    c = ad.compare(lambda x, n, m: logistic(x, n) * m, 0.3, 2, 3, growth=[1, 2], growth_argnum=1, seconds=FAST)
    assert [step.count for step in c.growth] == [1, 2]


def test_units():
    assert [in_seconds(s) for s in (3e-9, 4.5e-5, 0.25, 90.0, 7200.0, math.nan)] == [
        "3 ns",
        "45 µs",
        "250 ms",
        "1.5 min",
        "2 h",
        "–",
    ]
    assert [in_bytes(n) for n in (0, 12, 2500, 3_000_000_000)] == ["–", "12 B", "2.5 kB", "3 GB"]


def test_measures_see_what_a_call_costs():
    assert peak_bytes(lambda: np.ones(1_000_000)) >= 8_000_000
    assert seconds_of(lambda: sum(range(20_000))) > 3 * seconds_of(lambda: sum(range(2000)))
