"""The table of ratios is printed, and names what has none."""

import adjoint as ad
from benchmarks import cost
from tests.programs import PROGRAMS

NAMES = ["numerics.horner", "numerics.logistic_map", "mutation.empty_then_fill"]


def test_the_table_has_quartiles_and_the_worst(capsys):
    assert cost.main([*NAMES, "--each"]) == 0
    lines = capsys.readouterr().out.splitlines()
    forward, reverse = (
        next(line for line in lines if line.startswith(f"{name} pass, operations")) for name in ("forward", "reverse")
    )
    assert forward.split()[3] == reverse.split()[3] == "3"
    numbers = [float(text) for text in reverse.split()[4:9]]
    assert numbers == sorted(numbers)
    assert reverse.split()[-1] == "mutation.empty_then_fill"
    assert sum(line.startswith(tuple(NAMES)) for line in lines) == 3


def test_ratios_are_those_of_cost():
    found, refused = cost.costs(NAMES[:2], timed=False)
    program = PROGRAMS[NAMES[0]]
    assert found[NAMES[0]].reverse == ad.cost(program.function, *program.args).reverse
    assert not refused


def test_times_are_printed_too(capsys):
    assert cost.main([*NAMES[:2], "--timed"]) == 0
    assert "reverse pass, time" in capsys.readouterr().out


def test_what_is_not_translated_is_named(capsys, monkeypatch):
    def refuse(*args, **options):
        raise ad.errors.InputError("for this test")

    monkeypatch.setattr(ad, "cost", refuse)
    found, refused = cost.costs(NAMES, timed=False)
    assert not found
    assert refused == dict.fromkeys(NAMES, "InputError: for this test")
