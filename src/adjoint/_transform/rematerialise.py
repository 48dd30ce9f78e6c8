"""Loops that go back within a budget of memory: some states are kept, and the others computed again from them.

The schedules are those of `_checkpoint`, written out in operations, so that every pass and every backend knows them already.
The states that are kept stand on a stack: a list for each carried value that the turns need, and one of the steps before which
they were kept.

* The way there keeps states at the places that `next_place` gives, if the number of turns is known before the loop runs;
  otherwise at those that `next_online` gives, and lets go of another when there is no more room.
* A turn of the way back takes the last state from the stack, advances it to its own step, keeping states on the way where
  places have become free, recomputes the turn, pulls the cotangent through, and lets the state go if it was kept for this step.

The bytes of a state are counted before the first turn; all loops of a program share the budget evenly.
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
from adjoint._transform.schedule import bytes_of, drop_online, next_online, next_place, snapshots_within, steps_of
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
        self.names = [*[f"{self.op.carried[k].name or 'states'}_kept" for k in self.state], "steps_kept"]

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

    def apply(self, function: Any, args: tuple[Any, ...], t: Type = COUNT) -> Any:
        """Write an operation whose result has a known type."""
        output = Value(t)
        self.builder.append(Apply(function=function, args=self.builder.atoms(args), outputs=[output]))
        return Symbol(output)

    def stack(self, n: int, x: Any, t: Type) -> Any:
        """Write a stack of ``n`` states, 0 or 1."""
        return self.apply(stores.filled, (n, x), ListOf(t))

    def room(self, steps: Any) -> Any:
        """Write how many states there is room for."""
        inits = [self.op.inits[k] for k in self.state]
        size = self.apply(bytes_of, tuple(None if isinstance(x, Undefined) else x for x in inits))
        return self.apply(snapshots_within, (self.budget, size, steps))

    # The way there

    def write(self, first: Block) -> None:
        early = self.op.range is None or self.op.test is not None or self.op.stops
        snapshots, stacks = self.keep_on_the_way(early=early)
        params = [Value(atom_type(self.builder.atom(stack)), name) for stack, name in zip(stacks, self.names, strict=True)]
        n = len(self.back.inits)
        self.back.inits += [self.builder.atom(stack) for stack in stacks]
        self.loop.body.params[1 + n : 1 + n] = params
        with self.builder.into(first):
            stacks = self.restore(snapshots, self.builder.symbols(params))
        with self.builder.into(self.loop.body):
            results = self.release(stacks)
        self.loop.body.results += self.builder.atoms(results)

    def keep_on_the_way(self, *, early: bool) -> tuple[Any, list[Any]]:
        """Let the loop keep states while it runs."""
        op, around = self.op, self.loop.reversal.here
        with self.builder.block() as before:
            steps = None if early else self.apply(steps_of, op.range or ())
            snapshots = self.room(steps)
            inits = [self.stack(0, op.inits[k], t) for k, t in zip(self.state, self.types, strict=True)]
            inits.append(self.stack(0, 0, COUNT))
        at = around.ops.index(op)
        around.ops[at:at] = before.ops
        types = [*[ListOf(t) for t in self.types], ListOf(COUNT), COUNT, COUNT]
        params = [Value(t, name) for t, name in zip(types, [*self.names, "step", "due"], strict=True)]
        *stacks, position, due = self.builder.symbols(params)
        state = self.builder.symbols([op.carried[k] for k in self.state])

        def keep() -> list[Any]:
            if steps is None:
                return self.kept_online(stacks, state, position, snapshots)
            return self.kept(stacks, state, position, steps + 1, snapshots)

        with self.builder.block() as keeping:
            *grown, following = self.builder.if_(position == due, keep, lambda: [*stacks, due])
            results = [*grown, position + 1, following]
        op.body.ops[:0] = keeping.ops
        return snapshots, self.carry(params, [*self.builder.atoms(inits), 0, 0], self.builder.atoms(results))[:-2]

    def carry(self, params: list[Value], inits: list[Any], updates: list[Any]) -> list[Any]:
        """Let the loop carry more; return the final values."""
        op, n = self.op, len(self.op.inits)
        finals = [Value(param.type, param.name) for param in params]
        op.body.results[n:n] = updates
        op.body.params[1 + n : 1 + n] = params
        op.outputs[n:n] = finals
        op.inits += inits
        if op.test is not None:
            op.test.params += [Value(param.type, param.name) for param in params]
        return self.builder.symbols(finals)

    def kept(self, stacks: list[Any], state: list[Any], position: Any, end: Any, snapshots: Any) -> list[Any]:
        """Write a state on top of the stack, and which step's state comes next."""
        grown = [stores.append(items, x) for items, x in zip(stacks, [*state, position], strict=True)]
        count = self.builder.apply(length, (grown[-1],))
        return [*grown, self.apply(next_place, (position, end, snapshots, count))]

    def kept_online(self, stacks: list[Any], state: list[Any], position: Any, snapshots: Any) -> list[Any]:
        """Write a state on top of the stack, from which another goes if it is full."""

        def drop() -> list[Any]:
            gap = self.apply(drop_online, (stacks[-1], position, snapshots))
            move = lambda j, *lists: ([stores.assign(items, j, items[j + 1]) for items in lists], [])
            moved, _, _ = self.builder.loop((gap, snapshots - 1, 1), stacks, move)
            return [stores.without_last(items) for items in moved]

        full = self.builder.apply(length, (stacks[-1],)) == snapshots
        rest = self.builder.if_(full, drop, lambda: stacks)
        grown = [stores.append(items, x) for items, x in zip(rest, [*state, position], strict=True)]
        return [*grown, self.apply(next_online, (position, snapshots))]

    # The way back

    def restore(self, snapshots: Any, stacks: list[Any]) -> list[Any]:
        """Write how the state before a turn is computed; return the stacks after that."""
        k, m = self.builder.symbols(self.loop.index), len(self.state)
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
