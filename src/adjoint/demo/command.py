"""The command line of the demo: ``adjoint demo [--problem NAME] [--json]``."""

from __future__ import annotations

import argparse
import difflib
import json
from dataclasses import asdict

from adjoint.demo import nist


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command to its parser."""
    parser.description = (
        "Fit nine certified nonlinear regressions of NIST's Statistical Reference Datasets, each from two starting points, "
        "and print how many certified digits come out.  Exits with 1 if a fit misses the digits that exact derivatives reach."
    )
    parser.add_argument(
        "--problem",
        action="append",
        metavar="NAME",
        type=_name,
        help=f"only this one; repeat for more: {', '.join(nist.names())}",
    )
    parser.add_argument("--json", action="store_true", help="print the results as JSON")


def run(options: argparse.Namespace) -> int:
    """Fit, print, and return the exit status."""
    from adjoint.demo import report
    from adjoint.demo.fit import fits

    names = options.problem or nist.names()
    done = report.with_progress(fits(names), total=2 * len(names))
    if options.json:
        print(json.dumps([asdict(fit) | {"succeeded": fit.succeeded} for fit in done], indent=2))
    else:
        report.show(done)
    return 0 if all(fit.succeeded for fit in done) else 1


def _name(text: str) -> str:
    """Return the problem that ``text`` names, in any case, or tell which name was probably meant."""
    known = {name.lower(): name for name in nist.names()}
    if text.lower() in known:
        return known[text.lower()]
    close = [known[match] for match in difflib.get_close_matches(text.lower(), known, n=1)]
    hint = f"did you mean {close[0]!r}?  " if close else ""
    raise argparse.ArgumentTypeError(f"there is no problem {text!r}; {hint}The problems are {', '.join(nist.names())}.")
