"""The text of statements, and the remarks between them."""

from __future__ import annotations

import builtins
import operator
from typing import Any, NamedTuple

import numpy as np

from adjoint._backend import library, remarks
from adjoint._backend.expressions import ATOM, NOT, SUM, Expressions, Text, is_list
from adjoint._backend.layout import WIDTH, fold
from adjoint._backend.memory import UPDATES
from adjoint._backend.plan import Branch, Break, Collect, Compute, Cycle, Fail, Flip, Move, Pair, Return, Start, Step
from adjoint._backend.support import is_ours
from adjoint._ir.nodes import Apply, Call, Line, Undefined, Value, atom_type, values
from adjoint._ir.types import ListOf, Tensor
from adjoint._rules import kinds, stores

_ZEROS = frozenset({np.zeros_like, np.zeros})


class TextLine(NamedTuple):
    """A line of the text, and the user's line that it comes from."""

    text: str
    line: Line | None = None


class Statements:
    """Writes the statements of one function."""

    def __init__(self, write: Expressions, authors: remarks.Authors, counts: dict[Value, int]) -> None:
        self.write = write
        self.plan = write.plan
        self.names = write.names
        self.authors = authors
        self.counts = counts
        self.lines: list[TextLine] = []
        self.place: Line | None = None
        self.commented: set[Line] = set()
        self.read = _read_plainly(self.plan, self.names)
        self.missing = _missing(self.plan)

    # Lines ------------------------------------------------------------------------------------------------------------------

    def put(self, text: str, indent: int, line: Line | None, comment: str = "") -> None:
        """Write a statement."""
        folded = fold(text, indent)
        if comment and len(folded) == 1 and len(folded[0]) + 2 + len(comment) <= WIDTH:
            folded[0] += "  " + comment
        elif comment:
            folded.insert(0, " " * indent + comment)
        self.lines += [TextLine(part, line) for part in folded]

    def statement(self, text: str, indent: int, step: Compute, *, his: bool) -> None:
        """Write a statement with the user's comment, if it is his, or with a remark where it comes from."""
        line = step.line
        comment = ""
        named = any(output.name for output in step.op.outputs)
        if line is not None and (his or remarks.is_same(text, line)):
            comment = self.comments(line, indent) if named or remarks.is_same(text, line) else ""
            self.place = line
        elif line is not None and (self.place is None or line[:2] != self.place[:2]):
            self.lines.append(TextLine(" " * indent + remarks.remark(line), line))
            self.place = line
        self.put(text, indent, line, comment)

    def comments(self, line: Line, indent: int) -> str:
        """Write the user's comments above a line, and return the one behind it, the first time only."""
        if line in self.commented:
            return ""
        self.commented.add(line)
        self.lines += [TextLine(" " * indent + text, line) for text in remarks.comments_above(line)]
        return remarks.source_of(line)[1]

    def header(self, text: str, indent: int, line: Line | None) -> None:
        """Write the head of a loop or of a branch."""
        same = line is not None and remarks.is_same(text, line)
        self.put(text, indent, line, self.comments(line, indent) if same and line is not None else "")

    # Statements -------------------------------------------------------------------------------------------------------------

    def block(self, steps: list[Step], indent: int) -> None:
        """Write statements, `pass` if there are none."""
        before = len(self.lines)
        for step in steps:
            self.step(step, indent)
        if all(line.text.lstrip().startswith("#") for line in self.lines[before:]):
            self.lines.append(TextLine(" " * indent + "pass"))

    def step(self, step: Step, indent: int) -> None:
        match step:
            case Compute():
                self.compute(step, indent)
            case Move():
                self.move(step, indent)
            case Branch():
                self.branch(step, indent)
            case Cycle():
                self.cycle(step, indent)
            case Break() if step.condition is not True:
                condition = self.write.text(step.condition, NOT if step.negated else 0)
                self.put(f"if {'not ' if step.negated else ''}{condition}:", indent, step.line)
                self.put("break", indent + 4, step.line)
            case _:
                comment = self.comments(step.line, indent) if isinstance(step, Fail) and step.line is not None else ""
                self.put(self.short(step), indent, step.line, comment)

    def short(self, step: Step) -> str:
        """Return a statement of one line."""
        match step:
            case Start():
                return f"{self.names[step.target]} = []"
            case Collect():
                return f"{self.names[step.target]}.append({self.copied(step.item, copies=step.copies)})"
            case Flip():
                return f"{self.names[step.target]}.reverse()"
            case Fail():
                return f"raise {self.error(step)}"
            case Return():
                results = [self.copied(result, copies=k in step.copies) for k, result in enumerate(step.results)]
                return f"return {', '.join(results)}".rstrip()
        return "break"

    def copied(self, atom: Any, *, copies: bool) -> str:
        """Return the text of an atom, with a copy if one is needed."""
        if not copies:
            return self.write.text(atom)
        t = atom_type(atom)
        if isinstance(t, Tensor) and not t.rank:
            return f"{self.write.module.function(np.copy)}({self.write.text(atom)})"
        text = self.write.tree(atom).within(ATOM)
        maybe = type(atom) is Value and self.plan.resolve(atom) in self.missing
        return f"None if {text} is None else {text}.copy()" if maybe else f"{text}.copy()"

    def error(self, step: Fail) -> str:
        """Return the text of the user's exception."""
        error, args = step.op.error, step.op.args
        if not isinstance(error, type):
            plain = all(isinstance(arg, (str, int, float)) for arg in error.args)
            if not plain or getattr(builtins, type(error).__name__, None) is not type(error):
                return self.write.module.object(error, type(error).__name__)
            error, args = type(error), error.args
        return f"{self.write.called(error)}({', '.join(self.write.text(arg) for arg in args)})"

    # Computations.

    def compute(self, step: Compute, indent: int) -> None:
        op = step.op
        if isinstance(op, Apply) and op.function in library.STORES:
            self.store(step, op, indent)
            return
        his = self.authors(op)
        targets = self.targets(op)
        update = self.update(step, op, his=his) if isinstance(op, Apply) and len(op.outputs) == 1 else ""
        if update:
            self.statement(update, indent, step, his=his)
            return
        right = self.write.operation(op) if isinstance(op, Apply) else self.called(step, op)
        value = (
            right.text
            if not step.copies
            else f"{right.within(ATOM)}.copy()"
            if _rank(op.outputs[0])
            else f"np.copy({right.text})"
        )
        text = f"{targets} = {value}" if targets else value
        if isinstance(op, Apply) and op.function in _ZEROS and not his:
            self.put(text, indent, step.line)
        else:
            self.statement(text, indent, step, his=his)

    def called(self, step: Compute, op: Call) -> Text:
        """Return a call of a function of the program, with copies of what it changes if others need that."""
        copies = () if step.in_place else op.function.updates
        args = [self.copied(arg, copies=k in copies) for k, arg in enumerate(op.args)]
        return Text(f"{self.write.functions[op.function]}({', '.join(args)})", ATOM)

    def targets(self, op: Any) -> str:
        """Return the left side of an assignment; results that nobody reads are called ``_``."""
        several = len(op.outputs) > 1
        names = [self.names[output] if not several or self.counts.get(output) else "_" for output in op.outputs]
        if getattr(op, "form", None) is not None:
            return f"{names[0]}," if len(names) == 1 else ", ".join(names)
        return ", ".join(names)

    def update(self, step: Compute, op: Apply, *, his: bool) -> str:
        """Return ``x += y`` where the user wrote that, or where a derivative sums up in memory of its own; else nothing."""
        sign = UPDATES.get(op.function)
        if not step.in_place or sign is None:
            return ""
        name = self.names[op.outputs[0]]
        if his and not remarks.source_of(op.line)[0].replace(" ", "").startswith(f"{name}{sign}="):
            return ""
        return f"{name} {sign}= {self.write.text(op.args[1])}"

    # Stores.

    def store(self, step: Compute, op: Apply, indent: int) -> None:
        """Write a store, after the copy that it may need."""
        name, old = self.names[op.outputs[0]], op.args[0]
        here = type(old) is Value and old not in self.plan.inlined and self.names[self.plan.resolve(old)] == name
        his = self.authors(op) or (step.line is not None and not remarks.is_derivative(op.outputs[0].name))
        if op.function is stores.without_last and here and step.in_place and self.pops(name):
            return
        if op.function in (stores.append, stores.without_last):
            text = self.list_store(op, name, in_place=here and step.in_place)
        else:
            if not (here and step.in_place):
                self.put(f"{name} = {self.copied(old, copies=not step.in_place)}", indent, step.line)
            text = self.array_store(op, name, op.args[1], op.args[2])
        self.statement(text, indent, step, his=his)

    def list_store(self, op: Apply, name: str, *, in_place: bool) -> str:
        old = op.args[0]
        if op.function is stores.without_last:
            return f"{name}.pop()" if in_place else f"{name} = {self.write.text(old, ATOM)}[:-1]"
        item = self.write.text(op.args[1])
        return f"{name}.append({item})" if in_place else f"{name} = [*{self.write.text(old)}, {item}]"

    def pops(self, name: str) -> bool:
        """Make ``x = items[-1]`` and ``items.pop()`` one statement, if the one was just written."""
        text, line = self.lines[-1] if self.lines else TextLine("")
        if not text.endswith(f" = {name}[-1]"):
            return False
        self.lines[-1] = TextLine(text.removesuffix("[-1]") + ".pop()", line)
        return True

    def array_store(self, op: Apply, name: str, index: Any, v: Any) -> str:
        write = self.write
        place = f"{name}[{write.index(index)}]"
        if op.function is stores.assign:
            sign, rest = self.increment(op.args[0], index, v)
            target = name if sign and index is Ellipsis and _rank(op.outputs[0]) else place
            return f"{target} {sign}= {write.text(rest)}"
        if is_list(op.args[0]):
            if adds_items(op):
                return f"{place} = {place} + {write.text(v, SUM + 1)}"
            return f"{place} = {write.module.function(stores.combine)}({place}, {write.text(v)})"
        if library.repeats(index):
            return f"{write.module.function(np.add)}.at({name}, {self.index_object(index)}, {write.text(v)})"
        if not _fits(op.outputs[0], v):
            return f"{place} = {place} + {write.text(v, SUM + 1)}"
        target = name if index is Ellipsis and _rank(op.outputs[0]) else place
        negative = self.plan.inlined.get(v) if type(v) is Value else None
        if isinstance(negative, Apply) and negative.function is np.negative:
            return f"{target} -= {write.text(negative.args[0])}"
        return f"{target} += {write.text(v)}"

    def index_object(self, index: Any) -> str:
        return self.write.text(index)

    def increment(self, old: Any, index: Any, v: Any) -> tuple[str, Any]:
        """Return the sign and the increment if ``a[i] = v`` is ``a[i] += increment``, else no sign and ``v``."""
        op = self.plan.inlined.get(v) if type(v) is Value else None
        if not isinstance(op, Apply) or op.kwargs or op.function not in UPDATES:
            return "", v
        first = op.args[0]
        item = self.plan.inlined.get(first) if type(first) is Value else None
        if not isinstance(item, Apply) or item.function is not operator.getitem or is_list(old) or item.args[0] is not old:
            return "", v
        same = self.write.index(item.args[1]) == self.write.index(index)
        return (UPDATES[op.function], op.args[1]) if same and _fits(first, op.args[1]) else ("", v)

    # Moves.

    def move(self, step: Move, indent: int) -> None:
        """Write assignments that happen at once, one after the other where that comes to the same."""
        rest = [pair for pair in step.pairs if self.is_written(pair)]
        while rest:
            free = next(
                (pair for pair in rest if not any(self.reads(other, pair) for other in rest if other is not pair)), None
            )
            chosen = rest if free is None else [free]
            left = ", ".join(self.names[pair.target] for pair in chosen)
            right = ", ".join(self.copied(pair.source, copies=pair.copies) for pair in chosen)
            self.put(f"{left} = {right}", indent, step.line)
            rest = [pair for pair in rest if pair not in chosen]

    def is_written(self, pair: Pair) -> bool:
        """Tell whether a move is a statement: whether it changes a variable that is there."""
        if isinstance(pair.source, Undefined):
            return self.names[pair.target] in self.read
        if type(pair.source) is not Value or pair.source in self.plan.inlined:
            return True
        return pair.copies or self.names[self.plan.resolve(pair.source)] != self.names[pair.target]

    def reads(self, other: Pair, pair: Pair) -> bool:
        return self.names[pair.target] in {self.names[value] for value in self.plan.leaves(other.source)}

    # Branches and loops.

    def branch(self, step: Branch, indent: int, word: str = "if") -> None:
        then, orelse = ([inner for inner in side if self.is_visible(inner)] for side in step.inner)
        if not then and not orelse:
            return
        condition = self.write.text(step.condition)
        if step.negated or not then:
            condition = f"not {self.write.text(step.condition, NOT)}"
        if not then:
            then, orelse = orelse, []
        self.header(f"{word} {condition}:", indent, step.line)
        place = self.place
        self.block(then, indent + 4)
        self.place = place
        if len(orelse) == 1 and isinstance(orelse[0], Branch) and _same_chain(orelse[0]):
            self.branch(orelse[0], indent, "elif")
        elif orelse:
            self.put("else:", indent, step.line)
            self.block(orelse, indent + 4)
        self.place = None

    def is_visible(self, step: Step) -> bool:
        """Tell whether a statement has a text."""
        if isinstance(step, Move):
            return any(map(self.is_written, step.pairs))
        return not isinstance(step, Branch) or any(self.is_visible(inner) for side in step.inner for inner in side)

    def cycle(self, step: Cycle, indent: int) -> None:
        loop = step.loop
        counted = step.turns is not None and (step.span is None or loop.stops or loop.test is not None)
        if step.turns is not None:
            count = "0" if counted else f"len({self.span(step.span)})"
            self.put(f"{self.names[step.turns]} = {count}", indent, step.line)
        test = loop.test is not None and not isinstance(step.test, bool)
        in_head = test and not step.check and loop.range is None and step.index is None and not loop.consumed
        self.header(f"while {self.write.text(step.test)}:" if in_head else self.head(step), indent, step.line)
        self.place = None
        before = len(self.lines)
        if not in_head and loop.test is not None:
            for inner in step.check:
                self.step(inner, indent + 4)
            self.put(f"if not {self.write.text(step.test, NOT)}:", indent + 4, step.line)
            self.put("break", indent + 8, step.line)
        if counted and step.turns is not None:
            self.put(f"{self.names[step.turns]} += 1", indent + 4, step.line)
        if step.body or len(self.lines) == before:
            body = [inner for inner in step.body if self.is_visible(inner)]
            if body or len(self.lines) == before:
                self.block(body, indent + 4)
        self.place = None

    def head(self, step: Cycle) -> str:
        """Return the head of a loop that is not ``while test``."""
        loop = step.loop
        lists = [self.write.text(x, ATOM) for x in loop.consumed]
        names = [self.names[item] for item in loop.items]
        if step.span is not None:
            names.insert(0, "_" if step.index is None else self.names[step.index])
            lists.insert(0, self.span(step.span))
        elif step.index is not None:
            names.insert(0, self.names[step.index])
            lists.insert(0, f"{self.write.module.module('itertools')}.count()")
        if not lists:
            return "while True:"
        if loop.reverse:
            lists = [f"reversed({x})" for x in lists]
        items = lists[0] if len(lists) == 1 else f"zip({', '.join(lists)})"
        return f"for {', '.join(names)} in {items}:"

    def span(self, bounds: Any) -> str:
        """Return ``range(...)`` with no more arguments than needed."""
        start, stop, step = bounds
        parts = [start, stop, step]
        if _is(step, 1):
            parts = [stop] if _is(start, 0) else [start, stop]
        return f"range({', '.join(self.write.text(part) for part in parts)})"


