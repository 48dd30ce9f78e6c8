"""The function of a program that Python calls, written against Python's and NumPy's C interfaces.

It takes plain positional arguments, looks whether each is of the type that the program was made for, runs the program
(without the interpreter's lock if that can take long), and makes objects of the results.  Whatever does not fit, and whatever
the program leaves for, gives `NotImplemented`: then the caller runs the program by Python.  `Ellipsis` asks for the program's
exact form.
"""

from __future__ import annotations

from typing import Any

from adjoint._backend.native import handover, lists
from adjoint._backend.native.runtime_threads import POOL
from adjoint._backend.native.scalars import UnsupportedError
from adjoint._backend.native.table import DECLARED, TABLE, TYPE_NUMBERS
from adjoint._backend.native.values import code, is_native
from adjoint._ir.nodes import Function, Loop, walk
from adjoint._ir.types import Record, Tensor, Type

# Where the function ends without a result: in doubt, with an exception of Python's own, or because something does not fit.
_ENDS = f"""doubt:
  call void @adj.clear(ptr %pool)
  %dp = getelementptr i8, ptr @adj.table, i64 {8 * TABLE.index("ellipsis")}
  %dots = load ptr, ptr %dp
  call void @Py_IncRef(ptr %dots)
  ret ptr %dots
left:
  call void @adj.clear(ptr %pool)
  %error = call ptr @PyErr_Occurred()
  %set = icmp ne ptr %error, null
  br i1 %set, label %which, label %refuse
which:
  %xp = getelementptr i8, ptr @adj.table, i64 {8 * TABLE.index("exception")}
  %exception = load ptr, ptr %xp
  %plain = call i32 @PyErr_ExceptionMatches(ptr %exception)
  %ordinary = icmp ne i32 %plain, 0
  br i1 %ordinary, label %clear, label %raise
raise:
  ret ptr null
clear:
  call void @PyErr_Clear()
  br label %refuse
refuse:
  %tp = getelementptr i8, ptr @adj.table, i64 {8 * TABLE.index("not_implemented")}
  %none = load ptr, ptr %tp
  call void @Py_IncRef(ptr %none)
  ret ptr %none
}}
"""
# Bytes of a result up to which it is copied into an array of NumPy's own memory; a larger one lends its memory.
_COPIED = 1 << 15
# Makes an array of a result: a copy if it is short or its memory is another's, else one that the block belongs to.
_ARRAY = f"""
define internal ptr @adj.array(ptr %pool, ptr %place, i32 %rank, i32 %number, i64 %width) noinline {{
entry:
  %data = load ptr, ptr %place
  %op = getelementptr i8, ptr %place, i64 8
  %owner = load ptr, ptr %op
  %dims = getelementptr i8, ptr %place, i64 16
  %axes = sext i32 %rank to i64
  %mp = getelementptr i8, ptr @adj.table, i64 {8 * TABLE.index("new_array")}
  %make = load ptr, ptr %mp
  %ap = getelementptr i8, ptr @adj.table, i64 {8 * TABLE.index("array")}
  %array = load ptr, ptr %ap
  br label %head
head:
  %k = phi i64 [0, %entry], [%next, %turn]
  %size = phi i64 [%width, %entry], [%longer, %turn]
  %more = icmp slt i64 %k, %axes
  br i1 %more, label %turn, label %sized
turn:
  %np = getelementptr i64, ptr %dims, i64 %k
  %n = load i64, ptr %np
  %longer = mul i64 %size, %n
  %next = add i64 %k, 1
  br label %head
sized:
  %own = icmp ne ptr %owner, null
  %large = icmp sgt i64 %size, {_COPIED}
  %candidate = and i1 %own, %large
  br i1 %candidate, label %look, label %copy
look:
  %refs = load i32, ptr %owner
  %single = icmp eq i32 %refs, 1
  %dp = getelementptr i8, ptr %owner, i64 8
  %drop = load ptr, ptr %dp
  %plain = icmp eq ptr %drop, null
  %lent = and i1 %single, %plain
  br i1 %lent, label %lend, label %copy
lend:
  %x = call ptr %make(ptr %array, i32 %rank, ptr %dims, i32 %number, ptr null, ptr %data, i32 0, i32 1281, ptr null)
  %unmade = icmp eq ptr %x, null
  br i1 %unmade, label %none, label %based, !prof !1
based:
  %fp = getelementptr i8, ptr @adj.table, i64 {8 * TABLE.index("capsule_free")}
  %free = load ptr, ptr %fp
  %capsule = call ptr @PyCapsule_New(ptr %owner, ptr null, ptr %free)
  %bp = getelementptr i8, ptr @adj.table, i64 {8 * TABLE.index("set_base")}
  %base = load ptr, ptr %bp
  %set = call i32 %base(ptr %x, ptr %capsule)
  ret ptr %x
copy:
  %y = call ptr %make(ptr %array, i32 %rank, ptr %dims, i32 %number, ptr null, ptr null, i32 0, i32 0, ptr null)
  %missing = icmp eq ptr %y, null
  br i1 %missing, label %none, label %full, !prof !1
full:
  %yp = getelementptr i8, ptr %y, i64 16
  %to = load ptr, ptr %yp
  call void @llvm.memcpy.p0.p0.i64(ptr %to, ptr %data, i64 %size, i1 false)
  call void @adj.release(ptr %pool, ptr %owner)
  ret ptr %y
none:
  ret ptr null
}}
"""


