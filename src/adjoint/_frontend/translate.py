"""A function of the user's, for arguments of given types, as a program."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from adjoint._frontend import builtin_calls as builtin_calls
from adjoint._frontend import calls, invoke
from adjoint._frontend.arrays import Array, Memory
from adjoint._frontend.branches import BottomError
from adjoint._frontend.captures import RANDOM, Captures
from adjoint._frontend.escapes import UserError, framed
from adjoint._frontend.handlers import expect_calls
from adjoint._frontend.identity import AliasError
from adjoint._frontend.lists import GrowingList
from adjoint._frontend.merge import is_number_like, parts_of
from adjoint._frontend.recorder import Recorder
from adjoint._frontend.state import NOTHING, RefusedError, UnstableError, content, is_own
from adjoint._frontend.trees import Rebuild, flatten, flatten_with_functions
from adjoint._ir.nodes import Block, Function, Line, Value
from adjoint._ir.symbol import Symbol, UnknownNumberError
from adjoint._ir.types import Type, type_of
from adjoint._ir.verify import InvalidProgramError, verify
from adjoint.errors import AdjointError, column_of, foreign_files, located


def place_of(error: Exception) -> str:
    """Return the user's line that raised an exception."""
    trace, where, foreign = error.__traceback__, "", foreign_files()
    while trace is not None:
        filename = trace.tb_frame.f_code.co_filename
        if not filename.startswith(foreign):
            where = located(filename, trace.tb_lineno, column_of(trace.tb_frame.f_code, trace.tb_lasti, trace.tb_lineno))
        trace = trace.tb_next
    return where


class TranslationError(AdjointError, TypeError):
    """The function raised an exception when it was run on symbols."""

    def __init__(self, error: Exception) -> None:
        super().__init__(
            f"{type(error).__name__}: {error}",
            where=place_of(error),
            why="the function was run with symbols in the places of its numbers and arrays, to be translated",
            remedy="write it in another way, or use jit(f, fallback=True)",
        )


