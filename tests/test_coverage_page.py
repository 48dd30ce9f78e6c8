"""The coverage page of the documentation is what the command prints, and nothing is missing on it."""

from pathlib import Path

import numpy as np
import pytest
import scipy

from adjoint._api.coverage import coverage, page

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "coverage.md"


def test_no_function_is_missing():
    assert not [row for row in coverage() if row.kind == "missing"]


def test_page_is_current():
    text = PAGE.read_text(encoding="utf-8")
    versions = f"NumPy {np.__version__} and SciPy {scipy.__version__}"
    if versions not in text:
        pytest.skip(f"the page was generated with other versions than {versions}")
    assert text == page() + "\n", "run: adjoint coverage --markdown > docs/reference/coverage.md"
