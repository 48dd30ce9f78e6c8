"""Machine code on disk by the program that it was made of: a later process finds it without planning and writing anything.

The cache of object code has its entries by the text of LLVM, which to write takes longer than all the rest.  So it keeps a
second kind of entry: by the program itself (`digest`, every field of it), what was asked for, the processor, and all code that
takes part (`running`), the name of the object code's entry and what Python has to know of it, in JSON.  Where any of this
cannot be told, or an entry is not there, or does not fit, the text is written, and decides.

Objects that the code uses are not on the disk: an entry says where they stand in the program, an operation that is called
back or a constant, and they are taken from there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from adjoint._backend.native import cache, calling, machine, running
from adjoint._ir.digest import digest
from adjoint._ir.nodes import Apply, Function, Value, atoms, functions, walk

# Changes with what is kept of a program.
FORMAT = 1

Place = tuple[int, ...]


class Known(NamedTuple):
    """``code`` is the name of the object code; ``imports`` the functions that it calls; ``is_exact``: there is no other form.

    ``places`` say where its objects are: of an operation that is called back the numbers of its function and its own, of a
    constant its number; that of None is empty.
    """

    code: str
    imports: tuple[str, ...]
    places: tuple[Place, ...]
    is_exact: bool


def key(function: Function, asked: Mapping[str, Any]) -> str | None:
    """Return the name of a program's entry, None if it can have none; ``asked`` is all that its text is written with."""
    if cache.folder() is None or (code := running.code()) is None or (program := digest([function, dict(asked)])) is None:
        return None
    return cache.key("program", str(FORMAT), program, code, machine.versions(), *machine.cpu())


def load(key: str) -> Known | None:
    """Return what is known of a program, None if it is nothing that can be trusted."""
    if (raw := cache.load(key)) is None:
        return None
    try:
        code, imports, places, is_exact = json.loads(raw)
        known = Known(code, tuple(imports), tuple(map(tuple, places)), is_exact)
    except (TypeError, ValueError, RecursionError):
        return None
    return known if _is_valid(known) else None


def store(key: str, known: Known) -> None:
    """Keep what is known of a program."""
    cache.store(key, json.dumps(known).encode())


def _is_valid(known: Known) -> bool:
    numbers = [number for place in known.places for number in place]
    return (
        all(isinstance(name, str) for name in (known.code, *known.imports))
        and known.code.isalnum()
        and all(type(number) is int and number >= 0 for number in numbers)
        and all(len(place) <= 2 for place in known.places)
        and isinstance(known.is_exact, bool)
    )


# ------------------------------------------------------------------------------------------------------------ the objects


def places(function: Function, objects: Sequence[Any], called: Mapping[int, Place]) -> tuple[Place, ...] | None:
    """Return where objects stand in a program, None if one of them does not.

    ``called`` has the places of those that are called back, by the objects' numbers.
    """
    constants = {id(x): k for k, x in enumerate(_constants(function))} if len(called) < len(objects) else {}
    found: list[Place] = []
    for k, x in enumerate(objects):
        if k in called:
            found.append(called[k])
        elif x is None:
            found.append(())
        elif id(x) in constants:
            found.append((constants[id(x)],))
        else:
            return None
    return tuple(found)


def objects(function: Function, places: Sequence[Place]) -> list[Any] | None:
    """Return the objects that stand at some places of a program, None if there are no such places."""
    if not places:
        return []
    program = [list(walk(one.body)) for one in functions(function)]
    constants = list(_constants(function)) if any(len(place) == 1 for place in places) else []
    try:
        found = [program[place[0]][place[1]] if len(place) == 2 else constants[place[0]] if place else None for place in places]
    except LookupError:
        return None
    if any((len(place) == 2) is not isinstance(x, Apply) for place, x in zip(places, found, strict=True)):
        return None
    return [calling.function(x) if isinstance(x, Apply) else x for x in found]


def _constants(function: Function) -> Iterator[Any]:
    """Yield the constants of a program."""
    for one in functions(function):
        for op in walk(one.body):
            for tree in (op.operands, [block.results for block in op.blocks]):
                yield from (atom for atom in atoms(tree) if type(atom) is not Value)
        yield from (atom for atom in atoms(one.results) if type(atom) is not Value)