def takes(f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Tell whether a function has parameters for these arguments."""
    try:
        inspect.signature(f).bind(*args, **kwargs)
    except ValueError:  # a built-in function that does not tell
        return True
    except TypeError:
        return False
    return True


@dataclass
class Program:
    """A translated function.

    ``places``     which leaves of the arguments are parameters of the function
    ``captures``   hidden arguments, which follow them, and what must not have changed
    ``count``      how many of the results belong to the value, ``rebuild`` how to make it of them
    ``written``    arrays of the caller's that the function writes to: (parameter, result)
    ``changed``    containers of the caller's that it changes: (path of keys, how to make the new content, its results)
    ``returned``   results that are the caller's own arrays: {result: parameter}
    """

    function: Function
    places: list[int]
    captures: Captures
    count: int
    rebuild: Rebuild
    written: list[tuple[int, int]] = field(default_factory=list)
    changed: list[tuple[Any, Callable[[list[Any]], Any], slice]] = field(default_factory=list)
    returned: dict[int, int] = field(default_factory=dict)
    specialised: int = 0


def is_leaf(x: Any) -> bool:
    """Tell whether an argument, or a part of one, is a number or an array."""
    return isinstance(x, (float, complex, int, np.ndarray, np.generic, *RANDOM)) and not isinstance(x, (bool, np.bool_))


def leaf_type(x: Any) -> Type:
    """Return the type of a leaf of the arguments; raise if programs have no values of it."""
    if isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind not in "biufc":
        raise RefusedError(
            f"an argument is an array of dtype {x.dtype}",
            why="translated programs compute with booleans, integers, floats and complex numbers",
        )
    return type_of(x)


def translate(f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], level: int = 0) -> Program:
    """Translate ``f`` for arguments of the types of these.

    ``level`` 1 takes whole numbers among the arguments as known, 2 the shapes of arrays as well.
    """
    recorder = Recorder()
    try:
        return attempted(f, args, kwargs, level, recorder)
    except (AliasError, UnstableError, UnknownNumberError, invoke.EndlessError) as error:
        # Short loops of known turns are written turn by turn, and others expect a turn: fewer things must be stable.
        for unrolled, expecting in ((False, True), (True, False), (True, True)):
            if expecting and not recorder.peeled:
                continue
            other = Recorder()
            other.unrolled, other.expecting_turns = unrolled, expecting
            with contextlib.suppress(Exception):
                return attempted(f, args, kwargs, level, other)
        raise error from None


def attempted(f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], level: int, recorder: Recorder) -> Program:
    """Translate ``f`` with a recorder."""
    recorder.captures.root(f)
    block = Block()
    with recorder.into(block), framed(recorder, NOTHING):
        arguments = Arguments(recorder, (args, kwargs), level)
        recorder.params = arguments.params
        name_params(f, arguments)
        symbolic_args, symbolic_kwargs = arguments.symbolic
        recorder.regions.append(arguments.region)
        try:
            value = calls.routed(f)(*symbolic_args, **symbolic_kwargs)
        except UserError as error:
            raise error.args[0] from None
        except invoke.RecursingError as error:
            name = error.activation.code.co_name
            raise UnstableError(f"the function {name!r} calls itself in a way that is not translated") from None
        except BottomError:
            raise UnstableError("a recursive function has no way to end") from None
        except AdjointError:
            raise
        except Exception as error:
            if is_own(error) and calls.holds_symbols(error.args):
                raise UnstableError(
                    f"every way through the function raises {type(error).__name__}, with a text that depends on the arguments",
                    where=place_of(error),
                ) from error
            if is_own(error) and not isinstance(getattr(error, "__adjoint_raised__", False), str):
                raise
            if isinstance(error, TypeError) and not place_of(error) and not takes(f, args, kwargs):
                # The call itself is wrong, as it would be without `jit`.
                raise error.with_traceback(None) from None
            raise TranslationError(error) from error
        finally:
            recorder.close_generators()
        expect_calls(recorder)
        try:
            return finished(recorder, f, arguments, block, value, level)
        except (AliasError, UnstableError) as error:
            line = line_of(f)
            where = "" if line is None else located(line.filename, line.number, 0) + f" what {name_of(f)} returns or changes"
            raise type(error)(error.what, why=error.why, remedy=error.remedy, where=where) from None


class Arguments:
    """The arguments of a call as symbols."""

    def __init__(self, recorder: Recorder, tree: Any, level: int) -> None:
        from adjoint._frontend.state import Region

        self.recorder = recorder
        self.region = Region()
        taken = flatten(tree, is_leaf)
        self.leaves = taken.leaves
        self.params: list[Value] = []
        self.places: list[int] = []
        self.memories: list[Memory | None] = []
        symbols: list[Any] = []
        shared: dict[int, Any] = {}
        for place, leaf in enumerate(taken.leaves):
            if isinstance(leaf, np.ndarray) and id(leaf) in shared:
                symbols.append(shared[id(leaf)])
                continue
            symbol = self.symbol(place, leaf, level)
            if isinstance(leaf, np.ndarray):
                shared[id(leaf)] = symbol
            symbols.append(symbol)
        self.tree = tree
        self.symbolic = taken.rebuild(symbols)
        self.containers = dict(containers(self.symbolic, tree, ()))
        refuse_others(recorder, self.symbolic, set())

    def symbol(self, place: int, leaf: Any, level: int) -> Any:
        if isinstance(leaf, (int, np.integer)) and not isinstance(leaf, (bool, np.bool_)) and level >= 1:
            return leaf
        param = Value(leaf_type(leaf))
        self.params.append(param)
        self.places.append(place)
        if isinstance(leaf, np.ndarray):
            memory = Memory(param)
            self.memories.append(memory)
            self.recorder.seen[param] = leaf.shape
            if level >= 2:
                self.recorder.shapes[param] = leaf.shape
            return Array(memory)
        self.memories.append(None)
        return Symbol(param)


def refuse_others(recorder: Recorder, x: Any, seen: set[int]) -> None:
    """Refuse iterators among the arguments, and changes of objects that are not taken apart."""
    if is_leaf(x) or id(x) in seen:
        return
    seen.add(id(x))
    if hasattr(type(x), "__next__"):
        raise RefusedError("an argument is an iterator", why="a program is run many times", remedy="pass a list")
    parts = parts_of(x)
    if parts is None and isinstance(x, (set, bytearray)):
        recorder.captures.foreign[id(x)] = x
    for part in (parts or {}).values():
        refuse_others(recorder, part, seen)


def containers(symbolic: Any, original: Any, path: tuple[Any, ...]) -> Any:
    """Yield the containers among the arguments by where they are found, with the caller's own."""
    parts, originals = parts_of(symbolic), parts_of(original)
    if parts is None or originals is None or isinstance(original, np.ndarray):
        return
    if path and not isinstance(original, tuple):
        yield path, symbolic
    for name, part in parts.items():
        if name in originals:
            yield from containers(part, originals[name], (*path, name))


def finished(recorder: Recorder, f: Any, arguments: Arguments, block: Block, value: Any, level: int) -> Program:
    """Write the results: of the value, of arrays and containers of the caller's that were changed."""
    expect_result(value)
    result = flatten(value)
    atoms = [recorder.atom(leaf) for leaf in result.leaves]
    returned = aliases(result.leaves, arguments.memories)
    count = len(atoms)
    changed = []
    for path, obj in arguments.containers.items():
        found = arguments.region.touched.get(id(obj))
        if found is not None and found[0] is obj:
            tree = flatten(_content(obj))
            changed.append((path, tree.rebuild, slice(len(atoms), len(atoms) + len(tree.leaves))))
            returned.update({len(atoms) + k: p for k, p in aliases(tree.leaves, arguments.memories).items()})
            atoms += [recorder.atom(leaf) for leaf in tree.leaves]
    written = []
    hidden = [(k, m) for k, m in enumerate([*arguments.memories, *recorder.captures.memories]) if m is not None]
    for k, memory in hidden:
        if memory.read() is not ([*arguments.params, *[v for _, v in recorder.captures.inputs]])[k]:
            written.append((k, len(atoms)))
            atoms.append(memory.value)
    block.params = [*arguments.params, *[param for _, param in recorder.captures.inputs]]
    block.results = atoms
    line = line_of(f)
    function = Function(name_of(f), block, line, (getattr(f, "__doc__", "") or "") if line is not None else "")
    # What the frontend got wrong must not become a wrong number.
    try:
        verify(function)
    except InvalidProgramError as error:
        raise UnstableError("the program that was written is not valid", why=str(error), remedy="please report this") from error
    return Program(
        function, arguments.places, recorder.captures, count, result.rebuild, written, changed, returned, specialised=level
    )


def expect_result(x: Any) -> None:
    """Raise unless a result is made of numbers, arrays and what is known: nothing that runs later, and holds symbols."""
    if is_number_like(x) or (isinstance(x, GrowingList) and x.dynamic is not None):
        return
    parts = parts_of(x)
    if parts is not None:
        for part in parts.values():
            expect_result(part)
        return
    bounds = (x.start, x.stop, x.step) if isinstance(x, (slice, range)) else ()
    later = hasattr(x, "__next__") or type(x).__module__.startswith("adjoint._frontend")
    if isinstance(x, FunctionType):
        later = bool(x.__closure__) or invoke.is_rewritten(x)
    later = later or any(isinstance(leaf, Symbol) for leaf in flatten_with_functions(x).leaves)
    if later or isinstance(x, (MethodType, functools.partial)) or any(isinstance(bound, Symbol) for bound in bounds):
        raise RefusedError(
            f"a {type(x).__name__} is the result of a translated function",
            why="it would run, or hold values of the program, after the program has ended",
            remedy="return numbers and arrays, in tuples, lists, dicts and objects",
        )


def _content(obj: Any) -> Any:
    if isinstance(obj, GrowingList):
        return obj
    return content(obj)


def aliases(leaves: list[Any], memories: list[Memory | None]) -> dict[int, int]:
    """Return which results are arrays of the caller's."""
    found = {}
    for k, leaf in enumerate(leaves):
        if isinstance(leaf, Array) and not leaf.path:
            for p, memory in enumerate(memories):
                if memory is leaf.memory:
                    found[k] = p
    return found


def name_params(f: Any, arguments: Arguments) -> None:
    """Give the parameters the user's names: of ``p["w"]`` it is ``p_w``."""
    code = getattr(inspect.unwrap(f), "__code__", None)
    names = list(code.co_varnames[: code.co_argcount]) if code is not None else []
    by_leaf: dict[int, str] = {}

    def walk(x: Any, name: str) -> None:
        if is_leaf(x):
            by_leaf.setdefault(len(by_leaf), name)
            return
        for key, part in (parts_of(x) or {}).items():
            walk(part, f"{name}_{key}" if str(key).isidentifier() or isinstance(key, int) else name)

    args, kwargs = arguments.tree
    offset = 1 if getattr(f, "__self__", None) is not None else 0
    for k, arg in enumerate(args):
        walk(arg, names[k + offset] if k + offset < len(names) else f"arg{k}")
    for key, arg in kwargs.items():
        walk(arg, key)
    for place, param in zip(arguments.places, arguments.params, strict=True):
        param.name = param.name or by_leaf.get(place, "")


def name_of(f: Any) -> str:
    """Return a name for the program."""
    name = getattr(f, "__name__", "f")
    name = name if name.isidentifier() else "f"
    operator = getattr(getattr(f, "run", None), "__name__", "")
    return f"{name}{operator}" if operator.startswith("_") else name


def line_of(f: Any) -> Line | None:
    """Return where the user defined a function."""
    code = getattr(inspect.unwrap(f), "__code__", None)
    return Line(code.co_filename, code.co_firstlineno, code.co_name) if code is not None else None