def adds_items(op: Apply) -> bool:
    """Tell whether what is added to in a list of cotangents is one number or array, which ``+`` adds."""
    items = atom_type(op.args[0])
    if isinstance(op.args[1], slice):
        return False
    return not isinstance(items, ListOf) or (isinstance(items.item, Tensor) and items.item.differentiable)


def _is(atom: Any, number: int) -> bool:
    return type(atom) is int and atom == number


def _rank(value: Any) -> int:
    t = atom_type(value)
    return t.rank if isinstance(t, Tensor) else 0


def _fits(target: Any, v: Any) -> bool:
    """Tell whether ``target += v`` is ``target = target + v``, in dtype and rank as far as they are known."""
    a, b = atom_type(target), atom_type(v)
    if not isinstance(a, Tensor) or not isinstance(b, Tensor):
        return False
    return (b.number and "biufc".index(b.dtype.kind) <= "biufc".index(a.dtype.kind)) or np.can_cast(
        np.result_type(a.dtype, b.dtype), a.dtype, "same_kind"
    )


def _same_chain(step: Branch) -> bool:
    """Tell whether a branch reads as ``elif``: whether it does not begin with what has to be computed before."""
    return not step.negated


def _read_plainly(plan: Any, names: dict[Value, str]) -> frozenset[str]:
    """Return the variables that are read where a value need not be defined: kept, moved, handed on, returned."""
    found: set[str] = set()
    for step in plan.walk():
        match step:
            case Move():
                found.update(_moved(plan, step, names))
            case Collect():
                found.update(_named(plan, step.item, names))
            case Return():
                found.update(_named(plan, step.results, names))
            case Compute() if not isinstance(step.op, Apply) or step.op.function in library.STORES or not _is_numeric(step.op):
                found.update(_named(plan, step.op.operands, names))
    return frozenset(found)


def _missing(plan: Any) -> set[Value]:
    """Return the values that a branch may leave undefined."""
    found: set[Value] = set()
    before = -1
    while before != len(found):
        before = len(found)
        for step in plan.walk():
            if isinstance(step, Move):
                sources = [(pair.target, pair.source) for pair in step.pairs]
                found.update(
                    t for t, x in sources if isinstance(x, Undefined) or (type(x) is Value and plan.resolve(x) in found)
                )
    return found


def _moved(plan: Any, step: Move, names: dict[Value, str]) -> set[str]:
    pairs = [pair for pair in step.pairs if not isinstance(pair.source, Undefined)]
    return {name for pair in pairs for name in _named(plan, pair.source, names) if name != names[pair.target] or pair.copies}


def _named(plan: Any, tree: Any, names: dict[Value, str]) -> set[str]:
    return {names[value] for value in plan.leaves(list(values(tree)))}


def _is_numeric(op: Apply) -> bool:
    """Tell whether a function fails on what is not there, so that it is never applied to that."""
    return (op.function is kinds.scale or not is_ours(op.function)) and op.function not in _OF_FORM


# What takes nothing but the form of an array is applied before it is known whether the array will be used.
_OF_FORM = frozenset({np.zeros_like, np.broadcast_to})
