"""`vjp` and `linearize` inside a translated function: they give functions, which hold values of the program.

Such a function may be kept in a variable over branches and loops like any other: it is taken apart into the program that it
writes when it is called, and the values that this takes.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any

from adjoint._api.linearize import linearize
from adjoint._api.lowering import Chosen, Inner, floated, inlined, inner, number_like, seed, zeros
from adjoint._api.vjp import vjp
from adjoint._frontend import calls, closures
from adjoint._frontend.lists import GrowingList
from adjoint._frontend.merge import NUMBERS, parts_of
from adjoint._frontend.trees import Tree, flatten
from adjoint._ir.fingerprint import fingerprint
from adjoint._ir.nodes import Function, Value, atom_type
from adjoint._ir.symbol import Symbol, writer, writing
from adjoint._ir.types import ListOf, Type, tangent_type
from adjoint._transform import forward, reverse
from adjoint.errors import StructureError

Parts = dict[str, Any]


class Linear:
    """A linear function that an operator gave: ``kept`` are the values that it holds, by name."""

    program: Function

    def __init__(self, made: Inner, chosen: Chosen, name: str, kept: Parts) -> None:
        self.made, self.name, self.kept = made, name, kept
        self.trees = chosen.trees
        self.active = made.active(chosen.places(made))
        order = [id(made.leaves[k]) for k, on in enumerate(self.active) if on]
        # Of each leaf of the arguments, which of the program's tangents or cotangents is its own.
        leaves = [leaf for tree in chosen.trees for leaf in tree.leaves]
        self.places = [order.index(id(leaf)) if id(leaf) in order else None for leaf in leaves]
        kept["primals"] = tuple(leaves)

    @functools.cached_property
    def kind(self) -> Any:
        """What tells it from others."""
        forms = (self.made.tree.key, *[tree.key for tree in self.trees])
        return type(self), self.name, fingerprint(self.program), tuple(self.places), forms

    def with_kept(self, kept: Parts) -> Linear:
        """Return the function of other values."""
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__)
        new.kept = kept
        return new

    def __call__(self, *args: Any) -> Any:
        if not writing():
            raise TypeError("a function that `vjp` or `linearize` gave in a program is called outside of it")
        return calls.routed(self)(*args)


class Pullback(Linear):
    """The way back that `vjp` gives: takes a cotangent."""

    def __init__(self, made: Inner, chosen: Chosen, *, has_aux: bool) -> None:
        results = made.function.results
        self.wanted = [k < made.results and atom_type(r).differentiable for k, r in enumerate(results)]
        self.has_aux = has_aux
        super().__init__(made, chosen, "vjp", {})
        split = reverse.vjp(made.function, self.active, self.wanted)
        outputs = inlined(split.forward, made.atoms)
        self.program = split.backward
        made.write(outputs[: len(results)])
        self.kept["residuals"] = tuple(outputs[len(results) :])
        self.value = made.tree.rebuild(outputs[: made.results])
        self.kept["aux"] = _zero_tree(self.value[1]) if has_aux else None

    def pull(self, ct: Any) -> tuple[Any, ...]:
        """Write the way back for a cotangent."""
        leaves = self.leaves((ct, self.kept["aux"]) if self.has_aux else ct)
        w, results = writer(), self.made.function.results
        seeds = [list_of(c, tangent_type(atom_type(r))) for c, r, on in zip(leaves, results, self.wanted, strict=False) if on]
        found = inlined(self.program, [*map(w.atom, self.kept["residuals"]), *seeds])
        primals = self.kept["primals"]
        bars = [zeros(x) if k is None else number_like(x, found[k]) for x, k in zip(primals, self.places, strict=True)]
        return tuple(_spread(self.trees, bars))

    def leaves(self, ct: Any) -> list[Any]:
        """Return the leaves of a cotangent; of a list of unknown length it is a list."""
        marks, own = [Mark() for _ in range(self.made.results)], flatten(ct)
        found = dict(up_to_marks(self.made.tree.rebuild(marks), own.rebuild(own.leaves)))
        if any(not isinstance(found.get(mark), (Symbol, *NUMBERS, GrowingList, list)) for mark in marks):
            raise _other_structure()
        return [found[mark] for mark in marks]


def _other_structure() -> StructureError:
    return StructureError(
        "vjp: a cotangent does not have the structure of the result",
        remedy="give it the structure of the value that it belongs to",
    )


class Mark:
    """Stands for a leaf of a tree."""


def up_to_marks(form: Any, x: Any) -> Iterator[tuple[Mark, Any]]:
    """Yield the marks of a tree, each with what stands in its place in another one."""
    if isinstance(form, Mark):
        yield form, x
        return
    parts = parts_of(form)
    if parts is None:
        return
    own = parts_of(x)
    if own is None or parts.keys() != own.keys() or isinstance(form, list) != isinstance(x, list):
        raise _other_structure()
    for name, part in parts.items():
        yield from up_to_marks(part, own[name])


def list_of(x: Any, kind: Type) -> Any:
    """Return a known list as a list of unknown length of items of a type."""
    w = writer()
    if not isinstance(kind, ListOf) or not isinstance(x, list) or (isinstance(x, GrowingList) and x.dynamic is not None):
        return seed(x, kind, "vjp: a cotangent")
    items = [list_of(item, kind.item) for item in (x.known_items if isinstance(x, GrowingList) else x)]
    return w.listed(items) if items else w.empty_list(kind.item)


class Pushforward(Linear):
    """The linear map that `linearize` gives: takes tangents."""

    def __init__(self, made: Inner, chosen: Chosen, *, has_aux: bool) -> None:
        super().__init__(made, chosen, "linearize", {})
        self.has_aux = has_aux
        outputs = inlined(made.function, made.atoms)
        made.write(outputs)
        self.value = made.tree.rebuild(outputs[: made.results])
        self.kept["atoms"] = tuple(_symbol(atom) for atom in made.atoms)
        self.program, self.active_results = forward.jvp(made.function, self.active)

    def push(self, *tangents: Any) -> Any:
        """Write the tangent of the result for tangents of the arguments."""
        seeds = self.seeds(tangents)
        w, made = writer(), self.made
        outputs = inlined(self.program, [*map(w.atom, self.kept["atoms"]), *seeds])
        found = iter(outputs[len(made.function.results) :])
        dots = [next(found) if on else None for on in self.active_results]
        values = outputs[: made.results]
        dot = made.tree.rebuild([
            number_like(v, zeros(v) if t is None else t) for v, t in zip(values, dots, strict=False)
        ])  # fmt: skip
        return dot[0] if self.has_aux else dot

    def seeds(self, tangents: Sequence[Any]) -> list[Any]:
        """Return the program's tangents."""
        given = [flatten(t) for t in tangents]
        if len(given) != len(self.trees) or any(a.key != b.key for a, b in zip(given, self.trees, strict=True)):
            raise StructureError(
                "linearize: a tangent does not have the structure of its argument", remedy="give one tangent like each argument"
            )
        own = [p for p, on in zip(self.made.function.params, self.active, strict=True) if on]
        leaves = [leaf for tree in given for leaf in tree.leaves]
        found = {k: leaf for leaf, k in zip(leaves, self.places, strict=True) if k is not None}
        return [seed(found[k], p.type, "linearize: a tangent") for k, p in enumerate(own)]


