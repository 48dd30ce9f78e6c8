"""Programs as NumPy Python that one can read, run, step through and ship.

`source` gives the text, `compile` a callable made from the same text, `export_text` a module that does without adjoint.
"""

from __future__ import annotations

import itertools
import linecache
import textwrap
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from adjoint._backend import choices, inlining, liveness, memory, plan, remarks
from adjoint._backend.expressions import WITHOUT_CALL, Expressions
from adjoint._backend.layout import fold
from adjoint._backend.module import Module
from adjoint._backend.names import Names, Variables
from adjoint._backend.schedule import schedule
from adjoint._backend.spelling import unused
from adjoint._backend.statements import Statements, TextLine, adds_items
from adjoint._backend.support import is_ours
from adjoint._ir.copying import copied
from adjoint._ir.nodes import Apply, Function, Line, Value, functions, walk
from adjoint._rules import stores
from adjoint.errors import AdjointError

__all__ = ["compile", "export_text", "source"]


class ExportError(AdjointError, ValueError):
    """A program needs an object that has no text, and can run here only."""


class _Program(NamedTuple):
    """A module: its text, the user's line for each line of it, and the objects that it needs and that have no text."""

    text: str
    lines: dict[int, Line]
    objects: dict[str, Any]
    entry: str


def source(function: Function, name: str | None = None) -> str:
    """Return a program as the text of a Python module: imports, functions of the rule book, and the functions of the program.

    Parameters
    ----------
    function
        The program.
    name
        What to call its first function, if not by its own name.

    Returns
    -------
    str
        Python source.  A function returns its result, or a tuple if it has more than one.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint._ir.builder import Builder, Symbol
    >>> from adjoint._ir.types import FLOAT
    >>> x = Value(FLOAT, "x")
    >>> builder = Builder()
    >>> with builder.block([x]) as body:
    ...     body.results = [builder.atom(np.sin(Symbol(x)) * Symbol(x) + 2)]
    >>> print(source(Function("f", body)))
    import numpy as np
    <BLANKLINE>
    <BLANKLINE>
    def f(x):
        return np.sin(x) * x + 2
    <BLANKLINE>
    """
    return _program(function, name).text


def compile(function: Function) -> Callable[..., Any]:
    """Return a program as a Python function.

    Parameters
    ----------
    function
        The program.

    Returns
    -------
    Callable
        Takes the program's parameters, flat, and returns its result, or a tuple if it has more than one.  Debuggers and
        tracebacks show the text of `source`.  ``__adjoint_lines__`` is a dict from its line numbers to the user's lines.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint._ir.builder import Builder, Symbol
    >>> from adjoint._ir.types import FLOAT
    >>> x = Value(FLOAT, "x")
    >>> builder = Builder()
    >>> with builder.block([x]) as body:
    ...     body.results = [builder.atom(Symbol(x) * 3)]
    >>> compile(Function("f", body))(2.0)
    6.0
    """
    program = _program(function, None)
    filename = f"<adjoint {program.entry} {next(_COUNT)}>"
    lines = program.text.splitlines(keepends=True)
    linecache.cache[filename] = (len(program.text), None, lines, filename)
    namespace: dict[str, Any] = {"__name__": filename, **program.objects}
    exec(_compiled(program.text, filename, "exec"), namespace)  # noqa: S102 - the text is ours
    compiled = namespace[program.entry]
    compiled.__adjoint_lines__ = program.lines
    return compiled


def export_text(function: Function, name: str) -> str:
    """Return a program as a module that imports only NumPy, SciPy where the program does, and the standard library.

    Parameters
    ----------
    function
        The program.
    name
        What to call its first function.

    Returns
    -------
    str
        Python source.

    Raises
    ------
    ExportError
        The program needs an object that cannot be written down.

    Examples
    --------
    >>> from adjoint._ir.nodes import Block
    >>> from adjoint._ir.types import FLOAT
    >>> x = Value(FLOAT, "x")
    >>> print(export_text(Function("f", Block([x], [], [x])), "identity"))
    \"\"\"The program `identity`, written by adjoint.\"\"\"
    <BLANKLINE>
    <BLANKLINE>
    def identity(x):
        return x
    <BLANKLINE>
    """
    program = _program(function, name)
    if program.objects:
        what = ", ".join(f"{getattr(x, '__name__', repr(x))}" for x in program.objects.values())
        raise ExportError(
            f"{name} cannot be exported: it uses {what}",
            why="this object has no source that could stand in a module of its own",
            remedy="use functions of NumPy and SciPy there, or call the compiled function instead of exporting it",
            where=_place(function),
        )
    docstring = f'"""The program `{name}`, written by adjoint."""'
    imports = program.text.startswith(("import", "from"))
    return f"{docstring}\n{'' if imports else chr(10)}\n{program.text}"


_COUNT = itertools.count()
_compiled = __builtins__["compile"] if isinstance(__builtins__, dict) else __builtins__.compile


def _place(function: Function) -> str:
    line = function.line
    return "" if line is None else f"{line.filename}:{line.number}"


