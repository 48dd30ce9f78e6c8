"""Jacobians inside a translated function: by columns or by rows, many at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint._api.directions import along_all, has_effects
from adjoint._api.function import Derivative
from adjoint._api.hessian import _hessian
from adjoint._api.jacobian import _jacfwd, _jacobian, _jacrev
from adjoint._api.lowering import Inner, floated, inlined, inner, lowers, number_like, positions_of
from adjoint._frontend.state import UnstableError
from adjoint._frontend.trees import Tree, flatten
from adjoint._ir.nodes import Block, Function, Undefined, Value, atom_type
from adjoint._ir.symbol import Symbol, writer
from adjoint._ir.types import Tensor
from adjoint._rules.extents import made as created
from adjoint._transform import forward, reverse
from adjoint._transform.simplify import simplify
from adjoint.errors import InputError, OutputError


@lowers(_jacobian)
def jacobian(
    f: Any,
    args: Any,
    kwargs: Any,
    *,
    argnums: Any = 0,
    mode: str = "auto",
    has_aux: bool = False,
    holomorphic: bool = False,
    sparse: bool = False,
    pattern: Any = None,  # noqa: ARG001 - of sparse Jacobians, which are refused
    name: str = "jacobian",
) -> Any:
    """Write the program of a Jacobian, by columns or by rows."""
    if sparse:
        raise InputError(
            f"{name}: a sparse Jacobian within a translated function",
            why="its pattern is found from a run of the function, and programs have no sparse arrays",
            remedy="call it outside: jacobian(jit(f), sparse=True) or jit(jacobian(f, sparse=True)) run f as a program",
        )
    positions = positions_of(args, argnums, name)
    args = floated(args, positions)
    trees = [flatten(args[k]) for k in positions]
    _expect_real([x for tree in trees for x in tree.leaves], name, holomorphic=holomorphic)
    made = inner(f, args, kwargs)
    # Results may be one value; the symbols that stand for them here tell them apart.
    symbols = [Symbol(Value(atom_type(result))) for result in made.function.results[: made.results]]
    whole = made.tree.rebuild(symbols)
    results = flatten(whole[0] if has_aux else whole)
    _expect_real(results.leaves, name, holomorphic=holomorphic)
    numbers = all(not _rank(leaf) for tree in trees for leaf in tree.leaves)
    auto = any(map(_rank, results.leaves)) and (numbers or len(positions) == 1)
    columns = mode == "forward" or (mode == "auto" and auto)
    # Random numbers are drawn on the way there, once: columns would draw them again for each chunk.
    kind = _Columns if columns and not has_effects(made.function) else _Rows
    places = [next(k for k, symbol in enumerate(symbols) if symbol is leaf) for leaf in results.leaves]
    blocks = kind(made, trees, places, name, holomorphic=holomorphic)
    rows = []
    for i in places:
        parts = [tree.rebuild([blocks.block(i, x) for x in tree.leaves]) for tree in trees]
        rows.append(parts[0] if isinstance(argnums, (int, np.integer)) else tuple(parts))
    made.write(blocks.values)
    result = results.rebuild(rows)
    return (result, made.tree.rebuild(blocks.values[: made.results])[1]) if has_aux else result


def _expect_real(leaves: Sequence[Any], name: str, *, holomorphic: bool) -> None:
    """Raise if a leaf is no number and no array, or complex, unless the function is holomorphic."""
    if any(isinstance(leaf, Symbol) and not isinstance(leaf.type, Tensor) for leaf in leaves):
        raise UnstableError(f"{name}: a list of unknown length is the result", remedy="return an array: np.array(items)")
    if not holomorphic and any(isinstance(leaf, Symbol) and leaf.dtype.kind == "c" for leaf in leaves):
        raise OutputError(
            f"{name}: a complex argument or result", remedy="pass holomorphic=True if the function is holomorphic"
        )


def _rank(leaf: Any) -> int:
    return leaf.ndim if isinstance(leaf, Symbol) else 0


class _Blocks:
    """The derivatives of each result by each input."""

    values: list[Any]

    def __init__(self, made: Inner, trees: Sequence[Tree], outputs: Sequence[int], name: str, *, holomorphic: bool) -> None:
        self.made, self.outputs, self.name, self.holomorphic = made, outputs, name, holomorphic
        self.inputs = [k for tree in trees for leaf in tree.leaves if (k := self.place(leaf)) is not None]
        self.known: dict[int, list[Any]] = {}
        self.prepare()

    def prepare(self) -> None:
        """Write the function itself."""
        self.values = inlined(self.made.function, self.made.atoms)

    def place(self, leaf: Any) -> int | None:
        """Return the parameter that stands for an input, None if that has no derivatives."""
        found = [k for k, x in enumerate(self.made.leaves) if x is leaf]
        if len(found) > 1:
            raise InputError(f"{self.name}: one array is given to the function twice", remedy="pass a copy of it")
        return found[0] if found and self.made.function.params[found[0]].type.differentiable else None

    def block(self, i: int, leaf: Any) -> Any:
        """Return the derivatives of one result by one input: the axes of the result, then those of the input."""
        k, y = self.place(leaf), self.values[i]
        whole = None if k is None or not atom_type(writer().atom(y)).differentiable else self.whole(i, k)
        if whole is None:
            shape = (*_shape(y), *_shape(leaf))
            return created(np.zeros, shape) if shape else 0.0
        return self.placed(whole, y, leaf) if _rank(y) or _rank(leaf) else number_like(y, whole)

    def whole(self, i: int, k: int) -> Any:
        """Return the derivatives along all directions, their axis in front; None if they are zero."""
        raise NotImplementedError

    def placed(self, whole: Any, y: Any, leaf: Any) -> Any:
        """Return them with the axes where they belong."""
        raise NotImplementedError


def _shape(x: Any) -> tuple[Any, ...]:
    return x.shape if _rank(x) else ()


class _Columns(_Blocks):
    """By pushing directions forward."""

    def whole(self, i: int, k: int) -> Any:
        if k not in self.known:
            self.known[k] = self.pushed(k)
        return self.known[k][i]

    def pushed(self, k: int) -> list[Any]:
        """Return the derivatives of all results by one input."""
        function = self.made.function
        program, active = forward.jvp(function, [j == k for j in range(len(function.params))])
        count, own = len(function.results), active[: self.made.results]
        tangents = _with_results(program, program.results[count : count + sum(own)])
        leaf, atoms = self.made.leaves[k], self.made.atoms
        stacks = iter(along_all(simplify(tangents), [*atoms, None], len(atoms), _form(leaf), "columns"))
        return [next(stacks) if a else None for a in own]

    def placed(self, whole: Any, y: Any, leaf: Any) -> Any:
        if _rank(leaf) and _rank(y):
            whole = np.transpose(whole) if _rank(y) == 1 else np.moveaxis(whole, 0, -1)
        return np.reshape(whole, (*_shape(y), *_shape(leaf))) if _rank(leaf) > 1 else whole


class _Rows(_Blocks):
    """By pulling directions back."""

    def prepare(self) -> None:
        """Write the way there, and keep what the way back needs."""
        function, count = self.made.function, len(self.made.function.results)
        self.wanted = [k in self.outputs and atom_type(r).differentiable for k, r in enumerate(function.results)]
        self.split = reverse.vjp(function, [k in self.inputs for k in range(len(function.params))], self.wanted)
        outputs = inlined(self.split.forward, self.made.atoms)
        self.values = outputs[:count]
        self.residuals = [writer().atom(x) for x in outputs[count:]]

    def whole(self, i: int, k: int) -> Any:
        if i not in self.known:
            self.known[i] = self.pulled(i)
        return self.known[i][sorted(set(self.inputs)).index(k)]

    def pulled(self, i: int) -> list[Any]:
        """Return the derivatives of one result by all inputs."""
        backward, seeds = self.split.backward, [k for k, on in enumerate(self.wanted) if on]
        finite = [k >= len(self.residuals) for k in range(len(backward.params))]
        zeros = [writer().atom(_zeros(self.values[k])) for k in seeds]
        place = len(self.residuals) + seeds.index(i)
        found = along_all(simplify(backward, finite), [*self.residuals, *zeros], place, _form(self.values[i]), "rows")
        return [x if x is None or not self.holomorphic else np.conj(x) for x in found]

    def placed(self, whole: Any, y: Any, leaf: Any) -> Any:
        return np.reshape(whole, (*_shape(y), *_shape(leaf))) if _rank(y) > 1 else whole


def _form(x: Any) -> Any:
    """Return what tells shape and dtype of a value."""
    return x if isinstance(x, Symbol) else np.asarray(x)


def _zeros(x: Any) -> Any:
    """Return the zero cotangent of a result."""
    if isinstance(x, Symbol) and isinstance(x.type, Tensor):
        return np.zeros_like(x) if x.type.rank else (0.0 if x.type.dtype.kind == "f" else 0j)
    return 0.0 if not isinstance(x, Undefined) else x


def _with_results(program: Function, results: Sequence[Any]) -> Function:
    """Return a program that gives other results."""
    body = Block(program.body.params, program.body.ops, list(results))
    return Function(program.name, body, program.line, program.doc)


@lowers(_jacfwd)
def jacfwd(f: Any, args: Any, kwargs: Any, **options: Any) -> Any:
    """Write the program of a Jacobian by columns."""
    return jacobian(f, args, kwargs, mode="forward", **{"name": "jacfwd", **options})


@lowers(_jacrev)
def jacrev(f: Any, args: Any, kwargs: Any, **options: Any) -> Any:
    """Write the program of a Jacobian by rows."""
    return jacobian(f, args, kwargs, mode="reverse", **{"name": "jacrev", **options})


@lowers(_hessian)
def hessian(f: Any, args: Any, kwargs: Any, **options: Any) -> Any:
    """Write the program of a Hessian: forward over reverse."""
    rows = Derivative(_jacobian, f, {"mode": "reverse", "name": "hessian", **options})
    return jacobian(rows, args, kwargs, mode="forward", **{"name": "hessian", **options})
