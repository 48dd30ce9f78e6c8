"""The text of small programs, reviewed as prose.  ``ADJOINT_GOLDEN=write pytest tests/backend`` writes the files anew."""

import os
from pathlib import Path

import pytest

from adjoint._backend import python
from tests.backend.agreement import agrees, imported_alone, results_of, same
from tests.backend.programs import GOLDEN

FOLDER = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", GOLDEN)
def test_text(name):
    write, _ = GOLDEN[name]
    text = python.source(write())
    path = FOLDER / f"{name}.py"
    if os.environ.get("ADJOINT_GOLDEN") == "write":
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("name", GOLDEN)
def test_result(name):
    write, args = GOLDEN[name]
    want = agrees(write(), list(args))
    alone = imported_alone(python.export_text(write(), "shipped"), "shipped")
    assert same(want, results_of(write(), alone, args))


def test_golden_files_are_all_in_use():
    assert {path.stem for path in FOLDER.glob("*.py")} == set(GOLDEN)
