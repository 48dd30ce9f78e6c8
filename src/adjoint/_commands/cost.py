"""``adjoint cost FILE:FUNCTION ARGS``: operations of a function, of a forward pass and of a reverse pass."""

from __future__ import annotations

import argparse
import json

from adjoint._commands import program


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command to its parser."""
    description = (
        "Count the operations of the function, of one forward pass and of one reverse pass, by kind and by line, and the bytes "
        "that the way back keeps.  Loops and branches count as they ran."
    )
    program.configure(parser, description, "adjoint cost model.py:energy '[1.0, 2.0, 0.5]' --timed")
    parser.add_argument("--timed", action="store_true", help="measure and predict times, too")
    parser.add_argument("--json", action="store_true", help="print the counts as JSON")


@program.command
def run(call: program.Call, options: argparse.Namespace) -> int:
    """Count, print, and return the exit status."""
    from adjoint.explain.cost import cost

    found = cost(call.f, *call.args, timed=options.timed)
    if options.json:
        print(json.dumps(found.to_dict(), indent=2))
    else:
        program.show(found)
    return program.OK
