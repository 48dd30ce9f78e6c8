"""Functions of other libraries by address: the same numbers as the libraries' own, declared as they are."""

import ctypes
import itertools
import os
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest
import scipy.linalg.blas
import scipy.special as sc

pytest.importorskip("llvmlite")

from adjoint._backend.native import foreign, machine

ONE = [0.0, -0.0, 1.0, -1.0, 2.0, 0.5, -0.5, 3.0, -2.0, 1.5, 10.0, 0.1, 0.9, 1e-8, 1e-300, 5e-324, 25.3, -3.7, 100.0, 1e5, -50.5, 1e10, 1e300, np.inf, -np.inf, np.nan, 1 + 1e-10, 0.999999]  # fmt: skip
TWO = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, 7.3, 25.0, 1e-300, 1e5, np.inf, -np.inf, np.nan]
THREE = [0.0, 1.0, -1.0, 0.5, 2.5, 30.0, np.nan]
FOUR = [0.0, 0.5, -1.0, 2.0, np.nan]
# For infinite arguments some functions of SciPy do not return, the ufuncs neither.
ENDLESS = {"lpmv", "hyp1f1", "hyp2f1", "hyperu"}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ADJOINT_CACHE_DIR", str(tmp_path / "cache"))


def points(name, count):
    """Return arguments, one row for each call: special values, and random ones in and around the usual domains."""
    grid = [ONE, TWO, THREE, FOUR][count - 1]
    rng = np.random.default_rng(count)
    rows = np.array([*itertools.product(grid, repeat=count), *rng.random((60, count)), *(rng.normal(size=(60, count)) * 4)])
    return rows[~np.isinf(rows).any(axis=1)] if name in ENDLESS else rows


def function_of(name, count):
    return ctypes.CFUNCTYPE(ctypes.c_double, *[ctypes.c_double] * count, ctypes.c_int)(foreign.pointer(name))


def bits(x):
    """Return the bits of numbers, those of all NaN alike: the sign of a NaN means nothing."""
    return np.where(np.isnan(x), np.nan, x).view(np.int64)


@pytest.mark.parametrize(("function", "name", "count"), [(f, *entry) for f, entry in foreign.special().items()], ids=str)
def test_a_special_function_is_bit_for_bit_its_ufunc(function, name, count):
    rows = points(name.removeprefix("special."), count)
    call = function_of(name, count)
    with np.errstate(all="ignore"):
        expected = function(*rows.T)
    found = np.array([call(*row, 0) for row in rows.tolist()])
    wrong = bits(found) != bits(expected)
    assert not wrong.any(), (rows[wrong][:3], found[wrong][:3], expected[wrong][:3])


def test_every_ufunc_of_one_result_is_in_the_table_or_left_out():
    ufuncs = {name: f for name, f in vars(sc).items() if isinstance(f, np.ufunc) and f.nout == 1}
    missing = {name for name, f in ufuncs.items() if f not in foreign.special()} - set(foreign.LEFT_OUT)
    assert missing == set()
    assert not {name for name in foreign.LEFT_OUT if ufuncs.get(name) in foreign.special()}


@pytest.mark.parametrize(("function", "name", "count"), [(f, *entry) for f, entry in foreign.special().items()], ids=str)
def test_special_functions_never_warn_by_default(function, name, count):
    call = function_of(name, count)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for row in itertools.product([-1.0, -0.5, 0.0, 0.5, 1.5, 2.0], repeat=count):
            call(*row, 0)


@pytest.mark.parametrize("action", ["warn", "raise"])
def test_errors_that_are_asked_for_do_not_crash(action):
    call = function_of("special.erfinv", 1)
    with sc.errstate(all=action), warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(SystemError) as caught:
            call(2.0, 0)
    assert isinstance(caught.value.__cause__, sc.SpecialFunctionError if action == "raise" else sc.SpecialFunctionWarning)
    assert np.isnan(call(2.0, 0))


def test_errors_in_threads_do_not_crash():
    call, seen = function_of("special.erfinv", 1), []

    def work():
        with sc.errstate(all="warn"):
            seen.extend(np.isnan(call(2.0, 0)) for _ in range(200))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert seen == [True] * 800


