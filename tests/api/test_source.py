"""What runs a program, and how it is seen: `backend_used`, and `source` as NumPy, as LLVM's text, as assembly."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np
import pytest
from scipy import special

import adjoint as ad
from adjoint._api.jit import Jitted
from adjoint._backend.native import machine
from adjoint.errors import AdjointError

X = np.array([0.5, 1.5])


def cubes(x: Any) -> Any:
    return np.sum(x**3)


def drawn(x: Any) -> Any:
    return x * np.random.random()  # noqa: NPY002


def singular(x: Any) -> Any:
    return np.sum(np.linalg.svd(x)[1])


@pytest.fixture
def without_llvm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "llvmlite", None)


# What runs a program ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "options", "expected"),
    [
        (cubes, {"backend": "native"}, "native"),
        (cubes, {"backend": "python"}, "python"),
        (drawn, {"backend": "native"}, "python"),
        (lambda x: eval("x * 2"), {"fallback": True}, "tracing"),
    ],
    ids=["native", "python", "random numbers", "refused"],
)
def test_backend_used(f: Any, options: dict[str, Any], expected: str) -> None:
    g = ad.jit(f, **options)
    assert g.backend_used is None
    for _ in range(2):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            g(X)
        assert g.backend_used == expected


def test_backend_used_and_source_are_of_the_last_call() -> None:
    def f(x: Any, *draws: Any) -> Any:
        return x * np.random.random() if draws else x * 2  # noqa: NPY002

    g = ad.jit(f, backend="native")
    for args, expected in [((2.0,), "native"), ((2.0,), "native"), ((2.0, 1.0), "python"), ((3.0,), "native")]:
        g(*args)
        assert g.backend_used == expected
        assert ("random" in ad.source(g)) == (expected == "python")


def test_environment_chooses_the_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, expected in [("python", "python"), ("native", "native"), ("", "native")]:
        monkeypatch.setenv("ADJOINT_BACKEND", name)
        for g in (ad.jit(cubes), Jitted(cubes)):
            g(X)
            assert g.backend_used == expected
    monkeypatch.setenv("ADJOINT_BACKEND", "fortran")
    with pytest.raises(ValueError, match="no backend 'fortran'"):
        ad.jit(cubes)


# Where LLVM is not there ------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("without_llvm")
def test_without_llvm_python_runs_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ADJOINT_BACKEND")
    g = ad.jit(ad.grad(cubes))  # no warning: it is an error in these tests
    np.testing.assert_allclose(g(X), 3 * X**2)
    assert g.backend_used == "python"


@pytest.mark.usefixtures("without_llvm")
def test_without_llvm_native_code_that_is_asked_for_is_warned_of() -> None:
    with pytest.warns(RuntimeWarning, match="llvmlite is not there") as record:
        g = ad.jit(cubes, backend="native")
    assert len(record) == 1
    assert g(X) == cubes(X)
    assert g(X + 1) == cubes(X + 1)
    assert record[0].filename == __file__


@pytest.mark.usefixtures("without_llvm")
def test_without_llvm_there_is_no_text_of_llvm() -> None:
    with pytest.raises(AdjointError, match="llvmlite, is not there"):
        ad.source(cubes, X, backend="llvm")


def test_llvm_that_cannot_be_loaded_is_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise OSError("libllvmlite.so: cannot open shared object file")

    monkeypatch.setattr(machine, "cpu", broken)
    monkeypatch.setattr(machine, "binding", broken)
    g = ad.jit(cubes, backend="native")
    assert g(X) == cubes(X)
    assert g.backend_used == "python"
    with pytest.raises(AdjointError, match="cannot be loaded: libllvmlite"):
        ad.source(g, backend="llvm")


# Text -------------------------------------------------------------------------------------------------------------------------


def test_llvm_text_is_valid_and_optimised() -> None:
    text = ad.source(ad.grad(cubes), X, backend="llvm")
    machine.binding().parse_assembly(text).verify()
    assert "define ptr @call(" in text
    assert "fmul <" in text  # a loop that is made of vectors


def test_assembly_has_the_function_that_python_calls() -> None:
    assert "\ncall:" in ad.source(cubes, X, backend="assembly")


@pytest.mark.parametrize("backend", ["llvm", "assembly"])
def test_what_is_called_back_is_named_first(backend: str) -> None:
    first = ad.source(singular, np.eye(2), backend=backend).splitlines()[0]
    line = singular.__code__.co_firstlineno + 1
    assert first[1:] == f" line {line}: calls numpy.linalg.svd"


def test_ufuncs_that_are_called_back_have_the_name_of_their_library() -> None:
    def waves(x: Any) -> Any:
        return np.frexp(x)[0] * special.expn(2, x)

    text = ad.source(waves, X, backend="llvm")
    assert ": calls numpy.frexp\n" in text
    assert ": calls expn\n" in text


def test_source_says_why_there_is_no_machine_code() -> None:
    with pytest.raises(AdjointError, match="may not be done twice"):
        ad.source(drawn, X, backend="llvm")
    with pytest.raises(ValueError, match="no backend 'fortran'"):
        ad.source(drawn, X, backend="fortran")