def _program(function: Function, name: str | None) -> _Program:
    """Write a function and all that it calls."""
    all_functions = functions(function)
    titles = _titles(all_functions, name)
    module = Module(_user_names(all_functions) | set(titles.values()), _ours(all_functions))
    parts = [_definition(one, module, titles) for one in all_functions]
    header = module.header()
    support, _ = module.support_texts()
    lines = [TextLine(text) for text in header]
    for text in support:
        lines += [TextLine("")] * (2 if lines else 0) + [TextLine(part) for part in text.splitlines()]
    for part in parts:
        lines += [TextLine("")] * (2 if lines else 0) + part
    text = "\n".join(line.text for line in lines) + "\n"
    places = {k: line.line for k, line in enumerate(lines, 1) if line.line is not None}
    return _Program(text, places, module.objects, titles[function])


def _user_names(all_functions: list[Function]) -> frozenset[str]:
    """Return all names that values have, which nothing else is to hide."""
    names = {param.name for one in all_functions for param in one.params}
    for one in all_functions:
        for op in walk(one.body):
            names.update(output.name for output in op.outputs)
            names.update(param.name for block in op.blocks for param in block.params)
    return frozenset(names)


def _ours(all_functions: list[Function]) -> Iterator[Callable[..., Any]]:
    """Yield the functions of the rule book that the operations apply."""
    for one in all_functions:
        for op in walk(one.body):
            if isinstance(op, Apply) and is_ours(op.function) and op.function not in WITHOUT_CALL:
                yield op.function
            if isinstance(op, Apply) and op.function is stores.accumulate and not adds_items(op):
                yield stores.combine


def _titles(all_functions: list[Function], name: str | None) -> dict[Function, str]:
    """Return what functions are called: each by another name."""
    titles: dict[Function, str] = {}
    for one in all_functions:
        wanted = name if name is not None and one is all_functions[0] else one.name
        wanted = "".join(c if c.isalnum() or c == "_" else "_" for c in wanted) or "f"
        wanted = wanted if wanted.isidentifier() else f"f_{wanted}"
        titles[one] = unused(wanted, set(titles.values()))
    return titles


def _definition(function: Function, module: Module, titles: dict[Function, str]) -> list[TextLine]:
    """Return the definition of one function."""
    title, calls = titles[function], functions(function)
    function = copied(function)  # for its operations will change places
    steps, variables = _planned(function)
    called = {titles[one] for one in calls if len(titles) > 1}
    names = Names(variables, {"np", "scipy", "math", "itertools", "operator", *called, *module.reserved.values()}).choose()
    names.update({value: names[other] for value, other in steps.aliases.items()})
    authors = remarks.Authors(function)
    write = Expressions(steps, module, names)
    write.functions = dict(titles)
    statements = Statements(write, authors, plan.count(function))
    head = f"def {title}({', '.join(names[param] for param in function.params)}):"
    lines = [TextLine(text, function.line) for text in fold(head, 0)]
    lines += [TextLine(text and "    " + text, function.line) for text in _docstring(function, names)]
    statements.block(steps.steps, 4)
    return [*lines, *statements.lines]


def _docstring(function: Function, names: dict[Value, str]) -> list[str]:
    """Return the docstring of a function: the user's, or of a derivative which value is the derivative of which."""
    if function.doc:
        text = function.doc.strip().replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
        text = text[:-1] + '\\"' if text.endswith('"') else text
        return f'"""{text}"""'.splitlines()
    results = [result.name if type(result) is Value and result.name else "" for result in function.results]
    if not any(map(remarks.is_derivative, [*results, *[param.name for param in function.params]])):
        return []
    first = ", ".join(_described(name, name) for name in results)
    given = [_described(names[param], param.name) for param in function.params if remarks.is_derivative(names[param])]
    second = ", ".join(given)
    text = f"Return {first}" + (f"; given {second}." if second else ".")
    return textwrap.wrap(f'"""{text}"""', 93)


def _described(name: str, original: str) -> str:
    """Return what a variable is, whose value has an original name or none."""
    if not name:
        return "the result"
    if not remarks.is_derivative(original or name):
        return name
    return f"{name} ({'co' if '_bar' in name else ''}tangent of {original[:-4] or 'the result'})"


# Rounds of finding out what is computed in a move and what needs a variable of its own; each takes care of all that it finds.
_ROUNDS = 6


def _planned(function: Function) -> tuple[plan.Plan, Variables]:
    """Return the statements of a function, with the values that share variables, and with stores decided."""
    choices.introduce(function.body)
    schedule(function.body)
    counts = plan.count(function)
    forced: frozenset[Value] = frozenset()
    apart: frozenset[tuple[Value, Value]] = frozenset()
    turn = 0
    while True:
        steps = plan.lower(function, inlining.choose(function, counts, forced), counts)
        live = liveness.analyse(steps, apart)
        variables = Variables(steps, live)
        more = _parallel(steps, variables, counts) - forced if turn < _ROUNDS else frozenset()
        if more:
            forced |= more
            turn += 1
            continue
        together = {
            pair
            for pair in memory.settle(steps, live, variables.root).apart
            if variables.root(pair[0]) is variables.root(pair[1])
        }
        if not together:
            return steps, variables
        apart |= together


def _parallel(steps: plan.Plan, variables: Variables, counts: dict[Value, int]) -> frozenset[Value]:
    """Return the values that are computed only to be moved into a variable that is still needed: ``a, b = b, a + b``."""
    found = set()
    for step in steps.walk():
        if isinstance(step, plan.Move):
            for pair in step.pairs:
                source = pair.source
                single = type(source) is Value and source in variables.order and counts.get(source) == 1
                if (
                    single
                    and variables.root(source) is not variables.root(pair.target)
                    and source.name in ("", pair.target.name)
                ):
                    found.add(source)
    return frozenset(found)
