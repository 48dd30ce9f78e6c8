"""Values, operations, blocks and functions.

A program is structured: a block is a list of operations, and an operation may hold blocks.  Every value is assigned once and
seen by the operations after it in its block and in the blocks within.  Nothing is ever changed in place: ``a[i] = x`` is an
operation `assign` whose result is a new version of ``a``; a backend writes in place where the old version is dead.

===========  ============================================================================================================
`Apply`      ``y = function(*args, **kwargs)``, a function of the rule book (or of the list in `stores`)
`If`         ``y = then() if condition else orelse()``
`Loop`       carried values go round and round; a value of each turn may be collected, and consumed by a later loop
`Call`       ``y = function(*args)`` of another function of the program, which recursion needs
`Raise`      the program ends here with the user's exception
===========  ============================================================================================================

Arguments are *atoms*, or tuples, lists, dicts and slices of atoms.  An atom is a `Value` or a plain object of Python's that is
known when the program is written: a number, a string, a dtype, None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from adjoint._ir.types import Type, type_of


class Line(NamedTuple):
    """A place in the user's source."""

    filename: str
    number: int
    function: str = ""


class Value:
    """A value that the program computes.  ``name`` is what the user calls it, if he does."""

    __slots__ = ("name", "type")

    def __init__(self, type: Type, name: str = "") -> None:
        self.type = type
        self.name = name

    def __repr__(self) -> str:
        return f"<{self.name or 'value'}: {self.type}>"


@dataclass(eq=False, slots=True)
class Block:
    """Operations in order.  ``params`` are given from outside (a loop's carried values), ``results`` go there."""

    params: list[Value] = field(default_factory=list)
    ops: list[Op] = field(default_factory=list)
    results: list[Any] = field(default_factory=list)


@dataclass(eq=False, slots=True, kw_only=True)
class Op:
    """An operation: its results, and the user's line that it comes from."""

    outputs: list[Value] = field(default_factory=list)
    line: Line | None = None

    @property
    def blocks(self) -> tuple[Block, ...]:
        return ()

    @property
    def operands(self) -> tuple[Any, ...]:
        """What it takes, without what its blocks take from outside."""
        return ()


