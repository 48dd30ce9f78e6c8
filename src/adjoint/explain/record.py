"""The evaluation trace of a program as plain data: `record` runs the user's function once and returns a `Trace`.

The trace follows the classic notation [Griewank and Walther 2008, chapter 2; Wengert 1964].  With ``n`` inputs (the leaves of
the differentiated arguments, in order) the intermediates are ``v_{1-n} ... v_0``, the inputs, then ``v_1, v_2, ...`` in the
order in which the program computed them.  Everything comes from the engine: `recorder.Recorder` is its tape, the tangents are
one forward sweep over the tape, the adjoints one reverse sweep, and contributions are what the entries of the tape pass on.

==================  ===============================================================================================
`Trace`             ``nodes`` in order, ``outputs``, ``decisions``, ``inputs`` (how many), ``function`` (its name)
`Intermediate`      one ``v_k``: ``index``, ``label``, ``kind``, ``function``, ``formula``, ``arguments``, ``value``,
                    ``tangent``, ``adjoint``, ``contributions`` (of its children), ``seed`` (of an output), ``partials``,
                    ``place``, ``groups``, ``parents``
`Argument`          what a function was applied to: its text and the indices of the intermediates in it, or a constant
`Contribution`      what one child adds to the adjoint: the child's index, the position of the argument, the value
`Output`            a leaf of the result: the index of its intermediate, None if it depends on no input
`Decision`          a comparison or rounding of traced values, whose plain answer the program may have branched on
`places.Place`      the user's file, line, source text, call stack
`places.Group`      a call, a loop, or an iteration; equal for all intermediates in it, outermost first in ``groups``
==================  ===============================================================================================

``trace[k]`` is ``v_k``.  Kinds of intermediates: ``"input"``; ``"operation"``, a function with a rule; ``"read"``, elements of
an array; ``"store"``, the content of an array after a store, a new intermediate; ``"part"``, one array of a result that is a
tuple; ``"memory"``, an array that the program made and then stored into.  Partial derivatives, by position of the argument, are
given where the rule states them: of elementwise functions.  Values are copies, numbers and arrays, nothing traced.

Memory: three copies of every intermediate (value, tangent, adjoint), one more for each contribution.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from adjoint._api import evaluate, tree
from adjoint._rules import kinds
from adjoint._rules.book import BOOK, name_of
from adjoint._trace.shadow import Region
from adjoint._trace.sweep import WRITE, Operation, Pick, Write, accumulate
from adjoint._trace.traced import highest
from adjoint.errors import InputError, StructureError
from adjoint.explain.formulas import index_text, label_of, leaf_names, operation_text, parameter_names, references, text_of
from adjoint.explain.places import Group, Place
from adjoint.explain.recorder import Asked, Recorder, snapshot


@dataclass(frozen=True, slots=True)
class Argument:
    """What a function was applied to: intermediates, by index (none for a constant), and how it is written."""

    text: str
    nodes: tuple[int, ...] = ()
    value: Any = None


@dataclass(frozen=True, slots=True)
class Contribution:
    """What a child adds to an adjoint, by way of its argument at ``position``."""

    child: int
    position: int
    value: Any


@dataclass(slots=True)
class Intermediate:
    """One value of the evaluation trace (see the module)."""

    index: int
    label: str
    kind: str
    function: str
    formula: str
    value: Any
    arguments: tuple[Argument, ...] = ()
    name: str = ""
    tangent: Any = None
    adjoint: Any = None
    seed: Any = None
    contributions: list[Contribution] = field(default_factory=list)
    partials: dict[int, Any] = field(default_factory=dict)
    place: Place | None = None
    rule: Any = None
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def groups(self) -> tuple[Group, ...]:
        """The calls, loops and iterations around it, outermost first."""
        return self.place.groups if self.place else ()

    @property
    def parents(self) -> tuple[int, ...]:
        """The indices of the intermediates that it is computed from, each once."""
        return tuple(dict.fromkeys(k for argument in self.arguments for k in argument.nodes))


@dataclass(frozen=True, slots=True)
class Output:
    """A leaf of the result."""

    node: int | None
    value: Any


@dataclass(frozen=True, slots=True)
class Decision:
    """A plain answer about intermediates; ``before`` is the index of the next intermediate."""

    function: str
    text: str
    arguments: tuple[Argument, ...]
    result: Any
    place: Place | None
    before: int
    rule: Any


@dataclass(slots=True)
class Trace:
    """An evaluation trace (see the module)."""

    function: str
    nodes: list[Intermediate]
    outputs: list[Output]
    decisions: list[Decision]
    inputs: int
    callable: Callable[..., Any]
    args: tuple[Any, ...]
    positions: tuple[int, ...]

    def __getitem__(self, index: int) -> Intermediate:
        """Return ``v_index``; inputs have indices down to ``1 - inputs``."""
        if not -self.inputs < index <= len(self.nodes) - self.inputs:
            raise IndexError(f"the trace has v_{1 - self.inputs} to v_{len(self.nodes) - self.inputs}, not v_{index}")
        return self.nodes[index + self.inputs - 1]

    def __len__(self) -> int:
        return len(self.nodes)

    def __iter__(self) -> Iterator[Intermediate]:
        return iter(self.nodes)


def record(
    f: Callable[..., Any], args: tuple[Any, ...], *, direction: Any = None, cotangent: Any = None, name: str = "explain"
) -> Trace:
    """Run ``f`` once and return its evaluation trace, with tangents along ``direction`` and adjoints from ``cotangent``.

    Differentiated are the arguments that hold floats (if there is none: all); the others are held fixed.  ``direction`` is a
    tuple with a tangent for each argument (None for zero), as `adjoint.jvp` takes it; left out, ones for the first
    differentiated argument and zeros for the others.  ``cotangent`` has the structure of the result; left out, it is ones.
    """
    if highest(tree.flatten(list(args))[0]) is not None:
        raise InputError(
            f"{name}: called inside of a derivative", why="it shows plain values", remedy="call it outside, on plain numbers"
        )
    positions = differentiated(args)
    # Before the run, which may store into its arguments.
    taken = tuple(tree.tree_map(snapshot, a) if k in positions or isinstance(a, np.ndarray) else a for k, a in enumerate(args))
    names = input_names(f, args, positions)
    recorder = Recorder(record.__code__)
    primals, structure, pullback, _ = evaluate.record(f, args, {}, positions, has_aux=False, name=name, tape=recorder)
    pullback.tape.verify()
    offset = len(names) - 1
    nodes = [_node(slot, offset, entry, recorder) for slot, entry in enumerate(recorder.recorded)]
    for node, input_name in zip(nodes, names, strict=False):
        node.kind, node.name, node.formula, node.place = "input", input_name, input_name, None
    outputs = [_output(result[0], value, offset, recorder) for result, value in zip(pullback.results, primals, strict=True)]
    decisions = [_decision(d, offset) for d in recorder.decisions]
    function = getattr(f, "__name__", type(f).__name__)
    trace = Trace(function, nodes, outputs, decisions, len(names), f, taken, positions)
    _push(trace, recorder, _seeds(direction, args, pullback.inputs, name))
    _pull(trace, recorder, pullback, _cotangents(cotangent, structure, primals, name))
    return trace


def differentiated(args: tuple[Any, ...]) -> tuple[int, ...]:
    """Return the positions of the arguments that hold floats; if there is none, of all."""
    found = []
    for k, arg in enumerate(args):
        leaves, _ = tree.flatten(arg)
        if any(
            isinstance(x, (float, complex)) or getattr(getattr(x, "dtype", None), "kind", None) in ("f", "c") for x in leaves
        ):
            found.append(k)
    if not args:
        raise InputError("no arguments are given", remedy="pass the point after the function: explain(f, x, y), draw(f, x, y)")
    return tuple(found) or tuple(range(len(args)))


# The nodes --------------------------------------------------------------------------------------------------------------------


def input_names(f: Callable[..., Any], args: tuple[Any, ...], positions: tuple[int, ...]) -> list[str]:
    """Return a name for each leaf that is differentiated."""
    parameters = parameter_names(f, len(args))
    found = []
    for k in positions:
        active = evaluate.leaves_of(args[k], f"argument {k}")[1]
        found += [name for name, x in zip(leaf_names(parameters[k], args[k]), active, strict=True) if x is not None]
    return found


def _output(target: Any, value: Any, offset: int, recorder: Recorder) -> Output:
    """Return an output from the target of its cotangent."""
    if target is None:
        return Output(None, snapshot(value))
    home: int = target.slot if isinstance(target, Region) else target
    return Output(recorder.newest.get(home, home) - offset, snapshot(value))


def _decision(d: Asked, offset: int) -> Decision:
    """Return a decision with indices in place of slots."""
    text = operation_text(d.function, [text_of(a, offset) for a in d.arguments], {})
    arguments = tuple(_argument(a, offset) for a in d.arguments)
    return Decision(name_of(d.function), text, arguments, d.result, d.place, d.slot - offset, BOOK.get(d.function))


def _node(slot: int, offset: int, entry: Any, recorder: Recorder) -> Intermediate:
    """Return the intermediate of an entry of the tape."""
    note = recorder.notes[slot]
    texts = [text_of(a, offset) for a in note.arguments]
    kind, function, rule = "memory", "", note.rule
    formula = "a new array"
    if entry is None:
        pass
    elif entry[0] is WRITE:
        kind, function = "store", "store"
        formula = f"{texts[0]} with [{index_text(note.arguments[1])}] = {texts[2]}"
    elif isinstance(entry[0], Pick):
        kind, function, formula = "part", "part", f"part {entry[2]} of {texts[0]}"
    elif rule is None:
        kind, function, formula = "read", "operator.getitem", f"{texts[0]}[{index_text(note.arguments[1])}]"
        rule = BOOK.get(operator.getitem)
    else:
        kind, function, formula = "operation", rule.name, operation_text(rule.function, texts, note.options)
    arguments = tuple(_argument(a, offset) for a in note.arguments)
    node = Intermediate(slot - offset, label_of(slot - offset), kind, function, formula, note.value, arguments)
    node.partials, node.place, node.rule, node.options = note.partials, note.place, rule, note.options
    return node


def _argument(a: Any, offset: int) -> Argument:
    """Return an argument with indices in place of slots."""
    nodes = tuple(reference.slot - offset for reference in references(a))
    return Argument(text_of(a, offset), nodes, None if nodes else a)


# The two passes -------------------------------------------------------------------------------------------------------------


def _seeds(direction: Any, args: tuple[Any, ...], inputs: dict[int, Any], name: str) -> list[Any]:
    """Return the tangents of the inputs."""
    if direction is not None and (not isinstance(direction, tuple) or len(direction) != len(args)):
        raise StructureError(
            f"{name}: direction must be a tuple of {len(args)} tangents, one for each argument, got {type(direction).__name__}",
            remedy="write direction=(tangent_0, tangent_1, ...), with None for an argument that does not move",
        )
    seeds: list[Any] = []
    for count, (k, (_, active, structure)) in enumerate(inputs.items()):
        mine = [x for x in active if x is not None]
        if direction is None or direction[k] is None:
            one = count == 0 and direction is None
            seeds += [np.ones_like(x) if one and kinds.shape_of(x) else kinds.dtype_of(x).type(one) if not kinds.shape_of(x)
                      else kinds.zeros_like(x) for x in mine]  # fmt: skip
        else:
            ts = evaluate.match(direction[k], structure, active, f"{name}: direction of argument {k}")
            seeds += [snapshot(t) for x, t in zip(active, ts, strict=True) if x is not None]
    return seeds


def _cotangents(cotangent: Any, structure: Any, primals: list[Any], name: str) -> list[Any]:
    """Return the cotangents of the leaves of the result, None for those without a derivative."""
    active = [y if kinds.dtype_of(y).kind in "fc" else None for y in primals]
    if cotangent is None:
        return [None if y is None else np.ones_like(y) if kinds.shape_of(y) else kinds.dtype_of(y).type(1) for y in active]
    return evaluate.match(cotangent, structure, active, f"{name}: cotangent")


def _push(trace: Trace, recorder: Recorder, seeds: list[Any]) -> None:
    """Sweep forward over the tape and note the tangents."""
    ts: list[Any] = [snapshot(t) for t in seeds] + [None] * (len(trace.nodes) - trace.inputs)
    with np.errstate(all="ignore"):
        for slot, (entry, node) in enumerate(zip(recorder.recorded, trace.nodes, strict=True)):
            if entry is not None:
                entry[0].forward(entry, slot, ts)
            t = ts[entry[1].slot if entry is not None and entry[0] is WRITE else slot]
            node.tangent = _filled(t, node.value)


def _pull(trace: Trace, recorder: Recorder, pullback: evaluate.Pullback, cotangents: list[Any]) -> None:
    """Sweep back over the tape and note the adjoints, and what each intermediate contributes to those of its parents."""
    cts: list[Any] = [None] * len(trace.nodes)
    owned: set[int] = set()
    offset = trace.inputs - 1
    for (target, shape, dtype), output, ct in zip(pullback.results, trace.outputs, cotangents, strict=True):
        if output.node is not None and ct is not None and target is not None:
            accumulate(cts, owned, target, ct, (shape, dtype), None)
            alone: Any = _Sparse()
            accumulate(alone, set(), target, ct, (shape, dtype), None)
            node = trace[output.node]
            node.seed = kinds.add(node.seed, *map(snapshot, alone.values()))
    with np.errstate(all="ignore"):
        for slot in range(len(trace.nodes) - 1, -1, -1):
            entry, node = recorder.recorded[slot], trace.nodes[slot]
            home = entry[1].slot if entry is not None and entry[0] is WRITE else slot
            node.adjoint = _filled(cts[home], node.value)
            if entry is None or cts[home] is None:
                continue
            homes = recorder.notes[slot].homes
            for position, target, value in _passed(entry, slot, cts[home]):
                source = trace.nodes[homes.get(target, target)]
                source.contributions.append(Contribution(slot - offset, position, snapshot(value)))
            entry[0].backward(entry, slot, cts, owned)


class _Sparse(dict[int, Any]):
    """Cotangents by slot, None where there is none yet."""

    def __missing__(self, slot: int) -> None:
        return None


def _passed(entry: Any, slot: int, ct: Any) -> Iterator[tuple[int, int, Any]]:
    """Yield what an entry passes on, as the engine passes it: position of the argument, slot, contribution."""
    step = entry[0]
    if isinstance(step, Write):
        yield from _stored(step, entry, slot, ct)
        return
    alone = [(*entry[:5], [target]) for target in entry[5]] if isinstance(step, Operation) else [entry]
    for part in alone:
        found: Any = _Sparse({slot: ct})
        step.backward(part, slot, found, set())
        position = part[5][0][0] if isinstance(step, Operation) else 0
        yield from ((position, target, g) for target, g in found.items() if target != slot)


def _stored(step: Write, entry: Any, slot: int, ct: Any) -> Iterator[tuple[int, int, Any]]:
    """Yield what a store passes on: to the content before, zero where it was overwritten, and to the value."""
    home = entry[1].slot
    old: Any = _Sparse({home: snapshot(ct)})
    step.backward((step, entry[1], None, *entry[3:]), slot, old, {home})
    yield 0, home, old[home]
    if entry[2] is not None:
        new: Any = _Sparse({home: snapshot(ct)})
        step.backward(entry, slot, new, {home})
        yield from ((2, target, g) for target, g in new.items() if target != home)
        if np.any(new[home] != old[home]):  # one part of the array was stored into another
            yield 2, home, new[home] - old[home]


def _filled(ct: Any, value: Any) -> Any:
    """Return a tangent or an adjoint with zeros where nothing arrived."""
    if value is None:
        return None
    if isinstance(value, (tuple, list)):
        parts = [None] * len(value) if ct is None else ct
        return [_filled(part, x) for part, x in zip(parts, value, strict=True)]
    return kinds.zeros_like(value) if ct is None else snapshot(ct)
