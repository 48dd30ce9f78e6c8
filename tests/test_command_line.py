"""The commands on a function of the user's: what they print and write, their exit status, and what they say to mistakes."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from adjoint import __main__ as program
from adjoint._commands.program import argument

MODEL = '''
"""Programs to differentiate."""
import math

import numpy as np

from constants import RATE

SIZE = 3


def classic(x1, x2):
    return (math.sin(x1 / x2) + x1 / x2 - math.exp(x2)) * (x1 / x2 - math.exp(x2))


def logistic(x, n):
    for _ in range(n):
        x = RATE * x * (1 - x)
    return x


def energy(x):
    return np.sum(x**2)


def weighted(p, k):
    return np.sum(p["w"] * p["b"]) * k


def kinked(x):
    return math.floor(x * 1e6) / 1e6 + x


def broken(x):
    return {}[x > 0]


def unsupported(x):
    return np.linalg.lstsq(np.eye(2) * x, np.ones(2), rcond=None)[0].sum().tobytes()


class Spring:
    @staticmethod
    def force(x):
        return -2.0 * x
'''


@pytest.fixture
def model(tmp_path, monkeypatch):
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "constants.py").write_text("RATE = 3.5\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("model", "constants"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield tmp_path
    for name in ("model", "model_", "constants"):
        sys.modules.pop(name, None)


# --- Commands ----------------------------------------------------------------------------------------------------


def test_check_prints_its_comparisons(model, capsys):
    assert program.main(["check", "model.py:energy", "[1.0, 2.0]"]) == 0
    out = capsys.readouterr().out
    assert "forward over reverse" in out
    assert "the derivatives of energy are right at this point" in out


def test_check_takes_order_and_tolerance(model, capsys):
    assert program.main(["check", "model.py:energy", "[1.0, 2.0]", "--order", "1", "--tolerance", "1e-5"]) == 0
    out = capsys.readouterr().out
    assert "over" not in out
    assert "1.0e-05" in out


def test_a_failed_check_has_status_1(model, capsys):
    assert program.main(["check", "model.py:kinked", "0.3"]) == 1
    assert "CheckError" in capsys.readouterr().err


def test_compare_prints_a_table(model, capsys):
    assert program.main(["compare", "model.py:logistic", "0.3", "4", "--seconds", "0.05"]) == 0
    out = capsys.readouterr().out
    assert "derivative of logistic: 1 input, 1 result" in out
    assert "symbolic (SymPy)" in out


def test_compare_grows_and_draws(model, capsys):
    pytest.importorskip("matplotlib")
    command = ["compare", "model.py:logistic", "0.3", "4", "--growth", "1,2,3", "--plot", "picture.png", "--seconds", "0.05"]
    assert program.main([*command, "--json"]) == 0
    captured = capsys.readouterr()
    assert [step["count"] for step in json.loads(captured.out)["growth"]] == [1, 2, 3]
    assert "wrote picture.png" in captured.err
    assert (model / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_explain_prints_the_trace(model, capsys):
    assert program.main(["explain", "model.py:classic", "1.5", "0.5"]) == 0
    out = capsys.readouterr().out
    assert "v10" in out
    assert "2.01665" in out


def test_explain_writes_page_picture_and_data(model, capsys):
    command = ["explain", "model.py:classic", "1.5", "0.5", "--html", "trace.html", "--graph", "graph.svg", "--json"]
    assert program.main(command) == 0
    assert json.loads(capsys.readouterr().out)
    assert "<html" in (model / "trace.html").read_text(encoding="utf-8")
    assert (model / "graph.svg").read_text(encoding="utf-8").startswith("<svg")


def test_the_page_has_a_name_of_its_own(model, capsys):
    assert program.main(["explain", "model.py:classic", "1.5", "0.5", "--html"]) == 0
    assert (model / "classic.html").exists()
    assert "wrote classic.html" in capsys.readouterr().err


def test_cost_prints_counts_by_line(model, capsys):
    assert program.main(["cost", "model.py:logistic", "0.3", "10", "--timed"]) == 0
    out = capsys.readouterr().out
    assert "cost of logistic: 1 input" in out
    assert ["all", "operations", "30"] in [line.split()[:3] for line in out.splitlines()]
    assert "time, measured" in out
    assert "x = RATE * x * (1 - x)" in out


def test_cost_as_data(model, capsys):
    assert program.main(["cost", "model.py:logistic", "0.3", "10", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["function"]["operations"] == 30
    assert data["function"]["seconds"] is None


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ("none", 0.5 * 3.5 * 0.5),
        ("grad", 0.0),
        ("value_and_grad", (0.5 * 3.5 * 0.5, 0.0)),
        ("jacobian", 0.0),
        ("hessian", -7.0),
    ],
)
def test_source_prints_a_program_that_runs(model, capsys, operator, expected):
    assert program.main(["source", "model.py:logistic", "0.5", "1", "--operator", operator]) == 0
    out = capsys.readouterr().out
    assert "adjoint" not in out
    namespace = {}
    exec(out, namespace)
    suffix = "" if operator == "none" else f"_{operator}"
    np.testing.assert_allclose(namespace[f"logistic{suffix}"](0.5, 1, 3.5), expected)


def test_source_of_a_directional_derivative_takes_tangents(model, capsys):
    assert program.main(["source", "model.py:classic", "1.5", "0.5", "--operator", "jvp"]) == 0
    namespace = {}
    exec(capsys.readouterr().out, namespace)
    value, tangent = namespace["classic_jvp"](1.5, 0.5, 1.0, 0.0)
    np.testing.assert_allclose([value, tangent], [2.016647, 3.011843], rtol=1e-6)


def test_source_writes_a_module_without_adjoint(model, capsys):
    assert program.main(["source", "model.py:energy", "[1.0, 2.0]", "--export", "energy_grad.py"]) == 0
    assert "wrote energy_grad.py" in capsys.readouterr().err
    text = (model / "energy_grad.py").read_text(encoding="utf-8")
    assert "import adjoint" not in text
    namespace = {}
    exec(text, namespace)
    np.testing.assert_allclose(namespace["energy_grad"](np.array([1.0, 2.0])), [2.0, 4.0])


@pytest.mark.parametrize(("backend", "expected"), [("llvm", "define ptr @call("), ("assembly", "\ncall:")])
def test_source_prints_machine_code(model, capsys, backend, expected):
    assert program.main(["source", "model.py:energy", "[1.0, 2.0]", "--backend", backend]) == 0
    assert expected in capsys.readouterr().out
    assert program.main(["source", "model.py:energy", "[1.0, 2.0]", "--backend", backend, "--export", "x.py"]) == 2
    assert "leave --backend out" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["cost", "source"])
def test_without_a_floating_argument_there_is_no_derivative(model, capsys, command):
    assert program.main([command, "model.py:energy", "3"]) == 1
    assert "no argument is a floating number" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["cost", "source"])
def test_what_cannot_be_translated_is_refused_with_its_line(model, capsys, command):
    (model / "opaque.py").write_text("def f(x):\n    return eval('x') * 2\n")
    assert program.main([command, "opaque.py:f", "1.0"]) == 1
    err = capsys.readouterr().err
    assert "opaque.py:2" in err
    assert "Traceback" not in err


# --- Targets -----------------------------------------------------------------------------------------------------


def test_a_method_of_a_class_is_found(model):
    assert program.main(["check", "model.py:Spring.force", "1.5"]) == 0


def test_a_file_named_as_a_library_is_a_users_file(model, capsys):
    (model / "random.py").write_text("import math\ndef f(x):\n    return math.sin(x) if x > 0 else x\n")
    assert program.main(["check", str(model / "random.py") + ":f", "0.5"]) == 0
    assert sys.modules["random"].__file__ != str(model / "random.py")


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("modle.py:energy", "there is no file 'modle.py'; did you mean 'model.py'?"),
        ("nowhere/model.py:energy", "there is no file 'nowhere/model.py'"),
        ("model.py:enrgy", "model.py has no function 'enrgy'; did you mean 'energy'?"),
        ("model.py:zzz", "model.py has no function 'zzz'; it has classic, logistic, energy"),
        ("model.py:SIZE", "'SIZE' in model.py is no function, but of type int"),
        ("model.py", "expected FILE:FUNCTION, such as model.py:energy, got 'model.py'"),
        (":energy", "expected FILE:FUNCTION"),
        ("data.txt:energy", "'data.txt' is no Python file"),
        ("wrong.py:f", "wrong.py cannot be run: ZeroDivisionError"),
        ("syntax.py:f", "syntax.py cannot be run: "),
        ("leaves.py:f", "leaves.py cannot be run: it calls sys.exit"),
    ],
)
@pytest.mark.parametrize("command", ["check", "compare", "cost", "explain", "source"])
def test_a_missing_function_is_told(model, capsys, command, target, message):
    (model / "data.txt").write_text("")
    (model / "wrong.py").write_text("1 / 0\n")
    (model / "syntax.py").write_text("def f(:\n")
    (model / "leaves.py").write_text("import sys\nsys.exit(3)\n")
    assert program.main([command, target, "1.0"]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err
    assert not captured.out


def test_an_error_in_the_file_names_its_line(model, capsys):
    (model / "wrong.py").write_text("x = 1\nx / 0\n")
    assert program.main(["check", "wrong.py:f"]) == 2
    assert "wrong.py:2: x / 0" in capsys.readouterr().err


def test_an_error_in_the_function_names_its_line_and_has_status_1(model, capsys):
    assert program.main(["explain", "model.py:broken", "1.0"]) == 1
    err = capsys.readouterr().err
    assert "KeyError" in err
    assert "return {}[x > 0]" in err
    assert "program.py" not in err


def test_an_error_of_the_derivative_has_status_1(model, capsys):
    assert program.main(["explain", "model.py:unsupported", "1.0"]) == 1
    assert "adjoint: " in capsys.readouterr().err


# --- Arguments ---------------------------------------------------------------------------------------------------


def test_literals_and_lists():
    assert argument("1.5", 1) == 1.5
    assert argument(" 3 ", 1) == 3
    assert isinstance(argument("3", 1), int)
    assert argument("-1e-3", 1) == -1e-3
    assert argument("inf", 1) == np.inf
    assert argument("'word'", 1) == "word"
    assert argument("None", 1) is None
    np.testing.assert_array_equal(argument("[[1.0, 2.0], [3.0, 4.0]]", 1), [[1.0, 2.0], [3.0, 4.0]])
    pair = argument("([1.0], {'k': [2.0]})", 1)
    assert isinstance(pair[0], np.ndarray)
    assert isinstance(pair[1]["k"], np.ndarray)


def test_files(model):
    np.save("x.npy", np.array([1.0, 2.0]))
    (model / "p.json").write_text('{"w": [1.0, 2.0], "b": [0.5, 0.25]}')
    np.testing.assert_array_equal(argument("@x.npy", 1), [1.0, 2.0])
    assert isinstance(argument("@p.json", 1)["w"], np.ndarray)
    assert program.main(["check", "model.py:energy", "@x.npy"]) == 0
    assert program.main(["check", "model.py:weighted", "@p.json", "2"]) == 0


def test_negative_numbers_are_arguments_and_not_options(model, capsys):
    assert program.main(["explain", "model.py:classic", "-1e-3", "-.5"]) == 0
    assert "-0.001" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "energy(x) cannot be called with 0 arguments: missing a required argument: 'x'"),
        (["1.0", "2.0"], "energy(x) cannot be called with 2 arguments: too many positional arguments"),
        (["word"], "argument 1, 'word', is no Python literal"),
        (["[1.0, [2.0]]"], "argument 1: a list becomes an array"),
        (["['a']"], "argument 1: a list becomes an array"),
        (["@none.npy"], "argument 1: there is no file 'none.npy'"),
        (["@model.py"], "argument 1: 'model.py' is neither .npy nor .json"),
        (["@bad.json"], "argument 1: 'bad.json' cannot be read"),
        (["@bad.npy"], "argument 1: 'bad.npy' cannot be read"),
    ],
)
def test_a_wrong_argument_is_told(model, capsys, arguments, message):
    (model / "bad.json").write_text("{")
    (model / "bad.npy").write_text("no array")
    assert program.main(["check", "model.py:energy", *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["compare", "model.py:energy", "1.0", "--plot", "x.gif"], "does not end in .png or .svg or .pdf"),
        (["compare", "model.py:energy", "1.0", "--plot", "none/x.png"], "there is no folder 'none'"),
        (["compare", "model.py:energy", "1.0", "--growth", "a"], "expected whole numbers"),
        (["compare", "model.py:energy", "1.0", "--growth", "-1"], "not negative"),
        (["compare", "model.py:energy", "1.0", "--seconds", "0"], "expected a positive number"),
        (["explain", "model.py:energy", "1.0", "--graph", "x.png"], "does not end in .svg"),
        (["source", "model.py:energy", "1.0", "--operator", "curl"], "invalid choice"),
        (["source", "model.py:energy", "1.0", "--export", "x.txt"], "does not end in .py"),
        (["check", "model.py:energy", "1.0", "--order", "9"], "invalid choice"),
        (["check"], "the following arguments are required"),
        (["chekc"], "invalid choice"),
    ],
)
def test_a_wrong_option_has_status_2(model, capsys, options, message):
    with pytest.raises(SystemExit) as end:
        program.main(options)
    assert end.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("command", sorted(program.COMMANDS))
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as end:
        program.main([command, "--help"])
    assert end.value.code == 0
    out = capsys.readouterr().out
    assert f"usage: adjoint {command}" in " ".join(out.split())
    if program.COMMANDS[command][0].startswith("adjoint._commands"):
        assert f"example:\n  adjoint {command} " in out


def test_it_runs_as_a_program(model, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.path.dirname(os.path.dirname(os.path.abspath(program.__file__))))
    command = [sys.executable, "-m", "adjoint", "check", "model.py:energy", "[1.0]"]
    assert subprocess.run(command, capture_output=True, text=True, check=False).returncode == 0
    command[-2] = "model.py:none"
    failed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert failed.returncode == 2
    assert failed.stderr.startswith("adjoint: error: model.py has no function 'none'")
