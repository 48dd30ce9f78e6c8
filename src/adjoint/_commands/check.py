"""``adjoint check FILE:FUNCTION ARGS``: test the derivatives of a function against independent knowledge of them."""

from __future__ import annotations

import argparse

from adjoint._commands import program


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command to its parser."""
    description = (
        "Compare forward and reverse mode with differences, with each other, and across orders, at the given point.  "
        "Exits with 1 if a derivative is wrong."
    )
    program.configure(parser, description, "adjoint check model.py:energy '[1.0, 2.0, 0.5]'")
    parser.add_argument("--order", type=int, choices=(1, 2, 3), default=2, help="highest order to check (default: %(default)s)")
    parser.add_argument(
        "--tolerance",
        type=float,
        default=1e-6,
        help="largest relative error against differences (default: %(default)s)",
    )


@program.command
def run(call: program.Call, options: argparse.Namespace) -> int:
    """Check, print what was compared, and return the exit status."""
    from adjoint.testing import check

    print(check(call.f, *call.args, order=options.order, tolerance=options.tolerance))
    print(f"\nthe derivatives of {call.name} are right at this point")
    return program.OK
