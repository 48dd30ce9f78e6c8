"""A user's function as a function of a flat list of numbers and arrays, and its two derivatives in the same form.

Since the derivative of a `Program` is a `Program`, checks of any order are the same few lines.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import optree

from adjoint._api import evaluate, tree
from adjoint._rules import kinds
from adjoint._trace.routes import any_traced, instrumented
from adjoint.errors import InputError, OutputError

Leaves = list[Any]


@dataclass(frozen=True)
class Program:
    """A function of floating numbers and arrays, and the point where it is looked at.

    Attributes
    ----------
    run
        Takes and returns a list of numbers and arrays; never changes its arguments.
    inputs
        The point.
    names
        What the inputs are called in errors.
    """

    run: Callable[[Leaves], Leaves]
    inputs: Leaves
    names: list[str]

    def value(self) -> Leaves:
        """Return the results at the point."""
        return self.run(self.inputs)

    def at(self, inputs: Leaves) -> Program:
        """Return the same function at another point."""
        return Program(self.run, inputs, self.names)

    def forward(self, tangents: Leaves) -> tuple[Leaves, Leaves]:
        """Return the results and their tangents."""
        return pushforward(self.run, self.inputs, tangents)

    def reverse(self, cotangents: Leaves) -> tuple[Leaves, Leaves]:
        """Return the results and the cotangents of the inputs."""
        return pullback(self.run, self.inputs, cotangents)

    def tangent(self, tangents: Leaves) -> Program:
        """Return the derivative along a direction, a function of point and direction."""
        n = len(self.inputs)
        names = [f"the tangent of {name}" for name in self.names]
        return Program(
            lambda both: pushforward(self.run, both[:n], both[n:])[1], [*self.inputs, *tangents], [*self.names, *names]
        )

    def cotangent(self, cotangents: Leaves) -> Program:
        """Return the pulled back cotangents, a function of point and cotangents of the results."""
        n = len(self.inputs)
        names = [f"the cotangent of result {k}" for k in range(len(cotangents))]
        return Program(
            lambda both: pullback(self.run, both[:n], both[n:])[1], [*self.inputs, *cotangents], [*self.names, *names]
        )


def pushforward(run: Callable[[Leaves], Leaves], inputs: Leaves, tangents: Leaves) -> tuple[Leaves, Leaves]:
    """Return results and their tangents by forward mode."""
    y, y_dot, _ = evaluate.pushforward(run, (list(inputs),), {}, {0: own(tangents)}, has_aux=False, name="check")
    return y, y_dot


def pullback(run: Callable[[Leaves], Leaves], inputs: Leaves, cotangents: Leaves) -> tuple[Leaves, Leaves]:
    """Return results and the cotangents of the inputs by reverse mode."""
    y, _, pull, _ = evaluate.record(run, (list(inputs),), {}, (0,), has_aux=False, name="check")
    return y, pull.sweep(own(cotangents))[0]


def program_of(f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Program:
    """Return a user's function as a function of the floating and complex leaves of its arguments; all else is held fixed."""
    leaves, structure = tree.flatten(args)
    active = [k for k, leaf in enumerate(leaves) if is_inexact(leaf)]
    if not active:
        raise InputError(
            "check: no argument is a floating or complex number or array",
            why="integers, booleans and other objects are held fixed",
            remedy="pass floats: 3.0 in place of 3, x.astype(float) in place of x",
        )

    def run(values: Leaves) -> Leaves:
        inputs = own(leaves)
        for k, value in zip(active, own(values), strict=True):
            inputs[k] = value
        function = instrumented(f) if any_traced(values) else f
        return inexact_results(function(*tree.unflatten(structure, inputs), **kwargs))

    names = names_of(args)
    return Program(run, [leaves[k] for k in active], [names[k] for k in active])


def inexact_results(y: Any) -> Leaves:
    """Return the floating and complex leaves of a result."""
    leaves, _ = evaluate.results_of(y, "check")
    found = [leaf for leaf in leaves if kinds.dtype_of(leaf).kind in "fc"]
    if not found:
        raise OutputError(
            "check: the function returned no floating or complex number or array", remedy="return what is to be differentiated"
        )
    return found


def names_of(args: tuple[Any, ...]) -> list[str]:
    """Return what to call each leaf of the arguments: its argument, and its path in it."""
    names = []
    for k, arg in enumerate(args):
        _, structure = tree.flatten(arg)
        if structure is tree.LEAF:
            names.append(f"argument {k}")
        else:
            paths = optree.tree_accessors(arg, namespace=tree.NAMESPACE)
            names += [f"argument {k} at {path.codify('')}" if len(path) else f"argument {k}" for path in paths]
    return names


def is_inexact(leaf: Any) -> bool:
    """Tell whether a leaf is a floating or complex number or array."""
    dtype = getattr(leaf, "dtype", None)
    return isinstance(leaf, (float, complex)) if dtype is None else getattr(dtype, "kind", "") in "fc"


def own(leaves: Leaves) -> Leaves:
    """Return the leaves with arrays copied, so that a function may overwrite them."""
    return [np.copy(leaf) if len(kinds.shape_of(leaf)) or isinstance(leaf, np.ndarray) else leaf for leaf in leaves]


# Vectors ---------------------------------------------------------------------------------------------------------------------


def shift(inputs: Leaves, h: complex, direction: Leaves) -> Leaves:
    """Return ``inputs + h * direction`` in double precision, floats as floats."""
    return [_number(x, wide(x) + h * wide(t)) for x, t in zip(inputs, direction, strict=True)]


def _number(x: Any, y: Any) -> Any:
    number: Any = complex if isinstance(y, complex) else float
    return number(y) if type(x) in (float, complex) else y


def wide(x: Any) -> Any:
    """Return a number or array in double precision."""
    dtype = np.promote_types(kinds.dtype_of(x), np.float64)
    return np.asarray(x, dtype)[()]


def random_like(leaves: Leaves, rng: np.random.Generator) -> Leaves:
    """Return normal numbers of the form of the leaves."""
    return [cast(_normal(leaf, rng), leaf) for leaf in leaves]


def direction_at(inputs: Leaves, rng: np.random.Generator) -> Leaves:
    """Return a random direction, of each input on the scale of its numbers."""
    return [cast(_normal(x, rng) * _scale(x), x) for x in inputs]


def _normal(leaf: Any, rng: np.random.Generator) -> Any:
    shape = kinds.shape_of(leaf)
    y = rng.standard_normal(shape)
    return y + 1j * rng.standard_normal(shape) if kinds.dtype_of(leaf).kind == "c" else y


def _scale(x: Any) -> float:
    largest = float(np.max(abs(np.asarray(x)), initial=0.0))
    return largest if 0 < largest < 1 else 1.0


def cast(value: Any, leaf: Any) -> Any:
    """Return a value in the dtype of a leaf, a number if the leaf is one."""
    if isinstance(leaf, np.ndarray):
        return np.asarray(value, leaf.dtype)
    number: Any = type(leaf)
    return number(value) if isinstance(leaf, (float, complex, np.generic)) else value


def vector(leaves: Leaves) -> np.ndarray:
    """Return all numbers of a list of leaves as one vector."""
    return np.concatenate([np.reshape(wide(leaf), -1) for leaf in leaves]) if leaves else np.zeros(0)


def dot(a: Leaves, b: Leaves) -> float:
    """Return the real inner product ``Re(sum(conj(a) * b))``."""
    return float(np.real(np.vdot(vector(a), vector(b))))
