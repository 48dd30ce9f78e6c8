"""Object code on disk: what one process compiled, the next one loads.

`key` names an entry by all that decides its code, so that an entry is never stale, only unused; `load` and `store` are the
rest.  The folder is the user's own, as code from it is run: its owner and permissions, and those of each entry, are checked
at each use, and where they are wrong the cache is off, with one warning.  Nothing is unpickled.  An entry that is not exactly
what was stored (magic number, version, length, and a checksum over the key and the code) is a miss, and removed.

Nothing here raises because of what is on the disk: a full or read-only disk, or a user without a home, only means that code
is compiled anew.  Many processes may use one folder: an entry appears by a rename, and so whole or not at all.

===========================  ============================================================================================
environment variable         meaning
===========================  ============================================================================================
``ADJOINT_CACHE=0``          no cache
``ADJOINT_CACHE_DIR``        the folder; by default ``adjoint`` in the user's folder for caches, as the system has it
``ADJOINT_CACHE_SIZE``       how much may be kept, in megabytes, 512 by default; what was not used for longest goes first
===========================  ============================================================================================

What is not guarded against: a user who is the owner of the files, and root.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
import struct
import sys
import tempfile
import time
import warnings
from pathlib import Path

_MAGIC = b"adjoint\0"
_VERSION = 1
# Magic number, version, length of the code, checksum; then the code.
_HEADER = struct.Struct("<8sIQ32s")
_ENTRY, _PART = ".code", ".part"
_MEGABYTES = 512
# In seconds: use is noted at most so often, and a part older than this is of a process that died.
_DAY, _HOUR = 86400, 3600
_POSIX = os.name == "posix"
_FLAGS = sum(getattr(os, name, 0) for name in ("O_RDONLY", "O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))

_warned: set[str] = set()
_trimmed: set[Path] = set()


def key(*parts: str | bytes) -> str:
    """Return the name of the entry that these parts decide: two lists of parts have the same name only if they are equal."""
    digest = hashlib.blake2b(digest_size=32, person=_MAGIC)
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        digest.update(len(raw).to_bytes(8, "little"))
        digest.update(raw)
    return digest.hexdigest()


def load(key: str) -> bytes | None:
    """Return the code of an entry, None if there is none that can be trusted."""
    if (home := folder()) is None:
        return None
    path = _path(home, key)
    try:
        file = os.open(path, _FLAGS)
    except OSError as error:
        # A link is not followed: that is what these two say.
        return _distrust(path) if error.errno in {errno.ELOOP, errno.EMLINK} else None
    try:
        state = os.fstat(file)
        if not stat.S_ISREG(state.st_mode) or not _is_private(state):
            return _distrust(path)
        code = _unpacked(key, file, state.st_size)
    except OSError:
        return None
    finally:
        os.close(file)
    if code is None:
        _remove(path)
    elif time.time() - state.st_mtime > _DAY:
        with contextlib.suppress(OSError):
            os.utime(path)
    return code


def store(key: str, code: bytes) -> None:
    """Keep the code of an entry, if that can be done."""
    if (home := folder()) is None or len(code) + _HEADER.size > _limit():
        return
    part = ""
    try:
        file, part = tempfile.mkstemp(_PART, dir=home)
        with open(file, "wb") as stream:
            stream.write(_packed(key, code))
        os.replace(part, _path(home, key))
    except OSError:
        # Disk full, read-only, or on Windows an entry that another process has open.
        if part:
            _remove(part)
        return
    if home not in _trimmed:
        _trimmed.add(home)
        _trim(home, _limit())


# -------------------------------------------------------------------------------------------------------------- the folder


def folder() -> Path | None:
    """Return the folder of the cache, which is made if it does not exist; None if the cache is off."""
    if os.environ.get("ADJOINT_CACHE", "").strip().lower() in {"0", "off", "no", "false"}:
        return None
    home = _place()
    if home is None:
        return None
    try:
        state = _made(home)
    except OSError:
        return None
    if stat.S_ISDIR(state.st_mode) and _is_private(state):
        return home
    _warn(f"{home} is no folder of this user that only this user can write to")
    return None


def _place() -> Path | None:
    """Return where the folder is to be, None where the user has no place for it."""
    if own := os.environ.get("ADJOINT_CACHE_DIR"):
        return Path(os.path.abspath(os.path.expanduser(own)))
    if os.name == "nt":
        above = os.environ.get("LOCALAPPDATA", "")
    elif sys.platform == "darwin":
        above = os.path.expanduser("~/Library/Caches")
    else:
        # A relative path there is invalid and to be ignored, says the standard.
        above = os.environ.get("XDG_CACHE_HOME", "")
        above = above if os.path.isabs(above) else os.path.expanduser("~/.cache")
    return Path(above, "adjoint") if os.path.isabs(above) else None


def _made(home: Path) -> os.stat_result:
    """Return the state of the folder, which is made if it does not exist; of a link the link's own."""
    try:
        return os.lstat(home)
    except FileNotFoundError:
        home.parent.mkdir(parents=True, exist_ok=True)
        home.mkdir(mode=0o700, exist_ok=True)
        return os.lstat(home)


