"""A budget of bytes becomes a number of states, everything is stored where it fits, and too little is refused with the reason."""

import math
import pickle
import sys

import pytest

from adjoint import errors
from adjoint._checkpoint.binomial import extra_steps
from adjoint._checkpoint.budget import snapshots_within


@pytest.mark.parametrize(
    ("budget", "state_bytes", "steps", "expected"),
    [
        (800, 8, None, 100),
        (807, 8, None, 100),
        (800, 8, 1000, 100),
        (800, 8, 100, 100),
        (800, 8, 99, 99),
        (8, 8, 1000, 1),
        (1e9, 8_000_000, None, 125),
        (800, 8, 0, 1),
        (0, 8, 0, 1),  # a loop without steps needs no state
        (0, 0, 7, 7),
        (0, 0, None, sys.maxsize),
        (math.inf, 8, 12, 12),
        (math.inf, 8, None, sys.maxsize),
    ],
)
def test_table(budget, state_bytes, steps, expected):
    result = snapshots_within(budget, state_bytes, steps)
    assert result == expected
    assert isinstance(result, int)


def test_what_fits_is_stored():
    assert extra_steps(1000, snapshots_within(8000, 8, 1000)) == 0
    assert extra_steps(1000, snapshots_within(7999, 8, 1000)) == 1


@pytest.mark.parametrize("steps", [None, 1, 1000])
def test_not_even_one_state(steps):
    with pytest.raises(errors.MemoryBudgetError, match=r"7\.5 bytes has no room for one state of the loop") as caught:
        snapshots_within(7.5, 8, steps)
    assert isinstance(caught.value, ValueError)
    assert "allow 8 bytes or more" in caught.value.remedy
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize(("budget", "state_bytes"), [(-1, 8), (8, -1), (math.nan, 8)])
def test_nonsense_is_refused(budget, state_bytes):
    with pytest.raises(ValueError, match="bytes are counted from 0"):
        snapshots_within(budget, state_bytes)
