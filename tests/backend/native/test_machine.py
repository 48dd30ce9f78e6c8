"""LLVM: what it compiles runs, what it rejects is explained, and code lives exactly as long as it is held."""

import ctypes
import gc
import os
import pickle
import subprocess
import sys
import threading
import weakref

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from adjoint._backend.native import cache, machine

DOUBLE = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)
KERNEL = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)

SCALAR = """
declare double @sin(double)
declare double @llvm.fabs.f64(double)

define internal double @twice(double %x) {
  %y = fmul double %x, 2.0
  ret double %y
}

define double @f(double %x) {
  %a = call double @llvm.fabs.f64(double %x)
  %s = call double @sin(double %a)
  %y = call double @twice(double %s)
  ret double %y
}
"""

LOOP = """
define void @axpy(ptr noalias %x, ptr noalias %y, i64 %n) {
entry:
  %any = icmp sgt i64 %n, 0
  br i1 %any, label %loop, label %done
loop:
  %i = phi i64 [0, %entry], [%j, %loop]
  %p = getelementptr double, ptr %x, i64 %i
  %q = getelementptr double, ptr %y, i64 %i
  %a = load double, ptr %p
  %b = fmul double %a, 3.0
  store double %b, ptr %q
  %j = add nuw nsw i64 %i, 1
  %more = icmp slt i64 %j, %n
  br i1 %more, label %loop, label %done
done:
  ret void
}
"""

