"""What is done to a program before it becomes machine code, and not before people read it as Python.

Each step takes a program and returns the same one if there is nothing for it to do.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

from adjoint._ir.nodes import Function
from adjoint._transform.branches import share_branches
from adjoint._transform.first_reads import read_first
from adjoint._transform.first_stores import store_first
from adjoint._transform.forwards import forwards
from adjoint._transform.join import join
from adjoint._transform.reuse import reuse
from adjoint._transform.simplify import simplify


def tune(function: Function, finite: Sequence[bool] | None = None, *, divided: bool = False) -> Function:
    """Return a program that computes the same in less time.

    Parameters
    ----------
    function
        The program, simplified.
    finite
        Which parameters are finite, as `simplify` was told.
    divided
        Whether threads are to share loops.

    Returns
    -------
    Function
        A program of the same parameters and results; the function itself if there is nothing to do.
    """
    for step in (functools.partial(join, divided=divided), share_branches, reuse, read_first, store_first, forwards):
        changed = step(function)
        function = function if changed is function else simplify(changed, finite)
    return function
