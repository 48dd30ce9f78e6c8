"""Every program of the corpus is translated and gives what the plain function gives, or is refused for a reason given here."""

from __future__ import annotations

import pytest

from adjoint.errors import AdjointError
from tests.frontend.agreement import check, translated
from tests.programs import PROGRAMS

REFUSED = {
    "structures.binary_tree_of_objects": "",  # a tree whose shape depends on the values of its nodes
}


@pytest.mark.parametrize("name", sorted(PROGRAMS.keys() - REFUSED.keys()))
@pytest.mark.filterwarnings("ignore")
def test_translated(name) -> None:
    program = PROGRAMS[name]
    check((program.function, (program.args,), ""))


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name) -> None:
    with pytest.raises(AdjointError) as caught:
        translated(PROGRAMS[name].function, PROGRAMS[name].args)
    assert REFUSED[name] in str(caught.value)
    assert ".py:" in str(caught.value)
