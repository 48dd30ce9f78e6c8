"""A program's text and the reference interpreter must give the same, and leave the caller's arrays alone."""

import builtins
import copy

import numpy as np

from adjoint._backend import python
from adjoint._ir.evaluate import run


def same(a, b):
    """Tell whether two results are equal in shape, dtype and value."""
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, (np.ndarray, np.generic, int, float, complex)):
        equal = np.allclose(a, b, rtol=1e-13, atol=1e-13, equal_nan=True)
        return np.shape(a) == np.shape(b) and np.result_type(a) == np.result_type(b) and equal
    return a is b or a == b or type(a) is type(b)


def results_of(function, compiled, args):
    got = compiled(*args)
    return [got] if len(function.results) == 1 else list(got or ())


def agrees(function, args):
    """Compare a program with the reference, exactly up to rounding."""
    want = run(function, copy.deepcopy(args))
    given = copy.deepcopy(args)
    got = results_of(function, python.compile(function), given)
    assert same(want, got), python.source(function)
    assert same(list(args), list(given)), f"the caller's data has changed:\n{python.source(function)}"
    return want


def imported_alone(text, name):
    """Return a function of a module's text, run where adjoint cannot be imported."""

    def without_adjoint(module, *args, **kwargs):
        assert not module.startswith("adjoint"), f"imports {module}"
        return __import__(module, *args, **kwargs)

    namespace = {"__builtins__": {**vars(builtins), "__import__": without_adjoint}}
    exec(text, namespace)
    return namespace[name]
