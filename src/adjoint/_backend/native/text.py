"""Text of LLVM functions: instructions one after the other, blocks, and memory for variables at the entry.

Text, because building LLVM's own objects through Python costs more than parsing the text does.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager

# A note of `runtime` for the end of a loop that is not worth LLVM's time.
QUIET = ", !llvm.loop !4"


class Text:
    """The instructions of one function, written in order."""

    def __init__(self) -> None:
        self.entry: list[str] = []
        self.lines: list[str] = []
        self.count = 0
        self.ended = False
        self.current = "entry"
        self.reached: set[str] = set()
        self.computed: dict[tuple[str, str, str], str] = {}
        # Variables whose addresses nobody else has, and what is known to be in them.
        self.private: set[str] = set()
        self.held: dict[str, str] = {}
        # Bytes of variables and buffers, which a call takes from the stack at most.
        self.frame = 0

    def fresh(self, base: str = "v") -> str:
        self.count += 1
        return f"{base}{self.count}"

    def let(self, instruction: str) -> str:
        """Write an instruction that has a result, and return the result."""
        name = f"%{self.fresh()}"
        self.do(f"{name} = {instruction}")
        return name

    def do(self, instruction: str) -> None:
        """Write an instruction.  What follows a jump is unreachable, and left out."""
        if not self.ended:
            self.lines.append(f"  {instruction}")

    # Blocks.

    def place(self, label: str) -> None:
        """Begin a block; what stands before it runs into it."""
        self.jump(label)
        self.begin(label)

    def begin(self, label: str, *, alone: bool = False) -> None:
        """Begin a block behind a jump.  If nothing leads to it, what follows is left out too.

        ``alone`` says that only the jump just written leads to it: then what was computed before is still there.
        """
        self.ended = label not in self.reached
        if not alone:
            self.forget()
        if not self.ended:
            self.lines.append(f"{label}:")
            self.current = label

    def forget(self) -> None:
        """Forget what was computed before."""
        self.computed.clear()
        self.held.clear()

    def jump(self, label: str, note: str = "") -> None:
        if not self.ended:
            self.do(f"br label %{label}{note}")
            self.reached.add(label)
            self.ended = True

    def branch(self, condition: str, then: str, orelse: str, note: str = "") -> None:
        if condition in ("true", "false"):
            self.jump(then if condition == "true" else orelse)
        elif not self.ended:
            self.do(f"br i1 {condition}, label %{then}, label %{orelse}{note}")
            self.reached.update((then, orelse))
            self.ended = True

    @contextmanager
    def when(self, condition: str, note: str = "") -> Iterator[None]:
        """Write what happens under a condition only."""
        then, after = self.fresh("then"), self.fresh("after")
        self.branch(condition, then, after, note)
        self.begin(then, alone=True)
        yield
        self.place(after)

    # Variables.

    def variable(self, kind: str, initial: str | None = None, *, private: bool = False) -> str:
        """Return memory for a variable; LLVM keeps it in registers.  The initial value is given once, at the entry.

        A private one is read and written by `load` and `store` only, and not read again as long as its value is known.
        """
        name = f"%{self.fresh('m')}"
        self.frame += 8
        self.entry.append(f"  {name} = alloca {kind}")
        if initial is not None:
            self.entry.append(f"  store {kind} {initial}, ptr {name}")
        if private:
            self.private.add(name)
        return name

    def buffer(self, kind: str, count: int, *, align: int = 64) -> str:
        """Return memory on the stack for several items, aligned as vectors like it."""
        name = f"%{self.fresh('m')}"
        self.frame += 64 + 8 * count
        self.entry.append(f"  {name} = alloca [{count} x {kind}], align {align}")
        return name

    def load(self, kind: str, pointer: str, note: str = "") -> str:
        if pointer not in self.private:
            return self.let(f"load {kind}, ptr {pointer}{note}")
        if pointer not in self.held:
            self.held[pointer] = self.let(f"load {kind}, ptr {pointer}{note}")
        return self.held[pointer]

    def store(self, kind: str, value: str, pointer: str, note: str = "") -> None:
        self.do(f"store {kind} {value}, ptr {pointer}{note}")
        if pointer in self.private:
            self.held.pop(pointer, None)
            if not _is_known(value):
                self.held[pointer] = value

    def item(self, kind: str, pointer: str, index: str) -> str:
        """Return the address of an item of a row of items."""
        return pointer if index == "0" else self.let(f"getelementptr {kind}, ptr {pointer}, i64 {index}")

    # Whole numbers; what is known is computed now.

    def integer(self, operation: str, a: str, b: str) -> str:
        """Return ``a operation b`` of two 64-bit integers, one of "add", "sub", "mul"."""
        if _is_known(a) and _is_known(b):
            x, y = int(a), int(b)
            return str({"add": x + y, "sub": x - y, "mul": x * y}[operation])
        if operation in ("add", "sub") and b == "0":
            return a
        if operation == "add" and a == "0":
            return b
        if operation == "mul" and (a == "1" or b == "1"):
            return b if a == "1" else a
        if operation == "mul" and (a == "0" or b == "0"):
            return "0"
        key = (operation, a, b)
        if key not in self.computed:
            self.computed[key] = self.let(f"{operation} nsw i64 {a}, {b}")
        return self.computed[key]

    def compare(self, predicate: str, a: str, b: str) -> str:
        """Return ``a predicate b`` of two 64-bit integers."""
        if a == b:
            return str(predicate in ("eq", "sle", "sge", "ule", "uge")).lower()
        if _is_known(a) and _is_known(b):
            x, y = int(a), int(b)
            if predicate.startswith("u"):
                x, y = x % 2**64, y % 2**64
            known = {"eq": x == y, "ne": x != y, "lt": x < y, "le": x <= y, "gt": x > y, "ge": x >= y}
            return str(known[predicate if predicate in known else predicate[1:]]).lower()
        return self.let(f"icmp {predicate} i64 {a}, {b}")

    def select(self, condition: str, kind: str, a: str, b: str) -> str:
        if condition in ("true", "false") or a == b:
            return b if condition == "false" else a
        return self.let(f"select i1 {condition}, {kind} {a}, {kind} {b}")

    def all(self, conditions: list[str]) -> str:
        """Return whether all conditions hold."""
        return self._logic("and", conditions, "true", "false")

    def any(self, conditions: list[str]) -> str:
        """Return whether one of the conditions holds."""
        return self._logic("or", conditions, "false", "true")

    def _logic(self, operation: str, conditions: list[str], neutral: str, final: str) -> str:
        if final in conditions:
            return final
        rest = [condition for condition in dict.fromkeys(conditions) if condition != neutral]
        result = rest[0] if rest else neutral
        for condition in rest[1:]:
            result = self.let(f"{operation} i1 {result}, {condition}")
        return result

    def negation(self, condition: str) -> str:
        if condition in ("true", "false"):
            return "false" if condition == "true" else "true"
        return self.let(f"xor i1 {condition}, true")


def _is_known(text: str) -> bool:
    return text[0] != "%"


def number(x: float) -> str:
    """Return a float as text that means exactly that float.

    >>> number(0.1), number(float("inf"))
    ('0x3FB999999999999A', '0x7FF0000000000000')
    """
    if math.isnan(x):
        return "0x7FF8000000000000"
    return f"0x{struct.unpack('<Q', struct.pack('<d', x))[0]:016X}"
