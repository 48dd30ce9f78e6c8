"""The table of the elementary functions' errors and times."""

import pytest

pytest.importorskip("llvmlite", reason="the native back end needs llvmlite")

from benchmarks import elementary


def test_a_row_for_each_function(capsys):
    elementary.main(
        ["exp", "erf", "hypot", "--points", "300", "--exact", "10", "--size", "16", "--repetitions", "1", "--width", "256"]
    )
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[2:]] == ["exp", "erf", "hypot"]
    assert all(float(line.split()[1]) < 2 for line in lines[2:])
