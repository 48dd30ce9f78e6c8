"""Loops that go back within a budget of memory: some states are kept, and the others computed again from them.

The schedule is that of `_checkpoint.binomial`, written out in operations, so that every pass and every backend knows it already.  The states
that are kept stand on a stack: a list for each carried value that the turns need, and one of the steps before which they were kept.

* The way there keeps states at the places that `next_place` gives, if the number of turns is known before the loop runs; otherwise only
  the state before the first turn, for the values before the loop are there anyway.
* A turn of the way back takes the last state from the stack, advances it to its own step, keeping states on the way where places
  have become free, recomputes the turn, pulls the cotangent through, and lets the state go if it was kept for this step.

With the number of turns known these are the fewest evaluations that there can be; if not, the turns run at most once more than that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from adjoint._ir.copying import Copier
from adjoint._ir.nodes import Apply, Block, Loop, Op, Undefined, Value, atom_type
from adjoint._ir.symbol import Symbol, length
from adjoint._ir.types import ListOf, Tensor, Type
from adjoint._rules import stores
from adjoint._transform.binding import place
from adjoint._transform.residuals import Settlement
from adjoint._transform.schedule import bytes_of, next_place, snapshots_within, steps_of
from adjoint.errors import MemoryBudgetError

if TYPE_CHECKING:
    from adjoint._transform.reverse_loop import LoopReversal

COUNT = Tensor(np.dtype(int))


def rematerialise(loop: LoopReversal, back: Loop, settlement: Settlement, lost: list[Value], first: Block) -> None:
    """Let each turn of the way back have the state before it, which it computes at its beginning, in ``first``."""
    _Rematerialisation(loop, back, settlement, lost).write(first)


class _Rematerialisation:
    """The stack of states of one loop."""

    def __init__(self, loop: LoopReversal, back: Loop, settlement: Settlement, lost: list[Value]) -> None:
        self.loop, self.op, self.back, self.settlement = loop, loop.op, back, settlement
        self.builder = loop.reversal.builder
        self.budget = loop.reversal.memory
        self.advance: list[Op] = []
        self.state = self.find_state(lost)
        self.types: list[Type] = [self.op.carried[k].type for k in self.state]

    def find_state(self, lost: list[Value]) -> list[int]:
        """Return which carried values the turns need, and note the operations that advance them."""
        op, state = self.op, dict.fromkeys(lost)
        while True:
            updates = [update for carried, update in zip(op.carried, op.updates, strict=True) if carried in state]
            found, further = self.settlement.sources([update for update in updates if type(update) is Value])
            if all(value in state for value in further):
                break
            state.update(dict.fromkeys(further))
        if not all(value in op.carried for value in state):
            raise MemoryBudgetError(
                "a loop cannot be reversed within a budget of memory",
                where="" if op.line is None else place(op.line),
                why="its turns draw random numbers, or have other effects, and cannot be run again",
                remedy="draw the numbers before the loop, or give no budget",
            )
        self.advance = [one for one in op.body.ops if one in found]
        return [k for k, carried in enumerate(op.carried) if carried in state]

    # Operations

    def apply(self, function: Any, args: tuple[Any, ...], t: Type = COUNT) -> Symbol:
        """Write an operation whose result has a known type."""
        output = Value(t)
        self.builder.append(Apply(function=function, args=self.builder.atoms(args), outputs=[output]))
        return Symbol(output)

    def stack(self, n: int, x: Any, t: Type) -> Symbol:
        """Write a stack of ``n`` states, 0 or 1."""
        return self.apply(stores.filled, (n, x), ListOf(t))

    def room(self, steps: Any) -> Symbol:
        """Write how many states there is room for."""
        inits = [self.op.inits[k] for k in self.state]
        size = self.apply(bytes_of, tuple(None if isinstance(x, Undefined) else x for x in inits))
        return self.apply(snapshots_within, (self.budget, size, steps))

    # The way there

    def write(self, first: Block) -> None:
        early = self.op.range is None or self.op.test is not None or self.op.stops
        snapshots, stacks = self.keep_first() if early else self.keep_on_the_way()
        params = [Value(atom_type(self.builder.atom(stack))) for stack in stacks]
        n = len(self.back.inits)
        self.back.inits += [self.builder.atom(stack) for stack in stacks]
        self.loop.body.params[1 + n : 1 + n] = params
        with self.builder.into(first):
            stacks = self.restore(snapshots, list(map(Symbol, params)))
        with self.builder.into(self.loop.body):
            results = self.release(stacks)
        self.loop.body.results += self.builder.atoms(results)

    def keep_first(self) -> tuple[Symbol, list[Symbol]]:
        """Keep the state before the first turn: the number of turns is not known before the last."""
        stacks = [self.stack(1, self.op.inits[k], t) for k, t in zip(self.state, self.types, strict=True)]
        return self.room(self.op.turns), [*stacks, self.stack(1, 0, COUNT)]

    def keep_on_the_way(self) -> tuple[Symbol, list[Symbol]]:
        """Let the loop keep states while it runs."""
        op, around = self.op, self.loop.reversal.here
        with self.builder.block() as before:
            steps = self.apply(steps_of, op.range)
            snapshots = self.room(steps)
            inits = [self.stack(0, op.inits[k], t) for k, t in zip(self.state, self.types, strict=True)]
            inits.append(self.stack(0, 0, COUNT))
        at = around.ops.index(op)
        around.ops[at:at] = before.ops
        types = [*[ListOf(t) for t in self.types], ListOf(COUNT), COUNT, COUNT]
        params = [Value(t) for t in types]
        *stacks, position, due = map(Symbol, params)
        with self.builder.block() as keeping:
            keep = lambda: self.kept(stacks, [Symbol(op.carried[k]) for k in self.state], position, steps + 1, snapshots)
            *grown, following = self.builder.if_(position == due, keep, lambda: [*stacks, due])
            results = [*grown, position + 1, following]
        op.body.ops[:0] = keeping.ops
        n, m = len(op.inits), len(op.updates)
        op.body.results[m:m] = self.builder.atoms(results)
        op.body.params[1 + n : 1 + n] = params
        finals = [Value(t) for t in types]
        op.outputs[n:n] = finals
        op.inits += [*self.builder.atoms(inits), 0, 0]
        return snapshots, list(map(Symbol, finals[:-2]))

    def kept(self, stacks: list[Any], state: list[Any], position: Any, end: Any, snapshots: Any) -> list[Any]:
        """Write a state on top of the stack, and which step's state comes next."""
        grown = [stores.append(items, x) for items, x in zip(stacks, [*state, position], strict=True)]
        count = self.builder.apply(length, (grown[-1],))
        return [*grown, self.apply(next_place, (position, end, snapshots, count))]

    # The way back

    def restore(self, snapshots: Symbol, stacks: list[Symbol]) -> list[Any]:
        """Write how the state before a turn is computed; return the stacks after that."""
        k, m = Symbol(self.loop.index), len(self.state)
        *tops, top = [items[-1] for items in stacks]
        due = self.apply(next_place, (top, k + 1, snapshots, self.builder.apply(length, (stacks[-1],))))

        def turn(_: Any, position: Any, due: Any, *rest: Any) -> tuple[list[Any], list[Any]]:
            state, stacks = self.advanced(position, list(rest[:m])), list(rest[m:])
            position = position + 1
            keep = lambda: self.kept(stacks, state, position, k + 1, snapshots)
            full = (position == due) & (position < k)
            *stacks, due = self.builder.if_(full, keep, lambda: [*stacks, due])
            return [position, due, *state, *stacks], []

        types = [COUNT, COUNT, *self.types, *[ListOf(t) for t in self.types], ListOf(COUNT)]
        finals, _, _ = self.builder.loop(
            None, [top, due, *tops, *stacks], turn, types=types, test=lambda position, *_: position < k
        )
        for j, final in zip(self.state, finals[2 : 2 + m], strict=True):
            carried = self.op.carried[j]
            final.value.name = carried.name
            self.loop.reversal.shapes.equate(final.value, carried)
            self.settlement.given[carried] = final.value
        return finals[2 + m :]

    def advanced(self, position: Any, state: list[Any]) -> list[Any]:
        """Write one turn of the way there, for the carried values that are needed."""
        env = self.loop.located(position)
        env.update({self.op.carried[k]: x.value for k, x in zip(self.state, state, strict=True)})
        copier = Copier(env)
        for op in self.advance:
            self.builder.append(copier.op(op))
        return [self.builder.symbols(copier(self.op.updates[k])) for k in self.state]

    def release(self, stacks: list[Any]) -> list[Any]:
        """Write that a state goes when its turn is done."""
        fewer = lambda: [stores.without_last(items) for items in stacks]
        return self.builder.if_(stacks[-1][-1] == Symbol(self.loop.index), fewer, lambda: stacks)
