"""What frees the blocks of arrays that Python has, when it has them no more."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping

from adjoint._backend.native import machine, runtime_large

_TEXT = f"""
@cell = internal global ptr null
declare ptr @PyCapsule_GetPointer(ptr, ptr)
declare void @free(ptr)
declare void @Py_DecRef(ptr)
define ptr @table() {{
  ret ptr @cell
}}
{runtime_large.KEEP}
define internal void @returned(ptr %block) {{
  %sp = getelementptr i8, ptr %block, i64 4
  %sort = load i32, ptr %sp
  %classed = icmp uge i32 %sort, {runtime_large.FIRST}
  br i1 %classed, label %keep, label %free
keep:
  %pool = alloca [5 x ptr]
  %place = getelementptr ptr, ptr %pool, i64 4
  %known = load ptr, ptr @cell
  store ptr %known, ptr %place
  call void @adj.keep(ptr %pool, ptr %block, i32 %sort)
  ret void
free:
  call void @free(ptr %block)
  ret void
}}
define void @capsule_free(ptr %capsule) {{
  %block = call ptr @PyCapsule_GetPointer(ptr %capsule, ptr null)
  call void @returned(ptr %block)
  ret void
}}
define void @capsule_release(ptr %capsule) {{
  %block = call ptr @PyCapsule_GetPointer(ptr %capsule, ptr null)
  %refs = load i32, ptr %block
  %less = sub i32 %refs, 1
  store i32 %less, ptr %block
  %last = icmp eq i32 %less, 0
  br i1 %last, label %drop, label %end
drop:
  %dp = getelementptr i8, ptr %block, i64 8
  %owned = load ptr, ptr %dp
  %plain = icmp eq ptr %owned, null
  br i1 %plain, label %free, label %object
object:
  %op = getelementptr i8, ptr %block, i64 24
  %x = load ptr, ptr %op
  call void @Py_DecRef(ptr %x)
  br label %free
free:
  call void @returned(ptr %block)
  br label %end
end:
  ret void
}}
"""


def load(imports: Mapping[str, int], cell: int) -> machine.Loaded:
    """Return the functions; they live as long as the process, since arrays may outlive their program.

    ``cell`` is the address of what calls leave for the next ones (`runtime_large`).
    """
    loaded = machine.compile_text(_TEXT, imports=imports)
    table = ctypes.CFUNCTYPE(ctypes.c_void_p)(loaded.address("table"))()
    ctypes.c_void_p.from_address(table).value = cell
    return loaded
