"""Which function two branches, or two turns of a loop, leave under one name: one of other values, or one of several.

Functions of one text are one function whose variables hold what they hold on the two sides. Of others a `Choice` remains, and
a number that says which of them it is; a call of it is a branch.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from types import BuiltinFunctionType, CellType, FunctionType, MethodType
from typing import Any

import numpy as np

from adjoint._frontend import closures
from adjoint._frontend.state import UNBOUND, UnstableError, held_in
from adjoint._ir.symbol import Symbol, writing

Rebuild = Callable[[list[Any]], Any]
# What a new variable stands for, None of what is none; and how to make its content.
Part = tuple[list[tuple[CellType, Any]] | None, Rebuild]
# Functions among which a program chooses, at most.
MOST = 8
_KINDS = (FunctionType, BuiltinFunctionType, MethodType, functools.partial, np.ufunc, type(np.sum))


class Choice:
    """A function that is one of several; ``index`` says which, and is known only when the program runs."""

    def __init__(self, index: Any, options: list[Any]) -> None:
        self.index, self.options = index, options

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not writing():
            raise TypeError("a function that was chosen in a program is called outside of it")
        from adjoint._frontend.calls import routed  # of functions of libraries, which call it as it is

        return routed(self)(*args, **kwargs)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        raise unknown_function()

    __hash__ = None  # type: ignore[assignment]


def unknown_function() -> UnstableError:
    """Return the error for a comparison of functions of which one may be one of several."""
    return UnstableError(
        "which function a variable holds is asked for, and known only when the program runs",
        remedy="keep a number or a boolean that says which function it is",
    )


def is_function(x: Any) -> bool:
    """Tell whether ``x`` is a function, of the user's or of a library."""
    return isinstance(x, (*_KINDS, Choice, *closures.KINDS))


def merged(merger: Any, a: Any, b: Any) -> Rebuild | None:
    """Return how to make the function that is ``a`` on one side and ``b`` on the other; None if they are no functions."""
    if not (is_function(a) and is_function(b)):
        return None
    return _one(merger, a, b) if _alike(a, b) else _choice(merger, a, b)


def _alike(a: Any, b: Any) -> bool:
    """Tell whether two functions are one, of other values."""
    first, second = closures.carried(a), closures.carried(b)
    if a is b or first is None or second is None:
        return a is b
    return first[0] == second[0] and list(first[1]) == list(second[1])


def _one(merger: Any, a: Any, b: Any) -> Rebuild:
    key = (id(a), id(b))
    if key in merger.open:  # one of its variables holds it
        return _met(merger, key)
    (kind, first), (_, second) = closures.carried(a), closures.carried(b)  # type: ignore[misc]
    merger.forms.append((kind, *first))
    merger.open.add(key)
    parts = {name: _part(merger, x, second[name]) for name, x in first.items()}
    merger.open.discard(key)
    return _remade(merger, a, key, parts)


def _part(merger: Any, x: Any, y: Any) -> Part:
    """Return how to make a part of a function; of a new variable, also what it stands for."""
    if not isinstance(x, CellType) or x is y:
        return None, merger.merge(x, y)
    u, v = (side.content(cell)[0] for side, cell in zip(merger.sides, (x, y), strict=True))
    changed = any(id(cell) in merger.recorder.births for cell in (x, y))  # by functions that share it
    return [(x, u), (y, v)], merger.ambiguous(u, v) if changed else merger.merge(u, v)


def one_sided(merger: Any, side: Any, x: Any, *, first: bool) -> Rebuild | None:
    """Return how to make a function that one side has, and the other not; None if ``x`` is none, or carries nothing along."""
    found = closures.carried(x)
    if found is None:
        return None
    key = (id(x), 0)
    if key in merger.open:
        return _met(merger, key)
    if merger.outer and not any(is_defined_in(side, leaf) for leaf in _leaves(x)):
        return lambda _: x
    merger.forms.append((found[0], *found[1]))
    merger.open.add(key)
    parts = {name: _one_sided_part(merger, side, part, first=first) for name, part in found[1].items()}
    merger.open.discard(key)
    return _remade(merger, x, key, parts)


def _met(merger: Any, key: tuple[int, int]) -> Rebuild:
    """Return how to make a function that is being made: one of its variables holds it."""

    def make(outputs: list[Any]) -> Any:
        found = merger.made.get((id(outputs), *key))
        if found is None:
            raise UnstableError("a function with a derivative of its own, which calls itself, is one of several after a branch")
        return found[1]

    return make


