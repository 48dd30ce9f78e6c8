"""Appends operations to the block that is being written.

Code that is called with symbols (`symbol.Symbol`) while a builder is at work writes a program::

    builder = Builder()
    with builder.block([x]) as body:
        y = np.sin(Symbol(x)) * 2
        body.results = [builder.atom(y)]
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from adjoint._ir import infer
from adjoint._ir.nodes import (
    Apply,
    Block,
    Call,
    Function,
    If,
    Line,
    Loop,
    Op,
    Raise,
    Undefined,
    Value,
    atom_type,
    map_atoms,
    values,
)
from adjoint._ir.symbol import _WRITERS, Symbol
from adjoint._ir.types import INT, ListOf, Tensor, Type
from adjoint.errors import AdjointError

__all__ = ["Builder", "Symbol"]


class Builder:
    """Writes operations; ``line`` is the user's line that they come from."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.line: Line | None = None

    # Blocks -----------------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def block(self, params: Sequence[Value] = ()) -> Iterator[Block]:
        """Write into a new block; within, symbols belong to this builder."""
        block = Block(params=list(params))
        with self.into(block):
            yield block

    @contextlib.contextmanager
    def into(self, block: Block) -> Iterator[Block]:
        """Write at the end of a block."""
        self.blocks.append(block)
        _WRITERS.stack.append(self)
        try:
            yield block
        finally:
            _WRITERS.stack.pop()
            self.blocks.pop()

    def append(self, op: Op) -> Op:
        """Append an operation, at the current line unless it has one."""
        if op.line is None:
            op.line = self.line
        self.blocks[-1].ops.append(op)
        return op

    # Atoms and symbols --------------------------------------------------------------------------------------------------------

    def symbol(self, value: Value) -> Symbol:
        """Return the symbol of a new value."""
        return Symbol(value)

    def atom(self, x: Any) -> Any:
        """Return what stands in the program for a symbol or a plain object; an array of constants becomes an operation."""
        if isinstance(x, Symbol):
            return x.value
        if isinstance(x, np.ndarray):
            return self.constant(x)
        return x

    def atoms(self, tree: Any) -> Any:
        """Return a tree of symbols and plain objects as a tree of atoms."""
        return map_atoms(self.atom, tree)

    def symbols(self, tree: Any) -> Any:
        """Return a tree of atoms as a tree of symbols and plain objects."""
        return map_atoms(lambda atom: Symbol(atom) if type(atom) is Value else atom, tree)

    def constant(self, x: np.ndarray[Any, Any]) -> Value:
        """Write an array of constants down."""
        if x.size > LARGEST_CONSTANT:
            raise AdjointError(
                f"an array of {x.size} constants arose in the translation of a program", remedy="please report this"
            )
        output = Value(Tensor(x.dtype, x.ndim))
        kwargs = {} if np.array(x.tolist()).dtype == x.dtype and x.size else {"dtype": x.dtype}
        args = (x.tolist(),)
        if not x.size and x.ndim != 1:
            self.append(Apply(function=np.zeros, args=(x.shape,), kwargs={"dtype": x.dtype}, outputs=[output]))
        else:
            self.append(Apply(function=np.array, args=args, kwargs=kwargs, outputs=[output]))
        return output

    # Operations ---------------------------------------------------------------------------------------------------------------

    def apply(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any] | None = None, *, effect: bool = False
    ) -> Any:
        """Append ``function(*args, **kwargs)``, and return its result in the form of the function's own, of symbols."""
        options: dict[str, Any] = {} if kwargs is None else kwargs
        if function in QUESTIONS:
            return QUESTIONS[function](*args, **options)
        args, options = self.atoms(args), self.atoms(options)
        if not effect and not any(True for _ in values((args, options))):
            return function(*args, **options)
        result = infer.result(function, args, options)
        outputs = [Value(t) for t in result.types]
        self.append(Apply(function=function, args=args, kwargs=options, outputs=outputs, form=result.form, effect=effect))
        return result.assemble([self.symbol(output) for output in outputs])

    def call(self, function: Function, args: Sequence[Any], types: Sequence[Type]) -> list[Symbol]:
        """Append a call of a function of the program."""
        outputs = [Value(t) for t in types]
        self.append(Call(function=function, args=[self.atom(a) for a in args], outputs=outputs))
        return [Symbol(output) for output in outputs]

    def raise_(self, error: Any, args: tuple[Any, ...]) -> None:
        """Append the end of the program by the user's exception."""
        self.append(Raise(error=error, args=self.atoms(args)))

    def if_(self, condition: Any, then: Callable[[], Sequence[Any]], orelse: Callable[[], Sequence[Any]]) -> list[Any]:
        """Append a branch; both functions write and return their results, of types that can be joined."""
        blocks = []
        for write in (then, orelse):
            with self.block() as block:
                block.results = [self.atom(x) for x in write()]
            blocks.append(block)
        return self.branch(condition, *blocks)

    def branch(self, condition: Any, then: Block, orelse: Block) -> list[Any]:
        """Append a branch of two blocks that are written already."""
        outputs = [Value(joined(a, b)) for a, b in zip(then.results, orelse.results, strict=True)]
        self.append(If(condition=self.atom(condition), then=then, orelse=orelse, outputs=outputs))
        return [Symbol(output) for output in outputs]

    def loop(
        self,
        range: tuple[Any, Any, Any] | None,
        inits: Sequence[Any],
        body: Callable[..., tuple[Sequence[Any], Sequence[Any]]],
        *,
        types: Sequence[Type] | None = None,
        test: Callable[..., Any] | None = None,
        reverse: bool = False,
        consumed: Sequence[Any] = (),
        stop: bool = False,
    ) -> tuple[list[Any], list[Any], Any]:
        """Append a loop; ``body(index, *carried, *items)`` returns what is carried on and what is collected (and the stop).

        Returns the final values, the lists, and the number of turns.
        """
        inits = [self.atom(x) for x in inits]
        consumed = [self.atom(x) for x in consumed]
        types = [atom_type(x) for x in inits] if types is None else types
        carried = [Value(t) for t in types]
        items = [Value(x.type.item) for x in consumed]
        index = Value(INT)
        with self.block([index, *carried, *items]) as block:
            updates, *rest = body(*self.symbols([index, *carried, *items]))
            block.results = [self.atom(x) for part in (updates, *rest) for x in part]
        test_block = None
        if test is not None:
            params = [Value(t) for t in types]
            with self.block(params) as test_block:
                test_block.results = [self.atom(test(*self.symbols(params)))]
        collected = block.results[len(inits) : len(block.results) - stop]
        outputs = [*[Value(t) for t in types], *[Value(ListOf(atom_type(x))) for x in collected], Value(INT)]
        op = Loop(
            range=self.atoms(range),
            inits=inits,
            body=block,
            test=test_block,
            reverse=reverse,
            consumed=consumed,
            stops=stop,
            outputs=outputs,
        )
        self.append(op)
        return self.symbols(op.finals), self.symbols(op.lists), Symbol(op.turns)


