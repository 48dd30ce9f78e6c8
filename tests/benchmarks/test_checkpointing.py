"""The table of schedules is right, and its counter notices a wrong order."""

import pytest

from benchmarks import checkpointing


def test_table(capsys):
    assert checkpointing.main(["--steps", "1", "21", "--snapshots", "3", "40"]) == 0
    heading, *rows = capsys.readouterr().out.splitlines()
    assert heading.split()[:4] == ["n", "c", "optimum", "binomial"]
    assert [line.split()[:8] for line in rows] == [
        ["1", "3", "1", "1", "1.000", "1", "1.000", "1.000"],
        ["1", "40", "1", "1", "1.000", "1", "1.000", "1.000"],
        ["21", "3", "53", "53", "1.000", "56", "1.057", "1.415"],
        ["21", "40", "21", "21", "1.000", "21", "1.000", "1.000"],
    ]


@pytest.mark.parametrize(("state", "cotangent"), [((3,), 6), ((5,), 7)])
def test_wrong_order_is_noticed(state, cotangent):
    loop = checkpointing.Counter()
    assert loop.pull(5, (5,), 6) == 5
    with pytest.raises(AssertionError, match="step 5 was reversed"):
        loop.pull(5, state, cotangent)
    with pytest.raises(AssertionError, match="step 5 was run"):
        loop.advance(5, (4,))
