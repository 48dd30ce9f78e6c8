"""The online schedule is right for every number of steps, optimal for few, near the optimum for many, and holds its memory."""

import inspect
import itertools
from math import comb

import pytest

from adjoint._checkpoint import binomial, online
from adjoint._checkpoint.binomial import extra_steps, minimal_steps, repetitions, reverse_binomial
from adjoint._checkpoint.online import drop, forward_online, milestones_of, most_steps
from tests.checkpoint.loops import Loop, stored

CT = 1.0, 0.5
MOST = 300
EXPECTED = stored(MOST)
SAMPLE = [*range(1, MOST + 1), *range(MOST, 4000, 37)]
# The greatest ratio to the optimum within the sample, in thousandths, rounded up: it may fall and must not rise.
WORST = {1: 1000, 2: 1122, 3: 1091, 4: 1066, 5: 1050, 6: 1036, 7: 1026, 8: 1018, 9: 1014, 10: 1011}


class Asked:
    """Ends a loop after some number of steps, and remembers what it was asked."""

    def __init__(self, most: int) -> None:
        self.most, self.steps = most, []

    def __call__(self, k: int, state: tuple) -> bool:
        self.steps.append(k)
        return k < self.most


def count(n: int, c: int) -> tuple[int, list[int]]:
    """The advances that n steps take in all, by formula from the gaps, and the gaps."""
    _, steps, kept = forward_online(c, (), lambda k, state: state, lambda k, state: k < n)
    assert steps == n
    positions = [position for position, _ in kept]
    assert positions[0] == 0
    assert len(kept) == min(n, c)
    gaps = [b - a for a, b in zip(positions, [*positions[1:], n], strict=True)]
    return n + sum(minimal_steps(gap, c - j) for j, gap in enumerate(gaps)), gaps


@pytest.mark.parametrize("c", range(1, 11))
def test_every_number_of_steps(c):
    for n in range(MOST + 1):
        loop, asked = Loop(), Asked(n)
        final, steps, kept = forward_online(c, loop.start(), loop.advance, asked)
        assert asked.steps == list(range(n + 1))
        assert (final, steps, loop.advances) == (EXPECTED[n][0], n, n)
        before = list(kept)
        assert reverse_binomial(n, kept, c, loop.advance, loop.pull, CT) == EXPECTED[n][1]
        assert kept == before
        assert loop.pulls == list(range(n))[::-1]
        assert max(loop.evaluations.values(), default=0) <= max(1, repetitions(n + 1, c))  # minimal repetition
        assert n + extra_steps(n, c) <= loop.advances <= most_steps(n, c)
        if n:
            assert loop.advances == count(n, c)[0]


@pytest.mark.parametrize("c", range(1, 11))
def test_ratio_to_the_optimum(c):
    worst = 0.0
    for n in SAMPLE:
        advances, gaps = count(n, c)
        optimum = n + extra_steps(n, c)
        stage = repetitions(n + 1, c) - 1
        assert all(gap <= comb(c - j + stage, stage) for j, gap in enumerate(gaps))
        assert optimum <= advances <= most_steps(n, c)
        assert n <= c or advances < (1 + 1 / c) * (1 + 1 / stage) * optimum
        assert n > (c + 1) * (c + 2) // 2 or advances == optimum
        worst = max(worst, advances / optimum)
    assert worst <= WORST[c] / 1000, worst


def best_worst_ratio(c: int, most: int) -> float:
    """The least worst ratio up to so many steps of all online choices of c states, when each gap is reversed as it stands."""
    after: dict[tuple[int, ...], float] = {}
    for n in range(most, c - 1, -1):
        now = {}
        for kept in itertools.combinations(range(n), c):
            if kept[0] == 0:
                gaps = [b - a for a, b in zip(kept, (*kept[1:], n), strict=True)]
                ratio = (n + sum(minimal_steps(gap, c - j) for j, gap in enumerate(gaps))) / (n + extra_steps(n, c))
                moves = [kept, *((*kept[:i], *kept[i + 1 :], n) for i in range(1, c))]
                now[kept] = max(ratio, min((after[move] for move in moves), default=0.0) if after else 0.0)
        after = now
    return min(after.values())


def test_with_two_places_no_choice_of_states_promises_more():
    best = best_worst_ratio(2, 60)
    assert best == 46 / 41
    assert max(count(n, 2)[0] / (n + extra_steps(n, 2)) for n in range(1, 2000)) == best


@pytest.mark.parametrize(("c", "most", "ours"), [(3, 25, 1.073), (4, 20, 1.034)])
def test_with_more_places_little_can_be_won(c, most, ours):
    worst = max(count(n, c)[0] / (n + extra_steps(n, c)) for n in range(1, most + 1))
    assert best_worst_ratio(c, most) <= worst <= ours


@pytest.mark.parametrize("c", range(1, 11))
def test_milestones_are_what_a_stage_ends_with(c):
    for stage in range(4):
        places, end = milestones_of(stage, c)
        assert end == comb(c + stage + 1, c) - 1
        _, gaps = count(end, c)
        assert gaps == [comb(s + stage, s) for s in range(c, 0, -1)]
        assert places == {sum(gaps[:j]) for j in range(c)}
        assert count(end, c)[0] == end + extra_steps(end, c)  # a full stage is optimal


@pytest.mark.parametrize("c", range(1, 11))
@pytest.mark.parametrize("n", [1, 12, 100, MOST])
def test_memory(n, c):
    """Besides the kept states only the working state lives, and while a step runs the one it makes."""
    loop = Loop(watched=True)
    _, _, kept = forward_online(c, loop.start(), loop.advance, lambda k, state: k < n)
    assert len(kept) <= c
    assert loop.most_alive <= c + 2
    loop.most_alive = 0
    assert reverse_binomial(n, kept, c, loop.advance, loop.pull, CT, release=True) == EXPECTED[n][1]
    assert loop.most_alive <= c + 2
    assert len(kept) == len(loop.alive) == 1


def test_the_state_decides_when_to_stop():
    loop = Loop()
    final, steps, kept = forward_online(3, loop.start(), loop.advance, lambda k, state: not 0 < state[2] < 0.02)
    assert steps == 36  # EXPECTED[36] is the first that ends the loop
    assert final == EXPECTED[36][0]
    assert reverse_binomial(steps, kept, 3, loop.advance, loop.pull, CT) == EXPECTED[steps][1]


def test_room_for_any_number_keeps_all():
    _, steps, kept = forward_online(10**18, (), lambda k, state: state, lambda k, state: k < 50)
    assert (steps, [k for k, _ in kept]) == (50, list(range(50)))


def test_nothing_to_drop_is_an_error():
    with pytest.raises(AssertionError, match="please report"):
        drop([(0, ()), (5, ())], 9, 1, {0, 5})


@pytest.mark.parametrize("c", [0, -1])
def test_no_room_is_refused(c):
    with pytest.raises(ValueError, match=f"{c} kept states"):
        forward_online(c, (), lambda k, state: state, lambda k, state: k < 3)


def test_text_of_the_runtime_runs_by_itself():
    functions = (*binomial.RUNTIME, *online.RUNTIME)
    text = "from __future__ import annotations\n" + "\n\n".join(inspect.getsource(function) for function in functions)
    module: dict = {"__name__": "exported"}
    exec(compile(text, "<exported>", "exec"), module)
    loop = Loop()
    _, steps, kept = module["forward_online"](4, loop.start(), loop.advance, lambda k, state: k < 200)
    assert module["reverse_binomial"](steps, kept, 4, loop.advance, loop.pull, CT) == EXPECTED[200][1]
    assert loop.advances == count(200, 4)[0]