def _is_private(state: os.stat_result) -> bool:
    """Tell whether a file or folder is this user's, and no other's to write; on Windows the profile's folder is."""
    return not _POSIX or (state.st_uid == os.geteuid() and not state.st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def _limit() -> float:
    """Return how many bytes may be kept."""
    try:
        return max(float(os.environ["ADJOINT_CACHE_SIZE"]), 0.0) * 1e6
    except (KeyError, ValueError):
        return _MEGABYTES * 1e6


def _trim(home: Path, limit: float) -> None:
    """Remove what was not used for longest until the rest is within the limit, and parts of processes that died."""
    with contextlib.suppress(OSError):
        with os.scandir(home) as found:
            files = [(one.stat(follow_symlinks=False), one.path) for one in found if one.name.endswith((_ENTRY, _PART))]
        now = time.time()
        total = sum(state.st_size for state, _ in files)
        for state, path in sorted(files, key=lambda file: file[0].st_mtime):
            if path.endswith(_PART):
                if now - state.st_mtime > _HOUR:
                    _remove(path)
            elif total > limit:
                _remove(path)
                total -= state.st_size


# ---------------------------------------------------------------------------------------------------------------- an entry


def _path(home: Path, key: str) -> Path:
    if not key.isalnum():
        raise ValueError(f"{key!r} is no name that `key` makes")
    return home / (key + _ENTRY)


def _packed(key: str, code: bytes) -> bytes:
    return _HEADER.pack(_MAGIC, _VERSION, len(code), _checksum(key, code)) + code


def _unpacked(key: str, file: int, size: int) -> bytes | None:
    """Return the code in an open file, None if it is not exactly what was stored under this key."""
    if size < _HEADER.size:
        return None
    with open(file, "rb", closefd=False) as stream:
        magic, version, length, checksum = _HEADER.unpack(stream.read(_HEADER.size))
        if (magic, version, length) != (_MAGIC, _VERSION, size - _HEADER.size):
            return None
        code = stream.read(length)
    return code if _checksum(key, code) == checksum else None


def _checksum(key: str, code: bytes) -> bytes:
    """Return the checksum of an entry: the name is within, so that an entry that was renamed is no other's code."""
    name = key.encode()
    return hashlib.blake2b(len(name).to_bytes(8, "little") + name + code, digest_size=32, person=_MAGIC).digest()


def _distrust(path: Path) -> None:
    """Remove an entry that may be someone else's, and say so once: the folder was private, so that it should not be there."""
    _warn(f"{path} is no file of this user that only this user can write to", "this entry is not used")
    _remove(path)


def _remove(path: str | Path) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)


def _warn(why: str, consequence: str = "compiled code is not kept") -> None:
    """Warn once for each cause."""
    if why in _warned:
        return
    _warned.add(why)
    remedy = "repair its owner and permissions, name another folder in ADJOINT_CACHE_DIR, or set ADJOINT_CACHE=0"
    warnings.warn(f"{consequence}, because {why}: {remedy}", RuntimeWarning, stacklevel=3)
