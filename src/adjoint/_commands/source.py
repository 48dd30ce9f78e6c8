"""``adjoint source FILE:FUNCTION ARGS``: a derivative as a NumPy program that one can read, and ship; or as machine code."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from adjoint._commands import program

if TYPE_CHECKING:
    from adjoint._ir.nodes import Function

BACKENDS = ("python", "llvm", "assembly")
OPERATORS = ("grad", "value_and_grad", "jvp", "jacobian", "hessian", "none")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command to its parser."""
    description = (
        "Print the program of a derivative as NumPy source: of the gradient, the Jacobian or the Hessian by all arguments that "
        "are floating numbers or arrays, or of a directional derivative, which takes a tangent for each of these."
    )
    program.configure(
        parser, description, "adjoint source model.py:energy '[1.0, 2.0]' --operator grad --export energy_grad.py"
    )
    parser.add_argument(
        "--operator", choices=OPERATORS, default="grad", help="which derivative; 'none' is the function (default: %(default)s)"
    )
    parser.add_argument(
        "--backend", choices=BACKENDS, default="python", help="NumPy source, LLVM's text, or assembly (default: %(default)s)"
    )
    parser.add_argument(
        "--export", metavar="PATH", type=program.ending(".py"), help="write a module that needs NumPy only, and not adjoint"
    )


@program.command
def run(call: program.Call, options: argparse.Namespace) -> int:
    """Print or write the program, and return the exit status."""
    from adjoint._api.source import machine_text
    from adjoint._backend import python

    if options.export is not None and options.backend != "python":
        raise program.UsageError("--export writes NumPy source: leave --backend out")
    function = program_of(call, options.operator)
    if options.backend != "python":
        print(machine_text(function, options.backend), end="")
        return program.OK
    if options.export is None:
        print(python.source(function), end="")
        return program.OK
    text = python.export_text(function, function.name)
    with open(options.export, "w", encoding="utf-8") as file:
        file.write(text)
    program.written(options.export)
    return program.OK


def program_of(call: program.Call, operator: str) -> Function:
    """Return the program of a derivative of the user's function by all arguments that are floating numbers or arrays."""
    import adjoint as ad
    from adjoint._api.jit import Jitted
    from adjoint.errors import InputError

    positions = tuple(k for k, arg in enumerate(call.args) if floats(arg))
    if not positions and operator != "none":
        raise InputError(
            "no argument is a floating number or array, so that there is no derivative",
            remedy="write 1.0 for a number to differentiate",
        )
    f = call.f
    if operator not in ("none", "jvp"):
        f = getattr(ad, operator)(f, argnums=positions[0] if len(positions) == 1 else positions)
    entry = Jitted(f).entry(call.args, {})[1]
    if operator != "jvp":
        return entry.compiled.function
    count = len(entry.program.places)  # what the function finds outside of itself follows, and has no tangents
    mask = [k < count and param.type.differentiable for k, param in enumerate(entry.compiled.function.params)]
    return entry.compiled.pushed(tuple(mask)).function.function


def floats(arg: Any) -> bool:
    """Tell whether an argument holds floating or complex numbers.

    >>> floats({"a": 1.0}), floats(3)
    (True, False)
    """
    if isinstance(arg, (tuple, list, dict)):
        return any(map(floats, arg.values() if isinstance(arg, dict) else arg))
    return isinstance(arg, (float, complex)) or getattr(getattr(arg, "dtype", None), "kind", "") in ("f", "c")
