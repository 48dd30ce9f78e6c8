"""The operators inside a translated function: what they do to programs.

`grad(f)(x)` met by the frontend runs ``f`` into a program of its own, transforms that, and writes the result where it stands.
So operators nest as they do in Python, and a function that calls them is a program like any other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import CellType
from typing import Any

import numpy as np

from adjoint._api import evaluate
from adjoint._api.checkpoint import _checkpoint
from adjoint._api.derivative import _derivative
from adjoint._api.function import Derivative
from adjoint._api.grad import _grad, _value_and_grad
from adjoint._api.hvp import HVP, _hvp
from adjoint._api.jvp import jvp
from adjoint._api.stop_gradient import stop_gradient
from adjoint._frontend import calls, closures
from adjoint._frontend.arrays import Array, Memory
from adjoint._frontend.identity import Identity
from adjoint._frontend.lists import GrowingList
from adjoint._frontend.merge import parts_of
from adjoint._frontend.recursion import lift
from adjoint._frontend.state import UnstableError, content, put, same_content
from adjoint._frontend.trees import Tree, flatten
from adjoint._ir.copying import Copier
from adjoint._ir.nodes import Block, Function, Value, atom_type
from adjoint._ir.symbol import Symbol, writer
from adjoint._ir.types import Tensor, type_of
from adjoint._rules import stores
from adjoint._transform import forward, reverse
from adjoint._transform.along import along_one
from adjoint._transform.simplify import simplify
from adjoint.errors import InputError, OutputError, StructureError

HANDLERS: dict[Any, Callable[..., Any]] = {}


def lowers(operator: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register what an operator's function does to programs."""

    def register(handler: Callable[..., Any]) -> Callable[..., Any]:
        HANDLERS[operator] = handler
        return handler

    return register


