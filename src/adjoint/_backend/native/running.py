"""Which code makes machine code of programs in this process: adjoint's own, and that of the libraries it looks at.

`code` is part of the key by which the machine code of a program is found without being written anew.  adjoint's sources are
told as Python tells whether its bytecode is up to date, by the places, sizes and times of their files, and by the time at
which a file was last changed in any way, which nobody can set.  What runs is what was imported: a file that is younger than
that, because adjoint was updated under a running process, tells nothing about it, and then there is no key.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import sys
import time
from collections.abc import Iterator

import numpy as np

# Nanoseconds: files older than this module by so much are what was imported with it.
_MARGIN = 2_000_000_000
_imported = time.time_ns()


@functools.cache
def code() -> str | None:
    """Return all that tells the code that is running from other code; None if that cannot be told."""
    found = [sys.version, sys.platform, np.__version__]
    try:
        for package, part in (("adjoint", ""), ("scipy", "version.py")):
            places = _places(package)
            found += [line for place in places for line in _files(os.path.join(place, part) if part else place)]
            if not places and package == "adjoint":
                return None
    except (OSError, _YoungError):
        return None
    return "\n".join(found)


class _YoungError(Exception):
    """A file may have changed since it was imported."""


def _places(package: str) -> list[str]:
    """Return the folders of a package, which is not imported for the question; none if there is no such package."""
    spec = importlib.util.find_spec(package)
    return list(spec.submodule_search_locations or ()) if spec is not None else []


def _files(place: str) -> Iterator[str]:
    """Yield a line for each file in a folder, in the order of their names, or for a single file."""
    if os.path.isdir(place):
        with os.scandir(place) as found:
            inner = sorted((one.name, one.is_dir()) for one in found)
        for name, is_folder in inner:
            path = f"{place}{os.sep}{name}"
            if is_folder and name != "__pycache__":
                yield from _files(path)
            elif not is_folder:
                yield _file(path)
    else:
        yield _file(place)


def _file(path: str) -> str:
    state = os.stat(path)
    if max(state.st_mtime_ns, state.st_ctime_ns) > _imported - _MARGIN:
        raise _YoungError
    return f"{path} {state.st_size} {state.st_mtime_ns} {state.st_ctime_ns}"
