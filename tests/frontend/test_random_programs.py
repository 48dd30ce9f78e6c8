"""Random programs: what is not refused is right."""

# ruff: noqa: PT017 - what an exception says is part of what is compared
from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from adjoint.errors import AdjointError
from tests.frontend.agreement import check
from tests.frontend.random_source import Writer

X = np.array([0.5, 1.5, -1.0])
CALLS = tuple((a, n, X) for a, n in ((1.0, 2), (-1.0, 0), (0.3, 3), (2.5, 1)))
# Seeds of programs that once were translated wrongly, and others.
SEEDS = (1333, 1339, 1344, 1407, 1529, 1644, 1714, 1788, 1861, 1934, 1956, 2434, 2535, 2541, *range(60))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.filterwarnings("ignore")
def test_right_or_refused(seed, tmp_path) -> None:
    path = tmp_path / f"program_{seed}.py"
    path.write_text(Writer(seed).source())
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    try:
        check((module.program, CALLS, ""))
    except AdjointError as error:
        assert path.name in str(error)
