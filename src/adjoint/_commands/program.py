"""``FILE:FUNCTION ARGS`` on the command line: the user's function, and its arguments.

Mistakes in these are `UsageError` and end with status 2; what goes wrong in the function or its derivative ends with status 1.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import functools
import importlib.util
import inspect
import json
import os
import re
import sys
import textwrap
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from adjoint.errors import AdjointError, foreign_files

ARGUMENTS = """\
arguments are Python literals: 1.5, "[1.0, 2.0]", "{'k': 2.0}", "'a string'".
Lists become NumPy arrays; @file.npy and @file.json are read from a file.
Integers are held fixed: write 1.0 for a number to differentiate."""
LITERALS = (
    " such as 1.5, [1.0, 2.0] or 'a string' (in two pairs of quotes, as the shell takes one), nor @file.npy or @file.json"
)
WIDTH = 78
OK, FAILED, MISUSED = 0, 1, 2


class UsageError(Exception):
    """The command line names something that is not there."""


@dataclass(frozen=True)
class Call:
    """The user's function, its name, and the arguments."""

    f: Callable[..., Any]
    name: str
    args: tuple[Any, ...]


def configure(parser: argparse.ArgumentParser, description: str, example: str) -> None:
    """Add ``FILE:FUNCTION ARGS`` to the parser of a command, and what they mean, with an example, to its help."""
    parser.description = textwrap.fill(description, WIDTH)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = f"{ARGUMENTS}\n\nexample:\n  {example}"
    parser.add_argument("target", metavar="FILE:FUNCTION", help="a Python file and a function in it: model.py:energy")
    parser.add_argument("arguments", metavar="ARG", nargs="*", help="its arguments, as many as it takes")
    # argparse takes "-1e-3" for an option; no option of ours begins like a number.
    parser._negative_number_matcher = re.compile(r"-\.?\d")  # pyright: ignore[reportAttributeAccessIssue]


