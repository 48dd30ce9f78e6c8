"""``adjoint explain FILE:FUNCTION ARGS``: the evaluation trace of a function, as a table, a page or a picture."""

from __future__ import annotations

import argparse
import json

from adjoint._commands import program


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command to its parser."""
    description = (
        "Run the function once and show its evaluation trace: every intermediate value, its tangent (forward pass) and its "
        "adjoint (reverse pass), with the line of the program that computes it."
    )
    program.configure(parser, description, "adjoint explain model.py:energy 1.5 0.5 --html")
    parser.add_argument(
        "--html",
        metavar="PATH",
        nargs="?",
        const=True,
        type=program.ending(".html"),
        help="write a page that steps through both passes, and works offline (default: FUNCTION.html)",
    )
    parser.add_argument("--graph", metavar="PATH", type=program.ending(".svg"), help="draw the computational graph")
    parser.add_argument("--json", action="store_true", help="print the trace as JSON")
    parser.add_argument("--unfold", action="store_true", help="show every iteration of loops and every element of arrays")


@program.command
def run(call: program.Call, options: argparse.Namespace) -> int:
    """Explain the call, and return the exit status."""
    from adjoint.explain.draw import draw
    from adjoint.explain.explanation import explain

    explanation = explain(call.f, *call.args, fold=not options.unfold)
    if options.html is not None:
        program.written(explanation.save(f"{call.name}.html" if options.html is True else options.html))
    if options.graph is not None:
        program.written(draw(call.f, *call.args, fold=not options.unfold).save(options.graph))
    if options.json:
        print(json.dumps(explanation.to_dict(), indent=2))
    elif options.html is None and options.graph is None:
        program.show(explanation)
    return program.OK
