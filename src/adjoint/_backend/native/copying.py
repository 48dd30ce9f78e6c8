"""Elements that are written to another array."""

from __future__ import annotations

from adjoint._backend.native import nests
from adjoint._backend.native.scalars import convert
from adjoint._backend.native.values import Array
from adjoint._backend.native.writing import AXES, Writing


def elements(w: Writing, x: Array, result: Array) -> None:
    """Write the elements of an array to another one of its shape, or of one to which it is broadcast."""
    text = w.text
    source = nests.aligned(text, x, result.dims)
    target = nests.aligned(text, result, result.dims, (True,) * result.rank)
    small = nests.is_small(result.dims)
    if not small and x.kind == result.kind and result.strides is None and 0 < result.rank <= AXES:
        w.gather(source, result.dims, result.data)
        return
    operands = [target, *w.straight([source], result.dims)]
    note, access = ("", "") if small else nests.PARALLEL

    def element(addresses: list[str]) -> None:
        value = convert(text, nests.load(text, x.kind, addresses[1], access), result.kind)
        nests.store(text, value, addresses[0], access)

    def row(pointers: list[str], count: str) -> None:
        nests.elements(text, operands, pointers, count, element, note, small)

    nests.nest(text, result.dims, operands, row)
