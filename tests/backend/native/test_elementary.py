"""Elementary functions as LLVM IR: compiled as the back end does, against mpmath, and against NumPy where values are special."""

import math
import re

import numpy as np
import pytest

pytest.importorskip("llvmlite", reason="the native back end needs llvmlite")

import llvmlite.binding as llvm

from adjoint._backend.native import elementary
from adjoint._backend.native.elementary import SINGLE, far, tables
from benchmarks import elementary_coefficients
from benchmarks.elementary import SUBJECTS, Compiled, loop, ulps, worst
from benchmarks.elementary import theirs as function_of

INF, NAN = np.inf, np.nan
TINY, LARGEST = 5e-324, np.finfo(float).max
SPECIAL = [0.0, TINY, 1e-310, 2.2250738585072014e-308, 1e-200, 1e-20, 0.25, 0.5, 1.0 - 2**-53, 1.0, 1.5, 2.0, 3.0, 8.0, 40.0]
SPECIAL += [708.5, 709.78, 709.79, 710.47, 710.48, 745.1, 745.2, 1023.9, 1024.0, 1074.0, 1076.0, 1e10, 1e300, LARGEST, INF]
SPECIAL = np.array([*SPECIAL, *(-x for x in SPECIAL), NAN])
DOUBLES = [name for name in elementary.NAMES if not name.startswith(SINGLE)]
SINGLES = [name for name in elementary.NAMES if name.startswith(SINGLE)]


@pytest.fixture(scope="module")
def compiled():
    if not elementary.suits(llvm.get_process_triple(), llvm.get_host_cpu_features()):
        pytest.skip("this processor has no fused multiply-add")
    return Compiled(elementary.NAMES)


def theirs(name):
    """Return the function of NumPy or SciPy; SciPy's ``expit`` is zero where it should be subnormal."""
    return {"expit": lambda x: np.exp(-np.maximum(-x, 0)) / (1 + np.exp(-abs(x)))}.get(name) or function_of(name)


def arguments(name):
    """Return the special values, or all pairs of them."""
    if elementary.NAMES[name] == 1:
        return [SPECIAL]
    return [each.ravel().copy() for each in np.meshgrid(SPECIAL, SPECIAL)]


@pytest.mark.parametrize("name", DOUBLES)
def test_two_units_in_the_last_place(compiled, name):
    error, where = worst(name, compiled, points=4000, judged=100)
    assert error <= 2, where


@pytest.mark.parametrize("name", DOUBLES)
def test_special_values_are_numpys(compiled, name):
    given = arguments(name)
    ours = compiled(name, *given)
    with np.errstate(all="ignore"):
        expected = theirs(name)(*given)
        exact = ~np.isfinite(expected) | (expected == 0)
        # Where NumPy overflows or underflows a hair earlier or later, a neighbour is right too.
        close = np.abs(ours - expected) <= 1e-15 * np.abs(expected) + TINY
        same = (ours == expected) & (np.signbit(ours) == np.signbit(expected)) | np.isnan(ours) & np.isnan(expected)
    right = same | ~exact & close | (expected == 0) & (np.abs(ours) == TINY)
    assert right.all(), [(*(each[i] for each in given), ours[i], expected[i]) for i in np.flatnonzero(~right)]


@pytest.mark.parametrize("name", SINGLES)
def test_single_precision_is_double_precision_rounded(compiled, name):
    single = np.random.default_rng(0).uniform(0.1, 0.9, (elementary.NAMES[name], 100)).astype(np.float32)
    double = compiled(name.removeprefix(SINGLE), *single.astype(float))
    np.testing.assert_array_equal(compiled(name, *single), double.astype(np.float32), strict=True)


@pytest.mark.parametrize("name", DOUBLES)
def test_a_vector_and_a_number_give_the_same(compiled, name):
    low, high = SUBJECTS[name].timed
    given = np.random.default_rng(0).uniform(low, high, (elementary.NAMES[name], 100))
    singly = [compiled(name, *(each[i : i + 1] for each in given))[0] for i in range(100)]
    np.testing.assert_array_equal(compiled(name, *given), singly)


@pytest.mark.parametrize("name", DOUBLES)
def test_the_loop_is_vectorised(compiled, name):
    if not re.search(r"<\d+ x double>", compiled.text):
        pytest.skip("this processor has no vectors of doubles")
    body = re.search(rf'define void @"loop {name}".*?^}}', compiled.text, re.DOTALL | re.MULTILINE)
    assert body
    widths = re.findall(r"load <(\d+) x double>", body[0])
    assert widths
    assert max(map(int, widths)) > 1


