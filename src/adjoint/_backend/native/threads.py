"""Loops that threads share: the body as a function of its own, what it takes and gives, and how parts are put together.

Which loops can be divided is found by `independence`.  A loop is divided when the program runs, if it has enough to do; the
number of parts depends on that alone, so that results do not depend on the number of threads.  Each part begins with sums that
are zero, runs its turns as the whole loop would, and leaves what it carries in a place of its own; the places are put together
in the order of the loop.

::

    env     what the body reads, and the arrays that the parts share        written by the caller
    place   what a part made of the carried values                          one for each part
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adjoint._backend.native import kernels, lists, nests, scalars
from adjoint._backend.native.function import Slot, Writer
from adjoint._backend.native.values import KINDS, Array, Reference, Scalar, is_native, kind_of, rank_of
from adjoint._backend.native.work import SUM, Work, multiplied
from adjoint._backend.plan import Branch, Collect, Compute, Cycle, Move
from adjoint._ir import independence
from adjoint._ir.independence import DIVIDED, FOLDED, LAST, SUMMED, Role
from adjoint._ir.nodes import Value
from adjoint._ir.types import Tensor

if TYPE_CHECKING:
    from adjoint._backend.native.statements import Around, Statements

# Parts of a loop at most, and the operations that one should have; a loop with less than two of them is not divided.
PARTS = 32
GRAIN = 1 << 14
# Operations below which a loop is done before threads have begun.
LEAST = 1 << 18


@dataclass(frozen=True, slots=True)
class _Carried:
    """A carried value; ``in_place``: it has the memory that it begins with in every turn."""

    value: Value
    role: Role
    in_place: bool

    @property
    def reach(self) -> int | None:
        """How far turns reach beyond rows of their own, to which they add; None if they may reach all of them."""
        return None if self.role.offsets is None else self.role.offsets[1] - self.role.offsets[0]

    @property
    def is_shared(self) -> bool:
        """Whether all parts write to one array: each to its own rows, or to some more while its neighbours do not run."""
        return self.role.sort == DIVIDED or (self.role.sort == SUMMED and self.reach is not None and self.in_place)


@dataclass(eq=False, slots=True)
class Division:
    """A loop that can be divided: its carried values with their roles, and what the body reads from around."""

    step: Cycle
    carried: list[_Carried]
    outer: list[Value]


def find(s: Statements, step: Cycle) -> Division | None:
    """Return how a loop is divided; None if it cannot be."""
    w, loop = s.w, step.loop
    found = independence.roles(loop)
    if found is None:
        return None
    steps = {id(one.op): one for one in w.plan.walk(step.body) if isinstance(one, Compute)}
    carried = [_Carried(value, role, _in_place(w, value, role, steps)) for value, role in zip(loop.carried, found, strict=True)]
    if not all(map(_is_possible, carried)):
        return None
    root = w.variables.root
    own = {root(value) for value in loop.carried}
    needed = s.live.turn[step].intersection(_read(w, step))
    outer = {root(value): value for value in sorted(needed, key=_place(w)) if root(value) not in own}
    return Division(step, carried, list(outer.values()))


def _place(w: Writer) -> Callable[[Value], Any]:
    """Return a key that puts values in an order that is the same in every process."""
    order = {value: k for k, value in enumerate(w.variables.order)}
    return lambda value: order[value]


def _in_place(w: Writer, value: Value, role: Role, steps: dict[int, Compute]) -> bool:
    """Tell whether all that is done to an array is done in the memory that the loop begins with."""
    done = all(id(op) in steps and steps[id(op)].in_place for op in role.stores)
    root = w.variables.root(value)
    return done and all(w.variables.root(version) is root for version in role.versions)


def _is_possible(x: _Carried) -> bool:
    """Tell whether parts can have a carried value in its role: what is divided is the one array that all of them see."""
    if not is_native(x.value.type) or (x.role.sort != LAST and kind_of(x.value) == "b1"):
        return False
    return x.role.sort != DIVIDED or x.in_place


def _read(w: Writer, step: Cycle) -> set[Value]:
    """Return what the statements of a loop read."""
    found: set[Value] = set()
    for one in w.plan.walk(step.body):
        match one:
            case Compute():
                found.update(w.plan.leaves(one.op.operands))
            case Move():
                found.update(w.plan.leaves([pair.source for pair in one.pairs]))
            case Collect():
                found.update(w.plan.leaves(one.item))
            case Branch():
                found.update(w.plan.leaves(one.condition))
            case Cycle():
                found.update(w.plan.leaves((one.span, one.loop.consumed, one.test)))
            case _:
                pass
    return found


# How much there is to do ------------------------------------------------------------------------------------------------------


def parts(s: Statements, division: Division, span: tuple[str, str, str]) -> str:
    """Return how many parts a loop has; fewer than two where it is not worth dividing, or not allowed."""
    w, text, step = s.w, s.w.text, division.step
    start, by, count = span
    work = multiplied(w, count, Work(w, s.live.turn[step], count).of(step.body))
    many = text.let(f"sdiv i64 {work}, {GRAIN}") if work[0] == "%" else str(int(work) // GRAIN)
    many = text.select(text.compare("slt", work, str(LEAST)), "i64", "0", many)
    many = _least(w, _least(w, many, str(PARTS)), count)
    for x in division.carried:
        if x.is_shared and x.role.offsets is not None:  # indices from both ends might meet
            low = text.integer("add", _ends(w, start, by, count)[0], str(x.role.offsets[0]))
            many = text.select(text.compare("sge", low, "0"), "i64", many, "0")
        if x.is_shared and x.reach:  # a part reaches no further than its neighbours
            many = _least(w, many, text.let(f"sdiv i64 {count}, {x.reach + 1}"))
        if x.role.sort == SUMMED and not x.is_shared:  # each part makes zeros, and is added
            size = nests.size_of(text, _array(w, x.value).dims)
            many = _least(
                w, many, text.let(f"sdiv i64 {work}, {text.integer('add', text.integer('mul', size, str(SUM)), '1')}")
            )
    return many


def _least(w: Writer, a: str, b: str) -> str:
    return w.text.select(w.text.compare("slt", a, b), "i64", a, b)


def _ends(w: Writer, start: str, by: str, count: str) -> tuple[str, str]:
    """Return the least and the greatest index of turns."""
    text = w.text
    last = text.integer("add", start, text.integer("mul", text.integer("sub", count, "1"), by))
    up = text.compare("sgt", by, "0")
    return text.select(up, "i64", start, last), text.select(up, "i64", last, start)


# What goes to the parts -------------------------------------------------------------------------------------------------------

Receive = Callable[[Writer], None]


class _Env:
    """Memory in which the caller puts what all parts read, eight bytes for each."""

    def __init__(self, w: Writer) -> None:
        self.w = w
        self.sent: list[tuple[str, str]] = []

    def put(self, kind: str, x: str) -> Callable[[Writer], str]:
        """Put a number or an address, and return what reads it in a part."""
        offset = 8 * len(self.sent)
        self.sent.append((kind, x))
        return lambda inner: inner.text.load(kind, lists.field(inner, "%env", offset))

    def finished(self) -> str:
        """Write what was put to memory, and return its address."""
        text = self.w.text
        memory = text.buffer("i64", max(1, len(self.sent)))
        for k, (kind, x) in enumerate(self.sent):
            text.store(kind, x, text.item("i64", memory, str(k)))
        return memory


def _sent(env: _Env, value: Value) -> Receive:
    """Send what a variable holds, and return what gives the same variable of a part that."""
    w = env.w
    slot = w.slot(value)
    root = w.variables.root(value)
    if not is_native(slot.type):
        block = env.put("ptr", w.text.load("ptr", str(slot.owner)))

        def receive(inner: Writer) -> None:
            # No share is taken, so none is given back.
            held = inner.slots[root] = Slot(slot.type)
            held.owner = inner.text.variable("ptr")
            inner.text.store("ptr", block(inner), held.owner)

    elif slot.small is not None:
        data = env.put("ptr", slot.data)

        def receive(inner: Writer) -> None:
            held = inner.slots[root] = Slot(slot.type, slot.kind)
            held.small, held.data = slot.small, data(inner)

    elif not rank_of(value):
        kind = KINDS[slot.kind][0]
        number = env.put(kind, w.text.load(kind, slot.data))

        def receive(inner: Writer) -> None:
            inner.text.store(kind, number(inner), inner.slot(value).data)

    else:
        array = _array(w, value)
        data = env.put("ptr", array.data)
        dims = [_put_whole(env, n) for n in array.dims]
        strides = None if array.strides is None else [_put_whole(env, n) for n in array.strides]

        def receive(inner: Writer) -> None:
            steps = None if strides is None else tuple(n(inner) for n in strides)
            inner.put(inner.slot(value), Array(slot.kind, data(inner), tuple(n(inner) for n in dims), steps, "null"))

    return receive


def _put_whole(env: _Env, n: str) -> Callable[[Writer], str]:
    return env.put("i64", n) if n[0] == "%" else lambda _: n


def _array(w: Writer, value: Value) -> Array:
    x = w.read(value)
    assert isinstance(x, Array)
    return x


def _begun(env: _Env, x: _Carried) -> Receive:
    """Return what gives a carried value of a part what it begins with."""
    w, value, role = env.w, x.value, x.role
    if role.sort == LAST:
        return lambda _: None
    if x.is_shared or (role.sort == FOLDED and role.fold not in ("add", "multiply")):
        return _sent(env, value)
    kind = kind_of(value)
    if role.sort == FOLDED:
        neutral = scalars.literal(0 if role.fold == "add" else 1, kind)
        return lambda inner: inner.text.store(KINDS[kind][0], neutral, inner.slot(value).data)
    dims = [_put_whole(env, n) for n in _array(w, value).dims]

    def zeros(inner: Writer) -> None:
        x = _array(inner, value) if inner.slot(value).small is not None else inner.on_heap(kind, tuple(n(inner) for n in dims))
        kernels.fill(inner, x, kernels.Number(Scalar(kind, scalars.literal(0, kind))))
        inner.assign(value, x)
        inner.release_temporaries()

    return zeros


# The caller -------------------------------------------------------------------------------------------------------------------


def divide(
    s: Statements, division: Division, around: Around, addresses: list[str], span: tuple[str, str, str], many: str
) -> None:
    """Write what the caller does: run the parts, and put together what they carry."""
    w, text, step = s.w, s.w.text, division.step
    fields = _fields(division)
    size = max(8, sum(lists.padded(x.value.type) for x, _ in fields))
    env = _Env(w)
    receive = [_sent(env, value) for value in division.outer]
    receive += [_begun(env, x) for x in division.carried]
    part = _Part(
        step,
        [_put_whole(env, x) for x in span],
        [env.put("ptr", address) for address in addresses],
        {target: env.put("ptr", items) for target, items in _opened(s, step, around, span[2])},
        receive,
        fields,
    )
    name = w.module.divided(s, step.loop, part.write)
    places = text.buffer("i8", PARTS * size)
    text.do(f"call void @llvm.memset.p0.i64(ptr {places}, i8 0, i64 {PARTS * size}, i1 false)")
    rounds = 2 if any(x.is_shared and x.reach for x in division.carried) else 1
    most = text.let(f"ptrtoint ptr {text.load('ptr', w.module.entry('threads'))} to i64")
    job = f"ptr {name}, ptr {env.finished()}, i64 {span[2]}, i64 {many}, ptr {places}, i64 {size}"
    status = text.let(f"call i8 @adj.split(ptr %pool, i64 %depth, {job}, i64 {most}, i64 {rounds})")
    with text.when(text.let(f"icmp ne i8 {status}, 0"), ", !prof !1"):
        nests.loop(text, many, lambda k: _forget(w, fields, _at(w, places, k, size)))
    w.leave_for(status)
    for x, offset in fields:
        place = _Place(w, places, size, offset)
        if x.role.sort == LAST:
            _take_last(w, x.value, place, many, reverse=step.loop.reverse)
        else:
            _combine(w, x, place, many)
    for length, _ in around.lengths.values():
        text.store("i64", span[2], length)
    if step.turns is not None:
        w.assign(step.turns, Scalar("i8", span[2]))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the parts leave one value: called with the number of a part, the address."""

    w: Writer
    places: str
    size: int
    offset: int = 0

    def __call__(self, k: str) -> str:
        start = _at(self.w, self.places, k, self.size)
        return lists.field(self.w, start, self.offset) if self.offset else start


