"""``break``, ``continue`` and ``return`` at every place of nested branches, in ``for`` and ``while``: what follows is left out."""

from __future__ import annotations

import importlib.util
import itertools

import pytest

import adjoint as ad
from tests.frontend.agreement import evaluated, translated

EXITS = ("break", "continue", "return -t")
LOOPS = {"for": "for i in range(n):", "while": "while i < n:"}
# Which of the four conditions is which: the first two nest, the third is in the other branch, the fourth comes after.
BODY = """
def f(x, n):
    t, i = 0.0, -1
    {loop}
        {step}
        if x * i > 1.0:
            t += 1.0
            if i % 3 == {r}:
                t += 2.0
                {first}
            {between}
        else:
            if i % 2 == 1:
                {second}
            t += 10.0 * x
        t += 100.0
        {after}
    return t
"""
NOTHING = "pass"


def sources():
    betweens = ("t += 1000.0", NOTHING, "if t > 900.0:\n                break")
    for loop, first, second, between in itertools.product(LOOPS, EXITS, (*EXITS, NOTHING), betweens):
        step = "i += 1" if loop == "while" else NOTHING
        head = LOOPS[loop] if loop == "for" else "while i < n - 1:"
        after = "if t > 700.0 * x:\n            continue\n        t *= 1.1" if between == NOTHING else NOTHING
        yield BODY.format(loop=head, step=step, r=2, first=first, second=second, between=between, after=after)


@pytest.fixture(scope="module")
def functions(tmp_path_factory):
    """The functions of all sources, each in a module that can be read."""
    folder, made = tmp_path_factory.mktemp("leaving"), []
    for k, text in enumerate(sources()):
        path = folder / f"leaving_{k}.py"
        path.write_text(text)
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        made.append(module.f)
    return made


@pytest.mark.parametrize("k", range(len(list(sources()))))
def test_what_follows_is_left_out(functions, k) -> None:
    f = functions[k]
    program = translated(f, (0.7, 4))
    assert not program.specialised
    for x, n in itertools.product((0.2, 0.45, 0.7, 1.3), (0, 1, 2, 5, 9)):
        assert evaluated(program, (x, n)) == pytest.approx(f(x, n)), (x, n)


@pytest.mark.parametrize("k", range(0, len(list(sources())), 7))
def test_derivatives(functions, k) -> None:
    f = functions[k]
    g = ad.jit(ad.grad(f))
    for x, n in ((0.45, 5), (0.7, 9)):
        assert g(x, n) == pytest.approx(ad.grad(f)(x, n))


def tried(x, n):
    t = 0.0
    for i in range(n):
        try:
            if x * i > 1.0:
                if i > 3:
                    continue
                t += 1.0
            t += 10.0
        finally:
            t += 100.0
        t += 1000.0
    return t


def returned_from_a_branch(x, n):
    t = 0.0
    if x > 0.5:
        if x * n > 3.0:
            return -x
        t += 1.0
        for i in range(n):
            if x * i > 2.0:
                return t * x
            t += x
        t += 5.0
    elif x > 0.3:
        if n > 4:
            return 2.0 * x
        t += 7.0
    t += 100.0
    return t * x


@pytest.mark.parametrize("f", [tried, returned_from_a_branch])
def test_blocks(f) -> None:
    program = translated(f, (0.7, 4))
    for x, n in itertools.product((0.2, 0.4, 0.7, 1.3), (0, 1, 2, 5, 9)):
        assert evaluated(program, (x, n)) == pytest.approx(f(x, n)), (x, n)
