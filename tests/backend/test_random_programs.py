"""Random programs, run by the text and by the reference."""

import warnings

import pytest

from adjoint._ir.verify import verify
from tests.backend import random_ir
from tests.backend.agreement import agrees


@pytest.mark.parametrize("block", range(8))
def test_text_agrees_with_the_reference(block):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # random numbers overflow
        for seed in range(25 * block, 25 * block + 25):
            function = random_ir.program(seed, most=9 if block < 6 else 20)
            verify(function)
            agrees(function, random_ir.arguments(seed))
