"""Functions of other libraries that machine code calls by address: BLAS, LAPACK, and `scipy.special` for one number.

They are SciPy's own, from the capsules that its Cython modules export; a capsule carries its signature in C, from which
`declaration` makes LLVM's.  Names are ``blas.dgemm``, ``lapack.dpotrf``, ``special.gammaln``; of a special function with
versions for several types the one of float64 alone is meant.  BLAS and LAPACK are called as in Fortran, all by address, with
integers of 32 bits, and matrices by columns.

All of them run without the GIL.  What that means for errors of special functions (tested):

- By default they are silent, and none of `special` touches Python: those that do so to warn are in `LEFT_OUT`.
- Under ``scipy.special.errstate`` some take the GIL to warn, and some (those in Cython's older part) never report at all.  Of
  ``"raise"``, and of warnings turned into errors, an exception remains *set* when the code returns: ctypes then raises
  `SystemError` with it as the cause.  Nothing crashes, but whoever calls back into Python in between has to look for it.
- No warning of NumPy's is given: those come from the ufunc's loop, which is not run.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import importlib.machinery
import importlib.util
import os
import re
import sys
from collections.abc import Iterable
from types import ModuleType
from typing import Any

import numpy as np

from adjoint._backend.native import machine

_MODULES = {
    "blas": "scipy.linalg.cython_blas",
    "lapack": "scipy.linalg.cython_lapack",
    "special": "scipy.special.cython_special",
}
_TYPES = {"void": "void", "double": "double", "float": "float", "int": "i32", "Py_ssize_t": "i64"}
# Cython's name of a version for one type, and SciPy's own names of float64 and float32.
_VERSION = re.compile(r"__pyx_fuse(?:_\d+)+")
_TYPEDEF = re.compile(r"__pyx_t_\w+_([ds])")
# A special function's last argument tells Cython not to look for an overriding method; it is always 0.
_OF_NUMBERS = re.compile(r"double \(((?:double, )+)int __pyx_skip_dispatch\)")

_NOT_INTEGER = "takes the GIL to warn of an order that is no integer"
_DIES = "SciPy's own ends the process for large and undefined arguments"
# Ufuncs of `scipy.special` whose function of numbers is not called: why.
LEFT_OUT: dict[str, str] = {
    **dict.fromkeys(("bdtr", "bdtrc", "bdtri", "nbdtr", "nbdtrc", "nbdtri", "pdtri"), _NOT_INTEGER),
    **dict.fromkeys(("expn", "kn", "smirnov", "smirnovi", "yn"), _NOT_INTEGER),
    **dict.fromkeys(("obl_cv", "pro_cv"), _DIES),
    "hyp0f1": "takes the GIL to print of a division by zero in an asymptotic series",
    **dict.fromkeys(("eval_hermite", "eval_hermitenorm"), "the order is an integer in C"),
    **dict.fromkeys(("hankel1", "hankel1e", "hankel2", "hankel2e", "wofz"), "complex"),
}
# The older name of a ufunc, which SciPy keeps as an object of its own.
_ALIASES = {"digamma": "psi", "jn": "jv"}

_capsule_name: Any = ctypes.PYFUNCTYPE(ctypes.c_char_p, ctypes.py_object)(("PyCapsule_GetName", ctypes.pythonapi))
_capsule_pointer: Any = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi)
)


@functools.cache
def pointer(name: str) -> int:
    """Return the address of a function, valid as long as the process runs.

    Raises
    ------
    LookupError
        SciPy has no such function.
    """
    capsule = _capsule(name)
    return _capsule_pointer(capsule, _capsule_name(capsule))


@functools.cache
def declaration(name: str) -> str:
    """Return the line by which LLVM IR declares a function.

    Raises
    ------
    LookupError
        SciPy has no such function.
    NotImplementedError
        A complex number is passed or returned by value, for which each system has a convention of its own.
    """
    result, arguments = signature(name)
    return f'declare {result} @"{name}"({", ".join(arguments)})'


@functools.cache
def signature(name: str) -> tuple[str, tuple[str, ...]]:
    """Return the types of LLVM that a function returns and takes; raises as `declaration` does."""
    result, _, arguments = _c_signature(name).partition("(")
    # Arguments of arguments are of callbacks, which are addresses like all others.
    flat = re.sub(r"\([^()]*\)", "*", arguments.removesuffix(")"))
    return _type(name, result), tuple(_type(name, argument) for argument in flat.split(","))


def register(names: Iterable[str]) -> None:
    """Tell LLVM where functions are, so that code loaded from now on finds them by name."""
    for name in names:
        machine.binding().add_symbol(name, pointer(name))


def _type(name: str, text: str) -> str:
    """Return LLVM's type for a type in C, which may be followed by the name of an argument."""
    if "*" in text:
        return "ptr"
    word = text.split(maxsplit=1)[0]
    if typedef := _TYPEDEF.fullmatch(word):
        word = {"d": "double", "s": "float"}[typedef[1]]
    if word not in _TYPES:
        raise NotImplementedError(f"{name} passes or returns a {text.strip()} by value; please report this")
    return _TYPES[word]