def _derivative_called(g: Derivative, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return HANDLERS[g.run](g.f, args, kwargs, **g.options)


calls.CALLED[Derivative] = _derivative_called
closures.KINDS[Derivative] = (
    lambda g: (Derivative, g.run, repr(g.options)),
    lambda g: {"f": g.f},
    lambda g, parts: Derivative(g.run, parts["f"], g.options),
)


# A function as a program of its own -------------------------------------------------------------------------------------------


@dataclass
class Inner:
    """The program of a function that an operator was applied to.

    Its parameters stand for the ``leaves`` of the arguments, ``atoms`` are what they are given; values of the functions around
    it follow.  ``results`` counts the leaves of the value, which ``tree`` puts together.  After them come the new content of
    containers that the function changes, and new versions of arrays that it writes to (``written``, ``outside``).
    """

    function: Function
    leaves: list[Any]
    atoms: list[Any]
    tree: Tree
    results: int
    written: list[int]
    # Containers of the caller's that the function changes: how to make their new content, and of which outputs.
    changed: list[tuple[Any, Callable[[list[Any]], Any], slice]] = field(default_factory=list)
    # Memories of arrays of the world outside that it writes to.
    outside: list[Memory] = field(default_factory=list)

    def active(self, chosen: set[int]) -> list[bool]:
        """Return which parameters are the leaves chosen and have derivatives."""
        count = len(self.function.params)
        return [k in chosen and self.function.params[k].type.differentiable for k in range(count)]

    def write(self, outputs: Sequence[Any]) -> None:
        """Let the caller's arrays and containers hold what the function wrote to them."""
        for obj, rebuild, where in self.changed:
            new = rebuild(list(outputs[where]))
            writer().touch(obj)
            put(obj, content(new) if isinstance(obj, GrowingList) else new)
        first = self.changed[-1][2].stop if self.changed else self.results
        targets = [*[self.leaves[k] for k in self.written], *map(Array, self.outside)]
        for target, output in zip(targets, outputs[first:], strict=False):
            target.replace(output)


def inner(f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Inner:
    """Run a function into a program of its own."""
    recorder = writer()
    tree = flatten((args, kwargs))
    places = [k for k, leaf in enumerate(tree.leaves) if takes(leaf)]
    params = [Value(leaf_type(tree.leaves[k]), _name_of(tree.leaves[k])) for k in places]
    memories = [
        Memory(p) if isinstance(p.type, Tensor) and isinstance(tree.leaves[k], Array) else None
        for k, p in zip(places, params, strict=True)
    ]
    symbols, block = list(tree.leaves), Block(params=params)
    for k, p, m in zip(places, params, memories, strict=True):
        symbols[k] = Array(m) if m is not None else Symbol(p)
        if m is not None:
            recorder.same_shape(p, recorder.atom(tree.leaves[k]))
    with recorder.region(repeats=True) as region:
        try:
            with recorder.into(block):
                inner_args, inner_kwargs = tree.rebuild(symbols)
                value = flatten(calls.routed(f)(*inner_args, **inner_kwargs))
                atoms = [recorder.atom(leaf) for leaf in value.leaves]
                count = len(atoms)
                changed = list(_changed(region, (inner_args, inner_kwargs), (args, kwargs), atoms))
            written = [k for k, m in enumerate(memories) if m is not None and m.value is not params[k]]
            outside = _written_outside(region)
            _check_changes(region, [*memories, *outside], (inner_args, inner_kwargs))
            _check_written(written, [tree.leaves[k] for k in places])
            atoms += [m.value for m in [*[memories[k] for k in written], *outside]]  # type: ignore[union-attr]
        finally:
            region.undo()
    block.results = atoms
    function = Function(getattr(f, "__name__", "f"), block)
    captured = lift(function)
    recorder.expect_seen(captured)
    function = simplify(function)
    leaves = [tree.leaves[k] for k in places]
    return Inner(
        function, leaves, [*[recorder.atom(leaf) for leaf in leaves], *captured], value, count, written, changed, outside
    )


def _written_outside(region: Any) -> list[Memory]:
    """Return the memories of arrays of the world outside that were written to."""
    found = []
    for memory in writer().captures.memories:
        kept = region.touched.get(id(memory))
        if memory is not None and kept is not None and kept[0] is memory and kept[1][0] is not memory.value:
            found.append(memory)
    return found


def _pairs(inside: Any, outside: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the containers among arguments, each with the caller's own."""
    parts, originals = parts_of(inside), parts_of(outside)
    if parts is None or originals is None:
        return
    if not isinstance(outside, tuple):
        yield inside, outside
    for name in parts.keys() & originals.keys():
        yield from _pairs(parts[name], originals[name])


def _changed(region: Any, inside: Any, outside: Any, atoms: list[Any]) -> Iterator[Any]:
    """Yield the containers among the arguments that were changed; append the atoms of their new content."""
    for obj, original in _pairs(inside, outside):
        found = region.touched.get(id(obj))
        if found is None or found[0] is not obj or same_content(found[1], content(obj)):
            continue
        tree = flatten(obj if isinstance(obj, GrowingList) else content(obj))
        first = len(atoms)
        atoms += [writer().atom(leaf) for leaf in tree.leaves]
        yield original, tree.rebuild, slice(first, len(atoms))


def takes(leaf: Any) -> bool:
    """Tell whether a leaf of the arguments becomes a parameter; others are known."""
    return isinstance(leaf, (Symbol, float, complex, np.inexact))


def _name_of(leaf: Any) -> str:
    """Return the user's name of a leaf, if it has one."""
    return leaf.value.name if isinstance(leaf, Symbol) and not getattr(leaf, "path", ()) else ""


def leaf_type(leaf: Any) -> Any:
    """Return the type of a leaf."""
    return leaf.type if isinstance(leaf, Symbol) else type_of(leaf)


def _check_changes(region: Any, memories: list[Any], inside: Any) -> None:
    """Raise if the function changes anything outside but its own arguments."""
    recorder = writer()
    own = {id(x) for x in [*memories, *[obj for obj, _ in _pairs(inside, inside)]]}
    for obj, old in region.touched.values():
        if id(obj) in own or isinstance(obj, Identity) or recorder.born(obj) > region.start or same_content(old, content(obj)):
            continue
        raise UnstableError(
            f"a function that is differentiated within a translated function changes a {_noun(obj)} outside of itself",
            remedy="let it return what it computes",
        )


def _check_written(written: Sequence[int], leaves: Sequence[Any]) -> None:
    """Raise if the function writes to an argument whose memory is another argument's too."""
    arrays = {k: leaf.memory for k, leaf in enumerate(leaves) if isinstance(leaf, Array)}
    if any(arrays[k] is memory for k in written for j, memory in arrays.items() if j != k):
        raise UnstableError(
            "a function that is differentiated within a translated function writes to an array that it is given twice",
            remedy="pass a copy of one of them",
        )


def _noun(obj: Any) -> str:
    """Return what a user calls an object that is changed."""
    return {Memory: "array", GrowingList: "list", CellType: "variable"}.get(type(obj), type(obj).__name__)


def inlined(function: Function, atoms: Sequence[Any]) -> list[Any]:
    """Write a function's operations where the program stands, and return its results."""
    recorder = writer()
    copier = Copier(dict(zip(function.params, atoms, strict=True)))
    recorder.blocks[-1].ops.extend(copier.op(op) for op in function.body.ops)
    return [_symbol(recorder, atom) for atom in copier(function.body.results)]


def _symbol(recorder: Any, atom: Any) -> Any:
    return recorder.symbol(atom) if isinstance(atom, Value) else atom


def zeros(leaf: Any) -> Any:
    """Return zeros of the form of a leaf."""
    if isinstance(leaf, Symbol) and isinstance(leaf.type, Tensor) and leaf.type.rank:
        return np.zeros_like(leaf)
    return 0.0


def positions_of(args: tuple[Any, ...], argnums: Any, name: str) -> tuple[int, ...]:
    """Return the positions of the arguments to differentiate."""
    return evaluate.select(args, argnums, name)


class Chosen:
    """The leaves of the arguments that are differentiated, by argument."""

    def __init__(self, args: tuple[Any, ...], positions: Sequence[int], name: str) -> None:
        self.trees = [flatten(args[k]) for k in positions]
        self.ids = {id(leaf) for tree in self.trees for leaf in tree.leaves}
        for k, tree in zip(positions, self.trees, strict=True):
            if tree.leaves and not any(_is_differentiable(leaf) for leaf in tree.leaves):
                raise InputError(f"cannot differentiate with respect to argument {k} of the function given to {name}")

    def places(self, made: Inner) -> set[int]:
        """Return which parameters of a program they are."""
        return {k for k, leaf in enumerate(made.leaves) if id(leaf) in self.ids}

    def build(self, made: Inner, found: dict[int, Any]) -> list[Any]:
        """Return, for each argument, its derivative in the argument's structure."""
        of_leaf = {id(made.leaves[k]): x for k, x in found.items()}
        return [tree.rebuild([of_leaf.get(id(leaf), zeros(leaf)) for leaf in tree.leaves]) for tree in self.trees]


def _is_differentiable(leaf: Any) -> bool:
    return isinstance(leaf, (float, complex, np.inexact)) or (isinstance(leaf, Symbol) and leaf.type.differentiable)


def floated(args: tuple[Any, ...], positions: Sequence[int]) -> tuple[Any, ...]:
    """Return arguments in which whole numbers to differentiate are floats, and what is given twice are two symbols."""
    times = Counter(id(leaf) for arg in args for leaf in flatten(arg).leaves)
    new = list(args)
    for k in positions:
        tree = flatten(new[k])
        leaves = [_floated(leaf) if times[id(leaf)] == 1 else _again(_floated(leaf)) for leaf in tree.leaves]
        if any(a is not b for a, b in zip(leaves, tree.leaves, strict=True)):
            new[k] = tree.rebuild(leaves)
    return tuple(new)


def _again(leaf: Any) -> Any:
    """Return another symbol of the same value."""
    return (
        Array(leaf.memory, leaf.path) if isinstance(leaf, Array) else Symbol(leaf.value) if isinstance(leaf, Symbol) else leaf
    )


def _floated(leaf: Any) -> Any:
    if isinstance(leaf, int) and not isinstance(leaf, bool):
        return float(leaf)
    if isinstance(leaf, Symbol) and isinstance(leaf.type, Tensor) and leaf.type.number and leaf.type.dtype.kind == "i":
        return writer().apply(float, (leaf,), {})
    if not isinstance(leaf, Symbol):
        return writer().symbol_of_constant(leaf)
    return leaf


# The operators ----------------------------------------------------------------------------------------------------------------


@lowers(_value_and_grad)
def value_and_grad(
    f: Any,
    args: Any,
    kwargs: Any,
    *,
    argnums: Any = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    memory: float | None = None,
    name: str = "value_and_grad",
) -> Any:
    """Write the program of a value and its gradient."""
    positions = positions_of(args, argnums, name)
    args = floated(args, positions)
    chosen = Chosen(args, positions, name)
    made = inner(f, args, kwargs)
    _expect_scalar(made, name, has_aux=has_aux, holomorphic=holomorphic)
    active = made.active(chosen.places(made))
    outputs = inlined(_gradient(made.function, active, memory), [*made.atoms, _one(made.function.results[0])])
    count = len(made.function.results)
    made.write(outputs[:count])
    cotangents = dict(zip([k for k, on in enumerate(active) if on], outputs[count:], strict=True))
    if holomorphic:
        cotangents = {k: np.conj(ct) for k, ct in cotangents.items()}
    parts = chosen.build(made, {k: number_like(made.leaves[k], ct) for k, ct in cotangents.items()})
    value = made.tree.rebuild(outputs[: made.results])
    return value, parts[0] if isinstance(argnums, (int, np.integer)) else tuple(parts)


def _gradient(function: Function, active: Sequence[bool], memory: float | None) -> Function:
    """Return the program of the results and the gradient of the first, by the sweep that costs less."""
    made = along_one(function, active)
    return made or reverse.gradient(function, active, [k == 0 for k in range(len(function.results))], memory)


def _one(result: Any) -> Any:
    t = atom_type(result)
    return 1.0 + 0j if isinstance(t, Tensor) and t.dtype.kind == "c" else 1.0


def number_like(x: Any, g: Any) -> Any:
    """Return the derivative by a Python number as a Python number."""
    t = leaf_type(x)
    if isinstance(t, Tensor) and t.number and isinstance(g, Symbol) and isinstance(g.type, Tensor) and not g.type.number:
        return writer().apply(float if t.dtype.kind == "f" else complex, (g,), {})
    return g


def _expect_scalar(made: Inner, name: str, *, has_aux: bool, holomorphic: bool) -> None:
    """Raise unless the value is one number."""
    single = made.tree.key == "*" if not has_aux else made.results >= 1
    t = atom_type(made.function.results[0]) if made.results else None
    if not single or not isinstance(t, Tensor) or t.rank:
        raise OutputError(f"{name}: the function must return a scalar", remedy="return one number, or use jacobian for arrays")
    if t.dtype.kind == "c" and not holomorphic:
        raise OutputError(
            f"{name}: the function returned a complex number", remedy="return a real number, or pass holomorphic=True"
        )
    if t.dtype.kind not in "fc":
        raise OutputError(f"{name}: the function returned a whole number, which has no derivative", remedy="return a float")


@lowers(_grad)
def grad(f: Any, args: Any, kwargs: Any, *, has_aux: bool = False, **options: Any) -> Any:
    """Write the program of a gradient."""
    value, gradient = value_and_grad(f, args, kwargs, has_aux=has_aux, **{"name": "grad", **options})
    return (gradient, value[1]) if has_aux else gradient


def pushed(f: Any, args: Any, kwargs: Any, tangents: dict[int, Any], name: str) -> tuple[Any, Any]:
    """Write the program of a value and its tangent for tangents of arguments by position; return both."""
    made = inner(f, args, kwargs)
    outputs, dots = _with_tangents(made, Chosen(args, tuple(tangents), name), list(tangents.values()), name)
    made.write(outputs)
    return made.tree.rebuild(outputs[: made.results]), made.tree.rebuild(dots)


def _with_tangents(made: Inner, chosen: Chosen, tangents: Sequence[Any], name: str) -> tuple[list[Any], list[Any]]:
    """Write a program with tangents; return its results, and the tangents of those that are of its value."""
    given: dict[int, Any] = {}
    for tree, t in zip(chosen.trees, tangents, strict=True):
        seeds = flatten(t)
        if seeds.key != tree.key:
            raise StructureError(
                f"{name}: a tangent does not have the structure of its argument", remedy="give one tangent like each argument"
            )
        given.update({id(leaf): seed for leaf, seed in zip(tree.leaves, seeds.leaves, strict=True)})
    active = made.active(chosen.places(made))
    program, active_results = forward.jvp(made.function, active)
    params = made.function.params
    seeds = [seed(given[id(made.leaves[k])], params[k].type, f"{name}: a tangent") for k, on in enumerate(active) if on]
    outputs = inlined(program, [*made.atoms, *seeds])
    count = len(made.function.results)
    found = iter(outputs[count:])
    dots = [next(found) if on else None for on in active_results]
    values = outputs[: made.results]
    return outputs[:count], [number_like(v, zeros(v) if t is None else t) for v, t in zip(values, dots, strict=False)]


def seed(x: Any, like: Any, what: str) -> Any:
    """Return a tangent or cotangent in the type of the value that it belongs to."""
    w = writer()
    atom = w.atom(x)
    own = atom_type(atom)
    if isinstance(own, Tensor) and isinstance(like, Tensor) and own.rank != like.rank:
        raise StructureError(
            f"{what} has {own.rank} axes, and its value has {like.rank}",
            remedy="give it the shape of the value that it belongs to",
        )
    return w.converted(atom, like)


def _jvp(f: Any, primals: Any, tangents: Any, *, has_aux: bool = False) -> Any:
    primals, tangents = tuple(primals), tuple(tangents)
    if len(primals) != len(tangents):
        raise StructureError(
            f"jvp: {len(primals)} primals but {len(tangents)} tangents", remedy="give one tangent per argument"
        )
    primals = floated(primals, range(len(primals)))
    value, t = pushed(f, primals, {}, dict(enumerate(tangents)), "jvp")
    return (value[0], t[0], value[1]) if has_aux else (value, t)


calls.REPLACED[jvp] = _jvp


@lowers(_derivative)
def derivative(f: Any, args: Any, kwargs: Any, *, argnum: int) -> Any:
    """Write the program of a derivative by one argument."""
    (k,) = positions_of(args, argnum, "derivative")
    args = floated(args, (k,))
    one = np.ones_like(args[k]) if isinstance(args[k], Array) else 1.0
    return pushed(f, args, kwargs, {k: one}, "derivative")[1]


@calls.replaces(stop_gradient)
def held(x: Any) -> Any:
    """Write what has no derivative."""
    tree = flatten(x)
    return tree.rebuild(
        [writer().apply(stores.held, (leaf,), {}) if isinstance(leaf, Symbol) else leaf for leaf in tree.leaves]
    )


@lowers(_checkpoint)
def checkpoint(f: Any, args: Any, kwargs: Any) -> Any:
    """A program decides by itself what to compute again."""
    return calls.routed(f)(*args, **kwargs)


@lowers(_hvp)
def hvp(f: Any, args: Any, kwargs: Any, *, argnums: Any, value_and_grad: bool) -> Any:
    """Write the program of a Hessian-vector product: forward over reverse."""
    primals, vector = args
    primals = primals if isinstance(primals, tuple) and not hasattr(primals, "_fields") else (primals,)
    positions = positions_of(primals, argnums, "hvp")
    vectors = (vector,) if isinstance(argnums, int) else tuple(vector)
    g = Derivative(_value_and_grad, f, {"argnums": argnums, "name": "hvp"})
    primals = floated(primals, positions)
    (value, gradient), (_, product) = pushed(g, primals, kwargs, dict(zip(positions, vectors, strict=True)), "hvp")
    return HVP(value, gradient, product) if value_and_grad else product
