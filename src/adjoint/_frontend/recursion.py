"""Functions that call themselves under a condition that is known only when the program runs: functions of the program.

Such a function is run once for each structure and types of its arguments, with symbols for them. What a call of itself
gives is not known at first: the branch that makes it tells nothing (`BottomError`), so the other branch tells the type of
the result. Then it is run again with that. Values of the functions around it become further parameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import CellType
from typing import Any

from adjoint._frontend.arrays import Array, Memory
from adjoint._frontend.branches import BottomError
from adjoint._frontend.closures import carried, is_rewritten
from adjoint._frontend.invoke import DEPTH, Activation, EndlessError, called_as
from adjoint._frontend.lists import GrowingList
from adjoint._frontend.merge import parts_of
from adjoint._frontend.state import UnstableError, content, held_in, same_content
from adjoint._frontend.trees import Tree, flatten_with_functions
from adjoint._ir.copying import Copier
from adjoint._ir.nodes import Block, Call, Function, Value, atom_type, free, walk
from adjoint._ir.symbol import Symbol
from adjoint._ir.types import ListOf, Tensor, Type, join

RUNS = 6


@dataclass
class Aliases:
    """Which arguments a result may be: for each of its leaves, and for each of its containers, by their numbers."""

    arrays: list[list[int]] = field(default_factory=list)
    containers: list[list[int]] = field(default_factory=list)

    @classmethod
    def found(cls, recorder: Any, arguments: Any, memories: list[Memory | None], value: Any, result: Tree) -> Aliases:
        """Compare a result with the arguments."""
        kin = [leaf.memory if isinstance(leaf, Array) else None for leaf in result.leaves]
        arrays = [[k for k, m in enumerate(memories) if m and one and (m is one or m.related(one))] for one in kin]
        own = list(containers(arguments))
        return cls(arrays, [[k for k, x in enumerate(own) if _may_be(recorder, x, y)] for y in containers(value)])

    def note(self, recorder: Any, arguments: Any, value: Any) -> None:
        """Note which of the caller's containers those of a result may be."""
        if any(self.containers):
            own = list(containers(arguments))
            for x, numbers in zip(containers(value), self.containers, strict=True):
                recorder.identity(recorder.made(x), [recorder.identity(own[k]) for k in numbers])


def _may_be(recorder: Any, x: Any, y: Any) -> bool:
    first, second = recorder.known_identity(x), recorder.known_identity(y)
    return x is y or (first is not None and second is not None and first.related(second))


def containers(x: Any, seen: set[int] | None = None) -> Iterator[Any]:
    """Yield the lists, dicts and objects in a value and in what functions carry along, each once."""
    seen = set() if seen is None else seen
    found = carried(x)
    parts = {0: held_in(x)} if isinstance(x, CellType) else parts_of(x) if found is None else found[1]
    growing = isinstance(x, GrowingList) and x.dynamic is not None
    if id(x) in seen or (parts is None and not growing):
        return
    seen.add(id(x))
    if found is None and not isinstance(x, (tuple, CellType)):
        yield x
    for part in (parts or {}).values():
        yield from containers(part, seen)


@dataclass
class Shell:
    """A function of the program that may not be finished."""

    function: Function
    # The function of the user's, kept alive: its identity is part of what tells shells apart.
    original: Any
    types: list[Type] | None = None
    result: Tree | None = None
    # The arguments whose memory the function writes to.
    written: list[int] = field(default_factory=list)
    # Which of the arguments the arrays and containers of the result may be.
    aliases: Aliases = field(default_factory=Aliases)


def taken(original: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Tree, Any]:
    """Return the arguments of a call, and what the function carries along, as leaves; and what tells such calls apart."""
    tree = flatten_with_functions((args, kwargs, called_as(original)))
    tree.value = (args, kwargs, original)
    return tree, (original.__code__, tree.key, tuple(_type(leaf) for leaf in tree.leaves))


def _type(leaf: Any) -> Type:
    return leaf.type if isinstance(leaf, Symbol) else leaf.dynamic.type if isinstance(leaf, GrowingList) else atom_type(leaf)