def _leaves(f: Any) -> list[Any]:
    from adjoint._frontend.trees import flatten_with_functions

    return flatten_with_functions(f).leaves


def is_defined_in(side: Any, x: Any) -> bool:
    """Tell whether a number or array is computed in the block of a side, and so is not seen outside of it."""
    atom = x.dynamic if getattr(x, "dynamic", None) is not None else side.atom(x)
    block = side.block
    return any(p is atom for p in block.params) or any(output is atom for op in block.ops for output in op.outputs)


def _one_sided_part(merger: Any, side: Any, x: Any, *, first: bool) -> Part:
    if not isinstance(x, CellType):
        return None, merger.one_sided(x, first=first)
    u = side.content(x)[0]
    # What a variable of the function that is running holds is merged by its name.
    if id(x) in merger.cells or u is UNBOUND or id(x) in merger.recorder.births:
        return None, lambda _: x
    if isinstance(u, (bool, int, float, complex, str)):
        merger.forms.append((type(u), repr(u)))
    return [(x, u)], merger.one_sided(u, first=first)


def _remade(merger: Any, like: Any, key: tuple[int, int], parts: dict[Any, Part]) -> Rebuild:
    """Return how to make a function of merged parts, once for all names under which it is found."""

    def make(outputs: list[Any]) -> Any:
        full = (id(outputs), *key)
        if full not in merger.made:
            new = {name: build(outputs) if sources is None else CellType() for name, (sources, build) in parts.items()}
            merger.made[full] = (outputs, closures.remade(like, new))
            merger.recorder.merged[id(merger.made[full][1])] = merger.made[full][1]
            for name, (sources, build) in parts.items():
                if sources is not None:
                    new[name].cell_contents = build(outputs)
                    merger.recorder.sources[id(new[name])] = (new[name], sources)
        return merger.made[full][1]

    return make


def expect_unchanged(recorder: Any, f: FunctionType) -> None:
    """Raise if a variable of a merged function stands for one that has changed since."""
    for cell in f.__closure__ or ():
        _, sources = recorder.sources.get(id(cell), (cell, ()))
        if any(held_in(source) is not content for source, content in sources):
            raise UnstableError(
                f"the function {f.__name__!r} reads a variable that changed after a branch or a loop left it as one of several",
                remedy="hand the value to the function as a default argument (lambda x, w=w: ...)",
            )


# One of several ---------------------------------------------------------------------------------------------------------------


def _options(x: Any) -> list[Any]:
    return x.options if isinstance(x, Choice) else [x]


def _choice(merger: Any, a: Any, b: Any) -> Rebuild | None:
    """Return how to make the choice of two functions, or of those that they are chosen from; None if these are too many."""
    pairs: list[list[Any]] = [[option, None] for option in _options(a)]
    places = []
    for option in _options(b):
        k = next((k for k, (own, other) in enumerate(pairs) if own is not None and other is None and _alike(own, option)), None)
        if k is None:
            k = len(pairs)
            pairs.append([None, option])
        pairs[k][1] = option
        places.append(k)
    if len(pairs) > MOST:
        return None
    first, second = merger.sides
    index = merger.pair(_number(first, a, list(range(len(pairs)))), _number(second, b, places))
    merger.forms.append(("choice", index, len(pairs)))
    made = [_option(merger, own, other) for own, other in pairs]
    return lambda outputs: Choice(outputs[index], [make(outputs) for make in made])


def _option(merger: Any, own: Any, other: Any) -> Rebuild:
    if own is not None and other is not None:
        return merger.merge(own, other)
    # It is called if the number says so: until then what it reads from outside may be read in any case.
    before, merger.outer = merger.outer, True
    try:
        return merger.one_sided(own or other, first=other is None)
    finally:
        merger.outer = before


def _number(side: Any, x: Any, places: list[int]) -> Any:
    """Return which of the pairs a side has."""
    if not isinstance(x, Choice):
        return places[0]
    if not isinstance(x.index, Symbol):
        return places[x.index]
    if places == list(range(len(places))):
        return side.atom(x.index)
    with side.recorder.into(side.block):
        return side.recorder.operation(operator.getitem, (side.recorder.listed(places), side.atom(x.index)))
