"""Lists and records: blocks that hold items.

A list is a block with length, capacity and the address of its items, which lie one after the other: numbers as they are, arrays
as address, owner and lengths, lists and records as addresses.  A record is a block that holds its parts in the same way.  Each
sort of block knows the function that gives up what it holds (`drop`).
"""

from __future__ import annotations

from adjoint._backend.native import nests
from adjoint._backend.native.function import STACK, Writer
from adjoint._backend.native.scalars import convert
from adjoint._backend.native.values import KINDS, Array, Machine, Reference, Scalar, code, is_native
from adjoint._ir.types import ListOf, Tensor, Type

# Where length, capacity and items of a list stand in its block, behind the 32 bytes that all blocks begin with.
LENGTH, CAPACITY, ITEMS = 32, 40, 48


def layout(t: Type) -> str:
    """Return the type in memory of an item of a list, or of a part of a record."""
    if not is_native(t):
        return "ptr"
    assert isinstance(t, Tensor)
    if not t.rank:
        return KINDS[code(t.dtype)][1]
    return "{ptr, ptr" + ", i64" * t.rank + "}"


def width(t: Type) -> int:
    """Return the size of an item in bytes."""
    if is_native(t) and isinstance(t, Tensor):
        return 16 + 8 * t.rank if t.rank else {"f8": 8, "i8": 8, "f4": 4, "b1": 1}[code(t.dtype)]
    return 8


def owns(t: Type) -> bool:
    """Tell whether an item has a share in a block."""
    return not is_native(t) or (isinstance(t, Tensor) and t.rank > 0)


# Items ------------------------------------------------------------------------------------------------------------------------


def field(w: Writer, address: str, offset: int) -> str:
    return w.text.let(f"getelementptr i8, ptr {address}, i64 {offset}")


def get(w: Writer, t: Type, address: str) -> Machine:
    """Return an item; its share in a block stays where it is."""
    text = w.text
    if not is_native(t):
        return Reference(t, text.load("ptr", address))
    assert isinstance(t, Tensor)
    kind = code(t.dtype)
    if not t.rank:
        return nests.load(text, kind, address)
    data, owner = text.load("ptr", address), text.load("ptr", field(w, address, 8))
    dims = tuple(text.load("i64", field(w, address, 16 + 8 * k)) for k in range(t.rank))
    return Array(kind, data, dims, None, owner)


def put(w: Writer, t: Type, x: Machine, address: str, *, copies: bool = False) -> None:
    """Write an item to memory that holds none."""
    text = w.text
    if isinstance(x, Scalar):
        assert isinstance(t, Tensor)
        nests.store(text, convert(text, x, code(t.dtype)), address)
    elif isinstance(x, Reference):
        w.take(x.text)
        text.store("ptr", x.text, address)
    else:
        x = fit(w, t, x, copies=copies)
        assert isinstance(x, Array)
        w.take(x.owner)
        text.store("ptr", x.data, address)
        text.store("ptr", x.owner, field(w, address, 8))
        for k, n in enumerate(x.dims):
            text.store("i64", n, field(w, address, 16 + 8 * k))


def fit(w: Writer, t: Type, x: Machine, *, copies: bool = False) -> Machine:
    """Return a value as it can be an item: an array in C order on the heap."""
    if not isinstance(x, Array):
        return x
    assert isinstance(t, Tensor)
    kind = code(t.dtype)
    return w.copy(x, kind, on_heap=True) if copies or x.owner == STACK or x.strides is not None or x.kind != kind else x


def give_up(w: Writer, t: Type, address: str) -> None:
    """Give back the share of an item that is about to be overwritten."""
    if owns(t):
        owner = w.text.load("ptr", address if not is_native(t) else field(w, address, 8))
        w.give_up(owner)


# Lists ------------------------------------------------------------------------------------------------------------------------


def item_type(t: Type) -> Type:
    assert isinstance(t, ListOf)
    return t.item


def new(w: Writer, t: Type, count: str = "0") -> Reference:
    """Return an empty list, with room for so many items."""
    drop = w.module.drop_of_list(item_type(t))
    return Reference(t, w.block(f"call ptr @adj.list.new(ptr %pool, ptr {drop}, i64 {count}, i64 {width(item_type(t))})"))


def start(w: Writer, variable: str, t: Type, count: str) -> None:
    """Make the list of a variable an empty one with room for so many items: itself, if nobody else has it."""
    inner = item_type(t)
    old = w.text.load("ptr", variable)
    w.text.store("ptr", "null", variable)
    if owns(inner):
        w.give_up(old)
        old = "null"
    drop = w.module.drop_of_list(inner)
    block = w.text.let(f"call ptr @adj.list.start(ptr %pool, ptr {old}, ptr {drop}, i64 {count}, i64 {width(inner)})")
    w.leave_if(w.text.let(f"icmp eq ptr {block}, null"))
    w.text.store("ptr", block, variable)


def length(w: Writer, x: Reference) -> str:
    return w.text.load("i64", field(w, x.text, LENGTH))