def find(recorder: Any, function: Any, original: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a function of the program that is being made, or was; make it if there is none for these arguments."""
    tree, key = taken(original, args, kwargs)
    shell = recorder.functions.get(key)
    return call(recorder, function, original, args, kwargs) if shell is None else called(recorder, shell, tree)


def call(recorder: Any, function: Any, original: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Make a function of the program of a function of the user's, and call it."""
    tree, key = taken(original, args, kwargs)
    if sum(shell.code is function.__code__ for shell in shells(recorder)) >= DEPTH:
        raise EndlessError(function.__name__, "arguments of other types")
    shell = recorder.functions[key] = Shell(Function(function.__name__, Block()), original)
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
    if not captured and not any(shells(recorder)):
        recorder.functions[key] = shell
    return result


def shells(recorder: Any) -> list[Activation]:
    """Return the functions of the program that are being made."""
    return [activation for activation in recorder.entered if activation.conditions < 0]


def made(recorder: Any, shell: Shell, function: Any, tree: Tree) -> bool:
    """Run the function with symbols; tell whether that gave what its own calls were given."""
    params = [Value(_type(leaf), name) for leaf, name in zip(tree.leaves, names_of(function, tree), strict=True)]
    block = Block(params=params)
    memories = [Memory(p) if isinstance(leaf, Array) else None for p, leaf in zip(params, tree.leaves, strict=True)]
    # What is made of the symbols is made before: a change of it is one of something that is not the function's own.
    args, kwargs, own = tree.rebuild([_symbol(p, m) for p, m in zip(params, memories, strict=True)])
    conditions, escaped = recorder.conditions, recorder.escaped
    with recorder.region(repeats=True) as region:
        try:
            recorder.conditions = recorder.escaped = 0
            with recorder.into(block):
                recorder.entered.append(Activation(function.__code__, -1, (args, kwargs, own)))
                try:
                    called_function = own if is_rewritten(shell.original) else function
                    value = called_function(*args, **kwargs)
                    result = flatten_with_functions(value)
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
    aliases = Aliases.found(recorder, (args, kwargs, own), memories, value, result)
    stable = shell.types == types and shell.written == written and shell.aliases == aliases
    shell.types, shell.result, shell.written, shell.aliases = types, result, written, aliases
    with recorder.into(block):
        block.results = [recorder.converted(atom, t) for atom, t in zip(atoms, types, strict=True)]
    shell.function.body = block
    return stable


def names_of(function: Any, tree: Tree) -> list[str]:
    """Return the user's names of the parameters, if each argument is one leaf, and of what a function carries along."""
    code = function.__code__
    names = list(code.co_varnames[: code.co_argcount])
    (args, kwargs, _) = tree.rebuild(tree.leaves)
    count = len(flatten_with_functions((args, kwargs)).leaves)
    first = names if len(names) == count else [""] * count
    return [*first, *[leaf.value.name if isinstance(leaf, Symbol) else "" for leaf in tree.leaves[count:]]]


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
    expect_apart(tree.leaves, shell)
    args = [recorder.converted(recorder.atom(leaf), t) for leaf, t in zip(tree.leaves, map(_type, tree.leaves), strict=True)]
    outputs = [Value(t) for t in shell.types]
    recorder.append(Call(function=shell.function, args=[*args, *(captured or [])], outputs=outputs))
    for k, output in zip(shell.written, outputs[len(shell.result.leaves) :], strict=True):
        tree.leaves[k].replace(output)
    results = zip(outputs, shell.result.leaves, shell.aliases.arrays, strict=False)
    symbols = [_result(recorder, o, leaf, [tree.leaves[k] for k in own]) for o, leaf, own in results]
    value = shell.result.rebuild(symbols)
    shell.aliases.note(recorder, tree.value, value)
    return value


def expect_apart(leaves: list[Any], shell: Shell) -> None:
    """Raise if a function writes to an array that it is given under another name as well."""
    memories = {k: leaf.memory for k, leaf in enumerate(leaves) if isinstance(leaf, Array)}
    for k in shell.written:
        if any(memories[k].related(memory) for j, memory in memories.items() if j != k):
            raise UnstableError(
                f"the recursive function {shell.function.name!r} writes to an array that it is given twice",
                remedy="pass a copy of one of them",
            )


def _result(recorder: Any, output: Value, leaf: Any, own: list[Any]) -> Any:
    """Return a leaf of the result, which may be one of the arguments ``own``."""
    if isinstance(output.type, ListOf):
        result = GrowingList()
        result.dynamic = output
        return result
    if isinstance(output.type, Tensor) and isinstance(leaf, Array):
        return Array(Memory(output, [x.memory for x in own]))
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
