"""What a call costs is measured for all that is there, and a wrong contender is found."""

import sys

import pytest

from benchmarks import calls

pytest.importorskip("llvmlite", reason="the native back end needs llvmlite")


@pytest.fixture
def no_peers(monkeypatch):
    for peer in ("jax", "numba"):
        monkeypatch.setitem(sys.modules, peer, None)


def test_runs_without_peers(no_peers, capsys):
    assert calls.main(["--repetitions", "1"]) == 0
    out = capsys.readouterr().out
    assert "skipped numba: import of numba halted" in out
    assert "skipped jax: import of jax halted" in out
    rows = [line for line in out.splitlines() if line.startswith(("adjoint: ", "ctypes: "))]
    assert len(rows) == 5
    assert all(float(number) > 0 for row in rows for number in row.split()[-2:])


def test_what_is_timed_is_machine_code(no_peers):
    found = [one for one in calls.contenders() if one.name.startswith("adjoint: ")]
    for one in found:
        calls.check(one)
        assert one.function.backend_used == "native"


def test_a_wrong_value_is_found():
    with pytest.raises(AssertionError, match="wrong one"):
        calls.check(calls.Contender("wrong one", calls.scalar, (calls.X,), 0.0))
