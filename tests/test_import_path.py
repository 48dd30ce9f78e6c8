"""The package works from a folder on `sys.path` that is spelled in an unusual way."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parent.parent
PROGRAM = """
import sys

sys.path.insert(0, sys.argv[1])
import numpy as np
import adjoint as ad

def wave(x, k):
    return np.sin(k * x)

ad.rules.elementwise(wave, lambda y, x, k: k * np.cos(k * x), lambda y, x, k: x * np.cos(k * x))
assert np.allclose(ad.hessian(lambda x: np.sum(wave(x, 2.0)))(np.array([0.3, 0.4])), np.diag(-4 * np.sin([0.6, 0.8])))
"""


def test_derivatives_do_not_depend_on_the_spelling_of_the_path(tmp_path: pathlib.Path) -> None:
    # The engine tells its own code by its files: where it failed to, it traced itself, and second derivatives came out as 0.
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    path = f"{ROOT / 'docs'}{os.sep}..{os.sep}src"
    run = subprocess.run([sys.executable, program, path], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
