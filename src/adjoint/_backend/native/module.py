"""A program as one LLVM module: its functions, what they share, and the function that Python calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint._backend import liveness, memory
from adjoint._backend import plan as plans
from adjoint._backend.names import Variables
from adjoint._backend.native import (
    bounds,
    callbacks,
    elementary,
    entry,
    fusion,
    handlers,
    handover,
    idle,
    lists,
    machine,
    outlining,
    runtime,
    runtime_threads,
    scalars,
)
from adjoint._backend.native.function import Writer
from adjoint._backend.native.outlining import Known
from adjoint._backend.native.scalars import UnsupportedError
from adjoint._backend.native.statements import Statements
from adjoint._backend.native.table import TABLE
from adjoint._backend.native.values import KINDS, Array, Lengths, Machine, code, is_native
from adjoint._backend.options import Options
from adjoint._backend.schedule import schedule
from adjoint._ir.copying import copied
from adjoint._ir.nodes import Apply, Call, Function, Loop, Value, atom_type, functions, walk
from adjoint._ir.types import Record, Tensor, Type
from adjoint._rules import stores

_C_NAMES = {
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh",
    "arctan2": "atan2", "power": "pow",
}  # fmt: skip
_INTRINSICS = frozenset(
    {"fabs", "sqrt", "floor", "ceil", "trunc", "roundeven", "maximum", "minimum", "maxnum", "minnum", "copysign"}
)
# Elements of a constant array that is written into the code.
_MOST = 10_000
# Calls within each other; beyond that Python runs the program, and raises the error that it has for that.
_DEEPEST = 900
# Shares that a function that is called by others gives up one by one.
_RELEASED = 16
# What they may take from the stack all together: an eighth of the least that a thread has on most systems.
_STACK = 1 << 20


class Module:
    """What the functions of a program share."""

    handlers = handlers
    bounds = bounds
    zero = "@adj.zero"

    def __init__(
        self, function: Function, *, exact: bool = False, options: Options | None = None, lengths: Lengths | None = None
    ) -> None:
        self.program = functions(function)
        self.lengths = lengths
        self.exact = exact
        options = options or Options()
        # What LLVM may do with the user's own sums and products.
        self.flags = " reassoc nsz contract" if options.fastmath else ""
        # Whether threads share loops, the parts of loops written so far, and the functions that need Python.
        self.is_parallel = bool(options.parallel)
        self.divisions: list[_Division] = []
        self.calling_back: set[Function] = set()
        self.in_doubt = False
        self.frame = 0
        self.declared: dict[str, str] = {}
        self.constants: list[str] = []
        self.drops: dict[Any, str] = {}
        # Nests of loops by what they depend on, and their texts.
        self.nests: dict[tuple[Any, ...], Known] = {}
        self.nest_texts: dict[tuple[str, str], str] = {}
        # Lines of short nests, by the number of the loops around.
        self.short: Counter[int] = Counter()
        self.records: dict[str, list[Type]] = {}
        self.objects: list[Any] = []
        # Of objects that are called back, by their numbers: their function, and which of its operations they are.
        self.places: dict[int, tuple[int, int]] = {}
        self.copies: list[Function] = []
        self.origins: dict[int, tuple[int, int]] = {}
        # Whether the program needs the interpreter's lock.
        self.uses_python = False
        self.written = self.program[0]
        self.called_: list[tuple[Apply, str]] = []
        self.elementaries: dict[str, None] = {}
        # Functions of SciPy's: their addresses, and what calls them with what they take besides numbers.
        self.imports: dict[str, int] = {}
        self.wrappers: dict[str, str] = {}
        self.included: dict[str, str] = {}
        # Our elementary functions need a processor that multiplies and adds at once.
        self.fused = machine.is_fused()
        self.find_records()

    def text(self) -> str:
        """Return the module."""
        parts = [self.function(one) for one in self.program]
        deepest = str(max(8, min(_DEEPEST, _STACK // max(1, self.frame))))
        parts = [self.decided(part).replace(f", {handover.LIMIT}\n", f", {deepest}\n") for part in (*parts, *self.parts())]
        parts = outlining.released([outlining.placed(part, self.short) for part in parts])
        if machine.is_long(sum(map(len, parts))) and not self.is_called(self.program[0]):
            parts[0] = outlining.hurried(parts[0])
        outer = self.program[0]
        foreign = any(not is_native(t) for t in (*[param.type for param in outer.params], *handover.types(outer)))
        self.uses_python = self.uses_python or foreign or bool(self.objects)
        parts.append(entry.text(self, self.program[0]))
        head = [
            "@adj.zero = internal constant [64 x i8] zeroinitializer",
            "declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)",
            "declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)",
            "declare {i64, i1} @llvm.sadd.with.overflow.i64(i64, i64)",
            "declare {i64, i1} @llvm.ssub.with.overflow.i64(i64, i64)",
            "declare {i64, i1} @llvm.smul.with.overflow.i64(i64, i64)",
            "declare i64 @llvm.abs.i64(i64, i1)",
            *self.declarations(),
            *self.constants,
            elementary.definitions(self.elementaries),
            *self.wrappers.values(),
            *self.included.values(),
        ]
        return "\n".join(
            [
                *head,
                runtime_threads.shared(runtime.TEXT) if self.divisions else runtime.TEXT,
                *([runtime_threads.TEXT] if self.divisions else []),
                *([callbacks.TEXT] if self.uses_python else []),
                *self.drop_texts(),
                *parts,
                *[f"define internal {type} {name}{function}" for (type, function), name in self.nest_texts.items()],
                "",
            ]
        )

    def late(self) -> str:
        """Return the module to link with it when loops have been made vectors."""
        return elementary.late(self.elementaries)

    def declarations(self) -> list[str]:
        """Return what is declared, each function once."""
        found = {line.split("@")[1].split("(")[0]: line for line in sorted(elementary.intrinsics(self.elementaries))}
        return list((found | {name.removeprefix("@"): line for name, line in self.declared.items()}).values())

    # Functions --------------------------------------------------------------------------------------------------------------

    def name(self, function: Function) -> str:
        return f"@f{self.program.index(function)}"

    def function(self, original: Function) -> str:
        """Return the text of one function."""
        name = self.name(original)
        self.written = original
        function = self.copy(original)
        idle.guard(function.body)
        schedule(function.body)
        apart: set[Value] = set()  # what cannot be computed where it is used
        divisions = len(self.divisions)
        used = self.python_used()
        while True:
            del self.divisions[divisions:]
            w, live = _planned(function, self, apart)
            try:
                params = [handover.received(w, k, param) for k, param in enumerate(function.params)]
                Statements(w, live, w.sharing).block(w.plan.steps)
                break
            except UnsupportedError as error:
                if error.value is None or error.value in apart:
                    raise
                apart.add(error.value)
        if self.python_used() != used:
            self.calling_back.add(original)
        return self.closed(w, name, [*params, "ptr noalias %out"])

    def copy(self, original: Function) -> Function:
        """Return a copy of a function, and note which of its operations are which."""
        function = copied(original)
        number = self.program.index(original)
        self.origins |= {id(op): (number, k) for k, op in enumerate(walk(function.body))}
        self.copies.append(function)
        return function

    def closed(self, w: Writer, name: str, params: list[str]) -> str:
        """Return the text of a function of which all statements have been written."""
        text = w.text
        if not text.ended:
            w.leave()
        self.in_doubt = self.in_doubt or bool(w.doubtful)
        self.frame = max(self.frame, text.frame)
        count = len(w.owners)
        release = [f"  call void @adj.release.all(ptr %pool, ptr %shares, i64 {count})"] if count else []
        done = runtime.releases(count) if w.depth and count <= _RELEASED else release
        if count and name == self.name(self.program[0]) and not self.is_called(self.program[0]):
            done = [f"  call void @adj.release.end(ptr %pool, ptr %shares, i64 {count})"]
        ends = ["done:", *done, "  ret i8 0", "leave:", *release, f"  %why = load i8, ptr {w.status}", "  ret i8 %why"]
        shares = [
            f"  %shares = alloca [{count} x ptr], align 16",
            f"  call void @llvm.memset.p0.i64(ptr %shares, i8 0, i64 {8 * count}, i1 false)",
        ]
        text.entry[:0] = shares if count else []
        head = f"define internal i8 {name}({', '.join(['ptr %pool', 'i64 %depth', *params])}) {{\nentry:"
        return "\n".join([head, *text.entry, "  br label %start", "start:", *text.lines, *ends, "}\n"])

    # Parts of loops, which threads run ----------------------------------------------------------------------------------------

    def python_used(self) -> tuple[int, int]:
        """Return a mark that changes where Python's functions or objects are used."""
        return len(self.called_), len(self.objects)

    def least(self) -> str:
        """Return what stands for the least number of parts that the next loop is divided into, which is decided at the end."""
        return f"@least.{len(self.divisions)}."

    def divided(self, s: Statements, loop: Loop, write: Callable[[Statements], None]) -> str:
        """Return the name of a function that runs a part of a loop; ``write`` writes its statements."""
        name = f"@part{len(self.divisions)}"
        division = _Division(functions_called(loop))
        self.divisions.append(division)
        used = self.python_used()
        w = Writer(s.w.plan, s.w.variables, s.w.settled, self, like=s.w)
        write(Statements(w, s.live, s.sharing, divided=True))
        division.calls_back = self.python_used() != used
        params = ["ptr readonly %env", "i64 %first", "i64 %count", "ptr noalias %place"]
        division.text = self.closed(w, name, params)
        return name

    def parts(self) -> list[str]:
        return [division.text for division in self.divisions]

    def decided(self, text: str) -> str:
        """Return a text in which loops that call Python back, for which threads would need its lock, are never divided."""
        for k, division in enumerate(self.divisions):
            back = division.calls_back or not self.calling_back.isdisjoint(division.functions)
            text = text.replace(f"@least.{k}.", str(2**62) if back else "2")
        return text

    def lengths_given(self) -> Lengths:
        """Return the lengths of the arguments of the function that is being written, None where they may be any."""
        if self.lengths is not None and self.written is self.program[0] and not self.is_called(self.written):
            return self.lengths
        return (None,) * len(self.written.params)

    def is_outer(self) -> bool:
        """Tell whether a function is the one that Python calls, and nobody else."""
        outer = self.program[0]
        if self.written is not outer:
            return False
        if self.is_called(outer):
            raise UnsupportedError("a recursion over lists that Python gives")
        return True

    def is_called(self, function: Function) -> bool:
        """Tell whether a function of the program calls a function."""
        return any(op.function is function for one in self.program for op in walk(one.body) if isinstance(op, Call))

    def is_inner(self) -> bool:
        """Tell whether the function that is being written is called by functions of the program only."""
        return self.written is not self.program[0]

    # What functions share ---------------------------------------------------------------------------------------------------

    def declare(self, name: str, declaration: str) -> str:
        self.declared[name] = f"declare {declaration}"
        return name

    def elementary(self, name: str, kind: str, count: int) -> str:
        """Return the name of an elementary function."""
        type = KINDS[kind][0]
        if name in elementary.FORMULAS and self.fused:
            full = f"{elementary.SINGLE if kind == 'f4' else ''}{name}"
            self.elementaries[full] = None
            return f"@adj.{full}"
        if name.startswith("special."):
            return self.special(name, count)
        if name in _INTRINSICS:
            target = f"@llvm.{name}.{'f64' if kind == 'f8' else 'f32'}"
        else:
            target = f"@{_C_NAMES.get(name, name)}{'' if kind == 'f8' else 'f'}"
        pure = "nounwind willreturn memory(none)"
        return self.declare(target, f"{type} {target}({', '.join([type] * count)}) {pure}")

    def special(self, name: str, count: int) -> str:
        """Return the name of a function of `scipy.special` of numbers."""
        from adjoint._backend.native import foreign

        self.imports[name] = foreign.pointer(name)
        self.declare(f'@"{name}"', foreign.declaration(name).removeprefix("declare ") + " nounwind willreturn memory(none)")
        params = ", ".join(f"double %x{k}" for k in range(count))
        self.wrappers[f"@adj.{name}"] = (
            f'define internal double @adj.{name}({params}) alwaysinline {{\n  %y = call double @"{name}"({params}, i32 0)\n'
            "  ret double %y\n}"
        )
        return f"@adj.{name}"

    def foreign(self, name: str) -> str:
        """Return the name of a function of BLAS or LAPACK."""
        from adjoint._backend.native import foreign

        try:
            self.imports[name] = foreign.pointer(name)
        except ImportError:
            raise UnsupportedError(f"{name} without SciPy") from None
        return self.declare(f'@"{name}"', foreign.declaration(name).removeprefix("declare ") + " nounwind")

    def nest(self, type: str, function: str) -> str:
        """Return the name of a function of a nest of loops; nests of one text are one."""
        return self.nest_texts.setdefault((type, function), f"@nest{len(self.nest_texts)}")

    def constant_array(self, x: np.ndarray) -> Array:
        """Return an array that is known when the program is written."""
        if not is_native(atom_type(x)) or x.size > _MOST or not x.ndim:
            raise UnsupportedError("a large constant")
        kind = code(x.dtype)
        stored = KINDS[kind][1]
        items = ", ".join(f"{stored} {int(v) if kind == 'b1' else scalars.literal(v, kind)}" for v in x.ravel())
        name = f"@constant.{len(self.constants)}"
        self.constants.append(f"{name} = internal constant [{x.size} x {stored}] [{items}], align 64")
        return Array(kind, name, tuple(map(str, x.shape)), None, "null")

    # Records and lists.

    def find_records(self) -> None:
        """Find the types of the parts of records, which those who unpack them know."""
        for op in (op for one in self.program for op in walk(one.body) if isinstance(op, Apply)):
            if op.function is stores.unpack and isinstance(t := atom_type(op.args[0]), Record):
                types = list(op.args[1])
                if self.records.setdefault(t.name, types) != types:
                    raise UnsupportedError("a record that is read in several ways")

    def parts_of_record(self, name: str) -> list[Type]:
        if name not in self.records:
            raise UnsupportedError("a record that nobody reads")
        return self.records[name]

    def drop_of_list(self, t: Type) -> str:
        return self.drops.setdefault(("list", t), f"@drop{len(self.drops)}")

    def drop_of_record(self, types: list[Type]) -> str:
        return self.drops.setdefault(("record", *types), f"@drop{len(self.drops)}")

    def drop_texts(self) -> list[str]:
        return [
            lists.drop_of_list(name, key[1]) if key[0] == "list" else lists.drop_of_record(name, list(key[1:]))
            for key, name in self.drops.items()
        ]

    def called_back(self, w: Writer, op: Apply, why: str) -> list[Machine | None]:
        """Return the results of a function of Python's."""
        self.called_.append((op, why))
        if (place := self.origins.get(id(op))) is not None:
            self.places[len(self.objects)] = place
        return callbacks.called(w, op)

    def include(self, name: str, text: str) -> None:
        """Add the text of a function to the module, once."""
        self.included[name] = text

    def object(self, x: Any) -> int:
        """Return the place of an object in the table."""
        self.objects.append(x)
        return len(TABLE) + len(self.objects) - 1

    def entry(self, name: str) -> str:
        """Return the place of a known address in the table, as a constant of LLVM's."""
        return f"getelementptr (i8, ptr @adj.table, i64 {8 * TABLE.index(name)})"


