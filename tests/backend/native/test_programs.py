"""Machine code is found by its program: only by the very same one, and whatever is on the disk, results are right."""

import functools
import json
import operator
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import adjoint as ad
from adjoint._api.source import program
from adjoint._backend.native import cache, machine, native, programs, running
from adjoint._backend.options import Options
from adjoint._ir.nodes import Apply, Block, Function, Value, walk
from adjoint._ir.types import FLOAT

X = np.linspace(0.5, 1.5, 7)
A = np.linspace(0.5, 1.5, 9).reshape(3, 3) + np.eye(3)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Give each test a folder of its own, and code that is old enough."""
    path = tmp_path / "cache"
    monkeypatch.setenv("ADJOINT_CACHE_DIR", str(path))
    monkeypatch.delenv("ADJOINT_CACHE", raising=False)
    monkeypatch.setattr(running, "code", lambda: "adjoint 1.0")
    return path


@pytest.fixture
def written(monkeypatch):
    """Count the programs that are written."""
    found = []
    real = native._module

    def counted(function, **options):
        found.append((function, options))
        return real(function, **options)

    monkeypatch.setattr(native, "_module", counted)
    return found


def made(f, *args):
    return program(f, args, {}, "source")


def key_of(function, options: Options | None = None, lengths=None, *, exact: bool = False) -> str:
    key = programs.key(function, {"options": options or Options(), "lengths": lengths, "exact": exact, "tuning": None})
    assert key is not None
    return key


def known_of(key: str) -> programs.Known:
    known = programs.load(key)
    assert known is not None
    return known


def waves(x):
    total = 0.0
    for i in range(len(x)):
        total += np.sin(x[i]) * 2.5
    return total


def called_back(a):
    """Several functions that Python has to run, one of them with a slice and a string."""
    u, s, _ = np.linalg.svd(a)
    return np.sum(np.einsum("ij,kj->ik", u, a) * s) + np.sum(np.sort(a[:, 1])) + np.linalg.norm(a, 2)


def norm(a):
    return np.linalg.norm(a, 2)


def doubtful(x):
    """The quick form is in doubt at zero, and the exact one runs."""
    return np.sum(np.sqrt(x) * x)


def lists(x):
    kept = [x * k for k in range(3)]
    for k in range(3):
        kept.append(kept[k] * 2)
    return np.sum(np.stack(kept) ** 2)


PROGRAMS = {
    "loop": (waves, (X,)), "gradient": (ad.grad(waves), (X,)), "called back": (called_back, (A,)),
    "gradient called back": (ad.grad(called_back), (A,)), "in doubt": (ad.grad(doubtful), (np.array([0.0, 1.0]),)),
    "lists": (ad.grad(lists), (X,)), "Jacobian": (ad.jacfwd(lambda x: x[:2] * np.sum(x)), (X,)),
    "constants": (lambda x: x[:3] @ np.array([1.0, -0.0, 2.5]), (X,)), "a list": (lambda x: [x, x * 2], (X,)),
    "recursion": (ad.grad(lambda x: down(x, 5)), (1.5,)), "empty": (lambda x: (), (X,)),
}  # fmt: skip


def down(x, n):
    return x if n == 0 else np.sin(down(x, n - 1)) * n


# ----------------------------------------------------------------------------------------------------------------- hits


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_is_found_gives_the_same(written, name):
    f, args = PROGRAMS[name]
    first = native.compile(made(f, *args))
    expected = first(*args)
    forms = len(written)
    assert 1 <= forms <= 2
    found = native.compile(made(f, *args))
    y = found(*args)
    assert len(written) == forms
    assert repr(y) == repr(expected)
    assert type(y) is type(expected)
    assert found.is_exact == first.is_exact


def test_both_forms_are_kept(written):
    f, args = PROGRAMS["in doubt"]
    assert np.array_equal(native.compile(made(f, *args))(*args), [0.0, 1.5])
    assert [options["exact"] for _, options in written] == [False, True]
    assert np.array_equal(native.compile(made(f, *args))(*args), [0.0, 1.5])
    assert len(written) == 2


def test_threads_are_no_part_of_the_code():
    """The number of threads stands in a table that is filled when the code is loaded."""
    for count in (1, 2):
        assert np.allclose(native.compile(made(waves, X), Options(parallel=count))(X), waves(X))


def test_only_the_text_is_asked_for_when_lines_move(tmp_path, written, monkeypatch):
    """The code of a program that stands a line lower is found by its text."""
    path = tmp_path / "model.py"
    for shift in ("", "\n"):
        path.write_text(shift + "def f(x):\n    return x * 2.5\n")
        known = {}
        exec(compile(path.read_text(), str(path), "exec"), known)
        native.compile(made(known["f"], 1.0))
        monkeypatch.setattr(machine, "optimise_and_emit", None)
    assert len(written) == 2


# --------------------------------------------------------------------------------------------------------------- misses


def test_another_constant_is_another_program(written):
    for value in (0.0, -0.0, 1.0, np.nextafter(1.0, 2.0).item(), True, 1, 2, 2**60):
        x, y = Value(FLOAT, "x"), Value(FLOAT, "y")
        times = Apply(outputs=[y], function=operator.mul, args=(x, value))
        found = native.compile(Function("f", Block([x], [times], [y])))(1.5)
        assert repr(found) == repr(1.5 * value)
    assert len(written) == 8


def test_another_function_is_another_program(written):
    for g in (np.sin, np.cos, np.tanh):
        assert native.compile(made(lambda x, g=g: g(x), 0.5))(0.5) == g(0.5)
    assert len(written) == 3


def test_other_types_are_another_program(written):
    for x in (1.5, 2, np.float64(1.5), np.float32(1.5), np.ones(2), np.ones(2, np.float32), np.ones((2, 2)), np.ones(2, int)):
        y = native.compile(made(lambda x: x * 2, x))(x)
        assert np.array_equal(y, x * 2)
        assert type(y) is type(x * 2)
    assert len(written) == 8


OPTIONS = [Options(), Options(fastmath=True), Options(parallel=True), Options(fastmath=True, parallel=True)]


def test_other_options_are_another_program(written):
    for options in OPTIONS:
        native.compile(made(waves, X), options)
    assert len(written) == len(OPTIONS)
    keys = {key_of(made(waves, X), options, exact=exact) for options in OPTIONS for exact in (False, True)}
    assert len(keys) == 2 * len(OPTIONS)


def test_other_lengths_are_another_program(written):
    expected = {}
    for n in (2, 3, 4, None):
        x = np.linspace(0.5, 1.5, n or 5)
        run = native.compile(made(waves, x), shapes=[x.shape] if n else [])
        assert run(x) == expected.setdefault(n, waves(x))
    assert len(written) == 4
    keys = {key_of(made(waves, X), lengths=lengths) for lengths in (None, (None,), ((2,),), ((3,),), ((2, 1),))}
    assert len(keys) == 5
    run = native.compile(made(waves, X), shapes=[(2,)])
    assert len(written) == 4
    assert np.allclose(run(X), waves(X))  # code for any lengths takes its place
    assert len(written) == 4


CHANGES = {
    "adjoint": (running, "code", lambda: "adjoint 1.1"),
    "LLVM": (machine, "versions", lambda: "adjoint 1, llvmlite 9.9, LLVM 99"),
    "processor": (machine, "cpu", lambda real=machine.cpu: (*real()[:2], real()[2] + ",-avx")),
    "format": (programs, "FORMAT", programs.FORMAT + 1),
}


def tuned(function, finite=None, *, divided=False):
    TUNED.append((finite, divided))
    return function


TUNED: list[tuple[Any, bool]] = []


def test_a_program_is_tuned_only_to_be_written(written):
    TUNED.clear()
    for finite, divided in ([None, False], [None, True], [[True], False]):
        for _ in range(2):
            function = made(waves, X)
            run = native.compile(function, tuning=functools.partial(tuned, function, finite, divided=divided))
            assert np.allclose(run(X), waves(X))
        assert TUNED[-1] == (finite, divided)
    assert len(TUNED) == len(written) == 3


def test_objects_of_a_program_that_is_found_are_those_of_the_tuned_one(written):
    for _ in range(2):
        function = made(norm, A)
        run = native.compile(function, tuning=functools.partial(tuned, function))
        assert np.isclose(run(A), norm(A))
    assert len(written) == 1


@pytest.mark.parametrize("name", CHANGES)
def test_other_code_makes_another_program(written, monkeypatch, name):
    native.compile(made(waves, X))
    key = key_of(made(waves, X))
    with monkeypatch.context() as changed:
        changed.setattr(*CHANGES[name])
        assert key_of(made(waves, X)) != key
    assert key_of(made(waves, X)) == key
    native.compile(made(waves, X))
    assert len(written) == 1


@pytest.mark.parametrize("why", ["code", "cache", "user"])
def test_what_cannot_be_told_is_written_each_time(written, monkeypatch, home, why):
    if why == "code":
        monkeypatch.setattr(running, "code", lambda: None)
    elif why == "cache":
        monkeypatch.setenv("ADJOINT_CACHE", "0")
    function = made(waves, X)
    if why == "user":
        object.__setattr__(function.body.params[0], "name", object())
    assert programs.key(function, {"exact": False}) is None
    for _ in range(2):
        assert np.allclose(native.compile(function)(X), waves(X))
    assert len(written) == 2
    assert len(list(home.glob("*.code")) if home.exists() else []) <= 2  # the code, and that of capsules


def test_an_object_from_nowhere_is_not_kept():
    function = made(called_back, A)
    assert programs.places(function, [object()], {}) is None
    assert programs.places(function, [len, object()], {0: (0, 1)}) is None
    assert programs.places(function, [len], {0: (0, 1)}) == ((0, 1),)
    assert programs.places(function, [], {}) == ()


# ------------------------------------------------------------------------------------------------- whatever is on the disk


def damaged(known):
    """Return what may stand in the place of an entry, with a checksum that is right."""
    code, imports, places, is_exact = known
    return {
        "nothing": b"", "no text": b"\xff\xfe", "no JSON": b"{", "a number": b"1", "null": b"null", "an object": b"{}",
        "deep": b"[" * 10**5, "pickle": b"\x80\x04N.", "short": json.dumps([code, imports, places]),
        "long": json.dumps([*known, 1]), "no name": json.dumps([1, imports, places, is_exact]),
        "a path": json.dumps(["../" + code, imports, places, is_exact]),
        "an empty name": json.dumps(["", imports, places, is_exact]),
        "code that is not there": json.dumps([cache.key("other"), imports, places, is_exact]),
        "imports": json.dumps([code, 1, places, is_exact]),
        "a number to import": json.dumps([code, [1], places, is_exact]),
        "unknown imports": json.dumps([code, [*imports, "nowhere_to_be_found"], places, is_exact]),
        "unknown library": json.dumps([code, [*imports, "blas.nothing"], places, is_exact]),
        "places": json.dumps([code, imports, 1, is_exact]), "a place": json.dumps([code, imports, [1], is_exact]),
        "a negative place": json.dumps([code, imports, [[-1, -1]], is_exact]),
        "no function": json.dumps([code, imports, [[10**6, 0]], is_exact]),
        "no operation": json.dumps([code, imports, [[0, 10**6]], is_exact]),
        "no constant": json.dumps([code, imports, [[10**6]], is_exact]),
        "three numbers": json.dumps([code, imports, [[0, 0, 0]], is_exact]),
        "half a place": json.dumps([code, imports, [[0, 0.5]], is_exact]),
        "a truth": json.dumps([code, imports, [[True, True]], is_exact]),
        "no truth": json.dumps([code, imports, places, 1]),
    }  # fmt: skip


NAMES = list(damaged(programs.Known("c", (), (), is_exact=False)))


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_entry_is_a_miss(written, name):
    function = made(norm, A)
    expected = native.compile(function)(A)
    key = key_of(function)
    known = known_of(key)
    raw = damaged(known)[name]
    cache.store(key, raw.encode() if isinstance(raw, str) else raw)
    assert np.array_equal(native.compile(function)(A), expected)
    assert len(written) == 2
    assert known_of(key) == known


def test_a_place_without_a_function_is_a_miss(written):
    function = made(waves, X)
    native.compile(function)
    key = key_of(function)
    known = known_of(key)
    loop = next(k for k, op in enumerate(walk(function.body)) if not isinstance(op, Apply))
    programs.store(key, known._replace(places=((0, loop),)))
    assert np.allclose(native.compile(function)(X), waves(X))
    assert len(written) == 2


def test_every_bit_counts(home, written):
    function = made(waves, X)
    native.compile(function)
    key = key_of(function)
    path = home / (key + ".code")
    whole = path.read_bytes()
    for position in range(len(whole)):
        flipped = bytearray(whole)
        flipped[position] ^= 1 << position % 8
        path.write_bytes(flipped)
        assert programs.load(key) is None
        assert not path.exists()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert programs.load(key) is None
    native.compile(function)
    assert len(written) == 2
    assert path.read_bytes() == whole


def test_the_entry_of_another_program_is_a_miss(home, written):
    one, other = made(waves, X), made(ad.grad(waves), X)
    native.compile(one)
    keys = [key_of(function) for function in (one, other)]
    (home / (keys[0] + ".code")).rename(home / (keys[1] + ".code"))
    assert programs.load(keys[1]) is None
    assert np.allclose(native.compile(other)(X), 2.5 * np.cos(X))
    assert len(written) == 2


@pytest.mark.parametrize("damage", ["gone", "cut", "flipped", "foreign"])
def test_without_the_code_an_entry_is_nothing(home, written, damage):
    function = made(waves, X)
    native.compile(function)
    known = known_of(key_of(function))
    path = home / (known.code + ".code")
    whole = path.read_bytes()
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(whole[:-1])
    elif damage == "flipped":
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    else:
        cache.store(known.code, b"no object code")  # with a checksum that is right
        path.unlink()
    assert np.allclose(native.compile(function)(X), waves(X))
    assert len(written) == 2
    assert path.read_bytes() == whole


# -------------------------------------------------------------------------------------------------------- the code that runs


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Make a package with a few old files the one that is looked at."""
    folder = tmp_path / "package"
    (folder / "inner").mkdir(parents=True)
    for name in ("__init__.py", "a.py", "inner/b.py"):
        (folder / name).write_text("x = 1\n")
    monkeypatch.setattr(running, "_places", lambda package: [str(folder)] if package == "adjoint" else [])
    monkeypatch.setattr(running, "_imported", time.time_ns() + 10**12)
    return folder


