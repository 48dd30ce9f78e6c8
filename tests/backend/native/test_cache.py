"""The cache of object code: exactly what was stored comes back, or nothing does, whatever is on the disk."""

import errno
import os
import stat
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from adjoint._backend.native import cache

KEY = cache.key("some", "parts")
CODE = bytes(range(40))
posix = pytest.mark.skipif(os.name != "posix", reason="owners and permissions are POSIX's")


@pytest.fixture
def home(tmp_path, monkeypatch):
    path = tmp_path / "deep" / "cache"
    monkeypatch.setenv("ADJOINT_CACHE_DIR", str(path))
    monkeypatch.delenv("ADJOINT_CACHE", raising=False)
    monkeypatch.delenv("ADJOINT_CACHE_SIZE", raising=False)
    monkeypatch.setattr(cache, "_warned", set())
    monkeypatch.setattr(cache, "_trimmed", set())
    return path


def entry(home: Path) -> Path:
    (path,) = home.glob("*.code")
    return path


# -------------------------------------------------------------------------------------------------------- store and load


@pytest.mark.parametrize("code", [b"", b"\0", CODE, os.urandom(10**6)], ids=len)
def test_what_was_stored_comes_back(home, code):
    assert cache.load(KEY) is None
    cache.store(KEY, code)
    assert cache.load(KEY) == code
    assert [path.name for path in home.iterdir()] == [KEY + ".code"]


def test_the_last_store_counts(home):
    cache.store(KEY, b"first")
    cache.store(KEY, b"second")
    assert cache.load(KEY) == b"second"


@posix
def test_the_folder_and_its_entries_are_private(home):
    before = os.umask(0)
    try:
        cache.store(KEY, CODE)
    finally:
        os.umask(before)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE(entry(home).stat().st_mode) == 0o600


def test_keys_of_different_parts_differ():
    parts = [(), ("",), ("", ""), ("ab",), ("a", "b"), ("", "ab"), ("ab", ""), ("b", "a"), (b"\xff",), ("\udcff",)]
    assert len({cache.key(*one) for one in parts}) == len(parts)
    assert cache.key("a", b"b") == cache.key(b"a", "b")


@pytest.mark.parametrize("name", ["../x", "", "a/b", "a.b", "a\0b"])
def test_a_name_that_is_no_key_is_refused(home, name):
    with pytest.raises(ValueError, match="no name"):
        cache.load(name)


# ----------------------------------------------------------------------------------------------------- damage of entries


def test_every_flipped_bit_is_a_miss(home):
    cache.store(KEY, CODE)
    path = entry(home)
    whole = path.read_bytes()
    for position in range(len(whole)):
        for bit in range(8):
            damaged = bytearray(whole)
            damaged[position] ^= 1 << bit
            path.write_bytes(damaged)
            assert cache.load(KEY) is None, (position, bit)
            assert not path.exists()
    path.write_bytes(whole)
    assert cache.load(KEY) == CODE


def test_every_truncation_is_a_miss(home):
    cache.store(KEY, CODE)
    path = entry(home)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert cache.load(KEY) is None, length
        assert not path.exists()


@pytest.mark.parametrize("more", [b"\0", CODE, bytes(10**6)], ids=len)
def test_what_is_too_long_is_a_miss(home, more):
    cache.store(KEY, CODE)
    path = entry(home)
    path.write_bytes(path.read_bytes() + more)
    assert cache.load(KEY) is None


def test_the_code_of_another_key_is_a_miss(home):
    cache.store(KEY, CODE)
    other = cache.key("other")
    entry(home).rename(home / (other + ".code"))
    assert cache.load(other) is None


def test_an_entry_of_another_version_is_a_miss(home, monkeypatch):
    cache.store(KEY, CODE)
    monkeypatch.setattr(cache, "_VERSION", 2)
    assert cache.load(KEY) is None


# ------------------------------------------------------------------------------------------------ owners and permissions


