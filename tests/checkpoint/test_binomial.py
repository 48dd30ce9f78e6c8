"""The binomial schedule makes the fewest advances there can be, and reverses to the last bit what storing everything reverses."""

import functools
import heapq
import inspect
import itertools
from math import comb

import pytest

from adjoint._checkpoint import binomial
from adjoint._checkpoint.binomial import extra_steps, forward_binomial, minimal_steps, repetitions, reverse_binomial
from tests.checkpoint.loops import Loop, stored

SIZES = [(n, c) for c in range(1, 9) for n in range(61)]
CT = 1.0, 0.5


@functools.cache
def by_recurrence(l: int, s: int) -> int:  # noqa: E741 - the letters of the module
    """The fewest advances, by trying every place for the second snapshot."""
    if l <= 1:
        return 0
    if s == 1:
        return l * (l - 1) // 2
    return min(p + by_recurrence(l - p, s - 1) + by_recurrence(p, s) for p in range(1, l))


def by_search(n: int, c: int) -> int:
    """The fewest advances that reach the end and then reverse, over all orders of storing, loading and dropping: shortest path."""
    start = (
        0,
        frozenset([0]),
        n + 1,
    )  # the working state, the kept ones, and the steps still to reverse: the last is the end itself
    queue: list[tuple[int, int, tuple[int, frozenset[int], int]]] = [(0, 0, start)]
    done, tie = set(), itertools.count(1)
    while queue:
        cost, _, node = heapq.heappop(queue)
        if node in done:
            continue
        done.add(node)
        at, kept, left = node
        if left == 0:
            return cost
        moves = [(0, (p, kept, left)) for p in kept] + [(0, (at, kept - {p}, left)) for p in kept]
        if at == left - 1:
            moves.append((0, (at, kept, left - 1)))
        if at < left - 1:
            moves.append((1, (at + 1, kept, left)))
        if len(kept) < c:
            moves.append((0, (at, kept | {at}, left)))
        for price, target in moves:
            heapq.heappush(queue, (cost + price, next(tie), target))
    raise AssertionError


@pytest.mark.parametrize(("n", "c"), [(n, c) for n in range(9) for c in (1, 2, 3)] + [(12, 3), (14, 2)])
def test_no_order_of_work_takes_fewer_advances(n, c):
    assert n + extra_steps(n, c) == by_search(n, c)


def test_formula_solves_the_recurrence():
    for n, c in SIZES:
        assert minimal_steps(n, c) == by_recurrence(n, c), (n, c)


def test_extra_steps_is_the_best_choice_of_gaps():
    """The other recurrence: the first gap is reversed with all places, the rest with one fewer."""

    @functools.cache
    def best(n: int, c: int) -> int:
        if n == 0:
            return 0
        if c == 1:
            return by_recurrence(n, 1)
        return min(by_recurrence(g, c) + best(n - g, c - 1) for g in range(1, n + 1))

    for n, c in SIZES:
        assert extra_steps(n, c) == best(n, c), (n, c)


def test_repetitions_bound_the_steps():
    for n, c in SIZES:
        r = repetitions(n, c)
        assert comb(c + r, c) >= n
        assert r == 0 or comb(c + r - 1, c) < n


EXPECTED = stored(60)


@pytest.mark.parametrize("c", range(1, 9))
def test_counts_and_values(c):
    for n in range(61):
        loop = Loop()
        final, kept = forward_binomial(n, c, loop.start(), loop.advance)
        assert loop.advances == n
        assert len(kept) <= c
        before = list(kept)
        ct = reverse_binomial(n, kept, c, loop.advance, loop.pull, CT)
        assert (final, ct) == EXPECTED[n]
        assert loop.advances == n + extra_steps(n, c)
        assert loop.pulls == list(range(n))[::-1]
        assert max(loop.evaluations.values(), default=0) <= max(1, repetitions(n + 1, c))
        assert kept == before  # so that the pullback can be called again
        assert reverse_binomial(n, kept, c, loop.advance, loop.pull, CT) == ct


@pytest.mark.parametrize("c", range(1, 9))
def test_from_the_initial_state_alone(c):
    for n in range(1, 61):
        loop = Loop()
        assert reverse_binomial(n, [(0, loop.start())], c, loop.advance, loop.pull, CT) == EXPECTED[n][1]
        assert loop.advances == minimal_steps(n, c)


@pytest.mark.parametrize("c", range(1, 9))
@pytest.mark.parametrize("n", [1, 2, 9, 60])
def test_memory(n, c):
    """Besides the kept states only the working state lives, and while a step runs the one it makes."""
    loop = Loop(watched=True)
    kept = forward_binomial(n, c, loop.start(), loop.advance)[1]
    assert loop.most_alive <= c + 2
    loop.most_alive = 0
    reverse_binomial(n, kept, c, loop.advance, loop.pull, CT)
    assert loop.most_alive <= 2 * c - 1 + 2
    loop.most_alive = 0
    released = reverse_binomial(n, kept, c, loop.advance, loop.pull, CT, release=True)
    assert loop.most_alive <= c + 2
    assert [k for k, _ in kept] == [0]
    assert len(loop.alive) == 1
    assert released == EXPECTED[n][1]
    assert reverse_binomial(n, kept, c, loop.advance, loop.pull, CT, release=True) == released


def test_releasing_costs_no_advances():
    for n, c in SIZES:
        loop = Loop()
        _, kept = forward_binomial(n, c, loop.start(), loop.advance)
        reverse_binomial(n, kept, c, loop.advance, loop.pull, CT, release=True)
        assert loop.advances == n + extra_steps(n, c)


def test_fewer_places_on_the_way_back_are_still_right():
    loop = Loop()
    _, kept = forward_binomial(30, 6, loop.start(), loop.advance)
    assert reverse_binomial(30, kept, 2, loop.advance, loop.pull, CT) == EXPECTED[30][1]


def test_large_numbers_take_no_time():
    assert comb(61, 50) < 10**12 <= comb(62, 50)
    assert minimal_steps(10**12, 50) == 12 * 10**12 - comb(62, 11)
    assert extra_steps(10**12, 10**12) == 0


@pytest.mark.parametrize("c", [0, -1])
def test_no_room_is_refused(c):
    for call in (
        lambda: repetitions(3, c),
        lambda: extra_steps(3, c),
        lambda: forward_binomial(3, c, (), lambda k, state: state),
    ):
        with pytest.raises(ValueError, match=f"{c} kept states"):
            call()


def test_text_of_the_runtime_runs_by_itself():
    header = "from __future__ import annotations\n"
    text = header + "\n\n".join(inspect.getsource(function) for function in binomial.RUNTIME)
    module: dict = {"__name__": "exported"}
    exec(compile(text, "<exported>", "exec"), module)
    loop = Loop()
    _, kept = module["forward_binomial"](40, 4, loop.start(), loop.advance)
    assert module["reverse_binomial"](40, kept, 4, loop.advance, loop.pull, CT) == EXPECTED[40][1]
    assert loop.advances == 40 + extra_steps(40, 4)