class _Lines:
    """The text of the function."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.allocas: list[str] = []
        self.count = 0

    def let(self, text: str) -> str:
        self.count += 1
        self.lines.append(f"  %v{self.count} = {text}")
        return f"%v{self.count}"

    def do(self, text: str) -> None:
        self.lines.append(f"  {text}")

    def label(self, base: str) -> str:
        self.count += 1
        return f"{base}{self.count}"

    def alloca(self, kind: str) -> str:
        self.count += 1
        self.allocas.append(f"  %v{self.count} = alloca {kind}, align 16")
        return f"%v{self.count}"

    def expect(self, condition: str, otherwise: str = "refuse") -> None:
        """Go on if a condition holds."""
        label = self.label("go")
        self.do(f"br i1 {condition}, label %{label}, label %{otherwise}, !prof !0")
        self.lines.append(f"{label}:")

    def at(self, pointer: str, offset: int, kind: str = "ptr") -> str:
        return self.let(f"load {kind}, ptr {self.let(f'getelementptr i8, ptr {pointer}, i64 {offset}')}")

    def entry(self, name: str) -> str:
        """Return an address of the table."""
        return self.at("@adj.table", 8 * TABLE.index(name))


def text(module: Any, function: Function) -> str:
    """Return the function that Python calls, for the first function of a program."""
    lines = _Lines()
    types = handover.types(function)
    if any(isinstance(t, Record) for t in (*types, *[param.type for param in function.params])):
        raise UnsupportedError("a record that is an argument or a result")
    pool = "%pool"
    lines.allocas.append(f"  %pool = alloca [{POOL} x i8], align 16")
    lines.do(f"call void @llvm.memset.p0.i64(ptr {pool}, i8 0, i64 {POOL}, i1 false)")
    if not module.uses_python:
        step = lines.let(f"getelementptr ptr, ptr {pool}, i64 3")
        lines.do(f"store i64 65536, ptr {step}")
    cell = lines.let(f"getelementptr ptr, ptr {pool}, i64 4")
    lines.do(f"store ptr {lines.entry('spare')}, ptr {cell}")
    lines.expect(lines.let(f"icmp eq i64 %n, {len(function.params)}"))
    given = module.lengths or (None,) * len(function.params)
    args = [
        part
        for k, (param, known) in enumerate(zip(function.params, given, strict=True))
        for part in _received(lines, k, param.type, known)
    ]
    out = lines.alloca(f"[{max(8, sum(lists.padded(t) for t in types))} x i8]")
    long = any(isinstance(op, Loop) for op in walk(function.body)) or any(t.rank for t in _tensors(function))
    unlocked = long and not module.uses_python
    state = lines.let("call ptr @PyEval_SaveThread()") if unlocked else ""
    blocks = [arg.split()[1] for arg, t in zip(args, _kinds(function), strict=True) if t is not None and not is_native(t)]
    status = lines.let(f"call i8 {module.name(function)}({', '.join([f'ptr {pool}', 'i64 0', *args, f'ptr {out}'])})")
    if unlocked:
        lines.do(f"call void @PyEval_RestoreThread(ptr {state})")
    for block in blocks:
        lines.do(f"call void @adj.release(ptr %pool, ptr {block})")
    lines.expect(lines.let(f"icmp ne i8 {status}, 2"), "doubt")
    lines.expect(lines.let(f"icmp eq i8 {status}, 0"), "left")
    objects = []
    offset = 0
    failed = None
    if module.wrappers:  # under `scipy.special.errstate` an exception may be set, with which no object can be made
        failed = lines.let(f"icmp ne ptr {lines.let('call ptr @PyErr_Occurred()')}, null")
        lines.do("call void @PyErr_Clear()")
    for t in types:
        objects.append(_made(lines, lines.let(f"getelementptr i8, ptr {out}, i64 {offset}"), t))
        offset += lists.padded(t)
    lines.do(f"call void @adj.clear(ptr {pool})")
    result = _together(lines, objects)
    if failed is not None:
        good = lines.label("good")
        lines.do(f"br i1 {failed}, label %failed, label %{good}")
        lines.lines += ["failed:", f"  call void @Py_DecRef(ptr {result})", "  br label %refuse", f"{good}:"]
    lines.do(f"ret ptr {result}")
    head = "define ptr @call(ptr %self, ptr %args, i64 %n) {"
    declared = DECLARED.format(count=len(TABLE) + len(module.objects))
    made = _ARRAY if any(is_native(t) and isinstance(t, Tensor) and t.rank for t in types) else ""
    return "\n".join([declared, made, head, *lines.allocas, *lines.lines, _ENDS])


def _together(lines: _Lines, objects: list[str]) -> str:
    """Return one result, or several as a tuple."""
    _expect_made(lines, objects)
    if len(objects) == 1:
        return objects[0]
    result = lines.let(f"call ptr @PyTuple_New(i64 {len(objects)})")
    lines.expect(lines.let(f"icmp ne ptr {result}, null"), "clear")
    for k, one in enumerate(objects):
        lines.let(f"call i32 @PyTuple_SetItem(ptr {result}, i64 {k}, ptr {one})")
    return result


def _expect_made(lines: _Lines, objects: list[str]) -> None:
    """Leave if there was no memory for an object, or no array of such a shape; the others are given up."""
    good, bad = lines.label("made"), lines.label("none")
    every = "true"
    for one in objects:
        every = lines.let(f"and i1 {every}, {lines.let(f'icmp ne ptr {one}, null')}")
    lines.do(f"br i1 {every}, label %{good}, label %{bad}, !prof !0")
    lines.lines.append(f"{bad}:")
    for one in objects:
        lines.do(f"call void @Py_DecRef(ptr {one})")  # which takes null too
    lines.do("br label %clear")
    lines.lines.append(f"{good}:")


def _kinds(function: Function) -> list[Type | None]:
    """Return the type that each argument of the program belongs to, None for the further parts of an array."""
    found: list[Type | None] = []
    for param in function.params:
        rank = param.type.rank if is_native(param.type) and isinstance(param.type, Tensor) else 0
        found += [param.type, *[None] * (rank + 1 if rank else 0)]
    return found


def _tensors(function: Function) -> list[Tensor]:
    return [param.type for param in function.params if isinstance(param.type, Tensor)]


def _received(lines: _Lines, k: int, t: Type, known: tuple[int | None, ...] | None) -> list[str]:
    """Return an argument of Python's as arguments of the program."""
    x = lines.at("%args", 8 * k)
    if not is_native(t) or not isinstance(t, Tensor):
        return [f"ptr {lines.let(f'call ptr @adj.object(ptr %pool, ptr {x})')}"]
    cls = lines.at(x, 8)
    kind = code(t.dtype)
    if t.rank:
        return _array(lines, x, cls, kind, t.rank, known)
    if t.number and kind == "b1":
        true, false = (
            lines.let(f"icmp eq ptr {x}, {lines.entry('true')}"),
            lines.let(f"icmp eq ptr {x}, {lines.entry('false')}"),
        )
        lines.expect(lines.let(f"or i1 {true}, {false}"))
        return [f"i1 {true}"]
    expected = (
        {"f8": "float", "i8": "int"}[kind]
        if t.number
        else {"f8": "float64", "i8": "int64", "f4": "float32", "b1": "bool_"}[kind]
    )
    lines.expect(lines.let(f"icmp eq ptr {cls}, {lines.entry(expected)}"))
    if kind == "i8":
        overflow = lines.alloca("i32")
        lines.do(f"store i32 0, ptr {overflow}")
        if t.number:
            value = lines.let(f"call i64 @PyLong_AsLongLongAndOverflow(ptr {x}, ptr {overflow})")
            lines.expect(lines.let(f"icmp eq i32 {lines.let(f'load i32, ptr {overflow}')}, 0"))
        else:
            value = lines.let(f"call i64 @PyLong_AsLongLong(ptr {x})")
        return [f"i64 {value}"]
    if kind == "b1":
        truth = lines.let(f"call i32 @PyObject_IsTrue(ptr {x})")
        return [f"i1 {lines.let(f'icmp ne i32 {truth}, 0')}"]
    value = lines.let(f"call double @PyFloat_AsDouble(ptr {x})")
    return [f"double {value}" if kind == "f8" else f"float {lines.let(f'fptrunc double {value} to float')}"]


