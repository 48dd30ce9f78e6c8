"""``adjoint compare FILE:FUNCTION ARGS``: numerical, symbolic and automatic differentiation side by side."""

from __future__ import annotations

import argparse
import json

from adjoint._commands import program


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command to its parser."""
    description = (
        "Differentiate the function by differences, scipy.differentiate, SymPy, forward mode and reverse mode, and compare "
        "errors, runs of the function, time and memory."
    )
    program.configure(parser, description, "adjoint compare model.py:logistic 0.3 8 --growth 1,2,4,8 --plot errors.png")
    parser.add_argument(
        "--plot",
        metavar="PATH",
        type=program.ending(".png", ".svg", ".pdf"),
        help="draw the error over the step of differences, and the growth, as .png, .svg or .pdf",
    )
    parser.add_argument(
        "--growth",
        metavar="N,N,...",
        type=_counts,
        default=(),
        help="compare for these numbers of iterations; the integer among the arguments is that number",
    )
    parser.add_argument("--growth-argument", metavar="K", type=int, help="position of that argument, counted from 0")
    parser.add_argument("--seconds", type=_seconds, default=1.0, help="how long each method may take (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print the comparison as JSON")


@program.command
def run(call: program.Call, options: argparse.Namespace) -> int:
    """Compare, print, and return the exit status."""
    from adjoint.explain.compare import compare

    comparison = compare(
        call.f, *call.args, growth=options.growth, growth_argnum=options.growth_argument, seconds=options.seconds
    )
    if options.json:
        print(json.dumps(comparison.to_dict(), indent=2))
    else:
        program.show(comparison)
    if options.plot is not None:
        comparison.plot(options.plot)
        program.written(options.plot)
    return program.OK


def _counts(text: str) -> tuple[int, ...]:
    try:
        counts = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected whole numbers such as 1,2,4,8, got {text!r}") from None
    if min(counts) < 0:
        raise argparse.ArgumentTypeError(f"a number of iterations is not negative, got {text!r}")
    return counts


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not seconds > 0:
        raise argparse.ArgumentTypeError(f"expected a positive number, got {text!r}")
    return seconds