def _c_signature(name: str) -> str:
    return _capsule_name(_capsule(name)).decode()


def _capsule(name: str) -> Any:
    """Return the capsule of a function."""
    library, _, function = name.partition(".")
    if library not in _MODULES or function not in (capsules := _capsules(library)):
        raise LookupError(f"SciPy exports no function {name}; please report this")
    return capsules[function]


@functools.cache
def _capsules(library: str) -> dict[str, Any]:
    """Return the capsules of a module by name, of a special function's versions that of float64."""
    found: dict[str, Any] = _module(_MODULES[library]).__pyx_capi__
    versions = {name: capsule for name, capsule in found.items() if _VERSION.match(name)}
    plain = {name: capsule for name, capsule in found.items() if name not in versions}
    return plain | {_VERSION.sub("", name): capsule for name, capsule in versions.items() if _count(capsule)}


def _count(capsule: Any) -> int:
    """Return how many numbers a function of float64 takes that returns one, 0 for all other functions."""
    found = _OF_NUMBERS.fullmatch(_capsule_name(capsule).decode())
    return found[1].count("double") if found else 0


def _module(name: str) -> ModuleType:
    """Return a module of SciPy's in C, without the package around it: to import all of `scipy.linalg` takes 0.2 s."""
    if name in sys.modules:
        return sys.modules[name]
    package, _, _ = name.rpartition(".")
    if package not in sys.modules:
        root, *inner = package.split(".")
        folder = os.path.join(importlib.import_module(root).__path__[0], *inner)
        spec = importlib.machinery.PathFinder.find_spec(name, [folder])
        if spec is not None and isinstance(spec.loader, importlib.machinery.ExtensionFileLoader):
            try:
                module = importlib.util.module_from_spec(spec)
                spec.loader.exec_module(module)
            except ImportError:
                pass  # of a SciPy in which it needs its package
            else:
                return module
    return importlib.import_module(name)


@functools.cache
def special() -> dict[Any, tuple[str, int]]:
    """Return the ufuncs of `scipy.special` whose function of numbers is bit for bit the same: its name, and how many it takes.

    It stands for the ufunc's loop of float64 only: for integers some ufuncs have a loop of its own, with another method.
    """
    table: dict[Any, tuple[str, int]] = {}
    capsules = _capsules("special")
    for name, function in vars(importlib.import_module("scipy.special")).items():
        if not isinstance(function, np.ufunc) or name in LEFT_OUT:
            continue
        own = _ALIASES.get(name, name)
        count = _count(capsules[own]) if own in capsules else 0
        if function.nout == 1 and function.nin == count and f"{'d' * count}->d" in function.types:
            table[function] = (f"special.{own}", count)
    return table