def items(w: Writer, x: Reference) -> str:
    """Return the address of the first item."""
    return w.text.load("ptr", field(w, x.text, ITEMS))


def place(w: Writer, x: Reference, k: str) -> str:
    """Return the address of an item."""
    return w.text.item(layout(item_type(x.type)), items(w, x), k)


def reserve(w: Writer, x: Reference, count: str) -> None:
    """Make room for so many items."""
    size = width(item_type(x.type))
    w.leave_if(w.text.let(f"icmp sgt i64 {count}, {2**40}") if count[0] == "%" else "false")
    w.leave_if(w.text.let(f"call i1 @adj.list.reserve(ptr %pool, ptr {x.text}, i64 {count}, i64 {size})"))


def append(w: Writer, x: Reference, y: Machine, *, copies: bool = False) -> None:
    """Add an item to a list."""
    text = w.text
    n = length(w, x)
    more = text.integer("add", n, "1")
    with text.when(text.let(f"icmp eq i64 {n}, {text.load('i64', field(w, x.text, CAPACITY))}"), ", !prof !1"):
        w.leave_if(text.let(f"call i1 @adj.list.reserve(ptr %pool, ptr {x.text}, i64 {more}, i64 {width(item_type(x.type))})"))
    put(w, item_type(x.type), y, place(w, x, n), copies=copies)
    text.store("i64", more, field(w, x.text, LENGTH))


def duplicate(w: Writer, x: Reference, *, less: int = 0) -> Reference:
    """Return a list of the same items, without the last ``less``."""
    result = new(w, x.type)
    n = w.text.integer("sub", length(w, x), str(less))
    reserve(w, result, n)
    t = item_type(x.type)

    def turn(k: str) -> None:
        put(w, t, get(w, t, place(w, x, k)), place(w, result, k))

    nests.loop(w.text, n, turn)
    w.text.store("i64", n, field(w, result.text, LENGTH))
    return result


def record(w: Writer, t: Type, parts: list[Machine | None], types: list[Type]) -> Reference:
    """Return a record of parts."""
    drop = w.module.drop_of_record(types)
    size = sum(padded(one) for one in types)
    # What is copied is copied before the block is there: until it is full nobody must give it up.
    placed = [None if part is None else fit(w, one, part) for part, one in zip(parts, types, strict=True)]
    block = w.block(f"call ptr @adj.block(ptr %pool, i64 {32 + size}, ptr {drop})")
    offset = 32
    for part, one in zip(placed, types, strict=True):
        address = field(w, block, offset)
        if part is None:
            w.text.do(f"call void @llvm.memset.p0.i64(ptr {address}, i8 0, i64 {padded(one)}, i1 false)")
        else:
            put(w, one, part, address)
        offset += padded(one)
    return Reference(t, block)


def parts(w: Writer, x: Reference, types: list[Type]) -> list[Machine]:
    """Return the parts of a record."""
    found: list[Machine] = []
    offset = 32
    for one in types:
        found.append(get(w, one, field(w, x.text, offset)))
        offset += padded(one)
    return found


def padded(t: Type) -> int:
    return -(-width(t) // 8) * 8


# What blocks give up ----------------------------------------------------------------------------------------------------------


def drop_of_list(name: str, t: Type) -> str:
    """Return the function that gives up the items of a list."""
    if not owns(t):
        body = ""
    else:
        at = "%item" if not is_native(t) else "%owned"
        other = "" if not is_native(t) else "  %owned = getelementptr i8, ptr %item, i64 8\n"
        body = f"""  %np = getelementptr i8, ptr %block, i64 {LENGTH}
  %n = load i64, ptr %np
  br label %head
head:
  %k = phi i64 [0, %entry], [%next, %body]
  %more = icmp slt i64 %k, %n
  br i1 %more, label %body, label %end
body:
  %bytes = mul i64 %k, {width(t)}
  %item = getelementptr i8, ptr %items, i64 %bytes
{other}  %owner = load ptr, ptr {at}
  call void @adj.release(ptr %pool, ptr %owner)
  %next = add i64 %k, 1
  br label %head
end:
"""
    return f"""define internal void {name}(ptr %pool, ptr %block) noinline {{
entry:
  %ip = getelementptr i8, ptr %block, i64 {ITEMS}
  %items = load ptr, ptr %ip
{body}  call void @adj.list.free(ptr %pool, ptr %block)
  ret void
}}
"""


def drop_of_record(name: str, types: list[Type]) -> str:
    """Return the function that gives up the parts of a record."""
    lines = []
    offset = 32
    for k, t in enumerate(types):
        if owns(t):
            at = offset + (8 if is_native(t) else 0)
            lines += [
                f"  %p{k} = getelementptr i8, ptr %block, i64 {at}",
                f"  %o{k} = load ptr, ptr %p{k}",
                f"  call void @adj.release(ptr %pool, ptr %o{k})",
            ]
        offset += padded(t)
    lines += ["  call void @adj.give(ptr %pool, ptr %block)", "  ret void", "}\n"]
    return "\n".join([f"define internal void {name}(ptr %pool, ptr %block) noinline {{", *lines])
