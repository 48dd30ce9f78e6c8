"""The text of a program is the same in every process: else what one of them compiled, another would not find in the cache."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("llvmlite")

# Elementary functions with many declarations, a loop that keeps lists, a function that is called back.
PROGRAM = """
import numpy as np
import adjoint as ad
from adjoint._api.source import program
from adjoint._backend.native import native

def waves(x):
    return np.sum(np.sin(x) * np.cos(x) + np.tan(x) ** np.exp(x) + np.log(x) * np.tanh(x))

def orbit(x):
    y = x
    for k in range(10):
        y = np.sin(y) * y / (k + 1)
    return np.sum(y)

def singular(x):
    return np.sum(np.linalg.svd(x * x)[1])

for f, x in [(waves, np.ones(3)), (orbit, np.ones(3)), (singular, np.eye(3))]:
    print(native.source(program(ad.grad(f), (x,), {}, "source")))
"""


def test_text_does_not_depend_on_the_seed_of_hashes(tmp_path):
    file = tmp_path / "model.py"
    file.write_text(PROGRAM)
    known = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    texts = {
        subprocess.run(
            [sys.executable, file], capture_output=True, text=True, check=True, env=known | {"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(texts) == 1
    assert "adj.far.sin" in texts.pop()