def _at(w: Writer, places: str, k: str, size: int) -> str:
    return w.text.let(f"getelementptr i8, ptr {places}, i64 {w.text.integer('mul', k, str(size))}")


def _opened(s: Statements, step: Cycle, around: Around, count: str) -> list[tuple[Value, str]]:
    """Return the lists that a loop fills, with the addresses of their items; what owns blocks owns none yet."""
    w = s.w
    found = [(target, items) for target, (_, items) in around.lengths.items()]
    filled = s.filled(step)
    for target in step.loop.lists:
        if target in filled and target not in around.lengths:
            x = w.read(target)
            assert isinstance(x, Reference)
            items = lists.items(w, x)
            size = w.text.integer("mul", count, str(lists.width(lists.item_type(target.type))))
            w.text.do(f"call void @llvm.memset.p0.i64(ptr {items}, i8 0, i64 {size}, i1 false)")
            w.text.store("i64", count, lists.field(w, x.text, lists.LENGTH))
            found.append((target, items))
    return found


def _fields(division: Division) -> list[tuple[_Carried, int]]:
    """Return the values that a part leaves in its place, and where; what is divided is where it belongs already."""
    found = []
    offset = 0
    for x in division.carried:
        if not x.is_shared:
            found.append((x, offset))
            offset += lists.padded(x.value.type)
    return found


