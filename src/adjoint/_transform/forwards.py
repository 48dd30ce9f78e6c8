"""Runs ways back of loops forwards where the order of the turns is nobody's: processors read memory sooner that way.

A way back takes the turns last first.  If its turns only add to what it carries, or each has elements of its own there
(`independence`), they may as well come in the order of memory: vectors of neighbouring elements are then read as they lie.
"""

from __future__ import annotations

from adjoint._ir.copying import copied
from adjoint._ir.independence import DIVIDED, FOLDED, SUMMED, role_of
from adjoint._ir.nodes import Function, Loop, walk
from adjoint._transform.dead import settled


def forwards(function: Function) -> Function:
    """Return a program in which ways back run forwards where that is the same; the function itself if there are none."""
    if not any(isinstance(op, Loop) and op.unordered and op.reverse for op in walk(function.body)):
        return function
    new = copied(function)
    loops = [op for op in walk(new.body) if isinstance(op, Loop) and op.unordered and op.reverse and is_free(op)]
    for loop in loops:
        loop.reverse = False
    return new if loops else function


def is_free(loop: Loop) -> bool:
    """Tell whether a way back may take its turns in any order."""
    if loop.range is None or loop.test is not None or loop.stops or settled(loop):
        return False
    return all(is_free_of(loop, k) for k in range(len(loop.inits)))


def is_free_of(loop: Loop, k: int) -> bool:
    """Tell whether the turns of a way back need not wait for each other for a value that it carries."""
    role = role_of(loop, k)
    return role is not None and (role.sort in (DIVIDED, SUMMED) or (role.sort == FOLDED and role.fold == "add"))
