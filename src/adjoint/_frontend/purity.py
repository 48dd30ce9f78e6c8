"""Functions of libraries whose results depend on more than their arguments, or that do more than return a result.

The function of the user's is run once, at translation; what such a function gives then must not be taken for what it gives
at every call.
"""

from __future__ import annotations

import random
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint._frontend.state import RefusedError
from adjoint._ir.symbol import writer

Function = Callable[..., Any]

# Modules of the standard library whose functions are not run at translation.
_IMPURE = frozenset({
    "asyncio", "atexit", "concurrent", "ctypes", "datetime", "gc", "getpass", "glob", "http", "io", "_io", "logging",
    "multiprocessing", "nt", "os", "pathlib", "pickle", "platform", "posix", "queue", "random", "secrets", "select",
    "shelve", "shutil", "signal", "socket", "sqlite3", "subprocess", "sys", "tempfile", "threading", "_thread", "time",
    "tkinter", "tracemalloc", "urllib", "uuid",
})  # fmt: skip
_IMPURE_BUILTINS = frozenset(
    {"open", "input", "eval", "exec", "compile", "__import__", "breakpoint", "vars", "dir", "id", "delattr"}
)
_IMPURE_NUMPY = frozenset({
    "load", "save", "savez", "savez_compressed", "loadtxt", "savetxt", "genfromtxt", "fromfile", "memmap", "seterr",
    "setbufsize", "seterrcall", "set_printoptions", "frombuffer", "from_dlpack",
})  # fmt: skip
# Built-in methods of these are functions of what they are methods of, which does not change.
_IMMUTABLE = (
    str, bytes, int, float, complex, bool, tuple, frozenset, range, slice, type, type(None), np.generic, np.dtype, np.ufunc,
    types.ModuleType, type({}.keys()), type({}.values()), type({}.items()), types.MappingProxyType,
)  # fmt: skip


def is_impure(f: Any) -> bool:
    """Tell whether a function of a library may not be run at translation."""
    module, name = getattr(f, "__module__", None) or "", getattr(f, "__name__", "")
    top = module.partition(".")[0]
    if top == "builtins":
        return name in _IMPURE_BUILTINS
    if top == "numpy":
        return name in _IMPURE_NUMPY or (module.startswith("numpy.random") and isinstance(f, type))
    return top in _IMPURE and top in sys.stdlib_module_names


def is_immutable(owner: Any) -> bool:
    """Tell whether the methods of an object surely do not change it."""
    return isinstance(owner, _IMMUTABLE) or type(owner).__module__ in ("re", "_sre", "fractions", "decimal", "enum")


def impure(f: Any) -> Function:
    """Return what is called in place of such a function: an error."""
    name = getattr(f, "__qualname__", getattr(f, "__name__", repr(f)))
    owner = getattr(f, "__module__", None) or type(getattr(f, "__self__", None)).__name__

    def call(*_: Any, **__: Any) -> Any:
        raise RefusedError(
            f"a call of {owner}.{name} is not translated",
            why="what it gives or does depends on more than its arguments",
            remedy="call it outside, and pass the result as an argument",
        )

    return call


def drawn(f: Any) -> Function:
    """Return a method of a random generator that draws when the program runs, not now."""
    owner = f.__self__
    get, put = ("getstate", "setstate") if isinstance(owner, random.Random) else ("get_state", "set_state")

    def call(*args: Any, **kwargs: Any) -> Any:
        state = getattr(owner, get)()
        try:
            return writer().apply(f, args, kwargs, effect=True)
        finally:
            getattr(owner, put)(state)

    return call


GENERATORS = (np.random.RandomState, random.Random)