def _forget(w: Writer, fields: list[tuple[_Carried, int]], place: str) -> None:
    """Give back what a part has left in its place."""
    for x, offset in fields:
        if rank_of(x.value):
            _release(w, lists.field(w, place, offset))


def _combine(w: Writer, x: _Carried, place: Callable[[str], str], many: str) -> None:
    """Put a carried value together from what the parts have made of it, in the order of the loop."""
    value, text = x.value, w.text
    if rank_of(value) and not x.in_place:  # the memory that the loop begins with may be another's
        w.assign(value, w.copy(_array(w, value)))
        w.release_temporaries()

    def turn(k: str) -> None:
        part = lists.get(w, value.type, place(k))
        if isinstance(part, Array):
            total = _array(w, value)
            # A sum with what is longer changes its shape.
            w.leave_if(text.any([text.compare("ne", a, b) for a, b in zip(part.dims, total.dims, strict=True)]))
            kernels.fill(w, total, kernels.Leaf(part._replace(dims=total.dims), None, None), add=True)
            text.do(f"call void @adj.release(ptr %pool, ptr {part.owner})")
        elif isinstance(part, Scalar):
            assert isinstance(value.type, Tensor)
            w.assign(value, scalars.apply(w, x.role.fold, [w.scalar(value), part], value.type, raising=value.type.number))

    nests.loop(text, many, turn)