def command(work: Callable[[Call, argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """Return the ``run`` of a command that does ``work`` with the user's call; errors become messages and a status."""

    @functools.wraps(work)
    def run(options: argparse.Namespace) -> int:
        try:
            return work(call_of(options.target, options.arguments), options)
        except UsageError as error:
            return _say(f"error: {error}", MISUSED)
        except BrokenPipeError:
            raise
        except AdjointError as error:
            return _say(f"{type(error).__name__}: {error}", FAILED)
        except ImportError as error:
            return _say(f"error: {error}", FAILED)
        except Exception as error:
            return _say(_users_part(error), FAILED)

    return run


def _say(message: str, status: int) -> int:
    print(f"adjoint: {message}", file=sys.stderr)
    return status


def _users_part(error: Exception) -> str:
    """Return an error with those lines of its traceback that are the user's."""
    ours = (*foreign_files(), os.path.dirname(__file__) + os.sep)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(ours)]
    what = "".join(traceback.format_exception_only(error)).strip()
    return what + "".join(f"\n  at {frame.filename}:{frame.lineno}: {frame.line}" for frame in reversed(frames[-5:]))


# The function ----------------------------------------------------------------------------------------------------------------


def call_of(target: str, arguments: list[str]) -> Call:
    """Return the function that ``FILE:FUNCTION`` names, with its arguments."""
    filename, colon, name = target.rpartition(":")
    if not colon or not filename or not name:
        raise UsageError(f"expected FILE:FUNCTION, such as model.py:energy, got {target!r}")
    f = _function(_module(filename), filename, name)
    args = tuple(argument(text, k) for k, text in enumerate(arguments, 1))
    _fits(f, name, args)
    return Call(f, name, args)


def _module(filename: str) -> ModuleType:
    """Run a file as a module; its own directory is where it imports from first, as in ``python FILE``."""
    path = os.path.abspath(filename)
    if not os.path.isfile(path):
        raise UsageError(f"there is no file {filename!r}{_similar(filename)}")
    stem = os.path.splitext(os.path.basename(path))[0]
    # Not the name of another module: libraries are differentiated differently.
    name = stem + "_" if stem in sys.modules or stem in sys.stdlib_module_names else stem
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{filename!r} is no Python file: its name has to end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    if os.path.dirname(path) not in sys.path:
        sys.path.insert(0, os.path.dirname(path))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        what = _users_part(error) if isinstance(error, Exception) else "it calls sys.exit"
        raise UsageError(f"{filename} cannot be run: {what}") from error
    return module


def _similar(filename: str) -> str:
    folder = os.path.dirname(filename) or "."
    names = [name for name in os.listdir(folder) if name.endswith(".py")] if os.path.isdir(folder) else []
    close = difflib.get_close_matches(os.path.basename(filename), names, n=1)
    return f"; did you mean {os.path.join(os.path.dirname(filename), close[0])!r}?" if close else ""


def _function(module: ModuleType, filename: str, name: str) -> Callable[..., Any]:
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            known = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(known) or 'none'}"
            raise UsageError(f"{filename} has no function {name!r}; {hint}")
        found = getattr(found, part)
    if not callable(found):
        raise UsageError(f"{name!r} in {filename} is no function, but of type {type(found).__name__}")
    return found


def _fits(f: Callable[..., Any], name: str, args: tuple[Any, ...]) -> None:
    try:
        signature = inspect.signature(f)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(*args)
    except TypeError as error:
        raise UsageError(f"{name}{signature} cannot be called with {len(args)} arguments: {error}") from None


# Arguments -------------------------------------------------------------------------------------------------------------------


def argument(text: str, position: int) -> Any:
    """Return an argument from its text: a literal, or the content of a file.

    >>> argument("[1.0, 2.0]", 1), argument("3", 2)
    (array([1., 2.]), 3)
    """
    if text.startswith("@"):
        return _read(text[1:], position)
    try:
        value = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        if text.strip().lstrip("+-") in ("inf", "nan"):
            return float(text)
        raise UsageError(f"argument {position}, {text!r}, is no Python literal{LITERALS}") from None
    return _with_arrays(value, position)


def _read(filename: str, position: int) -> Any:
    import numpy as np

    if not os.path.isfile(filename):
        raise UsageError(f"argument {position}: there is no file {filename!r}")
    try:
        if filename.endswith(".npy"):
            return np.load(filename, allow_pickle=False)
        if filename.endswith(".json"):
            with open(filename, encoding="utf-8") as file:
                return _with_arrays(json.load(file), position)
    except (ValueError, OSError) as error:
        raise UsageError(f"argument {position}: {filename!r} cannot be read: {error}") from None
    raise UsageError(f"argument {position}: {filename!r} is neither .npy nor .json")


def _with_arrays(value: Any, position: int) -> Any:
    """Return a literal with arrays for its lists."""
    import numpy as np

    if isinstance(value, list):
        try:
            array = np.array(value)
        except ValueError:
            array = np.array(None)
        if array.dtype.kind not in "biufc":
            raise UsageError(
                f"argument {position}: a list becomes an array, so it holds numbers, and its rows are of one length; "
                "write a tuple or a dict for anything else"
            )
        return array
    if isinstance(value, tuple):
        return tuple(_with_arrays(part, position) for part in value)
    if isinstance(value, dict):
        return {key: _with_arrays(part, position) for key, part in value.items()}
    return value


# Output ----------------------------------------------------------------------------------------------------------------------


def show(thing: Any) -> None:
    """Print an object that rich can show, in colour on a terminal where rich is installed, else as plain text."""
    if sys.stdout.isatty():
        try:
            from rich.console import Console
        except ImportError:
            pass
        else:
            Console().print(thing)
            return
    print(thing)


def written(path: str) -> None:
    """Tell that a file was written."""
    print(f"wrote {path}", file=sys.stderr)


def ending(*suffixes: str) -> Callable[[str], str]:
    """Return the type of an option that names a file to be written: it has one of these endings, in a folder that exists."""

    def path(text: str) -> str:
        if not text.endswith(suffixes):
            raise argparse.ArgumentTypeError(f"{text!r} does not end in {' or '.join(suffixes)}")
        if not os.path.isdir(os.path.dirname(text) or "."):
            raise argparse.ArgumentTypeError(f"there is no folder {os.path.dirname(text)!r}")
        return text

    return path
