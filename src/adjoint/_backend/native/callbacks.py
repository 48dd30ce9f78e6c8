"""Calls of Python's functions from machine code, so that every function of the rule book can be used.

Arguments become objects, results become numbers, arrays that own the object whose memory they are, or references to objects.
A function that fails makes the program leave.
"""

from __future__ import annotations

import numpy as np

from adjoint._backend.native import calling, lists, nests
from adjoint._backend.native.function import STACK, Writer
from adjoint._backend.native.scalars import UnsupportedError
from adjoint._backend.native.text import number
from adjoint._backend.native.values import KINDS, Array, Machine, Reference, Scalar, code, is_native
from adjoint._ir.nodes import Apply
from adjoint._ir.types import ListOf, Record, Tensor, Type

# NumPy's numbers of dtypes.
TYPE_NUMBERS = {kind: np.dtype(kind).num for kind in ("b1", "i8", "f4", "f8")}
# NumPy's flags of an array that is not to be written to, and lies as the processor likes it.
_ALIGNED = 0x100
OBJECT = 24  # where the object stands in its block
TEXT = f"""
declare ptr @PyObject_Vectorcall(ptr, ptr, i64, ptr)
declare ptr @PyTuple_GetItem(ptr, i64)
declare ptr @PyList_New(i64)
declare i32 @PyList_SetItem(ptr, i64, ptr)
declare ptr @PyList_GetItem(ptr, i64)
declare i64 @PyList_Size(ptr)

define internal void @adj.drop.object(ptr %pool, ptr %block) noinline {{
  %op = getelementptr i8, ptr %block, i64 {OBJECT}
  %object = load ptr, ptr %op
  call void @Py_DecRef(ptr %object)
  call void @adj.give(ptr %pool, ptr %block)
  ret void
}}

define internal ptr @adj.object(ptr %pool, ptr %object) {{
  %block = call ptr @adj.block(ptr %pool, i64 32, ptr @adj.drop.object)
  %none = icmp eq ptr %block, null
  br i1 %none, label %end, label %set
set:
  call void @Py_IncRef(ptr %object)
  %op = getelementptr i8, ptr %block, i64 {OBJECT}
  store ptr %object, ptr %op
  br label %end
end:
  ret ptr %block
}}
"""


def called(w: Writer, op: Apply) -> list[Machine | None]:
    """Return the results of an operation, computed by Python."""
    leaves = calling.leaves(op)
    if any(holds_record(value.type) for value in (*leaves, *op.outputs)):
        raise UnsupportedError("a record of a function that is called back")
    text = w.text
    number = w.module.object(calling.function(op))
    boxed = [box(w, leaf.type, w.module.handlers.value(w, leaf, None)) for leaf in leaves]
    argv = text.buffer("ptr", max(1, len(boxed)))
    for k, x in enumerate(boxed):
        text.store("ptr", x, text.item("ptr", argv, str(k)))
    function = text.load("ptr", text.item("ptr", "@adj.table", str(number)))
    result = text.let(f"call ptr @PyObject_Vectorcall(ptr {function}, ptr {argv}, i64 {len(boxed)}, ptr null)")
    for x in boxed:
        text.do(f"call void @Py_DecRef(ptr {x})")
    w.leave_if(text.let(f"icmp eq ptr {result}, null"))
    held = _held(w, result)
    if op.form is None:
        return [unbox(w, op.outputs[0].type, held)] if op.outputs else []
    parts = [text.let(f"call ptr @PyTuple_GetItem(ptr {held}, i64 {k})") for k in range(len(op.outputs))]
    return [unbox(w, y.type, part) for y, part in zip(op.outputs, parts, strict=True)]


def holds_record(t: Type) -> bool:
    """Tell whether a value is a record or a list of records, which are no objects of Python's."""
    return isinstance(t, Record) or (isinstance(t, ListOf) and holds_record(t.item))


def _held(w: Writer, result: str) -> str:
    """Give an object to this statement, and return it."""
    block = w.block(f"call ptr @adj.object(ptr %pool, ptr {result})")
    w.text.do(f"call void @Py_DecRef(ptr {result})")
    return w.text.load("ptr", lists.field(w, block, OBJECT))


# Objects ----------------------------------------------------------------------------------------------------------------------


def box(w: Writer, t: Type, x: Machine) -> str:
    """Return a value as an object, of which the caller has a share; leave if there is no memory for it."""
    result = _boxed(w, t, x)
    w.leave_if(w.text.let(f"icmp eq ptr {result}, null"))
    return result


def _boxed(w: Writer, t: Type, x: Machine) -> str:
    text = w.text
    if isinstance(x, Scalar):
        return _number(w, t, x)
    if isinstance(x, Array):
        return _array(w, x)
    if isinstance(t, ListOf):
        w.leave_if(text.let(f"icmp eq ptr {x.text}, null"))
        n = lists.length(w, x)
        result = text.let(f"call ptr @PyList_New(i64 {n})")
        w.leave_if(text.let(f"icmp eq ptr {result}, null"))

        def turn(k: str) -> None:
            item = _boxed(w, t.item, lists.get(w, t.item, lists.place(w, x, k)))
            none = text.let(f"icmp eq ptr {item}, null")
            with text.when(none, ", !prof !1"):
                text.do(f"call void @Py_DecRef(ptr {result})")
            w.leave_if(none)
            text.let(f"call i32 @PyList_SetItem(ptr {result}, i64 {k}, ptr {item})")

        nests.loop(text, n, turn)
        return result
    w.leave_if(text.let(f"icmp eq ptr {x.text}, null"))
    result = text.load("ptr", lists.field(w, x.text, OBJECT))
    text.do(f"call void @Py_IncRef(ptr {result})")
    return result