# ---------------------------------------------------------------------------------------------------------------- declared


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("special.gammaln", 'declare double @"special.gammaln"(double, i32)'),
        ("special.gamma", 'declare double @"special.gamma"(double, i32)'),
        ("special.jv", 'declare double @"special.jv"(double, double, i32)'),
        ("special.eval_jacobi", 'declare double @"special.eval_jacobi"(double, double, double, double, i32)'),
        ("special.airy", None),
        ("blas.ddot", 'declare double @"blas.ddot"(ptr, ptr, ptr, ptr, ptr)'),
        ("blas.dnrm2", 'declare double @"blas.dnrm2"(ptr, ptr, ptr)'),
        ("blas.sdot", 'declare float @"blas.sdot"(ptr, ptr, ptr, ptr, ptr)'),
        ("blas.idamax", 'declare i32 @"blas.idamax"(ptr, ptr, ptr)'),
        ("blas.dgemm", f'declare void @"blas.dgemm"({", ".join(["ptr"] * 13)})'),
        ("blas.dgemv", f'declare void @"blas.dgemv"({", ".join(["ptr"] * 11)})'),
        ("lapack.dpotrf", 'declare void @"lapack.dpotrf"(ptr, ptr, ptr, ptr, ptr)'),
        ("lapack.dlange", 'declare double @"lapack.dlange"(ptr, ptr, ptr, ptr, ptr, ptr)'),
        ("lapack.dgees", f'declare void @"lapack.dgees"({", ".join(["ptr"] * 15)})'),
        ("lapack.zheev", f'declare void @"lapack.zheev"({", ".join(["ptr"] * 10)})'),
    ],
)
def test_declarations(name, expected):
    if expected is None:
        with pytest.raises(LookupError, match=name):
            foreign.declaration(name)
    else:
        assert foreign.declaration(name) == expected


@pytest.mark.parametrize("library", ["blas", "lapack"])
def test_all_of_blas_and_lapack_can_be_declared(library):
    lines, refused = [], set()
    for function in foreign._capsules(library):
        try:
            lines.append(foreign.declaration(f"{library}.{function}"))
        except NotImplementedError:
            refused.add(function)
    assert refused == ({"cdotc", "cdotu", "zdotc", "zdotu"} if library == "blas" else {"chla_transtype", "cladiv", "zladiv"})
    machine.optimise_and_emit("\n".join(lines))


@pytest.mark.parametrize("name", ["special.nothing", "blas.dnothing", "dgemm", "numpy.sin", "", "special."])
def test_what_scipy_does_not_have_is_refused(name):
    with pytest.raises(LookupError, match="exports no function"):
        foreign.pointer(name)


# ------------------------------------------------------------------------------------------------------------- in machine code


def test_machine_code_calls_a_special_function():
    foreign.register(["special.gammaln"])
    text = foreign.declaration("special.gammaln") + (
        '\ndefine double @f(double %x) {\n  %y = call double @"special.gammaln"(double %x, i32 0)\n  ret double %y\n}\n'
    )
    loaded = machine.load(machine.optimise_and_emit(text), ["f"], {"special.gammaln": foreign.pointer("special.gammaln")})
    other = machine.compile_text(text)
    for one in (loaded, other):
        assert ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(one.address("f"))(3.3) == sc.gammaln(3.3)


def test_machine_code_calls_blas():
    text = foreign.declaration("blas.ddot") + """
@one = private constant i32 1
define double @dot(ptr %x, ptr %y, i32 %n) {
  %size = alloca i32
  store i32 %n, ptr %size
  %r = call double @"blas.ddot"(ptr %size, ptr %x, ptr @one, ptr %y, ptr @one)
  ret double %r
}
"""  # fmt: skip
    foreign.register(["blas.ddot"])
    loaded = machine.compile_text(text)
    x, y = np.random.default_rng(0).normal(size=(2, 50))
    dot = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)(loaded.address("dot"))
    assert dot(x.ctypes.data, y.ctypes.data, 50) == scipy.linalg.blas.ddot(x, y)


def test_linear_algebra_is_imported_when_it_is_asked_for():
    program = "import sys, scipy.special\nbefore = set(sys.modules)\nimport adjoint._backend.native.foreign\n"
    program += (
        "assert not {m for m in set(sys.modules) - before if m.endswith(('cython_blas', 'cython_lapack')) or 'llvmlite' in m}"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, env={"PYTHONPATH": os.pathsep.join(sys.path)})  # fmt: skip
    assert done.returncode == 0, done.stderr
