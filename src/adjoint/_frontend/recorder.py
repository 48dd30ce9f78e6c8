"""The builder that the user's code writes into."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint import errors
from adjoint._frontend.arrays import Array, Memory
from adjoint._frontend.changes import Changes
from adjoint._frontend.crossing import crossed
from adjoint._frontend.lines import user_line
from adjoint._frontend.lists import GrowingList
from adjoint._frontend.state import Ambiguous, UnstableError
from adjoint._frontend.views import VIEWS, plain
from adjoint._ir import infer
from adjoint._ir.nodes import Apply, Block, If, Op, Undefined, Value, atom_type, map_atoms, values
from adjoint._ir.symbol import Symbol, UnknownNumberError, extent, length, writer
from adjoint._ir.types import FLOAT, ListOf, Opaque, Tensor, Type, join
from adjoint._rules import stores

Function = Callable[..., Any]


class Recorder(Changes):
    """Writes the program of a function of the user's."""

    def __init__(self) -> None:
        super().__init__()
        self.params: list[Value] = []
        # The rewritten functions that are running.
        self.entered: list[Any] = []
        self.functions: dict[Any, Any] = {}
        # Functions that stand for several, and the variables that theirs stand for.
        self.merged: dict[int, Any] = {}
        self.sources: dict[int, Any] = {}
        # Operations within `try` before which it is asked whether they raise, with the classes of what.
        self.checked: dict[int, tuple[Op, tuple[type[BaseException], ...]]] = {}
        # Calls of functions of the program within `try`, with what the handlers take.
        self.calls_in_try: list[tuple[Any, Any]] = []
        # The `try` statements that are open, and where the operations within them come from.
        self.tries: list[Any] = []
        self.where: dict[int, str] = {}
        # Whether loops whose turns are known are written turn by turn.
        self.unrolled = False
        # Whether the first turn of a loop was written on its own, and whether it is expected: otherwise it is a branch.
        self.peeled = self.expecting_turns = False
        # Attributes that objects have after one side of a branch or a loop only.
        self.doubtful: dict[tuple[int, str], Any] = {}
        # Shapes that the parameters have now, and those that the program is specialised for.
        self.seen: dict[Value, tuple[int, ...]] = {}
        self.shapes: dict[Value, tuple[int, ...]] = {}

    # Where we are -------------------------------------------------------------------------------------------------------------

    def append(self, op: Op) -> Op:
        if self.tries and isinstance(op, Apply) and any(True for _ in values((op.args, op.kwargs))):
            from adjoint._frontend.checks import check

            check(self, op)
        if op.line is None:
            op.line = self.line or user_line(self.entered[-1].code.co_name if self.entered else "")
            if self.tries:
                self.where[id(op)] = errors.user_line()
        self.note(op)
        return super().append(op)

    def place(self) -> str:
        """Return the user's line that is being run, as text."""
        line = self.line or user_line()
        return "" if line is None else f"{line.filename}:{line.number}"

    def expect_seen(self, captured: Sequence[Value]) -> None:
        """Raise unless values are seen where the program is being written: what went wrong must not become a wrong number."""
        seen = {v for b in self.blocks for v in (*b.params, *[output for op in b.ops for output in op.outputs])}
        seen.update(self.params, [value for _, value in self.captures.inputs])
        if any(value not in seen for value in captured):
            raise UnstableError("a value is used outside of the loop or branch that computes it", remedy="please report this")

    def holds(self, value: Value, block: Block, place: int) -> bool:
        """Tell whether a block is being written, and its operation at a place gives a value, which is then seen here."""
        written = any(b is block for b in self.blocks) and place < len(block.ops)
        return written and any(output is value for output in block.ops[place].outputs)

    # Operations ---------------------------------------------------------------------------------------------------------------

    def symbol(self, value: Value) -> Symbol:
        """Return the symbol of a new value: an array has memory of its own."""
        if isinstance(value.type, Tensor) and value.type.rank:
            return Array(Memory(value))
        return Symbol(value)

    def apply(
        self, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any] | None = None, *, effect: bool = False
    ) -> Any:
        kwargs = {} if kwargs is None else kwargs
        view = VIEWS.get(function)
        if view is not None and (made := view(*args, **kwargs)) is not None:
            return made
        if function is operator.getitem and isinstance(args[0], GrowingList):
            return args[0][args[1]]
        if function is operator.getitem and self.shapes and isinstance(args[1], int) and not isinstance(args[1], bool):
            shape = self.shapes.get(self.atom(args[0]))
            if shape and not -shape[0] <= args[1] < shape[0]:
                raise IndexError(f"index {args[1]} is out of bounds for axis 0 with size {shape[0]}")
        if (
            function is np.size
            and self.shapes
            and len(args) == 1
            and (known := self.shapes.get(self.atom(args[0]))) is not None
        ):
            return int(np.prod(known, dtype=int))
        if function is np.cross and (plane := crossed(self, *args, **kwargs)) is not None:
            return plane
        if function is extent and self.shapes and (known := self.shapes.get(args[0].value)) is not None:
            return known[args[1]]  # pyright: ignore[reportGeneralTypeIssues]
        return super().apply(function, plain(args), plain(kwargs), effect=effect)

    def operation(self, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any] | None = None) -> Any:
        """Append an operation with one result, and return that as a value; without values, what the function gives."""
        args, words = self.atoms(args), self.atoms({} if kwargs is None else kwargs)
        if not any(True for _ in values((args, words))) and function not in CREATION:
            return function(*args, **words)
        output = Value(infer.result(function, args, words).types[0])
        self.append(Apply(function=function, args=args, kwargs=words, outputs=[output]))
        return output

    def create(self, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Append a function that makes an array, even if all that it takes is known."""
        args, kwargs = self.atoms(plain(args)), self.atoms(plain(kwargs))
        result = infer.result(function, args, kwargs)
        outputs = [Value(t) for t in result.types]
        self.append(Apply(function=function, args=args, kwargs=kwargs, outputs=outputs, form=result.form))
        return result.assemble(
            [Array(Memory(o)) if isinstance(o.type, Tensor) and not o.type.number else Symbol(o) for o in outputs]
        )

    def atom(self, x: Any) -> Any:
        if isinstance(x, GrowingList):
            self.check(x)
            return x.dynamic if x.dynamic is not None else [self.atom(part) for part in x.known_items]
        if isinstance(x, Ambiguous):
            raise x.refuse()
        return super().atom(x)

    def atoms(self, tree: Any) -> Any:
        return map_atoms(self.atom, plain(tree))

    # What is known of shapes, if the program is specialised -------------------------------------------------------------------

    def note(self, op: Op) -> None:
        """Note the shapes of an operation's results, where those of its arguments are known."""
        if not self.shapes or not isinstance(op, Apply) or depends_on_values(op):
            return
        if op.function in (stores.assign, stores.accumulate):
            if op.args[0] in self.shapes:
                self.shapes[op.outputs[0]] = self.shapes[op.args[0]]
            return
        arrays = [v for v in values((op.args, op.kwargs)) if isinstance(v.type, Tensor) and v.type.rank]
        if not all(v in self.shapes for v in arrays):
            return
        try:
            with np.errstate(all="ignore"):
                if op.function is operator.getitem:
                    args, kwargs = (self.sample(op.args[0]), map_atoms(self.position, _whole_slices(op.args[1]))), {}
                else:
                    args, kwargs = map_atoms(self.sample, (op.args, op.kwargs))
                y = op.function(*args, **kwargs)
        except Exception:
            return
        parts = [y] if op.form is None else y
        for output, part in zip(op.outputs, parts, strict=False):
            if isinstance(output.type, Tensor) and output.type.rank == np.ndim(part):
                self.shapes[output] = np.shape(part)

    def same_shape(self, param: Value, value: Value) -> None:
        """Note that a parameter has the shape of a value."""
        for shapes in (self.shapes, self.seen):
            if value in shapes:
                shapes[param] = shapes[value]

    def sample(self, atom: Any) -> Any:
        if not isinstance(atom, Value):
            return atom
        if isinstance(atom.type, Tensor) and atom.type.rank:
            return np.ones(self.shapes[atom], atom.type.dtype)
        if isinstance(atom.type, Tensor) and atom.type.dtype.kind in "bfc":
            return infer.sample(atom.type)
        raise TypeError("a number that is not known")

    def position(self, atom: Any) -> Any:
        """Return what stands for an unknown position in an index: the shape does not depend on it."""
        if isinstance(atom, Value) and isinstance(atom.type, Tensor) and not atom.type.rank and atom.type.dtype.kind in "iu":
            return 0
        return (
            np.zeros(self.shapes[atom], int)
            if isinstance(atom, Value) and isinstance(atom.type, Tensor) and atom.type.dtype.kind in "iu"
            else self.sample(atom)
        )

    def check_length(self, x: Any, count: int) -> None:
        """Write a check that an array has as many items as it is unpacked into."""
        n = x.shape[0] if isinstance(x, Array) else length_symbol(x)
        if isinstance(n, int):
            if n != count:
                raise ValueError(f"expected {count} values to unpack, got {n}")
            return
        block = Block()
        with self.into(block):
            self.raise_(ValueError, (f"expected {count} values to unpack",))
        self.append(If(condition=self.operation(operator.ne, (n, count)), then=block, orelse=Block()))

    def check_turns(self, n: Any) -> None:
        """Write a check that a loop has a turn."""
        block = Block()
        with self.into(block):
            place = self.line or user_line()
            where = "" if place is None else f" in line {place.number}"
            self.raise_(
                ValueError,
                (f"the loop{where} has no turns, and was translated for one or more, for its first turn sets types",),
            )
        self.append(If(condition=self.operation(operator.lt, (n, 1)), then=block, orelse=Block()))

    # Conversions --------------------------------------------------------------------------------------------------------------

    def listed(self, items: Sequence[Any]) -> Value:
        """Return a list of atoms as one value; all are converted to one type."""
        kind: Type | None = None
        for item in items:
            kind = atom_type(item) if kind is None else join(kind, atom_type(item))
            if kind is None:
                raise UnstableError(
                    "a list of unknown length holds values of different types",
                    why="its items are of one type in a translated program",
                    remedy="use one list for numbers and one for arrays of each rank",
                )
        inner = FLOAT if kind is None else kind
        output = Value(ListOf(inner))
        self.append(Apply(function=stores.listed, args=([self.converted(item, inner) for item in items],), outputs=[output]))
        return output

    def symbol_of_constant(self, x: Any) -> Any:
        """Return a known number as a value of the program, so that it can be told from equal numbers."""
        if not isinstance(x, (float, complex, np.inexact)):
            return x
        return Symbol(self.operation_of_constant(x))

    def operation_of_constant(self, x: Any) -> Value:
        """Append an operation that gives a known number."""
        output = Value(atom_type(x))
        self.append(Apply(function=type(x), args=(x,), outputs=[output]))
        return output

    def list_of(self, x: Array) -> Any:
        """Return the elements of an array in lists, of unknown length unless its shape is known."""
        n = x.shape[0]
        if isinstance(n, int):
            return GrowingList([x[k].tolist() if x.ndim > 1 else x[k].item() for k in range(n)])
        if x.ndim > 1 or x.dtype.kind != "f":
            raise UnknownNumberError(n, "of the elements of an array")
        result = GrowingList()
        result.dynamic = self.operation(stores.numbers, (x,))
        return result

    def list_atom(self, x: GrowingList) -> Value:
        """Return a list as one value of the program."""
        self.check(x)
        return x.dynamic if x.dynamic is not None else self.listed([self.atom(item) for item in x.known_items])

    def empty_list(self, kind: Type) -> Value:
        """Return a list of no items of a type."""
        output = Value(ListOf(kind))
        self.append(Apply(function=stores.listed, args=([],), outputs=[output]))
        return output

    def create_effect(self, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Append a function that is called for what it does."""
        self.append(
            Apply(
                function=function,
                args=self.atoms(args),
                kwargs=self.atoms(kwargs),
                outputs=[Value(Opaque(type(None)))],
                effect=True,
            )
        )

    def converted(self, atom: Any, to: Type) -> Any:
        """Return an atom as one of a type that it can be joined with."""
        if isinstance(atom, Undefined):
            return Undefined(to)
        own = atom_type(atom)
        if own == to or not isinstance(to, Tensor) or not isinstance(own, Tensor):
            return atom
        if own.dtype.kind == to.dtype.kind and own.rank == to.rank:
            return atom
        if to.number or (own.number and own.rank == 0):
            python = {"b": bool, "i": int, "f": float, "c": complex}[to.dtype.kind]
            return python(atom) if not isinstance(atom, Value) else self.operation(python, (atom,))
        return self.operation(np.astype, (atom, to.dtype))

    def as_array(self, x: Any) -> Any:
        """Return a nested sequence as an array."""
        return self.create(np.array, (x,), {})


def _whole_slices(index: Any) -> Any:
    """Return an index; raise if a slice in it has an unknown bound."""
    for part in index if isinstance(index, tuple) else (index,):
        if isinstance(part, slice) and any(True for _ in values(part)):
            raise TypeError("a bound that is not known")
    return index


# Functions whose results are as long as the values of their arguments say.
_OF_VALUES = frozenset({np.nonzero, np.flatnonzero, np.argwhere, np.unique, np.compress, np.extract, np.trim_zeros})


def depends_on_values(op: Apply) -> bool:
    """Tell whether the shape of a result depends on the values of the arguments."""
    if op.function in _OF_VALUES or (op.function is np.where and len(op.args) == 1):
        return True
    if op.function is not operator.getitem:
        return False
    return any(isinstance(v.type, Tensor) and v.type.dtype.kind == "b" for v in values(op.args[1:]))


def length_symbol(x: Any) -> Any:
    """Return the number of items of a symbol."""
    t = x.type
    return x.shape[0] if isinstance(t, Tensor) else writer().apply(length, (x,), {})


CREATION = frozenset(
    {np.zeros, np.ones, np.empty, np.full, np.array, np.asarray, np.arange, np.linspace, np.eye, np.identity, np.copy, np.tri}
)

__all__ = ["CREATION", "Recorder", "user_line"]
