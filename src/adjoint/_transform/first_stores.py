"""Stores what a way back adds to a zero: the elements of a new array of zeros, each of which one turn of a loop adds to once.

If the turns reach every element, the array need not be filled with zeros either.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint._ir.copying import copied
from adjoint._ir.nodes import Apply, Function, Loop, Value, atom_type, walk
from adjoint._ir.types import Tensor
from adjoint._rules import stores
from adjoint._transform.first_reads import Uses, runs_up, uses_of
from adjoint._transform.shapes import Shapes


def store_first(function: Function) -> Function:
    """Return a program that stores what is added to zeros; the function itself if there is nothing of the kind."""
    new = copied(function)
    uses, shapes = uses_of(new), Shapes(new)
    made_by = {op.outputs[0]: op for op in walk(new.body) if isinstance(op, Apply) and op.function is np.zeros_like}
    found = False
    for loop in walk(new.body):
        if isinstance(loop, Loop) and loop.unordered and runs_up(loop):
            for k, init in enumerate(loop.inits):
                zeros = made_by.get(init) if type(init) is Value else None
                if zeros is not None and _adds_once(loop, k, uses):
                    found = True
                    if len(uses[init]) == 1 and _reaches_all(loop, init, shapes):
                        zeros.function = np.empty_like
    return new if found else function


def _adds_once(loop: Loop, k: int, uses: Uses) -> bool:
    """Let turns store what they add to the element of their own, if that is all they do with a carried array."""
    carried, update = loop.carried[k], loop.updates[k]
    (op, *others) = uses[carried] or [None]
    if others or not isinstance(op, Apply) or op.function is not stores.accumulate or op not in loop.body.ops:
        return False
    whole, index, value = op.args
    if whole is not carried or index is not loop.index or op.outputs[0] is not update or len(uses[update]) != 1:
        return False
    own, given = carried.type, atom_type(value)
    if not isinstance(own, Tensor) or not isinstance(given, Tensor) or own.rank != 1 or given.rank or own.dtype != given.dtype:
        return False
    op.function = stores.assign
    return True


def _reaches_all(loop: Loop, array: Any, shapes: Shapes) -> bool:
    """Tell whether a loop over a range from 0 has as many turns as a vector has elements."""
    assert loop.range is not None
    start, stop, _ = loop.range
    source, axis = shapes.lengths.get(stop, (None, None)) if type(stop) is Value else (None, None)
    return start == 0 and axis == 0 and source is not None and not loop.stops and shapes(source) == shapes(array)
