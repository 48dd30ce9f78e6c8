"""The printed derivatives of a dozen programs, reviewed like prose: a change of the printer shows here, line by line.

``python -m tests.golden`` writes the files anew.
"""

from __future__ import annotations

import pathlib

import numpy as np
import pytest

import adjoint as ad
from tests import oracles
from tests.golden.programs import GOLDEN


def path_of(name: str) -> pathlib.Path:
    """Return the file of a program: text, so that no linter sees it."""
    return pathlib.Path(__file__).with_name("printed") / f"{name}.txt"


def printed(name: str) -> str:
    """Return the text that is compared."""
    golden = GOLDEN[name]
    return ad.source(golden.function, *golden.args)


@pytest.mark.parametrize("name", GOLDEN)
def test_printed_program_is_the_reviewed_one(name: str) -> None:
    assert printed(name) == path_of(name).read_text()


@pytest.mark.parametrize("name", GOLDEN)
def test_program_is_right(name: str) -> None:
    golden = GOLDEN[name]
    got = oracles.flatten(ad.jit(golden.function)(*golden.args))
    want = oracles.flatten(golden.function(*golden.args))
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", GOLDEN)
def test_exported_module_needs_no_adjoint(name: str, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "exported.py"
    golden = GOLDEN[name]
    ad.export(golden.function, path, *golden.args)
    text = path.read_text()
    assert "import adjoint" not in text
    compile(text, str(path), "exec")
