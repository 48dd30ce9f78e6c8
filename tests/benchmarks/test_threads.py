"""The table of threads is printed, and programs that disagree are found."""

import numpy as np
import pytest

from benchmarks import threads

pytest.importorskip("llvmlite", reason="the native back end needs llvmlite")


def test_the_table(capsys):
    threads.main(["--threads", "1", "2", "--size", "2500", "--repetitions", "1"])
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 1 + 2 * len(threads.FUNCTIONS)
    assert all(float(number) > 0 for row in rows[1:] for number in row.split()[-2:])


def test_all_loops_are_divided():
    for f in threads.FUNCTIONS:
        for program in threads.compared(f, np.linspace(-2.0, 3.0, 50_000), [2])[1:]:
            native = program.last.compiled.native
            assert native.quick(np.zeros(30)) is not NotImplemented
            assert "@adj.split" in threads.ad.source(program, np.zeros(30), backend="llvm")