@posix
@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
def test_a_folder_that_others_can_write_to_is_not_used(home, mode):
    cache.store(KEY, CODE)
    home.chmod(mode)
    with pytest.warns(RuntimeWarning, match="ADJOINT_CACHE_DIR") as caught:
        assert cache.load(KEY) is None
    cache.store(KEY, b"more")
    assert cache.folder() is None
    assert len(caught) == 1
    home.chmod(0o700)
    assert cache.load(KEY) == CODE


@posix
@pytest.mark.parametrize("mode", [0o500, 0o755, 0o750])
def test_a_folder_that_others_can_read_is_used(home, mode):
    cache.store(KEY, CODE)
    home.chmod(mode)
    assert cache.load(KEY) == CODE
    home.chmod(0o700)


@posix
def test_a_folder_of_someone_else_is_not_used(home, monkeypatch):
    cache.store(KEY, CODE)
    monkeypatch.setattr(os, "geteuid", lambda: home.stat().st_uid + 1)
    with pytest.warns(RuntimeWarning, match="of this user"):
        assert cache.load(KEY) is None


@posix
@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_an_entry_that_others_can_write_to_is_not_used(home, mode):
    cache.store(KEY, CODE)
    entry(home).chmod(mode)
    with pytest.warns(RuntimeWarning, match="this entry is not used"):
        assert cache.load(KEY) is None
    cache.store(KEY, CODE)
    assert cache.load(KEY) == CODE


@posix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() != 0, reason="only root gives files away")
def test_an_entry_of_someone_else_is_not_used(home):
    cache.store(KEY, CODE)
    os.chown(entry(home), 12345, -1)
    with pytest.warns(RuntimeWarning, match="this entry is not used"):
        assert cache.load(KEY) is None


@posix
@pytest.mark.parametrize("where", ["file", "folder", "nowhere", "itself"])
def test_links_are_not_followed(home, tmp_path, where):
    cache.store(KEY, CODE)
    path = entry(home)
    target = {"file": tmp_path / "kept", "folder": tmp_path, "nowhere": tmp_path / "none", "itself": path}[where]
    (tmp_path / "kept").write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(target)
    with pytest.warns(RuntimeWarning, match="this entry is not used"):
        assert cache.load(KEY) is None
    assert (tmp_path / "kept").exists()
    cache.store(KEY, CODE)
    assert cache.load(KEY) == CODE
    assert not path.is_symlink()


@posix
def test_a_link_in_place_of_the_folder_is_not_used(home, tmp_path):
    cache.store(KEY, CODE)
    home.rename(tmp_path / "moved")
    home.symlink_to(tmp_path / "moved")
    with pytest.warns(RuntimeWarning, match="no folder of this user"):
        assert cache.load(KEY) is None


@posix
def test_a_pipe_or_a_folder_in_place_of_an_entry_is_a_miss(home):
    cache.store(KEY, CODE)
    path = entry(home)
    path.unlink()
    os.mkfifo(path)
    with pytest.warns(RuntimeWarning, match="this entry is not used"):
        assert cache.load(KEY) is None
    path.mkdir()
    assert cache.load(KEY) is None
    cache.store(KEY, CODE)


def test_a_file_in_place_of_the_folder_is_not_used(home):
    home.parent.mkdir()
    home.write_text("x")
    with pytest.warns(RuntimeWarning, match="no folder"):
        cache.store(KEY, CODE)
    assert cache.load(KEY) is None
    assert home.read_text() == "x"


# ------------------------------------------------------------------------------------------------- switched off, in silence


@pytest.mark.parametrize("value", ["0", "off", "False", " no "])
def test_it_can_be_switched_off(home, monkeypatch, value):
    monkeypatch.setenv("ADJOINT_CACHE", value)
    cache.store(KEY, CODE)
    assert cache.load(KEY) is None
    assert cache.folder() is None
    assert not home.exists()


