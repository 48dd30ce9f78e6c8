"""Every refusal says what, where (file, line and a caret), why, and what to do; none shows an address in memory."""

from __future__ import annotations

import pytest

import adjoint as ad
from adjoint.errors import AdjointError
from tests.frontend import test_aliasing, test_calls, test_effects, test_errors, test_types
from tests.frontend.agreement import translated

MODULES = (test_aliasing, test_calls, test_effects, test_errors, test_types)
REFUSALS = [case for module in MODULES for case in module.CASES.every if case[2]]


def refusal(f, args) -> str:
    with pytest.raises(AdjointError) as caught:
        translated(f, args)
    return str(caught.value)


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case[0].__name__)
def test_every_refusal_is_complete(case) -> None:
    f, calls, _ = case
    lines = refusal(f, calls[0]).splitlines()
    where = next(k for k, line in enumerate(lines) if line.startswith("  at "))
    assert ".py:" in lines[where]
    text, caret = lines[where + 1], lines[where + 2]
    assert text.startswith("      ")
    column = caret.partition("^")[0]
    assert caret.strip().startswith("^")
    assert column.isspace()
    assert len(column) <= len(text)
    assert any(line.startswith("  because ") for line in lines)
    assert any(line.startswith("  remedy: ") for line in lines)
    assert " at 0x" not in "\n".join(lines)


def either_a_number_or_an_object(x, y):
    first = lambda: 1.0
    z = x if x > 0 else first
    w = z if y > 0 else None
    return w + 1.0


def item_of_a_tuple(x, y):
    total = x * y
    return total + (1.0, x, "text")[int(x)]


def test_what_may_be_several_things_is_told_in_words() -> None:
    text = refusal(either_a_number_or_an_object, (1.0, 2.0))
    assert "0x" not in text
    assert "a value of type float" in text
    assert "the function either_a_number_or_an_object.<locals>.<lambda>" in text


def test_the_caret_stands_below_the_expression() -> None:
    lines = refusal(item_of_a_tuple, (1.0, 2.0)).splitlines()
    k = next(k for k, line in enumerate(lines) if line.strip() == "^")
    assert lines[k - 1][lines[k].index("^") :].startswith('(1.0, x, "text")[int(x)]')


def f(x, y):
    return x * y


@pytest.mark.parametrize("g", [f, ad.jit(f), ad.jit(ad.grad(f)), ad.grad(f)], ids=["plain", "jit", "jit grad", "grad"])
@pytest.mark.parametrize(("args", "kwargs"), [((1.0,), {}), ((1.0, 2.0, 3.0), {}), ((1.0, 2.0), {"z": 1.0})])
def test_a_wrong_call_is_told_as_python_tells_it(g, args, kwargs) -> None:
    with pytest.raises(TypeError) as plain:
        f(*args, **kwargs)
    with pytest.raises(TypeError) as caught:
        g(*args, **kwargs)
    assert not isinstance(caught.value, AdjointError)
    assert str(caught.value) == str(plain.value)