def test_exact_cases(compiled):
    whole = np.arange(-40.0, 41.0)
    for n in range(9):
        np.testing.assert_array_equal(compiled("power", whole, np.full(81, float(n))), [float(int(x) ** n) for x in whole])
    np.testing.assert_array_equal(compiled("exp2", np.arange(-1074.0, 1024.0)), [2.0**n for n in range(-1074, 1024)])
    np.testing.assert_array_equal(compiled("log2", np.array([2.0**n for n in range(-1074, 1024)])), np.arange(-1074.0, 1024.0))
    np.testing.assert_array_equal(compiled("log10", np.array([10.0**n for n in range(23)])), np.arange(23.0))
    np.testing.assert_array_equal(compiled("cbrt", whole**3), whole)
    np.testing.assert_array_equal(compiled("hypot", 3 * whole, 4 * whole), 5 * abs(whole))
    one = np.array([1.0])
    assert compiled("exp", one)[0] == math.e
    assert compiled("arctan", one)[0] == math.pi / 4
    assert compiled("arccos", -one)[0] == math.pi
    assert compiled("sin", one * math.pi / 2)[0] == compiled("cos", one * 0)[0] == compiled("erfc", one * 0)[0] == 1


def test_powers_of_negative_numbers(compiled):
    x, y = [-8.0, -8.0, -8.0, -0.0, -0.0, -INF, -INF, -1.0, NAN, 1.0], [3.0, 1 / 3, -2.0, -3.0, -2.0, 0.5, 3.0, INF, 0.0, NAN]
    expected = [-512.0, NAN, 1 / 64, -INF, INF, INF, -INF, 1.0, 1.0, 1.0]
    np.testing.assert_array_equal(compiled("power", np.array(x), np.array(y)), expected)


@pytest.mark.parametrize("name", far.NAMES)
@pytest.mark.parametrize("size", [1, 7, 8, 37])
def test_arguments_beyond_the_bound_among_others(compiled, name, size):
    x = np.random.default_rng(size).uniform(-5, 5, size)
    x[size // 2] = 1e22
    x[-1] = -2 * far.BOUND
    np.testing.assert_allclose(compiled(name, x), [getattr(math, name)(each) for each in x], rtol=4e-16)
    np.testing.assert_array_equal(compiled(name, np.append(x, INF))[-1], NAN)


@pytest.mark.parametrize("name", far.NAMES)
def test_the_arguments_closest_to_multiples_of_a_quarter_turn(compiled, name):
    # From the continued fraction of π/2: the doubles up to 2⁴⁰ that leave the least.
    hardest = np.array([45.553093477052, 14461176.67027838, 28922353.34055676, 57844706.68111352, 115689413.36222704])
    exact = [SUBJECTS[name].exact(x) for x in hardest]
    assert max(map(ulps, exact, compiled(name, hardest))) < 0.6


def test_a_definition_is_given_once():
    text = elementary.definitions(["f32.sin", "sin", "logaddexp", "sin"])
    assert sorted(re.findall(r"define .*? @adj\.(\S+)\(", text)) == ["exp", "f32.sin", "log1p", "logaddexp", "sin"]


@pytest.mark.parametrize("name", elementary.NAMES)
def test_the_definitions_of_one_name_are_enough(name):
    texts = [*sorted(elementary.intrinsics([name])), elementary.definitions([name]), loop(name, None)]
    module = llvm.parse_assembly("\n".join(texts))
    module.verify()
    late = elementary.late([name])
    assert bool(late) == (name.removeprefix(SINGLE) in far.NAMES)
    if late:
        llvm.parse_assembly(late).verify()


@pytest.mark.parametrize("name", ["CBRT", "EXP", "SINH"])
def test_the_tables_are_what_is_printed(name):
    coefficients, _ = elementary_coefficients.rounded(elementary_coefficients.FITS[name])
    assert tuple(coefficients) == getattr(tables, name)


def test_which_targets_suit():
    assert elementary.suits("arm64-apple-darwin", {})
    assert elementary.suits("x86_64-unknown-linux-gnu", {"fma": True})
    assert not elementary.suits("x86_64-unknown-linux-gnu", {"fma": False})
