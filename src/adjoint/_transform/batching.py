"""Batching: the program that does for a stack of arguments at once what the given one does for one of them.

A parameter that is batched has one more axis, in front.  What does not depend on one stays as it is, so that it is computed
once for all elements; every other operation is replaced by its form on the whole stack (`stacks`).  Loops and calls stay what
they are and carry stacks.  Where the elements go different ways there is no such program: a branch on a condition that differs
is computed on both sides and chosen by `numpy.where` if that does no harm, and everything else raises `BatchError`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, NoReturn

import numpy as np

from adjoint._ir.builder import Builder
from adjoint._ir.copying import Copier
from adjoint._ir.nodes import Apply, Block, Call, Function, If, Loop, Op, Raise, Undefined, Value, atom_type, values
from adjoint._ir.symbol import Symbol, extent
from adjoint._ir.types import INT, Tensor
from adjoint._rules import stores
from adjoint._transform.binding import place
from adjoint._transform.dependence import Dependence, Dependences
from adjoint._transform.harmless import element_of, why_not
from adjoint._transform.shapes import Shapes
from adjoint._transform.stacks import Stacks
from adjoint.errors import BatchError


class Batched(NamedTuple):
    """A program on stacks.

    ``function`` takes and returns what the original does, with one more axis in front of what is batched;
    ``batched_results`` tells which results are.
    """

    function: Function
    batched_results: list[bool]


def batch(function: Function, batched: Sequence[bool]) -> Batched:
    """Return the program that is applied to all elements of a batch at once.

    Parameters
    ----------
    function
        The program for one element.
    batched
        Which parameters are given as stacks, the axis over the elements in front; at least one of them an array or a number.
        Stacks of Python's numbers are vectors; of a list the items are stacked.

    Returns
    -------
    Batched
        The program, with the same parameters and results, and which results are stacks.

    Raises
    ------
    BatchError
        The elements would go different ways (the turns of a loop, an exception, the shape of a value), or an operation has
        an effect that differs.  The message names the user's line.

    Notes
    -----
    An error of NumPy's that Python's own numbers raise is a warning on a stack (``1.0 / 0.0``), and the result infinite or nan.
    Random numbers that do not depend on the element are drawn once for all of them.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint._ir.evaluate import run
    >>> from adjoint._ir.types import FLOAT
    >>> x = Value(FLOAT, "x")
    >>> builder = Builder()
    >>> with builder.block([x]) as body:
    ...     body.results = [builder.atom(np.square(Symbol(x)) + 1.0)]
    >>> run(batch(Function("f", body), [True]).function, [np.array([1.0, 2.0])])
    [array([2., 5.])]
    """
    stacked = [isinstance(p.type, Tensor) for p, b in zip(function.params, batched, strict=True) if b]
    if not any(stacked):
        raise BatchError("a batch of no array and no number", why="nothing tells how many elements it has")
    program = _Program(function, batched)
    return Batched(program(function, tuple(batched)), list(program.results(function, batched)))


class _Program:
    """The functions of a program, each with the patterns of batched parameters that it is called with."""

    def __init__(self, function: Function, batched: Sequence[bool]) -> None:
        self.results = Dependences()
        self.results.settle(function, batched)
        self.known: dict[tuple[Function, tuple[bool, ...]], Function] = {}

    def __call__(self, function: Function, batched: tuple[bool, ...]) -> Function:
        key = (function, batched)
        if key not in self.known:
            made = self.known[key] = Function(f"{function.name}_batch", Block(), function.line, function.doc)
            # Whoever calls it while it is being written looks at the types of its parameters and results.
            _Batching(self, function, batched, made)
        return self.known[key]


class _Batching(Copier):
    """One function on stacks."""

    def __init__(self, program: _Program, function: Function, batched: tuple[bool, ...], made: Function) -> None:
        super().__init__()
        self.program = program
        self.builder = Builder()
        self.dependence: Dependence = program.results.of(function, batched)
        self.shapes = Shapes(function)
        # The elements of arrays that were read or written on every way here, and so are there.
        self.present: set[Any] = set()
        # Arrays of zeros, with the arrays whose shapes they have.
        self.zeros: dict[Any, Value] = {}
        # Lists without items.
        self.empty: set[Any] = set()
        body = made.body
        body.params = [self.fresh(param) for param in function.params]
        with self.builder.into(body):
            self.stacks = Stacks(self, self.size(function, batched, body))
            self.operations(function.body)
            body.results = self.placed(function.results, program.results(function, batched))

    def size(self, function: Function, batched: tuple[bool, ...], body: Block) -> Symbol:
        """Return the number of elements: the length of a stack that is given, or a number that the caller adds."""
        for param, differs in zip(function.params, batched, strict=True):
            if differs and isinstance(param.type, Tensor):
                return self.builder.apply(extent, (Symbol(self.env[param]), 0))
        body.params.append(Value(INT, "size"))
        return Symbol(body.params[-1])

    # Values

    def fresh(self, value: Value) -> Value:
        new = self.env[value] = Value(self.dependence.type(value), value.name)
        return new

    def differs(self, tree: Any) -> bool:
        """Tell whether a tree of atoms of the original holds one that differs between the elements."""
        return any(value in self.dependence for value in values(tree))

    def placed(self, atoms: Sequence[Any], batched: Sequence[bool]) -> list[Any]:
        """Return what stands for some atoms in places that take stacks or not."""
        return [self.stack(atom) if b else self(atom) for atom, b in zip(atoms, batched, strict=True)]

    def stack(self, atom: Any, like: Value | None = None) -> Any:
        """Return an atom as a stack, for a place of the type of ``like``."""
        t = atom_type(atom) if like is None else like.type
        if isinstance(atom, Undefined):
            return Undefined(self.dependence.stacked(t))
        if atom in self.empty:
            return self.stacks.empty(t)
        if atom in self.zeros:
            return self.stacks.zeros(Symbol(self(self.zeros[atom])).shape, t)
        return self(atom) if atom in self.dependence else self.stacks.repeated(self(atom), t)

    def refuse(self, op: Op, what: str, remedy: str = "") -> NoReturn:
        """Raise: there is no program for the whole stack."""
        where = "" if op.line is None else place(op.line)
        raise BatchError(what, why="the elements of the batch may go different ways", remedy=remedy, where=where)

    # Operations

    def operations(self, block: Block) -> None:
        for op in block.ops:
            self.builder.line = op.line
            self.write(op)
            if isinstance(op, Apply):
                self.note(op)

    def note(self, op: Apply) -> None:
        """Note what an operation tells that is of use later."""
        if op.function is np.zeros_like and not op.kwargs and op.args[0] not in self.dependence:
            self.zeros[op.outputs[0]] = op.args[0]
        if op.function is stores.listed and not op.args[0]:
            self.empty.add(op.outputs[0])
        if (key := element_of(op, self.shapes)) is not None:
            self.present.add(key)

    @contextlib.contextmanager
    def block(self, params: Sequence[Value] = ()) -> Iterator[Block]:  # type: ignore[override]
        """Write a block that need not be run: what it reads is not known to be there."""
        before = set(self.present)
        with self.builder.block([self.fresh(param) for param in params]) as copy:
            yield copy
        self.present = before

    def write(self, op: Op) -> None:
        """Write an operation on stacks."""
        match op:
            case Apply():
                if self.differs(op.operands) or any(output in self.dependence for output in op.outputs):
                    self.stacks.apply(op)
                else:
                    self.builder.append(self.op(op))
            case If():
                (self.choice if op.condition in self.dependence else self.branch)(op)
            case Loop():
                self.loop(op)
            case Call():
                self.call(op)
            case Raise():
                if self.differs(op.args):
                    self.refuse(op, "an exception with a message that differs between the elements of a batch")
                self.builder.append(self.op(op))

    def inner(self, block: Block, batched: Sequence[bool], likes: Sequence[Value]) -> Block:
        """Return a block without parameters on stacks."""
        with self.block() as copy:
            self.operations(block)
            pairs = zip(block.results, batched, likes, strict=True)
            copy.results = [self.stack(atom, like) if b else self(atom) for atom, b, like in pairs]
        return copy

    def branch(self, op: If) -> None:
        """Write a branch that all elements take."""
        batched = self.dependence.pattern(op.outputs)
        then, orelse = [self.inner(block, batched, op.outputs) for block in op.blocks]
        new = If(condition=self(op.condition), then=then, orelse=orelse, line=op.line)
        new.outputs = [self.fresh(output) for output in op.outputs]
        self.builder.append(new)

    def choice(self, op: If) -> None:
        """Write both sides of a branch, and choose between their results element by element."""
        trouble = why_not(op, self.dependence, self.is_present)
        if trouble:
            self.refuse(op, f"a branch on a condition that differs between the elements, with {trouble}")
        if getattr(atom_type(op.condition), "rank", 1):
            self.refuse(op, "a branch on a condition that differs between the elements, and is no number")
        for block in op.blocks:
            self.operations(block)
        for output, a, b in zip(op.outputs, op.then.results, op.orelse.results, strict=True):
            self.env[output] = self.chosen(op, output, a, b)

    def is_present(self, op: Apply) -> bool:
        """Tell whether the element that an operation reads or writes is known to be there."""
        return element_of(op, self.shapes) in self.present

    def chosen(self, op: If, output: Value, a: Any, b: Any) -> Any:
        if output not in self.dependence:
            return self(b if isinstance(a, Undefined) else a)
        if isinstance(a, Undefined) or isinstance(b, Undefined) or a is b:
            return self.stack(b if isinstance(a, Undefined) else a, output)
        if not isinstance(output.type, Tensor):
            self.refuse(op, "a choice between two lists that differs between the elements of a batch")
        if output.type.rank and not self.shapes.same(a, b):
            self.refuse(op, "a choice between two arrays, of shapes that may differ, that differs between the elements")
        return self.stacks.where(op.condition, a, b, output)

    def loop(self, op: Loop) -> None:
        """Write a loop of which all elements take the same turns."""
        if self.differs(op.range):
            self.refuse(op, "a loop over a range that differs between the elements of a batch")
        if op.stops and op.body.results[-1] in self.dependence:
            self.refuse(op, "a loop that ends at different turns for the elements of a batch")
        carried = self.dependence.pattern(op.carried)
        new = Loop(range=self(op.range), inits=[], body=Block(), reverse=op.reverse, stops=op.stops, line=op.line)
        new.unordered = op.unordered
        new.inits = [
            self.stack(init, like) if b else self(init) for init, b, like in zip(op.inits, carried, op.carried, strict=True)
        ]
        new.consumed = self(op.consumed)
        new.test = None if op.test is None else self.test(op, op.test)
        with self.block(op.body.params) as new.body:
            self.operations(op.body)
            places = [*op.carried, *[None] * len(op.collected)]
            batched = [*carried, *self.dependence.pattern(op.lists)]
            results = zip(op.body.results, batched, places, strict=False)
            new.body.results = [self.stack(atom, like) if b else self(atom) for atom, b, like in results]
            new.body.results += self(op.body.results[len(places) :])
        new.outputs = [self.fresh(output) for output in op.outputs]
        self.builder.append(new)

    def test(self, op: Loop, test: Block) -> Block:
        """Return the test of a loop, which all elements pass or fail together."""
        if test.results[0] in self.dependence:
            self.refuse(op, "a loop that ends at different turns for the elements of a batch")
        with self.block(test.params) as copy:
            self.operations(test)
            copy.results = self(test.results)
        return copy

    def call(self, op: Call) -> None:
        """Call the function for the whole batch, if an argument differs."""
        pattern = self.dependence.pattern(op.args)
        if not any(pattern):
            self.builder.append(self.op(op))
            return
        if op.function.derivative is not None:  # which tells nothing of stacks
            self.stacks.finish(op, self.stacks.one_by_one(op))
            return
        function = self.program(op.function, pattern)
        args = self.placed(op.args, pattern)
        if len(function.params) > len(args):
            args.append(self.stacks.size.value)
        new = Call(function=function, args=args, line=op.line)
        new.outputs = [self.fresh(output) for output in op.outputs]
        self.builder.append(new)


__all__ = ["Batched", "batch"]
