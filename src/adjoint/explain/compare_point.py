"""A function and a point as a function of one real vector, which every method of `compare` then differentiates."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from adjoint._api import evaluate, tree
from adjoint._api.grad import grad
from adjoint._api.jacobian import jacfwd, jacrev
from adjoint._rules import kinds
from adjoint.errors import InputError, OutputError

Vector = np.ndarray
Matrix = np.ndarray


@dataclass
class Point:
    """The function ``x -> y`` between real vectors that a user's function is of the numbers in its arguments.

    Attributes
    ----------
    f, args, kwargs
        The function and its call.
    argnums
        Positions of the arguments that are differentiated: those that hold a floating number or array.
    x, y
        All differentiated numbers of the arguments, and all floating numbers of the result, one after the other.
    runs
        How often the function was evaluated by `value`.
    """

    f: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    argnums: tuple[int, ...] = ()
    runs: int = 0
    x: Vector = field(init=False)
    y: Vector = field(init=False)
    _only_floats: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self.argnums = tuple(k for k, arg in enumerate(self.args) if any(map(_is_real, tree.flatten(arg)[0])))
        _refuse_complex(self.args)
        if not self.argnums:
            raise InputError(
                "compare: no argument is a floating number or array",
                why="integers, booleans and other objects are held fixed",
                remedy="pass floats: 3.0 in place of 3, x.astype(float) in place of x",
            )
        self.x = np.concatenate([np.reshape(leaf, -1) for leaf in self.leaves()]).astype(float)
        if not self.x.size:
            raise InputError("compare: the arguments hold arrays of size 0 only", remedy="pass a point with numbers in it")
        self._only_floats = all(type(arg) is float for k, arg in enumerate(self.args) if k in self.argnums)
        self.y = self.value(self.x)
        if not self.y.size:
            raise OutputError("compare: the result has no numbers in it", remedy="pass a point where it has some")

    @property
    def size(self) -> tuple[int, int]:
        """Number of results and of inputs."""
        return self.y.size, self.x.size

    @property
    def eps(self) -> float:
        """Rounding unit of the least precise input."""
        return max(float(np.finfo(kinds.dtype_of(leaf)).eps) for leaf in self.leaves())

    def leaves(self) -> list[Any]:
        """Return the numbers and arrays that are differentiated."""
        active = [evaluate.leaves_of(self.args[k], f"argument {k}")[1] for k in self.argnums]
        return [leaf for leaves in active for leaf in leaves if leaf is not None]

    def filled(self, numbers: Sequence[Any] | np.ndarray) -> tuple[Any, ...]:
        """Return the arguments with these numbers, which may be of any kind, in place of those of the point."""
        if self._only_floats:  # in no time, so that methods which call the function often are not charged for ours
            args = list(self.args)
            for k, number in zip(self.argnums, numbers.tolist() if isinstance(numbers, np.ndarray) else numbers, strict=True):
                args[k] = number
            return tuple(args)
        args, start = list(tree.tree_map(_own, self.args)), 0
        for k in self.argnums:
            leaves, structure = tree.flatten(args[k])
            active = evaluate.leaves_of(self.args[k], f"argument {k}")[1]
            for i, leaf in enumerate(active):
                if leaf is not None:
                    stop = start + int(np.size(leaf))
                    leaves[i] = _like(leaf, numbers[start:stop])
                    start = stop
            args[k] = tree.unflatten(structure, leaves)
        return tuple(args)

    def value(self, x: Vector) -> Vector:
        """Evaluate the function once; nan where it is not defined."""
        self.runs += 1
        try:
            with np.errstate(all="ignore"):
                return results(self.f(*self.filled(x), **self.kwargs))
        except (ArithmeticError, ValueError, LookupError):
            if not hasattr(self, "y"):
                raise
            return np.full(self.y.shape, np.nan)

    def call(self) -> Callable[[], Any]:
        """Return the call of the function that the user makes, to be timed; arrays are copied if it writes to them."""
        args = self.filled(self.x)
        before = [np.copy(leaf) for leaf in tree.flatten(args)[0] if isinstance(leaf, np.ndarray)]
        self.f(*args, **self.kwargs)
        after = [leaf for leaf in tree.flatten(args)[0] if isinstance(leaf, np.ndarray)]
        if all(a.tobytes() == b.tobytes() for a, b in zip(before, after, strict=True)):
            return lambda: self.f(*args, **self.kwargs)
        return lambda: self.f(*self.filled(self.x), **self.kwargs)

    def names(self) -> list[str]:
        """Return a name for each input: that of the parameter, numbered in arrays and trees."""
        parameters = _parameters(self.f)
        names: list[str] = []
        for k in self.argnums:
            count = sum(int(np.size(leaf)) for leaf in self._active(k, evaluate.leaves_of(self.args[k], "")[0]))
            name = parameters[k] if k < len(parameters) else f"x{k}"
            bare = isinstance(self.args[k], (float, np.floating))
            names += [name] if bare else [f"{name}_{i}" for i in range(count)]
        return names if len(set(names)) == len(names) else [f"x{i}" for i in range(len(names))]

    def column(self, k: int) -> Vector:
        """Return column ``k`` of the Jacobian by one pass of forward mode."""
        seeds = iter(_cut(np.eye(1, self.x.size, k)[0], self.leaves()))
        args = self.filled(self.x)
        tangents = {}
        for position in self.argnums:
            active = evaluate.leaves_of(args[position], f"argument {position}")[1]
            tangents[position] = [None if leaf is None else next(seeds) for leaf in active]
        _, y_dot, _ = evaluate.pushforward(self.f, args, self.kwargs, tangents, has_aux=False, name="compare")
        return results(y_dot)

    def row(self, k: int) -> Vector:
        """Return row ``k`` of the Jacobian by one pass of reverse mode."""
        args = self.filled(self.x)
        y, _, pull, _ = evaluate.record(self.f, args, self.kwargs, self.argnums, has_aux=False, name="compare")
        gradients = pull.sweep(_cut(np.eye(1, self.y.size, k)[0], y))
        leaves = [leaf for k, g in zip(self.argnums, gradients, strict=True) for leaf in self._active(k, tree.flatten(g)[0])]
        return results(leaves)

    def derivative(self, mode: str) -> Callable[[], Any]:
        """Return the call of `jacfwd`, `jacrev` or, of a number, `grad`, that gives all derivatives, to be timed."""
        args = self.filled(self.x)
        operator = jacfwd if mode == "forward" else grad if isinstance(self.f(*args, **self.kwargs), float) else jacrev
        derivative, args = operator(self.f, self.argnums), self.filled(self.x)
        return lambda: derivative(*args, **self.kwargs)

    def jacobian(self, mode: str) -> Matrix:
        """Return the whole Jacobian, by ``"forward"`` or ``"reverse"`` mode."""
        operator = jacfwd if mode == "forward" else jacrev
        J = operator(self.f, self.argnums)(*self.filled(self.x), **self.kwargs)
        every = [(k, i) for k in self.argnums for i in range(len(tree.flatten(self.args[k])[0]))]
        used = {(k, i) for k in self.argnums for i in self._active(k, range(len(every)))}
        blocks = tree.flatten(J)[0]
        rows = [blocks[i : i + len(every)] for i in range(0, len(blocks), len(every))]
        rows = [[block for place, block in zip(every, row, strict=True) if place in used] for row in rows]
        sizes = [int(np.size(leaf)) for leaf in self.leaves()]
        return np.concatenate(
            [np.concatenate([np.reshape(b, (-1, n)) for b, n in zip(row, sizes, strict=True) if n], axis=1) for row in rows]
        )

    def _active(self, position: int, leaves: Sequence[Any]) -> list[Any]:
        """Return those of the leaves of an argument that are differentiated."""
        active = evaluate.leaves_of(self.args[position], f"argument {position}")[1]
        return [leaf for leaf, x in zip(leaves, active, strict=False) if x is not None]


def results(y: Any) -> Vector:
    """Return all floating numbers of a result as one vector."""
    if type(y) is float:
        return np.array([y])
    leaves = tree.flatten(y)[0]
    wrong = [leaf for leaf in leaves if not _is_real(leaf)]
    if wrong or not leaves:
        found = f"{type(wrong[0]).__name__} ({wrong[0]!r:.40})" if wrong else "nothing"
        raise OutputError(
            f"compare: the result is, or holds, {found}",
            why="methods are compared on real floating numbers",
            remedy="return floats or real arrays, for example real and imaginary part",
        )
    return np.concatenate([np.reshape(leaf, -1) for leaf in leaves]).astype(float)


def _cut(vector: Vector, like: Sequence[Any]) -> list[Any]:
    """Cut a vector into pieces of the forms of some leaves."""
    ends = np.cumsum([int(np.size(leaf)) for leaf in like]).tolist()
    return [_like(leaf, vector[end - int(np.size(leaf)) : end]) for end, leaf in zip(ends, like, strict=True)]


def _parameters(f: Any) -> list[str]:
    """Return the names of a function's positional parameters, as far as it tells."""
    try:
        kinds_of = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        return []
    return [p.name for p in kinds_of if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def _is_real(leaf: Any) -> bool:
    return isinstance(leaf, float) or getattr(getattr(leaf, "dtype", None), "kind", "") == "f"


def _refuse_complex(args: tuple[Any, ...]) -> None:
    for leaf in tree.flatten(args)[0]:
        if isinstance(leaf, complex) or getattr(getattr(leaf, "dtype", None), "kind", "") == "c":
            raise InputError("compare: a complex argument", remedy="take real and imaginary part as two arguments")


def _own(leaf: Any) -> Any:
    return leaf.copy() if isinstance(leaf, np.ndarray) else leaf


def _like(leaf: Any, numbers: Any) -> Any:
    """Return numbers in the form of a leaf: floats in its own dtype, numbers of another kind as objects."""
    shape = np.shape(leaf)
    if isinstance(numbers, np.ndarray) and numbers.dtype.kind == "f":
        if not shape:
            return type(leaf)(numbers[0]) if isinstance(leaf, (float, np.floating)) else np.asarray(numbers[0], leaf.dtype)
        return np.reshape(numbers, shape).astype(leaf.dtype)
    if not shape and not isinstance(leaf, np.ndarray):
        return numbers[0]
    array = np.empty(len(numbers), object)
    array[:] = numbers
    return np.reshape(array, shape)
