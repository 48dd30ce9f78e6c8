"""Nests of loops as LLVM functions of their own: LLVM's time grows faster than the size of a function.

What a nest needs of the function around it, addresses, lengths, strides and numbers, are its parameters; what is known is
written into it.  Nests of one text are one function: in a gradient of array operations most are of few sorts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from adjoint._backend.native.nests import Operand
from adjoint._backend.native.text import Text
from adjoint._backend.native.values import Array, Scalar
from adjoint._backend.native.writing import OFTEN, Writing

# Lines of a nest that may be put back where a loop calls it, and of all these.
_SHORT, _MOST = 60, 1000
# Places in loops that give up a share by instructions of their own.
_SHARES = 60
_ALONE, _BACK = "noinline", "alwaysinline"
# Lines of a function that only calls nests, from which on it is not worth LLVM's passes.
_LONG = 2000
# Stands in the text for one of the two, followed by the number of the loops around.
_PLACE = "@place."


class Known(NamedTuple):
    """A nest that is written: its name, the types that it returns, whether it may leave or doubt, whether it takes the pool."""

    name: str
    kinds: tuple[str, ...]
    leaves: bool
    doubts: bool
    uses_pool: bool
    length: int

    @property
    def type(self) -> str:
        return "void" if not self.kinds else self.kinds[0] if len(self.kinds) == 1 else f"{{{', '.join(self.kinds)}}}"


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

    def operand(self, x: Operand, *, alone: bool = False) -> Operand:
        """Return an operand under the names within; ``alone`` says that no other one has its memory."""
        return Operand(x.kind, self.taken("ptr noalias" if alone else "ptr", x.data), self.lengths(x.strides), x.gaps)

    def keep(self, block: str) -> None:
        """Note a block that is freed at the end."""
        self.uses_pool = True
        variable = self.text.variable("ptr", "null")
        self.text.store("ptr", block, variable)
        self.blocks.append(variable)

    # The end ----------------------------------------------------------------------------------------------------------------

    def outlined(self, parts: tuple[Any, ...], body: Callable[[], tuple[str, str] | None]) -> str:
        """Call the function from the one around, and return its result, "" if it has none.

        ``body`` writes it, and returns the type and the name of the result.  It is not asked if a nest of the same ``parts``
        was written before, which are all that it depends on, in the names that they have within.
        """
        key = (*parts, *[kind for kind, _ in self.given.values()])
        if key not in self.module.nests:
            self.module.nests[key] = self._written(body())
        return self._called(self.module.nests[key])

    def _called(self, nest: Known) -> str:
        around, type = self.around, nest.type
        given = ", ".join([*["ptr %pool"] * nest.uses_pool, *(f"{kind} {outer}" for outer, (kind, _) in self.given.items())])
        call = f"call {type} {nest.name}({given}) {self._placed(nest)}"
        if not nest.kinds:
            around.text.do(call)
            return ""
        y = around.text.let(call)
        count = len(nest.kinds)
        parts = [y] if count == 1 else [around.text.let(f"extractvalue {type} {y}, {k}") for k in range(count)]
        if nest.leaves:
            around.leave_if(parts.pop())
        if nest.doubts:
            around.doubt(parts.pop())
        return parts[0] if parts else ""

    def _placed(self, nest: Known) -> str:
        """Return where the code of a nest is to be: on its own, or where it is called, which `placed` decides at the end."""
        depth = self.around.depth
        if not depth or nest.length > _SHORT:
            return _ALONE
        self.module.short[depth] += nest.length
        return f"{_PLACE}{depth}"

    def _written(self, result: tuple[str, str] | None) -> Known:
        """Write the end of the function, and return what is known of it."""
        text, leaves = self.text, "leave" in self.text.reached
        values = [result] if result is not None else []
        values += [("i1", text.load("i1", self.doubtful))] if self.doubtful else []
        values += [("i1", "false")] if leaves else []
        nest = Known("", tuple(kind for kind, _ in values), leaves, bool(self.doubtful), self.uses_pool, len(text.lines))
        end = [] if text.ended else [*self._released("done"), *_returned("y", nest.type, values)]
        if leaves:
            undefined = [(kind, "poison") for kind, _ in values[:-1]]
            end += ["leave:", *self._released("left"), *_returned("z", nest.type, [*undefined, ("i1", "true")])]
        params = ", ".join([*["ptr %pool"] * self.uses_pool, *(f"{kind} {inner}" for kind, inner in self.given.values())])
        lines = [f"({params}) nounwind {{", "entry:", *text.entry, "  br label %start", "start:", *text.lines, *end, "}\n"]
        return nest._replace(name=self.module.nest(nest.type, "\n".join(lines)))

    def _released(self, mark: str) -> list[str]:
        """Return what frees the blocks."""
        lines = []
        for k, variable in enumerate(self.blocks):
            call = f"call void @adj.release{'.once' if mark == 'left' else ''}(ptr %pool, ptr %{mark}.{k})"
            lines += [f"  %{mark}.{k} = load ptr, ptr {variable}", f"  {call}"]
        return lines


def placed(text: str, short: Mapping[int, int]) -> str:
    """Return a text with the decision which nests are put back where they are called: those of the innermost loops.

    ``short`` says for each number of loops around how many lines of nests could be.
    """
    least = _innermost(short, _MOST)
    return re.sub(rf"{_PLACE}(\d+)", lambda found: _BACK if int(found[1]) >= least else _ALONE, text)


def hurried(part: str) -> str:
    """Return a function as it is, or, if it is long and nothing in it is done twice, with the order not to optimise it.

    It is for the function that Python calls: if that calls one nest after the other, the nests are what takes time.
    """
    if part.count("\n") < _LONG:
        return part
    seen: set[str] = set()
    for label, targets in ((found[1], found[2]) for found in _LABELS.finditer(part)):
        if label:
            seen.add(label)
        elif not seen.isdisjoint(_TARGETS.findall(targets)):
            return part
    return part.replace(") {\n", ") noinline optnone {\n", 1)


_LABELS = re.compile(r"^(?:([\w.]+):|  br (.*))$", re.MULTILINE)
_TARGETS = re.compile(r"label %([\w.]+)")


def released(parts: Sequence[str]) -> list[str]:
    """Return texts with the decision where shares are given up by instructions: in the innermost loops, if not too many."""
    depths = Counter(int(depth) for part in parts for depth in re.findall(rf"{OFTEN}(\d+)", part))
    least = _innermost(depths, _SHARES)
    return [re.sub(rf"{OFTEN}(\d+)", lambda found: "" if int(found[1]) >= least else ".once", part) for part in parts]


def _innermost(counts: Mapping[int, int], most: int) -> int:
    """Return from how many loops around on all together are not more than so many."""
    least = max(counts, default=0) + 1
    while least > 1 and sum(count for depth, count in counts.items() if depth >= least - 1) <= most:
        least -= 1
    return least


def _returned(mark: str, type: str, values: list[tuple[str, str]]) -> list[str]:
    """Return what gives values back to the caller."""
    if len(values) < 2:
        return [f"  ret {type} {values[0][1]}" if values else "  ret void"]
    lines, packed = [], "poison"
    for k, (kind, value) in enumerate(values):
        lines.append(f"  %{mark}.{k} = insertvalue {type} {packed}, {kind} {value}, {k}")
        packed = f"%{mark}.{k}"
    return [*lines, f"  ret {type} {packed}"]
