"""Sparse Jacobians of translated functions: many directions at once by a program, made once, of the function's tangents.

The program is that of `forward.jvp` with its tangents batched, so that what does not depend on the direction is computed once
for a chunk of them.  The pattern comes from a run of the original function on a tape.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from adjoint._api import compressed, tree
from adjoint._api.compiled import Compiled
from adjoint._api.compressed import Run
from adjoint._ir.nodes import Block, Function
from adjoint._trace.traced import Traced
from adjoint._transform import forward
from adjoint._transform.batching import batch
from adjoint._transform.simplify import simplify
from adjoint.errors import AdjointError, BatchError

if TYPE_CHECKING:
    from adjoint._api.jit import Jitted


def run_of(
    jitted: Jitted,
    args: Any,
    kwargs: Any,
    positions: tuple[int, ...],
    leaves: list[Any],
    *,
    has_aux: bool,
    mode: str,
    name: str,
) -> Run:
    """Run a translated function by its program, where that does all that it does; else the original, on a tape."""
    original = compressed.recorded
    args = tuple(_floated(a) if k in positions else a for k, a in enumerate(args))
    if has_aux or mode == "reverse" or jitted.refused or any(isinstance(leaf, Traced) for leaf in leaves):
        return original(jitted.f, args, kwargs, positions, leaves, has_aux=has_aux, name=name)
    try:
        arguments, entry = jitted.entry(args, kwargs)
    except AdjointError:
        if not jitted.fallback:
            raise
        return original(jitted.f, args, kwargs, positions, leaves, has_aux=has_aux, name=name)
    program = entry.program
    places = [_place(x, arguments, program.places) for x in leaves]
    wanted = [k for k in places if k is not None]
    simple = not (program.written or program.changed or program.returned) and program.count == len(program.function.results)
    if not simple or len(set(wanted)) < len(leaves):
        return original(jitted.f, args, kwargs, positions, leaves, has_aux=has_aux, name=name)
    inputs = [arguments.leaves[k] for k in program.places] + [getter() for getter, _ in program.captures.inputs]
    outputs = entry.compiled.evaluate(inputs)
    primals, structure = tree.flatten(entry.value(outputs, inputs))
    if len(primals) != len(outputs) or any(y is not output for y, output in zip(primals, outputs, strict=True)):
        return original(jitted.f, args, kwargs, positions, leaves, has_aux=has_aux, name=name)
    pushed = _pushed(entry.compiled, [k in wanted for k in range(len(inputs))])
    order = [wanted.index(k) for k in sorted(wanted)]

    def push(stacks: list[Any]) -> list[Any]:
        count = len(stacks[0])
        return pushed(inputs, [stacks[k] for k in order], primals, count)

    def pattern() -> Any:
        return original(jitted.f, _copied(args), kwargs, positions, leaves, has_aux=False, name=name).pattern()

    return Run(primals, structure, None, push, None, pattern, apart=True, stacks=True)


def _floated(a: Any) -> Any:
    return float(a) if type(a) is int else a


def _copied(args: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(np.copy(a) if type(a) is np.ndarray else a for a in args)


def _place(x: Any, arguments: Any, places: Sequence[int]) -> int | None:
    """Return the parameter that stands for an input, None if no single one does."""
    found = [k for k, place in enumerate(places) if arguments.leaves[place] is x]
    return found[0] if len(found) == 1 else None


class _Directions:
    """The tangents of a program's results along many directions."""

    def __init__(self, compiled: Compiled, mask: list[bool]) -> None:
        function = compiled.function
        made = forward.jvp(function, mask)
        self.active = list(made.active_results)
        count, params = len(function.results), len(function.params)
        body = Block(made.function.body.params, made.function.body.ops, list(made.function.results[count:]))
        tangents = simplify(Function(made.function.name, body, made.function.line, made.function.doc))
        self.single = Compiled(tangents)
        self.stacked: Compiled | None = None
        try:
            stacks = batch(tangents, [k >= params for k in range(len(tangents.params))])
        except BatchError:
            return
        self.stacked, self.is_stack = Compiled(stacks.function), list(stacks.batched_results)

    def __call__(self, inputs: list[Any], seeds: list[Any], primals: list[Any], count: int) -> list[Any]:
        """Return the tangents for stacks of seeds, with the axis over the directions in front."""
        if self.stacked is None:
            each = [self.single.evaluate([*inputs, *[_item(seed[k]) for seed in seeds]]) for k in range(count)]
            found = [np.stack(parts) for parts in zip(*each, strict=True)]
        else:
            parts = zip(self.stacked.evaluate([*inputs, *seeds]), self.is_stack, strict=True)
            found = [y if own else np.broadcast_to(y, (count, *np.shape(y))) for y, own in parts]
        tangents = iter(found)
        return [next(tangents) if own else np.zeros((count, *np.shape(y))) for own, y in zip(self.active, primals, strict=True)]


def _item(x: Any) -> Any:
    return x if x.shape else float(x) if x.dtype.kind == "f" else complex(x)


def _pushed(compiled: Compiled, mask: list[bool]) -> _Directions:
    key = ("directions", tuple(mask))
    if key not in compiled.variants:
        compiled.variants[key] = _Directions(compiled, mask)
    return compiled.variants[key]
