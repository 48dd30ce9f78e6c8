"""The promise of the theory: one forward and one reverse pass stay below six times the function's operations, on every program."""

import pytest

import adjoint as ad
from adjoint.errors import AdjointError
from tests.programs import PROGRAMS

BOUND = 6

# Programs that do little else than move numbers.  On the way back an element that was read several times takes additions for
# no operation of the function; so they may take one for each element that the function moves (see the notes of `ad.cost`).
MOVERS = {
    "mutation.delete_insert_resize",
    "mutation.empty_then_fill",
    "structures.identity_and_same_leaf_twice",
    "views.overlapping_views",
}


@pytest.mark.filterwarnings("ignore")  # what a program warns of is not what is counted
@pytest.mark.parametrize("name", PROGRAMS)
def test_passes_stay_below_the_bound(name):
    program = PROGRAMS[name]
    try:
        cost = ad.cost(program.function, *program.args)
    except AdjointError as error:
        pytest.skip(f"not translated: {error}")
    own = cost.function.operations
    assert cost.forward.operations < BOUND * max(own, 1), f"forward pass of {name}\n{cost}"
    allowance = cost.function.moves if name in MOVERS else 0
    assert cost.reverse.operations < BOUND * own + allowance, f"reverse pass of {name}\n{cost}"
    assert cost.reverse.operations >= own
    assert cost.forward.operations >= own


def test_movers_need_their_allowance():
    for name in MOVERS:
        program = PROGRAMS[name]
        cost = ad.cost(program.function, *program.args)
        assert cost.reverse.operations >= BOUND * cost.function.operations, f"{name} is no exception any more"
