"""Derivative programs of all flows: tangents, gradients, and tangents of gradients."""

import copy
import warnings

import numpy as np
import pytest

from adjoint._backend import python
from adjoint._ir.evaluate import run
from adjoint._ir.types import Tensor
from adjoint._transform import forward, reverse
from tests.backend.agreement import agrees, imported_alone, results_of, same
from tests.transform.flows import FLOWS


def ones(x):
    return [ones(part) for part in x] if isinstance(x, list) else np.ones_like(x) if isinstance(x, np.ndarray) else type(x)(1)


def programs_of(flow):
    """Yield derivative programs with arguments."""
    function, args = flow.function, list(flow.args)
    yield function, args
    active = [p.type.differentiable and isinstance(p.type, Tensor) for p in function.params]
    if not any(active):
        return
    yield forward.jvp(function, active).function, [*args, *[ones(x) for x, moves in zip(args, active, strict=True) if moves]]
    gradient = reverse.gradient(function, active)
    results = run(function, copy.deepcopy(args))
    moved = reverse.vjp(function, active).active_results
    cotangents = [ones(y) for y, moves in zip(results, moved, strict=True) if moves]
    yield gradient, [*args, *cotangents]


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_text_agrees_with_the_reference(flow):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for function, args in programs_of(flow):
            want = agrees(function, args)
            alone = imported_alone(python.export_text(function, "shipped"), "shipped")
            assert same(want, results_of(function, alone, copy.deepcopy(args)))
