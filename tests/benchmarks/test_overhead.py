"""The benchmarks run, at tiny size and without any peer, and what they time is right."""

import sys

import numpy as np
import pytest

from benchmarks import overhead

TINY = ["--operations", "20", "--size", "50", "--repetitions", "2"]


@pytest.fixture
def no_peers(monkeypatch):
    for peer in ("autograd", "torch"):
        monkeypatch.setitem(sys.modules, peer, None)


def test_runs_without_peers(no_peers, capsys):
    assert overhead.main(TINY) == 0
    out = capsys.readouterr().out
    assert "skipped autograd: import of autograd halted" in out
    assert "skipped torch: import of torch halted" in out
    rows = [line.split()[-1] for line in out.splitlines() if line.startswith("adjoint")]
    assert len(rows) == 6  # two on scalars, one on vectors, one on the large array, two of memory
    assert all(float(number) > 0 for number in rows)


def test_gradient_by_hand_is_right():
    x, step = np.linspace(-2, 2, 7), 1e-200
    expected = [overhead.large(x + 1j * step * unit).imag / step for unit in np.eye(x.size)]
    value, gradient = overhead.large_by_hand(x)
    assert value == overhead.large(x)
    np.testing.assert_allclose(gradient, expected, rtol=1e-12)


def test_chain_stays_finite_and_bounded():
    program = overhead.chain(np.sin, np.exp, np.tanh, 1000)
    assert abs(program(*overhead.START)) <= 1


def test_disagreement_is_found():
    right = overhead.Contender("right", lambda: (1.0, (2.0, 3.0)))
    wrong = overhead.Contender("wrong", lambda: (1.0, (2.0, 3.1)))
    overhead.assert_agreement([right, right])
    with pytest.raises(AssertionError, match="gradient by wrong"):
        overhead.assert_agreement([right, wrong])


def test_ratio_is_the_median_over_turns():
    seconds = {"a": [2.0, 30.0, 6.0], "b": [1.0, 1.0, 2.0]}
    assert overhead.ratio(seconds, "a", "b") == 3.0
