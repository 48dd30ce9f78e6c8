"""What machine code knows of Python and NumPy: a table of addresses, and the functions of C that it calls."""

from __future__ import annotations

import numpy as np

# Addresses that the code finds in its table, in this order; `native` fills it.
TABLE = ("not_implemented", "float", "int", "array", "float64", "int64", "float32", "bool_", "true", "false",
         "new_array", "new_scalar", "set_base", "dtype_f8", "dtype_f4", "dtype_i8", "dtype_b1", "capsule_free",
         "capsule_release", "exception", "ellipsis", "spare", "threads")  # fmt: skip
# NumPy's numbers of dtypes, and sizes.
TYPE_NUMBERS = {kind: (np.dtype(kind).num, np.dtype(kind).itemsize) for kind in ("b1", "i8", "f4", "f8")}
# The table, and what is called.
DECLARED = """
@adj.table = internal global [{count} x ptr] zeroinitializer
define ptr @table() {{
  ret ptr @adj.table
}}
declare double @PyFloat_AsDouble(ptr)
declare i64 @PyLong_AsLongLongAndOverflow(ptr, ptr)
declare i64 @PyLong_AsLongLong(ptr)
declare i32 @PyObject_IsTrue(ptr)
declare ptr @PyFloat_FromDouble(double)
declare ptr @PyLong_FromLongLong(i64)
declare ptr @PyBool_FromLong(i64)
declare ptr @PyTuple_New(i64)
declare i32 @PyTuple_SetItem(ptr, i64, ptr)
declare ptr @PyCapsule_New(ptr, ptr, ptr)
declare ptr @PyEval_SaveThread()
declare void @PyEval_RestoreThread(ptr)
declare void @PyErr_Clear()
declare i32 @PyErr_ExceptionMatches(ptr)
declare ptr @PyErr_Occurred()
declare void @Py_IncRef(ptr)
declare void @Py_DecRef(ptr)
"""
IMPORTS = tuple(line.split("@")[1].split("(")[0] for line in DECLARED.splitlines() if line.startswith("declare"))
