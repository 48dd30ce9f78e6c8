"""Nests of loops as LLVM functions of their own: LLVM's time grows faster than the size of a function.

What a nest needs of the function around it, addresses, lengths, strides and numbers, are its parameters; what is known is
written into it.  Nests of one text are one function: in a gradient of array operations most are of few sorts.
"""

from __future__ import annotations

from adjoint._backend.native.nests import Operand
from adjoint._backend.native.text import Text
from adjoint._backend.native.values import Array, Scalar
from adjoint._backend.native.writing import Writing

_ATTRIBUTES = "noinline nounwind"


class Nest(Writing):
    """A nest that is being written as a function."""

    def __init__(self, around: Writing) -> None:
        super().__init__(around.module, Text())
        self.around = around
        # Parameters: of each value of the function around, its type and its name within.
        self.given: dict[str, tuple[str, str]] = {}
        self.blocks: list[str] = []
        self.uses_pool = False

    def taken(self, type: str, value: str) -> str:
        """Return a value of the function around under the name that it has within."""
        if value[0] != "%":
            return value
        return self.given.setdefault(value, (type, f"%p{len(self.given)}"))[1]

    def lengths(self, lengths: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(self.taken("i64", n) for n in lengths)

    def scalar(self, x: Scalar) -> Scalar:
        return Scalar(x.kind, self.taken(x.type, x.text))

    def array(self, x: Array) -> Array:
        strides = None if x.strides is None else self.lengths(x.strides)
        return Array(x.kind, self.taken("ptr", x.data), self.lengths(x.dims), strides, "null")

    def operand(self, x: Operand) -> Operand:
        return Operand(x.kind, self.taken("ptr", x.data), self.lengths(x.strides), x.gaps)

    def keep(self, block: str) -> None:
        """Note a block that is freed at the end."""
        self.uses_pool = True
        variable = self.text.variable("ptr", "null")
        self.text.store("ptr", block, variable)
        self.blocks.append(variable)

    # The end ----------------------------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """End the function, and call it from the one around."""
        self._called([])

    def returned(self, type: str, value: str) -> str:
        """End the function, call it from the one around, and return its result."""
        return self._called([(type, value)])[0]

    def _called(self, values: list[tuple[str, str]]) -> list[str]:
        around = self.around
        leaves = "leave" in self.text.reached
        values = [*values, *([("i1", self.text.load("i1", self.doubtful))] if self.doubtful else [])]
        values += [("i1", "false")] if leaves else []
        kinds = [type for type, _ in values]
        type = kinds[0] if len(kinds) == 1 else f"{{{', '.join(kinds)}}}" if kinds else "void"
        pool = ["ptr %pool"] if self.uses_pool else []
        name = self.module.nest(type, self._text(pool, type, values, leaves=leaves))
        given = ", ".join([*pool, *(f"{kind} {outer}" for outer, (kind, _) in self.given.items())])
        if not kinds:
            around.text.do(f"call void {name}({given})")
            return []
        y = around.text.let(f"call {type} {name}({given})")
        parts = [y] if len(kinds) == 1 else [around.text.let(f"extractvalue {type} {y}, {k}") for k in range(len(kinds))]
        if leaves:
            around.leave_if(parts.pop())
        if self.doubtful:
            around.doubt(parts.pop())
        return parts

    def _text(self, pool: list[str], type: str, values: list[tuple[str, str]], *, leaves: bool) -> str:
        """Return the function without its name."""
        text = self.text
        end = [] if text.ended else [*self._released("done"), *_returned("y", type, values)]
        if leaves:
            undefined = [(kind, "poison") for kind, _ in values[:-1]]
            end += ["leave:", *self._released("left"), *_returned("z", type, [*undefined, ("i1", "true")])]
        params = ", ".join([*pool, *(f"{kind} {inner}" for kind, inner in self.given.values())])
        lines = [*text.entry, "  br label %start", "start:", *text.lines, *end]
        return "\n".join([f"({params}) {_ATTRIBUTES} {{", "entry:", *lines, "}\n"])

    def _released(self, mark: str) -> list[str]:
        """Return what frees the blocks."""
        lines = []
        for k, variable in enumerate(self.blocks):
            call = f"call void @adj.release{'.once' if mark == 'left' else ''}(ptr %pool, ptr %{mark}.{k})"
            lines += [f"  %{mark}.{k} = load ptr, ptr {variable}", f"  {call}"]
        return lines


def _returned(mark: str, type: str, values: list[tuple[str, str]]) -> list[str]:
    """Return what gives values back to the caller."""
    if len(values) < 2:
        return [f"  ret {type} {values[0][1]}" if values else "  ret void"]
    lines, packed = [], "poison"
    for k, (kind, value) in enumerate(values):
        lines.append(f"  %{mark}.{k} = insertvalue {type} {packed}, {kind} {value}, {k}")
        packed = f"%{mark}.{k}"
    return [*lines, f"  ret {type} {packed}"]
