"""Loops over the elements of arrays of several axes: the one place where strides, broadcasting and vectorisation are decided.

A nest runs over the axes of a result.  Each operand has a stride along each axis, 0 where it is broadcast.  The innermost
loop runs through memory without gaps, so that LLVM turns it into vectors: what has gaps or is broadcast only when the program
runs is copied before (`Writer.straight`), for a loop for each possibility would double the code with each operand.  Arrays of
one shape in C order are one long axis.  Nests of a few elements, known when the program is written, are written out, so that
small vectors and matrices stay in registers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from adjoint._backend.native.text import QUIET, Text
from adjoint._backend.native.values import KINDS, Array, Scalar

# Elements of a nest that is written out.
UNROLLED = 32
# Notes of `runtime` for a loop whose turns do not see each other's stores, for its end and for each access to memory.  All such
# loops share them, so that two of one text are one.  Of a heavy loop LLVM does one turn at a time.
_ACCESS = ", !llvm.access.group !6"
PARALLEL = ", !llvm.loop !8", _ACCESS
HEAVY = ", !llvm.loop !9", _ACCESS


class Operand(NamedTuple):
    """An array within a nest: its address, and its stride along each axis of the nest.

    ``gaps`` says that it is known to have gaps: its elements are read where they are.
    """

    kind: str
    data: str
    strides: tuple[str, ...]
    gaps: bool = False

    @property
    def stored(self) -> str:
        return KINDS[self.kind][1]

    @property
    def width(self) -> int:
        """The size of an element in bytes."""
        return width(self.kind)


def width(kind: str) -> int:
    """Return the size of an element in bytes."""
    return {"double": 8, "i64": 8, "float": 4, "i8": 1}[KINDS[kind][1]]


def strides_of(text: Text, array: Array) -> tuple[str, ...]:
    """Return the strides of an array, in elements."""
    if array.strides is not None:
        return array.strides
    strides = ["1"]
    for n in array.dims[:0:-1]:
        strides.append(text.integer("mul", strides[-1], n))
    return tuple(strides[: array.rank][::-1])


def size_of(text: Text, dims: tuple[str, ...]) -> str:
    """Return the number of elements."""
    size = "1"
    for n in dims:
        size = text.integer("mul", size, n)
    return size


def aligned(text: Text, array: Array, dims: tuple[str, ...], same: tuple[bool, ...] | None = None) -> Operand:
    """Return an array as an operand of a nest, broadcast along axes where it has one element or none.

    ``same`` says for which of its axes the length is that of the nest for certain.
    """
    missing = len(dims) - array.rank
    strides = ["0"] * missing
    for k, (n, stride) in enumerate(zip(array.dims, strides_of(text, array), strict=True)):
        certain = n == dims[missing + k] or (same is not None and same[k])
        one = "false" if certain else text.compare("eq", n, "1")
        strides.append(text.select(one, "i64", "0", stride))
    return Operand(array.kind, array.data, tuple(strides), array.strides is not None)


def load(text: Text, kind: str, pointer: str, note: str = "") -> Scalar:
    """Return an element of memory."""
    value = text.load(KINDS[kind][1], pointer, note)
    return Scalar(kind, text.let(f"icmp ne i8 {value}, 0") if kind == "b1" else value)


def store(text: Text, x: Scalar, pointer: str, note: str = "") -> None:
    """Write an element to memory."""
    value = text.let(f"zext i1 {x.text} to i8") if x.kind == "b1" else x.text
    text.store(KINDS[x.kind][1], value, pointer, note)


# One loop ---------------------------------------------------------------------------------------------------------------------


def turns(text: Text, start: str, stop: str, by: str) -> str:
    """Return the number of turns of a range, without sign: ends may be further apart than 2**63."""
    if by[0] != "%" and abs(int(by)) == 1:
        first, last = (start, stop) if by == "1" else (stop, start)
        if first[0] != "%" and last[0] != "%":
            gap = str(int(last) - int(first))
        else:
            gap = last if first == "0" else text.let(f"sub i64 {last}, {first}")
        return text.select(text.compare("sgt", last, first), "i64", gap, "0")
    up = text.compare("sgt", by, "0")
    first, last = text.select(up, "i64", start, stop), text.select(up, "i64", stop, start)
    size = text.select(up, "i64", by, text.let(f"sub i64 0, {by}")) if by[0] == "%" else str(abs(int(by)))
    below = text.let(f"sub i64 {text.let(f'sub i64 {last}, {first}')}, 1")
    count = text.let(f"add i64 {text.let(f'udiv i64 {below}, {size}')}, 1")
    return text.select(text.compare("sgt", last, first), "i64", count, "0")


def loop(text: Text, count: str, body: Callable[[str], None], note: str = "") -> None:
    """Write a loop of a known number of turns; ``body`` takes the index of the turn, from 0.

    Without a note for its end it is not turned into vectors.
    """
    if count == "0":
        return
    head, latch, end = text.fresh("loop"), text.fresh("latch"), text.fresh("end")
    index, following = f"%{text.fresh('i')}", f"%{text.fresh('n')}"
    before = text.fresh("pre")
    text.place(before)
    text.branch(text.compare("sgt", count, "0"), head, end)
    text.begin(head)
    text.do(f"{index} = phi i64 [0, %{before}], [{following}, %{latch}]")
    body(index)
    text.place(latch)
    text.do(f"{following} = add nuw nsw i64 {index}, 1")
    text.branch(text.let(f"icmp slt i64 {following}, {count}"), head, end, note or QUIET)
    text.begin(end)


# Nests ------------------------------------------------------------------------------------------------------------------------

Row = Callable[[list[str], str], None]


def is_small(dims: tuple[str, ...]) -> bool:
    """Tell whether a nest is written out."""
    return all(n[0] != "%" for n in dims) and math.prod(map(int, dims)) <= UNROLLED


def nest(text: Text, dims: tuple[str, ...], operands: list[Operand], row: Row) -> None:
    """Write a nest of loops.

    ``row(addresses, count)`` writes the innermost one: addresses of the operands at its start, and its length.
    """
    if not dims:
        row([operand.data for operand in operands], "1")
        return
    _axes(text, *_flattened(text, dims, operands), row)


def _flattened(text: Text, dims: tuple[str, ...], operands: list[Operand]) -> tuple[tuple[str, ...], list[Operand]]:
    """Return a nest with axes put together, where all operands run through both without a gap."""
    while len(dims) > 1:
        inner, outer = dims[-1], dims[-2]
        gapless = [o.strides[-2:] == ("0", "0") or _runs_on(o, inner) for o in operands]
        if not all(gapless):
            break
        dims = (*dims[:-2], text.integer("mul", outer, inner))
        operands = [Operand(o.kind, o.data, (*o.strides[:-2], o.strides[-1]), o.gaps) for o in operands]
    return dims, operands


def _runs_on(operand: Operand, inner: str) -> bool:
    """Tell whether the end of one row is the start of the next; of strides in C order, products are the same text."""
    return operand.strides[-1] == "1" and operand.strides[-2] == inner


def _axes(text: Text, dims: tuple[str, ...], operands: list[Operand], row: Row) -> None:
    pointers = [operand.data for operand in operands]

    def axis(k: int, pointers: list[str]) -> None:
        if k == len(dims) - 1:
            row(pointers, dims[k])
            return

        def turn(i: str) -> None:
            axis(k + 1, [_at(text, o, p, i, o.strides[k]) for o, p in zip(operands, pointers, strict=True)])

        if is_small(dims):
            for i in range(int(dims[k])):
                turn(str(i))
        else:
            loop(text, dims[k], turn)

    axis(0, pointers)


def _at(text: Text, operand: Operand, pointer: str, index: str, stride: str) -> str:
    return text.item(operand.stored, pointer, text.integer("mul", index, stride))


def elements(
    text: Text,
    operands: list[Operand],
    pointers: list[str],
    count: str,
    body: Callable[[list[str]], None],
    note: str = "",
    unrolled: bool = False,
) -> None:
    """Write a loop over a row; ``body`` takes the addresses of the elements."""
    steps = [o.strides[-1] if o.strides else "0" for o in operands]

    def turn(j: str) -> None:
        body([_at(text, o, p, j, stride) for o, p, stride in zip(operands, pointers, steps, strict=True)])

    if unrolled:
        for j in range(int(count)):
            turn(str(j))
    else:
        straight = all(stride in ("0", "1") for stride in steps)
        loop(text, count, turn, note if straight else "")
