"""Functions with a derivative that their user gave (`custom_jvp`, `custom_vjp`): what stands in place of a transform.

A given pushforward is linear in the tangents, a given way back in the cotangents.  So the one is made of the other by
reversal, with zeros in place of what it is linear in: the transpose of ``t -> J(x) t`` is the way back of
``pushforward(x, t)`` by ``t`` at ``t = 0``.  The programs that come of it are programs like any other, and are
differentiated in turn; where they call the function itself, its given derivative applies again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

from adjoint._ir.builder import Builder
from adjoint._ir.nodes import Apply, Block, Call, Derivative, Function, Value, atom_type
from adjoint._ir.types import Record, tangent_type
from adjoint._rules import stores
from adjoint._transform.lists import zeros
from adjoint.errors import MissingRuleError

Pattern = tuple[bool, ...]


def active_results(function: Function, active: Sequence[bool]) -> Pattern | None:
    """Return which results of a function with a given derivative are active; None for other functions."""
    if function.derivative is None:
        return None
    return tuple(any(active) and atom_type(result).differentiable for result in function.results)


def active_params(function: Function, active: Sequence[bool]) -> Pattern | None:
    """Return which parameters a function with a given derivative has cotangents for; None for other functions."""
    return None if function.derivative is None else tuple(active)


def pushed(function: Function, active: Pattern, gradient: Callable[..., Function]) -> Function:
    """Return the function with tangents of its active parameters."""
    given = _of(function, active)
    writer = _Wrapper(f"{function.name}_jvp", function)
    seeds = [writer.param(tangent_type(p.type), f"{p.name}_dot" if p.name else "") for p, a in _zip(function, active) if a]
    with writer:
        if given.pushforward is not None:
            ts = writer.filled(iter(seeds), writer.arguments(given), active)
            writer.results = writer.call(given.pushforward, [*writer.params, *ts])
        else:
            writer.results = _transposed(writer, function, given, active, seeds, gradient)
    writer.function.body.params += seeds
    return writer.function


def _transposed(
    writer: _Wrapper,
    function: Function,
    given: Derivative,
    active: Pattern,
    seeds: list[Value],
    gradient: Callable[..., Function],
) -> list[Any]:
    """Write the tangents of results as the transpose of a given way back."""
    assert given.forward is not None
    assert given.backward is not None
    both = writer.call(given.forward, writer.params)
    results, residuals = both[: len(function.results)], both[len(function.results) :]
    cotangents = [zeros(writer.builder, y) for y in results if y.type.differentiable]
    linear = [False] * len(residuals) + [True] * len(cotangents)
    chosen = [a for p, a in list(_zip(function, active))[: given.count] if p.type.differentiable]
    way = gradient(given.backward, linear, chosen)
    found = writer.call(way, [*residuals, *writer.atoms(cotangents), *seeds])
    return [*results, *found[len(given.backward.results) :]]


def pair(
    function: Function, active: Pattern, wanted: Pattern, record: Record, vjp: Callable[..., Any]
) -> tuple[Function, Function]:
    """Return the way there, which returns a record too, and the way back of the function."""
    given = _of(function, active)
    there, back = _Wrapper(f"{function.name}_forward", function), _Wrapper(f"{function.name}_backward", None)
    count = len(function.results)
    own = [atom_type(result).differentiable for result in function.results]
    chosen = [a for p, a in list(_zip(function, active))[: given.count] if p.type.differentiable]
    if given.pushforward is not None:
        linear = [False] * len(function.params) + chosen
        split = vjp(given.pushforward, linear, [False] * count + [w for w, d in zip(wanted, own, strict=True) if d])
        with there:
            ts = writer_zeros(there, given)
            both = there.call(split.forward, [*there.params, *ts])
        results, kept = both[:count], both[len(given.pushforward.results) :]
        way, missing = split.backward, []
    else:
        assert given.forward is not None
        assert given.backward is not None
        with there:
            both = there.call(given.forward, there.params)
        results, kept, way = both[:count], both[count:], given.backward
        missing = [y for y, w, d in zip(results, wanted, own, strict=True) if d and not w]
    packed = Value(record)
    there.append(Apply(function=stores.pack, args=(record.name, *kept, *missing), outputs=[packed]))
    there.results = [*results, packed]
    _way_back(back, function, wanted, record, (way, kept, missing))
    found = back.results if given.pushforward is not None else [x for x, a in zip(back.results, chosen, strict=True) if a]
    back.results = found
    return there.function, back.function


def _way_back(
    back: _Wrapper, function: Function, wanted: Pattern, record: Record, ways: tuple[Function, list[Value], list[Value]]
) -> None:
    """Write a function that takes a record and cotangents of the results that are wanted."""
    way, kept, missing = ways
    packed = back.param(record, "kept")
    seeds = [back.param(tangent_type(atom_type(y)), "y_bar") for y, w in zip(function.results, wanted, strict=True) if w]
    parts = [Value(value.type, value.name) for value in [*kept, *missing]]
    types = tuple(part.type for part in parts)
    back.append(Apply(function=stores.unpack, args=(packed, types), outputs=parts, form=tuple))
    given, forms = iter(seeds), iter(parts[len(kept) :])
    with back:
        cts: list[Any] = []
        for y, w in zip(function.results, wanted, strict=True):
            if w:
                cts.append(next(given))
            elif missing and atom_type(y).differentiable:
                cts.append(back.builder.atom(zeros(back.builder, next(forms))))
        back.results = back.call(way, [*parts[: len(kept)], *cts])
    back.function.body.params = [packed, *seeds]


def writer_zeros(writer: _Wrapper, given: Derivative) -> list[Any]:
    """Return zeros for the tangents of all arguments."""
    return writer.atoms([zeros(writer.builder, p) for p in writer.arguments(given)])


def _of(function: Function, active: Pattern) -> Derivative:
    """Return the derivative that was given for a function; raise if it does not tell what is asked for."""
    given = function.derivative
    assert given is not None
    if given.refusal is not None:
        raise given.refusal
    if any(active[given.count :]):
        raise MissingRuleError.of(
            function.name,
            "it uses a value of the function around it, which is differentiated, and its own derivative cannot tell that",
        )
    return given


def _zip(function: Function, active: Pattern) -> Any:
    return zip(function.params, active, strict=True)


class _Wrapper:
    """Writes a function that calls others."""

    def __init__(self, name: str, like: Function | None) -> None:
        params = [] if like is None else [Value(p.type, p.name) for p in like.params]
        self.params = params
        self.function = Function(name, Block(params=list(params)), None if like is None else like.line)
        self.builder = Builder()
        self._open: Any = None

    def __enter__(self) -> Self:
        self._open = self.builder.into(self.function.body)
        self._open.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._open.__exit__(*error)

    @property
    def results(self) -> list[Any]:
        return self.function.body.results

    @results.setter
    def results(self, atoms: Sequence[Any]) -> None:
        self.function.body.results = list(atoms)

    def param(self, type: Any, name: str) -> Value:
        """Return a new value that will be a parameter."""
        return Value(type, name)

    def arguments(self, given: Derivative) -> list[Value]:
        """Return the parameters that are differentiable arguments."""
        return [p for p in self.params[: given.count] if p.type.differentiable]

    def append(self, op: Any) -> None:
        self.function.body.ops.append(op)

    def atoms(self, symbols: Sequence[Any]) -> list[Any]:
        return [self.builder.atom(x) for x in symbols]

    def filled(self, seeds: Any, arguments: Sequence[Value], active: Pattern) -> list[Any]:
        """Return the tangents of all arguments, zeros for those that have none."""
        on = dict(zip(self.params, active, strict=True))
        return [next(seeds) if on[p] else self.builder.atom(zeros(self.builder, p)) for p in arguments]

    def call(self, function: Function, args: Sequence[Any]) -> list[Value]:
        """Call a function; return its results."""
        outputs = [Value(atom_type(result), result.name if type(result) is Value else "") for result in function.results]
        self.append(Call(function=function, args=list(args), outputs=outputs))
        return outputs
