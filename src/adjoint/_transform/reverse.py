"""Reverse mode: the program that goes back from the cotangents of results to those of parameters.

Every operation ``y = f(x)`` of the program, from the last to the first, adds ``x_bar += f'(x)^T y_bar`` [Linnainmaa 1970;
Speelpenning 1980].
`gradient` writes the way back below the way there, in one function; `vjp` makes two, of which the first hands what the second
needs over.  What is kept and what is computed again is decided in `residuals`, by the model in `cost`; the operations are
reversed in `reversal`.

A function that calls functions, itself among them, is reversed with them: each is made into a pair, of which the first
returns a record of what the second takes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from adjoint._ir.nodes import Apply, Block, Call, Function, Loop, Value, atom_type, functions, walk
from adjoint._ir.types import Record, Tensor, tangent_type
from adjoint._rules import stores
from adjoint._transform import given
from adjoint._transform.activity import Activity, Pattern
from adjoint._transform.bars import Bars
from adjoint._transform.dead import drop_dead_code
from adjoint._transform.expand import expand
from adjoint._transform.replacing import substitute
from adjoint._transform.residuals import Policy, settle
from adjoint._transform.reversal import Reversal, bar_of
from adjoint._transform.undo import Carried, renew


class Reverse(NamedTuple):
    """A program and its way back.

    ``forward`` takes the parameters and returns ``[*results, *residuals]``; ``backward`` takes ``[*residuals, *cotangents of
    active results]`` and returns the cotangents of the active parameters.  ``active_results`` and ``active_params`` tell
    which these are.
    """

    forward: Function
    backward: Function
    active_results: list[bool]
    active_params: list[bool]


def vjp(
    function: Function, active: Sequence[bool], active_results: Sequence[bool] | None = None, memory: float | None = None
) -> Reverse:
    """Return a program that computes results, and one that takes their cotangents back to the parameters.

    Parameters
    ----------
    function
        The program.
    active
        Which parameters' cotangents are asked for.
    active_results
        Which results have cotangents; those that depend on the active parameters, if None.
    memory
        Bytes for the states of loops that are kept for the way back; None for as many as are of use.  What calls of functions
        keep is not counted.

    Returns
    -------
    Reverse
        The two programs.  A parameter that influences no result has cotangents of zeros.

    Raises
    ------
    MissingRuleError
        An active operation has no derivative that the book knows; the message names the user's line.
    MemoryBudgetError
        A loop that has to be run again, to keep to the budget, has effects.  When the program runs: no state fits into the
        budget.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint._ir.builder import Builder, Symbol
    >>> from adjoint._ir.evaluate import run
    >>> from adjoint._ir.types import FLOAT
    >>> x = Value(FLOAT, "x")
    >>> builder = Builder()
    >>> with builder.block([x]) as body:
    ...     body.results = [builder.atom(Symbol(x) * Symbol(x))]
    >>> forward, backward, _, _ = vjp(Function("square", body), [True])
    >>> value, *residuals = run(forward, [3.0])
    >>> residuals, float(run(backward, [*residuals, 1.0])[0])
    ([3.0], 6.0)
    """
    active, wanted = list(active), _wanted(function, active, active_results)
    reversal, back, seeds = _reversed(function, active, wanted, _Pairs(_share(function, memory)))
    forward, kept = reversal.function, _separate(reversal, back)
    residuals = [Value(value.type, value.name) for value, _ in kept]
    substitute(back, {meant: value for (_, meant), value in zip(kept, residuals, strict=True)})
    back.params = [*residuals, *seeds]
    forward.body.results += [value for value, _ in kept]
    forward.name, backward = f"{function.name}_forward", Function(f"{function.name}_backward", back, function.line)
    drop_dead_code(forward)
    drop_dead_code(backward)
    return Reverse(forward, backward, wanted, active)


def gradient(
    function: Function, active: Sequence[bool], active_results: Sequence[bool] | None = None, memory: float | None = None
) -> Function:
    """Return the program that computes the results, and from their cotangents those of the parameters.

    Parameters
    ----------
    function
        The program.
    active
        Which parameters' cotangents are asked for.
    active_results
        Which results have cotangents; those that depend on the active parameters, if None.
    memory
        Bytes for the states of loops that are kept for the way back; None for as many as are of use.  What calls of functions
        keep is not counted.

    Returns
    -------
    Function
        The program, with parameters ``[*params, *cotangents of active results]`` and results ``[*results, *cotangents of
        active params]``. A parameter that influences no result has a cotangent of zeros.

    Raises
    ------
    MissingRuleError
        An active operation has no derivative that the book knows; the message names the user's line.
    MemoryBudgetError
        A loop that has to be run again, to keep to the budget, has effects.  When the program runs: no state fits into the
        budget.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint._ir.builder import Builder, Symbol
    >>> from adjoint._ir.evaluate import run
    >>> from adjoint._ir.types import FLOAT
    >>> x = Value(FLOAT, "x")
    >>> builder = Builder()
    >>> with builder.block([x]) as body:
    ...     body.results = [builder.atom(Symbol(x) * Symbol(x))]
    >>> [float(y) for y in run(gradient(Function("square", body), [True]), [3.0, 1.0])]
    [9.0, 6.0]
    """
    active, wanted = list(active), _wanted(function, active, active_results)
    reversal, back, seeds = _reversed(function, active, wanted, _Pairs(_share(function, memory)))
    renew(back, reversal.undo.versions)
    whole = reversal.function
    whole.name = f"{function.name}_gradient"
    whole.body.params += seeds
    whole.body.ops += back.ops
    whole.body.results = [*whole.body.results, *back.results]
    drop_dead_code(whole)
    return whole


def _wanted(function: Function, active: Sequence[bool], active_results: Sequence[bool] | None) -> list[bool]:
    """Return which results have cotangents."""
    if active_results is not None:
        return list(active_results)
    return list(Activity(function, active).pattern(function.results))


def _share(function: Function, memory: float | None) -> float | None:
    """Return the bytes for one loop: all loops of a program may keep states at the same time."""
    if memory is None:
        return None
    loops = sum(isinstance(op, Loop) for one in functions(function) for op in walk(one.body))
    return memory / max(1, loops)


def _reversed(
    function: Function, active: Sequence[bool], wanted: Sequence[bool], calls: _Pairs, gathers: Collection[int] = ()
) -> tuple[Reversal, Block, list[Value]]:
    """Return a function that is being reversed, its way back, and the cotangents that this starts from.

    ``gathers`` are the parameters to whose cotangents it adds.

    What an attempt keeps although it had better be undone, the next one undoes.
    """
    undone: frozenset[Carried] = frozenset()
    while True:
        reversal = Reversal(function, active, wanted, calls, calls.memory, undone)
        back, seeds = _way_back(reversal, active, wanted, gathers)
        if reversal.undo.wanted == undone:
            return reversal, back, seeds
        undone = frozenset(reversal.undo.wanted)


def _way_back(
    reversal: Reversal, active: Sequence[bool], wanted: Sequence[bool], gathers: Collection[int]
) -> tuple[Block, list[Value]]:
    """Write the way back of a whole function, as if it saw the way there; return it and the cotangents it starts from."""
    function = reversal.function
    results = [result for result, w in zip(function.results, wanted, strict=True) if w]
    seeds = [_seed(result) for result in results]
    for seed, result in zip(seeds, results, strict=True):
        if type(result) is Value:
            reversal.shapes.equate(seed, result)
    bars, starts = Bars(), []
    for k in gathers:
        param = function.params[k]
        bars[param] = start = bar_of(param)
        reversal.shapes.equate(start, param)
        starts.append(start)
    with reversal.builder.block() as back:
        reversal.seed(bars, results, seeds)
        reversal.block(function.body, bars)
        back.results = [reversal.bar(bars, param) for param, a in zip(function.params, active, strict=True) if a]
    return back, [*seeds, *starts]


def _seed(result: Any) -> Value:
    """Return a parameter for the cotangent of a result."""
    name = result.name if type(result) is Value and result.name else "y"
    return Value(tangent_type(atom_type(result)), f"{name}_bar")


def _separate(reversal: Reversal, back: Block) -> list[tuple[Value, Value]]:
    """Make the way back of a function independent of the way there, but for what is to be handed over."""
    policy = Policy(repeat=False, by_name=True, repeated=reversal.repeated)
    return settle(reversal.function.body, back, {}, (), reversal.shapes, policy, reversal.undo.versions)


# Functions that are called --------------------------------------------------------------------------------------------------


class Pair(NamedTuple):
    """The way there and the way back of a function that is called, and the type of what the one hands to the other.

    ``gathers`` are parameters whose cotangents the way back does not make, but takes from its caller and adds to: an array that
    a recursion hands on has one cotangent, not one for each call.
    """

    forward: Function
    backward: Function
    record: Record
    gathers: Collection[int] = ()


def handed_on(function: Function, active: Pattern) -> list[int]:
    """Return the active arrays among the parameters of a recursion that a call hands on as they are."""
    found: set[int] = set()
    for one in functions(function):
        own = set(one.params)
        calls = [op for op in walk(one.body) if isinstance(op, Call) and op.function is function]
        found.update(k for op in calls for k, arg in enumerate(op.args) if type(arg) is Value and arg in own)
    types = [param.type for param in function.params]
    return [k for k in sorted(found) if active[k] and isinstance(t := types[k], Tensor) and t.rank > 0]


class _Pairs:
    """The pairs of the functions of a program, each made once for a pattern of active parameters and wanted results."""

    def __init__(self, memory: float | None) -> None:
        self.memory = memory
        self.known: dict[tuple[Function, Pattern, Pattern], Pair] = {}

    def __call__(self, function: Function, active: Pattern, wanted: Pattern) -> Pair:
        key = (function, active, wanted)
        if key not in self.known and function.derivative is not None:
            record = Record(f"{function.name}_record_{len(self.known)}")
            self.known[key] = Pair(*given.pair(function, active, wanted, record, vjp), record)
        if key not in self.known:
            forward = expand(function, active)
            forward.name = f"{function.name}_forward"
            backward = Function(f"{function.name}_backward", Block(), function.line)
            record, gathers = Record(f"{function.name}_record_{len(self.known)}"), handed_on(function, active)
            pair = self.known[key] = Pair(forward, backward, record, gathers)
            self.fill(pair, function, active, wanted)
        return self.known[key]

    def fill(self, pair: Pair, function: Function, active: Pattern, wanted: Pattern) -> None:
        """Write both functions; those that call them know the pair already."""
        reversal, back, seeds = _reversed(function, active, wanted, self, pair.gathers)
        pair.forward.body = reversal.function.body
        kept = _separate(reversal, back)
        record, parts = Value(pair.record, "kept"), [Value(value.type, value.name) for value, _ in kept]
        types = tuple(part.type for part in parts)
        back.ops.insert(0, Apply(function=stores.unpack, args=(record, types), outputs=parts, form=tuple))
        substitute(back, {meant: part for (_, meant), part in zip(kept, parts, strict=True)})
        back.params = [record, *seeds]
        packed, body = Value(pair.record), reversal.function.body
        body.ops.append(Apply(function=stores.pack, args=(pair.record.name, *[value for value, _ in kept]), outputs=[packed]))
        body.results.append(packed)
        pair.backward.body = back
        places = [k for k, a in enumerate(active) if a]
        first = len(back.params) - len(pair.gathers)
        pair.backward.updates = {first + n: places.index(k) for n, k in enumerate(pair.gathers)}
        drop_dead_code(pair.forward)
        drop_dead_code(pair.backward)