@dataclass(eq=False, slots=True)
class _Division:
    """What runs a part of a loop: its text, the functions that it may call, and whether it calls Python itself."""

    functions: frozenset[Function]
    text: str = ""
    calls_back: bool = False


def functions_called(loop: Loop) -> frozenset[Function]:
    """Return the functions that a loop calls, and all that these call."""
    return frozenset(one for op in walk(loop.body) if isinstance(op, Call) for one in functions(op.function))


class _Variables(Variables):
    """Values that share a variable: only such as are the same in machine code."""

    def join(self, a: Value, b: Value) -> None:
        if _form(a.type) == _form(b.type):
            super().join(a, b)


def _form(t: Type) -> Any:
    """Return what decides how a value lies in memory."""
    return (t.dtype, t.rank) if isinstance(t, Tensor) and is_native(t) else t


def _planned(function: Function, module: Module, alone: set[Value]) -> tuple[Writer, liveness.Liveness]:
    """Return a function ready to be written: its statements, which values share a variable, which stores are done in place."""
    counts = plans.count(function)
    inlined = {value: op for value, op in fusion.choose(function, counts).items() if value not in alone}
    apart: frozenset[tuple[Value, Value]] = frozenset()
    while True:
        steps = plans.lower(function, dict(inlined), counts)
        live = liveness.analyse(steps, apart)
        variables = _Variables(steps, live)
        settled = memory.settle(steps, live, variables.root)
        together = {pair for pair in settled.apart if variables.root(pair[0]) is variables.root(pair[1])}
        if not together:
            return Writer(steps, variables, settled, module), live
        apart |= together