def test_a_folder_that_cannot_be_made_is_off(home, tmp_path):
    (tmp_path / "deep").write_text("a file where a folder should be")
    cache.store(KEY, CODE)
    assert cache.load(KEY) is None
    assert cache.folder() is None


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT])
@pytest.mark.parametrize("function", ["mkdir", "open", "write", "replace"])
def test_a_disk_that_refuses_is_off(home, monkeypatch, function, code):
    def refuse(*args, **kwargs):
        raise OSError(code, os.strerror(code))

    if function == "write":
        monkeypatch.setattr(cache, "_packed", refuse)
    elif function == "open":
        monkeypatch.setattr(cache.tempfile, "mkstemp", refuse)
    else:
        monkeypatch.setattr(os, function, refuse)
    cache.store(KEY, CODE)
    assert cache.load(KEY) is None
    assert not home.exists() or list(home.iterdir()) == []


@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="the place is another")
def test_the_place_follows_the_platform(monkeypatch, tmp_path):
    monkeypatch.delenv("ADJOINT_CACHE_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache.folder() == tmp_path / ".cache" / "adjoint"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache.folder() == tmp_path / ".cache" / "adjoint"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    assert cache.folder() == tmp_path / "other" / "adjoint"


@posix
def test_without_a_home_it_is_off(monkeypatch):
    for name in ("ADJOINT_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    assert cache.folder() is None
    assert cache.load(KEY) is None


def test_the_system_has_its_place_on_macos_and_windows(monkeypatch, tmp_path):
    monkeypatch.delenv("ADJOINT_CACHE_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "darwin")
    if os.name != "nt":
        assert cache._place() == tmp_path / "Library" / "Caches" / "adjoint"


# ------------------------------------------------------------------------------------------------------------ bound of size


def test_what_was_not_used_for_longest_goes(home, monkeypatch):
    keys = [cache.key(str(n)) for n in range(10)]
    for n, key in enumerate(keys):
        cache.store(key, bytes(1000))
        os.utime(home / (key + ".code"), (time.time() - 1000 * (10 - n),) * 2)
    monkeypatch.setattr(cache, "_trimmed", set())
    monkeypatch.setenv("ADJOINT_CACHE_SIZE", "0.0055")
    cache.store(KEY, bytes(1000))
    kept = [key for key in keys if cache.load(key) is not None]
    assert kept == keys[-len(kept) :]
    assert len(kept) == 4
    assert cache.load(KEY) is not None


def test_use_is_noted(home):
    cache.store(KEY, CODE)
    long_ago = time.time() - 30 * 86400
    os.utime(entry(home), (long_ago, long_ago))
    assert cache.load(KEY) == CODE
    assert time.time() - entry(home).stat().st_mtime < 60


def test_parts_of_dead_processes_go(home):
    cache.folder()
    old, new, foreign = home / "a.part", home / "b.part", home / "notes.txt"
    for path in (old, new, foreign):
        path.write_bytes(CODE)
    os.utime(old, (0, 0))
    os.utime(foreign, (0, 0))
    cache.store(KEY, CODE)
    assert (old.exists(), new.exists(), foreign.exists()) == (False, True, True)


@pytest.mark.parametrize(("value", "kept"), [("0", False), ("-1", False), ("0.00001", False), ("1", True), ("nonsense", True)])
def test_code_beyond_the_bound_is_not_kept(home, monkeypatch, value, kept):
    monkeypatch.setenv("ADJOINT_CACHE_SIZE", value)
    cache.store(KEY, CODE)
    assert (cache.load(KEY) is not None) is kept


# ---------------------------------------------------------------------------------------------------------- many processes

WORKER = """
import sys
from adjoint._backend.native import cache
key, me = cache.key("shared"), int(sys.argv[1])
codes = {bytes([n]) * (10_000 + n) for n in range(8)}
mine = bytes([me]) * (10_000 + me)
hits = 0
for _ in range(200):
    cache.store(key, mine)
    code = cache.load(key)
    assert code is None or code in codes
    hits += code is not None
print(hits)
"""


def test_many_processes_share_an_entry(home):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONWARNINGS": "error"}
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(n)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for n in range(4)
    ]
    for worker in workers:
        out, err = worker.communicate(timeout=60)
        assert worker.returncode == 0, err.decode()
        assert int(out) == 200 or os.name == "nt"
    assert [path.suffix for path in home.iterdir()] == [".code"]


def test_nothing_warns_in_ordinary_use(home):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cache.store(KEY, CODE)
        assert cache.load(KEY) == CODE
