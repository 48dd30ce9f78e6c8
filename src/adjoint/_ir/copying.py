"""Copies of operations, blocks and functions, with some values replaced by other atoms."""

from __future__ import annotations

from typing import Any

from adjoint._ir.nodes import Apply, Block, Call, Function, If, Loop, Op, Raise, Value, map_atoms


class Copier:
    """Copies programs; ``env`` says which atom stands for a value in the copy, and learns the copies of what is defined."""

    def __init__(self, env: dict[Value, Any] | None = None) -> None:
        self.env: dict[Value, Any] = {} if env is None else env

    def __call__(self, tree: Any) -> Any:
        """Return a tree of atoms in terms of the copy; a value that is not known stays what it is, it comes from outside."""
        return map_atoms(lambda atom: self.env.get(atom, atom) if type(atom) is Value else atom, tree)

    def fresh(self, value: Value) -> Value:
        """Return a new value that stands for ``value`` in the copy."""
        new = self.env[value] = Value(value.type, value.name)
        return new

    def block(self, block: Block) -> Block:
        """Return a copy of a block, with parameters of its own."""
        copy = Block(params=[self.fresh(param) for param in block.params])
        copy.ops = [self.op(op) for op in block.ops]
        copy.results = self(block.results)
        return copy

    def op(self, op: Op) -> Op:
        """Return a copy of an operation, with outputs of its own."""
        copy = self.operation(op)
        copy.line = op.line
        copy.outputs = [self.fresh(output) for output in op.outputs]
        return copy

    def operation(self, op: Op) -> Op:
        """Return a copy of an operation without outputs."""
        match op:
            case Apply():
                args, kwargs = self(op.args), self(op.kwargs)
                return Apply(function=op.function, args=args, kwargs=kwargs, form=op.form, effect=op.effect)
            case If():
                return If(condition=self(op.condition), then=self.block(op.then), orelse=self.block(op.orelse))
            case Loop():
                return Loop(
                    range=self(op.range),
                    inits=self(op.inits),
                    consumed=self(op.consumed),
                    test=None if op.test is None else self.block(op.test),
                    body=self.block(op.body),
                    reverse=op.reverse,
                    stops=op.stops,
                    unordered=op.unordered,
                )
            case Call():
                return Call(function=op.function, args=self(op.args))
            case Raise():
                return Raise(error=op.error, args=self(op.args))
            case _:
                raise TypeError(f"no copy of {type(op).__name__}")


def copied(function: Function) -> Function:
    """Return a copy of a function, which still calls the functions that the original calls."""
    body = Copier().block(function.body)
    return Function(function.name, body, function.line, function.doc, function.derivative, function.updates)
