"""What is common to functions of LLVM that are being written: leaving them, elementary functions, operands without gaps."""

from __future__ import annotations

import math
from typing import Any

from adjoint._backend.native import nests
from adjoint._backend.native.scalars import UnsupportedError
from adjoint._backend.native.text import Text
from adjoint._backend.native.values import KINDS

# Axes of an array that `gather` copies.
AXES = 4
# The length of an axis is at most this.
LONGEST = 2**40
UNLIKELY = ", !prof !1"
# Stands for the decision whether a share is given up by instructions in a loop or by a call (`outlining.released`).
OFTEN = "@often."


class Writing:
    """A function of LLVM that is being written: the label "leave" is where it is left before its end."""

    def __init__(self, module: Any, text: Text) -> None:
        self.module = module
        self.text = text
        self.exact, self.flags = module.exact, module.flags
        # How many loops are around what is written.
        self.depth = 0
        # How many tests of lengths may be branches yet.
        self.tests = 0
        # The variable that says that a result may not be what it should.
        self.doubtful = ""

    @property
    def once(self) -> str:
        """What follows the name of a short function: its instructions are put into loops, and called elsewhere."""
        return "" if self.depth else ".once"

    def keep(self, block: str) -> None:
        """Note a block that is to be freed."""
        raise NotImplementedError

    # Leaving ----------------------------------------------------------------------------------------------------------------

    def leave_if(self, condition: str) -> None:
        """Leave the machine code if a condition holds: Python runs the program again, and raises what it would."""
        if condition == "false":
            return
        rest = self.text.fresh("go")
        self.text.branch(condition, "leave", rest, UNLIKELY)
        self.text.begin(rest, alone=True)

    def doubt(self, condition: str) -> None:
        """Note that a result may not be what it should, if a condition holds."""
        if not self.doubtful:
            self.doubtful = self.text.variable("i1", "false", private=True)
        self.text.store("i1", self.text.let(f"or i1 {self.text.load('i1', self.doubtful)}, {condition}"), self.doubtful)

    def leave(self) -> None:
        self.text.jump("leave")

    def call(self, name: str, kind: str, args: list[str]) -> str:
        """Call an elementary function of numbers of one kind."""
        type = KINDS[kind][0]
        target = self.module.elementary(name, kind, len(args))
        # LLVM takes for granted that the rest of a division of finite by non-zero numbers is a number, but nan is not zero.
        note = " nobuiltin" if target in ("@fmod", "@fmodf") else ""
        return self.text.let(f"call {type} {target}({', '.join(f'{type} {arg}' for arg in args)}){note}")

    def size_in_bytes(self, kind: str, dims: tuple[str, ...]) -> str:
        """Return the size of an array; of lengths that are negative or too large a negative one, for which there is no memory.

        LLVM takes note of every test of a length, for all that follows.  A few help: then it knows that what is computed of the
        lengths does not overflow.  With hundreds it takes seconds, and so further tests are in a function and have no branches.
        """
        known = math.prod(int(n) for n in dims if n[0] != "%")
        size = str(known * nests.width(kind))
        for n in dims:
            if n[0] == "%":
                if self.tests:
                    self.tests -= 1
                    self.leave_if(self.text.compare("ugt", n, str(LONGEST)))
                size = self.text.let(f"call i64 @adj.bytes{self.once}(i64 {n}, i64 {size})")
        return size

    def data_of(self, block: str) -> str:
        return self.text.let(f"getelementptr i8, ptr {block}, i64 32")

    # Operands without gaps --------------------------------------------------------------------------------------------------

    def straight(self, operands: list[nests.Operand], dims: tuple[str, ...]) -> list[nests.Operand]:
        """Return operands that run through memory without gaps along the last axis of a nest: copies of those that do not."""
        text = self.text
        if not dims or nests.is_small(dims):
            return operands
        doubtful = [operand for operand in operands if operand.strides[-1] not in ("0", "1") and not operand.gaps]
        if not doubtful:
            return operands
        if len(dims) > AXES:
            raise UnsupportedError("an array of many axes that may have gaps")
        variables = {id(operand): self.operand_variables(operand) for operand in doubtful}
        gapless = text.all([text.compare("eq", operand.strides[-1], "1") for operand in doubtful])
        with text.when(text.negation(gapless)):
            failures = [self.straighten(operand, dims, *variables[id(operand)]) for operand in doubtful]
            self.leave_if(text.any(failures))
        found = []
        for operand in operands:
            if id(operand) in variables:
                data, steps = variables[id(operand)]
                strides = [text.load("i64", variable) for variable in steps]
                operand = nests.Operand(operand.kind, text.load("ptr", data), (*strides, "1"))  # noqa: PLW2901
            found.append(operand)
        return found

    def operand_variables(self, operand: nests.Operand) -> tuple[str, list[str]]:
        """Return variables for the address of an operand, and its strides but the last."""
        data = self.text.variable("ptr")
        self.text.store("ptr", operand.data, data)
        steps = [self.text.variable("i64") for _ in operand.strides[1:]]
        for variable, stride in zip(steps, operand.strides, strict=False):
            self.text.store("i64", stride, variable)
        return data, steps

    def straighten(self, operand: nests.Operand, dims: tuple[str, ...], data: str, steps: list[str]) -> str:
        """Put the address and the strides of a copy of an operand with gaps into variables; return whether that failed."""
        text = self.text
        sizes = ", ".join(f"i64 {n}" for n in self.padded(operand, dims))
        pair = text.let(f"call {{ptr, ptr}} @adj.straight(ptr %pool, i64 {operand.width}, ptr {operand.data}, {sizes})")
        block, place = (text.let(f"extractvalue {{ptr, ptr}} {pair}, {k}") for k in range(2))
        self.keep(block)
        text.store("ptr", place, data)
        same = text.let(f"icmp eq ptr {block}, null")
        for k, variable in enumerate(steps):
            text.store("i64", text.select(same, "i64", operand.strides[k], nests.size_of(text, dims[k + 1 :])), variable)
        return text.let(f"icmp eq ptr {place}, null")

    def padded(self, operand: nests.Operand, dims: tuple[str, ...]) -> list[str]:
        """Return the lengths of the axes of a nest and an operand's strides along them, for as many axes as there may be."""
        missing = AXES - len(dims)
        return [*["1"] * missing, *dims, *["0"] * missing, *operand.strides]

    def spec(self, operand: nests.Operand, dims: tuple[str, ...]) -> str:
        """Return memory with the lengths of the axes of a nest and an operand's strides along them."""
        text = self.text
        spec = text.buffer("i64", 2 * AXES)
        for k, n in enumerate(self.padded(operand, dims)):
            text.store("i64", n, text.item("i64", spec, str(k)))
        return spec

    def gather(self, operand: nests.Operand, dims: tuple[str, ...], data: str) -> None:
        """Copy the elements of an operand to memory in C order."""
        self.text.do(
            f"call void @adj.gather(ptr {data}, ptr {operand.data}, i64 {operand.width}, ptr {self.spec(operand, dims)})"
        )