def _symbol(atom: Any) -> Any:
    return writer().symbol(atom) if isinstance(atom, Value) else atom


def _spread(trees: Sequence[Tree], leaves: Sequence[Any]) -> Iterator[Any]:
    """Yield the trees put together of leaves, one after the other."""
    first = 0
    for tree in trees:
        yield tree.rebuild(list(leaves[first : first + len(tree.leaves)]))
        first += len(tree.leaves)


def _zero_tree(x: Any) -> Any:
    tree = flatten(x)
    return tree.rebuild([zeros(leaf) for leaf in tree.leaves])


def _vjp(f: Any, *primals: Any, has_aux: bool = False) -> Any:
    primals = floated(primals, range(len(primals)))
    back = Pullback(inner(f, primals, {}), Chosen(primals, range(len(primals)), "vjp"), has_aux=has_aux)
    return (back.value[0], back, back.value[1]) if has_aux else (back.value, back)


def _linearize(f: Any, *primals: Any, has_aux: bool = False) -> Any:
    primals = floated(primals, range(len(primals)))
    push = Pushforward(inner(f, primals, {}), Chosen(primals, range(len(primals)), "linearize"), has_aux=has_aux)
    return (push.value[0], push, push.value[1]) if has_aux else (push.value, push)


for _kind, _run in ((Pullback, Pullback.pull), (Pushforward, Pushforward.push)):
    calls.CALLED[_kind] = lambda g, args, kwargs, run=_run: run(g, *args, **kwargs)
    closures.KINDS[_kind] = (lambda g: g.kind, lambda g: g.kept, Linear.with_kept)
calls.REPLACED[vjp] = _vjp
calls.REPLACED[linearize] = _linearize
