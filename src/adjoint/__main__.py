"""The command line: ``adjoint COMMAND`` or ``python -m adjoint COMMAND``.

A command is one line of `COMMANDS` and a module with two functions: ``configure(parser)`` adds its options, ``run(options)``
returns the exit status.  The modules are imported whenever the program starts, so they import what is slow in ``run``.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from importlib import metadata

# fmt: off
COMMANDS: dict[str, tuple[str, str]] = {
    "check": ("adjoint._commands.check", "test the derivatives of a function of yours"),
    "compare": ("adjoint._commands.compare", "numerical, symbolic and automatic differentiation of it, side by side"),
    "cost": ("adjoint._commands.cost", "count the operations of it and of its derivatives, by line"),
    "coverage": ("adjoint._api.coverage", "count the functions of NumPy and SciPy that have derivatives, or list them"),
    "demo": ("adjoint.demo.command", "fit nine certified NIST regressions with exact derivatives"),
    "explain": ("adjoint._commands.explain", "show the evaluation trace of a function of yours, as a table or a page"),
    "source": ("adjoint._commands.source", "print or save the program of a derivative, as NumPy source or machine code"),
}
# fmt: on


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that ``arguments`` (by default those of the process) name, and return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="adjoint", description="Exact derivatives of NumPy programs.")
    parser.add_argument("--version", action="version", version=f"adjoint {_version()}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, (module_name, summary) in COMMANDS.items():
        command = importlib.import_module(module_name)
        subparser = commands.add_parser(name, help=summary)
        command.configure(subparser)
        subparser.set_defaults(run=command.run)
    return parser


def _version() -> str:
    try:
        return metadata.version("adjoint")
    except metadata.PackageNotFoundError:
        return "(not installed)"


if __name__ == "__main__":
    sys.exit(main())
