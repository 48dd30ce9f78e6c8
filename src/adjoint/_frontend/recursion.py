"""Functions that call themselves under a condition that is known only when the program runs: functions of the program.

Such a function is run once for each structure and types of its arguments, with symbols for them. What a call of itself
gives is not known at first: the branch that makes it tells nothing (`BottomError`), so the other branch tells the type of
the result. Then it is run again with that. Values of the functions around it become further parameters.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import CellType
from typing import Any

from adjoint._frontend.arrays import Array, Memory
from adjoint._frontend.branches import BottomError
from adjoint._frontend.lists import GrowingList
from adjoint._frontend.state import UnstableError, content, same_content
from adjoint._frontend.trees import Tree, flatten
from adjoint._ir.copying import Copier
from adjoint._ir.nodes import Block, Call, Function, Value, atom_type, free, walk
from adjoint._ir.symbol import Symbol
from adjoint._ir.types import ListOf, Tensor, Type, join

RUNS = 6


@dataclass
class Shell:
    """A function of the program that may not be finished."""

    function: Function
    types: list[Type] | None = None
    result: Tree | None = None
    # The arguments whose memory the function writes to.
    written: list[int] = field(default_factory=list)


def key_of(function: Any, tree: Tree) -> Any:
    """Return what tells calls apart that need different functions."""
    types = tuple(_type(leaf) for leaf in tree.leaves)
    return (function.__code__, tuple(map(id, function.__closure__ or ())), tree.key, types)


def _type(leaf: Any) -> Type:
    return leaf.type if isinstance(leaf, Symbol) else leaf.dynamic.type if isinstance(leaf, GrowingList) else atom_type(leaf)


def find(recorder: Any, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a function of the program that is being made or was made; return its result in a tuple, None if there is none."""
    tree = flatten((args, kwargs))
    shell = recorder.functions.get(key_of(function, tree))
    return None if shell is None else (called(recorder, shell, tree),)


def call(recorder: Any, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Make a function of the program of a function of the user's, and call it."""
    tree = flatten((args, kwargs))
    key = key_of(function, tree)
    shell = recorder.functions[key] = Shell(Function(function.__name__, Block()))
    try:
        for _ in range(RUNS):
            if made(recorder, shell, function, tree):
                break
        else:
            raise UnstableError(f"the type of what the recursive function {function.__name__!r} returns does not become stable")
    finally:
        del recorder.functions[key]
    captured = lift(shell.function)
    result = called(recorder, shell, tree, captured)
    if not captured:
        recorder.functions[key] = shell
    return result


def made(recorder: Any, shell: Shell, function: Any, tree: Tree) -> bool:
    """Run the function with symbols; tell whether that gave what its own calls were given."""
    params = [Value(_type(leaf), name) for leaf, name in zip(tree.leaves, names_of(function, tree), strict=True)]
    block = Block(params=params)
    memories = [Memory(p) if isinstance(leaf, Array) else None for p, leaf in zip(params, tree.leaves, strict=True)]
    symbols = [_symbol(p, m) for p, m in zip(params, memories, strict=True)]
    conditions, escaped = recorder.conditions, recorder.escaped
    with recorder.region(repeats=True) as region:
        try:
            recorder.conditions = recorder.escaped = 0
            with recorder.into(block):
                args, kwargs = tree.rebuild(symbols)
                recorder.entered.append((function.__code__, -1))
                try:
                    result = flatten(function(*args, **kwargs))
                finally:
                    recorder.entered.pop()
                atoms = [recorder.atom(leaf) for leaf in result.leaves]
            written = [k for k, m in enumerate(memories) if m is not None and m.value is not params[k]]
            check_changes(recorder, region, memories, function)
            atoms += [memories[k].value for k in written]  # type: ignore[union-attr]
        except BottomError as error:
            raise UnstableError(f"the recursive function {function.__name__!r} has no way to end") from error
        finally:
            recorder.conditions, recorder.escaped = conditions, escaped
            region.undo()
    types = [atom_type(atom) for atom in atoms]
    if shell.types is not None and len(shell.types) == len(types):
        types = [join(a, b) or b for a, b in zip(shell.types, types, strict=True)]
    stable = shell.types == types and shell.written == written
    shell.types, shell.result, shell.written = types, result, written
    with recorder.into(block):
        block.results = [recorder.converted(atom, t) for atom, t in zip(atoms, types, strict=True)]
    shell.function.body = block
    return stable


def names_of(function: Any, tree: Tree) -> list[str]:
    """Return the user's names of the parameters, if each argument is one leaf."""
    code = function.__code__
    names = list(code.co_varnames[: code.co_argcount])
    return names if len(names) == len(tree.leaves) else [""] * len(tree.leaves)


def _symbol(param: Value, memory: Memory | None) -> Any:
    if memory is not None:
        return Array(memory)
    if isinstance(param.type, ListOf):
        result = GrowingList()
        result.dynamic = param
        return result
    return Symbol(param)


def check_changes(recorder: Any, region: Any, memories: list[Memory | None], function: Any) -> None:
    """Raise if a recursive function changes anything but the arrays among its arguments."""
    for obj, old in region.touched.values():
        own = any(obj is m for m in memories) or recorder.born(obj) > region.start
        if own or same_content(old, content(obj)):
            continue
        noun = {Memory: "array", GrowingList: "list", CellType: "variable"}.get(type(obj), type(obj).__name__)
        raise UnstableError(
            f"the recursive function {function.__name__!r} changes a {noun} that is not its own",
            why="a function of a translated program may change arrays that are its arguments, and nothing else",
            remedy="pass an array as an argument, or return the new value",
        )


def called(recorder: Any, shell: Shell, tree: Tree, captured: list[Value] | None = None) -> Any:
    """Append a call, and return its result in the user's structure."""
    if shell.types is None or shell.result is None:
        raise BottomError
    args = [recorder.converted(recorder.atom(leaf), t) for leaf, t in zip(tree.leaves, map(_type, tree.leaves), strict=True)]
    outputs = [Value(t) for t in shell.types]
    recorder.append(Call(function=shell.function, args=[*args, *(captured or [])], outputs=outputs))
    for k, output in zip(shell.written, outputs[len(shell.result.leaves) :], strict=True):
        tree.leaves[k].replace(output)
    symbols = [_result(recorder, o, leaf) for o, leaf in zip(outputs, shell.result.leaves, strict=False)]
    return shell.result.rebuild(symbols)


def _result(recorder: Any, output: Value, leaf: Any) -> Any:
    if isinstance(output.type, ListOf):
        result = GrowingList()
        result.dynamic = output
        return result
    if isinstance(output.type, Tensor) and isinstance(leaf, Array):
        return Array(Memory(output))
    return recorder.symbol(output)


def lift(function: Function) -> list[Value]:
    """Make the values of the functions around it parameters of a function; return them."""
    captured = list(dict.fromkeys(free(function.body)))
    if not captured:
        return []
    for op in walk(function.body):
        if isinstance(op, Call) and op.function is function:
            op.args = [*op.args, *captured]
        elif isinstance(op, Call) and any(isinstance(c, Call) and c.function is function for c in walk(op.function.body)):
            raise UnstableError("functions that call each other use variables of the function around them")
    copier = Copier({value: Value(value.type, value.name) for value in captured})
    params = [copier.env[value] for value in captured]
    body = copier.block(function.body)
    body.params = [*body.params, *params]
    function.body = body
    return captured
