"""What functions of a program hand to each other: arguments and results.

Arguments are handed over as they lie in memory, and belong to the caller, who keeps its share until the function is left.
Results are written to memory that the caller gives, with a share for each.  An array that a function updates
(`Function.updates`) is no result in this sense: it is where the argument was, so nothing has to be written, read or counted.
"""

from __future__ import annotations

from typing import Any

from adjoint._backend.native import callbacks, handlers, lists, scalars
from adjoint._backend.native.function import Writer
from adjoint._backend.native.scalars import UnsupportedError
from adjoint._backend.native.values import KINDS, Array, Machine, Reference, Scalar, code, is_native, kind_of, rank_of
from adjoint._backend.plan import Return
from adjoint._ir.nodes import Call, Function, Undefined, Value, atom_type
from adjoint._ir.types import ListOf, Tensor, Type

# Stands in the text for how deep calls may be, until all functions are written and their frames are known.
LIMIT = "@deepest"


def types(function: Function) -> list[Type]:
    """Return the types of what a function returns."""
    return [atom_type(result) for result in function.results]


def staying(module: Any, function: Function) -> dict[int, int]:
    """Return the results of a function that are where arguments were, each with its argument."""
    if function is module.program[0]:
        return {}
    found = function.updates.items()
    return {result: k for k, result in found if rank_of(function.params[k]) and is_native(function.params[k].type)}


# The function itself.


def received(w: Writer, k: int, param: Value) -> str:
    """Give a parameter its variable, and return its declaration."""
    t, module = param.type, w.module
    if not is_native(t):
        x = Reference(t, f"%p{k}")
        if isinstance(t, ListOf) and module.is_outer():  # Python's own list
            x = callbacks.unbox(w, t, w.text.load("ptr", lists.field(w, x.text, callbacks.OBJECT)))
            module.uses_python = True
        w.assign(param, x)
        return f"ptr %p{k}"
    assert isinstance(t, Tensor)
    kind = code(t.dtype)
    if not t.rank:
        w.assign(param, Scalar(kind, f"%p{k}"))
        return f"{KINDS[kind][0]} %p{k}"
    x = _argument(param, k)
    known = module.lengths_given()[k] or (None,) * t.rank
    dims = tuple(n if length is None else str(length) for n, length in zip(x.dims, known, strict=True))
    w.assign(param, x._replace(dims=dims))
    access = "ptr" if k in w.plan.function.updates else "ptr readonly"
    return ", ".join([f"{access} {x.data}", f"ptr {x.owner}", *[f"i64 {n}" for n in x.dims]])


def _argument(param: Value, k: int) -> Array:
    """Return an array as it was received."""
    return Array(kind_of(param), f"%p{k}", tuple(f"%p{k}.{axis}" for axis in range(rank_of(param))), None, f"%p{k}.o")


def returned(w: Writer, step: Return) -> None:
    """Write what a function returns to the memory that the caller gave for it, or to where arguments are."""
    module, params = w.module, w.plan.function.params
    stay = staying(module, module.written)
    # What other results hold of an argument that changes they get as a copy, before it changes.
    changing = {(params[k], 0) for k in stay.values()}
    offset = 0
    for k, (atom, t) in enumerate(zip(step.results, types(w.plan.function), strict=True)):
        if isinstance(atom, Undefined) or atom is None:
            raise UnsupportedError("a result that is not there")
        if k in stay:
            continue
        is_shared = not step.copies.isdisjoint(stay) or not changing.isdisjoint(w.sharing.sites(atom))
        x = handlers.value(w, atom, None)
        if is_shared and isinstance(x, Reference):
            raise UnsupportedError("a result that may hold an argument that changes")
        x = _handed_out(w, t, x)
        lists.put(w, t, x, lists.field(w, "%out", offset), copies=is_shared or k in step.copies)
        offset += lists.padded(t)
    for k, param in stay.items():
        if not (changing - {(params[param], 0)}).isdisjoint(w.sharing.sites(step.results[k])):
            raise UnsupportedError("arguments that change places")
        _leave_there(w, handlers.value(w, step.results[k], None), _argument(params[param], param))
    w.release_temporaries()