@dataclass(eq=False, slots=True, kw_only=True)
class Apply(Op):
    """A function of the book applied to arguments.

    ``outputs`` are the parts of the result if that is a tuple or a list, as ``form`` says (the class, None for one value).
    ``effect`` marks what may neither be left out nor be done twice: a draw from a random generator, a print.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)
    form: type | None = None
    effect: bool = False

    @property
    def operands(self) -> tuple[Any, ...]:
        return (self.args, self.kwargs)


@dataclass(eq=False, slots=True, kw_only=True)
class If(Op):
    """A branch.  Both blocks have no parameters and as many results as the operation."""

    condition: Any
    then: Block
    orelse: Block

    @property
    def blocks(self) -> tuple[Block, ...]:
        return (self.then, self.orelse)

    @property
    def operands(self) -> tuple[Any, ...]:
        return (self.condition,)


@dataclass(eq=False, slots=True, kw_only=True)
class Loop(Op):
    """A loop, over a range of integers or while a test holds.

    ``range``     (start, stop, step), or None for a loop that only its test or its stop ends
    ``reverse``   the indices of the range come last first
    ``test``      a block of parameters ``[*carried]`` with one boolean result, run before each turn; or None
    ``inits``     the carried values before the first turn
    ``consumed``  lists of which each turn takes the item of its position; the list is as long as the loop is
    ``body``      parameters ``[index, *carried, *items]``; results ``[*carried, *collected, (stop)]``
    ``stops``     the last result is a boolean: this turn was the last one
    ``unordered`` reverse mode wrote it: what it adds up is no sum of the user's, and may be added in any order
    ``outputs``   ``[*carried, *lists of what was collected, turns]``; ``turns`` is how many began

    Items are aligned by position, not by time: what turn k of the range collected is what turn k of another loop consumes,
    whichever way the two run.  In a loop without a range the position is the count of the turn, from 0, and is the index too.
    """

    range: tuple[Any, Any, Any] | None
    inits: list[Any]
    body: Block
    test: Block | None = None
    reverse: bool = False
    consumed: list[Any] = field(default_factory=list)
    stops: bool = False
    unordered: bool = False

    @property
    def blocks(self) -> tuple[Block, ...]:
        return (self.body,) if self.test is None else (self.test, self.body)

    @property
    def operands(self) -> tuple[Any, ...]:
        return (self.range, self.inits, self.consumed)

    # The parts of the parameters, results and outputs, by name.

    @property
    def index(self) -> Value:
        return self.body.params[0]

    @property
    def carried(self) -> list[Value]:
        return self.body.params[1 : 1 + len(self.inits)]

    @property
    def items(self) -> list[Value]:
        return self.body.params[1 + len(self.inits) :]

    @property
    def updates(self) -> list[Any]:
        return self.body.results[: len(self.inits)]

    @property
    def collected(self) -> list[Any]:
        return self.body.results[len(self.inits) : len(self.body.results) - self.stops]

    @property
    def finals(self) -> list[Value]:
        return self.outputs[: len(self.inits)]

    @property
    def lists(self) -> list[Value]:
        return self.outputs[len(self.inits) : -1]

    @property
    def turns(self) -> Value:
        return self.outputs[-1]


@dataclass(eq=False, slots=True, kw_only=True)
class Call(Op):
    """A call of another function of the program."""

    function: Function
    args: list[Any]

    @property
    def operands(self) -> tuple[Any, ...]:
        return (self.args,)


@dataclass(eq=False, slots=True, kw_only=True)
class Raise(Op):
    """``raise error(*args)``.  What follows in the block is not reached."""

    error: Any
    args: tuple[Any, ...] = ()

    @property
    def operands(self) -> tuple[Any, ...]:
        return (self.args,)


@dataclass(eq=False, slots=True)
class Derivative:
    """The derivative of a function that its user gave: programs that take the place of those that transforms would write.

    ``count`` parameters of the function are its arguments; values of the world around it follow, by which it is not
    differentiated.

    ``pushforward``  ``[*params, *tangents of arguments]`` -> ``[*results, *tangents of results]``; or, in its place,
    ``forward``      ``params`` -> ``[*results, *residuals]`` and
    ``backward``     ``[*residuals, *cotangents of results]`` -> cotangents of arguments
    ``refusal``      the error to raise if neither could be had

    Tangents and cotangents are those of differentiable arguments and results only.
    """

    count: int
    pushforward: Function | None = None
    forward: Function | None = None
    backward: Function | None = None
    refusal: Exception | None = None


@dataclass(eq=False, slots=True)
class Function:
    """A function of a program: flat parameters, flat results.

    ``line`` is where the user defined it, ``derivative`` the derivative that the user gave for it.  ``updates`` are parameters
    of which results are later versions, each with its result: no caller needs the parameter afterwards, so that a backend may
    hand it over and update it in place.
    """

    name: str
    body: Block
    line: Line | None = None
    doc: str = ""
    derivative: Derivative | None = None
    updates: dict[int, int] = field(default_factory=dict)

    @property
    def params(self) -> list[Value]:
        return self.body.params

    @property
    def results(self) -> list[Any]:
        return self.body.results


class Undefined:
    """Stands for a value that is not there: of a variable in the branch that does not assign it.  Nobody reads it."""

    __slots__ = ("type",)

    def __init__(self, type: Type) -> None:
        self.type = type

    def __repr__(self) -> str:
        return "undefined"


# Trees of atoms -----------------------------------------------------------------------------------------------------------


# Classes of atoms that are met often and are no trees.
_PLAIN = frozenset({Value, int, float, bool, str, type(None)})


def map_atoms(function: Callable[[Any], Any], tree: Any) -> Any:
    """Apply ``function`` to every atom of a tree of tuples, lists, dicts and slices."""
    kind = type(tree)
    if kind in _PLAIN:
        return function(tree)
    if kind is tuple or kind is list:
        return kind([function(part) if type(part) in _PLAIN else map_atoms(function, part) for part in tree])
    if kind is dict:
        return {key: map_atoms(function, part) for key, part in tree.items()}
    if kind is slice:
        return slice(map_atoms(function, tree.start), map_atoms(function, tree.stop), map_atoms(function, tree.step))
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*[map_atoms(function, part) for part in tree])
    return function(tree)


def atoms(tree: Any) -> Iterator[Any]:
    """Yield the atoms of a tree."""
    found: list[Any] = []
    _collect(tree, found)
    return iter(found)


def _collect(tree: Any, found: list[Any]) -> None:
    """Add the atoms of a tree to a list, which is several times as quick as generators within each other."""
    kind = type(tree)
    if kind is Value:
        found.append(tree)
    elif isinstance(tree, (tuple, list)):
        for part in tree:
            if type(part) is Value:
                found.append(part)
            else:
                _collect(part, found)
    elif kind is dict:
        for part in tree.values():
            _collect(part, found)
    elif kind is slice:
        _collect((tree.start, tree.stop, tree.step), found)
    else:
        found.append(tree)


def values(tree: Any) -> Iterator[Value]:
    """Yield the values among the atoms of a tree."""
    found: list[Value] = []
    _collect_values(tree, found)
    return iter(found)


def _collect_values(tree: Any, found: list[Value]) -> None:
    """Add the values of a tree to a list."""
    kind = type(tree)
    if kind is Value:
        found.append(tree)
    elif kind in _PLAIN:
        return
    elif isinstance(tree, (tuple, list)):
        for part in tree:
            if type(part) is Value:
                found.append(part)
            elif type(part) not in _PLAIN:
                _collect_values(part, found)
    elif kind is dict:
        for part in tree.values():
            _collect_values(part, found)
    elif kind is slice:
        _collect_values((tree.start, tree.stop, tree.step), found)


def atom_type(atom: Any) -> Type:
    """Return the type of an atom."""
    return atom.type if isinstance(atom, (Value, Undefined)) else type_of(atom)


# Walks ----------------------------------------------------------------------------------------------------------------------


def walk(block: Block) -> Iterator[Op]:
    """Yield every operation of a block and of the blocks within, in order, an operation before its blocks."""
    for op in block.ops:
        yield op
        for inner in op.blocks:
            yield from walk(inner)


def uses(op: Op) -> Iterator[Value]:
    """Yield the values that an operation takes from around it: its operands, and what its blocks do not define themselves."""
    yield from values(op.operands)
    for block in op.blocks:
        yield from free(block)


def free(block: Block) -> Iterator[Value]:
    """Yield, with repetitions, the values that a block uses and does not define."""
    own = set(block.params)
    for op in block.ops:
        yield from (value for value in uses(op) if value not in own)
        own.update(op.outputs)
    yield from (value for value in values(block.results) if value not in own)


def functions(function: Function) -> list[Function]:
    """Return a function and all that it calls, itself first."""
    found = [function]
    for one in found:
        for op in walk(one.body):
            if isinstance(op, Call) and op.function not in found:
                found.append(op.function)
    return found
