"""One function as LLVM text: its variables and their memory, and the statements of its plan.

A variable of an array holds its address, its lengths and a share in the block of memory; the block is freed with its last
share.  A block that has only one owner, who is about to overwrite it, is used again: so arrays made in a loop are made once.
Small arrays of known lengths lie on the stack, and assigning them copies their elements.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adjoint._backend.memory import Settled
from adjoint._backend.names import Variables
from adjoint._backend.native import copying, lanes, nests, shares
from adjoint._backend.native.forms import Forms
from adjoint._backend.native.outlining import Nest
from adjoint._backend.native.scalars import UnsupportedError, constant, convert
from adjoint._backend.native.text import Text
from adjoint._backend.native.values import (
    KINDS,
    SMALL,
    Array,
    Machine,
    Reference,
    Scalar,
    is_native,
    kind_of,
    rank_of,
)
from adjoint._backend.native.writing import OFTEN, UNLIKELY, Writing
from adjoint._backend.plan import Plan
from adjoint._ir.nodes import Undefined, Value, atom_type
from adjoint._ir.types import Tensor, Type

# The owner of memory on the stack, which nobody frees.
STACK = "stack"
# Tests of lengths that are branches, in a function.
_TESTS = 16


class Slot:
    """The memory of a variable: a number, an array, or a reference."""

    __slots__ = ("data", "dims", "is_borrowed", "kind", "lanes", "owner", "small", "strides", "type")

    def __init__(self, type: Type, kind: str = "") -> None:
        self.type = type
        self.kind = kind
        self.data = ""
        self.owner: str | None = None
        self.dims: list[str] = []
        self.strides: list[str] | None = None
        self.lanes = False
        self.small: tuple[str, ...] | None = None
        self.is_borrowed = False


class Writer(Writing):
    """A function that is being written."""

    def __init__(self, plan: Plan, variables: Variables, settled: Settled, module: Any, like: Writer | None = None) -> None:
        self.plan = plan
        self.variables = variables
        self.settled = settled
        self.sharing, self.shapes = settled.sharing, settled.shapes
        super().__init__(module, Text())
        # What is known of arrays, which a part of the function shares with it.
        self.forms = Forms(plan, variables.root, module.lengths_given()) if like is None else like.forms
        self.shares = shares.find(plan, variables.root, is_called=module.is_inner()) if like is None else like.shares
        self.slots: dict[Value, Slot] = {}
        # Blocks that this statement reads from variables that hand them over, and these variables.
        self.handed_over: dict[str, str] = {}
        self.temporaries: dict[str, str] = {}
        self.pinned: list[str] = []
        self.owners: list[str] = []
        # Why the function is left: 1, Python has to run the program; 2, its exact form has to be run.
        self.status = self.text.variable("i8", "1")
        self.placed: dict[str, Slot] = {}
        self.tests = _TESTS
        self.depth = int(module.written is not module.program[0])
        # Indices that a test before the loop vouches for, and sums that cannot overflow (see `bounds`).
        self.safe: frozenset[Any] = frozenset()
        self.sums: frozenset[Value] = frozenset()

    # What was written in vain -------------------------------------------------------------------------------------------------

    def mark(self) -> tuple[Any, ...]:
        """Return where the text is, to return there if an operation turns out not to be known."""
        text = self.text
        return (len(text.lines), text.ended, text.current, dict(self.temporaries), list(self.pinned), dict(self.placed))

    def undo(self, mark: tuple[Any, ...]) -> None:
        """Take back what was written since."""
        text = self.text
        count, text.ended, text.current, self.temporaries, self.pinned, self.placed = mark
        del text.lines[count:]
        text.forget()

    # Leaving ----------------------------------------------------------------------------------------------------------------

    def leave_in_doubt(self) -> None:
        """Leave if a result was noted that may not be what it should."""
        if self.doubtful:
            self.leave_for(self.text.let(f"select i1 {self.text.load('i1', self.doubtful)}, i8 2, i8 0"))

    def leave_for(self, status: str) -> None:
        """Leave if there is a reason, which is a number that is not zero."""
        go, out = self.text.fresh("go"), self.text.fresh("out")
        self.text.branch(self.text.let(f"icmp ne i8 {status}, 0"), out, go, UNLIKELY)
        self.text.begin(out, alone=True)
        self.text.store("i8", status, self.status)
        self.leave()
        self.text.begin(go, alone=True)

    # Blocks of memory -------------------------------------------------------------------------------------------------------

    def owner_variable(self) -> str:
        """Return a variable for a share in a block, which is given back when the function is left.

        They lie in a row, which one function gives back: if each were a variable of LLVM's, every place from which the function
        is left would have to say where each of them is, which costs seconds of compile time.
        """
        name = f"%{self.text.fresh('s')}"
        self.text.entry.append(f"  {name} = getelementptr ptr, ptr %shares, i64 {len(self.owners)}")
        self.owners.append(name)
        return name

    def allocate(self, kind: str, dims: tuple[str, ...], target: Value | None = None) -> Array:
        """Return an array in C order whose elements are not set.

        ``target`` is the variable that will hold it and whose old elements nobody needs any more.
        """
        if kind not in KINDS:
            raise UnsupportedError(f"arrays of {kind}")
        stored = KINDS[kind][1]
        known = [int(n) for n in dims if n[0] != "%"]
        if any(n < 0 for n in known):
            self.leave_if("true")
        if len(known) == len(dims) and math.prod(known) <= SMALL:
            return Array(kind, self.text.buffer(stored, max(1, math.prod(known))), dims, None, STACK)
        size = self.size_in_bytes(kind, dims)
        slot = None if target is None else self.slot(target)
        if slot is not None and slot.owner is not None and slot.small is None and not slot.lanes:
            block = self.renewed(slot.owner, size)
            array = Array(kind, self.data_of(block), dims, None, block)
            self.put(slot, array)
            self.placed[block] = slot
            return array
        block = self.block(f"call ptr @adj.new(ptr %pool, i64 {size})")
        return Array(kind, self.data_of(block), dims, None, block)

    def renewed(self, variable: str, size: str) -> str:
        """Return a block for a variable, the one that it has if that is large enough and nobody else's.

        In loops LLVM is to know what the variable holds, which no call may look at then.
        """
        if not self.depth:
            block = self.text.let(f"call ptr @adj.renew.variable(ptr %pool, ptr {variable}, i64 {size})")
            self.leave_if(self.text.let(f"icmp eq ptr {block}, null"))
            return block
        old = self.text.load("ptr", variable)
        self.text.store("ptr", "null", variable)
        block = self.text.let(f"call ptr @adj.renew(ptr %pool, ptr {old}, i64 {size})")
        self.leave_if(self.text.let(f"icmp eq ptr {block}, null"))
        self.text.store("ptr", block, variable)
        return block

    def block(self, call: str) -> str:
        """Return a new block, which belongs to this statement; leave if there is no memory for it."""
        return self.owned(self.text.let(call))

    def owned(self, block: str) -> str:
        """Make a new block belong to this statement; leave if there was no memory for it."""
        self.leave_if(self.text.let(f"icmp eq ptr {block}, null"))
        self.keep(block)
        return block

    def keep(self, block: str) -> None:
        """Note a block that belongs to this statement, and is freed after it unless a variable takes it."""
        variable = self.owner_variable()
        self.text.store("ptr", block, variable)
        self.temporaries[block] = variable

    def pin(self, owner: str) -> None:
        """Keep a block until this statement ends, whoever takes a share in it."""
        self.handed_over.pop(owner, None)
        variable = self.temporaries.pop(owner, None)
        if variable is not None:
            self.pinned.append(variable)

    def release_temporaries(self) -> None:
        for variable in self.pinned:
            self.release(variable)
        self.pinned.clear()
        for variable in self.temporaries.values():
            self.release(variable)
        self.temporaries.clear()
        self.handed_over.clear()

    def release(self, variable: str) -> None:
        """Give up the share of a variable."""
        if self.depth:
            self.give_up(self.text.load("ptr", variable))
            self.text.store("ptr", "null", variable)
        else:
            self.text.do(f"call void @adj.release.variable(ptr %pool, ptr {variable})")

    def give_up(self, block: str) -> None:
        """Give up a share in a block."""
        where = f"{OFTEN}{self.depth}" if self.depth else self.once
        self.text.do(f"call void @adj.release{where}(ptr %pool, ptr {block})")

    def retain(self, block: str) -> None:
        """Make one more share in a block."""
        self.text.do(f"call void @adj.retain{self.once}(ptr {block})")

    def take(self, owner: str) -> None:
        """Make a share in a block one's own: that of this statement, of a variable that hands it over, or one more."""
        variable = self.temporaries.pop(owner, None) or self.handed_over.pop(owner, None)
        if variable is not None:
            self.text.store("ptr", "null", variable)
        elif owner != "null":
            self.retain(owner)

    # Variables --------------------------------------------------------------------------------------------------------------

    def slot(self, value: Value) -> Slot:
        """Return the memory of a variable."""
        root = self.variables.root(value)
        slot = self.slots.get(root)
        if slot is None:
            slot = self.slots[root] = self._new_slot(root)
        return slot

    def _new_slot(self, root: Value) -> Slot:
        t = root.type
        if not is_native(t):
            slot = Slot(t)
            self._own(slot, root)
            return slot
        assert isinstance(t, Tensor)
        slot = Slot(t, kind_of(root))
        if not t.rank:
            slot.data = self.text.variable(KINDS[slot.kind][0], private=True)
            return slot
        form = self.forms.of(root)
        if form.is_small:
            slot.small = tuple(map(str, form.dims))
            slot.data = self.text.buffer(KINDS[slot.kind][1], max(1, math.prod(map(int, slot.small))))
            return slot
        slot.data = self.text.variable("ptr", "null", private=True)
        slot.dims = [self.text.variable("i64", "0", private=True) if n is None else str(n) for n in form.dims]
        slot.lanes = root in self.forms.lanes
        strided = not (form.packed or slot.lanes)
        slot.strides = [self.text.variable("i64", "0", private=True) for _ in form.dims] if strided else None
        self._own(slot, root)
        return slot

    def _own(self, slot: Slot, root: Value) -> None:
        """Give a variable a place for its share, or for one that somebody else holds for it."""
        slot.is_borrowed = root in self.shares.borrowed and slot.strides is None and not slot.lanes
        slot.owner = self.text.variable("ptr", "null", private=True) if slot.is_borrowed else self.owner_variable()

    def read(self, value: Value) -> Machine:
        """Return the value of a variable."""
        slot = self.slot(value)
        if not is_native(slot.type):
            return Reference(slot.type, self._owner(slot, value))
        if not rank_of(value):
            return Scalar(slot.kind, self.text.load(KINDS[slot.kind][0], slot.data))
        if slot.small is not None:
            return Array(slot.kind, slot.data, slot.small, None, STACK)
        dims = tuple(n if n[0] != "%" else self.text.load("i64", n) for n in slot.dims)
        strides = None if slot.strides is None else tuple(self.text.load("i64", n) for n in slot.strides)
        x = Array(slot.kind, self.text.load("ptr", slot.data), dims, strides, self._owner(slot, value))
        return lanes.laid(self.text, x) if slot.lanes else x

    def _owner(self, slot: Slot, value: Value) -> str:
        """Return the block of a variable, and note whether it is handed over."""
        block = self.text.load("ptr", str(slot.owner))
        if not slot.is_borrowed and self.variables.root(value) in self.shares.handed_over:
            self.handed_over[block] = str(slot.owner)
        return block

    def put(self, slot: Slot, array: Array) -> None:
        """Set what a variable knows of its array, but for the share in the block."""
        self.text.store("ptr", array.data, slot.data)
        for variable, n in zip(slot.dims, array.dims, strict=True):
            if variable[0] == "%":
                self.text.store("i64", n, variable)
        if slot.strides is not None:
            for variable, n in zip(slot.strides, nests.strides_of(self.text, array), strict=True):
                self.text.store("i64", n, variable)

    def assign(self, value: Value, x: Machine, *, copies: bool = False) -> None:
        """Give a variable a value."""
        slot = self.slot(value)
        if isinstance(x, Array) and not x.dims:
            x = nests.load(self.text, x.kind, x.data)
        if isinstance(x, Scalar):
            if slot.kind not in KINDS:
                raise UnsupportedError(f"a number of type {slot.type}")
            self.text.store(KINDS[slot.kind][0], convert(self.text, x, slot.kind).text, slot.data)
        elif isinstance(x, Array):
            self._assign_array(slot, x, copies=copies)
        elif slot.owner is None or is_native(slot.type):
            raise UnsupportedError(f"an object in the place of a value of type {slot.type}")
        elif slot.is_borrowed:
            self.text.store("ptr", x.text, slot.owner)
        else:
            old = self.text.load("ptr", slot.owner)
            self.take(x.text)
            self.text.store("ptr", x.text, slot.owner)
            self.give_up(old)

    def _assign_array(self, slot: Slot, x: Array, *, copies: bool) -> None:
        if slot.small is not None:
            if x.data != slot.data:
                self.copy_elements(x, Array(slot.kind, slot.data, slot.small, None, STACK))
            return
        if self.placed.get(x.owner) is slot:  # `allocate` has made it there
            return
        if slot.is_borrowed:
            self.text.store("ptr", x.owner, str(slot.owner))
            self.put(slot, x)
            return
        fresh = x.owner in self.temporaries
        placed = slot.strides is not None or (x.lanes if slot.lanes else x.strides is None)
        if (copies and not fresh) or x.owner == STACK or x.kind != slot.kind or not placed:
            x = self.copy(x, slot.kind, on_heap=True, laid=slot.lanes)
        old = self.text.load("ptr", str(slot.owner))
        self.take(x.owner)
        self.text.store("ptr", x.owner, str(slot.owner))
        self.put(slot, x)
        self.give_up(old)

    def undefine(self, value: Value) -> None:
        """Give a variable no value; nobody reads it before it gets one.  Whoever does must not take it for a number."""
        if isinstance(value.type, Tensor) and not value.type.rank and value.type.dtype.char == "d":
            self.assign(value, constant(math.nan), copies=False)
            return
        slot = self.slot(value)
        if slot.owner is not None:
            self.release(slot.owner)
            if slot.data:
                self.text.store("ptr", "null", slot.data)
                for n in slot.dims:
                    if n[0] == "%":
                        self.text.store("i64", "0", n)

    # Arrays -----------------------------------------------------------------------------------------------------------------

    def copy(
        self, x: Array, kind: str | None = None, *, on_heap: bool = False, target: Value | None = None, laid: bool = False
    ) -> Array:
        """Return the elements in memory of their own, in C order, or with the first axis innermost."""
        kind = kind or x.kind
        result = self.on_heap(kind, x.dims) if on_heap else self.allocate(kind, x.dims, target)
        result = lanes.laid(self.text, result) if laid else result
        self.copy_elements(x, result)
        return result

    def on_heap(self, kind: str, dims: tuple[str, ...]) -> Array:
        """Return an array that is not on the stack, whose elements are not set."""
        block = self.block(f"call ptr @adj.new(ptr %pool, i64 {self.size_in_bytes(kind, dims)})")
        return Array(kind, self.data_of(block), dims, None, block)

    def copy_elements(self, x: Array, result: Array) -> None:
        """Write the elements of an array to another one of its shape, or of one to which it is broadcast."""
        if nests.is_small(result.dims):
            copying.elements(self, x, result)
        elif x.kind == result.kind and x.strides is None and result.strides is None and x.dims == result.dims:
            size = self.text.integer("mul", nests.size_of(self.text, x.dims), str(nests.width(x.kind)))
            self.text.do(f"call void @llvm.memcpy.p0.p0.i64(ptr {result.data}, ptr {x.data}, i64 {size}, i1 false)")
        else:
            nest = Nest(self)
            x, result = nest.array(x), nest.array(result)
            nest.outlined(("copy", x, result), lambda: copying.elements(nest, x, result))

    def packed(self, x: Array) -> Array:
        """Return an array in C order: itself, or a copy."""
        return x if x.strides is None else self.copy(x)

    # Atoms ------------------------------------------------------------------------------------------------------------------

    def atom(self, atom: Any) -> Machine:
        """Return the value of an atom; what is inlined is computed here."""
        if type(atom) is Value:
            op = self.plan.inlined.get(atom)
            return self.read(atom) if op is None else self.module.handlers.value(self, atom, None)
        if isinstance(atom, Undefined):
            raise UnsupportedError("a value that is not there")
        if isinstance(atom, np.ndarray):
            return self.module.constant_array(atom)
        if is_native(atom_type(atom)):
            return constant(atom)
        number = self.module.object(atom)
        known = self.text.load("ptr", self.text.item("ptr", "@adj.table", str(number)))
        return Reference(atom_type(atom), self.block(f"call ptr @adj.object(ptr %pool, ptr {known})"))

    def scalar(self, atom: Any, kind: str | None = None) -> Scalar:
        x = self.atom(atom)
        if isinstance(x, Array) and not x.dims:
            x = nests.load(self.text, x.kind, x.data)
        if not isinstance(x, Scalar):
            raise UnsupportedError("an array in the place of a number")
        return x if kind is None else convert(self.text, x, kind)

    def array(self, atom: Any) -> Array:
        x = self.atom(atom)
        if not isinstance(x, Array):
            raise UnsupportedError("a number in the place of an array")
        return x

    def place_of(self, atom: Any) -> tuple[Value, int] | None:
        """Return the variable of an array and its first axis, where a loop may have looked at the indices."""
        return self.module.bounds.at(self, atom) if self.safe else None

    def whole(self, atom: Any) -> str:
        """Return a whole number as text."""
        return self.scalar(atom, "i8").text if type(atom) is not int else str(atom)