def _leave_there(w: Writer, x: Machine, argument: Array) -> None:
    """Write an array to where an argument was, if it is not there."""
    assert isinstance(x, Array)
    if x.kind != argument.kind or x.rank != argument.rank:
        raise UnsupportedError("an argument that changes its type")
    x = w.packed(x)  # what has gaps may be the argument's memory in another order
    if x.data == argument.data:
        return
    elsewhere = w.text.let(f"icmp ne ptr {x.data}, {argument.data}")
    with w.text.when(elsewhere):
        for a, b in zip(x.dims, argument.dims, strict=True):
            w.leave_if(w.text.compare("ne", a, b))
        w.copy_elements(x, argument)


def _handed_out(w: Writer, t: Type, x: Machine) -> Machine:
    """Return a result as it leaves a function: of a list that Python gets, an object."""
    if isinstance(x, Reference) and isinstance(t, ListOf) and w.module.is_outer():
        w.module.uses_python = True
        made = callbacks.box(w, t, x)
        block = w.block(f"call ptr @adj.object(ptr %pool, ptr {made})")
        w.text.do(f"call void @Py_DecRef(ptr {made})")
        return Reference(t, block)
    return x


# The caller.


def called(w: Writer, op: Call, *, in_place: bool) -> list[Machine | None]:
    """Return the results of a call of another function, which may change what it updates if that is ``in_place``.

    None is a result that is in its variable already.
    """
    module, text = w.module, w.text
    given, stay = [], {}
    for k, (param, arg) in enumerate(zip(op.function.params, op.args, strict=True)):
        if isinstance(arg, Undefined) or arg is None:
            raise UnsupportedError("an argument that is not there")
        x = handlers.value(w, arg, None)
        y = _given(w, param, x, copies=not in_place and k in op.function.updates)
        given.append(_text(y))
        result = op.function.updates.get(k)
        if result is not None and y is x and _is_in(w, op.outputs[result], arg):
            y = None
        stay[k] = y
    results = {result: stay[k] for result, k in staying(module, op.function).items()}
    wanted = types(op.function)
    out = text.buffer("i8", max(8, sum(lists.padded(t) for k, t in enumerate(wanted) if k not in results)), align=16)
    depth = text.integer("add", "%depth", "1")
    w.leave_if(text.let(f"icmp sgt i64 {depth}, {LIMIT}"))
    w.leave_in_doubt()  # a recursion that depends on what is doubtful may never end
    w.leave_for(
        text.let(f"call i8 {module.name(op.function)}({', '.join(['ptr %pool', f'i64 {depth}', *given, f'ptr {out}'])})")
    )
    found: list[Machine | None] = []
    offset = 0
    for k, t in enumerate(wanted):
        if k in results:
            found.append(results[k])
            continue
        x = lists.get(w, t, lists.field(w, out, offset))
        if not isinstance(x, Scalar):
            w.keep(x.owner if isinstance(x, Array) else x.text)
        found.append(x)
        offset += lists.padded(t)
    return found


def _is_in(w: Writer, output: Value, atom: Any) -> bool:
    """Tell whether an atom is what the variable of another value holds."""
    return type(atom) is Value and atom not in w.plan.inlined and w.variables.root(atom) is w.variables.root(output)


def _given(w: Writer, param: Value, x: Machine, *, copies: bool) -> Machine:
    """Return an argument as the function takes it."""
    if isinstance(x, Reference):
        return x
    if isinstance(x, Scalar):
        return scalars.convert(w.text, x, kind_of(param))
    return lists.fit(w, param.type, x, copies=copies)


def _text(x: Machine) -> str:
    if isinstance(x, Reference):
        return f"ptr {x.text}"
    if isinstance(x, Scalar):
        return f"{x.type} {x.text}"
    return ", ".join([f"ptr {x.data}", f"ptr {x.owner}", *[f"i64 {n}" for n in x.dims]])