# The arrays of constants that rules make are index arithmetic and identities; more than this comes from elsewhere.
LARGEST_CONSTANT = 4096


def _dtype_or_value(x: Any) -> Any:
    """Return what `numpy.result_type` is to see of an argument: Python's numbers are weaker than arrays of their dtype."""
    if not isinstance(x, Symbol):
        return x
    return infer.sample(x.type) if isinstance(x.type, Tensor) and x.type.number else x.dtype


# Functions that ask what the types of their arguments tell.
QUESTIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    np.ndim: lambda a: a.ndim if isinstance(a, Symbol) else np.ndim(a),
    np.shape: lambda a: a.shape if isinstance(a, Symbol) else np.shape(a),
    np.iscomplexobj: lambda x: x.dtype.kind == "c",
    np.isrealobj: lambda x: x.dtype.kind != "c",
    np.result_type: lambda *args: np.result_type(*map(_dtype_or_value, args)),
    np.common_type: lambda *args: np.result_type(np.float16, *map(_dtype_or_value, args)),
    np.can_cast: lambda from_, to, casting="safe": np.can_cast(_dtype_or_value(from_), to, casting),  # pyright: ignore[reportArgumentType]
    np.isscalar: lambda x: isinstance(x.type, Tensor) and x.type.rank == 0,
}


def joined(a: Any, b: Any) -> Type:
    """Return the type of what is one of two atoms."""
    from adjoint._ir.types import join

    if isinstance(a, Undefined):
        return atom_type(b)
    if isinstance(b, Undefined):
        return atom_type(a)
    kind = join(atom_type(a), atom_type(b))
    if kind is None:
        raise TypeError(f"one branch gives a value of type {atom_type(a)}, the other of type {atom_type(b)}")
    return kind