def _array(lines: _Lines, x: str, cls: str, kind: str, rank: int, known: tuple[int | None, ...] | None) -> list[str]:
    """Return the parts of an array in C order, perhaps of known lengths, which NumPy's header says where to find."""
    lines.expect(lines.let(f"icmp eq ptr {cls}, {lines.entry('array')}"))
    lines.expect(lines.let(f"icmp eq i32 {lines.at(x, 24, 'i32')}, {rank}"))
    descr = lines.at(x, 56)
    lines.expect(lines.let(f"icmp eq i32 {lines.at(descr, 28, 'i32')}, {TYPE_NUMBERS[kind][0]}"))
    order = lines.at(descr, 26, "i8")
    lines.expect(lines.let(f"icmp ne i8 {order}, {ord('>')}"))
    flags = lines.let(f"and i32 {lines.at(x, 64, 'i32')}, 257")
    lines.expect(lines.let(f"icmp eq i32 {flags}, 257"))
    place = lines.at(x, 32)
    dims = [lines.at(place, 8 * k, "i64") for k in range(rank)]
    for n, expected in zip(dims, known or (), strict=False):
        if expected is not None:
            lines.expect(lines.let(f"icmp eq i64 {n}, {expected}"))
    return [f"ptr {lines.at(x, 16)}", "ptr null", *[f"i64 {n}" for n in dims]]