CALLS = """
declare double @"my.function"(double)
define double @g(double %x) {
  %y = call double @"my.function"(double %x)
  ret double %y
}
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ADJOINT_CACHE_DIR", str(tmp_path / "cache"))


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_a_text_runs(level):
    loaded = machine.compile_text(SCALAR, level=level)
    assert DOUBLE(loaded.address("f"))(-1.5) == 2 * np.sin(1.5)


def test_internal_functions_have_no_address():
    loaded = machine.compile_text(SCALAR)
    assert loaded.names == {"f"}
    with pytest.raises(KeyError):
        loaded.address("twice")


def test_loops_are_vectorised_from_level_2():
    assert "x double>" in machine.optimised(LOOP, 2)
    assert "x double>" not in machine.optimised(LOOP, 1)


def test_a_loop_gives_what_numpy_gives():
    loaded = machine.compile_text(LOOP)
    for n in (0, 1, 7, 1000):
        x, y = np.random.default_rng(n).normal(size=n), np.full(n, np.nan)
        KERNEL(loaded.address("axpy"))(x.ctypes.data, y.ctypes.data, n)
        assert np.array_equal(y, 3 * x)


def test_sums_are_not_reordered_or_contracted():
    text = "define double @f(double %x, double %y, double %z) {\n%p = fmul double %x, %y\n%s = fadd double %p, %z\nret double %s\n}"
    assert "fma" not in machine.assembly(text)


def test_functions_of_others_are_called():
    function = DOUBLE(lambda x: x + 100)
    address = ctypes.cast(function, ctypes.c_void_p).value
    loaded = machine.compile_text(CALLS, imports={"my.function": address})
    assert DOUBLE(loaded.address("g"))(1.0) == 101.0


def test_registered_functions_are_found():
    function = DOUBLE(lambda x: x + 200)
    machine.binding().add_symbol("my.registered", ctypes.cast(function, ctypes.c_void_p).value)
    loaded = machine.compile_text(CALLS.replace("my.function", "my.registered"))
    assert DOUBLE(loaded.address("g"))(1.0) == 201.0


def test_a_declared_function_that_is_nowhere_raises():
    with pytest.raises(machine.InvalidCodeError, match=r"nowhere to be found: my\.nothing"):
        machine.compile_text(CALLS.replace("my.function", "my.nothing"))


def test_an_undeclared_function_that_is_nowhere_raises(capfd):
    code = machine.optimise_and_emit(CALLS)
    with pytest.raises(machine.InvalidCodeError, match="cannot link"):
        machine.load(code, ["g"])
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("define double @f(double %x) {\n  %y = fadd double %x, %z\n  ret double %y\n}\n", 2, "undefined value '%z'"),
        ("define double @f(double %x) {\n  ret i32 %x\n}\n", 2, "but expected 'i32'"),
        ("define double @f(i1 %c) {\n  br i1 %c, label %a, label %b\na:\n  %y = fadd double 0.0, 1.0\n  br label %b\nb:\n  ret double %y\n}\n", 7, "dominate"),
        ("define double @f(", 1, "expected"),
        ("nonsense", 1, "expected"),
    ],
)  # fmt: skip
def test_what_llvm_rejects_is_explained(text, line, message):
    with pytest.raises(machine.InvalidCodeError, match=message) as caught:
        machine.compile_text(text)
    assert caught.value.line == line
    assert caught.value.source == text.splitlines()[line - 1].strip()
    assert "please report" in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    assert caught.value.__traceback__ is not None
    gc.collect()


@pytest.mark.parametrize("code", [b"", b"x", b"\x7fELF" + bytes(60)])
def test_what_is_no_object_code_raises(code):
    with pytest.raises(machine.InvalidCodeError):
        machine.load(code, ["f"])


def test_the_second_time_is_served_from_the_cache(monkeypatch):
    machine.compile_text(SCALAR)
    monkeypatch.setattr(machine, "optimise_and_emit", None)
    assert DOUBLE(machine.compile_text(SCALAR).address("f"))(0.5) == 2 * np.sin(0.5)


@pytest.mark.parametrize("change", [{"level": 2}, {"key_parts": ["x"]}, {"text": SCALAR + "\n; other"}])
def test_all_that_decides_the_code_is_in_the_key(monkeypatch, change):
    seen = []
    monkeypatch.setattr(cache, "load", lambda key: seen.append(key))
    for arguments in ({"text": SCALAR}, {"text": SCALAR}, {"text": SCALAR, **change}):
        machine.compile_text(**arguments)
    assert seen[0] == seen[1] != seen[2]


def test_code_lives_as_long_as_it_is_held():
    loaded = machine.compile_text(SCALAR)
    function, alive = DOUBLE(loaded.address("f")), weakref.ref(loaded)
    gc.collect()
    assert function(0.5) == 2 * np.sin(0.5)
    del loaded
    assert alive() is None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_freed_code_leaves_nothing():
    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    code = machine.optimise_and_emit(SCALAR)
    for _ in range(300):
        machine.load(code, ["f"])
    before = resident()
    for _ in range(500):
        machine.load(code, ["f"])
    assert resident() - before < 2**20


def test_threads_compile_and_call_at_once():
    failures = []

    def work(k):
        for n in range(5):
            loaded = machine.compile_text(SCALAR.replace("2.0", f"{k}.{n}"))
            value = DOUBLE(loaded.address("f"))(0.5)
            if value != float(f"{k}.{n}") * np.sin(0.5):
                failures.append((k, n, value))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def run(program):
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})  # fmt: skip


def test_importing_adjoint_does_not_import_llvmlite():
    done = run("import sys, adjoint, adjoint._backend.native.machine as m\nm.available()\nassert 'llvmlite' not in sys.modules")
    assert done.returncode == 0, done.stderr


def test_a_process_ends_well_with_code_in_memory():
    program = f"from adjoint._backend.native import machine\nkept = machine.compile_text('''{SCALAR}''')\nmachine.kept = kept"
    done = run(program)
    assert (done.returncode, done.stderr) == (0, "")


def test_rejected_code_is_freed_whatever_the_collector_takes_first():
    text = "define i32 @f(i32 %x) {\n  %y = add i32 %z, 1\n  %z = add i32 %x, 1\n  ret i32 %y\n}\n"
    for _ in range(50):
        with pytest.raises(machine.InvalidCodeError) as caught:
            machine.compile_text(text)
        caught.value.args = (caught,)  # a cycle, which holds LLVM's module and its context by the traceback
        del caught
    gc.collect()