def _take_last(w: Writer, value: Value, place: Callable[[str], str], many: str, *, reverse: bool) -> None:
    """Give a carried value what the part with the last turn has made of it."""
    text = w.text
    x = lists.get(w, value.type, place("0" if reverse else text.integer("sub", many, "1")))
    if isinstance(x, Array):
        text.do(f"call void @adj.retain(ptr {x.owner})")
        w.keep(x.owner)
    w.assign(value, x)
    w.release_temporaries()
    if isinstance(x, Array):
        nests.loop(text, many, lambda k: _release(w, place(k)))


def _release(w: Writer, place: str) -> None:
    """Give back the share of an array in a place."""
    w.text.do(f"call void @adj.release(ptr %pool, ptr {w.text.load('ptr', lists.field(w, place, 8))})")


# A part -----------------------------------------------------------------------------------------------------------------------


@dataclass(eq=False, slots=True)
class _Part:
    """What runs some turns of a loop, from ``%first`` on, ``%count`` of them, and leaves what they carry at ``%place``."""

    step: Cycle
    span: list[Callable[[Writer], str]]
    addresses: list[Callable[[Writer], str]]
    lists: dict[Value, Callable[[Writer], str]]
    receive: list[Receive]
    fields: list[tuple[_Carried, int]]

    def write(self, s: Statements) -> None:
        w, text, loop = s.w, s.w.text, self.step.loop
        for receive in self.receive:
            receive(w)
        start, by, whole = (n(w) for n in self.span)
        around = type(s).around(text.fresh("end"), {}, unlimited=False)
        for target, items in self.lists.items():
            length = text.variable("i64")
            before = text.integer("sub", whole, text.integer("add", "%first", "%count")) if loop.reverse else "%first"
            text.store("i64", before, length)
            around.lengths[target] = (length, items(w))
        if self.step.turns is not None:
            w.assign(self.step.turns, Scalar("i8", "0"))
        consumed = [Reference(x.type, "null") for x in loop.consumed]
        addresses = [
            text.item(lists.layout(lists.item_type(x.type)), address(w), "%first")
            for x, address in zip(consumed, self.addresses, strict=True)
        ]
        span = (text.integer("add", start, text.integer("mul", "%first", by)), by, "%count")
        s.rounds(self.step, around, [*consumed], addresses, span)
        text.begin(around.end)
        w.leave_in_doubt()
        for x, offset in self.fields:
            lists.put(w, x.value.type, w.read(x.value), lists.field(w, "%place", offset))
        w.release_temporaries()
        text.jump("done")