def _number(w: Writer, t: Type, x: Scalar) -> str:
    text = w.text
    if isinstance(t, Tensor) and t.number:
        if x.kind == "f8":
            return text.let(f"call ptr @PyFloat_FromDouble(double {x.text})")
        if x.kind == "i8":
            return text.let(f"call ptr @PyLong_FromLongLong(i64 {x.text})")
        return text.let(f"call ptr @PyBool_FromLong(i64 {text.let(f'zext i1 {x.text} to i64')})")
    place = text.buffer(KINDS[x.kind][1], 1)
    nests.store(text, x, place)
    make, dtype = (text.load("ptr", w.module.entry(name)) for name in ("new_scalar", f"dtype_{x.kind}"))
    return text.let(f"call ptr {make}(ptr {place}, ptr {dtype}, ptr null)")


def _array(w: Writer, x: Array) -> str:
    """Return an array as an object that shows the same memory."""
    text = w.text
    if x.owner == STACK:
        x = w.copy(x, on_heap=True)
    dims, steps = text.buffer("i64", x.rank), "null"
    for k, n in enumerate(x.dims):
        text.store("i64", n, text.item("i64", dims, str(k)))
    if x.strides is not None:
        steps = text.buffer("i64", x.rank)
        width = {"f8": "8", "i8": "8", "f4": "4", "b1": "1"}[x.kind]
        for k, n in enumerate(x.strides):
            text.store("i64", text.integer("mul", n, width), text.item("i64", steps, str(k)))
    make, cls = (text.load("ptr", w.module.entry(name)) for name in ("new_array", "array"))
    number = TYPE_NUMBERS[x.kind]
    result = text.let(
        f"call ptr {make}(ptr {cls}, i32 {x.rank}, ptr {dims}, i32 {number}, ptr {steps}, ptr {x.data}, "
        f"i32 0, i32 {_ALIGNED}, ptr null)"
    )
    if x.owner != "null":
        found = text.let(f"icmp ne ptr {result}, null")
        with text.when(text.all([text.let(f"icmp ne ptr {x.owner}, null"), found])):
            text.do(f"call void @adj.retain(ptr {x.owner})")
            free = text.load("ptr", w.module.entry("capsule_release"))
            capsule = text.let(f"call ptr @PyCapsule_New(ptr {x.owner}, ptr null, ptr {free})")
            text.let(f"call i32 {text.load('ptr', w.module.entry('set_base'))}(ptr {result}, ptr {capsule})")
    return result


def unbox(w: Writer, t: Type, x: str) -> Machine:
    """Return what an object is in machine code; the object belongs to somebody else."""
    text = w.text
    if isinstance(t, ListOf):
        return _list(w, t, x)
    if not is_native(t) or not isinstance(t, Tensor):
        return Reference(t, w.block(f"call ptr @adj.object(ptr %pool, ptr {x})"))
    kind = code(t.dtype)
    if t.rank:
        block = w.block(f"call ptr @adj.object(ptr %pool, ptr {x})")
        shape = text.load("ptr", lists.field(w, x, 32))
        dims = tuple(text.load("i64", text.item("i64", shape, str(k))) for k in range(t.rank))
        return Array(kind, text.load("ptr", lists.field(w, x, 16)), dims, None, block)
    if kind[0] == "f":
        value = text.let(f"call double @PyFloat_AsDouble(ptr {x})")
        with text.when(text.let(f"fcmp oeq double {value}, {number(-1.0)}"), ", !prof !1"):
            w.leave_if(text.let(f"icmp ne ptr {text.let('call ptr @PyErr_Occurred()')}, null"))
        return Scalar(kind, value if kind == "f8" else text.let(f"fptrunc double {value} to float"))
    if kind == "i8":
        value = text.let(f"call i64 @PyLong_AsLongLong(ptr {x})")
        with text.when(text.compare("eq", value, "-1"), ", !prof !1"):
            w.leave_if(text.let(f"icmp ne ptr {text.let('call ptr @PyErr_Occurred()')}, null"))
        return Scalar(kind, value)
    return Scalar(kind, text.let(f"icmp ne i32 {text.let(f'call i32 @PyObject_IsTrue(ptr {x})')}, 0"))


def _list(w: Writer, t: ListOf, x: str) -> Reference:
    """Return a list of Python's; None, which stands for one that a branch has not made, as an empty one."""
    text = w.text
    result, size = lists.new(w, t), text.variable("i64")
    text.store("i64", "0", size)
    none = text.load("ptr", text.item("ptr", "@adj.table", str(w.module.object(None))))
    with text.when(text.let(f"icmp ne ptr {x}, {none}")):
        text.store("i64", text.let(f"call i64 @PyList_Size(ptr {x})"), size)
    n = text.load("i64", size)
    w.leave_if(text.compare("slt", n, "0"))
    lists.reserve(w, result, n)

    def turn(k: str) -> None:
        item = w.text.let(f"call ptr @PyList_GetItem(ptr {x}, i64 {k})")
        lists.put(w, t.item, unbox(w, t.item, item), lists.place(w, result, k))
        w.text.store("i64", w.text.integer("add", k, "1"), lists.field(w, result.text, lists.LENGTH))

    nests.loop(w.text, n, turn)
    return result
