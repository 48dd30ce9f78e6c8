"""Programs as functions of machine code that Python calls."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint._backend.native import entry, machine
from adjoint._backend.native.module import Module
from adjoint._backend.native.scalars import Unsupported
from adjoint._ir.nodes import Apply, Function, functions, walk

__all__ = ["Unsupported", "compile", "source"]

# Places in NumPy's table of its C interface (numpy/_core/code_generators/numpy_api.py): NumPy 1 and 2 agree on these.
_NEW, _SCALAR, _SET_BASE = 93, 60, 282
_FASTCALL = 0x80
# Frees the block that an array was made of; this code lives as long as the process, since arrays may outlive their program.
_CAPSULE = """
declare ptr @PyCapsule_GetPointer(ptr, ptr)
declare void @free(ptr)
define void @capsule_free(ptr %capsule) {
  %block = call ptr @PyCapsule_GetPointer(ptr %capsule, ptr null)
  call void @free(ptr %block)
  ret void
}
"""


class _Method(ctypes.Structure):
    """A function of C that Python can call (PyMethodDef)."""

    _fields_ = (("name", ctypes.c_char_p), ("address", ctypes.c_void_p), ("flags", ctypes.c_int), ("doc", ctypes.c_char_p))


class _Code:
    """What a function of machine code needs to stay alive."""

    def __init__(self, loaded: machine.Loaded, method: _Method) -> None:
        self.loaded, self.method = loaded, method


def source(function: Function) -> str:
    """Return a program as LLVM IR.

    Raises
    ------
    Unsupported
        The program uses what machine code does not know.
    """
    for one in functions(function):
        for op in walk(one.body):
            if isinstance(op, Apply) and op.effect:
                raise Unsupported("an operation that may not be done twice")
    return Module(function).text()


def compile(function: Function) -> Callable[..., Any]:
    """Return a program as a function of plain positional arguments, which gives `NotImplemented` where Python has to run it.

    Raises
    ------
    Unsupported
        The program uses what machine code does not know.
    """
    loaded = machine.compile_text(source(function), imports=_imports())
    table = ctypes.CFUNCTYPE(ctypes.c_void_p)(loaded.address("table"))()
    ctypes.memmove(table, (ctypes.c_void_p * len(entry.TABLE))(*_table()), 8 * len(entry.TABLE))
    method = _Method(function.name.encode() or b"f", loaded.address("call"), _FASTCALL, None)
    return _made()(ctypes.byref(method), _Code(loaded, method), None)


@functools.cache
def _made() -> Any:
    make = ctypes.pythonapi.PyCFunction_NewEx
    make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p]
    return make


@functools.cache
def _imports() -> dict[str, int]:
    return {name: _address(getattr(ctypes.pythonapi, name)) for name in (*entry.IMPORTS, "PyCapsule_GetPointer")}


def _address(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


@functools.cache
def _capsule() -> machine.Loaded:
    return machine.compile_text(_CAPSULE, imports=_imports())


@functools.cache
def _table() -> tuple[int, ...]:
    """Return the addresses that programs find in their table."""
    from numpy._core import _multiarray_umath

    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    api = ctypes.cast(get(_multiarray_umath._ARRAY_API, None), ctypes.POINTER(ctypes.c_void_p))
    known = {
        "not_implemented": id(NotImplemented), "float": id(float), "int": id(int), "array": id(np.ndarray),
        "float64": id(np.float64), "int64": id(np.int64), "float32": id(np.float32), "bool_": id(np.bool_), "true": id(True),
        "false": id(False), "new_array": api[_NEW], "new_scalar": api[_SCALAR], "set_base": api[_SET_BASE],
        "capsule_free": _capsule().address("capsule_free"),
    }  # fmt: skip
    dtypes = {f"dtype_{kind}": id(np.dtype(kind)) for kind in entry.TYPE_NUMBERS}
    return tuple((known | dtypes)[name] or 0 for name in entry.TABLE)
