"""The times until a first result are measured in new processes, and those above a limit are marked."""

import pytest

from benchmarks import starting

pytest.importorskip("llvmlite", reason="the native back end needs llvmlite")


def test_runs_for_one_problem(capsys, monkeypatch):
    monkeypatch.setitem(starting.LIMITS, "import", 0.0)
    assert starting.main(["--problems", "hello", "--repetitions", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (adjoint,) = [line for line in lines if line.startswith("  adjoint  ")]
    assert adjoint.endswith("*")
    (hello,) = [line for line in lines if line.startswith("  hello")]
    assert len(hello.split()) == 6
    assert all(float(number.rstrip("*")) >= 0 for number in hello.split()[1:])


def test_parts_of_a_first_call(capsys):
    assert starting.main(["--child", "lse"]) == 0
    found = starting.measured_here("lse")
    assert set(found) == set(starting.PARTS)
    assert found["translation"] > 0


def test_a_process_that_fails_says_why():
    with pytest.raises(RuntimeError, match="No module named 'nothing'"):
        starting.in_child("-c", "import nothing")
