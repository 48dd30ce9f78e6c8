"""The statements of a plan as machine code: computations, moves, branches, loops."""

from __future__ import annotations

from typing import Any, NamedTuple

from adjoint._backend import library
from adjoint._backend.liveness import Liveness
from adjoint._backend.memory import Sharing
from adjoint._backend.native import bounds, handover, lists, nests, threads
from adjoint._backend.native.function import Writer
from adjoint._backend.native.scalars import UnsupportedError
from adjoint._backend.native.text import QUIET
from adjoint._backend.native.values import Array, Machine, Reference, Scalar
from adjoint._backend.native.writing import LONGEST
from adjoint._backend.plan import Branch, Break, Collect, Compute, Cycle, Fail, Flip, Move, Pair, Return, Start, Step
from adjoint._ir.nodes import Call, Undefined, Value
from adjoint._ir.types import ListOf, Tensor


class Around(NamedTuple):
    """A loop that statements stand in: where it ends, and the lists that it fills, with the variables of their lengths."""

    end: str
    lengths: dict[Value, tuple[str, str]]
    unlimited: bool


class Statements:
    """Writes the statements of a function; ``divided`` says that they are those of a part of a loop."""

    around = Around

    def __init__(self, w: Writer, live: Liveness, sharing: Sharing, *, divided: bool = False) -> None:
        self.divided = divided
        self.w = w
        self.live = live
        self.sharing = sharing
        self.loops: list[Around] = []
        # Lists to begin when the loop that fills them knows how many turns it has.
        self.started: list[Value] = []

    def block(self, steps: list[Step]) -> None:
        for step in steps:
            if self.w.text.ended:
                return
            self.step(step)

    def step(self, step: Step) -> None:
        w = self.w
        match step:
            case Start():
                self.started.append(step.target)
                return
            case Compute():
                self.compute(step)
            case Move():
                self.move(step)
            case Branch():
                self.branch(step)
            case Cycle():
                self.cycle(step)
            case Collect():
                self.collect(step)
            case Flip():
                x = w.read(step.target)
                assert isinstance(x, Reference)
                w.text.do(f"call void @adj.list.flip(ptr {x.text}, i64 {lists.width(lists.item_type(x.type))})")
            case _:
                self.end(step)
        w.release_temporaries()

    def end(self, step: Step) -> None:
        """Write a statement that ends a loop or the function."""
        match step:
            case Break():
                self.stop(step)
            case Fail():
                self.w.leave()
            case Return():
                self.results(step)
            case _:
                raise TypeError(f"no machine code for {type(step).__name__}")

    # Computations.

    def compute(self, step: Compute) -> None:
        w, op = self.w, step.op
        if isinstance(op, Call):
            self.assign(op.outputs, handover.called(w, op, in_place=step.in_place), copies=step.copies)
        elif op.function in library.STORES:
            w.module.handlers.store(w, op, self.sharing, in_place=step.in_place)
        else:
            self.assign(op.outputs, w.module.handlers.results(w, op, in_place=step.in_place), copies=step.copies)

    def assign(self, outputs: list[Value], results: list[Machine | None], *, copies: bool = False) -> None:
        for output, x in zip(outputs, results, strict=True):
            if x is not None:
                self.w.assign(output, x, copies=copies)

    # Moves.

    def move(self, step: Move) -> None:
        """Write assignments that happen at once: those that others do not read first, then those that exchange values."""
        rest = [pair for pair in step.pairs if not self.is_nothing(pair)]
        while rest:
            free = next((p for p in rest if not any(self.reads(other, p) for other in rest if other is not p)), None)
            if free is None:
                break
            self.one(free)
            rest.remove(free)
        held = [(pair, self.held(pair)) for pair in rest]
        for pair, x in held:
            self.w.assign(pair.target, x, copies=pair.copies)

    def one(self, pair: Pair) -> None:
        w = self.w
        if isinstance(pair.source, Undefined) or pair.source is None:
            w.undefine(pair.target)
            return
        x = w.module.handlers.value(w, pair.source, pair.target)
        if isinstance(x, Array) and pair.copies and not self.reads(pair, pair):
            x = w.copy(x, target=pair.target)
        if isinstance(x, Reference) and isinstance(x.type, ListOf) and pair.copies:
            x = lists.duplicate(w, x)
        w.assign(pair.target, x, copies=pair.copies)

    def held(self, pair: Pair) -> Machine:
        """Return a value that outlives the variable from which it comes."""
        w = self.w
        x = w.atom(pair.source)
        if isinstance(x, Array):
            if x.owner == "stack":
                return w.copy(x)
            w.retain(x.owner)
            w.keep(x.owner)
        elif isinstance(x, Reference):
            x = lists.duplicate(w, x) if pair.copies and isinstance(x.type, ListOf) else x
            w.retain(x.text)
            w.keep(x.text)
        return x

    def is_nothing(self, pair: Pair) -> bool:
        """Tell whether a value stays in the variable in which it is."""
        if type(pair.source) is not Value or pair.source in self.w.plan.inlined or pair.copies:
            return False
        return self.w.variables.root(pair.source) is self.w.variables.root(pair.target)

    def reads(self, other: Pair, pair: Pair) -> bool:
        root = self.w.variables.root(pair.target)
        return any(self.w.variables.root(value) is root for value in self.w.plan.leaves(other.source))

    # Branches.

    def branch(self, step: Branch) -> None:
        w, text = self.w, self.w.text
        condition = w.scalar(step.condition, "b1").text
        then, orelse, end = text.fresh("then"), text.fresh("else"), text.fresh("end")
        text.branch(condition, *((orelse, then) if step.negated else (then, orelse)))
        for label, side in ((then, step.then), (orelse, step.orelse)):
            text.begin(label)
            self.block(side)
            text.jump(end)
        text.begin(end)

    # Loops.

    def cycle(self, step: Cycle) -> None:
        """Write a loop: a position that counts, what each turn takes and keeps, and its end."""
        w, text, loop = self.w, self.w.text, step.loop
        start, by, count = self.count(step)
        consumed = [w.atom(x) for x in loop.consumed]
        for x in consumed:
            assert isinstance(x, Reference)
            if step.span is not None and count is not None:
                w.leave_if(text.compare("slt", lists.length(w, x), count))
        addresses = [lists.items(w, x) for x in consumed if isinstance(x, Reference)]
        around = Around(text.fresh("end"), {}, unlimited=count is None)
        room = "0" if count is None else text.select(text.compare("sgt", count, "0"), "i64", count, "0")
        if room[0] == "%" and step.span is None:
            w.leave_if(text.let(f"icmp sgt i64 {room}, {2**40}"))
        for target in self.started:
            lists.start(w, str(w.slot(target).owner), target.type, room)
        self.started = []
        self.open(step, around, count)
        if step.turns is not None:
            w.assign(step.turns, Scalar("i8", "0"))
        if count is not None and w.module.is_parallel and not self.divided:
            self.divide(step, around, addresses, (start, by, count))
        self.rounds(step, around, consumed, addresses, (start, by, count))
        text.begin(around.end)
        self.close(around)

    def divide(self, step: Cycle, around: Around, addresses: list[str], span: tuple[str, str, str]) -> None:
        """Write what threads do if the loop has enough for them to do; what follows does it otherwise."""
        division = threads.find(self, step)
        if division is None:
            return
        text = self.w.text
        many = threads.parts(self, division, span)
        if many[0] != "%" and int(many) < 2:
            return
        apart, whole = text.fresh("apart"), text.fresh("whole")
        least = self.w.module.least()
        text.branch(text.let(f"icmp sge i64 {many}, {least}"), apart, whole)
        text.begin(apart)
        threads.divide(self, division, around, addresses, span, many)
        text.jump(around.end)
        text.begin(whole)

    def rounds(
        self,
        step: Cycle,
        around: Around,
        consumed: list[Machine],
        addresses: list[str],
        span: tuple[str, str, str | None],
    ) -> None:
        """Write the turns of a loop, twice if one test can vouch for all indices (see `bounds`)."""
        w, text = self.w, self.w.text
        start, by, count = span
        known = None if count is None else bounds.find(w, step)
        if known is None or count is None:
            self.turns(step, around, consumed, addresses, span)
            return
        fast, slow = text.fresh("fast"), text.fresh("slow")
        text.branch(bounds.test(w, known, start, by, count), fast, slow)
        for label in (fast, slow):
            text.begin(label)
            if label == fast:
                w.safe, w.sums = frozenset(known.indices), frozenset(known.sums)
            self.turns(step, around, consumed, addresses, span, slow=label == slow)
            w.safe, w.sums = frozenset(), frozenset()

    def turns(
        self,
        step: Cycle,
        around: Around,
        consumed: list[Machine],
        addresses: list[str],
        span: tuple[str, str, str | None],
        *,
        slow: bool = False,
    ) -> None:
        """Write the turns of a loop, which ends at the label of ``around``."""
        w, text, loop = self.w, self.w.text, step.loop
        start, by, count = span
        position = text.variable("i64", private=True)
        last = "0" if count is None else text.integer("sub", count, "1")
        text.store("i64", last if loop.reverse else "0", position)
        head, body = text.fresh("head"), text.fresh("body")
        text.place(head)
        k = text.load("i64", position)
        if count is None:
            text.jump(body)
        else:
            text.branch(text.compare("sge", k, "0") if loop.reverse else text.compare("slt", k, count), body, around.end)
        text.begin(body, alone=True)
        self.loops.append(around)
        w.depth += 1
        self.check(step, around)
        if step.turns is not None:
            w.assign(step.turns, Scalar("i8", text.integer("add", w.scalar(step.turns).text, "1")))
        if step.index is not None:
            w.assign(step.index, Scalar("i8", text.integer("add", start, text.integer("mul", k, by))))
        for item, x, address in zip(loop.items, consumed, addresses, strict=True):
            t = lists.item_type(x.type)  # type: ignore[union-attr]
            w.assign(item, lists.get(w, t, text.item(lists.layout(t), address, k)))
        self.block(step.body)
        w.depth -= 1
        self.loops.pop()
        step_by = "sub nsw" if loop.reverse else "add nuw nsw"
        text.store("i64", text.let(f"{step_by} i64 {k}, 1"), position)
        text.jump(head, QUIET if slow else "")

    def count(self, step: Cycle) -> tuple[str, str, str | None]:
        """Return start and step of the indices, and the number of turns; None where only a test or a stop ends the loop."""
        w, text, loop = self.w, self.w.text, step.loop
        if step.span is None:
            if not loop.consumed:
                return "0", "1", None
            lengths = [lists.length(w, x) for x in map(w.atom, loop.consumed) if isinstance(x, Reference)]
            count = lengths[0]
            for n in lengths[1:]:
                count = text.select(text.compare("slt", n, count), "i64", n, count)
            return "0", "1", count
        start, stop, by = (w.whole(part) for part in step.span)
        w.leave_if(text.compare("eq", by, "0"))
        if by in ("1", "-1"):  # the commonest: LLVM knows most of a plain difference
            count = self.difference(*((stop, start) if by == "1" else (start, stop)))
            w.leave_if(text.compare("sgt", count, str(LONGEST)))
        else:
            count = nests.turns(text, start, stop, by)
            w.leave_if(text.compare("ugt", count, str(LONGEST)))
        return start, by, count

    def difference(self, a: str, b: str) -> str:
        """Return ``a - b``; where 64 bits do not hold it, Python's program goes on."""
        text = self.w.text
        if b != "0" and (a[0] == "%" or b[0] == "%"):
            pair = text.let(f"call {{i64, i1}} @llvm.ssub.with.overflow.i64(i64 {a}, i64 {b})")
            self.w.leave_if(text.let(f"extractvalue {{i64, i1}} {pair}, 1"))
        return text.integer("sub", a, b)

    def check(self, step: Cycle, around: Around) -> None:
        if step.loop.test is not None:
            self.w.leave_in_doubt()  # a test of what is doubtful may never end the loop
            self.block(step.check)
            go = self.w.text.fresh("go")
            condition = self.w.scalar(step.test, "b1").text
            self.w.release_temporaries()
            self.w.text.branch(condition, go, around.end)
            self.w.text.begin(go, alone=True)

    # Lists that a loop fills.

    def open(self, step: Cycle, around: Around, count: str | None) -> None:
        """Make room in the lists, and keep their lengths in variables: a turn then costs one store."""
        w, text = self.w, self.w.text
        if count is None:
            return
        for target in step.loop.lists:
            if target not in self.filled(step) or lists.owns(lists.item_type(target.type)):
                continue
            x = w.read(target)
            assert isinstance(x, Reference)
            length = text.variable("i64", private=True)
            text.store("i64", lists.length(w, x), length)
            around.lengths[target] = (length, lists.items(w, x))

    def filled(self, step: Cycle) -> set[Value]:
        return {inner.target for inner in self.w.plan.walk(step.body) if isinstance(inner, Collect)}

    def close(self, around: Around) -> None:
        for target, (length, _) in around.lengths.items():
            x = self.w.read(target)
            assert isinstance(x, Reference)
            self.w.text.store("i64", self.w.text.load("i64", length), lists.field(self.w, x.text, lists.LENGTH))

    def collect(self, step: Collect) -> None:
        w, text = self.w, self.w.text
        item = self.blank(step) if isinstance(step.item, Undefined) or step.item is None else w.atom(step.item)
        if isinstance(item, Reference) and step.copies:
            item = lists.duplicate(w, item)
        around = self.loops[-1] if self.loops else None
        known = None if around is None else around.lengths.get(step.target)
        if known is None:
            x = w.read(step.target)
            assert isinstance(x, Reference)
            lists.append(w, x, item, copies=step.copies)
            return
        length, items = known
        t = lists.item_type(step.target.type)
        n = text.load("i64", length)
        lists.put(w, t, item, text.item(lists.layout(t), items, n), copies=step.copies)
        text.store("i64", text.integer("add", n, "1"), length)

    def blank(self, step: Collect) -> Any:
        """Return what stands in a list for a number that nobody reads."""
        t = lists.item_type(step.target.type)
        if not isinstance(t, Tensor) or t.rank or t.dtype.char not in "?ld":
            raise UnsupportedError("a list of what is not there")
        return self.w.atom({"b": False, "i": 0, "f": 0.0}[t.dtype.kind])

    def stop(self, step: Break) -> None:
        text, end = self.w.text, self.loops[-1].end
        if step.condition is True:
            text.jump(end)
            return
        if self.loops[-1].unlimited:
            self.w.leave_in_doubt()
        condition = self.w.scalar(step.condition, "b1").text
        self.w.release_temporaries()
        go = text.fresh("go")
        text.branch(condition, *((go, end) if step.negated else (end, go)))
        text.begin(go, alone=True)

    # Results.

    def results(self, step: Return) -> None:
        """Write what the function returns, and give back all else."""
        w = self.w
        w.leave_in_doubt()
        handover.returned(w, step)
        w.text.jump("done")