def told():
    return running.code.__wrapped__()


@pytest.fixture
def real_code(monkeypatch):
    """Undo what `home` does."""
    monkeypatch.undo()


@pytest.mark.usefixtures("real_code")
class TestRunningCode:
    """What `running.code` sees."""

    def test_a_file_that_changes_is_seen(self, package):
        before = told()
        assert before == told()
        (package / "inner" / "b.py").write_text("x = 10\n")
        assert told() not in (None, before)

    def test_a_change_that_hides_is_seen(self, package):
        """A file of the same size and the same time as before has still been changed."""
        before, path = told(), package / "a.py"
        state = path.stat()
        time.sleep(0.01)
        path.write_text("x = 2\n")
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
        assert path.stat().st_mtime_ns == state.st_mtime_ns
        assert told() not in (None, before) or os.name == "nt"

    def test_files_that_come_go_and_move_are_seen(self, package):
        found = [told()]
        (package / "c.py").write_text("")
        found.append(told())
        (package / "c.py").rename(package / "d.py")
        found.append(told())
        (package / "a.py").unlink()
        found.append(told())
        assert None not in found
        assert len(set(found)) == 4

    def test_bytecode_is_not_looked_at(self, package):
        before = told()
        (package / "__pycache__").mkdir()
        (package / "__pycache__" / "a.pyc").write_bytes(b"x")
        assert told() == before

    def test_a_file_that_is_younger_than_the_process_tells_nothing(self, package, monkeypatch):
        youngest = max(path.stat().st_ctime_ns for path in package.rglob("*.py"))
        monkeypatch.setattr(running, "_imported", youngest + running._MARGIN)
        assert told() is not None
        monkeypatch.setattr(running, "_imported", youngest + running._MARGIN - 1)
        assert told() is None

    @pytest.mark.parametrize("name", ["version", "__version__"])
    def test_versions_are_seen(self, package, monkeypatch, name):
        before = told()
        monkeypatch.setattr(sys if name == "version" else np, name, "9.9")
        assert told() not in (None, before)

    def test_a_package_without_files_tells_nothing(self, package, monkeypatch):
        monkeypatch.setattr(running, "_places", lambda package: [])
        assert told() is None
        monkeypatch.setattr(running, "_places", lambda name: [str(package / "nowhere")])
        assert told() is None

    def test_scipy_is_seen(self, package, monkeypatch):
        before = told()
        folder = package.parent / "scipy"
        folder.mkdir()
        (folder / "version.py").write_text("version = '1'")
        monkeypatch.setattr(running, "_places", lambda name: [str(package if name == "adjoint" else folder)])
        second = told()
        (folder / "version.py").write_text("version = '10'")
        assert len({before, second, told()}) == 3

    def test_this_process_has_one(self):
        assert running._places("adjoint") == list(ad.__path__)
        assert running._places("no_such_package") == []


# ---------------------------------------------------------------------------------------------------------------- processes

MODEL = """
import sys
import numpy as np
import adjoint as ad
from adjoint._backend.native import native, running
running.code = lambda: "adjoint 1.0"  # whenever its files were written
if "found" in sys.argv:
    native._module = None

def inner(x):
    return np.sin(x) * 0.5

def f(x):
    return np.sum(inner(x)) + np.linalg.svd(np.outer(x, x))[1][0]

print(repr(ad.jit(ad.grad(f), backend="native")(np.linspace(0.5, 1.5, 3))))
"""


def run(path: Path, *args: str) -> str:
    known = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, path, *args], capture_output=True, text=True, check=False, env=known)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_another_process_finds_it_and_a_change_is_a_miss(tmp_path):
    path = tmp_path / "model.py"
    path.write_text(MODEL)
    first = run(path)
    assert run(path, "found") == first
    state = path.stat()
    path.write_text(MODEL.replace("0.5", "0.7", 1))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    with pytest.raises(AssertionError, match="NoneType"):
        run(path, "found")
    assert run(path) != first