def _made(lines: _Lines, place: str, t: Type) -> str:
    """Return a result of the program as an object."""
    if not is_native(t) or not isinstance(t, Tensor):
        block = lines.at(place, 0)
        x = lines.at(block, 24)
        lines.do(f"call void @Py_IncRef(ptr {x})")
        lines.do(f"call void @adj.release(ptr %pool, ptr {block})")
        return x
    kind = code(t.dtype)
    if t.rank:
        return _made_array(lines, place, kind, t.rank)
    if not t.number:
        return _scalar(lines, place, kind)
    if kind == "f8":
        return lines.let(f"call ptr @PyFloat_FromDouble(double {lines.let(f'load double, ptr {place}')})")
    if kind == "i8":
        return lines.let(f"call ptr @PyLong_FromLongLong(i64 {lines.let(f'load i64, ptr {place}')})")
    value = lines.let(f"zext i8 {lines.let(f'load i8, ptr {place}')} to i64")
    return lines.let(f"call ptr @PyBool_FromLong(i64 {value})")


def _scalar(lines: _Lines, place: str, kind: str) -> str:
    """Return one of NumPy's numbers."""
    return lines.let(f"call ptr {lines.entry('new_scalar')}(ptr {place}, ptr {lines.entry(f'dtype_{kind}')}, ptr null)")


def _made_array(lines: _Lines, place: str, kind: str, rank: int) -> str:
    """Return an array, or null."""
    number, width = TYPE_NUMBERS[kind]
    return lines.let(f"call ptr @adj.array(ptr %pool, ptr {place}, i32 {rank}, i32 {number}, i64 {width})")
