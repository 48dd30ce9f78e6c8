"""The NIST demo: the files are read right, the models are NIST's, the fits reach the digits, the command line is kind."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from adjoint import __main__ as program
from adjoint.demo import fit as fitting
from adjoint.demo import nist, report
from adjoint.demo.models import MODELS

NAMES = nist.names()


# What the files say, read by eye: observations, parameters, first and last (y, x), start 1, start 2 of the first parameter.
# fmt: off
FILES = {
    "DanWood":  (  6, 2, (2.138, 1.309),     (5.660, 1.680),       1,    0.7),
    "Eckerle4": ( 35, 3, (0.0001575, 400),   (0.0000710, 500),     1,    1.5),
    "Gauss1":   (250, 8, (97.62227, 1),      (4.875359, 250),     97,   94),
    "Hahn1":    (236, 7, (0.591, 24.41),     (20.935, 848.23),    10,    1),
    "Lanczos3": ( 24, 6, (2.5134, 0),        (0.0624, 1.15),       1.2,  0.5),
    "MGH09":    ( 11, 4, (0.1957, 4),        (0.0246, 0.0625),    25,    0.25),
    "MGH17":    ( 33, 5, (0.844, 0),         (0.406, 320),        50,    0.5),
    "Misra1a":  ( 14, 2, (10.07, 77.6),      (81.78, 760.0),     500,  250),
    "Thurber":  ( 37, 7, (80.574, -3.067),   (1457.628, 2.200), 1000, 1300),
}
# fmt: on


def test_every_file_has_a_model_and_a_row_here():
    assert set(NAMES) == set(MODELS) == set(FILES)


@pytest.mark.parametrize("name", NAMES)
def test_parse(name):
    problem = nist.load(name)
    observations, parameters, first, last, start1, start2 = FILES[name]
    assert problem.name == name
    assert problem.difficulty in {"Lower", "Average", "Higher"}
    assert problem.y.shape == problem.x.shape == (observations,)
    assert problem.starts.shape == (2, parameters)
    assert problem.certified.shape == problem.deviations.shape == (parameters,)
    assert (problem.y[0], problem.x[0]) == first
    assert (problem.y[-1], problem.x[-1]) == last
    assert problem.starts[:, 0].tolist() == [start1, start2]
    assert np.all(problem.deviations > 0)


def test_parse_certified_values():
    problem = nist.load("Misra1a")
    assert problem.certified.tolist() == [2.3894212918e02, 5.5015643181e-04]
    assert problem.deviations.tolist() == [2.7070075241e00, 7.2668688436e-06]
    assert problem.residual_ss == 1.2455138894e-01


@pytest.mark.parametrize("text", ["", "b1 = 1 2 3 4", "Starting Values (somewhere)"])
def test_parse_refuses_what_is_no_such_file(text):
    with pytest.raises(ValueError, match="not a StRD file"):
        nist.parse(text)


def test_load_refuses_an_unknown_name():
    with pytest.raises(KeyError, match="Misra1b"):
        nist.load("Misra1b")


@pytest.mark.parametrize("name", NAMES)
def test_certified_parameters_give_the_certified_sum_of_squares(name):
    problem = nist.load(name)
    residual_ss = np.sum((MODELS[name](problem.certified, problem.x) - problem.y) ** 2)
    assert residual_ss == pytest.approx(problem.residual_ss, rel=1e-8)


@pytest.mark.parametrize("name", NAMES)
def test_models_accept_complex_parameters(name):
    problem = nist.load(name)
    y = MODELS[name](problem.certified + 0j, problem.x)
    assert y.dtype == complex
    np.testing.assert_allclose(y.real, MODELS[name](problem.certified, problem.x), rtol=1e-14)


# 10 digits and not 11: the certified values are themselves rounded to 11, which can cost the last one.
@pytest.mark.parametrize("start", [1, 2])
@pytest.mark.parametrize("name", NAMES)
def test_fit(name, start):
    fit = fitting.fit(nist.load(name), MODELS[name], start)
    assert fit.jacobian_digits >= 5  # seen: 6.1 to 11, by where rounding stops it
    assert fit.digits >= 10
    assert fit.residual_digits >= 10
    assert fit.gradient_error < 1e-11
    assert fit.succeeded


@pytest.mark.parametrize(
    ("estimate", "certified", "digits"),
    [
        ([1.0, 2.0], [1.0, 2.0], 11),
        ([1.001, 2.0], [1.0, 2.0], 3),
        ([-4.0], [1.0], 0),
        ([np.nan], [1.0], 0),
        (1e-8 + 1e-13, 1e-8, 5),
    ],
)
def test_digits_of(estimate, certified, digits):
    assert fitting.digits_of(np.array(estimate), np.array(certified)) == pytest.approx(digits, abs=1e-6)


def test_complex_step_gradient():
    x = np.array([0.3, -2.0])
    np.testing.assert_allclose(
        fitting.complex_step_gradient(lambda x: np.sin(x[0]) * x[1], x), [-2 * np.cos(0.3), np.sin(0.3)], rtol=1e-15
    )


def test_newton_reaches_the_minimum_of_a_badly_scaled_function():
    minimum = fitting.newton(lambda x: np.cosh(x[0] - 1) + 1e12 * (x[1] - 3e-6) ** 2, np.array([1.3, 1e-6]))
    np.testing.assert_allclose(minimum, [1, 3e-6], rtol=1e-12)


@pytest.fixture
def stub_fit(monkeypatch):
    """Replace the fits by one made-up result, good or bad, and without rich."""

    def make(**changes):
        values = dict.fromkeys(("differences_digits", "jacobian_digits", "digits", "residual_digits"), 9.0)
        counts = {"gradient_error": 1e-15, "function_evaluations": 3, "jacobian_evaluations": 2}
        fit = fitting.Fit("Hahn1", 1, (1.0,), **(values | counts | changes))
        monkeypatch.setattr(fitting, "fits", lambda names: [fit])
        monkeypatch.setitem(sys.modules, "rich.console", None)

    return make


def test_command_succeeds(stub_fit, capsys):
    stub_fit()
    assert program.main(["demo"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "1 of 1 fits reach 6 digits" in out


@pytest.mark.parametrize(
    "change",
    [{"digits": 5.9}, {"residual_digits": 2.0}, {"gradient_error": 1e-6}, {"gradient_error": np.nan}],
)
def test_command_fails_when_a_fit_misses(stub_fit, capsys, change):
    stub_fit(**change)
    assert program.main(["demo"]) == 1
    out = capsys.readouterr().out
    assert "0 of 1 fits" in out
    assert "MISS" in out
    assert "Missed: Hahn1 from start 1." in out


def test_poor_fits_on_the_way_are_no_failure(stub_fit):
    stub_fit(differences_digits=2.2, jacobian_digits=5.9)
    assert program.main(["demo"]) == 0


def test_plain_table_is_aligned_and_fits_a_terminal(stub_fit, capsys):
    stub_fit()
    program.main(["demo"])
    lines = capsys.readouterr().out.splitlines()
    head = next(line for line in lines if line.startswith("problem"))
    row = next(line for line in lines if line.startswith("Hahn1"))
    assert row.index("9.0") + 3 == head.index("2-point") + len("2-point")
    assert max(map(len, lines)) <= 80


def test_rich_table_on_a_terminal(stub_fit, capsys, monkeypatch):
    pytest.importorskip("rich")
    stub_fit()
    monkeypatch.delitem(sys.modules, "rich.console")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("NO_COLOR", raising=False)
    program.main(["demo"])
    assert "\x1b[1mproblem" in capsys.readouterr().out.replace(" ", "")


def test_json(stub_fit, capsys):
    stub_fit()
    assert program.main(["demo", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["problem"] == "Hahn1"
    assert row["succeeded"] is True
    assert row["digits"] == 9.0


def test_progress_goes_to_a_terminal_only(stub_fit, capsys, monkeypatch):
    stub_fit()
    assert len(report.with_progress(fitting.fits(["Hahn1"]), 1)) == 1
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    report.with_progress(fitting.fits(["Hahn1"]), 1)
    assert "fitting 1/1: Hahn1 from start 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["demo", "--problem", "Misra1b"], "there is no problem 'Misra1b'; did you mean 'Misra1a'?"),
        (["demo", "--problem", "zzz"], "there is no problem 'zzz'; The problems are DanWood,"),
        (["demo", "--jsno"], "unrecognized arguments: --jsno"),
        (["dmo"], "invalid choice: 'dmo'"),
        ([], "the following arguments are required: COMMAND"),
    ],
)
def test_wrong_command_lines_are_told_what_is_right(arguments, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        program.main(arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_names_are_taken_in_any_case(capsys):
    assert program.main(["demo", "--problem", "danwood", "--problem", "MISRA1A", "--json"]) == 0
    assert [row["problem"] for row in json.loads(capsys.readouterr().out)] == ["DanWood", "DanWood", "Misra1a", "Misra1a"]


@pytest.mark.parametrize("arguments", [["--help"], ["demo", "--help"], ["--version"]])
def test_help(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        program.main(arguments)
    assert stopped.value.code == 0
    assert "adjoint" in capsys.readouterr().out


def test_interrupt(stub_fit, monkeypatch, capsys):
    stub_fit()

    def interrupted(names):
        raise KeyboardInterrupt

    monkeypatch.setattr(fitting, "fits", interrupted)
    assert program.main(["demo"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_module_runs():
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}  # the package that this process tests
    command = [sys.executable, "-m", "adjoint", "demo", "--problem", "DanWood"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert "2 of 2 fits reach 6 digits" in done.stdout
